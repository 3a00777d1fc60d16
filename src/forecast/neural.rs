//! Neural: a small network from lags and the calendar to the next value.
//!
//! **What it does.** A linear path from the inputs to the forecast, and beside it one hidden layer
//! of tanh units for what the linear path leaves. Inputs are the last values, the values around one
//! season before the tick to be forecast, and the time of day and week as waves; all are measured
//! in standard deviations of the history. At each training the linear path is solved exactly (least
//! squares), then the units are trained by Adam on squared error, in passes over the history in a
//! random but seeded order, starting from the weights of the last time. Later ticks are forecast by
//! feeding forecasts back. Until two seasons are known, the last season, or failing that the last
//! value, is repeated.
//!
//! **When it shines.** Shapes no sum explains: peaks that grow with the level, weekends unlike
//! weekdays.
//!
//! **When it fails.** Few data; rates beyond all it has seen; it is the dearest to train and the
//! hardest to explain. Simple methods often win: look at the back-test first.
//!
//! **Source.** Goodfellow, Bengio & Courville, *Deep learning*, ch. 6; Kingma & Ba, *Adam*, ICLR
//! 2015.

use std::f64::consts::TAU;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::history::{History, Schedule};
use super::least_squares::Normal;
use super::regression::{kept_near, widened};
use super::{DAY_NS, Method, Scale, Setup, unless};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;

/// Options of the neural network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The scale it works on.
    pub scale: Scale,
    /// How many last values it sees, in ticks.
    pub lags: usize,
    /// Units in the hidden layer.
    pub hidden: usize,
    /// Length of the season; absent: that of the run (a day unless told otherwise).
    pub season: Option<Duration>,
    /// Passes over the history in a later training; the first takes eight times as many.
    pub epochs: usize,
    /// Step size of Adam.
    pub learning_rate: f64,
    /// How much of the past it is trained on.
    pub history: Duration,
    /// Time between trainings.
    pub refit_every: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            scale: Scale::default(),
            lags: 4,
            hidden: 12,
            season: None,
            epochs: 3,
            learning_rate: 0.0005,
            history: Duration::from_days(28),
            refit_every: Duration::from_days(1),
        }
    }
}

/// Offsets around one season before that the network sees.
const AROUND: [usize; 3] = [0, 1, 2];

/// Values of the time of day and of the week it sees: sines and cosines.
const WAVES: usize = 8;

/// A small network and what it learns from.
#[derive(Clone, Debug)]
pub struct Neural {
    setup: Setup,
    config: Config,
    season: usize,
    history: History,
    last_ns: u64,
    net: Net,
    /// Mean and standard deviation of the history when last trained.
    measure: (f64, f64),
    range: (f64, f64),
    draws: Draws,
    schedule: Schedule,
}

impl Variant<dyn Method> for Neural {
    const NAME: &'static str = "neural";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        unless(config.lags > 0 && config.hidden > 0 && config.epochs > 0, || {
            "lags, hidden units and epochs are at least one each".into()
        })?;
        unless(config.learning_rate > 0.0 && config.learning_rate < 1.0, || {
            format!("a learning rate lies between 0 and 1, not {}", config.learning_rate)
        })
    }

    fn build(config: &Config, setup: &Setup) -> Result<Box<dyn Method>, Problem> {
        let season = setup.season_ticks(config.season);
        let inputs = config.lags + AROUND.len() + WAVES;
        let enough = 2 * season + config.lags + AROUND.len() + 100;
        let mut draws = Draws::new(setup.seed);
        Ok(Box::new(Neural {
            setup: setup.clone(),
            config: config.clone(),
            season,
            history: History::new(setup.ticks(config.history.0).max(enough)),
            last_ns: 0,
            net: Net::new(inputs, config.hidden, &mut draws),
            measure: (0.0, 1.0),
            range: (f64::MAX, f64::MIN),
            draws,
            schedule: Schedule::new(setup.ticks(config.refit_every.0)),
        }))
    }
}

impl Neural {
    fn enough(&self) -> bool {
        self.history.len() >= 2 * self.season + self.config.lags + AROUND.len() + 100
    }

    /// What the network sees of the bin that ends at `at_ns`; `value(lag)` is in standard
    /// deviations.
    fn see(&self, at_ns: u64, value: impl Fn(usize) -> f64, inputs: &mut Vec<f64>) {
        inputs.clear();
        inputs.extend((1..=self.config.lags).map(&value));
        inputs.extend(AROUND.map(|beside| value(self.season + beside)));
        let calendar_ns = self.setup.calendar_ns(at_ns);
        for (period_ns, waves) in [(DAY_NS, 2), (7 * DAY_NS, WAVES / 2 - 2)] {
            let turn = (calendar_ns % period_ns) as f64 / period_ns as f64 * TAU;
            for wave in 1..=waves {
                let (sine, cosine) = (turn * wave as f64).sin_cos();
                inputs.extend([sine, cosine]);
            }
        }
    }

    fn train(&mut self) {
        let n = self.history.len() as f64;
        let mean = self.history.iter().sum::<f64>() / n;
        let variance = self.history.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / n;
        let scale = if variance > 0.0 { variance.sqrt() } else { 1.0 };
        self.measure = (mean, scale);
        self.range = self.history.iter().fold((f64::MAX, f64::MIN), widened);
        let series: Vec<f64> = self.history.iter().map(|y| (y - mean) / scale).collect();
        let first = (self.season + AROUND.len()).max(self.config.lags);
        let mut seen: Vec<(Vec<f64>, f64)> = Vec::with_capacity(series.len() - first);
        let mut normal = Normal::new(self.net.inputs + 1);
        for t in first..series.len() {
            let ago = (series.len() - 1 - t) as u64 * self.setup.tick_ns;
            let mut inputs = Vec::with_capacity(self.net.inputs + 1);
            self.see(self.last_ns.saturating_sub(ago), |lag| series[t - lag], &mut inputs);
            let rest = series[t] - self.net.bent(&inputs);
            inputs.push(1.0);
            normal.push(1.0, &inputs, rest);
            inputs.pop();
            seen.push((inputs, series[t]));
        }
        self.net.straight = normal.solve(|_| 1.0);
        let passes = if self.schedule.refits == 1 { 8 } else { 1 } * self.config.epochs;
        for _ in 0..passes {
            self.draws.shuffle(&mut seen);
            for (inputs, value) in &seen {
                self.net.learn(inputs, *value, self.config.learning_rate);
            }
        }
    }

    /// Continues the series on the scale of the method.
    fn continued(&self, path: &mut [f64]) {
        if !self.schedule.fitted() {
            let season = if self.history.len() >= self.season { self.season } else { 1 };
            return self.history.repeat_season(season, path);
        }
        let (mean, scale) = self.measure;
        let mut inputs = Vec::new();
        for k in 0..path.len() {
            let at_ns = self.last_ns + (k + 1) as u64 * self.setup.tick_ns;
            let value = |lag: usize| {
                let raw = match k.checked_sub(lag) {
                    Some(earlier) => path[earlier],
                    None => self.history.lag(lag - k).unwrap_or(mean),
                };
                (raw - mean) / scale
            };
            self.see(at_ns, value, &mut inputs);
            path[k] = kept_near(self.range, mean + scale * self.net.output(&inputs));
        }
    }
}

impl Method for Neural {
    fn push(&mut self, at_ns: u64, value: f64) {
        let value = self.config.scale.bend(value);
        self.history.push(value);
        self.last_ns = at_ns;
        self.range = widened(self.range, value);
        if self.schedule.tick(self.enough()) {
            self.train();
        }
    }

    fn path(&self, path: &mut [f64]) {
        self.continued(path);
        self.config.scale.unbend(path);
    }

    fn refits(&self) -> u64 {
        self.schedule.refits
    }
}

/// ŷ = Σ v·tanh(Wx + b) + Σ u·x + c.
#[derive(Clone, Debug)]
struct Net {
    inputs: usize,
    hidden: usize,
    /// u and c.
    straight: Vec<f64>,
    /// W row by row, then b, then v: one row for the optimiser.
    weights: Vec<f64>,
    gradient: Vec<f64>,
    /// Adam's running means of the gradient and of its square, and its steps so far.
    moments: Vec<(f64, f64)>,
    steps: i32,
}

impl Net {
    fn new(inputs: usize, hidden: usize, draws: &mut Draws) -> Net {
        let size = hidden * (inputs + 2);
        let spread = (1.0 / inputs as f64).sqrt();
        let mut weights = vec![0.0; size];
        // Only W is random: v = 0 starts the network as its linear path.
        weights[..hidden * inputs].fill_with(|| spread * (2.0 * draws.uniform() - 1.0));
        Net {
            inputs,
            hidden,
            straight: vec![0.0; inputs + 1],
            weights,
            gradient: vec![0.0; size],
            moments: vec![(0.0, 0.0); size],
            steps: 0,
        }
    }

    /// Where b and v begin in the row of weights.
    fn offsets(&self) -> (usize, usize) {
        let b = self.hidden * self.inputs;
        (b, b + self.hidden)
    }

    fn unit(&self, i: usize, x: &[f64]) -> f64 {
        let row = &self.weights[i * self.inputs..(i + 1) * self.inputs];
        let sum: f64 = row.iter().zip(x).map(|(w, x)| w * x).sum();
        (sum + self.weights[self.offsets().0 + i]).tanh()
    }

    fn bent(&self, x: &[f64]) -> f64 {
        let v = &self.weights[self.offsets().1..];
        v.iter().enumerate().map(|(i, v)| v * self.unit(i, x)).sum()
    }

    fn output(&self, x: &[f64]) -> f64 {
        let straight: f64 = self.straight.iter().zip(x).map(|(u, x)| u * x).sum();
        self.bent(x) + straight + self.straight[self.inputs]
    }

    /// One step of Adam down the gradient of ½(ŷ − y)² in W, b and v.
    fn learn(&mut self, x: &[f64], y: f64, rate: f64) {
        let (b, v) = self.offsets();
        // Errors beyond three deviations pull no harder: one incident must not undo a month.
        let error = (self.output(x) - y).clamp(-3.0, 3.0);
        for i in 0..self.hidden {
            let unit = self.unit(i, x);
            let inner = error * self.weights[v + i] * (1.0 - unit * unit);
            self.gradient[v + i] = error * unit;
            self.gradient[b + i] = inner;
            let row = &mut self.gradient[i * self.inputs..(i + 1) * self.inputs];
            row.iter_mut().zip(x).for_each(|(g, x)| *g = inner * x);
        }
        self.descend(rate);
    }

    fn descend(&mut self, rate: f64) {
        const KEEP: (f64, f64) = (0.9, 0.999);
        self.steps = self.steps.saturating_add(1);
        let unbias = |keep: f64| 1.0 - keep.powi(self.steps);
        let (unbias_mean, unbias_square) = (unbias(KEEP.0), unbias(KEEP.1));
        let all = self.weights.iter_mut().zip(&self.gradient).zip(&mut self.moments);
        for ((weight, &gradient), (mean, square)) in all {
            *mean = KEEP.0 * *mean + (1.0 - KEEP.0) * gradient;
            *square = KEEP.1 * *square + (1.0 - KEEP.1) * gradient * gradient;
            *weight -= rate * (*mean / unbias_mean) / ((*square / unbias_square).sqrt() + 1e-8);
        }
    }
}

/// Seeded random numbers: `SplitMix64` (Steele, Lea & Flood, OOPSLA 2014).
#[derive(Clone, Debug)]
pub(super) struct Draws(u64);

impl Draws {
    pub(super) fn new(seed: u64) -> Draws {
        Draws(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform on [0, 1).
    pub(super) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, (self.uniform() * (last + 1) as f64) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_that_of_the_error() {
        let mut net = Net::new(3, 4, &mut Draws::new(3));
        let mut draws = Draws::new(4);
        net.weights.iter_mut().for_each(|weight| *weight = draws.uniform() - 0.5);
        let (x, y) = ([0.3, -1.2, 0.8], 0.4);
        let mut taught = net.clone();
        taught.learn(&x, y, 0.1);
        let loss = |net: &Net| 0.5 * (net.output(&x) - y).powi(2);
        for i in 0..net.weights.len() {
            let nudged = |by: f64| {
                let mut other = net.clone();
                other.weights[i] += by;
                loss(&other)
            };
            let slope = (nudged(1e-5) - nudged(-1e-5)) / 2e-5;
            assert!((slope - taught.gradient[i]).abs() < 1e-8, "weight {i}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_bits() {
        let setup = Setup { tick_ns: DAY_NS / 24, ..Setup::default() };
        let forecast = |seed| {
            let mut method =
                Neural::build(&Config::default(), &Setup { seed, ..setup.clone() }).unwrap();
            (1..400_u64).for_each(|t| method.push(t * setup.tick_ns, (t * 37 % 24) as f64));
            let mut path = [0.0; 5];
            method.path(&mut path);
            path.map(f64::to_bits)
        };
        assert_eq!(forecast(1), forecast(1));
        assert_ne!(forecast(1), forecast(2));
    }
}
