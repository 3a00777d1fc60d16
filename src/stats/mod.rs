//! Histograms, time-weighted means, intervals, warm-up; knows nothing of servers.

pub mod batches;
pub mod binomial;
pub mod bootstrap;
pub mod ddsketch;
pub mod dispersion;
pub mod estimate;
pub mod fit;
pub mod goodness;
pub mod histogram;
pub mod interval;
pub mod moments;
pub mod multiple;
pub mod paired;
pub mod quantile;
pub mod series;
pub mod special;
pub mod warmup;

pub use batches::Batches;
pub use estimate::{Estimate, Precision, Status};
pub use histogram::{Bucket, CoarseHistogram, Histogram, quantile_rank};
pub use moments::{Moments, NANOS_PER_SECOND, Summary, Tally};
