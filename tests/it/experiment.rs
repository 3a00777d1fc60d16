//! Experiments: what they find, that nothing depends on threads, that a stop keeps what is done,
//! and what they refuse.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use plimsoll::document::Node;
use plimsoll::experiment::{
    Compared, Crew, Monitor, Pairs, Replicated, Variant, compare, replicate,
};
use plimsoll::outcome::{Comparison, Difference, Estimate, Estimated, Method, Status, Verdict};
use plimsoll::scenario::{Alternative, Overlay, Scenario};
use plimsoll::time::Duration;
use rayon::prelude::*;

/// A scenario from its text.
pub(crate) fn scenario(text: &str) -> Scenario {
    let document = Node::from_toml("test.toml", text).unwrap();
    Scenario::from_document(&document, Path::new("")).unwrap()
}

/// Eight servers with mean service 10 ms, at a load of 0.9.
fn cluster(seed: u64, run: &str) -> String {
    format!(
        "seed = {seed}\n\
         traffic.main = {{ arrivals = {{ process = 'poisson', rate = '720/s' }}, \
         service = {{ law = 'exponential', mean = '10ms' }} }}\n\
         pool.main = {{ servers = 8, price = '1/h' }}\n[run]\n{run}"
    )
}

fn variants(text: &str, balancers: &[&str]) -> Vec<Variant> {
    let document = Node::from_toml("test.toml", text).unwrap();
    let variant = |spec: &&str| {
        let mut overlay = Overlay::default();
        overlay.set("--balancer", "balancer.policy", spec);
        let alternative = Alternative::of_flags(spec, overlay);
        let scenario = alternative.scenario(&document, Path::new("")).unwrap();
        Variant { name: alternative.name, scenario }
    };
    balancers.iter().map(variant).collect()
}

fn crew(threads: u16) -> Crew {
    Crew::new(Some(threads)).unwrap()
}

fn whole(variants: &[Variant], threads: u16) -> Comparison {
    match compare(variants, 0, Pairs::WithBaseline, &crew(threads), &()).unwrap() {
        Compared::Whole(comparison) => *comparison,
        Compared::Cut(_) => panic!("nothing stopped it"),
    }
}

fn difference<'a>(comparison: &'a Comparison, measure: &str) -> &'a Difference {
    comparison.differences.iter().find(|difference| difference.measure == measure).unwrap()
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

const SHORT: &str = "duration = '60s'\nwarm-up = '10s'\nreplications = 10";

#[test]
fn of_all_pairs_those_with_the_baseline_are_told_against_it() {
    let three = variants(&cluster(1, SHORT), &["random", "least-connections", "round-robin"]);
    let compared = compare(&three, 1, Pairs::All, &crew(2), &()).unwrap();
    let Compared::Whole(found) = compared else { panic!("nothing stopped it") };
    let means = found.differences.iter().filter(|it| it.measure == "latency_s.mean");
    let pairs: Vec<(&str, &str)> = means.map(|it| (it.a.as_str(), it.b.as_str())).collect();
    let baseline = "least-connections";
    assert_eq!(pairs, [("random", baseline), ("round-robin", "random"), ("round-robin", baseline)]);
}

#[test]
fn the_shortest_queue_beats_the_better_of_two_random_ones() {
    let text = cluster(1, "duration = '5m'\nreplications = 10");
    let found = whole(&variants(&text, &["least-connections", "power-of-choices"]), 2);
    let p99 = difference(&found, "latency_s.p99");
    assert_eq!((p99.verdict, p99.a.as_str()), (Verdict::B, "power-of-choices"));
    assert!(p99.difference.low.unwrap() > 0.0 && p99.correlation > 0.5);
    assert!(p99.variance_reduction.unwrap() > 2.0);
    assert!(found.findings[0].starts_with("power-of-choices raises p99 by "), "{found:?}");
    assert_eq!(difference(&found, "cost.total").verdict, Verdict::Inseparable);
}

#[test]
fn a_policy_against_itself_is_not_separable() {
    // Drawing all eight servers and taking the least loaded is least connections under another
    // name: the same law, other random numbers.
    let inseparable = |seed: u64| {
        let text = cluster(seed, SHORT);
        let found =
            whole(&variants(&text, &["least-connections", "power-of-choices:choices=8"]), 1);
        assert!(found.differences.iter().any(|d| d.difference.estimate.is_some_and(|x| x != 0.0)));
        found.differences.iter().all(|difference| difference.verdict == Verdict::Inseparable)
    };
    let right = (0..100_u64).into_par_iter().filter(|&seed| inseparable(seed)).count();
    assert!(right >= 93, "only {right} of 100 are not separable");
}

#[test]
fn a_policy_against_its_twin_has_the_same_results() {
    let text = cluster(1, SHORT);
    let mut both = variants(&text, &["random", "random"]);
    both[1].name = "twin".to_owned();
    let found = whole(&both, 2);
    assert_eq!(found.findings, ["twin and random are not separable: their results are the same"]);
    let table = plimsoll::report::comparison(&found, 100);
    assert!(table.contains("p99") && !table.contains("larger than"), "{table}");
}

#[test]
fn a_comparison_is_the_same_for_any_number_of_threads_and_shared_or_not() {
    let text = cluster(3, "duration = '20s'\nreplications = 5");
    let pair = variants(&text, &["least-connections", "round-robin", "random"]);
    let one = json(&whole(&pair, 1));
    for threads in [2, 7] {
        assert!(json(&whole(&pair, threads)) == one, "{threads} threads");
    }
    // A workload that is written in another way is the same one, though it is not shared.
    let mut other = pair;
    let rate = "traffic.main.arrivals.rate=0.72e3/s";
    let document = Node::from_toml("test.toml", &text).unwrap();
    let flag = format!("random:balancer.policy=random,{rate}");
    let alternative = Alternative::parse("--variant", &flag, &document).unwrap();
    other[2].scenario = alternative.scenario(&document, Path::new("")).unwrap();
    assert!(json(&whole(&other, 2).differences) == json(&whole(&other, 1).differences));
}

fn replicated(text: &str, threads: u16, monitor: &dyn Monitor) -> Replicated {
    replicate(&scenario(text), &crew(threads), monitor).unwrap()
}

fn estimated(text: &str) -> Estimated {
    replicated(text, 2, &()).outcome.unwrap()
}

#[test]
fn replications_are_the_same_for_any_number_of_threads() {
    let text = cluster(5, "duration = '20s'\nreplications = 12");
    let one = json(&replicated(&text, 1, &()).outcome.unwrap());
    for threads in [2, 7, 16] {
        assert!(json(&replicated(&text, threads, &()).outcome.unwrap()) == one);
    }
}

/// Stops an experiment after a number of complete runs.
struct Impatient {
    done: AtomicU64,
    most: u64,
}

impl Impatient {
    fn after(most: u64) -> Self {
        Self { done: AtomicU64::new(0), most }
    }
}

impl Monitor for Impatient {
    fn go_on(&self, _: u64) -> bool {
        self.done.load(Ordering::Relaxed) < self.most
    }
    fn done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_stop_after_half_the_replications_keeps_them() {
    let stopped = replicated(&cluster(5, SHORT), 1, &Impatient::after(5)).outcome.unwrap();
    assert!(stopped.partial);
    assert!(stopped.advice.iter().any(|words| words.contains("5 of 10 replications are complete")));
    let five = estimated(&cluster(5, &SHORT.replace("replications = 10", "replications = 5")));
    assert_eq!(json(&stopped.latency_s), json(&five.latency_s));
    assert_eq!(stopped.intervals.unwrap().parts, 5);
}

#[test]
fn a_stop_before_two_replications_leaves_the_first_run() {
    let cut = replicated(&cluster(5, SHORT), 1, &Impatient::after(0));
    assert!(cut.outcome.is_none() && cut.first.ending.stopped);
    // What was measured covers the time until the stop, not the time that was planned.
    assert!(cut.first.ending.horizon.as_secs_f64() < 10.0);
}

#[test]
fn a_stopped_comparison_keeps_whole_replications_of_all_variants() {
    let pair = variants(&cluster(5, SHORT), &["least-connections", "random"]);
    let stop = Impatient::after(7);
    let Compared::Whole(found) = compare(&pair, 0, Pairs::WithBaseline, &crew(1), &stop).unwrap()
    else {
        panic!("three replications are enough")
    };
    assert!(found.partial && found.variants.iter().all(|outcome| outcome.partial));
    assert_eq!(found.variants[1].intervals.unwrap().parts, 3);
}

#[test]
fn a_precision_is_reached_or_said_not_to_be() {
    let reached = estimated(&cluster(2, "duration = '120s'\nprecision = '5%'"));
    let precision = reached.intervals.unwrap().precision.unwrap();
    assert!(precision.reached.unwrap() <= 0.05 / 1.05 && precision.replications_needed.is_none());
    assert!(reached.latency_s.p99.relative_half_width().unwrap() <= 0.05 / 1.05);
    assert!(reached.advice.iter().any(|words| words.starts_with("mean and p99 to ±5 % was asked")));

    let spent = estimated(&cluster(
        2,
        "duration = '30s'\nprecision = '0.5%'\nprecision-of = ['mean']\nmax-replications = 12",
    ));
    let intervals = spent.intervals.unwrap();
    let precision = intervals.precision.unwrap();
    assert_eq!(intervals.parts, 12);
    assert!(precision.reached.unwrap() > 0.005 && precision.replications_needed.unwrap() > 100);
}

#[test]
fn objectives_are_met_missed_or_left_open() {
    let text = |limit: &str| {
        let slo = format!("slo.a = {{ objective = 'p99 < {limit}' }}\n");
        slo + &cluster(2, "duration = '120s'\nreplications = 10")
    };
    let judged = |limit: &str| {
        let found = estimated(&text(limit)).slo.remove(0);
        (found.met, found.inconclusive)
    };
    let p99 = estimated(&text("1s")).latency_s.p99.estimate.unwrap();
    assert_eq!(judged("1s"), (true, false));
    assert_eq!(judged("20ms"), (false, false));
    assert_eq!(judged(&format!("{:.1}ms", p99 * 1e3)), (false, true));
}

#[test]
fn what_no_run_supports_is_open_or_told_by_the_share_beyond_it() {
    // Sixty requests a run: no 99.9th percentile of any, nor of all.
    let text = "traffic.main = { arrivals = 'poisson:rate=1/s', \
                service = 'constant:value=100ms' }\npool.main.servers = 4\n\
                [slo]\nfar.objective = 'p99.9 < 1h'\nnear.objective = 'p99 < 100us'\n\
                [run]\nduration = '1m'\n";
    let single = scenario(text);
    let (measured, ()) = single.simulate(0, Duration::ZERO, (), &()).unwrap();
    let one = single.outcome(&measured);
    let judged = |slo: &[plimsoll::outcome::Objective]| {
        slo.iter().map(|it| (it.value, it.met, it.inconclusive)).collect::<Vec<_>>()
    };
    assert_eq!(judged(&one.slo), [(None, false, true), (None, false, true)]);
    let several = estimated(&text.replace("'1m'\n", "'1m'\nreplications = 4\n"));
    let [far, near] = several.slo.as_slice() else { panic!("two objectives") };
    assert!(far.inconclusive && far.beyond.is_none(), "{far:?}");
    // All of them are longer: that shows, though p99 does not.
    assert!(near.value.estimate.is_none() && !near.met && !near.inconclusive, "{near:?}");
    assert_eq!(near.beyond.and_then(|share| share.estimate), Some(1.0));
    let table = plimsoll::report::estimates(&several, 100);
    assert!(table.contains("? p99.9 < 1h (too few completed requests to tell)"), "{table}");
    assert!(table.contains("of requests beyond the limit, which decides)"), "{table}");
}

#[test]
fn intervals_end_where_the_possible_does() {
    // Three short runs of a nearly empty fleet, and one long one of a nearly full one.
    let of = |rate: &str, run: &str| {
        estimated(&format!(
            "traffic.main = {{ arrivals = 'poisson:rate={rate}/s', \
             service = 'exponential:mean=1s' }}\npool.main.servers = 2\n[run]\n{run}"
        ))
    };
    let (empty, full) = ("duration = '1m'\nreplications = 3", "duration = '5m'\nreplications = 3");
    let batches = "duration = '4m'\nreplications = 1\nwarm-up = '1s'";
    let mut cut = 0;
    for found in [of("0.1", empty), of("1.9", full), of("0.2", batches), of("1.9", batches)] {
        let pool = &found.pools[0];
        let shares = [found.utilization, pool.utilization, pool.servers[0].utilization];
        let rest = [found.wait_s.mean, found.wait_s.sd, found.queue_mean, found.throughput];
        for (estimate, most) in shares
            .iter()
            .chain([&found.wait_probability, &found.error_rate])
            .map(|share| (share, 1.0))
            .chain(rest.iter().map(|number| (number, f64::INFINITY)))
        {
            let (low, high) = (estimate.low.unwrap_or(0.0), estimate.high.unwrap_or(0.0));
            assert!(low >= 0.0 && high <= most, "{estimate:?}");
            cut += u32::from(low == 0.0 && high > 0.0 || high == 1.0 && low < 1.0);
        }
    }
    assert!(cut > 3, "no interval came near an end: {cut}");
}

#[test]
fn brackets_beside_an_interval_without_0_are_explained() {
    let variants = variants(&cluster(1, SHORT), &["least-connections", "random"]);
    let mut found = whole(&variants, 2);
    let legend = |found: &Comparison| plimsoll::report::comparison(found, 100);
    for difference in &mut found.differences {
        difference.verdict = Verdict::Inseparable;
        difference.change = Estimate::between(0.1, -0.01, 0.2, Status::Ok);
    }
    let plain = legend(&found);
    assert!(plain.contains("[…] not separable\n"), "{plain}");
    assert!(!plain.contains("for itself"), "{plain}");
    for difference in &mut found.differences {
        difference.change = Estimate::between(0.1, 0.01, 0.2, Status::Ok);
    }
    let clear = legend(&found);
    let words = clear.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("at once, each interval for itself"), "{clear}");
}

#[test]
fn more_work_than_can_be_done_is_unstable() {
    let overloaded = cluster(1, SHORT).replace("servers = 8", "servers = 7");
    let found = estimated(&overloaded);
    assert_eq!(found.latency_s.mean.status, Status::Unstable);
    assert_eq!(found.latency_s.p99.status, Status::Unstable);
    assert!(found.advice.iter().any(|words| words.contains("no steady state")));
    let in_batches = estimated(&overloaded.replace("replications = 10", "replications = 1"));
    assert_eq!(in_batches.latency_s.mean.status, Status::Unstable);
}

#[test]
fn a_server_that_is_never_idle_is_unstable_beside_others_that_are() {
    // By weight one server has nine tenths of 15 requests a second, and can serve 10.
    let text = "[traffic.main]\narrivals = 'poisson:rate=15/s'\n\
                service = 'exponential:mean=100ms'\n[pool.strong]\nweight = 9\n\
                [pool.weak]\nweight = 1\n[balancer]\npolicy = 'weighted-random'\n\
                [run]\nduration = '2000s'\nwarm-up = 'none'\nreplications = 10\n";
    let advice = estimated(text).advice.join("\n");
    assert!(advice.contains("the number in system rises"), "{advice}");
}

#[test]
fn batches_and_replications_agree() {
    let long = estimated(&cluster(1, "duration = '20m'\nreplications = 1"));
    let many = estimated(&cluster(2, "duration = '4m'\nreplications = 10"));
    assert_eq!(long.intervals.unwrap().method, Method::Batches);
    let pairs: [fn(&Estimated) -> plimsoll::outcome::Estimate; 7] = [
        |found| found.latency_s.mean,
        |found| found.latency_s.p90,
        |found| found.wait_probability,
        |found| found.utilization,
        |found| found.in_system_mean,
        |found| found.queue_mean,
        |found| found.throughput,
    ];
    for of in pairs {
        let (a, b) = (of(&long), of(&many));
        let gap = (a.estimate.unwrap() - b.estimate.unwrap()).abs();
        // Two 95 % intervals about one truth: their half-widths add up to more than three errors.
        assert!(gap <= a.half_width().unwrap() + b.half_width().unwrap(), "{a:?} {b:?}");
    }
    assert_eq!(long.error_rate.estimate, Some(0.0));
    assert!(long.error_rate.high.unwrap() < 1e-2);
}

#[test]
fn drawn_traffic_with_a_shape_is_a_terminating_run() {
    let spike = "traffic.main = { arrivals = { process = 'spike', base = '100/s', \
                 peak = '300/s', at = '20s', hold = '10s' }, service = { law = 'exponential', \
                 mean = '10ms' } }\npool.main = { servers = 2 }\n\
                 [run]\nduration = '60s'\nreplications = 10";
    let found = estimated(spike);
    assert_eq!((found.warm_up_s, found.latency_s.mean.status), (0.0, Status::Ok));
}

/// A trace of 6,000 requests in bursts, with their service times.
fn trace() -> std::path::PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("experiment-trace.csv");
    let mut text = String::from("arrival_s,service_ms\n");
    for burst in 0..600_u32 {
        for at in 0..10 {
            let second = f64::from(burst) + f64::from(at) * 0.01 + f64::from(burst * 7 % 11) * 0.08;
            text.push_str(&format!("{second:.3},{}\n", 20 + (burst * 31 + at * 17) % 90));
        }
    }
    std::fs::write(&path, text).unwrap();
    path
}

fn replay(run: &str) -> Estimated {
    estimated(&format!(
        // A policy that breaks no ties at random: nothing varies but what is resampled.
        "balancer.policy = 'round-robin'\ntraffic.main = {{ trace = '{}' }}\n\
         pool.main = {{ servers = 4 }}\n[run]\n{run}",
        trace().display()
    ))
}

#[test]
fn a_replay_has_intervals_from_blocks_of_its_trace() {
    let found = replay("replications = 12");
    let plain = replay("replications = 12\nresample = 'none'");
    assert_eq!(found.intervals.unwrap().method, Method::Resamples);
    assert!(found.advice.iter().any(|words| words.contains("11 traces joined from blocks")));
    // Counts and estimates are those of the trace; the interval speaks of others.
    assert_eq!(found.requests.arrived, 6000);
    assert_eq!(found.latency_s.p90.estimate, plain.latency_s.p90.estimate);
    assert!(found.latency_s.mean.half_width().unwrap() > 0.0);
    assert_eq!(plain.latency_s.mean.half_width(), Some(0.0));
    assert!(plain.advice.iter().any(|words| words.starts_with("nothing in this replay is random")));
    assert!(json(&found) == json(&replay("replications = 12")));
}

#[test]
fn variants_of_a_replay_are_given_the_same_resamples() {
    let text = format!(
        "traffic.main = {{ trace = '{}' }}\npool.main = {{ servers = 4 }}\n\
         [run]\nreplications = 12",
        trace().display()
    );
    let pair = variants(&text, &["least-connections", "random"]);
    let found = whole(&pair, 2);
    assert_eq!(difference(&found, "latency_s.mean").verdict, Verdict::B);
    assert!(json(&found) == json(&whole(&pair, 1)));
}

#[test]
fn standard_input_is_read_once_for_all_variants() {
    let run = plimsoll(&["compare", "-", "--servers", "4", "--format", "json", "--quiet"])
        .args(["--balancer", "least-connections", "--balancer", "random"])
        .pipe_stdin(trace())
        .unwrap()
        .assert()
        .success();
    let found: Comparison = serde_json::from_slice(&run.get_output().stdout).unwrap();
    assert_eq!((found.variants.len(), found.schema.as_str()), (2, "plimsoll.comparison/1"));
}

fn plimsoll(words: &[&str]) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(words);
    command
}

/// A scenario in a file of its own.
fn file(name: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn every_estimate_has_four_fields_in_json_and_one_run_has_plain_numbers() {
    let path = file("experiment-fields.toml", &cluster(1, "duration = '20s'"));
    let output = |more: &[&str]| -> serde_json::Value {
        let run = plimsoll(&["replay", &path, "--format", "json"]).args(more).assert().success();
        serde_json::from_slice(&run.get_output().stdout).unwrap()
    };
    let (one, many) = (output(&[]), output(&["--replications", "8"]));
    assert!(one["latency_s"]["p50"].is_f64() && one["utilization"].is_f64());
    for path in ["/latency_s/p50", "/wait_s/mean", "/utilization", "/cost/total", "/error_rate"] {
        let estimate = many.pointer(path).unwrap().as_object().unwrap();
        let keys: Vec<&String> = estimate.keys().collect();
        assert_eq!(keys, ["estimate", "low", "high", "status"], "{path}");
    }
    assert_eq!(many["intervals"]["parts"], 8);
    assert_eq!(many["latency_s"]["p999"]["status"], "insufficient");
    assert!(many["latency_s"]["p999"]["estimate"].is_null());
    // Both are read again as what they are.
    serde_json::from_value::<plimsoll::outcome::Outcome>(one).unwrap();
    serde_json::from_value::<Estimated>(many).unwrap();
}

#[test]
fn a_comparison_is_written_in_three_forms() {
    let variant = "[variant.'9 servers']\nset = { pool.main.servers = 9 }\n";
    let path = file("experiment-forms.toml", &(cluster(1, "duration = '20s'\n") + variant));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("experiment-forms");
    let run = plimsoll(&["compare", &path, "--out", &folder.display().to_string()]);
    let run = { run }.assert().success();
    let table = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert!(
        table.contains("9 servers lowers p99 by ") || table.contains("lowers the mean"),
        "{table}"
    );
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let found: Comparison = serde_json::from_str(&read("comparison.json")).unwrap();
    assert_eq!(found.baseline, "base");
    let header = |name: &str| read(name).lines().next().unwrap().to_owned();
    assert!(header("summary.csv").contains("latency_s.mean.low"));
    assert!(header("summary.csv").contains("difference.latency_s.mean.verdict"));
    assert!(header("differences.csv").starts_with("a,b,measure,estimate,low,high,status"));
    assert_eq!(read("summary.csv").lines().count(), 3);
    serde_json::from_str::<Estimated>(&read("9-servers/outcome.json")).unwrap();
}

#[test]
fn exit_status_3_says_that_nobody_can_tell() {
    let path = file("experiment-status.toml", &cluster(2, "duration = '60s'\nreplications = 10"));
    let status = |slo: &str| {
        plimsoll(&["replay", &path, "--slo", slo]).output().unwrap().status.code().unwrap()
    };
    assert_eq!(status("mean < 1s"), 0);
    assert_eq!(status("mean < 12ms"), 1);
    let mean = estimated(&cluster(2, "duration = '60s'\nreplications = 10")).latency_s.mean;
    assert_eq!(status(&format!("mean < {:.3}ms", mean.estimate.unwrap() * 1e3)), 3);
}

#[test]
fn what_cannot_be_answered_is_refused() {
    let path = file("experiment-refused.toml", &cluster(1, "duration = '20s'"));
    let trace = trace().display().to_string();
    let two: [&str; 4] = ["--balancer", "random", "--balancer", "round-robin"];
    let with = |words: &[&'static str]| -> Vec<&str> { [words, &two].concat() };
    for (command, words, why) in [
        ("compare", with(&["--baseline", "rnd"]), "unknown variant `rnd`"),
        ("compare", with(&["--replications", "1"]), "one replication gives no interval"),
        ("compare", with(&["--precision", "0%"]), "must be above 0"),
        ("compare", vec!["--balancer", "random", "--variant", "x:seed=2"], "the same requests"),
        ("compare", vec!["--variant", "x:run.duration=10s"], "the same requests"),
        ("compare", vec![], "only variant"),
        ("compare", vec!["--variant", "x"], "unknown variant `x`"),
        ("compare", vec!["--variant", "x:"], "sets nothing"),
        (
            "compare",
            vec!["--variant", "a:pool.main.price=€1/h"],
            "`base` is paid in USD and `a` in EUR",
        ),
        (
            "compare",
            vec!["--balancer", "random", "--balancer", "random"],
            "two variants are called",
        ),
        ("replay", two.to_vec(), "one run has one balancer"),
        ("replay", vec!["--precision", "0"], "must be above 0"),
        ("replay", vec!["--replications", "0"], "at least 1"),
        ("replay", vec!["--precision-of", "p0"], "unknown measure"),
    ] {
        let run = plimsoll(&[command, &path]).args(&words).assert().code(2);
        let told = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        assert!(told.contains(why), "{words:?}: {told}");
    }
    let one = plimsoll(&["replay", &trace, "--replications", "1"]).assert().code(2);
    let told = String::from_utf8_lossy(&one.get_output().stderr).into_owned();
    assert!(told.contains("one replication gives no interval"), "{told}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_a_readable_partial_result() {
    use std::process::{Command, Stdio};
    let path = file("experiment-stop.toml", &cluster(1, "duration = '20s'"));
    let run = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["replay", &path, "--replications", "20000", "--format", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    let id = run.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let found: Estimated = serde_json::from_slice(&output.stdout).unwrap();
    assert!(found.partial && found.intervals.unwrap().parts >= 2);
}
