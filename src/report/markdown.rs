//! Results as Markdown, for a pull request: verdict, objectives, tables.

use serde::{Deserialize, Serialize};

use super::flat::flatten;
use super::page::latencies;
use super::results::Results;
use super::several;
use super::text::{grouped, percent};
use super::words::{self, Goal, MEASURES};
use super::{resilience, scaling};
use crate::outcome::{Breakdown, Comparison};

/// One run.
pub fn of_run(results: &Results) -> String {
    let mut text = format!("### {}\n\n{}\n", cell(results.name()), words::verdict(results));
    let goals: Vec<Goal> = results.list("slo").iter().filter_map(Goal::of).collect();
    if !goals.is_empty() {
        text.push('\n');
    }
    for goal in &goals {
        text.push_str(&format!("- {} `{}`: {}\n", goal.sign(), goal.objective, goal.value));
    }
    let (header, rows) = latencies(results);
    text.push_str(&format!("\n{}", table(&header, &rows)));
    text.push_str(&facts("measure", measures(results)));
    for (pool, facts_of_pool) in scaling::of_pools(results) {
        text.push_str(&facts(&format!("autoscaler of {pool}"), facts_of_pool));
    }
    text.push_str(&facts("failures", resilience::of_results(results)));
    if let Some((header, rows)) = resilience::classes_of(results) {
        text.push_str(&format!("\n{}", table(&header, &rows)));
    }
    for advice in results.list("advice").iter().filter_map(serde_json::Value::as_str) {
        text.push_str(&format!("\n> {advice}\n"));
    }
    if !results.command.is_empty() {
        text.push_str(&format!("\n```sh\n{}\n```\n", results.command));
    }
    text
}

/// A table of two columns; nothing where there are no facts.
fn facts(what: &str, facts: Vec<[String; 2]>) -> String {
    let rows: Vec<Vec<String>> = facts.into_iter().map(Vec::from).collect();
    let head = [what.to_owned(), "value".to_owned()];
    if rows.is_empty() { String::new() } else { format!("\n{}", table(&head, &rows)) }
}

/// The measures that are no latencies, how requests ended otherwise, and the bill.
fn measures(results: &Results) -> Vec<[String; 2]> {
    let others = MEASURES.iter().filter(|measure| !measure.path.contains("_s."));
    let mut facts: Vec<[String; 2]> = others
        .filter_map(|measure| {
            let number = measure.of(results)?;
            Some([measure.name.to_owned(), words::tell(Some(number), measure.kind)])
        })
        .collect();
    let arrived = results.number("requests.arrived").map_or(0.0, |count| count.estimate);
    for (key, name) in words::LOSSES {
        let Some(count) = results.at(&format!("requests.{key}")).as_u64().filter(|it| *it > 0)
        else {
            continue;
        };
        let share = percent(count as f64 / arrived.max(1.0));
        facts.push([name.to_owned(), format!("{} ({share})", grouped(count))]);
    }
    if let Ok(breakdown) = Breakdown::deserialize(results.at("cost.breakdown")) {
        let lines = super::bill::lines(&breakdown, &results.currency());
        facts.extend(lines.into_iter().map(|(name, value)| [name.trim().to_owned(), value]));
    }
    facts
}

/// Several variants of one workload: what was found, then what sets them apart.
pub fn of_comparison(comparison: &Comparison, command: &str) -> String {
    let name = if comparison.name.is_empty() { "comparison" } else { &comparison.name };
    let mut text = format!("### {}\n\n", cell(name));
    for finding in &comparison.findings {
        text.push_str(&format!("- {}\n", cell(finding)));
    }
    let (header, rows) = several::rows(&several::of_comparison(comparison));
    text.push_str(&format!("\n{}", table(&header, &rows)));
    if let Some((header, rows, legend)) = scaling::compared_table(comparison) {
        text.push_str(&format!("\n{}\n{legend}\n", table(&header, &rows)));
    }
    if let Some((header, rows)) = resilience::compared_table(&comparison.variants) {
        text.push_str(&format!("\n{}", table(&header, &rows)));
    }
    for (what, rows) in resilience::recovered(&comparison.variants) {
        text.push_str(&facts(what, rows));
    }
    for advice in &comparison.advice {
        text.push_str(&format!("\n> {}\n", cell(advice)));
    }
    text + &format!("\n```sh\n{command}\n```\n")
}

/// Plain data: a row a field, or a row an item where there are several.
pub fn of_data<T: Serialize>(items: &[T]) -> String {
    let items: Vec<Vec<(String, String)>> = items.iter().map(flatten).collect();
    match items.as_slice() {
        [one] => {
            let row = |(name, value): &(String, String)| vec![name.clone(), value.clone()];
            let rows: Vec<Vec<String>> = one.iter().map(row).collect();
            table(&["field".to_owned(), "value".to_owned()], &rows)
        }
        several => {
            let name =
                |item: &Vec<(String, String)>| item.iter().map(|(name, _)| name.clone()).collect();
            let header: Vec<String> = several.first().map(name).unwrap_or_default();
            let row = |item: &Vec<(String, String)>| {
                item.iter().map(|(_, value)| value.clone()).collect()
            };
            table(&header, &several.iter().map(row).collect::<Vec<Vec<String>>>())
        }
    }
}

/// A table with numbers to the right.
pub fn table(header: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let ruler: Vec<&str> =
        header.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "--:" }).collect();
    let body: String = rows.iter().map(|row| line(row)).collect();
    format!("{}| {} |\n{body}", line(header), ruler.join(" | "))
}

/// A text that does not end its cell; `<` would begin an element.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_cannot_end_itself_or_begin_an_element() {
        let header = ["a".to_owned(), "b".to_owned()];
        let rows = [vec!["x|y".to_owned(), "p99 < 1s".to_owned()]];
        let shown = table(&header, &rows);
        assert_eq!(shown, "| a | b |\n| --- | --: |\n| x\\|y | p99 &lt; 1s |\n");
    }
}
