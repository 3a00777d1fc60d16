//! The one integration binary.

mod balancing;
mod stats;
