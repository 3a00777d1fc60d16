//! Who is trusted: active checks, ejection, panic, and the slow start of those who are back.

use std::collections::BTreeMap;

use super::Rank;
use super::drive::Drive;
use super::guarded::Alarm;
use crate::balance::Pick;
use crate::fleet::{FleetChange, State};
use crate::health::{Score, Verdict};
use crate::model::ServerId;
use crate::probe::{Note, Probe};
use crate::station::Ticket;
use crate::time::Duration;

/// How often a turn is drawn anew before servers that are back are left out: policies that always
/// pick the same one would else never end.
const REDRAWS: u32 = 8;

/// What balancers take the fleet for.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// Servers that are there and not trusted, in order of number.
    doubted: Vec<ServerId>,
    /// How many of them are not used.
    shunned: u32,
    /// The priorities whose servers are used all the same.
    panic: Vec<u16>,
    /// Servers that have fewer turns for a while.
    ramping: Vec<ServerId>,
}

impl<P: Probe> Drive<'_, P> {
    // ---- active checks ----

    pub(super) fn begin_checks(&mut self) {
        let interval = self.guard().setup.health.ejection.as_ref().and_then(|it| it.interval());
        if let Some(interval) = interval {
            self.set_alarm(self.now + interval, Rank::Tick, Alarm::Sweep);
        }
    }

    /// The first check of a server: checks are spread over the interval by the server's number, as
    /// real checkers do lest they come all at once. Where in the interval they begin is drawn anew
    /// in each run: nobody knows how far off the next check is when a server fails.
    pub(super) fn begin_checking(&mut self, server: ServerId) {
        // Who knows at once need not ask.
        let health = &self.guard().setup.health;
        let Some(checks) = health.checks.filter(|_| !health.at_once) else { return };
        self.guard().condition(server).score = Some(Score::up(&checks));
        // Multiples of the golden ratio fill the interval evenly, however many servers there are.
        let turn = f64::from(server.0) * 0.618_033_988_749_894_9;
        let share = (self.guard().check_phase + turn).fract();
        let first = Duration((checks.interval.0 as f64 * share) as u64);
        self.set_alarm(self.now + first, Rank::Fleet, Alarm::Check(server));
    }

    pub(super) fn check(&mut self, server: ServerId) {
        let gone = self.plant.fleet.state(server) == State::Gone;
        let Some(checks) = self.guard().setup.health.checks.filter(|_| !gone) else { return };
        if self.is_over() {
            return;
        }
        self.set_alarm(self.now + checks.interval, Rank::Fleet, Alarm::Check(server));
        if self.guard().condition(server).hangs() {
            let end = self.now + checks.timeout;
            return self.set_alarm(end, Rank::Fleet, Alarm::Checked(server));
        }
        let good = !self.guard().condition(server).is_out();
        self.take_answer(server, good);
    }

    /// A check of a server that hung has come to its end: the server may be back in time.
    pub(super) fn checked(&mut self, server: ServerId) {
        let good = !self.guard().condition(server).hangs();
        self.take_answer(server, good);
    }

    fn take_answer(&mut self, server: ServerId, good: bool) {
        let now = self.now;
        let guard = self.guard();
        let Some(checks) = guard.setup.health.checks else { return };
        let score = guard.condition(server).score.get_or_insert(Score::up(&checks));
        score.take(good, &checks);
        let down = !score.is_up(&checks);
        // A check does not let in again whom the checks keep out.
        if good
            && !down
            && let Some(ejector) = &mut guard.setup.health.ejection
        {
            let verdict = ejector.passed(now, server);
            verdict.into_iter().for_each(|verdict| self.carry_out(verdict));
        }
        self.mark(server, down);
    }

    /// A server is taken for down, or up, by checks or by knowledge.
    pub(super) fn mark(&mut self, server: ServerId, down: bool) {
        let condition = self.guard().condition(server);
        if std::mem::replace(&mut condition.marked, down) != down {
            self.probe.note(self.now, Note::Marked(server, down));
            self.weigh(server);
        }
    }

    // ---- ejection ----

    /// A server has answered an attempt well, or not.
    pub(super) fn judge(&mut self, server: ServerId, well: bool) {
        if self.guard().setup.health.ejection.is_none() {
            return;
        }
        let (now, total) = (self.now, self.present());
        let guard = self.guard();
        let Some(ejector) = &mut guard.setup.health.ejection else { return };
        let verdict = ejector.answered(now, server, well, total, &mut guard.ejection_stream);
        if let Some(parts) = ejector.weight_parts().filter(|_| !well) {
            let balancers = &mut self.plant.balancers;
            balancers.iter_mut().for_each(|balancer| balancer.on_failure(server, parts));
        }
        if let Some(verdict) = verdict {
            self.carry_out(verdict);
        }
    }

    /// Servers that are there, trusted or not.
    fn present(&mut self) -> u32 {
        self.plant.fleet.members().len() as u32 + self.guard().trust.shunned
    }

    pub(super) fn sweep(&mut self) {
        if self.is_over() {
            return;
        }
        let (now, total) = (self.now, self.present());
        let guard = self.guard();
        let Some(ejector) = &mut guard.setup.health.ejection else { return };
        let mut verdicts = Vec::new();
        ejector.sweep(now, total, &mut guard.ejection_stream, &mut verdicts);
        if let Some(interval) = ejector.interval() {
            self.set_alarm(now + interval, Rank::Tick, Alarm::Sweep);
        }
        verdicts.into_iter().for_each(|verdict| self.carry_out(verdict));
    }

    pub(super) fn carry_out(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Eject(server, until) => {
                let condition = self.guard().condition(server);
                condition.ejections += 1;
                let times = condition.ejections;
                if !std::mem::replace(&mut condition.ejected, true) {
                    self.probe.note(self.now, Note::Ejected(server, true));
                    self.weigh(server);
                }
                if let Some(until) = until {
                    self.set_alarm(until, Rank::Fleet, Alarm::Return(server, times));
                }
            }
            Verdict::Return(server) => self.readmit(server, None),
        }
    }

    /// A server that was ejected returns, unless it was ejected again since.
    pub(super) fn readmit(&mut self, server: ServerId, times: Option<u32>) {
        let condition = self.guard().condition(server);
        if times.is_some_and(|times| times != condition.ejections) {
            return;
        }
        if std::mem::replace(&mut condition.ejected, false) {
            self.probe.note(self.now, Note::Ejected(server, false));
            self.weigh(server);
        }
    }

    // ---- trust ----

    /// What is known of a server has changed: it may be used no more, or again.
    fn weigh(&mut self, server: ServerId) {
        let condition = self.guard().condition(server);
        let doubted = condition.marked || condition.ejected;
        let there = matches!(self.plant.fleet.state(server), State::Ready | State::Failed);
        let list = &mut self.guard().trust.doubted;
        match list.binary_search(&server) {
            Ok(at) if !doubted => {
                list.remove(at);
                self.begin_ramp(server);
            }
            Err(at) if doubted && there => list.insert(at, server),
            _ => return,
        }
        self.reckon(server);
    }

    /// A server leaves the fleet: nobody has to trust it.
    pub(super) fn forget_trust(&mut self, server: ServerId) {
        if let Some(ejector) = &mut self.guard().setup.health.ejection {
            ejector.forget(server);
        }
        self.guard().condition(server).ejected = false;
        let trust = &mut self.guard().trust;
        let ramping = &mut trust.ramping;
        ramping.retain(|other| *other != server);
        if let Ok(at) = trust.doubted.binary_search(&server) {
            trust.doubted.remove(at);
        }
        if std::mem::take(&mut self.guard().condition(server).shunned) {
            self.guard().trust.shunned -= 1;
            self.probe.note(self.now, Note::Shunned(server, false));
        }
    }

    /// The priority of a server: its tier, where the policy goes by tiers.
    fn priority(&self, server: ServerId) -> u16 {
        let tiered = self.plant.balancers[0].overprovisioning().is_some();
        if tiered { self.plant.fleet.spec(server).tier } else { 0 }
    }

    /// The priorities in panic: too few of their servers are trusted, and the priorities together
    /// cannot take the traffic (Envoy, `load_balancer_impl.cc`).
    fn panics(&mut self) -> Vec<u16> {
        let least = self.guard().setup.health.panic;
        if least <= 0.0 || self.guard().trust.doubted.is_empty() {
            return Vec::new();
        }
        // By priority: servers that are trusted, and all.
        let mut counts: BTreeMap<u16, (u32, u32)> = BTreeMap::new();
        for server in (0..self.plant.fleet.len() as u32).map(ServerId) {
            if matches!(self.plant.fleet.state(server), State::Ready | State::Failed) {
                let doubted = self.guard().trust.doubted.binary_search(&server).is_ok();
                let priority = self.priority(server);
                let (trusted, all) = counts.entry(priority).or_default();
                *trusted += u32::from(!doubted);
                *all += 1;
            }
        }
        let factor = self.plant.balancers[0].overprovisioning();
        let health = |&(trusted, all): &(u32, u32)| {
            let share = f64::from(trusted) / f64::from(all);
            (100.0 * factor.unwrap_or(1.0) * share + 1e-9).floor() as u32
        };
        if counts.values().map(health).sum::<u32>() >= 100 {
            return Vec::new();
        }
        let few = |(_, (trusted, all)): &(&u16, &(u32, u32))| {
            f64::from(*trusted) / f64::from(*all) < least - 1e-12
        };
        counts.iter().filter(few).map(|(priority, _)| *priority).collect()
    }

    /// Uses the servers that are trusted, or all of a priority where those are too few.
    fn reckon(&mut self, changed: ServerId) {
        let panics = self.panics();
        let before = std::mem::replace(&mut self.guard().trust.panic, panics);
        let after = &self.guard().trust.panic;
        if *after == before {
            return self.use_or_shun(changed);
        }
        let panic = !after.is_empty();
        if panic == before.is_empty() {
            self.probe.note(self.now, Note::Panic(panic));
        }
        let mut all = self.guard().trust.doubted.clone();
        if !all.contains(&changed) {
            all.push(changed);
        }
        all.into_iter().for_each(|server| self.use_or_shun(server));
    }

    /// A server has joined the fleet or left it: too few may be trusted now, or enough.
    pub(super) fn reckon_anew(&mut self, server: ServerId) {
        if !self.guard().trust.doubted.is_empty() || !self.guard().trust.panic.is_empty() {
            self.reckon(server);
        }
    }

    fn use_or_shun(&mut self, server: ServerId) {
        let doubted = self.guard().trust.doubted.binary_search(&server).is_ok();
        let priority = self.priority(server);
        let panic = self.guard().trust.panic.contains(&priority);
        let shunned = doubted && !panic;
        let (to, change) = match (self.plant.fleet.state(server), shunned) {
            (State::Ready, true) => (State::Failed, FleetChange::Left(server)),
            (State::Failed, false) => (State::Ready, FleetChange::Joined(server)),
            _ => return,
        };
        self.guard().condition(server).shunned = shunned;
        let count = &mut self.guard().trust.shunned;
        *count = if shunned { *count + 1 } else { *count - 1 };
        let fleet = &mut self.plant.fleet;
        fleet.set_state(server, to);
        self.plant.balancers.iter_mut().for_each(|balancer| balancer.on_fleet(change, fleet));
        self.probe.fleet(self.now, change, fleet);
        self.probe.note(self.now, Note::Shunned(server, shunned));
        while !shunned && self.hand_over(server) {}
    }

    // ---- slow start ----

    fn begin_ramp(&mut self, server: ServerId) {
        let now = self.now;
        let guard = self.guard();
        let Some(slow) = guard.setup.health.slow_start else { return };
        let condition = guard.condition(server);
        condition.ramping = Some(now);
        condition.ramps += 1;
        let alarm = Alarm::Ramped(server, condition.ramps);
        if !guard.trust.ramping.contains(&server) {
            guard.trust.ramping.push(server);
        }
        self.set_alarm(now + slow.window, Rank::Fleet, alarm);
    }

    pub(super) fn ramped(&mut self, server: ServerId, times: u32) {
        let guard = self.guard();
        let condition = guard.condition(server);
        if condition.ramps == times {
            condition.ramping = None;
            guard.trust.ramping.retain(|other| *other != server);
        }
    }

    /// The share of its turns that a server has: Envoy's factor.
    fn turns(&mut self, server: ServerId) -> f64 {
        let now = self.now;
        let guard = self.guard();
        let Some(since) = guard.condition(server).ramping else { return 1.0 };
        let Some(slow) = guard.setup.health.slow_start else { return 1.0 };
        let past = now.since(since).max(Duration::from_millis(1)).as_secs_f64();
        let part = (past / slow.window.as_secs_f64()).min(1.0);
        part.powf(1.0 / slow.aggression).max(slow.from)
    }

    /// Picks a server; one that is back for a short time has only a part of the turns it is picked
    /// for, the others go to another one.
    pub(super) fn pick_ramping(&mut self, ticket: Ticket) -> Pick {
        let pick = self.pick(ticket);
        let Pick::Server(server) = pick else { return pick };
        if self.guard().trust.ramping.is_empty() {
            return pick;
        }
        // Refused turns are drawn anew among all, the one that is back among them: in the end each
        // has its share by weight, as with a random policy whose weights are scaled.
        let (mut picked, mut server) = (pick, server);
        for _ in 0..REDRAWS {
            let turns = self.turns(server);
            if turns >= 1.0 || self.guard().slow_start_stream.open01() < turns {
                return picked;
            }
            picked = self.pick(ticket);
            let Pick::Server(other) = picked else { return picked };
            server = other;
        }
        let candidates = |drive: &Self| {
            let fleet = &drive.plant.fleet;
            if drive.pooled { fleet.open().len() } else { fleet.members().len() }
        };
        let ramping = self.guard().trust.ramping.clone();
        let hide = ramping.into_iter().filter(|&it| self.plant.fleet.members().contains(it));
        let hidden: Vec<ServerId> = hide.collect();
        hidden.iter().for_each(|&server| self.plant.fleet.hide(server));
        let other = (candidates(self) > 0).then(|| self.pick(ticket));
        hidden.iter().for_each(|&server| self.plant.fleet.show(server));
        // A policy may know only some of the servers, and none of those that have all their turns.
        other.filter(|it| matches!(it, Pick::Server(_))).unwrap_or(pick)
    }
}
