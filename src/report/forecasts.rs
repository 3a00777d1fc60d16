//! The study of forecasters as a table.

use super::text::{digits, grouped, percent};
use crate::forecast::study::{BASELINE, Study};
use crate::time::Duration;

/// The table for people.
pub fn forecasts(study: &Study) -> String {
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
    let mut text = format!(
        "\nforecasts of {} bins of {}{unknown}: the first {} learnt from, the rest forecast bin by \
         bin; {season}\n",
        grouped(study.bins as u64),
        span(study.bin_s),
        grouped(study.warm_up_bins as u64),
    );
    let widest = study.lines.iter().map(|line| line.row.forecaster.len()).max().unwrap_or(0) + 2;
    let mut horizon_ns = None;
    for line in &study.lines {
        let row = &line.row;
        if horizon_ns != Some(row.horizon_ns) {
            horizon_ns = Some(row.horizon_ns);
            let ahead = format!("{} ahead", Duration(row.horizon_ns));
            text.push_str(&format!(
                "\n{ahead:<widest$}{:>10}{:>8}{:>8}{:>8}{:>8}{:>16}{:>8}\n",
                "MAE (1/s)", "MASE", "sMAPE", "in 80%", "in 95%", BASELINE, "refits"
            ));
        }
        let share = |share: Option<f64>| share.map_or("–".to_owned(), percent);
        let number = |number: Option<f64>| number.map_or("–".to_owned(), |it| format!("{it:.2}"));
        let against = match line.over_seasonal_naive {
            _ if row.forecaster == BASELINE => "=".to_owned(),
            Some(ratio) => format!("{:+.0} %", 100.0 * (ratio - 1.0)),
            None => "–".to_owned(),
        };
        let name = format!("{}{}", row.forecaster, if line.best { " *" } else { "" });
        text.push_str(&format!(
            "{name:<widest$}{:>10}{:>8}{:>8}{:>8}{:>8}{against:>16}{:>8}\n",
            digits(row.mae),
            number(row.mase),
            percent(row.smape),
            share(row.coverage80),
            share(row.coverage95),
            grouped(row.refits),
        ));
    }
    text.push_str(&format!(
        "\n* errs least. `{BASELINE}`: the mean absolute error against that of repeating the last \
         season.\n"
    ));
    for words in study.verdicts.iter().chain(&study.advice) {
        text.push_str(&format!("· {words}\n"));
    }
    text
}
