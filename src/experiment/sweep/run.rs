//! Runs the points of a grid, each a pure function of its key, on all threads at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::super::campaign::{Campaign, Part, Runs};
use super::super::estimated::estimated;
use super::super::precision::Sequential;
use super::super::replicate::evidence;
use super::super::twin;
use super::super::{Crew, Monitor, Replicated, WarmUp, batches};
use super::agenda::{Agenda, Task};
use super::grid::Grid;
use super::key::Keys;
use super::observed::{decided_of, observed};
use super::shard::Shard;
use super::shared::{Shared, Traffics};
use crate::diagnose::Problem;
use crate::outcome::{Kept, Kind, Measures};
use crate::scenario::Scenario;
use crate::time::Duration;

/// Points that are known by their keys.
pub type Known = BTreeMap<String, Kept>;

/// What is done with a point as soon as it is complete.
pub type Keep<'a> = &'a (dyn Fn(u64, &Kept) -> Result<(), Problem> + Sync);

/// What came of running a grid.
#[derive(Debug)]
pub struct Ran {
    /// Each complete point under its number, from 0.
    pub points: BTreeMap<u64, Kept>,
    /// How many of them were known before.
    pub reused: u64,
    /// Whether it was stopped before all points were complete.
    pub stopped: bool,
}

/// Runs a part of a grid but for the points that are known; `keep` is told of each that is new, one
/// at a time.
///
/// Threads take up (point, replication) one by one; a stop keeps the points that are complete.
/// What is found does not depend on the number of threads or on the order in which they end.
pub fn run(
    grid: &Grid,
    shard: Shard,
    known: &Known,
    keep: Keep<'_>,
    crew: &Crew,
    monitor: &dyn Monitor,
) -> Result<Ran, Problem> {
    let runner = Runner {
        grid,
        shard,
        known,
        keep: Mutex::new(keep),
        monitor,
        // Whoever waits for pilots would keep others from working: each thread flies its own.
        alone: Crew::new(Some(1))?,
        agenda: Agenda::new(shard.len(grid.len())),
        traffics: Traffics::default(),
        keys: Keys::default(),
        found: Mutex::default(),
    };
    crew.run(crew.threads(), |_| {
        runner.work();
        Ok(Some(()))
    })?;
    let mut found = runner.found.into_inner().expect("every thread is done");
    if let Some((_, problem)) = found.problems.pop_first() {
        return Err(problem);
    }
    let stopped = (found.points.len() as u64) < shard.len(grid.len());
    Ok(Ran { points: found.points, reused: found.reused, stopped })
}

#[derive(Default)]
struct Found {
    points: BTreeMap<u64, Kept>,
    reused: u64,
    problems: BTreeMap<u64, Problem>,
}

struct Runner<'a> {
    grid: &'a Grid,
    shard: Shard,
    known: &'a Known,
    keep: Mutex<Keep<'a>>,
    monitor: &'a dyn Monitor,
    alone: Crew,
    agenda: Agenda<Step>,
    traffics: Traffics,
    keys: Keys,
    found: Mutex<Found>,
}

/// One replication of a point.
struct Step {
    open: Arc<Open>,
    replication: usize,
}

/// A point whose replications are being run.
struct Open {
    point: u64,
    key: String,
    site: Site,
    /// What was said of the warm-up.
    warm_up_advice: Vec<String>,
    progress: Mutex<Progress>,
    left: AtomicUsize,
}

/// Where replications of a point are run.
pub(super) struct Site {
    pub(super) scenario: Scenario,
    pub(super) warm_up: Duration,
    pub(super) shared: Arc<Shared>,
}

struct Progress {
    sequential: Option<Sequential>,
    parts: Vec<Option<Part>>,
}

/// Whether to go on.
type Going = Result<bool, Problem>;

impl Runner<'_> {
    fn work(&self) {
        while let Some(task) = self.agenda.take() {
            let (point, going) = match task {
                Task::Begin(place) => {
                    let point = self.grid.in_order(self.shard.place(place));
                    (point, self.begin(point))
                }
                Task::GoOn(step) => (step.open.point, self.step(&step)),
            };
            if !matches!(going, Ok(true)) {
                self.agenda.stop();
            }
            if let Err(problem) = going {
                let mut found = self.found.lock().expect("no thread panics while it holds this");
                found.problems.insert(point, problem);
            }
            self.agenda.done();
        }
    }

    fn begin(&self, point: u64) -> Going {
        let scenario = self.grid.scenario(point)?;
        let asked = scenario.run.replications.unwrap_or(1);
        let key = self.keys.of(&scenario);
        if let Some(kept) = self.known.get(&key) {
            (0..asked).for_each(|_| self.monitor.done());
            let mut found = self.found.lock().expect("no thread panics while it holds this");
            found.reused += 1;
            found.points.insert(point, kept.clone());
            return Ok(true);
        }
        let sequential = Sequential::of(&scenario);
        let wanted = sequential.as_ref().map_or(asked as usize, Sequential::first_look);
        let runs = if sequential.is_some() { 30 } else { asked };
        let warm_up = WarmUp::of(&scenario, runs, &self.alone, self.monitor)?;
        if !self.monitor.go_on(0) {
            return Ok(false);
        }
        if sequential.is_none() && asked == 1 {
            return self.in_batches(point, key, &scenario, warm_up);
        }
        let alone = self.grid.points_of_a_traffic() == 1;
        let shared = self.traffics.get(self.grid.traffic_of(point), wanted, alone);
        let parts = (0..wanted).map(|_| None).collect();
        let open = Arc::new(Open {
            point,
            key,
            site: Site { scenario, warm_up: warm_up.span, shared },
            warm_up_advice: warm_up.advice,
            progress: Mutex::new(Progress { sequential, parts }),
            left: AtomicUsize::new(wanted),
        });
        self.agenda.add((0..wanted).map(|replication| Step { open: open.clone(), replication }));
        Ok(true)
    }

    fn step(&self, step: &Step) -> Going {
        let (open, replication) = (&step.open, step.replication as u64);
        let Some(part) = open.site.simulate(replication, &self.alone, self.monitor)? else {
            return Ok(false);
        };
        self.monitor.done();
        {
            let mut progress = open.progress.lock().expect("no thread panics while it holds this");
            progress.parts[step.replication] = Some(part);
        }
        if open.left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return Ok(true);
        }
        self.look(open)
    }

    /// All replications that were wanted are there: that is all, or it takes more.
    fn look(&self, open: &Arc<Open>) -> Going {
        let mut progress = open.progress.lock().expect("no thread panics while it holds this");
        let Progress { sequential, parts } = &mut *progress;
        let Site { scenario, shared, .. } = &open.site;
        let done = parts.len();
        let replications = std::mem::take(parts).into_iter().flatten().map(|part| vec![part]);
        let mut runs = Runs { replications: replications.collect(), first: None, stopped: false };
        let resampling = shared.resampling(scenario, self.monitor)?;
        let all = evidence(scenario, &runs, 0, resampling.method());
        let more =
            sequential.as_mut().and_then(|sequential| sequential.look(std::slice::from_ref(&all)));
        if let Some(wanted) = more {
            parts.extend(runs.replications.drain(..).flatten().map(Some));
            parts.resize_with(wanted, || None);
            open.left.store(wanted - done, Ordering::Release);
            self.monitor.plan((wanted - done) as u64);
            let step = |replication| Step { open: Arc::clone(open), replication };
            self.agenda.add((done..wanted).map(step));
            return Ok(true);
        }
        let mut outcome = estimated(scenario, &all);
        outcome.advice.extend(open.warm_up_advice.clone());
        outcome.advice.extend(sequential.as_ref().and_then(Sequential::words));
        outcome.advice.extend(resampling.words(&runs, done, scenario));
        if let Some(intervals) = &mut outcome.intervals {
            intervals.precision = sequential.as_ref().and_then(Sequential::reached);
        }
        let kept = Kept {
            key: open.key.clone(),
            decided: scenario.goals().map(|goal| decided_of(goal, &all)).collect(),
            observed: observed(scenario, &all.parts),
            measures: Measures { theory: twin::of(scenario), ..outcome.into() },
        };
        self.complete(open.point, kept)
    }

    /// One long run of a steady state.
    fn in_batches(&self, point: u64, key: String, scenario: &Scenario, warm_up: WarmUp) -> Going {
        if scenario.kind() == Kind::Terminating {
            return Err(Problem::new("one replication gives no interval")
                .help("ask for 10 or more with `--replications`, or leave the flag out")
                .in_case(&self.grid.name(point)));
        }
        let Replicated { outcome, .. } = batches::in_batches(scenario, warm_up, self.monitor)?;
        let Some(outcome) = outcome.filter(|outcome| !outcome.partial) else { return Ok(false) };
        self.monitor.done();
        let theory = twin::of(scenario);
        let (decided, observed) = (vec![None; outcome.slo.len()], indexmap::IndexMap::new());
        let measures = Measures { theory, ..outcome.into() };
        self.complete(point, Kept { key, measures, decided, observed })
    }

    fn complete(&self, point: u64, kept: Kept) -> Going {
        {
            let keep = self.keep.lock().expect("no thread panics while it holds this");
            keep(point, &kept)?;
        }
        self.found.lock().expect("no thread panics while it holds this").points.insert(point, kept);
        Ok(true)
    }
}

impl Site {
    /// One replication; `None` when it was stopped.
    pub(super) fn simulate(
        &self,
        replication: u64,
        crew: &Crew,
        monitor: &dyn Monitor,
    ) -> Result<Option<Part>, Problem> {
        let Self { scenario, shared, warm_up } = self;
        let resampling = shared.resampling(scenario, monitor)?;
        let kept = match resampling.recorded.iter().all(Option::is_none) {
            true => shared.workload(scenario, replication, monitor)?,
            false => None,
        };
        let campaign = Campaign {
            variants: vec![scenario],
            warm_up: *warm_up,
            recorded: resampling.recorded.clone(),
            crew,
            monitor,
            shared: true,
        };
        let (measured, course) = campaign.simulate(0, replication, kept)?;
        Ok((!measured.ending.stopped).then(|| Part::of(scenario, &measured, course)))
    }
}
