//! A sweep for people and for other programs: table, CSV, charts, page; and the folder it grows in.

mod store;
mod table;

pub use store::{Manifest, Store, part};
pub use table::table;

use super::flat;
use crate::outcome::Sweep;

/// One row a point.
pub fn csv(sweep: &Sweep) -> String {
    flat::csv(&sweep.points)
}
