//! The better of two servers by the peak of their response times.
//!
//! **What it does.** A server's cost jumps to a response time above it and decays towards one below
//! it with time constant `decay`. Draws two different candidates and takes the one with the lower
//! cost × (requests in flight + 1), the earlier draw on a tie. O(1). `linkerd` starts at
//! `default-latency`; `finagle` starts at 0 and puts a server that has not answered yet behind all
//! others while it is being tried.
//! **When it shines.** Servers that now and then turn slow: one bad answer is enough to be spared.
//! **When it fails.** Few requests a server and decay: the cost is mostly old. A server that fails
//! fast looks quick.
//! **Source.** Finagle's `PeakEwma`, tower `PeakEwma` and Linkerd.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::two;
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
    /// Whose rule for servers that have not answered yet: `linkerd` or `finagle`.
    form: Form,
    /// The time in which a cost decays to 1/e of its distance.
    decay: Duration,
    /// The cost at which `linkerd` starts a server.
    default_latency: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            form: Form::Linkerd,
            decay: Duration::from_secs(10),
            default_latency: Duration::from_millis(30),
        }
    }
}

/// Whose rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Form {
    /// Start at the default latency.
    Linkerd,
    /// Start at 0, with a penalty while the first answer is awaited.
    Finagle,
}

/// The cost of one server, in nanoseconds, as of an instant.
#[derive(Clone, Copy, Debug)]
struct Cost {
    cost: f64,
    at: Instant,
}

/// Finagle's penalty for a server tried and not heard of: behind every real cost.
const PENALTY: f64 = (i64::MAX >> 16) as f64;

impl Cost {
    /// Takes a response time in; reading is taking in 0.
    fn observe(&mut self, response: f64, now: Instant, decay: Duration) {
        if response > self.cost {
            self.cost = response;
        } else {
            let weight = (-(now.since(self.at).0 as f64) / decay.0 as f64).exp();
            self.cost = weight * self.cost + (1.0 - weight) * response;
        }
        // An answer that comes late is older than the last look.
        self.at = self.at.max(now);
    }

    fn load(&mut self, in_flight: u32, now: Instant, config: &Config) -> f64 {
        self.observe(0.0, now, config.decay);
        let pending = f64::from(in_flight);
        if config.form == Form::Finagle && self.cost == 0.0 && in_flight > 0 {
            PENALTY + pending
        } else {
            self.cost * (pending + 1.0)
        }
    }
}

/// The policy.
#[derive(Debug)]
pub struct PeakEwma {
    config: Config,
    costs: Vec<Cost>,
}

impl Variant<dyn Balancer> for PeakEwma {
    const NAME: &'static str = "peak-ewma";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.decay > Duration::ZERO {
            return Ok(());
        }
        Err(Problem::about("decay", "`decay` = 0 forgets every response at once")
            .help("10s is the default of Finagle and Linkerd"))
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let costs = vec![start(config); setup.fleet.len()];
        Ok(Box::new(Self { config: config.clone(), costs }))
    }
}

fn start(config: &Config) -> Cost {
    let cost = if config.form == Form::Linkerd { config.default_latency.0 as f64 } else { 0.0 };
    Cost { cost, at: Instant::START }
}

impl Balancer for PeakEwma {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        let (a, b) = two(view.candidates, stream);
        if a == b {
            return Pick::Server(a);
        }
        let mut load = |server: ServerId| {
            let in_flight = view.in_flight(server);
            self.costs[server.index()].load(in_flight, view.now, &self.config)
        };
        let (first, second) = (load(a), load(b));
        Pick::Server(if second < first { b } else { a })
    }

    fn on_done(&mut self, done: &Completion) {
        if let Some(server) = done.server {
            let response = (done.ended - done.sent).0 as f64;
            self.costs[server.index()].observe(response, done.ended, self.config.decay);
        }
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        if let FleetChange::Joined(server) = change {
            self.costs.resize(fleet.len().max(self.costs.len()), start(&self.config));
            self.costs[server.index()] = start(&self.config);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant(ms * 1_000_000)
    }

    fn config(default_ms: u64) -> Config {
        Config {
            decay: Duration::from_secs(1),
            default_latency: Duration::from_millis(default_ms),
            ..Config::default()
        }
    }

    #[test]
    fn a_default_decays_as_in_tower() {
        let config = config(10);
        let mut cost = start(&config);
        assert!((cost.load(0, at(100), &config) / 1e6 - 9.048_37).abs() < 5e-6);
        assert!((cost.load(0, at(200), &config) / 1e6 - 8.187_31).abs() < 5e-6);
    }

    #[test]
    fn peaks_are_kept_and_decay_as_in_tower() {
        let config = config(20);
        let mut cost = start(&config);
        cost.load(0, at(100), &config);
        cost.observe(200e6, at(300), config.decay);
        assert!((cost.load(1, at(300), &config) - 400e6).abs() < 1.0);
        cost.observe(200e6, at(400), config.decay);
        assert!((cost.load(0, at(400), &config) - 200e6).abs() < 1.0);
        assert!(cost.load(0, at(1400), &config) < 100e6);
        assert!(cost.load(0, at(11_400), &config) < 0.1e6);
    }

    #[test]
    fn finagle_puts_the_untried_first_and_the_unheard_last() {
        let config = Config { form: Form::Finagle, ..config(20) };
        let mut cost = start(&config);
        assert_eq!(cost.load(0, at(1), &config), 0.0);
        assert!(cost.load(1, at(1), &config) > 1e14);
    }
}
