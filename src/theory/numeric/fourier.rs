//! Two ways out of a transform: the fast Fourier transform and Euler summation.

use std::f64::consts::PI;

use super::complex::Complex;

/// The discrete Fourier transform `X_k = Σ x_j e^{−2πi jk/n}`, in place, for
/// a length that is a power of two.
pub(crate) fn forward(values: &mut [Complex]) {
    transform(values, -1.0);
}

/// The inverse of [`forward`], the factor `1/n` included.
pub(crate) fn inverse(values: &mut [Complex]) {
    transform(values, 1.0);
    let factor = 1.0 / values.len() as f64;
    for value in values {
        *value = value.scale(factor);
    }
}

fn transform(values: &mut [Complex], sign: f64) {
    let n = values.len();
    assert!(n.is_power_of_two(), "radix-2 needs a power of two, not {n}");
    if n == 1 {
        return;
    }
    let shift = usize::BITS - n.trailing_zeros();
    for i in 0..n {
        let j = i.reverse_bits() >> shift;
        if i < j {
            values.swap(i, j);
        }
    }
    let roots: Vec<Complex> =
        (0..n / 2).map(|k| Complex::polar(1.0, sign * 2.0 * PI * k as f64 / n as f64)).collect();
    let mut half = 1;
    while half < n {
        let stride = n / (2 * half);
        for start in (0..n).step_by(2 * half) {
            for k in 0..half {
                let odd = values[start + k + half] * roots[k * stride];
                let even = values[start + k];
                values[start + k] = even + odd;
                values[start + k + half] = even - odd;
            }
        }
        half *= 2;
    }
}

/// `f(t)` from its Laplace transform, by Euler summation (Abate and Whitt 1995).
///
/// `transform(start, step, count)` gives the values at `start + i k step` for `k` below `count`.
/// The discretisation error is about `e^{−23} f(3t)` = 1e-10 of the value or less for a decreasing
/// `f` below 1; what remains is the truncation after `terms` terms, an even number: a hundred
/// are plenty where `f` is smooth, thousands are needed near its kinks.
pub(crate) fn invert(
    transform: impl Fn(f64, f64, usize) -> Vec<Complex>,
    t: f64,
    terms: usize,
) -> f64 {
    const A: f64 = 23.0;
    const AVERAGED: usize = 14;
    const HALVED: f64 = 1.0 / (1_u32 << AVERAGED) as f64;
    let values = transform(A / (2.0 * t), PI / t, terms + AVERAGED + 1);
    let term = |k: usize| if k.is_multiple_of(2) { values[k].re } else { -values[k].re };
    let mut partial = 0.5 * term(0) + (1..=terms).map(term).sum::<f64>();
    let mut weight = HALVED;
    let mut average = weight * partial;
    for j in 1..=AVERAGED {
        partial += term(terms + j);
        weight *= (AVERAGED + 1 - j) as f64 / j as f64;
        average += weight * partial;
    }
    (0.5 * A).exp() / t * average
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_undoes_the_forward_transform() {
        let original: Vec<Complex> =
            (0..64).map(|i| Complex::new(f64::from(i).sin(), f64::from(i * i).cos())).collect();
        let mut values = original.clone();
        forward(&mut values);
        inverse(&mut values);
        for (got, want) in values.iter().zip(&original) {
            assert!((*got - *want).norm() < 1e-14);
        }
    }

    #[test]
    fn an_exponential_tail_comes_back_from_its_transform() {
        for t in [0.1, 1.0, 7.0] {
            let transform = |start: f64, step: f64, count: usize| {
                let at = |k| Complex::ONE / Complex::new(1.0 + start, step * k as f64);
                (0..count).map(at).collect()
            };
            let got = invert(transform, t, 120);
            assert!((got / (-t).exp() - 1.0).abs() < 1e-7, "{t}: {got}");
        }
    }
}
