//! Quantiles and tails of the normal, Student and χ² laws, and exact expectations under them.
//!
//! Thin names over `statrs`, so that the rest of the room never constructs a distribution, and the
//! quadrature with which `multiple.rs` and `select.rs` compute their critical values.

use statrs::function::beta::beta_reg;
use statrs::function::erf::erfc_inv;
use statrs::function::gamma::{gamma_lr, gamma_ur};

/// Degrees of freedom above which expansions around the normal law keep more digits than the
/// incomplete beta function.
const MANY: f64 = 1e6;

/// The standard normal distribution function Φ(x).
///
/// From the incomplete gamma function, Φ(−x) = Q(½, x²/2)/2: `statrs`' own erfc keeps ten digits
/// only.
pub fn normal_cdf(x: f64) -> f64 {
    let tail = match x.abs() {
        0.0 => 0.5,
        // Below the smallest number.
        far if far > 40.0 => 0.0,
        _ => 0.5 * gamma_ur(0.5, 0.5 * x * x),
    };
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// The `p`-quantile of the standard normal law, p in (0, 1).
pub fn normal_quantile(p: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * p)
}

/// The `p`-quantile of Student's law with `df` > 0 degrees of freedom, p in (0, 1).
pub fn t_quantile(p: f64, df: f64) -> f64 {
    if p == 0.5 {
        return 0.0;
    }
    if p < 0.5 {
        return -t_quantile(1.0 - p, df);
    }
    if df > MANY {
        // The first terms of the Cornish-Fisher expansion in 1/df (Abramowitz & Stegun 26.7.5).
        let z = normal_quantile(p);
        return z + (z.powi(3) + z) / (4.0 * df);
    }
    // The tail is convex above the median, so Newton's steps from the normal quantile, which lies
    // below, rise to the root without overshooting it.
    let tail = 1.0 - p;
    let mut t = normal_quantile(p);
    for _ in 0..200 {
        let step = (t_upper_tail(t, df) - tail) / t_density(t, df);
        t += step;
        if step.abs() <= 1e-15 * t.abs() {
            break;
        }
    }
    t
}

/// P(|T| ≥ |t|) under Student's law with `df` degrees of freedom: the two-sided p-value.
pub fn t_two_sided(t: f64, df: f64) -> f64 {
    if t.is_nan() { 1.0 } else { (2.0 * t_upper_tail(t.abs(), df)).min(1.0) }
}

/// P(T > t) for t ≥ 0.
fn t_upper_tail(t: f64, df: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    let square = t * t;
    if df > MANY {
        // Abramowitz & Stegun 26.7.8.
        return normal_cdf(-t * (1.0 - 0.25 / df) / (1.0 + 0.5 * square / df).sqrt());
    }
    // Near the centre the complementary form keeps the digits of a small t.
    if square < df {
        0.5 - 0.5 * beta_reg(0.5, 0.5 * df, square / (df + square))
    } else {
        0.5 * beta_reg(0.5 * df, 0.5, df / (df + square))
    }
}

fn t_density(t: f64, df: f64) -> f64 {
    use statrs::function::gamma::ln_gamma;
    let ln_norm = ln_gamma(0.5 * (df + 1.0)) - ln_gamma(0.5 * df);
    let ln_kernel = -0.5 * (df + 1.0) * (t * t / df).ln_1p();
    (ln_norm + ln_kernel).exp() / (df * std::f64::consts::PI).sqrt()
}

/// The `p`-quantile of the χ² law with `df` > 0 degrees of freedom, p in (0, 1).
pub fn chi_square_quantile(p: f64, df: f64) -> f64 {
    increasing_root(p, df, |x| gamma_lr(0.5 * df, 0.5 * x))
}

/// The root of f(x) = target for a smooth f that rises on (0, ∞), near `guess` > 0, to nearly full
/// precision: doubling until it is bracketed, then Ridders' (1979) method.
pub(super) fn increasing_root(target: f64, guess: f64, f: impl Fn(f64) -> f64) -> f64 {
    let excess = |x: f64| f(x) - target;
    let (mut low, mut high) = (guess, guess);
    let (mut below, mut above) = (excess(low), excess(high));
    while below > 0.0 {
        (high, above) = (low, below);
        low *= 0.5;
        below = excess(low);
    }
    while above < 0.0 {
        (low, below) = (high, above);
        high *= 2.0;
        above = excess(high);
    }
    let mut root = low;
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        let centre = excess(middle);
        let slope = (centre * centre - below * above).sqrt();
        if slope == 0.0 {
            return middle;
        }
        // An exponential through three points, straightened: its root lies within the bracket.
        let next = middle - (middle - low) * centre / slope;
        let found = excess(next);
        let settled = (next - root).abs() <= 1e-15 * next || found == 0.0;
        root = next;
        if settled {
            break;
        }
        let (first, second) = if middle < next {
            ((middle, centre), (next, found))
        } else {
            ((next, found), (middle, centre))
        };
        for (x, value) in [first, second] {
            if value < 0.0 {
                (low, below) = (x, value);
            }
        }
        for (x, value) in [second, first] {
            if value >= 0.0 {
                (high, above) = (x, value);
            }
        }
    }
    root
}

/// Points and weights (x, w) with Σ w g(x) = E g(Z) for a standard normal Z and any smooth g.
///
/// The trapezoidal rule on the whole line converges faster than any power of its step for analytic
/// integrands (Trefethen & Weideman 2014); a step of 1/5 gives all digits here.
pub(super) fn normal_nodes() -> Vec<(f64, f64)> {
    normalised((-45..=45).map(|i| f64::from(i) / 5.0).map(|z| (z, (-0.5 * z * z).exp())).collect())
}

/// Points and weights (x, w) with Σ w g(x) = E g(X) for a χ² variable X with `df` degrees of
/// freedom.
///
/// With x = df·eᵗ the density in t is proportional to exp(df/2 · (t − eᵗ + 1)), which falls off at
/// least exponentially on both sides of its peak at 0.
pub(super) fn chi_square_nodes(df: f64) -> Vec<(f64, f64)> {
    let step = 0.2 * (2.0 / df).sqrt().min(1.0);
    let ln_density = |t: f64| 0.5 * df * (t - t.exp() + 1.0);
    let at = |i: i32| (df * (f64::from(i) * step).exp(), ln_density(f64::from(i) * step).exp());
    let inside = |i: &i32| ln_density(f64::from(*i) * step) > -45.0;
    let right = (0..).take_while(inside).map(at);
    let left = (1..).map(|i: i32| -i).take_while(inside).map(at);
    normalised(left.chain(right).collect())
}

fn normalised(mut nodes: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let total: f64 = nodes.iter().map(|&(_, weight)| weight).sum();
    for (_, weight) in &mut nodes {
        *weight /= total;
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, relative: f64) {
        assert!((a - b).abs() <= relative * b.abs(), "{a} is not {b}");
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        close(normal_quantile(0.975), 1.959_963_984_540_054, 1e-14);
        for (x, value) in [
            (f64::NEG_INFINITY, 0.0),
            (-30.0, 4.906_713_927_148_187e-198),
            (-8.0, 6.220_960_574_271_786e-16),
            (-3.0, 1.349_898_031_630_094_5e-3),
            (-1.0, 0.158_655_253_931_457_07),
            (-1e-9, 0.499_999_999_601_057_7),
            (0.5, 0.691_462_461_274_013),
            (2.0, 0.977_249_868_051_820_8),
        ] {
            close(normal_cdf(x), value, 1e-13);
        }
        close(t_quantile(0.975, 1.0), 12.706_204_736_174_7, 1e-12);
        close(t_quantile(0.975, 9.0), 2.262_157_162_798_205, 1e-13);
        close(t_quantile(0.025, 9.0), -2.262_157_162_798_205, 1e-13);
        close(t_quantile(0.9995, 2.0), 31.599_054_576_443_6, 1e-12);
        close(t_quantile(0.975, 1e9), 1.959_963_986_9, 1e-9);
        close(chi_square_quantile(0.95, 10.0), 18.307_038_053_275_14, 1e-12);
        close(chi_square_quantile(0.01, 1.0), 1.570_878_579_097e-4, 1e-10);
    }

    #[test]
    fn a_quantile_inverts_its_tail_for_any_degrees_of_freedom() {
        for df in [1.0, 1.5, 3.0, 19.0, 63.0, 999.0, 1e6] {
            for p in [0.5001, 0.6, 0.9, 0.975, 0.9999] {
                close(t_two_sided(t_quantile(p, df), df), 2.0 * (1.0 - p), 1e-9);
            }
        }
    }

    #[test]
    fn nodes_integrate_moments_exactly() {
        let fourth: f64 = normal_nodes().iter().map(|(z, w)| w * z.powi(4)).sum();
        close(fourth, 3.0, 1e-13);
        for df in [1.0, 2.0, 9.0, 59.0, 400.0] {
            let second: f64 = chi_square_nodes(df).iter().map(|(x, w)| w * x * x).sum();
            close(second, df * (df + 2.0), 1e-12);
        }
    }
}
