//! Turns a [`Method`] into a [`Forecaster`]: instants become ticks, errors become bands.

use super::ladder::{Errors, Ladder};
use super::{Bands, Forecast, Forecaster, Method, Setup};
use crate::diagnose::Problem;
use crate::registry::Recipe;

/// A method with a clock, a bridge over missing bins, and bands made of its own past errors.
///
/// - *Missing bins* are filled with the method's own forecast, so that its seasons stay in step;
///   forecasts across the gap are not held against it.
/// - *Bands* are measured, not assumed: at each tick the forecasts for a ladder of horizons are
///   kept until they come due, and the band of a horizon is made of the quantiles of the latest
///   errors at that horizon, taken between square roots, so that bands widen with the rate as the
///   noise of counts does. They are thus right on average even where the method's own theory is
///   not; they lag when the noise changes faster than they forget (three seasons, 500 to 2000
///   errors).
/// - *Rates are not negative*: forecasts and bands end at zero.
pub struct Online {
    method: Box<dyn Method>,
    tick_ns: u64,
    last_ns: Option<u64>,
    path: Vec<f64>,
    ladder: Ladder,
    errors: Vec<Errors>,
}

impl Online {
    /// The method of a recipe, ready to forecast instants of a run.
    pub fn of(recipe: &Recipe<dyn Method>, setup: &Setup) -> Result<Online, Problem> {
        Ok(Online::new(recipe.build(setup)?, setup))
    }

    /// The method of this name with its default options.
    pub fn named(name: &str, setup: &Setup) -> Result<Online, Problem> {
        Online::of(&Recipe::named(name)?, setup)
    }

    /// Lets the method forecast instants of a run.
    pub fn new(method: Box<dyn Method>, setup: &Setup) -> Online {
        let reach = setup.ticks(setup.reach_ns);
        let ladder = Ladder::new(reach);
        let errors = vec![Errors::new(setup.ticks(setup.season_ns)); ladder.steps().len()];
        Online {
            method,
            tick_ns: setup.tick_ns,
            last_ns: None,
            path: vec![0.0; reach],
            ladder,
            errors,
        }
    }

    /// Fills the bins between the last observation and the one at `at_ns`, if any are missing.
    fn bridge(&mut self, last_ns: u64, at_ns: u64) {
        let elapsed_ns = at_ns.saturating_sub(last_ns);
        let ticks = (elapsed_ns + self.tick_ns / 2) / self.tick_ns;
        assert!(
            ticks > 0,
            "observations come in time order, one a tick: {last_ns} then {at_ns} ns"
        );
        for missing in 1..ticks {
            self.method.push(last_ns + missing * self.tick_ns, self.path[0].max(0.0));
            self.method.path(&mut self.path[..1]);
        }
        if ticks > 1 {
            self.ladder.forget();
        }
    }

    /// The forecast and the band offsets' widening for a bin so many ticks ahead.
    fn ahead(&self, step: usize) -> (f64, f64) {
        let reach = self.path.len();
        if step <= reach {
            return (self.path[step - 1], 1.0);
        }
        let mut path = vec![0.0; step];
        self.method.path(&mut path);
        (path[step - 1], (step as f64 / reach as f64).sqrt())
    }
}

impl Forecaster for Online {
    fn observe(&mut self, at_ns: u64, rate: f64) {
        assert!(rate.is_finite() && rate >= 0.0, "a rate is a number from zero up, not {rate}");
        if let Some(last_ns) = self.last_ns {
            self.bridge(last_ns, at_ns);
        }
        for (rung, forecast) in self.ladder.due() {
            self.errors[rung].push(rate.sqrt() - forecast.sqrt());
        }
        self.method.push(at_ns, rate);
        self.method.path(&mut self.path);
        assert!(self.path.iter().all(|value| value.is_finite()), "a forecast is a number");
        self.path.iter_mut().for_each(|value| *value = value.max(0.0));
        self.ladder.promise(&self.path);
        self.last_ns = Some(at_ns);
    }

    fn predict(&self, at_ns: u64) -> Option<Forecast> {
        let horizon_ns = at_ns.saturating_sub(self.last_ns?);
        let step = horizon_ns.div_ceil(self.tick_ns).max(1) as usize;
        let (mean, widening) = self.ahead(step);
        let mean = mean.max(0.0);
        let errors = &self.errors[self.ladder.rung(step)];
        let ends = |tail| {
            let (low, high) = errors.band(tail)?;
            let end = |offset: f64| (mean.sqrt() + offset * widening).max(0.0).powi(2);
            Some((end(low), end(high)))
        };
        let bands = ends(0.1).zip(ends(0.025)).map(|((low80, high80), (low95, high95))| Bands {
            low80,
            high80,
            low95,
            high95,
        });
        Some(Forecast { horizon_ns, mean, bands })
    }

    fn is_seasonal(&self) -> bool {
        self.method.is_seasonal()
    }

    fn refits(&self) -> u64 {
        self.method.refits()
    }
}
