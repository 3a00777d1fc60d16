//! A grid of scenarios: every point with its intervals, the front, and the best of them.
//!
//! | step | where |
//! | --- | --- |
//! | what is varied: `PATH=VALUES` becomes axes, axes become points | `values`, `axis`, `grid` |
//! | a point is a pure function of its key | `key` |
//! | (point, replication) run on all threads; points with the same requests share them | `agenda`,
//! `shared`, [`run()`] |
//! | ranks, the front of cost against latency, words | `conclude` |
//! | the best with a stated probability | `select` |
//! | a part of the grid | `shard` |

mod agenda;
mod axis;
mod conclude;
mod front;
mod grid;
mod key;
mod load;
mod observed;
mod run;
mod select;
mod shard;
mod shared;
mod values;
mod words;

pub use axis::{Axis, Field};
pub use conclude::conclude;
pub use grid::Grid;
pub use key::Keys;
pub use run::{Keep, Known, Ran, run};
pub use select::{select, selectable};
pub use shard::Shard;
pub use values::Values;
