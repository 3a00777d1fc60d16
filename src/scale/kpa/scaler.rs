//! The KPA at work in a simulation: the decider, the bounds, the last pod's departure.

use super::{Config, Decider, Decision, Metric, Observed, TICK_NS, ZeroGate};
use crate::scale::{Autoscaler, Manners, Signals, Target};
use crate::time::Duration;

/// The autoscaler of one revision.
#[derive(Debug)]
pub struct Scaler {
    config: Config,
    decider: Option<Decider>,
    gate: ZeroGate,
    initial_reached: bool,
}

impl Scaler {
    /// An autoscaler that has seen nothing.
    pub fn new(config: Config) -> Self {
        let gate = ZeroGate::Active { since_ns: 0 };
        Self { config, decider: None, gate, initial_reached: false }
    }

    fn panic_window(&self) -> Duration {
        Duration((self.config.stable_window.0 as f64 * self.config.panic_window_fraction) as u64)
    }

    /// A window's average. Before a window of data there is the part of it that exists.
    fn average(&self, signals: &Signals<'_>, window: Duration) -> Option<f64> {
        match self.config.metric {
            Metric::Concurrency => signals.over(window).concurrency(),
            Metric::Rps => signals.over(window).rate(),
        }
    }
}

impl Autoscaler for Scaler {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let (now_ns, ready) = (signals.now.0, signals.counts.ready);
        let stable = self.average(signals, self.config.stable_window);
        let panic = self.average(signals, self.panic_window());
        let observed = stable.zip(panic).map(|(stable, panic)| Observed { stable, panic });
        let spec = self.config.spec();
        let decider = self.decider.get_or_insert_with(|| Decider::new(spec, ready as i32, now_ns));
        let Some(Decision { desired_pods, excess_burst_capacity: excess }) =
            decider.decide(now_ns, Some(ready as i32), observed)
        else {
            return Target::blind(signals);
        };
        let mode = if decider.panic_since_ns().is_some() { "panic" } else { "stable" };
        self.initial_reached |= signals.counts.wanted() >= self.config.initial_scale;
        let bounded = self.config.bounded(desired_pods.max(0) as u32, self.initial_reached);
        let least = signals.counts.wanted().min(1);
        let servers = self.gate.apply(&self.config, now_ns, bounded).unwrap_or(least);
        let Observed { stable, panic } = observed.unwrap_or(Observed { stable: 0.0, panic: 0.0 });
        let target = spec.target_value;
        let what = match self.config.metric {
            Metric::Concurrency => "in flight",
            Metric::Rps => "a second",
        };
        // Below 0 requests go through the activator; where they are held while no pod is there.
        let path = if excess < 0 { ", activator in the path" } else { "" };
        let why = format!(
            "{mode}: {stable:.2} and {panic:.2} {what}, {target} a pod, spare burst {excess}{path}"
        );
        Target::new(servers, why)
    }

    fn manners(&self) -> Manners {
        Manners {
            interval: Duration(TICK_NS),
            scrape: Duration::from_secs(1),
            window: self.config.stable_window,
            longest: self.config.stable_window,
            min: self.config.min_scale,
            max: if self.config.max_scale == 0 { 1000 } else { self.config.max_scale },
            wakes: true,
            latency: false,
        }
    }
}
