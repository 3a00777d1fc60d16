//! `[run]`: how long, how often, how sure.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

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
    /// Independent repetitions; 1 gives no intervals.
    pub replications: u32,
    /// Repeats until the interval's half-width is at most this share of the estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Share>,
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
            replications: 1,
            precision: None,
            confidence: Share(0.95),
            interval: None,
        }
    }
}

impl Run {
    pub(super) fn check(&self) -> Result<(), Problem> {
        let wrong = |key: &str, what: &str| Err(Problem::about(key, what));
        if self.duration == Some(Duration::ZERO) {
            return wrong("duration", "`duration` must be above 0");
        }
        if self.requests == Some(0) {
            return wrong("requests", "`requests` must be at least 1");
        }
        if self.replications == 0 {
            return wrong("replications", "`replications` must be at least 1");
        }
        if self.precision == Some(Share(0.0)) {
            return wrong("precision", "`precision` must be above 0: no run is long enough for 0");
        }
        if self.interval == Some(Duration::ZERO) {
            return wrong("interval", "`interval` must be above 0");
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
