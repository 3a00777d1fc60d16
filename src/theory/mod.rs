//! Closed forms of queueing theory: the known answers.
//!
//! Pure functions of rates and times in one unit of your choice. They know nothing of servers,
//! scenarios or simulation; the simulator is tested against them. Everything is computed so that
//! ten thousand servers are as safe as one: Erlang B by its inverse recursion, tails as sums of
//! positive terms or in logarithms, never a factorial.
//!
//! ```
//! use plimsoll::theory::{Delay, Mmc};
//! let queue = Mmc::new(120.0, 1.0 / 0.180, 24)?; // 120 requests/s of 180 ms on 24 servers
//! assert!((queue.wait_probability() - 0.5159).abs() < 1e-3);
//! assert!(queue.latency().quantile(0.99) < 0.9); // seconds
//! # Ok::<(), plimsoll::theory::Refusal>(())
//! ```
//!
//! [`MODELS`] lists what `plimsoll theory` knows by name.

mod abandon;
mod answer;
mod batch;
mod bursty;
mod catalog;
mod delay;
mod distribution;
mod ggc;
mod gmc;
mod loss;
mod mdc;
mod mg1;
mod mmc;
mod mphc;
mod network;
mod numeric;
mod order;
mod parallel;
mod scaling;
mod staffing;
mod transient;

pub use abandon::{ErlangA, FixedPatience};
pub use answer::{Answer, Percentiles, Refusal};
pub use batch::{Batching, BulkExponential, ContinuousBatching};
pub use bursty::{Hawkes, Mmpp2, MmppMc};
pub use catalog::{Model, Need, Parameter, Unit};
pub use delay::{Delay, Exponential, Mixture, Shifted, Steps};
pub use distribution::Distribution;
pub use ggc::Ggc;
pub use gmc::Gmc;
pub use loss::{Closed, MGInf, Mmck, PeriodicMInf};
pub use mdc::Mdc;
pub use mg1::{Mg1, Mg1Ps};
pub use mmc::{Latency, Mmc, erlang_b, erlang_c};
pub use mphc::Mphc;
pub use network::{fork_join_latency, redundancy_latency, retrial_orbit, tandem_latency};
pub use order::{priority_waits, shortest_first_wait, shortest_remaining_latency};
pub use parallel::{
    Choice, PowerOfChoices, ShorterOfTwo, Tie, TwoServers, fastest_first, random_routing,
    round_robin,
};
pub use scaling::{
    Breakdowns, KeepAlive, Pool, Scaled, SetupPolicy, Threshold, breakdowns, keep_alive, setup,
};
pub use staffing::{
    Target, halfin_whitt, min_servers, min_servers_with_abandonment, safety_factor,
    square_root_staffing,
};
pub use transient::{Transient, after_empty, in_system_variability, time_for_precision};

/// Every model with a known answer, in the order of help.
pub static MODELS: &[Model] = &[
    mmc::MM1,
    mmc::MMC,
    loss::MMCK,
    loss::MMCC,
    loss::MMINF,
    mg1::MG1,
    mdc::MDC,
    mg1::MG1PS,
    gmc::GMC,
    ggc::GGC,
    ggc::ALLEN_CUNNEEN,
    ggc::KIMURA,
    abandon::ERLANG_A,
    abandon::MMC_TIMEOUT,
    bursty::MMPP_MC,
    staffing::SQRT_STAFFING,
    staffing::MIN_SERVERS,
    loss::CLOSED,
    transient::MMC_TRANSIENT,
    mphc::MPHC,
    order::PRIORITY,
    order::SJF,
    order::SRPT,
    batch::BULK,
    batch::BATCHING,
    batch::CONTINUOUS_BATCHING,
    parallel::RANDOM,
    parallel::ROUND_ROBIN,
    parallel::POWER_OF_CHOICES,
    parallel::SHORTER_OF_TWO,
    network::TANDEM,
    network::FORK_JOIN,
    network::REDUNDANCY,
    network::RETRIAL,
    scaling::SETUP,
    scaling::DELAYED_OFF,
    scaling::BREAKDOWNS,
    scaling::THRESHOLD,
    scaling::KEEP_ALIVE,
];

/// The model of this name.
///
/// Refuses an unknown name and says which ones are near.
pub fn model(name: &str) -> Result<&'static Model, Refusal> {
    if let Some(model) = MODELS.iter().find(|model| model.name == name) {
        return Ok(model);
    }
    let mut near: Vec<&str> = MODELS.iter().map(|model| model.name).collect();
    near.sort_by_cached_key(|known| strsim::damerau_levenshtein(known, name));
    near.truncate(3);
    Err(Refusal(format!("there is no model {name}; the nearest are {}", near.join(", "))))
}
