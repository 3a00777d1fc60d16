//! Which branch of a mixture: shares of a whole, and a draw among them.

use crate::diagnose::Problem;
use crate::rng::Stream;
use crate::units::Share;

/// Shares that add up to 1, one for each branch.
#[derive(Debug)]
pub(super) struct Shares {
    shares: Box<[f64]>,
    /// Sums of the shares up to each branch; the last is exactly 1.
    cumulative: Box<[f64]>,
}

impl Shares {
    /// As many shares as there are `branches`; rounded ones are mended, wrong ones refused.
    pub(super) fn new(shares: &[Share], branches: usize, of: &str) -> Result<Self, Problem> {
        if branches == 0 {
            return Err(Problem::about(of, format!("`{of}` must name at least one branch")));
        }
        if shares.len() != branches {
            let message = format!("`shares` must be as many as `{of}`: {branches}");
            return Err(Problem::about("shares", format!("{message}, not {}", shares.len())));
        }
        let sum: f64 = shares.iter().map(|share| share.0).sum();
        if (sum - 1.0).abs() > 1e-6 {
            let message = format!("`shares` must add up to 1, not {}", (sum * 1e6).round() / 1e6);
            return Err(Problem::about("shares", message).help("write e.g. `shares = [0.9, 0.1]`"));
        }
        let shares: Box<[f64]> = shares.iter().map(|share| share.0 / sum).collect();
        Ok(Self::exact(shares))
    }

    /// Shares that are known to add up to 1.
    pub(super) fn exact(shares: Box<[f64]>) -> Self {
        let mut sum = 0.0;
        let mut cumulative: Box<[f64]> = shares
            .iter()
            .map(|share| {
                sum += share;
                sum
            })
            .collect();
        *cumulative.last_mut().expect("a mixture has a branch") = 1.0;
        Self { shares, cumulative }
    }

    /// A branch, drawn; the few branches there are make a walk quicker than a table.
    #[inline]
    pub(super) fn pick(&self, stream: &mut Stream) -> usize {
        let drawn = stream.open01();
        self.cumulative.iter().position(|&sum| drawn < sum).unwrap_or(self.cumulative.len() - 1)
    }

    /// The mean of `value` over the branches.
    pub(super) fn mean(&self, value: impl Fn(usize) -> f64) -> f64 {
        // A branch that is never taken counts for nothing, even if its value is infinite.
        let taken = self.shares.iter().enumerate().filter(|(_, share)| **share > 0.0);
        taken.map(|(branch, share)| share * value(branch)).sum()
    }
}
