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
        let value = format!(
            "{} {currency} an hour: {verdict}, {} on average and {} at most",
            digits(budget.limit_per_hour),
            digits(budget.spent_per_hour),
            digits(budget.peak_per_hour)
        );
        lines.push(("budget".to_owned(), value));
    }
    lines
}
