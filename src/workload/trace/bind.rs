//! From what a header says to what is read: which column plays which role, in which unit, and why.

use serde::Serialize;

use super::format::{Format, Shape};
use super::header::{Name, Role};
use super::number::Scale;
use super::options::{Column, Options};
use crate::diagnose::{Problem, nearest, unknown};
use crate::time_unit::TimeUnit;

/// Where a unit of time was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// The user said so.
    Option,
    /// The column's name ends in it.
    Header,
    /// The file's format has it so.
    Format,
    /// Columns of this name are in this unit wherever they have been seen.
    Spelling,
    /// Read as time since 1970 it is a date of this century, and in no other unit it would be.
    Epoch,
}

/// A role and the column that plays it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bound {
    /// What the column is for.
    pub role: Role,
    /// Its name as written, or `column 3` where there are no names.
    pub column: String,
    /// The unit of its numbers, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<TimeUnit>,
    /// Where that unit was learnt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<Because>,
    /// Its place in the row, from 0.
    #[serde(skip)]
    pub(super) place: usize,
}

/// How arrivals are read from a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// A column has the stamp.
    At(usize),
    /// A column has the end; the arrival is that less the service time.
    Before(usize),
    /// There are no stamps: the k-th number is the k-th interval's.
    Steps,
}

/// How many requests a row stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Load {
    /// One.
    One,
    /// As many as the column says.
    Count(usize),
    /// This many a second, times a factor, during the interval.
    Rate(usize, f64),
    /// Every cell is an interval's count.
    EveryCell,
    /// Columns from here on are the counts of the day's minutes.
    Minutes(usize),
}

/// What is read from a row, by places.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) when: When,
    pub(super) load: Load,
    pub(super) service: Option<(usize, Scale)>,
    pub(super) input: Option<usize>,
    pub(super) output: Option<usize>,
    pub(super) key: Option<usize>,
    pub(super) parent: Option<usize>,
    pub(super) class: Option<usize>,
    pub(super) priority: Option<usize>,
    pub(super) status: Option<usize>,
}

/// The columns of a file, its format and the user's options, to be brought together.
pub(super) struct Binder<'a> {
    /// The names; `column 1` and so on where the file has none.
    pub(super) names: &'a [Name],
    /// Whether the names are the file's.
    pub(super) header: bool,
    pub(super) format: &'static Format,
    pub(super) options: &'a Options,
}

/// Shows at most this many names of columns in a diagnostic.
const SHOWN: usize = 12;

impl Binder<'_> {
    /// Every role that a column plays.
    pub(super) fn bind(&self) -> Result<Vec<Bound>, Problem> {
        let mut bound: Vec<Bound> = Vec::new();
        for role in Role::ALL {
            if !self.is_wanted(role, &bound) {
                continue;
            }
            if let Some(place) = self.column_of(role)? {
                let column = self.names[place].written.clone();
                bound.push(Bound { role, column, unit: None, because: None, place });
            }
        }
        for column in &mut bound {
            if column.role == Role::Service {
                let (unit, because) = self.service_unit(column.place)?;
                (column.unit, column.because) = (Some(unit), Some(because));
            }
        }
        self.check(&bound)?;
        Ok(bound)
    }

    /// Whether a role may still be filled, the ones before it being `bound`.
    fn is_wanted(&self, role: Role, bound: &[Bound]) -> bool {
        let said = |role| self.options.columns.of(role).is_some();
        let has = |role| bound.iter().any(|column| column.role == role);
        // A column of counts makes rows intervals; beside sizes of single requests it is chance.
        let single = has(Role::Service) || has(Role::Input) || has(Role::Output);
        said(role)
            || match role {
                Role::End => !has(Role::Arrival),
                Role::Count => !single && !said(Role::Rate),
                Role::Rate => !single && !has(Role::Count),
                _ => true,
            }
    }

    /// The places to read, once roles and units are known.
    pub(super) fn plan(&self, bound: &[Bound]) -> Plan {
        let place = |role| bound.iter().find(|column| column.role == role).map(|c| c.place);
        let load = match (self.format.shape, place(Role::Count), place(Role::Rate)) {
            (Shape::MinuteColumns, ..) => Load::Minutes(
                self.names.iter().position(|name| name.whole == "1").unwrap_or_default(),
            ),
            (Shape::Counts, ..) => Load::EveryCell,
            (_, Some(count), _) => Load::Count(count),
            (_, None, Some(rate)) => Load::Rate(rate, per_second(&self.names[rate])),
            (_, None, None) => Load::One,
        };
        let when = match (place(Role::Arrival), place(Role::End)) {
            (Some(arrival), _) => When::At(arrival),
            (None, Some(end)) => When::Before(end),
            (None, None) => When::Steps,
        };
        let service = bound.iter().find(|column| column.role == Role::Service);
        Plan {
            when,
            load,
            service: service.and_then(|c| Some((c.place, Scale::new(c.unit?.nanos())))),
            input: place(Role::Input),
            output: place(Role::Output),
            key: place(Role::Key),
            parent: self.named("parent_chat_id").filter(|_| self.format.name == "bailian"),
            class: place(Role::Class),
            priority: place(Role::Priority),
            status: place(Role::Status),
        }
    }

    fn named(&self, whole: &str) -> Option<usize> {
        self.names.iter().position(|name| name.whole == whole)
    }

    /// The column the user, the format or its spelling gives to a role.
    fn column_of(&self, role: Role) -> Result<Option<usize>, Problem> {
        if let Some(column) = self.options.columns.of(role) {
            return self.mapped(role, column).map(Some);
        }
        let own = self.format.roles.iter().find(|(of, _)| *of == role);
        if let Some((_, name)) = own {
            return Ok(self.named(name));
        }
        if matches!(self.format.shape, Shape::Log | Shape::MidIntervals | Shape::Counts) {
            return Ok(None);
        }
        if role == Role::Arrival && !self.header && self.names.len() == 1 {
            return Ok(Some(0));
        }
        let mut best: Vec<(u8, usize)> = Vec::new();
        for (place, name) in self.names.iter().enumerate() {
            let Some(spelling) = name.spelling().filter(|spelling| spelling.role == role) else {
                continue;
            };
            if !self.said_elsewhere(role, place) {
                best.push((spelling.rank, place));
            }
        }
        best.sort_unstable();
        match best[..] {
            [first, second, ..] if first.0 == second.0 && role.must_be_sure() => {
                Err(self.two_candidates(role, &best))
            }
            [first, ..] => Ok(Some(first.1)),
            [] => Ok(None),
        }
    }

    /// Whether the user gave this column to another role.
    fn said_elsewhere(&self, role: Role, place: usize) -> bool {
        Role::ALL.iter().filter(|other| **other != role).any(|other| {
            let column = self.options.columns.of(*other);
            column.is_some_and(|column| self.find(column) == Some(place))
        })
    }

    /// The place of a column the user names: exactly, in the common form, or by number.
    fn find(&self, column: &Column) -> Option<usize> {
        match column {
            Column::Number(number) => Some(number - 1).filter(|place| *place < self.names.len()),
            Column::Name(wanted) => {
                let exact = self.names.iter().position(|name| name.written == wanted.trim());
                exact.or_else(|| self.named(&Name::new(wanted).whole))
            }
        }
    }

    fn mapped(&self, role: Role, column: &Column) -> Result<usize, Problem> {
        self.find(column).ok_or_else(|| {
            let names: Vec<&str> = self.names.iter().map(|name| name.written.as_str()).collect();
            let problem = match column {
                Column::Name(name) if self.header => unknown("column", name, &names),
                Column::Name(name) => {
                    Problem::new(format!("there is no column `{name}`: the file has no header"))
                        .help("give the column by its number from 1")
                }
                Column::Number(number) => Problem::new(format!("there is no column {number}"))
                    .help(format!("the file has {} columns", names.len())),
            };
            let near = match column {
                Column::Name(name) => nearest(name, &names),
                Column::Number(_) => None,
            };
            let message = format!("{} to be read as {}", problem.message(), role.name());
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => problem.remedy().unwrap_or_default().to_owned(),
            };
            Problem::about("columns", message).help(help)
        })
    }

    fn two_candidates(&self, role: Role, best: &[(u8, usize)]) -> Problem {
        let rank = best[0].0;
        let names: Vec<String> = best
            .iter()
            .filter(|(other, _)| *other == rank)
            .map(|(_, place)| format!("`{}`", self.names[*place].written))
            .collect();
        Problem::new(format!(
            "{} columns could be the {}: {}",
            names.len(),
            role_in_words(role),
            names.join(" and ")
        ))
        .help(format!(
            "say which: `--columns {role}={column}` (`columns = {{ {role} = \"{column}\" }}` in a \
             scenario)",
            role = role.name(),
            column = self.names[best[0].1].written
        ))
    }

    /// The unit of service times: said, in the header, the format's, the spelling's; never guessed.
    fn service_unit(&self, place: usize) -> Result<(TimeUnit, Because), Problem> {
        let name = &self.names[place];
        let spelling = name.spelling().filter(|spelling| spelling.role == Role::Service);
        let known = [
            (self.options.service_unit, Because::Option),
            (name.unit, Because::Header),
            (self.format.service_unit, Because::Format),
            (spelling.and_then(|spelling| spelling.unit), Because::Spelling),
            (self.options.time_unit, Because::Option),
        ];
        let found = known.into_iter().find_map(|(unit, because)| Some((unit?, because)));
        found.ok_or_else(|| {
            Problem::new(format!(
                "the unit of the service times in `{}` is not known",
                name.written
            ))
            .label("seconds? milliseconds?")
            .help("say `--service-unit ms` (or `s`, `us`), or name the column `…_ms`")
        })
    }

    /// The unit of numeric stamps, unless the stamps themselves must tell.
    pub(super) fn time_unit(&self, place: usize) -> Option<(TimeUnit, Because)> {
        let name = &self.names[place];
        let spelling = name.spelling().filter(|spelling| spelling.role == Role::Arrival);
        let usual = self.options.columns.arrival.is_none() && self.options.columns.end.is_none();
        let known = [
            (self.options.time_unit, Because::Option),
            (name.unit, Because::Header),
            (self.format.time_unit.filter(|_| usual), Because::Format),
            (spelling.and_then(|spelling| spelling.unit), Because::Spelling),
        ];
        known.into_iter().find_map(|(unit, because)| Some((unit?, because)))
    }

    /// Refuses what can never give arrivals.
    fn check(&self, bound: &[Bound]) -> Result<(), Problem> {
        let missing = self.format.columns.iter().find(|name| self.named(name).is_none());
        if let Some(missing) = missing {
            return Err(Problem::about(
                "format",
                format!(
                    "the format `{}` has a column `{missing}`, this file has none",
                    self.format.name
                ),
            )
            .help(self.what_there_is()));
        }
        let has = |role| bound.iter().any(|column| column.role == role);
        if has(Role::Arrival) || matches!(self.format.shape, Shape::MinuteColumns | Shape::Counts) {
            return Ok(());
        }
        if has(Role::End) {
            return if has(Role::Service) {
                Ok(())
            } else {
                Err(Problem::new(
                    "there is a column for the end of a request, but none for how \
                                  long it took",
                )
                .help("say `--columns service=…`, or which column is the arrival"))
            };
        }
        if has(Role::Count) || has(Role::Rate) {
            return if self.options.interval.is_some() {
                Ok(())
            } else {
                Err(Problem::new("there are counts, but no column says when")
                    .help("say how long a row's interval is: `--interval 1m`"))
            };
        }
        Err(Problem::new("no column is known to be the arrival time")
            .help(format!("say which it is: `--columns arrival=…`; {}", self.what_there_is())))
    }

    fn what_there_is(&self) -> String {
        let shown: Vec<String> =
            self.names.iter().take(SHOWN).map(|name| format!("`{}`", name.written)).collect();
        let more = self.names.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        if self.header {
            format!("the columns are {}{more}", shown.join(", "))
        } else {
            format!("the file has no header and {} columns, counted from 1", self.names.len())
        }
    }
}

/// What a rate's numbers count against a second: `_rpm` and `per_minute` are sixtieths.
fn per_second(name: &Name) -> f64 {
    let ends = |word: &str| name.whole.ends_with(word);
    if ends("rpm") || ends("per_minute") || ends("per_min") {
        1.0 / 60.0
    } else if ends("per_hour") || ends("per_h") {
        1.0 / 3600.0
    } else {
        1.0
    }
}

fn role_in_words(role: Role) -> &'static str {
    match role {
        Role::Arrival => "arrival time",
        Role::End => "end of the request",
        Role::Service => "service time",
        Role::Count => "count of requests",
        Role::Rate => "rate of requests",
        other => other.name(),
    }
}
