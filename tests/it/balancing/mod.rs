//! Balancing policies against the systems they are taken from and against queueing theory.

mod hashing;
mod learning;
mod levels;
mod queueing;
mod vectors;

use std::collections::VecDeque;

use plimsoll::balance::{Balancer, Pick, Setup};
use plimsoll::diagnose::Problem;
use plimsoll::engine::{self, Plant};
use plimsoll::fleet::{Fleet, FleetChange, Report, ServerSpec, State, View};
use plimsoll::law::{self, Law};
use plimsoll::model::{Completion, Fate, Request, ServerId};
use plimsoll::probe::Meter;
use plimsoll::registry::{Recipe, Role};
use plimsoll::rng::{Purpose, Seed, Stream};
use plimsoll::station::Discipline;
use plimsoll::stats::special::t_quantile;
use plimsoll::time::{Duration, Instant};
use plimsoll::workload::arrivals::{self, Arrivals};
use plimsoll::workload::attributes::Attributes;
use plimsoll::workload::demand::Drawer;
use plimsoll::workload::drawn::Drawn;

pub(crate) fn recipe<D: Role + ?Sized>(spec: &str) -> Recipe<D> {
    Recipe::named(spec).unwrap_or_else(|problem| panic!("{spec}: {problem}"))
}

/// Why a policy is refused before this fleet.
pub(crate) fn refusal(spec: &str, servers: &[ServerSpec]) -> Problem {
    let fleet = fleet_of(servers);
    let built = Recipe::<dyn Balancer>::named(spec)
        .and_then(|recipe| recipe.build(&Setup::new(&fleet)).map(|_| ()));
    let problem = built.expect_err(spec);
    assert!(problem.remedy().is_some(), "{spec}: {problem} has no remedy");
    problem
}

pub(crate) fn fleet_of(servers: &[ServerSpec]) -> Fleet {
    let mut fleet = Fleet::default();
    for &server in servers {
        fleet.add(server, State::Ready);
    }
    fleet
}

pub(crate) fn weighted(weights: &[u32]) -> Vec<ServerSpec> {
    weights.iter().map(|&weight| ServerSpec { weight, ..ServerSpec::default() }).collect()
}

/// A policy driven by hand: requests are sent and ended as a test wants it.
pub(crate) struct Desk {
    pub(crate) fleet: Fleet,
    pub(crate) policy: Box<dyn Balancer>,
    pub(crate) now: Instant,
    /// Whether only servers with a free slot may be chosen: `max_conns`, or a shared queue.
    pub(crate) limited: bool,
    stream: Stream,
    /// What each server has, in order of sending.
    sent: Vec<VecDeque<Request>>,
}

impl Desk {
    pub(crate) fn new(spec: &str, servers: &[ServerSpec]) -> Self {
        let mut fleet = fleet_of(servers);
        fleet.follow_open();
        let policy = recipe::<dyn Balancer>(spec).build(&Setup::new(&fleet));
        let policy = policy.unwrap_or_else(|problem| panic!("{spec}: {problem}"));
        Self::built(policy, fleet)
    }

    pub(crate) fn built(policy: Box<dyn Balancer>, fleet: Fleet) -> Self {
        let stream = Seed::new(7, 0).stream(Purpose::Route, "desk");
        Self { fleet, policy, now: Instant::START, limited: false, stream, sent: Vec::new() }
    }

    /// Equal servers.
    pub(crate) fn of(spec: &str, servers: usize) -> Self {
        Self::new(spec, &weighted(&vec![1; servers]))
    }

    pub(crate) fn request(&self, key: u64) -> Request {
        let demand = Duration::from_secs(1);
        Request { arrival: self.now, demand, key, ..Request::default() }
    }

    pub(crate) fn pick(&mut self, request: &Request) -> Pick {
        let candidates = if self.limited { self.fleet.open() } else { self.fleet.members() };
        if candidates.is_empty() {
            return Pick::Refuse;
        }
        let view = View::whole(self.now, &self.fleet, candidates);
        let pick = self.policy.pick(request, &view, &mut self.stream);
        if let Pick::Server(server) = pick {
            assert!(candidates.contains(server), "{server:?} is no candidate");
        }
        pick
    }

    /// Whom a request of this key would go to.
    pub(crate) fn choose(&mut self, key: u64) -> usize {
        match self.pick(&self.request(key)) {
            Pick::Server(server) => server.index(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn occupy(&mut self, server: usize) {
        self.occupy_with(0, server);
    }

    fn occupy_with(&mut self, key: u64, server: usize) {
        let request = self.request(key);
        self.sent.resize(self.fleet.len(), VecDeque::new());
        self.sent[server].push_back(request);
        let server = ServerId(server as u32);
        self.fleet.sent(server);
        self.policy.on_send(&request, server);
    }

    /// Picks and sends.
    pub(crate) fn send(&mut self, key: u64) -> usize {
        let server = self.choose(key);
        self.occupy_with(key, server);
        server
    }

    /// Ends the oldest request at a server after this time in it, in milliseconds.
    pub(crate) fn finish(&mut self, server: usize, ms: u64) {
        self.end(server, ms, Fate::Completed);
    }

    pub(crate) fn end(&mut self, server: usize, ms: u64, fate: Fate) {
        let id = ServerId(server as u32);
        let sent = Instant(self.now.0.saturating_sub(ms * 1_000_000));
        let request = self.sent[server].pop_front().expect("the server has a request");
        let done = Completion {
            request,
            fate,
            server: Some(id),
            sent,
            started: sent,
            ended: Instant(sent.0 + ms * 1_000_000),
        };
        self.fleet.left(id);
        self.policy.on_done(&done);
        if self.fleet.in_flight(id) == 0 {
            self.policy.on_idle(id);
        }
    }

    /// Sends a request that is over at once, `ms` milliseconds long.
    pub(crate) fn serve(&mut self, key: u64, ms: u64) -> usize {
        let server = self.send(key);
        self.now = Instant(self.now.0 + ms * 1_000_000);
        self.finish(server, ms);
        server
    }

    pub(crate) fn set_state(&mut self, server: usize, state: State) {
        let id = ServerId(server as u32);
        let was = self.fleet.members().contains(id);
        self.fleet.set_state(id, state);
        let change = match (was, self.fleet.members().contains(id)) {
            (true, false) => FleetChange::Left(id),
            (false, true) => FleetChange::Joined(id),
            _ => return,
        };
        self.policy.on_fleet(change, &self.fleet);
    }

    pub(crate) fn report(&mut self, server: usize, report: Report) {
        self.fleet.publish(ServerId(server as u32), Report { at: self.now, ..report });
    }

    pub(crate) fn wait(&mut self, ms: u64) {
        self.now = Instant(self.now.0 + ms * 1_000_000);
    }

    /// How often each server is picked in `picks`, nothing being sent.
    pub(crate) fn shares(&mut self, picks: usize) -> Vec<u64> {
        let mut times = vec![0; self.fleet.len()];
        (0..picks).for_each(|_| times[self.choose(0)] += 1);
        times
    }
}

/// Whether counts are those of probabilities: χ² below the point it exceeds once in 10,000.
pub(crate) fn agrees(counts: &[u64], shares: &[f64]) -> bool {
    let (total, whole) = (counts.iter().sum::<u64>() as f64, shares.iter().sum::<f64>());
    let cells = counts.iter().zip(shares).filter(|(_, share)| **share > 0.0);
    let impossible = counts.iter().zip(shares).any(|(count, share)| *share == 0.0 && *count > 0);
    let (chi, df) = cells.fold((0.0, -1.0), |(chi, df), (&count, share)| {
        let expected = total * share / whole;
        (chi + (count as f64 - expected).powi(2) / expected, df + 1.0)
    });
    if df < 1.0 {
        return !impossible;
    }
    !impossible && chi < plimsoll::stats::special::chi_square_quantile(0.9999, df)
}

/// A cluster to simulate: equal servers of one slot, Poisson arrivals, unit demands on average.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) servers: Vec<ServerSpec>,
    /// Arrivals a second and unit of capacity.
    pub(crate) load: f64,
    pub(crate) policy: String,
    pub(crate) law: &'static str,
    pub(crate) order: &'static str,
    pub(crate) balancers: u32,
    /// Whether requests are dealt to the balancers at random, and not in turn.
    pub(crate) at_random: bool,
    pub(crate) shared: bool,
    pub(crate) reporting: Option<engine::Reporting>,
    pub(crate) requests: u64,
}

impl Cluster {
    pub(crate) fn new(servers: usize, load: f64, policy: &str) -> Self {
        Self {
            servers: weighted(&vec![1; servers]),
            load,
            policy: policy.to_owned(),
            law: "exponential:mean=1s",
            order: "fifo",
            balancers: 1,
            at_random: false,
            shared: false,
            reporting: None,
            // The variance of a mean grows with 1 / (1 - load)² and more.
            requests: (40_000.0 / (1.0 - load)) as u64,
        }
    }

    fn plant(&self, seed: Seed) -> Plant {
        let discipline = recipe::<dyn Discipline>(self.order).build(&()).expect("a discipline");
        let mut fleet = Fleet::default();
        let mut station = discipline.station();
        for &spec in &self.servers {
            fleet.add(spec, State::Ready);
            station.add(spec.slots, spec.speed, spec.queue_limit);
        }
        let recipe = recipe::<dyn Balancer>(&self.policy);
        let balancer = |at| {
            let setup = Setup { balancer: at, balancers: self.balancers, ..Setup::new(&fleet) };
            recipe.build(&setup).unwrap_or_else(|problem| panic!("{}: {problem}", self.policy))
        };
        let balancers = (0..self.balancers).map(balancer).collect();
        let name = |at: u32| seed.stream(Purpose::Route, &at.to_string());
        Plant {
            stations: vec![station],
            places: (0..self.servers.len() as u32).collect(),
            balancers,
            dealt: if self.at_random {
                engine::Dealt::Random(seed.stream(Purpose::Deal, ""))
            } else {
                engine::Dealt::RoundRobin
            },
            streams: (0..self.balancers).map(name).collect(),
            shared: self.shared.then(|| (discipline.line().expect("a line"), u32::MAX)),
            plain_fifo: self.order == "fifo",
            life: Vec::new(),
            reporting: self.reporting,
            queue_timeout: engine::QueueTimeout::NONE,
            resilience: None,
            fleet,
        }
    }

    /// The measures of one replication, the first tenth of which is not measured.
    pub(crate) fn run(&self, replication: u64) -> Meter {
        let seed = Seed::new(11, replication);
        let capacity: f64 =
            self.servers.iter().map(|spec| f64::from(spec.slots) * spec.speed).sum();
        let rate = self.load * capacity;
        let setup =
            arrivals::Setup { duration: None, folder: std::path::Path::new(""), rate_scale: 1.0 };
        let process = recipe::<dyn Arrivals>(&format!("poisson:rate={rate}/s")).build(&setup);
        let unit = law::Setup { unit: law::Unit::Time, folder: std::path::Path::new("") };
        let mut attributes = Attributes::new(0, "main", seed);
        attributes.demand = Some(Drawer::Law(recipe::<dyn Law>(self.law).build(&unit).unwrap()));
        let (process, never) = (process.unwrap(), Instant::NEVER);
        let drawn = Drawn::new("main", process, attributes, seed, never, self.requests);
        let mut source = Keyed { drawn, keys: seed.stream(Purpose::Key, "main") };
        let warm = Instant::from_secs_f64(0.1 * self.requests as f64 / rate);
        let mut meter = Meter::new(warm, self.servers.len());
        engine::run(self.plant(seed), &mut source, None, &mut meter, &()).expect("no trace");
        meter.settle();
        meter
    }

    /// The interval of the mean latency in seconds, at confidence 99.9 %, from 10 replications.
    pub(crate) fn mean(&self) -> (f64, f64) {
        interval(|replication| self.run(replication).latency.moments.mean().expect("requests"))
    }
}

/// The Student interval, at confidence 99.9 %, of what 10 independent replications give.
pub(crate) fn interval(one: impl Fn(u64) -> f64) -> (f64, f64) {
    const REPLICATIONS: u64 = 10;
    let values: Vec<f64> = (0..REPLICATIONS).map(one).collect();
    let n = REPLICATIONS as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = t_quantile(0.9995, n - 1.0) * (variance / n).sqrt();
    (mean - half, mean + half)
}

/// Drawn requests with keys, each of 1,000 as likely.
struct Keyed {
    drawn: Drawn,
    keys: Stream,
}

impl plimsoll::workload::Source for Keyed {
    fn fill(&mut self, out: &mut Vec<Request>) -> Result<(), Problem> {
        let from = out.len();
        self.drawn.fill(out)?;
        out[from..]
            .iter_mut()
            .for_each(|request| request.key = 1 + u64::from(self.keys.below(1000)));
        Ok(())
    }
}
