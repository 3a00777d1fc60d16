//! How many retries are let through: the trait of a budget and its registry.

pub mod share_of_active;
pub mod share_of_requests;
pub mod tokens;

use crate::registry::{Entry, Role};
use crate::time::Instant;

/// Decides whether one more retry may be sent. Hedges are retries ahead of their time, and pay too.
pub trait Budget: std::fmt::Debug {
    /// A request has come in; retries are not counted.
    fn request(&mut self, _now: Instant) {}

    /// An attempt has been answered well, or not.
    fn answered(&mut self, _well: bool) {}

    /// Whether a retry may be sent now, with so many attempts under way and so many of them
    /// retries, those counted that wait for their time; what it costs is paid.
    fn allows(&mut self, now: Instant, active: u64, retries: u64) -> bool;
}

impl Role for dyn Budget {
    const KIND: &'static str = "budget";
    const KEY: &'static str = "policy";
    type Setup<'a> = ();
    fn registry() -> &'static [Entry<Self>] {
        REGISTRY
    }
}

const REGISTRY: &[Entry<dyn Budget>] = &[
    Entry::of::<share_of_active::ShareOfActive>(include_str!("share_of_active.rs")),
    Entry::of::<share_of_requests::ShareOfRequests>(include_str!("share_of_requests.rs")),
    Entry::of::<tokens::Tokens>(include_str!("tokens.rs")),
];
