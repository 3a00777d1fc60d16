//! What a very large grid would cost, told before it starts.

use std::cell::Cell;

use indicatif::ProgressBar;

use crate::diagnose::Problem;
use crate::engine::Watch;
use crate::experiment::sweep::{Grid, Shard};
use crate::report::text::{digits, grouped};
use crate::time::{Duration, Instant};

/// Runs from here on are not begun without a question.
const MANY_RUNS: u64 = 100_000;

/// More points are not held in memory.
const MOST_POINTS: u64 = 10_000_000;

/// Requests of the trial that the price is reckoned from.
const TRIAL: u64 = 200_000;

/// The size and the price of a large grid, in words; none for others. Without `yes` it is refused.
pub(super) fn ask(
    grid: &Grid,
    shard: Shard,
    threads: usize,
    yes: bool,
) -> Result<Option<String>, Problem> {
    let points = shard.len(grid.len());
    let first = grid.scenario(0)?;
    let replications = u64::from(first.run.replications.unwrap_or(5));
    let runs = points.saturating_mul(replications);
    if runs < MANY_RUNS && points <= MOST_POINTS {
        return Ok(None);
    }
    let trial = Trial { told: Cell::default() };
    // The clock of a progress bar: results must not see one, a price may.
    let clock = ProgressBar::hidden();
    let (measured, ()) = first.simulate(0, Duration::ZERO, (), &trial)?;
    let seconds = clock.elapsed().as_secs_f64().max(1e-6);
    let arrived = measured.ending.arrived.max(1);
    let (requests, at_least) = match (measured.ending.stopped, first.until()) {
        (false, _) => (arrived as f64, ""),
        (true, Some(until)) => {
            let share = trial.told.get().0 as f64 / until.0 as f64;
            (arrived as f64 / share.max(1e-9), "")
        }
        (true, None) => (arrived as f64, "at least "),
    };
    let cost = seconds * requests / arrived as f64 * runs as f64 / threads as f64;
    let price = format!(
        "{} points of {replications} replications are {} runs of {at_least}about {} requests: \
         {at_least}{} on {threads} threads",
        grouped(points),
        grouped(runs),
        digits(requests),
        span(cost),
    );
    let cut = "cut it down with `--sample 1000`, coarser steps or fewer replications";
    let parts = points.div_ceil(MOST_POINTS).max(100);
    if points > MOST_POINTS {
        return Err(Problem::new(format!("{price}; a run holds at most {} points", {
            grouped(MOST_POINTS)
        }))
        .help(format!("{cut}, or into parts: `--shard 1/{parts} --yes` starts one of them")));
    }
    if !yes {
        return Err(Problem::new(price).help(format!(
            "{cut}, or into parts with `--shard 1/{parts}`; `--yes` starts it all the same"
        )));
    }
    Ok(Some(price))
}

/// Stops after some requests, and knows when that was.
struct Trial {
    told: Cell<Instant>,
}

impl Watch for Trial {
    fn go_on(&self, requests: u64, now: Instant) -> bool {
        self.told.set(now);
        requests < TRIAL
    }
}

/// Seconds, hours, days or years.
fn span(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{} s", digits(s)),
        s if s < 7200.0 => format!("{} minutes", digits(s / 60.0)),
        s if s < 172_800.0 => format!("{} hours", digits(s / 3600.0)),
        s if s < 3.2e7 => format!("{} days", digits(s / 86_400.0)),
        s => format!("{} years", digits(s / 31_557_600.0)),
    }
}
