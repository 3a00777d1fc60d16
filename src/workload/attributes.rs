//! What each request of a class brings besides its arrival, each drawn from a stream of its own.

use crate::law::Law;
use crate::model::Request;
use crate::rng::{Purpose, Seed, Stream};
use crate::time::Duration;

/// The drawn attributes of a class of traffic.
#[derive(Debug)]
pub struct Attributes {
    /// The class, by its place in the scenario.
    pub class: u16,
    /// Its priority.
    pub priority: i16,
    /// The law of the service time.
    pub demand: Option<Box<dyn Law>>,
    demands: Stream,
}

impl Attributes {
    /// The attributes of the class called `name`.
    pub fn new(class: u16, name: &str, priority: i16, seed: Seed) -> Self {
        Self { class, priority, demand: None, demands: seed.stream(Purpose::Demand, name) }
    }

    /// Draws what the request lacks.
    #[inline]
    pub fn complete(&mut self, request: &mut Request) {
        request.class = self.class;
        request.priority = self.priority;
        if let Some(law) = &self.demand {
            request.demand = Duration::from_secs_f64(law.sample(&mut self.demands));
        }
    }
}
