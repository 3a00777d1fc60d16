//! What load will come: one file a method, all behind [`Forecaster`].
//!
//! A forecaster is told the rate of each bin once the bin is over and is asked for the rate at a
//! later instant. It learns online, from the past alone. Two layers keep each method short:
//!
//! - a [`Method`] is arithmetic on a regular series: it takes the next value and continues the
//!   series. It knows neither clocks nor gaps nor bands. One file each.
//! - [`Online`] turns any method into a [`Forecaster`]: it counts ticks, bridges missing bins,
//!   remembers what was forecast for each horizon and makes its bands of the errors that followed.
//!
//! [`backtest()`] replays a series through forecasters and says how wrong each would have been.
//!
//! ```
//! use plimsoll::forecast::{Forecaster as _, Online, Setup};
//!
//! const HOUR: u64 = 3_600_000_000_000;
//! let setup = Setup { tick_ns: HOUR, ..Setup::default() };
//! let mut forecaster = Online::named("seasonal-naive", &setup).unwrap();
//! for hour in 1..=48 {
//!     forecaster.observe(hour * HOUR, if hour % 24 < 8 { 10.0 } else { 80.0 });
//! }
//! let tomorrow = forecaster.predict(72 * HOUR).unwrap();
//! assert_eq!((tomorrow.mean, tomorrow.horizon_ns), (10.0, 24 * HOUR));
//! ```

pub mod arima;
pub mod backtest;
pub mod ensemble;
pub mod holt_winters;
pub mod hour_of_day;
pub mod linear_trend;
pub mod moving_average;
pub mod naive;
pub mod neural;
pub mod regression;
pub mod seasonal_naive;
pub mod study;

mod examine;
mod history;
mod ladder;
mod least_squares;
mod minimize;
mod online;
mod scale;

use serde::Serialize;
use statrs::distribution::{ContinuousCDF as _, Normal};

pub use backtest::backtest;
pub use examine::{Advice, examine};
pub use online::Online;
pub use scale::Scale;

use crate::registry::{Entry, Recipe, Role};
use crate::time::Duration;
use examine::unless;

/// Nanoseconds in a day, the default season.
pub const DAY_NS: u64 = 86_400_000_000_000;

/// Foretells the arrival rate from the rates seen so far.
pub trait Forecaster {
    /// Takes the mean rate (requests a second) of the bin that ended at `at_ns`.
    ///
    /// Bins come in time order, one a tick; a bin may be left out.
    fn observe(&mut self, at_ns: u64, rate: f64);

    /// The rate expected in the bin that ends at `at_ns` or next after it.
    ///
    /// An instant not after the last observation asks for the next bin. `None` before the first
    /// observation: nothing is known.
    fn predict(&self, at_ns: u64) -> Option<Forecast>;

    /// Whether it repeats seasons, and so needs to have seen some.
    fn is_seasonal(&self) -> bool;

    /// How often parameters were fitted anew since the start (the costly part of forecasting).
    fn refits(&self) -> u64;
}

/// A way to continue a regular series: arithmetic only, told one value a tick.
///
/// This is what scenarios name as a *forecaster* (`plimsoll list forecaster`).
pub trait Method {
    /// Takes the next value, that of the bin that ended at `at_ns`.
    fn push(&mut self, at_ns: u64, value: f64);

    /// Fills `path[k]` with the value expected `k + 1` ticks after the last one taken.
    ///
    /// Asked only after the first value. A method that lacks the history it needs continues as the
    /// simplest method that has enough (its module names which).
    fn path(&self, path: &mut [f64]);

    /// Whether it repeats seasons, and so needs to have seen some.
    fn is_seasonal(&self) -> bool {
        true
    }

    /// How often parameters were fitted anew.
    fn refits(&self) -> u64 {
        0
    }
}

impl Role for dyn Method {
    const KIND: &'static str = "forecaster";
    const KEY: &'static str = "method";
    type Setup<'a> = Setup;
    fn registry() -> &'static [Entry<Self>] {
        REGISTRY
    }
}

const REGISTRY: &[Entry<dyn Method>] = &[
    Entry::of::<naive::Naive>(include_str!("naive.rs")),
    Entry::of::<seasonal_naive::SeasonalNaive>(include_str!("seasonal_naive.rs")),
    Entry::of::<moving_average::MovingAverage>(include_str!("moving_average.rs")),
    Entry::of::<linear_trend::LinearTrend>(include_str!("linear_trend.rs")),
    Entry::of::<hour_of_day::HourOfDay>(include_str!("hour_of_day.rs")),
    Entry::of::<regression::Regression>(include_str!("regression.rs")),
    Entry::of::<holt_winters::HoltWinters>(include_str!("holt_winters.rs")),
    Entry::of::<arima::Arima>(include_str!("arima.rs")),
    Entry::of::<neural::Neural>(include_str!("neural.rs")),
    Entry::of::<ensemble::Ensemble>(include_str!("ensemble.rs")),
];

/// Every method with its default options, simplest first.
pub fn all() -> impl Iterator<Item = Recipe<dyn Method>> {
    REGISTRY.iter().map(|entry| Recipe::named(entry.name).expect("it stands in the registry"))
}

/// What a method must know of the run it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Length of a bin, nanoseconds.
    pub tick_ns: u64,
    /// The season of methods that are given none of their own, nanoseconds.
    pub season_ns: u64,
    /// Unix time of instant 0 (any value of the same weekday and hour serves), nanoseconds.
    pub epoch_offset_ns: u64,
    /// The longest horizon that is asked for regularly, nanoseconds: bands are measured up to it
    /// and widened by the square root of time beyond it.
    pub reach_ns: u64,
    /// Seed of methods that draw (the neural network's first weights and its order of training).
    pub seed: u64,
}

impl Default for Setup {
    fn default() -> Self {
        let tick_ns = 60_000_000_000;
        let reach_ns = 30 * tick_ns;
        Setup { tick_ns, season_ns: DAY_NS, epoch_offset_ns: 0, reach_ns, seed: 1 }
    }
}

impl Setup {
    /// A length of time in ticks: the nearest whole number, at least one.
    pub fn ticks(&self, span_ns: u64) -> usize {
        ((span_ns + self.tick_ns / 2) / self.tick_ns).max(1) as usize
    }

    /// The season in ticks: the method's own if it has one, else the run's.
    fn season_ticks(&self, own: Option<Duration>) -> usize {
        self.ticks(own.map_or(self.season_ns, |span| span.0))
    }

    /// The middle of the bin that ended at `at_ns`, in Unix nanoseconds: its place in the calendar.
    fn calendar_ns(&self, at_ns: u64) -> u64 {
        (self.epoch_offset_ns + at_ns).saturating_sub(self.tick_ns / 2)
    }
}

/// What is expected of one later bin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// From the last observation to the instant asked for, nanoseconds.
    pub horizon_ns: u64,
    /// The rate expected, requests a second.
    pub mean: f64,
    /// Where the rate should lie; none until at least two forecasts of this horizon came due.
    pub bands: Option<Bands>,
}

/// Intervals that held 80 % and 95 % of the rates when the same horizon was forecast before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bands {
    /// Lower end of the 80 % band, requests a second.
    pub low80: f64,
    /// Upper end of the 80 % band, requests a second.
    pub high80: f64,
    /// Lower end of the 95 % band, requests a second.
    pub low95: f64,
    /// Upper end of the 95 % band, requests a second.
    pub high95: f64,
}

impl Forecast {
    /// The rate that is exceeded with probability `1 − p`; the mean itself while there are no
    /// bands.
    ///
    /// Exact at the band ends, between and beyond them linear on the normal scale.
    pub fn quantile(&self, p: f64) -> f64 {
        let Some(bands) = self.bands else { return self.mean };
        let normal = Normal::standard();
        let z = normal.inverse_cdf(p.clamp(1e-9, 1.0 - 1e-9));
        let (z80, z95) = (normal.inverse_cdf(0.9), normal.inverse_cdf(0.975));
        let (sign, at80, at95) = if z < 0.0 {
            (-1.0, bands.low80, bands.low95)
        } else {
            (1.0, bands.high80, bands.high95)
        };
        let z = z * sign;
        let value = if z <= z80 {
            self.mean + (at80 - self.mean) * z / z80
        } else {
            at80 + (at95 - at80) * (z - z80) / (z95 - z80)
        };
        value.max(0.0)
    }
}

/// A forecast of replicas as a count: rounded up, but never over an integer by rounding noise.
pub fn whole_replicas(expected: f64) -> i64 {
    (expected - 1e-9).ceil() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_pass_through_the_band_ends_and_rise() {
        let bands = Bands { low80: 8.0, high80: 13.0, low95: 6.0, high95: 16.0 };
        let forecast = Forecast { horizon_ns: 1, mean: 10.0, bands: Some(bands) };
        for (p, value) in [(0.025, 6.0), (0.1, 8.0), (0.5, 10.0), (0.9, 13.0), (0.975, 16.0)] {
            assert!((forecast.quantile(p) - value).abs() < 1e-9, "{p}");
        }
        let levels: Vec<_> = (1..100).map(|i| forecast.quantile(i as f64 / 100.0)).collect();
        assert!(levels.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn replicas_are_rounded_up_past_rounding_noise_only() {
        assert_eq!(whole_replicas(4.9), 5);
        assert_eq!(whole_replicas(3.000_000_000_000_4), 3);
        assert_eq!(whole_replicas(3.000_1), 4);
    }
}
