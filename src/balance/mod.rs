//! Which server: the trait of a balancer and the registry of its policies, one file each.

pub mod first;
pub mod join_idle_queue;
pub mod join_shortest_queue;
pub mod least_connections;
pub mod least_request;
pub mod least_work_left;
pub mod never_queue;
pub mod power_of_choices;
pub mod random;
pub mod round_robin;
pub mod shortest_expected_delay;
pub mod weighted_random;
pub mod weighted_round_robin;

mod tools;
mod turns;

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

/// A policy that chooses a server for each request by what a real balancer can know.
pub trait Balancer {
    /// Chooses one of `view.candidates`, of which there is at least one.
    fn pick(&mut self, request: &Request, view: &View<'_>, stream: &mut Stream) -> Pick;

    /// A request has been sent to a server, picked by this balancer or handed to a freed slot.
    fn on_send(&mut self, _request: &Request, _server: ServerId) {}

    /// A request that was sent has ended, however it ended.
    fn on_done(&mut self, _done: &Completion) {}

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

    /// Whether the choice depends on nothing that happens to requests after they were sent.
    ///
    /// In front of such a policy no events are needed: each server is a recursion of its own.
    fn is_blind(&self) -> bool {
        false
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
}

impl<'a> Setup<'a> {
    /// The only balancer before a fleet, for requests that carry keys.
    pub fn new(fleet: &'a Fleet) -> Self {
        Self { fleet, balancer: 0, balancers: 1, keys: true }
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
];
