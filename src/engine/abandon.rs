//! Attempts that nobody waits for any more, that servers give back, or that never come back at all.

use super::Rank;
use super::drive::Drive;
use super::guarded::Alarm;
use super::resilience::Abandoned;
use crate::balance::Pick;
use crate::fleet::State;
use crate::model::{Completion, Fate, ServerId};
use crate::probe::{Note, Probe};
use crate::station::{Line, Live, Ticket};
use crate::time::{Duration, Instant};

impl<P: Probe> Drive<'_, P> {
    /// The balancer has waited for long enough for an attempt.
    pub(super) fn give_up_on(&mut self, ticket: Ticket, number: u64) {
        let live = self.slab[ticket];
        if live.index != number || live.call == Live::NO_CALL {
            return;
        }
        let now = self.now;
        let server = Some(live.server).filter(|server| *server != ServerId::NONE);
        let index = self.guard().calls.get(live.call).index;
        let (started, sent) = self.in_service(ticket).unwrap_or((now, now));
        let (_, pass) = self.take_out(live.call, ticket);
        let cancel = self.guard().setup.abandoned == Abandoned::Cancelled;
        self.abandon(ticket, cancel);
        self.learn(live.balancer as usize, pass, server, false);
        let done = Completion {
            request: live.request,
            fate: Fate::TimedOut,
            server: None,
            sent,
            started,
            ended: now,
        };
        self.after_failure(live.call, index, done);
    }

    /// Nobody waits for an attempt any more: it leaves the line, and its server if that can tell.
    pub(super) fn abandon(&mut self, ticket: Ticket, cancel: bool) {
        self.slab[ticket].call = Live::NO_CALL;
        let live = self.slab[ticket];
        if live.server == ServerId::NONE {
            if let Some((line, _)) = &mut self.plant.shared {
                line.remove(ticket, &mut self.slab);
            } else {
                self.lobby.remove(ticket, &mut self.slab);
                self.pooled = !self.lobby.is_empty();
            }
            self.slab.remove(ticket);
            self.guard().over += 1;
            return;
        }
        let server = live.server;
        // Who is on the way is dropped on arrival.
        if !cancel || live.started == Instant::NEVER {
            return;
        }
        if self.ends_hanging(ticket, Fate::Cancelled) {
            return;
        }
        let place = self.plant.places[server.index()] as usize;
        let pool = usize::from(self.plant.fleet.spec(server).pool);
        self.settle(server);
        let station = &mut self.plant.stations[pool];
        if live.serving {
            station.cancel(place, ticket, self.now, &mut self.slab);
        } else {
            station.withdraw(place, ticket, &mut self.slab);
        }
        self.calendar.set(server, self.plant.stations[pool].next_departure(place));
        self.end(ticket, Fate::Cancelled, Some(server));
        while self.hand_over(server) {}
    }

    /// A server gives an attempt back, with this demand left; it is placed anew.
    pub(super) fn give_back(&mut self, ticket: Ticket, left: Duration, resumed: bool) {
        let server = self.slab[ticket].server;
        let done = self.ending(ticket, Fate::Cancelled, Some(server));
        let balancer = self.slab[ticket].balancer as usize;
        self.leave_server(server, &done, balancer);
        self.probe_attempt(&done, !resumed);
        let live = &mut self.slab[ticket];
        (live.server, live.serving, live.sent) = (ServerId::NONE, false, self.now);
        if resumed {
            live.request.demand = left;
        }
        if live.call == Live::NO_CALL {
            self.slab.remove(ticket);
            self.guard().over += 1;
            return;
        }
        self.probe.note(self.now, Note::Returned);
        match self.pick_for(ticket, true) {
            Pick::Server(server) => self.dispatch(ticket, server),
            Pick::Hold => self.hold_first(ticket),
            Pick::Refuse => self.end(ticket, Fate::Rejected, None),
        }
    }

    /// As `hold`, ahead of those who came later.
    fn hold_first(&mut self, ticket: Ticket) {
        match &mut self.plant.shared {
            Some((line, _)) => line.push_front(ticket, &mut self.slab),
            None => {
                self.lobby.push_front(ticket, &mut self.slab);
                self.form_line();
            }
        }
        let live = &self.slab[ticket];
        let (index, patience) = (live.index, live.request.patience);
        self.mind_patience(ticket, index, patience);
    }

    /// Whether a timer of the queue is that of a stay before this one: who was given back waits
    /// anew, from when it was.
    pub(super) fn waits_anew(&self, ticket: Ticket) -> bool {
        let live = &self.slab[ticket];
        let mut joined = live.sent;
        if live.server != ServerId::NONE {
            joined = joined + self.plant.fleet.spec(live.server).network;
        }
        let own = live.request.arrival + live.request.patience;
        own.min(self.plant.queue_timeout.end(joined)) > self.now
    }

    /// Hands the slots that attempts have left to those who wait before the pools. An attempt that
    /// is refused at once leaves its slot again: one after the other, until the line is empty or
    /// nobody is free.
    pub(super) fn serve_line(&mut self) {
        let mut at = 0;
        while let Some(&server) = self.guard().freed.get(at) {
            at += 1;
            while self.hand_over(server) {}
        }
        self.guard().freed.clear();
    }

    /// Whether an attempt that has just come to its server is dropped, refused, or left hanging
    /// there.
    #[inline(never)]
    pub(super) fn is_turned_away(&mut self, ticket: Ticket, server: ServerId) -> bool {
        let live = &mut self.slab[ticket];
        let on_the_way = live.started == Instant::NEVER;
        if on_the_way {
            live.started = self.now;
        }
        if self.plant.fleet.state(server) == State::Gone {
            // It went while the attempt was on its way.
            self.end(ticket, Fate::Failed, Some(server));
            return true;
        }
        let orphan = self.slab[ticket].call == Live::NO_CALL;
        if orphan && self.guard().setup.abandoned == Abandoned::Cancelled {
            self.end(ticket, Fate::Cancelled, Some(server));
            return true;
        }
        if self.answers_with_error(server, true) {
            self.end(ticket, Fate::Failed, Some(server));
            return true;
        }
        self.is_out_for(ticket, server)
    }

    /// The run is over but for those who hang: they are told.
    pub(super) fn set_last(&mut self) {
        let at = self.horizon.unwrap_or(self.now).max(self.now);
        self.set_alarm(at, Rank::End, Alarm::Last);
    }

    pub(super) fn last(&mut self) {
        let servers = self.plant.fleet.len() as u32;
        let mut hope = false;
        for server in (0..servers).map(ServerId) {
            let there = matches!(
                self.plant.fleet.state(server),
                State::Ready | State::Failed | State::Starting
            );
            if self.is_out_for_good(server) {
                self.thaw(server, true);
            } else {
                hope |= there;
            }
        }
        if !hope && self.plant.life.iter().all(|life| life.scaler.is_none()) {
            self.guard().hopeless = true;
            self.give_up();
        }
    }
}
