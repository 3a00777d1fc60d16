//! The charts of several runs side by side: tails, measures as ratios, cost against latency.

use super::super::results::{Number, Results};
use super::super::words::MEASURES;
use super::run::{exceedance, objectives};
use super::{At, Axis, Chart, Mark, Rule, Series, Unit};
use crate::outcome::{Comparison, Difference};

/// Every chart that the results of several runs, each under its name, have data for.
pub fn of_several(runs: &[(String, Results)]) -> Vec<Chart> {
    [tails(runs), ratios(runs), loads(runs), cost_and_latency(runs)].into_iter().flatten().collect()
}

/// The tails of all runs.
fn tails(runs: &[(String, Results)]) -> Option<Chart> {
    let histograms: Vec<_> = runs
        .iter()
        .enumerate()
        .filter_map(|(place, (name, results))| {
            let latency = &results.histograms.as_ref()?.latency;
            (!latency.is_empty()).then_some((place, name, latency))
        })
        .collect();
    let low = histograms.iter().filter_map(|(_, _, latency)| latency.quantile(0.01)).min()?;
    let most = histograms.iter().filter_map(|(_, _, latency)| latency.max()).max()?;
    let series = |(place, name, latency): &(usize, &String, &crate::stats::Histogram)| {
        Series::new(*name, *place, Mark::Line(exceedance(latency)))
    };
    let mut rules: Vec<Rule> = Vec::new();
    for rule in runs.iter().flat_map(|(_, results)| objectives(results, At::X)) {
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    Some(Chart {
        name: "latency-tails",
        title: "How many requests take longer".to_owned(),
        about: "The share of requests above each latency in each run, on logarithmic axes."
            .to_owned(),
        x: Axis::of("latency", Unit::Seconds)
            .logarithmic()
            .from((low as f64 / 1e9).max(1e-9))
            .to(most as f64 / 1e9),
        y: Axis::of("share that takes longer", Unit::Share).logarithmic().to(1.0),
        series: histograms.iter().map(series).collect(),
        rules,
    })
}

/// How evenly each run loads its servers: the busiest on the left.
fn loads(runs: &[(String, Results)]) -> Option<Chart> {
    let mut most = 0;
    let mut series = Vec::new();
    for (place, (name, results)) in runs.iter().enumerate() {
        let mut loads = Vec::new();
        for pool in results.list("pools") {
            let servers = pool["servers"].as_array()?;
            let known = servers.iter().filter_map(|server| Number::of(&server["utilization"]));
            loads.extend(known.map(|load| load.estimate));
        }
        loads.sort_by(|a, b| b.total_cmp(a));
        most = most.max(loads.len());
        let points = (1..).map(f64::from).zip(loads).collect();
        series.push(Series::new(name, place, Mark::Line(points)));
    }
    (most > 1).then(|| Chart {
        name: "server-loads",
        title: "Load of each server".to_owned(),
        about: "Utilization of each server in each run, the busiest first: the flatter, the more \
                evenly its requests are shared out."
            .to_owned(),
        x: Axis::of("servers, the busiest first", Unit::Count).from(1.0).to(most as f64).tight(),
        y: Axis::of("busy share of slots", Unit::Share).from(0.0).to(1.0),
        series,
        rules: Vec::new(),
    })
}

/// Each measure of each run over that of the first run, with the run's own interval.
fn ratios(runs: &[(String, Results)]) -> Option<Chart> {
    let (_, base) = runs.first()?;
    let differs = |measure: &super::super::words::Measure, value: f64| {
        let others = runs[1..].iter().filter_map(|(_, run)| run.number(measure.path));
        others.into_iter().any(|other| (other.estimate / value - 1.0).abs() > 1e-9)
    };
    // What is the same in every run has no row.
    let bases: Vec<_> = MEASURES
        .iter()
        .filter_map(|measure| {
            let value = base.number(measure.path)?.estimate;
            (value > 0.0 && differs(measure, value)).then_some((measure, value))
        })
        .collect();
    let rows = bases.len() as f64;
    let others = runs.len() - 1;
    let series = |(place, (name, results)): (usize, &(String, Results))| {
        // Runs stand a little apart on the line of their measure, the first on top.
        let apart = 0.6 * ((place as f64 - 0.5) / others as f64 - 0.5);
        let whisker = |(row, (measure, base)): (usize, &(&super::super::words::Measure, f64))| {
            let Number { estimate, interval, .. } = results.number(measure.path)?;
            let (low, high) = interval.unwrap_or((estimate, estimate));
            let at = rows - 1.0 - row as f64 - apart;
            Some((at, low.max(0.0) / base, estimate / base, high / base))
        };
        let rows = bases.iter().enumerate().filter_map(whisker).collect();
        Series::new(name, place, Mark::Whiskers(rows))
    };
    let names = bases.iter().rev().map(|(measure, _)| measure.name.to_owned()).collect();
    let series: Vec<Series> = runs.iter().enumerate().skip(1).map(series).collect();
    let drawn = !series.is_empty() && !bases.is_empty();
    drawn.then(|| Chart {
        name: "ratios",
        title: format!("Measures over those of {}", runs[0].0),
        about: "Each measure divided by that of the first run; whiskers are the intervals of the \
                runs themselves, not of the difference."
            .to_owned(),
        x: Axis::of(format!("ratio to {}", runs[0].0), Unit::Plain).logarithmic(),
        y: Axis::names("", names),
        series,
        rules: vec![Rule { name: "as in the first run".to_owned(), at: At::X(1.0) }],
    })
}

/// A change that leaves no room for small ones on an even axis: five times the baseline.
const FAR: f64 = 4.0;

/// The paired differences of a comparison, as shares of the baseline.
pub fn of_comparison(comparison: &Comparison) -> Option<Chart> {
    let names: Vec<&str> = comparison.variants.iter().map(|one| one.name.as_str()).collect();
    let shown: Vec<&Difference> = comparison
        .differences
        .iter()
        .filter(|difference| difference.b == comparison.baseline)
        .filter(|difference| difference.change.estimate.is_some())
        .collect();
    let mut measures: Vec<&str> = Vec::new();
    let differs = |it: &&&Difference| it.change.estimate != Some(0.0);
    for difference in shown.iter().filter(differs) {
        if !measures.contains(&difference.measure.as_str()) {
            measures.push(&difference.measure);
        }
    }
    // Where one change is many times another, ratios by their logarithm show both.
    let largest = shown.iter().filter_map(|it| it.change.estimate).fold(0.0, f64::max);
    let ratios = largest > FAR;
    let value = |change: f64| if ratios { (1.0 + change).max(0.0) } else { change };
    let rows = measures.len() as f64;
    let others = names.len().saturating_sub(1).max(1) as f64;
    let mut series = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let apart = 0.6 * ((series.len() as f64 + 0.5) / others - 0.5);
        let whisker = |difference: &&&Difference| {
            let row = measures.iter().position(|measure| *measure == difference.measure)?;
            let change = &difference.change;
            let (low, high) = (change.low, change.high);
            let (low, high) = (low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY));
            let at = rows - 1.0 - row as f64 - apart;
            Some((at, value(low), value(change.estimate?), value(high)))
        };
        let own = shown.iter().filter(|difference| difference.a == *name);
        let whiskers: Vec<_> = own.filter_map(|one| whisker(&one)).collect();
        if !whiskers.is_empty() {
            series.push(Series::new(*name, place, Mark::Whiskers(whiskers)));
        }
    }
    let words = |path: &&str| {
        let known = MEASURES.iter().find(|measure| measure.path == *path);
        known.map_or_else(|| path.replace('_', " "), |measure| measure.name.to_owned())
    };
    let base = &comparison.baseline;
    let axis = if ratios {
        Axis::of(format!("ratio to {base}"), Unit::Plain).logarithmic()
    } else {
        within(Axis::of(format!("change from {base}"), Unit::Share), &shown)
    };
    (!series.is_empty()).then(|| Chart {
        name: "differences",
        title: format!("Differences from {base} on the same requests"),
        about: "Each variant less the baseline, as a share of the baseline, with the interval of \
                the paired difference. Which are separable is said in the table, for all of them \
                at once; here each interval stands for itself alone."
            .to_owned(),
        x: axis,
        y: Axis::names("", measures.iter().rev().map(words).collect()),
        series,
        rules: vec![Rule { name: "no difference".to_owned(), at: At::X(value(0.0)) }],
    })
}

/// Cuts the axis where a few intervals are so wide that nothing else could be seen: they run off
/// the sheet.
fn within(axis: Axis, shown: &[&Difference]) -> Axis {
    let changes = || shown.iter().map(|difference| &difference.change);
    let largest = changes().filter_map(|it| it.estimate).fold(0.0, |a: f64, b| a.max(b.abs()));
    let reach = (3.0 * largest).max(0.02);
    let low = changes().filter_map(|it| it.low).fold(0.0, f64::min);
    let high = changes().filter_map(|it| it.high).fold(0.0, f64::max);
    let axis = if low < -reach { axis.from(-reach) } else { axis };
    if high > reach { axis.to(reach) } else { axis }
}

/// An axis from 0; of latencies that lie far apart by their logarithm, for the small ones would all
/// lie on its foot.
fn tall(axis: Axis, points: &[(usize, &String, (f64, f64))]) -> Axis {
    let latencies = || points.iter().map(|(_, _, point)| point.1);
    let low = latencies().fold(f64::INFINITY, f64::min);
    let high = latencies().fold(0.0, f64::max);
    if low > 0.0 && high > 30.0 * low { axis.logarithmic() } else { axis.from(0.0) }
}

/// Cost against the 99th percentile, and the runs that no other run beats in both.
fn cost_and_latency(runs: &[(String, Results)]) -> Option<Chart> {
    let base = &runs.first()?.1;
    let currencies = runs.iter().map(|(_, run)| run.currency());
    if currencies.into_iter().any(|currency| currency != base.currency()) {
        // Two moneys have no common axis.
        return None;
    }
    // The latency that an objective is about, or else p99.
    let limits = objectives(base, At::Y);
    let about = |rule: &Rule| rule.name.split(['<', '>']).next().unwrap_or("").trim().to_owned();
    let path = |name: &str| format!("latency_s.{}", name.replace('.', ""));
    let known = |name: &String| base.number(&path(name)).is_some();
    let measure = limits.iter().map(about).find(known).unwrap_or_else(|| "p99".to_owned());
    let point = |results: &Results| {
        let cost = results.number("cost.per_hour").filter(|cost| cost.estimate > 0.0)?;
        Some((cost.estimate, results.number(&path(&measure))?.estimate))
    };
    let points: Vec<(usize, &String, (f64, f64))> = runs
        .iter()
        .enumerate()
        .filter_map(|(place, (name, results))| Some((place, name, point(results)?)))
        .collect();
    // Where all cost the same there is nothing to weigh.
    let first = points.first()?.2.0;
    if points.iter().all(|(_, _, point)| point.0 == first) {
        return None;
    }
    let mut front: Vec<(f64, f64)> = points.iter().map(|(_, _, point)| *point).collect();
    front.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut best = f64::INFINITY;
    front.retain(|&(_, latency)| {
        let better = latency < best;
        best = best.min(latency);
        better
    });
    let mut series = Vec::new();
    if front.len() > 1 {
        series.push(Series::new("not beaten in both", 6, Mark::Line(front)));
    }
    let dot = |(place, name, point): &(usize, &String, (f64, f64))| {
        Series::new(*name, *place, Mark::Dots(vec![*point]))
    };
    series.extend(points.iter().map(dot));
    Some(Chart {
        name: "cost-latency",
        title: "Cost against latency".to_owned(),
        about: format!("What each run costs an hour, and its {measure} latency."),
        x: Axis::of("cost an hour", Unit::Money(base.currency())).from(0.0),
        y: tall(Axis::of(format!("{measure} latency"), Unit::Seconds), &points),
        series,
        rules: limits.into_iter().filter(|rule| about(rule) == measure).collect(),
    })
}
