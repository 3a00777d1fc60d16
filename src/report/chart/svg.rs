//! A sheet as SVG: shapes in groups, colours that follow light and dark, nothing from outside.

use std::fmt::Write;

use indexmap::IndexMap;
use plotters_backend::BackendCoord;

use super::palette::{dark_css, hex};
use super::sheet::{FINE, Group, Paint, Shape};

/// The families a viewer may take the text from; widths were measured with the widest of them.
const FAMILY: &str = "system-ui, 'DejaVu Sans', Verdana, sans-serif";

/// The drawing as a file that stands alone.
pub(super) fn file(shapes: &[Shape], size: (u32, u32), title: &str, about: &str) -> String {
    let dark = dark_css("");
    let style = format!("<style>@media (prefers-color-scheme:dark){{{dark}}}</style>");
    // The ground is drawn too: whatever the file is pasted on, ink and paper change together.
    let inner =
        format!("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{}", body(shapes));
    let title = format!("<title>{}</title><desc>{}</desc>", escape(title), escape(about));
    let (width, height) = (size.0 / FINE as u32, size.1 / FINE as u32);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" font-family=\"{FAMILY}\">\n\
         {title}\n{style}\n{inner}</svg>\n"
    )
}

/// The drawing as a part of a page, which brings the colours.
pub(super) fn inline(shapes: &[Shape], size: (u32, u32), about: &str) -> String {
    let (width, height) = (size.0 / FINE as u32, size.1 / FINE as u32);
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\" \
         font-family=\"{FAMILY}\">\n{}</svg>\n",
        escape(about),
        body(shapes)
    )
}

/// A text as markup needs it.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            letter => safe.push(letter),
        }
    }
    safe
}

fn body(shapes: &[Shape]) -> String {
    let mut out = String::new();
    let filled = |shape: &Shape| matches!(shape, Shape::Rect { fill: true, .. });
    for alike in shapes.chunk_by(|a, b| filled(a) && filled(b)) {
        match alike {
            [_, _, ..] => write_cells(&mut out, alike),
            [alone] => write_shape(&mut out, alone),
            [] => Ok(()),
        }
        .expect("writing to memory");
    }
    out
}

/// Rectangles that follow each other, those of one shade as one path: the cells of a heat map take
/// a fifth of the bytes.
fn write_cells(out: &mut String, cells: &[Shape]) -> std::fmt::Result {
    let mut shades: IndexMap<String, String> = IndexMap::new();
    for cell in cells {
        let Shape::Rect { from, to, paint, .. } = cell else { continue };
        let (left, top) = (from.0.min(to.0), from.1.min(to.1));
        let (wide, high) = ((to.0 - from.0).abs(), (to.1 - from.1).abs());
        let path = shades.entry(painted("fill", *paint)).or_default();
        let [x, y, w, h, back] = [left, top, wide, high, -wide].map(tenths);
        write!(path, "M{x} {y}h{w}v{h}h{back}z")?;
    }
    shades.iter().try_for_each(|(look, path)| writeln!(out, "<path{look} d=\"{path}\"/>"))
}

fn write_shape(out: &mut String, shape: &Shape) -> std::fmt::Result {
    match shape {
        Shape::Open(group) => write_group(out, group),
        Shape::Close => writeln!(out, "</g>"),
        Shape::Path { points, paint, width } => {
            let (line, width) = (painted("stroke", *paint), tenths(*width as i32));
            let points = list(points);
            writeln!(
                out,
                "<polyline fill=\"none\" stroke-linejoin=\"round\"{line} \
                 stroke-width=\"{width}\" points=\"{points}\"/>"
            )
        }
        Shape::Polygon { points, paint } => {
            writeln!(out, "<polygon{} points=\"{}\"/>", painted("fill", *paint), list(points))
        }
        Shape::Rect { from, to, paint, fill } => {
            let (x, y) = (tenths(from.0.min(to.0)), tenths(from.1.min(to.1)));
            let (w, h) = (tenths((to.0 - from.0).abs()), tenths((to.1 - from.1).abs()));
            let look = filled(*paint, *fill);
            writeln!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"{look}/>")
        }
        Shape::Circle { centre, radius, paint, fill, width } => {
            let (x, y, r) = (tenths(centre.0), tenths(centre.1), tenths(*radius as i32));
            let (look, width) = (filled(*paint, *fill), tenths(*width as i32));
            // A ring is whole, also in a group of dashed lines.
            let ring = if *fill { String::new() } else { whole_ring(&width) };
            writeln!(out, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\"{look}{ring}/>")
        }
        Shape::Text { text, at, size, paint, back } => {
            let anchor = match *back {
                0.0 => "",
                0.5 => " text-anchor=\"middle\"",
                _ => " text-anchor=\"end\"",
            };
            let (x, y, size) = (tenths(at.0), tenths(at.1), tenths(size.round() as i32));
            let (look, text) = (painted("fill", *paint), escape(text));
            writeln!(
                out,
                "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{anchor}{look}>{text}</text>"
            )
        }
    }
}

fn whole_ring(width: &str) -> String {
    format!(" stroke-width=\"{width}\" stroke-dasharray=\"none\"")
}

fn write_group(out: &mut String, group: &Group) -> std::fmt::Result {
    write!(out, "<g")?;
    if !group.class.is_empty() {
        write!(out, " class=\"{}\"", group.class)?;
    }
    if let Some(place) = group.series {
        write!(out, " data-series=\"{place}\"")?;
    }
    if let Some([drawn, gap]) = group.dash {
        let [drawn, gap] = [drawn, gap].map(|length| tenths(length as i32));
        write!(out, " stroke-dasharray=\"{drawn} {gap}\"")?;
    }
    writeln!(out, ">")?;
    if group.title.is_empty() {
        return Ok(());
    }
    writeln!(out, "<title>{}</title>", escape(&group.title))
}

fn painted(what: &str, paint: Paint) -> String {
    let colour = hex(paint.rgb);
    if paint.alpha >= 1.0 {
        return format!(" {what}=\"{colour}\"");
    }
    format!(" {what}=\"{colour}\" {what}-opacity=\"{:.2}\"", paint.alpha)
}

fn filled(paint: Paint, fill: bool) -> String {
    if fill { painted("fill", paint) } else { painted("stroke", paint) + " fill=\"none\"" }
}

fn list(points: &[BackendCoord]) -> String {
    let pairs: Vec<String> =
        points.iter().map(|&(x, y)| format!("{},{}", tenths(x), tenths(y))).collect();
    pairs.join(" ")
}

/// Tenths of a pixel as pixels.
fn tenths(value: i32) -> String {
    let sign = if value < 0 { "-" } else { "" };
    match (value.abs() / FINE, value.abs() % FINE) {
        (whole, 0) => format!("{sign}{whole}"),
        (whole, part) => format!("{sign}{whole}.{part}"),
    }
}
