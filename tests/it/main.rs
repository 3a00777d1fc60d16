//! The one integration binary.

mod oracles {
    pub mod analytic;
}
mod theory;
