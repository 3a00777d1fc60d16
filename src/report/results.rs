//! What a run leaves in a folder, as a report reads it: the same whether fresh or from a file.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::files::Folder;
use super::reading::{Kept, Provenance, Reader};
use super::text;
use super::timeline::{self, Cell, Row};
use super::words::MEASURES;
use crate::diagnose::Problem;
use crate::outcome::{Estimated, Outcome};
use crate::scenario::{Measured, Scenario};
use crate::stats::Histogram;

/// The names of the files that a report is drawn from.
pub(super) const OUTCOME: Kept =
    Kept { file: "outcome.json", schema: "plimsoll.outcome/1", writes: "replay INPUT" };
const TIMELINE: &str = "timeline.csv";
const HEATMAP: &str = "heatmap.csv";
const HISTOGRAMS: &str = "histograms.json";
const COMMAND: &str = "command.txt";

/// Everything a report is drawn from. What is missing is empty, and `troubles` says why.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// The outcome, as it is written: plain numbers or estimates.
    pub outcome: Value,
    /// The run by interval.
    pub timeline: Vec<Row>,
    /// Latencies by interval.
    pub heat: Vec<Cell>,
    /// The distributions.
    pub histograms: Option<Histograms>,
    /// The command that made it.
    pub command: String,
    /// What could not be read, each as a sentence.
    pub troubles: Vec<String>,
}

/// The distributions of a run; the schema of `histograms.json`, `plimsoll.histograms/1`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Histograms {
    /// `plimsoll.histograms/1`.
    pub schema: String,
    /// From arrival to end, of completed requests, in nanoseconds.
    pub latency: Histogram,
    /// From arrival to the start of service.
    pub wait: Histogram,
    /// From the start of service to the end.
    pub service: Histogram,
}

/// A number with its interval, where it has one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    /// The estimate, or the number of a single run.
    pub estimate: f64,
    /// The ends of its interval; infinite where it is open.
    pub interval: Option<(f64, f64)>,
    /// Whether its interval covers somewhat less than it says.
    pub rough: bool,
}

impl Results {
    /// An outcome alone: numbers, but neither a timeline nor distributions.
    pub fn of_numbers(outcome: &impl Serialize, command: String) -> Self {
        let outcome = serde_json::to_value(outcome).expect("outcomes are plain data");
        Self { outcome, command, ..Self::default() }
    }

    /// The results of a run just done.
    pub fn of(
        outcome: &impl Serialize,
        scenario: &Scenario,
        measured: &Measured,
        command: String,
    ) -> Self {
        let meter = &measured.meter;
        Self {
            outcome: serde_json::to_value(outcome).expect("outcomes are plain data"),
            timeline: timeline::rows(measured, &timeline::fleet(scenario, measured)),
            heat: timeline::heat(&measured.timeline),
            histograms: Some(Histograms {
                schema: "plimsoll.histograms/1".to_owned(),
                latency: meter.latency.histogram.clone(),
                wait: meter.wait.histogram.clone(),
                service: meter.service.histogram.clone(),
            }),
            command,
            troubles: Vec::new(),
        }
    }

    /// Writes what `read` reads, but for the outcome, which the folder writes itself.
    pub fn write(&self, folder: &Folder) -> Result<(), Problem> {
        folder.write(TIMELINE, timeline::to_csv(&self.timeline))?;
        folder.write(HEATMAP, timeline::to_csv(&self.heat))?;
        if let Some(histograms) = &self.histograms {
            let json = serde_json::to_string(histograms).expect("histograms are plain data");
            folder.write(HISTOGRAMS, json + "\n")?;
        }
        folder.write(COMMAND, format!("{}\n", self.command))
    }

    /// Reads the results in a folder as far as they can be read.
    ///
    /// A folder without a readable outcome holds no results, which is a problem; any other file
    /// that is missing or damaged is named in `troubles`, and the rest is read.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        Self::from(Reader::of(path))
    }

    pub(super) fn from(mut reader: Reader<'_>) -> Result<Self, Problem> {
        let outcome: Value = reader.whole(OUTCOME)?;
        let whole = Self { outcome, ..Self::default() };
        let unlike = whole.unlike();
        if MEASURES.iter().all(|measure| measure.of(&whole).is_none()) {
            let why = unlike.unwrap_or_else(|| "it holds no number that is known here".to_owned());
            return Err(reader.wrong(OUTCOME, &format!("is damaged: {why}")));
        }
        let unlike =
            unlike.map(|why| format!("`{}` can be read only in part: {why}", OUTCOME.file));
        reader.from.troubles.extend(unlike);
        let timeline: Vec<Row> = reader.part(TIMELINE, timeline::from_csv).unwrap_or_default();
        if let Some(last) = timeline.last()
            && let Some(length) = whole.length()
            && last.end_s < 0.999 * length
        {
            let ends = text::time(last.end_s);
            reader.from.troubles.push(format!(
                "`{TIMELINE}` is cut off: it ends after {ends} of a run of {}",
                text::time(length)
            ));
        }
        let heat = reader.part(HEATMAP, timeline::from_csv).unwrap_or_default();
        let histograms = reader
            .part(HISTOGRAMS, |text| serde_json::from_str(text).map_err(|error| error.to_string()));
        let Provenance { command, troubles } = reader.from;
        Ok(Self { timeline, heat, histograms, command, troubles, ..whole })
    }

    /// Why an outcome that says it has this version's shape has not.
    fn unlike(&self) -> Option<String> {
        if self.text("schema") != Some(OUTCOME.schema) {
            return None;
        }
        let error = if self.at("intervals").is_null() {
            Outcome::<f64, Option<f64>>::deserialize(&self.outcome).err()
        } else {
            Estimated::deserialize(&self.outcome).err()
        };
        error.map(|error| error.to_string())
    }

    /// How long the run was that the timeline is of, in seconds, where it is known for certain. The
    /// outcome of replications tells the time of all together, which may differ in length unless it
    /// was set; that of resamples tells the time of the recorded trace, which is the first run.
    fn length(&self) -> Option<f64> {
        let told = self.number("duration_s")?.estimate;
        let set = !self.at("scenario.run.duration").is_null();
        let stopped = self.at("partial").as_bool() == Some(true);
        match self.text("intervals.method") {
            Some("replications") => (set && !stopped).then(|| told / self.runs() as f64),
            _ => Some(told),
        }
    }

    /// A text of the outcome by its path, `latency_s.p99`.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.at(path).as_str()
    }

    /// A number of the outcome by its path, plain or estimated.
    pub fn number(&self, path: &str) -> Option<Number> {
        Number::of(self.at(path))
    }

    /// The value at a path; null when there is none.
    pub fn at(&self, path: &str) -> &Value {
        path.split('.').fold(&self.outcome, |value, key| &value[key])
    }

    /// The items of a list by its path.
    pub fn list(&self, path: &str) -> &[Value] {
        self.at(path).as_array().map_or(&[], Vec::as_slice)
    }

    /// How many runs the numbers are of: replications, or a trace with its resamples.
    pub fn runs(&self) -> u64 {
        match self.text("intervals.method") {
            Some("replications" | "resamples") => self.at("intervals.parts").as_u64().unwrap_or(1),
            _ => 1,
        }
    }

    /// The name of the run, for people.
    pub fn name(&self) -> &str {
        self.text("name").filter(|name| !name.is_empty()).unwrap_or("run")
    }

    /// The currency of its prices.
    pub fn currency(&self) -> String {
        self.text("cost.currency").unwrap_or_default().to_owned()
    }
}

impl Number {
    /// A number as an outcome writes it: alone, or with an interval and a status.
    pub fn of(value: &Value) -> Option<Self> {
        let Some(fields) = value.as_object() else {
            return Some(Self { estimate: value.as_f64()?, interval: None, rough: false });
        };
        let estimate = fields.get("estimate")?.as_f64()?;
        let end = |key: &str, open: f64| fields.get(key).and_then(Value::as_f64).unwrap_or(open);
        let interval = Some((end("low", f64::NEG_INFINITY), end("high", f64::INFINITY)));
        let rough = fields.get("status").is_some_and(|status| status == "low-precision");
        Some(Self { estimate, interval, rough })
    }
}
