//! A plan says no more than it knows: of failures, losses, fresh numbers and a wrong forecast.

use plimsoll::experiment::{Ask, Survive};
use plimsoll::outcome::{Answer, Ruling};

use super::{FAST, brief, desk, planned, refused, servers};

/// Four Erlangs before servers of which one is out for a while.
fn failing(failure: &str) -> String {
    format!(
        "seed = 5\n\
         traffic.main = {{ arrivals = 'poisson:rate=40/s', service = 'exponential:mean=100ms' }}\n\
         pool.main = {{ servers = 12, price = '1/h' }}\n\
         failure.crash = {{ fault = 'outage', {failure} }}\n\
         [run]\nduration = '1m'\n[slo.answered]\nobjective = 'errors<30%'\n"
    )
}

#[test]
fn a_failure_does_not_miss_a_fleet_that_is_too_small_for_it() {
    let found = planned(&failing("servers = [9], at = '10s', lasts = '20s'"), &brief());
    // The objective minds errors alone; a queue that grows for ever is no plan all the same.
    assert_eq!(servers(&found), 5, "{}", found.answer);
    let few = found.candidates.iter().filter(|one| one.servers <= 4);
    assert!(few.clone().count() > 0 && few.clone().all(|one| one.ruling == Ruling::Overloaded));
    let told = |words: &str| found.advice.iter().any(|line| line.contains(words));
    assert!(told("`crash` names a server that this fleet does not have"), "{:?}", found.advice);
    assert_eq!(found.scenario["failure"]["crash"]["servers"], serde_json::json!([4]));
    assert!(found.traffic.peak.is_none(), "the busiest stretch of a constant rate is chance");
    // One that is out for good does no work: it comes on top.
    let text = failing("servers = [0], at = '10s'").replace("errors<30%", "errors<95%");
    let found = planned(&text, &brief());
    assert!(found.candidates.iter().any(|one| one.servers == 5 && !one.met), "{}", found.answer);
    assert_eq!(servers(&found), 6, "{}", found.answer);
}

#[test]
fn an_autoscaler_without_bounds_is_not_planned() {
    let text = failing("at = '10s', lasts = '20s'")
        .replace("price = '1/h' }", "price = '1/h', autoscaler = 'fixed:servers=4' }");
    let problem = refused(&text, &brief());
    assert!(problem.contains("has no bounds to plan"), "{problem}");
}

#[test]
fn a_failure_that_is_planned_away_is_told() {
    let text = failing("zone = 'a', at = '10s', lasts = '20s'").replace(
        "pool.main = { servers = 12, price = '1/h' }",
        "pool.a = { price = '1/h', zone = 'a' }\npool.b = { price = '0.9/h', zone = 'b' }",
    );
    let found = planned(&text, &brief());
    assert!(found.recommendation.as_ref().is_some_and(|one| one.pools["a"] == 0));
    let told = |words: &str| found.advice.iter().any(|line| line.contains(words));
    assert!(told("`crash` hits no server of this fleet"), "{:?}", found.advice);
    assert!(found.scenario["failure"].as_object().is_none_or(serde_json::Map::is_empty));
}

#[test]
fn zones_grow_together() {
    let ask = Ask { survive: Some(Survive::Zone(Some(3))), ..brief() };
    let found = planned(&desk(FAST), &ask);
    let fleet = found.recommendation.as_ref().unwrap();
    let left = |n: u32| n - n.div_ceil(3);
    let (own, more) = (servers(&found), fleet.one_more.as_ref().unwrap());
    assert_eq!(left(more.servers), left(own) + 1, "a server that adds nothing is not weighed");
    assert!(more.headroom > fleet.headroom, "{more:?}");
    // What is advised leaves more, too.
    let advised = found.advice.iter().find_map(|line| {
        let (_, rest) = line.split_once("about ")?;
        rest.split_once(" servers would")?.0.parse::<u32>().ok()
    });
    assert!(advised.is_some_and(|advised| left(advised) > left(own)), "{:?}", found.advice);
}

#[test]
fn what_fresh_numbers_do_not_confirm_is_not_recommended() {
    // So close to its limit, and with so few runs, that fresh ones cannot tell some of the fleets.
    let ask = Ask {
        replications: Some(4),
        length: Some(plimsoll::time::Duration::from_secs(60)),
        forecast_cv: 0.0,
        ..Ask::default()
    };
    let mut unconfirmed = 0;
    for percent in [70, 72] {
        let text = desk(&format!("slo.busy.objective = 'utilization<{percent}%'\n"))
            .replace("40/s", "400/s")
            .replace("exponential:mean=100ms", "lognormal:mean=100ms,cv=1");
        let found = planned(&(text + "retry = { attempts = 2 }\n"), &ask);
        let told = |line: &&String| line.contains("did not confirm");
        let Some(told) = found.advice.iter().find(told) else { continue };
        unconfirmed += 1;
        // The next larger one is, and the row of the first does not say that it is met.
        let fleet = found.recommendation.as_ref().expect(told);
        assert!(fleet.verified && found.verdict == Answer::Met, "{}", found.answer);
        let fewer = found.candidates.iter().filter(|one| one.servers < servers(&found));
        assert!(fewer.clone().count() > 0 && fewer.clone().all(|one| !one.met), "{told}");
    }
    assert!(unconfirmed > 0, "the case that this is about comes up");
}

#[test]
fn a_probability_that_may_be_more_is_told_as_the_least() {
    let found = planned(
        &desk(FAST).replace("'exponential:mean=100ms'", "'lognormal:mean=100ms,cv=1'"),
        &brief(),
    );
    let fleet = found.recommendation.as_ref().unwrap();
    assert!(fleet.open_after.is_some() && fleet.is_floor(), "{fleet:?}");
    let shown = plimsoll::report::plan(&found, 100);
    assert!(shown.contains("hold with probability at least"), "{shown}");
}
