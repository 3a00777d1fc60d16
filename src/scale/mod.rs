//! How many servers: one file a policy.

pub mod hpa;
pub mod keda;
pub mod kpa;
pub mod ray_serve;
