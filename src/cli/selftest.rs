//! `plimsoll selftest`: models with known answers, simulated on the user's machine, with z-scores.

use std::path::Path;

use super::common::Format;
use super::{Ended, Status, print};
use crate::diagnose::Problem;
use crate::document::Node;
use crate::report;
use crate::report::text::{digits, time};
use crate::scenario::{Measured, Scenario};
use crate::stats::Moments;
use crate::theory;
use crate::time::Duration;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Independent repetitions of each model
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u64).range(2..))]
    replications: u64,
    /// Requests of each repetition
    #[arg(long, value_name = "N", default_value_t = 50_000,
          value_parser = clap::value_parser!(u64).range(1000..))]
    requests: u64,
    /// The root of all randomness; each model takes the next number, so that they are independent
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
}

/// A model, its scenario and its closed form: one mean service time is a second.
struct Case {
    name: &'static str,
    scenario: &'static str,
    model: &'static str,
    parameters: &'static [(&'static str, f64)],
    measure: Measure,
}

#[derive(Clone, Copy)]
enum Measure {
    Wait,
    Latency,
    Blocking,
    Abandonment,
}

const CASES: &[Case] = &[
    Case {
        name: "M/M/1, load 0.8: mean wait",
        scenario: "traffic.m = { arrivals = 'poisson:rate=0.8/s', service = 'exponential:mean=1s' \
        }",
        model: "mm1",
        parameters: &[("arrival-rate", 0.8), ("service-mean", 1.0)],
        measure: Measure::Wait,
    },
    Case {
        name: "M/M/8, load 0.9: mean wait",
        scenario: "traffic.m = { arrivals = 'poisson:rate=7.2/s', service = 'exponential:mean=1s' }
                   pool.m = { servers = 8 }\nbalancer = { queue = 'shared' }",
        model: "mmc",
        parameters: &[("arrival-rate", 7.2), ("service-mean", 1.0), ("servers", 8.0)],
        measure: Measure::Wait,
    },
    Case {
        name: "M/M/4/10: refused",
        scenario: "traffic.m = { arrivals = 'poisson:rate=4/s', service = 'exponential:mean=1s' }
                   pool.m = { slots = 4, queue-limit = 6 }",
        model: "mmck",
        parameters: &[
            ("arrival-rate", 4.0),
            ("service-mean", 1.0),
            ("servers", 4.0),
            ("capacity", 10.0),
        ],
        measure: Measure::Blocking,
    },
    Case {
        name: "M/M/5/5 (Erlang B): refused",
        scenario: "traffic.m = { arrivals = 'poisson:rate=3/s', service = 'exponential:mean=1s' }
                   pool.m = { slots = 5, queue-limit = 0 }",
        model: "mmcc",
        parameters: &[("arrival-rate", 3.0), ("service-mean", 1.0), ("servers", 5.0)],
        measure: Measure::Blocking,
    },
    Case {
        name: "M/D/4, load 0.8: mean wait",
        scenario: "traffic.m = { arrivals = 'poisson:rate=3.2/s', service = 'constant:value=1s' }
                   pool.m = { slots = 4 }",
        model: "mdc",
        parameters: &[("arrival-rate", 3.2), ("service-mean", 1.0), ("servers", 4.0)],
        measure: Measure::Wait,
    },
    Case {
        name: "M/G/1, lognormal cv 1.5, load 0.6: mean wait",
        scenario: "traffic.m = { arrivals = 'poisson:rate=0.6/s',
                   service = 'lognormal:mean=1s,cv=1.5' }",
        model: "mg1",
        parameters: &[("arrival-rate", 0.6), ("service-mean", 1.0), ("cv", 1.5)],
        measure: Measure::Wait,
    },
    Case {
        name: "M/G/1-PS, hyper-exponential cv 2, load 0.7: mean latency",
        scenario: "traffic.m = { arrivals = 'poisson:rate=0.7/s',
                   service = 'hyper-exponential:mean=1s,cv=2' }
                   pool.m = { discipline = 'processor-sharing' }",
        model: "mg1ps",
        parameters: &[("arrival-rate", 0.7), ("service-mean", 1.0)],
        measure: Measure::Latency,
    },
    Case {
        name: "M/M/4+M (Erlang A), load 1.1: given up",
        scenario: "traffic.m = { arrivals = 'poisson:rate=4.4/s',
                   service = 'exponential:mean=1s', patience = 'exponential:mean=2s' }
                   pool.m = { slots = 4 }",
        model: "erlang-a",
        parameters: &[
            ("arrival-rate", 4.4),
            ("service-mean", 1.0),
            ("servers", 4.0),
            ("patience-mean", 2.0),
        ],
        measure: Measure::Abandonment,
    },
    Case {
        name: "5 × M/M/1 behind random, load 0.7: mean latency",
        scenario: "traffic.m = { arrivals = 'poisson:rate=3.5/s', service = 'exponential:mean=1s' }
                   pool.m = { servers = 5 }\nbalancer = 'random'",
        model: "random",
        parameters: &[("arrival-rate", 3.5), ("service-mean", 1.0), ("servers", 5.0)],
        measure: Measure::Latency,
    },
    Case {
        name: "5 × M/M/1 behind round-robin, load 0.7: mean latency",
        scenario: "traffic.m = { arrivals = 'poisson:rate=3.5/s', service = 'exponential:mean=1s' }
                   pool.m = { servers = 5 }\nbalancer = 'round-robin'",
        model: "round-robin",
        parameters: &[("arrival-rate", 3.5), ("service-mean", 1.0), ("servers", 5.0)],
        measure: Measure::Latency,
    },
];

/// One line of the report.
#[derive(serde::Serialize)]
struct Line {
    case: &'static str,
    exact: f64,
    simulated: f64,
    standard_error: f64,
    z: f64,
    passed: bool,
}

/// With |z| below 4.5 for ten Student-distributed scores of 19 degrees of freedom, a sound program
/// fails by chance once in some four hundred seeds.
const LIMIT: f64 = 4.5;

pub(super) fn run(args: &Args) -> Ended {
    let lines = (args.seed..)
        .zip(CASES)
        .map(|(seed, case)| case.try_out(seed, args))
        .collect::<Result<Vec<_>, _>>()?;
    let text = match args.format {
        Format::Json => {
            serde_json::to_string_pretty(&serde_json::json!({
                "schema": "plimsoll.selftest/1", "limit": LIMIT, "cases": lines
            }))
            .expect("plain data")
                + "\n"
        }
        Format::Csv => report::csv(&lines),
        Format::Markdown => report::markdown::of_data(&lines),
        Format::Table => table(&lines),
    };
    print(&text)?;
    Ok(if lines.iter().all(|line| line.passed) { Status::Done } else { Status::No })
}

impl Case {
    fn try_out(&self, seed: u64, args: &Args) -> Result<Line, Problem> {
        let mut document = Node::from_toml(self.name, self.scenario)?;
        let number = |value: u64| crate::diagnose::Origin::whole("selftest", value.to_string());
        for (path, value) in [("seed", seed), ("run.requests", args.requests)] {
            document.set(path, Node::from_word(&value.to_string(), number(value)))?;
        }
        // Requests end the run, so its duration must not.
        let forever = crate::diagnose::Origin::whole("selftest", "1000000h");
        document.set("run.duration", Node::text("1000000h", forever))?;
        let scenario = Scenario::from_document(&document, Path::new(""))?;
        let mut values = Vec::new();
        for replication in 0..args.replications {
            let warm_up = Duration::from_secs(200);
            let (measured, ()) = scenario.simulate(replication, warm_up, (), &())?;
            values.push(self.measure.of(&measured));
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let count = values.len() as f64;
        let error = (squares / (count - 1.0) / count).sqrt();
        let exact = self.exact()?;
        let z = (mean - exact) / error;
        let passed = z.abs() < LIMIT;
        Ok(Line { case: self.name, exact, simulated: mean, standard_error: error, z, passed })
    }

    fn exact(&self) -> Result<f64, Problem> {
        let refused = |refusal: theory::Refusal| Problem::new(refusal.to_string());
        let parameters = self.parameters.iter().map(|&(name, value)| (name.to_owned(), value));
        let model = theory::model(self.model).map_err(refused)?;
        let answer = model.answer(&parameters.collect()).map_err(refused)?;
        let value = match self.measure {
            Measure::Wait => answer.wait_s.and_then(|wait| wait.mean),
            Measure::Latency => answer.latency_s.and_then(|latency| latency.mean),
            Measure::Blocking => answer.blocking_probability,
            Measure::Abandonment => answer.abandonment_probability,
        };
        value.ok_or_else(|| Problem::new(format!("{} has no closed form here", self.name)))
    }
}

impl Measure {
    fn of(self, measured: &Measured) -> f64 {
        let meter = &measured.meter;
        let share = |fate| meter.count(fate) as f64 / meter.arrived as f64;
        let mean = |moments: &Moments| moments.mean().unwrap_or(f64::NAN);
        match self {
            Self::Wait => mean(&meter.wait.moments),
            Self::Latency => mean(&meter.latency.moments),
            Self::Blocking => share(crate::model::Fate::Rejected),
            Self::Abandonment => share(crate::model::Fate::TimedOut),
        }
    }
}

fn table(lines: &[Line]) -> String {
    let mut text = format!("{:<58}{:>10}{:>12}{:>8}\n", "model", "exact", "simulated", "z");
    for line in lines {
        let shown =
            |value: f64| if line.case.contains("mean") { time(value) } else { digits(value) };
        let mark = if line.passed { '✓' } else { '✗' };
        text.push_str(&format!(
            "{mark} {:<56}{:>10}{:>12}{:>8.2}\n",
            line.case,
            shown(line.exact),
            shown(line.simulated),
            line.z
        ));
    }
    let failed = lines.iter().filter(|line| !line.passed).count();
    text.push_str(&match failed {
        0 => format!("\nall {} models agree: every |z| is below {LIMIT}\n", lines.len()),
        _ => format!("\n{failed} of {} models disagree: a |z| of {LIMIT} or more\n", lines.len()),
    });
    text
}
