//! What the traffic asks for, read once before anything is simulated: rate, work, variation, peak.

use crate::diagnose::Problem;
use crate::experiment::Monitor;
use crate::law::Law;
use crate::model::Request;
use crate::outcome::{Kind, Offered, Peak};
use crate::rng::Seed;
use crate::scenario::Scenario;
use crate::stats::Histogram;
use crate::time::Duration;
use crate::units::Rate;

/// Requests that are looked at where all stretches are alike.
const ENOUGH: u64 = 200_000;

/// The most requests that are looked at.
const MOST: u64 = 200_000_000;

/// Bins of time; twice as many are merged in pairs.
const BINS: usize = 8192;

/// The traffic of the first replication.
#[derive(Debug)]
pub(super) struct Load {
    /// Requests a second.
    pub(super) rate: f64,
    /// Mean seconds of work at speed 1.
    pub(super) service: f64,
    /// Squared coefficients of variation of work and of the times between arrivals.
    pub(super) service_scv: f64,
    pub(super) arrival_scv: f64,
    /// The distribution of work in nanoseconds.
    pub(super) demands: Histogram,
    /// From the first stretch to the last, in seconds.
    pub(super) span: f64,
    bins: Bins,
}

/// Requests and work in stretches of one width.
#[derive(Debug)]
struct Bins {
    width_ns: u64,
    of: Vec<(f64, f64)>,
}

impl Bins {
    fn add(&mut self, request: &Request) {
        while (request.arrival.0 / self.width_ns) as usize >= 2 * BINS {
            let pairs = self.of.chunks(2);
            self.of = pairs.map(|pair| pair.iter().fold((0.0, 0.0), sum)).collect();
            self.width_ns *= 2;
        }
        let at = (request.arrival.0 / self.width_ns) as usize;
        if at >= self.of.len() {
            self.of.resize(at + 1, (0.0, 0.0));
        }
        self.of[at] = sum(self.of[at], &(1.0, request.demand.as_secs_f64()));
    }
}

fn sum(a: (f64, f64), b: &(f64, f64)) -> (f64, f64) {
    (a.0 + b.0, a.1 + b.1)
}

impl Load {
    /// Draws or reads the traffic; `None` where the monitor stopped it.
    pub(super) fn of(scenario: &Scenario, monitor: &dyn Monitor) -> Result<Option<Self>, Problem> {
        let mut source = scenario.source(Seed::new(scenario.seed, 0))?;
        if source.is_closed_loop() {
            return Err(Problem::new(
                "clients that wait for their answers bring no load of their own",
            )
            .help("plan for arrivals: `arrivals = { process = \"poisson\", rate = … }`"));
        }
        let most = if scenario.kind() == Kind::SteadyState { ENOUGH } else { MOST };
        let mut bins = Bins { width_ns: 1 << 20, of: Vec::new() };
        let (mut demands, mut chunk) = (Histogram::new(), Vec::new());
        let (mut requests, mut first, mut last) = (0_u64, None, 0_u64);
        let (mut gaps, mut work, mut squares) = (0.0_f64, 0.0_f64, 0.0_f64);
        while requests < most {
            chunk.clear();
            source.fill(&mut chunk)?;
            if chunk.is_empty() {
                break;
            }
            for request in &chunk {
                let at = request.arrival.0;
                let gap = at.saturating_sub(*first.get_or_insert(at).max(&mut last)) as f64 / 1e9;
                let demand = request.demand.as_secs_f64();
                (gaps, work, squares) =
                    (gaps + gap * gap, work + demand, squares + demand * demand);
                demands.record(request.demand.0);
                bins.add(request);
                last = at;
            }
            requests += chunk.len() as u64;
            if !monitor.go_on(0) {
                return Ok(None);
            }
        }
        let Some(first) = first else {
            return Err(Problem::new("the traffic has no requests: there is nothing to plan for")
                .help("widen `--window`, lengthen `--duration`, or give another file"));
        };
        let count = requests as f64;
        let drawn = scenario.until().filter(|_| requests < most);
        let span = match drawn {
            Some(until) => until.as_secs_f64(),
            None => (last - first) as f64 / 1e9 * count / (count - 1.0).max(1.0),
        };
        if span <= 0.0 {
            return Err(Problem::new(
                "all requests arrive at one instant: there is no rate to plan for",
            )
            .help("give a traffic file that spans some time"));
        }
        let (rate, service) = (count / span, work / count);
        let gap = span / count;
        Ok(Some(Self {
            rate,
            service,
            service_scv: (squares / count / (service * service).max(1e-300) - 1.0).max(0.0),
            arrival_scv: (gaps / count / (gap * gap) - 1.0).max(0.0),
            demands,
            span,
            bins,
        }))
    }

    /// Replaces what was counted by what the scenario says, where it says it: a count is off by a
    /// little, and a little decides whether five servers can carry five Erlangs.
    pub(super) fn know(&mut self, scenario: &Scenario, service: Option<&dyn Law>) {
        if let Some(law) = service {
            self.service = law.mean();
            self.service_scv = law.scv();
        }
        let [traffic] = scenario.traffic.values().collect::<Vec<_>>()[..] else { return };
        let constant = ["poisson", "renewal", "deterministic"];
        let process = traffic.keys.arrivals.as_ref().filter(|one| constant.contains(&one.name));
        let rate = process.and_then(|process| process.resolved().get("rate")?.as_str());
        if let Some(Ok(rate)) = rate.map(Rate::parse) {
            self.rate = rate.0 * traffic.shape.rate_scale * traffic.shape.speed_up;
        }
    }

    /// The load in Erlangs: busy slots of speed 1.
    pub(super) fn erlangs(&self) -> f64 {
        self.rate * self.service
    }

    /// The busiest stretch of a length, by work.
    pub(super) fn peak(&self, length: Duration) -> Peak {
        let width = self.bins.width_ns as f64 / 1e9;
        let many = ((length.as_secs_f64() / width).round() as usize).clamp(1, self.bins.of.len());
        let mut window = self.bins.of[..many].iter().fold((0.0, 0.0), sum);
        let (mut best, mut from) = (window, 0);
        for at in many..self.bins.of.len() {
            let (new, old) = (self.bins.of[at], self.bins.of[at - many]);
            window = (window.0 + new.0 - old.0, window.1 + new.1 - old.1);
            if window.1 > best.1 * (1.0 + 1e-12) {
                (best, from) = (window, at + 1 - many);
            }
        }
        let long = many as f64 * width;
        let from_s = from as f64 * width;
        Peak {
            from_s,
            until_s: from_s + long,
            rate: best.0 / long,
            erlangs: best.1 / long,
            planned_for: false,
        }
    }

    /// The stretch that is called the peak where nobody says how long it is: five minutes of an
    /// hour or more, else a twelfth.
    pub(super) fn usual_peak(&self) -> Duration {
        Duration::from_secs_f64((self.span / 12.0).min(300.0))
    }

    /// As a plan tells it.
    pub(super) fn offered(&self, peak: Option<Peak>) -> Offered {
        Offered {
            rate: self.rate,
            service_s: self.service,
            service_scv: self.service_scv,
            arrival_scv: self.arrival_scv,
            erlangs: self.erlangs(),
            peak,
        }
    }
}
