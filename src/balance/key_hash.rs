//! The server at the key's hash modulo the number of servers.
//!
//! **What it does.** `plain` mixes the key and points into the list of servers, each as long as its
//! weight; `nginx` does so with 15 bits of a CRC; `haproxy` points with sdbm into its map of turns.
//! A server that may not be chosen is hashed past. O(log n).
//! **When it shines.** Caches and sessions in a fleet that never changes: even shares, no table.
//! **When it fails.** One server more or less moves nearly every key; a hot key has one server.
//! **Source.** nginx `hash`, HAProxy `balance uri` with `hash-type map-based`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keyed::{Host, Keyed, TRIES, Table};
use super::source_hash::{ends, point};
use super::tools::{Bound, BoundForm, crc32, sdbm};
use super::turns::HaproxyStatic;
use super::{Balancer, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::split_mix;

/// Options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Whose hash: `plain`, `nginx` or `haproxy`; the last two hash the key as decimal text.
    form: Form,
    /// How far above its share a server may go, as 1.25; absent: as far as it comes.
    bounded_load: Option<f64>,
    /// Whose rule of bounded load: `haproxy` (strict) or `envoy` (one looser).
    bound: BoundForm,
}

/// The hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Form {
    /// A mix of all 64 bits.
    #[default]
    Plain,
    /// Sums of 15 bits of CRC-32, the number of the try before the key.
    Nginx,
    /// sdbm into the map of `static-rr`.
    Haproxy,
}

/// The policy.
#[derive(Debug, Default)]
pub struct KeyHash {
    form: Form,
    ends: Vec<u64>,
    map: Vec<usize>,
}

impl Variant<dyn Balancer> for KeyHash {
    const NAME: &'static str = "key-hash";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        Bound::check(config.bounded_load)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let table = Self { form: config.form, ..Self::default() };
        Keyed::build(table, (config.bounded_load, config.bound), setup)
    }
}

/// The 15 bits of one try; the first has no number before the key.
fn bits(attempt: u64, key: u64) -> u64 {
    let number = if attempt > 0 { attempt.to_string() } else { String::new() };
    u64::from(crc32(crc32(0, number.as_bytes()), key.to_string().as_bytes()) >> 16) & 0x7fff
}

impl Table for KeyHash {
    fn make(&mut self, hosts: &[Host]) {
        if self.form == Form::Haproxy {
            let weights: Vec<_> = hosts.iter().map(|host| (host.server, host.weight)).collect();
            let place = |server| hosts.partition_point(|host| host.server < server);
            self.map = HaproxyStatic::map(&weights).into_iter().map(place).collect();
        }
        self.ends = ends(hosts);
    }

    fn hash(&self, key: u64) -> u64 {
        key
    }

    fn find(&self, key: u64, mut fits: impl FnMut(usize) -> bool) -> Option<usize> {
        let mut hash = 0;
        (0..=TRIES).find_map(|attempt| {
            let place = match self.form {
                Form::Plain => point(&self.ends, split_mix(key.wrapping_add(attempt << 32))),
                Form::Nginx => {
                    hash += bits(attempt, key);
                    point(&self.ends, hash)
                }
                Form::Haproxy => {
                    let slot = u64::from(sdbm(key.to_string().as_bytes())) + attempt;
                    self.map[(slot % self.map.len() as u64) as usize]
                }
            };
            fits(place).then_some(place)
        })
    }

    fn gives_way_to_turns(&self) -> bool {
        self.form == Form::Nginx
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn haproxy_sends_four_urls_to_four_servers() {
        let slot = |url: &[u8]| sdbm(url) % 4;
        assert_eq!([slot(b"/url1"), slot(b"/url2"), slot(b"/url3"), slot(b"/url4")], [1, 2, 3, 0]);
    }
}
