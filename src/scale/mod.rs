//! How many servers: one file a policy.

pub mod hpa;
