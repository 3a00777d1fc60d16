//! Each balancer's own arc of the ring of servers, two choices in it.
//!
//! **What it does.** Balancers and servers divide the same ring evenly; servers by weight. Balancer
//! j of C looks through an arc that starts at j/C, of ⌈min·C/N⌉/C of the ring, so that all arcs
//! together cover it evenly; a server's share is what lies in the arc. Draws two servers by share
//! and takes the one with fewer requests in flight per share, the first of equals. O(1); O(n) when
//! the fleet changes.
//! **When it shines.** Many balancers before many servers: few connections, no uneven subsets.
//! **When it fails.** Balancers whose traffic differs: arcs stand for load.
//! **Source.** Finagle's deterministic aperture, whose `min` is 12.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::{Alias, Roster, some_weight};
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The fewest servers in an arc, as far as there are so many.
    min: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { min: 12 }
    }
}

/// The width of an arc for `balancers` before `servers`.
fn width(min: u32, balancers: u32, servers: usize) -> f64 {
    let (clients, servers) = (f64::from(balancers), servers as f64);
    let least = f64::from(min).min(servers);
    // The small number keeps a rounding error from asking for one more.
    ((least * clients / servers - 1e-9).ceil() / clients).min(1.0)
}

/// How much of each server lies in the arc from `start`; `ends` are the servers' ends on the ring.
fn overlaps(ends: &[f64], start: f64, width: f64) -> Vec<f64> {
    let inside = |from: f64, to: f64| {
        // The arc may go on at the start of the ring.
        let part = |low: f64, high: f64| (to.min(high) - from.max(low)).max(0.0);
        let end = start + width;
        part(start, end.min(1.0)) + part(0.0, (end - 1.0).min(start))
    };
    let mut from = 0.0;
    let overlap = |&end: &f64| {
        let share = inside(from, end);
        from = end;
        // What rounding leaves is no server.
        if share < 1e-9 { 0.0 } else { share }
    };
    ends.iter().map(overlap).collect()
}

/// The policy: the servers in the arc, with their shares.
#[derive(Debug)]
pub struct Aperture {
    min: u32,
    balancer: u32,
    balancers: u32,
    roster: Roster,
    arc: Vec<(ServerId, f64)>,
    table: Alias,
}

impl Variant<dyn Balancer> for Aperture {
    const NAME: &'static str = "aperture";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.min > 0 {
            return Ok(());
        }
        Err(Problem::about("min", "`min` must be at least 1: an arc holds some server")
            .help("12 is Finagle's default"))
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        some_weight(setup.fleet)?;
        Ok(Box::new(Self {
            min: config.min,
            balancer: setup.balancer,
            balancers: setup.balancers.max(1),
            roster: Roster::of(setup.fleet),
            arc: Vec::new(),
            table: Alias::default(),
        }))
    }
}

impl Aperture {
    fn make(&mut self, view: &View<'_>) {
        let weighed = |&server: &ServerId| (server, f64::from(view.weight(server)));
        let servers = self.roster.as_slice().iter().map(weighed);
        let servers: Vec<_> = servers.filter(|(_, weight)| *weight > 0.0).collect();
        let whole: f64 = servers.iter().map(|(_, weight)| weight).sum();
        let mut end = 0.0;
        let place = |(_, weight): &(ServerId, f64)| {
            end += weight / whole;
            end
        };
        let ends: Vec<f64> = servers.iter().map(place).collect();
        let width = width(self.min, self.balancers, servers.len().max(1));
        let start = f64::from(self.balancer) / f64::from(self.balancers);
        let shares = overlaps(&ends, start, width);
        let arc = servers.iter().zip(shares).map(|((server, _), share)| (*server, share));
        self.arc = arc.filter(|(_, share)| *share > 0.0).collect();
        if !self.arc.is_empty() {
            self.table = Alias::new(&self.arc.iter().map(|(_, share)| *share).collect::<Vec<_>>());
        }
    }

    /// A server of the arc that may be chosen, by share, and if it can be another than `not`.
    fn draw(&self, not: Option<usize>, view: &View<'_>, stream: &mut Stream) -> Option<usize> {
        const TRIES: u32 = 20;
        (0..TRIES).find_map(|_| {
            let place = self.table.draw(stream);
            let open = view.candidates.contains(self.arc[place].0);
            (open && Some(place) != not).then_some(place)
        })
    }
}

impl Balancer for Aperture {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        if self.roster.take_changed() {
            self.make(view);
        }
        let first = if self.arc.is_empty() { None } else { self.draw(None, view, stream) };
        let Some(first) = first else {
            // None of its own is to be had: any other will do.
            let candidates = view.candidates.as_slice();
            return Pick::Server(candidates[stream.below(candidates.len() as u32) as usize]);
        };
        let second = self.draw(Some(first), view, stream).unwrap_or(first);
        let load = |place: usize| {
            let (server, share) = self.arc[place];
            f64::from(view.in_flight(server)) / share
        };
        Pick::Server(self.arc[if load(second) < load(first) { second } else { first }].0)
    }

    fn on_fleet(&mut self, change: FleetChange, _: &Fleet) {
        self.roster.apply(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arcs_are_as_wide_as_in_finagle() {
        for (clients, servers, expected) in [
            (3, 3, 1.0),
            (5, 15, 0.8),
            (4, 10, 1.0),
            (10, 100, 0.2),
            (100, 10, 1.0),
            (100, 1000, 0.02),
            (7, 20, 5.0 / 7.0),
        ] {
            assert!((width(12, clients, servers) - expected).abs() < 1e-12, "{clients}, {servers}");
        }
    }

    #[test]
    fn an_arc_covers_its_servers_and_all_arcs_cover_all_alike() {
        let ends: Vec<f64> = (1..=15).map(|end| f64::from(end) / 15.0).collect();
        let second = overlaps(&ends, 0.2, 0.8);
        let held: Vec<usize> = (0..15).filter(|&at| second[at] > 0.0).collect();
        assert_eq!(held, (3..15).collect::<Vec<_>>());
        assert!((second.iter().sum::<f64>() - 0.8).abs() < 1e-12);
        let mut all = [0.0; 15];
        for client in 0..5 {
            for (sum, share) in all.iter_mut().zip(overlaps(&ends, f64::from(client) / 5.0, 0.8)) {
                *sum += share;
            }
        }
        assert!(all.iter().all(|sum| (sum - 4.0 / 15.0).abs() < 1e-12), "{all:?}");
    }
}
