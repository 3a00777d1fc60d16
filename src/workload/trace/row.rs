//! One row of a traffic file, as the rest of the simulator sees it.

use crate::time::{Duration, Instant};

/// How many requests a row stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Arrivals {
    /// One, at the row's own time.
    #[default]
    One,
    /// So many, at random places in the interval that begins at the row's time.
    Exactly(u64),
    /// A number of this mean, drawn by a Poisson law, at random places in the interval.
    Mean(f64),
}

/// One row of a traffic file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row {
    /// When it arrives, or when its interval begins; the first row is time zero.
    pub at: Instant,
    /// Its service time.
    pub service: Option<Duration>,
    /// What hash policies look at: the FNV-1a hash of the column's text.
    pub key: Option<u64>,
    /// How many requests it stands for.
    pub arrivals: Arrivals,
    /// Input tokens.
    pub input: Option<u32>,
    /// Output tokens.
    pub output: Option<u32>,
    /// The kind of request, by the order in which the kinds appear in the file.
    pub class: Option<u16>,
    /// Its priority.
    pub priority: Option<i16>,
    /// Whether it failed when it was recorded.
    pub failed: bool,
}
