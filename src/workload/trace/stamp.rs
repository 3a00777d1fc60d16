//! Arrival stamps: numbers in a unit, dates and times with or without a zone, logs' own dates.
//!
//! A stamp becomes nanoseconds since 1970 (dates) or since the zero of the file (numbers). A date
//! without a zone is read as UTC: where the clocks of the recording machine changed, only it knew.

use jiff::fmt::strtime;

use super::number::{Fault, Scale, is_blank};

/// How the stamps of one column are read.
#[derive(Clone, Debug)]
pub(super) enum Clock {
    /// Numbers in a unit.
    Number(Scale),
    /// `2023-11-16 18:17:03.9799600`, with or without time, seconds, fraction and zone; or
    /// `17/May/2015:10:05:03 +0000` as web servers write it.
    Date(Day),
    /// As the user says, in `strftime` letters.
    Custom(String),
}

/// The last date that was read: rows of a file mostly share it, so its digits are read once.
#[derive(Clone, Debug, Default)]
pub(super) struct Day {
    text: [u8; 10],
    seconds: i64,
}

const DAY_S: i64 = 86_400;

impl Clock {
    /// The stamp in nanoseconds.
    #[inline]
    pub(super) fn read(&mut self, cell: &[u8]) -> Result<i64, Fault> {
        match self {
            Self::Number(scale) => scale.read(cell),
            Self::Date(day) => day.read(cell),
            Self::Custom(format) => custom(format, cell),
        }
    }

    /// Whether a cell is a date in one of the usual forms.
    pub(super) fn is_date(cell: &[u8]) -> bool {
        Day::default().read(cell).is_ok()
    }
}

impl Day {
    #[inline]
    fn read(&mut self, cell: &[u8]) -> Result<i64, Fault> {
        if cell.len() >= 19 && cell[..10] == self.text && matches!(cell[10], b' ' | b'T') {
            let time = &cell[11..19];
            let two = |i: usize| {
                let (tens, ones) = (time[i].wrapping_sub(b'0'), time[i + 1].wrapping_sub(b'0'));
                if tens < 10 && ones < 10 { i64::from(tens * 10 + ones) } else { 99 }
            };
            let (hour, minute, second) = (two(0), two(3), two(6));
            let known = hour < 24 && minute < 60 && second < 60 && time[2] == b':';
            if known && time[5] == b':' {
                let (nanos, offset) = fraction_and_zone(&cell[19..]).ok_or(Fault::NotTime)?;
                let clock = hour * 3600 + minute * 60 + second - offset;
                return nanoseconds(self.seconds + clock, nanos);
            }
        }
        self.read_any(cell)
    }

    #[cold]
    fn read_any(&mut self, cell: &[u8]) -> Result<i64, Fault> {
        let cell = cell.trim_ascii();
        if is_blank(cell) {
            return Err(Fault::Blank);
        }
        let (midnight, clock, nanos) = match date_and_time(cell) {
            Some(parts) => {
                self.remember(cell, parts.0);
                parts
            }
            None => log_time(cell).ok_or(Fault::NotTime)?,
        };
        nanoseconds(midnight + clock, nanos)
    }

    /// Keeps a date of ten bytes, so that the next row need not read it again.
    fn remember(&mut self, cell: &[u8], midnight: i64) {
        if let Some(head) = cell.first_chunk::<10>()
            && head.iter().filter(|byte| byte.is_ascii_digit()).count() == 8
        {
            *self = Self { text: *head, seconds: midnight };
        }
    }
}

fn nanoseconds(seconds: i64, nanos: i64) -> Result<i64, Fault> {
    seconds.checked_mul(1_000_000_000).and_then(|ns| ns.checked_add(nanos)).ok_or(Fault::TooLarge)
}

/// What is still to be read of a cell.
struct Scan<'a>(&'a [u8]);

impl Scan<'_> {
    /// A run of `least..=most` digits.
    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let len = self.0.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        if len < least {
            return None;
        }
        let (run, rest) = self.0.split_at(len);
        self.0 = rest;
        Some(run.iter().fold(0, |number, byte| number * 10 + i64::from(byte - b'0')))
    }

    /// One byte out of `set`.
    fn one(&mut self, set: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        if !set.contains(first) {
            return None;
        }
        self.0 = rest;
        Some(*first)
    }
}

/// The midnight before a stamp in seconds since 1970, the seconds since then, the nanoseconds.
type Parts = (i64, i64, i64);

/// `2024-10-1`, `2024/10/01`, then optionally `T` or a blank, hours and minutes, and the rest.
fn date_and_time(cell: &[u8]) -> Option<Parts> {
    let mut scan = Scan(cell);
    let year = scan.digits(4, 4)?;
    let mark = scan.one(b"-/")?;
    let month = scan.digits(1, 2)?;
    scan.one(&[mark])?;
    let midnight = days_from_civil(year, month, scan.digits(1, 2)?)? * DAY_S;
    if scan.one(b" Tt").is_none() {
        return scan.0.is_empty().then_some((midnight, 0, 0));
    }
    let (clock, nanos) = time_of_day(&mut scan)?;
    Some((midnight, clock, nanos))
}

/// `[17/May/2015:10:05:03 +0000]` (Common Log Format), `06/Feb/2009:12:14:14.655` (`HAProxy`).
fn log_time(cell: &[u8]) -> Option<Parts> {
    let bare = cell.strip_prefix(b"[").unwrap_or(cell);
    let mut scan = Scan(bare.strip_suffix(b"]").unwrap_or(bare));
    let day = scan.digits(1, 2)?;
    scan.one(b"/")?;
    let (name, rest) = scan.0.split_at_checked(3)?;
    let months = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let (month, _) =
        (1..).zip(months.chunks(3)).find(|(_, month)| month.eq_ignore_ascii_case(name))?;
    scan.0 = rest;
    scan.one(b"/")?;
    let midnight = days_from_civil(scan.digits(4, 4)?, month, day)? * DAY_S;
    scan.one(b":")?;
    let (clock, nanos) = time_of_day(&mut scan)?;
    Some((midnight, clock, nanos))
}

/// `18:17`, `18:17:03`, with fraction and zone: seconds since midnight UTC, and nanoseconds.
fn time_of_day(scan: &mut Scan<'_>) -> Option<(i64, i64)> {
    let hour = scan.digits(1, 2).filter(|hour| *hour < 24)?;
    scan.one(b":")?;
    let minute = scan.digits(2, 2).filter(|minute| *minute < 60)?;
    // A leap second is counted as the first second of the next minute.
    let second = match scan.one(b":") {
        Some(_) => scan.digits(2, 2).filter(|second| *second <= 60)?,
        None => 0,
    };
    let (nanos, offset) = fraction_and_zone(scan.0)?;
    Some((hour * 3600 + minute * 60 + second - offset, nanos))
}

/// The nanoseconds of `.9799600` and the seconds of `+02:00`, either of which may be missing.
#[inline]
fn fraction_and_zone(rest: &[u8]) -> Option<(i64, i64)> {
    let Some((mark, digits)) = rest.split_first() else {
        return Some((0, 0));
    };
    if !matches!(mark, b'.' | b',') {
        return zone(rest).map(|offset| (0, offset));
    }
    let (mut nanos, mut step, mut len) = (0, 100_000_000, 0);
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit >= 10 {
            break;
        }
        nanos += i64::from(digit) * step;
        step /= 10;
        len += 1;
    }
    if len == 0 {
        return None;
    }
    zone(&digits[len..]).map(|offset| (nanos, offset))
}

#[inline]
fn zone(rest: &[u8]) -> Option<i64> {
    if rest.is_empty() { Some(0) } else { zone_any(rest) }
}

/// Seconds east of UTC: `Z`, `UTC`, `+02`, `+0200`, `-05:30`, also after a blank.
fn zone_any(rest: &[u8]) -> Option<i64> {
    let rest = rest.trim_ascii();
    if rest.is_empty() || [&b"Z"[..], b"UTC", b"GMT"].iter().any(|z| rest.eq_ignore_ascii_case(z)) {
        return Some(0);
    }
    let mut scan = Scan(rest);
    let sign = if scan.one(b"+-")? == b'+' { 1 } else { -1 };
    let hours = scan.digits(2, 2).filter(|hours| *hours < 24)?;
    let colon = scan.one(b":").is_some();
    let minutes = match scan.digits(2, 2) {
        Some(minutes) if minutes < 60 => minutes,
        None if !colon => 0,
        _ => return None,
    };
    scan.0.is_empty().then_some(sign * (hours * 3600 + minutes * 60))
}

/// Days since 1970-01-01 in the Gregorian calendar (H. Hinnant, "chrono-compatible low-level date
/// algorithms"); `None` for a day that is not in it.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=last).contains(&day) {
        return None;
    }
    let from_march = if month > 2 { year } else { year - 1 };
    let era = from_march.div_euclid(400);
    let year_of_era = from_march.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// A stamp in the user's own form.
fn custom(format: &str, cell: &[u8]) -> Result<i64, Fault> {
    let cell = cell.trim_ascii();
    if is_blank(cell) {
        return Err(Fault::Blank);
    }
    let parts = strtime::parse(format, cell).map_err(|_| Fault::NotTime)?;
    let instant = if parts.offset().is_some() {
        parts.to_timestamp().ok()
    } else {
        let date = parts.to_date().ok();
        let time = parts.to_time().unwrap_or(jiff::civil::Time::midnight());
        date.and_then(|date| date.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC).ok())
            .map(|zoned| zoned.timestamp())
    };
    let nanos = instant.ok_or(Fault::NotTime)?.as_nanosecond();
    i64::try_from(nanos).map_err(|_| Fault::TooLarge)
}

/// A stamp in nanoseconds since 1970 as people read it.
pub(super) fn as_date(nanos: i64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(nanos))
        .map_or_else(|_| nanos.to_string(), |stamp| stamp.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cell: &str) -> Result<i64, Fault> {
        // Twice, so that the way through the remembered date is taken as well.
        let mut day = Day::default();
        let first = day.read(cell.as_bytes());
        assert_eq!(day.read(cell.as_bytes()), first, "{cell}");
        first
    }

    #[test]
    fn dates_agree_with_a_calendar_library() {
        for (cell, utc) in [
            ("1998-04-30 21:30:00", "1998-04-30T21:30:00Z"),
            ("2023-11-16 18:17:03.9799600", "2023-11-16T18:17:03.97996Z"),
            ("2023-11-16T18:17:03.123456789123Z", "2023-11-16T18:17:03.123456789Z"),
            ("1998-06-06 22:00", "1998-06-06T22:00:00Z"),
            ("2007-12-10", "2007-12-10T00:00:00Z"),
            ("2024-05-12 00:00:00+00:00", "2024-05-12T00:00:00Z"),
            ("2024-05-12 01:30:00+0130", "2024-05-12T00:00:00Z"),
            ("2024-05-12 00:00:00 -05", "2024-05-12T05:00:00Z"),
            ("2024-05-12 00:00:00 UTC", "2024-05-12T00:00:00Z"),
            ("2024-10-1 00:00:00", "2024-10-01T00:00:00Z"),
            ("2024-10-1 9:05:00", "2024-10-01T09:05:00Z"),
            ("2024/02/29 23:59:59,5", "2024-02-29T23:59:59.5Z"),
            ("[17/May/2015:10:05:03 +0200]", "2015-05-17T08:05:03Z"),
            ("[06/Feb/2009:12:14:14.655]", "2009-02-06T12:14:14.655Z"),
            ("1900-03-01 00:00:00", "1900-03-01T00:00:00Z"),
        ] {
            let wanted: jiff::Timestamp = utc.parse().unwrap();
            assert_eq!(read(cell).map(i128::from), Ok(wanted.as_nanosecond()), "{cell}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_has_its_number() {
        let mut date = jiff::civil::date(1800, 1, 1);
        let epoch = jiff::civil::date(1970, 1, 1);
        while date.year() < 2200 {
            let (year, month, day) = (date.year().into(), date.month().into(), date.day().into());
            let days = (date - epoch).get_days();
            assert_eq!(days_from_civil(year, month, day), Some(i64::from(days)), "{date}");
            date = date.tomorrow().unwrap();
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for cell in [
            "2023-02-29 00:00:00",
            "2023-13-01",
            "2023-00-10",
            "2023-11-16 24:00:00",
            "2023-11-16 18:60:00",
            "2023-11-16 18:17:03.",
            "2023-11-16 18:17:03 CEST",
            "2023-11-16 18",
            "16.11.2023",
            "2023-11-16x18:17:03",
            "x",
            "2023-11-16 18:17:03+25:00",
            "[17/Foo/2015:10:05:03 +0000]",
            "2023-11-16 1a:17:03",
        ] {
            assert_eq!(read(cell), Err(Fault::NotTime), "{cell}");
        }
        assert_eq!(read(""), Err(Fault::Blank));
        assert_eq!(read("9999-01-01"), Err(Fault::TooLarge));
    }

    #[test]
    fn users_may_say_how_their_dates_are_written() {
        let mut clock = Clock::Custom("%d.%m.%Y %H:%M".into());
        let utc: jiff::Timestamp = "2024-05-12T07:30:00Z".parse().unwrap();
        assert_eq!(clock.read(b"12.05.2024 07:30").map(i128::from), Ok(utc.as_nanosecond()));
        assert_eq!(clock.read(b"2024-05-12"), Err(Fault::NotTime));
        let mut clock = Clock::Custom("%Y%m%d".into());
        assert!(clock.read(b"20240512").is_ok());
    }
}
