//! Finds out what a file is from its first lines: layout, header, format, columns, units.

use super::bind::{Because, Binder, Bound, Plan, When};
use super::format::{self, Format, Head, Shape};
use super::header::Name;
use super::input::Input;
use super::json;
use super::number::{Fault, Scale, is_blank, real};
use super::options::{Column, Columns, Delimiter, Options, Spread};
use super::parse::{NO_TIME, Parser, UNREADABLE, cell_problem};
use super::record::{Layout, Records};
use super::stamp::Clock;
use super::understanding::{Skipped, Stamps, Understanding, shown_stamp};
use crate::diagnose::Problem;
use crate::time::Duration;
use crate::time_unit::TimeUnit;

/// A file with its layout known, standing before its first row of values.
struct Opened {
    records: Records,
    /// Its columns; `column 1` and so on where it has no header.
    names: Vec<Name>,
    header: bool,
    format: &'static Format,
}

/// Opens a file and brings together what it says and what the user says.
pub(super) fn survey(input: &Input, options: &Options) -> Result<(Parser, Understanding), Problem> {
    let records = Records::new(input.name(), input.open()?)?;
    let Opened { mut records, names, header, format } = open(records, options)?;
    let binder = Binder { names: &names, header, format, options };
    // A problem about an option is shown where the option is written, any other at the header.
    let mut bound = binder.bind().map_err(|problem| match problem.key() {
        Some(_) => problem,
        None => problem.at(&records.origin_of_header()),
    })?;
    let plan = binder.plan(&bound);
    if matches!(format.shape, Shape::Counts | Shape::MidIntervals) && options.interval.is_none() {
        return Err(Problem::new(format!(
            "`{}` has counts, but nothing says of how long an interval",
            records.name
        ))
        .help(
            "say it: `--interval 1m` (`interval = \"1m\"` in a scenario); if the numbers are \
             stamps, name their column and unit: `--columns arrival=1 --time-unit s`",
        )
        .at(&records.origin_of_line()));
    }
    let found = find_clock(&mut records, &binder, &plan)?;
    if let (Stamps::Numbers { unit, because }, When::At(place) | When::Before(place)) =
        (&found.stamps, plan.when)
    {
        for column in bound.iter_mut().filter(|column| column.place == place) {
            (column.unit, column.because) = (Some(*unit), Some(*because));
        }
    }
    let understanding = understand(&records, &names, format, bound, &found, options);
    let written = names.into_iter().map(|name| name.written).collect();
    let Found { clock, skipped, .. } = found;
    let parser = Parser::new(records, plan, clock, written, format, skipped, options);
    Ok((parser, understanding))
}

fn understand(
    records: &Records,
    names: &[Name],
    format: &'static Format,
    bound: Vec<Bound>,
    found: &Found,
    options: &Options,
) -> Understanding {
    let is_used = |place| bound.iter().any(|column: &Bound| column.place == place);
    let is_minute = |place: usize| {
        format.shape == Shape::MinuteColumns && names[place].whole.parse::<u32>().is_ok()
    };
    let unused = (0..names.len())
        .filter(|place| !is_used(*place) && !is_minute(*place))
        .map(|place| names[place].written.clone())
        .collect();
    Understanding {
        file: records.name.clone(),
        format: format.name,
        layout: match &records.layout {
            Layout::Delimited(delimiter) => delimiter.words(),
            Layout::Log | Layout::HaProxy => "log".to_owned(),
            Layout::Json => "JSON lines".to_owned(),
        },
        compression: records.compression,
        columns: bound,
        unused,
        stamps: found.stamps.clone(),
        first_stamp: found.first.clone(),
        rows: 0,
        skipped: Vec::new(),
        failed: 0,
        sorted: format.unsorted.or(options.sort.then_some("as you say")),
        out_of_order: 0,
        ties: 0,
        spread: !matches!(options.spread, None | Some(Spread::Seen(false))),
        smallest_step: Duration::ZERO,
        interval: None,
        missing_intervals: 0,
        span: Duration::ZERO,
        requests: 0.0,
        rate: 0.0,
        classes: Vec::new(),
    }
}

/// Finds layout and header, and reads up to the first row of values.
fn open(mut records: Records, options: &Options) -> Result<Opened, Problem> {
    let Some(line) = records.peek_line()?.map(<[u8]>::to_vec) else {
        return Err(Problem::new(format!("`{}` is empty", records.name))
            .help("a traffic file has a line of column names and one line a request"));
    };
    if line.contains(&0) {
        return Err(Problem::new(format!("`{}` is not text", records.name))
            .help("give a CSV, TSV, JSON-lines or log file, plain or compressed by gzip or zstd"));
    }
    let asked = options.format.as_deref().map(format::find).transpose()?;
    let log = match asked {
        Some(format) if format.shape == Shape::Log => {
            let haproxy = format.name == "haproxy";
            Some((format, if haproxy { Layout::HaProxy } else { Layout::Log }))
        }
        None if options.delimiter.is_none() && options.header.is_none() => {
            format::recognise_log(&line)
        }
        _ => None,
    };
    if let Some((format, layout)) = log {
        records.layout = layout;
        return without_header(records, Some(format), options);
    }
    match line.trim_ascii_start().first() {
        Some(b'{') => open_json(records, &line, asked),
        Some(b'[') if !line.contains(&b',') || line.contains(&b'{') => {
            Err(Problem::new(format!("`{}` is one JSON list, not JSON lines", records.name))
                .help("make lines of it: `jq -c '.[]' FILE | plimsoll … -`"))
        }
        _ => open_table(records, &line, asked, options),
    }
}

fn open_json(
    mut records: Records,
    line: &[u8],
    asked: Option<&'static Format>,
) -> Result<Opened, Problem> {
    records.layout = Layout::Json;
    let entries = json::entries(line).unwrap_or_default();
    records.wanted = entries.iter().map(|(key, _)| key.clone()).collect();
    refuse_document(&records, &entries)?;
    // What is wrong with the line is told by reading it as every other line is read.
    records.read()?;
    records.repeat();
    let names: Vec<Name> = entries.iter().map(|(key, _)| Name::new(key)).collect();
    let first: Vec<String> = entries.into_iter().map(|(_, value)| value).collect();
    let head = Head {
        layout: &records.layout,
        names: &names,
        first: &first,
        stripped: false,
        mapped: false,
    };
    let format = asked.unwrap_or_else(|| format::recognise(&head));
    Ok(Opened { records, names, header: true, format })
}

/// Answers of monitoring systems hold their points in one object; told how to take them out.
fn refuse_document(records: &Records, entries: &[(String, String)]) -> Result<(), Problem> {
    let has = |key: &str| entries.iter().any(|(name, _)| name == key);
    let (what, filter) = if has("Datapoints") {
        ("an answer of CloudWatch", ".Datapoints[]")
    } else if has("MetricDataResults") {
        (
            "an answer of CloudWatch",
            ".MetricDataResults[] | [.Timestamps, .Values] | transpose[] | \
             {Timestamp: .[0], Sum: .[1], Unit: \"Count\"}",
        )
    } else if has("status") && has("data") {
        ("an answer of Prometheus", ".data.result[].values[] | {timestamp: .[0], rate: .[1]}")
    } else {
        return Ok(());
    };
    Err(Problem::new(format!("`{}` is {what}, one object and not JSON lines", records.name))
        .help(format!("take the points out of it: `jq -c '{filter}' FILE | plimsoll … -`")))
}

fn open_table(
    mut records: Records,
    line: &[u8],
    asked: Option<&'static Format>,
    options: &Options,
) -> Result<Opened, Problem> {
    let delimiter = options.delimiter.unwrap_or_else(|| delimiter_of(line));
    if delimiter == Delimiter::Byte(b',') && line.trim_ascii_end().ends_with(b";") {
        records.strip = Some(b';');
    }
    records.layout = Layout::Delimited(delimiter);
    records.read()?;
    let cells = texts(&records);
    if !is_header(&cells, asked, options) {
        records.repeat();
        return without_header(records, asked, options);
    }
    if (0..records.width()).any(|place| std::str::from_utf8(records.field(place)).is_err()) {
        return Err(Problem::new("the names of the columns are not UTF-8")
            .help("convert the file: `iconv -f LATIN1 -t UTF-8 FILE`")
            .at(&records.origin_of_line()));
    }
    let names: Vec<Name> = cells.iter().map(|cell| Name::new(cell)).collect();
    records.keep_header();
    let header = records.origin_of_line();
    if !records.read()? {
        return Err(Problem::new(format!("`{}` has a header and no rows", records.name))
            .help("there is nothing to replay; if the line is a row, say `--header false`")
            .at(&header));
    }
    let first = texts(&records);
    records.repeat();
    let head = Head {
        layout: &records.layout,
        names: &names,
        first: &first,
        stripped: records.strip.is_some(),
        mapped: false,
    };
    let format = asked.unwrap_or_else(|| format::recognise(&head));
    Ok(Opened { records, names, header: true, format })
}

/// A file whose first line is a row already: its columns are called by their numbers.
fn without_header(
    mut records: Records,
    asked: Option<&'static Format>,
    options: &Options,
) -> Result<Opened, Problem> {
    if !records.read()? {
        return Err(Problem::new(format!("`{}` is empty", records.name)));
    }
    records.repeat();
    let first = texts(&records);
    let head = Head {
        layout: &records.layout,
        names: &[],
        first: &first,
        stripped: records.strip.is_some(),
        mapped: options.columns != Columns::default(),
    };
    let format = asked.unwrap_or_else(|| format::recognise(&head));
    let width = first.len().max(if format.shape == Shape::Log { format.names.len() } else { 0 });
    let names = (0..width)
        .map(|place| match format.names.get(place) {
            Some(name) => Name::new(name),
            None => Name::new(&format!("column {}", place + 1)),
        })
        .collect();
    Ok(Opened { records, names, header: false, format })
}

fn texts(records: &Records) -> Vec<String> {
    let cells = (0..records.width()).map(|place| records.field(place));
    cells.map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
}

/// The mark that separates most fields of a line; blanks only where all the rest are numbers.
fn delimiter_of(line: &[u8]) -> Delimiter {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b'\t', 0), (b';', 0), (b'|', 0)];
    for byte in line {
        quoted ^= *byte == b'"';
        if let Some((_, count)) = counts.iter_mut().find(|(mark, _)| mark == byte && !quoted) {
            *count += 1;
        }
    }
    // The first of equals: a comma before a semicolon, as in LIMBO's `0.5,230634.0;`.
    let most = counts.iter().rev().max_by_key(|(_, count)| *count).expect("there are four");
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let many = words.clone().nth(1).is_some();
    if most.1 == 0 && many && words.all(|word| real(word).is_ok()) {
        return Delimiter::Blanks;
    }
    Delimiter::Byte(if most.1 == 0 { b',' } else { most.0 })
}

/// Whether a first line names columns rather than having values.
fn is_header(cells: &[String], asked: Option<&Format>, options: &Options) -> bool {
    if let Some(header) = options.header {
        return header;
    }
    if asked.is_some_and(|format| matches!(format.shape, Shape::Counts | Shape::MidIntervals)) {
        return false;
    }
    let names: Vec<Name> = cells.iter().map(|cell| Name::new(cell)).collect();
    let has = |wanted: &str| names.iter().any(|name| name.whole == wanted);
    let mapped = super::header::Role::ALL.iter().any(|role| match options.columns.of(*role) {
        Some(Column::Name(wanted)) => has(&Name::new(wanted).whole),
        Some(Column::Number(_)) | None => false,
    });
    let by_minute = has("1") && has("2") && has("hash_function");
    let is_value = |cell: &String| {
        let number = match real(cell.as_bytes()) {
            Ok(_) | Err(Fault::NotFinite) => true,
            Err(_) => false,
        };
        number || Clock::is_date(cell.as_bytes())
    };
    mapped || by_minute || !cells.iter().any(is_value)
}

/// How stamps are read, and what the first of them is.
struct Found {
    clock: Clock,
    stamps: Stamps,
    first: String,
    /// Rows that had to be passed over to find it.
    skipped: Vec<Skipped>,
}

impl Found {
    fn without_stamps(stamps: Stamps, first: &str) -> Self {
        let clock = Clock::Number(Scale::new(1));
        Self { clock, stamps, first: first.to_owned(), skipped: Vec::new() }
    }
}

/// Goes to the first row that has a stamp, and learns from it how stamps are read.
fn find_clock(records: &mut Records, binder: &Binder<'_>, plan: &Plan) -> Result<Found, Problem> {
    let (When::At(place) | When::Before(place)) = plan.when else {
        return Ok(match binder.format.shape {
            Shape::MinuteColumns => {
                Found::without_stamps(Stamps::Minutes, "the first minute of the day")
            }
            _ => Found::without_stamps(Stamps::Steps, "the first number"),
        });
    };
    let lenient = binder.options.skip_damaged;
    let mut skipped = Vec::new();
    while records.read()? {
        let line = records.line_number();
        if binder.format.shape != Shape::Log && records.width() != binder.names.len() {
            if lenient {
                Skipped::note(&mut skipped, UNREADABLE, line);
                continue;
            }
            // The parser refuses this row before it looks at any clock.
            records.repeat();
            break;
        }
        let cell = records.field(place);
        if is_blank(cell) {
            Skipped::note(&mut skipped, NO_TIME, line);
            continue;
        }
        let (mut clock, stamps) = match clock_for(cell, place, records, binder) {
            Ok(found) => found,
            Err(ClockProblem::Row(_)) if lenient => {
                Skipped::note(&mut skipped, UNREADABLE, line);
                continue;
            }
            Err(ClockProblem::Row(problem) | ClockProblem::Unit(problem)) => return Err(problem),
        };
        let written = String::from_utf8_lossy(cell).into_owned();
        let nanos = clock.read(cell).unwrap_or_default();
        let first = shown_stamp(&written, nanos, &stamps);
        records.repeat();
        return Ok(Found { clock, stamps, first, skipped });
    }
    Ok(Found { skipped, ..Found::without_stamps(Stamps::Steps, "") })
}

/// Why a clock cannot be chosen: this row is damaged, or no row would tell.
enum ClockProblem {
    Row(Problem),
    Unit(Problem),
}

/// Chooses how stamps are read by the first of them.
fn clock_for(
    cell: &[u8],
    place: usize,
    records: &Records,
    binder: &Binder<'_>,
) -> Result<(Clock, Stamps), ClockProblem> {
    let options = binder.options;
    if let Some(format) = &options.time_format {
        return Ok((Clock::Custom(format.clone()), Stamps::Dates));
    }
    if let (Shape::MidIntervals, Some(interval)) = (binder.format.shape, options.interval) {
        return Ok((Clock::Number(Scale::new(interval.0)), Stamps::Steps));
    }
    let name = binder.names.get(place).map_or("", |name| name.written.as_str());
    let number = match real(cell) {
        Ok(number) => number,
        Err(Fault::NotNumber) if Clock::is_date(cell) => {
            return Ok((Clock::Date(super::stamp::Day::default()), Stamps::Dates));
        }
        Err(Fault::NotNumber) => {
            return Err(ClockProblem::Row(cell_problem(
                records,
                place,
                name,
                Fault::NotTime,
                false,
            )));
        }
        Err(fault) => {
            return Err(ClockProblem::Row(cell_problem(records, place, name, fault, false)));
        }
    };
    let (unit, because) = binder
        .time_unit(place)
        .or_else(|| since_1970(number).map(|unit| (unit, Because::Epoch)))
        .ok_or_else(|| ClockProblem::Unit(unknown_unit(records, place, name, binder)))?;
    Ok((Clock::Number(Scale::new(unit.nanos())), Stamps::Numbers { unit, because }))
}

/// The unit in which a number is a date between September 2001 and 2103; there is at most one.
fn since_1970(number: f64) -> Option<TimeUnit> {
    let units =
        [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];
    units.into_iter().find(|unit| {
        let seconds = number * unit.nanos() as f64 / 1e9;
        (1e9..4.2e9).contains(&seconds)
    })
}

fn unknown_unit(records: &Records, place: usize, name: &str, binder: &Binder<'_>) -> Problem {
    let has = |wanted: &str| binder.names.iter().any(|name| name.whole == wanted);
    let more = if has("input_length") && has("output_length") {
        "; in Mooncake's traces it is milliseconds, in Bailian's and RAGPulse's seconds"
    } else {
        ""
    };
    Problem::new(format!("the unit of the stamps in column `{name}` is not known"))
        .label("seconds? milliseconds?")
        .help(format!(
            "say it: `--time-unit s` or `--time-unit ms` (`time-unit = \"ms\"` in a scenario){more}"
        ))
        .at(&records.origin(place))
}
