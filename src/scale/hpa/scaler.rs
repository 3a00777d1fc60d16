//! The HPA at work in a simulation: servers become pods, sums become samples.

use super::calculator::{
    Phase, Pod, PodMetric, Readiness, Request, Resource, Sample, Startup, Unavailable,
    for_average_value, for_value,
};
use super::{Config, Decision, Hpa, MetricTarget, Path, TargetType};
use crate::model::Foresight;
use crate::scale::{Autoscaler, Manners, Metric, Signals, Target};
use crate::time::{Duration, Instant};

/// A controller with its metrics.
#[derive(Debug)]
pub struct Scaler {
    config: Config,
    hpa: Hpa,
    metrics: Vec<MetricTarget>,
    /// The pools there are.
    pools: usize,
}

impl Scaler {
    /// A controller that has seen nothing.
    pub fn new(config: Config) -> Self {
        Self { hpa: Hpa::new(config.clone()), metrics: config.metrics(), pools: 1, config }
    }

    /// The same for one of so many pools.
    #[must_use]
    pub(super) fn among(mut self, pools: usize) -> Self {
        self.pools = pools;
        self
    }

    /// The pods that serve, each of those that were there when metrics were last scraped with its
    /// share of `total_milli`, and those that start; each requests so much.
    fn pods(
        signals: &Signals<'_>,
        sampled: Sampled,
        total_milli: i64,
        request_milli: i64,
    ) -> Vec<Pod> {
        let known = sampled.pods(signals);
        let (each, rest) = (total_milli / known.max(1), total_milli % known.max(1));
        let serving = (0..).zip(signals.ready_since).map(|(index, since)| Pod {
            phase: Phase::Running,
            deleted: false,
            readiness: Some(Readiness { ready: true, since_ns: since.0 }),
            started_ns: Some(since.0),
            request: Request::Milli(request_milli),
            sample: (index < known).then(|| Sample {
                value_milli: each + i64::from(index < rest),
                at_ns: sampled.at.0,
                window_ns: sampled.window.0,
            }),
        });
        let starting = (0..signals.counts.starting).map(|_| Pod {
            phase: Phase::Pending,
            deleted: false,
            readiness: None,
            started_ns: None,
            request: Request::Milli(request_milli),
            sample: None,
        });
        serving.chain(starting).collect()
    }

    /// Whether a metric tells of requests while no pod is there.
    fn is_seen_asleep(&self, metric: MetricTarget) -> bool {
        metric.comparison().is_without_pods() && metric.metric.is_seen_asleep(self.pools)
    }

    fn propose(&self, signals: &Signals<'_>, metric: MetricTarget) -> Result<i32, Unavailable> {
        let replicas = signals.counts.wanted() as i32;
        let resource = match metric.metric {
            Metric::Utilization | Metric::Cpu => Resource::Cpu,
            Metric::Memory => Resource::Memory,
            _ => Resource::Custom,
        };
        let seen = signals.seen();
        let value = seen.total(metric.metric).ok_or(Unavailable::NoMetrics(resource))?;
        let cores = metric.cores(self.config.cores);
        let milli = |amount: f64| (amount * 1000.0).round() as i64;
        let target_milli = milli(metric.target * cores.limit).max(1);
        let (ready, tolerances) = (signals.counts.ready, self.config.tolerances());
        let comparison = metric.comparison();
        if comparison.is_without_pods() {
            // A quantity is rounded up to thousandths, without what a product of floats adds.
            let value_milli = (value * 1000.0 - 1e-6).ceil() as i64;
            return Ok(if comparison == TargetType::Value {
                for_value(value_milli, target_milli, replicas, ready, tolerances)
            } else {
                for_average_value(value_milli, target_milli, replicas, tolerances)
            });
        }
        let sampled = Sampled::of(signals);
        let known = sampled.pods(signals) as f64;
        let total = if metric.metric.is_share() {
            // A share is each pod's own.
            value * cores.limit * known
        } else {
            // Of late metrics those pods had their part that have left since.
            value * known / seen.servers().unwrap_or(known).max(known).max(1.0)
        };
        let pods = Self::pods(signals, sampled, milli(total), milli(cores.requests).max(1));
        let of_pods = PodMetric {
            resource,
            pods: &pods,
            strangers_milli: &[],
            replicas,
            tolerances,
            startup: Startup {
                cpu_initialization_ns: self.config.cpu_initialization_period.0,
                readiness_delay_ns: self.config.initial_readiness_delay.0,
            },
            now_ns: signals.now.0,
        };
        let proposal = if comparison == TargetType::Utilization {
            of_pods.for_utilization(metric.percent(cores).round().max(1.0) as i32)
        } else {
            of_pods.for_average(target_milli)
        };
        proposal.map(|proposal| proposal.replicas)
    }
}

/// When the samples were taken that the controller sees, and over how long.
#[derive(Debug, Clone, Copy)]
struct Sampled {
    at: Instant,
    window: Duration,
}

impl Sampled {
    /// Of the last scrape that has come through: late metrics are old samples.
    fn of(signals: &Signals<'_>) -> Self {
        let (from, at) = signals.seen().span().unwrap_or((signals.now, signals.now));
        // A forecast is one sample for all of the time there was: a pod's own is no longer than the
        // window that the controller looks at, nor than Kubernetes' own scrape.
        let most = signals.window.max(Duration::from_secs(15));
        Self { at, window: (at - from).min(most) }
    }

    /// The pods that were ready by then; the others have no sample yet.
    fn pods(self, signals: &Signals<'_>) -> i64 {
        signals.ready_since.partition_point(|since| *since <= self.at) as i64
    }
}

impl Autoscaler for Scaler {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let wanted = signals.counts.wanted() as i32;
        let proposals: Vec<_> =
            self.metrics.iter().map(|metric| self.propose(signals, *metric)).collect();
        let external = self.metrics.iter().any(|metric| metric.comparison().is_without_pods());
        let Decision { replicas, path, limit } =
            self.hpa.reconcile(signals.now.0, wanted, &proposals, external);
        let said = |proposal: &Result<i32, Unavailable>| match proposal {
            Ok(replicas) => replicas.to_string(),
            Err(_) => "nothing".to_owned(),
        };
        let asked: Vec<String> = proposals.iter().map(said).collect();
        let asked = asked.join(", ");
        let why = match (path, limit) {
            (Path::Disabled, _) => "disabled at 0".to_owned(),
            (Path::Bounds, _) => "outside the bounds".to_owned(),
            (Path::Error, _) => "no usable metric".to_owned(),
            (Path::Metrics, Some(limit)) => format!("metrics ask for {asked}: {limit}"),
            (Path::Metrics, None) => format!("metrics ask for {asked}"),
        };
        Target::new(replicas.max(0) as u32, why)
    }

    fn manners(&self) -> Manners {
        Manners {
            interval: self.config.sync_period,
            scrape: Duration::from_secs(15),
            window: Duration::from_secs(15),
            longest: Duration::from_secs(15),
            min: self.config.min_replicas,
            max: self.config.max_replicas,
            // Pods that are not there have no metrics: only what exists without them wakes them.
            wakes: self.config.scale_to_zero
                && self.metrics.iter().any(|it| self.is_seen_asleep(*it)),
            latency: self.metrics.iter().any(|metric| metric.metric == Metric::Latency),
        }
    }
    /// It foresees nothing, but knows where it will do nothing.
    fn foresight(&self) -> Option<Foresight> {
        let up = self.config.tolerances().up;
        let deaf = |it: &MetricTarget| it.is_never_exceeded(self.config.cores, up);
        let remarks: Vec<String> = self.metrics.iter().filter_map(deaf).collect();
        (!remarks.is_empty()).then(|| Foresight { remarks, ..Foresight::default() })
    }
}
