//! The one integration binary.

mod stats;
mod traces;
