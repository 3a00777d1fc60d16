//! What the columns of a file are called, and which role each spelling plays.
//!
//! Names are compared in one form (`Request tokens`, `requestTokens` and `REQUEST_TOKENS` are
//! `request_tokens`), and a unit at their end (`arrival_ms`, `latency (s)`) is taken off and kept.

use serde::Serialize;

use crate::time_unit::TimeUnit;

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// When a request arrives, or when the interval that a row counts begins.
    Arrival,
    /// When a request ended.
    End,
    /// How long it was served.
    Service,
    /// Input tokens.
    Input,
    /// Output tokens.
    Output,
    /// A session, a tenant, a URL.
    Key,
    /// The kind of request.
    Class,
    /// Its priority.
    Priority,
    /// Whether it failed.
    Status,
    /// Requests in the interval of the row.
    Count,
    /// Requests a second in the interval of the row.
    Rate,
}

impl Role {
    /// Every role, in the order of the report.
    pub const ALL: [Self; 11] = [
        Self::Arrival,
        Self::End,
        Self::Service,
        Self::Input,
        Self::Output,
        Self::Key,
        Self::Class,
        Self::Priority,
        Self::Status,
        Self::Count,
        Self::Rate,
    ];

    /// As the option `columns` calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arrival => "arrival",
            Self::End => "end",
            Self::Service => "service",
            Self::Input => "input",
            Self::Output => "output",
            Self::Key => "key",
            Self::Class => "class",
            Self::Priority => "priority",
            Self::Status => "status",
            Self::Count => "count",
            Self::Rate => "rate",
        }
    }

    /// Whether two columns of equal claim are a question to the user rather than a choice.
    pub(super) const fn must_be_sure(self) -> bool {
        matches!(self, Self::Arrival | Self::End | Self::Service | Self::Count | Self::Rate)
    }
}

/// A column's name as written, in the form in which names are compared, and its unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// As the file has it.
    pub(super) written: String,
    /// In the common form, with its unit.
    pub(super) whole: String,
    /// In the common form, without its unit.
    pub(super) stem: String,
    /// The unit at its end.
    pub(super) unit: Option<TimeUnit>,
}

impl Name {
    pub(super) fn new(written: &str) -> Self {
        let written = written.trim().to_owned();
        let whole = common_form(&written);
        let (stem, unit) = match whole.rsplit_once('_') {
            Some((stem, word)) => match TimeUnit::parse(word).filter(|_| is_unit_of(stem, word)) {
                Some(unit) => (stem.strip_suffix("_in").unwrap_or(stem).to_owned(), Some(unit)),
                None => (whole.clone(), None),
            },
            None => (whole.clone(), None),
        };
        Self { written, whole, stem, unit }
    }

    /// The spelling this name is, under its whole name or without its unit.
    pub(super) fn spelling(&self) -> Option<&'static Spelling> {
        let named = |name: &str| SPELLINGS.iter().find(|spelling| spelling.name == name);
        named(&self.whole).or_else(|| named(&self.stem)).or_else(|| {
            let rates =
                ["_rps", "_qps", "_rpm", "_per_second", "_per_s", "_per_minute", "_per_hour"];
            rates.iter().any(|end| self.whole.ends_with(end)).then_some(&RATE)
        })
    }
}

/// Whether the word at the end of a name is its unit: `latency_min` is a minimum as often as it is
/// in minutes, and `t_m` is anybody's guess.
fn is_unit_of(stem: &str, word: &str) -> bool {
    match word {
        "m" | "d" => false,
        "min" => SPELLINGS.iter().any(|known| known.name == stem && known.role == Role::Arrival),
        _ => true,
    }
}

/// Lower case, words joined by `_`: `Session ID`, `sessionId` and `session-id` are `session_id`.
fn common_form(written: &str) -> String {
    let mut form = String::with_capacity(written.len() + 4);
    let mut before = '_';
    for letter in written.chars() {
        if letter.is_alphanumeric() {
            let new_word = letter.is_uppercase() && (before.is_lowercase() || before.is_numeric());
            if (new_word || before == '_') && !form.is_empty() && !form.ends_with('_') {
                form.push('_');
            }
            form.extend(letter.to_lowercase());
            before = letter;
        } else {
            before = '_';
        }
    }
    form
}

/// A name that columns are known by.
#[derive(Debug)]
pub(super) struct Spelling {
    /// In the common form.
    pub(super) name: &'static str,
    /// What it is for.
    pub(super) role: Role,
    /// Its claim to the role: of two columns the lower number has it.
    pub(super) rank: u8,
    /// The unit it has wherever it has been seen.
    pub(super) unit: Option<TimeUnit>,
}

const fn spelling(name: &'static str, role: Role, rank: u8) -> Spelling {
    Spelling { name, role, rank, unit: None }
}

const fn measured(name: &'static str, role: Role, rank: u8, unit: TimeUnit) -> Spelling {
    Spelling { name, role, rank, unit: Some(unit) }
}

static RATE: Spelling = spelling("rate", Role::Rate, 1);

/// Every spelling, from public traces and the logs of common servers. Equal ranks compete.
pub(super) static SPELLINGS: &[Spelling] = &[
    spelling("arrival", Role::Arrival, 1),
    spelling("arrival_time", Role::Arrival, 1),
    spelling("arrival_timestamp", Role::Arrival, 1),
    spelling("arrived_at", Role::Arrival, 1),
    spelling("timestamp", Role::Arrival, 1),
    spelling("timestamp_anon", Role::Arrival, 1),
    spelling("time_stamp", Role::Arrival, 1),
    spelling("time", Role::Arrival, 1),
    spelling("datetime", Role::Arrival, 1),
    spelling("date_time", Role::Arrival, 1),
    spelling("period", Role::Arrival, 1),
    spelling("ds", Role::Arrival, 1),
    spelling("ts", Role::Arrival, 1),
    spelling("t", Role::Arrival, 1),
    spelling("gmt_create", Role::Arrival, 1),
    spelling("created_at", Role::Arrival, 1),
    spelling("start_timestamp", Role::Arrival, 1),
    spelling("start_time", Role::Arrival, 1),
    spelling("invoke_time", Role::Arrival, 1),
    spelling("request_creation_time", Role::Arrival, 1),
    spelling("window_start", Role::Arrival, 1),
    spelling("date", Role::Arrival, 2),
    measured("day", Role::Arrival, 2, TimeUnit::Day),
    measured("hour", Role::Arrival, 2, TimeUnit::Hour),
    measured("minute", Role::Arrival, 2, TimeUnit::Minute),
    measured("second", Role::Arrival, 2, TimeUnit::Second),
    spelling("end_timestamp", Role::End, 1),
    spelling("end_time", Role::End, 1),
    spelling("finished_at", Role::End, 1),
    spelling("completed_at", Role::End, 1),
    spelling("service", Role::Service, 1),
    spelling("service_time", Role::Service, 1),
    spelling("demand", Role::Service, 1),
    spelling("exec_time", Role::Service, 1),
    spelling("execution_time", Role::Service, 1),
    spelling("processing_time", Role::Service, 1),
    measured("duration", Role::Service, 1, TimeUnit::Second),
    measured("elapsed_time", Role::Service, 2, TimeUnit::Second),
    measured("api_time", Role::Service, 2, TimeUnit::Second),
    measured("request_time", Role::Service, 2, TimeUnit::Second),
    measured("average", Role::Service, 3, TimeUnit::Millisecond),
    spelling("elapsed", Role::Service, 3),
    spelling("latency", Role::Service, 3),
    spelling("response_time", Role::Service, 3),
    spelling("context_tokens", Role::Input, 1),
    spelling("request_tokens", Role::Input, 1),
    spelling("input_length", Role::Input, 1),
    spelling("input_tokens", Role::Input, 1),
    spelling("n_input_tokens", Role::Input, 1),
    spelling("num_input_tokens", Role::Input, 1),
    spelling("num_prefill_tokens", Role::Input, 1),
    spelling("prompt_size", Role::Input, 1),
    spelling("prompt_tokens", Role::Input, 1),
    spelling("in", Role::Input, 2),
    spelling("generated_tokens", Role::Output, 1),
    spelling("response_tokens", Role::Output, 1),
    spelling("output_length", Role::Output, 1),
    spelling("output_tokens", Role::Output, 1),
    spelling("n_output_tokens", Role::Output, 1),
    spelling("num_output_tokens", Role::Output, 1),
    spelling("num_decode_tokens", Role::Output, 1),
    spelling("completion_tokens", Role::Output, 1),
    spelling("token_size", Role::Output, 1),
    spelling("out", Role::Output, 2),
    spelling("key", Role::Key, 1),
    spelling("session_id", Role::Key, 2),
    spelling("session", Role::Key, 2),
    spelling("conversation_id", Role::Key, 2),
    spelling("chat_id", Role::Key, 3),
    spelling("user_id", Role::Key, 4),
    spelling("user", Role::Key, 4),
    spelling("tenant", Role::Key, 4),
    spelling("tenant_id", Role::Key, 4),
    spelling("hash_function", Role::Key, 5),
    spelling("func", Role::Key, 5),
    spelling("function", Role::Key, 5),
    spelling("hash_app", Role::Key, 6),
    spelling("app", Role::Key, 6),
    spelling("hash_owner", Role::Key, 7),
    spelling("group_id", Role::Key, 7),
    spelling("application_id", Role::Key, 7),
    spelling("client", Role::Key, 8),
    spelling("client_ip", Role::Key, 8),
    spelling("url", Role::Key, 9),
    spelling("path", Role::Key, 9),
    spelling("host", Role::Key, 10),
    spelling("class", Role::Class, 1),
    spelling("model", Role::Class, 2),
    spelling("request_type", Role::Class, 3),
    spelling("type", Role::Class, 3),
    spelling("log_type", Role::Class, 4),
    spelling("trigger", Role::Class, 4),
    spelling("kind", Role::Class, 4),
    spelling("category", Role::Class, 5),
    spelling("priority", Role::Priority, 1),
    spelling("status", Role::Status, 1),
    spelling("status_code", Role::Status, 1),
    spelling("predict_status", Role::Status, 1),
    spelling("success", Role::Status, 2),
    spelling("count", Role::Count, 1),
    spelling("counts", Role::Count, 1),
    spelling("requests", Role::Count, 1),
    spelling("num_request", Role::Count, 1),
    spelling("num_requests", Role::Count, 1),
    spelling("invocations", Role::Count, 1),
    spelling("sum", Role::Count, 2),
    spelling("total", Role::Count, 2),
    spelling("value", Role::Count, 2),
    spelling("load", Role::Count, 2),
    spelling("y", Role::Count, 2),
    spelling("rate", Role::Rate, 1),
    spelling("qps", Role::Rate, 1),
    spelling("rps", Role::Rate, 1),
    spelling("rpm", Role::Rate, 1),
    spelling("request_rate", Role::Rate, 1),
    spelling("arrival_rate", Role::Rate, 1),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_in_one_form() {
        for (written, form) in [
            ("TIMESTAMP", "timestamp"),
            ("ContextTokens", "context_tokens"),
            ("Request tokens", "request_tokens"),
            ("  Session ID ", "session_id"),
            ("session-id", "session_id"),
            ("HashOwner", "hash_owner"),
            ("QPS", "qps"),
            ("4xx Error", "4xx_error"),
            ("__time__", "time"),
            ("", ""),
        ] {
            assert_eq!(common_form(written), form, "{written}");
        }
    }

    #[test]
    fn a_unit_at_the_end_of_a_name_is_taken_off() {
        for (written, stem, unit) in [
            ("arrival_ms", "arrival", Some(TimeUnit::Millisecond)),
            ("Latency (s)", "latency", Some(TimeUnit::Second)),
            ("exec_time_seconds", "exec_time", Some(TimeUnit::Second)),
            ("serviceTimeUs", "service_time", Some(TimeUnit::Microsecond)),
            ("time_in_ns", "time", Some(TimeUnit::Nanosecond)),
            ("latency_min", "latency_min", None),
            ("time_min", "time", Some(TimeUnit::Minute)),
            ("t", "t", None),
        ] {
            let name = Name::new(written);
            assert_eq!((name.stem.as_str(), name.unit), (stem, unit), "{written}");
        }
    }

    #[test]
    fn spellings_are_written_in_the_common_form_and_once() {
        for (place, spelling) in SPELLINGS.iter().enumerate() {
            assert_eq!(common_form(spelling.name), spelling.name);
            let same = SPELLINGS[..place].iter().find(|other| other.name == spelling.name);
            assert!(same.is_none(), "{} stands twice", spelling.name);
        }
    }
}
