//! Quasi-birth-death chains: levels that move by one, phases within them.
//!
//! A model is told as its moves: from (level, phase), by how much the level changes, to which
//! phase, at which rate. Levels from `repeats_from` on look alike, and the stationary law there
//! falls by a matrix factor `R` a level, found by logarithmic reduction (Latouche and Ramaswami
//! 1993); the levels below are eliminated from the top down (Gaver, Jacobs and Latouche 1984).

use super::chain::stationary;
use super::matrix::{Matrix, dot};

/// One move out of a state: change of level (−1, 0 or 1), new phase, rate.
pub(crate) type Move = (isize, usize, f64);

/// A chain by its moves.
pub(crate) struct Chain<P, M>
where
    P: Fn(usize) -> usize,
    M: Fn(usize, usize) -> Vec<Move>,
{
    /// How many phases a level has.
    pub(crate) phases: P,
    /// The moves out of (level, phase); moves of rate zero may be listed.
    pub(crate) moves: M,
}

/// The stationary law: level by level below, a matrix-geometric tail from `first` on.
pub(crate) struct Stationary {
    /// Laws of the levels `0..first`.
    below: Vec<Vec<f64>>,
    /// The law of level `first`, with which the tail begins.
    pub(crate) head: Vec<f64>,
    /// The factor from a level to the next, from `first` on.
    pub(crate) factor: Matrix,
    /// `(I − R)^{-1}`.
    pub(crate) potential: Matrix,
}

impl<P, M> Chain<P, M>
where
    P: Fn(usize) -> usize,
    M: Fn(usize, usize) -> Vec<Move>,
{
    /// The law of the chain whose levels from `repeats_from` on have the same moves.
    pub(crate) fn unbounded(&self, repeats_from: usize) -> Stationary {
        let [_, local, up] = self.blocks(repeats_from);
        let [down, ..] = self.blocks(repeats_from + 1);
        let factor = rate_matrix(&up, &local, &down);
        let top = local.plus(&factor.times(&down), 1.0);
        self.eliminate(repeats_from, top, factor)
    }

    /// The law of the chain on the levels `0..=top`; moves above `top` must not be listed.
    pub(crate) fn bounded(&self, top: usize) -> Stationary {
        let size = (self.phases)(top);
        let [_, local, _] = self.blocks(top);
        self.eliminate(top, local, Matrix::zero(size, size))
    }

    /// The blocks of rates down, within and up from a level; the diagonal is minus the total.
    fn blocks(&self, level: usize) -> [Matrix; 3] {
        let size = (self.phases)(level);
        let sizes = [if level == 0 { 0 } else { (self.phases)(level - 1) }, size, {
            (self.phases)(level + 1)
        }];
        let mut blocks = sizes.map(|columns| Matrix::zero(size, columns));
        for phase in 0..size {
            for (change, target, rate) in (self.moves)(level, phase) {
                if rate != 0.0 {
                    blocks[(change + 1) as usize].add_at(phase, target, rate);
                    blocks[1].add_at(phase, phase, -rate);
                }
            }
        }
        blocks
    }

    fn eliminate(&self, first: usize, top: Matrix, factor: Matrix) -> Stationary {
        let mut steps = Vec::with_capacity(first);
        let mut censored = top;
        let mut blocks = self.blocks(first);
        for level in (0..first).rev() {
            let below = self.blocks(level);
            let step = below[2].times(&censored.inverse().scaled(-1.0));
            censored = below[1].plus(&step.times(&blocks[0]), 1.0);
            blocks = below;
            steps.push(step);
        }
        let mut below = Vec::with_capacity(first);
        let mut law = stationary(&censored);
        while let Some(step) = steps.pop() {
            let next = step.left(&law);
            below.push(law);
            law = next;
            rescale(&mut below, &mut law);
        }
        let potential = Matrix::identity(factor.rows).plus(&factor, -1.0).inverse();
        let total = below.iter().flatten().sum::<f64>() + potential.left(&law).iter().sum::<f64>();
        divide(&mut below, &mut law, total);
        Stationary { below, head: law, factor, potential }
    }
}

/// Weights grow by many orders from an empty system to a busy one: keep them below overflow.
fn rescale(below: &mut [Vec<f64>], law: &mut [f64]) {
    const LARGE: f64 = 1e200;
    if law.iter().any(|&p| p > LARGE) {
        divide(below, law, LARGE);
    }
}

fn divide(below: &mut [Vec<f64>], law: &mut [f64], by: f64) {
    for p in below.iter_mut().flatten().chain(law) {
        *p /= by;
    }
}

/// `R`, the least solution of `A0 + R A1 + R² A2 = 0`, by logarithmic reduction.
fn rate_matrix(up: &Matrix, local: &Matrix, down: &Matrix) -> Matrix {
    let identity = Matrix::identity(local.rows);
    let turnover = local.scaled(-1.0).inverse();
    let (mut high, mut low) = (turnover.times(up), turnover.times(down));
    let (mut passage, mut reach) = (low.clone(), high.clone());
    for _ in 0..64 {
        let back = high.times(&low).plus(&low.times(&high), 1.0);
        let resolve = identity.plus(&back, -1.0).inverse();
        high = resolve.times(&high.times(&high));
        low = resolve.times(&low.times(&low));
        passage = passage.plus(&reach.times(&low), 1.0);
        reach = reach.times(&high);
        if reach.row_sums().iter().all(|&sum| sum < 1e-17) {
            break;
        }
    }
    let remaining = local.plus(&up.times(&passage), 1.0).scaled(-1.0);
    up.times(&remaining.inverse())
}

impl Stationary {
    /// The laws of the levels up to the tail's first.
    pub(crate) fn levels(&self) -> impl Iterator<Item = &[f64]> {
        self.below.iter().map(Vec::as_slice).chain(std::iter::once(self.head.as_slice()))
    }

    /// The law of a level below the tail, and of the tail's first level.
    pub(crate) fn level(&self, level: usize) -> &[f64] {
        self.below.get(level).unwrap_or(&self.head)
    }

    /// The first level of the geometric tail.
    pub(crate) fn first(&self) -> usize {
        self.below.len()
    }

    /// `E f(level, phase)` of a reward that is affine in the level from the tail on.
    pub(crate) fn expect(&self, f: impl Fn(usize, usize) -> f64) -> f64 {
        let first = self.first();
        let mut total = 0.0;
        for (level, law) in self.below.iter().enumerate() {
            total += law.iter().enumerate().map(|(i, p)| p * f(level, i)).sum::<f64>();
        }
        let mass = self.potential.left(&self.head);
        let excess = self.potential.left(&self.factor.left(&mass));
        for (i, (p, q)) in mass.iter().zip(&excess).enumerate() {
            let base = f(first, i);
            total += p * base + q * (f(first + 1, i) - base);
        }
        total
    }

    /// `Σ_i weight(i) P(level ≥ first + k, phase i)`, asked for `k` = 0, 1, … in turn.
    pub(crate) fn tail<'a>(&'a self, weight: &'a [f64]) -> impl FnMut(usize) -> f64 + 'a {
        let mut law = self.potential.left(&self.head);
        move |_| {
            let sum = dot(&law, weight);
            law = self.factor.left(&law);
            sum
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mm1_queue_is_the_simplest_chain() {
        let chain = Chain {
            phases: |_| 1,
            moves: |level: usize, _| vec![(1, 0, 0.8), (-1, 0, f64::from(u8::from(level > 0)))],
        };
        let law = chain.unbounded(1);
        assert!((law.expect(|n, _| n as f64) - 4.0).abs() < 1e-13);
        assert!((law.level(0)[0] - 0.2).abs() < 1e-15);
        let weight = [1.0];
        let tail: Vec<f64> = (0..4).map(law.tail(&weight)).collect();
        assert!((tail[3] - 0.8_f64.powi(4)).abs() < 1e-14);
    }
}
