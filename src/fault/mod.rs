//! What goes wrong with servers: the trait of a fault, and when it comes and goes.
//!
//! *What* happens to a server (it is out, it is slow, it answers with errors) is a part found by
//! name; *when* it happens (at a stated time, or at random) and *whom* it hits (a pool, a zone,
//! single servers) go with each of them.

pub mod errors;
pub mod outage;
pub mod slow;

use crate::law::Law;
use crate::registry::{Entry, Role};
use crate::rng::{Purpose, Seed, Stream};
use crate::time::{Duration, Instant};

/// What becomes of the requests that a server has when it goes out.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// They fail at once: the process died and its connections were reset.
    #[default]
    Lost,
    /// The balancer has them back and sends them elsewhere, where they begin anew.
    Returned,
    /// The balancer has them back, and they go on elsewhere from where they were.
    Resumed,
    /// They stay and go on when the server is back: a pause, or a network that is cut for a while.
    Held,
    /// They stay, nobody hears of them, and they fail when the server is back: a host without
    /// power, which cannot even refuse.
    Silent,
}

impl Loss {
    /// Whether who is sent to the server meanwhile hangs as well, rather than being refused.
    pub fn hangs(self) -> bool {
        matches!(self, Self::Held | Self::Silent)
    }
}

/// What a fault does to a server while it lasts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effect {
    /// It serves nothing.
    Out {
        /// What becomes of those in service.
        in_service: Loss,
        /// What becomes of those that wait at it.
        queued: Loss,
    },
    /// It serves at this share of its speed, above 0 and at most 1.
    Slow(f64),
    /// It answers with errors.
    Errors {
        /// The share of requests that get one.
        share: f64,
        /// Each so-many-th request gets one, beside `share`; 0 is none.
        nth: u32,
        /// Whether the error comes at once rather than after the service.
        at_once: bool,
    },
}

/// Something that goes wrong with a server.
pub trait Fault: std::fmt::Debug + Send + Sync {
    /// What it does to a server while it lasts.
    fn effect(&self) -> Effect;
}

impl Role for dyn Fault {
    const KIND: &'static str = "fault";
    const KEY: &'static str = "fault";
    type Setup<'a> = ();
    fn registry() -> &'static [Entry<Self>] {
        REGISTRY
    }
}

const REGISTRY: &[Entry<dyn Fault>] = &[
    Entry::of::<outage::Outage>(include_str!("outage.rs")),
    Entry::of::<slow::Slow>(include_str!("slow.rs")),
    Entry::of::<errors::Errors>(include_str!("errors.rs")),
];

/// When a fault comes and goes.
pub enum Timing {
    /// At a stated time, once or again and again.
    Stated {
        /// When it first comes.
        at: Instant,
        /// How long it lasts; `FOREVER` is to the end of the run.
        lasts: Duration,
        /// From one coming to the next; `FOREVER` is once.
        every: Duration,
    },
    /// At random: times between a repair and the next failure, and times to repair.
    Random {
        /// From a repair, or the start, to the next failure.
        up: Box<dyn Law>,
        /// From a failure to its repair.
        down: Box<dyn Law>,
        /// Whether all servers fail together rather than each for itself.
        together: bool,
    },
}

impl std::fmt::Debug for Timing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stated { at, lasts, every } => write!(f, "at {at:?} for {lasts}, every {every}"),
            Self::Random { .. } => f.write_str("at random"),
        }
    }
}

/// One stretch in which a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spell {
    /// When it comes.
    pub from: Instant,
    /// When it goes; `NEVER` is not before the end of the run.
    pub to: Instant,
}

/// The random numbers of a fault's times: repairs have their own, so that another law of repair
/// leaves the times between failures as they are.
#[derive(Clone, Debug)]
pub struct Streams {
    up: Stream,
    down: Stream,
}

impl Streams {
    /// Those of one fault, or of one fault at one server.
    pub fn new(seed: Seed, entity: &str) -> Self {
        let of = |purpose| seed.stream(purpose, entity);
        Self { up: of(Purpose::Failure), down: of(Purpose::Repair) }
    }
}

impl Timing {
    /// Whether every server that is hit has times of its own.
    pub fn is_each(&self) -> bool {
        matches!(self, Self::Random { together: false, .. })
    }

    /// Whether it comes a single time.
    pub fn is_once(&self) -> bool {
        matches!(self, Self::Stated { every: Duration::FOREVER, .. })
    }

    /// The next stretch, the last one having ended at `after`.
    pub fn next(&self, after: Option<Instant>, streams: &mut Streams) -> Option<Spell> {
        match self {
            Self::Stated { at, lasts, .. } if after.is_none() => {
                Some(Spell { from: *at, to: *at + *lasts })
            }
            Self::Stated { every: Duration::FOREVER, .. } => None,
            Self::Stated { at, lasts, every } => {
                let past = after.unwrap_or(*at).since(*at).0;
                let from = *at + Duration((past / every.0 + 1).saturating_mul(every.0));
                Some(Spell { from, to: from + *lasts })
            }
            Self::Random { up, down, .. } => {
                let Streams { up: life, down: repair } = streams;
                let up = Duration::from_secs_f64(up.sample(life));
                let down = Duration::from_secs_f64(down.sample(repair));
                let from = after.unwrap_or(Instant::START) + up;
                Some(Spell { from, to: from + down })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stated_fault_comes_at_its_times_and_a_single_one_once() {
        let mut stream = Streams::new(Seed::new(1, 0), "test");
        let (at, lasts) = (Instant(100), Duration(20));
        let once = Timing::Stated { at, lasts, every: Duration::FOREVER };
        let first = once.next(None, &mut stream).unwrap();
        assert_eq!(first, Spell { from: Instant(100), to: Instant(120) });
        assert_eq!(once.next(Some(first.to), &mut stream), None);
        let again = Timing::Stated { at, lasts, every: Duration(50) };
        let second = again.next(Some(first.to), &mut stream).unwrap();
        assert_eq!(second, Spell { from: Instant(150), to: Instant(170) });
        assert_eq!(again.next(Some(second.to), &mut stream).unwrap().from, Instant(200));
    }
}
