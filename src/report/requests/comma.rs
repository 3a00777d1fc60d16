//! `requests.csv`: a line a request.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use super::{Rows, fate};
use crate::model::Completion;
use crate::time::{Duration, SECOND_NS};

const HEADER: &str = "request,class,arrival_s,wait_s,service_s,latency_s,fate,server,key,\
                      input_tokens,output_tokens";

pub(super) struct Comma {
    out: BufWriter<File>,
}

impl Comma {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(1 << 16, file);
        writeln!(out, "{HEADER}")?;
        Ok(Self { out })
    }
}

impl Rows for Comma {
    fn row(&mut self, index: u64, class: &str, done: &Completion) -> io::Result<()> {
        let (out, request) = (&mut self.out, &done.request);
        write!(out, "{index},")?;
        if class.contains([',', '"', '\n', '\r']) {
            write!(out, "\"{}\"", class.replace('"', "\"\""))?;
        } else {
            out.write_all(class.as_bytes())?;
        }
        let arrival = Seconds(Duration(request.arrival.0));
        let (wait, service, latency) =
            (Seconds(done.wait()), Seconds(done.service()), Seconds(done.latency()));
        write!(out, ",{arrival},{wait},{service},{latency},{},", fate(done))?;
        if let Some(server) = done.server {
            write!(out, "{}", server.0)?;
        }
        writeln!(out, ",{},{},{}", request.key, request.input, request.output)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}

/// A span in seconds, exact to the nanosecond.
struct Seconds(Duration);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:09}", self.0.0 / SECOND_NS, self.0.0 % SECOND_NS)
    }
}
