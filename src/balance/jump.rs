//! The server at the key's last jump.
//!
//! **What it does.** Computes from the key alone the bucket among n that the jump hash gives;
//! servers are the buckets, in order of number. A server that may not be chosen is hashed past.
//! O(ln n), no table. Weights are not looked at, but for 0, which is no bucket.
//! **When it shines.** Numbered shards that grow and shrink at the end: the fewest possible moves.
//! **When it fails.** Any server but the last that leaves: all after it change places.
//! **Source.** Lamping and Veach 2014.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keyed::{Host, Keyed, TRIES, Table};
use super::tools::{Bound, BoundForm};
use super::{Balancer, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::split_mix;

/// Options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// How far above its share a server may go, as 1.25; absent: as far as it comes.
    bounded_load: Option<f64>,
    /// Whose rule of bounded load: `haproxy` (strict) or `envoy` (one looser).
    bound: BoundForm,
}

/// The policy: how many buckets there are.
#[derive(Debug, Default)]
pub struct Jump {
    buckets: usize,
}

/// The bucket of a key among `buckets`.
fn jump(mut key: u64, buckets: usize) -> usize {
    let (mut bucket, mut next) = (0, 0.0);
    while next < buckets as f64 {
        bucket = next as u64;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        next = (bucket as f64 + 1.0) * ((1_u64 << 31) as f64 / ((key >> 33) as f64 + 1.0));
        next = next.floor();
    }
    bucket as usize
}

impl Variant<dyn Balancer> for Jump {
    const NAME: &'static str = "jump";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        Bound::check(config.bounded_load)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        Keyed::build(Self::default(), (config.bounded_load, config.bound), setup)
    }
}

impl Table for Jump {
    fn make(&mut self, hosts: &[Host]) {
        self.buckets = hosts.len();
    }

    fn find(&self, hash: u64, mut fits: impl FnMut(usize) -> bool) -> Option<usize> {
        (0..=TRIES).find_map(|attempt| {
            let hash = if attempt == 0 { hash } else { split_mix(hash.wrapping_add(attempt)) };
            let place = jump(hash, self.buckets);
            fits(place).then_some(place)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_jump_to_their_published_buckets() {
        for (key, buckets, bucket) in [
            (1, 1, 0),
            (42, 57, 43),
            (0xdead_10cc, 1, 0),
            (0xdead_10cc, 666, 361),
            (256, 1024, 520),
            (0, 1, 0),
            (3, 1, 0),
            (0, 2, 0),
            (4, 2, 1),
            (7, 2, 0),
            (1, 128, 55),
            (129, 128, 120),
            (128, 100_000_000, 38_172_097),
            (u64::MAX, 128, 92),
        ] {
            assert_eq!(jump(key, buckets), bucket, "{key} among {buckets}");
        }
    }
}
