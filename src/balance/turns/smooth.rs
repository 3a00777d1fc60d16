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
        let mut total = 0;
        let mut best: Option<(i64, ServerId)> = None;
        for server in among {
            let weight = i64::from(self.weights[server.index()]);
            if weight == 0 {
                continue;
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
        if self.stage != Stage::Unknown {
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
        }
        self.weights[server.index()] = weight;
        self.members += 1;
    }

    fn leave(&mut self, server: ServerId) {
        self.restart();
        self.weights[server.index()] = 0;
        self.members -= 1;
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
