//! Choices: the best of a grid is what it should be, as often as is promised.

use plimsoll::diagnose::Origin;
use plimsoll::document::Node;
use plimsoll::experiment::Crew;
use plimsoll::experiment::sweep::{Axis, Grid, Known, Shard, conclude, run, select};
use plimsoll::outcome::{Front, Placed, PointVerdict, Selection, Sweep};
use plimsoll::scenario::{Selecting, SweepTable};
use plimsoll::units::Share;
use rayon::prelude::*;

fn grid(text: &str, axes: &[&str]) -> Grid {
    let document = Node::from_toml("test.toml", text).unwrap();
    let axes = axes.iter().map(|axis| Axis::parse(axis, &Origin::whole("--vary", *axis)).unwrap());
    Grid::new(document, std::path::Path::new(""), axes.collect(), None).unwrap()
}

/// A sweep, and the choice by a method if one is asked for.
fn chosen(text: &str, axes: &[&str], table: &SweepTable) -> (Sweep, Option<Selection>) {
    let grid = grid(text, axes);
    let crew = Crew::new(Some(1)).unwrap();
    let ran = run(&grid, Shard::WHOLE, &Known::new(), &|_, _| Ok(()), &crew, &()).unwrap();
    let placed = ran.points.iter().map(|(&point, kept)| Placed {
        point: point + 1,
        values: grid.values(point),
        kept: kept.clone(),
    });
    let outline = grid.outline(table.best).unwrap();
    let sweep = conclude(&outline, placed.collect(), None, None);
    let selection = table.select.map(|method| {
        select(&grid, &sweep, &ran.points, method, table, &crew, &()).unwrap().unwrap()
    });
    (sweep, selection)
}

/// M/M/1 at speeds that lie close together: the fastest has the smallest mean.
fn race(seed: u64) -> String {
    format!(
        "seed = {seed}\n\
         traffic.a = {{ arrivals = 'poisson:rate=50/s', service = 'exponential:mean=10ms' }}\n\
         pool.a = {{ servers = 1 }}\n[run]\nrequests = 150\nwarm-up = 'none'\nreplications = 10"
    )
}

const SPEEDS: [&str; 1] = ["pool.a.speed=1.0,1.1,1.5,1.6"];

fn table(method: Selecting) -> SweepTable {
    let select = Some(method);
    SweepTable { select, within: Share(0.03), budget: 100, ..SweepTable::default() }
}

#[test]
fn kim_and_nelson_choose_the_best_as_often_as_they_promise() {
    let right = |seed: u64| {
        let (sweep, selection) = chosen(&race(seed), &SPEEDS, &table(Selecting::Kn));
        let selection = selection.unwrap();
        assert!(selection.guaranteed && sweep.best_by == "mean", "{selection:?}");
        assert_eq!(selection.probability, Some(0.95));
        selection.point == Some(4)
    };
    let right = (0..40_u64).into_par_iter().filter(|&seed| right(seed)).count();
    // Of 40 choices that are right with 95 %, 33 or more are with 99.9 %.
    assert!(right >= 33, "{right} of 40");
}

/// Two balancers, and the network in milliseconds that makes up for what the second is better by.
///
/// Fleets that differ in speed would not do here: on common random numbers their differences are
/// as steady as they are small. Two balancers send requests apart, so the noise of the difference
/// is the same however far the network moves one from the other.
const BALANCERS: &str = "
traffic.a = { arrivals = 'poisson:rate=200/s', service = 'exponential:mean=10ms' }
pool.a = { servers = 4 }
[run]
requests = 500
warm-up = 'none'
replications = 10
";

#[test]
fn replications_are_spent_where_the_choice_is_close() {
    let spent = |network: &str| -> u64 {
        let axis = format!("balancer.policy=random,round-robin; pool.a.network=0ms,{network}");
        let of = |seed| {
            let text = format!("seed = {seed}\n{BALANCERS}");
            chosen(&text, &[&axis], &table(Selecting::Kn)).1.unwrap().replications
        };
        (0..8_u64).into_par_iter().map(of).sum()
    };
    let (close, clear) = (spent("6ms"), spent("1ms"));
    assert!(close > 2 * clear, "{close} for a close choice, {clear} for a clear one");
}

#[test]
fn a_budget_is_spent_to_the_last_replication_and_tells_how_sure_it_made_the_choice() {
    let (_, found) = chosen(&race(1), &SPEEDS, &table(Selecting::Ocba));
    let found = found.unwrap();
    assert_eq!((found.replications, found.guaranteed), (100, false));
    assert_eq!(found.point, Some(4));
    assert!(found.probability.is_some_and(|sure| sure > 0.5 && sure < 1.0), "{found:?}");
}

/// M/M/c at 8 Erlang, priced by the server.
const STAFF: &str = "
traffic.a = { arrivals = 'poisson:rate=160/s', service = 'exponential:mean=50ms' }
pool.a = { servers = 9, price = '1/h' }
balancer = { policy = 'random', queue = 'shared' }
slo.fast = { objective = 'mean < 58ms' }
[run]
duration = '2m'
warm-up = '5s'
replications = 10
";

#[test]
fn the_cheapest_fleet_that_meets_its_objective_is_the_one_of_theory() {
    // Erlang C at 8 Erlang: means of 82.7, 60.2 and 54.1 ms with 9, 10 and 11 servers.
    let (sweep, selection) = chosen(STAFF, &["pool.a.servers=7..14"], &table(Selecting::Kn));
    let selection = selection.unwrap();
    assert_eq!((selection.measure.as_str(), selection.point), ("cost-per-hour", Some(5)));
    assert!(selection.undecided.is_empty(), "{selection:?}");
    let verdict = |at: usize| sweep.points[at].measures.verdict;
    assert_eq!((verdict(1), verdict(7)), (PointVerdict::Missed, PointVerdict::Met));
    for point in &sweep.points[2..] {
        let exact = point.measures.theory.as_ref().unwrap();
        assert_eq!(exact.model, "mmc");
    }
    assert!(sweep.points[0].measures.theory.is_none(), "7 servers have no steady state");
    assert_eq!(sweep.points[0].front, Front::Out);
}

#[test]
fn among_fleets_of_one_price_the_fastest_is_chosen() {
    let text = STAFF.replace("balancer = { policy = 'random', queue = 'shared' }\n", "");
    let axes = ["balancer.policy=random,least-connections", "pool.a.servers=13,14"];
    let (_, selection) = chosen(&text, &axes, &table(Selecting::Kn));
    let selection = selection.unwrap();
    assert_eq!(selection.point, Some(3), "{selection:?}");
    // What does not matter is told of the latency, by which they were chosen last.
    let folder = super::folder("choice-equals");
    let axes = ["--vary", "balancer.policy=random,least-connections"];
    let args = [&axes[..], &["--servers", "12", "--select", "--quiet"]].concat();
    let found = super::sweep(&folder, &args);
    let told = String::from_utf8_lossy(&found.stdout).replace("\n  ", " ");
    let words = "is better by cost-per-hour, and of equals in that none by p90 by more than ";
    let margin = told.split_once(words).expect(&told).1;
    assert!(margin.split_once(';').unwrap().0.ends_with(" ms"), "{told}");
}

#[test]
fn a_choice_that_cannot_be_made_is_refused_before_anything_runs() {
    let folder = super::folder("choice-refused");
    let traffic = ["--vary", "traffic.web.arrivals.rate=20/s,40/s", "--select", "--out", "out"];
    let few = ["--vary", "pool.main.servers=3..5", "--replications", "4", "--select"];
    for (args, words) in [(&traffic[..], "the same traffic"), (&few, "from 4 replications")] {
        let found = super::sweep(&folder, args);
        assert_eq!(found.status.code(), Some(2), "{}", super::said(&found));
        assert!(super::said(&found).contains(words), "{}", super::said(&found));
        assert!(found.stdout.is_empty() && !folder.join("out").exists());
    }
}

#[test]
fn a_grid_is_kept_and_shown_where_nothing_could_be_chosen_from_it() {
    let folder = super::folder("choice-open");
    // Runs of some thousand requests each say nothing of one in ten thousand.
    let args = [&super::AXES[..2], &["--best", "p99.99", "--select", "--out", "out"]].concat();
    let found = super::sweep(&folder, &args);
    assert_eq!(found.status.code(), Some(2), "{}", super::said(&found));
    assert!(super::said(&found).contains("p99.99"), "{}", super::said(&found));
    assert!(String::from_utf8_lossy(&found.stdout).contains("3 of 3 points"));
    assert!(folder.join("out/sweep.json").exists() && folder.join("out/points.jsonl").exists());
}
