//! A server that has said it is idle; any server when none has.
//!
//! **What it does.** A server that falls idle puts itself on the list of a balancer drawn at random
//! (`lists = 1`), or of the one with the shortest list of `lists` drawn. A balancer sends a request
//! to a server of its list, drawn at random and taken off, or, when the list is empty, to any
//! candidate. O(1). At the start the servers are dealt to the lists in turn. With several balancers
//! `dealt = "random"` in `[balancer]` deals requests at random, as the paper has it; in turn, the
//! default, leaves fewer lists empty.
//! **When it shines.** Many balancers and servers: no probing, no waiting for answers.
//! **When it fails.** Few servers or very high load, when hardly anyone is idle: then it is
//! `random`.
//! **What it sees.** Whether a server on its list has been sent something by another balancer
//! (`view.truth()`), which stands for the server's taking itself off; `withdraw = false` does
//! without.
//! **Source.** Lu, Xie, Kliot, Geller, Larus and Greenberg 2011. With one balancer and many servers
//! nobody waits (Stolyar 2015).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, ServerSet, View};
use crate::model::{Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// How many balancers' lists an idle server looks at to report to the shortest, at least 1.
    lists: u32,
    /// Whether a server takes itself off a list when another balancer sends it a request.
    withdraw: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { lists: 1, withdraw: true }
    }
}

/// The policy: the list, and who is a member at all.
#[derive(Debug)]
pub struct JoinIdleQueue {
    config: Config,
    idle: ServerSet,
    members: ServerSet,
    /// Which of the lists this one is: a server that is new stands on one of them.
    lists: (u32, u32),
}

impl Variant<dyn Balancer> for JoinIdleQueue {
    const NAME: &'static str = "join-idle-queue";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.lists > 0 {
            return Ok(());
        }
        let message = "`lists` must be at least 1: an idle server reports to someone";
        Err(Problem::about("lists", message).help("1 is the usual number, 2 balances the lists"))
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        if config.lists > setup.balancers.max(1) {
            let (lists, balancers) = (config.lists, setup.balancers);
            let message =
                format!("`lists` = {lists}, but there are lists of {balancers} balancers");
            return Err(Problem::about("lists", message)
                .help("lower `lists`, or let there be more balancers"));
        }
        let members = setup.fleet.members().clone();
        let mut idle = ServerSet::default();
        let lists = (setup.balancer, setup.balancers.max(1));
        for server in members.in_order() {
            idle.insert_or_remove(server, server.0 % lists.1 == lists.0);
        }
        Ok(Box::new(Self { config: config.clone(), idle, members, lists }))
    }
}

impl Balancer for JoinIdleQueue {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        let candidates = view.candidates.as_slice();
        while !self.idle.is_empty() {
            let at = stream.below(self.idle.len() as u32) as usize;
            let server = self.idle.as_slice()[at];
            self.idle.insert_or_remove(server, false);
            // A withdrawal has arrived by the time it matters: the truth stands for it.
            let stale = self.config.withdraw && view.truth().in_flight(server) > 0;
            if !stale && view.candidates.contains(server) {
                return Pick::Server(server);
            }
        }
        Pick::Server(candidates[stream.below(candidates.len() as u32) as usize])
    }

    fn on_send(&mut self, _: &Request, server: ServerId) {
        self.idle.insert_or_remove(server, false);
    }

    fn on_idle(&mut self, server: ServerId) {
        if self.members.contains(server) {
            self.idle.insert_or_remove(server, true);
        }
    }

    fn idle_lists(&self) -> u32 {
        self.config.lists
    }

    fn idle_listed(&self) -> usize {
        self.idle.len()
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        match change {
            FleetChange::Joined(server) => {
                self.members.insert_or_remove(server, true);
                let (own, all) = self.lists;
                let mine = server.0 % all == own;
                self.idle.insert_or_remove(server, mine && fleet.in_flight(server) == 0);
            }
            FleetChange::Left(server) => {
                self.members.insert_or_remove(server, false);
                self.idle.insert_or_remove(server, false);
            }
        }
    }
}
