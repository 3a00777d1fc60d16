//! From the fields of a record to a row: numbers, stamps, keys, and what is wrong with them.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use indexmap::IndexSet;

use super::backlog::{Cell, Turned};
use super::bind::{Load, Plan, When};
use super::format::{Format, Shape};
use super::input::Reading;
use super::number::{Fault, is_blank, real, whole};
use super::options::Options;
use super::record::Records;
use super::row::{Arrivals, Row};
use super::stamp::{self, Clock};
use super::understanding::Skipped;
use crate::diagnose::Problem;
use crate::rng::Fnv;
use crate::time::Duration;

/// What became of a record.
pub(super) enum Taken {
    /// A row, with its stamp in nanoseconds counted from the least stamp there can be.
    Row(u64),
    /// Nothing: the record was left out, and counted.
    Skipped,
    /// The file is at its end.
    End,
}

/// Reads rows as its plan says.
pub(super) struct Parser {
    records: Records,
    plan: Plan,
    clock: Clock,
    names: Vec<String>,
    format: &'static Format,
    classes: Classes,
    chains: Chains,
    skipped: Vec<Skipped>,
    skip_failed: bool,
    skip_damaged: bool,
    needs_service: bool,
    /// The next field of a record in which every field is a row.
    cell: usize,
    /// How many intervals have gone by, where the file has no stamps.
    steps: u64,
    step: Duration,
}

/// Why rows are left out, where more than one place does it.
pub(super) const NO_TIME: &str = "they have no time";
pub(super) const UNREADABLE: &str = "they cannot be read";

/// What is wrong with a record.
enum Defect {
    /// A cell, by its place and what it was read as.
    Cell(usize, Fault, Wanted),
    /// The number of its fields.
    Width,
}

/// What a cell was read as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Stamp,
    Number,
}

/// The least stamp there can be is zero: differences of stamps then fit an unsigned number.
#[inline]
fn from_least(stamp: i64) -> u64 {
    stamp.cast_unsigned() ^ (1 << 63)
}

impl Parser {
    /// How much of the file was read, 0 to 1, where its size is known.
    pub(super) fn share(&self) -> Option<f64> {
        self.records.reading.as_ref().map(Reading::share)
    }

    pub(super) fn new(
        records: Records,
        plan: Plan,
        clock: Clock,
        names: Vec<String>,
        format: &'static Format,
        skipped: Vec<Skipped>,
        options: &Options,
    ) -> Self {
        Self {
            records,
            plan,
            clock,
            names,
            format,
            classes: Classes::default(),
            chains: Chains::default(),
            skipped,
            skip_failed: options.skip_failed,
            skip_damaged: options.skip_damaged,
            needs_service: options.needs_service,
            cell: 0,
            steps: 0,
            step: options.interval.unwrap_or(Duration::ZERO),
        }
    }

    /// Whether a row stands for the requests of an interval.
    pub(super) fn has_intervals(&self) -> bool {
        self.plan.load != Load::One
    }

    /// Whether the numbers of arrivals are still rates.
    pub(super) fn has_rates(&self) -> bool {
        matches!(self.plan.load, Load::Rate(..))
    }

    /// Whether time runs across the file.
    pub(super) fn is_turned(&self) -> bool {
        matches!(self.plan.load, Load::Minutes(_))
    }

    /// Rows left out so far, by reason.
    pub(super) fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The names of the classes seen so far.
    pub(super) fn classes(&self) -> Vec<String> {
        self.classes.names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }

    /// A problem with the current record as a whole.
    pub(super) fn problem(&self, message: String) -> Problem {
        let place = match self.plan.when {
            When::At(place) | When::Before(place) => self.records.origin(place),
            When::Steps => self.records.origin_of_line(),
        };
        Problem::new(message).at(&place)
    }

    /// Counts the current record as left out.
    pub(super) fn skip(&mut self, reason: &'static str) {
        Skipped::note(&mut self.skipped, reason, self.records.line_number());
    }

    /// A stamp as it would be written in this file.
    pub(super) fn written_stamp(&self, stamp: u64) -> Option<String> {
        let nanos = (stamp ^ (1 << 63)).cast_signed();
        match (&self.clock, self.plan.when) {
            (_, When::Steps) => None,
            (Clock::Number(_), _) => Some(format!("{} s", nanos as f64 / 1e9)),
            (Clock::Date(_) | Clock::Custom(_), _) => Some(stamp::as_date(nanos)),
        }
    }

    /// Reads the next record into `row`, all but its time.
    #[inline]
    pub(super) fn next(&mut self, row: &mut Row) -> Result<Taken, Problem> {
        let taken = if self.plan.load == Load::EveryCell {
            if self.cell >= self.records.width() || self.steps == 0 {
                if !self.records.read()? {
                    return Ok(Taken::End);
                }
                self.cell = 0;
            }
            self.read_cell(row)
        } else {
            if !self.records.read()? {
                return Ok(Taken::End);
            }
            self.read_row(row)
        };
        match taken {
            Ok(taken) => Ok(taken),
            Err(defect) => self.reject(&defect),
        }
    }

    #[inline]
    fn read_row(&mut self, row: &mut Row) -> Result<Taken, Defect> {
        let records = &self.records;
        if records.width() != self.names.len() {
            if self.format.shape != Shape::Log {
                return Err(Defect::Width);
            }
            if records.width() < self.format.names.len() {
                self.skip("they are not lines of requests");
                return Ok(Taken::Skipped);
            }
        }
        *row = Row::default();
        let mut stamp = match self.plan.when {
            When::At(place) | When::Before(place) => match self.clock.read(records.field(place)) {
                Ok(stamp) => stamp,
                Err(Fault::Blank) => {
                    self.skip(NO_TIME);
                    return Ok(Taken::Skipped);
                }
                Err(fault) => return Err(Defect::Cell(place, fault, Wanted::Stamp)),
            },
            When::Steps => self.next_step().ok_or(Defect::Width)?,
        };
        if let Some(reason) = self.read_sizes(row)? {
            self.skip(reason);
            return Ok(Taken::Skipped);
        }
        match self.plan.when {
            When::Before(place) => {
                if let Some(service) = row.service {
                    stamp = i64::try_from(service.0)
                        .ok()
                        .and_then(|service| stamp.checked_sub(service))
                        .ok_or(Defect::Cell(place, Fault::TooLarge, Wanted::Stamp))?;
                } else {
                    self.skip("they have an end but no duration");
                    return Ok(Taken::Skipped);
                }
            }
            When::At(place) if stamp < 0 && matches!(self.clock, Clock::Number(_)) => {
                return Err(Defect::Cell(place, Fault::Negative, Wanted::Stamp));
            }
            When::At(_) | When::Steps => {}
        }
        if let Some((place, _)) = &self.plan.service
            && self.needs_service
            && row.service.is_none()
            && !row.failed
        {
            return Err(Defect::Cell(*place, Fault::Blank, Wanted::Number));
        }
        if row.failed && self.skip_failed {
            self.skip("they had failed when recorded");
            return Ok(Taken::Skipped);
        }
        Ok(Taken::Row(from_least(stamp)))
    }

    /// Everything of a row but its stamp, or why the row is left out.
    #[inline]
    fn read_sizes(&mut self, row: &mut Row) -> Result<Option<&'static str>, Defect> {
        let records = &self.records;
        let plan = &self.plan;
        let defect = |place, fault| Defect::Cell(place, fault, Wanted::Number);
        if let Some((place, scale)) = &plan.service {
            match scale.read(records.field(*place)) {
                Ok(nanos) if nanos >= 0 => row.service = Some(Duration(nanos as u64)),
                Ok(_) if self.format.minus_one_failed => row.failed = true,
                Ok(_) => return Err(defect(*place, Fault::Negative)),
                Err(Fault::Blank) => {}
                Err(fault) => return Err(defect(*place, fault)),
            }
        }
        let count = |place: usize| match whole(records.field(place)) {
            Ok(number) => Ok(Some(number)),
            Err(Fault::Blank) => Ok(None),
            Err(fault) => Err(defect(place, fault)),
        };
        if let Some(place) = plan.input {
            row.input = count(place)?;
        }
        if let Some(place) = plan.output {
            row.output = count(place)?;
            row.failed |= self.format.no_output_failed && row.output == Some(0);
        }
        if let Some(place) = plan.key {
            let cell = records.field(place);
            if !is_blank(cell) {
                row.key = Some(match plan.parent {
                    Some(parent) => self.chains.root(cell, records.field(parent)),
                    None => key(cell),
                });
            }
        }
        if let Some(place) = plan.class {
            row.class = self.classes.of(records.field(place));
        }
        if let Some(place) = plan.priority {
            row.priority = priority(records.field(place)).map_err(|f| defect(place, f))?;
        }
        if let Some(place) = plan.status {
            row.failed |= is_failure(records.field(place));
        }
        let load = match plan.load {
            Load::One | Load::EveryCell | Load::Minutes(_) => return Ok(None),
            Load::Count(place) => real(records.field(place))
                .map(|count| (place, count, exactly(count)))
                .map_err(|fault| (place, fault)),
            Load::Rate(place, factor) => real(records.field(place))
                .map(|rate| (place, rate, Arrivals::Mean(rate * factor)))
                .map_err(|fault| (place, fault)),
        };
        match load {
            Ok((place, number, _)) if number < 0.0 => Err(defect(place, Fault::Negative)),
            Ok((place, number, _)) if number > MOST => Err(defect(place, Fault::TooLarge)),
            Ok((_, _, arrivals)) => {
                row.arrivals = arrivals;
                Ok(None)
            }
            Err((_, Fault::Blank)) => Ok(Some("they have no count")),
            Err((place, fault)) => Err(defect(place, fault)),
        }
    }

    /// The next number of a file in which every number is an interval.
    fn read_cell(&mut self, row: &mut Row) -> Result<Taken, Defect> {
        let place = self.cell;
        self.cell += 1;
        let stamp = self.next_step().ok_or(Defect::Width)?;
        let defect = |fault| Defect::Cell(place, fault, Wanted::Number);
        let count = real(self.records.field(place)).map_err(defect)?;
        if count < 0.0 {
            return Err(defect(Fault::Negative));
        }
        if count > MOST {
            return Err(defect(Fault::TooLarge));
        }
        *row = Row { arrivals: exactly(count), ..Row::default() };
        Ok(Taken::Row(from_least(stamp)))
    }

    /// The start of the next interval; `None` after 292 years.
    fn next_step(&mut self) -> Option<i64> {
        let start = self.step.0.checked_mul(self.steps)?;
        self.steps += 1;
        i64::try_from(start).ok()
    }

    /// Reads the whole of a file in which time runs across.
    pub(super) fn turn(&mut self) -> Result<Turned, Problem> {
        let Load::Minutes(first) = self.plan.load else {
            return Ok(Turned::default());
        };
        let minutes = (self.names.len() - first) as u32;
        let mut table = Turned::default();
        table.minutes = minutes;
        while self.records.read()? {
            match self.read_minutes(first, &mut table) {
                Ok(()) => {}
                Err(defect) => _ = self.reject(&defect)?,
            }
        }
        if table.functions.is_empty() {
            table.minutes = 0;
        }
        Ok(table)
    }

    fn read_minutes(&mut self, first: usize, table: &mut Turned) -> Result<(), Defect> {
        if self.records.width() != self.names.len() {
            return Err(Defect::Width);
        }
        let mut row = Row::default();
        self.read_sizes(&mut row)?;
        let function = table.functions.len() as u32;
        let cells = table.cells.len();
        for minute in 0..table.minutes {
            let place = first + minute as usize;
            match whole(self.records.field(place)) {
                Ok(0) | Err(Fault::Blank) => {}
                Ok(count) => table.cells.push(Cell { minute, function, count }),
                Err(fault) => {
                    table.cells.truncate(cells);
                    return Err(Defect::Cell(place, fault, Wanted::Number));
                }
            }
        }
        table.functions.push(row);
        Ok(())
    }

    /// Refuses a record, or leaves it out if the user wants that.
    #[cold]
    fn reject(&mut self, defect: &Defect) -> Result<Taken, Problem> {
        if self.skip_damaged {
            self.skip(UNREADABLE);
            return Ok(Taken::Skipped);
        }
        let problem = match defect {
            Defect::Cell(place, fault, wanted) => {
                let name = self.names.get(*place).map_or("", String::as_str);
                let is_stamp = *wanted == Wanted::Stamp;
                let dates = is_stamp && !matches!(self.clock, Clock::Number(_));
                cell_problem(&self.records, *place, name, *fault, dates)
            }
            Defect::Width => {
                let (is, should) = (self.records.width(), self.names.len());
                Problem::new(format!("the row has {is} fields, the rows above have {should}"))
                    .help("mend the row, or `--skip-damaged` leaves such rows out")
                    .at(&self.records.origin_of_line())
            }
        };
        Err(problem)
    }
}

/// No interval has more requests than this: beyond it a count is not exact in a real number.
const MOST: f64 = 9_007_199_254_740_992.0;

fn exactly(count: f64) -> Arrivals {
    if count.fract() == 0.0 { Arrivals::Exactly(count as u64) } else { Arrivals::Mean(count) }
}

fn priority(cell: &[u8]) -> Result<Option<i16>, Fault> {
    match real(cell) {
        Ok(number) if number.abs() <= f64::from(i16::MAX) => Ok(Some(number.round() as i16)),
        Ok(_) => Err(Fault::TooLarge),
        Err(Fault::Blank) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Whether a status says that the request failed: a code of 0 or from 500 on, or a word for it.
/// The key of a cell: an IPv4 address is its number, so that networks stay together, and anything
/// else is hashed.
fn key(cell: &[u8]) -> u64 {
    let address = std::str::from_utf8(cell).ok().and_then(|text| text.parse().ok());
    address.map_or_else(|| Fnv::of(cell), |address: Ipv4Addr| u64::from(u32::from(address)))
}

fn is_failure(cell: &[u8]) -> bool {
    match real(cell) {
        Ok(code) => code == 0.0 || code >= 500.0,
        Err(_) => [
            "failed",
            "failure",
            "fail",
            "error",
            "timeout",
            "timed_out",
            "aborted",
            "rejected",
            "false",
        ]
        .iter()
        .any(|word| cell.eq_ignore_ascii_case(word.as_bytes())),
    }
}

/// What to say of a cell that cannot be read.
pub(super) fn cell_problem(
    records: &Records,
    place: usize,
    name: &str,
    fault: Fault,
    dates: bool,
) -> Problem {
    let cell = records.field(place);
    let shown: String = String::from_utf8_lossy(cell).chars().take(40).collect();
    let what = format!("`{shown}` in column `{name}`");
    let mend = "mend the row, or `--skip-damaged` leaves such rows out";
    let problem = match fault {
        _ if std::str::from_utf8(cell).is_err() => {
            Problem::new(format!("the text in column `{name}` is not UTF-8"))
                .help("convert the file: `iconv -f LATIN1 -t UTF-8 FILE`")
        }
        Fault::Blank => Problem::new(format!("there is nothing in column `{name}`")).help(mend),
        Fault::NotNumber if dates => Problem::new(format!("{what} is no date")).help(mend),
        Fault::NotNumber => Problem::new(format!("{what} is not a number")).help(mend),
        Fault::NotFinite => Problem::new(format!("{what} is not a finite number")).help(mend),
        Fault::Negative => Problem::new(format!("{what} is negative")).help(mend),
        Fault::TooLarge => Problem::new(format!("{what} is beyond what can be counted"))
            .help("check the unit: the simulator counts nanoseconds, 292 years of them"),
        Fault::NotTime => Problem::new(format!("{what} is no date in a form that is known")).help(
            "write `2023-11-16 18:17:03.25`, or say the form: `--time-format '%d.%m.%Y %H:%M'`",
        ),
    };
    problem.at(&records.origin(place))
}

/// The kinds of request in the order in which they appear.
#[derive(Default)]
struct Classes {
    names: IndexSet<Vec<u8>>,
    last: Option<u16>,
}

/// More kinds than this are not kinds: the rest are one.
const MOST_CLASSES: usize = 1024;
const OTHERS: &[u8] = b"(others)";

impl Classes {
    fn of(&mut self, cell: &[u8]) -> Option<u16> {
        if is_blank(cell) {
            return None;
        }
        if let Some(last) = self.last
            && self.names[last as usize] == cell
        {
            return Some(last);
        }
        let place = match self.names.get_index_of(cell) {
            Some(place) => place,
            None if self.names.len() < MOST_CLASSES - 1 => self.names.insert_full(cell.to_vec()).0,
            None => self.names.insert_full(OTHERS.to_vec()).0,
        };
        self.last = Some(place as u16);
        self.last
    }
}

/// Conversations followed from turn to turn: each turn has the key of the first.
///
/// Only the latest turns are remembered, so that memory does not grow with the file; a
/// conversation that was silent for longer than that begins anew.
#[derive(Default)]
struct Chains {
    roots: std::collections::BTreeMap<u64, u64>,
    order: VecDeque<u64>,
}

const REMEMBERED: usize = 1 << 17;

impl Chains {
    fn root(&mut self, chat: &[u8], parent: &[u8]) -> u64 {
        let chat = Fnv::of(chat);
        let root = self.roots.get(&Fnv::of(parent)).copied().unwrap_or(chat);
        if self.roots.insert(chat, root).is_none() {
            self.order.push_back(chat);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.roots.remove(&oldest);
        }
        root
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_its_number_and_any_other_key_is_hashed() {
        assert_eq!([key(b"10.1.2.3"), key(b"127.0.0.1")], [0x0a01_0203, 0x7f00_0001]);
        for other in ["10.1.2", "10.1.2.256", "10.1.2.3:80", "1.5", "7", "session-1"] {
            assert_eq!(key(other.as_bytes()), Fnv::of(other.as_bytes()), "{other}");
        }
    }
}
