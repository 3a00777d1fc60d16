//! What autoscaling left behind: figures beside their bounds, decisions, servers by state.

use super::files::Folder;
use super::flat;
use super::page::{section, table};
use super::results::Results;
use super::table::{plain, right_aligned};
use super::text::{digits, grouped, percent, time};
use crate::diagnose::Problem;
use crate::outcome::{Autoscaling, Comparison, Decided, Estimated, Outcome};
use crate::scale::elasticity::Elasticity;

/// The key figures of each pool that was scaled, beside their bounds.
pub(super) fn lines(scaled: &[Autoscaling], width: u16) -> String {
    let mut shown = String::new();
    for pool in scaled {
        let mut table = plain(width);
        facts(pool).into_iter().for_each(|(name, value)| {
            table.add_row([name.to_owned(), value]);
        });
        shown.push_str(&format!("\n{}\n", table.trim_fmt()));
    }
    shown
}

/// What became of a pool, a line each.
fn facts(pool: &Autoscaling) -> Vec<(&'static str, String)> {
    let mut facts = vec![("autoscaler", format!("{} on pool {}", pool.policy, pool.pool))];
    let mut fact = |name: &'static str, value: String| facts.push((name, value));
    let starts = percent(pool.startup_hours / pool.server_hours.max(f64::MIN_POSITIVE));
    fact("server-hours", format!("{} ({starts} starting)", digits(pool.server_hours)));
    if let Some(bounds) = &pool.bounds {
        let above = pool.above_ideal.map_or(String::new(), |share| {
            let side = if share < 0.0 { "below" } else { "above" };
            format!(" ({} {side} it)", percent(share.abs()))
        });
        fact("ideal", format!("{} server-hours{above}", digits(bounds.ideal_server_hours)));
        let (servers, hours) = (bounds.static_peak_servers, digits(bounds.static_peak_hours));
        fact("static peak", format!("{hours} server-hours ({servers} servers)"));
    }
    let failed = match pool.failed_starts {
        0 => String::new(),
        starts => format!(", {} failed starts", grouped(starts)),
    };
    let (ordered, released) = (pool.ordered, pool.released);
    fact("actions", format!("{} ({ordered} ordered, {released} gone{failed})", pool.actions));
    if let Some(it) = &pool.elasticity {
        let share = |percentage: f64| percent(percentage / 100.0);
        let (under, over) = (share(it.under_time_percent), share(it.over_time_percent));
        fact("too few, too many", format!("{under}, {over} of the time"));
        let (missing, idle) = (share(it.under_percent), share(it.over_percent));
        fact("missing, idle", format!("{missing}, {idle} of demand"));
        let (supply, demand) = (it.supply_changes, it.demand_changes);
        let jitter = digits(it.jitter_per_s * 3600.0);
        fact(
            "jitter",
            format!("{jitter} an hour (supply changed {supply} times, demand {demand})"),
        );
        fact("instability", format!("{} of steps", share(it.instability_percent)));
    }
    if let Some(share) = pool.violated_share {
        fact("violated", format!("{} of the intervals", percent(share)));
    }
    facts
}

/// The decisions that a page shows; all of them stand in `decisions.csv`.
const SHOWN: usize = 200;

/// The autoscalers on a page: what became of each, and its decision log.
pub(super) fn page(results: &Results) -> String {
    let scaled: Vec<Autoscaling> =
        serde_json::from_value(results.at("autoscaling").clone()).unwrap_or_default();
    let words = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect::<Vec<String>>();
    let body: String = scaled
        .iter()
        .map(|pool| {
            let facts = facts(pool).into_iter().map(|(name, value)| vec![name.to_owned(), value]);
            let facts: Vec<Vec<String>> = facts.collect();
            let caption = format!("The autoscaler of pool {}", pool.pool);
            let head =
                ["at", "serving", "starting", "draining", "in system", "utilization", "rate"];
            let head = words(&[&head[..], &["wanted", "why", "set", "the guard"]].concat());
            let rows: Vec<Vec<String>> = pool.decisions.iter().take(SHOWN).map(row).collect();
            let shown = match pool.decisions.len() {
                all if all > SHOWN => format!("the first {SHOWN} of {}", grouped(all as u64)),
                _ => "all of them".to_owned(),
            };
            let log = table(&format!("Decisions that wanted a change, {shown}"), &head, &rows);
            let log = if rows.is_empty() { String::new() } else { log };
            table(&caption, &words(&["", ""]), &facts) + &log
        })
        .collect();
    section("scaling", "Autoscaling", &body)
}

fn row(decision: &Decided) -> Vec<String> {
    let dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    vec![
        time(decision.at_s),
        decision.ready.to_string(),
        decision.starting.to_string(),
        decision.draining.to_string(),
        decision.in_system.to_string(),
        dash(decision.utilization.map(percent)),
        dash(decision.rate.map(|rate| format!("{} /s", digits(rate)))),
        decision.proposed.to_string(),
        decision.why.clone(),
        decision.allowed.to_string(),
        decision.verdict.clone(),
    ]
}

/// What autoscalers are held against each other by.
const COMPARED: [&str; 9] = [
    "scaling",
    "p99",
    "violated",
    "server-hours",
    "cost",
    "above ideal",
    "too few",
    "too many",
    "actions",
];

/// The autoscalers of a comparison, a row a variant; none where nothing was scaled. Latency, hours
/// and cost are estimates, whose intervals stand elsewhere; the others are of the first replication.
fn compared_rows(comparison: &Comparison) -> Vec<Vec<String>> {
    let scaled = comparison.variants.iter().any(|one| !one.autoscaling.is_empty());
    let dash = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    let row = |outcome: &Estimated| {
        // Of several pools none has a demand of its own.
        let pool = match outcome.autoscaling.as_slice() {
            [pool] => Some(pool),
            _ => None,
        };
        let share = |of: fn(&Elasticity) -> f64| {
            dash(pool.and_then(|pool| Some(percent(of(pool.elasticity.as_ref()?) / 100.0))))
        };
        vec![
            outcome.name.clone(),
            dash(outcome.latency_s.p99.estimate.map(time)),
            dash(pool.and_then(|pool| pool.violated_share).map(percent)),
            dash(outcome.servers.hours.estimate.map(digits)),
            dash(outcome.cost.total.estimate.map(digits)),
            dash(pool.and_then(|pool| pool.above_ideal).map(percent)),
            share(|it| it.under_time_percent),
            share(|it| it.over_time_percent),
            dash(pool.map(|pool| grouped(pool.actions.into()))),
        ]
    };
    comparison.variants.iter().filter(|_| scaled).map(row).collect()
}

/// The autoscalers of a comparison beside each other, for the terminal.
pub(super) fn compared(comparison: &Comparison, width: u16) -> String {
    let rows = compared_rows(comparison);
    if rows.is_empty() {
        return String::new();
    }
    let mut table = plain(width);
    table.set_header(COMPARED);
    table.add_rows(rows);
    right_aligned(&mut table);
    table.trim_fmt() + "\n\n"
}

/// The same for a page.
pub(super) fn compared_page(comparison: &Comparison) -> String {
    let rows = compared_rows(comparison);
    if rows.is_empty() {
        return String::new();
    }
    let head: Vec<String> = COMPARED.iter().map(|&word| word.to_owned()).collect();
    section("scaling", "Autoscaling", &table("A row a variant", &head, &rows))
}

/// `decisions.csv`, `fleet.csv` and what policies have learnt, for each pool that was scaled.
pub(super) fn write<N, M>(folder: &Folder, outcome: &Outcome<N, M>) -> Result<(), Problem> {
    for pool in &outcome.autoscaling {
        let several = outcome.autoscaling.len() > 1;
        let name = |stem: &str, ending: &str| {
            let pool = if several { format!("-{}", pool.pool) } else { String::new() };
            format!("{stem}{pool}.{ending}")
        };
        folder.write(&name("decisions", "csv"), flat::csv(&pool.decisions))?;
        folder.write(&name("fleet", "csv"), flat::csv(&pool.timeline))?;
        if let Some(memory) = &pool.memory {
            folder.write(&name("policy", "json"), memory)?;
        }
    }
    Ok(())
}
