//! What a run cost, taken apart: by pool and by what was paid for, penalties, and the budget.

use serde::{Deserialize, Serialize};

/// The cost of a run by what it was paid for. All amounts are in the scenario's currency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Breakdown {
    /// Each pool.
    pub pools: Vec<PoolBill>,
    /// Each objective whose violation costs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub penalties: Vec<Penalty>,
    /// The budget, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

/// The bill of a pool: the four parts add up to its cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolBill {
    /// The pool.
    pub pool: String,
    /// Slot time that served requests.
    pub busy: f64,
    /// Slot time that served nobody.
    pub idle: f64,
    /// Time between order and service.
    pub starting: f64,
    /// Time billed beyond the end of a server: whole units of billing and the least that is billed.
    pub rounding: f64,
}

/// What the violation of an objective cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Penalty {
    /// The objective as it was written.
    pub objective: String,
    /// Hours in which it was missed.
    pub hours: f64,
    /// What they cost.
    pub amount: f64,
}

/// Spending against a budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// The budget, an hour.
    pub limit_per_hour: f64,
    /// What was spent an hour on average, penalties left out.
    pub spent_per_hour: f64,
    /// The most that was spent an hour at one time.
    pub peak_per_hour: f64,
    /// The share of time in which more was spent than the budget.
    pub over_share: f64,
    /// Whether more was spent on average.
    pub exceeded: bool,
}

impl PoolBill {
    /// The cost of the pool.
    pub fn total(&self) -> f64 {
        self.busy + self.idle + self.starting + self.rounding
    }
}

impl Breakdown {
    /// The cost of all servers and penalties.
    pub fn total(&self) -> f64 {
        let servers: f64 = self.pools.iter().map(PoolBill::total).sum();
        servers + self.penalties.iter().map(|penalty| penalty.amount).sum::<f64>()
    }

    /// The mean of several runs of one scenario; nothing of none.
    pub fn mean<'a>(runs: impl IntoIterator<Item = &'a Breakdown>) -> Option<Breakdown> {
        let mut runs = runs.into_iter();
        let mut sum = runs.next()?.clone();
        let mut count = 1.0;
        for run in runs {
            count += 1.0;
            for (sum, own) in sum.pools.iter_mut().zip(&run.pools) {
                sum.busy += own.busy;
                sum.idle += own.idle;
                sum.starting += own.starting;
                sum.rounding += own.rounding;
            }
            for (sum, own) in sum.penalties.iter_mut().zip(&run.penalties) {
                sum.hours += own.hours;
                sum.amount += own.amount;
            }
            if let (Some(sum), Some(own)) = (&mut sum.budget, &run.budget) {
                sum.spent_per_hour += own.spent_per_hour;
                sum.peak_per_hour = sum.peak_per_hour.max(own.peak_per_hour);
                sum.over_share += own.over_share;
            }
        }
        for pool in &mut sum.pools {
            for part in [&mut pool.busy, &mut pool.idle, &mut pool.starting, &mut pool.rounding] {
                *part /= count;
            }
        }
        for penalty in &mut sum.penalties {
            penalty.hours /= count;
            penalty.amount /= count;
        }
        if let Some(budget) = &mut sum.budget {
            budget.spent_per_hour /= count;
            budget.over_share /= count;
            budget.exceeded = budget.spent_per_hour > budget.limit_per_hour;
        }
        Some(sum)
    }
}
