//! The one integration binary.

#![allow(clippy::unwrap_used)] // A test says what went wrong by panicking.

mod arrivals;
mod autoscale;
mod balancing;
mod cli;
mod coverage;
mod decisions;
mod engine;
mod experiment;
mod failures;
mod forecast;
mod invariants;
mod laws;
mod manifest;
mod measured;
mod oracles;
mod plan;
mod readme;
mod report;
mod scenarios;
mod stat_oracles;
mod stats;
mod stats_coverage;
mod stats_fit;
mod sweep;
mod theory;
mod tidy;
mod traces;
