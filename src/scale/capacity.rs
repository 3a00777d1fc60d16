//! Capacity by division: `C = ⌈P / T⌉` or `C = ⌈P / T + k⌉`.
//!
//! *What it does*: divides the load by what one server bears, adds `k` spare servers, rounds up.
//!
//! *When it shines*: the throughput of a server has been measured and is the same for every
//! request; `k` covers failures or a deployment.
//!
//! *When it fails*: at `k = 0` the servers are as good as full whenever the division leaves little
//! rest, and a full queueing system has no bound on its wait; a constant `k` is too much for a
//! small fleet or too little for a large one (see `square-root`).
//!
//! *Source*: the arithmetic of every capacity plan.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Autoscaler, Manners, Setup, Signals, Target, positive};
use crate::diagnose::Problem;
use crate::registry::Variant;

/// The divisor and the spare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// `T`: requests a second one server bears.
    pub per_server: f64,
    /// `k`: servers to spare, not necessarily whole.
    pub spare: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { per_server: 1.0, spare: 0.0 }
    }
}

/// The count wanted for a load of `P` requests a second.
pub fn decide(config: &Config, load: f64) -> u32 {
    // A quotient that ought to be whole may miss it by a rounding error.
    (load / config.per_server + config.spare - 1e-9).ceil().max(0.0) as u32
}

/// The formula at work.
#[derive(Debug)]
pub struct Capacity(Config);

impl Variant<dyn Autoscaler> for Capacity {
    const NAME: &'static str = "capacity";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        positive("per-server", config.per_server, "how many requests a second does a server bear?")
    }

    fn build(config: &Config, _: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        Ok(Box::new(Self(config.clone())))
    }
}

impl Autoscaler for Capacity {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let Some(load) = signals.seen().rate() else { return Target::blind(signals) };
        let Config { per_server, spare } = self.0;
        Target::new(decide(&self.0, load), format!("⌈{load:.2} / {per_server} + {spare}⌉"))
    }

    fn manners(&self) -> Manners {
        Manners { wakes: true, ..Manners::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_quotient_is_not_rounded_up() {
        let config = Config { per_server: 0.1, spare: 0.0 };
        assert_eq!(decide(&config, 0.3), 3, "0.3 / 0.1 is a little more than 3 in binary");
        assert_eq!(decide(&config, 0.31), 4);
        assert_eq!(decide(&Config { spare: 2.0, ..config }, 0.31), 6);
    }
}
