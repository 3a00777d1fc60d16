//! How much more a fleet carries, and what that means for a forecast that may be wrong.
//!
//! The load is scaled in steps of a hundredth until the first objective breaks. With a load that is
//! lognormal around the forecast with coefficient of variation v, the objectives hold with the
//! probability Φ((ln(λ*/λ) + v²/2) / v), where λ* is the most that the fleet carries.

use super::gate::Effort;
use super::hunt::{Hunt, with};
use super::mix::Choice;
use super::search::{Found, smallest};
use super::{Draft, FRESH, neighbour, words};
use crate::diagnose::Problem;
use crate::outcome::{Answer, Candidate, Neighbour, Plan, Recommendation, Ruling};
use crate::stats::special::normal_cdf;

/// What is spent on one load: a headroom in whole percents needs no more.
const EFFORT: Effort = Effort { precision: 0.1, most: 4e6, first: 0 };

/// Times the load beyond which nobody asks.
const FAR: u32 = 100 * 100;

/// The most that a fleet carries.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried {
    /// As a multiple of the load of the plan; `None` where not even a hundredth is carried, or
    /// where the search was stopped.
    pub(super) load: Option<f64>,
    /// The first load that was not carried.
    pub(super) breaks: Option<Candidate>,
}

impl Carried {
    fn headroom(&self) -> Option<f64> {
        self.load.map(|load| load - 1.0)
    }

    /// The objective that breaks first.
    pub(super) fn broken(&self) -> Option<String> {
        let breaks = self.breaks.as_ref()?;
        if breaks.ruling == Ruling::Overloaded {
            return Some("the fleet is saturated".to_owned());
        }
        breaks.measures.iter().find(|one| !one.met).map(|one| one.objective.clone())
    }
}

/// Finds the most that a fleet carries; `carries_plan` is what is known of the load of the plan.
pub(super) fn carried(
    hunt: &mut Hunt<'_>,
    fleet: &[u32],
    carries_plan: Option<bool>,
) -> Result<Carried, Problem> {
    let (least, most) = match carries_plan {
        Some(true) => (101, FAR),
        Some(false) => (1, 100),
        None => (1, FAR),
    };
    let left = hunt.asked.survivors(fleet);
    let capacity = left.iter().map(|left| hunt.gate.capacity(left)).fold(f64::INFINITY, f64::min);
    let slots = (capacity / hunt.model.speed) as u32;
    let guess = 100.0 * hunt.model.scale(&hunt.asked.goals, slots.max(1));
    let found = smallest(guess as u32 + 1, least, most, |hundredths| {
        if carries_plan == Some(false) && hundredths == 100 {
            return Ok(Some(true));
        }
        let load = f64::from(hundredths) / 100.0;
        Ok(hunt.look(fleet, load, EFFORT)?.map(|candidate| !candidate.met))
    })?;
    Ok(match found {
        Found::At(first) => Carried {
            load: (first > 1).then(|| f64::from(first - 1) / 100.0),
            breaks: hunt.look(fleet, f64::from(first) / 100.0, EFFORT)?,
        },
        Found::Nowhere => Carried { load: Some(f64::from(most) / 100.0), breaks: None },
        Found::Stopped(..) => Carried::default(),
    })
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
    let (verified, mut advice) = verify(hunt, &mut fleet)?;
    advice.extend(choice.advice.iter().cloned());
    let pool = changing(hunt, &fleet);
    hunt.gate.monitor.stage("neighbours");
    let more = with(&fleet, pool, fleet[pool] + 1);
    let less = with(&fleet, pool, fleet[pool] - 1);
    let effort = hunt.effort;
    let above = if hunt.stopped { None } else { hunt.look(&more, 1.0, effort)? };
    let alone = less.iter().all(|&n| n == 0);
    let below = if alone || hunt.stopped { None } else { hunt.look(&less, 1.0, effort)? };
    if above.as_ref().is_some_and(|above| !above.met) {
        advice.push(
            "one server more does not meet the plan: this system does not get better with every \
             server, and the search took for granted that it does; hold fleets against each other \
             with `plimsoll sweep`"
                .to_owned(),
        );
    }
    hunt.gate.monitor.stage("headroom");
    let own = if hunt.stopped { Carried::default() } else { carried(hunt, &fleet, Some(true))? };
    // The knee is drawn from below: a few loads that say how far the fleet is from its limit.
    for load in [0.6, 0.8, 0.9] {
        if !hunt.stopped {
            hunt.look(&fleet, load, EFFORT)?;
        }
    }
    let one_more = beside(hunt, &more, pool, above)?;
    let one_less = beside(hunt, &less, pool, below)?;
    let mut recommendation = recommend(hunt, &fleet, &own, &draft)?;
    recommendation.verified = verified;
    (recommendation.one_more, recommendation.one_less) = (one_more, one_less);
    advice.extend(words::forecast(hunt, &recommendation));
    let mut plan = draft.plan(Answer::Met, Some(recommendation));
    plan.scenario =
        serde_json::to_value(hunt.gate.scenario(&fleet, 1.0)).expect("a scenario is plain data");
    plan.advice = advice;
    Ok(words::finish(hunt, plan, &fleet))
}

/// Whether fresh random numbers say the same; a fleet that they refute gets a server more.
fn verify(hunt: &mut Hunt<'_>, fleet: &mut [u32]) -> Result<(bool, Vec<String>), Problem> {
    hunt.gate.monitor.stage("verifying");
    let mut advice = Vec::new();
    for first in [FRESH, 2 * FRESH, 3 * FRESH] {
        let fresh = Effort { first, ..hunt.effort };
        let Some(found) = hunt.look(fleet, 1.0, fresh)? else { return Ok((false, advice)) };
        match found.ruling {
            Ruling::Met => return Ok((true, advice)),
            Ruling::Missed | Ruling::Overloaded => {
                let pool = changing(hunt, fleet);
                fleet[pool] += 1;
                advice.push("fresh random numbers refuted a fleet: it got a server more".into());
                let effort = hunt.effort;
                hunt.look(fleet, 1.0, effort)?;
            }
            Ruling::Boundary | Ruling::Undecided => {
                advice.push(
                    "fresh random numbers could not tell the recommended fleet from its limit: \
                     one server more is safer"
                        .to_owned(),
                );
                return Ok((false, advice));
            }
        }
    }
    Ok((false, advice))
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
    let own =
        if hunt.stopped { Carried::default() } else { carried(hunt, fleet, Some(found.met))? };
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
        None => hunt.look(fleet, 1.0, effort)?.unwrap_or_else(|| words::unknown(hunt, fleet)),
    };
    let settings = found.pools.iter();
    let settings = settings.map(|(name, &n)| (format!("pool.{name}.servers"), n.into()));
    Ok(Recommendation {
        servers: f64::from(found.servers),
        settings: settings.collect(),
        pools: found.pools,
        cost_per_hour: found.cost_per_hour,
        headroom: own.headroom(),
        max_rate: own.load.map(|load| load * draft.load.rate),
        breaks_first: own.broken(),
        bottleneck: words::bottleneck(hunt, fleet, &found.utilization),
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
    hunt.gate.monitor.stage("rate");
    let own = carried(hunt, &fleet, None)?;
    if hunt.stopped {
        return Ok(words::none_found(hunt, &Choice::default(), draft));
    }
    let recommendation = recommend(hunt, &fleet, &own, &draft)?;
    let verdict = if own.load.is_some() { Answer::Met } else { Answer::Unmet };
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
            let carried = Carried { load: Some(1.0 + headroom), breaks: None };
            let got = met_under_error(&carried, 0.1).unwrap();
            assert!((got - wanted).abs() < 0.006, "{headroom}: {got}");
        }
    }
}
