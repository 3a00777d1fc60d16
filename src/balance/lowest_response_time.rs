//! The server that has been answering soonest.
//!
//! **What it does.** Keeps an exponentially weighted mean of each server's response time and takes
//! the candidate with the lowest, any on a tie. A server without a mean, be it new or not heard of
//! for `forget`, is tried first, with one request at a time. O(log n).
//! **When it shines.** Servers of different and unknown speed at low load.
//! **When it fails.** Any real load: everything goes to the server that was best a moment ago (the
//! herd); `peak-ewma` and `least-time` weigh requests in flight too.
//! **Source.** The lowest-latency policies of Vulcand and early service meshes.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::{Latencies, MinTree};
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Completion, Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::{Duration, Instant};

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The weight of a new response time in the mean, above 0 and up to 1.
    smoothing: f64,
    /// How long a mean lasts without a new response; then the server is tried again.
    forget: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self { smoothing: 0.2, forget: Duration::from_secs(10) }
    }
}

/// Refuses weights of a new measurement that are none.
pub(super) fn check_smoothing(smoothing: f64) -> Result<(), Problem> {
    if smoothing > 0.0 && smoothing <= 1.0 {
        return Ok(());
    }
    let message = format!("`smoothing` = {smoothing} is not above 0 and up to 1");
    Err(Problem::about("smoothing", message)
        .help("0.2 is usual; 1 looks at the last response only"))
}

/// The policy: servers by mean, and when each mean is to be forgotten.
#[derive(Debug)]
pub struct LowestResponseTime {
    latencies: Latencies,
    forget: Duration,
    /// Instants in order; only a server's last one counts.
    fading: VecDeque<(Instant, ServerId)>,
    heard: Vec<Instant>,
    in_flight: Vec<u32>,
    tree: MinTree,
}

impl Variant<dyn Balancer> for LowestResponseTime {
    const NAME: &'static str = "lowest-response-time";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        check_smoothing(config.smoothing)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let mut policy = Self {
            latencies: Latencies::new(config.smoothing),
            forget: config.forget,
            fading: VecDeque::new(),
            heard: Vec::new(),
            in_flight: Vec::new(),
            tree: MinTree::default(),
        };
        for server in setup.fleet.members().in_order() {
            policy.on_fleet(FleetChange::Joined(server), setup.fleet);
        }
        Ok(Box::new(policy))
    }
}

impl LowestResponseTime {
    /// An unknown server that is being tried comes after all that are known.
    fn place(&mut self, server: ServerId) {
        if self.tree.contains(server) {
            let mean = self.latencies.get(server);
            let busy = self.in_flight[server.index()] > 0;
            self.tree.set(server, if mean == 0.0 && busy { f64::MAX } else { mean }, 0);
        }
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some(&(at, server)) = self.fading.front()
            && at + self.forget < now
        {
            self.fading.pop_front();
            if self.heard[server.index()] + self.forget < now {
                self.latencies.forget(server);
                self.place(server);
            }
        }
    }
}

impl Balancer for LowestResponseTime {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        self.forget_old(view.now);
        self.tree.any(view.candidates, stream).map_or(Pick::Refuse, Pick::Server)
    }

    fn on_send(&mut self, _: &Request, server: ServerId) {
        self.in_flight[server.index()] += 1;
        self.place(server);
    }

    fn on_done(&mut self, done: &Completion) {
        let Some(server) = done.server else { return };
        self.in_flight[server.index()] -= 1;
        if self.latencies.learn(done).is_some() {
            self.heard[server.index()] = done.ended;
            self.fading.push_back((done.ended, server));
        }
        self.place(server);
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        self.latencies.change(change, fleet);
        match change {
            FleetChange::Joined(server) => {
                if server.index() >= self.heard.len() {
                    self.heard.resize(server.index() + 1, Instant::START);
                    self.in_flight.resize(server.index() + 1, 0);
                }
                self.tree.set(server, 0.0, 0);
                self.place(server);
            }
            FleetChange::Left(server) => self.tree.remove(server),
        }
    }
}
