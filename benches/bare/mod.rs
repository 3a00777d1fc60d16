//! The limits: hand-written loops for one model each, with no engine and nothing to swap.

use std::collections::VecDeque;
use std::time::Instant as Clock;

use plimsoll::rng::{Purpose, Seed, Stream};
use plimsoll::stats::Tally;
use rand_distr::{Distribution, Exp1};

const SEED: Seed = Seed::new(1, 0);

struct Draws {
    arrivals: Stream,
    demands: Stream,
    gap_ns: f64,
    now: u64,
}

impl Draws {
    fn new(rate: f64) -> Self {
        Self {
            arrivals: SEED.stream(Purpose::Arrival, "main"),
            demands: SEED.stream(Purpose::Demand, "main"),
            gap_ns: 1e9 / rate,
            now: 0,
        }
    }

    #[inline]
    fn next(&mut self) -> (u64, u64) {
        let gap: f64 = Exp1.sample(&mut self.arrivals);
        let demand: f64 = Exp1.sample(&mut self.demands);
        self.now += (gap * self.gap_ns + 0.5) as u64;
        (self.now, (demand * 1e9 + 0.5) as u64)
    }
}

fn timed(requests: u64, run: impl FnOnce() -> Tally) -> (f64, f64) {
    let clock = Clock::now();
    let tally = run();
    let ns = clock.elapsed().as_nanos() as f64 / requests as f64;
    (ns, tally.moments.mean().unwrap_or(f64::NAN))
}

/// One queue before `slots` slots: the Kiefer–Wolfowitz recursion on a sorted array.
pub(crate) fn kiefer_wolfowitz(slots: usize, load: f64, requests: u64) -> (f64, f64) {
    timed(requests, || {
        let mut draws = Draws::new(load * slots as f64);
        let mut free = vec![0_u64; slots];
        let mut tally = Tally::new();
        for _ in 0..requests {
            let (arrival, demand) = draws.next();
            let end = free[0].max(arrival) + demand;
            let mut at = 0;
            while at + 1 < slots && free[at + 1] < end {
                free[at] = free[at + 1];
                at += 1;
            }
            free[at] = end;
            tally.record(end - arrival);
        }
        tally
    })
}

/// Parallel one-slot servers by events: a tournament of departures, the next arrival beside it.
pub(crate) fn events(servers: usize, load: f64, policy: &str, requests: u64) -> (f64, f64) {
    timed(requests, || {
        let mut route = SEED.stream(Purpose::Route, "0");
        let mut turn = 0_usize;
        let mut shortest = Shortest::new(servers);
        match policy {
            "random" => simulate(servers, load, requests, |event| match event {
                Event::Pick(_) => route.below(servers as u32) as usize,
                Event::Sent(_) | Event::Left(_) => 0,
            }),
            "round-robin" => simulate(servers, load, requests, |event| match event {
                Event::Pick(_) => {
                    turn = (turn + 1) % servers;
                    turn
                }
                Event::Sent(_) | Event::Left(_) => 0,
            }),
            "power-of-choices" => simulate(servers, load, requests, |event| match event {
                Event::Pick(queues) => {
                    let a = route.below(servers as u32) as usize;
                    let b = route.below(servers as u32 - 1) as usize;
                    let b = if b >= a { b + 1 } else { b };
                    if queues[b].len() < queues[a].len() { b } else { a }
                }
                Event::Sent(_) | Event::Left(_) => 0,
            }),
            _ => simulate(servers, load, requests, |event| match event {
                Event::Pick(_) => shortest.least(&mut route),
                Event::Sent(server) => shortest.shift(server, 1),
                Event::Left(server) => shortest.shift(server, -1),
            }),
        }
    })
}

enum Event<'a> {
    Pick(&'a [VecDeque<(u64, u64)>]),
    Sent(usize),
    Left(usize),
}

fn simulate(
    servers: usize,
    load: f64,
    requests: u64,
    mut policy: impl FnMut(Event<'_>) -> usize,
) -> Tally {
    let mut draws = Draws::new(load * servers as f64);
    let mut queues: Vec<VecDeque<(u64, u64)>> = vec![VecDeque::new(); servers];
    let leaves = servers.next_power_of_two();
    let mut tree = vec![(u64::MAX, 0_u32); 2 * leaves];
    let set = |tree: &mut [(u64, u32)], server: usize, at: u64| {
        let mut here = leaves + server;
        tree[here] = (at, server as u32);
        while here > 1 {
            let (left, right) = (tree[here & !1], tree[here | 1]);
            here /= 2;
            tree[here] = if right.0 < left.0 { right } else { left };
        }
    };
    let mut tally = Tally::new();
    for sent in 0..=requests {
        let (arrival, demand) = if sent < requests { draws.next() } else { (u64::MAX, 0) };
        while tree[1].0 <= arrival && tree[1].0 != u64::MAX {
            let (now, server) = (tree[1].0, tree[1].1 as usize);
            let (came, _) = queues[server].pop_front().expect("someone departs");
            let next = queues[server].front().map_or(u64::MAX, |&(_, demand)| now + demand);
            set(&mut tree, server, next);
            policy(Event::Left(server));
            tally.record(now - came);
        }
        if sent < requests {
            let server = policy(Event::Pick(&queues));
            policy(Event::Sent(server));
            queues[server].push_back((arrival, demand));
            if queues[server].len() == 1 {
                set(&mut tree, server, arrival + demand);
            }
        }
    }
    tally
}

/// The shortest queue in O(1): servers in arrays by their count.
struct Shortest {
    buckets: Vec<Vec<u32>>,
    count: Vec<usize>,
    place: Vec<usize>,
    lowest: usize,
}

impl Shortest {
    fn new(servers: usize) -> Self {
        let all: Vec<u32> = (0..servers as u32).collect();
        Self {
            buckets: vec![all],
            count: vec![0; servers],
            place: (0..servers).collect(),
            lowest: 0,
        }
    }

    fn least(&self, route: &mut Stream) -> usize {
        let bucket = &self.buckets[self.lowest];
        bucket[route.below(bucket.len() as u32) as usize] as usize
    }

    fn shift(&mut self, server: usize, by: isize) -> usize {
        let (count, place) = (self.count[server], self.place[server]);
        self.buckets[count].swap_remove(place);
        if let Some(&moved) = self.buckets[count].get(place) {
            self.place[moved as usize] = place;
        }
        let count = count.wrapping_add_signed(by);
        self.count[server] = count;
        if count == self.buckets.len() {
            self.buckets.push(Vec::new());
        }
        self.place[server] = self.buckets[count].len();
        self.buckets[count].push(server as u32);
        self.lowest = self.lowest.min(count);
        while self.buckets[self.lowest].is_empty() {
            self.lowest += 1;
        }
        0
    }
}
