//! The lowest of several scores, any of those that share it with the same probability.

use crate::model::ServerId;
use crate::rng::Stream;

/// Sampling with a reservoir of one: a k-th tie replaces the one kept with probability 1/k.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::balance) struct Lowest {
    best: Option<(f64, ServerId)>,
    ties: u32,
}

impl Lowest {
    /// Looks at one more server.
    #[inline]
    pub(in crate::balance) fn offer(&mut self, server: ServerId, score: f64, stream: &mut Stream) {
        match self.best {
            Some((lowest, _)) if score > lowest => {}
            Some((lowest, _)) if score == lowest => {
                self.ties += 1;
                if stream.below(self.ties) == 0 {
                    self.best = Some((score, server));
                }
            }
            _ => (self.best, self.ties) = (Some((score, server)), 1),
        }
    }

    /// The one that is kept.
    pub(in crate::balance) fn found(&self) -> Option<ServerId> {
        self.best.map(|(_, server)| server)
    }
}
