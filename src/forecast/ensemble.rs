//! Ensemble: several methods, weighted by how wrong each was lately.
//!
//! **What it does.** Runs its members side by side. For each horizon a member's weight is its mean
//! absolute error at that horizon to the power −4 (`power`), where the mean forgets (`memory`).
//! Until a horizon has come due once, members count alike.
//!
//! **When it shines.** When no one knows which method will be right, or when it changes: members'
//! errors partly cancel, and a member that breaks loses its say within its memory.
//!
//! **When it fails.** When one member is far better throughout: the others still pull a little. It
//! costs what all its members cost.
//!
//! **Source.** Bates & Granger, *Operational Research Quarterly* 20 (1969) 451.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ladder::Ladder;
use super::{Method, Setup, unless};
use crate::diagnose::Problem;
use crate::registry::{Recipe, Variant};

/// Options of the ensemble.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Its members, e.g. `["regression", { method = "holt-winters", season = "7d" }]`.
    pub members: Vec<Recipe<dyn Method>>,
    /// Number of ticks over which errors are averaged.
    pub memory: usize,
    /// Power of the inverse errors: 0 weighs all alike, large picks the best.
    pub power: f64,
}

impl Default for Config {
    fn default() -> Self {
        let members = ["seasonal-naive", "regression", "holt-winters", "arima", "neural"];
        let members = members.map(|name| Recipe::named(name).expect("it stands in the registry"));
        Config { members: members.to_vec(), memory: 100, power: 4.0 }
    }
}

/// Members and how wrong they were.
pub struct Ensemble {
    members: Vec<Member>,
    keep: f64,
    power: f64,
    reach: usize,
}

struct Member {
    method: Box<dyn Method>,
    ladder: Ladder,
    /// For each rung: the weight of errors so far, and their weighted mean size.
    errors: Vec<(f64, f64)>,
}

impl Variant<dyn Method> for Ensemble {
    const NAME: &'static str = "ensemble";
    type Config = Config;

    fn build(config: &Config, setup: &Setup) -> Result<Box<dyn Method>, Problem> {
        unless(!config.members.is_empty(), || "an ensemble needs members".into())?;
        unless(config.memory > 0, || "a memory of no ticks weighs nothing".into())?;
        unless(config.power.is_finite() && config.power >= 0.0, || {
            format!("the power of the weights is zero or more, not {}", config.power)
        })?;
        let reach = setup.ticks(setup.reach_ns);
        let member = |recipe: &Recipe<dyn Method>| {
            unless(recipe.name != Self::NAME, || "an ensemble cannot be its own member".into())?;
            let ladder = Ladder::new(reach);
            let errors = vec![(0.0, 0.0); ladder.steps().len()];
            Ok(Member { method: recipe.build(setup)?, ladder, errors })
        };
        Ok(Box::new(Ensemble {
            members: config.members.iter().map(member).collect::<Result<_, Problem>>()?,
            keep: 1.0 - 1.0 / config.memory as f64,
            power: config.power,
            reach,
        }))
    }
}

impl Ensemble {
    /// The members' weights at a rung; they sum to one.
    fn weights(&self, rung: usize) -> Vec<f64> {
        let sizes = self.members.iter().map(|member| member.errors[rung]);
        let known = sizes.clone().all(|(weight, _)| weight > 0.0);
        let largest = sizes.clone().map(|(_, size)| size).fold(0.0, f64::max);
        if !known || largest == 0.0 {
            return vec![1.0 / self.members.len() as f64; self.members.len()];
        }
        // A member that was never wrong takes nearly all, but division stays possible.
        let raw: Vec<f64> =
            sizes.map(|(_, size)| (largest / size.max(1e-9 * largest)).powf(self.power)).collect();
        let sum: f64 = raw.iter().sum();
        raw.into_iter().map(|weight| weight / sum).collect()
    }
}

impl Method for Ensemble {
    fn push(&mut self, at_ns: u64, value: f64) {
        let mut path = vec![0.0; self.reach];
        for member in &mut self.members {
            for (rung, forecast) in member.ladder.due() {
                let (weight, size) = &mut member.errors[rung];
                *weight = self.keep * *weight + 1.0;
                *size += ((value - forecast).abs() - *size) / *weight;
            }
            member.method.push(at_ns, value);
            member.method.path(&mut path);
            member.ladder.promise(&path);
        }
    }

    fn path(&self, path: &mut [f64]) {
        path.fill(0.0);
        let Some(Member { ladder, .. }) = self.members.first() else { return };
        let weights: Vec<_> = (0..ladder.steps().len()).map(|rung| self.weights(rung)).collect();
        let mut own = vec![0.0; path.len()];
        for (i, member) in self.members.iter().enumerate() {
            member.method.path(&mut own);
            for (k, out) in path.iter_mut().enumerate() {
                *out += weights[ladder.rung(k + 1)][i] * own[k];
            }
        }
    }

    fn is_seasonal(&self) -> bool {
        self.members.iter().any(|member| member.method.is_seasonal())
    }

    fn refits(&self) -> u64 {
        self.members.iter().map(|member| member.method.refits()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ensemble(members: &[&str], power: f64) -> Box<dyn Method> {
        let members = members.iter().map(|name| Recipe::named(name).unwrap()).collect();
        let setup = Setup { tick_ns: 1, season_ns: 4, reach_ns: 3, ..Setup::default() };
        Ensemble::build(&Config { members, power, ..Config::default() }, &setup).unwrap()
    }

    #[test]
    fn the_member_that_is_right_takes_the_say() {
        let mut method = ensemble(&["naive", "seasonal-naive"], 2.0);
        let season = [1.0, 5.0, 2.0, 9.0];
        (0..4000).for_each(|t| method.push(0, season[t % 4]));
        let mut path = [0.0; 3];
        method.path(&mut path);
        for (forecast, truth) in path.iter().zip(season) {
            assert!((forecast - truth).abs() < 1e-6, "{path:?}");
        }
    }

    #[test]
    fn without_power_members_count_alike() {
        let mut method = ensemble(&["naive", "seasonal-naive"], 0.0);
        (0..80).for_each(|t| method.push(0, f64::from(t)));
        let mut path = [0.0; 1];
        method.path(&mut path);
        assert_eq!(path, [f64::midpoint(79.0, 76.0)]);
    }

    #[test]
    fn an_ensemble_of_itself_is_refused() {
        let members = vec![Recipe::named("ensemble").unwrap()];
        let config = Config { members, ..Config::default() };
        assert!(Ensemble::build(&config, &Setup::default()).is_err());
    }
}
