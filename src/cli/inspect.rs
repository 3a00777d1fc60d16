//! `plimsoll inspect TRAFFIC`: what is in a traffic file, before anything is simulated.

use super::common::Format;
use super::reading::Reading;
use super::{Ended, Status, print};
use crate::diagnose::{Origin, Problem};
use crate::document::Node;
use crate::report;
use crate::report::text::{digits, grouped, time};
use crate::scenario::Overlay;
use crate::workload::inspect::{Inspection, Sizes, inspect};
use crate::workload::trace::{Input, Options, Trace};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A traffic file; `-` is standard input
    #[arg(value_name = "TRAFFIC")]
    traffic: String,
    #[command(flatten)]
    reading: Reading,
    /// How to print what was found
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(args: &Args) -> Ended {
    let trace = Trace::open(&Input::from_argument(&args.traffic), &options(args)?)?;
    let found = inspect(trace)?;
    let text = match args.format {
        Format::Table => table(&found),
        Format::Json => {
            let mut object = serde_json::json!({ "schema": "plimsoll.inspection/1" });
            let fields = serde_json::to_value(&found).expect("an inspection is plain data");
            if let (Some(object), serde_json::Value::Object(fields)) =
                (object.as_object_mut(), fields)
            {
                object.extend(fields);
                object.insert("advice".to_owned(), found.advice().into());
            }
            serde_json::to_string_pretty(&object).expect("plain data") + "\n"
        }
        Format::Csv => report::csv(std::slice::from_ref(&found)),
        Format::Markdown => report::markdown::of_data(std::slice::from_ref(&found)),
    };
    print(&text)?;
    Ok(Status::Done)
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
