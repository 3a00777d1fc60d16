//! Q-learning at work: what it did at the last look, and what came of it.

use super::{Action, Config, QLearning, State};
use crate::diagnose::Problem;
use crate::rng::{Purpose, Stream};
use crate::scale::{Autoscaler, Manners, Promise, Setup, Signals, Target};

/// A table, and the look before this one.
#[derive(Debug)]
pub struct Scaler {
    config: Config,
    promise: Promise,
    table: QLearning,
    last: Option<(State, Action)>,
    stream: Stream,
}

impl Scaler {
    /// A fresh table, or the one that was saved.
    pub(super) fn new(config: Config, setup: &Setup<'_>) -> Result<Self, Problem> {
        let promise = Promise::of(config.objective, config.percentile, setup.promised, 0.95);
        let table = match &config.table {
            None => QLearning::new(config.clone()),
            Some(path) => {
                let place = setup.folder.join(path);
                let wrong = |why: String| {
                    Problem::about("table", format!("cannot use `{}`: {why}", place.display()))
                        .help("a table is written by a run of `q-learning` with `--out`")
                };
                let text = std::fs::read_to_string(&place).map_err(|why| wrong(why.to_string()))?;
                QLearning::from_json(&text).map_err(wrong)?
            }
        };
        let stream = setup.seed.stream(Purpose::Scale, setup.pool);
        Ok(Self { config, promise, table, last: None, stream })
    }
}

impl Autoscaler for Scaler {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let seen = signals.seen();
        let servers = signals.counts.wanted();
        let Some(utilization) = seen.utilization() else { return Target::blind(signals) };
        let state = self.table.config().state(servers, utilization);
        let latency_ns = seen.latency_ns(self.promise.percentile);
        let missed = latency_ns.is_some_and(|ns| ns > self.promise.latency.0);
        if self.config.learn
            && let Some((from, action)) = self.last
        {
            let cost = self.table.config().cost(action, servers, missed);
            self.table.learn(from, action, cost, state);
        }
        let action = if self.config.learn {
            let (explore, pick) = (self.stream.open01(), self.stream.open01());
            self.table.try_out(state, explore, pick)
        } else {
            self.table.best(state)
        };
        self.last = Some((state, action));
        let verb = match action {
            Action::Stay => "stay",
            Action::Remove => "remove one",
            Action::Add => "add one",
        };
        let missed = if missed { ", objective missed" } else { "" };
        let why = format!("{verb} at {} servers, level {}{missed}", state.servers, state.level);
        Target::new(action.apply(servers), why)
    }

    fn manners(&self) -> Manners {
        let Config { min, max, .. } = *self.table.config();
        Manners { min, max, latency: true, ..Manners::default() }
    }

    fn memory(&self) -> Option<String> {
        Some(self.table.to_json())
    }
}
