//! The highest priority first, without interrupting anyone.
//!
//! **What it does.** Of those waiting the highest `priority` is next, first come first served among
//! equals. A class of traffic sets its priority in the scenario, or a column of the trace does.
//! **When it shines.** Interactive requests beside batch work.
//! **When it fails.** Low classes starve when the high ones fill the servers.
//! **Source.** Cobham 1954; head-of-the-line priority.

/// The discipline.
#[derive(Debug)]
pub struct HighestPriorityFirst;

super::ordered_by!(HighestPriorityFirst, "priority", crate::station::Priority, fifo = false);
