//! KEDA's scaled jobs: how many jobs to start for the length of a queue.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How running and pending jobs are set against the length of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "strategy")]
pub enum Strategy {
    /// Running jobs still hold their message in the queue.
    #[default]
    Default,
    /// A fixed number of messages and a share of the running jobs are taken off.
    #[serde(rename_all = "kebab-case")]
    Custom {
        /// Messages taken off the queue's length; negative adds.
        queue_length_deduction: i32,
        /// The share of running jobs taken off, cut to a whole number.
        running_job_percentage: f64,
    },
    /// A message leaves the queue when its job starts: only pending jobs still have theirs there.
    Accurate,
    /// As many as the limit leaves room for.
    Eager,
}

/// Counts of jobs a strategy looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jobs {
    /// Jobs the queue calls for, at most `limit`.
    pub wanted: i64,
    /// Jobs that have not ended, less the least count.
    pub running: i64,
    /// Of those, jobs without a running pod.
    pub pending: i64,
    /// Most jobs at once.
    pub limit: i64,
}

impl Strategy {
    /// The most jobs to start now; it may be negative.
    pub fn effective_max(&self, jobs: Jobs) -> i64 {
        let Jobs { wanted, running, pending, limit } = jobs;
        match *self {
            Self::Default => wanted - running,
            Self::Custom { queue_length_deduction, running_job_percentage } => {
                let busy = (running as f64 * running_job_percentage) as i64;
                (wanted - i64::from(queue_length_deduction) - busy).min(limit)
            }
            Self::Accurate if wanted + running - pending > limit => limit - running,
            Self::Accurate => wanted - pending,
            Self::Eager => (limit - running - pending).min(wanted),
        }
    }
}

/// A poll's verdict on jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobDecision {
    /// The most jobs to start.
    pub effective_max: i64,
    /// The jobs asked for.
    pub scale_to: i64,
}

impl JobDecision {
    /// Jobs that are started.
    pub fn started(&self) -> u32 {
        self.scale_to.min(self.effective_max).clamp(0, u32::MAX.into()) as u32
    }
}

/// How many jobs to start: below the least count, what it lacks; else the strategy's answer.
/// `jobs.running` counts all jobs here, `scale_to` is what the queue asks for.
pub fn decide(strategy: Strategy, least: i64, jobs: Jobs, scale_to: i64) -> JobDecision {
    if jobs.running < least {
        let lacking = least - jobs.running;
        return JobDecision { effective_max: lacking, scale_to: lacking };
    }
    let effective_max = strategy.effective_max(Jobs { running: jobs.running - least, ..jobs });
    let scale_to = if strategy == Strategy::Eager { jobs.limit } else { scale_to };
    JobDecision { effective_max, scale_to }
}

/// How several triggers become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Calculation {
    /// The longest queue.
    #[default]
    Max,
    /// The shortest queue.
    Min,
    /// The mean.
    Avg,
    /// The sum.
    Sum,
}

/// One trigger of a scaled job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trigger {
    /// Messages waiting.
    pub queue_length: f64,
    /// Messages one job is meant for.
    pub target: f64,
    /// Whether it is active; others are left out.
    pub active: bool,
}

/// What the triggers of a scaled job ask for together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// Whether any trigger is active, or a least count keeps the job active.
    pub active: bool,
    /// Messages, rounded up.
    pub queue_length: i64,
    /// Jobs, rounded up, at most the limit.
    pub wanted: i64,
}

/// The mean target of a trigger's metrics; 0 without any.
pub fn mean_target(targets: &[f64]) -> f64 {
    if targets.is_empty() { 0.0 } else { targets.iter().sum::<f64>() / targets.len() as f64 }
}

/// The triggers' demand. By longest and shortest queue the jobs of *that* trigger count, even
/// where another asks for more.
pub fn demand(triggers: &[Trigger], calculation: Calculation, least: i64, limit: i64) -> Demand {
    let jobs = |trigger: &Trigger| {
        let wanted =
            if trigger.target == 0.0 { 0.0 } else { trigger.queue_length / trigger.target };
        wanted.min(limit as f64)
    };
    let (mut queue, mut wanted, mut counted) = (0.0, 0.0, 0_u32);
    for trigger in triggers.iter().filter(|trigger| trigger.active) {
        let length = trigger.queue_length;
        let better = match calculation {
            Calculation::Max => length > queue,
            // An empty queue counts as "not set yet".
            Calculation::Min => queue == 0.0 || length < queue,
            Calculation::Avg | Calculation::Sum => {
                (queue, wanted, counted) = (queue + length, wanted + jobs(trigger), counted + 1);
                continue;
            }
        };
        if better {
            (queue, wanted, counted) = (length, jobs(trigger), 1);
        }
    }
    if calculation == Calculation::Avg && counted > 0 {
        (queue, wanted) = (queue / f64::from(counted), wanted / f64::from(counted));
    }
    Demand {
        active: counted > 0 || least > 0,
        queue_length: queue.ceil() as i64,
        wanted: wanted.min(limit as f64).ceil() as i64,
    }
}
