//! Histograms, time-weighted means, intervals, warm-up; knows nothing of servers.

pub mod histogram;
pub mod moments;

pub use histogram::{Bucket, CoarseHistogram, Histogram, quantile_rank};
pub use moments::{Moments, NANOS_PER_SECOND, Summary, Tally};
