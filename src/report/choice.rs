//! Which variant of a comparison to take, in a sentence: the cheapest that does what was asked for,
//! or else the fastest.

use super::text::{digits, time};
use crate::outcome::{Comparison, Estimate, Estimated, Summary, Verdict};

/// How many variants meet every objective, and which of them to take.
pub(super) fn answer(comparison: &Comparison) -> String {
    let variants: Vec<&Estimated> = comparison.variants.iter().collect();
    let all = variants.len();
    let asked = variants.iter().any(|one| !one.slo.is_empty());
    let meets = |one: &&&Estimated| one.slo.iter().all(|objective| objective.met);
    let able: Vec<&Estimated> = variants.iter().filter(meets).copied().collect();
    if !asked {
        let best = fastest(comparison, &real(&variants));
        let best = best.map_or(String::new(), |best| format!(": {best}"));
        return format!("{all} variants were given exactly the same requests{best}.");
    }
    match able.as_slice() {
        [] => {
            let best = fastest(comparison, &real(&variants));
            let best = best.map_or(String::new(), |best| format!("; {best}"));
            format!("None of {all} variants meets every objective for sure{best}.")
        }
        [one] => {
            let price = price(one).map_or(String::new(), |price| format!(", at {price}"));
            format!("Of {all} variants only {} meets every objective for sure{price}.", one.name)
        }
        several => {
            let met =
                if several.len() == all { "All".to_owned() } else { several.len().to_string() };
            let of = if several.len() == all { "" } else { "of " };
            let real = real(several);
            let apart = if real.len() < several.len() { ", the ideal aside," } else { "" };
            let best = cheapest(comparison, &real).or_else(|| fastest(comparison, &real));
            let best = best.map_or(String::new(), |best| format!("; of them{apart} {best}"));
            format!("{met} {of}{all} variants meet every objective for sure{best}.")
        }
    }
}

/// Those that somebody can have: one that is told the future is the bound for the others.
fn real<'a>(among: &[&'a Estimated]) -> Vec<&'a Estimated> {
    let dreamt = |one: &Estimated| one.autoscaling.iter().any(|pool| pool.policy == "ideal");
    let real: Vec<&Estimated> = among.iter().filter(|one| !dreamt(one)).copied().collect();
    if real.is_empty() { among.to_vec() } else { real }
}

fn cost(one: &Estimated) -> Option<f64> {
    one.cost.total.estimate.filter(|cost| *cost > 0.0)
}

fn price(one: &Estimated) -> Option<String> {
    cost(one).map(|cost| format!("{} {}", digits(cost), one.cost.currency))
}

/// The cheapest, where prices tell them apart; of several that cost the least the fastest.
fn cheapest(comparison: &Comparison, among: &[&Estimated]) -> Option<String> {
    let costs: Vec<f64> = among.iter().map(|one| cost(one)).collect::<Option<_>>()?;
    let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
    let most = costs.iter().copied().fold(0.0, f64::max);
    // What differs by rounding costs the same.
    let same = |cost: f64| cost <= least * (1.0 + 1e-9);
    if same(most) {
        return None;
    }
    let chosen = among.iter().zip(&costs).filter(|(_, cost)| same(**cost));
    let chosen: Vec<&Estimated> = chosen.map(|(one, _)| *one).collect();
    match chosen.as_slice() {
        [one] => Some(format!("{} is the cheapest, at {}", one.name, price(one)?)),
        several => {
            let (count, price) = (several.len(), price(several[0])?);
            Some(format!("{count} cost the least, {price}, and {}", fastest(comparison, several)?))
        }
    }
}

/// The one with the lowest latency, by the measure of the first objective about one, else p99, else
/// the mean; with those that cannot be told from it.
fn fastest(comparison: &Comparison, among: &[&Estimated]) -> Option<String> {
    let objectives = among.iter().flat_map(|one| &one.slo);
    let asked = objectives.filter_map(|it| it.objective.split(['<', '>']).next()).map(str::trim);
    let known = |name: &&str| among.iter().all(|one| of(&one.latency_s, name).is_some());
    let measure = asked.chain(["p99", "mean"]).find(known)?;
    let latency = |one: &Estimated| of(&one.latency_s, measure).unwrap_or(f64::INFINITY);
    let best = among.iter().min_by(|a, b| latency(a).total_cmp(&latency(b)))?;
    let path = format!("latency_s.{}", measure.replace('.', ""));
    let open = |other: &&&Estimated| {
        comparison.differences.iter().any(|it| {
            let pair = [it.a.as_str(), it.b.as_str()];
            it.measure == path
                && it.verdict == Verdict::Inseparable
                && pair.contains(&best.name.as_str())
                && pair.contains(&other.name.as_str())
        })
    };
    let others = among.iter().filter(|other| other.name != best.name);
    let alike: Vec<&str> = others.filter(open).map(|one| one.name.as_str()).collect();
    let value = time(latency(best));
    let doubt = match alike.as_slice() {
        [] => String::new(),
        alike => format!(", though it cannot be told from {}", alike.join(", ")),
    };
    Some(format!("{} has the lowest {measure}, {value}{doubt}", best.name))
}

fn of(latency: &Summary<Estimate>, measure: &str) -> Option<f64> {
    let estimate = match measure {
        "mean" => &latency.mean,
        "p50" => &latency.p50,
        "p90" => &latency.p90,
        "p95" => &latency.p95,
        "p99" => &latency.p99,
        "p99.9" | "p999" => &latency.p999,
        "max" => &latency.max,
        _ => return None,
    };
    estimate.estimate
}
