//! The question: what is asked beside the scenario, what contradicts itself, what is refused.

use std::fmt;

use super::sample::Known;
use super::words::figures;
use crate::diagnose::{Origin, Problem};
use crate::law::{self, Law, Unit};
use crate::outcome::{Kind, Peak};
use crate::scenario::{Goal, Measure, Scenario};
use crate::time::Duration;
use crate::units::Price;
use crate::workload::demand::Demand;
use crate::workload::trace::Window;

/// The most ways in which a fleet may lose servers; each is simulated.
const WAYS: u64 = 100;

/// Policies that look at zones: pools in different ones are not alike to them.
const MIND_ZONES: [&str; 3] = ["zone-aware", "load-aware-zones", "locality-weighted"];

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
    /// So many runs of each fleet and no more, instead of as many as it takes.
    pub replications: Option<u32>,
    /// How long one run of a steady state is, instead of as long as its queue remembers.
    pub length: Option<Duration>,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            survive: None,
            budget: None,
            peak: None,
            forecast_cv: 0.1,
            max_rate: false,
            replications: None,
            length: None,
        }
    }
}

/// What is lost while the objectives still hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survive {
    /// So many servers, of whichever pools hurt most.
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
    /// For each pool the first that it may be exchanged for without changing anything.
    alike: Vec<usize>,
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
        let asked = Self { scenario, ask, goals, alike: alike(scenario) };
        asked.check_runs()?;
        asked.check_budget()?;
        asked.check_turned_round()?;
        asked.check_loss()?;
        if !(ask.forecast_cv >= 0.0 && ask.forecast_cv <= 2.0) {
            return Err(flag("--forecast-cv", ask.forecast_cv, "must lie between 0 and 200 %")
                .help("10 % is usual; 0 believes the forecast"));
        }
        Ok(asked)
    }

    fn check_runs(&self) -> Result<(), Problem> {
        let Ask { replications, length, .. } = self.ask;
        if let Some(few @ 0..=1) = replications {
            return Err(flag("--replications", few, "gives no interval to decide by")
                .help("write 10 or more, or leave it out: a plan runs as many as it takes"));
        }
        match length {
            Some(Duration::ZERO) => Err(flag("--duration", "0s", "is no time to measure in")
                .help("write e.g. `1h`, or leave it out: runs are as long as the queue remembers")),
            _ => Ok(()),
        }
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
            Survive::Servers(lost) if ways(lost, pools.len()) > WAYS => {
                let what = format!(
                    "can be lost in {} ways from {} pools, and each is simulated",
                    ways(lost, pools.len()),
                    pools.len()
                );
                Err(flag("--survive", lost, &what)
                    .help("name fewer, or plan pool by pool, each with its share of the traffic"))
            }
            _ => Ok(()),
        }
    }

    /// What is left of a fleet in each loss that it must survive; the fleet itself where there is
    /// none. Nothing left is an empty list of servers.
    pub(super) fn survivors(&self, fleet: &[u32]) -> Vec<Vec<u32>> {
        let mut all: Vec<Vec<u32>> = match self.ask.survive {
            None => vec![fleet.to_vec()],
            Some(Survive::Servers(lost)) => without(fleet, lost),
            // One pool, whose servers are dealt to the zones.
            Some(Survive::Zone(Some(zones))) => {
                vec![fleet.iter().map(|&n| n - n.div_ceil(zones)).collect()]
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
        all.iter_mut().for_each(|left| self.merge(left));
        all.sort();
        all.dedup();
        all
    }

    /// Servers of pools that are alike, as those of one: to the traffic they are, so that fleets
    /// which only differ in that are simulated once.
    fn merge(&self, fleet: &mut [u32]) {
        for pool in 0..fleet.len() {
            let first = self.alike[pool];
            if first < pool {
                fleet[first] += std::mem::take(&mut fleet[pool]);
            }
        }
    }

    /// Whether pools exchange their numbers in another fleet that is the same in all its losses,
    /// and comes first: the one with more servers in the earlier of two pools that are alike.
    pub(super) fn is_mirrored(&self, fleet: &[u32]) -> bool {
        let zone = |pool: usize| self.scenario.pool[pool].zone.as_str();
        let alone =
            |pool: usize| (0..fleet.len()).all(|other| other == pool || zone(other) != zone(pool));
        let by_zone = self.ask.survive == Some(Survive::Zone(None));
        let exchanged = |a: usize, b: usize| {
            let alike = self.alike[a] == self.alike[b];
            alike && (!by_zone || zone(a) == zone(b) || (alone(a) && alone(b)))
        };
        let earlier = |pool: usize| (0..pool).filter(move |&other| exchanged(pool, other));
        (0..fleet.len()).any(|pool| earlier(pool).any(|other| fleet[other] < fleet[pool]))
    }
}

/// What is left of a fleet when so many servers are lost, in every way: what hurts most depends on
/// how fast each kind is and on who waits behind whom.
fn without(fleet: &[u32], lost: u32) -> Vec<Vec<u32>> {
    let Some((&last, rest)) = fleet.split_last() else {
        return vec![Vec::new()];
    };
    let others: u32 = rest.iter().fold(0, |sum, &n| sum.saturating_add(n));
    let most = lost.min(last);
    // What the other pools do not have must be lost here.
    (lost.saturating_sub(others).min(most)..=most)
        .flat_map(|here| {
            let mut each = without(rest, lost - here);
            each.iter_mut().for_each(|left| left.push(last - here));
            each
        })
        .collect()
}

/// In how many ways so many servers can be lost from so many pools: C(lost + pools − 1, lost).
fn ways(lost: u32, pools: usize) -> u64 {
    (1..pools as u64).fold(1, |ways: u64, k| ways.saturating_mul(u64::from(lost) + k) / k)
}

/// For each pool the first that differs from it in nothing but its name, and in its zone only where
/// nobody minds zones.
fn alike(scenario: &Scenario) -> Vec<usize> {
    // A failure names the pool that it befalls.
    let named = !scenario.failure.is_empty();
    let mind_zones = MIND_ZONES.contains(&scenario.balancer.policy.name);
    let told = |pool: &crate::scenario::Pool| {
        let mut pool = pool.clone();
        pool.servers = 0;
        if !mind_zones {
            pool.zone.clear();
        }
        serde_json::to_string(&pool).expect("a pool is plain data")
    };
    let all: Vec<String> = scenario.pool.values().map(told).collect();
    let first = |at: usize| all.iter().position(|other| *other == all[at]).unwrap_or(at);
    (0..all.len()).map(|at| if named { at } else { first(at) }).collect()
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
    // What fails, is tried again or is sent twice takes other than its service after its wait.
    let straight = !scenario.has_life() && !scenario.is_guarded();
    if looks || !alike || !scenario.is_drawn() || !straight {
        return Ok(None);
    }
    Ok(law_of_service(scenario)?.map(|law| Known { law, speed }))
}

/// The law that all services are drawn from, where there is one, with a mean.
pub(super) fn law_of_service(scenario: &Scenario) -> Result<Option<Box<dyn Law>>, Problem> {
    let [traffic] = scenario.traffic.values().collect::<Vec<_>>()[..] else { return Ok(None) };
    let Some(Demand::Law(recipe)) = &traffic.keys.service else { return Ok(None) };
    let law = recipe.build(&law::Setup { unit: Unit::Time, folder: &scenario.folder })?;
    Ok((scenario.is_drawn() && law.mean().is_finite()).then_some(law))
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
    fn servers_are_lost_in_every_way() {
        assert_eq!(without(&[3, 2], 2), [[1, 2], [2, 1], [3, 0]].map(Vec::from).to_vec());
        assert_eq!(without(&[3, 2], 4), [[0, 1], [1, 0]].map(Vec::from).to_vec());
        assert_eq!(without(&[1, 0, 1], 1), [[0, 0, 1], [1, 0, 0]].map(Vec::from).to_vec());
        assert_eq!((ways(2, 2), ways(3, 1), ways(2, 4)), (3, 1, 10));
        assert_eq!(without(&[5, 5, 5, 5], 2).len(), 10);
    }

    #[test]
    fn losses_are_read_as_people_write_them() {
        assert_eq!(Survive::parse("2"), Ok(Survive::Servers(2)));
        assert_eq!(Survive::parse("zone"), Ok(Survive::Zone(None)));
        assert_eq!(Survive::parse("zone/3"), Ok(Survive::Zone(Some(3))));
        assert!(Survive::parse("zone/1").is_err() && Survive::parse("rack").is_err());
    }
}
