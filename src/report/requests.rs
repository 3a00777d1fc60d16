//! `requests.csv`: one row a request, written while the run goes on, so that memory stays flat.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use crate::model::{Completion, Fate};
use crate::probe::Probe;
use crate::time::{Duration, SECOND_NS};

/// The header of `requests.csv`.
const HEADER: &str = "request,class,arrival_s,wait_s,service_s,latency_s,fate,server,key,\
                      input_tokens,output_tokens";

/// A probe that writes every request in the order of their ends.
#[derive(Debug)]
pub struct RequestLog<W: Write = BufWriter<File>> {
    out: W,
    /// The names of the classes, as a CSV file needs them.
    classes: Vec<String>,
    /// The first failure; nothing is written after it.
    failed: Option<io::Error>,
}

impl<W: Write> RequestLog<W> {
    /// A log of requests of these classes, with its header written.
    pub fn new<'a>(mut out: W, classes: impl Iterator<Item = &'a String>) -> io::Result<Self> {
        writeln!(out, "{HEADER}")?;
        Ok(Self { out, classes: classes.map(|name| quoted(name)).collect(), failed: None })
    }

    /// Writes what is still in memory and tells whether everything was written.
    pub fn finish(mut self) -> io::Result<()> {
        self.failed.take().map_or(Ok(()), Err)?;
        self.out.flush()
    }

    fn write(&mut self, done: &Completion, index: u64) -> io::Result<()> {
        let request = &done.request;
        let class = self.classes.get(usize::from(request.class)).map_or("", String::as_str);
        let fate = match done.fate {
            Fate::Completed => "completed",
            Fate::Rejected => "rejected",
            Fate::TimedOut => "timed-out",
            Fate::Failed => "failed",
            Fate::Shed => "shed",
            Fate::Cancelled => "cancelled",
        };
        let arrival = Seconds(Duration(request.arrival.0));
        let (wait, service, latency) =
            (Seconds(done.wait()), Seconds(done.service()), Seconds(done.latency()));
        write!(self.out, "{index},{class},{arrival},{wait},{service},{latency},{fate},")?;
        if let Some(server) = done.server {
            write!(self.out, "{}", server.0)?;
        }
        writeln!(self.out, ",{},{},{}", request.key, request.input, request.output)
    }
}

impl<W: Write> Probe for RequestLog<W> {
    const ORDERED: bool = true;

    fn completion(&mut self, done: &Completion, index: u64) {
        if self.failed.is_none() {
            self.failed = self.write(done, index).err();
        }
    }
}

/// A span in seconds, exact to the nanosecond.
struct Seconds(Duration);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:09}", self.0.0 / SECOND_NS, self.0.0 % SECOND_NS)
    }
}

fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Request, ServerId};
    use crate::time::Instant;

    #[test]
    fn a_request_is_a_row_exact_to_the_nanosecond() {
        let names = ["chat, long".to_owned()];
        let mut out = Vec::new();
        let mut log = RequestLog::new(&mut out, names.iter()).unwrap();
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
        let text = String::from_utf8(out).unwrap();
        let row = "41,\"chat, long\",1.000000001,0.500000000,0.499999999,0.999999999,completed,\
                   3,7,0,0";
        assert_eq!(text.lines().nth(1), Some(row));
    }
}
