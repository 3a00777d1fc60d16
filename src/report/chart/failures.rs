//! The charts of failures: attempts beside requests and goodput, and servers that are out or
//! doubted.

use serde_json::Value;

use super::super::results::Results;
use super::{At, Axis, Chart, Mark, Rule, Series, Unit};

/// The charts of a run in which something may fail.
pub(super) fn of_failures(results: &Results) -> Vec<Chart> {
    let moments = results.list("resilience.timeline");
    if moments.len() < 2 {
        return Vec::new();
    }
    let mut charts = vec![load(results, moments)];
    let any = |key: &str| moments.iter().any(|it| number(it, key) > 0.0);
    if any("errors") || any("again") {
        charts.push(shares(results, moments));
    }
    if any("out") || any("shunned") {
        charts.push(servers(results, moments));
    }
    charts
}

fn number(moment: &Value, key: &str) -> f64 {
    moment[key].as_f64().unwrap_or(0.0)
}

/// The width of an interval: all are equal.
fn width(moments: &[Value]) -> f64 {
    number(&moments[1], "at_s") - number(&moments[0], "at_s")
}

fn end(moments: &[Value]) -> f64 {
    number(&moments[moments.len() - 1], "at_s") + width(moments)
}

fn time(moments: &[Value]) -> Axis {
    Axis::of("time since the start", Unit::Seconds).from(0.0).to(end(moments)).tight()
}

fn stairs(moments: &[Value], value: impl Fn(&Value) -> f64) -> Mark {
    let points = moments.iter().map(|it| (number(it, "at_s"), value(it)));
    let last = moments.last().map(|it| (end(moments), value(it)));
    Mark::Step(points.chain(last).collect())
}

/// When the first fault came and the last one went.
fn rules(results: &Results) -> Vec<Rule> {
    let rule = |name: &str, path: &str| {
        let at = results.at(path).as_f64()?;
        Some(Rule { name: name.to_owned(), at: At::X(at) })
    };
    let first = rule("first fault", "resilience.first_fault_s");
    let last = rule("last fault over", "resilience.last_fault_s");
    first.into_iter().chain(last).collect()
}

fn load(results: &Results, moments: &[Value]) -> Chart {
    let span = width(moments);
    let rate = |key: &'static str| stairs(moments, move |it| number(it, key) / span);
    let mut series = vec![
        Series::new("attempts", 3, rate("attempts")),
        Series::new("requests", 0, rate("arrivals")),
        Series::new("answered", 2, rate("answered")),
    ];
    if moments.iter().any(|it| number(it, "errors") > 0.0) {
        series.push(Series::new("errors", 1, rate("errors")));
    }
    let storm = results.number("resilience.metastable.goodput").map_or(String::new(), |goodput| {
        let answered = super::super::text::digits(goodput.estimate);
        format!(" The overload outlives its cause: {answered} a second are answered to the end.")
    });
    Chart {
        name: "attempts",
        title: "Attempts, requests, answers".to_owned(),
        about: format!(
            "What the fleet is sent, what clients ask, and what is answered, a second. Attempts \
             above requests are retries and copies.{storm}"
        ),
        x: time(moments),
        y: Axis::of("a second", Unit::PerSecond).from(0.0),
        series,
        rules: rules(results),
    }
}

/// The goodput and the error rate as shares, by what became of requests.
fn shares(results: &Results, moments: &[Value]) -> Chart {
    let share = |part: &dyn Fn(&Value) -> f64, whole: &dyn Fn(&Value) -> f64| {
        stairs(moments, |it| {
            let whole = whole(it);
            // Where nothing ended there is no share, rather than one of 0.
            if whole > 0.0 { (part(it) / whole).min(1.0) } else { f64::NAN }
        })
    };
    let of = |key: &'static str| move |it: &Value| number(it, key);
    let ended = |it: &Value| number(it, "answered") + number(it, "errors");
    let failed =
        |it: &Value| number(it, "errors") - number(it, "refused") - number(it, "timed_out");
    let any = |value: &dyn Fn(&Value) -> f64| moments.iter().any(|it| value(it) > 0.0);
    let mut series = vec![Series::new("answered", 2, share(&of("answered"), &ended))];
    let mut end = |name, colour, part: &dyn Fn(&Value) -> f64| {
        if any(part) {
            series.push(Series::new(name, colour, share(part, &ended)));
        }
    };
    end("failed", 1, &failed);
    end("timed out", 5, &of("timed_out"));
    end("refused", 3, &of("refused"));
    if any(&of("again")) {
        let again = share(&of("again"), &of("attempts"));
        series.push(Series::new("repeats among attempts", 0, again));
    }
    let total = |value: &dyn Fn(&Value) -> f64| moments.iter().map(value).sum::<f64>();
    let lost = total(&of("errors")) / total(&ended).max(1.0);
    Chart {
        name: "error-rate",
        title: "What becomes of requests".to_owned(),
        about: format!(
            "The share of requests that ended in each interval which were answered, failed, timed \
             out or were refused ({} were not answered in all), and of attempts which were sent \
             again.",
            super::super::text::percent(lost)
        ),
        x: time(moments),
        y: Axis::of("share", Unit::Share).from(0.0).to(1.0),
        series,
        rules: rules(results),
    }
}

fn servers(results: &Results, moments: &[Value]) -> Chart {
    Chart {
        name: "health",
        title: "Servers out, and servers not used".to_owned(),
        about: "Servers that are out, and servers that balancers do not use because checks or \
                ejection say so; the gap between the two is the time it takes to find out."
            .to_owned(),
        x: time(moments),
        y: Axis::of("servers", Unit::Count).from(0.0),
        series: vec![
            Series::new("out", 1, stairs(moments, |it| number(it, "out"))),
            Series::new("not used", 0, stairs(moments, |it| number(it, "shunned"))),
        ],
        rules: rules(results),
    }
}
