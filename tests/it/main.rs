//! The one integration binary.

mod arrivals;
mod decisions;
mod laws;
mod stats;
mod stats_coverage;
mod tidy;
