//! Envoy's outlier detection: errors in a row, or a success rate far below that of the others.
//!
//! **What it does.** `consecutive` errors in a row eject a server at once. Every `interval` it
//! returns those whose time is over (`base-time` times the ejections so far, at most `max-time`),
//! and ejects servers whose success rate over the last interval lies below the mean less
//! `deviations` standard deviations, or whose share of failures reaches `failure-share`. A server
//! that was well for a whole interval has one ejection forgiven. Never more than `max-ejected` of
//! the servers are out.
//! **When it shines.** One bad server among many: it sees what no health check asks for.
//! **When it fails.** Fewer than ten servers with the default `max-ejected` of 10 %: nothing is
//! ever ejected, unless `always-one`. Up to four servers, a single dead one is never an outlier of
//! the success rate: the deviation it causes hides it.
//! **Source.** Envoy, `outlier_detection_impl.cc`, with its defaults; gRPC's A50 takes it over.

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
    /// From one look at all servers to the next.
    interval: Duration,
    /// The time out for each ejection so far.
    base_time: Duration,
    /// The longest time out, before jitter.
    max_time: Duration,
    /// Added at random to each time out, at most.
    jitter: Duration,
    /// The share of servers that may be out at once.
    max_ejected: Share,
    /// Whether one server may be out even where that is more than `max-ejected`.
    always_one: bool,
    /// Errors in a row that eject at once; 0 is never.
    consecutive: u32,
    /// Standard deviations below the mean success rate; 0 never looks at it.
    deviations: f64,
    /// The least servers with enough requests for the success rates to be compared.
    success_servers: u32,
    /// Requests within an interval that are enough for that.
    success_volume: u32,
    /// The share of failures within an interval that ejects; absent is never, as in Envoy.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_share: Option<Share>,
    /// The least servers with enough requests for that.
    failure_servers: u32,
    /// Requests within an interval that are enough for that.
    failure_volume: u32,
    /// Whether a server that passes an active check returns at once, as in Envoy.
    checks_return: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            base_time: Duration::from_secs(30),
            max_time: Duration::from_secs(300),
            jitter: Duration::ZERO,
            max_ejected: Share(0.1),
            always_one: false,
            consecutive: 5,
            deviations: 1.9,
            success_servers: 5,
            success_volume: 100,
            failure_share: None,
            failure_servers: 5,
            failure_volume: 50,
            checks_return: true,
        }
    }
}

#[derive(Debug, Default)]
struct Record {
    in_a_row: u32,
    good: u32,
    bad: u32,
    /// Ejections that are not forgiven.
    times: u32,
    out: Option<Out>,
    /// When it last returned.
    returned: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Out {
    since: Instant,
    span: Duration,
}

impl Record {
    /// Errors of before, and of those who were still there when it was ejected, are forgotten.
    fn come_back(&mut self, now: Instant) {
        self.out = None;
        self.in_a_row = 0;
        self.returned = Some(now);
    }
}

/// The rule.
#[derive(Debug)]
pub struct OutlierDetection {
    config: Config,
    records: Records<Record>,
    ejected: u32,
}

impl Variant<dyn Ejector> for OutlierDetection {
    const NAME: &'static str = "outlier-detection";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        let wrong = |key: &str, what: &str, help: &str| {
            Err(Problem::about(key, format!("`{key}` {what}")).help(help))
        };
        if config.interval == Duration::ZERO {
            return wrong("interval", "must be above 0", "Envoy looks every `10s`");
        }
        if config.base_time == Duration::ZERO {
            return wrong("base-time", "must be above 0", "Envoy's default is `30s`");
        }
        if !(config.deviations.is_finite() && config.deviations >= 0.0) {
            return wrong("deviations", "must be at least 0", "Envoy's default is 1.9");
        }
        Ok(())
    }

    fn build(config: &Config, (): &()) -> Result<Box<dyn Ejector>, Problem> {
        Ok(Box::new(Self { config: config.clone(), records: Records::default(), ejected: 0 }))
    }
}

/// The success rate below which a server is an outlier: the mean less so many deviations, those of
/// the whole population.
pub fn threshold(rates: &[f64], deviations: f64) -> f64 {
    let count = rates.len() as f64;
    let mean = rates.iter().sum::<f64>() / count;
    let variance = rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / count;
    mean - deviations * variance.sqrt()
}

impl OutlierDetection {
    fn most_percent(&self) -> f64 {
        100.0 * self.config.max_ejected.0 + 1e-9
    }

    fn may_eject(&self, total: u32) -> bool {
        let share = 100.0 * f64::from(self.ejected + 1) / f64::from(total.max(1));
        share <= self.most_percent() || (self.config.always_one && self.ejected == 0)
    }

    fn eject(
        &mut self,
        now: Instant,
        server: ServerId,
        total: u32,
        stream: &mut Stream,
    ) -> Option<Verdict> {
        if self.records.of(server).out.is_some() || !self.may_eject(total) {
            return None;
        }
        let config = &self.config;
        let record = self.records.of(server);
        // A count beyond the longest time would only take longer to be forgiven.
        let most = config.max_time.max(config.base_time);
        if config.base_time.0.saturating_mul(record.times.into()) < (most + config.base_time).0 {
            record.times += 1;
        }
        let span = config.base_time.0.saturating_mul(record.times.into()).min(most.0);
        let jitter = (config.jitter.0 as f64 * stream.open01()) as u64;
        record.out = Some(Out { since: now, span: Duration(span + jitter) });
        self.ejected += 1;
        Some(Verdict::Eject(server, None))
    }

    /// Servers below the threshold of success, or above that of failures.
    fn outliers(&self) -> Vec<ServerId> {
        let config = &self.config;
        let inside = |record: &&(ServerId, f64, u32), volume: u32| record.2 >= volume;
        let rates: Vec<(ServerId, f64, u32)> = (0..)
            .zip(&self.records.0)
            .filter(|(_, record)| record.out.is_none() && record.good + record.bad > 0)
            .map(|(at, record)| {
                let all = record.good + record.bad;
                (ServerId(at), 100.0 * f64::from(record.good) / f64::from(all), all)
            })
            .collect();
        let mut found = Vec::new();
        let enough: Vec<f64> = rates
            .iter()
            .filter(|rate| inside(rate, config.success_volume))
            .map(|rate| rate.1)
            .collect();
        if config.deviations > 0.0 && enough.len() as u32 >= config.success_servers.max(1) {
            let least = threshold(&enough, config.deviations);
            let below = |rate: &&(ServerId, f64, u32)| {
                inside(rate, config.success_volume) && rate.1 < least
            };
            found.extend(rates.iter().filter(below).map(|rate| rate.0));
        }
        if let Some(share) = config.failure_share {
            let enough = || rates.iter().filter(|rate| inside(rate, config.failure_volume));
            if enough().count() as u32 >= config.failure_servers {
                let above = |rate: &&(ServerId, f64, u32)| 100.0 - rate.1 >= 100.0 * share.0;
                found.extend(enough().filter(above).map(|rate| rate.0));
            }
        }
        found
    }
}

impl Ejector for OutlierDetection {
    fn answered(
        &mut self,
        now: Instant,
        server: ServerId,
        well: bool,
        total: u32,
        stream: &mut Stream,
    ) -> Option<Verdict> {
        let most = self.config.consecutive;
        let record = self.records.of(server);
        if well {
            record.good += 1;
            record.in_a_row = 0;
            return None;
        }
        record.bad += 1;
        record.in_a_row += 1;
        if most == 0 || record.in_a_row < most {
            return None;
        }
        record.in_a_row = 0;
        self.eject(now, server, total, stream)
    }

    fn passed(&mut self, now: Instant, server: ServerId) -> Option<Verdict> {
        if !self.config.checks_return {
            return None;
        }
        let record = self.records.of(server);
        record.out?;
        record.come_back(now);
        self.ejected -= 1;
        Some(Verdict::Return(server))
    }

    fn may_eject_of(&self, total: u32) -> bool {
        self.config.always_one || 100.0 / f64::from(total.max(1)) <= self.most_percent()
    }

    fn forget(&mut self, server: ServerId) {
        let record = std::mem::take(self.records.of(server));
        self.ejected -= u32::from(record.out.is_some());
    }

    fn interval(&self) -> Option<Duration> {
        Some(self.config.interval)
    }

    fn sweep(&mut self, now: Instant, total: u32, stream: &mut Stream, out: &mut Vec<Verdict>) {
        let interval = self.config.interval;
        for (at, record) in (0..).zip(&mut self.records.0) {
            match record.out {
                Some(Out { since, span }) if now.since(since) >= span => {
                    record.come_back(now);
                    self.ejected -= 1;
                    out.push(Verdict::Return(ServerId(at)));
                }
                // It was well for the whole interval.
                None if record.returned.is_none_or(|at| now.since(at) >= interval) => {
                    record.times = record.times.saturating_sub(1);
                }
                Some(_) | None => {}
            }
        }
        for server in self.outliers() {
            out.extend(self.eject(now, server, total, stream));
        }
        for record in &mut self.records.0 {
            (record.good, record.bad) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Recipe;
    use crate::rng::{Purpose, Seed};

    #[test]
    fn the_threshold_is_that_of_envoys_source() {
        assert_eq!(threshold(&[50.0, 100.0, 100.0, 100.0, 100.0], 1.9), 52.0);
        let one_dead = |servers: usize| {
            let mut rates = vec![100.0; servers];
            rates[0] = 0.0;
            threshold(&rates, 1.9)
        };
        for (servers, expected) in [
            (2, -45.0),
            (3, -22.9),
            (4, -7.27),
            (5, 4.0),
            (6, 12.5),
            (7, 19.2),
            (8, 24.7),
            (9, 29.2),
            (10, 33.0),
        ] {
            let found = one_dead(servers);
            assert!((found - expected).abs() < 0.06, "{servers} servers: {found}");
        }
    }

    /// Drives the rule by hand: the letters are answers of server 0.
    struct Desk {
        rule: Box<dyn Ejector>,
        stream: Stream,
        total: u32,
    }

    impl Desk {
        fn new(spec: &str, total: u32) -> Self {
            let rule = Recipe::<dyn Ejector>::named(spec).unwrap().build(&()).unwrap();
            let stream = Seed::new(1, 0).stream(Purpose::Failure, "desk");
            Self { rule, stream, total }
        }
        fn answers(&mut self, at: u64, answers: &str) -> Vec<Verdict> {
            let now = Instant::START + Duration::from_secs(at);
            let answers: Vec<bool> = answers.chars().map(|it| it == 'S').collect();
            let take =
                |well| self.rule.answered(now, ServerId(0), well, self.total, &mut self.stream);
            answers.into_iter().filter_map(take).collect()
        }
        fn sweep(&mut self, at: u64) -> Vec<Verdict> {
            let (now, mut out) = (Instant::START + Duration::from_secs(at), Vec::new());
            self.rule.sweep(now, self.total, &mut self.stream, &mut out);
            out
        }
    }

    #[test]
    fn errors_of_before_an_ejection_do_not_count_after_it() {
        let mut desk = Desk::new("outlier-detection", 10);
        assert_eq!(desk.answers(1, "FFFFFFFFF"), [EJECTED], "four more were on their way");
        assert_eq!(desk.sweep(40), [Verdict::Return(ServerId(0))]);
        assert_eq!(desk.answers(41, "FFFF"), []);
        assert_eq!(desk.answers(41, "F"), [EJECTED]);
    }

    #[test]
    fn a_server_that_left_takes_up_nobodys_place() {
        let mut desk = Desk::new("outlier-detection", 10);
        assert_eq!(desk.answers(1, "FFFFF"), [EJECTED]);
        let other = |desk: &mut Desk| {
            let now = Instant::START + Duration::from_secs(2);
            let mut take = || desk.rule.answered(now, ServerId(1), false, 10, &mut desk.stream);
            (0..5).filter_map(|_| take()).count()
        };
        assert_eq!(other(&mut desk), 0, "a tenth is out already");
        desk.rule.forget(ServerId(0));
        assert_eq!(other(&mut desk), 1);
    }

    const EJECTED: Verdict = Verdict::Eject(ServerId(0), None);

    #[test]
    fn five_errors_in_a_row_eject_and_four_with_a_success_do_not() {
        let mut desk = Desk::new("outlier-detection", 10);
        assert_eq!(desk.answers(0, "FFFFS"), []);
        assert_eq!(desk.answers(0, "FFFFF"), [EJECTED]);
        let mut few = Desk::new("outlier-detection", 9);
        assert_eq!(few.answers(0, "FFFFF"), [], "10 % of nine servers is none");
        assert!(!few.rule.may_eject_of(9) && few.rule.may_eject_of(10));
        let mut one = Desk::new("outlier-detection:always-one=true", 9);
        assert_eq!(one.answers(0, "FFFFF"), [EJECTED]);
    }

    #[test]
    fn each_ejection_lasts_longer_up_to_the_longest_and_to_the_next_look() {
        let mut desk = Desk::new("outlier-detection", 10);
        let (mut now, mut spans) = (0, Vec::new());
        for _ in 0..11 {
            // Just after a look, so that no whole interval passes in health.
            assert_eq!(desk.answers(now + 1, "FFFFF"), [EJECTED]);
            let begun = now + 1;
            loop {
                now += 10;
                if desk.sweep(now) == [Verdict::Return(ServerId(0))] {
                    break;
                }
            }
            spans.push(now - begun);
        }
        let rounded: Vec<u64> = (1..=11).map(|times| (30 * times).min(300) + 9).collect();
        assert_eq!(spans, rounded);
    }
}
