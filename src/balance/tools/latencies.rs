//! Smoothed response times, a server each.

use crate::fleet::{Fleet, FleetChange};
use crate::model::{Completion, Fate, ServerId};

/// Exponentially weighted means of the time from sending to end, in seconds; 0 while unknown.
#[derive(Clone, Debug)]
pub(in crate::balance) struct Latencies {
    weight: f64,
    means: Vec<f64>,
}

impl Latencies {
    /// No measurement yet; `weight` is that of a new one.
    pub(in crate::balance) fn new(weight: f64) -> Self {
        Self { weight, means: Vec::new() }
    }

    /// A server's mean, 0 while unknown.
    pub(in crate::balance) fn get(&self, server: ServerId) -> f64 {
        self.means.get(server.index()).copied().unwrap_or(0.0)
    }

    /// Forgets a server's measurements.
    pub(in crate::balance) fn forget(&mut self, server: ServerId) {
        if let Some(mean) = self.means.get_mut(server.index()) {
            *mean = 0.0;
        }
    }

    /// A server that comes back may have changed.
    pub(in crate::balance) fn change(&mut self, change: FleetChange, _: &Fleet) {
        if let FleetChange::Joined(server) = change {
            self.forget(server);
        }
    }

    /// Learns from a request that was served; says whose mean has changed. Others teach nothing: a
    /// server that fails fast is not quick.
    pub(in crate::balance) fn learn(&mut self, done: &Completion) -> Option<ServerId> {
        let server = done.server.filter(|_| done.fate == Fate::Completed)?;
        if server.index() >= self.means.len() {
            self.means.resize(server.index() + 1, 0.0);
        }
        let (mean, latency) = (&mut self.means[server.index()], response_time(done));
        *mean = if *mean == 0.0 { latency } else { *mean + self.weight * (latency - *mean) };
        Some(server)
    }
}

/// From sending to end, in seconds: what the balancer itself can measure.
pub(in crate::balance) fn response_time(done: &Completion) -> f64 {
    (done.ended - done.sent).as_secs_f64()
}
