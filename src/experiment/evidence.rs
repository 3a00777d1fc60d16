//! What the runs of one variant are evidence of: one number with its interval and its status.

use super::campaign::{Durations, Part};
use super::course::inflation;
use crate::outcome::{Breakdown, Estimate, Kind, Method, Status};
use crate::stats::batches::is_unstable;
use crate::stats::binomial::wilson;
use crate::stats::interval::mean_of_replications;
use crate::stats::moments::supports;
use crate::stats::quantile::by_inversion;
use crate::stats::series::{mean, variance};
use crate::stats::special::t_quantile;
use crate::stats::{NANOS_PER_SECOND, Tally, quantile_rank};

/// Which durations of a part are meant.
pub(super) type Of = fn(&Part) -> &Durations;

/// The parts of one variant, and what they are worth.
#[derive(Clone, Debug)]
pub(super) struct Evidence<'a> {
    pub(super) parts: Vec<&'a Part>,
    pub(super) method: Method,
    pub(super) confidence: f64,
    /// How far the length of a steady state's runs lets their numbers be trusted.
    length: Status,
    /// How many requests are worth one independent one, where there is a steady state.
    pub(super) inflation: Option<f64>,
    /// Whether what should be a steady state grows without end.
    pub(super) unstable: bool,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(parts: Vec<&'a Part>, method: Method, confidence: f64) -> Self {
        let steady = parts.first().is_some_and(|part| part.outcome.kind == Kind::SteadyState);
        let (length, inflation, unstable) = (Status::Ok, None, false);
        let mut evidence = Self { parts, method, confidence, length, inflation, unstable };
        if steady {
            evidence.weigh();
        }
        evidence
    }

    /// The same evidence at another confidence.
    pub(super) fn at(&self, confidence: f64) -> Self {
        Self { confidence, ..self.clone() }
    }

    /// Judges a steady state by its variance inflation: `Ok` from 500 times as many requests on,
    /// nothing below 20 times.
    fn weigh(&mut self) {
        let all = self.pooled(|part| &part.latency);
        let marginal = all.moments.variance().unwrap_or(0.0) * NANOS_PER_SECOND.powi(2);
        let each = all.count() as f64 / self.parts.len() as f64;
        let inflation = inflation(self.parts.iter().map(|part| &*part.stretches), marginal);
        self.length = match all.count() as f64 / inflation {
            worth if worth >= 500.0 => Status::Ok,
            worth if worth >= 20.0 => Status::LowPrecision,
            _ => Status::Insufficient,
        };
        self.inflation = Some(inflation);
        let drifts: Vec<_> = self.parts.iter().filter_map(|part| part.drift).collect();
        let overloaded = mean(&self.each(|part| part.load)) >= 1.0;
        // Where a server is never idle a rise needs no long runs to be believed.
        let full = |part: &&Part| {
            let servers = part.outcome.pools.iter().flat_map(|pool| &pool.servers);
            servers.map(|server| server.utilization).fold(0.0, f64::max) >= 0.9995
        };
        let believed = each >= 200.0 * inflation || self.parts.iter().all(full);
        self.unstable = overloaded || (believed && is_unstable(&drifts));
    }

    /// The bills of all parts, averaged.
    pub(super) fn bills(&self) -> Option<Breakdown> {
        Breakdown::mean(self.parts.iter().filter_map(|part| part.outcome.cost.breakdown.as_ref()))
    }

    /// The parts that counts are told of: all, or the recorded trace, which the estimates are of.
    pub(super) fn counted(&self) -> &[&'a Part] {
        match self.method {
            Method::Resamples => &self.parts[..1],
            _ => &self.parts,
        }
    }

    /// One number of each part.
    pub(super) fn each(&self, value: impl Fn(&Part) -> f64) -> Vec<f64> {
        self.parts.iter().map(|part| value(part)).collect()
    }

    /// The durations of all parts together.
    pub(super) fn pooled(&self, of: Of) -> Tally {
        let mut all = Tally::new();
        self.parts.iter().for_each(|part| all.merge(&of(part).all));
        all
    }

    /// A number that every run has, averaged over runs.
    pub(super) fn number(&self, value: impl Fn(&Part) -> f64) -> Estimate {
        self.ratio(value, |_| 1.0)
    }

    /// A number of runs that is never below 0, averaged with weights: Σ value·weight / Σ weight,
    /// with the interval of its linearisation.
    pub(super) fn ratio(
        &self,
        value: impl Fn(&Part) -> f64,
        weight: impl Fn(&Part) -> f64,
    ) -> Estimate {
        let (values, weights) = (self.each(value), self.each(weight));
        let total: f64 = weights.iter().sum();
        if total <= 0.0 {
            return Estimate::INSUFFICIENT;
        }
        if values.len() > 1 && values.iter().all(|&x| x == values[0]) {
            // What does not vary has no width, whatever the rounding of a sum says.
            return Estimate::symmetric(values[0], 0.0, Status::Ok);
        }
        if self.method == Method::Resamples {
            return spread_around(values[0], &values[1..], self.confidence);
        }
        let centre = values.iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>() / total;
        let each = total / weights.len() as f64;
        let linear = values.iter().zip(&weights).map(|(x, w)| centre + w / each * (x - centre));
        mean_of_replications(&linear.collect::<Vec<f64>>(), self.confidence)
            .within(0.0, f64::INFINITY)
    }

    /// The part of its slot time that a fleet, a pool or a server is busy.
    pub(super) fn utilization(
        &self,
        value: impl Fn(&Part) -> f64,
        weight: impl Fn(&Part) -> f64,
    ) -> Estimate {
        self.ratio(value, weight).within(0.0, 1.0)
    }

    /// A number that every run must have, or there is no estimate; runs of weight 0 need none.
    pub(super) fn optional(
        &self,
        value: impl Fn(&Part) -> Option<f64>,
        weight: impl Fn(&Part) -> f64,
    ) -> Estimate {
        let lacking = |part: &&&Part| weight(part) > 0.0 && value(part).is_none();
        if self.parts.iter().any(|part| lacking(&part)) {
            return Estimate::INSUFFICIENT;
        }
        self.ratio(|part| value(part).unwrap_or(0.0), weight)
    }

    /// A share of `weight` requests; where none was seen it may still be as large as Wilson's
    /// bound.
    pub(super) fn share(
        &self,
        value: impl Fn(&Part) -> Option<f64>,
        weight: impl Fn(&Part) -> f64,
    ) -> Estimate {
        let total: f64 = self.each(&weight).iter().sum();
        let found = self.optional(value, weight);
        let Some(share) = found.estimate else { return found };
        if share > 0.0 && share < 1.0 {
            return found.within(0.0, 1.0);
        }
        let trials = (total / self.inflation.unwrap_or(1.0)) as u64;
        let seen = if share > 0.0 { trials } else { 0 };
        let (low, high) = wilson(seen, trials, self.confidence);
        Estimate::between(share, low, high, found.status)
    }

    /// The mean of durations over requests, not over runs: a run with more of them counts for more.
    pub(super) fn mean(&self, of: Of) -> Estimate {
        let mean = |part: &Part| of(part).all.moments.mean();
        self.marked(self.optional(mean, |part| of(part).all.count() as f64))
    }

    /// The standard deviation of durations: Student's interval around that of all of them.
    pub(super) fn deviation(&self, of: Of) -> Estimate {
        let each = self.each(|part| of(part).all.moments.sd().unwrap_or(0.0));
        if self.method == Method::Resamples {
            return spread_around(each[0], &each[1..], self.confidence);
        }
        let Some(centre) = self.pooled(of).moments.sd() else { return Estimate::INSUFFICIENT };
        let around = mean_of_replications(&each, self.confidence);
        let reach =
            around.half_width().map_or(f64::NAN, |half| half + (centre - mean(&each)).abs());
        let found = Estimate::symmetric(centre, reach, around.status);
        self.marked(found.within(0.0, f64::INFINITY))
    }

    /// A quantile of durations in seconds: that of all of them, with an interval by inversion.
    pub(super) fn quantile(&self, of: Of, p: f64) -> Estimate {
        if self.method == Method::Resamples {
            return self.resampled_quantile(of, p);
        }
        let pooled = self.pooled(of);
        let parts: Vec<&Tally> = self.parts.iter().map(|part| &of(part).all).collect();
        let excursions =
            |nanos: u64| self.parts.iter().map(|part| of(part).peaks.count_above(nanos)).sum();
        // Below the median the excursions above it say nothing; the count rules alone apply.
        let excursions: Option<&dyn Fn(u64) -> u64> =
            if self.inflation.is_some() && p > 0.5 { Some(&excursions) } else { None };
        let found = by_inversion(&pooled.histogram, &parts, p, self.confidence, excursions);
        if self.unstable { found.unstable() } else { found }
    }

    fn resampled_quantile(&self, of: Of, p: f64) -> Estimate {
        let each = self.parts.iter().map(|part| quantile_of(&of(part).all, p));
        let Some(values) = each.collect::<Option<Vec<f64>>>() else {
            return Estimate::INSUFFICIENT;
        };
        let found = spread_around(values[0], &values[1..], self.confidence);
        // The tail of the trace itself is all that its blocks can bring.
        let tail = of(self.parts[0]).all.count() as f64 * p.min(1.0 - p);
        let status = if tail < 100.0 { Status::LowPrecision } else { Status::Ok };
        match found.status.max(status) {
            Status::Insufficient => Estimate::INSUFFICIENT,
            status => Estimate { status, ..found },
        }
    }

    /// Marks a number that needs a steady state for what the runs are worth.
    pub(super) fn marked(&self, estimate: Estimate) -> Estimate {
        let marked = match estimate.status.max(self.length) {
            Status::Insufficient => Estimate::INSUFFICIENT,
            status => Estimate { status, ..estimate },
        };
        if self.unstable { marked.unstable() } else { marked }
    }
}

/// The quantile of one run in seconds, where the run supports it.
pub(super) fn quantile_of(tally: &Tally, p: f64) -> Option<f64> {
    let nanos = tally.histogram.quantile(p).filter(|_| supports(tally.count(), p))?;
    Some(nanos as f64 / NANOS_PER_SECOND)
}

/// An interval around the value on the recorded trace from its values on resamples: as they spread,
/// so does the recorded one around what such traffic would give.
///
/// Percentiles from 100 resamples on; before that Student's interval of their spread, on a
/// logarithmic scale where all are positive, for latencies under bursts lean that way.
pub(super) fn spread_around(centre: f64, resamples: &[f64], confidence: f64) -> Estimate {
    let count = resamples.len();
    let status = match count {
        0 | 1 => return Estimate::INSUFFICIENT,
        2..=8 => Status::LowPrecision,
        _ => Status::Ok,
    };
    if count >= 100 {
        let mut sorted = resamples.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |p: f64| sorted[quantile_rank(count as u64, p) as usize - 1];
        let tail = 0.5 * (1.0 - confidence);
        let (low, high) = (at(tail).min(centre), at(1.0 - tail).max(centre));
        return Estimate::between(centre, low, high, status);
    }
    let t = t_quantile(0.5 * (1.0 + confidence), count as f64 - 1.0);
    if centre > 0.0 && resamples.iter().all(|&x| x > 0.0) {
        let logarithms: Vec<f64> = resamples.iter().map(|x| x.ln()).collect();
        let factor = (t * variance(&logarithms).sqrt()).exp();
        return Estimate::between(centre, centre / factor, centre * factor, status);
    }
    let found = Estimate::symmetric(centre, t * variance(resamples).sqrt(), status);
    // What is never below 0 on a resample is not below 0 elsewhere.
    let floor = if resamples.iter().any(|&x| x < 0.0) { f64::NEG_INFINITY } else { 0.0 };
    found.within(floor, f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resamples_spread_as_the_recorded_value_does() {
        let around = spread_around(2.0, &[1.0, 2.0, 4.0], 0.95);
        let factor = (4.302_652_729_911_275 * 2.0_f64.ln()).exp();
        assert!((around.high.unwrap() / 2.0 / factor - 1.0).abs() < 1e-9);
        assert!((around.low.unwrap() * factor / 2.0 - 1.0).abs() < 1e-9);
        let with_zero = spread_around(0.0, &[0.0, 1.0, -1.0], 0.95);
        assert!((with_zero.half_width().unwrap() - 4.302_652_729_911_275).abs() < 1e-9);
        assert_eq!(spread_around(1.0, &[1.0], 0.95), Estimate::INSUFFICIENT);
        let many: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(
            spread_around(100.0, &many, 0.95),
            Estimate::between(100.0, 5.0, 195.0, Status::Ok)
        );
    }
}
