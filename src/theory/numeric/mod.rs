//! The arithmetic under the closed forms: stable sums, roots, transforms and small matrices.

pub(crate) mod chain;
pub(crate) mod complex;
pub(crate) mod fourier;
pub(crate) mod matrix;
pub(crate) mod qbd;
pub(crate) mod quadrature;
pub(crate) mod root;
pub(crate) mod special;
