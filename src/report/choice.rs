//! Which variant of a comparison to take, in a sentence: the cheapest that does what was asked for,
//! or else the fastest.

use super::text::{digits, time};
use crate::outcome::{Comparison, Difference, Estimate, Estimated, Summary, Verdict};

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

/// Whether two variants are known to differ in a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Apart {
    Yes,
    /// They were held against each other, and nobody can tell.
    No,
    /// They were not held against each other, and their intervals do not tell them apart.
    Unheld,
}

/// Whether two variants differ in the measure at `path`: by the verdict on their difference, and
/// where there is none (differences are those from the baseline unless all pairs were wanted) by
/// whether their intervals overlap.
fn apart(
    comparison: &Comparison,
    path: &str,
    (a, a_is): (&Estimated, &Estimate),
    (b, b_is): (&Estimated, &Estimate),
) -> Apart {
    let exact = |it: &Estimate| it.estimate.is_some() && it.low == it.high && it.low.is_some();
    if exact(a_is) && exact(b_is) && a_is.estimate != b_is.estimate {
        return Apart::Yes;
    }
    let pair =
        |it: &Difference| (it.a == a.name && it.b == b.name) || (it.a == b.name && it.b == a.name);
    let held = comparison.differences.iter().find(|it| it.measure == path && pair(it));
    let below = |one: &Estimate, other: &Estimate| match (one.high, other.low) {
        (Some(high), Some(low)) => high < low,
        _ => false,
    };
    match held.map(|it| it.verdict) {
        Some(Verdict::Inseparable) => Apart::No,
        Some(Verdict::A | Verdict::B) => Apart::Yes,
        None if below(a_is, b_is) || below(b_is, a_is) => Apart::Yes,
        None => Apart::Unheld,
    }
}

/// The cheapest, where costs tell them apart; of several that cost the least, or cannot be told
/// from it by cost, the fastest.
fn cheapest(comparison: &Comparison, among: &[&Estimated]) -> Option<String> {
    let costs: Vec<f64> = among.iter().map(|one| cost(one)).collect::<Option<_>>()?;
    let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
    let best = *among.iter().find(|one| cost(one) == Some(least))?;
    // What differs by rounding costs the same.
    let same = |one: &Estimated| cost(one).is_some_and(|cost| cost <= least * (1.0 + 1e-9));
    let close = |one: &&&Estimated| {
        let totals = ((best, &best.cost.total), (**one, &one.cost.total));
        same(one) || apart(comparison, "cost.total", totals.0, totals.1) != Apart::Yes
    };
    let chosen: Vec<&Estimated> = among.iter().filter(close).copied().collect();
    let equal = chosen.iter().all(|one| same(one));
    match chosen.as_slice() {
        [one] => Some(format!("{} is the cheapest, at {}", one.name, price(one)?)),
        several if equal && several.len() == among.len() => None,
        several => {
            let fastest = fastest(comparison, several)?;
            let (count, price) = (several.len(), price(best)?);
            Some(if equal {
                format!("{count} cost the least, {price}, and {fastest}")
            } else {
                format!(
                    "{} cannot be told apart by cost, the least being {price}, and {fastest}",
                    listed(several)
                )
            })
        }
    }
}

/// Names, or of many their number.
fn listed(several: &[&Estimated]) -> String {
    match several {
        [start @ .., last] if (1..4).contains(&start.len()) => {
            let start: Vec<&str> = start.iter().map(|one| one.name.as_str()).collect();
            format!("{} and {}", start.join(", "), last.name)
        }
        [one] => one.name.clone(),
        many => format!("{} variants", many.len()),
    }
}

/// The one with the lowest latency, by the measure of the first objective about one, else p99, else
/// the mean; with those that cannot be told from it.
fn fastest(comparison: &Comparison, among: &[&Estimated]) -> Option<String> {
    let objectives = among.iter().flat_map(|one| &one.slo);
    let asked = objectives.filter_map(|it| it.objective.split(['<', '>']).next()).map(str::trim);
    let value = |one: &Estimated, name: &str| of(&one.latency_s, name).and_then(|it| it.estimate);
    let known = |name: &&str| among.iter().all(|one| value(one, name).is_some());
    let measure = asked.chain(["p99", "mean"]).find(known)?;
    let latency = |one: &Estimated| value(one, measure).unwrap_or(f64::INFINITY);
    let best = *among.iter().min_by(|a, b| latency(a).total_cmp(&latency(b)))?;
    let path = format!("latency_s.{}", measure.replace('.', ""));
    let like = |wanted: Apart| -> Vec<&Estimated> {
        let others = among.iter().filter(|other| other.name != best.name);
        let alike = others.filter(|other| {
            let (a, b) = (of(&best.latency_s, measure), of(&other.latency_s, measure));
            let found = |(a, b)| apart(comparison, &path, (best, a), (other, b));
            a.zip(b).is_some_and(|pair| found(pair) == wanted)
        });
        alike.copied().collect()
    };
    let doubt = |others: &[&Estimated], words: &str| match others {
        [] => None,
        others => Some(format!("{words} {}", listed(others))),
    };
    let doubts: Vec<String> = [
        doubt(&like(Apart::No), "cannot be told from"),
        doubt(&like(Apart::Unheld), "was not held against")
            .map(|words| words + ", with intervals that do not tell them apart (--all-pairs may)"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let doubt = match doubts.as_slice() {
        [] => String::new(),
        doubts => format!(", though it {}", doubts.join(", and ")),
    };
    Some(format!("{} has the lowest {measure}, {}{doubt}", best.name, time(latency(best))))
}

fn of<'a>(latency: &'a Summary<Estimate>, measure: &str) -> Option<&'a Estimate> {
    Some(match measure {
        "mean" => &latency.mean,
        "p50" => &latency.p50,
        "p90" => &latency.p90,
        "p95" => &latency.p95,
        "p99" => &latency.p99,
        "p99.9" | "p999" => &latency.p999,
        "max" => &latency.max,
        _ => return None,
    })
}
