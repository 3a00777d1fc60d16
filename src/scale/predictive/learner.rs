//! What learns a load bin by bin while a run goes on, and says how large it may become.

use crate::diagnose::Problem;
use crate::forecast::{Forecaster as _, Method, Online, Setup, examine};
use crate::model::Foresight;
use crate::registry::Recipe;
use crate::time::{Duration, Instant};

/// A forecaster and what it has counted so far.
pub(in crate::scale) struct Learner {
    forecaster: Online,
    bin: Duration,
    season: Duration,
    horizon: Duration,
    quantile: f64,
    /// The forecaster's clock at the start of the run: the length of the history.
    offset_ns: u64,
    /// The mean rate of the history.
    past_mean: Option<f64>,
    /// The arrivals counted up to the end of the last bin that was taken in.
    counted: (Instant, u64),
    /// The forecaster's name, and what was told at each look that told another load.
    name: &'static str,
    told: Vec<(Instant, f64)>,
}

/// How a learner is set.
pub(in crate::scale) struct Habits {
    pub(in crate::scale) bin: Duration,
    pub(in crate::scale) season: Duration,
    pub(in crate::scale) horizon: Duration,
    /// The load not to be exceeded with this probability is what is told.
    pub(in crate::scale) quantile: f64,
    /// Unix time of the start of the run.
    pub(in crate::scale) starts_ns: u64,
    pub(in crate::scale) seed: u64,
}

impl Learner {
    /// One that has seen the rates of the time before the run.
    pub(in crate::scale) fn new(
        recipe: &Recipe<dyn Method>,
        habits: &Habits,
        past: &[Option<f64>],
    ) -> Result<Self, Problem> {
        let bin = habits.bin;
        let offset_ns = past.len() as u64 * bin.0;
        let setup = Setup {
            tick_ns: bin.0,
            season_ns: habits.season.0.max(1),
            epoch_offset_ns: habits.starts_ns.saturating_sub(offset_ns),
            // One bin is over, and one is under way, when the last bin's rate is known.
            reach_ns: habits.horizon.0.saturating_add(2 * bin.0),
            seed: habits.seed,
        };
        let mut forecaster = Online::of(recipe, &setup)?;
        for (end, rate) in (1_u64..).zip(past) {
            if let Some(rate) = rate {
                forecaster.observe(end * bin.0, *rate);
            }
        }
        let known = || past.iter().flatten();
        let past_mean = known().sum::<f64>() / known().count() as f64;
        let past_mean = Some(past_mean).filter(|mean| mean.is_finite());
        let &Habits { season, horizon, quantile, .. } = habits;
        let counted = (Instant::START, 0);
        let (name, told) = (recipe.name, Vec::new());
        Ok(Self {
            forecaster,
            bin,
            season,
            horizon,
            quantile,
            offset_ns,
            past_mean,
            counted,
            name,
            told,
        })
    }

    /// Takes in every bin that is over: `until` tells the newest count up to an instant that can be
    /// seen now.
    pub(in crate::scale) fn learn(
        &mut self,
        now: Instant,
        until: impl Fn(Instant) -> Option<(Instant, u64)>,
    ) {
        let bin = self.bin;
        let Some((newest, _)) = until(now) else { return };
        let mut end = Instant((self.counted.0.0 / bin.0 + 1) * bin.0);
        while end <= newest {
            if let Some((at, arrivals)) = until(end)
                && at > self.counted.0
            {
                let span_s = (at - self.counted.0).as_secs_f64();
                let rate = arrivals.wrapping_sub(self.counted.1) as f64 / span_s;
                self.forecaster.observe(self.offset_ns + end.0, rate);
                self.counted = (at, arrivals);
            }
            end = end + bin;
        }
    }

    /// The largest load forecast from now to the horizon, and when it comes.
    pub(in crate::scale) fn load_ahead(&mut self, now: Instant) -> Option<(f64, Duration)> {
        let bin = self.bin;
        let steps = self.horizon.0.div_ceil(bin.0);
        let ahead = (1..=steps).filter_map(|step| {
            let after = Duration((step * bin.0).min(self.horizon.0));
            let forecast = self.forecaster.predict(self.offset_ns + (now + after).0)?;
            Some((forecast.quantile(self.quantile), after))
        });
        // Of equal loads the first one counts.
        let most = ahead.reduce(|most, next| if next.0 > most.0 { next } else { most })?;
        if self.told.last().is_none_or(|last| last.1 != most.0) {
            self.told.push((now, most.0));
        }
        Some(most)
    }

    /// What was told, to be held against what came.
    pub(in crate::scale) fn foresight(&self) -> Foresight {
        // What was there to learn from: the history, or else the run itself.
        let seen_ns = if self.offset_ns > 0 { self.offset_ns } else { self.counted.0.0 };
        let (bin, season, horizon) = (self.bin, self.season, self.horizon);
        let mut remarks: Vec<String> = match examine(seen_ns, bin.0, season.0, horizon.0) {
            Ok(advice) if self.forecaster.is_seasonal() => {
                advice.into_iter().map(|it| it.0).collect()
            }
            Ok(_) => Vec::new(),
            Err(problem) => vec![problem.to_string()],
        };
        remarks.extend(self.strange_history());
        let (refits, loads) = (self.refits(), self.told.clone());
        Foresight { forecaster: Some(self.name), refits, loads, remarks }
    }

    /// A history that has little in common with the run is mostly one that was misread.
    fn strange_history(&self) -> Option<String> {
        const STRANGE: f64 = 20.0;
        let (past, seconds) = (self.past_mean?, self.counted.0.as_secs_f64());
        let now = self.counted.1 as f64 / seconds;
        let alike = past < STRANGE * now && now < STRANGE * past;
        (seconds > 0.0 && !alike).then(|| {
            format!(
                "the history has {past:.3} requests a second and the run {now:.3}: is its unit \
                 right (`history = {{ trace = …, time-unit = … }}`), or is `history-scale` missing?"
            )
        })
    }

    /// How often the forecaster was fitted.
    pub(in crate::scale) fn refits(&self) -> u64 {
        self.forecaster.refits()
    }

    /// The longest window of scrapes that must be kept, so that bins between two looks are seen.
    pub(in crate::scale) fn longest(&self) -> Duration {
        Duration(self.bin.0.saturating_mul(8))
    }
}
