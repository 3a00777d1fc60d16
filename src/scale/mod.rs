//! How many servers: one file a policy.

pub mod azure;
pub mod elasticity;
pub mod hpa;
pub mod keda;
pub mod kpa;
pub mod predictive;
pub mod ray_serve;
pub mod step_scaling;
pub mod target_tracking;
pub mod vpa;
pub mod wva;
