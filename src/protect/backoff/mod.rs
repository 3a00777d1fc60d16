//! How long to wait before a retry: the trait and its registry.

pub mod drawn;
pub mod exponential;

use std::path::Path;

use crate::registry::{Entry, Role};
use crate::rng::Stream;
use crate::time::Duration;

/// How long a retry waits.
pub trait Backoff: std::fmt::Debug {
    /// The wait before the `retry`-th retry of a request, counted from 1.
    fn wait(&self, retry: u32, stream: &mut Stream) -> Duration;
}

/// What a back-off is told when it is built.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The folder that relative paths start from.
    pub folder: &'a Path,
}

impl Role for dyn Backoff {
    const KIND: &'static str = "backoff";
    const KEY: &'static str = "form";
    type Setup<'a> = Setup<'a>;
    fn registry() -> &'static [Entry<Self>] {
        REGISTRY
    }
}

const REGISTRY: &[Entry<dyn Backoff>] = &[
    Entry::of::<exponential::Exponential>(include_str!("exponential.rs")),
    Entry::of::<drawn::Drawn>(include_str!("drawn.rs")),
];
