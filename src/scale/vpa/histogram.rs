//! A histogram whose samples lose half their weight every half-life.
//!
//! Instead of shrinking what is old, each new sample is given a larger weight,
//! `2^((t - reference) / half-life)`; the reference is moved, and everything scaled, before those
//! weights grow out of range.

/// Half-lives after which the reference is moved.
const MOST_DOUBLINGS: u64 = 100;

/// Where the buckets begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Buckets {
    /// All of one width, from 0.
    Linear {
        /// The width.
        width: f64,
        /// The last bucket begins at or after this.
        max: f64,
    },
    /// Each so many times as wide as the one before.
    Exponential {
        /// The width of the first.
        first: f64,
        /// The ratio of one width to the one before, above 1.
        ratio: f64,
        /// The last bucket begins at or after this.
        max: f64,
    },
}

impl Buckets {
    /// How many there are.
    pub fn count(&self) -> usize {
        let edges = match *self {
            Self::Linear { width, max } => (max / width).ceil(),
            Self::Exponential { first, ratio, max } => {
                log(ratio, max * (ratio - 1.0) / first + 1.0).ceil()
            }
        };
        edges as usize + 1
    }

    /// The bucket of a value; the nearest one for a value outside.
    pub fn find(&self, value: f64) -> usize {
        let index = match *self {
            Self::Linear { width, .. } => value / width,
            Self::Exponential { first, .. } if value < first => 0.0,
            Self::Exponential { first, ratio, .. } => {
                log(ratio, value * (ratio - 1.0) / first + 1.0)
            }
        };
        // The cast cuts, and takes what is negative to 0.
        (index as usize).min(self.count() - 1)
    }

    /// Where a bucket begins.
    pub fn start(&self, index: usize) -> f64 {
        match *self {
            Self::Linear { width, .. } => index as f64 * width,
            Self::Exponential { .. } if index == 0 => 0.0,
            Self::Exponential { first, ratio, .. } => {
                first * (ratio.powf(index as f64) - 1.0) / (ratio - 1.0)
            }
        }
    }
}

fn log(base: f64, value: f64) -> f64 {
    value.ln() / base.ln()
}

/// A weighted histogram with decay.
#[derive(Debug, Clone)]
pub struct DecayingHistogram {
    buckets: Buckets,
    /// A bucket that weighs less is empty.
    epsilon: f64,
    half_life_ns: u64,
    weights: Vec<f64>,
    total: f64,
    reference_ns: u64,
    /// The first and the last bucket that may hold weight; crossed while there is none.
    first: usize,
    last: usize,
}

impl DecayingHistogram {
    /// An empty histogram.
    pub fn new(buckets: Buckets, epsilon: f64, half_life_ns: u64) -> Self {
        let count = buckets.count();
        Self {
            buckets,
            epsilon,
            half_life_ns: half_life_ns.max(1),
            weights: vec![0.0; count],
            total: 0.0,
            reference_ns: 0,
            first: count - 1,
            last: 0,
        }
    }

    /// Adds a sample of non-negative weight.
    pub fn add(&mut self, value: f64, weight: f64, at_ns: u64) {
        let weight = weight * self.growth(at_ns);
        let bucket = self.buckets.find(value);
        self.weights[bucket] += weight;
        self.total += weight;
        self.first = self.first.min(bucket);
        self.last = self.last.max(bucket);
    }

    /// Takes a sample out again; what would leave less than an epsilon leaves nothing.
    pub fn subtract(&mut self, value: f64, weight: f64, at_ns: u64) {
        let weight = weight * self.growth(at_ns);
        let bucket = &mut self.weights[self.buckets.find(value)];
        let gone = if weight > *bucket - self.epsilon { *bucket } else { weight };
        *bucket -= gone;
        self.total -= gone;
        self.narrow();
    }

    /// Takes empty buckets off both ends.
    fn narrow(&mut self) {
        while self.first < self.weights.len() - 1 && self.weights[self.first] < self.epsilon {
            self.first += 1;
        }
        while self.last > 0 && self.weights[self.last] < self.epsilon {
            self.last -= 1;
        }
    }

    /// The weight of a sample of weight 1 taken now.
    fn growth(&mut self, at_ns: u64) -> f64 {
        if at_ns > self.reference_ns + self.half_life_ns * MOST_DOUBLINGS {
            self.move_reference(at_ns);
        }
        let age_ns = at_ns as f64 - self.reference_ns as f64;
        (age_ns / self.half_life_ns as f64).exp2()
    }

    /// Moves the reference to the nearest multiple of the half-life.
    fn move_reference(&mut self, at_ns: u64) {
        let doublings = (at_ns + self.half_life_ns / 2) / self.half_life_ns;
        let moved = doublings - self.reference_ns / self.half_life_ns;
        let factor = (-(moved as f64)).exp2();
        for weight in self.weights.iter_mut().take(self.last + 1).skip(self.first) {
            *weight *= factor;
        }
        self.total *= factor;
        self.reference_ns = doublings * self.half_life_ns;
        self.narrow();
    }

    /// Whether nothing weighs anything.
    pub fn is_empty(&self) -> bool {
        self.weights[self.first] < self.epsilon
    }

    /// The end of the first bucket with `share` of all weight up to it; of the last bucket, which
    /// has no end, its start. 0 for an empty histogram.
    pub fn percentile(&self, share: f64) -> f64 {
        if self.is_empty() {
            return 0.0;
        }
        let threshold = share * self.total;
        let mut sum = 0.0;
        let reached = (self.first..self.last).find(|&index| {
            sum += self.weights[index];
            sum >= threshold
        });
        let index = reached.unwrap_or(self.last.max(self.first));
        self.buckets.start((index + 1).min(self.weights.len() - 1))
    }
}
