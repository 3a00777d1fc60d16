//! The intervals that are called `ok` cover the truth as often as they say, on queues whose truth
//! is known: 200 seeded experiments each, or as many as `PLIMSOLL_COVERAGE` says. The thousand of
//! the acceptance test:
//!
//! ```sh
//! PLIMSOLL_COVERAGE=1000 cargo test --release --test it coverage
//! ```
//!
//! Up to 999 experiments the hits must lie in the binomial acceptance range of a valid 95 %
//! interval at two-sided size 10⁻³; from 1,000 on, between 93 % and 97 %.

use plimsoll::experiment::{Crew, replicate};
use plimsoll::outcome::{Estimate, Estimated, Status};
use plimsoll::scenario::Scenario;
use plimsoll::stats::binomial::coverage_acceptance;
use plimsoll::theory::{Delay, Distribution, Mg1, Mmc};
use rayon::prelude::*;

use crate::experiment::scenario;

fn experiments() -> u64 {
    let word = std::env::var("PLIMSOLL_COVERAGE");
    word.map_or(200, |word| word.parse().expect("PLIMSOLL_COVERAGE is a number of experiments"))
}

type Of = fn(&Estimated) -> Estimate;

/// A queue: a server with so many slots, Poisson arrivals, a service law of mean 1 s.
struct Queue {
    slots: u32,
    load: f64,
    service: &'static str,
    law: Distribution,
}

impl Queue {
    fn markov(slots: u32, load: f64) -> Self {
        let service = "{ law = 'exponential', mean = '1s' }";
        Self { slots, load, service, law: Distribution::exponential(1.0) }
    }

    fn rate(&self) -> f64 {
        self.load * f64::from(self.slots)
    }

    fn scenario(&self, seed: u64, run: &str) -> Scenario {
        let Self { slots, service, .. } = self;
        let rate = self.rate();
        scenario(&format!(
            "seed = {seed}\n\
             traffic.main = {{ arrivals = {{ process = 'poisson', rate = '{rate}/s' }}, \
             service = {service} }}\n\
             pool.main = {{ slots = {slots} }}\n[run]\n{run}"
        ))
    }

    /// The mean and the 99th percentile of the latency.
    fn truth(&self) -> [f64; 2] {
        let of = |delay: &dyn Delay| [delay.mean(), delay.quantile(0.99)];
        if self.slots == 1 {
            return of(&*Mg1::new(self.rate(), self.law.clone()).unwrap().latency());
        }
        of(&Mmc::new(self.rate(), 1.0, self.slots).unwrap().latency())
    }

    fn estimates(&self, experiments: u64, run: &str) -> Vec<Estimated> {
        let one = |seed| {
            let crew = Crew::new(Some(1)).unwrap();
            replicate(&self.scenario(seed, run), &crew, &()).unwrap().outcome.unwrap()
        };
        (0..experiments).into_par_iter().map(one).collect()
    }

    /// The mean and p99 are `ok` in at least the given share of experiments, and those cover.
    fn assert_covered(&self, run: &str, ok_share: f64) {
        let found = self.estimates(experiments(), run);
        let measures: [(&str, Of); 2] =
            [("mean", |found| found.latency_s.mean), ("p99", |found| found.latency_s.p99)];
        for ((name, of), truth) in measures.into_iter().zip(self.truth()) {
            let ok: Vec<Estimate> =
                found.iter().map(of).filter(|estimate| estimate.status == Status::Ok).collect();
            let count = ok.len() as u64;
            let share = count as f64 / found.len() as f64;
            assert!(share >= ok_share, "{name}: only {share} are ok");
            let hits = ok.iter().filter(|estimate| estimate.covers(truth)).count() as u64;
            let below = ok.iter().filter(|e| e.high.is_some_and(|high| high < truth)).count();
            let (low, high) = match found.len() {
                1000.. => ((0.93 * count as f64).ceil() as u64, (0.97 * count as f64) as u64),
                _ => coverage_acceptance(count, 0.95, 1e-3),
            };
            let told = format!("{name}: {hits} of {count} cover {truth}, {below} lie below it");
            println!("{} slots at {}: {told}", self.slots, self.load);
            assert!((low..=high).contains(&hits), "{told}; wanted {low} to {high}");
        }
    }
}

#[test]
fn replications_of_a_single_server_cover() {
    Queue::markov(1, 0.5).assert_covered("duration = '60000s'\nreplications = 10", 0.9);
}

#[test]
fn replications_of_several_servers_cover() {
    Queue::markov(4, 0.8).assert_covered("duration = '10000s'\nreplications = 10", 0.9);
}

#[test]
fn replications_of_a_varied_service_cover() {
    let service = "{ law = 'hyper-exponential', mean = '1s', cv = 2 }";
    let law = Distribution::balanced(1.0, 4.0);
    let queue = Queue { slots: 1, load: 0.5, service, law };
    queue.assert_covered("duration = '80000s'\nreplications = 10", 0.9);
}

#[test]
fn one_long_run_in_batches_covers() {
    Queue::markov(1, 0.5).assert_covered("duration = '800000s'\nreplications = 1", 0.8);
}

#[test]
fn runs_too_short_for_their_correlation_are_not_called_ok() {
    let found = Queue::markov(1, 0.9).estimates(100, "duration = '2000s'\nreplications = 10");
    let ok = |of: fn(&Estimated) -> Estimate| {
        found.iter().filter(|&found| of(found).status == Status::Ok).count()
    };
    assert!(ok(|found| found.latency_s.mean) <= 5);
    assert_eq!(ok(|found| found.latency_s.p99), 0);
}
