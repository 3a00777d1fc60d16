//! The cheapest mix of several kinds of servers.
//!
//! First each kind alone, by the search for one pool. Where none will do alone (a zone that is lost
//! takes all of a kind with it) the same capacity in every zone, grown until it passes, then made
//! smaller kind by kind. That is the best so far, and every cheaper mix lies on a *column*: so many
//! servers of each kind but the last, and of the last as many as still cost less. Where that does
//! not pass, nothing on its column does; where it passes, the fewest on the column that do are the
//! best so far. Left out unsimulated are columns that cannot carry the load at all, mirror images
//! of others, and those with no more servers of any kind than a fleet that has failed. All that
//! takes for granted that a server more of any kind does no harm: true in a shared queue, and where
//! the balancer minds speeds; a slow server can hurt least-connections.

use super::hunt::{Hunt, with};
use super::search::Found;
use crate::diagnose::Problem;

/// The most columns that are simulated.
const MOST: usize = 150;

/// The most columns that are weighed at all.
const WEIGHED: usize = 200_000;

/// What the search for a fleet came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    /// The cheapest fleet that passes.
    pub(super) fleet: Option<Vec<u32>>,
    /// What the reader should know of the search.
    pub(super) advice: Vec<String>,
}

/// A fleet with what it costs an hour.
type Priced = (f64, Vec<u32>);

/// The cheapest fleet; of equally cheap ones that of the pool that was named first.
pub(super) fn cheapest(hunt: &mut Hunt<'_>) -> Result<Choice, Problem> {
    let kinds = hunt.gate.base.pool.len();
    let none = vec![0; kinds];
    let mut choice = Choice::default();
    let mut best: Option<Priced> = None;
    for pool in 0..kinds {
        // A pool that another may be exchanged for finds what that one found.
        if hunt.stopped || hunt.asked.is_mirrored(&with(&none, pool, 1)) {
            continue;
        }
        if let Found::At(servers) = hunt.fewest(pool, &none)? {
            better(hunt, &mut best, with(&none, pool, servers));
        }
    }
    if kinds > 1 {
        if best.is_none() && !hunt.stopped {
            best = spread(hunt)?;
        }
        if !hunt.stopped {
            mixed(hunt, &mut best, &mut choice)?;
        }
    }
    choice.fleet = best.map(|(_, fleet)| fleet);
    Ok(choice)
}

/// Keeps a fleet that passes if it costs less than the best so far.
fn better(hunt: &Hunt<'_>, best: &mut Option<Priced>, fleet: Vec<u32>) {
    let cost = hunt.cost(&fleet);
    if best.as_ref().is_none_or(|(least, _)| cost < below(*least)) {
        *best = Some((cost, fleet));
    }
}

/// A hair less than a cost, so that a rounding is no saving.
fn below(cost: f64) -> f64 {
    cost * (1.0 - 1e-9)
}

/// A fleet of about the same capacity in every zone that passes, as small as it can be made pool
/// by pool, the dearest first.
fn spread(hunt: &mut Hunt<'_>) -> Result<Option<Priced>, Problem> {
    let pools: Vec<_> = hunt.gate.base.pool.values().cloned().collect();
    let slot = |at: usize| f64::from(pools[at].slots) * pools[at].speed;
    let together =
        |at: usize| pools.iter().filter(|other| other.zone == pools[at].zone).count() as f64;
    let largest = (0..pools.len()).map(slot).fold(0.0, f64::max);
    let dealt = |n: u32| -> Vec<u32> {
        let of = |at: usize| f64::from(n) * largest / (slot(at) * together(at));
        let allowed = |at: usize| pools[at].capacity.unwrap_or(u32::MAX);
        (0..pools.len()).map(|at| (of(at).ceil() as u32).min(allowed(at))).collect()
    };
    let (mut most, mut is_far) = (hunt.far(largest), true);
    if let Some(budget) = hunt.asked.ask.budget {
        while most > 0 && hunt.cost(&dealt(most)) > budget.0 * (1.0 + 1e-9) {
            (most, is_far) = (most - 1, false);
        }
    }
    let Found::At(each) = hunt.smallest(most, is_far, dealt)? else { return Ok(None) };
    let mut fleet = dealt(each);
    let mut order: Vec<usize> = (0..pools.len()).collect();
    order.sort_by(|&a, &b| {
        (pools[b].price.0 / slot(b)).total_cmp(&(pools[a].price.0 / slot(a))).then(b.cmp(&a))
    });
    for pool in order {
        if hunt.stopped {
            return Ok(None);
        }
        // Perhaps without any of this kind, and a search begins at one.
        let fewer = |n: u32| with(&fleet, pool, n - 1);
        if let Found::At(few) = hunt.smallest(fleet[pool] + 1, false, fewer)? {
            fleet = fewer(few);
        }
    }
    Ok(Some((hunt.cost(&fleet), fleet)))
}

/// Looks for a mix that costs less than the best so far, or than the budget.
fn mixed(
    hunt: &mut Hunt<'_>,
    best: &mut Option<Priced>,
    choice: &mut Choice,
) -> Result<(), Problem> {
    let budget = hunt.asked.ask.budget.map(|budget| budget.0 * (1.0 + 1e-9));
    let cap = best.as_ref().map(|(cost, _)| below(*cost)).or(budget);
    let Some(cap) = cap.filter(|cap| *cap > 0.0) else {
        // Where nothing has a price the fewest servers of one kind are as cheap as any mix.
        if best.is_none() {
            choice.advice.push("mixes were searched only evenly over zones and pools".to_owned());
        }
        return Ok(());
    };
    let Some(columns) = columns(hunt, cap) else {
        choice.advice.push(format!(
            "more than {WEIGHED} mixes may be cheaper than {cap:.2} an hour, too many to weigh: a \
             cheaper one may be left; give pools a `capacity` to search between"
        ));
        return Ok(());
    };
    let last = hunt.gate.base.pool.len() - 1;
    let mut simulated = 0;
    for column in columns {
        let cap = best.as_ref().map_or(cap, |(cost, _)| below(*cost));
        let Some(fleet) = filled(hunt, &column, cap) else { continue };
        if hunt.asked.is_mirrored(&fleet) || !hunt.can_carry(&fleet) || hunt.cannot_meet(&fleet) {
            continue;
        }
        if simulated == MOST {
            choice.advice.push(format!(
                "the search of mixes ended after {MOST}: a cheaper one than the recommended one \
                 may be left; give pools a `capacity` to search between"
            ));
            return Ok(());
        }
        simulated += 1;
        if hunt.meets(&fleet)? {
            // A column may end without any of the last kind, and a search begins at one.
            let fewer = |n: u32| with(&fleet, last, n - 1);
            if let Found::At(few) = hunt.smallest(fleet[last] + 1, false, fewer)? {
                better(hunt, best, fewer(few));
            }
        }
        if hunt.stopped {
            return Ok(());
        }
    }
    Ok(())
}

/// A column with as many servers of the last kind as cost less than a cap; none where the others
/// cost as much alone.
fn filled(hunt: &Hunt<'_>, column: &[u32], cap: f64) -> Option<Vec<u32>> {
    let last = &hunt.gate.base.pool[column.len()];
    let fleet = [column, &[0]].concat();
    let rest = cap - hunt.cost(&fleet);
    let slot = f64::from(last.slots) * last.speed;
    let paid = if last.price.0 > 0.0 { (rest / last.price.0) as u32 } else { hunt.far(slot) };
    let servers = paid.min(last.capacity.unwrap_or(u32::MAX));
    (rest >= 0.0).then(|| with(&fleet, column.len(), servers))
}

/// Every column below a cost, the one that leaves the most capacity first; `None` where they are
/// too many.
fn columns(hunt: &Hunt<'_>, cap: f64) -> Option<Vec<Vec<u32>>> {
    let pools: Vec<_> = hunt.gate.base.pool.values().collect();
    let mut done: Vec<Vec<u32>> = Vec::new();
    let mut open: Vec<Vec<u32>> = vec![Vec::new()];
    while let Some(part) = open.pop() {
        let pool = pools[part.len()];
        if part.len() + 1 == pools.len() {
            done.push(part);
            continue;
        }
        let spent: f64 =
            pools.iter().zip(&part).map(|(pool, &n)| f64::from(n) * pool.price.0).sum();
        let slot = f64::from(pool.slots) * pool.speed;
        let most = match pool.price.0 {
            0.0 => hunt.far(slot),
            price => ((cap - spent) / price).max(0.0) as u32,
        };
        for servers in 0..=pool.capacity.unwrap_or(u32::MAX).min(most) {
            open.push([part.as_slice(), &[servers]].concat());
            if open.len() + done.len() > WEIGHED {
                return None;
            }
        }
    }
    let left = |column: &Vec<u32>| filled(hunt, column, cap).map_or(0.0, |full| hunt.left(&full));
    let mut sorted: Vec<(f64, Vec<u32>)> =
        done.into_iter().map(|column| (left(&column), column)).collect();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    Some(sorted.into_iter().map(|(_, column)| column).collect())
}
