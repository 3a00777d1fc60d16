//! Two variants on the same requests: the difference of one measure, and what pairing brought.

use super::campaign::Part;
use super::evidence::{Evidence, Of};
use crate::outcome::{Estimate, Method, Status};
use crate::stats::paired::{self, Better, Difference, Verdict};
use crate::stats::series::{correlation, variance};
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

    /// About how many times more requests would tell the variants apart at an error `alpha` for
    /// this difference, if it is what it seems.
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
    /// How far off `all` may be because durations are kept in buckets.
    rounded: f64,
}

impl Numbers {
    /// `None` where the runs do not support the measure.
    fn of(measure: &Compared, evidence: &Evidence<'_>) -> Option<Self> {
        match measure.kind {
            Kind::Quantile(of, p) => Self::of_quantile(of, p, evidence),
            Kind::Average(value, weight) => Self::of_average(value, weight, evidence),
        }
    }

    fn of_quantile(of: Of, p: f64, evidence: &Evidence<'_>) -> Option<Self> {
        evidence.quantile(of, p).estimate?;
        let seconds = |nanos: u64| nanos as f64 / NANOS_PER_SECOND;
        let quantile = |tally: &Tally| tally.histogram.quantile(p).map(seconds);
        let mut each = evidence
            .parts
            .iter()
            .map(|part| quantile(&of(part).all))
            .collect::<Option<Vec<f64>>>()?;
        let recorded = evidence.method == Method::Resamples;
        let whole = if recorded { of(evidence.parts[0]).all.clone() } else { evidence.pooled(of) };
        let (low, high) = whole.histogram.quantile_range(p)?;
        if recorded {
            each.remove(0);
        }
        Some(Self { all: quantile(&whole)?, each, rounded: 0.5 * seconds(high - low) })
    }

    fn of_average(
        value: fn(&Part) -> Option<f64>,
        weight: fn(&Part) -> f64,
        evidence: &Evidence<'_>,
    ) -> Option<Self> {
        let values = evidence.parts.iter().map(|part| value(part));
        let mut each = values.collect::<Option<Vec<f64>>>()?;
        if evidence.method == Method::Resamples {
            return Some(Self { all: each.remove(0), each, rounded: 0.0 });
        }
        let weights = evidence.each(weight);
        let total: f64 = weights.iter().sum();
        let all = each.iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>() / total;
        let mean = total / weights.len() as f64;
        if each.windows(2).any(|pair| pair[0] != pair[1]) {
            // The terms of the average, linearised: their mean is the average itself.
            each.iter_mut().zip(&weights).for_each(|(x, w)| *x = all + w / mean * (*x - all));
        }
        all.is_finite().then_some(Self { all, each, rounded: 0.0 })
    }
}

/// The difference of a measure between two variants; `None` where either does not support it.
pub(super) fn between(measure: &Compared, a: &Evidence<'_>, b: &Evidence<'_>) -> Option<Found> {
    let (x, y) = (Numbers::of(measure, a)?, Numbers::of(measure, b)?);
    if x.each.len() < 2 {
        return None;
    }
    let (method, confidence) = (a.method, a.confidence);
    let difference = match (measure.kind, method) {
        (Kind::Average(..), Method::Replications) => {
            paired::difference(&x.each, &y.each, confidence)
        }
        _ => around_the_whole(&x, &y, method, confidence),
    };
    let pairs: Vec<f64> = x.each.iter().zip(&y.each).map(|(x, y)| x - y).collect();
    let apart = variance(&x.each) + variance(&y.each);
    let together = variance(&pairs);
    Some(Found {
        difference,
        change: change(&x, &y, method, confidence),
        variance_reduction: (together > 0.0).then(|| apart / together),
        parts: x.each.len(),
        confidence,
    })
}

/// The standard error of the difference of the wholes, `centre`, from the differences of the runs.
///
/// Replications tell it by sectioning. A resample strays as far from the recorded trace as that
/// does from its kind, so its spread is not divided by the number of resamples.
fn error(pairs: &[f64], centre: f64, method: Method) -> f64 {
    let count = pairs.len() as f64;
    match method {
        Method::Resamples => variance(pairs).sqrt(),
        _ => {
            (pairs.iter().map(|d| (d - centre).powi(2)).sum::<f64>() / (count - 1.0) / count).sqrt()
        }
    }
}

fn status_of(parts: usize) -> Status {
    if parts < 9 { Status::LowPrecision } else { Status::Ok }
}

/// The difference of the wholes, with the error of their runs and of the buckets.
fn around_the_whole(a: &Numbers, b: &Numbers, method: Method, confidence: f64) -> Difference {
    let pairs: Vec<f64> = a.each.iter().zip(&b.each).map(|(x, y)| x - y).collect();
    let (centre, df) = (a.all - b.all, pairs.len() as f64 - 1.0);
    let error = error(&pairs, centre, method);
    // Variants with the same results are the same to the bucket.
    let rounded = if centre == 0.0 && error == 0.0 { 0.0 } else { a.rounded + b.rounded };
    let half = t_quantile(0.5 * (1.0 + confidence), df) * error + rounded;
    let sure = centre.abs() - rounded;
    Difference {
        estimate: Estimate::symmetric(centre, half, status_of(pairs.len())),
        p_value: if sure <= 0.0 { 1.0 } else { t_two_sided(sure / error, df) },
        correlation: correlation(&a.each, &b.each),
        method: match method {
            Method::Resamples => paired::Method::Paired,
            _ => paired::Method::Sectioning,
        },
    }
}

/// The relative change with Student's interval on a logarithmic scale; none where a number is not
/// positive.
fn change(a: &Numbers, b: &Numbers, method: Method, confidence: f64) -> Estimate {
    let positive = |numbers: &Numbers| numbers.all > 0.0 && numbers.each.iter().all(|&x| x > 0.0);
    if !positive(a) || !positive(b) {
        return Estimate::INSUFFICIENT;
    }
    let centre = (a.all / b.all).ln();
    let ratios: Vec<f64> = a.each.iter().zip(&b.each).map(|(x, y)| (x / y).ln()).collect();
    let error = error(&ratios, centre, method);
    let rounded =
        if centre == 0.0 && error == 0.0 { 0.0 } else { a.rounded / a.all + b.rounded / b.all };
    let reach = t_quantile(0.5 * (1.0 + confidence), ratios.len() as f64 - 1.0) * error + rounded;
    let (low, high) = ((centre - reach).exp_m1(), (centre + reach).exp_m1());
    Estimate::between(centre.exp_m1(), low, high, status_of(ratios.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(each: &[f64]) -> Numbers {
        Numbers { all: crate::stats::series::mean(each), each: each.to_vec(), rounded: 0.0 }
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
    fn a_difference_within_the_buckets_is_no_difference() {
        let (mut a, b) = (numbers(&[1.001, 1.001, 1.001]), numbers(&[1.0, 1.0, 1.0]));
        let found = |a: &Numbers| around_the_whole(a, &b, Method::Replications, 0.95).p_value;
        assert!(found(&a) < 1e-9);
        a.rounded = 0.002;
        assert_eq!(found(&a), 1.0);
    }

    #[test]
    fn resamples_judge_the_difference_on_the_recorded_trace() {
        let (mut a, b) = (numbers(&[2.0, 3.0, 4.0, 5.0]), numbers(&[1.1, 2.0, 2.9, 4.0]));
        a.all = 9.0;
        let found = around_the_whole(&a, &b, Method::Resamples, 0.95);
        assert_eq!(found.estimate.estimate, Some(9.0 - b.all));
        assert!(found.p_value < 1e-4 && found.correlation > 0.99);
        let nothing = around_the_whole(&a, &a, Method::Resamples, 0.95);
        assert_eq!((nothing.p_value, nothing.estimate.half_width()), (1.0, Some(0.0)));
    }
}
