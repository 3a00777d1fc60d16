//! `[run]`: how long, how often, how sure.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::Measure;
use crate::diagnose::Problem;
use crate::time::Duration;
use crate::units::{Share, from_text_or_number};

/// How long, how often, how sure.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Run {
    /// The length of the run; a trace ends by itself, drawn traffic after an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// The most requests of each class; unlimited when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// What is left out at the start: `auto`, `none` or a duration.
    pub warm_up: WarmUp,
    /// Independent repetitions, for intervals; 1 is one long run in batches, for a steady state
    /// only. When absent there is one run, without intervals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replications: Option<u32>,
    /// Repeats until the half-width of intervals is at most this share of the estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Share>,
    /// What must be that precise; the measures of the objectives when absent, else mean and p99.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub precision_of: Vec<Measure>,
    /// The most replications that `precision` may take.
    pub max_replications: u32,
    /// What a replication of a trace takes from it: `blocks` joins stretches of it at random, and
    /// intervals speak of other traffic of its kind; `none` replays it as it is, and they do not.
    pub resample: Resample,
    /// The confidence level of intervals.
    pub confidence: Share,
    /// The width of the timeline's bins; chosen by the length of the run when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            duration: None,
            requests: None,
            warm_up: WarmUp::Auto,
            replications: None,
            precision: None,
            precision_of: Vec::new(),
            max_replications: 400,
            resample: Resample::Blocks,
            confidence: Share(0.95),
            interval: None,
        }
    }
}

impl Run {
    /// Whether the numbers are to have intervals.
    pub fn wants_intervals(&self) -> bool {
        self.replications.is_some() || self.precision.is_some()
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        let wrong = |key: &str, what: &str| Err(Problem::about(key, what));
        if self.duration == Some(Duration::ZERO) {
            return wrong("duration", "`duration` must be above 0: write e.g. `10m`");
        }
        if self.requests == Some(0) {
            return wrong("requests", "`requests` must be at least 1");
        }
        if self.requests.is_some() && self.duration.is_some() {
            return wrong(
                "requests",
                "give `requests` or `duration`, not both: each sets the length",
            );
        }
        if self.replications == Some(0) {
            return wrong("replications", "`replications` must be at least 1");
        }
        if self.max_replications < 2 {
            return wrong("max-replications", "`max-replications` must be at least 2");
        }
        if self.precision == Some(Share(0.0)) {
            return wrong("precision", "`precision` must be above 0: no run is long enough for 0");
        }
        if self.interval == Some(Duration::ZERO) {
            return wrong("interval", "`interval` must be above 0: write e.g. `10s`");
        }
        if self.confidence.0 <= 0.0 || self.confidence.0 >= 1.0 {
            return wrong("confidence", "`confidence` must lie between 0 and 1, e.g. 0.95");
        }
        match (self.warm_up, self.duration) {
            (WarmUp::For(warm_up), Some(duration)) if warm_up >= duration => {
                wrong("warm-up", "the warm-up is as long as the run: nothing would be measured")
            }
            _ => Ok(()),
        }
    }
}

/// What a replication takes from a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Resample {
    /// Stretches of it, long against its correlations, joined at random.
    #[default]
    Blocks,
    /// The trace as it is; only what is drawn beside it varies.
    None,
}

/// What is left out at the start of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WarmUp {
    /// What MSER-5 finds for drawn traffic; nothing for a finite replay.
    #[default]
    Auto,
    /// Nothing.
    Nothing,
    /// This long.
    For(Duration),
}

impl Serialize for WarmUp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Nothing => serializer.serialize_str("none"),
            Self::For(span) => span.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for WarmUp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text_or_number(deserializer, "`auto`, `none` or a duration", |word| {
            match word.to_string().as_str() {
                "auto" => Ok(Self::Auto),
                "none" => Ok(Self::Nothing),
                span => Duration::parse(span).map(Self::For).map_err(D::Error::custom),
            }
        })
    }
}

impl JsonSchema for WarmUp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "WarmUp".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "examples": ["auto", "none", "60s"] })
    }
}
