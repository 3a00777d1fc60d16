//! Queues with set-up times, whose answers are known, inside the simulator's intervals.

use plimsoll::scale::{Autoscaler, Signals, Target};
use plimsoll::scenario::{Built, Scenario};
use plimsoll::time::Duration;
use serde_json::Value;

use super::read;

/// The cases of a model in the table of known answers: parameters with their measures.
fn cases(model: &str) -> Vec<(Value, Vec<(String, f64)>)> {
    let text = include_str!("../../oracles/analytic.json");
    let table: Value = serde_json::from_str(text).unwrap();
    let mut cases: Vec<(Value, Vec<(String, f64)>)> = Vec::new();
    for entry in table["entries"].as_array().unwrap().iter().filter(|it| it["model"] == model) {
        let measure =
            (entry["metric"].as_str().unwrap().to_owned(), entry["value"].as_f64().unwrap());
        match cases.last_mut() {
            Some((params, measures)) if *params == entry["params"] => measures.push(measure),
            _ => cases.push((entry["params"].clone(), vec![measure])),
        }
    }
    cases
}

fn number(params: &Value, key: &str) -> f64 {
    params[key].as_f64().unwrap_or_else(|| panic!("no {key} in {params}"))
}

/// M/M/c with exponential starts behind a shared queue. Requests follow in the unit of the table.
fn farm(params: &Value, pool: &str, autoscaler: &str, requests: f64) -> Scenario {
    let (rate, service) = (number(params, "lambda"), 1.0 / number(params, "mu"));
    read(&format!(
        "[traffic.main]\narrivals = {{ process = 'poisson', rate = '{rate}/s' }}\n\
         service = {{ law = 'exponential', mean = '{service}s' }}\n\
         [pool.main]\n{pool}\n[pool.main.autoscaler]\n{autoscaler}\n\
         [balancer]\nqueue = 'shared'\n[run]\nduration = '{}s'\n",
        (requests / rate).round(),
    ))
}

/// What one run measured, by the names of the table.
fn measured(scenario: &Scenario, built: Built) -> [(&'static str, f64); 5] {
    let warm_up = Duration(scenario.length().0 / 20);
    let (measured, ()) = scenario.measure(built, warm_up, (), &()).unwrap();
    let outcome = scenario.outcome(&measured);
    let span_h = outcome.duration_s / 3600.0;
    let scaled = &outcome.autoscaling[0];
    let starting = scaled.startup_hours / span_h;
    let on = scaled.server_hours / span_h - starting;
    [
        ("w", outcome.latency_s.mean.unwrap()),
        ("wq", outcome.wait_s.mean.unwrap()),
        ("e_on", on),
        ("e_servers", on),
        ("e_setup", starting),
    ]
}

/// Compares the mean of replications with a known value by a t interval at `1 − 10⁻⁵`: with some
/// sixty comparisons a true simulator is refused once in two thousand suites.
fn compare(name: &str, runs: &[[(&'static str, f64); 5]], known: &[(String, f64)]) {
    // Student's t at 1 − 10⁻⁵/2 with 15 degrees of freedom.
    const T: f64 = 6.502;
    assert_eq!(runs.len(), 16);
    for (measure, wanted) in known {
        let values: Vec<f64> = runs
            .iter()
            .filter_map(|run| run.iter().find(|(name, _)| name == measure))
            .map(|(_, value)| *value)
            .collect();
        if values.is_empty() {
            continue;
        }
        let mean = values.iter().sum::<f64>() / 16.0;
        let square: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let half = T * (square / 15.0 / 16.0).sqrt();
        assert!((mean - wanted).abs() <= half, "{name}: {measure} {mean} ± {half}, known {wanted}");
    }
}

fn replicate(scenario: &Scenario, change: impl Fn(&mut Built)) -> Vec<[(&'static str, f64); 5]> {
    let one = |replication| {
        let mut built = scenario.build(replication).unwrap();
        change(&mut built);
        measured(scenario, built)
    };
    (0..16).map(one).collect()
}

/// Every so many cases of a model, so that the suite stays short.
fn some(model: &str, step: usize, off: impl Fn(&Value) -> Option<String>) {
    let mut tried = 0;
    for (params, known) in cases(model).iter().step_by(step) {
        let Some(pool) = off(params) else { continue };
        let most = number(params, "c");
        let startup = 1.0 / number(params, "setup_rate");
        let pool = format!(
            "servers = 0\nstartup = {{ law = 'exponential', mean = '{startup}s' }}\n{pool}"
        );
        let autoscaler = format!("policy = 'on-demand'\nper-server = 1\nmax = {most}");
        // A cycle of set-ups is the unit of independence: slow ones need a longer run.
        let requests = 6000.0 * (1.0 + startup * number(params, "lambda") / 10.0).min(8.0);
        let scenario = farm(params, &pool, &autoscaler, requests);
        compare(&format!("{model} {params}"), &replicate(&scenario, |_| ()), known);
        tried += 1;
    }
    assert!(tried >= 3, "{model}: only {tried} cases");
}

#[test]
fn servers_that_start_for_each_who_waits_and_go_when_idle() {
    some("M/M/c/setup", 9, |params| {
        params["policy"]
            .as_str()
            .is_some_and(|policy| policy.contains("every waiting job starts a setup"))
            .then(|| "idle-timeout = { law = 'constant', mean = '0s' }".to_owned())
    });
}

#[test]
fn servers_that_go_after_an_exponential_idle_time() {
    some("M/M/c/delayedoff", 1, |params| {
        let idle = 1.0 / number(params, "idle_off_rate");
        Some(format!("idle-timeout = {{ law = 'exponential', mean = '{idle}s' }}"))
    });
}

/// The threshold autoscaler of the table: a policy of the test's own, looking at every event.
struct Chain {
    least: u32,
    most: u32,
    above: f64,
    idle: u32,
    before: u32,
}

impl Autoscaler for Chain {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let (ready, n) = (signals.counts.ready, signals.in_system);
        let pending = signals.counts.starting;
        let left = n < self.before;
        let up = !left && f64::from(n) > self.above * f64::from(ready) && ready < self.most;
        let wanted = if left {
            let spare = ready.saturating_sub(n) > self.idle;
            match (spare, pending) {
                (true, 1..) => ready,
                (true, 0) => ready.saturating_sub(1).max(self.least),
                (false, _) => ready + pending,
            }
        } else {
            // On an arrival or a start that is done: one at a time.
            ready + if up { 1 } else { pending }
        };
        self.before = n;
        Target::new(wanted, "chain")
    }
}

#[test]
fn a_threshold_autoscaler_is_its_markov_chain() {
    for (params, known) in &cases("threshold autoscaler CTMC") {
        let (least, most) = (number(params, "cmin") as u32, number(params, "cmax") as u32);
        let startup = 1.0 / number(params, "provision_rate");
        let pool =
            format!("servers = {least}\nstartup = {{ law = 'exponential', mean = '{startup}s' }}");
        let autoscaler = format!(
            "policy = 'fixed'\nmin = {least}\nmax = {most}\ninterval = '0s'\nwindow = '0s'"
        );
        let scenario = farm(params, &pool, &autoscaler, 20_000.0);
        let (above, idle) = (number(params, "u"), number(params, "idle") as u32);
        let runs = replicate(&scenario, |built| {
            let scaler = built.plant.life[0].scaler.as_mut().unwrap();
            let chain = Chain { least, most, above, idle, before: 0 };
            scaler.policy = Box::new(chain);
        });
        compare(&format!("threshold {params}"), &runs, known);
    }
}

#[test]
fn looking_at_every_event_and_looking_often_agree() {
    let text = |interval: &str| {
        format!(
            "[traffic.main]\narrivals = {{ process = 'poisson', rate = '2/s' }}\n\
             service = {{ law = 'exponential', mean = '1s' }}\n\
             [pool.main]\nservers = 1\nstartup = {{ law = 'constant', mean = '5s' }}\n\
             [pool.main.autoscaler]\npolicy = 'queue-depth'\nper-server = 1\nmin = 1\nmax = 8\n\
             window = '0s'\ninterval = '{interval}'\n\
             [balancer]\nqueue = 'shared'\n[run]\nduration = '10m'\n"
        )
    };
    let mean = |interval: &str| {
        let scenario = read(&text(interval));
        let built = scenario.build(0).unwrap();
        measured(&scenario, built)[0].1
    };
    let (always, often) = (mean("0s"), mean("1ms"));
    assert!((always - often).abs() < 0.01 * always, "{always} and {often}");
}
