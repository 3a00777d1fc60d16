//! The schedules of weighted round-robin: who is next, by weights alone.

mod edf;
mod haproxy;
mod haproxy_static;
mod ipvs;
mod smooth;
mod stride;

pub(super) use edf::{Edf, Requeue};
pub(super) use haproxy::Haproxy;
pub(super) use haproxy_static::HaproxyStatic;
pub(super) use ipvs::Ipvs;
pub(super) use smooth::Smooth;
pub(super) use stride::Stride;

use crate::fleet::ServerSet;
use crate::model::ServerId;

/// Gives each server its turns in proportion to its weight.
pub(super) trait Turns: std::fmt::Debug {
    /// A server takes part from now on, with this weight.
    fn join(&mut self, server: ServerId, weight: u32);

    /// A server takes no part any more.
    fn leave(&mut self, server: ServerId);

    /// A server has failed: it counts less by one of `parts` of its weight for a while (nginx).
    fn fail(&mut self, _server: ServerId, _parts: u32) {}

    /// Whose turn it is among the candidates; `None` when none of them has a positive weight.
    fn next(&mut self, among: &ServerSet) -> Option<ServerId>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(turns: &mut dyn Turns, weights: &[u32], picks: usize) -> String {
        let mut among = ServerSet::default();
        for (at, &weight) in weights.iter().enumerate() {
            let server = ServerId(at as u32);
            turns.join(server, weight);
            among.insert_or_remove(server, true);
        }
        let letter = |server: ServerId| char::from(b'a' + server.0 as u8);
        (0..picks).map(|_| letter(turns.next(&among).unwrap())).collect()
    }

    fn check(form: fn() -> Box<dyn Turns>, vectors: &[(&[u32], &str)]) {
        for (weights, sequence) in vectors {
            assert_eq!(play(&mut *form(), weights, sequence.len()), *sequence, "{weights:?}");
        }
    }

    #[test]
    fn nginx_spreads_turns_smoothly_and_starts_its_period_again() {
        check(
            || Box::<Smooth>::default(),
            &[
                (&[5, 1, 1], "aabacaaaabacaa"),
                (&[4, 2, 1], "abacaba"),
                (&[3, 2, 1], "abacba"),
                (&[1, 2, 3], "cbacbc"),
                (&[5, 3, 2], "abcaabacba"),
                (&[4, 3, 2], "abcabacba"),
                (&[2, 1], "abaaba"),
                (&[1, 1, 1], "abcabc"),
                (&[10, 1, 1], "aaaabaaacaaa"),
                (&[1, 5], "bbabbb"),
            ],
        );
    }

    #[test]
    fn envoy_takes_the_earliest_deadline_and_queues_again_behind_its_equals() {
        check(
            || Box::new(Edf::new(Requeue::Behind)),
            &[
                (&[5, 1, 1], "aaaabcaaaaaabc"),
                (&[1, 2, 3], "cbcabccbccab"),
                (&[2, 1], "abaaba"),
                (&[4, 2, 1], "abaacbaabaacba"),
                (&[3, 2, 1], "abacbaabaacb"),
                (&[5, 3, 2], "abacabacbaabacababac"),
                (&[1, 1, 1], "abcabc"),
            ],
        );
    }

    #[test]
    fn grpc_takes_the_earliest_deadline_in_the_order_of_the_list() {
        check(
            || Box::new(Edf::new(Requeue::InPlace)),
            &[
                (&[4, 2, 1], "aabaabcaabaabc"),
                (&[2, 1], "aabaab"),
                (&[1, 2, 3], "cbcabccbccab"),
                (&[3, 2, 1], "abaabcabaabc"),
                (&[5, 1, 1], "aaaaabcaaaaabc"),
                (&[5, 3, 2], "abacabaabcabacabaabc"),
            ],
        );
    }

    #[test]
    fn a_server_of_weight_k_has_k_turns_in_a_period() {
        let weights: Vec<u32> = (1..=128).collect();
        let mut turns = Edf::new(Requeue::Behind);
        let mut among = ServerSet::default();
        for (at, &weight) in weights.iter().enumerate() {
            turns.join(ServerId(at as u32), weight);
            among.insert_or_remove(ServerId(at as u32), true);
        }
        let mut times = vec![0; 128];
        (0..128 * 129 / 2).for_each(|_| times[turns.next(&among).unwrap().index()] += 1);
        assert_eq!(times, weights);
    }

    #[test]
    fn haproxy_plays_its_dynamic_schedule() {
        check(
            || Box::<Haproxy>::default(),
            &[
                (&[5, 1, 1], "aaabaacaaabaac"),
                (&[3, 2, 1], "abacababacab"),
                (&[1, 2, 3], "cbcacbcbcacb"),
                (&[2, 1], "aabaab"),
                (&[4, 2, 1], "aabacabaabacab"),
                (&[10, 1], "aaaaaaaaaabaaaaaaaaaab"),
                (&[1, 1, 1, 1], "abcda"),
            ],
        );
    }

    #[test]
    fn haproxy_plays_its_static_map() {
        check(
            || Box::<HaproxyStatic>::default(),
            &[(&[5, 1, 1], "aaabaacaaabaac"), (&[3, 2, 1], "aababc"), (&[2, 2], "abab")],
        );
    }

    #[test]
    fn ipvs_serves_the_heavy_in_bursts() {
        check(
            || Box::<Ipvs>::default(),
            &[
                (&[4, 3, 2], "aababcabcaababcabc"),
                (&[5, 1, 1], "aaaaabc"),
                (&[3, 2, 1], "aababc"),
                (&[1, 2, 3], "cbcabc"),
                (&[4, 2, 1], "aaababc"),
            ],
        );
    }

    #[test]
    fn grpc_strides_through_generations() {
        check(
            || Box::<Stride>::default(),
            &[(&[1, 2, 3], "bccabcbccabc"), (&[3, 0, 1], "abcaababcaab")],
        );
        let long = play(&mut Stride::default(), &[1, 2, 3], 65_535 * 2);
        assert_eq!(long.matches('c').count(), 65_535);
    }

    #[test]
    fn scaling_all_weights_changes_no_turn() {
        let forms: [fn() -> Box<dyn Turns>; 4] = [
            || Box::<Smooth>::default(),
            || Box::<HaproxyStatic>::default(),
            || Box::<Ipvs>::default(),
            || Box::<Stride>::default(),
        ];
        for form in forms {
            let plain = play(&mut *form(), &[5, 3, 2, 1], 44);
            assert_eq!(plain, play(&mut *form(), &[35, 21, 14, 7], 44));
        }
    }

    #[test]
    fn a_server_that_is_full_is_passed_over_and_one_that_left_never_comes() {
        let forms: [fn() -> Box<dyn Turns>; 6] = [
            || Box::<Smooth>::default(),
            || Box::new(Edf::new(Requeue::Behind)),
            || Box::<Haproxy>::default(),
            || Box::<HaproxyStatic>::default(),
            || Box::<Ipvs>::default(),
            || Box::<Stride>::default(),
        ];
        for form in forms {
            let mut turns = form();
            let mut among = ServerSet::default();
            for (at, weight) in [3, 2, 1, 0].into_iter().enumerate() {
                turns.join(ServerId(at as u32), weight);
                among.insert_or_remove(ServerId(at as u32), true);
            }
            among.insert_or_remove(ServerId(0), false);
            for _ in 0..30 {
                assert_ne!(turns.next(&among), Some(ServerId(0)), "{turns:?}");
            }
            among.insert_or_remove(ServerId(0), true);
            turns.leave(ServerId(1));
            among.insert_or_remove(ServerId(1), false);
            let mut times = [0; 4];
            (0..40).for_each(|_| times[turns.next(&among).unwrap().index()] += 1);
            assert!(times[1] == 0 && times[0] > times[2] && times[2] > 0, "{times:?} {turns:?}");
        }
    }
}
