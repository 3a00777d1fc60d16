//! By the depth of the queue.
//!
//! *What it does*: as many servers as give each no more than a target of requests, waiting and in
//! service. From the latency one may wait and the time one request takes follows the target.
//!
//! *When it shines*: a queue sees an overload that utilization, stuck at its ceiling, does not, and
//! says how large it is; workers of a message queue.
//!
//! *When it fails*: the queue is the sum of past overloads: what it calls for arrives when the peak
//! is over, and must then be sent away again. An empty queue says nothing about how few would do.
//!
//! *Source*: "backlog per instance" of the Amazon EC2 Auto Scaling user guide; Gandhi et al.,
//! `AutoScale` (2012), whose point is to size by requests in the system.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Autoscaler, Manners, Setup, Signals, Target, positive};
use crate::diagnose::Problem;
use crate::registry::Variant;

/// The target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Requests each server is meant to have.
    pub per_server: f64,
    /// Whether requests in service count beside those that wait.
    pub in_service: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { per_server: 10.0, in_service: true }
    }
}

/// The count wanted for so many requests.
pub fn decide(config: &Config, waiting: f64, in_service: f64) -> u32 {
    let requests = if config.in_service { waiting + in_service } else { waiting };
    (requests / config.per_server - 1e-9).ceil().max(0.0) as u32
}

/// The rule at work.
#[derive(Debug)]
pub struct QueueDepth(Config);

impl Variant<dyn Autoscaler> for QueueDepth {
    const NAME: &'static str = "queue-depth";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        positive("per-server", config.per_server, "how many requests may each server have?")
    }

    fn build(config: &Config, _: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        Ok(Box::new(Self(config.clone())))
    }
}

impl Autoscaler for QueueDepth {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let seen = signals.seen();
        let (Some(waiting), Some(all)) = (seen.queue(), seen.concurrency()) else {
            return Target::blind(signals);
        };
        let in_service = (all - waiting).max(0.0);
        let why = format!("{waiting:.2} wait, {in_service:.2} in service");
        Target::new(decide(&self.0, waiting, in_service), why)
    }

    fn manners(&self) -> Manners {
        Manners { wakes: true, window: super::LOOK, ..Manners::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_gets_no_more_than_its_share() {
        let config = Config { per_server: 4.0, in_service: true };
        assert_eq!(decide(&config, 10.0, 6.0), 4);
        assert_eq!(decide(&config, 10.0, 7.0), 5);
        assert_eq!(decide(&Config { in_service: false, ..config }, 10.0, 7.0), 3);
    }
}
