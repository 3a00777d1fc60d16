//! How many servers: one file a policy.

pub mod azure;
pub mod capacity;
pub mod elasticity;
pub mod fixed;
pub mod guard;
pub mod hpa;
pub mod keda;
pub mod kpa;
pub mod latency;
pub mod max;
pub mod predictive;
pub mod proportional;
pub mod q_learning;
pub mod queue_depth;
pub mod ray_serve;
pub mod schedule;
pub mod square_root;
pub mod step_scaling;
pub mod target_tracking;
pub mod threshold;
pub mod vpa;
pub mod wva;
