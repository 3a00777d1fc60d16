//! nginx's least time: the lowest mean response time × requests in flight.
//!
//! **What it does.** Keeps whole-millisecond means (new = 0.95 old + 0.05 last, rounded), rounds
//! them up to 20 ms, and takes the candidate with the lowest mean × (in flight + 1) / weight;
//! equals by a step of smooth weighted round-robin. The mean of a server not chosen for
//! `fail-timeout` halves with each such time. Failed requests teach nothing. **It scans all
//! servers**, as nginx does.
//! **When it shines.** Servers of different and unknown speed.
//! **When it fails.** Response times below 20 ms all look alike, and so do all above 5 s, which
//! even look better than 5 s exactly: the rounding of the original is kept.
//! **Source.** nginx `least_time`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::some_weight;
use super::turns::{Smooth, Turns};
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Completion, Fate, Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::{Duration, Instant, SECOND_NS};

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// What is measured: `last-byte`, the whole response, or `header`, until service begins.
    measure: Measure,
    /// Whether the age of requests still in flight counts when it is higher than the mean.
    inflight: bool,
    /// After how long without being chosen a mean begins to halve; whole seconds.
    fail_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let fail_timeout = Duration::from_secs(10);
        Self { measure: Measure::LastByte, inflight: false, fail_timeout }
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Measure {
    /// Until the response begins.
    Header,
    /// Until the response is complete.
    LastByte,
}

/// What is known of one server; times in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Server {
    mean: u64,
    /// When it was last chosen after a time, in whole seconds.
    checked: u64,
    /// The number, summed ages at the last change, and mean age of requests in flight.
    in_flight: u64,
    ages: u64,
    changed: u64,
    mean_age: u64,
}

/// A mean with a new value: the first counts whole.
fn smooth(mean: u64, value: u64) -> u64 {
    if mean == 0 { value } else { (0.5 + 0.05 * value as f64 + 0.95 * mean as f64) as u64 }
}

/// A mean in steps of 20 ms, times the requests in flight with the new one.
fn score(mean: u64, in_flight: u64) -> u64 {
    let rounded = if mean > 5000 { 5000 } else { mean + 20 - mean % 20 };
    rounded * (1 + in_flight)
}

impl Server {
    /// The summed ages grow by the number in flight each millisecond.
    fn advance(&mut self, now: u64) {
        self.ages += self.in_flight * now.saturating_sub(self.changed);
        self.changed = now;
    }

    fn response(&mut self, config: &Config, now: u64) -> u64 {
        let (idle, timeout) =
            ((now / 1000).saturating_sub(self.checked), config.fail_timeout.0 / SECOND_NS);
        let halvings = if idle > timeout { idle / (timeout + 1) } else { 0 };
        let mean = self.mean.checked_shr(halvings.min(64) as u32).unwrap_or(0);
        if !config.inflight || self.in_flight == 0 {
            return mean;
        }
        self.advance(now);
        self.mean_age = smooth(self.mean_age, self.ages / self.in_flight);
        mean.max(self.mean_age)
    }
}

/// The policy.
#[derive(Debug)]
pub struct LeastTime {
    config: Config,
    servers: Vec<Server>,
    ties: Vec<ServerId>,
    smooth: Smooth,
    now: u64,
}

impl Variant<dyn Balancer> for LeastTime {
    const NAME: &'static str = "least-time";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        some_weight(setup.fleet)?;
        let mut policy = Self {
            config: config.clone(),
            servers: Vec::new(),
            ties: Vec::new(),
            smooth: Smooth::default(),
            now: 0,
        };
        for server in setup.fleet.members().in_order() {
            policy.on_fleet(FleetChange::Joined(server), setup.fleet);
        }
        Ok(Box::new(policy))
    }
}

fn millis(instant: Instant) -> u64 {
    instant.0 / 1_000_000
}

impl Balancer for LeastTime {
    fn pick(&mut self, _: &Request, view: &View<'_>, _: &mut Stream) -> Pick {
        self.now = millis(view.now);
        let mut best: Option<(u128, u128)> = None;
        for server in view.candidates.in_order().filter(|&server| view.weight(server) > 0) {
            let known = &mut self.servers[server.index()];
            let time = known.response(&self.config, self.now);
            let score = u128::from(score(time, u64::from(view.in_flight(server))));
            let weight = u128::from(view.weight(server));
            let (lowest, of) = best.unwrap_or((u128::MAX >> 64, 1));
            // score / weight < lowest / of, without dividing.
            if score * of < lowest * weight {
                self.ties.clear();
                best = Some((score, weight));
            }
            if best.is_none_or(|(lowest, of)| score * of == lowest * weight) {
                self.ties.push(server);
            }
        }
        let picked = self.smooth.step(self.ties.drain(..));
        let Some(server) = picked.or_else(|| view.candidates.next_from(0)) else {
            return Pick::Refuse;
        };
        let (checked, seconds) = (&mut self.servers[server.index()].checked, self.now / 1000);
        if seconds.saturating_sub(*checked) > self.config.fail_timeout.0 / SECOND_NS {
            *checked = seconds;
        }
        Pick::Server(server)
    }

    fn on_send(&mut self, _: &Request, server: ServerId) {
        let now = self.now;
        let known = &mut self.servers[server.index()];
        known.advance(now);
        known.in_flight += 1;
    }

    fn on_done(&mut self, done: &Completion) {
        let Some(server) = done.server else { return };
        self.now = millis(done.ended);
        let known = &mut self.servers[server.index()];
        known.advance(self.now);
        known.in_flight = known.in_flight.saturating_sub(1);
        known.ages = known.ages.saturating_sub(self.now - millis(done.sent));
        if done.fate == Fate::Completed {
            let end =
                if self.config.measure == Measure::Header { done.started } else { done.ended };
            known.mean = smooth(known.mean, (end - done.sent).0 / 1_000_000);
        }
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        match change {
            FleetChange::Joined(server) => {
                if server.index() >= self.servers.len() {
                    self.servers.resize(server.index() + 1, Server::default());
                }
                // What it still has in flight it keeps; what was measured is of another life.
                self.servers[server.index()].mean = 0;
                self.smooth.join(server, fleet.spec(server).weight);
            }
            FleetChange::Left(server) => self.smooth.leave(server),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_and_means_are_those_of_nginx() {
        for (mean, in_flight, expected) in [
            (0, 0, 20),
            (19, 0, 20),
            (20, 0, 40),
            (39, 0, 40),
            (40, 2, 180),
            (4999, 0, 5000),
            (5000, 0, 5020),
            (5001, 0, 5000),
        ] {
            assert_eq!(score(mean, in_flight), expected, "{mean} ms, {in_flight} in flight");
        }
        let mut mean = 0;
        let means = [100, 200, 50, 50, 1000].map(|value| {
            mean = smooth(mean, value);
            mean
        });
        assert_eq!(means, [100, 105, 102, 99, 144]);
    }

    #[test]
    fn ages_of_requests_in_flight_are_summed_exactly() {
        let mut server = Server::default();
        server.advance(100);
        server.in_flight = 1;
        server.advance(300);
        server.in_flight = 2;
        let config = Config { inflight: true, ..Config::default() };
        // 400 ms and 200 ms old at 500.
        assert_eq!(server.response(&config, 500), 300);
    }
}
