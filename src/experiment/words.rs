//! Verdicts in words: what a comparison found, as one would tell it.

use indexmap::IndexMap;

use super::difference::MEASURES;
use crate::outcome::{Difference, Estimate, Estimated, Status, Verdict};

/// Said of runs whose number in system does not settle.
pub(super) const RISING: &str = "the number in system rises over the run: there is no steady state \
     to be seen, and what is shown grows with its length";

/// What to call a measure in a sentence.
fn word_of(path: &str) -> &str {
    MEASURES.iter().find(|measure| measure.path == path).map_or(path, |measure| measure.word)
}

/// One sentence or two a pair of variants: the tail and the mean of the latency, then what else
/// tells them apart.
pub(super) fn findings(differences: &[Difference]) -> Vec<String> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for difference in differences {
        let pair = (difference.a.as_str(), difference.b.as_str());
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    let of_pair = |(a, b): (&str, &str)| -> Vec<&Difference> {
        differences.iter().filter(|d| d.a == a && d.b == b).collect()
    };
    pairs.into_iter().flat_map(|pair| findings_of(&of_pair(pair))).collect()
}

fn findings_of(differences: &[&Difference]) -> Vec<String> {
    let of = |path: &str| differences.iter().find(|d| d.measure == path).copied();
    let known = |difference: &&Difference| difference.difference.estimate.is_some();
    let same = |difference: &&Difference| difference.difference.estimate == Some(0.0);
    let Some(mean) = of("latency_s.mean").filter(known) else { return Vec::new() };
    if differences.iter().copied().filter(known).all(|difference| same(&difference)) {
        let (a, b) = (&mean.a, &mean.b);
        return vec![format!("{a} and {b} are not separable: their results are the same")];
    }
    // The farthest percentile that both support speaks for the tail.
    let tail =
        ["latency_s.p99", "latency_s.p95", "latency_s.p90"].into_iter().find_map(of_known(of));
    let apart = |path: &str| of(path).filter(|d| d.verdict != Verdict::Inseparable);
    let told =
        apart("error_rate").into_iter().chain(apart("cost.total").or(apart("servers.hours")));
    let shown: Vec<&Difference> = tail.into_iter().chain([mean]).chain(told).collect();
    let (apart, alike): (Vec<&Difference>, Vec<&Difference>) =
        shown.into_iter().partition(|difference| difference.verdict != Verdict::Inseparable);
    let mut sentences = Vec::new();
    if !apart.is_empty() {
        let before = |at: usize| at.checked_sub(1).map(|before| apart[before]);
        let changes: Vec<String> = apart
            .iter()
            .enumerate()
            .map(|(at, difference)| change(difference, before(at)))
            .collect();
        sentences.push(format!("{} {} against {}", mean.a, listed(&changes), mean.b));
    }
    if !alike.is_empty() {
        let names: Vec<&str> =
            alike.iter().map(|difference| word_of(&difference.measure)).collect();
        let measures = names.join(" and ");
        // What tells the first apart is asked for: it is the tail, and the harder one.
        let more = more(alike[0]);
        sentences
            .push(format!("{} and {} are not separable by {measures}: {more}", mean.a, mean.b));
    }
    sentences
}

fn of_known<'a>(
    of: impl Fn(&str) -> Option<&'a Difference>,
) -> impl Fn(&str) -> Option<&'a Difference> {
    move |path| of(path).filter(|difference| difference.difference.estimate.is_some())
}

/// `lowers p99 by 31 % (28–34 %)`; the verb is left out where it is that of the change before.
fn change(difference: &Difference, before: Option<&Difference>) -> String {
    let what = word_of(&difference.measure);
    let verb = match difference.verdict {
        same if before.is_some_and(|before| before.verdict == same) => "",
        Verdict::A => "lowers ",
        _ => "raises ",
    };
    match difference.change {
        Estimate { estimate: Some(change), low: Some(low), high: Some(high), .. } => {
            let (low, high) = (low.abs().min(high.abs()), low.abs().max(high.abs()));
            format!("{verb}{what} by {}", by(100.0 * change.abs(), 100.0 * low, 100.0 * high))
        }
        _ => format!("{verb}{what}"),
    }
}

/// A percentage and its range, with as many digits as tell the ends apart.
fn by(change: f64, low: f64, high: f64) -> String {
    let width = high - low;
    if width < 1e-6 {
        return percent(change);
    }
    let places = (0.5 - width.log10()).ceil().clamp(0.0, 3.0) as usize;
    format!("{change:.places$} % ({low:.places$}–{high:.places$} %)")
}

/// A percentage with two digits after the point, or one from 10 on.
pub(super) fn percent(number: f64) -> String {
    let shown = match number {
        x if x >= 9.95 => format!("{x:.1}"),
        x => format!("{x:.2}"),
    };
    format!("{} %", shown.trim_end_matches('0').trim_end_matches('.'))
}

/// What it would take to tell the variants apart, and how large the difference can be at most.
fn more(difference: &Difference) -> String {
    let plausible = match difference.change {
        Estimate { low: Some(low), high: Some(high), .. } => {
            let most = 100.0 * low.abs().max(high.abs());
            // Two digits after the point would call the least of them nothing; a bound of many
            // times the value bounds nothing.
            (most <= 300.0)
                .then(|| format!("no difference larger than {}", percent(most.max(0.01))))
        }
        _ => None,
    };
    let needed = difference.more_requests.filter(|times| *times < 1000.0).map(|times| {
        let times = if times < 1.95 { format!("{times:.1}") } else { format!("{times:.0}") };
        format!("about {times} times more requests would be needed")
    });
    match (needed, plausible) {
        (Some(needed), Some(plausible)) => format!("{needed} ({plausible})"),
        (Some(words), None) | (None, Some(words)) => words,
        (None, None) => "the runs do not support it".to_owned(),
    }
}

/// `a, b and c`.
pub(super) fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// What the reader should know: each thing once, under the names of those that it is true of, or
/// under none where it is true of all; and what pairing brought.
pub(super) fn advice(outcomes: &[Estimated], differences: &[Difference]) -> Vec<String> {
    let said = outcomes.iter().flat_map(|outcome| {
        outcome.advice.iter().map(|words| (outcome.name.as_str(), words.as_str()))
    });
    told_once(outcomes.len(), said).into_iter().chain(gain(differences)).collect()
}

/// Each of the words once, with the names that they were said of, but where all said them.
fn told_once<'a>(all: usize, said: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let mut by_words: IndexMap<&str, Vec<String>> = IndexMap::new();
    for (name, words) in said {
        by_words.entry(words).or_default().push(name.to_owned());
    }
    let told = |(words, names): (&str, Vec<String>)| match names.len() {
        every if every == all => words.to_owned(),
        _ => format!("{}: {words}", listed(&names)),
    };
    by_words.into_iter().map(told).collect()
}

/// `pairing on the same requests divided the variance of differences in p99 by 5.7 to 23`.
fn gain(differences: &[Difference]) -> Option<String> {
    let of = |path: &str| -> Vec<f64> {
        let same = differences.iter().filter(|difference| difference.measure == path);
        same.filter(|difference| difference.difference.status != Status::Insufficient)
            .filter_map(|difference| difference.variance_reduction)
            .collect()
    };
    let found = ["latency_s.p99", "latency_s.mean"].map(|path| (path, of(path)));
    let (path, gains) = found.into_iter().find(|(_, gains)| !gains.is_empty())?;
    let least = gains.iter().copied().fold(f64::INFINITY, f64::min);
    let most = gains.iter().copied().fold(0.0, f64::max);
    let digits = |x: f64| match x {
        ..9.95 => format!("{x:.1}"),
        // Of two variants that hardly differ: how many times says no more.
        1e3.. => "over a thousand".to_owned(),
        _ => format!("{x:.0}"),
    };
    let factor = if digits(least) == digits(most) {
        digits(most)
    } else {
        format!("{} to {}", digits(least), digits(most))
    };
    let what = word_of(path);
    if most < 1.05 {
        return Some(format!(
            "the same requests for all brought nothing: differences in {what} vary as they would \
             on separate ones"
        ));
    }
    Some(format!(
        "the same requests for all made the variance of differences in {what} {factor} times \
         smaller"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::paired::Method;

    fn difference(measure: &str, change: Estimate, verdict: Verdict) -> Difference {
        Difference {
            a: "p2c".into(),
            b: "random".into(),
            measure: measure.into(),
            difference: change,
            change,
            p_value: 0.01,
            verdict,
            test: Method::Paired,
            correlation: 0.9,
            variance_reduction: Some(5.0),
            more_requests: (verdict == Verdict::Inseparable).then_some(9.3),
        }
    }

    #[test]
    fn a_verdict_reads_as_one_would_tell_it() {
        let lower = Estimate::between(-0.31, -0.34, -0.28, Status::Ok);
        let alike = Estimate::between(0.01, -0.02, 0.04, Status::Ok);
        let told = findings(&[
            difference("latency_s.mean", alike, Verdict::Inseparable),
            difference("latency_s.p99", lower, Verdict::A),
        ]);
        assert_eq!(
            told,
            [
                "p2c lowers p99 by 31 % (28–34 %) against random",
                "p2c and random are not separable by the mean latency: about 9 times more requests \
                 would be needed (no difference larger than 4 %)"
            ]
        );
    }

    #[test]
    fn equal_results_are_said_to_be_equal() {
        let nothing = Estimate::symmetric(0.0, 0.0, Status::Ok);
        let told = findings(&[difference("latency_s.mean", nothing, Verdict::Inseparable)]);
        assert_eq!(told, ["p2c and random are not separable: their results are the same"]);
    }

    #[test]
    fn what_holds_of_several_is_said_once() {
        let said = [("a", "slow"), ("a", "dear"), ("b", "slow"), ("c", "slow"), ("c", "dear")];
        let told = told_once(3, said.into_iter());
        assert_eq!(told, ["slow", "a and c: dear"], "what all say needs no names");
    }

    #[test]
    fn ranges_have_the_digits_that_tell_their_ends_apart() {
        assert_eq!(by(31.2, 28.4, 34.1), "31 % (28–34 %)");
        assert_eq!(by(45.06, 44.71, 45.42), "45.1 % (44.7–45.4 %)");
        assert_eq!(by(12.5, 12.5, 12.5), "12.5 %");
        assert_eq!(percent(10.0), "10 %");
    }
}
