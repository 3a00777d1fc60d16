//! What failures left behind, as lines of a table and as files.

use serde::Deserialize as _;

use super::files::Folder;
use super::flat;
use super::page::{section, table};
use super::results::Results;
use super::table::{listed, plain, stacked};
use super::text::{digits, estimate, grouped, percent, time};
use crate::diagnose::Problem;
use crate::outcome::{Class, Estimated, Outcome, Recovery, Requests, Resilience};

/// The key figures of failures for the terminal.
pub(super) fn lines(found: &Resilience, requests: &Requests, width: u16) -> String {
    let facts = facts(found, requests);
    if facts.is_empty() {
        return String::new();
    }
    let mut table = plain(width);
    table.add_rows(facts);
    let mut shown = format!("\n{}\n", table.trim_fmt());
    if let Some((head, rows)) = classes(found) {
        shown.push_str(&format!("\n{}\n", stacked(&head, &rows, width)));
    }
    shown
}

/// A row a class of traffic, where there are several.
fn classes(found: &Resilience) -> Option<(Vec<String>, Vec<Vec<String>>)> {
    let head = ["", "arrived", "answered", "not let in", "other errors", "mean", "p50", "p99"];
    let row = |class: &Class| {
        let seconds = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), time);
        let counts = [class.arrived, class.completed, class.shed, class.errors - class.shed];
        let latency = &class.latency_s;
        let spans = [latency.mean, latency.p50, latency.p99].map(seconds);
        let name = std::iter::once(class.name.clone());
        name.chain(counts.map(grouped)).chain(spans).collect()
    };
    let rows: Vec<Vec<String>> = found.classes.iter().map(row).collect();
    (rows.len() > 1).then(|| (head.map(str::to_owned).to_vec(), rows))
}

/// The classes of results as they are stored.
pub(super) fn classes_of(results: &Results) -> Option<(Vec<String>, Vec<Vec<String>>)> {
    classes(&Resilience::deserialize(results.at("resilience")).ok()?)
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
    let mut tables = table("What failed, and what was done about it", &head, &rows);
    if let Some((head, rows)) = classes_of(results) {
        tables.push_str(&table("What became of each class of traffic", &head, &rows));
    }
    section("failures", "Failures", &tables)
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
        let by = [
            (found.denied - found.denied_by_circuit.min(found.denied), "the budget"),
            (found.denied_by_circuit, "an open circuit"),
        ];
        let told = by.into_iter().filter(|(count, _)| *count > 0);
        let told = told.map(|(count, who)| format!(", {} denied by {who}", grouped(count)));
        let denied = told.collect::<String>();
        if requests.retried > 0 {
            fact("retried", format!("{}{each}{denied}", grouped(requests.retried)));
        }
        if requests.hedged > 0 {
            let won = grouped(found.hedges_won);
            let tail = if requests.retried > 0 { String::new() } else { each + &denied };
            fact("hedged", format!("{}, {won} answered first{tail}", grouped(requests.hedged)));
        }
    }
    // Two outages at once put a server out once.
    if found.faults > found.outages {
        fact("faults", format!("{} came over servers", grouped(found.faults)));
    }
    if found.outages > 0 {
        let gone = [(requests.lost, "lost"), (requests.returned, "returned")];
        let told = gone.into_iter().filter(|(count, _)| *count > 0);
        let told = told.map(|(count, what)| format!(", {} requests {what}", grouped(count)));
        fact("outages", format!("{}{}", grouped(found.outages), told.collect::<String>()));
    }
    if found.circuits_opened > 0 {
        let times = if found.circuits_opened == 1 { "time" } else { "times" };
        fact("circuit", format!("opened {} {times}", grouped(found.circuits_opened)));
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
    for (what, of) in BACK {
        if let Some(recovery) = of(found) {
            fact(what, back(recovery));
        }
    }
    if let Some(share) = found.wasted_share.filter(|share| *share >= 0.000_5) {
        fact("work in vain", format!("{} of busy slot time", percent(share)));
    }
    if !found.incidents.is_empty() && found.happened > found.incidents.len() as u64 {
        let shown = grouped(found.incidents.len() as u64);
        fact(
            "incidents",
            format!("{}, of which the first {shown} are listed", grouped(found.happened)),
        );
    }
    facts
}

/// What came back: few errors may hide a queue that still grows.
type Back = (&'static str, fn(&Resilience) -> Option<&Recovery>);
const BACK: [Back; 2] = [
    ("errors back", |found| found.recovery.as_ref()),
    ("latency back", |found| found.latency_recovery.as_ref()),
];

/// When it was again as before the first fault.
fn back(recovery: &Recovery) -> String {
    let Recovery { after_s, worst_s, runs, recovered, .. } = *recovery;
    let told = |after: f64| match after {
        0.0 => "by the time the last fault had gone".to_owned(),
        after => format!("{} after the last fault had gone", time(after)),
    };
    if runs <= 1 {
        return after_s.map_or("not before the end".to_owned(), told);
    }
    let median = |words: &str| match (after_s, worst_s) {
        (Some(after), Some(worst)) if after == worst => told(after),
        (Some(after), Some(worst)) => {
            format!("{}{words}, {} at worst", told(after), time(worst))
        }
        (Some(after), None) => format!("{}{words}", told(after)),
        (None, _) => String::new(),
    };
    match (recovered, after_s) {
        (0, _) => format!("in none of {runs} replications before the end"),
        (all, _) if all == runs => median(" (median)"),
        (some, Some(_)) => format!("in {some} of {runs} replications: {}", median(" (median)")),
        (some, None) => format!("in {some} of {runs} replications before the end"),
    }
}

/// What failures did to each variant of a comparison, and when it was back, for the terminal.
pub(super) fn compared(variants: &[Estimated], width: u16) -> String {
    let Some((head, rows)) = compared_table(variants) else { return String::new() };
    let mut shown = format!("{}\n\n", stacked(&head, &rows, width));
    for (what, rows) in recovered(variants) {
        let all: Vec<String> = rows.into_iter().map(|one| one.join(" ")).collect();
        shown.push_str(&(listed(&format!("{what}:"), &all, width) + "\n\n"));
    }
    shown
}

/// Goodput, errors and repeats of each variant, where something may fail in any of them.
pub(super) fn compared_table(variants: &[Estimated]) -> Option<(Vec<String>, Vec<Vec<String>>)> {
    let any = variants.iter().any(|it| {
        it.resilience.as_ref().is_some_and(|found| found.first_fault_s.is_some())
            || it.requests.errors() + it.requests.retried + it.requests.hedged > 0
    });
    if !any || variants.iter().all(|it| it.resilience.is_none()) {
        return None;
    }
    let mut head = vec!["", "goodput", "attempts each", "in vain"];
    let again = |of: fn(&Requests) -> u64| variants.iter().any(|it| of(&it.requests) > 0);
    let (retried, hedged) = (again(|it| it.retried), again(|it| it.hedged));
    head.extend(retried.then_some("retries").into_iter().chain(hedged.then_some("copies")));
    let dash = || "–".to_owned();
    let row = |it: &Estimated| {
        let found = it.resilience.as_ref();
        let mut cells = vec![
            it.name.clone(),
            estimate(&it.throughput, |rate| format!("{} /s", digits(rate))),
            found.and_then(|it| it.attempts_per_request).map_or_else(dash, digits),
            found.and_then(|it| it.wasted_share).map_or_else(dash, percent),
        ];
        cells.extend(retried.then(|| grouped(it.requests.retried)));
        cells.extend(hedged.then(|| grouped(it.requests.hedged)));
        cells
    };
    let head = head.into_iter().map(str::to_owned).collect();
    Some((head, variants.iter().map(row).collect()))
}

/// The same for a page.
pub(super) fn compared_page(variants: &[Estimated]) -> String {
    let Some((mut head, mut rows)) = compared_table(variants) else { return String::new() };
    for (what, told) in recovered(variants) {
        head.push(what.to_owned());
        for row in &mut rows {
            let own = told.iter().find(|[name, _]| *name == row[0]);
            row.push(own.map_or_else(|| "–".to_owned(), |[_, back]| back.clone()));
        }
    }
    let caption = "A row a variant; goodput is what is answered, the copies and retries are counts";
    section("failures", "Failures", &table(caption, &head, &rows))
}

/// What came back, and for the variants in which it had gone their names and when.
pub(super) fn recovered(variants: &[Estimated]) -> Vec<(&'static str, Vec<[String; 2]>)> {
    let rows = |(what, of): Back| {
        let one = |outcome: &Estimated| {
            let recovery = of(outcome.resilience.as_ref()?)?;
            Some([outcome.name.clone(), back(recovery)])
        };
        (what, variants.iter().filter_map(one).collect::<Vec<_>>())
    };
    BACK.into_iter().map(rows).filter(|(_, rows)| !rows.is_empty()).collect()
}

/// `incidents.csv` and `resilience.csv`: the log, and requests, attempts and servers over time.
pub(super) fn write<N, M>(folder: &Folder, outcome: &Outcome<N, M>) -> Result<(), Problem> {
    let Some(found) = &outcome.resilience else { return Ok(()) };
    folder.write("incidents.csv", flat::csv(&found.incidents))?;
    folder.write("resilience.csv", flat::csv(&found.timeline))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_that_are_no_outages_have_a_line_of_their_own() {
        let told = |faults, outages| {
            let found = Resilience { faults, outages, ..Resilience::default() };
            facts(&found, &Requests::default()).into_iter().find(|[name, _]| name == "faults")
        };
        assert_eq!(told(3, 0).unwrap()[1], "3 came over servers");
        assert_eq!(told(3, 2).unwrap()[1], "3 came over servers", "one of them no outage");
        assert_eq!(told(2, 2), None, "the line of outages says it all");
    }
}
