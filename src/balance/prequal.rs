//! Prequal: probes are sent ahead, and requests go by what they have brought.
//!
//! **What it does.** With each request `probes` random servers are asked for their requests in
//! flight (RIF) and the latency they expect at that RIF; answers come `probe-delay` later and are
//! kept in a pool of `pool`, each for `max-age` and a few uses. A request goes to the answer with
//! the lowest latency among the *cold*, those with a RIF up to the `hot-quantile` of recent
//! answers; when all are hot, to the lowest RIF; with fewer than two answers, to any candidate.
//! With each request the oldest and the worst answer are dropped in turn. O(pool). **It is several
//! times as dear as other policies**: with each request come three probes and a pool to keep.
//! **When it shines.** Servers that slow down or are shared with others; tails at high load.
//! **When it fails.** Probes cost the servers work, which is not simulated; at low load, two
//! choices by count are as good.
//! **What it sees.** The RIF of a probe is that of all balancers (`view.truth()`), as the server
//! itself would say it. The latency is learnt from this balancer's own requests, in classes of the
//! number it had there: a smoothed mean stands for the median that servers keep.
//! **Source.** Wydrowski, Kleinberg, Rumble and Archer, NSDI 2024.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::{Sent, response_time, sample};
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Completion, Fate, Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::{Duration, Instant};

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Probes a request, above 0; a fraction is sent now and then.
    probes: f64,
    /// The most answers in the pool, at least 2.
    pool: usize,
    /// How long an answer is used.
    max_age: Duration,
    /// The time from a probe to its answer.
    probe_delay: Duration,
    /// Answers dropped a request, the oldest and the worst in turn.
    remove: f64,
    /// The share δ of probes that may fall short: the more, the more often an answer is used.
    spare: f64,
    /// The quantile of RIF above which a server is hot, 0 to 1.
    hot_quantile: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            probes: 3.0,
            pool: 16,
            max_age: Duration::from_secs(1),
            probe_delay: Duration::from_millis(1),
            remove: 1.0,
            spare: 1.0,
            // 2^-¼, the paper's.
            hot_quantile: 0.840_896_415_253_714_5,
        }
    }
}

/// What a probe has brought.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Answer {
    server: ServerId,
    received: Instant,
    rif: u32,
    latency: f64,
    uses: u32,
}

/// The hot–cold rule: the place of the best answer of those that `fits`, and how many these are.
fn best(pool: &[Answer], theta: u32, fits: impl Fn(&Answer) -> bool) -> (Option<usize>, usize) {
    let mut count = 0;
    let usable = pool.iter().enumerate().filter(|(_, answer)| fits(answer));
    let usable = usable.inspect(|_| count += 1);
    let key = |answer: &Answer| {
        let hot = answer.rif > theta;
        let rif = f64::from(answer.rif);
        if hot { (true, rif, answer.latency) } else { (false, answer.latency, rif) }
    };
    let lower = |a: &Answer, b: &Answer| {
        let (a, b) = (key(a), key(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2))
    };
    let best = usable.min_by(|a, b| lower(a.1, b.1)).map(|(place, _)| place);
    (best, count)
}

/// The worst answer: the hot one with the highest RIF, else the one with the highest latency.
fn worst(pool: &[Answer], theta: u32) -> Option<usize> {
    let key = |answer: &Answer| {
        let hot = answer.rif > theta;
        (hot, if hot { f64::from(answer.rif) } else { answer.latency })
    };
    let higher = |a: &Answer, b: &Answer| {
        let (a, b) = (key(a), key(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    };
    pool.iter().enumerate().max_by(|a, b| higher(a.1, b.1)).map(|(place, _)| place)
}

/// The quantile of the last answers' RIFs, kept in order.
#[derive(Debug, Default)]
struct Recent {
    arrived: VecDeque<u32>,
    sorted: Vec<u32>,
}

const RECENT: usize = 128;

impl Recent {
    fn add(&mut self, rif: u32) {
        if self.arrived.len() == RECENT
            && let Some(old) = self.arrived.pop_front()
        {
            let place = self.sorted.partition_point(|&kept| kept < old);
            self.sorted.remove(place);
        }
        self.arrived.push_back(rif);
        self.sorted.insert(self.sorted.partition_point(|&kept| kept < rif), rif);
    }

    fn quantile(&self, q: f64) -> u32 {
        let last = self.sorted.len().saturating_sub(1);
        let place = (q * self.sorted.len() as f64) as usize;
        self.sorted.get(place.min(last)).copied().unwrap_or(0)
    }
}

/// Classes of RIF: 0, 1, 2–3, 4–7 …
const CLASSES: usize = 16;

/// The latencies of one server by the class of its RIF at their start; 0 while unknown.
#[derive(Clone, Copy, Debug, Default)]
struct Expected([f64; CLASSES]);

impl Expected {
    fn class(rif: u32) -> usize {
        ((u32::BITS - rif.leading_zeros()) as usize).min(CLASSES - 1)
    }

    fn learn(&mut self, rif: u32, latency: f64) {
        let mean = &mut self.0[Self::class(rif)];
        *mean = if *mean == 0.0 { latency } else { *mean + 0.2 * (latency - *mean) };
    }

    /// That of the nearest class that is known.
    fn at(&self, rif: u32) -> f64 {
        let class = Self::class(rif);
        let near = |distance: usize| {
            let below = class.checked_sub(distance).map_or(0.0, |class| self.0[class]);
            let above = self.0.get(class + distance).copied().unwrap_or(0.0);
            if below > 0.0 { below } else { above }
        };
        (0..CLASSES).map(near).find(|latency| *latency > 0.0).unwrap_or(0.0)
    }
}

/// The policy.
#[derive(Debug)]
pub struct Prequal {
    config: Config,
    pool: Vec<Answer>,
    under_way: VecDeque<Answer>,
    recent: Recent,
    expected: Vec<Expected>,
    sent: Sent<u32>,
    probes_due: f64,
    removals_due: f64,
    removed: u64,
    drawn: Vec<ServerId>,
}

impl Variant<dyn Balancer> for Prequal {
    const NAME: &'static str = "prequal";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        let positive = |key, value: f64, usual| {
            if value > 0.0 && value <= 1000.0 {
                return Ok(());
            }
            let message = format!("`{key}` = {value} is not above 0 and up to 1000");
            Err(Problem::about(key, message).help(format!("{usual} is the paper's")))
        };
        positive("probes", config.probes, "3")?;
        positive("spare", config.spare, "1")?;
        if config.pool < 2 {
            return Err(Problem::about(
                "pool",
                "`pool` must hold at least 2 answers to choose from",
            )
            .help("16 is the paper's"));
        }
        if config.max_age <= config.probe_delay {
            return Err(Problem::about("max-age", "answers are too old when they come")
                .help("let `max-age` be well above `probe-delay`; 1s is the paper's"));
        }
        if !(0.0..=1000.0).contains(&config.remove) {
            let message = format!("`remove` = {} is not between 0 and 1000", config.remove);
            return Err(Problem::about("remove", message).help("1 is the paper's"));
        }
        if !(0.0..=1.0).contains(&config.hot_quantile) {
            let message = format!("`hot-quantile` = {} is not a share", config.hot_quantile);
            return Err(Problem::about("hot-quantile", message).help("0.6 to 0.9 is useful"));
        }
        Ok(())
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        Ok(Box::new(Self {
            config: config.clone(),
            pool: Vec::with_capacity(config.pool + 1),
            under_way: VecDeque::new(),
            recent: Recent::default(),
            expected: vec![Expected::default(); setup.fleet.len()],
            sent: Sent::default(),
            probes_due: 0.0,
            removals_due: 0.0,
            removed: 0,
            drawn: Vec::new(),
        }))
    }
}

impl Prequal {
    /// How often an answer may be used: b = max(1, (1 + δ) / ((1 - m/n)·probes - remove)), at most
    /// 16, rounded up or down by chance.
    fn budget(&self, servers: usize, stream: &mut Stream) -> u32 {
        const MOST: f64 = 16.0;
        let Config { pool, probes, remove, spare, .. } = self.config;
        let rate = (1.0 - pool as f64 / servers as f64) * probes - remove;
        let budget = if rate > 0.0 { (1.0 + spare) / rate } else { MOST };
        let budget = budget.clamp(1.0, MOST);
        budget as u32 + u32::from(stream.open01() < budget.fract())
    }

    fn receive(&mut self, view: &View<'_>, stream: &mut Stream) {
        while let Some(&answer) = self.under_way.front()
            && answer.received <= view.now
        {
            self.under_way.pop_front();
            self.recent.add(answer.rif);
            if let Some(place) = self.pool.iter().position(|kept| kept.server == answer.server) {
                self.pool.remove(place);
            }
            let uses = self.budget(view.candidates.len(), stream);
            self.pool.push(Answer { uses, ..answer });
            if self.pool.len() > self.config.pool {
                self.pool.remove(0);
            }
        }
        let oldest = view.now.0.saturating_sub(self.config.max_age.0);
        // The pool is in order of receipt.
        let old = self.pool.iter().take_while(|answer| answer.received.0 < oldest).count();
        self.pool.drain(..old);
    }

    fn probe(&mut self, view: &View<'_>, stream: &mut Stream) {
        self.probes_due += self.config.probes;
        let probes = self.probes_due as u32;
        self.probes_due -= f64::from(probes);
        sample(view.candidates, probes, stream, &mut self.drawn);
        for &server in &self.drawn {
            let own = self.sent.count(server) as u32;
            self.under_way.push_back(Answer {
                server,
                received: view.now + self.config.probe_delay,
                rif: view.truth().in_flight(server),
                latency: self.expected[server.index()].at(own),
                uses: 1,
            });
        }
    }

    fn remove(&mut self, theta: u32) {
        self.removals_due += self.config.remove;
        while self.removals_due >= 1.0 {
            self.removals_due -= 1.0;
            self.removed += 1;
            // The pool is in order of receipt: its first is the oldest.
            let place = if self.removed % 2 == 1 { Some(0) } else { worst(&self.pool, theta) };
            if let Some(place) = place.filter(|&place| place < self.pool.len()) {
                self.pool.remove(place);
            }
        }
    }
}

impl Balancer for Prequal {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        self.receive(view, stream);
        self.probe(view, stream);
        let theta = self.recent.quantile(self.config.hot_quantile);
        let fits = |answer: &Answer| view.candidates.contains(answer.server);
        let (place, count) = best(&self.pool, theta, fits);
        let picked = place.filter(|_| count >= 2).map(|place| {
            let answer = &mut self.pool[place];
            answer.rif += 1;
            answer.uses -= 1;
            let server = answer.server;
            if answer.uses == 0 {
                self.pool.remove(place);
            }
            server
        });
        self.remove(theta);
        let candidates = view.candidates.as_slice();
        let any = || candidates[stream.below(candidates.len() as u32) as usize];
        Pick::Server(picked.unwrap_or_else(any))
    }

    fn on_send(&mut self, request: &Request, server: ServerId) {
        let before = self.sent.count(server) as u32;
        self.sent.put(request, server, before);
    }

    fn on_done(&mut self, done: &Completion) {
        let Some((server, rif)) = self.sent.take(done) else { return };
        if done.fate == Fate::Completed {
            self.expected[server.index()].learn(rif, response_time(done));
        } else if done.fate != Fate::Cancelled {
            // A server that fails fast would look idle; one that an attempt was taken back from
            // has not failed.
            self.pool.retain(|answer| answer.server != server);
        }
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        match change {
            FleetChange::Joined(server) => {
                self.expected.resize(fleet.len().max(self.expected.len()), Expected::default());
                self.expected[server.index()] = Expected::default();
            }
            FleetChange::Left(server) => {
                self.pool.retain(|answer| answer.server != server);
                self.under_way.retain(|answer| answer.server != server);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(answers: &[(u32, f64)]) -> Vec<Answer> {
        let answer = |(at, &(rif, latency)): (usize, &(u32, f64))| Answer {
            server: ServerId(at as u32),
            received: Instant::START,
            rif,
            latency,
            uses: 1,
        };
        answers.iter().enumerate().map(answer).collect()
    }

    #[test]
    fn the_coldest_then_the_quickest_is_chosen() {
        let mixed = pool(&[(10, 1.0), (2, 50.0), (3, 20.0)]);
        assert_eq!(best(&mixed, 5, |_| true), (Some(2), 3));
        assert_eq!(best(&mixed, 5, |answer| answer.server.0 != 2), (Some(1), 2));
        assert_eq!(best(&pool(&[(10, 1.0), (8, 90.0)]), 5, |_| true).0, Some(1));
        assert_eq!(best(&[], 5, |_| true), (None, 0));
    }

    #[test]
    fn the_worst_is_the_hottest_else_the_slowest() {
        assert_eq!(worst(&pool(&[(10, 1.0), (12, 1.0), (3, 99.0)]), 5), Some(1));
        assert_eq!(worst(&pool(&[(1, 1.0), (2, 50.0), (3, 20.0)]), 5), Some(1));
    }

    #[test]
    fn the_quantile_is_of_the_last_answers_only() {
        let mut recent = Recent::default();
        (0..RECENT as u32).for_each(|_| recent.add(7));
        (0..RECENT as u32).for_each(|rif| recent.add(rif));
        assert_eq!(
            (recent.quantile(0.0), recent.quantile(0.5), recent.quantile(1.0)),
            (0, 64, 127)
        );
    }

    #[test]
    fn latencies_are_expected_by_the_nearest_number_in_flight() {
        let mut expected = Expected::default();
        assert_eq!(expected.at(5), 0.0);
        expected.learn(5, 2.0);
        expected.learn(60, 9.0);
        assert_eq!((expected.at(0), expected.at(6), expected.at(40)), (2.0, 2.0, 9.0));
    }
}
