//! What failures left behind, as lines of a table and as files.

use serde::Deserialize as _;

use super::files::Folder;
use super::flat;
use super::page::{section, table};
use super::results::Results;
use super::table::plain;
use super::text::{digits, grouped, percent, time};
use crate::diagnose::Problem;
use crate::outcome::{Estimated, Outcome, Recovery, Requests, Resilience};

/// The key figures of failures for the terminal.
pub(super) fn lines(found: &Resilience, requests: &Requests, width: u16) -> String {
    let facts = facts(found, requests);
    if facts.is_empty() {
        return String::new();
    }
    let mut table = plain(width);
    table.add_rows(facts);
    format!("\n{}\n", table.trim_fmt())
}

/// The same, name and value, of results as they are stored.
pub(super) fn of_results(results: &Results) -> Vec<[String; 2]> {
    let found = Resilience::deserialize(results.at("resilience"));
    let requests = Requests::deserialize(results.at("requests"));
    let (Ok(found), Ok(requests)) = (found, requests) else { return Vec::new() };
    facts(&found, &requests)
}

/// The same for a page.
pub(super) fn page(results: &Results) -> String {
    let rows: Vec<Vec<String>> = of_results(results).into_iter().map(Vec::from).collect();
    if rows.is_empty() {
        return String::new();
    }
    let head = [String::new(), String::new()];
    section("failures", "Failures", &table("What failed, and what was done about it", &head, &rows))
}

/// The key figures of failures and of what was done about them; those that are nought are left out.
fn facts(found: &Resilience, requests: &Requests) -> Vec<[String; 2]> {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push([name.to_owned(), value]);
    let again = requests.retried + requests.hedged;
    if again > 0 {
        let each = found.attempts_per_request.map_or(String::new(), |attempts| {
            format!(" ({} attempts a request)", digits(attempts))
        });
        let denied = if found.denied > 0 {
            format!(", {} denied by the budget", grouped(found.denied))
        } else {
            String::new()
        };
        if requests.retried > 0 {
            fact("retried", format!("{}{each}{denied}", grouped(requests.retried)));
        }
        if requests.hedged > 0 {
            let won = grouped(found.hedges_won);
            let tail = if requests.retried > 0 { String::new() } else { each + &denied };
            fact("hedged", format!("{}, {won} answered first{tail}", grouped(requests.hedged)));
        }
    }
    if found.outages > 0 {
        let gone = [(requests.lost, "lost"), (requests.returned, "returned")];
        let told = gone.into_iter().filter(|(count, _)| *count > 0);
        let told = told.map(|(count, what)| format!(", {} requests {what}", grouped(count)));
        fact("outages", format!("{}{}", grouped(found.outages), told.collect::<String>()));
    }
    if let Some(detection) = found.detection_s {
        let span = if detection.count > 1 {
            format!("{} ({} to {})", time(detection.mean), time(detection.min), time(detection.max))
        } else {
            time(detection.mean)
        };
        fact("found out after", span);
    }
    if found.ejected + found.marked_down > 0 {
        let (down, out) = (grouped(found.marked_down), grouped(found.ejected));
        let back = grouped(found.readmitted);
        fact("taken out", format!("{down} marked down, {out} ejected; {back} back"));
    }
    if let Some(recovery) = &found.recovery {
        fact("recovered", back(recovery));
    }
    if let Some(share) = found.wasted_share.filter(|share| *share >= 0.000_5) {
        fact("work in vain", format!("{} of busy slot time", percent(share)));
    }
    facts
}

/// When nine tenths were answered again.
fn back(recovery: &Recovery) -> String {
    match recovery.after_s {
        Some(0.0) => "before the last fault had gone".to_owned(),
        Some(after) => format!("{} after the last fault had gone", time(after)),
        None => "not before the end".to_owned(),
    }
}

/// When each variant of a comparison was back, where faults had gone before the end.
pub(super) fn recoveries(variants: &[Estimated]) -> String {
    let all: Vec<String> = recovered(variants).into_iter().map(|one| one.join(" ")).collect();
    if all.is_empty() { String::new() } else { format!("recovered: {}\n\n", all.join(" · ")) }
}

/// The name of each variant, and when it was back.
pub(super) fn recovered(variants: &[Estimated]) -> Vec<[String; 2]> {
    let one = |outcome: &Estimated| {
        let recovery = outcome.resilience.as_ref()?.recovery.as_ref()?;
        Some([outcome.name.clone(), back(recovery)])
    };
    variants.iter().filter_map(one).collect()
}

/// `incidents.csv` and `resilience.csv`: the log, and requests, attempts and servers over time.
pub(super) fn write<N, M>(folder: &Folder, outcome: &Outcome<N, M>) -> Result<(), Problem> {
    let Some(found) = &outcome.resilience else { return Ok(()) };
    folder.write("incidents.csv", flat::csv(&found.incidents))?;
    folder.write("resilience.csv", flat::csv(&found.timeline))
}
