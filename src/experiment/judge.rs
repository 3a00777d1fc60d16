//! Objectives against estimates: met, missed, or nobody can tell.

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

/// What became of an objective.
pub(super) fn judge(goal: &Goal, evidence: &Evidence<'_>) -> Objective<Estimate> {
    let value = estimate_of(goal.measure, evidence);
    let ruling = match () {
        () if evidence.parts.iter().all(|part| part.outcome.requests.arrived == 0) => Ruling::Missed,
        () => match tail_of(goal, evidence) {
            Some(exceeding) => ruling_on_tail(goal, &exceeding),
            None => ruling_on(goal, &value),
        },
    };
    let ruling = match (ruling, value.status) {
        // What grows with the length of the run has been shown to miss, never to meet.
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

/// The estimate of a measure.
pub(super) fn estimate_of(measure: Measure, evidence: &Evidence<'_>) -> Estimate {
    match measure {
        Measure::Percentile(p) => evidence.quantile(|part| &part.latency, p),
        Measure::WaitPercentile(p) => evidence.quantile(|part| &part.wait, p),
        Measure::Mean => evidence.mean(|part| &part.latency),
        Measure::WaitMean => evidence.mean(|part| &part.wait),
        Measure::Max => evidence.optional(|part| part.outcome.latency_s.max, |_| 1.0),
        Measure::Errors => evidence.share(
            |part| part.outcome.error_rate,
            |part| part.outcome.requests.arrived as f64,
        ),
        Measure::Utilization => evidence
            .marked(evidence.ratio(|part| part.outcome.utilization, |part| part.outcome.duration_s)),
        Measure::CostPerHour => {
            evidence.ratio(|part| part.outcome.cost.per_hour, |part| part.outcome.duration_s)
        }
    }
}

/// The share of requests beyond the limit of a percentile: `p99 < T` says that at most 1 % are.
///
/// It is asked instead of the percentile because the interval of a percentile leans to the low side.
fn tail_of(goal: &Goal, evidence: &Evidence<'_>) -> Option<Estimate> {
    let of: Of = match goal.measure {
        Measure::Percentile(_) => |part| &part.latency,
        Measure::WaitPercentile(_) => |part| &part.wait,
        _ => return None,
    };
    let limit = (goal.limit * NANOS_PER_SECOND).round() as u64;
    let share = |part: &super::campaign::Part| {
        let tally = of(part);
        (tally.count() > 0).then(|| tally.fraction_above(limit))
    };
    let found = evidence.marked(evidence.share(share, |part| of(part).count() as f64));
    Some(on_log_odds(found))
}

/// The interval of a share on its log-odds, where it leans as shares near 0 and 1 do.
fn on_log_odds(found: Estimate) -> Estimate {
    let (Some(share), Some(half)) = (found.estimate, found.half_width()) else { return found };
    if share <= 0.0 || share >= 1.0 {
        return found;
    }
    let reach = half / (share * (1.0 - share));
    let at = |shift: f64| 1.0 / (1.0 + (1.0 - share) / share * (-shift).exp());
    Estimate::between(share, at(-reach), at(reach), found.status)
}

fn ruling_on_tail(goal: &Goal, exceeding: &Estimate) -> Ruling {
    let (Measure::Percentile(p) | Measure::WaitPercentile(p)) = goal.measure else {
        return Ruling::Inconclusive;
    };
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

fn ruling_on(goal: &Goal, value: &Estimate) -> Ruling {
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
        ruling_on(&Goal::parse(text).unwrap(), &value)
    }

    #[test]
    fn an_interval_that_straddles_the_limit_decides_nothing() {
        assert_eq!(ruling("mean < 200ms", 0.1, 0.19), Ruling::Met);
        assert_eq!(ruling("mean < 200ms", 0.1, 0.21), Ruling::Inconclusive);
        assert_eq!(ruling("mean < 200ms", 0.2, 0.21), Ruling::Missed);
        assert_eq!(ruling("utilization > 50%", 0.6, 0.7), Ruling::Met);
        assert_eq!(ruling_on(&Goal::parse("mean < 1s").unwrap(), &Estimate::INSUFFICIENT), Ruling::Inconclusive);
    }

    #[test]
    fn a_percentile_is_judged_by_the_share_beyond_its_limit() {
        let goal = Goal::parse("p99 < 1s").unwrap();
        let of = |low, high| {
            ruling_on_tail(&goal, &Estimate::between(0.5 * (low + high), low, high, Status::Ok))
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
