//! An axis of a sweep as a chart sees it: its values in order, numbers or words.

use indexmap::IndexMap;
use serde_json::Value;

use super::super::sweep::short_names;
use crate::outcome::{Point, Sweep};

/// One axis; of fields that go together the first.
pub(super) struct Dimension {
    path: String,
    name: String,
    /// Each value as it was written, in the order of the grid, or by size where they are numbers.
    values: Vec<String>,
    /// The values as numbers in one unit, where they are that.
    numbers: Option<Vec<f64>>,
    unit: String,
}

impl Dimension {
    /// Every axis of a sweep that has more than one value.
    pub(super) fn all_of(sweep: &Sweep) -> Vec<Self> {
        let paths: Vec<&String> = sweep.axes.iter().filter_map(|axis| axis.paths.first()).collect();
        let each = paths.iter().zip(short_names(&paths)).map(|(path, name)| {
            let mut seen: IndexMap<String, ()> = IndexMap::new();
            for point in &sweep.points {
                seen.insert(written(&point.values[path.as_str()]), ());
            }
            Self::of((*path).clone(), name, seen.into_keys().collect())
        });
        each.filter(|dimension| dimension.len() > 1).collect()
    }

    /// Every axis of one value, with it: `policy random`.
    pub(super) fn held(sweep: &Sweep) -> Vec<String> {
        let paths: Vec<&String> = sweep.axes.iter().filter_map(|axis| axis.paths.first()).collect();
        let each = paths.iter().zip(short_names(&paths)).filter_map(|(path, name)| {
            let mut values = sweep.points.iter().map(|point| written(&point.values[path.as_str()]));
            let first = values.next()?;
            values.all(|value| value == first).then(|| format!("{name} {first}"))
        });
        each.collect()
    }

    fn of(path: String, name: String, mut values: Vec<String>) -> Self {
        let parts: Vec<(Option<f64>, String)> = values.iter().map(|value| split(value)).collect();
        let unit = parts.first().map_or(String::new(), |(_, unit)| unit.clone());
        let same = parts.iter().all(|(number, own)| number.is_some() && *own == unit);
        if !same {
            return Self { path, name, values, numbers: None, unit: String::new() };
        }
        let number = |value: &String| split(value).0.unwrap_or(0.0);
        values.sort_by(|a, b| number(a).total_cmp(&number(b)));
        let numbers = values.iter().map(number).collect();
        Self { path, name, values, numbers: Some(numbers), unit }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Its last keys, for titles.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The title of an axis.
    pub(super) fn label(&self) -> String {
        match self.unit.as_str() {
            "" => self.name.clone(),
            unit => format!("{} ({unit})", self.name),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn is_numbers(&self) -> bool {
        self.numbers.is_some()
    }

    pub(super) fn is_words(&self) -> bool {
        !self.is_numbers()
    }

    /// Whether it says how much traffic there is.
    pub(super) fn is_rate(&self) -> bool {
        let last = self.path.rsplit('.').next().unwrap_or("");
        self.path.starts_with("traffic.")
            && ["rate", "base", "peak", "rate-scale", "speed-up"].contains(&last)
    }

    /// A value as it was written.
    pub(super) fn value(&self, place: usize) -> &str {
        &self.values[place]
    }

    /// A value with the name of the axis where it is a number, which says nothing alone.
    pub(super) fn told(&self, place: usize) -> String {
        let value = self.value(place);
        if self.is_numbers() { format!("{} {value}", self.name) } else { value.to_owned() }
    }

    /// A value as a number.
    pub(super) fn number(&self, place: usize) -> Option<f64> {
        self.numbers.as_ref().map(|numbers| numbers[place])
    }

    /// The place of a point's value.
    pub(super) fn of_point(&self, point: &Point) -> Option<usize> {
        let value = written(&point.values[self.path.as_str()]);
        self.values.iter().position(|known| *known == value)
    }
}

/// A value as it was written.
pub(super) fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A number and its unit: `120/s` is 120 and `/s`.
fn split(value: &str) -> (Option<f64>, String) {
    let end = value
        .char_indices()
        .find(|(_, letter)| !(letter.is_ascii_digit() || ".-+".contains(*letter)))
        .map_or(value.len(), |(at, _)| at);
    (value[..end].parse().ok(), value[end..].trim().to_owned())
}
