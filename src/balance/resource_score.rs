//! Shares by what servers report to have left of processor, memory and bandwidth.
//!
//! **What it does.** The score of a server is the weighted mean of its free shares; `choose =
//! "share"` draws a candidate with probability proportional to its score, `"best"` takes the
//! highest, any on a tie. Scores are taken up every `update-period`; a server without a report
//! younger than `max-age` has the mean score. O(log n), O(n) at an update.
//! **When it shines.** Servers that other work shares, and load that differs by resource.
//! **When it fails.** `best` sends everything to one server until the next report: the herd.
//! **What it sees.** Reports only, as old as their interval and delay make them. Memory and
//! bandwidth count where the pool gives their size.
//! **Source.** Load scores of global balancers and of F5's dynamic ratio; shares against herding
//! are Mitzenmacher's advice for old information (2000).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::{MinTree, Roster, SumTree};
use super::utilization_weighted::needs_reports;
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
    /// The weight of free processor time.
    cpu: f64,
    /// The weight of free memory.
    memory: f64,
    /// The weight of free bandwidth.
    bandwidth: f64,
    /// `share` draws by score, `best` takes the highest.
    choose: Choose,
    /// How often scores are taken up.
    update_period: Duration,
    /// How old a report may be.
    max_age: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cpu: 1.0,
            memory: 1.0,
            bandwidth: 1.0,
            choose: Choose::Share,
            update_period: Duration::from_secs(1),
            max_age: Duration::from_secs(180),
        }
    }
}

/// How scores choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Choose {
    /// In proportion.
    Share,
    /// The highest.
    Best,
}

impl Config {
    /// The weighted mean of free shares; a full server keeps a trace, so that it is seen to
    /// recover.
    fn score(&self, report: &Report) -> f64 {
        let free = |used: f64| (1.0 - used).max(0.0);
        let sum = self.cpu * free(report.utilization)
            + self.memory * free(report.memory)
            + self.bandwidth * free(report.bandwidth);
        (sum / (self.cpu + self.memory + self.bandwidth)).max(0.001)
    }
}

/// The policy.
#[derive(Debug)]
pub struct ResourceScore {
    config: Config,
    roster: Roster,
    shares: SumTree,
    ranks: MinTree,
    next_update: Instant,
}

impl Variant<dyn Balancer> for ResourceScore {
    const NAME: &'static str = "resource-score";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        let weights = [config.cpu, config.memory, config.bandwidth];
        let valid = |weight: &f64| *weight >= 0.0 && weight.is_finite();
        if !weights.iter().all(valid) || weights.iter().sum::<f64>() == 0.0 {
            let message =
                "the weights of `cpu`, `memory` and `bandwidth` must not be negative nor all 0";
            return Err(Problem::about("cpu", message).help("1 each is the default"));
        }
        if config.update_period == Duration::ZERO {
            return Err(Problem::about(
                "update-period",
                "`update-period` = 0 would scan all servers",
            )
            .help("1s is the default"));
        }
        Ok(())
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        needs_reports(setup)?;
        Ok(Box::new(Self {
            config: config.clone(),
            roster: Roster::of(setup.fleet),
            shares: SumTree::default(),
            ranks: MinTree::default(),
            next_update: Instant::START,
        }))
    }
}

impl ResourceScore {
    fn update(&mut self, view: &View<'_>) {
        let young = |report: &&Report| view.now.since(report.at) <= self.config.max_age;
        let score = |&server: &ServerId| {
            let report = view.report(server).filter(young);
            (server, report.map(|report| self.config.score(report)))
        };
        let scores: Vec<_> = self.roster.as_slice().iter().map(score).collect();
        let known = scores.iter().filter_map(|(_, score)| *score);
        let (count, sum) = known.fold((0, 0.0), |(n, sum), score| (n + 1, sum + score));
        let mean = if count > 0 { sum / f64::from(count) } else { 1.0 };
        for (server, score) in scores {
            let score = score.unwrap_or(mean);
            match self.config.choose {
                Choose::Share => self.shares.set(server, score),
                Choose::Best => self.ranks.set(server, -score, 0),
            }
        }
        self.next_update = view.now + self.config.update_period;
    }
}

impl Balancer for ResourceScore {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        if self.roster.take_changed() || view.now >= self.next_update {
            self.update(view);
        }
        let found = match self.config.choose {
            Choose::Share => self.shares.draw_among(view.candidates, stream),
            Choose::Best => self.ranks.any(view.candidates, stream),
        };
        found.map_or(Pick::Refuse, Pick::Server)
    }

    fn on_fleet(&mut self, change: FleetChange, _: &Fleet) {
        self.roster.apply(change);
        if let FleetChange::Left(server) = change {
            self.shares.set(server, 0.0);
            self.ranks.remove(server);
        }
    }
}
