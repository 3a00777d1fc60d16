//! The shortest request first, without interrupting anyone.
//!
//! **What it does.** Of those waiting the one with the least demand is next. It knows the demand of
//! each request, as a scheduler with a good prediction would.
//! **When it shines.** Means under load, the more so the more sizes differ.
//! **When it fails.** Long requests wait long, and sizes must be known.
//! **Source.** Phipps 1956 (M/G/1 SJF).

/// The discipline.
#[derive(Debug)]
pub struct ShortestFirst;

super::ordered_by!(ShortestFirst, "shortest-first", crate::station::Shortest, fifo = false);
