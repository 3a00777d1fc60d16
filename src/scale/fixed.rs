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
