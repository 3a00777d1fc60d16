//! The charts of a sweep: cost against latency, latency along and across its axes, the best points.

use super::super::sweep::short_names;
use super::dimension::{Dimension, written};
use super::{At, Axis, Chart, Mark, Rule, Series, Unit};
use crate::outcome::{Estimate, Front, Point, Status, Summary, Sweep, traffics as traffics_of};
use crate::scenario::{Goal, Measure};

/// Points that are named in the chart of the best.
const BEST: usize = 12;

/// The most letters of a title that fit above a chart.
const TITLE: usize = 64;

/// Every chart that a sweep has data for.
pub fn of_sweep(sweep: &Sweep) -> Vec<Chart> {
    let dimensions = Dimension::all_of(sweep);
    let latency = Measure::parse(&sweep.latency).unwrap_or(Measure::Mean);
    let mut charts = Vec::new();
    charts.extend(cost_and_latency(sweep, latency, &dimensions));
    charts.extend(along(sweep, latency, &dimensions));
    charts.extend(known(sweep, &dimensions));
    charts.extend(across(sweep, latency, &dimensions));
    charts.extend(best(sweep, latency));
    charts
}

fn unit_of(measure: Measure, sweep: &Sweep) -> Unit {
    match measure {
        Measure::Errors | Measure::Utilization => Unit::Share,
        Measure::CostPerHour => {
            let first = sweep.points.first();
            Unit::Money(first.map_or(String::new(), |point| point.measures.cost.currency.clone()))
        }
        _ => Unit::Seconds,
    }
}

fn word(measure: Measure) -> String {
    match measure {
        Measure::CostPerHour => "cost an hour".to_owned(),
        Measure::Percentile(_) | Measure::Mean | Measure::Max => format!("{measure} latency"),
        _ => measure.to_string(),
    }
}

/// A value that can be drawn: known, and of a steady state where there should be one.
fn drawn(measure: Measure, point: &Point) -> Option<Estimate> {
    let found = measure.of(&point.measures);
    (found.estimate.is_some() && found.status != Status::Unstable).then_some(found)
}

/// The objectives about a measure as lines.
fn objectives(sweep: &Sweep, measure: Measure, place: fn(f64) -> At) -> Vec<Rule> {
    let slo = sweep.points.first().map_or(&[][..], |point| &point.measures.slo);
    let goals = slo.iter().filter_map(|slo| Goal::parse(&slo.objective).ok());
    let own = goals.filter(|goal| goal.measure == measure);
    own.map(|goal| Rule { at: place(goal.limit), name: goal.text }).collect()
}

/// An axis upward from 0, or by the logarithm where values lie decades apart.
fn upward(measure: Measure, sweep: &Sweep, values: &[f64]) -> Axis {
    let axis = Axis::of(word(measure), unit_of(measure, sweep));
    let high = values.iter().copied().fold(0.0, f64::max);
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    if low > 0.0 && high > 20.0 * low { axis.logarithmic() } else { axis.from(0.0) }
}

/// (x, low, estimate, high) with open ends where an interval has none.
fn interval(at: f64, estimate: &Estimate) -> Option<(f64, f64, f64, f64)> {
    let centre = estimate.estimate?;
    let (low, high) =
        (estimate.low.unwrap_or(f64::NEG_INFINITY), estimate.high.unwrap_or(f64::INFINITY));
    Some((at, low, centre, high))
}

/// A point with its cost and its latency.
type Placed<'a> = (&'a Point, (f64, f64));

/// Each point by what it costs and how late it is, and the front that no point beats.
fn cost_and_latency(sweep: &Sweep, latency: Measure, dimensions: &[Dimension]) -> Option<Chart> {
    let place = |point: &Point| {
        let cost = drawn(Measure::CostPerHour, point)?.estimate.filter(|cost| *cost > 0.0)?;
        Some((cost, drawn(latency, point)?.estimate?))
    };
    let placed: Vec<Placed<'_>> =
        sweep.points.iter().filter_map(|point| Some((point, place(point)?))).collect();
    let first = placed.first()?.1.0;
    if placed.iter().all(|(_, (cost, _))| *cost == first) {
        return None;
    }
    let dots = |name: &str, colour: usize, own: &dyn Fn(&Point) -> bool| {
        let places = placed.iter().filter(|(point, _)| own(point)).map(|(_, place)| *place);
        Series::new(name, colour, Mark::Dots(places.collect()))
    };
    let mut traffics: Vec<(String, Vec<&Placed<'_>>)> = Vec::new();
    let groups = traffics_of(&sweep.axes, placed.iter().map(|(point, _)| &point.values));
    for (one, traffic) in placed.iter().zip(groups) {
        match traffics.iter_mut().find(|(known, _)| *known == traffic) {
            Some((_, own)) => own.push(one),
            None => traffics.push((traffic, vec![one])),
        }
    }
    if traffics.len() > 6 {
        // Fronts of many loads are told better by the charts along and across them.
        return None;
    }
    let front = |own: &[&Placed<'_>]| {
        let on = own.iter().filter(|(point, _)| point.front == Front::On);
        let mut line: Vec<(f64, f64)> = on.map(|(_, place)| *place).collect();
        line.sort_by(|a, b| a.0.total_cmp(&b.0));
        Mark::Line(line)
    };
    let several = traffics.len() > 1;
    let mut series: Vec<Series> = Vec::new();
    for (colour, (_, own)) in traffics.iter().enumerate() {
        let (name, colour) = if several { ("", colour) } else { ("front", 6) };
        series.push(Series::new(name, colour, front(own)));
    }
    // What points are of is told by colour where a few words tell it, else where they lie.
    match dimensions.iter().find(|dimension| dimension.is_words() && dimension.len() <= 6) {
        _ if several => series.extend(traffics.iter().enumerate().map(|(colour, (name, own))| {
            let name = name.rsplit('.').next().unwrap_or(name);
            Series::new(name, colour, Mark::Dots(own.iter().map(|(_, place)| *place).collect()))
        })),
        Some(words) => series.extend((0..words.len()).map(|value| {
            dots(words.value(value), value, &|point| words.of_point(point) == Some(value))
        })),
        None => series.extend([
            dots("beaten in both", 5, &|point| matches!(point.front, Front::Beaten | Front::Out)),
            dots("may be on the front", 3, &|point| point.front == Front::Open),
            dots("on the front", 0, &|point| point.front == Front::On),
        ]),
    }
    series.retain(|series| !matches!(&series.mark, Mark::Dots(dots) if dots.is_empty()));
    let values: Vec<f64> = placed.iter().map(|(_, place)| place.1).collect();
    Some(Chart {
        name: "cost-latency",
        title: "Cost against latency".to_owned(),
        about: format!(
            "What each point costs an hour and its {}; the line joins the points that no other \
             beats in both.",
            word(latency)
        ),
        x: Axis::of("cost an hour", unit_of(Measure::CostPerHour, sweep)),
        y: upward(latency, sweep, &values),
        series,
        rules: objectives(sweep, latency, At::Y),
    })
}

/// Latency along the first axis of numbers, a rate before others: a line for each value of another
/// axis, the best of all that lie on it.
fn along(sweep: &Sweep, latency: Measure, dimensions: &[Dimension]) -> Option<Chart> {
    let x = leading(dimensions)?;
    let other = splitting(dimensions, x);
    let lines = Lines { sweep, x, other, dimensions };
    let own = |point: &Point| drawn(latency, point);
    let (series, theory) = (lines.series(&own), lines.theory(latency, &own));
    let values: Vec<f64> = series.iter().flat_map(heights).collect();
    if values.is_empty() {
        return None;
    }
    let title = match x.is_rate() {
        true => "Latency under load".to_owned(),
        false => format!("{} by {}", word(latency), x.name()),
    };
    Some(Chart {
        name: if x.is_rate() { "load-latency" } else { "along" },
        title: lines.titled(title, &own),
        about: lines.about(&word(latency), &own),
        x: beneath(x),
        y: upward(latency, sweep, &values),
        series: series.into_iter().chain(theory).collect(),
        rules: objectives(sweep, latency, At::Y),
    })
}

/// The mean latency of the points that theory knows beside what it knows of them, where the other
/// chart shows another measure.
fn known(sweep: &Sweep, dimensions: &[Dimension]) -> Option<Chart> {
    let x = leading(dimensions)?;
    let lines = Lines { sweep, x, other: splitting(dimensions, x), dimensions };
    let own = |point: &Point| {
        point.measures.theory.as_ref()?;
        drawn(Measure::Mean, point)
    };
    let theory = lines.theory(Measure::Mean, &own);
    if sweep.latency == "mean" || theory.is_empty() {
        return None;
    }
    let series = lines.series(&own);
    let values: Vec<f64> = series.iter().flat_map(heights).collect();
    Some(Chart {
        name: "theory",
        title: "Mean latency and what theory knows".to_owned(),
        about: format!("{} Dashed lines are exact.", lines.about("mean latency", &own)),
        x: beneath(x),
        y: upward(Measure::Mean, sweep, &values),
        series: series.into_iter().chain(theory).collect(),
        rules: objectives(sweep, Measure::Mean, At::Y),
    })
}

/// The axis of numbers that a chart is drawn along; whole ones have no places between them.
fn beneath(x: &Dimension) -> Axis {
    let whole = (0..x.len()).filter_map(|place| x.number(place)).all(|value| value.fract() == 0.0);
    Axis::of(x.label(), if whole { Unit::Count } else { Unit::Plain })
}

/// The axis to draw along: of numbers with three values or more, a rate before others.
fn leading(dimensions: &[Dimension]) -> Option<&Dimension> {
    let long = || dimensions.iter().filter(|one| one.is_numbers() && one.len() > 2);
    long().find(|dimension| dimension.is_rate()).or_else(|| long().next())
}

/// The axis whose values have a line each: few enough to tell apart, words before numbers.
fn splitting<'a>(dimensions: &'a [Dimension], x: &Dimension) -> Option<&'a Dimension> {
    let few = || {
        dimensions.iter().filter(|other| other.path() != x.path() && (2..=7).contains(&other.len()))
    };
    few().find(|dimension| dimension.is_words()).or_else(|| few().next())
}

fn heights(series: &Series) -> Vec<f64> {
    match &series.mark {
        Mark::Line(points) => points.iter().map(|point| point.1).collect(),
        _ => Vec::new(),
    }
}

/// Lines along one axis, one for each value of another.
struct Lines<'a> {
    sweep: &'a Sweep,
    x: &'a Dimension,
    other: Option<&'a Dimension>,
    dimensions: &'a [Dimension],
}

impl Lines<'_> {
    /// Each line's name, and at each place the point with the smallest value.
    fn best(&self, value: &dyn Fn(&Point) -> Option<f64>) -> Vec<(String, Vec<(f64, &Point)>)> {
        let count = self.other.map_or(1, Dimension::len);
        let line = |group: usize| {
            let own = |point: &&Point| {
                self.other.is_none_or(|other| other.of_point(point) == Some(group))
            };
            let at = |place: usize| {
                let here = self.sweep.points.iter().filter(own);
                let here = here.filter(|point| self.x.of_point(point) == Some(place));
                let known = here.filter_map(|point| Some((value(point)?, point)));
                let best = known.min_by(|a, b| a.0.total_cmp(&b.0))?;
                Some((self.x.number(place)?, best.1))
            };
            let name = self.other.map_or(String::new(), |other| other.told(group));
            (name, (0..self.x.len()).filter_map(at).collect())
        };
        (0..count).map(line).collect()
    }

    fn series(&self, of: &dyn Fn(&Point) -> Option<Estimate>) -> Vec<Series> {
        let lines = self.best(&|point| of(point)?.estimate);
        let each = lines.into_iter().enumerate().flat_map(|(colour, (name, points))| {
            let centre = |(x, point): &(f64, &Point)| Some((*x, of(point)?.estimate?));
            let whole = |(x, point): &(f64, &Point)| interval(*x, &of(point)?);
            let name = if name.is_empty() { "simulated".to_owned() } else { name };
            [
                Series::new(name, colour, Mark::Line(points.iter().filter_map(centre).collect())),
                Series::new("", colour, Mark::Intervals(points.iter().filter_map(whole).collect())),
            ]
        });
        each.filter(|series| !is_empty(series)).collect()
    }

    /// What theory knows of the points of each line, dashed.
    fn theory(&self, measure: Measure, of: &dyn Fn(&Point) -> Option<Estimate>) -> Vec<Series> {
        let exact = |point: &Point| value_of(measure, &point.measures.theory.as_ref()?.latency_s);
        let lines = self.best(&|point| of(point)?.estimate).into_iter().enumerate();
        let each = lines.map(|(colour, (name, points))| {
            let line = points.iter().filter_map(|(x, point)| Some((*x, exact(point)?)));
            // The palette begins anew after seven colours, dashed.
            let (name, colour) = match name.as_str() {
                "" => ("theory".to_owned(), 8),
                name => (format!("theory: {name}"), colour + 7),
            };
            Series::new(name, colour, Mark::Line(line.collect()))
        });
        each.filter(|series| !is_empty(series)).collect()
    }

    /// The fields that lines and axis do not show: those of one value throughout, with it, and
    /// those whose best value is drawn at each place, with the values that are.
    fn others(&self, of: &dyn Fn(&Point) -> Option<Estimate>) -> (Vec<String>, Vec<String>) {
        let used = |one: &&Dimension| {
            one.path() != self.x.path() && self.other.is_none_or(|other| other.path() != one.path())
        };
        let lines = self.best(&|point| of(point)?.estimate);
        let drawn: Vec<&Point> =
            lines.iter().flat_map(|(_, points)| points.iter().map(|(_, point)| *point)).collect();
        let (mut held, mut free) = (Dimension::held(self.sweep), Vec::new());
        for one in self.dimensions.iter().filter(used) {
            let mut values: Vec<usize> = drawn.iter().filter_map(|it| one.of_point(it)).collect();
            values.sort_unstable();
            values.dedup();
            match values.as_slice() {
                [value] => held.push(format!("{} {}", one.name(), one.value(*value))),
                values => {
                    let values = values.iter().map(|&value| one.value(value));
                    let values = values.collect::<Vec<_>>().join(", ");
                    free.push(format!("{} ({values})", one.name()));
                }
            }
        }
        (held, free)
    }

    /// What the chart shows: along which axis, and what of all others.
    fn about(&self, what: &str, of: &dyn Fn(&Point) -> Option<Estimate>) -> String {
        let each = self.other.map_or(String::new(), |other| format!(" for each {}", other.name()));
        let (held, free) = self.others(of);
        let best = match free.as_slice() {
            [] => String::new(),
            free => format!(", at each place the best {}", free.join(" and ")),
        };
        let held = match held.as_slice() {
            [] => String::new(),
            held => format!(", all with {}", held.join(" and ")),
        };
        format!("The {what} by {}{each}{best}{held}, with intervals.", self.x.name())
    }

    /// A title with what is held, as far as there is room for it.
    fn titled(&self, title: String, of: &dyn Fn(&Point) -> Option<Estimate>) -> String {
        let held = self.others(of).0.join(", ");
        let longer = format!("{title}, {held}");
        if held.is_empty() || longer.chars().count() > TITLE { title } else { longer }
    }
}

fn is_empty(series: &Series) -> bool {
    match &series.mark {
        Mark::Line(points) => points.is_empty(),
        Mark::Intervals(points) => points.is_empty(),
        _ => false,
    }
}

fn value_of(measure: Measure, known: &Summary) -> Option<f64> {
    match measure {
        Measure::Mean => known.mean,
        Measure::Percentile(0.5) => known.p50,
        Measure::Percentile(0.9) => known.p90,
        Measure::Percentile(0.95) => known.p95,
        Measure::Percentile(0.99) => known.p99,
        Measure::Percentile(0.999) => known.p999,
        _ => None,
    }
}

/// Latency over two axes: a cell for each pair of values, the best of all that lie in it.
fn across(sweep: &Sweep, latency: Measure, dimensions: &[Dimension]) -> Option<Chart> {
    let mut long: Vec<&Dimension> =
        dimensions.iter().filter(|one| (3..=40).contains(&one.len())).collect();
    long.sort_by_key(|one| std::cmp::Reverse(one.len()));
    let [x, y, ..] = long.as_slice() else { return None };
    let mut cells = Vec::new();
    for across in 0..x.len() {
        for up in 0..y.len() {
            let own =
                |point: &&Point| x.of_point(point) == Some(across) && y.of_point(point) == Some(up);
            let here = sweep.points.iter().filter(own);
            let values = here.filter_map(|point| drawn(latency, point)?.estimate);
            let Some(best) = values.min_by(f64::total_cmp) else { continue };
            let (left, low) = (across as f64 - 0.5, up as f64 - 0.5);
            cells.push((left, left + 1.0, low, low + 1.0, best));
        }
    }
    // A sample leaves most pairs empty.
    if cells.len() * 2 < x.len() * y.len() {
        return None;
    }
    let unit = unit_of(latency, sweep);
    let values = || cells.iter().map(|cell| cell.4);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    let names = |one: &Dimension| (0..one.len()).map(|value| one.value(value).to_owned()).collect();
    Some(Chart {
        name: "map",
        title: format!("{}, {} (light) to {} (dark)", word(latency), unit.short(low), {
            unit.short(high)
        }),
        about: format!(
            "Each cell is the {} at a pair of values, the best where several points lie in it; \
             darker is later. What has no steady state is left empty.",
            word(latency)
        ),
        x: Axis::names(x.label(), names(x)),
        y: Axis::names(y.label(), names(y)),
        series: vec![Series::new("", 0, Mark::Shades { cells, unit })],
        rules: Vec::new(),
    })
}

/// The best points with the intervals that tell them apart.
fn best(sweep: &Sweep, latency: Measure) -> Option<Chart> {
    let by = Measure::parse(&sweep.best_by).unwrap_or(latency);
    let varies = |measure: Measure| {
        let width = |point: &Point| measure.of(&point.measures).half_width().unwrap_or(0.0);
        sweep.points.iter().any(|point| width(point) > 0.0)
    };
    let measure = if varies(by) { by } else { latency };
    let mut points: Vec<&Point> = sweep.points.iter().collect();
    points.sort_by_key(|point| point.rank);
    points.truncate(BEST);
    // The same fleet under other traffic is no better one.
    if points.len() < 2 || sweep.axes.iter().any(|axis| axis.traffic) {
        return None;
    }
    let paths: Vec<&String> = sweep.axes.iter().filter_map(|axis| axis.paths.first()).collect();
    let name = |point: &&Point| {
        let values = paths.iter().map(|path| written(&point.values[path.as_str()]));
        format!("{}. {}", point.rank, values.collect::<Vec<_>>().join(", "))
    };
    let axes = short_names(&paths).join(", ");
    let rows = points.len();
    let row =
        |(at, point): (usize, &&Point)| interval((rows - 1 - at) as f64, &drawn(measure, point)?);
    let whiskers: Vec<_> = points.iter().enumerate().filter_map(row).collect();
    (!whiskers.is_empty()).then(|| Chart {
        name: "best",
        title: format!("{} of the best points", word(measure)),
        about: format!(
            "The points that rank first by {axes}, with their intervals: those that overlap may \
             change places."
        ),
        x: Axis::of(word(measure), unit_of(measure, sweep)),
        y: Axis::names(&axes, points.iter().rev().map(name).collect()),
        series: vec![Series::new(word(measure), 0, Mark::Whiskers(whiskers))],
        rules: objectives(sweep, measure, At::X),
    })
}
