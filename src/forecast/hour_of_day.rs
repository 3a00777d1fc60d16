//! Hour of day: linear regression on the hour, with a common trend.
//!
//! **What it does.** y = β·t + γ(hour), by least squares with exponential forgetting, exactly and
//! in constant time a tick: the trend is the slope within the hours, each γ its hour's centre.
//! Hours not yet seen take the mean of those that were; the trend counts from the third day on,
//! since before that it cannot be told from the shape of the hours themselves.
//!
//! **When it shines.** A daily rhythm that holds for weeks; horizons of hours. It averages many
//! days where the seasonal naive repeats one, so its noise is far smaller.
//!
//! **When it fails.** It does not look at the last few values: after a jump it is wrong until the
//! forgetting has caught up. Weekends fall into the same hours as weekdays; steps at the full hour.
//!
//! **Source.** Ordinary least squares on seasonal indicators (Hyndman & Athanasopoulos, §7.4),
//! solved by the Frisch–Waugh theorem; the updates are those of West, *Comm. ACM* 22 (1979) 532.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DAY_NS, Method, Setup, unless};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;

/// Options of the hour-of-day regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Number of equal parts of the day with a level each; 24 are hours.
    pub parts: usize,
    /// Age at which a value counts half.
    pub half_life: Duration,
    /// Whether a common linear trend is fitted beside the hours.
    pub trend: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config { parts: 24, half_life: Duration::from_days(7), trend: true }
    }
}

/// Weighted moments of time (days) and value within one hour.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    weight: f64,
    mean_t: f64,
    mean_y: f64,
    s_tt: f64,
    s_ty: f64,
}

impl Moments {
    fn push(&mut self, keep: f64, t: f64, y: f64) {
        self.weight = keep * self.weight + 1.0;
        let from_mean = t - self.mean_t;
        self.mean_t += from_mean / self.weight;
        self.mean_y += (y - self.mean_y) / self.weight;
        self.s_tt = keep * self.s_tt + from_mean * (t - self.mean_t);
        self.s_ty = keep * self.s_ty + from_mean * (y - self.mean_y);
    }
}

/// Regression on the hour of day.
#[derive(Clone, Debug)]
pub struct HourOfDay {
    setup: Setup,
    hours: Vec<Moments>,
    keep: f64,
    trend: bool,
    first_ns: Option<u64>,
    last_ns: u64,
}

impl Variant<dyn Method> for HourOfDay {
    const NAME: &'static str = "hour-of-day";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        unless((1..=1440).contains(&config.parts), || {
            format!("a day of {} parts; use 1 to 1440", config.parts)
        })?;
        unless(config.half_life.0 > 0, || "a half-life of zero keeps nothing".into())
    }

    fn build(config: &Config, setup: &Setup) -> Result<Box<dyn Method>, Problem> {
        Ok(Box::new(HourOfDay::new(config, setup)))
    }
}

impl HourOfDay {
    /// For options that were checked.
    fn new(config: &Config, setup: &Setup) -> Self {
        // A part is visited once a day, this many ticks at a time.
        let part_ns = DAY_NS / config.parts as u64;
        let visits = (part_ns as f64 / setup.tick_ns as f64).max(1.0);
        let half_lives_a_visit = DAY_NS as f64 / config.half_life.0 as f64 / visits;
        HourOfDay {
            setup: setup.clone(),
            hours: vec![Moments::default(); config.parts],
            keep: 0.5_f64.powf(half_lives_a_visit),
            trend: config.trend,
            first_ns: None,
            last_ns: 0,
        }
    }

    fn hour(&self, at_ns: u64) -> usize {
        let part_ns = DAY_NS / self.hours.len() as u64;
        ((self.setup.calendar_ns(at_ns) % DAY_NS / part_ns) as usize).min(self.hours.len() - 1)
    }

    /// Days since the first observation.
    fn day(&self, at_ns: u64) -> f64 {
        (at_ns - self.first_ns.unwrap_or(at_ns)) as f64 / DAY_NS as f64
    }

    fn slope(&self) -> f64 {
        let (s_tt, s_ty) =
            self.hours.iter().fold((0.0, 0.0), |(tt, ty), hour| (tt + hour.s_tt, ty + hour.s_ty));
        let known = self.trend && self.day(self.last_ns) >= 2.0 && s_tt > 0.0;
        if known { s_ty / s_tt } else { 0.0 }
    }
}

impl Method for HourOfDay {
    fn push(&mut self, at_ns: u64, value: f64) {
        self.first_ns.get_or_insert(at_ns);
        self.last_ns = at_ns;
        let (hour, day) = (self.hour(at_ns), self.day(at_ns));
        self.hours[hour].push(self.keep, day, value);
    }

    fn path(&self, path: &mut [f64]) {
        let slope = self.slope();
        let seen = || self.hours.iter().filter(|hour| hour.weight > 0.0);
        let origins: f64 = seen().map(|hour| hour.mean_y - slope * hour.mean_t).sum();
        let unseen = origins / seen().count() as f64;
        for (k, out) in path.iter_mut().enumerate() {
            let at_ns = self.last_ns + (k + 1) as u64 * self.setup.tick_ns;
            let hour = &self.hours[self.hour(at_ns)];
            let origin = if hour.weight > 0.0 { hour.mean_y - slope * hour.mean_t } else { unseen };
            *out = origin + slope * self.day(at_ns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    fn taught(days: u64, value: impl Fn(u64) -> f64) -> (HourOfDay, u64) {
        let setup = Setup { tick_ns: HOUR, ..Setup::default() };
        let mut method = HourOfDay::new(&Config::default(), &setup);
        (1..=days * 24).for_each(|hour| method.push(hour * HOUR, value(hour)));
        (method, days * 24)
    }

    #[test]
    fn a_daily_rhythm_on_a_trend_is_learnt_exactly() {
        let value =
            |hour: u64| 5.0 + 0.25 * hour as f64 + [0.0, 9.0, 4.0][(hour % 24 / 8) as usize];
        let (method, now) = taught(5, value);
        let mut path = [0.0; 48];
        method.path(&mut path);
        for (k, forecast) in path.iter().enumerate() {
            let truth = value(now + k as u64 + 1);
            assert!((forecast / truth - 1.0).abs() < 1e-9, "{k}: {forecast} for {truth}");
        }
    }

    #[test]
    fn the_clock_of_the_run_sets_the_hour() {
        let method = |epoch_offset_ns| {
            let setup = Setup { tick_ns: HOUR, epoch_offset_ns, ..Setup::default() };
            HourOfDay::new(&Config::default(), &setup)
        };
        assert_eq!(method(0).hour(HOUR), 0, "the bin that ended at one o'clock began at midnight");
        assert_eq!(method(5 * HOUR).hour(HOUR), 5);
    }
}
