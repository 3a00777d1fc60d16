//! A sheet as PNG: the same shapes with smooth edges, and text from the embedded font.

use plotters_backend::BackendCoord;
use tiny_skia::{
    Color, FillRule, LineJoin, Paint as Brush, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash,
    Transform,
};

use super::font::{self, Pen};
use super::palette::Dash;
use super::sheet::{FINE, Paint, Shape};

/// Pixels of the picture to a pixel of the drawing: sharp on paper and on a dense screen.
const ZOOM: u32 = 3;

/// The drawing as the bytes of a PNG file.
pub(super) fn file(shapes: &[Shape], size: (u32, u32)) -> Vec<u8> {
    let (width, height) = (size.0 / FINE as u32 * ZOOM, size.1 / FINE as u32 * ZOOM);
    let mut picture = Picture {
        pixels: Pixmap::new(width, height).expect("charts have a size"),
        zoom: Transform::from_scale(ZOOM as f32 / FINE as f32, ZOOM as f32 / FINE as f32),
        dashes: Vec::new(),
    };
    picture.pixels.fill(Color::WHITE);
    shapes.iter().for_each(|shape| picture.draw(shape));
    picture.pixels.encode_png().expect("a picture in memory")
}

struct Picture {
    pixels: Pixmap,
    zoom: Transform,
    /// How lines are dashed, for each open group.
    dashes: Vec<Option<Dash>>,
}

impl Picture {
    fn draw(&mut self, shape: &Shape) {
        match shape {
            Shape::Open(group) => self.dashes.push(group.dash),
            Shape::Close => drop(self.dashes.pop()),
            Shape::Path { points, paint, width } => {
                self.stroke(through(points, false), *paint, *width, self.dash());
            }
            Shape::Polygon { points, paint } => self.fill(through(points, true), *paint),
            Shape::Rect { from, to, paint, fill } => {
                let (left, right) = (from.0.min(to.0) as f32, from.0.max(to.0) as f32);
                let (top, bottom) = (from.1.min(to.1) as f32, from.1.max(to.1) as f32);
                let rect = Rect::from_ltrb(left, top, right, bottom);
                let path = rect.map(PathBuilder::from_rect);
                if *fill {
                    self.fill(path, *paint);
                } else {
                    self.stroke(path, *paint, FINE as u32, None);
                }
            }
            Shape::Circle { centre, radius, paint, fill, width } => {
                let path =
                    PathBuilder::from_circle(centre.0 as f32, centre.1 as f32, *radius as f32);
                if *fill {
                    self.fill(path, *paint);
                } else {
                    self.stroke(path, *paint, *width, None);
                }
            }
            Shape::Text { text, at, size, paint, back } => {
                let left = f64::from(at.0) - back * font::width(text, *size);
                let mut pen = PathBuilder::new();
                font::outline(text, *size, (left, f64::from(at.1)), &mut pen);
                self.fill(pen.finish(), *paint);
            }
        }
    }

    /// A path is absent where there is nothing to see: no points, no width, no letters.
    fn fill(&mut self, path: Option<Path>, paint: Paint) {
        if let Some(path) = path {
            self.pixels.fill_path(&path, &brush(paint), FillRule::Winding, self.zoom, None);
        }
    }

    /// The dash of the innermost group that has one.
    fn dash(&self) -> Option<Dash> {
        self.dashes.iter().rev().find_map(|dash| *dash)
    }

    fn stroke(&mut self, path: Option<Path>, paint: Paint, width: u32, dash: Option<Dash>) {
        let Some(path) = path else { return };
        let lengths = dash.map(|dash| dash.map(|length| length as f32).to_vec());
        let dash = lengths.and_then(|lengths| StrokeDash::new(lengths, 0.0));
        let stroke =
            Stroke { width: width as f32, line_join: LineJoin::Round, dash, ..Stroke::default() };
        self.pixels.stroke_path(&path, &brush(paint), &stroke, self.zoom, None);
    }
}

fn brush(paint: Paint) -> Brush<'static> {
    let (red, green, blue) = paint.rgb;
    let mut brush = Brush { anti_alias: true, ..Brush::default() };
    brush.set_color_rgba8(red, green, blue, (paint.alpha * 255.0).round() as u8);
    brush
}

fn through(points: &[BackendCoord], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (place, &(x, y)) in points.iter().enumerate() {
        let to = (x as f32, y as f32);
        if place == 0 { path.move_to(to.0, to.1) } else { path.line_to(to.0, to.1) }
    }
    if closed {
        path.close();
    }
    path.finish()
}

impl Pen for PathBuilder {
    fn move_to(&mut self, to: (f32, f32)) {
        Self::move_to(self, to.0, to.1);
    }
    fn line_to(&mut self, to: (f32, f32)) {
        Self::line_to(self, to.0, to.1);
    }
    fn quad_to(&mut self, by: (f32, f32), to: (f32, f32)) {
        Self::quad_to(self, by.0, by.1, to.0, to.1);
    }
    fn cubic_to(&mut self, by: (f32, f32), and: (f32, f32), to: (f32, f32)) {
        Self::cubic_to(self, by.0, by.1, and.0, and.1, to.0, to.1);
    }
    fn close(&mut self) {
        Self::close(self);
    }
}
