//! The laws that every registered arrival process obeys, and the closed loop's known answers.

mod closed_loop;
mod dispersion;
mod profiles;
mod refusals;

use std::path::Path;

use plimsoll::diagnose::{Origin, Problem};
use plimsoll::document::Node;
use plimsoll::model::Request;
use plimsoll::registry::{Recipe, Role};
use plimsoll::rng::{Purpose, Seed};
use plimsoll::stats::special::normal_quantile;
use plimsoll::time::{Duration, Instant};
use plimsoll::workload::Source;
use plimsoll::workload::arrivals::{Arrivals, Setup};
use plimsoll::workload::attributes::Attributes;
use plimsoll::workload::drawn::Drawn;

/// What is known of a process.
#[derive(Clone, Copy)]
enum Known {
    /// A Poisson process with this rate (a second) at a time (in seconds).
    Poisson(fn(f64) -> f64),
    /// The mean rate, and the variance of counts over long times as a multiple of their mean.
    Counts { rate: f64, dispersion: f64 },
}
use Known::{Counts, Poisson};

/// The length of every run, in seconds.
const RUN: f64 = 1200.0;

/// Options of every process, with what they must give.
const CASES: &[(&str, Known)] = &[
    ("poisson:rate=80/s", Poisson(|_| 80.0)),
    ("poisson:rate=1200/min", Poisson(|_| 20.0)),
    ("deterministic:rate=70/s", Counts { rate: 70.0, dispersion: 0.0 }),
    ("deterministic:every=12ms,first=0s", Counts { rate: 1e3 / 12.0, dispersion: 0.0 }),
    ("renewal:gap={law='erlang',mean='20ms',stages=4}", Counts { rate: 50.0, dispersion: 0.25 }),
    (
        "renewal:gap={law=\"hyper-exponential\",mean=\"12.5ms\",cv=3}",
        Counts { rate: 80.0, dispersion: 9.0 },
    ),
    ("renewal:gap='constant:value=3333us'", Counts { rate: 1e6 / 3333.0, dispersion: 0.0 }),
    (
        "mmpp:rates=['80/s','20/s'],sojourns=['2s','6s']",
        Counts { rate: 35.0, dispersion: 1.0 + 2.0 * 3600.0 / 12.0 / (4.0 / 9.0 * 140.0 / 6.0) },
    ),
    (
        "mmpp:rates=['0/s','90/s'],switching=['6/min','12/min']",
        Counts { rate: 30.0, dispersion: 1.0 + 2.0 * 8100.0 * 0.02 / (0.09 * 9.0) },
    ),
    ("hawkes:baseline=10/s,branching=0.8,decay=500ms", Counts { rate: 50.0, dispersion: 25.0 }),
    ("hawkes:baseline=60/s,branching=0,decay=1s", Counts { rate: 60.0, dispersion: 1.0 }),
    (
        "profile:points=[['0s','10/s'],['10m','90/s'],['10m','0/s'],['15m','0/s'],['20m','300/s']]",
        Poisson(|t| match t {
            ..600.0 => 10.0 + 80.0 * t / 600.0,
            ..900.0 => 0.0,
            _ => t - 900.0,
        }),
    ),
    (
        "profile:points=[['1m','100/s'],['5m','0/s'],['8m','30/s']],between=steps",
        Poisson(|t| match t {
            ..300.0 => 100.0,
            ..480.0 => 0.0,
            _ => 30.0,
        }),
    ),
    (
        "profile:points=[['20s','0/s'],['80s','120/s']],repeat=100s",
        Poisson(|t| match t % 100.0 {
            t @ ..20.0 => 60.0 - 3.0 * t,
            t @ ..80.0 => 2.0 * (t - 20.0),
            t => 120.0 - 3.0 * (t - 80.0),
        }),
    ),
    ("ramp:from=0/s,to=120/s", Poisson(|t| t / 10.0)),
    (
        "ramp:from=90/s,to=0/s,start=300s,over=600s",
        Poisson(|t| (90.0 - (t - 300.0) * 0.15).clamp(0.0, 90.0)),
    ),
    ("step:from=0/s,to=90/s,at=500s", Poisson(|t| if t < 500.0 { 0.0 } else { 90.0 })),
    ("step:from=200/s,to=5/s,at=5m", Poisson(|t| if t < 300.0 { 200.0 } else { 5.0 })),
    (
        "spike:base=10/s,peak=310/s,at=100s,rise=60s,hold=100s,fall=30s",
        Poisson(|t| match t {
            ..100.0 => 10.0,
            ..160.0 => 10.0 + 5.0 * (t - 100.0),
            ..260.0 => 310.0,
            ..290.0 => 310.0 - 10.0 * (t - 260.0),
            _ => 10.0,
        }),
    ),
    (
        "spike:base=0/s,peak=200/s,at=30s,hold=10s,every=40s",
        Poisson(|t| if t >= 30.0 && (t - 30.0) % 40.0 < 10.0 { 200.0 } else { 0.0 }),
    ),
    (
        "diurnal:base=0/s,peak=100/s,period=8m",
        Poisson(|t| 50.0 - 50.0 * (t / 480.0 * std::f64::consts::TAU).cos()),
    ),
    (
        "diurnal:base=30/s,peak=90/s,peak-at=17h",
        Poisson(|t| 60.0 + 30.0 * ((t / 86_400.0 - 17.0 / 24.0) * std::f64::consts::TAU).cos()),
    ),
    ("scheduled:at=['5s','1s','1s'],repeat=6s", Counts { rate: 0.5, dispersion: 0.0 }),
    (
        "batch:epochs='poisson:rate=10/s',size='constant:value=8'",
        Counts { rate: 80.0, dispersion: 8.0 },
    ),
    (
        "batch:epochs={process='scheduled',at=['0s'],repeat='3s'},size='constant:value=100'",
        Counts { rate: 100.0 / 3.0, dispersion: 0.0 },
    ),
];

/// The chance that a correct implementation fails one of these checks with other seeds.
const ALPHA: f64 = 1e-6;

fn recipe(spec: &str) -> Result<Recipe<dyn Arrivals>, Problem> {
    Recipe::read(&Node::text(spec, Origin::whole("--arrivals", spec)))
}

fn build(spec: &str) -> Result<Box<dyn Arrivals>, Problem> {
    scaled(spec, 1.0)
}

fn scaled(spec: &str, rate_scale: f64) -> Result<Box<dyn Arrivals>, Problem> {
    let duration = Some(Duration::from_secs(RUN as u64));
    recipe(spec)?.build(&Setup { duration, folder: Path::new(""), rate_scale })
}

fn process(spec: &str) -> Box<dyn Arrivals> {
    build(spec).unwrap_or_else(|problem| panic!("{}", problem.render(false)))
}

/// The arrivals of a process before `until`, in seconds.
fn arrivals(spec: &str, class: &str, replication: u64, until: f64) -> Vec<f64> {
    times(process(spec), class, replication, until)
}

fn times(mut process: Box<dyn Arrivals>, class: &str, replication: u64, until: f64) -> Vec<f64> {
    let until = Instant::from_secs_f64(until);
    let mut stream = Seed::new(1, replication).stream(Purpose::Arrival, class);
    let mut last = Instant::START;
    let next = || {
        last = process.next(last, &mut stream);
        (last < until).then(|| last.as_secs_f64())
    };
    std::iter::from_fn(next).collect()
}

/// The integral of a rate at `cells + 1` equidistant times up to `RUN`, by the midpoint rule: exact
/// along straight pieces whose ends are at whole seconds.
fn cumulative(rate: fn(f64) -> f64) -> Vec<f64> {
    let cells = 16 * RUN as usize;
    let width = RUN / cells as f64;
    let mut sum = 0.0;
    let mass = (0..cells).map(|cell| {
        sum += rate((cell as f64 + 0.5) * width) * width;
        sum
    });
    std::iter::once(0.0).chain(mass).collect()
}

/// Half the width of an interval that holds a normal variable but for `ALPHA`.
fn widest(deviation: f64) -> f64 {
    normal_quantile(1.0 - ALPHA / 2.0) * deviation
}

#[test]
fn every_registered_process_has_a_case() {
    for entry in <dyn Arrivals as Role>::registry() {
        let own = |(spec, _): &&(&str, Known)| spec.split(':').next() == Some(entry.name);
        assert!(CASES.iter().any(|case| own(&case)), "`{}` has no case here", entry.name);
        assert!(entry.manual().contains("**Source.**"), "`{}` has no source", entry.name);
    }
}

#[test]
fn as_many_arrive_as_the_rate_says() {
    for (spec, known) in CASES {
        let count = arrivals(spec, "main", 0, RUN).len() as f64;
        let (expected, dispersion) = match *known {
            Poisson(rate) => (*cumulative(rate).last().unwrap(), 1.0),
            Counts { rate, dispersion } => (rate * RUN, dispersion),
        };
        // Counts are whole, and one may lie at the very end.
        let limit = widest((dispersion * expected).sqrt()) + 1.0;
        assert!((count - expected).abs() <= limit, "{spec}: {count}, not {expected} ± {limit}");
    }
}

#[test]
fn a_scaled_rate_is_the_same_process_with_more_arrivals() {
    for (spec, known) in CASES {
        let Ok(process) = scaled(spec, 3.0) else {
            assert!(spec.contains("scheduled"), "{spec}");
            continue;
        };
        let (expected, dispersion) = match *known {
            Poisson(rate) => (*cumulative(rate).last().unwrap(), 1.0),
            Counts { rate, dispersion } => (rate * RUN, dispersion),
        };
        // What modulates a rate is multiplied with it; what is left is as before.
        let dispersion = dispersion.max(1.0 + 3.0 * (dispersion - 1.0));
        let count = times(process, "main", 0, RUN).len() as f64;
        let limit = widest((dispersion * 3.0 * expected).sqrt()) + 1.0;
        assert!((count - 3.0 * expected).abs() <= limit, "{spec}: {count}, not 3 × {expected}");
    }
}

#[test]
fn time_that_runs_faster_brings_the_same_arrivals_sooner() {
    for (spec, _) in CASES {
        let drawn = |speed_up, until| {
            let attributes = Attributes::new(3, "main", Seed::new(1, 0));
            let until = Instant::from_secs_f64(until);
            let seed = Seed::new(1, 0);
            let drawn = Drawn::new("main", process(spec), attributes, seed, until, u64::MAX);
            requests(&mut drawn.sped_up(speed_up))
        };
        let (plain, fast) = (drawn(1.0, RUN), drawn(4.0, RUN / 4.0));
        // A time may be rounded up to the very end.
        assert!(plain.len() - fast.len() <= 1, "{spec}");
        let sooner =
            |(one, other): (&Request, &Request)| one.arrival.0.div_ceil(4) >= other.arrival.0;
        assert!(plain.iter().zip(&fast).all(sooner), "{spec}");
    }
}

#[test]
fn time_never_runs_backward() {
    for (spec, _) in CASES {
        let times = arrivals(spec, "main", 0, RUN);
        assert!(times.is_sorted() && !times.is_empty(), "{spec}");
    }
}

#[test]
fn the_same_seed_gives_the_same_arrivals_and_another_class_others() {
    for (spec, known) in CASES {
        let run = |class, replication| arrivals(spec, class, replication, RUN / 2.0);
        assert_eq!(run("main", 0), run("main", 0), "{spec}");
        if matches!(known, Counts { dispersion: 0.0, .. }) {
            assert_eq!(run("main", 0), run("mail", 1), "{spec} is not random");
        } else {
            assert_ne!(run("main", 0), run("mail", 0), "{spec}");
            assert_ne!(run("main", 0), run("main", 1), "{spec}");
        }
    }
}

#[test]
fn a_source_brings_what_its_process_says_until_the_end_or_the_most() {
    for (spec, _) in CASES {
        let drawn = |until, most| {
            let attributes = Attributes::new(3, "main", Seed::new(1, 0));
            let mut source =
                Drawn::new("main", process(spec), attributes, Seed::new(1, 0), until, most);
            requests(&mut source)
        };
        let all = drawn(Instant::from_secs_f64(RUN), u64::MAX);
        let times: Vec<f64> = all.iter().map(|request| request.arrival.as_secs_f64()).collect();
        assert_eq!(times, arrivals(spec, "main", 0, RUN), "{spec}");
        let some = drawn(Instant::from_secs_f64(RUN), 100);
        assert_eq!(some, all[..all.len().min(100)], "{spec}");
    }
}

/// All that a source brings by itself.
fn requests(source: &mut dyn Source) -> Vec<Request> {
    let mut all = Vec::new();
    loop {
        let before = all.len();
        source.fill(&mut all).unwrap();
        if all.len() == before {
            return all;
        }
    }
}

#[test]
fn the_options_and_the_schema_of_every_process_can_be_written_down() {
    let schema = schemars::schema_for!(Recipe<dyn Arrivals>);
    let text = serde_json::to_string(&schema).unwrap();
    for (spec, _) in CASES {
        let recipe = recipe(spec).unwrap();
        assert!(text.contains(&format!("\"const\":\"{}\"", recipe.name)), "{spec}");
        assert_eq!(recipe.resolved()["process"], recipe.name);
    }
}
