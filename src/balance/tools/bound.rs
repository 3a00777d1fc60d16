//! Bounded loads: no server gets more than a little above its share of what is in flight.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hashes::Mersenne;
use crate::diagnose::Problem;

/// Whose rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::balance) enum BoundForm {
    /// A server is full at its slots; the policy's next choice is asked.
    #[default]
    Haproxy,
    /// A server may go one above its slots; others are asked in an order shuffled by the key. O(n).
    Envoy,
}

/// A factor of the mean load, as `bounded-load = 1.25`.
#[derive(Clone, Copy, Debug)]
pub(in crate::balance) struct Bound {
    percent: u64,
    pub(in crate::balance) form: BoundForm,
}

impl Bound {
    /// The bound, if there is one.
    pub(in crate::balance) fn new(factor: Option<f64>, form: BoundForm) -> Option<Self> {
        factor.map(|factor| Self { percent: (factor * 100.0).round() as u64, form })
    }

    /// Refuses factors that leave no room.
    pub(in crate::balance) fn check(factor: Option<f64>) -> Result<(), Problem> {
        match factor {
            Some(factor) if !(1.0..=1e6).contains(&factor) => {
                let message = format!("`bounded-load` = {factor} is not a factor of 1 or more");
                Err(Problem::about("bounded-load", message)
                    .help("1.25 lets a server have a quarter more than its share"))
            }
            _ => Ok(()),
        }
    }

    /// The slots of a server of this weight, `before` being the weights of those before it and
    /// `whole` of all, when `active` requests are in flight before this one.
    pub(in crate::balance) fn slots(
        &self,
        active: u64,
        before: u64,
        weight: u64,
        whole: u64,
    ) -> u64 {
        let slots = ((active + 1) * self.percent).div_ceil(100);
        match self.form {
            BoundForm::Haproxy => {
                let (each, rest) = (slots / whole, slots % whole);
                let share = (before + weight) * rest / whole - before * rest / whole;
                (weight * each + share).max(1)
            }
            BoundForm::Envoy => (slots * weight).div_ceil(whole).max(1),
        }
    }

    /// Whether a server with this many in flight may take one more.
    pub(in crate::balance) fn fits(&self, in_flight: u32, slots: u64) -> bool {
        match self.form {
            BoundForm::Haproxy => u64::from(in_flight) < slots,
            BoundForm::Envoy => u64::from(in_flight) <= slots,
        }
    }
}

/// The order in which Envoy asks `servers` servers for a hash (Fisher and Yates).
pub(in crate::balance) fn shuffled(hash: u64, servers: usize) -> impl Iterator<Item = usize> {
    let mut twister = Mersenne::new(hash as u32);
    let mut order: Vec<usize> = (0..servers).collect();
    (0..servers).map(move |at| {
        let left = (servers - at) as u64;
        let step = (1_u64 << 32) / left;
        let other = loop {
            let drawn = u64::from(twister.next()) / step;
            if drawn < left {
                break drawn as usize;
            }
        };
        order.swap(at, at + other);
        order[at]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envoy_asks_the_servers_in_its_own_order() {
        let order = |hash| shuffled(hash, 5).collect::<Vec<_>>();
        assert_eq!(order(2), [2, 1, 0, 4, 3]);
        assert_eq!(order(6), [4, 0, 2, 3, 1]);
        assert_eq!(order(7), [0, 1, 4, 3, 2]);
    }

    #[test]
    fn slots_are_those_of_both_systems() {
        let slots = |form, active, factor, weights: &[u64]| {
            let bound = Bound::new(Some(factor), form).unwrap();
            let whole = weights.iter().sum();
            let mut before = 0;
            let of = |weight: &u64| {
                let slots = bound.slots(active, before, *weight, whole);
                before += weight;
                slots
            };
            weights.iter().map(of).collect::<Vec<_>>()
        };
        let (haproxy, envoy) = (BoundForm::Haproxy, BoundForm::Envoy);
        assert_eq!(slots(haproxy, 9, 1.25, &[1; 5]), [2, 3, 2, 3, 3]);
        assert_eq!(slots(envoy, 9, 1.25, &[1; 5]), [3; 5]);
        assert_eq!(slots(haproxy, 0, 1.25, &[1; 5]), [1; 5]);
        assert_eq!(slots(haproxy, 99, 1.5, &[1; 10]), [15; 10]);
        assert_eq!(slots(haproxy, 20, 1.5, &[3, 1, 1]), [19, 6, 7]);
        assert_eq!(slots(envoy, 20, 1.5, &[3, 1, 1]), [20, 7, 7]);
        assert_eq!(slots(haproxy, 9, 2.0, &[1, 1]), [10, 10]);
        assert_eq!(slots(envoy, 9, 2.0, &[1, 1]), [10, 10]);
    }
}
