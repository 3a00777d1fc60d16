//! Rewards from response times, as bandits count them: tries, answers and sums that may fade.

use super::response_time;
use crate::fleet::{Fleet, FleetChange};
use crate::model::{Completion, Fate, ServerId};
use crate::time::Duration;

/// What is known of one server.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::balance) struct Arm {
    /// Requests sent, faded.
    pub(in crate::balance) tries: f64,
    /// Requests that have ended, faded.
    pub(in crate::balance) answers: f64,
    sum: f64,
}

impl Arm {
    /// The mean reward, 1 while nothing is known: nothing could be better.
    pub(in crate::balance) fn mean(&self) -> f64 {
        if self.answers > 0.0 { self.sum / self.answers } else { 1.0 }
    }
}

/// All servers. Instead of fading every number at each request, new ones count for more and more.
#[derive(Debug)]
pub(in crate::balance) struct Rewards {
    reference: f64,
    growth: f64,
    unit: f64,
    total: f64,
    arms: Vec<Arm>,
}

impl Rewards {
    /// Nothing known; numbers fade to 1/e in `memory` requests, if in any.
    pub(in crate::balance) fn new(reference: Duration, memory: Option<u32>, fleet: &Fleet) -> Self {
        Self {
            reference: reference.as_secs_f64(),
            growth: memory.map_or(1.0, |memory| (1.0 / f64::from(memory)).exp()),
            unit: 1.0,
            total: 0.0,
            arms: vec![Arm::default(); fleet.len()],
        }
    }

    /// The reward of one request: 1 / (1 + L/r), 0 when it was not served.
    pub(in crate::balance) fn reward(&self, done: &Completion) -> f64 {
        let served = done.fate == Fate::Completed;
        if served { 1.0 / (1.0 + response_time(done) / self.reference) } else { 0.0 }
    }

    /// All requests sent, faded.
    pub(in crate::balance) fn total(&self) -> f64 {
        self.total / self.unit
    }

    /// What is known of a server.
    #[inline]
    pub(in crate::balance) fn arm(&self, server: ServerId) -> Arm {
        let Arm { tries, answers, sum } = self.arms[server.index()];
        Arm { tries: tries / self.unit, answers: answers / self.unit, sum: sum / self.unit }
    }

    /// A request has been sent.
    pub(in crate::balance) fn tried(&mut self, server: ServerId) {
        self.unit *= self.growth;
        if self.unit > 1e100 {
            let unit = std::mem::replace(&mut self.unit, 1.0);
            self.total /= unit;
            for arm in &mut self.arms {
                *arm = Arm {
                    tries: arm.tries / unit,
                    answers: arm.answers / unit,
                    sum: arm.sum / unit,
                };
            }
        }
        self.arms[server.index()].tries += self.unit;
        self.total += self.unit;
    }

    /// A request has ended.
    pub(in crate::balance) fn learn(&mut self, done: &Completion) {
        if let Some(server) = done.server {
            let reward = self.reward(done);
            let arm = &mut self.arms[server.index()];
            arm.answers += self.unit;
            arm.sum += self.unit * reward;
        }
    }

    /// A server that joins is unknown.
    pub(in crate::balance) fn change(&mut self, change: FleetChange, fleet: &Fleet) {
        if let FleetChange::Joined(server) = change {
            self.arms.resize(fleet.len().max(self.arms.len()), Arm::default());
            self.arms[server.index()] = Arm::default();
        }
    }
}
