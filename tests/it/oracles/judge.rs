//! Runs a case and holds each known value against the simulation's own confidence interval.

use plimsoll::document::Node;
use plimsoll::rng::Fnv;
use plimsoll::scenario::Scenario;
use plimsoll::stats::special::t_quantile;
use plimsoll::time::{Duration, Instant};

use super::measure::{self, Ratios, Reading, Replica};
use super::observe::{Census, Plan, Watcher};
use super::tables::{Case, Entry};
use super::translate::{Experiment, Shape};

/// Independent replications of a case: many, so that Student's quantile is near the normal one
/// even at the small error that is left to each of many entries.
const REPLICATIONS: u64 = 96;

/// Replications of the pilot of a case that looks at one instant, each of which gives one number,
/// and the most there may be.
const GLIMPSES: [u64; 2] = [1_000, 60_000];

/// The half-width a run aims at, as a share of the value.
const AIM: f64 = 0.05;

/// An interval wider than this could not fail where it should: it decides nothing.
pub(super) const MEANINGFUL: f64 = 0.0625;

/// Intervals of means and of shares that are wider still are not normal enough to be believed.
const BELIEVABLE: [f64; 2] = [0.2, 0.6];

/// Relaxation times that are left out at the start, and that a pilot goes on for.
const WARM_UP: f64 = 10.0;
const PILOT: f64 = 20.0;

/// A run is at most so many times as long as its pilot; a pilot that asks for more, or saw too
/// little to ask, is followed by a longer one.
const LONGER: f64 = 5.0;

/// What became of an entry.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// The value lies in an interval that is narrow enough to miss it.
    Met,
    /// The value lies outside: what was measured instead.
    Missed(String),
    /// The budget did not give an interval that says anything.
    Undecided(String),
}

/// An interval about an estimate.
#[derive(Clone, Copy, Debug)]
struct Interval {
    estimate: f64,
    low: f64,
    high: f64,
}

impl Interval {
    fn half(&self) -> f64 {
        (self.high - self.low) / 2.0
    }
    fn covers(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.5e} in [{:.5e}, {:.5e}]", self.estimate, self.low, self.high)
    }
}

/// What an interval says of a known value.
struct Look {
    interval: Interval,
    /// The value itself, or the probability of exceeding it.
    target: f64,
    /// The half-width as a multiple of the widest that is meaningful.
    width: f64,
    /// Whether the interval is narrow enough to be believed where it misses.
    believed: bool,
}

/// A case on its way: its scenario and how sure and how costly it may be.
pub(super) struct Trial<'a> {
    pub(super) case: &'a Case,
    pub(super) experiment: &'a Experiment,
    /// The error that each entry may make.
    pub(super) alpha: f64,
    /// The most requests that may be simulated at once.
    pub(super) budget: f64,
}

impl<'a> Trial<'a> {
    /// The verdict on each entry whose metric is known, and the requests that it took.
    pub(super) fn verdicts(&self) -> (Vec<(&'a Entry, Verdict)>, u64) {
        let (replicas, pilots) = match self.experiment.shape {
            Shape::Steady { relaxation } => self.steady(relaxation),
            Shape::After { seconds } => self.glimpses(seconds),
        };
        let judge = |entry| {
            let reading = measure::read(self.case, entry, &replicas)?;
            Some((entry, self.judge(entry, &reading)))
        };
        (self.compared().filter_map(judge).collect(), pilots + arrived(&replicas))
    }

    fn compared(&self) -> impl Iterator<Item = &'a Entry> {
        let case = self.case;
        case.entries.iter().filter(|entry| measure::not_compared(case, &entry.metric).is_none())
    }

    /// A pilot tells how long the run must be; the run itself uses other replications. With it come
    /// the requests of the pilots.
    fn steady(&self, relaxation: f64) -> (Vec<Replica>, u64) {
        let rate = self.experiment.rate;
        let warm_up = WARM_UP * relaxation;
        let most = self.budget / rate / REPLICATIONS as f64;
        let mut length = (PILOT * relaxation).max(1000.0 / rate).min(most);
        let (mut first, mut spent) = (0, 0);
        loop {
            let pilot = self.replicate(first, REPLICATIONS, warm_up, length);
            let factor = self.factor(&pilot);
            spent += arrived(&pilot);
            first += REPLICATIONS;
            let known = factor.filter(|factor| *factor <= LONGER);
            let wanted = length * known.unwrap_or(LONGER);
            // Not even a pilot that needs no longer run knows so for sure.
            length = wanted.max(2.0 * length).min(most.max(length));
            if known.is_some() || wanted >= most {
                break;
            }
        }
        // A pilot may promise too much: a run that came out too wide is followed by a longer one,
        // of other replications, so that no run is kept for what it found.
        loop {
            let run = self.replicate(first, REPLICATIONS, warm_up, length);
            let decides = self.widest(&run).is_some_and(|width| width <= 1.0);
            if decides || length >= most {
                return (run, spent);
            }
            spent += arrived(&run);
            first += REPLICATIONS;
            length = (2.0 * length).min(most);
        }
    }

    fn glimpses(&self, seconds: f64) -> (Vec<Replica>, u64) {
        let [pilot, most] = GLIMPSES;
        let first = self.replicate(0, pilot, 0.0, seconds);
        let factor = self.factor(&first).unwrap_or(f64::INFINITY);
        let affordable = self.budget / (self.experiment.rate * seconds).max(200.0);
        let count = (pilot as f64 * factor).min(affordable).min(most as f64) as u64;
        (self.replicate(pilot, count.max(pilot), 0.0, seconds), arrived(&first))
    }

    /// How many times as long a run must be for every interval to be as narrow as is aimed at;
    /// `None` where the pilot cannot tell.
    fn factor(&self, replicas: &[Replica]) -> Option<f64> {
        Some(1.2 * (self.widest(replicas)? * MEANINGFUL / AIM).powi(2))
    }

    /// The widest interval, as a multiple of what is meaningful; `None` where one has no width.
    fn widest(&self, replicas: &[Replica]) -> Option<f64> {
        let mut widest: f64 = 0.0;
        for entry in self.compared().filter(|entry| entry.value != 0.0) {
            if let Some(reading) = measure::read(self.case, entry, replicas) {
                widest = widest.max(self.look(entry.value, &reading)?.width);
            }
        }
        Some(widest)
    }

    /// The interval that a reading gives for a known value.
    fn look(&self, value: f64, reading: &Reading) -> Option<Look> {
        let plain = |interval: Interval, believable: f64| {
            let share = interval.half() / value.abs();
            let (width, believed) = (share / MEANINGFUL, share <= believable);
            Some(Look { interval, target: value, width, believed })
        };
        match reading {
            Reading::Mean(ratios) => plain(self.mean(ratios)?, BELIEVABLE[0]),
            Reading::Share(ratios) => plain(self.share(ratios)?, BELIEVABLE[1]),
            Reading::Quantile { order, beyond, reach, near, far } => {
                // How far the share moves when the value does by as much as is meaningful; where
                // the law is steep or has an atom, a share that is exact to 6 % says more.
                let moves = (pooled(near) - pooled(far)) / 2.0;
                self.look_beyond(1.0 - order, beyond, reach, moves.max(MEANINGFUL * (1.0 - order)))
            }
        }
    }

    /// Whether `target` lies between the share beyond a value and the share that reaches it.
    fn look_beyond(
        &self,
        target: f64,
        beyond: &Ratios,
        reach: &Ratios,
        meaningful: f64,
    ) -> Option<Look> {
        let (above, from) = (self.share_or_bound(beyond)?, self.share_or_bound(reach)?);
        let interval = Interval { low: above.low, high: from.high, ..above };
        let believed = above.half() <= BELIEVABLE[1] * target;
        // An atom whose ends lie clearly on both sides of the target; a bound is enough for that.
        let inside = above.estimate < target && target < from.estimate;
        let atom = inside.then(|| {
            let below = (above.high - above.estimate) / (target - above.estimate);
            below.max((from.estimate - from.low) / (from.estimate - target))
        });
        let smooth = self.share(beyond).map(|share| share.half() / meaningful);
        let width = match (atom, smooth) {
            (Some(atom), Some(smooth)) => atom.min(smooth),
            (one, other) => one.or(other)?,
        };
        Some(Look { interval, target, width, believed })
    }

    fn judge(&self, entry: &Entry, reading: &Reading) -> Verdict {
        let value = entry.value;
        if let (Reading::Mean(ratios) | Reading::Share(ratios), 0.0) = (reading, value) {
            // Nothing of the kind ever happens in the model, so it must not happen here.
            let never = ratios.iter().all(|(part, _)| *part == 0.0);
            let missed = || Verdict::Missed(format!("0, measured {}", pooled(ratios)));
            return if never { Verdict::Met } else { missed() };
        }
        let Some(Look { interval, target, width, believed }) = self.look(value, reading) else {
            return Verdict::Undecided("too rare to be seen".to_owned());
        };
        let what = match reading {
            Reading::Quantile { .. } => format!("P(> {value}) = {target:.4}"),
            _ => format!("{value}"),
        };
        match interval.covers(target) {
            true if width <= 1.0 => Verdict::Met,
            false if believed => Verdict::Missed(format!("{what}, measured {interval}")),
            _ => Verdict::Undecided(format!("{what}, wide: {interval}")),
        }
    }

    /// Student's interval of a ratio by its linearisation; none where few replications saw any.
    fn mean(&self, ratios: &Ratios) -> Option<Interval> {
        let (estimate, error) = ratio(ratios)?;
        let seen = ratios.iter().filter(|(part, _)| *part != 0.0).count();
        if seen < enough(ratios) {
            return None;
        }
        let half = self.t(ratios) * error;
        Some(Interval { estimate, low: estimate - half, high: estimate + half })
    }

    /// Wilson's interval of a share, for as many independent requests as the error between
    /// replications says they are worth; none where few replications saw any, or saw others.
    fn share(&self, ratios: &Ratios) -> Option<Interval> {
        let (p, error) = ratio(ratios)?;
        let seen = ratios.iter().filter(|(part, _)| *part > 0.0).count();
        let spared = ratios.iter().filter(|(part, whole)| part < whole).count();
        if seen.min(spared) < enough(ratios) || error == 0.0 {
            return None;
        }
        let worth = p * (1.0 - p) / error.powi(2);
        let square = self.t(ratios).powi(2);
        let centre = (p + square / (2.0 * worth)) / (1.0 + square / worth);
        let under = p * (1.0 - p) / worth + square / (4.0 * worth.powi(2));
        let half = square.sqrt() / (1.0 + square / worth) * under.sqrt();
        Some(Interval { estimate: p, low: centre - half, high: centre + half })
    }

    /// The same, and a generous bound where a share is too near to 0 or 1 for an interval: enough
    /// to tell it from a share far away.
    fn share_or_bound(&self, ratios: &Ratios) -> Option<Interval> {
        self.share(ratios).or_else(|| {
            let (estimate, error) = ratio(ratios)?;
            let reach = 2.0 * (estimate.min(1.0 - estimate) + self.t(ratios) * error);
            let (low, high) = if estimate < 0.5 { (0.0, reach) } else { (1.0 - reach, 1.0) };
            Some(Interval { estimate, low, high })
        })
    }

    fn t(&self, ratios: &Ratios) -> f64 {
        t_quantile(1.0 - self.alpha / 2.0, ratios.len() as f64 - 1.0)
    }

    fn replicate(&self, first: u64, count: u64, warm_up: f64, length: f64) -> Vec<Replica> {
        let warm_up = Duration::from_secs_f64(warm_up);
        let duration = warm_up + Duration::from_secs_f64(length);
        let seed = Fnv::of(self.case.to_string().as_bytes()) >> 32;
        let text = self.experiment.document(seed, duration);
        let scenario = Node::from_toml("scenario", &text)
            .and_then(|document| Scenario::from_document(&document, std::path::Path::new("")))
            .unwrap_or_else(|problem| panic!("{}: {}\n{text}", self.case, problem.render(false)));
        let mut plan = measure::plan(self.case);
        plan.window = self.experiment.window;
        plan.census = self.experiment.census;
        let until = Instant::START + duration;
        (first..first + count)
            .map(|replication| replica(&scenario, replication, warm_up, until, &plan))
            .collect()
    }
}

fn arrived(replicas: &[Replica]) -> u64 {
    replicas.iter().map(|run| run.outcome.requests.arrived).sum()
}

fn replica(
    scenario: &Scenario,
    replication: u64,
    warm_up: Duration,
    until: Instant,
    plan: &Plan,
) -> Replica {
    let from = Instant::START + warm_up;
    let watcher = Watcher::new(plan, from, until);
    let (measured, watcher, census) = if plan.census {
        let probes = (watcher, Census::new(plan, from));
        let (measured, (watcher, census)) =
            scenario.simulate(replication, warm_up, probes, &()).expect("a valid scenario");
        (measured, watcher, Some(census))
    } else {
        let (measured, watcher) =
            scenario.simulate(replication, warm_up, watcher, &()).expect("a valid scenario");
        (measured, watcher, None)
    };
    let mut outcome = scenario.outcome(&measured);
    // Thousands of replications are kept, and each would hold the same scenario.
    outcome.scenario = serde_json::Value::Null;
    Replica { outcome, watcher, census }
}

/// How many replications must have seen an event before its share has an interval.
fn enough(ratios: &Ratios) -> usize {
    let glimpses = ratios.iter().all(|(_, whole)| *whole == 1.0);
    if glimpses { 100 } else { ratios.len() / 2 }
}

fn pooled_count(ratios: &Ratios) -> f64 {
    ratios.iter().map(|(_, whole)| whole).sum()
}

fn pooled(ratios: &Ratios) -> f64 {
    ratios.iter().map(|(part, _)| part).sum::<f64>() / pooled_count(ratios)
}

/// The ratio of sums and its standard error.
fn ratio(ratios: &Ratios) -> Option<(f64, f64)> {
    let total = pooled_count(ratios);
    if total <= 0.0 {
        return None;
    }
    let estimate = pooled(ratios);
    let count = ratios.len() as f64;
    let squares: f64 = ratios.iter().map(|(part, whole)| (part - estimate * whole).powi(2)).sum();
    Some((estimate, (squares / (count * (count - 1.0))).sqrt() / (total / count)))
}
