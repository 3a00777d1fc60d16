//! The one integration binary.

#![allow(clippy::unwrap_used)] // A test says what went wrong by panicking.

mod arrivals;
mod balancing;
mod coverage;
mod decisions;
mod experiment;
mod forecast;
mod laws;
mod measured;
mod oracles;
mod stat_oracles;
mod stats;
mod stats_coverage;
mod stats_fit;
mod theory;
mod tidy;
mod traces;
