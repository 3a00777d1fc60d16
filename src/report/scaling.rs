//! What autoscaling left behind: figures beside their bounds, decisions, servers by state.

use super::files::{Folder, file_names};
use super::flat;
use super::page::{section, table};
use super::results::Results;
use super::table::{advice, plain, stacked};
use super::text::{digits, grouped, percent, time};
use crate::diagnose::Problem;
use crate::outcome::{
    Autoscaling, Comparison, Decided, Estimate, Estimated, Intervals, Method, Outcome,
};
use crate::scale::elasticity::Elasticity;

/// The key figures of each pool that was scaled, beside their bounds; of several runs those of the
/// first, and it is said so.
pub(super) fn lines(scaled: &[Autoscaling], several: Option<&Intervals>, width: u16) -> String {
    let mut shown = String::new();
    for pool in scaled {
        let mut table = plain(width);
        facts(pool, several).into_iter().for_each(|(name, value)| {
            table.add_row([name.to_owned(), value]);
        });
        shown.push_str(&format!("\n{}\n", table.trim_fmt()));
    }
    if scaled.iter().any(|pool| pool.bounds.is_none()) {
        shown.push_str(&advice(&[NO_IDEAL.to_owned()], width));
    }
    shown
}

/// Of which of several runs the figures of an autoscaler are, to be put behind its name.
fn of_the_first(several: Option<&Intervals>) -> String {
    match several {
        Some(Intervals { method: Method::Replications, parts, .. }) => {
            format!(", in the first of {parts} runs")
        }
        Some(Intervals { method: Method::Resamples, .. }) => ", in the trace as recorded".into(),
        Some(Intervals { method: Method::Batches, .. }) | None => String::new(),
    }
}

/// Why there is no ideal to hold a pool against.
const NO_IDEAL: &str = "no ideal and no static peak: with several pools the load could go to any \
                        of them, and none has a demand of its own";

/// What became of a pool, a line each.
fn facts(pool: &Autoscaling, several: Option<&Intervals>) -> Vec<(&'static str, String)> {
    let of = of_the_first(several);
    let mut facts = vec![("autoscaler", format!("{} on pool {}{of}", pool.policy, pool.pool))];
    let mut fact = |name: &'static str, value: String| facts.push((name, value));
    let starts = percent(pool.startup_hours / pool.server_hours.max(f64::MIN_POSITIVE));
    fact("server-hours", format!("{} ({starts} starting)", digits(pool.server_hours)));
    if let Some(bounds) = &pool.bounds {
        let beside = |share: Option<f64>| match share {
            None => String::new(),
            // What is left is rounding.
            Some(share) if share.abs() < 1e-6 => " (just as much)".to_owned(),
            Some(share) if share < 0.0 => format!(" ({} below it)", percent(-share)),
            Some(share) => format!(" ({} above it)", percent(share)),
        };
        let (ideal, above) = (digits(bounds.ideal_server_hours), beside(pool.above_ideal));
        fact("ideal", format!("{ideal} server-hours{above}"));
        if pool.cost_above_ideal.is_some() {
            let (ideal, above) = (digits(bounds.ideal_cost), beside(pool.cost_above_ideal));
            fact("ideal cost", format!("{ideal}{above}"));
        }
        let (servers, hours) = (bounds.static_peak_servers, bounds.static_peak_hours);
        let above = over(hours, Some(bounds.ideal_server_hours));
        let above = above.map_or(String::new(), |above| format!(", {above} against the ideal"));
        let words = format!("{} server-hours ({servers} servers throughout{above})", digits(hours));
        fact("static peak", words);
    }
    let failed = match pool.failed_starts {
        0 => String::new(),
        starts => format!(", {} failed starts", grouped(starts)),
    };
    let (ordered, released) = (pool.ordered, pool.released);
    fact("actions", format!("{} ({ordered} ordered, {released} gone{failed})", pool.actions));
    if let Some(it) = &pool.elasticity {
        let share = |percentage: f64| percent(percentage / 100.0);
        let (under, over) = (share(it.under_time_percent), share(it.over_time_percent));
        fact("too few, too many", format!("{under}, {over} of the time"));
        let (missing, idle) = (share(it.under_percent), share(it.over_percent));
        fact("missing, idle", format!("{missing}, {idle} of demand"));
        let (supply, demand) = (it.supply_changes, it.demand_changes);
        let jitter = digits(it.jitter_per_s * 3600.0);
        fact(
            "jitter",
            format!("{jitter} an hour (supply changed {supply} times, demand {demand})"),
        );
        fact("instability", format!("{} of steps", share(it.instability_percent)));
    }
    if let Some(share) = pool.violated_share {
        fact("violated", format!("{} of the intervals", percent(share)));
    }
    if let Some(it) = &pool.forecasts {
        let low = it
            .low_share
            .map_or(String::new(), |share| format!(", too low {} of the time", percent(share)));
        let fits = grouped(it.refits);
        fact("forecasts", format!("{}, {fits} fits{low}", it.forecaster));
        if let Some((all, by)) = pool.short_minutes.zip(it.short_minutes) {
            let (all, by) = (digits(all), digits(by));
            fact("too few servers", format!("{all} min, {by} of them with too low a forecast"));
        }
    }
    facts
}

/// The same of results as they are stored: the name of each pool, with name and value of its facts.
pub(super) fn of_pools(results: &Results) -> Vec<(String, Vec<[String; 2]>)> {
    let scaled: Vec<Autoscaling> =
        serde_json::from_value(results.at("autoscaling").clone()).unwrap_or_default();
    let several = intervals(results);
    let facts = |pool: &Autoscaling| {
        let facts =
            facts(pool, several.as_ref()).into_iter().map(|(name, value)| [name.to_owned(), value]);
        (pool.pool.clone(), facts.collect())
    };
    scaled.iter().map(facts).collect()
}

/// Where the intervals of stored results come from.
fn intervals(results: &Results) -> Option<Intervals> {
    serde_json::from_value(results.at("intervals").clone()).ok()
}

/// The decisions that a page shows; all of them stand in `decisions.csv`.
const SHOWN: usize = 200;

/// The autoscalers on a page: what became of each, and its decision log.
pub(super) fn page(results: &Results) -> String {
    let scaled: Vec<Autoscaling> =
        serde_json::from_value(results.at("autoscaling").clone()).unwrap_or_default();
    let several = intervals(results);
    let words = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect::<Vec<String>>();
    let body: String = scaled
        .iter()
        .map(|pool| {
            let facts = facts(pool, several.as_ref()).into_iter();
            let facts: Vec<Vec<String>> =
                facts.map(|(name, value)| vec![name.to_owned(), value]).collect();
            let caption = format!("The autoscaler of pool {}", pool.pool);
            let head =
                ["at", "serving", "starting", "draining", "in system", "utilization", "rate"];
            let head = words(&[&head[..], &["wanted", "why", "set", "the guard"]].concat());
            let rows: Vec<Vec<String>> = pool.decisions.iter().take(SHOWN).map(row).collect();
            let shown = match pool.decisions.len() {
                all if all > SHOWN => format!("the first {SHOWN} of {}", grouped(all as u64)),
                _ => "all of them".to_owned(),
            };
            let log = table(&format!("Decisions that wanted a change, {shown}"), &head, &rows);
            let log = if rows.is_empty() { String::new() } else { log };
            table(&caption, &words(&["", ""]), &facts) + &log
        })
        .collect();
    section("scaling", "Autoscaling", &body)
}

fn row(decision: &Decided) -> Vec<String> {
    let dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    vec![
        time(decision.at_s),
        decision.ready.to_string(),
        decision.starting.to_string(),
        decision.draining.to_string(),
        grouped(decision.in_system.into()),
        dash(decision.utilization.map(percent)),
        dash(decision.rate.map(|rate| format!("{} /s", digits(rate)))),
        decision.proposed.to_string(),
        decision.why.clone(),
        decision.allowed.to_string(),
        decision.verdict.clone(),
    ]
}

/// What autoscalers are held against each other by.
const COMPARED: [&str; 9] = [
    "scaling",
    "p99",
    "hours",
    "cost",
    "violated",
    "too few",
    "by forecast",
    "too many",
    "actions",
];

fn dash(value: Option<String>) -> String {
    value.unwrap_or_else(|| "–".to_owned())
}

/// An amount, and by how much it lies above the ideal one.
fn above(amount: &Estimate, ideal: Option<f64>) -> String {
    let Some(amount) = amount.estimate else { return dash(None) };
    digits(amount) + &over(amount, ideal).map_or(String::new(), |share| format!(" ({share})"))
}

/// By how much an amount lies above the ideal one: `+34 %`.
fn over(amount: f64, ideal: Option<f64>) -> Option<String> {
    let ideal = ideal.filter(|ideal| *ideal > 0.0)?;
    Some(format!("{:+.0} %", 100.0 * (amount / ideal - 1.0)))
}

/// The autoscalers of a comparison, a row a variant; none where nothing was scaled. Figures that
/// are no estimates are those of the first replication.
fn compared_rows(comparison: &Comparison) -> Vec<Vec<String>> {
    if comparison.variants.iter().all(|one| one.autoscaling.is_empty()) {
        return Vec::new();
    }
    let mut rows: Vec<Vec<String>> = comparison.variants.iter().map(compared_row).collect();
    rows.extend(bound_rows(comparison));
    // What nobody has is not asked for.
    let told = |column: &usize| rows.iter().any(|row| row[*column] != "–");
    let columns: Vec<usize> = (0..COMPARED.len()).filter(told).collect();
    let head: Vec<String> = COMPARED.iter().map(|&word| word.to_owned()).collect();
    let keep = |row: &Vec<String>| columns.iter().map(|&column| row[column].clone()).collect();
    [head].iter().chain(&rows).map(keep).collect()
}

fn compared_row(outcome: &Estimated) -> Vec<String> {
    let hours = &outcome.servers.hours;
    let cost = &outcome.cost.total;
    let priced = |ideal| (cost.estimate != Some(0.0)).then(|| above(cost, ideal));
    let p99 = dash(outcome.latency_s.p99.estimate.map(time));
    // Of several pools none has a demand of its own.
    let [pool] = outcome.autoscaling.as_slice() else {
        let rest = COMPARED[4..].iter().map(|_| dash(None));
        let own = [outcome.name.clone(), p99, above(hours, None), dash(priced(None))];
        return own.into_iter().chain(rest).collect();
    };
    let share =
        |of: fn(&Elasticity) -> f64| pool.elasticity.as_ref().map(|it| percent(of(it) / 100.0));
    let short = |minutes: f64| format!("{} min", digits(minutes));
    let bounds = pool.bounds.as_ref();
    vec![
        outcome.name.clone(),
        p99,
        // One comparison with the ideal is enough: that of cost, where there are prices.
        above(hours, bounds.map(|it| it.ideal_server_hours).filter(|_| priced(None).is_none())),
        dash(priced(None).map(|total| match pool.cost_above_ideal {
            // A run against the ideal of the same requests: its own, not that of others.
            Some(share) => format!("{total} ({:+.0} %)", 100.0 * share),
            None => total,
        })),
        dash(pool.violated_share.map(percent)),
        dash(pool.short_minutes.map(short)),
        dash(pool.forecasts.as_ref().and_then(|it| it.short_minutes).map(short)),
        dash(share(|it| it.over_time_percent)),
        grouped(pool.actions.into()),
    ]
}

/// The row of the bound for fleets that stay, before their number.
const STATIC: &str = "a static peak of";

/// The ideal and the static peak, where they are those of every variant.
fn bound_rows(comparison: &Comparison) -> Vec<Vec<String>> {
    let of = |outcome: &Estimated| match outcome.autoscaling.as_slice() {
        [pool] => pool.bounds.clone(),
        _ => None,
    };
    let mut all = comparison.variants.iter().filter_map(of);
    let Some(bounds) = all.next().filter(|first| all.all(|other| other == *first)) else {
        return Vec::new();
    };
    let per_hour = bounds.ideal_cost / bounds.ideal_server_hours;
    let row = |name: String, hours: f64, told: &dyn Fn(f64) -> String| {
        let cost = Some(hours * per_hour).filter(|cost| *cost > 0.0).map(told);
        let rest = COMPARED[4..].iter().map(|_| dash(None));
        [name, dash(None), told(hours), dash(cost)].into_iter().chain(rest).collect()
    };
    // A fleet that stays is dear against the ideal, however well it was chosen: by so much.
    let share = over(bounds.static_peak_hours, Some(bounds.ideal_server_hours));
    let share = share.map_or(String::new(), |share| format!(" ({share})"));
    vec![
        row("the ideal".to_owned(), bounds.ideal_server_hours, &digits),
        row(
            format!("{STATIC} {}", bounds.static_peak_servers),
            bounds.static_peak_hours,
            &|amount| digits(amount) + &share,
        ),
    ]
}

/// What those columns mean that do not say so themselves; nothing where there are none.
fn legend(rows: &[Vec<String>]) -> String {
    let Some((head, rows)) = rows.split_first() else { return String::new() };
    let mut cells = rows.iter().flatten();
    let bracket = cells
        .any(|cell| cell.ends_with(" %)"))
        .then_some("in brackets: above the ideal, which knows the future");
    let words = [
        ("hours", "hours: of servers"),
        ("too few", "too few: with fewer servers than demanded"),
        (
            "by forecast",
            "by forecast: of that, with more load than was foreseen one start-up earlier",
        ),
    ];
    let told = words.iter().filter(|(column, _)| head.iter().any(|name| name == column));
    let peak = rows.iter().any(|row| row[0].starts_with(STATIC)).then_some(
        "a static peak: as many servers throughout as the busiest quarter of a minute demands; \
         fewer may do where an objective is for the whole run",
    );
    let first = head
        .iter()
        .any(|name| name == "violated")
        .then_some("what is in brackets and from `violated` on: of the first run");
    let all = bracket.into_iter().chain(told.map(|(_, words)| *words)).chain(peak).chain(first);
    all.collect::<Vec<_>>().join(" · ")
}

/// The autoscalers of a comparison beside each other, for the terminal.
pub(super) fn compared(comparison: &Comparison, width: u16) -> String {
    let Some((head, rows, legend)) = compared_table(comparison) else { return String::new() };
    let legend: Vec<String> = Some(legend).filter(|words| !words.is_empty()).into_iter().collect();
    format!("{}\n{}\n", stacked(&head, &rows, width), advice(&legend, width))
}

/// The same as a header, rows, and what the columns mean.
pub(super) fn compared_table(
    comparison: &Comparison,
) -> Option<(Vec<String>, Vec<Vec<String>>, String)> {
    let rows = compared_rows(comparison);
    let words = legend(&rows);
    let (head, rows) = rows.split_first()?;
    Some((head.clone(), rows.to_vec(), words))
}

/// The same for a page.
pub(super) fn compared_page(comparison: &Comparison) -> String {
    let Some((head, rows, legend)) = compared_table(comparison) else { return String::new() };
    let caption = format!("A row a variant; {legend}");
    section("scaling", "Autoscaling", &table(&caption, &head, &rows))
}

/// `decisions.csv`, `fleet.csv` and what policies have learnt, for each pool that was scaled.
pub(super) fn write<N, M>(folder: &Folder, outcome: &Outcome<N, M>) -> Result<(), Problem> {
    let names: Vec<&str> = outcome.autoscaling.iter().map(|pool| pool.pool.as_str()).collect();
    for (pool, own) in outcome.autoscaling.iter().zip(file_names(&names)) {
        let several = outcome.autoscaling.len() > 1;
        let name = |stem: &str, ending: &str| {
            let pool = if several { format!("-{own}") } else { String::new() };
            format!("{stem}{pool}.{ending}")
        };
        folder.write(&name("decisions", "csv"), flat::csv(&pool.decisions))?;
        folder.write(&name("fleet", "csv"), flat::csv(&pool.timeline))?;
        if let Some(memory) = &pool.memory {
            folder.write(&name("policy", "json"), memory)?;
        }
    }
    Ok(())
}
