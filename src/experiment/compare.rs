//! Variants on the same requests: every measure with its interval, every difference with its
//! verdict.

use super::campaign::{Campaign, Runs};
use super::difference::{Found, MEASURES, between};
use super::estimated::estimated;
use super::evidence::Evidence;
use super::precision::Sequential;
use super::replicate::{Resampling, evidence, traffic_of};
use super::{Crew, Monitor, WarmUp, words};
use crate::diagnose::Problem;
use crate::outcome::{Comparison, Difference, Estimate, Outcome, Verdict};
use crate::rng::Seed;
use crate::scenario::Scenario;
use crate::stats::multiple::holm;
use crate::stats::paired::Method;
use crate::time::Duration;

/// Replications where nobody says how many: enough for intervals that cover what they say.
const REPLICATIONS: u32 = 10;

/// A scenario under a name.
#[derive(Clone, Debug)]
pub struct Variant {
    /// What to call it.
    pub name: String,
    /// What it is.
    pub scenario: Scenario,
}

/// What came of a comparison.
#[derive(Debug)]
pub enum Compared {
    /// All variants in two replications or more.
    Whole(Box<Comparison>),
    /// A stop left fewer than two: what the first variant's first run measured until then.
    Cut(Box<Outcome>),
}

/// Which differences are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pairs {
    /// Each variant less the baseline.
    #[default]
    WithBaseline,
    /// Each variant less each of those before it.
    All,
}

/// Runs every variant on the same requests, replication by replication, and judges the differences,
/// all of them together at the confidence of the first variant's `[run]` (Holm 1979).
///
/// The workload of a replication is drawn once and given to all. Variants whose workloads are not
/// the same, by the fingerprint of their requests, are refused.
pub fn compare(
    variants: &[Variant],
    baseline: usize,
    pairs: Pairs,
    crew: &Crew,
    monitor: &dyn Monitor,
) -> Result<Compared, Problem> {
    let asked = check(variants)?;
    let first = &variants[0].scenario;
    let mut sequential = Sequential::of(first);
    let warm_up = common_warm_up(variants, asked, crew, monitor)?;
    let scenarios: Vec<&Scenario> = variants.iter().map(|variant| &variant.scenario).collect();
    let resampling = Resampling::of(&scenarios, monitor)?;
    let method = resampling.method();
    let campaign = Campaign {
        shared: scenarios.iter().all(|scenario| traffic_of(scenario) == traffic_of(first)),
        variants: scenarios,
        warm_up: warm_up.span,
        recorded: resampling.recorded.clone(),
        crew,
        monitor,
    };
    let mut runs = Runs::default();
    let mut wanted = sequential.as_ref().map_or(asked as usize, Sequential::first_look);
    loop {
        campaign.run(&mut runs, wanted)?;
        check_fingerprints(variants, &runs)?;
        let Some(sequential) = sequential.as_mut().filter(|_| !runs.stopped) else { break };
        let Some(more) = sequential.look(&all_evidence(first, &runs, method)) else { break };
        wanted = more;
    }
    if runs.replications.len() < 2 {
        let cut = first.outcome(&runs.first.expect("a campaign begins with its first run"));
        return Ok(Compared::Cut(Box::new(Outcome { partial: true, ..cut })));
    }
    let all = all_evidence(first, &runs, method);
    let mut comparison = judged(variants, baseline, pairs, &all);
    comparison.partial = runs.stopped;
    for outcome in &mut comparison.variants {
        outcome.partial = runs.stopped;
        if let Some(intervals) = &mut outcome.intervals {
            intervals.precision = sequential.as_ref().and_then(Sequential::reached);
        }
    }
    comparison.advice.extend(warm_up.advice);
    comparison.advice.extend(sequential.as_ref().and_then(Sequential::words));
    comparison.advice.extend(resampling.words(&runs, wanted, first));
    Ok(Compared::Whole(Box::new(comparison)))
}

/// Refuses what cannot be compared; says how many replications there shall be.
fn check(variants: &[Variant]) -> Result<u32, Problem> {
    let [first, others @ ..] = variants else {
        return Err(Problem::new("there is nothing to compare"));
    };
    if others.is_empty() {
        let alone =
            format!("`{}` is the only variant, with nothing to hold it against", first.name);
        return Err(Problem::new(alone).help(
            "name more: `--balancer least-connections --balancer round-robin`, \
             `--variant big:pool.*.servers=12`, or `[variant.NAME]` in the scenario",
        ));
    }
    for (at, variant) in variants.iter().enumerate() {
        if variants[..at].iter().any(|earlier| earlier.name == variant.name) {
            return Err(Problem::new(format!("two variants are called `{}`", variant.name))
                .help("give one another name: `--variant name:key=value`"));
        }
    }
    let currency = |variant: &Variant| variant.scenario.currency.clone();
    if let Some(other) = others.iter().find(|other| currency(other) != currency(first)) {
        let (here, there) = (currency(first), currency(other));
        return Err(Problem::new(format!(
            "`{}` is paid in {here} and `{}` in {there}: their costs cannot be compared",
            first.name, other.name
        ))
        .help("write the prices of all variants in one currency"));
    }
    let asked = first.scenario.run.replications.unwrap_or(REPLICATIONS);
    if asked < 2 && first.scenario.run.precision.is_none() {
        return Err(Problem::new("one replication gives no interval, and so no verdict")
            .help("ask for 10 or more with `--replications`, or leave the flag out"));
    }
    let start = opening(&first.scenario)?;
    for other in others {
        if opening(&other.scenario)? != start {
            return Err(differ(&first.name, &other.name));
        }
    }
    Ok(asked)
}

/// The first requests that a variant is given, or nothing where they depend on the variant.
fn opening(scenario: &Scenario) -> Result<Vec<crate::model::Request>, Problem> {
    let mut source = scenario.source(Seed::new(scenario.seed, 0))?;
    let mut requests = Vec::new();
    source.fill(&mut requests)?;
    Ok(requests)
}

fn differ(a: &str, b: &str) -> Problem {
    Problem::new(format!("`{a}` and `{b}` are not given the same requests")).help(
        "only on the same requests is a difference one of the variants: vary balancers, \
         autoscalers \
         or pools, but not the traffic, the seed or the length of the run",
    )
}

/// Each replication must have had the same requests in every variant, unless they answer each
/// other.
fn check_fingerprints(variants: &[Variant], runs: &Runs) -> Result<(), Problem> {
    let first = &variants[0].scenario;
    if first.source(Seed::new(first.seed, 0))?.is_closed_loop() {
        return Ok(());
    }
    for parts in &runs.replications {
        let print = |at: usize| &parts[at].outcome.workload_fingerprint;
        if let Some(other) = (1..parts.len()).find(|&at| print(at) != print(0)) {
            return Err(differ(&variants[0].name, &variants[other].name));
        }
    }
    Ok(())
}

/// The longest warm-up that any variant needs, so that all measure the same requests.
fn common_warm_up(
    variants: &[Variant],
    runs: u32,
    crew: &Crew,
    monitor: &dyn Monitor,
) -> Result<WarmUp, Problem> {
    let mut longest = WarmUp { span: Duration::ZERO, advice: Vec::new() };
    for variant in variants {
        longest = longest.or_longer(WarmUp::of(&variant.scenario, runs, crew, monitor)?);
    }
    Ok(longest)
}

fn all_evidence<'a>(
    scenario: &Scenario,
    runs: &'a Runs,
    method: crate::outcome::Method,
) -> Vec<Evidence<'a>> {
    let variants = runs.replications.first().map_or(0, Vec::len);
    (0..variants).map(|at| evidence(scenario, runs, at, method)).collect()
}

/// Two variants and what was found of a measure, if it is supported in both.
struct Pair {
    a: usize,
    b: usize,
    measure: usize,
    found: Option<Found>,
}

fn judged(variants: &[Variant], baseline: usize, pairs: Pairs, all: &[Evidence<'_>]) -> Comparison {
    let outcomes: Vec<_> = variants
        .iter()
        .zip(all)
        .map(|(variant, evidence)| {
            let outcome = estimated(&variant.scenario, evidence);
            Outcome { name: variant.name.clone(), ..outcome }
        })
        .collect();
    let pairs = found_pairs(baseline, pairs, all);
    let alpha = 1.0 - all[0].confidence;
    let uncertain = |pair: &&Pair| pair.found.is_some_and(|found| found.is_uncertain());
    let family: Vec<f64> = pairs
        .iter()
        .filter(uncertain)
        .map(|pair| pair.found.map_or(1.0, |found| found.difference.p_value))
        .collect();
    let mut adjusted = holm(&family).into_iter();
    let each = alpha / family.len().max(1) as f64;
    let differences: Vec<Difference> = pairs
        .iter()
        .map(|pair| {
            let p_value = match &pair.found {
                Some(found) if found.is_uncertain() => adjusted.next().unwrap_or(1.0),
                Some(found) => found.difference.p_value,
                None => 1.0,
            };
            told(variants, pair, p_value, alpha, each)
        })
        .collect();
    let first = &outcomes[0];
    Comparison {
        schema: "plimsoll.comparison/1".to_owned(),
        version: first.version.clone(),
        name: variants[0].scenario.name.clone(),
        seed: first.seed,
        workload_fingerprint: first.workload_fingerprint.clone(),
        partial: false,
        baseline: variants[baseline].name.clone(),
        confidence: all[0].confidence,
        findings: words::findings(&differences),
        advice: words::advice(&outcomes, &differences),
        variants: outcomes,
        differences,
    }
}

fn found_pairs(baseline: usize, pairs: Pairs, all: &[Evidence<'_>]) -> Vec<Pair> {
    let others = (0..all.len()).filter(|&at| at != baseline);
    let couples: Vec<(usize, usize)> = match pairs {
        Pairs::WithBaseline => others.map(|a| (a, baseline)).collect(),
        // Those that hold the baseline are told against it.
        Pairs::All => (0..all.len())
            .flat_map(|a| (0..a).map(move |b| if a == baseline { (b, a) } else { (a, b) }))
            .collect(),
    };
    let mut found = Vec::new();
    for (a, b) in couples {
        for (measure, compared) in MEASURES.iter().enumerate() {
            found.push(Pair { a, b, measure, found: between(compared, &all[a], &all[b]) });
        }
    }
    found
}

/// One difference as it is told; `each` is the error that each of all is allowed.
fn told(variants: &[Variant], pair: &Pair, p_value: f64, alpha: f64, each: f64) -> Difference {
    let found = pair.found.as_ref();
    let verdict = found.map_or(Verdict::Inseparable, |found| found.verdict(p_value, alpha));
    let open = found.filter(|_| verdict == Verdict::Inseparable);
    Difference {
        a: variants[pair.a].name.clone(),
        b: variants[pair.b].name.clone(),
        measure: MEASURES[pair.measure].path.to_owned(),
        difference: found.map_or(Estimate::INSUFFICIENT, |found| found.difference.estimate),
        change: found.map_or(Estimate::INSUFFICIENT, |found| found.change),
        p_value,
        verdict,
        test: found.map_or(Method::Paired, |found| found.difference.method),
        correlation: found.map_or(0.0, |found| found.difference.correlation),
        variance_reduction: found.and_then(|found| found.variance_reduction),
        more_requests: open.and_then(|found| found.more_requests(each)),
    }
}
