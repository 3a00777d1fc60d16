//! From the scenario to the plant and the source, and one replication of it.

use super::summary::summarize;
use super::{AutoscalerTable, Pool, QueuePlace, Scenario, Traffic, WarmUp};
use crate::balance;
use crate::diagnose::Problem;
use crate::engine::{self, Ending, Plant, PoolLife, PoolState, Watch};
use crate::fleet::{Fleet, ServerSpec, State};
use crate::law::{self, Law, Unit};
use crate::outcome::{Kind, Outcome};
use crate::probe::{Census, Chronicle, Meter, Probe, Timeline};
use crate::registry::Recipe;
use crate::rng::{Purpose, Seed};
use crate::time::{Duration, Instant};
use crate::workload::ahead::Ahead;
use crate::workload::{Source, merge};

/// A scenario made ready for one replication.
pub struct Built {
    /// Fleet, stations, balancers.
    pub plant: Plant,
    /// The requests.
    pub source: Box<dyn Source>,
    /// The end of the run where its length is set.
    pub until: Option<Instant>,
}

impl std::fmt::Debug for Built {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.plant.fmt(f)
    }
}

/// What one replication measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The measures.
    pub meter: Meter,
    /// The measures over time.
    pub timeline: Timeline,
    /// The fleet over time, where servers come and go.
    pub census: Option<Census>,
    /// What failed and what was done about it, where anything may.
    pub chronicle: Option<Chronicle>,
    /// How it ended.
    pub ending: Ending,
    /// What the workload had to say.
    pub advice: Vec<String>,
}

impl Scenario {
    /// The fleet, its stations and its balancers.
    pub fn plant(&self, seed: Seed) -> Result<Plant, Problem> {
        self.plant_for(seed, false)
    }

    /// The same, or only to see whether it can be built, `dry`.
    pub(super) fn plant_for(&self, seed: Seed, dry: bool) -> Result<Plant, Problem> {
        let mut fleet = Fleet::default();
        let (mut stations, mut places, mut life) = (Vec::new(), Vec::new(), Vec::new());
        let lives = self.has_life();
        let mut plain_fifo = !lives;
        let zones: indexmap::IndexSet<&str> =
            self.pool.values().map(|pool| pool.zone.as_str()).collect();
        for (number, (name, pool)) in (0_u16..).zip(&self.pool) {
            let discipline = pool.discipline.build(&())?;
            plain_fifo &= discipline.is_fifo() && pool.queue_limit.is_none();
            let mut station = discipline.station();
            let spec = ServerSpec {
                pool: number,
                slots: pool.slots,
                speed: pool.speed,
                weight: pool.weight,
                queue_limit: pool.queue_limit.unwrap_or(u32::MAX),
                zone: zones.get_index_of(pool.zone.as_str()).unwrap_or(0) as u16,
                tier: pool.tier,
                network: pool.network,
                memory: pool.memory.unwrap_or(f64::INFINITY),
                bandwidth: pool.bandwidth.unwrap_or(f64::INFINITY),
            };
            for place in 0..pool.servers {
                fleet.add(spec, State::Ready);
                station.add(spec.slots, spec.speed, spec.queue_limit);
                places.push(place);
            }
            stations.push(station);
            if lives {
                life.push(self.life(name, pool, spec, seed, dry)?);
            }
        }
        let shared = match self.balancer.queue() {
            QueuePlace::PerServer => None,
            QueuePlace::Shared => {
                let discipline = self.balancer.discipline().build(&())?;
                let limit = self.balancer.queue_limit();
                plain_fifo &= discipline.is_fifo() && limit == u32::MAX;
                let line = discipline.line().ok_or_else(|| {
                    let name = self.balancer.discipline().name;
                    Problem::new(format!("a shared queue cannot be served by `{name}`"))
                        .help("set `pool.NAME.discipline` instead, or `queue = \"per-server\"`")
                        .at(self.balancer.discipline().origin())
                })?;
                Some((line, limit))
            }
        };
        let balancers = self.balancer.balancers();
        let keys = self.has_keys()?;
        let reports = self.balancer.reporting().is_some();
        let zones: Vec<String> = zones.into_iter().map(str::to_owned).collect();
        let setup = |balancer| balance::Setup {
            fleet: &fleet,
            balancer,
            balancers,
            keys,
            reports,
            grows: lives,
            zones: &zones,
        };
        let build = |balancer| self.balancer.policy.build(&setup(balancer));
        let built = (0..balancers).map(build).collect::<Result<_, _>>()?;
        let stream = |balancer: u32| seed.stream(Purpose::Route, &balancer.to_string());
        let streams = (0..balancers).map(stream).collect();
        let reporting = self.balancer.reporting();
        let balancers = built;
        let resilience = self.resilience(seed)?;
        let queue_timeout = self.balancer.queue_timeout();
        Ok(Plant {
            fleet,
            stations,
            places,
            balancers,
            dealt: self.balancer.dealt(seed),
            streams,
            shared,
            plain_fifo,
            life,
            reporting,
            queue_timeout,
            resilience,
        })
    }

    /// Whether servers come and go.
    pub fn has_life(&self) -> bool {
        self.pool.values().any(|pool| pool.autoscaler.is_some() || pool.lifetime.is_some())
    }

    /// Whether every server is there, and as fast, all of the time.
    pub fn has_lasting_servers(&self) -> bool {
        !self.has_life() && self.failure.is_empty()
    }

    /// How the servers of a pool come and go.
    fn life(
        &self,
        name: &str,
        pool: &Pool,
        spec: ServerSpec,
        seed: Seed,
        dry: bool,
    ) -> Result<PoolLife, Problem> {
        let setup = law::Setup { unit: Unit::Time, folder: &self.folder };
        let time = |law: &Option<Recipe<dyn Law>>| {
            law.as_ref().map(|recipe| recipe.build(&setup)).transpose()
        };
        let pools = self.pool.iter();
        let kinds: Vec<_> =
            pools.map(|(name, pool)| AutoscalerTable::kind(name, pool, &self.folder)).collect();
        Ok(PoolLife {
            name: name.to_owned(),
            spec,
            fastest: spec.speed,
            cores: (
                pool.cpu.unwrap_or(f64::INFINITY),
                self.traffic.values().map(Traffic::cores).collect(),
            ),
            startup: time(&pool.startup)?,
            startup_failure: pool.startup_failure.0,
            warm_up: pool.warm_up,
            warm_up_speed: pool.warm_up_speed,
            drain: pool.drain.unwrap_or(Duration::FOREVER),
            capacity: pool.capacity.unwrap_or(u32::MAX),
            scale_in: pool.scale_in,
            lifetime: time(&pool.lifetime)?,
            notice: pool.notice,
            idle_timeout: time(&pool.idle_timeout)?,
            seed,
            scaler: AutoscalerTable::scaler(name, pool, seed, self, &kinds, dry)?,
            now: PoolState::default(),
        })
    }

    /// Whether every class brings keys that mean something.
    fn has_keys(&self) -> Result<bool, Problem> {
        let mut all = true;
        for traffic in self.traffic.values() {
            all &= traffic.has_keys(&self.folder)?;
        }
        Ok(all)
    }

    /// The requests of one replication, in order of time.
    pub fn source(&self, seed: Seed) -> Result<Box<dyn Source>, Problem> {
        let most = self.run.requests.unwrap_or(u64::MAX);
        let sources = (0_u16..).zip(&self.traffic).map(|(class, (name, traffic))| {
            traffic.source(class, name, seed, &self.folder, self.run.duration, most)
        });
        Ok(merge::in_order_of_time(sources.collect::<Result<_, _>>()?))
    }

    /// Reads every trace to its end, and says what was understood of it.
    pub fn read_traces(&self) -> Result<Vec<String>, Problem> {
        let (seed, mut understood, mut chunk) = (Seed::new(self.seed, 0), Vec::new(), Vec::new());
        let most = self.run.requests.unwrap_or(u64::MAX);
        let traces = self.traffic.iter().filter(|(_, traffic)| traffic.is_replayed());
        for (name, traffic) in traces {
            let duration = self.run.duration;
            let mut source = traffic.source(0, name, seed, &self.folder, duration, most)?;
            while {
                chunk.clear();
                source.fill(&mut chunk)?;
                !chunk.is_empty()
            } {}
            understood.extend(source.advice());
        }
        Ok(understood)
    }

    /// Simulates the first replication as `simulate` does, while another thread reads its requests.
    pub fn simulate_reading_ahead<P: Probe>(
        &self,
        warm_up: Duration,
        extra: P,
        watch: &dyn Watch,
    ) -> Result<(Measured, P), Problem> {
        let mut built = self.build(0)?;
        if !built.source.is_closed_loop() {
            built.source = Box::new(Ahead::new(built.source));
        }
        self.measure(built, warm_up, extra, watch)
    }

    /// Everything one replication needs.
    pub fn build(&self, replication: u64) -> Result<Built, Problem> {
        let seed = Seed::new(self.seed, replication);
        Ok(Built { plant: self.plant(seed)?, source: self.source(seed)?, until: self.until() })
    }

    /// The end of a run where its length is set.
    pub fn until(&self) -> Option<Instant> {
        let drawn = self.is_drawn() && self.run.requests.is_none();
        let span = self.run.duration.or(drawn.then_some(super::traffic::DRAWN_FOR));
        span.map(|span| Instant::START + span)
    }

    /// Simulates one replication, measured from `warm_up` on, with `extra` looking on.
    pub fn simulate<P: Probe>(
        &self,
        replication: u64,
        warm_up: Duration,
        extra: P,
        watch: &dyn Watch,
    ) -> Result<(Measured, P), Problem> {
        self.measure(self.build(replication)?, warm_up, extra, watch)
    }

    /// Simulates what was built, measured from `warm_up` on, with `extra` looking on.
    pub fn measure<P: Probe>(
        &self,
        built: Built,
        warm_up: Duration,
        extra: P,
        watch: &dyn Watch,
    ) -> Result<(Measured, P), Problem> {
        let Built { plant, mut source, until } = built;
        let meter = Meter::new(Instant::START + warm_up, plant.fleet.len());
        let timeline = self.run.interval.map_or_else(Timeline::growing, Timeline::every);
        let census = self.has_life().then(|| Census::new(self.pool.len()));
        if !self.is_guarded() {
            let mut probe = (meter, timeline, census, extra);
            let ending = engine::run(plant, source.as_mut(), until, &mut probe, watch)?;
            let (mut meter, timeline, census, extra) = probe;
            meter.settle();
            let (chronicle, advice) = (None, source.advice());
            return Ok((Measured { meter, timeline, census, chronicle, ending, advice }, extra));
        }
        // A probe of its own kind, so that runs without failures do not ask for it at each event.
        let chronicle = Chronicle::new(Instant::START + warm_up, self.traffic.len());
        let mut probe = (meter, timeline, census, chronicle, extra);
        let ending = engine::run(plant, source.as_mut(), until, &mut probe, watch)?;
        let (mut meter, timeline, census, mut chronicle, extra) = probe;
        meter.settle();
        chronicle.settle(ending.horizon);
        let (chronicle, advice) = (Some(chronicle), source.advice());
        Ok((Measured { meter, timeline, census, chronicle, ending, advice }, extra))
    }

    /// The warm-up that the scenario sets in so many words.
    pub fn fixed_warm_up(&self) -> Option<Duration> {
        match self.run.warm_up {
            WarmUp::Auto if self.kind() == Kind::SteadyState => None,
            WarmUp::Auto | WarmUp::Nothing => Some(Duration::ZERO),
            WarmUp::For(span) => Some(span),
        }
    }

    /// The longest a run of drawn traffic lasts.
    pub fn length(&self) -> Duration {
        self.until().map_or(Duration::FOREVER, |until| until.since(Instant::START))
    }

    /// The most requests that a run of drawn traffic has.
    pub fn most_requests(&self) -> u64 {
        self.run.requests.map_or(u64::MAX, |each| each.saturating_mul(self.traffic.len() as u64))
    }

    /// What a reader is told of one replication.
    pub fn outcome(&self, measured: &Measured) -> Outcome {
        summarize(self, measured)
    }
}
