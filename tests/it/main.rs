//! The one integration binary.

mod decisions;
mod laws;
mod stat_oracles;
mod stats;
mod stats_coverage;
mod stats_fit;
mod tidy;
mod oracles {
    pub mod analytic;
}
mod theory;
