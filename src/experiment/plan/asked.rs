//! The question: what is asked beside the scenario, what contradicts itself, what is refused.

use std::fmt;

use super::sample::Known;
use super::words::figures;
use crate::diagnose::{Origin, Problem};
use crate::law::{self, Unit};
use crate::outcome::{Kind, Peak};
use crate::scenario::{Goal, Measure, Scenario};
use crate::time::Duration;
use crate::units::Price;
use crate::workload::demand::Demand;
use crate::workload::trace::Window;

/// What is asked of a plan beside the scenario and its objectives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ask {
    /// What the fleet must survive the loss of, and still meet the objectives.
    pub survive: Option<Survive>,
    /// The most it may cost an hour.
    pub budget: Option<Price>,
    /// Plan for the busiest stretch of this length alone.
    pub peak: Option<Duration>,
    /// How far the forecast of the load may be off: its coefficient of variation.
    pub forecast_cv: f64,
    /// Turned round: how much does the fleet as it is carry?
    pub max_rate: bool,
}

impl Default for Ask {
    fn default() -> Self {
        Self { survive: None, budget: None, peak: None, forecast_cv: 0.1, max_rate: false }
    }
}

/// What is lost while the objectives still hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survive {
    /// So many servers, of whichever pool hurts most.
    Servers(u32),
    /// All servers of one zone: one of so many with an even share each, or one of those that the
    /// pools stand in.
    Zone(Option<u32>),
}

impl Survive {
    /// Reads `2`, `zone`, or `zone/3` for three zones with an even share each.
    pub fn parse(text: &str) -> Result<Self, String> {
        let advice = "write a number of servers, e.g. `1`, or `zone`, or `zone/3` for three zones";
        let refused = || format!("`{text}` is not a loss to survive: {advice}");
        match text.trim().split_once('/') {
            None if text.trim() == "zone" => Ok(Self::Zone(None)),
            None => text.trim().parse().map(Self::Servers).map_err(|_| refused()),
            Some(("zone", zones)) => match zones.trim().parse() {
                Ok(zones @ 2..) => Ok(Self::Zone(Some(zones))),
                Ok(_) => Err("losing the only zone loses everything: name 2 or more".to_owned()),
                Err(_) => Err(refused()),
            },
            Some(_) => Err(refused()),
        }
    }
}

impl Survive {
    /// As it is written.
    fn word(self) -> String {
        match self {
            Self::Servers(count) => count.to_string(),
            Self::Zone(None) => "zone".to_owned(),
            Self::Zone(Some(zones)) => format!("zone/{zones}"),
        }
    }
}

impl fmt::Display for Survive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Servers(1) => f.write_str("1 server"),
            Self::Servers(count) => write!(f, "{count} servers"),
            Self::Zone(None) => f.write_str("a zone"),
            Self::Zone(Some(zones)) => write!(f, "one of {zones} zones"),
        }
    }
}

/// A question that can be answered.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) ask: &'a Ask,
    pub(super) goals: Vec<Goal>,
}

impl<'a> Asked<'a> {
    /// Refuses what cannot be answered.
    pub(super) fn new(scenario: &'a Scenario, ask: &'a Ask) -> Result<Self, Problem> {
        let goals: Vec<Goal> = scenario.goals().cloned().collect();
        if goals.is_empty() {
            return Err(Problem::new("a plan needs an objective")
                .help("add one, e.g. `--slo 'p99<250ms'`, or `[slo.fast]` to the scenario"));
        }
        for goal in &goals {
            refuse_what_more_servers_break(goal)?;
        }
        let asked = Self { scenario, ask, goals };
        asked.check_budget()?;
        asked.check_turned_round()?;
        asked.check_loss()?;
        if !(ask.forecast_cv >= 0.0 && ask.forecast_cv <= 2.0) {
            return Err(flag("--forecast-cv", ask.forecast_cv, "must lie between 0 and 200 %")
                .help("10 % is usual; 0 believes the forecast"));
        }
        Ok(asked)
    }

    fn check_budget(&self) -> Result<(), Problem> {
        let Some(budget) = self.ask.budget else { return Ok(()) };
        let pools = &self.scenario.pool;
        if let Some((name, _)) = pools.iter().find(|(_, pool)| pool.price.0 <= 0.0) {
            return Err(Problem::new(format!(
                "a budget needs prices, and a server of pool `{name}` costs nothing"
            ))
            .help(format!("set one: `--set pool.{name}.price=0.68/h`")));
        }
        let cheapest = pools.values().map(|pool| pool.price.0).fold(f64::INFINITY, f64::min);
        if budget.0 < cheapest {
            return Err(flag("--budget", budget, "is below the price of a single server")
                .help(format!("the cheapest server costs {cheapest} an hour")));
        }
        Ok(())
    }

    fn check_turned_round(&self) -> Result<(), Problem> {
        match self.ask.budget.filter(|_| self.ask.max_rate) {
            None => Ok(()),
            Some(budget) => Err(flag("--budget", budget, "is for a fleet that is to be chosen")
                .help("`--max-rate` asks what the fleet as it is carries: leave one of them out")),
        }
    }

    fn check_loss(&self) -> Result<(), Problem> {
        let Some(survive) = self.ask.survive else { return Ok(()) };
        let pools = &self.scenario.pool;
        let zones = zones(self.scenario);
        match survive {
            Survive::Servers(0) => {
                return Err(flag("--survive", 0, "is no loss")
                    .help("name how many servers may be lost, or leave it out"));
            }
            Survive::Zone(None) if zones.len() < 2 => {
                return Err(flag("--survive", "zone", "needs to know the zones").help(
                    "write `--survive zone/3` for three zones with an even share each, or \
                           give pools a `zone`",
                ));
            }
            Survive::Zone(Some(_)) if pools.len() > 1 => {
                return Err(flag("--survive", "zone/N", "deals the servers of one pool to zones")
                    .help(
                        "the scenario has several pools: give each its `zone`, and write \
                           `--survive zone`",
                    ));
            }
            _ => {}
        }
        if pools.values().any(|pool| pool.autoscaler.is_some()) {
            return Err(flag("--survive", survive.word(), "asks for a fixed fleet").help(
                "an autoscaler orders new servers for those that are lost: plan without it",
            ));
        }
        let most = |pool: &crate::scenario::Pool| {
            if self.ask.max_rate { pool.servers } else { pool.capacity.unwrap_or(u32::MAX) }
        };
        let there = pools.values().map(most).fold(0_u32, u32::saturating_add);
        match survive {
            Survive::Servers(lost) if lost >= there => {
                let what = format!("loses all of at most {there} servers");
                Err(flag("--survive", lost, &what).help("leave at least one server"))
            }
            _ => Ok(()),
        }
    }

    /// What is left of a fleet in each loss that it must survive; the fleet itself where there is
    /// none. Nothing left is an empty list of servers.
    pub(super) fn survivors(&self, fleet: &[u32]) -> Vec<Vec<u32>> {
        let without = |pool: usize, lost: u32| {
            let mut left = fleet.to_vec();
            left[pool] -= lost.min(left[pool]);
            left
        };
        let used = (0..fleet.len()).filter(|&pool| fleet[pool] > 0);
        let mut all: Vec<Vec<u32>> = match self.ask.survive {
            None => return vec![fleet.to_vec()],
            Some(Survive::Servers(lost)) => used.map(|pool| without(pool, lost)).collect(),
            Some(Survive::Zone(Some(zones))) => {
                used.map(|pool| without(pool, fleet[pool].div_ceil(zones))).collect()
            }
            Some(Survive::Zone(None)) => {
                let zone = |pool: usize| self.scenario.pool[pool].zone.as_str();
                let left = |lost: &&str| {
                    let keep = |(at, &n): (usize, &u32)| if zone(at) == *lost { 0 } else { n };
                    fleet.iter().enumerate().map(keep).collect()
                };
                zones(self.scenario).iter().map(left).collect()
            }
        };
        all.sort();
        all.dedup();
        all
    }
}

/// The zones that pools stand in.
fn zones(scenario: &Scenario) -> Vec<&str> {
    let mut zones: Vec<&str> = Vec::new();
    for pool in scenario.pool.values() {
        if !zones.contains(&pool.zone.as_str()) {
            zones.push(&pool.zone);
        }
    }
    zones
}

fn flag(name: &str, value: impl fmt::Display, what: &str) -> Problem {
    let value = value.to_string();
    Problem::new(format!("`{name} {value}` {what}")).at(&Origin::whole(name, value))
}

/// A plan searches upward: every objective must get easier with more servers.
fn refuse_what_more_servers_break(goal: &Goal) -> Result<(), Problem> {
    let place = Origin::whole("objective", goal.text.clone());
    if goal.measure == Measure::CostPerHour {
        return Err(Problem::new(
            "the cost of a fleet is what a plan makes small, not an objective",
        )
        .help(format!("write `--budget {}/h` for the most it may be", goal.limit))
        .at(&place));
    }
    if !goal.below {
        return Err(Problem::new(format!("`{goal}` gets harder with every server"))
            .help("a plan needs upper limits, e.g. `p99<250ms` or `utilization<70%`")
            .at(&place));
    }
    if goal.limit <= 0.0 && !(goal.or_equal && matches!(goal.measure, Measure::WaitPercentile(_))) {
        return Err(Problem::new(format!("`{goal}` asks for less than nothing"))
            .help("give a limit above 0")
            .at(&place));
    }
    Ok(())
}

/// The law of service, where waits are independent of the services that follow them: one drawn
/// class, one speed, and nobody who looks at sizes.
pub(super) fn known_service(scenario: &Scenario) -> Result<Option<Known>, Problem> {
    let blind = |name: &str| ["fifo", "lifo", "priority"].contains(&name);
    let speed = scenario.pool.values().next().map_or(1.0, |pool| pool.speed);
    let alike = scenario.pool.values().all(|pool| {
        pool.speed == speed && blind(pool.discipline.name) && pool.network == Duration::ZERO
    });
    let looks = scenario.balancer.policy.name == "least-work-left"
        || !blind(scenario.balancer.discipline().name);
    let [traffic] = scenario.traffic.values().collect::<Vec<_>>()[..] else { return Ok(None) };
    let Some(Demand::Law(recipe)) = &traffic.keys.service else { return Ok(None) };
    // What fails, is tried again or is sent twice takes other than its service after its wait.
    let straight = !scenario.has_life() && !scenario.is_guarded();
    if looks || !alike || !scenario.is_drawn() || !straight {
        return Ok(None);
    }
    let law = recipe.build(&law::Setup { unit: Unit::Time, folder: &scenario.folder })?;
    Ok(law.mean().is_finite().then_some(Known { law, speed }))
}

/// Cuts the traces of a scenario to their busiest stretch.
pub(super) fn cut(scenario: &mut Scenario, peak: &Peak) -> Result<(), Problem> {
    if !scenario.traffic.values().all(crate::scenario::Traffic::is_replayed) {
        let problem = Problem::new("`--peak` cuts a trace, and this traffic is drawn");
        return Err(problem.help(match scenario.kind() {
            Kind::SteadyState => "its rate is the same all along: leave `--peak` out".to_owned(),
            Kind::Terminating => format!(
                "its busiest stretch brings {} requests a second: plan for that as a constant rate",
                figures(peak.rate)
            ),
        }));
    }
    for traffic in scenario.traffic.values_mut() {
        let shape = &mut traffic.shape;
        let at =
            |seconds: f64| shape.window.from + Duration::from_secs_f64(seconds * shape.speed_up);
        let (from, until) = (at(peak.from_s), at(peak.until_s));
        shape.window = Window { from, until: until.min(shape.window.until) };
    }
    scenario.run.duration = None;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_of_service_says_nothing_of_fleets_that_fail_or_send_twice() {
        let known = |more: &str| {
            let text = format!(
                "traffic.a = {{ arrivals = 'poisson:rate=8/s', service = 'exponential:mean=1s' }}\n\
                 pool.a = {{ servers = 10 }}\n{more}"
            );
            let document = crate::document::Node::from_toml("a.toml", &text).unwrap();
            let scenario = Scenario::from_document(&document, std::path::Path::new("")).unwrap();
            known_service(&scenario).unwrap().is_some()
        };
        assert!(known(""));
        for more in [
            "failure.ill = { fault = 'slow', speed = 0.5, at = '0s' }",
            "hedge = { delay = '2s' }",
            "timeouts = { request = '3s' }",
            "retry = { attempts = 2 }",
        ] {
            assert!(!known(more), "{more}");
        }
    }

    #[test]
    fn losses_are_read_as_people_write_them() {
        assert_eq!(Survive::parse("2"), Ok(Survive::Servers(2)));
        assert_eq!(Survive::parse("zone"), Ok(Survive::Zone(None)));
        assert_eq!(Survive::parse("zone/3"), Ok(Survive::Zone(Some(3))));
        assert!(Survive::parse("zone/1").is_err() && Survive::parse("rack").is_err());
    }
}
