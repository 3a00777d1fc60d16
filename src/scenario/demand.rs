//! How many servers a load demands, as what a run was offered tells, or what it will be.
//!
//! *Demand* at a time is the fewest servers that meet the objectives with the load of 15 s or more:
//! the first percentile or mean of latency or wait that the scenario states, by the M/M/c formula,
//! and a stated limit of utilization; without objectives 80 % of the slots.

use super::{Goal, Measure, Pool, Scenario};
use crate::diagnose::Problem;
use crate::probe::{Census, Offered, Probe as _};
use crate::rng::Seed;
use crate::theory::{Target, min_servers};
use crate::time::{Duration, Instant};

/// What a limit of latency or wait means for a queue.
fn target(goal: &Goal) -> Option<Target> {
    let t = goal.limit;
    match goal.measure {
        Measure::Percentile(p) if goal.below => Some(Target::LatencyQuantile { p, t }),
        Measure::WaitPercentile(p) if goal.below => Some(Target::WaitQuantile { p, t }),
        Measure::Mean if goal.below => Some(Target::LatencyMean(t)),
        Measure::WaitMean if goal.below => Some(Target::WaitMean(t)),
        _ => None,
    }
}

/// Demand is taken over intervals no shorter than this: within a few seconds the number of arrivals
/// is chance, which no autoscaler could follow.
pub(super) const SHORTEST: Duration = Duration::from_secs(15);

/// The fewest servers that meet the objectives, from each instant it changes.
pub(super) fn demand(
    scenario: &Scenario,
    pool: &Pool,
    (width, offered): (Duration, impl Iterator<Item = (Instant, Offered)>),
    to: Instant,
) -> Vec<(Instant, u32)> {
    let goal = scenario.goals().find_map(target);
    let utilization = scenario
        .goals()
        .find(|it| it.measure == Measure::Utilization && it.below)
        .map(|it| it.limit);
    // Without a limit of latency the slots are meant to be busy for four fifths of the time.
    let share = utilization.unwrap_or(if goal.is_some() { 1.0 } else { 0.8 }).max(0.01);
    let servers = |offered: Offered| {
        if offered.arrivals == 0 {
            return 0;
        }
        let service_s = offered.work_ns as f64 / 1e9 / offered.arrivals as f64 / pool.speed;
        let rate = offered.arrivals as f64 / width.as_secs_f64();
        let by_share = (rate * service_s / share - 1e-9).ceil().max(1.0) as u32;
        let by_goal = goal.and_then(|goal| min_servers(rate, 1.0 / service_s, goal).ok());
        by_share.max(by_goal.unwrap_or(0)).div_ceil(pool.slots)
    };
    let mut steps: Vec<(Instant, u32)> = Vec::new();
    for (at, offered) in offered {
        let count = servers(offered);
        if at < to && steps.last().is_none_or(|(_, last)| *last != count) {
            steps.push((at, count));
        }
    }
    steps
}

/// Intervals of what arrived that are long enough to be followed: their width and their sums.
pub(super) fn followed(census: &Census) -> (Duration, impl Iterator<Item = (Instant, Offered)>) {
    let together = SHORTEST.0.div_ceil(census.width.0).max(1);
    let width = Duration(together * census.width.0);
    let sums = census.offered.chunks(together as usize);
    let sums = sums.map(|offered| offered.iter().copied().sum());
    (width, (0_u64..).map(move |index| Instant(index * width.0)).zip(sums))
}

impl Scenario {
    /// What a pool will be asked for in a run: its traffic, read or drawn ahead; nothing is read
    /// where that is only checked, `dry`.
    pub(super) fn demand_ahead(
        &self,
        pool: &Pool,
        seed: Seed,
        dry: bool,
    ) -> Result<Vec<(Instant, u32)>, Problem> {
        if self.pool.len() > 1 {
            let what = "with several pools there is no demand of one of them";
            return Err(Problem::new(what).help("leave `ideal` to scenarios with one pool"));
        }
        if dry {
            return Ok(Vec::new());
        }
        for traffic in self.traffic.values() {
            if traffic.input(&self.folder).is_some_and(|input| input.is_stream()) {
                let what = "`ideal` reads the traffic twice, and a stream can be read once";
                return Err(Problem::new(what).help("save it to a file first"));
            }
        }
        let until = self.until().unwrap_or(Instant::NEVER);
        let (mut census, mut chunk) = (Census::new(1), Vec::new());
        let mut source = self.source(seed)?;
        'all: loop {
            chunk.clear();
            source.fill(&mut chunk)?;
            if chunk.is_empty() {
                break;
            }
            for request in &chunk {
                if request.arrival >= until {
                    break 'all;
                }
                census.arrival(request, 0);
            }
        }
        Ok(demand(self, pool, followed(&census), until))
    }
}
