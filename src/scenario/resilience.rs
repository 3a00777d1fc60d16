//! `[health]`, `[timeouts]`, `[retry]`, `[hedge]`, `[breaker]`: what is done about failures.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::{Scenario, at_key};
use crate::diagnose::Problem;
use crate::document::Node;
use crate::engine::{self, Abandoned, Resilience};
use crate::health::{self, Ejector};
use crate::law::{self, Unit};
use crate::model::Fate;
use crate::protect::{Backoff, BreakerRule, Budget, backoff};
use crate::registry::Recipe;
use crate::rng::Seed;
use crate::time::Duration;
use crate::units::{Share, from_text_or_number};

/// How servers are found to be healthy.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Health {
    /// Whether balancers know at once that a server is out: a bound that no check attains.
    pub known_at_once: bool,
    /// Active checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks: Option<Checks>,
    /// Passive ejection, by what becomes of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ejection: Option<Recipe<dyn Ejector>>,
    /// The share of trusted servers below which balancers use all servers, as nearly all being ill
    /// is likelier a fault of the checks; 0 is never. Envoy's default is 50 %.
    pub panic: Share,
    /// How a server that is back begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_start: Option<SlowStart>,
}

/// Active checks: HAProxy's defaults.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Checks {
    /// From one check of a server to the next.
    pub interval: Duration,
    /// How long a check waits for an answer, at most `interval`; `interval` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Good answers in a row after which a server that was down is up.
    pub rise: u32,
    /// Bad answers in a row after which a server that was up is down.
    pub fall: u32,
}

impl Default for Checks {
    fn default() -> Self {
        Self { interval: Duration::from_secs(2), timeout: None, rise: 2, fall: 3 }
    }
}

/// A server that is back is chosen less often at first: the share of its turns grows with the part
/// x of the window that has passed, as x to the power of 1 / `aggression` (Envoy).
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct SlowStart {
    /// For how long.
    pub window: Duration,
    /// The least share of its turns, above 0.
    pub from: Share,
    /// 1 grows evenly, more grows faster at first.
    pub aggression: f64,
}

impl Default for SlowStart {
    fn default() -> Self {
        Self { window: Duration::from_secs(30), from: Share(0.1), aggression: 1.0 }
    }
}

/// How long anybody waits for an answer.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Timeouts {
    /// How long a client waits for the answer to a request, retries and all; for ever when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Duration>,
    /// How long an attempt may take, waiting included, before it has failed; for ever when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Duration>,
    /// What becomes of attempts that nobody waits for any more: `served` (servers know nothing of
    /// it) or `cancelled`.
    pub abandoned: Abandoned,
}

/// An end of an attempt after which there may be another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// Its server lost it, refused the connection, or answered with an error.
    Failed,
    /// A queue was full, or no server would take it.
    Rejected,
    /// It took, or waited, too long.
    TimedOut,
}

/// How many attempts there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempts {
    /// So many, the first included.
    Most(u32),
    /// As many as it takes.
    Unlimited,
}

impl Serialize for Attempts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Most(most) => serializer.serialize_u32(*most),
            Self::Unlimited => serializer.serialize_str("unlimited"),
        }
    }
}

impl<'de> Deserialize<'de> for Attempts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text_or_number(deserializer, "a number of attempts or `unlimited`", |word| {
            let word = word.to_string();
            if word == "unlimited" {
                return Ok(Self::Unlimited);
            }
            word.parse().map(Self::Most).map_err(|_| {
                D::Error::custom(format!("`{word}` is not a number of attempts, nor `unlimited`"))
            })
        })
    }
}

impl JsonSchema for Attempts {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Attempts".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [{ "type": "integer", "minimum": 1 }, { "const": "unlimited" }]
        })
    }
}

/// When a request is sent again.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Retry {
    /// Attempts in all, the first included, or `unlimited`.
    pub attempts: Attempts,
    /// The ends of an attempt after which there is another one: `failed`, `rejected`, `timed-out`.
    pub on: Vec<On>,
    /// How long it waits.
    pub backoff: Recipe<dyn Backoff>,
    /// How many retries there may be; unlimited when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Recipe<dyn Budget>>,
    /// Whether servers that were tried are left out as long as there are others.
    pub elsewhere: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: Attempts::Most(2),
            on: vec![On::Failed, On::Rejected, On::TimedOut],
            backoff: Recipe::named("exponential").expect("it is registered"),
            budget: None,
            elsewhere: true,
        }
    }
}

/// What demand each copy of a request brings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CopyDemand {
    /// That of its request: the work is the same wherever it is done.
    #[default]
    Same,
    /// One of its own: what takes time is the server's state, not the request.
    Own,
}

/// When a request is sent twice.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Hedge {
    /// How long after one copy the next one is sent, while there is no answer; 0 sends all at once.
    pub delay: Duration,
    /// Copies in all, the first included, each to another server.
    pub copies: u32,
    /// Whether the other copies are taken back when one has answered.
    pub cancel: bool,
    /// What demand each copy brings: `same` or `own`.
    pub demand: CopyDemand,
}

impl Default for Hedge {
    fn default() -> Self {
        let (delay, demand) = (Duration::from_millis(500), CopyDemand::Same);
        Self { delay, copies: 2, cancel: true, demand }
    }
}

/// When nobody is let through for a while: a circuit breaker at each balancer.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Breaker {
    /// The share of failed attempts from which on it opens, above 0.
    pub failures: Share,
    /// The attempts that the share is over, the latest ones.
    pub window: u32,
    /// The least attempts for the share to count.
    pub least: u32,
    /// How long it stays open.
    pub open_for: Duration,
    /// Requests that are let through on trial after that.
    pub trials: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        let open_for = Duration::from_secs(5);
        Self { failures: Share(0.5), window: 100, least: 20, open_for, trials: 10 }
    }
}

fn wrong(key: &str, what: &str, help: &str) -> Result<(), Problem> {
    Err(Problem::about(key, what).help(help))
}

impl Health {
    fn check(&self) -> Result<(), Problem> {
        if let Some(checks) = &self.checks {
            if checks.rise == 0 || checks.fall == 0 {
                let key = if checks.rise == 0 { "checks.rise" } else { "checks.fall" };
                let what = format!("`{key}` = 0: no answer would ever be believed");
                return wrong(
                    key,
                    &what,
                    "1 believes the first answer; HAProxy has rise 2, fall 3",
                );
            }
            if checks.interval == Duration::ZERO {
                let help = "HAProxy's default is `2s`";
                return wrong("checks.interval", "`interval` must be above 0", help);
            }
            if checks.timeout == Some(Duration::ZERO) {
                let help = "leave it out for one interval";
                return wrong("checks.timeout", "`timeout` must be above 0", help);
            }
            if checks.timeout.is_some_and(|timeout| timeout > checks.interval) {
                let what = "a check would still wait when the next one begins";
                let help = "`timeout` is at most `interval`, which it is when left out; real \
                            checkers put the next check off until the last has ended";
                return wrong("checks.timeout", what, help);
            }
        }
        let Some(slow) = &self.slow_start else { return Ok(()) };
        if slow.window == Duration::ZERO {
            return wrong("slow-start.window", "`window` must be above 0", "e.g. `30s`");
        }
        if slow.from.0 == 0.0 {
            let help = "Envoy's default is 10 %";
            return wrong("slow-start.from", "`from` = 0 would leave a server out for good", help);
        }
        if slow.aggression > 0.0 && slow.aggression.is_finite() {
            return Ok(());
        }
        wrong("slow-start.aggression", "`aggression` must be above 0", "1 grows evenly")
    }

    fn build(&self) -> Result<engine::Health, Problem> {
        Ok(engine::Health {
            at_once: self.known_at_once,
            checks: self.checks.as_ref().map(|checks| health::Checks {
                interval: checks.interval,
                timeout: checks.timeout.unwrap_or(checks.interval),
                rise: checks.rise,
                fall: checks.fall,
            }),
            ejection: self.ejection.as_ref().map(|recipe| recipe.build(&())).transpose()?,
            panic: self.panic.0,
            slow_start: self.slow_start.as_ref().map(|slow| engine::SlowStart {
                window: slow.window,
                from: slow.from.0,
                aggression: slow.aggression,
            }),
        })
    }
}

impl Scenario {
    pub(super) fn check_resilience(&self, document: &Node) -> Result<(), Problem> {
        for (name, failure) in &self.failure {
            failure
                .check(&self.pool)
                .map_err(|problem| at_key(problem, document, &["failure", name]))?;
        }
        let at = |table: &'static str| move |problem| at_key(problem, document, &[table]);
        self.health.as_ref().map_or(Ok(()), Health::check).map_err(at("health"))?;
        self.check_timeouts().map_err(at("timeouts"))?;
        self.check_retry().map_err(at("retry"))?;
        self.check_hedge().map_err(at("hedge"))?;
        self.check_breaker().map_err(at("breaker"))
    }

    fn check_timeouts(&self) -> Result<(), Problem> {
        let Some(timeouts) = &self.timeouts else { return Ok(()) };
        for (key, span) in [("request", timeouts.request), ("attempt", timeouts.attempt)] {
            if span == Some(Duration::ZERO) {
                let what = format!("`{key}` = 0: nothing would ever be answered in time");
                return wrong(key, &what, "leave it out to wait for ever");
            }
        }
        Ok(())
    }

    fn check_retry(&self) -> Result<(), Problem> {
        let Some(retry) = &self.retry else { return Ok(()) };
        if retry.attempts == Attempts::Most(0) {
            let help = "1 is no retry, 2 is one retry";
            return wrong("attempts", "`attempts` = 0: requests would not be sent at all", help);
        }
        if retry.on.is_empty() {
            let help = "name `failed`, `rejected` or `timed-out`, or leave `[retry]` out";
            return wrong("on", "`on` is empty: nothing would be retried", help);
        }
        Ok(())
    }

    fn check_hedge(&self) -> Result<(), Problem> {
        let Some(hedge) = &self.hedge else { return Ok(()) };
        if hedge.copies < 2 {
            let help = "2 sends one copy beside the request; leave `[hedge]` out for none";
            return wrong("copies", "`copies` must be at least 2", help);
        }
        if hedge.demand == CopyDemand::Own {
            let brings = self.traffic.iter().find(|(_, it)| it.keys.service.is_none());
            if let Some((name, _)) = brings {
                let what = format!("class `{name}` brings its service times with it");
                return wrong("demand", &what, "`own` needs a `service` law to draw from");
            }
        }
        Ok(())
    }

    fn check_breaker(&self) -> Result<(), Problem> {
        let Some(breaker) = &self.breaker else { return Ok(()) };
        if breaker.failures.0 == 0.0 {
            let help = "0.5 opens when half of the attempts fail";
            return wrong("failures", "`failures` = 0 would open it at once", help);
        }
        if breaker.trials == 0 || breaker.window == 0 || breaker.least > breaker.window {
            let key = if breaker.trials == 0 { "trials" } else { "window" };
            let help = "`trials` must be at least 1, and `window` at least `least`";
            return wrong(key, &format!("`{key}` is too small"), help);
        }
        Ok(())
    }

    /// Whether requests are tried again without any limit of number, time or budget.
    pub(super) fn retries_without_end(&self) -> bool {
        let timeouts = self.timeouts.as_ref();
        timeouts.is_none_or(|it| it.request.is_none())
            && self
                .retry
                .as_ref()
                .is_some_and(|it| it.attempts == Attempts::Unlimited && it.budget.is_none())
    }

    /// Whether anything may fail, or is done about it.
    pub fn is_guarded(&self) -> bool {
        !self.failure.is_empty()
            || self.health.is_some()
            || self.timeouts.is_some()
            || self.retry.is_some()
            || self.hedge.is_some()
            || self.breaker.is_some()
            || self.admission.is_some()
    }

    /// What may fail and what is done about it; `None` where neither is said.
    pub(super) fn resilience(&self, seed: Seed) -> Result<Option<Resilience>, Problem> {
        if !self.is_guarded() {
            return Ok(None);
        }
        let setup = law::Setup { unit: Unit::Time, folder: &self.folder };
        let perils =
            self.failure.iter().map(|(name, failure)| failure.peril(name, &self.pool, &setup));
        let timeouts = self.timeouts.clone().unwrap_or_default();
        let demands = self.traffic.values().map(|traffic| {
            let demand = traffic.keys.service.as_ref();
            demand.map(|demand| demand.build(&self.folder)).transpose()
        });
        Ok(Some(Resilience {
            perils: perils.collect::<Result<_, _>>()?,
            health: self.health.clone().unwrap_or_default().build()?,
            retry: self.retry.as_ref().map(|retry| self.retrying(retry)).transpose()?,
            hedge: self.hedge.as_ref().map(|hedge| engine::Hedge {
                delay: hedge.delay,
                copies: hedge.copies,
                cancel: hedge.cancel,
                own_demand: hedge.demand == CopyDemand::Own,
            }),
            deadline: timeouts.request.unwrap_or(Duration::FOREVER),
            attempt_timeout: timeouts.attempt.unwrap_or(Duration::FOREVER),
            abandoned: timeouts.abandoned,
            admission: self.admission.as_ref().map(|recipe| recipe.build(&())).transpose()?,
            breaker: self.breaker.as_ref().map(|breaker| BreakerRule {
                failures: breaker.failures.0,
                window: breaker.window,
                least: breaker.least,
                open_for: breaker.open_for,
                trials: breaker.trials,
            }),
            demands: demands.collect::<Result<_, _>>()?,
            seed,
        }))
    }

    fn retrying(&self, retry: &Retry) -> Result<engine::Retry, Problem> {
        let fate = |on: &On| match on {
            On::Failed => Fate::Failed,
            On::Rejected => Fate::Rejected,
            On::TimedOut => Fate::TimedOut,
        };
        Ok(engine::Retry {
            attempts: match retry.attempts {
                Attempts::Most(most) => most,
                Attempts::Unlimited => u32::MAX,
            },
            on: retry.on.iter().map(fate).collect(),
            backoff: retry.backoff.build(&backoff::Setup { folder: &self.folder })?,
            budget: retry.budget.as_ref().map(|recipe| recipe.build(&())).transpose()?,
            elsewhere: retry.elsewhere,
        })
    }
}
