//! Bursty processes against the closed forms of `tests/oracles/analytic.json`.

use plimsoll::rng::{Purpose, Seed};
use plimsoll::stats::special::normal_quantile;
use plimsoll::time::Instant;
use serde_json::Value;

use super::process;

/// The chance that a correct process fails one of these checks with other seeds.
const ALPHA: f64 = 1e-4;

/// The entries of a model as metric, parameters and value.
pub(super) fn oracle(model: &str) -> Vec<(String, Value, f64)> {
    let file: Value = serde_json::from_str(include_str!("../../oracles/analytic.json")).unwrap();
    let own = |entry: &&Value| entry["model"] == model;
    let known = |entry: &Value| {
        let metric = entry["metric"].as_str().unwrap().to_owned();
        (metric, entry["params"].clone(), entry["value"].as_f64().unwrap())
    };
    file["entries"].as_array().unwrap().iter().filter(own).map(known).collect()
}

fn number(params: &Value, key: &str) -> f64 {
    params[key].as_f64().unwrap_or_else(|| panic!("{params} has a {key}"))
}

/// The mean of independent values lies within its normal interval around what is expected.
fn assert_mean(values: &[f64], expected: f64, what: &str) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let limit = normal_quantile(1.0 - ALPHA / 2.0) * (variance / n).sqrt();
    assert!((mean - expected).abs() <= limit, "{what}: {mean} ± {limit} misses {expected}");
}

/// Counts in `[0, t)` of independent runs, each as (N − m)² / m for the true mean m: an unbiased
/// value of the index of dispersion, which holds only if the process is stationary from the start.
fn dispersions(spec: &str, rate: f64, t: f64) -> Vec<f64> {
    let (mean, until) = (rate * t, Instant::from_secs_f64(t));
    let one = |replication| {
        let mut process = process(spec);
        let mut stream = Seed::new(7, replication).stream(Purpose::Arrival, "dispersed");
        let mut last = Instant::START;
        let mut count = 0.0;
        loop {
            last = process.next(last, &mut stream);
            if last >= until {
                return (count - mean).powi(2) / mean;
            }
            count += 1.0;
        }
    };
    (0..4000).map(one).collect()
}

fn mmpp(params: &Value) -> (String, f64) {
    let [a, b, r, s] = ["rate1", "rate2", "r12", "r21"].map(|key| number(params, key));
    let spec = format!("mmpp:rates=['{a}/s','{b}/s'],switching=['{r}/s','{s}/s']");
    (spec, (a * s + b * r) / (r + s))
}

#[test]
fn the_dispersion_of_mmpp_counts_is_that_of_the_closed_form() {
    let mut seen = 0;
    for (metric, params, value) in oracle("MMPP(2) arrivals") {
        let (spec, rate) = mmpp(&params);
        match metric.as_str() {
            "idc" => {
                let t = number(&params, "t");
                assert_mean(&dispersions(&spec, rate, t), value, &format!("{spec} over {t} s"));
            }
            // What is missing from the limit at time t is A (1 − e^−gt) / gt, A the limit less 1.
            "idc_inf" => {
                let gt = (number(&params, "r12") + number(&params, "r21")) * 500.0;
                let at_500 = value - (value - 1.0) * -(-gt).exp_m1() / gt;
                assert_mean(&dispersions(&spec, rate, 500.0), at_500, &spec);
            }
            _ => continue,
        }
        seen += 1;
    }
    assert!(seen >= 5, "only {seen} entries");
}

/// Gaps of long independent runs, whose true mean is 1 / rate: no estimate in a denominator.
#[test]
fn the_gaps_of_mmpp_vary_and_follow_each_other_as_the_closed_forms_say() {
    let entries = oracle("MMPP(2) arrivals");
    let find = |wanted: &str, params: &Value| {
        let same = |(metric, other, _): &&(String, Value, f64)| metric == wanted && other == params;
        entries.iter().find(same).map(|(_, _, value)| *value)
    };
    let (mut seen, gaps_a_run) = (0, 40_000);
    for (metric, params, scv) in &entries {
        if metric != "interarrival_scv" {
            continue;
        }
        let (spec, rate) = mmpp(params);
        let run = |replication| -> (f64, f64) {
            let mut process = process(&spec);
            let mut stream = Seed::new(8, replication).stream(Purpose::Arrival, "gaps");
            let mut last = process.next(Instant::START, &mut stream);
            let (mut before, mut squares, mut products) = (0.0, 0.0, 0.0);
            for _ in 0..gaps_a_run {
                let next = process.next(last, &mut stream);
                let gap = (next - last).as_secs_f64() * rate - 1.0;
                (squares, products) = (squares + gap * gap, products + gap * before);
                (last, before) = (next, gap);
            }
            (squares / f64::from(gaps_a_run), products / f64::from(gaps_a_run))
        };
        let runs: Vec<(f64, f64)> = (0..100).map(run).collect();
        assert_mean(&runs.iter().map(|run| run.0).collect::<Vec<_>>(), *scv, &spec);
        if let Some(correlation) = find("interarrival_lag1_acf", params) {
            let products: Vec<f64> = runs.iter().map(|run| run.1).collect();
            assert_mean(&products, correlation * scv, &spec);
        }
        seen += 1;
    }
    assert!(seen > 0, "no entry");
}

#[test]
fn the_dispersion_of_hawkes_counts_is_that_of_the_closed_form() {
    let entries = oracle("Hawkes exp kernel");
    assert!(entries.len() >= 3);
    for (metric, params, value) in entries {
        assert_eq!(metric, "idc");
        let [baseline, branching, beta, t] =
            ["baseline", "branching", "beta", "t"].map(|key| number(&params, key));
        let decay = (1e9 / beta).round();
        let spec = format!("hawkes:baseline={baseline}/s,branching={branching},decay={decay}ns");
        let rate = baseline / (1.0 - branching);
        assert_mean(&dispersions(&spec, rate, t), value, &format!("{spec} over {t} s"));
    }
}
