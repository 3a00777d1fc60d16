//! A sweep for people and for other programs: table, CSV, charts, page; and the folder it grows in.

mod page;
mod store;
mod table;

pub use page::page;
pub use store::{Manifest, Store, part};
pub(in crate::report) use table::short_names;
pub use table::table;

use super::{flat, markdown as marked};
use crate::outcome::Sweep;

/// One row a point.
pub fn csv(sweep: &Sweep) -> String {
    flat::csv(&sweep.points)
}

/// A sweep for a pull request: what was found, and the best points.
pub fn markdown(sweep: &Sweep) -> String {
    let found: String = sweep.findings.iter().map(|said| format!("- {said}\n")).collect();
    let (header, rows) = table::rows(sweep, 15);
    let advice: String = sweep.advice.iter().map(|said| format!("\n> {said}\n")).collect();
    format!("### {}\n\n{found}\n{}{advice}", sweep.name, marked::table(&header, &rows))
}
