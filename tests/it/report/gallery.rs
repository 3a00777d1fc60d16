//! Charts of every kind with data that charts stumble over: one series, twelve, a flat one, one
//! point, nine decades, nothing at all.

use plimsoll::report::chart::{At, Axis, Chart, Mark, Rule, Series, Unit};

/// Data with the name of what is odd about them: a list of points for each series.
type Data = Vec<Vec<(f64, f64)>>;

/// Every kind of mark with every kind of data, under a name for a file.
pub(crate) fn charts() -> Vec<(String, Chart)> {
    let mut all = Vec::new();
    for (what, data) in oddities() {
        for kind in KINDS {
            for log in [false, true] {
                let spacing = if log { "log" } else { "even" };
                all.push((format!("{kind}-{what}-{spacing}"), chart(kind, what, &data, log)));
            }
        }
    }
    all
}

const KINDS: [&str; 7] = ["line", "step", "dots", "bars", "band", "whiskers", "cells"];

fn oddities() -> Vec<(&'static str, Data)> {
    let wave = |phase: f64| {
        let y = |x: f64| 40.0 + 12.0 * phase + 25.0 * (x / 9.0 + phase).sin();
        (1..=60).map(f64::from).map(|x| (x, y(x))).collect::<Vec<_>>()
    };
    let decades = (0..=45).map(|k| f64::from(k) / 5.0 - 6.0);
    vec![
        ("one", vec![wave(0.0)]),
        ("twelve", (0..12).map(|k| wave(f64::from(k))).collect()),
        ("flat", vec![(1..=60).map(|x| (f64::from(x), 7.0)).collect()]),
        ("flat-zero", vec![(1..=60).map(|x| (f64::from(x), 0.0)).collect()]),
        ("one-point", vec![vec![(3.0, 7.0)]]),
        ("decades", vec![decades.map(|k| (10_f64.powf(k), 10_f64.powf(k))).collect()]),
        ("gaps", vec![vec![(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 1.5), (4.0, 1.0)]]),
        ("nothing", vec![Vec::new()]),
    ]
}

fn chart(kind: &str, what: &str, data: &Data, log: bool) -> Chart {
    let series = data.iter().enumerate().map(|(place, points)| {
        let name = format!("{} {}", ["tier", "a longer name"][place % 2], place + 1);
        Series::new(name, place, mark(kind, points))
    });
    let (x, y) = (Axis::of("time since the start", Unit::Seconds), Axis::of("latency", unit(what)));
    let (x, y) = if log { (x.logarithmic(), y.logarithmic()) } else { (x, y) };
    let rule = |name: &str, at: At| Rule { name: name.to_owned(), at };
    Chart {
        name: "gallery",
        title: format!("{kind}: {what}"),
        about: "A chart of odd data.".to_owned(),
        x,
        y,
        series: series.collect(),
        rules: vec![rule("p99 < 8s", At::Y(8.0)), rule("end of the warm-up", At::X(2.0))],
    }
}

fn unit(what: &str) -> Unit {
    match what {
        "flat" => Unit::Count,
        "decades" => Unit::Seconds,
        "one-point" => Unit::Money("USD".to_owned()),
        _ => Unit::Plain,
    }
}

fn mark(kind: &str, points: &[(f64, f64)]) -> Mark {
    // The width of a bar or a cell: small beside any of these data.
    let wide = |x: f64| (x * 0.9, x * 1.1 + 1e-9);
    match kind {
        "line" => Mark::Line(points.to_vec()),
        "step" => Mark::Step(points.to_vec()),
        "dots" => Mark::Dots(points.to_vec()),
        "bars" => Mark::Bars(points.iter().map(|&(x, y)| (wide(x).0, wide(x).1, y)).collect()),
        "band" => Mark::Band(points.iter().map(|&(x, y)| (x, y * 0.8, y * 1.2)).collect()),
        "whiskers" => {
            Mark::Whiskers(points.iter().map(|&(x, y)| (y, x * 0.7, x, x * 1.5)).collect())
        }
        _ => {
            let cell = |(count, &(x, y)): (usize, &(f64, f64))| {
                let ((left, right), (low, high)) = (wide(x), wide(y));
                (left, right, low, high, count as f64 + 1.0)
            };
            Mark::Cells(points.iter().enumerate().map(cell).collect())
        }
    }
}
