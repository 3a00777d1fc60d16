//! Between a proposal and the new count: the HPA's stabilization windows and rate limits.
//!
//! Every comparison is strict or not exactly as in `horizontal.go`: a recommendation or event
//! counts in a window while it is *younger* than it, the older path without `behavior` also counts
//! one that is exactly as old. Section 2.9 to 2.12 of the autoscaling notes.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Duration;

/// What a policy's value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyType {
    /// Pods.
    Pods,
    /// Percent of the pods at the start of the period.
    Percent,
}

/// One rate limit: at most so much change in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Policy {
    /// What `value` counts.
    pub r#type: PolicyType,
    /// The change allowed in one period.
    pub value: i32,
    /// The period, 1 to 1800 s.
    pub period: Duration,
}

/// Which of several policies binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Select {
    /// The policy that allows the largest change.
    #[default]
    Max,
    /// The policy that allows the smallest change.
    Min,
    /// No change in this direction at all.
    Disabled,
}

/// The rules of one direction as written: what is absent takes the direction's own default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ScalingRules {
    /// How long recommendations are remembered: up, the lowest of them holds; down, the highest.
    /// Absent: 0 s up; down, the controller's `downscale-stabilization` (5 min).
    pub stabilization_window: Option<Duration>,
    /// Which of the policies binds. Absent: the one that allows the largest change.
    pub select: Option<Select>,
    /// The rate limits. Absent: up, the larger of 4 pods and 100 % every 15 s; down, 100 % every
    /// 15 s.
    pub policies: Option<Vec<Policy>>,
    /// A tolerance of this direction in place of the controller's.
    pub tolerance: Option<f64>,
}

/// The rules of both directions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Behavior {
    /// The rules for more pods.
    pub scale_up: ScalingRules,
    /// The rules for fewer pods.
    pub scale_down: ScalingRules,
}

/// The rules of one direction with every default filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// How long recommendations are remembered.
    pub window_ns: u64,
    /// Which of the policies binds.
    pub select: Select,
    /// The rate limits.
    pub policies: Vec<Policy>,
}

impl ScalingRules {
    /// The rules for more pods, defaults filled in.
    pub fn resolve_up(&self) -> Rules {
        let pods = Policy { r#type: PolicyType::Pods, value: 4, period: Duration::from_secs(15) };
        let percent =
            Policy { r#type: PolicyType::Percent, value: 100, period: Duration::from_secs(15) };
        self.resolve(0, &[pods, percent])
    }

    /// The rules for fewer pods, defaults filled in; `downscale_ns` is the controller's window.
    pub fn resolve_down(&self, downscale_ns: u64) -> Rules {
        let percent =
            Policy { r#type: PolicyType::Percent, value: 100, period: Duration::from_secs(15) };
        self.resolve(downscale_ns, &[percent])
    }

    fn resolve(&self, window_ns: u64, policies: &[Policy]) -> Rules {
        Rules {
            window_ns: self.stabilization_window.map_or(window_ns, |window| window.0),
            select: self.select.unwrap_or_default(),
            policies: self.policies.clone().unwrap_or_else(|| policies.to_vec()),
        }
    }
}

impl Rules {
    /// The longest period of the policies; 0 without any.
    pub fn longest_period_ns(&self) -> u64 {
        self.policies.iter().map(|policy| policy.period.0).max().unwrap_or(0)
    }
}

/// A proposal as it was made, before any stabilization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recommendation {
    /// The count.
    pub replicas: i32,
    /// When.
    pub at_ns: u64,
}

/// Records `replicas` in the place of the last obsolete entry, or at the end.
fn record(history: &mut Vec<Recommendation>, obsolete: Option<usize>, replicas: i32, now_ns: u64) {
    let entry = Recommendation { replicas, at_ns: now_ns };
    match obsolete {
        Some(index) => history[index] = entry,
        None => history.push(entry),
    }
}

/// The proposal held between the least the upward window and the most the downward window
/// recommended: with both set, the count moves only where the whole of a window agrees.
pub fn stabilize(
    history: &mut Vec<Recommendation>,
    current: i32,
    desired: i32,
    up_window_ns: u64,
    down_window_ns: u64,
    now_ns: u64,
) -> i32 {
    let (mut up, mut down, mut obsolete) = (desired, desired, None);
    for (index, entry) in history.iter().enumerate() {
        if entry.at_ns + up_window_ns > now_ns {
            up = up.min(entry.replicas);
        }
        if entry.at_ns + down_window_ns > now_ns {
            down = down.max(entry.replicas);
        }
        if entry.at_ns + up_window_ns.max(down_window_ns) < now_ns {
            obsolete = Some(index);
        }
    }
    record(history, obsolete, desired, now_ns);
    current.max(up).min(down)
}

/// The largest recommendation of the window, one exactly as old as the window included: the path
/// without `behavior`.
pub fn stabilize_legacy(
    history: &mut Vec<Recommendation>,
    desired: i32,
    window_ns: u64,
    now_ns: u64,
) -> i32 {
    let (mut largest, mut obsolete) = (desired, None);
    for (index, entry) in history.iter().enumerate() {
        if entry.at_ns + window_ns < now_ns {
            obsolete = Some(index);
        } else {
            largest = largest.max(entry.replicas);
        }
    }
    record(history, obsolete, desired, now_ns);
    largest
}

/// A change of the count that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaleEvent {
    /// Pods added or removed, positive.
    pub change: i32,
    /// When.
    pub at_ns: u64,
    /// No policy looks back this far any more: the place may be taken.
    pub outdated: bool,
}

/// Pods changed within the last `period_ns`.
pub fn changed_within(events: &[ScaleEvent], period_ns: u64, now_ns: u64) -> i32 {
    events.iter().filter(|event| event.at_ns + period_ns > now_ns).map(|event| event.change).sum()
}

/// Remembers a change, in the place of the last outdated one where there is any.
pub fn store_event(events: &mut Vec<ScaleEvent>, change: i32, rules: &Rules, now_ns: u64) {
    let longest_ns = rules.longest_period_ns();
    for event in events.iter_mut() {
        event.outdated |= event.at_ns + longest_ns < now_ns;
    }
    let entry = ScaleEvent { change, at_ns: now_ns, outdated: false };
    match events.iter().rposition(|event| event.outdated) {
        Some(index) => events[index] = entry,
        None => events.push(entry),
    }
}

/// What has been added and removed lately.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    /// Changes upward.
    pub up: Vec<ScaleEvent>,
    /// Changes downward.
    pub down: Vec<ScaleEvent>,
}

impl Events {
    /// The count at the start of the period ending now.
    fn at_start(&self, current: i32, period_ns: u64, now_ns: u64) -> i32 {
        current - changed_within(&self.up, period_ns, now_ns)
            + changed_within(&self.down, period_ns, now_ns)
    }
}

/// The largest count the upward rules allow; it may lie below `current`.
pub fn up_limit(current: i32, events: &Events, rules: &Rules, now_ns: u64) -> i32 {
    let proposals = rules.policies.iter().map(|policy| {
        let start = events.at_start(current, policy.period.0, now_ns);
        match policy.r#type {
            PolicyType::Pods => start.saturating_add(policy.value),
            // Rounded up: 10 % of 5 must still allow one more.
            PolicyType::Percent => {
                (f64::from(start) * (1.0 + f64::from(policy.value) / 100.0)).ceil() as i32
            }
        }
    });
    match rules.select {
        Select::Disabled => current,
        Select::Min => proposals.min().unwrap_or(i32::MAX),
        Select::Max => proposals.max().unwrap_or(i32::MIN),
    }
}

/// The smallest count the downward rules allow; it may be negative. `Max` here picks the *lowest*
/// proposal: the largest change.
pub fn down_limit(current: i32, events: &Events, rules: &Rules, now_ns: u64) -> i32 {
    let proposals = rules.policies.iter().map(|policy| {
        let start = events.at_start(current, policy.period.0, now_ns);
        match policy.r#type {
            PolicyType::Pods => start.saturating_sub(policy.value),
            PolicyType::Percent => {
                (f64::from(start) * (1.0 - f64::from(policy.value) / 100.0)) as i32
            }
        }
    });
    match rules.select {
        Select::Disabled => current,
        Select::Min => proposals.max().unwrap_or(i32::MIN),
        Select::Max => proposals.min().unwrap_or(i32::MAX),
    }
}

/// What held a count back, in the words of the HPA's conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Nothing did.
    DesiredWithinRange,
    /// `min-replicas`.
    TooFewReplicas,
    /// `max-replicas`.
    TooManyReplicas,
    /// The upward rate.
    ScaleUpLimit,
    /// The downward rate.
    ScaleDownLimit,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The smallest and largest count allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// At least so many.
    pub min: i32,
    /// At most so many.
    pub max: i32,
}

/// The count the rules allow on the way to `desired`. Each bound is enforced only on the side
/// towards which the count moves.
pub fn limit_rate(
    current: i32,
    desired: i32,
    bounds: Bounds,
    events: &Events,
    (up, down): (&Rules, &Rules),
    now_ns: u64,
) -> (i32, Limit) {
    if desired > current {
        let limit = up_limit(current, events, up, now_ns).max(current);
        let (allowed, why) = if bounds.max > limit {
            (limit, Limit::ScaleUpLimit)
        } else {
            (bounds.max, Limit::TooManyReplicas)
        };
        if desired > allowed {
            return (allowed, why);
        }
    } else if desired < current {
        let limit = down_limit(current, events, down, now_ns).min(current);
        let (allowed, why) = if bounds.min < limit {
            (limit, Limit::ScaleDownLimit)
        } else {
            (bounds.min, Limit::TooFewReplicas)
        };
        if desired < allowed {
            return (allowed, why);
        }
    }
    (desired, Limit::DesiredWithinRange)
}

/// The bounds of the path without `behavior`: at most double, or 4 from fewer than 2.
pub fn clamp_legacy(current: i32, desired: i32, bounds: Bounds) -> (i32, Limit) {
    let limit = current.saturating_mul(2).max(4);
    let (allowed, why) = if bounds.max > limit {
        (limit, Limit::ScaleUpLimit)
    } else {
        (bounds.max, Limit::TooManyReplicas)
    };
    if desired < bounds.min {
        (bounds.min, Limit::TooFewReplicas)
    } else if desired > allowed {
        (allowed, why)
    } else {
        (desired, Limit::DesiredWithinRange)
    }
}
