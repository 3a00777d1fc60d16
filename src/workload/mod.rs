//! Requests in time order: arrival processes, demands, keys, trace readers.

pub mod aggregate;
pub mod ahead;
pub mod arrivals;
pub mod attributes;
pub mod closed_loop;
pub mod counts;
pub mod demand;
pub mod drawn;
pub mod inspect;
pub mod keys;
pub mod merge;
pub mod trace;

use crate::diagnose::Problem;
use crate::model::{Completion, Request};
use crate::time::Instant;

/// A stream of requests in order of arrival, brought in chunks and never through the event queue.
pub trait Source: Send {
    /// Appends the next requests in order of arrival; appending none means there are no more.
    ///
    /// A damaged row of a trace is a problem with its file and line.
    fn fill(&mut self, out: &mut Vec<Request>) -> Result<(), Problem>;

    /// The next request of a closed loop's client whose last one just ended.
    fn follow(&mut self, _done: &Completion) -> Option<Request> {
        None
    }

    /// Whether requests follow the ends of earlier ones.
    fn is_closed_loop(&self) -> bool {
        false
    }

    /// Whether a request may leave a queue before it is served.
    fn is_impatient(&self) -> bool {
        false
    }

    /// How much of it was brought, 0 to 1, where it is a file and that is known.
    fn share(&self) -> Option<f64> {
        None
    }

    /// The end of the time it speaks of, where it may be later than its last request (a file of
    /// counts whose last ones are 0); complete once the source is drained.
    fn end(&mut self) -> Option<Instant> {
        None
    }

    /// What was understood and what was mended, in sentences; complete once the source is drained.
    fn advice(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// How many requests a source brings at once: enough to hide the call, few enough for the cache.
pub const CHUNK: usize = 1024;
