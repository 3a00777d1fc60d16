//! Autoscaled pools: which bounds and target to set, beside a perfect autoscaler and a fixed peak.
//!
//! More of a setting is not always better here (a target may thrash, a start takes its time), so
//! nothing is bisected: targets are simulated on the same requests, first with one server at least,
//! and where none of them meets the objectives, with more and more that always stand by, and then
//! as few of those as will do. The lowest target, which keeps the most servers, comes first. Of
//! those that meet the objectives the one with the fewest server-hours wins. The most servers a
//! pool may have is the most that the winner ever had, and a tenth, for traffic that was not
//! simulated.

use indexmap::IndexMap;

use super::gate::{Effort, Gate, Trial};
use super::{Draft, words};
use crate::diagnose::Problem;
use crate::outcome::{Answer, Candidate, Plan, PlanBounds, Recommendation, Ruling};
use crate::scenario::Scenario;
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
    let scenario = gate.base;
    let [(name, pool)] = scenario.pool.iter().collect::<Vec<_>>()[..] else {
        return Err(Problem::new("a plan sets the autoscaler of one pool, and there are several")
            .help("plan each pool with its own share of the traffic"));
    };
    if draft.asked.ask.max_rate {
        return Err(Problem::new(
            "`--max-rate` asks what a fixed fleet carries, and this one scales",
        )
        .help("leave the autoscaler out, or plan its bounds without `--max-rate`"));
    }
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
    let stopped = !course.search(FLOORS.map(floor))?;
    let tried = course.tried;
    let hours = |trial: &Trial| trial.servers.2;
    let budget = draft.asked.ask.budget;
    let affordable = |trial: &Trial| budget.is_none_or(|most| trial.cost_per_hour <= most.0);
    let met = tried.iter().filter(|(_, _, trial)| trial.met() && affordable(trial));
    let best = met.min_by(|a, b| hours(&a.2).total_cmp(&hours(&b.2)));
    let recommendation = best.map(|(setting, _, trial)| {
        let most = (trial.servers.1 + trial.servers.1.div_ceil(10)).min(room);
        recommended(name, Setting { max: most, ..*setting }, trial)
    });
    if let Some((_, variant, trial)) = best.or(tried.first()) {
        draft.bounds.autoscaled_server_hours = best.map(|_| trial.servers.2);
        ideal(gate, variant, &mut draft)?;
    }
    let (verdict, answer) = told(&draft, recommendation.as_ref(), &tried, stopped);
    let candidates = tried.iter().map(|(setting, _, trial)| candidate(name, *setting, trial));
    let candidates: Vec<Candidate> = candidates.collect();
    let mut plan = draft.plan(verdict, recommendation);
    (plan.candidates, plan.answer, plan.partial) = (candidates, answer, stopped);
    if let Some((setting, ..)) = best {
        let most = plan.recommendation.as_ref().map_or(room, |found| found.pools[0]);
        let chosen = set(scenario, name, Setting { max: most, ..*setting })?;
        plan.scenario = serde_json::to_value(chosen).expect("a scenario is plain data");
    }
    plan.advice.extend(dear(&plan.bounds));
    plan.advice.push(format!(
        "{} settings of `{}` were simulated on the same requests; the most servers are a tenth \
         more than the winner ever had",
        plan.candidates.len(),
        table.policy.name
    ));
    Ok(plan)
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
            let mut variant = set(self.gate.base, self.name, setting)?;
            variant.pool[0].servers = variant.pool[0].servers.max(min);
            let capacity = f64::from(self.room) * self.slots;
            let Some(trial) = self.gate.judge_scenario(variant.clone(), capacity, 1.0, EFFORT)?
            else {
                return Ok(None);
            };
            met |= trial.met();
            self.tried.push((setting, variant, trial));
        }
        Ok(Some(met))
    }
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

fn candidate(pool: &str, setting: Setting, trial: &Trial) -> Candidate {
    Candidate {
        servers: trial.servers.1,
        pools: IndexMap::from([(pool.to_owned(), trial.servers.1)]),
        settings: settings(pool, setting),
        simulated_servers: trial.servers.1,
        cost_per_hour: trial.cost_per_hour,
        load: 1.0,
        measures: trial.objectives.clone(),
        utilization: trial.utilization,
        met: trial.met(),
        ruling: trial.ruling,
        by_theory: trial.by_theory,
        requests: trial.requests,
    }
}

fn recommended(pool: &str, setting: Setting, trial: &Trial) -> Recommendation {
    Recommendation {
        servers: trial.servers.0,
        pools: IndexMap::from([(pool.to_owned(), setting.max)]),
        settings: settings(pool, setting),
        cost_per_hour: trial.cost_per_hour,
        headroom: None,
        max_rate: None,
        breaks_first: None,
        bottleneck: "starts: what a server takes to start is bridged by servers that stand by"
            .to_owned(),
        utilization: trial.utilization,
        met_under_forecast_error: None,
        objectives: trial.objectives.clone(),
        verified: false,
        one_more: None,
        one_less: None,
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
    let Some(found) = found else {
        let close = tried.iter().filter(|(.., trial)| trial.ruling != Ruling::Overloaded);
        let value = |trial: &Trial| trial.objectives.first().and_then(|one| one.value.estimate);
        let close = close.min_by(|a, b| {
            let of = |trial: &Trial| value(trial).unwrap_or(f64::INFINITY);
            of(&a.2).total_cmp(&of(&b.2))
        });
        let closest = close.map_or(String::new(), |(setting, _, trial)| {
            words::closest_setting(&settings_in_words(*setting), &trial.objectives)
        });
        let verdict = if stopped { Answer::Undecided } else { Answer::Unmet };
        let start = if stopped { "Stopped early: no setting yet" } else { "No setting" };
        let limit = draft.asked.ask.budget.map_or(String::new(), |most| format!(" for {most}"));
        return (verdict, format!("{start} of the autoscaler meets {goals}{limit}.{closest}"));
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
    let answer = format!(
        "Set {}: {goals} holds with {hours:.2} server-hours; a perfect autoscaler would need {}, a \
         fleet fixed at the peak {}.",
        setting.collect::<Vec<_>>().join(", "),
        of(draft.bounds.ideal_autoscaler_server_hours),
        of(draft.bounds.static_peak_server_hours)
    );
    (Answer::Met, answer)
}

fn settings_in_words(setting: Setting) -> String {
    let target = setting.target.map_or(String::new(), |target| format!(", target {target:.3}"));
    format!("min {}{target}", setting.min)
}
