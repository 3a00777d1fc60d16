//! When to stop: a sequential run looks at its estimates at few, predetermined numbers of runs.

use super::evidence::Evidence;
use super::judge::Estimates;
use super::words::{listed, percent};
use crate::outcome::{Estimate, Reached};
use crate::scenario::{Measure, Scenario};
use crate::stats::Precision;
use crate::stats::estimate::{Look, Stopping};

/// Replications before the first look: a smaller number would stop by luck.
const PILOT: u64 = 5;

/// A sequential run and what it must come to.
#[derive(Debug)]
pub(super) struct Sequential {
    asked: f64,
    measures: Vec<Measure>,
    stopping: Stopping,
    reached: Option<Reached>,
}

impl Sequential {
    /// What a scenario with a precision asks for: its list of measures, else those of its
    /// objectives, else the mean and the 99th percentile of the latency.
    pub(super) fn of(scenario: &Scenario) -> Option<Self> {
        let asked = scenario.run.precision?.0;
        let mut measures = scenario.run.precision_of.clone();
        if measures.is_empty() {
            measures = scenario.goals().map(|goal| goal.measure).collect();
        }
        if measures.is_empty() {
            measures = vec![Measure::Mean, Measure::Percentile(0.99)];
        }
        let precision = Precision { relative: asked, absolute: 0.0 };
        let stopping = Stopping::new(precision, PILOT, scenario.run.max_replications.into());
        Some(Self { asked, measures, stopping, reached: None })
    }

    /// How many replications there must be before the first look.
    pub(super) fn first_look(&self) -> usize {
        self.stopping.first_look() as usize
    }

    /// Looks at the evidence for each variant: how many replications there must be before the next
    /// look, or `None` when this was the last. The error is split between all numbers (Bonferroni).
    pub(super) fn look(&mut self, all: &[Evidence<'_>]) -> Option<usize> {
        let runs = all[0].parts.len() as u64;
        let each = 1.0 - (1.0 - all[0].confidence) / (self.measures.len() * all.len()) as f64;
        let mut estimates: Vec<Estimate> = Vec::new();
        for evidence in all {
            let evidence = evidence.at(each);
            estimates.extend(self.measures.iter().map(|&measure| evidence.of(measure)));
        }
        let precision = Precision { relative: self.asked, absolute: 0.0 };
        let widths = estimates.iter().map(relative_width);
        let needed = estimates.iter().filter_map(|estimate| precision.needed(runs, estimate)).max();
        let met = estimates.iter().all(|estimate| precision.is_met(estimate));
        self.reached = Some(Reached {
            asked: self.asked,
            reached: widths
                .collect::<Option<Vec<f64>>>()
                .map(|w| w.into_iter().fold(0.0, f64::max)),
            replications_needed: needed.filter(|_| !met),
        });
        match self.stopping.look(runs, &estimates) {
            Look::Continue(runs) => Some(runs as usize),
            Look::Reached | Look::Spent => None,
        }
    }

    /// What the reader should know of the precision.
    pub(super) fn words(&self) -> Option<String> {
        let Reached { asked, reached, replications_needed } = self.reached?;
        let measures: Vec<String> = self.measures.iter().map(Measure::to_string).collect();
        let (what, asked) = (listed(&measures), percent(100.0 * asked));
        let Some(reached) = reached else {
            return Some(format!(
                "{what} cannot be known to ±{asked} from these runs: lengthen them with \
                 `--duration`, or raise `--max-replications`"
            ));
        };
        let reached = percent(100.0 * reached);
        Some(match replications_needed {
            None => format!("{what} to ±{asked} was asked for; the widest interval is ±{reached}"),
            Some(needed) => format!(
                "{what} to ±{asked} was asked for, and the widest interval is still ±{reached}: \
                 about {needed} replications would be needed; raise `--max-replications`, or \
                 lengthen runs with `--duration`"
            ),
        })
    }

    /// What was reached at the last look.
    pub(super) fn reached(&self) -> Option<Reached> {
        self.reached
    }
}

/// The half-width as a share; a number that is 0 for sure is as precise as can be.
fn relative_width(estimate: &Estimate) -> Option<f64> {
    match estimate.half_width()? {
        0.0 => Some(0.0),
        _ => estimate.relative_half_width(),
    }
}
