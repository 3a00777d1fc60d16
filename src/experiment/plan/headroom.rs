//! How much more a fleet carries, and what that means for a forecast that may be wrong.
//!
//! The load is scaled in steps of a hundredth, up to the largest that is carried for sure, and on
//! to the smallest that for sure is not: between the two nobody can tell, and the answer says so.
//! With a load that is lognormal around the forecast with coefficient of variation v, the
//! objectives hold with the probability Φ((ln(λ*/λ) + v²/2) / v), where λ* is the most that the
//! fleet carries.
//!
//! Before that the fleet that was chosen is looked at with fresh random numbers, which chose
//! nothing: what the answer claims rests on them. A fleet that they do not confirm grows by what a
//! loss leaves one server more of.

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

    /// Whether the most that is carried may be more than what is known to be.
    pub(super) fn is_floor(&self) -> bool {
        self.load.is_some() && (self.open.is_some() || self.breaks.is_none())
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
    carries_plan: bool,
) -> Result<Carried, Problem> {
    carried_between(look, guess, if carries_plan { (101, FAR) } else { (1, 100) })
}

/// The same where the most that is carried lies just below one of these hundredths.
fn carried_between(
    look: AtLoad<'_>,
    guess: f64,
    (least, most): (u32, u32),
) -> Result<Carried, Problem> {
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

/// About how many times the load a fixed fleet carries.
fn guess(hunt: &Hunt<'_>, fleet: &[u32]) -> f64 {
    let slots = (hunt.left(fleet) / hunt.model.speed) as u32;
    hunt.model.scale(&hunt.asked.goals, slots.max(1))
}

/// Finds the most that a fixed fleet carries.
fn carried_by(hunt: &mut Hunt<'_>, fleet: &[u32], carries_plan: bool) -> Result<Carried, Problem> {
    if hunt.stopped {
        return Ok(Carried::default());
    }
    let (guess, effort) = (guess(hunt, fleet), effort(hunt.gate.base));
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
    let (more, less) = (one_more(hunt, &fleet, pool), with(&fleet, pool, fleet[pool] - 1));
    let effort = hunt.effort;
    let above = if hunt.stopped { None } else { hunt.look(&more, 1.0, effort)? };
    let alone = less.iter().all(|&n| n == 0);
    let below = if alone || hunt.stopped { None } else { hunt.look(&less, 1.0, effort)? };
    advice.extend(words::no_better_with_more(hunt, &fleet));
    hunt.begin("headroom");
    let own = carried_by(hunt, &fleet, true)?;
    // The knee is drawn from below: a few loads that say how far the fleet is from its limit.
    for load in [0.6, 0.8, 0.9] {
        if !hunt.stopped {
            hunt.look(&fleet, load, self::effort(hunt.gate.base))?;
        }
    }
    let names = changed(hunt, &fleet, &more);
    let one_more = beside(hunt, &more, &names, above)?;
    let one_less = beside(hunt, &less, &changed(hunt, &fleet, &less), below)?;
    let mut recommendation = recommend(hunt, &fleet, &own, &draft)?;
    recommendation.verified = fresh == Fresh::Confirmed;
    (recommendation.one_more, recommendation.one_less) = (one_more, one_less);
    advice.extend(words::forecast(hunt, &recommendation));
    let mut written = hunt.gate.scenario(&fleet, 1.0);
    advice.extend(perils::told(hunt.gate.base, &written));
    perils::forget(&mut written);
    let mut plan = draft.plan(Answer::Met, Some(recommendation));
    plan.scenario = serde_json::to_value(written).expect("a scenario is plain data");
    plan.advice.extend(advice);
    Ok(words::finish(hunt, plan, &fleet))
}

/// What fresh random numbers say of a fleet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fresh {
    Confirmed,
    /// They were stopped.
    Open,
    /// They do not confirm it, and no larger one may be tried.
    Refuted,
}

/// Whether fresh random numbers say the same; a fleet that they refute, or cannot tell from its
/// limit, grows, within what is allowed.
fn verify(hunt: &mut Hunt<'_>, fleet: &mut Vec<u32>) -> Result<(Fresh, Vec<String>), Problem> {
    hunt.begin("verifying");
    let mut advice = Vec::new();
    for test in 1..=u64::from(TESTS) {
        let fresh = Effort { first: test * FRESH, ..hunt.effort };
        let Some(found) = hunt.look(fleet, 1.0, fresh)? else { return Ok((Fresh::Open, advice)) };
        match found.ruling {
            Ruling::Met => return Ok((Fresh::Confirmed, advice)),
            _ => {
                let told = words::refuted(&found);
                let allowed = |pool: usize, fleet: &[u32]| hunt.allowed(pool, fleet);
                let Some(larger) = grown(hunt, fleet, allowed) else {
                    advice.push(format!("{told}, and nothing larger is allowed"));
                    return Ok((Fresh::Refuted, advice));
                };
                advice.push(format!("{told}: the next larger one was tried"));
                if !hunt.meets(&larger)? {
                    return Ok((if hunt.stopped { Fresh::Open } else { Fresh::Refuted }, advice));
                }
                *fleet = larger;
            }
        }
    }
    Ok((Fresh::Refuted, advice))
}

/// The next fleet of which a loss leaves more, server by server where that leaves the most, of
/// equals the cheapest; `None` where no more are allowed of any pool beside the others.
fn grown(hunt: &Hunt<'_>, fleet: &[u32], most: impl Fn(usize, &[u32]) -> u32) -> Option<Vec<u32>> {
    let (mut larger, now) = (fleet.to_vec(), hunt.left(fleet));
    // Each zone may need one, and of zones with an even share one in so many adds nothing.
    for _ in 0..=2 * fleet.len() {
        let allowed = |&pool: &usize| larger[pool] < most(pool, &larger);
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

/// A server more in a pool, or the next larger fleet where one server adds nothing to what a loss
/// leaves: zones grow together.
fn one_more(hunt: &Hunt<'_>, fleet: &[u32], pool: usize) -> Vec<u32> {
    let one = with(fleet, pool, fleet[pool] + 1);
    if hunt.left(&one) > hunt.left(fleet) {
        return one;
    }
    grown(hunt, fleet, |_, _| u32::MAX).unwrap_or(one)
}

/// The names of the pools in which two fleets differ.
fn changed(hunt: &Hunt<'_>, fleet: &[u32], other: &[u32]) -> String {
    let pools = hunt.gate.base.pool.keys().zip(fleet.iter().zip(other));
    let names = pools.filter(|(_, (a, b))| a != b).map(|(name, _)| name.as_str());
    names.collect::<Vec<_>>().join(" and ")
}

fn beside(
    hunt: &mut Hunt<'_>,
    fleet: &[u32],
    pools: &str,
    found: Option<Candidate>,
) -> Result<Option<Neighbour>, Problem> {
    let Some(found) = found else { return Ok(None) };
    let own = carried_by(hunt, fleet, found.met)?;
    let mut told = neighbour(&found, pools);
    told.headroom = own.headroom();
    told.at_least = own.is_floor();
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

/// Shares of the load that are looked at where the search from a guess came to nothing.
const ANCHORS: [f64; 4] = [0.75, 0.5, 0.25, 0.1];

/// The most that a fleet carries, whatever it carries now.
///
/// Less traffic can tell less: a hundredth of a trace has no 99th percentile to speak of. So the
/// search begins with the load as it is, and where it ends below everything that can be told,
/// with the first share of the load that is carried for sure.
fn most_carried(look: AtLoad<'_>, guess: f64) -> Result<Carried, Problem> {
    let Some(now) = look(1.0)? else { return Ok(Carried::default()) };
    let own = carried(look, guess, now.met)?;
    if now.met || own.load.is_some() || own.open.is_none() {
        return Ok(own);
    }
    let mut above = 100;
    for anchor in ANCHORS {
        let Some(found) = look(anchor)? else { return Ok(Carried::default()) };
        let hundredths = (100.0 * anchor) as u32;
        if found.met {
            return carried_between(look, anchor, (hundredths + 1, above));
        }
        above = hundredths;
    }
    Ok(own)
}

/// The question turned round: what the fleet of the scenario carries.
pub(super) fn of_the_fleet_as_it_is(
    hunt: &mut Hunt<'_>,
    draft: Draft<'_>,
) -> Result<Plan, Problem> {
    let fleet: Vec<u32> = hunt.gate.base.pool.values().map(|pool| pool.servers).collect();
    hunt.begin("rate");
    let (guess, effort) = (guess(hunt, &fleet), effort(hunt.gate.base));
    let own = most_carried(&mut |load| hunt.look(&fleet, load, effort), guess)?;
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
            let found = carried(&mut { at }, guess, true).unwrap();
            assert_eq!(found.load, Some(1.19), "from {guess}");
            assert_eq!(found.open.map(|open| open.load), Some(1.2));
            assert_eq!(found.breaks.map(|breaks| breaks.load), Some(1.3));
        }
    }

    #[test]
    fn what_little_traffic_cannot_tell_more_of_it_does() {
        for (most, wanted) in [(1.1, 1.1), (0.6, 0.6)] {
            let at = |load: f64| {
                let ruling = match load {
                    l if l < 0.4 => Ruling::Undecided,
                    l if l < most + 0.001 => Ruling::Met,
                    l if l < most + 0.1 => Ruling::Boundary,
                    _ => Ruling::Missed,
                };
                let met = ruling == Ruling::Met;
                Ok(Some(Candidate { load, met, ruling, ..words::unknown(&[], &[]) }))
            };
            for guess in [0.05, 0.5, 2.0] {
                let found = most_carried(&mut { at }, guess).unwrap();
                assert_eq!(found.load, Some(wanted), "from {guess}");
                assert!(found.is_floor() && found.breaks.is_some());
            }
        }
    }
}
