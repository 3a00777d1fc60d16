//! From a chart to a sheet: room for words first, then the grid, the data, the rules.

use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::{CoordTranslate, Shift};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::layout::{self, BODY, Key, Layout, TITLE};
use super::palette::{self, Dash, FAINT, GRID, INK, SOFT};
use super::scale::Scale;
use super::sheet::{Group, Shape, Sheet};
use super::{At, Chart, Mark, Rule, Series, Spacing, Unit};

/// A chart that has been drawn.
pub(super) struct Drawing {
    /// The shapes.
    pub(super) shapes: Vec<Shape>,
    /// Width and height in tenths of a pixel.
    pub(super) size: (u32, u32),
    /// Left, top, right and bottom of the plot in pixels.
    pub(super) plot: [f64; 4],
    /// The ends of the x axis.
    pub(super) x: (f64, f64),
    /// The ends of the y axis.
    pub(super) y: (f64, f64),
}

type Root = DrawingArea<Sheet, Shift>;
type Plot = DrawingArea<Sheet, Cartesian2d<Scale, Scale>>;

/// A sheet in memory takes everything; plotters asks all the same.
const TAKEN: &str = "a sheet in memory takes every shape";

/// Draws a chart.
pub(super) fn draw(chart: &Chart) -> Drawing {
    let Layout { size, frame, x, y, keys, y_title } = layout::of(chart);
    let (left, top, right, bottom) = frame;
    let sheet = Sheet::new(size);
    let root = sheet.clone().into_drawing_area();
    let spec = Cartesian2d::new(x.clone(), y.clone(), (left..right, bottom..top));
    let plot = root.clone().apply_coord_spec(spec);
    write(&root, &chart.title, (layout::EDGE, layout::EDGE), TITLE, INK, (HPos::Left, VPos::Top));
    let dashes = dashes(chart, &y, (top, bottom));
    draw_keys(&sheet, &root, chart, (&keys, &dashes));
    grid(&sheet, &root, frame, &x, &y);
    write(&root, &y.title, (layout::EDGE, y_title), BODY, SOFT, (HPos::Left, VPos::Top));
    let below = (i32::midpoint(left, right), bottom + layout::BELOW);
    write(&root, &x.title, below, BODY, SOFT, (HPos::Center, VPos::Top));
    for (place, series) in chart.series.iter().enumerate() {
        sheet.open(Group {
            class: "series",
            series: Some(place),
            title: series.name.clone(),
            dash: dashes[place],
        });
        draw_series(&plot, chart, series, (&x, &y));
        sheet.close();
    }
    if !layout::shows_anything(chart) {
        let middle = (i32::midpoint(left, right), i32::midpoint(top, bottom));
        write(&root, "no data", middle, BODY, SOFT, (HPos::Center, VPos::Center));
    }
    for (place, rule) in chart.rules.iter().enumerate() {
        draw_rule((&sheet, &root, &plot), frame, (place, rule), (&x, &y));
    }
    let pixels = |tenths: i32| f64::from(tenths) / 10.0;
    Drawing {
        plot: [left, top, right, bottom].map(pixels),
        x: (x.range().start, x.range().end),
        y: (y.range().start, y.range().end),
        shapes: sheet.into_shapes(),
        size,
    }
}

fn write(
    root: &Root,
    words: &str,
    at: (i32, i32),
    size: f64,
    colour: RGBColor,
    (across, upward): (HPos, VPos),
) {
    let style = TextStyle::from(("sans-serif", size).into_font()).color(&colour);
    let style = style.pos(Pos::new(across, upward));
    root.draw(&Text::new(words.to_owned(), at, style)).expect(TAKEN);
}

fn line(root: &Root, from: (i32, i32), to: (i32, i32), style: ShapeStyle) {
    root.draw(&PathElement::new(vec![from, to], style)).expect(TAKEN);
}

/// Grid lines with their labels; a label that would touch the one before it is left out.
fn grid(sheet: &Sheet, root: &Root, frame: (i32, i32, i32, i32), x: &Scale, y: &Scale) {
    let (left, top, right, bottom) = frame;
    sheet.open(Group { class: "grid", ..Group::default() });
    let thin = |colour: RGBColor| colour.stroke_width(8);
    let across = |value: &f64| x.map(value, (left, right));
    let upward = |value: &f64| y.map(value, (bottom, top));
    for value in &x.minor {
        line(root, (across(value), top), (across(value), bottom), thin(FAINT));
    }
    for value in &y.minor {
        line(root, (left, upward(value)), (right, upward(value)), thin(FAINT));
    }
    let mut free = i32::MIN;
    for (value, label) in &x.ticks {
        let at = across(value);
        line(root, (at, top), (at, bottom), thin(GRID));
        let half = (layout::width(label, BODY) / 2.0).ceil() as i32;
        let middle = at.min(root.dim_in_pixel().0 as i32 - half - 20);
        if middle - half >= free {
            let place = (middle, bottom + 70);
            write(root, label, place, BODY, SOFT, (HPos::Center, VPos::Top));
            free = middle + half + 60;
        }
    }
    let mut free = i32::MAX;
    for (value, label) in &y.ticks {
        let at = upward(value);
        line(root, (left, at), (right, at), thin(GRID));
        if at + 60 <= free {
            let label = layout::cut(label, left - 70 - layout::EDGE / 2);
            let place = (left - 70, at);
            write(root, &label, place, BODY, SOFT, (HPos::Right, VPos::Center));
            free = at - 60;
        }
    }
    line(root, (left, bottom), (right, bottom), thin(SOFT));
    sheet.close();
}

/// How each series is dashed: by its round, or so that one it covers shows in its gaps.
fn dashes(chart: &Chart, y: &Scale, (top, bottom): (i32, i32)) -> Vec<Option<Dash>> {
    let points = |series: &Series| match &series.mark {
        Mark::Line(points) | Mark::Step(points) => Some(points.clone()),
        _ => None,
    };
    let lines: Vec<Option<Vec<(f64, f64)>>> = chart.series.iter().map(points).collect();
    // Less than a pixel apart is the same line to the eye.
    let alike = |a: &(f64, f64), b: &(f64, f64)| {
        let near = |v: &f64| y.map(v, (bottom, top));
        a.0 == b.0 && a.1.is_finite() && b.1.is_finite() && (near(&a.1) - near(&b.1)).abs() <= 10
    };
    let covers = |over: &[(f64, f64)], under: &[(f64, f64)]| {
        let same = over.iter().zip(under).filter(|(a, b)| alike(a, b)).count();
        over.len() == under.len() && over.len() > 1 && same * 10 >= over.len() * 9
    };
    let of = |place: usize| {
        let round = palette::series(chart.series[place].colour).1;
        let line = lines[place].as_ref()?;
        let among = |others: &[Option<Vec<(f64, f64)>>]| {
            others.iter().flatten().filter(|other| covers(line, other)).count() as u32
        };
        let (under, over) = (among(&lines[..place]), among(&lines[place + 1..]));
        // Of three that are one each has a third of the way to itself.
        let drawn = 120 * (over + 1) / (under + over + 1);
        palette::dash(round).or_else(|| (under > 0).then_some([drawn, 120 - drawn]))
    };
    let mark = |place: usize| {
        of(place).or_else(|| {
            // Whiskers and intervals have no line to cover, but a round.
            palette::dash(palette::series(chart.series[place].colour).1)
        })
    };
    (0..chart.series.len()).map(mark).collect()
}

/// The legend, above the plot, where no data are.
fn draw_keys(sheet: &Sheet, root: &Root, chart: &Chart, (keys, dashes): (&[Key], &[Option<Dash>])) {
    for key in keys {
        let (left, middle) = key.at;
        let right = left + layout::SWATCH;
        let series = key.series.map(|place| (place, &chart.series[place]));
        let dash = key.series.map_or(Some(palette::DASHED), |place| dashes[place]);
        sheet.open(Group { class: "key", series: key.series, dash, ..Group::default() });
        let rule = || chart.rules.iter().position(|rule| rule.name == key.name);
        let ink = match series {
            Some((_, series)) => palette::series(series.colour).0,
            None => palette::rule(rule().unwrap_or(0)),
        };
        let boxed = |from: i32, to: i32, alpha: f64| {
            let corners = [(from, middle - 40), (to, middle + 40)];
            root.draw(&Rectangle::new(corners, ink.mix(alpha).filled())).expect(TAKEN);
        };
        match series.map(|(_, series)| &series.mark) {
            Some(Mark::Cells(_) | Mark::Shades { .. }) => {
                let third = layout::SWATCH / 3;
                for (step, alpha) in (0..3).zip([0.15, 0.5, 0.95]) {
                    boxed(left + step * third, left + (step + 1) * third, alpha);
                }
            }
            Some(Mark::Band(_)) => boxed(left, right, 0.22),
            Some(Mark::Bars(_)) => boxed(left, right, 0.85),
            Some(Mark::Dots(_) | Mark::Intervals(_) | Mark::Whiskers(_)) => {
                let centre = (i32::midpoint(left, right), middle);
                let round = series.map_or(0, |(_, series)| palette::series(series.colour).1);
                dot(root, centre, 35, (ink, round));
            }
            _ => line(root, (left, middle), (right, middle), ink.stroke_width(20)),
        }
        let at = (right + 50, middle);
        write(root, &key.name, at, BODY, INK, (HPos::Left, VPos::Center));
        sheet.close();
    }
}

fn draw_rule(
    (sheet, root, plot): (&Sheet, &Root, &Plot),
    (left, top, right, bottom): (i32, i32, i32, i32),
    (place, rule): (usize, &Rule),
    (x, y): (&Scale, &Scale),
) {
    let (style, dash) = (palette::rule(place).stroke_width(12), Some(palette::DASHED));
    sheet.open(Group { class: "rule", title: rule.name.clone(), dash, ..Group::default() });
    match rule.at {
        At::X(value) if x.holds(value) => {
            let at = plot.map_coordinate(&(value, y.range().start)).0;
            line(root, (at, top), (at, bottom), style);
        }
        At::Y(value) if y.holds(value) => {
            let at = plot.map_coordinate(&(x.range().start, value)).1;
            line(root, (left, at), (right, at), style);
        }
        At::X(_) | At::Y(_) => {}
    }
    sheet.close();
}

fn draw_series(plot: &Plot, chart: &Chart, series: &Series, (x, y): (&Scale, &Scale)) {
    let look = palette::series(series.colour);
    let ink = look.0;
    let shown = |value: f64, spacing: Spacing| {
        value.is_finite() && (spacing != Spacing::Logarithmic || value > 0.0)
    };
    let visible = |&(a, b): &(f64, f64)| shown(a, chart.x.spacing) && shown(b, chart.y.spacing);
    match &series.mark {
        Mark::Line(points) => draw_line(plot, points, look, visible),
        Mark::Step(points) => draw_line(plot, &steps(points), look, visible),
        Mark::Dots(points) => {
            points.iter().filter(|point| visible(point)).for_each(|&at| dot(plot, at, 30, look));
        }
        Mark::Band(points) => {
            let whole =
                |&(at, low, high): &(f64, f64, f64)| visible(&(at, low)) && visible(&(at, high));
            for piece in points.split(|point| !whole(point)) {
                draw_band(plot, piece, ink);
            }
        }
        Mark::Bars(bars) => {
            for &(from, to, height) in bars {
                let corners = [(from, height), (to, y.range().start)];
                plot.draw(&Rectangle::new(corners, ink.mix(0.85).filled())).expect(TAKEN);
            }
        }
        Mark::Intervals(rows) => {
            for &(at, low, estimate, high) in rows.iter().filter(|row| x.holds(row.0)) {
                let ends = [(at, low), (at, high)];
                interval(plot, ends, (at, estimate), look, (x, y));
            }
        }
        Mark::Whiskers(rows) => {
            for &(at, low, estimate, high) in rows.iter().filter(|row| y.holds(row.0)) {
                let ends = [(low, at), (high, at)];
                interval(plot, ends, (estimate, at), look, (x, y));
            }
        }
        Mark::Cells(cells) => {
            let most = cells.iter().fold(1.0, |most: f64, cell| most.max(cell.4));
            for &(left, right, low, high, count) in cells {
                // Counts differ by decades: shades follow the logarithm.
                let share = if most > 1.0 { count.max(1.0).ln() / most.ln() } else { 1.0 };
                let style = ink.mix(0.12 + 0.83 * share).filled();
                plot.draw(&Rectangle::new([(left, high), (right, low)], style)).expect(TAKEN);
            }
        }
        Mark::Shades { cells, unit } => draw_shades(plot, cells, unit, ink),
    }
}

/// The area between two lines; a point alone is a line upward.
fn draw_band(plot: &Plot, points: &[(f64, f64, f64)], ink: RGBColor) {
    let low = points.iter().map(|&(at, low, _)| (at, low));
    let high = points.iter().rev().map(|&(at, _, high)| (at, high));
    let outline: Vec<(f64, f64)> = low.chain(high).collect();
    match points {
        [] => {}
        [_] => plot.draw(&PathElement::new(outline, ink.mix(0.4).stroke_width(40))).expect(TAKEN),
        _ => plot.draw(&Polygon::new(outline, ink.mix(0.22))).expect(TAKEN),
    }
}

/// Cells shaded by value, with the value where it has room.
fn draw_shades(plot: &Plot, cells: &[(f64, f64, f64, f64, f64)], unit: &Unit, ink: RGBColor) {
    let sizes = || cells.iter().map(|cell| cell.4.abs().max(f64::MIN_POSITIVE).ln());
    let (low, high) = sizes()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let span = (high - low).max(f64::MIN_POSITIVE);
    for (&(left, right, bottom, top, value), size) in cells.iter().zip(sizes()) {
        let share = (size - low) / span;
        let style = ink.mix(0.06 + 0.84 * share).filled();
        plot.draw(&Rectangle::new([(left, top), (right, bottom)], style)).expect(TAKEN);
        let corners = [(left, bottom), (right, top)].map(|corner| plot.map_coordinate(&corner));
        let room = (corners[1].0 - corners[0].0, corners[0].1 - corners[1].1);
        let words = unit.short(value);
        if layout::width(&words, BODY) > f64::from(room.0) - 40.0 || room.1 < 150 {
            continue;
        }
        let colour = if share > 0.55 { palette::PAPER } else { INK };
        let style = TextStyle::from(("sans-serif", BODY).into_font()).color(&colour);
        let style = style.pos(Pos::new(HPos::Center, VPos::Center));
        let middle = (f64::midpoint(left, right), f64::midpoint(bottom, top));
        plot.draw(&Text::new(words, middle, style)).expect(TAKEN);
    }
}

/// Lines between points, broken where there is no value; a point alone becomes a dot.
fn draw_line(
    plot: &Plot,
    points: &[(f64, f64)],
    look: (RGBColor, usize),
    visible: impl Fn(&(f64, f64)) -> bool,
) {
    for piece in points.split(|point| !visible(point)) {
        match piece {
            [] => {}
            [alone] => dot(plot, *alone, 20, look),
            _ => {
                plot.draw(&PathElement::new(piece.to_vec(), look.0.stroke_width(14))).expect(TAKEN);
            }
        }
    }
}

/// The corners of a stair.
fn steps(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let pairs = points.windows(2).flat_map(|pair| [pair[0], (pair[1].0, pair[0].1)]);
    pairs.chain(points.last().copied()).collect()
}

/// A dot: full, in the second round hollow, later a ring with a dot in it.
fn dot<C: CoordTranslate>(
    area: &DrawingArea<Sheet, C>,
    at: C::From,
    radius: u32,
    (ink, round): (RGBColor, usize),
) where
    C::From: Clone,
{
    if round == 0 {
        area.draw(&Circle::new(at, radius, ink.filled())).expect(TAKEN);
        return;
    }
    area.draw(&Circle::new(at.clone(), radius, palette::PAPER.filled())).expect(TAKEN);
    area.draw(&Circle::new(at.clone(), radius, ink.stroke_width(14))).expect(TAKEN);
    if round > 1 {
        area.draw(&Circle::new(at, radius / 3, ink.filled())).expect(TAKEN);
    }
}

/// An interval with its estimate; an end that is not known, or lies outside, is left open.
fn interval(
    plot: &Plot,
    ends: [(f64, f64); 2],
    estimate: (f64, f64),
    look: (RGBColor, usize),
    (x, y): (&Scale, &Scale),
) {
    let lies = |at: &(f64, f64)| x.holds(at.0) && y.holds(at.1);
    let inside = |at: (f64, f64)| {
        let cut = |value: f64, scale: &Scale| match value {
            value if value.is_nan() => scale.range().end,
            value => value.clamp(scale.range().start, scale.range().end),
        };
        (cut(at.0, x), cut(at.1, y))
    };
    plot.draw(&PathElement::new(ends.map(inside).to_vec(), look.0.stroke_width(18))).expect(TAKEN);
    if lies(&estimate) {
        dot(plot, estimate, 40, look);
    }
}
