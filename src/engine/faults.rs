//! Faults come to servers and go: what becomes of their requests, their speed, their answers.

use super::Rank;
use super::drive::Drive;
use super::guarded::{Alarm, Guard};
use crate::fault::{Effect, Loss, Spell, Streams};
use crate::fleet::State;
use crate::health::Score;
use crate::model::{Fate, ServerId};
use crate::probe::{Note, Probe};
use crate::rng::{Purpose, Stream};
use crate::station::{Offer, Ticket};
use crate::time::{Duration, Instant};

/// A request that hangs at a server that is out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hanging {
    ticket: Ticket,
    /// The demand that is left of it at speed 1.
    left: Duration,
    /// Whether it fails when the server is back, rather than going on.
    dies: bool,
    /// Whether its service had begun, and when.
    started: Option<Instant>,
}

/// Errors that a server answers with.
#[derive(Clone, Copy, Debug)]
struct Answers {
    peril: u16,
    share: f64,
    nth: u32,
    at_once: bool,
    count: u32,
}

/// The random numbers of one fault at one server, which no other server or fault draws from.
#[derive(Debug)]
struct Own {
    times: Streams,
    errors: Stream,
}

/// What a server is really like, and what it is taken for.
#[derive(Debug, Default)]
pub(super) struct Condition {
    /// Faults that keep it out, each with whether who is sent to it hangs, and until when.
    out: Vec<(u16, bool, Instant)>,
    hanging: Vec<Hanging>,
    slow: Vec<(u16, f64)>,
    /// Its share of its speed but for faults: servers warm up.
    warm: Option<f64>,
    errors: Vec<Answers>,
    /// The random numbers of each fault that has come to it, by the fault's place.
    own: Vec<Option<Own>>,
    /// What active checks have come to.
    pub(super) score: Option<Score>,
    /// Whether active checks, or knowledge, take it for down.
    pub(super) marked: bool,
    pub(super) ejected: bool,
    /// Whether balancers send it nothing for that.
    pub(super) shunned: bool,
    /// How often it was ejected, and how often it began again slowly.
    pub(super) ejections: u32,
    pub(super) ramps: u32,
    /// Since when it has had fewer turns, if it has.
    pub(super) ramping: Option<Instant>,
}

impl Condition {
    pub(super) fn is_out(&self) -> bool {
        !self.out.is_empty()
    }

    /// Whether who asks it hears nothing, not even a refusal.
    pub(super) fn hangs(&self) -> bool {
        self.out.iter().any(|(_, hangs, _)| *hangs)
    }
}

impl Guard {
    pub(super) fn condition(&mut self, server: ServerId) -> &mut Condition {
        if server.index() >= self.conditions.len() {
            self.conditions.resize_with(server.index() + 1, Condition::default);
        }
        &mut self.conditions[server.index()]
    }

    /// Sees to it that a fault has its random numbers at a server, by its pool and place in it.
    fn own(&mut self, peril: u16, server: ServerId, [pool, place]: [u32; 2]) {
        let at = usize::from(peril);
        let (name, seed) = (&self.setup.perils[at].name, self.setup.seed);
        let entity = format!("{name}/{pool}/{place}");
        let own = &mut self.condition(server).own;
        if own.len() <= at {
            own.resize_with(at + 1, || None);
        }
        let errors = || seed.stream(Purpose::Error, &entity);
        let fresh = || Own { times: Streams::new(seed, &entity), errors: errors() };
        own[at].get_or_insert_with(fresh);
    }
}

impl<P: Probe> Drive<'_, P> {
    /// Sets the first times of all faults, checks and looks.
    pub(super) fn begin_perils(&mut self) {
        for peril in 0..self.guard().setup.perils.len() as u16 {
            self.next_peril(peril, None);
        }
        let servers = self.plant.fleet.len() as u32;
        for server in (0..servers).map(ServerId) {
            self.meet_perils(server);
        }
        self.begin_checks();
    }

    /// Whether a fault may no longer begin. One that comes again and again does not after the
    /// stretch that is simulated: requests that begin anew whenever their server fails might else
    /// never end. One that comes once also hits those who are still there then.
    fn comes_too_late(&mut self, peril: u16) -> bool {
        let once = self.guard().setup.perils[usize::from(peril)].timing.is_once();
        let past = self.closing && self.horizon.is_none_or(|horizon| self.now >= horizon);
        if once { self.is_over() } else { past }
    }

    fn hits(&mut self, peril: u16, server: ServerId) -> bool {
        let pool = self.plant.fleet.spec(server).pool;
        let place = self.plant.places[server.index()];
        let peril = &self.guard().setup.perils[usize::from(peril)];
        peril.pools.contains(&pool)
            && peril.places.as_ref().is_none_or(|places| places.contains(&place))
    }

    /// A server has come up: faults that last hit it as well, and those that have times for each
    /// server begin theirs.
    pub(super) fn meet_perils(&mut self, server: ServerId) {
        for peril in 0..self.guard().setup.perils.len() as u16 {
            if !self.hits(peril, server) {
                continue;
            }
            let at = usize::from(peril);
            if self.guard().setup.perils[at].timing.is_each() {
                self.next_strike(peril, server, None);
            } else if let Some(spell) = self.guard().lasting[at]
                && !self.comes_too_late(peril)
            {
                // It ends for this server when it ends for the others.
                self.afflict(peril, server, spell, true);
            }
        }
        self.begin_checking(server);
    }

    /// The next time of a fault that hits all its servers at once.
    fn next_peril(&mut self, peril: u16, after: Option<Instant>) {
        let now = self.now;
        let guard = self.guard();
        let at = usize::from(peril);
        let timing = &guard.setup.perils[at].timing;
        if timing.is_each() {
            return;
        }
        if let Some(spell) = timing.next(after, &mut guard.peril_streams[at]) {
            let alarm = Alarm::Peril(peril, spell, true);
            self.set_alarm(spell.from.max(now), Rank::Fleet, alarm);
        }
    }

    pub(super) fn peril(&mut self, peril: u16, spell: Spell, comes: bool) {
        if comes && self.comes_too_late(peril) {
            return;
        }
        self.guard().lasting[usize::from(peril)] = comes.then_some(spell);
        let servers = self.plant.fleet.len() as u32;
        for server in (0..servers).map(ServerId) {
            if self.hits(peril, server) {
                self.afflict(peril, server, spell, comes);
            }
        }
        if comes && spell.to != Instant::NEVER {
            self.set_alarm(spell.to, Rank::Fleet, Alarm::Peril(peril, spell, false));
        } else if !comes {
            self.next_peril(peril, Some(spell.to));
        }
    }

    /// The next time of a fault for one server.
    fn next_strike(&mut self, peril: u16, server: ServerId, after: Option<Instant>) {
        let place = self.plant.places[server.index()];
        let pool = self.plant.fleet.spec(server).pool;
        let (now, at) = (self.now, usize::from(peril));
        let after = after.or((now > Instant::START).then_some(now));
        let guard = self.guard();
        guard.own(peril, server, [pool.into(), place]);
        let Guard { conditions, setup, .. } = guard;
        let own = conditions[server.index()].own[at].as_mut().expect("it was just made");
        if let Some(spell) = setup.perils[at].timing.next(after, &mut own.times) {
            let alarm = Alarm::Strike(peril, server, spell, true);
            self.set_alarm(spell.from.max(now), Rank::Fleet, alarm);
        }
    }

    pub(super) fn strike(&mut self, peril: u16, server: ServerId, spell: Spell, comes: bool) {
        let gone = self.plant.fleet.state(server) == State::Gone;
        if comes && (gone || self.comes_too_late(peril)) {
            return;
        }
        self.afflict(peril, server, spell, comes);
        if comes && spell.to != Instant::NEVER {
            self.set_alarm(spell.to, Rank::Fleet, Alarm::Strike(peril, server, spell, false));
        } else if !comes {
            self.next_strike(peril, server, Some(spell.to));
        }
    }

    /// A fault comes to a server, or goes.
    fn afflict(&mut self, peril: u16, server: ServerId, spell: Spell, comes: bool) {
        let state = self.plant.fleet.state(server);
        if comes && matches!(state, State::Gone | State::Starting) {
            return;
        }
        let effect = self.guard().setup.perils[usize::from(peril)].fault.effect();
        if !comes && !self.is_afflicted(peril, server, effect) {
            return;
        }
        self.probe.note(self.now, Note::Fault(server, peril, comes));
        match effect {
            Effect::Out { in_service, queued } if comes => {
                let condition = self.guard().condition(server);
                let was_out = condition.is_out();
                condition.out.push((peril, in_service.hangs(), spell.to));
                if !was_out {
                    self.go_out(server, in_service, queued);
                }
            }
            Effect::Out { .. } => {
                let condition = self.guard().condition(server);
                condition.out.retain(|(other, ..)| *other != peril);
                if !condition.is_out() {
                    self.come_back(server);
                }
            }
            Effect::Slow(share) => {
                let slow = &mut self.guard().condition(server).slow;
                slow.retain(|(other, _)| *other != peril);
                if comes {
                    slow.push((peril, share));
                }
                let warm = self.guard().condition(server).warm.unwrap_or(1.0);
                let share = self.slowed(server, warm);
                self.settle(server);
                self.change_speed(server, share);
            }
            Effect::Errors { share, nth, at_once } => {
                let errors = &mut self.guard().condition(server).errors;
                errors.retain(|answers| answers.peril != peril);
                if comes {
                    errors.push(Answers { peril, share, nth, at_once, count: 0 });
                    let place = self.plant.places[server.index()];
                    let pool = self.plant.fleet.spec(server).pool.into();
                    self.guard().own(peril, server, [pool, place]);
                }
            }
        }
    }

    fn is_afflicted(&mut self, peril: u16, server: ServerId, effect: Effect) -> bool {
        let condition = self.guard().condition(server);
        match effect {
            Effect::Out { .. } => condition.out.iter().any(|(other, ..)| *other == peril),
            Effect::Slow(_) => condition.slow.iter().any(|(other, _)| *other == peril),
            Effect::Errors { .. } => condition.errors.iter().any(|it| it.peril == peril),
        }
    }

    /// A server's share of its speed, that of its life times those of its faults.
    pub(super) fn slowed(&mut self, server: ServerId, warm: f64) -> f64 {
        let condition = self.guard().condition(server);
        condition.warm = Some(warm);
        condition.slow.iter().fold(warm, |share, (_, slow)| share * slow)
    }

    /// Whether a server answers the next request with an error: at once, or after its service.
    pub(super) fn answers_with_error(&mut self, server: ServerId, at_once: bool) -> bool {
        let Condition { errors, own, .. } = self.guard().condition(server);
        let mut bad = false;
        for answers in errors {
            if answers.at_once == at_once {
                answers.count = answers.count.wrapping_add(1);
                bad |= answers.nth > 0 && answers.count.is_multiple_of(answers.nth);
                let own = own[usize::from(answers.peril)].as_mut().expect("it came with one");
                bad |= answers.share > 0.0 && own.errors.open01() < answers.share;
            }
        }
        bad
    }

    // ---- out and back ----

    fn go_out(&mut self, server: ServerId, in_service: Loss, queued: Loss) {
        self.probe.note(self.now, Note::Out(server, true));
        self.settle(server);
        let mut evicted = Vec::new();
        let place = self.plant.places[server.index()] as usize;
        let pool = usize::from(self.plant.fleet.spec(server).pool);
        let station = &mut self.plant.stations[pool];
        station.evict(place, self.now, &mut self.slab, &mut evicted);
        self.calendar.set(server, Instant::NEVER);
        if self.guard().setup.health.at_once {
            self.mark(server, true);
        }
        let mut all: Vec<(Hanging, Loss)> = Vec::with_capacity(evicted.len());
        for (ticket, left) in evicted {
            let live = &mut self.slab[ticket];
            let started = live.serving.then_some(live.started);
            let loss = if live.serving { in_service } else { queued };
            // Who is nowhere cannot be taken back from there: see `abandon`.
            live.started = Instant::NEVER;
            all.push((Hanging { ticket, left, dies: loss == Loss::Silent, started }, loss));
        }
        for (one, loss) in &all {
            if loss.hangs() {
                self.hang(server, *one);
            }
        }
        for (one, loss) in all {
            if loss.hangs() {
                // It has its place, and may have left it by now.
                continue;
            }
            self.restore(one);
            match loss {
                Loss::Lost => {
                    self.probe.note(self.now, Note::Lost);
                    self.end(one.ticket, Fate::Failed, Some(server));
                }
                Loss::Returned => {
                    let demand = self.slab[one.ticket].request.demand;
                    self.give_back(one.ticket, demand, false);
                }
                Loss::Resumed => self.give_back(one.ticket, one.left, true),
                Loss::Held | Loss::Silent => {}
            }
        }
    }

    /// Undoes the mark that a request is nowhere.
    fn restore(&mut self, one: Hanging) {
        let live = &mut self.slab[one.ticket];
        live.started = one.started.unwrap_or(live.sent);
    }

    fn hang(&mut self, server: ServerId, one: Hanging) {
        self.restore(one);
        self.guard().condition(server).hanging.push(one);
    }

    /// A server is back: who hung there goes on, or fails.
    fn come_back(&mut self, server: ServerId) {
        self.probe.note(self.now, Note::Out(server, false));
        self.thaw(server, false);
        if self.guard().setup.health.at_once {
            self.mark(server, false);
        }
        while self.hand_over(server) {}
    }

    /// Lets those who hang at a server go on, or fail where they cannot or `all` do.
    pub(super) fn thaw(&mut self, server: ServerId, all: bool) {
        self.settle(server);
        let mut hanging = std::mem::take(&mut self.guard().condition(server).hanging);
        // Those whose service had begun have the slots; the others came later.
        hanging.sort_by_key(|one| one.started.is_none());
        for one in &hanging {
            self.slab[one.ticket].started = Instant::NEVER;
        }
        for one in hanging {
            self.restore(one);
            if one.dies || all {
                self.probe.note(self.now, Note::Lost);
                self.end(one.ticket, Fate::Failed, Some(server));
            } else {
                self.go_on(server, one);
            }
        }
    }

    fn go_on(&mut self, server: ServerId, one: Hanging) {
        let place = self.plant.places[server.index()] as usize;
        let pool = usize::from(self.plant.fleet.spec(server).pool);
        self.settle(server);
        let station = &mut self.plant.stations[pool];
        let live = &mut self.slab[one.ticket];
        let demand = std::mem::replace(&mut live.request.demand, one.left);
        live.serving = false;
        match station.offer(place, one.ticket, self.now, &mut self.slab) {
            Offer::Started => {
                // Its slot was its own all the time, and so its service has lasted since then.
                let live = &mut self.slab[one.ticket];
                live.request.demand = demand;
                if let Some(started) = one.started {
                    live.started = started;
                }
                self.calendar.set(server, station.next_departure(place));
            }
            Offer::Waiting => {}
            Offer::Full => self.end(one.ticket, Fate::Rejected, Some(server)),
        }
    }

    /// Whether the server is out for an attempt that has just come to it: it is refused, or hangs.
    pub(super) fn is_out_for(&mut self, ticket: Ticket, server: ServerId) -> bool {
        let spec = *self.plant.fleet.spec(server);
        let condition = self.guard().condition(server);
        if !condition.is_out() {
            return false;
        }
        let room = spec.slots.saturating_add(spec.queue_limit);
        if !condition.hangs() {
            self.end(ticket, Fate::Failed, Some(server));
        } else if condition.hanging.len() as u32 >= room {
            self.end(ticket, Fate::Rejected, Some(server));
        } else {
            let live = &mut self.slab[ticket];
            let left = live.request.demand;
            live.serving = false;
            let (index, patience) = (live.index, live.request.patience);
            let dies = self.is_silent(server);
            let one = Hanging { ticket, left, dies, started: None };
            self.guard().condition(server).hanging.push(one);
            self.mind_patience(ticket, index, patience);
        }
        true
    }

    /// Whether a server is out in a way that loses whom it does not answer.
    fn is_silent(&mut self, server: ServerId) -> bool {
        let guard = self.guard();
        let perils: Vec<u16> =
            guard.condition(server).out.iter().map(|(peril, ..)| *peril).collect();
        perils.into_iter().any(|peril| {
            let effect = guard.setup.perils[usize::from(peril)].fault.effect();
            matches!(effect, Effect::Out { in_service: Loss::Silent, .. })
        })
    }

    /// Whether a server is out to the end of the run.
    pub(super) fn is_out_for_good(&mut self, server: ServerId) -> bool {
        let out = &mut self.guard().condition(server).out;
        let good = out.iter().any(|(.., to)| *to == Instant::NEVER);
        if good {
            // From now on it refuses: nobody would ever hear from it again.
            out.iter_mut().for_each(|(_, hangs, _)| *hangs = false);
        }
        good
    }

    /// An attempt that hangs has waited for too long, or is taken back; false where it does not
    /// hang.
    pub(super) fn ends_hanging(&mut self, ticket: Ticket, fate: Fate) -> bool {
        let server = self.slab[ticket].server;
        if !self.unhang(ticket) {
            return false;
        }
        self.end(ticket, fate, Some(server));
        true
    }

    /// Requests that hang at a server in the middle of their services.
    pub(super) fn hanging_in_service(&self, server: ServerId) -> u32 {
        let conditions = self.guard.as_ref().map_or(&[][..], |guard| &guard.conditions);
        let hanging = conditions.get(server.index()).map_or(&[][..], |it| &it.hanging);
        hanging.iter().filter(|one| one.started.is_some()).count() as u32
    }

    /// Whether a server is out, which also keeps it from reporting its load.
    pub(super) fn is_out(&self, server: ServerId) -> bool {
        let guard = self.guard.as_ref();
        guard.is_some_and(|it| it.conditions.get(server.index()).is_some_and(Condition::is_out))
    }

    fn unhang(&mut self, ticket: Ticket) -> bool {
        let server = self.slab[ticket].server;
        if server == ServerId::NONE {
            return false;
        }
        self.settle(server);
        let hanging = &mut self.guard().condition(server).hanging;
        let Some(at) = hanging.iter().position(|one| one.ticket == ticket) else { return false };
        hanging.remove(at);
        true
    }
}
