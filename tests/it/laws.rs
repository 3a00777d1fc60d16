//! The laws that every registered probability law obeys.

use std::cell::Cell;
use std::fmt::Write as _;
use std::path::Path;

use plimsoll::diagnose::{Origin, Problem};
use plimsoll::document::{Node, Value};
use plimsoll::law::{Law, Setup, Unit};
use plimsoll::registry::{Recipe, Role};
use plimsoll::rng::{Purpose, Seed, Stream};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Which sample moments 20,000 draws can be judged by: the standard error of a mean needs a
/// variance that shows in the sample, that of a variance a fourth moment that does.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Judged {
    Nothing,
    Mean,
    Variance,
}
use Judged::{Mean, Nothing, Variance};

/// At least three sets of options of every law, as specs in bare numbers.
const CASES: &[(&str, Judged)] = &[
    ("constant:value=0", Variance),
    ("constant:value=3", Variance),
    ("constant:mean=250", Variance),
    ("exponential:mean=0.001", Variance),
    ("exponential:mean=1", Variance),
    ("exponential:mean=250", Variance),
    ("uniform:min=0,max=1", Variance),
    ("uniform:min=90,max=110", Variance),
    ("uniform:mean=5,cv=0.5", Variance),
    ("erlang:mean=1,stages=1", Variance),
    ("erlang:mean=10,stages=4", Variance),
    ("erlang:mean=3,cv=0.58", Variance),
    ("erlang:mean=250,stages=400", Variance),
    ("hyper-exponential:mean=1,cv=1", Variance),
    ("hyper-exponential:mean=10,cv=3", Variance),
    ("hyper-exponential:means=[1,20,100],shares=[0.7,0.2,0.1]", Variance),
    ("gamma:mean=1,cv=0.3", Variance),
    ("gamma:mean=10,cv=1.5", Variance),
    ("gamma:shape=0.5,scale=2", Variance),
    ("gamma:mean=1,cv=5", Mean),
    ("lognormal:mean=180,cv=1.3", Mean),
    ("lognormal:median=100,sigma=0.3", Variance),
    ("lognormal:median=100,p99=200", Variance),
    ("lognormal:median=100,p99=4000", Mean),
    ("weibull:mean=1,cv=0.1", Variance),
    ("weibull:mean=0.01,cv=0.02", Variance),
    ("weibull:mean=10,cv=1.5", Variance),
    ("weibull:shape=0.5,scale=3", Mean),
    ("pareto:mean=10,cv=0.3", Mean),
    ("pareto:mean=10,cv=2", Nothing),
    ("pareto:min=1,shape=10", Variance),
    ("pareto:min=1,shape=0.9", Nothing),
    ("bounded-pareto:min=1,max=1000,shape=1.1", Variance),
    ("bounded-pareto:min=1,max=100,shape=1", Variance),
    ("bounded-pareto:min=10,max=12,shape=2", Variance),
    ("bounded-pareto:min=1,max=1e6,shape=0.2", Variance),
    ("normal:mean=10,cv=0.2", Variance),
    ("normal:mean=10,cv=0.7", Variance),
    ("normal:mode=0,sigma=3", Variance),
    ("mixture:of=[\"exponential:mean=2\",\"constant:value=5\"],shares=[0.9,0.1]", Variance),
    (
        "mixture:of=[{law=\"uniform\",min=1,max=2},{law=\"gamma\",mean=50,cv=1}],shares=[0.5,0.5]",
        Variance,
    ),
    ("mixture:of=['mixture:of=[\"constant:value=1\"],shares=[1]'],shares=[1]", Variance),
    ("empirical:file=observed.csv,column=tokens", Variance),
    ("empirical:file=observed.csv,column=2,scale=0.5", Variance),
    ("empirical:file=bare.csv", Variance),
];

/// The chance that a correct implementation fails any statistical test of this file with other
/// seeds than those it has, split evenly over all of them (Bonferroni).
const FAMILY_ALPHA: f64 = 1e-6;
const DRAWS: usize = 20_000;

fn alpha() -> f64 {
    FAMILY_ALPHA / (3 * CASES.len()) as f64
}

fn setup(unit: Unit) -> Setup<'static> {
    Setup { unit, folder: Path::new("tests/it/laws") }
}

fn recipe(spec: &str) -> Result<Recipe<dyn Law>, Problem> {
    Recipe::read(&Node::text(spec, Origin::whole("--law", spec)))
}

fn build(spec: &str, unit: Unit) -> Result<Box<dyn Law>, Problem> {
    recipe(spec)?.build(&setup(unit))
}

fn law(spec: &str) -> Box<dyn Law> {
    build(spec, Unit::Count).unwrap_or_else(|problem| panic!("{}", problem.render(false)))
}

fn stream(spec: &str) -> Stream {
    Seed::new(1, 0).stream(Purpose::Demand, spec)
}

fn draws(spec: &str) -> Vec<f64> {
    let (law, mut stream) = (law(spec), stream(spec));
    (0..DRAWS).map(|_| law.sample(&mut stream)).collect()
}

#[test]
fn every_registered_law_has_three_cases() {
    for entry in <dyn Law as Role>::registry() {
        let own = |(spec, _): &&(&str, Judged)| spec.split(':').next() == Some(entry.name);
        let cases = CASES.iter().filter(own).count();
        assert!(cases >= 3, "`{}` has {cases} cases in tests/it/laws.rs", entry.name);
    }
}

/// By the inequality of Dvoretzky, Kiefer and Wolfowitz with Massart's constant, which holds for
/// every number of draws and every law, with jumps too.
#[test]
fn draws_follow_the_distribution_function() {
    let limit = ((2.0 / alpha()).ln() / (2.0 * DRAWS as f64)).sqrt();
    for (spec, _) in CASES {
        let (law, mut drawn) = (law(spec), draws(spec));
        drawn.sort_unstable_by(f64::total_cmp);
        let mut below = 0;
        while below < DRAWS {
            let value = drawn[below];
            let up_to = drawn.partition_point(|&other| other <= value);
            let share = |count: usize| count as f64 / DRAWS as f64;
            let off = (law.cdf(value) - share(up_to)).abs();
            let off = off.max((law.cdf(value.next_down()) - share(below)).abs());
            assert!(off <= limit, "{spec}: off by {off} (limit {limit}) at {value}");
            below = up_to;
        }
    }
}

#[test]
fn sample_moments_lie_within_their_standard_errors() {
    let z = std::f64::consts::SQRT_2 * statrs::function::erf::erfc_inv(alpha());
    let mean_of = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let check = |spec: &str, what: &str, values: &[f64], expected: f64| {
        let mean = mean_of(values);
        let squares: Vec<f64> = values.iter().map(|value| (value - mean).powi(2)).collect();
        let error = (mean_of(&squares) / values.len() as f64).sqrt();
        // Beside chance there is rounding, which is all there is for a constant.
        let limit = z * error + 1e-12 * expected;
        assert!(
            (mean - expected).abs() <= limit,
            "{spec}: {what} {mean} ± {error}, not {expected}"
        );
    };
    for &(spec, judged) in CASES {
        let (law, drawn) = (law(spec), draws(spec));
        if judged >= Mean {
            check(spec, "mean", &drawn, law.mean());
        }
        if judged >= Variance {
            let mean = law.mean();
            let squares: Vec<f64> = drawn.iter().map(|value| (value - mean).powi(2)).collect();
            check(spec, "variance", &squares, law.variance());
        }
    }
}

#[test]
fn distribution_functions_rise_from_0_to_1() {
    for (spec, _) in CASES {
        let law = law(spec);
        assert_eq!((law.cdf(-1.0), law.cdf(f64::INFINITY)), (0.0, 1.0), "{spec}");
        let mut points: Vec<f64> = (-240..=240).map(|tenth| 1.2_f64.powi(tenth)).collect();
        points.extend(&draws(spec)[..2000]);
        points.sort_unstable_by(f64::total_cmp);
        let mut last = law.cdf(0.0);
        for x in points {
            let now = law.cdf(x);
            assert!((0.0..=1.0).contains(&now), "{spec}: {now} at {x}");
            // Special functions are rounded; they may fall by a few last bits, not by more.
            assert!(now >= last - 1e-14, "{spec}: falls from {last} to {now} at {x}");
            last = now;
        }
    }
}

#[test]
fn a_law_given_by_mean_and_cv_has_them() {
    let ranges = [
        ("uniform", 0.01, 0.577),
        ("hyper-exponential", 1.0, 100.0),
        ("gamma", 0.01, 100.0),
        ("lognormal", 0.01, 100.0),
        ("weibull", 0.01, 100.0),
        ("pareto", 0.01, 100.0),
        ("normal", 0.01, 0.7555),
    ];
    for (name, low, high) in ranges {
        for step in 0..=50 {
            let cv: f64 = low * f64::powf(high / low, f64::from(step) / 50.0);
            let law = law(&format!("{name}:mean=7,cv={}", cv.clamp(low, high)));
            assert!((law.mean() / 7.0 - 1.0).abs() < 1e-12, "{name}, cv {cv}: {}", law.mean());
            // A cv of 0.01 is a difference of 1e-4 between numbers near 1, known to 1e-15 or so.
            assert!((law.scv().sqrt() / cv - 1.0).abs() < 1e-10, "{name}, cv {cv}: {}", law.scv());
        }
    }
    for stages in 1..=100 {
        let law = law(&format!("erlang:mean=7,cv={}", f64::from(stages).sqrt().recip()));
        assert!((law.mean() - 7.0).abs() < 1e-14);
        assert!((law.scv() * f64::from(stages) - 1.0).abs() < 1e-14);
    }
}

#[test]
fn laws_that_meet_are_the_same_law() {
    let pairs = [
        ("erlang:mean=3,stages=1", "exponential:mean=3"),
        ("gamma:mean=3,cv=1", "exponential:mean=3"),
        ("weibull:mean=3,cv=1", "exponential:mean=3"),
        ("hyper-exponential:mean=3,cv=1", "exponential:mean=3"),
        ("gamma:mean=3,cv=0.5", "erlang:mean=3,stages=4"),
        ("bounded-pareto:min=1,max=1e15,shape=3", "pareto:min=1,shape=3"),
        (
            "mixture:of=[\"exponential:mean=1\",\"exponential:mean=9\"],shares=[0.2,0.8]",
            "hyper-exponential:means=[1,9],shares=[\"20%\",\"80%\"]",
        ),
    ];
    for (one, other) in pairs {
        let (a, b) = (law(one), law(other));
        let alike = |x: f64, y: f64| (x - y).abs() <= 1e-8 * y;
        assert!(alike(a.mean(), b.mean()) && alike(a.variance(), b.variance()), "{one}, {other}");
        for x in (1..200).map(|tenth| f64::from(tenth) / 10.0) {
            assert!((a.cdf(x) - b.cdf(x)).abs() < 1e-8, "{one}, {other} at {x}");
        }
    }
}

#[test]
fn a_lognormal_law_given_by_its_percentiles_has_them() {
    for p99 in [2.1, 4.0, 20.0, 1e6] {
        let law = law(&format!("lognormal:p50=2,p99={p99}"));
        assert_eq!(law.cdf(2.0), 0.5);
        // Rational approximations of erfc are good to about 1e-12 here.
        assert!((law.cdf(p99) - 0.99).abs() < 1e-12, "{p99}: {}", law.cdf(p99));
    }
}

/// The first draws of every case, to twelve digits: the last ones are the machine's own.
#[test]
fn laws_are_value_stable() {
    let mut table =
        String::from("# The first draws of every case; PLIMSOLL_BLESS=1 writes them.\n");
    for (spec, _) in CASES {
        write!(table, "{spec} =>").unwrap();
        for value in &draws(spec)[..4] {
            write!(table, " {value:.11e}").unwrap();
        }
        table.push('\n');
    }
    let path = "tests/it/laws/pinned.txt";
    if std::env::var_os("PLIMSOLL_BLESS").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    let pinned = std::fs::read_to_string(path).unwrap();
    for (now, then) in table.lines().zip(pinned.lines()) {
        assert_eq!(now, then, "a draw has changed: tell so in the changelog, then bless");
    }
    assert_eq!(table.lines().count(), pinned.lines().count());
}

#[test]
fn times_carry_their_unit() {
    for spec in ["lognormal:mean=180ms,cv=1.3", "gamma:shape=2,scale=90ms", "constant:value=180ms"]
    {
        assert!((build(spec, Unit::Time).unwrap().mean() - 0.18).abs() < 1e-15, "{spec}");
        assert!(build(spec, Unit::Count).unwrap_err().message().contains("is a time"), "{spec}");
    }
    let bare = build("lognormal:mean=180,cv=1.3", Unit::Time).unwrap_err();
    assert!(bare.message().contains("has no unit"), "{bare}");
}

#[test]
fn what_is_not_allowed_is_refused_with_what_is() {
    let table = [
        ("lognormal:mean=1,shape=2", "unknown key `shape`"),
        ("lognormal:mean=1,sigma=2", "`sigma` does not go with `mean` (give `mean` and `cv`, or"),
        ("lognormal:mean=1", "`cv` is missing (give `mean` and `cv`, or `median` and `sigma`, or"),
        ("lognormal:median=2,p99=1", "`p99` must be 1.0024 to 1e10 times `median`, not 0.5 times"),
        (
            "gamma:mean=1,shape=2",
            "`shape` does not go with `mean` (give `mean` and `cv`, or `shape`",
        ),
        (
            "gamma:mean=1,cv=0",
            "`cv` must be between 0.01 and 100, not 0 (the law without spread is",
        ),
        ("gamma:shape=0,scale=1", "`shape` must be between 0.0001 and 10000, not 0"),
        ("weibull", "`mean` and `cv` are missing (give `mean` and `cv`, or `shape` and `scale`)"),
        ("weibull:shape=1,scale=0", "`scale` must be above 0, not 0"),
        ("weibull:shape=1,scale=1e16", "`scale` must be between 1e-15 and 1e15"),
        ("exponential:mean=-1", "`mean` must be above 0, not -1"),
        ("exponential:mean=nan", "`mean` must be above 0, not NaN"),
        ("constant:value=-1", "`value` must be at least 0, not -1"),
        ("uniform:min=2,max=1", "`max` must be above `min`, but 1 is not above 2"),
        ("uniform:mean=1,cv=0.6", "`cv` must be between 0.01 and 0.5773, not 0.6"),
        ("erlang:mean=1,cv=1.5", "`cv` must be between 0.01 and 1, not 1.5 (`lognormal`, `gamma`"),
        ("erlang:mean=1,cv=0.62", "3 stages have 0.577 and 2 0.707 (`gamma` takes any cv)"),
        ("erlang:mean=1,stages=0", "`stages` must be between 1 and 10000, not 0"),
        ("hyper-exponential:mean=1,cv=0.9", "`cv` must be between 1 and 100, not 0.9"),
        (
            "hyper-exponential:means=[1,2],shares=[1]",
            "`shares` must be as many as `means`: 2, not 1",
        ),
        ("hyper-exponential:means=[1,2],shares=[0.9,0.2]", "must add up to 1, not 1.1"),
        ("hyper-exponential:means=[1,0],shares=[0.9,0.1]", "`means` must be above 0, not 0"),
        ("pareto:min=1,shape=0.1", "`shape` must be between 0.2 and 1000, not 0.1"),
        ("bounded-pareto:min=1,max=1,shape=1", "`max` must be above `min`"),
        ("bounded-pareto:min=1,max=2", "`shape` is missing"),
        ("normal:mean=1,cv=0.8", "`cv` must be between 0.01 and 0.7555, not 0.8"),
        ("mixture:of=[],shares=[]", "`of` must name at least one branch"),
        (
            "mixture:of=[\"exponential:mean=1\"],shares=[0.5,0.5]",
            "`shares` must be as many as `of`: 1",
        ),
        ("mixture:of=[\"exponential:mean=-1\"],shares=[1]", "`mean` must be above 0, not -1"),
        ("mixture:of=[\"exponental:mean=1\"],shares=[1]", "unknown distribution `exponental`"),
        ("empirical:file=absent.csv", "`absent.csv` cannot be read"),
        (
            "empirical:file=observed.csv,column=token",
            "has no column `token` (did you mean `tokens`?)",
        ),
        ("empirical:file=observed.csv,column=4", "`observed.csv` has no column 4, only 3"),
        ("empirical:file=observed.csv,column=0", "columns are numbered from 1"),
        ("empirical:file=observed.csv,scale=0", "`scale` must be between 1e-15 and 1e15, not 0"),
        ("empirical:file=observed.csv,column=2,time-unit=ms", "`time-unit` has no place here"),
    ];
    for (spec, words) in table {
        let problem = build(spec, Unit::Count).err().unwrap_or_else(|| panic!("{spec} is built"));
        assert!(problem.to_string().contains(words), "{spec}: {problem}");
        assert!(problem.origin().is_some(), "{spec}: a problem has a place");
    }
}

#[test]
fn every_number_of_every_case_is_guarded_and_blamed_at_its_place() {
    for (spec, _) in CASES {
        let node = Node::from_spec("law", spec, &Origin::whole("--law", *spec)).unwrap();
        for (key, entry) in node.as_table().unwrap() {
            if !matches!(entry.node.value, Value::Integer(_) | Value::Float(_)) {
                continue;
            }
            for bad in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
                let mut node = node.clone();
                let value = Value::Float(bad);
                node.set(key, Node { value, origin: entry.node.origin.clone() }).unwrap();
                let built = Recipe::<dyn Law>::read(&node)
                    .and_then(|recipe| recipe.build(&setup(Unit::Count)));
                let problem = built.err().unwrap_or_else(|| panic!("{spec} with {key}={bad}"));
                // An option with two names is called by the one that the manual uses.
                let shown = problem.origin() == Some(&entry.node.origin);
                let alias = problem.message().contains("`value`") && key == "mean";
                assert!(shown || alias, "{spec} with {key}={bad}: {}", problem.render(false));
            }
        }
    }
}

/// Numbers from every corner: usual ones, huge, tiny and negative ones, and those that are none.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (-3.0..3.0).prop_map(|exponent: f64| 10_f64.powf(exponent)),
        2 => (-20.0..20.0).prop_map(|exponent: f64| 10_f64.powf(exponent)),
        2 => (0..20).prop_map(f64::from),
        1 => any::<f64>(),
    ]
}

#[test]
fn whatever_is_built_draws_finite_values_and_nothing_panics() {
    let config = Config { failure_persistence: None, cases: 2000, ..Config::default() };
    for entry in <dyn Law as Role>::registry() {
        let mut generator = schemars::SchemaGenerator::default();
        let schema = entry.schema(&mut generator).to_value();
        let keys: Vec<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        let options = proptest::sample::subsequence(keys.clone(), 0..=keys.len().min(3))
            .prop_flat_map(|keys| {
                let count = keys.len();
                (Just(keys), proptest::collection::vec(number(), count))
            });
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(config.clone(), rng);
        let built = Cell::new(0);
        runner
            .run(&options, |(keys, values)| {
                let mut spec = format!("{}:", entry.name);
                for (key, value) in keys.iter().zip(values) {
                    match key.as_str() {
                        "shares" => write!(spec, "{key}=[0.25,0.75],"),
                        "means" => write!(spec, "{key}=[1,{value:e}],"),
                        "of" => write!(
                            spec,
                            "of=[\"exponential:mean=1\",\"pareto:mean={value:e},cv=1\"],"
                        ),
                        "file" => write!(spec, "file=bare.csv,"),
                        "stages" | "column" => write!(spec, "{key}={},", value as i64),
                        _ => write!(spec, "{key}={value:e},"),
                    }
                    .unwrap();
                }
                let Ok(law) = build(&spec, Unit::Count) else { return Ok(()) };
                built.set(built.get() + 1);
                let mut stream = stream(&spec);
                prop_assert!(law.mean() >= 0.0 && law.variance() >= 0.0, "{spec}: {law:?}");
                for _ in 0..1000 {
                    let value = law.sample(&mut stream);
                    prop_assert!(value.is_finite() && value >= 0.0, "{spec} draws {value}");
                    prop_assert!((0.0..=1.0).contains(&law.cdf(value)), "{spec} at {value}");
                }
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        assert!(built.get() >= 50, "{} was built {} times only", entry.name, built.get());
    }
}

#[test]
fn a_resolved_recipe_reads_back_as_the_same_law() {
    for (spec, _) in CASES {
        let resolved = serde_json::to_value(recipe(spec).unwrap()).unwrap();
        let toml = toml::to_string(&resolved).unwrap();
        let again: Recipe<dyn Law> =
            Recipe::read(&Node::from_toml("again", &toml).unwrap()).unwrap();
        let (mut one, mut other) = (stream(spec), stream(spec));
        let (a, b) = (law(spec), again.build(&setup(Unit::Count)).unwrap());
        for _ in 0..100 {
            assert_eq!(a.sample(&mut one), b.sample(&mut other), "{spec}, resolved to {resolved}");
        }
    }
}

#[test]
fn the_schema_of_all_laws_closes_over_mixtures_of_mixtures() {
    let schema = serde_json::to_string(&schemars::schema_for!(Recipe<dyn Law>)).unwrap();
    for entry in <dyn Law as Role>::registry() {
        assert!(schema.contains(&format!("\"const\":\"{}\"", entry.name)), "{}", entry.name);
    }
}
