//! First come, first served.
//!
//! **What it does.** Whoever has waited longest is next.
//! **When it shines.** Sizes of little spread; fair, and no one starves.
//! **When it fails.** A few very long requests hold up everyone behind them.
//! **Source.** The F of every textbook queue; nginx and HAProxy queues.

/// The discipline.
#[derive(Debug)]
pub struct FirstComeFirstServed;

super::ordered_by!(FirstComeFirstServed, "fifo", crate::station::Fifo, fifo = true);
