//! Verdicts in words.

/// Said of runs whose number in system does not settle.
pub(super) const RISING: &str = "the number in system rises over the run: there is no steady state \
     to be seen, and what is shown grows with its length";
