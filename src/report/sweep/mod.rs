//! A sweep for people and for other programs: table, CSV, charts, page; and the folder it grows in.

mod page;
mod store;
mod table;

pub use page::page;
pub use store::{Manifest, Store, part};
pub(in crate::report) use table::short_names;
pub use table::table;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::{flat, markdown as marked};
use crate::diagnose::Problem;
use crate::outcome::Sweep;

const SWEEP: &str = "sweep.json";

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

/// The sweep in a folder with the command that made it; `None` where there is none.
pub fn read(folder: &Path) -> Result<Option<(Sweep, String)>, Problem> {
    let path = folder.join(SWEEP);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&path, &error.to_string())),
    };
    let sweep = serde_json::from_str(&text).map_err(|e| unreadable(&path, &e.to_string()))?;
    // Without its command a sweep is still one.
    let command = fs::read_to_string(folder.join("command.txt")).unwrap_or_default();
    Ok(Some((sweep, command.trim_end().to_owned())))
}

fn unreadable(path: &Path, why: &str) -> Problem {
    Problem::new(format!("`{}` cannot be read: {why}", path.display()))
        .help("the same `plimsoll sweep … --out DIR` writes it again from the points it kept")
}
