//! By the latency objective itself.
//!
//! *What it does*: compares a percentile of latency with its objective: its own, else the first
//! percentile of latency that the scenario promises (`[slo]`), else 500 ms for the 99th. Above it,
//! the fleet grows by the ratio of the two, at most by a factor; well below it for several looks in
//! a row, one step of servers goes. In between it rests.
//!
//! *When it shines*: the objective is what is promised, and no model of the service is needed.
//!
//! *When it fails*: latency is flat until the servers are nearly full and then a wall, so that it
//! warns late and never says how many servers could be spared; it creeps down until it touches the
//! wall. A latency that servers cannot help (a slow database) makes it grow to the limit.
//!
//! *Source*: multiplicative increase and additive decrease, after Jacobson (1988); as a scaling
//! rule compare Urgaonkar et al. (2008) and the latency rules of commercial autoscalers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Autoscaler, Manners, Promise, Setup, Signals, Target};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;

/// The objective and the manners.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The latency promised. Absent: that of the scenario's first objective for a percentile of
    /// latency, with its percentile; without any, 500 ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<Duration>,
    /// The percentile it is promised for, as a share; 0.99 where nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentile: Option<f64>,
    /// Largest factor of growth at once.
    pub max_growth: f64,
    /// Servers may go while latency is below this share of the objective.
    pub headroom: f64,
    /// Looks in a row that must find it so.
    pub patience: u32,
    /// Share of the servers that go at once; at least one does.
    pub shrink: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            objective: None,
            percentile: None,
            max_growth: 2.0,
            headroom: 0.5,
            patience: 5,
            shrink: 0.1,
        }
    }
}

/// The controller: its settings and how long latency has been low.
#[derive(Debug, Clone)]
pub struct Latency {
    config: Config,
    promise: Promise,
    calm: u32,
}

impl Latency {
    /// A controller that has seen nothing, with what the scenario promises.
    pub fn new(config: Config, promised: Option<Promise>) -> Self {
        let promise = Promise::of(config.objective, config.percentile, promised, 0.99);
        Self { config, promise, calm: 0 }
    }

    /// The count wanted at a measured latency; without data, the present one.
    pub fn decide(&mut self, current: u32, latency_ns: Option<u64>) -> u32 {
        let Some(latency_ns) = latency_ns else { return current };
        let ratio = latency_ns as f64 / self.promise.latency.0 as f64;
        self.calm = if ratio < self.config.headroom { self.calm + 1 } else { 0 };
        if ratio > 1.0 {
            let factor = ratio.min(self.config.max_growth.max(1.0));
            return ((f64::from(current) * factor).ceil() as u32).max(current.saturating_add(1));
        }
        if self.calm >= self.config.patience.max(1) {
            self.calm = 0;
            let gone = ((f64::from(current) * self.config.shrink) as u32).max(1);
            return current.saturating_sub(gone).max(1);
        }
        current
    }
}

impl Variant<dyn Autoscaler> for Latency {
    const NAME: &'static str = "latency";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        Promise::check(config.objective, config.percentile)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        Ok(Box::new(Self::new(config.clone(), setup.promised)))
    }
}

impl Autoscaler for Latency {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let Promise { percentile, latency } = self.promise;
        let latency_ns = signals.seen().latency_ns(percentile);
        let servers = self.decide(signals.counts.wanted(), latency_ns);
        let Some(latency_ns) = latency_ns else { return Target::blind(signals) };
        let (seen, percent) = (latency_ns as f64 / 1e9, (percentile * 1e8).round() / 1e6);
        let why = format!("p{percent} is {seen:.3} s, {latency} is promised");
        Target::new(servers, why)
    }

    fn manners(&self) -> Manners {
        Manners { latency: true, ..Manners::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_by_the_ratio_and_shrinks_after_patience() {
        let mut controller = Latency::new(Config { patience: 2, ..Config::default() }, None);
        assert_eq!(controller.decide(10, Some(750_000_000)), 15);
        assert_eq!(controller.decide(10, Some(5_000_000_000)), 20, "at most double");
        assert_eq!(controller.decide(10, Some(400_000_000)), 10);
        assert_eq!(controller.decide(20, Some(100_000_000)), 20);
        assert_eq!(controller.decide(20, Some(100_000_000)), 18);
        assert_eq!(controller.decide(20, None), 20);
    }
    #[test]
    fn the_scenario_says_what_is_promised_where_the_policy_does_not() {
        let of = |objective, percentile, promised| {
            let config = Config { objective, percentile, ..Config::default() };
            Latency::new(config, promised).promise
        };
        let promise = |percentile, ms| Promise { percentile, latency: Duration::from_millis(ms) };
        let scenario = Some(promise(0.95, 250));
        assert_eq!(of(None, None, scenario), promise(0.95, 250));
        assert_eq!(of(None, Some(0.9), scenario), promise(0.9, 250));
        assert_eq!(of(Some(Duration::from_millis(80)), None, scenario), promise(0.99, 80));
        assert_eq!(of(None, None, None), promise(0.99, 500));
    }
}
