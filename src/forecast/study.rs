//! A study: every forecaster back-tested on one series, held against seasonal naive.
//!
//! What is not said is found: the season is the day or the week that the first half of the series
//! repeats best, the horizons are one bin and about an hour. What was found is told.

use serde::{Deserialize, Serialize};

use super::backtest::{Plan, Report, Row, Series, backtest};
use super::{Advice, DAY_NS, Forecaster, Method, Online, Setup, examine, unless};
use crate::diagnose::Problem;
use crate::registry::Recipe;
use crate::time::Duration;

/// The forecaster that every other is held against.
pub const BASELINE: &str = "seasonal-naive";

/// What is back-tested, and how.
#[derive(Clone, Debug)]
pub struct Question {
    series: Series,
    plan: Plan,
    setup: Setup,
    season_found: bool,
    recipes: Vec<Recipe<dyn Method>>,
    advice: Vec<String>,
}

/// What the user said of a study; what is empty is found.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// The season.
    pub season: Option<Duration>,
    /// How far ahead to forecast.
    pub horizons: Vec<Duration>,
    /// The forecasters; all of them when empty.
    pub forecasters: Vec<Recipe<dyn Method>>,
    /// Unix time of the start of the series, where it is known.
    pub epoch_offset_ns: u64,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its figures.
    #[serde(flatten)]
    pub row: Row,
    /// Its mean absolute error over that of seasonal naive; none where that was perfect.
    pub over_seasonal_naive: Option<f64>,
    /// Whether no other forecaster errs less at this horizon.
    pub best: bool,
}

/// A forecast beside what came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The end of the bin, seconds after the start of the series.
    pub at_s: f64,
    /// The rate that came, requests a second.
    pub actual: f64,
    /// The rate that was forecast.
    pub mean: f64,
    /// The 80 % band.
    pub band: Option<(f64, f64)>,
}

/// The forecasts of one forecaster at one horizon.
#[derive(Clone, Debug, PartialEq)]
pub struct Trail {
    /// The forecaster.
    pub forecaster: String,
    /// How far ahead.
    pub horizon: Duration,
    /// In the order of time.
    pub points: Vec<Point>,
}

/// What the back-tests of all forecasters came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// The width of a bin, seconds.
    pub bin_s: f64,
    /// How many bins there are.
    pub bins: usize,
    /// Bins of which the file says nothing: neither learnt from nor forecast.
    pub unknown_bins: usize,
    /// Bins that were only learnt from, before the first forecast that counts.
    pub warm_up_bins: usize,
    /// The season of seasonal methods, seconds.
    pub season_s: f64,
    /// Whether it was found in the first half of the series and not said.
    pub season_found: bool,
    /// By horizon, then by forecaster.
    pub lines: Vec<Line>,
    /// Which forecaster is best at each horizon and by how much, or that none beats the baseline.
    pub verdicts: Vec<String>,
    /// What to know when reading the table.
    pub advice: Vec<String>,
    /// The forecasts of the best forecaster and of the baseline at the longest horizon.
    #[serde(skip)]
    pub trails: Vec<Trail>,
}

impl Question {
    /// Fills in what was not said; refuses what cannot be studied.
    pub fn new(series: Series, wishes: Wishes) -> Result<Self, Problem> {
        let bins = series.rates.len();
        unless(bins >= 8, || {
            format!(
                "the file gives {bins} whole bins of {}: too few to learn from one half and \
                 forecast the other; choose narrower ones with `--bin`",
                Duration(series.tick_ns)
            )
        })?;
        let mut advice = Vec::new();
        unless(wishes.season != Some(Duration::ZERO), || {
            "a season of no length repeats nothing: leave `--season` out to have one looked for"
                .into()
        })?;
        let found = series.likely_season_ns();
        let tick = Duration(series.tick_ns);
        let season_ns = match (wishes.season, found) {
            (Some(season), _) => season.0,
            (None, Some(season)) => season,
            (None, None) => {
                advice.push(format!(
                    "{}: there is no season, and `{BASELINE}` is the last value; `--season` sets \
                     one",
                    no_season(&series)
                ));
                series.tick_ns
            }
        };
        let season_found = wishes.season.is_none() && found.is_some();
        let mut horizons = wishes.horizons;
        if horizons.is_empty() {
            // An hour, or what the second half of a shorter file can be held against.
            let longest = Duration((series.span_ns() / 8 / tick.0).max(1) * tick.0);
            horizons = vec![tick, tick.max(Duration::from_hours(1)).min(longest)];
        }
        for horizon in &horizons {
            let said = examine(series.span_ns(), series.tick_ns, season_ns, horizon.0)?;
            for Advice(words) in said {
                if !advice.contains(&words) {
                    advice.push(words);
                }
            }
        }
        let mut horizons_ns: Vec<u64> =
            horizons.iter().map(|it| it.0.div_ceil(tick.0) * tick.0).collect();
        horizons_ns.sort_unstable();
        horizons_ns.dedup();
        let mut recipes = wishes.forecasters;
        if recipes.is_empty() {
            recipes = super::all().collect();
        } else if !recipes.iter().any(|recipe| recipe.name == BASELINE) {
            recipes.insert(0, Recipe::named(BASELINE)?);
        }
        let reach_ns = horizons_ns.last().copied().unwrap_or(series.tick_ns);
        let setup = Setup {
            tick_ns: series.tick_ns,
            season_ns,
            epoch_offset_ns: wishes.epoch_offset_ns,
            reach_ns,
            seed: 1,
        };
        let plan = Plan::usual(&series, season_ns, horizons_ns);
        Ok(Self { series, plan, setup, season_found, recipes, advice })
    }

    /// How many forecasters are to be tested.
    pub fn len(&self) -> usize {
        self.recipes.len()
    }

    /// Whether there is nothing to test.
    pub fn is_empty(&self) -> bool {
        self.recipes.is_empty()
    }

    /// Tests one of the forecasters.
    pub fn test(&self, place: usize) -> Result<Report, Problem> {
        let recipe = &self.recipes[place];
        let forecaster: Box<dyn Forecaster> = Box::new(Online::of(recipe, &self.setup)?);
        backtest(&self.series, &mut [(self.name(place), forecaster)], &self.plan)
    }

    /// The name, with its options where the same method is tested more than once.
    fn name(&self, place: usize) -> String {
        let recipe = &self.recipes[place];
        let alike = self.recipes[..place].iter().filter(|it| it.name == recipe.name).count();
        if alike == 0 { recipe.name.to_owned() } else { format!("{} ({})", recipe.name, alike + 1) }
    }

    /// Puts the tests together, in the order of the forecasters.
    pub fn conclude(&self, reports: &[Report]) -> Result<Study, Problem> {
        let mut advice = self.advice.clone();
        for words in reports.iter().flat_map(|report| &report.advice) {
            if !advice.contains(&words.0) {
                advice.push(words.0.clone());
            }
        }
        let (mut lines, mut verdicts) = (Vec::new(), Vec::new());
        let mut last_best = 0;
        for place in 0..self.plan.horizons_ns.len() {
            let rows: Vec<&Row> = reports.iter().map(|report| &report.rows[place]).collect();
            let base = rows.iter().find(|row| row.forecaster == BASELINE).map(|row| row.mae);
            let best = (0..rows.len()).min_by(|&a, &b| rows[a].mae.total_cmp(&rows[b].mae));
            let Some(best) = best else { continue };
            last_best = best;
            verdicts.push(verdict(rows[best], base));
            lines.extend(rows.iter().enumerate().map(|(index, &row)| Line {
                row: row.clone(),
                over_seasonal_naive: base.filter(|base| *base > 0.0).map(|base| row.mae / base),
                best: index == best,
            }));
        }
        let baseline = self.recipes.iter().position(|recipe| recipe.name == BASELINE);
        let mut shown = vec![last_best];
        shown.extend(baseline.filter(|&place| place != last_best));
        let trails = shown.into_iter().map(|place| self.trail(place)).collect::<Result<_, _>>()?;
        let rates = &self.series.rates;
        Ok(Study {
            bin_s: Duration(self.series.tick_ns).as_secs_f64(),
            bins: rates.len(),
            unknown_bins: rates.iter().filter(|rate| rate.is_none()).count(),
            warm_up_bins: self.plan.warm_up,
            season_s: Duration(self.setup.season_ns).as_secs_f64(),
            season_found: self.season_found,
            lines,
            verdicts,
            advice,
            trails,
        })
    }

    /// What a forecaster said at the longest horizon, beside what came.
    fn trail(&self, place: usize) -> Result<Trail, Problem> {
        let mut forecaster = Online::of(&self.recipes[place], &self.setup)?;
        let horizon_ns = self.setup.reach_ns;
        let step = (horizon_ns / self.series.tick_ns) as usize;
        let mut points = Vec::new();
        for (bin, rate) in self.series.rates.iter().enumerate() {
            if let Some(rate) = rate {
                forecaster.observe(self.series.end_of(bin), *rate);
            }
            let Some(&Some(actual)) = self.series.rates.get(bin + step) else { continue };
            let at_ns = self.series.end_of(bin + step);
            let forecast = forecaster.predict(at_ns).filter(|_| bin + 1 >= self.plan.warm_up);
            points.extend(forecast.map(|forecast| Point {
                at_s: Duration(at_ns).as_secs_f64(),
                actual,
                mean: forecast.mean,
                band: forecast.bands.map(|bands| (bands.low80, bands.high80)),
            }));
        }
        let horizon = Duration(horizon_ns);
        Ok(Trail { forecaster: self.name(place), horizon, points })
    }
}

/// Why no season was found.
fn no_season(series: &Series) -> String {
    let tried: Vec<u64> = series.seasons_to_try().collect();
    let half = Duration(series.span_ns() / 2);
    match tried.as_slice() {
        [] if series.bins_of(DAY_NS).is_none() => {
            format!("bins of {} are too wide to show a day", Duration(series.tick_ns))
        }
        [] => format!("the first half, {half}, is too short to hold a day twice"),
        [_] => format!(
            "no day repeats itself in the first half, which is, at {half}, too short to hold a \
             week twice"
        ),
        _ => "neither a day nor a week repeats itself in the first half".to_owned(),
    }
}

/// Who is best at a horizon, in words.
fn verdict(best: &Row, base: Option<f64>) -> String {
    let horizon = Duration(best.horizon_ns);
    match base {
        Some(base) if best.mae < base => format!(
            "{horizon} ahead: `{}` is best, its mean absolute error {:.0} % below that of \
             `{BASELINE}`",
            best.forecaster,
            100.0 * (1.0 - best.mae / base)
        ),
        _ => format!(
            "{horizon} ahead: none beats `{BASELINE}`: what comes does not follow from what was; \
             a reactive policy with spare servers is safer than a forecast"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    fn study(rates: Vec<f64>, names: &[&str]) -> Study {
        let rates = rates.into_iter().map(Some).collect();
        let series = Series { start_ns: 0, tick_ns: HOUR, rates };
        let forecasters = names.iter().map(|name| Recipe::named(name).unwrap()).collect();
        let question = Question::new(series, Wishes { forecasters, ..Wishes::default() }).unwrap();
        let reports: Vec<Report> =
            (0..question.len()).map(|place| question.test(place).unwrap()).collect();
        question.conclude(&reports).unwrap()
    }

    #[test]
    fn the_baseline_is_always_there_and_the_best_is_marked() {
        let days = (0..24 * 20).map(|hour| f64::from(hour % 24 + hour / 24)).collect();
        let study = study(days, &["naive", "holt-winters"]);
        assert_eq!((study.season_s, study.season_found), (86_400.0, true));
        let names: Vec<&str> = study.lines.iter().map(|it| it.row.forecaster.as_str()).collect();
        assert_eq!(names, [BASELINE, "naive", "holt-winters"]);
        assert!(study.lines[2].best && !study.lines[0].best);
        assert!(study.verdicts[0].contains("`holt-winters` is best"), "{:?}", study.verdicts);
    }

    #[test]
    fn where_none_beats_the_baseline_the_study_says_so() {
        let mut noise = 1_u64;
        let mut draw = || {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (noise >> 40) as f64
        };
        let day: Vec<f64> = (0..24).map(|_| draw()).collect();
        let study = study(day.repeat(10), &["naive", "moving-average"]);
        assert!(study.verdicts[0].contains("none beats"), "{:?}", study.verdicts);
    }

    #[test]
    fn too_short_a_series_is_refused_with_a_remedy() {
        let series = Series { start_ns: 0, tick_ns: HOUR, rates: vec![Some(1.0); 5] };
        let refused = Question::new(series, Wishes::default()).unwrap_err().to_string();
        assert!(refused.contains("--bin"), "{refused}");
    }

    #[test]
    fn a_season_that_bins_do_not_divide_is_found_all_the_same_and_the_rest_is_told() {
        // Bins of seven minutes: a day is 205.7 of them.
        let tick = 7 * HOUR / 60;
        let wave = |bin: u64| {
            let day = (bin * tick) as f64 / (24 * HOUR) as f64;
            Some(10.0 + 5.0 * (std::f64::consts::TAU * day).sin())
        };
        let question = |bins: u64| {
            let series =
                Series { start_ns: 0, tick_ns: tick, rates: (0..bins).map(wave).collect() };
            let forecasters = vec![Recipe::named("naive").unwrap()];
            Question::new(series, Wishes { forecasters, ..Wishes::default() }).unwrap()
        };
        let long = question(206 * 8);
        assert!(long.season_found && long.setup.season_ns == 24 * HOUR);
        assert!(long.advice.iter().any(|line| line.contains("it is rounded")), "{:?}", long.advice);
        let short = question(206 * 3);
        assert!(!short.season_found);
        assert!(short.advice[0].contains("too short to hold a day twice"), "{:?}", short.advice);
    }
}
