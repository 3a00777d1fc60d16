//! Units of time, as columns of files and their names give them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A unit of time that a column of numbers may be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeUnit {
    /// Nanoseconds, `ns`.
    Nanosecond,
    /// Microseconds, `us`.
    Microsecond,
    /// Milliseconds, `ms`.
    Millisecond,
    /// Seconds, `s`.
    Second,
    /// Minutes, `min`.
    Minute,
    /// Hours, `h`.
    Hour,
    /// Days, `d`.
    Day,
}

impl TimeUnit {
    /// Every unit, small before large.
    pub const ALL: [Self; 7] = [
        Self::Nanosecond,
        Self::Microsecond,
        Self::Millisecond,
        Self::Second,
        Self::Minute,
        Self::Hour,
        Self::Day,
    ];

    /// Its length in nanoseconds.
    pub const fn nanos(self) -> u64 {
        match self {
            Self::Nanosecond => 1,
            Self::Microsecond => 1_000,
            Self::Millisecond => 1_000_000,
            Self::Second => 1_000_000_000,
            Self::Minute => 60_000_000_000,
            Self::Hour => 3_600_000_000_000,
            Self::Day => 86_400_000_000_000,
        }
    }

    /// `value` of this unit in seconds; divided where 0.001 would not be exact and 1000 is.
    pub fn to_seconds(self, value: f64) -> f64 {
        match self.nanos() {
            nanos @ 1_000_000_000.. => value * (nanos / 1_000_000_000) as f64,
            nanos => value / (1_000_000_000 / nanos) as f64,
        }
    }

    /// As users write it.
    pub const fn short(self) -> &'static str {
        match self {
            Self::Nanosecond => "ns",
            Self::Microsecond => "us",
            Self::Millisecond => "ms",
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
            Self::Day => "d",
        }
    }

    /// In a sentence.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Nanosecond => "nanoseconds",
            Self::Microsecond => "microseconds",
            Self::Millisecond => "milliseconds",
            Self::Second => "seconds",
            Self::Minute => "minutes",
            Self::Hour => "hours",
            Self::Day => "days",
        }
    }

    /// The unit a word means, in the spellings of configuration files and column names.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "ns" | "nsec" | "nsecs" | "nano" | "nanos" | "nanosecond" | "nanoseconds" => {
                Self::Nanosecond
            }
            "us" | "µs" | "μs" | "usec" | "usecs" | "micro" | "micros" | "microsecond"
            | "microseconds" => Self::Microsecond,
            "ms" | "msec" | "msecs" | "milli" | "millis" | "millisecond" | "milliseconds" => {
                Self::Millisecond
            }
            "s" | "sec" | "secs" | "second" | "seconds" => Self::Second,
            "m" | "min" | "mins" | "minute" | "minutes" => Self::Minute,
            "h" | "hr" | "hrs" | "hour" | "hours" => Self::Hour,
            "d" | "day" | "days" => Self::Day,
            _ => return None,
        })
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

impl Serialize for TimeUnit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.short())
    }
}

impl<'de> Deserialize<'de> for TimeUnit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::parse(word.trim()).ok_or_else(|| {
            D::Error::custom(format!(
                "`{word}` is not a unit of time: write `s`, `ms`, `us`, `ns`, `min`, `h` or `d`"
            ))
        })
    }
}

impl JsonSchema for TimeUnit {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TimeUnit".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": Self::ALL.map(Self::short) })
    }
}
