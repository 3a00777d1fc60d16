//! What theory says of a scenario that is one of its models: a known answer beside the simulated
//! one.

use std::collections::BTreeMap;

use crate::law::{self, Unit};
use crate::outcome::{Known, Summary};
use crate::scenario::{QueuePlace, Scenario};
use crate::theory::{self, Mmc, Percentiles};
use crate::time::Duration;
use crate::units::Rate;
use crate::workload::demand::Demand;

/// The known answer, where the scenario is a model that has one and a steady state.
pub(super) fn of(scenario: &Scenario) -> Option<Known> {
    let system = System::of(scenario)?;
    let name = system.model(scenario)?;
    let model = theory::model(name).ok()?;
    let parameters: BTreeMap<String, f64> = [
        ("arrival-rate", system.rate),
        ("service-mean", system.mean),
        ("servers", system.slots),
        ("cv", system.cv),
    ]
    .into_iter()
    .filter(|(name, _)| model.params.iter().any(|parameter| parameter.name == *name))
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let Percentiles { mean, p50, p90, p95, p99, p999 } =
        model.answer(&parameters).ok()?.latency_s?;
    let latency_s = Summary { mean, p50, p90, p95, p99, p999, ..Summary::default() };
    Some(Known { model: name.to_owned(), latency_s })
}

/// The queue of Erlang, where the scenario is one with a steady state.
pub(super) fn erlang(scenario: &Scenario) -> Option<Mmc> {
    let system = System::of(scenario).filter(|system| system.model(scenario) == Some("mmc"))?;
    Mmc::new(system.rate, 1.0 / system.mean, system.slots as u32).ok()
}

/// Whether it is a queue of Erlang with any number of servers.
pub(super) fn is_erlangs(scenario: &Scenario) -> bool {
    scenario.balancer.queue() == QueuePlace::Shared
        && System::of(scenario).is_some_and(|system| system.model(scenario) == Some("mmc"))
}

/// Poisson arrivals, one law of service, one pool of servers that stay.
struct System {
    rate: f64,
    mean: f64,
    cv: f64,
    law: &'static str,
    slots: f64,
}

impl System {
    fn of(scenario: &Scenario) -> Option<Self> {
        let (Some((_, traffic)), 1) = (scenario.traffic.first(), scenario.traffic.len()) else {
            return None;
        };
        let (Some((_, pool)), 1) = (scenario.pool.first(), scenario.pool.len()) else {
            return None;
        };
        let keys = &traffic.keys;
        let arrivals = keys.arrivals.as_ref().filter(|process| process.name == "poisson")?;
        let rate = Rate::parse(arrivals.resolved().get("rate")?.as_str()?).ok()?.0
            * traffic.shape.rate_scale
            * traffic.shape.speed_up;
        let Some(Demand::Law(recipe)) = &keys.service else { return None };
        let law = recipe.build(&law::Setup { unit: Unit::Time, folder: &scenario.folder }).ok()?;
        let limited = pool.queue_limit.is_some() || scenario.balancer.queue_limit() != u32::MAX;
        let plain = keys.patience.is_none()
            && !limited
            && !scenario.has_life()
            && !scenario.is_guarded()
            && pool.network == Duration::ZERO
            && pool.memory.is_none();
        let slots = f64::from(pool.servers) * f64::from(pool.slots);
        let (mean, cv) = (law.mean() / pool.speed, law.variance().sqrt() / law.mean());
        plain.then_some(Self { rate, mean, cv, law: recipe.name, slots })
    }

    /// Which model of `plimsoll theory` it is.
    fn model(&self, scenario: &Scenario) -> Option<&'static str> {
        let pool = scenario.pool.first()?.1;
        let shared = scenario.balancer.queue() == QueuePlace::Shared;
        let discipline =
            if shared { scenario.balancer.discipline().name } else { pool.discipline.name };
        let policy = scenario.balancer.policy.name;
        match (discipline, self.law) {
            ("processor-sharing", _) if self.slots == 1.0 => Some("mg1ps"),
            ("fifo", "exponential") if shared || pool.servers == 1 => Some("mmc"),
            ("fifo", "constant") if shared || pool.servers == 1 => Some("mdc"),
            ("fifo", _) if self.slots == 1.0 => Some("mg1"),
            ("fifo", "exponential") if pool.slots == 1 && policy == "random" => Some("random"),
            ("fifo", "exponential") if pool.slots == 1 && policy == "round-robin" => {
                Some("round-robin")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Node;

    fn known(more: &str) -> Option<Known> {
        let text = format!(
            "traffic.a = {{ arrivals = 'poisson:rate=8/s', service = 'exponential:mean=1s' }}\n\
             {more}"
        );
        let document = Node::from_toml("a.toml", &text).unwrap();
        of(&Scenario::from_document(&document, std::path::Path::new("")).unwrap())
    }

    #[test]
    fn a_shared_queue_is_erlangs_and_little_else_is_known() {
        let found = known("pool.a = { servers = 10 }\nbalancer = { queue = 'shared' }").unwrap();
        // M/M/10 at 8 Erlang: P(wait) 0.40918, mean wait 0.20459 s.
        assert_eq!(found.model, "mmc");
        assert!((found.latency_s.mean.unwrap() - 1.204_590_2).abs() < 1e-6, "{found:?}");
        assert_eq!(
            known("pool.a = { servers = 10 }\nbalancer = 'random'").unwrap().model,
            "random"
        );
        for unknown in [
            "pool.a = { servers = 10 }\nbalancer = { queue = 'shared' }\n\
             failure.ill = { fault = 'slow', speed = 0.5, at = '0s' }",
            "pool.a = { servers = 10 }",
            "pool.a = { servers = 5 }\nbalancer = { queue = 'shared' }",
            "pool.a = { slots = 10, queue-limit = 3 }",
            "pool.a = { slots = 10, autoscaler = 'fixed' }",
        ] {
            assert_eq!(known(unknown), None, "{unknown}");
        }
    }
}
