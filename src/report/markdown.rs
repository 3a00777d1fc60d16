//! Results as Markdown, for a pull request: verdict, objectives, tables.

use super::page::latencies;
use super::results::Results;
use super::words::{self, Goal, MEASURES};

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
    let measures = MEASURES.iter().filter(|measure| !measure.path.contains("_s."));
    let facts: Vec<Vec<String>> = measures
        .filter_map(|measure| {
            let number = results.number(measure.path)?;
            Some(vec![measure.name.to_owned(), words::tell(Some(number), measure.kind)])
        })
        .collect();
    text.push_str(&format!("\n{}", table(&["measure".to_owned(), "value".to_owned()], &facts)));
    for advice in results.list("advice").iter().filter_map(serde_json::Value::as_str) {
        text.push_str(&format!("\n> {advice}\n"));
    }
    if !results.command.is_empty() {
        text.push_str(&format!("\n```sh\n{}\n```\n", results.command));
    }
    text
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
