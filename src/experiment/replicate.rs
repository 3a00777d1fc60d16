//! One scenario, run until its numbers are as sure as they should be.

use super::batches;
use super::campaign::{Campaign, Runs};
use super::estimated::estimated;
use super::evidence::Evidence;
use super::precision::Sequential;
use super::resample::Blocks;
use super::workload::Workload;
use super::{Crew, Monitor, WarmUp};
use crate::diagnose::Problem;
use crate::outcome::{Estimated, Kind, Method};
use crate::rng::Seed;
use crate::scenario::{Measured, Resample, Scenario};
use crate::time::Instant;

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
    let (blocks, method) = blocks_of(scenario)?;
    let campaign = Campaign {
        variants: vec![scenario],
        warm_up: warm_up.span,
        blocks,
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
        outcome.advice.extend(words_on(blocks, &runs, wanted, scenario));
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

/// How replications of a trace are made from it, and what that makes them.
pub(super) fn blocks_of(scenario: &Scenario) -> Result<(Option<Blocks>, Method), Problem> {
    if scenario.is_drawn() || scenario.run.resample == Resample::None {
        return Ok((None, Method::Replications));
    }
    let seed = Seed::new(scenario.seed, 0);
    let Some(recorded) = Workload::draw(scenario, seed, usize::MAX)? else {
        return Ok((None, Method::Replications));
    };
    let last = recorded.requests.last().map_or(Instant::START, |request| request.arrival);
    let blocks = Blocks::of(&recorded.requests, scenario.until().unwrap_or(last));
    let method = if blocks.is_some() { Method::Resamples } else { Method::Replications };
    Ok((blocks, method))
}

/// What the reader should know of how the intervals of a finite replay came about, and of a stop.
pub(super) fn words_on(
    blocks: Option<Blocks>,
    runs: &Runs,
    wanted: usize,
    scenario: &Scenario,
) -> Vec<String> {
    let done = runs.replications.len();
    let mut words = Vec::new();
    if let Some(blocks) = blocks {
        let season =
            if blocks.is_seasonal() { ", each from the same time of another day" } else { "" };
        words.push(format!(
            "estimates are those of the trace as recorded; intervals come from {} traces joined \
             from \
             blocks of it, {:.0} s long on average as its correlations ask for{season}: they \
             speak of \
             other traffic of this kind",
            done - 1,
            blocks.mean_length().as_secs_f64(),
        ));
    } else if !scenario.is_drawn() {
        let alike = runs
            .replications
            .windows(2)
            .all(|pair| pair[0][0].outcome.latency_s == pair[1][0].outcome.latency_s);
        words.push(if alike {
            "nothing in this replay is random: its numbers are exact for this trace, and say \
             nothing \
             of another; `run.resample = \"blocks\"` does"
                .to_owned()
        } else {
            "intervals are conditional on this trace: only what is drawn beside it varies; \
             `run.resample = \"blocks\"` varies the traffic too"
                .to_owned()
        });
    }
    if runs.stopped {
        words
            .push(format!("stopped early: {done} of {wanted} replications are complete and shown"));
    }
    words
}
