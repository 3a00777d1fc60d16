//! Last come, first served, without interrupting anyone.
//!
//! **What it does.** Whoever came last is next.
//! **When it shines.** Overload with impatient clients: some are served in time instead of none.
//! **When it fails.** The mean is that of first come, first served, but the tail is far longer.
//! **Source.** Facebook's adaptive LIFO (Maurer 2015); textbook LCFS.

/// The discipline.
#[derive(Debug)]
pub struct LastComeFirstServed;

super::ordered_by!(LastComeFirstServed, "lifo", crate::station::Lifo, fifo = false);
