//! The closed loop: the machine-repair model's exact answers, and clients that behave.

use std::path::Path;

use plimsoll::balance::{self, Balancer};
use plimsoll::engine::{self, Ending, Plant};
use plimsoll::fleet::{Fleet, ServerSpec, State};
use plimsoll::law::{self, Law, Unit};
use plimsoll::model::{Completion, Fate, Request};
use plimsoll::probe::{Meter, Probe};
use plimsoll::registry::{Recipe, Role};
use plimsoll::rng::{Purpose, Seed};
use plimsoll::station::Discipline;
use plimsoll::stats::special::t_quantile;
use plimsoll::time::{Duration, Instant};
use plimsoll::workload::Source;
use plimsoll::workload::attributes::Attributes;
use plimsoll::workload::closed_loop::{Clients, ClosedLoop, First};
use plimsoll::workload::demand::Demand;
use plimsoll::workload::merge::in_order_of_time;

use super::dispersion::oracle;
use super::{process, requests};

fn part<D: Role + ?Sized>(spec: &str) -> Recipe<D> {
    Recipe::named(spec).unwrap_or_else(|problem| panic!("{}", problem.render(false)))
}

/// One server, first come, first served.
fn plant(slots: u32, queue_limit: u32, seed: Seed) -> Plant {
    let mut fleet = Fleet::default();
    let spec = ServerSpec { pool: 0, slots, speed: 1.0, weight: 1, queue_limit };
    fleet.add(spec, State::Ready);
    let mut station = part::<dyn Discipline>("fifo").build(&()).unwrap().station();
    station.add(slots, 1.0, queue_limit);
    let setup = balance::Setup { fleet: &fleet, balancer: 0, balancers: 1 };
    let balancer = part::<dyn Balancer>("random").build(&setup).unwrap();
    Plant {
        stations: vec![station],
        places: vec![0],
        balancers: vec![balancer],
        streams: vec![seed.stream(Purpose::Route, "0")],
        shared: None,
        plain_fifo: queue_limit == u32::MAX,
        fleet,
    }
}

fn clients(count: u32, think: &str, first: First, service: &str, until: Instant, seed: Seed) -> ClosedLoop {
    let mut attributes = Attributes::new(0, "main", seed);
    let unit = law::Setup { unit: Unit::Time, folder: Path::new("") };
    attributes.demand = Some(part::<dyn Law>(service).build(&unit).unwrap().into());
    let clients = Clients { clients: count, think: part(think), first };
    clients.source("main", attributes, seed, until, u64::MAX, Path::new("")).unwrap()
}
