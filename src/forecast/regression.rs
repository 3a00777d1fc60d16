//! Regression: multiple linear regression on the calendar and on lags.
//!
//! **What it does.** y(t) = β₀ + Σ βᵢ y(t − lagᵢ) + hour-of-day waves + day of the week, by least
//! squares with exponential forgetting. Rows are added in constant time a tick; the equations are
//! solved anew on a schedule. Later ticks are forecast by feeding forecasts back as lags. For each
//! season of m ticks the lags m and m + 1 are used, so that "as yesterday, but as much higher as
//! just now" is in reach. A season counts from its second repetition on, the waves of the day from
//! its second day on, the days of the week from the second week on: a curve through a part of them
//! says nothing of the rest. Before there is anything to regress on, the longest season known is
//! repeated.
//!
//! **When it shines.** Daily and weekly rhythms together, with a level that wanders: the lags
//! correct what the calendar does not know. Usually the best single method here on real traffic.
//!
//! **When it fails.** Effects that multiply (it adds), sudden regimes that never were, many lags on
//! few data. Errors feed back, so far horizons inherit near ones.
//!
//! **Source.** Hyndman & Athanasopoulos, *Forecasting: principles and practice*, 3rd ed., ch. 7
//! (Fourier terms §7.4); recursive least squares with forgetting: Ljung, *System identification*,
//! ch. 11.

use std::f64::consts::TAU;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::history::{History, Schedule};
use super::least_squares::Normal;
use super::{DAY_NS, Method, Scale, Setup, unless};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;

/// Options of the regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The scale it works on.
    pub scale: Scale,
    /// Lags of the value itself, in ticks.
    pub lags: Vec<usize>,
    /// Seasons whose values of one season before are used; absent: that of the run, and a week.
    pub seasons: Option<Vec<Duration>>,
    /// Number of sine and cosine pairs that draw the shape of the day; 0 for none.
    pub harmonics: usize,
    /// Whether each day of the week has its own level.
    pub day_of_week: bool,
    /// Age at which a value counts half.
    pub half_life: Duration,
    /// Time between solutions.
    pub refit_every: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            scale: Scale::default(),
            lags: vec![1, 2, 3],
            seasons: None,
            harmonics: 4,
            day_of_week: true,
            half_life: Duration::from_days(28),
            refit_every: Duration::from_hours(6),
        }
    }
}

/// Multiple linear regression on calendar and lags.
#[derive(Clone, Debug)]
pub struct Regression {
    setup: Setup,
    config: Config,
    /// Seasons in ticks, shortest first.
    seasons: Vec<usize>,
    keep: f64,
    history: History,
    /// How many values were taken, imputed ones included.
    taken: usize,
    last_ns: u64,
    /// How many of the seasons have repeated, and the lags in use with them.
    repeated: usize,
    lags: Vec<usize>,
    /// Waves of the day in use: none before a day has been seen.
    waves: usize,
    /// Whether days of the week are told apart: not before a week has been seen.
    days: bool,
    /// The least and the greatest value lately.
    range: (f64, f64),
    /// Values are divided by this, so that the columns are of one size.
    unit: f64,
    normal: Normal,
    schedule: Schedule,
    beta: Vec<f64>,
}

impl Variant<dyn Method> for Regression {
    const NAME: &'static str = "regression";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        unless(config.lags.iter().all(|&lag| lag > 0), || {
            "lag 0 is the value to be forecast itself; lags start at 1".into()
        })?;
        unless(config.half_life.0 > 0, || "a half-life of zero keeps nothing".into())
    }

    fn build(config: &Config, setup: &Setup) -> Result<Box<dyn Method>, Problem> {
        let mut seasons: Vec<usize> = match &config.seasons {
            Some(own) => own.iter().map(|season| setup.ticks(season.0)).collect(),
            None => vec![setup.ticks(setup.season_ns), setup.ticks(7 * DAY_NS)],
        };
        seasons.retain(|&season| season > 1);
        seasons.sort_unstable();
        seasons.dedup();
        let longest = config.lags.iter().chain(seasons.last()).copied().max().unwrap_or(1);
        let most_lags = config.lags.len() + 2 * seasons.len();
        let most_columns = columns(most_lags, config.harmonics, config.day_of_week);
        Ok(Box::new(Regression {
            history: History::new(longest + longest.max(2 * most_columns) + 2),
            setup: setup.clone(),
            config: config.clone(),
            seasons,
            keep: 0.5_f64.powf(setup.tick_ns as f64 / config.half_life.0 as f64),
            taken: 0,
            last_ns: 0,
            repeated: 0,
            lags: config.lags.clone(),
            waves: 0,
            days: false,
            range: (f64::MAX, f64::MIN),
            unit: 1.0,
            normal: Normal::new(columns(config.lags.len(), 0, false)),
            schedule: Schedule::new(setup.ticks(config.refit_every.0)),
            beta: Vec::new(),
        }))
    }
}

/// Columns of a regression on so many lags and waves of the day.
fn columns(lags: usize, waves: usize, days: bool) -> usize {
    1 + lags + 2 * waves + 6 * usize::from(days)
}

impl Regression {
    fn columns(&self) -> usize {
        columns(self.lags.len(), self.waves, self.days)
    }

    /// Takes up the lags of the next season if it has repeated and left rows enough to learn from.
    fn take_up_season(&mut self) -> bool {
        let Some(&season) = self.seasons.get(self.repeated) else { return false };
        let rows = self.taken.saturating_sub(season + 1);
        if rows < season || rows < 2 * (self.columns() + 2) {
            return false;
        }
        self.repeated += 1;
        self.lags.extend([season, season + 1]);
        self.lags.sort_unstable();
        self.lags.dedup();
        true
    }

    /// Takes up the calendar as far as it has been seen once, and has left rows enough.
    fn take_up_calendar(&mut self) -> bool {
        let before = self.columns();
        let lag = self.lags.iter().max().map_or(0, |&lag| lag);
        let rows = self.history.len().saturating_sub(lag);
        let ready = |span_ns: u64, waves: usize, days: bool| {
            let enough = 2 * columns(self.lags.len(), waves, days);
            self.taken >= self.setup.ticks(span_ns) && rows >= enough
        };
        let waves = self.config.harmonics;
        if self.waves < waves && ready(DAY_NS, waves, self.days) {
            self.waves = waves;
        }
        if self.config.day_of_week && !self.days && ready(7 * DAY_NS, self.waves, true) {
            self.days = true;
        }
        self.columns() > before
    }

    /// The row of the bin that ends at `at_ns`; `value(lag)` is the value so many ticks before it.
    fn row(&self, at_ns: u64, value: impl Fn(usize) -> Option<f64>) -> Option<Vec<f64>> {
        let mut row = Vec::with_capacity(self.columns());
        row.push(1.0);
        for &lag in &self.lags {
            row.push(value(lag)? / self.unit);
        }
        let calendar_ns = self.setup.calendar_ns(at_ns);
        let turn = (calendar_ns % DAY_NS) as f64 / DAY_NS as f64 * TAU;
        for wave in 1..=self.waves {
            let (sine, cosine) = (turn * wave as f64).sin_cos();
            row.extend([sine, cosine]);
        }
        if self.days {
            let day = calendar_ns / DAY_NS % 7;
            row.extend((1..7).map(|other| f64::from(u8::from(day == other))));
        }
        Some(row)
    }

    /// Starts the sums anew from the history, when the columns have changed.
    fn rebuild(&mut self) {
        let values: Vec<f64> = self.history.iter().collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        self.unit = if mean > 0.0 { mean } else { 1.0 };
        self.normal = Normal::new(self.columns());
        for (i, value) in values.iter().enumerate() {
            let ago = (values.len() - 1 - i) as u64 * self.setup.tick_ns;
            let at_ns = self.last_ns.saturating_sub(ago);
            let lagged = |lag: usize| i.checked_sub(lag).map(|earlier| values[earlier]);
            if let Some(row) = self.row(at_ns, lagged) {
                self.normal.push(self.keep, &row, value / self.unit);
            }
        }
    }

    /// One pseudo-observation at zero for each calendar column: days not yet seen have no effect.
    fn solve(&mut self) {
        let lagged = 1 + self.lags.len();
        self.range = (f64::MAX, f64::MIN);
        self.range = self.history.iter().fold(self.range, widened);
        self.beta = self.normal.solve(|column| if column < lagged { 0.0 } else { 1.0 });
    }

    /// Continues the series on the scale of the method.
    fn continued(&self, path: &mut [f64]) {
        if !self.schedule.fitted() {
            let known = self.seasons.iter().rev().find(|&&season| season <= self.taken);
            return self.history.repeat_season(known.map_or(1, |&season| season), path);
        }
        for k in 0..path.len() {
            let at_ns = self.last_ns + (k + 1) as u64 * self.setup.tick_ns;
            let (done, _) = path.split_at(k);
            let value = |lag: usize| match k.checked_sub(lag) {
                Some(earlier) => Some(done[earlier]),
                None => self.history.lag(lag - k),
            };
            let row = self.row(at_ns, value).expect("rows were complete when it was fitted");
            let sum: f64 = row.iter().zip(&self.beta).map(|(x, beta)| x * beta).sum();
            path[k] = kept_near(self.range, sum * self.unit);
        }
    }
}

impl Method for Regression {
    fn push(&mut self, at_ns: u64, value: f64) {
        let value = self.config.scale.bend(value);
        let row = self.row(at_ns, |lag| self.history.lag(lag));
        self.history.push(value);
        self.taken += 1;
        self.last_ns = at_ns;
        self.range = widened(self.range, value);
        // The first rebuild only settles the unit, once there are rows enough for a solution.
        let grown = [self.take_up_season(), self.take_up_calendar()].contains(&true)
            || self.taken == 2 * self.columns();
        if grown {
            self.rebuild();
        } else if let Some(row) = row {
            self.normal.push(self.keep, &row, value / self.unit);
        }
        if self.schedule.tick_or(self.normal.rows >= 2 * self.columns(), grown) {
            self.solve();
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

/// A range that holds the value too.
pub(super) fn widened((low, high): (f64, f64), value: f64) -> (f64, f64) {
    (low.min(value), high.max(value))
}

/// Keeps a forecast that feeds on itself within one range below and above the range it was taught
/// on.
pub(super) fn kept_near((low, high): (f64, f64), value: f64) -> f64 {
    let value = if value.is_nan() { f64::midpoint(low, high) } else { value };
    value.clamp(low - (high - low), high + (high - low))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    fn error_after(scale: Scale, hours: u64, value: impl Fn(u64) -> f64) -> f64 {
        let setup = Setup { tick_ns: HOUR, ..Setup::default() };
        let mut method = Regression::build(&Config { scale, ..Config::default() }, &setup).unwrap();
        (1..=hours).for_each(|hour| method.push(hour * HOUR, value(hour)));
        let mut path = [0.0; 24];
        method.path(&mut path);
        let relative = path.iter().zip(hours + 1..).map(|(y, hour)| (y / value(hour) - 1.0).abs());
        relative.fold(0.0, f64::max)
    }

    #[test]
    fn a_straight_line_is_continued() {
        assert!(error_after(Scale::Rate, 100, |hour| 20.0 + 3.0 * hour as f64) < 1e-4);
    }

    #[test]
    fn a_weekly_pattern_is_repeated_once_it_has_been_seen_twice() {
        let pattern = |hour: u64| 50.0 + (hour * 7919 % 168) as f64;
        assert!(error_after(Scale::SquareRoot, 24 * 20, pattern) < 1e-3);
    }
}
