//! Rates, prices and shares as people write them: "120/s", "0.68/h", "0.1%".

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::time::Duration;

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

/// A number or a text, as a document may hold either where a quantity is wanted.
pub enum Word {
    /// A bare number.
    Number(f64),
    /// Anything in quotes.
    Text(String),
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Hands a number or a text to `read`; everything else is refused as not being `expected`.
pub fn from_text_or_number<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    read: impl FnOnce(Word) -> Result<T, D::Error>,
) -> Result<T, D::Error> {
    struct Visitor(&'static str);
    impl de::Visitor<'_> for Visitor {
        type Value = Word;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
        fn visit_str<E>(self, text: &str) -> Result<Word, E> {
            Ok(Word::Text(text.to_owned()))
        }
        fn visit_i64<E>(self, number: i64) -> Result<Word, E> {
            Ok(Word::Number(number as f64))
        }
        fn visit_u64<E>(self, number: u64) -> Result<Word, E> {
            Ok(Word::Number(number as f64))
        }
        fn visit_f64<E>(self, number: f64) -> Result<Word, E> {
            Ok(Word::Number(number))
        }
    }
    deserializer.deserialize_any(Visitor(expected)).and_then(read)
}

/// Events a second, written `120/s`, `7200/min` or `3.5 req/s`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(pub f64);

impl Rate {
    /// Reads a rate with its unit of time.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (number, per) = split_per(text)
            .ok_or_else(|| format!("`{text}` is not a rate: write e.g. `120/s` or `7200/min`"))?;
        let digits = number.trim_end_matches(|c: char| c.is_alphabetic() || c == ' ');
        let count: f64 = digits.trim().parse().map_err(|_| {
            format!("`{text}` is not a rate: `{digits}` is not a number; write e.g. `120/s`")
        })?;
        finite_and_not_negative(count, "a rate")
            .map_err(|said| format!("{said}: write e.g. `120/s`"))?;
        Ok(Self(count / per.as_secs_f64()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

/// Money an hour, written `0.68/h` or `$12/h`; the currency is the scenario's.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Price(pub f64);

impl Price {
    /// Reads a price with its unit of time.
    pub fn parse(text: &str) -> Result<Self, String> {
        let advice = "write e.g. `0.68/h`";
        let (number, per) =
            split_per(text).ok_or_else(|| format!("`{text}` is not a price: {advice}"))?;
        let amount: f64 = number
            .trim_matches(|c: char| c.is_alphabetic() || "$€£ ".contains(c))
            .parse()
            .map_err(|_| format!("`{text}` is not a price: {advice}"))?;
        finite_and_not_negative(amount, "a price").map_err(|said| format!("{said}: {advice}"))?;
        Ok(Self(amount * 3600.0 / per.as_secs_f64()))
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/h", self.0)
    }
}

/// A part of a whole between 0 and 1, written `0.8` or `80%`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Share(pub f64);

impl Share {
    /// Reads a share or a percentage.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (digits, unit) =
            text.strip_suffix('%').map_or((text, 1.0), |digits| (digits.trim(), 100.0));
        let share = digits
            .parse::<f64>()
            .map_err(|_| format!("`{text}` is not a share: write e.g. `0.8` or `80%`"))?
            / unit;
        if (0.0..=1.0).contains(&share) {
            Ok(Self(share))
        } else {
            Err(format!("the share `{text}` is outside 0 … 1 (0 % … 100 %)"))
        }
    }

    /// The whole things in this share of `all`: 57 % of 100 are 57, though the product of the two
    /// numbers of the machine is a hair less.
    pub fn part_of(self, all: u64) -> u64 {
        let part = self.0 * all as f64;
        let near = part.round();
        (if (part - near).abs() <= 1e-12 * near { near } else { part.floor() }) as u64
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

fn split_per(text: &str) -> Option<(&str, Duration)> {
    let (number, unit) = text.rsplit_once('/')?;
    let seconds = match unit.trim() {
        "s" | "sec" | "second" => 1,
        "m" | "min" | "minute" => 60,
        "h" | "hour" | "hr" => 3600,
        "d" | "day" => 86_400,
        _ => return None,
    };
    Some((number.trim(), Duration::from_secs(seconds)))
}

fn finite_and_not_negative(number: f64, what: &str) -> Result<(), String> {
    if number.is_finite() && number >= 0.0 {
        Ok(())
    } else {
        Err(format!("{what} must be a finite number of at least 0, not {number}"))
    }
}

/// Serde and schema for a quantity that is written as text.
macro_rules! written_as_text {
    ($unit:ident, $expected:literal, $($example:literal),+) => {
        impl Serialize for $unit {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $unit {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                from_text_or_number(deserializer, $expected, |word| {
                    Self::parse(&word.to_string()).map_err(de::Error::custom)
                })
            }
        }
        impl schemars::JsonSchema for $unit {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($unit).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": ["string", "number"], "examples": [$($example),+]
                })
            }
        }
    };
}

written_as_text!(Rate, "a rate such as `120/s`", "120/s", "7200/min");
written_as_text!(Price, "a price such as `0.68/h`", "0.68/h");
written_as_text!(Share, "a share such as `0.8` or `80%`", "0.8", "80%");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_prices_carry_their_unit_of_time() {
        assert_eq!(Rate::parse("120/s"), Ok(Rate(120.0)));
        assert_eq!(Rate::parse("90 req/min"), Ok(Rate(1.5)));
        assert!(Rate::parse("120").is_err());
        assert!(Rate::parse("-1/s").is_err());
        assert_eq!(Price::parse("$0.5/h"), Ok(Price(0.5)));
        assert!((Price::parse("0.01/min").unwrap().0 - 0.6).abs() < 1e-12);
    }

    #[test]
    fn a_share_is_between_none_and_all() {
        assert_eq!(Share::parse("80%"), Ok(Share(0.8)));
        assert_eq!(Share::parse("0.8"), Ok(Share(0.8)));
        assert!(Share::parse("120%").is_err());
        assert!(Share::parse("nan").is_err());
    }
}
