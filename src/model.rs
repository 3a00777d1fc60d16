//! The words: request, completion, server, fate; what every room above speaks of.

use serde::Serialize;

use crate::time::{Duration, Instant};

/// A server by its place in the fleet, from 0; a place is never used twice in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ServerId(pub u32);

impl ServerId {
    /// No server.
    pub const NONE: Self = Self(u32::MAX);

    /// As an index of the fleet's arrays.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One request as the workload brings it: everything drawn before any policy sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// When it arrives.
    pub arrival: Instant,
    /// Its service time on a server of speed 1.
    pub demand: Duration,
    /// How long it is willing to wait in a queue; `FOREVER` when it never leaves.
    pub patience: Duration,
    /// What hash policies look at: a session, a tenant, a URL.
    pub key: u64,
    /// Input tokens, 0 where there are none.
    pub input: u32,
    /// Output tokens, 0 where there are none.
    pub output: u32,
    /// The class of traffic it belongs to, by its place in the scenario.
    pub class: u16,
    /// Larger is served earlier where the discipline looks at it.
    pub priority: i16,
    /// The client of a closed loop that sent it, else 0.
    pub client: u32,
}

impl Request {
    /// Input and output tokens together.
    #[inline]
    pub fn tokens(&self) -> u64 {
        u64::from(self.input) + u64::from(self.output)
    }
}

impl Default for Request {
    fn default() -> Self {
        Self {
            arrival: Instant::START,
            demand: Duration::ZERO,
            patience: Duration::FOREVER,
            key: 0,
            input: 0,
            output: 0,
            class: 0,
            priority: 0,
            client: 0,
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Served to the end.
    Completed,
    /// Refused: a queue was full, or no server would take it.
    Rejected,
    /// Left a queue because it had waited longer than it would.
    TimedOut,
    /// Lost with the server that held it, or answered with an error.
    Failed,
    /// Turned away at the door: by admission, or by an open circuit breaker.
    Shed,
    /// Taken back: its request was answered elsewhere, or nobody waited for it any more. Only
    /// attempts end so, never requests.
    Cancelled,
}

impl Fate {
    /// How many fates there are.
    pub const COUNT: usize = 6;
}

/// A request with its end: what probes, balancers and closed loops are told.
#[derive(Clone, Copy, Debug)]
pub struct Completion {
    /// The request.
    pub request: Request,
    /// How it ended.
    pub fate: Fate,
    /// The server that had it; `None` when no server ever did, and when the client left before its
    /// server had done with it: what the server did is told as that of an attempt.
    pub server: Option<ServerId>,
    /// When it was sent to that server.
    pub sent: Instant,
    /// When its service began; the end, when it never did. Until then it waited.
    pub started: Instant,
    /// When it ended.
    pub ended: Instant,
}

impl Completion {
    /// From arrival to end.
    #[inline]
    pub fn latency(&self) -> Duration {
        self.ended - self.request.arrival
    }

    /// From arrival to the start of service.
    #[inline]
    pub fn wait(&self) -> Duration {
        self.started - self.request.arrival
    }

    /// From the start of service to the end.
    #[inline]
    pub fn service(&self) -> Duration {
        self.ended - self.started
    }
}

/// What a policy that looks ahead, or makes concessions, has to say after a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Foresight {
    /// The forecaster; none where the load was taken as it was.
    pub forecaster: Option<&'static str>,
    /// How often it was fitted.
    pub refits: u64,
    /// The load (requests a second) that was prepared for, from each look on that changed it.
    pub loads: Vec<(Instant, f64)>,
    /// What to know when judging it, in sentences.
    pub remarks: Vec<String>,
}

impl Foresight {
    /// What the last look up to an instant prepared for.
    pub fn load_at(&self, at: Instant) -> Option<f64> {
        let next = self.loads.partition_point(|load| load.0 <= at);
        Some(self.loads[next.checked_sub(1)?].1)
    }
}
