//! The server answers with errors: some or all of its requests fail.
//!
//! **What it does.** A `share` of its requests, drawn one by one, and each n-th of them (`nth`)
//! fail: after their service, or at once with `at-once`. A server that fails at once looks idle, so
//! policies that go by load send it everything: a black hole.
//! **When it shines.** A bad release, a lost database connection; what ejection is for.
//! **When it fails.** Errors that come of load: those are timeouts and full queues.
//! **Source.** Envoy's outlier detection and nginx's `max_fails` are tested with such servers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Effect, Fault};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::units::Share;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The share of requests that fail.
    share: Share,
    /// Each so-many-th request of a server fails beside those of `share`; 0 is none.
    nth: u32,
    /// Whether a failing request fails at once, rather than after its service.
    at_once: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { share: Share(0.0), nth: 0, at_once: false }
    }
}

/// The fault.
#[derive(Debug)]
pub struct Errors(Config);

impl Variant<dyn Fault> for Errors {
    const NAME: &'static str = "errors";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.share.0 > 0.0 || config.nth > 0 {
            return Ok(());
        }
        Err(Problem::about("share", "no request would fail")
            .help("set `share = \"20%\"`, or `nth = 3` for each third request"))
    }

    fn build(config: &Config, (): &()) -> Result<Box<dyn Fault>, Problem> {
        Ok(Box::new(Self(config.clone())))
    }
}

impl Fault for Errors {
    fn effect(&self) -> Effect {
        let Config { share, nth, at_once } = self.0;
        Effect::Errors { share: share.0, nth, at_once }
    }
}
