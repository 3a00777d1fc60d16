//! Objectives against estimates: met, missed, or nobody can tell.

use super::campaign::Part;
use super::evidence::{Evidence, Of};
use crate::outcome::{Estimate, Objective, Status};
use crate::scenario::{Goal, Measure};
use crate::stats::NANOS_PER_SECOND;

/// What an interval says of an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ruling {
    Met,
    Missed,
    Inconclusive,
}

/// Who can say what each measure is.
pub(super) trait Estimates {
    /// The estimate of a measure.
    fn of(&self, measure: Measure) -> Estimate;

    /// The share of the durations behind a percentile that are longer than a limit.
    fn beyond(&self, duration: Duration, nanos: u64) -> Estimate;

    /// Whether nothing at all arrived.
    fn is_empty(&self) -> bool;
}

/// Which durations a percentile is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duration {
    Latency,
    Wait,
}

/// What became of an objective: what the interval of its measure says, which is shown beside it.
///
/// A percentile that the runs do not support is not shown. Then the share beyond its limit is
/// asked, which needs fewer requests: `p99 < T` says that at most 1 % are longer than T.
pub(super) fn judge(goal: &Goal, estimates: &impl Estimates) -> Objective<Estimate> {
    let value = estimates.of(goal.measure);
    let limit = (goal.limit * NANOS_PER_SECOND).round() as u64;
    let share = |p, duration| {
        let beyond = estimates.beyond(duration, limit);
        (on_tail(goal, p, &beyond), Some(beyond))
    };
    let (ruling, beyond) = match (goal.measure, value.estimate) {
        _ if estimates.is_empty() => (Ruling::Missed, None),
        (Measure::Percentile(p), None) => share(p, Duration::Latency),
        (Measure::WaitPercentile(p), None) => share(p, Duration::Wait),
        _ => (on_value(goal, &value), None),
    };
    let ruling = match (ruling, value.status) {
        // What grows with the length of the run can be shown to miss, never to meet.
        (Ruling::Met, Status::Unstable) => Ruling::Inconclusive,
        (ruling, _) => ruling,
    };
    Objective {
        objective: goal.text.clone(),
        value,
        met: ruling == Ruling::Met,
        inconclusive: ruling == Ruling::Inconclusive,
        beyond: beyond.filter(|_| ruling != Ruling::Inconclusive),
    }
}

/// Whether an objective is met by the sharper question, which a choice among many points needs: the
/// share of requests beyond the limit of a percentile. `None` where it stays open.
pub(super) fn decided(goal: &Goal, estimates: &impl Estimates) -> Option<bool> {
    let limit = (goal.limit * NANOS_PER_SECOND).round() as u64;
    let beyond = |p, duration| on_tail(goal, p, &estimates.beyond(duration, limit));
    let ruling = match goal.measure {
        _ if estimates.is_empty() => Ruling::Missed,
        Measure::Percentile(p) => beyond(p, Duration::Latency),
        Measure::WaitPercentile(p) => beyond(p, Duration::Wait),
        measure => on_value(goal, &estimates.of(measure)),
    };
    (ruling != Ruling::Inconclusive).then_some(ruling == Ruling::Met)
}

impl Estimates for Evidence<'_> {
    fn of(&self, measure: Measure) -> Estimate {
        let arrived = |part: &Part| part.outcome.requests.arrived as f64;
        let time = |part: &Part| part.outcome.duration_s;
        match measure {
            Measure::Percentile(p) => self.quantile(|part| &part.latency, p),
            Measure::WaitPercentile(p) => self.quantile(|part| &part.wait, p),
            Measure::Mean => self.mean(|part| &part.latency),
            Measure::WaitMean => self.mean(|part| &part.wait),
            Measure::Max => self.optional(|part| part.outcome.latency_s.max, |_| 1.0),
            Measure::Errors => self.share(|part| part.outcome.error_rate, arrived),
            Measure::Utilization => {
                self.marked(self.utilization(|part| part.outcome.utilization, time))
            }
            Measure::CostPerHour => self.ratio(|part| part.outcome.cost.per_hour, time),
        }
    }

    fn beyond(&self, duration: Duration, nanos: u64) -> Estimate {
        let of: Of = match duration {
            Duration::Latency => |part| &part.latency,
            Duration::Wait => |part| &part.wait,
        };
        let share = |part: &Part| Some(of(part).all.fraction_above(nanos));
        on_log_odds(self.marked(self.share(share, |part| of(part).all.count() as f64)))
    }

    fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.outcome.requests.arrived == 0)
    }
}

/// The interval of a share on its log-odds, where it leans as shares near 0 and 1 do.
pub(super) fn on_log_odds(found: Estimate) -> Estimate {
    let (Some(share), Some(half)) = (found.estimate, found.half_width()) else { return found };
    if share <= 0.0 || share >= 1.0 {
        return found;
    }
    let reach = half / (share * (1.0 - share));
    let at = |shift: f64| 1.0 / (1.0 + (1.0 - share) / share * (-shift).exp());
    Estimate::between(share, at(-reach), at(reach), found.status)
}

fn on_tail(goal: &Goal, p: f64, exceeding: &Estimate) -> Ruling {
    let (Some(low), Some(high)) = (exceeding.low, exceeding.high) else {
        return Ruling::Inconclusive;
    };
    // 1 − 0.99 is a hair above a hundredth: a share of just that must not decide.
    let allowed = (1.0 - p) * (1.0 - 1e-9);
    match () {
        () if high < allowed => [Ruling::Missed, Ruling::Met][usize::from(goal.below)],
        () if low > allowed => [Ruling::Met, Ruling::Missed][usize::from(goal.below)],
        () => Ruling::Inconclusive,
    }
}

fn on_value(goal: &Goal, value: &Estimate) -> Ruling {
    if value.estimate.is_none() {
        return Ruling::Inconclusive;
    }
    // An end without a bound lies beyond every limit.
    let low = value.low.unwrap_or(f64::NEG_INFINITY);
    let high = value.high.unwrap_or(f64::INFINITY);
    match (goal.is_met_by(low), goal.is_met_by(high)) {
        (true, true) => Ruling::Met,
        (false, false) => Ruling::Missed,
        _ => Ruling::Inconclusive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ruling(text: &str, low: f64, high: f64) -> Ruling {
        let value = Estimate::between(0.5 * (low + high), low, high, Status::Ok);
        on_value(&Goal::parse(text).unwrap(), &value)
    }

    #[test]
    fn an_interval_that_straddles_the_limit_decides_nothing() {
        assert_eq!(ruling("mean < 200ms", 0.1, 0.19), Ruling::Met);
        assert_eq!(ruling("mean < 200ms", 0.1, 0.21), Ruling::Inconclusive);
        assert_eq!(ruling("mean < 200ms", 0.2, 0.21), Ruling::Missed);
        assert_eq!(ruling("utilization > 50%", 0.6, 0.7), Ruling::Met);
        assert_eq!(
            on_value(&Goal::parse("mean < 1s").unwrap(), &Estimate::INSUFFICIENT),
            Ruling::Inconclusive
        );
    }

    /// A percentile between two ends, or none, and between 0.5 % and 2 % beyond any limit.
    struct Known(Option<[f64; 2]>);

    impl Estimates for Known {
        fn of(&self, _: Measure) -> Estimate {
            self.0.map_or(Estimate::INSUFFICIENT, |[low, high]| {
                Estimate::between(0.5 * (low + high), low, high, Status::Ok)
            })
        }
        fn beyond(&self, _: Duration, _: u64) -> Estimate {
            Estimate::between(0.01, 0.005, 0.02, Status::Ok)
        }
        fn is_empty(&self) -> bool {
            false
        }
    }

    #[test]
    fn a_verdict_never_contradicts_the_interval_beside_it() {
        let judged = |text: &str, shown| {
            let found = judge(&Goal::parse(text).unwrap(), &Known(shown));
            (found.met, found.inconclusive)
        };
        let (met, missed, open) = ((true, false), (false, false), (false, true));
        for word in ["p99", "wait-p99", "p95", "mean"] {
            let below = format!("{word} < 1s");
            assert_eq!(judged(&below, Some([0.8, 0.99])), met, "{word}");
            assert_eq!(judged(&below, Some([1.01, 1.2])), missed, "{word}");
            assert_eq!(judged(&below, Some([0.99, 1.01])), open, "{word}");
            assert_eq!(judged(&format!("{word} > 1s"), Some([1.01, 1.2])), met, "{word}");
        }
        // Where nothing is shown, the share beyond the limit may still tell.
        assert_eq!(judged("p95 < 1s", None), met);
        assert_eq!(judged("p99.9 < 1s", None), missed);
        assert_eq!(judged("p99 < 1s", None), open);
        assert_eq!(judged("mean < 1s", None), open);
    }

    #[test]
    fn log_odds_keep_a_share_above_zero() {
        let wide = on_log_odds(Estimate::symmetric(0.01, 0.02, Status::Ok));
        assert!(wide.low.unwrap() > 0.0 && wide.high.unwrap() > 0.03);
    }
}
