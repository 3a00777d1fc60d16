//! The manual pages of the tables of failures and protection, which are no parts found by name.

use serde_json::Value;

use super::Table;
use crate::scenario::failure::Failure;
use crate::scenario::resilience::{Breaker, Checks, Health, Hedge, Retry, SlowStart, Timeouts};

/// The tables of failures and of what is done about them.
pub(super) fn tables() -> Vec<Table> {
    let table = |name, manual, options| Table { name, manual, options };
    vec![
        table("failure", FAILURE, Failure::keys()),
        table("health", HEALTH, schemars::schema_for!(Health).to_value()),
        table("health.checks", CHECKS, schemars::schema_for!(Checks).to_value()),
        table("health.ejection", EJECTION, Value::Null),
        table("health.slow-start", SLOW_START, schemars::schema_for!(SlowStart).to_value()),
        table("timeouts", TIMEOUTS, schemars::schema_for!(Timeouts).to_value()),
        table("retry", RETRY, schemars::schema_for!(Retry).to_value()),
        table("hedge", HEDGE, schemars::schema_for!(Hedge).to_value()),
        table("breaker", BREAKER, schemars::schema_for!(Breaker).to_value()),
        table("admission", ADMISSION, Value::Null),
    ]
}

const FAILURE: &str = "\
What goes wrong, when, and with whom: `[failure.NAME]`, as many as you like.

**What it does.** `fault` names what happens to a server: `outage`, `slow` or `errors`, whose
options are keys beside these. It comes at a stated time (`at` with `lasts` or `until`, again with
`every`) or at random (`up` and `down` are laws: the time to the next failure, and to its repair),
to all servers of a `pool` or a `zone`, or to some of its `servers` by their places from 0.

**When it shines.** A dying server, a rolling restart, a lost zone, breakdowns with a known MTBF
(the mean of `up` plus that of `down`) and MTTR (the mean of `down`).

**When it fails.** Failures that load brings about: those are timeouts and full queues, and need no
`[failure]`.

**Source.** Cristian 1991; Avi-Itzhak and Naor 1963; Dean and Barroso 2013.
";

const HEALTH: &str = "\
How balancers find out whom to send to.

**What it does.** A server is taken out when its active checks fail (`[health.checks]`), when its
answers are bad (`[health.ejection]`), or at once where `known-at-once` is set, which no real system
can. With `panic` above 0 all servers of a priority are used again when fewer than that share of
them are trusted and the priorities together cannot take the traffic. `[health.slow-start]` gives a
server that is back few turns at first.

**When it fails.** All balancers share one view of health and one ejector; checks cost nothing and
are not slowed by load.

**Source.** HAProxy, Envoy, nginx, Finagle; `plimsoll list ejection`.
";

const CHECKS: &str = "\
Active checks: each server is asked at intervals, and believed after several equal answers.

**What it does.** A server that was up is down after `fall` bad answers in a row, and up again after
`rise` good ones: an outage is found out after (fall − 1) to fall intervals, and one in which the
server hangs after a `timeout` more. The checks of several servers are spread over the interval;
where in it they begin is drawn anew in each replication.

**When it shines.** Servers that die or hang, whoever asks them.

**When it fails.** Servers that are slow or err now and then: their checks pass. A `timeout` above
`interval` is refused: real checkers put the next check off until the last has ended.

**Source.** HAProxy's counter and defaults (`inter 2s rise 2 fall 3`).
";

const EJECTION: &str = "\
Passive ejection: servers are taken out by what becomes of the requests they are sent.

**What it does.** `policy` names the rule: `outlier-detection` (Envoy), `max-fails` (nginx) or
`failure-accrual` (Finagle, Linkerd); `plimsoll explain outlier-detection` tells its options.
Errors, refusals and timeouts of attempts count as bad answers. One ejector is shared by all
balancers of the scenario: what one of them has seen, all know, as behind one proxy or in nginx's
shared zone. 
**When it fails.** Envoy's default `max-ejected` of 10 % ejects none of fewer than ten servers,
eight for example, unless `always-one = true`; a run in which that happens says so.

**Source.** Envoy's outlier detection, nginx's `max_fails`, Finagle's failure accrual.
";

const SLOW_START: &str = "\
A server that is back begins slowly.

**What it does.** For the length of `window` the server has only a share of its turns, which grows
from `from` (0.1) as (time / window) to the power of 1 / `aggression`.

**When it shines.** Cold caches and cold code, which full load at once would bring down again.

**When it fails.** Servers that joined by scaling have `warm-up` for it instead.

**Source.** Envoy's `slow_start_config`.
";

const TIMEOUTS: &str = "\
How long anybody waits for an answer.

**What it does.** `request` ends a request, retries and all: the client is gone. `attempt` ends an
attempt, after which there may be a retry. Neither is set by default: clients wait for ever. With
`abandoned = \"served\"`, the default, servers know nothing of it and serve what nobody waits for;
with `cancelled` they drop it. A request that its client left counts as waiting until its service
began, and as in service from then on.

**When it shines.** `abandoned` decides whether an overload outlives its cause.

**When it fails.** `balancer.queue-timeout` is another thing: who waits in a queue for too long is
refused before anything is spent on it.

**Source.** gRPC deadlines; Envoy's `timeout` and `per_try_timeout`.
";

const RETRY: &str = "\
When a request is sent again.

**What it does.** After an attempt that ended as `on` says (by default it failed, was rejected or
timed out), there is another one, up to `attempts` in all (2 by default), after a `backoff`, to
another server where `elsewhere` is true and there is one. `budget` bounds retries and hedges; one
budget is shared by all balancers. Each wait is drawn by the number of its request, so that what
other requests do changes nothing of it.

**When it shines.** Failures of single servers: nothing is lost that another one could serve.

**When it fails.** Retries are load: without a budget a short outage may become an overload that
outlives it. `attempts = \"unlimited\"` with neither `timeouts.request` nor a budget goes on until
a day after the end of traffic, and the run says so.

**Source.** Envoy (1 retry, full jitter from 25 ms), gRPC (A6), Finagle's budget; `plimsoll list
budget`, `plimsoll list backoff`.
";

const HEDGE: &str = "\
When a request is sent once more beside itself.

**What it does.** While there is no answer the next copy is sent `delay` after the last one, or at
once when one fails, each to a server that has none, up to `copies` in all. The first answer counts;
with `cancel` the others are taken back. `demand = \"own\"` draws each copy a demand of its own:
what takes time is then the server's state and not the request. Copies pay from `retry.budget`.

**When it shines.** A tail that comes of single slow servers: a `delay` at the 95th percentile of
latency adds 5 % to the load.

**When it fails.** A busy fleet: `delay = \"0s\"` doubles its load. That is plain overload and not a
metastable state: it goes with its cause.

**Source.** Dean and Barroso, \"The tail at scale\", 2013; gRPC (A6), whose delay is 500 ms here.
";

const BREAKER: &str = "\
A circuit breaker at each balancer: when too many attempts fail, nobody is let through for a while.

**What it does.** When a share of `failures` (0.5) of the last `window` (100) attempts, of which
there are at least `least` (20), have failed, all requests, retries and copies are shed for
`open-for` (5 s). Then `trials` (10) attempts are let through: it opens again if that share of
them fails, and closes if not. Each balancer has a breaker of its own.

**When it shines.** A service that is down as a whole: clients learn it at once.

**When it fails.** One bad server among many: it sheds what the others could serve. See
`health.ejection`.

**Source.** Nygard, \"Release It!\", 2007; the sliding window of calls of resilience4j.
";

const ADMISSION: &str = "\
Who is let in at all.

**What it does.** `policy` names the rule: `token-bucket` (so many requests a second) or
`concurrency-limit` (so many in the system, low priorities first to be shed). What is not let in is
shed at once, costs nothing and earns no retries.

**When it shines.** More requests than the fleet can serve: those that are let in are served well.

**When it fails.** The default `burst` of the token bucket is 1, which evens nothing out: of Poisson
requests at just its rate half are shed. Allow for a second's worth.

**Source.** Envoy's local rate limit and `max_requests`; DAGOR (Zhou et al., 2018) for priorities.
";
