//! The requests of one replication, kept in memory: drawn once and given to every variant.
//!
//! k variants of a comparison cost one drawing and k simulations: four balancers 0.92 of four runs
//! where a request is two draws, 0.83 where it brings a key as well (the less is simulated, the
//! more is gained). What does not fit is drawn by each variant for itself: the same requests.

use std::sync::Arc;

use super::Monitor;
use crate::diagnose::Problem;
use crate::model::Request;
use crate::rng::Seed;
use crate::scenario::Scenario;
use crate::time::Instant;
use crate::workload::{CHUNK, Source};

/// The memory that all kept requests of an experiment may take together.
const MEMORY: usize = 1 << 30;

/// The most requests that one of `workloads` kept at a time may have.
pub(super) fn room(workloads: usize) -> usize {
    MEMORY / size_of::<Request>() / workloads.max(1)
}

/// The requests of one replication.
#[derive(Debug)]
pub(super) struct Workload {
    pub(super) requests: Vec<Request>,
    pub(super) impatient: bool,
    /// The end of the time it speaks of, where that may be later than its last request.
    pub(super) end: Option<Instant>,
    pub(super) advice: Vec<String>,
}

impl Workload {
    /// Draws or reads all requests of a replication; `None` if they are more than `most`, if they
    /// answer each other and cannot be known before the run, or if the monitor stops it.
    pub(super) fn draw(
        scenario: &Scenario,
        seed: Seed,
        most: usize,
        monitor: &dyn Monitor,
    ) -> Result<Option<Self>, Problem> {
        let mut source = scenario.source(seed)?;
        if source.is_closed_loop() {
            return Ok(None);
        }
        let mut requests = Vec::new();
        loop {
            let before = requests.len();
            source.fill(&mut requests)?;
            if requests.len() == before {
                break;
            }
            if requests.len() > most || !monitor.go_on(0) {
                return Ok(None);
            }
        }
        let (impatient, end, advice) = (source.is_impatient(), source.end(), source.advice());
        Ok(Some(Self { requests, impatient, end, advice }))
    }
}

/// A kept workload, told again from its start.
#[derive(Debug)]
pub(super) struct Told {
    workload: Arc<Workload>,
    at: usize,
}

impl Told {
    pub(super) fn new(workload: Arc<Workload>) -> Self {
        Self { workload, at: 0 }
    }
}

impl Source for Told {
    fn fill(&mut self, out: &mut Vec<Request>) -> Result<(), Problem> {
        let rest = &self.workload.requests[self.at..];
        let chunk = &rest[..rest.len().min(CHUNK)];
        out.extend_from_slice(chunk);
        self.at += chunk.len();
        Ok(())
    }

    fn is_impatient(&self) -> bool {
        self.workload.impatient
    }

    fn end(&mut self) -> Option<Instant> {
        self.workload.end
    }

    fn advice(&mut self) -> Vec<String> {
        self.workload.advice.clone()
    }
}
