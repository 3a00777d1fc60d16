//! Q-learning: a policy learnt in simulation.
//!
//! *What it does*: the state is the number of servers and the utilization in levels; the actions
//! are one server fewer, none, one more. Each look costs: a weight if the objective (its own, else
//! the first percentile of latency that the scenario promises, else 500 ms) was missed, a
//! weight times the share of servers held, a weight for moving. The table learns the discounted
//! cost of every action in every state, and the cheapest action is taken. It is trained by
//! simulating, saved, and loaded again.
//!
//! *When it shines*: a service whose answer to load nobody can write down, but which can be
//! simulated a thousand times.
//!
//! *When it fails*: it knows what it has met: a load outside its training, another start-up time,
//! another price, and the table is wrong without a sign. States never visited fall back to two
//! thresholds here. One server a look is slow for a flash crowd.
//!
//! *Source*: Watkins and Dayan, "Q-learning" (1992); state, actions and cost after Rossi, Nardelli
//! and Cardellini, "Horizontal and vertical scaling of container-based applications using
//! reinforcement learning" (2019).

pub mod scaler;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use self::scaler::Scaler;
use super::{Autoscaler, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;

/// The name and version a saved policy carries.
const FORMAT: &str = "plimsoll.q-learning/1";

/// How it learns and what it minds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Fewest servers.
    pub min: u32,
    /// Most servers: `K_max` of the cost.
    pub max: u32,
    /// Levels the utilization is cut into.
    pub levels: u32,
    /// α: how far an experience moves the table.
    pub learning_rate: f64,
    /// γ: what a cost one look later is worth now.
    pub discount: f64,
    /// ε: how often, in training, an action is tried at random.
    pub exploration: f64,
    /// Cost of a look at which the objective was missed.
    pub weight_performance: f64,
    /// Cost of holding all servers.
    pub weight_resources: f64,
    /// Cost of moving.
    pub weight_adaptation: f64,
    /// In states never visited a server is added above this utilization …
    pub fallback_above: f64,
    /// … and removed below this one.
    pub fallback_below: f64,
    /// The latency whose excess is a miss. Absent: that of the scenario's first objective for a
    /// percentile of latency, with its percentile; without any, 500 ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<Duration>,
    /// The percentile it is promised for, as a share; 0.95 where nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentile: Option<f64>,
    /// Whether it tries things out and learns from what comes of them; `--out` saves the table.
    pub learn: bool,
    /// A table that was saved, to go on from; its settings replace those of learning.
    pub table: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            min: 1,
            max: 20,
            levels: 10,
            learning_rate: 0.1,
            discount: 0.99,
            exploration: 0.1,
            weight_performance: 0.9,
            weight_resources: 0.09,
            weight_adaptation: 0.01,
            fallback_above: 0.8,
            fallback_below: 0.3,
            objective: None,
            percentile: None,
            learn: true,
            table: None,
        }
    }
}

/// What is done at a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Nothing; first, so that it wins ties.
    Stay,
    /// One server fewer.
    Remove,
    /// One server more.
    Add,
}

impl Action {
    /// All of them, in the order that breaks ties.
    pub const ALL: [Self; 3] = [Self::Stay, Self::Remove, Self::Add];

    /// The count after it, from `servers`.
    pub fn apply(self, servers: u32) -> u32 {
        match self {
            Self::Stay => servers,
            Self::Remove => servers.saturating_sub(1),
            Self::Add => servers + 1,
        }
    }
}

/// Where a look finds the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct State {
    /// Servers.
    pub servers: u32,
    /// Level of utilization, from 0.
    pub level: u32,
}

impl Config {
    /// The state at so many servers and such utilization; the last level includes overload.
    pub fn state(&self, servers: u32, utilization: f64) -> State {
        let levels = self.levels.max(1);
        let level = (utilization * f64::from(levels)).max(0.0) as u32;
        State { servers: servers.clamp(self.min, self.max), level: level.min(levels - 1) }
    }

    /// The cost of having done `action` and found this after it.
    pub fn cost(&self, action: Action, servers: u32, objective_missed: bool) -> f64 {
        let flag = |is: bool| f64::from(u8::from(is));
        self.weight_performance * flag(objective_missed)
            + self.weight_resources * f64::from(servers) / f64::from(self.max.max(1))
            + self.weight_adaptation * flag(action != Action::Stay)
    }

    /// Actions that stay within the bounds.
    fn allowed(&self, state: State) -> impl Iterator<Item = Action> {
        let bounds = self.min..=self.max;
        Action::ALL.into_iter().filter(move |action| bounds.contains(&action.apply(state.servers)))
    }

    fn states(&self) -> usize {
        (self.max.saturating_sub(self.min) as usize + 1) * self.levels.max(1) as usize
    }

    fn index(&self, state: State) -> usize {
        (state.servers - self.min) as usize * self.levels.max(1) as usize + state.level as usize
    }
}

/// The table of one policy.
#[derive(Debug, Clone, PartialEq)]
pub struct QLearning {
    config: Config,
    /// Discounted cost of each action in each state.
    costs: Vec<[f64; 3]>,
    /// How often each action was tried in each state.
    visits: Vec<[u32; 3]>,
}

/// A table as it is saved. Its costs stay text until the standard library reads them: the default
/// parser of JSON may miss the last bit, and a loaded policy must be the one that was saved.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved<T> {
    format: String,
    config: Config,
    costs: Vec<[T; 3]>,
    visits: Vec<[u32; 3]>,
}

impl QLearning {
    /// A table that knows nothing: all costs 0, which is less than any can be, so that every
    /// action gets tried.
    pub fn new(config: Config) -> Self {
        let states = config.states();
        Self { config, costs: vec![[0.0; 3]; states], visits: vec![[0; 3]; states] }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The cheapest action known for a state; by thresholds where none was ever tried.
    pub fn best(&self, state: State) -> Action {
        let row = self.config.index(state);
        if self.visits[row] == [0; 3] {
            return self.by_thresholds(state);
        }
        let cost = |action: &Action| self.costs[row][*action as usize];
        // Actions never tried cost 0 in the table, which says nothing.
        self.config
            .allowed(state)
            .filter(|action| self.visits[row][*action as usize] > 0)
            .min_by(|a, b| cost(a).total_cmp(&cost(b)))
            .unwrap_or(Action::Stay)
    }

    fn by_thresholds(&self, state: State) -> Action {
        let levels = f64::from(self.config.levels.max(1));
        let middle = (f64::from(state.level) + 0.5) / levels;
        let wish = if middle > self.config.fallback_above {
            Action::Add
        } else if middle < self.config.fallback_below {
            Action::Remove
        } else {
            Action::Stay
        };
        self.config.allowed(state).find(|action| *action == wish).unwrap_or(Action::Stay)
    }

    /// The action of a look in training: with probability ε any, else the cheapest in the table.
    /// `explore` and `pick` are uniform in [0, 1).
    pub fn try_out(&self, state: State, explore: f64, pick: f64) -> Action {
        let allowed: Vec<Action> = self.config.allowed(state).collect();
        if explore < self.config.exploration {
            let index = (pick * allowed.len() as f64) as usize;
            return allowed[index.min(allowed.len() - 1)];
        }
        let row = &self.costs[self.config.index(state)];
        let cost = |action: &Action| row[*action as usize];
        allowed.into_iter().min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or(Action::Stay)
    }

    /// Learns that `action` in `from` cost `cost` and led to `to`:
    /// `Q ← (1 − α) Q + α (c + γ min Q′)`.
    pub fn learn(&mut self, from: State, action: Action, cost: f64, to: State) {
        let next = &self.costs[self.config.index(to)];
        let ahead = self
            .config
            .allowed(to)
            .map(|action| next[action as usize])
            .fold(f64::INFINITY, f64::min);
        let row = self.config.index(from);
        let rate = self.config.learning_rate;
        let known = &mut self.costs[row][action as usize];
        *known = (1.0 - rate) * *known + rate * (cost + self.config.discount * ahead);
        let visits = &mut self.visits[row][action as usize];
        *visits = visits.saturating_add(1);
    }

    /// The table as text, to be saved.
    pub fn to_json(&self) -> String {
        let saved = Saved {
            format: FORMAT.to_owned(),
            config: self.config.clone(),
            costs: self.costs.clone(),
            visits: self.visits.clone(),
        };
        serde_json::to_string(&saved).expect("numbers and names always serialize")
    }

    /// A table from text that was saved; the error says what is wrong with it.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let saved: Saved<Box<RawValue>> =
            serde_json::from_str(text).map_err(|error| format!("not a saved policy: {error}"))?;
        if saved.format != FORMAT {
            return Err(format!("a policy of the format {:?}, expected {FORMAT:?}", saved.format));
        }
        let states = saved.config.states();
        if saved.costs.len() != states || saved.visits.len() != states {
            return Err(format!(
                "a policy of {} rows, but its settings make {states} states",
                saved.costs.len()
            ));
        }
        if saved.config.min > saved.config.max {
            return Err("a policy whose least count is above its largest".to_owned());
        }
        let costs = saved.costs.iter().map(exact).collect::<Result<_, _>>()?;
        Ok(Self { config: saved.config, costs, visits: saved.visits })
    }
}

/// The numbers of one row, to the last bit.
fn exact(row: &[Box<RawValue>; 3]) -> Result<[f64; 3], String> {
    let mut costs = [0.0; 3];
    for (cost, text) in costs.iter_mut().zip(row) {
        *cost = text.get().parse().map_err(|_| format!("the cost {text} is no number"))?;
    }
    Ok(costs)
}

/// The most levels of utilization: a table of more has cells that nobody ever visits.
const MOST_LEVELS: u32 = 1000;

impl Variant<dyn Autoscaler> for Scaler {
    const NAME: &'static str = "q-learning";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        super::Promise::check(config.objective, config.percentile)?;
        if !(1..=MOST_LEVELS).contains(&config.levels) {
            let message = format!("`levels` must lie between 1 and {MOST_LEVELS}");
            return Err(Problem::about("levels", message).help("10 is the default"));
        }
        for (key, value) in [
            ("learning-rate", config.learning_rate),
            ("discount", config.discount),
            ("exploration", config.exploration),
        ] {
            super::share(key, value)?;
        }
        super::bounds("min", config.min, "max", config.max)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        let config = Config {
            min: setup.min.unwrap_or(config.min),
            max: setup.max.unwrap_or(config.max),
            ..config.clone()
        };
        super::bounds("min", config.min, "max", config.max)?;
        Ok(Box::new(Scaler::new(config, setup)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service of constant load: `demand` servers' worth of work, missed above 80 %.
    fn train(demand: f64, rounds: u32) -> QLearning {
        let mut table = QLearning::new(Config { max: 10, discount: 0.9, ..Config::default() });
        let mut seed: u64 = 1;
        let mut draw = || {
            // A Weyl sequence through a multiplicative hash: enough to visit everything.
            seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (seed ^ (seed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            (mixed >> 11) as f64 / (1_u64 << 53) as f64
        };
        let mut servers = 1;
        for round in 0..rounds {
            if round % 50 == 0 {
                servers = 1 + (draw() * 10.0) as u32;
            }
            let from = table.config().state(servers, demand / f64::from(servers));
            let action = table.try_out(from, draw(), draw());
            servers = action.apply(servers);
            let utilization = demand / f64::from(servers);
            let cost = table.config().cost(action, servers, utilization > 0.8);
            let to = table.config().state(servers, utilization);
            table.learn(from, action, cost, to);
        }
        table
    }

    #[test]
    fn training_finds_the_fewest_servers_that_meet_the_objective() {
        let table = train(4.0, 60_000);
        for start in 1..=10 {
            let mut servers = start;
            for _ in 0..20 {
                let state = table.config().state(servers, 4.0 / f64::from(servers));
                servers = table.best(state).apply(servers);
            }
            assert_eq!(servers, 5, "4 servers' worth of work at 80 %, from {start}");
        }
    }

    #[test]
    fn a_saved_policy_is_the_same_when_it_is_loaded() {
        let table = train(4.0, 2_000);
        assert_eq!(QLearning::from_json(&table.to_json()), Ok(table));
    }

    #[test]
    fn a_policy_of_another_shape_is_refused() {
        let text = QLearning::new(Config::default()).to_json().replace("\"max\":20", "\"max\":21");
        assert!(QLearning::from_json(&text).is_err_and(|error| error.contains("rows")));
        assert!(QLearning::from_json("{}").is_err());
    }

    #[test]
    fn a_state_never_visited_falls_back_to_thresholds() {
        let table = QLearning::new(Config::default());
        let best = |utilization| table.best(table.config().state(5, utilization));
        assert_eq!(best(0.95), Action::Add);
        assert_eq!(best(0.1), Action::Remove);
        assert_eq!(best(0.5), Action::Stay);
        assert_eq!(table.best(table.config().state(20, 0.95)), Action::Stay, "the bound holds");
    }
}
