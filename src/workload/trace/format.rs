//! Named formats of public traces and of servers' logs: how each is recognised, and what it means.
//!
//! A format says what the names of its columns cannot: the unit of its stamps above all. Where
//! formats differ only in spelling there is nothing to say, and `csv` or `json-lines` is the name.

use super::header::{Name, Role};
use super::record::Layout;
use crate::diagnose::{Problem, unknown};
use crate::time_unit::TimeUnit;

mod logs;

/// A format of traffic files, known by name.
#[derive(Debug)]
pub struct Format {
    /// Its name, for `trace format` in `list` and for the option `format`.
    pub name: &'static str,
    /// What it is, what is read from it, and where it comes from; one paragraph.
    pub manual: &'static str,
    /// Columns without which a file is not of this format, in the common form of names.
    pub(super) columns: &'static [&'static str],
    /// Which column plays which role, where the spelling alone does not say so.
    pub(super) roles: &'static [(Role, &'static str)],
    /// What the fields are, in a format whose files have no header.
    pub(super) names: &'static [&'static str],
    /// The unit of numeric stamps.
    pub(super) time_unit: Option<TimeUnit>,
    /// The unit of service times.
    pub(super) service_unit: Option<TimeUnit>,
    pub(super) shape: Shape,
    /// Why its rows are not in order of arrival, if they are not.
    pub(super) unsorted: Option<&'static str>,
    /// Whether a request without output tokens is one that failed.
    pub(super) no_output_failed: bool,
    /// Whether a service time of -1 marks a request that was never served.
    pub(super) minus_one_failed: bool,
    pub(super) fits: fn(&Head<'_>) -> bool,
}

impl Format {
    /// What it is, in a few words: the manual up to its first colon or full stop.
    pub fn summary(&self) -> &'static str {
        let ends = [": ", ". "].map(|end| self.manual.find(end).unwrap_or(self.manual.len()));
        &self.manual[..ends[0].min(ends[1])]
    }
}

/// How the rows of a format carry their arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A row is a request, or an interval with a stamp.
    Rows,
    /// A row is a function, a column a minute of the day: Azure Functions 2019.
    MinuteColumns,
    /// Every number is the count of the next interval.
    Counts,
    /// The first column is the middle of the interval, in intervals: LIMBO.
    MidIntervals,
    /// Fields of a log, by their places.
    Log,
}

/// What can be seen of a file before its format is known.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) layout: &'a Layout,
    /// The header; empty where there is none.
    pub(super) names: &'a [Name],
    /// The first row of values; JSON values as they are written, texts in their quotes.
    pub(super) first: &'a [String],
    /// Whether the lines end in a `;` that separates nothing.
    pub(super) stripped: bool,
    /// Whether the user says what a column is.
    pub(super) mapped: bool,
}

impl Head<'_> {
    /// Whether nobody says what the columns are.
    fn is_bare(&self) -> bool {
        self.names.is_empty() && !self.mapped
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|other| other.whole == name)
    }

    /// The first row's value under a name.
    fn value(&self, name: &str) -> &str {
        let place = self.names.iter().position(|other| other.whole == name);
        place.and_then(|place| self.first.get(place)).map_or("", String::as_str)
    }
}

/// A format without quirks, for the others to differ from.
const PLAIN: Format = Format {
    name: "csv",
    manual: "Any table with a header whose columns are recognised by name or mapped by the option \
             `columns`: comma-, tab-, semicolon- or blank-separated, quoted as in RFC 4180. Stamps \
             are dates, or numbers whose unit the header says (`arrival_ms`), the option \
             `time-unit` says, or their size says (seconds, milliseconds, microseconds or \
             nanoseconds since 1970, between 2001 and 2103). A column of counts or rates makes \
             each row an interval, and its requests arrive inside it as a Poisson process does.",
    columns: &[],
    roles: &[],
    names: &[],
    time_unit: None,
    service_unit: None,
    shape: Shape::Rows,
    unsorted: None,
    no_output_failed: false,
    minus_one_failed: false,
    fits: |head| *head.layout != Layout::Json,
};

/// Every format, the particular before the general: the first that fits a file is its own.
pub static FORMATS: &[Format] = &[
    Format {
        name: "azure-llm",
        manual: "Azure LLM inference traces of 2023 and 2024 (Patel et al., ISCA 2024; Stojkovic \
                 et al., HPCA 2025): `TIMESTAMP,ContextTokens,GeneratedTokens`, one request a row, \
                 dates with seven decimals of a second, with a zone in 2024.",
        columns: &["timestamp", "context_tokens", "generated_tokens"],
        fits: |_| true,
        ..PLAIN
    },
    Format {
        name: "vidur",
        manual: "Request traces of the simulator Vidur (Agrawal et al., MLSys 2024): `arrived_at` \
                 in seconds from the start, `num_prefill_tokens`, `num_decode_tokens`.",
        columns: &["arrived_at", "num_prefill_tokens", "num_decode_tokens"],
        time_unit: Some(TimeUnit::Second),
        fits: |_| true,
        ..PLAIN
    },
    Format {
        name: "splitwise",
        manual: "Request traces of the simulator splitwise-sim (Patel et al., ISCA 2024): \
                 `request_id,request_type,application_id,arrival_timestamp,batch_size,prompt_size,\
                 token_size`, stamps in seconds from the start.",
        columns: &["arrival_timestamp", "prompt_size", "token_size"],
        time_unit: Some(TimeUnit::Second),
        fits: |_| true,
        ..PLAIN
    },
    Format {
        name: "burstgpt",
        manual: "BurstGPT (Wang et al., KDD 2025), both versions: `Timestamp` in seconds that do \
                 not start at zero, `Model`, `Request tokens`, `Response tokens`, `Log Type`, and \
                 in the second version `Session ID` (blank for calls of the API) and `Elapsed \
                 time` in seconds. A response of no tokens is a request that failed.",
        columns: &["timestamp", "model", "request_tokens", "response_tokens", "log_type"],
        time_unit: Some(TimeUnit::Second),
        service_unit: Some(TimeUnit::Second),
        no_output_failed: true,
        fits: |_| true,
        ..PLAIN
    },
    Format {
        name: "ragpulse",
        manual: "RAGPulse (Wang et al., 2025), JSON lines: `timestamp` is a text of whole seconds, \
                 `hash_ids` an object of lists, `session_id` the conversation. The file is two \
                 sorted runs one after the other, so it is sorted when it is read.",
        columns: &["timestamp", "input_length", "output_length", "hash_ids", "session_id"],
        time_unit: Some(TimeUnit::Second),
        unsorted: Some("RAGPulse is two sorted runs joined"),
        fits: |head| head.value("hash_ids").starts_with('{'),
        ..PLAIN
    },
    Format {
        name: "bailian",
        manual: "Traces of Alibaba's Bailian (Wang et al., USENIX ATC 2025), JSON lines: \
                 `timestamp` in seconds, `input_length`, `output_length`, `type`, and `chat_id` \
                 with `parent_chat_id` (-1 at the root), from which the conversation is followed: \
                 all its turns have the key of the first.",
        columns: &["chat_id", "parent_chat_id", "timestamp", "input_length", "output_length"],
        time_unit: Some(TimeUnit::Second),
        fits: |_| true,
        ..PLAIN
    },
    Format {
        name: "mooncake",
        manual: "Mooncake's traces (Qin et al., FAST 2025), JSON lines: `timestamp` in whole \
                 *milliseconds*, `input_length`, `output_length`, `hash_ids` (a list, one a block \
                 of 512 tokens) and nothing else. The conversation trace's stamps are quantised \
                 to about three seconds: replayed as they are they make batches that never were, \
                 and `spread` undoes that.",
        columns: &["timestamp", "input_length", "output_length", "hash_ids"],
        time_unit: Some(TimeUnit::Millisecond),
        fits: |head| {
            head.names.len() == 4
                && head.value("hash_ids").starts_with('[')
                && head.value("timestamp").bytes().all(|byte| byte.is_ascii_digit())
        },
        ..PLAIN
    },
    Format {
        name: "azure-functions-2019",
        manual: "Azure Functions 2019 (Shahrad et al., USENIX ATC 2020), the invocation counts: \
                 `HashOwner,HashApp,HashFunction,Trigger,1,…,1440`, a row for each function and a \
                 column for each minute of the day. The file is read whole and turned, for time \
                 runs across it; the key is the function, the class its trigger.",
        columns: &["hash_owner", "hash_app", "hash_function", "trigger", "1"],
        shape: Shape::MinuteColumns,
        fits: |_| true,
        ..PLAIN
    },
    Format {
        name: "azure-functions-2021",
        manual: "Azure Functions 2021 (Zhang et al., SOSP 2021): `app,func,end_timestamp,duration` \
                 in seconds. A request arrives at its end less its duration; the rows are in \
                 neither order, so they are sorted when they are read.",
        columns: &["app", "func", "end_timestamp", "duration"],
        time_unit: Some(TimeUnit::Second),
        service_unit: Some(TimeUnit::Second),
        unsorted: Some("Azure Functions 2021 is in order neither of arrival nor of end"),
        fits: |_| true,
        ..PLAIN
    },
    Format {
        name: "nasa-http",
        manual: "NASA's web server in July and August 1995 (Internet Traffic Archive) as tab-\
                 separated values: `host`, `time` in seconds since 1970, `method`, `url`, \
                 `response`, `bytes`. Stamps are whole seconds, so many requests share one.",
        columns: &["host", "time", "method", "url", "response", "bytes"],
        roles: &[(Role::Status, "response")],
        time_unit: Some(TimeUnit::Second),
        fits: |_| true,
        ..PLAIN
    },
    Format {
        name: "servegen-rates",
        manual: "Rates of model services from ServeGen (Xiang et al., 2025): \
                 `category,model,window_start_s,total_rate_rps`, one service after another, each \
                 from time zero, so the rows are sorted when they are read and the services add \
                 up.",
        columns: &["category", "model", "window_start_s", "total_rate_rps"],
        unsorted: Some("ServeGen's services stand one after another"),
        fits: |_| true,
        ..PLAIN
    },
    Format {
        name: "cloudwatch",
        manual: "Points of CloudWatch's `get-metric-statistics`, one JSON object a line (`jq -c \
                 '.Datapoints[]'`): `Timestamp`, `Sum`, `Unit`. They come in no order, so they are \
                 sorted when they are read; an interval without requests has no point.",
        columns: &["timestamp", "sum", "unit"],
        unsorted: Some("CloudWatch gives its points in no order"),
        fits: |_| true,
        ..PLAIN
    },
    Format {
        name: "limbo",
        manual: "Load profiles of LIMBO and of DynamicWorkloads (von Kistowski et al., TAAS 2017): \
                 lines such as `0.5,230634.0;` without a header, the middle of an interval counted \
                 in intervals and the requests in it. The option `interval` says its length.",
        shape: Shape::MidIntervals,
        names: &["middle_of_interval", "count"],
        roles: &[(Role::Arrival, "middle_of_interval"), (Role::Count, "count")],
        fits: |head| head.stripped && head.is_bare() && head.first.len() == 2,
        ..PLAIN
    },
    Format {
        name: "counts",
        manual: "Bare numbers without a header, one a line (autothrottle) or many (`1 0 0 2 …`): \
                 each is the count of the next interval, whose length the option `interval` says.",
        shape: Shape::Counts,
        fits: |head| {
            head.is_bare()
                && (head.first.len() == 1 || is_blanks(head.layout))
                && head.first.iter().all(|cell| super::number::real(cell.as_bytes()).is_ok())
        },
        ..PLAIN
    },
    logs::INGRESS,
    logs::TIMED,
    logs::COMBINED,
    logs::ALB,
    logs::ENVOY,
    logs::HAPROXY,
    PLAIN,
    Format {
        name: "json-lines",
        manual: "One JSON object a line; its keys are recognised or mapped as the columns of a \
                 table are. Values may be numbers or texts; nested values are passed over.",
        fits: |_| true,
        ..PLAIN
    },
];

fn is_blanks(layout: &Layout) -> bool {
    *layout == Layout::Delimited(super::options::Delimiter::Blanks)
}

/// The format of a name.
pub fn find(name: &str) -> Result<&'static Format, Problem> {
    FORMATS.iter().find(|format| format.name == name).ok_or_else(|| {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
        let problem = unknown("trace format", name, &names);
        Problem::about("format", problem.message()).help(problem.remedy().unwrap_or_default())
    })
}

/// The first format that has its columns in the file and says it fits.
pub(super) fn recognise(head: &Head<'_>) -> &'static Format {
    FORMATS
        .iter()
        .filter(|format| format.shape != Shape::Log)
        .find(|format| format.columns.iter().all(|name| head.has(name)) && (format.fits)(head))
        .expect("the last format fits every file")
}

/// The log format of a line, if it is one.
pub(super) use logs::recognise as recognise_log;
