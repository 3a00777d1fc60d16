//! The normal and Poisson laws, accurate where textbook formulas overflow or cancel.

use std::f64::consts::{PI, SQRT_2};

/// `P(N ≤ x)` of the standard normal law.
pub(crate) fn normal_cdf(x: f64) -> f64 {
    0.5 * statrs::function::erf::erfc(-x / SQRT_2)
}

/// The density of the standard normal law.
pub(crate) fn normal_pdf(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// `ln n! − ln(√(2πn) (n/e)^n)`, the error of Stirling's formula.
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        let ln_factorial: f64 = (2..=n as u32).map(|k| f64::from(k).ln()).sum();
        return ln_factorial - (0.5 * (2.0 * PI * n).ln() + n * n.ln() - n);
    }
    let square = n * n;
    let inner = 1.0 / 1680.0 - 1.0 / (1188.0 * square);
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - inner / square) / square) / square) / n
}

/// `x ln(x/m) + m − x`, without cancellation when `x` is near `m`.
fn deviance(x: f64, m: f64) -> f64 {
    if (x - m).abs() >= 0.1 * (x + m) {
        return x * (x / m).ln() + m - x;
    }
    let v = (x - m) / (x + m);
    let mut sum = (x - m) * v;
    let (mut power, mut k) = (2.0 * x * v, 3.0);
    loop {
        power *= v * v;
        let next = sum + power / k;
        if next == sum {
            return sum;
        }
        sum = next;
        k += 2.0;
    }
}

/// `P(N = n)` of a Poisson law, by the saddle point (Loader 2000): full accuracy at any size.
pub(crate) fn poisson_pmf(n: u64, mean: f64) -> f64 {
    if n == 0 || mean == 0.0 {
        return if n == 0 { (-mean).exp() } else { 0.0 };
    }
    let n = n as f64;
    (-stirling_error(n) - deviance(n, mean)).exp() / (2.0 * PI * n).sqrt()
}

/// The Poisson probabilities that matter: those above 1e-20 of the largest.
pub(crate) struct Poisson {
    /// The count to which the first weight belongs.
    pub(crate) first: usize,
    /// Probabilities of `first`, `first + 1`, …
    pub(crate) weights: Vec<f64>,
}

impl Poisson {
    pub(crate) fn new(mean: f64) -> Self {
        const NEGLIGIBLE: f64 = 1e-20;
        let mode = mean.floor();
        let peak = poisson_pmf(mode as u64, mean);
        let mut below = Vec::new();
        let (mut weight, mut n) = (peak, mode);
        while n > 0.0 && weight > NEGLIGIBLE * peak {
            weight *= n / mean;
            n -= 1.0;
            below.push(weight);
        }
        let first = n as usize;
        below.reverse();
        let mut weights = below;
        weights.push(peak);
        let (mut weight, mut n) = (peak, mode);
        while weight > NEGLIGIBLE * peak {
            n += 1.0;
            weight *= mean / n;
            weights.push(weight);
        }
        Self { first, weights }
    }

    /// `Σ P(N = n) f(n)`.
    pub(crate) fn average(&self, f: impl Fn(usize) -> f64) -> f64 {
        self.weights.iter().enumerate().map(|(i, w)| w * f(self.first + i)).sum()
    }
}

/// `(1 − e^{−x t}) / x`, which is `t` at `x = 0`.
pub(crate) fn saturating(x: f64, t: f64) -> f64 {
    if x == 0.0 { t } else { -(-x * t).exp_m1() / x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poisson_probabilities_add_to_one_at_any_mean() {
        for mean in [0.0, 0.3, 7.0, 1e3, 1e6] {
            let total = Poisson::new(mean).average(|_| 1.0);
            assert!((total - 1.0).abs() < 1e-13, "{mean}: {total}");
        }
    }

    #[test]
    fn a_poisson_tail_agrees_with_the_incomplete_gamma() {
        let law = Poisson::new(20.0);
        for n in [1_u32, 15, 20, 40] {
            let want = statrs::function::gamma::gamma_lr(f64::from(n), 20.0);
            let got = law.average(|k| f64::from(u8::from(k >= n as usize)));
            assert!((got / want - 1.0).abs() < 1e-11, "{n}");
        }
    }
}
