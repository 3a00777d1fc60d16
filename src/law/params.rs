//! What the options of laws have in common: which of them go together, and what each may be.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::{Quantity, Setup};
use crate::diagnose::Problem;

/// The values a positive option may have: wide enough for seconds and tokens, and so far from the
/// ends of `f64` that no moment and no draw can leave it.
pub(super) const POSITIVE: RangeInclusive<f64> = 1e-15..=1e15;

/// The coefficients of variation that can be asked for.
pub(super) const CV: RangeInclusive<f64> = 0.01..=100.0;

/// The option `key` as a number above 0 in the law's unit.
pub(super) fn positive(value: Quantity, setup: &Setup<'_>, key: &str) -> Result<f64, Problem> {
    let value = value.in_unit(setup.unit, key)?;
    if value.is_nan() || value <= 0.0 {
        return Err(Problem::about(key, format!("`{key}` must be above 0, not {value}")));
    }
    within(value, POSITIVE, key)
}

/// The option `key` as a number of at least 0 in the law's unit.
pub(super) fn not_negative(value: Quantity, setup: &Setup<'_>, key: &str) -> Result<f64, Problem> {
    let value = value.in_unit(setup.unit, key)?;
    if value.is_nan() || value < 0.0 {
        return Err(Problem::about(key, format!("`{key}` must be at least 0, not {value}")));
    }
    if value == 0.0 { Ok(0.0) } else { within(value, POSITIVE, key) }
}

/// The bare option `key`, if it lies in `range`.
pub(super) fn within(value: f64, range: RangeInclusive<f64>, key: &str) -> Result<f64, Problem> {
    if range.contains(&value) {
        return Ok(value);
    }
    let (low, high) = (Plain(*range.start()), Plain(*range.end()));
    Err(Problem::about(key, format!("`{key}` must be between {low} and {high}, not {value}")))
}

/// The coefficient of variation, if it lies in `range`.
pub(super) fn cv_within(cv: f64, range: RangeInclusive<f64>) -> Result<f64, Problem> {
    let high = *range.end();
    within(cv, range, "cv").map_err(|problem| match cv {
        0.0 => problem.help("the law without spread is `constant`"),
        _ if cv > high => problem.help("`lognormal`, `gamma` and `weibull` reach a cv of 100"),
        _ => problem,
    })
}

/// A bound as people write it: `0.05`, but `1e15`.
struct Plain(f64);

impl std::fmt::Display for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if (1e-4..1e7).contains(&self.0) {
            write!(f, "{}", (self.0 * 1e4).round() / 1e4)
        } else {
            write!(f, "{:e}", self.0)
        }
    }
}

/// Options that make up none of the `forms` in which a law can be given.
pub(super) fn mixed<C: Serialize>(config: &C, forms: &[&[&str]]) -> Problem {
    let written = serde_json::to_value(config).expect("options are plain data");
    let given: Vec<&str> = written.as_object().map_or(Vec::new(), |fields| {
        fields.iter().filter(|(_, v)| !v.is_null()).map(|(key, _)| key.as_str()).collect()
    });
    let common = |form: &&&[&str]| given.iter().filter(|key| form.contains(key)).count();
    // The first of the forms that have most in common with what was given.
    let meant = forms.iter().rev().max_by_key(common).expect("a law has a form");
    let remedy =
        format!("give {}", forms.iter().map(|form| and(form)).collect::<Vec<_>>().join(", or "));
    let kept: Vec<&str> = given.iter().copied().filter(|key| meant.contains(key)).collect();
    let problem = if let Some(stray) = given.iter().find(|key| !meant.contains(key)) {
        Problem::about(*stray, format!("`{stray}` does not go with {}", and(&kept)))
    } else {
        let missing: Vec<&str> = meant.iter().copied().filter(|key| !given.contains(key)).collect();
        let verb = if missing.len() == 1 { "is" } else { "are" };
        Problem::new(format!("{} {verb} missing", and(&missing)))
    };
    problem.help(remedy)
}

/// `a`, `b` and `c`.
fn and(keys: &[&str]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    match keys.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => keys.concat(),
    }
}

/// Where an increasing function takes the value `wanted`: bisection down to neighbouring numbers.
pub(super) fn solve(f: impl Fn(f64) -> f64, wanted: f64, range: RangeInclusive<f64>) -> f64 {
    let (mut low, mut high) = range.into_inner();
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return middle;
        }
        if f(middle) < wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &serde_json::Value) -> (String, String) {
        let problem = mixed(json, &[&["mean", "cv"], &["shape", "scale"]]);
        (problem.message().to_owned(), problem.remedy().unwrap().to_owned())
    }

    #[test]
    fn options_that_do_not_go_together_are_named_with_those_that_do() {
        let (message, remedy) = refused(&serde_json::json!({ "mean": 1, "shape": 2 }));
        assert_eq!(message, "`shape` does not go with `mean`");
        assert_eq!(remedy, "give `mean` and `cv`, or `shape` and `scale`");
        let (message, _) = refused(&serde_json::json!({ "mean": 1, "cv": 2, "scale": 3 }));
        assert_eq!(message, "`scale` does not go with `mean` and `cv`");
    }

    #[test]
    fn options_that_are_missing_are_named() {
        let (message, _) = refused(&serde_json::json!({ "scale": 1, "mean": null }));
        assert_eq!(message, "`shape` is missing");
        assert_eq!(refused(&serde_json::json!({})).0, "`mean` and `cv` are missing");
    }

    #[test]
    fn bisection_ends_at_the_root() {
        assert!((solve(f64::exp, 2.0, 0.0..=1.0) - 2.0_f64.ln()).abs() < 1e-15);
    }
}
