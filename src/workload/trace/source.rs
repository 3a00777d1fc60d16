//! Requests from rows: a window of the file, faster or denser than it was recorded.
//!
//! What is done, and what it does to the index of dispersion I(t), the variance over the mean of
//! the counts in intervals of length t:
//!
//! - `speed-up = k`: every time is divided by k. I(t) becomes I(kt): the same users, faster.
//! - `rate-scale = p` below 1: each request is kept with probability p. 1 + p (I(t) − 1).
//! - `rate-scale = k` above 1: each request comes ⌊k⌋ times, and once more with probability
//!   f = k − ⌊k⌋; copies are late by a uniform time. k I(t) + f (1 − f) / k for t well above that
//!   time: growth in which users act together, the worst case.
//! - Either for counts and rates: the count is thinned or multiplied, then placed in its interval.
//!   The same, from the length of an interval on.
//!
//! How late a copy may be follows the traffic: at most the time that sixteen requests take just
//! before, or just after, whichever is shorter. So copies make no batches where there were
//! none, bursts stay as long as they were, and a silence stays silent.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::{Row, Shape, Spread, Trace, Window};
use crate::diagnose::Problem;
use crate::model::Request;
use crate::rng::{Purpose, Seed, Stream, split_mix};
use crate::time::{Duration, Instant};
use crate::units::grouped;
use crate::workload::aggregate::{Scatter, Urn, draw_count};
use crate::workload::{CHUNK, Source};

/// Fills in what a trace lacks: demands, tokens, keys, each drawn from its own stream.
pub trait Complete: Send {
    /// The request of a row; its arrival is set by the source.
    fn complete(&mut self, row: &Row) -> Request;
}

impl<F: FnMut(&Row) -> Request + Send> Complete for F {
    fn complete(&mut self, row: &Row) -> Request {
        self(row)
    }
}

/// The requests of a trace, in order of arrival.
pub struct TraceSource<C> {
    rows: Rows,
    shape: Shape,
    complete: C,
    row: Row,
    over: bool,
    sent: u64,
}

/// Rows one by one, each a request: the file's own, spread or multiplied, or out of intervals.
enum Rows {
    Events(Box<Events>),
    Intervals(Box<Intervals>),
}

struct Events {
    trace: Trace,
    spreader: Option<Spreader>,
    scaler: Option<Scaler>,
}

impl<C: Complete> TraceSource<C> {
    /// Makes requests of the rows of `trace`; `class` names the random streams.
    pub fn new(
        mut trace: Trace,
        shape: Shape,
        seed: Seed,
        class: &str,
        complete: C,
    ) -> Result<Self, Problem> {
        shape.check()?;
        let rows = if trace.interval().is_some() {
            Rows::Intervals(Box::new(Intervals::new(trace, &shape, seed, class)))
        } else {
            let tick = match trace.options.spread {
                Some(Spread::Tick(tick)) => Some(tick),
                Some(Spread::Seen(true)) => trace.step()?,
                Some(Spread::Seen(false)) | None => None,
            };
            let spreader = tick.map(|tick| Spreader::new(tick, seed, class));
            let scaler = (shape.rate_scale != 1.0).then(|| Scaler::new(&shape, seed, class));
            Rows::Events(Box::new(Events { trace, spreader, scaler }))
        };
        Ok(Self { rows, shape, complete, row: Row::default(), over: false, sent: 0 })
    }

    /// The trace that is read, for what was understood of it.
    pub fn trace(&self) -> &Trace {
        match &self.rows {
            Rows::Events(events) => &events.trace,
            Rows::Intervals(intervals) => &intervals.trace,
        }
    }
}

impl<C> TraceSource<C> {
    /// So long a stretch of the trace as it is replayed.
    #[inline]
    fn sped_up(&self, span: Duration) -> Duration {
        match self.shape.speed_up {
            1.0 => span,
            faster => Duration((span.0 as f64 / faster).round() as u64),
        }
    }

    fn nothing_in_the_window(&self) -> Problem {
        let Window { from, .. } = self.shape.window;
        let message = format!("the window {} of the trace has no requests", self.shape.window);
        let last = self.row.at.since(Instant::START);
        Problem::about("window", message).help(if last < from {
            format!("the last request arrives {last} after the first")
        } else {
            "choose a longer one: `plimsoll inspect` shows when requests arrive".to_owned()
        })
    }
}

impl Rows {
    #[inline]
    fn next(&mut self, row: &mut Row) -> Result<bool, Problem> {
        match self {
            Self::Events(events) => events.next(row),
            Self::Intervals(intervals) => intervals.next(row),
        }
    }
}

impl Events {
    #[inline]
    fn next(&mut self, row: &mut Row) -> Result<bool, Problem> {
        let Self { trace, spreader, scaler } = self;
        let mut upstream = |row: &mut Row| match spreader {
            Some(spreader) => spreader.next(trace, row),
            None => trace.next(row),
        };
        match scaler {
            Some(scaler) => scaler.next(&mut upstream, row),
            None => upstream(row),
        }
    }
}

impl<C: Complete> Source for TraceSource<C> {
    fn fill(&mut self, out: &mut Vec<Request>) -> Result<(), Problem> {
        let (from, until) = (self.shape.window.from.0, self.shape.window.until.0);
        let goal = out.len() + CHUNK;
        while out.len() < goal && !self.over {
            if !self.rows.next(&mut self.row)? {
                self.over = true;
                break;
            }
            let at = self.row.at.0;
            if at < from {
                continue;
            }
            if at >= until {
                self.over = true;
                break;
            }
            self.row.at = Instant::START + self.sped_up(Duration(at - from));
            let request = self.complete.complete(&self.row);
            out.push(Request { arrival: self.row.at, ..request });
        }
        self.sent += (out.len() + CHUNK - goal) as u64;
        if self.over && self.sent == 0 && self.shape.window != Window::ALL {
            return Err(self.nothing_in_the_window());
        }
        Ok(())
    }

    fn share(&self) -> Option<f64> {
        self.trace().share()
    }

    fn end(&mut self) -> Option<Instant> {
        let Rows::Intervals(intervals) = &self.rows else { return None };
        let Window { from, until } = self.shape.window;
        let end = Duration(intervals.end.0.min(until.0).saturating_sub(from.0));
        Some(Instant::START + self.sped_up(end))
    }

    fn advice(&mut self) -> Vec<String> {
        let mut advice = self.trace().understanding().advice();
        let Shape { window, speed_up, rate_scale, .. } = self.shape;
        if let Rows::Events(events) = &self.rows
            && let Some(Spreader { tick, .. }) = &events.spreader
        {
            advice
                .push(format!("requests of one stamp are placed at random in the {tick} after it"));
        }
        if window != Window::ALL {
            advice.push(format!(
                "{} requests lie in the window {window}; what comes after it is not read",
                grouped(self.sent)
            ));
        }
        if speed_up != 1.0 {
            advice.push(format!("time runs {speed_up} times as fast as it was recorded"));
        }
        if rate_scale > 1.0 {
            advice.push(format!(
                "{rate_scale} requests arrive for each one recorded, copies close to it: growth in \
                 which users act together, so bursts grow as well"
            ));
        } else if rate_scale < 1.0 {
            advice.push(format!("{rate_scale} of the requests are kept, which dampens bursts"));
        }
        advice
    }
}

/// Places the requests of one stamp at random inside the tick that the stamp was rounded to.
struct Spreader {
    tick: Duration,
    scatter: Scatter,
    stream: Stream,
    /// The requests of the current stamp that are still to come.
    group: VecDeque<Row>,
    /// The first request of the next stamp.
    held: Option<Row>,
    started: bool,
}

impl Spreader {
    fn new(tick: Duration, seed: Seed, class: &str) -> Self {
        Self {
            tick,
            scatter: Scatter::new(),
            stream: seed.stream(Purpose::Spread, class),
            group: VecDeque::new(),
            held: None,
            started: false,
        }
    }

    fn next(&mut self, trace: &mut Trace, row: &mut Row) -> Result<bool, Problem> {
        if self.group.is_empty() && !self.gather(trace)? {
            return Ok(false);
        }
        *row = self.group.pop_front().expect("gather left at least one");
        row.at = self.scatter.next(&mut self.stream).expect("there are as many places as requests");
        Ok(true)
    }

    /// Takes all requests of the next stamp; their places reach to the stamp after at most.
    fn gather(&mut self, trace: &mut Trace) -> Result<bool, Problem> {
        let mut row = Row::default();
        if !self.started {
            self.started = true;
            self.held = trace.next(&mut row)?.then_some(row);
        }
        let Some(first) = self.held.take() else {
            return Ok(false);
        };
        self.group.push_back(first);
        let mut length = self.tick;
        while trace.next(&mut row)? {
            if row.at != first.at {
                length = length.min(row.at.since(first.at));
                self.held = Some(row);
                break;
            }
            self.group.push_back(row);
        }
        self.scatter.begin(first.at, length, self.group.len() as u64);
        Ok(true)
    }
}

/// How many requests before and after a request tell how late its copies may be.
const AROUND: usize = 16;

/// Keeps some requests, or adds copies that are a little late.
struct Scaler {
    scale: f64,
    by_key: bool,
    salt: u64,
    stream: Stream,
    /// Requests read but not yet handed out, and the times of the last ones that were.
    ahead: VecDeque<Row>,
    behind: VecDeque<Instant>,
    copies: BinaryHeap<Reverse<Late>>,
    made: u64,
}

/// A copy that waits for its time; of equal times the one made first comes first.
struct Late {
    row: Row,
    number: u64,
}

impl Late {
    fn rank(&self) -> (Instant, u64) {
        (self.row.at, self.number)
    }
}

impl PartialEq for Late {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Late {}

impl PartialOrd for Late {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Late {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl Scaler {
    fn new(shape: &Shape, seed: Seed, class: &str) -> Self {
        use rand::Rng;
        let mut stream = seed.stream(Purpose::Arrival, class);
        Self {
            scale: shape.rate_scale,
            by_key: shape.thin_by_key,
            salt: stream.next_u64(),
            stream,
            ahead: VecDeque::new(),
            behind: VecDeque::new(),
            copies: BinaryHeap::new(),
            made: 0,
        }
    }

    fn next(
        &mut self,
        upstream: &mut impl FnMut(&mut Row) -> Result<bool, Problem>,
        row: &mut Row,
    ) -> Result<bool, Problem> {
        if self.scale < 1.0 {
            while upstream(row)? {
                if self.luck(row) < self.scale {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        let mut next = Row::default();
        while self.ahead.len() <= AROUND && upstream(&mut next)? {
            self.ahead.push_back(next);
        }
        let original = self.ahead.front().map(|row| row.at);
        match self.copies.peek() {
            Some(Reverse(late)) if original.is_none_or(|at| late.row.at <= at) => {
                *row = late.row;
                self.copies.pop();
            }
            _ => match self.ahead.pop_front() {
                Some(first) => {
                    *row = first;
                    self.copy(&first);
                }
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    /// A uniform number of a request: the same for all of a key where keys stay together, so that
    /// the requests kept at a small scale are among those kept at a larger one.
    fn luck(&mut self, row: &Row) -> f64 {
        match row.key.filter(|_| self.by_key) {
            Some(key) => (split_mix(key ^ self.salt) >> 11) as f64 / (1_u64 << 53) as f64,
            None => self.stream.open01(),
        }
    }

    fn copy(&mut self, row: &Row) {
        let after = self.ahead.get(AROUND - 1).map(|later| later.at.since(row.at));
        let before = (self.behind.len() == AROUND).then(|| row.at.since(self.behind[0]));
        let latest = match (before, after) {
            (Some(before), Some(after)) => before.min(after),
            (Some(one), None) | (None, Some(one)) => one,
            // A trace of a few rows: as far as it reaches.
            (None, None) => self.ahead.back().map_or(Duration::ZERO, |last| last.at.since(row.at)),
        };
        if self.behind.len() == AROUND {
            self.behind.pop_front();
        }
        self.behind.push_back(row.at);
        let extra = u64::from(self.stream.open01() < self.scale.fract());
        for _ in 0..self.scale.trunc() as u64 - 1 + extra {
            let late = (latest.0 as f64 * self.stream.open01()) as u64;
            let row = Row { at: row.at + Duration(late), ..*row };
            self.copies.push(Reverse(Late { row, number: self.made }));
            self.made += 1;
        }
    }
}

/// More requests in one interval would take days to simulate, and sums of them would overflow.
const MOST: u64 = 1 << 50;

/// The arrivals inside intervals of counts or rates.
struct Intervals {
    trace: Trace,
    seed: Seed,
    class: String,
    interval: Duration,
    window: Window,
    scale: f64,
    /// The rows of the current interval, and whose arrivals are still to come.
    rows: Vec<Row>,
    counts: Vec<u64>,
    urn: Urn,
    scatter: Scatter,
    stream: Stream,
    held: Option<Row>,
    started: bool,
    /// The end of the last interval that was entered.
    end: Instant,
}

impl Intervals {
    fn new(trace: Trace, shape: &Shape, seed: Seed, class: &str) -> Self {
        Self {
            interval: trace.interval().unwrap_or(Duration::ZERO),
            trace,
            seed,
            class: class.to_owned(),
            window: shape.window,
            scale: shape.rate_scale,
            rows: Vec::new(),
            counts: Vec::new(),
            urn: Urn::default(),
            scatter: Scatter::new(),
            stream: seed.stream(Purpose::Arrival, class),
            held: None,
            started: false,
            end: Instant::START,
        }
    }

    #[inline]
    fn next(&mut self, row: &mut Row) -> Result<bool, Problem> {
        loop {
            if let Some(at) = self.scatter.next(&mut self.stream) {
                if self.rows.len() > 1 {
                    *row = self.rows[self.urn.draw(&mut self.stream)];
                }
                row.at = at;
                return Ok(true);
            }
            if !self.enter()? {
                return Ok(false);
            }
            // All arrivals of an interval with one row are alike but for their time.
            *row = self.rows[0];
        }
    }

    /// Takes the rows of the next interval. Each interval has its own stream, so that a window
    /// brings the very arrivals that the whole file would have had there.
    fn enter(&mut self) -> Result<bool, Problem> {
        let mut row = Row::default();
        if !self.started {
            self.started = true;
            self.held = self.trace.next(&mut row)?.then_some(row);
        }
        let Some(first) = self.held.take() else {
            return Ok(false);
        };
        if first.at.0 >= self.window.until.0 {
            return Ok(false);
        }
        self.end = first.at + self.interval;
        self.rows.clear();
        self.rows.push(first);
        while self.trace.next(&mut row)? {
            if row.at != first.at {
                self.held = Some(row);
                break;
            }
            self.rows.push(row);
        }
        if (first.at + self.interval).0 <= self.window.from.0 {
            return Ok(true);
        }
        let number = first.at.0 / self.interval.0.max(1);
        self.stream = self.seed.stream(Purpose::Arrival, &format!("{}/{number}", self.class));
        self.counts.clear();
        for row in &self.rows {
            self.counts.push(draw_count(row.arrivals, self.scale, &mut self.stream));
        }
        let total = self.counts.iter().fold(0, |sum: u64, count| sum.saturating_add(*count));
        if total > MOST {
            return Err(Problem::new(format!(
                "{} requests arrive in one interval, more than anybody could simulate",
                grouped(total)
            ))
            .help("check the column of counts and `rate-scale`"));
        }
        if self.rows.len() > 1 {
            self.urn.fill(&self.counts);
        }
        self.scatter.begin(first.at, self.interval, total);
        Ok(true)
    }
}
