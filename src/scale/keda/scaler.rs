//! KEDA at work in a simulation: the poll that wakes and sleeps, and the HPA between.

use super::{Config, Poll, ScaledObject, is_active};
use crate::scale::hpa::calculator::for_average_value;
use crate::scale::hpa::{self, Hpa};
use crate::scale::{Autoscaler, Manners, Metric, Signals, Target};
use crate::time::{Duration, Instant};

/// A scaled object and the HPA it keeps.
#[derive(Debug)]
pub struct Scaler {
    config: Config,
    object: ScaledObject,
    hpa: Hpa,
    tolerances: hpa::calculator::Tolerances,
    next_poll: Instant,
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
            tolerances: of_hpa.tolerances(),
            hpa: Hpa::new(of_hpa),
            config,
            next_poll: Instant::START,
        }
    }
}

impl Autoscaler for Scaler {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let current = signals.counts.wanted();
        let Some(value) = signals.seen().total(self.config.metric) else {
            return Target::blind(signals);
        };
        if signals.now >= self.next_poll {
            self.next_poll = signals.now + self.config.polling_interval;
            let active = is_active(value, self.config.activation_threshold);
            let set = self.object.poll(signals.now.0, Poll { current, active, error: false });
            if set != current {
                let verb = if set > current { "active" } else { "idle" };
                return Target::new(set, format!("{verb}: {value:.2}"));
            }
        }
        if current == 0 {
            return Target::new(0, format!("asleep: {value:.2}"));
        }
        let milli = |value: f64| (value * 1000.0).round() as i64;
        let aim = self.config.target_average_value;
        let asked =
            for_average_value(milli(value), milli(aim).max(1), current as i32, self.tolerances);
        let decision = self.hpa.reconcile::<()>(signals.now.0, current as i32, &[Ok(asked)], true);
        let why = format!("{value:.2} at {aim} a pod ask for {asked}");
        Target::new(decision.replicas.max(0) as u32, why)
    }

    fn manners(&self) -> Manners {
        let look = Duration::from_secs(15);
        Manners {
            interval: look.min(self.config.polling_interval),
            scrape: look,
            window: look,
            longest: look,
            min: self.config.min_replica_count,
            max: self.config.max_replica_count,
            wakes: true,
            latency: self.config.metric == Metric::Latency,
        }
    }
}
