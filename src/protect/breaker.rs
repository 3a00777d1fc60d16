//! A circuit breaker: when too many attempts fail, all are refused for a while, then a few try.

use std::collections::VecDeque;

use crate::time::{Duration, Instant};

/// When the circuit opens and closes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerRule {
    /// The share of failed attempts from which on it opens.
    pub failures: f64,
    /// The attempts that the share is over, the latest ones.
    pub window: u32,
    /// The least attempts for the share to count.
    pub least: u32,
    /// How long it stays open.
    pub open_for: Duration,
    /// Requests that are let through on trial after that.
    pub trials: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open {
        until: Instant,
    },
    /// Requests sent on trial, answered, and failed.
    Trying {
        sent: u32,
        answered: u32,
        failed: u32,
    },
}

/// The breaker of one balancer: closed, open, or half open. The states and the share over a sliding
/// window of calls are those of Nygard ("Release It!", 2007) and resilience4j.
#[derive(Clone, Debug)]
pub struct Breaker {
    rule: BreakerRule,
    state: State,
    latest: VecDeque<bool>,
    failed: u32,
}

impl Breaker {
    /// A closed circuit.
    pub fn new(rule: BreakerRule) -> Self {
        Self { rule, state: State::Closed, latest: VecDeque::new(), failed: 0 }
    }

    /// Whether a request may pass now; on trial it counts as sent.
    pub fn passes(&mut self, now: Instant) -> bool {
        if let State::Open { until } = self.state {
            if now < until {
                return false;
            }
            self.state = State::Trying { sent: 0, answered: 0, failed: 0 };
        }
        match &mut self.state {
            State::Trying { sent, .. } if *sent >= self.rule.trials => false,
            State::Trying { sent, .. } => {
                *sent += 1;
                true
            }
            _ => true,
        }
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Takes in what became of an attempt; true if that opened or closed the circuit.
    pub fn take(&mut self, now: Instant, well: bool) -> bool {
        let before = self.state;
        match &mut self.state {
            State::Closed => {
                self.latest.push_back(well);
                self.failed += u32::from(!well);
                if self.latest.len() as u32 > self.rule.window {
                    self.failed -= u32::from(self.latest.pop_front() == Some(false));
                }
                let count = self.latest.len() as u32;
                let share = f64::from(self.failed) / f64::from(count);
                if count >= self.rule.least && share >= self.rule.failures {
                    self.open(now);
                }
            }
            State::Trying { answered, failed, .. } => {
                *answered += 1;
                *failed += u32::from(!well);
                let share = f64::from(*failed) / f64::from(self.rule.trials);
                if share >= self.rule.failures {
                    self.open(now);
                } else if *answered >= self.rule.trials {
                    self.state = State::Closed;
                }
            }
            State::Open { .. } => {}
        }
        let is = |state: &State| std::mem::discriminant(state);
        is(&before) != is(&self.state)
    }

    fn open(&mut self, now: Instant) {
        self.state = State::Open { until: now + self.rule.open_for };
        self.latest.clear();
        self.failed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_on_failures_tries_after_a_while_and_closes_on_successes() {
        let open_for = Duration::from_secs(5);
        let rule = BreakerRule { failures: 0.5, window: 10, least: 4, open_for, trials: 2 };
        let mut breaker = Breaker::new(rule);
        let at = |second| Instant::START + Duration::from_secs(second);
        assert!(!breaker.take(at(0), false) && !breaker.take(at(0), false), "too few to tell");
        assert!(!breaker.take(at(0), true) && breaker.take(at(1), true), "half of four");
        assert!(!breaker.passes(at(2)) && !breaker.is_closed());
        assert!(breaker.passes(at(6)) && breaker.passes(at(6)) && !breaker.passes(at(6)));
        assert!(breaker.take(at(7), false), "half of the trials failed");
        assert!(!breaker.passes(at(8)) && breaker.passes(at(12)) && breaker.passes(at(12)));
        assert!(!breaker.take(at(13), true) && breaker.take(at(13), true) && breaker.is_closed());
    }
}
