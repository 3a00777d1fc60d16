//! Clients that wait: each sends a request, waits for its end, thinks, and sends the next one.
//!
//! The load follows the fleet: a slow fleet is asked less. That is how people at screens and
//! benchmarks with a fixed number of connections behave, and why such benchmarks hide overload
//! (Schroeder, Wierman and Harchol-Balter, "Open versus closed", 2006).
//!
//! Each attribute and the thinking have a stream of their own, drawn in order of sending and of
//! ends, so a run repeats to the byte; between two policies the ends differ, and with them who
//! draws what.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::attributes::{Attributes, Given};
use super::{CHUNK, Source};
use crate::diagnose::Problem;
use crate::law::{self, Law, Unit};
use crate::model::{Completion, Request};
use crate::registry::Recipe;
use crate::rng::{Purpose, Seed, Stream};
use crate::time::{Duration, Instant};

/// How many clients there are and how they behave, as a scenario says it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Clients {
    /// How many there are, at least 1.
    pub clients: u32,
    /// How long one thinks between the end of a request and its next one; `"constant:value=0s"`
    /// keeps as many requests in flight as there are clients.
    pub think: Recipe<dyn Law>,
    /// When a client sends its first request.
    #[serde(default)]
    pub first: First,
}

/// When a client sends its first request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum First {
    /// After having thought once, so that they do not come all together.
    #[default]
    AfterThinking,
    /// At the start of the run, all together.
    AtOnce,
}

impl Clients {
    /// The requests of the class called `name` that are sent before `until`, at most `most`.
    ///
    /// A closed loop goes on for ever, so a run without an end is refused, and so are zero clients.
    pub fn source(
        &self,
        name: &str,
        attributes: Attributes,
        seed: Seed,
        until: Instant,
        most: u64,
        folder: &Path,
    ) -> Result<ClosedLoop, Problem> {
        if self.clients == 0 {
            return Err(Problem::about("clients", "`clients` must be at least 1"));
        }
        if until == Instant::NEVER && most == u64::MAX {
            return Err(Problem::new(format!("the clients of `{name}` never stop by themselves"))
                .help("set the duration of the run, e.g. `duration = \"1h\"`"));
        }
        let think = self.think.build(&law::Setup { unit: Unit::Time, folder })?;
        let thinking = Thinking { law: think, stream: seed.stream(Purpose::Think, name) };
        let opening = Opening::Ahead(self.clients, self.first);
        Ok(ClosedLoop { thinking, attributes, until, left: most, opening, hurried: 0 })
    }
}

/// The source of a closed loop's requests: the first ones in order of time, then one for each end.
#[derive(Debug)]
pub struct ClosedLoop {
    thinking: Thinking,
    attributes: Attributes,
    until: Instant,
    left: u64,
    opening: Opening,
    hurried: u64,
}

#[derive(Debug)]
struct Thinking {
    law: Box<dyn Law>,
    stream: Stream,
}

impl Thinking {
    #[inline]
    fn draw(&mut self) -> Duration {
        Duration::from_secs_f64(self.law.sample(&mut self.stream))
    }
}

/// The clients' first requests.
#[derive(Debug)]
enum Opening {
    /// So many clients have not begun.
    Ahead(u32, First),
    /// When each begins and which, the last one first.
    Sending(Vec<(Instant, u32)>),
}

/// A client that neither thinks nor is served a moment would send again in the same instant, for
/// ever; it pauses for as long as a fast network takes to say no.
const TURNAROUND: Duration = Duration::from_millis(1);

impl ClosedLoop {
    /// The client's request at `arrival`, if the loop still runs then.
    #[inline]
    fn request(&mut self, arrival: Instant, client: u32) -> Option<Request> {
        if arrival >= self.until || self.left == 0 {
            return None;
        }
        self.left -= 1;
        Some(Request { client, ..self.attributes.request(arrival, &Given::default()) })
    }

    fn opening(&mut self) -> &mut Vec<(Instant, u32)> {
        if let Opening::Ahead(clients, first) = self.opening {
            let begin = |client| match first {
                First::AfterThinking => (Instant::START + self.thinking.draw(), client),
                First::AtOnce => (Instant::START, client),
            };
            let mut sending: Vec<_> = (1..=clients).map(begin).collect();
            sending.sort_unstable_by(|a, b| b.cmp(a));
            self.opening = Opening::Sending(sending);
        }
        match &mut self.opening {
            Opening::Sending(sending) => sending,
            Opening::Ahead(..) => unreachable!("they have just begun"),
        }
    }
}

impl Source for ClosedLoop {
    fn fill(&mut self, out: &mut Vec<Request>) -> Result<(), Problem> {
        for _ in 0..CHUNK {
            let Some((arrival, client)) = self.opening().pop() else { break };
            out.extend(self.request(arrival, client));
        }
        Ok(())
    }

    fn follow(&mut self, done: &Completion) -> Option<Request> {
        let mut pause = self.thinking.draw();
        if pause == Duration::ZERO && done.latency() == Duration::ZERO {
            self.hurried += 1;
            pause = TURNAROUND;
        }
        let arrival = done.ended + pause;
        self.request(arrival, done.request.client)
    }

    fn is_closed_loop(&self) -> bool {
        true
    }

    fn is_impatient(&self) -> bool {
        self.attributes.patience.is_some()
    }

    fn advice(&mut self) -> Vec<String> {
        let told = format!(
            "{} requests ended in the instant they arrived and their clients do not think: each \
             paused {TURNAROUND} before its next request",
            self.hurried
        );
        Vec::from_iter((self.hurried > 0).then_some(told))
    }
}
