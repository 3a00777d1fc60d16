//! What a policy notes of a request when it sends it, found again when the request ends.

use std::collections::VecDeque;

use crate::model::{Completion, Request, ServerId};
use crate::time::Instant;

/// A note for each request in flight, in order of sending. Where requests leave in that order a
/// note is found at once, else after as many as it has overtaken.
#[derive(Clone, Debug)]
pub(in crate::balance) struct Sent<T> {
    notes: Vec<VecDeque<(Instant, u64, T)>>,
}

impl<T> Default for Sent<T> {
    fn default() -> Self {
        Self { notes: Vec::new() }
    }
}

impl<T> Sent<T> {
    /// How many requests are in flight at a server.
    pub(in crate::balance) fn count(&self, server: ServerId) -> usize {
        self.notes.get(server.index()).map_or(0, VecDeque::len)
    }

    /// Notes something of a request.
    pub(in crate::balance) fn put(&mut self, request: &Request, server: ServerId, note: T) {
        if server.index() >= self.notes.len() {
            self.notes.resize_with(server.index() + 1, VecDeque::new);
        }
        self.notes[server.index()].push_back((request.arrival, request.key, note));
    }

    /// The note of a request that has ended, and its server.
    pub(in crate::balance) fn take(&mut self, done: &Completion) -> Option<(ServerId, T)> {
        let server = done.server?;
        let notes = self.notes.get_mut(server.index())?;
        let wanted = (done.request.arrival, done.request.key);
        let at = notes.iter().position(|(arrival, key, _)| (*arrival, *key) == wanted)?;
        notes.remove(at).map(|(_, _, note)| (server, note))
    }
}
