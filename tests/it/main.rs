//! The one integration binary.

mod decisions;
mod laws;
mod oracles;
mod stat_oracles;
mod stats;
mod stats_coverage;
mod stats_fit;
mod oracles {
    pub(crate) mod analytic;
    mod systems;
}
mod theory;
mod tidy;
