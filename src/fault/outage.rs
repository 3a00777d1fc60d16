//! The server is out: it serves nothing until it is back.
//!
//! **What it does.** Requests in service and in the server's queue meet the fate that `in-service`
//! and `queued` name. Who is sent to it meanwhile is refused at once, or hangs where `in-service`
//! is `held` or `silent`: then only a timeout helps. The balancers know nothing of it but by health
//! checks, by ejection, or where `[health]` says `known-at-once`.
//! **When it shines.** Crashes, restarts, power and network cuts, the loss of a zone.
//! **When it fails.** A server that is merely ill: see `slow` and `errors`.
//! **Source.** The failure modes of Cristian 1991 (crash, omission); breakdowns of queueing theory
//! (Avi-Itzhak and Naor 1963) with `in-service = "resumed"`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Effect, Fault, Loss};
use crate::diagnose::Problem;
use crate::registry::Variant;

/// Options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// What becomes of requests in service: `lost`, `returned` (they begin anew elsewhere),
    /// `resumed` (they go on elsewhere), `held` (they go on here when it is back) or `silent` (they
    /// hang, and fail when it is back).
    in_service: Loss,
    /// What becomes of requests that wait at the server; as `in-service` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    queued: Option<Loss>,
}

/// The fault.
#[derive(Debug)]
pub struct Outage(Config);

impl Variant<dyn Fault> for Outage {
    const NAME: &'static str = "outage";
    type Config = Config;
    fn build(config: &Config, (): &()) -> Result<Box<dyn Fault>, Problem> {
        Ok(Box::new(Self(config.clone())))
    }
}

impl Fault for Outage {
    fn effect(&self) -> Effect {
        let in_service = self.0.in_service;
        Effect::Out { in_service, queued: self.0.queued.unwrap_or(in_service) }
    }
}
