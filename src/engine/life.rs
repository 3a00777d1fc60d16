//! The life of servers: ordered, starting, warming, ready, draining, gone; and who decides on it.

use super::drive::{Drive, Timer};
use super::pool::ScaleIn;
use super::{Plant, Rank};
use crate::fleet::{FleetChange, State};
use crate::model::{Completion, Fate, ServerId};
use crate::probe::{Change, Decision, Probe};
use crate::rng::Purpose;
use crate::scale::{Metric, Signals, Totals};
use crate::station::Line;
use crate::time::{Duration, Instant};

/// Something that happens to a server or an autoscaler at a time of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    /// The metrics of a pool are scraped.
    Scrape(u16),
    /// The autoscaler of a pool looks.
    Tick(u16),
    /// A server is ready.
    Up(ServerId),
    /// A server has warmed up.
    Warmed(ServerId),
    /// A server is told that it will be reclaimed.
    Reclaim(ServerId),
    /// Whatever a server still has is lost.
    Deadline(ServerId),
    /// A server leaves if it has been idle since this many requests had been sent to the pool.
    Idle(ServerId, u64),
}

/// Requests nobody serves for so long after the last arrival are given up, and not tried again.
pub(super) const PATIENCE: Duration = Duration::from_secs(86_400);

impl<P: Probe> Drive<'_, P> {
    /// Takes note of the servers there are, and sets the first looks.
    pub(super) fn begin_life(&mut self) {
        self.scaled = !self.plant.life.is_empty();
        self.pooled = self.plant.shared.is_some();
        if !self.scaled {
            return;
        }
        for index in 0..self.plant.fleet.len() {
            let server = ServerId(index as u32);
            let pool = self.plant.fleet.spec(server).pool;
            let state = &mut self.plant.life[usize::from(pool)].now;
            state.ordered += 1;
            state.ready.push(server);
            state.ready_since.push(self.now);
            state.slots += u64::from(self.plant.fleet.spec(server).slots);
            self.tell_of(server);
            self.set_lifetime(server);
        }
        for pool in 0..self.plant.life.len() as u16 {
            let Some(scaler) = &self.plant.life[usize::from(pool)].scaler else { continue };
            let (scrape, interval) = (scaler.scrape, scaler.interval);
            self.turn(self.now + scrape, Turn::Scrape(pool));
            if interval == Duration::ZERO {
                self.reactive = true;
            } else {
                self.turn(self.now + interval, Turn::Tick(pool));
            }
        }
        self.look_everywhere();
    }

    fn turn(&mut self, at: Instant, turn: Turn) {
        let rank = match turn {
            Turn::Scrape(_) => Rank::Scrape,
            Turn::Tick(_) => Rank::Tick,
            _ => Rank::Fleet,
        };
        self.timers.set(at, rank, Timer::Life(turn));
    }

    pub(super) fn take_turn(&mut self, turn: Turn) {
        match turn {
            Turn::Scrape(pool) => self.scrape(pool),
            Turn::Tick(pool) => self.tick(pool),
            Turn::Up(server) => {
                self.come_up(server);
                if self.reactive {
                    self.look_everywhere();
                }
            }
            Turn::Warmed(server) => self.warmed(server),
            Turn::Reclaim(server) => {
                if self.plant.fleet.state(server) == State::Ready {
                    let notice = self.plant.life[self.pool_of(server)].notice;
                    self.drain(server, notice);
                }
            }
            Turn::Deadline(server) => self.lose(server),
            Turn::Idle(server, epoch) => self.leave_if_idle(server, epoch),
        }
    }

    pub(super) fn pool_of(&self, server: ServerId) -> usize {
        usize::from(self.plant.fleet.spec(server).pool)
    }

    /// Whether nothing is left to decide: traffic is over, the system empty, the horizon passed.
    pub(super) fn is_over(&self) -> bool {
        self.closing
            && self.arrived == self.ended
            && self.returning == 0
            && self.horizon.is_none_or(|horizon| self.now >= horizon)
    }

    // ---- what requests do to the sums; only called where some pool is scaled ----

    #[inline]
    pub(super) fn note_sent(&mut self, server: ServerId, tokens: u64) {
        let Plant { fleet, life, .. } = &mut self.plant;
        let spec = fleet.spec(server);
        let state = &mut life[usize::from(spec.pool)].now;
        state.in_flight.up(self.now, 1);
        state.busy.up(self.now, u32::from(fleet.in_flight(server) <= spec.slots));
        state.sent += 1;
        state.totals.tokens = state.totals.tokens.wrapping_add(tokens);
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call at each end would cost a quarter of it")]
    pub(super) fn note_end(&mut self, done: &Completion) {
        let Plant { fleet, life, .. } = &mut self.plant;
        let completed = done.fate == Fate::Completed;
        let Some(server) = done.server else {
            // No pool's but the fleet's: counted once, in the books of the first.
            if let Some(first) = life.first_mut() {
                first.now.totals.fleet_refused += 1;
            }
            return;
        };
        let spec = fleet.spec(server);
        let pool = &mut life[usize::from(spec.pool)];
        let state = &mut pool.now;
        let left = fleet.in_flight(server);
        state.in_flight.down(self.now, 1);
        state.busy.down(self.now, u32::from(left < spec.slots));
        state.totals.tokens = state.totals.tokens.wrapping_sub(done.request.tokens());
        if pool.cores.0.is_finite() {
            let cores = pool.cores.1.get(usize::from(done.request.class)).copied().unwrap_or(1.0);
            let used = (done.service().0 as f64 * cores) as u64;
            state.totals.cpu_ns = state.totals.cpu_ns.wrapping_add(used);
        }
        if completed {
            let service_ns = done.service().0;
            state.totals.completed += 1;
            state.totals.service_ns += service_ns;
            // By the speed of this server: a pool may hold servers of several sizes.
            state.totals.work_ns += if spec.speed == 1.0 {
                service_ns
            } else {
                (service_ns as f64 * spec.speed).round() as u64
            };
            if let Some(scaler) = &mut pool.scaler {
                scaler.metrics.record_latency(done.latency().0);
            }
        } else if done.fate != Fate::Cancelled {
            // What was taken back from the server is no error of it.
            state.totals.failed += 1;
        }
        if left == 0 && (pool.idle_timeout.is_some() || pool.now.draining > 0) {
            self.run_dry(server);
        }
    }

    /// A server has served its last request for now, where that may matter.
    #[inline(never)]
    fn run_dry(&mut self, server: ServerId) {
        match self.plant.fleet.state(server) {
            State::Ready => self.fall_idle(server),
            State::Draining => self.go(server),
            _ => {}
        }
    }

    /// A server has nothing to do: it may leave after its time-out.
    fn fall_idle(&mut self, server: ServerId) {
        let place = self.plant.places[server.index()] as usize;
        let pool = self.pool_of(server);
        let life = &mut self.plant.life[pool];
        let Some(law) = &life.idle_timeout else { return };
        if life.now.idle.len() <= place {
            life.now.idle.resize(place + 1, 0);
        }
        life.now.idle[place] += 1;
        let spell = life.now.idle[place];
        // Each spell of each server has its own draw, whatever happens to the others.
        let entity = format!("{}/{place}/idle/{spell}", life.name);
        let mut stream = life.seed.stream(Purpose::Startup, &entity);
        let span = Duration::from_secs_f64(law.sample(&mut stream));
        self.turn(self.now + span, Turn::Idle(server, spell));
    }

    fn leave_if_idle(&mut self, server: ServerId, spell: u64) {
        let place = self.plant.places[server.index()] as usize;
        let pool = self.pool_of(server);
        let idle = self.plant.life[pool].now.idle[place] == spell
            && self.plant.fleet.in_flight(server) == 0
            && self.plant.fleet.state(server) == State::Ready;
        let life = &self.plant.life[pool];
        let least = life.scaler.as_ref().map_or(0, |scaler| scaler.guard.least());
        if idle && life.now.counts().ready > least {
            self.drain(server, Duration::FOREVER);
        }
    }

    // ---- looking and deciding ----

    /// The sums of a pool as they stand now.
    fn totals(&mut self, pool: u16) -> Totals {
        let single = self.plant.life.len() == 1;
        let since = u128::from((self.now - self.area_at).0);
        let mut held_ns = (self.area + since * u128::from(self.arrived - self.ended)) as u64;
        let (mut fleet_completed, mut fleet_failed, mut fleet_refused) = (0_u64, 0_u64, 0_u64);
        let mut fleet_work_ns = 0_u64;
        for life in &mut self.plant.life {
            life.now.settle(self.now);
            held_ns = held_ns.wrapping_sub(life.now.in_flight.area_ns(self.now));
            let own = &life.now.totals;
            fleet_completed += own.completed;
            fleet_failed += own.failed;
            fleet_refused += own.fleet_refused;
            fleet_work_ns += own.work_ns;
        }
        let state = &self.plant.life[usize::from(pool)].now;
        Totals {
            // What is held before the pools could go to any of them.
            in_system_ns: state.in_flight.area_ns(self.now).wrapping_add(held_ns),
            busy_ns: state.busy.area_ns(self.now),
            arrivals: if single { self.arrived } else { state.sent },
            fleet_arrivals: self.arrived,
            fleet_completed,
            fleet_failed,
            fleet_refused,
            fleet_work_ns,
            ..state.totals
        }
    }

    fn scrape(&mut self, pool: u16) {
        let totals = self.totals(pool);
        let Some(scaler) = &mut self.plant.life[usize::from(pool)].scaler else { return };
        scaler.metrics.scrape(totals);
        let next = self.now + scaler.scrape;
        if !self.is_over() {
            self.turn(next, Turn::Scrape(pool));
        }
    }

    fn tick(&mut self, pool: u16) {
        if self.is_over() {
            return;
        }
        self.look(pool);
        if self.is_stuck() {
            return self.give_up();
        }
        if let Some(scaler) = &self.plant.life[usize::from(pool)].scaler {
            self.turn(self.now + scaler.interval, Turn::Tick(pool));
        }
    }

    /// Every autoscaler that looks at every event has a look.
    pub(super) fn look_everywhere(&mut self) {
        for pool in 0..self.plant.life.len() as u16 {
            let scaler = &self.plant.life[usize::from(pool)].scaler;
            if scaler.as_ref().is_some_and(|scaler| scaler.interval == Duration::ZERO) {
                self.look(pool);
            }
        }
    }

    fn look(&mut self, pool: u16) {
        let others: u32 = self.plant.life.iter().map(|life| life.now.in_flight.now).sum();
        let life = &mut self.plant.life[usize::from(pool)];
        // Attempts that nobody waits for any more are at servers and in no one's system.
        let present = (self.arrived - self.ended) as u32;
        let in_system = present.saturating_sub(others - life.now.in_flight.now);
        let counts = life.now.counts();
        let Some(scaler) = &mut life.scaler else { return };
        let signals = Signals {
            now: self.now,
            counts,
            ready_since: &life.now.ready_since,
            window: scaler.window,
            slots: life.spec.slots,
            speed: life.spec.speed,
            cores: life.cores.0,
            memory: life.spec.memory,
            in_system,
            waiting: in_system.saturating_sub(life.now.busy.now),
            metrics: &scaler.metrics,
        };
        let target = scaler.policy.target(&signals);
        let wanted = counts.wanted();
        let room = life.capacity.saturating_sub(counts.draining);
        let (allowed, held) = scaler.guard.allow(self.now.0, wanted, target.servers, room);
        if allowed == wanted && target.servers != wanted {
            scaler.policy.refused(self.now);
        }
        let seen = signals.seen();
        let before = (signals.slots, signals.speed);
        let decision = Decision {
            at: self.now,
            pool,
            starting: counts.starting,
            ready: counts.ready,
            draining: counts.draining,
            in_system,
            utilization: seen.utilization(),
            concurrency: seen.concurrency(),
            queue: seen.queue(),
            rate: seen.rate(),
            proposed: target.servers,
            why: target.why,
            allowed,
            verdict: held.words(),
            sizes: [before, target.size.map_or(before, |size| (size.slots, size.speed))],
            latency_s: seen.value(Metric::Latency),
            errors: seen.errors(),
        };
        let wanted = decision.allowed;
        self.probe.decision(decision);
        if let Some(size) = target.size {
            self.reshape(pool, size);
        }
        self.recount(pool, wanted);
    }

    fn recount(&mut self, pool: u16, to: u32) {
        let from = self.plant.life[usize::from(pool)].now.counts().wanted();
        for _ in from..to {
            self.order(pool);
        }
        for _ in to..from {
            self.remove_one(pool);
        }
    }

    // ---- one server ----

    pub(super) fn order(&mut self, pool: u16) {
        let now = self.now;
        let Plant { fleet, life, stations, places, .. } = &mut self.plant;
        let life = &mut life[usize::from(pool)];
        let spec = life.spec;
        let server = fleet.add(spec, State::Starting);
        stations[usize::from(pool)].add(spec.slots, spec.speed, spec.queue_limit);
        places.push(life.now.ordered);
        let entity = format!("{}/{}", life.name, life.now.ordered);
        life.now.ordered += 1;
        life.now.starting.push(server);
        for own in &mut self.own {
            own.push(0);
        }
        let mut ready = now;
        let mut failed = 0;
        if let Some(law) = &life.startup {
            let mut stream = life.seed.stream(Purpose::Startup, &entity);
            ready = ready + Duration::from_secs_f64(law.sample(&mut stream));
            // A thousand failures in a row is a pool that never starts; it is left at that.
            while stream.open01() < life.startup_failure && failed < 1000 {
                failed += 1;
                ready = ready + Duration::from_secs_f64(law.sample(&mut stream));
            }
        }
        self.tell_of(server);
        if failed > 0 {
            self.probe.failed_starts(pool, failed);
        }
        if ready == now {
            self.come_up(server);
        } else {
            self.turn(ready, Turn::Up(server));
        }
    }

    fn come_up(&mut self, server: ServerId) {
        if self.plant.fleet.state(server) != State::Starting {
            return;
        }
        let pool = self.pool_of(server);
        let life = &mut self.plant.life[pool];
        life.now.settle(self.now);
        life.now.starting.retain(|&starting| starting != server);
        life.now.ready.push(server);
        life.now.ready_since.push(self.now);
        life.now.slots += u64::from(self.plant.fleet.spec(server).slots);
        let (warm_up, share) = (life.warm_up, life.warm_up_speed);
        let cold = warm_up > Duration::ZERO && share != 1.0;
        if cold {
            life.now.warming.push(server);
            self.set_speed(server, share);
            self.turn(self.now + warm_up, Turn::Warmed(server));
        }
        self.change(server, State::Ready, Some(FleetChange::Joined(server)));
        self.set_lifetime(server);
        if self.guarded {
            self.reckon_anew(server);
            self.meet_perils(server);
        }
        // Those who wait before the pool take the new slots in their order.
        while self.hand_over(server) {}
        let life = &self.plant.life[pool];
        if life.idle_timeout.is_some() && self.plant.fleet.in_flight(server) == 0 {
            self.fall_idle(server);
        }
    }

    fn change(&mut self, server: ServerId, state: State, change: Option<FleetChange>) {
        let Plant { fleet, balancers, .. } = &mut self.plant;
        fleet.set_state(server, state);
        if let Some(change) = change {
            balancers.iter_mut().for_each(|balancer| balancer.on_fleet(change, fleet));
            self.probe.fleet(self.now, change, fleet);
        }
        self.tell_of(server);
    }

    /// Tells the probe what a server is from now on.
    pub(super) fn tell_of(&mut self, server: ServerId) {
        let (fleet, life) = (&self.plant.fleet, &self.plant.life);
        let spec = fleet.spec(server);
        self.probe.server(&Change {
            at: self.now,
            pool: spec.pool,
            server,
            state: fleet.state(server),
            warming: life[usize::from(spec.pool)].now.warming.contains(&server),
            slots: spec.slots,
            speed: spec.speed,
        });
    }

    fn warmed(&mut self, server: ServerId) {
        let pool = self.pool_of(server);
        let warming = &mut self.plant.life[pool].now.warming;
        let before = warming.len();
        warming.retain(|&cold| cold != server);
        let serves = warming.len() < before;
        self.set_speed(server, 1.0);
        // One that drains is told of as draining already.
        if serves {
            self.tell_of(server);
        }
    }

    /// A server serves at this share of its speed, apart from what faults make of it.
    pub(super) fn set_speed(&mut self, server: ServerId, share: f64) {
        let share = if self.guarded { self.slowed(server, share) } else { share };
        self.change_speed(server, share);
    }

    pub(super) fn change_speed(&mut self, server: ServerId, share: f64) {
        if self.plant.fleet.state(server) == State::Gone {
            return;
        }
        let Plant { fleet, stations, places, .. } = &mut self.plant;
        let (spec, place) = (fleet.spec(server), places[server.index()] as usize);
        let station = &mut stations[usize::from(spec.pool)];
        station.set_speed(place, spec.speed * share, self.now, &mut self.slab);
        self.calendar.set(server, station.next_departure(place));
    }

    fn set_lifetime(&mut self, server: ServerId) {
        let life = &self.plant.life[self.pool_of(server)];
        let Some(law) = &life.lifetime else { return };
        let entity = format!("{}/{}", life.name, self.plant.places[server.index()]);
        let mut stream = life.seed.stream(Purpose::Failure, &entity);
        let span = Duration::from_secs_f64(law.sample(&mut stream));
        self.turn(self.now + Duration(span.0.saturating_sub(life.notice.0)), Turn::Reclaim(server));
    }

    fn remove_one(&mut self, pool: u16) {
        let state = &mut self.plant.life[usize::from(pool)].now;
        if let Some(server) = state.starting.pop() {
            return self.change(server, State::Gone, None);
        }
        let (life, fleet) = (&self.plant.life[usize::from(pool)], &self.plant.fleet);
        let ready = &life.now.ready;
        let victim = match life.scale_in {
            ScaleIn::Newest => ready.last().copied(),
            ScaleIn::Oldest => ready.first().copied(),
            ScaleIn::Idlest => {
                ready.iter().rev().min_by_key(|server| fleet.in_flight(**server)).copied()
            }
        };
        let deadline = life.drain;
        if let Some(server) = victim {
            self.drain(server, deadline);
        }
    }

    /// Closes a server to new requests; it is gone once it has finished those it has.
    pub(super) fn drain(&mut self, server: ServerId, deadline: Duration) {
        let pool = self.pool_of(server);
        let life = &mut self.plant.life[pool];
        life.now.settle(self.now);
        if !life.now.forget(server) {
            return;
        }
        life.now.draining += 1;
        // One that is not trusted has left already.
        let left = self.plant.fleet.state(server) == State::Ready;
        self.change(server, State::Draining, left.then_some(FleetChange::Left(server)));
        if self.guarded {
            self.forget_trust(server);
            self.reckon_anew(server);
        }
        if self.plant.fleet.in_flight(server) == 0 {
            self.go(server);
        } else if deadline != Duration::FOREVER {
            self.turn(self.now + deadline, Turn::Deadline(server));
        }
    }

    fn go(&mut self, server: ServerId) {
        let pool = self.pool_of(server);
        let life = &mut self.plant.life[pool];
        life.now.settle(self.now);
        life.now.draining -= 1;
        life.now.slots -= u64::from(self.plant.fleet.spec(server).slots);
        self.change(server, State::Gone, None);
    }

    /// The deadline of a draining server: what it still has is lost.
    fn lose(&mut self, server: ServerId) {
        if self.plant.fleet.state(server) != State::Draining {
            return;
        }
        let Plant { fleet, stations, places, .. } = &mut self.plant;
        let station = &mut stations[usize::from(fleet.spec(server).pool)];
        let mut left = Vec::new();
        station.evict(places[server.index()] as usize, self.now, &mut self.slab, &mut left);
        self.calendar.set(server, Instant::NEVER);
        for (ticket, _) in left {
            self.end(ticket, Fate::Failed, Some(server));
        }
        if self.guarded {
            self.thaw(server, true);
        }
        // Requests that are still on their way will find nobody.
        if self.plant.fleet.state(server) == State::Draining {
            self.go(server);
        }
    }

    // ---- requests that nobody will serve ----

    fn is_stuck(&self) -> bool {
        let idle = self.calendar.first().at == Instant::NEVER;
        let starting = self.plant.life.iter().any(|life| !life.now.starting.is_empty());
        let over = self.closing && self.horizon.is_none_or(|end| self.now > end + PATIENCE);
        over && idle && !starting && self.arrived > self.ended
    }

    /// Whoever waits before the pools is told that no server will come.
    pub(super) fn give_up(&mut self) {
        loop {
            let line = match &mut self.plant.shared {
                Some((line, _)) => line.as_mut(),
                None => &mut self.lobby as &mut dyn Line,
            };
            let Some(ticket) = line.pop(&mut self.slab) else { break };
            self.end(ticket, Fate::Failed, None);
        }
        self.pooled = self.plant.shared.is_some();
    }

    /// Hands what the policies have learnt to the probe.
    pub(super) fn end_life(&mut self) {
        for (pool, life) in (0_u16..).zip(&self.plant.life) {
            if let Some(memory) = life.scaler.as_ref().and_then(|it| it.policy.memory()) {
                self.probe.memory(pool, memory);
            }
            if let Some(seen) = life.scaler.as_ref().and_then(|it| it.policy.foresight()) {
                self.probe.foresight(pool, seen);
            }
        }
    }
}
