//! A fixed number of servers.
//!
//! *What it does*: always the same count, whatever happens.
//!
//! *When it shines*: as the yardstick: the best fixed count is what every other policy has to beat.
//!
//! *When it fails*: it pays for the peak all night, or is overrun at noon.
//!
//! *Source*: none is needed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Autoscaler, Manners, Setup, Signals, Target};
use crate::diagnose::Problem;
use crate::registry::Variant;

/// How many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Servers. Absent: as many as the pool begins with.
    pub servers: Option<u32>,
}

#[expect(clippy::derivable_impls, reason = "written out, because defaults are the manual")]
impl Default for Config {
    fn default() -> Self {
        Self { servers: None }
    }
}

/// The count wanted of a pool that began with `initial`.
pub fn servers(config: &Config, initial: u32) -> u32 {
    config.servers.unwrap_or(initial)
}

/// A fixed count.
#[derive(Debug)]
pub struct Fixed(u32);

impl Variant<dyn Autoscaler> for Fixed {
    const NAME: &'static str = "fixed";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        Ok(Box::new(Self(servers(config, setup.servers))))
    }
}

impl Autoscaler for Fixed {
    fn target(&mut self, _: &Signals<'_>) -> Target {
        Target::new(self.0, "fixed")
    }

    fn manners(&self) -> Manners {
        // It needs no metric to leave zero, and was told how many there may be.
        Manners { min: self.0.min(1), max: self.0.max(1), wakes: true, ..Manners::default() }
    }
}
