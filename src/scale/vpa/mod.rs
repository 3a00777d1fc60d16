//! The Vertical Pod Autoscaler: how large a server ought to be.
//!
//! *What it does*: gathers usage in histograms that forget with a half-life of a day, takes the
//! 90th percentile, and adds 15 %. Beside it stand a lower bound from the median and an upper bound
//! from the 95th percentile, both wide while there is little history. Memory enters as the peak of
//! each day; running out of it counts as a peak of 1.2 times what was allowed. A pod whose request
//! lies outside the bounds, or far enough from the target for long enough, is replaced. In a
//! simulation a server's busy slots, times its speed, are the cores it uses; it is made larger or
//! smaller in slots or in speed and costs in proportion. The count of servers stays.
//!
//! *When it shines*: services whose size nobody ever measured; memory, which cannot be shared out
//! by adding servers.
//!
//! *When it fails*: it looks back a day, so that it follows a trend and no burst; usage can never
//! exceed what a server has, so that it climbs out of overload by 15 % at a time; a processor
//! request it lowers also lowers the utilization an HPA sees, and the two chase each other.
//!
//! *Source*: `vertical-pod-autoscaler/pkg/recommender` of kubernetes/autoscaler.

pub mod histogram;
pub mod scaler;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::histogram::{Buckets, DecayingHistogram};
use self::scaler::Scaler;
use super::{Autoscaler, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;

/// The largest amount of a resource, in millicores or bytes.
const MOST_AMOUNT: f64 = 1e14;
/// The weight of every processor sample, and of an empty bucket.
const CPU_SAMPLE_WEIGHT: f64 = 0.1;
/// A bucket that weighs less is empty.
const EPSILON: f64 = 0.001 * CPU_SAMPLE_WEIGHT;
/// One day in nanoseconds.
const DAY_NS: u64 = 86_400_000_000_000;
/// One mebibyte in bytes.
pub const MEBIBYTE: i64 = 1 << 20;

/// How the recommender and the updater are set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The share of usage the target covers.
    pub target_percentile: f64,
    /// The share of usage the lower bound covers.
    pub lower_percentile: f64,
    /// The share of usage the upper bound covers.
    pub upper_percentile: f64,
    /// Added to every estimate, as a share.
    pub safety_margin: f64,
    /// Least processor request of a pod, in thousandths of a core, divided among its containers.
    pub pod_min_cpu_millicores: u32,
    /// Least memory request of a pod, in MiB, divided among its containers.
    pub pod_min_memory_mb: u32,
    /// The time in which a sample loses half its weight.
    pub half_life: Duration,
    /// History that makes the upper bound twice the estimate.
    pub confidence_interval: Duration,
    /// One memory peak is kept for each such interval.
    pub memory_interval: Duration,
    /// Memory after running out of it: so many times what was used …
    pub oom_bump_up_ratio: f64,
    /// … or so many bytes more, whichever is more.
    pub oom_min_bump_up_bytes: i64,
    /// Relative distance from the target that is worth replacing a pod of full age.
    pub change_threshold: f64,
    /// The age from which a pod within its bounds may be replaced.
    pub pod_lifetime: Duration,
    /// A pod that ran out of memory so soon after its start is replaced at once.
    pub quick_oom: Duration,
    /// The share of pods that may be missing while pods are replaced.
    pub eviction_tolerance: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            target_percentile: 0.9,
            lower_percentile: 0.5,
            upper_percentile: 0.95,
            safety_margin: 0.15,
            pod_min_cpu_millicores: 25,
            pod_min_memory_mb: 250,
            half_life: Duration(DAY_NS),
            confidence_interval: Duration(DAY_NS),
            memory_interval: Duration(DAY_NS),
            oom_bump_up_ratio: 1.2,
            oom_min_bump_up_bytes: 100 * MEBIBYTE,
            change_threshold: 0.1,
            pod_lifetime: Duration::from_secs(43200),
            quick_oom: Duration::from_secs(600),
            eviction_tolerance: 0.5,
        }
    }
}

/// A whole amount of a resource: cut, never negative, at most 10¹⁴.
pub fn amount(value: f64) -> i64 {
    value.min(MOST_AMOUNT) as i64 * i64::from(value > 0.0)
}

/// Whole millicores of so many cores.
pub fn millicores(cores: f64) -> i64 {
    amount(cores * 1000.0)
}

/// An amount times a factor, cut.
pub fn scale(base: i64, factor: f64) -> i64 {
    amount(base as f64 * factor)
}

/// An amount and its margin, each cut on its own.
pub fn with_margin(base: i64, margin: f64) -> i64 {
    base + scale(base, margin)
}

/// Days of history, by time and by samples of one a minute, whichever are fewer; a day is
/// `interval_ns`.
pub fn confidence(lifespan_ns: u64, samples: u64, interval_ns: u64) -> f64 {
    let interval = interval_ns as f64;
    let samples_per_interval = interval / 60e9;
    (lifespan_ns as f64 / interval).min(samples as f64 / samples_per_interval)
}

/// `(1 + multiplier / confidence)^exponent`: infinite, or 0, without history.
pub fn confidence_factor(confidence: f64, multiplier: f64, exponent: f64) -> f64 {
    (1.0 + multiplier / confidence).powf(exponent)
}

/// The factor of the upper bound: twice the estimate after a day of history.
pub fn upper_factor(confidence: f64) -> f64 {
    confidence_factor(confidence, 1.0, 1.0)
}

/// The factor of the lower bound: 0.6 after five minutes of history.
pub fn lower_factor(confidence: f64) -> f64 {
    confidence_factor(confidence, 0.001, -2.0)
}

impl Config {
    /// The least processor request of each of so many containers, in millicores.
    pub fn container_min_millicores(&self, containers: u32) -> i64 {
        i64::from(self.pod_min_cpu_millicores) / i64::from(containers.max(1))
    }

    /// The least memory request of each of so many containers, in bytes.
    pub fn container_min_bytes(&self, containers: u32) -> i64 {
        i64::from(self.pod_min_memory_mb) * MEBIBYTE / i64::from(containers.max(1))
    }

    /// The processor's histogram: buckets growing by 5 % from 0.01 core to 1000.
    pub fn cpu_histogram(&self) -> DecayingHistogram {
        let buckets = Buckets::Exponential { first: 0.01, ratio: 1.05, max: 1000.0 };
        DecayingHistogram::new(buckets, EPSILON, self.half_life.0)
    }

    /// Memory's histogram: buckets growing by 5 % from 10 MB to 1 TB.
    pub fn memory_histogram(&self) -> DecayingHistogram {
        let buckets = Buckets::Exponential { first: 1e7, ratio: 1.05, max: 1e12 };
        DecayingHistogram::new(buckets, EPSILON, self.half_life.0)
    }

    /// Memory a container that ran out of it is taken to need, from its request and its last peak
    /// of usage. Peaks that came from running out are left out by the caller, or a series of them
    /// would run away.
    pub fn bumped_memory(&self, request_bytes: i64, peak_bytes: i64) -> i64 {
        let used = request_bytes.max(peak_bytes);
        (used + self.oom_min_bump_up_bytes).max(scale(used, self.oom_bump_up_ratio))
    }

    /// Recommended amounts of one resource from its percentiles in whole units.
    fn recommend(&self, estimate: impl Fn(f64) -> i64, confidence: f64, least: i64) -> Bounds {
        let margin = |share| with_margin(estimate(share), self.safety_margin);
        let lower = scale(margin(self.lower_percentile), lower_factor(confidence));
        let upper = scale(margin(self.upper_percentile), upper_factor(confidence));
        Bounds {
            lower: lower.max(least),
            target: margin(self.target_percentile).max(least),
            upper: upper.max(least),
        }
    }
}

/// A recommendation for one resource, in whole millicores or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Less is too little.
    pub lower: i64,
    /// The best guess.
    pub target: i64,
    /// More is waste.
    pub upper: i64,
}

/// What a memory peak does to the histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeakChange {
    /// A peak of so many bytes enters, stamped with the end of its interval.
    Add(i64, u64),
    /// A smaller peak of the same interval leaves.
    Subtract(i64, u64),
}

/// The memory peaks of one container: one an interval, revised upwards within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryPeaks {
    interval_ns: u64,
    interval_end_ns: Option<u64>,
    last_sample_ns: u64,
    usage_peak: i64,
    oom_peak: i64,
}

impl MemoryPeaks {
    /// A container that has used nothing yet.
    pub fn new(interval_ns: u64) -> Self {
        Self {
            interval_ns: interval_ns.max(1),
            interval_end_ns: None,
            last_sample_ns: 0,
            usage_peak: 0,
            oom_peak: 0,
        }
    }

    /// The largest peak of the present interval.
    pub fn peak(&self) -> i64 {
        self.usage_peak.max(self.oom_peak)
    }

    /// Records a sample of usage. One that is older than the last, or negative, is refused.
    pub fn record(&mut self, usage: i64, at_ns: u64) -> Vec<PeakChange> {
        if usage < 0 || at_ns < self.last_sample_ns {
            return Vec::new();
        }
        let changes = self.raise(usage, at_ns);
        if changes.is_empty() {
            return changes;
        }
        self.usage_peak = usage;
        changes
    }

    /// Records that the container ran out of memory while it was allowed `request`. An event of an
    /// interval that is over is refused.
    pub fn record_oom(&mut self, config: &Config, request: i64, at_ns: u64) -> Vec<PeakChange> {
        if self.interval_end_ns.is_some_and(|end_ns| at_ns + self.interval_ns < end_ns) {
            return Vec::new();
        }
        let needed = config.bumped_memory(request, self.usage_peak);
        let changes = self.raise(needed, at_ns);
        if !changes.is_empty() {
            self.oom_peak = needed;
        }
        changes
    }

    /// The changes a sample makes: none where the interval has seen as much.
    fn raise(&mut self, usage: i64, at_ns: u64) -> Vec<PeakChange> {
        self.last_sample_ns = at_ns;
        let end_ns = self.interval_end_ns.unwrap_or(at_ns);
        let mut changes = Vec::new();
        if at_ns < end_ns {
            let peak = self.peak();
            if peak == 0 || usage <= peak {
                return changes;
            }
            changes.push(PeakChange::Subtract(peak, end_ns));
            changes.push(PeakChange::Add(usage, end_ns));
        } else {
            let intervals = (at_ns - end_ns) / self.interval_ns + 1;
            let end_ns = end_ns + intervals * self.interval_ns;
            self.interval_end_ns = Some(end_ns);
            (self.usage_peak, self.oom_peak) = (0, 0);
            changes.push(PeakChange::Add(usage, end_ns));
        }
        changes
    }
}

/// The recommender of one workload: its histograms and how much they rest on.
#[derive(Debug, Clone)]
pub struct Vpa {
    config: Config,
    cpu: DecayingHistogram,
    memory: DecayingHistogram,
    peaks: MemoryPeaks,
    first_ns: Option<u64>,
    last_ns: u64,
    samples: u64,
}

impl Vpa {
    /// A recommender without history.
    pub fn new(config: Config) -> Self {
        let (cpu, memory) = (config.cpu_histogram(), config.memory_histogram());
        let peaks = MemoryPeaks::new(config.memory_interval.0);
        Self { config, cpu, memory, peaks, first_ns: None, last_ns: 0, samples: 0 }
    }

    /// Records the processor usage of a server, in cores.
    pub fn record_cpu(&mut self, cores: f64, at_ns: u64) {
        self.cpu.add(cores, CPU_SAMPLE_WEIGHT, at_ns);
        self.first_ns.get_or_insert(at_ns);
        self.last_ns = self.last_ns.max(at_ns);
        self.samples += 1;
    }

    /// Records the memory usage of a server, in bytes.
    pub fn record_memory(&mut self, bytes: i64, at_ns: u64) {
        let changes = self.peaks.record(bytes, at_ns);
        self.apply(&changes);
    }

    /// Records that a server ran out of the memory it was allowed, in bytes.
    pub fn record_oom(&mut self, request: i64, at_ns: u64) {
        let changes = self.peaks.record_oom(&self.config, request, at_ns);
        self.apply(&changes);
    }

    fn apply(&mut self, changes: &[PeakChange]) {
        for change in changes {
            match *change {
                PeakChange::Add(bytes, at_ns) => self.memory.add(bytes as f64, 1.0, at_ns),
                PeakChange::Subtract(bytes, at_ns) => {
                    self.memory.subtract(bytes as f64, 1.0, at_ns);
                }
            }
        }
    }

    fn confidence(&self) -> f64 {
        let lifespan_ns = self.last_ns - self.first_ns.unwrap_or(self.last_ns);
        confidence(lifespan_ns, self.samples, self.config.confidence_interval.0)
    }

    /// The processor recommendation, in millicores.
    pub fn cpu(&self) -> Bounds {
        let least = self.config.container_min_millicores(1);
        let estimate = |share| millicores(self.cpu.percentile(share));
        self.config.recommend(estimate, self.confidence(), least)
    }

    /// The memory recommendation, in bytes.
    pub fn memory(&self) -> Bounds {
        let least = self.config.container_min_bytes(1);
        let estimate = |share| amount(self.memory.percentile(share));
        self.config.recommend(estimate, self.confidence(), least)
    }
}

/// What the updater knows of a pod, for one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// What it asks for, in the unit of the recommendation.
    pub request: i64,
    /// How long it has run.
    pub age_ns: u64,
    /// Whether it ran out of memory soon after its start.
    pub quick_oom: bool,
}

/// Whether a pod ought to be replaced by one of the recommended size.
pub fn ought_to_be_replaced(config: &Config, pod: Running, recommended: Bounds) -> bool {
    let distance = (pod.request - recommended.target).abs() as f64 / pod.request.max(1) as f64;
    !(recommended.lower..=recommended.upper).contains(&pod.request)
        || (pod.quick_oom && distance > 0.0)
        || (pod.age_ns > config.pod_lifetime.0 && distance >= config.change_threshold)
}

/// How many of so many pods may be replaced at once.
pub fn evictable(config: &Config, replicas: u32) -> u32 {
    ((f64::from(replicas) * config.eviction_tolerance) as u32).max(1)
}

impl Variant<dyn Autoscaler> for Scaler {
    const NAME: &'static str = "vpa";
    type Config = scaler::Config;

    fn check(config: &scaler::Config) -> Result<(), Problem> {
        let &scaler::Config { target_percentile, lower_percentile, upper_percentile, .. } = config;
        for (key, share) in [
            ("target-percentile", target_percentile),
            ("lower-percentile", lower_percentile),
            ("upper-percentile", upper_percentile),
            ("eviction-tolerance", config.eviction_tolerance),
        ] {
            if !(0.0..=1.0).contains(&share) {
                let message = format!("`{key}` must lie between 0 and 1, not at {share}");
                return Err(Problem::about(key, message));
            }
        }
        if !(lower_percentile..=upper_percentile).contains(&target_percentile) {
            let message = "`target-percentile` lies outside the lower and the upper percentile";
            return Err(Problem::about("target-percentile", message));
        }
        let &scaler::Config { min_size, max_size, .. } = config;
        super::positive("min-size", min_size, "any speed above 0 is one, and so is 1 slot")?;
        let whole = min_size.fract() + max_size.fract() == 0.0;
        if config.dimension == scaler::Dimension::Slots && !whole {
            let message = "slots come in whole numbers";
            return Err(Problem::about("min-size", message).help("1 slot is the least"));
        }
        super::bounds("min-size", min_size, "max-size", max_size)
    }

    fn build(config: &scaler::Config, setup: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        Ok(Box::new(Scaler::new(config.clone(), setup.servers)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000_000_000;

    #[test]
    fn a_steady_week_is_met_with_a_margin_of_fifteen_percent() {
        let mut vpa = Vpa::new(Config::default());
        for minute in 0..7 * 1440 {
            vpa.record_cpu(1.0, minute * MINUTE);
        }
        let got = vpa.cpu();
        // The bucket that holds 1 core ends within 5 % above it.
        assert!((1150..=1208).contains(&got.target), "{got:?}");
        assert!(got.lower < got.target && got.target < got.upper, "{got:?}");
        assert!(got.upper < 1400, "a week narrows the upper bound to 8/7: {got:?}");
    }

    #[test]
    fn without_history_the_bounds_say_nothing() {
        let got = Vpa::new(Config::default()).cpu();
        assert_eq!((got.lower, got.target), (25, 25));
    }

    #[test]
    fn a_pod_outside_its_bounds_is_replaced_and_one_inside_only_when_old() {
        let config = Config::default();
        let bounds = Bounds { lower: 500, target: 1000, upper: 2000 };
        let pod = |request, age_ns| Running { request, age_ns, quick_oom: false };
        assert!(ought_to_be_replaced(&config, pod(400, 0), bounds));
        assert!(!ought_to_be_replaced(&config, pod(1500, 0), bounds));
        assert!(ought_to_be_replaced(&config, pod(1500, DAY_NS), bounds));
        assert!(!ought_to_be_replaced(&config, pod(1050, DAY_NS), bounds));
    }
}
