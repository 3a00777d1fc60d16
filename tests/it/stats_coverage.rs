//! A 95 % interval covers the truth 95 % of the time: 200 seeded experiments for each method and
//! model.
//!
//! The hits of a valid method lie in the binomial acceptance range at two-sided size 10⁻³, [179,
//! 198].

use std::convert::Infallible;

use plimsoll::stats::binomial::coverage_acceptance;
use plimsoll::stats::bootstrap::{block_length, percentile_interval};
use plimsoll::stats::dispersion::dispersion_curve;
use plimsoll::stats::fit::lognormal;
use plimsoll::stats::goodness::bootstrap_p_value;
use plimsoll::stats::interval::{mean_of_replications, ratio};
use plimsoll::stats::paired::{difference, quantile_difference, ratio as paired_ratio, welch};
use plimsoll::stats::quantile::{by_sectioning, of_independent, of_replications};
use plimsoll::stats::select::{Goal, KimNelson};
use plimsoll::stats::special::normal_quantile;
use plimsoll::stats::{Batches, Estimate, Levels, Status, Tally};

/// `SplitMix64` (Steele, Lea & Flood 2014): enough for a test, and its own.
pub(crate) struct SplitMix(pub(crate) u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in the open unit interval.
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Exponential with mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    /// Standard normal, by inversion.
    pub(crate) fn normal(&mut self) -> f64 {
        normal_quantile(self.uniform())
    }

    /// A generator for one experiment, far from its neighbours'.
    pub(crate) fn of(experiment: u64, model: u64) -> Self {
        let mut mixer = Self(experiment << 32 | model);
        Self(mixer.next())
    }
}

impl rand::TryRng for SplitMix {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.next() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

const EXPERIMENTS: u64 = 200;

/// Runs the experiments, each of which estimates several named truths; the hits of each must be
/// acceptable. Returns the estimates of each truth for further questions.
pub(crate) fn assert_cover<const K: usize>(
    truths: [(&str, f64); K],
    experiment: impl Fn(u64) -> [Estimate; K],
) -> [Vec<Estimate>; K] {
    let found: Vec<[Estimate; K]> = (0..EXPERIMENTS).map(experiment).collect();
    let (low, high) = coverage_acceptance(EXPERIMENTS, 0.95, 1e-3);
    std::array::from_fn(|k| {
        let (what, truth) = truths[k];
        let estimates: Vec<Estimate> = found.iter().map(|all| all[k]).collect();
        let hits = estimates.iter().filter(|estimate| estimate.covers(truth)).count() as u64;
        let below = estimates.iter().filter(|e| e.high.is_some_and(|high| high < truth)).count();
        assert!(
            (low..=high).contains(&hits),
            "{what}: {hits} of {EXPERIMENTS} cover {truth}, {below} lie below it"
        );
        estimates
    })
}

fn share_of(estimates: &[Estimate], status: Status) -> f64 {
    let count = estimates.iter().filter(|estimate| estimate.status == status).count();
    count as f64 / estimates.len() as f64
}

fn mean_half_width(estimates: &[Estimate]) -> f64 {
    let widths: Vec<f64> = estimates.iter().filter_map(Estimate::half_width).collect();
    widths.iter().sum::<f64>() / widths.len() as f64
}

fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

/// Waits of an M/M/1 queue with mean service 1 s, by Lindley's recursion from its stationary law.
pub(crate) struct Lindley {
    pub(crate) utilization: f64,
    wait: f64,
}

impl Lindley {
    pub(crate) fn stationary(utilization: f64, rng: &mut SplitMix) -> Self {
        let waits = rng.uniform() < utilization;
        let wait = if waits { rng.exponential() / (1.0 - utilization) } else { 0.0 };
        Self { utilization, wait }
    }

    pub(crate) fn next(&mut self, rng: &mut SplitMix) -> f64 {
        let wait = self.wait;
        self.wait = (wait + rng.exponential() - rng.exponential() / self.utilization).max(0.0);
        wait
    }

    fn mean(utilization: f64) -> f64 {
        utilization / (1.0 - utilization)
    }

    fn quantile(utilization: f64, p: f64) -> f64 {
        ((utilization / (1.0 - p)).ln() / (1.0 - utilization)).max(0.0)
    }
}

fn queue(utilization: f64, requests: u64, experiment: u64) -> Batches {
    let mut rng = SplitMix::of(experiment, 1);
    let mut model = Lindley::stationary(utilization, &mut rng);
    let mut batches = Batches::new();
    for _ in 0..requests {
        batches.record(nanos(model.next(&mut rng)));
    }
    batches
}

fn independent_exponentials(requests: u64, experiment: u64) -> Batches {
    let mut rng = SplitMix::of(experiment, 2);
    let mut batches = Batches::new();
    for _ in 0..requests {
        batches.record(nanos(rng.exponential()));
    }
    batches
}

/// 10 s plus an AR(1) series with marginal deviation 1 s and lag-1 correlation 0.9.
fn autoregression(requests: u64, experiment: u64) -> Batches {
    let mut rng = SplitMix::of(experiment, 3);
    let mut state = rng.normal();
    let mut batches = Batches::new();
    for _ in 0..requests {
        batches.record(nanos(10.0 + state));
        state = 0.9 * state + (1.0 - 0.81_f64).sqrt() * rng.normal();
    }
    batches
}

#[test]
fn batch_means_and_inversion_cover_independent_values() {
    let [means, medians, p10, _] = assert_cover(
        [
            ("mean", 1.0),
            ("p50", std::f64::consts::LN_2),
            ("p10", -(0.9_f64.ln())),
            ("p95", 20_f64.ln()),
        ],
        |e| {
            let run = independent_exponentials(10_000, e);
            let quantile = |p| run.quantile(p, 0.95);
            [run.mean(0.95), quantile(0.5), quantile(0.1), quantile(0.95)]
        },
    );
    assert!(share_of(&means, Status::Ok) >= 0.95);
    assert_eq!(share_of(&medians, Status::Ok), 1.0);
    assert_eq!(share_of(&p10, Status::LowPrecision), 1.0);
    let ideal = 1.96 / 10_000_f64.sqrt();
    assert!(mean_half_width(&means) < 1.3 * ideal);
}

#[test]
fn batch_means_cover_the_mean_of_an_autoregression() {
    // The sum of all correlations, (1 + 0.9)/(1 − 0.9) = 19, inflates the variance.
    let [found] = assert_cover([("mean", 10.0)], |e| [autoregression(20_000, e).mean(0.95)]);
    assert!(share_of(&found, Status::Ok) >= 0.8);
    assert!(mean_half_width(&found) < 1.3 * 1.96 * (19.0 / 20_000_f64).sqrt());
}

#[test]
fn one_run_of_a_queue_covers_its_mean_its_quantiles_and_its_exceedance() {
    let quantile = |p| Lindley::quantile(0.5, p);
    let [means, _, _, tails, exceedances] = assert_cover(
        [
            ("mean", Lindley::mean(0.5)),
            ("p50", quantile(0.5)),
            ("p90", quantile(0.9)),
            ("p95", quantile(0.95)),
            ("P(wait > p95)", 0.05),
        ],
        |e| {
            let run = queue(0.5, 52_000, e);
            let [p50, p90, p95] = [0.5, 0.9, 0.95].map(|p| run.quantile(p, 0.95));
            [run.mean(0.95), p50, p90, p95, run.fraction_above(nanos(quantile(0.95)), 0.95)]
        },
    );
    assert!(share_of(&means, Status::Ok) >= 0.95);
    assert!(share_of(&tails, Status::Ok) >= 0.8);
    assert!(share_of(&exceedances, Status::Ok) >= 0.95);
}

#[test]
fn a_busier_queue_takes_a_longer_run() {
    let truths = [("mean", Lindley::mean(0.8)), ("p90", Lindley::quantile(0.8, 0.9))];
    assert_cover(truths, |e| {
        let run = queue(0.8, 80_000, e);
        [run.mean(0.95), run.quantile(0.9, 0.95)]
    });
}

#[test]
fn a_queue_run_that_is_too_short_is_flagged() {
    let (means, tails): (Vec<Estimate>, Vec<Estimate>) = (0..EXPERIMENTS)
        .map(|e| queue(0.9, 10_000, e))
        .map(|run| (run.mean(0.95), run.quantile(0.999, 0.95)))
        .unzip();
    assert!(share_of(&means, Status::Ok) <= 0.05);
    assert_eq!(share_of(&tails, Status::Insufficient), 1.0);
}

#[test]
fn batches_of_time_cover_the_mean_number_in_system() {
    let seconds = 10_000.0;
    let [found] = assert_cover([("number in system", 1.0)], |experiment| {
        let mut rng = SplitMix::of(experiment, 14);
        // An M/M/1 queue at a utilisation of one half, from its geometric stationary law.
        let mut present = (rng.uniform().ln() / 0.5_f64.ln()).floor() as u64;
        let mut levels = Levels::new(0, present);
        let mut at = 0.0;
        loop {
            let rate = if present == 0 { 0.5 } else { 1.5 };
            at += rng.exponential() / rate;
            if at >= seconds {
                break;
            }
            let arrives = rng.uniform() * rate < 0.5;
            present = if arrives { present + 1 } else { present - 1 };
            levels.set(nanos(at), present);
        }
        levels.set(nanos(seconds), present);
        [levels.estimate(0.95)]
    });
    assert!(share_of(&found, Status::Ok) >= 0.8);
    // The asymptotic variance is 24 (Whitt 1992).
    assert!(mean_half_width(&found) < 1.3 * 1.96 * (24.0 / seconds).sqrt());
}

#[test]
fn replications_cover_means_and_quantiles_of_a_queue() {
    let replicate = |experiment: u64, replication: u64| {
        let mut rng = SplitMix::of(experiment * 100 + replication, 4);
        let mut model = Lindley::stationary(0.5, &mut rng);
        let mut tally = Tally::new();
        for _ in 0..2000 {
            tally.record(nanos(model.next(&mut rng)));
        }
        tally
    };
    let p90 = Lindley::quantile(0.5, 0.9);
    let truths = [("mean", Lindley::mean(0.5)), ("p90", p90), ("p90 by sections", p90)];
    assert_cover(truths, |e| {
        let runs: Vec<Tally> = (0..10).map(|r| replicate(e, r)).collect();
        let means: Vec<f64> = runs.iter().map(|run| run.moments.mean().unwrap()).collect();
        let runs: Vec<&Tally> = runs.iter().collect();
        [
            mean_of_replications(&means, 0.95),
            of_replications(&runs, 0.9, 0.95),
            by_sectioning(&runs, 0.9, 0.95),
        ]
    });
}

#[test]
fn a_ratio_of_dependent_parts_covers() {
    // Busy parts refuse more: the numerator leans on the denominator.
    let truth = 10.0 * (1.0 + 1.0 / 12.0) / 100.0;
    assert_cover([("refused of arrived", truth)], |experiment| {
        let mut rng = SplitMix::of(experiment, 5);
        let (arrived, refused): (Vec<f64>, Vec<f64>) = (0..20)
            .map(|_| {
                let load = 0.5 + rng.uniform();
                (100.0 * load, 10.0 * load * load + 0.5 * rng.normal())
            })
            .unzip();
        [ratio(&refused, &arrived, 0.95)]
    });
}

#[test]
fn order_statistics_cover_the_quantiles_of_independent_replications() {
    let truths = [("p50", 2_f64.ln()), ("p90", 10_f64.ln())];
    assert_cover(truths, |experiment| {
        let mut rng = SplitMix::of(experiment, 6);
        let values: Vec<f64> = (0..200).map(|_| rng.exponential()).collect();
        [0.5, 0.9].map(|p| of_independent(&values, p, 0.95))
    });
}

#[test]
fn the_stationary_bootstrap_covers_the_mean_of_an_autoregression() {
    let [found] = assert_cover([("mean", 0.0)], |experiment| {
        let mut rng = SplitMix::of(experiment, 7);
        let mut state = rng.normal();
        let series: Vec<f64> = (0..1500)
            .map(|_| {
                state = 0.5 * state + 0.75_f64.sqrt() * rng.normal();
                state
            })
            .collect();
        let block = block_length(&series);
        let mean = |indices: &[usize]| {
            indices.iter().map(|&i| series[i]).sum::<f64>() / indices.len() as f64
        };
        [percentile_interval(series.len(), block, 300, 0.95, &mut rng, mean)]
    });
    // The sum of all correlations is (1 + 0.5)/(1 − 0.5) = 3.
    assert!(mean_half_width(&found) < 1.3 * 1.96 * (3.0 / 1500_f64).sqrt());
}

#[test]
fn block_lengths_follow_the_correlation() {
    let mut rng = SplitMix::of(0, 8);
    let mut length = |correlation: f64| {
        let mut state = 0.0;
        let series: Vec<f64> = (0..10_000)
            .map(|_| {
                state = correlation * state + rng.normal();
                state
            })
            .collect();
        block_length(&series)
    };
    // For an AR(1) series with lag-1 correlation r the optimum is (n·(2r/(1 − r²))²)^{1/3}. The
    // error of the bootstrap is flat around it, so that a factor of two is near enough.
    assert!(length(0.0) < 2.0);
    for r in [0.5_f64, 0.9] {
        let optimum = (10_000.0 * (2.0 * r / (1.0 - r * r)).powi(2)).cbrt();
        let ratio = length(r) / optimum;
        assert!((0.5..2.0).contains(&ratio), "correlation {r}: {ratio} of the optimum");
    }
}

#[test]
fn paired_differences_and_ratios_cover() {
    let truths = [("difference", 0.2), ("ratio", 1.1), ("Welch's difference", 0.2)];
    assert_cover(truths, |experiment| {
        let mut rng = SplitMix::of(experiment, 9);
        let (a, b): (Vec<f64>, Vec<f64>) = (0..12)
            .map(|_| {
                let shared = rng.normal();
                (2.2 + 0.3 * shared + 0.1 * rng.normal(), 2.0 + 0.3 * shared + 0.05 * rng.normal())
            })
            .unzip();
        let apart: Vec<f64> = (0..12).map(|_| 2.0 + 0.1 * rng.normal()).collect();
        [
            difference(&a, &b, 0.95).estimate,
            paired_ratio(&a, &b, 0.95),
            welch(&a, &apart, 0.95).estimate,
        ]
    });
}

#[test]
fn quantile_differences_of_paired_runs_cover() {
    let p90 = |utilization| Lindley::quantile(utilization, 0.9);
    let truths = [("p90 difference", p90(0.6) - p90(0.5))];
    let [found] = assert_cover(truths, |experiment| {
        let run = |utilization: f64, replication: u64| {
            let mut rng = SplitMix::of(experiment * 100 + replication, 10);
            let mut model = Lindley::stationary(utilization, &mut rng);
            let mut tally = Tally::new();
            for _ in 0..4000 {
                tally.record(nanos(model.next(&mut rng)));
            }
            tally
        };
        let runs = |utilization| -> Vec<Tally> { (0..10).map(|r| run(utilization, r)).collect() };
        let (a, b) = (runs(0.6), runs(0.5));
        let (a, b): (Vec<&Tally>, Vec<&Tally>) = (a.iter().collect(), b.iter().collect());
        [quantile_difference(&a, &b, 0.9, 0.95).estimate]
    });
    assert_eq!(share_of(&found, Status::Ok), 1.0);
}

#[test]
fn kim_and_nelson_select_the_best_as_often_as_they_promise() {
    // The least favourable case: all others worse by exactly the indifference, here with common
    // noise.
    let correct = (0..EXPERIMENTS)
        .filter(|&experiment| {
            let mut rng = SplitMix::of(experiment, 11);
            let mut race = KimNelson::new(5, 0.5, 0.05, 10, Goal::Smallest);
            while race.selected().is_none() {
                let shared = rng.normal();
                let values: Vec<f64> = race
                    .surviving()
                    .iter()
                    .map(|&i| if i == 3 { 0.0 } else { 0.5 } + shared + rng.normal())
                    .collect();
                race.observe(&values);
            }
            race.selected() == Some(3)
        })
        .count() as u64;
    let (low, _) = coverage_acceptance(EXPERIMENTS, 0.95, 1e-3);
    assert!(correct >= low, "{correct} of {EXPERIMENTS}");
}

#[test]
fn anderson_darlings_test_rejects_a_true_law_no_more_often_than_it_says() {
    let kept = (0..EXPERIMENTS)
        .filter(|&experiment| {
            let mut rng = SplitMix::of(experiment, 12);
            let sample: Vec<f64> = (0..60).map(|_| rng.normal().exp()).collect();
            bootstrap_p_value(lognormal, &sample, 99, &mut rng).unwrap() > 0.05
        })
        .count() as u64;
    let (low, high) = coverage_acceptance(EXPERIMENTS, 0.95, 1e-3);
    assert!((low..=high).contains(&kept), "{kept} of {EXPERIMENTS} kept");
}

#[test]
fn the_dispersion_of_poisson_arrivals_covers_one() {
    assert_cover([("index of dispersion", 1.0)], |experiment| {
        let mut rng = SplitMix::of(experiment, 13);
        let mut at = 0.0;
        let arrivals: Vec<u64> = (0..3000)
            .map(|_| {
                at += rng.exponential();
                nanos(at)
            })
            .collect();
        let curve = dispersion_curve(&arrivals, nanos(1.0), nanos(2800.0), 0.95);
        [curve[3].index]
    });
}
