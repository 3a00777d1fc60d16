//! `report.html`: one file that needs nothing else, to open, to print and to send.

use serde::Deserialize;
use serde_json::Value;

use super::chart::{self, Chart, escape};
use super::results::{Number, Results};
use super::words::{self, Goal, Kind, State};
use crate::outcome::Breakdown;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// The page of one run.
pub fn page(results: &Results) -> String {
    let charts = chart::of_run(results);
    let kind = match results.text("kind") {
        Some("terminating") => "replay of a finite stretch of traffic",
        Some("steady-state") => "estimate of a steady state",
        _ => "results",
    };
    fill(&[
        ("title", escape(results.name())),
        ("kind", kind.to_owned()),
        ("verdict", escape(&words::verdict(results))),
        ("objectives", objectives(results)),
        ("troubles", troubles(&results.troubles)),
        ("figures", section("key", "Key figures", &(key_figures(results) + &origin(results)))),
        ("charts", drawn(&charts)),
        (
            "tables",
            section("tables", "Tables", &tables(results))
                + &super::resilience::page(results)
                + &super::scaling::page(results),
        ),
        ("advice", advice(results)),
        ("scenario", scenario(results)),
        ("command", command(&results.command)),
        ("provenance", provenance(results)),
        ("version", escape(results.text("version").unwrap_or_default())),
    ])
}

/// The template with its places filled; style and script are ours and always the same.
pub(super) fn fill(parts: &[(&str, String)]) -> String {
    let dark = format!(
        "@media screen and (prefers-color-scheme: dark) {{ {} }}",
        chart::dark_css("figure ")
    );
    let mut page = String::with_capacity(1 << 19);
    let mut rest = PAGE;
    // One pass, so that braces in what is filled in are left as they are.
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        let (name, behind) = after.split_once("}}").expect("the template closes its braces");
        match name {
            "style" => page.push_str(&format!("{STYLE}{dark}\n")),
            "script" => page.push_str(SCRIPT),
            name => {
                let part = parts.iter().find(|(known, _)| *known == name);
                page.push_str(part.map_or("", |(_, text)| text));
            }
        }
        rest = behind;
    }
    page + rest
}

/// A section with a heading; nothing when there is nothing in it.
pub(super) fn section(id: &str, title: &str, body: &str) -> String {
    if body.is_empty() {
        return String::new();
    }
    format!("<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n{body}</section>\n")
}

/// The charts side by side.
pub(super) fn drawn(charts: &[Chart]) -> String {
    let figures: String = charts.iter().map(Chart::figure).collect();
    if figures.is_empty() {
        return String::new();
    }
    section("charts", "Charts", &format!("<div class=\"charts\">\n{figures}</div>\n"))
}

/// What could not be read.
pub(super) fn troubles(troubles: &[String]) -> String {
    if troubles.is_empty() {
        return String::new();
    }
    let items: String = troubles.iter().map(|trouble| item(trouble)).collect();
    format!(
        "<section class=\"troubles\" aria-label=\"What is missing\">\n<p>Some of the results could \
         not be read; the page shows the rest.</p>\n<ul>{items}</ul></section>\n"
    )
}

fn item(text: &str) -> String {
    format!("<li>{}</li>\n", prose(text))
}

/// Sentences as a list; nothing when there are none.
pub(super) fn bullets(sentences: &[String]) -> String {
    let items: String = sentences.iter().map(|said| item(said)).collect();
    if items.is_empty() { items } else { format!("<ul>\n{items}</ul>\n") }
}

/// A sentence as markup; what stands between two backticks is code.
pub(super) fn prose(text: &str) -> String {
    let mut parts = text.split('`');
    let mut shown = escape(parts.next().unwrap_or_default());
    while let Some(code) = parts.next() {
        match parts.next() {
            Some(after) => {
                shown.push_str(&format!("<code>{}</code>{}", escape(code), escape(after)));
            }
            // A backtick that nothing closes is one.
            None => shown.push_str(&format!("`{}", escape(code))),
        }
    }
    shown
}

fn objectives(results: &Results) -> String {
    let goals: String = results
        .list("slo")
        .iter()
        .filter_map(Goal::of)
        .map(|goal| {
            let (class, said) = match goal.state {
                State::Met => ("met", "met"),
                State::Missed => ("missed", "missed"),
                State::Open => ("open", "cannot be decided"),
            };
            let (sign, words, value) = (goal.sign(), escape(&goal.objective), escape(&goal.value));
            format!("<li class=\"{class}\">{sign} {words} — {said}: {value}</li>\n")
        })
        .collect();
    if goals.is_empty() { goals } else { format!("<ul class=\"goals\">\n{goals}</ul>") }
}

fn key_figures(results: &Results) -> String {
    let requests =
        |key: &str| results.number(&format!("requests.{key}")).map_or(0.0, |count| count.estimate);
    let mut cards = String::new();
    let mut card = |name: &str, value: String| {
        let (number, rest) = halves(&value);
        let rest = if rest.is_empty() { rest } else { format!("<small>{rest}</small>") };
        cards.push_str(&format!("<div><dt>{name}</dt><dd>{number}{rest}</dd></div>\n"));
    };
    let told = |path: &str, kind: Kind| words::tell(results.number(path), kind);
    card("requests", super::text::grouped(requests("arrived") as u64));
    card("throughput", told("throughput", Kind::Rate));
    card("p50 latency", told("latency_s.p50", Kind::Time));
    card("p99 latency", told("latency_s.p99", Kind::Time));
    card("mean wait", told("wait_s.mean", Kind::Time));
    card("utilization", told("utilization", Kind::Share));
    card("servers", told("servers.mean", Kind::Plain));
    let lost: f64 = words::LOSSES.iter().map(|(key, _)| requests(key)).sum();
    if lost > 0.0 {
        card("not completed", super::text::percent(lost / requests("arrived").max(1.0)));
    }
    if results.number("cost.total").is_some_and(|total| total.estimate > 0.0) {
        let currency = escape(&results.currency());
        card("cost", format!("{} {currency}", told("cost.total", Kind::Plain)));
        card("cost an hour", format!("{} {currency}", told("cost.per_hour", Kind::Plain)));
        card(
            "a million requests",
            format!("{} {currency}", told("cost.per_million_requests", Kind::Plain)),
        );
        if results.number("cost.per_million_tokens").is_some() {
            let price = told("cost.per_million_tokens", Kind::Plain);
            card("a million tokens", format!("{price} {currency}"));
        }
    }
    format!("<dl class=\"cards\">\n{cards}</dl>\n")
}

/// A number with its unit, and what stands after it in smaller type: `258 ± 6 ms` is `258 ms` and
/// `± 6 ms`.
fn halves(value: &str) -> (String, String) {
    if let Some((number, width)) = value.split_once(" ± ") {
        let unit = width.split_once(' ').map_or(String::new(), |(_, unit)| format!(" {unit}"));
        return (format!("{number}{}", unit.trim_end_matches(" ~")), format!("± {width}"));
    }
    let at = value.find(" (").unwrap_or(value.len());
    (value[..at].to_owned(), value[at..].trim_start().to_owned())
}

/// Whose numbers, and whose charts, where there were several runs.
fn origin(results: &Results) -> String {
    let Some(confidence) = results.number("intervals.confidence") else { return String::new() };
    let sure = super::text::percent(confidence.estimate);
    let (runs, parts) = (results.runs(), results.at("intervals.parts"));
    let (whose, charts) = if runs > 1 {
        (format!("{runs} runs"), " The charts over time and of distributions show the first run.")
    } else {
        (format!("one run in {parts} batches"), "")
    };
    format!(
        "<p>Numbers are estimates from {whose}; intervals are at {sure} confidence; {}.{charts}\
         </p>\n",
        super::text::ROUGH
    )
}

/// So many letters of a cell are still a number with its interval, and not a sentence.
const SENTENCE: usize = 36;

/// A table of more rows scrolls in a box, with its header in sight.
const TALL: usize = 30;

/// How a column is set: numbers to the right, words to the left; sentences are broken into lines,
/// for they would push what stands beside them out of sight.
fn class_of<'a>(cells: &(impl Iterator<Item = &'a String> + Clone)) -> &'static str {
    let is_word = |cell: &String| {
        let first = cell.chars().find(|letter| !"<>≥≤~+−-–±".contains(*letter));
        first.is_some_and(char::is_alphabetic)
    };
    let is_long = |cell: &String| cell.chars().count() > SENTENCE && cell.contains(' ');
    match (cells.clone().any(is_word), cells.clone().any(is_long)) {
        (_, true) => " class=\"words long\"",
        (true, false) => " class=\"words\"",
        (false, false) => "",
    }
}

/// A table with a caption; the first column names the rows.
pub(super) fn table(caption: &str, header: &[String], rows: &[Vec<String>]) -> String {
    let class = |place: usize| match place {
        0 => "",
        place => class_of(&rows.iter().filter_map(move |row| row.get(place))),
    };
    let classes: Vec<&str> = (0..header.len()).map(class).collect();
    let class = |place: usize| classes.get(place).copied().unwrap_or_default();
    let cells = |row: &[String]| -> String {
        let cell = |(place, text): (usize, &String)| match place {
            0 => format!("<th scope=\"row\">{}</th>", escape(text)),
            _ => format!("<td{}>{}</td>", class(place), escape(text)),
        };
        row.iter().enumerate().map(cell).collect()
    };
    let named = |(place, name): (usize, &String)| {
        format!("<th scope=\"col\"{}>{}</th>", class(place), escape(name))
    };
    let head: String = header.iter().enumerate().map(named).collect();
    let body: String = rows.iter().map(|row| format!("<tr>{}</tr>\n", cells(row))).collect();
    let (label, caption) = (escape(caption), prose(caption));
    let tall = if rows.len() > TALL { " tall" } else { "" };
    format!(
        "<div class=\"scroll{tall}\" role=\"region\" aria-label=\"{label}\" tabindex=\"0\">\
         <table>\n<caption>{caption}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\
         </tbody>\n</table></div>\n"
    )
}

fn words_of(list: &[&str]) -> Vec<String> {
    list.iter().map(|&word| word.to_owned()).collect()
}

/// The table of latencies: a row a stage, a column a percentile.
pub(super) fn latencies(results: &Results) -> (Vec<String>, Vec<Vec<String>>) {
    let mut header = vec![String::new()];
    header.extend(words::SUMMARY.map(|(_, name)| name.to_owned()));
    let row = |stage: &str| {
        let told = |(key, _): (&str, &str)| {
            words::tell(results.number(&format!("{stage}_s.{key}")), Kind::Time)
        };
        [stage.to_owned()].into_iter().chain(words::SUMMARY.map(told)).collect()
    };
    (header, ["latency", "wait", "service"].map(row).to_vec())
}

fn tables(results: &Results) -> String {
    let (header, rows) = latencies(results);
    let mut shown = table("Time of completed requests", &header, &rows);
    let requests: Vec<Vec<String>> = results
        .at("requests")
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, count)| {
            Some(vec![name.replace('_', " "), super::text::grouped(count.as_u64()?)])
        })
        .collect();
    shown.push_str(&table("Requests by their end", &words_of(&["", "requests"]), &requests));
    let pools = results.list("pools");
    let cost = |pool: &Value| Number::of(&pool["cost"]).filter(|cost| cost.estimate > 0.0);
    let priced = pools.iter().any(|pool| cost(pool).is_some());
    let row = |pool: &Value| {
        let mut cells = vec![
            pool["name"].as_str().unwrap_or_default().to_owned(),
            pool["servers"].as_array().map_or(0, Vec::len).to_string(),
            super::text::grouped(pool["completed"].as_u64().unwrap_or(0)),
            words::tell(Number::of(&pool["utilization"]), Kind::Share),
        ];
        cells.extend(priced.then(|| words::tell(cost(pool), Kind::Plain)));
        cells
    };
    let rows: Vec<Vec<String>> = pools.iter().map(row).collect();
    let mut header = words_of(&["pool", "servers", "completed", "utilization"]);
    header.extend(priced.then(|| format!("cost ({})", results.currency())));
    shown.push_str(&table("Pools", &header, &rows));
    if let Ok(breakdown) = Breakdown::deserialize(results.at("cost.breakdown")) {
        let lines = super::bill::lines(&breakdown, &results.currency()).into_iter();
        let rows: Vec<Vec<String>> =
            lines.map(|(name, value)| vec![name.trim().to_owned(), value]).collect();
        if !rows.is_empty() {
            shown.push_str(&table("The bill", &words_of(&["", "what was paid for"]), &rows));
        }
    }
    shown
}

fn advice(results: &Results) -> String {
    let items: String = results.list("advice").iter().filter_map(Value::as_str).map(item).collect();
    let list = if items.is_empty() { items } else { format!("<ul>\n{items}</ul>\n") };
    section("advice", "What you should know", &list)
}

/// The scenario with every default, as a file that runs.
fn scenario(results: &Results) -> String {
    let value = results.at("scenario");
    if value.is_null() {
        return String::new();
    }
    let text = toml::to_string_pretty(value).unwrap_or_else(|_| {
        // TOML knows no null; JSON shows what TOML cannot.
        serde_json::to_string_pretty(value).expect("a JSON value is JSON")
    });
    let body = format!(
        "<p>With every default, as a file that runs.</p>\n<pre tabindex=\"0\">{}</pre>\n",
        escape(&text)
    );
    section("scenario", "The scenario", &body)
}

fn command(command: &str) -> String {
    if command.is_empty() {
        return String::new();
    }
    format!("<pre class=\"command\">{}</pre>\n", escape(command))
}

fn provenance(results: &Results) -> String {
    let mut facts = String::new();
    let mut fact = |name: &str, value: String| {
        facts.push_str(&format!("<dt>{name}</dt><dd>{}</dd>\n", escape(&value)));
    };
    fact("version", results.text("version").unwrap_or("unknown").to_owned());
    fact("seed", results.at("seed").to_string());
    let print = results.text("workload_fingerprint").unwrap_or("unknown");
    fact("fingerprint of the workload", print.to_owned());
    let told = |path: &str| words::tell(results.number(path), Kind::Time);
    fact("measured", told("duration_s"));
    fact("left out as warm-up", told("warm_up_s"));
    facts
}

#[cfg(test)]
mod tests {
    use super::prose;

    #[test]
    fn columns_of_words_begin_at_the_left_and_sentences_are_broken() {
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        let why = "the metrics ask for more servers than there may be";
        let rows = [row(["a", "1.5 ms", "as wanted", "–"]), row(["b", "–", "held", why])];
        let shown = super::table("Decisions", &row(["", "p99", "guard", "why"]), &rows);
        assert!(shown.contains("<td>1.5 ms</td><td class=\"words\">as wanted</td>"), "{shown}");
        assert!(shown.contains(&format!("<td class=\"words long\">{why}</td>")), "{shown}");
        assert!(shown.contains("<th scope=\"col\">p99</th>"), "{shown}");
    }

    #[test]
    fn what_stands_between_backticks_is_code() {
        assert_eq!(prose("set `a < b`, or `c`"), "set <code>a &lt; b</code>, or <code>c</code>");
        assert_eq!(prose("no code & none"), "no code &amp; none");
        assert_eq!(prose("a ` alone"), "a ` alone");
    }
}
