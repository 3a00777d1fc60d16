//! Servers before which requests are counted: when those that are there will leave.

use std::collections::VecDeque;

use super::super::Plant;
use super::super::calendar::Calendar;
use crate::fleet::Fleet;
use crate::model::{Request, ServerId};
use crate::time::Instant;

/// Every server, and which of them is left next.
#[derive(Debug)]
pub(in crate::engine) struct Counted {
    servers: Vec<Server>,
    calendar: Calendar,
}

#[derive(Debug)]
struct Server {
    /// When each of its requests, waiting or in service, will leave; ascending. The last c of them
    /// are when its c slots are free: the workload vector of Kiefer and Wolfowitz.
    ends: VecDeque<Instant>,
    slots: usize,
    speed: f64,
}

impl super::Servers for Counted {
    fn new(fleet: &Fleet) -> Self {
        let servers = fleet.specs().iter().map(|spec| Server {
            ends: VecDeque::new(),
            slots: spec.slots as usize,
            speed: spec.speed,
        });
        Self { servers: servers.collect(), calendar: Calendar::new(fleet.len()) }
    }

    #[inline]
    fn leave(&mut self, now: Instant, plant: &mut Plant) {
        loop {
            let first = self.calendar.first();
            if first.at > now {
                return;
            }
            let ends = &mut self.servers[first.server.index()].ends;
            ends.pop_front();
            self.calendar.set(first.server, ends.front().copied().unwrap_or(Instant::NEVER));
            plant.fleet.left(first.server);
            plant.balancers[0].on_left(first.server);
        }
    }

    #[inline]
    fn serve(&mut self, request: &Request, to: ServerId, plant: &mut Plant) -> (Instant, Instant) {
        let server = &mut self.servers[to.index()];
        let ahead = server.ends.len();
        let start = match ahead.checked_sub(server.slots) {
            Some(leaver) => server.ends[leaver],
            None => request.arrival,
        };
        let end = start + request.demand.at_speed(server.speed);
        server.ends.push_back(end);
        let mut at = ahead;
        while at > 0 && server.ends[at - 1] > end {
            server.ends.swap(at - 1, at);
            at -= 1;
        }
        if at == 0 {
            self.calendar.set(to, end);
        }
        plant.fleet.sent(to);
        plant.balancers[0].on_send(request, to);
        (start, end)
    }
}
