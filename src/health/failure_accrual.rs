//! Failures in a row, or too low a success rate, take a server out; one request tries it again.
//!
//! **What it does.** After `consecutive` failures in a row, or when fewer than `success-rate` of
//! the requests within `window` succeeded (of at least `volume`), the server is out for a back-off
//! that doubles from `first` to `longest`, halved at random by up to a half. Then it is sent one
//! request: a success brings it back, a failure doubles the wait.
//! **When it shines.** Clients that know only their own requests: no sweep, no comparison with
//! others.
//! **When it fails.** All servers failing alike are all taken out: set `panic`.
//! **Source.** Finagle's hybrid failure accrual (5 in a row, or below 80 % over 30 s; 5 s to 300
//! s); Linkerd's consecutive-failures breaker.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Ejector, Records, Verdict};
use crate::diagnose::Problem;
use crate::model::ServerId;
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::{Duration, Instant};
use crate::units::Share;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Failures in a row, at least 1.
    consecutive: u32,
    /// The least share of successes within `window`; 0 looks only at failures in a row.
    success_rate: Share,
    /// The time that the success rate is over.
    window: Duration,
    /// The least requests within `window` for the success rate to count.
    volume: u32,
    /// The first time out.
    first: Duration,
    /// The longest time out.
    longest: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            consecutive: 5,
            success_rate: Share(0.8),
            window: Duration::from_secs(30),
            volume: 5,
            first: Duration::from_secs(5),
            longest: Duration::from_secs(300),
        }
    }
}

#[derive(Debug, Default)]
struct Record {
    in_a_row: u32,
    /// Answers of the window, oldest first, and how many of them were bad.
    answers: VecDeque<(Instant, bool)>,
    bad: u32,
    /// Times out in a row.
    times: u32,
    out: bool,
    on_trial: bool,
}

/// The rule.
#[derive(Debug)]
pub struct FailureAccrual {
    config: Config,
    records: Records<Record>,
}

impl Variant<dyn Ejector> for FailureAccrual {
    const NAME: &'static str = "failure-accrual";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.consecutive == 0 {
            return Err(Problem::about("consecutive", "`consecutive` must be at least 1")
                .help("Finagle's default is 5"));
        }
        if config.first == Duration::ZERO || config.longest < config.first {
            return Err(Problem::about("first", "`first` must be above 0 and at most `longest`")
                .help("Finagle's defaults are `5s` and `300s`"));
        }
        Ok(())
    }

    fn build(config: &Config, (): &()) -> Result<Box<dyn Ejector>, Problem> {
        Ok(Box::new(Self { config: config.clone(), records: Records::default() }))
    }
}

impl Record {
    fn take(&mut self, now: Instant, well: bool, window: Duration) {
        self.in_a_row = if well { 0 } else { self.in_a_row + 1 };
        self.answers.push_back((now, well));
        self.bad += u32::from(!well);
        while let Some(&(at, well)) = self.answers.front()
            && now.since(at) > window
        {
            self.answers.pop_front();
            self.bad -= u32::from(!well);
        }
    }

    fn is_bad(&self, config: &Config) -> bool {
        let count = self.answers.len() as u32;
        let rate = f64::from(count - self.bad) / f64::from(count.max(1));
        self.in_a_row >= config.consecutive
            || (count >= config.volume && rate < config.success_rate.0)
    }
}

impl Ejector for FailureAccrual {
    fn sent(&mut self, now: Instant, server: ServerId) -> Option<Verdict> {
        // One request on trial; the server stays out until that has been answered.
        let wait = self.config.longest;
        let record = self.records.of(server);
        record.on_trial = record.out;
        record.out.then(|| Verdict::Eject(server, Some(now + wait)))
    }

    fn answered(
        &mut self,
        now: Instant,
        server: ServerId,
        well: bool,
        _: u32,
        stream: &mut Stream,
    ) -> Option<Verdict> {
        let config = &self.config;
        let record = self.records.of(server);
        if record.out && !record.on_trial {
            // It was sent before the server was taken out, and says nothing new.
            return None;
        }
        record.on_trial = false;
        record.take(now, well, config.window);
        if record.out && well {
            *record = Record::default();
            return Some(Verdict::Return(server));
        }
        if !record.out && !record.is_bad(config) {
            return None;
        }
        let doubled = config.first.0.saturating_mul(1 << record.times.min(30));
        let span = doubled.min(config.longest.0) as f64;
        record.times += 1;
        record.out = true;
        let wait = Duration((span * (0.5 + 0.5 * stream.open01())) as u64);
        Some(Verdict::Eject(server, Some(now + wait)))
    }
}
