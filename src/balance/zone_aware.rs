//! The balancer's own zone as far as its servers' share goes, other zones for the rest.
//!
//! **What it does.** Lₒ is the share of balancers in the own zone, Uₒ that of servers. With Uₒ ≥ Lₒ
//! all requests stay; otherwise they stay with probability Uₒ / Lₒ, and the rest goes to zones in
//! proportion to what their servers' share exceeds their balancers'. With fewer than `min-servers`,
//! one zone only, or none of the own, zones are drawn by their number of servers. The policy
//! `inside` picks within the zone. O(zones) beside it.
//! **When it shines.** Traffic between zones that is slow or paid for.
//! **When it fails.** Zones with much more traffic than balancers: shares stand for load.
//! **Source.** Envoy's zone-aware routing.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::levels::{Levels, draw_share, forward_to_levels};
use super::tiers::inside;
use super::{Balancer, Pick, Setup, Sight};
use crate::diagnose::Problem;
use crate::document::{Node, Value};
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Completion, Request, ServerId};
use crate::registry::{Recipe, Variant};
use crate::rng::Stream;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The balancer's own zone; absent: balancers stand in the zones in turn.
    #[serde(deserialize_with = "zone_name")]
    zone: Option<String>,
    /// The share of callers in each zone, in the order in which pools name them; absent: as
    /// balancers stand.
    callers: Option<Vec<f64>>,
    /// With fewer servers zones are not looked at.
    min_servers: usize,
    /// The policy within a zone.
    inside: Recipe<dyn Balancer>,
}

impl Default for Config {
    fn default() -> Self {
        Self { zone: None, callers: None, min_servers: 6, inside: inside() }
    }
}

/// The share of requests for each zone, from callers and servers by zone, the own one at `own`.
/// Shares are whole ten-thousandths, rounded down, as in Envoy.
fn shares(callers: &[f64], servers: &[usize], own: usize) -> Vec<f64> {
    let whole = |part: f64, all: f64| (10_000.0 * part / all + 1e-9).floor();
    let (all, hosts) = (callers.iter().sum::<f64>(), servers.iter().sum::<usize>() as f64);
    let local = |zone: usize| whole(callers.get(zone).copied().unwrap_or(0.0), all);
    let upstream = |zone: usize| whole(servers[zone] as f64, hosts);
    let mut out = vec![0.0; servers.len()];
    if upstream(own) >= local(own) {
        out[own] = 1.0;
        return out;
    }
    out[own] = upstream(own) / local(own);
    let residual = |zone: usize| {
        if zone == own { 0.0 } else { (upstream(zone) - local(zone)).max(0.0) }
    };
    let rest: f64 = (0..servers.len()).map(residual).sum();
    for zone in (0..servers.len()).filter(|&zone| zone != own) {
        let even = 1.0 / (servers.len() - 1) as f64;
        out[zone] = (1.0 - out[own]) * if rest > 0.0 { residual(zone) / rest } else { even };
    }
    out
}

/// The policy: the share of requests of each zone.
#[derive(Debug)]
pub struct ZoneAware {
    config: Config,
    own: Option<u16>,
    levels: Levels,
    balancer: u32,
    balancers: u32,
    shares: Vec<f64>,
}

/// Reads the name of a zone, which may be a number.
pub(super) fn zone_name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let node = Node::deserialize(from)?;
    let name = match &node.value {
        Value::Integer(number) => Ok(number.to_string()),
        _ => node.typed(),
    };
    name.map(Some).map_err(Problem::carry)
}

/// The number of a zone by its name; refuses one in which no server stands.
pub(super) fn number_of(zone: Option<&str>, setup: &Setup<'_>) -> Result<Option<u16>, Problem> {
    let Some(name) = zone else { return Ok(None) };
    let number = if setup.zones.is_empty() {
        name.parse().ok().filter(|&zone| setup.fleet.specs().iter().any(|spec| spec.zone == zone))
    } else {
        setup.zones.iter().position(|known| known == name).map(|place| place as u16)
    };
    match number {
        Some(_) => Ok(number),
        None => Err(Problem::about("zone", format!("no server stands in the zone `{name}`"))
            .help("leave `zone` out, or give a pool this `zone`")),
    }
}

impl Variant<dyn Balancer> for ZoneAware {
    const NAME: &'static str = "zone-aware";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        let valid = |callers: &Vec<f64>| {
            callers.iter().all(|share| *share >= 0.0 && share.is_finite())
                && callers.iter().sum::<f64>() > 0.0
        };
        if config.callers.as_ref().is_none_or(valid) {
            return Ok(());
        }
        Err(Problem::about("callers", "`callers` must be shares, not negative and not all 0")
            .help("one number a zone, e.g. [0.4, 0.4, 0.2]"))
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let own = number_of(config.zone.as_deref(), setup)?;
        let levels = Levels::of_zones(&config.inside, setup)?;
        let zones = levels.groups().len();
        if let Some(callers) = config.callers.as_ref().filter(|callers| callers.len() != zones) {
            let message = format!("`callers` has {} shares for {zones} zones", callers.len());
            return Err(Problem::about("callers", message).help("give one share a zone, in order"));
        }
        let mut policy = Self {
            config: config.clone(),
            own,
            levels,
            balancer: setup.balancer,
            balancers: setup.balancers.max(1),
            shares: Vec::new(),
        };
        policy.weigh();
        Ok(Box::new(policy))
    }
}

impl ZoneAware {
    fn weigh(&mut self) {
        let zones = self.levels.groups();
        let servers: Vec<usize> = zones.iter().map(|zone| zone.members.len()).collect();
        let own = match self.own {
            Some(own) => zones.iter().position(|zone| zone.key == own),
            None => Some(self.balancer as usize % zones.len().max(1)),
        };
        let standing = |zone: usize| match self.own {
            // All of them stand where they are put.
            Some(_) => f64::from(u8::from(Some(zone) == own)),
            None => {
                (0..self.balancers as usize).filter(|at| at % zones.len() == zone).count() as f64
            }
        };
        let callers = || (0..zones.len()).map(standing).collect::<Vec<f64>>();
        let callers = self.config.callers.clone().unwrap_or_else(callers);
        let aware = servers.iter().filter(|servers| **servers > 0).count() > 1
            && callers.iter().filter(|callers| **callers > 0.0).count() > 1
            && servers.iter().sum::<usize>() >= self.config.min_servers;
        self.shares = match own.filter(|&own| aware && servers.get(own).is_some_and(|n| *n > 0)) {
            Some(own) => shares(&callers, &servers, own),
            None => servers.iter().map(|servers| *servers as f64).collect(),
        };
    }
}

impl Balancer for ZoneAware {
    fn pick(&mut self, request: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        let zone = draw_share(&self.shares, stream).unwrap_or(0);
        self.levels.pick_from(zone, request, view, stream)
    }

    fn sight(&self) -> Sight {
        self.levels.sight()
    }

    fn overprovisioning(&self) -> Option<f64> {
        self.levels.overprovisioning()
    }

    forward_to_levels!(weigh);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_stay_as_far_as_the_share_of_servers_goes() {
        let near = |a: Vec<f64>, b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(near(shares(&[0.4, 0.4, 0.2], &[5, 10, 5], 0), [0.625, 0.25, 0.125]));
        assert!(near(shares(&[0.4, 0.4, 0.2], &[5, 10, 5], 1), [0.0, 1.0, 0.0]));
        assert!(near(shares(&[0.4, 0.4, 0.2], &[5, 10, 5], 2), [0.0, 0.0, 1.0]));
    }
}
