//! A class of traffic that is drawn: arrivals of a process, attributes of laws.

use super::arrivals::Arrivals;
use super::attributes::Attributes;
use super::{CHUNK, Source};
use crate::diagnose::Problem;
use crate::model::Request;
use crate::rng::{Purpose, Seed, Stream};
use crate::time::Instant;

/// Requests of one class until an instant or a number.
pub struct Drawn {
    arrivals: Box<dyn Arrivals>,
    attributes: Attributes,
    stream: Stream,
    last: Instant,
    until: Instant,
    left: u64,
}

impl Drawn {
    /// Requests of the class called `name` that arrive before `until`, at most `most` of them.
    pub fn new(
        name: &str,
        arrivals: Box<dyn Arrivals>,
        attributes: Attributes,
        seed: Seed,
        until: Instant,
        most: u64,
    ) -> Self {
        let stream = seed.stream(Purpose::Arrival, name);
        Self { arrivals, attributes, stream, last: Instant::START, until, left: most }
    }
}

impl Source for Drawn {
    fn fill(&mut self, out: &mut Vec<Request>) -> Result<(), Problem> {
        let wanted = self.left.min(CHUNK as u64);
        for _ in 0..wanted {
            let arrival = self.arrivals.next(self.last, &mut self.stream);
            if arrival >= self.until {
                self.left = 0;
                return Ok(());
            }
            self.last = arrival;
            self.left -= 1;
            let mut request = Request { arrival, ..Request::default() };
            self.attributes.complete(&mut request);
            out.push(request);
        }
        Ok(())
    }
}
