//! The cheapest fleet that meets all objectives, what it has in hand, and how sure that is.
//!
//! | step | where |
//! | --- | --- |
//! | what the traffic asks for, and its busiest stretch | `traffic` |
//! | where to begin: G/G/c, Erlang C | `analytic` |
//! | one fleet, simulated until it is known to pass or not | `gate`, on a `sample` |
//! | for as long as its queues remember | `memory` |
//! | the smallest that passes; the cheapest of several kinds | `search`, `hunt`, `mix` |
//! | how much more it carries, and what a wrong forecast does | `headroom` |
//! | failures that find their servers in every fleet | `perils` |
//! | bounds and target of autoscalers | `scaled`, `setting` |
//! | what is refused, and the answer in words | `asked`, `words` |
//!
//! Formulas place the search, simulation decides, on the far end of its interval. More servers
//! never make a queue in order of arrival longer (Kiefer & Wolfowitz 1955), so the passing fleets
//! are those from some number on, and the answer is the first of them: it has passed, the one
//! before it has not, and a second set of random numbers that chose nothing has confirmed it.

mod analytic;
mod asked;
mod gate;
mod headroom;
mod hunt;
mod memory;
mod mix;
mod perils;
mod sample;
mod scaled;
mod search;
mod setting;
mod traffic;
mod words;

use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use indexmap::IndexMap;

pub use asked::{Ask, Survive};

use super::{Crew, Monitor, WarmUp, twin};
use crate::diagnose::Problem;
use crate::outcome::{
    Answer, Candidate, Neighbour, Peak, Plan, PlanBounds, Question, Recommendation,
};
use crate::scenario::{Scenario, Traffic};
use crate::time::Duration;
use analytic::{Model, impossible};
use asked::Asked;
use gate::{Effort, Gate};
use hunt::Hunt;
use traffic::Load;

/// Requests that one fleet may take where no precision is asked for: enough for the precision to be
/// what decides, up to some five hundred servers (30 million left three of twenty fleets above 350
/// servers undecided, and one server too large).
const MOST: f64 = 500e6;

/// The same where one is.
const MOST_WITH_PRECISION: f64 = 2e9;

/// The share of those that is spent on a queue of Erlang, whose formula settles the rest.
const SETTLED: f64 = 0.1;

/// The share of the room for waiting that is not told apart where nobody says.
const INDIFFERENCE: f64 = 0.02;

/// Replications from here on verify the answer, and choose nothing.
const FRESH: u64 = 1 << 40;

/// Finds the cheapest fleet of a scenario that meets its objectives, or what its fleet carries.
///
/// The numbers of servers in the scenario are where nobody asked: they only matter for
/// [`Ask::max_rate`]. Refuses a question without an objective or with contradictions.
pub fn plan(
    scenario: &Scenario,
    ask: &Ask,
    crew: &Crew,
    monitor: &dyn Monitor,
) -> Result<Plan, Problem> {
    let asked = Asked::new(scenario, ask)?;
    scenario.traffic.values().try_for_each(Traffic::keep)?;
    let mut scenario = scenario.clone();
    monitor.stage("reading the traffic");
    let Some((mut load, peak)) = busiest(&mut scenario, ask, monitor)? else {
        return Ok(words::nothing_known(&scenario, &asked));
    };
    let known = asked::known_service(&scenario)?;
    load.know(&scenario, asked::law_of_service(&scenario)?.as_deref());
    let speed = mean_speed(&scenario);
    let model = Model { load: &load, known: known.as_ref(), speed };
    let bounds = bounds(&model, &asked, &scenario, peak);
    let mut draft = Draft { scenario: &scenario, asked: &asked, load: &load, peak, bounds };
    // What even the fastest of the servers cannot do; the faster of two copies is faster still.
    let most = scenario.pool.values().map(|pool| pool.speed).fold(0.0, f64::max);
    let fastest = Model { speed: most, ..model };
    if scenario.hedge.is_none()
        && let Some((goal, floor)) = impossible(&fastest, &asked.goals)
    {
        return Ok(words::impossible(draft, goal, floor));
    }
    monitor.stage("warm-up");
    let warm_up = pilots(&scenario, &model, &asked, crew, monitor)?;
    let known = asked::known_service(&scenario)?;
    let gate = Gate {
        base: &scenario,
        goals: asked.goals.clone(),
        load: &load,
        known,
        warm_up,
        replications: ask.replications,
        run_length: ask.length,
        crew,
        monitor,
        recorded: Mutex::new(IndexMap::new()),
        spent: AtomicU64::new(0),
    };
    if scenario.pool.values().any(|pool| pool.autoscaler.is_some()) {
        return scaled::plan(&gate, draft);
    }
    let mut hunt = Hunt::new(&gate, &model, &asked, effort(&scenario));
    if ask.max_rate {
        return headroom::of_the_fleet_as_it_is(&mut hunt, draft);
    }
    monitor.stage("fleet");
    let choice = mix::cheapest(&mut hunt)?;
    draft.bounds.least_servers = hunt.least();
    headroom::around(&mut hunt, &choice, draft)
}

/// What every answer holds, whatever it is.
struct Draft<'a> {
    scenario: &'a Scenario,
    asked: &'a Asked<'a>,
    load: &'a Load,
    peak: Option<Peak>,
    bounds: PlanBounds,
}

impl Draft<'_> {
    fn plan(self, verdict: Answer, recommendation: Option<Recommendation>) -> Plan {
        let Self { scenario, asked, load, peak, bounds } = self;
        Plan {
            schema: "plimsoll.plan/1".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            name: scenario.name.clone(),
            seed: scenario.seed,
            kind: scenario.kind(),
            partial: false,
            verdict,
            answer: String::new(),
            question: asked.question(),
            traffic: load.offered(peak),
            recommendation,
            candidates: Vec::new(),
            loads: Vec::new(),
            requests: 0,
            bounds,
            currency: scenario.currency.clone(),
            scenario: serde_json::to_value(scenario).expect("a scenario is plain data"),
            advice: scenario.remarks.clone(),
        }
    }
}

fn effort(scenario: &Scenario) -> Effort {
    let share = if twin::is_erlangs(scenario) { SETTLED } else { 1.0 };
    match scenario.run.precision {
        Some(precision) => {
            Effort { precision: precision.0, most: share * MOST_WITH_PRECISION, first: 0 }
        }
        None => Effort { precision: INDIFFERENCE, most: share * MOST, first: 0 },
    }
}

/// Reads the traffic, finds its busiest stretch, and cuts the scenario to it where that is asked.
fn busiest(
    scenario: &mut Scenario,
    ask: &Ask,
    monitor: &dyn Monitor,
) -> Result<Option<(Load, Option<Peak>)>, Problem> {
    let Some(load) = Load::of(scenario, monitor)? else { return Ok(None) };
    // Of a load that is the same all along the busiest stretch is chance.
    if ask.peak.is_none() && scenario.is_even() {
        return Ok(Some((load, None)));
    }
    let mut peak = load.peak(ask.peak.unwrap_or_else(|| load.usual_peak()));
    if ask.peak.is_none() {
        return Ok(Some((load, Some(peak))));
    }
    peak.planned_for = true;
    asked::cut(scenario, &peak)?;
    let Some(load) = Load::of(scenario, monitor)? else { return Ok(None) };
    Ok(Some((load, Some(peak))))
}

/// Work a second of a slot, on average over the kinds of servers.
fn mean_speed(scenario: &Scenario) -> f64 {
    let speeds: f64 = scenario.pool.values().map(|pool| pool.speed).sum();
    speeds / scenario.pool.len() as f64
}

fn bounds(
    model: &Model<'_>,
    asked: &Asked<'_>,
    scenario: &Scenario,
    peak: Option<Peak>,
) -> PlanBounds {
    let [pool] = scenario.pool.values().collect::<Vec<_>>()[..] else {
        return PlanBounds::default();
    };
    let servers = |slots: u32| slots.div_ceil(pool.slots);
    let at_peak = peak.and_then(|peak| model.erlang_c(&asked.goals, peak.rate));
    PlanBounds {
        analytic_servers: model.slots(&asked.goals, 1.0).map(servers),
        erlang_c_servers: model.erlang_c(&asked.goals, model.load.rate).map(servers),
        erlang_c_peak_servers: at_peak.map(servers),
        square_root_servers: Some(servers(model.square_root())),
        ..PlanBounds::default()
    }
}

/// The warm-up that pilots of a fleet near the answer ask for.
fn pilots(
    scenario: &Scenario,
    model: &Model<'_>,
    asked: &Asked<'_>,
    crew: &Crew,
    monitor: &dyn Monitor,
) -> Result<Duration, Problem> {
    let mut pilot = scenario.clone();
    if !asked.ask.max_rate && pilot.pool.values().all(|pool| pool.autoscaler.is_none()) {
        let slots = model.slots(&asked.goals, 1.0).unwrap_or(1);
        for pool in pilot.pool.values_mut() {
            pool.servers = slots.div_ceil(pool.slots).clamp(1, 100_000);
        }
    }
    // The gate chooses the length of its own runs: what a pilot says of that is beside it.
    Ok(WarmUp::of(&pilot, 30, crew, monitor)?.span)
}

/// A server more or less, as a plan tells it.
fn neighbour(candidate: &Candidate, pool: &str) -> Neighbour {
    Neighbour {
        servers: candidate.servers,
        pool: pool.to_owned(),
        settings: candidate.settings.clone(),
        cost_per_hour: candidate.cost_per_hour,
        objectives: candidate.measures.clone(),
        met: candidate.met,
        headroom: None,
        met_under_forecast_error: None,
        at_least: false,
    }
}

/// The question as the answer repeats it.
impl Asked<'_> {
    fn question(&self) -> Question {
        let run = &self.scenario.run;
        Question {
            task: if self.ask.max_rate { "max-rate" } else { "cheapest-fleet" }.to_owned(),
            objectives: self.goals.iter().map(|goal| goal.text.clone()).collect(),
            confidence: run.confidence.0,
            indifference: effort(self.scenario).precision,
            survives: self.ask.survive.map(|survive| survive.to_string()),
            budget_per_hour: self.ask.budget.map(|price| price.0),
            forecast_cv: self.ask.forecast_cv,
        }
    }
}
