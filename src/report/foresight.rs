//! The study of forecasters: for the terminal, for a pull request, as a page, and as files.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::chart::{self, escape};
use super::files::Folder;
use super::json::json;
use super::page::{bullets, drawn, fill, section, table as html_table, troubles};
use super::reading::{Kept, Provenance, Reader};
use super::table::{folded, stacked};
use super::text::{digits, grouped, percent, time};
use super::{flat, markdown, timeline};
use crate::diagnose::Problem;
use crate::forecast::study::{BASELINE, Line, Point, Study, Trail};
use crate::time::Duration;

pub(super) const FORECAST: Kept = Kept {
    file: "forecast.json",
    schema: "plimsoll.inspection/1",
    writes: "inspect TRAFFIC --forecast",
};
const SHOWN: &str = "inspection.txt";
const TRAILS: &str = "trails.csv";
const COMMAND: &str = "command.txt";

/// A study with the traffic file it is about.
#[derive(Clone, Debug)]
pub struct Foresight {
    /// What is in the file, with the study, as JSON shows it: `plimsoll.inspection/1`.
    pub inspection: Value,
    /// The same for people.
    pub shown: String,
    /// The study.
    pub study: Study,
    /// The command that made it.
    pub command: String,
    /// What could not be read, each as a sentence.
    pub troubles: Vec<String>,
}

/// One line of `trails.csv`: a forecast of the best forecaster or of the baseline, and what came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Step {
    forecaster: String,
    horizon_s: f64,
    at_s: f64,
    actual: f64,
    mean: f64,
    low80: Option<f64>,
    high80: Option<f64>,
}

impl Foresight {
    /// `forecast.json`, `forecast.csv`, `trails.csv`, the charts and the page.
    pub fn write(&self, folder: &Folder) -> Result<(), Problem> {
        folder.write(FORECAST.file, json(&self.inspection))?;
        folder.write("forecast.csv", flat::csv(&self.study.lines))?;
        folder.write(SHOWN, &self.shown)?;
        folder.write(TRAILS, timeline::to_csv(&steps(&self.study.trails)))?;
        folder.write(COMMAND, format!("{}\n", self.command))?;
        self.write_drawn(folder)
    }

    /// The charts and the page of a study that is there.
    pub fn write_drawn(&self, folder: &Folder) -> Result<(), Problem> {
        folder.write_charts(&chart::of_study(&self.study))?;
        folder.write("report.html", self.page())
    }

    /// The study in a folder. Without its trails the chart of forecasts is missing, and it says so.
    pub(super) fn read(mut reader: Reader<'_>) -> Result<Self, Problem> {
        let inspection: Value = reader.whole(FORECAST)?;
        let mut study = Study::deserialize(&inspection["forecast"])
            .map_err(|error| reader.wrong(FORECAST, &format!("holds no study: {error}")))?;
        let steps = reader.part(TRAILS, timeline::from_csv).unwrap_or_default();
        study.trails = trails_of(steps);
        let shown = reader.part(SHOWN, |text| Ok(text.to_owned())).unwrap_or_default();
        let Provenance { command, troubles } = reader.from;
        Ok(Self { inspection, shown, study, command, troubles })
    }

    fn file(&self) -> &str {
        self.inspection["file"].as_str().unwrap_or("traffic")
    }

    /// What is in the file, and the study, for the terminal.
    pub fn table(&self, width: u16) -> String {
        let fits = |line: &str| line.chars().count() <= usize::from(width);
        let line =
            |line: &str| if fits(line) { line.to_owned() } else { folded(line, width) } + "\n";
        let file: String = self.shown.lines().map(line).collect();
        (file + &forecasts(&self.study, width)).trim_start().to_owned()
    }

    /// The study for a pull request.
    pub fn markdown(&self) -> String {
        let study = &self.study;
        let verdicts: String = study.verdicts.iter().map(|said| format!("- {said}\n")).collect();
        let tables: String =
            tables(study).map(|(head, rows)| markdown::table(&head, &rows) + "\n").collect();
        let advice: String = study.advice.iter().map(|said| format!("\n> {said}\n")).collect();
        format!(
            "### Forecasts of {}\n\n{verdicts}\n{}\n\n{tables}{}\n{advice}\n```sh\n{}\n```\n",
            self.file(),
            capital(&setting(study)),
            // A star at the start of a line would begin a list.
            LEGEND.replacen('*', "\\*", 1),
            self.command
        )
    }

    /// `report.html` of the study.
    fn page(&self) -> String {
        let study = &self.study;
        let shown: String = tables(study)
            .map(|(mut head, rows)| {
                let caption = std::mem::take(&mut head[0]);
                html_table(&capital(&caption), &head, &rows)
            })
            .collect();
        let number = |key: &str| self.inspection[key].as_f64();
        let facts = [
            ("requests", number("requests").map(|count| grouped(count.round() as u64))),
            ("requests a second", number("rate").map(digits)),
            ("bins", Some(grouped(study.bins as u64))),
            ("width of a bin", Some(time(study.bin_s))),
            ("season", Some(time(study.season_s)).filter(|_| study.season_s > study.bin_s)),
        ];
        let facts = facts.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let cards: String = facts
            .map(|(name, value)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n"))
            .collect();
        let figures = section("key", "Key figures", &format!("<dl class=\"cards\">\n{cards}</dl>"));
        let words = format!("<p>{}</p>\n", escape(&capital(&setting(study))));
        let legend = format!("<p>{}</p>\n", escape(LEGEND));
        let verdict = study.verdicts.last().map_or(String::new(), |said| capital(said) + ".");
        let others = &study.verdicts[..study.verdicts.len().saturating_sub(1)];
        fill(&[
            ("title", escape(&format!("Forecasts of {}", self.file()))),
            ("kind", "back-test of forecasters".to_owned()),
            ("verdict", escape(&verdict)),
            ("objectives", bullets(others)),
            ("troubles", troubles(&self.troubles)),
            ("figures", figures),
            ("charts", drawn(&chart::of_study(study))),
            ("tables", section("tables", "Errors", &(words + &shown + &legend))),
            ("advice", section("advice", "What you should know", &bullets(&study.advice))),
            ("command", format!("<pre class=\"command\">{}</pre>\n", escape(&self.command))),
            ("provenance", format!("<dt>version</dt><dd>{}</dd>\n", env!("CARGO_PKG_VERSION"))),
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ])
    }
}

fn steps(trails: &[Trail]) -> Vec<Step> {
    let step = |trail: &Trail, point: &Point| Step {
        forecaster: trail.forecaster.clone(),
        horizon_s: trail.horizon.as_secs_f64(),
        at_s: point.at_s,
        actual: point.actual,
        mean: point.mean,
        low80: point.band.map(|band| band.0),
        high80: point.band.map(|band| band.1),
    };
    trails.iter().flat_map(|trail| trail.points.iter().map(|point| step(trail, point))).collect()
}

fn trails_of(steps: Vec<Step>) -> Vec<Trail> {
    let mut trails: Vec<Trail> = Vec::new();
    for step in steps {
        let Step { forecaster, horizon_s, at_s, actual, mean, low80, high80 } = step;
        let point = Point { at_s, actual, mean, band: low80.zip(high80) };
        let horizon = Duration::from_secs_f64(horizon_s);
        match trails.last_mut() {
            Some(trail) if trail.forecaster == forecaster => trail.points.push(point),
            _ => trails.push(Trail { forecaster, horizon, points: vec![point] }),
        }
    }
    trails
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// What was forecast, from what, in a sentence.
fn setting(study: &Study) -> String {
    let span = |seconds: f64| Duration::from_secs_f64(seconds);
    let season = if study.season_s > study.bin_s {
        let how = if study.season_found { ", found in the first half" } else { "" };
        format!("season {}{how}", span(study.season_s))
    } else {
        "no season".to_owned()
    };
    let unknown = match study.unknown_bins {
        0 => String::new(),
        unknown => format!(" ({} of them unknown)", grouped(unknown as u64)),
    };
    format!(
        "forecasts of {} bins of {}{unknown}: the first {} learnt from, the rest forecast bin by \
         bin; {season}",
        grouped(study.bins as u64),
        span(study.bin_s),
        grouped(study.warm_up_bins as u64),
    )
}

const LEGEND: &str = "* errs least. `seasonal-naive`: the mean absolute error against that of \
                      repeating the last season.";

/// A table for each horizon: its header, and a row a forecaster.
fn tables(study: &Study) -> impl Iterator<Item = (Vec<String>, Vec<Vec<String>>)> + '_ {
    study.lines.chunk_by(|a, b| a.row.horizon_ns == b.row.horizon_ns).map(|lines| {
        let ahead = format!("{} ahead", Duration(lines[0].row.horizon_ns));
        let columns = ["MAE (1/s)", "MASE", "sMAPE", "in 80%", "in 95%", BASELINE, "refits"];
        let head = [ahead.as_str()].into_iter().chain(columns).map(str::to_owned).collect();
        (head, lines.iter().map(cells).collect())
    })
}

fn cells(line: &Line) -> Vec<String> {
    let row = &line.row;
    let share = |share: Option<f64>| share.map_or("–".to_owned(), percent);
    let against = match line.over_seasonal_naive {
        _ if row.forecaster == BASELINE => "=".to_owned(),
        Some(ratio) => format!("{:+.0} %", 100.0 * (ratio - 1.0)),
        None => "–".to_owned(),
    };
    vec![
        format!("{}{}", row.forecaster, if line.best { " *" } else { "" }),
        digits(row.mae),
        row.mase.map_or("–".to_owned(), |it| format!("{it:.2}")),
        percent(row.smape),
        share(row.coverage80),
        share(row.coverage95),
        against,
        grouped(row.refits),
    ]
}

/// The tables for people, at most `width` columns wide.
fn forecasts(study: &Study, width: u16) -> String {
    let mut text = format!("\n{}\n", folded(&setting(study), width));
    for (head, rows) in tables(study) {
        text.push_str(&format!("\n{}\n", stacked(&head, &rows, width)));
    }
    text.push_str(&format!("\n{}\n", folded(LEGEND, width)));
    for words in study.verdicts.iter().chain(&study.advice) {
        text.push_str(&format!("· {}\n", folded(words, width)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trails_survive_the_way_to_the_file_and_back() {
        let point = |at_s, band| Point { at_s, actual: 2.0, mean: 1.5, band };
        let trail = |name: &str, points| Trail {
            forecaster: name.to_owned(),
            horizon: Duration::from_secs(60),
            points,
        };
        let trails = vec![
            trail("arima", vec![point(60.0, None), point(120.0, Some((1.0, 2.5)))]),
            trail("naive", vec![point(60.0, Some((0.0, 0.1)))]),
        ];
        let text = timeline::to_csv(&steps(&trails));
        assert_eq!(trails_of(timeline::from_csv(&text).unwrap()), trails);
    }
}
