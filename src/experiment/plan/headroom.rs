//! How much more a fleet carries, and what that means for a forecast that may be wrong.
//!
//! The load is scaled in steps of a hundredth, up to the largest that is carried for sure, and on
//! to the smallest that for sure is not: between the two nobody can tell, and the answer says so.
//! With a load that is lognormal around the forecast with coefficient of variation v, the
//! objectives hold with the probability Φ((ln(λ*/λ) + v²/2) / v), where λ* is the most that the
//! fleet carries.
//!
//! Before that the fleet that was chosen is looked at with fresh random numbers, which chose
//! nothing: what the answer claims rests on them. A fleet that they refute grows by what a loss
//! leaves one server more of.

use super::gate::{Effort, TESTS};
use super::hunt::{Hunt, fails, with};
use super::mix::Choice;
use super::search::{Found, smallest};
use super::{Draft, FRESH, SETTLED, neighbour, perils, words};
use crate::diagnose::Problem;
use crate::experiment::twin;
use crate::outcome::{Answer, Candidate, Neighbour, Plan, Recommendation, Ruling};
use crate::scenario::Scenario;
use crate::stats::special::normal_cdf;

/// What is spent on one load: a headroom in whole percents needs no more, and a fleet of hundreds
/// of servers close to saturation no less, for its queue remembers millions of requests. Of a queue
/// of Erlang the formula settles the rest.
pub(super) fn effort(scenario: &Scenario) -> Effort {
    let share = if twin::is_erlangs(scenario) { SETTLED } else { 1.0 };
    Effort { precision: 0.1, most: share * 20e6, first: 0 }
}

/// Times the load beyond which nobody asks, in hundredths.
const FAR: u32 = 100 * 100;

/// The most that a fleet carries.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried {
    /// As a multiple of the load of the plan; `None` where not even a hundredth is carried, or
    /// where the search was stopped.
    pub(super) load: Option<f64>,
    /// The first load that is not carried for sure.
    pub(super) breaks: Option<Candidate>,
    /// The first load of which nobody can tell, if there is one between.
    pub(super) open: Option<Candidate>,
}

impl Carried {
    pub(super) fn headroom(&self) -> Option<f64> {
        self.load.map(|load| load - 1.0)
    }

    /// The objective that breaks first.
    pub(super) fn broken(&self) -> Option<String> {
        let breaks = self.breaks.as_ref()?;
        if breaks.ruling == Ruling::Overloaded {
            return Some("the fleet is saturated".to_owned());
        }
        let surely = breaks.measures.iter().find(|one| !one.met && !one.inconclusive);
        surely.or(breaks.measures.iter().find(|one| !one.met)).map(|one| one.objective.clone())
    }
}

/// What becomes of a fleet at a multiple of the load; `None` where it was stopped.
type AtLoad<'a> = &'a mut dyn FnMut(f64) -> Result<Option<Candidate>, Problem>;

/// Finds the most that a fleet carries from a guess; `carries_plan` is what is known of the load of
/// the plan.
pub(super) fn carried(
    look: AtLoad<'_>,
    guess: f64,
    carries_plan: Option<bool>,
) -> Result<Carried, Problem> {
    let (least, most) = match carries_plan {
        Some(true) => (101, FAR),
        Some(false) => (1, 100),
        None => (1, FAR),
    };
    let mut at = |hundredths: u32| look(f64::from(hundredths) / 100.0);
    let start = (100.0 * guess) as u32 + 1;
    let found = smallest(start, least, most, |load| Ok(at(load)?.map(|found| !found.met)))?;
    let Found::At(first) = found else {
        let load = (found == Found::Nowhere).then(|| f64::from(most) / 100.0);
        return Ok(Carried { load, ..Carried::default() });
    };
    let load = (first > 1).then(|| f64::from(first - 1) / 100.0);
    let Some(breaks) = at(first)? else { return Ok(Carried::default()) };
    if fails(breaks.ruling) {
        return Ok(Carried { load, breaks: Some(breaks), open: None });
    }
    let sure = smallest(first + 1, first + 1, FAR + 1, |load| {
        Ok(at(load)?.map(|found| fails(found.ruling)))
    })?;
    let open = Some(breaks);
    Ok(match sure {
        Found::At(sure) => Carried { load, breaks: at(sure)?, open },
        Found::Nowhere => Carried { load, breaks: None, open },
        Found::Stopped => Carried::default(),
    })
}

/// Finds the most that a fixed fleet carries.
fn carried_by(
    hunt: &mut Hunt<'_>,
    fleet: &[u32],
    carries_plan: Option<bool>,
) -> Result<Carried, Problem> {
    if hunt.stopped {
        return Ok(Carried::default());
    }
    let slots = (hunt.left(fleet) / hunt.model.speed) as u32;
    let guess = hunt.model.scale(&hunt.asked.goals, slots.max(1));
    let effort = effort(hunt.gate.base);
    carried(&mut |load| hunt.look(fleet, load, effort), guess, carries_plan)
}

/// The probability that a load which is off by `cv` is carried.
pub(super) fn met_under_error(carried: &Carried, cv: f64) -> Option<f64> {
    let load = carried.load?;
    Some(match cv {
        0.0 => f64::from(u8::from(load >= 1.0)),
        v => normal_cdf((load.ln() + 0.5 * v * v) / v),
    })
}

/// The fleet that was chosen, verified, with its neighbours and its headroom.
pub(super) fn around(
    hunt: &mut Hunt<'_>,
    choice: &Choice,
    draft: Draft<'_>,
) -> Result<Plan, Problem> {
    let Some(mut fleet) = choice.fleet.clone().filter(|_| !hunt.stopped) else {
        return Ok(words::none_found(hunt, choice, draft));
    };
    let (fresh, mut advice) = verify(hunt, &mut fleet)?;
    advice.extend(choice.advice.iter().cloned());
    if fresh == Fresh::Refuted {
        let mut plan = words::none_found(hunt, choice, draft);
        plan.advice.extend(advice);
        return Ok(plan);
    }
    let pool = changing(hunt, &fleet);
    hunt.begin("neighbours");
    let (more, less) = (with(&fleet, pool, fleet[pool] + 1), with(&fleet, pool, fleet[pool] - 1));
    let effort = hunt.effort;
    let above = if hunt.stopped { None } else { hunt.look(&more, 1.0, effort)? };
    let alone = less.iter().all(|&n| n == 0);
    let below = if alone || hunt.stopped { None } else { hunt.look(&less, 1.0, effort)? };
    advice.extend(words::no_better_with_more(hunt, &fleet));
    hunt.begin("headroom");
    let own = carried_by(hunt, &fleet, Some(true))?;
    // The knee is drawn from below: a few loads that say how far the fleet is from its limit.
    for load in [0.6, 0.8, 0.9] {
        if !hunt.stopped {
            hunt.look(&fleet, load, self::effort(hunt.gate.base))?;
        }
    }
    let one_more = beside(hunt, &more, pool, above)?;
    let one_less = beside(hunt, &less, pool, below)?;
    let mut recommendation = recommend(hunt, &fleet, &own, &draft)?;
    recommendation.verified = fresh == Fresh::Confirmed;
    (recommendation.one_more, recommendation.one_less) = (one_more, one_less);
    advice.extend(words::forecast(hunt, &recommendation));
    let mut written = hunt.gate.scenario(&fleet, 1.0);
    advice.extend(perils::told(hunt.gate.base, &written));
    perils::forget(&mut written);
    let mut plan = draft.plan(Answer::Met, Some(recommendation));
    plan.scenario = serde_json::to_value(written).expect("a scenario is plain data");
    plan.advice = advice;
    Ok(words::finish(hunt, plan, &fleet))
}

/// What fresh random numbers say of a fleet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fresh {
    Confirmed,
    /// They cannot tell, or were stopped.
    Open,
    /// It does not meet the plan, and no larger one may be tried.
    Refuted,
}

/// Whether fresh random numbers say the same; a fleet that they refute grows, within what is
/// allowed.
fn verify(hunt: &mut Hunt<'_>, fleet: &mut Vec<u32>) -> Result<(Fresh, Vec<String>), Problem> {
    hunt.begin("verifying");
    let mut advice = Vec::new();
    for test in 1..=u64::from(TESTS) {
        let fresh = Effort { first: test * FRESH, ..hunt.effort };
        let Some(found) = hunt.look(fleet, 1.0, fresh)? else { return Ok((Fresh::Open, advice)) };
        match found.ruling {
            Ruling::Met => return Ok((Fresh::Confirmed, advice)),
            Ruling::Missed | Ruling::Overloaded => {
                let told = words::refuted(&found);
                let Some(larger) = grown(hunt, fleet) else {
                    advice.push(format!("{told}, and nothing larger is allowed"));
                    return Ok((Fresh::Refuted, advice));
                };
                advice.push(format!("{told}: the next larger one was tried"));
                if !hunt.meets(&larger)? {
                    return Ok((if hunt.stopped { Fresh::Open } else { Fresh::Refuted }, advice));
                }
                *fleet = larger;
            }
            Ruling::Boundary | Ruling::Undecided => {
                advice.push(
                    "fresh random numbers could not tell the recommended fleet from its limit: \
                     one server more is safer"
                        .to_owned(),
                );
                return Ok((Fresh::Open, advice));
            }
        }
    }
    Ok((Fresh::Refuted, advice))
}

/// The next fleet of which a loss leaves more, server by server where that leaves the most, of
/// equals the cheapest; `None` where the budget or the capacities allow none.
fn grown(hunt: &Hunt<'_>, fleet: &[u32]) -> Option<Vec<u32>> {
    let (mut larger, now) = (fleet.to_vec(), hunt.left(fleet));
    // Each zone may need one, and of zones with an even share one in so many adds nothing.
    for _ in 0..=2 * fleet.len() {
        let allowed = |&pool: &usize| larger[pool] < hunt.allowed(pool, &larger);
        let used = |&pool: &usize| fleet[pool] > 0;
        let pools = (0..fleet.len()).filter(used).filter(allowed);
        let next = |pool: usize| with(&larger, pool, larger[pool] + 1);
        let best = pools.min_by(|&a, &b| {
            let (a, b) = (next(a), next(b));
            hunt.left(&b).total_cmp(&hunt.left(&a)).then(hunt.cost(&a).total_cmp(&hunt.cost(&b)))
        })?;
        larger = next(best);
        if hunt.left(&larger) > now {
            return Some(larger);
        }
    }
    None
}

/// The pool in which a server more or less is weighed: the cheapest one in use.
fn changing(hunt: &Hunt<'_>, fleet: &[u32]) -> usize {
    let price = |pool: &usize| hunt.gate.base.pool[*pool].price.0;
    let used = (0..fleet.len()).filter(|&pool| fleet[pool] > 0);
    used.min_by(|a, b| price(a).total_cmp(&price(b))).unwrap_or(0)
}

fn beside(
    hunt: &mut Hunt<'_>,
    fleet: &[u32],
    pool: usize,
    found: Option<Candidate>,
) -> Result<Option<Neighbour>, Problem> {
    let Some(found) = found else { return Ok(None) };
    let name = hunt.gate.base.pool.get_index(pool).map_or("", |(name, _)| name).to_owned();
    let own = carried_by(hunt, fleet, Some(found.met))?;
    let mut told = neighbour(&found, &name);
    told.headroom = own.headroom();
    told.met_under_forecast_error = met_under_error(&own, hunt.asked.ask.forecast_cv);
    Ok(Some(told))
}

/// What a fleet comes to, as it was judged at the load of the plan.
fn recommend(
    hunt: &mut Hunt<'_>,
    fleet: &[u32],
    own: &Carried,
    draft: &Draft<'_>,
) -> Result<Recommendation, Problem> {
    let effort = hunt.effort;
    let at_plan = hunt.tried.iter().find(|(tried, found)| tried == fleet && found.load == 1.0);
    let found = match at_plan {
        Some((_, found)) => found.clone(),
        None => hunt.look(fleet, 1.0, effort)?.unwrap_or_else(|| hunt.unknown(fleet)),
    };
    let settings = found.pools.iter();
    let settings = settings.map(|(name, &n)| (format!("pool.{name}.servers"), n.into()));
    let bottleneck = words::bottleneck(hunt, fleet, &found);
    Ok(Recommendation {
        servers: f64::from(found.servers),
        settings: settings.collect(),
        pools: found.pools,
        cost_per_hour: found.cost_per_hour,
        headroom: own.headroom(),
        max_rate: own.load.map(|load| load * draft.load.rate),
        breaks_at_rate: own.breaks.as_ref().map(|breaks| breaks.load * draft.load.rate),
        open_after: own.open.as_ref().map(|open| open.requests),
        breaks_first: own.broken(),
        bottleneck,
        utilization: found.utilization,
        met_under_forecast_error: met_under_error(own, hunt.asked.ask.forecast_cv),
        objectives: found.measures,
        verified: false,
        one_more: None,
        one_less: None,
    })
}

/// The question turned round: what the fleet of the scenario carries.
pub(super) fn of_the_fleet_as_it_is(
    hunt: &mut Hunt<'_>,
    draft: Draft<'_>,
) -> Result<Plan, Problem> {
    let fleet: Vec<u32> = hunt.gate.base.pool.values().map(|pool| pool.servers).collect();
    hunt.begin("rate");
    let own = carried_by(hunt, &fleet, None)?;
    if hunt.stopped {
        return Ok(words::none_found(hunt, &Choice::default(), draft));
    }
    let recommendation = recommend(hunt, &fleet, &own, &draft)?;
    let verdict = match (own.load, &own.open) {
        (Some(_), _) => Answer::Met,
        (None, Some(_)) => Answer::Undecided,
        (None, None) => Answer::Unmet,
    };
    let plan = draft.plan(verdict, Some(recommendation));
    Ok(words::finish(hunt, plan, &fleet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_forecast_decides_as_the_reference_says() {
        // M/M/c at 100/s, 250 ms: 28 servers have 3.8 % in hand and hold with .66, 32 with .97.
        for (headroom, wanted) in [(-0.002, 0.51), (0.038, 0.66), (0.078, 0.79), (0.197, 0.97)] {
            let carried = Carried { load: Some(1.0 + headroom), ..Carried::default() };
            let got = met_under_error(&carried, 0.1).unwrap();
            assert!((got - wanted).abs() < 0.006, "{headroom}: {got}");
        }
    }

    #[test]
    fn what_cannot_be_told_lies_between_what_is_carried_and_what_breaks() {
        let at = |load: f64| {
            let ruling = match load {
                l if l < 1.2 => Ruling::Met,
                l if l < 1.3 => Ruling::Boundary,
                _ => Ruling::Missed,
            };
            let met = ruling == Ruling::Met;
            Ok(Some(Candidate { load, met, ruling, ..words::unknown(&[], &[]) }))
        };
        for guess in [0.5, 1.1, 1.25, 4.0] {
            let found = carried(&mut { at }, guess, Some(true)).unwrap();
            assert_eq!(found.load, Some(1.19), "from {guess}");
            assert_eq!(found.open.map(|open| open.load), Some(1.2));
            assert_eq!(found.breaks.map(|breaks| breaks.load), Some(1.3));
        }
    }
}
