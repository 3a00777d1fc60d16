//! The back-tests of a study, one forecaster a task.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::Crew;
use crate::diagnose::Problem;
use crate::forecast::study::{Question, Study};

/// Back-tests every forecaster of a question; `told` hears how many are done.
pub fn foresee(
    question: &Question,
    crew: &Crew,
    told: impl Fn(usize) + Sync,
) -> Result<Study, Problem> {
    let done = AtomicUsize::new(0);
    let reports = crew.run(question.len(), |place| {
        let report = question.test(place)?;
        told(done.fetch_add(1, Ordering::Relaxed) + 1);
        Ok(Some(report))
    })?;
    question.conclude(&reports)
}
