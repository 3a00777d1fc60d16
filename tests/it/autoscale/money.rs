//! Money: bills worked out by hand, budgets kept and broken, currencies that are mixed.

use super::{read, refused, run, steady};

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9 * (1.0 + b.abs())
}

/// Two servers of 36 an hour (0.01 a second) for ten minutes; one request a second of 1.5 s each.
fn fixed(more: &str) -> String {
    format!(
        "[traffic.main]\narrivals = {{ process = 'deterministic', rate = '1/s' }}\n\
         service = {{ law = 'constant', mean = '1.5s' }}\n\
         [pool.main]\nprice = '36/h'\nservers = 2\n{more}\n[run]\nduration = '10m'\n"
    )
}

#[test]
fn without_terms_the_cost_is_the_price_and_there_is_no_bill() {
    let outcome = run(&fixed(""));
    assert_eq!(outcome.cost.breakdown, None);
    assert!(close(outcome.cost.total, 12.0), "{:?}", outcome.cost);
    assert!(!serde_json::to_string(&outcome).unwrap().contains("breakdown"));
}

#[test]
fn equal_fleets_that_stay_cost_the_same_an_hour_to_the_last_bit() {
    let per_hour = |duration: &str, rate: &str| {
        let text = fixed("").replace("36/h", "0.37/h").replace("'10m'", duration);
        let spare = "[pool.spare]\nservers = 7\nprice = '0.19/h'\n[run]";
        run(&text.replace("1/s", rate).replace("[run]", spare)).cost.per_hour
    };
    let price: f64 = 0.37 * 2.0 + 0.19 * 7.0;
    for (duration, rate) in [("'10m'", "1/s"), ("'7m'", "0.77/s"), ("'1234567us'", "13/s")] {
        assert_eq!(per_hour(duration, rate).to_bits(), price.to_bits(), "{duration}");
    }
}

#[test]
fn a_bill_adds_up_to_the_cost_of_its_pools() {
    let outcome = run(&fixed("billing = 'per-second'"));
    let bill = outcome.cost.breakdown.as_ref().unwrap();
    assert!(close(bill.total(), 12.0) && close(outcome.cost.total, 12.0), "{bill:?}");
    let pool = &bill.pools[0];
    assert!(close(pool.busy, 12.0 * outcome.utilization), "{pool:?}");
    assert!(close(pool.busy + pool.idle, 12.0), "{pool:?}");
    assert!(close(outcome.pools[0].cost, pool.total()));
}

#[test]
fn servers_that_come_and_go_are_billed_by_the_terms_of_their_pool() {
    // Minute 2 orders a second server, minute 5 gives it up: it starts for one minute.
    let scheduled = |billing: &str| {
        let rows = "policy = 'schedule'\nservers = 1\ninterval = '1m'\n\
                    rows = [{ after = '2m', servers = 2 }, { after = '5m', servers = 1 }]";
        let pool = format!("servers = 1\nslots = 4\nscale-in = 'newest'\n{billing}");
        run(&steady(&pool, rows))
    };
    let a_minute = 2.0 / 60.0;
    let exact = scheduled("billing = 'exact'").cost.breakdown.unwrap().pools.remove(0);
    assert!(close(exact.starting, a_minute) && exact.rounding == 0.0, "{exact:?}");
    let total = exact.total();
    assert!((13.0 * a_minute..13.1 * a_minute).contains(&total), "ten and three: {exact:?}");
    let hourly = scheduled("billing = 'per-hour'").cost.breakdown.unwrap().pools.remove(0);
    // The one that went is billed a whole hour: 2, beside the ten minutes of the other.
    assert!(close(hourly.total(), 10.0 * a_minute + 2.0), "{hourly:?}");
    let free = scheduled("billing = { startup = false }").cost.breakdown.unwrap().pools.remove(0);
    assert!(close(free.total(), total - a_minute), "{free:?}");
}

#[test]
fn a_spot_server_that_is_reclaimed_is_paid_until_then_and_so_is_its_successor() {
    let pool = "servers = 1\nslots = 4\nbilling = 'exact'\nnotice = '0s'\ndrain = '0s'\n\
                lifetime = { law = 'constant', mean = '200s' }";
    let outcome = run(&steady(pool, "policy = 'fixed'\ninterval = '15s'"));
    let bill = &outcome.cost.breakdown.unwrap().pools[0];
    let paid_s: f64 = bill.total() / 2.0 * 3600.0;
    assert!(close(paid_s, outcome.servers.hours * 3600.0), "{bill:?}");
    // Each successor is paid while it starts: at least two of them, a minute each.
    assert!(bill.starting * 1800.0 >= 120.0 - 1e-6, "{bill:?}");
}

#[test]
fn hours_of_violation_cost_their_penalty() {
    let slow = run(&fixed("[slo.fast]\nobjective = 'p99 < 1s'\npenalty = '6/h'"));
    let bill = slow.cost.breakdown.as_ref().unwrap();
    assert!(close(bill.penalties[0].hours, 1.0 / 6.0), "{bill:?}");
    assert!(close(bill.penalties[0].amount, 1.0) && close(slow.cost.total, 13.0), "{bill:?}");
    let met = run(&fixed("[slo.fast]\nobjective = 'p99 < 2s'\npenalty = '6/h'"));
    assert!(close(met.cost.total, 12.0));
}

#[test]
fn a_budget_that_is_exceeded_is_said_to_be() {
    let outcome = run(&fixed("[cost]\nbudget = '60/h'"));
    let budget = outcome.cost.breakdown.unwrap().budget.unwrap();
    assert!(budget.exceeded && close(budget.spent_per_hour, 72.0), "{budget:?}");
    assert!(close(budget.peak_per_hour, 72.0) && close(budget.over_share, 1.0), "{budget:?}");
    let said = outcome.advice.iter().any(|words| words.contains("the budget is exceeded"));
    assert!(said, "{:?}", outcome.advice);
    let kept = run(&fixed("[cost]\nbudget = '72/h'")).cost.breakdown.unwrap().budget.unwrap();
    assert!(!kept.exceeded && kept.over_share == 0.0, "{kept:?}");
}

#[test]
fn what_cannot_be_paid_or_added_is_refused() {
    let words = refused(&fixed("[cost]\nbudget = '30/h'"));
    assert!(words.contains("does not pay for one server"), "{words}");
    let words = refused(&fixed("[slo.cheap]\nobjective = 'utilization < 80%'\npenalty = '1/h'"));
    assert!(words.contains("percentile of latency"), "{words}");
    let words = refused(&fixed("billing = 'per-fortnight'"));
    assert!(words.contains("per-fortnight") && words.contains("per-second"), "{words}");
    let two = "[pool.other]\nprice = '€3/h'";
    let words = refused(&fixed(two).replace("36/h", "$36/h"));
    assert!(words.contains("USD") && words.contains("EUR"), "{words}");
    for other in
        ["[cost]\nbudget = '€90/h'", "[slo.fast]\nobjective = 'p99 < 1s'\npenalty = '€9/h'"]
    {
        let words = refused(&fixed(other).replace("36/h", "$36/h"));
        assert!(words.contains("USD") && words.contains("EUR"), "{words}");
    }
    let bare = format!("currency = 'GBP'\n{}", fixed(two));
    assert!(refused(&bare).contains("has no currency"), "{}", refused(&bare));
    let euros = read(&fixed("").replace("36/h", "€36/h"));
    assert_eq!(euros.currency, "EUR");
}

#[test]
fn a_mix_of_pools_keeps_its_budget_and_says_what_it_gave_up() {
    let mix = |budget: &str| {
        run(&format!(
            "[traffic.main]\narrivals = {{ process = 'poisson', rate = '20/s' }}\n\
             service = {{ law = 'exponential', mean = '500ms' }}\n\
             [pool.firm]\nprice = '1/h'\nslots = 2\nservers = 4\n\
             startup = {{ law = 'constant', mean = '20s' }}\nautoscaler = 'cheapest-mix'\n\
             [pool.spot]\nprice = '0.4/h'\nslots = 2\nservers = 4\nnotice = '10s'\n\
             startup = {{ law = 'constant', mean = '20s' }}\n\
             lifetime = {{ law = 'exponential', mean = '5m' }}\nautoscaler = 'cheapest-mix'\n\
             [cost]\nbudget = '{budget}/h'\n[balancer]\npolicy = 'least-connections'\n\
             [run]\nduration = '30m'\nwarm-up = '2m'\n"
        ))
    };
    let last = |outcome: &plimsoll::outcome::Outcome| {
        let decisions = &outcome.autoscaling[0].decisions;
        decisions.last().map_or(String::new(), |it| it.why.clone())
    };
    let (rich, poor) = (mix("20"), mix("3"));
    assert!(last(&rich).contains("within the budget"), "{}", last(&rich));
    assert!(last(&poor).contains("the budget takes"), "{}", last(&poor));
    let gave_up = poor.advice.join("\n");
    let spent = |outcome: plimsoll::outcome::Outcome| {
        outcome.cost.breakdown.unwrap().budget.unwrap().spent_per_hour
    };
    let (rich, poor) = (spent(rich), spent(poor));
    // 10 busy slots at 70 % are 14.3, half of them on demand: 4 servers of 2 slots (7.1) at 1, and
    // 3 or 4 at 0.4 as chance has it; where one is reclaimed, two overlap for its notice.
    assert!((5.2..5.7).contains(&rich), "{rich}");
    // 3 an hour buy no more than 7 on spot, which leaves headroom above 5.
    assert!((2.0..=3.0).contains(&poor), "{poor} within a budget of 3");
    assert!(gave_up.contains("the budget binds and takes"), "{gave_up}");
    assert!(gave_up.contains("headroom"), "{gave_up}");
}
