//! Square-root staffing on the measured rate.
//!
//! *What it does*: the offered load `R = λ E[S]` is the number of slots that are busy on average;
//! beyond it, `β √R` are kept, because that is how far the load strays by chance. `β` follows from
//! the share of requests that may have to wait.
//!
//! *When it shines*: large fleets and independent requests: it is the best count there is for a
//! given share of waiting, and its headroom shrinks relative to the fleet as the fleet grows.
//!
//! *When it fails*: arrivals burstier than Poisson stray further than √R (raise `variability`);
//! it looks at the present rate, so that a steep climb is met one start-up time late.
//!
//! *Source*: Halfin and Whitt, "Heavy-traffic limits for queues with many exponential servers"
//! (1981).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{Continuous, ContinuousCDF, Normal};

use super::{Autoscaler, Manners, Setup, Signals, Target};
use crate::diagnose::Problem;
use crate::registry::Variant;

/// The promise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The share of requests that may have to wait.
    pub wait_probability: f64,
    /// `(c_a² + c_s²) / 2` of the squared coefficients of variation of gaps and services: 1 for
    /// Poisson arrivals and exponential services. The headroom grows by its root.
    pub variability: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { wait_probability: 0.1, variability: 1.0 }
    }
}

/// The share of requests that wait with a headroom of `beta` roots, in the limit of many slots:
/// `[1 + β Φ(β) / φ(β)]⁻¹`.
pub fn wait_probability(beta: f64) -> f64 {
    let normal = Normal::standard();
    1.0 / (1.0 + beta * normal.cdf(beta) / normal.pdf(beta))
}

/// The `β` at which a share of requests waits; 0 from a share of 1 on.
pub fn beta(probability: f64) -> f64 {
    if probability >= 1.0 {
        return 0.0;
    }
    // The share falls with β; at 10 it is below any that can be meant.
    let (mut low, mut high) = (0.0, 10.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if wait_probability(middle) > probability { low = middle } else { high = middle }
    }
    high
}

/// Slots for an offered load: `⌈R + β √(R · variability)⌉`, and always more than `R`.
pub fn slots(offered: f64, beta: f64, variability: f64) -> u32 {
    if offered <= 0.0 {
        return 0;
    }
    let wanted = (offered + beta * (offered * variability).sqrt() - 1e-9).ceil();
    wanted.max(offered.floor() + 1.0) as u32
}

/// The count wanted for a rate (requests a second) and a mean service time (seconds) on servers of
/// so many slots.
pub fn decide(config: &Config, rate: f64, service_s: f64, slots_per_server: u32) -> u32 {
    let slots = slots(rate * service_s, beta(config.wait_probability), config.variability);
    slots.div_ceil(slots_per_server.max(1))
}

/// The formula at work.
#[derive(Debug)]
pub struct SquareRoot {
    config: Config,
    beta: f64,
    service_s: Option<f64>,
}

impl Variant<dyn Autoscaler> for SquareRoot {
    const NAME: &'static str = "square-root";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if !(config.variability.is_finite() && config.variability >= 0.0) {
            let message = format!("`variability` must be 0 or more, not {}", config.variability);
            return Err(Problem::about("variability", message).help("1 is that of M/M/c"));
        }
        if config.wait_probability > 0.0 && config.wait_probability <= 1.0 {
            return Ok(());
        }
        let message = format!("`wait-probability` = {} is no share", config.wait_probability);
        Err(Problem::about("wait-probability", message).help("write e.g. 0.1: one in ten may wait"))
    }

    fn build(config: &Config, _: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        let beta = beta(config.wait_probability);
        Ok(Box::new(Self { config: config.clone(), beta, service_s: None }))
    }
}

impl Autoscaler for SquareRoot {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let seen = signals.seen();
        // While nothing is completed the service time last measured is the best there is.
        self.service_s = seen.service_s().or(self.service_s);
        let Some(rate) = seen.rate() else { return Target::blind(signals) };
        let Some(service_s) = self.service_s else {
            // Nothing to multiply by yet: somebody has to serve the first request.
            let least = u32::from(signals.in_system > 0);
            return Target::new(signals.counts.wanted().max(least), "no service time yet");
        };
        let offered = rate * service_s;
        let slots = slots(offered, self.beta, self.config.variability);
        let why = format!("R = {offered:.2}, β = {:.2}: {slots} slots", self.beta);
        Target::new(slots.div_ceil(signals.slots.max(1)), why)
    }

    fn manners(&self) -> Manners {
        Manners { wakes: true, ..Manners::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_beta_is_met() {
        let table = [
            (0.5, 0.5061),
            (0.3, 0.8289),
            (0.2, 1.0615),
            (0.1, 1.4202),
            (0.05, 1.7398),
            (0.02, 2.1167),
            (0.01, 2.3749),
        ];
        for (probability, expected) in table {
            assert!((beta(probability) - expected).abs() < 0.5e-4, "{probability}");
        }
    }

    #[test]
    fn the_headroom_grows_with_the_root_of_the_load() {
        let config = Config { wait_probability: 0.2, ..Config::default() };
        assert_eq!(decide(&config, 100.0, 1.0, 1), 111);
        assert_eq!(decide(&config, 10_000.0, 1.0, 1), 10_107);
        assert_eq!(decide(&config, 100.0, 1.0, 4), 28);
        assert_eq!(decide(&config, 0.0, 1.0, 4), 0);
    }
}
