//! Stationary laws of Markov chains without subtraction.

use super::matrix::Matrix;

/// The stationary law of a birth-death chain on `0..=last`.
///
/// `birth(n)` leads from `n` to `n + 1`, `death(n)` from `n` to `n − 1`. Products are rescaled
/// before they overflow, so ten thousand servers are as safe as one.
pub(crate) fn birth_death(
    birth: impl Fn(usize) -> f64,
    death: impl Fn(usize) -> f64,
    last: usize,
) -> Vec<f64> {
    const LARGE: f64 = 1e200;
    let mut weights = Vec::with_capacity(last + 1);
    let mut weight = 1.0;
    weights.push(weight);
    for n in 1..=last {
        weight *= birth(n - 1) / death(n);
        if weight > LARGE {
            for w in &mut weights {
                *w /= LARGE;
            }
            weight /= LARGE;
        }
        weights.push(weight);
    }
    let total: f64 = weights.iter().sum();
    for w in &mut weights {
        *w /= total;
    }
    weights
}

/// The stationary law of an irreducible chain: rates (or probabilities) off the diagonal, whatever
/// stands on it is ignored (Grassmann, Taksar and Heyman 1985: every step adds positive numbers).
pub(crate) fn stationary(rates: &Matrix) -> Vec<f64> {
    let n = rates.rows;
    let mut a: Vec<Vec<f64>> = (0..n).map(|i| rates.row(i).to_vec()).collect();
    for k in (1..n).rev() {
        let (above, last) = a.split_at_mut(k);
        // Chains that move down by little have little to eliminate.
        let first = last[0].iter().position(|&rate| rate != 0.0).unwrap_or(k).min(k);
        let last = &last[0][first..k];
        let out: f64 = last.iter().sum();
        for row in above {
            row[k] /= out;
            let factor = row[k];
            if factor != 0.0 {
                for (value, other) in row[first..k].iter_mut().zip(last) {
                    *value += factor * other;
                }
            }
        }
    }
    let mut law = vec![1.0; n];
    for k in 1..n {
        law[k] = (0..k).map(|i| law[i] * a[i][k]).sum();
    }
    let total: f64 = law.iter().sum();
    for p in &mut law {
        *p /= total;
    }
    law
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_servers_do_not_overflow() {
        let law = birth_death(|_| 9_900.0, |n| n.min(10_000) as f64, 12_000);
        assert!((law.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let mean: f64 = law.iter().enumerate().map(|(n, p)| n as f64 * p).sum();
        assert!(mean > 9_900.0 && mean < 10_000.0, "{mean}");
    }

    #[test]
    fn elimination_agrees_with_the_birth_death_product() {
        let mut rates = Matrix::zero(4, 4);
        for n in 0..3 {
            rates.add_at(n, n + 1, 2.0);
            rates.add_at(n + 1, n, 3.0);
        }
        let want = birth_death(|_| 2.0, |_| 3.0, 3);
        for (got, want) in stationary(&rates).iter().zip(&want) {
            assert!((got - want).abs() < 1e-15);
        }
    }
}
