//! Bounds, rate limits and stabilization around any policy.
//!
//! *What it does*: what the inner policy wants is first held against what it wanted lately (down,
//! the largest of a window; up, the smallest), then against cooldowns, then against the rate at
//! which servers may come and go, and last against the bounds.
//!
//! *When it shines*: around every policy that is not itself a whole product: it turns a formula
//! into something one dares to run.
//!
//! *When it fails*: every guard is a delay; one that damps a swinging policy hides that the policy
//! is wrong, and is late when the load is real.
//!
//! *Source*: the `behavior` of the Kubernetes HPA, whose arithmetic it shares, and the cooldowns of
//! the cloud autoscalers.

use std::cmp::Ordering;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Duration;

use super::hpa::behavior::{
    self, Events, Policy, Recommendation, Rules, Select, down_limit, up_limit,
};

/// The guard of one direction. By default nothing is held back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Direction {
    /// How long the inner policy must have wanted a change before it is made.
    pub stabilization: Duration,
    /// How long after any change none is made in this direction.
    pub cooldown: Duration,
    /// Rate limits; none, no limit.
    pub rates: Vec<Policy>,
    /// Which of several rates binds.
    pub select: Select,
}

/// How the guard is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Fewest servers.
    pub min: u32,
    /// Most servers.
    pub max: u32,
    /// The guard on the way up.
    pub up: Direction,
    /// The guard on the way down.
    pub down: Direction,
}

impl Default for Config {
    fn default() -> Self {
        Self { min: 1, max: 1000, up: Direction::default(), down: Direction::default() }
    }
}

/// What held the inner policy back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Nothing.
    No,
    /// It has not wanted the change for long enough.
    Stabilization,
    /// A change was made too recently.
    Cooldown,
    /// Too many servers would come or go at once.
    Rate,
    /// The least or largest count.
    Bounds,
    /// There is room for no more.
    Capacity,
}

impl Held {
    /// As the decision log says it.
    pub fn words(self) -> &'static str {
        match self {
            Self::No => "as wanted",
            Self::Stabilization => "held by stabilization",
            Self::Cooldown => "held by a cooldown",
            Self::Rate => "held by a rate limit",
            Self::Bounds => "held by the bounds",
            Self::Capacity => "held by the pool's capacity",
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// A guard: its settings and what it remembers.
#[derive(Debug, Clone)]
pub struct Guard {
    config: Config,
    up: Rules,
    down: Rules,
    history: Vec<Recommendation>,
    events: Events,
    changed_ns: Option<u64>,
}

impl Guard {
    /// A guard that has seen nothing.
    pub fn new(config: Config) -> Self {
        let rules = |direction: &Direction| Rules {
            window_ns: direction.stabilization.0,
            select: direction.select,
            policies: direction.rates.clone(),
        };
        let (up, down) = (rules(&config.up), rules(&config.down));
        Self { config, up, down, history: Vec::new(), events: Events::default(), changed_ns: None }
    }

    /// The fewest servers.
    pub fn least(&self) -> u32 {
        self.config.min
    }

    /// The count that is allowed when `wanted` is asked for and there is `room` for so many, and
    /// the last guard that held it. The answer is taken to be carried out.
    pub fn allow(&mut self, now_ns: u64, current: u32, wanted: u32, room: u32) -> (u32, Held) {
        // Those that are there have their room.
        let room = signed(room.max(current));
        let (current, wanted) = (signed(current), signed(wanted));
        let mut held = Held::No;
        let mut hold = |before: i32, after: i32, by| {
            if before != after {
                held = by;
            }
            after
        };
        let (up_ns, down_ns) = (self.up.window_ns, self.down.window_ns);
        let stable =
            behavior::stabilize(&mut self.history, current, wanted, up_ns, down_ns, now_ns);
        let stable = hold(wanted, stable, Held::Stabilization);
        let cooled = hold(stable, self.cooled(now_ns, current, stable), Held::Cooldown);
        let limited = hold(cooled, self.limited(now_ns, current, cooled), Held::Rate);
        let (least, most) = (signed(self.config.min), signed(self.config.max));
        let bounded = hold(limited, limited.min(most).max(least), Held::Bounds);
        let allowed = hold(bounded, bounded.min(room), Held::Capacity);
        self.remember(now_ns, current, allowed);
        (allowed.unsigned_abs(), held)
    }

    fn cooled(&self, now_ns: u64, current: i32, wanted: i32) -> i32 {
        let cooldown_ns =
            if wanted > current { self.config.up.cooldown.0 } else { self.config.down.cooldown.0 };
        let waits = self.changed_ns.is_some_and(|at_ns| at_ns + cooldown_ns > now_ns);
        if waits { current } else { wanted }
    }

    fn limited(&self, now_ns: u64, current: i32, wanted: i32) -> i32 {
        match wanted.cmp(&current) {
            Ordering::Greater if !self.up.policies.is_empty() => {
                wanted.min(up_limit(current, &self.events, &self.up, now_ns).max(current))
            }
            Ordering::Less if !self.down.policies.is_empty() => {
                wanted.max(down_limit(current, &self.events, &self.down, now_ns).min(current))
            }
            _ => wanted,
        }
    }

    fn remember(&mut self, now_ns: u64, from: i32, to: i32) {
        match to.cmp(&from) {
            Ordering::Greater => {
                behavior::store_event(&mut self.events.up, to - from, &self.up, now_ns);
            }
            Ordering::Less => {
                behavior::store_event(&mut self.events.down, from - to, &self.down, now_ns);
            }
            Ordering::Equal => return,
        }
        self.changed_ns = Some(now_ns);
    }
}

fn signed(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::hpa::behavior::PolicyType;
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const ROOM: u32 = u32::MAX;

    #[test]
    fn without_settings_only_the_bounds_hold() {
        let mut guard = Guard::new(Config { max: 20, ..Config::default() });
        assert_eq!(guard.allow(0, 5, 15, ROOM), (15, Held::No));
        assert_eq!(guard.allow(0, 15, 50, ROOM), (20, Held::Bounds));
        assert_eq!(guard.allow(0, 20, 0, ROOM), (1, Held::Bounds));
    }

    #[test]
    fn a_dip_within_the_window_removes_nothing() {
        let down = Direction { stabilization: Duration(60 * SECOND), ..Direction::default() };
        let mut guard = Guard::new(Config { down, ..Config::default() });
        assert_eq!(guard.allow(0, 10, 10, ROOM), (10, Held::No));
        assert_eq!(guard.allow(30 * SECOND, 10, 4, ROOM), (10, Held::Stabilization));
        assert_eq!(guard.allow(59 * SECOND, 10, 6, ROOM), (10, Held::Stabilization));
        assert_eq!(
            guard.allow(60 * SECOND, 10, 6, ROOM),
            (6, Held::No),
            "the largest of the last minute"
        );
    }

    #[test]
    fn a_rate_counts_what_has_come_already() {
        let rate = Policy { r#type: PolicyType::Pods, value: 3, period: Duration(60 * SECOND) };
        let up = Direction { rates: vec![rate], ..Direction::default() };
        let mut guard = Guard::new(Config { up, ..Config::default() });
        assert_eq!(guard.allow(0, 10, 50, ROOM), (13, Held::Rate));
        assert_eq!(guard.allow(30 * SECOND, 13, 50, ROOM), (13, Held::Rate));
        assert_eq!(guard.allow(60 * SECOND, 13, 50, ROOM), (16, Held::Rate));
    }

    #[test]
    fn a_cooldown_follows_a_change_in_either_direction() {
        let down = Direction { cooldown: Duration(10 * SECOND), ..Direction::default() };
        let mut guard = Guard::new(Config { down, ..Config::default() });
        assert_eq!(guard.allow(0, 5, 8, ROOM), (8, Held::No));
        assert_eq!(guard.allow(9 * SECOND, 8, 4, ROOM), (8, Held::Cooldown));
        assert_eq!(guard.allow(10 * SECOND, 8, 4, ROOM), (4, Held::No));
    }

    #[test]
    fn what_has_no_room_is_no_change() {
        let down = Direction { cooldown: Duration(10 * SECOND), ..Direction::default() };
        let mut guard = Guard::new(Config { down, ..Config::default() });
        assert_eq!(guard.allow(0, 5, 8, 5), (5, Held::Capacity));
        assert_eq!(guard.allow(SECOND, 5, 4, 5), (4, Held::No), "nothing was cooled down from");
    }
}
