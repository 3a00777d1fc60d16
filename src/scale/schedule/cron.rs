//! Five-field cron expressions, matched against civil time.
//!
//! `minute hour day-of-month month day-of-week`: numbers, `*`, lists `a,b`, ranges `a-b`, steps
//! `*/n`, `a-b/n` and `a/n`, names of months and days, Sunday as 0 and 7, and `@hourly` to
//! `@yearly`. As in cron itself, where both day fields are restricted a day that fits either one
//! fits.

use jiff::civil::{Date, DateTime};

/// Days looked back for the last match: 29 February on a given weekday comes at most 40 years
/// apart, around a century without a leap day.
const DAYS_BACK: u32 = 41 * 366;

/// A parsed expression: the allowed values of each field as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    /// Sunday is bit 0.
    weekdays: u64,
    /// Both day fields are restricted: either suffices.
    either_day: bool,
}

/// One field of an expression.
struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    names: &'static [&'static str],
}

const MINUTE: Field = Field { name: "minute", first: 0, last: 59, names: &[] };
const HOUR: Field = Field { name: "hour", first: 0, last: 23, names: &[] };
const DAY: Field = Field { name: "day of month", first: 1, last: 31, names: &[] };
const MONTH: Field = Field {
    name: "month",
    first: 1,
    last: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAY: Field = Field {
    name: "day of week",
    first: 0,
    last: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

impl Field {
    fn bits(&self, text: &str) -> Result<u64, String> {
        text.split(',').try_fold(0, |bits, part| Ok(bits | self.part(part)?))
    }

    fn part(&self, part: &str) -> Result<u64, String> {
        let wrong = |why: &str| format!("{part:?} is no {}: {why}", self.name);
        let (range, step) = match part.split_once('/') {
            None => (part, None),
            Some((range, step)) => {
                let step = step.parse().map_err(|_| wrong("the step is no number"))?;
                (range, Some(step))
            }
        };
        let (low, high) = match range.split_once('-') {
            _ if range == "*" => (self.first, self.last),
            Some((low, high)) => (self.value(low)?, self.value(high)?),
            // "a/n" runs from a to the end.
            None if step.is_some() => (self.value(range)?, self.last),
            None => (self.value(range)?, self.value(range)?),
        };
        if low > high {
            return Err(wrong("the range runs backwards"));
        }
        let step: usize = step.unwrap_or(1);
        if step == 0 {
            return Err(wrong("the step is 0"));
        }
        Ok((low..=high).step_by(step).fold(0, |bits, value| bits | 1 << value))
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let lower = text.to_ascii_lowercase();
        if let Some(index) = self.names.iter().position(|name| *name == lower) {
            return Ok(self.first + index as u32);
        }
        let value = text.parse().ok().filter(|value| (self.first..=self.last).contains(value));
        value.ok_or_else(|| {
            format!("{text:?} is no {} from {} to {}", self.name, self.first, self.last)
        })
    }
}

impl Cron {
    /// Parses an expression; the error names the part that cannot be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = match text.trim() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other => other,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let &[minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(format!(
                "{text:?} has {} fields; a cron expression has five: \
                 minute, hour, day of month, month, day of week",
                fields.len()
            ));
        };
        let weekdays = WEEKDAY.bits(weekday)?;
        let cron = Self {
            minutes: MINUTE.bits(minute)?,
            hours: HOUR.bits(hour)?,
            days: DAY.bits(day)?,
            months: MONTH.bits(month)?,
            // Sunday is also written 7.
            weekdays: (weekdays | weekdays >> 7) & 0x7F,
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
        };
        if cron.ever_comes() {
            return Ok(cron);
        }
        Err(format!(
            "{text:?} never comes: no month it names has such a day; February has 29 at most"
        ))
    }

    /// Whether some month has some day of it, leap years included.
    fn ever_comes(&self) -> bool {
        let has_day = |(month, length): (u32, &u32)| {
            self.months >> month & 1 == 1 && (1..=*length).any(|day| self.days >> day & 1 == 1)
        };
        self.either_day || (1..).zip(&[31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]).any(has_day)
    }

    /// Whether some minute of the day matches.
    fn fits_day(&self, date: Date) -> bool {
        let day = self.days >> date.day() & 1 == 1;
        let weekday = self.weekdays >> date.weekday().to_sunday_zero_offset() & 1 == 1;
        let fits = if self.either_day { day || weekday } else { day && weekday };
        fits && self.months >> date.month() & 1 == 1
    }

    /// The last minute at or before `at` that matches; nothing where none does within 41 years.
    pub fn last(&self, at: DateTime) -> Option<DateTime> {
        let mut date = at.date();
        let (mut hour, mut minute) = (at.hour(), at.minute());
        for _ in 0..DAYS_BACK {
            if self.fits_day(date)
                && let Some((hour, minute)) = self.last_of_day(hour, minute)
            {
                return Some(date.at(hour, minute, 0, 0));
            }
            date = date.yesterday().ok()?;
            (hour, minute) = (23, 59);
        }
        None
    }

    /// The last matching time of a day at or before the one given.
    fn last_of_day(&self, hour: i8, minute: i8) -> Option<(i8, i8)> {
        let of_hour = highest(self.minutes, minute)
            .filter(|_| self.hours >> hour & 1 == 1)
            .map(|found| (hour, found));
        of_hour.or_else(|| Some((highest(self.hours, hour - 1)?, highest(self.minutes, 59)?)))
    }
}

/// The highest bit set at or below an index.
fn highest(bits: u64, index: i8) -> Option<i8> {
    let index = u32::try_from(index).ok()?;
    let below = bits & (u64::MAX >> (63 - index));
    (below != 0).then(|| 63 - below.leading_zeros() as i8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(expression: &str, at: &str) -> String {
        let cron = Cron::parse(expression).unwrap();
        cron.last(at.parse().unwrap()).map_or("never".to_owned(), |found| found.to_string())
    }

    #[test]
    fn the_last_match_is_found_at_or_before_an_instant() {
        // 2024-01-01 was a Monday.
        assert_eq!(last("30 8 * * *", "2024-01-05T08:30:59"), "2024-01-05T08:30:00");
        assert_eq!(last("30 8 * * *", "2024-01-05T08:29:59"), "2024-01-04T08:30:00");
        assert_eq!(last("0 9 * * mon-fri", "2024-01-07T12:00"), "2024-01-05T09:00:00");
        assert_eq!(last("*/15 * * * *", "2024-01-01T00:14"), "2024-01-01T00:00:00");
        assert_eq!(last("5/20 10-12/2 * * *", "2024-01-01T11:30"), "2024-01-01T10:45:00");
        assert_eq!(last("0 0 29 2 *", "2023-06-01T00:00"), "2020-02-29T00:00:00");
        assert_eq!(last("@monthly", "2024-03-31T00:00"), "2024-03-01T00:00:00");
    }

    #[test]
    fn sunday_has_two_numbers_and_either_day_field_suffices() {
        assert_eq!(last("0 0 * * 7", "2024-01-10T00:00"), "2024-01-07T00:00:00");
        assert_eq!(last("0 0 * * 0", "2024-01-10T00:00"), "2024-01-07T00:00:00");
        assert_eq!(last("0 0 9 * sun", "2024-01-10T00:00"), "2024-01-09T00:00:00");
        assert_eq!(last("0 0 9 * sun", "2024-01-08T00:00"), "2024-01-07T00:00:00");
        assert_eq!(last("0 0 * * fri-7", "2024-01-10T00:00"), "2024-01-07T00:00:00");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = |text| Cron::parse(text).unwrap_err();
        assert!(error("0 9 * *").contains("five"));
        assert!(error("60 9 * * *").contains("minute from 0 to 59"));
        assert!(error("0 9 * foo *").contains("\"foo\" is no month"));
        assert!(error("0 9-8 * * *").contains("backwards"));
        assert!(error("*/0 * * * *").contains("step is 0"));
        assert!(error("0 9 0 * *").contains("day of month"));
        assert!(error("0 0 30 2 *").contains("never comes"));
        assert!(error("0 0 31 feb,apr,jun *").contains("never comes"));
        assert!(Cron::parse("0 0 31 2 mon").is_ok(), "every Monday of February");
        assert!(Cron::parse("0 0 31 4,5 *").is_ok(), "31 May");
    }
}
