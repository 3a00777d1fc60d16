//! The cheapest mix of several kinds of servers.
//!
//! First each kind alone, by the search for one pool. Then every mix that is cheaper than the best
//! so far, the cheapest first, so that the first one to pass is the answer. Left out unsimulated
//! are mixes that cannot carry the load at all, and those with no more servers of any kind than one
//! that has failed. That last step takes for granted that a server more of any kind does no harm:
//! true in a shared queue, and where the balancer minds speeds; a slow server can hurt
//! least-connections.

use super::hunt::{Hunt, with};
use super::search::Found;
use crate::diagnose::Problem;
use crate::outcome::{Kind, Ruling};

/// The most mixes that are simulated beside the pure fleets.
const MOST: usize = 150;

/// The most mixes that are weighed at all.
const WEIGHED: usize = 200_000;

/// What the search for a fleet came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    /// The cheapest fleet that passes.
    pub(super) fleet: Option<Vec<u32>>,
    /// What the reader should know of the search.
    pub(super) advice: Vec<String>,
}

/// The cheapest fleet; of equally cheap ones that with fewer servers.
pub(super) fn cheapest(hunt: &mut Hunt<'_>) -> Result<Choice, Problem> {
    let kinds = hunt.gate.base.pool.len();
    let none = vec![0; kinds];
    let mut choice = Choice::default();
    let mut best: Option<(f64, Vec<u32>)> = None;
    for pool in 0..kinds {
        if let Found::At(servers) = hunt.fewest(pool, &none)? {
            let fleet = with(&none, pool, servers);
            let cost = hunt.cost(&fleet);
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, fleet));
            }
        }
        if hunt.stopped {
            break;
        }
    }
    if kinds > 1 && !hunt.stopped {
        let cap = best.as_ref().map(|(cost, _)| *cost).or(hunt.asked.ask.budget.map(|b| b.0));
        best = mixed(hunt, cap, &mut choice)?.or(best);
    }
    choice.fleet = best.map(|(_, fleet)| fleet);
    Ok(choice)
}

/// The cheapest mix below a cost that passes.
fn mixed(
    hunt: &mut Hunt<'_>,
    cap: Option<f64>,
    choice: &mut Choice,
) -> Result<Option<(f64, Vec<u32>)>, Problem> {
    let Some(cap) = cap.filter(|cap| *cap > 0.0) else {
        let why =
            "mixes were not searched: servers have no price, and no kind alone meets the plan";
        choice.advice.push(why.to_owned());
        return Ok(None);
    };
    let Some(mixes) = cheaper(hunt, cap) else {
        choice.advice.push(format!(
            "more than {WEIGHED} mixes are cheaper than {cap:.2} an hour: only pure fleets were \
             searched; give pools a `capacity` to search between"
        ));
        return Ok(None);
    };
    let effort = hunt.effort;
    let mut simulated = 0;
    for (cost, fleet) in mixes {
        let failed = |(tried, candidate): &(Vec<u32>, crate::outcome::Candidate)| {
            let within = fleet.iter().zip(tried).all(|(new, old)| new <= old);
            within && !candidate.met && candidate.load == 1.0
        };
        if hunt.tried.iter().any(failed) {
            continue;
        }
        if simulated == MOST {
            choice.advice.push(format!(
                "the search of mixes ended after {MOST}, at {cost:.2} an hour: a cheaper mix than \
                 the recommended one may be left"
            ));
            return Ok(None);
        }
        simulated += 1;
        match hunt.look(&fleet, 1.0, effort)? {
            None => return Ok(None),
            Some(found) if found.ruling == Ruling::Met => return Ok(Some((cost, fleet))),
            Some(_) => {}
        }
    }
    Ok(None)
}

/// Every mix of two kinds or more that costs less and can carry the load, the cheapest first, of
/// equal cost the one with the larger capacity; `None` where they are too many.
fn cheaper(hunt: &Hunt<'_>, cap: f64) -> Option<Vec<(f64, Vec<u32>)>> {
    let pools: Vec<_> = hunt.gate.base.pool.values().collect();
    let steady = hunt.gate.base.kind() == Kind::SteadyState;
    let least = if steady { hunt.gate.load.erlangs() } else { 0.0 };
    let mut mixes: Vec<(f64, Vec<u32>)> = Vec::new();
    let mut open: Vec<Vec<u32>> = vec![Vec::new()];
    while let Some(part) = open.pop() {
        if part.len() == pools.len() {
            let used = part.iter().filter(|&&n| n > 0).count();
            let cost = hunt.cost(&part);
            if used > 1 && cost < cap * (1.0 - 1e-9) && hunt.gate.capacity(&part) > least {
                mixes.push((cost, part));
                if mixes.len() > WEIGHED {
                    return None;
                }
            }
            continue;
        }
        let pool = pools[part.len()];
        let spent: f64 =
            pools.iter().zip(&part).map(|(pool, &n)| f64::from(n) * pool.price.0).sum();
        let most = if pool.price.0 > 0.0 { ((cap - spent) / pool.price.0).max(0.0) } else { 64.0 };
        for servers in 0..=pool.capacity.unwrap_or(u32::MAX).min(most.min(1e6) as u32) {
            open.push([part.as_slice(), &[servers]].concat());
            if open.len() > WEIGHED {
                return None;
            }
        }
    }
    let order = |a: &(f64, Vec<u32>), b: &(f64, Vec<u32>)| {
        let (less, more) = (hunt.gate.capacity(&a.1), hunt.gate.capacity(&b.1));
        a.0.total_cmp(&b.0).then(more.total_cmp(&less)).then(a.1.cmp(&b.1))
    };
    mixes.sort_by(order);
    Some(mixes)
}
