//! Turns by reported efficiency: requests a second for the utilization they cost.
//!
//! **What it does.** Every `update-period` gives each server the weight rate / (utilization +
//! errors / rate × `error-penalty`) of its last report, and plays gRPC's static stride schedule. A
//! server without a usable report has the mean weight; with fewer than two weights all have the
//! same. O(1) on average, O(n) at an update.
//! **When it shines.** Servers of different and unknown size, many balancers: servers know their
//! own load best.
//! **When it fails.** Reports that are old where load changes fast; little traffic a server.
//! **What it sees.** Reports only, as old as their interval and delay make them.
//! **Source.** gRPC `weighted_round_robin` (gRFC A58); `clamp` is that of its C++ form.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::Roster;
use super::turns::Stride;
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, Report, View};
use crate::model::{Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::{Duration, Instant};

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// What an error costs, in utilization a request; not negative.
    error_penalty: f64,
    /// How long a server must have reported before its weight counts.
    blackout: Duration,
    /// After how long without a report a weight no longer counts.
    expiration: Duration,
    /// How often weights are taken up, 100ms or more.
    update_period: Duration,
    /// Whether weights are kept within 1/100 and 10 times their mean.
    clamp: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            error_penalty: 1.0,
            blackout: Duration::from_secs(10),
            expiration: Duration::from_secs(180),
            update_period: Duration::from_secs(1),
            clamp: true,
        }
    }
}

/// Refuses to go by reports that nobody makes.
pub(super) fn needs_reports(setup: &Setup<'_>) -> Result<(), Problem> {
    if setup.reports {
        return Ok(());
    }
    Err(Problem::new("this policy goes by what servers report, and they do not report")
        .help("give the balancer a `report-interval`, or take a policy that counts for itself"))
}

/// The weight of a report; `None` when it says nothing.
fn weight(report: &Report, penalty: f64) -> Option<f64> {
    let useful = report.utilization > 0.0 && report.rate > 0.0;
    useful.then(|| report.rate / (report.utilization + report.errors / report.rate * penalty))
}

/// What is known of one server.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    weight: f64,
    /// The last useful report, and the first since the server joined.
    last: Option<Instant>,
    since: Option<Instant>,
}

/// The policy.
#[derive(Debug)]
pub struct UtilizationWeighted {
    config: Config,
    roster: Roster,
    known: Vec<Known>,
    turns: Stride,
    next_update: Instant,
}

impl Variant<dyn Balancer> for UtilizationWeighted {
    const NAME: &'static str = "utilization-weighted";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if !(config.error_penalty >= 0.0 && config.error_penalty.is_finite()) {
            let message = format!("`error-penalty` = {} is negative", config.error_penalty);
            return Err(Problem::about("error-penalty", message).help("1 is gRPC's default"));
        }
        if config.update_period < Duration::from_millis(100) {
            let message = format!("`update-period` = {} is below 100ms", config.update_period);
            return Err(Problem::about("update-period", message).help("1s is gRPC's default"));
        }
        Ok(())
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        needs_reports(setup)?;
        Ok(Box::new(Self {
            config: config.clone(),
            roster: Roster::of(setup.fleet),
            known: vec![Known::default(); setup.fleet.len()],
            turns: Stride::default(),
            next_update: Instant::START,
        }))
    }
}

impl UtilizationWeighted {
    /// The weight to use now, 0 when there is none.
    fn usable(&mut self, server: ServerId, view: &View<'_>) -> f64 {
        let known = &mut self.known[server.index()];
        if let Some(report) = view.report(server)
            && known.last.is_none_or(|last| report.at > last)
            && let Some(weight) = weight(report, self.config.error_penalty)
        {
            (known.weight, known.last) = (weight, Some(report.at));
            known.since.get_or_insert(report.at);
        }
        let (Some(last), Some(since)) = (known.last, known.since) else { return 0.0 };
        if view.now.since(last) >= self.config.expiration {
            known.since = None;
            return 0.0;
        }
        if view.now.since(since) < self.config.blackout { 0.0 } else { known.weight }
    }

    fn update(&mut self, view: &View<'_>) {
        let servers = self.roster.as_slice().to_vec();
        let weigh = |server| (server, self.usable(server, view));
        let mut weights: Vec<(ServerId, f64)> = servers.into_iter().map(weigh).collect();
        if self.config.clamp {
            let positive = weights.iter().map(|(_, weight)| *weight).filter(|weight| *weight > 0.0);
            let (count, sum) = positive.fold((0, 0.0), |(n, sum), weight| (n + 1, sum + weight));
            let mean = sum / f64::from(count.max(1));
            for (_, weight) in weights.iter_mut().filter(|(_, weight)| *weight > 0.0) {
                *weight = weight.clamp(mean / 100.0, mean * 10.0);
            }
        }
        self.turns.set(weights);
        self.next_update = view.now + self.config.update_period;
    }
}

impl Balancer for UtilizationWeighted {
    fn pick(&mut self, _: &Request, view: &View<'_>, _: &mut Stream) -> Pick {
        if self.roster.take_changed() || view.now >= self.next_update {
            self.update(view);
        }
        self.turns.take(view.candidates).map_or(Pick::Refuse, Pick::Server)
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        self.roster.apply(change);
        if let FleetChange::Joined(server) = change {
            self.known.resize(fleet.len().max(self.known.len()), Known::default());
            self.known[server.index()] = Known::default();
        }
    }
}
