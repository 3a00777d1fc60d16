//! The server in the key's slot of a table that the servers filled in turn.
//!
//! **What it does.** Each server has its own permutation of a table's slots; in rounds, each takes
//! its next free one, heavier ones more often, until the table is full. A key goes to the server of
//! its slot. O(1); the table is made again, in O(table-size) and more, when the fleet changes.
//! **When it shines.** Almost perfectly even shares and a fast look-up.
//! **When it fails.** A change moves somewhat more keys than it must (see `ring`, `rendezvous`); a
//! hot key has one server unless `bounded-load` spreads it.
//! **Source.** Eisenbud et al., NSDI 2016, in the form of Envoy's `MAGLEV`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keyed::{Host, Keyed, TRIES, Table};
use super::tools::{Bound, BoundForm, xxh64};
use super::{Balancer, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The slots of the table: a prime number, 100 times the number of servers or more.
    table_size: u64,
    /// How far above its share a server may go, as 1.25; absent: as far as it comes.
    bounded_load: Option<f64>,
    /// Whose rule of bounded load: `haproxy` (strict) or `envoy` (one looser).
    bound: BoundForm,
}

impl Default for Config {
    fn default() -> Self {
        Self { table_size: 65_537, bounded_load: None, bound: BoundForm::Haproxy }
    }
}

/// The largest table Envoy takes.
const LARGEST: u64 = 5_000_011;

/// The policy.
#[derive(Debug)]
pub struct Maglev {
    size: u64,
    table: Vec<u32>,
}

fn is_prime(number: u64) -> bool {
    number > 1 && (2..=number.isqrt()).all(|divisor| !number.is_multiple_of(divisor))
}

impl Variant<dyn Balancer> for Maglev {
    const NAME: &'static str = "maglev";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        let size = config.table_size;
        if size > LARGEST || !is_prime(size) {
            let message = format!("`table-size` = {size} is not a prime number up to {LARGEST}");
            return Err(Problem::about("table-size", message)
                .help("65537 suits up to some 600 servers, 655373 some 6,000"));
        }
        Bound::check(config.bounded_load)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let (size, servers) = (config.table_size, setup.fleet.len());
        if size < servers as u64 {
            let message = format!("{servers} servers do not fit in a table of {size} slots");
            return Err(Problem::about("table-size", message)
                .help("take a prime of 100 times the number of servers or more"));
        }
        let table = Self { size, table: Vec::new() };
        Keyed::build(table, (config.bounded_load, config.bound), setup)
    }
}

impl Maglev {
    /// The table of named servers with weights, which must not be all 0.
    fn fill(size: u64, names: &[(String, u64)]) -> Vec<u32> {
        const FREE: u32 = u32::MAX;
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by(|&a, &b| names[a].0.cmp(&names[b].0));
        let start = |&place: &usize| {
            let name = names[place].0.as_bytes();
            let (offset, skip) = (xxh64(name, 0) % size, xxh64(name, 1) % (size - 1).max(1) + 1);
            (place, names[place].1, offset, skip, 0)
        };
        // Place, weight, the next slot it would take, its step, its weight already served.
        let mut turns: Vec<(usize, u64, u64, u64, u64)> = order.iter().map(start).collect();
        let heaviest = names.iter().map(|(_, weight)| *weight).max().unwrap_or(1);
        let mut table = vec![FREE; size as usize];
        let mut left = size;
        for round in 1.. {
            for (place, weight, slot, skip, served) in &mut turns {
                if left == 0 {
                    return table;
                }
                if round * *weight < *served {
                    continue;
                }
                *served += heaviest;
                while table[*slot as usize] != FREE {
                    *slot = (*slot + *skip) % size;
                }
                table[*slot as usize] = *place as u32;
                *slot = (*slot + *skip) % size;
                left -= 1;
            }
        }
        table
    }
}

impl Table for Maglev {
    fn make(&mut self, hosts: &[Host]) {
        let names: Vec<_> = hosts.iter().map(|host| (host.name(), host.weight)).collect();
        self.table = Self::fill(self.size, &names);
    }

    fn hash(&self, key: u64) -> u64 {
        xxh64(&key.to_le_bytes(), 0)
    }

    fn find(&self, hash: u64, mut fits: impl FnMut(usize) -> bool) -> Option<usize> {
        (0..=TRIES).find_map(|attempt| {
            let hash = hash ^ attempt.wrapping_neg();
            let place = self.table[(hash % self.size) as usize] as usize;
            fits(place).then_some(place)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(format: impl Fn(u64) -> String, weights: &[u64]) -> Vec<(String, u64)> {
        let name = |(at, &weight)| (format(90 + at as u64), weight);
        weights.iter().enumerate().map(name).collect()
    }

    fn addresses(weights: &[u64]) -> Vec<(String, u64)> {
        names(|port| format!("127.0.0.1:{port}"), weights)
    }

    #[test]
    fn envoy_tables_are_filled_as_published() {
        assert_eq!(Maglev::fill(7, &addresses(&[1; 6])), [2, 4, 0, 1, 5, 0, 3]);
        let hostnames = names(|name| name.to_string(), &[1; 6]);
        assert_eq!(Maglev::fill(7, &hostnames), [2, 5, 0, 3, 4, 1, 0]);
        let weighted = [1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1];
        assert_eq!(Maglev::fill(17, &addresses(&[1, 2])), weighted);
        let localities = [1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1];
        assert_eq!(Maglev::fill(17, &addresses(&[1, 1])), localities);
        let large = Maglev::fill(65_537, &addresses(&[1, 2]));
        assert_eq!(large.iter().filter(|place| **place == 0).count(), 21_846);
    }

    #[test]
    fn the_order_of_the_list_does_not_matter_and_retries_go_on() {
        let mut turned = addresses(&[1; 6]);
        turned.reverse();
        let table = Maglev::fill(7, &turned);
        assert!(table.iter().zip([2, 4, 0, 1, 5, 0, 3]).all(|(place, there)| 5 - place == there));
        let maglev = Maglev { size: 7, table: Maglev::fill(7, &addresses(&[1; 6])) };
        let mut asked = Vec::new();
        maglev.find(10, |place| {
            asked.push(place);
            asked.len() == 3
        });
        assert_eq!(asked, [1, 0, 5]);
    }

    #[test]
    fn equal_servers_have_floor_or_ceiling_of_their_share() {
        for servers in [3, 10, 97, 1000] {
            let table = Maglev::fill(65_537, &names(|name| name.to_string(), &vec![1; servers]));
            let mut times = vec![0; servers];
            for place in table {
                times[place as usize] += 1;
            }
            let floor = 65_537 / servers;
            assert!(times.iter().all(|&slots| slots == floor || slots == floor + 1));
        }
    }

    /// The share of the table, in percent, whose server stayed and yet changed, when `removed` of
    /// `servers` go.
    fn needless_moves(size: u64, servers: u64, removed: u64, salt: u64) -> f64 {
        let all = names(|name| format!("{salt}-{name}"), &vec![1; servers as usize]);
        let before = Maglev::fill(size, &all);
        let after = Maglev::fill(size, &all[..(servers - removed) as usize]);
        let kept = |place: &u32| u64::from(*place) < servers - removed;
        let moved = before.iter().zip(&after).filter(|(old, new)| kept(old) && old != new);
        100.0 * moved.count() as f64 / size as f64
    }

    #[test]
    fn removing_servers_moves_the_published_share_of_other_keys() {
        for (servers, removed, published) in
            [(10, 1, 0.239), (100, 1, 0.575), (100, 5, 0.883), (100, 10, 1.022), (1000, 10, 2.368)]
        {
            let moves: Vec<f64> =
                (0..12).map(|salt| needless_moves(65_537, servers, removed, salt)).collect();
            let n = moves.len() as f64;
            let mean = crate::stats::series::mean(&moves);
            let sd = (crate::stats::series::variance(&moves) * n / (n - 1.0)).sqrt();
            let half = crate::stats::special::t_quantile(0.9995, n - 1.0) * sd / n.sqrt();
            // The published figures have three decimals.
            assert!(
                (mean - published).abs() < half + 0.0005,
                "{servers} - {removed}: {mean} ± {half}, not {published}"
            );
        }
    }
}
