//! The servers that a policy has been told of, in order of number.

use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange};
use crate::model::ServerId;

/// Members as told by `Setup` and `on_fleet`; also counts changes, for tables built from it.
#[derive(Clone, Debug, Default)]
pub(in crate::balance) struct Roster {
    servers: Vec<ServerId>,
    changed: bool,
}

impl Roster {
    /// The members at the start; its tables are still to be built.
    pub(in crate::balance) fn of(fleet: &Fleet) -> Self {
        Self { servers: fleet.members().in_order().collect(), changed: true }
    }

    /// Takes a change in.
    pub(in crate::balance) fn apply(&mut self, change: FleetChange) {
        match change {
            FleetChange::Joined(server) => self.join(server),
            FleetChange::Left(server) => self.leave(server),
        }
    }

    fn join(&mut self, server: ServerId) {
        if let Err(place) = self.servers.binary_search(&server) {
            self.servers.insert(place, server);
            self.changed = true;
        }
    }

    fn leave(&mut self, server: ServerId) {
        if let Ok(place) = self.servers.binary_search(&server) {
            self.servers.remove(place);
            self.changed = true;
        }
    }

    /// Whether anything has changed since the last time of asking.
    #[inline]
    pub(in crate::balance) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The members, ascending.
    #[inline]
    pub(in crate::balance) fn as_slice(&self) -> &[ServerId] {
        &self.servers
    }
}

/// Refuses a fleet in which nobody may be chosen because every weight is 0.
pub(in crate::balance) fn some_weight(fleet: &Fleet) -> Result<(), Problem> {
    let mut members = fleet.members().in_order().peekable();
    if members.peek().is_none() || members.any(|server| fleet.spec(server).weight > 0) {
        return Ok(());
    }
    Err(Problem::new("every server has weight 0, so that none may be chosen")
        .help("give at least one pool a positive `weight`, or leave it out: 1 is the default"))
}
