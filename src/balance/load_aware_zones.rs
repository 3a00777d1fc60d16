//! The own zone while it is no busier than the others, else zones by what they have left.
//!
//! **What it does.** Every second takes each zone's mean reported utilization into a smoothed one
//! (5 s); a zone's base is servers × free share. While the own zone is at most `tolerance` above
//! the mean of the others everything stays, otherwise zones are drawn by their base; others always
//! get `probe-share`, so that they are measured. The policy `inside` picks within the zone.
//! O(zones), O(n) each second.
//! **When it shines.** Load that moves between zones faster than servers can be moved.
//! **When it fails.** Old reports: zones swing.
//! **What it sees.** Reports only; a zone none of whose servers has reported for `expiration`
//! counts as free.
//! **Source.** Envoy's load-aware locality, as documented (work in progress there).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::levels::{Group, Levels, draw_share, forward_to_levels};
use super::tiers::inside;
use super::utilization_weighted::needs_reports;
use super::zone_aware::{number_of, zone_name};
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Completion, Request, ServerId};
use crate::registry::{Recipe, Variant};
use crate::rng::Stream;
use crate::time::{Duration, Instant};

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The balancer's own zone; absent: balancers stand in the zones in turn.
    #[serde(deserialize_with = "zone_name")]
    zone: Option<String>,
    /// How far above the others the own zone's utilization may be.
    tolerance: f64,
    /// The share of requests that others get in any case.
    probe_share: f64,
    /// How often utilization is looked at.
    period: Duration,
    /// The time in which a smoothed utilization forgets to 1/e.
    smoothing: Duration,
    /// How old a report may be.
    expiration: Duration,
    /// The policy within a zone.
    inside: Recipe<dyn Balancer>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            zone: None,
            tolerance: 0.1,
            probe_share: 0.03,
            period: Duration::from_secs(1),
            smoothing: Duration::from_secs(5),
            expiration: Duration::from_secs(180),
            inside: inside(),
        }
    }
}

/// A zone as the rule sees it; without a utilization nothing is known of it.
#[derive(Clone, Copy, Debug)]
struct Zone {
    servers: f64,
    utilization: Option<f64>,
}

/// The share of requests for each zone, the own one at `own`.
fn shares(zones: &[Zone], own: usize, tolerance: f64, probe_share: f64) -> Vec<f64> {
    let remotes = || (0..zones.len()).filter(|&zone| zone != own);
    let hosts: f64 = remotes().map(|zone| zones[zone].servers).sum();
    let used = |zone: usize| zones[zone].utilization.unwrap_or(0.0);
    let mut out: Vec<f64> =
        (0..zones.len()).map(|zone| zones[zone].servers * (1.0 - used(zone)).max(0.0)).collect();
    let whole: f64 = out.iter().sum();
    if whole == 0.0 {
        return zones.iter().map(|zone| zone.servers).collect();
    }
    for share in &mut out {
        *share /= whole;
    }
    if hosts == 0.0 || zones[own].servers == 0.0 {
        return out;
    }
    let remote = remotes().map(|zone| used(zone) * zones[zone].servers).sum::<f64>() / hosts;
    if used(own) <= remote + tolerance {
        out.fill(0.0);
        out[own] = 1.0;
    }
    let missing = probe_share - remotes().map(|zone| out[zone]).sum::<f64>();
    if missing > 0.0 {
        out[own] -= missing;
        remotes().for_each(|zone| out[zone] += missing * zones[zone].servers / hosts);
    }
    out
}

/// The policy.
#[derive(Debug)]
pub struct LoadAwareZones {
    config: Config,
    own: Option<u16>,
    levels: Levels,
    balancer: u32,
    smoothed: Vec<(u16, f64)>,
    shares: Vec<f64>,
    next_look: Instant,
}

impl Variant<dyn Balancer> for LoadAwareZones {
    const NAME: &'static str = "load-aware-zones";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        for (key, share) in [("tolerance", config.tolerance), ("probe-share", config.probe_share)] {
            if !(0.0..=1.0).contains(&share) {
                let message = format!("`{key}` = {share} is not between 0 and 1");
                return Err(Problem::about(key, message).help("0.1 and 0.03 are the defaults"));
            }
        }
        if config.period == Duration::ZERO || config.smoothing == Duration::ZERO {
            return Err(Problem::about("period", "`period` and `smoothing` must not be 0")
                .help("1s and 5s are the defaults"));
        }
        Ok(())
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        needs_reports(setup)?;
        Ok(Box::new(Self {
            own: number_of(config.zone.as_deref(), setup)?,
            config: config.clone(),
            levels: Levels::of_zones(&config.inside, setup)?,
            balancer: setup.balancer,
            smoothed: Vec::new(),
            shares: Vec::new(),
            next_look: Instant::START,
        }))
    }
}

impl LoadAwareZones {
    /// Other servers: their utilization is looked at for the next request.
    fn look_soon(&mut self) {
        self.next_look = Instant::START;
    }

    /// The mean utilization of a zone's servers that have reported of late.
    fn utilization(&self, zone: &Group, view: &View<'_>) -> Option<f64> {
        let reports = zone.members.as_slice().iter().filter_map(|&server| view.report(server));
        let young = reports.filter(|report| view.now.since(report.at) <= self.config.expiration);
        let (count, sum) =
            young.fold((0, 0.0), |(n, sum), report| (n + 1, sum + report.utilization));
        (count > 0).then(|| sum / f64::from(count))
    }

    fn look(&mut self, view: &View<'_>) {
        let pace = 1.0 - (-(self.config.period.0 as f64 / self.config.smoothing.0 as f64)).exp();
        let mut zones = Vec::new();
        let mut smoothed = Vec::new();
        for zone in self.levels.groups() {
            let before = self.smoothed.iter().find(|(key, _)| *key == zone.key).map(|(_, u)| *u);
            let now = self.utilization(zone, view);
            let utilization = now.map(|now| before.map_or(now, |old| old + pace * (now - old)));
            smoothed.extend(utilization.map(|utilization| (zone.key, utilization)));
            zones.push(Zone { servers: zone.members.len() as f64, utilization });
        }
        let groups = self.levels.groups();
        let own = match self.own {
            Some(own) => groups.iter().position(|zone| zone.key == own).unwrap_or(0),
            None => self.balancer as usize % groups.len().max(1),
        };
        let Config { tolerance, probe_share, period, .. } = self.config;
        if !zones.is_empty() {
            self.shares = shares(&zones, own, tolerance, probe_share);
        }
        (self.smoothed, self.next_look) = (smoothed, view.now + period);
    }
}

impl Balancer for LoadAwareZones {
    fn pick(&mut self, request: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        if view.now >= self.next_look {
            self.look(view);
        }
        let zone = draw_share(&self.shares, stream).unwrap_or(0);
        self.levels.pick_from(zone, request, view, stream)
    }

    fn overprovisioning(&self) -> Option<f64> {
        self.levels.overprovisioning()
    }

    forward_to_levels!(look_soon);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(utilizations: &[f64]) -> Vec<f64> {
        let zone = |&used: &f64| Zone { servers: 10.0, utilization: Some(used) };
        shares(&utilizations.iter().map(zone).collect::<Vec<_>>(), 0, 0.1, 0.03)
    }

    fn near(a: &[f64], b: &[f64]) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12)
    }

    #[test]
    fn a_busy_zone_shares_by_what_is_left() {
        assert!(near(&of(&[0.7, 0.3, 0.4]), &[0.1875, 0.4375, 0.375]));
        assert!(near(&of(&[0.45, 0.4, 0.4]), &[0.97, 0.015, 0.015]));
        assert!(near(&of(&[1.0, 1.0, 1.0]), &[10.0, 10.0, 10.0]));
    }
}
