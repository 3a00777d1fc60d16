//! Each server in its turn, with as many turns as its weight.
//!
//! **What it does.** Plays a schedule in which a server of weight w has w turns of Σw. The
//! schedules of real systems agree in that and differ in the order (`form`), for weights 5, 1, 1:
//! nginx `aabacaa`, Envoy `aaaabca`, HAProxy `aaabaac`, IPVS `aaaaabc`. Servers of weight 0 have no
//! turn. O(log n) for `envoy`, `grpc` and `haproxy`, O(1) on average for `ipvs`, `haproxy-static`
//! and `stride`. **`nginx` scans all servers** at each pick of its first period, Σw picks, and
//! plays that again in O(1); behind a shared queue, where full servers are passed over, it scans
//! always. With nginx's ejection (`max-fails`) a server that has failed counts less, by its weight
//! over `max-fails`, and a turn more at each pick until it has its weight again.
//! **When it shines.** Servers of different, known size and requests of similar size.
//! **When it fails.** Weights that are wrong, and a few very long requests: it never looks who is
//! busy.
//! **Source.** nginx `ngx_http_upstream_round_robin`, Envoy's EDF scheduler, grpc-go's EDF, HAProxy
//! `roundrobin` and `static-rr`, the Linux Virtual Server's `wrr`, gRPC's static stride (gRFC A58).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::some_weight;
use super::turns::{Edf, Haproxy, HaproxyStatic, Ipvs, Requeue, Smooth, Stride, Turns};
use super::{Balancer, Pick, Setup, Sight};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;

/// Options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Whose schedule: `nginx`, `envoy`, `grpc`, `haproxy`, `haproxy-static`, `ipvs` or `stride`.
    form: Form,
    /// Whether each balancer starts after a random number of turns, so that several of them do not
    /// go in step.
    random_start: bool,
}

/// The schedules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Form {
    /// Smooth: accumulators that grow by weight; the chosen one pays the sum.
    #[default]
    Nginx,
    /// Earliest deadline first; equal deadlines first come, first served.
    Envoy,
    /// Earliest deadline first; equal deadlines in order of number.
    Grpc,
    /// Places on a line, in three sorted sets; weights above 256 count as 256.
    Haproxy,
    /// A map made once and played slot by slot.
    HaproxyStatic,
    /// Rounds with a sinking bar of weight: bursts for the heavy.
    Ipvs,
    /// One counter strides through servers and generations.
    Stride,
}

/// More turns than this are not passed over, for each of them takes its time.
const LONGEST_START: u64 = 1 << 16;

/// The policy.
#[derive(Debug)]
pub struct WeightedRoundRobin {
    turns: Box<dyn Turns>,
    /// The turns of which a random number is passed over before the first.
    random_start: Option<u32>,
}

impl Variant<dyn Balancer> for WeightedRoundRobin {
    const NAME: &'static str = "weighted-round-robin";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        some_weight(setup.fleet)?;
        let mut turns: Box<dyn Turns> = match config.form {
            Form::Nginx => Box::<Smooth>::default(),
            Form::Envoy => Box::new(Edf::new(Requeue::Behind)),
            Form::Grpc => Box::new(Edf::new(Requeue::InPlace)),
            Form::Haproxy => Box::<Haproxy>::default(),
            Form::HaproxyStatic => Box::<HaproxyStatic>::default(),
            Form::Ipvs => Box::<Ipvs>::default(),
            Form::Stride => Box::<Stride>::default(),
        };
        for server in setup.fleet.members().in_order() {
            turns.join(server, setup.fleet.spec(server).weight);
        }
        let members = setup.fleet.members().in_order();
        let period: u64 = members.map(|server| u64::from(setup.fleet.spec(server).weight)).sum();
        let random_start = config.random_start.then_some(period.min(LONGEST_START) as u32);
        Ok(Box::new(Self { turns, random_start }))
    }
}

impl Balancer for WeightedRoundRobin {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        if let Some(period) = self.random_start.take() {
            for _ in 0..stream.below(period) {
                self.turns.next(view.candidates);
            }
        }
        // Where only servers of weight 0 are left, they are all there is.
        let server = self.turns.next(view.candidates).or_else(|| view.candidates.next_from(0));
        server.map_or(Pick::Refuse, Pick::Server)
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        match change {
            FleetChange::Joined(server) => self.turns.join(server, fleet.spec(server).weight),
            FleetChange::Left(server) => self.turns.leave(server),
        }
    }

    fn on_failure(&mut self, server: ServerId, parts: u32) {
        self.turns.fail(server, parts);
    }

    fn sight(&self) -> Sight {
        Sight::Nothing
    }
}
