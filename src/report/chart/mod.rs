//! Charts: what is to be seen as plain data, drawn by plotters on a sheet, written as SVG and PNG.
//!
//! The same chart gives the same bytes on each machine: text is measured with an embedded font,
//! and no system font is asked. A chart is small on purpose (480 × 300), so that a page shows one
//! on a telephone, two on a laptop and three on a wide screen at about the size it was drawn for.

mod dimension;
mod draw;
mod failures;
mod font;
mod foresight;
mod layout;
mod palette;
mod plan;
mod png;
mod run;
mod scale;
mod several;
mod sheet;
mod svg;
mod sweep;

pub use foresight::of_study;
pub(crate) use palette::dark_css;
pub use plan::of_plan;
pub use run::of_run;
pub use several::{of_comparison, of_several};
pub(crate) use svg::escape;
pub use sweep::of_sweep;

use serde::Serialize;

/// A picture of data.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// The name of its files.
    pub name: &'static str,
    /// What it shows, in a few words.
    pub title: String,
    /// What there is to see, in a sentence, for those who do not see it.
    pub about: String,
    /// Across.
    pub x: Axis,
    /// Upward.
    pub y: Axis,
    /// What is drawn, the later over the earlier.
    pub series: Vec<Series>,
    /// Values to compare with: an objective, the end of the warm-up.
    pub rules: Vec<Rule>,
}

/// What an axis stands for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Axis {
    /// The quantity.
    pub label: String,
    /// Its unit.
    pub unit: Unit,
    /// How values are spaced.
    pub spacing: Spacing,
    /// Where it begins; the smallest value by default.
    #[serde(skip)]
    pub from: Option<f64>,
    /// Where it ends; the largest value by default.
    #[serde(skip)]
    pub to: Option<f64>,
    /// Whether it ends at the data and not at the next tick.
    #[serde(skip)]
    pub tight: bool,
    /// The names on an axis of names, from the first place on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// How values are spaced on an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spacing {
    /// Evenly.
    #[default]
    Linear,
    /// By their logarithm; what is not above 0 has no place.
    Logarithmic,
    /// Names at 0, 1, 2 …
    Names,
}

/// What numbers count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Seconds, told in the unit that suits them.
    Seconds,
    /// Shares, told as percentages.
    Share,
    /// So many a second.
    PerSecond,
    /// Whole things.
    Count,
    /// Money in a currency.
    Money(String),
    /// Numbers.
    Plain,
}

/// One set of data in a chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Series {
    /// Its name in the legend; empty for none.
    pub name: String,
    /// Its colour, by place in the palette; several series may share one.
    pub colour: usize,
    /// Its data and how they are drawn.
    #[serde(flatten)]
    pub mark: Mark,
}

/// Data by the way they are drawn. A y that is not a number leaves a gap.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "mark", content = "data")]
pub enum Mark {
    /// (x, y) joined by a line.
    Line(Vec<(f64, f64)>),
    /// (x, y): y lasts from x to the next x; the last x ends it.
    Step(Vec<(f64, f64)>),
    /// (x, y) as dots.
    Dots(Vec<(f64, f64)>),
    /// (x, low, high) as an area.
    Band(Vec<(f64, f64, f64)>),
    /// (from, to, height) as bars that stand on 0.
    Bars(Vec<(f64, f64, f64)>),
    /// (x, low, estimate, high): an interval upward.
    Intervals(Vec<(f64, f64, f64, f64)>),
    /// (y, low, estimate, high): an interval across.
    Whiskers(Vec<(f64, f64, f64, f64)>),
    /// (x from, x to, y from, y to, count): darker where there are more.
    Cells(Vec<(f64, f64, f64, f64, f64)>),
    /// Values in a unit, each in its cell: darker where they are larger, by their logarithm.
    Shades {
        /// (x from, x to, y from, y to, value).
        cells: Vec<(f64, f64, f64, f64, f64)>,
        /// What the values count.
        unit: Unit,
    },
}

/// A line across the whole chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What it stands for.
    pub name: String,
    /// Its value on the axis it is named for.
    pub at: At,
}

/// Where a rule stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum At {
    /// Upright, at a value of the x axis.
    X(f64),
    /// Lying, at a value of the y axis.
    Y(f64),
}

impl Axis {
    /// An axis of a quantity, evenly spaced.
    pub fn of(label: impl Into<String>, unit: Unit) -> Self {
        let (label, spacing) = (label.into(), Spacing::Linear);
        Self { label, unit, spacing, from: None, to: None, tight: false, names: Vec::new() }
    }

    /// An axis of names.
    pub fn names(label: impl Into<String>, names: Vec<String>) -> Self {
        Self { spacing: Spacing::Names, names, ..Self::of(label, Unit::Plain) }
    }

    /// It begins at this value.
    #[must_use]
    pub fn from(mut self, value: f64) -> Self {
        self.from = Some(value);
        self
    }

    /// It ends at this value.
    #[must_use]
    pub fn to(mut self, value: f64) -> Self {
        self.to = Some(value);
        self
    }

    /// It ends where the data end.
    #[must_use]
    pub fn tight(mut self) -> Self {
        self.tight = true;
        self
    }

    /// Values are spaced by their logarithm.
    #[must_use]
    pub fn logarithmic(mut self) -> Self {
        self.spacing = Spacing::Logarithmic;
        self
    }
}

impl Series {
    /// A series in the colour of a place in the palette.
    pub fn new(name: impl Into<String>, colour: usize, mark: Mark) -> Self {
        Self { name: name.into(), colour, mark }
    }
}

impl Chart {
    /// The chart as an SVG file that stands alone and follows light and dark.
    pub fn svg(&self) -> String {
        let drawing = draw::draw(self);
        svg::file(&drawing.shapes, drawing.size, &self.title, &self.about)
    }

    /// The chart as a PNG file, three pixels to one of the SVG, on white.
    pub fn png(&self) -> Vec<u8> {
        let drawing = draw::draw(self);
        png::file(&drawing.shapes, drawing.size)
    }

    /// The chart as a figure of a page: the drawing, and its data for the page's script.
    pub(crate) fn figure(&self) -> String {
        let drawing = draw::draw(self);
        let mut data = serde_json::json!({
            "plot": drawing.plot,
            "x": { "axis": self.x, "from": drawing.x.0, "to": drawing.x.1 },
            "y": { "axis": self.y, "from": drawing.y.0, "to": drawing.y.1 },
            "series": self.series,
        });
        round(&mut data);
        // A `<` in a name must not end the element that the data stand in.
        let data = data.to_string().replace('<', "\\u003c");
        format!(
            "<figure class=\"chart\" id=\"{}\">\n{}\
             <script type=\"application/json\">{data}</script></figure>\n",
            self.name,
            svg::inline(&drawing.shapes, drawing.size, &format!("{}. {}", self.title, self.about)),
        )
    }
}

/// Numbers to six digits: more than a reader asks for, and a fifth of the bytes.
fn round(value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Array(items) => items.iter_mut().for_each(round),
        Value::Object(fields) => fields.values_mut().for_each(round),
        Value::Number(number) => {
            let rounded = number.as_f64().and_then(|exact| format!("{exact:.5e}").parse().ok());
            *value = match rounded {
                Some(whole) if f64::fract(whole) == 0.0 && whole.abs() < 1e15 => {
                    Value::from(whole as i64)
                }
                Some(rounded) => Value::from(rounded),
                None => Value::Null,
            };
        }
        _ => {}
    }
}
