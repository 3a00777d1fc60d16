//! The predictive policy at work: learns the load from the past of the run and scales for the load
//! of one start-up time ahead.

use super::Config;
use super::learner::Learner;
use super::published::whole_up;
use crate::model::Foresight;
use crate::scale::{Autoscaler, Manners, Metrics, Signals, Target};
use crate::time::Instant;

/// From a load to a count.
pub(super) enum Rule {
    /// `S0 + k·L'`.
    PerLoad(f64),
    /// Any policy, once for the load ahead and once for that of now: each remembers its own.
    Policy { ahead: Box<dyn Autoscaler>, now: Box<dyn Autoscaler> },
}

/// The policy and what it has learnt.
pub struct Scaler {
    config: Config,
    rule: Rule,
    learner: Learner,
    service_s: Option<f64>,
}

impl Scaler {
    pub(super) fn new(config: Config, rule: Rule, learner: Learner) -> Self {
        Self { config, rule, learner, service_s: None }
    }

    /// What the rule wants for the load ahead; nothing while it cannot tell.
    fn for_load(&mut self, load: f64, signals: &Signals<'_>) -> Option<Target> {
        let base = self.config.base;
        match &mut self.rule {
            Rule::PerLoad(k) => {
                let servers = whole_up(f64::from(base) + *k * load);
                Some(Target::new(servers, format!("{base} + {k} · {load:.2}")))
            }
            Rule::Policy { ahead, .. } => {
                let service_s = self.service_s?;
                let serving = signals.counts.ready.max(1);
                let metrics = Metrics::as_if(signals.now, load, service_s, serving, signals.slots);
                let in_system = (load * service_s).round() as u32;
                let foreseen = Signals { in_system, waiting: 0, metrics: &metrics, ..*signals };
                let target = ahead.target(&foreseen);
                Some(Target::new(base.saturating_add(target.servers), target.why))
            }
        }
    }

    /// What the rule wants for the load there is.
    fn for_now(&mut self, signals: &Signals<'_>) -> Option<Target> {
        let base = self.config.base;
        match &mut self.rule {
            Rule::PerLoad(k) => {
                let load = signals.seen().rate()?;
                let servers = whole_up(f64::from(base) + *k * load);
                Some(Target::new(servers, format!("present load: {base} + {k} · {load:.2}")))
            }
            Rule::Policy { now, .. } => {
                let target = now.target(signals);
                let why = format!("present load: {}", target.why);
                Some(Target::new(base.saturating_add(target.servers), why))
            }
        }
    }
}

impl Autoscaler for Scaler {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        self.learner.learn(signals.now, |at| signals.arrivals_until(at));
        self.service_s = signals.seen().service_s().or(self.service_s);
        let ahead = self.learner.load_ahead(signals.now).and_then(|(load, after)| {
            let target = self.for_load(load, signals)?;
            let (name, fits) = (self.config.forecaster.name, self.learner.refits());
            let why =
                format!("{load:.2} a second in {after} by {name} ({fits} fits): {}", target.why);
            Some(Target::new(target.servers, why))
        });
        // Without a forecast the present is all there is to go by.
        let present = (self.config.reactive || ahead.is_none()).then(|| self.for_now(signals));
        match (ahead, present.flatten()) {
            (Some(ahead), Some(now)) => {
                if now.servers > ahead.servers {
                    now
                } else {
                    ahead
                }
            }
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => Target::blind(signals),
        }
    }

    fn foresight(&self) -> Option<Foresight> {
        Some(self.learner.foresight())
    }

    fn refused(&mut self, at: Instant) {
        if let Rule::Policy { ahead, now } = &mut self.rule {
            ahead.refused(at);
            now.refused(at);
        }
    }

    fn manners(&self) -> Manners {
        let own = match &self.rule {
            Rule::PerLoad(_) => Manners { wakes: true, ..Manners::default() },
            Rule::Policy { now, .. } => now.manners(),
        };
        Manners { longest: own.longest.max(self.learner.longest()), ..own }
    }
}
