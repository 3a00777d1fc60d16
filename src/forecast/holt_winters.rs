//! Holt–Winters: a level, a trend and a season, each smoothed exponentially (ETS point forecasts).
//!
//! **What it does.** Keeps a level l, a trend b (none, additive or multiplicative, damped if asked)
//! and one index s for each tick of the season (none, additive or multiplicative), corrected by
//! each value with weights α, β, γ: see [`Smoother`]. Weights that are not given are fitted on a
//! schedule: they are those with the least squared one-step error over the latest history. What the
//! last error still tells of the next is added as it fades (`carry`). Until the season has been
//! seen twice, the last season, or failing that the last value, is repeated.
//!
//! **When it shines.** One strong season with a slow trend; it follows drifts of the daily shape.
//! The *Holt-Winters* model of the predictive horizontal pod autoscaler ([`one_step`]).
//!
//! **When it fails.** Two seasons at once (day and week) unless the longer is its season; an
//! incident stays in the season and returns tomorrow; undamped trends overshoot far ahead.
//! Multiplicative forms want rates above zero.
//!
//! **Source.** Winters, *Management Science* 6 (1960) 324; recursions and first states as
//! statsmodels 0.15 has them; carry: Taylor, *J. Oper. Res. Soc.* 54 (2003) 799.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::history::{History, Schedule};
use super::minimize::minimize;
use super::regression::{kept_near, widened};
use super::{Method, Scale, Setup, unless};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;

/// How a trend or a season enters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Not at all.
    None,
    /// Added.
    #[default]
    Additive,
    /// As a factor.
    Multiplicative,
}

/// Options of Holt–Winters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The scale it works on.
    pub scale: Scale,
    /// How the trend enters.
    pub trend: Form,
    /// How the season enters.
    pub seasonal: Form,
    /// Length of the season; absent: that of the run (a day unless told otherwise).
    pub season: Option<Duration>,
    /// Weight of a value in the level, 0 to 1; absent: fitted.
    pub alpha: Option<f64>,
    /// Weight of a change of level in the trend, 0 to 1; absent: fitted.
    pub beta: Option<f64>,
    /// Weight of a value in its seasonal index, 0 to 1; absent: fitted.
    pub gamma: Option<f64>,
    /// What remains of the trend after a tick; 1 is undamped.
    pub damping: f64,
    /// Whether the last error, as far as errors go on, is carried into the forecast.
    pub carry: bool,
    /// How much of the past the weights are fitted to.
    pub history: Duration,
    /// Time between fits.
    pub refit_every: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            scale: Scale::default(),
            trend: Form::Additive,
            seasonal: Form::Additive,
            season: None,
            alpha: None,
            beta: None,
            gamma: None,
            damping: 0.98,
            carry: true,
            history: Duration::from_days(28),
            refit_every: Duration::from_days(1),
        }
    }
}

/// The recursion: weights and forms, without state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Smoother {
    /// How the trend enters.
    pub trend: Form,
    /// How the season enters.
    pub seasonal: Form,
    /// Weight of a value in the level.
    pub alpha: f64,
    /// Weight of a change of level in the trend.
    pub beta: f64,
    /// Weight of a value in its seasonal index.
    pub gamma: f64,
    /// What remains of the trend after a tick.
    pub damping: f64,
    /// Ticks in a season; 1 without one.
    pub season: usize,
}

/// Level, trend and seasonal indices at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The level.
    pub level: f64,
    /// The trend a tick: a difference, or a factor if multiplicative.
    pub trend: f64,
    /// The seasonal indices, by tick of the season.
    pub seasons: Vec<f64>,
    /// The place of the next value in the season.
    pub next: usize,
}

/// How the first state is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum First {
    /// A line through the first ten values of the moving average, indices from the values detrended
    /// by it (Hyndman, Koehler, Ord & Snyder 2008, §2.6): what statsmodels calls *estimated* when
    /// it does not optimise, and *heuristic*.
    #[default]
    Heuristic,
    /// The same, and the level moved back to tick 0 along the trend: the moving average begins half
    /// a season late, which *heuristic* leaves for the recursion to forget.
    Aligned,
    /// The mean of every m-th value, and the first season less (or over) it: statsmodels'
    /// *legacy-heuristic*.
    LegacyHeuristic,
}

impl Smoother {
    /// Refuses what the recursion cannot be started on: too few values, or zeros under factors.
    pub fn check(&self, series: &[f64]) -> Result<(), Problem> {
        let (m, n) = (self.season, series.len());
        unless(self.seasonal == Form::None || m > 1, || {
            "seasonal_periods must be larger than 1".into()
        })?;
        unless(self.seasonal == Form::None || n >= 2 * m, || {
            format!("must be at least 2 * seasonal_periods observations: {n} for a season of {m}")
        })?;
        let least = self.heuristic_values();
        unless(n >= least, || {
            format!(
                "must be at least 10 + 2 * (seasonal_periods // 2) observations: {n}, not {least}"
            )
        })?;
        let factors = self.trend == Form::Multiplicative || self.seasonal == Form::Multiplicative;
        unless(!factors || series.iter().all(|&value| value > 0.0), || {
            "values must be strictly positive under a multiplicative trend or season".into()
        })
    }

    fn heuristic_values(&self) -> usize {
        if self.seasonal == Form::None { 10 } else { 10 + 2 * (self.season / 2) }
    }

    /// The state before the first value of a series that [`check`](Self::check) accepts.
    pub fn start(&self, series: &[f64], first: First) -> State {
        match first {
            First::Heuristic => self.start_heuristic(series),
            First::Aligned => {
                let mut state = self.start_heuristic(series);
                let late = if self.seasonal == Form::None { 0 } else { self.season / 2 };
                state.level = self.ahead(&state, -(late as f64));
                state
            }
            First::LegacyHeuristic => self.start_legacy(series),
        }
    }

    fn start_heuristic(&self, series: &[f64]) -> State {
        let m = self.season;
        if self.seasonal == Form::None {
            return self.through_ten(series, vec![self.neutral()]);
        }
        let cycles = (series.len() / m).min(5).max(self.heuristic_values().div_ceil(m));
        let series = &series[..series.len().min(cycles * m)];
        // A centred average over one season; over an even season the ends count half each.
        let half = m / 2;
        let average = |centre: usize| {
            let window = &series[centre - half..=centre + half];
            let ends = if m.is_multiple_of(2) { f64::midpoint(window[0], window[m]) } else { 0.0 };
            (window.iter().sum::<f64>() - ends) / m as f64
        };
        let trend: Vec<f64> = (half..series.len() - half).map(average).collect();
        let mut sums = vec![(0.0, 0.0); m];
        for (i, &level) in trend.iter().enumerate() {
            let (sum, count) = &mut sums[(half + i) % m];
            *sum += self.unseasoned(series[half + i], level);
            *count += 1.0;
        }
        let mut seasons: Vec<f64> = sums.iter().map(|(sum, count)| sum / count).collect();
        let mean = seasons.iter().sum::<f64>() / m as f64;
        for index in &mut seasons {
            *index = self.unseasoned(*index, mean);
        }
        self.through_ten(&trend, seasons)
    }

    /// Level and trend of the least-squares line through the first ten values, at tick 0.
    fn through_ten(&self, values: &[f64], seasons: Vec<f64>) -> State {
        let mean = values[..10].iter().sum::<f64>() / 10.0;
        let moment = values[..10].iter().zip(1..).map(|(y, i)| y * (f64::from(i) - 5.5));
        let slope = moment.sum::<f64>() / 82.5;
        let level = mean - 5.5 * slope;
        let trend = match self.trend {
            Form::None => 0.0,
            Form::Additive => slope,
            Form::Multiplicative => 1.0 + slope / level,
        };
        State { level, trend, seasons, next: 0 }
    }

    fn start_legacy(&self, series: &[f64]) -> State {
        let m = self.season;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let seasonal = self.seasonal != Form::None;
        let level = if seasonal {
            mean(&series.iter().copied().step_by(m).collect::<Vec<_>>())
        } else {
            series[0]
        };
        let (lag, lead) = if seasonal {
            (mean(&series[..m]), mean(&series[m..2 * m]))
        } else {
            (series[0], series[1])
        };
        let trend = match self.trend {
            Form::None => 0.0,
            Form::Additive => (lead - lag) / m as f64,
            Form::Multiplicative => (lead / lag).powf(1.0 / m as f64),
        };
        let seasons = if seasonal {
            series[..m].iter().map(|&value| self.unseasoned(value, level)).collect()
        } else {
            vec![self.neutral()]
        };
        State { level, trend, seasons, next: 0 }
    }

    /// The index that changes nothing.
    fn neutral(&self) -> f64 {
        if self.seasonal == Form::Multiplicative { 1.0 } else { 0.0 }
    }

    /// A value without its season.
    fn unseasoned(&self, value: f64, index: f64) -> f64 {
        if self.seasonal == Form::Multiplicative { value / index } else { value - index }
    }

    /// The level so many (damped) ticks of trend ahead.
    fn ahead(&self, state: &State, ticks: f64) -> f64 {
        match self.trend {
            Form::None => state.level,
            Form::Additive => state.level + state.trend * ticks,
            Form::Multiplicative => state.level * state.trend.powf(ticks),
        }
    }

    /// Level and season put together.
    fn seasoned(&self, level: f64, index: f64) -> f64 {
        if self.seasonal == Form::Multiplicative { level * index } else { level + index }
    }

    /// The value expected next.
    pub fn next(&self, state: &State) -> f64 {
        self.seasoned(self.ahead(state, self.damping), state.seasons[state.next])
    }

    /// Fills the values expected 1, 2, 3 … ticks ahead.
    pub fn path(&self, state: &State, path: &mut [f64]) {
        let (mut ticks, mut remains) = (0.0, 1.0);
        for (k, out) in path.iter_mut().enumerate() {
            remains *= self.damping;
            ticks += remains;
            let index = state.seasons[(state.next + k) % self.season];
            *out = self.seasoned(self.ahead(state, ticks), index);
        }
    }

    /// Corrects the state by a value.
    ///
    /// l' = α(y − s) + (1 − α)(l + φb), b' = β(l' − l) + (1 − β)φb, s' = γ(y − l − φb) + (1 − γ)s:
    /// the season is corrected against the *old* level and trend. Under factors − becomes ÷, +
    /// becomes ×, φb becomes b^φ.
    pub fn update(&self, state: &mut State, value: f64) {
        let expected = self.ahead(state, self.damping);
        let index = &mut state.seasons[state.next];
        let level = self.alpha * self.unseasoned(value, *index) + (1.0 - self.alpha) * expected;
        state.trend = match self.trend {
            Form::None => 0.0,
            Form::Additive => {
                self.beta * (level - state.level) + (1.0 - self.beta) * self.damping * state.trend
            }
            Form::Multiplicative => {
                let kept = state.trend.powf(self.damping);
                self.beta * (level / state.level) + (1.0 - self.beta) * kept
            }
        };
        if self.seasonal != Form::None {
            *index = self.gamma * self.unseasoned(value, expected) + (1.0 - self.gamma) * *index;
            state.next = (state.next + 1) % self.season;
        }
        state.level = level;
    }
}

/// The value after a whole series, as the predictive horizontal pod autoscaler finds it.
pub fn one_step(smoother: &Smoother, first: First, series: &[f64]) -> Result<f64, Problem> {
    smoother.check(series)?;
    let mut state = smoother.start(series, first);
    for &value in series {
        smoother.update(&mut state, value);
    }
    Ok(smoother.next(&state))
}

/// Holt–Winters with weights fitted on a schedule.
#[derive(Clone, Debug)]
pub struct HoltWinters {
    config: Config,
    smoother: Smoother,
    state: Option<State>,
    history: History,
    schedule: Schedule,
    /// Sums of e(t)e(t−1) and of e(t−1)², whose ratio says how far errors go on.
    products: (f64, f64),
    last_error: f64,
    /// The least and the greatest value lately.
    range: (f64, f64),
}

impl Variant<dyn Method> for HoltWinters {
    const NAME: &'static str = "holt-winters";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        let named = [("alpha", config.alpha), ("beta", config.beta), ("gamma", config.gamma)];
        for (name, weight) in named.iter().filter_map(|(name, weight)| Some((name, (*weight)?))) {
            unless((0.0..=1.0).contains(&weight), || {
                format!("{name} is a weight from 0 to 1, not {weight}")
            })?;
        }
        unless(config.damping > 0.0 && config.damping <= 1.0, || {
            format!("damping lies above 0 and is at most 1, not {}", config.damping)
        })
    }

    fn build(config: &Config, setup: &Setup) -> Result<Box<dyn Method>, Problem> {
        Ok(Box::new(HoltWinters::new(config, setup)))
    }
}

impl HoltWinters {
    /// For options that were checked.
    fn new(config: &Config, setup: &Setup) -> Self {
        let season = setup.season_ticks(config.season);
        let seasonal = if season > 1 { config.seasonal } else { Form::None };
        let smoother = Smoother {
            trend: config.trend,
            seasonal,
            alpha: config.alpha.unwrap_or(0.2),
            beta: config.beta.unwrap_or(0.02),
            gamma: config.gamma.unwrap_or(0.2),
            damping: if config.trend == Form::None { 1.0 } else { config.damping },
            season: if seasonal == Form::None { 1 } else { season },
        };
        let enough = smoother.heuristic_values().max(2 * smoother.season);
        HoltWinters {
            config: config.clone(),
            smoother,
            state: None,
            history: History::new(setup.ticks(config.history.0).max(enough)),
            schedule: Schedule::new(setup.ticks(config.refit_every.0)),
            products: (0.0, 0.0),
            last_error: 0.0,
            range: (f64::MAX, f64::MIN),
        }
    }
}

impl HoltWinters {
    fn enough(&self) -> bool {
        self.history.len() >= self.smoother.heuristic_values().max(2 * self.smoother.season)
    }

    /// Values under factors must stay above zero: an empty bin counts as a thousandth of the usual.
    fn lifted(&self, value: f64, usual: f64) -> f64 {
        if [self.smoother.trend, self.smoother.seasonal].contains(&Form::Multiplicative) {
            value.max(1e-3 * usual).max(f64::MIN_POSITIVE.sqrt())
        } else {
            value
        }
    }

    /// Finds the weights that were not given and brings the state up to the last value.
    fn fit(&mut self) {
        let mean = self.history.iter().sum::<f64>() / self.history.len() as f64;
        let series: Vec<f64> = self.history.iter().map(|value| self.lifted(value, mean)).collect();
        self.range = series.iter().copied().fold((f64::MAX, f64::MIN), widened);
        let mut start = self.smoother.start(&series, First::Aligned);
        if self.smoother.trend == Form::Multiplicative && !(start.level > 0.0 && start.trend > 0.0)
        {
            // A steep first line may start below zero, where factors have no meaning.
            (start.level, start.trend) = (mean, 1.0);
        }
        let free = [self.config.alpha, self.config.beta, self.config.gamma].map(|w| w.is_none());
        let uses = [true, self.smoother.trend != Form::None, self.smoother.seasonal != Form::None];
        let chosen: Vec<usize> = (0..3).filter(|&i| free[i] && uses[i]).collect();
        let with = |weights: &[f64]| {
            let mut smoother = self.smoother;
            let slots = [&mut smoother.alpha, &mut smoother.beta, &mut smoother.gamma];
            for (i, slot) in slots.into_iter().enumerate() {
                if let Some(at) = chosen.iter().position(|&other| other == i) {
                    *slot = logistic(weights[at]);
                }
            }
            smoother
        };
        let now = [self.smoother.alpha, self.smoother.beta, self.smoother.gamma];
        let from: Vec<f64> = chosen.iter().map(|&i| logit(now[i])).collect();
        let (best, _) = minimize(&from, 1.0, 80, |weights| {
            let smoother = with(weights);
            let mut state = start.clone();
            let (square, products, _) = squared_error(&smoother, &mut state, &series);
            square - self.carry_of(products) * products.0
        });
        self.smoother = with(&best);
        let mut state = start;
        let (_, products, last_error) = squared_error(&self.smoother, &mut state, &series);
        (self.products, self.last_error) = (products, last_error);
        self.state = Some(state);
    }

    /// The share of an error that goes on into the next, from none to all but.
    fn carry_of(&self, (product, square): (f64, f64)) -> f64 {
        let on = self.config.carry && square > 0.0;
        if on { (product / square).clamp(0.0, 0.98) } else { 0.0 }
    }

    /// Continues the series on the scale of the method.
    fn continued(&self, path: &mut [f64]) {
        let Some(state) = &self.state else {
            let season = self.smoother.season;
            let season = if self.history.len() >= season { season } else { 1 };
            return self.history.repeat_season(season, path);
        };
        self.smoother.path(state, path);
        let (carry, mut rest) = (self.carry_of(self.products), self.last_error);
        for out in path {
            rest *= carry;
            *out = kept_near(self.range, *out + rest);
        }
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn logit(p: f64) -> f64 {
    let p = p.clamp(1e-4, 1.0 - 1e-4);
    (p / (1.0 - p)).ln()
}

/// The sum of squared errors, the products of neighbours (and of the former alone), the last error.
fn squared_error(smoother: &Smoother, state: &mut State, series: &[f64]) -> (f64, (f64, f64), f64) {
    let (mut sum, mut product, mut lagged, mut last) = (0.0, 0.0, 0.0, 0.0);
    for &value in series {
        let error = value - smoother.next(state);
        smoother.update(state, value);
        sum += error * error;
        product += error * last;
        lagged += last * last;
        last = error;
    }
    (sum, (product, lagged), last)
}

impl Method for HoltWinters {
    fn push(&mut self, _: u64, value: f64) {
        let value = self.config.scale.bend(value);
        self.history.push(value);
        self.range = widened(self.range, value);
        let fitted = [self.config.alpha, self.config.beta, self.config.gamma];
        let nothing_to_fit = self.state.is_some() && fitted.iter().all(Option::is_some);
        if self.schedule.tick(self.enough() && !nothing_to_fit) {
            self.fit();
        } else if let Some(mut state) = self.state.take() {
            let value = self.lifted(value, state.level);
            let error = value - self.smoother.next(&state);
            self.smoother.update(&mut state, value);
            self.products.0 += error * self.last_error;
            self.products.1 += self.last_error * self.last_error;
            self.last_error = error;
            // Factors may run away from a level near zero: then wait for the next fit.
            self.state = state.level.is_finite().then_some(state);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn taught(config: &Config, values: impl Iterator<Item = f64>) -> HoltWinters {
        let setup = Setup { tick_ns: 1, ..Setup::default() };
        let mut method = HoltWinters::new(config, &setup);
        values.for_each(|value| method.push(0, value));
        method
    }

    fn config() -> Config {
        let (history, refit_every) = (Duration(200), Duration(20));
        Config { season: Some(Duration(6)), history, refit_every, ..Config::default() }
    }

    #[test]
    fn a_pure_season_is_repeated_exactly() {
        let value = |t: u32| [3.0, 1.0, 4.0, 1.0, 5.0, 9.0][t as usize % 6];
        for seasonal in [Form::Additive, Form::Multiplicative] {
            let method = taught(&Config { seasonal, ..config() }, (0..100).map(value));
            let mut path = [0.0; 12];
            method.path(&mut path);
            for (k, forecast) in path.iter().enumerate() {
                assert!((forecast - value(100 + k as u32)).abs() < 1e-9, "{seasonal:?} {path:?}");
            }
        }
    }

    #[test]
    fn a_line_is_continued_when_the_trend_is_undamped() {
        let value = |t: u32| 10.0 + 2.0 * f64::from(t);
        let method =
            taught(&Config { scale: Scale::Rate, damping: 1.0, ..config() }, (0..100).map(value));
        let mut path = [0.0; 12];
        method.path(&mut path);
        for (k, forecast) in path.iter().enumerate() {
            assert!((forecast - value(100 + k as u32)).abs() < 1e-6, "{path:?}");
        }
    }

    #[test]
    fn weights_that_are_given_are_kept_and_never_fitted() {
        let (alpha, beta, gamma) = (Some(0.3), Some(0.1), Some(0.2));
        let given = Config { alpha, beta, gamma, ..config() };
        let method = taught(&given, (0..100).map(|t| f64::from(t % 6)));
        let smoother = method.smoother;
        for (weight, given) in [(smoother.alpha, 0.3), (smoother.beta, 0.1), (smoother.gamma, 0.2)]
        {
            assert!((weight - given).abs() < 1e-12);
        }
        assert_eq!(method.refits(), 1, "only the first state was found");
    }

    #[test]
    fn a_weight_beyond_one_is_refused() {
        let refused = HoltWinters::check(&Config { alpha: Some(1.5), ..config() });
        assert!(refused.unwrap_err().to_string().contains("alpha"));
    }
}
