//! Draws from a fixed discrete law in O(1): the alias method (Walker 1977; Vose 1991 builds it).

use crate::rng::Stream;

/// Each place keeps a share for itself and gives the rest to its alias.
#[derive(Clone, Debug, Default)]
pub(in crate::balance) struct Alias {
    keep: Vec<f64>,
    other: Vec<u32>,
}

impl Alias {
    /// The table of weights of which at least one is positive.
    pub(in crate::balance) fn new(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let scale = weights.len() as f64 / total;
        let mut keep: Vec<f64> = weights.iter().map(|weight| weight * scale).collect();
        let mut other: Vec<u32> = (0..weights.len() as u32).collect();
        let (mut small, mut large): (Vec<u32>, Vec<u32>) =
            other.iter().partition(|&&place| keep[place as usize] < 1.0);
        while let (Some(&poor), Some(&rich)) = (small.last(), large.last()) {
            small.pop();
            other[poor as usize] = rich;
            keep[rich as usize] -= 1.0 - keep[poor as usize];
            if keep[rich as usize] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        // What is left over has a share of 1 but for rounding; a weight of 0 was paired long ago.
        for place in small.into_iter().chain(large) {
            keep[place as usize] = 1.0;
        }
        Self { keep, other }
    }

    /// A place, with the probability of its weight's share.
    #[inline]
    pub(in crate::balance) fn draw(&self, stream: &mut Stream) -> usize {
        let place = stream.below(self.keep.len() as u32) as usize;
        if stream.open01() < self.keep[place] { place } else { self.other[place] as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_the_table_are_those_of_the_weights() {
        let weights = [5.0, 0.0, 1.0, 2.5, 0.25];
        let table = Alias::new(&weights);
        let mut share = [0.0; 5];
        for place in 0..5 {
            share[place] += table.keep[place] / 5.0;
            share[table.other[place] as usize] += (1.0 - table.keep[place]) / 5.0;
        }
        for (weight, share) in weights.iter().zip(share) {
            assert!((weight / 8.75 - share).abs() < 1e-15);
        }
    }
}
