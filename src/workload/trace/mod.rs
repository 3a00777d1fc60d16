//! Traffic files: one row after another, in order of arrival, whatever the file looks like.
//!
//! A file is opened by [`Trace::open`], which finds out what it is (compression, layout, header,
//! format, columns, units) from its first bytes and refuses what it would have to guess. Rows then
//! come from [`Trace::next`] in memory that does not grow with the file, unless the file must be
//! sorted. [`TraceSource`] makes requests of them. [`Trace::understanding`] says what was read.
//!
//! ```
//! use plimsoll::workload::trace::{Input, Options, Row, Trace};
//!
//! let file = "arrival_ms,service_ms,user\n1000,20,ann\n1250,35,bob\n";
//! let mut trace = Trace::open(&Input::memory("traffic.csv", file), &Options::default())?;
//! let mut row = Row::default();
//! while trace.next(&mut row)? {}
//! assert_eq!(row.at.as_secs_f64(), 0.25);
//! assert!(trace.understanding().advice()[1].contains("2 requests over 250ms"));
//! # Ok::<(), plimsoll::diagnose::Problem>(())
//! ```

mod backlog;
mod bind;
pub mod format;
mod header;
mod input;
mod json;
mod number;
mod options;
mod parse;
mod record;
mod row;
mod shape;
mod source;
mod stamp;
mod survey;
mod understanding;

pub use bind::{Because, Bound};
pub use format::{FORMATS, Format};
pub use header::Role;
pub use input::Input;
pub use options::{Column, Columns, Delimiter, Options, Spread};
pub use row::{Arrivals, Row};
pub use shape::{Shape, Window};
pub use source::{Complete, TraceSource};
pub use understanding::{Skipped, Stamps, Understanding};

use std::collections::VecDeque;

use backlog::Backlog;
use parse::{Parser, Taken};

use crate::diagnose::Problem;
use crate::time::{Duration, Instant};

/// A traffic file that is being read.
pub struct Trace {
    parser: Parser,
    options: Options,
    /// Rows read ahead to learn the interval or the step of the stamps.
    ahead: VecDeque<Row>,
    /// The whole file, where it had to be read before its first row was known.
    backlog: Option<Backlog>,
    /// Time zero, in the parser's own count.
    origin: Option<u64>,
    /// The latest stamp read, in the same count.
    latest: u64,
    interval: Option<Duration>,
    tally: understanding::Tally,
    understanding: Understanding,
}

/// Rows read ahead to learn how long an interval is.
const INTERVALS_AHEAD: usize = 256;
/// Rows read ahead to learn the step of the stamps.
const STAMPS_AHEAD: usize = 4096;

impl Trace {
    /// Opens a traffic file and finds out what it is.
    ///
    /// A file that cannot be understood without guessing (no column is known to be the arrival, two
    /// could be, a number has no unit), or that has no rows, is a problem that says what to do.
    pub fn open(input: &Input, options: &Options) -> Result<Self, Problem> {
        options.check()?;
        let (parser, understanding) = survey::survey(input, options)?;
        let mut trace = Self {
            parser,
            options: options.clone(),
            ahead: VecDeque::new(),
            backlog: None,
            origin: None,
            latest: 0,
            interval: options.interval,
            tally: understanding::Tally::default(),
            understanding,
        };
        if trace.parser.is_turned() {
            trace.turn()?;
        } else if trace.understanding.sorted.is_some() {
            trace.sort()?;
        }
        if !trace.parser.has_intervals() {
            trace.interval = None;
        } else if trace.interval.is_none() {
            trace.learn_interval()?;
        }
        trace.refuse_emptiness()?;
        Ok(trace)
    }

    /// Puts the next row into `row`; `false` at the end of the file.
    ///
    /// A row that cannot be read or is out of order is a problem with its file and line.
    #[inline]
    pub fn next(&mut self, row: &mut Row) -> Result<bool, Problem> {
        let found = match self.ahead.pop_front() {
            Some(ahead) => {
                *row = ahead;
                true
            }
            None => self.pull(row)?,
        };
        if found {
            if let (Arrivals::Mean(mean), Some(interval)) = (&mut row.arrivals, self.interval)
                && self.parser.has_rates()
            {
                *mean *= interval.as_secs_f64();
            }
            self.tally.take(row, self.interval);
        }
        Ok(found)
    }

    /// The time that one row covers, in a file of counts or rates.
    pub fn interval(&self) -> Option<Duration> {
        self.interval
    }

    /// The smallest step between different stamps among the next few thousand rows.
    pub fn step(&mut self) -> Result<Option<Duration>, Problem> {
        self.read_ahead(STAMPS_AHEAD)?;
        Ok(smallest_step(self.ahead.iter()))
    }

    /// How much of the file was read, 0 to 1, where its size is known and rows leave as they come.
    fn share(&self) -> Option<f64> {
        self.parser.share().filter(|_| self.backlog.is_none())
    }

    /// What was understood so far; complete once `next` has returned `false`.
    pub fn understanding(&self) -> Understanding {
        let mut understanding = self.understanding.clone();
        understanding.interval = self.interval;
        understanding.skipped = self.parser.skipped().to_vec();
        understanding.classes = self.parser.classes();
        self.tally.report(&mut understanding);
        understanding
    }

    /// The next row, not yet counted: from the backlog, or from the file with its order checked.
    #[inline]
    fn pull(&mut self, row: &mut Row) -> Result<bool, Problem> {
        if let Some(backlog) = &mut self.backlog {
            return Ok(backlog.next(row));
        }
        loop {
            match self.parser.next(row)? {
                Taken::End => return Ok(false),
                Taken::Skipped => {}
                Taken::Row(stamp) => {
                    let origin = *self.origin.get_or_insert(stamp);
                    let least = match self.interval {
                        Some(interval) if stamp != self.latest && self.latest >= origin => {
                            self.latest.saturating_add(interval.0)
                        }
                        _ => self.latest.max(origin),
                    };
                    if stamp < least {
                        if !self.options.skip_damaged {
                            return Err(self.disorder(stamp));
                        }
                        self.parser.skip("they come before the row above");
                        continue;
                    }
                    self.latest = stamp;
                    row.at = Instant(stamp - origin);
                    return Ok(true);
                }
            }
        }
    }

    /// Reads the whole file and sorts it.
    fn sort(&mut self) -> Result<(), Problem> {
        let (mut rows, mut row) = (Vec::new(), Row::default());
        let (mut latest, mut late) = (0, 0);
        loop {
            match self.parser.next(&mut row)? {
                Taken::End => break,
                Taken::Skipped => {}
                Taken::Row(stamp) => {
                    late += u64::from(stamp < latest);
                    latest = stamp.max(latest);
                    // Stamps until the first is known; times from then on.
                    row.at = Instant(stamp);
                    rows.push(row);
                }
            }
        }
        rows.sort_by_key(|row| row.at);
        let origin = rows.first().map_or(0, |row| row.at.0);
        for row in &mut rows {
            row.at = Instant(row.at.0 - origin);
        }
        if self.parser.has_intervals() {
            self.refuse_overlap(smallest_step(rows.iter()))?;
        }
        self.understanding.out_of_order = late;
        if let Some(first) = self.parser.written_stamp(origin) {
            self.understanding.first_stamp = first;
        }
        self.backlog = Some(Backlog::sorted(rows));
        Ok(())
    }

    /// Reads the whole file and turns its columns of minutes into rows.
    fn turn(&mut self) -> Result<(), Problem> {
        self.backlog = Some(Backlog::turned(self.parser.turn()?));
        self.interval = Some(Duration::from_secs(60));
        Ok(())
    }

    fn read_ahead(&mut self, rows: usize) -> Result<(), Problem> {
        let mut row = Row::default();
        while self.ahead.len() < rows && self.pull(&mut row)? {
            self.ahead.push_back(row);
        }
        Ok(())
    }

    /// Takes the smallest step between sorted rows of counts as their interval, unless the user
    /// says that it is longer.
    fn refuse_overlap(&mut self, step: Option<Duration>) -> Result<(), Problem> {
        self.interval = self.interval.or(step);
        match (step, self.interval) {
            (Some(step), Some(interval)) if step < interval => Err(Problem::new(format!(
                "rows of `{}` are {step} apart, but count {interval} each",
                self.understanding.file
            ))
            .help("say how long an interval is: `--interval …`")),
            _ => Ok(()),
        }
    }

    /// A row of counts covers the time to the next stamp: the smallest step there is, for rows of
    /// empty intervals may be missing.
    fn learn_interval(&mut self) -> Result<(), Problem> {
        self.read_ahead(INTERVALS_AHEAD)?;
        self.interval = smallest_step(self.ahead.iter());
        if self.interval.is_none() && !self.ahead.is_empty() {
            return Err(Problem::new(format!(
                "the rows of `{}` are counts, but their stamps do not show of how long an interval",
                self.understanding.file
            ))
            .help("say it: `--interval 1m`"));
        }
        Ok(())
    }

    fn refuse_emptiness(&mut self) -> Result<(), Problem> {
        self.read_ahead(1)?;
        if !self.ahead.is_empty() {
            return Ok(());
        }
        let problem = Problem::new(format!("`{}` has no requests", self.understanding.file));
        Err(match self.parser.skipped() {
            [first, ..] => problem.help(format!(
                "every row was left out: {} (the first is line {})",
                first.reason, first.first_line
            )),
            [] => problem.help("there is nothing below its header"),
        })
    }

    /// What to say of a row that comes before one already read.
    #[cold]
    fn disorder(&self, stamp: u64) -> Problem {
        if stamp < self.latest {
            let back = Duration(self.latest - stamp);
            return self
                .parser
                .problem(format!("the row is {back} before the one above it"))
                .label("out of order")
                .help("`--sort` reads the whole file and sorts it (`sort = true` in a scenario)");
        }
        let interval = self.interval.unwrap_or(Duration::ZERO);
        let step = Duration(stamp - self.latest);
        self.parser
            .problem(format!("the row is {step} after the one above it, but rows count {interval}"))
            .label("intervals overlap")
            .help("say how long an interval is: `--interval …`")
    }
}

/// The smallest step between the different stamps of rows in order.
fn smallest_step<'a>(rows: impl Iterator<Item = &'a Row> + Clone) -> Option<Duration> {
    let steps = rows.clone().zip(rows.skip(1)).map(|(before, after)| after.at.since(before.at));
    steps.filter(|step| *step > Duration::ZERO).min()
}
