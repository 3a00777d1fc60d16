//! One record after another: lines of a large buffer, split into fields without copying them.
//!
//! Splitting is done here rather than by the `csv` crate because a diagnostic wants the line as it
//! stands in the file, because lines, logs and JSON share one reader, and because the reader bounds
//! the speed of a replay (a test holds both to the same fields). Quoting is RFC 4180's.

use std::io::{self, Read};
use std::ops::Range;

use super::input::{Opened, Reading};
use super::json;
use super::options::Delimiter;
use crate::diagnose::{Origin, Problem};

/// How a line is taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Fields between delimiters.
    Delimited(Delimiter),
    /// A server's log: fields between blanks, kept together by quotes and brackets.
    Log,
    /// `HAProxy`'s log: the same behind the prefix of syslog, its timers joined by slashes.
    HaProxy,
    /// One JSON object a line, of which the keys of `Records::wanted` become fields.
    Json,
}

/// A record that grows beyond this is not a record.
const LONGEST: usize = 16 << 20;
const BUFFER: usize = 256 << 10;

/// The records of a file, one at a time.
pub(super) struct Records {
    /// What to call the file in diagnostics.
    pub(super) name: String,
    pub(super) compression: Option<&'static str>,
    pub(super) reading: Option<Reading>,
    pub(super) layout: Layout,
    /// The keys of JSON objects that become fields, in the order of the fields.
    pub(super) wanted: Vec<String>,
    /// A mark at the end of every line that belongs to no field.
    pub(super) strip: Option<u8>,
    header: Option<Origin>,
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// Where the current record stands in the buffer, and where the next one begins.
    record: Range<usize>,
    next: usize,
    /// The number of the current record's first line, and of the next.
    line: u64,
    next_line: u64,
    /// The fields, as places within the record.
    fields: Vec<Range<u32>>,
    filled: usize,
    ended: bool,
    broken: Option<io::Error>,
    again: bool,
}

/// A record that was found at the head of some bytes.
struct Found {
    /// Its length without the newline.
    len: usize,
    /// Where the next record begins.
    next: usize,
    /// How many lines it takes.
    lines: u64,
}

impl Records {
    pub(super) fn new(name: String, opened: Opened) -> Result<Self, Problem> {
        let mut records = Self {
            name,
            compression: opened.compression,
            reading: opened.reading,
            layout: Layout::Delimited(Delimiter::Byte(b',')),
            wanted: Vec::new(),
            strip: None,
            header: None,
            reader: opened.reader,
            buffer: vec![0; BUFFER],
            record: 0..0,
            next: 0,
            line: 0,
            next_line: 1,
            fields: Vec::new(),
            filled: 0,
            ended: false,
            broken: None,
            again: false,
        };
        records.fill();
        let head = &records.buffer[..records.filled];
        if head.get(257..262) == Some(b"ustar") {
            return Err(Problem::new(format!("`{}` is a tar archive", records.name))
                .help("pipe one file of it in: `tar -xOf ARCHIVE FILE | plimsoll … -`"));
        }
        if head.starts_with(b"\xef\xbb\xbf") {
            records.next = 3;
        }
        Ok(records)
    }

    /// The next line that is neither blank nor a `#` comment, without taking it.
    pub(super) fn peek_line(&mut self) -> Result<Option<&[u8]>, Problem> {
        loop {
            let rest = &self.buffer[self.next..self.filled];
            let Some(len) = rest.iter().position(|byte| *byte == b'\n') else {
                if self.ended {
                    return Ok(None);
                }
                self.more()?;
                continue;
            };
            let line = rest[..len].trim_ascii();
            if !line.is_empty() && line[0] != b'#' {
                let start = self.next;
                return Ok(Some(&self.buffer[start..start + len]));
            }
            self.next += len + 1;
            self.next_line += 1;
        }
    }

    /// Goes to the next record that is not blank; `false` at the end of the file.
    #[inline]
    pub(super) fn read(&mut self) -> Result<bool, Problem> {
        if self.again {
            self.again = false;
            return Ok(true);
        }
        loop {
            let rest = &self.buffer[self.next..self.filled];
            let found = match self.layout {
                Layout::Delimited(Delimiter::Byte(byte)) => {
                    split_delimited(rest, byte, self.strip, &mut self.fields)
                }
                Layout::Delimited(Delimiter::Blanks) => {
                    split_line(rest, &mut self.fields, split_blanks)
                }
                Layout::Log => split_line(rest, &mut self.fields, split_log),
                Layout::HaProxy => split_line(rest, &mut self.fields, split_haproxy),
                Layout::Json => split_line(rest, &mut self.fields, |_, _| {}),
            };
            let Some(found) = found else {
                if self.ended && self.next == self.filled {
                    return Ok(false);
                }
                self.more()?;
                continue;
            };
            self.record = self.next..self.next + found.len;
            self.line = self.next_line;
            self.next += found.next;
            self.next_line += found.lines;
            if self.is_blank() {
                continue;
            }
            if self.layout == Layout::Json {
                self.split_json()?;
            }
            return Ok(true);
        }
    }

    /// Makes the next `read` give the current record once more.
    pub(super) fn repeat(&mut self) {
        self.again = true;
    }

    fn is_blank(&self) -> bool {
        self.fields.len() <= 1 && self.line().trim_ascii().is_empty()
    }

    fn split_json(&mut self) -> Result<(), Problem> {
        let line = &self.buffer[self.record.clone()];
        json::split(line, &self.wanted, &mut self.fields)
            .map_err(|wrong| wrong.problem(line).at(&self.origin_of(wrong.span())))
    }

    /// How many fields the record has.
    #[inline]
    pub(super) fn width(&self) -> usize {
        self.fields.len()
    }

    /// One field, without its quotes; doubled quotes inside stay doubled.
    #[inline]
    pub(super) fn field(&self, place: usize) -> &[u8] {
        self.fields
            .get(place)
            .map_or(&[], |span| &self.line()[span.start as usize..span.end as usize])
    }

    /// The record as it stands in the file.
    #[inline]
    pub(super) fn line(&self) -> &[u8] {
        &self.buffer[self.record.clone()]
    }

    /// The number of the record's first line, from 1.
    pub(super) fn line_number(&self) -> u64 {
        self.line
    }

    /// Where a field stands, for a diagnostic.
    pub(super) fn origin(&self, place: usize) -> Origin {
        let span = self.fields.get(place).map(|span| span.start as usize..span.end as usize);
        self.origin_of(span.unwrap_or(self.line().len()..self.line().len()))
    }

    /// Where the whole record stands.
    pub(super) fn origin_of_line(&self) -> Origin {
        self.origin_of(0..self.line().len())
    }

    /// A stretch of the record. A record may be megabytes long: what is shown is cut around it.
    fn origin_of(&self, span: Range<usize>) -> Origin {
        let line = self.line();
        let (from, to) = (span.start.min(line.len()), span.end.min(line.len()));
        let shown = from.saturating_sub(80)..(to.min(from + 80) + 80).min(line.len());
        let words = |range: Range<usize>| {
            String::from_utf8_lossy(&line[range]).replace(['\r', '\n', '\0'], " ")
        };
        let before = words(shown.start..from);
        let marked = words(from..to.min(shown.end));
        let text = format!("{before}{marked}{}", words(to.min(shown.end)..shown.end));
        let place = before.len()..before.len() + marked.len();
        Origin::line(&self.name, self.line as usize, &text, place)
    }

    /// Keeps the current record as the one that names the columns.
    pub(super) fn keep_header(&mut self) {
        self.header = Some(self.origin_of_line());
    }

    /// The line that names the columns; the first row where none does.
    pub(super) fn origin_of_header(&self) -> Origin {
        self.header.clone().unwrap_or_else(|| self.origin_of_line())
    }

    /// A place in a file that has no record to show yet.
    pub(super) fn origin_of_file(&self) -> Origin {
        Origin::line(&self.name, self.next_line as usize, "", 0..0)
    }

    /// Brings more bytes, or says why the rest can never be a record.
    #[cold]
    fn more(&mut self) -> Result<(), Problem> {
        if let Some(error) = self.broken.take() {
            return Err(self.unreadable(&error));
        }
        let waiting = self.filled - self.next;
        if !self.ended && waiting <= LONGEST {
            self.fill();
            return Ok(());
        }
        self.record = self.next..self.filled;
        self.line = self.next_line;
        self.next = self.filled;
        if let Some(head) = self.line().iter().position(|byte| *byte == b'\n') {
            return Err(Problem::new("a quote is opened here and never closed")
                .help("close the quote, or say `delimiter` if `\"` is no quote in this file")
                .at(&self.origin_of(0..head)));
        }
        Err(Problem::new(format!("the line is longer than {} MiB", LONGEST >> 20))
            .help("a traffic file has one request or one interval a line")
            .at(&self.origin_of(0..1)))
    }

    /// Brings bytes; damage is kept until the records before it have been read.
    fn fill(&mut self) {
        self.buffer.copy_within(self.next..self.filled, 0);
        self.filled -= self.next;
        self.record = 0..0;
        self.next = 0;
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        // The buffer is filled to its end: a record that does not fit is searched again from its
        // start, so its reader must not bring it in crumbs.
        while self.filled < self.buffer.len() && !self.ended {
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.ended = true,
                Ok(len) => self.filled += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.broken = Some(error);
                    return;
                }
            }
        }
        if self.ended && self.filled > 0 && self.buffer[self.filled - 1] != b'\n' {
            // A last line without a newline is a line all the same.
            self.buffer.resize(self.filled + 1, 0);
            self.buffer[self.filled] = b'\n';
            self.filled += 1;
        }
    }

    fn unreadable(&self, error: &io::Error) -> Problem {
        let place = self.origin_of_file();
        match self.compression {
            Some(kind) => Problem::new(format!("the {kind} data is damaged or cut short: {error}"))
                .help(format!("fetch the file again; `{kind} -t FILE` tests it"))
                .at(&place),
            None if error.kind() == io::ErrorKind::IsADirectory => {
                Problem::new(format!("`{}` is a folder", self.name))
                    .help("name one traffic file inside it")
            }
            None => Problem::new(format!("`{}` cannot be read: {error}", self.name)).at(&place),
        }
    }
}

/// The first byte that is `a` or a newline, eight bytes at a time.
///
/// A byte of `word ^ pattern` is zero where the byte is the one sought; `zeros` marks it (Mycroft's
/// test: exact for the lowest marked byte, which is the one that counts).
#[inline]
fn find_end(bytes: &[u8], from: usize, a: u8) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zeros = |word: u64| word.wrapping_sub(LOW) & !word & HIGH;
    let (sought, newline) = (LOW * u64::from(a), LOW * u64::from(b'\n'));
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let marks = zeros(word ^ sought) | zeros(word ^ newline);
        if marks != 0 {
            return Some(at + (marks.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    bytes[at..].iter().position(|byte| *byte == a || *byte == b'\n').map(|len| at + len)
}

/// Splits the record at the head of `bytes`; `None` while its end is not among them.
#[inline]
fn split_delimited(
    bytes: &[u8],
    delimiter: u8,
    strip: Option<u8>,
    fields: &mut Vec<Range<u32>>,
) -> Option<Found> {
    fields.clear();
    let (mut from, mut lines) = (0, 1);
    loop {
        let mut search = from;
        let mut quoted = None;
        if bytes.get(from) == Some(&b'"') {
            let close = closing_quote(bytes, from + 1)?;
            let inside = &bytes[from + 1..close];
            lines += inside.split(|byte| *byte == b'\n').count() as u64 - 1;
            quoted = Some(from as u32 + 1..close as u32);
            search = close + 1;
        }
        let end = find_end(bytes, search, delimiter)?;
        if bytes[end] == delimiter {
            fields.push(quoted.unwrap_or(from as u32..end as u32));
            from = end + 1;
            continue;
        }
        let mut len = end;
        if len > from && bytes[len - 1] == b'\r' {
            len -= 1;
        }
        if len > from && strip == Some(bytes[len - 1]) {
            len -= 1;
        }
        fields.push(quoted.unwrap_or(from as u32..len as u32));
        return Some(Found { len, next: end + 1, lines });
    }
}

/// The quote that closes a field; a doubled quote is a quote of the text.
fn closing_quote(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let close = from + bytes.get(from..)?.iter().position(|byte| *byte == b'"')?;
        if bytes.get(close + 1)? != &b'"' {
            return Some(close);
        }
        from = close + 2;
    }
}

/// Takes one line and splits it by `split`.
fn split_line(
    bytes: &[u8],
    fields: &mut Vec<Range<u32>>,
    split: impl FnOnce(&[u8], &mut Vec<Range<u32>>),
) -> Option<Found> {
    fields.clear();
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let len = if end > 0 && bytes[end - 1] == b'\r' { end - 1 } else { end };
    split(&bytes[..len], fields);
    Some(Found { len, next: end + 1, lines: 1 })
}

fn split_blanks(line: &[u8], fields: &mut Vec<Range<u32>>) {
    let mut from = None;
    for (at, byte) in line.iter().enumerate() {
        match (byte.is_ascii_whitespace(), from) {
            (false, None) => from = Some(at),
            (true, Some(start)) => {
                fields.push(start as u32..at as u32);
                from = None;
            }
            _ => {}
        }
    }
    if let Some(start) = from {
        fields.push(start as u32..line.len() as u32);
    }
}

/// Splits at single blanks; `"…"` (with `\"` inside) and `[…]` are one field, without their marks.
pub(super) fn split_log(line: &[u8], fields: &mut Vec<Range<u32>>) {
    split_log_from(line, 0, fields);
}

/// The fields behind `haproxy[14389]: `, the five timers of the fifth as fields of their own.
///
/// Lines that are no requests (`Proxy http-in started.`) have too few fields to be taken for one.
pub(super) fn split_haproxy(line: &[u8], fields: &mut Vec<Range<u32>>) {
    let prefix = line.windows(3).position(|mark| mark == b"]: ");
    split_log_from(line, prefix.map_or(0, |at| at + 3), fields);
    let Some(timers) = fields.get(4).cloned() else {
        return;
    };
    let (start, text) = (timers.start, &line[timers.start as usize..timers.end as usize]);
    let mut at = start;
    let parts: Vec<Range<u32>> = text
        .split(|byte| *byte == b'/')
        .map(|part| {
            let from = at;
            at += part.len() as u32 + 1;
            from..from + part.len() as u32
        })
        .collect();
    fields.splice(4..5, parts);
}

fn split_log_from(line: &[u8], mut at: usize, fields: &mut Vec<Range<u32>>) {
    while at < line.len() {
        let (from, close) = match line[at] {
            b' ' => {
                at += 1;
                continue;
            }
            b'"' => (at + 1, b'"'),
            b'[' => (at + 1, b']'),
            _ => (at, b' '),
        };
        let mut end = from;
        while end < line.len() && line[end] != close {
            end += if close == b'"' && line[end] == b'\\' { 2 } else { 1 };
        }
        let end = end.min(line.len());
        fields.push(from as u32..end as u32);
        at = end + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::trace::Input;
    use proptest::prelude::*;

    fn records(bytes: &[u8], layout: Layout) -> Records {
        let opened = Input::memory("t", bytes).open().unwrap();
        Records { layout, ..Records::new("t".into(), opened).unwrap() }
    }

    fn all(bytes: &[u8], layout: Layout) -> Vec<Vec<String>> {
        let mut records = records(bytes, layout);
        let mut rows = Vec::new();
        while records.read().unwrap() {
            let cells = (0..records.width()).map(|i| records.field(i).to_vec());
            rows.push(cells.map(|cell| String::from_utf8(cell).unwrap()).collect());
        }
        rows
    }

    const COMMA: Layout = Layout::Delimited(Delimiter::Byte(b','));

    #[test]
    fn lines_end_as_any_system_ends_them() {
        let rows = [["a", "b"], ["1", "2"], ["3", "4"]].map(|row| row.map(str::to_owned).to_vec());
        for text in ["a,b\n1,2\n3,4\n", "a,b\r\n1,2\r\n3,4", "\u{feff}a,b\n\n1,2\n \n3,4\n\n\n"] {
            assert_eq!(all(text.as_bytes(), COMMA), rows, "{text:?}");
        }
    }

    #[test]
    fn log_lines_keep_quoted_and_bracketed_fields_together() {
        let line = br#"::1 - bob [17/May/2015:10:05:03 +0000] "GET /a\"b HTTP/1.1" 200 12"#;
        let cells =
            ["::1", "-", "bob", "17/May/2015:10:05:03 +0000", r#"GET /a\"b HTTP/1.1"#, "200", "12"];
        assert_eq!(all(line, Layout::Log), [cells.map(str::to_owned).to_vec()]);
        assert_eq!(all(b"1 0  2\t7", Layout::Delimited(Delimiter::Blanks))[0].len(), 4);
    }

    #[test]
    fn records_longer_than_the_buffer_are_read_whole() {
        let long = "x".repeat(3 * BUFFER);
        let text = format!("a,b\n\"{long}\",2\n3,4\n");
        let rows = all(text.as_bytes(), COMMA);
        assert_eq!((rows.len(), rows[1][0].len(), rows[2][1].as_str()), (3, 3 * BUFFER, "4"));
    }

    #[test]
    fn a_quote_that_is_never_closed_is_shown_where_it_opens() {
        let mut records = records(b"a,b\n1,\"2\n3,4\n", COMMA);
        assert!(records.read().unwrap());
        let shown = records.read().unwrap_err().render(false);
        assert!(shown.contains("t:2:1") && shown.contains("never closed"), "{shown}");
    }

    fn cell() -> impl Strategy<Value = String> {
        prop_oneof!["[a-z0-9. ]{0,12}", "[a-z\",\r\n;]{0,6}"]
    }

    proptest! {
        #[test]
        fn fields_are_those_of_the_csv_crate(
            rows in prop::collection::vec(prop::collection::vec(cell(), 2..5), 1..6),
            crlf in any::<bool>(),
        ) {
            let end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
            let mut writer = csv::WriterBuilder::new().flexible(true).terminator(end)
                .from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let text = writer.into_inner().unwrap();
            let read: Vec<Vec<String>> = all(&text, COMMA).iter()
                .map(|row| row.iter().map(|cell| cell.replace("\"\"", "\"")).collect()).collect();
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true)
                .from_reader(&text[..]);
            let theirs: Vec<Vec<String>> = reader.records()
                .map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
            prop_assert_eq!(read, theirs);
        }
    }
}
