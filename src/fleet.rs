//! The fleet as arrays, and what one balancer can know of it now.

use serde::Serialize;

use crate::model::ServerId;
use crate::time::{Duration, Instant};

/// Where a server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Ordered, not yet serving.
    Starting,
    /// Serving, and open to new requests.
    Ready,
    /// Serving what it has, closed to new requests.
    Draining,
    /// Taken out by health checks or ejected; what it has it may still serve.
    Failed,
    /// No longer part of the fleet.
    Gone,
}

/// What one server is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServerSpec {
    /// The pool it belongs to, by its place in the scenario.
    pub pool: u16,
    /// Requests it serves at once.
    pub slots: u32,
    /// Work a second; 1 serves a demand in its own length.
    pub speed: f64,
    /// Its share where the policy looks at weights.
    pub weight: u32,
    /// Requests that may wait at it; `u32::MAX` when unlimited.
    pub queue_limit: u32,
    /// The zone (locality) it stands in.
    pub zone: u16,
    /// Its level: 0 is used first, higher ones take what spills over.
    pub tier: u16,
    /// The round trip between balancer and server, added to every latency. The engine charges all
    /// of it on the way out, so that waits hold it and service times do not.
    pub network: Duration,
    /// Tokens of requests at the server that fill its memory; infinite when memory never counts.
    pub memory: f64,
    /// Tokens a second that fill its network; infinite when bandwidth never counts.
    pub bandwidth: f64,
}

impl Default for ServerSpec {
    fn default() -> Self {
        Self {
            pool: 0,
            slots: 1,
            speed: 1.0,
            weight: 1,
            queue_limit: u32::MAX,
            zone: 0,
            tier: 0,
            network: Duration::ZERO,
            memory: f64::INFINITY,
            bandwidth: f64::INFINITY,
        }
    }
}

/// What a server last said of itself; everything but `in_flight` is over the time since the report
/// before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// When it was measured, which is earlier than when it was heard.
    pub at: Instant,
    /// Busy slots as a share of all, on average.
    pub utilization: f64,
    /// Requests at the server, of every balancer, at the instant of the report.
    pub in_flight: u32,
    /// Requests served to the end, a second.
    pub rate: f64,
    /// Requests that ended in any other way, a second.
    pub errors: f64,
    /// Tokens at the server at the instant, as a share of its memory.
    pub memory: f64,
    /// Tokens of requests that ended, a second, as a share of its bandwidth.
    pub bandwidth: f64,
}

/// A change that every balancer is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FleetChange {
    /// The server may be chosen from now on.
    Joined(ServerId),
    /// The server may not be chosen any more.
    Left(ServerId),
}

/// Every server there has been in a run, by its number.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    specs: Vec<ServerSpec>,
    states: Vec<State>,
    in_flight: Vec<u32>,
    members: ServerSet,
    open: ServerSet,
    follows_open: bool,
    /// By number; empty as long as nobody has reported.
    reports: Vec<Option<Report>>,
}

impl Fleet {
    /// Adds a server, which gets the next number.
    pub fn add(&mut self, spec: ServerSpec, state: State) -> ServerId {
        let id = ServerId(u32::try_from(self.specs.len()).expect("fewer than 2³² servers"));
        self.specs.push(spec);
        self.states.push(State::Gone);
        self.in_flight.push(0);
        self.members.grow(self.specs.len());
        self.open.grow(self.specs.len());
        self.set_state(id, state);
        id
    }

    /// How many servers there have been.
    pub fn len(&self) -> usize {
        self.specs.len()
    }

    /// Whether there has been no server at all.
    pub fn is_empty(&self) -> bool {
        self.specs.is_empty()
    }

    /// What a server is like.
    #[inline]
    pub fn spec(&self, server: ServerId) -> &ServerSpec {
        &self.specs[server.index()]
    }

    /// Every server's specification, by number.
    pub fn specs(&self) -> &[ServerSpec] {
        &self.specs
    }

    /// Where a server is in its life.
    #[inline]
    pub fn state(&self, server: ServerId) -> State {
        self.states[server.index()]
    }

    /// Moves a server on in its life.
    pub fn set_state(&mut self, server: ServerId, state: State) {
        self.states[server.index()] = state;
        self.members.set(server, state == State::Ready);
        self.refresh_open(server);
    }

    /// Gives a server another size.
    pub fn resize(&mut self, server: ServerId, slots: u32, speed: f64) {
        let spec = &mut self.specs[server.index()];
        (spec.slots, spec.speed) = (slots, speed);
        self.refresh_open(server);
    }

    /// Requests at a server, waiting and in service: the truth, which no single balancer may know.
    #[inline]
    pub fn in_flight(&self, server: ServerId) -> u32 {
        self.in_flight[server.index()]
    }

    /// A request has been sent to a server.
    #[inline]
    pub fn sent(&mut self, server: ServerId) {
        self.in_flight[server.index()] += 1;
        if self.follows_open && self.in_flight[server.index()] == self.specs[server.index()].slots {
            self.open.set(server, false);
        }
    }

    /// A request has left a server.
    #[inline]
    pub fn left(&mut self, server: ServerId) {
        self.in_flight[server.index()] -= 1;
        if self.follows_open
            && self.in_flight[server.index()] + 1 == self.specs[server.index()].slots
        {
            self.refresh_open(server);
        }
    }

    fn refresh_open(&mut self, server: ServerId) {
        let room = self.in_flight[server.index()] < self.specs[server.index()].slots;
        self.open.set(server, room && self.states[server.index()] == State::Ready);
    }

    /// Takes a server out of the candidates for one choice; [`Self::show`] puts it back.
    pub fn hide(&mut self, server: ServerId) {
        self.members.set(server, false);
        self.open.set(server, false);
    }

    /// Undoes [`Self::hide`].
    pub fn show(&mut self, server: ServerId) {
        self.members.set(server, self.states[server.index()] == State::Ready);
        self.refresh_open(server);
    }

    /// Makes a report known to every balancer.
    pub fn publish(&mut self, server: ServerId, report: Report) {
        if self.reports.len() <= server.index() {
            self.reports.resize(self.specs.len(), None);
        }
        self.reports[server.index()] = Some(report);
    }

    /// What a server last reported.
    pub fn report(&self, server: ServerId) -> Option<&Report> {
        self.reports.get(server.index())?.as_ref()
    }

    /// Servers that may be chosen.
    #[inline]
    pub fn members(&self) -> &ServerSet {
        &self.members
    }

    /// From now on [`Self::open`] is kept: only a queue before the pool asks for it.
    pub fn follow_open(&mut self) {
        if std::mem::replace(&mut self.follows_open, true) {
            return;
        }
        (0..self.specs.len() as u32).for_each(|server| self.refresh_open(ServerId(server)));
    }

    /// Servers that may be chosen and have a free slot, once they are followed.
    #[inline]
    pub fn open(&self) -> &ServerSet {
        &self.open
    }
}

/// A set of servers: O(1) to change, to ask, to draw from, and cheap to walk in order of number.
#[derive(Clone, Debug, Default)]
pub struct ServerSet {
    dense: Vec<ServerId>,
    place: Vec<u32>,
    bits: Vec<u64>,
}

const ABSENT: u32 = u32::MAX;

impl ServerSet {
    fn grow(&mut self, servers: usize) {
        self.place.resize(servers, ABSENT);
        self.bits.resize(servers.div_ceil(64), 0);
    }

    /// Puts a server in, or takes it out.
    pub fn insert_or_remove(&mut self, server: ServerId, present: bool) {
        if server.index() >= self.place.len() {
            self.grow(server.index() + 1);
        }
        self.set(server, present);
    }

    #[inline]
    fn set(&mut self, server: ServerId, present: bool) {
        let at = server.index();
        match (self.place[at], present) {
            (ABSENT, true) => {
                self.place[at] = self.dense.len() as u32;
                self.dense.push(server);
                self.bits[at / 64] |= 1 << (at % 64);
            }
            (place, false) if place != ABSENT => {
                self.dense.swap_remove(place as usize);
                if let Some(moved) = self.dense.get(place as usize) {
                    self.place[moved.index()] = place;
                }
                self.place[at] = ABSENT;
                self.bits[at / 64] &= !(1 << (at % 64));
            }
            _ => {}
        }
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.dense.len()
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.dense.is_empty()
    }

    /// Whether `server` is one of them.
    #[inline]
    pub fn contains(&self, server: ServerId) -> bool {
        self.place.get(server.index()).is_some_and(|&place| place != ABSENT)
    }

    /// All of them in a fixed order that is not that of their numbers: for drawing at random.
    #[inline]
    pub fn as_slice(&self) -> &[ServerId] {
        &self.dense
    }

    /// The first at or after number `from`, going round at the end.
    pub fn next_from(&self, from: u32) -> Option<ServerId> {
        if self.dense.is_empty() {
            return None;
        }
        let words = self.bits.len();
        let (start, bit) = (from as usize / 64 % words, from % 64);
        let first = self.bits[start] & (u64::MAX << bit);
        if first != 0 {
            return Some(ServerId((start * 64) as u32 + first.trailing_zeros()));
        }
        (1..=words).map(|step| (start + step) % words).find_map(|word| {
            let bits = self.bits[word];
            (bits != 0).then(|| ServerId((word * 64) as u32 + bits.trailing_zeros()))
        })
    }

    /// All of them in order of number.
    pub fn in_order(&self) -> impl Iterator<Item = ServerId> + '_ {
        self.bits.iter().enumerate().flat_map(|(word, &bits)| {
            let mut rest = bits;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(ServerId((word * 64) as u32 + bit))
            })
        })
    }
}

/// What one balancer can know when it picks: its own requests, the servers it may choose.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The time.
    pub now: Instant,
    /// The servers that may be chosen for this request.
    pub candidates: &'a ServerSet,
    specs: &'a [ServerSpec],
    in_flight: &'a [u32],
    fleet: &'a Fleet,
}

impl<'a> View<'a> {
    /// The view of the only balancer, whose own requests are all requests.
    #[inline]
    pub fn whole(now: Instant, fleet: &'a Fleet, candidates: &'a ServerSet) -> Self {
        Self { now, candidates, specs: &fleet.specs, in_flight: &fleet.in_flight, fleet }
    }

    /// The view of one balancer of several, which knows only the requests it sent itself.
    #[inline]
    pub fn partial(
        now: Instant,
        fleet: &'a Fleet,
        candidates: &'a ServerSet,
        own: &'a [u32],
    ) -> Self {
        Self { now, candidates, specs: &fleet.specs, in_flight: own, fleet }
    }

    /// The same view with other candidates: that of a policy inside one level of several.
    #[must_use]
    pub fn among<'b>(&self, candidates: &'b ServerSet) -> View<'b>
    where
        'a: 'b,
    {
        View { candidates, ..*self }
    }

    /// The same view with other counts of requests in flight, by server: a view that is stale.
    #[must_use]
    pub fn counting<'b>(&self, in_flight: &'b [u32]) -> View<'b>
    where
        'a: 'b,
    {
        View { in_flight, ..*self }
    }

    /// What a server last reported, if it reports at all.
    #[inline]
    pub fn report(&self, server: ServerId) -> Option<&'a Report> {
        self.fleet.report(server)
    }

    /// What a server is like.
    #[inline]
    pub fn spec(&self, server: ServerId) -> &'a ServerSpec {
        &self.specs[server.index()]
    }

    /// Requests that this balancer sent to `server` and that have not ended.
    #[inline]
    pub fn in_flight(&self, server: ServerId) -> u32 {
        self.in_flight[server.index()]
    }

    /// The configured weight of a server.
    #[inline]
    pub fn weight(&self, server: ServerId) -> u32 {
        self.specs[server.index()].weight
    }

    /// The configured slots of a server.
    #[inline]
    pub fn slots(&self, server: ServerId) -> u32 {
        self.specs[server.index()].slots
    }

    /// The configured speed of a server.
    #[inline]
    pub fn speed(&self, server: ServerId) -> f64 {
        self.specs[server.index()].speed
    }

    /// How many servers there have been: the length of arrays by server number.
    pub fn servers(&self) -> usize {
        self.specs.len()
    }

    /// The state that no real balancer sees; policies that ask for it say so in their manual.
    pub fn truth(&self) -> &'a Fleet {
        self.fleet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_open_while_it_is_ready_and_has_a_free_slot() {
        let mut fleet = Fleet::default();
        fleet.follow_open();
        let server = fleet.add(ServerSpec::default(), State::Ready);
        assert!(fleet.open().contains(server));
        fleet.sent(server);
        assert!(!fleet.open().contains(server) && fleet.members().contains(server));
        fleet.set_state(server, State::Draining);
        fleet.left(server);
        assert!(!fleet.open().contains(server) && !fleet.members().contains(server));
    }

    #[test]
    fn walking_round_visits_every_member_in_order_of_number() {
        let mut fleet = Fleet::default();
        for _ in 0..130 {
            fleet.add(ServerSpec::default(), State::Ready);
        }
        for gone in [0, 63, 64, 128] {
            fleet.set_state(ServerId(gone), State::Gone);
        }
        let members = fleet.members();
        assert_eq!(members.next_from(63), Some(ServerId(65)));
        assert_eq!(members.next_from(128), Some(ServerId(129)));
        assert_eq!(members.next_from(130), Some(ServerId(1)));
        assert_eq!(members.in_order().count(), 126);
        assert!(members.in_order().is_sorted());
    }
}
