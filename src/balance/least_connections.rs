//! The server with the fewest requests in flight.
//!
//! **What it does.** Takes a candidate with the fewest requests in flight from this balancer per
//! weight; `ties` says which of several. O(1) with equal weights and random ties, for servers then
//! stand in buckets by their count, else O(log n); **`ties = "smooth-weighted"` scans all servers**
//! at each pick, as nginx does.
//! **When it shines.** One balancer that sees everything: close to the shortest queue.
//! **When it fails.** Several balancers with partial or stale views herd onto the same server; a
//! server that fails fast looks idle and draws all traffic.
//! **Source.** nginx `least_conn` (`ties = "smooth-weighted"`), HAProxy `leastconn` (`ties =
//! "rotate", load = "haproxy"`), IPVS `wlc` (`ties = "first"`); join the shortest queue in theory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::{Among, Counted, Key, LoadIndex, some_weight};
use super::turns::{Smooth, Turns};
use super::{Balancer, Pick, Setup, Sight};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;

/// Options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Who of several equally loaded servers: `random`, `smooth-weighted`, `rotate` or `first`.
    ties: Ties,
    /// What is compared: `in-flight` (requests per weight) or `haproxy` (the same with the new
    /// request included, in whole numbers, idle servers always first).
    load: Load,
}

/// The tie rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Ties {
    /// Any of them, with the same probability.
    #[default]
    Random,
    /// nginx: a step of smooth weighted round-robin among them.
    SmoothWeighted,
    /// HAProxy: first come, first served, which comes to round-robin.
    Rotate,
    /// IPVS: the lowest number.
    First,
}

/// What is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Load {
    /// Requests in flight per weight.
    #[default]
    InFlight,
    /// HAProxy's integer key.
    Haproxy,
}

/// The policy.
#[derive(Debug)]
pub struct LeastConnections {
    config: Config,
    index: Index,
    /// The weight that all servers share, once there is a server.
    weight: Option<u32>,
    smooth: Smooth,
}

/// Buckets while all weights are equal and ties are drawn, else a tree.
#[derive(Debug)]
enum Index {
    Buckets(LoadIndex),
    Tree(Counted),
}

impl Variant<dyn Balancer> for LeastConnections {
    const NAME: &'static str = "least-connections";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        some_weight(setup.fleet)?;
        let mut policy = Self {
            index: if config.ties == Ties::Random && config.load == Load::InFlight {
                Index::Buckets(LoadIndex::default())
            } else {
                Index::Tree(tree(config))
            },
            config: config.clone(),
            weight: None,
            smooth: Smooth::default(),
        };
        for server in setup.fleet.members().in_order() {
            policy.on_fleet(FleetChange::Joined(server), setup.fleet);
        }
        Ok(Box::new(policy))
    }
}

fn tree(config: &Config) -> Counted {
    let key = if config.load == Load::Haproxy { Key::Haproxy } else { Key::PerWeight };
    let among = match config.ties {
        Ties::Random => Among::Drawn,
        Ties::Rotate => Among::FirstCome,
        Ties::First | Ties::SmoothWeighted => Among::InOrder,
    };
    Counted::new(&Fleet::default(), key, among, |spec| f64::from(spec.weight))
}

impl LeastConnections {
    /// Buckets are for servers of one weight: another one makes them a tree.
    fn look_at_weight(&mut self, server: ServerId, fleet: &Fleet) {
        let weight = fleet.spec(server).weight;
        let same = *self.weight.get_or_insert(weight) == weight && weight > 0;
        if same {
            return;
        }
        if let Index::Buckets(buckets) = &self.index {
            let mut tree = tree(&self.config);
            for (server, count) in buckets.counts() {
                tree.change(FleetChange::Joined(server), fleet);
                tree.set(server, count);
            }
            self.index = Index::Tree(tree);
        }
    }
}

impl Balancer for LeastConnections {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        let among = view.candidates;
        let found = match (&self.index, self.config.ties) {
            (Index::Buckets(index), _) => index.least(among, stream),
            (Index::Tree(tree), Ties::Random) => tree.any(among, stream),
            (Index::Tree(tree), Ties::SmoothWeighted) => self.smooth.step(tree.ties(among)),
            (Index::Tree(tree), Ties::Rotate | Ties::First) => tree.first(among),
        };
        // Where only servers of weight 0 are left, they are all there is.
        found.or_else(|| among.next_from(0)).map_or(Pick::Refuse, Pick::Server)
    }

    fn on_send(&mut self, _: &Request, server: ServerId) {
        match &mut self.index {
            Index::Buckets(index) => index.raise(server),
            Index::Tree(tree) => tree.sent(server),
        }
    }

    fn on_left(&mut self, server: ServerId) {
        match &mut self.index {
            Index::Buckets(index) => index.lower(server),
            Index::Tree(tree) => tree.left(server),
        }
    }

    fn on_count(&mut self, server: ServerId, count: u32) {
        match &mut self.index {
            Index::Buckets(index) => index.set(server, count),
            Index::Tree(tree) => tree.set(server, count),
        }
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        if let FleetChange::Joined(server) = change {
            self.look_at_weight(server, fleet);
        }
        match (&mut self.index, change) {
            (Index::Buckets(index), FleetChange::Joined(server)) => index.join(server),
            (Index::Buckets(index), FleetChange::Left(server)) => index.leave(server),
            (Index::Tree(tree), _) => tree.change(change, fleet),
        }
        match change {
            FleetChange::Joined(server) => self.smooth.join(server, fleet.spec(server).weight),
            FleetChange::Left(server) => self.smooth.leave(server),
        }
    }

    fn sight(&self) -> Sight {
        Sight::Counts
    }
}
