//! Several results side by side: one table, and one page with what sets them apart.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::chart::{self, Chart, escape};
use super::choice;
use super::files::Folder;
use super::json::json;
use super::page::{bullets, drawn, fill, section, table, troubles};
use super::reading::{Kept, Provenance, Reader};
use super::results::{Histograms, Results};
use super::words::{self, Goal, MEASURES};
use crate::diagnose::Problem;
use crate::outcome::{Comparison, Estimated};

/// The runs of `plimsoll report A B --out DIR`, from which they are drawn again.
pub(super) const RUNS: Kept =
    Kept { file: "runs.json", schema: "plimsoll.runs/1", writes: "report A B" };

/// What `runs.json` holds.
#[derive(Serialize, Deserialize)]
struct Beside {
    schema: String,
    version: String,
    runs: Vec<Run>,
}

/// One of them: what is drawn of a run beside others.
#[derive(Serialize, Deserialize)]
struct Run {
    name: String,
    command: String,
    troubles: Vec<String>,
    outcome: Value,
    histograms: Option<Histograms>,
}

/// Writes runs so that they can be drawn again.
pub(super) fn write(runs: &[(String, Results)], folder: &Folder) -> Result<(), Problem> {
    let run = |(name, run): &(String, Results)| Run {
        name: name.clone(),
        command: run.command.clone(),
        troubles: run.troubles.clone(),
        outcome: run.outcome.clone(),
        histograms: run.histograms.clone(),
    };
    let (schema, version) = (RUNS.schema.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let runs = runs.iter().map(run).collect();
    folder.write(RUNS.file, json(&Beside { schema, version, runs }))
}

/// Reads them.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Vec<(String, Results)>, Problem> {
    let Beside { runs, .. } = reader.whole(RUNS)?;
    let run = |run: Run| {
        let Run { name, command, troubles, outcome, histograms } = run;
        (name, Results { outcome, histograms, command, troubles, ..Results::default() })
    };
    let mut runs: Vec<(String, Results)> = runs.into_iter().map(run).collect();
    let Some((_, first)) = runs.first_mut() else {
        return Err(reader.wrong(RUNS, "holds no runs"));
    };
    // What is wrong with the file that holds them all stands on their page once.
    first.troubles.extend_from_slice(&reader.from.troubles);
    Ok(runs)
}

/// Gives each run a name of its own: with a number where two are the same.
pub fn named(runs: Vec<(String, Results)>) -> Vec<(String, Results)> {
    let mut named: Vec<(String, Results)> = Vec::new();
    for (own, results) in runs {
        let name = own.clone();
        let taken = |name: &str| named.iter().any(|(known, _)| known == name);
        let mut number = 1;
        let mut name = name;
        while taken(&name) {
            number += 1;
            name = format!("{own} ({number})");
        }
        named.push((name, results));
    }
    named
}

/// The measures of all runs: a header, and a row a measure that any of them has.
pub fn rows(runs: &[(String, Results)]) -> (Vec<String>, Vec<Vec<String>>) {
    let header = [String::new()].into_iter().chain(runs.iter().map(|(name, _)| name.clone()));
    let mixed = currencies(runs).len() > 1;
    let row = |measure: &words::Measure| {
        let numbers: Vec<_> = runs.iter().map(|(_, run)| measure.of(run)).collect();
        let any = numbers.iter().flatten().any(|number| number.estimate != 0.0);
        let told = numbers.into_iter().zip(runs).map(|(number, (_, run))| {
            let paid = mixed && measure.path.starts_with("cost.") && number.is_some();
            let currency = if paid { format!(" {}", run.currency()) } else { String::new() };
            words::tell(number, measure.kind) + &currency
        });
        any.then(|| [measure.name.to_owned()].into_iter().chain(told).collect())
    };
    let mut rows: Vec<Vec<String>> = MEASURES.iter().filter_map(row).collect();
    let goals = |results: &Results| -> Vec<Goal> {
        results.list("slo").iter().filter_map(Goal::of).collect()
    };
    let mut all: Vec<Goal> = Vec::new();
    for goal in runs.iter().flat_map(|(_, run)| goals(run)) {
        if !all.iter().any(|known| known.objective == goal.objective) {
            all.push(goal);
        }
    }
    for goal in all {
        let told = |(_, run): &(String, Results)| {
            let same = goals(run).into_iter().find(|other| other.objective == goal.objective);
            same.map_or("–".to_owned(), |goal| format!("{} {}", goal.sign(), goal.value))
        };
        rows.push([goal.objective.clone()].into_iter().chain(runs.iter().map(told)).collect());
    }
    (header.collect(), rows)
}

/// The currencies that servers are paid in; of runs without prices none.
fn currencies(runs: &[(String, Results)]) -> Vec<String> {
    let priced = |run: &&(String, Results)| {
        run.1.number("cost.total").is_some_and(|total| total.estimate != 0.0)
    };
    let mut all: Vec<String> = runs.iter().filter(priced).map(|(_, run)| run.currency()).collect();
    all.sort();
    all.dedup();
    all
}

/// Whether the runs were of the same requests, and are paid in one currency.
fn pairing(runs: &[(String, Results)]) -> String {
    let same = same_requests(runs);
    match currencies(runs).as_slice() {
        all @ [_, _, ..] => {
            let all = all.join(" and ");
            format!("{same} They are paid in {all}: amounts are not comparable.")
        }
        _ => same.to_owned(),
    }
}

fn same_requests(runs: &[(String, Results)]) -> &'static str {
    let print = |results: &Results| results.text("workload_fingerprint").map(str::to_owned);
    let mut prints = runs.iter().map(|(_, results)| print(results));
    let first = prints.next().flatten();
    if first.is_some() && prints.all(|print| print == first) {
        "All runs had exactly the same requests."
    } else {
        "The runs had different requests: what differs between them may be the traffic."
    }
}

/// The variants of a comparison as results: numbers, but neither timelines nor distributions.
pub fn of_comparison(comparison: &Comparison) -> Vec<(String, Results)> {
    let results = |variant: &Estimated| Results::of_numbers(variant, String::new());
    let variants = comparison.variants.iter();
    variants.map(|variant| (variant.name.clone(), results(variant))).collect()
}

/// The page of a comparison: what was found first, then what sets the variants apart.
pub fn comparison_page(comparison: &Comparison, from: &Provenance) -> String {
    let mut runs = of_comparison(comparison);
    if let Some((_, first)) = runs.first_mut() {
        first.command.clone_from(&from.command);
    }
    let mut charts: Vec<Chart> = chart::of_comparison(comparison).into_iter().collect();
    charts.extend(chart::of_several(&runs));
    let findings = section("found", "What was found", &bullets(&comparison.findings));
    let advice = section("advice", "What you should know", &bullets(&comparison.advice));
    let scaling = super::scaling::compared_page(comparison)
        + &super::resilience::compared_page(&comparison.variants);
    let title = Some(comparison.name.clone()).filter(|name| !name.is_empty());
    let title = title.unwrap_or_else(|| names(&runs));
    let verdict = choice::answer(comparison);
    let said = &from.troubles;
    assemble(&runs, &charts, (&title, &verdict), said, [&findings, &(scaling + &advice)])
}

/// The page of several runs.
pub fn page(runs: &[(String, Results)]) -> String {
    let (title, verdict) = (names(runs), pairing(runs));
    let of = |(name, run): &(String, Results)| -> Vec<String> {
        run.troubles.iter().map(|said| format!("{name}: {said}")).collect()
    };
    let said: Vec<String> = runs.iter().flat_map(of).collect();
    assemble(runs, &chart::of_several(runs), (&title, &verdict), &said, ["", ""])
}

fn names(runs: &[(String, Results)]) -> String {
    let names: Vec<&str> = runs.iter().map(|(name, _)| name.as_str()).collect();
    names.join(" · ")
}

fn assemble(
    runs: &[(String, Results)],
    charts: &[Chart],
    (title, verdict): (&str, &str),
    said: &[String],
    [findings, advice]: [&str; 2],
) -> String {
    let (header, rows) = rows(runs);
    let verdicts: String = runs
        .iter()
        .map(|(name, run)| {
            format!("<li><b>{}</b>: {}</li>\n", escape(name), escape(&words::verdict(run)))
        })
        .collect();
    let verdicts = format!("<ul>\n{verdicts}</ul>\n");
    let commands: String = runs
        .iter()
        .filter(|(_, run)| !run.command.is_empty())
        .map(|(_, run)| format!("<pre class=\"command\">{}</pre>\n", escape(&run.command)))
        .collect();
    let facts: String = runs
        .iter()
        .map(|(name, run)| {
            let print = run.text("workload_fingerprint").unwrap_or("unknown");
            let version = run.text("version").unwrap_or("unknown");
            let words = format!("version {version}, seed {}, workload {print}", run.at("seed"));
            format!("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(&words))
        })
        .collect();
    fill(&[
        ("title", escape(title)),
        ("kind", format!("comparison of {} runs", runs.len())),
        ("verdict", escape(verdict)),
        ("troubles", troubles(said)),
        ("figures", findings.to_owned() + &section("runs", "The runs", &verdicts)),
        ("charts", drawn(charts)),
        ("tables", section("tables", "Measures", &table("A column a run", &header, &rows))),
        ("advice", advice.to_owned()),
        ("command", commands),
        ("provenance", facts),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ])
}
