//! The sheet that plotters draws on: a list of shapes, from which SVG and PNG are made alike.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

use super::font;
use super::palette::Dash;

/// Plotters counts in whole pixels; a sheet has so many to a pixel that curves stay smooth.
pub(super) const FINE: i32 = 10;

/// One shape, in tenths of a pixel.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// A line through points.
    Path { points: Vec<BackendCoord>, paint: Paint, width: u32 },
    /// A filled polygon.
    Polygon { points: Vec<BackendCoord>, paint: Paint },
    /// A rectangle, filled or in outline.
    Rect { from: BackendCoord, to: BackendCoord, paint: Paint, fill: bool },
    /// A circle, filled or in outline.
    Circle { centre: BackendCoord, radius: u32, paint: Paint, fill: bool, width: u32 },
    /// One line of text; `back` is the share of its width that lies left of `at`.
    Text { text: String, at: BackendCoord, size: f64, paint: Paint, back: f64 },
    /// What follows belongs together until `Close`.
    Open(Group),
    /// The end of a group.
    Close,
}

/// A colour with its opacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Paint {
    pub(super) rgb: (u8, u8, u8),
    pub(super) alpha: f64,
}

/// Shapes that belong together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Group {
    /// For the page's script: `series`, `key`, nothing.
    pub(super) class: &'static str,
    /// The place of the series.
    pub(super) series: Option<usize>,
    /// What a pointer that rests on it is told.
    pub(super) title: String,
    /// How its lines are dashed; circles are not.
    pub(super) dash: Option<Dash>,
}

/// A list of shapes that plotters adds to; clones are handles of the same list.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    shapes: Rc<RefCell<Vec<Shape>>>,
    size: (u32, u32),
}

impl Sheet {
    /// An empty sheet of a size in tenths of a pixel.
    pub(super) fn new(size: (u32, u32)) -> Self {
        Self { shapes: Rc::default(), size }
    }

    /// Begins a group.
    pub(super) fn open(&self, group: Group) {
        self.push(Shape::Open(group));
    }

    /// Ends the group begun last.
    pub(super) fn close(&self) {
        self.push(Shape::Close);
    }

    /// What has been drawn.
    pub(super) fn into_shapes(self) -> Vec<Shape> {
        self.shapes.take()
    }

    fn push(&self, shape: Shape) {
        self.shapes.borrow_mut().push(shape);
    }
}

fn paint(colour: BackendColor) -> Paint {
    Paint { rgb: colour.rgb, alpha: colour.alpha }
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for Sheet {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Drawn {
        let to = (at.0 + 1, at.1 + 1);
        self.push(Shape::Rect { from: at, to, paint: paint(colour), fill: true });
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        self.push(Shape::Rect { from, to, paint: paint(style.color()), fill });
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let points = path.into_iter().collect();
        self.push(Shape::Path { points, paint: paint(style.color()), width: style.stroke_width() });
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        centre: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let (paint, width) = (paint(style.color()), style.stroke_width());
        self.push(Shape::Circle { centre, radius, paint, fill, width });
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let points = path.into_iter().collect();
        self.push(Shape::Polygon { points, paint: paint(style.color()) });
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, at: BackendCoord) -> Drawn {
        let (anchor, size) = (style.anchor(), style.size());
        // The baseline, so that no renderer has to know the height of capitals: 0.73 of the size.
        let rise = match anchor.v_pos {
            VPos::Top => 0.73,
            VPos::Center => 0.365,
            VPos::Bottom => 0.0,
        };
        let at = (at.0, at.1 + (rise * size).round() as i32);
        let back = match anchor.h_pos {
            HPos::Left => 0.0,
            HPos::Center => 0.5,
            HPos::Right => 1.0,
        };
        let text = text.to_owned();
        self.push(Shape::Text { text, at, size, paint: paint(style.color()), back });
        Ok(())
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let size = style.size();
        Ok((font::width(text, size).ceil() as u32, size.ceil() as u32))
    }
}
