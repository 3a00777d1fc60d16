//! A class of traffic that is drawn: arrivals of a process, attributes of laws.

use super::arrivals::Arrivals;
use super::attributes::{Attributes, Given};
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
    speed_up: f64,
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
        Self {
            arrivals,
            attributes,
            stream,
            last: Instant::START,
            until,
            left: most,
            speed_up: 1.0,
        }
    }

    /// The same process with its time running so much faster; services are untouched.
    #[must_use]
    pub fn sped_up(self, speed_up: f64) -> Self {
        Self { speed_up, ..self }
    }
}

impl Source for Drawn {
    fn fill(&mut self, out: &mut Vec<Request>) -> Result<(), Problem> {
        let wanted = self.left.min(CHUNK as u64);
        for _ in 0..wanted {
            self.last = self.arrivals.next(self.last, &mut self.stream);
            let arrival = match self.speed_up {
                _ if self.last == Instant::NEVER => Instant::NEVER,
                1.0 => self.last,
                faster => Instant((self.last.0 as f64 / faster).round() as u64),
            };
            if arrival >= self.until {
                self.left = 0;
                return Ok(());
            }
            self.left -= 1;
            out.push(self.attributes.request(arrival, &Given::default()));
        }
        Ok(())
    }

    fn is_impatient(&self) -> bool {
        self.attributes.patience.is_some()
    }
}
