//! The manual pages of the tables of traffic, servers, objectives, runs and money.

use schemars::schema_for;

use super::Table;
use crate::scenario::billing::CostTable;
use crate::scenario::{BalancerTable, Pool, Run, Slo, Traffic};

/// The tables that nearly every scenario has.
pub(super) fn tables() -> Vec<Table> {
    let table = |name, manual, options| Table { name, manual, options };
    vec![
        table("traffic", TRAFFIC, schema_for!(Traffic).to_value()),
        table("pool", POOL, schema_for!(Pool).to_value()),
        table("balancer", BALANCER, schema_for!(BalancerTable).to_value()),
        table("slo", SLO, schema_for!(Slo).to_value()),
        table("run", RUN, schema_for!(Run).to_value()),
        table("cost", COST, schema_for!(CostTable).to_value()),
    ]
}

const TRAFFIC: &str = "\
A class of requests, drawn or replayed: `[traffic.NAME]`, as many as you like.

**What it does.** `arrivals` names a process (`plimsoll list arrivals`) and `service` a law of the
work of a request (`plimsoll list distribution`, or `tokens`); or `trace` names a file, whose
columns are found by their names or told by the keys below. Classes run at the same time; `priority`
tells them apart where a discipline or an admission looks at it.

**When it fails.** A trace without sizes needs a `service`; two traces of different days begin at
the same instant unless `window` says otherwise.

**Source.** Kendall's notation: the A and the B of A/B/c.
";

const POOL: &str = "\
Servers of one kind: `[pool.NAME]`, as many as you like.

**What it does.** `servers` of so many `slots` and of a `speed`, in a `zone` and a `tier`, at a
`price` an hour. With an `autoscaler` they come after `startup`, slow for `warm-up`, and leave after
`drain`; with a `lifetime` they are spot servers, reclaimed after a `notice`.

**What it costs.** A server is paid from its order until it is gone. `billing` rounds each server's
time up to its unit once the server has gone, and to the end of the run where it has not:
`per-second` (60 s at least), `per-minute`, `per-hour`, or a table. `price-changes` hold from their
instants on.

**When it fails.** `network` is the way to the servers and back: it is part of the wait.

**Source.** The c of A/B/c; on-demand and spot servers as clouds sell them.
";

const BALANCER: &str = "\
Who sends which request where, and where requests wait.

**What it does.** `policy` names the rule (`plimsoll list balancer`), whose options are keys beside
it. Requests wait at servers (`queue = \"per-server\"`) or before all of them (`shared`). Of several
`balancers` each knows its own requests only. Servers report their load every `report-interval`,
where a policy goes by it.

**When it fails.** With a shared queue the policy chooses among free servers only.

**Source.** See the page of each policy.
";

const SLO: &str = "\
An objective: `[slo.NAME]`, as many as you like.

**What it does.** `objective` is a measure, `<` and a limit: `p99 < 800ms`, `mean < 0.2s`,
`errors < 0.1%`, `utilization < 80%`. A run that misses one ends with status 1,
and with 3 where nobody can tell. With a `penalty` each hour in which a percentile is missed costs.

**When it fails.** Latency is that of requests that were answered: set one for `errors` beside it.

**Source.** Site Reliability Engineering (Beyer et al., 2016), chapter 4.
";

const RUN: &str = "\
How long, how often, how sure.

**What it does.** A run lasts for `duration`, or for `requests` of each class; drawn traffic for an
hour, a trace to its end. `warm-up` is left out. `replications` give intervals at `confidence`, and
`precision` asks for as many as make them narrow enough. A trace is replayed once as it is, and then
`resample` joins blocks of it.

**When it fails.** Intervals of a trace speak of other traffic of its kind, not of another season.

**Source.** MSER-5 (White 1997); the stationary bootstrap (Politis and Romano 1994).
";

const COST: &str = "\
What all pools together may cost.

**What it does.** `budget` is held against what is spent at each instant: the report tells how much,
for how long it was exceeded and by how much. `cheapest-mix` keeps to it, and says what it gave up.

**When it fails.** No other autoscaler looks at it; penalties of objectives are told beside it.

**Source.** Prices are those of `[pool.NAME]`.
";
