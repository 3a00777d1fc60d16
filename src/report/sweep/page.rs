//! `report.html` of a sweep: what was found, the charts, the best points and the front.

use super::super::chart::{self, escape};
use super::super::page::{bullets, drawn, fill, prose, section, table, troubles};
use super::super::reading::Provenance;
use super::super::text::{grouped, legend, percent};
use super::table::{front, marks, rows};
use crate::outcome::Sweep;

/// Points in the table of the page; all are in `summary.csv`.
const SHOWN: usize = 50;

/// The page of a sweep.
pub fn page(sweep: &Sweep, from: &Provenance) -> String {
    let name = if sweep.name.is_empty() { "sweep" } else { &sweep.name };
    let (verdict, others) = verdict(sweep);
    let command = format!("<pre class=\"command\">{}</pre>\n", escape(&from.command));
    fill(&[
        ("title", escape(name)),
        ("kind", format!("sweep of {} points", grouped(sweep.size))),
        ("verdict", prose(&verdict)),
        ("troubles", troubles(&from.troubles)),
        ("figures", section("found", "What was found", &bullets(&others))),
        ("charts", drawn(&chart::of_sweep(sweep))),
        ("tables", section("tables", "Points", &tables(sweep))),
        ("advice", section("advice", "What you should know", &bullets(&sweep.advice))),
        ("scenario", scenario(sweep)),
        ("command", command),
        ("provenance", provenance(sweep)),
        ("version", escape(&sweep.version)),
    ])
}

/// The finding that answers the question (the best point, the load that is carried), and the
/// others.
fn verdict(sweep: &Sweep) -> (String, Vec<String>) {
    let mut others = sweep.findings.clone();
    let marks = ["the best is", "the best that", "nearest is", "is met, by"];
    let answers = |said: &String| marks.iter().any(|mark| said.contains(mark));
    let at = others.iter().position(answers).unwrap_or(0);
    let answer = (at < others.len()).then(|| others.remove(at));
    let sentence = |text: String| {
        let mut letters = text.chars();
        let first = letters.next().map(|letter| letter.to_uppercase().to_string());
        first.unwrap_or_default() + letters.as_str() + "."
    };
    (answer.map_or("No point is known yet.".to_owned(), sentence), others)
}

fn tables(sweep: &Sweep) -> String {
    let (header, body) = rows(sweep, SHOWN);
    let caption = match sweep.points.len() {
        all if all > SHOWN => format!("The best {SHOWN} of {} points", grouped(all as u64)),
        _ => "All points, the best first".to_owned(),
    };
    let cells = body.concat().join(" ");
    let meaning = legend(&cells, &marks());
    let marks = if meaning.is_empty() { meaning } else { format!("; {meaning}") };
    let shown = table(&(caption + &marks), &header, &body);
    let (header, body) = front(sweep);
    let none = body.is_empty();
    shown
        + &if none { String::new() } else { table("The front, the cheapest first", &header, &body) }
}

/// The scenario that points are laid over.
fn scenario(sweep: &Sweep) -> String {
    let text = toml::to_string_pretty(&sweep.scenario).unwrap_or_else(|_| {
        // TOML knows no null; JSON shows what TOML cannot.
        serde_json::to_string_pretty(&sweep.scenario).expect("a JSON value is JSON")
    });
    let axes: String = sweep
        .axes
        .iter()
        .map(|axis| {
            let count = axis.count.map_or("drawn".to_owned(), |count| format!("{count} values"));
            format!("<li>{}: {count}</li>\n", escape(&axis.paths.join("; ")))
        })
        .collect();
    let body = format!(
        "<p>What is varied, over the scenario as it was written with its flags.</p>\n<ul>\n{axes}\
         </ul>\n<pre tabindex=\"0\">{}</pre>\n",
        escape(&text)
    );
    section("scenario", "The scenario", &body)
}

fn provenance(sweep: &Sweep) -> String {
    let requests: u64 = sweep.points.iter().map(|point| point.measures.requests.arrived).sum();
    let facts = [
        ("version", sweep.version.clone()),
        ("seed", sweep.seed.to_string()),
        ("points", format!("{} of {}", grouped(sweep.points.len() as u64), grouped(sweep.size))),
        ("requests", grouped(requests)),
        ("confidence of intervals", percent(sweep.confidence)),
    ];
    let fact =
        |(name, value): &(&str, String)| format!("<dt>{name}</dt><dd>{}</dd>\n", escape(value));
    facts.iter().map(fact).collect()
}
