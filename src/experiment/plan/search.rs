//! The smallest number that passes, where all above it pass too: gallop from a guess, then bisect.

use crate::diagnose::Problem;

/// What a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The smallest that passes.
    At(u32),
    /// None passes up to the most that is allowed.
    Nowhere,
    /// It was stopped before that was known.
    Stopped,
}

/// Asks about few numbers of `least..=most`, beginning with `start`; `None` stops the search.
///
/// Every number is asked about at most once. The answer has been seen to pass, and the number
/// before it to fail, unless it is `least`.
pub(super) fn smallest(
    start: u32,
    least: u32,
    most: u32,
    mut passes: impl FnMut(u32) -> Result<Option<bool>, Problem>,
) -> Result<Found, Problem> {
    if least > most {
        return Ok(Found::Nowhere);
    }
    let (mut fails, mut holds): (Option<u32>, Option<u32>) = (None, None);
    let (mut at, mut step) = (start.clamp(least, most), 1);
    loop {
        match passes(at)? {
            None => return Ok(Found::Stopped),
            Some(true) => holds = Some(at),
            Some(false) => fails = Some(at),
        }
        at = match (fails, holds) {
            (Some(low), Some(high)) if high - low <= 1 => return Ok(Found::At(high)),
            (Some(low), Some(high)) => low + (high - low) / 2,
            (None, Some(high)) if high == least => return Ok(Found::At(high)),
            (None, Some(high)) => high.saturating_sub(step).max(least),
            (Some(low), None) if low == most => return Ok(Found::Nowhere),
            (Some(low), None) => low.saturating_add(step).min(most),
            (None, None) => unreachable!("an answer is one or the other"),
        };
        step = step.saturating_mul(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_is_found_from_any_start_with_few_questions() {
        for wanted in [3, 4, 17, 99, 100] {
            for start in [1, 3, 16, 17, 18, 100, 200] {
                let mut asked = Vec::new();
                let found = smallest(start, 3, 100, |n| {
                    assert!(!asked.contains(&n), "{n} is asked about twice");
                    asked.push(n);
                    Ok(Some(n >= wanted))
                });
                assert_eq!(found.unwrap(), Found::At(wanted));
                assert!(asked.len() <= 15, "{asked:?}");
            }
        }
    }

    #[test]
    fn nothing_passes_and_a_stop_say_so() {
        assert_eq!(smallest(5, 1, 10, |_| Ok(Some(false))).unwrap(), Found::Nowhere);
        assert_eq!(smallest(5, 7, 6, |_| Ok(Some(true))).unwrap(), Found::Nowhere);
        let mut left = 3;
        let found = smallest(5, 1, 100, |n| {
            left -= 1;
            Ok((left > 0).then_some(n > 8))
        });
        assert_eq!(found.unwrap(), Found::Stopped);
    }
}
