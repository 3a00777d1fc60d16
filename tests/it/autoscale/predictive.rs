//! Predictive scaling in a run: nothing of the future, warm before the peak, history before it.

use std::fs;
use std::path::Path;

use plimsoll::document::Node;
use plimsoll::outcome::{Decided, Outcome};
use plimsoll::scenario::Scenario;
use plimsoll::time::Duration;

/// A folder that goes when the test is over.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("plimsoll-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A file of counts a minute.
    fn counts(&self, name: &str, counts: impl Iterator<Item = u64>) {
        let rows: String = (0..).zip(counts).map(|(at, n)| format!("{},{n}\n", at * 60)).collect();
        fs::write(self.0.join(name), format!("time,count\n{rows}")).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An hour of a wave with a period of twenty minutes, from 60 to 300 requests a minute.
fn wave(minute: u64) -> u64 {
    let phase = std::f64::consts::TAU * minute as f64 / 20.0;
    (180.0 - 120.0 * phase.cos()).round() as u64
}

fn run(folder: &Path, trace: &str, autoscaler: &str) -> Outcome {
    let text = format!(
        "[traffic.main]\ntrace = '{trace}'\ntime-unit = 's'\ninterval = '1m'\n\
         service = {{ law = 'exponential', mean = '1s' }}\n\
         [pool.main]\nservers = 3\nstartup = {{ law = 'constant', mean = '4m' }}\n\
         [pool.main.autoscaler]\nmax = 50\n{autoscaler}\n\
         [slo.fast]\nobjective = 'p90 < 5s'\n"
    );
    let scenario =
        Scenario::from_document(&Node::from_toml("test.toml", &text).unwrap(), folder).unwrap();
    let measured = scenario.simulate(0, Duration::ZERO, (), &()).unwrap().0;
    scenario.outcome(&measured)
}

const METHODS: [&str; 3] = ["holt-winters", "regression", "ensemble"];

fn predictive(method: &str, more: &str) -> String {
    format!("policy = 'predictive'\nforecaster = '{method}'\nseason = '20m'\n{more}")
}

#[test]
fn another_future_leaves_every_past_decision_unchanged() {
    let folder = Folder::new("future");
    folder.counts("one.csv", (0..60).map(wave));
    folder.counts("other.csv", (0..60).map(|at| if at < 40 { wave(at) } else { 700 - wave(at) }));
    for method in METHODS {
        let decided = |trace| -> Vec<Decided> {
            let outcome = run(&folder.0, trace, &predictive(method, ""));
            outcome.autoscaling[0].decisions.clone()
        };
        let until = |all: &[Decided]| -> Vec<Decided> {
            all.iter().filter(|it| it.at_s <= 2400.0).cloned().collect()
        };
        let (one, other) = (decided("one.csv"), decided("other.csv"));
        assert_eq!(until(&one), until(&other), "{method} saw the future");
        assert!(!until(&one).is_empty() && one != other, "{method} does not look at all");
    }
}

#[test]
fn with_history_servers_are_warm_before_the_peak_and_fewer_requests_are_late() {
    let folder = Folder::new("history");
    folder.counts("past.csv", (0..600).map(wave));
    folder.counts("today.csv", (0..60).map(wave));
    let missed = |autoscaler: &str| {
        run(&folder.0, "today.csv", autoscaler).autoscaling[0].violated_share.unwrap()
    };
    let reactive = missed("policy = 'square-root'");
    for method in METHODS {
        let ahead = missed(&predictive(method, "history = 'past.csv'"));
        assert!(ahead < reactive / 2.0, "{method} misses {ahead}, reaction {reactive}");
    }
}

#[test]
fn any_rule_may_follow_the_forecast() {
    let folder = Folder::new("rules");
    folder.counts("today.csv", (0..60).map(wave));
    for rule in ["'hpa'", "'target-tracking'", "{ policy = 'capacity', per-server = 0.7 }"] {
        let outcome =
            run(&folder.0, "today.csv", &predictive("holt-winters", &format!("then = {rule}")));
        let decisions = &outcome.autoscaling[0].decisions;
        assert!(decisions.iter().any(|it| it.why.contains("by holt-winters")), "{rule}");
    }
    let formula = predictive("naive", "per-load = 1.5\nbase = 2");
    let outcome = run(&folder.0, "today.csv", &formula);
    let decisions = &outcome.autoscaling[0].decisions;
    assert!(decisions.iter().any(|it| it.why.contains("2 + 1.5 ·")), "{decisions:?}");
}

#[test]
fn a_history_shorter_than_the_horizon_is_refused() {
    let folder = Folder::new("short");
    folder.counts("past.csv", (0..4).map(wave));
    let text = "[traffic.main]\narrivals = { process = 'poisson', rate = '1/s' }\n\
                service = { law = 'exponential', mean = '1s' }\n\
                [pool.main]\nstartup = { law = 'constant', mean = '4m' }\n\
                [pool.main.autoscaler]\npolicy = 'predictive'\n\
                history = { trace = 'past.csv', time-unit = 's', interval = '1m' }\n";
    let document = Node::from_toml("test.toml", text).unwrap();
    let refused = Scenario::from_document(&document, &folder.0).unwrap_err().render(false);
    assert!(refused.contains("horizon") && refused.contains("longer file"), "{refused}");
}

#[test]
fn what_a_forecast_did_not_foresee_is_told_from_other_shortages() {
    let folder = Folder::new("jump");
    folder.counts("jump.csv", (0..60).map(|minute| if minute < 30 { 60 } else { 600 }));
    let found = |autoscaler: &str| run(&folder.0, "jump.csv", autoscaler).autoscaling.remove(0);
    let surprised = found(&predictive("naive", "quantile = 0.5"));
    let forecasts = surprised.forecasts.as_ref().unwrap();
    let (short, missed) = (surprised.short_minutes.unwrap(), forecasts.short_minutes.unwrap());
    // The jump is seen after a scrape, and a server ordered then takes four minutes.
    assert!((4.0..8.0).contains(&missed) && missed <= short, "{missed} of {short}");
    assert_eq!(found("policy = 'square-root'").forecasts, None);
}

#[test]
fn the_ideal_is_ready_for_what_nobody_could_foresee() {
    let folder = Folder::new("ideal");
    folder.counts("jump.csv", (0..60).map(|minute| if minute < 30 { 60 } else { 600 }));
    let found = |policy: &str| {
        let outcome = run(&folder.0, "jump.csv", &format!("policy = '{policy}'"));
        (outcome.latency_s.p99.unwrap(), outcome.autoscaling[0].short_minutes.unwrap())
    };
    let (ideal, reactive) = (found("ideal"), found("square-root"));
    assert!(ideal.0 < reactive.0 / 5.0, "{ideal:?} against {reactive:?}");
    assert!(ideal.1 < 1.0 && reactive.1 > 4.0, "{ideal:?} against {reactive:?}");
    // It looks as far ahead as its next look is away.
    let seldom = found("ideal'\ninterval = '3m");
    assert!(seldom.1 < 1.0, "{seldom:?}");
}

#[test]
fn a_history_in_the_replayed_file_ends_where_the_run_begins() {
    let folder = Folder::new("window");
    folder.counts("all.csv", (0..240).map(wave));
    let read = |window: &str, history: &str| {
        let text = format!(
            "[traffic.main]\ntrace = 'all.csv'\ntime-unit = 's'\ninterval = '1m'\n{window}\n\
             service = {{ law = 'exponential', mean = '1s' }}\n\
             [pool.main]\nstartup = {{ law = 'constant', mean = '4m' }}\n[pool.main.autoscaler]\n\
             policy = 'predictive'\nseason = '20m'\nhistory = {history}\n"
        );
        let document = Node::from_toml("test.toml", &text).unwrap();
        Scenario::from_document(&document, &folder.0).map_err(|problem| problem.render(false))
    };
    let (later, past) = ("window = '3h..4h'", "{ window = '..3h' }");
    assert!(read(later, past).is_ok() && read(later, "'all.csv'").is_ok());
    let told = read(later, "{ window = '..4h' }").unwrap_err();
    assert!(told.contains("would tell the future") && told.contains("..3h"), "{told}");
    let none = read("", "'all.csv'").unwrap_err();
    assert!(none.contains("would tell the future"), "{none}");
    let missing = read(later, "'gone.csv'").unwrap_err();
    assert!(missing.contains("gone.csv"), "{missing}");
    let strange = read(later, "{ widow = '..3h' }").unwrap_err();
    assert!(strange.contains("did you mean `window`"), "{strange}");
}

#[test]
fn a_history_that_was_misread_is_noticed() {
    let folder = Folder::new("misread");
    folder.counts("past.csv", (0..600).map(|minute| wave(minute) / 50));
    folder.counts("today.csv", (0..60).map(wave));
    let told = |more: &str| {
        let history = format!("history = 'past.csv'\n{more}");
        run(&folder.0, "today.csv", &predictive("holt-winters", &history)).advice.join("\n")
    };
    assert!(told("").contains("is its unit right"), "{}", told(""));
    assert!(!told("history-scale = 50").contains("is its unit right"));
}
