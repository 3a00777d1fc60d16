//! The one integration binary.

mod oracles {
    pub(crate) mod analytic;
    mod systems;
}
mod theory;
