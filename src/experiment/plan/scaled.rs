//! Autoscaled pools: which bounds and target to set, beside a perfect autoscaler and a fixed peak.
//!
//! More of a setting is not always better here (a target may thrash, a start takes its time), so
//! targets are not bisected: they are simulated on the same requests, first with one server at
//! least, and where none of them meets the objectives, with more and more that always stand by, and
//! then as few of those as will do. The lowest target, which keeps the most servers, comes first.
//! Several pools are searched together, at one target, and the bounds of the cheapest setting are
//! then lowered pool by pool. Of those that meet the objectives the cheapest wins (where nothing
//! has a price the one with the fewest server-hours), if fresh random numbers say the same. The
//! most servers a pool may have is the most that the winner had in any run, for the load that a
//! forecast may bring with probability 0.95.

use std::sync::atomic::Ordering;

use super::gate::{Effort, Gate, TESTS, Trial, at_load};
use super::headroom::{self, Carried, carried, met_under_error};
use super::hunt::fails;
use super::sample::Staff;
use super::search::{Found, smallest};
use super::setting::{self, Bounds, Deal, Setting};
use super::{Draft, FRESH, words};
use crate::diagnose::Problem;
use crate::outcome::{Answer, Candidate, Neighbour, Plan, PlanBounds, Recommendation, Ruling};
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

/// Finds the cheapest setting of the autoscaled pools of a scenario.
pub(super) fn plan(gate: &Gate<'_>, mut draft: Draft<'_>) -> Result<Plan, Problem> {
    refuse(&draft)?;
    gate.monitor.stage("settings");
    let peak = gate.load.peak(Duration::from_secs(60)).erlangs.max(gate.load.erlangs());
    let deal = Deal::new(draft.scenario, peak);
    let has_target = |pool: &Pool| {
        pool.autoscaler.as_ref().is_some_and(|it| it.target_of_full(pool.slots).is_some())
    };
    let targets: Vec<Option<f64>> = match draft.scenario.pool.values().any(has_target) {
        true => TARGETS.map(Some).to_vec(),
        false => vec![None],
    };
    let levels = FLOORS.map(|share| deal.level(share * peak));
    let mut course = Course { gate, deal, targets, tried: Vec::new() };
    let mut stopped = !course.search(levels)? || !course.trim(&draft)?;
    let mut advice = Vec::new();
    let mut winner = if stopped { None } else { course.winner(&draft, &mut advice)? };
    let mut recommendation = None;
    if let Some(winner) = &mut winner {
        let Staff { hours, mean, .. } = winner.trial.staff;
        draft.bounds.autoscaled_server_hours = Some(hours);
        draft.bounds.span_hours = (mean > 0.0).then(|| hours / mean);
        ideal(gate, &winner.scenario, &winner.trial.staff, &mut draft);
        let (own, loads) =
            course.carried(&winner.scenario, &winner.trial, &winner.setting, ("headroom", 1.0))?;
        winner.loads = loads;
        // Nothing at all is known of the headroom only after a stop.
        stopped |= own.load.is_none();
        let mut found = course.recommended(winner, &own, &draft);
        if !stopped {
            stopped = !course.neighbours(winner, &own, &draft, &mut found)?;
        }
        recommendation = Some(found);
    } else if let Some((_, variant, trial)) = course.tried.first() {
        ideal(gate, variant, &trial.staff, &mut draft);
    }
    let (verdict, answer) = told(&draft, recommendation.as_ref(), &course, stopped);
    let cv = draft.asked.ask.forecast_cv;
    advice.extend(recommendation.as_ref().and_then(|found| words::doubt(cv, found)));
    advice.extend(together(&draft, course.tried.len()));
    let mut plan = draft.plan(verdict, recommendation);
    let tried = course.tried.iter();
    plan.candidates =
        tried.map(|(setting, _, trial)| course.candidate(setting, 1.0, trial)).collect();
    (plan.answer, plan.partial) = (answer, stopped);
    plan.requests = gate.spent.load(Ordering::Relaxed);
    if let Some(winner) = winner {
        plan.loads = winner.loads;
        plan.loads.sort_by(|a, b| a.load.total_cmp(&b.load));
        plan.scenario = serde_json::to_value(winner.scenario).expect("a scenario is plain data");
    }
    plan.advice.extend(advice);
    plan.advice.extend(dear(&plan, gate.base));
    if verdict == Answer::Undecided && !stopped {
        plan.advice.push(words::closer(gate));
    }
    Ok(plan)
}

/// How the settings were searched, in sentences.
fn together(draft: &Draft<'_>, tried: usize) -> Vec<String> {
    let scaled = draft.scenario.pool.iter().filter(|(_, pool)| pool.autoscaler.is_some());
    let scaled: Vec<_> = scaled.collect();
    let mut policies: Vec<String> = Vec::new();
    for (_, pool) in &scaled {
        let name = pool.autoscaler.as_ref().map_or("", |table| table.policy.name);
        let name = format!("`{name}`");
        if !policies.contains(&name) {
            policies.push(name);
        }
    }
    let most = match scaled.len() {
        1 => "the most servers are what the winner had",
        _ => "the most servers of each pool are what it had with the winner",
    };
    let mut told = vec![format!(
        "{tried} settings of {} were simulated on the same requests; {most} in any run, \
         for the load that a forecast off by {} may bring with probability 0.95",
        policies.join(" and "),
        words::percent(draft.asked.ask.forecast_cv)
    )];
    if scaled.len() > 1 {
        told.push(
            "the pools were searched together, in the proportions in which the scenario begins \
             and at one target, and then each pool's least servers alone: other proportions and \
             targets may be cheaper (`plimsoll sweep` holds them against each other)"
                .to_owned(),
        );
    }
    let fixed = draft.scenario.pool.iter().filter(|(_, pool)| pool.autoscaler.is_none());
    let fixed: Vec<String> = fixed.map(|(name, _)| format!("`{name}`")).collect();
    if !fixed.is_empty() {
        told.push(format!(
            "{} has no autoscaler and stays at the `servers` of the scenario",
            fixed.join(" and ")
        ));
    }
    told
}

/// Refuses questions that an autoscaler does not answer.
fn refuse(draft: &Draft<'_>) -> Result<(), Problem> {
    if draft.asked.ask.max_rate {
        return Err(Problem::new(
            "`--max-rate` asks what a fixed fleet carries, and this one scales",
        )
        .help("leave the autoscaler out, or plan its bounds without `--max-rate`"));
    }
    let fixed = |pool: &Pool| pool.autoscaler.as_ref().is_some_and(|it| it.policy.name == "fixed");
    if let Some((name, _)) = draft.scenario.pool.iter().find(|(_, pool)| fixed(pool)) {
        return Err(Problem::new(format!("`fixed` of pool `{name}` has no bounds to plan"))
            .help("leave it out: `plan` then finds the number of servers"));
    }
    Ok(())
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
    deal: Deal,
    /// As shares of a full server.
    targets: Vec<Option<f64>>,
    tried: Vec<(Setting, Scenario, Trial)>,
}

impl Course<'_> {
    /// Tries more and more servers that always stand by until some target meets the objectives,
    /// then fewer of them down to a tenth; false where it was stopped.
    fn search(&mut self, levels: impl IntoIterator<Item = u32>) -> Result<bool, Problem> {
        let (mut fails, mut holds) = (0, None);
        for level in levels {
            if level <= fails {
                continue;
            }
            match self.round(level)? {
                None => return Ok(false),
                Some(false) => fails = level,
                Some(true) => {
                    holds = Some(level);
                    break;
                }
            }
        }
        let Some(mut holds) = holds else { return Ok(true) };
        while holds - fails > 1.max(holds / 10) {
            let level = fails + (holds - fails) / 2;
            match self.round(level)? {
                None => return Ok(false),
                Some(false) => fails = level,
                Some(true) => holds = level,
            }
        }
        Ok(true)
    }

    /// Tries targets at a level: whether any meets the objectives.
    fn round(&mut self, level: u32) -> Result<Option<bool>, Problem> {
        let mut met = false;
        for (place, target) in self.targets.clone().into_iter().enumerate() {
            if place == MISSES && !met {
                break;
            }
            let setting = Setting { bounds: self.deal.bounds(level), target };
            match self.meets(setting)? {
                None => return Ok(None),
                Some(this) => met |= this,
            }
        }
        Ok(Some(met))
    }

    /// Whether a setting meets the objectives; what was tried is not tried again.
    fn meets(&mut self, setting: Setting) -> Result<Option<bool>, Problem> {
        if let Some((.., trial)) = self.tried.iter().find(|(tried, ..)| *tried == setting) {
            return Ok(Some(trial.met()));
        }
        let variant = setting.applied(self.gate.base)?;
        let told = setting::told(&setting.paths(self.gate.base));
        self.gate.monitor.stage(&format!("settings: {told}"));
        let Some(trial) = self.judge(&variant, 1.0, EFFORT)? else { return Ok(None) };
        let met = trial.met();
        self.tried.push((setting, variant, trial));
        Ok(Some(met))
    }

    /// Lowers the least servers of one pool after the other, those whose work costs the most first,
    /// in the cheapest setting of several pools; false where it was stopped.
    fn trim(&mut self, draft: &Draft<'_>) -> Result<bool, Problem> {
        let mut order = self.deal.searched();
        if order.len() < 2 {
            return Ok(true);
        }
        let price = |at: usize| setting::work_price(&self.gate.base.pool[at]);
        order.sort_by(|&a, &b| price(b).total_cmp(&price(a)).then(b.cmp(&a)));
        let Some(best) = self.cheapest(draft) else { return Ok(true) };
        let mut setting = self.tried[best].0.clone();
        for at in order {
            let Some(Bounds { min, max }) = setting.bounds[at] else { continue };
            let lower = |min: u32| setting.with(at, Bounds { min, max });
            match smallest(1, 1, min, |few| self.meets(lower(few)))? {
                Found::Stopped => return Ok(false),
                Found::At(few) => setting = lower(few),
                Found::Nowhere => {}
            }
        }
        Ok(true)
    }

    /// The cheapest setting that meets the objectives within the budget; of equals the one with the
    /// fewest server-hours, then the first.
    fn cheapest(&self, draft: &Draft<'_>) -> Option<usize> {
        let may = |at: &usize| {
            let trial = &self.tried[*at].2;
            trial.met() && within_budget(draft, trial)
        };
        // By servers and not by hours: runs may differ in length.
        let by = |at: usize| (self.tried[at].2.cost_per_hour, self.tried[at].2.staff.mean);
        (0..self.tried.len())
            .filter(may)
            .min_by(|&a, &b| by(a).0.total_cmp(&by(b).0).then(by(a).1.total_cmp(&by(b).1)))
    }
}

impl Course<'_> {
    /// The cheapest setting with as many servers at most as it may need; one that fresh random
    /// numbers do not confirm is struck out.
    fn winner(
        &mut self,
        draft: &Draft<'_>,
        advice: &mut Vec<String>,
    ) -> Result<Option<Winner>, Problem> {
        self.gate.monitor.stage("verifying");
        for test in 1..=u64::from(TESTS) {
            let Some(best) = self.cheapest(draft) else { return Ok(None) };
            let (setting, _, trial) = self.tried[best].clone();
            let setting = self.bounded(&setting, &trial.staff, draft.asked.ask.forecast_cv);
            let scenario = setting.applied(self.gate.base)?;
            let effort = Effort { first: test * FRESH, ..EFFORT };
            let fresh = self.judge(&scenario, 1.0, effort)?;
            if let Some(fresh) = fresh.as_ref().filter(|fresh| !fresh.met()) {
                advice.push(words::refuted(&self.candidate(&setting, 1.0, fresh)));
                self.tried[best].2 = fresh.clone();
                continue;
            }
            let verified = fresh.is_some();
            // What it comes to with these bounds, on the requests of all other settings.
            let trial = self.judge(&scenario, 1.0, EFFORT)?.unwrap_or(trial);
            return Ok(Some(Winner { setting, scenario, trial, verified, loads: Vec::new() }));
        }
        Ok(None)
    }

    /// A setting with as many servers at most as it had, for the load that a forecast may bring.
    fn bounded(&self, setting: &Setting, had: &Staff, cv: f64) -> Setting {
        let growth = words::worst_load(cv).max(1.0);
        let bound = |(at, bounds): (usize, &Option<Bounds>)| {
            bounds.map(|Bounds { min, .. }| {
                let most = had.peaks.get(at).copied().unwrap_or(had.most);
                let most = (f64::from(most) * growth).ceil() as u32;
                Bounds { min, max: most.max(min).min(self.deal.allowed(at)) }
            })
        };
        Setting { bounds: setting.bounds.iter().enumerate().map(bound).collect(), ..*setting }
    }

    /// The most that a setting carries, in steps of a hundredth, with all loads that were tried.
    fn carried(
        &self,
        scenario: &Scenario,
        at_plan: &Trial,
        setting: &Setting,
        (step, guess): (&str, f64),
    ) -> Result<(Carried, Vec<Candidate>), Problem> {
        let mut loads: Vec<Candidate> = vec![self.candidate(setting, 1.0, at_plan)];
        let mut look = |load: f64| {
            if let Some(known) = loads.iter().find(|known| known.load == load) {
                return Ok(Some(known.clone()));
            }
            self.gate.monitor.stage(&format!("{step} × {load}"));
            let found = self.judge(scenario, load, headroom::effort(self.gate.base))?;
            let found = found.map(|trial| self.candidate(setting, load, &trial));
            loads.extend(found.clone());
            Ok(found)
        };
        let found = carried(&mut look, guess, at_plan.met())?;
        Ok((found, loads))
    }

    /// Adds what bounds one server higher and lower change; false where it was stopped.
    fn neighbours(
        &self,
        winner: &Winner,
        own: &Carried,
        draft: &Draft<'_>,
        found: &mut Recommendation,
    ) -> Result<bool, Problem> {
        self.gate.monitor.stage("neighbours");
        // Of several pools the one whose servers cost the least, as in a fixed fleet.
        let price = |at: &usize| self.gate.base.pool[*at].price.0;
        let pools = self.deal.searched();
        let pool = pools.into_iter().min_by(|a, b| price(a).total_cmp(&price(b)));
        let Some((pool, bounds)) = pool.and_then(|at| Some((at, winner.setting.bounds[at]?)))
        else {
            return Ok(true);
        };
        let Bounds { min, max } = bounds;
        let most = self.deal.allowed(pool);
        let higher = Bounds { min: (min + 1).min(most), max: max.saturating_add(1).min(most) };
        let lower = Bounds { min: (min - 1).max(1), max: (max - 1).max(1) };
        for (is_more, other) in [(true, higher), (false, lower)] {
            if other == bounds {
                continue;
            }
            let setting = winner.setting.with(pool, other);
            let Some(told) = self.beside(&setting, pool, own, draft)? else { return Ok(false) };
            let place = if is_more { &mut found.one_more } else { &mut found.one_less };
            *place = Some(told);
        }
        Ok(true)
    }

    /// A setting beside the recommended one; `None` where it was stopped.
    fn beside(
        &self,
        setting: &Setting,
        pool: usize,
        own: &Carried,
        draft: &Draft<'_>,
    ) -> Result<Option<Neighbour>, Problem> {
        let scenario = setting.applied(self.gate.base)?;
        let Some(trial) = self.judge(&scenario, 1.0, EFFORT)? else { return Ok(None) };
        let guess = ("neighbours", own.load.unwrap_or(1.0));
        let (carried, _) = self.carried(&scenario, &trial, setting, guess)?;
        let name = self.gate.base.pool.get_index(pool).map_or("", |(name, _)| name);
        let mut told = super::neighbour(&self.candidate(setting, 1.0, &trial), name);
        told.headroom = carried.headroom();
        told.at_least = carried.is_floor();
        told.met_under_forecast_error = met_under_error(&carried, draft.asked.ask.forecast_cv);
        Ok(Some(told))
    }

    fn judge(
        &self,
        scenario: &Scenario,
        load: f64,
        effort: Effort,
    ) -> Result<Option<Trial>, Problem> {
        let capacity = self.deal.capacity();
        self.gate.judge_scenario(at_load(scenario.clone(), load), capacity, load, effort)
    }

    fn candidate(&self, setting: &Setting, load: f64, trial: &Trial) -> Candidate {
        let most = |(at, (name, pool)): (usize, (&String, &Pool))| {
            let fixed = pool.autoscaler.is_none().then_some(pool.servers);
            let had = trial.staff.peaks.get(at).copied().unwrap_or(0);
            (name.clone(), fixed.unwrap_or(had))
        };
        Candidate {
            servers: trial.staff.most,
            pools: self.gate.base.pool.iter().enumerate().map(most).collect(),
            settings: setting.paths(self.gate.base),
            simulated_servers: trial.staff.most,
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

    fn recommended(&self, winner: &Winner, own: &Carried, draft: &Draft<'_>) -> Recommendation {
        let Winner { setting, trial, .. } = winner;
        let rate = draft.load.rate;
        let bounds = self.gate.base.pool.iter().zip(&setting.bounds);
        let pools = bounds.map(|((name, pool), bounds)| {
            (name.clone(), bounds.map_or(pool.servers, |bounds| bounds.max))
        });
        Recommendation {
            servers: trial.staff.mean,
            pools: pools.collect(),
            settings: setting.paths(self.gate.base),
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

/// The bounds of what is possible: a perfect autoscaler, and a fleet fixed at the peak. Both follow
/// from the demand for servers of one kind; of several pools that is the one whose work costs the
/// least, alone.
fn ideal(gate: &Gate<'_>, variant: &Scenario, staff: &Staff, draft: &mut Draft<'_>) {
    let watch = crate::experiment::Relay::new(gate.monitor);
    let mut variant = variant.clone();
    if variant.pool.len() > 1 {
        let scaled = variant.pool.iter().filter(|(_, pool)| pool.autoscaler.is_some());
        let kind = scaled
            .min_by(|(_, a), (_, b)| setting::work_price(a).total_cmp(&setting::work_price(b)));
        let Some(name) = kind.map(|(name, _)| name.clone()) else { return };
        variant.pool.retain(|pool, _| *pool == name);
        // What befalls the other pools, and routes to them, is beside the demand.
        variant.failure.clear();
        draft.bounds.ideal_in_pool = Some(name);
    }
    // A policy that needs the other pools leaves the bounds unknown.
    let Ok((measured, ())) = variant.simulate(0, Duration::ZERO, (), &watch) else {
        draft.bounds.ideal_in_pool = None;
        return;
    };
    let outcome = variant.outcome(&measured);
    if let Some(found) = outcome.autoscaling.first().and_then(|pool| pool.bounds.clone()) {
        // In the time that a run of the plan took, which need not be that of the scenario.
        let hours = staff.hours / staff.mean.max(f64::MIN_POSITIVE);
        let same = hours / (outcome.duration_s / 3600.0).max(f64::MIN_POSITIVE);
        draft.bounds.ideal_autoscaler_server_hours = Some(found.ideal_server_hours * same);
        draft.bounds.static_peak_servers = Some(found.static_peak_servers);
        draft.bounds.static_peak_server_hours = Some(found.static_peak_hours * same);
    }
}

/// Where an autoscaler takes as much as the fleet that needs none: server-hours, or money where
/// there are servers of several kinds.
fn dear(plan: &Plan, base: &Scenario) -> Option<String> {
    let PlanBounds { autoscaled_server_hours, static_peak_server_hours, .. } = plan.bounds;
    let servers = plan.bounds.static_peak_servers?;
    let (dear, fixed) = if let Some(pool) = &plan.bounds.ideal_in_pool {
        let fixed = f64::from(servers) * base.pool[pool].price.0;
        let own = plan.recommendation.as_ref()?.cost_per_hour;
        let told = format!("servers of {pool} all the time cost {fixed:.2} an hour");
        (fixed > 0.0 && own >= fixed, told)
    } else {
        let fixed = static_peak_server_hours?;
        let told = format!("servers all the time take {fixed:.2} server-hours");
        (autoscaled_server_hours? >= fixed, told)
    };
    dear.then(|| {
        format!(
            "the autoscaler saves nothing here: {servers} {fixed}; plan without it to see whether \
             they meet the objectives"
        )
    })
}

fn told(
    draft: &Draft<'_>,
    found: Option<&Recommendation>,
    course: &Course<'_>,
    stopped: bool,
) -> (Answer, String) {
    let goals: Vec<&str> = draft.asked.goals.iter().map(|goal| goal.text.as_str()).collect();
    let goals = goals.join(", ");
    let limit =
        draft.asked.ask.budget.map_or(String::new(), |most| format!(" for {} an hour", most.0));
    let Some(found) = found else {
        return none_found(draft, course, stopped, &format!("{goals}{limit}"));
    };
    // Servers on average: hours would be those of a run whose length only the plan knows.
    let PlanBounds { span_hours, autoscaled_server_hours, .. } = draft.bounds;
    let mean = |hours: Option<f64>| Some(hours? / span_hours?);
    let of = |bound: Option<f64>| match mean(bound) {
        Some(bound) if bound > 0.0 => format!("{bound:.2}"),
        _ => "an unknown number of".to_owned(),
    };
    let more = found.headroom.map_or(String::new(), |share| {
        format!(" It carries {} more traffic{}.", words::percent(share), words::then(found))
    });
    // Of one pool of several the demand is that of the whole load on it alone: another question.
    let beside = if draft.bounds.ideal_in_pool.is_some() {
        String::new()
    } else {
        format!(
            "; a perfect autoscaler would need {}, a fleet fixed at the peak {}",
            of(draft.bounds.ideal_autoscaler_server_hours),
            of(draft.bounds.static_peak_server_hours)
        )
    };
    let answer = format!(
        "Set {}: {goals} holds with {} servers on average{beside}.{more}",
        setting::to_set(&found.settings),
        of(autoscaled_server_hours),
    );
    (Answer::Met, answer)
}

/// No setting is known to meet the plan.
fn none_found(
    draft: &Draft<'_>,
    course: &Course<'_>,
    stopped: bool,
    what: &str,
) -> (Answer, String) {
    if stopped {
        return (
            Answer::Undecided,
            format!("Stopped early: no setting of the autoscaler is known yet to meet {what}."),
        );
    }
    let tried = &course.tried;
    let told = |setting: &Setting, trial: &Trial| {
        let found = course.candidate(setting, 1.0, trial);
        (setting::told(&found.settings), found)
    };
    let open = |trial: &Trial| !fails(trial.ruling) && !trial.met();
    if let Some((setting, _, trial)) = tried.iter().find(|(.., trial)| open(trial)) {
        let (name, found) = told(setting, trial);
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
    let close = close.map_or(String::new(), |(setting, _, trial)| match told(setting, trial) {
        (name, _) if trial.met() => {
            let currency = &draft.scenario.currency;
            format!(" {name} does, for {:.2} {currency} an hour.", trial.cost_per_hour)
        }
        (name, found) => format!(" The closest, {name}, comes to {}.", words::missed(&found)),
    });
    (Answer::Unmet, format!("No setting of the autoscaler that was tried meets {what}.{close}"))
}
