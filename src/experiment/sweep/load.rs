//! How much traffic each fleet of a sweep carries: the largest load up to which it meets every
//! objective.

use indexmap::IndexMap;

use crate::outcome::{Axis, Point, PointVerdict, Sweep};
use crate::units::Rate;

/// So many fleets are told of.
const MOST: usize = 10;

/// A fleet under rising load: each load with what became of the objectives.
type Rising = Vec<(f64, String, PointVerdict)>;

/// Up to which load the objectives hold, for each fleet; nothing where no single axis of loads is
/// varied, or nothing is asked of the points.
pub(super) fn carried(sweep: &Sweep) -> Option<String> {
    sweep.points.first().filter(|point| !point.measures.slo.is_empty())?;
    let mut loads = sweep.axes.iter().filter(|axis| axis.traffic);
    let (axis, None) = (loads.next().filter(|axis| is_load(axis))?, loads.next()) else {
        return None;
    };
    let path = &axis.paths[0];
    let mut fleets: IndexMap<String, Rising> = IndexMap::new();
    for point in &sweep.points {
        let load = written(&point.values[path.as_str()]);
        let number = number_of(&load)?;
        let fleet = fleets.entry(fleet_of(point, sweep)).or_default();
        fleet.push((number, load, point.measures.verdict));
    }
    let told: Vec<String> = fleets
        .iter_mut()
        .take(MOST)
        .map(|(fleet, rising)| {
            rising.sort_by(|a, b| a.0.total_cmp(&b.0));
            let limit = limit(rising);
            if fleet.is_empty() { limit } else { format!("{fleet}: {limit}") }
        })
        .collect();
    let more = match fleets.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!("; {more} more"),
    };
    Some(format!("every objective is met, by {path}, {}{more}", told.join("; ")))
}

/// `up to 140/s; 145/s cannot be decided; 150/s is missed`.
fn limit(rising: &Rising) -> String {
    let met = rising.iter().take_while(|(.., verdict)| *verdict == PointVerdict::Met).count();
    let mut told = match met {
        0 => "at no load".to_owned(),
        met if met == rising.len() => format!("up to {} and perhaps beyond", rising[met - 1].1),
        met => format!("up to {}", rising[met - 1].1),
    };
    let rest = &rising[met..];
    if let Some((_, load, PointVerdict::Inconclusive)) = rest.first() {
        told.push_str(&format!(" ({load} cannot be decided)"));
    }
    told
}

/// A fleet by the values that are not traffic.
fn fleet_of(point: &Point, sweep: &Sweep) -> String {
    let paths = sweep.axes.iter().filter(|axis| !axis.traffic).flat_map(|axis| &axis.paths);
    let value = |path: &String| format!("{path} = {}", written(&point.values[path.as_str()]));
    paths.map(value).collect::<Vec<_>>().join(", ")
}

fn is_load(axis: &Axis) -> bool {
    let last = axis.paths[0].rsplit('.').next().unwrap_or("");
    axis.paths.len() == 1 && ["rate", "rate-scale", "speed-up", "clients"].contains(&last)
}

fn written(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A load as a number: requests a second, a factor, or so many clients.
fn number_of(value: &str) -> Option<f64> {
    value.parse().ok().or_else(|| Rate::parse(value).ok().map(|rate| rate.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_ordered_by_what_they_are_and_not_by_how_they_are_written() {
        for (written, number) in [("120/s", 120.0), ("1e3/s", 1000.0), ("7200/min", 120.0)] {
            assert_eq!(number_of(written), Some(number), "{written}");
        }
        assert_eq!((number_of("1.5"), number_of("2e1")), (Some(1.5), Some(20.0)));
        assert_eq!(number_of("fast"), None);
    }
}
