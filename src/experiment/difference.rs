//! Two variants on the same requests: the difference of one measure, and what pairing brought.

use super::campaign::Part;
use super::evidence::{Evidence, Of, quantile_of};
use crate::outcome::{Estimate, Method, Status};
use crate::stats::paired::{self, Better, Difference, Verdict};
use crate::stats::series::variance;
use crate::stats::special::{t_quantile, t_two_sided};
use crate::stats::{NANOS_PER_SECOND, Tally};

/// A measure that variants are compared by; the less of it the better.
#[derive(Clone, Copy)]
pub(super) struct Compared {
    /// Its path in an outcome.
    pub(super) path: &'static str,
    /// What to call it in a sentence.
    pub(super) word: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    /// A quantile of durations.
    Quantile(Of, f64),
    /// An average of a number of runs, with weights.
    Average(fn(&Part) -> Option<f64>, fn(&Part) -> f64),
}

impl Compared {
    const fn quantile(path: &'static str, word: &'static str, of: Of, p: f64) -> Self {
        Self { path, word, kind: Kind::Quantile(of, p) }
    }

    const fn average(
        path: &'static str,
        word: &'static str,
        value: fn(&Part) -> Option<f64>,
        weight: fn(&Part) -> f64,
    ) -> Self {
        Self { path, word, kind: Kind::Average(value, weight) }
    }
}

const LATENCIES: Of = |part| &part.latency;
const ARRIVED: fn(&Part) -> f64 = |part| part.outcome.requests.arrived as f64;
const COMPLETED: fn(&Part) -> f64 = |part| part.outcome.requests.completed as f64;
const A_RUN: fn(&Part) -> f64 = |_| 1.0;

/// What variants are compared by.
pub(super) const MEASURES: [Compared; 9] = [
    Compared::average(
        "latency_s.mean",
        "the mean latency",
        |part| part.outcome.latency_s.mean,
        COMPLETED,
    ),
    Compared::quantile("latency_s.p50", "p50", LATENCIES, 0.5),
    Compared::quantile("latency_s.p90", "p90", LATENCIES, 0.9),
    Compared::quantile("latency_s.p95", "p95", LATENCIES, 0.95),
    Compared::quantile("latency_s.p99", "p99", LATENCIES, 0.99),
    Compared::quantile("latency_s.p999", "p99.9", LATENCIES, 0.999),
    Compared::average("error_rate", "the error rate", |part| part.outcome.error_rate, ARRIVED),
    Compared::average("servers.hours", "server-hours", |p| Some(p.outcome.servers.hours), A_RUN),
    Compared::average("cost.total", "the cost", |part| Some(part.outcome.cost.total), A_RUN),
];

/// A difference before it is judged together with the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) difference: Difference,
    /// (a − b) / b.
    pub(super) change: Estimate,
    /// (Var a + Var b) / Var(a − b): 1 for separate requests.
    pub(super) variance_reduction: Option<f64>,
    /// Student's degrees of freedom behind the interval.
    parts: usize,
    confidence: f64,
}

impl Found {
    /// Whether chance has a say in it: a difference that is the same in each run is just so.
    pub(super) fn is_uncertain(&self) -> bool {
        self.difference.estimate.half_width().is_some_and(|half| half > 0.0)
    }

    /// About how many times more requests would tell the variants apart at an error `alpha` for this
    /// difference, if it is what it seems.
    pub(super) fn more_requests(&self, alpha: f64) -> Option<f64> {
        let size = self.difference.estimate.estimate.filter(|size| *size != 0.0)?.abs();
        let half = self.difference.estimate.half_width()?;
        let t = |sure: f64| t_quantile(0.5 * (1.0 + sure), self.parts as f64 - 1.0);
        let reach = half / t(self.confidence) * t(1.0 - alpha);
        Some((reach / size).powi(2).max(1.0))
    }

    /// The verdict from the p-value after correction.
    pub(super) fn verdict(&self, p_value: f64, alpha: f64) -> Verdict {
        self.difference.verdict(p_value, alpha, Better::Lower)
    }
}

/// Each run's number for one variant, and that of all of them.
struct Numbers {
    all: f64,
    each: Vec<f64>,
}

impl Numbers {
    fn of(measure: &Compared, evidence: &Evidence<'_>) -> Option<Self> {
        match (measure.kind, evidence.method) {
            (Kind::Quantile(of, p), Method::Resamples) => {
                let each = evidence.parts.iter().map(|part| quantile_of(of(part), p));
                let each = each.collect::<Option<Vec<f64>>>()?;
                Some(Self { all: each[0], each: each[1..].to_vec() })
            }
            (Kind::Quantile(of, p), _) => {
                let seconds = |tally: &Tally| {
                    tally.histogram.quantile(p).map(|nanos| nanos as f64 / NANOS_PER_SECOND)
                };
                let each = evidence.parts.iter().map(|part| seconds(of(part)));
                Some(Self {
                    all: seconds(&evidence.pooled(of))?,
                    each: each.collect::<Option<_>>()?,
                })
            }
            (Kind::Average(value, weight), method) => {
                let values = evidence.parts.iter().map(|part| value(part));
                let each = values.collect::<Option<Vec<f64>>>()?;
                if method == Method::Resamples {
                    return Some(Self { all: each[0], each: each[1..].to_vec() });
                }
                let weights = evidence.each(weight);
                let total: f64 = weights.iter().sum();
                let all = each.iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>() / total;
                let mean = total / weights.len() as f64;
                let each = each.iter().zip(&weights).map(|(x, w)| all + w / mean * (x - all));
                all.is_finite().then(|| Self { all, each: each.collect() })
            }
        }
    }
}

/// The difference of a measure between two variants; `None` where either does not support it.
pub(super) fn between(measure: &Compared, a: &Evidence<'_>, b: &Evidence<'_>) -> Option<Found> {
    let supported = |evidence: &Evidence<'_>| match measure.kind {
        Kind::Quantile(of, p) => evidence.quantile(of, p).estimate.is_some(),
        Kind::Average(..) => true,
    };
    let (x, y) = (Numbers::of(measure, a)?, Numbers::of(measure, b)?);
    if !supported(a) || !supported(b) || x.each.len() < 2 {
        return None;
    }
    let confidence = a.confidence;
    let difference = match (measure.kind, a.method) {
        (_, Method::Resamples) => over_resamples(&x, &y, confidence),
        (Kind::Quantile(of, p), _) => {
            let tallies = |evidence: &Evidence<'_>| -> Vec<Tally> {
                evidence.parts.iter().map(|part| of(part).clone()).collect()
            };
            let (a, b) = (tallies(a), tallies(b));
            let (a, b): (Vec<&Tally>, Vec<&Tally>) = (a.iter().collect(), b.iter().collect());
            paired::quantile_difference(&a, &b, p, confidence)
        }
        (Kind::Average(..), _) => paired::difference(&x.each, &y.each, confidence),
    };
    let pairs: Vec<f64> = x.each.iter().zip(&y.each).map(|(x, y)| x - y).collect();
    let apart = variance(&x.each) + variance(&y.each);
    let together = variance(&pairs);
    Some(Found {
        difference,
        change: change(&x, &y, a.method, confidence),
        variance_reduction: (together > 0.0).then(|| apart / together),
        parts: x.each.len(),
        confidence,
    })
}

/// The difference on the recorded trace, as sure as differences on resamples are alike.
fn over_resamples(a: &Numbers, b: &Numbers, confidence: f64) -> Difference {
    let pairs: Vec<f64> = a.each.iter().zip(&b.each).map(|(x, y)| x - y).collect();
    let centre = a.all - b.all;
    let df = pairs.len() as f64 - 1.0;
    let error = variance(&pairs).sqrt();
    let half = t_quantile(0.5 * (1.0 + confidence), df) * error;
    let status = if pairs.len() < 9 { Status::LowPrecision } else { Status::Ok };
    Difference {
        estimate: Estimate::symmetric(centre, half, status),
        p_value: if centre == 0.0 { 1.0 } else { t_two_sided(centre / error, df) },
        correlation: crate::stats::series::correlation(&a.each, &b.each),
        method: paired::Method::Paired,
    }
}

/// The relative change with Student's interval on a logarithmic scale, around that of all runs
/// together; none where a number is not positive.
fn change(a: &Numbers, b: &Numbers, method: Method, confidence: f64) -> Estimate {
    let positive = |numbers: &Numbers| numbers.all > 0.0 && numbers.each.iter().all(|&x| x > 0.0);
    if !positive(a) || !positive(b) {
        return Estimate::INSUFFICIENT;
    }
    let centre = (a.all / b.all).ln();
    let ratios: Vec<f64> = a.each.iter().zip(&b.each).map(|(x, y)| (x / y).ln()).collect();
    let count = ratios.len() as f64;
    let error = match method {
        // A resample strays as far from the recorded trace as that does from its kind.
        Method::Resamples => variance(&ratios).sqrt(),
        _ => (ratios.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / (count - 1.0) / count)
            .sqrt(),
    };
    let reach = t_quantile(0.5 * (1.0 + confidence), count - 1.0) * error;
    let status = if ratios.len() < 9 { Status::LowPrecision } else { Status::Ok };
    Estimate::between(centre.exp_m1(), (centre - reach).exp_m1(), (centre + reach).exp_m1(), status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(each: &[f64]) -> Numbers {
        Numbers { all: crate::stats::series::mean(each), each: each.to_vec() }
    }

    #[test]
    fn a_constant_factor_is_a_certain_change() {
        let (b, a) = ([1.0, 2.0, 4.0], [0.5, 1.0, 2.0]);
        let found = change(&numbers(&a), &numbers(&b), Method::Replications, 0.95);
        let expected = Estimate::between(-0.5, -0.5, -0.5, Status::LowPrecision);
        let gap = |x: Option<f64>, y: Option<f64>| (x.unwrap() - y.unwrap()).abs();
        assert!(gap(found.low, expected.low) < 1e-12 && gap(found.high, expected.high) < 1e-12);
        let none = change(&numbers(&[0.0, 1.0]), &numbers(&[1.0, 1.0]), Method::Replications, 0.95);
        assert_eq!(none, Estimate::INSUFFICIENT);
    }

    #[test]
    fn resamples_judge_the_difference_on_the_recorded_trace() {
        let (mut a, b) = (numbers(&[2.0, 3.0, 4.0, 5.0]), numbers(&[1.1, 2.0, 2.9, 4.0]));
        a.all = 9.0;
        let found = over_resamples(&a, &b, 0.95);
        assert_eq!(found.estimate.estimate, Some(9.0 - b.all));
        assert!(found.p_value < 1e-4 && found.correlation > 0.99);
        let nothing = over_resamples(&a, &a, 0.95);
        assert_eq!((nothing.p_value, nothing.estimate.half_width()), (1.0, Some(0.0)));
    }
}
