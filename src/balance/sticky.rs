//! The server that served this key before; for a new key, whomever another policy picks.
//!
//! **What it does.** Remembers which server each key was sent to. Later requests of the key go
//! there as long as the server is in the fleet and was used for the key within `ttl`; everything
//! else is the `fallback` policy's choice, which is remembered in its turn if the request has a
//! key. A server that is full (behind a shared queue) is left out for the one request only. O(1)
//! beside the fallback.
//! **When it shines.** Sessions with state on the server, caches of conversations.
//! **When it fails.** Long-lived keys stay where they were after the fleet has grown; heavy keys of
//! one server cannot be moved.
//! **Source.** HAProxy stick tables and cookies, nginx `sticky`, session affinity of cloud
//! balancers.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keyed::{KEYLESS, needs_keys};
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, ServerSet, View};
use crate::model::{Completion, Request, ServerId};
use crate::registry::{Recipe, Variant};
use crate::rng::Stream;
use crate::time::{Duration, Instant};

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The policy for keys that have no server.
    fallback: Recipe<dyn Balancer>,
    /// How long a key keeps its server without a request; absent: for good.
    ttl: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        let fallback = Recipe::named("least-connections").expect("a policy of this registry");
        Self { fallback, ttl: None }
    }
}

/// The policy: each key's server and when it was last used.
#[derive(Debug)]
pub struct Sticky {
    fallback: Box<dyn Balancer>,
    ttl: Duration,
    homes: IndexMap<u64, (ServerId, Instant)>,
    members: ServerSet,
    now: Instant,
    /// The number of keys at which those that have expired are looked for.
    sweep_at: usize,
}

const FIRST_SWEEP: usize = 4096;

impl Variant<dyn Balancer> for Sticky {
    const NAME: &'static str = "sticky";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.ttl != Some(Duration::ZERO) {
            return Ok(());
        }
        let message = "`ttl` = 0 would forget every key at once";
        Err(Problem::about("ttl", message).help("leave it out to remember keys for good"))
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        needs_keys(setup)?;
        Ok(Box::new(Self {
            fallback: config.fallback.build(setup)?,
            ttl: config.ttl.unwrap_or(Duration::FOREVER),
            homes: IndexMap::new(),
            members: setup.fleet.members().clone(),
            now: Instant::START,
            sweep_at: FIRST_SWEEP,
        }))
    }
}

impl Sticky {
    fn is_valid(&self, home: (ServerId, Instant)) -> bool {
        self.members.contains(home.0) && self.now <= home.1 + self.ttl
    }

    fn sweep(&mut self) {
        let (members, now, ttl) = (&self.members, self.now, self.ttl);
        self.homes.retain(|_, (server, used)| members.contains(*server) && now <= *used + ttl);
        self.sweep_at = FIRST_SWEEP.max(2 * self.homes.len());
    }
}

impl Balancer for Sticky {
    fn pick(&mut self, request: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        self.now = view.now;
        if let Some(&home) = self.homes.get(&request.key)
            && self.is_valid(home)
            && view.candidates.contains(home.0)
        {
            return Pick::Server(home.0);
        }
        self.fallback.pick(request, view, stream)
    }

    fn on_send(&mut self, request: &Request, server: ServerId) {
        self.fallback.on_send(request, server);
        if request.key == KEYLESS {
            return;
        }
        let home = self.homes.get(&request.key).copied().filter(|&home| self.is_valid(home));
        let server = home.map_or(server, |(server, _)| server);
        self.homes.insert(request.key, (server, self.now));
        if self.homes.len() >= self.sweep_at {
            self.sweep();
        }
    }

    fn on_done(&mut self, done: &Completion) {
        self.fallback.on_done(done);
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        match change {
            FleetChange::Joined(server) => self.members.insert_or_remove(server, true),
            FleetChange::Left(server) => self.members.insert_or_remove(server, false),
        }
        self.fallback.on_fleet(change, fleet);
    }

    fn on_count(&mut self, server: ServerId, count: u32) {
        self.fallback.on_count(server, count);
    }

    fn on_failure(&mut self, server: ServerId, parts: u32) {
        self.fallback.on_failure(server, parts);
    }

    fn overprovisioning(&self) -> Option<f64> {
        self.fallback.overprovisioning()
    }

    fn on_idle(&mut self, server: ServerId) {
        self.fallback.on_idle(server);
    }

    fn idle_lists(&self) -> u32 {
        self.fallback.idle_lists()
    }

    fn idle_listed(&self) -> usize {
        self.fallback.idle_listed()
    }
}
