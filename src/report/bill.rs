//! The bill of a run in lines: what servers were paid for, penalties, the budget.

use super::text::digits;
use crate::outcome::Breakdown;

/// Name and value of each line.
pub(super) fn lines(breakdown: &Breakdown, currency: &str) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for bill in &breakdown.pools {
        let parts = [
            ("busy", bill.busy),
            ("idle", bill.idle),
            ("starting", bill.starting),
            ("rounded up", bill.rounding),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(_, amount)| *amount > 0.0)
            .map(|(what, amount)| format!("{what} {}", digits(amount)))
            .collect();
        let value = format!("{} {currency}: {}", digits(bill.total()), parts.join(", "));
        lines.push((format!("  {}", bill.pool), value));
    }
    for penalty in &breakdown.penalties {
        let value = format!(
            "{} {currency}: `{}` missed for {} h",
            digits(penalty.amount),
            penalty.objective,
            digits(penalty.hours)
        );
        lines.push(("  penalty".to_owned(), value));
    }
    if let Some(budget) = &breakdown.budget {
        let verdict = if budget.exceeded { "EXCEEDED" } else { "kept" };
        // A budget is for servers; what misses cost stands above, and in the total.
        let besides = if breakdown.penalties.is_empty() { "" } else { ", without penalties" };
        let value = format!(
            "{} {currency} an hour: {verdict}, {} on average and {} at most{besides}",
            digits(budget.limit_per_hour),
            digits(budget.spent_per_hour),
            digits(budget.peak_per_hour)
        );
        lines.push(("budget".to_owned(), value));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Budget, Penalty};

    #[test]
    fn a_budget_beside_penalties_says_that_it_leaves_them_out() {
        let budget = Budget {
            limit_per_hour: 40.0,
            spent_per_hour: 38.0,
            peak_per_hour: 44.0,
            over_share: 0.1,
            exceeded: false,
        };
        let mut breakdown = Breakdown { budget: Some(budget), ..Breakdown::default() };
        let told = |breakdown: &Breakdown| lines(breakdown, "USD").pop().unwrap().1;
        assert!(told(&breakdown).ends_with("44.0 at most"), "{}", told(&breakdown));
        let penalty = Penalty { objective: "p99 < 1s".to_owned(), hours: 1.0, amount: 20.0 };
        breakdown.penalties.push(penalty);
        assert!(told(&breakdown).ends_with("at most, without penalties"), "{}", told(&breakdown));
    }
}
