//! A server for every request that waits, at once.
//!
//! *What it does*: looks after every arrival, start and end, and starts a server for each request
//! that waits, or for every so many; starts that are no longer needed are called off. Servers leave
//! by the pool's `idle-timeout`, at once where it is 0.
//!
//! *When it shines*: functions and sandboxes that start within a request's patience; as the model
//! of the literature on servers with set-up times.
//!
//! *When it fails*: with starts of minutes it begins far more of them than it finishes, and every
//! quiet moment is followed by a queue.
//!
//! *Source*: Gandhi, Harchol-Balter and Adan, "Server farms with setup costs" (2010); the
//! keep-alive of serverless platforms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Autoscaler, Manners, Setup, Signals, Target, positive};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;

/// The ratio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Waiting requests for one start; the slots of a server when absent.
    pub per_server: Option<f64>,
}

#[expect(clippy::derivable_impls, reason = "written out, because defaults are the manual")]
impl Default for Config {
    fn default() -> Self {
        Self { per_server: None }
    }
}

/// The count wanted: those that serve, and starts for those who wait.
pub fn decide(ready: u32, waiting: f64, per_server: f64) -> u32 {
    ready.saturating_add((waiting / per_server - 1e-9).ceil().max(0.0) as u32)
}

/// The rule at work.
#[derive(Debug)]
pub struct OnDemand(f64);

impl Variant<dyn Autoscaler> for OnDemand {
    const NAME: &'static str = "on-demand";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        let per_server = config.per_server.unwrap_or(1.0);
        positive("per-server", per_server, "1 starts a server for each request that waits")
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        Ok(Box::new(Self(config.per_server.unwrap_or(f64::from(setup.slots)))))
    }
}

impl Autoscaler for OnDemand {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let Some(waiting) = signals.seen().queue() else { return Target::blind(signals) };
        Target::new(decide(signals.counts.ready, waiting, self.0), "one for each that waits")
    }

    fn manners(&self) -> Manners {
        Manners {
            interval: Duration::ZERO,
            window: Duration::ZERO,
            min: 0,
            wakes: true,
            ..Manners::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_follow_those_who_wait_and_servers_stay() {
        assert_eq!(decide(3, 0.0, 1.0), 3);
        assert_eq!(decide(3, 2.0, 1.0), 5);
        assert_eq!(decide(0, 5.0, 4.0), 2);
    }
}
