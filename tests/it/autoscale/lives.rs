//! Lives of servers whose every instant is known: hours, drains, sleep, reclaim, failed starts.

use super::{read, refused, run, steady};

/// Whether two numbers of seconds are the same to a microsecond.
fn same(got: f64, wanted: f64) -> bool {
    (got - wanted).abs() < 1e-6
}

#[test]
fn hours_are_paid_from_order_to_end() {
    // Two servers all the time; two more are ordered after 2 min and leave after 6 min: they are
    // idle then and gone at once. The third and fourth are paid for 4 min, of which 1 min starting.
    let rows = "rows = [{ after = '2m', servers = 4 }, { after = '6m', servers = 2 }]";
    let autoscaler = format!("policy = 'schedule'\nservers = 2\ninterval = '60s'\n{rows}");
    let outcome = run(&steady("servers = 2", &autoscaler));
    let scaled = &outcome.autoscaling[0];
    // Arrivals at 1 s, 2 s, …: at 6 min one server has a request of 1.5 s, and one of those that
    // leave may be it; the idlest leave first, so none waits.
    let minutes = 2.0 * 10.0 + 2.0 * 4.0;
    let paid = outcome.servers.hours * 60.0;
    assert!((paid - minutes).abs() <= 2.0 * 1.5 / 60.0, "{paid} server-minutes");
    assert!(same(scaled.startup_hours * 3600.0, 120.0), "{}", scaled.startup_hours);
    assert!(same(outcome.cost.total, outcome.servers.hours * 2.0));
    assert_eq!((outcome.servers.min, outcome.servers.max), (2, 4));
    assert_eq!((scaled.ordered, scaled.released), (2, 2));
    let log: Vec<(f64, u32, u32)> =
        scaled.decisions.iter().map(|it| (it.at_s, it.ready, it.allowed)).collect();
    assert_eq!(log, [(60.0, 2, 2), (120.0, 2, 4), (360.0, 4, 2)]);
}

#[test]
fn a_start_that_is_called_off_costs_only_what_has_passed() {
    let rows = "rows = [{ after = '2m', servers = 5 }, { after = '150s', servers = 2 }]";
    let autoscaler = format!("policy = 'schedule'\nservers = 2\ninterval = '30s'\n{rows}");
    let outcome = run(&steady("servers = 2", &autoscaler));
    assert!(same(outcome.servers.hours * 3600.0, 2.0 * 600.0 + 3.0 * 30.0));
    assert_eq!(outcome.autoscaling[0].timeline.last().map(|it| it.ready), Some(2.0));
}

#[test]
fn draining_loses_nothing_and_a_deadline_loses_what_is_left() {
    let rows = "rows = [{ after = '2m', servers = 1 }]";
    let autoscaler = format!("policy = 'schedule'\nservers = 3\ninterval = '1ms'\n{rows}");
    // Every server has a long queue when two of three are told to go.
    let busy =
        |pool: &str| steady(&format!("servers = 3\n{pool}"), &autoscaler).replace("'1.5s'", "'8s'");
    let patient = run(&busy(""));
    assert_eq!(patient.requests.completed, patient.requests.arrived);
    let strict = run(&busy("drain = '10s'"));
    assert!(strict.requests.failed > 0);
    assert_eq!(strict.requests.completed + strict.requests.failed, strict.requests.arrived);
    assert!(strict.servers.hours < patient.servers.hours);
}

#[test]
fn a_sleeping_pool_holds_requests_until_a_server_is_ready() {
    for queue in ["per-server", "shared"] {
        let text = steady("servers = 0", "policy = 'kpa'\nmax = 3").replace("1/s", "0.01/s")
            + &format!("[balancer]\nqueue = '{queue}'\n");
        let outcome = run(&text);
        assert!(outcome.requests.arrived > 0);
        assert_eq!(outcome.requests.completed, outcome.requests.arrived, "{queue}");
        // The first request waits for a look and a start, and no request is lost.
        let longest = outcome.wait_s.max.unwrap();
        assert!((60.0..=62.0).contains(&longest), "{queue}: {longest}");
    }
}

#[test]
fn what_waited_for_servers_is_shared_out_among_them() {
    // Sixty requests wait for twenty servers that come up at the same instant.
    let text = steady("servers = 0", "policy = 'fixed'\nservers = 20\ninterval = '1s'");
    let outcome = run(&text);
    let served: Vec<u64> = outcome.pools[0].servers.iter().map(|it| it.completed).collect();
    assert_eq!(outcome.requests.completed, outcome.requests.arrived);
    assert!(served.iter().all(|count| *count >= 3), "{served:?}");
    // Three rounds of 1.5 s for the backlog, and no more than those wait beyond the minute.
    assert!(outcome.wait_s.max.unwrap() < 61.0 + 3.0 * 1.5, "{:?}", outcome.wait_s.max);
}

#[test]
fn failed_starts_are_those_of_their_pool() {
    let rows = "rows = [{ after = '1m', servers = 20 }]";
    let autoscaler = format!("policy = 'schedule'\nservers = 2\ninterval = '60s'\n{rows}");
    let other = format!(
        "[pool.sure]\nservers = 2\nstartup = {{ law = 'constant', mean = '60s' }}\n\
         [pool.sure.autoscaler]\n{autoscaler}\n[run]\n"
    );
    let text = steady("servers = 2\nstartup-failure = '50%'", &autoscaler);
    let outcome = run(&text.replace("[run]\n", &other));
    let failed: Vec<u64> = outcome.autoscaling.iter().map(|it| it.failed_starts).collect();
    assert!(failed[0] > 0 && failed[1] == 0, "{failed:?}");
}

#[test]
fn what_is_told_of_servers_begins_where_measuring_begins() {
    // One server too few in the first two minutes, two too many after it.
    let rows = "rows = [{ after = '2m', servers = 4 }]";
    let autoscaler = format!("policy = 'schedule'\nservers = 1\ninterval = '30s'\n{rows}");
    let text = steady("servers = 1", &autoscaler) + "warm-up = '4m'\n";
    let scenario = read(&text);
    let outcome = scenario.outcome(&super::measure(&scenario, 0, 240));
    let scaled = &outcome.autoscaling[0];
    assert_eq!((scaled.ordered, scaled.actions, scaled.short_minutes), (0, 0, Some(0.0)));
    assert_eq!(scaled.elasticity.as_ref().map(|it| it.under_time_percent), Some(0.0));
    let all = run(&steady("servers = 1", &autoscaler));
    assert!(all.autoscaling[0].short_minutes > Some(1.0) && all.autoscaling[0].ordered == 3);
}

#[test]
fn requests_that_no_server_will_ever_serve_are_given_up() {
    let outcome = run(&steady("servers = 0", "policy = 'fixed'\nservers = 0\nmin = 0\nmax = 1"));
    assert_eq!(outcome.requests.failed, outcome.requests.arrived);
}

#[test]
fn failed_starts_are_begun_again_and_paid() {
    let rows = "rows = [{ after = '1m', servers = 20 }]";
    let autoscaler = format!("policy = 'schedule'\nservers = 2\ninterval = '60s'\n{rows}");
    let sure = run(&steady("servers = 2", &autoscaler));
    let unsure = run(&steady("servers = 2\nstartup-failure = '50%'", &autoscaler));
    assert!(unsure.autoscaling[0].failed_starts > 0);
    assert!(unsure.autoscaling[0].startup_hours > sure.autoscaling[0].startup_hours);
}

#[test]
fn reclaimed_servers_are_told_drain_and_are_ordered_again() {
    let text = steady("servers = 4\nlifetime = { law = 'exponential', mean = '3m' }", "")
        .replace("[pool.main.autoscaler]\n", "");
    let outcome = run(&text);
    let scaled = read(&text).pool["main"].autoscaler.is_none();
    assert!(scaled && outcome.autoscaling.is_empty(), "nobody asked for an autoscaler");
    assert!(outcome.pools[0].servers.len() > 4, "others took their place");
    assert_eq!(outcome.requests.completed, outcome.requests.arrived);
}

#[test]
fn a_server_that_warms_up_serves_slowly() {
    let rows = "rows = [{ after = '2m', servers = 3 }, { after = '2m 1ms', servers = 2 }]";
    let autoscaler = format!("policy = 'schedule'\nservers = 1\ninterval = '60s'\n{rows}");
    let cold = steady("servers = 1\nwarm-up = '2m'\nwarm-up-speed = 0.25", &autoscaler);
    let warm = steady("servers = 1", &autoscaler);
    let service = |text: &str| run(text).service_s.max.unwrap();
    assert!(same(service(&warm), 1.5));
    assert!(same(service(&cold), 6.0));
}

#[test]
fn what_cannot_work_is_refused_with_its_remedy() {
    let wrong = |pool: &str, autoscaler: &str| refused(&steady(pool, autoscaler));
    for (autoscaler, words) in [
        ("policy = 'hpa'\nmin = 5\nmax = 2", ["above", "raise"]),
        ("policy = 'target-tracking'\ntarget = 0.0", ["above 0", "fleet"]),
        ("policy = 'threshold'\nabove = 0.3\nbelow = 0.5", ["not below", "raise `above`"]),
        ("policy = 'threshold'\nmin = 0", ["cannot wake", "kpa"]),
        ("policy = 'treshold'", ["unknown", "did you mean `threshold`"]),
        ("policy = 'hpa'\ntolerence = 0.2", ["unknown", "tolerance"]),
        ("policy = 'max'\nof = []", ["no policy", "hpa"]),
        ("policy = 'capacity'\nper-server = 0", ["above 0", "bear"]),
    ] {
        let said = wrong("servers = 2", autoscaler);
        assert!(words.iter().all(|word| said.contains(word)), "{autoscaler}:\n{said}");
    }
    assert!(wrong("servers = 9\ncapacity = 4", "policy = 'hpa'").contains("capacity"));
}
