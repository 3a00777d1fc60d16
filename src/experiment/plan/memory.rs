//! How long the queues of a fleet remember, and so how long a run of a steady state must be.
//!
//! One queue before c slots relaxes like M/M/c, in 1/(cμ(1 − √ρ)²). Queues before single servers
//! depend on who fills them. Where nobody looks (random, hashing) each is an M/M/c of its own, slow
//! to forget, and a fleet of k of them shows k at a time. Where every request goes to a short queue
//! (least-connections, power of two) the queues level out: what remains is their sum, which
//! relaxes like one queue before all, and the way of each back to the others, about a service for
//! each of ln(1/(1 − ρ)) requests in line, at the rate 1 − ρ (the supermarket model: Mitzenmacher
//! 2001). An autoscaler remembers as well, and for longer: what it looks back on, and its starts.

use super::traffic::Load;
use crate::balance::Sight;
use crate::diagnose::Problem;
use crate::rng::Seed;
use crate::scenario::{QueuePlace, Scenario};
use crate::time::Duration;

/// Requests of one run, at least; twenty of them are the first look.
const SHORT: f64 = 10_000.0;

/// Relaxation times that a run must see of a queue, over all queues that do not depend on each
/// other; and at least of each.
const SEEN: (f64, f64) = (40.0, 4.0);

/// Relaxation times after which an empty start is forgotten.
const FORGOTTEN: f64 = 5.0;

/// Seconds in which an autoscaler looks a few times.
const LOOKS: f64 = 60.0;
/// Seconds that autoscalers look back on: the usual stabilization, twice.
const LOOKS_BACK: f64 = 600.0;
/// Starts of servers that a run must see.
const STARTS: f64 = 3.0;

/// A run of a steady state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Length {
    pub(super) warm_up: Duration,
    /// Requests after it.
    pub(super) requests: f64,
    /// Whether it is shorter than it must be.
    pub(super) short: bool,
}

/// How the queues of a fleet hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ties {
    /// All slots serve one queue.
    One,
    /// A queue each, kept level by one balancer that sees them as they are.
    Level,
    /// A queue each.
    Apart,
}

/// A time after which something is forgotten, in mean services, and how many of it there are.
struct Memory {
    services: f64,
    of: f64,
}

impl Memory {
    /// How long one must watch, in services.
    fn watched(&self) -> f64 {
        let (all, each) = SEEN;
        self.services * (all / self.of).max(each)
    }
}

/// How long a run must be at a utilization, and how long it is: as long as is asked, else with at
/// most so many requests, of which there are no more in its warm-up either.
pub(super) fn length(
    scenario: &Scenario,
    load: &Load,
    (utilization, rate): (f64, f64),
    (asked, most): (Option<Duration>, f64),
) -> Result<Length, Problem> {
    let memories = memories(scenario, ties(scenario)?, utilization);
    let slowest = scenario.pool.values().map(|pool| pool.speed).fold(f64::INFINITY, f64::min);
    let service = load.service / slowest;
    let bursts = (0.5 * (load.arrival_scv + load.service_scv)).max(1.0);
    let longest = memories.iter().map(|memory| memory.services).fold(0.0, f64::max);
    let watched = memories.iter().map(Memory::watched).fold(0.0, f64::max);
    let (found, followed) = follows(scenario).unwrap_or((0.0, 0.0));
    let needed = (watched * bursts * service * rate).max(found * rate).max(SHORT);
    let warm_up = (FORGOTTEN * (longest * bursts + 1.0) * service).max(found);
    // Powers of two: neighbours have runs of one length, on the same requests.
    let whole = SHORT * 2.0_f64.powf((needed.max(followed * rate) / SHORT).log2().ceil());
    let requests = asked.map_or(whole.min(most), |asked| asked.as_secs_f64() * rate);
    let forgotten = warm_up.max(followed).min(most / rate);
    Ok(Length {
        warm_up: Duration::from_secs_f64(forgotten),
        requests,
        short: requests < needed || forgotten < warm_up,
    })
}

/// Seconds in which an autoscaler finds its place, at least, and those that show what it makes of
/// it, where the effort allows: what it looks back on, and a few starts. Nothing where no pool has
/// one.
fn follows(scenario: &Scenario) -> Option<(f64, f64)> {
    let scaled = scenario.pool.values().filter(|pool| pool.autoscaler.is_some());
    let starts = |pool| STARTS * scenario.mean_startup(pool).as_secs_f64();
    let starts = scaled.map(starts).reduce(f64::max)?;
    Some((LOOKS + starts, LOOKS_BACK + starts))
}

fn memories(scenario: &Scenario, ties: Ties, utilization: f64) -> Vec<Memory> {
    let pools = || scenario.pool.values();
    let all: f64 = pools().map(|pool| f64::from(pool.slots) * f64::from(pool.servers)).sum();
    let servers: f64 = pools().map(|pool| f64::from(pool.servers)).sum();
    let one = pools().map(|pool| f64::from(pool.slots)).fold(f64::INFINITY, f64::min);
    let of_queue = |slots: f64| 1.0 / (slots * (1.0 - utilization.sqrt()).powi(2));
    let together = Memory { services: of_queue(all), of: 1.0 };
    match ties {
        Ties::One => vec![together],
        Ties::Apart => vec![Memory { services: of_queue(one), of: servers }],
        Ties::Level => {
            let idle = 1.0 - utilization;
            let level = (1.0 / idle).ln().max(1.0) / (one * idle);
            vec![together, Memory { services: level.min(of_queue(one)), of: servers }]
        }
    }
}

fn ties(scenario: &Scenario) -> Result<Ties, Problem> {
    if scenario.balancer.queue() == QueuePlace::Shared {
        return Ok(Ties::One);
    }
    let plant = scenario.plant(Seed::new(scenario.seed, 0))?;
    // One of several balancers, and one that learns of loads late, do not see queues as they are.
    let [balancer] = plant.balancers.as_slice() else { return Ok(Ties::Apart) };
    let sees = balancer.sight() == Sight::Counts && plant.reporting.is_none();
    Ok(if sees { Ties::Level } else { Ties::Apart })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(servers: u32, balancer: &str, utilization: f64) -> f64 {
        let text = format!(
            "traffic.a = {{ arrivals = 'poisson:rate=8/s', service = 'exponential:mean=1s' }}\n\
             pool.a = {{ servers = {servers} }}\nbalancer = {{ {balancer} }}"
        );
        let document = crate::document::Node::from_toml("a.toml", &text).unwrap();
        let scenario = Scenario::from_document(&document, std::path::Path::new("")).unwrap();
        let all = memories(&scenario, ties(&scenario).unwrap(), utilization);
        all.iter().map(Memory::watched).fold(0.0, f64::max)
    }

    #[test]
    fn queues_that_somebody_keeps_level_forget_sooner_than_those_that_nobody_looks_at() {
        let (one, level) = ("policy = 'random', queue = 'shared'", "policy = 'least-connections'");
        for utilization in [0.5, 0.8, 0.95, 0.99] {
            let shared = services(100, one, utilization);
            let kept = services(100, level, utilization);
            let apart = services(100, "policy = 'random'", utilization);
            assert!(shared <= kept && kept < apart, "{shared} {kept} {apart} at {utilization}");
        }
        // Close to saturation nothing is watched for longer than the effort allows, which is told.
        let text = "traffic.a = { arrivals = 'poisson:rate=8/s', service = 'exponential:mean=1s' }";
        let document = crate::document::Node::from_toml("a.toml", text).unwrap();
        let scenario = Scenario::from_document(&document, std::path::Path::new("")).unwrap();
        let load = Load::of(&scenario, &()).unwrap().unwrap();
        let cut = length(&scenario, &load, (0.99999, 8.0), (None, 1e6)).unwrap();
        assert!(cut.short && cut.requests <= 1e6 && cut.warm_up.as_secs_f64() <= 1e6 / 8.0);
        let whole = length(&scenario, &load, (0.5, 8.0), (None, 1e6)).unwrap();
        assert!(!whole.short && whole.requests >= SHORT);
        // A single server is a single queue, whoever sends to it.
        let alone = services(1, "policy = 'random'", 0.9);
        assert!((services(1, one, 0.9) / alone - 1.0).abs() < 1e-12);
        assert!((services(1, level, 0.9) / alone - 1.0).abs() < 1e-12);
        // Two balancers, each with what it sent itself, keep nothing level.
        let two = services(100, "policy = 'least-connections', balancers = 2", 0.9);
        assert!((two / services(100, "policy = 'random'", 0.9) - 1.0).abs() < 1e-12);
    }
}
