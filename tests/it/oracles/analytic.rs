//! From (model, parameters, metric) of `oracles/analytic.json` to the closed form that answers.

use plimsoll::theory::*;
use serde_json::Value;

/// A model at its parameters: asked for a metric, it answers with a value if it has one.
pub type Solved = Box<dyn Fn(&str) -> Option<f64>>;

/// The closed form of an entry's model at its parameters, if theory has one.
pub fn solve(model: &str, params: &Value) -> Option<Solved> {
    let p = Params(params);
    match model {
        "M/M/1" | "M/M/c" => Some(mmc(&p)),
        "M/M/c/K" => Some(mmck(&p)),
        "M/M/inf (= M/G/inf)" | "M/M/inf transient from empty" => Some(mminf(&p)),
        "M_t/M/inf periodic" => Some(periodic(&p)),
        "M/G/1 FCFS" => mg1(&p),
        "M/D/c FCFS" => Some(mdc(&p)),
        "M/G/1-PS" => Some(mg1ps(&p)),
        "M/M/c+M (Erlang A)" => Some(erlang_a(&p)),
        "M/M/c+D (fixed patience in queue)" => Some(fixed_patience(&p)),
        "G/M/1 FCFS" | "G/M/c FCFS" => gmc(&p),
        "MMPP(2) arrivals" => Some(mmpp(&p)),
        "MMPP(2)/M/c FCFS" => Some(mmpp_mc(&p)),
        "Hawkes exp kernel" => Some(hawkes(&p)),
        "closed system M/M/c//N (think time)" => Some(closed(&p)),
        "M/D/c" | "M/G/c" => Some(approximations(&p)),
        "M/M/c minimal servers" => Some(minimal(&p)),
        "Erlang A minimal servers" => Some(minimal_with_abandonment(&p)),
        "square-root staffing (Halfin-Whitt)" => Some(square_root(&p)),
        "Halfin-Whitt delay function" => {
            let beta = p.number("beta");
            only("p_wait_limit", halfin_whitt(beta))
        }
        "M/PH/c FCFS" => mphc(&p),
        "M/M/c time-average number in system" => Some(run_length(&p)),
        "M/M/c transient from empty" => Some(transient(&p)),
        "M/M^[1,b]/1 bulk service" => Some(bulk(&p)),
        "M/D^[1,b]/1 bulk service" => Some(batching(&p, p.number("D"), 0.0, "b")),
        "dynamic batching, linear deterministic batch time" => {
            Some(batching(&p, p.number("tau0"), p.number("alpha"), "b_max"))
        }
        "continuous batching (state-dependent M/M/1, cap B)" => Some(continuous(&p)),
        "N parallel FCFS queues" => parallel(&p),
        "power-of-d mean-field" => Some(power_of_choices(&p)),
        "heterogeneous parallel FCFS queues" => two_servers(&p),
        "M/M/2 central queue, heterogeneous, fastest idle first" => {
            let rates = p.list("mus").try_into().ok()?;
            only("w", fastest_first(p.lambda(), rates).expect("a stable entry"))
        }
        "M/M/c/setup" | "M/M/c/delayedoff" => setup_pool(&p),
        "M/M/c with breakdowns" => Some(broken(&p)),
        "threshold autoscaler CTMC" => Some(threshold(&p)),
        "serverless keep-alive" => Some(kept_alive(&p)),
        "M/M/1 SJF non-preemptive" => {
            let wait = shortest_first_wait(p.lambda(), p.mu()).expect("a stable entry");
            Some(measures(vec![("wq", wait), ("w", wait + 1.0 / p.mu())], None, None))
        }
        "M/M/1 SRPT" => {
            only("w", shortest_remaining_latency(p.lambda(), p.mu()).expect("a stable entry"))
        }
        "M/M/c 2-class non-preemptive priority" => {
            let rates = [p.number("lambda_high"), p.number("lambda_low")];
            let waits = priority_waits(&rates, p.mu(), p.servers()).expect("a stable entry");
            Some(measures(vec![("wq_high", waits[0]), ("wq_low", waits[1])], None, None))
        }
        "tandem M/M/c -> M/M/c (Jackson/Burke)" => {
            let stages = [(p.number("mu1"), p.count("c1")), (p.number("mu2"), p.count("c2"))];
            only("w", tandem_latency(p.lambda(), &stages).expect("a stable entry"))
        }
        "fork-join, 2 exp servers FCFS" => {
            only("w", fork_join_latency(p.lambda(), p.mu()).expect("a stable entry"))
        }
        "redundancy-d, i.i.d. exp copies, cancel on completion" => {
            let (servers, copies) = (p.count("k"), p.count("d"));
            let rate = p.number("lambda_per_server") * f64::from(servers);
            let latency = redundancy_latency(rate, p.mu(), servers, copies);
            only("w", latency.expect("a stable entry"))
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

/// The parameters of an entry, read by name.
struct Params<'a>(&'a Value);

impl Params<'_> {
    fn maybe(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64()
    }

    fn number(&self, name: &str) -> f64 {
        self.maybe(name).unwrap_or_else(|| panic!("no number {name} in {}", self.0))
    }

    fn count(&self, name: &str) -> u32 {
        self.number(name) as u32
    }

    fn servers(&self) -> u32 {
        self.maybe("c").map_or(1, |c| c as u32)
    }

    fn mu(&self) -> f64 {
        self.maybe("mu").unwrap_or(1.0)
    }

    fn lambda(&self) -> f64 {
        self.number("lambda")
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or("")
    }

    fn list(&self, name: &str) -> Vec<f64> {
        let values = self.0.get(name).and_then(Value::as_array);
        values.into_iter().flatten().filter_map(Value::as_f64).collect()
    }

    /// A law by its name (`erlang4`, `h2_scv2`, …) and parameters, of mean 1 unless they say.
    fn law(&self, name: &str) -> Option<Distribution> {
        let kind = self.text(name);
        let of = self.0.get(format!("{name}_params")).unwrap_or(&Value::Null);
        let of = Params(of);
        let suffix = |prefix: &str| kind.strip_prefix(prefix)?.parse::<f64>().ok();
        Some(if kind == "deterministic" {
            Distribution::Deterministic { value: 1.0 }
        } else if kind.starts_with("exp") || kind == "poisson" {
            Distribution::exponential(1.0)
        } else if let Some(k) = suffix("erlang") {
            Distribution::Erlang { k: k as u32, rate: k }
        } else if kind.starts_with("h2") && of.maybe("p").is_some() {
            let (rate1, rate2) = (of.number("rate1"), of.number("rate2"));
            Distribution::Hyperexponential { p: of.number("p"), rate1, rate2 }
        } else if let Some(scv) = suffix("h2_scv") {
            Distribution::balanced(1.0, scv)
        } else if let Some(scv) = suffix("lognormal_scv") {
            let variance = scv.ln_1p();
            Distribution::Lognormal { mu: -0.5 * variance, sigma: variance.sqrt() }
        } else if kind.starts_with("weibull") {
            Distribution::Weibull { shape: of.number("shape"), scale: of.number("scale") }
        } else if let Some(shape) = suffix("gamma_k") {
            Distribution::Gamma { shape, rate: shape }
        } else if kind.starts_with("pareto") {
            Distribution::Pareto { alpha: of.number("alpha"), low: of.number("xm") }
        } else if kind.starts_with("bounded_pareto") {
            let (low, high) = (of.number("low"), of.number("high"));
            Distribution::BoundedPareto { alpha: of.number("alpha"), low, high }
        } else if kind == "uniform_0_2" {
            Distribution::Uniform { low: 0.0, high: 2.0 }
        } else if of.0.get("values").is_some() {
            Distribution::Discrete(of.list("values").into_iter().zip(of.list("probs")).collect())
        } else {
            return None;
        })
    }
}

/// The probability in `wq_p999` behind the prefix `wq_p`.
fn quantile_of(metric: &str, prefix: &str) -> Option<f64> {
    let digits = metric.strip_prefix(prefix)?;
    digits.chars().all(|c| c.is_ascii_digit()).then(|| format!("0.{digits}").parse().ok())?
}

fn only(name: &'static str, value: f64) -> Option<Solved> {
    Some(Box::new(move |metric| (metric == name).then_some(value)))
}

/// Looks a metric up among named values, and quantiles of the wait and the latency.
fn measures(
    values: Vec<(&'static str, f64)>,
    wait: Option<Box<dyn Delay>>,
    latency: Option<Box<dyn Delay>>,
) -> Solved {
    Box::new(move |metric| {
        let named = values.iter().find(|(name, _)| *name == metric).map(|(_, value)| *value);
        let quantile = |prefix, law: &Option<Box<dyn Delay>>| {
            Some(law.as_ref()?.quantile(quantile_of(metric, prefix)?))
        };
        named.or_else(|| quantile("wq_p", &wait)).or_else(|| quantile("w_p", &latency))
    })
}

fn mmc(p: &Params<'_>) -> Solved {
    let queue = Mmc::new(p.lambda(), p.mu(), p.servers()).expect("a stable entry");
    let values = vec![
        ("p_wait", queue.wait_probability()),
        ("wq", queue.wait().mean()),
        ("w", queue.latency().mean()),
        ("lq", queue.queue_mean()),
        ("l", queue.in_system_mean()),
    ];
    measures(values, Some(Box::new(queue.wait())), Some(Box::new(queue.latency())))
}

fn mmck(p: &Params<'_>) -> Solved {
    let queue = Mmck::new(p.lambda(), p.mu(), p.servers(), p.count("K")).expect("K >= c");
    let values = vec![
        ("p_block", queue.blocking_probability()),
        ("l", queue.in_system_mean()),
        ("lq", queue.queue_mean()),
        ("throughput", queue.throughput()),
        ("w", queue.latency_mean()),
        ("wq", queue.wait().mean()),
        ("p_wait_accepted", queue.wait().tail(0.0)),
    ];
    measures(values, Some(Box::new(queue.wait())), Some(Box::new(queue.latency())))
}

fn mminf(p: &Params<'_>) -> Solved {
    let (load, mu, t) = (p.lambda() / p.mu(), p.mu(), p.maybe("t"));
    Box::new(move |metric| {
        let system = MGInf::new(load);
        match metric {
            "l" | "var_n" => Some(load),
            "mean_n_at_t" => Some(system.mean_after_empty(mu, t?)),
            _ => Some(system.quantile(quantile_of(metric, "n_p")?) as f64),
        }
    })
}

fn periodic(p: &Params<'_>) -> Solved {
    let system = PeriodicMInf {
        mean_rate: p.number("lambda_bar"),
        amplitude: p.number("rel_amplitude"),
        frequency: p.number("gamma_rad_per_time"),
        service_rate: p.mu(),
    };
    measures(vec![("peak_mean_n", system.peak()), ("lag_of_peak", system.lag())], None, None)
}

fn mg1(p: &Params<'_>) -> Option<Solved> {
    let service = p.law("service")?;
    let mean = service.mean();
    let queue = Mg1::new(p.lambda(), service).expect("a stable entry");
    let values = vec![
        ("wq", queue.wait_mean()),
        ("w", queue.wait_mean() + mean),
        ("lq", queue.queue_mean()),
        ("l", queue.queue_mean() + queue.utilization()),
        ("var_wq", queue.wait_variance()),
        ("p_wait", queue.utilization()),
    ];
    Some(measures(values, Some(queue.wait()), Some(queue.latency())))
}

fn mdc(p: &Params<'_>) -> Solved {
    let service = p.number("D");
    let queue = Mdc::new(p.lambda(), service, p.servers()).expect("a stable entry");
    let values = vec![
        ("wq", queue.mean()),
        ("p_wait", queue.wait_probability()),
        ("w", queue.mean() + service),
        ("lq", queue.queue_mean()),
        ("l", queue.queue_mean() + p.lambda() * service),
    ];
    measures(values, Some(Box::new(queue)), None)
}

fn mg1ps(p: &Params<'_>) -> Solved {
    let queue = Mg1Ps::new(p.lambda(), 1.0).expect("a stable entry");
    let (latency, lambda) = (queue.latency_mean(1.0), p.lambda());
    measures(vec![("w", latency), ("l", lambda * latency)], None, None)
}

fn erlang_a(p: &Params<'_>) -> Solved {
    let queue = ErlangA::new(p.lambda(), p.mu(), p.servers(), p.number("theta"));
    Box::new(move |metric| match metric {
        "p_wait" => Some(queue.wait_probability()),
        "p_abandon" => Some(queue.abandonment_probability()),
        "wq_all" => Some(queue.mean()),
        "lq" => Some(queue.queue_mean()),
        "throughput" => Some(queue.throughput()),
        _ => Some(queue.quantile(quantile_of(metric, "queue_time_p")?)),
    })
}

fn fixed_patience(p: &Params<'_>) -> Solved {
    let queue = FixedPatience::new(p.lambda(), p.mu(), p.servers(), p.number("timeout"));
    let lambda = p.lambda();
    Box::new(move |metric| match metric {
        "p_wait" => Some(queue.wait_probability),
        "p_abandon" => Some(queue.abandonment_probability),
        "wq_all" => Some(queue.wait_mean),
        "throughput" => Some(lambda * (1.0 - queue.abandonment_probability)),
        _ => Some(queue.quantile(quantile_of(metric, "queue_time_p")?)),
    })
}

fn gmc(p: &Params<'_>) -> Option<Solved> {
    let law = p.law("arrivals")?;
    let law = law.scaled(1.0 / (p.lambda() * law.mean()));
    let queue = Gmc::new(&law, p.mu(), p.servers()).expect("a stable entry");
    let values = vec![
        ("p_wait", queue.wait().mass),
        ("wq", queue.wait().mean()),
        ("w", queue.latency().mean()),
        ("lq", queue.queue_mean()),
        ("l", p.lambda() * queue.latency().mean()),
    ];
    Some(measures(values, Some(Box::new(queue.wait())), Some(Box::new(queue.latency()))))
}

fn mmpp_of(p: &Params<'_>) -> Mmpp2 {
    Mmpp2 {
        rate1: p.number("rate1"),
        rate2: p.number("rate2"),
        r12: p.number("r12"),
        r21: p.number("r21"),
    }
}

fn mmpp(p: &Params<'_>) -> Solved {
    let arrivals = mmpp_of(p);
    let mut values = vec![
        ("mean_rate", arrivals.mean_rate()),
        ("idc_inf", arrivals.dispersion_limit()),
        ("interarrival_scv", arrivals.interarrival_scv()),
        ("interarrival_lag1_acf", arrivals.interarrival_correlation()),
    ];
    values.extend(p.maybe("t").map(|t| ("idc", arrivals.dispersion(t))));
    measures(values, None, None)
}

fn mmpp_mc(p: &Params<'_>) -> Solved {
    let queue = MmppMc::new(mmpp_of(p), p.mu(), p.servers()).expect("a stable entry");
    let values = vec![
        ("p_wait", queue.wait_probability()),
        ("wq", queue.wait_mean()),
        ("w", queue.wait_mean() + 1.0 / p.mu()),
        ("lq", queue.queue_mean()),
    ];
    let latency = queue.wait().then_exponential(p.mu());
    measures(values, Some(Box::new(queue.wait())), Some(Box::new(latency)))
}

fn hawkes(p: &Params<'_>) -> Solved {
    let process =
        Hawkes { baseline: p.number("baseline"), jump: p.number("alpha"), decay: p.number("beta") };
    let mut values =
        vec![("mean_rate", process.mean_rate()), ("idc_inf", process.dispersion_limit())];
    values.extend(p.maybe("t").map(|t| ("idc", process.dispersion(t))));
    measures(values, None, None)
}

fn closed(p: &Params<'_>) -> Solved {
    let think = p.number("think_time_mean");
    let system = Closed::new(p.count("clients"), think, p.mu(), p.servers());
    let values = vec![
        ("throughput", system.throughput()),
        ("w", system.latency_mean()),
        ("wq", system.wait().mean()),
        ("l", system.in_system_mean()),
        ("lq", system.queue_mean()),
        ("p_wait", system.wait().tail(0.0)),
    ];
    let latency = system.wait().then_exponential(p.mu());
    measures(values, Some(Box::new(system.wait())), Some(Box::new(latency)))
}

fn approximations(p: &Params<'_>) -> Solved {
    let arrival_scv = p.maybe("arrival_scv").unwrap_or(1.0);
    let service_scv = p.maybe("service_scv").unwrap_or(0.0);
    let queue = Ggc::new(p.lambda(), p.mu(), p.servers(), arrival_scv, service_scv);
    let queue = queue.expect("a stable entry");
    Box::new(move |metric| match metric {
        "wq_cosmetatos" => Some(queue.cosmetatos()),
        "wq_allen_cunneen" => Some(queue.allen_cunneen()),
        "wq_kimura" => queue.kimura().ok(),
        "wq_whitt1993" => Some(queue.whitt()),
        "wq_two_point_interpolation" => queue.two_point().ok(),
        "p_wait_as_erlang_c" => Some(queue.wait_probability()),
        _ => None,
    })
}

fn minimal(p: &Params<'_>) -> Solved {
    let limit = p.number("target_max");
    let target = match p.text("criterion") {
        "p_wait" => Target::WaitProbability(limit),
        "wq" => Target::WaitMean(limit),
        "w" => Target::LatencyMean(limit),
        "p_wq_gt_t" => Target::WaitTail { t: p.number("t"), share: limit },
        "p_w_gt_t" => Target::LatencyTail { t: p.number("t"), share: limit },
        "wq_quantile" => Target::WaitQuantile { p: p.number("quantile"), t: limit },
        "w_quantile" => Target::LatencyQuantile { p: p.number("quantile"), t: limit },
        other => panic!("no target for criterion {other}"),
    };
    let (lambda, mu) = (p.lambda(), p.mu());
    let found = min_servers(lambda, mu, target).ok();
    let measure = move |servers| {
        let queue = Mmc::new(lambda, mu, servers).ok();
        queue.map_or(f64::INFINITY, |queue| target.measure(&queue))
    };
    Box::new(move |metric| match metric {
        "feasible" => Some(f64::from(u8::from(found.is_some()))),
        "min_c" => found.map(f64::from),
        "metric_at_min_c" => found.map(measure),
        "metric_at_min_c_minus_1" => found.map(|servers| measure(servers - 1)),
        _ => None,
    })
}

fn minimal_with_abandonment(p: &Params<'_>) -> Solved {
    let share = p.number("p_abandon_max");
    let found = min_servers_with_abandonment(p.lambda(), p.mu(), p.number("theta"), share);
    measures(vec![("min_c", f64::from(found.expect("some number suffices")))], None, None)
}

fn square_root(p: &Params<'_>) -> Solved {
    let beta = safety_factor(p.number("target_max"));
    let servers = square_root_staffing(p.lambda() / p.mu(), beta);
    measures(vec![("beta", beta), ("c_sqrt_staffing", f64::from(servers))], None, None)
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
