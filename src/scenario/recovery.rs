//! How long a service took to come back to the state before the first fault.

use super::Measured;
use crate::outcome::Recovery;
use crate::probe::{Beat, Chronicle};
use crate::stats::CoarseHistogram;
use crate::time::Instant;

/// Good intervals in a row that are a recovery.
const LASTING: usize = 10;
/// So many more of a hundred requests that are not answered are worse than before.
const WORSE: f64 = 0.1;
/// So many times the median latency of before is worse.
const SLOWER: u64 = 2;
/// Fewer answers in an interval tell nothing of their median.
const TELLING: u64 = 20;

/// By the share of requests that were not answered: `None` where it was never a tenth above that of
/// before the first fault, in the faults or right after.
pub(super) fn of_errors(chronicle: &Chronicle, horizon: Instant) -> Option<Recovery> {
    let first = chronicle.first_fault?;
    let beats = chronicle.beats.as_slice();
    let begun = ((first.0 / chronicle.width.0) as usize).min(beats.len());
    let sum = |of: fn(&Beat) -> u64| beats[..begun].iter().map(of).sum::<u64>() as f64;
    let (bad, good) = (sum(|it| it.errors), sum(|it| it.answered));
    let usual = if bad > 0.0 { bad / (bad + good) } else { 0.0 };
    // An interval in which nobody ended tells nothing: it is as the one before.
    let mut was = false;
    let worse = |beat: &Beat| {
        let ended = (beat.errors + beat.answered) as f64;
        if ended > 0.0 {
            was = beat.errors as f64 > (usual + WORSE) * ended + 1e-9;
        }
        was
    };
    let worse: Vec<bool> = beats.iter().map(worse).collect();
    recovery(chronicle, &worse, horizon)
}

/// By the median latency of those that were answered: `None` where it was never twice that of
/// before the first fault, or where nobody knows what it was.
pub(super) fn of_latency(measured: &Measured, chronicle: &Chronicle) -> Option<Recovery> {
    let (first, timeline) = (chronicle.first_fault?, &measured.timeline);
    let (own, width) = (timeline.width().0, chronicle.width.0);
    let merged = |from: u64, to: u64| {
        let mut latency = CoarseHistogram::new();
        let (low, high) = ((from / own) as usize, (to.div_ceil(own)) as usize);
        let bins = timeline.bins();
        let bins = bins.get(low..high.min(bins.len())).unwrap_or_default();
        bins.iter().for_each(|bin| latency.merge(&bin.latency));
        latency
    };
    let before = merged(measured.meter.from.0, first.0 / own * own);
    if before.len() < TELLING {
        return None;
    }
    let most = SLOWER * before.quantile(0.5)?;
    // Where hardly any is answered nobody knows how long it would have taken: as long as before.
    let mut worse = false;
    let look = |number: u64| {
        let latency = merged(number * width, (number + 1) * width);
        if latency.len() >= TELLING {
            worse = latency.fraction_above(most) > 0.5;
        }
        worse
    };
    let worse: Vec<bool> = (0..chronicle.beats.len() as u64).map(look).collect();
    recovery(chronicle, &worse, measured.ending.horizon)
}

/// From the last fault's going to the beginning of the first ten intervals in a row, or of those
/// that are left, in none of which it is worse than before the first fault; `None` where it was so
/// neither in the faults nor right after. A bad moment long after all has gone well is not what
/// the fault left behind.
fn recovery(chronicle: &Chronicle, worse: &[bool], horizon: Instant) -> Option<Recovery> {
    let (first, over) = (chronicle.first_fault?, chronicle.last_fault?);
    let width = chronicle.width.0;
    let last = horizon.0.div_ceil(width) as usize;
    let worse = &worse[..last.min(worse.len())];
    let (begun, end) = ((first.0 / width) as usize, (over.0 / width) as usize);
    let mut well = worse.len().min(end);
    let next_bad = |from: usize| worse[from..].iter().take(LASTING).rposition(|bad| *bad);
    while let Some(at) = next_bad(well) {
        well += at + 1;
    }
    // Just as well before the last fault went: it is told when the last bad interval was.
    if well == end {
        well = worse[..well].iter().rposition(|bad| *bad)? + 1;
    }
    let at = Instant(well as u64 * width);
    let after_s = (well < last).then_some(at.since(over).as_secs_f64());
    let (since_s, recovered) = (over.as_secs_f64(), u32::from(after_s.is_some()));
    let found = Recovery { since_s, after_s, worst_s: after_s, runs: 1, recovered };
    (well > begun && over < horizon).then_some(found)
}
