//! Randomness by name: what is turned on in one place draws nothing from another, so that variants
//! of a comparison meet the same failures.

use plimsoll::model::{Completion, Fate};
use plimsoll::probe::{Note, Probe};
use plimsoll::time::Duration;

use super::{run_again, scenario, steady, times};

/// How each request ended, by its number: its latency in nanoseconds and its fate.
#[derive(Default)]
struct Ends {
    ends: Vec<Option<(u64, Fate)>>,
    faults: Vec<(u64, bool)>,
}

impl Probe for Ends {
    fn completion(&mut self, done: &Completion, index: u64) {
        let index = index as usize;
        self.ends.resize(self.ends.len().max(index + 1), None);
        self.ends[index] = Some((done.latency().0, done.fate));
    }
    fn note(&mut self, now: plimsoll::time::Instant, note: Note) {
        if let Note::Fault(_, _, comes) = note {
            self.faults.push((now.0, comes));
        }
    }
}

fn ends(text: &str) -> Ends {
    scenario(text).simulate(0, Duration::ZERO, Ends::default(), &()).unwrap().1
}

#[test]
fn the_next_check_is_any_part_of_an_interval_away_when_a_server_fails() {
    let text = |servers: &str| {
        steady(1000, 10)
            + &format!(
                "[pool.main]\nservers = 8\n[failure.crash]\nfault = 'outage'\nat = '4s'\n\
                 servers = [{servers}]\n[health.checks]\ninterval = '2s'\nfall = 1\n\
                 [run]\nduration = '8s'\n"
            )
    };
    let mut shares: Vec<f64> = (0..200)
        .map(|replication| {
            (times(&run_again(&text("3"), replication), "marked-down")[0].0 - 4.0) / 2.0
        })
        .collect();
    shares.sort_by(f64::total_cmp);
    // Kolmogorov and Smirnov's distance from the even law: 1.95 / √n is passed once in a thousand.
    let distance = (0..200).map(|at| {
        let (low, high) = (at as f64 / 200.0, (at + 1) as f64 / 200.0);
        (shares[at] - low).abs().max((high - shares[at]).abs())
    });
    let distance = distance.fold(0.0, f64::max);
    assert!(distance < 1.95 / 200_f64.sqrt(), "{distance}");
    // Within a run they are spread, as those of real checkers are: no two together.
    let all = times(&run_again(&text("0, 1, 2, 3, 4, 5, 6, 7"), 0), "marked-down");
    let at: Vec<f64> = all.iter().map(|line| line.0).collect();
    assert_eq!(at.len(), 8);
    assert!(at.windows(2).all(|pair| pair[1] - pair[0] > 0.1), "{at:?}");
}

#[test]
fn errors_of_one_server_are_drawn_apart_from_those_of_another() {
    let text = |servers: &str| {
        steady(100, 10)
            + "[pool.main]\nservers = 2\n[balancer]\npolicy = 'round-robin'\n[failure.bad]\n\
               fault = 'errors'\nshare = 0.5\nat = '0s'\n"
            + &format!("servers = [{servers}]\n[run]\nrequests = 400\n")
    };
    let failed = |text: &str, first: usize| -> Vec<bool> {
        let ends = ends(text).ends;
        let failed = ends.iter().map(|end| end.is_some_and(|it| it.1 == Fate::Failed));
        failed.skip(first).step_by(2).collect()
    };
    let (one, both) = (text("1"), text("0, 1"));
    let odd = usize::from(!failed(&one, 1).contains(&true));
    assert_eq!(failed(&one, 1 - odd), failed(&both, 1 - odd), "those of server 1");
    assert_ne!(failed(&both, 0), failed(&both, 1));
}

#[test]
fn a_retry_waits_as_long_whatever_other_requests_do() {
    let text = |from: u32| {
        steady(1000, 1)
            + &format!(
                "[pool.main]\nservers = 1\n[failure.bad]\nfault = 'errors'\nshare = 1.0\n\
               at = '{from}s'\n[retry]\nattempts = 3\nbackoff = 'exponential:base=100ms'\n\
               [run]\nrequests = 40\n"
            )
    };
    let (early, late) = (ends(&text(0)).ends, ends(&text(20)).ends);
    assert_eq!(early[22..], late[22..]);
    assert_ne!(early[22], early[23], "and each its own");
}

#[test]
fn another_law_of_repair_leaves_the_times_between_failures() {
    let spans = |down: &str| -> Vec<u64> {
        let text = steady(1000, 1)
            + "[pool.main]\nservers = 1\n[failure.breakdown]\nfault = 'outage'\n\
               up = 'exponential:mean=20s'\n"
            + &format!("down = '{down}'\n[run]\nduration = '300s'\n");
        let faults = ends(&text).faults;
        let mut repaired = 0;
        let span = |&(at, comes): &(u64, bool)| {
            let span = comes.then_some(at - repaired);
            repaired = at;
            span
        };
        faults.iter().filter_map(span).collect()
    };
    let (fixed, drawn) = (spans("constant:value=2s"), spans("lognormal:mean=2s,cv=1"));
    let common = fixed.len().min(drawn.len());
    assert!(common > 5);
    assert_eq!(fixed[..common], drawn[..common]);
}

#[test]
fn a_copy_brings_the_same_demand_whatever_other_requests_do() {
    // One of two servers hangs; from the tenth second on, or from the start, copies go elsewhere.
    let text = |from: u32| {
        "[traffic.main]\narrivals = { process = 'deterministic', rate = '1/s' }\n\
         service = 'exponential:mean=10ms'\n[pool.main]\nservers = 2\n[balancer]\n\
         policy = 'round-robin'\n[failure.stuck]\nfault = 'slow'\nspeed = 0.000001\n"
            .to_owned()
            + &format!(
                "servers = [0]\nat = '{from}s'\n[hedge]\ndelay = '500ms'\ndemand = 'own'\n\
               [run]\nrequests = 30\n"
            )
    };
    let (early, late) = (ends(&text(0)).ends, ends(&text(10)).ends);
    assert_eq!(early[12..], late[12..]);
    let copies = early.iter().flatten().filter(|end| end.0 > 500_000_000).count();
    assert!(copies >= 14, "{copies}");
}
