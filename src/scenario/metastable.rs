//! The overload that outlives its cause: found by what has gone and what has stayed.
//!
//! A state is metastable when a cause that has passed left the service in it, and a load that the
//! state itself brings about keeps it there: goodput far under capacity while load stays above it
//! after the trigger has gone (Bronson et al., "Metastable failures in distributed systems", 2021;
//! Huang et al., "Metastable failures in the wild", 2022). Sustained overload that no
//! passed cause has set off, such as copies of every request, is not.

use super::{Measured, Scenario};
use crate::outcome::{Cause, Metastable};
use crate::probe::{Beat, Chronicle, Step};
use crate::time::Instant;

/// The part of what follows the last cause that is let pass before it is judged.
const GRACE: f64 = 0.5;
/// Goodput below this share of what arrives is far under it.
const FAR_UNDER: f64 = 0.9;
/// Intervals that a run is looked at in for peaks of load.
const LOOKS: usize = 120;
/// Standard deviations of a Poisson count by which a peak has to be above the capacity.
const CLEARLY: f64 = 4.0;

/// The state that outlived its cause by at least as long as that lasted, if there is one: in the
/// second half of what follows it, and not before it came, goodput is far under what arrives; that
/// would fit into the fleet, attempts do not, and the fleet is busy all the same.
pub(super) fn metastable(
    scenario: &Scenario,
    measured: &Measured,
    chronicle: &Chronicle,
) -> Option<Metastable> {
    let fleet = Fleet::new(scenario, measured)?;
    let horizon = measured.ending.horizon;
    let (cause, first, over) = trigger(&fleet, chronicle, horizon)?;
    if !was_well(chronicle, first) {
        return None;
    }
    // As long as the cause lasted, at least: before that nobody could tell.
    if horizon.since(over) < over.since(first) || horizon <= over {
        return None;
    }
    let from = over.0 + ((horizon.0 - over.0) as f64 * GRACE) as u64;
    let (low, high) =
        (from.div_ceil(chronicle.width.0) as usize, (horizon.0 / chronicle.width.0) as usize);
    let beats = chronicle.beats.get(low..high.min(chronicle.beats.len()))?;
    let span = beats.len() as f64 * chronicle.width.as_secs_f64();
    if span <= 0.0 {
        return None;
    }
    let rate = |of: fn(&Beat) -> u64| beats.iter().map(of).sum::<u64>() as f64 / span;
    let (arrivals, goodput) = (rate(|beat| beat.arrivals), rate(|beat| beat.answered));
    let attempts = rate(|beat| beat.attempts);
    let slots = fleet.slots(Instant(from), horizon);
    let utilization = busy_share(measured, from, horizon.0, slots)?;
    let capacity = slots * fleet.each_slot;
    let holds = goodput < FAR_UNDER * arrivals && arrivals < capacity && attempts > capacity;
    let since_s = over.as_secs_f64();
    let (found_in, runs) = (1, 1);
    (holds && utilization > 0.9).then_some(Metastable {
        cause,
        since_s,
        arrivals,
        goodput,
        capacity,
        attempts,
        utilization,
        found_in,
        runs,
    })
}

/// Whether most of what arrived was answered before the cause came: what was ill before is plain
/// overload, and of what nobody saw before it nobody knows.
fn was_well(chronicle: &Chronicle, first: Instant) -> bool {
    let count = (first.0 / chronicle.width.0) as usize;
    let beats = &chronicle.beats[..count.min(chronicle.beats.len())];
    let sum = |of: fn(&Beat) -> u64| beats.iter().map(of).sum::<u64>() as f64;
    let arrivals = sum(|beat| beat.arrivals);
    arrivals > 0.0 && sum(|beat| beat.answered) >= FAR_UNDER * arrivals
}

/// What may have set it off, from when to when: faults, or requests that alone were more than the
/// fleet could serve. `None` while one of them lasts, or where there was none.
fn trigger(
    fleet: &Fleet,
    chronicle: &Chronicle,
    horizon: Instant,
) -> Option<(Cause, Instant, Instant)> {
    let peak = peak(fleet, chronicle, horizon);
    let Some(first) = chronicle.first_fault else {
        let (from, to) = peak?;
        return Some((Cause::Peak, from, to));
    };
    let over = chronicle.last_fault?;
    Some(match peak {
        Some((from, to)) if to > over => (Cause::Peak, from.min(first), to),
        Some((from, _)) => (Cause::Failure, from.min(first), over),
        None => (Cause::Failure, first, over),
    })
}

/// From the first to the last stretch in which clearly more requests came than the fleet serves.
fn peak(fleet: &Fleet, chronicle: &Chronicle, horizon: Instant) -> Option<(Instant, Instant)> {
    let count = (horizon.0.div_ceil(chronicle.width.0) as usize).min(chronicle.beats.len());
    let together = count.div_ceil(LOOKS).max(1);
    let width = chronicle.width.0 * together as u64;
    let mut found: Option<(Instant, Instant)> = None;
    for (number, beats) in (0_u64..).zip(chronicle.beats[..count].chunks(together)) {
        let (from, to) = (Instant(number * width), Instant((number + 1) * width).min(horizon));
        let arrivals = beats.iter().map(|beat| beat.arrivals).sum::<u64>() as f64;
        let most = fleet.slots(from, to) * fleet.each_slot * to.since(from).as_secs_f64();
        if arrivals > most + CLEARLY * most.max(1.0).sqrt() {
            found = Some((found.map_or(from, |(first, _)| first), to));
        }
    }
    found
}

/// The slots there are over time, and what each of them could do.
struct Fleet {
    /// Where servers come and go.
    steps: Vec<Step>,
    /// Where they stay.
    fixed: f64,
    /// Requests that a slot serves a second.
    each_slot: f64,
}

impl Fleet {
    fn new(scenario: &Scenario, measured: &Measured) -> Option<Self> {
        let pools = || scenario.pool.values();
        let slots = |pool: &super::Pool| f64::from(pool.servers) * f64::from(pool.slots);
        let fixed: f64 = pools().map(slots).sum();
        let work: f64 = pools().map(|pool| slots(pool) * pool.speed).sum();
        let speed = if fixed > 0.0 { work / fixed } else { 1.0 };
        let meter = &measured.meter;
        // What requests bring; what services took, of those that were answered, may be longer for
        // servers that share their time, and is shorter where the long ones are given up.
        let brought = (meter.arrived > 0).then(|| meter.demand as f64 / 1e9 / meter.arrived as f64);
        let brought = brought.filter(|demand| *demand > 0.0).map(|demand| speed / demand);
        let took = meter.service.moments.mean().filter(|mean| *mean > 0.0).map(|mean| 1.0 / mean);
        let each_slot = match (brought, took) {
            (Some(brought), Some(took)) => brought.min(took),
            (one, other) => one.or(other)?,
        };
        let census = measured.census.as_ref();
        let steps = census.map_or(Vec::new(), |census| census.steps(|_| true, |_| 0.0));
        Some(Self { steps, fixed, each_slot })
    }

    /// Slots on average from one instant to a later one.
    fn slots(&self, from: Instant, to: Instant) -> f64 {
        if self.steps.is_empty() {
            return self.fixed;
        }
        let ends = self.steps.iter().skip(1).map(|step| step.from).chain([Instant::NEVER]);
        let within = |at: Instant| at.max(from).min(to);
        let area = self.steps.iter().zip(ends).map(|(step, end)| {
            step.slots as f64 * within(end).since(within(step.from)).as_secs_f64()
        });
        area.sum::<f64>() / to.since(from).as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// Busy slot time over slot time between two instants, to the bins of the timeline.
fn busy_share(measured: &Measured, from: u64, to: u64, slots: f64) -> Option<f64> {
    let width = measured.timeline.width().0;
    let (low, high) = (from.div_ceil(width) as usize, (to / width) as usize);
    let bins = measured.timeline.bins();
    let bins = bins.get(low..high.min(bins.len()))?;
    let busy: i128 = bins.iter().map(|bin| bin.busy_ns).sum();
    (!bins.is_empty()).then(|| busy as f64 / (bins.len() as f64 * width as f64 * slots))
}
