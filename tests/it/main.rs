//! The one integration binary.

mod decisions;
