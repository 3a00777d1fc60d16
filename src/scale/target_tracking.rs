//! AWS target tracking.
//!
//! *What it does*: keeps a metric at a target by proportion, `capacity × metric / target`. Out, it
//! acts once the metric has been above the target for three minutes, rounding the change up; in,
//! only after fifteen minutes clearly below (90 % of the target), rounding the change down. A new
//! server counts towards what is wanted, but not towards the metric, until it has warmed up, and
//! until then nothing is removed.
//!
//! *When it shines*: a metric that halves when the fleet doubles (utilization, requests per
//! server), and a load that moves within tens of minutes.
//!
//! *When it fails*: three minutes of overload are designed in; a metric that does not fall with
//! the fleet (a total, a latency far from saturation) makes it run away or stand still.
//!
//! *Source*: Amazon EC2 Auto Scaling and Application Auto Scaling user guides. The counts of
//! periods and the 90 % are what its alarms show, not documented promises.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Autoscaler, Manners, Metric, Setup, Signals, Target, positive};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::{Duration, Instant};

/// How target tracking is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// What is looked at.
    pub metric: Metric,
    /// The value of the metric aimed at.
    pub target: f64,
    /// Length of one data point.
    pub period: Duration,
    /// Points in a row above the target before servers are added.
    pub out_periods: u32,
    /// Points in a row below `in-threshold × target` before servers are removed.
    pub in_periods: u32,
    /// The share of the target below which servers may be removed.
    pub in_threshold: f64,
    /// How long a server is new: while any is, nothing is removed. Those that serve are part of
    /// the metric from their first request on, and of the count it is multiplied by.
    pub warm_up: Duration,
    /// Application Auto Scaling: how long after an increase only a larger one is done.
    pub out_cooldown: Duration,
    /// Application Auto Scaling: how long after a decrease no other is done.
    pub in_cooldown: Duration,
    /// Leaves removing to somebody else.
    pub disable_scale_in: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            metric: Metric::Utilization,
            target: 0.5,
            period: Duration::from_secs(60),
            out_periods: 3,
            in_periods: 15,
            in_threshold: 0.9,
            warm_up: Duration::from_secs(300),
            out_cooldown: Duration::ZERO,
            in_cooldown: Duration::ZERO,
            disable_scale_in: false,
        }
    }
}

/// The change of the count as whole servers: up when adding, down when removing. `change` is its
/// magnitude.
pub fn round_change(change: f64, adding: bool) -> u32 {
    // A proportion that ought to be whole may miss it by a rounding error.
    (if adding { (change - 1e-9).ceil() } else { (change + 1e-9).floor() }).max(0.0) as u32
}

/// The count the proportion asks for over `contributing` servers, added to or taken from
/// `wanted`.
///
/// What is already on its way counts: an increase reaches at least what the metric asks of the
/// servers that are measured, and no more is ordered than that.
pub fn proportional(contributing: u32, wanted: u32, metric: f64, target: f64) -> u32 {
    let ideal = f64::from(contributing) * metric / target;
    let change = ideal - f64::from(contributing);
    if change > 0.0 {
        wanted.max(contributing.saturating_add(round_change(change, true)))
    } else {
        wanted.saturating_sub(round_change(-change, false)).max(1)
    }
}

/// The queue pattern: the target for backlog per server, `acceptable latency / mean service time`.
pub fn acceptable_backlog(latency_s: f64, service_s: f64) -> f64 {
    latency_s / service_s
}

/// What one period shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observed {
    /// The metric over the servers that are warm; absent without data.
    pub metric: Option<f64>,
    /// Servers the metric is taken over.
    pub contributing: u32,
    /// Servers wanted, those that start or warm up included.
    pub wanted: u32,
    /// Whether any server is younger than the warm-up.
    pub warming: bool,
}

/// The policy: its settings, and the two alarms.
#[derive(Debug, Clone)]
pub struct TargetTracking {
    config: Config,
    above: u32,
    below: u32,
    /// When servers were last added, and to how many there were.
    raised: Option<(u64, u32)>,
    /// The time before that.
    raised_before: Option<(u64, u32)>,
    lowered_ns: Option<u64>,
}

impl TargetTracking {
    /// A policy that has seen nothing.
    pub fn new(config: Config) -> Self {
        Self { config, above: 0, below: 0, raised: None, raised_before: None, lowered_ns: None }
    }

    /// The count wanted after one more period. Without data the alarms know nothing and nothing
    /// is done.
    pub fn decide(&mut self, now_ns: u64, observed: Observed) -> u32 {
        let wanted = observed.wanted;
        let Some(metric) = observed.metric.filter(|_| observed.contributing > 0) else {
            (self.above, self.below) = (0, 0);
            return wanted;
        };
        let Config { target, in_threshold, .. } = self.config;
        let count = |run: u32, breaches: bool| if breaches { run + 1 } else { 0 };
        self.above = count(self.above, metric > target);
        self.below = count(self.below, metric < target * in_threshold);

        // Until the cooldown is over the metric is taken to be that of the servers there were
        // before: what was added since counts, and only a larger increase is done.
        let cooling = self.raised.filter(|&(at_ns, _)| now_ns - at_ns < self.config.out_cooldown.0);
        let contributing = cooling.map_or(u32::MAX, |(_, from)| from).min(observed.contributing);
        let asked = proportional(contributing, wanted, metric, target);
        if self.above >= self.config.out_periods.max(1) && asked > wanted {
            self.raised_before = self.raised.replace((now_ns, wanted));
            // Growing ends any wait for shrinking.
            self.lowered_ns = None;
            return asked;
        }
        let may_shrink = !self.config.disable_scale_in
            && !observed.warming
            && self.below >= self.config.in_periods.max(1)
            && cooling.is_none()
            && self.lowered_ns.is_none_or(|at_ns| now_ns - at_ns >= self.config.in_cooldown.0);
        if may_shrink && asked < wanted {
            self.lowered_ns = Some(now_ns);
            return asked;
        }
        wanted
    }
}

impl Variant<dyn Autoscaler> for TargetTracking {
    const NAME: &'static str = "target-tracking";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        positive("target", config.target, "no fleet is large enough for a target of 0")?;
        super::reachable("target", config.metric, config.target)?;
        positive("in-threshold", config.in_threshold, "0.9 is what the alarms of AWS show")?;
        if config.in_threshold > 1.0 {
            let message = format!("`in-threshold` = {} is no share", config.in_threshold);
            return Err(Problem::about("in-threshold", message)
                .help("servers must go below the target, not above it: 0.9 is usual"));
        }
        Ok(())
    }

    fn build(config: &Config, _: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        Ok(Box::new(Self::new(config.clone())))
    }
}

impl Autoscaler for TargetTracking {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let metric = signals.seen().value(self.config.metric);
        let observed = Observed {
            metric,
            contributing: signals.counts.ready,
            wanted: signals.counts.wanted(),
            warming: signals.younger_than(self.config.warm_up) > 0,
        };
        let servers = self.decide(signals.now.0, observed);
        let Some(value) = metric else { return Target::blind(signals) };
        Target::new(servers, format!("{value:.3} for a target of {}", self.config.target))
    }

    fn refused(&mut self, now: Instant) {
        // What was not done needs no cooldown.
        if self.raised.is_some_and(|(at_ns, _)| at_ns == now.0) {
            self.raised = self.raised_before;
        }
        self.lowered_ns = self.lowered_ns.filter(|at_ns| *at_ns != now.0);
    }

    fn manners(&self) -> Manners {
        let period = self.config.period;
        Manners {
            interval: period,
            window: period,
            longest: period,
            latency: self.config.metric == Metric::Latency,
            ..Manners::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(metric: f64, servers: u32) -> Observed {
        Observed { metric: Some(metric), contributing: servers, wanted: servers, warming: false }
    }

    #[test]
    fn it_grows_after_three_minutes_and_shrinks_after_fifteen() {
        let mut policy = TargetTracking::new(Config::default());
        let grown: Vec<u32> = (0..3).map(|minute| policy.decide(minute, seen(0.8, 10))).collect();
        assert_eq!(grown, [10, 10, 16]);
        let mut policy = TargetTracking::new(Config::default());
        let shrunk: Vec<u32> = (0..15).map(|minute| policy.decide(minute, seen(0.2, 10))).collect();
        assert_eq!(shrunk[..14], [10; 14]);
        assert_eq!(shrunk[14], 4);
    }

    #[test]
    fn between_ninety_percent_of_the_target_and_the_target_it_rests() {
        let mut policy = TargetTracking::new(Config::default());
        assert!((0..60).all(|minute| policy.decide(minute, seen(0.46, 10)) == 10));
    }

    #[test]
    fn servers_on_their_way_are_not_ordered_twice() {
        // Ten measured servers at 0.8 want sixteen, and sixteen are wanted already.
        assert_eq!(proportional(10, 16, 0.8, 0.5), 16);
        assert_eq!(proportional(10, 14, 0.8, 0.5), 16);
    }

    #[test]
    fn the_documented_queue_of_1500_messages_wants_fifteen_servers() {
        let target = acceptable_backlog(10.0, 0.1);
        assert_eq!(proportional(10, 10, 1500.0 / 10.0, target), 15);
    }

    #[test]
    fn during_the_cooldown_only_a_larger_increase_is_done() {
        let config = Config { out_periods: 1, out_cooldown: Duration(300), ..Config::default() };
        let mut policy = TargetTracking::new(config);
        assert_eq!(policy.decide(0, seen(0.8, 10)), 16);
        assert_eq!(policy.decide(60, seen(0.7, 16)), 16, "fourteen would do for the ten before");
        assert_eq!(policy.decide(120, seen(0.9, 16)), 18);
        assert_eq!(policy.decide(420, seen(0.6, 18)), 22, "the cooldown is over");
    }

    #[test]
    fn an_increase_that_was_not_made_leaves_the_cooldown_before_it() {
        let config = Config { out_periods: 1, out_cooldown: Duration(300), ..Config::default() };
        let mut policy = TargetTracking::new(config);
        assert_eq!(policy.decide(0, seen(0.8, 10)), 16);
        assert_eq!(policy.decide(120, seen(0.9, 16)), 18, "of the ten there were before");
        policy.refused(Instant(120));
        assert_eq!(policy.decide(180, seen(0.9, 16)), 18, "they still are those ten");
        assert_eq!(policy.decide(360, seen(0.55, 18)), 18, "the cooldown runs from 180");
    }

    #[test]
    fn without_data_nothing_is_done() {
        let mut policy = TargetTracking::new(Config { out_periods: 1, ..Config::default() });
        let blind = Observed { metric: None, ..seen(0.9, 4) };
        assert_eq!(policy.decide(0, blind), 4);
    }
}
