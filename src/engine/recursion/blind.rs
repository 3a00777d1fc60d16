//! Servers before which nobody looks at anything: when each of their slots is free.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::super::Plant;
use crate::fleet::Fleet;
use crate::model::{Request, ServerId};
use crate::time::Instant;

/// The slots and the speed of each server.
#[derive(Debug)]
pub(in crate::engine) struct Blind(Vec<(Slots, f64)>);

impl super::Servers for Blind {
    fn new(fleet: &Fleet) -> Self {
        Self(fleet.specs().iter().map(|spec| (Slots::new(spec.slots), spec.speed)).collect())
    }

    #[inline]
    fn leave(&mut self, _: Instant, _: &mut Plant) {}

    #[inline]
    fn serve(&mut self, request: &Request, to: ServerId, _: &mut Plant) -> (Instant, Instant) {
        let (slots, speed) = &mut self.0[to.index()];
        slots.serve(request, *speed)
    }
}

/// When a server's slots are free: the workload vector of Kiefer and Wolfowitz.
#[derive(Debug)]
enum Slots {
    One(Instant),
    /// Ascending; shifting a few words beats a heap up to about this many.
    Few(Vec<Instant>),
    Many(BinaryHeap<Reverse<Instant>>),
}

const FEW: usize = 48;

impl Slots {
    fn new(slots: u32) -> Self {
        let idle = vec![Instant::START; slots as usize];
        match idle.len() {
            1 => Self::One(Instant::START),
            len if len <= FEW => Self::Few(idle),
            _ => Self::Many(idle.into_iter().map(Reverse).collect()),
        }
    }

    /// Takes the slot that is free first; says when service begins and ends.
    #[inline]
    fn serve(&mut self, request: &Request, speed: f64) -> (Instant, Instant) {
        let ends = |free: Instant| {
            let start = free.max(request.arrival);
            (start, start + request.demand.at_speed(speed))
        };
        match self {
            Self::One(free) => {
                let (start, end) = ends(*free);
                *free = end;
                (start, end)
            }
            Self::Few(free) => {
                let (start, end) = ends(free[0]);
                let mut at = 0;
                while at + 1 < free.len() && free[at + 1] < end {
                    free[at] = free[at + 1];
                    at += 1;
                }
                free[at] = end;
                (start, end)
            }
            Self::Many(free) => {
                let mut first = free.peek_mut().expect("a server has slots");
                let (start, end) = ends(first.0);
                *first = Reverse(end);
                (start, end)
            }
        }
    }
}
