//! Forecasts against published ones: the tests of the predictive horizontal pod autoscaler.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails with it")]

use std::{env, fs};

use plimsoll::forecast::holt_winters::{First, Form, Smoother, one_step};
use plimsoll::forecast::linear_trend::regress_to;
use plimsoll::forecast::whole_replicas;
use serde_json::Value;

use super::own_folder;

/// The cases beside the tests, and those of the folder named by `PLIMSOLL_ORACLES`.
fn oracle_cases(file: &str) -> Vec<Value> {
    let elsewhere = env::var_os("PLIMSOLL_ORACLES").map(Into::into);
    let mut cases = Vec::new();
    for folder in [Some(own_folder()), elsewhere].into_iter().flatten() {
        let Ok(text) = fs::read_to_string(folder.join(file)) else { continue };
        let document: Value = serde_json::from_str(&text).unwrap();
        cases.extend(document["cases"].as_array().unwrap().iter().cloned());
    }
    assert!(!cases.is_empty(), "{file} was not found");
    cases
}

fn cases_of_kind(kind: &str) -> Vec<Value> {
    let cases = oracle_cases("phpa.json");
    let chosen: Vec<_> = cases.into_iter().filter(|case| case["kind"] == kind).collect();
    assert!(!chosen.is_empty(), "no case of kind {kind}");
    chosen
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + b.abs())
}

#[test]
fn linear_regression_predicts_the_replicas_of_the_predictive_autoscaler() {
    for case in cases_of_kind("linear_regression") {
        let (id, inputs, expected) = (&case["id"], &case["inputs"], &case["expected"]);
        let to = number(&inputs["now_s"]) + number(&inputs["look_ahead_s"]);
        let history = inputs["history"].as_array().unwrap();
        let points = history.iter().map(|at| (number(&at["time_s"]), number(&at["replicas"])));
        let found = regress_to(to, points).unwrap();
        assert_eq!(whole_replicas(found), expected["replicas"].as_i64().unwrap(), "{id}: {found}");
        if let Some(unrounded) = expected["derived_unrounded"].as_f64() {
            assert!(close(found, unrounded), "{id}: {found} for {unrounded}");
        }
    }
}

fn form(value: &Value) -> Form {
    match value.as_str() {
        Some("add" | "additive") => Form::Additive,
        Some("mul" | "multiplicative") => Form::Multiplicative,
        _ => Form::None,
    }
}

fn smoother(inputs: &Value) -> Smoother {
    let seasonal = form(&inputs["seasonal"]);
    Smoother {
        trend: form(&inputs["trend"]),
        seasonal,
        alpha: number(&inputs["alpha"]),
        beta: inputs["beta"].as_f64().unwrap_or(0.0),
        gamma: inputs["gamma"].as_f64().unwrap_or(0.0),
        damping: inputs["damping"].as_f64().unwrap_or(1.0),
        season: if seasonal == Form::None {
            1
        } else {
            inputs["season"].as_u64().unwrap() as usize
        },
    }
}

#[test]
fn holt_winters_predicts_the_replicas_of_the_predictive_autoscaler() {
    for case in cases_of_kind("holt_winters") {
        let (id, inputs, expected) = (&case["id"], &case["inputs"], &case["expected"]);
        let series: Vec<f64> = inputs["series"].as_array().unwrap().iter().map(number).collect();
        let smoother = smoother(inputs);
        let first = match inputs["initialization_method"].as_str() {
            Some("legacy-heuristic") => First::LegacyHeuristic,
            _ => First::Heuristic,
        };
        let found = one_step(&smoother, first, &series);
        if let Some(words) = expected["error_contains"].as_str() {
            let refusal = found.unwrap_err().to_string();
            assert!(refusal.contains(words), "{id}: {refusal}");
            continue;
        }
        let found = found.unwrap();
        assert_eq!(whole_replicas(found), expected["replicas"].as_i64().unwrap(), "{id}: {found}");
        for (key, first) in
            [("estimated", First::Heuristic), ("legacy-heuristic", First::LegacyHeuristic)]
        {
            let derived = &expected["derived_with_statsmodels_0.15.0"][key];
            if !derived.is_null() {
                states_agree(&format!("{id} {key}"), &smoother, first, &series, derived);
            }
        }
    }
}

fn states_agree(id: &str, smoother: &Smoother, first: First, series: &[f64], derived: &Value) {
    let state = smoother.start(series, first);
    let (level, trend) = (number(&derived["initial_level"]), number(&derived["initial_trend"]));
    assert!(close(state.level, level) && close(state.trend, trend), "{id}: {state:?}");
    let seasons = derived["initial_seasons"].as_array().unwrap();
    assert_eq!(seasons.len(), state.seasons.len(), "{id}");
    for (found, truth) in state.seasons.iter().zip(seasons) {
        assert!(close(*found, number(truth)), "{id}: {state:?}");
    }
    let forecast = one_step(smoother, first, series).unwrap();
    assert!(close(forecast, number(&derived["forecast"])), "{id}: {forecast}");
}

#[test]
fn holt_winters_refuses_as_the_predictive_autoscaler_does() {
    let additive = Smoother {
        trend: Form::Additive,
        seasonal: Form::Additive,
        alpha: 0.5,
        beta: 0.1,
        gamma: 0.1,
        damping: 1.0,
        season: 4,
    };
    let refusal = |smoother: &Smoother, series: &[f64]| {
        one_step(smoother, First::Heuristic, series).unwrap_err().to_string()
    };
    assert!(refusal(&additive, &[1.0; 7]).contains("2 * seasonal_periods"));
    assert!(refusal(&additive, &[1.0; 9]).contains("10 + 2 * (seasonal_periods // 2)"));
    let multiplicative = Smoother { seasonal: Form::Multiplicative, ..additive };
    assert!(refusal(&multiplicative, &[0.0; 20]).contains("strictly positive"));
    assert!(refusal(&Smoother { season: 1, ..additive }, &[1.0; 20]).contains("larger than 1"));
}
