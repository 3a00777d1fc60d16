//! What the runs of one fleet are evidence of, in twenty groups whatever their number.
//!
//! Where service times are drawn from a law that nothing looks at before they are served, a wait
//! and the service after it are independent, and the share of latencies above T is the mean of
//! P(service > T − wait) over the waits that were seen (conditional Monte Carlo: Asmussen & Glynn
//! 2007, V.4). So only the queue is noise, and fleets of hundreds of servers are told apart that
//! differ by a few waits in a thousand.

use crate::experiment::judge::{self, Estimates, on_log_odds};
use crate::law::Law;
use crate::outcome::{Estimate, Outcome, Status};
use crate::scenario::{Measure, Measured};
use crate::stats::binomial::wilson;
use crate::stats::interval::{mean_of_replications, ratio};
use crate::stats::quantile::of_replications;
use crate::stats::series::variance;
use crate::stats::{NANOS_PER_SECOND, Tally};

/// Groups that runs are dealt to: their number, and with it Student's law, stays as runs are added.
pub(super) const GROUPS: usize = 20;

/// Runs added up.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    runs: f64,
    arrived: f64,
    lost: f64,
    latency: Tally,
    wait: Tally,
    service: Tally,
    time_s: f64,
    /// Utilization and cost an hour, each times the time it lasted.
    utilization: f64,
    cost: f64,
    /// The largest latency of each run, added up.
    longest: f64,
    /// Server-hours of each run, and the time average of servers times its time, added up.
    hours: f64,
    servers: f64,
    most: u32,
}

impl Group {
    /// One run.
    pub(super) fn of(outcome: &Outcome, measured: &Measured) -> Self {
        let meter = &measured.meter;
        let time = outcome.duration_s;
        Self {
            runs: 1.0,
            arrived: outcome.requests.arrived as f64,
            lost: outcome.requests.arrived as f64 * outcome.error_rate.unwrap_or(0.0),
            latency: meter.latency.clone(),
            wait: meter.wait.clone(),
            service: meter.service.clone(),
            time_s: time,
            utilization: outcome.utilization * time,
            cost: outcome.cost.per_hour * time,
            longest: outcome.latency_s.max.unwrap_or(0.0),
            hours: outcome.servers.hours,
            servers: outcome.servers.mean * time,
            most: outcome.servers.max,
        }
    }

    fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.arrived += other.arrived;
        self.lost += other.lost;
        self.latency.merge(&other.latency);
        self.wait.merge(&other.wait);
        self.service.merge(&other.service);
        self.time_s += other.time_s;
        self.utilization += other.utilization;
        self.cost += other.cost;
        self.longest += other.longest;
        self.hours += other.hours;
        self.servers += other.servers;
        self.most = self.most.max(other.most);
    }
}

/// A law of service that is independent of the wait before it, and the speed it is served at.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) law: Box<dyn Law>,
    pub(super) speed: f64,
}

impl Known {
    /// P(service > t), t in seconds.
    pub(super) fn tail(&self, t: f64) -> f64 {
        if t < 0.0 { 1.0 } else { 1.0 - self.law.cdf(t * self.speed) }
    }

    fn mean(&self) -> f64 {
        self.law.mean() / self.speed
    }
}

/// All runs of one fleet so far.
#[derive(Debug)]
pub(super) struct Sample<'a> {
    pub(super) known: Option<&'a Known>,
    groups: Vec<Group>,
    all: Group,
    pub(super) runs: usize,
    /// The confidence of each interval.
    pub(super) confidence: f64,
}

impl<'a> Sample<'a> {
    pub(super) fn new(known: Option<&'a Known>) -> Self {
        let (groups, all) = (vec![Group::default(); GROUPS], Group::default());
        Self { known, groups, all, runs: 0, confidence: 0.95 }
    }

    /// Adds the next run.
    pub(super) fn add(&mut self, run: &Group) {
        self.groups[self.runs % GROUPS].add(run);
        self.all.add(run);
        self.runs += 1;
    }

    /// Requests that were measured.
    pub(super) fn requests(&self) -> u64 {
        self.all.arrived as u64
    }

    /// Whether all runs gave the same: nothing is random.
    pub(super) fn is_exact(&self) -> bool {
        let used = self.used();
        used.len() > 1 && used.iter().all(|group| group.latency == used[0].latency)
    }

    /// The time average of servers, the most at one time, and the server-hours of a run.
    pub(super) fn servers(&self) -> (f64, u32, f64) {
        let Group { servers, time_s, most, hours, runs, .. } = &self.all;
        (servers / time_s.max(f64::MIN_POSITIVE), *most, hours / runs.max(1.0))
    }

    /// Money an hour.
    pub(super) fn cost_per_hour(&self) -> f64 {
        self.all.cost / self.all.time_s.max(f64::MIN_POSITIVE)
    }

    /// What remains of a measure on a fleet where nobody waits: the service itself.
    pub(super) fn floor(&self, measure: Measure, limit: f64) -> f64 {
        match (measure, self.known) {
            (Measure::Percentile(_), Some(known)) => known.tail(limit),
            (Measure::Percentile(_), None) => self.all.service.fraction_above(nanos(limit)),
            (Measure::Mean, Some(known)) => known.mean(),
            (Measure::Mean, None) => self.all.service.moments.mean().unwrap_or(0.0),
            _ => 0.0,
        }
    }

    fn used(&self) -> &[Group] {
        &self.groups[..self.runs.min(GROUPS)]
    }

    fn ratio(&self, part: impl Fn(&Group) -> f64, whole: impl Fn(&Group) -> f64) -> Estimate {
        let used = self.used();
        let of = |value: &dyn Fn(&Group) -> f64| used.iter().map(value).collect::<Vec<f64>>();
        let (parts, wholes) = (of(&part), of(&whole));
        if used.len() > 1 && self.is_exact() {
            let total: f64 = wholes.iter().sum();
            let share = parts.iter().sum::<f64>() / total.max(f64::MIN_POSITIVE);
            return Estimate::symmetric(share, 0.0, Status::Ok);
        }
        // The groups are independent by design; a test of it would only lose some by chance.
        let found = ratio(&parts, &wholes, self.confidence);
        // Shares and means of what cannot be negative.
        Estimate { status: found.status.min(Status::Ok), ..found }.within(0.0, f64::INFINITY)
    }

    /// Independent requests that all are worth, for the mean latency.
    fn worth(&self) -> f64 {
        let used = self.used();
        let of = |group: &Group| group.latency.moments.mean().unwrap_or(0.0);
        let means: Vec<f64> = used.iter().map(of).collect();
        let marginal = self.all.latency.moments.variance().unwrap_or(0.0);
        let each = self.all.latency.count() as f64 / used.len().max(1) as f64;
        let spread = if means.len() > 1 { variance(&means) } else { 0.0 };
        let inflation = if marginal > 0.0 { (each * spread / marginal).max(1.0) } else { 1.0 };
        self.all.latency.count() as f64 / inflation
    }

    /// How many latencies of a group lie above `t` seconds, on average over their services.
    fn above(&self, group: &Group, t: f64, of: judge::Duration) -> f64 {
        match (of, self.known) {
            (judge::Duration::Wait, _) => group.wait.histogram.count_above(nanos(t)) as f64,
            (judge::Duration::Latency, None) => {
                group.latency.histogram.count_above(nanos(t)) as f64
            }
            (judge::Duration::Latency, Some(known)) => {
                let of_wait = |wait: u64| known.tail(t - wait as f64 / NANOS_PER_SECOND);
                let buckets = group.wait.histogram.buckets();
                buckets.map(|one| one.count as f64 * of_wait(one.midpoint())).sum()
            }
        }
    }

    fn share_above(&self, t: f64, of: judge::Duration) -> Estimate {
        let found =
            self.ratio(|group| self.above(group, t, of), |group| group.latency.count() as f64);
        let (Some(share), Some(half)) = (found.estimate, found.half_width()) else { return found };
        if half == 0.0 && !self.is_exact() {
            // None was seen that waits make late; there may still be as many as Wilson's bound.
            let (_, unseen) = wilson(0, self.worth() as u64, self.confidence);
            return Estimate::between(share, share, share + unseen, found.status);
        }
        on_log_odds(found)
    }

    /// The quantile of latencies with its interval: where the share above it is 1 − p, more or less
    /// its own error there.
    fn quantile(&self, p: f64) -> Estimate {
        let used = self.used();
        if self.known.is_none() {
            let tallies: Vec<&Tally> = used.iter().map(|group| &group.latency).collect();
            return of_replications(&tallies, p, self.confidence);
        }
        let Some(guess) = self.all.latency.histogram.quantile(p) else {
            return Estimate::INSUFFICIENT;
        };
        let top = self.all.latency.histogram.max().unwrap_or(guess) as f64 / NANOS_PER_SECOND;
        let count = self.all.latency.count() as f64;
        let share = |t: f64| self.above(&self.all, t, judge::Duration::Latency) / count;
        let at = |target: f64| falling(share, target, 2.0 * top);
        let centre = at(1.0 - p);
        let found = self.share_above(centre, judge::Duration::Latency);
        let (Some(low), Some(high)) = (found.low, found.high) else { return found };
        Estimate::between(centre, at(high), at(low), Status::Ok)
    }
}

/// Where a falling function reaches a value, between 0 and `top`, to a part in ten million.
fn falling(share: impl Fn(f64) -> f64, target: f64, top: f64) -> f64 {
    let (mut low, mut high) = (0.0, top);
    while high - low > 1e-7 * top {
        let middle = f64::midpoint(low, high);
        if share(middle) > target {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

fn nanos(seconds: f64) -> u64 {
    (seconds * NANOS_PER_SECOND).round() as u64
}

impl Estimates for Sample<'_> {
    fn of(&self, measure: Measure) -> Estimate {
        let count = |group: &Group| group.latency.count() as f64;
        let seconds = |tally: &Tally| tally.moments.sum() as f64 / NANOS_PER_SECOND;
        match measure {
            Measure::Percentile(p) => self.quantile(p),
            Measure::WaitPercentile(p) => {
                let tallies: Vec<&Tally> = self.used().iter().map(|group| &group.wait).collect();
                of_replications(&tallies, p, self.confidence)
            }
            Measure::Mean => match self.known {
                Some(known) => {
                    let late = |group: &Group| seconds(&group.wait) + count(group) * known.mean();
                    self.ratio(late, count)
                }
                None => self.ratio(|group| seconds(&group.latency), count),
            },
            Measure::WaitMean => self.ratio(|group| seconds(&group.wait), count),
            Measure::Max => {
                let each = |group: &Group| group.longest / group.runs;
                mean_of_replications(
                    &self.used().iter().map(each).collect::<Vec<f64>>(),
                    self.confidence,
                )
            }
            Measure::Errors => {
                let found = self.ratio(|group| group.lost, |group| group.arrived);
                if self.all.lost > 0.0 {
                    return found;
                }
                let (low, high) = wilson(0, self.all.arrived as u64, self.confidence);
                Estimate::between(0.0, low, high, Status::Ok)
            }
            Measure::Utilization => self.ratio(|group| group.utilization, |group| group.time_s),
            Measure::CostPerHour => self.ratio(|group| group.cost, |group| group.time_s),
        }
    }

    fn beyond(&self, duration: judge::Duration, nanos: u64) -> Estimate {
        self.share_above(nanos as f64 / NANOS_PER_SECOND, duration)
    }

    fn is_empty(&self) -> bool {
        self.all.arrived == 0.0
    }
}
