//! Poisson processes with a rate of their own: their arrivals, rescaled, are those of a rate of 1.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use statrs::function::gamma::{gamma_lr, gamma_ur};

use super::{ALPHA, CASES, Known, RUN, arrivals, cumulative};

fn poisson_cases() -> impl Iterator<Item = (&'static str, Vec<f64>)> {
    CASES.iter().filter_map(|(spec, known)| match known {
        Known::Poisson(rate) => Some((*spec, cumulative(*rate))),
        Known::Counts { .. } => None,
    })
}

/// How many arrivals are expected before a time, between the tabulated ones along a line.
fn expected(mass: &[f64], time: f64) -> f64 {
    let place = time / RUN * (mass.len() - 1) as f64;
    let cell = (place as usize).min(mass.len() - 2);
    mass[cell] + (mass[cell + 1] - mass[cell]) * (place - cell as f64)
}

/// The largest distance between the shares of ascending values and their distribution function.
fn off(mut values: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len() as f64;
    let each = values.iter().enumerate().map(|(rank, &value)| {
        (cdf(value) - rank as f64 / n).abs().max((cdf(value) - (rank + 1) as f64 / n).abs())
    });
    each.fold(0.0, f64::max)
}

/// The distance that is exceeded with a chance of at most `ALPHA`, for every n (Massart 1990).
fn limit(n: usize) -> f64 {
    ((2.0 / ALPHA).ln() / (2.0 * n as f64)).sqrt()
}

#[test]
fn rescaled_arrivals_are_uniform_and_their_gaps_exponential() {
    for (spec, mass) in poisson_cases() {
        let times = arrivals(spec, "rescaled", 0, RUN);
        let rescaled: Vec<f64> = times.iter().map(|&time| expected(&mass, time)).collect();
        let (n, all) = (rescaled.len(), mass[mass.len() - 1]);
        let worst = off(rescaled.clone(), |x| x / all);
        assert!(worst <= limit(n), "{spec}: places off by {worst}");
        let gaps: Vec<f64> = rescaled.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let worst = off(gaps, |x| -(-x).exp_m1());
        assert!(worst <= limit(n - 1), "{spec}: gaps off by {worst}");
    }
}

/// The chance of a Poisson count at least as far out as this one, on its side, twice.
fn two_sided(count: u64, mean: f64) -> f64 {
    if mean == 0.0 {
        return if count == 0 { 1.0 } else { 0.0 };
    }
    let at_most = gamma_ur(count as f64 + 1.0, mean);
    let at_least = if count == 0 { 1.0 } else { gamma_lr(count as f64, mean) };
    (2.0 * at_most.min(at_least)).min(1.0)
}

/// Every breakpoint of the cases is at a multiple of ten seconds: a rate that is felt a moment too
/// early or too late shows beside it, and in silence nothing may arrive at all.
#[test]
fn between_any_two_breakpoints_as_many_arrive_as_the_rate_says() {
    let width = 10.0;
    let windows = (RUN / width) as usize;
    for (spec, mass) in poisson_cases() {
        let mut counts = vec![0; windows];
        for time in arrivals(spec, "counted", 0, RUN) {
            counts[(time / width) as usize] += 1;
        }
        for (window, &count) in counts.iter().enumerate() {
            let from = window as f64 * width;
            let mean = expected(&mass, from + width) - expected(&mass, from);
            let chance = two_sided(count, mean);
            assert!(
                chance >= ALPHA / windows as f64,
                "{spec}: {count} arrivals, not {mean}, from {from} s on"
            );
        }
    }
}

#[test]
fn silence_is_crossed_at_once_however_long_it_is() {
    let century = "spike:base=0/s,peak=1e-9/s,at=0s,hold=1ns,every=2us";
    assert!(arrivals(century, "main", 0, 1e9).len() < 10);
    let late = "step:from=0/s,to=5/s,at=500years";
    assert!(arrivals(late, "main", 0, 500.0 * 31_557_600.0).is_empty());
    assert!(arrivals("ramp:from=5/s,to=0/s,over=10s", "main", 0, 1e10).len() < 100);
}

/// Points with jumps, slopes and silence, in seconds and arrivals a second.
fn points() -> impl Strategy<Value = Vec<(u32, u32)>> {
    let rate = prop_oneof![Just(0), 1..400_u32];
    prop::collection::vec((0..300_u32, rate), 1..12).prop_map(|mut points| {
        points.sort_by_key(|&(at, _)| at);
        points
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_profile_brings_what_the_area_under_it_says(
        points in points(), steps in any::<bool>(), seed in any::<u64>(),
    ) {
        prop_assume!(points.iter().any(|&(_, rate)| rate > 0));
        let run = 300.0;
        let written: Vec<String> =
            points.iter().map(|(at, rate)| format!("['{at}s','{rate}/s']")).collect();
        let between = if steps { "steps" } else { "line" };
        let spec = format!("profile:points=[{}],between={between}", written.join(","));
        let ends = |index: usize| points.get(index).map_or(run, |&(at, _)| f64::from(at));
        let piece = |index: usize| {
            let low = f64::from(points[index].1);
            let high = points.get(index + 1).filter(|_| !steps).map_or(low, |to| f64::from(to.1));
            (ends(index + 1) - ends(index)) * 0.5 * (low + high)
        };
        let before = ends(0) * f64::from(points[0].1);
        let area = before + (0..points.len()).map(piece).sum::<f64>();
        // What holds no area is refused; what holds it only after the run stays silent.
        prop_assume!(area > 0.0);
        let times = arrivals(&spec, "main", seed, run);
        prop_assert!(times.is_sorted());
        let count = times.len() as u64;
        prop_assert!(two_sided(count, area) >= ALPHA, "{count}, not {area}");
    }
}
