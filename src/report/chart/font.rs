//! The embedded font: how wide a text is, and the outlines of its letters.

use std::sync::LazyLock;

use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// A subset of `DejaVu Sans`; its licence stands beside it.
static FACE: LazyLock<Face<'static>> = LazyLock::new(|| {
    Face::parse(include_bytes!("font/DejaVuSans-subset.ttf"), 0).expect("the font we embed")
});

fn glyph(letter: char) -> GlyphId {
    // A letter the subset lacks becomes the box that every font keeps at place 0.
    FACE.glyph_index(letter).unwrap_or(GlyphId(0))
}

fn advance(glyph: GlyphId) -> f64 {
    f64::from(FACE.glyph_hor_advance(glyph).unwrap_or(0))
}

fn scale(size: f64) -> f64 {
    size / f64::from(FACE.units_per_em())
}

/// The width of a text at a size, in the unit of the size.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|letter| advance(glyph(letter))).sum::<f64>() * scale(size)
}

/// Draws the outlines of a text whose baseline begins at `at`; y grows downward.
pub(super) fn outline(text: &str, size: f64, at: (f64, f64), pen: &mut impl Pen) {
    let scale = scale(size);
    let mut placed = Placed { pen, scale, at };
    for letter in text.chars() {
        let glyph = glyph(letter);
        FACE.outline_glyph(glyph, &mut placed);
        placed.at.0 += advance(glyph) * scale;
    }
}

/// What outlines are drawn with.
pub(super) trait Pen {
    /// Lifts the pen.
    fn move_to(&mut self, to: (f32, f32));
    /// Draws a straight line.
    fn line_to(&mut self, to: (f32, f32));
    /// Draws a quadratic curve.
    fn quad_to(&mut self, by: (f32, f32), to: (f32, f32));
    /// Draws a cubic curve.
    fn cubic_to(&mut self, by: (f32, f32), and: (f32, f32), to: (f32, f32));
    /// Closes the outline.
    fn close(&mut self);
}

struct Placed<'a, P> {
    pen: &'a mut P,
    scale: f64,
    at: (f64, f64),
}

impl<P> Placed<'_, P> {
    fn place(&self, x: f32, y: f32) -> (f32, f32) {
        let (x, y) = (f64::from(x) * self.scale, f64::from(y) * self.scale);
        ((self.at.0 + x) as f32, (self.at.1 - y) as f32)
    }
}

impl<P: Pen> OutlineBuilder for Placed<'_, P> {
    fn move_to(&mut self, x: f32, y: f32) {
        let to = self.place(x, y);
        self.pen.move_to(to);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.place(x, y);
        self.pen.line_to(to);
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (by, to) = (self.place(x1, y1), self.place(x, y));
        self.pen.quad_to(by, to);
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (by, and, to) = (self.place(x1, y1), self.place(x2, y2), self.place(x, y));
        self.pen.cubic_to(by, and, to);
    }
    fn close(&mut self) {
        self.pen.close();
    }
}
