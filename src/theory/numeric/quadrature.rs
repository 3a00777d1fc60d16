//! Gauss-Legendre panels, and a march through a function that changes its scale.

use std::f64::consts::PI;
use std::sync::LazyLock;

const ORDER: usize = 20;

/// Nodes and weights on [-1, 1], by Newton's method on the Legendre polynomial.
static NODES: LazyLock<[(f64, f64); ORDER]> = LazyLock::new(|| {
    let n = ORDER as f64;
    std::array::from_fn(|i| {
        let mut x = (PI * (i as f64 + 0.75) / (n + 0.5)).cos();
        let mut slope = 0.0;
        for _ in 0..100 {
            let (mut before, mut p) = (1.0, x);
            for k in 2..=ORDER {
                let k = k as f64;
                (before, p) = (p, ((2.0 * k - 1.0) * x * p - (k - 1.0) * before) / k);
            }
            slope = n * (x * p - before) / (x * x - 1.0);
            let step = p / slope;
            x -= step;
            if step.abs() < 1e-16 {
                break;
            }
        }
        (x, 2.0 / ((1.0 - x * x) * slope * slope))
    })
});

/// `∫ f` over one panel; exact for polynomials of degree 39.
pub(crate) fn panel(f: impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
    half * NODES.iter().map(|&(x, w)| w * f(middle + half * x)).sum::<f64>()
}

/// The nodes of one panel as pairs of place and weight.
pub(crate) fn nodes(from: f64, to: f64) -> impl Iterator<Item = (f64, f64)> {
    let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
    NODES.iter().map(move |&(x, w)| (middle + half * x, half * w))
}

/// `∫ f` over `[from, to]` in equal panels.
pub(crate) fn panels(f: impl Fn(f64) -> f64, from: f64, to: f64, count: u32) -> f64 {
    let width = (to - from) / f64::from(count);
    (0..count)
        .map(|i| {
            let start = from + f64::from(i) * width;
            panel(&f, start, start + width)
        })
        .sum()
}

/// `∫_from^∞ f` of a positive, log-concave `f`; `step(x)` is a length over which `f` changes by a
/// small factor near `x`.
pub(crate) fn march(f: impl Fn(f64) -> f64, step: impl Fn(f64) -> f64, from: f64) -> f64 {
    let (mut x, mut total, mut last) = (from, 0.0, 0.0);
    for _ in 0..100_000 {
        let width = step(x);
        let part = panel(&f, x, x + width);
        total += part;
        x += width;
        if part < last && part <= 1e-18 * total {
            break;
        }
        last = part;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_integrates_a_polynomial_exactly() {
        let got = panel(|x| x.powi(9) + 1.0, 0.0, 2.0);
        assert!((got - 104.4).abs() < 1e-12, "{got}");
    }

    #[test]
    fn a_march_integrates_a_distant_bell() {
        let bell = |x: f64| (-0.5 * (x - 40.0) * (x - 40.0)).exp();
        let got = march(bell, |x| 1.0 / (1.0 + (x - 40.0).abs()), 0.0);
        assert!((got / (2.0 * PI).sqrt() - 1.0).abs() < 1e-13, "{got}");
    }
}
