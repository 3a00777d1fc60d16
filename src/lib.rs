//! Plimsoll: how much load can this fleet safely carry, and what is the cheapest that carries it?

pub mod balance;
pub mod catalogue;
pub mod cli;
pub mod diagnose;
pub mod document;
pub mod engine;
pub mod experiment;
pub mod fleet;
pub mod forecast;
pub mod law;
pub mod model;
pub mod outcome;
pub mod probe;
pub mod registry;
pub mod report;
pub mod rng;
pub mod scale;
pub mod scenario;
pub mod station;
pub mod stats;
pub mod theory;
pub mod time;
pub mod units;
pub mod workload;
