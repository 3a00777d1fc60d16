//! The planner: as many servers as theory says, what it answers beside, what it refuses.

mod cases;
mod honest;

use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};

use plimsoll::experiment::{Ask, Crew, Monitor, Survive, plan};
use plimsoll::outcome::{Answer, Plan, Ruling};
use plimsoll::units::Price;
use rayon::prelude::*;

use super::experiment::scenario;

fn planned(text: &str, ask: &Ask) -> Plan {
    plan(&scenario(text), ask, &Crew::new(Some(1)).unwrap(), &()).unwrap()
}

fn refused(text: &str, ask: &Ask) -> String {
    let found = plan(&scenario(text), ask, &Crew::new(Some(1)).unwrap(), &());
    found.unwrap_err().render(false)
}

/// Twenty runs a look, which is enough where nothing lies close to its limit.
fn brief() -> Ask {
    Ask { replications: Some(20), ..Ask::default() }
}

fn servers(plan: &Plan) -> u32 {
    plan.recommendation.as_ref().expect("a fleet is recommended").servers as u32
}

/// One queue at 40 Erlangs, a tenth of a second each.
fn desk(more: &str) -> String {
    format!(
        "seed = 5\n\
         traffic.main = {{ arrivals = 'poisson:rate=40/s', service = 'exponential:mean=100ms' }}\n\
         pool.main = {{ price = '1/h' }}\n\
         balancer = {{ policy = 'random', queue = 'shared' }}\n{more}"
    )
}

/// Half-way between what five servers reach and what six do, so that short runs tell them apart.
const FAST: &str = "slo.fast.objective = 'p99<540ms'\n";

#[test]
fn the_planner_finds_exactly_the_servers_that_theory_gives() {
    // A short version: `cargo run --release --example plan_against_theory` is the full one.
    let few = (0..20).map(cases::random).filter(|case| case.servers <= 12).take(4);
    let few: Vec<cases::Case> = few.collect();
    assert_eq!(few.len(), 4);
    few.par_iter().for_each(|case| {
        let found = planned(&case.text, &Ask::default());
        assert_eq!(servers(&found), case.servers, "{}: {}", case.name, found.answer);
        assert!(found.recommendation.unwrap().verified, "{}", case.name);
    });
}

#[test]
fn what_simulation_cannot_tell_from_its_limit_the_exact_formula_does() {
    let six = plimsoll::theory::Mmc::new(40.0, 10.0, 6).unwrap();
    let exact = plimsoll::theory::Delay::quantile(&six.latency(), 0.99);
    // Limits that six servers keep, and miss, by one part in ten thousand.
    for (share, wanted) in [(1.0001, 6), (0.9999, 7)] {
        let limit = (exact * share * 1e9).round();
        let objective = format!("slo.fast.objective = 'p99<{limit}ns'\nrun.precision = '20%'\n");
        let found = planned(&desk(&objective), &Ask::default());
        assert_eq!(servers(&found), wanted, "{}", found.answer);
        let six = found.candidates.iter().find(|one| one.servers == 6).unwrap();
        assert!(six.by_theory && six.met == (wanted == 6), "{six:?}");
        assert!(found.advice.iter().any(|line| line.contains("formula of Erlang")));
        assert!(plimsoll::report::plan(&found, 100).contains(", by Erlang C"));
    }
}

#[test]
fn the_random_cases_spread_over_one_to_five_hundred_servers() {
    let all: Vec<u32> = (0..20).map(|number| cases::random(number).servers).collect();
    assert!(all.iter().any(|&c| c <= 3) && all.iter().any(|&c| c >= 200), "{all:?}");
}

#[test]
fn the_planner_entries_of_the_reference_are_met() {
    let all = cases::entries(include_str!("../oracles/analytic.json"));
    assert!(all.len() >= 9, "{} entries", all.len());
    // Those with steps that a short run can tell; the example takes them all.
    let few: Vec<_> = all.iter().filter(|case| (10..=19).contains(&case.servers)).take(3).collect();
    few.par_iter().for_each(|case| {
        let found = planned(&case.text, &Ask::default());
        assert_eq!(servers(&found), case.servers, "{}: {}", case.name, found.answer);
    });
}

#[test]
fn a_plan_says_what_is_in_hand_and_what_a_server_more_or_less_changes() {
    let found = planned(&desk(FAST), &Ask::default());
    assert_eq!(
        (found.verdict, servers(&found)),
        (Answer::Met, found.bounds.erlang_c_servers.unwrap())
    );
    let fleet = found.recommendation.as_ref().unwrap();
    let (more, less) = (fleet.one_more.as_ref().unwrap(), fleet.one_less.as_ref().unwrap());
    assert!(more.met && !less.met);
    let headroom = fleet.headroom.unwrap();
    assert!(less.headroom.unwrap() < 0.0 && headroom >= 0.0 && more.headroom.unwrap() > headroom);
    let holds = fleet.met_under_forecast_error.unwrap();
    assert!(0.4 < holds && holds < more.met_under_forecast_error.unwrap());
    assert_eq!(fleet.breaks_first.as_deref(), Some("p99<540ms"));
    assert_eq!(fleet.cost_per_hour, fleet.servers);
    // The headroom is that of theory, to the percent it is searched in.
    let carries = |load: f64| {
        let queue = plimsoll::theory::Mmc::new(40.0 * load, 10.0, fleet.servers as u32);
        queue.is_ok_and(|queue| plimsoll::theory::Delay::quantile(&queue.latency(), 0.99) < 0.54)
    };
    assert!(carries(1.0 + headroom) && !carries(1.02 + headroom), "{headroom}");
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["schema"], "plimsoll.plan/1");
    for key in ["servers", "pools", "cost_per_hour", "headroom", "met_under_forecast_error"] {
        assert!(!json["recommendation"][key].is_null(), "{key} is there");
    }
    for key in ["servers", "cost_per_hour", "measures", "met"] {
        assert!(!json["candidates"][0][key].is_null(), "{key} is there");
    }
}

#[test]
fn what_is_to_be_survived_comes_on_top() {
    let short = desk(FAST);
    let plain = servers(&planned(&short, &brief()));
    let ask = Ask { survive: Some(Survive::Servers(2)), ..brief() };
    let found = planned(&short, &ask);
    assert_eq!(servers(&found), plain + 2);
    assert!(found.candidates.iter().all(|one| one.simulated_servers + 2 == one.servers));
    let ask = Ask { survive: Some(Survive::Zone(Some(2))), ..brief() };
    // Half of them must do alone.
    assert_eq!(servers(&planned(&short, &ask)), 2 * plain);
}

#[test]
fn a_zone_takes_whole_pools_with_it_and_the_others_carry_the_load() {
    let zones = |names: &[&str]| {
        let pool = |name: &&str| format!("pool.{name} = {{ zone = '{name}', price = '1/h' }}\n");
        let pools: String = names.iter().map(pool).collect();
        desk(FAST).replace("pool.main = { price = '1/h' }\n", &pools)
    };
    let enough = servers(&planned(&desk(FAST), &Ask::default()));
    let ask = Ask { survive: Some(Survive::Zone(None)), forecast_cv: 0.0, ..brief() };
    let found = planned(&zones(&["a", "b", "c"]), &ask);
    let least = (0..=enough).flat_map(|a| (0..=a).map(move |b| (a, b)));
    // Without the largest zone the other two must be enough.
    let least = least.filter(|(a, b)| a + b >= enough).map(|(a, b)| 2 * a + b).min().unwrap();
    assert_eq!(servers(&found), least, "{}", found.answer);
    let fleet = found.recommendation.unwrap();
    assert!(fleet.verified);
    for lost in fleet.pools.values() {
        assert!(fleet.pools.values().sum::<u32>() - lost >= enough, "{:?}", fleet.pools);
    }
}

#[test]
fn servers_are_lost_where_that_hurts_most() {
    let text = desk(FAST).replace(
        "pool.main = { price = '1/h' }",
        "pool.small = { price = '1/h', capacity = 6 }\n\
         pool.large = { slots = 3, price = '2.7/h', capacity = 3 }",
    );
    let ask = Ask { survive: Some(Survive::Servers(2)), forecast_cv: 0.0, ..brief() };
    let found = planned(&text, &ask);
    let enough = servers(&planned(&desk(FAST), &Ask::default()));
    let fleet = &found.recommendation.as_ref().expect("a mix will do").pools;
    let lost = 3 * fleet["large"].min(2) + 2_u32.saturating_sub(fleet["large"]);
    assert!(fleet["small"] + 3 * fleet["large"] - lost >= enough, "{fleet:?}");
    let many = Ask { survive: Some(Survive::Servers(60)), ..Ask::default() };
    let pools: String = (0..4).map(|n| format!("pool.p{n} = {{ speed = 1.{n} }}\n")).collect();
    let four = desk(FAST).replace("pool.main = { price = '1/h' }\n", &pools);
    assert!(refused(&four, &many).contains("39711 ways"), "{}", refused(&four, &many));
}

#[test]
fn what_noise_does_not_tell_is_neither_met_nor_unmet() {
    let text = desk("slo.fast.objective = 'p99<520ms'\n").replace("random", "least-connections");
    let text = text.replace("exponential:mean=100ms", "lognormal:mean=100ms,cv=1");
    let budget = |most: f64| Ask {
        budget: Some(Price(most)),
        replications: Some(2),
        length: Some(plimsoll::time::Duration::from_secs(400)),
        ..Ask::default()
    };
    let found = (4..9).map(|most| planned(&text, &budget(f64::from(most))));
    let open: Vec<Plan> = found.filter(|plan| plan.verdict == Answer::Undecided).collect();
    let open = open.first().expect("two short runs leave some fleet open");
    assert!(open.recommendation.is_none());
    assert!(open.answer.starts_with("It cannot be told whether a fleet meets p99<520ms for"));
    assert!(open.answer.contains("requests."), "{}", open.answer);
    assert!(open.advice.iter().any(|line| line.contains("`--replications`")), "{:?}", open.advice);
}

#[test]
fn replications_and_their_length_are_what_is_run() {
    let ask = Ask {
        replications: Some(7),
        length: Some(plimsoll::time::Duration::from_secs(100)),
        ..Ask::default()
    };
    let found = planned(&desk(FAST), &ask);
    let looked = found.candidates.iter().filter(|one| one.requests > 0);
    for one in looked {
        let expected = 7.0 * 100.0 * 40.0;
        assert!((one.requests as f64 / expected - 1.0).abs() < 0.05, "{}", one.requests);
    }
    let once = Ask { replications: Some(1), ..Ask::default() };
    assert!(refused(&desk(FAST), &once).contains("gives no interval"));
}

#[test]
fn requests_are_counted_once() {
    let found = planned(&desk(FAST), &brief());
    let loads = found.loads.iter().filter(|one| one.load != 1.0);
    let shown: u64 = found.candidates.iter().chain(loads).map(|one| one.requests).sum();
    // Beside what is shown there are the fresh look and the neighbours at other loads.
    assert!(found.requests > shown, "{} and {shown}", found.requests);
    let plain = plimsoll::report::plan(&found, 100);
    assert!(plain.contains("requests in all"), "{plain}");
}

#[test]
fn a_scale_that_is_advised_is_that_of_the_whole() {
    let text = desk(FAST).replace("mean=100ms' }", "mean=100ms', rate-scale = 2 }");
    let found = planned(&text, &brief());
    let advised = found.advice.iter().find_map(|line| {
        let (_, rest) = line.split_once("`--rate-scale ")?;
        rest.split_once('`')?.0.parse::<f64>().ok()
    });
    assert!(advised.is_some_and(|scale| (2.3..2.4).contains(&scale)), "{:?}", found.advice);
}

#[test]
fn an_autoscaler_gets_bounds_that_fresh_numbers_confirm_and_its_headroom() {
    let text = "seed = 3\n\
         traffic.main.arrivals = { process = 'spike', base = '20/s', peak = '60/s', at = '60s', \
         rise = '10s', hold = '60s', fall = '30s' }\n\
         traffic.main.service = 'exponential:mean=100ms'\n\
         [pool.main]\nservers = 4\nprice = '1/h'\nstartup = 'constant:value=5s'\n\
         autoscaler = { policy = 'hpa', target = 0.6, interval = '5s' }\n[slo.fast]\n\
         objective = 'p90<400ms'\n[run]\nduration = '4m'\n";
    let found = planned(text, &brief());
    assert_eq!(found.verdict, Answer::Met, "{}", found.answer);
    let fleet = found.recommendation.as_ref().unwrap();
    assert!(fleet.verified && fleet.headroom.unwrap() >= 0.0, "{fleet:?}");
    assert!(fleet.met_under_forecast_error.unwrap() > 0.4);
    assert!(found.loads.iter().any(|one| one.load > 1.0));
    let (more, less) = (fleet.one_more.as_ref().unwrap(), fleet.one_less.as_ref());
    let max = |settings: &indexmap::IndexMap<String, serde_json::Value>| {
        settings["pool.main.autoscaler.max"].as_u64().unwrap()
    };
    assert_eq!(max(&more.settings), max(&fleet.settings) + 1);
    assert!(more.met && more.headroom >= fleet.headroom, "{more:?}");
    assert!(less.is_none_or(|less| max(&less.settings) + 1 == max(&fleet.settings)));
    let sure = planned(text, &Ask { forecast_cv: 0.0, ..brief() });
    let max = |plan: &Plan| plan.recommendation.as_ref().unwrap().pools["main"];
    assert!(max(&found) > max(&sure), "a forecast that may be off needs room");
}

#[test]
fn autoscaled_pools_are_set_together_and_one_that_is_not_stays() {
    let text = "seed = 3\n\
         traffic.main.arrivals = { process = 'spike', base = '20/s', peak = '60/s', at = '30s', \
         rise = '10s', hold = '30s', fall = '20s' }\n\
         traffic.main.service = 'exponential:mean=100ms'\n\
         [pool.base]\nservers = 1\nprice = '1/h'\n\
         [pool.small]\nservers = 2\nprice = '1/h'\nstartup = 'constant:value=5s'\n\
         autoscaler = { policy = 'hpa', target = 0.6, interval = '5s' }\n\
         [pool.large]\nservers = 1\nslots = 2\nprice = '1.8/h'\nstartup = 'constant:value=5s'\n\
         autoscaler = { policy = 'hpa', target = 0.6, interval = '5s' }\n\
         [slo.fast]\nobjective = 'p90<500ms'\n[run]\nduration = '2m'\n";
    let found = planned(text, &Ask { forecast_cv: 0.0, replications: Some(40), ..brief() });
    assert_eq!(found.verdict, Answer::Met, "{}", found.answer);
    let fleet = found.recommendation.as_ref().unwrap();
    assert!(fleet.verified && fleet.headroom.unwrap() >= 0.0, "{fleet:?}");
    assert_eq!(fleet.pools["base"], 1, "a pool without an autoscaler stays as it is");
    let own = |pool: &str, key: &str| &fleet.settings[&format!("pool.{pool}.autoscaler.{key}")];
    assert_eq!(own("small", "target"), own("large", "target"));
    for pool in ["small", "large"] {
        let most = own(pool, "max").as_u64().unwrap();
        assert!(own(pool, "min").as_u64().unwrap() <= most && most == u64::from(fleet.pools[pool]));
    }
    // Nothing that was tried and meets the objectives is cheaper.
    let met = found.candidates.iter().filter(|one| one.met);
    assert!(met.clone().all(|one| one.cost_per_hour >= fleet.cost_per_hour));
    assert!(fleet.one_more.as_ref().is_some_and(|more| more.pool == "small"));
    assert!(found.advice.iter().any(|line| line.contains("searched together")));
    assert!(found.advice.iter().any(|line| line.contains("`base` has no autoscaler")));
    assert_eq!(found.bounds.ideal_in_pool.as_deref(), Some("large"), "the cheapest for its work");
    assert!(found.answer.starts_with("Set small to min = "), "{}", found.answer);
}

#[test]
fn nothing_that_is_allowed_meets_the_plan() {
    let found = planned(&desk("slo.fast.objective = 'p99<460ms'\n"), &Ask::default());
    assert_eq!((found.verdict, found.recommendation.is_none()), (Answer::Unmet, true));
    assert!(found.answer.contains("the service alone"), "{}", found.answer);
    let ask = Ask { budget: Some(Price(4.0)), ..Ask::default() };
    let found = planned(&desk(FAST), &ask);
    assert_eq!(found.verdict, Answer::Unmet);
    assert!(found.answer.contains("for 4 an hour"), "{}", found.answer);
}

#[test]
fn the_fleet_as_it_is_carries_what_theory_says() {
    let text = desk(FAST).replace("pool.main = {", "pool.main = { servers = 12,");
    let found = planned(&text, &Ask { max_rate: true, ..Ask::default() });
    let most = found.recommendation.unwrap().max_rate.unwrap();
    let carries = |rate: f64| {
        let queue = plimsoll::theory::Mmc::new(rate, 10.0, 12).unwrap();
        plimsoll::theory::Delay::quantile(&queue.latency(), 0.99) < 0.54
    };
    assert!(carries(most) && !carries(most + 4.0), "{most}");
}

#[test]
fn the_cheapest_mix_is_no_dearer_than_any_pure_fleet() {
    let text = desk(FAST).replace(
        "pool.main = { price = '1/h' }",
        "pool.small = { price = '1/h' }\npool.large = { slots = 3, price = '2.7/h' }",
    );
    let found = planned(&text, &brief());
    let fleet = found.recommendation.as_ref().unwrap();
    let pure = |one: &&plimsoll::outcome::Candidate| {
        one.met && one.pools.values().filter(|&&n| n > 0).count() == 1
    };
    assert!(
        found.candidates.iter().filter(pure).all(|one| one.cost_per_hour >= fleet.cost_per_hour)
    );
    assert!(
        found
            .candidates
            .iter()
            .filter(|one| one.cost_per_hour < fleet.cost_per_hour)
            .all(|one| !one.met)
    );
}

#[test]
fn a_plan_is_the_same_for_any_number_of_threads() {
    let scenario = scenario(&desk(FAST));
    let of = |threads: u16| {
        let found = plan(&scenario, &brief(), &Crew::new(Some(threads)).unwrap(), &());
        serde_json::to_string(&found.unwrap()).unwrap()
    };
    assert_eq!(of(1), of(3));
}

#[test]
fn a_stop_keeps_what_is_known_and_says_so() {
    /// Stops in the middle of the second fleet that is looked at.
    struct Impatient(AtomicU64);
    impl Monitor for Impatient {
        fn go_on(&self, _: u64) -> bool {
            self.0.load(Ordering::Relaxed) < 2
        }
        fn stage(&self, what: &str) {
            self.0.fetch_add(u64::from(what.starts_with("fleet: ")), Ordering::Relaxed);
        }
    }
    let monitor = Impatient(AtomicU64::new(0));
    let found =
        plan(&scenario(&desk(FAST)), &Ask::default(), &Crew::new(Some(1)).unwrap(), &monitor);
    let found = found.unwrap();
    assert!(found.partial && found.answer.starts_with("Stopped early: "), "{}", found.answer);
}

#[test]
fn contradictions_are_refused_with_a_remedy() {
    let plain = Ask::default();
    assert!(refused(&desk(""), &plain).contains("needs an objective"));
    let upward = desk("slo.busy.objective = 'utilization > 50%'\n");
    assert!(refused(&upward, &plain).contains("harder with every server"));
    let cost = desk("slo.cost.objective = 'cost-per-hour < 5'\n");
    assert!(refused(&cost, &plain).contains("--budget"));
    let poor = Ask { budget: Some(Price(0.5)), ..plain };
    assert!(refused(&desk(FAST), &poor).contains("below the price of a single server"));
    let lost = Ask { survive: Some(Survive::Servers(1)), max_rate: true, ..plain };
    assert!(refused(&desk(FAST), &lost).contains("loses all"));
    let nothing = Ask { survive: Some(Survive::Servers(0)), ..plain };
    assert!(refused(&desk(FAST), &nothing).contains("is no loss"));
    let both = Ask { budget: Some(Price(9.0)), max_rate: true, ..plain };
    assert!(refused(&desk(FAST), &both).contains("leave one of them out"));
    let zone = Ask { survive: Some(Survive::Zone(None)), ..plain };
    assert!(refused(&desk(FAST), &zone).contains("zone/3"));
}

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

#[test]
fn the_command_answers_in_a_sentence_and_its_folder_is_drawn_again() {
    let out = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("plan-of-chat");
    let folder = out.to_str().unwrap();
    let found = run(&["plan", "scenarios/chat-replay.toml", "--quiet", "--out", folder]);
    let said = String::from_utf8(found.stdout).unwrap();
    assert_eq!(found.status.code(), Some(0), "{said}");
    assert!(
        said.starts_with("chat-replay: 8 servers for 16.80 USD an hour meet p95 < 12s"),
        "{said}"
    );
    assert!(said.contains("Erlang C alone would say"), "{said}");
    for name in ["plan.json", "candidates.csv", "report.html", "plan-servers.svg", "plan-load.svg"]
    {
        assert!(out.join(name).exists(), "{name}");
    }
    let page = std::fs::read(out.join("report.html")).unwrap();
    std::fs::remove_file(out.join("report.html")).unwrap();
    let again = run(&["report", folder]);
    assert_eq!(String::from_utf8(again.stdout).unwrap(), said);
    assert_eq!(std::fs::read(out.join("report.html")).unwrap(), page);
}

#[test]
fn what_no_fleet_meets_is_no_and_what_is_wrong_is_wrong() {
    let found = run(&["plan", "scenarios/web-service.toml", "--slo", "p99<100ms"]);
    assert_eq!(found.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&found.stdout).contains("the service alone"));
    for args in [
        &["--survive", "rack"][..],
        &["--budget", "1"],
        &["--peak", "5m"],
        &["--replications", "1"],
        &["--replications", "some"],
        &["--duration", "0s"],
        &["--precision-of", "mean"],
        &["--max-replications", "9"],
    ] {
        let found = run(&[&["plan", "scenarios/web-service.toml"], args].concat());
        assert_eq!(found.status.code(), Some(2), "{args:?}");
        let said = String::from_utf8_lossy(&found.stderr);
        assert!(said.contains("help: ") || said.contains("write "), "{args:?}: {said}");
    }
    let traced = run(&["plan", "scenarios/chat-replay.toml", "--precision", "1%"]);
    assert_eq!(traced.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&traced.stderr).contains("--resample none"));
}

#[test]
fn an_overloaded_fleet_is_no_candidate() {
    let found = planned(&desk("slo.fast.objective = 'mean<10s'\n"), &Ask::default());
    // At five servers there is no steady state in 4 Erlangs and less; the first above carries them.
    assert_eq!(servers(&found), 5);
    let few = found.candidates.iter().filter(|one| one.servers <= 4);
    assert!(few.clone().count() > 0 && few.clone().all(|one| one.ruling == Ruling::Overloaded));
}
