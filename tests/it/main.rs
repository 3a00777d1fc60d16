//! The one integration binary.

mod laws;
mod stats;
mod stats_coverage;
mod tidy;
