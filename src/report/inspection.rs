//! What is in a traffic file, for the terminal and for a pull request.

use super::markdown;
use super::text::{digits, grouped, time};
use crate::workload::inspect::{Inspection, Sizes};

/// How a size is shown.
type Shown = fn(f64) -> String;

/// What was found, for people.
pub fn inspection(found: &Inspection) -> String {
    let mut text = format!("{}\n\n", headline(found));
    for (name, value) in facts(found) {
        text.push_str(&format!("{name:<22} {value}\n"));
    }
    let (head, rows) = sizes(found);
    if !rows.is_empty() {
        text.push('\n');
        for row in [&head].into_iter().chain(&rows) {
            let [name, mean, cv, rest @ ..] = row.as_slice() else {
                unreachable!("a row has as many cells as the header");
            };
            let rest: String = rest.iter().map(|cell| format!("{cell:>10}")).collect();
            text.push_str(&format!("{name:<14}{mean:>10}{cv:>8}{rest}\n"));
        }
    }
    for advice in found.advice() {
        text.push_str(&format!("\n· {advice}"));
    }
    text + "\n"
}

/// The same for a pull request.
pub fn inspection_markdown(found: &Inspection) -> String {
    let words = |word: &str| word.to_owned();
    let rows: Vec<Vec<String>> =
        facts(found).into_iter().map(|(name, value)| vec![name, value]).collect();
    let mut text = format!("### {}\n\n{}\n", found.understanding.file, headline(found));
    if !rows.is_empty() {
        let table = markdown::table(&[words("measure"), words("value")], &rows);
        text.push_str(&format!("\n{table}"));
    }
    let (head, rows) = sizes(found);
    if !rows.is_empty() {
        text.push_str(&format!("\n{}", markdown::table(&head, &rows)));
    }
    let advice = found.advice();
    text + &advice.iter().map(|said| format!("\n> {said}\n")).collect::<String>()
}

fn headline(found: &Inspection) -> String {
    let seen = &found.understanding;
    format!(
        "{} requests over {}, {} a second",
        grouped(seen.requests.round() as u64),
        time(seen.span.as_secs_f64()),
        digits(seen.rate),
    )
}

/// Name and value of each fact that is known.
fn facts(found: &Inspection) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
    if let Some(gaps) = &found.gaps {
        fact("inter-arrivals", format!("mean {}, cv {}", time(gaps.mean_s), digits(gaps.cv)));
        fact("longest silence", time(gaps.longest_s));
    }
    if let Some(counts) = &found.counts {
        let every = time(counts.interval_s);
        fact(
            &format!("counts every {every}"),
            format!(
                "mean {}, peak {} ({} × the mean)",
                digits(counts.mean),
                digits(counts.peak),
                digits(counts.peak_to_mean)
            ),
        );
        fact(
            "index of dispersion",
            format!("{} (Poisson traffic has 1)", digits(counts.dispersion)),
        );
        if counts.empty > 0 {
            fact("intervals without any", format!("{} of {}", counts.empty, counts.intervals));
        }
    }
    for season in &found.seasons {
        let period = time(season.period_s);
        fact(
            &format!("rhythm of {period}"),
            format!("autocorrelation {}", digits(season.autocorrelation)),
        );
    }
    facts
}

/// The sizes of requests: a header, and a row for each that the file has.
fn sizes(found: &Inspection) -> (Vec<String>, Vec<Vec<String>>) {
    let head = ["", "mean", "cv", "p50", "p90", "p99", "max"].map(str::to_owned).to_vec();
    let all: [(&str, &Option<Sizes>, Shown); 3] = [
        ("service", &found.service, time),
        ("input tokens", &found.input, digits),
        ("output tokens", &found.output, digits),
    ];
    let row = |(name, sizes, shown): (&str, &Option<Sizes>, Shown)| {
        let Sizes { mean, cv, p50, p90, p99, max, .. } = (*sizes)?;
        let first = vec![name.to_owned(), shown(mean), digits(cv)];
        Some(first.into_iter().chain([p50, p90, p99, max].map(shown)).collect())
    };
    (head, all.into_iter().filter_map(row).collect())
}
