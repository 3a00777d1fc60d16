//! The best point with a stated probability: replications go where the choice is close.
//!
//! Half of the error is for the objectives: a point is a candidate if it meets them all at an error
//! that is split between all points and looks (Bonferroni), and a point that is open, and would be
//! better than the best candidate, is run until it is decided. The other half is for the choice
//! among candidates: Kim & Nelson (2001) start from the replications of the grid, or OCBA (Chen et
//! al. 2000) spends a budget. An observation is one number of one replication.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::super::campaign::Part;
use super::super::evidence::Evidence;
use super::super::{Crew, Monitor};
use super::conclude::plain;
use super::grid::Grid;
use super::observed::{decided_of, value_of};
use super::run::Site;
use super::shared::Traffics;
use crate::diagnose::Problem;
use crate::outcome::{Kept, Selection, Settled, Status, Sweep};
use crate::scenario::{Measure, Selecting, SweepTable};
use crate::stats::interval::mean_of_replications;
use crate::stats::select::{Goal, KimNelson, Ocba};
use crate::stats::series::{mean, variance};
use crate::stats::special::normal_cdf;
use crate::time::Duration;

/// Fewer replications in the grid give variances that nothing can be built on.
const FIRST_STAGE: usize = 5;

/// Refuses a grid of whose points none could be chosen, before any of them is run; of a larger one
/// than `most` points the first are looked at.
pub fn selectable(grid: &Grid, most: u64) -> Result<(), Problem> {
    if let Some(axis) = grid.axes().iter().find(|axis| axis.changes_traffic()) {
        return Err(Problem::new("the best is chosen among points with the same traffic")
            .help("leave `--select` out, or sweep fleets alone, one traffic at a time")
            .at(&axis.origin));
    }
    (0..grid.len().min(most)).try_for_each(|point| {
        let run = grid.scenario(point)?.run;
        match run.replications.filter(|_| run.precision.is_none()) {
            Some(few) if (few as usize) < FIRST_STAGE => {
                let why = format!("the best cannot be chosen from {few} replications of a point");
                Err(Problem::new(why).help(format!(
                    "ask for {FIRST_STAGE} or more with `--replications`; 10 are usual"
                )))
            }
            _ => Ok(()),
        }
    })
}

/// Chooses the best point of a complete sweep of a [`selectable`] grid; `None` when it was stopped.
pub fn select(
    grid: &Grid,
    sweep: &Sweep,
    points: &BTreeMap<u64, Kept>,
    method: Selecting,
    table: &SweepTable,
    crew: &Crew,
    monitor: &dyn Monitor,
) -> Result<Option<Selection>, Problem> {
    let read = |word: &str| Measure::parse(word).expect("a sweep names a measure");
    let (measure, latency) = (read(&sweep.best_by), read(&sweep.latency));
    let few = points.values().map(|kept| kept.observed.values().map(Vec::len).min().unwrap_or(0));
    let first_stage = few.min().unwrap_or(0);
    let bound = points.values().any(|kept| !kept.decided.is_empty());
    let error = (1.0 - sweep.confidence) * if bound { 0.5 } else { 1.0 };
    let mut race = Race {
        grid,
        points,
        crew,
        monitor,
        alone: Crew::new(Some(1))?,
        sites: BTreeMap::new(),
        observed: BTreeMap::new(),
        first_stage,
        spent: 0,
    };
    let Some(found) = race.candidates(measure, error)? else { return Ok(None) };
    let Candidates { met: candidates, undecided } = found;
    let mut selection = Selection {
        method: method_name(method).to_owned(),
        measure: measure.to_string(),
        then_by: None,
        point: None,
        probability: None,
        guaranteed: false,
        indifference: 0.0,
        candidates: candidates.len() as u64,
        undecided: undecided.iter().map(|point| point + 1).collect(),
        rivals: Vec::new(),
        replications: 0,
    };
    if let Some(equals) = race.exact_best(&candidates, measure)? {
        // Prices of fleets that stay are known for sure: the fastest of the cheapest is wanted.
        selection.then_by = (equals.len() > 1).then(|| latency.to_string());
        if !race.choose(&mut selection, &equals, latency, (error, method), table)? {
            return Ok(None);
        }
    } else if !race.choose(&mut selection, &candidates, measure, (error, method), table)? {
        return Ok(None);
    }
    if bound && let Some(probability) = &mut selection.probability {
        *probability -= error;
    }
    selection.replications = race.spent;
    Ok(Some(selection))
}

fn method_name(method: Selecting) -> &'static str {
    match method {
        Selecting::Kn => "kn",
        Selecting::Ocba => "ocba",
    }
}

/// What an objective's verdicts say of a point at a given error.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Met,
    Missed,
    Open,
}

/// Points that may be chosen.
struct Candidates {
    /// Those that meet all objectives for sure.
    met: Vec<u64>,
    /// Those that might, and might be better.
    undecided: Vec<u64>,
}

struct Race<'a> {
    grid: &'a Grid,
    points: &'a BTreeMap<u64, Kept>,
    crew: &'a Crew,
    monitor: &'a dyn Monitor,
    alone: Crew,
    sites: BTreeMap<u64, Site>,
    /// Observations by point and measure beyond those of the grid.
    observed: BTreeMap<(u64, String), Vec<f64>>,
    first_stage: usize,
    spent: u64,
}

impl Race<'_> {
    /// The points that meet all objectives for sure, and those that might and might be better.
    fn candidates(&mut self, measure: Measure, error: f64) -> Result<Option<Candidates>, Problem> {
        let points = self.points;
        let goals = points.values().map(|kept| kept.decided.len()).max().unwrap_or(0).max(1);
        // One half for the look at the grid, one for those of the race.
        let each = error / (2 * points.len() * goals) as f64;
        let mut met = Vec::new();
        let mut open: Vec<(f64, u64)> = Vec::new();
        // No point that is open is left aside unless it is worse for sure.
        let sure = 1.0 - 2.0 * each;
        for (&point, kept) in points {
            let value = measure.of(&kept.measures);
            // What grows with the length of a run is the best of nothing.
            if [value, kept.measures.latency_s.mean].iter().any(|e| e.status == Status::Unstable) {
                continue;
            }
            match standing_of(&kept.decided, each) {
                Standing::Met => met.push(point),
                Standing::Open => open.push((self.within(point, measure, sure).0, point)),
                Standing::Missed => {}
            }
        }
        open.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut undecided = Vec::new();
        let high = |point: &u64| self.within(*point, measure, sure).1;
        let mut best = met.iter().map(high).fold(f64::INFINITY, f64::min);
        // From the best on, so that one that meets its objectives spares the others.
        for (low, point) in open {
            if low > best {
                break;
            }
            match self.decide(point, each)? {
                None => return Ok(None),
                Some(Standing::Met) => {
                    met.push(point);
                    best = best.min(self.within(point, measure, sure).1);
                }
                Some(Standing::Open) => undecided.push(point),
                Some(Standing::Missed) => {}
            }
        }
        met.sort_unstable();
        Ok(Some(Candidates { met, undecided }))
    }

    /// Between which values a measure of a point lies by its replications in the grid; anywhere
    /// where they do not tell.
    fn within(&self, point: u64, measure: Measure, confidence: f64) -> (f64, f64) {
        let Ok(values) = self.known(point, measure) else {
            return (f64::NEG_INFINITY, f64::INFINITY);
        };
        let found = mean_of_replications(&values, confidence);
        let plain = |end: Option<f64>, else_: f64| end.map_or(else_, plain);
        (plain(found.low, f64::NEG_INFINITY), plain(found.high, f64::INFINITY))
    }

    /// Runs a point until its objectives are decided at this error, or its replications are spent.
    fn decide(&mut self, point: u64, error: f64) -> Result<Option<Standing>, Problem> {
        let start = self.points[&point].observed.values().map(Vec::len).max().unwrap_or(0);
        let most = self.site(point)?.scenario.run.max_replications as usize;
        let sizes: Vec<usize> = std::iter::successors(Some(start), |&size| {
            (size < most).then(|| (size + size.div_ceil(2)).min(most))
        })
        .collect();
        let mut parts: Vec<Part> = Vec::new();
        for &size in &sizes[1..] {
            let jobs: Vec<(u64, u64)> =
                (parts.len()..size).map(|replication| (point, replication as u64)).collect();
            let Some(more) = self.simulate(&jobs)? else { return Ok(None) };
            parts.extend(more);
            let site = &self.sites[&point];
            let confidence = site.scenario.run.confidence.0;
            let method = site.shared.resampling(&site.scenario, self.monitor)?.method();
            let evidence = Evidence::new(parts.iter().collect(), method, confidence);
            let each = error / (sizes.len() - 1) as f64;
            let goals = site.scenario.goals();
            let found: Vec<Option<Settled>> =
                goals.map(|goal| decided_of(goal, &evidence)).collect();
            match standing_of(&found, each) {
                Standing::Open => {}
                decided => return Ok(Some(decided)),
            }
        }
        Ok(Some(Standing::Open))
    }

    /// The points that share the smallest value exactly, where no value ever varied.
    fn exact_best(
        &self,
        candidates: &[u64],
        measure: Measure,
    ) -> Result<Option<Vec<u64>>, Problem> {
        let mut values = Vec::new();
        for &point in candidates {
            let known = self.known(point, measure)?;
            let observed: Vec<f64> = known.into_iter().map(plain).collect();
            if observed.iter().any(|value| *value != observed[0]) {
                return Ok(None);
            }
            values.push((observed[0], point));
        }
        let best = values.iter().map(|(value, _)| *value).fold(f64::INFINITY, f64::min);
        let equal = values.into_iter().filter(|(value, _)| *value == best);
        Ok(Some(equal.map(|(_, point)| point).collect()))
    }

    /// Chooses among candidates by a measure; `false` when it was stopped.
    fn choose(
        &mut self,
        selection: &mut Selection,
        candidates: &[u64],
        measure: Measure,
        (error, method): (f64, Selecting),
        table: &SweepTable,
    ) -> Result<bool, Problem> {
        if let [] | [_] = candidates {
            selection.point = candidates.first().map(|point| point + 1);
            selection.probability = selection.point.map(|_| 1.0);
            selection.guaranteed = true;
            return Ok(true);
        }
        let mut best = f64::INFINITY;
        for &point in candidates {
            best = best.min(mean(&self.known(point, measure)?[..self.first_stage]));
        }
        // A share of nothing is nothing: then any difference matters.
        let indifference = (table.within.0 * best.abs()).max(best.abs().max(1e-9) * 1e-6);
        selection.indifference = indifference;
        match method {
            Selecting::Kn => self.kim_nelson(selection, candidates, measure, error),
            Selecting::Ocba => self.ocba(selection, candidates, measure, table.budget as usize),
        }
    }

    fn kim_nelson(
        &mut self,
        selection: &mut Selection,
        candidates: &[u64],
        measure: Measure,
        error: f64,
    ) -> Result<bool, Problem> {
        let (count, goal) = (candidates.len(), Goal::Smallest);
        let mut race = KimNelson::new(count, selection.indifference, error, self.first_stage, goal);
        let most = self.site(candidates[0])?.scenario.run.max_replications as usize;
        while race.selected().is_none() && race.stage() < most.max(self.first_stage) {
            let survivors: Vec<u64> = race.surviving().iter().map(|&at| candidates[at]).collect();
            // Several stages at a time keep all threads busy where few points are left.
            let ahead = (16 / survivors.len()).clamp(1, 8);
            let wanted = if race.stage() < self.first_stage { 1 } else { ahead };
            if !self.reach(&survivors, measure, race.stage() + wanted)? {
                return Ok(false);
            }
            for _ in 0..wanted {
                let stage = race.stage();
                let value = |&at: &usize| self.known(candidates[at], measure).map(|all| all[stage]);
                let values: Vec<f64> =
                    race.surviving().iter().map(value).collect::<Result<_, _>>()?;
                race.observe(&values);
                if race.selected().is_some() {
                    break;
                }
            }
        }
        if let Some(at) = race.selected() {
            selection.point = Some(candidates[at] + 1);
            (selection.probability, selection.guaranteed) = (Some(1.0 - error), true);
            return Ok(true);
        }
        let mut left = Vec::new();
        for &at in race.surviving() {
            left.push((
                mean(&self.known(candidates[at], measure)?[..race.stage()]),
                candidates[at],
            ));
        }
        left.sort_by(|a, b| a.0.total_cmp(&b.0));
        selection.point = left.first().map(|(_, point)| point + 1);
        selection.rivals = left.iter().skip(1).map(|(_, point)| point + 1).collect();
        Ok(true)
    }

    fn ocba(
        &mut self,
        selection: &mut Selection,
        candidates: &[u64],
        measure: Measure,
        budget: usize,
    ) -> Result<bool, Problem> {
        let first = self.first_stage;
        let mut race =
            Ocba::new(candidates.len(), candidates.len() * first + budget, first, Goal::Smallest);
        let mut taken = vec![0; candidates.len()];
        while let Some(portion) = race.next() {
            let mut jobs = Vec::new();
            for (at, &point) in candidates.iter().enumerate() {
                let have = self.known(point, measure)?.len();
                jobs.extend((have..taken[at] + portion[at]).map(|number| (point, number as u64)));
            }
            if !self.observe(&jobs, measure)? {
                return Ok(false);
            }
            for (at, &point) in candidates.iter().enumerate() {
                let values = self.known(point, measure)?;
                for &value in &values[taken[at]..taken[at] + portion[at]] {
                    race.observe(at, value);
                }
                taken[at] += portion[at];
            }
        }
        let chosen = race.selected();
        selection.point = Some(candidates[chosen] + 1);
        let moments = |at: usize| -> Result<(f64, f64), Problem> {
            let values = &self.known(candidates[at], measure)?[..taken[at]];
            Ok((mean(values), variance(values) / values.len() as f64))
        };
        let (best, own) = moments(chosen)?;
        let mut wrong = 0.0;
        for at in (0..candidates.len()).filter(|&at| at != chosen) {
            let (value, error) = moments(at)?;
            // Points within the indifference are as good: only the others can be a wrong choice.
            let gap = value - best + selection.indifference;
            wrong += normal_cdf(-gap / (own + error).sqrt().max(f64::MIN_POSITIVE));
        }
        selection.probability = Some((1.0 - wrong).max(0.0));
        Ok(true)
    }

    /// The observations there are of a point: those of the grid, then those of the race.
    fn known(&self, point: u64, measure: Measure) -> Result<Vec<f64>, Problem> {
        let name = measure.to_string();
        let grid = self.points[&point].observed.get(&name);
        let lacking = || {
            Problem::new(format!("single replications do not support `{name}` at {}", {
                self.grid.name(point)
            }))
            .help("lengthen them with `--duration`, or choose by another measure: `--best mean`")
        };
        let mut values: Vec<f64> =
            grid.and_then(|all| all.iter().copied().collect()).ok_or_else(lacking)?;
        values.extend(self.observed.get(&(point, name)).into_iter().flatten());
        Ok(values)
    }

    /// Observes points until each has so many observations; `false` when it was stopped.
    fn reach(&mut self, points: &[u64], measure: Measure, wanted: usize) -> Result<bool, Problem> {
        let mut jobs = Vec::new();
        for &point in points {
            let have = self.known(point, measure)?.len();
            jobs.extend((have..wanted).map(|replication| (point, replication as u64)));
        }
        self.observe(&jobs, measure)
    }

    fn observe(&mut self, jobs: &[(u64, u64)], measure: Measure) -> Result<bool, Problem> {
        let Some(parts) = self.simulate(jobs)? else { return Ok(false) };
        for (&(point, _), part) in jobs.iter().zip(&parts) {
            let value = value_of(measure, part).ok_or_else(|| {
                Problem::new(format!("a replication does not support `{measure}`"))
                    .help("lengthen replications with `--duration`")
                    .in_case(&self.grid.name(point))
            })?;
            self.observed.entry((point, measure.to_string())).or_default().push(value);
        }
        Ok(true)
    }

    /// Runs (point, replication); `None` when it was stopped.
    fn simulate(&mut self, jobs: &[(u64, u64)]) -> Result<Option<Vec<Part>>, Problem> {
        for &(point, _) in jobs {
            self.site(point)?;
        }
        self.monitor.plan(jobs.len() as u64);
        let parts = self.crew.run(jobs.len(), |number| {
            let (point, replication) = jobs[number];
            let part = self.sites[&point].simulate(replication, &self.alone, self.monitor)?;
            self.monitor.done();
            Ok(part)
        })?;
        self.spent += parts.len() as u64;
        Ok((parts.len() == jobs.len()).then_some(parts))
    }

    fn site(&mut self, point: u64) -> Result<&Site, Problem> {
        let place = match self.sites.entry(point) {
            Entry::Occupied(known) => return Ok(known.into_mut()),
            Entry::Vacant(place) => place,
        };
        let scenario = self.grid.scenario(point)?;
        let warm_up = Duration::from_secs_f64(self.points[&point].measures.warm_up_s);
        let shared = Traffics::default().get(point, 1, true);
        Ok(place.insert(Site { scenario, warm_up, shared }))
    }
}

/// What the objectives of a point come to at an error.
fn standing_of(objectives: &[Option<Settled>], error: f64) -> Standing {
    let sure = |decided: &Option<Settled>| decided.filter(|decided| decided.error <= error);
    match () {
        () if objectives.iter().any(|one| sure(one).is_some_and(|sure| !sure.met)) => {
            Standing::Missed
        }
        () if objectives.iter().all(|one| sure(one).is_some_and(|sure| sure.met)) => Standing::Met,
        () => Standing::Open,
    }
}
