//! A schedule by hand, with overrides for known events.
//!
//! *What it does*: rows of cron expressions, dates or times since the start, each with a count that
//! holds until the next row's; and events (a sale, a match) that for their length set the count to
//! at least, or to exactly, theirs.
//!
//! *When it shines*: traffic that people make by the clock, and peaks that are announced: no policy
//! that measures can be earlier than the calendar.
//!
//! *When it fails*: on every day that is not like the others. Keep a reactive policy beside it
//! (`max`).
//!
//! *Source*: scheduled actions of the cloud autoscalers; the cron of Unix.

pub mod cron;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Autoscaler, Manners, Setup, Signals, Target};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;

use self::cron::Cron;

/// When something begins: exactly one of the three is given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Row {
    /// A cron expression of five fields: minute, hour, day of month, month, day of week.
    pub cron: Option<String>,
    /// A date and time, `2024-11-29T08:00`.
    pub at: Option<String>,
    /// So long after the start of the simulation.
    pub after: Option<Duration>,
    /// Servers from then on.
    pub servers: u32,
}

/// A known event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Event {
    /// What it is, for the decision log.
    pub name: String,
    /// A cron expression at which it begins.
    pub cron: Option<String>,
    /// A date and time at which it begins.
    pub at: Option<String>,
    /// It begins so long after the start of the simulation.
    pub after: Option<Duration>,
    /// How long it lasts.
    pub lasts: Duration,
    /// Servers while it lasts.
    pub servers: u32,
    /// Whether the count is exactly this; otherwise the schedule may ask for more.
    pub exact: bool,
}

/// How the schedule is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// What the clock on the wall shows when the simulation starts; the default is a Monday.
    pub starts_at: String,
    /// Servers until the first row has begun.
    pub servers: u32,
    /// The rows; of several that begin at the same instant the last one counts.
    pub rows: Vec<Row>,
    /// Known events; of several at once the largest count, an exact one first.
    pub events: Vec<Event>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            starts_at: "2024-01-01T00:00".to_owned(),
            servers: 1,
            rows: Vec::new(),
            events: Vec::new(),
        }
    }
}

/// A beginning, understood.
#[derive(Debug, Clone, Copy)]
enum Start {
    Recurring(Cron),
    Once(DateTime),
}

impl Start {
    fn new(
        starts_at: DateTime,
        cron: Option<&str>,
        at: Option<&str>,
        after_ns: Option<u64>,
    ) -> Result<Self, String> {
        match (cron, at, after_ns) {
            (Some(text), None, None) => Ok(Self::Recurring(Cron::parse(text)?)),
            (None, Some(text), None) => Ok(Self::Once(civil(text)?)),
            (None, None, Some(after_ns)) => Ok(Self::Once(later(starts_at, after_ns)?)),
            _ => Err("a row begins by exactly one of cron, at and after".to_owned()),
        }
    }

    /// The last time it began.
    fn last(&self, now: DateTime) -> Option<DateTime> {
        match self {
            Self::Recurring(cron) => cron.last(now),
            Self::Once(at) => (*at <= now).then_some(*at),
        }
    }
}

fn civil(text: &str) -> Result<DateTime, String> {
    text.parse().map_err(|error| format!("{text:?} is no date and time: {error}"))
}

fn later(start: DateTime, after_ns: u64) -> Result<DateTime, String> {
    i64::try_from(after_ns)
        .ok()
        .and_then(|after_ns| start.checked_add(SignedDuration::from_nanos(after_ns)).ok())
        .ok_or_else(|| format!("{after_ns} ns after {start} lies beyond the calendar"))
}

/// A schedule, understood.
#[derive(Debug, Clone)]
pub struct Schedule {
    starts_at: DateTime,
    servers: u32,
    rows: Vec<(Start, u32)>,
    events: Vec<(Start, Event)>,
}

/// The count of an instant, and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheduled<'a> {
    /// Servers.
    pub servers: u32,
    /// The name of the event that sets it, or nothing for the schedule itself.
    pub event: Option<&'a str>,
}

impl Schedule {
    /// Reads the settings; the error says which row cannot be read, counted from 1.
    pub fn new(config: &Config) -> Result<Self, String> {
        let starts_at = civil(&config.starts_at)?;
        let rows = config.rows.iter().enumerate().map(|(index, row)| {
            Start::new(starts_at, row.cron.as_deref(), row.at.as_deref(), row.after.map(|it| it.0))
                .map(|start| (start, row.servers))
                .map_err(|why| format!("row {}: {why}", index + 1))
        });
        let events = config.events.iter().enumerate().map(|(index, event)| {
            Start::new(
                starts_at,
                event.cron.as_deref(),
                event.at.as_deref(),
                event.after.map(|it| it.0),
            )
            .map(|start| (start, event.clone()))
            .map_err(|why| format!("event {}: {why}", index + 1))
        });
        Ok(Self {
            starts_at,
            servers: config.servers,
            rows: rows.collect::<Result<_, _>>()?,
            events: events.collect::<Result<_, _>>()?,
        })
    }

    /// The count so long after the start of the simulation. Beyond the calendar's end the base.
    pub fn at(&self, now_ns: u64) -> Scheduled<'_> {
        let Ok(now) = later(self.starts_at, now_ns) else {
            return Scheduled { servers: self.servers, event: None };
        };
        let begun = self.rows.iter().filter_map(|(start, count)| Some((start.last(now)?, *count)));
        // `max_by_key` keeps the last of several that began together.
        let servers = begun.max_by_key(|&(at, _)| at).map_or(self.servers, |(_, count)| count);
        let regular = Scheduled { servers, event: None };
        let running = self.events.iter().filter(|(start, event)| {
            let began = start.last(now);
            began.is_some_and(|at| now.duration_since(at).as_nanos() < i128::from(event.lasts.0))
        });
        let strongest = running.map(|(_, event)| event).max_by_key(|it| (it.exact, it.servers));
        match strongest {
            Some(event) if event.exact || event.servers > servers => {
                Scheduled { servers: event.servers, event: Some(&event.name) }
            }
            _ => regular,
        }
    }
}

/// The schedule at work.
#[derive(Debug)]
pub struct Scheduler(Schedule);

impl Variant<dyn Autoscaler> for Scheduler {
    const NAME: &'static str = "schedule";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        Schedule::new(config).map(drop).map_err(Problem::new)
    }

    fn build(config: &Config, _: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        Ok(Box::new(Self(Schedule::new(config).map_err(Problem::new)?)))
    }
}

impl Autoscaler for Scheduler {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let Scheduled { servers, event } = self.0.at(signals.now.0);
        Target::new(servers, event.map_or("as scheduled".into(), |name| format!("event: {name}")))
    }

    fn manners(&self) -> Manners {
        Manners { wakes: true, ..Manners::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    fn week() -> Schedule {
        let row = |cron: &str, servers| Row { cron: Some(cron.into()), servers, ..Row::default() };
        let sale = Event {
            name: "sale".into(),
            at: Some("2024-01-03T20:00".into()),
            lasts: Duration(3 * HOUR),
            servers: 30,
            ..Event::default()
        };
        let config = Config {
            servers: 2,
            rows: vec![row("0 8 * * mon-fri", 20), row("0 22 * * *", 4)],
            events: vec![sale],
            ..Config::default()
        };
        Schedule::new(&config).unwrap()
    }

    #[test]
    fn a_row_holds_until_the_next_one() {
        let schedule = week();
        let servers = |day: u64, hour: u64| schedule.at((day * 24 + hour) * HOUR).servers;
        assert_eq!(servers(0, 7), 4, "cron looks back before the start");
        assert_eq!(servers(0, 8), 20);
        assert_eq!(servers(0, 21), 20);
        assert_eq!(servers(0, 22), 4);
        assert_eq!(servers(5, 12), 4, "Saturday has no morning row");
    }

    #[test]
    fn an_event_overrides_the_schedule_for_its_length() {
        let schedule = week();
        let at = |hour: u64| schedule.at((2 * 24 + hour) * HOUR);
        assert_eq!(at(19), Scheduled { servers: 20, event: None });
        assert_eq!(at(20), Scheduled { servers: 30, event: Some("sale") });
        assert_eq!(at(22), Scheduled { servers: 30, event: Some("sale") });
        assert_eq!(at(23), Scheduled { servers: 4, event: None });
    }

    #[test]
    fn an_exact_event_may_also_lower_the_count() {
        let quiet = Event {
            after: Some(Duration::ZERO),
            lasts: Duration(HOUR),
            exact: true,
            ..Event::default()
        };
        let config = Config { servers: 9, events: vec![quiet], ..Config::default() };
        let schedule = Schedule::new(&config).unwrap();
        assert_eq!(schedule.at(0).servers, 0);
        assert_eq!(schedule.at(HOUR).servers, 9);
    }

    #[test]
    fn a_row_with_two_beginnings_is_refused_by_number() {
        let row = Row { cron: Some("@daily".into()), after: Some(Duration(1)), ..Row::default() };
        let config = Config { rows: vec![row], ..Config::default() };
        assert!(Schedule::new(&config).is_err_and(|error| error.starts_with("row 1")));
    }
}
