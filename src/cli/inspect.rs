//! `plimsoll inspect TRAFFIC`: what is in a traffic file, before anything is simulated.

use std::path::PathBuf;

use super::common::Format;
use super::progress::Progress;
use super::reading::Reading;
use super::{Ended, Status, print};
use crate::diagnose::{Origin, Problem};
use crate::document::Node;
use crate::experiment::{Crew, Monitor as _, foresee};
use crate::forecast::backtest::Series;
use crate::forecast::study::{Question, Study, Wishes};
use crate::registry::Recipe;
use crate::report::text::{digits, grouped, time};
use crate::report::{self, Folder};
use crate::scenario::Overlay;
use crate::time::Duration;
use crate::workload::counts::{Binned, Counts};
use crate::workload::inspect::{Inspection, Sizes, inspect, inspect_with};
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
    foresight: Foresight,
    /// How to print what was found
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
}

/// What is to be forecast.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Forecasting")]
struct Foresight {
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
    if args.foresight.forecast {
        return forecast(args, trace);
    }
    let found = inspect(trace)?;
    let text = match args.format {
        Format::Table => table(&found),
        Format::Json => json(&found, None),
        Format::Csv => report::csv(std::slice::from_ref(&found)),
        Format::Markdown => report::markdown::of_data(std::slice::from_ref(&found)),
    };
    print(&text)?;
    Ok(Status::Done)
}

/// What was found as one object, with the study where there is one.
fn json(found: &Inspection, study: Option<&Study>) -> String {
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
    serde_json::to_string_pretty(&object).expect("plain data") + "\n"
}

/// Counts the file's requests in bins and back-tests forecasters on them.
fn forecast(args: &Args, trace: Trace) -> Ended {
    let wishes = &args.foresight;
    let folder = wishes.out.as_deref().map(Folder::create).transpose()?;
    let forecasters = wishes
        .forecaster
        .iter()
        .map(|spec| Recipe::read(&Node::text(spec, Origin::whole("--forecaster", spec))));
    let forecasters = forecasters.collect::<Result<_, Problem>>()?;
    let mut counts = Counts::new(wishes.bin, trace.interval())?;
    let found = inspect_with(trace, |row| counts.take(row))?;
    let Binned { width, rates } = counts.finish();
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
    let bar = Progress::of_runs(false);
    bar.plan(question.len() as u64);
    let study = foresee(&question, &Crew::new(wishes.threads)?, |_| bar.done())?;
    drop(bar);
    if let Some(folder) = &folder {
        folder.write("forecast.json", json(&found, Some(&study)))?;
        folder.write("forecast.csv", report::csv(&study.lines))?;
        folder.write_charts(&report::chart::of_study(&study))?;
    }
    print(&match args.format {
        Format::Table => table(&found) + &report::forecasts(&study),
        Format::Json => json(&found, Some(&study)),
        Format::Csv => report::csv(&study.lines),
        Format::Markdown => report::markdown::of_data(&study.lines),
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

/// How a size is shown.
type Shown = fn(f64) -> String;

fn table(found: &Inspection) -> String {
    let seen = &found.understanding;
    let mut text = format!(
        "{} requests over {}, {} a second\n\n",
        grouped(seen.requests.round() as u64),
        time(seen.span.as_secs_f64()),
        digits(seen.rate),
    );
    let mut fact = |name: &str, value: String| text.push_str(&format!("{name:<22} {value}\n"));
    if let Some(gaps) = &found.gaps {
        fact("inter-arrivals", format!("mean {}, cv {}", time(gaps.mean_s), digits(gaps.cv)));
        fact("longest silence", time(gaps.longest_s));
    }
    if let Some(counts) = &found.counts {
        let every = time(counts.interval_s);
        fact(
            &format!("counts every {every}"),
            format!(
                "mean {}, peak {} ({} × the mean)",
                digits(counts.mean),
                digits(counts.peak),
                digits(counts.peak_to_mean)
            ),
        );
        fact(
            "index of dispersion",
            format!("{} (Poisson traffic has 1)", digits(counts.dispersion)),
        );
        if counts.empty > 0 {
            fact("intervals without any", format!("{} of {}", counts.empty, counts.intervals));
        }
    }
    for season in &found.seasons {
        let period = time(season.period_s);
        fact(
            &format!("rhythm of {period}"),
            format!("autocorrelation {}", digits(season.autocorrelation)),
        );
    }
    let sizes: Vec<(&str, &Sizes, Shown)> = [
        ("service", &found.service, time as Shown),
        ("input tokens", &found.input, digits),
        ("output tokens", &found.output, digits),
    ]
    .into_iter()
    .filter_map(|(name, sizes, shown)| Some((name, sizes.as_ref()?, shown)))
    .collect();
    if !sizes.is_empty() {
        text.push_str(&format!(
            "\n{:<14}{:>10}{:>8}{:>10}{:>10}{:>10}{:>10}\n",
            "", "mean", "cv", "p50", "p90", "p99", "max"
        ));
    }
    for (name, sizes, shown) in sizes {
        text.push_str(&format!(
            "{name:<14}{:>10}{:>8}{:>10}{:>10}{:>10}{:>10}\n",
            shown(sizes.mean),
            digits(sizes.cv),
            shown(sizes.p50),
            shown(sizes.p90),
            shown(sizes.p99),
            shown(sizes.max)
        ));
    }
    for advice in found.advice() {
        text.push_str(&format!("\n· {advice}"));
    }
    text.push('\n');
    text
}
