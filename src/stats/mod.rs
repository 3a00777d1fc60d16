//! Histograms, time-weighted means, intervals, warm-up; knows nothing of servers.
//!
//! Durations come in as whole nanoseconds and leave as seconds. Which part answers which question:
//!
//! | question | answer |
//! | --- | --- |
//! | what happened in this run? | `Tally::summary` |
//! | mean, quantile or share above a limit, from one long run | `Batches` |
//! | number in system, servers up: averages over time | `Levels` |
//! | the same from replications | `interval::mean_of_replications`, `quantile::of_replications`,
//! `interval::ratio` |
//! | where does the warm-up end? is there a steady state? | `warmup::mser5_of_average`,
//! `batches::is_unstable` |
//! | have I run long enough? | `estimate::Stopping`, `Precision::needed` |
//! | is A better than B on the same requests? | `paired::difference`,
//! `paired::quantile_difference`, `paired::verdicts` |
//! | which of many is best? | `select::KimNelson`, `select::Ocba` |
//! | what law does this sample follow? how bursty are these arrivals? | `goodness::fit_all`,
//! `dispersion::dispersion_curve` |
//! | what would another week of this traffic say? | `bootstrap` |
//!
//! No number leaves without its `Status`, and nothing here depends on the order in which threads
//! finish: sums and counts are integers, and every fold runs in the order of its input.

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
pub mod levels;
pub mod moments;
pub mod multiple;
pub mod paired;
pub mod quantile;
pub mod select;
pub mod series;
pub mod special;
pub mod warmup;

pub use batches::Batches;
pub use estimate::{Estimate, Precision, Status};
pub use histogram::{Bucket, CoarseHistogram, Histogram, quantile_rank};
pub use levels::Levels;
pub use moments::{Moments, NANOS_PER_SECOND, Summary, Tally};
