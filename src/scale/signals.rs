//! What an autoscaler sees: counters scraped at an interval, averaged over a window, and late.
//!
//! The engine keeps running sums; a scrape copies them into a ring. An average over a window is
//! the difference of two scrapes, whatever the length of the window. A rule sees a scrape only
//! once it is older than the delay of its metrics pipeline.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stats::CoarseHistogram;
use crate::time::{Duration, Instant};

/// What is looked at. All but utilization and latency are per server that serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Busy slot time over slot time, 0 to 1.
    #[default]
    Utilization,
    /// Requests in the system, waiting and in service.
    Concurrency,
    /// Requests that wait.
    Queue,
    /// Arrivals a second.
    Rate,
    /// The 99th percentile of latency in seconds.
    Latency,
    /// Requests that did not complete, as a share of those that ended.
    Errors,
    /// Input and output tokens of the requests at the servers.
    Tokens,
    /// Those tokens as a share of what fills a server's `memory`.
    Memory,
    /// Cores in use as a share of a server's `cpu`, by what requests declare.
    Cpu,
}

impl Metric {
    /// Whether it is a share of what servers have: no sum over them.
    pub(super) fn is_share(self) -> bool {
        matches!(self, Self::Utilization | Self::Cpu | Self::Memory)
    }

    /// Whether it tells of requests while no server of a pool is there. Of several pools only those
    /// with servers are sent any.
    pub(super) fn is_seen_asleep(self, pools: usize) -> bool {
        matches!(self, Self::Queue | Self::Concurrency) || (self == Self::Rate && pools <= 1)
    }
}

/// The running sums of a pool at one instant. They wrap; only differences are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// When.
    pub at: Instant,
    /// Slot-nanoseconds in use.
    pub busy_ns: u64,
    /// Slot-nanoseconds of servers that serve.
    pub slot_ns: u64,
    /// Nanoseconds of servers that serve.
    pub server_ns: u64,
    /// Request-nanoseconds in the system.
    pub in_system_ns: u64,
    /// Requests that arrived.
    pub arrivals: u64,
    /// Requests served to the end.
    pub completed: u64,
    /// Requests that ended otherwise, at its servers.
    pub failed: u64,
    /// Service time of those completed.
    pub service_ns: u64,
    /// Their work: what their services would have taken at speed 1.
    pub work_ns: u64,
    /// Core-nanoseconds that requests have used, counted when they end.
    pub cpu_ns: u64,
    /// Requests that arrived at the whole fleet.
    pub fleet_arrivals: u64,
    /// Requests that all pools served to the end.
    pub fleet_completed: u64,
    /// Requests that ended otherwise at servers of any pool.
    pub fleet_failed: u64,
    /// Requests that ended before they came to any pool: refused by a balancer, or tired of waiting
    /// in front of the pools.
    pub fleet_refused: u64,
    /// Their work: what their services would have taken at speed 1.
    pub fleet_work_ns: u64,
    /// Tokens of the requests at servers now: a level, not a sum.
    pub tokens: u64,
}

/// Scrapes of a pool's sums, as many as the longest window needs.
#[derive(Debug, Clone)]
pub struct Metrics {
    delay: Duration,
    keep: usize,
    ring: VecDeque<Totals>,
    /// Latencies between one scrape and the next; empty where no rule asks for them.
    latencies: VecDeque<CoarseHistogram>,
    current: Option<CoarseHistogram>,
}

impl Metrics {
    /// A ring for windows of up to `longest`, scraped every `scrape` and seen `delay` later.
    pub fn new(scrape: Duration, delay: Duration, longest: Duration, latency: bool) -> Self {
        let span = longest.0.saturating_add(delay.0);
        let keep = span.div_ceil(scrape.0.max(1)).saturating_add(2).min(1 << 20) as usize;
        Self {
            delay,
            keep,
            ring: VecDeque::from([Totals::default()]),
            latencies: VecDeque::new(),
            current: latency.then(CoarseHistogram::default),
        }
    }

    /// What would be seen if requests came at a `rate`, each was served at once for `service_s`
    /// seconds on average, and so many servers served: utilization may then exceed 1.
    pub fn as_if(now: Instant, rate: f64, service_s: f64, servers: u32, slots: u32) -> Self {
        let arrivals = (rate * now.as_secs_f64()).round() as u64;
        let work_ns = (arrivals as f64 * service_s * 1e9) as u64;
        let server_ns = now.0.wrapping_mul(u64::from(servers));
        let totals = Totals {
            at: now,
            busy_ns: work_ns,
            slot_ns: server_ns.wrapping_mul(u64::from(slots)),
            server_ns,
            in_system_ns: work_ns,
            arrivals,
            completed: arrivals,
            service_ns: work_ns,
            fleet_arrivals: arrivals,
            fleet_completed: arrivals,
            fleet_work_ns: work_ns,
            ..Totals::default()
        };
        Self {
            delay: Duration::ZERO,
            keep: 2,
            ring: VecDeque::from([Totals::default(), totals]),
            latencies: VecDeque::new(),
            current: None,
        }
    }

    /// Whether latencies are wanted.
    pub fn wants_latency(&self) -> bool {
        self.current.is_some()
    }

    /// A request was completed after so many nanoseconds.
    #[inline]
    pub fn record_latency(&mut self, latency_ns: u64) {
        if let Some(current) = &mut self.current {
            current.record(latency_ns);
        }
    }

    /// Takes the sums in as they stand now.
    pub fn scrape(&mut self, totals: Totals) {
        if self.ring.len() == self.keep {
            self.ring.pop_front();
            self.latencies.pop_front();
        }
        self.ring.push_back(totals);
        if let Some(current) = &mut self.current {
            self.latencies.push_back(std::mem::take(current));
        }
    }

    /// The scrapes at both ends of the last `window` that can be seen at `now`; their places.
    fn ends(&self, now: Instant, window: Duration) -> Option<(usize, usize)> {
        let visible = self.ring.partition_point(|totals| totals.at + self.delay <= now);
        let newest = visible.checked_sub(1)?;
        let from = Instant(self.ring[newest].at.0.saturating_sub(window.0));
        // The scrape at or before the start of the window; a ring that is too young starts later. A
        // window of 0 is that from one scrape to the next.
        let oldest = self.ring.partition_point(|totals| totals.at <= from).saturating_sub(1);
        Some((oldest.min(newest.checked_sub(1)?), newest))
    }
}

/// How many servers there are, by where they are in their lives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Ordered and not yet serving.
    pub starting: u32,
    /// Serving.
    pub ready: u32,
    /// Finishing what they have.
    pub draining: u32,
}

impl Counts {
    /// Those that are meant to stay: the count a rule raises or lowers.
    pub fn wanted(self) -> u32 {
        self.starting + self.ready
    }
}

/// Everything an autoscaler can know when it looks.
#[derive(Debug, Clone, Copy)]
pub struct Signals<'a> {
    /// The time.
    pub now: Instant,
    /// Servers by where they are in their lives.
    pub counts: Counts,
    /// Since when each server that serves has done so, the earliest first.
    pub ready_since: &'a [Instant],
    /// The window the rule is set to.
    pub window: Duration,
    /// Requests a server serves at once, as new ones are.
    pub slots: u32,
    /// Work a second of a server, as new ones are.
    pub speed: f64,
    /// Cores of a server; infinite where they never count.
    pub cores: f64,
    /// Tokens that fill a server's memory; infinite where memory never counts.
    pub memory: f64,
    /// Requests in the system at this instant, and how many of them wait.
    pub in_system: u32,
    /// Requests that wait at this instant.
    pub waiting: u32,
    /// What was scraped.
    pub metrics: &'a Metrics,
}

impl<'a> Signals<'a> {
    /// What the last `window` shows; a window of 0 shows this instant, or where only sums over time
    /// tell, what happened between the last two scrapes.
    pub fn over(&self, window: Duration) -> Seen<'a> {
        Seen { signals: *self, window, ends: self.metrics.ends(self.now, window) }
    }

    /// What the rule's own window shows.
    pub fn seen(&self) -> Seen<'a> {
        self.over(self.window)
    }

    /// The newest scrape up to `at` that can be seen: its time and the arrivals until then.
    pub fn arrivals_until(&self, at: Instant) -> Option<(Instant, u64)> {
        let newest = self.newest_until(at)?;
        Some((newest.at, newest.arrivals))
    }

    /// The same for the arrivals at the whole fleet.
    pub fn fleet_arrivals_until(&self, at: Instant) -> Option<(Instant, u64)> {
        let newest = self.newest_until(at)?;
        Some((newest.at, newest.fleet_arrivals))
    }

    fn newest_until(&self, at: Instant) -> Option<&'a Totals> {
        let Metrics { ring, delay, .. } = self.metrics;
        let upto = |it: &Totals| it.at <= at && it.at + *delay <= self.now;
        ring.get(ring.partition_point(upto).checked_sub(1)?)
    }

    /// Servers that have served for less than `span`, and those that start.
    pub fn younger_than(&self, span: Duration) -> u32 {
        let old = self.ready_since.partition_point(|since| *since + span <= self.now);
        self.counts.starting + (self.ready_since.len() - old) as u32
    }
}

/// What one window shows. Nothing is known before the second scrape.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    signals: Signals<'a>,
    window: Duration,
    ends: Option<(usize, usize)>,
}

impl Seen<'_> {
    /// The stretch of time it rests on; nothing where nothing is known.
    pub fn span(&self) -> Option<(Instant, Instant)> {
        let (oldest, newest) = self.ends?;
        let ring = &self.signals.metrics.ring;
        Some((ring[oldest].at, ring[newest].at))
    }

    fn change(&self, of: impl Fn(&Totals) -> u64) -> Option<f64> {
        let (oldest, newest) = self.ends?;
        let ring = &self.signals.metrics.ring;
        Some(of(&ring[newest]).wrapping_sub(of(&ring[oldest])) as f64)
    }

    fn per(&self, of: impl Fn(&Totals) -> u64, by: impl Fn(&Totals) -> u64) -> Option<f64> {
        let by = self.change(by)?;
        (by > 0.0).then(|| self.change(of).map(|of| of / by)).flatten()
    }

    /// Busy slot time over slot time; nothing while no server served.
    pub fn utilization(&self) -> Option<f64> {
        self.per(|it| it.busy_ns, |it| it.slot_ns)
    }

    /// Mean number of busy slots of a server.
    pub fn busy_slots(&self) -> Option<f64> {
        self.per(|it| it.busy_ns, |it| it.server_ns)
    }

    /// Mean work a second that the busy slots of a server do, by the speeds of those servers that
    /// completed something.
    pub fn work_rate(&self) -> Option<f64> {
        let speed = self.per(|it| it.work_ns, |it| it.service_ns).unwrap_or(self.signals.speed);
        Some(self.busy_slots()? * speed)
    }

    /// Mean number of requests in the system.
    pub fn concurrency(&self) -> Option<f64> {
        if self.window == Duration::ZERO {
            return Some(f64::from(self.signals.in_system));
        }
        self.per(|it| it.in_system_ns, |it| it.at.0)
    }

    /// Mean number of requests that wait.
    pub fn queue(&self) -> Option<f64> {
        if self.window == Duration::ZERO {
            return Some(f64::from(self.signals.waiting));
        }
        // The two sums are taken apart before they are divided, so that no waiting is exactly 0.
        self.per(|it| it.in_system_ns.wrapping_sub(it.busy_ns), |it| it.at.0)
    }

    /// Arrivals a second.
    pub fn rate(&self) -> Option<f64> {
        Some(self.per(|it| it.arrivals, |it| it.at.0)? * 1e9)
    }

    /// Arrivals a second at the whole fleet.
    pub fn fleet_rate(&self) -> Option<f64> {
        Some(self.per(|it| it.fleet_arrivals, |it| it.at.0)? * 1e9)
    }

    /// Mean work in seconds at speed 1 of what all pools completed.
    pub fn fleet_work_s(&self) -> Option<f64> {
        Some(self.per(|it| it.fleet_work_ns, |it| it.fleet_completed)? / 1e9)
    }

    /// Mean service time in seconds of what was completed.
    pub fn service_s(&self) -> Option<f64> {
        Some(self.per(|it| it.service_ns, |it| it.completed)? / 1e9)
    }

    /// Requests that ended without being served, as a share of all that ended. Those that ended in
    /// front of all pools count for each of them by its share of what ended behind: it would have
    /// had as much of them as it has of the others.
    pub fn errors(&self) -> Option<f64> {
        let (failed, completed) = (self.change(|it| it.failed)?, self.change(|it| it.completed)?);
        let fleet = self.change(|it| it.fleet_failed)? + self.change(|it| it.fleet_completed)?;
        let refused = self.change(|it| it.fleet_refused)?;
        let own = failed + completed;
        if fleet == 0.0 {
            // Nobody was let through.
            return (refused > 0.0).then_some(1.0);
        }
        let refused = refused * own / fleet;
        (own > 0.0).then(|| (failed + refused) / (own + refused))
    }

    /// Tokens of the requests at servers, when last scraped.
    pub fn tokens(&self) -> Option<f64> {
        let (_, newest) = self.ends?;
        Some(self.signals.metrics.ring[newest].tokens as f64)
    }

    /// Tokens of the requests at servers, when last scraped, as a share of the servers' memory.
    pub fn memory(&self) -> Option<f64> {
        let room = self.signals.memory * self.servers().filter(|servers| *servers > 0.0)?;
        Some(self.tokens()? / room)
    }

    /// Cores in use as a share of those of the servers that served. A request's use is counted when
    /// it ends, so that one that lasts longer than the window shows as a burst.
    pub fn cpu(&self) -> Option<f64> {
        Some(self.per(|it| it.cpu_ns, |it| it.server_ns)? / self.signals.cores)
    }

    /// Mean number of servers that served.
    pub fn servers(&self) -> Option<f64> {
        self.per(|it| it.server_ns, |it| it.at.0)
    }

    /// A percentile of latency, in nanoseconds, of what was completed; nothing where no rule asked
    /// for latencies to be kept.
    pub fn latency_ns(&self, percentile: f64) -> Option<u64> {
        let (oldest, newest) = self.ends.filter(|_| self.signals.metrics.wants_latency())?;
        let mut merged = CoarseHistogram::default();
        // The stretch that ends at scrape k lies at place k − 1.
        let stretches = self.signals.metrics.latencies.range(oldest..newest);
        stretches.for_each(|stretch| merged.merge(stretch));
        merged.quantile(percentile)
    }

    /// The value of a metric, per server where it is a total.
    pub fn value(&self, metric: Metric) -> Option<f64> {
        let total = match metric {
            Metric::Utilization => return self.utilization(),
            Metric::Latency => return self.latency_ns(0.99).map(|ns| ns as f64 / 1e9),
            Metric::Errors => return self.errors(),
            Metric::Concurrency => self.concurrency(),
            Metric::Queue => self.queue(),
            Metric::Rate => self.rate(),
            Metric::Tokens => self.tokens(),
            Metric::Memory => return self.memory(),
            Metric::Cpu => return self.cpu(),
        };
        let servers = self.servers().filter(|servers| *servers > 0.0)?;
        Some(total? / servers)
    }

    /// The value of a metric as a total over the pool, where it is one.
    pub fn total(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::Concurrency => self.concurrency(),
            Metric::Queue => self.queue(),
            Metric::Rate => self.rate(),
            Metric::Tokens => self.tokens(),
            _ => self.value(metric),
        }
    }
}

#[cfg(test)]
impl<'a> Signals<'a> {
    /// What policies under test see of servers of one slot.
    pub(super) fn of_one_slot(
        now: Instant,
        counts: Counts,
        window: Duration,
        metrics: &'a Metrics,
    ) -> Self {
        Self {
            now,
            counts,
            ready_since: &[],
            window,
            slots: 1,
            speed: 1.0,
            cores: f64::INFINITY,
            memory: f64::INFINITY,
            in_system: 0,
            waiting: 0,
            metrics,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signals(metrics: &Metrics, second: u64) -> Signals<'_> {
        let (now, window) = (Instant(second * 1_000_000_000), Duration::from_secs(20));
        Signals::of_one_slot(now, Counts::default(), window, metrics)
    }

    /// Two servers of one slot, busy as long as the second of the scrape says.
    fn scraped(delay: u64) -> Metrics {
        let span = Duration::from_secs;
        let mut metrics = Metrics::new(span(10), span(delay), span(20), true);
        for step in 1..=6_u64 {
            let at = Instant::START + span(10 * step);
            metrics.record_latency(step * 1000);
            metrics.scrape(Totals {
                at,
                busy_ns: at.0 + step * step * 1_000_000_000,
                slot_ns: 2 * at.0,
                server_ns: 2 * at.0,
                arrivals: 5 * step,
                ..Totals::default()
            });
        }
        metrics
    }

    #[test]
    fn a_window_is_the_difference_of_its_ends() {
        let metrics = scraped(0);
        let seen = signals(&metrics, 60).seen();
        assert_eq!(seen.utilization(), Some((20.0 + 36.0 - 16.0) / 40.0));
        assert_eq!((seen.rate(), seen.servers()), (Some(0.5), Some(2.0)));
        assert_eq!(seen.errors(), None, "nothing has ended");
        assert!(seen.latency_ns(1.0).is_some_and(|ns| ns.abs_diff(6000) < 100));
        assert!(seen.latency_ns(0.0).is_some_and(|ns| ns.abs_diff(5000) < 100));
    }

    #[test]
    fn a_late_pipeline_shows_an_earlier_window() {
        let metrics = scraped(20);
        let seen = signals(&metrics, 60).seen();
        assert_eq!(seen.utilization(), Some((20.0 + 16.0 - 4.0) / 40.0));
    }

    #[test]
    fn a_window_of_nothing_is_that_from_one_scrape_to_the_next() {
        let metrics = scraped(0);
        let seen = Signals { window: Duration::ZERO, ..signals(&metrics, 60) }.seen();
        assert_eq!(seen.utilization(), Some((10.0 + 36.0 - 25.0) / 20.0));
        assert_eq!(seen.concurrency(), Some(0.0), "this instant");
    }

    #[test]
    fn before_the_second_scrape_nothing_is_known() {
        let metrics = scraped(60);
        assert_eq!(signals(&metrics, 60).seen().utilization(), None);
    }
}
