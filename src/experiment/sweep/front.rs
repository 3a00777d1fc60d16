//! The front of cost against latency: the points that no other beats in both (Pareto).

use crate::outcome::{Estimate, Front};

/// Where a point lies: estimates, and the ends of their intervals.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    cost: Interval,
    latency: Interval,
}

#[derive(Clone, Copy, Debug)]
struct Interval {
    low: f64,
    centre: f64,
    high: f64,
}

impl Interval {
    fn of(estimate: &Estimate) -> Option<Self> {
        Some(Self {
            low: estimate.low.unwrap_or(f64::NEG_INFINITY),
            centre: estimate.estimate?,
            high: estimate.high.unwrap_or(f64::INFINITY),
        })
    }
}

impl Place {
    /// A place, where there are both a cost and a latency. What costs nothing has no price.
    pub(super) fn of(cost: &Estimate, latency: &Estimate) -> Option<Self> {
        let priced = cost.estimate.is_some_and(|cost| cost > 0.0);
        let (cost, latency) = (Interval::of(cost)?, Interval::of(latency)?);
        priced.then_some(Self { cost, latency })
    }
}

/// Where each point lies to the front, in n·log n: of all points that cost no more, the fastest
/// decides.
pub(super) fn fronts(places: &[Option<Place>]) -> Vec<Front> {
    let known: Vec<Place> = places.iter().copied().flatten().collect();
    let estimated = Fastest::of(&known, |interval| interval.centre);
    let surely = Fastest::of(&known, |interval| interval.high);
    let of = |place: &Option<Place>| {
        let Some(Place { cost, latency }) = place else { return Front::Out };
        let beaten = estimated.within(cost.centre) < latency.centre
            || estimated.below(cost.centre) <= latency.centre;
        let for_sure =
            surely.within(cost.low) < latency.low || surely.below(cost.low) <= latency.low;
        match (beaten, for_sure) {
            (false, _) => Front::On,
            (true, false) => Front::Open,
            (true, true) => Front::Beaten,
        }
    };
    places.iter().map(of).collect()
}

/// The smallest latency among points up to a cost.
struct Fastest(Vec<(f64, f64)>);

impl Fastest {
    fn of(places: &[Place], end: fn(&Interval) -> f64) -> Self {
        let each = places.iter().map(|place| (end(&place.cost), end(&place.latency)));
        let mut sorted: Vec<(f64, f64)> = each.collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut fastest = f64::INFINITY;
        for (_, latency) in &mut sorted {
            fastest = fastest.min(*latency);
            *latency = fastest;
        }
        Self(sorted)
    }

    /// Among those that cost at most this.
    fn within(&self, cost: f64) -> f64 {
        self.before(self.0.partition_point(|&(own, _)| own <= cost))
    }

    /// Among those that cost less.
    fn below(&self, cost: f64) -> f64 {
        self.before(self.0.partition_point(|&(own, _)| own < cost))
    }

    fn before(&self, count: usize) -> f64 {
        count.checked_sub(1).map_or(f64::INFINITY, |last| self.0[last].1)
    }
}

#[cfg(test)]
mod tests {
    use super::Front::{Beaten, On, Open, Out};
    use super::*;
    use crate::outcome::Status;

    #[test]
    fn a_point_is_on_the_front_if_none_is_as_cheap_and_faster_or_as_fast_and_cheaper() {
        let point = |cost: f64, latency: f64, half: f64| {
            let cost = Estimate::symmetric(cost, 0.0, Status::Ok);
            Place::of(&cost, &Estimate::symmetric(latency, half, Status::Ok))
        };
        let places = [
            point(1.0, 9.0, 0.1),
            point(2.0, 5.0, 0.1),
            point(2.0, 6.0, 0.1),
            point(2.0, 5.1, 0.1),
            point(3.0, 5.0, 0.0),
            point(4.0, 1.0, 0.1),
            point(5.0, 1.05, 0.2),
            point(0.0, 1.0, 0.0),
        ];
        assert_eq!(fronts(&places), [On, On, Beaten, Open, Open, On, Open, Out]);
    }
}
