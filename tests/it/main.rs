//! The one integration binary.

mod forecast;
