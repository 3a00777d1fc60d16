//! The manual pages of the tables of a scenario, which are no parts found by name.

mod failures;
mod fleet;

use serde_json::Value;

/// A table of a scenario, as `plimsoll explain` shows it.
#[derive(Debug)]
pub struct Table {
    /// Its name, as in `[name]`.
    pub name: &'static str,
    /// What it does, when it shines and fails, and where it is from.
    pub manual: &'static str,
    /// The schema of its options; null where they are those of a part.
    pub options: Value,
}

/// All tables that have a page: of the traffic and its fleet, then of failures.
pub fn tables() -> Vec<Table> {
    fleet::tables().into_iter().chain(failures::tables()).collect()
}
