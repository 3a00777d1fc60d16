//! The rhythm of a day: a rate that swings between a trough and a peak.
//!
//! **What it does.** Poisson arrivals at a rate that follows a cosine from `base` up to `peak` at
//! `peak-at` and back, once in each `period`.
//! **When it shines.** Autoscaling over a day, and what night costs; with `period = "7d"` a week.
//! **When it fails.** Days with two peaks or flat nights: give their points to `profile`.
//! **Source.** The non-homogeneous Poisson process, by the thinning of Lewis and Shedler (1979).
//! Candidates come at the highest rate of each 1/64 of the period, at most 3.2 % too many; those
//! below the lowest rate there are kept without computing the cosine.

use std::f64::consts::TAU;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::curve::Curve;
use super::{Arrivals, Setup, check_rate, check_rate_or_zero};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::{Duration, Instant};
use crate::units::Rate;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Mean arrivals a second in the trough, at most `peak`.
    base: Rate,
    /// Mean arrivals a second at the peak, above 0.
    peak: Rate,
    /// From peak to peak, at least 1ms.
    #[serde(default = "a_day")]
    period: Duration,
    /// When the first peak is, before the end of the first period; in its middle when absent.
    peak_at: Option<Duration>,
}

const fn a_day() -> Duration {
    Duration::from_secs(86_400)
}

/// How many pieces of constant rate cover the cosine from above.
const PIECES: u64 = 64;

/// The process.
#[derive(Debug)]
pub struct Diurnal {
    candidates: Curve,
    pieces: Vec<Piece>,
    mean: f64,
    swing: f64,
}

/// A stretch of the period: its phases (0 to 1, 0 is the peak) and the rates within.
#[derive(Clone, Copy, Debug)]
struct Piece {
    from: f64,
    to: f64,
    highest: f64,
    lowest: f64,
}

impl Variant<dyn Arrivals> for Diurnal {
    const NAME: &'static str = "diurnal";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        check_rate("peak", config.peak)?;
        check_rate_or_zero("base", config.base)?;
        if config.base > config.peak {
            let message = format!("`base` must be at most `peak`, {}", config.peak);
            return Err(Problem::about("base", message));
        }
        if config.period < Duration::from_millis(1) {
            return Err(Problem::about("period", "`period` must be at least 1ms"));
        }
        if config.peak_at.is_some_and(|at| at >= config.period) {
            let message = format!("`peak-at` must be before the period is over, {}", config.period);
            return Err(Problem::about("peak-at", message));
        }
        Ok(())
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Arrivals>, Problem> {
        Ok(Box::new(Self::new(config, setup)))
    }
}

impl Diurnal {
    fn new(config: &Config, setup: &Setup<'_>) -> Self {
        let (base, peak) = (setup.per_ns(config.base), setup.per_ns(config.peak));
        let period = config.period.0;
        let peak_at = config.peak_at.unwrap_or(Duration(period / 2)).0 as f64 / period as f64;
        let (mean, swing) = (0.5 * (peak + base), 0.5 * (peak - base));
        let mut this = Self { candidates: Curve::default(), pieces: Vec::new(), mean, swing };
        let mut candidates = Curve::default();
        let bound =
            |piece: u64| (u128::from(period) * u128::from(piece) / u128::from(PIECES)) as u64;
        for piece in 0..PIECES {
            let (start, end) = (bound(piece), bound(piece + 1));
            let phase = |at: u64| at as f64 / period as f64 - peak_at;
            let (from, to) = (phase(start), phase(end));
            let (one, other) = (this.rate(from), this.rate(to));
            // A cosine has its extremes where the phase is a whole number or half of one more.
            let within = |extreme: f64| (from - extreme).ceil() <= (to - extreme).floor();
            let highest = if within(0.0) { peak } else { one.max(other) };
            let lowest = if within(0.5) { base } else { one.min(other) };
            this.pieces.push(Piece { from, to, highest, lowest });
            candidates = candidates.then(Duration(end - start), highest, highest);
        }
        this.candidates = candidates.repeated_after(Duration::ZERO);
        this
    }

    fn rate(&self, phase: f64) -> f64 {
        self.mean + self.swing * (TAU * phase).cos()
    }
}

impl Arrivals for Diurnal {
    #[inline]
    fn next(&mut self, last: Instant, stream: &mut Stream) -> Instant {
        loop {
            let candidate = self.candidates.next(last, stream);
            let (place, along) = self.candidates.place();
            let piece = &self.pieces[place];
            let level = stream.open01() * piece.highest;
            let kept = level < piece.lowest
                || level < self.rate(piece.from + along * (piece.to - piece.from));
            if kept || candidate == Instant::NEVER {
                return candidate;
            }
        }
    }

    fn is_stationary(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_lies_between_the_highest_and_the_lowest_rate_of_every_piece() {
        let setup = Setup { duration: None, folder: "".as_ref(), rate_scale: 1.0 };
        for peak_at in [0, 1, 333, 500, 999] {
            let config = Config {
                base: Rate(3.0),
                peak: Rate(11.0),
                period: Duration::from_secs(1000),
                peak_at: Some(Duration::from_secs(peak_at)),
            };
            let diurnal = Diurnal::new(&config, &setup);
            assert_eq!(diurnal.pieces.len() as u64, PIECES);
            for second in 0..1000 {
                let phase = (second as f64 - peak_at as f64) / 1000.0;
                let rate = setup.per_ns(Rate(7.0 + 4.0 * (TAU * phase).cos()));
                let piece = &diurnal.pieces[(second * PIECES / 1000) as usize];
                assert!(piece.from <= phase && phase < piece.to);
                let slack = 1e-15 * rate;
                assert!(rate <= piece.highest + slack && rate >= piece.lowest - slack);
            }
        }
    }
}
