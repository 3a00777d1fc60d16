//! ARIMA: seasonal autoregressive integrated moving average, (p,d,q)(P,D,Q) over a season of m.
//!
//! **What it does.** φ(B)Φ(Bᵐ)(1−B)ᵈ(1−Bᵐ)ᴰ(y − μ) = θ(B)Θ(Bᵐ)e, all polynomials 1 − … : after
//! differencing, a value is a weighted sum of the last values and the last surprises e. The weights
//! are those with the least sum of squared surprises (conditional least squares) on the latest
//! history, within the region where the series neither explodes nor forgets its surprises; they are
//! fitted on a schedule, between fits a tick costs as much as there are weights. Until there is
//! history enough for a fit, the last season, or failing that the last value, is repeated.
//!
//! **When it shines.** Short horizons on series whose surprises are followed by echoes; the
//! seasonal difference with Q = 1 is a season that forgets slowly, like Holt–Winters, but with a
//! better memory for the last hours.
//!
//! **When it fails.** Two seasons at once; orders guessed too high; changing variance; a level
//! shift is a surprise once now and, with D = 1, an echo one season later.
//!
//! **Source.** Box & Jenkins, *Time series analysis* (1970), ch. 7 and 9; the region by partial
//! autocorrelations: Monahan, *Biometrika* 71 (1984) 403.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::history::{History, Schedule};
use super::minimize::minimize;
use super::regression::{kept_near, widened};
use super::{Method, Scale, Setup, unless};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;

/// Options of ARIMA.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The scale it works on.
    pub scale: Scale,
    /// Order p: how many last values count.
    pub ar: usize,
    /// Order d: how often neighbours are differenced.
    pub difference: usize,
    /// Order q: how many last surprises count.
    pub ma: usize,
    /// Seasonal order P: how many seasons before count.
    pub seasonal_ar: usize,
    /// Seasonal order D: how often values a season apart are differenced.
    pub seasonal_difference: usize,
    /// Seasonal order Q: surprises of how many seasons before count.
    pub seasonal_ma: usize,
    /// Length of the season; absent: that of the run (a day unless told otherwise).
    pub season: Option<Duration>,
    /// How much of the past the weights are fitted to.
    pub history: Duration,
    /// Time between fits.
    pub refit_every: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            scale: Scale::default(),
            ar: 2,
            difference: 0,
            ma: 1,
            seasonal_ar: 0,
            seasonal_difference: 1,
            seasonal_ma: 1,
            season: None,
            history: Duration::from_days(28),
            refit_every: Duration::from_days(1),
        }
    }
}

/// The non-zero coefficients of a polynomial in the back-shift operator, by lag, without lag 0.
type Lags = Vec<(usize, f64)>;

/// Weights of a fitted model: y(t) = constant + Σ a·y(t−i) + e(t) + Σ b·e(t−j).
#[derive(Clone, Debug, Default)]
struct Weights {
    constant: f64,
    on_values: Lags,
    on_surprises: Lags,
}

/// Seasonal ARIMA.
#[derive(Clone, Debug)]
pub struct Arima {
    config: Config,
    season: usize,
    enough: usize,
    values: History,
    surprises: History,
    weights: Weights,
    /// The free parameters of the last fit, where the next one starts.
    point: Vec<f64>,
    range: (f64, f64),
    schedule: Schedule,
}

impl Variant<dyn Method> for Arima {
    const NAME: &'static str = "arima";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        let orders = [config.ar, config.ma, config.seasonal_ar, config.seasonal_ma];
        unless(orders.iter().all(|&order| order <= 5), || {
            format!("orders {orders:?} are more than data can tell apart; use 5 at most")
        })?;
        unless(config.difference + config.seasonal_difference <= 3, || {
            "differencing more than three times leaves nothing but noise".into()
        })
    }

    fn build(config: &Config, setup: &Setup) -> Result<Box<dyn Method>, Problem> {
        Ok(Box::new(Arima::new(config, setup)))
    }
}

impl Arima {
    /// For options that were checked.
    fn new(config: &Config, setup: &Setup) -> Self {
        let orders = [config.ar, config.ma, config.seasonal_ar, config.seasonal_ma];
        let season = setup.season_ticks(config.season);
        // What differencing and the oldest lag use up, one season to meet the surprises of the one
        // before, and ten values for each weight.
        let seasons_back = config.seasonal_ar + config.seasonal_difference;
        let seasons = seasons_back + usize::from(seasons_back + config.seasonal_ma > 0);
        let weights = 1 + orders.iter().sum::<usize>();
        let enough = config.ar + config.difference + season * seasons + 10 * weights;
        Arima {
            config: config.clone(),
            season,
            enough,
            values: History::new(setup.ticks(config.history.0).max(enough)),
            surprises: History::new(config.ma + season * config.seasonal_ma),
            weights: Weights::default(),
            point: vec![0.1; orders.iter().sum()],
            range: (f64::MAX, f64::MIN),
            schedule: Schedule::new(setup.ticks(config.refit_every.0)),
        }
    }
}

impl Arima {
    /// The polynomials at a point of the free parameters: AR and MA, seasons multiplied in.
    fn polynomials(&self, point: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let Config { ar, ma, seasonal_ar, seasonal_ma, .. } = self.config;
        let (ar, rest) = point.split_at(ar);
        let (ma, rest) = rest.split_at(ma);
        let (seasonal_ar, rest) = rest.split_at(seasonal_ar);
        debug_assert_eq!(rest.len(), seasonal_ma, "one free parameter a weight");
        let factor = |free: &[f64], stride| polynomial(&within_region(free), stride);
        (
            product(&factor(ar, 1), &factor(seasonal_ar, self.season)),
            product(&factor(ma, 1), &factor(rest, self.season)),
        )
    }

    /// The differencing polynomial (1 − B)ᵈ(1 − Bᵐ)ᴰ.
    fn differencing(&self) -> Vec<f64> {
        let once = polynomial(&[1.0], 1);
        let seasonal = polynomial(&[1.0], self.season);
        let all = std::iter::repeat_n(&once, self.config.difference)
            .chain(std::iter::repeat_n(&seasonal, self.config.seasonal_difference));
        all.fold(vec![1.0], |sofar, factor| product(&sofar, factor))
    }

    fn fit(&mut self) {
        let differencing = self.differencing();
        let back = lags(&differencing);
        let values: Vec<f64> = self.values.iter().collect();
        let mut series: Vec<f64> = (differencing.len() - 1..values.len())
            .map(|t| values[t] + back.iter().map(|&(lag, c)| c * values[t - lag]).sum::<f64>())
            .collect();
        // A differenced series is taken to have no drift: forecasts then level off, not run away.
        let mean =
            if back.is_empty() { series.iter().sum::<f64>() / series.len() as f64 } else { 0.0 };
        for value in &mut series {
            *value -= mean;
        }
        let (point, _) = minimize(&self.point, 0.4, 60 + 40 * self.point.len(), |point| {
            let (ar, ma) = self.polynomials(point);
            surprises(&series, &lags(&ar), &lags(&ma)).iter().map(|e| e * e).sum()
        });
        let (ar, ma) = self.polynomials(&point);
        self.surprises.clear();
        for surprise in surprises(&series, &lags(&ar), &lags(&ma)) {
            self.surprises.push(surprise);
        }
        self.weights = Weights {
            constant: mean * ar.iter().sum::<f64>(),
            on_values: lags(&product(&ar, &differencing)).iter().map(|&(l, c)| (l, -c)).collect(),
            on_surprises: lags(&ma),
        };
        self.point = point;
        self.range = values.into_iter().fold((f64::MAX, f64::MIN), widened);
    }

    /// The value expected `k + 1` ticks ahead, when `path` holds those before it.
    fn ahead(&self, k: usize, path: &[f64]) -> f64 {
        let on_values = self.weights.on_values.iter().map(|&(lag, weight)| {
            let value = match k.checked_sub(lag) {
                Some(earlier) => path[earlier],
                None => self.values.lag(lag - k).unwrap_or(0.0),
            };
            weight * value
        });
        // Surprises to come are expected to be nothing.
        let past = self.weights.on_surprises.iter().filter(|(lag, _)| *lag > k);
        let on_surprises =
            past.map(|&(lag, weight)| weight * self.surprises.lag(lag - k).unwrap_or(0.0));
        self.weights.constant + on_values.sum::<f64>() + on_surprises.sum::<f64>()
    }

    /// Continues the series on the scale of the method.
    fn continued(&self, path: &mut [f64]) {
        if !self.schedule.fitted() {
            let season = if self.values.len() >= self.season { self.season } else { 1 };
            return self.values.repeat_season(season, path);
        }
        for k in 0..path.len() {
            path[k] = kept_near(self.range, self.ahead(k, path));
        }
    }
}

/// Free parameters to coefficients c₁…cₚ such that 1 − Σ cᵢBⁱ has all roots outside the unit
/// circle.
///
/// Each is squeezed into a partial autocorrelation (−1, 1), which the recursion of Durbin and
/// Levinson turns into coefficients.
fn within_region(free: &[f64]) -> Vec<f64> {
    let mut coefficients: Vec<f64> = Vec::with_capacity(free.len());
    for &x in free {
        let partial = 0.999 * x.tanh();
        let before = coefficients.clone();
        for (c, mirrored) in coefficients.iter_mut().zip(before.iter().rev()) {
            *c -= partial * mirrored;
        }
        coefficients.push(partial);
    }
    coefficients
}

/// 1 − c₁Bˢ − c₂B²ˢ − … as dense coefficients.
fn polynomial(coefficients: &[f64], stride: usize) -> Vec<f64> {
    let mut dense = vec![0.0; coefficients.len() * stride + 1];
    dense[0] = 1.0;
    for (i, c) in coefficients.iter().enumerate() {
        dense[(i + 1) * stride] = -c;
    }
    dense
}

fn product(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; a.len() + b.len() - 1];
    for (i, x) in a.iter().enumerate().filter(|(_, x)| **x != 0.0) {
        for (j, y) in b.iter().enumerate() {
            out[i + j] += x * y;
        }
    }
    out
}

fn lags(dense: &[f64]) -> Lags {
    dense.iter().copied().enumerate().skip(1).filter(|(_, c)| *c != 0.0).collect()
}

/// e(t) = w(t) + Σ a·w(t−i) − Σ b·e(t−j), from the first t at which all w are known; e was 0
/// before.
fn surprises(series: &[f64], ar: &[(usize, f64)], ma: &[(usize, f64)]) -> Vec<f64> {
    let first = ar.iter().map(|(lag, _)| *lag).max().unwrap_or(0);
    let mut out: Vec<f64> = Vec::with_capacity(series.len());
    for t in first..series.len() {
        let from_values: f64 = ar.iter().map(|&(lag, a)| a * series[t - lag]).sum();
        let known = ma.iter().filter(|(lag, _)| *lag <= out.len());
        let from_surprises: f64 = known.map(|&(lag, b)| b * out[out.len() - lag]).sum();
        out.push(series[t] + from_values - from_surprises);
    }
    out
}

impl Method for Arima {
    fn push(&mut self, _: u64, value: f64) {
        let value = self.config.scale.bend(value);
        if self.schedule.fitted() {
            self.surprises.push(value - self.ahead(0, &[]));
        }
        self.values.push(value);
        self.range = widened(self.range, value);
        if self.schedule.tick(self.values.len() >= self.enough) {
            self.fit();
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

    fn build(config: &Config) -> Arima {
        let config = Config {
            history: Duration(2000),
            refit_every: Duration(500),
            season: Some(Duration(6)),
            ..config.clone()
        };
        Arima::new(&config, &Setup { tick_ns: 1, ..Setup::default() })
    }

    fn plain() -> Config {
        Config { ar: 0, ma: 0, seasonal_difference: 0, seasonal_ma: 0, ..Config::default() }
    }

    #[test]
    fn two_differences_continue_a_line_exactly() {
        let mut method = build(&Config { scale: Scale::Rate, difference: 2, ..plain() });
        (0..100).for_each(|t| method.push(0, 5.0 + 2.0 * f64::from(t)));
        let mut path = [0.0; 10];
        method.path(&mut path);
        let truth: Vec<f64> = (100..110).map(|t| 5.0 + 2.0 * f64::from(t)).collect();
        assert_eq!(path.to_vec(), truth);
    }

    #[test]
    fn a_seasonal_difference_repeats_a_pure_season_exactly() {
        let value = |t: u32| [3.0, 1.0, 4.0, 1.0, 5.0, 9.0][t as usize % 6];
        let mut method = build(&Config::default());
        (0..200).for_each(|t| method.push(0, value(t)));
        let mut path = [0.0; 13];
        method.path(&mut path);
        for (k, forecast) in path.iter().enumerate() {
            assert!((forecast - value(200 + k as u32)).abs() < 1e-9, "{path:?}");
        }
    }

    #[test]
    fn the_memory_of_an_autoregression_is_found_within_three_standard_errors() {
        let mut method = build(&Config { scale: Scale::Rate, ar: 1, ..plain() });
        let (mut y, mut draws) = (0.0, super::super::neural::Draws::new(7));
        for _ in 0..2000 {
            // Twelve uniforms make a normal of variance one, near enough for this.
            y = 0.7 * y + (0..12).map(|_| draws.uniform()).sum::<f64>() - 6.0;
            method.push(0, 100.0 + y);
        }
        method.fit();
        let found = -lags(&method.polynomials(&method.point).0)[0].1;
        let standard_error = ((1.0 - 0.7_f64.powi(2)) / 2000.0).sqrt();
        assert!((found - 0.7).abs() < 3.0 * standard_error, "{found}");
    }

    #[test]
    fn any_free_parameters_give_a_stable_series() {
        for free in [[9.0, -9.0, 3.0], [0.3, 2.0, -5.0], [-4.0, 0.1, 8.0]] {
            let weights = within_region(&free);
            let mut past = [1.0, 1.0, 1.0];
            for _ in 0..200_000 {
                let next: f64 = past.iter().zip(&weights).map(|(y, c)| y * c).sum();
                past = [next, past[0], past[1]];
            }
            assert!(past.iter().all(|y| y.abs() < 1.0), "{free:?} gives {past:?}");
        }
    }
}
