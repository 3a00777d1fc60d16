//! Requests out of rows: windows, speed, scale, spread, and counts turned into arrivals.

use plimsoll::diagnose::Problem;
use plimsoll::model::Request;
use plimsoll::rng::Seed;
use plimsoll::workload::Source;
use plimsoll::workload::trace::{Input, Options, Row, Shape, Trace, TraceSource, Window};

use super::{options, table};

fn request(row: &Row) -> Request {
    Request { key: row.key.unwrap_or(0), class: row.class.unwrap_or(0), ..Request::default() }
}

fn requests_with(
    text: &str,
    options: &Options,
    shape: Shape,
    seed: u64,
) -> Result<Vec<Request>, Problem> {
    let trace = Trace::open(&Input::memory("t.csv", text), options)?;
    let mut source = TraceSource::new(trace, shape, Seed::new(seed, 0), "main", request)?;
    let mut all = Vec::new();
    loop {
        let before = all.len();
        source.fill(&mut all)?;
        if all.len() == before {
            break;
        }
    }
    assert!(all.is_sorted_by_key(|request| request.arrival), "requests come in order");
    Ok(all)
}

fn requests(text: &str, shape: Shape) -> Vec<Request> {
    requests_with(text, &Options::default(), shape, 1).expect("the file is right")
}

fn seconds(requests: &[Request]) -> Vec<f64> {
    requests.iter().map(|request| request.arrival.as_secs_f64()).collect()
}

/// A row every `gap` seconds, keys in turn.
fn steady(rows: u32, gap: f64, keys: u32) -> String {
    let row = |i| format!("{},k{}", f64::from(i) * gap, i % keys);
    table("arrival_s,key", (0..rows).map(row))
}

#[test]
fn a_replay_is_the_file_itself() {
    let text = "arrival_s,key\n5,a\n5,b\n6.25,c\n9,d\n";
    assert_eq!(seconds(&requests(text, Shape::default())), [0.0, 0.0, 1.25, 4.0]);
}

#[test]
fn a_window_is_counted_from_the_first_row_and_speed_divides_time() {
    let text = steady(100, 1.0, 1);
    let window = Window::parse("10s..20s").unwrap();
    let part = requests(&text, Shape { window, ..Shape::default() });
    assert_eq!(seconds(&part), (0..10).map(f64::from).collect::<Vec<_>>());
    let faster = requests(&text, Shape { window, speed_up: 4.0, ..Shape::default() });
    assert_eq!(seconds(&faster), (0..10).map(|i| f64::from(i) / 4.0).collect::<Vec<_>>());
}

#[test]
fn absurd_shapes_are_refused() {
    for (key, shape) in [
        ("speed-up", Shape { speed_up: 0.0, ..Shape::default() }),
        ("rate-scale", Shape { rate_scale: f64::NAN, ..Shape::default() }),
        ("rate-scale", Shape { rate_scale: -1.0, ..Shape::default() }),
    ] {
        let problem = requests_with("t_s\n1\n", &Options::default(), shape, 1).unwrap_err();
        assert_eq!(problem.key(), Some(key));
    }
}

/// The binomial law within 3.29 standard deviations: level 0.001.
#[test]
fn thinning_keeps_the_share_it_is_told_and_the_same_requests_at_every_larger_share() {
    let text = steady(10_000, 0.5, 50);
    let kept = |rate_scale| requests(&text, Shape { rate_scale, ..Shape::default() });
    let (few, more) = (kept(0.3), kept(0.6));
    assert!((few.len() as f64 - 3000.0).abs() < 3.29 * 2100_f64.sqrt(), "{}", few.len());
    assert!(few.iter().all(|request| more.contains(request)));
    let by_key = requests(&text, Shape { rate_scale: 0.3, thin_by_key: true, ..Shape::default() });
    let mut keys: Vec<u64> = by_key.iter().map(|request| request.key).collect();
    keys.sort_unstable();
    assert!(keys.chunk_by(|a, b| a == b).all(|same| same.len() == 200), "keys stay whole");
}

#[test]
fn copies_multiply_the_rate_and_stay_close_without_making_batches() {
    let text = steady(10_000, 1.0, 1);
    let scaled = requests(&text, Shape { rate_scale: 2.3, ..Shape::default() });
    assert!((scaled.len() as f64 - 23_000.0).abs() < 3.29 * 2100_f64.sqrt(), "{}", scaled.len());
    let times = seconds(&scaled);
    let ties = times.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert!(ties < 10, "{ties} requests coincide");
    // Copies are at most sixteen requests late, so every minute still has its share.
    for start in (0..9_900).step_by(60) {
        let from = f64::from(start);
        let inside = times.iter().filter(|at| (from..from + 60.0).contains(*at)).count();
        assert!((100..=180).contains(&inside), "{inside} in the minute from {start}");
    }
}

#[test]
fn copies_do_not_fill_a_silence() {
    // Two bursts of a hundred requests, ten minutes apart.
    let burst = |start: f64| (0..100).map(move |i| (start + f64::from(i) * 0.1).to_string());
    let text = table("arrival_s", burst(0.0).chain(burst(600.0)));
    let scaled = requests(&text, Shape { rate_scale: 3.0, ..Shape::default() });
    assert_eq!(scaled.len(), 600);
    let silent = seconds(&scaled).iter().filter(|at| (12.0..600.0).contains(*at)).count();
    assert_eq!(silent, 0);
}

#[test]
fn ties_are_spread_inside_their_tick_on_request() {
    let text = "arrival_s,key\n0,a\n0,b\n0,c\n3,d\n3,e\n9,f\n";
    for spread in ["true", "'3s'"] {
        let wanted = options(&format!("spread = {spread}"));
        let times = seconds(&requests_with(text, &wanted, Shape::default(), 1).unwrap());
        for (at, tick) in times.iter().zip([0.0, 0.0, 0.0, 3.0, 3.0, 9.0]) {
            assert!((tick..tick + 3.0).contains(at), "{times:?}");
        }
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    }
    let trace = Trace::open(&Input::memory("t.csv", text), &options("spread = true")).unwrap();
    let source = TraceSource::new(trace, Shape::default(), Seed::new(1, 0), "main", request);
    let told = source.unwrap().advice().join("\n");
    assert!(told.contains("at random in the 3s after it"), "{told}");
    // A tick that is longer than the step to the next stamp ends there.
    let wanted = options("spread = '1m'");
    let times = seconds(&requests_with(text, &wanted, Shape::default(), 1).unwrap());
    assert!(times[2] < 3.0 && times[4] < 9.0, "{times:?}");
}

#[test]
fn counts_become_exactly_so_many_arrivals_inside_their_interval() {
    let text = "t_min,count\n0,7\n1,0\n2,100000\n4,3\n";
    let all = requests(text, Shape::default());
    let minute = |m: f64| {
        let inside = |at: &&f64| (m * 60.0..m * 60.0 + 60.0).contains(*at);
        seconds(&all).iter().filter(inside).count()
    };
    assert_eq!([0.0, 1.0, 2.0, 3.0, 4.0].map(minute), [7, 0, 100_000, 0, 3]);
    let tripled = requests(text, Shape { rate_scale: 3.0, ..Shape::default() });
    assert_eq!(tripled.len(), 3 * all.len());
}

#[test]
fn a_window_of_counts_brings_the_arrivals_the_whole_file_has_there() {
    let text = "t_min,count\n0,500\n1,300\n2,800\n3,900\n";
    let whole = seconds(&requests(text, Shape::default()));
    let window = Window::parse("90s..3m").unwrap();
    let part = seconds(&requests(text, Shape { window, ..Shape::default() }));
    let there: Vec<f64> = whole.into_iter().filter(|at| (90.0..180.0).contains(at)).collect();
    assert_eq!(part.len(), there.len());
    assert!(part.iter().zip(&there).all(|(a, b)| (a + 90.0 - b).abs() < 1e-8));
}

/// The Poisson law within 3.29 standard deviations: level 0.001.
#[test]
fn rates_become_poisson_counts_and_rows_of_one_interval_run_side_by_side() {
    let text = "category,model,window_start_s,total_rate_rps\nl,a,0,100\nl,a,600,100\n\
                r,b,0,50\nr,b,600,0\n";
    let all = requests(text, Shape::default());
    let of = |class| all.iter().filter(|request| request.class == class).count() as f64;
    assert!((of(0) - 120_000.0).abs() < 3.29 * 120_000_f64.sqrt(), "{}", of(0));
    assert!((of(1) - 30_000.0).abs() < 3.29 * 30_000_f64.sqrt(), "{}", of(1));
    let first = &all[..1000];
    assert!(first.iter().any(|request| request.class == 0));
    assert!(first.iter().any(|request| request.class == 1));
}

#[test]
fn the_same_seed_gives_the_same_requests_and_another_seed_others() {
    let text = "t_min,count\n0,500\n1,300\n";
    let drawn = |seed| requests_with(text, &Options::default(), Shape::default(), seed).unwrap();
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}

#[test]
fn the_source_tells_what_was_understood_and_what_was_done() {
    let text = steady(100, 1.0, 1);
    let trace = Trace::open(&Input::memory("t.csv", text), &Options::default()).unwrap();
    let window = Window::parse("10s..").unwrap();
    let shape = Shape { window, speed_up: 2.0, rate_scale: 0.5, ..Shape::default() };
    let mut source = TraceSource::new(trace, shape, Seed::new(1, 0), "main", request).unwrap();
    let mut all = Vec::new();
    source.fill(&mut all).unwrap();
    let told = source.advice().join("\n");
    assert!(told.contains(&format!("{} requests lie in the window 10s..", all.len())), "{told}");
    assert!(told.contains("2 times as fast") && told.contains("0.5 of the requests"), "{told}");
}

#[test]
fn a_count_nobody_could_simulate_is_refused() {
    let problem =
        requests_with("t_s,count\n0,9e15\n60,1\n", &Options::default(), Shape::default(), 1);
    assert!(problem.unwrap_err().message().contains("more than anybody could simulate"));
}
