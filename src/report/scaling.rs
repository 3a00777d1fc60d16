//! What autoscaling left behind, as tables: decisions and servers by state.

use super::files::Folder;
use super::flat;
use super::table::plain;
use super::text::{digits, percent};
use crate::diagnose::Problem;
use crate::outcome::{Autoscaling, Outcome};

/// The key figures of each pool that was scaled, beside their bounds.
pub(super) fn lines(scaled: &[Autoscaling], width: u16) -> String {
    let mut shown = String::new();
    for pool in scaled {
        let mut table = plain(width);
        let mut fact = |name: &str, value: String| {
            table.add_row([name.to_owned(), value]);
        };
        fact("autoscaler", format!("{} on pool {}", pool.policy, pool.pool));
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
        fact(
            "actions",
            format!("{} ({} ordered, {} gone)", pool.actions, pool.ordered, pool.released),
        );
        if let Some(it) = &pool.elasticity {
            let (under, over) = (it.under_time_percent / 100.0, it.over_time_percent / 100.0);
            fact("too few, too many", format!("{}, {} of the time", percent(under), percent(over)));
        }
        if let Some(share) = pool.violated_share {
            fact("violated", format!("{} of the intervals", percent(share)));
        }
        shown.push_str(&format!("\n{}\n", table.trim_fmt()));
    }
    shown
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
