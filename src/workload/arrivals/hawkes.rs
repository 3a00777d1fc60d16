//! Arrivals that bring arrivals: each one raises the rate for a while, as news and retries do.
//!
//! **What it does.** The rate is `baseline` plus, for every past arrival, a jump that fades
//! exponentially within `decay`; each arrival brings `branching` more of its own on average, so the
//! mean rate is baseline / (1 − branching).
//! **When it shines.** Contagion: retries, links being shared, one page load that fetches twenty.
//! **When it fails.** Rhythms of the clock; a branching near 1 wanders for very long.
//! **Source.** Hawkes (1971). Drawn exactly and without rejection, one logarithm an arrival, by
//! Dassios and Zhao, "Exact simulation of Hawkes process with exponentially decaying intensity"
//! (2013), where Ogata's thinning (1981) would draw and reject. The first rate is drawn from a
//! gamma law with the mean and variance of the stationary one, which makes the mean and the
//! dispersion of counts exact from the start.

use rand_distr::{Distribution, Exp1, Gamma};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arrivals, Setup, check_rate, check_span, whole};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::{Duration, Instant};
use crate::units::{Rate, Share};

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Arrivals a second that no other arrival brought, above 0.
    baseline: Rate,
    /// How many arrivals each one brings, on average and directly: 0 to 0.999.
    branching: Share,
    /// The mean time between an arrival and one that it brings, longer than 0s.
    decay: Duration,
}

/// The process, in arrivals a nanosecond.
#[derive(Debug)]
pub struct Hawkes {
    baseline: f64,
    /// How much each arrival adds to the rate.
    jump: f64,
    /// The share of the excess that fades each nanosecond.
    fading: f64,
    /// The rate above the baseline just after the last arrival.
    excess: Option<f64>,
}

/// Beyond it the mean time for an excess to fade is a thousand times the decay.
const MOST_BRANCHING: f64 = 0.999;

impl Variant<dyn Arrivals> for Hawkes {
    const NAME: &'static str = "hawkes";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        check_rate("baseline", config.baseline)?;
        check_span("decay", config.decay)?;
        if config.branching.0 <= MOST_BRANCHING {
            return Ok(());
        }
        let message = format!("`branching` must be at most 0.999, not {}", config.branching);
        Err(Problem::about("branching", message)
            .help("at 1 every arrival replaces itself, and the rate has no mean"))
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Arrivals>, Problem> {
        let fading = 1.0 / config.decay.0 as f64;
        let jump = config.branching.0 * fading;
        Ok(Box::new(Self { baseline: setup.per_ns(config.baseline), jump, fading, excess: None }))
    }
}

impl Hawkes {
    /// An excess with the stationary mean αm/β and variance α²m / 2(β−α); m is the mean rate.
    fn stationary(&self, stream: &mut Stream) -> f64 {
        let rest = self.fading - self.jump;
        let rate = self.baseline * self.fading / rest;
        let mean = rate - self.baseline;
        if mean <= 0.0 {
            return 0.0;
        }
        let variance = self.jump * self.jump * rate / (2.0 * rest);
        let law = Gamma::new(mean * mean / variance, variance / mean);
        law.expect("mean and variance are above 0").sample(stream)
    }
}

impl Arrivals for Hawkes {
    #[inline]
    fn next(&mut self, last: Instant, stream: &mut Stream) -> Instant {
        let excess = match self.excess {
            Some(excess) => excess,
            None => self.stationary(stream),
        };
        let (own, echo): (f64, f64) = (Exp1.sample(stream), Exp1.sample(stream));
        let own_ns = own / self.baseline;
        // The excess has only so many echoes left: excess / fading on average. It is the first of
        // them unless the exponential spends them all.
        let spent = echo * self.fading / excess;
        let echo_ns = if spent < 1.0 { -(-spent).ln_1p() / self.fading } else { f64::INFINITY };
        let (gap_ns, kept) = if echo_ns < own_ns {
            (echo_ns, 1.0 - spent)
        } else {
            (own_ns, (-own_ns * self.fading).exp())
        };
        self.excess = Some(excess * kept + self.jump);
        last + whole(gap_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Seed};

    /// Time rescaling: the rate's integral from one arrival to the next is exponential, mean 1.
    #[test]
    fn the_rate_spends_an_exponential_between_two_arrivals() {
        let (baseline, fading) = (1e-6, 1e-6);
        let mut hawkes = Hawkes { baseline, jump: 0.8 * fading, fading, excess: Some(0.0) };
        let mut stream = Seed::new(1, 0).stream(Purpose::Arrival, "rescaled");
        let (mut last, draws) = (Instant::START, 50_000);
        let mut spent: Vec<f64> = (0..draws)
            .map(|_| {
                let excess = hawkes.excess.unwrap();
                let next = hawkes.next(last, &mut stream);
                let gap = (next - last).0 as f64;
                last = next;
                baseline * gap + excess / fading * -(-fading * gap).exp_m1()
            })
            .collect();
        spent.sort_unstable_by(f64::total_cmp);
        // Dvoretzky, Kiefer, Wolfowitz and Massart, at a chance of 1e-6 of a false alarm.
        let limit = ((2.0_f64 / 1e-6).ln() / (2.0 * draws as f64)).sqrt();
        let off = spent.iter().enumerate().map(|(rank, &mass)| {
            let (cdf, n) = (-(-mass).exp_m1(), draws as f64);
            (cdf - rank as f64 / n).abs().max((cdf - (rank + 1) as f64 / n).abs())
        });
        let worst = off.fold(0.0, f64::max);
        assert!(worst <= limit, "{worst} > {limit}");
    }
}
