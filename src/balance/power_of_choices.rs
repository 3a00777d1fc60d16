//! The least loaded of a few servers drawn at random.
//!
//! **What it does.** Draws `choices` candidates and takes the one with the fewest requests in
//! flight from this balancer; `ties` says which of equals. `weighted` draws by weight and compares
//! requests per weight. O(choices).
//! **When it shines.** Nearly as short queues as looking at every server, without the herd when
//! views are stale or partial.
//! **When it fails.** Few servers and low load, where a full look costs nothing and misses no idle
//! one.
//! **Source.** Vvedenskaya, Dobrushin and Karpelevich 1996; Mitzenmacher 2001. Envoy
//! `least_request`, gRPC and HAProxy `random(2)` draw with replacement, nginx `random two` without
//! (and is `weighted`, with `ties = "second"`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::{Alias, Roster, some_weight};
use super::{Balancer, Pick, Setup, Sight};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// How many servers are drawn, at least 1.
    choices: u32,
    /// Whether one server may be drawn twice for the same request.
    replacement: bool,
    /// Whether servers are drawn by weight and compared by requests in flight per weight.
    weighted: bool,
    /// Which of equally loaded draws is taken: the `first` or the `second` (later) one.
    ties: Ties,
}

/// Which of equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Ties {
    /// The one drawn first.
    #[default]
    First,
    /// The one drawn last.
    Second,
}

impl Default for Config {
    fn default() -> Self {
        Self { choices: 2, replacement: false, weighted: false, ties: Ties::First }
    }
}

/// The policy.
#[derive(Debug)]
pub struct PowerOfChoices {
    config: Config,
    drawn: Vec<ServerId>,
    roster: Roster,
    table: Option<Alias>,
}

/// Draws by weight that miss, or are there already, before a server is drawn without regard to it.
const TRIES: u32 = 20;

impl Variant<dyn Balancer> for PowerOfChoices {
    const NAME: &'static str = "power-of-choices";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.choices > 0 {
            return Ok(());
        }
        Err(Problem::about("choices", "`choices` must be at least 1").help("2 is the usual number"))
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        if !config.replacement {
            let help = "lower `choices`, or set `replacement = true`";
            setup.has_servers("choices", config.choices as usize, help)?;
        }
        if config.weighted {
            some_weight(setup.fleet)?;
        }
        Ok(Box::new(Self {
            config: config.clone(),
            drawn: Vec::new(),
            roster: Roster::of(setup.fleet),
            table: None,
        }))
    }
}

impl PowerOfChoices {
    /// Whether `new` is taken instead of `kept`, drawn before it.
    #[inline]
    fn replaces(&self, new: ServerId, kept: ServerId, view: &View<'_>) -> bool {
        let (mut a, mut b) = (u64::from(view.in_flight(new)), u64::from(view.in_flight(kept)));
        if self.config.weighted {
            // a/w < b/v without dividing; a server of weight 0 comes last.
            a = if view.weight(new) == 0 { u64::MAX } else { a * u64::from(view.weight(kept)) };
            b = if view.weight(kept) == 0 { u64::MAX } else { b * u64::from(view.weight(new)) };
        }
        if self.config.ties == Ties::First { a < b } else { a <= b }
    }

    fn draw(&self, view: &View<'_>, stream: &mut Stream) -> ServerId {
        let candidates = view.candidates.as_slice();
        if let Some(table) = &self.table {
            for _ in 0..TRIES {
                let server = self.roster.as_slice()[table.draw(stream)];
                let again = !self.config.replacement && self.drawn.contains(&server);
                if !again && view.candidates.contains(server) {
                    return server;
                }
            }
        }
        loop {
            let server = candidates[stream.below(candidates.len() as u32) as usize];
            if self.config.replacement || !self.drawn.contains(&server) {
                return server;
            }
        }
    }

    fn make_table(&mut self, view: &View<'_>) {
        let servers = self.roster.as_slice();
        let weights: Vec<f64> = servers.iter().map(|&id| f64::from(view.weight(id))).collect();
        self.table = weights.iter().any(|weight| *weight > 0.0).then(|| Alias::new(&weights));
    }
}

impl Balancer for PowerOfChoices {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        let candidates = view.candidates.as_slice();
        let total = candidates.len() as u32;
        let Config { choices, replacement, weighted, .. } = self.config;
        if choices == 2 && !replacement && !weighted && total > 1 {
            // The common case without a list: the second draw skips the first one's place.
            let first = stream.below(total);
            let other = stream.below(total - 1);
            let other = if other >= first { other + 1 } else { other };
            let (a, b) = (candidates[first as usize], candidates[other as usize]);
            return Pick::Server(if self.replaces(b, a, view) { b } else { a });
        }
        if weighted && self.roster.take_changed() {
            self.make_table(view);
        }
        self.drawn.clear();
        let mut best = self.draw(view, stream);
        self.drawn.push(best);
        for _ in 1..if replacement { choices } else { choices.min(total) } {
            let server = self.draw(view, stream);
            self.drawn.push(server);
            if self.replaces(server, best, view) {
                best = server;
            }
        }
        Pick::Server(best)
    }

    fn on_fleet(&mut self, change: FleetChange, _: &Fleet) {
        self.roster.apply(change);
    }

    fn sight(&self) -> Sight {
        Sight::Counts
    }
}
