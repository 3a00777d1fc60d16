//! What several policies share: rosters, weighted draws, trees of keys, hashes.

mod alias;
mod bound;
mod counted;
mod hashes;
mod latencies;
mod load_index;
mod lowest;
mod min_tree;
mod rewards;
mod roster;
mod sample;
mod sent;
mod sum_tree;

pub(super) use alias::Alias;
pub(super) use bound::{Bound, BoundForm, shuffled};
pub(super) use counted::{Among, Counted, Key};
pub(super) use hashes::{avalanche, crc32, murmur2, sdbm, xxh64};
pub(super) use latencies::{Latencies, response_time};
pub(super) use load_index::LoadIndex;
pub(super) use lowest::Lowest;
pub(super) use min_tree::MinTree;
pub(super) use rewards::Rewards;
pub(super) use roster::{Roster, some_weight};
pub(super) use sample::{sample, two};
pub(super) use sent::Sent;
pub(super) use sum_tree::SumTree;

/// The greatest common divisor; that of nothing is 0.
pub(super) fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
