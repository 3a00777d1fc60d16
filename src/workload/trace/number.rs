//! Numbers read from the bytes of traffic files: exactly, without making texts.

/// Why a cell is not what its column promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing is written there (`NULL`, `-` and the like count as nothing).
    Blank,
    /// No number.
    NotNumber,
    /// NaN or infinite.
    NotFinite,
    /// Below zero where nothing can be.
    Negative,
    /// Beyond what the simulator can count.
    TooLarge,
    /// No date and time in any form known.
    NotTime,
}

/// Whether a cell says that there is nothing in it.
pub(super) fn is_blank(cell: &[u8]) -> bool {
    match cell.len() {
        0 => true,
        1 => cell == b"-" || cell == b" ",
        2..=4 => {
            cell == b"\\N"
                || [&b"null"[..], b"none", b"na", b"n/a"]
                    .iter()
                    .any(|word| cell.eq_ignore_ascii_case(word))
                || cell.trim_ascii().is_empty()
        }
        _ => cell.trim_ascii().is_empty(),
    }
}

const POWERS: [u64; 20] = {
    let mut powers = [1_u64; 20];
    let mut i = 1;
    while i < 20 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// Turns decimals in one unit into whole nanoseconds.
///
/// Decimal digits are scaled as integers, so `0.1` seconds are exactly 100,000,000 ns and two
/// stamps that differ in their last digit never meet.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    nanos: u64,
    /// The nanoseconds of one step of the k-th decimal, or 0 where that is not a whole number.
    steps: [u64; 20],
}

impl Scale {
    pub(super) fn new(nanos: u64) -> Self {
        let steps = POWERS.map(|power| if nanos.is_multiple_of(power) { nanos / power } else { 0 });
        Self { nanos, steps }
    }

    /// Signed nanoseconds of a decimal such as `1662859176.25`.
    #[inline]
    pub(super) fn read(&self, cell: &[u8]) -> Result<i64, Fault> {
        let mut digits: u64 = 0;
        let mut decimals = 0;
        let mut past_point = 0;
        for &byte in cell {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                digits = digits.wrapping_mul(10).wrapping_add(u64::from(digit));
                decimals += past_point;
            } else if byte == b'.' && past_point == 0 {
                past_point = 1;
            } else {
                return self.read_any(cell);
            }
        }
        let few = cell.len() - past_point;
        // Eighteen digits cannot have wrapped; more, or none, go the careful way.
        if few == 0 || few > 18 {
            return self.read_any(cell);
        }
        match self.steps[decimals] {
            0 => self.read_any(cell),
            step => digits
                .checked_mul(step)
                .and_then(|nanos| i64::try_from(nanos).ok())
                .ok_or(Fault::TooLarge),
        }
    }

    /// Signs, exponents, blanks around, many digits, and everything that is wrong.
    #[cold]
    fn read_any(&self, cell: &[u8]) -> Result<i64, Fault> {
        let cell = cell.trim_ascii();
        if is_blank(cell) {
            return Err(Fault::Blank);
        }
        let (sign, plain) = match cell {
            [b'-', rest @ ..] => (-1, rest),
            [b'+', rest @ ..] => (1, rest),
            _ => (1, cell),
        };
        if matches!(plain, [b'-' | b'+', ..]) {
            return Err(Fault::NotNumber);
        }
        let nanos = if let Some((digits, decimals)) = split_decimal(plain) {
            let power = 10_u128.pow(decimals);
            // 19 digits times 292 years of nanoseconds stay below 2¹²⁷.
            let scaled = digits * u128::from(self.nanos);
            i64::try_from((scaled + power / 2) / power).map_err(|_| Fault::TooLarge)?
        } else {
            let nanos = (real(plain)? * self.nanos as f64).round();
            if nanos.abs() >= i64::MAX as f64 {
                return Err(Fault::TooLarge);
            }
            nanos as i64
        };
        Ok(sign * nanos)
    }
}

/// The digits of a plain decimal and how many of them are decimals; `None` for anything else.
///
/// Decimals beyond the 19th digit are dropped: what has so many whole digits is too large anyway.
fn split_decimal(plain: &[u8]) -> Option<(u128, u32)> {
    let (mut digits, mut decimals, mut seen, mut past_point) = (0_u128, 0, 0, false);
    for &byte in plain {
        match byte {
            b'0'..=b'9' if seen < 19 => {
                digits = digits * 10 + u128::from(byte - b'0');
                seen += u32::from(digits > 0);
                decimals += u32::from(past_point);
            }
            b'0'..=b'9' if past_point => {}
            b'.' if !past_point => past_point = true,
            _ => return None,
        }
    }
    let written = plain.iter().any(u8::is_ascii_digit);
    (written && decimals <= 37).then_some((digits, decimals))
}

/// A finite real number, of either sign.
pub(super) fn real(cell: &[u8]) -> Result<f64, Fault> {
    match fast_float2::parse::<f64, _>(cell) {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) => Err(Fault::NotFinite),
        Err(_) => {
            let trimmed = cell.trim_ascii();
            if is_blank(trimmed) {
                return Err(Fault::Blank);
            }
            if trimmed.len() == cell.len() {
                return Err(Fault::NotNumber);
            }
            real(trimmed)
        }
    }
}

/// A whole number of at least 0 that fits 32 bits; `12.0` is one, `12.5` is rounded.
#[inline]
pub(super) fn whole(cell: &[u8]) -> Result<u32, Fault> {
    let mut number: u64 = 0;
    for &byte in cell {
        let digit = byte.wrapping_sub(b'0');
        if digit >= 10 {
            return whole_any(cell);
        }
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    if cell.is_empty() || cell.len() > 19 {
        return whole_any(cell);
    }
    u32::try_from(number).map_err(|_| Fault::TooLarge)
}

#[cold]
fn whole_any(cell: &[u8]) -> Result<u32, Fault> {
    let number = real(cell)?.round();
    if number < 0.0 {
        return Err(Fault::Negative);
    }
    if number > f64::from(u32::MAX) {
        return Err(Fault::TooLarge);
    }
    Ok(number as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time_unit::TimeUnit;

    #[test]
    fn decimals_become_nanoseconds_exactly() {
        let seconds = Scale::new(TimeUnit::Second.nanos());
        for (text, nanos) in [
            ("5", 5_000_000_000),
            ("0.0", 0),
            ("0.1", 100_000_000),
            ("1662859176.000000001", 1_662_859_176_000_000_001),
            ("19440110.0", 19_440_110_000_000_000),
            ("1.0000000004", 1_000_000_000),
            ("1.0000000005", 1_000_000_001),
            ("0.30000000000000004", 300_000_000),
            ("1e3", 1_000_000_000_000),
            (" 2.5 ", 2_500_000_000),
            ("+3", 3_000_000_000),
            ("-1.5", -1_500_000_000),
            (".5", 500_000_000),
            ("7.", 7_000_000_000),
        ] {
            assert_eq!(seconds.read(text.as_bytes()), Ok(nanos), "{text}");
        }
        let minutes = Scale::new(TimeUnit::Minute.nanos());
        assert_eq!(minutes.read(b"0.25"), Ok(15_000_000_000));
        assert_eq!(minutes.read(b"0.33333333333333"), Ok(20_000_000_000));
    }

    #[test]
    fn what_is_no_number_says_why() {
        let seconds = Scale::new(TimeUnit::Second.nanos());
        for (text, fault) in [
            ("", Fault::Blank),
            ("NULL", Fault::Blank),
            ("-", Fault::Blank),
            (".", Fault::NotNumber),
            ("abc", Fault::NotNumber),
            ("--5", Fault::NotNumber),
            ("1.2.3", Fault::NotNumber),
            ("nan", Fault::NotFinite),
            ("inf", Fault::NotFinite),
            ("-inf", Fault::NotFinite),
            ("1e400", Fault::NotFinite),
            ("1e30", Fault::TooLarge),
            ("99999999999999999999", Fault::TooLarge),
        ] {
            assert_eq!(seconds.read(text.as_bytes()), Err(fault), "{text}");
        }
    }

    #[test]
    fn whole_numbers_may_be_written_as_reals() {
        assert_eq!(whole(b"4808"), Ok(4808));
        assert_eq!(whole(b"94.0"), Ok(94));
        assert_eq!(whole(b"-1"), Err(Fault::Negative));
        assert_eq!(whole(b"5000000000"), Err(Fault::TooLarge));
        assert_eq!(whole(b"none"), Err(Fault::Blank));
    }
}
