//! Traffic of the time before a run, for forecasters to learn from: read as the run's own is.

use std::path::PathBuf;

use super::{Scenario, split};
use crate::diagnose::Problem;
use crate::document::{Node, Value};
use crate::scale::Past;
use crate::time::{Duration, Instant};
use crate::workload::counts::Counts;
use crate::workload::trace::{self, Shape, Trace, Window};

impl Scenario {
    /// The rates (requests a second) of the time before the run, in bins of the run's time.
    ///
    /// The file is read, sped up and scaled as the first trace of the scenario is, but for the keys
    /// that the history gives. A history in the very file that is replayed ends where the run
    /// begins.
    pub(super) fn rates_before(
        &self,
        past: &Past,
        bin: Duration,
    ) -> Result<Vec<Option<f64>>, Problem> {
        let replayed = self.traffic.values().find(|traffic| traffic.is_replayed());
        let like = replayed.or_else(|| self.traffic.values().next());
        let (options, shape) = like.map(|it| (it.options.clone(), it.shape)).unwrap_or_default();
        let own = replayed.and_then(|traffic| traffic.keys.trace.clone());
        let whole = Shape { window: Window::ALL, ..shape };
        let (file, options, mut shape) = match &past.0.value {
            Value::Text(file) => (Some(PathBuf::from(file)), options, whole),
            _ => overlaid(&past.0, &options, &whole)?,
        };
        let file = file.or_else(|| own.clone()).ok_or_else(|| {
            Problem::new("no file of past traffic is named")
                .help("write `history = \"last-week.csv\"`")
        })?;
        if own.as_ref() == Some(&file) {
            let begin = like.map_or(Duration::ZERO, |traffic| traffic.shape.window.from);
            shape.window = before(shape.window, begin, &file.display().to_string())?;
        }
        options.check()?;
        shape.check()?;
        let input = trace::Input::Path(self.folder.join(file));
        read(&input, &options, shape, bin)
    }
}

/// How a history is read that says so itself, and the file where it names one.
fn overlaid(
    own: &Node,
    options: &trace::Options,
    shape: &Shape,
) -> Result<(Option<PathBuf>, trace::Options, Shape), Problem> {
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct File {
        trace: Option<PathBuf>,
    }
    let parts =
        [split::fields::<File>(), split::fields::<trace::Options>(), split::fields::<Shape>()];
    split::refuse_strangers(own, &parts)?;
    let (File { trace }, rest) = split::take::<File>(own)?;
    let plain = [super::traffic::fields(options), super::traffic::fields(shape)];
    let plain: toml::Table = plain
        .into_iter()
        .flatten()
        .map(|(key, value)| (key, toml::Value::try_from(value).expect("options are plain data")))
        .collect();
    let mut node = Node::from_toml("history", &plain.to_string())?;
    node.overlay(rest);
    let (options, rest) = split::take::<trace::Options>(&node)?;
    Ok((trace, options, rest.typed()?))
}

/// The part of a window that lies before the run; all of the file's where none is named.
fn before(window: Window, begin: Duration, file: &str) -> Result<Window, Problem> {
    let until = if window == Window::ALL { begin } else { window.until };
    if until > begin || until <= window.from {
        let what = format!("`{file}` is replayed itself: a history in it would tell the future");
        let help = if begin == Duration::ZERO {
            "replay a part that has a past, e.g. `window = \"7d..\"`, or name another file"
                .to_owned()
        } else {
            format!("end it where the run begins: `history = {{ window = \"..{begin}\" }}`")
        };
        return Err(Problem::new(what).help(help));
    }
    Ok(Window { until, ..window })
}

/// Counts a file's requests in bins of the run's time.
fn read(
    input: &trace::Input,
    options: &trace::Options,
    shape: Shape,
    bin: Duration,
) -> Result<Vec<Option<f64>>, Problem> {
    let Shape { window, speed_up, rate_scale, .. } = shape;
    let recorded = Duration((bin.0 as f64 * speed_up).round() as u64);
    let mut trace = Trace::open(input, options).map_err(|problem| {
        let own = "a history has its own keys: `history = { trace = …, time-unit = \"s\" }`";
        let help = problem.remedy().map(|help| format!("{help}; {own}"));
        help.map_or(problem.clone(), |help| problem.help(help))
    })?;
    let mut counts = Counts::new(Some(recorded), trace.interval())
        .map_err(|problem| Problem::new(problem.message()).help("choose another `bin`"))?;
    let (from, mut row) = (Instant::START + window.from, trace::Row::default());
    let until = Instant::START + window.until;
    while trace.next(&mut row)? {
        if row.at >= until {
            counts.end_at(Instant(until.0 - from.0));
            break;
        }
        if row.at >= from {
            counts.take(&trace::Row { at: Instant(row.at.0 - from.0), ..row });
        }
    }
    let faster = speed_up * rate_scale;
    let binned = counts
        .finish()
        .map_err(|problem| Problem::new(problem.message()).help("choose a longer `bin`"))?;
    Ok(binned.rates.into_iter().map(|rate| Some(rate? * faster)).collect())
}
