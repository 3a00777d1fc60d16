//! A plan for the terminal, as rows, and as a page: the answer first, then what it stands on.

use indexmap::IndexMap;
use serde::Serialize;

use super::brief::columns;
use super::chart::{self, escape};
use super::page::{bullets, drawn, fill, prose, section, table as html_table, troubles};
use super::reading::Provenance;
use super::table::{advice, plain, unit_of};
use super::text::{MARKS, digits, estimate, legend, percent, time};
use crate::outcome::{
    Candidate, Estimate, Neighbour, Objective, Plan, Recommendation, Ruling, settings_by_pool,
};
use crate::units::grouped;

/// The answer, the fleets it was chosen from, and the advice, at most `width` columns wide.
pub fn plan(plan: &Plan, width: u16) -> String {
    let name = if plan.name.is_empty() { String::new() } else { format!("{}: ", plan.name) };
    let answer = advice(&[format!("{name}{}", plan.answer)], width);
    let mut shown = answer.trim_start_matches('\n').trim_start_matches("· ").to_owned() + "\n";
    let (header, rows) = fleets(plan);
    if !rows.is_empty() {
        let table = columns(&header, &rows, width);
        shown.push_str(&table);
        let meaning = legend(&table, &marks());
        if !meaning.is_empty() {
            let folded = advice(&[meaning], width);
            shown.push_str(&folded.replacen("· ", "", 1));
        }
        shown.push('\n');
    }
    let mut table = plain(width);
    table.add_rows(facts(plan));
    shown.push_str(&(table.trim_fmt() + "\n"));
    shown + &advice(&plan.advice, width)
}

/// How a ruling is marked.
fn mark(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Met => "✓",
        Ruling::Missed | Ruling::Overloaded => "✗",
        Ruling::Boundary => "≈",
        Ruling::Undecided => "?",
    }
}

/// What the marks of rulings and of numbers mean.
fn marks() -> Vec<(&'static str, &'static str)> {
    let rulings = [
        ("≈", "≈ too close to its limit to tell from it"),
        (" ? ", "? undecided when the effort was spent"),
        (" beyond", "beyond: the share of requests beyond the limit, which decides"),
        ("too few", "too few requests for such a number"),
    ];
    rulings.into_iter().chain(MARKS).collect()
}

/// What an objective came to: its value, else the share beyond its limit, which then decides.
fn value(objective: &Objective<Estimate>) -> String {
    match (&objective.value.estimate, &objective.beyond) {
        (None, Some(beyond)) => format!("{} beyond", estimate(beyond, percent)),
        (None, None) if objective.inconclusive => "too few".to_owned(),
        (None, None) if !objective.met => "saturated".to_owned(),
        _ => estimate(&objective.value, unit_of(&objective.objective)),
    }
}

/// Whether a setting is the most servers: the same for all candidates.
fn is_max(path: &str) -> bool {
    path.rsplit('.').next() == Some("max")
}

/// What sets a candidate apart: its servers, or the settings of its autoscaler.
fn label(plan: &Plan, candidate: &Candidate) -> String {
    if !candidate.settings.is_empty() {
        return set(&candidate.settings, |key| key != "max");
    }
    let several = plan.candidates.iter().any(|one| one.pools.len() > 1);
    if several {
        let each = candidate.pools.iter().map(|(name, n)| format!("{n} {name}"));
        each.collect::<Vec<_>>().join(" + ")
    } else {
        candidate.servers.to_string()
    }
}

/// Settings in words, `min 9, target 0.8`; of several pools with their names, and a target that
/// they share once.
fn set(settings: &IndexMap<String, serde_json::Value>, wanted: fn(&str) -> bool) -> String {
    let number = |value: &serde_json::Value| {
        let shown = value.as_f64().map_or(value.to_string(), |number| format!("{number:.3}"));
        shown.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let pools = settings_by_pool(settings);
    let several = pools.len() > 1;
    let targets: Vec<&serde_json::Value> =
        pools.values().flatten().filter(|(key, _)| *key == "target").map(|(_, it)| *it).collect();
    let shared = several && targets.len() > 1 && targets.windows(2).all(|two| two[0] == two[1]);
    let each = pools.iter().filter_map(|(pool, own)| {
        let own = own.iter().filter(|(key, _)| wanted(key) && !(shared && *key == "target"));
        let own: Vec<String> = own.map(|(key, it)| format!("{key} {}", number(it))).collect();
        let told = own.join(", ");
        (!told.is_empty()).then(|| if several { format!("{pool} {told}") } else { told })
    });
    let shared = targets.first().filter(|_| shared).map(|it| format!("target {}", number(it)));
    each.chain(shared).collect::<Vec<_>>().join(", ")
}

/// The candidates as rows; of many those around the answer.
fn fleets(plan: &Plan) -> (Vec<String>, Vec<Vec<String>>) {
    let words = |word: &str| word.to_owned();
    let mut header = vec![String::new(), words("servers")];
    header.extend(plan.question.objectives.iter().cloned());
    let priced = plan.candidates.iter().any(|one| one.cost_per_hour > 0.0);
    // Where an objective is about it, it stands there, unless there is no steady state.
    let judged = plan.question.objectives.iter().any(|one| one.trim_start().starts_with("util"));
    let over = plan.candidates.iter().any(|one| one.ruling == Ruling::Overloaded);
    let busy = !judged || over;
    header.extend(busy.then(|| words("utilization")));
    if priced {
        header.push(format!("{} an hour", plan.currency));
    }
    let row = |candidate: &Candidate| {
        let mut row = vec![words(mark(candidate.ruling)), label(plan, candidate)];
        let by = if candidate.by_theory { ", by Erlang C" } else { "" };
        row.extend(candidate.measures.iter().map(|one| value(one) + by));
        let share = candidate.utilization.estimate.filter(|x| x.is_finite());
        row.extend(busy.then(|| share.map_or("–".into(), percent)));
        if priced {
            row.push(digits(candidate.cost_per_hour));
        }
        row
    };
    (header, plan.candidates.iter().map(row).collect())
}

/// What else the answer says, a line each.
fn facts(plan: &Plan) -> Vec<[String; 2]> {
    let mut facts: Vec<[String; 2]> = Vec::new();
    let mut fact = |name: &str, told: String| facts.push([name.to_owned(), told]);
    let traffic = &plan.traffic;
    let cvs = format!(
        "arrivals cv {}, service cv {}",
        digits(traffic.arrival_scv.sqrt()),
        digits(traffic.service_scv.sqrt())
    );
    fact(
        "traffic",
        format!("{} /s, {} Erlangs, {cvs}", digits(traffic.rate), digits(traffic.erlangs)),
    );
    if let Some(peak) = traffic.peak {
        let planned = if peak.planned_for { ", planned for" } else { "" };
        fact(
            "busiest stretch",
            format!(
                "{} … {}: {} /s, {} Erlangs{planned}",
                time(peak.from_s),
                time(peak.until_s),
                digits(peak.rate),
                digits(peak.erlangs)
            ),
        );
    }
    if let Some(found) = &plan.recommendation {
        if let (Some(headroom), Some(rate)) = (found.headroom, found.max_rate) {
            let told = format!("{} (up to {} /s{})", signed(headroom), digits(rate), then(found));
            fact("headroom", told);
        }
        if let Some(probability) = found.met_under_forecast_error {
            let cv = percent(plan.question.forecast_cv);
            let floor = at_least(found.is_floor(), probability);
            fact(
                "forecast off by",
                format!("{cv}: objectives hold with probability {floor}{probability:.2}"),
            );
        }
        let names = [("one more", "one higher"), ("one less", "one lower")];
        for (names, neighbour) in names.into_iter().zip([&found.one_more, &found.one_less]) {
            if let Some(neighbour) = neighbour {
                let apart = f64::from(neighbour.servers) - found.servers;
                let name = match neighbour.settings.is_empty() {
                    true if apart > 1.0 => format!("{apart:.0} more"),
                    true => names.0.to_owned(),
                    false => names.1.to_owned(),
                };
                fact(&name, beside(plan, neighbour));
            }
        }
        fact("bottleneck", found.bottleneck.clone());
        let sure = percent(plan.question.confidence);
        let how = match (found.verified, plan.question.task.as_str()) {
            (true, _) => format!("{sure}, confirmed on fresh random numbers that chose nothing"),
            (false, "max-rate") => format!("{sure} of each load"),
            (false, _) => format!("{sure} in the search; not confirmed by fresh random numbers"),
        };
        fact("how sure", how);
    }
    for (name, told) in bounds(plan) {
        fact(name, told);
    }
    fact("simulated", simulated(plan));
    facts
}

fn simulated(plan: &Plan) -> String {
    let loads = plan.loads.iter().filter(|candidate| candidate.load != 1.0);
    let each = |many: usize, one: &str, several: &str| match many {
        1 => format!("1 {one}"),
        many => format!("{many} {several}"),
    };
    let scaled = plan.candidates.iter().any(|candidate| !candidate.settings.is_empty());
    let fleets = match scaled {
        true => each(plan.candidates.len(), "setting", "settings"),
        false => each(plan.candidates.len(), "fleet", "fleets"),
    };
    let loads = match loads.count() {
        0 => String::new(),
        many => format!(", {} of the recommended one", each(many, "other load", "other loads")),
    };
    format!("{fleets}{loads}: {} requests in all", grouped(plan.requests))
}

fn bounds(plan: &Plan) -> Vec<(&'static str, String)> {
    let bounds = &plan.bounds;
    let mut told = Vec::new();
    let formulas = [
        ("G/G/c", bounds.analytic_servers),
        ("Erlang C", bounds.erlang_c_servers),
        ("Erlang C at the peak", bounds.erlang_c_peak_servers),
        ("square root", bounds.square_root_servers),
        ("bare load", bounds.least_servers),
    ];
    let formulas: Vec<String> =
        formulas.iter().filter_map(|(name, n)| n.map(|n| format!("{name} {n}"))).collect();
    if !formulas.is_empty() {
        told.push(("by formula", formulas.join(", ")));
    }
    if let (Some(ideal), Some(peak)) =
        (bounds.ideal_autoscaler_server_hours, bounds.static_peak_server_hours)
    {
        let own = bounds.autoscaled_server_hours.map_or("–".to_owned(), digits);
        let servers = bounds.static_peak_servers.unwrap_or(0);
        let span = bounds
            .span_hours
            .map_or(String::new(), |hours| format!(" in the {} of a run", time(3600.0 * hours)));
        let alone = bounds.ideal_in_pool.as_ref();
        let alone = alone.map_or(String::new(), |pool| format!(" of {pool} alone"));
        told.push((
            "server-hours",
            format!(
                "{own}{span}; a perfect autoscaler{alone} {}, {servers} servers all the time {}",
                digits(ideal),
                digits(peak)
            ),
        ));
    }
    told
}

/// What stands before a probability that is a lower bound; nothing is more than certain.
fn at_least(is_floor: bool, probability: f64) -> &'static str {
    if is_floor && probability < 0.995 { "at least " } else { "" }
}

/// What comes after the most that is carried for sure.
fn then(found: &Recommendation) -> String {
    let breaks = found.breaks_first.as_deref();
    match (breaks.zip(found.breaks_at_rate), found.open_after) {
        (Some((breaks, at)), Some(_)) => format!(" for sure; from {} /s on: {breaks}", digits(at)),
        (None, Some(_)) => " for sure; more cannot be told".to_owned(),
        (Some((breaks, _)), None) => format!(", then: {breaks}"),
        // As stored before it was told from where on.
        (None, None) => breaks
            .map_or(", as far as was searched".to_owned(), |breaks| format!(", then: {breaks}")),
    }
}

/// A headroom, which may be less than nothing.
fn signed(headroom: f64) -> String {
    percent(headroom).replace('-', "−")
}

/// A server more or less in a line.
fn beside(plan: &Plan, neighbour: &Neighbour) -> String {
    let own = plan.recommendation.as_ref().map_or(0.0, |found| found.cost_per_hour);
    let price = match neighbour.cost_per_hour - own {
        0.0 => String::new(),
        more if more > 0.0 => format!(" for {} more an hour", digits(more)),
        less => format!(" saves {} an hour", digits(-less)),
    };
    let values: Vec<String> = neighbour
        .objectives
        .iter()
        .map(|one| {
            format!(
                "{} {}",
                one.objective.split(['<', '≤']).next().unwrap_or("").trim(),
                value(one)
            )
        })
        .collect();
    let several = plan.recommendation.as_ref().is_some_and(|found| found.pools.len() > 1);
    let own = format!("pool.{}.autoscaler.", neighbour.pool);
    let bounds = neighbour.settings.iter().filter(|(path, _)| path.starts_with(&own));
    let bounds: IndexMap<_, _> = bounds.map(|(path, it)| (path.clone(), it.clone())).collect();
    let fleet = match (bounds.is_empty(), several) {
        (false, true) => format!("{} {}", neighbour.pool, set(&bounds, |key| key != "target")),
        (false, false) => set(&bounds, |key| key != "target"),
        (true, true) => format!("of {}, {} in all", neighbour.pool, neighbour.servers),
        (true, false) => neighbour.servers.to_string(),
    };
    let mut told = format!("{fleet}{price}: {}", values.join(", "));
    if let Some(headroom) = neighbour.headroom {
        told.push_str(&format!("; headroom {}", signed(headroom)));
    }
    if let Some(probability) = neighbour.met_under_forecast_error {
        let floor = at_least(neighbour.at_least, probability);
        told.push_str(&format!(", holds with {floor}{probability:.2}"));
    }
    told
}

/// One row a fleet or load that was simulated.
pub fn plan_csv(plan: &Plan) -> String {
    #[derive(Serialize)]
    struct Row<'a> {
        recommended: bool,
        #[serde(flatten)]
        candidate: &'a Candidate,
    }
    let chosen = |candidate: &Candidate| {
        let same = |found: &crate::outcome::Recommendation| {
            let settings = !candidate.settings.is_empty() && {
                let alike = |(path, value): (&String, &serde_json::Value)| {
                    is_max(path) || found.settings.get(path) == Some(value)
                };
                candidate.settings.iter().all(alike)
            };
            settings || (candidate.settings.is_empty() && candidate.pools == found.pools)
        };
        candidate.load == 1.0 && plan.recommendation.as_ref().is_some_and(same)
    };
    let other_loads = plan.loads.iter().filter(|one| one.load != 1.0);
    let rows: Vec<Row<'_>> = plan
        .candidates
        .iter()
        .chain(other_loads)
        .map(|candidate| Row { recommended: chosen(candidate), candidate })
        .collect();
    super::flat::csv(&rows)
}

/// The answer for a pull request: the sentence, the fleets, what else there is to know.
pub fn plan_markdown(plan: &Plan) -> String {
    let (header, fleets) = fleets(plan);
    let said = |row: &[String; 2]| row.to_vec();
    let rows: Vec<Vec<String>> = facts(plan).iter().map(said).collect();
    let advice: String = plan.advice.iter().map(|words| format!("- {words}\n")).collect();
    format!(
        "**{}**\n\n{}\n{}\n{advice}",
        plan.answer,
        super::markdown::table(&header, &fleets),
        super::markdown::table(&[String::new(), String::new()], &rows)
    )
}

/// `report.html` of a plan.
pub fn plan_page(plan: &Plan, from: &Provenance) -> String {
    let name = if plan.name.is_empty() { "plan" } else { &plan.name };
    let rows: Vec<Vec<String>> = facts(plan).into_iter().map(Vec::from).collect();
    let header = [String::new(), "what was found".to_owned()];
    let (columns, fleets) = fleets(plan);
    let columns: Vec<String> = columns.into_iter().skip(1).chain(["ruling".to_owned()]).collect();
    let fleets: Vec<Vec<String>> = fleets
        .into_iter()
        .map(|mut row| {
            let mark = row.remove(0);
            row.push(mark);
            row
        })
        .collect();
    // Sentences, not numbers: they begin at the left and are broken into lines.
    let answer = html_table("The answer", &header, &rows);
    let mut tables = format!("<div class=\"sentences\">{answer}</div>\n");
    tables.push_str(&html_table("Fleets that were simulated", &columns, &fleets));
    let scenario =
        toml::to_string_pretty(&plan.scenario).unwrap_or_else(|_| plan.scenario.to_string());
    let scenario = format!(
        "<p>With the recommended fleet and every default, as a file that runs.</p>\n\
         <pre tabindex=\"0\">{}</pre>\n",
        escape(&scenario)
    );
    fill(&[
        ("title", escape(name)),
        ("kind", "capacity plan".to_owned()),
        ("verdict", prose(&plan.answer)),
        ("troubles", troubles(&from.troubles)),
        ("charts", drawn(&chart::of_plan(plan))),
        ("tables", section("tables", "Tables", &tables)),
        ("advice", section("advice", "What you should know", &bullets(&plan.advice))),
        ("scenario", section("scenario", "The scenario", &scenario)),
        ("command", format!("<pre class=\"command\">{}</pre>\n", escape(&from.command))),
        ("provenance", format!("<dt>seed</dt><dd>{}</dd>\n", plan.seed)),
        ("version", escape(&plan.version)),
    ])
}
