//! The HPA at work in a simulation: servers become pods, sums become samples.

use super::calculator::{
    Phase, Pod, PodMetric, Readiness, Request, Resource, Sample, Startup, Unavailable,
    for_average_value,
};
use super::{Config, Decision, Hpa, MetricTarget, Path};
use crate::scale::{Autoscaler, Manners, Metric, Signals, Target};
use crate::time::Duration;

/// What every pod asks for, in thousandths: utilization is relative to it.
const REQUEST: i64 = 1000;

/// A controller with its metrics.
#[derive(Debug)]
pub struct Scaler {
    config: Config,
    hpa: Hpa,
    metrics: Vec<MetricTarget>,
}

impl Scaler {
    /// A controller that has seen nothing.
    pub fn new(config: Config) -> Self {
        let first = MetricTarget { metric: config.metric, target: config.target };
        let metrics = std::iter::once(first).chain(config.also.iter().copied()).collect();
        Self { hpa: Hpa::new(config.clone()), config, metrics }
    }

    /// The pods that serve, each with its share of `total_milli`, and those that start.
    fn pods(signals: &Signals<'_>, total_milli: i64) -> Vec<Pod> {
        let ready = signals.ready_since.len().max(1) as i64;
        let (each, rest) = (total_milli / ready, total_milli % ready);
        let now_ns = signals.now.0;
        let serving = (0..).zip(signals.ready_since).map(|(index, since)| Pod {
            phase: Phase::Running,
            deleted: false,
            readiness: Some(Readiness { ready: true, since_ns: since.0 }),
            started_ns: Some(since.0),
            request: Request::Milli(REQUEST),
            sample: Some(Sample {
                value_milli: each + i64::from(index < rest),
                at_ns: now_ns,
                window_ns: signals.window.0,
            }),
        });
        let starting = (0..signals.counts.starting).map(|_| Pod {
            phase: Phase::Pending,
            deleted: false,
            readiness: None,
            started_ns: None,
            request: Request::Milli(REQUEST),
            sample: None,
        });
        serving.chain(starting).collect()
    }

    fn propose(&self, signals: &Signals<'_>, metric: MetricTarget) -> Result<i32, Unavailable> {
        let seen = signals.seen();
        let replicas = signals.counts.wanted() as i32;
        let resource = match metric.metric {
            Metric::Utilization | Metric::Cpu => Resource::Cpu,
            Metric::Memory => Resource::Memory,
            _ => Resource::Custom,
        };
        let missing = || Unavailable::NoMetrics(resource);
        let target_milli = (metric.target * 1000.0).round().max(1.0) as i64;
        let total = seen.total(metric.metric).ok_or_else(missing)?;
        if matches!(metric.metric, Metric::Queue | Metric::Latency | Metric::Errors) {
            // What exists without pods is an external metric, of type AverageValue if a total.
            let value_milli = (total * 1000.0) as i64;
            return Ok(match metric.metric {
                Metric::Queue => {
                    for_average_value(value_milli, target_milli, replicas, self.config.tolerances())
                }
                _ => super::calculator::for_value(
                    value_milli,
                    target_milli,
                    replicas,
                    signals.counts.ready,
                    self.config.tolerances(),
                ),
            });
        }
        let ready = f64::from(signals.counts.ready);
        let of_request =
            matches!(metric.metric, Metric::Utilization | Metric::Cpu | Metric::Memory);
        let total = if of_request { total * ready } else { total };
        let pods = Self::pods(signals, (total * 1000.0).round() as i64);
        let startup = Startup {
            cpu_initialization_ns: self.config.cpu_initialization_period.0,
            readiness_delay_ns: self.config.initial_readiness_delay.0,
        };
        let of_pods = PodMetric {
            resource,
            pods: &pods,
            strangers_milli: &[],
            replicas,
            tolerances: self.config.tolerances(),
            startup,
            now_ns: signals.now.0,
        };
        let proposal = match metric.metric {
            Metric::Utilization | Metric::Cpu | Metric::Memory => {
                of_pods.for_utilization((metric.target * 100.0).round().max(1.0) as i32)
            }
            _ => of_pods.for_average(target_milli),
        };
        proposal.map(|proposal| proposal.replicas)
    }
}

impl Autoscaler for Scaler {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let wanted = signals.counts.wanted() as i32;
        let proposals: Vec<_> =
            self.metrics.iter().map(|metric| self.propose(signals, *metric)).collect();
        let external = self.metrics.iter().any(|metric| metric.metric == Metric::Queue);
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
                && self.metrics.iter().any(|metric| metric.metric == Metric::Queue),
            latency: self.metrics.iter().any(|metric| metric.metric == Metric::Latency),
        }
    }
}
