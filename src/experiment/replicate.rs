//! One scenario, run until its numbers are as sure as they should be.

use std::sync::Arc;

use super::batches;
use super::campaign::{Campaign, Part, Runs};
use super::estimated::estimated;
use super::evidence::Evidence;
use super::precision::Sequential;
use super::resample::Recorded;
use super::{Crew, Monitor, WarmUp};
use crate::diagnose::Problem;
use crate::outcome::{Estimated, Kind, Method};
use crate::scenario::{Measured, Resample, Scenario};
use crate::time::Duration;

/// What came of several runs of a scenario.
#[derive(Debug)]
pub struct Replicated {
    /// All of them together; `None` when a stop left fewer than two.
    pub outcome: Option<Estimated>,
    /// What the first run measured, with its timeline; cut short if it was stopped.
    pub first: Measured,
    /// What was said of the warm-up.
    pub warm_up: WarmUp,
}

/// Runs a scenario as its `[run]` table says: so many replications, or as many as its precision
/// takes; one replication of a steady state is one long run in batches.
///
/// Replications of drawn traffic draw it anew. Those of a trace replay the trace once as it is, and
/// then blocks of it joined at random, so that the intervals speak of other traffic of its kind;
/// with `resample = "none"` they only draw anew what is drawn beside the trace.
pub fn replicate(
    scenario: &Scenario,
    crew: &Crew,
    monitor: &dyn Monitor,
) -> Result<Replicated, Problem> {
    let asked = scenario.run.replications.unwrap_or(1);
    let mut sequential = Sequential::of(scenario);
    let few = sequential.is_none() && asked == 1;
    if few && scenario.kind() == Kind::Terminating {
        return Err(Problem::about("replications", "one replication gives no interval")
            .help("ask for 10 or more with `--replications`, or for none without the flag"));
    }
    let runs = if sequential.is_some() { 30 } else { asked };
    let warm_up = WarmUp::of(scenario, runs, crew, monitor)?;
    if few {
        return batches::in_batches(scenario, warm_up, monitor);
    }
    let resampling = Resampling::of(&[scenario], monitor)?;
    let method = resampling.method();
    let campaign = Campaign {
        variants: vec![scenario],
        warm_up: warm_up.span,
        recorded: resampling.recorded.clone(),
        crew,
        monitor,
        shared: false,
    };
    let mut runs = Runs::default();
    let mut wanted = sequential.as_ref().map_or(asked as usize, Sequential::first_look);
    loop {
        campaign.run(&mut runs, wanted)?;
        let Some(sequential) = sequential.as_mut().filter(|_| !runs.stopped) else { break };
        let Some(more) = sequential.look(&[evidence(scenario, &runs, 0, method)]) else { break };
        wanted = more;
    }
    let outcome = (runs.replications.len() > 1).then(|| {
        let mut outcome = estimated(scenario, &evidence(scenario, &runs, 0, method));
        outcome.partial = runs.stopped;
        outcome.advice.extend(warm_up.advice.clone());
        outcome.advice.extend(sequential.as_ref().and_then(Sequential::words));
        outcome.advice.extend(resampling.words(&runs, wanted, scenario));
        if let Some(intervals) = &mut outcome.intervals {
            intervals.precision = sequential.as_ref().and_then(Sequential::reached);
        }
        outcome
    });
    let first = runs.first.expect("a campaign begins with its first run");
    Ok(Replicated { outcome, first, warm_up })
}

/// The evidence that all complete replications are for one variant.
pub(super) fn evidence<'a>(
    scenario: &Scenario,
    runs: &'a Runs,
    variant: usize,
    method: Method,
) -> Evidence<'a> {
    let parts = runs.replications.iter().map(|parts| &parts[variant]).collect();
    Evidence::new(parts, method, scenario.run.confidence.0)
}

/// How replications of traces are made from them.
#[derive(Debug)]
pub(super) struct Resampling {
    /// The trace of each variant; all or none are there.
    pub(super) recorded: Vec<Option<Arc<Recorded>>>,
    /// Whether a trace was to be resampled and could not be kept.
    too_long: bool,
}

impl Resampling {
    /// Reads the traces of variants, once where they are the same.
    pub(super) fn of(variants: &[&Scenario], monitor: &dyn Monitor) -> Result<Self, Problem> {
        let none = || vec![None; variants.len()];
        let first = variants[0];
        if first.is_drawn() || first.run.resample == Resample::None {
            return Ok(Self { recorded: none(), too_long: false });
        }
        let mut recorded: Vec<Option<Arc<Recorded>>> = Vec::new();
        for (at, variant) in variants.iter().enumerate() {
            let same = (0..at).find(|&other| traffic_of(variants[other]) == traffic_of(variant));
            recorded.push(match same {
                Some(other) => recorded[other].clone(),
                None => Recorded::of(variant, monitor)?.map(Arc::new),
            });
        }
        let all = recorded.iter().all(Option::is_some);
        Ok(Self { recorded: if all { recorded } else { none() }, too_long: !all })
    }

    pub(super) fn method(&self) -> Method {
        let resampled = self.recorded.iter().any(Option::is_some);
        if resampled { Method::Resamples } else { Method::Replications }
    }

    /// What the reader should know of how the intervals of a finite replay came about, and of a
    /// stop.
    pub(super) fn words(&self, runs: &Runs, wanted: usize, scenario: &Scenario) -> Vec<String> {
        let done = runs.replications.len();
        let mut words = Vec::new();
        if let Some(Some(recorded)) = self.recorded.first() {
            let season = match recorded.blocks.is_seasonal() {
                true => ", each from the same time of another day",
                false => "",
            };
            words.push(format!(
                "numbers are those of the trace as recorded; intervals come from {} traces joined \
                 from blocks of it, {} long on average as its correlations ask for{season}: they \
                 speak of other traffic of this kind",
                done.saturating_sub(1),
                about(recorded.blocks.mean_length()),
            ));
        } else if !scenario.is_drawn() {
            words.push(self.on_one_trace(runs));
        }
        if runs.stopped {
            let done = format!("{done} of {wanted} replications are complete and shown");
            words.push(format!("stopped early: {done}"));
        }
        words
    }

    /// What intervals mean that were made without other traffic.
    fn on_one_trace(&self, runs: &Runs) -> String {
        let latency = |parts: &Vec<Part>| parts[0].outcome.latency_s;
        let alike = runs.replications.windows(2).all(|pair| latency(&pair[0]) == latency(&pair[1]));
        let what = if alike {
            "nothing in this replay is random: its numbers are exact for this trace, and say \
             nothing of another"
        } else {
            "intervals are conditional on this trace: only what is drawn beside it varies"
        };
        let why = if self.too_long {
            "it is too long, or too short, to be resampled"
        } else {
            "`--resample blocks` varies the traffic too"
        };
        format!("{what}; {why}")
    }
}

/// A span with the digits that matter where it is an average: `84 s`, `2.5 s`, `12 ms`.
fn about(span: Duration) -> String {
    match span.as_secs_f64() {
        s if s >= 9.95 => format!("{s:.0} s"),
        s if s >= 0.9995 => format!("{s:.1} s"),
        s if s >= 0.00995 => format!("{:.0} ms", 1e3 * s),
        s => format!("{:.2} ms", 1e3 * s),
    }
}

/// Everything that decides which requests there are.
pub(super) fn traffic_of(scenario: &Scenario) -> serde_json::Value {
    let run = &scenario.run;
    serde_json::json!([scenario.traffic, scenario.seed, run.duration, run.requests])
}
