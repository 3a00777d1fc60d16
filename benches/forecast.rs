//! What a forecaster costs a tick, at growing lengths of history, as a table for `forecast.md`.
//!
//! A tick is what a predictive autoscaler does at each bin: tell the forecaster the rate, ask for
//! the load one start-up ahead. Ticks in which parameters are fitted anew are told apart: they
//! come on a schedule, are counted, and cost what their data cost. `cargo bench --bench forecast
//! [forecaster …]` prints the table again.

#![allow(clippy::disallowed_methods)] // A bench reads the wall clock: that is its job.

use std::time::Instant as Clock;

use plimsoll::forecast::{self, Forecaster as _, Online, Setup};

const MINUTE_NS: u64 = 60_000_000_000;

/// Ticks that come before those that are timed: two, seven, thirty days of minutes.
const LENGTHS: [u64; 3] = [2_880, 10_080, 43_200];

/// Ticks that are timed: a day.
const TIMED: u64 = 1_440;

/// What was seen of one forecaster at one length.
struct Seen {
    /// The median of ticks without a fit, nanoseconds.
    tick_ns: u64,
    /// Fits from the first tick on, those in the timed ones included.
    refits: u64,
    /// The mean of ticks with a fit among those timed, milliseconds; none where there was none.
    refit_ms: Option<f64>,
}

fn main() {
    println!("| forecaster | {} | fits in all | a fit |", LENGTHS.map(grouped).join(" | "));
    println!("| --- |{} ---: | ---: |", " ---: |".repeat(LENGTHS.len()));
    let names: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let asked = |name: &str| names.is_empty() || names.iter().any(|it| it == name);
    for recipe in forecast::all().filter(|recipe| asked(recipe.name)) {
        let seen = LENGTHS.map(|length| measure(recipe.name, length));
        let ticks = seen.iter().map(|it| format!("{} ns", grouped(it.tick_ns)));
        let last = &seen[LENGTHS.len() - 1];
        let fit = last.refit_ms.map_or("–".to_owned(), |ms| format!("{ms:.1} ms"));
        let ticks = ticks.collect::<Vec<_>>().join(" | ");
        println!("| `{}` | {ticks} | {} | {fit} |", recipe.name, grouped(last.refits));
    }
}

fn measure(name: &str, length: u64) -> Seen {
    let setup = Setup { tick_ns: MINUTE_NS, reach_ns: 4 * MINUTE_NS, ..Setup::default() };
    let mut forecaster = Online::named(name, &setup).expect("it stands in the registry");
    (1..=length).for_each(|tick| forecaster.observe(tick * MINUTE_NS, rate(tick)));
    let (mut ticks, mut fits) = (Vec::new(), Vec::new());
    for tick in length + 1..=length + TIMED {
        let fitted = forecaster.refits();
        let clock = Clock::now();
        forecaster.observe(tick * MINUTE_NS, rate(tick));
        let forecast = forecaster.predict((tick + 4) * MINUTE_NS);
        let ns = clock.elapsed().as_nanos() as u64;
        assert!(forecast.is_some_and(|it| it.mean.is_finite()), "a forecast is a number");
        if forecaster.refits() > fitted { fits.push(ns) } else { ticks.push(ns) }
    }
    ticks.sort_unstable();
    let mean = |all: &[u64]| all.iter().sum::<u64>() as f64 / all.len() as f64 / 1e6;
    Seen {
        tick_ns: ticks[ticks.len() / 2],
        refits: forecaster.refits(),
        refit_ms: (!fits.is_empty()).then(|| mean(&fits)),
    }
}

/// A day and a week with noise, requests a second.
fn rate(tick: u64) -> f64 {
    let turn = |period: f64| (tick as f64 / period * std::f64::consts::TAU).sin();
    let noise = (tick.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1 << 24) as f64;
    100.0 + 40.0 * turn(1_440.0) + 15.0 * turn(10_080.0) + 12.0 * noise
}

fn grouped(count: u64) -> String {
    plimsoll::report::text::grouped(count)
}
