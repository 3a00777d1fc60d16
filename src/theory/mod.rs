//! Closed forms of queueing theory: the known answers.
