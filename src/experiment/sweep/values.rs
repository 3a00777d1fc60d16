//! The values of an axis: words, steps and factors between two ends, and ends to draw between.
//!
//! | written | means |
//! | --- | --- |
//! | `4,8,16` | these words |
//! | `4..64:4`, `100/s..500/s:50/s` | from 4 to at most 64 in steps of 4 |
//! | `1..1000*10` | 1, 10, 100, 1000: each ten times the one before |
//! | `4..64`, `0.5..0.9` | between the ends: every whole number, or what a sample draws |
//! | `1..1000*` | between the ends, evenly by the logarithm: for a sample |

use crate::diagnose::{Origin, Problem};
use crate::document::split_options;

/// The values of one field, in order; those of a range are worked out when they are asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Values(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Word(String),
    Steps { span: Span, step: f64, decimals: usize, count: u64 },
    Factors { span: Span, factor: f64, count: u64 },
    Between { span: Span, logarithmic: bool },
}

/// Two ends with their unit. Ends that are written as whole numbers hold whole numbers only.
#[derive(Clone, Debug, PartialEq)]
struct Span {
    from: f64,
    to: f64,
    unit: String,
    whole: bool,
}

/// A number as it was written.
struct Number<'a> {
    value: f64,
    decimals: usize,
    whole: bool,
    unit: &'a str,
}

impl Values {
    /// Reads `a,b,c` and ranges. A path that ends in `window` holds words with dots of their own.
    pub fn parse(path: &str, text: &str, origin: &Origin) -> Result<Self, Problem> {
        let at = |problem: Problem| problem.at(origin);
        let words = glued(split_options(text));
        if words.iter().all(String::is_empty) {
            return Err(at(Problem::new(format!("`{path}` is given no values"))
                .help("write a list `a,b,c` or a range `4..64:4`")));
        }
        let mut pieces: Vec<Piece> = Vec::new();
        for word in words {
            if word.is_empty() {
                return Err(at(Problem::new(format!("a value of `{path}` is empty: `{text}`"))
                    .help("leave out the comma that is one too many")));
            }
            let range = if path.ends_with("window") { None } else { word.split_once("..") };
            let piece = match range.filter(|(from, _)| begins_a_range(from)) {
                Some((from, rest)) => Piece::range(&word, from, rest).map_err(at)?,
                None => Piece::Word(word),
            };
            pieces.push(piece);
        }
        Ok(Self(pieces))
    }

    /// How many there are; ends to draw real numbers between have none, and say so.
    pub fn count(&self) -> Result<u64, Problem> {
        self.0.iter().try_fold(0_u64, |sum, piece| Ok(sum.saturating_add(piece.count()?)))
    }

    /// The value at a place below `count`.
    pub fn nth(&self, mut place: u64) -> String {
        for piece in &self.0 {
            let count = piece.count().unwrap_or(0);
            if place < count {
                return piece.nth(place);
            }
            place -= count;
        }
        unreachable!("a place below the count is in one of the pieces")
    }

    /// The value at a share `u` (0 ≤ u < 1) of the way: of a range, or of the list.
    pub fn at_share(&self, u: f64) -> String {
        if let [Piece::Between { span, logarithmic }] = self.0.as_slice() {
            return span.at_share(u, *logarithmic);
        }
        let count = self.count().unwrap_or(1);
        self.nth(((u * count as f64) as u64).min(count - 1))
    }

    /// Whether real numbers are to be drawn, of which there is no end.
    pub fn is_endless(&self) -> bool {
        self.count().is_err()
    }

    /// Those that are written out, not in a range.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Word(word) => Some(word.as_str()),
            _ => None,
        })
    }

    /// Whether all are written out.
    pub(super) fn words_only(&self) -> bool {
        self.0.iter().all(|piece| matches!(piece, Piece::Word(_)))
    }

    /// Whether every value is a number, in one unit.
    pub fn ranges_only(&self) -> bool {
        !self.0.iter().any(|piece| matches!(piece, Piece::Word(_)))
    }
}

/// Puts `key=value` back to the `name:key=value` before it, for the comma between options is the
/// comma between values.
fn glued(words: Vec<&str>) -> Vec<String> {
    let mut glued: Vec<String> = Vec::new();
    for word in words {
        let word = word.trim();
        let option = word.find('=').is_some_and(|at| !word[..at].contains(':'));
        match glued.last_mut() {
            Some(spec) if option && spec.contains(':') => {
                spec.push(',');
                spec.push_str(word);
            }
            _ => glued.push(word.to_owned()),
        }
    }
    glued
}

/// A word such as `../traffic.csv` has dots and is no range.
fn begins_a_range(from: &str) -> bool {
    let from = from.trim();
    let endless = ["inf", "nan", "infinity"];
    Number::read(from).is_some()
        || endless.contains(&from.trim_start_matches('-').to_lowercase().as_str())
}

impl Piece {
    /// Reads what stands after `FROM..`: `TO`, `TO:STEP`, `TO*FACTOR` or `TO*`.
    fn range(word: &str, from: &str, rest: &str) -> Result<Self, Problem> {
        let (to, step, factor) = match (rest.split_once(':'), rest.split_once('*')) {
            (Some((to, step)), _) => (to, Some(step), None),
            (None, Some((to, factor))) => (to, None, Some(factor)),
            (None, None) => (rest, None, None),
        };
        let (from, to) = (Number::of(word, from)?, Number::of(word, to)?);
        let span = Span::of(word, &from, &to)?;
        match (step, factor) {
            (Some(step), _) => span.steps(word, &from, &Number::of(word, step)?),
            (None, Some("")) => {
                span.above_zero(word)?;
                Ok(Self::Between { span, logarithmic: true })
            }
            (None, Some(factor)) => span.factors(word, &Number::of(word, factor)?),
            (None, None) => Ok(Self::Between { span, logarithmic: false }),
        }
    }

    fn count(&self) -> Result<u64, Problem> {
        match self {
            Self::Word(_) => Ok(1),
            Self::Steps { count, .. } | Self::Factors { count, .. } => Ok(*count),
            Self::Between { span, logarithmic: false } if span.whole => {
                Ok((span.to - span.from) as u64 + 1)
            }
            Self::Between { span, logarithmic } => {
                let Span { from, to, unit, .. } = span;
                let (range, example) = match logarithmic {
                    true => (format!("{from}{unit}..{to}{unit}*"), "a factor, `1..1000*10`"),
                    false => (format!("{from}{unit}..{to}{unit}"), "a step, `0.5..0.9:0.1`"),
                };
                Err(Problem::new(format!("`{range}` does not say which values between its ends"))
                    .help(format!("add {example}, or draw points with `--sample 50`")))
            }
        }
    }

    fn nth(&self, place: u64) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Steps { span, step, decimals, .. } => {
                let value = span.from + place as f64 * step;
                format!("{value:.decimals$}{}", span.unit)
            }
            Self::Factors { span, factor, .. } => span.show(span.from * factor.powf(place as f64)),
            Self::Between { span, .. } => span.show(span.from + place as f64),
        }
    }
}

impl Span {
    fn of(word: &str, from: &Number<'_>, to: &Number<'_>) -> Result<Self, Problem> {
        if !from.unit.is_empty() && from.unit != to.unit {
            return Err(Problem::new(format!("the ends of `{word}` have different units"))
                .help(format!("write both in `{}`", from.unit)));
        }
        if from.value > to.value {
            let (low, high) = word.split_once("..").unwrap_or((word, ""));
            let end = high.find([':', '*']).unwrap_or(high.len());
            return Err(Problem::new(format!("the range `{word}` runs backward")).help(format!(
                "write `{}..{low}{}`",
                &high[..end],
                &high[end..]
            )));
        }
        let whole = from.whole && to.whole;
        Ok(Self { from: from.value, to: to.value, unit: to.unit.to_owned(), whole })
    }

    fn steps(self, word: &str, from: &Number<'_>, step: &Number<'_>) -> Result<Piece, Problem> {
        if step.value <= 0.0 {
            return Err(Problem::new(format!("the step of `{word}` must be above 0"))
                .help("write e.g. `4..64:4`"));
        }
        if !step.unit.is_empty() && step.unit != self.unit {
            return Err(Problem::new(format!(
                "the step of `{word}` has another unit than its ends"
            ))
            .help(format!("write it in `{}`", self.unit)));
        }
        // Half-open arithmetic of decimals: 0.1 + 2·0.1 is to count as 0.3.
        let count = ((self.to - self.from) / step.value + 1e-9).floor() as u64;
        let decimals = from.decimals.max(step.decimals);
        Ok(Piece::Steps { span: self, step: step.value, decimals, count: count.saturating_add(1) })
    }

    fn factors(self, word: &str, factor: &Number<'_>) -> Result<Piece, Problem> {
        self.above_zero(word)?;
        if factor.value <= 1.0 || !factor.unit.is_empty() {
            return Err(Problem::new(format!("the factor of `{word}` must be a number above 1"))
                .help("write e.g. `1..1000*10`"));
        }
        let count = ((self.to / self.from).ln() / factor.value.ln() + 1e-9).floor() as u64 + 1;
        let piece = Piece::Factors { span: self, factor: factor.value, count };
        match (0..count - 1).find(|&place| piece.nth(place) == piece.nth(place + 1)) {
            Some(place) => Err(Problem::new(format!(
                "`{word}` gives {} twice: whole numbers are rounded",
                piece.nth(place)
            ))
            .help("take a larger factor, or write an end with a point for real numbers: `1.0`")),
            None => Ok(piece),
        }
    }

    fn above_zero(&self, word: &str) -> Result<(), Problem> {
        if self.from > 0.0 {
            return Ok(());
        }
        let never = if self.from < 0.0 { "comes above 0" } else { "leaves it" };
        Err(Problem::new(format!("`{word}` multiplies from {}, and never {never}", self.from))
            .help("begin above 0"))
    }

    fn at_share(&self, u: f64, logarithmic: bool) -> String {
        // A whole number stands for all that is rounded down to it, so each is as likely.
        let to = if self.whole { self.to + 1.0 } else { self.to };
        let value = match logarithmic {
            true => self.from * (to / self.from).powf(u),
            false => self.from + (to - self.from) * u,
        };
        self.show(if self.whole { value.floor().min(self.to) } else { value })
    }

    /// A number of the span as one would write it: six digits are more than a field needs.
    fn show(&self, value: f64) -> String {
        if self.whole {
            return format!("{:.0}{}", value, self.unit);
        }
        let short: f64 = format!("{value:.5e}").parse().unwrap_or(value);
        format!("{short}{}", self.unit)
    }
}

impl<'a> Number<'a> {
    /// The number at the start of a text; the rest is its unit.
    fn read(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let sign = usize::from(text.starts_with(['-', '+']));
        let before = digits(&text[sign..]);
        let mut end = sign + before;
        let mut decimals = 0;
        if text[end..].starts_with('.') {
            decimals = digits(&text[end + 1..]);
            if before + decimals == 0 {
                return None;
            }
            end += 1 + decimals;
        }
        if before + decimals == 0 {
            return None;
        }
        let mut whole = end == sign + before;
        if let Some(rest) = text[end..].strip_prefix(['e', 'E']) {
            let sign = usize::from(rest.starts_with(['-', '+']));
            let length = digits(&rest[sign..]);
            if length > 0 {
                let power: i64 = rest[..sign + length].parse().unwrap_or(0);
                decimals = (decimals as i64 - power).clamp(0, 15) as usize;
                (end, whole) = (end + 1 + sign + length, false);
            }
        }
        let value: f64 = text[..end].parse().ok()?;
        Some(Self { value, decimals, whole, unit: text[end..].trim() })
    }

    fn of(word: &str, text: &'a str) -> Result<Self, Problem> {
        let number = Self::read(text).filter(|number| number.value.is_finite());
        number.ok_or_else(|| {
            let text = text.trim();
            Problem::new(format!("`{text}` in the range `{word}` is not a finite number"))
                .help("write e.g. `4..64:4`, `0.5..0.9:0.1`, `100/s..500/s:50/s` or `1..1000*10`")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Result<Values, Problem> {
        Values::parse("x", text, &Origin::whole("--vary", text))
    }

    fn all(text: &str) -> Vec<String> {
        let values = values(text).unwrap();
        (0..values.count().unwrap()).map(|place| values.nth(place)).collect()
    }

    #[test]
    fn lists_ranges_and_factors_give_the_words_one_would_write() {
        assert_eq!(all("4,8,16"), ["4", "8", "16"]);
        assert_eq!(all("4..12:4"), ["4", "8", "12"]);
        assert_eq!(all("4..6"), ["4", "5", "6"]);
        assert_eq!(all("0.1..0.5:0.1"), ["0.1", "0.2", "0.3", "0.4", "0.5"]);
        assert_eq!(all("0..1:0.25"), ["0.00", "0.25", "0.50", "0.75", "1.00"]);
        assert_eq!(all("100/s..300/s:100/s"), ["100/s", "200/s", "300/s"]);
        assert_eq!(all("50..150ms:50"), ["50ms", "100ms", "150ms"]);
        assert_eq!(all("1..1000*10"), ["1", "10", "100", "1000"]);
        assert_eq!(all("1.0..4.0*1.5"), ["1", "1.5", "2.25", "3.375"]);
        assert_eq!(all("1..3,8"), ["1", "2", "3", "8"]);
        assert_eq!(all("-2..2:2"), ["-2", "0", "2"]);
        assert_eq!(all("1e-3..3e-3:1e-3"), ["0.001", "0.002", "0.003"]);
    }

    #[test]
    fn options_of_a_name_are_not_values_of_their_own() {
        assert_eq!(
            all("random,power-of-choices:choices=2,power-of-choices:choices=3"),
            ["random", "power-of-choices:choices=2", "power-of-choices:choices=3"]
        );
        assert_eq!(all("lognormal:mean=5ms,cv=2,exponential:mean=5ms").len(), 2);
        assert_eq!(all("../a.csv,../b.csv"), ["../a.csv", "../b.csv"]);
    }

    #[test]
    fn a_window_has_dots_of_its_own() {
        let text = "0m..10m,10m..20m";
        let values = Values::parse("traffic.a.window", text, &Origin::whole("--vary", text));
        assert_eq!(values.unwrap().nth(1), "10m..20m");
    }

    #[test]
    fn a_sample_draws_between_the_ends() {
        let at = |text: &str, u| values(text).unwrap().at_share(u);
        assert_eq!((at("1..4", 0.0), at("1..4", 0.999)), ("1".into(), "4".into()));
        assert_eq!(at("0.5..0.9", 0.25), "0.6");
        assert_eq!(at("1.0..100*", 0.5), "10");
        assert_eq!(at("10ms..20ms", 0.5), "15ms");
        assert_eq!(at("a,b,c", 0.9), "c");
    }

    #[test]
    fn what_is_no_range_is_refused_with_the_remedy() {
        for (text, words) in [
            ("", "no values"),
            ("1,,2", "is empty"),
            ("64..4:4", "write `4..64:4`"),
            ("4..64:0", "above 0"),
            ("4..64:-1", "above 0"),
            ("1..inf:1", "finite"),
            ("inf..1:1", "finite"),
            ("1..1e999:1", "finite"),
            ("0..10*2", "begin above 0"),
            ("1..10*1", "above 1"),
            ("1ms..2s:1ms", "different units"),
            ("1..10*1.1", "1 twice"),
            ("4..x:1", "finite number"),
        ] {
            let problem = values(text).unwrap_err();
            assert!(problem.to_string().contains(words), "{text}: {problem}");
        }
        let endless = values("0.5..0.9").unwrap().count().unwrap_err();
        assert!(endless.to_string().contains("`0.5..0.9:0.1`"), "{endless}");
    }
}
