//! Where the search begins: servers by G/G/c with two moments, and what Erlang C alone would say.
//!
//! No theorem makes these a bracket of G/G/c, so they only place the search; simulation decides. Of
//! the queue of Erlang itself the formula is exact, and settles what simulation cannot tell.

use super::gate::Trial;
use super::sample::Known;
use super::traffic::Load;
use crate::experiment::twin;
use crate::outcome::Ruling;
use crate::scenario::{Goal, Measure, Scenario};
use crate::stats::NANOS_PER_SECOND;
use crate::theory::{Delay, Ggc, Target, min_servers, safety_factor, square_root_staffing};

/// A queue that many slots share, offered the load of the traffic times a scale.
#[derive(Clone, Copy, Debug)]
pub(super) struct Model<'a> {
    pub(super) load: &'a Load,
    pub(super) known: Option<&'a Known>,
    /// Work a second of one slot.
    pub(super) speed: f64,
}

/// Points of the integral over the wait.
const POINTS: u32 = 200;

impl Model<'_> {
    /// The fewest slots with which the formula meets all objectives; `None` where it never does.
    pub(super) fn slots(&self, goals: &[Goal], scale: f64) -> Option<u32> {
        let load = self.load.erlangs() * scale / self.speed;
        let least = load.floor().min(1e7) as u32;
        let (mut low, mut step) = (least, 1_u32);
        while !self.meets(goals, low + step, scale) {
            low += step;
            step *= 2;
            if step > 1 << 24 {
                return None;
            }
        }
        let mut high = low + step;
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.meets(goals, middle, scale) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Some(high)
    }

    /// About the largest multiple of the load that so many slots carry.
    pub(super) fn scale(&self, goals: &[Goal], slots: u32) -> f64 {
        let (mut low, mut high) = (0.0, f64::from(slots) * self.speed / self.load.erlangs());
        for _ in 0..30 {
            let middle = f64::midpoint(low, high);
            if self.meets(goals, slots, middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    fn meets(&self, goals: &[Goal], slots: u32, scale: f64) -> bool {
        let (rate, service) = (self.load.rate * scale, self.load.service / self.speed);
        let (arrival, scv) = (self.load.arrival_scv, self.load.service_scv);
        let Ok(queue) = Ggc::new(rate, 1.0 / service, slots, arrival, scv) else { return false };
        let mean = queue.whitt();
        let wait = queue.wait(mean.max(1e-12 * service));
        goals.iter().filter(|goal| goal.below).all(|goal| match goal.measure {
            Measure::Mean => mean + service <= goal.limit,
            Measure::WaitMean => mean <= goal.limit,
            Measure::WaitPercentile(p) => wait.tail(goal.limit) <= 1.0 - p,
            Measure::Percentile(p) => {
                let late = |t: f64| self.service_tail(goal.limit - t);
                // The wait is an atom at zero and an exponential: its quantiles at even steps.
                let mut share = (1.0 - wait.mass) * late(0.0);
                for point in 0..POINTS {
                    let u = (f64::from(point) + 0.5) / f64::from(POINTS);
                    share += wait.mass / f64::from(POINTS) * late(-u.ln() / wait.rate);
                }
                share <= 1.0 - p
            }
            Measure::Utilization => rate * service / f64::from(slots) <= goal.limit,
            Measure::Max | Measure::Errors | Measure::CostPerHour => true,
        })
    }

    /// P(service > t).
    pub(super) fn service_tail(&self, t: f64) -> f64 {
        match self.known {
            _ if t < 0.0 => 1.0,
            Some(known) => known.tail(t),
            None => {
                let demand = (t * self.speed * NANOS_PER_SECOND).round() as u64;
                self.load.demands.fraction_above(demand)
            }
        }
    }

    /// Slots by Erlang C alone at a rate: Poisson arrivals, exponential service, one queue.
    pub(super) fn erlang_c(&self, goals: &[Goal], rate: f64) -> Option<u32> {
        let service_rate = self.speed / self.load.service;
        let target = |goal: &Goal| {
            let t = goal.limit;
            Some(match goal.measure {
                Measure::Percentile(p) => Target::LatencyQuantile { p, t },
                Measure::WaitPercentile(p) if t > 0.0 => Target::WaitQuantile { p, t },
                Measure::WaitPercentile(p) => Target::WaitProbability(1.0 - p),
                Measure::Mean => Target::LatencyMean(t),
                Measure::WaitMean => Target::WaitMean(t),
                _ => return None,
            })
        };
        let load = rate / service_rate;
        let slots = |goal: &Goal| match (goal.measure, target(goal)) {
            (Measure::Utilization, _) => Some(Some((load / goal.limit).ceil() as u32)),
            (_, Some(target)) => Some(min_servers(rate, service_rate, target).ok()),
            (_, None) => None,
        };
        let each = goals.iter().filter(|goal| goal.below).filter_map(slots);
        each.collect::<Option<Vec<u32>>>()?.into_iter().max()
    }

    /// Slots by the square-root rule for one request in five that waits.
    pub(super) fn square_root(&self) -> u32 {
        square_root_staffing(self.load.erlangs() / self.speed, safety_factor(0.2))
    }
}

/// A trial that simulation could not decide, decided by theory where that is exact.
pub(super) fn settle(mut trial: Trial, scenario: &Scenario, goals: &[Goal]) -> Trial {
    if !matches!(trial.ruling, Ruling::Boundary | Ruling::Undecided) {
        return trial;
    }
    let Some(queue) = twin::erlang(scenario) else { return trial };
    let (wait, latency) = (queue.wait(), queue.latency());
    let exact = |goal: &Goal| match goal.measure {
        Measure::Mean => Some(latency.mean()),
        Measure::WaitMean => Some(wait.mean()),
        Measure::Percentile(p) => Some(latency.quantile(p)),
        Measure::WaitPercentile(p) => Some(wait.quantile(p)),
        Measure::Utilization => Some(queue.utilization()),
        Measure::Errors => Some(0.0),
        Measure::Max | Measure::CostPerHour => None,
    };
    let Some(values) = goals.iter().map(exact).collect::<Option<Vec<f64>>>() else { return trial };
    for ((goal, value), told) in goals.iter().zip(values).zip(&mut trial.objectives) {
        (told.met, told.inconclusive) = (goal.is_met_by(value), false);
    }
    let met = trial.objectives.iter().all(|one| one.met);
    let ruling = if met { Ruling::Met } else { Ruling::Missed };
    Trial { ruling, by_theory: true, ..trial }
}

/// The first objective that the service alone breaks, and what even an idle fleet would show.
pub(super) fn impossible<'a>(model: &Model<'_>, goals: &'a [Goal]) -> Option<(&'a Goal, f64)> {
    let seconds = |demand: u64| demand as f64 / NANOS_PER_SECOND / model.speed;
    let demands = &model.load.demands;
    goals.iter().filter(|goal| goal.below).find_map(|goal| match goal.measure {
        Measure::Percentile(p) => {
            // Services that were only seen, not known, must be late beyond doubt.
            let doubt = 4.0 * ((1.0 - p) / demands.len() as f64).sqrt();
            let margin = if model.known.is_some() { 0.0 } else { doubt };
            let late = model.service_tail(goal.limit) >= 1.0 - p + margin;
            late.then_some((goal, seconds(demands.quantile(p)?)))
        }
        Measure::Mean => {
            let mean = model.load.service / model.speed;
            (mean >= goal.limit).then_some((goal, mean))
        }
        Measure::Max => {
            let longest = seconds(demands.max()?);
            (!goal.is_met_by(longest)).then_some((goal, longest))
        }
        _ => None,
    })
}
