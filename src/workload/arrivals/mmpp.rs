//! Bursts that come and go: a Poisson process whose rate jumps between two values at random.
//!
//! **What it does.** Stays in a state for an exponential time of its mean sojourn, and arrivals are
//! Poisson at that state's rate meanwhile; a rate of 0 makes it on-off traffic. It starts in
//! either state with the probability of finding it there, so it is stationary from the start.
//! **When it shines.** Traffic whose counts vary more than Poisson at one scale of time: the index
//! of dispersion grows from 1 to 1 + 2(a−b)²rs / ((r+s)²(as+br)) for rates a, b and switching r, s.
//! **When it fails.** Burstiness at many scales, and rhythms that can be foretold.
//! **Source.** MMPP(2) of Heffes and Lucantoni (1986). Drawn exactly: an exponential is spent along
//! the rate, from state to state.

use rand_distr::{Distribution, Exp1};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arrivals, Setup, check_rate, check_rate_or_zero, check_span, per_ns, whole};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::{Duration, Instant};
use crate::units::Rate;

/// Options: `rates` and either `sojourns` or `switching`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Arrivals a second in the one state and in the other, not both 0: `["200/s", "20/s"]`.
    rates: [Rate; 2],
    /// How long it stays in each state on average, longer than 0s: `["10s", "2m"]`.
    sojourns: Option<[Duration; 2]>,
    /// Or how often it leaves each state, above 0: `["6/min", "0.5/min"]`.
    switching: Option<[Rate; 2]>,
}

/// The process.
#[derive(Debug)]
pub struct Mmpp {
    rates_per_ns: [f64; 2],
    sojourns_ns: [f64; 2],
    now: Option<Phase>,
}

/// The state, and how long it still lasts after the last arrival.
#[derive(Clone, Copy, Debug)]
struct Phase {
    state: usize,
    left_ns: f64,
}

/// So many changes of state between two arrivals cannot be told from a Poisson process any more,
/// and each of them takes time.
const MOST_SWITCHES: f64 = 1e4;

impl Config {
    fn sojourns_ns(&self) -> Option<[f64; 2]> {
        match (self.sojourns, self.switching) {
            (Some(sojourns), None) => Some(sojourns.map(|span| span.0 as f64)),
            (None, Some(rates)) => Some(rates.map(|rate| 1.0 / per_ns(rate))),
            _ => None,
        }
    }
}

impl Variant<dyn Arrivals> for Mmpp {
    const NAME: &'static str = "mmpp";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        let Some([one, other]) = config.sojourns_ns() else {
            let problem = Problem::about("switching", "give either `sojourns` or `switching`");
            return Err(problem.help("write e.g. `sojourns = [\"10s\", \"2m\"]`"));
        };
        config.rates.iter().try_for_each(|rate| check_rate_or_zero("rates", *rate))?;
        for span in config.sojourns.iter().flatten() {
            check_span("sojourns", *span)?;
        }
        for rate in config.switching.iter().flatten() {
            check_rate("switching", *rate)?;
        }
        let a_cycle = per_ns(config.rates[0]) * one + per_ns(config.rates[1]) * other;
        if a_cycle == 0.0 {
            let message = "one of the `rates` must be above 0, or nothing ever arrives";
            return Err(Problem::about("rates", message));
        }
        if a_cycle * MOST_SWITCHES < 2.0 {
            let key = if config.sojourns.is_some() { "sojourns" } else { "switching" };
            let message = "the states change over 10000 times between two arrivals";
            return Err(Problem::about(key, message)
                .help("such traffic is `poisson` at the mean rate; or make the states last"));
        }
        Ok(())
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Arrivals>, Problem> {
        let sojourns_ns = config.sojourns_ns().expect("checked: one of the two is given");
        let rates_per_ns = config.rates.map(|rate| setup.per_ns(rate));
        Ok(Box::new(Self { rates_per_ns, sojourns_ns, now: None }))
    }
}

impl Mmpp {
    fn enter(&self, state: usize, stream: &mut Stream) -> Phase {
        let unit: f64 = Exp1.sample(stream);
        Phase { state, left_ns: unit * self.sojourns_ns[state] }
    }

    /// The state of the stationary law; sojourns have no memory, so the rest of one is a whole one.
    fn stationary(&self, stream: &mut Stream) -> Phase {
        let [one, other] = self.sojourns_ns;
        let state = usize::from(stream.open01() * (one + other) >= one);
        self.enter(state, stream)
    }
}

impl Arrivals for Mmpp {
    #[inline]
    fn next(&mut self, last: Instant, stream: &mut Stream) -> Instant {
        let mut phase = match self.now {
            Some(phase) => phase,
            None => self.stationary(stream),
        };
        let mut mass: f64 = Exp1.sample(stream);
        let mut gap_ns = 0.0;
        loop {
            let rate = self.rates_per_ns[phase.state];
            let here = rate * phase.left_ns;
            if mass < here {
                let step = mass / rate;
                phase.left_ns -= step;
                self.now = Some(phase);
                return last + whole(gap_ns + step);
            }
            mass -= here;
            gap_ns += phase.left_ns;
            phase = self.enter(1 - phase.state, stream);
        }
    }
}
