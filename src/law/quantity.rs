//! A number with or without a unit of time, as the options of a law are written.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::diagnose::Problem;
use crate::time::Duration;
use crate::units::{Word, from_text_or_number};

/// What a law's values count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Time: options are durations such as `180ms`, values are seconds.
    Time,
    /// A pure number, such as tokens: options are bare numbers.
    Count,
}

/// An option of a law: `"180ms"` or `250`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quantity {
    /// A time.
    Time(Duration),
    /// A pure number.
    Count(f64),
}

impl Quantity {
    /// The number in the law's unit (seconds for times), or what is wrong with option `key`.
    pub fn in_unit(self, unit: Unit, key: &str) -> Result<f64, Problem> {
        match (self, unit) {
            (Self::Time(span), Unit::Time) => Ok(span.as_secs_f64()),
            (Self::Count(0.0), Unit::Time) => Ok(0.0),
            (Self::Count(number), Unit::Count) => Ok(number),
            (Self::Count(number), Unit::Time) => Err(Problem::about(
                key,
                format!("`{key}` is a duration and `{number}` has no unit"),
            )
            .help(format!("write e.g. `{key} = \"{number}ms\"`"))),
            (Self::Time(span), Unit::Count) => {
                Err(Problem::about(key, format!("`{key}` counts something and `{span}` is a time"))
                    .help("write a bare number"))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text_or_number(deserializer, "a duration such as `180ms`, or a number", |word| {
            match word {
                Word::Number(number) => Ok(Self::Count(number)),
                Word::Text(text) => match text.trim().parse() {
                    Ok(number) => Ok(Self::Count(number)),
                    Err(_) => Duration::parse(&text).map(Self::Time).map_err(D::Error::custom),
                },
            }
        })
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Time(span) => span.serialize(serializer),
            Self::Count(number) => number.serialize(serializer),
        }
    }
}

impl schemars::JsonSchema for Quantity {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Quantity".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "number"], "examples": ["180ms", 250] })
    }
}
