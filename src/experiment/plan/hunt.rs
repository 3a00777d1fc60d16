//! The hunt: fleets that are tried, remembered, and judged with the losses they must survive.

use super::analytic::Model;
use super::asked::{Asked, Survive};
use super::gate::{Effort, Gate, Trial, loses};
use super::search::{Found, smallest};
use super::words;
use crate::diagnose::Problem;
use crate::outcome::{Candidate, Ruling};

/// Servers beyond those that the formula or the busiest second asks for, where nothing else ends
/// the search: so many times as many, and so many more.
const FAR: (u32, u32) = (8, 64);

/// What is known so far.
pub(super) struct Hunt<'a> {
    pub(super) gate: &'a Gate<'a>,
    pub(super) model: &'a Model<'a>,
    pub(super) asked: &'a Asked<'a>,
    pub(super) effort: Effort,
    /// Every fleet that was tried, with its load, in the order of the trials.
    pub(super) tried: Vec<(Vec<u32>, Candidate)>,
    /// What was simulated of them: what is left in a loss, the load, and what became of it.
    judged: Vec<(Vec<u32>, f64, Trial)>,
    /// The fleet at which a search ended that nothing else did end.
    pub(super) searched_to: Option<u32>,
    /// Whether the monitor stopped it.
    pub(super) stopped: bool,
    /// What is being found out, for whoever watches.
    step: &'static str,
}

/// How bad a ruling is: what is missed for sure is worse than what cannot be told.
fn severity(ruling: Ruling) -> u8 {
    match ruling {
        Ruling::Met => 0,
        Ruling::Boundary => 1,
        Ruling::Undecided => 2,
        Ruling::Missed => 3,
        Ruling::Overloaded => 4,
    }
}

/// Whether a ruling is sure that the objectives do not hold.
pub(super) fn fails(ruling: Ruling) -> bool {
    severity(ruling) > severity(Ruling::Undecided)
}

impl<'a> Hunt<'a> {
    pub(super) fn new(
        gate: &'a Gate<'a>,
        model: &'a Model<'a>,
        asked: &'a Asked<'a>,
        effort: Effort,
    ) -> Self {
        let (tried, judged) = (Vec::new(), Vec::new());
        Self {
            gate,
            model,
            asked,
            effort,
            tried,
            judged,
            searched_to: None,
            stopped: false,
            step: "fleet",
        }
    }

    /// Another step of the search begins.
    pub(super) fn begin(&mut self, step: &'static str) {
        self.step = step;
        self.gate.monitor.stage(step);
    }

    /// Says what is looked at.
    fn tell(&self, fleet: &[u32], load: f64) {
        let names = self.gate.base.pool.keys().cloned();
        let fleet = words::fleet_of(&names.zip(fleet.iter().copied()).collect());
        let load = if load == 1.0 { String::new() } else { format!(" × {load}") };
        self.gate.monitor.stage(&format!("{}: {fleet}{load}", self.step));
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
        self.tell(fleet, load);
        let mut survivors = self.asked.survivors(fleet);
        survivors.sort_by(|a, b| self.gate.capacity(a).total_cmp(&self.gate.capacity(b)));
        let mut worst: Option<(Vec<u32>, Trial)> = None;
        for left in survivors {
            let Some(trial) = self.judge(&left, load, effort)? else {
                self.stopped = true;
                return Ok(None);
            };
            let sure = fails(trial.ruling);
            let worse = |(_, known): &(_, Trial)| severity(trial.ruling) > severity(known.ruling);
            if worst.as_ref().is_none_or(worse) {
                worst = Some((left, trial));
            }
            if sure {
                break;
            }
        }
        let (left, trial) = worst.expect("a fleet has at least itself to survive");
        let candidate = self.candidate(fleet, &left, load, trial.clone());
        if effort.first == 0 {
            self.tried.push((fleet.to_vec(), candidate.clone()));
        } else if !candidate.met {
            self.correct(fleet, &candidate, &left, &trial);
        }
        Ok(Some(candidate))
    }

    /// What fresh numbers do not confirm is not met from now on.
    fn correct(&mut self, fleet: &[u32], found: &Candidate, left: &[u32], trial: &Trial) {
        let at = found.load;
        let own = self.tried.iter_mut().filter(|(tried, one)| tried == fleet && one.load == at);
        own.for_each(|(_, one)| one.clone_from(found));
        let same = self.judged.iter_mut().filter(|(known, load, _)| known == left && *load == at);
        same.for_each(|(.., known)| known.clone_from(trial));
    }

    /// Simulates what is left of a fleet, unless another fleet left the same.
    fn judge(&mut self, left: &[u32], load: f64, effort: Effort) -> Result<Option<Trial>, Problem> {
        if left.iter().all(|&n| n == 0) {
            return Ok(Some(self.gate.nothing_left()));
        }
        if effort.first > 0 {
            return self.gate.judge(left, load, effort);
        }
        let same = |(known, at, _): &&(Vec<u32>, f64, Trial)| known == left && *at == load;
        if let Some((.., trial)) = self.judged.iter().find(same) {
            return Ok(Some(trial.clone()));
        }
        let found = self.gate.judge(left, load, effort)?;
        self.judged.extend(found.clone().map(|trial| (left.to_vec(), load, trial)));
        Ok(found)
    }

    /// Whether what is left of a fleet in some loss is no more of any kind than what has failed.
    pub(super) fn cannot_meet(&self, fleet: &[u32]) -> bool {
        let within = |left: &[u32], failed: &[u32]| left.iter().zip(failed).all(|(a, b)| a <= b);
        let failed = || self.judged.iter().filter(|(_, load, trial)| *load == 1.0 && !trial.met());
        let survivors = self.asked.survivors(fleet);
        survivors.iter().any(|left| failed().any(|(known, ..)| within(left, known)))
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

    /// A fleet whose look was cut off.
    pub(super) fn unknown(&self, fleet: &[u32]) -> Candidate {
        let cost_per_hour = self.cost(fleet);
        let names: Vec<&String> = self.gate.base.pool.keys().collect();
        Candidate { cost_per_hour, ..words::unknown(&names, fleet) }
    }

    /// The fewest servers of one pool, beside what `fleet` has of the others, that meet everything.
    pub(super) fn fewest(&mut self, pool: usize, fleet: &[u32]) -> Result<Found, Problem> {
        let of = &self.gate.base.pool[pool];
        let slot = f64::from(of.slots) * of.speed;
        let far = self.far(slot);
        let allowed = self.allowed(pool, fleet);
        self.smallest(far.min(allowed), far <= allowed, |n| with(fleet, pool, n))
    }

    /// The fewest of `fleets`, of which each has no less of any kind than the one before.
    pub(super) fn smallest(
        &mut self,
        most: u32,
        is_far: bool,
        fleets: impl Fn(u32) -> Vec<u32>,
    ) -> Result<Found, Problem> {
        if most == 0 || self.left(&fleets(most)) <= 0.0 {
            return Ok(Found::Nowhere);
        }
        let guess = self.model.slots(&self.asked.goals, 1.0).unwrap_or(1);
        // What is lost comes on top.
        let start = first(most, |n| self.left(&fleets(n)) >= f64::from(guess) * self.model.speed);
        let least = first(most, |n| self.can_carry(&fleets(n)));
        let effort = self.effort;
        let found = smallest(start, least, most, |n| {
            let found = self.look(&fleets(n), 1.0, effort)?;
            Ok(found.map(|candidate| candidate.met))
        })?;
        if found == Found::Nowhere && is_far {
            self.searched_to = self.searched_to.max(Some(fleets(most).iter().sum()));
        }
        Ok(found)
    }

    /// Whether a fleet passes at the load of the plan; false where that was not told any more.
    pub(super) fn meets(&mut self, fleet: &[u32]) -> Result<bool, Problem> {
        let effort = self.effort;
        Ok(self.look(fleet, 1.0, effort)?.is_some_and(|found| found.met))
    }

    /// Where a search ends that nothing else does end, in servers with so much work a second.
    pub(super) fn far(&self, slot: f64) -> u32 {
        let guess = self.model.slots(&self.asked.goals, 1.0).unwrap_or(1);
        let busiest = self.gate.load.peak(crate::time::Duration::from_secs(1)).erlangs;
        let wanted = (f64::from(guess) * self.model.speed).max(0.5 * busiest);
        let lost = match self.asked.ask.survive {
            Some(Survive::Servers(lost)) => lost,
            _ => 0,
        };
        let (times, more) = FAR;
        ((wanted / slot).ceil() as u32).saturating_mul(times).saturating_add(more + lost)
    }

    /// The most servers of a pool that its capacity and the budget allow beside the others.
    pub(super) fn allowed(&self, pool: usize, fleet: &[u32]) -> u32 {
        let of = &self.gate.base.pool[pool];
        let capacity = of.capacity.unwrap_or(u32::MAX);
        let Some(budget) = self.asked.ask.budget else { return capacity };
        let rest = budget.0 - self.cost(&with(fleet, pool, 0));
        capacity.min((rest / of.price.0 + 1e-9).max(0.0) as u32)
    }

    /// Work a second that is left in the worst loss.
    pub(super) fn left(&self, fleet: &[u32]) -> f64 {
        let survivors = self.asked.survivors(fleet);
        survivors.iter().map(|left| self.gate.capacity(left)).fold(f64::INFINITY, f64::min)
    }

    /// Whether what is left of a fleet can do the work that arrives, where that goes on for ever.
    pub(super) fn can_carry(&self, fleet: &[u32]) -> bool {
        let base = self.gate.base;
        let endless = base.is_even() && !loses(base);
        self.left(fleet) > if endless { self.gate.load.erlangs() } else { 0.0 }
    }

    /// The fewest servers that can carry the load at all, of one pool without a loss.
    pub(super) fn least(&self) -> Option<u32> {
        let [pool] = self.gate.base.pool.values().collect::<Vec<_>>()[..] else { return None };
        let slot = f64::from(pool.slots) * pool.speed;
        (self.gate.base.is_even()).then(|| (self.gate.load.erlangs() / slot).floor() as u32 + 1)
    }

    /// What came closest at the load of the plan: of the fleets that nobody can tell the largest,
    /// else the largest of all.
    pub(super) fn closest(&self) -> Option<&Candidate> {
        let at_plan = self.tried.iter().map(|(_, found)| found).filter(|found| found.load == 1.0);
        at_plan.max_by_key(|found| (!fails(found.ruling), found.servers))
    }
}

/// The first of `1..=most` from which on something holds; `most` where it never does.
fn first(most: u32, holds: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut high) = (0, most);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// A fleet with another number of servers in one pool.
pub(super) fn with(fleet: &[u32], pool: usize, servers: u32) -> Vec<u32> {
    let mut changed = fleet.to_vec();
    changed[pool] = servers;
    changed
}
