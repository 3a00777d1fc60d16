//! Small dense matrices: products, inverses, and row vectors times both.

/// A dense matrix, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matrix {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    values: Vec<f64>,
}

impl Matrix {
    pub(crate) fn zero(rows: usize, columns: usize) -> Self {
        Self { rows, columns, values: vec![0.0; rows * columns] }
    }

    pub(crate) fn identity(size: usize) -> Self {
        let mut matrix = Self::zero(size, size);
        for i in 0..size {
            matrix.values[i * size + i] = 1.0;
        }
        matrix
    }

    pub(crate) fn at(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.columns + column]
    }

    pub(crate) fn add_at(&mut self, row: usize, column: usize, value: f64) {
        self.values[row * self.columns + column] += value;
    }

    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.values[row * self.columns..(row + 1) * self.columns]
    }

    pub(crate) fn plus(&self, other: &Self, factor: f64) -> Self {
        let values = self.values.iter().zip(&other.values).map(|(a, b)| a + factor * b).collect();
        Self { values, ..*self }
    }

    pub(crate) fn scaled(&self, factor: f64) -> Self {
        Self { values: self.values.iter().map(|a| a * factor).collect(), ..*self }
    }

    /// Rows of zeros are skipped entry by entry: many of our blocks are nearly diagonal.
    pub(crate) fn times(&self, other: &Self) -> Self {
        assert_eq!(self.columns, other.rows, "shapes of a product agree");
        let mut product = Self::zero(self.rows, other.columns);
        for i in 0..self.rows {
            for k in 0..self.columns {
                let factor = self.at(i, k);
                if factor != 0.0 {
                    let target = product.row_mut(i);
                    for (sum, value) in target.iter_mut().zip(other.row(k)) {
                        *sum += factor * value;
                    }
                }
            }
        }
        product
    }

    /// The inverse, by elimination with row pivots.
    pub(crate) fn inverse(&self) -> Self {
        self.solve(&Self::identity(self.rows))
    }

    /// `X` of `self · X = right`.
    pub(crate) fn solve(&self, right: &Self) -> Self {
        let n = self.rows;
        let mut left = self.clone();
        let mut right = right.clone();
        for k in 0..n {
            let pivot = (k..n)
                .max_by(|&i, &j| left.at(i, k).abs().total_cmp(&left.at(j, k).abs()))
                .expect("a pivot column is not empty");
            left.swap_rows(k, pivot);
            right.swap_rows(k, pivot);
            let scale = 1.0 / left.at(k, k);
            for i in k + 1..n {
                let factor = left.at(i, k) * scale;
                if factor != 0.0 {
                    left.eliminate(i, k, factor, k);
                    right.eliminate(i, k, factor, 0);
                }
            }
        }
        for k in (0..n).rev() {
            let scale = 1.0 / left.at(k, k);
            for value in right.row_mut(k) {
                *value *= scale;
            }
            for i in 0..k {
                let factor = left.at(i, k);
                if factor != 0.0 {
                    right.eliminate(i, k, factor, 0);
                }
            }
        }
        right
    }

    fn swap_rows(&mut self, i: usize, j: usize) {
        if i != j {
            for column in 0..self.columns {
                self.values.swap(i * self.columns + column, j * self.columns + column);
            }
        }
    }

    /// Takes `factor` times row `source` from row `target`, from column `from` on.
    fn eliminate(&mut self, target: usize, source: usize, factor: f64, from: usize) {
        let width = self.columns;
        let (low, high) = self.values.split_at_mut(target.max(source) * width);
        let (a, b) = (target.min(source) * width, (target.min(source) + 1) * width);
        let (to, with) = if target > source {
            (&mut high[..width], &low[a..b])
        } else {
            (&mut low[a..b], &high[..width])
        };
        for (value, other) in to[from..].iter_mut().zip(&with[from..]) {
            *value -= factor * other;
        }
    }

    /// The row vector `v · self`.
    pub(crate) fn left(&self, v: &[f64]) -> Vec<f64> {
        let mut product = vec![0.0; self.columns];
        for (row, &factor) in v.iter().enumerate() {
            if factor != 0.0 {
                for (sum, value) in product.iter_mut().zip(self.row(row)) {
                    *sum += factor * value;
                }
            }
        }
        product
    }

    pub(crate) fn row_sums(&self) -> Vec<f64> {
        (0..self.rows).map(|row| self.row(row).iter().sum()).collect()
    }
}

/// `Σ a_i b_i`.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inverse_times_its_matrix_is_the_identity() {
        let mut matrix = Matrix::zero(3, 3);
        for (i, value) in [0.0, 2.0, 1.0, 4.0, 1.0, 0.5, 1.0, 1.0, 3.0].into_iter().enumerate() {
            matrix.add_at(i / 3, i % 3, value);
        }
        let product = matrix.inverse().times(&matrix);
        for i in 0..3 {
            for j in 0..3 {
                let want = if i == j { 1.0 } else { 0.0 };
                assert!((product.at(i, j) - want).abs() < 1e-15);
            }
        }
    }
}
