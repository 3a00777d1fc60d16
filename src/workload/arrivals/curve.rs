//! A rate over time in straight pieces, and the exact arrivals of a Poisson process at that rate.
//!
//! An exponential of mean 1 is spent along the rate: the next arrival is where the integral of the
//! rate since the last one reaches it (Çinlar 1975). Along a straight piece that is a quadratic, so
//! nothing is rejected, every arrival costs one exponential, and a stretch without arrivals is
//! crossed in one step however long it is.

use rand_distr::{Distribution, Exp1};

use super::{Arrivals, whole};
use crate::rng::Stream;
use crate::time::{Duration, Instant};

/// A stretch in which the rate, in arrivals a nanosecond, changes evenly.
#[derive(Clone, Copy, Debug)]
struct Piece {
    length_ns: f64,
    from: f64,
    slope: f64,
}

impl Piece {
    fn mass(&self) -> f64 {
        self.length_ns * (self.from + 0.5 * self.slope * self.length_ns)
    }
}

/// A rate over time, and how far along it the arrivals have come.
#[derive(Clone, Debug, Default)]
pub(super) struct Curve {
    pieces: Vec<Piece>,
    lengths: Vec<Duration>,
    cycle: Option<Cycle>,
    // Where the last arrival was.
    piece: usize,
    start: Instant,
    offset_ns: f64,
}

/// What comes after the last piece: those from `first` on, again and again.
#[derive(Clone, Copy, Debug)]
struct Cycle {
    first: usize,
    length: Duration,
    mass: f64,
}

impl Curve {
    /// Goes on for `length` from the rate `from` to the rate `to`, in arrivals a nanosecond.
    pub(super) fn then(mut self, length: Duration, from: f64, to: f64) -> Self {
        if length > Duration::ZERO {
            let length_ns = length.0 as f64;
            self.pieces.push(Piece { length_ns, from, slope: (to - from) / length_ns });
            self.lengths.push(length);
        }
        self
    }

    /// Ends by staying at a rate.
    pub(super) fn for_ever(self, rate: f64) -> Self {
        self.then(Duration::FOREVER, rate, rate)
    }

    /// Ends by repeating all that came after the first `lead`.
    ///
    /// Something must arrive in what is repeated, or the end is no arrival for ever.
    pub(super) fn repeated_after(mut self, lead: Duration) -> Self {
        let mut before = Duration::ZERO;
        let first = self.lengths.iter().take_while(|length| {
            before += **length;
            before <= lead
        });
        let first = first.count();
        let length = self.lengths[first..].iter().fold(Duration::ZERO, |sum, &next| sum + next);
        let mass: f64 = self.pieces[first..].iter().map(Piece::mass).sum();
        self.cycle = (mass > 0.0).then_some(Cycle { first, length, mass });
        self
    }

    /// Whether nothing ever arrives.
    pub(super) fn is_silent(&self) -> bool {
        self.pieces.iter().all(|piece| piece.mass() <= 0.0)
    }

    /// The piece of the last arrival and how far along it that was, 0 to 1.
    pub(super) fn place(&self) -> (usize, f64) {
        let length_ns = self.pieces.get(self.piece).map_or(1.0, |piece| piece.length_ns);
        (self.piece, self.offset_ns / length_ns)
    }

    /// The instant at which the integral of the rate since the last one is `mass`.
    #[inline]
    pub(super) fn after(&mut self, mut mass: f64) -> Instant {
        loop {
            let Some(piece) = self.pieces.get(self.piece) else {
                match self.cycle {
                    Some(cycle) => self.turn(cycle, &mut mass),
                    None => return Instant::NEVER,
                }
                continue;
            };
            let rate = (piece.from + piece.slope * self.offset_ns).max(0.0);
            let left_ns = piece.length_ns - self.offset_ns;
            let here = left_ns * (rate + 0.5 * piece.slope * left_ns);
            if mass < here {
                self.offset_ns =
                    piece.length_ns.min(self.offset_ns + step(mass, rate, piece.slope));
                return self.start + whole(self.offset_ns);
            }
            mass -= here.max(0.0);
            self.start = self.start + self.lengths[self.piece];
            self.piece += 1;
            self.offset_ns = 0.0;
        }
    }

    /// Starts the cycle again, and skips all the whole cycles in which nothing arrives.
    fn turn(&mut self, cycle: Cycle, mass: &mut f64) {
        let skipped = (*mass / cycle.mass).floor();
        *mass = (*mass - skipped * cycle.mass).max(0.0);
        self.start = self.start + Duration(cycle.length.0.saturating_mul(skipped as u64));
        self.piece = cycle.first;
    }
}

/// The x > 0 of rate·x + slope·x²/2 = mass, in the form that loses no digits for any slope.
#[inline]
fn step(mass: f64, rate: f64, slope: f64) -> f64 {
    if mass <= 0.0 {
        return 0.0;
    }
    let root = (rate * rate + 2.0 * slope * mass).max(0.0).sqrt();
    2.0 * mass / (rate + root)
}

impl Arrivals for Curve {
    #[inline]
    fn next(&mut self, _: Instant, stream: &mut Stream) -> Instant {
        self.after(Exp1.sample(stream))
    }

    fn is_stationary(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    /// A rate at which one arrival is expected every millisecond.
    const ONE: f64 = 1e-6;

    fn places(curve: Curve, masses: &[f64]) -> Vec<f64> {
        let mut curve = curve;
        masses.iter().map(|&mass| curve.after(mass).0 as f64 / 1e6).collect()
    }

    #[test]
    fn a_constant_rate_puts_equal_masses_at_equal_distances() {
        let curve = Curve::default().for_ever(2.0 * ONE);
        assert_eq!(places(curve, &[1.0, 0.5, 2.0]), [0.5, 0.75, 1.75]);
    }

    #[test]
    fn mass_is_carried_across_a_jump_and_across_silence() {
        let curve = Curve::default().then(MS, ONE, ONE).then(MS, 0.0, 0.0).for_ever(4.0 * ONE);
        assert_eq!(places(curve, &[0.5, 0.75, 0.75]), [0.5, 2.0625, 2.25]);
    }

    #[test]
    fn a_mass_that_ends_at_a_breakpoint_arrives_there() {
        let curve = Curve::default().then(MS, ONE, ONE).for_ever(2.0 * ONE);
        assert_eq!(places(curve, &[1.0, 1.0]), [1.0, 1.5]);
    }

    #[test]
    fn along_a_slope_the_mass_is_the_area_under_it() {
        // Up from 0 to 2 a millisecond in 2 ms: the area up to x is x² / 2.
        let up = Curve::default().then(Duration::from_millis(2), 0.0, 2.0 * ONE).for_ever(ONE);
        assert_eq!(places(up, &[0.5, 1.5, 1.0]), [1.0, 2.0, 3.0]);
        // Down again: the area from x to the end is (2 − x)² / 2.
        let down = Curve::default().then(Duration::from_millis(2), 2.0 * ONE, 0.0).for_ever(ONE);
        assert_eq!(places(down, &[1.5, 0.375, 0.125, 1.0]), [1.0, 1.5, 2.0, 3.0]);
    }

    #[test]
    fn a_cycle_goes_round_and_whole_cycles_are_skipped_at_once() {
        let lead = Curve::default().then(MS, 0.0, 0.0);
        let curve = lead.then(MS, ONE, ONE).then(MS, 0.0, 0.0).repeated_after(MS);
        assert_eq!(places(curve.clone(), &[0.5, 1.0, 0.0]), [1.5, 3.5, 3.5]);
        // The 1,000,000,000th cycle after the first, without a billion steps.
        assert_eq!(places(curve, &[0.5, 1e9]), [1.5, 1.5 + 2e9]);
    }

    #[test]
    fn after_the_end_of_all_arrivals_comes_never() {
        let curve = Curve::default().then(MS, ONE, ONE).for_ever(0.0);
        let (mut once, mut silent) = (curve, Curve::default().then(MS, 0.0, 0.0));
        assert_eq!(once.after(0.5), Instant(500_000));
        assert_eq!([once.after(0.6), once.after(1.0)], [Instant::NEVER; 2]);
        silent = silent.repeated_after(Duration::ZERO);
        assert_eq!(silent.after(1.0), Instant::NEVER);
    }
}
