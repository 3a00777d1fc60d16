//! Which of several configurations is best: procedures that say what to run next and when to stop.
//!
//! They know no simulator: they are told observations and answer with the configurations to
//! observe. Observations must be nearly normal and independent within a configuration: replication
//! or batch means, never single requests. `KimNelson` guarantees its choice and allows common
//! random numbers; `Ocba` spends a fixed budget well; Rinott's constant serves two-stage designs.

use super::series::{mean, variance};
use super::special::{chi_square_nodes, increasing_root, normal_cdf};

/// Which observations are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Latency, cost.
    Smallest,
    /// Throughput.
    Largest,
}

impl Goal {
    /// The observation turned so that larger is better.
    fn merit(self, value: f64) -> f64 {
        if self == Self::Smallest { -value } else { value }
    }
}

/// Kim and Nelson's η and h² = 2cη(n₀ − 1) for k configurations, error `alpha`, c = 1:
/// η = ½·((2α/(k − 1))^{−2/(n₀ − 1)} − 1).
pub fn kim_nelson_constants(k: usize, alpha: f64, first_stage: usize) -> (f64, f64) {
    let df = first_stage as f64 - 1.0;
    let eta = 0.5 * ((2.0 * alpha / (k as f64 - 1.0)).powf(-2.0 / df) - 1.0);
    (eta, 2.0 * eta * df)
}

/// Rinott's (1978) constant h for k configurations, first stage n₀ and probability of correct
/// selection `confidence`.
pub fn rinott(k: usize, first_stage: usize, confidence: f64) -> f64 {
    let df = first_stage as f64 - 1.0;
    let nodes = chi_square_nodes(df);
    increasing_root(confidence, 2.0, |h| {
        let against = |best: f64| -> f64 {
            let beats = |other: f64| normal_cdf(h / (df * (1.0 / other + 1.0 / best)).sqrt());
            nodes.iter().map(|&(other, weight)| weight * beats(other)).sum()
        };
        nodes.iter().map(|&(best, weight)| weight * against(best).powf(k as f64 - 1.0)).sum()
    })
}

/// The number of observations Rinott's second stage asks of a configuration whose first stage had
/// the standard deviation `sd`: max(n₀, ⌈(h·sd/δ)²⌉).
pub fn rinott_sample(h: f64, sd: f64, indifference: f64, first_stage: u64) -> u64 {
    first_stage.max((h * sd / indifference).powi(2).ceil() as u64)
}

/// Kim and Nelson's (2001) fully sequential selection of the best.
///
/// With probability 1 − α the configuration it ends with is within the indifference δ of the best.
/// Every surviving configuration is observed once a stage; those that fall behind are dropped.
#[derive(Debug, Clone)]
pub struct KimNelson {
    goal: Goal,
    indifference: f64,
    first_stage: usize,
    h2: f64,
    surviving: Vec<usize>,
    /// First-stage merits of each configuration.
    first: Vec<Vec<f64>>,
    sums: Vec<f64>,
    /// Sample variances of first-stage differences, by pair.
    spread: Vec<Vec<f64>>,
    stage: usize,
}

impl KimNelson {
    /// A selection among `k` configurations; `first_stage` is n₀ ≥ 2, usually 10 to 20.
    pub fn new(k: usize, indifference: f64, alpha: f64, first_stage: usize, goal: Goal) -> Self {
        assert!(k > 0 && first_stage >= 2 && indifference > 0.0, "nothing to select by");
        Self {
            goal,
            indifference,
            first_stage,
            h2: if k > 1 { kim_nelson_constants(k, alpha, first_stage).1 } else { 0.0 },
            surviving: (0..k).collect(),
            first: vec![Vec::with_capacity(first_stage); k],
            sums: vec![0.0; k],
            spread: Vec::new(),
            stage: 0,
        }
    }

    /// The configurations to observe once more, in order; a single one means that it is selected.
    pub fn surviving(&self) -> &[usize] {
        &self.surviving
    }

    /// The selected configuration, once there is one.
    pub fn selected(&self) -> Option<usize> {
        match self.surviving[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    /// How many observations each survivor has had.
    pub fn stage(&self) -> usize {
        self.stage
    }

    /// Takes one observation of each survivor, in the order of `surviving`.
    pub fn observe(&mut self, values: &[f64]) {
        assert_eq!(values.len(), self.surviving.len(), "one observation of each survivor");
        for (&system, &value) in self.surviving.iter().zip(values) {
            let merit = self.goal.merit(value);
            self.sums[system] += merit;
            if self.stage < self.first_stage {
                self.first[system].push(merit);
            }
        }
        self.stage += 1;
        if self.stage == self.first_stage {
            self.spread = pairwise_variances(&self.first);
        }
        if self.stage >= self.first_stage {
            self.screen();
        }
    }

    /// Keeps whoever is not behind another survivor by more than W = max(0, δ/2·(h²S²/δ² − r)).
    fn screen(&mut self) {
        let delta = self.indifference;
        let slack = |i: usize, l: usize| {
            let stages = self.h2 * self.spread[i][l] / (delta * delta) - self.stage as f64;
            (0.5 * delta * stages).max(0.0)
        };
        let keeps_up = |&i: &usize| {
            self.surviving.iter().all(|&l| l == i || self.sums[i] >= self.sums[l] - slack(i, l))
        };
        let mut kept: Vec<usize> = self.surviving.iter().copied().filter(keeps_up).collect();
        // Equal sums after the slack is gone would stay equal under common random numbers.
        let undecidable = |i: usize| kept.iter().all(|&l| slack(i, l) == 0.0);
        if kept.len() > 1 && kept.iter().all(|&i| undecidable(i)) {
            kept.truncate(1);
        }
        self.surviving = kept;
    }
}

fn pairwise_variances(first: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let of_pair =
        |a: &[f64], b: &[f64]| variance(&a.iter().zip(b).map(|(x, y)| x - y).collect::<Vec<f64>>());
    first.iter().map(|a| first.iter().map(|b| of_pair(a, b)).collect()).collect()
}

/// The shares of a budget that optimal computing budget allocation (Chen et al. 2000) gives to
/// configurations with these means, standard deviations and gaps: Nᵢ ∝ (sᵢ/dᵢ)², and
/// `N_b = s_b·√(Σ Nᵢ²/sᵢ²)` for the best. They add up to 1.
///
/// A gap of zero would take the whole budget: floor it (`Ocba` does, at one standard error).
pub fn ocba_shares(means: &[f64], sds: &[f64], goal: Goal) -> Vec<f64> {
    let best = best_of(means, goal);
    let gaps: Vec<f64> = means.iter().map(|m| (m - means[best]).abs()).collect();
    shares_by_gaps(sds, &gaps, best)
}

fn shares_by_gaps(sds: &[f64], gaps: &[f64], best: usize) -> Vec<f64> {
    let mut shares: Vec<f64> = sds.iter().zip(gaps).map(|(s, d)| (s / d).powi(2)).collect();
    let others = (0..sds.len()).filter(|&i| i != best);
    let squares: f64 = others.map(|i| (shares[i] / sds[i]).powi(2)).sum();
    shares[best] = sds[best] * squares.sqrt();
    let total: f64 = shares.iter().sum();
    shares.iter().map(|share| share / total).collect()
}

fn best_of(means: &[f64], goal: Goal) -> usize {
    let merit = |i: &usize| goal.merit(means[*i]);
    let better = |a: usize, b: usize| if merit(&b) > merit(&a) { b } else { a };
    (0..means.len()).reduce(better).expect("at least one configuration")
}

/// Optimal computing budget allocation as a loop: a first stage for all, then a tenth of the budget
/// at a time to where it most helps to tell the best from the rest.
#[derive(Debug, Clone)]
pub struct Ocba {
    goal: Goal,
    budget: usize,
    first_stage: usize,
    values: Vec<Vec<f64>>,
}

impl Ocba {
    /// A selection among `k` configurations with a budget of observations; `first_stage` ≥ 5.
    pub fn new(k: usize, budget: usize, first_stage: usize, goal: Goal) -> Self {
        assert!(k > 0, "nothing to select from");
        Self { goal, budget, first_stage: first_stage.max(5), values: vec![Vec::new(); k] }
    }

    /// How many more observations of each configuration to take now; `None` when the budget is
    /// spent.
    pub fn next(&self) -> Option<Vec<usize>> {
        if self.values.iter().any(|values| values.len() < self.first_stage) {
            let missing = |values: &Vec<f64>| self.first_stage.saturating_sub(values.len());
            return Some(self.values.iter().map(missing).collect());
        }
        let spent: usize = self.values.iter().map(Vec::len).sum();
        let step = self.budget.div_ceil(10).min(self.budget.saturating_sub(spent));
        (step > 0).then(|| self.portion(spent, step))
    }

    /// Takes one observation of a configuration.
    pub fn observe(&mut self, configuration: usize, value: f64) {
        self.values[configuration].push(value);
    }

    /// The configuration with the best mean so far (the first of equals).
    pub fn selected(&self) -> usize {
        best_of(&self.means(), self.goal)
    }

    fn means(&self) -> Vec<f64> {
        self.values.iter().map(|values| mean(values)).collect()
    }

    /// Splits `step` observations so that the totals come nearest to their shares.
    fn portion(&self, spent: usize, step: usize) -> Vec<usize> {
        let means = self.means();
        let best = best_of(&means, self.goal);
        let errors: Vec<f64> =
            self.values.iter().map(|values| variance(values) / values.len() as f64).collect();
        // A configuration that never varied still needs a share to be compared with.
        let smallest = means[best].abs().max(1.0) * 1e-12;
        let sds: Vec<f64> =
            self.values.iter().map(|values| variance(values).sqrt().max(smallest)).collect();
        let gap = |i: usize| {
            let error = (errors[i] + errors[best]).sqrt();
            (means[i] - means[best]).abs().max(error).max(smallest)
        };
        let gaps: Vec<f64> = (0..means.len()).map(gap).collect();
        let shares = shares_by_gaps(&sds, &gaps, best);
        let total = (spent + step) as f64;
        let wanted: Vec<f64> = shares
            .iter()
            .zip(&self.values)
            .map(|(share, values)| (share * total - values.len() as f64).max(0.0))
            .collect();
        apportion(&wanted, step)
    }
}

/// Whole numbers that add up to `total`, in proportion to the weights: largest remainders first.
fn apportion(weights: &[f64], total: usize) -> Vec<usize> {
    let sum: f64 = weights.iter().sum();
    let exact: Vec<f64> = weights
        .iter()
        .map(|w| if sum > 0.0 { w / sum } else { 1.0 / weights.len() as f64 } * total as f64)
        .collect();
    let mut parts: Vec<usize> = exact.iter().map(|x| x.floor() as usize).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()));
    let left = total.saturating_sub(parts.iter().sum());
    for &index in order.iter().cycle().take(left) {
        parts[index] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_those_of_the_reference() {
        for (k, first_stage, h2) in [(2, 10, 6.0129), (10, 20, 11.5115), (100, 20, 20.2721)] {
            assert!((kim_nelson_constants(k, 0.05, first_stage).1 - h2).abs() < 5e-5);
        }
        for (k, first_stage, h) in [(2, 10, 2.6141), (5, 20, 3.3854), (10, 20, 3.8752)] {
            let found = rinott(k, first_stage, 0.95);
            assert!((found - h).abs() < 1e-4, "{found} for {h}");
        }
        // Simpson's rule on 600 intervals in √x gives the probability 0.95 to twelve digits here.
        assert!((rinott(5, 20, 0.95) - 3.385_418_731_565).abs() < 1e-11);
        assert_eq!(rinott_sample(3.0, 2.0, 0.5, 20), 144);
    }

    #[test]
    fn the_shares_follow_the_formula() {
        let shares = ocba_shares(&[1.0, 2.0, 3.0], &[1.0, 1.0, 2.0], Goal::Smallest);
        // N₂ : N₃ = (1/1)² : (2/2)², N₁ = √(1 + ¼).
        let total = 2.0 + 1.25_f64.sqrt();
        let expected = [1.25_f64.sqrt() / total, 1.0 / total, 1.0 / total];
        assert!(shares.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15));
    }

    #[test]
    fn a_single_configuration_needs_no_run_and_equal_ones_end() {
        assert_eq!(KimNelson::new(1, 0.1, 0.05, 10, Goal::Largest).selected(), Some(0));
        let mut same = KimNelson::new(3, 0.1, 0.05, 10, Goal::Largest);
        while same.selected().is_none() {
            let value = f64::from(same.stage() as u32 % 3);
            same.observe(&vec![value; same.surviving().len()]);
            assert!(same.stage() < 1000);
        }
        assert_eq!(same.selected(), Some(0));
    }

    #[test]
    fn a_budget_is_spent_to_the_last_observation_near_the_best() {
        let mut race = Ocba::new(4, 203, 5, Goal::Smallest);
        let mut spent = [0; 4];
        while let Some(portion) = race.next() {
            for (index, &count) in portion.iter().enumerate() {
                for _ in 0..count {
                    let wobble = f64::from((spent[index] * 7919 % 101) as u32) / 101.0 - 0.5;
                    race.observe(index, [1.0, 1.3, 4.0, 5.0][index] + wobble);
                    spent[index] += 1;
                }
            }
        }
        assert_eq!(spent.iter().sum::<usize>(), 203);
        assert!(spent[0] + spent[1] > 150, "{spent:?}");
        assert_eq!(race.selected(), 0);
    }
}
