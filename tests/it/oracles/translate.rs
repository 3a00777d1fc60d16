//! From a model and its parameters to a scenario, as a user would write it.
//!
//! Times are taken as seconds. A model that no scenario can express yet is refused with the reason.

use plimsoll::time::Duration;

use super::laws;
use super::tables::Case;

/// A scenario without its `[run]`, and how it has to be run.
#[derive(Clone, Debug)]
pub(super) struct Experiment {
    text: String,
    pub(super) shape: Shape,
    /// Arrivals a second.
    pub(super) rate: f64,
    /// The work of simulating a request, compared with the usual.
    pub(super) toil: f64,
    /// The width of the windows in which arrivals are counted.
    pub(super) window: Option<Duration>,
    /// Whether the number that arrivals find is wanted.
    pub(super) census: bool,
}

/// What is estimated.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// The steady state; a disturbance fades within `relaxation` seconds.
    Steady { relaxation: f64 },
    /// The state so many seconds after an empty start.
    After { seconds: f64 },
}

impl Experiment {
    /// The scenario document of a run of this length.
    pub(super) fn document(&self, seed: u64, duration: Duration) -> String {
        format!("seed = {seed}\n{}\n[run]\nduration = \"{}ns\"\n", self.text, duration.0)
    }
}

/// Everything that the models have in common, before it is written down.
struct Draft {
    arrivals: String,
    service: String,
    /// More lines of the class of traffic.
    more: String,
    rate: f64,
    pools: String,
    balancer: String,
    relaxation: f64,
}

impl Draft {
    fn done(self) -> Experiment {
        let Self { arrivals, service, more, rate, pools, balancer, relaxation } = self;
        let text = format!(
            "[traffic.main]\narrivals = {arrivals}\nservice = {service}\n{more}\n{pools}{balancer}"
        );
        let shape = Shape::Steady { relaxation };
        Experiment { text, shape, rate, toil: 1.0, window: None, census: false }
    }
}

/// The scenario of a case, or why there is none.
pub(super) fn translate(case: &Case) -> Result<Experiment, String> {
    let model = case.model.as_str();
    match model {
        "M/M/1" | "M/M/c" => markov(case).map(Draft::done),
        "M/M/c/K" => finite(case),
        "M/G/1 FCFS" | "M/PH/c FCFS" | "M/D/c FCFS" | "M/G/c FCFS" => general(case),
        "M/G/1-PS" => sharing(case),
        "G/M/1 FCFS" | "G/M/c FCFS" => renewal(case),
        "MMPP(2)/M/c FCFS" => bursty(case),
        "M/M/c+M (Erlang A)" | "M/M/c+D (fixed patience in queue)" => impatient(case),
        "M/M/1 SJF non-preemptive" => shortest_first(case),
        "M/M/c 2-class non-preemptive priority" => classes(case),
        "M/M/inf (= M/G/inf)" | "M/M/inf transient from empty" => unlimited(case),
        "M_t/M/inf periodic" => periodic(case),
        "M/M/c transient from empty" => transient(case),
        "N parallel FCFS queues" => parallel(case),
        "heterogeneous parallel FCFS queues" => uneven(case),
        "M/M/2 central queue, heterogeneous, fastest idle first" => central(case),
        "closed system M/M/c//N (think time)" => closed(case),
        "M/M/c with breakdowns" => broken(case),
        "M/M/1/1 retrial" => retrial(case),
        "redundancy-d, i.i.d. exp copies, cancel on completion" => redundant(case),
        "MMPP(2) arrivals" | "Hawkes exp kernel" => arrivals_alone(case),
        _ => Err(why_not(model).to_owned()),
    }
}

/// Why a model is not expressed.
fn why_not(model: &str) -> &'static str {
    let is = |words: &[&str]| words.iter().any(|word| model.contains(word));
    if is(&["SRPT"]) {
        "no discipline preempts by what remains"
    } else if is(&["bulk service", "batching"]) {
        "no discipline serves batches"
    } else if is(&["setup", "delayedoff", "autoscaler", "keep-alive"]) {
        "servers that come and go by the model's rule are not simulated here"
    } else if is(&["fork-join", "tandem"]) {
        "a request is not made of parts"
    } else if is(&["time-average", "minimal servers", "staffing"]) {
        "a property of an estimator or a plan, not of a run"
    } else if is(&["quantile", "KS", "MLE", "AIC", "EM ", "MSER", "DDSketch", "Rinott", "Dunnett"])
        || is(&["ranking", "coverage"])
    {
        "statistics, tested with the room `stats`"
    } else {
        "a model that is not known here"
    }
}

/// The time in which a queue forgets a disturbance, in mean service times: that of M/M/c scaled by
/// the variability of arrivals and services, and the rest of a service.
fn relaxation(rho: f64, servers: f64, arrival_scv: f64, service_scv: f64) -> f64 {
    let queue = 1.0 / (servers * (1.0 - rho.min(0.9999).sqrt()).powi(2));
    0.5 * (1.0 + service_scv) + 0.5 * (arrival_scv + service_scv) * queue
}

fn poisson(rate: f64) -> String {
    format!("{{ process = \"poisson\", rate = \"{rate}/s\" }}")
}

/// One queue before `servers` equal slots, written in one of the two ways there are: one server of
/// many slots, or many servers that share a queue.
fn one_queue(servers: u32) -> (String, String) {
    if servers > 1 && servers <= 20 && servers.is_multiple_of(2) {
        let pools = format!("[pool.main]\nservers = {servers}\n");
        return (pools, "[balancer]\npolicy = \"random\"\nqueue = \"shared\"\n".to_owned());
    }
    (format!("[pool.main]\nslots = {servers}\n"), String::new())
}

fn markov(case: &Case) -> Result<Draft, String> {
    let (rate, mu, servers) = (case.number("lambda")?, case.number("mu")?, case.whole("c")?);
    let (pools, balancer) = one_queue(servers);
    let servers = f64::from(servers);
    Ok(Draft {
        arrivals: poisson(rate),
        service: laws::exponential(1.0 / mu),
        more: String::new(),
        rate,
        pools,
        balancer,
        relaxation: relaxation(rate / mu / servers, servers, 1.0, 1.0) / mu,
    })
}

fn finite(case: &Case) -> Result<Experiment, String> {
    let servers = case.whole("c")?;
    let room = case.whole("K")?.checked_sub(servers).ok_or("K is below c")?;
    let mut draft = markov(case)?;
    draft.pools = format!("[pool.main]\nslots = {servers}\nqueue-limit = {room}\n");
    draft.balancer = String::new();
    // A walk between the walls forgets its start about when it has met both of them.
    let walls = f64::from(room + 1).powi(2) / f64::from(servers) + 2.0;
    draft.relaxation = draft.relaxation.min(walls / case.number("mu")?);
    Ok(draft.done())
}

fn general(case: &Case) -> Result<Experiment, String> {
    let rate = case.number("lambda")?;
    let servers = case.whole("c").unwrap_or(1);
    let deterministic = case.model == "M/D/c FCFS";
    let (service, scv) =
        if deterministic { (laws::constant(case.number("D")?), 0.0) } else { laws::service(case)? };
    let (pools, balancer) = one_queue(servers);
    let relaxation = relaxation(case.number("rho")?, f64::from(servers), 1.0, scv);
    let arrivals = poisson(rate);
    let more = String::new();
    Ok(Draft { arrivals, service, more, rate, pools, balancer, relaxation }.done())
}

fn sharing(case: &Case) -> Result<Experiment, String> {
    let rate = case.number("lambda")?;
    let (service, scv) = laws::service(case)?;
    let draft = Draft {
        arrivals: poisson(rate),
        service,
        more: String::new(),
        rate,
        pools: "[pool.main]\ndiscipline = \"processor-sharing\"\n".to_owned(),
        balancer: String::new(),
        relaxation: relaxation(case.number("rho")?, 1.0, 1.0, scv),
    };
    Ok(Experiment { toil: 4.0, ..draft.done() })
}

fn renewal(case: &Case) -> Result<Experiment, String> {
    let (rate, mu) = (case.number("lambda")?, case.number("mu")?);
    let servers = case.whole("c").unwrap_or(1);
    let (gap, scv) = laws::named(case.word("arrivals"), 1.0 / rate)?;
    let (pools, balancer) = one_queue(servers);
    let servers = f64::from(servers);
    let draft = Draft {
        arrivals: format!("{{ process = \"renewal\", gap = {gap} }}"),
        service: laws::exponential(1.0 / mu),
        more: String::new(),
        rate,
        pools,
        balancer,
        relaxation: relaxation(rate / mu / servers, servers, scv, 1.0) / mu,
    };
    Ok(draft.done())
}

/// The two rates and the switching of an MMPP, with the index of dispersion of its counts.
fn mmpp(case: &Case) -> Result<(String, f64, f64), String> {
    let [a, b, r, s] =
        [case.number("rate1")?, case.number("rate2")?, case.number("r12")?, case.number("r21")?];
    let mean = (a * s + b * r) / (r + s);
    let dispersion = 1.0 + 2.0 * (a - b).powi(2) * r * s / ((r + s).powi(3) * mean);
    let text = format!(
        "{{ process = \"mmpp\", rates = [\"{a}/s\", \"{b}/s\"], \
         switching = [\"{r}/s\", \"{s}/s\"] }}"
    );
    Ok((text, dispersion, 1.0 / (r + s)))
}

fn bursty(case: &Case) -> Result<Experiment, String> {
    let (arrivals, dispersion, memory) = mmpp(case)?;
    let mut draft = markov(case)?;
    let (servers, mu) = (case.number("c")?, case.number("mu")?);
    let queue = relaxation(draft.rate / mu / servers, servers, dispersion, 1.0);
    draft.relaxation = queue / mu + memory;
    draft.arrivals = arrivals;
    Ok(draft.done())
}

fn impatient(case: &Case) -> Result<Experiment, String> {
    let mut draft = markov(case)?;
    let (law, patience) = match case.number("theta") {
        Ok(theta) => (laws::exponential(1.0 / theta), 1.0 / theta),
        Err(_) => (laws::constant(case.number("timeout")?), case.number("timeout")?),
    };
    draft.more = format!("patience = {law}");
    // Whoever waits leaves within the patience, so nothing lasts longer than a few of them.
    draft.relaxation = 2.0 / case.number("mu")? + patience;
    Ok(draft.done())
}

/// Servers that fail and are repaired, each at its own times; what was in service goes on at the
/// next server that is free. Balancers know at once.
fn broken(case: &Case) -> Result<Experiment, String> {
    let servers = case.whole("c")?;
    let (fail, repair) = (case.number("fail_rate")?, case.number("repair_rate")?);
    let mut draft = markov(case)?;
    draft.pools = format!("[pool.main]\nservers = {servers}\n");
    let law = |rate: f64| laws::exponential(1.0 / rate);
    draft.balancer = format!(
        "[balancer]\npolicy = \"random\"\nqueue = \"shared\"\n[health]\nknown-at-once = true\n\
         [failure.breakdown]\nfault = \"outage\"\nin-service = \"resumed\"\nup = {}\ndown = {}\n",
        law(fail),
        law(repair)
    );
    // The queue forgets more slowly than one whose servers never fail: it has less to spare, and
    // grows for as long as a repair lasts.
    let (rate, mu) = (case.number("lambda")?, case.number("mu")?);
    let up = repair / (fail + repair);
    let servers = f64::from(servers);
    let scv = 1.0 + 2.0 * mu * fail / (fail + repair).powi(2);
    draft.relaxation =
        relaxation(rate / mu / servers / up, servers, 1.0, scv) / mu + 2.0 / (fail + repair);
    Ok(Experiment { toil: 2.0, census: true, ..draft.done() })
}

/// Who finds the server busy comes back after an exponential time, again and again.
fn retrial(case: &Case) -> Result<Experiment, String> {
    let mut draft = one_server(case)?;
    let pause = laws::exponential(1.0 / case.number("retry_rate")?);
    draft.pools = "[pool.main]\nqueue-limit = 0\n".to_owned();
    draft.balancer = format!(
        "[retry]\nattempts = \"unlimited\"\nelsewhere = false\n\
         backoff = {{ form = \"drawn\", law = {pause} }}\n"
    );
    // An orbit is a queue whose server waits for the next to come back.
    let rho = case.number("lambda")? / case.number("mu")?;
    let slower = 1.0 + case.number("mu")? / case.number("retry_rate")?;
    draft.relaxation *= slower;
    Ok(Experiment { toil: 2.0 + slower / (1.0 - rho), ..draft.done() })
}

/// Copies with demands of their own at servers drawn at random, taken back when one is done.
fn redundant(case: &Case) -> Result<Experiment, String> {
    let (servers, copies) = (case.whole("k")?, case.whole("d")?);
    let rate = case.number("lambda_per_server")? * f64::from(servers);
    let mu = case.number("mu")?;
    Ok(Draft {
        arrivals: poisson(rate),
        service: laws::exponential(1.0 / mu),
        more: String::new(),
        rate,
        pools: format!("[pool.main]\nservers = {servers}\n"),
        balancer: format!(
            "[balancer]\npolicy = \"random\"\n[hedge]\ndelay = \"0s\"\ncopies = {copies}\n\
             demand = \"own\"\n"
        ),
        relaxation: relaxation(rate / mu / f64::from(servers), f64::from(servers), 1.0, 1.0) / mu,
    }
    .done())
}

fn shortest_first(case: &Case) -> Result<Experiment, String> {
    let pools = "[pool.main]\ndiscipline = \"shortest-first\"\n".to_owned();
    Ok(Draft { pools, ..one_server(case)? }.done())
}

/// M/M/1 of parameters that do not say `c`.
fn one_server(case: &Case) -> Result<Draft, String> {
    let mut one = case.clone();
    one.params["c"] = 1.into();
    markov(&one)
}

fn classes(case: &Case) -> Result<Experiment, String> {
    let (high, low) = (case.number("lambda_high")?, case.number("lambda_low")?);
    let (mu, servers) = (case.number("mu")?, case.whole("c")?);
    let service = laws::exponential(1.0 / mu);
    let class = |name: &str, rate: f64, priority: u32| {
        let arrivals = poisson(rate);
        format!(
            "[traffic.{name}]\narrivals = {arrivals}\nservice = {service}\npriority = {priority}\n"
        )
    };
    let pool = format!("[pool.main]\nslots = {servers}\ndiscipline = \"priority\"\n");
    let rate = high + low;
    let servers = f64::from(servers);
    let relaxation = relaxation(rate / mu / servers, servers, 1.0, 1.0) / mu;
    Ok(Experiment {
        text: class("high", high, 1) + &class("low", low, 0) + &pool,
        shape: Shape::Steady { relaxation },
        rate,
        toil: 1.0,
        window: None,
        census: false,
    })
}

/// More slots than are ever busy: beyond the mean by over twenty standard deviations.
fn enough(mean: f64) -> u32 {
    (mean + 20.0 * mean.sqrt() + 50.0) as u32
}

fn unlimited(case: &Case) -> Result<Experiment, String> {
    let mut many = case.clone();
    many.params["c"] = enough(case.number("lambda")? / case.number("mu")?).into();
    let mut experiment = markov(&many)?.done();
    match case.number("t") {
        Ok(seconds) => experiment.shape = Shape::After { seconds },
        Err(_) => experiment.census = true,
    }
    Ok(experiment)
}

fn periodic(case: &Case) -> Result<Experiment, String> {
    let (rate, mu) = (case.number("lambda_bar")?, case.number("mu")?);
    let (swing, pace) = (case.number("rel_amplitude")?, case.number("gamma_rad_per_time")?);
    let period = std::f64::consts::TAU / pace;
    let (base, peak) = (rate * (1.0 - swing), rate * (1.0 + swing));
    // The number in system peaks this long after the rate does (Eick, Massey and Whitt 1993); by
    // then the empty start is forgotten.
    let lag = (pace / mu).atan() / pace;
    let periods = (40.0 / mu / period).ceil();
    let draft = Draft {
        arrivals: format!(
            "{{ process = \"diurnal\", base = \"{base}/s\", peak = \"{peak}/s\", \
             period = {}, peak-at = \"0s\" }}",
            laws::span(period)
        ),
        service: laws::exponential(1.0 / mu),
        more: String::new(),
        rate,
        pools: format!("[pool.main]\nslots = {}\n", enough(2.0 * rate / mu)),
        balancer: String::new(),
        relaxation: 1.0 / mu,
    };
    let shape = Shape::After { seconds: periods * period + lag };
    Ok(Experiment { shape, ..draft.done() })
}

fn transient(case: &Case) -> Result<Experiment, String> {
    if !matches!(case.word("start"), "" | "empty") {
        return Err("a run starts empty".to_owned());
    }
    Ok(Experiment { shape: Shape::After { seconds: case.number("t")? }, ..markov(case)?.done() })
}

fn parallel(case: &Case) -> Result<Experiment, String> {
    let (servers, rate, mu) = (case.whole("N")?, case.number("lambda_total")?, case.number("mu")?);
    let choice = match case.word("policy") {
        "random" => "policy = \"random\"".to_owned(),
        "round_robin" => "policy = \"round-robin\"".to_owned(),
        "jsq" => "policy = \"join-shortest-queue\"".to_owned(),
        "jiq" if case.word("fallback").contains("random") => {
            "policy = \"join-idle-queue\"".to_owned()
        }
        "power_of_d" => {
            let replacement = case.word("sampling") == "with_replacement";
            let choices = case.whole("d")?;
            format!(
                "policy = \"power-of-choices\"\nchoices = {choices}\nreplacement = {replacement}"
            )
        }
        other => return Err(format!("the policy `{other}` is not known here")),
    };
    let rho = rate / mu / f64::from(servers);
    // Servers that share what comes relax together; those that do not, each on its own.
    let together = if case.word("policy") == "jsq" { f64::from(servers) } else { 1.0 };
    let draft = Draft {
        arrivals: poisson(rate),
        service: laws::exponential(1.0 / mu),
        more: String::new(),
        rate,
        pools: format!("[pool.main]\nservers = {servers}\n"),
        balancer: format!("[balancer]\n{choice}\n"),
        relaxation: relaxation(rho, together, 1.0, 1.0) / mu,
    };
    Ok(draft.done())
}

/// Servers of the speeds `mus`, each a pool of its own and of weight 1, or of weights in
/// proportion.
fn servers_of(case: &Case, weighted: bool) -> Result<(Vec<f64>, String), String> {
    let mus: Vec<f64> = case.params["mus"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(serde_json::Value::as_f64)
        .collect();
    let slowest = mus.iter().copied().fold(f64::INFINITY, f64::min);
    let mut pools = String::new();
    for (number, mu) in mus.iter().enumerate() {
        let weight = if weighted { mu / slowest } else { 1.0 };
        if weight.fract() != 0.0 {
            return Err(format!("weights are whole numbers: {case}"));
        }
        pools += &format!("[pool.s{number}]\nspeed = {mu}\nweight = {weight}\n");
    }
    if mus.is_empty() { Err(format!("`mus` are no numbers in {case}")) } else { Ok((mus, pools)) }
}

fn uneven(case: &Case) -> Result<Experiment, String> {
    let name = case.word("policy").split(' ').next().unwrap_or("");
    let (mus, pools) = servers_of(case, name == "weighted_least_connections")?;
    let rate = case.number("lambda_total")?;
    // Where servers are listed from the fastest on, the first of equals is the fastest.
    let descending = mus.is_sorted_by(|a, b| a >= b);
    let first = match case.word("ties") {
        "index" => true,
        "fastest" if descending => true,
        "random" => false,
        ties => return Err(format!("ties to the {ties} of {mus:?}")),
    };
    let choice = match (name, first) {
        ("least_connections", false) => "policy = \"least-connections\"",
        ("least_connections" | "weighted_least_connections", true) => {
            "policy = \"least-connections\"\nties = \"first\""
        }
        ("shortest_expected_delay", true) => {
            "policy = \"shortest-expected-delay\"\nrate = \"capacity\""
        }
        (name, _) => return Err(format!("the policy `{name}` is not known here")),
    };
    let draft = Draft {
        arrivals: poisson(rate),
        service: laws::exponential(1.0),
        more: String::new(),
        rate,
        pools,
        balancer: format!("[balancer]\n{choice}\n"),
        relaxation: relaxation(case.number("rho")?, 1.0, 1.0, 1.0),
    };
    Ok(draft.done())
}

fn central(case: &Case) -> Result<Experiment, String> {
    let (mus, pools) = servers_of(case, false)?;
    if !mus.is_sorted_by(|a, b| a >= b) {
        return Err("servers are not listed from the fastest on".to_owned());
    }
    let rate = case.number("lambda")?;
    let draft = Draft {
        arrivals: poisson(rate),
        service: laws::exponential(1.0),
        more: String::new(),
        rate,
        pools,
        balancer: "[balancer]\npolicy = \"first\"\nqueue = \"shared\"\n".to_owned(),
        relaxation: relaxation(case.number("rho")?, 1.0, 1.0, 1.0),
    };
    Ok(draft.done())
}

fn closed(case: &Case) -> Result<Experiment, String> {
    let (clients, think) = (case.whole("clients")?, case.number("think_time_mean")?);
    let (servers, mu) = (case.whole("c")?, case.number("mu")?);
    let most = (f64::from(servers) * mu).min(f64::from(clients) / (think + 1.0 / mu));
    let text = format!(
        "[traffic.main]\nclosed-loop = {{ clients = {clients}, think = {} }}\nservice = {}\n\
         [pool.main]\nslots = {servers}\n",
        laws::exponential(think),
        laws::exponential(1.0 / mu)
    );
    let shape = Shape::Steady { relaxation: 2.0 * think + 2.0 / mu };
    Ok(Experiment { text, shape, rate: most, toil: 1.0, window: None, census: false })
}

fn arrivals_alone(case: &Case) -> Result<Experiment, String> {
    let (arrivals, rate, memory) = if case.model == "Hawkes exp kernel" {
        let (baseline, branching) = (case.number("baseline")?, case.number("branching")?);
        let decay = 1.0 / case.number("beta")?;
        let text = format!(
            "{{ process = \"hawkes\", baseline = \"{baseline}/s\", branching = {branching}, \
             decay = {} }}",
            laws::span(decay)
        );
        (text, baseline / (1.0 - branching), decay / (1.0 - branching))
    } else {
        let (text, _, memory) = mmpp(case)?;
        (text, case.number("mean_rate")?, memory)
    };
    let window = case.number("t").unwrap_or(1.0);
    let draft = Draft {
        arrivals,
        service: laws::constant(0.0),
        more: String::new(),
        rate,
        pools: "[pool.main]\n".to_owned(),
        balancer: String::new(),
        relaxation: memory + window,
    };
    Ok(Experiment { window: Some(Duration::from_secs_f64(window)), ..draft.done() })
}
