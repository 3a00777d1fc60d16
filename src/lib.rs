//! Plimsoll: how much load can this fleet safely carry, and what is the cheapest fleet that carries
//! mine?
//!
//! A discrete-event simulator of load-balanced, autoscaled serving clusters. The command line is
//! the usual way in ([`cli`]); this library is what it stands on. A room imports only rooms on
//! lower floors: words and numbers ([`time`], [`rng`], [`stats`], [`theory`]) below, parts that are
//! found by name ([`registry`]: [`law`], [`workload`], [`balance`], [`station`], [`scale`],
//! [`forecast`], [`fault`], [`health`], [`protect`]) above them, then the [`engine`], the
//! [`scenario`], the [`experiment`] and the [`report`]. [`design`] says why.
//!
//! ```
//! use std::path::Path;
//! use plimsoll::{document::Node, scenario::Scenario, time::Duration};
//!
//! let text = r#"
//!     [traffic.pages]
//!     arrivals = "poisson:rate=100/s"
//!     service = "exponential:mean=50ms"
//!     [pool.web]
//!     servers = 8
//!     [run]
//!     duration = "1m"
//! "#;
//! let scenario = Scenario::from_document(&Node::from_toml("example", text)?, Path::new(""))?;
//! let (measured, ()) = scenario.simulate(0, Duration::ZERO, (), &())?;
//! let outcome = scenario.outcome(&measured);
//! assert_eq!(outcome.requests.arrived, outcome.requests.completed);
//! assert!(outcome.utilization > 0.5 && outcome.utilization < 0.75);
//! # Ok::<(), plimsoll::diagnose::Problem>(())
//! ```

pub mod balance;
pub mod catalogue;
pub mod cli;
pub mod diagnose;
pub mod document;
pub mod engine;
pub mod experiment;
pub mod fault;
pub mod fleet;
pub mod forecast;
pub mod health;
pub mod law;
pub mod manifest;
pub mod model;
pub mod outcome;
pub mod probe;
pub mod protect;
pub mod registry;
pub mod report;
pub mod rng;
pub mod scale;
pub mod scenario;
pub mod station;
pub mod stats;
pub mod theory;
pub mod time;
pub mod time_unit;
pub mod units;
pub mod workload;

#[doc = include_str!("design.md")]
pub mod design {}
