//! What a plan leaves behind: the fleet to sign for, what it was chosen from, and how sure it is.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Estimate, Kind, Objective};

/// The cheapest fleet that meets the objectives: the schema `plimsoll.plan/1`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// `plimsoll.plan/1`.
    pub schema: String,
    /// The version of the program.
    pub version: String,
    /// The scenario's name.
    pub name: String,
    /// The user's seed.
    pub seed: u64,
    /// What the simulated runs are: `terminating` or `steady-state`.
    pub kind: Kind,
    /// Whether it was stopped before its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Whether a fleet meets the plan.
    pub verdict: Answer,
    /// The answer in a sentence.
    pub answer: String,
    /// What was asked.
    pub question: Question,
    /// What the traffic is like.
    pub traffic: Offered,
    /// The fleet to sign for; null where none meets the plan.
    pub recommendation: Option<Recommendation>,
    /// Every fleet that was simulated at the load of the plan, the smaller first.
    pub candidates: Vec<Candidate>,
    /// The fleet of the recommendation at other loads, the lower first.
    pub loads: Vec<Candidate>,
    /// Requests that were simulated for all of it.
    #[serde(default)]
    pub requests: u64,
    /// What formulas say, and the bounds of what is possible.
    pub bounds: PlanBounds,
    /// The currency of prices.
    pub currency: String,
    /// The scenario with the recommended fleet and every default.
    pub scenario: serde_json::Value,
    /// What the reader should know.
    pub advice: Vec<String>,
}

/// Whether a fleet meets the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The recommendation meets it.
    Met,
    /// Nothing that is allowed meets it.
    Unmet,
    /// The budget of requests was spent before anything could be told.
    Undecided,
}

/// What was asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    /// `cheapest-fleet`, or `max-rate` of the fleet as it is.
    pub task: String,
    /// The objectives as they were written.
    pub objectives: Vec<String>,
    /// How sure the answer is, over the whole search.
    pub confidence: f64,
    /// A limit missed by less than this share of the room it leaves for waiting is called a
    /// boundary, not told apart, and not trusted.
    pub indifference: f64,
    /// What the fleet must survive the loss of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survives: Option<String>,
    /// The most it may cost an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_per_hour: Option<f64>,
    /// How far the forecast of the load may be off: the coefficient of variation.
    pub forecast_cv: f64,
}

/// Settings of autoscalers by their pools: `pool.small.autoscaler.min` is `min` of `small`.
pub fn settings_by_pool(
    settings: &IndexMap<String, serde_json::Value>,
) -> IndexMap<&str, Vec<(&str, &serde_json::Value)>> {
    let mut pools: IndexMap<&str, Vec<(&str, &serde_json::Value)>> = IndexMap::new();
    for (path, value) in settings {
        let (pool, key) = path.rsplit_once('.').unwrap_or(("", path));
        let pool = pool.strip_prefix("pool.").unwrap_or(pool);
        let pool = pool.strip_suffix(".autoscaler").unwrap_or(pool);
        pools.entry(pool).or_default().push((key, value));
    }
    pools
}

/// What the traffic asks for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Offered {
    /// Requests a second, on average.
    pub rate: f64,
    /// Mean seconds of service at speed 1.
    pub service_s: f64,
    /// Squared coefficient of variation of service.
    pub service_scv: f64,
    /// Squared coefficient of variation of the times between arrivals.
    pub arrival_scv: f64,
    /// Busy slots of speed 1 on average: the load in Erlangs.
    pub erlangs: f64,
    /// The busiest stretch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<Peak>,
}

/// The busiest stretch of the traffic: the one with the most work.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// Its start, in seconds from the start of the traffic.
    pub from_s: f64,
    /// Its end.
    pub until_s: f64,
    /// Requests a second in it.
    pub rate: f64,
    /// The load in it, in Erlangs at speed 1.
    pub erlangs: f64,
    /// Whether the plan is for this stretch alone.
    pub planned_for: bool,
}

/// The fleet to sign for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recommendation {
    /// Servers altogether; for an autoscaled fleet their time average.
    pub servers: f64,
    /// Servers of each pool; for an autoscaled one the most it may have.
    pub pools: IndexMap<String, u32>,
    /// Settings to write into the scenario, by path.
    pub settings: IndexMap<String, serde_json::Value>,
    /// What it costs an hour.
    pub cost_per_hour: f64,
    /// How much more traffic it carries for sure, as a share; null where it was not found.
    pub headroom: Option<f64>,
    /// The most requests a second it carries for sure.
    pub max_rate: Option<f64>,
    /// The requests a second from which on an objective breaks for sure; null where that was not
    /// found. Between `max_rate` and here nobody can tell.
    #[serde(default)]
    pub breaks_at_rate: Option<f64>,
    /// The requests that were simulated of a load between the two, where they could not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_after: Option<u64>,
    /// The objective that breaks first.
    pub breaks_first: Option<String>,
    /// What runs short: servers, queues before single servers, or service times themselves.
    pub bottleneck: String,
    /// Busy slots as a share of all.
    pub utilization: Estimate,
    /// The probability that the objectives hold when the load is off by `forecast_cv`.
    pub met_under_forecast_error: Option<f64>,
    /// The objectives with their values at this fleet.
    pub objectives: Vec<Objective<Estimate>>,
    /// Whether a second set of random numbers, used for nothing else, says the same.
    pub verified: bool,
    /// The same fleet with one server more; of an autoscaled one with bounds one higher.
    pub one_more: Option<Neighbour>,
    /// The same fleet with one server fewer, or with bounds one lower.
    pub one_less: Option<Neighbour>,
}

/// What a server more or less changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Neighbour {
    /// Servers altogether.
    pub servers: u32,
    /// The pool that changes; of several, which zones that grow together may be, `a and b`.
    pub pool: String,
    /// Settings by path, where the pool is autoscaled.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub settings: IndexMap<String, serde_json::Value>,
    /// What it costs an hour.
    pub cost_per_hour: f64,
    /// The objectives with their values.
    pub objectives: Vec<Objective<Estimate>>,
    /// Whether it meets the plan.
    pub met: bool,
    /// Its headroom; negative where it carries less than the load of the plan.
    pub headroom: Option<f64>,
    /// The probability that the objectives hold when the load is off by `forecast_cv`.
    pub met_under_forecast_error: Option<f64>,
    /// Whether it may carry more than its headroom says, so that the probability is a lower bound.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
}

impl Recommendation {
    /// Whether it may carry more than its headroom says: nobody could tell, or the search ended.
    /// What follows from the headroom is then a lower bound.
    pub fn is_floor(&self) -> bool {
        self.max_rate.is_some() && (self.open_after.is_some() || self.breaks_at_rate.is_none())
    }
}

/// A fleet that was simulated.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Candidate {
    /// Servers altogether.
    pub servers: u32,
    /// Servers of each pool.
    pub pools: IndexMap<String, u32>,
    /// Settings that set it apart, for an autoscaled fleet.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub settings: IndexMap<String, serde_json::Value>,
    /// How many of them were there in the simulation: fewer where a loss is to be survived.
    pub simulated_servers: u32,
    /// What it costs an hour.
    pub cost_per_hour: f64,
    /// The load as a multiple of that of the plan.
    pub load: f64,
    /// The objectives with their values.
    pub measures: Vec<Objective<Estimate>>,
    /// Busy slots as a share of all.
    pub utilization: Estimate,
    /// Whether all objectives are met for sure.
    pub met: bool,
    /// `met`, `missed`, `boundary` (too close to tell), `undecided` or `overloaded`.
    pub ruling: Ruling,
    /// Whether the exact formula of the model ruled, where simulation could not tell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_theory: bool,
    /// Requests that were simulated for it.
    pub requests: u64,
}

/// What simulation says of a fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ruling {
    /// Every objective is met on the far end of its interval.
    Met,
    /// One is missed on the near end of its interval.
    Missed,
    /// One is closer to its limit than the indifference asks to tell.
    Boundary,
    /// The budget of requests was spent before one could be told.
    Undecided,
    /// Work arrives as fast as it can be served, or faster: there is no steady state.
    Overloaded,
}

/// What formulas and perfect knowledge say.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PlanBounds {
    /// Servers by G/G/c (Whitt 1993) at the mean load: where the search began.
    pub analytic_servers: Option<u32>,
    /// Servers by Erlang C at the mean load: Poisson arrivals, exponential service, one queue.
    pub erlang_c_servers: Option<u32>,
    /// Servers by Erlang C at the load of the peak.
    pub erlang_c_peak_servers: Option<u32>,
    /// Servers by the square-root rule for one request in five that waits.
    pub square_root_servers: Option<u32>,
    /// The least that could carry the load at all.
    pub least_servers: Option<u32>,
    /// Server-hours of a perfect autoscaler that knows the future.
    pub ideal_autoscaler_server_hours: Option<f64>,
    /// Where several pools share the load: the pool whose servers alone the ideal and the static
    /// peak are counted in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ideal_in_pool: Option<String>,
    /// The fixed fleet that would meet the objectives at the peak.
    pub static_peak_servers: Option<u32>,
    /// Its server-hours.
    pub static_peak_server_hours: Option<f64>,
    /// Server-hours of the recommended autoscaled fleet.
    pub autoscaled_server_hours: Option<f64>,
    /// The hours of the run that these server-hours are of: its length is the plan's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span_hours: Option<f64>,
}
