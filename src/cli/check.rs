//! `plimsoll check SCENARIO`: reads and validates, traces to their last row, and runs nothing.

use super::common::{Common, Format};
use super::{Ended, Status, print};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(args: &Args) -> Ended {
    let scenario = args.common.scenario()?;
    let understood = scenario.read_traces()?;
    let variants = scenario.variant.len();
    if variants > 0 {
        super::compare::variants(&args.common, &[])?;
    }
    if args.common.format == Format::Json {
        let resolved = serde_json::to_string_pretty(&scenario).expect("a scenario is plain data");
        print(&(resolved + "\n"))?;
        return Ok(Status::Done);
    }
    let servers: u32 = scenario.pool.values().map(|pool| pool.servers).sum();
    let plural = |count: usize, word: &str, more: &str| {
        if count == 1 { format!("1 {word}") } else { format!("{count} {more}") }
    };
    print(&format!(
        "ok: {}, {}, {} in {}, balancer {}, {}\n",
        if scenario.name.is_empty() { "a scenario" } else { &scenario.name },
        plural(scenario.traffic.len(), "class of traffic", "classes of traffic"),
        plural(servers as usize, "server", "servers"),
        plural(scenario.pool.len(), "pool", "pools"),
        scenario.balancer.policy.name,
        plural(scenario.slo.len(), "objective", "objectives")
            + &match variants {
                0 => String::new(),
                some => format!(", {}", plural(some, "variant", "variants")),
            },
    ))?;
    print(&understood.iter().map(|remark| format!("· {remark}\n")).collect::<String>())?;
    Ok(Status::Done)
}
