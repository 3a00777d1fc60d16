//! The charts of a study of forecasters: forecasts beside what came, and errors side by side.

use super::{At, Axis, Chart, Mark, Rule, Series, Unit};
use crate::forecast::study::{BASELINE, Study};
use crate::time::Duration;

/// More points than this are a solid block on a small sheet.
const POINTS: usize = 400;

/// Every chart of a study.
pub fn of_study(study: &Study) -> Vec<Chart> {
    [forecast(study), errors(study)].into_iter().flatten().collect()
}

/// The end of the series: what came, and what was forecast of it at the longest horizon.
fn forecast(study: &Study) -> Option<Chart> {
    let best = study.trails.first()?;
    let tail = |points: &[crate::forecast::study::Point]| {
        points[points.len().saturating_sub(POINTS)..].to_vec()
    };
    let points = tail(&best.points);
    let actual = points.iter().map(|point| (point.at_s, point.actual)).collect();
    let band = points
        .iter()
        .filter_map(|point| point.band.map(|(low, high)| (point.at_s, low, high)))
        .collect();
    let mut series = vec![
        Series::new(format!("{}, 80 % band", best.forecaster), 0, Mark::Band(band)),
        Series::new("actual", 6, Mark::Line(actual)),
    ];
    for (colour, trail) in [0, 1].into_iter().zip(&study.trails) {
        let line = tail(&trail.points).iter().map(|point| (point.at_s, point.mean)).collect();
        series.push(Series::new(trail.forecaster.clone(), colour, Mark::Line(line)));
    }
    let (from, to) = (points.first()?.at_s, points.last()?.at_s);
    Some(Chart {
        name: "forecast",
        title: format!("Forecast {} ahead", best.horizon),
        about: format!(
            "The rate of requests at the end of the file, and what `{}` had forecast of it {} \
             before.",
            best.forecaster, best.horizon
        ),
        x: Axis::of("time", Unit::Seconds).from(from).to(to).tight(),
        y: Axis::of("requests", Unit::PerSecond).from(0.0),
        series,
        rules: Vec::new(),
    })
}

/// The error of each forecaster over that of the baseline, one dot a forecaster.
fn errors(study: &Study) -> Option<Chart> {
    let longest = study.lines.iter().map(|line| line.row.horizon_ns).max()?;
    // Names stand on the y axis, which begins at the bottom.
    let lines: Vec<_> = study
        .lines
        .iter()
        .rev()
        .filter(|line| line.row.horizon_ns == longest && line.row.forecaster != BASELINE)
        .filter_map(|line| Some((line.row.forecaster.clone(), line.over_seasonal_naive?)))
        .collect();
    let whisker =
        |(place, (_, ratio)): (usize, &(String, f64))| (place as f64, *ratio, *ratio, *ratio);
    let whiskers = lines.iter().enumerate().map(whisker).collect();
    (!lines.is_empty()).then(|| Chart {
        name: "forecast-errors",
        title: format!("Errors {} ahead over {BASELINE}", Duration(longest)),
        about: format!("Mean absolute error of each forecaster over that of `{BASELINE}`."),
        x: Axis::of(format!("error over {BASELINE}"), Unit::Plain).from(0.0),
        y: Axis::names("", lines.iter().map(|(name, _)| name.clone()).collect()),
        series: vec![Series::new("", 0, Mark::Whiskers(whiskers))],
        rules: vec![Rule { name: BASELINE.to_owned(), at: At::X(1.0) }],
    })
}
