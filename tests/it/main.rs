//! The one integration binary.

mod arrivals;
mod decisions;
mod engine;
mod forecast;
mod invariants;
mod laws;
mod oracles;
mod stat_oracles;
mod stats;
mod stats_coverage;
mod stats_fit;
mod theory;
mod tidy;
