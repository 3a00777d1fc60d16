//! From (model, parameters, metric) of `oracles/analytic.json` to the closed form that answers.

use plimsoll::theory::{
    Closed, Delay, Distribution, ErlangA, FixedPatience, Ggc, Gmc, Hawkes, MGInf, Mdc, Mg1, Mg1Ps,
    Mmc, Mmck, Mmpp2, MmppMc, PeriodicMInf, Target, halfin_whitt, min_servers,
    min_servers_with_abandonment, safety_factor, square_root_staffing,
};
use serde_json::Value;

use super::systems;

/// A model at its parameters: asked for a metric, it answers with a value if it has one.
pub(crate) type Solved = Box<dyn Fn(&str) -> Option<f64>>;

/// The closed form of an entry's model at its parameters, if theory has one.
pub(crate) fn solve(model: &str, params: &Value) -> Option<Solved> {
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
        "Halfin-Whitt delay function" => Some(only("p_wait_limit", halfin_whitt(p.number("beta")))),
        _ => systems::solve(model, &p),
    }
}

/// The parameters of an entry, read by name.
pub(crate) struct Params<'a>(&'a Value);

impl Params<'_> {
    pub(crate) fn maybe(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64()
    }

    pub(crate) fn number(&self, name: &str) -> f64 {
        self.maybe(name).unwrap_or_else(|| panic!("no number {name} in {}", self.0))
    }

    pub(crate) fn count(&self, name: &str) -> u32 {
        self.number(name) as u32
    }

    pub(crate) fn servers(&self) -> u32 {
        self.maybe("c").map_or(1, |c| c as u32)
    }

    pub(crate) fn mu(&self) -> f64 {
        self.maybe("mu").unwrap_or(1.0)
    }

    pub(crate) fn lambda(&self) -> f64 {
        self.number("lambda")
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or("")
    }

    pub(crate) fn list(&self, name: &str) -> Vec<f64> {
        let values = self.0.get(name).and_then(Value::as_array);
        values.into_iter().flatten().filter_map(Value::as_f64).collect()
    }

    /// A law by its name (`erlang4`, `h2_scv2`, …) and parameters, of mean 1 unless they say.
    pub(crate) fn law(&self, name: &str) -> Option<Distribution> {
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
pub(crate) fn quantile_of(metric: &str, prefix: &str) -> Option<f64> {
    let digits = metric.strip_prefix(prefix)?;
    digits.chars().all(|c| c.is_ascii_digit()).then(|| format!("0.{digits}").parse().ok())?
}

/// A model with one metric.
pub(crate) fn only(name: &'static str, value: f64) -> Solved {
    measures(vec![(name, value)], None, None)
}

/// Looks a metric up among named values, and quantiles of the wait and the latency.
pub(crate) fn measures(
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
    let queue = queue.expect("a moderate overload");
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
