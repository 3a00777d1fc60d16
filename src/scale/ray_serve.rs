//! Ray Serve's replica autoscaling.
//!
//! *What it does*: wants `total ongoing requests / target per replica` replicas, counting what is
//! queued at the handles and what the replicas serve. A factor damps or amplifies each step; a
//! decision is carried out when it has been made, in the same direction, for the whole of a delay:
//! 30 s up, 600 s down. From zero it starts at once.
//!
//! *When it shines*: model serving, where a replica's concurrency is what it is bought for and a
//! replica takes half a minute to load.
//!
//! *When it fails*: a delay of 30 s up is a long queue in a flash crowd; a load that swings about
//! its target faster than the delay is never followed at all.
//!
//! *Source*: `python/ray/serve/autoscaling_policy.py` of ray-project/ray (the version that
//! measures the delays in time; older ones counted ticks of the control loop).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Autoscaler, Manners, Setup, Signals, Target, positive};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;

/// Delays are met within so much: the slack upstream gives its clock.
const SLACK_NS: u64 = 1_000;

/// How a deployment is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Requests in flight aimed at per replica.
    pub target_ongoing_requests: f64,
    /// Fewest replicas; at 0 the deployment may sleep.
    pub min_replicas: u32,
    /// Most replicas: 100, as with `num_replicas = "auto"`.
    pub max_replicas: u32,
    /// How long more replicas must be wanted.
    pub upscale_delay: Duration,
    /// How long fewer replicas must be wanted.
    pub downscale_delay: Duration,
    /// The same for the step from one to none; absent, `downscale-delay`.
    pub downscale_to_zero_delay: Option<Duration>,
    /// The share of each step up that is taken; above 1 overshoots on purpose.
    pub upscaling_factor: f64,
    /// The share of each step down that is taken.
    pub downscaling_factor: f64,
    /// The window over which ongoing requests are averaged.
    pub look_back_period: Duration,
    /// Replicas are started and stopped in groups of so many.
    pub gang_size: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            target_ongoing_requests: 2.0,
            min_replicas: 1,
            max_replicas: 100,
            upscale_delay: Duration::from_secs(30),
            downscale_delay: Duration::from_secs(600),
            downscale_to_zero_delay: None,
            upscaling_factor: 1.0,
            downscaling_factor: 1.0,
            look_back_period: Duration::from_secs(30),
            gang_size: 1,
        }
    }
}

impl Config {
    /// Moves from `current` towards `desired` by the factor of the direction, rounded up. A step
    /// down that the rounding would swallow becomes one of a single replica.
    pub fn apply_factor(&self, desired: f64, current: u32) -> i64 {
        let current = f64::from(current);
        let step = desired - current;
        let factor = if step > 0.0 { self.upscaling_factor } else { self.downscaling_factor };
        let scaled = (current + factor * step).ceil();
        let stuck = desired.ceil() < current && scaled == current;
        scaled as i64 - i64::from(stuck)
    }

    /// Replicas wanted for so many ongoing requests, in the order of upstream's arithmetic.
    pub fn desired(&self, running: u32, ongoing: f64) -> f64 {
        let running = f64::from(running);
        running * (ongoing / (self.target_ongoing_requests * running))
    }

    /// The count within the bounds.
    pub fn bounded(&self, replicas: i64) -> u32 {
        replicas.clamp(self.min_replicas.into(), self.max_replicas.max(self.min_replicas).into())
            as u32
    }

    /// The count rounded up to whole gangs.
    pub fn in_gangs(&self, replicas: u32) -> u32 {
        replicas.next_multiple_of(self.gang_size.max(1))
    }
}

/// How long the present decision has been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Streak {
    /// Decisions in a row: positive up, negative down.
    pub length: i64,
    /// When the row began.
    pub since_ns: Option<u64>,
}

impl Streak {
    /// `target`, until `desired` has been asked for over the whole of its direction's delay.
    ///
    /// The last replica goes by a delay of its own, and only from a target of one.
    pub fn delay(&mut self, config: &Config, now_ns: u64, desired: i64, target: i64) -> i64 {
        let (direction, delay_ns, decision) = if desired > target {
            (1, config.upscale_delay.0, desired)
        } else if desired == target {
            *self = Self::default();
            return target;
        } else if target == 1 {
            let delay_ns = config.downscale_to_zero_delay.unwrap_or(config.downscale_delay).0;
            (-1, delay_ns, desired)
        } else {
            (-1, config.downscale_delay.0, desired.max(1))
        };
        if self.length.signum() != direction {
            *self = Self::default();
        }
        self.length += direction;
        let since_ns = *self.since_ns.get_or_insert(now_ns);
        if now_ns.saturating_sub(since_ns) + SLACK_NS >= delay_ns {
            *self = Self::default();
            return decision;
        }
        target
    }
}

/// What a control loop sees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Replicas that run.
    pub running: u32,
    /// Replicas that are meant to run.
    pub target: u32,
    /// Requests queued at handles and ongoing at replicas.
    pub ongoing: f64,
}

/// The policy of one deployment.
#[derive(Debug, Clone)]
pub struct RayServe {
    config: Config,
    streak: Streak,
}

impl RayServe {
    /// A policy without history.
    pub fn new(config: Config) -> Self {
        Self { config, streak: Streak::default() }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Changes the settings under a running policy; its streak stays.
    pub fn update(&mut self, config: Config) {
        self.config = config;
    }

    /// The next target, before bounds and gangs.
    pub fn decide(&mut self, now_ns: u64, load: Load) -> i64 {
        let desired = self.config.desired(load.running, load.ongoing);
        self.decide_custom(now_ns, load, desired)
    }

    /// The same for a policy of one's own, which wants `desired` replicas.
    pub fn decide_custom(&mut self, now_ns: u64, load: Load, desired: f64) -> i64 {
        let target = i64::from(load.target);
        if load.running == 0 {
            // Nothing to divide by: wake at once, or wait for what was started.
            let first = self.config.upscaling_factor.ceil() as i64;
            return if load.ongoing > 0.0 { first.max(target) } else { target };
        }
        let desired = self.config.apply_factor(desired, load.running);
        self.streak.delay(&self.config, now_ns, desired, target)
    }

    /// The next target within bounds and in whole gangs: what is carried out.
    pub fn target(&mut self, now_ns: u64, load: Load) -> u32 {
        let decided = self.decide(now_ns, load);
        self.config.in_gangs(self.config.bounded(decided))
    }
}

/// A value from a time on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Seconds.
    pub at_s: f64,
    /// The value from then on.
    pub value: f64,
}

/// The instantaneous sum of several step series, at every instant one of them changes. A series
/// counts as zero before its first point.
pub fn merge(series: &[Vec<Point>]) -> Vec<Point> {
    let mut events: Vec<(f64, usize, f64)> = series
        .iter()
        .enumerate()
        .flat_map(|(index, points)| points.iter().map(move |it| (it.at_s, index, it.value)))
        .collect();
    events.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut latest = vec![0.0; series.len()];
    let mut merged: Vec<Point> = Vec::with_capacity(events.len());
    for (at_s, index, value) in events {
        latest[index] = value;
        let total = Point { at_s, value: latest.iter().sum() };
        match merged.last_mut() {
            Some(last) if last.at_s == at_s => *last = total,
            _ => merged.push(total),
        }
    }
    merged
}

/// The time-weighted mean of a step series from `start_s` (or its first point) on, the last value
/// holding for `last_s`; nothing for a series that covers no time.
pub fn time_weighted_mean(points: &[Point], start_s: Option<f64>, last_s: f64) -> Option<f64> {
    let start_s = start_s.unwrap_or(f64::NEG_INFINITY);
    let (mut area, mut length) = (0.0, 0.0);
    for (index, point) in points.iter().enumerate() {
        let end_s = points.get(index + 1).map_or(point.at_s + last_s, |next| next.at_s);
        let span = end_s - point.at_s.max(start_s);
        if span > 0.0 {
            area += point.value * span;
            length += span;
        }
    }
    (length > 0.0).then(|| area / length)
}

impl Variant<dyn Autoscaler> for RayServe {
    const NAME: &'static str = "ray-serve";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        let target = config.target_ongoing_requests;
        positive("target-ongoing-requests", target, "2 is the default")?;
        super::bounds("min-replicas", config.min_replicas, "max-replicas", config.max_replicas)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        Ok(Box::new(Self::new(Config {
            min_replicas: setup.min.unwrap_or(config.min_replicas),
            max_replicas: setup.max.unwrap_or(config.max_replicas),
            ..config.clone()
        })))
    }
}

impl Autoscaler for RayServe {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let counts = signals.counts;
        let Some(ongoing) = signals.seen().concurrency() else { return Target::blind(signals) };
        let load = Load { running: counts.ready, target: counts.wanted(), ongoing };
        let servers = RayServe::target(self, signals.now.0, load);
        let per_replica = self.config.target_ongoing_requests;
        Target::new(servers, format!("{ongoing:.2} ongoing, {per_replica} per replica"))
    }

    fn manners(&self) -> Manners {
        let window = self.config.look_back_period;
        Manners {
            interval: Duration::from_millis(100),
            scrape: Duration::from_secs(10).min(window),
            window,
            longest: window,
            min: self.config.min_replicas,
            max: self.config.max_replicas,
            wakes: true,
            latency: false,
        }
    }
}
