//! What was measured: values of a column of a file, each as likely as it was seen.
//!
//! **What it does.** Reads the numbers of one column of a CSV file once, sorts them, and draws from
//! them by inversion: it never makes up a value that was not there.
//! **When it shines.** A log of service times or token counts is at hand; no fitted law matches it.
//! **When it fails.** Few values (the tail ends at the largest one seen); values that depend on one
//! another or on the time of day, which a replay of the trace keeps and this law forgets.
//! **Source.** The empirical distribution function; resampling as in Efron (1979).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use csv::{ByteRecord, ReaderBuilder, Trim};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::params::{POSITIVE, within};
use super::{Law, Setup, Unit};
use crate::diagnose::{Origin, Problem, nearest};
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time_unit::TimeUnit;
use crate::units::{Word, from_text_or_number};

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The file; columns are separated by commas, semicolons, tabs or bars.
    file: PathBuf,
    /// The column: its name in the first row, or its number from 1.
    #[serde(default)]
    column: Column,
    /// The unit of times: `ns`, `us`, `ms`, `s`, `min`, `h`, `d`. Not needed when the column's name
    /// ends in it, as in `service_ms`.
    time_unit: Option<TimeUnit>,
    /// Every value is multiplied by this; above 0.
    #[serde(default = "unscaled")]
    scale: f64,
    /// What the file held, so that it is read once however often the law is built.
    #[serde(skip)]
    cache: OnceLock<(PathBuf, Unit, Arc<Observed>)>,
}

fn unscaled() -> f64 {
    1.0
}

/// A column of a table.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Column {
    /// By its place, from 1.
    Number(usize),
    /// By its name in the first row.
    Name(String),
}

impl Default for Column {
    fn default() -> Self {
        Self::Number(1)
    }
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "the name of a column, or its number from 1";
        from_text_or_number(deserializer, expected, |word| match word {
            Word::Text(name) => Ok(Self::Name(name)),
            Word::Number(number) if number >= 1.0 && number.fract() == 0.0 => {
                Ok(Self::Number(number as usize))
            }
            Word::Number(number) => {
                Err(D::Error::custom(format!("columns are numbered from 1: there is no {number}")))
            }
        })
    }
}

/// The empirical law.
#[derive(Debug)]
pub struct Empirical(Arc<Observed>);

/// What a file held.
#[derive(Debug)]
struct Observed {
    sorted: Box<[f64]>,
    mean: f64,
    variance: f64,
}

impl Variant<dyn Law> for Empirical {
    const NAME: &'static str = "empirical";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Law>, Problem> {
        within(config.scale, POSITIVE, "scale")?;
        let path = setup.folder.join(&config.file);
        let kept = config.cache.get().filter(|kept| kept.0 == path && kept.1 == setup.unit);
        if let Some((.., observed)) = kept {
            return Ok(Box::new(Self(Arc::clone(observed))));
        }
        let observed = Arc::new(Observed::new(config.read(setup)?));
        // Where two threads come here at once both have read the same file.
        let _ = config.cache.set((path, setup.unit, Arc::clone(&observed)));
        Ok(Box::new(Self(observed)))
    }
}

impl Observed {
    fn new(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        Self { sorted: values.into(), mean, variance }
    }
}

impl Law for Empirical {
    fn sample(&self, stream: &mut Stream) -> f64 {
        let sorted = &self.0.sorted;
        sorted[stream.below(sorted.len() as u32) as usize]
    }
    fn mean(&self) -> f64 {
        self.0.mean
    }
    fn variance(&self) -> f64 {
        self.0.variance
    }
    fn cdf(&self, x: f64) -> f64 {
        let sorted = &self.0.sorted;
        sorted.partition_point(|&value| value <= x) as f64 / sorted.len() as f64
    }
}

impl Config {
    /// All values of the column, in the law's unit, in the order of the file.
    fn read(&self, setup: &Setup<'_>) -> Result<Vec<f64>, Problem> {
        if self.time_unit.is_some() && setup.unit == Unit::Count {
            let message = "`time-unit` has no place here: the values count something";
            return Err(Problem::about("time-unit", message).help("leave it out"));
        }
        let name = self.file.display().to_string();
        let unreadable = |error: &dyn std::fmt::Display| {
            let remedy = format!("relative paths start at `{}`", setup.folder.display());
            Problem::about("file", format!("`{name}` cannot be read: {error}")).help(remedy)
        };
        let file = File::open(setup.folder.join(&self.file)).map_err(|e| unreadable(&e))?;
        self.parse(BufReader::new(file), setup)
    }

    fn parse(&self, mut text: impl BufRead, setup: &Setup<'_>) -> Result<Vec<f64>, Problem> {
        let name = self.file.display().to_string();
        let damaged = |error: &dyn std::fmt::Display| {
            Problem::about("file", format!("`{name}` cannot be read: {error}"))
        };
        let delimiter = delimiter(text.fill_buf().map_err(|e| damaged(&e))?);
        let mut table = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .delimiter(delimiter)
            .from_reader(text);
        let mut row = ByteRecord::new();
        let mut next = |row: &mut _| table.read_byte_record(row).map_err(|e| damaged(&e));
        let empty = || Problem::about("file", format!("`{name}` holds no values"));
        let mut more = next(&mut row)?;
        if !more {
            return Err(empty());
        }
        let head = self.head(&row, &name, setup)?;
        if head.named {
            more = next(&mut row)?;
        }
        let mut values = Vec::new();
        while more {
            values.push(head.value(&row, &name)? * self.scale);
            more = next(&mut row)?;
        }
        if values.is_empty() {
            return Err(empty());
        }
        if u32::try_from(values.len()).is_err() {
            let message = format!("`{name}` holds more than 4 billion values");
            return Err(Problem::about("file", message).help("a sample of them will do"));
        }
        Ok(values)
    }

    /// Finds the column and its unit in the first row.
    fn head(&self, row: &ByteRecord, file: &str, setup: &Setup<'_>) -> Result<Head, Problem> {
        let names: Vec<_> = row.iter().map(String::from_utf8_lossy).collect();
        let (at, named) = match &self.column {
            Column::Name(name) => {
                let at = names.iter().position(|known| known == name).ok_or_else(|| {
                    let message = format!("`{file}` has no column `{name}`");
                    Problem::about("column", message).help(match nearest(name, &names) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("its columns are: {}", names.join(", ")),
                    })
                })?;
                (at, true)
            }
            Column::Number(number) if *number <= names.len() => {
                let at = number - 1;
                (at, fast_float2::parse::<f64, _>(&row[at]).is_err())
            }
            Column::Number(number) => {
                let message = format!("`{file}` has no column {number}, only {}", names.len());
                return Err(Problem::about("column", message));
            }
        };
        let name = if named { names[at].to_string() } else { (at + 1).to_string() };
        let unit = match (setup.unit, self.time_unit) {
            (Unit::Count, _) => None,
            (Unit::Time, Some(unit)) => Some(unit),
            (Unit::Time, None) => Some(of_name(&name).ok_or_else(|| {
                Problem::new(format!("the times in column `{name}` of `{file}` have no unit"))
                    .help("add e.g. `time-unit = \"ms\"`")
            })?),
        };
        Ok(Head { at, named, name, unit })
    }
}

/// Where the values stand and what they mean.
struct Head {
    at: usize,
    /// Whether the first row names the columns.
    named: bool,
    name: String,
    unit: Option<TimeUnit>,
}

impl Head {
    /// The value in one row, or what is wrong with it, shown in its line.
    fn value(&self, row: &ByteRecord, file: &str) -> Result<f64, Problem> {
        let name = &self.name;
        let refuse = |message: String| {
            let cells: Vec<_> = row.iter().map(String::from_utf8_lossy).collect();
            let line = cells.join(",");
            let from = cells.iter().take(self.at).map(|cell| cell.len() + 1).sum::<usize>();
            let span = from..from + cells.get(self.at).map_or(0, |cell| cell.len());
            let number = row.position().map_or(1, csv::Position::line) as usize;
            Problem::new(message).at(&Origin::line(file, number, &line, span))
        };
        let cell = match row.get(self.at) {
            None => return Err(refuse(format!("this row has no column `{name}`"))),
            Some([]) => return Err(refuse(format!("column `{name}` is empty here"))),
            Some(cell) => cell,
        };
        let value: f64 = fast_float2::parse(cell).map_err(|_| {
            refuse(format!("column `{name}` holds a text where a number is wanted"))
        })?;
        if !(0.0..=*POSITIVE.end()).contains(&value) {
            let message = format!("column `{name}` must be between 0 and 1e15, not {value}");
            return Err(refuse(message));
        }
        Ok(self.unit.map_or(value, |unit| unit.to_seconds(value)))
    }
}

/// The unit that the name of a column ends in: `service_ms`.
fn of_name(name: &str) -> Option<TimeUnit> {
    let (_, unit) = name.rsplit_once(['_', '-', ' ', '(', '['])?;
    TimeUnit::parse(unit.trim_end_matches([')', ']']))
}

/// The separator that the first line of a file has most of; a comma when it has none.
fn delimiter(start: &[u8]) -> u8 {
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |separator| line.split(|&byte| byte == separator).count();
    // The last of the largest wins, so the comma comes last.
    *b"|\t;,".iter().max_by_key(|&&separator| count(separator)).expect("there are four")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parse(options: &str, text: &str, unit: Unit) -> Result<Vec<f64>, String> {
        let options = format!("file = \"log.csv\"\n{options}");
        let config: Config =
            crate::document::Node::from_toml("a.toml", &options).unwrap().typed().unwrap();
        config
            .parse(text.as_bytes(), &Setup { unit, folder: Path::new("") })
            .map_err(|problem| problem.render(false))
    }

    fn times(options: &str, text: &str) -> Result<Vec<f64>, String> {
        parse(options, text, Unit::Time)
    }

    #[test]
    fn a_column_is_found_by_name_or_number_with_or_without_names() {
        let named = "\u{feff}id;tokens\r\n1; 12\r\n\r\n2;\"7\"\r\n";
        for column in ["column = \"tokens\"", "column = 2"] {
            assert_eq!(parse(column, named, Unit::Count), Ok(vec![12.0, 7.0]));
        }
        assert_eq!(parse("column = \"id\"", named, Unit::Count), Ok(vec![1.0, 2.0]));
        assert_eq!(parse("column = 2\nscale = 2", "1,2\n3,4", Unit::Count), Ok(vec![4.0, 8.0]));
    }

    #[test]
    fn times_take_their_unit_from_the_option_or_the_name() {
        assert_eq!(times("", "service_ms\n180"), Ok(vec![0.18]));
        assert_eq!(times("time-unit = \"us\"", "service_ms\n180"), Ok(vec![0.000_18]));
        assert_eq!(times("", "took (min)\n2"), Ok(vec![120.0]));
        let refused = times("", "service\n180").unwrap_err();
        assert!(refused.contains("the times in column `service` of `log.csv` have no unit"));
    }

    #[test]
    fn what_is_no_value_is_shown_in_its_line() {
        for (cell, words) in [
            ("fast", "holds a text where a number is wanted"),
            ("NaN", "must be between 0 and 1e15, not NaN"),
            ("inf", "must be between 0 and 1e15, not inf"),
            ("-3", "must be between 0 and 1e15, not -3"),
            ("", "column `took_s` is empty here"),
        ] {
            let shown = times("column = 2", &format!("id,took_s\n1,2\n2,{cell}\n")).unwrap_err();
            assert!(shown.contains(words) && shown.contains("log.csv:3:3"), "{shown}");
        }
        let short = times("column = 2", "id,took_s\n1,2\n2\n").unwrap_err();
        assert!(short.contains("this row has no column `took_s`"), "{short}");
    }

    #[test]
    fn a_file_without_values_is_refused() {
        for text in ["", "took_s\n"] {
            assert!(times("", text).unwrap_err().contains("`log.csv` holds no values"));
        }
    }
}
