//! Autoscaled pools: which bounds and target to set, beside a perfect autoscaler and a fixed peak.
//!
//! More of a setting is not always better here (a target may thrash, a start takes its time), so
//! nothing is bisected: targets are simulated on the same requests, first with one server at least,
//! and where none of them meets the objectives, with more and more that always stand by, and then
//! as few of those as will do. The lowest target, which keeps the most servers, comes first. Of
//! those that meet the objectives the one with the fewest server-hours wins, if fresh random
//! numbers say the same. The most servers a pool may have is the most that the winner had in any
//! run, for the load that a forecast may bring with probability 0.95.

use std::sync::atomic::Ordering;

use indexmap::IndexMap;

use super::gate::{Effort, Gate, TESTS, Trial, at_load};
use super::headroom::{self, Carried, carried, met_under_error};
use super::hunt::fails;
use super::{Draft, FRESH, words};
use crate::diagnose::Problem;
use crate::outcome::{Answer, Candidate, Plan, PlanBounds, Recommendation, Ruling};
use crate::scenario::{Pool, Scenario};
use crate::time::Duration;

/// Targets that are tried where a policy has one, as shares of a full server.
const TARGETS: [f64; 5] = [0.4, 0.5, 0.6, 0.7, 0.8];

/// So many targets that miss, and none that does not, speak for the others.
const MISSES: usize = 2;

/// Least counts that are tried one after the other, as shares of the load of the busiest minute.
const FLOORS: [f64; 4] = [0.0, 0.25, 0.5, 1.0];

/// What is spent on one setting.
const EFFORT: Effort = Effort { precision: 0.1, most: 10e6, first: 0 };

/// A setting of one pool.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Setting {
    min: u32,
    max: u32,
    target: Option<f64>,
}

/// Finds the cheapest setting of the one autoscaled pool of a scenario.
pub(super) fn plan(gate: &Gate<'_>, mut draft: Draft<'_>) -> Result<Plan, Problem> {
    let (name, pool) = the_pool(&draft)?;
    let table = pool.autoscaler.as_ref().expect("the pool is autoscaled");
    gate.monitor.stage("settings");
    let slots = f64::from(pool.slots) * pool.speed;
    let peak = gate.load.peak(Duration::from_secs(60)).erlangs.max(gate.load.erlangs());
    let room = ((2.0 * peak / slots).ceil() as u32 + 2).min(pool.capacity.unwrap_or(u32::MAX));
    let scale = table.target_of_full(pool.slots);
    let targets: Vec<Option<f64>> = match scale {
        Some(full) => TARGETS.iter().map(|share| Some(share * full)).collect(),
        None => vec![None],
    };
    let floor = |share: f64| ((share * peak / slots).ceil() as u32).clamp(1, room);
    let mut course = Course { gate, name, room, slots, targets: &targets, tried: Vec::new() };
    let mut stopped = !course.search(FLOORS.map(floor))?;
    let mut advice = Vec::new();
    let mut winner = if stopped { None } else { course.winner(&draft, &mut advice)? };
    let mut recommendation = None;
    if let Some(winner) = &mut winner {
        draft.bounds.autoscaled_server_hours = Some(winner.trial.servers.2);
        ideal(gate, &winner.scenario, &mut draft)?;
        gate.monitor.stage("headroom");
        let own = course.carried(winner)?;
        // Nothing at all is known of the headroom only after a stop.
        stopped |= own.load.is_none();
        recommendation = Some(course.recommended(winner, &own, &draft));
    } else if let Some((_, variant, _)) = course.tried.first() {
        ideal(gate, variant, &mut draft)?;
    }
    let (verdict, answer) = told(&draft, recommendation.as_ref(), &course.tried, stopped);
    let probability = recommendation.as_ref().and_then(|one| one.met_under_forecast_error);
    advice.extend(words::doubt(draft.asked.ask.forecast_cv, probability));
    let mut plan = draft.plan(verdict, recommendation);
    let candidates = course.tried.iter();
    plan.candidates =
        candidates.map(|(setting, _, trial)| candidate(name, *setting, 1.0, trial)).collect();
    (plan.answer, plan.partial) = (answer, stopped);
    plan.requests = gate.spent.load(Ordering::Relaxed);
    if let Some(winner) = winner {
        plan.loads = winner.loads;
        plan.loads.sort_by(|a, b| a.load.total_cmp(&b.load));
        plan.scenario = serde_json::to_value(winner.scenario).expect("a scenario is plain data");
    }
    plan.advice.extend(advice);
    plan.advice.extend(dear(&plan.bounds));
    if verdict == Answer::Undecided && !stopped {
        plan.advice.push(words::closer(gate));
    }
    plan.advice.push(format!(
        "{} settings of `{}` were simulated on the same requests; the most servers are what the \
         winner had in any run, for the load that a forecast off by {} may bring with \
         probability 0.95",
        plan.candidates.len(),
        table.policy.name,
        words::percent(plan.question.forecast_cv)
    ));
    Ok(plan)
}

/// The one pool of a scenario; refuses questions that an autoscaler does not answer.
fn the_pool<'a>(draft: &Draft<'a>) -> Result<(&'a str, &'a Pool), Problem> {
    let [(name, pool)] = draft.scenario.pool.iter().collect::<Vec<_>>()[..] else {
        return Err(Problem::new("a plan sets the autoscaler of one pool, and there are several")
            .help("plan each pool with its own share of the traffic"));
    };
    if draft.asked.ask.max_rate {
        return Err(Problem::new(
            "`--max-rate` asks what a fixed fleet carries, and this one scales",
        )
        .help("leave the autoscaler out, or plan its bounds without `--max-rate`"));
    }
    Ok((name, pool))
}

/// The setting to recommend.
struct Winner {
    setting: Setting,
    scenario: Scenario,
    trial: Trial,
    /// Whether fresh random numbers say the same.
    verified: bool,
    /// It at other loads.
    loads: Vec<Candidate>,
}

/// The settings that are tried.
struct Course<'a> {
    gate: &'a Gate<'a>,
    name: &'a str,
    /// The most servers that any of them may have.
    room: u32,
    /// Work a second of a server.
    slots: f64,
    targets: &'a [Option<f64>],
    tried: Vec<(Setting, Scenario, Trial)>,
}

impl Course<'_> {
    /// Tries more and more servers that always stand by until some target meets the objectives,
    /// then fewer of them down to a tenth; false where it was stopped.
    fn search(&mut self, floors: impl IntoIterator<Item = u32>) -> Result<bool, Problem> {
        let (mut fails, mut holds) = (0, None);
        for min in floors.into_iter().filter(|&min| min > 0) {
            if min <= fails {
                continue;
            }
            match self.round(min)? {
                None => return Ok(false),
                Some(false) => fails = min,
                Some(true) => {
                    holds = Some(min);
                    break;
                }
            }
        }
        let Some(mut holds) = holds else { return Ok(true) };
        while holds - fails > 1.max(holds / 10) {
            let min = fails + (holds - fails) / 2;
            match self.round(min)? {
                None => return Ok(false),
                Some(false) => fails = min,
                Some(true) => holds = min,
            }
        }
        Ok(true)
    }

    /// Tries targets with so many servers at least: whether any meets the objectives.
    fn round(&mut self, min: u32) -> Result<Option<bool>, Problem> {
        let mut met = false;
        for (place, &target) in self.targets.iter().enumerate() {
            if place == MISSES && !met {
                break;
            }
            let setting = Setting { min, max: self.room, target };
            let variant = self.variant(setting)?;
            let Some(trial) = self.judge(&variant, 1.0, EFFORT)? else { return Ok(None) };
            met |= trial.met();
            self.tried.push((setting, variant, trial));
        }
        Ok(Some(met))
    }
}

impl Course<'_> {
    /// The setting with the fewest server-hours that meets the objectives within the budget, with
    /// as many servers at most as it may need; one that fresh random numbers refute is struck out.
    fn winner(
        &mut self,
        draft: &Draft<'_>,
        advice: &mut Vec<String>,
    ) -> Result<Option<Winner>, Problem> {
        self.gate.monitor.stage("verifying");
        let growth = words::worst_load(draft.asked.ask.forecast_cv).max(1.0);
        for test in 1..=u64::from(TESTS) {
            let hours = |at: &usize| self.tried[*at].2.servers.2;
            let may = |at: &usize| within_budget(draft, &self.tried[*at].2);
            let met = (0..self.tried.len()).filter(|&at| self.tried[at].2.met()).filter(may);
            let best = met.min_by(|a, b| hours(a).total_cmp(&hours(b)));
            let Some(best) = best else { return Ok(None) };
            let (setting, _, trial) = self.tried[best].clone();
            let most = (f64::from(trial.servers.1) * growth).ceil() as u32;
            let setting = Setting { max: most.clamp(setting.min, self.room), ..setting };
            let scenario = self.variant(setting)?;
            let effort = Effort { first: test * FRESH, ..EFFORT };
            let fresh = self.judge(&scenario, 1.0, effort)?;
            if let Some(fresh) = fresh.as_ref().filter(|fresh| fails(fresh.ruling)) {
                advice.push(words::refuted(&candidate(self.name, setting, 1.0, fresh)));
                self.tried[best].2 = fresh.clone();
                continue;
            }
            let verified = fresh.is_some_and(|fresh| fresh.met());
            if !verified {
                advice.push(
                    "fresh random numbers could not tell the recommended setting from its limit: \
                     a server more at least is safer"
                        .to_owned(),
                );
            }
            return Ok(Some(Winner { setting, scenario, trial, verified, loads: Vec::new() }));
        }
        Ok(None)
    }

    /// The most that a setting carries, in steps of a hundredth.
    fn carried(&self, winner: &mut Winner) -> Result<Carried, Problem> {
        let mut loads: Vec<Candidate> =
            vec![candidate(self.name, winner.setting, 1.0, &winner.trial)];
        let mut look = |load: f64| {
            if let Some(known) = loads.iter().find(|known| known.load == load) {
                return Ok(Some(known.clone()));
            }
            let found = self.judge(&winner.scenario, load, headroom::effort(self.gate.base))?;
            let found = found.map(|trial| candidate(self.name, winner.setting, load, &trial));
            loads.extend(found.clone());
            Ok(found)
        };
        let found = carried(&mut look, 1.0, Some(true))?;
        winner.loads = loads;
        Ok(found)
    }

    fn judge(
        &self,
        scenario: &Scenario,
        load: f64,
        effort: Effort,
    ) -> Result<Option<Trial>, Problem> {
        let capacity = f64::from(self.room) * self.slots;
        self.gate.judge_scenario(at_load(scenario.clone(), load), capacity, load, effort)
    }

    fn variant(&self, setting: Setting) -> Result<Scenario, Problem> {
        let mut variant = set(self.gate.base, self.name, setting)?;
        variant.pool[0].servers = variant.pool[0].servers.clamp(setting.min, setting.max);
        Ok(variant)
    }

    fn recommended(&self, winner: &Winner, own: &Carried, draft: &Draft<'_>) -> Recommendation {
        let Winner { setting, trial, .. } = winner;
        let rate = draft.load.rate;
        Recommendation {
            servers: trial.servers.0,
            pools: IndexMap::from([(self.name.to_owned(), setting.max)]),
            settings: settings(self.name, *setting),
            cost_per_hour: trial.cost_per_hour,
            headroom: own.headroom(),
            max_rate: own.load.map(|load| load * rate),
            breaks_at_rate: own.breaks.as_ref().map(|breaks| breaks.load * rate),
            open_after: own.open.as_ref().map(|open| open.requests),
            breaks_first: own.broken(),
            bottleneck: "starts: what a server takes to start is bridged by servers that stand by"
                .to_owned(),
            utilization: trial.utilization,
            met_under_forecast_error: met_under_error(own, draft.asked.ask.forecast_cv),
            objectives: trial.objectives.clone(),
            verified: winner.verified,
            one_more: None,
            one_less: None,
        }
    }
}

/// Whether a setting costs no more than the budget.
fn within_budget(draft: &Draft<'_>, trial: &Trial) -> bool {
    draft.asked.ask.budget.is_none_or(|most| trial.cost_per_hour <= most.0)
}

fn set(scenario: &Scenario, pool: &str, setting: Setting) -> Result<Scenario, Problem> {
    let mut variant = scenario.clone();
    let table = variant.pool[pool].autoscaler.as_ref().expect("the pool is autoscaled");
    let changed = table.set(setting.min, setting.max, setting.target)?;
    variant.pool[pool].autoscaler = Some(changed);
    Ok(variant)
}

fn settings(pool: &str, setting: Setting) -> IndexMap<String, serde_json::Value> {
    let path = |key: &str| format!("pool.{pool}.autoscaler.{key}");
    let mut all = IndexMap::new();
    all.insert(path("min"), setting.min.into());
    all.insert(path("max"), setting.max.into());
    if let Some(target) = setting.target {
        all.insert(path("target"), target.into());
    }
    all
}

fn candidate(pool: &str, setting: Setting, load: f64, trial: &Trial) -> Candidate {
    Candidate {
        servers: trial.servers.1,
        pools: IndexMap::from([(pool.to_owned(), trial.servers.1)]),
        settings: settings(pool, setting),
        simulated_servers: trial.servers.1,
        cost_per_hour: trial.cost_per_hour,
        load,
        measures: trial.objectives.clone(),
        utilization: trial.utilization,
        met: trial.met(),
        ruling: trial.ruling,
        by_theory: trial.by_theory,
        requests: trial.requests,
    }
}

/// The bounds of the chosen setting: a perfect autoscaler, and a fleet fixed at the peak.
fn ideal(gate: &Gate<'_>, variant: &Scenario, draft: &mut Draft<'_>) -> Result<(), Problem> {
    let watch = crate::experiment::Relay::new(gate.monitor);
    let (measured, ()) = variant.simulate(0, Duration::ZERO, (), &watch)?;
    let outcome = variant.outcome(&measured);
    if let Some(found) = outcome.autoscaling.first().and_then(|pool| pool.bounds.clone()) {
        draft.bounds.ideal_autoscaler_server_hours = Some(found.ideal_server_hours);
        draft.bounds.static_peak_servers = Some(found.static_peak_servers);
        draft.bounds.static_peak_server_hours = Some(found.static_peak_hours);
    }
    Ok(())
}

/// Where an autoscaler takes as many server-hours as the fleet that needs none.
fn dear(bounds: &PlanBounds) -> Option<String> {
    let (own, fixed) = (bounds.autoscaled_server_hours?, bounds.static_peak_server_hours?);
    (own >= fixed).then(|| {
        format!(
            "the autoscaler saves nothing here: {} servers all the time take {fixed:.2} \
             server-hours; plan without it to see whether they meet the objectives",
            bounds.static_peak_servers.unwrap_or(0)
        )
    })
}

fn told(
    draft: &Draft<'_>,
    found: Option<&Recommendation>,
    tried: &[(Setting, Scenario, Trial)],
    stopped: bool,
) -> (Answer, String) {
    let goals: Vec<&str> = draft.asked.goals.iter().map(|goal| goal.text.as_str()).collect();
    let goals = goals.join(", ");
    let limit =
        draft.asked.ask.budget.map_or(String::new(), |most| format!(" for {} an hour", most.0));
    let Some(found) = found else {
        return none_found(draft, tried, stopped, &format!("{goals}{limit}"));
    };
    let setting = found.settings.iter().map(|(path, value)| {
        let key = path.rsplit('.').next().unwrap_or(path);
        format!("{key} = {}", words::short(value))
    });
    let hours = draft.bounds.autoscaled_server_hours.unwrap_or(0.0);
    let of = |bound: Option<f64>| match bound {
        Some(bound) if bound > 0.0 => format!("{bound:.2}"),
        _ => "an unknown number".to_owned(),
    };
    let more = found.headroom.map_or(String::new(), |share| {
        format!(" It carries {} more traffic{}.", words::percent(share), words::then(found))
    });
    let answer = format!(
        "Set {}: {goals} holds with {hours:.2} server-hours; a perfect autoscaler would need {}, a \
         fleet fixed at the peak {}.{more}",
        setting.collect::<Vec<_>>().join(", "),
        of(draft.bounds.ideal_autoscaler_server_hours),
        of(draft.bounds.static_peak_server_hours)
    );
    (Answer::Met, answer)
}

/// No setting is known to meet the plan.
fn none_found(
    draft: &Draft<'_>,
    tried: &[(Setting, Scenario, Trial)],
    stopped: bool,
    what: &str,
) -> (Answer, String) {
    if stopped {
        return (
            Answer::Undecided,
            format!("Stopped early: no setting of the autoscaler is known yet to meet {what}."),
        );
    }
    let told = |setting: Setting, trial: &Trial| {
        (settings_in_words(setting), candidate("", setting, 1.0, trial))
    };
    let open = |trial: &Trial| !fails(trial.ruling) && !trial.met();
    if let Some((setting, _, trial)) = tried.iter().find(|(.., trial)| open(trial)) {
        let (name, found) = told(*setting, trial);
        let answer = format!(
            "It cannot be told whether a setting of the autoscaler meets {what}: with {name} {} \
             from {} requests.",
            words::comes_to(&found),
            crate::units::grouped(trial.requests)
        );
        return (Answer::Undecided, answer);
    }
    let value = |trial: &Trial| {
        let first = trial.objectives.first().and_then(|one| one.value.estimate);
        // What meets the objectives is only too dear.
        if trial.met() { trial.cost_per_hour } else { first.unwrap_or(f64::INFINITY) }
    };
    let close = tried.iter().filter(|(.., trial)| trial.ruling != Ruling::Overloaded);
    let close =
        close.min_by(|(.., a), (.., b)| b.met().cmp(&a.met()).then(value(a).total_cmp(&value(b))));
    let close = close.map_or(String::new(), |(setting, _, trial)| match told(*setting, trial) {
        (name, _) if trial.met() => {
            let currency = &draft.scenario.currency;
            format!(" {name} does, for {:.2} {currency} an hour.", trial.cost_per_hour)
        }
        (name, found) => format!(" The closest, {name}, comes to {}.", words::missed(&found)),
    });
    (Answer::Unmet, format!("No setting of the autoscaler that was tried meets {what}.{close}"))
}

fn settings_in_words(setting: Setting) -> String {
    let target = setting.target.map_or(String::new(), |target| format!(", target {target:.3}"));
    format!("min {}{target}", setting.min)
}
