//! Least squares with forgetting: normal equations, solved by Cholesky's decomposition.

/// Weighted sums `XᵀWX` and `XᵀWy` of a regression whose rows come one by one.
#[derive(Clone, Debug)]
pub(super) struct Normal {
    size: usize,
    /// The lower triangle of `XᵀWX`, row by row.
    gram: Vec<f64>,
    moment: Vec<f64>,
    pub(super) rows: usize,
}

impl Normal {
    pub(super) fn new(size: usize) -> Normal {
        let gram = vec![0.0; size * (size + 1) / 2];
        Normal { size, gram, moment: vec![0.0; size], rows: 0 }
    }

    /// Adds a row; the weight of all earlier rows is multiplied by `keep`.
    pub(super) fn push(&mut self, keep: f64, x: &[f64], y: f64) {
        debug_assert_eq!(x.len(), self.size, "a row has one entry a column");
        let mut gram = self.gram.iter_mut();
        for (i, &xi) in x.iter().enumerate() {
            for (&xj, sum) in x[..=i].iter().zip(&mut gram) {
                *sum = keep * *sum + xi * xj;
            }
            self.moment[i] = keep * self.moment[i] + xi * y;
        }
        self.rows += 1;
    }

    /// The coefficients that minimise Σw(y − xβ)² + Σ ridgeⱼβⱼ².
    ///
    /// A relative jitter of 1e-10 on the diagonal keeps columns that repeat one another harmless:
    /// their common coefficient is shared out.
    pub(super) fn solve(&self, ridge: impl Fn(usize) -> f64) -> Vec<f64> {
        let n = self.size;
        let at = |i: usize, j: usize| i * (i + 1) / 2 + j;
        let mut lower = self.gram.clone();
        for i in 0..n {
            lower[at(i, i)] += 1e-10 * self.gram[at(i, i)] + ridge(i) + f64::MIN_POSITIVE.sqrt();
        }
        for j in 0..n {
            for i in j..n {
                let dot: f64 = (0..j).map(|k| lower[at(i, k)] * lower[at(j, k)]).sum();
                let rest = lower[at(i, j)] - dot;
                lower[at(i, j)] = if i == j {
                    // Rounding may leave a pivot of a repeated column at or below zero.
                    rest.max(1e-14 * self.gram[at(i, i)]).max(f64::MIN_POSITIVE.sqrt()).sqrt()
                } else {
                    rest / lower[at(j, j)]
                };
            }
        }
        let mut beta = self.moment.clone();
        for i in 0..n {
            let dot: f64 = (0..i).map(|k| lower[at(i, k)] * beta[k]).sum();
            beta[i] = (beta[i] - dot) / lower[at(i, i)];
        }
        for i in (0..n).rev() {
            let dot: f64 = (i + 1..n).map(|k| lower[at(k, i)] * beta[k]).sum();
            beta[i] = (beta[i] - dot) / lower[at(i, i)];
        }
        beta
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_relation_is_found() {
        let mut normal = Normal::new(3);
        for t in 0..20 {
            let (a, b) = (f64::from(t), f64::from(t * t % 7));
            normal.push(1.0, &[1.0, a, b], 4.0 - 2.0 * a + 0.5 * b);
        }
        let beta = normal.solve(|_| 0.0);
        for (found, truth) in beta.iter().zip([4.0, -2.0, 0.5]) {
            assert!((found - truth).abs() < 1e-6, "{beta:?}");
        }
    }

    #[test]
    fn forgotten_rows_lose_their_weight() {
        let mut normal = Normal::new(1);
        normal.push(1.0, &[1.0], 1000.0);
        (0..200).for_each(|_| normal.push(0.8, &[1.0], 3.0));
        assert!((normal.solve(|_| 0.0)[0] - 3.0).abs() < 1e-6);
    }

    #[test]
    fn a_repeated_and_an_empty_column_do_no_harm() {
        let mut normal = Normal::new(3);
        (1..30)
            .for_each(|t| normal.push(1.0, &[f64::from(t), f64::from(t), 0.0], f64::from(6 * t)));
        let beta = normal.solve(|_| 0.0);
        assert!((beta[0] + beta[1] - 6.0).abs() < 1e-6 && beta[2] == 0.0, "{beta:?}");
    }
}
