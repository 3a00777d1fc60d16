//! Where things stand on a chart: title, legend, axis titles and labels first, the plot in the
//! rest.

use super::scale::Scale;
use super::{At, Chart, Mark, Series, Spacing, font};

/// Text sizes in tenths of a pixel.
pub(super) const TITLE: f64 = 140.0;
/// Everything but the title.
pub(super) const BODY: f64 = 110.0;
/// From the edge of the sheet to words.
pub(super) const EDGE: i32 = 80;
/// From the plot down to the title of the x axis.
pub(super) const BELOW: i32 = 230;
/// The length of a sample in the legend.
pub(super) const SWATCH: i32 = 180;

const WIDTH: i32 = 4800;
const HEIGHT: i32 = 3000;
/// From one line of the legend to the next.
const LINE: i32 = 170;

/// Where things stand.
pub(super) struct Layout {
    pub(super) size: (u32, u32),
    /// Left, top, right and bottom of the plot.
    pub(super) frame: (i32, i32, i32, i32),
    pub(super) x: Scale,
    pub(super) y: Scale,
    pub(super) keys: Vec<Key>,
    /// The top of the title of the y axis.
    pub(super) y_title: i32,
}

/// An entry of the legend.
pub(super) struct Key {
    /// The series it stands for; none for a rule.
    pub(super) series: Option<usize>,
    pub(super) name: String,
    /// The left end and the middle line of its sample.
    pub(super) at: (i32, i32),
}

/// The layout of a chart.
pub(super) fn of(chart: &Chart) -> Layout {
    let x_rules = chart.rules.iter().filter_map(|rule| match rule.at {
        At::X(value) => Some(value),
        At::Y(_) => None,
    });
    let y_rules = chart.rules.iter().filter_map(|rule| match rule.at {
        At::Y(value) => Some(value),
        At::X(_) => None,
    });
    let (xs, ys): (Vec<f64>, Vec<f64>) = chart.series.iter().map(values).fold(
        (Vec::new(), Vec::new()),
        |(mut xs, mut ys), (more_x, more_y)| {
            xs.extend(more_x);
            ys.extend(more_y);
            (xs, ys)
        },
    );
    // Bars stand on 0; on a logarithmic axis, which has none, on its foot.
    let bars = chart.series.iter().any(|series| matches!(series.mark, Mark::Bars(_)));
    let foot = (bars && chart.y.spacing == Spacing::Linear).then_some(0.0);
    let y = Scale::of(&chart.y, ys.into_iter().chain(y_rules).chain(foot), 5);
    let x = Scale::of(&chart.x, xs.into_iter().chain(x_rules), 7);
    let (keys, lines) = keys(chart);
    let y_title = EDGE + 210 + lines * LINE;
    let labels = y.ticks.iter().map(|(_, label)| width(label, BODY) as i32 + 1).max().unwrap_or(0);
    let left = (labels + 70 + EDGE).clamp(300, WIDTH * 2 / 5);
    let frame = (left, y_title + 200, WIDTH - 180, HEIGHT - BELOW - 210);
    // A chart of names is as high as its names need.
    let rows = chart.y.names.len() as i32;
    let whiskers = |series: &&Series| matches!(series.mark, Mark::Whiskers(_));
    let beside = chart.series.iter().filter(whiskers).count() as i32;
    let taller = (rows * (beside * 60).max(240) - (frame.3 - frame.1)).max(0);
    let frame = (frame.0, frame.1, frame.2, frame.3 + taller);
    let size = (WIDTH as u32, (HEIGHT + taller) as u32);
    Layout { size, frame, x, y, keys, y_title }
}

/// The width of a text in tenths of a pixel.
pub(super) fn width(text: &str, size: f64) -> f64 {
    font::width(text, size)
}

/// A text cut to a width, with a sign that something is missing.
pub(super) fn cut(text: &str, room: i32) -> String {
    if width(text, BODY) <= f64::from(room) {
        return text.to_owned();
    }
    let mut shorter = text.to_owned();
    while !shorter.is_empty() && width(&format!("{shorter}…"), BODY) > f64::from(room) {
        shorter.pop();
    }
    shorter + "…"
}

/// The entries of the legend in as many lines as they need.
fn keys(chart: &Chart) -> (Vec<Key>, i32) {
    let mut named: Vec<(Option<usize>, &str)> = chart
        .series
        .iter()
        .enumerate()
        .filter(|(_, series)| !series.name.is_empty())
        .map(|(place, series)| (Some(place), series.name.as_str()))
        .collect();
    named.extend(chart.rules.iter().map(|rule| (None, rule.name.as_str())));
    // A single series is what the title says; a rule must be named.
    if named.len() < 2 && chart.rules.is_empty() {
        return (Vec::new(), 0);
    }
    let (mut at, mut line) = (EDGE, 0);
    let place = |(series, name): (Option<usize>, &str)| {
        let name = cut(name, WIDTH - 2 * EDGE - SWATCH - 50);
        let length = SWATCH + 50 + width(&name, BODY) as i32;
        if at > EDGE && at + length > WIDTH - EDGE {
            (at, line) = (EDGE, line + 1);
        }
        let key = Key { series, name, at: (at, EDGE + 260 + line * LINE) };
        at += length + 160;
        key
    };
    let keys: Vec<Key> = named.into_iter().map(place).collect();
    (keys, line + 1)
}

/// Whether there is anything to see: a number that has a place on both axes.
pub(super) fn shows_anything(chart: &Chart) -> bool {
    let placed = |all: &[f64], spacing: Spacing| {
        all.iter().any(|it| it.is_finite() && (spacing != Spacing::Logarithmic || *it > 0.0))
    };
    chart
        .series
        .iter()
        .map(values)
        .any(|(xs, ys)| placed(&xs, chart.x.spacing) && placed(&ys, chart.y.spacing))
}

/// Every x and every y that a series shows.
fn values(series: &Series) -> (Vec<f64>, Vec<f64>) {
    match &series.mark {
        Mark::Line(points) | Mark::Step(points) | Mark::Dots(points) => {
            points.iter().copied().unzip()
        }
        Mark::Band(points) => (
            points.iter().map(|point| point.0).collect(),
            points.iter().flat_map(|point| [point.1, point.2]).collect(),
        ),
        Mark::Bars(bars) => (
            bars.iter().flat_map(|bar| [bar.0, bar.1]).collect(),
            bars.iter().map(|bar| bar.2).collect(),
        ),
        Mark::Intervals(rows) => (
            rows.iter().map(|row| row.0).collect(),
            rows.iter().flat_map(|row| [row.1, row.2, row.3]).collect(),
        ),
        Mark::Whiskers(rows) => (
            rows.iter().flat_map(|row| [row.1, row.2, row.3]).collect(),
            rows.iter().map(|row| row.0).collect(),
        ),
        Mark::Cells(cells) | Mark::Shades { cells, .. } => (
            cells.iter().flat_map(|cell| [cell.0, cell.1]).collect(),
            cells.iter().flat_map(|cell| [cell.2, cell.3]).collect(),
        ),
    }
}
