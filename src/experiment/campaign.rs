//! Runs of several variants, each replication on the same requests for all of them, side by side.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::course::{Course, Stretch};
use super::in_order::InOrder;
use super::resample::Recorded;
use super::workload::{Told, Workload, room};
use super::{Crew, Monitor, Relay};
use crate::diagnose::Problem;
use crate::outcome::{Kind, Outcome};
use crate::rng::Seed;
use crate::scenario::{Built, Measured, Scenario};
use crate::stats::batches::{Drift, drift};
use crate::stats::{CoarseHistogram, Tally};
use crate::time::{Duration, Instant};
use crate::workload::Source;

/// What is kept of one replication.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) outcome: Outcome,
    /// What the workload had to say.
    pub(super) advice: Vec<String>,
    pub(super) latency: Durations,
    pub(super) wait: Durations,
    pub(super) service: Durations,
    /// How latencies went, where there is a steady state.
    pub(super) stretches: Vec<Stretch>,
    /// Work that arrives over work that can be done.
    pub(super) load: f64,
    /// Evidence that the number in system rises over the run.
    pub(super) drift: Option<Drift>,
}

/// Durations of one run.
#[derive(Clone, Debug)]
pub(super) struct Durations {
    pub(super) all: Tally,
    /// The largest of each excursion above the median, where there is a steady state.
    pub(super) peaks: CoarseHistogram,
}

impl Part {
    pub(super) fn of(scenario: &Scenario, measured: &Measured, course: Option<Course>) -> Self {
        let meter = &measured.meter;
        let outcome = scenario.outcome(measured);
        let (stretches, [latencies, waits, services]) =
            course.map(Course::told).unwrap_or_default();
        let durations = |all: &Tally, peaks| Durations { all: all.clone(), peaks };
        Self {
            load: load(scenario, &outcome),
            outcome,
            advice: measured.advice.clone(),
            latency: durations(&meter.latency, latencies),
            wait: durations(&meter.wait, waits),
            service: durations(&meter.service, services),
            stretches,
            drift: drift(&levels(measured)),
        }
    }
}

/// Work that arrives over work that the fleet can do while it arrives.
pub(super) fn load(scenario: &Scenario, outcome: &Outcome) -> f64 {
    let slots: f64 =
        scenario.pool.values().map(|pool| f64::from(pool.servers) * f64::from(pool.slots)).sum();
    let work = outcome.requests.arrived as f64 * outcome.service_s.mean.unwrap_or(0.0);
    work / (outcome.duration_s * slots).max(f64::MIN_POSITIVE)
}

/// The number in system in at most 32 equal stretches from the warm-up to the horizon.
pub(super) fn levels(measured: &Measured) -> Vec<f64> {
    let timeline = &measured.timeline;
    let width = timeline.width().0;
    let from = measured.meter.from.0.div_ceil(width) as usize;
    let to = ((measured.ending.horizon.0 / width) as usize).min(timeline.bins().len());
    let whole = timeline.bins().get(from..to).unwrap_or_default();
    let mean = |bins: &[crate::probe::Bin]| {
        bins.iter().map(|bin| bin.in_system_ns as f64).sum::<f64>() / bins.len() as f64
    };
    whole.chunks_exact((whole.len() / 32).max(1)).map(mean).collect()
}

/// What is run: every variant in every replication.
pub(super) struct Campaign<'a> {
    pub(super) variants: Vec<&'a Scenario>,
    pub(super) warm_up: Duration,
    /// The trace of each variant whose replications are made from it; none are drawn or read anew.
    pub(super) recorded: Vec<Option<Arc<Recorded>>>,
    pub(super) crew: &'a Crew,
    pub(super) monitor: &'a dyn Monitor,
    /// Whether all variants ask for the same requests, so that they can be drawn once for all.
    pub(super) shared: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// The parts of each complete replication, one a variant.
    pub(super) replications: Vec<Vec<Part>>,
    /// What the first run of the first replication measured, with its timeline, even if it was cut.
    pub(super) first: Option<Measured>,
    /// Whether there are fewer replications than were asked for.
    pub(super) stopped: bool,
}

/// A step of the work; draws come early enough that nobody waits for them.
#[derive(Clone, Copy, Debug)]
enum Step {
    Draw(usize),
    Run(usize, usize),
}

/// The requests of one replication while they are in use.
#[derive(Default)]
struct Slot {
    /// Set once it is known whether there is a workload to keep.
    drawn: OnceLock<()>,
    kept: Mutex<Option<Arc<Workload>>>,
    used: AtomicUsize,
}

impl Slot {
    fn put(&self, workload: Option<Workload>) {
        *self.kept.lock().expect("no thread panics here") = workload.map(Arc::new);
        self.drawn.get_or_init(|| ());
    }

    /// The workload, for one of `users`, the last of whom takes it away.
    fn take(&self, users: usize) -> Option<Arc<Workload>> {
        self.drawn.wait();
        let mut kept = self.kept.lock().expect("no thread panics here");
        let last = self.used.fetch_add(1, Ordering::Relaxed) + 1 == users;
        if last { kept.take() } else { kept.clone() }
    }
}

impl Campaign<'_> {
    /// Runs the replications `from..to` and adds them to what there is.
    pub(super) fn run(&self, runs: &mut Runs, to: usize) -> Result<(), Problem> {
        let from = runs.replications.len();
        let (count, variants) = (to - from, self.variants.len());
        self.monitor.plan((count * variants) as u64);
        let steps = self.steps(count);
        let slots: Vec<Slot> = (0..count).map(|_| Slot::default()).collect();
        let first = Mutex::new(runs.first.take());
        let done = self.crew.run(steps.len(), |number| match steps[number] {
            Step::Draw(at) => {
                let drawn = self.draw((from + at) as u64);
                // A failure leaves nothing, so that nobody waits for it, and is told here.
                let (workload, told) = match drawn {
                    Ok(workload) => (workload, Ok(Some(None))),
                    Err(problem) => (None, Err(problem)),
                };
                slots[at].put(workload);
                told
            }
            Step::Run(at, variant) => {
                let replication = (from + at) as u64;
                let kept = if self.keeps() { slots[at].take(variants) } else { None };
                let (measured, course) = self.simulate(variant, replication, kept)?;
                let whole = !measured.ending.stopped;
                let part = whole.then(|| Some(Part::of(self.variants[variant], &measured, course)));
                if replication == 0 && variant == 0 {
                    *first.lock().expect("no thread panics here") = Some(measured);
                }
                if whole {
                    self.monitor.done();
                }
                Ok(part)
            }
        })?;
        let mut parts = done.into_iter().flatten().peekable();
        while parts.peek().is_some() {
            let replication: Vec<Part> = parts.by_ref().take(variants).collect();
            if replication.len() == variants {
                runs.replications.push(replication);
            }
        }
        runs.first = first.into_inner().expect("no thread panics here");
        runs.stopped = runs.replications.len() < to;
        Ok(())
    }

    /// Whether the requests of a replication are drawn ahead and kept for all variants. Recorded
    /// ones are in memory as they are.
    fn keeps(&self) -> bool {
        self.shared && self.variants.len() > 1 && self.recorded.iter().all(Option::is_none)
    }

    /// How many replications are drawn ahead of those that run, to keep every thread busy.
    fn ahead(&self) -> usize {
        self.crew.threads().div_ceil(self.variants.len())
    }

    fn steps(&self, count: usize) -> Vec<Step> {
        let variants = self.variants.len();
        let runs = |at: usize| (0..variants).map(move |variant| Step::Run(at, variant));
        if !self.keeps() {
            return (0..count).flat_map(runs).collect();
        }
        let ahead = self.ahead().min(count);
        let draws = (0..ahead).map(Step::Draw);
        let each = |at: usize| {
            let next = Some(at + ahead).filter(|&next| next < count);
            runs(at).chain(next.map(Step::Draw))
        };
        draws.chain((0..count).flat_map(each)).collect()
    }

    /// The requests of a replication, if there is room to keep them.
    fn draw(&self, replication: u64) -> Result<Option<Workload>, Problem> {
        let scenario = self.variants[0];
        let seed = Seed::new(scenario.seed, replication);
        let at_a_time = self.crew.threads() + self.ahead();
        Workload::draw(scenario, seed, room(at_a_time), self.monitor)
    }

    pub(super) fn simulate(
        &self,
        variant: usize,
        replication: u64,
        kept: Option<Arc<Workload>>,
    ) -> Result<(Measured, Option<Course>), Problem> {
        let scenario = self.variants[variant];
        let seed = Seed::new(scenario.seed, replication);
        let source: Box<dyn Source> = match (kept, &self.recorded[variant]) {
            (Some(workload), _) => Box::new(Told::new(workload)),
            (None, Some(recorded)) => recorded.source(seed),
            (None, None) => scenario.source(seed)?,
        };
        let built = Built { plant: scenario.plant(seed)?, source, until: scenario.until() };
        let steady = scenario.kind() == Kind::SteadyState;
        let course = steady.then(|| InOrder::new(Course::new(Instant::START + self.warm_up)));
        let watch = Relay::new(self.monitor);
        let (measured, course) = scenario.measure(built, self.warm_up, course, &watch)?;
        Ok((measured, course.map(|course| course.series)))
    }
}
