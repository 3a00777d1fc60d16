//! When a steady state has begun: several short pilots decide for all runs, never a run for itself.
//!
//! MSER-5 (White 1997, Spratt 1998) on the average of pilots, once for the latency and once for
//! whether it is among the longest tenth (a tail may settle later than the mean), and never less than
//! five relaxation times of the queue. On the single run it is to correct MSER-5 *raises* the bias: it
//! prefers a quiet remainder (Wang & Glynn 2016).

use super::in_order::{InOrder, Series, Stay};
use super::{Crew, Monitor, Relay};
use crate::diagnose::Problem;
use crate::outcome::Outcome;
use crate::scenario::{QueuePlace, Scenario};
use crate::stats::Histogram;
use crate::stats::warmup::{Truncation, mser5_of_average};
use crate::time::{Duration, Instant};

/// Pilots: enough for their average to be smooth.
const PILOTS: usize = 5;

/// Requests of a pilot where nothing else is known.
const SHORT: u64 = 5000;

/// The most requests of a pilot: their series are kept.
const LONG: u64 = 500_000;

/// Replications from here on are pilots: no estimate is made from them.
const PILOT_REPLICATIONS: u64 = 1 << 48;

/// What is left out at the start, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct WarmUp {
    /// This long.
    pub span: Duration,
    /// What the reader should know of the choice.
    pub advice: Vec<String>,
}

impl WarmUp {
    fn fixed(span: Duration) -> Self {
        Self { span, advice: Vec::new() }
    }

    /// The longer of two, for variants that are compared.
    #[must_use]
    pub fn or_longer(self, other: Self) -> Self {
        if other.span > self.span { other } else { self }
    }

    /// What the scenario sets, or what pilots of it say. `runs` tells how much work the pilots
    /// serve: they take no more than half of it.
    pub fn of(
        scenario: &Scenario,
        runs: u32,
        crew: &Crew,
        monitor: &dyn Monitor,
    ) -> Result<Self, Problem> {
        match scenario.fixed_warm_up() {
            Some(span) => Ok(Self::fixed(span)),
            None => decided_by_pilots(scenario, runs, crew, monitor),
        }
    }
}

/// One pilot: its latencies in the order of arrival.
#[derive(Debug, Default)]
struct Pilot {
    latencies: Vec<u64>,
    arrivals: Vec<Instant>,
}

impl Series for Pilot {
    fn stay(&mut self, stay: &Stay) {
        self.latencies.push(stay.latency);
        self.arrivals.push(stay.arrival);
    }
}

/// Pilots of about `requests` requests each, and what the first of them measured.
fn fly(
    scenario: &Scenario,
    requests: u64,
    crew: &Crew,
    monitor: &dyn Monitor,
) -> Result<(Vec<Pilot>, Option<Outcome>), Problem> {
    let flown = crew.run(PILOTS, |number| {
        let watch = Relay::until(monitor, requests);
        let series = InOrder::new(Pilot::default());
        let replication = PILOT_REPLICATIONS + number as u64;
        let (measured, probe) = scenario.simulate(replication, Duration::ZERO, series, &watch)?;
        // A stop that is not ours leaves pilots of different lengths, and no cut to be had.
        let stopped = measured.ending.stopped && measured.ending.arrived < requests;
        Ok((!stopped).then(|| (probe.series, scenario.outcome(&measured))))
    })?;
    let (pilots, outcomes): (Vec<Pilot>, Vec<Outcome>) = flown.into_iter().unzip();
    Ok((pilots, outcomes.into_iter().next()))
}

fn decided_by_pilots(
    scenario: &Scenario,
    runs: u32,
    crew: &Crew,
    monitor: &dyn Monitor,
) -> Result<WarmUp, Problem> {
    let (mut pilots, outcome) = fly(scenario, SHORT, crew, monitor)?;
    let Some(outcome) = outcome else { return Ok(WarmUp::fixed(Duration::ZERO)) };
    let run = scenario.length();
    let requests_a_run = outcome.throughput.max(1.0) * run.as_secs_f64();
    let requests_a_run = requests_a_run.min(scenario.most_requests() as f64);
    let most = (requests_a_run * f64::from(runs) / 10.0).min(requests_a_run).min(LONG as f64);
    let settling = settling_time(scenario, &outcome);
    let relaxed = settling.map_or(0.0, |time| 4.0 * time * outcome.throughput);
    let mut wanted = (relaxed as u64).clamp(SHORT, LONG).min(most as u64).max(SHORT);
    if wanted > SHORT {
        pilots = fly(scenario, wanted, crew, monitor)?.0;
    }
    let mut cut = truncation(&pilots);
    while cut.is_some_and(|cut| cut.too_short) && 2.0 * wanted as f64 <= most {
        wanted *= 2;
        pilots = fly(scenario, wanted, crew, monitor)?.0;
        cut = truncation(&pilots);
    }
    let found = cut.map_or(Duration::ZERO, |cut| instant_of(&pilots, cut.observations));
    let floor = Duration::from_secs_f64(settling.unwrap_or(0.0));
    let span = found.max(floor);
    // Half a run that is too short is better than none of it, if that is said.
    let half = Duration(run.0 / 2);
    if span <= half {
        return Ok(WarmUp::fixed(span));
    }
    let long = if span == floor { "five relaxation times" } else { "the warm-up that MSER-5 finds" };
    let advice = format!(
        "the run is too short for its warm-up: {long} would be {:.0} s, half of the run is left out \
         instead; lengthen it with `--duration`",
        span.as_secs_f64()
    );
    Ok(WarmUp { span: half, advice: vec![advice] })
}

/// Where MSER-5 cuts the averaged pilots: the later of the cut for the latency and for the share
/// of the longest tenth.
fn truncation(pilots: &[Pilot]) -> Option<Truncation> {
    let mut all = Histogram::new();
    pilots.iter().flat_map(|pilot| &pilot.latencies).for_each(|&nanos| all.record(nanos));
    let long = all.quantile(0.9)?;
    let series = |value: &dyn Fn(u64) -> f64| -> Option<Truncation> {
        let of = |pilot: &Pilot| pilot.latencies.iter().map(|&nanos| value(nanos)).collect();
        mser5_of_average(&pilots.iter().map(of).collect::<Vec<Vec<f64>>>())
    };
    let mean = series(&|nanos| nanos as f64)?;
    let tail = series(&|nanos| f64::from(u8::from(nanos > long)))?;
    Some(Truncation {
        too_short: mean.too_short || tail.too_short,
        ..if tail.observations > mean.observations { tail } else { mean }
    })
}

/// When the request of this number arrives, on average over the pilots.
fn instant_of(pilots: &[Pilot], number: usize) -> Duration {
    let arrivals: Vec<u64> =
        pilots.iter().filter_map(|pilot| Some(pilot.arrivals.get(number)?.0)).collect();
    let sum: u128 = arrivals.iter().map(|&at| u128::from(at)).sum();
    Duration((sum / arrivals.len().max(1) as u128) as u64)
}

/// Five relaxation times of the queue in seconds, 5/(cμ(1 − √ρ)²) + 5/μ, where c slots share a queue;
/// `None` without a steady state.
fn settling_time(scenario: &Scenario, outcome: &Outcome) -> Option<f64> {
    let service = outcome.service_s.mean?;
    // A pilot that starts empty is less busy than its steady state; what arrives tells.
    let slots: f64 = scenario.pool.values().map(|p| f64::from(p.servers) * f64::from(p.slots)).sum();
    let load = outcome.requests.arrived as f64 / outcome.duration_s * service / slots;
    let together = match scenario.balancer.queue() {
        QueuePlace::Shared => slots,
        QueuePlace::PerServer => {
            scenario.pool.values().map(|pool| f64::from(pool.slots)).fold(f64::INFINITY, f64::min)
        }
    };
    let gap = (1.0 - load.sqrt()).powi(2);
    (load < 1.0).then_some(5.0 * service * (1.0 / (together * gap) + 1.0))
}
