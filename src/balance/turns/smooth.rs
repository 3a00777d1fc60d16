//! nginx's smooth weighted round-robin: accumulators that grow by weight and pay for a turn.

use super::Turns;
use crate::balance::tools::gcd;
use crate::fleet::ServerSet;
use crate::model::ServerId;

/// An accumulator a server. Over every pick they sum to 0; after a period, which is the sum of
/// weights over their greatest common divisor, each of them is 0 again.
///
/// A pick scans all servers. As long as everyone can be chosen the first period is written down and
/// then played again, which gives the same turns in O(1).
#[derive(Clone, Debug, Default)]
pub(in crate::balance) struct Smooth {
    weights: Vec<u32>,
    current: Vec<i64>,
    /// By how much less each server counts because it has failed; one is made good at each pick.
    lost: Vec<u32>,
    /// Whether any has failed: from then on a change of the servers passes over who is left out, as
    /// nginx does with a server that has failed too often, and is no reload.
    failing: bool,
    /// How many servers take part, those of weight 0 among them.
    members: usize,
    period: Vec<ServerId>,
    stage: Stage,
}

/// What is done with the first period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nobody has had a turn yet.
    #[default]
    Unknown,
    /// It is being written down, up to this length.
    Recording(usize),
    /// It is played from this place.
    Playing(usize),
    /// Someone was passed over: turns are reckoned one by one from then on.
    Broken,
}

/// A longer period is not worth its memory.
const LONGEST: usize = 1 << 22;

impl Smooth {
    /// One step among some of the servers only: nginx settles ties of other policies with it.
    /// Earlier servers win equal accumulators. O(number of servers given).
    pub(in crate::balance) fn step(
        &mut self,
        among: impl Iterator<Item = ServerId>,
    ) -> Option<ServerId> {
        // Where nobody has failed the scan looks at nothing else.
        if self.failing { self.scan::<true>(among) } else { self.scan::<false>(among) }
    }

    fn scan<const FAILING: bool>(
        &mut self,
        among: impl Iterator<Item = ServerId>,
    ) -> Option<ServerId> {
        let mut total = 0;
        let mut best: Option<(i64, ServerId)> = None;
        for server in among {
            let whole = self.weights[server.index()];
            if whole == 0 {
                continue;
            }
            let mut weight = i64::from(whole);
            if FAILING {
                let lost = &mut self.lost[server.index()];
                weight -= i64::from(*lost);
                *lost = lost.saturating_sub(1);
            }
            let current = &mut self.current[server.index()];
            *current += weight;
            total += weight;
            if best.is_none_or(|(most, _)| *current > most) {
                best = Some((*current, server));
            }
        }
        let (_, server) = best?;
        self.current[server.index()] -= total;
        Some(server)
    }

    /// A change of the servers is a reload: all accumulators are 0.
    fn restart(&mut self) {
        if self.failing {
            self.stage = Stage::Broken;
        } else if self.stage != Stage::Unknown {
            self.current.fill(0);
            self.period.clear();
            self.stage = Stage::Unknown;
        }
    }

    fn length(&self) -> usize {
        let weights = self.weights.iter().map(|&weight| u64::from(weight));
        let (sum, unit) = weights.fold((0, 0), |(sum, unit), w| (sum + w, gcd(unit, w)));
        (sum / unit.max(1)) as usize
    }

    /// Gives the accumulators the values they have at a place of the period.
    fn go_on_from(&mut self, place: usize) {
        let total: i64 = self.weights.iter().map(|&weight| i64::from(weight)).sum();
        for (current, &weight) in self.current.iter_mut().zip(&self.weights) {
            *current = place.cast_signed() as i64 * i64::from(weight);
        }
        for server in &self.period[..place] {
            self.current[server.index()] -= total;
        }
    }

    fn whole(&mut self, among: &ServerSet) -> Option<ServerId> {
        match self.stage {
            Stage::Playing(place) => {
                self.stage = Stage::Playing((place + 1) % self.period.len());
                Some(self.period[place])
            }
            Stage::Broken => self.step(among.in_order()),
            Stage::Unknown => {
                let length = self.length();
                let positive = among.in_order().filter(|id| self.weights[id.index()] > 0);
                self.period.extend(positive);
                if length > 0 && self.period.len() == length {
                    // Of equal weights everyone has one turn, in order of number.
                    self.stage = Stage::Playing(0);
                    return self.whole(among);
                }
                self.period.clear();
                let worth = (1..=LONGEST).contains(&length);
                self.stage = if worth { Stage::Recording(length) } else { Stage::Broken };
                self.whole(among)
            }
            Stage::Recording(length) => {
                let server = self.step(among.in_order())?;
                self.period.push(server);
                if self.period.len() == length {
                    assert!(self.current.iter().all(|&current| current == 0), "a period ends at 0");
                    self.stage = Stage::Playing(0);
                }
                Some(server)
            }
        }
    }
}

impl Turns for Smooth {
    fn join(&mut self, server: ServerId, weight: u32) {
        self.restart();
        if server.index() >= self.weights.len() {
            self.weights.resize(server.index() + 1, 0);
            self.current.resize(server.index() + 1, 0);
            self.lost.resize(server.index() + 1, 0);
        }
        self.weights[server.index()] = weight;
        self.members += 1;
    }

    fn leave(&mut self, server: ServerId) {
        self.restart();
        self.weights[server.index()] = 0;
        self.members -= 1;
    }

    fn fail(&mut self, server: ServerId, parts: u32) {
        if let Stage::Playing(place) = self.stage {
            self.go_on_from(place);
        }
        self.stage = Stage::Broken;
        self.failing = true;
        // A policy that knows only some of the servers hears of the others as well.
        let Some(&whole) = self.weights.get(server.index()) else { return };
        let lost = &mut self.lost[server.index()];
        *lost = (*lost + whole / parts.max(1)).min(whole);
    }

    fn next(&mut self, among: &ServerSet) -> Option<ServerId> {
        if among.len() == self.members {
            return self.whole(among);
        }
        if let Stage::Playing(place) = self.stage {
            self.go_on_from(place);
        }
        self.stage = Stage::Broken;
        self.step(among.in_order())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// nginx's accumulators by hand: weights 4 and 2, of which the first has failed once of two
    /// times, so that it counts 2, then 3, then 4 again.
    #[test]
    fn a_server_that_failed_has_fewer_turns_and_climbs_back() {
        let (mut turns, mut all) = (Smooth::default(), ServerSet::default());
        for (at, weight) in [4, 2].into_iter().enumerate() {
            turns.join(ServerId(at as u32), weight);
            all.insert_or_remove(ServerId(at as u32), true);
        }
        turns.fail(ServerId(0), 2);
        let mut picks = String::new();
        let mut states = Vec::new();
        for _ in 0..4 {
            picks.push(if turns.next(&all) == Some(ServerId(0)) { 'a' } else { 'b' });
            states.push((turns.current[0], turns.current[1]));
        }
        assert_eq!((picks.as_str(), states), ("abaa", vec![(-2, 2), (1, -1), (-1, 1), (-3, 3)]));
        // Who is left out for a while keeps what it had.
        turns.leave(ServerId(1));
        all.insert_or_remove(ServerId(1), false);
        assert_eq!((turns.next(&all), turns.current[1]), (Some(ServerId(0)), 3));
        // A second failure takes the other half, and no more than there is.
        (0..3).for_each(|_| turns.fail(ServerId(0), 2));
        assert_eq!(turns.lost[0], 4);
    }

    #[test]
    fn a_period_that_is_played_goes_on_as_one_that_is_reckoned() {
        let weights = [7, 3, 2, 2, 0];
        let (mut all, mut some) = (ServerSet::default(), ServerSet::default());
        let (mut played, mut reckoned) = (Smooth::default(), Smooth::default());
        for (at, weight) in weights.into_iter().enumerate() {
            let server = ServerId(at as u32);
            played.join(server, weight);
            reckoned.join(server, weight);
            all.insert_or_remove(server, true);
            some.insert_or_remove(server, at != 1);
        }
        reckoned.stage = Stage::Broken;
        for pick in 0..100 {
            // Three periods and a part of one with everyone, then without one, then again.
            let among = if (47..60).contains(&pick) { &some } else { &all };
            assert_eq!(played.next(among), reckoned.next(among), "pick {pick}");
        }
    }
}
