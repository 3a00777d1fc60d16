//! How many servers: one file a policy.
