//! The short cut: where nobody looks at the state, each server is a recursion and needs no events.
//!
//! A server that serves in order of arrival frees its slots at instants that are known as soon as a
//! request is sent to it (Lindley 1952 for one slot, Kiefer and Wolfowitz 1955 for several). If the
//! policy is blind, nothing else happens in the run, so its measures follow request by request,
//! five times faster than by events and to the same nanosecond (`tests/it/engine.rs` holds both
//! loops against each other).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Ending, Plant, QueueTimeout, Watch, mix};
use crate::balance::Pick;
use crate::diagnose::Problem;
use crate::fleet::View;
use crate::model::{Completion, Fate, Request, ServerId};
use crate::probe::Probe;
use crate::time::{Duration, Instant};
use crate::workload::{CHUNK, Source};

/// Whether a run is of this kind.
pub(super) fn applies<P: Probe>(plant: &Plant, source: &dyn Source) -> bool {
    let alone = plant.fleet.len() == 1;
    let near = plant.fleet.specs().iter().all(|spec| spec.network == Duration::ZERO);
    let blind = plant.balancers.iter().all(|balancer| balancer.is_blind());
    !P::ORDERED
        && plant.plain_fifo
        && near
        && !plant.fleet.members().is_empty()
        && (alone || (blind && plant.shared.is_none()))
        && !source.is_closed_loop()
        && !source.is_impatient()
        && plant.resilience.is_none()
        && plant.queue_timeout == QueueTimeout::NONE
}

/// When a server's slots are free: the workload vector of Kiefer and Wolfowitz.
#[derive(Debug)]
enum Slots {
    One(Instant),
    /// Ascending; shifting a few words beats a heap up to about this many.
    Few(Vec<Instant>),
    Many(BinaryHeap<Reverse<Instant>>),
}

const FEW: usize = 48;

impl Slots {
    fn new(slots: u32) -> Self {
        let idle = vec![Instant::START; slots as usize];
        match idle.len() {
            1 => Self::One(Instant::START),
            len if len <= FEW => Self::Few(idle),
            _ => Self::Many(idle.into_iter().map(Reverse).collect()),
        }
    }

    /// Takes the slot that is free first; says when service begins and ends.
    #[inline]
    fn serve(&mut self, request: &Request, speed: f64) -> (Instant, Instant) {
        let ends = |free: Instant| {
            let start = free.max(request.arrival);
            (start, start + request.demand.at_speed(speed))
        };
        match self {
            Self::One(free) => {
                let (start, end) = ends(*free);
                *free = end;
                (start, end)
            }
            Self::Few(free) => {
                let (start, end) = ends(free[0]);
                let mut at = 0;
                while at + 1 < free.len() && free[at + 1] < end {
                    free[at] = free[at + 1];
                    at += 1;
                }
                free[at] = end;
                (start, end)
            }
            Self::Many(free) => {
                let mut first = free.peek_mut().expect("a server has slots");
                let (start, end) = ends(first.0);
                *first = Reverse(end);
                (start, end)
            }
        }
    }
}

pub(super) fn run<P: Probe>(
    mut plant: Plant,
    source: &mut dyn Source,
    until: Option<Instant>,
    probe: &mut P,
    watch: &dyn Watch,
) -> Result<Ending, Problem> {
    let mut servers: Vec<(Slots, f64)> =
        plant.fleet.specs().iter().map(|spec| (Slots::new(spec.slots), spec.speed)).collect();
    let mut ending = Ending {
        arrived: 0,
        horizon: Instant::START,
        last: Instant::START,
        fingerprint: 0,
        stopped: false,
    };
    let mut late = Late { limit: 4 * CHUNK, ..Late::default() };
    let mut chunk: Vec<Request> = Vec::with_capacity(CHUNK);
    let mut now = Instant::START;
    while !ending.stopped {
        chunk.clear();
        source.fill(&mut chunk)?;
        if chunk.is_empty() {
            break;
        }
        for request in &chunk {
            assert!(request.arrival >= now, "Order: {:?} comes after {now:?}", request.arrival);
            now = request.arrival;
            let server = pick(&mut plant, request, ending.arrived);
            let (slots, speed) = &mut servers[server.index()];
            let (started, ended) = slots.serve(request, *speed);
            assert!(now <= started, "Causality: {request:?} started at {started:?}");
            assert!(
                ended == Instant::NEVER || ended - started >= request.demand.at_speed(*speed),
                "Work: {request:?} got less than its demand"
            );
            let done = Completion {
                request: *request,
                fate: Fate::Completed,
                server: Some(server),
                sent: now,
                started,
                ended,
            };
            ending.fingerprint = mix(ending.fingerprint, request);
            probe.arrival(request, ending.arrived);
            probe.completion(&done, ending.arrived);
            ending.arrived += 1;
            ending.last = ending.last.max(ended);
            late.keep(done, now);
        }
        watch.read(source.share());
        ending.stopped = !watch.go_on(ending.arrived, now);
    }
    if ending.last == Instant::NEVER {
        return Err(super::beyond_the_clock());
    }
    // A run that is stopped early covers only the time until then.
    let end = source.end().filter(|_| !ending.stopped).unwrap_or(now).max(now);
    ending.horizon = until.filter(|_| !ending.stopped).unwrap_or(end);
    for done in late.kept.iter().filter(|done| done.ended > ending.horizon) {
        probe.beyond(done, ending.horizon);
    }
    Ok(ending)
}

#[inline]
fn pick(plant: &mut Plant, request: &Request, index: u64) -> ServerId {
    let Plant { fleet, balancers, streams, dealt, .. } = plant;
    if fleet.len() == 1 {
        return ServerId(0);
    }
    let dealt = dealt.pick(index, balancers.len());
    let view = View::whole(request.arrival, fleet, fleet.members());
    match balancers[dealt].pick(request, &view, &mut streams[dealt]) {
        Pick::Server(server) => server,
        refusal => unreachable!("a blind policy with candidates sends each request: {refusal:?}"),
    }
}

/// Requests whose end may lie beyond a horizon that is not known yet.
#[derive(Debug, Default)]
struct Late {
    kept: Vec<Completion>,
    limit: usize,
}

impl Late {
    #[inline]
    fn keep(&mut self, done: Completion, now: Instant) {
        self.kept.push(done);
        if self.kept.len() >= self.limit {
            self.kept.retain(|done| done.ended > now);
            self.limit = 4 * CHUNK.max(self.kept.len());
        }
    }
}
