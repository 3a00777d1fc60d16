//! Roots of monotone functions, and quantiles as roots of tails.

/// The root of `f` between `a` and `b`, where it has opposite signs, to the last bits.
pub(crate) fn between(f: impl Fn(f64) -> f64, a: f64, b: f64) -> f64 {
    between_to(f, a, b, 2.0 * f64::EPSILON)
}

/// The root of `f` between `a` and `b`, where it has opposite signs, to a relative precision.
///
/// Chandrupatla 1997 (Adv. Eng. Software 28): inverse quadratic steps where they are safe,
/// bisection elsewhere, so a jump through zero is found too.
fn between_to(f: impl Fn(f64) -> f64, a: f64, b: f64, precision: f64) -> f64 {
    let (mut a, mut b) = (a, b);
    let (mut fa, mut fb) = (f(a), f(b));
    let mut fraction = 0.5;
    for _ in 0..300 {
        let x = a + fraction * (b - a);
        let fx = f(x);
        let (c, fc) = if (fx > 0.0) == (fa > 0.0) {
            (a, fa)
        } else {
            let old = (b, fb);
            (b, fb) = (a, fa);
            old
        };
        (a, fa) = (x, fx);
        let (best, value) = if fa.abs() < fb.abs() { (a, fa) } else { (b, fb) };
        let tolerance = (precision * best.abs() + f64::MIN_POSITIVE) / (b - a).abs();
        if value == 0.0 || tolerance > 0.5 {
            return best;
        }
        let (xi, phi) = ((a - b) / (c - b), (fa - fb) / (fc - fb));
        let smooth = phi * phi < xi && (1.0 - phi) * (1.0 - phi) < 1.0 - xi;
        fraction = if smooth {
            fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        } else {
            0.5
        };
        fraction = fraction.clamp(tolerance, 1.0 - tolerance);
    }
    0.5 * (a + b)
}

/// The smallest `t ≥ 0` at which the falling `tail` is at most `level`; `scale` is a first guess.
///
/// The tail is compared in logarithms: there it is nearly a straight line.
pub(crate) fn of_tail(tail: impl Fn(f64) -> f64, level: f64, scale: f64) -> f64 {
    of_tail_to(tail, level, scale, 2.0 * f64::EPSILON)
}

/// As [`of_tail`], to a relative precision: for tails not known to the last bits themselves.
pub(crate) fn of_tail_to(tail: impl Fn(f64) -> f64, level: f64, scale: f64, precision: f64) -> f64 {
    if tail(0.0) <= level {
        return 0.0;
    }
    let excess = |t: f64| (tail(t).max(f64::MIN_POSITIVE) / level).ln();
    let (mut low, mut high) = (0.0, if scale > 0.0 { scale } else { 1.0 });
    while excess(high) > 0.0 {
        low = high;
        high *= 2.0;
        assert!(high < 1e300, "a tail falls below every level");
    }
    between_to(excess, low, high, precision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smooth_root_is_found_to_the_last_bits() {
        let root = between(|x| x * x - 2.0, 0.0, 3.0);
        assert!((root - std::f64::consts::SQRT_2).abs() < 1e-15);
    }

    #[test]
    fn a_jump_is_found_as_a_root() {
        let root = between(|x| if x < 0.7 { 1.0 } else { -1.0 }, 0.0, 1.0);
        assert!((root - 0.7).abs() < 1e-15);
    }

    #[test]
    fn the_quantile_of_an_atom_is_zero() {
        assert_eq!(of_tail(|t| 0.3 * (-t).exp(), 0.5, 1.0), 0.0);
        let deep = of_tail(|t| 0.3 * (-t).exp(), 1e-12, 1.0);
        assert!((deep - (0.3e12_f64).ln()).abs() < 1e-13 * deep);
    }
}
