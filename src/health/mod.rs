//! Who is taken for healthy: active checks, and the trait of passive ejection with its registry.

mod checks;
pub mod failure_accrual;
pub mod max_fails;
pub mod outlier_detection;

pub use checks::{Checks, Score};

use crate::model::ServerId;
use crate::registry::{Entry, Role};
use crate::rng::Stream;
use crate::time::{Duration, Instant};

/// What an ejector wants done with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is sent nothing any more, until it returns by itself at this instant, or until the
    /// ejector says so.
    Eject(ServerId, Option<Instant>),
    /// It is sent requests again.
    Return(ServerId),
}

/// Takes servers out of turn by what becomes of the requests they are sent.
pub trait Ejector: std::fmt::Debug {
    /// A request has been sent to a server.
    fn sent(&mut self, _now: Instant, _server: ServerId) -> Option<Verdict> {
        None
    }

    /// One of `total` servers has answered a request well, or not: an error, a refusal, a timeout.
    fn answered(
        &mut self,
        now: Instant,
        server: ServerId,
        well: bool,
        total: u32,
        stream: &mut Stream,
    ) -> Option<Verdict>;

    /// A server has passed an active check.
    fn passed(&mut self, _now: Instant, _server: ServerId) -> Option<Verdict> {
        None
    }

    /// Where a failure also takes one of so many parts of a server's weight (nginx), for policies
    /// that have such weights: how many.
    fn weight_parts(&self) -> Option<u32> {
        None
    }

    /// Whether it would ever take out one of so many servers.
    fn may_eject_of(&self, _total: u32) -> bool {
        true
    }

    /// A server has left the fleet.
    fn forget(&mut self, _server: ServerId) {}

    /// How often it looks at all servers together, if it does.
    fn interval(&self) -> Option<Duration> {
        None
    }

    /// It looks at all servers, of which there are `total`.
    fn sweep(&mut self, _now: Instant, _total: u32, _stream: &mut Stream, _out: &mut Vec<Verdict>) {
    }
}

impl Role for dyn Ejector {
    const KIND: &'static str = "ejection";
    const KEY: &'static str = "policy";
    type Setup<'a> = ();
    fn registry() -> &'static [Entry<Self>] {
        REGISTRY
    }
}

const REGISTRY: &[Entry<dyn Ejector>] = &[
    Entry::of::<outlier_detection::OutlierDetection>(include_str!("outlier_detection.rs")),
    Entry::of::<max_fails::MaxFails>(include_str!("max_fails.rs")),
    Entry::of::<failure_accrual::FailureAccrual>(include_str!("failure_accrual.rs")),
];

/// A record for each server, made when it is first asked for.
#[derive(Debug, Default)]
struct Records<T>(Vec<T>);

impl<T: Default> Records<T> {
    fn of(&mut self, server: ServerId) -> &mut T {
        if server.index() >= self.0.len() {
            self.0.resize_with(server.index() + 1, T::default);
        }
        &mut self.0[server.index()]
    }
}
