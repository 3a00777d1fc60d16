//! C3: replicas ranked by response time and the cube of their queue.
//!
//! **What it does.** Draws a group of `replicas` candidates and takes the lowest in rank. The rank
//! is Ψ = R - s + q̂³·s with R the smoothed response time, s the smoothed service time, and q̂ the
//! queue to expect: 1, and requests in flight × clients, and the smoothed queue that requests met,
//! in the server's own service times (which servers send along with each answer). With
//! `rate-control` a server gets no more than a cubic rate that backs off when answers come slower
//! than requests go out; the next in rank is taken, the first when all are at their limit.
//! O(replicas).
//! **When it shines.** Replicated stores whose replicas now and then turn slow, many clients.
//! **When it fails.** A few clients with large groups: the cube avoids a server long after it is
//! well.
//! **Source.** Suresh, Canini, Schmid and Feldmann, NSDI 2015; Elasticsearch's adaptive replica
//! selection (`smoothing = 0.3`, no rate control).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lowest_response_time::check_smoothing;
use super::tools::sample;
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Completion, Fate, Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::{Duration, Instant};

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// How many servers hold what a request wants, drawn for each request; absent: 3, or all when
    /// there are fewer.
    replicas: Option<u32>,
    /// The weight of a new measurement in the means, above 0 and up to 1.
    smoothing: f64,
    /// The power of the queue.
    exponent: f64,
    /// How many clients share the servers; absent: the number of balancers.
    clients: Option<u32>,
    /// Whether the rate to each server is limited.
    rate_control: bool,
    /// The time over which rates are counted.
    interval: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            replicas: None,
            smoothing: 0.9,
            exponent: 3.0,
            clients: None,
            rate_control: false,
            interval: Duration::from_millis(20),
        }
    }
}

/// The usual number of replicas.
const USUAL: u32 = 3;

/// The constants of the cubic rate, those of the authors' simulator; rates are in requests an
/// interval, times in milliseconds.
const BACK_OFF: f64 = 0.2;
const GROWTH: f64 = 4e-6;
const MOST_STEP: f64 = 10.0;
const LEAST_RATE: f64 = 1e-4;
/// Intervals after a rise in which the rate is not cut.
const HYSTERESIS: u64 = 2;

/// The limit of one server's rate, and what was counted in the interval that runs.
#[derive(Clone, Copy, Debug)]
struct Limit {
    rate: f64,
    /// The rate when it was last cut, and when.
    saturation: f64,
    cut: Instant,
    raised: Instant,
    tokens: f64,
    refilled: Instant,
    received: f64,
    counted: Instant,
    receive_rate: f64,
}

impl Default for Limit {
    fn default() -> Self {
        Self {
            rate: MOST_STEP,
            saturation: MOST_STEP,
            cut: Instant::START,
            raised: Instant::START,
            tokens: MOST_STEP,
            refilled: Instant::START,
            received: 0.0,
            counted: Instant::START,
            receive_rate: 0.0,
        }
    }
}

impl Limit {
    fn allows(&mut self, now: Instant, interval: Duration) -> bool {
        let passed = now.since(self.refilled).0 as f64 / interval.0 as f64;
        self.tokens = (self.tokens + passed * self.rate).min(self.rate.max(1.0));
        self.refilled = now;
        self.tokens >= 1.0
    }

    /// An answer has come: compares the rates and moves the limit.
    fn received(&mut self, now: Instant, interval: Duration) {
        self.received += 1.0;
        let passed = now.since(self.counted).0 as f64 / interval.0 as f64;
        if passed < 1.0 {
            return;
        }
        self.receive_rate = self.received / passed;
        (self.received, self.counted) = (0.0, now);
        if self.rate < self.receive_rate {
            let since = now.since(self.cut).0 as f64 / 1e6;
            let turn = (BACK_OFF * self.saturation / GROWTH).cbrt();
            let cubic = GROWTH * (since - turn).powi(3) + self.saturation;
            self.rate = cubic.min(self.rate + MOST_STEP).max(LEAST_RATE);
            self.raised = now;
        } else if now.since(self.raised).0 > HYSTERESIS * interval.0 {
            self.saturation = self.rate;
            self.rate = (BACK_OFF * self.rate).max(LEAST_RATE);
            self.cut = now;
        }
    }
}

/// What is known of one server, times in seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Server {
    response: f64,
    service: f64,
    queue: f64,
    heard: bool,
    limit: Limit,
}

/// Ψ = R - s + q̂^b · s with q̂ = 1 + outstanding · clients + q̄.
fn rank(server: &Server, outstanding: u32, clients: f64, exponent: f64) -> f64 {
    let queue = 1.0 + f64::from(outstanding) * clients + server.queue;
    // The usual power is worth a short cut.
    let power = if exponent == 3.0 { queue * queue * queue } else { queue.powf(exponent) };
    server.response - server.service + power * server.service
}

/// The policy.
#[derive(Debug)]
pub struct C3 {
    config: Config,
    clients: f64,
    servers: Vec<Server>,
    group: Vec<ServerId>,
}

impl Variant<dyn Balancer> for C3 {
    const NAME: &'static str = "c3";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.replicas == Some(0) {
            return Err(Problem::about("replicas", "`replicas` must be at least 1")
                .help("3 is the usual number of replicas"));
        }
        if !(config.exponent >= 1.0 && config.exponent <= 10.0) {
            let message = format!("`exponent` = {} is not between 1 and 10", config.exponent);
            return Err(Problem::about("exponent", message).help("3 is the rule's own"));
        }
        if config.interval == Duration::ZERO {
            return Err(Problem::about("interval", "`interval` = 0 has no rate")
                .help("20ms is the authors'"));
        }
        check_smoothing(config.smoothing)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let help = "lower `replicas`, or leave it out: 3, or all when there are fewer";
        setup.has_servers("replicas", config.replicas.unwrap_or(1) as usize, help)?;
        let clients = f64::from(config.clients.unwrap_or(setup.balancers));
        let servers = vec![Server::default(); setup.fleet.len()];
        Ok(Box::new(Self { config: config.clone(), clients, servers, group: Vec::new() }))
    }
}

impl Balancer for C3 {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        let replicas = self.config.replicas.unwrap_or(USUAL);
        sample(view.candidates, replicas, stream, &mut self.group);
        let (servers, exponent, clients) = (&self.servers, self.config.exponent, self.clients);
        let psi = |server: ServerId| {
            rank(&servers[server.index()], view.in_flight(server), clients, exponent)
        };
        if !self.config.rate_control {
            let ranked = self.group.iter().map(|&server| (psi(server), server));
            let best = ranked.min_by(|a, b| a.0.total_cmp(&b.0));
            return best.map_or(Pick::Refuse, |(_, server)| Pick::Server(server));
        }
        self.group.sort_by(|a, b| psi(*a).total_cmp(&psi(*b)));
        let interval = self.config.interval;
        let mut allowed = self
            .group
            .iter()
            .copied()
            .filter(|server| self.servers[server.index()].limit.allows(view.now, interval));
        let first = self.group.first().copied();
        let server = allowed.next().or(first);
        server.map_or(Pick::Refuse, Pick::Server)
    }

    fn on_send(&mut self, _: &Request, server: ServerId) {
        self.servers[server.index()].limit.tokens -= 1.0;
    }

    fn on_done(&mut self, done: &Completion) {
        let Some(server) = done.server.filter(|_| done.fate == Fate::Completed) else { return };
        let known = &mut self.servers[server.index()];
        let response = (done.ended - done.sent).as_secs_f64();
        let service = done.service().as_secs_f64();
        let queue = (done.started - done.sent).as_secs_f64() / service.max(1e-9);
        let weight = if known.heard { self.config.smoothing } else { 1.0 };
        let learn = |mean: &mut f64, value: f64| *mean += weight * (value - *mean);
        learn(&mut known.response, response);
        learn(&mut known.service, service);
        learn(&mut known.queue, queue);
        known.heard = true;
        known.limit.received(done.ended, self.config.interval);
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        if let FleetChange::Joined(server) = change {
            self.servers.resize(fleet.len().max(self.servers.len()), Server::default());
            self.servers[server.index()] = Server::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_the_rule() {
        let psi = |response, service, outstanding, clients, queue| {
            let server = Server { response, service, queue, ..Server::default() };
            rank(&server, outstanding, clients, 3.0)
        };
        assert_eq!(psi(10.0, 2.0, 0, 1.0, 0.0), 10.0);
        assert_eq!(psi(10.0, 2.0, 1, 10.0, 3.0), 5496.0);
        assert_eq!(psi(5.0, 4.0, 2, 1.0, 1.0), 257.0);
    }

    #[test]
    fn a_rate_falls_when_answers_lag_and_rises_again_when_they_do_not() {
        let (mut limit, interval) = (Limit::default(), Duration::from_millis(20));
        let at = |ms: u64| Instant(ms * 1_000_000);
        // One answer an interval where ten are allowed.
        (1..=10).for_each(|step| limit.received(at(20 * step + 20), interval));
        assert!(limit.rate < 3.0 && limit.saturation < MOST_STEP, "{limit:?}");
        // Then as many as come.
        (0..4000).for_each(|step| limit.received(at(240 + step), interval));
        assert!(limit.rate > MOST_STEP, "{limit:?}");
    }
}
