//! The one integration binary.

mod laws;
mod stat_oracles;
mod stats;
mod stats_coverage;
mod stats_fit;
