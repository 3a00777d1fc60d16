//! From counts and rates to arrivals: so many requests, at random places inside their interval.
//!
//! Given how many arrivals of a Poisson process fall into an interval, their places are independent
//! and uniform. A count therefore becomes exactly that many uniform places; a rate first becomes a
//! count by the Poisson law. The places are made in order and in flat memory: a large count is
//! halved by the binomial law, half by half in time, until a block is small enough to lay out
//! by exponential gaps, normalised to the block (Devroye 1986, V.3: uniform spacings).

use rand::Rng;
use rand_distr::{Binomial, Distribution, Exp1, Poisson};

use crate::rng::Stream;
use crate::time::{Duration, Instant};
use crate::workload::trace::Arrivals;

/// A block of this many places is laid out at once: its gaps stay in the first cache.
const BLOCK: u64 = 2048;

/// Places a number of arrivals in an interval, in order of time.
#[derive(Clone, Debug, Default)]
pub struct Scatter {
    /// Stretches of time that still wait for their arrivals, the earliest last.
    waiting: Vec<Stretch>,
    sums: Vec<f64>,
    block: Vec<Instant>,
    next: usize,
}

#[derive(Clone, Copy, Debug)]
struct Stretch {
    start: u64,
    length: u64,
    count: u64,
}

impl Scatter {
    /// Nothing to place.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins an interval with `count` arrivals; what was left of another is forgotten.
    pub fn begin(&mut self, start: Instant, length: Duration, count: u64) {
        self.waiting.clear();
        // An interval at the end of time is cut there, so that no place in it overflows.
        let length = length.0.min(u64::MAX - start.0);
        self.waiting.push(Stretch { start: start.0, length, count });
        self.block.clear();
        self.next = 0;
    }

    /// The next arrival; after as many as `begin` was told there is none.
    #[inline]
    pub fn next(&mut self, stream: &mut Stream) -> Option<Instant> {
        if self.next == self.block.len() && !self.refill(stream) {
            return None;
        }
        let at = self.block[self.next];
        self.next += 1;
        Some(at)
    }

    fn refill(&mut self, stream: &mut Stream) -> bool {
        while let Some(stretch) = self.waiting.pop() {
            let Stretch { start, length, count } = stretch;
            if count == 0 {
                continue;
            }
            if count <= BLOCK {
                self.lay_out(stretch, stream);
                return true;
            }
            let half = length / 2;
            if half == 0 {
                // A nanosecond cannot be halved: its arrivals coincide.
                self.waiting.push(Stretch { count: count - BLOCK, ..stretch });
                self.lay_out(Stretch { count: BLOCK, ..stretch }, stream);
                return true;
            }
            let early = binomial(count, half as f64 / length as f64, stream);
            let (later, rest) = (start + half, length - half);
            self.waiting.push(Stretch { start: later, length: rest, count: count - early });
            self.waiting.push(Stretch { start, length: half, count: early });
        }
        false
    }

    /// n uniform places in order are the first n of n + 1 exponential gaps, over their sum.
    fn lay_out(&mut self, stretch: Stretch, stream: &mut Stream) {
        let mut sum = 0.0;
        self.sums.clear();
        self.sums.extend((0..stretch.count).map(|_| {
            let gap: f64 = Exp1.sample(stream);
            sum += gap;
            sum
        }));
        let last: f64 = Exp1.sample(stream);
        let scale = stretch.length as f64 / (sum + last);
        let latest = stretch.length.saturating_sub(1);
        self.block.clear();
        self.block.extend(
            self.sums.iter().map(|sum| Instant(stretch.start + ((sum * scale) as u64).min(latest))),
        );
        self.next = 0;
    }
}

/// How many arrivals a row brings when all traffic is scaled by `factor`.
///
/// Below 1 each request is kept with that probability; above, each comes as often as the whole part
/// says and once more with the probability of the rest. A mean is scaled before it is drawn.
pub fn draw_count(arrivals: Arrivals, factor: f64, stream: &mut Stream) -> u64 {
    match arrivals {
        Arrivals::One => scaled(1, factor, stream),
        Arrivals::Exactly(count) => scaled(count, factor, stream),
        Arrivals::Mean(mean) => {
            let mean = mean * factor;
            if mean > 0.0 {
                Poisson::new(mean).map_or(0, |law| -> u64 {
                    let count: f64 = law.sample(stream);
                    count as u64
                })
            } else {
                0
            }
        }
    }
}

fn scaled(count: u64, factor: f64, stream: &mut Stream) -> u64 {
    let whole = count.saturating_mul(factor.trunc() as u64);
    match factor.fract() {
        0.0 => whole,
        rest => whole.saturating_add(binomial(count, rest, stream)),
    }
}

fn binomial(count: u64, p: f64, stream: &mut Stream) -> u64 {
    Binomial::new(count, p).expect("the share is between 0 and 1").sample(stream)
}

/// Balls of several kinds, drawn one by one without putting them back.
///
/// Rows of one interval (services side by side, functions of one minute) share their arrivals'
/// places; whose each arrival is follows from drawing without replacement, so every row gets
/// exactly its own count. A Fenwick tree (1994) makes a draw logarithmic in the number of rows.
#[derive(Clone, Debug, Default)]
pub struct Urn {
    tree: Vec<u64>,
    left: u64,
    top: usize,
}

impl Urn {
    /// Fills the urn with `counts[k]` balls of kind k.
    pub fn fill(&mut self, counts: &[u64]) {
        self.tree.clear();
        self.tree.push(0);
        self.tree.extend_from_slice(counts);
        for place in 1..self.tree.len() {
            let parent = place + (place & place.wrapping_neg());
            if parent < self.tree.len() {
                self.tree[parent] += self.tree[place];
            }
        }
        self.left = counts.iter().sum();
        self.top = if counts.is_empty() { 0 } else { 1 << counts.len().ilog2() };
    }

    /// Draws a ball and says of which kind it is.
    ///
    /// The urn must not be empty.
    pub fn draw(&mut self, stream: &mut Stream) -> usize {
        assert!(self.left > 0, "an empty urn has nothing to draw");
        // By multiplication, as in `Stream::below`: the bias is below 2⁻¹¹ for 2⁵³ balls.
        let mut rank = ((u128::from(stream.next_u64()) * u128::from(self.left)) >> 64) as u64;
        self.left -= 1;
        let (mut kind, mut step) = (0, self.top);
        while step > 0 {
            let node = kind + step;
            if node < self.tree.len() {
                if self.tree[node] <= rank {
                    rank -= self.tree[node];
                    kind = node;
                } else {
                    // The node covers the kind that is being found.
                    self.tree[node] -= 1;
                }
            }
            step /= 2;
        }
        kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Seed};

    fn stream(entity: &str) -> Stream {
        Seed::new(1, 0).stream(Purpose::Arrival, entity)
    }

    fn all(start: u64, length: u64, count: u64, stream: &mut Stream) -> Vec<u64> {
        let mut scatter = Scatter::new();
        scatter.begin(Instant(start), Duration(length), count);
        std::iter::from_fn(|| scatter.next(stream)).map(|at| at.0).collect()
    }

    #[test]
    fn a_count_becomes_exactly_that_many_arrivals_in_order_inside_the_interval() {
        let mut stream = stream("exact");
        for (length, count) in
            [(1_000_000, 0), (1_000_000, 1), (60_000_000_000, 100_003), (1, 9_000), (3, 5_000)]
        {
            let places = all(7, length, count, &mut stream);
            assert_eq!(places.len() as u64, count);
            assert!(places.is_sorted());
            assert!(places.iter().all(|at| (7..7 + length).contains(at)));
        }
    }

    /// Kolmogorov and Smirnov's distance of uniform places, against the critical value 1.95 / √n of
    /// level 0.001; blocks, halves and odd lengths must not show.
    #[test]
    fn places_are_uniform_by_kolmogorov_and_smirnov_at_level_0_001() {
        let mut stream = stream("uniform");
        for (length, count) in [(1_000_000_007, 1_500), (999_999_999, 50_000)] {
            let places = all(0, length, count, &mut stream);
            let n = count as f64;
            let distance = places.iter().enumerate().map(|(i, at)| {
                let f = *at as f64 / length as f64;
                (f - i as f64 / n).abs().max((f - (i + 1) as f64 / n).abs())
            });
            let distance = distance.fold(0.0, f64::max);
            assert!(distance < 1.95 / n.sqrt(), "{distance} for {count}");
        }
    }

    #[test]
    fn every_kind_is_drawn_as_often_as_it_is_in_the_urn() {
        let counts = [3, 0, 1, 500, 0, 0, 42];
        let (mut urn, mut stream) = (Urn::default(), stream("urn"));
        urn.fill(&counts);
        let mut drawn = [0; 7];
        for _ in 0..counts.iter().sum() {
            drawn[urn.draw(&mut stream)] += 1;
        }
        assert_eq!(drawn, counts);
    }

    #[test]
    fn the_first_ball_is_of_each_kind_in_proportion_at_level_0_001() {
        let (mut urn, mut stream) = (Urn::default(), stream("first"));
        let (counts, n) = ([1_u64, 2, 5], 8_000);
        let mut seen = [0_u64; 3];
        for _ in 0..n {
            urn.fill(&counts);
            seen[urn.draw(&mut stream)] += 1;
        }
        let chi_squared: f64 = counts
            .iter()
            .zip(seen)
            .map(|(count, seen)| {
                let expected = *count as f64 / 8.0 * f64::from(n);
                (seen as f64 - expected).powi(2) / expected
            })
            .sum();
        // The 0.999 quantile of χ² with 2 degrees of freedom.
        assert!(chi_squared < 13.816, "{chi_squared}: {seen:?}");
    }

    #[test]
    fn scaling_keeps_whole_copies_exact_and_draws_only_the_rest() {
        let mut stream = stream("scale");
        assert_eq!(draw_count(Arrivals::Exactly(1000), 1.0, &mut stream), 1000);
        assert_eq!(draw_count(Arrivals::Exactly(1000), 3.0, &mut stream), 3000);
        assert_eq!(draw_count(Arrivals::Mean(0.0), 3.0, &mut stream), 0);
        let half = draw_count(Arrivals::Exactly(1_000_000), 2.5, &mut stream);
        // Three and a third standard deviations of the binomial law: level 0.001.
        assert!((half as f64 - 2.5e6).abs() < 3.29 * 500.0, "{half}");
        let poisson = draw_count(Arrivals::Mean(1e6), 1.0, &mut stream);
        assert!((poisson as f64 - 1e6).abs() < 3.29 * 1e3, "{poisson}");
    }
}
