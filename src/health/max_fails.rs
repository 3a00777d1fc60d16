//! nginx's rule: so many failures within a while, and the server is left alone for as long.
//!
//! **What it does.** A server that has failed `max-fails` times without `fail-timeout` having
//! passed between failures is sent nothing for `fail-timeout`, then a single request. If that
//! succeeds the server is back, else the wait begins anew. Successes between failures are not
//! counted. Each failure also takes the server's weight over `max-fails` from its effective weight,
//! which climbs back by one at each pick, where the policy is `weighted-round-robin` of nginx's
//! form.
//! **When it shines.** It costs nothing and needs no extra requests.
//! **When it fails.** With the default of one failure a single slip takes a server out for ten
//! seconds, and a burst of them takes out all (set `panic`, or more `max-fails`).
//! **Source.** nginx, `ngx_http_upstream_round_robin.c` (`max_fails`, `fail_timeout`, whose times
//! are whole seconds there).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Ejector, Records, Verdict};
use crate::diagnose::Problem;
use crate::model::ServerId;
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::{Duration, Instant};

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Failures after which a server is left alone, at least 1.
    max_fails: u32,
    /// For how long, and the silence after which failures are forgotten.
    fail_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_fails: 1, fail_timeout: Duration::from_secs(10) }
    }
}

/// nginx's own variables of a peer.
#[derive(Debug, Default)]
struct Peer {
    fails: u32,
    accessed: Instant,
    checked: Instant,
    out: bool,
}

/// The rule.
#[derive(Debug)]
pub struct MaxFails {
    config: Config,
    peers: Records<Peer>,
}

impl Variant<dyn Ejector> for MaxFails {
    const NAME: &'static str = "max-fails";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        let wrong = |key: &str| Err(Problem::about(key, format!("`{key}` must be above 0")));
        if config.max_fails == 0 {
            return wrong("max-fails").map_err(|it| it.help("leave `[health.ejection]` out"));
        }
        if config.fail_timeout == Duration::ZERO {
            return wrong("fail-timeout").map_err(|it| it.help("nginx waits for `10s`"));
        }
        Ok(())
    }

    fn build(config: &Config, (): &()) -> Result<Box<dyn Ejector>, Problem> {
        Ok(Box::new(Self { config: config.clone(), peers: Records::default() }))
    }
}

impl MaxFails {
    /// Sent nothing until just after this instant: nginx asks for more than the timeout.
    fn until(&self, checked: Instant) -> Instant {
        checked + self.config.fail_timeout + Duration(1)
    }
}

impl Ejector for MaxFails {
    fn sent(&mut self, now: Instant, server: ServerId) -> Option<Verdict> {
        let timeout = self.config.fail_timeout;
        let peer = self.peers.of(server);
        if now.since(peer.checked) > timeout {
            peer.checked = now;
        }
        // One request on trial; the next one has to wait for what becomes of it.
        let trial = peer.out;
        trial.then(|| Verdict::Eject(server, Some(self.until(now))))
    }

    fn answered(
        &mut self,
        now: Instant,
        server: ServerId,
        well: bool,
        total: u32,
        _: &mut Stream,
    ) -> Option<Verdict> {
        // nginx never leaves its only server alone.
        let most = if total == 1 { u32::MAX } else { self.config.max_fails };
        let peer = self.peers.of(server);
        if well {
            if peer.accessed < peer.checked {
                peer.fails = 0;
                return std::mem::take(&mut peer.out).then_some(Verdict::Return(server));
            }
            return None;
        }
        peer.fails = peer.fails.saturating_add(1);
        (peer.accessed, peer.checked) = (now, now);
        peer.out = peer.fails >= most;
        peer.out.then(|| Verdict::Eject(server, Some(self.until(now))))
    }

    fn weight_parts(&self) -> Option<u32> {
        Some(self.config.max_fails)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Recipe;
    use crate::rng::{Purpose, Seed};

    /// Drives the rule by hand at server 0 of `total`: each second and letter is an answer, or a
    /// request that is sent (`s`); says what the rule wants done.
    fn verdicts(spec: &str, total: u32, events: &[(u64, char)]) -> Vec<Option<Verdict>> {
        let mut rule = Recipe::<dyn Ejector>::named(spec).unwrap().build(&()).unwrap();
        let mut stream = Seed::new(1, 0).stream(Purpose::Ejection, "test");
        let mut one = |&(second, event): &(u64, char)| {
            let (now, server) = (at(second), ServerId(0));
            match event {
                's' => rule.sent(now, server),
                _ => rule.answered(now, server, event == 'S', total, &mut stream),
            }
        };
        events.iter().map(&mut one).collect()
    }

    fn at(second: u64) -> Instant {
        Instant::START + Duration::from_secs(second)
    }

    fn out(second: u64) -> Verdict {
        let after = at(second) + Duration::from_secs(10) + Duration(1);
        Verdict::Eject(ServerId(0), Some(after))
    }

    const BACK: Option<Verdict> = Some(Verdict::Return(ServerId(0)));

    #[test]
    fn one_failure_is_enough_and_one_request_tries_again() {
        let events = [(1, 'F'), (12, 's'), (13, 'F'), (24, 's'), (25, 'S'), (26, 's')];
        let out = |second| Some(out(second));
        let said = [out(1), out(12), out(13), out(24), BACK, None];
        assert_eq!(verdicts("max-fails", 2, &events), said);
    }

    #[test]
    fn failures_add_up_until_a_success_after_the_timeout_and_not_before() {
        let spec = "max-fails:max-fails=3";
        let near = [(1, 'F'), (2, 's'), (3, 'S'), (4, 'F'), (5, 'S'), (6, 'F')];
        assert_eq!(verdicts(spec, 2, &near), [None, None, None, None, None, Some(out(6))]);
        // Sent more than ten seconds after the last failure, a success forgets them.
        let far = [(1, 'F'), (2, 'F'), (13, 's'), (14, 'S'), (15, 'F'), (16, 'F')];
        assert_eq!(verdicts(spec, 2, &far), [None; 6]);
    }

    #[test]
    fn the_only_server_is_never_left_alone() {
        assert_eq!(verdicts("max-fails", 1, &[(1, 'F'), (2, 'F')]), [None, None]);
    }
}
