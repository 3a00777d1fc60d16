//! Predictive scaling: servers for the load that is forecast one start-up time ahead.
//!
//! *What it does*: counts arrivals bin by bin, forecasts them up to the start-up time ahead, and
//! scales for the largest load on the way: `S = S0 + k·L'` where `per-load` is given, else by any
//! rule that is shown the load forecast as if it were there (`then`, e.g. `"hpa"`). The same rule
//! also looks at the present load, and the larger count holds; the forecast alone decides where
//! `reactive = false`. It learns from the past of the run, and from a `history` before it.
//!
//! *When it shines*: load with a daily or weekly shape, and servers that take long to start: they
//! are warm before the peak.
//!
//! *When it fails*: the forecast is no better than the past is like the future; without history the
//! first season is met by reaction alone; alone, without a reactive rule beside it, it meets the
//! first surprise with yesterday's count. `plimsoll inspect --forecast` says beforehand how wrong
//! each forecaster is on a traffic file.
//!
//! *Source*: Amazon EC2 Auto Scaling user guide, "Predictive scaling" (forecasts only ever add to
//! what a reactive policy wants); jthomperoo/predictive-horizontal-pod-autoscaler (a forecast as a
//! candidate beside the HPA's); Netflix Scryer.

pub(super) mod learner;
pub mod published;
pub mod scaler;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Autoscaler, Past, Setup, positive};
use crate::diagnose::Problem;
use crate::forecast::{Method, examine};
use crate::registry::{Recipe, Variant};
use crate::time::Duration;
use learner::{Habits, Learner};
use scaler::{Rule, Scaler};

/// What is forecast, how far ahead, and what is made of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// How the load is forecast: a name, or a table with `method` and its options.
    pub forecaster: Recipe<dyn Method>,
    /// The rule that is given the load forecast as if it were the present one; `square-root` when
    /// absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<Recipe<dyn Autoscaler>>,
    /// `k`: servers for each request a second. Instead of a rule, `S = S0 + k·L'`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_load: Option<f64>,
    /// `S0`: servers that are there whatever the load; added to what the rule wants as well.
    pub base: u32,
    /// How far ahead to look; the mean start-up time and one bin when absent, so that a server
    /// ordered now serves when the load comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub horizon: Option<Duration>,
    /// The load that is prepared for: the one forecast not to be exceeded with this probability.
    /// 0.5 is the forecast itself.
    pub quantile: f64,
    /// Whether the rule is asked about the present load as well, and the larger count taken: what
    /// is needed now is never given up for a forecast.
    pub reactive: bool,
    /// The time over which arrivals are counted for the forecaster.
    pub bin: Duration,
    /// The season of forecasters that are given none of their own.
    pub season: Duration,
    /// The date and time at which the run begins, as in `2024-05-06T00:00`: forecasters that know
    /// hours and weekdays count from here.
    pub starts_at: String,
    /// Traffic of the time just before the run, to learn from: a file that is read, and scaled, as
    /// the traffic's own trace is; or a table of the keys that differ, such as
    /// `{ window = "..7d" }` for the first week of that very trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<Past>,
    /// What the rates of the history are multiplied by besides.
    pub history_scale: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            forecaster: Recipe::named("holt-winters").expect("it stands in the registry"),
            then: None,
            per_load: None,
            base: 0,
            horizon: None,
            quantile: 0.8,
            reactive: true,
            bin: Duration::from_secs(60),
            season: Duration::from_days(1),
            starts_at: "2024-01-01T00:00".to_owned(),
            history: None,
            history_scale: 1.0,
        }
    }
}

/// The shortest bin: a forecast goes bin by bin, and a forecaster learns from each.
const LEAST_BIN: Duration = Duration(100_000_000);

impl Variant<dyn Autoscaler> for Scaler {
    const NAME: &'static str = "predictive";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        let wrong = |key: &str, what: String, help: &str| {
            Err(Problem::about(key, what).help(help.to_owned()))
        };
        if config.then.is_some() && config.per_load.is_some() {
            let what = "`then` and `per-load` are two answers to one question".to_owned();
            return wrong("per-load", what, "leave one of them out");
        }
        if let Some(blind) = config.then.as_ref().and_then(|then| unfit(then.resolved())) {
            let what = format!("`{blind}` does not follow the load it is shown");
            let help = "take a rule that looks at the load, e.g. `square-root` or `hpa`";
            return wrong("then", what, help);
        }
        if let Some(k) = config.per_load {
            positive("per-load", k, "how many servers does one request a second need?")?;
        }
        positive("history-scale", config.history_scale, "1 leaves the history as it is")?;
        if !(config.quantile > 0.0 && config.quantile < 1.0) {
            let what = format!("`quantile` = {} is no probability", config.quantile);
            return wrong("quantile", what, "0.5 is the forecast itself, 0.9 is on the safe side");
        }
        for (key, span) in [("bin", Some(config.bin)), ("horizon", config.horizon)] {
            if span == Some(Duration::ZERO) {
                return wrong(key, format!("`{key}` must be above 0"), "one minute is usual");
            }
        }
        if config.bin < LEAST_BIN {
            let what = format!("a `bin` of {} is shorter than any load is measured", config.bin);
            return wrong("bin", what, "one minute is usual, and 100ms the least");
        }
        if config.season == Duration::ZERO {
            let what = "a `season` of no length repeats nothing".to_owned();
            return wrong("season", what, "write `1d`, or leave it out");
        }
        if let Some(horizon) = config.horizon
            && horizon < config.bin
        {
            let what = format!("a horizon of {horizon} is shorter than a bin of {}", config.bin);
            return wrong("horizon", what, "lengthen `horizon` or shorten `bin`");
        }
        start_ns(&config.starts_at).map(drop)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        let rule = match (&config.then, config.per_load) {
            (_, Some(k)) => Rule::PerLoad(k),
            (then, None) => {
                let then = then.clone().map_or_else(|| Recipe::named("square-root"), Ok)?;
                let (ahead, now) = (then.build(setup)?, then.build(setup)?);
                if ahead.manners().latency {
                    let what =
                        format!("`{}` looks at latencies, which no load foretells", then.name);
                    return Err(Problem::about("then", what)
                        .help("take a rule that looks at the load, e.g. `square-root` or `hpa`"));
                }
                Rule::Policy { ahead, now }
            }
        };
        let horizon = config.horizon.unwrap_or(setup.startup + config.bin).max(config.bin);
        let rates = match &config.history {
            Some(past) => setup.history.read(past, config.bin)?,
            None => Vec::new(),
        };
        if config.history.is_some() {
            let span_ns = rates.len() as u64 * config.bin.0;
            examine(span_ns, config.bin.0, config.season.0, horizon.0)
                .map_err(|problem| Problem::about("history", problem.to_string()))?;
        }
        let past: Vec<Option<f64>> =
            rates.into_iter().map(|rate| Some(rate? * config.history_scale)).collect();
        let habits = Habits {
            bin: config.bin,
            season: config.season,
            horizon,
            quantile: config.quantile,
            starts_ns: start_ns(&config.starts_at)?,
            seed: setup.seed.user.wrapping_add(setup.seed.replication),
        };
        let learner = Learner::new(&config.forecaster, &habits, &past)?;
        Ok(Box::new(Self::new(config.clone(), rule, learner)))
    }
}

/// Rules that a forecast must not be handed to: one that forecasts again, one that changes the size
/// of servers and not their number, one that knows the future anyway.
const UNFIT: [&str; 3] = ["predictive", "vpa", "ideal"];

/// The first of those in a rule, which may be made of several.
fn unfit(rule: &serde_json::Value) -> Option<&str> {
    match rule {
        serde_json::Value::Object(table) => {
            let own = table.get("policy").and_then(serde_json::Value::as_str);
            own.filter(|own| UNFIT.contains(own)).or_else(|| table.values().find_map(unfit))
        }
        serde_json::Value::Array(items) => items.iter().find_map(unfit),
        _ => None,
    }
}

/// Unix nanoseconds of the date and time at which the run begins.
pub(in crate::scale) fn start_ns(text: &str) -> Result<u64, Problem> {
    let wrong = |why: String| {
        Problem::about("starts-at", why).help("write e.g. `starts-at = \"2024-05-06T00:00\"`")
    };
    let civil: jiff::civil::DateTime =
        text.parse().map_err(|error| wrong(format!("{text:?} is no date and time: {error}")))?;
    let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC);
    let zoned = zoned.map_err(|error| wrong(format!("{text:?}: {error}")))?;
    u64::try_from(zoned.timestamp().as_nanosecond())
        .map_err(|_| wrong(format!("{text:?} lies before 1970")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Origin;
    use crate::document::Node;
    use crate::rng::Seed;
    use crate::scale::{Counts, Future, History, Metrics, Signals, Totals};

    const MINUTE: Duration = Duration::from_secs(60);

    fn scaler(config: &Config) -> Result<Box<dyn Autoscaler>, Problem> {
        Scaler::check(config)?;
        let none = |_: &Past, _: Duration| Ok(vec![Some(1.0); 3]);
        let setup = Setup {
            pool: "main",
            servers: 1,
            slots: 1,
            min: None,
            max: None,
            seed: Seed::new(1, 0),
            folder: std::path::Path::new("."),
            startup: Duration::from_secs(240),
            interval: None,
            history: History(&none),
            future: Future(&|| Ok(Vec::new())),
            kinds: &[],
            budget: None,
            promised: None,
        };
        Scaler::build(config, &setup)
    }

    /// Targets at the end of each minute of a load that is told minute by minute.
    fn targets(config: &Config, loads: &[f64]) -> Vec<u32> {
        let mut scaler = scaler(config).unwrap();
        let manners = scaler.manners();
        let mut metrics = Metrics::new(MINUTE, Duration::ZERO, manners.longest, false);
        let mut totals = Totals::default();
        let mut counts = Counts { ready: 1, ..Counts::default() };
        let each = loads.iter().map(|load| {
            totals.at = totals.at + MINUTE;
            totals.arrivals += (load * 60.0).round() as u64;
            totals.completed = totals.arrivals;
            totals.service_ns = totals.arrivals * 1_000_000_000;
            metrics.scrape(totals);
            let signals = Signals::of_one_slot(totals.at, counts, MINUTE, &metrics);
            counts.ready = scaler.target(&signals).servers;
            counts.ready
        });
        each.collect()
    }

    #[test]
    fn a_line_is_followed_one_start_up_time_ahead() {
        let forecaster = Recipe::named("linear-trend").unwrap();
        let config =
            Config { forecaster, per_load: Some(0.5), base: 2, quantile: 0.5, ..Config::default() };
        let loads: Vec<f64> = (1..=30).map(f64::from).collect();
        // After minute 30 the horizon of 240 s + 60 s ends with minute 35: 2 + 0.5 · 35.
        assert_eq!(targets(&config, &loads).last(), Some(&20));
    }

    #[test]
    fn a_rule_is_given_the_load_ahead_as_if_it_were_there() {
        let then = Some(Recipe::named("capacity:per-server=10").unwrap());
        let forecaster = Recipe::named("linear-trend").unwrap();
        let config = Config { forecaster, then, quantile: 0.5, ..Config::default() };
        let loads: Vec<f64> = (1..=30).map(|minute| 10.0 * f64::from(minute)).collect();
        assert_eq!(targets(&config, &loads).last(), Some(&35));
    }

    #[test]
    fn what_is_needed_now_is_not_given_up_for_a_forecast() {
        let loads: Vec<f64> = (0..30).map(|minute| 300.0 - 10.0 * f64::from(minute)).collect();
        let forecaster = Recipe::named("linear-trend").unwrap();
        let config = Config { forecaster, per_load: Some(1.0), quantile: 0.5, ..Config::default() };
        assert_eq!(targets(&config, &loads).last(), Some(&10));
    }

    #[test]
    fn bad_options_are_refused_with_a_remedy() {
        let both = Config {
            then: Some(Recipe::named("hpa").unwrap()),
            per_load: Some(1.0),
            ..Config::default()
        };
        let close = Config { horizon: Some(Duration::from_secs(1)), ..Config::default() };
        let early = Config { starts_at: "yesterday".to_owned(), ..Config::default() };
        let short = Past(Node::text("short.csv", Origin::whole("history", "short.csv")));
        let brief = Config { history: Some(short), ..Config::default() };
        let blind = Config { then: Some(Recipe::named("latency").unwrap()), ..Config::default() };
        let then =
            |rule: &str| Config { then: Some(Recipe::named(rule).unwrap()), ..Config::default() };
        for (config, word) in [
            (both, "two answers"),
            (close, "shorter than a bin"),
            (early, "no date"),
            (brief, "longer file"),
            (blind, "no load foretells"),
            (then("predictive"), "`predictive` does not follow"),
            (then("vpa"), "`vpa` does not follow"),
            (then("max:of=[\"hpa\", \"ideal\"]"), "`ideal` does not follow"),
        ] {
            let words = scaler(&config).err().unwrap().to_string();
            assert!(words.contains(word), "{words}");
        }
    }
}
