//! The gate: one fleet at one load, simulated until it is known to meet the objectives or not.
//!
//! Runs come in looks of 20, 40, 80 … on the same seeds for every fleet (common random numbers).
//! At each look the far end of the interval decides. How many looks there may be is known from the
//! effort before the first; each has its share of the error on one side, α / (5 tests · looks). The
//! tests are the looks at fresh numbers that a claim rests on (see `headroom`): there are no more
//! of them. What cannot be told from its limit, to a share of the room the limit leaves for
//! waiting, is a *boundary*, and counts as not met, unless the scenario is a queue of Erlang, whose
//! formula is exact and then rules. A trace that is resampled gets one look: its interval speaks of
//! other traffic of its kind, and more resamples do not narrow it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use indexmap::IndexMap;

use super::analytic;
use super::memory;
use super::perils;
use super::sample::{self, GROUPS, Group, Known, Sample, Staff};
use super::traffic::Load;
use crate::diagnose::Problem;
use crate::experiment::campaign::Part;
use crate::experiment::evidence::Evidence;
use crate::experiment::judge::{self, Estimates, judge};
use crate::experiment::resample::Recorded;
use crate::experiment::{Crew, Monitor, Relay};
use crate::outcome::{Estimate, Kind, Method, Objective, Ruling};
use crate::rng::Seed;
use crate::scenario::{Built, Goal, Measure, Measured, Resample, Scenario};
use crate::time::Duration;

/// Tests that the stated error is split between: looks at fresh numbers, of which the last is what
/// the answer claims.
pub(super) const TESTS: u32 = 5;

/// Resamples of a trace that are simulated beside it.
const RESAMPLES: usize = 24;

/// How much is spent on one fleet, and on which random numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Effort {
    /// The share of the room for waiting that is not told apart.
    pub(super) precision: f64,
    /// The most requests.
    pub(super) most: f64,
    /// The number of the first replication.
    pub(super) first: u64,
}

/// What became of one fleet at one load.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) ruling: Ruling,
    /// Whether theory ruled.
    pub(super) by_theory: bool,
    pub(super) objectives: Vec<Objective<Estimate>>,
    pub(super) utilization: Estimate,
    pub(super) requests: u64,
    pub(super) staff: Staff,
    pub(super) cost_per_hour: f64,
}

impl Trial {
    pub(super) fn met(&self) -> bool {
        self.ruling == Ruling::Met
    }
}

/// Judges fleets of one scenario.
pub(super) struct Gate<'a> {
    pub(super) base: &'a Scenario,
    pub(super) goals: Vec<Goal>,
    pub(super) load: &'a Load,
    pub(super) known: Option<Known>,
    /// The warm-up that pilots ask for.
    pub(super) warm_up: Duration,
    pub(super) crew: &'a Crew,
    pub(super) monitor: &'a dyn Monitor,
    /// So many runs of each fleet, where that is asked for.
    pub(super) replications: Option<u32>,
    /// The length of a run of a steady state, where that is asked for.
    pub(super) run_length: Option<Duration>,
    /// Traces in memory, by the load they were read at.
    pub(super) recorded: Mutex<IndexMap<u64, Option<Arc<Recorded>>>>,
    /// Requests that were simulated so far.
    pub(super) spent: AtomicU64,
}

/// One fleet made ready.
struct Stage<'a> {
    scenario: &'a Scenario,
    recorded: Option<Arc<Recorded>>,
    warm_up: Duration,
    first: u64,
}

impl Gate<'_> {
    /// The scenario with so many servers in each pool, at a multiple of its load.
    pub(super) fn scenario(&self, fleet: &[u32], scale: f64) -> Scenario {
        let mut scenario = self.base.clone();
        for (pool, &servers) in scenario.pool.values_mut().zip(fleet) {
            pool.servers = servers;
        }
        scenario.pool.retain(|_, pool| pool.servers > 0 || pool.autoscaler.is_some());
        perils::aim(&mut scenario);
        at_load(scenario, scale)
    }

    /// Work a second that a fleet can do: slots times their speed.
    pub(super) fn capacity(&self, fleet: &[u32]) -> f64 {
        let pools = self.base.pool.values().zip(fleet);
        pools.map(|(pool, &n)| f64::from(n) * f64::from(pool.slots) * pool.speed).sum()
    }

    /// Judges a fleet; `None` where the monitor stopped it.
    pub(super) fn judge(
        &self,
        fleet: &[u32],
        scale: f64,
        effort: Effort,
    ) -> Result<Option<Trial>, Problem> {
        self.judge_scenario(self.scenario(fleet, scale), self.capacity(fleet), scale, effort)
    }

    /// Judges a scenario whose fleet can do so much work a second.
    pub(super) fn judge_scenario(
        &self,
        mut scenario: Scenario,
        capacity: f64,
        scale: f64,
        effort: Effort,
    ) -> Result<Option<Trial>, Problem> {
        let recorded = self.recorded(&scenario, scale)?;
        let mut warm_up = scenario.fixed_warm_up().unwrap_or(self.warm_up);
        let mut short = false;
        let load = scale * self.load.erlangs() / (capacity * perils::left(&scenario)?);
        if scenario.is_even() && load >= 1.0 - 1e-9 && !loses(&scenario) {
            return Ok(Some(self.overloaded(load)));
        }
        if scenario.kind() == Kind::SteadyState {
            let rate = self.load.rate * scale;
            let busy = load.min(if loses(&scenario) { 0.95 } else { 0.99999 });
            let most = (self.run_length, effort.most / GROUPS as f64);
            let plan = memory::length(&scenario, self.load, (busy, rate), most)?;
            short = plan.short;
            warm_up = scenario.fixed_warm_up().unwrap_or(warm_up.max(plan.warm_up));
            let span = Duration::from_secs_f64(plan.requests / rate);
            scenario.run.duration = Some(warm_up + span);
            scenario.run.requests = None;
        }
        let stage = Stage { scenario: &scenario, recorded, warm_up, first: effort.first };
        let looks = self.looks(&stage, scale, effort);
        let trial = if stage.recorded.is_some() {
            self.by_resamples(&stage)?
        } else {
            self.by_looks(&stage, looks, effort)?
        };
        if let Some(trial) = &trial {
            self.spent.fetch_add(trial.requests, Ordering::Relaxed);
        }
        Ok(trial
            .map(|trial| match trial.ruling {
                // Runs shorter than the memory of the queue can show a miss, not that all is well.
                Ruling::Met if short => Trial { ruling: Ruling::Undecided, ..trial },
                _ => trial,
            })
            .map(|trial| analytic::settle(trial, &scenario, &self.goals)))
    }

    fn overloaded(&self, load: f64) -> Trial {
        let missed = |goal: &Goal| Objective {
            objective: goal.text.clone(),
            value: Estimate::INSUFFICIENT,
            met: false,
            inconclusive: false,
            beyond: None,
        };
        Trial {
            ruling: Ruling::Overloaded,
            by_theory: false,
            objectives: self.goals.iter().map(missed).collect(),
            utilization: Estimate::symmetric(load, 0.0, crate::outcome::Status::Unstable),
            requests: 0,
            staff: Staff::default(),
            cost_per_hour: 0.0,
        }
    }

    /// A fleet of which nothing is left.
    pub(super) fn nothing_left(&self) -> Trial {
        self.overloaded(f64::INFINITY)
    }

    /// The trace that replications are made from, if they are.
    fn recorded(&self, scenario: &Scenario, scale: f64) -> Result<Option<Arc<Recorded>>, Problem> {
        if scenario.is_drawn() || scenario.run.resample == Resample::None {
            return Ok(None);
        }
        let key = scale.to_bits();
        let mut kept = self.recorded.lock().expect("no thread panics here");
        if let Some(known) = kept.get(&key) {
            return Ok(known.clone());
        }
        let made = Recorded::of(scenario, self.monitor)?.map(Arc::new);
        // The plan's own load stays; of others the last is enough.
        if kept.len() > 2 {
            kept.shift_remove_index(1);
        }
        kept.insert(key, made.clone());
        Ok(made)
    }

    /// Runs of the first look.
    fn first_look(&self) -> usize {
        self.replications.map_or(GROUPS, |asked| asked as usize)
    }

    /// How many looks an effort allows, each of twice as many runs as the one before.
    fn looks(&self, stage: &Stage<'_>, scale: f64, effort: Effort) -> u32 {
        if self.replications.is_some() {
            return 1;
        }
        let whole = stage.scenario.run.duration.unwrap_or(Duration::ZERO);
        let span = match stage.scenario.kind() {
            Kind::SteadyState => whole.as_secs_f64() - stage.warm_up.as_secs_f64(),
            Kind::Terminating => self.load.span,
        };
        let first = GROUPS as f64 * self.load.rate * scale * span;
        1 + (effort.most / first.max(1.0)).max(1.0).log2() as u32
    }

    fn by_looks(
        &self,
        stage: &Stage<'_>,
        looks: u32,
        effort: Effort,
    ) -> Result<Option<Trial>, Problem> {
        let alpha = 1.0 - stage.scenario.run.confidence.0;
        let sure = 1.0 - 2.0 * alpha / f64::from(TESTS * looks);
        let mut sample = Sample::new(self.known.as_ref());
        let mut wanted = self.first_look();
        for look in 1.. {
            if !self.run(stage, &mut sample, wanted)? {
                return Ok(None);
            }
            sample.confidence = sure;
            let objectives = self.rule(&sample);
            let ruling = if objectives.iter().any(|one| !one.met && !one.inconclusive) {
                Some(Ruling::Missed)
            } else if objectives.iter().all(|one| one.met) {
                Some(Ruling::Met)
            } else if sample.is_exact() || self.is_boundary(&sample, &objectives, effort) {
                Some(Ruling::Boundary)
            } else if look == looks {
                Some(Ruling::Undecided)
            } else {
                None
            };
            if let Some(ruling) = ruling {
                sample.confidence = stage.scenario.run.confidence.0;
                let told = self.rule(&sample).into_iter().zip(objectives);
                let objectives = told.map(|(told, by)| Objective {
                    value: told.value,
                    beyond: told.beyond.or(by.beyond),
                    ..by
                });
                return Ok(Some(Trial {
                    ruling,
                    by_theory: false,
                    objectives: objectives.collect(),
                    utilization: sample.of(Measure::Utilization),
                    requests: sample.requests(),
                    staff: sample.staff(),
                    cost_per_hour: sample.cost_per_hour(),
                }));
            }
            wanted *= 2;
        }
        unreachable!("the last look rules")
    }

    fn rule(&self, estimates: &impl Estimates) -> Vec<Objective<Estimate>> {
        self.goals.iter().map(|goal| judge(goal, estimates)).collect()
    }

    /// Whether everything that is open is known to a small share of the room for waiting.
    fn is_boundary(
        &self,
        sample: &Sample<'_>,
        ruled: &[Objective<Estimate>],
        effort: Effort,
    ) -> bool {
        let mut open = self.goals.iter().zip(ruled).filter(|(_, ruled)| ruled.inconclusive);
        open.all(|(goal, ruled)| {
            let nanos = (goal.limit * crate::stats::NANOS_PER_SECOND).round() as u64;
            let (found, allowed) = match goal.measure {
                Measure::Percentile(p) => (sample.beyond(judge::Duration::Latency, nanos), 1.0 - p),
                Measure::WaitPercentile(p) => {
                    (sample.beyond(judge::Duration::Wait, nanos), 1.0 - p)
                }
                _ => (ruled.value, goal.limit),
            };
            let room = (allowed - sample.floor(goal.measure, goal.limit)).abs();
            found.half_width().is_some_and(|half| half <= effort.precision * room)
        })
    }

    /// Adds runs until there are so many; false when the monitor stopped them.
    fn run(
        &self,
        stage: &Stage<'_>,
        sample: &mut Sample<'_>,
        wanted: usize,
    ) -> Result<bool, Problem> {
        self.monitor.plan((wanted - sample.runs) as u64);
        while sample.runs < wanted {
            // So many at a time that results do not pile up in memory.
            let next = (wanted - sample.runs).min(4 * GROUPS);
            let from = sample.runs as u64;
            let done = self.crew.run(next, |at| {
                let Some(measured) = self.simulate(stage, from + at as u64)? else {
                    return Ok(None);
                };
                Ok(Some(Group::of(&stage.scenario.outcome(&measured), &measured)))
            })?;
            let whole = done.len() == next;
            done.iter().for_each(|run| sample.add(run));
            if !whole {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn simulate(&self, stage: &Stage<'_>, run: u64) -> Result<Option<Measured>, Problem> {
        let scenario = stage.scenario;
        let seed = Seed::new(scenario.seed, stage.first + run);
        let source = match &stage.recorded {
            Some(recorded) => recorded.source(seed),
            None => scenario.source(seed)?,
        };
        let built = Built { plant: scenario.plant(seed)?, source, until: scenario.until() };
        let watch = Relay::new(self.monitor);
        let (measured, ()) = scenario.measure(built, stage.warm_up, (), &watch)?;
        if measured.ending.stopped {
            return Ok(None);
        }
        self.monitor.done();
        Ok(Some(measured))
    }

    /// The trace as it is, and other traffic of its kind.
    fn by_resamples(&self, stage: &Stage<'_>) -> Result<Option<Trial>, Problem> {
        let runs = self.replications.map_or(RESAMPLES + 1, |asked| asked as usize);
        self.monitor.plan(runs as u64);
        let parts = self.crew.run(runs, |at| {
            // The trace itself is always the first; fresh numbers are other resamples.
            let run = if at == 0 { 0 } else { at as u64 + stage.first };
            let shifted = Stage { first: 0, recorded: stage.recorded.clone(), ..*stage };
            let measured = self.simulate(&shifted, run)?;
            Ok(measured.map(|measured| {
                let part = Part::of(stage.scenario, &measured, None);
                let peaks = sample::peaks(&part.outcome, &measured);
                (part, peaks)
            }))
        })?;
        if parts.len() < runs {
            return Ok(None);
        }
        let (parts, each): (Vec<Part>, Vec<Vec<u32>>) = parts.into_iter().unzip();
        let mut peaks = Vec::new();
        each.iter().for_each(|run| sample::larger(&mut peaks, run));
        let sure = stage.scenario.run.confidence.0;
        let evidence = Evidence::new(parts.iter().collect(), Method::Resamples, sure);
        let objectives = self.rule(&evidence);
        // What the trace itself misses is missed, however the others of its kind may spread.
        let misses = |(goal, one): (&Goal, &Objective<Estimate>)| {
            let centre = one.value.estimate;
            !one.met && (!one.inconclusive || centre.is_some_and(|value| !goal.is_met_by(value)))
        };
        let ruling = match () {
            () if objectives.iter().all(|one| one.met) => Ruling::Met,
            () if self.goals.iter().zip(&objectives).any(misses) => Ruling::Missed,
            () => Ruling::Boundary,
        };
        let first = &parts[0].outcome;
        let most = parts.iter().map(|part| part.outcome.servers.max).max();
        Ok(Some(Trial {
            ruling,
            by_theory: false,
            objectives,
            utilization: evidence.of(Measure::Utilization),
            requests: parts.iter().map(|part| part.outcome.requests.arrived).sum(),
            staff: Staff {
                mean: first.servers.mean,
                most: most.unwrap_or(0),
                peaks,
                hours: first.servers.hours,
            },
            cost_per_hour: first.cost.per_hour,
        }))
    }
}

/// A scenario at a multiple of its load.
pub(super) fn at_load(mut scenario: Scenario, scale: f64) -> Scenario {
    for traffic in scenario.traffic.values_mut() {
        traffic.shape.rate_scale *= scale;
    }
    scenario
}

/// Whether requests may be lost, so that a queue stays short whatever the load.
pub(super) fn loses(scenario: &Scenario) -> bool {
    scenario.pool.values().any(|pool| pool.queue_limit.is_some())
        || scenario.balancer.queue_limit() != u32::MAX
        || scenario.traffic.values().any(|traffic| traffic.keys.patience.is_some())
}
