//! What a plan makes of the failures of a scenario: they find their servers in every fleet.
//!
//! A failure that names a server by its place must not miss a fleet that is too small to have it,
//! or the smaller fleet would look the better one; and a load that comes for ever must be carried
//! by what failures leave in the long run, whatever an objective makes of a short run.

use crate::diagnose::Problem;
use crate::law::{self, Unit};
use crate::scenario::Scenario;

/// Moves failures to servers that there are, and leaves out those that would come after the end.
pub(super) fn aim(scenario: &mut Scenario) {
    let (pools, run) = (scenario.pool.clone(), scenario.run.duration);
    scenario.failure.retain(|_, failure| failure.comes_within(run));
    scenario.failure.values_mut().for_each(|failure| *failure = failure.aimed(&pools).0);
}

/// Leaves out failures that hit no pool of the fleet: a file that names them is refused.
pub(super) fn forget(scenario: &mut Scenario) {
    let pools = scenario.pool.clone();
    scenario.failure.retain(|_, failure| failure.hits(&pools));
}

/// The most of a fixed fleet's work that failures leave in the long run: as if all failures of a
/// server came at the same times.
pub(super) fn left(scenario: &Scenario) -> Result<f64, Problem> {
    let setup = law::Setup { unit: Unit::Time, folder: &scenario.folder };
    let takes = scenario.failure.values().map(|failure| Ok((failure, failure.takes(&setup)?)));
    let mut takes = takes.collect::<Result<Vec<_>, Problem>>()?;
    takes.retain(|(_, takes)| *takes > 0.0);
    if takes.is_empty() || scenario.pool.values().any(|pool| pool.autoscaler.is_some()) {
        return Ok(1.0);
    }
    let (mut all, mut left) = (0.0, 0.0);
    for (at, pool) in scenario.pool.values().enumerate() {
        let work = f64::from(pool.slots) * pool.speed;
        for place in 0..pool.servers {
            let here = takes.iter().filter(|(failure, _)| failure.is_at(&scenario.pool, at, place));
            all += work;
            left += work * (1.0 - here.map(|(_, takes)| *takes).fold(0.0, f64::max));
        }
    }
    Ok(if all > 0.0 { left / all } else { 1.0 })
}

/// What the reader should know of the failures that a fleet was judged with.
pub(super) fn told(base: &Scenario, fleet: &Scenario) -> Vec<String> {
    let mut told = Vec::new();
    for (name, failure) in &base.failure {
        if !failure.comes_within(base.run.duration) {
            told.push(format!(
                "failure `{name}` comes after the end of the run, and was not planned for: \
                 lengthen the run with `--duration`, or let it come earlier"
            ));
        } else if !failure.hits(&fleet.pool) {
            told.push(format!(
                "failure `{name}` hits no server of this fleet, which has none where it strikes: \
                 it was planned away, and not survived; `--survive zone` or `--survive 1` asks for \
                 the loss of any"
            ));
        } else if failure.aimed(&fleet.pool).1 {
            told.push(format!(
                "failure `{name}` names a server that this fleet does not have: in a fleet too \
                 small for it, its last ones were hit instead"
            ));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(servers: u32, failures: &str) -> Scenario {
        let text = format!(
            "traffic.a = {{ arrivals = 'poisson:rate=8/s', service = 'exponential:mean=1s' }}\n\
             pool.a = {{ servers = {servers} }}\n{failures}"
        );
        let document = crate::document::Node::from_toml("a.toml", &text).unwrap();
        Scenario::from_document(&document, std::path::Path::new("")).unwrap()
    }

    #[test]
    fn failures_take_what_they_take_in_the_long_run() {
        let left = |failures: &str| left(&scenario(4, failures)).unwrap();
        assert_eq!(left("failure.a = { fault = 'outage', at = '1s', lasts = '9s' }"), 1.0);
        assert_eq!(left("failure.a = { fault = 'outage', at = '1s', servers = [0, 2] }"), 0.5);
        assert_eq!(left("failure.a = { fault = 'slow', speed = 0.5, at = '0s' }"), 0.5);
        // Two at the same times take no more than one: an upper bound may not take it twice.
        let one = "fault = 'outage', at = '1s', lasts = '2s', every = '4s'";
        assert_eq!(left(&format!("failure.a = {{ {one} }}\nfailure.b = {{ {one} }}")), 0.5);
        let often = "failure.a = { fault = 'outage', at = '1s', lasts = '2s', every = '8s' }";
        assert_eq!(left(often), 0.75);
        let random = "failure.a = { fault = 'outage', up = 'exponential:mean=30s', \
                      down = 'exponential:mean=10s', servers = [1] }";
        assert_eq!(left(random), 1.0 - 0.25 * 0.25);
    }

    #[test]
    fn a_failure_of_a_server_that_some_pool_has_stays_where_it_is() {
        let failure = "pool.b = { servers = 10 }\n\
                       failure.a = { fault = 'outage', at = '1s', servers = [5] }\n\
                       failure.late = { fault = 'outage', at = '2h' }\nrun.duration = '10m'";
        let base = scenario(4, failure);
        let mut fleet = base.clone();
        aim(&mut fleet);
        let crash = &fleet.failure[0];
        let hit: Vec<u32> = (0..10).filter(|&at| crash.is_at(&fleet.pool, 1, at)).collect();
        assert_eq!(hit, [5], "the second pool has it, and the first never had");
        let told = told(&base, &base);
        assert!(told.len() == 1 && told[0].contains("after the end of the run"), "{told:?}");
    }

    #[test]
    fn a_failure_finds_its_servers_in_a_smaller_fleet() {
        let base = scenario(8, "failure.a = { fault = 'outage', at = '1s', servers = [0, 2, 5] }");
        for (servers, wanted) in [(8, [0, 2, 5].as_slice()), (4, &[0, 2, 3]), (2, &[0, 1])] {
            let mut fleet = base.clone();
            fleet.pool[0].servers = servers;
            aim(&mut fleet);
            let hit: Vec<u32> =
                (0..8).filter(|&at| fleet.failure[0].is_at(&fleet.pool, 0, at)).collect();
            assert_eq!(hit, wanted, "of {servers}");
            assert_eq!(told(&base, &fleet).len(), usize::from(servers < 8));
        }
    }
}
