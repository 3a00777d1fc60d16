//! Requests that may be sent more than once: retries, hedges, deadlines, admission, breakers.
//!
//! A *call* is what the client waits for; an *attempt* is what a server is sent, and lives in the
//! slab as a request does elsewhere. An attempt may outlive its call: the server serves it though
//! nobody waits for it any more. That is the work that keeps an overloaded service overloaded.

use super::Rank;
use super::calls::{Calls, Open};
use super::drive::{Drive, Timer};
use super::faults::Condition;
use super::health::Trust;
use super::life::PATIENCE;
use super::resilience::{Abandoned, Resilience};
use crate::balance::Pick;
use crate::fault::{Spell, Streams};
use crate::model::{Completion, Fate, Request, ServerId};
use crate::probe::{Note, Probe, Try};
use crate::protect::{Breaker, Crowd, Pass};
use crate::rng::{Purpose, Stream};
use crate::station::{Live, Ticket};
use crate::time::{Duration, Instant};

/// What a timer of this file and its neighbours is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Alarm {
    /// The client of a call gives up.
    Deadline(u32, u64),
    /// The balancer gives up on an attempt.
    AttemptOver(Ticket, u64),
    /// A retry has waited its time.
    Retry(u32, u64),
    /// The next copy of a call is sent, unless there are other than so many by now.
    Hedge(u32, u64, u32),
    /// A fault comes to all it hits, or goes.
    Peril(u16, Spell, bool),
    /// A fault comes to one server, or goes.
    Strike(u16, ServerId, Spell, bool),
    /// A server is checked.
    Check(ServerId),
    /// A check has waited for long enough.
    Checked(ServerId),
    /// The ejector looks at all servers.
    Sweep,
    /// A server that was ejected this many times returns.
    Return(ServerId, u32),
    /// A server that was back so many times has all its turns again.
    Ramped(ServerId, u32),
    /// The run is over but for those who hang.
    Last,
}

/// The state of all that.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) setup: Resilience,
    pub(super) calls: Calls,
    /// What each server is like, by its number.
    pub(super) conditions: Vec<Condition>,
    /// The faults that hit all their servers now, by their places.
    pub(super) lasting: Vec<Option<Spell>>,
    /// The streams of faults that hit all their servers at once.
    pub(super) peril_streams: Vec<Streams>,
    pub(super) trust: Trust,
    /// How far into an interval the checks of this run begin, as a share of it.
    pub(super) check_phase: f64,
    pub(super) ejection_stream: Stream,
    pub(super) slow_start_stream: Stream,
    breakers: Vec<Breaker>,
    /// Attempts so far: their numbers tell timers whether a ticket is still theirs.
    begun: u64,
    pub(super) over: u64,
    /// Requests that were let in and have not ended.
    requests: u64,
    /// Attempts that someone waits for, and how many are retries or hedges, those counted that
    /// wait for their time.
    active: u64,
    again: u64,
    /// Servers that attempts have left while others waited before the pools.
    pub(super) freed: Vec<ServerId>,
    /// Whether no server will ever serve again.
    pub(super) hopeless: bool,
}

impl Guard {
    pub(super) fn new(setup: Resilience, balancers: usize) -> Self {
        let seed = setup.seed;
        let breaker = setup.breaker.map(Breaker::new);
        let peril_streams = setup.perils.iter().map(|it| Streams::new(seed, &it.name)).collect();
        Self {
            calls: Calls::default(),
            conditions: Vec::new(),
            lasting: vec![None; setup.perils.len()],
            peril_streams,
            trust: Trust::default(),
            check_phase: seed.stream(Purpose::Check, "phase").open01(),
            ejection_stream: seed.stream(Purpose::Ejection, "jitter"),
            slow_start_stream: seed.stream(Purpose::SlowStart, "turns"),
            breakers: breaker.map_or(Vec::new(), |breaker| vec![breaker; balancers]),
            begun: 0,
            over: 0,
            requests: 0,
            active: 0,
            again: 0,
            freed: Vec::new(),
            hopeless: false,
            setup,
        }
    }

    /// Whether a balancer's circuit lets an attempt pass.
    fn pass(&mut self, balancer: u32, now: Instant) -> Option<Pass> {
        let breaker = self.breakers.get_mut(balancer as usize);
        breaker.map_or(Some(Pass::default()), |breaker| breaker.pass(now))
    }

    fn take_back(&mut self, balancer: u32, pass: Pass) {
        if let Some(breaker) = self.breakers.get_mut(balancer as usize) {
            breaker.take_back(pass);
        }
    }

    /// Asserts that every attempt has ended.
    pub(super) fn conserved(&self) {
        let (begun, over) = (self.begun, self.over);
        assert!(begun == over, "Conservation: {begun} attempts begun, {over} over");
        let left = (self.active, self.again, self.requests);
        assert!(left == (0, 0, 0), "Conservation: attempts, retries, requests left: {left:?}");
    }
}

impl<P: Probe> Drive<'_, P> {
    pub(super) fn guard(&mut self) -> &mut Guard {
        self.guard.as_mut().expect("only what is guarded comes here")
    }

    pub(super) fn set_alarm(&mut self, at: Instant, rank: Rank, alarm: Alarm) {
        self.timers.set(at, rank, Timer::Guard(alarm));
    }

    pub(super) fn alarm(&mut self, alarm: Alarm) {
        match alarm {
            Alarm::Deadline(id, index) => {
                if self.guard().calls.is(id, index) {
                    self.end_call(id, Fate::TimedOut, None);
                }
            }
            Alarm::AttemptOver(ticket, number) => self.give_up_on(ticket, number),
            Alarm::Retry(id, index) => {
                let guard = self.guard();
                if guard.calls.is(id, index) {
                    guard.calls.get(id).waiting = false;
                    guard.again -= 1;
                    self.retry(id);
                }
            }
            Alarm::Hedge(id, index, copies) => {
                let calls = &mut self.guard().calls;
                if calls.is(id, index) && calls.get(id).hedges == copies {
                    self.hedge(id);
                }
            }
            Alarm::Peril(peril, spell, comes) => self.peril(peril, spell, comes),
            Alarm::Strike(peril, server, spell, comes) => self.strike(peril, server, spell, comes),
            Alarm::Check(server) => self.check(server),
            Alarm::Checked(server) => self.checked(server),
            Alarm::Sweep => self.sweep(),
            Alarm::Return(server, times) => self.readmit(server, Some(times)),
            Alarm::Ramped(server, times) => self.ramped(server, times),
            Alarm::Last => self.last(),
        }
        if self.reactive {
            self.look_everywhere();
        }
    }

    // ---- calls ----

    /// A request has come; its arrival has been told.
    #[inline(never)]
    pub(super) fn call(&mut self, request: &Request, index: u64, balancer: u32) {
        let now = self.now;
        let guard = self.guard();
        let id = guard.calls.insert(*request, index, balancer);
        let crowd = Crowd { requests: guard.requests };
        guard.requests += 1;
        // The circuit comes first: what it refuses takes nothing from those who may come in.
        let Some(pass) = guard.pass(balancer, now) else {
            return self.end_call(id, Fate::Shed, None);
        };
        let admission = guard.setup.admission.as_mut();
        if !admission.is_none_or(|it| it.admits(now, request, crowd)) {
            guard.take_back(balancer, pass);
            return self.end_call(id, Fate::Shed, None);
        }
        // Only requests that were let in earn retries.
        if let Some(budget) = guard.setup.retry.as_mut().and_then(|retry| retry.budget.as_mut()) {
            budget.request(now);
        }
        let (deadline, hedge) = (guard.setup.deadline, guard.setup.hedge);
        if deadline != Duration::FOREVER {
            self.set_alarm(now + deadline, Rank::Timeout, Alarm::Deadline(id, index));
        }
        self.attempt(id, Try::First, pass);
        match hedge {
            Some(hedge) if hedge.delay == Duration::ZERO => {
                while self.guard().calls.is(id, index) && self.hedge(id) {}
            }
            Some(hedge) => {
                let calls = &mut self.guard().calls;
                // The first may have failed at once, and called for the next.
                if calls.is(id, index) && calls.get(id).hedges == 0 {
                    let alarm = Alarm::Hedge(id, index, 0);
                    self.set_alarm(now + hedge.delay, Rank::Arrival, alarm);
                }
            }
            None => {}
        }
        self.serve_line();
        if self.reactive {
            self.look_everywhere();
        }
    }

    /// A call is over: with the end of its last attempt, or with none at all.
    ///
    /// Attempts are still open where another one has answered, and nobody will know what would have
    /// become of them; or where the client has waited for long enough, and then they have failed as
    /// far as anybody can tell, as those have that a balancer gives up on.
    fn end_call(&mut self, id: u32, fate: Fate, last: Option<Completion>) {
        let now = self.now;
        let guard = self.guard();
        guard.requests -= 1;
        let call = guard.calls.get(id);
        let (request, index, balancer) = (call.request, call.index, call.balancer);
        // Nearly always there is none, and the empty list keeps its room.
        let open = if call.open.is_empty() { Vec::new() } else { std::mem::take(&mut call.open) };
        let waiting = std::mem::take(&mut call.waiting);
        guard.again -= u64::from(waiting);
        guard.calls.remove(id);
        let answered = fate == Fate::Completed;
        // The client has waited until the first of them was served; from then on it was in service.
        let served = open.iter().filter_map(|it| self.in_service(it.ticket)).min();
        let (started, sent) = served.unwrap_or((now, now));
        let nowhere = Completion { request, fate, server: None, sent, started, ended: now };
        let mut failed = Vec::new();
        for &Open { ticket, why, pass } in &open {
            self.let_go(why);
            if answered {
                self.guard().take_back(balancer, pass);
            } else {
                let server = self.slab[ticket].server;
                failed.push((pass, Some(server).filter(|server| *server != ServerId::NONE)));
            }
            let cancel = match (answered, self.guard().setup.hedge) {
                (true, Some(hedge)) => hedge.cancel,
                _ => self.guard().setup.abandoned == Abandoned::Cancelled,
            };
            self.abandon(ticket, cancel);
        }
        let done = last.map_or(nowhere, |last| Completion { request, fate, ..last });
        self.count_area();
        self.ended += 1;
        self.sojourns += u128::from(done.latency().0);
        if self.scaled && done.server.is_none() {
            self.note_end(&done);
        }
        self.tell(&done, index);
        for (pass, server) in failed {
            self.learn(balancer as usize, pass, server, false);
        }
    }

    /// When the service of an attempt began and when it was sent, if it is in service.
    pub(super) fn in_service(&self, ticket: Ticket) -> Option<(Instant, Instant)> {
        let live = &self.slab[ticket];
        // Who is on the way has a slot kept for it, and is not served yet.
        let serving = live.serving && live.started != Instant::NEVER;
        serving.then_some((live.started, live.sent))
    }

    // ---- attempts ----

    /// Tries a call again, unless the circuit has opened while it waited.
    fn retry(&mut self, id: u32) {
        let now = self.now;
        let guard = self.guard();
        let call = guard.calls.get(id);
        let (balancer, alone, failed) = (call.balancer, call.open.is_empty(), call.failed);
        match guard.pass(balancer, now) {
            Some(pass) => self.attempt(id, Try::Retry, pass),
            None => {
                self.probe.note(now, Note::Denied(true));
                if alone {
                    self.end_call(id, failed, None);
                }
            }
        }
    }

    /// Sends a call to a server, or puts it in line.
    fn attempt(&mut self, id: u32, why: Try, pass: Pass) {
        let guard = self.guard();
        let call = guard.calls.get(id);
        let (before, index) = (call.attempts, call.index);
        call.attempts = before.saturating_add(1);
        let (mut request, balancer) = (call.request, call.balancer);
        if why == Try::Hedge {
            call.hedges += 1;
        }
        if why != Try::First && guard.setup.hedge.is_some_and(|hedge| hedge.own_demand) {
            let class = usize::from(request.class);
            if let Some(Some(drawer)) = guard.setup.demands.get(class) {
                let (input, output) = (request.input, request.output);
                let mut stream = guard.setup.seed.attempt(Purpose::Copy, index, before);
                request.demand = drawer.draw(&mut stream, input, output);
            }
        }
        guard.begun += 1;
        guard.active += 1;
        guard.again += u64::from(why != Try::First);
        let (number, timeout) = (guard.begun, guard.setup.attempt_timeout);
        let elsewhere = match why {
            Try::First => false,
            Try::Retry => guard.setup.retry.as_ref().is_some_and(|retry| retry.elsewhere),
            Try::Hedge => true,
        };
        let ticket = self.slab.insert(request, number, balancer);
        self.slab[ticket].call = id;
        self.slab[ticket].sent = self.now;
        self.guard().calls.get(id).open.push(Open { ticket, why, pass });
        self.probe.note(self.now, Note::Attempt(why));
        if timeout != Duration::FOREVER {
            let alarm = Alarm::AttemptOver(ticket, number);
            self.set_alarm(self.now + timeout, Rank::Timeout, alarm);
        }
        match self.pick_for(ticket, elsewhere) {
            Pick::Server(server) => self.dispatch(ticket, server),
            Pick::Hold if self.guard().hopeless => self.end(ticket, Fate::Failed, None),
            Pick::Hold => self.hold(ticket),
            Pick::Refuse => self.end(ticket, Fate::Rejected, None),
        }
    }

    /// Picks a server for an attempt; one that was tried before only where there is no other.
    pub(super) fn pick_for(&mut self, ticket: Ticket, elsewhere: bool) -> Pick {
        let id = self.slab[ticket].call;
        let tried = if elsewhere { self.hide_tried(id) } else { Vec::new() };
        if tried.is_empty() {
            return self.pick_ramping(ticket);
        }
        let none_left = self.plant.fleet.members().is_empty();
        let pick = (!none_left).then(|| self.pick_ramping(ticket));
        tried.iter().for_each(|&server| self.plant.fleet.show(server));
        // A policy may know only some of the servers, and none of those that are left.
        match pick {
            Some(Pick::Server(server)) => Pick::Server(server),
            _ => self.pick_ramping(ticket),
        }
    }

    fn hide_tried(&mut self, id: u32) -> Vec<ServerId> {
        let tried = self.guard().calls.get(id).tried.clone();
        let hidden = tried.into_iter().filter(|&it| self.plant.fleet.members().contains(it));
        let hidden: Vec<ServerId> = hidden.collect();
        hidden.iter().for_each(|&server| self.plant.fleet.hide(server));
        hidden
    }

    /// An attempt has been sent to a server.
    #[inline(never)]
    pub(super) fn note_attempt(&mut self, ticket: Ticket, server: ServerId) {
        let (now, id) = (self.now, self.slab[ticket].call);
        let guard = self.guard();
        let tried = &mut guard.calls.get(id).tried;
        if !tried.contains(&server) {
            tried.push(server);
        }
        let verdict = guard.setup.health.ejection.as_mut().and_then(|it| it.sent(now, server));
        if let Some(verdict) = verdict {
            self.carry_out(verdict);
        }
    }

    /// An attempt has left the place where it was: its server, or the line.
    #[inline(never)]
    pub(super) fn end_attempt(&mut self, ticket: Ticket, fate: Fate, server: Option<ServerId>) {
        let mut done = self.ending(ticket, fate, server);
        if let (Fate::Completed, Some(server)) = (fate, server)
            && self.answers_with_error(server, false)
        {
            done.fate = Fate::Failed;
        }
        let (id, balancer) = (self.slab[ticket].call, self.slab[ticket].balancer as usize);
        self.slab.remove(ticket);
        self.guard().over += 1;
        if let Some(server) = server {
            self.leave_server(server, &done, balancer);
        }
        if id == Live::NO_CALL {
            return self.probe_attempt(&done, true);
        }
        let (why, pass) = self.take_out(id, ticket);
        let index = self.guard().calls.get(id).index;
        if done.fate == Fate::Completed {
            if why == Try::Hedge {
                self.probe.note(self.now, Note::HedgeWon);
            }
            self.end_call(id, Fate::Completed, Some(done));
            return self.learn(balancer, pass, server, true);
        }
        self.learn(balancer, pass, server, false);
        self.after_failure(id, index, done);
    }

    /// As `leave`, in one place for all that are sent more than once.
    #[inline(never)]
    pub(super) fn leave_server(&mut self, server: ServerId, done: &Completion, balancer: usize) {
        self.leave(server, done, balancer);
        if self.pooled {
            self.guard().freed.push(server);
        }
        if self.scaled {
            self.note_end(done);
        }
    }

    pub(super) fn probe_attempt(&mut self, done: &Completion, in_vain: bool) {
        if done.server.is_some() {
            self.probe.attempt(done, self.horizon, in_vain);
        }
    }

    /// Takes an attempt out of its call.
    pub(super) fn take_out(&mut self, id: u32, ticket: Ticket) -> (Try, Pass) {
        let open = &mut self.guard().calls.get(id).open;
        let at = open.iter().position(|other| other.ticket == ticket);
        let gone = open.remove(at.expect("an attempt is one of its call's"));
        self.let_go(gone.why);
        (gone.why, gone.pass)
    }

    fn let_go(&mut self, why: Try) {
        let guard = self.guard();
        guard.active -= 1;
        guard.again -= u64::from(why != Try::First);
    }

    /// Breaker, budget and ejector learn what became of an attempt.
    pub(super) fn learn(
        &mut self,
        balancer: usize,
        pass: Pass,
        server: Option<ServerId>,
        well: bool,
    ) {
        let now = self.now;
        let guard = self.guard();
        if let Some(budget) = guard.setup.retry.as_mut().and_then(|retry| retry.budget.as_mut()) {
            budget.answered(well);
        }
        if let Some(breaker) = guard.breakers.get_mut(balancer)
            && breaker.take(now, pass, well)
        {
            let note = Note::Circuit(balancer as u32, !breaker.is_closed());
            self.probe.note(now, note);
        }
        if let Some(server) = server {
            self.judge(server, well);
        }
    }

    /// An attempt has failed: there is another one, or others are still under way, or it was the
    /// last.
    pub(super) fn after_failure(&mut self, id: u32, index: u64, done: Completion) {
        if !self.guard().calls.is(id, index) {
            // What was learnt from it let others move up, and the last of them ended the call.
            return self.probe_attempt(&done, true);
        }
        if let Some(wait) = self.may_retry(id, done.fate) {
            let guard = self.guard();
            guard.again += 1;
            let call = guard.calls.get(id);
            (call.waiting, call.failed) = (true, done.fate);
            let alarm = Alarm::Retry(id, index);
            self.probe_attempt(&done, true);
            return self.set_alarm(self.now + wait, Rank::Arrival, alarm);
        }
        // A copy that fails calls for the next one at once, whatever the others do (gRPC, A6).
        if self.guard().setup.hedge.is_some() && self.hedge(id) {
            // That copy may have failed at once and ended the call; this one has not been told.
            return self.probe_attempt(&done, true);
        }
        let call = self.guard().calls.get(id);
        if !call.open.is_empty() || call.waiting {
            return self.probe_attempt(&done, true);
        }
        self.end_call(id, done.fate, Some(done));
    }

    /// How long the next retry of a call waits, if there is one.
    fn may_retry(&mut self, id: u32, fate: Fate) -> Option<Duration> {
        let (now, late) = (self.now, self.is_late());
        let guard = self.guard();
        let deadline = guard.setup.deadline;
        let retry = guard.setup.retry.as_mut()?;
        let call = guard.calls.get(id);
        // Copies beside others are no retries, and leave those their number.
        let attempts = call.attempts - call.hedges;
        if !retry.on.contains(&fate) || attempts >= retry.attempts || call.waiting || late {
            return None;
        }
        let mut stream = guard.setup.seed.attempt(Purpose::Retry, call.index, attempts);
        let wait = retry.backoff.wait(attempts, &mut stream);
        if now + wait >= call.request.arrival + deadline {
            return None;
        }
        let (active, again) = (guard.active, guard.again);
        let closed = guard.breakers.get(call.balancer as usize).is_none_or(Breaker::is_closed);
        let allowed =
            closed && retry.budget.as_mut().is_none_or(|budget| budget.allows(now, active, again));
        if !allowed {
            self.probe.note(now, Note::Denied(!closed));
        }
        allowed.then_some(wait)
    }

    /// Whether it is no use trying again: nobody will serve, or the run has been over for a day.
    fn is_late(&mut self) -> bool {
        let end = self.horizon.unwrap_or(Instant::NEVER) + PATIENCE;
        (self.closing && self.now > end) || self.guard().hopeless
    }

    /// Sends one more copy of a call if it may have one and there is a server that has none.
    fn hedge(&mut self, id: u32) -> bool {
        let now = self.now;
        let tried = self.guard().calls.get(id).tried.clone();
        let members = self.plant.fleet.members();
        let fresh = members.len() > tried.iter().filter(|it| members.contains(**it)).count();
        let guard = self.guard();
        let Some(hedge) = guard.setup.hedge else { return false };
        let call = guard.calls.get(id);
        let (index, balancer, copies) = (call.index, call.balancer, call.hedges + 1);
        if call.hedges + 1 >= hedge.copies || !fresh {
            return false;
        }
        let (active, again) = (guard.active, guard.again);
        let budget = guard.setup.retry.as_mut().and_then(|retry| retry.budget.as_mut());
        if budget.is_some_and(|budget| !budget.allows(now, active, again)) {
            self.probe.note(now, Note::Denied(false));
            return false;
        }
        let Some(pass) = guard.pass(balancer, now) else {
            self.probe.note(now, Note::Denied(true));
            return false;
        };
        self.attempt(id, Try::Hedge, pass);
        let calls = &mut self.guard().calls;
        // One that failed at once has called for the next one itself.
        let more = calls.is(id, index) && calls.get(id).hedges == copies;
        if more && hedge.delay > Duration::ZERO {
            let alarm = Alarm::Hedge(id, index, copies);
            self.set_alarm(now + hedge.delay, Rank::Arrival, alarm);
        }
        true
    }
}
