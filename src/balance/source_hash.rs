//! The server of the client's address.
//!
//! **What it does.** Takes the low 32 bits of the key for an IPv4 address, which they are where a
//! trace has addresses, and hashes its first three octets, so that a /24 network stays together;
//! the hash modulo the sum of weights points into the list of servers. Servers that may not be
//! chosen are hashed past, at most 20 times. O(log n).
//! **When it shines.** Sessions that live on one server, when there are no cookies.
//! **When it fails.** Many clients behind one address, and drawn keys, 256 of which make a
//! network; 6,271 hash values are too few for a large fleet; a change of the fleet moves nearly
//! every client.
//! **Source.** nginx `ip_hash`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keyed::{Host, Keyed, TRIES, Table};
use super::tools::{Bound, BoundForm};
use super::{Balancer, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;

/// Options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// How far above its share a server may go, as 1.25; absent: as far as it comes.
    bounded_load: Option<f64>,
    /// Whose rule of bounded load: `haproxy` (strict) or `envoy` (one looser).
    bound: BoundForm,
}

/// The policy.
#[derive(Debug, Default)]
pub struct SourceHash {
    ends: Vec<u64>,
}

/// One more round of nginx's hash over the octets of a network.
fn round(hash: u64, address: u32) -> u64 {
    let octets = &address.to_be_bytes()[..3];
    octets.iter().fold(hash, |hash, &octet| (hash * 113 + u64::from(octet)) % 6271)
}

impl Variant<dyn Balancer> for SourceHash {
    const NAME: &'static str = "source-hash";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        Bound::check(config.bounded_load)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        Keyed::build(Self::default(), (config.bounded_load, config.bound), setup)
    }
}

impl Table for SourceHash {
    fn make(&mut self, hosts: &[Host]) {
        self.ends = ends(hosts);
    }

    fn hash(&self, key: u64) -> u64 {
        key
    }

    fn find(&self, key: u64, mut fits: impl FnMut(usize) -> bool) -> Option<usize> {
        let mut hash = 89;
        (0..=TRIES).find_map(|_| {
            // A rejected server is hashed past from where the hash has come to.
            hash = round(hash, key as u32);
            let place = point(&self.ends, hash);
            fits(place).then_some(place)
        })
    }

    fn gives_way_to_turns(&self) -> bool {
        true
    }
}

/// The sums of weights up to and with each server.
pub(super) fn ends(hosts: &[Host]) -> Vec<u64> {
    let mut end = 0;
    let add = |host: &Host| {
        end += host.weight;
        end
    };
    hosts.iter().map(add).collect()
}

/// Where a hash points into the list of servers, each as long as its weight.
pub(super) fn point(ends: &[u64], hash: u64) -> usize {
    let whole = *ends.last().expect("there are servers");
    let at = hash % whole;
    ends.partition_point(|&end| end <= at)
}

#[cfg(test)]
mod tests {
    use super::super::keyed::hosts;
    use super::*;

    fn index(address: [u8; 4], weights: &[u64]) -> usize {
        let mut policy = SourceHash::default();
        policy.make(&hosts(weights));
        policy.find(u64::from(u32::from_be_bytes(address)), |_| true).unwrap()
    }

    #[test]
    fn addresses_go_where_nginx_sends_them() {
        assert_eq!(round(89, u32::from_be_bytes([127, 0, 0, 1])), 4040);
        assert_eq!(round(89, u32::from_be_bytes([192, 168, 1, 10])), 154);
        assert_eq!(round(89, u32::from_be_bytes([10, 0, 0, 1])), 2565);
        assert_eq!(index([127, 0, 0, 1], &[1, 1, 1]), 2);
        assert_eq!(index([192, 168, 1, 10], &[1, 1, 1]), 1);
        assert_eq!(index([10, 0, 0, 1], &[5, 1, 1]), 0);
        for servers in [2, 3] {
            let mut times = vec![0; servers];
            (1..=30).for_each(|net| times[index([127, 0, net, 2], &vec![1; servers])] += 1);
            assert_eq!(times, vec![30 / servers; servers]);
        }
        assert_eq!(index([10, 1, 2, 3], &[1; 9]), index([10, 1, 2, 250], &[1; 9]));
    }
}
