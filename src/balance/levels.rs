//! What all policies of several levels share: groups of servers, another policy inside each.

use std::collections::BTreeSet;

use super::{Balancer, Pick, Setup, Sight, random};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, ServerSet, ServerSpec, State, View};
use crate::model::{Completion, Request, ServerId};
use crate::registry::Recipe;
use crate::rng::Stream;

/// One group: a tier or a zone.
#[derive(Debug)]
pub(super) struct Group {
    /// Its number in the scenario.
    pub(super) key: u16,
    /// Servers that may be chosen.
    pub(super) members: ServerSet,
    /// Servers that serve or ought to: ready or failed.
    pub(super) total: usize,
    /// Slots of its members.
    pub(super) slots: u64,
    /// Requests of this balancer.
    pub(super) in_flight: u64,
    policy: Box<dyn Balancer>,
    /// Whether the policy stands in for one that cannot be built before there are servers.
    makeshift: bool,
}

impl Group {
    /// The share of its servers that can serve, in whole percent after multiplication by `factor`.
    pub(super) fn health(&self, factor: f64) -> u32 {
        if self.total == 0 {
            return 0;
        }
        let share = (100.0 * factor).round() * self.members.len() as f64 / self.total as f64;
        (share.floor() as u32).min(100)
    }
}

/// The groups, in order of key.
#[derive(Debug)]
pub(super) struct Levels {
    groups: Vec<Group>,
    /// The place of each server's group.
    of: Vec<u16>,
    key: fn(&ServerSpec) -> u16,
    recipe: Recipe<dyn Balancer>,
    /// What is left of a group when only some of its servers are candidates.
    open: ServerSet,
    members: usize,
    setup: SetupInside,
}

/// What a policy inside a group is told besides its servers.
#[derive(Clone, Debug)]
struct SetupInside {
    balancer: u32,
    balancers: u32,
    keys: bool,
    reports: bool,
    grows: bool,
    zones: Vec<String>,
}

impl SetupInside {
    fn of(setup: &Setup<'_>) -> Self {
        let Setup { balancer, balancers, keys, reports, grows, zones, .. } = *setup;
        Self { balancer, balancers, keys, reports, grows, zones: zones.to_vec() }
    }

    fn before<'a>(&'a self, fleet: &'a Fleet) -> Setup<'a> {
        let Self { balancer, balancers, keys, reports, grows, ref zones } = *self;
        Setup { fleet, balancer, balancers, keys, reports, grows, zones }
    }
}

impl Levels {
    /// Groups the fleet by tier and builds the policy inside each.
    pub(super) fn of_tiers(
        recipe: &Recipe<dyn Balancer>,
        setup: &Setup<'_>,
    ) -> Result<Self, Problem> {
        Self::new(recipe, |spec| spec.tier, 0, setup)
    }

    /// Groups the fleet by zone and builds the policy inside each. A zone that is named is there
    /// before its first server, so that what is given zone by zone keeps its order.
    pub(super) fn of_zones(
        recipe: &Recipe<dyn Balancer>,
        setup: &Setup<'_>,
    ) -> Result<Self, Problem> {
        Self::new(recipe, |spec| spec.zone, setup.zones.len() as u16, setup)
    }

    fn new(
        recipe: &Recipe<dyn Balancer>,
        key: fn(&ServerSpec) -> u16,
        known: u16,
        setup: &Setup<'_>,
    ) -> Result<Self, Problem> {
        let mut levels = Self {
            groups: Vec::new(),
            of: Vec::new(),
            key,
            recipe: recipe.clone(),
            open: ServerSet::default(),
            members: 0,
            setup: SetupInside::of(setup),
        };
        let peopled: BTreeSet<u16> = setup.fleet.specs().iter().map(key).collect();
        for &group in &peopled {
            let policy = levels.build(group, setup.fleet)?;
            levels.insert(group, policy);
        }
        for group in (0..known).filter(|group| !peopled.contains(group)) {
            levels.insert_empty(group);
        }
        for server in setup.fleet.members().in_order() {
            levels.enter(server, setup.fleet);
        }
        levels.recount(setup.fleet);
        Ok(levels)
    }

    /// The policy inside one group, told of the servers of the group only.
    fn build(&self, group: u16, fleet: &Fleet) -> Result<Box<dyn Balancer>, Problem> {
        let mut inside = fleet.clone();
        for at in 0..fleet.len() {
            let server = ServerId(at as u32);
            if (self.key)(fleet.spec(server)) != group {
                inside.set_state(server, State::Gone);
            }
        }
        self.recipe.build(&self.setup.before(&inside))
    }

    fn insert(&mut self, key: u16, policy: Box<dyn Balancer>) -> usize {
        let place = self.groups.partition_point(|group| group.key < key);
        let members = ServerSet::default();
        let makeshift = false;
        let group = Group { key, members, total: 0, slots: 0, in_flight: 0, policy, makeshift };
        self.groups.insert(place, group);
        for of in self.of.iter_mut().filter(|of| usize::from(**of) >= place) {
            *of += 1;
        }
        place
    }

    /// A group without servers.
    fn insert_empty(&mut self, key: u16) -> usize {
        let built = self.build(key, &Fleet::default());
        let makeshift = built.is_err();
        let place = self.insert(key, built.unwrap_or_else(|_| Box::new(random::Random)));
        self.groups[place].makeshift = makeshift;
        place
    }

    fn enter(&mut self, server: ServerId, fleet: &Fleet) -> &mut Group {
        let key = (self.key)(fleet.spec(server));
        let place = self.groups.iter().position(|group| group.key == key);
        let place = place.unwrap_or_else(|| self.insert_empty(key));
        self.of.resize(fleet.len().max(self.of.len()), 0);
        self.of[server.index()] = place as u16;
        let group = &mut self.groups[place];
        self.members += usize::from(!group.members.contains(server));
        group.members.insert_or_remove(server, true);
        group
    }

    fn recount(&mut self, fleet: &Fleet) {
        for group in &mut self.groups {
            group.total = 0;
            let slots = |server| u64::from(fleet.spec(server).slots);
            group.slots = group.members.in_order().map(slots).sum();
        }
        for (at, spec) in fleet.specs().iter().enumerate() {
            let serves = matches!(fleet.state(ServerId(at as u32)), State::Ready | State::Failed);
            let key = (self.key)(spec);
            if let Some(group) = self.groups.iter_mut().find(|group| group.key == key) {
                group.total += usize::from(serves);
            }
        }
    }

    /// The groups, in order of key.
    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    fn group_of(&mut self, server: ServerId) -> &mut Group {
        &mut self.groups[usize::from(self.of[server.index()])]
    }

    /// Lets the policy inside a group pick; `None` when the group has no candidate.
    pub(super) fn pick_in(
        &mut self,
        place: usize,
        request: &Request,
        view: &View<'_>,
        stream: &mut Stream,
    ) -> Option<Pick> {
        let group = &mut self.groups[place];
        // Candidates are members of this policy: as many are all of them.
        if view.candidates.len() == self.members {
            let none = group.members.is_empty();
            return (!none)
                .then(|| group.policy.pick(request, &view.among(&group.members), stream));
        }
        restrict(&group.members, view.candidates, &mut self.open);
        (!self.open.is_empty()).then(|| group.policy.pick(request, &view.among(&self.open), stream))
    }

    /// Picks in the group at `place`, or in the others after it and round again.
    pub(super) fn pick_from(
        &mut self,
        place: usize,
        request: &Request,
        view: &View<'_>,
        stream: &mut Stream,
    ) -> Pick {
        let groups = self.groups.len();
        let mut places = (place..groups).chain(0..place);
        places.find_map(|place| self.pick_in(place, request, view, stream)).unwrap_or(Pick::Refuse)
    }

    pub(super) fn on_send(&mut self, request: &Request, server: ServerId) {
        let group = self.group_of(server);
        group.in_flight += 1;
        group.policy.on_send(request, server);
    }

    pub(super) fn on_done(&mut self, done: &Completion) {
        if let Some(server) = done.server {
            let group = self.group_of(server);
            group.in_flight -= 1;
            group.policy.on_done(done);
        }
    }

    pub(super) fn on_count(&mut self, server: ServerId, count: u32) {
        self.group_of(server).policy.on_count(server, count);
    }

    pub(super) fn on_failure(&mut self, server: ServerId, parts: u32) {
        self.group_of(server).policy.on_failure(server, parts);
    }

    /// That of the policies inside: all are alike.
    pub(super) fn overprovisioning(&self) -> Option<f64> {
        self.groups.first().and_then(|group| group.policy.overprovisioning())
    }

    pub(super) fn on_idle(&mut self, server: ServerId) {
        self.group_of(server).policy.on_idle(server);
    }

    pub(super) fn idle_lists(&self) -> u32 {
        self.groups.iter().map(|group| group.policy.idle_lists()).max().unwrap_or(0)
    }

    pub(super) fn idle_listed(&self) -> usize {
        self.groups.iter().map(|group| group.policy.idle_listed()).sum()
    }

    pub(super) fn sight(&self) -> Sight {
        let of = |group: &Group| match group.makeshift {
            true => Sight::Everything,
            false => group.policy.sight(),
        };
        self.groups.iter().map(of).max().unwrap_or(Sight::Nothing).around()
    }

    pub(super) fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        match change {
            FleetChange::Joined(server) => {
                let Group { key, makeshift, .. } = *self.enter(server, fleet);
                let built = makeshift.then(|| self.build(key, fleet).ok()).flatten();
                let group = self.group_of(server);
                match built {
                    // It was built with this server.
                    Some(policy) => (group.policy, group.makeshift) = (policy, false),
                    None => group.policy.on_fleet(change, fleet),
                }
            }
            FleetChange::Left(server) => {
                let group = &mut self.groups[usize::from(self.of[server.index()])];
                self.members -= usize::from(group.members.contains(server));
                group.members.insert_or_remove(server, false);
                group.policy.on_fleet(change, fleet);
            }
        }
        self.recount(fleet);
    }
}

/// Makes `out` what is in both sets, going through the smaller one.
pub(super) fn restrict(a: &ServerSet, b: &ServerSet, out: &mut ServerSet) {
    while let Some(&server) = out.as_slice().last() {
        out.insert_or_remove(server, false);
    }
    let (few, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    for &server in few.as_slice().iter().filter(|&&server| many.contains(server)) {
        out.insert_or_remove(server, true);
    }
}

/// Which of several shares a draw falls into; the last positive one should rounding leave a rest.
pub(super) fn draw_share(shares: &[f64], stream: &mut Stream) -> Option<usize> {
    let mut left = shares.iter().sum::<f64>() * stream.open01();
    let positive = |(_, share): &(usize, &f64)| **share > 0.0;
    let mut last = None;
    for (place, share) in shares.iter().enumerate().filter(positive) {
        last = Some(place);
        left -= share;
        if left < 0.0 {
            break;
        }
    }
    last
}

/// Forwards every message of a balancer to `self.levels`, but for `pick` and `sight`; after a
/// change of the fleet comes the method named, if one is.
macro_rules! forward_to_levels {
    ($($after_change:ident)?) => {
        fn on_send(&mut self, request: &Request, server: ServerId) {
            self.levels.on_send(request, server);
        }

        fn on_done(&mut self, done: &Completion) {
            self.levels.on_done(done);
        }

        fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
            self.levels.on_fleet(change, fleet);
            $(self.$after_change();)?
        }

        fn on_count(&mut self, server: ServerId, count: u32) {
            self.levels.on_count(server, count);
        }

        fn on_failure(&mut self, server: ServerId, parts: u32) {
            self.levels.on_failure(server, parts);
        }

        fn on_idle(&mut self, server: ServerId) {
            self.levels.on_idle(server);
        }

        fn idle_lists(&self) -> u32 {
            self.levels.idle_lists()
        }

        fn idle_listed(&self) -> usize {
            self.levels.idle_listed()
        }
    };
}
pub(super) use forward_to_levels;
