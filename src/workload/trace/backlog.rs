//! Rows of a file that had to be read whole: sorted by arrival, or turned from columns of minutes.

use super::row::{Arrivals, Row};
use crate::time::Instant;

/// Rows that wait in memory, in order of arrival.
pub(super) enum Backlog {
    Sorted(std::vec::IntoIter<Row>),
    Turned(Turned),
}

/// A table of counts, a function a row and a minute a column, as its cells that are not zero.
#[derive(Debug, Default)]
pub(super) struct Turned {
    /// What the requests of each function share.
    pub(super) functions: Vec<Row>,
    /// The cells; in order of minute once reading is over.
    pub(super) cells: Vec<Cell>,
    /// How many minutes there are.
    pub(super) minutes: u32,
    next: usize,
    minute: u32,
}

/// The invocations of a function in a minute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) minute: u32,
    pub(super) function: u32,
    pub(super) count: u32,
}

impl Backlog {
    pub(super) fn sorted(rows: Vec<Row>) -> Self {
        Self::Sorted(rows.into_iter())
    }

    pub(super) fn turned(mut table: Turned) -> Self {
        table.cells.sort_by_key(|cell| cell.minute);
        Self::Turned(table)
    }

    pub(super) fn next(&mut self, row: &mut Row) -> bool {
        match self {
            Self::Sorted(rows) => rows.next().map(|next| *row = next).is_some(),
            Self::Turned(table) => table.next(row),
        }
    }
}

const MINUTE_NS: u64 = 60_000_000_000;

impl Turned {
    /// The next cell; a minute in which nothing happened is a row of none, lest it seem missing.
    fn next(&mut self, row: &mut Row) -> bool {
        match self.cells.get(self.next) {
            Some(cell) if cell.minute <= self.minute => {
                *row = self.functions[cell.function as usize];
                row.arrivals = Arrivals::Exactly(u64::from(cell.count));
                row.at = Instant(u64::from(cell.minute) * MINUTE_NS);
                self.next += 1;
                // The minute is done when its last cell is.
                if self.cells.get(self.next).is_none_or(|after| after.minute > cell.minute) {
                    self.minute = cell.minute + 1;
                }
                true
            }
            _ if self.minute < self.minutes => {
                *row = Row { arrivals: Arrivals::Exactly(0), ..Row::default() };
                row.at = Instant(u64::from(self.minute) * MINUTE_NS);
                self.minute += 1;
                true
            }
            _ => false,
        }
    }
}
