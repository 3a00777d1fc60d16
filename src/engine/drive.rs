//! The general loop: departures from a tournament, arrivals from chunks, everything else by timer.

use super::calendar::Calendar;
use super::guarded::{Alarm, Guard};
use super::life::Turn;
use super::reports::Reporter;
use super::timers::Timers;
use super::{Ending, Plant, Rank, Watch, mix};
use crate::balance::Pick;
use crate::diagnose::Problem;
use crate::fleet::{Report, State, View};
use crate::model::{Fate, Request, ServerId};
use crate::probe::{Crowd, Probe};
use crate::station::{Fifo, Line, Offer, Slab, Ticket};
use crate::time::{Duration, Instant};
use crate::workload::{CHUNK, Source};

/// What a timer is for.
#[derive(Debug)]
pub(super) enum Timer {
    /// A request may have waited too long; its number tells whether the ticket is still its.
    Timeout(Ticket, u64),
    /// A client of a closed loop sends again.
    Return(Request),
    /// A request has travelled to its server.
    Deliver(Ticket),
    /// The next group of servers measures its load.
    Measure,
    /// A report is heard.
    Publish(ServerId, Report),
    /// A server moves on in its life, or an autoscaler looks.
    Life(Turn),
    /// Something fails, or is done about it.
    Guard(Alarm),
}

#[expect(clippy::struct_excessive_bools, reason = "each saves a hot path a look elsewhere")]
pub(super) struct Drive<'a, P> {
    pub(super) plant: Plant,
    pub(super) source: &'a mut dyn Source,
    pub(super) probe: &'a mut P,
    pub(super) calendar: Calendar,
    pub(super) timers: Timers<Timer>,
    pub(super) slab: Slab,
    /// Requests that each balancer sent and that have not ended, where there are several.
    pub(super) own: Vec<Vec<u32>>,
    pub(super) now: Instant,
    pub(super) arrived: u64,
    pub(super) ended: u64,
    pub(super) horizon: Option<Instant>,
    last_arrival: Instant,
    fingerprint: u64,
    pub(super) closed_loop: bool,
    pub(super) reporter: Option<Reporter>,
    /// How many lists a server that falls idle looks at; 0 when nobody keeps such lists.
    pub(super) idle_lists: u32,
    /// Since when each server has had as many requests as it has, where requests share servers.
    since: Vec<Instant>,
    /// Whether all arrivals but those of a closed loop are in.
    pub(super) closing: bool,
    /// Requests of a closed loop that have not come back yet.
    pub(super) returning: u64,
    /// Whether servers come and go: without it nothing below costs anything.
    pub(super) scaled: bool,
    /// Whether some autoscaler looks after every arrival and every end.
    pub(super) reactive: bool,
    /// Whether requests wait before the pools, so that only servers with a free slot are open.
    pub(super) pooled: bool,
    /// Those who wait because there was no server at all.
    pub(super) lobby: Fifo,
    /// What may fail, and the requests that may be sent more than once.
    pub(super) guard: Option<Box<Guard>>,
    /// Whether there is such: without it nothing of it costs anything.
    pub(super) guarded: bool,
    // Little, counted event by event.
    pub(super) area: u128,
    pub(super) area_at: Instant,
    pub(super) sojourns: u128,
}

pub(super) fn run<P: Probe>(
    mut plant: Plant,
    source: &mut dyn Source,
    until: Option<Instant>,
    probe: &mut P,
    watch: &dyn Watch,
) -> Result<Ending, Problem> {
    let servers = plant.fleet.len();
    if plant.shared.is_some() {
        plant.fleet.follow_open();
    }
    let balancers = plant.balancers.len();
    let shares = plant.stations.iter().any(|station| station.shares());
    let mut drive = Drive {
        calendar: Calendar::new(servers),
        timers: Timers::default(),
        slab: Slab::default(),
        own: if balancers > 1 { vec![vec![0; servers]; balancers] } else { Vec::new() },
        now: Instant::START,
        arrived: 0,
        ended: 0,
        horizon: until,
        last_arrival: Instant::START,
        fingerprint: 0,
        closed_loop: source.is_closed_loop(),
        reporter: plant.reporting.map(Reporter::new),
        idle_lists: plant.balancers.first().map_or(0, |balancer| balancer.idle_lists()),
        since: if shares { vec![Instant::START; servers] } else { Vec::new() },
        closing: false,
        returning: 0,
        scaled: false,
        reactive: false,
        pooled: false,
        lobby: Fifo::default(),
        guarded: plant.resilience.is_some(),
        guard: plant.resilience.take().map(|setup| Box::new(Guard::new(setup, balancers))),
        area: 0,
        area_at: Instant::START,
        sojourns: 0,
        plant,
        source,
        probe,
    };
    drive.begin_life();
    if drive.guarded {
        drive.begin_perils();
    }
    let stopped = drive.until_all_have_ended(watch)?;
    drive.finish(stopped)
}

impl<P: Probe> Drive<'_, P> {
    fn until_all_have_ended(&mut self, watch: &dyn Watch) -> Result<bool, Problem> {
        let mut chunk: Vec<Request> = Vec::with_capacity(CHUNK);
        let mut stopped = false;
        if let Some(reporter) = &self.reporter {
            self.timers.set(self.now + reporter.step(), Rank::Tick, Timer::Measure);
        }
        loop {
            chunk.clear();
            if !stopped {
                self.source.fill(&mut chunk)?;
                watch.read(self.source.share());
                stopped = !watch.go_on(self.arrived, self.now);
            }
            for request in &chunk {
                self.events_before(request.arrival);
                self.arrive(request);
            }
            if chunk.is_empty() {
                break;
            }
        }
        // A run that is stopped early covers only the time until then.
        if stopped {
            self.horizon = Some(self.last_arrival);
        } else if !self.closed_loop {
            let end = self.source.end().unwrap_or(self.last_arrival);
            self.horizon.get_or_insert(self.last_arrival.max(end));
        }
        self.closing = true;
        if self.guarded {
            self.set_last();
        }
        self.events_before(Instant::NEVER);
        if self.scaled {
            self.give_up();
        }
        Ok(stopped)
    }

    /// Handles everything that comes before an arrival at `arrival`.
    #[inline]
    fn events_before(&mut self, arrival: Instant) {
        loop {
            let departure = self.calendar.first();
            let (timer, rank) = self.timers.first();
            if departure.at <= timer && departure.at <= arrival {
                if departure.at == Instant::NEVER {
                    return;
                }
                self.depart(departure.at, departure.server);
            } else if timer < arrival || (timer == arrival && rank <= Rank::Arrival) {
                self.timer();
            } else {
                return;
            }
        }
    }

    fn timer(&mut self) {
        let Some((at, timer)) = self.timers.pop() else { return };
        self.advance(at);
        match timer {
            Timer::Timeout(ticket, index) => self.time_out(ticket, index),
            Timer::Return(request) => {
                self.returning -= 1;
                if self.horizon.is_none_or(|horizon| at <= horizon) {
                    self.arrive(&request);
                }
            }
            Timer::Deliver(ticket) => self.deliver(ticket),
            Timer::Measure => self.measure(),
            Timer::Publish(server, report) => self.plant.fleet.publish(server, report),
            Timer::Life(turn) => self.take_turn(turn),
            Timer::Guard(alarm) => self.alarm(alarm),
        }
        if self.guarded {
            self.serve_line();
        }
    }

    /// A group of servers measures its load, and the next group's turn is set while there is load.
    fn measure(&mut self) {
        let Some(reporter) = &mut self.reporter else { return };
        let delay = reporter.delay();
        let reports = reporter.measure(self.now, &self.plant);
        let step = reporter.step();
        for (server, report) in reports {
            // One that is out says nothing.
            if !self.is_out(server) {
                self.timers.set(self.now + delay, Rank::Tick, Timer::Publish(server, report));
            }
        }
        let over = !self.closed_loop || self.horizon.is_some_and(|horizon| self.now > horizon);
        if !(self.closing && over && self.arrived == self.ended) {
            self.timers.set(self.now + step, Rank::Tick, Timer::Measure);
        }
    }

    #[inline]
    fn advance(&mut self, to: Instant) {
        assert!(to >= self.now, "Order: {to:?} comes after {:?}", self.now);
        self.now = to;
    }

    #[inline]
    fn arrive(&mut self, request: &Request) {
        self.advance(request.arrival);
        self.last_arrival = self.now;
        self.fingerprint = mix(self.fingerprint, request);
        self.count_area();
        let index = self.arrived;
        self.arrived += 1;
        self.probe.arrival(request, index);
        let balancers = self.plant.balancers.len();
        let balancer = self.plant.dealt.pick(index, balancers) as u32;
        if self.guarded {
            return self.call(request, index, balancer);
        }
        let ticket = self.slab.insert(*request, index, balancer);
        match self.pick(ticket) {
            Pick::Server(server) => self.dispatch(ticket, server),
            Pick::Hold => self.hold(ticket),
            Pick::Refuse => self.end(ticket, Fate::Rejected, None),
        }
        if self.reactive {
            self.look_everywhere();
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "those who may be sent again pick elsewhere as well")]
    pub(super) fn pick(&mut self, ticket: Ticket) -> Pick {
        let Plant { fleet, balancers, streams, .. } = &mut self.plant;
        let candidates = if self.pooled { fleet.open() } else { fleet.members() };
        if candidates.is_empty() {
            return if self.pooled || self.scaled { Pick::Hold } else { Pick::Refuse };
        }
        let live = &self.slab[ticket];
        let balancer = live.balancer as usize;
        let view = match self.own.get(balancer) {
            Some(own) => View::partial(self.now, fleet, candidates, own),
            None => View::whole(self.now, fleet, candidates),
        };
        balancers[balancer].pick(&live.request, &view, &mut streams[balancer])
    }

    #[inline]
    pub(super) fn dispatch(&mut self, ticket: Ticket, server: ServerId) {
        let plant = &mut self.plant;
        let network = plant.fleet.spec(server).network;
        plant.fleet.sent(server);
        if self.scaled {
            let tokens = self.slab[ticket].request.tokens();
            self.note_sent(server, tokens);
        }
        let plant = &mut self.plant;
        let live = &mut self.slab[ticket];
        live.server = server;
        live.sent = self.now;
        let balancer = live.balancer as usize;
        if let Some(own) = self.own.get_mut(balancer) {
            own[server.index()] += 1;
        }
        plant.balancers[balancer].on_send(&live.request, server);
        if let Some(reporter) = &mut self.reporter {
            reporter.sent(&live.request, server);
        }
        if self.guarded {
            self.note_attempt(ticket, server);
        }
        if network == Duration::ZERO {
            self.deliver(ticket);
        } else {
            if self.plant.shared.is_some() {
                // Its slot is kept for it: it has left the line and cannot time out any more.
                let live = &mut self.slab[ticket];
                (live.serving, live.started) = (true, self.now);
            }
            if self.guarded {
                self.slab[ticket].started = Instant::NEVER;
            }
            self.timers.set(self.now + network, Rank::Arrival, Timer::Deliver(ticket));
        }
    }

    #[inline]
    fn deliver(&mut self, ticket: Ticket) {
        let plant = &mut self.plant;
        let live = &self.slab[ticket];
        let (server, patience, index) = (live.server, live.request.patience, live.index);
        if self.guarded {
            if self.is_turned_away(ticket, server) {
                return;
            }
        } else if plant.fleet.state(server) == State::Gone {
            // It went while the request was on its way.
            return self.end(ticket, Fate::Failed, Some(server));
        }
        let plant = &mut self.plant;
        let (pool, at) = (plant.fleet.spec(server).pool, plant.places[server.index()] as usize);
        let station = &mut plant.stations[usize::from(pool)];
        if let Some(reporter) = &mut self.reporter {
            let slots = plant.fleet.spec(server).slots;
            reporter.busy_until(self.now, server, station.serving(at).min(slots));
        }
        self.count_crowd(server);
        let station = &mut self.plant.stations[usize::from(pool)];
        match station.offer(at, ticket, self.now, &mut self.slab) {
            Offer::Started => self.calendar.set(server, station.next_departure(at)),
            Offer::Waiting => self.mind_patience(ticket, index, patience),
            Offer::Full => self.end(ticket, Fate::Rejected, Some(server)),
        }
    }

    pub(super) fn hold(&mut self, ticket: Ticket) {
        match &mut self.plant.shared {
            Some((line, limit)) if line.len() < *limit => line.push(ticket, &mut self.slab),
            None if self.scaled => {
                self.lobby.push(ticket, &mut self.slab);
                self.form_line();
            }
            _ => return self.end(ticket, Fate::Rejected, None),
        }
        let live = &self.slab[ticket];
        let (index, patience) = (live.index, live.request.patience);
        self.mind_patience(ticket, index, patience);
    }

    /// From now on requests wait before the pools, and go to servers as slots are free: the first
    /// server to come up would otherwise get all of them.
    pub(super) fn form_line(&mut self) {
        self.pooled = true;
        self.plant.fleet.follow_open();
    }

    #[inline]
    pub(super) fn mind_patience(&mut self, ticket: Ticket, index: u64, patience: Duration) {
        let queue_timeout = self.plant.queue_timeout;
        if patience.min(queue_timeout.limit) != Duration::FOREVER {
            let own = self.slab[ticket].request.arrival + patience;
            let at = own.min(queue_timeout.end(self.now)).max(self.now);
            self.timers.set(at, Rank::Timeout, Timer::Timeout(ticket, index));
        }
    }

    fn time_out(&mut self, ticket: Ticket, index: u64) {
        let live = self.slab[ticket];
        if live.index != index || live.serving || (self.guarded && self.waits_anew(ticket)) {
            return;
        }
        if self.guarded && self.ends_hanging(ticket, Fate::TimedOut) {
            return;
        }
        // Behind a shared queue no one waits at a server.
        if let Some((line, _)) = &mut self.plant.shared {
            line.remove(ticket, &mut self.slab);
            return self.end(ticket, Fate::TimedOut, None);
        }
        if live.server == ServerId::NONE {
            self.lobby.remove(ticket, &mut self.slab);
            self.pooled = !self.lobby.is_empty();
            return self.end(ticket, Fate::TimedOut, None);
        }
        let at = self.plant.places[live.server.index()] as usize;
        let pool = usize::from(self.plant.fleet.spec(live.server).pool);
        if self.plant.stations[pool].withdraw(at, ticket, &mut self.slab) {
            self.end(ticket, Fate::TimedOut, Some(live.server));
        }
    }

    #[inline]
    fn depart(&mut self, at: Instant, server: ServerId) {
        self.advance(at);
        let plant = &mut self.plant;
        let place = plant.places[server.index()] as usize;
        let station = &mut plant.stations[usize::from(plant.fleet.spec(server).pool)];
        if let Some(reporter) = &mut self.reporter {
            let slots = plant.fleet.spec(server).slots;
            reporter.busy_until(at, server, station.serving(place).min(slots));
        }
        self.count_crowd(server);
        let plant = &mut self.plant;
        let station = &mut plant.stations[usize::from(plant.fleet.spec(server).pool)];
        let ticket = station.depart(place, at, &mut self.slab);
        self.calendar.set(server, station.next_departure(place));
        self.end(ticket, Fate::Completed, Some(server));
        if self.pooled {
            self.take_from_line(server);
        }
        if self.reactive {
            self.look_everywhere();
        }
    }

    /// A request has left a server while others wait before the pools.
    #[inline]
    fn take_from_line(&mut self, server: ServerId) {
        if self.guarded {
            self.serve_line();
        } else {
            self.hand_over(server);
        }
    }

    /// A freed slot takes the next of those who wait before the pools; says whether there was one.
    #[inline]
    pub(super) fn hand_over(&mut self, server: ServerId) -> bool {
        if !self.pooled || !self.plant.fleet.open().contains(server) {
            return false;
        }
        let next = if let Some((line, _)) = &mut self.plant.shared {
            line.pop(&mut self.slab)
        } else {
            let next = self.lobby.pop(&mut self.slab);
            self.pooled = !self.lobby.is_empty();
            next
        };
        if let Some(ticket) = next {
            self.dispatch(ticket, server);
        }
        next.is_some()
    }

    /// What is counted over time at a server is brought up to now, before it changes.
    pub(super) fn settle(&mut self, server: ServerId) {
        let Plant { fleet, stations, places, .. } = &self.plant;
        let (spec, place) = (fleet.spec(server), places[server.index()] as usize);
        if let Some(reporter) = &mut self.reporter {
            let serving = stations[usize::from(spec.pool)].serving(place);
            reporter.busy_until(self.now, server, serving.min(spec.slots));
        }
        self.count_crowd(server);
    }

    /// Tells how many requests more than slots there were, before their number changes.
    #[inline]
    pub(super) fn count_crowd(&mut self, server: ServerId) {
        if self.since.is_empty() {
            return;
        }
        if server.index() >= self.since.len() {
            self.since.resize(server.index() + 1, self.now);
        }
        let from = std::mem::replace(&mut self.since[server.index()], self.now);
        let (spec, place) = (self.plant.fleet.spec(server), self.plant.places[server.index()]);
        let serving = self.plant.stations[usize::from(spec.pool)].serving(place as usize);
        let serving = serving + self.hanging_in_service(server);
        let (beyond, horizon) = (serving.saturating_sub(spec.slots), self.horizon);
        if beyond > 0 {
            self.probe.crowd(&Crowd { server, from, to: self.now, beyond, horizon });
        }
    }

    #[inline]
    pub(super) fn count_area(&mut self) {
        // Called before the number in system changes; it is arrivals less ends.
        let in_system = self.arrived - self.ended;
        self.area += u128::from((self.now - self.area_at).0) * u128::from(in_system);
        self.area_at = self.now;
    }

    fn finish(mut self, stopped: bool) -> Result<Ending, Problem> {
        self.end_life();
        if self.arrived != self.ended && self.is_beyond_the_clock() {
            return Err(super::beyond_the_clock());
        }
        assert!(
            self.arrived == self.ended && self.slab.is_empty(),
            "Conservation: {} arrived, {} ended, {} left",
            self.arrived,
            self.ended,
            self.slab.len()
        );
        if let Some(guard) = &self.guard {
            guard.conserved();
        }
        assert!(self.area == self.sojourns, "Little: {} ≠ {}", self.area, self.sojourns);
        Ok(Ending {
            arrived: self.arrived,
            horizon: self.horizon.unwrap_or(self.last_arrival),
            // The last arrival or end; a report may have been measured later.
            last: self.area_at,
            fingerprint: self.fingerprint,
            stopped,
        })
    }

    /// Whether services go on that will end at no instant the clock has.
    fn is_beyond_the_clock(&self) -> bool {
        let plant = &self.plant;
        let serving = |(server, &place): (usize, &u32)| {
            let pool = plant.fleet.spec(ServerId(server as u32)).pool;
            plant.stations[usize::from(pool)].serving(place as usize) > 0
        };
        plant.places.iter().enumerate().any(serving)
    }
}
