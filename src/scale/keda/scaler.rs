//! KEDA at work in a simulation: the poll that wakes and sleeps, and the HPA between.

use super::{Config, Poll, ScaledObject, is_active};
use crate::scale::hpa::calculator::for_average_value;
use crate::scale::hpa::{self, Hpa};
use crate::scale::{Autoscaler, Manners, Metric, Signals, Target};
use crate::time::{Duration, Instant};

/// A scaled object and the HPA it keeps, each with a clock of its own.
#[derive(Debug)]
pub struct Scaler {
    config: Config,
    object: ScaledObject,
    hpa: Hpa,
    of_hpa: hpa::Config,
    next_poll: Instant,
    next_sync: Instant,
    /// What the last poll found.
    polled: Option<f64>,
    /// The pools there are.
    pools: usize,
}

impl Scaler {
    /// A scaled object created at the start of the run.
    pub fn new(config: Config) -> Self {
        let of_hpa = hpa::Config {
            min_replicas: config.min_replica_count.max(1),
            max_replicas: config.max_replica_count,
            behavior: config.behavior.clone(),
            ..hpa::Config::default()
        };
        Self {
            object: ScaledObject::new(config.clone(), 0),
            hpa: Hpa::new(of_hpa.clone()),
            of_hpa,
            config,
            next_poll: Instant::START,
            next_sync: Instant::START,
            polled: None,
            pools: 1,
        }
    }

    /// The same for one of so many pools.
    #[must_use]
    pub(super) fn among(mut self, pools: usize) -> Self {
        self.pools = pools;
        self
    }

    /// What KEDA itself does at a poll: nothing, or a count other than the present one.
    fn poll(&mut self, now: Instant, current: u32, value: f64) -> Option<Target> {
        if now < self.next_poll {
            return None;
        }
        self.next_poll = after(self.next_poll, self.config.polling_interval, now);
        self.polled = Some(value);
        let active = is_active(value, self.config.activation_threshold);
        let set = self.object.poll(now.0, Poll { current, active, error: false });
        let verb = if set > current { "active" } else { "idle" };
        (set != current).then(|| Target::new(set, format!("{verb}: {value:.2}")))
    }

    /// What its HPA makes of the value when its turn comes; between two turns the count stays.
    fn sync(&mut self, now: Instant, current: u32, value: f64) -> Target {
        if now < self.next_sync {
            return Target::new(current, "between two looks of the HPA");
        }
        self.next_sync = after(self.next_sync, self.of_hpa.sync_period, now);
        let value = self.polled.filter(|_| self.config.use_cached_metrics).unwrap_or(value);
        let milli = |value: f64| (value * 1000.0).round() as i64;
        let (aim, tolerances) = (self.config.target_average_value, self.of_hpa.tolerances());
        let asked = for_average_value(milli(value), milli(aim).max(1), current as i32, tolerances);
        let decision = self.hpa.reconcile::<()>(now.0, current as i32, &[Ok(asked)], true);
        let why = format!("{value:.2} at {aim} a pod ask for {asked}");
        Target::new(decision.replicas.max(0) as u32, why)
    }
}

/// The next time of a clock that strikes at a period, when it has been heard at `now`.
fn after(due: Instant, period: Duration, now: Instant) -> Instant {
    let next = due + period;
    if next > now { next } else { now + period }
}

/// The longest interval at which two clocks can both be looked at in time: what divides both
/// periods, at least a second, which is the granularity of KEDA's.
fn common(one: Duration, other: Duration) -> Duration {
    let (mut large, mut small) = (one.0, other.0);
    while small > 0 {
        (large, small) = (small, large % small);
    }
    let second = Duration::from_secs(1);
    Duration(large).max(second.min(other).max(Duration(1)))
}

impl Autoscaler for Scaler {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let current = signals.counts.wanted();
        let Some(value) = signals.seen().total(self.config.metric) else {
            return Target::blind(signals);
        };
        if let Some(target) = self.poll(signals.now, current, value) {
            return target;
        }
        if current == 0 {
            return Target::new(0, format!("asleep: {value:.2}"));
        }
        self.sync(signals.now, current, value)
    }

    fn manners(&self) -> Manners {
        let look = self.of_hpa.sync_period;
        Manners {
            interval: common(look, self.config.polling_interval),
            scrape: look,
            window: look,
            longest: look,
            min: self.config.idle_replica_count.unwrap_or(self.config.min_replica_count),
            max: self.config.max_replica_count,
            wakes: self.config.metric.is_seen_asleep(self.pools),
            latency: self.config.metric == Metric::Latency,
        }
    }
}
