//! How many servers: one file a policy.
//!
//! A policy is a pure decision: a clock, what was observed, and what it remembers go in, a count
//! comes out. Every comparison's strictness and every truncation is the real system's, checked
//! case by case in `tests/it/decisions.rs`. Times are whole nanoseconds since the start.
//!
//! | by what | policies |
//! | --- | --- |
//! | plan | [`fixed`], [`schedule`], [`predictive`] |
//! | formula on load | [`capacity`], [`proportional`], [`square_root`], [`queue_depth`] |
//! | feedback | [`threshold`], [`step_scaling`], [`target_tracking`], [`azure`], [`latency`] |
//! | products | [`hpa`], [`kpa`], [`keda`], [`ray_serve`], [`wva`], [`vpa`] (size, not count) |
//! | learning | [`q_learning`] |
//! | around others | [`max`], [`guard`] |
//!
//! [`elasticity`] measures afterwards how well supply followed demand.

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
