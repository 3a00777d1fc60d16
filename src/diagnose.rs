//! What is wrong, where it was written, and what to do about it.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, renderer::DecorStyle};
use serde::de::{Expected, Unexpected};

/// A text that problems can point into: a scenario file, a flag, a line of a traffic file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What to call it: a path, or `--balancer`.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The number of its first line: 1 for a file, the line's own for one line of it.
    pub first_line: usize,
}

/// Where something was written: a stretch of bytes in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    source: Arc<Source>,
    span: Range<usize>,
}

impl Origin {
    /// A stretch of `source`, cut to its length.
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        let end = span.end.min(source.text.len());
        Self { source: Arc::clone(source), span: span.start.min(end)..end }
    }

    /// The whole of a text that stands by itself, such as the value of a flag.
    pub fn whole(name: impl Into<String>, text: impl Into<String>) -> Self {
        let source = Source { name: name.into(), text: text.into(), first_line: 1 };
        let span = 0..source.text.len();
        Self { source: Arc::new(source), span }
    }

    /// One line of a file, with its number; `span` is inside the line.
    pub fn line(file: &str, number: usize, line: &str, span: Range<usize>) -> Self {
        let source = Source { name: file.to_owned(), text: line.to_owned(), first_line: number };
        Self::new(&Arc::new(source), span)
    }

    /// A part of this stretch, counted from its start.
    #[must_use]
    pub fn part(&self, span: Range<usize>) -> Self {
        Self::new(&self.source, self.span.start + span.start..self.span.start + span.end)
    }

    /// The number of the line it begins in.
    pub fn line_number(&self) -> usize {
        let before = self.source.text.get(..self.span.start).unwrap_or_default();
        self.source.first_line + before.matches('\n').count()
    }

    /// The name of the file or flag.
    pub fn source_name(&self) -> &str {
        &self.source.name
    }
}

/// Something the user can mend: a sentence, a place, a remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(Box<Parts>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    message: String,
    label: Option<String>,
    help: Option<String>,
    key: Option<String>,
    origin: Option<Origin>,
}

impl Problem {
    /// What is wrong, in one sentence without a full stop.
    pub fn new(message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Parts { message, label: None, help: None, key: None, origin: None }))
    }

    /// A problem of one option of a part: the document knows where that option was written.
    pub fn about(key: impl Into<String>, message: impl Into<String>) -> Self {
        let mut problem = Self::new(message);
        problem.0.key = Some(key.into());
        problem
    }

    /// What to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// A few words beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.0.label = Some(label.into());
        self
    }

    /// Where it is, unless a closer place is known already.
    #[must_use]
    pub fn at(mut self, origin: &Origin) -> Self {
        self.0.origin.get_or_insert_with(|| origin.clone());
        self
    }

    /// In which case it arises, after the sentence.
    #[must_use]
    pub fn in_case(mut self, case: &str) -> Self {
        self.0.message = format!("{} ({case})", self.0.message);
        self
    }

    /// The option the problem is about.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it.
    pub fn remedy(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The place, if it is known.
    pub fn origin(&self) -> Option<&Origin> {
        self.0.origin.as_ref()
    }

    /// The problem as rustc would show it, with colours if `styled`.
    pub fn render(&self, styled: bool) -> String {
        let mut report = Level::ERROR.primary_title(self.message()).elements(
            self.0.origin.as_ref().map(|origin| {
                let span = origin.span.clone();
                let caret = AnnotationKind::Primary.span(span).label(self.0.label.as_deref());
                Snippet::source(origin.source.text.as_str())
                    .line_start(origin.source.first_line)
                    .path(origin.source.name.as_str())
                    .annotation(caret)
            }),
        );
        if let Some(help) = self.remedy() {
            report = report.element(Level::HELP.message(help));
        }
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        renderer.decor_style(DecorStyle::Ascii).render(&[report])
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())?;
        self.remedy().map_or(Ok(()), |help| write!(f, " ({help})"))
    }
}

impl std::error::Error for Problem {}

thread_local! {
    // A problem that travels through serde as another error type, which can only carry words.
    static CARRIED: RefCell<Option<Problem>> = const { RefCell::new(None) };
}

impl Problem {
    /// This problem as any serde error; where that error is a `Problem` too, nothing is lost.
    pub fn carry<E: serde::de::Error>(self) -> E {
        let words = self.to_string();
        CARRIED.set(Some(self));
        let error = E::custom(words);
        CARRIED.take();
        error
    }
}

impl serde::de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        CARRIED.take().unwrap_or_else(|| Self::new(message.to_string()))
    }
    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        unknown("key", field, expected)
    }
    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        unknown("value", variant, expected)
    }
    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let (expected, found) = (expected(wanted), in_words(found));
        let problem = Self::new(format!("{expected} is wanted here, not {found}"));
        let scalar = found.strip_prefix('`').and_then(|found| found.strip_suffix('`'));
        match scalar.filter(|_| expected == "a list") {
            Some(one) => problem.help(format!("write `[{one}]`: a list of one is a list")),
            None => problem,
        }
    }
    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::new(format!("{} is wanted here, not {}", expected(wanted), in_words(found)))
    }
    fn invalid_length(length: usize, wanted: &dyn Expected) -> Self {
        Self::new(format!("{} is wanted here, not a list of {length}", expected(wanted)))
    }
    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("`{field}` is missing")).help(format!("add `{field} = …`"))
    }
}

/// What is wanted, in the words of a document instead of Rust's.
fn expected(wanted: &dyn Expected) -> String {
    let words = wanted.to_string();
    match words.as_str() {
        "u64" | "u32" | "u16" | "u8" | "usize" => "a whole number of at least 0".to_owned(),
        "i64" | "i32" | "i16" | "i8" => "a whole number".to_owned(),
        "f64" | "f32" => "a number".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a string" | "a borrowed string" => "a text".to_owned(),
        _ if words.starts_with("struct ") || words == "a map" => "a table".to_owned(),
        _ if words == "a sequence" || words.starts_with("a tuple") => "a list".to_owned(),
        _ => words,
    }
}

/// What was found instead, in the words of a document.
fn in_words(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(truth) => format!("`{truth}`"),
        Unexpected::Unsigned(number) => format!("`{number}`"),
        Unexpected::Signed(number) => format!("`{number}`"),
        Unexpected::Float(number) => format!("`{number}`"),
        Unexpected::Str(text) => format!("the text \"{text}\""),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

/// So many names are worth showing beside the one that was probably meant.
const FEW: usize = 12;

/// A name that is not among those known, with the nearest one as the remedy.
pub fn unknown<S: AsRef<str>>(what: &str, word: &str, known: &[S]) -> Problem {
    let names: Vec<String> = known.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    let problem = Problem::new(format!("unknown {what} `{word}`"));
    if let Some(near) = nearest(word, known) {
        let problem = problem.label(format!("did you mean `{near}`?"));
        return if names.len() > FEW {
            problem
        } else {
            problem.help(match names.len() {
                1 => format!("the only one known here is {}", names[0]),
                _ => format!("known here: {}", names.join(", ")),
            })
        };
    }
    match names.len() {
        0 => problem.help("nothing can stand here"),
        _ => problem.help(format!("known here: {}", names.join(", "))),
    }
}

/// A file that is not there, with the nearest name of its folder as the remedy.
pub fn no_such_file(path: &Path) -> Problem {
    let problem = Problem::new(format!("there is no file `{}`", path.display()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = folder.unwrap_or(Path::new(".")).read_dir();
    let mut names: Vec<String> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    let word = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match nearest(word, &names) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help("check the path; it is taken from the current folder"),
    }
}

/// The known name most like `word`, if any is alike at all, or is a part of it: `circuit-breaker`
/// is a `breaker`.
pub fn nearest<'a, S: AsRef<str>>(word: &str, known: &'a [S]) -> Option<&'a str> {
    let likeness = |name: &str| {
        let whole = strsim::jaro_winkler(word, name);
        let part = word.split(['-', '_', ' ']).any(|part| part == name);
        let whole = if part { whole.max(0.85) } else { whole };
        if name.contains(word) && word.len() > 2 { whole.max(0.85) } else { whole }
    };
    known
        .iter()
        .map(|name| (likeness(name.as_ref()), name.as_ref()))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_its_place_and_its_remedy() {
        let source = Arc::new(Source {
            name: "a.toml".into(),
            text: "[balancer]\nchoice = 3\n".into(),
            first_line: 1,
        });
        let problem = unknown("key", "choice", &["choices", "weighted"])
            .at(&Origin::new(&source, 11..17))
            .at(&Origin::new(&source, 0..3));
        let shown = problem.render(false);
        assert!(shown.contains("--> a.toml:2:1"), "{shown}");
        assert!(shown.contains("did you mean `choices`?"), "{shown}");
    }
}
