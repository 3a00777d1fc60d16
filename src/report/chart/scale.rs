//! Scales: from values to places on an axis, with ticks at round values and labels with units.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use super::super::text;
use super::{Axis, Spacing, Unit};

/// An axis that knows its range and its ticks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    spacing: Spacing,
    from: f64,
    to: f64,
    /// Where labels stand, with their words.
    pub(super) ticks: Vec<(f64, String)>,
    /// Where fainter lines stand.
    pub(super) minor: Vec<f64>,
    /// What stands beside the axis: the quantity and, where the ticks have none, the unit.
    pub(super) title: String,
}

impl Scale {
    /// A scale of an axis that shows all `values`; `room` is how many labels fit.
    pub(super) fn of(axis: &Axis, values: impl Iterator<Item = f64>, room: usize) -> Self {
        let shown = |value: &f64| {
            value.is_finite() && (*value > 0.0 || axis.spacing != Spacing::Logarithmic)
        };
        let (low, high) = values
            .filter(shown)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = if low > high { (1.0, 1.0) } else { (low, high) };
        let (low, high) = (axis.from.unwrap_or(low), axis.to.unwrap_or(high));
        match axis.spacing {
            Spacing::Linear => Self::linear(axis, low, high, room),
            Spacing::Logarithmic => Self::logarithmic(axis, low, high, room),
            Spacing::Names => Self::names(axis),
        }
    }

    fn linear(axis: &Axis, low: f64, high: f64, room: usize) -> Self {
        // One point, or a flat series from zero, still needs an axis of some length.
        let (low, high) = match () {
            () if high > low => (low, high),
            () if high == 0.0 => (0.0, 1.0),
            () if axis.from.is_some() => (low, low + high.abs().max(1.0)),
            () => (low - 0.5 * low.abs(), high + 0.5 * high.abs()),
        };
        // A curve that touches the frame looks cut off.
        let high = if axis.to.is_none() && !axis.tight { high + 0.04 * (high - low) } else { high };
        let step = axis.unit.step((high - low) / room as f64);
        let first = (low / step - 1e-9).ceil() as i64;
        // Where the range is not given the last tick closes it, so that no curve leaves the grid.
        let last = if axis.tight {
            (high / step + 1e-9).floor() as i64
        } else {
            (high / step - 1e-9).ceil() as i64
        };
        let from =
            if axis.tight || axis.from.is_some() { low } else { (low / step).floor() * step };
        let to = if axis.tight { high } else { last as f64 * step };
        let first = if axis.tight { first } else { (from / step - 1e-9).ceil() as i64 };
        let (size, name) = axis.unit.of_step(step, to.abs().max(from.abs()));
        let places = decimals(step / size);
        let label = |tick: i64| {
            let value = tick as f64 * step / size;
            let plain = if tick == 0 {
                "0".to_owned()
            } else if places == 0 && value.abs() >= 10_000.0 {
                text::digits(value)
            } else {
                format!("{value:.places$}")
            };
            (tick as f64 * step, plain)
        };
        let ticks = (first..=last).map(label).collect();
        let title =
            if name.is_empty() { axis.label.clone() } else { format!("{} ({name})", axis.label) };
        Self { spacing: axis.spacing, from, to, ticks, minor: Vec::new(), title }
    }

    fn logarithmic(axis: &Axis, low: f64, high: f64, room: usize) -> Self {
        let (mut from, mut to) = (low.log10(), high.log10());
        if to - from < 0.3 {
            (from, to) = (from - 0.3, to + 0.3);
        }
        if !axis.tight {
            (from, to) = outward(from, to);
        }
        let inside = |value: &f64| {
            let at = value.log10();
            from - 1e-9 <= at && at <= to + 1e-9
        };
        let decades: Vec<i32> = (from.floor() as i32..=to.ceil() as i32).collect();
        let multiples = |factors: &[f64]| -> Vec<f64> {
            let of = |&decade: &i32| factors.iter().map(move |f| f * 10_f64.powi(decade));
            decades.iter().flat_map(of).filter(inside).collect()
        };
        let every = decades.len().div_ceil(room.max(2)).max(1);
        let labelled = match to - from {
            span if span < 1.2 => multiples(&[1.0, 2.0, 3.0, 5.0, 7.0]),
            span if span * 3.0 <= room as f64 => multiples(&[1.0, 2.0, 5.0]),
            _ => decades
                .iter()
                .filter(|decade| decade.rem_euclid(every as i32) == 0)
                .map(|&decade| 10_f64.powi(decade))
                .filter(inside)
                .collect(),
        };
        let minor = if decades.len() > 7 {
            Vec::new()
        } else {
            multiples(&[2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
        };
        let label = |value: f64| (value, axis.unit.short(value));
        Self {
            spacing: axis.spacing,
            from: 10_f64.powf(from),
            to: 10_f64.powf(to),
            ticks: labelled.into_iter().map(label).collect(),
            minor,
            title: axis.label.clone(),
        }
    }

    fn names(axis: &Axis) -> Self {
        let ticks =
            axis.names.iter().enumerate().map(|(at, name)| (at as f64, name.clone())).collect();
        let to = axis.names.len() as f64 - 0.5;
        let title = axis.label.clone();
        Self { spacing: axis.spacing, from: -0.5, to, ticks, minor: Vec::new(), title }
    }

    /// Whether a value has a place on the axis.
    pub(super) fn holds(&self, value: f64) -> bool {
        let slack = (self.to - self.from) * 1e-9;
        value.is_finite() && self.from - slack <= value && value <= self.to + slack
    }

    /// The share of the axis that lies before a value, cut to the axis.
    pub(super) fn share(&self, value: f64) -> f64 {
        let place = |v: f64| match self.spacing {
            Spacing::Logarithmic => v.max(f64::MIN_POSITIVE).ln(),
            Spacing::Linear | Spacing::Names => v,
        };
        let (from, to) = (place(self.from), place(self.to));
        ((place(value) - from) / (to - from)).clamp(0.0, 1.0)
    }
}

/// The nearest 1, 2 or 5 below and above two exponents of ten.
fn outward(from: f64, to: f64) -> (f64, f64) {
    let marks = [0.0, 2_f64.log10(), 5_f64.log10(), 1.0];
    let (low, high) = (from.floor(), to.floor());
    let below = marks.iter().rev().find(|&&mark| low + mark <= from + 1e-9);
    let above = marks.iter().find(|&&mark| high + mark >= to - 1e-9);
    (below.map_or(from, |mark| low + mark), above.map_or(to, |mark| high + mark))
}

/// Decimals that tell multiples of a step apart.
fn decimals(step: f64) -> usize {
    (0..9)
        .find(|&places| {
            let scaled = step * 10_f64.powi(places);
            (scaled - scaled.round()).abs() < 1e-6 * scaled
        })
        .unwrap_or(9) as usize
}

impl Unit {
    /// The smallest round step that is at least `least`.
    fn step(&self, least: f64) -> f64 {
        const MINUTE: f64 = 60.0;
        const HOUR: f64 = 3600.0;
        const DAY: f64 = 86_400.0;
        let clock = [
            2.0,
            5.0,
            10.0,
            15.0,
            30.0,
            MINUTE,
            2.0 * MINUTE,
            5.0 * MINUTE,
            10.0 * MINUTE,
            15.0 * MINUTE,
            30.0 * MINUTE,
            HOUR,
            2.0 * HOUR,
            3.0 * HOUR,
            6.0 * HOUR,
            12.0 * HOUR,
            DAY,
            2.0 * DAY,
        ];
        if *self == Self::Seconds && least > 1.0 && least <= 2.0 * DAY {
            return clock.into_iter().find(|&step| step >= least * (1.0 - 1e-9)).unwrap_or(DAY);
        }
        let scale = if *self == Self::Seconds && least > DAY { DAY } else { 1.0 };
        let size = 10_f64.powf((least / scale).log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * size)
            .find(|&step| step >= least / scale * (1.0 - 1e-9))
            .unwrap_or(10.0 * size);
        let step = if *self == Self::Count { step.max(1.0).round() } else { step };
        step * scale
    }

    /// The size and the name of the unit that ticks at multiples of a step are best told in.
    fn of_step(&self, step: f64, most: f64) -> (f64, String) {
        let named = |size: f64, name: &str| (size, name.to_owned());
        match self {
            Self::Share => named(0.01, "%"),
            Self::PerSecond => named(1.0, "/s"),
            Self::Money(currency) => (1.0, currency.clone()),
            Self::Count | Self::Plain => named(1.0, ""),
            Self::Seconds => {
                let units = [(86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s")];
                let fine = [(1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")];
                let suits = |(size, _): &(f64, &str)| {
                    let ratio = step / size;
                    ratio >= 0.1 && most / size >= 1.0 && (ratio * 10.0).fract().abs() < 1e-6
                };
                let (size, name) = units.into_iter().chain(fine).find(suits).unwrap_or((1.0, "s"));
                named(size, name)
            }
        }
    }

    /// One value with its unit, as short as it can be: `250 ms`, `0.1 %`.
    pub(super) fn short(&self, value: f64) -> String {
        let tidy = |shown: String| match shown.split_once(' ') {
            Some((digits, unit)) if digits.contains('.') => {
                format!("{} {unit}", digits.trim_end_matches('0').trim_end_matches('.'))
            }
            None if shown.contains('.') => {
                shown.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            _ => shown,
        };
        tidy(match self {
            Self::Seconds => text::time(value),
            Self::Share => text::percent(value),
            Self::PerSecond => format!("{} /s", text::digits(value)),
            Self::Money(_) | Self::Count | Self::Plain => text::digits(value),
        })
    }
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let length = f64::from(limit.1 - limit.0);
        limit.0 + (self.share(*value) * length).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.iter().map(|(value, _)| *value).collect()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Scale {
    fn format_ext(&self, value: &f64) -> String {
        let label = self.ticks.iter().find(|(tick, _)| tick == value);
        label.map_or_else(String::new, |(_, label)| label.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis, low: f64, high: f64) -> (Vec<String>, String) {
        let scale = Scale::of(axis, [low, high].into_iter(), 6);
        (scale.ticks.into_iter().map(|(_, label)| label).collect(), scale.title)
    }

    #[test]
    fn ticks_of_time_are_round_in_the_unit_that_suits_them() {
        let time = Axis::of("time", Unit::Seconds).from(0.0).tight();
        let words = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        for (span, ticks, title) in [
            (600.0, words(&["0", "2", "4", "6", "8", "10"]), "time (min)"),
            (86_400.0, words(&["0", "6", "12", "18", "24"]), "time (h)"),
            (90.0, words(&["0", "15", "30", "45", "60", "75", "90"]), "time (s)"),
            (0.25, words(&["0", "50", "100", "150", "200", "250"]), "time (ms)"),
            (1_209_600.0, words(&["0", "2.5", "5.0", "7.5", "10.0", "12.5"]), "time (d)"),
        ] {
            assert_eq!(labels(&time, 0.0, span), (ticks, title.to_owned()), "{span}");
        }
    }

    #[test]
    fn a_logarithmic_axis_labels_decades_or_finer() {
        let axis = Axis::of("latency", Unit::Seconds).logarithmic();
        assert_eq!(labels(&axis, 1e-3, 10.0).0, ["1 ms", "10 ms", "100 ms", "1 s", "10 s"]);
        assert_eq!(labels(&axis, 0.011, 0.19).0, ["10 ms", "20 ms", "50 ms", "100 ms", "200 ms"]);
        assert_eq!(labels(&axis, 1e-9, 1.0).0.len(), 5);
    }

    #[test]
    fn flat_empty_and_single_values_have_an_axis_too() {
        let axis = Axis::of("requests", Unit::Count).from(0.0);
        for values in [vec![], vec![0.0], vec![7.0], vec![f64::NAN]] {
            let scale = Scale::of(&axis, values.iter().copied(), 5);
            assert!(scale.to > scale.from && scale.ticks.len() >= 2, "{scale:?}");
        }
    }
}
