//! One long run of a steady state, cut into batches: intervals without a second run.

use super::campaign::levels;
use super::in_order::{InOrder, Series, Stay};
use super::judge::{self, Estimates, judge};
use super::replicate::Replicated;
use super::{Monitor, Relay, WarmUp};
use crate::diagnose::Problem;
use crate::outcome::{
    Cost, Estimate, Estimated, Intervals, Method, Outcome, Pool, Server, Servers, Status, Summary,
};
use crate::scenario::{Measure, Measured, Scenario};
use crate::stats::Batches;
use crate::stats::batches::{drift, is_unstable};
use crate::stats::binomial::wilson;
use crate::stats::interval::ratio;
use crate::time::{Instant, SECOND_NS};

/// Batches are merged in pairs when there are this many.
const FULL: usize = 64;

/// Sums over consecutive requests.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    arrived: u64,
    completed: u64,
    waited: u64,
    /// From the arrival before the first of them to the last of them.
    span_ns: u64,
    in_system_ns: u64,
    queue_ns: u64,
    busy_ns: u64,
}

impl Sums {
    fn plus(&self, other: &Self) -> Self {
        Self {
            arrived: self.arrived + other.arrived,
            completed: self.completed + other.completed,
            waited: self.waited + other.waited,
            span_ns: self.span_ns + other.span_ns,
            in_system_ns: self.in_system_ns + other.in_system_ns,
            queue_ns: self.queue_ns + other.queue_ns,
            busy_ns: self.busy_ns + other.busy_ns,
        }
    }
}

/// A run in batches of requests. Time averages follow from them as well, for the area under the
/// number in system is the sum of all stays (Little 1961; Glynn & Whitt 1989).
#[derive(Debug)]
struct Run {
    from: Instant,
    last: Instant,
    latency: Batches,
    wait: Batches,
    service: Batches,
    size: u64,
    closed: Vec<Sums>,
    open: Sums,
}

impl Series for Run {
    #[inline]
    fn stay(&mut self, stay: &Stay) {
        if stay.arrival < self.from {
            return;
        }
        let sums = &mut self.open;
        sums.arrived += 1;
        sums.span_ns += (stay.arrival - self.last).0;
        sums.in_system_ns += stay.latency;
        sums.queue_ns += stay.wait;
        sums.busy_ns += stay.service;
        self.last = stay.arrival;
        if stay.completed {
            sums.completed += 1;
            sums.waited += u64::from(stay.wait > 0);
            self.latency.record(stay.latency);
            self.wait.record(stay.wait);
            self.service.record(stay.service);
        }
        if sums.arrived == self.size {
            self.close();
        }
    }
}

impl Run {
    fn new(from: Instant) -> Self {
        let [latency, wait, service] = [Batches::new(), Batches::new(), Batches::new()];
        let (closed, open) = (Vec::new(), Sums::default());
        Self { from, last: from, latency, wait, service, size: 16, closed, open }
    }

    #[cold]
    fn close(&mut self) {
        self.closed.push(std::mem::take(&mut self.open));
        if self.closed.len() == FULL {
            self.closed = self.closed.chunks_exact(2).map(|pair| pair[0].plus(&pair[1])).collect();
            self.size *= 2;
        }
    }

    /// The run as `count` batches; what does not fill them is left out at the start.
    fn groups(&self, count: usize) -> Option<Vec<Sums>> {
        let width = self.closed.len() / count;
        let used = &self.closed[self.closed.len() - width * count..];
        let sum = |sums: &[Sums]| sums.iter().fold(Sums::default(), |all, one| all.plus(one));
        (width > 0).then(|| used.chunks_exact(width).map(sum).collect())
    }
}

/// A run that is over, and how sure its numbers are.
struct Judged<'a> {
    run: &'a Run,
    plain: &'a Outcome,
    confidence: f64,
    length: Status,
    unstable: bool,
}

impl Judged<'_> {
    /// The run's own number, never below 0, with the interval of Σ part / Σ whole over the most
    /// batches that pass for independent; `scale` takes that ratio to the unit of the number.
    fn share(
        &self,
        number: f64,
        part: impl Fn(&Sums) -> u64,
        whole: impl Fn(&Sums) -> u64,
        scale: f64,
    ) -> Estimate {
        let estimate = |count: usize| -> Option<Estimate> {
            let groups = self.run.groups(count)?;
            let of = |value: &dyn Fn(&Sums) -> u64| -> Vec<f64> {
                groups.iter().map(|sums| value(sums) as f64).collect()
            };
            Some(ratio(&of(&part), &of(&whole), self.confidence))
        };
        let all = [32, 16, 10].into_iter().filter_map(estimate).collect::<Vec<_>>();
        let best = all.iter().find(|found| found.status == Status::Ok).or(all.last());
        let Some(best) = best else { return Estimate::INSUFFICIENT };
        let Some(half) = best.half_width() else { return Estimate::INSUFFICIENT };
        let found = Estimate::symmetric(number, half * scale, best.status);
        self.marked(found.within(0.0, f64::INFINITY))
    }

    /// A share of requests; where none was seen it may still be as large as Wilson's bound.
    fn share_of_requests(
        &self,
        share: Option<f64>,
        part: impl Fn(&Sums) -> u64,
        whole: impl Fn(&Sums) -> u64,
    ) -> Estimate {
        let Some(share) = share else { return Estimate::INSUFFICIENT };
        let found = self.share(share, part, &whole, 1.0);
        if found.estimate.is_none() || (share > 0.0 && share < 1.0) {
            return found.within(0.0, 1.0);
        }
        let inflation = self.run.latency.vif().unwrap_or(1.0).max(1.0);
        let trials = (self.plain.requests.arrived as f64 / inflation) as u64;
        let seen = if share > 0.0 { trials } else { 0 };
        let (low, high) = wilson(seen, trials, self.confidence);
        Estimate::between(share, low, high, found.status)
    }

    fn marked(&self, estimate: Estimate) -> Estimate {
        let marked = match estimate.status.max(self.length) {
            Status::Insufficient => Estimate::INSUFFICIENT,
            status => Estimate { status, ..estimate },
        };
        if self.unstable { marked.unstable() } else { marked }
    }

    fn summary(&self, durations: &Batches, plain: &Summary) -> Summary<Estimate> {
        let quantile = |p| self.steady(durations.quantile(p, self.confidence));
        // The support of a law may reach beyond what a run has seen of it.
        let extreme = |value: Option<f64>, low: f64, high: f64| {
            value.map_or(Estimate::INSUFFICIENT, |value| {
                Estimate::between(value, low.min(value), high.max(value), Status::LowPrecision)
            })
        };
        Summary {
            mean: self.mean(durations),
            sd: plain.sd.map_or(Estimate::INSUFFICIENT, observed),
            min: extreme(plain.min, 0.0, 0.0),
            p50: quantile(0.5),
            p90: quantile(0.9),
            p95: quantile(0.95),
            p99: quantile(0.99),
            p999: quantile(0.999),
            max: extreme(plain.max, f64::INFINITY, f64::INFINITY),
        }
    }

    fn mean(&self, durations: &Batches) -> Estimate {
        self.steady(durations.mean(self.confidence).within(0.0, f64::INFINITY))
    }

    fn steady(&self, estimate: Estimate) -> Estimate {
        if self.unstable { estimate.unstable() } else { estimate }
    }

    /// What a fleet comes to: known where it stays the same, seen once where it is scaled.
    fn paid(&self, number: f64) -> Estimate {
        let servers = &self.plain.servers;
        if servers.min == servers.max { known(number) } else { observed(number) }
    }

    fn durations(&self, duration: judge::Duration) -> &Batches {
        match duration {
            judge::Duration::Latency => &self.run.latency,
            judge::Duration::Wait => &self.run.wait,
        }
    }

    fn error_rate(&self) -> Estimate {
        self.share_of_requests(
            self.plain.error_rate,
            |sums| sums.arrived - sums.completed,
            |sums| sums.arrived,
        )
    }

    fn utilization(&self) -> Estimate {
        let busy = self.run.closed.iter().map(|sums| sums.busy_ns).sum::<u64>() as f64;
        let span = self.run.closed.iter().map(|sums| sums.span_ns).sum::<u64>() as f64;
        // Slots, as the run had them: what takes busy slots to the share of them.
        let scale = if busy > 0.0 { self.plain.utilization / (busy / span) } else { 0.0 };
        let busy = |sums: &Sums| sums.busy_ns;
        self.share(self.plain.utilization, busy, |sums| sums.span_ns, scale).within(0.0, 1.0)
    }
}

impl Estimates for Judged<'_> {
    fn of(&self, measure: Measure) -> Estimate {
        let latency = &self.run.latency;
        match measure {
            Measure::Percentile(p) => self.steady(latency.quantile(p, self.confidence)),
            Measure::WaitPercentile(p) => self.steady(self.run.wait.quantile(p, self.confidence)),
            Measure::Mean => self.mean(latency),
            Measure::WaitMean => self.mean(&self.run.wait),
            Measure::Max => self.summary(latency, &self.plain.latency_s).max,
            Measure::Errors => self.error_rate(),
            Measure::Utilization => self.utilization(),
            Measure::CostPerHour => self.paid(self.plain.cost.per_hour),
        }
    }

    fn beyond(&self, duration: judge::Duration, nanos: u64) -> Estimate {
        self.steady(self.durations(duration).fraction_above(nanos, self.confidence))
    }

    fn is_empty(&self) -> bool {
        self.plain.requests.arrived == 0
    }
}

/// A number that one run knows for sure.
fn known(number: f64) -> Estimate {
    Estimate::symmetric(number, 0.0, Status::Ok)
}

/// A number as it was seen, for which batches give no interval.
fn observed(number: f64) -> Estimate {
    Estimate::between(number, f64::NEG_INFINITY, f64::INFINITY, Status::LowPrecision)
}

/// Simulates one long run and estimates from its batches.
pub(super) fn in_batches(
    scenario: &Scenario,
    warm_up: WarmUp,
    monitor: &dyn Monitor,
) -> Result<Replicated, Problem> {
    monitor.plan(1);
    let watch = Relay::new(monitor);
    let run = InOrder::new(Run::new(Instant::START + warm_up.span));
    let (measured, run) = scenario.simulate(0, warm_up.span, run, &watch)?;
    monitor.done();
    let plain = scenario.outcome(&measured);
    let mut outcome = estimated(scenario, &measured, &run.series, &plain);
    outcome.advice.extend(warm_up.advice.clone());
    Ok(Replicated { outcome: Some(outcome), first: measured, warm_up })
}

fn estimated(scenario: &Scenario, measured: &Measured, run: &Run, plain: &Outcome) -> Estimated {
    let confidence = scenario.run.confidence.0;
    let inflation = run.latency.vif();
    let long_enough = run.latency.count() as f64 >= 200.0 * inflation.unwrap_or(f64::INFINITY);
    let drift = drift(&levels(measured));
    let rising = long_enough && drift.is_some_and(|drift| is_unstable(&[drift]));
    let judged = Judged {
        run,
        plain,
        confidence,
        length: run.latency.mean(confidence).status,
        unstable: rising || super::campaign::load(scenario, plain) >= 1.0,
    };
    let number = |number, part: fn(&Sums) -> u64, scale| {
        judged.share(number, part, |sums| sums.span_ns, scale)
    };
    let mut advice = plain.advice.clone();
    if rising {
        advice.push(super::words::RISING.to_owned());
    }
    Outcome {
        schema: plain.schema.clone(),
        version: plain.version.clone(),
        name: plain.name.clone(),
        seed: plain.seed,
        workload_fingerprint: plain.workload_fingerprint.clone(),
        kind: plain.kind,
        partial: plain.partial,
        scenario: plain.scenario.clone(),
        intervals: Some(Intervals {
            method: Method::Batches,
            parts: run.closed.len() as u32,
            confidence,
            variance_inflation: inflation,
            precision: None,
        }),
        duration_s: plain.duration_s,
        warm_up_s: plain.warm_up_s,
        requests: plain.requests,
        error_rate: judged.error_rate(),
        throughput: number(plain.throughput, |sums| sums.completed, SECOND_NS as f64),
        latency_s: judged.summary(&run.latency, &plain.latency_s),
        wait_s: judged.summary(&run.wait, &plain.wait_s),
        service_s: judged.summary(&run.service, &plain.service_s),
        wait_probability: judged.share_of_requests(
            plain.wait_probability,
            |sums| sums.waited,
            |sums| sums.completed,
        ),
        utilization: judged.utilization(),
        in_system_mean: number(plain.in_system_mean, |sums| sums.in_system_ns, 1.0),
        queue_mean: number(plain.queue_mean, |sums| sums.queue_ns, 1.0),
        servers: Servers {
            mean: judged.paid(plain.servers.mean),
            min: plain.servers.min,
            max: plain.servers.max,
            hours: judged.paid(plain.servers.hours),
        },
        cost: cost(&judged),
        pools: plain.pools.iter().map(pool).collect(),
        autoscaling: plain.autoscaling.clone(),
        resilience: plain.resilience.clone(),
        slo: scenario.goals().map(|goal| judge(goal, &judged)).collect(),
        advice,
    }
}

/// The cost of a fleet that stays is known; that of a request is as sure as their number.
fn cost(judged: &Judged<'_>) -> Cost<Estimate, Estimate> {
    let plain = &judged.plain.cost;
    let throughput = judged.share(
        judged.plain.throughput,
        |sums| sums.completed,
        |sums| sums.span_ns,
        SECOND_NS as f64,
    );
    let each = |price: Option<f64>| match (price, throughput.relative_half_width()) {
        (Some(price), Some(width)) => {
            let found = Estimate::symmetric(price, price * width, throughput.status);
            found.within(0.0, f64::INFINITY)
        }
        _ => Estimate::INSUFFICIENT,
    };
    Cost {
        total: judged.paid(plain.total),
        currency: plain.currency.clone(),
        per_hour: judged.paid(plain.per_hour),
        per_million_requests: each(plain.per_million_requests),
        per_million_tokens: each(plain.per_million_tokens),
        breakdown: plain.breakdown.clone(),
    }
}

fn pool(plain: &Pool) -> Pool<Estimate> {
    let server = |server: &Server| Server {
        id: server.id,
        completed: server.completed,
        utilization: observed(server.utilization),
    };
    Pool {
        name: plain.name.clone(),
        completed: plain.completed,
        utilization: observed(plain.utilization),
        cost: observed(plain.cost),
        servers: plain.servers.iter().map(server).collect(),
    }
}
