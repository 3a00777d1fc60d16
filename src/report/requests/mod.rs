//! One row a request, written while the run goes on, so that memory stays flat.

#[cfg(feature = "parquet")]
mod columns;
mod comma;

use std::fs::File;
use std::io;

use super::Folder;
use crate::diagnose::Problem;
use crate::model::{Completion, Fate};
use crate::probe::Probe;

/// How the rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestFormat {
    /// `requests.csv`: times in seconds, exact to the nanosecond.
    Csv,
    /// `requests.parquet`: times in whole nanoseconds; needs the feature `parquet`.
    Parquet,
}

impl RequestFormat {
    /// The name of the file.
    pub fn file(self) -> &'static str {
        match self {
            Self::Csv => "requests.csv",
            Self::Parquet => "requests.parquet",
        }
    }

    /// Refuses a format that this binary was built without.
    pub fn check(self) -> Result<(), Problem> {
        if self == Self::Csv || cfg!(feature = "parquet") {
            return Ok(());
        }
        Err(Problem::new("this `plimsoll` was built without Parquet").help(
            "build it with `--features parquet`, or convert: \
             `duckdb -c \"copy 'requests.csv' to 'requests.parquet'\"`",
        ))
    }
}

impl RequestFormat {
    fn rows(self, file: File) -> io::Result<Box<dyn Rows>> {
        Ok(match self {
            Self::Csv => Box::new(comma::Comma::new(file)?),
            #[cfg(feature = "parquet")]
            Self::Parquet => Box::new(columns::Columns::new(file)?),
            #[cfg(not(feature = "parquet"))]
            Self::Parquet => return Err(io::ErrorKind::Unsupported.into()),
        })
    }
}

/// What writes rows, one after another.
trait Rows: Send {
    fn row(&mut self, index: u64, class: &str, done: &Completion) -> io::Result<()>;
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A probe that writes every request in the order of their ends.
pub struct RequestLog {
    folder: Folder,
    format: RequestFormat,
    /// `None` once it is whole.
    rows: Option<Box<dyn Rows>>,
    classes: Vec<String>,
    /// The first failure; nothing is written after it.
    failed: Option<io::Error>,
}

impl std::fmt::Debug for RequestLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestLog").field("classes", &self.classes).finish_non_exhaustive()
    }
}

impl RequestLog {
    /// A log in `folder` of requests of these classes, with its file begun.
    pub fn create<'a>(
        folder: &Folder,
        format: RequestFormat,
        classes: impl Iterator<Item = &'a String>,
    ) -> Result<Self, Problem> {
        format.check()?;
        let rows = File::create(folder.file(&part(format)))
            .and_then(|file| format.rows(file))
            .map_err(|error| folder.failed(format.file(), &error))?;
        let (folder, classes) = (folder.clone(), classes.cloned().collect());
        Ok(Self { folder, format, rows: Some(rows), classes, failed: None })
    }

    /// Writes what is still in memory and tells whether everything was written.
    pub fn finish(mut self) -> Result<(), Problem> {
        let written = self.failed.take().map_or(Ok(()), Err);
        let (part, whole) = (self.folder.file(&part(self.format)), self.format.file());
        written
            .and_then(|()| self.rows.take().map_or(Ok(()), Rows::finish))
            .and_then(|()| std::fs::rename(part, self.folder.file(whole)))
            .map_err(|error| self.folder.failed(whole, &error))?;
        self.folder.wrote(whole);
        Ok(())
    }
}

impl Drop for RequestLog {
    /// A run that failed leaves no part of a log.
    fn drop(&mut self) {
        if self.rows.take().is_some() {
            let _ = std::fs::remove_file(self.folder.file(&part(self.format)));
        }
    }
}

/// The name while rows are still to come.
fn part(format: RequestFormat) -> String {
    format!("{}.part", format.file())
}

impl Probe for RequestLog {
    const ORDERED: bool = true;

    fn completion(&mut self, done: &Completion, index: u64) {
        if let Some(rows) = self.rows.as_mut().filter(|_| self.failed.is_none()) {
            let class =
                self.classes.get(usize::from(done.request.class)).map_or("", String::as_str);
            self.failed = rows.row(index, class, done).err();
        }
    }
}

/// How a request ended, in one word.
fn fate(done: &Completion) -> &'static str {
    match done.fate {
        Fate::Completed => "completed",
        Fate::Rejected => "rejected",
        Fate::TimedOut => "timed-out",
        Fate::Failed => "failed",
        Fate::Shed => "shed",
        Fate::Cancelled => "cancelled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Request, ServerId};
    use crate::time::Instant;

    /// The only file of a log of one request.
    fn log(format: RequestFormat) -> std::path::PathBuf {
        let names = ["chat, long".to_owned()];
        let folder = std::env::temp_dir().join(format!("plimsoll-log-{}", std::process::id()));
        let folder = Folder::create(&folder).unwrap();
        let mut log = RequestLog::create(&folder, format, names.iter()).unwrap();
        let arrival = Instant(1_000_000_001);
        let done = Completion {
            request: Request { arrival, key: 7, ..Request::default() },
            fate: Fate::Completed,
            server: Some(ServerId(3)),
            sent: arrival,
            started: Instant(1_500_000_001),
            ended: Instant(2_000_000_000),
        };
        log.completion(&done, 41);
        log.finish().unwrap();
        folder.file(format.file())
    }

    #[test]
    fn a_request_is_a_row_exact_to_the_nanosecond() {
        let text = std::fs::read_to_string(log(RequestFormat::Csv)).unwrap();
        let row = "41,\"chat, long\",1.000000001,0.500000000,0.499999999,0.999999999,completed,\
                   3,7,0,0";
        assert_eq!(text.lines().nth(1), Some(row));
    }

    #[cfg(feature = "parquet")]
    #[test]
    fn a_request_is_a_row_of_columns_too() {
        use parquet::file::reader::SerializedFileReader;
        use parquet::record::RowAccessor;
        let file = File::open(log(RequestFormat::Parquet)).unwrap();
        let mut rows = SerializedFileReader::new(file).unwrap().into_iter();
        let row = rows.next().unwrap().unwrap();
        assert_eq!(
            (row.get_long(0).unwrap(), row.get_string(1).unwrap().as_str()),
            (41, "chat, long")
        );
        let times: Vec<i64> = (2..6).map(|column| row.get_long(column).unwrap()).collect();
        assert_eq!(times, [1_000_000_001, 500_000_000, 499_999_999, 999_999_999]);
        assert_eq!(row.get_string(6).unwrap(), "completed");
        assert_eq!((row.get_int(7).unwrap(), row.get_ulong(8).unwrap()), (3, 7));
        assert!(rows.next().is_none());
    }
}
