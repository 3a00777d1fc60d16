//! The one integration binary.

mod stat_oracles;
mod stats;
mod stats_coverage;
mod stats_fit;
