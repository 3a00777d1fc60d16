//! Which part of a trace is replayed, how fast, and how many of its requests.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::diagnose::Problem;
use crate::time::Duration;

/// Which part of a trace is replayed, how fast, and how many of its requests.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Shape {
    /// The part of the trace that is replayed, from its first row: `10m..1h`, `..1h`, `10m..`.
    pub window: Window,
    /// By how much time runs faster; service times are untouched.
    pub speed_up: f64,
    /// How many requests arrive for each one recorded.
    pub rate_scale: f64,
    /// Keep or drop all requests of a key together when `rate-scale` is below 1.
    pub thin_by_key: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self { window: Window::ALL, speed_up: 1.0, rate_scale: 1.0, thin_by_key: false }
    }
}

impl Shape {
    /// Says what is wrong with it.
    pub fn check(&self) -> Result<(), Problem> {
        for (key, number) in [("speed-up", self.speed_up), ("rate-scale", self.rate_scale)] {
            if !(number.is_finite() && number > 0.0 && number <= 1e6) {
                return Err(Problem::about(
                    key,
                    format!("`{key}` must be above 0 and at most a million, not {number}"),
                ));
            }
        }
        Ok(())
    }
}

/// A stretch of a trace, counted from its first row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Where it begins.
    pub from: Duration,
    /// Where it ends; nothing at this instant belongs to it.
    pub until: Duration,
}

impl Window {
    /// The whole trace.
    pub const ALL: Self = Self { from: Duration::ZERO, until: Duration::FOREVER };

    /// Reads `10m..1h`, `..1h`, `10m..`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let example = "write e.g. `10m..1h`, `..1h` or `10m..`";
        let (from, until) =
            text.split_once("..").ok_or_else(|| format!("`{text}` is not a window: {example}"))?;
        let bound = |text: &str, open| match text.trim() {
            "" => Ok(open),
            text => Duration::parse(text),
        };
        let window =
            Self { from: bound(from, Duration::ZERO)?, until: bound(until, Duration::FOREVER)? };
        if window.from >= window.until {
            return Err(format!("the window `{text}` ends before it begins: {example}"));
        }
        Ok(window)
    }
}

impl Default for Window {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from > Duration::ZERO {
            write!(f, "{}", self.from)?;
        }
        f.write_str("..")?;
        if self.until < Duration::FOREVER { write!(f, "{}", self.until) } else { Ok(()) }
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

impl JsonSchema for Window {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Window".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "examples": ["10m..1h", "..1h", "10m.."] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_written_as_two_durations() {
        let minute = Duration::from_secs(60);
        assert_eq!(Window::parse("1m.."), Ok(Window { from: minute, ..Window::ALL }));
        assert_eq!(Window::parse(" .. "), Ok(Window::ALL));
        assert!(Window::parse("2m..1m").is_err_and(|why| why.contains("ends before it begins")));
        assert!(Window::parse("1m").is_err_and(|why| why.contains("10m..1h")));
        assert_eq!(Window::parse("1m..1h").unwrap().to_string(), "1m..1h");
    }
}
