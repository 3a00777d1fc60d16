//! What all policies by key share: tables made again when the fleet changes, bounded loads.

use super::tools::{Bound, BoundForm, Roster, shuffled, some_weight};
use super::turns::{Smooth, Turns};
use super::{Balancer, Pick, Setup, Sight};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Completion, Request, ServerId};
use crate::rng::{Stream, split_mix};

/// A server as the tables see it; its place in the list is what a table holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host {
    pub(super) server: ServerId,
    pub(super) weight: u64,
}

impl Host {
    /// The name that is hashed: the server's number, as text.
    pub(super) fn name(&self) -> String {
        self.server.0.to_string()
    }
}

/// How a hash finds its server.
pub(super) trait Table: std::fmt::Debug {
    /// Makes the table for these servers, which have positive weights, in order of number.
    fn make(&mut self, hosts: &[Host]);

    /// The hash of a key.
    fn hash(&self, key: u64) -> u64 {
        split_mix(key)
    }

    /// The place of the first server, in the order of preference of this hash, that `fits`; gives
    /// up where the real system does.
    fn find(&self, hash: u64, fits: impl FnMut(usize) -> bool) -> Option<usize>;

    /// Whether servers take turns where the table gives up, as for requests without a key.
    fn gives_way_to_turns(&self) -> bool {
        false
    }
}

/// The key of a request that has none: a blank cell of a trace.
pub(super) const KEYLESS: u64 = 0;

/// Tries of a table whose next choice is another draw: nginx gives up after as many.
pub(super) const TRIES: u64 = 20;

/// A policy by key.
#[derive(Debug)]
pub(super) struct Keyed<T> {
    table: T,
    roster: Roster,
    hosts: Vec<Host>,
    /// The weights of all hosts before each.
    before: Vec<u64>,
    whole: u64,
    bound: Option<Bound>,
    active: u64,
    /// Whose turn it is to take a request without a key.
    keyless: Smooth,
}

impl<T: Table + 'static> Keyed<T> {
    /// The policy over a table; refuses requests without keys.
    pub(super) fn build(
        table: T,
        bound: (Option<f64>, BoundForm),
        setup: &Setup<'_>,
    ) -> Result<Box<dyn Balancer>, Problem> {
        needs_keys(setup)?;
        some_weight(setup.fleet)?;
        let bound = Bound::new(bound.0, bound.1);
        let roster = Roster::of(setup.fleet);
        let mut keyless = Smooth::default();
        for server in setup.fleet.members().in_order() {
            keyless.join(server, setup.fleet.spec(server).weight);
        }
        let (hosts, before) = (Vec::new(), Vec::new());
        Ok(Box::new(Self { table, roster, hosts, before, whole: 0, bound, active: 0, keyless }))
    }

    fn make(&mut self, view: &View<'_>) {
        let host = |&server| Host { server, weight: u64::from(view.weight(server)) };
        let hosts = self.roster.as_slice().iter().map(host);
        self.hosts = hosts.filter(|host| host.weight > 0).collect();
        self.before.clear();
        self.whole = 0;
        for host in &self.hosts {
            self.before.push(self.whole);
            self.whole += host.weight;
        }
        if !self.hosts.is_empty() {
            self.table.make(&self.hosts);
        }
    }

    fn slots(&self, bound: &Bound, place: usize) -> u64 {
        let weight = self.hosts[place].weight;
        bound.slots(self.active, self.before[place], weight, self.whole)
    }

    fn room(&self, bound: &Bound, place: usize, view: &View<'_>) -> bool {
        bound.fits(view.in_flight(self.hosts[place].server), self.slots(bound, place))
    }

    /// Where the table gives up, or everyone is above the bound: the candidate with the lowest
    /// load for its slots, those before the hash's place in the list being asked last.
    fn spare(&self, hash: u64, view: &View<'_>) -> Option<ServerId> {
        let start = (hash % self.hosts.len() as u64) as usize;
        let places = (start..self.hosts.len()).chain(0..start);
        let load = |place: &usize| {
            let slots = self.bound.map_or(1, |bound| self.slots(&bound, *place));
            f64::from(view.in_flight(self.hosts[*place].server)) / slots as f64
        };
        let mut open = places.filter(|&place| view.candidates.contains(self.hosts[place].server));
        let place = match self.bound {
            None => open.next(),
            Some(_) => open.min_by(|a, b| load(a).total_cmp(&load(b))),
        };
        place.map(|place| self.hosts[place].server)
    }

    fn find(&self, hash: u64, view: &View<'_>) -> Option<ServerId> {
        let open = |place: usize| view.candidates.contains(self.hosts[place].server);
        let place = match self.bound {
            None => self.table.find(hash, open),
            Some(bound) if bound.form == BoundForm::Haproxy => {
                self.table.find(hash, |place| open(place) && self.room(&bound, place, view))
            }
            Some(bound) => {
                let fits = |&place: &usize| open(place) && self.room(&bound, place, view);
                let first = self.table.find(hash, open)?;
                let others = || shuffled(hash, self.hosts.len()).find(fits);
                Some(first).filter(fits).or_else(others)
            }
        };
        place.map(|place| self.hosts[place].server)
    }
}

impl<T: Table + 'static> Balancer for Keyed<T> {
    fn pick(&mut self, request: &Request, view: &View<'_>, _: &mut Stream) -> Pick {
        if self.roster.take_changed() {
            self.make(view);
        }
        if self.hosts.is_empty() {
            return view.candidates.next_from(0).map_or(Pick::Refuse, Pick::Server);
        }
        let hash = self.table.hash(request.key);
        let server = match (request.key, self.bound) {
            // Without a key servers take turns, as in nginx and HAProxy, but within their bound.
            (KEYLESS, None) => self.keyless.next(view.candidates),
            (KEYLESS, Some(_)) => self.spare(hash, view),
            _ => match self.find(hash, view) {
                None if self.bound.is_none() && self.table.gives_way_to_turns() => {
                    self.keyless.next(view.candidates)
                }
                None => self.spare(hash, view),
                found => found,
            },
        };
        // Where only servers of weight 0 are left, they are all there is.
        server.or_else(|| view.candidates.next_from(0)).map_or(Pick::Refuse, Pick::Server)
    }

    fn on_send(&mut self, _: &Request, _: ServerId) {
        self.active += 1;
    }

    fn on_done(&mut self, done: &Completion) {
        self.active -= u64::from(done.server.is_some());
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        self.roster.apply(change);
        match change {
            FleetChange::Joined(server) => self.keyless.join(server, fleet.spec(server).weight),
            FleetChange::Left(server) => self.keyless.leave(server),
        }
    }

    fn sight(&self) -> Sight {
        if self.bound.is_none() { Sight::Nothing } else { Sight::Everything }
    }
}

/// Refuses requests that have no keys to go by.
pub(super) fn needs_keys(setup: &Setup<'_>) -> Result<(), Problem> {
    if setup.keys {
        return Ok(());
    }
    Err(Problem::new("this policy goes by the key of a request, and the requests have none").help(
        "name a column for the key or draw keys, or take a policy without, as least-connections",
    ))
}

#[cfg(test)]
pub(super) fn hosts(weights: &[u64]) -> Vec<Host> {
    let host = |(at, &weight)| Host { server: ServerId(at as u32), weight };
    weights.iter().enumerate().map(host).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{ServerSpec, State};
    use crate::rng::{Purpose, Seed};
    use crate::time::Instant;

    /// A key is the place of its server.
    #[derive(Debug)]
    struct Straight;

    impl Table for Straight {
        fn make(&mut self, _: &[Host]) {}

        fn hash(&self, key: u64) -> u64 {
            key
        }

        fn find(&self, hash: u64, mut fits: impl FnMut(usize) -> bool) -> Option<usize> {
            Some(hash as usize).filter(|&place| fits(place))
        }
    }

    #[test]
    fn envoy_passes_overloaded_servers_by_in_its_published_order() {
        let picked = |in_flight: [u32; 5]| {
            let mut fleet = Fleet::default();
            for _ in in_flight {
                fleet.add(ServerSpec::default(), State::Ready);
            }
            let bound = (Some(1.0), BoundForm::Envoy);
            let mut policy = Keyed::build(Straight, bound, &Setup::new(&fleet)).unwrap();
            let request = Request { key: 2, ..Request::default() };
            for (server, count) in (0..).map(ServerId).zip(in_flight) {
                for _ in 0..count {
                    fleet.sent(server);
                    policy.on_send(&request, server);
                }
            }
            let view = View::whole(Instant::START, &fleet, fleet.members());
            let mut stream = Seed::new(1, 0).stream(Purpose::Route, "0");
            policy.pick(&request, &view, &mut stream)
        };
        assert_eq!(picked([0, 0, 0, 0, 0]), Pick::Server(ServerId(2)));
        assert_eq!(picked([0, 0, 4, 0, 0]), Pick::Server(ServerId(1)));
        assert_eq!(picked([4, 4, 4, 0, 0]), Pick::Server(ServerId(4)));
    }
}
