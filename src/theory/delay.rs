//! What a wait or a latency is to a formula: a mean, a tail, quantiles.

use super::numeric::root;
use super::numeric::special::Poisson;

/// A non-negative random time, known by its tail.
///
/// Times are in the unit in which the rates of the model were given.
pub trait Delay {
    /// The expected time.
    fn mean(&self) -> f64;

    /// `P(T > t)` for `t ≥ 0`.
    fn tail(&self, t: f64) -> f64;

    /// The smallest `t` with `P(T ≤ t) ≥ p`, for `0 ≤ p < 1`.
    fn quantile(&self, p: f64) -> f64 {
        root::of_tail(|t| self.tail(t), 1.0 - p, self.mean())
    }
}

/// Positive with probability `mass`, and then exponential: the wait of every Markovian queue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponential {
    /// `P(T > 0)`.
    pub mass: f64,
    /// The rate of the positive part.
    pub rate: f64,
}

impl Delay for Exponential {
    fn mean(&self) -> f64 {
        self.mass / self.rate
    }

    fn tail(&self, t: f64) -> f64 {
        self.mass * (-self.rate * t).exp()
    }

    fn quantile(&self, p: f64) -> f64 {
        ((self.mass / (1.0 - p)).ln() / self.rate).max(0.0)
    }
}

/// A time counted in steps of a Poisson clock: a mixture of Erlang laws of one rate.
///
/// Everything that waits for a number of exponential completions has this form (and so has every
/// phase-type law, by uniformisation). All sums are of positive terms.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps {
    rate: f64,
    /// `P(more than n steps)` for `n` = 0, 1, …
    survival: Vec<f64>,
    /// The factor by which the survival falls beyond the list.
    ratio: f64,
}

impl Steps {
    /// A time of `n` steps of a clock of this rate, `survival[k] = P(n > k)`.
    ///
    /// Beyond its end the list is continued geometrically by its last ratio.
    pub fn new(rate: f64, survival: Vec<f64>) -> Self {
        let ratio = match survival.as_slice() {
            [.., a, b] if *a > 0.0 => (b / a).min(1.0 - 1e-12),
            _ => 0.0,
        };
        Self { rate, survival, ratio }
    }

    /// As [`Steps::new`], from a rule that is asked step after step until 1e-16 is left, or until
    /// the survival has become geometric to twelve digits.
    pub fn from_rule(rate: f64, rule: impl FnMut(usize) -> f64) -> Self {
        const LEFT: f64 = 1e-16;
        const MOST: usize = 1 << 22;
        let mut survival: Vec<f64> = Vec::new();
        for value in (0..=MOST).map(rule) {
            survival.push(value);
            if value < LEFT {
                break;
            }
            let n = survival.len() - 1;
            if n >= 1024
                && n.is_power_of_two()
                && let Some(ratio) = settled_ratio(&survival, n)
            {
                return Self { rate, survival, ratio };
            }
        }
        Self::new(rate, survival)
    }

    /// `P(more than n steps)`.
    fn survival(&self, n: usize) -> f64 {
        let Some(last) = self.survival.len().checked_sub(1) else { return 0.0 };
        self.survival.get(n).copied().unwrap_or_else(|| {
            self.survival[last] * self.ratio.powi(i32::try_from(n - last).unwrap_or(i32::MAX))
        })
    }

    /// This time followed by an independent exponential one of rate `rate`, at most the clock's.
    #[must_use]
    pub fn then_exponential(&self, rate: f64) -> Self {
        let stay = 1.0 - rate / self.rate;
        let mut serving = 1.0 - self.survival(0);
        let mut n = 0;
        Self::from_rule(self.rate, |_| {
            let now = self.survival(n) + serving;
            serving = serving * stay + (self.survival(n) - self.survival(n + 1));
            n += 1;
            now
        })
    }
}

/// The factor a step at the end of the list, if it is that of the quarter before.
///
/// A remainder that dies out as `e^{−n/τ}` shows between two quarters of the list as its square
/// root, so agreement to 1e-12 leaves nothing that matters.
fn settled_ratio(survival: &[f64], n: usize) -> Option<f64> {
    let early = (survival[n / 2] / survival[3 * n / 4]).ln();
    let late = (survival[3 * n / 4] / survival[n]).ln();
    ((early - late).abs() <= 1e-12 * late).then(|| (-late / (n / 4) as f64).exp())
}

impl Delay for Steps {
    fn mean(&self) -> f64 {
        let listed: f64 = self.survival.iter().rev().sum();
        let last = self.survival.last().copied().unwrap_or(0.0);
        (listed + last * self.ratio / (1.0 - self.ratio)) / self.rate
    }

    fn tail(&self, t: f64) -> f64 {
        Poisson::new(self.rate * t).average(|n| self.survival(n))
    }
}

/// A delay that takes one of several laws, each with its probability.
pub struct Mixture(
    /// Pairs of probability and law.
    pub Vec<(f64, Steps)>,
);

impl Delay for Mixture {
    fn mean(&self) -> f64 {
        self.0.iter().map(|(weight, part)| weight * part.mean()).sum()
    }

    fn tail(&self, t: f64) -> f64 {
        self.0.iter().map(|(weight, part)| weight * part.tail(t)).sum()
    }
}

/// A delay followed by a constant: a wait and a fixed service.
pub struct Shifted<D> {
    /// The random part.
    pub delay: D,
    /// What is added to it.
    pub by: f64,
}

impl<D: Delay> Delay for Shifted<D> {
    fn mean(&self) -> f64 {
        self.delay.mean() + self.by
    }

    fn tail(&self, t: f64) -> f64 {
        if t < self.by { 1.0 } else { self.delay.tail(t - self.by) }
    }

    fn quantile(&self, p: f64) -> f64 {
        self.delay.quantile(p) + self.by
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn geometric_steps_are_an_exponential_time() {
        let steps = Steps::from_rule(2.0, |n| 0.5 * 0.75_f64.powf(n as f64));
        let want = Exponential { mass: 0.5, rate: 0.5 };
        assert!((steps.mean() - want.mean()).abs() < 1e-14);
        for p in [0.4, 0.9, 0.999] {
            assert!((steps.quantile(p) - want.quantile(p)).abs() < 1e-12, "{p}");
        }
    }

    #[test]
    fn a_step_followed_by_an_exponential_is_an_erlang_time() {
        let one = Steps::new(3.0, vec![1.0, 0.0]);
        let two = one.then_exponential(3.0);
        assert!((two.tail(1.0) - 4.0 * (-3.0_f64).exp()).abs() < 1e-15);
    }
}
