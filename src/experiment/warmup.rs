//! When a steady state has begun: several short pilots decide for all runs, never a run for itself.
//!
//! MSER-5 (White 1997, Spratt 1998) on the average of pilots, once for the latency and once for
//! whether it is among the longest tenth (a tail may settle later than the mean), and never less
//! than five relaxation times of the queue. On the single run it is to correct MSER-5 *raises* the
//! bias: it prefers a quiet remainder (Wang & Glynn 2016).

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

/// Pilots of about `requests` requests each, and what each of them measured.
fn fly(
    scenario: &Scenario,
    requests: u64,
    crew: &Crew,
    monitor: &dyn Monitor,
) -> Result<(Vec<Pilot>, Vec<Outcome>), Problem> {
    let flown = crew.run(PILOTS, |number| {
        let watch = Relay::until(monitor, requests);
        let series = InOrder::new(Pilot::default());
        let replication = PILOT_REPLICATIONS + number as u64;
        let (measured, probe) = scenario.simulate(replication, Duration::ZERO, series, &watch)?;
        // A stop that is not ours leaves pilots of different lengths, and no cut to be had.
        let stopped = measured.ending.stopped && measured.ending.arrived < requests;
        Ok((!stopped).then(|| (probe.series, scenario.outcome(&measured))))
    })?;
    Ok(flown.into_iter().unzip())
}

fn decided_by_pilots(
    scenario: &Scenario,
    runs: u32,
    crew: &Crew,
    monitor: &dyn Monitor,
) -> Result<WarmUp, Problem> {
    let (mut pilots, outcomes) = fly(scenario, SHORT, crew, monitor)?;
    let Some(pace) = Pace::of(&outcomes) else {
        return Ok(WarmUp::fixed(Duration::ZERO));
    };
    let most = pace.most_of_a_pilot(scenario, runs);
    let settling = pace.settling_s(scenario);
    let relaxed = 4.0 * settling.unwrap_or(0.0) * pace.rate;
    let mut wanted = (relaxed as u64).min(most).max(SHORT);
    if wanted > SHORT {
        pilots = fly(scenario, wanted, crew, monitor)?.0;
    }
    let mut cut = truncation(&pilots);
    while cut.is_some_and(|cut| cut.too_short) && 2 * wanted <= most {
        wanted *= 2;
        pilots = fly(scenario, wanted, crew, monitor)?.0;
        cut = truncation(&pilots);
    }
    let found = cut.map_or(Duration::ZERO, |cut| instant_of(&pilots, cut.observations));
    let settling = Duration::from_secs_f64(settling.unwrap_or(0.0));
    Ok(within_the_run(found, settling, pace.length(scenario)))
}

/// The longer of the two warm-ups, but no more than half of a run.
fn within_the_run(found: Duration, settling: Duration, run: Duration) -> WarmUp {
    let (span, half) = (found.max(settling), Duration(run.0 / 2));
    if span <= half {
        return WarmUp::fixed(span);
    }
    let long = if span == settling { "five relaxation times" } else { "what MSER-5 would cut" };
    let advice = format!(
        "the run is too short for its warm-up: {long} are {:.0} s, half of the run is left out \
         instead; lengthen it with `--duration`",
        span.as_secs_f64()
    );
    WarmUp { span: half, advice: vec![advice] }
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

/// How fast requests come and how long they are served, from pilots.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Requests a second.
    rate: f64,
    /// Mean seconds of service.
    service: f64,
}

impl Pace {
    fn of(pilots: &[Outcome]) -> Option<Self> {
        let sum = |of: fn(&Outcome) -> f64| pilots.iter().map(of).sum::<f64>();
        let arrived = sum(|pilot| pilot.requests.arrived as f64);
        let served = sum(|pilot| pilot.requests.completed as f64);
        let time = sum(|pilot| pilot.duration_s);
        let work = sum(|p| p.service_s.mean.unwrap_or(0.0) * p.requests.completed as f64);
        (time > 0.0 && served > 0.0).then(|| Self { rate: arrived / time, service: work / served })
    }

    /// How long a run lasts, by its time or by its requests.
    fn length(&self, scenario: &Scenario) -> Duration {
        let requests = Duration::from_secs_f64(scenario.most_requests() as f64 / self.rate);
        scenario.length().min(requests)
    }

    /// A pilot is no longer than a run, and all pilots take at most half of the work of all runs.
    fn most_of_a_pilot(&self, scenario: &Scenario, runs: u32) -> u64 {
        let run = (self.rate * self.length(scenario).as_secs_f64()) as u64;
        (run.saturating_mul(runs.into()) / 2 / PILOTS as u64).min(run).min(LONG)
    }

    /// Five relaxation times of the queue in seconds, 5/(cμ(1 − √ρ)²) + 5/μ, where c slots share a
    /// queue; `None` where work comes faster than it can be done.
    fn settling_s(&self, scenario: &Scenario) -> Option<f64> {
        let pools = || scenario.pool.values();
        let slots: f64 = pools().map(|pool| f64::from(pool.servers) * f64::from(pool.slots)).sum();
        let together = match scenario.balancer.queue() {
            QueuePlace::Shared => slots,
            QueuePlace::PerServer => {
                pools().map(|pool| f64::from(pool.slots)).fold(f64::INFINITY, f64::min)
            }
        };
        let load = self.rate * self.service / slots;
        // A short pilot cannot tell 0.99 from 1; a queue at 1.05 never settles.
        let gap = (1.0 - load.min(0.99).sqrt()).powi(2);
        (load < 1.05).then_some(5.0 * self.service * (1.0 / (together * gap) + 1.0))
    }
}
