//! Corners of autoscaling: targets out of reach, bounds that bind, what is said and what is billed.

use super::{refused, run, steady};

#[test]
fn a_utilization_that_no_server_can_have_is_refused() {
    for (rule, key) in [
        ("policy = 'threshold'\nabove = 80\nbelow = 0.3", "above"),
        ("policy = 'hpa'\ntarget = 60", "target"),
        ("policy = 'hpa'\nalso = [{ metric = 'utilization', target = 60 }]", "also"),
        ("policy = 'target-tracking'\ntarget = 50", "target"),
        ("policy = 'azure'\nout-threshold = 75", "out-threshold"),
        ("policy = 'step-scaling'\nout.threshold = 70\nout.steps = [{ adjustment = 1 }]", "out"),
    ] {
        let words = refused(&steady("servers = 2", rule));
        assert!(words.contains("no server is busy for more than 1"), "{rule}: {words}");
        assert!(words.contains(key) && words.contains("0.6 for 60 %"), "{rule}: {words}");
    }
    // A queue may be as long as it likes.
    run(&steady(
        "servers = 2",
        "policy = 'threshold'\nmetric = 'concurrency'\nabove = 8\nbelow = 1",
    ));
}

#[test]
fn options_outside_what_the_real_thing_takes_are_refused_with_a_remedy() {
    for (rule, words) in [
        ("policy = 'threshold'\nadd = 0", "adds no server"),
        ("policy = 'kpa'\nstable-window = '2s'", "outside 6 s to 1 h"),
        ("policy = 'kpa'\nstable-window = '2h'", "outside 6 s to 1 h"),
        ("policy = 'kpa'\npanic-window-fraction = 0", "outside 0.01 to 1"),
        ("policy = 'kpa'\nmax-scale-up-rate = 1", "must be above 1"),
        ("policy = 'kpa'\nmax-scale-down-rate = nan", "must be above 1"),
        ("policy = 'q-learning'\nlevels = 0", "must lie between 1"),
        ("policy = 'q-learning'\ndiscount = 2", "between 0 and 1"),
        ("policy = 'q-learning'\nexploration = -0.1", "between 0 and 1"),
        ("policy = 'square-root'\nwait-probability = 0", "is no share"),
        ("policy = 'square-root'\nwait-probability = 1.5", "is no share"),
        ("policy = 'square-root'\nvariability = -1", "must be 0 or more"),
        ("policy = 'predictive'\nbin = '10ms'", "shorter than any load is measured"),
        ("policy = 'predictive'\nbin = '0s'", "must be above 0"),
    ] {
        let refusal = refused(&steady("servers = 2", rule));
        assert!(refusal.contains(words) && refusal.contains("help"), "{rule}: {refusal}");
    }
}

#[test]
fn a_target_that_full_servers_do_not_exceed_is_told() {
    let advice = |rule: &str| run(&steady("servers = 2", rule)).advice.join("\n");
    let words = advice("policy = 'hpa'\ntarget = 0.95");
    assert!(words.contains("never adds a server by its target of 0.95"), "{words}");
    assert!(words.contains("a target of 0.9000 is exceeded"), "{words}");
    // Per cents of half the core: full are 200, and 1.1 times 181 are not above it.
    let cores = "policy = 'hpa'\ncores = { requests = 0.5, limit = 1 }\ntarget";
    let words = advice(&format!("{cores} = 0.91"));
    assert!(words.contains("a target of 0.9050 is exceeded"), "{words}");
    for rule in [
        "policy = 'hpa'\ntarget = 0.9",
        &format!("{cores} = 0.905"),
        "policy = 'hpa'\ntarget = 0.95\ntolerance = { up = 0.05 }",
    ] {
        let words = advice(rule);
        assert!(!words.contains("never adds"), "{rule}: {words}");
    }
    let within = advice("policy = 'max'\nof = ['hpa:target=0.95', 'fixed']");
    assert!(within.contains("never adds a server"), "{within}");
}

#[test]
fn shares_are_no_totals_and_targets_have_a_least() {
    for (rule, said) in [
        ("policy = 'hpa'\ntarget-type = 'average-value'", ["is a share", "to `value`"]),
        (
            "policy = 'hpa'\nmetric = 'latency'\ntarget-type = 'pod-average'",
            ["told by no single pod", "set `target-type` to `value`\n"],
        ),
        (
            "policy = 'hpa'\nmetric = 'errors'\ntarget-type = 'utilization'",
            ["is no share", "set `target-type` to `value`\n"],
        ),
        ("policy = 'hpa'\nmetric = 'rate'\ntarget = 0.0005", ["a thousandth", "write 0.001"]),
        ("policy = 'hpa'\ntarget = 0.005", ["below 1 %", "write 0.01"]),
        ("policy = 'hpa'\ncores = { requests = 2, limit = 1 }", ["2 cores of 1", "within"]),
        ("policy = 'keda'\nmetric = 'utilization'", ["no total", "use `hpa`"]),
        ("policy = 'keda'\ntarget-average-value = 0.0001", ["a thousandth", "0.001 or more"]),
    ] {
        let words = format!("{}\n", refused(&steady("servers = 2", rule)));
        assert!(said.iter().all(|it| words.contains(it)), "{rule}: {words}");
    }
    // What each pod uses is an average over pods, and the share itself a value.
    for kind in ["pod-average", "value"] {
        run(&steady("servers = 2", &format!("policy = 'hpa'\ntarget-type = '{kind}'")));
    }
}

#[test]
fn no_rate_wakes_one_pool_among_others() {
    let other = "[pool.other]\nservers = 1\n";
    for rule in [
        "policy = 'hpa'\nmetric = 'rate'\ntarget-type = 'average-value'\n\
         scale-to-zero = true\nmin = 0",
        "policy = 'keda'\nmetric = 'rate'",
    ] {
        let alone = steady("servers = 1", rule);
        run(&alone);
        let words = refused(&format!("{alone}{other}"));
        assert!(words.contains("cannot wake a pool"), "{words}");
        assert!(words.contains("set `min = 1`") && words.contains("`queue`"), "{words}");
        run(&format!("{}{other}", alone.replace("'rate'", "'queue'")));
    }
    // What is never seen without servers wakes nobody in any case.
    let words = refused(&steady("servers = 1", "policy = 'keda'\nmetric = 'latency'"));
    assert!(words.contains("cannot wake a pool"), "{words}");
}

#[test]
fn keda_rests_at_its_idle_count() {
    let rule = "policy = 'keda'\nmin-replica-count = 2\nidle-replica-count = 0\n\
                cooldown-period = '30s'";
    let quiet = steady("servers = 2", rule).replace("rate = '1/s'", "rate = '1/h'");
    let outcome = run(&quiet);
    let last = outcome.autoscaling[0].decisions.iter().rfind(|it| it.allowed == 0);
    assert!(last.is_some(), "{:?}", outcome.autoscaling[0].decisions);
}

#[test]
fn a_maximum_that_binds_is_named_and_one_that_does_not_is_not() {
    let hpa = |max: u32| {
        let rule = format!("policy = 'hpa'\ntarget = 0.5\nmin = 1\nmax = {max}");
        run(&steady("servers = 2", &rule)).advice.join("\n")
    };
    // Work of 1.5 servers at 50 % wants three.
    let words = hpa(2);
    assert!(words.contains("wanted more than its maximum of 2 servers"), "{words}");
    let words = hpa(9);
    assert!(!words.contains("wanted more"), "{words}");
}

#[test]
fn an_interval_in_which_nobody_gets_through_has_missed_the_objective() {
    let outage = "[failure.gone]\nfault = 'outage'\nat = '2m'\nlasts = '4m'\n\
                  in-service = 'resumed'\n[health]\nknown-at-once = true\n\
                  [slo.fast]\nobjective = 'p99 < 2s'\n[run]";
    let text = steady("servers = 2", "policy = 'fixed'\nservers = 2\nmin = 2\nmax = 2")
        .replace("[pool.main]", "[balancer]\nqueue = 'shared'\n[pool.main]")
        .replace("[run]", outage);
    let share = run(&text).autoscaling[0].violated_share.unwrap();
    // Four of ten minutes nobody ends, and the backlog takes longer than the rest to clear.
    assert!(share > 0.75, "{share}");
}

#[test]
fn the_ideal_pays_each_price_for_as_long_as_it_holds() {
    let changes = "servers = 12\nprice-changes = [{ at = '5m', price = '4/h' }]";
    let growing = "arrivals = { process = 'profile', points = [['0m', '1/s'], ['5m', '1/s'], \
                   ['5m1s', '6/s'], ['10m', '6/s']] }";
    let text = steady(changes, "policy = 'fixed'\nservers = 12")
        .replace("arrivals = { process = 'deterministic', rate = '1/s' }", growing)
        .replace("[run]", "[slo.fast]\nobjective = 'p99 < 4s'\n[run]");
    let bounds = run(&text).autoscaling[0].bounds.clone().unwrap();
    let per_hour = bounds.ideal_cost / bounds.ideal_server_hours;
    // Half of the time few servers at 2, and then six times as many at 4.
    assert!((3.4..3.9).contains(&per_hour), "{per_hour}");
}

#[test]
fn a_backlog_left_at_the_end_is_told() {
    let text = |lasts: &str| {
        format!(
            "[traffic.main]\narrivals = 'deterministic:rate=1/s'\n\
             service = 'constant:value=500ms'\n[pool.main]\n[balancer]\nqueue = 'shared'\n\
             [failure.gone]\nfault = 'outage'\n\
             at = '5m'\nlasts = '{lasts}'\nin-service = 'resumed'\n[health]\n\
             known-at-once = true\n[run]\nduration = '10m'\n"
        )
    };
    let told = |lasts: &str| {
        let advice = run(&text(lasts)).advice;
        advice.into_iter().find(|words| words.starts_with("a backlog was left"))
    };
    // Three hundred requests of half a second wait when traffic ends.
    let words = told("5m").expect("two and a half minutes of work");
    assert!(words.contains("2m 30s") && words.contains("server-hours"), "{words}");
    assert_eq!(told("1m"), None, "cleared long before the end");
}

#[test]
fn a_forecast_handed_to_an_hpa_is_a_sample_of_pods_that_are_young() {
    let text = "[traffic.a]\nservice = 'constant:value=1s'\n[traffic.a.arrivals]\n\
                process = 'profile'\npoints = [['0m', '2/s'], ['10m', '2/s'], ['10m1s', '4/s'], \
                ['12m', '4/s'], ['12m1s', '8/s'], ['20m', '8/s']]\n\
                [pool.m]\nservers = 4\nstartup = 'constant:value=15s'\n[pool.m.autoscaler]\n\
                policy = 'predictive'\nforecaster = 'naive'\nquantile = 0.5\nreactive = false\n\
                then = { policy = 'hpa', target = 0.5, max-replicas = 60 }\nmax = 60\n\
                [balancer]\nqueue = 'shared'\n[run]\nduration = '20m'\nwarm-up = 'none'\n";
    let outcome = run(text);
    let soon = outcome.autoscaling[0]
        .decisions
        .iter()
        .filter(|it| (720.0..=840.0).contains(&it.at_s) && it.proposed >= 14);
    // Most pods have been there for two minutes; none of them counts as unready for that.
    assert!(soon.count() > 0, "{:?}", outcome.autoscaling[0].decisions);
}

#[test]
fn servers_that_were_out_are_not_called_idle_or_hot() {
    let text = "[traffic.main]\narrivals = 'poisson:rate=18/s'\n\
                service = 'exponential:mean=100ms'\n[pool.main]\nservers = 3\n\
                [failure.gone]\nfault = 'outage'\nservers = [1, 2]\nat = '10s'\n\
                [health]\nknown-at-once = true\n[run]\nduration = '10m'\n";
    let advice = run(text).advice.join("\n");
    assert!(!advice.contains("hot keys") && !advice.contains("nothing to do"), "{advice}");
}
