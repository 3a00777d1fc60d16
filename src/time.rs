//! Instants and durations in whole nanoseconds, and how people write them ("250ms").

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Nanoseconds in a second.
pub const SECOND_NS: u64 = 1_000_000_000;

/// A point of simulated time: nanoseconds since the start of the run.
///
/// Whole numbers, so that two events of one instant really are of one instant and a sum of many
/// small steps does not depend on their order. 2⁶⁴ ns are 584 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Instant(pub u64);

impl Instant {
    /// The start of a run.
    pub const START: Self = Self(0);
    /// Later than every event.
    pub const NEVER: Self = Self(u64::MAX);

    /// The instant `seconds` after the start, rounded to a nanosecond.
    pub fn from_secs_f64(seconds: f64) -> Self {
        Self(Duration::from_secs_f64(seconds).0)
    }

    /// Seconds since the start.
    pub fn as_secs_f64(self) -> f64 {
        Duration(self.0).as_secs_f64()
    }

    /// The time from `earlier` to here, zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    #[inline]
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub for Instant {
    type Output = Duration;
    #[inline]
    fn sub(self, earlier: Self) -> Duration {
        debug_assert!(self >= earlier, "time runs forward: {self:?} before {earlier:?}");
        Duration(self.0.wrapping_sub(earlier.0))
    }
}

/// A span of simulated time in whole nanoseconds, written with a unit: `"250ms"`, `"1h 30m"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub u64);

impl Duration {
    /// No time.
    pub const ZERO: Self = Self(0);
    /// Longer than every run.
    pub const FOREVER: Self = Self(u64::MAX);

    /// Whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds * SECOND_NS)
    }

    /// Whole hours.
    pub const fn from_hours(hours: u64) -> Self {
        Self::from_secs(3600 * hours)
    }

    /// Whole days.
    pub const fn from_days(days: u64) -> Self {
        Self::from_hours(24 * days)
    }

    /// Whole milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }

    /// Seconds rounded to a nanosecond; negative and NaN become zero, beyond 584 years [`FOREVER`].
    ///
    /// [`FOREVER`]: Self::FOREVER
    #[inline]
    pub fn from_secs_f64(seconds: f64) -> Self {
        // The cast saturates at both ends and maps NaN to zero.
        Self((seconds * SECOND_NS as f64 + 0.5) as u64)
    }

    /// Seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / SECOND_NS as f64
    }

    /// This span divided by a speed: the time that work of this length takes at `speed`.
    #[inline]
    #[must_use]
    pub fn at_speed(self, speed: f64) -> Self {
        if speed == 1.0 { self } else { Self((self.0 as f64 / speed).round() as u64) }
    }

    /// Reads `250ms`, `1.5s`, `1h 30m`; a bare number is refused, for nobody can tell its unit.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.parse::<f64>().is_ok_and(|number| number == 0.0) {
            return Ok(Self::ZERO);
        }
        let advice = "write a number with its unit, e.g. `250ms`, `1.5s`, `10m`, `1h 30m`, `7d`";
        if text.parse::<f64>().is_ok() {
            return Err(format!("the duration `{text}` has no unit: {advice}"));
        }
        let span = humantime::parse_duration(text)
            .map_err(|error| format!("`{text}` is not a duration ({error}): {advice}"))?;
        u64::try_from(span.as_nanos())
            .map(Self)
            .map_err(|_| format!("`{text}` is longer than 584 years"))
    }
}

impl Add for Duration {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Duration {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

const DAY_NS: u64 = 86_400 * SECOND_NS;

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::FOREVER {
            return f.write_str("forever");
        }
        // A month is no fixed number of days, so days are the largest unit.
        let (days, rest) = (self.0 / DAY_NS, std::time::Duration::from_nanos(self.0 % DAY_NS));
        match days {
            0 => {}
            1 => f.write_str("1day")?,
            _ => write!(f, "{days}days")?,
        }
        match (days, rest.is_zero()) {
            (0, _) => write!(f, "{}", humantime::format_duration(rest)),
            (_, true) => Ok(()),
            (_, false) => write!(f, " {}", humantime::format_duration(rest)),
        }
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::units::from_text_or_number(deserializer, "a duration such as `250ms`", |word| {
            Self::parse(&word.to_string()).map_err(D::Error::custom)
        })
    }
}

impl schemars::JsonSchema for Duration {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "examples": ["250ms", "1.5s", "1h 30m"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_unit_and_refused_without() {
        assert_eq!(Duration::parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(Duration::parse("0.2ms"), Ok(Duration(200_000)));
        assert_eq!(Duration::parse("1h 30m"), Ok(Duration::from_secs(5400)));
        assert!(Duration::parse("250").is_err_and(|why| why.contains("no unit")));
        assert!(Duration::parse("-3s").is_err());
    }

    #[test]
    fn a_duration_prints_as_it_is_read() {
        assert_eq!(Duration::parse("40d").unwrap().to_string(), "40days");
        for text in ["250ms", "1h 30m", "1us 5ns", "1d", "400d 6h", "584y"] {
            let span = Duration::parse(text).unwrap();
            assert_eq!(Duration::parse(&span.to_string()), Ok(span));
        }
    }

    #[test]
    fn absurd_seconds_saturate_instead_of_wrapping() {
        assert_eq!(Duration::from_secs_f64(f64::NAN), Duration::ZERO);
        assert_eq!(Duration::from_secs_f64(-1.0), Duration::ZERO);
        assert_eq!(Duration::from_secs_f64(f64::INFINITY), Duration::FOREVER);
    }
}
