//! What the user may say about a traffic file: its format, columns, units, and what to mend.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::header::Role;
use crate::diagnose::Problem;
use crate::time::Duration;
use crate::time_unit::TimeUnit;
use crate::units::{Word, from_text_or_number};

/// What the user says about a traffic file; whatever is left out is recognised or refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Options {
    /// The name of the file's format (`plimsoll list trace-format`); recognised by its columns when
    /// left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Which column plays which role, by name or by number from 1.
    pub columns: Columns,
    /// The unit of numeric arrival stamps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_unit: Option<TimeUnit>,
    /// The unit of numeric service times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_unit: Option<TimeUnit>,
    /// How dates are written where no usual form fits, in `strftime` letters: `%d.%m.%Y %H:%M`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_format: Option<String>,
    /// What stands between two columns: a character, `tab`, or `space` for runs of blanks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<Delimiter>,
    /// Whether the first line names the columns; seen from the line itself when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// The time that one row of counts covers, where the stamps do not show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    /// Read the whole file and sort it by arrival; ties keep their order.
    pub sort: bool,
    /// Place requests at random inside the tick their stamps were rounded to: `true` for the
    /// smallest step seen, or the step, such as `"3s"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
    /// Leave out the requests that failed when they were recorded.
    pub skip_failed: bool,
    /// Leave out rows that cannot be read, and count them, instead of refusing the file.
    pub skip_damaged: bool,
    /// Whether a row without a service time is damaged, for nothing else gives it one.
    #[serde(skip)]
    pub needs_service: bool,
}

impl Options {
    /// The names of all options, for a table that holds others as well.
    pub const KEYS: &'static [&'static str] = &[
        "format",
        "columns",
        "time-unit",
        "service-unit",
        "time-format",
        "delimiter",
        "header",
        "interval",
        "sort",
        "spread",
        "skip-failed",
        "skip-damaged",
    ];

    /// Says what is wrong with options that can be judged without seeing the file.
    pub fn check(&self) -> Result<(), Problem> {
        let nothing = |key: &str, span: Option<Duration>| match span {
            Some(Duration::ZERO) => Err(Problem::about(key, format!("`{key}` must be above zero"))
                .help("write e.g. \"1m\"")),
            _ => Ok(()),
        };
        nothing("interval", self.interval)?;
        match self.spread {
            Some(Spread::Tick(tick)) => nothing("spread", Some(tick))?,
            Some(Spread::Seen(_)) | None => {}
        }
        match &self.format {
            Some(name) => super::format::find(name).map(|_| ()),
            None => Ok(()),
        }
    }
}

/// Which column plays which role; each by name, or by number from 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Columns {
    /// When the request arrives, or when the interval that a row counts begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Column>,
    /// When the request ended; arrivals are this less the service time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Column>,
    /// How long it was served.
    #[serde(skip_serializing_if = "Option::is_none", alias = "duration")]
    pub service: Option<Column>,
    /// Input tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Column>,
    /// Output tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Column>,
    /// What hash policies look at: a session, a tenant, a URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Column>,
    /// The kind of request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Column>,
    /// A whole number; larger is served earlier where the discipline looks at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Column>,
    /// A status that tells whether the request failed when it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Column>,
    /// How many requests arrived in the interval of the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<Column>,
    /// How many requests a second arrived in the interval of the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Column>,
}

impl Columns {
    /// The column the user gave to a role.
    pub fn of(&self, role: Role) -> Option<&Column> {
        match role {
            Role::Arrival => self.arrival.as_ref(),
            Role::End => self.end.as_ref(),
            Role::Service => self.service.as_ref(),
            Role::Input => self.input.as_ref(),
            Role::Output => self.output.as_ref(),
            Role::Key => self.key.as_ref(),
            Role::Class => self.class.as_ref(),
            Role::Priority => self.priority.as_ref(),
            Role::Status => self.status.as_ref(),
            Role::Count => self.count.as_ref(),
            Role::Rate => self.rate.as_ref(),
        }
    }
}

/// A column by its name in the header, or by its number from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// As the header has it.
    Name(String),
    /// Counted from 1.
    Number(usize),
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Name(name) => serializer.serialize_str(name),
            Self::Number(number) => serializer.serialize_u64(*number as u64),
        }
    }
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "the name of a column, or its number from 1";
        from_text_or_number(deserializer, expected, |word| match word {
            Word::Text(name) => Ok(Self::Name(name)),
            Word::Number(number) if number >= 1.0 && number.fract() == 0.0 => {
                Ok(Self::Number(number as usize))
            }
            Word::Number(number) => {
                Err(D::Error::custom(format!("columns are counted from 1, not {number}")))
            }
        })
    }
}

impl JsonSchema for Column {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Column".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "integer"], "examples": ["timestamp", 1] })
    }
}

/// What stands between two columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// One byte: `,`, `;`, `|`, tab.
    Byte(u8),
    /// One or more blanks.
    Blanks,
}

impl Delimiter {
    /// In words, for the report.
    pub fn words(self) -> String {
        match self {
            Self::Byte(b',') => "comma-separated".to_owned(),
            Self::Byte(b'\t') => "tab-separated".to_owned(),
            Self::Byte(b';') => "semicolon-separated".to_owned(),
            Self::Byte(byte) => format!("`{}`-separated", char::from(byte)),
            Self::Blanks => "separated by blanks".to_owned(),
        }
    }
}

impl fmt::Display for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(b'\t') => f.write_str("tab"),
            Self::Byte(byte) => write!(f, "{}", char::from(*byte)),
            Self::Blanks => f.write_str("space"),
        }
    }
}

impl Serialize for Delimiter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Delimiter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "tab" | "\t" | "\\t" => Ok(Self::Byte(b'\t')),
            "space" | " " => Ok(Self::Blanks),
            "comma" => Ok(Self::Byte(b',')),
            "semicolon" => Ok(Self::Byte(b';')),
            other => match other.as_bytes() {
                [byte] if byte.is_ascii_punctuation() && *byte != b'"' => Ok(Self::Byte(*byte)),
                _ => Err(D::Error::custom(format!(
                    "`{text}` cannot separate columns: write one mark such as `,`, or `tab`, \
                     or `space`"
                ))),
            },
        }
    }
}

impl JsonSchema for Delimiter {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Delimiter".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "examples": [",", "tab", "space"] })
    }
}

/// How far the requests of one stamp are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Over the smallest step between the stamps at the head of the file, if `true`.
    Seen(bool),
    /// Over a given step.
    Tick(Duration),
}

impl Serialize for Spread {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Seen(wanted) => serializer.serialize_bool(*wanted),
            Self::Tick(tick) => tick.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Spread {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Spread;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`, or the step of the stamps such as `3s`")
            }
            fn visit_bool<E>(self, wanted: bool) -> Result<Spread, E> {
                Ok(Spread::Seen(wanted))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Spread, E> {
                match text {
                    "true" => Ok(Spread::Seen(true)),
                    "false" => Ok(Spread::Seen(false)),
                    _ => Duration::parse(text).map(Spread::Tick).map_err(E::custom),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Spread {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Spread".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["boolean", "string"], "examples": [true, "3s"] })
    }
}
