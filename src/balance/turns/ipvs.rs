//! The Linux Virtual Server's weighted round-robin: rounds with a sinking bar of weight.

use super::Turns;
use crate::balance::tools::gcd;
use crate::fleet::ServerSet;
use crate::model::ServerId;

/// The servers in order of number, the last one taken and the bar that a weight must reach.
#[derive(Clone, Debug, Default)]
pub(in crate::balance) struct Ipvs {
    servers: Vec<(ServerId, u32)>,
    at: usize,
    bar: u32,
    step: u32,
    top: u32,
    measured: bool,
}

impl Ipvs {
    fn measure(&mut self) {
        let weights = self.servers.iter().map(|(_, weight)| *weight);
        self.step = weights.clone().fold(0, |unit, weight| gcd(unit, u64::from(weight))) as u32;
        // The lowest bar is then the step itself, for every weight is a multiple of it.
        self.top = weights.max().map_or(0, |most| most - (self.step - 1));
        self.bar = self.top;
        self.at = 0;
        self.measured = true;
    }
}

impl Turns for Ipvs {
    fn join(&mut self, server: ServerId, weight: u32) {
        self.leave(server);
        if weight > 0 {
            let place = self.servers.partition_point(|(other, _)| *other < server);
            self.servers.insert(place, (server, weight));
        }
    }

    fn leave(&mut self, server: ServerId) {
        if let Ok(place) = self.servers.binary_search_by_key(&server, |(other, _)| *other) {
            self.servers.remove(place);
        }
        self.measured = false;
    }

    fn next(&mut self, among: &ServerSet) -> Option<ServerId> {
        if !self.measured {
            self.measure();
        }
        // A bar that has gone all the way down and round has asked every server with every bar.
        let bars = self.top.div_ceil(self.step.max(1)) as usize + 1;
        for _ in 0..=self.servers.len() * bars {
            if self.at == self.servers.len() {
                self.at = 0;
                self.bar = if self.bar > self.step { self.bar - self.step } else { self.top };
            }
            let (server, weight) = *self.servers.get(self.at)?;
            self.at += 1;
            if weight >= self.bar && among.contains(server) {
                return Some(server);
            }
        }
        None
    }
}
