//! Servers of another size: changed while they serve, or replaced a few at a time.

use super::drive::Drive;
use crate::model::ServerId;
use crate::probe::Probe;
use crate::scale::{Rollout, Size};

impl<P: Probe> Drive<'_, P> {
    /// From now on the servers of a pool are to be like this. Those that are replaced drain; the
    /// count that the autoscaler wants orders the new ones.
    pub(super) fn reshape(&mut self, pool: u16, size: Size) {
        let life = &mut self.plant.life[usize::from(pool)];
        (life.spec.slots, life.spec.speed) = (size.slots, size.speed);
        life.fastest = life.fastest.max(size.speed);
        let fleet = &self.plant.fleet;
        let differs = |server: &ServerId| {
            let spec = fleet.spec(*server);
            (spec.slots, spec.speed) != (size.slots, size.speed)
        };
        let others = life.now.ready.iter().copied().filter(differs);
        match size.rollout {
            Rollout::NewOnly => {}
            Rollout::InPlace => {
                let others: Vec<ServerId> = others.collect();
                others.into_iter().for_each(|server| self.resize(server, size));
            }
            Rollout::Replace { at_once } => {
                let missing = life.now.starting.len();
                let deadline = life.drain;
                let others: Vec<ServerId> =
                    others.take((at_once as usize).saturating_sub(missing)).collect();
                others.into_iter().for_each(|server| self.drain(server, deadline));
            }
        }
    }

    /// A server becomes larger at once; smaller, as the services beyond its new slots end.
    fn resize(&mut self, server: ServerId, size: Size) {
        let spec = *self.plant.fleet.spec(server);
        let (pool, place) = (usize::from(spec.pool), self.plant.places[server.index()] as usize);
        if let Some(reporter) = &mut self.reporter {
            let serving = self.plant.stations[pool].serving(place);
            reporter.busy_until(self.now, server, serving.min(spec.slots));
        }
        self.count_crowd(server);
        let life = &mut self.plant.life[pool];
        life.now.settle(self.now);
        let in_flight = self.plant.fleet.in_flight(server);
        life.now.busy.up(self.now, in_flight.min(size.slots));
        life.now.busy.down(self.now, in_flight.min(spec.slots));
        life.now.slots += u64::from(size.slots);
        life.now.slots -= u64::from(spec.slots);
        let cold = life.now.warming.contains(&server);
        let share = if cold { life.warm_up_speed } else { 1.0 };
        self.plant.fleet.resize(server, size.slots, size.speed);
        let station = &mut self.plant.stations[pool];
        station.set_slots(place, size.slots, self.now, &mut self.slab);
        self.set_speed(server, share);
        self.tell_of(server);
        // Those who wait before the pools take the new slots in their order.
        while self.hand_over(server) {}
    }
}
