//! The worked examples of the elasticity metrics.

use plimsoll::scale::elasticity::{Steps, measure};
use serde_json::Value;

use super::{Case, Outcome, collect, ns, real};

pub(super) fn check(kind: &str) -> Option<fn(&Case) -> Outcome> {
    (kind == "elasticity").then_some(worked)
}

fn steps(value: &Value) -> Result<Steps, String> {
    collect(value, |step| Ok((ns(real(&step["from"])?), real(&step["value"])?))).map(Steps::new)
}

fn worked(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let got = measure(
        &steps(&inputs["demand"])?,
        &steps(&inputs["supply"])?,
        ns(real(&inputs["horizon"])?),
        ns(real(&inputs["sample_step"])?),
    );
    // Exact fractions, up to the rounding of a few sums.
    for (key, got) in [
        ("accuracy_under_units", got.under_servers),
        ("accuracy_over_units", got.over_servers),
        ("accuracy_under_pct", got.under_percent),
        ("accuracy_over_pct", got.over_percent),
        ("timeshare_under_pct", got.under_time_percent),
        ("timeshare_over_pct", got.over_time_percent),
        ("jitter_per_time", got.jitter_per_s),
        ("instability_pct_sampled", got.instability_percent),
    ] {
        case.expects_near(key, got, 1e-9)?;
    }
    case.expects_int("supply_changes", got.supply_changes.into())?;
    case.expects_int("demand_changes", got.demand_changes.into())
}
