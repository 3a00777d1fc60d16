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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Recipe;
    use crate::rng::{Purpose, Seed};

    struct Desk(Box<dyn Ejector>, Stream);

    impl Desk {
        fn new(spec: &str) -> Self {
            let rule = Recipe::<dyn Ejector>::named(spec).unwrap().build(&()).unwrap();
            Self(rule, Seed::new(1, 0).stream(Purpose::Ejection, "test"))
        }
        fn answer(&mut self, second: u64, well: bool) -> Option<Verdict> {
            self.0.answered(at(second), ServerId(0), well, 2, &mut self.1)
        }
        /// The answers that it takes to have the server taken out, and for how many seconds.
        fn fail(&mut self, second: u64) -> (usize, f64) {
            let found = (1..100).find_map(|count| Some((count, self.answer(second, false)?)));
            let Some((count, Verdict::Eject(_, Some(until)))) = found else { panic!("never") };
            (count, until.since(at(second)).as_secs_f64())
        }
    }

    fn at(second: u64) -> Instant {
        Instant::START + Duration::from_secs(second)
    }

    #[test]
    fn five_in_a_row_and_the_wait_doubles_with_each_trial_that_fails() {
        let mut desk = Desk::new("failure-accrual:success-rate=0");
        let (count, mut wait) = desk.fail(1);
        assert_eq!(count, 5);
        let mut longest = 5.0;
        for trial in 1..=8_u64 {
            assert!((longest / 2.0..=longest).contains(&wait), "{trial}: {wait} of {longest}");
            assert!(desk.answer(1000 * trial, false).is_none(), "it was sent before");
            assert!(desk.0.sent(at(1000 * trial), ServerId(0)).is_some(), "a single trial");
            let (answers, next) = desk.fail(1000 * trial);
            (wait, longest) = (next, f64::min(2.0 * longest, 300.0));
            assert_eq!(answers, 1);
        }
        assert_eq!(longest, 300.0);
        desk.0.sent(at(9000), ServerId(0));
        assert_eq!(desk.answer(9000, true), Some(Verdict::Return(ServerId(0))));
        assert_eq!(desk.fail(9001).0, 5, "all is forgotten");
    }

    #[test]
    fn a_success_rate_below_four_fifths_of_five_in_half_a_minute_is_too_low() {
        let mut desk = Desk::new("failure-accrual");
        // A failure each 31 s: the window holds one answer, which is too few.
        assert!((0..20).all(|turn| desk.answer(31 * turn, false).is_none() || turn >= 4));
        let mut desk = Desk::new("failure-accrual");
        let answers = [true, true, true, false, true, true, false, true, false];
        let out = answers.iter().position(|&well| desk.answer(700, well).is_some());
        // Of five one failed, of seven two: 71 %.
        assert_eq!(out, Some(6));
    }
}
