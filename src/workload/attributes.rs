//! What each request of a class brings besides its arrival, each drawn from a stream of its own.

use super::demand::Drawer;
use super::keys::Keys;
use crate::law::Law;
use crate::model::Request;
use crate::rng::{Purpose, Seed, Stream};
use crate::time::{Duration, Instant};

/// The attributes of a class of traffic: what a trace does not give is drawn.
///
/// Every attribute has its own stream and is drawn in order of arrival, so that a policy, or a law
/// for another attribute, never changes what a request brings.
#[derive(Debug)]
pub struct Attributes {
    /// The class, by its place in the scenario.
    pub class: u16,
    /// The priority of requests that bring none.
    pub priority: i16,
    /// The service time.
    pub demand: Option<Drawer>,
    /// Input and output tokens.
    pub tokens: [Option<Box<dyn Law>>; 2],
    /// The key.
    pub keys: Option<Keys>,
    /// How long a request is willing to wait.
    pub patience: Option<Box<dyn Law>>,
    streams: Streams,
}

#[derive(Debug)]
struct Streams {
    demand: Stream,
    tokens: Stream,
    key: Stream,
    patience: Stream,
}

/// What a trace gives of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Its service time.
    pub service: Option<Duration>,
    /// Its input tokens.
    pub input: Option<u32>,
    /// Its output tokens.
    pub output: Option<u32>,
    /// Its key.
    pub key: Option<u64>,
    /// Its priority.
    pub priority: Option<i16>,
}

impl Attributes {
    /// The attributes of the class called `name`, none of them drawn yet.
    pub fn new(class: u16, name: &str, seed: Seed) -> Self {
        Self {
            class,
            priority: 0,
            demand: None,
            tokens: [None, None],
            keys: None,
            patience: None,
            streams: Streams {
                demand: seed.stream(Purpose::Demand, name),
                tokens: seed.stream(Purpose::Tokens, name),
                key: seed.stream(Purpose::Key, name),
                patience: seed.stream(Purpose::Patience, name),
            },
        }
    }

    /// The request that arrives at `arrival` with what is given, the rest drawn.
    #[inline]
    pub fn request(&mut self, arrival: Instant, given: &Given) -> Request {
        let [input, output] = &self.tokens;
        let stream = &mut self.streams.tokens;
        let mut tokens = |given: Option<u32>, law: &Option<Box<dyn Law>>| match (given, law) {
            (Some(count), _) => count,
            (None, Some(law)) => law.sample(stream).round() as u32,
            (None, None) => 0,
        };
        let (input, output) = (tokens(given.input, input), tokens(given.output, output));
        let demand = match (given.service, &self.demand) {
            (Some(span), _) => span,
            (None, Some(drawer)) => drawer.draw(&mut self.streams.demand, input, output),
            (None, None) => Duration::ZERO,
        };
        let key = match (given.key, &self.keys) {
            (Some(key), _) => key,
            (None, Some(keys)) => keys.draw(&mut self.streams.key),
            (None, None) => 0,
        };
        let patience = self.patience.as_ref().map_or(Duration::FOREVER, |law| {
            Duration::from_secs_f64(law.sample(&mut self.streams.patience))
        });
        Request {
            arrival,
            demand,
            patience,
            key,
            input,
            output,
            class: self.class,
            priority: given.priority.unwrap_or(self.priority),
            client: 0,
        }
    }
}
