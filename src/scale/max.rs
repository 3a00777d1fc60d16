//! The largest of several policies.
//!
//! *What it does*: asks all of its members and takes the largest count.
//!
//! *When it shines*: a forecast for what is known and a reaction for what is not; several metrics
//! of which any may be the bottleneck.
//!
//! *When it fails*: it also takes every mistake on the upper side; one member that cannot see the
//! load fall keeps the fleet up.
//!
//! *Source*: how Kubernetes, AWS and Google combine metrics and policies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Autoscaler, Manners, Setup, Signals, Target};
use crate::diagnose::Problem;
use crate::model::Foresight;
use crate::registry::{Recipe, Variant};
use crate::time::Instant;

/// The members.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The policies, e.g. `["hpa", { policy = "schedule", rows = [ … ] }]`.
    of: Vec<Recipe<dyn Autoscaler>>,
}

/// The largest count and the index of the member that asked for it, the first of several; nothing
/// where no member has an opinion.
pub fn largest(wanted: impl IntoIterator<Item = Option<u32>>) -> Option<(usize, u32)> {
    let asked = wanted.into_iter().enumerate();
    asked
        .filter_map(|(index, count)| Some((index, count?)))
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// A member and when it looks next.
struct Member {
    name: &'static str,
    policy: Box<dyn Autoscaler>,
    due: Instant,
    last: Option<Target>,
}

/// The largest of several at work.
pub struct Max(Vec<Member>);

impl Variant<dyn Autoscaler> for Max {
    const NAME: &'static str = "max";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.of.is_empty() {
            return Err(Problem::about("of", "`of` names no policy")
                .help("write e.g. `of = [\"hpa\", \"schedule\"]`"));
        }
        Ok(())
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        let member = |recipe: &Recipe<dyn Autoscaler>| {
            let policy = recipe.build(setup)?;
            Ok(Member { name: recipe.name, policy, due: Instant::START, last: None })
        };
        Ok(Box::new(Self(config.of.iter().map(member).collect::<Result<_, Problem>>()?)))
    }
}

impl Autoscaler for Max {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        // Each member looks at its own pace, as if it were alone, and is taken at its last word.
        for member in self.0.iter_mut().filter(|member| member.due <= signals.now) {
            let manners = member.policy.manners();
            let own = Signals { window: manners.window, ..*signals };
            member.last = Some(member.policy.target(&own));
            // From look to look, and not from this look on, which may be another member's.
            let next = member.due + manners.interval;
            member.due = if next > signals.now { next } else { signals.now + manners.interval };
        }
        let asked = self.0.iter().map(|member| member.last.as_ref().map(|last| last.servers));
        let Some((index, servers)) = largest(asked) else { return Target::blind(signals) };
        let member = &self.0[index];
        let why = member.last.as_ref().map_or("", |last| last.why.as_str());
        // The largest count wins; a size has one member at most that speaks of it.
        let size = self.0.iter().find_map(|member| member.last.as_ref()?.size);
        Target { servers, size, why: format!("{}: {why}", member.name) }
    }

    fn manners(&self) -> Manners {
        let all = self.0.iter().map(|member| member.policy.manners());
        all.reduce(|a, b| Manners {
            interval: a.interval.min(b.interval),
            scrape: a.scrape.min(b.scrape),
            window: a.window.max(b.window),
            longest: a.longest.max(b.longest),
            min: a.min.max(b.min),
            max: a.max.max(b.max),
            wakes: a.wakes || b.wakes,
            latency: a.latency || b.latency,
        })
        .unwrap_or_default()
    }

    fn refused(&mut self, now: Instant) {
        self.0.iter_mut().for_each(|member| member.policy.refused(now));
    }

    fn memory(&self) -> Option<String> {
        self.0.iter().find_map(|member| member.policy.memory())
    }

    fn foresight(&self) -> Option<Foresight> {
        // One that foresees, with what the others say of themselves.
        let all = self.0.iter().filter_map(|member| member.policy.foresight());
        all.reduce(|one, other| {
            let (mut said, more) =
                if one.forecaster.is_some() { (one, other) } else { (other, one) };
            said.remarks.extend(more.remarks);
            said
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::{Counts, Metrics};
    use crate::time::Duration;

    #[test]
    fn the_first_of_the_largest_is_named_and_silence_is_no_vote() {
        assert_eq!(largest([Some(2), None, Some(5), Some(5)]), Some((2, 5)));
        assert_eq!(largest([None, None]), None);
    }

    /// Wants one server more at each of its looks.
    struct Counting(Duration, u32);

    impl Autoscaler for Counting {
        fn target(&mut self, _: &Signals<'_>) -> Target {
            self.1 += 1;
            Target::new(self.1, "one more")
        }

        fn manners(&self) -> Manners {
            Manners { interval: self.0, ..Manners::default() }
        }
    }

    #[test]
    fn each_member_looks_at_its_own_pace() {
        let member = |name, seconds, from| Member {
            name,
            policy: Box::new(Counting(Duration::from_secs(seconds), from)),
            due: Instant::START,
            last: None,
        };
        let mut both = Max(vec![member("quick", 15, 0), member("slow", 60, 10)]);
        assert_eq!(both.manners().interval, Duration::from_secs(15));
        let mut looks = (0..=8_u64).map(|look| {
            let signals = Signals {
                now: Instant(Duration::from_secs(15 * look).0),
                counts: Counts::default(),
                ready_since: &[],
                window: Duration::ZERO,
                slots: 1,
                speed: 1.0,
                cores: 1.0,
                memory: 1.0,
                in_system: 0,
                waiting: 0,
                metrics: &Metrics::new(Duration(1), Duration::ZERO, Duration(1), false),
            };
            both.target(&signals).servers
        });
        assert_eq!(looks.by_ref().take(4).collect::<Vec<_>>(), [11; 4]);
        assert_eq!(looks.collect::<Vec<_>>(), [12, 12, 12, 12, 13]);
    }
}
