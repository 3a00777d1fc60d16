//! How requests end: what became of them, and who is told.

#![expect(clippy::inline_always, reason = "a call would copy the completion at each end")]

use super::drive::{Drive, Timer};
use super::{Plant, Rank};
use crate::model::{Completion, Fate, ServerId};
use crate::probe::Probe;
use crate::station::Ticket;

impl<P: Probe> Drive<'_, P> {
    /// A request is over: everyone who needs to know is told.
    #[inline]
    pub(super) fn end(&mut self, ticket: Ticket, fate: Fate, server: Option<ServerId>) {
        if self.guarded {
            return self.end_attempt(ticket, fate, server);
        }
        self.count_area();
        let (index, balancer) = (self.slab[ticket].index, self.slab[ticket].balancer as usize);
        let done = self.ending(ticket, fate, server);
        self.slab.remove(ticket);
        self.ended += 1;
        self.sojourns += u128::from(done.latency().0);
        if let Some(server) = server {
            self.leave(server, &done, balancer);
        }
        if self.scaled {
            self.note_end(&done);
        }
        self.tell(&done, index);
    }

    /// How a request, or an attempt of it, ends now.
    #[inline(always)]
    pub(super) fn ending(
        &self,
        ticket: Ticket,
        fate: Fate,
        server: Option<ServerId>,
    ) -> Completion {
        let live = &self.slab[ticket];
        let started = if live.serving { live.started } else { self.now };
        let done = Completion {
            request: live.request,
            fate,
            server,
            sent: if server.is_some() { live.sent } else { self.now },
            started,
            ended: self.now,
        };
        assert!(
            done.request.arrival <= done.sent && done.sent <= started && started <= self.now,
            "Causality: {done:?}"
        );
        if fate == Fate::Completed
            && let Some(server) = server
        {
            let spec = self.plant.fleet.spec(server);
            let life = self.plant.life.get(usize::from(spec.pool));
            let speed = life.map_or(spec.speed, |life| life.fastest);
            let least = done.request.demand.at_speed(speed);
            assert!(done.service() >= least, "Work: {done:?} got less than its demand");
        }
        done
    }

    /// A server has one less, and all who count are told.
    #[inline(always)]
    pub(super) fn leave(&mut self, server: ServerId, done: &Completion, balancer: usize) {
        self.plant.fleet.left(server);
        if let Some(own) = self.own.get_mut(balancer) {
            own[server.index()] -= 1;
        }
        self.plant.balancers[balancer].on_done(done);
        if let Some(reporter) = &mut self.reporter {
            reporter.ended(done, server);
        }
        if self.idle_lists > 0 && self.plant.fleet.in_flight(server) == 0 {
            self.report_idle(server, balancer);
        }
    }

    /// A request is over: probes are told, and the client of a closed loop goes on.
    #[inline(always)]
    pub(super) fn tell(&mut self, done: &Completion, index: u64) {
        self.probe.completion(done, index);
        if let Some(horizon) = self.horizon.filter(|horizon| self.now > *horizon) {
            self.probe.beyond(done, horizon);
        }
        if self.closed_loop
            && let Some(next) = self.source.follow(done)
        {
            self.returning += 1;
            self.timers.set(next.arrival, Rank::Arrival, Timer::Return(next));
        }
    }

    /// An idle server puts itself on the shortest of a few balancers' lists.
    fn report_idle(&mut self, server: ServerId, balancer: usize) {
        let Plant { balancers, streams, .. } = &mut self.plant;
        let (count, stream) = (balancers.len() as u32, &mut streams[balancer]);
        let drawn = (0..self.idle_lists.min(count)).map(|_| stream.below(count) as usize);
        let shortest = drawn.min_by_key(|&list| balancers[list].idle_listed());
        balancers[shortest.unwrap_or(0)].on_idle(server);
    }
}
