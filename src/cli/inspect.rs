//! `plimsoll inspect TRAFFIC`: what is in a traffic file, before anything is simulated.

use std::path::PathBuf;

use super::common::{Format, settle};
use super::progress::Progress;
use super::reading::Reading;
use super::replay::{self, command_line, json};
use super::{Ended, Status, print};
use crate::diagnose::{Origin, Problem};
use crate::document::Node;
use crate::experiment::{Crew, Monitor as _, foresee};
use crate::forecast::backtest::Series;
use crate::forecast::study::{Question, Study, Wishes};
use crate::registry::Recipe;
use crate::report::{self, Folder, Foresight};
use crate::scenario::Overlay;
use crate::time::Duration;
use crate::workload::counts::{Binned, Counts};
use crate::workload::inspect::{Inspection, inspect, inspect_with};
use crate::workload::trace::{Input, Options, Trace};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A traffic file; `-` is standard input
    #[arg(value_name = "TRAFFIC")]
    traffic: String,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    forecasting: Forecasting,
    /// How to print what was found
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
    /// No progress on standard error
    #[arg(long, short)]
    quiet: bool,
}

/// What is to be forecast.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Forecasting")]
struct Forecasting {
    /// Back-test every forecaster on the file's counts: how wrong would each have been?
    #[arg(long)]
    forecast: bool,
    /// Only these, e.g. `holt-winters:season=7d`; may be repeated (`plimsoll list forecaster`)
    #[arg(long, value_name = "SPEC", requires = "forecast")]
    forecaster: Vec<String>,
    /// The width of the bins that requests are counted in; one that suits when not given
    #[arg(long, value_name = "SPAN", requires = "forecast", value_parser = Duration::parse)]
    bin: Option<Duration>,
    /// How far ahead to forecast, e.g. `5m,1h`; one bin and an hour when not given
    #[arg(long, value_name = "SPANS", requires = "forecast", value_delimiter = ',',
          value_parser = Duration::parse)]
    horizon: Vec<Duration>,
    /// The season of seasonal forecasters; the day or week that repeats when not given
    #[arg(long, value_name = "SPAN", requires = "forecast", value_parser = Duration::parse)]
    season: Option<Duration>,
    /// A folder for the table and the charts
    #[arg(long, value_name = "DIR", requires = "forecast")]
    out: Option<PathBuf>,
    /// Threads to use; results do not depend on it
    #[arg(long, value_name = "N", requires = "forecast",
          value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

pub(super) fn run(args: &Args) -> Ended {
    let trace = Trace::open(&Input::from_argument(&args.traffic), &options(args)?)?;
    if args.forecasting.forecast {
        return forecast(args, trace);
    }
    let found = inspect(trace)?;
    let text = match args.format {
        Format::Table => report::inspection(&found),
        Format::Json => json(&object(&found, None)),
        Format::Csv => report::csv(std::slice::from_ref(&found)),
        Format::Markdown => report::inspection_markdown(&found),
    };
    print(&text)?;
    Ok(Status::Done)
}

/// What was found as one object, with the study where there is one.
fn object(found: &Inspection, study: Option<&Study>) -> serde_json::Value {
    let mut object = serde_json::json!({ "schema": "plimsoll.inspection/1" });
    let fields = serde_json::to_value(found).expect("an inspection is plain data");
    if let (Some(object), serde_json::Value::Object(fields)) = (object.as_object_mut(), fields) {
        object.extend(fields);
        object.insert("advice".to_owned(), found.advice().into());
        if let Some(study) = study {
            let study = serde_json::to_value(study).expect("a study is plain data");
            object.insert("forecast".to_owned(), study);
        }
    }
    object
}

/// Counts the file's requests in bins and back-tests forecasters on them.
fn forecast(args: &Args, trace: Trace) -> Ended {
    let wishes = &args.forecasting;
    let folder = wishes.out.as_deref().map(Folder::create).transpose()?;
    let forecasters = wishes
        .forecaster
        .iter()
        .map(|spec| Recipe::read(&Node::text(spec, Origin::whole("--forecaster", spec))));
    let forecasters = forecasters.collect::<Result<_, Problem>>()?;
    let mut counts = Counts::new(wishes.bin, trace.interval())?;
    let found = inspect_with(trace, |row| counts.take(row))?;
    let Binned { width, rates } = counts.finish()?;
    let series = Series { start_ns: 0, tick_ns: width.0, rates };
    let question = Question::new(
        series,
        Wishes {
            season: wishes.season,
            horizons: wishes.horizon.clone(),
            forecasters,
            epoch_offset_ns: epoch_ns(&found.understanding.first_stamp),
        },
    )?;
    let bar = Progress::of_runs(args.quiet);
    bar.plan(question.len() as u64);
    let study = foresee(&question, &Crew::new(wishes.threads)?, |_| bar.done())?;
    drop(bar);
    let foresight = Foresight {
        inspection: object(&found, Some(&study)),
        shown: report::inspection(&found),
        study,
        command: command_line(),
        troubles: Vec::new(),
    };
    if let Some(folder) = &folder {
        foresight.write(folder)?;
        settle(folder, args.quiet);
    }
    print(&match args.format {
        Format::Table => foresight.table(replay::width()),
        Format::Json => json(&foresight.inspection),
        Format::Csv => report::csv(&foresight.study.lines),
        Format::Markdown => foresight.markdown(),
    })?;
    Ok(Status::Done)
}

/// The Unix time of a stamp written as a date, which tells the hour of the day; else 0.
fn epoch_ns(stamp: &str) -> u64 {
    let at = stamp.parse::<jiff::Timestamp>().ok().or_else(|| {
        let civil = stamp.parse::<jiff::civil::DateTime>().ok()?;
        Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    });
    at.and_then(|at| u64::try_from(at.as_nanosecond()).ok()).unwrap_or(0)
}

/// The same keys as in a scenario's traffic table, typed the same way.
fn options(args: &Args) -> Result<Options, Problem> {
    let place = Origin::whole("TRAFFIC", &args.traffic);
    let mut document = Node::table(place.clone());
    document.set("traffic.main", Node::table(place))?;
    let mut overlay = Overlay::default();
    args.reading.lay_over(&mut overlay)?;
    overlay.apply(&mut document)?;
    document.find("traffic.main").map_or(Ok(Options::default()), Node::typed)
}
