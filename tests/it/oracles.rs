//! Known answers: what the test oracles say, by model.

pub mod analytic;
pub mod systems;
