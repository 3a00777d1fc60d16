//! What points with the same requests share: the drawn workload of each replication, the trace.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::super::Monitor;
use super::super::replicate::Resampling;
use super::super::workload::{Workload, room};
use crate::diagnose::Problem;
use crate::rng::Seed;
use crate::scenario::Scenario;

/// Replications whose workload is kept; those beyond draw theirs anew.
const KEPT: usize = 32;

/// The requests of one kind of traffic, for as long as points with it are run.
pub(super) struct Shared {
    traffic: u64,
    resampling: OnceLock<Result<Arc<Resampling>, Problem>>,
    workloads: [OnceLock<Option<Arc<Workload>>>; KEPT],
    /// The most requests that are kept of a replication; 0 where nobody shares them.
    most: usize,
    too_long: AtomicBool,
}

impl Shared {
    fn new(traffic: u64, replications: usize, alone: bool) -> Self {
        // The last points of one traffic are run while the first of the next are.
        let kept = 2 * replications.clamp(1, KEPT);
        Self {
            traffic,
            resampling: OnceLock::new(),
            workloads: [const { OnceLock::new() }; KEPT],
            most: if alone { 0 } else { room(kept) },
            too_long: AtomicBool::new(false),
        }
    }

    /// How replications of a trace are made, for all points with it.
    pub(super) fn resampling(
        &self,
        scenario: &Scenario,
        monitor: &dyn Monitor,
    ) -> Result<Arc<Resampling>, Problem> {
        let read = || Resampling::of(&[scenario], monitor).map(Arc::new);
        self.resampling.get_or_init(read).clone()
    }

    /// The requests of a replication, if they are kept: the first point that asks draws them.
    pub(super) fn workload(
        &self,
        scenario: &Scenario,
        replication: u64,
        monitor: &dyn Monitor,
    ) -> Result<Option<Arc<Workload>>, Problem> {
        let Some(place) = self.workloads.get(replication as usize) else { return Ok(None) };
        if self.most == 0 || self.too_long.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut trouble = None;
        let drawn = place.get_or_init(|| {
            let seed = Seed::new(scenario.seed, replication);
            let drawn =
                Workload::draw(scenario, seed, self.most, monitor).unwrap_or_else(|found| {
                    trouble = Some(found);
                    None
                });
            self.too_long.fetch_or(drawn.is_none(), Ordering::Relaxed);
            drawn.map(Arc::new)
        });
        trouble.map_or_else(|| Ok(drawn.clone()), Err)
    }
}

/// The kinds of traffic that points are being run with: the current one and the one before it.
#[derive(Default)]
pub(super) struct Traffics(Mutex<VecDeque<Arc<Shared>>>);

impl Traffics {
    /// What a point with this traffic shares with others.
    pub(super) fn get(&self, traffic: u64, replications: usize, alone: bool) -> Arc<Shared> {
        let mut known = self.0.lock().expect("no thread panics while it holds the traffic");
        if let Some(shared) = known.iter().find(|shared| shared.traffic == traffic) {
            return Arc::clone(shared);
        }
        let shared = Arc::new(Shared::new(traffic, replications, alone));
        known.push_front(Arc::clone(&shared));
        known.truncate(2);
        shared
    }
}
