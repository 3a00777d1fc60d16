//! Progress on standard error with rate and time left, and a clean stop on Ctrl-C.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration as WallDuration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::engine::Watch;
use crate::experiment::Monitor;
use crate::time::{Instant, SECOND_NS};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C stops a run where it stands instead of killing the program.
pub(super) fn mind_interrupts() {
    // A second handler can only fail to be set, and then the first one serves.
    let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
}

/// Whether Ctrl-C was pressed.
pub(super) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// One bar for one run, or for many side by side.
pub(super) struct Progress {
    bar: ProgressBar,
    until_s: Option<u64>,
    requests: AtomicU64,
}

impl Progress {
    /// A bar over simulated seconds where the end is known, over the file where its size is, else a
    /// count of requests.
    pub(super) fn new(quiet: bool, until: Option<Instant>) -> Self {
        let until_s = until.map(|until| until.0 / SECOND_NS);
        let template = match until_s {
            Some(_) => "{bar:30} {percent:>3} % of {len} s simulated · {msg} · {eta} left",
            None => "{spinner} {msg} · {elapsed}",
        };
        Self::with(quiet, until_s, template)
    }

    /// A bar over runs.
    pub(super) fn of_runs(quiet: bool) -> Self {
        let template = "{prefix}{wide_bar} {pos} of {len} runs · {msg} · {eta} left";
        let mut progress = Self::with(quiet, Some(0), template);
        progress.until_s = None;
        progress
    }

    fn with(quiet: bool, length: Option<u64>, template: &str) -> Self {
        let hidden = quiet || !std::io::stderr().is_terminal();
        let target = if hidden {
            ProgressDrawTarget::hidden()
        } else {
            // Four times a second is enough for people and nothing for the simulation.
            ProgressDrawTarget::stderr_with_hz(4)
        };
        let bar = ProgressBar::with_draw_target(length, target);
        bar.set_style(ProgressStyle::with_template(template).expect("a template of ours"));
        bar.enable_steady_tick(WallDuration::from_millis(500));
        Self { bar, until_s: length, requests: AtomicU64::new(0) }
    }

    /// What all runs came to, warm-ups and pilots included: `12.4 M requests in 3.1 s: 4.0 M/s`.
    pub(super) fn rate(&self) -> String {
        let requests = self.requests.load(Ordering::Relaxed) as f64 / 1e6;
        let seconds = self.bar.elapsed().as_secs_f64().max(1e-9);
        format!("{requests:.1} M requests in {seconds:.1} s: {:.1} M/s", requests / seconds)
    }

    fn tell(&self, requests: u64) {
        let rate = requests as f64 / self.bar.elapsed().as_secs_f64().max(1e-9);
        let million = requests as f64 / 1e6;
        self.bar.set_message(format!("{million:.1} M requests, {:.1} M/s", rate / 1e6));
    }
}

/// A file's share is told in thousandths.
const WHOLE: u64 = 1000;

impl Watch for Progress {
    fn read(&self, share: Option<f64>) {
        let Some(share) = share.filter(|_| self.until_s.is_none() && !self.bar.is_hidden()) else {
            return;
        };
        if self.bar.length().is_none() {
            self.bar.set_length(WHOLE);
            let template = "{bar:30} {percent:>3} % of the file · {msg} · {eta} left";
            self.bar.set_style(ProgressStyle::with_template(template).expect("a template of ours"));
        }
        self.bar.set_position((share * WHOLE as f64) as u64);
    }

    fn go_on(&self, requests: u64, now: Instant) -> bool {
        // A look at the flag is a load; drawing is throttled to every 64th chunk.
        if requests & 0xffff < 1024 && !self.bar.is_hidden() {
            self.tell(requests);
            if self.until_s.is_some() {
                self.bar.set_position(now.0 / SECOND_NS);
            }
        }
        !interrupted()
    }
}

impl Monitor for Progress {
    fn plan(&self, runs: u64) {
        self.bar.inc_length(runs);
    }

    fn go_on(&self, requests: u64) -> bool {
        let before = self.requests.fetch_add(requests, Ordering::Relaxed);
        // Chunks come from every thread; one in some dozens is worth a look.
        if before >> 16 != (before + requests) >> 16 && !self.bar.is_hidden() {
            self.tell(before + requests);
        }
        !interrupted()
    }

    fn stage(&self, what: &str) {
        self.bar.set_prefix(format!("{what} "));
    }

    fn done(&self) {
        if self.until_s.is_none() {
            self.bar.inc(1);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
