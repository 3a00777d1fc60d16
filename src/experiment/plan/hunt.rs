//! The hunt: fleets that are tried, remembered, and judged with the losses they must survive.

use super::analytic::Model;
use super::asked::Asked;
use super::gate::{Effort, Gate, Trial};
use super::search::{Found, smallest};
use crate::diagnose::Problem;
use crate::outcome::{Candidate, Kind};

/// What is known so far.
pub(super) struct Hunt<'a> {
    pub(super) gate: &'a Gate<'a>,
    pub(super) model: &'a Model<'a>,
    pub(super) asked: &'a Asked<'a>,
    pub(super) effort: Effort,
    /// Every fleet that was tried, with its load, in the order of the trials.
    pub(super) tried: Vec<(Vec<u32>, Candidate)>,
    /// Whether the monitor stopped it.
    pub(super) stopped: bool,
}

impl<'a> Hunt<'a> {
    pub(super) fn new(
        gate: &'a Gate<'a>,
        model: &'a Model<'a>,
        asked: &'a Asked<'a>,
        effort: Effort,
    ) -> Self {
        Self { gate, model, asked, effort, tried: Vec::new(), stopped: false }
    }

    /// What a fleet costs an hour.
    pub(super) fn cost(&self, fleet: &[u32]) -> f64 {
        let pools = self.gate.base.pool.values().zip(fleet);
        pools.map(|(pool, &n)| f64::from(n) * pool.price.0).sum()
    }

    /// Judges a fleet at a multiple of the load, in the worst of the losses it must survive.
    pub(super) fn look(
        &mut self,
        fleet: &[u32],
        load: f64,
        effort: Effort,
    ) -> Result<Option<Candidate>, Problem> {
        let known = |(tried, candidate): &&(Vec<u32>, Candidate)| {
            tried == fleet && candidate.load == load && effort.first == 0
        };
        if let Some((_, candidate)) = self.tried.iter().find(known) {
            return Ok(Some(candidate.clone()));
        }
        let mut survivors = self.asked.survivors(fleet);
        survivors.sort_by(|a, b| self.gate.capacity(a).total_cmp(&self.gate.capacity(b)));
        let mut worst: Option<(Vec<u32>, Trial)> = None;
        for left in survivors {
            let trial = if left.iter().all(|&n| n == 0) {
                self.gate.nothing_left()
            } else {
                match self.gate.judge(&left, load, effort)? {
                    Some(trial) => trial,
                    None => {
                        self.stopped = true;
                        return Ok(None);
                    }
                }
            };
            let met = trial.met();
            if worst.is_none() || !met {
                worst = Some((left, trial));
            }
            if !met {
                break;
            }
        }
        let (left, trial) = worst.expect("a fleet has at least itself to survive");
        let candidate = self.candidate(fleet, &left, load, trial);
        if effort.first == 0 {
            self.tried.push((fleet.to_vec(), candidate.clone()));
        }
        Ok(Some(candidate))
    }

    fn candidate(&self, fleet: &[u32], left: &[u32], load: f64, trial: Trial) -> Candidate {
        let names = self.gate.base.pool.keys().cloned();
        Candidate {
            servers: fleet.iter().sum(),
            pools: names.zip(fleet.iter().copied()).collect(),
            settings: indexmap::IndexMap::new(),
            simulated_servers: left.iter().sum(),
            cost_per_hour: self.cost(fleet),
            load,
            met: trial.met(),
            measures: trial.objectives,
            utilization: trial.utilization,
            ruling: trial.ruling,
            by_theory: trial.by_theory,
            requests: trial.requests,
        }
    }

    /// The fewest servers of one pool, beside what `fleet` has of the others, that meet everything.
    pub(super) fn fewest(&mut self, pool: usize, fleet: &[u32]) -> Result<Found, Problem> {
        let of = &self.gate.base.pool[pool];
        let slot = f64::from(of.slots) * of.speed;
        let guess = self.model.slots(&self.asked.goals, 1.0).unwrap_or(1);
        let beside = self.gate.capacity(&with(fleet, pool, 0));
        let wanted = (f64::from(guess) * self.model.speed - beside).max(0.0);
        let mut start = (wanted / slot).ceil() as u32;
        // What is lost comes on top.
        while start < u32::MAX / 2 && self.left(&with(fleet, pool, start)) < wanted {
            start += 1.max(start / 8);
        }
        let busiest = self.gate.load.peak(crate::time::Duration::from_secs(1)).erlangs;
        let far = start.saturating_mul(8).max((4.0 * busiest / slot) as u32).saturating_add(64);
        let mut most = of.capacity.unwrap_or(u32::MAX).min(far);
        if let Some(budget) = self.asked.ask.budget {
            let rest = budget.0 - self.cost(&with(fleet, pool, 0));
            most = most.min((rest / of.price.0 + 1e-9).max(0.0) as u32);
        }
        let least = self.least_beside(pool, fleet).min(most);
        let effort = self.effort;
        smallest(start, least.max(1), most, |n| {
            let found = self.look(&with(fleet, pool, n), 1.0, effort)?;
            Ok(found.map(|candidate| candidate.met))
        })
    }

    /// Work a second that is left in the worst loss.
    fn left(&self, fleet: &[u32]) -> f64 {
        let survivors = self.asked.survivors(fleet);
        survivors.iter().map(|left| self.gate.capacity(left)).fold(f64::INFINITY, f64::min)
    }

    /// The fewest servers of a pool beside others that can carry the load at all.
    fn least_beside(&self, pool: usize, fleet: &[u32]) -> u32 {
        if self.gate.base.kind() != Kind::SteadyState {
            return 1;
        }
        let of = &self.gate.base.pool[pool];
        let rest = self.gate.load.erlangs() - self.gate.capacity(&with(fleet, pool, 0));
        (rest.max(0.0) / f64::from(of.slots) / of.speed).floor() as u32 + 1
    }

    /// The fewest servers that can carry the load at all, of one pool.
    pub(super) fn least(&self) -> Option<u32> {
        (self.gate.base.pool.len() == 1 && self.gate.base.kind() == Kind::SteadyState)
            .then(|| self.least_beside(0, &[0]))
    }

    /// What came closest: the largest fleet that was tried, as long as it did not meet the plan.
    pub(super) fn closest(&self) -> Option<&Candidate> {
        let at_plan = self.tried.iter().map(|(_, c)| c).filter(|c| c.load == 1.0);
        at_plan.max_by_key(|c| c.servers)
    }
}

/// A fleet with another number of servers in one pool.
pub(super) fn with(fleet: &[u32], pool: usize, servers: u32) -> Vec<u32> {
    let mut changed = fleet.to_vec();
    changed[pool] = servers;
    changed
}
