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

/// What became of an objective.
pub(super) fn judge(goal: &Goal, estimates: &impl Estimates) -> Objective<Estimate> {
    let value = estimates.of(goal.measure);
    // The interval of a percentile leans to the low side, so the share beyond its limit is asked
    // instead: `p99 < T` says that at most 1 % are longer than T.
    let limit = (goal.limit * NANOS_PER_SECOND).round() as u64;
    let ruling = match goal.measure {
        _ if estimates.is_empty() => Ruling::Missed,
        Measure::Percentile(p) => on_tail(goal, p, &estimates.beyond(Duration::Latency, limit)),
        Measure::WaitPercentile(p) => on_tail(goal, p, &estimates.beyond(Duration::Wait, limit)),
        _ => on_value(goal, &value),
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
    }
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
            Measure::Utilization => self.marked(self.ratio(|part| part.outcome.utilization, time)),
            Measure::CostPerHour => self.ratio(|part| part.outcome.cost.per_hour, time),
        }
    }

    fn beyond(&self, duration: Duration, nanos: u64) -> Estimate {
        let of: Of = match duration {
            Duration::Latency => |part| &part.latency,
            Duration::Wait => |part| &part.wait,
        };
        let share = |part: &Part| Some(of(part).fraction_above(nanos));
        on_log_odds(self.marked(self.share(share, |part| of(part).count() as f64)))
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

    #[test]
    fn a_percentile_is_judged_by_the_share_beyond_its_limit() {
        let goal = Goal::parse("p99 < 1s").unwrap();
        let of = |low, high| {
            on_tail(&goal, 0.99, &Estimate::between(0.5 * (low + high), low, high, Status::Ok))
        };
        assert_eq!(of(0.001, 0.009), Ruling::Met);
        assert_eq!(of(0.009, 0.011), Ruling::Inconclusive);
        assert_eq!(of(0.011, 0.013), Ruling::Missed);
    }

    #[test]
    fn log_odds_keep_a_share_above_zero() {
        let wide = on_log_odds(Estimate::symmetric(0.01, 0.02, Status::Ok));
        assert!(wide.low.unwrap() > 0.0 && wide.high.unwrap() > 0.03);
    }
}
