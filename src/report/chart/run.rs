//! The charts of one run, drawn from summaries and never from all requests.

use super::super::results::{Number, Results};
use super::super::text;
use super::super::timeline::Row;
use super::{At, Axis, Chart, Mark, Rule, Series, Unit};
use crate::stats::Histogram;

/// The most points of a distribution: more lie closer than the width of the line.
const MOST: usize = 400;

/// Every chart that the results of a run have data for.
pub fn of_run(results: &Results) -> Vec<Chart> {
    let mut charts = Vec::new();
    charts.extend(tail(results));
    charts.extend(distribution(results));
    charts.extend(heat(results));
    if !results.timeline.is_empty() {
        charts.extend([arrivals(results), servers(results), utilization(results)]);
        charts.extend([queue(results)]);
        charts.extend(cost(results));
    }
    charts.extend(bill(results));
    charts.extend(per_server(results));
    charts.extend(super::failures::of_failures(results));
    charts
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

fn latency() -> Axis {
    Axis::of("latency", Unit::Seconds)
}

/// Time on a chart; it ends with the run.
fn time(results: &Results) -> Axis {
    Axis::of("time since the start", Unit::Seconds).from(0.0).to(end(results)).tight()
}

/// The intervals worth showing: a short rest after the last arrival, in which the requests in the
/// system end, would only draw every curve down to the corner.
fn shown(results: &Results) -> &[Row] {
    let rows = &results.timeline;
    let number = |path: &str| results.number(path).map_or(0.0, |number| number.estimate);
    // The outcome of several runs tells the time of all of them, the timeline is that of the first.
    let horizon = number("warm_up_s") + number("duration_s") / results.runs() as f64;
    let last = rows.last().map_or(0.0, |row| row.end_s);
    let whole = rows.partition_point(|row| row.start_s < horizon * (1.0 - 1e-9));
    if whole > 0 && last <= horizon * 1.02 { &rows[..whole] } else { rows }
}

/// The end of the last interval that is shown.
fn end(results: &Results) -> f64 {
    let of_cells = || results.heat.iter().fold(0.0, |end: f64, cell| end.max(cell.end_s));
    shown(results).last().map_or_else(of_cells, |row| row.end_s)
}

/// The measured part begins here, where a warm-up was left out.
fn warm_up(results: &Results) -> Vec<Rule> {
    let span = results.number("warm_up_s").filter(|span| span.estimate > 0.0);
    let rule =
        |span: Number| Rule { name: "end of the warm-up".to_owned(), at: At::X(span.estimate) };
    span.map(rule).into_iter().collect()
}

/// Objectives about latency as values: `p99 < 800ms` is a line at 0.8 s.
pub(super) fn objectives(results: &Results, place: fn(f64) -> At) -> Vec<Rule> {
    let rule = |slo: &serde_json::Value| {
        let words = slo["objective"].as_str()?;
        let (measure, limit) = words.split_once(['<', '>'])?;
        let about_latency = measure.starts_with('p') || ["mean", "max"].contains(&measure.trim());
        let limit = crate::time::Duration::parse(limit.trim_start_matches('=').trim()).ok()?;
        about_latency.then(|| Rule { name: words.to_owned(), at: place(limit.as_secs_f64()) })
    };
    results.list("slo").iter().filter_map(rule).collect()
}

/// What is drawn of a distribution: names, colours and histograms.
fn parts(results: &Results) -> Vec<(&'static str, usize, &Histogram)> {
    let Some(histograms) = &results.histograms else { return Vec::new() };
    [
        ("latency", 0, &histograms.latency),
        ("wait", 1, &histograms.wait),
        ("service", 2, &histograms.service),
    ]
    .into_iter()
    .filter(|(_, _, histogram)| histogram.max().is_some_and(|max| max > 0))
    .collect()
}

/// The tail: the share of requests that took longer, on logarithmic axes.
fn tail(results: &Results) -> Option<Chart> {
    let parts = parts(results);
    if parts.is_empty() {
        return None;
    }
    let series = |&(name, colour, histogram): &(&'static str, usize, &Histogram)| {
        Series::new(name, colour, Mark::Line(exceedance(histogram)))
    };
    let series: Vec<Series> = parts.iter().map(series).collect();
    let p99 = results.number("latency_s.p99").map_or(String::new(), |value| {
        format!(" One in a hundred takes longer than {}.", text::time(value.estimate))
    });
    // An axis over waits of nanoseconds would show nothing but them.
    let fastest = parts.iter().filter(|part| part.0 != "wait");
    let fastest = fastest.filter_map(|part| part.2.quantile(0.01)).min();
    let fastest = fastest.map_or(1e-6, seconds).max(1e-9);
    let most = parts.iter().filter_map(|part| part.2.max()).max().map_or(1.0, seconds);
    Some(Chart {
        name: "latency-tail",
        title: "How many requests take longer".to_owned(),
        about: format!("The share of requests above each latency, on logarithmic axes.{p99}"),
        x: latency().logarithmic().from(fastest.min(most / 10.0)).to(most),
        y: Axis::of("share that takes longer", Unit::Share).logarithmic().to(1.0),
        series,
        rules: objectives(results, At::X),
    })
}

/// (x, share above x) down to the share that ten requests make up, thinned to what can be seen.
pub(super) fn exceedance(histogram: &Histogram) -> Vec<(f64, f64)> {
    let floor = (10.0 / histogram.len() as f64).clamp(1e-5, 1e-2);
    let first = histogram.min().map(|min| (seconds(min), 1.0));
    let points: Vec<(f64, f64)> = histogram
        .ccdf()
        .map(|(x, share)| (seconds(x), share))
        .take_while(|&(_, share)| share >= floor)
        .collect();
    first
        .into_iter()
        .chain(thinned(&points, |&(x, share)| (x.ln() * 60.0, share.ln() * 60.0)))
        .collect()
}

/// The points that move at least a step from the one kept before them, and the last.
fn thinned(points: &[(f64, f64)], place: impl Fn(&(f64, f64)) -> (f64, f64)) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (number, point) in points.iter().enumerate() {
        let far = kept.last().is_none_or(|last| {
            let (from, to) = (place(last), place(point));
            (to.0 - from.0).abs() + (to.1 - from.1).abs() >= 1.0 || !from.0.is_finite()
        });
        if far || number + 1 == points.len() {
            kept.push(*point);
        }
    }
    kept
}

/// The distribution function of latency and its parts, on an even axis up to p99.5.
fn distribution(results: &Results) -> Option<Chart> {
    let parts = parts(results);
    let most = parts.iter().filter_map(|part| part.2.quantile(0.995)).max().map(seconds)?;
    let series = |&(name, colour, histogram): &(&'static str, usize, &Histogram)| {
        let (all, step) = (histogram.len() as f64, MOST as f64 / 2.0);
        let ends = histogram.buckets().scan(0, |seen, bucket| {
            let before = *seen as f64 / all;
            *seen += bucket.count;
            let (low, high) = (bucket.low.max(histogram.min()?), bucket.high.min(histogram.max()?));
            Some([(seconds(low), before), (seconds(high), *seen as f64 / all)])
        });
        // A value that many requests share is a step.
        let points = ends.flat_map(|[low, high]| {
            let jump = high.1 - low.1 > 0.005;
            [Some(low).filter(|_| jump), Some(high)].into_iter().flatten()
        });
        let points: Vec<(f64, f64)> = points.take_while(|&(x, _)| x <= most).collect();
        let curve = thinned(&points, |&(x, share)| (x / most * step, share * step));
        let from_zero = [(0.0, 0.0)].into_iter().filter(|_| histogram.min() != Some(0));
        Series::new(name, colour, Mark::Line(from_zero.chain(curve).collect()))
    };
    let median = results.number("latency_s.p50").map_or(String::new(), |value| {
        format!(" Half of the requests take at most {}.", text::time(value.estimate))
    });
    Some(Chart {
        name: "latency-distribution",
        title: "How long requests take".to_owned(),
        about: format!("The share of requests up to each latency, wait and service.{median}"),
        x: latency().from(0.0).to(most).tight(),
        y: Axis::of("share of requests", Unit::Share).from(0.0).to(1.0),
        series: parts.iter().map(series).collect(),
        rules: objectives(results, At::X)
            .into_iter()
            .filter(|rule| matches!(rule.at, At::X(x) if x <= most))
            .collect(),
    })
}

/// Latency over time: a heat map with the lines of p50 and p99.
fn heat(results: &Results) -> Option<Chart> {
    if results.heat.is_empty() {
        return None;
    }
    let total: u64 = results.heat.iter().map(|cell| cell.count).sum();
    // The lowest thousandth would stretch the axis over decades that hold next to nothing.
    let mut by_height: Vec<(f64, u64)> =
        results.heat.iter().map(|cell| (cell.low_s, cell.count)).collect();
    by_height.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut seen = 0;
    let floor = by_height.iter().find(|(low, count)| {
        seen += count;
        seen * 200 > total && *low > 0.0
    });
    let floor = floor.map_or(1e-9, |cell| cell.0);
    let cells = results.heat.iter().filter(|cell| cell.high_s > floor);
    let cells: Vec<_> = cells
        .map(|cell| {
            let low = cell.low_s.max(floor);
            (cell.start_s, cell.end_s, low, cell.high_s, cell.count as f64)
        })
        .collect();
    let line = |of: fn(&Row) -> Option<f64>| {
        Mark::Line(mid_points(results, |row| of(row).unwrap_or(f64::NAN)))
    };
    let mut series = vec![Series::new("requests, few to many", 0, Mark::Cells(cells))];
    if !results.timeline.is_empty() {
        series.push(Series::new("p50", 3, line(|row| row.p50)));
        series.push(Series::new("p99", 1, line(|row| row.p99)));
    }
    let mut rules = objectives(results, At::Y);
    rules.extend(warm_up(results));
    Some(Chart {
        name: "latency-over-time",
        title: "Latency over time".to_owned(),
        about: "Requests by the time they ended and their latency; darker cells hold more. Lines \
                show the median and the 99th percentile of each interval."
            .to_owned(),
        x: time(results),
        y: latency().logarithmic().from(floor),
        series,
        rules,
    })
}

/// (middle of the interval, value) of each row.
fn mid_points(results: &Results, value: impl Fn(&Row) -> f64) -> Vec<(f64, f64)> {
    let middle = |row: &Row| f64::midpoint(row.start_s, row.end_s);
    shown(results).iter().map(|row| (middle(row), value(row))).collect()
}

/// (start of the interval, value) of each row, and the end of the last.
fn stairs(results: &Results, value: impl Fn(&Row) -> f64) -> Mark {
    let rows = shown(results);
    let points = rows.iter().map(|row| (row.start_s, value(row)));
    let last = rows.last().map(|row| (row.end_s, value(row)));
    Mark::Step(points.chain(last).collect())
}

/// The most actions of an autoscaler that are marked: more would hide each other.
const ACTIONS: f64 = 240.0;

/// Where autoscalers changed the count or the size of servers: on a curve, or at the count that
/// was set where there is one pool alone.
fn actions(results: &Results, curve: &dyn Fn(&Row) -> f64, set: bool) -> Vec<Series> {
    let rows = shown(results);
    let pools = results.list("autoscaling");
    let alone = set && pools.len() == 1 && results.list("pools").len() == 1;
    let on_curve = |at: f64| {
        let row = rows.partition_point(|row| row.start_s <= at).checked_sub(1)?;
        Some(curve(&rows[row]))
    };
    let mut all: Vec<(f64, f64, Option<f64>)> = Vec::new();
    for one in pools.iter().filter_map(|pool| pool["decisions"].as_array()).flatten() {
        let count = |key: &str| one[key].as_f64().unwrap_or(0.0);
        let change = count("allowed") - count("starting") - count("ready");
        let at = count("at_s");
        let height = if alone { one["allowed"].as_f64() } else { on_curve(at) };
        all.push((at, change, height));
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let apart = end(results) / ACTIONS;
    [("scaled out", 3, 1.0), ("scaled in", 4, -1.0)]
        .into_iter()
        .filter_map(|(name, colour, sign)| {
            let mut free = f64::NEG_INFINITY;
            let mut dots = Vec::new();
            for &(at, _, height) in all.iter().filter(|(_, change, _)| change * sign > 0.0) {
                if let Some(height) = height.filter(|_| at >= free) {
                    dots.push((at, height));
                    free = at + apart;
                }
            }
            (!dots.is_empty()).then(|| Series::new(name, colour, Mark::Dots(dots)))
        })
        .collect()
}

/// So many a second.
fn per_second(row: &Row, count: u64) -> f64 {
    let span = row.end_s - row.start_s;
    if span > 0.0 { count as f64 / span } else { 0.0 }
}

fn arrivals(results: &Results) -> Chart {
    let rate = |of: fn(&Row) -> u64| stairs(results, move |row| per_second(row, of(row)));
    let mut series = vec![
        Series::new("arrivals", 0, rate(|row| row.arrivals)),
        Series::new("completions", 2, rate(|row| row.completions)),
    ];
    if results.timeline.iter().any(|row| row.errors > 0) {
        series.push(Series::new("errors", 1, rate(|row| row.errors)));
    }
    series.extend(actions(results, &|row| per_second(row, row.arrivals), false));
    Chart {
        name: "arrivals",
        title: "Arrivals and completions".to_owned(),
        about: "Requests that arrived and that ended in each interval, a second.".to_owned(),
        x: time(results),
        y: Axis::of("requests", Unit::PerSecond).from(0.0),
        series,
        rules: warm_up(results),
    }
}

fn servers(results: &Results) -> Chart {
    let changes = results.timeline.iter().any(|row| row.starting > 0.0 || row.draining > 0.0);
    let mut series = vec![Series::new("serving", 0, stairs(results, |row| row.servers))];
    if results.timeline.iter().any(|row| row.warming > 0.0) {
        series.push(Series::new("of them warming", 2, stairs(results, |row| row.warming)));
    }
    if changes {
        series.push(Series::new("starting", 3, stairs(results, |row| row.starting)));
        series.push(Series::new("draining", 4, stairs(results, |row| row.draining)));
    }
    series.extend(actions(results, &|row| row.servers, true));
    Chart {
        name: "servers",
        title: "Servers".to_owned(),
        about: "Servers by what they do, the mean of each interval; dots are the counts that an \
                autoscaler set."
            .to_owned(),
        x: time(results),
        y: Axis::of("servers", Unit::Count).from(0.0),
        series,
        rules: warm_up(results),
    }
}

fn utilization(results: &Results) -> Chart {
    let overall = results.number("utilization").map(|mean| mean.estimate);
    let words = overall.map_or(String::new(), |mean| format!(": {} overall", text::percent(mean)));
    Chart {
        name: "utilization",
        title: "Utilization".to_owned(),
        about: format!("The share of slot time spent serving in each interval{words}."),
        x: time(results),
        y: Axis::of("busy share of slots", Unit::Share).from(0.0).to(1.0),
        series: [Series::new("utilization", 0, stairs(results, |row| row.utilization))]
            .into_iter()
            .chain(actions(results, &|row| row.utilization, false))
            .collect(),
        rules: warm_up(results),
    }
}

fn queue(results: &Results) -> Chart {
    Chart {
        name: "in-system",
        title: "Requests in the system".to_owned(),
        about: "Requests in the system and those of them that wait, the mean of each interval."
            .to_owned(),
        x: time(results),
        y: Axis::of("requests", Unit::Plain).from(0.0),
        series: vec![
            Series::new("in the system", 0, stairs(results, |row| row.in_system)),
            Series::new("waiting", 1, stairs(results, |row| row.queue)),
        ],
        rules: warm_up(results),
    }
}

/// Cost from the start on, where servers have a price.
fn cost(results: &Results) -> Option<Chart> {
    let total: f64 = results.timeline.iter().map(|row| row.cost).sum();
    let mut spent = 0.0;
    let sums = shown(results).iter().map(|row| {
        spent += row.cost;
        (row.end_s, spent)
    });
    let points = [(0.0, 0.0)].into_iter().chain(sums).collect();
    (total > 0.0).then(|| Chart {
        name: "cost",
        title: "Cost so far".to_owned(),
        about: format!("What the servers cost from the start on: {}.", text::digits(total)),
        x: time(results),
        y: Axis::of("cost", Unit::Money(results.currency())).from(0.0),
        series: vec![Series::new("cost", 0, Mark::Line(points))],
        rules: Vec::new(),
    })
}

/// The height of a part of a stack.
type Height = fn(&crate::outcome::PoolBill) -> f64;

/// What was paid for, pool by pool, where the bill is known in parts; the parts are stacked.
fn bill(results: &Results) -> Option<Chart> {
    let breakdown: crate::outcome::Breakdown =
        serde_json::from_value(results.at("cost.breakdown").clone()).ok()?;
    let mut names: Vec<String> = breakdown.pools.iter().map(|bill| bill.pool.clone()).collect();
    names.extend(breakdown.penalties.iter().map(|penalty| penalty.objective.clone()));
    let places = breakdown.pools.len();
    // Taller stacks first, so that each part is drawn over the ones that contain it.
    let parts: [(&str, Height); 4] = [
        ("rounded up", |bill| bill.total()),
        ("starting", |bill| bill.busy + bill.idle + bill.starting),
        ("idle", |bill| bill.busy + bill.idle),
        ("busy", |bill| bill.busy),
    ];
    let bar = |place: usize, height: f64| (place as f64 - 0.35, place as f64 + 0.35, height);
    let mut series: Vec<Series> = (0..4)
        .rev()
        .zip(parts)
        .map(|(colour, (name, height))| {
            let bars = breakdown.pools.iter().enumerate();
            let bars = bars.map(|(place, bill)| bar(place, height(bill))).collect();
            Series::new(name, colour, Mark::Bars(bars))
        })
        .collect();
    if !breakdown.penalties.is_empty() {
        let bars = breakdown.penalties.iter().enumerate();
        let bars = bars.map(|(place, penalty)| bar(places + place, penalty.amount)).collect();
        series.push(Series::new("penalty", 4, Mark::Bars(bars)));
    }
    (breakdown.total() > 0.0).then(|| Chart {
        name: "cost-breakdown",
        title: "What was paid for".to_owned(),
        about: "The cost of each pool by what its servers did, and penalties.".to_owned(),
        x: Axis::names("", names),
        y: Axis::of("cost", Unit::Money(results.currency())).from(0.0),
        series,
        rules: Vec::new(),
    })
}

/// The most servers that have a bar each.
const BARS: usize = 60;

/// What each server did, or, of many servers, how their loads are spread.
fn per_server(results: &Results) -> Option<Chart> {
    let mut series = Vec::new();
    let mut number = 0.0;
    for (colour, pool) in results.list("pools").iter().enumerate() {
        let servers = pool["servers"].as_array()?;
        let loads = servers.iter().filter_map(|server| Number::of(&server["utilization"]));
        let mut loads: Vec<f64> = loads.map(|load| load.estimate).collect();
        loads.sort_by(|a, b| b.total_cmp(a));
        let gap = if servers.len() > BARS { 0.0 } else { 0.1 };
        let bars = loads
            .into_iter()
            .map(|load| {
                number += 1.0;
                (number - 0.5 + gap, number + 0.5 - gap, load)
            })
            .collect();
        series.push(Series::new(
            pool["name"].as_str().unwrap_or_default(),
            colour,
            Mark::Bars(bars),
        ));
    }
    (number > 1.0).then(|| Chart {
        name: "per-server",
        title: "Load of each server".to_owned(),
        about: "Utilization of each server, the busiest of each pool first.".to_owned(),
        x: Axis::of("servers, the busiest first", Unit::Count).from(0.5).to(number + 0.5).tight(),
        y: Axis::of("busy share of slots", Unit::Share).from(0.0).to(1.0),
        series,
        rules: Vec::new(),
    })
}
