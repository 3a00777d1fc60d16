//! From the census of a run to its servers, hours and elasticity, and what could have been.
//!
//! The *ideal* follows the [demand](super::demand) exactly: it knows the future and orders each
//! server one mean start-up time ahead, paid from the order, or keeps it through a gap where that
//! is cheaper. The *static peak* holds the largest demand all the time. Neither pays for start-ups
//! before the run began.

use std::path::Path;

use super::demand::{SHORTEST, demand, followed};
use super::{Measure, Measured, Pool, Scenario, billing};
use crate::fleet::State;
use crate::law::{self, Unit};
use crate::model::Foresight;
use crate::outcome::{Autoscaling, Bounds, Decided, Foreseen, Interval};
use crate::probe::{Census, Change, Decision, Step};
use crate::scale::elasticity::{self, Steps};
use crate::time::{Duration, Instant, SECOND_NS};

/// The life of one server.
#[derive(Clone, Debug)]
pub(super) struct Life {
    /// Its pool, by its place in the scenario.
    pub(super) pool: u16,
    ordered: Instant,
    ready: Option<Instant>,
    gone: Option<Instant>,
    /// Its slots and its speed from each instant they change.
    sizes: Vec<(Instant, u32, f64)>,
}

impl Life {
    fn new(change: &Change) -> Self {
        let sizes = vec![(change.at, change.slots, change.speed)];
        Self { pool: change.pool, ordered: change.at, ready: None, gone: None, sizes }
    }

    fn go_on(&mut self, change: &Change) {
        match change.state {
            State::Ready => self.ready = self.ready.or(Some(change.at)),
            State::Gone => self.gone = Some(change.at),
            _ => {}
        }
        let last = self.sizes[self.sizes.len() - 1];
        if (last.1, last.2) != (change.slots, change.speed) {
            self.sizes.push((change.at, change.slots, change.speed));
        }
    }

    /// Its time on the bill.
    pub(super) fn stay(&self, terms: &Pool) -> billing::Stay {
        let Life { pool, ordered, ready, gone, .. } = *self;
        let sizes = self.sizes.iter().map(|&(at, slots, speed)| (at, terms.worth(slots, speed)));
        billing::Stay { pool, ordered, ready, gone, sizes: sizes.collect() }
    }

    /// Nanoseconds between two times that it was paid: from the order on.
    pub(super) fn paid_ns(&self, from: Instant, to: Instant) -> u64 {
        overlap(self.ordered, self.gone, from, to)
    }

    /// Nanoseconds between two times that it served.
    pub(super) fn served_ns(&self, from: Instant, to: Instant) -> u64 {
        self.ready.map_or(0, |ready| overlap(ready, self.gone, from, to))
    }

    /// Seconds between two times that were paid for a server of the size the pool was set to.
    pub(super) fn worth_s(&self, pool: &Pool, from: Instant, to: Instant) -> f64 {
        let stretches = self.by_size(from, to);
        let worth = stretches.map(|(slots, speed, from, to)| {
            Duration(self.paid_ns(from, to)).as_secs_f64() * pool.worth(slots, speed)
        });
        worth.sum()
    }

    /// Each of its sizes, as slots and speed, and the stretch between two times that it had it.
    pub(super) fn by_size(
        &self,
        from: Instant,
        to: Instant,
    ) -> impl Iterator<Item = (u32, f64, Instant, Instant)> {
        let ends = self.sizes.iter().skip(1).map(|size| size.0).chain([Instant::NEVER]);
        self.sizes.iter().zip(ends).filter_map(move |(&(at, slots, speed), end)| {
            let (start, end) = (at.max(from), end.min(to));
            (start < end).then_some((slots, speed, start, end))
        })
    }
}

fn overlap(start: Instant, end: Option<Instant>, from: Instant, to: Instant) -> u64 {
    end.unwrap_or(to).min(to).since(start.max(from)).0
}

/// The lives of all servers, by number.
pub(super) fn lives(census: &Census) -> Vec<Life> {
    let mut lives: Vec<Life> = Vec::new();
    for change in &census.changes {
        let at = change.server.index();
        if at == lives.len() {
            lives.push(Life::new(change));
        }
        lives[at].go_on(change);
    }
    lives
}

/// The counts of one pool, or of all, at every instant they change.
fn counts(census: &Census, pool: Option<u16>, worth: impl Fn(&Change) -> f64) -> Vec<Step> {
    census.steps(|own| pool.is_none_or(|pool| pool == own), worth)
}

/// The fewest and most servers paid for at one time between two times.
pub(super) fn extremes(census: &Census, from: Instant, to: Instant) -> (u32, u32) {
    let steps = counts(census, None, |_| 0.0);
    let first = steps.partition_point(|step| step.from <= from).saturating_sub(1);
    let within = steps[first..].iter().take_while(|step| step.from <= to);
    let paid: Vec<u32> = within.map(|step| step.paid()).collect();
    (paid.iter().copied().min().unwrap_or(0), paid.iter().copied().max().unwrap_or(0))
}

/// The report on every pool that is scaled.
pub(super) fn autoscaling(
    scenario: &Scenario,
    measured: &Measured,
    to: Instant,
) -> Vec<Autoscaling> {
    let Some(census) = &measured.census else { return Vec::new() };
    let from = measured.meter.from;
    let lives = lives(census);
    let one = |(index, (name, pool)): (u16, (&String, &Pool))| {
        let policy = pool.autoscaler.as_ref()?.policy.name;
        let own = || lives.iter().filter(|life| life.pool == index);
        let hours = |ns: u64| ns as f64 / SECOND_NS as f64 / 3600.0;
        let paid: u64 = own().map(|life| life.paid_ns(from, to)).sum();
        let served: u64 = own().map(|life| life.served_ns(from, to)).sum();
        let worth: f64 = own().map(|life| life.worth_s(pool, from, to)).sum();
        let counts = counts(census, Some(index), |it| pool.worth(it.slots, it.speed));
        // With several pools the load could go to any of them: there is no demand of one.
        let startup = mean_startup(&scenario.folder, pool);
        let demand =
            (scenario.pool.len() == 1).then(|| demand(scenario, pool, followed(census), to));
        let demand = demand.map(|steps| since(from, steps));
        let supply = Steps::new(counts.iter().map(|it| (it.from.0, it.ready_per_hour)).collect());
        let bounds = demand.as_ref().map(|demand| bounds(demand, from, to, startup, pool));
        let steps = demand.as_ref().map(|demand| {
            Steps::new(demand.iter().map(|&(at, servers)| (at.0, f64::from(servers))).collect())
        });
        let elasticity = steps.as_ref().map(|demand| {
            let (demand, supply) = (demand.since(from.0), supply.since(from.0));
            let sample = census.width.max(SHORTEST);
            elasticity::measure(&demand, &supply, to.since(from).0, sample.0)
        });
        let short = steps.as_ref().map(|demand| {
            let mut short = elasticity::shortages(demand, &supply, to.0);
            short.retain_mut(|stretch| {
                stretch.0 = stretch.0.max(from.0);
                stretch.0 < stretch.1
            });
            short
        });
        let foresight = census.foresights.iter().find(|(pool, _)| *pool == index);
        let decisions: Vec<&Decision> =
            census.decisions.iter().filter(|decision| decision.pool == index).collect();
        let measured_at = |at: Instant| from <= at && at <= to;
        Some(Autoscaling {
            pool: name.clone(),
            policy: policy.to_owned(),
            server_hours: hours(paid),
            startup_hours: hours(paid.saturating_sub(served)),
            ordered: own()
                .filter(|life| life.ordered > Instant::START && measured_at(life.ordered))
                .count() as u32,
            released: own().filter(|life| life.gone.is_some_and(measured_at)).count() as u32,
            actions: decisions.iter().filter(|it| it.acted() && measured_at(it.at)).count() as u32,
            failed_starts: census
                .failed_starts
                .iter()
                .filter(|(at, pool, _)| *pool == index && measured_at(*at))
                .map(|(_, _, starts)| u64::from(*starts))
                .sum(),
            above_ideal: bounds
                .as_ref()
                .filter(|it| it.ideal_server_hours > 0.0)
                .map(|it| worth / 3600.0 / it.ideal_server_hours - 1.0),
            cost_above_ideal: None,
            bounds,
            elasticity,
            violated_share: violated(scenario, measured, to),
            short_minutes: short.as_deref().map(|short| minutes(short.iter().copied())),
            remarks: foresight
                .map_or_else(Vec::new, |(_, it)| it.remarks.clone())
                .into_iter()
                .chain(held_by_maximum(policy, &decisions))
                .collect(),
            forecasts: foresight
                .and_then(|(_, it)| foreseen(it, census, short.as_deref(), startup, (from, to))),
            timeline: timeline(&counts, measured, to),
            decisions: decisions.into_iter().map(decided).collect(),
            memory: census
                .memories
                .iter()
                .find(|(pool, _)| *pool == index)
                .map(|(_, memory)| memory.clone()),
        })
    };
    (0_u16..).zip(&scenario.pool).filter_map(one).collect()
}

/// A step function from an instant on.
fn since(from: Instant, mut steps: Vec<(Instant, u32)>) -> Vec<(Instant, u32)> {
    let first = steps.partition_point(|(at, _)| *at <= from).saturating_sub(1);
    steps.drain(..first);
    if let Some(step) = steps.first_mut() {
        step.0 = step.0.max(from);
    }
    steps
}

fn minutes(stretches: impl Iterator<Item = (u64, u64)>) -> f64 {
    let ns: u64 = stretches.map(|(from, to)| to - from).sum();
    Duration(ns).as_secs_f64() / 60.0
}

/// What was foreseen one start-up time ahead, held against what came and the servers missing then.
fn foreseen(
    foresight: &Foresight,
    census: &Census,
    short: Option<&[(u64, u64)]>,
    startup: Duration,
    (from, to): (Instant, Instant),
) -> Option<Foreseen> {
    let forecaster = foresight.forecaster?.to_owned();
    let (width, offered) = followed(census);
    let (mut judged, mut low, mut missing) = (Duration::ZERO, Duration::ZERO, 0.0);
    for (at, offered) in offered.take_while(|(at, _)| *at < to).filter(|(at, _)| *at >= from) {
        let ordered = at.0.checked_sub(startup.0).map(Instant);
        let Some(load) = ordered.and_then(|at| foresight.load_at(at)) else { continue };
        let end = (at + width).min(to);
        judged += end.since(at);
        if offered.arrivals as f64 / width.as_secs_f64() <= load {
            continue;
        }
        low += end.since(at);
        let short = short.unwrap_or_default();
        let first = short.partition_point(|stretch| stretch.1 <= at.0);
        let within = short[first..].iter().take_while(|stretch| stretch.0 < end.0);
        missing += minutes(within.map(|stretch| (stretch.0.max(at.0), stretch.1.min(end.0))));
    }
    Some(Foreseen {
        forecaster,
        refits: foresight.refits,
        low_share: (judged > Duration::ZERO).then(|| low.as_secs_f64() / judged.as_secs_f64()),
        short_minutes: short.map(|_| missing),
    })
}

/// Says that an autoscaler wanted more than it may have, and since when.
fn held_by_maximum(policy: &str, decisions: &[&Decision]) -> Option<String> {
    let bounds = crate::scale::guard::Held::Bounds.words();
    let by_itself = crate::scale::hpa::behavior::Limit::TooManyReplicas.to_string();
    let held = |it: &&&Decision| {
        (it.verdict == bounds && it.proposed > it.allowed) || it.why.ends_with(&by_itself)
    };
    let first = decisions.iter().find(held)?;
    Some(format!(
        "`{policy}` wanted more than its maximum of {} servers, for the first time after {}: raise \
         `max` if the pool may be larger",
        first.allowed,
        first.at.since(Instant::START)
    ))
}

fn decided(decision: &Decision) -> Decided {
    Decided {
        at_s: decision.at.as_secs_f64(),
        starting: decision.starting,
        ready: decision.ready,
        draining: decision.draining,
        in_system: decision.in_system,
        utilization: decision.utilization,
        concurrency: decision.concurrency,
        queue: decision.queue,
        rate: decision.rate,
        proposed: decision.proposed,
        why: decision.why.clone(),
        allowed: decision.allowed,
        verdict: decision.verdict.to_owned(),
        slots: decision.sizes[1].0,
        speed: decision.sizes[1].1,
        latency_s: decision.latency_s,
        errors: decision.errors,
    }
}

impl Scenario {
    /// The mean time from order to service in a pool.
    pub fn mean_startup(&self, pool: &Pool) -> Duration {
        mean_startup(&self.folder, pool)
    }
}

/// The mean time from order to service.
pub(super) fn mean_startup(folder: &Path, pool: &Pool) -> Duration {
    let setup = law::Setup { unit: Unit::Time, folder };
    let law = pool.startup.as_ref().and_then(|recipe| recipe.build(&setup).ok());
    law.map_or(Duration::ZERO, |law| Duration::from_secs_f64(law.mean()))
}

/// The ideal and the static peak between two times.
fn bounds(
    demand: &[(Instant, u32)],
    from: Instant,
    to: Instant,
    startup: Duration,
    pool: &Pool,
) -> Bounds {
    let peak = demand.iter().map(|(_, servers)| *servers).max().unwrap_or(0);
    let (mut paid_ns, mut ideal_cost) = (0_u128, 0.0);
    let mut pay = |from: Instant, to: Instant| {
        paid_ns += u128::from(to.since(from).0);
        ideal_cost += pool.price_between(from, to.max(from));
    };
    // Level by level: the k-th server is wanted while demand is at least k.
    for level in 1..=peak {
        let mut off_since: Option<Instant> = None;
        for (index, &(at, servers)) in demand.iter().enumerate() {
            let end = demand.get(index + 1).map_or(to, |next| next.0);
            if servers >= level {
                if let Some(since) = off_since.take() {
                    // Kept through the gap or started anew, whichever is cheaper.
                    let gap = at.since(since.max(from)).min(startup);
                    pay(Instant(at.0 - gap.0), at);
                }
                pay(at.max(from), end.min(to));
            } else if off_since.is_none() {
                off_since = Some(at);
            }
        }
    }
    let hours = |ns: u128| ns as f64 / SECOND_NS as f64 / 3600.0;
    Bounds {
        ideal_server_hours: hours(paid_ns),
        ideal_cost,
        static_peak_servers: peak,
        static_peak_hours: hours(u128::from(to.since(from).0) * u128::from(peak)),
        method:
            "demand per 15 s or more by M/M/c and the stated objectives, 80 % utilization without; \
                 start-ups known ahead and paid"
                .to_owned(),
    }
}

/// The share of time in which the first stated percentile of latency was missed.
fn violated(scenario: &Scenario, measured: &Measured, to: Instant) -> Option<f64> {
    let (p, limit) = scenario.goals().find_map(|goal| match goal.measure {
        Measure::Percentile(p) if goal.below => Some((p, goal.limit)),
        _ => None,
    })?;
    let (mut seen, mut missed, mut present) = (0_u32, 0_u32, 0_u64);
    let width = measured.timeline.width();
    // Since when somebody has been there and nobody has got through.
    let mut silent: Option<Instant> = None;
    for (index, bin) in (0_u64..).zip(measured.timeline.bins()) {
        let at = Instant(index * width.0);
        let ended = bin.completions + bin.errors;
        silent = (ended == 0 && present > 0).then(|| silent.unwrap_or(at));
        // Who has been there for longer than the limit and does not end has missed it.
        let stuck = silent.is_some_and(|since| (at + width).since(since).as_secs_f64() > limit);
        present = (present + bin.arrivals).saturating_sub(ended);
        if at < measured.meter.from || at >= to || (ended == 0 && !stuck) {
            continue;
        }
        seen += 1;
        let met = !stuck
            && bin.errors == 0
            && bin.latency.quantile(p).is_some_and(|ns| ns as f64 / SECOND_NS as f64 <= limit);
        missed += u32::from(!met);
    }
    (seen > 0).then(|| f64::from(missed) / f64::from(seen))
}

/// Servers by state, averaged over each interval of the run's timeline.
fn timeline(steps: &[Step], measured: &Measured, to: Instant) -> Vec<Interval> {
    let width = measured.timeline.width();
    let mean = |from: Instant, until: Instant, of: fn(&Step) -> u64| {
        let first = steps.partition_point(|step| step.from <= from).saturating_sub(1);
        let within = steps[first..].iter().enumerate().take_while(|(_, it)| it.from < until);
        let area: u128 = within
            .map(|(index, step)| {
                let end = steps.get(first + index + 1).map_or(until, |next| next.from);
                u128::from(end.min(until).since(step.from.max(from)).0) * u128::from(of(step))
            })
            .sum();
        area as f64 / until.since(from).0.max(1) as f64
    };
    let starts = (0_u64..).map(|index| Instant(index * width.0)).take_while(|at| *at < to);
    starts
        .map(|at| {
            let until = (at + width).min(to);
            Interval {
                at_s: at.as_secs_f64(),
                starting: mean(at, until, |step| step.starting.into()),
                warming: mean(at, until, |step| step.warming.into()),
                ready: mean(at, until, |step| step.ready.into()),
                draining: mean(at, until, |step| step.draining.into()),
                slots: mean(at, until, |step| step.slots),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ideal_keeps_a_server_through_a_gap_that_is_shorter_than_its_start() {
        let minute = |count: u64| Instant(count * 60 * SECOND_NS);
        let demand = [(minute(0), 1), (minute(10), 3), (minute(20), 1), (minute(22), 2)];
        let startup = Duration::from_secs(300);
        let got = bounds(&demand, minute(0), minute(60), startup, &Pool::default());
        // Level 1: 60. Level 2: start 5 + 10, kept for 2, then 38. Level 3: start 5 + 10.
        let minutes = 60.0 + 5.0 + 10.0 + 2.0 + 38.0 + 15.0;
        assert!((got.ideal_server_hours - minutes / 60.0).abs() < 1e-9, "{got:?}");
        assert_eq!((got.static_peak_servers, got.static_peak_hours), (3, 3.0));
    }
}
