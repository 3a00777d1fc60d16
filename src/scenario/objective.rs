//! Objectives: `p99 < 250ms`, `mean <= 0.2s`, `errors < 0.1%`, `utilization < 80%`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::diagnose::nearest;
use crate::time::Duration;
use crate::units::Share;

/// What an objective is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// A percentile of the latency, as a share: 0.99.
    Percentile(f64),
    /// The mean latency.
    Mean,
    /// The largest latency.
    Max,
    /// A percentile of the wait.
    WaitPercentile(f64),
    /// The mean wait.
    WaitMean,
    /// Requests that did not complete, as a share of those that arrived.
    Errors,
    /// Busy slot time over slot time.
    Utilization,
    /// Money an hour.
    CostPerHour,
}

/// A measure and the limit it must keep.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// As the user wrote it.
    pub text: String,
    /// What is measured.
    pub measure: Measure,
    /// Whether it must stay below the limit, else above.
    pub below: bool,
    /// Whether the limit itself is allowed.
    pub or_equal: bool,
    /// The limit: seconds, a share, or money an hour.
    pub limit: f64,
}

const WORDS: [&str; 12] = [
    "mean",
    "p50",
    "p90",
    "p95",
    "p99",
    "p99.9",
    "max",
    "wait-mean",
    "wait-p99",
    "errors",
    "utilization",
    "cost-per-hour",
];

impl Goal {
    /// Reads `measure < limit`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let advice =
            "write e.g. `p99 < 250ms`, `mean < 0.2s`, `errors < 0.1%`, `utilization < 80%`";
        let at = text
            .find(['<', '>', '≤', '≥'])
            .ok_or_else(|| format!("`{text}` is not an objective: {advice}"))?;
        let (word, rest) = text.split_at(at);
        let sign = rest.chars().next().unwrap_or('<');
        let rest = &rest[sign.len_utf8()..];
        let (or_equal, limit) = match rest.strip_prefix('=') {
            Some(limit) => (true, limit.trim()),
            None => ("≤≥".contains(sign), rest.trim()),
        };
        let measure = Measure::parse(word.trim())?;
        let limit = measure.limit(limit).map_err(|why| format!("in `{text}`: {why}"))?;
        let below = "<≤".contains(sign);
        Ok(Self { text: text.trim().to_owned(), measure, below, or_equal, limit })
    }

    /// Whether a value keeps the limit.
    pub fn is_met_by(&self, value: f64) -> bool {
        match (self.below, self.or_equal) {
            (true, false) => value < self.limit,
            (true, true) => value <= self.limit,
            (false, false) => value > self.limit,
            (false, true) => value >= self.limit,
        }
    }
}

impl Measure {
    /// Reads `p99`, `mean`, `wait-p99`, `errors` …
    pub fn parse(word: &str) -> Result<Self, String> {
        let lower = word.to_lowercase().replace('_', "-");
        let (wait, name) =
            match lower.strip_prefix("wait").map(|rest| rest.trim_start_matches(['-', '.'])) {
                Some(name) => (true, name),
                None => (false, lower.trim_start_matches("latency").trim_start_matches(['-', '.'])),
            };
        let measure = match name {
            "mean" | "avg" | "average" if wait => Self::WaitMean,
            "mean" | "avg" | "average" => Self::Mean,
            "max" if !wait => Self::Max,
            "errors" | "error-rate" => Self::Errors,
            "utilization" | "utilisation" => Self::Utilization,
            "cost-per-hour" | "cost" => Self::CostPerHour,
            _ => {
                let share = percentile(name).ok_or_else(|| {
                    let near = nearest(word, &WORDS)
                        .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                    format!("unknown measure `{word}`{near} (known: {})", WORDS.join(", "))
                })?;
                if wait { Self::WaitPercentile(share) } else { Self::Percentile(share) }
            }
        };
        Ok(measure)
    }

    fn limit(self, text: &str) -> Result<f64, String> {
        match self {
            Self::Errors | Self::Utilization => Share::parse(text).map(|share| share.0),
            Self::CostPerHour => {
                let amount = text.trim_end_matches("/h").trim_matches(['$', '€', ' ']);
                let amount: Option<f64> = amount.parse().ok();
                amount
                    .filter(|amount| amount.is_finite() && *amount >= 0.0)
                    .ok_or_else(|| format!("`{text}` is not an amount an hour"))
            }
            _ => Duration::parse(text).map(Duration::as_secs_f64),
        }
    }
}

/// `p99`, `p99.9`, and `p999` for 99.9: three digits and more that begin with 9 have their point
/// after two.
fn percentile(name: &str) -> Option<f64> {
    let digits = name.strip_prefix('p')?;
    let percent: f64 = if digits.len() > 2 && digits.starts_with('9') && !digits.contains('.') {
        format!("{}.{}", &digits[..2], &digits[2..]).parse().ok()?
    } else {
        digits.parse().ok()?
    };
    // 99.9 / 100 is not the number nearest to 0.999; a whole number over a power of ten is.
    (percent > 0.0 && percent < 100.0).then(|| (percent * 1e7).round() / 1e9)
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A share has at most as many digits as it was written with: 99.9 % is not 99.90000001 %.
        let percent = |p: f64| (p * 1e8).round() / 1e6;
        match self {
            Self::Percentile(p) => write!(f, "p{}", percent(*p)),
            Self::WaitPercentile(p) => write!(f, "wait-p{}", percent(*p)),
            Self::Mean => f.write_str("mean"),
            Self::Max => f.write_str("max"),
            Self::WaitMean => f.write_str("wait-mean"),
            Self::Errors => f.write_str("errors"),
            Self::Utilization => f.write_str("utilization"),
            Self::CostPerHour => f.write_str("cost-per-hour"),
        }
    }
}

impl Serialize for Measure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Measure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::parse(&word).map_err(D::Error::custom)
    }
}

impl JsonSchema for Measure {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Measure".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "examples": WORDS })
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Goal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Goal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

impl JsonSchema for Goal {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Objective".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "examples": ["p99 < 250ms", "errors < 0.1%", "utilization < 80%"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_are_read_as_people_write_them() {
        let p99 = Goal::parse("p99<250ms").unwrap();
        assert_eq!((p99.measure, p99.limit), (Measure::Percentile(0.99), 0.25));
        assert!(p99.is_met_by(0.2) && !p99.is_met_by(0.25));
        assert_eq!(Goal::parse("p999 <= 1s").unwrap().measure, Measure::Percentile(0.999));
        assert_eq!(Goal::parse("p99.9 <= 1s").unwrap().measure, Measure::Percentile(0.999));
        assert!(Goal::parse("errors <= 0.1%").unwrap().is_met_by(0.001));
        assert_eq!(Goal::parse("wait-p99 < 1s").unwrap().measure, Measure::WaitPercentile(0.99));
    }

    #[test]
    fn a_measure_prints_as_it_is_read() {
        for word in WORDS {
            assert_eq!(Measure::parse(word).unwrap().to_string(), word);
        }
    }

    #[test]
    fn what_is_not_an_objective_is_refused_with_an_example() {
        for (text, word) in [
            ("p99", "write e.g."),
            ("p99 < 250", "no unit"),
            ("utilisatoin < 80%", "did you mean `utilization`"),
            ("errors < 200%", "outside"),
            ("p100 < 1s", "unknown measure"),
        ] {
            assert!(Goal::parse(text).is_err_and(|why| why.contains(word)), "{text}");
        }
    }
}
