//! What the KPA remembers: sliding averages over buckets of time, and a sliding maximum.

use std::collections::VecDeque;

/// The share of all weight that a weighted window holds at least.
const WEIGHT_HELD: f64 = 0.9999;
/// The least weight of the newest bucket, however long the window.
const LEAST_WEIGHT: f64 = 0.2;

/// Sums in a ring of buckets, averaged over the buckets that have been covered.
///
/// A window that is not yet full divides by the buckets since its first write; silence takes the
/// buckets after the last write out of sum and divisor; a whole window of silence forgets all.
#[derive(Debug, Clone)]
pub struct Buckets {
    sums: Vec<f64>,
    granularity_ns: u64,
    window_ns: u64,
    /// Buckets of the first and the last write of the present run of data.
    written: Option<(u64, u64)>,
    total: f64,
}

impl Buckets {
    /// A window of `window_ns`, in buckets of `granularity_ns`, the last one perhaps partial.
    pub fn new(window_ns: u64, granularity_ns: u64) -> Self {
        let granularity_ns = granularity_ns.max(1);
        let buckets = window_ns.div_ceil(granularity_ns).max(1);
        Self {
            sums: vec![0.0; buckets as usize],
            granularity_ns,
            window_ns,
            written: None,
            total: 0.0,
        }
    }

    /// How many buckets the window has.
    pub fn buckets(&self) -> usize {
        self.sums.len()
    }

    fn slot(&self, bucket: u64) -> usize {
        (bucket % self.sums.len() as u64) as usize
    }

    /// Whether `later` lies a whole window or more after `earlier`.
    fn is_window_apart(&self, earlier: u64, later: u64) -> bool {
        (later - earlier) * self.granularity_ns >= self.window_ns
    }

    /// Adds a value to the bucket of its time. A value a window or more older than the newest is
    /// dropped; buckets that were skipped count as zero.
    pub fn record(&mut self, now_ns: u64, value: f64) {
        let bucket = now_ns / self.granularity_ns;
        match self.written {
            None => self.written = Some((bucket, bucket)),
            Some((_, last)) if bucket > last && self.is_window_apart(last, bucket) => {
                self.sums.fill(0.0);
                self.total = 0.0;
                self.written = Some((bucket, bucket));
            }
            Some((first, last)) if bucket > last => {
                for skipped in last + 1..=bucket {
                    let slot = self.slot(skipped);
                    self.total -= self.sums[slot];
                    self.sums[slot] = 0.0;
                }
                self.written = Some((first, bucket));
            }
            Some((_, last)) if bucket < last && self.is_window_apart(bucket, last) => return,
            Some((first, last)) => self.written = Some((first.min(bucket), last)),
        }
        let slot = self.slot(bucket);
        self.sums[slot] += value;
        self.total += value;
    }

    /// Mean sum per bucket at `now_ns`, cut to six decimals as Knative cuts it; 0 after a window
    /// of silence.
    pub fn average(&self, now_ns: u64) -> f64 {
        let Some((first, last)) = self.written else { return 0.0 };
        let now = now_ns / self.granularity_ns;
        let covered = last - first + 1;
        let (sum, most) = if now <= last {
            (self.total, self.sums.len() as u64)
        } else if self.is_window_apart(last, now) {
            return 0.0;
        } else {
            let expired: f64 = (last + 1..=now).map(|gone| self.sums[self.slot(gone)]).sum();
            (self.total - expired, self.sums.len() as u64 - (now - last))
        };
        (sum / covered.min(most) as f64 * 1e6).floor() / 1e6
    }

    /// Exponentially weighted sum per bucket at `now_ns`, the newest bucket weighing
    /// [`smoothing`]; the weights are not normalised, so that silence decays.
    pub fn weighted_average(&self, now_ns: u64) -> f64 {
        let Some((_, last)) = self.written else { return 0.0 };
        let now = now_ns / self.granularity_ns;
        let silent = now.saturating_sub(last);
        if silent * self.granularity_ns > self.window_ns {
            return 0.0;
        }
        let coefficient = smoothing(self.sums.len());
        let mut weight = coefficient * (1.0 - coefficient).powf(silent as f64);
        let mut mean = 0.0;
        for back in 0..(self.sums.len() as u64).saturating_sub(silent).min(last + 1) {
            mean += self.sums[self.slot(last - back)] * weight;
            weight *= 1.0 - coefficient;
        }
        mean
    }
}

/// The weight of the newest of so many buckets: enough that the window holds 99.99 % of all
/// weight, and at least 0.2.
pub fn smoothing(buckets: usize) -> f64 {
    (1.0 - (1.0 - WEIGHT_HELD).powf(1.0 / buckets as f64)).max(LEAST_WEIGHT)
}

/// The largest value of the last so many buckets; an entry expires when its bucket lies that many
/// behind the newest.
#[derive(Debug, Clone)]
pub struct MaxWindow {
    buckets: u64,
    /// Candidates, oldest first, each larger than all after it.
    maxima: VecDeque<(u64, i32)>,
}

impl MaxWindow {
    /// A window over so many buckets.
    pub fn new(buckets: u64) -> Self {
        Self { buckets: buckets.max(1), maxima: VecDeque::new() }
    }

    /// Records a value in a bucket no older than the last one's.
    pub fn record(&mut self, bucket: u64, value: i32) {
        let mut value = value;
        while let Some(&(at, last)) = self.maxima.back() {
            if value < last && at != bucket {
                break;
            }
            value = if at == bucket { value.max(last) } else { value };
            self.maxima.pop_back();
        }
        self.maxima.push_back((bucket, value));
        while self.maxima.front().is_some_and(|&(at, _)| bucket.saturating_sub(at) >= self.buckets)
        {
            self.maxima.pop_front();
        }
    }

    /// The largest value of the window; 0 before the first.
    pub fn largest(&self) -> i32 {
        self.maxima.front().map_or(0, |&(_, value)| value)
    }
}

/// A [`MaxWindow`] whose buckets are spans of time.
#[derive(Debug, Clone)]
pub struct MaxTimeWindow {
    window: MaxWindow,
    granularity_ns: u64,
}

impl MaxTimeWindow {
    /// A window of `duration_ns`, in buckets of `granularity_ns`.
    pub fn new(duration_ns: u64, granularity_ns: u64) -> Self {
        let granularity_ns = granularity_ns.max(1);
        Self { window: MaxWindow::new(duration_ns.div_ceil(granularity_ns)), granularity_ns }
    }

    /// Records a value at a time no earlier than the last one's.
    pub fn record(&mut self, now_ns: u64, value: i32) {
        self.window.record(now_ns / self.granularity_ns, value);
    }

    /// The largest value of the window; 0 before the first.
    pub fn largest(&self) -> i32 {
        self.window.largest()
    }
}
