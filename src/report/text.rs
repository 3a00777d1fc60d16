//! Numbers as people read them: three significant digits and a unit.

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

/// Three significant digits, and a thousands' comma from 10,000 on.
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

/// A whole number in groups of three: `1,352,804,107`.
pub fn grouped(number: u64) -> String {
    let plain = number.to_string();
    let mut shown = String::new();
    for (at, digit) in plain.chars().enumerate() {
        if at > 0 && (plain.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A share as a percentage: `79.3 %`.
pub fn percent(share: f64) -> String {
    format!("{} %", digits(share * 100.0))
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
    fn numbers_have_three_digits_and_groups() {
        assert_eq!(digits(0.012_345), "0.0123");
        assert_eq!(digits(1234.5), "1,235");
        assert_eq!(grouped(1_352_804_107), "1,352,804,107");
        assert_eq!(percent(0.793), "79.3 %");
    }
}
