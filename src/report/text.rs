//! Numbers as people read them: three significant digits and a unit.

use crate::outcome::{Estimate, Status};
pub use crate::units::grouped;

/// A time in seconds with the unit that suits it: `61.2 ms`.
pub fn time(seconds: f64) -> String {
    let (scale, unit) = match seconds.abs() {
        0.0 => return "0".to_owned(),
        s if s < 0.999_5e-6 => (1e9, "ns"),
        s if s < 0.999_5e-3 => (1e6, "µs"),
        s if s < 0.999_5 => (1e3, "ms"),
        s if s < 600.0 => (1.0, "s"),
        s if s < 36_000.0 => (1.0 / 60.0, "min"),
        s if s < 864_000.0 => (1.0 / 3600.0, "h"),
        _ => (1.0 / 86_400.0, "d"),
    };
    format!("{} {unit}", digits(seconds * scale))
}

/// A time that may be unknown.
pub fn time_or_dash(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "–".to_owned(), time)
}

/// Three significant digits, and a thousands' comma from 1,000 on.
pub fn digits(number: f64) -> String {
    if !number.is_finite() {
        return number.to_string();
    }
    let size = number.abs();
    if size >= 999.5 {
        let sign = if number < 0.0 { "−" } else { "" };
        return format!("{sign}{}", grouped(size.round() as u64));
    }
    let places = match size {
        s if s >= 99.95 => 0,
        s if s >= 9.995 => 1,
        s if s >= 0.999_5 || s == 0.0 => 2,
        s => (2 - s.log10().floor() as i32).clamp(0, 12) as usize,
    };
    format!("{number:.places$}")
}

/// A share as a percentage: `79.3 %`.
pub fn percent(share: f64) -> String {
    format!("{} %", digits(share * 100.0))
}

/// An estimate with its interval in a few letters: `61.2 ms ±3.1 %`, `~` where it is not to be
/// trusted to the letter, `!` where there is no steady state, `–` where there is no number.
pub fn estimate(estimate: &Estimate, show: fn(f64) -> String) -> String {
    let Some(centre) = estimate.estimate else { return "–".to_owned() };
    let mark = match estimate.status {
        Status::Ok | Status::Insufficient => "",
        Status::LowPrecision => " ~",
        Status::Unstable => " !",
    };
    let share = show(0.5).ends_with('%');
    if let (true, Some(low), Some(high)) = (share, estimate.low, estimate.high)
        && low < high
    {
        // A percentage of a percentage would be taken for points.
        return format!("{} ({}–{}){mark}", show(centre), digits(100.0 * low), show(high));
    }
    // One half-width for both sides would be wrong for an interval that leans.
    let leans = match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => {
            let (below, above) = (centre - low, high - centre);
            below.max(above) > 2.0 * below.min(above).max(0.0) && below.max(above) > 0.05 * centre
        }
        _ => false,
    };
    let wide = leans || estimate.relative_half_width().is_none_or(|width| width > 0.5);
    if let (true, Some(low), Some(high)) = (wide, estimate.low, estimate.high)
        && low < high
    {
        return format!("{} ({} … {}){mark}", show(centre), show(low), show(high));
    }
    let width = match (estimate.half_width(), estimate.relative_half_width()) {
        (Some(0.0), _) => String::new(),
        // What does not vary has an interval of rounding errors.
        (_, Some(width)) if width < 1e-9 => String::new(),
        (_, Some(width)) if width >= 9.995 => " ±999 %".to_owned(),
        (_, Some(width)) if width >= 0.000_95 => format!(" ±{} %", two_digits(width * 100.0)),
        (Some(half), _) => format!(" ±{}", show(half)),
        (None, _) => " ±?".to_owned(),
    };
    format!("{}{width}{mark}", show(centre))
}

/// What `~` behind an interval means, wherever it stands.
pub const ROUGH: &str = "~ rough: the interval covers somewhat less than it says";

/// The marks of `estimate`, for a [`legend`].
pub const MARKS: [(&str, &str); 3] = [
    (" ~", ROUGH),
    (" !", "! no steady state: it grows with the length of the run"),
    ("±?", "±? how wide the interval is cannot be told"),
];

/// What the marks mean that are used in what is shown, in one line; nothing where none is.
pub fn legend(shown: &str, marks: &[(&str, &str)]) -> String {
    let used = marks.iter().filter(|(mark, _)| shown.contains(mark));
    used.map(|(_, meaning)| *meaning).collect::<Vec<_>>().join(" · ")
}

/// Two significant digits, as many as a width deserves.
pub fn two_digits(number: f64) -> String {
    let places = if number.abs() >= 9.95 {
        0
    } else if number.abs() >= 0.995 {
        1
    } else {
        2
    };
    format!("{number:.places$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_take_the_unit_that_suits_them() {
        for (seconds, shown) in [
            (0.0612, "61.2 ms"),
            (0.000_25, "250 µs"),
            (0.9999, "1.00 s"),
            (75.0, "75.0 s"),
            (7200.0, "120 min"),
            (0.0, "0"),
        ] {
            assert_eq!(time(seconds), shown);
        }
    }

    #[test]
    fn an_estimate_shows_how_sure_it_is() {
        let of = |half, status| estimate(&Estimate::symmetric(0.0612, half, status), time);
        assert_eq!(of(0.002, Status::Ok), "61.2 ms ±3.3 %");
        assert_eq!(of(0.02, Status::LowPrecision), "61.2 ms ±33 % ~");
        assert_eq!(of(0.06, Status::LowPrecision), "61.2 ms (1.20 ms … 121 ms) ~");
        assert_eq!(of(0.0, Status::Ok), "61.2 ms");
        assert_eq!(of(f64::INFINITY, Status::LowPrecision), "61.2 ms ±? ~");
        assert_eq!(estimate(&Estimate::INSUFFICIENT, time), "–");
        let share = Estimate::symmetric(0.5, 0.01, Status::Ok);
        assert_eq!(estimate(&share, percent), "50.0 % (49.0–51.0 %)");
    }

    #[test]
    fn only_the_marks_that_are_used_are_explained() {
        assert_eq!(legend("61.2 ms ±3.3 %", &MARKS), "");
        let told = legend("61.2 ms ±? ~", &MARKS);
        assert!(told.starts_with("~ rough") && told.contains("±? how") && !told.contains('!'));
    }

    #[test]
    fn numbers_have_three_digits_and_groups() {
        assert_eq!(digits(0.012_345), "0.0123");
        assert_eq!(digits(1234.5), "1,235");
        assert_eq!(grouped(1_352_804_107), "1,352,804,107");
        assert_eq!(percent(0.793), "79.3 %");
    }
}
