//! The dispatcher's second half: systems of servers that come and go, batch, or stand in parallel.

use plimsoll::theory::{
    Batching, BulkExponential, Choice, ContinuousBatching, Delay, Mphc, PowerOfChoices, Refusal,
    SetupPolicy, ShorterOfTwo, Threshold, Tie, TwoServers, after_empty, breakdowns, fastest_first,
    fork_join_latency, in_system_variability, keep_alive, priority_waits, random_routing,
    redundancy_latency, retrial_orbit, round_robin, setup, shortest_first_wait,
    shortest_remaining_latency, tandem_latency, time_for_precision,
};

use super::analytic::{Params, Solved, measures, only, quantile_of};

/// As [`super::analytic::solve`], for the models of this file.
pub(crate) fn solve(model: &str, p: &Params<'_>) -> Option<Solved> {
    match model {
        "M/PH/c FCFS" => mphc(p),
        "M/M/c time-average number in system" => Some(run_length(p)),
        "M/M/c transient from empty" => Some(transient(p)),
        "M/M^[1,b]/1 bulk service" => Some(bulk(p)),
        "M/D^[1,b]/1 bulk service" => Some(batching(p, p.number("D"), 0.0, "b")),
        "dynamic batching, linear deterministic batch time" => {
            Some(batching(p, p.number("tau0"), p.number("alpha"), "b_max"))
        }
        "continuous batching (state-dependent M/M/1, cap B)" => Some(continuous(p)),
        "N parallel FCFS queues" => parallel(p),
        "power-of-d mean-field" => Some(power_of_choices(p)),
        "heterogeneous parallel FCFS queues" => two_servers(p),
        "M/M/c/setup" | "M/M/c/delayedoff" => setup_pool(p),
        "M/M/c with breakdowns" => Some(broken(p)),
        "threshold autoscaler CTMC" => Some(threshold(p)),
        "serverless keep-alive" => Some(kept_alive(p)),
        _ => small(model, p),
    }
}

/// Formulas of one line.
fn small(model: &str, p: &Params<'_>) -> Option<Solved> {
    let one = |latency: Result<f64, Refusal>| Some(only("w", latency.expect("a stable entry")));
    match model {
        "M/M/2 central queue, heterogeneous, fastest idle first" => {
            one(fastest_first(p.lambda(), p.list("mus").try_into().ok()?))
        }
        "M/M/1 SJF non-preemptive" => {
            let wait = shortest_first_wait(p.lambda(), p.mu()).expect("a stable entry");
            Some(measures(vec![("wq", wait), ("w", wait + 1.0 / p.mu())], None, None))
        }
        "M/M/1 SRPT" => one(shortest_remaining_latency(p.lambda(), p.mu())),
        "M/M/c 2-class non-preemptive priority" => {
            let rates = [p.number("lambda_high"), p.number("lambda_low")];
            let waits = priority_waits(&rates, p.mu(), p.servers()).expect("a stable entry");
            Some(measures(vec![("wq_high", waits[0]), ("wq_low", waits[1])], None, None))
        }
        "tandem M/M/c -> M/M/c (Jackson/Burke)" => {
            let stages = [(p.number("mu1"), p.count("c1")), (p.number("mu2"), p.count("c2"))];
            one(tandem_latency(p.lambda(), &stages))
        }
        "fork-join, 2 exp servers FCFS" => one(fork_join_latency(p.lambda(), p.mu())),
        "redundancy-d, i.i.d. exp copies, cancel on completion" => {
            let (servers, copies) = (p.count("k"), p.count("d"));
            let rate = p.number("lambda_per_server") * f64::from(servers);
            one(redundancy_latency(rate, p.mu(), servers, copies))
        }
        "M/M/1/1 retrial" => {
            let orbit = retrial_orbit(p.lambda(), p.mu(), p.number("retry_rate"));
            let busy = p.lambda() / p.mu();
            let values = vec![("l_orbit", orbit.expect("a stable entry")), ("p_busy", busy)];
            Some(measures(values, None, None))
        }
        _ => None,
    }
}

fn mphc(p: &Params<'_>) -> Option<Solved> {
    let service = p.law("service")?;
    let mean = service.mean();
    let queue = Mphc::new(p.lambda(), &service, p.servers()).ok()?;
    let values = vec![
        ("wq", queue.wait_mean()),
        ("p_wait", queue.wait_probability()),
        ("w", queue.wait_mean() + mean),
        ("lq", queue.queue_mean()),
    ];
    Some(measures(values, Some(Box::new(queue.wait())), None))
}

fn run_length(p: &Params<'_>) -> Solved {
    let (lambda, mu, c) = (p.lambda(), p.mu(), p.servers());
    let (variance, _) = in_system_variability(lambda, mu, c).expect("a stable entry");
    let time = time_for_precision(lambda, mu, c, 0.01).expect("a stable entry");
    let values =
        vec![("asymptotic_variance", variance), ("time_for_1pct_relative_halfwidth_95", time)];
    measures(values, None, None)
}

fn transient(p: &Params<'_>) -> Solved {
    let at = after_empty(p.lambda(), p.mu(), p.servers(), p.number("t")).expect("a short time");
    let values = vec![("mean_n_at_t", at.in_system_mean), ("p_all_busy_at_t", at.busy_probability)];
    measures(values, None, None)
}

fn bulk(p: &Params<'_>) -> Solved {
    let queue = BulkExponential::new(p.lambda(), p.mu(), p.count("b")).expect("a stable entry");
    let values = vec![
        ("wq", queue.wait().mean()),
        ("w", queue.latency().mean()),
        ("lq", queue.queue_mean()),
        ("p_wait", queue.wait().mass),
        ("mean_batch", queue.batch_mean()),
    ];
    measures(values, Some(Box::new(queue.wait())), Some(Box::new(queue.latency())))
}

fn batching(p: &Params<'_>, base: f64, each: f64, most: &str) -> Solved {
    let most = p.maybe(most).map(|most| most as u32);
    let queue = Batching::new(p.lambda(), base, each, most).expect("a stable entry");
    Box::new(move |metric| match metric {
        "wq" | "wq_check_integral_of_tail" => Some(queue.mean()),
        "w" => Some(queue.latency_mean()),
        "lq" => Some(queue.queue_mean()),
        "p_idle" => Some(queue.idle_probability()),
        "p_wait" | "utilization" => Some(queue.utilization()),
        "mean_batch" => Some(queue.batch_mean()),
        _ => Some(queue.wait()?.quantile(quantile_of(metric, "wq_p")?)),
    })
}

fn continuous(p: &Params<'_>) -> Solved {
    let (alone, each) = (p.number("a"), p.number("b"));
    let queue = ContinuousBatching::new(p.lambda(), alone, each, p.count("B"));
    let queue = queue.expect("a stable entry");
    let values = vec![
        ("w", queue.latency_mean()),
        ("l", queue.in_system_mean()),
        ("p_wait", queue.wait().mass),
        ("wq", queue.wait().mean()),
    ];
    measures(values, Some(Box::new(queue.wait())), None)
}

fn parallel(p: &Params<'_>) -> Option<Solved> {
    let (rate, mu, servers) = (p.number("lambda_total"), p.mu(), p.count("N"));
    let all = |wait: Box<dyn Delay>, latency: Box<dyn Delay>| {
        let values = vec![("wq", wait.mean()), ("w", latency.mean()), ("p_wait", wait.tail(0.0))];
        Some(measures(values, Some(wait), Some(latency)))
    };
    match (p.text("policy"), servers) {
        ("random", _) => {
            let queue = random_routing(rate, mu, servers).expect("a stable entry");
            all(Box::new(queue.wait()), Box::new(queue.latency()))
        }
        ("round_robin", _) => {
            let queue = round_robin(rate, mu, servers).expect("a stable entry");
            all(Box::new(queue.wait()), Box::new(queue.latency()))
        }
        ("jsq", 2) => {
            let queue = ShorterOfTwo::new(rate, mu).expect("a stable entry");
            all(Box::new(queue.wait()), Box::new(queue.latency()))
        }
        _ => None,
    }
}

fn power_of_choices(p: &Params<'_>) -> Solved {
    let queue = PowerOfChoices::new(p.number("rho"), p.mu(), p.count("d")).expect("stable");
    let (wait, latency) = (queue.wait(), queue.latency());
    Box::new(move |metric| match metric {
        "w" => Some(latency.mean()),
        "wq" => Some(wait.mean()),
        "p_wait" => Some(wait.tail(0.0)),
        _ => match metric.strip_prefix("frac_servers_ge_") {
            Some(k) => Some(queue.share_at_least(k.parse().ok()?)),
            None => Some(latency.quantile(quantile_of(metric, "w_p")?)),
        },
    })
}

fn two_servers(p: &Params<'_>) -> Option<Solved> {
    let rates: [f64; 2] = p.list("mus").try_into().ok()?;
    let choice = match p.text("policy") {
        "least_connections" => Choice::Fewest,
        "shortest_expected_delay (n+1)/mu" => Choice::ShortestDelay,
        "weighted_least_connections n/mu" => Choice::FewestPerSpeed,
        _ => return None,
    };
    let tie = match p.text("ties") {
        "fastest" => Tie::Fastest,
        "index" => Tie::First,
        "random" => Tie::Random,
        _ => return None,
    };
    let queues = TwoServers::new(p.number("lambda_total"), rates, choice, tie).ok()?;
    let values = vec![
        ("w", queues.latency_mean()),
        ("p_wait", queues.wait_probability()),
        ("share_to_server_0", queues.share(0)),
        ("share_to_server_1", queues.share(1)),
        ("util_server_0", queues.utilization(0)),
        ("util_server_1", queues.utilization(1)),
    ];
    Some(measures(values, None, Some(Box::new(queues.latency()))))
}

fn setup_pool(p: &Params<'_>) -> Option<Solved> {
    let policy = match (p.text("policy"), p.maybe("idle_off_rate")) {
        (_, Some(rate)) => SetupPolicy::DelayedOff(rate),
        (text, None) if text.contains("staggered") => SetupPolicy::Staggered,
        (text, None) if text.contains("every waiting job") => SetupPolicy::All,
        _ => return None,
    };
    let pool = setup(p.lambda(), p.mu(), p.servers(), p.number("setup_rate"), policy);
    let pool = pool.expect("a stable entry");
    let values = vec![
        ("w", pool.latency_mean),
        ("wq", pool.wait_mean),
        ("e_on", pool.on),
        ("e_setup", pool.starting),
        ("e_idle", pool.idle),
        ("e_busy", pool.busy),
        ("p_wait", pool.wait_probability),
        ("power_busy1_setup1", pool.busy + pool.starting),
    ];
    Some(measures(values, None, None))
}

fn broken(p: &Params<'_>) -> Solved {
    let (fail, repair) = (p.number("fail_rate"), p.number("repair_rate"));
    let queue = breakdowns(p.lambda(), p.mu(), p.servers(), fail, repair);
    let queue = queue.expect("a stable entry");
    let values = vec![
        ("l", queue.in_system_mean),
        ("w", queue.latency_mean),
        ("p_empty", queue.empty_probability),
    ];
    measures(values, None, None)
}

fn threshold(p: &Params<'_>) -> Solved {
    let rule = Threshold {
        least: p.count("cmin"),
        most: p.count("cmax"),
        up_at: p.number("u"),
        spare: p.count("idle"),
        provision_rate: p.number("provision_rate"),
    };
    let pool = rule.solve(p.lambda(), p.mu()).expect("a stable entry");
    let values = vec![
        ("w", pool.latency_mean),
        ("wq", pool.wait_mean),
        ("e_servers", pool.servers),
        ("e_pending", pool.pending),
        ("p_wait", pool.wait_probability),
        ("scale_up_completions_per_time", pool.deliveries),
    ];
    measures(values, None, None)
}

fn kept_alive(p: &Params<'_>) -> Solved {
    let pool = keep_alive(p.lambda(), p.mu(), p.number("idle_expiry_rate"));
    let pool = pool.expect("a small load");
    let values =
        vec![("p_cold", pool.cold_probability), ("e_idle", pool.idle), ("e_busy", pool.busy)];
    measures(values, None, None)
}
