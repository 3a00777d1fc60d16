//! Another policy, whose signals come late.
//!
//! **What it does.** The policy `inside` sees requests in flight not as they are. With `source =
//! "own"` it hears of everything this balancer sends and gets back `delay` later. With `source =
//! "reported"` its counts are those of the servers' last reports, of all balancers' requests,
//! looked up every `interval` (a bulletin board); `add-own` counts what this balancer has sent
//! since. O(1) beside the policy, and O(n) each `interval`.
//! **When it shines.** To see what a policy is worth when balancers are many or far away.
//! **When it fails.** With old counts, the fewest in flight attract everyone at once: choose among
//! few.
//! **What it sees.** Reports, where it is asked to; of its own requests nothing but what is old.
//! What a policy asks the servers themselves (`join-shortest-queue`, `join-idle-queue`, `prequal`)
//! is not made old by it.
//! **Source.** Mitzenmacher, How useful is old information? 2000; counts that are the balancer's
//! own between reports are Vargaftik, Keslassy and Orda's local shortest queues (2020).

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tiers::inside;
use super::utilization_weighted::needs_reports;
use super::{Balancer, Pick, Setup, Sight};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Completion, Request, ServerId};
use crate::registry::{Recipe, Variant};
use crate::rng::Stream;
use crate::time::{Duration, Instant};

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Where counts come from: the balancer's `own` requests, late, or what servers `reported`.
    source: Source,
    /// How late `own` signals are.
    delay: Duration,
    /// How often reports are looked up.
    interval: Duration,
    /// Whether requests sent since the last look are added to reported counts.
    add_own: bool,
    /// The policy that sees all this.
    inside: Recipe<dyn Balancer>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            source: Source::Own,
            delay: Duration::from_millis(100),
            interval: Duration::from_secs(1),
            add_own: false,
            inside: inside(),
        }
    }
}

/// Where counts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Source {
    /// This balancer's requests.
    Own,
    /// The servers' reports.
    Reported,
}

/// What is on its way to the policy.
#[derive(Debug)]
enum News {
    Sent(Request, ServerId),
    Done(Completion),
    Idle(ServerId),
}

/// The policy.
#[derive(Debug)]
pub struct Stale {
    config: Config,
    counts: Vec<u32>,
    news: VecDeque<(Instant, News)>,
    now: Instant,
    next_look: Instant,
    inside: Box<dyn Balancer>,
}

impl Variant<dyn Balancer> for Stale {
    const NAME: &'static str = "stale";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.interval > Duration::ZERO {
            return Ok(());
        }
        Err(Problem::about(
            "interval",
            "`interval` = 0 would look up every report for every request",
        )
        .help("1s is the default; what is newer than the reports is not to be had"))
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        if config.source == Source::Reported {
            needs_reports(setup)?;
        }
        Ok(Box::new(Self {
            counts: vec![0; setup.fleet.len()],
            news: VecDeque::new(),
            now: Instant::START,
            next_look: Instant::START,
            inside: config.inside.build(setup)?,
            config: config.clone(),
        }))
    }
}

impl Stale {
    fn set(&mut self, server: ServerId, count: u32) {
        self.counts[server.index()] = count;
        self.inside.on_count(server, count);
    }

    /// Tells the policy what has arrived by now.
    fn hear(&mut self) {
        while self.news.front().is_some_and(|(at, _)| *at <= self.now)
            && let Some((_, news)) = self.news.pop_front()
        {
            match news {
                News::Sent(request, server) => {
                    self.counts[server.index()] += 1;
                    self.inside.on_send(&request, server);
                }
                News::Done(done) => {
                    if let Some(server) = done.server {
                        self.counts[server.index()] -= 1;
                    }
                    self.inside.on_done(&done);
                }
                News::Idle(server) => self.inside.on_idle(server),
            }
        }
    }

    fn look_up(&mut self, view: &View<'_>) {
        if self.now < self.next_look {
            return;
        }
        self.next_look = self.now + self.config.interval;
        for server in view.candidates.in_order() {
            let count = view.report(server).map_or(0, |report| report.in_flight);
            if count != self.counts[server.index()] {
                self.set(server, count);
            }
        }
    }
}

impl Balancer for Stale {
    fn pick(&mut self, request: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        self.now = view.now;
        match self.config.source {
            Source::Own => self.hear(),
            Source::Reported => self.look_up(view),
        }
        self.inside.pick(request, &view.counting(&self.counts), stream)
    }

    fn on_send(&mut self, request: &Request, server: ServerId) {
        if self.config.source == Source::Own {
            let at = self.now + self.config.delay;
            return self.news.push_back((at, News::Sent(*request, server)));
        }
        self.inside.on_send(request, server);
        let count = self.counts[server.index()] + u32::from(self.config.add_own);
        self.set(server, count);
    }

    fn on_done(&mut self, done: &Completion) {
        self.now = done.ended;
        if self.config.source == Source::Own {
            return self.news.push_back((done.ended + self.config.delay, News::Done(*done)));
        }
        self.inside.on_done(done);
        if let Some(server) = done.server {
            self.set(server, self.counts[server.index()]);
        }
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        self.counts.resize(fleet.len().max(self.counts.len()), 0);
        self.inside.on_fleet(change, fleet);
        // A server that joins is looked up at once.
        self.next_look = Instant::START;
    }

    fn on_idle(&mut self, server: ServerId) {
        match self.config.source {
            Source::Own => {
                self.news.push_back((self.now + self.config.delay, News::Idle(server)));
            }
            Source::Reported => self.inside.on_idle(server),
        }
    }

    fn on_failure(&mut self, server: ServerId, parts: u32) {
        self.inside.on_failure(server, parts);
    }

    fn overprovisioning(&self) -> Option<f64> {
        self.inside.overprovisioning()
    }

    fn idle_lists(&self) -> u32 {
        self.inside.idle_lists()
    }

    fn idle_listed(&self) -> usize {
        self.inside.idle_listed()
    }

    fn sight(&self) -> Sight {
        self.inside.sight().around()
    }
}
