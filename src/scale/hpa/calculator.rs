//! From one metric to one proposal: the HPA's replica calculator, with its truncations.
//!
//! Values are whole thousandths of their unit, as in Kubernetes, and every division that truncates
//! there truncates here: near the edge of the tolerance a calculation in floating point answers
//! differently. `replicas` is the count in the target's spec; only pods that are ready multiply the
//! ratio. See section 2 of the autoscaling notes and `replica_calculator.go`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far the ratio of a metric to its target may stray from 1 before anything happens; both
/// edges belong to the band.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Tolerances {
    /// Below 1: no scale-down while the ratio is at least `1 - down`.
    pub down: f64,
    /// Above 1: no scale-up while the ratio is at most `1 + up`.
    pub up: f64,
}

impl Default for Tolerances {
    fn default() -> Self {
        Self { down: 0.1, up: 0.1 }
    }
}

impl Tolerances {
    /// Whether the ratio lies in the band. NaN does not.
    pub fn contain(&self, ratio: f64) -> bool {
        1.0 - self.down <= ratio && ratio <= 1.0 + self.up
    }
}

/// What is measured; readiness is consulted for the processor alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Processor time, whose samples during start-up mislead.
    Cpu,
    /// Memory.
    Memory,
    /// A metric of the application itself.
    Custom,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Custom => "pods",
        })
    }
}

/// Where a pod is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Accepted, not yet started.
    Pending,
    /// At least one container runs.
    Running,
    /// All containers ended well.
    Succeeded,
    /// A container ended badly.
    Failed,
}

/// The Ready condition of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// Whether it takes traffic.
    pub ready: bool,
    /// When that last changed.
    pub since_ns: u64,
}

/// One measurement of one pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Thousandths of the metric's unit.
    pub value_milli: i64,
    /// End of the interval it was taken over.
    pub at_ns: u64,
    /// Length of that interval.
    pub window_ns: u64,
}

/// What a container asks for, or why that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Thousandths of a core, or of a byte.
    Milli(i64),
    /// The container named sets no request.
    Missing(String),
    /// The pod has no container of the name the metric asks for.
    NoContainer(String),
}

/// A pod as the controller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Where it is in its life.
    pub phase: Phase,
    /// Being deleted.
    pub deleted: bool,
    /// The Ready condition, absent before the first probe.
    pub readiness: Option<Readiness>,
    /// When the node acknowledged it.
    pub started_ns: Option<u64>,
    /// What it asks for; only a utilization target looks.
    pub request: Request,
    /// Its last measurement.
    pub sample: Option<Sample>,
}

/// How long a young pod's processor samples are distrusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Startup {
    /// `--horizontal-pod-autoscaler-cpu-initialization-period`.
    pub cpu_initialization_ns: u64,
    /// `--horizontal-pod-autoscaler-initial-readiness-delay`.
    pub readiness_delay_ns: u64,
}

impl Default for Startup {
    fn default() -> Self {
        Self { cpu_initialization_ns: 300_000_000_000, readiness_delay_ns: 30_000_000_000 }
    }
}

/// What a pod counts as in a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Counts, with its sample.
    Ready,
    /// Its sample is distrusted; it counts as idle when the others ask for more.
    Unready,
    /// Has no sample; counts against the direction of the change.
    Missing,
    /// On its way out.
    Ignored,
}

/// What the pod counts as at `now_ns`: the first rule that fits.
pub fn classify(pod: &Pod, resource: Resource, startup: Startup, now_ns: u64) -> Class {
    if pod.deleted || matches!(pod.phase, Phase::Succeeded | Phase::Failed) {
        return Class::Ignored;
    }
    if pod.phase == Phase::Pending {
        return Class::Unready;
    }
    let Some(sample) = pod.sample else { return Class::Missing };
    if resource != Resource::Cpu {
        return Class::Ready;
    }
    let (Some(readiness), Some(started_ns)) = (pod.readiness, pod.started_ns) else {
        return Class::Unready;
    };
    let unready = if started_ns + startup.cpu_initialization_ns > now_ns {
        // A sample that began before the last change mixes the two states.
        !readiness.ready || sample.at_ns < readiness.since_ns + sample.window_ns
    } else {
        // Unready since its start: it has never been ready.
        !readiness.ready && started_ns + startup.readiness_delay_ns > readiness.since_ns
    };
    if unready { Class::Unready } else { Class::Ready }
}

/// Why a metric makes no proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unavailable {
    /// The metrics API answered with nothing.
    NoMetrics(Resource),
    /// The selector matches no pod.
    NoPods,
    /// Only pods that do not count have samples.
    NoneUsable,
    /// No sample belongs to a pod of the target.
    NoneMatched,
    /// A container sets no request, so that its utilization has no meaning.
    MissingRequest(Resource, String),
    /// A pod lacks the container the metric names.
    NoContainer(String),
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMetrics(Resource::Custom) => {
                f.write_str("unable to get metric: no metrics returned from custom metrics API")
            }
            Self::NoMetrics(resource) => write!(
                f,
                "unable to get metrics for resource {resource}: \
                 no metrics returned from resource metrics API"
            ),
            Self::NoPods => {
                f.write_str("no pods returned by selector while calculating replica count")
            }
            Self::NoneUsable => {
                f.write_str("did not receive metrics for targeted pods (pods might be unready)")
            }
            Self::NoneMatched => f.write_str("no metrics returned matched known pods"),
            Self::MissingRequest(resource, container) => {
                write!(f, "missing request for {resource} in container {container}")
            }
            Self::NoContainer(container) => write!(f, "container {container} not found in pod"),
        }
    }
}

impl std::error::Error for Unavailable {}

/// A metric of pods: what is measured on whom, and how far from the target is near enough.
#[derive(Debug, Clone, Copy)]
pub struct PodMetric<'a> {
    /// What is measured.
    pub resource: Resource,
    /// The pods of the target.
    pub pods: &'a [Pod],
    /// Samples that carry the target's labels but belong to none of its pods. They never enter
    /// the utilization, yet they count among the samples that multiply a recomputed ratio.
    pub strangers_milli: &'a [i64],
    /// The count in the target's spec.
    pub replicas: i32,
    /// The band of indifference.
    pub tolerances: Tolerances,
    /// How long start-up is distrusted.
    pub startup: Startup,
    /// When the proposal is made.
    pub now_ns: u64,
}

/// A proposal, and the number the status shows beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposal {
    /// The count this metric asks for.
    pub replicas: i32,
    /// Utilization in percent for a utilization target; absent otherwise.
    pub utilization_pct: Option<i32>,
    /// Average value per pod, in thousandths.
    pub average_milli: i64,
}

/// A sample that takes part, with its pod's request where there is one.
#[derive(Clone, Copy)]
struct Held {
    value_milli: i64,
    request_milli: Option<i64>,
}

/// A ratio to the target with the two numbers a status shows.
struct Usage {
    ratio: f64,
    utilization_pct: Option<i32>,
    average_milli: i64,
}

impl PodMetric<'_> {
    /// The proposal of a target for utilization, in percent of what the pods request.
    pub fn for_utilization(&self, target_pct: i32) -> Result<Proposal, Unavailable> {
        // A missing pod is taken to use all it asked for, or the target where that is more.
        let percent = i128::from(target_pct.max(100));
        self.propose(
            true,
            |held| utilization(held, target_pct),
            |request| clamp_i64(i128::from(request) * percent / 100),
        )
    }

    /// The proposal of a target for the average value per pod, in thousandths.
    pub fn for_average(&self, target_milli: i64) -> Result<Proposal, Unavailable> {
        self.propose(false, |held| Ok(average(held, target_milli)), |_| target_milli)
    }

    fn propose(
        &self,
        needs_requests: bool,
        usage_of: impl Fn(&[Held]) -> Result<Usage, Unavailable>,
        fill: impl Fn(i64) -> i64,
    ) -> Result<Proposal, Unavailable> {
        if self.strangers_milli.is_empty() && self.pods.iter().all(|pod| pod.sample.is_none()) {
            return Err(Unavailable::NoMetrics(self.resource));
        }
        if self.pods.is_empty() {
            return Err(Unavailable::NoPods);
        }
        let classes: Vec<Class> = self
            .pods
            .iter()
            .map(|pod| classify(pod, self.resource, self.startup, self.now_ns))
            .collect();
        let count = |class| classes.iter().filter(|&&c| c == class).count();
        let (ready, unready, missing) =
            (count(Class::Ready), count(Class::Unready), count(Class::Missing));
        if ready == 0 && self.strangers_milli.is_empty() {
            return Err(Unavailable::NoneUsable);
        }
        let requests = if needs_requests { self.requests()? } else { vec![0; self.pods.len()] };
        let mut held = self.held(&classes, &requests);
        let usage = usage_of(&held)?;
        let answer = |replicas| Proposal {
            replicas,
            utilization_pct: usage.utilization_pct,
            average_milli: usage.average_milli,
        };

        let up_with_unready = unready > 0 && usage.ratio > 1.0;
        if !up_with_unready && missing == 0 {
            return Ok(answer(if self.tolerances.contain(usage.ratio) {
                self.replicas
            } else {
                (usage.ratio * ready as f64).ceil() as i32
            }));
        }
        for (class, &request) in classes.iter().zip(&requests) {
            let value_milli = match class {
                Class::Missing if usage.ratio < 1.0 => fill(request),
                Class::Missing if usage.ratio > 1.0 => 0,
                Class::Unready if up_with_unready => 0,
                _ => continue,
            };
            held.push(Held { value_milli, request_milli: Some(request) });
        }
        let ratio = usage_of(&held)?.ratio;
        let turned = (usage.ratio < 1.0 && ratio > 1.0) || (usage.ratio > 1.0 && ratio < 1.0);
        if self.tolerances.contain(ratio) || turned {
            return Ok(answer(self.replicas));
        }
        let wanted = (ratio * held.len() as f64).ceil() as i32;
        let against =
            (ratio < 1.0 && wanted > self.replicas) || (ratio > 1.0 && wanted < self.replicas);
        Ok(answer(if against { self.replicas } else { wanted }))
    }

    /// The samples that take part: those of ready pods, and those of nobody's.
    fn held(&self, classes: &[Class], requests: &[i64]) -> Vec<Held> {
        let of_ready =
            self.pods.iter().zip(classes).zip(requests).filter_map(|((pod, class), &request)| {
                let sample = pod.sample.filter(|_| *class == Class::Ready)?;
                Some(Held { value_milli: sample.value_milli, request_milli: Some(request) })
            });
        let of_strangers = self
            .strangers_milli
            .iter()
            .map(|&value_milli| Held { value_milli, request_milli: None });
        of_ready.chain(of_strangers).collect()
    }

    /// The request of every pod listed, those that do not count included.
    fn requests(&self) -> Result<Vec<i64>, Unavailable> {
        let request = |pod: &Pod| match &pod.request {
            Request::Milli(milli) => Ok(*milli),
            Request::Missing(name) => Err(Unavailable::MissingRequest(self.resource, name.clone())),
            Request::NoContainer(name) => Err(Unavailable::NoContainer(name.clone())),
        };
        self.pods.iter().map(request).collect()
    }
}

/// `trunc(100 Σusage / Σrequest) / target` over the samples that have a request.
fn utilization(held: &[Held], target_pct: i32) -> Result<Usage, Unavailable> {
    let (mut used, mut asked, mut entries) = (0_i128, 0_i128, 0_i128);
    for sample in held {
        let Some(request) = sample.request_milli else { continue };
        used += i128::from(sample.value_milli);
        asked += i128::from(request);
        entries += 1;
    }
    if asked == 0 {
        return Err(Unavailable::NoneMatched);
    }
    let percent = clamp_i64(used * 100 / asked).clamp(i32::MIN.into(), i32::MAX.into()) as i32;
    Ok(Usage {
        ratio: f64::from(percent) / f64::from(target_pct),
        utilization_pct: Some(percent),
        average_milli: clamp_i64(used / entries),
    })
}

/// `trunc(Σ / n) / target` over all samples.
fn average(held: &[Held], target_milli: i64) -> Usage {
    let sum: i128 = held.iter().map(|sample| i128::from(sample.value_milli)).sum();
    let average_milli = clamp_i64(sum / held.len() as i128);
    Usage {
        ratio: average_milli as f64 / target_milli as f64,
        utilization_pct: None,
        average_milli,
    }
}

fn clamp_i64(value: i128) -> i64 {
    value.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// The sum of an external metric's series, held at the largest value rather than wrapped.
pub fn total_milli(series_milli: &[i64]) -> i64 {
    series_milli.iter().fold(0, |sum: i64, &value| sum.saturating_add(value))
}

/// The proposal of an object or external metric with a target of type Value.
///
/// `ready_pods` are the pods that run and are ready. At zero replicas there is nobody to
/// multiply by and no tolerance: the ratio itself, rounded up.
pub fn for_value(
    value_milli: i64,
    target_milli: i64,
    replicas: i32,
    ready_pods: u32,
    tolerances: Tolerances,
) -> i32 {
    let ratio = value_milli as f64 / target_milli as f64;
    if replicas == 0 {
        ratio.ceil() as i32
    } else if tolerances.contain(ratio) {
        replicas
    } else {
        (ratio * f64::from(ready_pods)).ceil() as i32
    }
}

/// The proposal of an object or external metric with a target of type `AverageValue`, over the
/// count in the target's *status*. At zero the ratio is infinite, or NaN for a value of 0; both
/// lie outside any tolerance.
pub fn for_average_value(
    value_milli: i64,
    target_milli: i64,
    status_replicas: i32,
    tolerances: Tolerances,
) -> i32 {
    let ratio = value_milli as f64 / (target_milli as f64 * f64::from(status_replicas));
    if tolerances.contain(ratio) {
        status_replicas
    } else {
        (value_milli as f64 / target_milli as f64).ceil() as i32
    }
}

/// The value per pod a status shows: rounded up, 0 without pods, and the largest value stays it.
pub fn per_pod_milli(value_milli: i64, status_replicas: i32) -> i64 {
    if value_milli as f64 >= i64::MAX as f64 {
        i64::MAX
    } else if status_replicas == 0 {
        0
    } else {
        (value_milli as f64 / f64::from(status_replicas)).ceil() as i64
    }
}
