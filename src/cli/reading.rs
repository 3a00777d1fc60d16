//! The flags that say how a traffic file is read: the keys of a scenario's traffic table.

use clap::Args;

use crate::diagnose::Problem;
use crate::scenario::Overlay;

/// How a traffic file is read.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Reading traffic")]
pub(super) struct Reading {
    /// Which column plays which role, e.g. `arrival=ts,service=svc_ms`
    #[arg(long, value_name = "ROLE=COLUMN,…")]
    columns: Option<String>,
    /// The unit of numeric arrival times: s, ms, us, ns, min, h, d
    #[arg(long, value_name = "UNIT")]
    time_unit: Option<String>,
    /// The unit of numeric service times: s, ms, us, ns, min, h, d
    #[arg(long, value_name = "UNIT")]
    service_unit: Option<String>,
    /// How dates are written, in `strftime` letters, e.g. `%d.%m.%Y %H:%M`
    #[arg(long, value_name = "FORM")]
    time_format: Option<String>,
    /// The file's format, where its columns do not tell (`plimsoll list trace-format`)
    #[arg(long, value_name = "NAME")]
    trace_format: Option<String>,
    /// What stands between two columns: a character, `tab` or `space`
    #[arg(long, value_name = "CHARACTER")]
    delimiter: Option<String>,
    /// Whether the first line names the columns
    #[arg(long, value_name = "BOOL")]
    header: Option<bool>,
    /// The time that a row of counts covers, e.g. `1m`
    #[arg(long, value_name = "SPAN")]
    interval: Option<String>,
    /// Read the whole file and sort it by arrival
    #[arg(long)]
    sort: bool,
    /// Leave out the requests that failed when they were recorded
    #[arg(long)]
    skip_failed: bool,
    /// Leave out rows that cannot be read, and count them
    #[arg(long)]
    skip_damaged: bool,
}

impl Reading {
    /// Sets the keys of every class of traffic that is replayed.
    pub(super) fn lay_over(&self, overlay: &mut Overlay) -> Result<(), Problem> {
        let flags = [
            ("--time-unit", "time-unit", &self.time_unit),
            ("--service-unit", "service-unit", &self.service_unit),
            ("--time-format", "time-format", &self.time_format),
            ("--trace-format", "format", &self.trace_format),
            ("--delimiter", "delimiter", &self.delimiter),
            ("--header", "header", &self.header.map(|header| header.to_string())),
            ("--interval", "interval", &self.interval),
            ("--sort", "sort", &said(self.sort)),
            ("--skip-failed", "skip-failed", &said(self.skip_failed)),
            ("--skip-damaged", "skip-damaged", &said(self.skip_damaged)),
        ];
        for (flag, key, word) in flags {
            if let Some(word) = word {
                overlay.set(flag, format!("traffic.*.{key}"), word);
            }
        }
        match &self.columns {
            Some(columns) => overlay.set_pairs("--columns", "traffic.*.columns.", columns),
            None => Ok(()),
        }
    }
}

fn said(switch: bool) -> Option<String> {
    switch.then(|| "true".to_owned())
}
