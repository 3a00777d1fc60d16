//! Which server: the trait of a balancer and the registry of its policies, one file each.
//!
//! | by what | policies |
//! | --- | --- |
//! | weights alone | [`random`], [`weighted_random`], [`round_robin`], [`weighted_round_robin`] |
//! | requests in flight | [`least_connections`], [`least_request`], [`power_of_choices`] |
//! | the same and slots or rates | [`first`], [`shortest_expected_delay`], [`never_queue`] |
//! | the truth | [`join_shortest_queue`], [`join_idle_queue`], [`least_work_left`] |
//! | response times | [`lowest_response_time`], [`response_time_share`], [`least_time`] |
//! | both | [`peak_ewma`], [`c3`], [`prequal`] |
//! | reports | [`utilization_weighted`], [`resource_score`] |
//! | keys | [`source_hash`], [`key_hash`], [`ring`], [`maglev`], [`rendezvous`], [`jump`] |
//! | what was learnt | [`predicted_latency`], [`ucb1`], [`thompson_sampling`], [`exp3`] |
//! | tiers, zones | [`tiers`], [`spillover`], [`zone_aware`], [`locality_weighted`] |
//! | the same by reports | [`load_aware_zones`] |
//! | around others | [`subset`], [`aperture`], [`sticky`], [`stale`] |
//!
//! A policy sees its [`View`] and nothing else; what it is told, in which order, the methods of
//! [`Balancer`] say. `keyed` and `levels` are what policies by key and those of several levels
//! share, `turns` the schedules of weighted round-robin.
#![doc = include_str!("../../benches/balance.md")]

pub mod aperture;
pub mod c3;
pub mod exp3;
pub mod first;
pub mod join_idle_queue;
pub mod join_shortest_queue;
pub mod jump;
pub mod key_hash;
pub mod least_connections;
pub mod least_request;
pub mod least_time;
pub mod least_work_left;
pub mod load_aware_zones;
pub mod locality_weighted;
pub mod lowest_response_time;
pub mod maglev;
pub mod never_queue;
pub mod peak_ewma;
pub mod power_of_choices;
pub mod predicted_latency;
pub mod prequal;
pub mod random;
pub mod rendezvous;
pub mod resource_score;
pub mod response_time_share;
pub mod ring;
pub mod round_robin;
pub mod shortest_expected_delay;
pub mod source_hash;
pub mod spillover;
pub mod stale;
pub mod sticky;
pub mod subset;
pub mod thompson_sampling;
pub mod tiers;
pub mod ucb1;
pub mod utilization_weighted;
pub mod weighted_random;
pub mod weighted_round_robin;
pub mod zone_aware;

mod keyed;
mod levels;
mod tools;
mod turns;

use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Completion, Request, ServerId};
use crate::registry::{Entry, Role};
use crate::rng::Stream;

/// What a balancer does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Sends it to this server, one of the view's candidates.
    Server(ServerId),
    /// Keeps it until a slot is free; only where the queue stands before the pool.
    Hold,
    /// Turns it away.
    Refuse,
}

/// How much of what happens to requests after they were sent a policy looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// Nothing: no events are needed, each server is a recursion of its own.
    Nothing,
    /// How many requests each server has (`View::in_flight`, `on_send`, `on_left`), and no times.
    Counts,
    /// Whatever a balancer can know.
    Everything,
}

impl Sight {
    /// That of a policy around another one that looks at no more than its own requests by itself.
    #[must_use]
    pub fn around(self) -> Self {
        if self == Self::Nothing { self } else { Self::Everything }
    }
}

/// A policy that chooses a server for each request by what a real balancer can know.
pub trait Balancer: std::fmt::Debug {
    /// Chooses one of `view.candidates`, of which there is at least one.
    fn pick(&mut self, request: &Request, view: &View<'_>, stream: &mut Stream) -> Pick;

    /// A request has been sent to a server, picked by this balancer or handed to a freed slot.
    fn on_send(&mut self, _request: &Request, _server: ServerId) {}

    /// A request that was sent has left its server, however it ended: for policies that only count.
    fn on_left(&mut self, _server: ServerId) {}

    /// A request that was sent has ended, however it ended: for policies that want to know how.
    fn on_done(&mut self, done: &Completion) {
        if let Some(server) = done.server {
            self.on_left(server);
        }
    }

    /// A server has failed a request: where weights fall with failures (nginx), its weight falls by
    /// one of `parts` of it for a while.
    fn on_failure(&mut self, _server: ServerId, _parts: u32) {}

    /// A server has joined or left the candidates.
    fn on_fleet(&mut self, _change: FleetChange, _fleet: &Fleet) {}

    /// How many requests this balancer now believes a server has, where its counts do not come from
    /// its own requests (`stale`). Comes after `on_send` and `on_done`, and overrules them.
    fn on_count(&mut self, _server: ServerId, _count: u32) {}

    /// A server has fallen idle and reports so to this balancer (see `idle_lists`).
    fn on_idle(&mut self, _server: ServerId) {}

    /// How many balancers' lists of idle servers a server looks at when it falls idle, to report to
    /// the shortest; 0 when idle servers need not report.
    fn idle_lists(&self) -> u32 {
        0
    }

    /// How many idle servers this balancer has on its list.
    fn idle_listed(&self) -> usize {
        0
    }

    /// Where the policy sends to priorities (tiers): by how much each may be loaded beyond its
    /// share of healthy servers before the next one helps.
    fn overprovisioning(&self) -> Option<f64> {
        None
    }

    /// How much of what happens to requests after they were sent the choice depends on: the less it
    /// is, the faster the engine can be.
    fn sight(&self) -> Sight {
        Sight::Everything
    }
}

/// What a balancer is told when it is built.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The fleet at the start.
    pub fleet: &'a Fleet,
    /// Which of the balancers this is, from 0.
    pub balancer: u32,
    /// How many balancers there are.
    pub balancers: u32,
    /// Whether the requests carry keys that mean something.
    pub keys: bool,
    /// Whether servers report their load (`View::report`).
    pub reports: bool,
    /// Whether more servers may join the fleet later.
    pub grows: bool,
    /// The names of zones, by number; where there are none, a zone's number is its name.
    pub zones: &'a [String],
}

impl<'a> Setup<'a> {
    /// The only balancer before a fixed fleet whose servers report, for requests that carry keys.
    pub fn new(fleet: &'a Fleet) -> Self {
        Self {
            fleet,
            balancer: 0,
            balancers: 1,
            keys: true,
            reports: true,
            grows: false,
            zones: &[],
        }
    }

    /// Refuses to choose among more servers than there will ever be.
    fn has_servers(&self, key: &'static str, wanted: usize, help: &str) -> Result<(), Problem> {
        let servers = self.fleet.members().len();
        if wanted <= servers || self.grows {
            return Ok(());
        }
        let message = match servers {
            1 => format!("`{key}` = {wanted}, but there is only one server to choose"),
            _ => format!("`{key}` = {wanted}, but there are only {servers} servers to choose from"),
        };
        Err(Problem::about(key, message).help(help))
    }
}

impl Role for dyn Balancer {
    const KIND: &'static str = "balancer";
    const KEY: &'static str = "policy";
    type Setup<'a> = Setup<'a>;
    fn registry() -> &'static [Entry<Self>] {
        REGISTRY
    }
}

const REGISTRY: &[Entry<dyn Balancer>] = &[
    Entry::of::<random::Random>(include_str!("random.rs")),
    Entry::of::<weighted_random::WeightedRandom>(include_str!("weighted_random.rs")),
    Entry::of::<round_robin::RoundRobin>(include_str!("round_robin.rs")),
    Entry::of::<weighted_round_robin::WeightedRoundRobin>(include_str!("weighted_round_robin.rs")),
    Entry::of::<first::First>(include_str!("first.rs")),
    Entry::of::<least_connections::LeastConnections>(include_str!("least_connections.rs")),
    Entry::of::<least_request::LeastRequest>(include_str!("least_request.rs")),
    Entry::of::<power_of_choices::PowerOfChoices>(include_str!("power_of_choices.rs")),
    Entry::of::<join_shortest_queue::JoinShortestQueue>(include_str!("join_shortest_queue.rs")),
    Entry::of::<join_idle_queue::JoinIdleQueue>(include_str!("join_idle_queue.rs")),
    Entry::of::<least_work_left::LeastWorkLeft>(include_str!("least_work_left.rs")),
    Entry::of::<shortest_expected_delay::ShortestExpectedDelay>(include_str!(
        "shortest_expected_delay.rs"
    )),
    Entry::of::<never_queue::NeverQueue>(include_str!("never_queue.rs")),
    Entry::of::<lowest_response_time::LowestResponseTime>(include_str!("lowest_response_time.rs")),
    Entry::of::<response_time_share::ResponseTimeShare>(include_str!("response_time_share.rs")),
    Entry::of::<least_time::LeastTime>(include_str!("least_time.rs")),
    Entry::of::<peak_ewma::PeakEwma>(include_str!("peak_ewma.rs")),
    Entry::of::<c3::C3>(include_str!("c3.rs")),
    Entry::of::<prequal::Prequal>(include_str!("prequal.rs")),
    Entry::of::<utilization_weighted::UtilizationWeighted>(include_str!("utilization_weighted.rs")),
    Entry::of::<resource_score::ResourceScore>(include_str!("resource_score.rs")),
    Entry::of::<source_hash::SourceHash>(include_str!("source_hash.rs")),
    Entry::of::<key_hash::KeyHash>(include_str!("key_hash.rs")),
    Entry::of::<ring::Ring>(include_str!("ring.rs")),
    Entry::of::<maglev::Maglev>(include_str!("maglev.rs")),
    Entry::of::<rendezvous::Rendezvous>(include_str!("rendezvous.rs")),
    Entry::of::<jump::Jump>(include_str!("jump.rs")),
    Entry::of::<sticky::Sticky>(include_str!("sticky.rs")),
    Entry::of::<predicted_latency::PredictedLatency>(include_str!("predicted_latency.rs")),
    Entry::of::<ucb1::Ucb1>(include_str!("ucb1.rs")),
    Entry::of::<thompson_sampling::ThompsonSampling>(include_str!("thompson_sampling.rs")),
    Entry::of::<exp3::Exp3>(include_str!("exp3.rs")),
    Entry::of::<tiers::Tiers>(include_str!("tiers.rs")),
    Entry::of::<spillover::Spillover>(include_str!("spillover.rs")),
    Entry::of::<zone_aware::ZoneAware>(include_str!("zone_aware.rs")),
    Entry::of::<locality_weighted::LocalityWeighted>(include_str!("locality_weighted.rs")),
    Entry::of::<load_aware_zones::LoadAwareZones>(include_str!("load_aware_zones.rs")),
    Entry::of::<subset::Subset>(include_str!("subset.rs")),
    Entry::of::<aperture::Aperture>(include_str!("aperture.rs")),
    Entry::of::<stale::Stale>(include_str!("stale.rs")),
];
