//! From the chronicle of a run to what the reader is told of its failures.

use super::{Measured, Scenario, metastable, recovery};
use crate::engine::Abandoned;
use crate::outcome::{Cause, Class, Detection, Incident, Metastable, Moment, Outcome, Resilience};
use crate::probe::{Beat, Chronicle, Entry, Note, OfClass, Spans};
use crate::time::{Duration, Instant};

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
        denied_by_circuit: tries.denied_by_circuit,
        circuits_opened: tries.circuits_opened,
        hedges_won: tries.hedges_won,
        late: tries.late,
        wasted_share: share(tries.wasted_ns as f64, busy as f64).map(|share| share.min(1.0)),
        faults: tries.faults,
        outages: tries.outages,
        marked_down: tries.marked_down,
        ejected: tries.ejected,
        readmitted: tries.readmitted,
        detection_s: detection(&chronicle.spans),
        recovery: recovery::of_errors(chronicle, measured.ending.horizon),
        latency_recovery: recovery::of_latency(measured, chronicle),
        metastable: metastable::metastable(scenario, measured, chronicle),
        first_fault_s: chronicle.first_fault.map(Instant::as_secs_f64),
        last_fault_s: chronicle.last_fault.map(Instant::as_secs_f64),
        classes: scenario.traffic.keys().zip(&chronicle.classes).map(class).collect(),
        happened: chronicle.happened,
        incidents: log.iter().take(LINES).map(|line| incident(scenario, line)).collect(),
        timeline: timeline(chronicle, measured.ending.horizon),
    })
}

fn class((name, found): (&String, &OfClass)) -> Class {
    Class {
        name: name.clone(),
        arrived: found.arrived,
        completed: found.latency.count(),
        shed: found.shed,
        errors: found.errors,
        latency_s: found.latency.summary(),
    }
}

/// How long it took until outages were found out.
fn detection(spans: &Spans) -> Option<Detection> {
    let Spans { count, sum, min, max, .. } = *spans;
    (count > 0).then(|| Detection { count, mean: sum / count as f64, min, max })
}

fn incident(scenario: &Scenario, line: &Entry) -> Incident {
    let of = |up: bool, words: [&'static str; 2]| words[usize::from(!up)];
    let (mut failure, mut at) = (None, None);
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
            at = Some(balancer);
            (of(open, ["circuit-open", "circuit-closed"]), None)
        }
        // Everything else is only counted.
        _ => ("other", None),
    };
    let at_s = line.at.as_secs_f64();
    Incident { at_s, what: what.to_owned(), server, balancer: at, failure }
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
        let requests = &outcome.requests;
        let mut said = Vec::new();
        if requests.errors() > 0 && 10 * requests.errors() >= requests.arrived {
            said.push(format!(
                "latency is of the requests that were answered: {:.0} % were not, and have none",
                100.0 * requests.errors() as f64 / requests.arrived as f64
            ));
        }
        let Some(found) = &outcome.resilience else { return said };
        said.extend(found.metastable.iter().map(|it| self.state(it)));
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
        } else if found.outages > 0 && found.detection_s.is_none() {
            said.push("servers went out, and were back before that was found out".to_owned());
        }
        said.extend(self.idle_ejector(outcome.servers.max, found));
        let wasted = found.wasted_share.filter(|share| *share > 0.2);
        if let (Some(share), None) = (wasted, found.metastable) {
            said.push(format!(
                "{:.0} % of the busy slot time went into work that nobody took: attempts that \
                 came too late, were lost, or were copies",
                100.0 * share
            ));
        }
        if requests.failed > 0 && self.retry.is_none() {
            said.push(format!(
                "{} requests failed with their servers; a retry elsewhere (`[retry]`) would \
                 save most of them",
                requests.failed
            ));
        }
        if self.retries_without_end() && requests.retried > 0 {
            said.push(
                "`retry.attempts = \"unlimited\"` and nothing ends it: a request is tried again \
                 until it is answered, for a day after the end of traffic at most; \
                 `timeouts.request` or `retry.budget` bounds it"
                    .to_owned(),
            );
        }
        said
    }

    /// An ejector that something went wrong before, and that may not take out a single server.
    fn idle_ejector(&self, servers: u32, found: &Resilience) -> Option<String> {
        let recipe = self.health.as_ref()?.ejection.as_ref()?;
        let ejector = recipe.build(&()).ok()?;
        let idle = found.first_fault_s.is_some() && !ejector.may_eject_of(servers);
        idle.then(|| {
            format!(
                "`{}` could not eject anybody: one of {servers} servers is more than `max-ejected` \
                 allows (Envoy's default is 10 %); raise it, or set `always-one = true`",
                recipe.name
            )
        })
    }

    /// The state that outlived its cause, and the ways out of it that are not taken yet.
    fn state(&self, it: &Metastable) -> String {
        let cause = match it.cause {
            Cause::Failure => "the last fault",
            Cause::Peak => "the peak of load",
        };
        let runs = if it.runs > 1 {
            format!(" in {} of {} replications", it.found_in, it.runs)
        } else {
            String::new()
        };
        let retry = self.retry.as_ref();
        let ways = [
            ("a retry budget", retry.is_some_and(|it| it.budget.is_none())),
            (
                "a queue timeout shorter than the clients' patience",
                self.balancer.queue_timeout().limit == Duration::FOREVER,
            ),
            ("admission", self.admission.is_none()),
            (
                "servers that drop what nobody waits for",
                self.timeouts.as_ref().is_some_and(|it| it.abandoned == Abandoned::Served),
            ),
        ];
        let open: Vec<&str> = ways.iter().filter(|(_, open)| *open).map(|(way, _)| *way).collect();
        let way = match open.as_slice() {
            [] => "Stricter limits, or more servers, let it recover".to_owned(),
            [one] => format!("{one} may let it recover"),
            [first @ .., last] => format!("{}, or {last} may let it recover", first.join(", ")),
        };
        let way = way[..1].to_uppercase() + &way[1..];
        let rate = |a_second: f64| match a_second {
            ..0.005 => "0".to_owned(),
            ..10.0 => format!("{a_second:.2}"),
            _ => format!("{a_second:.0}"),
        };
        format!(
            "metastable{runs}: {cause} had gone at {:.0} s, and yet only {} of {} requests a \
             second are answered, of {} that the fleet could answer; {:.1} attempts a request \
             keep it {:.0} % busy, mostly with work that nobody waits for any more. {way}",
            it.since_s,
            rate(it.goodput),
            rate(it.arrivals),
            rate(it.capacity),
            it.attempts / it.arrivals.max(f64::MIN_POSITIVE),
            100.0 * it.utilization
        )
    }
}
