//! From the chronicle of a run to what the reader is told of its failures.

use super::{Measured, Scenario};
use crate::outcome::{Detection, Incident, Metastable, Moment, Outcome, Recovery, Resilience};
use crate::probe::{Beat, Chronicle, Entry, Note, Spans};
use crate::time::Instant;

/// Lines of the log that an outcome holds.
const LINES: usize = 1000;

/// What became of failures; `None` where nothing may fail.
pub(super) fn resilience(scenario: &Scenario, measured: &Measured) -> Option<Resilience> {
    let chronicle = measured.chronicle.as_ref()?;
    let tries = &chronicle.tries;
    let log = &chronicle.log;
    let busy: u128 = measured.meter.servers.iter().map(|it| u128::from(it.busy_ns)).sum();
    let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
    Some(Resilience {
        attempts: tries.attempts(),
        attempts_per_request: share(tries.attempts() as f64, tries.first as f64),
        denied: tries.denied,
        hedges_won: tries.hedges_won,
        late: tries.late,
        wasted_share: share(tries.wasted_ns as f64, busy as f64).map(|share| share.min(1.0)),
        outages: tries.outages,
        marked_down: tries.marked_down,
        ejected: tries.ejected,
        readmitted: tries.readmitted,
        detection_s: detection(&chronicle.spans),
        recovery: recovery(chronicle, measured.ending.horizon),
        metastable: metastable(scenario, measured, chronicle),
        incidents: log.iter().take(LINES).map(|line| incident(scenario, line)).collect(),
        timeline: timeline(chronicle, measured.ending.horizon),
    })
}

/// How long it took until outages were found out.
fn detection(spans: &Spans) -> Option<Detection> {
    let Spans { count, sum, min, max, .. } = *spans;
    (count > 0).then(|| Detection { count, mean: sum / count as f64, min, max })
}

fn incident(scenario: &Scenario, line: &Entry) -> Incident {
    let of = |up: bool, words: [&'static str; 2]| words[usize::from(!up)];
    let mut failure = None;
    let (what, server) = match line.note {
        Note::Fault(server, number, comes) => {
            let name = scenario.failure.get_index(usize::from(number)).map(|(name, _)| name);
            failure = name.cloned();
            (of(comes, ["fault", "fault-over"]), Some(server.0))
        }
        Note::Out(server, out) => (of(out, ["out", "back"]), Some(server.0)),
        Note::Marked(server, down) => (of(down, ["marked-down", "marked-up"]), Some(server.0)),
        Note::Ejected(server, out) => (of(out, ["ejected", "readmitted"]), Some(server.0)),
        Note::Panic(panic) => (of(panic, ["panic", "panic-over"]), None),
        Note::Circuit(balancer, open) => {
            (of(open, ["circuit-open", "circuit-closed"]), Some(balancer))
        }
        // Everything else is only counted.
        _ => ("other", None),
    };
    Incident { at_s: line.at.as_secs_f64(), what: what.to_owned(), server, failure }
}

fn timeline(chronicle: &Chronicle, horizon: Instant) -> Vec<Moment> {
    let width = chronicle.width.0;
    let last = horizon.0.div_ceil(width) as usize;
    let moment = |(number, beat): (usize, &Beat)| {
        let from = number as u64 * width;
        let span = horizon.0.saturating_sub(from).clamp(1, width) as f64;
        Moment {
            at_s: Instant(from).as_secs_f64(),
            arrivals: beat.arrivals,
            attempts: beat.attempts,
            again: beat.again,
            answered: beat.answered,
            errors: beat.errors,
            refused: beat.refused,
            timed_out: beat.timed_out,
            out: beat.out_ns as f64 / span,
            shunned: beat.shunned_ns as f64 / span,
        }
    };
    chronicle.beats.iter().take(last.max(1)).enumerate().map(moment).collect()
}

/// Good intervals in a row that are a recovery.
const LASTING: usize = 10;

/// From the last fault's going to the beginning of the first ten intervals in a row, or of those
/// that are left, in none of which more than a tenth of the requests that ended were not answered;
/// `None` where there was such an interval neither in the faults nor right after. A bad moment long
/// after all has gone well is not what the fault left behind.
fn recovery(chronicle: &Chronicle, horizon: Instant) -> Option<Recovery> {
    let (first, over) = (chronicle.first_fault?, chronicle.last_fault?);
    let last = horizon.0.div_ceil(chronicle.width.0) as usize;
    let beats = &chronicle.beats[..last.min(chronicle.beats.len())];
    let bad = |beat: &Beat| 9 * beat.errors > beat.answered;
    let width = chronicle.width.0;
    let (begun, end) = ((first.0 / width) as usize, (over.0 / width) as usize);
    let mut well = beats.len().min(end);
    let next_bad = |from: usize| beats[from..].iter().take(LASTING).rposition(bad);
    while let Some(at) = next_bad(well) {
        well += at + 1;
    }
    // Just as well before the last fault went: it is told when the last bad interval was.
    if well == end {
        well = beats[..well].iter().rposition(bad)? + 1;
    }
    let at = Instant(well as u64 * width);
    let after_s = (well < last).then_some(at.since(over).as_secs_f64());
    (well > begun && over < horizon).then(|| Recovery { since_s: over.as_secs_f64(), after_s })
}

/// The part of what follows the last cause that is let pass before it is judged.
const GRACE: f64 = 0.5;

/// An overload that has outlived its cause by at least as long as it lasted.
///
/// In the second half of what follows the last fault: goodput is below nine tenths of what arrives,
/// what arrives would fit into the fleet, and attempts alone keep it full.
fn metastable(
    scenario: &Scenario,
    measured: &Measured,
    chronicle: &Chronicle,
) -> Option<Metastable> {
    let (first, over) = (chronicle.first_fault?, chronicle.last_fault?);
    let horizon = measured.ending.horizon;
    // As long as the faults lasted, at least: before that nobody could tell.
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
    let slots: f64 =
        scenario.pool.values().map(|it| f64::from(it.servers) * f64::from(it.slots)).sum();
    let utilization = busy_share(measured, from, horizon.0, slots)?;
    // What a service takes, of those that were answered in the whole run.
    let mean = measured.meter.service.moments.mean()?;
    let capacity = slots / mean;
    let holds = goodput < 0.9 * arrivals && arrivals < capacity && utilization > 0.9;
    let again = attempts > 1.1 * arrivals || chronicle.tries.late > 0;
    (holds && again).then(|| Metastable {
        since_s: over.as_secs_f64(),
        arrivals,
        goodput,
        capacity,
        attempts,
        utilization,
    })
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

impl Scenario {
    /// Failures that were to come at a stated time and hit nobody.
    fn unmet(&self, found: &Resilience) -> impl Iterator<Item = String> {
        let whole = found.incidents.len() < LINES;
        let met = |name: &str| found.incidents.iter().any(|it| it.failure.as_deref() == Some(name));
        let stated = self.failure.iter().filter(|(_, failure)| failure.is_stated());
        stated.filter(move |(name, _)| whole && !met(name)).map(|(name, _)| {
            format!(
                "the failure `{name}` hit no server: the run was over before it came, or its \
                 servers were not up"
            )
        })
    }

    /// What the reader should know of failures, in sentences.
    pub fn failure_advice<N, M>(&self, outcome: &Outcome<N, M>) -> Vec<String> {
        let Some(found) = &outcome.resilience else { return Vec::new() };
        let mut said: Vec<String> = found.metastable.iter().map(state).collect();
        said.extend(self.unmet(found));
        let health = self.health.as_ref();
        let blind = health
            .is_none_or(|it| !it.known_at_once && it.checks.is_none() && it.ejection.is_none());
        if found.outages > 0 && blind {
            said.push(
                "servers went out and nobody told the balancers, which went on sending to them: \
                 add `[health.checks]`, or `[health.ejection]`"
                    .to_owned(),
            );
        } else if found.outages > 0 && !blind && found.detection_s.is_none() {
            said.push("servers went out, and were back before that was found out".to_owned());
        }
        let wasted = found.wasted_share.filter(|share| *share > 0.2);
        if let (Some(share), None) = (wasted, found.metastable) {
            said.push(format!(
                "{:.0} % of the busy slot time went into work that nobody took: attempts that \
                 came too late, were lost, or were copies",
                100.0 * share
            ));
        }
        let failed = outcome.requests.failed;
        if failed > 0 && self.retry.is_none() {
            said.push(format!(
                "{failed} requests failed with their servers; a retry elsewhere (`[retry]`) would \
                 save most of them"
            ));
        }
        said
    }
}

/// The state that outlived its cause, and the way out of it.
fn state(it: &Metastable) -> String {
    format!(
        "metastable: the cause had gone at {:.0} s, and yet only {:.0} of {:.0} requests a second \
         are answered, of {:.0} that the fleet could answer; {:.1} attempts a request keep it \
         {:.0} % busy, mostly with work that nobody waits for any more. A retry budget, a queue \
         timeout shorter than the clients' patience, or admission lets it recover",
        it.since_s,
        it.goodput,
        it.arrivals,
        it.capacity,
        it.attempts / it.arrivals.max(f64::MIN_POSITIVE),
        100.0 * it.utilization
    )
}
