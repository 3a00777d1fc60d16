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
    /// How often it has opened.
    opened: u32,
}

/// That an attempt was let through, and after how many openings of the circuit: what becomes of one
/// that passed before the last of them tells nothing of the trials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass(u32);

impl Breaker {
    /// A closed circuit.
    pub fn new(rule: BreakerRule) -> Self {
        Self { rule, state: State::Closed, latest: VecDeque::new(), failed: 0, opened: 0 }
    }

    /// Lets an attempt pass, or not; on trial it counts as sent.
    pub fn pass(&mut self, now: Instant) -> Option<Pass> {
        if let State::Open { until } = self.state {
            if now < until {
                return None;
            }
            self.state = State::Trying { sent: 0, answered: 0, failed: 0 };
        }
        match &mut self.state {
            State::Trying { sent, .. } if *sent >= self.rule.trials => return None,
            State::Trying { sent, .. } => *sent += 1,
            _ => {}
        }
        Some(Pass(self.opened))
    }

    /// Nobody will know what would have become of an attempt: another one may try.
    pub fn take_back(&mut self, pass: Pass) {
        if let State::Trying { sent, .. } = &mut self.state
            && pass.0 == self.opened
        {
            *sent -= 1;
        }
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Takes in what became of an attempt; true if that opened or closed the circuit.
    pub fn take(&mut self, now: Instant, pass: Pass, well: bool) -> bool {
        if pass.0 != self.opened {
            return false;
        }
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
        self.opened += 1;
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
        let first = breaker.pass(at(0)).unwrap();
        let mut take = |second, well| breaker.take(at(second), first, well);
        assert!(!take(0, false) && !take(0, false), "too few to tell");
        assert!(!take(0, true) && take(1, true), "half of four");
        assert!(breaker.pass(at(2)).is_none() && !breaker.is_closed());
        let trial = breaker.pass(at(6)).unwrap();
        assert!(breaker.pass(at(6)).is_some() && breaker.pass(at(6)).is_none());
        assert!(!breaker.take(at(6), first, false), "that was sent before it opened");
        assert!(breaker.take(at(7), trial, false), "half of the trials failed");
        assert!(breaker.pass(at(8)).is_none());
        let last = breaker.pass(at(12)).unwrap();
        assert!(breaker.pass(at(12)).is_some() && breaker.pass(at(12)).is_none());
        breaker.take_back(last);
        assert!(breaker.pass(at(12)).is_some(), "another one tries instead");
        assert!(!breaker.take(at(13), last, true) && breaker.take(at(13), last, true));
        assert!(breaker.is_closed());
    }
}
