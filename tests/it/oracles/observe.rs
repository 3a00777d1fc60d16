//! Probes that count what the intervals need: exceedances, waits by class, numbers found, gaps.

use plimsoll::model::{Completion, Fate, Request};
use plimsoll::probe::Probe;
use plimsoll::time::{Duration, Instant};

/// A random time (in nanoseconds) or number whose quantiles are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Variable {
    /// From arrival to end, of completed requests.
    Latency,
    /// From arrival to the start of service, of completed requests.
    Wait,
    /// The time in the queue of all that were let in, also of those who left it.
    InQueue,
    /// The number in system that an arrival finds, which is that of any time if arrivals are
    /// Poisson.
    Found,
}

/// How many values reach each of a few thresholds.
#[derive(Clone, Debug, Default)]
pub(super) struct Cuts {
    at: Vec<u64>,
    bins: Vec<u64>,
}

impl Cuts {
    fn new(mut at: Vec<u64>) -> Self {
        at.sort_unstable();
        at.dedup();
        Self { bins: vec![0; at.len() + 1], at }
    }

    #[inline]
    fn record(&mut self, value: u64) {
        // Most values are below most thresholds, which are far out in the tail.
        let bin = self.at.iter().position(|&cut| value < cut).unwrap_or(self.at.len());
        self.bins[bin] += 1;
    }

    /// How many values were at least `cut`, one of the thresholds.
    pub(super) fn reach(&self, cut: u64) -> f64 {
        let place = self.at.binary_search(&cut).expect("only thresholds are asked for");
        self.bins[place + 1..].iter().sum::<u64>() as f64
    }

    /// How many values there were.
    pub(super) fn count(&self) -> f64 {
        self.bins.iter().sum::<u64>() as f64
    }
}

/// Count, sum and sum of squares.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) squares: f64,
}

impl Sums {
    fn record(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    /// The sum of squares about a given centre.
    pub(super) fn about(&self, centre: f64) -> f64 {
        self.squares - 2.0 * centre * self.sum + self.count * centre * centre
    }
}

/// What the probes of a replication have to know beforehand.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// The thresholds of each variable.
    pub(super) cuts: Vec<(Variable, u64)>,
    /// The width of the windows in which arrivals are counted.
    pub(super) window: Option<Duration>,
    /// Whether the number in system is counted at arrivals.
    pub(super) census: bool,
}

impl Plan {
    fn cuts_of(&self, variable: Variable) -> Cuts {
        let own = self.cuts.iter().filter(|(of, _)| *of == variable);
        Cuts::new(own.map(|(_, cut)| *cut).collect())
    }
}

/// Counts requests by what became of them; the order of completions does not matter to it.
#[derive(Clone, Debug)]
pub(super) struct Watcher {
    from: Instant,
    pub(super) latency: Cuts,
    pub(super) wait: Cuts,
    pub(super) in_queue: Cuts,
    /// Seconds in the queue of all that were let in.
    pub(super) queueing: Sums,
    /// Seconds that completed requests of each class waited.
    pub(super) classes: [Sums; 2],
    /// Requests still in the system at the horizon.
    pub(super) left: u64,
    pub(super) windows: Windows,
    pub(super) gaps: Gaps,
}

impl Watcher {
    pub(super) fn new(plan: &Plan, from: Instant, until: Instant) -> Self {
        let windows = plan.window.map_or_else(Windows::default, |width| Windows {
            width,
            from,
            whole: (until - from).0 / width.0,
            ..Windows::default()
        });
        Self {
            from,
            latency: plan.cuts_of(Variable::Latency),
            wait: plan.cuts_of(Variable::Wait),
            in_queue: plan.cuts_of(Variable::InQueue),
            queueing: Sums::default(),
            classes: [Sums::default(); 2],
            left: 0,
            windows,
            gaps: Gaps::default(),
        }
    }
}

impl Probe for Watcher {
    #[inline]
    fn arrival(&mut self, request: &Request, _: u64) {
        if request.arrival >= self.from && self.windows.width > Duration::ZERO {
            self.windows.arrival(request.arrival);
            self.gaps.arrival(request.arrival);
        }
    }

    #[inline]
    fn completion(&mut self, done: &Completion, _: u64) {
        if done.request.arrival < self.from {
            return;
        }
        let wait = done.wait();
        if done.fate == Fate::Completed {
            self.latency.record(done.latency().0);
            self.wait.record(wait.0);
            if let Some(class) = self.classes.get_mut(usize::from(done.request.class)) {
                class.record(wait.as_secs_f64());
            }
        }
        if done.fate != Fate::Rejected {
            self.in_queue.record(wait.0);
            self.queueing.record(wait.as_secs_f64());
        }
    }

    fn beyond(&mut self, _: &Completion, _: Instant) {
        self.left += 1;
    }
}

/// Arrivals counted in windows of equal width that follow each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Windows {
    width: Duration,
    from: Instant,
    /// Windows that lie in the run wholly.
    whole: u64,
    now: u64,
    arrivals: u64,
    closed: Sums,
}

impl Windows {
    fn arrival(&mut self, at: Instant) {
        let index = (at - self.from).0 / self.width.0;
        if index != self.now {
            self.close();
            self.now = index;
        }
        self.arrivals += 1;
    }

    fn close(&mut self) {
        if self.now < self.whole {
            self.closed.record(self.arrivals as f64);
        }
        self.arrivals = 0;
    }

    /// The sums over all whole windows, the empty ones too.
    pub(super) fn sums(&self) -> Sums {
        let mut all = self.clone();
        all.close();
        Sums { count: self.whole as f64, ..all.closed }
    }
}

/// Gaps between arrivals in seconds, and the products of neighbouring ones.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gaps {
    last: Option<Instant>,
    before: Option<f64>,
    pub(super) sums: Sums,
    pub(super) pairs: f64,
    pub(super) firsts: f64,
    pub(super) seconds: f64,
    pub(super) products: f64,
}

impl Gaps {
    fn arrival(&mut self, at: Instant) {
        let Some(last) = self.last.replace(at) else { return };
        let gap = (at - last).as_secs_f64();
        self.sums.record(gap);
        if let Some(before) = self.before.replace(gap) {
            self.pairs += 1.0;
            self.firsts += before;
            self.seconds += gap;
            self.products += before * gap;
        }
    }

    /// The sum of products of neighbours about a given centre.
    pub(super) fn products_about(&self, centre: f64) -> f64 {
        self.products - centre * (self.firsts + self.seconds) + self.pairs * centre * centre
    }
}

/// Counts what each arrival finds: it needs completions in the order of their ends.
#[derive(Clone, Debug)]
pub(super) struct Census {
    from: Instant,
    present: u64,
    pub(super) found: Cuts,
    pub(super) sums: Sums,
}

impl Census {
    pub(super) fn new(plan: &Plan, from: Instant) -> Self {
        let found = plan.cuts_of(Variable::Found);
        Self { from, present: 0, found, sums: Sums::default() }
    }
}

impl Probe for Census {
    const ORDERED: bool = true;

    fn arrival(&mut self, request: &Request, _: u64) {
        if request.arrival >= self.from {
            self.found.record(self.present);
            self.sums.record(self.present as f64);
        }
        self.present += 1;
    }

    fn completion(&mut self, _: &Completion, _: u64) {
        self.present -= 1;
    }
}
