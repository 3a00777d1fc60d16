//! The search for the cheapest servers that bear so much work: branch and bound over whole ones.
//!
//! Three things keep it short: a branch that costs more than what is found even if servers could
//! be cut to any size is not looked at; nor is one with servers that others could replace for no
//! more money; and after a stated number of branches the best so far is taken, and told how far
//! above the cheapest it may be.

use crate::scale::Kind;

/// Work a server of a kind does in a second.
pub(super) fn capacity(kind: &Kind) -> f64 {
    f64::from(kind.slots) * kind.speed
}

/// Branches that a search looks at: prices that hardly differ could else ask for millions. The
/// first branch is within a server of the cheapest, and what is left open is told.
const BRANCHES: u32 = 20_000;

/// So many servers of a kind at most are held against those of another.
const EXCHANGED: u32 = 256;

/// The search for the cheapest counts, branch and bound from the cheapest work to the dearest.
struct Search<'a> {
    kinds: &'a [Kind],
    /// Kinds by the price of their work, of equals the largest first.
    order: Vec<usize>,
    /// For each kind others of which `b` servers do at least the work of `a` of its own and cost no
    /// more: where there is room for those, `a` are never needed. As (other, a, b).
    better: Vec<Vec<(usize, u32, u32)>>,
    /// Every price is so many times this, or nearly; 0 where there is no such step.
    step: f64,
    /// Work that must be borne on demand.
    firm: f64,
    counts: Vec<u32>,
    best: Option<(f64, Vec<u32>)>,
    /// Branches that were looked at, and the least that one of those cost that were not.
    branches: u32,
    open: f64,
}

/// Rounding errors of sums of capacities are far below this share of a server.
pub(super) const SLACK: f64 = 1e-9;

impl Search<'_> {
    /// Chooses the count of the kind at `depth` and of all after it.
    fn descend(&mut self, depth: usize, work: f64, firm: f64, price: f64) {
        let least = self.least(depth, work, firm, price);
        if self.best.as_ref().is_some_and(|(best, _)| least >= best - SLACK) {
            return;
        }
        let Some(&at) = self.order.get(depth) else {
            if work <= SLACK && firm <= SLACK {
                self.best = Some((price, self.counts.clone()));
            }
            return;
        };
        if self.capacity_from(depth, |_| true) < work - SLACK
            || self.capacity_from(depth, |kind| !kind.spot) < firm - SLACK
        {
            return;
        }
        self.branches += 1;
        if self.branches > BRANCHES && self.best.is_some() {
            self.open = self.open.min(least);
            return;
        }
        let kind = &self.kinds[at];
        let (each, cost, spot) = (capacity(kind), kind.price, kind.spot);
        // What must be borne on demand spot servers need not bear as well.
        let (least, wanted) = (kind.min, if spot { work - firm.max(0.0) } else { work.max(firm) });
        let most = (wanted / each - SLACK).ceil().max(0.0) as u32;
        let most = most.clamp(least, self.most(at, depth).max(least));
        // Most of the cheapest first: the first leaf is nearly the best, and bounds the others.
        for count in (least..=most).rev() {
            let borne = each * f64::from(count);
            let (work, price) = (work - borne, price + cost * f64::from(count));
            let firm = if spot { firm } else { firm - borne };
            // With fewer of the cheapest the rest, which others bear, only costs more.
            let bound = self.least(depth + 1, work, firm, price);
            let dear = self.best.as_ref().is_some_and(|(best, _)| bound >= best - SLACK);
            if dear && work > if spot { firm.max(0.0) } else { 0.0 } {
                break;
            }
            self.counts[at] = count;
            self.descend(depth + 1, work, firm, price);
        }
        self.counts[at] = kind.min;
    }

    /// What the rest of the work costs at least, where servers could be cut to any size.
    fn least(&self, depth: usize, work: f64, firm: f64, price: f64) -> f64 {
        // The first is the cheapest.
        let unit = |wanted: fn(&Kind) -> bool| {
            let mut rest = self.order[depth..].iter().map(|&at| &self.kinds[at]);
            rest.find(|kind| wanted(kind)).map_or(0.0, |kind| kind.price / capacity(kind))
        };
        let (firm, any) = (firm.max(0.0), unit(|_| true));
        let rest = unit(|kind| !kind.spot) * firm + any * (work - firm).max(0.0);
        // Whole servers cost whole steps: kinds whose work costs the same would else be tried in
        // every proportion.
        match self.step {
            0.0 => price + rest,
            step => ((price + rest) / step - SLACK).ceil() * step,
        }
    }

    /// The most servers of a kind that a cheapest mix needs, where the first `chosen` kinds of the
    /// order are chosen.
    fn most(&self, at: usize, chosen: usize) -> u32 {
        let kind = &self.kinds[at];
        let needless = self.better[at].iter().filter(|(other, _, more)| {
            let room = self.kinds[*other].max;
            self.order[..chosen].contains(other)
                && self.counts[*other].saturating_add(*more) <= room
        });
        let fewest = needless.map(|(_, own, _)| own - 1).min().unwrap_or(u32::MAX);
        kind.max.min(kind.min.saturating_add(fewest)).max(kind.min)
    }

    /// Work a second that some of the kinds from `depth` on bear at most.
    fn capacity_from(&self, depth: usize, wanted: fn(&Kind) -> bool) -> f64 {
        let rest = self.order[depth..].iter().filter(|&&at| wanted(&self.kinds[at]));
        rest.map(|&at| capacity(&self.kinds[at]) * f64::from(self.most(at, depth))).sum()
    }
}

/// For each kind the others that replace so many of it for no more money, as in `Search::better`.
fn replacements(kinds: &[Kind]) -> Vec<Vec<(usize, u32, u32)>> {
    let fewest = |own: &Kind, other: &Kind| {
        // What must be borne on demand no spot server bears.
        if other.spot && !own.spot {
            return None;
        }
        (1..=EXCHANGED).find_map(|count| {
            let borne = capacity(own) * f64::from(count);
            let more = (borne / capacity(other) - SLACK).ceil() as u32;
            let saved = own.price * f64::from(count) - other.price * f64::from(more);
            let spare = capacity(other) * f64::from(more) - borne;
            // Something must get better each time, or two kinds would replace each other for ever.
            let equal = saved.abs() <= SLACK;
            let tidier = more < count || (more == count && spare > SLACK);
            (saved > SLACK || (equal && tidier)).then_some((count, more))
        })
    };
    let of = |(at, own): (usize, &Kind)| {
        let others = kinds.iter().enumerate().filter(|(other, _)| *other != at);
        others.filter_map(|(other, kind)| fewest(own, kind).map(|(a, b)| (other, a, b))).collect()
    };
    kinds.iter().enumerate().map(of).collect()
}

/// The largest step that all prices are multiples of, in millionths; 0 where there is none.
fn step_of(kinds: &[Kind]) -> f64 {
    let gcd = |mut a: u64, mut b: u64| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let millionths = |price: f64| {
        let whole = (price * 1e6).round();
        ((whole - price * 1e6).abs() < 1e-3 && whole > 0.0).then_some(whole as u64)
    };
    let all: Option<Vec<u64>> = kinds.iter().map(|kind| millionths(kind.price)).collect();
    all.map_or(0.0, |all| all.into_iter().fold(0, gcd) as f64 / 1e6)
}

/// The same kinds as one, as those are that differ only in where they stand: the number of the
/// group of each, and the groups.
fn merged(kinds: &[Kind]) -> (Vec<usize>, Vec<Kind>) {
    let mut groups: Vec<Kind> = Vec::new();
    let mut of = Vec::new();
    for kind in kinds {
        let same = |group: &Kind| {
            (group.price, group.speed, group.slots, group.spot)
                == (kind.price, kind.speed, kind.slots, kind.spot)
        };
        match groups.iter().position(same) {
            Some(group) => {
                groups[group].min = groups[group].min.saturating_add(kind.min);
                groups[group].max = groups[group].max.saturating_add(kind.max.max(kind.min));
                of.push(group);
            }
            None => {
                of.push(groups.len());
                groups.push(Kind { max: kind.max.max(kind.min), ..kind.clone() });
            }
        }
    }
    (of, groups)
}

/// The cheapest counts that bear so much work a second, of which `firm` on demand. Kinds that are
/// alike get equal parts, as far as their bounds allow.
pub(super) fn cheapest(kinds: &[Kind], work: f64, firm: f64) -> Option<Found> {
    let (of, groups) = merged(kinds);
    let (price, mut left, above) = cheapest_of(&groups, work, firm)?;
    let mut counts: Vec<u32> = kinds.iter().map(|kind| kind.min).collect();
    counts.iter().zip(&of).for_each(|(count, &group)| left[group] -= count);
    for (group, left) in left.iter_mut().enumerate() {
        while *left > 0 {
            let has_room = |at: &usize| of[*at] == group && counts[*at] < kinds[*at].max;
            let fewest = (0..kinds.len()).filter(has_room).min_by_key(|&at| counts[at])?;
            counts[fewest] += 1;
            *left -= 1;
        }
    }
    Some((price, counts, above))
}

/// A price, the counts, and how far above the cheapest they may be as a share.
pub(super) type Found = (f64, Vec<u32>, f64);

fn cheapest_of(kinds: &[Kind], work: f64, firm: f64) -> Option<Found> {
    let mut order: Vec<usize> = (0..kinds.len()).collect();
    let unit = |at: &usize| kinds[*at].price / capacity(&kinds[*at]);
    let size = |at: &usize| capacity(&kinds[*at]);
    // Prices of a family agree to their last digit only.
    let rounded = |at: &usize| (unit(at) / SLACK).round();
    order.sort_by(|a, b| {
        rounded(a).total_cmp(&rounded(b)).then_with(|| size(b).total_cmp(&size(a)))
    });
    let mut search = Search {
        kinds,
        order,
        better: replacements(kinds),
        step: step_of(kinds),
        firm,
        counts: kinds.iter().map(|kind| kind.min).collect(),
        best: None,
        branches: 0,
        open: f64::INFINITY,
    };
    search.descend(0, work, search.firm, 0.0);
    let (price, counts) = search.best?;
    let above = if search.open < price { price / search.open - 1.0 } else { 0.0 };
    Some((price, counts, above))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    /// The least that any counts cost, one by one.
    fn every(kinds: &[Kind], work: f64, firm: f64) -> f64 {
        let Some((kind, rest)) = kinds.split_first() else {
            return if work <= SLACK && firm <= SLACK { 0.0 } else { f64::INFINITY };
        };
        let wanted = if kind.spot { work } else { work.max(firm) };
        let enough = ((wanted / capacity(kind) - SLACK).ceil().max(0.0)) as u32;
        let of = |count: u32| {
            let borne = capacity(kind) * f64::from(count);
            let firm = if kind.spot { firm } else { firm - borne };
            kind.price * f64::from(count) + every(rest, work - borne, firm)
        };
        (kind.min..=enough.clamp(kind.min, kind.max)).map(of).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn no_other_counts_of_any_kinds_are_cheaper() {
        let mut state = 12_345_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for case in 0..400 {
            let kinds: Vec<Kind> = (0..2 + draw(2))
                .map(|_| {
                    let slots = 1 + draw(8) as u32;
                    let min = draw(2) as u32 * draw(3) as u32;
                    Kind {
                        name: String::new(),
                        price: if draw(2) == 0 {
                            0.096 * f64::from(slots)
                        } else {
                            0.05 + draw(900) as f64 / 1000.0
                        },
                        slots,
                        speed: 1.0,
                        startup: Duration::ZERO,
                        spot: draw(3) == 0,
                        servers: 1,
                        min,
                        max: if draw(4) == 0 { min + draw(4) as u32 } else { 1000 },
                        mixed: true,
                    }
                })
                .collect();
            let work = 0.3 + draw(40) as f64;
            let firm = work * draw(3) as f64 / 2.0;
            let least = every(&kinds, work, firm);
            match cheapest(&kinds, work, firm) {
                Some((price, counts, above)) => {
                    let told = format!("{case}: {kinds:?} for {work}, {firm}: {counts:?}");
                    assert!((price - least).abs() < 1e-6 && above == 0.0, "{told}, not {least}");
                }
                None => assert!(least.is_infinite(), "{case}: {kinds:?} for {work}, {firm}"),
            }
        }
    }
}
