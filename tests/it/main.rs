//! The one integration binary.

mod stats;
mod stats_coverage;
