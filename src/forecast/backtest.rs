//! The back-test: forecasters replay a series and each forecast is held against what came.
//!
//! Rolling origin: every bin from the first origin on is an origin. A forecaster has been told
//! exactly the bins before it, in order, and is asked for each horizon. Refits happen when the
//! forecaster's own schedule says so, as they would in a run, and are counted.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Advice, DAY_NS, Forecaster, examine, unless};
use crate::diagnose::Problem;
use crate::time::Duration;

/// Mean rates of consecutive bins.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Start of the first bin, nanoseconds.
    pub start_ns: u64,
    /// Length of a bin, nanoseconds.
    pub tick_ns: u64,
    /// Rate of each bin (requests a second); none where the file does not tell.
    pub rates: Vec<Option<f64>>,
}

impl Series {
    /// The end of a bin: the instant its rate is known.
    pub fn end_of(&self, bin: usize) -> u64 {
        self.start_ns + (bin as u64 + 1) * self.tick_ns
    }

    /// The length of the whole series, nanoseconds.
    pub fn span_ns(&self) -> u64 {
        self.rates.len() as u64 * self.tick_ns
    }

    /// The day or week, whichever the first half repeats best, if either is better than no season.
    ///
    /// A season is good if repeating the last one errs less than repeating the rate of half a
    /// season before; the best errs least. Only seasons that the half holds twice are tried, each
    /// in the whole number of bins that is nearest to it. The second half is not looked at, so that
    /// a back-test on it stays honest.
    pub fn likely_season_ns(&self) -> Option<u64> {
        let half = &self.rates[..self.rates.len() / 2];
        let fits = self.seasons_to_try().filter_map(|season_ns| {
            let season = self.bins_in(season_ns);
            let error = error_of_repeating(half, season)?;
            let without = error_of_repeating(half, season / 2)?;
            (error < without).then_some((error, season_ns))
        });
        fits.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, season_ns)| season_ns)
    }

    /// The day and the week, as far as the first half holds them twice.
    pub fn seasons_to_try(&self) -> impl Iterator<Item = u64> {
        let half = self.rates.len() / 2;
        let fits = move |&season_ns: &u64| self.bins_of(season_ns).is_some_and(|it| half >= 2 * it);
        [DAY_NS, 7 * DAY_NS].into_iter().filter(fits)
    }

    /// The bins of a season, where two or more come within a twentieth of it.
    pub fn bins_of(&self, season_ns: u64) -> Option<usize> {
        let bins = self.bins_in(season_ns);
        let off = (bins as u64 * self.tick_ns).abs_diff(season_ns);
        (bins >= 2 && off <= season_ns / 20).then_some(bins)
    }

    fn bins_in(&self, season_ns: u64) -> usize {
        ((season_ns + self.tick_ns / 2) / self.tick_ns) as usize
    }
}

/// What to ask of the forecasters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How far ahead to forecast, each in nanoseconds; rounded up to whole bins.
    pub horizons_ns: Vec<u64>,
    /// The season of the seasonal naive forecast that MASE is measured by, nanoseconds.
    pub season_ns: u64,
    /// How many bins are only learnt from; the first origin follows them.
    pub warm_up: usize,
}

impl Plan {
    /// The usual plan: the first half is learnt from, the second half is forecast.
    pub fn usual(series: &Series, season_ns: u64, horizons_ns: Vec<u64>) -> Plan {
        Plan { horizons_ns, season_ns, warm_up: series.rates.len() / 2 }
    }
}

/// One forecaster at one horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Name of the forecaster.
    pub forecaster: String,
    /// How far ahead, nanoseconds; written as seconds.
    #[serde(rename = "horizon_s", serialize_with = "seconds", deserialize_with = "nanoseconds")]
    pub horizon_ns: u64,
    /// How many forecasts were held against what came.
    pub forecasts: usize,
    /// Mean absolute error, requests a second.
    pub mae: f64,
    /// Mean absolute error over that of the seasonal naive forecast of the warm-up (Hyndman &
    /// Koehler 2006). None if that was perfect or could not be made.
    pub mase: Option<f64>,
    /// Symmetric mean absolute percentage error as a share, 0 to 2: mean of 2|y − ŷ|/(|y| + |ŷ|).
    pub smape: f64,
    /// Share of rates inside the 80 % band; none if no band was given.
    pub coverage80: Option<f64>,
    /// Share of rates inside the 95 % band.
    pub coverage95: Option<f64>,
    /// Refits of the forecaster in the whole replay.
    pub refits: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives fields by reference")]
fn seconds<S: Serializer>(ns: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(*ns as f64 / 1e9)
}

fn nanoseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok((f64::deserialize(deserializer)? * 1e9).round() as u64)
}

/// The table of a back-test, and what to know when reading it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// By horizon, then by forecaster as given.
    pub rows: Vec<Row>,
    /// Consequences of running all the same.
    pub advice: Vec<Advice>,
}

impl Report {
    /// The row with the least mean absolute error at a horizon.
    pub fn best(&self, horizon_ns: u64) -> Option<&Row> {
        let rows = self.rows.iter().filter(|row| row.horizon_ns == horizon_ns);
        rows.min_by(|a, b| a.mae.total_cmp(&b.mae))
    }
}

/// Sums of one forecaster at one horizon.
#[derive(Clone, Debug, Default)]
struct Score {
    forecasts: usize,
    absolute: f64,
    relative: f64,
    banded: usize,
    inside80: usize,
    inside95: usize,
}

/// Replays the series through every forecaster and scores its forecasts.
///
/// Refuses a horizon as long as the history, or a series with no bin left to score; runs a season
/// longer than half of the history, and advises.
pub fn backtest(
    series: &Series,
    forecasters: &mut [(String, Box<dyn Forecaster + '_>)],
    plan: &Plan,
) -> Result<Report, Problem> {
    let steps = steps(series, plan)?;
    let mut advice = Vec::new();
    for &horizon_ns in &plan.horizons_ns {
        advice = examine(series.span_ns(), series.tick_ns, plan.season_ns, horizon_ns)?;
    }
    let (longest, warm_up_ns) =
        (steps.iter().max().copied().unwrap_or(0), plan.warm_up as u64 * series.tick_ns);
    if longest > plan.warm_up {
        advice.push(Advice(format!(
            "the longest horizon is longer than the warm-up of {}: the first forecasts reach \
             further ahead than the forecaster has seen back",
            Duration(warm_up_ns)
        )));
    }
    let scale = seasonal_error(series, plan);
    if scale.is_none() {
        advice.push(Advice(
            "the seasonal naive forecast of the warm-up could not be made or was perfect: there is \
             no MASE"
                .into(),
        ));
    }
    let mut rows = Vec::new();
    let mut scores = Vec::new();
    for (_, forecaster) in forecasters.iter_mut() {
        scores.push(replay(series, forecaster.as_mut(), &steps, plan.warm_up));
    }
    for (h, &step) in steps.iter().enumerate() {
        unless(scores.iter().all(|score| score[h].forecasts > 0), || {
            format!("no rate is known {step} bins after the warm-up to check a forecast by")
        })?;
        for ((name, forecaster), score) in forecasters.iter().zip(&scores) {
            let horizon_ns = step as u64 * series.tick_ns;
            rows.push(score[h].row(name, horizon_ns, scale, forecaster.refits()));
        }
    }
    Ok(Report { rows, advice })
}

/// The horizons in bins, each checked to leave something to score.
fn steps(series: &Series, plan: &Plan) -> Result<Vec<usize>, Problem> {
    unless(!plan.horizons_ns.is_empty(), || "a back-test needs a horizon".into())?;
    unless(series.tick_ns > 0, || "a bin of no length holds no rate".into())?;
    let n = series.rates.len();
    let first_known = series.rates.iter().position(Option::is_some).unwrap_or(n);
    unless(first_known < plan.warm_up, || {
        format!("the warm-up of {} bins holds no rate to learn from", plan.warm_up)
    })?;
    let steps = plan.horizons_ns.iter().map(|&horizon| horizon.div_ceil(series.tick_ns) as usize);
    steps
        .map(|step| {
            unless(step >= 1 && plan.warm_up + step <= n, || {
                format!(
                    "a horizon of {step} bins after a warm-up of {} leaves none of the {n} bins to \
                     check a forecast by; shorten the horizon or give a longer file",
                    plan.warm_up
                )
            })?;
            Ok(step)
        })
        .collect()
}

/// Mean absolute error of the seasonal naive forecast within the warm-up.
fn seasonal_error(series: &Series, plan: &Plan) -> Option<f64> {
    let season = ((plan.season_ns + series.tick_ns / 2) / series.tick_ns).max(1) as usize;
    error_of_repeating(&series.rates[..plan.warm_up], season).filter(|mean| *mean > 0.0)
}

/// Mean absolute difference of rates so many bins apart.
fn error_of_repeating(rates: &[Option<f64>], lag: usize) -> Option<f64> {
    let pairs = rates.iter().zip(rates.get(lag..)?);
    let errors: Vec<f64> =
        pairs.filter_map(|(before, now)| Some(((*now)? - (*before)?).abs())).collect();
    (!errors.is_empty()).then(|| errors.iter().sum::<f64>() / errors.len() as f64)
}

fn replay(
    series: &Series,
    forecaster: &mut dyn Forecaster,
    steps: &[usize],
    warm_up: usize,
) -> Vec<Score> {
    let mut scores = vec![Score::default(); steps.len()];
    for (bin, rate) in series.rates.iter().enumerate() {
        if let Some(rate) = rate {
            forecaster.observe(series.end_of(bin), *rate);
        }
        if bin + 1 < warm_up {
            continue;
        }
        for (score, &step) in scores.iter_mut().zip(steps) {
            if let Some(&Some(actual)) = series.rates.get(bin + step) {
                score.take(forecaster, series.end_of(bin + step), actual);
            }
        }
    }
    scores
}

impl Score {
    fn take(&mut self, forecaster: &dyn Forecaster, at_ns: u64, actual: f64) {
        let Some(forecast) = forecaster.predict(at_ns) else { return };
        let error = (actual - forecast.mean).abs();
        let size = actual.abs() + forecast.mean.abs();
        self.forecasts += 1;
        self.absolute += error;
        self.relative += if size > 0.0 { 2.0 * error / size } else { 0.0 };
        if let Some(bands) = forecast.bands {
            let inside = |low, high| usize::from((low..=high).contains(&actual));
            self.banded += 1;
            self.inside80 += inside(bands.low80, bands.high80);
            self.inside95 += inside(bands.low95, bands.high95);
        }
    }

    fn row(&self, name: &str, horizon_ns: u64, scale: Option<f64>, refits: u64) -> Row {
        let mae = self.absolute / self.forecasts as f64;
        let share = |inside| (self.banded > 0).then(|| inside as f64 / self.banded as f64);
        Row {
            forecaster: name.to_owned(),
            horizon_ns,
            forecasts: self.forecasts,
            mae,
            mase: scale.map(|scale| mae / scale),
            smape: self.relative / self.forecasts as f64,
            coverage80: share(self.inside80),
            coverage95: share(self.inside95),
            refits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Online, Setup};
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    fn table(rates: Vec<f64>, season: u64, plan: &Plan) -> Result<Report, Problem> {
        let series =
            Series { start_ns: 0, tick_ns: HOUR, rates: rates.into_iter().map(Some).collect() };
        let setup = Setup { tick_ns: HOUR, season_ns: season * HOUR, ..Setup::default() };
        let mut forecasters: Vec<(String, Box<dyn Forecaster>)> = Vec::new();
        for name in ["naive", "seasonal-naive"] {
            forecasters.push((name.into(), Box::new(Online::named(name, &setup)?)));
        }
        backtest(&series, &mut forecasters, plan)
    }

    #[test]
    fn errors_are_those_worked_out_by_hand() {
        // Warm-up 1 3 2 4: season 2, seasonal errors 1 and 1. Origins at the 4, then 2 and 6.
        let plan = Plan { horizons_ns: vec![HOUR], season_ns: 2 * HOUR, warm_up: 4 };
        let report = table(vec![1.0, 3.0, 2.0, 4.0, 2.0, 6.0], 2, &plan).unwrap();
        let naive = &report.rows[0];
        assert_eq!((naive.forecasts, naive.mae, naive.mase), (2, 3.0, Some(3.0)));
        assert!((naive.smape - f64::midpoint(2.0 * 2.0 / 6.0, 2.0 * 4.0 / 8.0)).abs() < 1e-12);
        let seasonal = &report.rows[1];
        assert_eq!((seasonal.mae, seasonal.mase), (1.0, Some(1.0)));
        assert_eq!(report.best(HOUR).unwrap().forecaster, "seasonal-naive");
    }

    #[test]
    fn a_horizon_that_leaves_nothing_to_check_is_refused() {
        let plan = |horizon| Plan { horizons_ns: vec![horizon], season_ns: HOUR, warm_up: 5 };
        assert!(table(vec![1.0; 10], 1, &plan(20 * HOUR)).is_err());
        assert!(table(vec![1.0; 10], 1, &plan(6 * HOUR)).is_err());
        assert!(table(vec![1.0; 10], 1, &plan(0)).is_err());
        assert!(table(vec![1.0; 10], 1, &plan(5 * HOUR)).is_ok());
    }

    #[test]
    fn the_likely_season_is_the_one_that_repeats() {
        let likely = |value: fn(u64) -> f64| {
            let rates = (0..24 * 35).map(|hour| Some(value(hour))).collect();
            Series { start_ns: 0, tick_ns: HOUR, rates }.likely_season_ns()
        };
        assert_eq!(likely(|hour| (hour % 24) as f64), Some(DAY_NS));
        assert_eq!(likely(|hour| (hour % 24 + hour / 24 % 7 * 5) as f64), Some(7 * DAY_NS));
        assert_eq!(likely(|hour| hour as f64), None);
    }

    #[test]
    fn a_season_longer_than_half_of_the_history_is_advised_of() {
        let plan = Plan { horizons_ns: vec![HOUR], season_ns: 6 * HOUR, warm_up: 5 };
        let report = table((1..=10).map(f64::from).collect(), 6, &plan).unwrap();
        assert!(report.advice.iter().any(|a| a.0.contains("less than two cycles")));
        assert!(report.advice.iter().any(|a| a.0.contains("no MASE")));
    }
}
