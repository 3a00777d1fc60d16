//! What cannot be forecast, and what can be but with a consequence.

use std::fmt;

use serde::Serialize;

use crate::diagnose::Problem;
use crate::time::Duration;

/// Refuses unless `holds`.
pub(super) fn unless(holds: bool, words: impl FnOnce() -> String) -> Result<(), Problem> {
    if holds { Ok(()) } else { Err(Problem::new(words())) }
}

/// Something done all the same, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Advice(pub String);

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a history bears a season and a horizon (all nanoseconds): refused, or run with advice.
///
/// A horizon as long as the history is refused: nothing of that length was ever seen to come true.
/// A season longer than half of the history is run, and its consequence told.
pub fn examine(
    history_ns: u64,
    tick_ns: u64,
    season_ns: u64,
    horizon_ns: u64,
) -> Result<Vec<Advice>, Problem> {
    let (history, season, horizon) =
        (Duration(history_ns), Duration(season_ns), Duration(horizon_ns));
    unless(tick_ns > 0, || "a bin of no length holds no rate".into())?;
    unless(horizon_ns > 0, || {
        "a horizon of zero asks for what is known already: name one above, e.g. `1h`".into()
    })?;
    unless(horizon_ns < history_ns, || {
        format!(
            "a horizon of {horizon} is not shorter than the history of {history}: no such forecast \
             could be checked; shorten the horizon or give a longer file"
        )
    })?;
    let mut advice = Vec::new();
    if season_ns > history_ns {
        advice.push(Advice(format!(
            "the season of {season} is longer than the history of {history}: seasonal methods \
             never see one whole season and repeat the last value instead"
        )));
    } else if season_ns > history_ns / 2 {
        advice.push(Advice(format!(
            "the season of {season} is longer than half of the history of {history}: seasonal \
             patterns rest on less than two cycles and cannot be told from chance"
        )));
    }
    if !season_ns.is_multiple_of(tick_ns) {
        advice.push(Advice(format!(
            "the season of {season} is not a whole number of bins of {}: it is rounded, and the \
             seasonal pattern slowly drifts",
            Duration(tick_ns)
        )));
    }
    Ok(advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    #[test]
    fn a_horizon_longer_than_the_history_is_refused() {
        let refusal = examine(10 * HOUR, HOUR, 2 * HOUR, 11 * HOUR).unwrap_err().to_string();
        assert!(refusal.contains("11h") && refusal.contains("10h"), "{refusal}");
    }

    #[test]
    fn a_season_longer_than_half_of_the_history_is_run_and_its_consequence_named() {
        let advice = examine(30 * HOUR, HOUR, 24 * HOUR, HOUR).unwrap();
        assert!(advice[0].0.contains("less than two cycles"), "{advice:?}");
        assert_eq!(examine(48 * HOUR, HOUR, 24 * HOUR, HOUR).unwrap(), vec![]);
    }
}
