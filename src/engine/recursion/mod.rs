//! The short cut: where no more is looked at than how many requests are at each server.
//!
//! A server that serves in order of arrival frees its slots at instants that are known as soon as a
//! request is sent to it (Lindley 1952 for one slot, Kiefer and Wolfowitz 1955 for several). If the
//! policy is [`blind`], nothing else happens in the run, so its measures follow request by request,
//! five times faster than by events and to the same nanosecond. If it [counts](counted) requests,
//! all that is left of a departure is one request less at a server. `tests/it/engine.rs` holds both
//! loops against the general one.

mod blind;
mod counted;

pub(super) use self::{blind::Blind, counted::Counted};

use super::{Ending, Plant, QueueTimeout, Watch, mix};
use crate::balance::{Pick, Sight};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, View};
use crate::model::{Completion, Fate, Request, ServerId};
use crate::probe::Probe;
use crate::time::{Duration, Instant};
use crate::workload::{CHUNK, Source};

/// What a run of this kind has to know of its servers; `Everything` if it is of another kind.
pub(super) fn sight<P: Probe>(plant: &Plant, source: &dyn Source) -> Sight {
    let alone = plant.fleet.len() == 1;
    let near = plant.fleet.specs().iter().all(|spec| spec.network == Duration::ZERO);
    let known = !P::ORDERED
        && plant.plain_fifo
        && near
        && !plant.fleet.members().is_empty()
        && (alone || plant.shared.is_none())
        && !source.is_closed_loop()
        && !source.is_impatient()
        && plant.resilience.is_none()
        && plant.queue_timeout == QueueTimeout::NONE;
    let widest = plant.balancers.iter().map(|balancer| balancer.sight()).max();
    match widest {
        _ if !known => Sight::Everything,
        _ if alone => Sight::Nothing,
        // Several balancers each count their own.
        Some(Sight::Counts) if plant.balancers.len() > 1 => Sight::Everything,
        sight => sight.unwrap_or(Sight::Everything),
    }
}

/// What is kept of the servers from request to request.
pub(super) trait Servers {
    /// Idle servers.
    fn new(fleet: &Fleet) -> Self;

    /// All that leave up to `now` have left.
    fn leave(&mut self, now: Instant, plant: &mut Plant);

    /// A request is sent to a server: when its service begins and ends.
    fn serve(&mut self, request: &Request, to: ServerId, plant: &mut Plant) -> (Instant, Instant);
}

pub(super) fn run<P: Probe, S: Servers>(
    mut plant: Plant,
    source: &mut dyn Source,
    until: Option<Instant>,
    probe: &mut P,
    watch: &dyn Watch,
) -> Result<Ending, Problem> {
    let mut servers = S::new(&plant.fleet);
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
        // The horizon lies beyond what was read: what ends before that need not be kept.
        let read = chunk.last().map_or(now, |request| request.arrival);
        for request in &chunk {
            assert!(request.arrival >= now, "Order: {:?} comes after {now:?}", request.arrival);
            now = request.arrival;
            servers.leave(now, &mut plant);
            let server = pick(&mut plant, request, ending.arrived);
            let (started, ended) = servers.serve(request, server, &mut plant);
            assert!(now <= started, "Causality: {request:?} started at {started:?}");
            let least = request.demand.at_speed(plant.fleet.spec(server).speed);
            assert!(
                ended == Instant::NEVER || ended - started >= least,
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
            if ended > read {
                late.keep(done, now);
            }
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
        refusal => unreachable!("a policy with candidates sends each request: {refusal:?}"),
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
