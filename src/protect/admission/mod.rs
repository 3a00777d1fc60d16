//! Whether a request is let in at all: the trait of admission and its registry.

pub mod concurrency_limit;
pub mod token_bucket;

use crate::model::Request;
use crate::registry::{Entry, Role};
use crate::time::Instant;

/// What is there when a request comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crowd {
    /// Requests that were let in and have not ended.
    pub requests: u64,
}

/// Lets requests in or sheds them, before anything is spent on them.
pub trait Admission: std::fmt::Debug {
    /// Whether a request may come in now.
    fn admits(&mut self, now: Instant, request: &Request, crowd: Crowd) -> bool;
}

impl Role for dyn Admission {
    const KIND: &'static str = "admission";
    const KEY: &'static str = "policy";
    type Setup<'a> = ();
    fn registry() -> &'static [Entry<Self>] {
        REGISTRY
    }
}

const REGISTRY: &[Entry<dyn Admission>] = &[
    Entry::of::<concurrency_limit::ConcurrencyLimit>(include_str!("concurrency_limit.rs")),
    Entry::of::<token_bucket::TokenBucket>(include_str!("token_bucket.rs")),
];
