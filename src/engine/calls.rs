//! Requests that may be sent more than once: a call is the request, its attempts are in the slab.

use crate::model::{Fate, Request, ServerId};
use crate::probe::Try;
use crate::protect::Pass;
use crate::station::{Live, Ticket};

/// An attempt of a call that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) ticket: Ticket,
    pub(super) why: Try,
    /// How the circuit let it pass.
    pub(super) pass: Pass,
}

/// A request and where its attempts are.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) request: Request,
    /// Its number in order of arrival; `u64::MAX` when the call is over.
    pub(super) index: u64,
    pub(super) balancer: u32,
    /// Attempts that were begun.
    pub(super) attempts: u32,
    /// Copies among them that were sent beside others.
    pub(super) hedges: u32,
    /// Attempts that are under way.
    pub(super) open: Vec<Open>,
    /// Servers that have been tried.
    pub(super) tried: Vec<ServerId>,
    /// Whether a retry waits for its time.
    pub(super) waiting: bool,
    /// How the attempt before that retry ended.
    pub(super) failed: Fate,
}

/// Every call that is not over.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    free: Vec<u32>,
}

impl Calls {
    pub(super) fn insert(&mut self, request: Request, index: u64, balancer: u32) -> u32 {
        if let Some(id) = self.free.pop() {
            let call = &mut self.calls[id as usize];
            // The lists keep their room.
            (call.request, call.index, call.balancer) = (request, index, balancer);
            (call.attempts, call.hedges, call.waiting) = (0, 0, false);
            return id;
        }
        let id = u32::try_from(self.calls.len()).expect("fewer than 2³² in the system");
        assert!(id != Live::NO_CALL, "fewer than 2³² in the system");
        let (open, tried) = (Vec::new(), Vec::new());
        let (waiting, failed) = (false, Fate::Failed);
        let fresh =
            Call { request, index, balancer, attempts: 0, hedges: 0, open, tried, waiting, failed };
        self.calls.push(fresh);
        id
    }

    pub(super) fn remove(&mut self, id: u32) {
        let call = &mut self.calls[id as usize];
        call.index = u64::MAX;
        call.open.clear();
        call.tried.clear();
        self.free.push(id);
    }

    pub(super) fn get(&mut self, id: u32) -> &mut Call {
        &mut self.calls[id as usize]
    }

    /// Whether a call is still the one that it was.
    pub(super) fn is(&self, id: u32, index: u64) -> bool {
        self.calls[id as usize].index == index
    }
}
