//! A few servers of many for each balancer, another policy among them.
//!
//! **What it does.** Each balancer knows `size` servers only. `deterministic` deals shuffled
//! servers out in blocks, so that every server is in as many subsets as any other; `random` takes
//! the servers with the lowest hash of their name and the balancer, which changes by one when a
//! server comes or goes. The policy `inside` picks among them. O(n log n) when the fleet changes.
//! **When it shines.** Many balancers before many servers: fewer connections and health checks.
//! **When it fails.** Subsets too small: few balancers make uneven load that no policy inside can
//! see.
//! **Source.** Google's deterministic subsetting (Site Reliability Engineering, 2016, ch. 20);
//! gRPC's random subsetting (gRFC A68).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::levels::restrict;
use super::tiers::inside;
use super::tools::{Roster, xxh64};
use super::{Balancer, Pick, Setup, Sight};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, ServerSet, State, View};
use crate::model::{Completion, Request, ServerId};
use crate::registry::{Recipe, Variant};
use crate::rng::{Stream, split_mix};

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Servers in a subset; absent: 20, or all when there are fewer.
    size: Option<usize>,
    /// How subsets are made: `deterministic` or `random`.
    form: Form,
    /// The policy within the subset.
    inside: Recipe<dyn Balancer>,
}

impl Default for Config {
    fn default() -> Self {
        Self { size: None, form: Form::Deterministic, inside: inside() }
    }
}

/// How subsets are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Form {
    /// Blocks of a list that is shuffled anew for each round of balancers.
    Deterministic,
    /// The lowest hashes.
    Random,
}

const USUAL: usize = 20;

/// The block of balancer `balancer`: rounds of n / size balancers share one shuffled list.
fn deterministic(servers: &[ServerId], size: usize, balancer: u32) -> Vec<ServerId> {
    let subsets = (servers.len() / size).max(1) as u32;
    let (round, block) = (balancer / subsets, (balancer % subsets) as usize);
    let mut list = servers.to_vec();
    let mut state = split_mix(u64::from(round) ^ 0x5355_4253_4554);
    for at in (1..list.len()).rev() {
        state = split_mix(state.wrapping_add(0x9e37_79b9_7f4a_7c15));
        let other = ((u128::from(state) * (at as u128 + 1)) >> 64) as usize;
        list.swap(at, other);
    }
    list.into_iter().skip(block * size).take(size).collect()
}

/// The servers with the lowest hashes of their name, the balancer being the seed.
fn random(servers: &[ServerId], size: usize, balancer: u32) -> Vec<ServerId> {
    let hash = |server: &ServerId| xxh64(server.0.to_string().as_bytes(), u64::from(balancer));
    let mut list: Vec<(u64, ServerId)> = servers.iter().map(|id| (hash(id), *id)).collect();
    list.sort_unstable();
    list.into_iter().take(size).map(|(_, server)| server).collect()
}

/// The policy.
#[derive(Debug)]
pub struct Subset {
    size: usize,
    form: Form,
    balancer: u32,
    roster: Roster,
    mine: ServerSet,
    open: ServerSet,
    inside: Box<dyn Balancer>,
}

impl Variant<dyn Balancer> for Subset {
    const NAME: &'static str = "subset";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.size != Some(0) {
            return Ok(());
        }
        Err(Problem::about("size", "`size` = 0 leaves no server to choose")
            .help("20 to 100 is usual for large fleets"))
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let roster = Roster::of(setup.fleet);
        let servers = roster.as_slice();
        let help = "lower `size`, or leave it out: 20, or all when there are fewer";
        setup.has_servers("size", config.size.unwrap_or(1), help)?;
        let (size, form) = (config.size.unwrap_or(USUAL), config.form);
        let mut mine = ServerSet::default();
        for server in choose(form, servers, size, setup.balancer) {
            mine.insert_or_remove(server, true);
        }
        let mut fleet = setup.fleet.clone();
        for &server in servers.iter().filter(|&&server| !mine.contains(server)) {
            fleet.set_state(server, State::Gone);
        }
        let inside = config.inside.build(&Setup { fleet: &fleet, ..*setup })?;
        let (balancer, open) = (setup.balancer, ServerSet::default());
        Ok(Box::new(Self { size, form, balancer, roster, mine, open, inside }))
    }
}

fn choose(form: Form, servers: &[ServerId], size: usize, balancer: u32) -> Vec<ServerId> {
    let size = size.min(servers.len()).max(1);
    match form {
        Form::Deterministic => deterministic(servers, size, balancer),
        Form::Random => random(servers, size, balancer),
    }
}

impl Balancer for Subset {
    fn pick(&mut self, request: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        if view.candidates.len() == self.roster.as_slice().len() {
            return self.inside.pick(request, &view.among(&self.mine), stream);
        }
        restrict(&self.mine, view.candidates, &mut self.open);
        if self.open.is_empty() {
            // Its own servers are all busy: the request waits, though others may be free.
            return Pick::Hold;
        }
        self.inside.pick(request, &view.among(&self.open), stream)
    }

    fn on_send(&mut self, request: &Request, server: ServerId) {
        self.inside.on_send(request, server);
    }

    fn on_done(&mut self, done: &Completion) {
        self.inside.on_done(done);
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        self.roster.apply(change);
        let next = choose(self.form, self.roster.as_slice(), self.size, self.balancer);
        let mut wanted = ServerSet::default();
        for server in next {
            wanted.insert_or_remove(server, true);
        }
        let gone: Vec<ServerId> =
            self.mine.in_order().filter(|&server| !wanted.contains(server)).collect();
        for server in gone {
            self.mine.insert_or_remove(server, false);
            self.inside.on_fleet(FleetChange::Left(server), fleet);
        }
        for server in wanted.in_order() {
            if !self.mine.contains(server) {
                self.mine.insert_or_remove(server, true);
                self.inside.on_fleet(FleetChange::Joined(server), fleet);
            }
        }
    }

    fn on_count(&mut self, server: ServerId, count: u32) {
        self.inside.on_count(server, count);
    }

    fn on_idle(&mut self, server: ServerId) {
        self.inside.on_idle(server);
    }

    fn on_failure(&mut self, server: ServerId, parts: u32) {
        self.inside.on_failure(server, parts);
    }

    fn overprovisioning(&self) -> Option<f64> {
        self.inside.overprovisioning()
    }

    fn idle_lists(&self) -> u32 {
        self.inside.idle_lists()
    }

    fn idle_listed(&self) -> usize {
        self.inside.idle_listed()
    }

    fn sight(&self) -> Sight {
        self.inside.sight().around()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(servers: u32) -> Vec<ServerId> {
        (0..servers).map(ServerId).collect()
    }

    #[test]
    fn deterministic_subsets_use_every_server_alike() {
        let mut times = [0; 12];
        for balancer in 0..30 {
            let subset = deterministic(&fleet(12), 4, balancer);
            assert_eq!(subset.len(), 4);
            for server in subset {
                times[server.index()] += 1;
            }
        }
        assert_eq!(times, [10; 12]);
        let (first, second) = (deterministic(&fleet(12), 4, 0), deterministic(&fleet(12), 4, 3));
        assert_ne!(first, second, "every round is shuffled anew");
    }

    #[test]
    fn random_subsets_change_by_one_server_at_most() {
        for balancer in 0..50 {
            let before = random(&fleet(40), 8, balancer);
            let after = random(&fleet(41), 8, balancer);
            let kept = before.iter().filter(|server| after.contains(server)).count();
            assert!(kept >= 7, "{balancer}");
        }
    }
}
