//! The cheapest mix of pools that carries the load, within a budget an hour.
//!
//! *What it does*: every pool that names this policy is part of one mix: small and large, on demand
//! and spot. The load of the whole fleet, measured or forecast one start-up time ahead
//! (`forecaster`), is work that arrives a second; the mix is the cheapest whole numbers of servers
//! whose slots are busy for at most `utilization` of the time, with at most `spot-share` of them on
//! servers that may be reclaimed (pools with a `lifetime`). Where the scenario's `[cost] budget`
//! binds it gives up, in this order: servers on demand, as many as spot servers must replace; the
//! headroom above the load; and last the load itself, of which it then carries what the budget
//! buys. A server that is no longer wanted stays for as long as its start would take again: no rule
//! that does not know the future wastes less in the worst case (ski rental).
//!
//! *When it shines*: several kinds of servers at different prices for the same work, and a bill
//! that matters.
//!
//! *When it fails*: it counts work, not memory, and believes that the balancer sends each pool what
//! it can bear: use one that looks at the load or at weights.
//!
//! *Source*: the arithmetic of a covering problem; the order of concessions follows what each costs
//! the user; a branch and bound that ends after a stated number of branches, and says how far above
//! the cheapest it may then be; ski rental: Karlin, Manasse, Rudolph and Sleator, *Algorithmica* 3
//! (1988) 79.

mod search;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::predictive::learner::{Habits, Learner};
use super::predictive::start_ns;
use super::{Autoscaler, Kind, Manners, Setup, Signals, Target};
use crate::diagnose::Problem;
use crate::forecast::Method;
use crate::model::Foresight;
use crate::registry::{Recipe, Variant};
use crate::time::{Duration, Instant};
use crate::units::Share;
use search::{SLACK, capacity, cheapest};

/// The promise, and how the load is foreseen; every pool of the mix should say the same.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The share of slot time that is meant to be busy.
    pub utilization: Share,
    /// The share of slots that may stand on spot servers, while the budget allows others.
    pub spot_share: Share,
    /// How the load is forecast; it is taken as it is when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecaster: Option<Recipe<dyn Method>>,
    /// The load that is prepared for: the one forecast not to be exceeded with this probability.
    pub quantile: f64,
    /// The time over which arrivals are counted for the forecaster.
    pub bin: Duration,
    /// The season of forecasters that are given none of their own.
    pub season: Duration,
    /// The date and time at which the run begins.
    pub starts_at: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            utilization: Share(0.7),
            spot_share: Share(0.5),
            forecaster: None,
            quantile: 0.8,
            bin: Duration::from_secs(60),
            season: Duration::from_days(1),
            starts_at: "2024-01-01T00:00".to_owned(),
        }
    }
}

/// What a mix gives up, in the order in which it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concession {
    /// Nothing.
    Nothing,
    /// Servers on demand that spot servers could replace.
    OnDemand,
    /// Headroom above the load.
    Headroom,
    /// A part of the load.
    Load,
}

impl Concession {
    fn words(self) -> &'static str {
        match self {
            Self::Nothing => "within the budget",
            Self::OnDemand => "the budget takes servers on demand",
            Self::Headroom => "the budget takes headroom",
            Self::Load => "the budget does not carry the load",
        }
    }
}

/// Servers of each kind, and what was given up.
#[derive(Clone, Debug, PartialEq)]
pub struct Mix {
    /// Servers of each kind.
    pub counts: Vec<u32>,
    /// What they cost an hour.
    pub per_hour: f64,
    /// What the budget made it give up.
    pub gives_up: Concession,
    /// How far above the cheapest mix it may be at most, as a share; 0 where none is cheaper.
    pub above: f64,
}

fn price_of(kinds: &[Kind], counts: &[u32]) -> f64 {
    kinds.iter().zip(counts).map(|(kind, count)| kind.price * f64::from(*count)).sum()
}

/// The mix for so much work a second with slots busy for `utilization` of the time.
pub fn plan(kinds: &[Kind], work: f64, config: &Config, budget: Option<f64>) -> Mix {
    let fits = |price: f64| budget.is_none_or(|budget| price <= budget * (1.0 + SLACK));
    let roomy = work / config.utilization.0;
    // Where pools are too small the most they have must do.
    let all = kinds.iter().map(|kind| capacity(kind) * f64::from(kind.max)).sum::<f64>();
    let firm_all: f64 = kinds
        .iter()
        .filter(|kind| !kind.spot)
        .map(|kind| capacity(kind) * f64::from(kind.max))
        .sum();
    let firm = (roomy * (1.0 - config.spot_share.0)).min(firm_all);
    let mix = |(per_hour, counts, above), gives_up| Mix { counts, per_hour, gives_up, above };
    let attempt = |work: f64, firm: f64| {
        cheapest(kinds, work.min(all), firm).filter(|(price, ..)| fits(*price))
    };
    if let Some(found) = attempt(roomy, firm) {
        return mix(found, Concession::Nothing);
    }
    // As many on demand as the budget allows: the mix changes by a server at a time as load grows,
    // for a fleet that is exchanged as a whole serves nobody while it starts.
    if let Some((_, found)) = largest(firm, |firm| attempt(roomy, firm)) {
        return mix(found, Concession::OnDemand);
    }
    // The least that the scenario asks for is kept even above the budget.
    let least: Vec<u32> = kinds.iter().map(|kind| kind.min).collect();
    let (borne, best) = largest(roomy.min(all), |work| attempt(work, 0.0))
        .unwrap_or_else(|| (0.0, (price_of(kinds, &least), least, 0.0)));
    let gives_up = if borne + SLACK >= work { Concession::Headroom } else { Concession::Load };
    mix(best, gives_up)
}

/// The largest amount up to `most` for which there is a mix, and that mix, by bisection.
fn largest<M>(most: f64, mix: impl Fn(f64) -> Option<M>) -> Option<(f64, M)> {
    let mut best = (0.0, mix(0.0)?);
    let (mut low, mut high) = (0.0, most);
    for _ in 0..24 {
        let middle = f64::midpoint(low, high);
        match mix(middle) {
            Some(found) => {
                low = middle;
                best = (middle, found);
            }
            None => high = middle,
        }
    }
    Some(best)
}

/// The policy of one pool: every pool of the mix makes the same plan and takes its own part.
pub struct CheapestMix {
    config: Config,
    kinds: Vec<Kind>,
    /// The place of this pool among the kinds.
    own: usize,
    budget: Option<f64>,
    learner: Option<Learner>,
    /// Work of a request at speed 1, in seconds.
    work_s: Option<f64>,
    /// For each kind, the counts that were wanted and until when each is kept.
    kept: Vec<Vec<(Instant, u32)>>,
    /// The last look and what was given up then, and for how long each was.
    last: Option<(Instant, Concession)>,
    given_up: [Duration; 4],
}

impl Variant<dyn Autoscaler> for CheapestMix {
    const NAME: &'static str = "cheapest-mix";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.utilization.0 <= 0.0 {
            return Err(Problem::about("utilization", "no number of servers is never busy")
                .help("0.7 leaves room for chance, 1 leaves none"));
        }
        if config.bin < Duration(100_000_000) {
            return Err(
                Problem::about("bin", "`bin` must be 100ms at least").help("one minute is usual")
            );
        }
        if !(config.quantile > 0.0 && config.quantile < 1.0) {
            let what = format!("`quantile` = {} is no probability", config.quantile);
            return Err(Problem::about("quantile", what).help("0.5 is the forecast itself"));
        }
        start_ns(&config.starts_at).map(drop)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        let kinds: Vec<Kind> = setup.kinds.iter().filter(|kind| kind.mixed).cloned().collect();
        if let Some(free) = kinds.iter().find(|kind| kind.price <= 0.0) {
            let what = format!("pool `{}` has no price: which mix is the cheapest?", free.name);
            return Err(Problem::new(what).help("set `price` in every pool of the mix"));
        }
        let Some(own) = kinds.iter().position(|kind| kind.name == setup.pool) else {
            return Err(Problem::new("`cheapest-mix` cannot be part of another policy")
                .help("name it as the policy of the pool's autoscaler"));
        };
        let horizon = kinds.iter().map(|kind| kind.startup).max().unwrap_or_default() + config.bin;
        let habits = Habits {
            bin: config.bin,
            season: config.season,
            horizon,
            quantile: config.quantile,
            starts_ns: start_ns(&config.starts_at)?,
            seed: setup.seed.user.wrapping_add(setup.seed.replication),
        };
        let learner = config.forecaster.as_ref();
        let learner = learner.map(|recipe| Learner::new(recipe, &habits, &[])).transpose()?;
        // Pools that are not part of the mix are paid from the same budget.
        let others = setup.kinds.iter().filter(|kind| !kind.mixed);
        let spent: f64 = others.map(|kind| kind.price * f64::from(kind.servers)).sum();
        Ok(Box::new(Self {
            config: config.clone(),
            own,
            budget: setup.budget.map(|budget| (budget - spent).max(0.0)),
            learner,
            work_s: None,
            kept: vec![Vec::new(); kinds.len()],
            last: None,
            given_up: [Duration::ZERO; 4],
            kinds,
        }))
    }
}

impl CheapestMix {
    /// Counts the time since the last look to what was given up then.
    fn note(&mut self, now: Instant, gives_up: Concession) {
        if let Some((since, before)) = self.last.replace((now, gives_up)) {
            self.given_up[before as usize] += now.since(since);
        }
    }

    /// What the budget took, and for how long.
    fn concessions(&self) -> Option<String> {
        let all: f64 = self.given_up.iter().map(|span| span.as_secs_f64()).sum();
        let share = |what: Concession| self.given_up[what as usize].as_secs_f64() / all;
        let parts: Vec<String> = [
            (Concession::OnDemand, "servers on demand"),
            (Concession::Headroom, "headroom"),
            (Concession::Load, "a part of the load"),
        ]
        .into_iter()
        .filter(|(what, _)| share(*what) > 0.0)
        .map(|(what, words)| format!("{words} {:.1} % of the time", 100.0 * share(what)))
        .collect();
        (!parts.is_empty()).then(|| format!("the budget binds and takes {}", parts.join(", ")))
    }

    /// The plan, with servers that stay for as long as their start would take.
    fn held(&mut self, now: Instant, mix: &Mix) -> Vec<u32> {
        let mut held = mix.counts.clone();
        let mut room = self.budget.map_or(f64::INFINITY, |budget| budget - mix.per_hour);
        for ((kept, kind), count) in self.kept.iter_mut().zip(&self.kinds).zip(&mut held) {
            kept.retain(|(until, _)| *until > now);
            kept.push((now + kind.startup, *count));
            let most = kept.iter().map(|(_, count)| *count).max().unwrap_or(*count);
            let paid = (room.max(0.0) / kind.price + SLACK) as u32;
            let more = (most - *count).min(paid);
            room -= kind.price * f64::from(more);
            *count += more;
        }
        held
    }
}

impl Autoscaler for CheapestMix {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let seen = signals.seen();
        self.work_s = seen.fleet_work_s().or(self.work_s);
        let present = seen.fleet_rate();
        if let Some(learner) = &mut self.learner {
            learner.learn(signals.now, |at| signals.fleet_arrivals_until(at));
        }
        let ahead = self.learner.as_mut().and_then(|learner| learner.load_ahead(signals.now));
        let load = match (present, ahead) {
            (Some(present), Some((ahead, _))) => present.max(ahead),
            (Some(only), None) | (None, Some((only, _))) => only,
            (None, None) => return Target::blind(signals),
        };
        let Some(work_s) = self.work_s else { return Target::blind(signals) };
        let mix = plan(&self.kinds, load * work_s, &self.config, self.budget);
        self.note(signals.now, mix.gives_up);
        let counts = self.held(signals.now, &mix);
        let named = self.kinds.iter().zip(&counts);
        let named: Vec<String> =
            named.map(|(kind, count)| format!("{count} {}", kind.name)).collect();
        let above = match mix.above {
            0.0 => String::new(),
            above => format!(", at most {:.2} % above the cheapest", 100.0 * above),
        };
        let why = format!(
            "{:.2} of work: {} at {:.2} an hour, {}{above}",
            load * work_s,
            named.join(", "),
            price_of(&self.kinds, &counts),
            mix.gives_up.words()
        );
        Target::new(counts[self.own], why)
    }

    fn foresight(&self) -> Option<Foresight> {
        let mut said = self.learner.as_ref().map(Learner::foresight).unwrap_or_default();
        // One of the pools speaks for the mix.
        if self.own > 0 {
            said.remarks.clear();
        } else {
            said.remarks.extend(self.concessions());
        }
        Some(said)
    }

    fn manners(&self) -> Manners {
        let own = Manners { min: 0, wakes: true, ..Manners::default() };
        let longest = self.learner.as_ref().map_or(own.longest, Learner::longest);
        Manners { longest: own.longest.max(longest), ..own }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, price: f64, slots: u32, spot: bool) -> Kind {
        Kind {
            name: name.to_owned(),
            price,
            slots,
            speed: 1.0,
            startup: Duration::from_secs(60),
            spot,
            servers: 1,
            min: 0,
            max: 1000,
            mixed: true,
        }
    }

    fn config(utilization: f64, spot_share: f64) -> Config {
        Config {
            utilization: Share(utilization),
            spot_share: Share(spot_share),
            ..Config::default()
        }
    }

    #[test]
    fn large_servers_bear_the_bulk_and_a_small_one_the_rest() {
        let kinds = [kind("small", 1.0, 4, false), kind("large", 3.0, 16, false)];
        let mix = plan(&kinds, 34.0, &config(1.0, 1.0), None);
        // Two large (32) and one small at 7 beat three large at 9.
        assert_eq!((mix.counts, mix.per_hour), (vec![1, 2], 7.0));
    }

    #[test]
    fn kinds_that_are_alike_get_equal_parts() {
        let zones = ["a", "b", "c", "d"].map(|zone| kind(zone, 1.0, 1, false));
        assert_eq!(plan(&zones, 200.3, &config(1.0, 1.0), None).counts, [51, 50, 50, 50]);
        // Sizes of a family: their work costs the same, and only whole servers tell them apart.
        let sizes = [1_u32, 2, 4, 8].map(|size| kind("m", f64::from(size), size, false));
        assert_eq!(plan(&sizes, 200.3, &config(1.0, 1.0), None).per_hour, 201.0);
    }

    #[test]
    fn no_other_counts_are_cheaper() {
        let kinds =
            [kind("a", 1.0, 3, false), kind("b", 2.9, 10, false), kind("c", 7.5, 26, false)];
        for work in 1..120 {
            let work = f64::from(work);
            let mix = plan(&kinds, work, &config(1.0, 1.0), None);
            let every =
                (0..=40).flat_map(|a| (0..=12).flat_map(move |b| (0..=5).map(move |c| [a, b, c])));
            let least = every
                .filter(|[a, b, c]| f64::from(3 * a + 10 * b + 26 * c) >= work)
                .map(|counts| price_of(&kinds, &counts))
                .fold(f64::INFINITY, f64::min);
            assert!((mix.per_hour - least).abs() < 1e-9, "{work}: {mix:?} for {least}");
        }
    }

    #[test]
    fn prices_that_fit_no_pattern_are_weighed_in_bounded_time() {
        let family = [1_u32, 2, 4, 8].map(|n| kind("m", 0.096 * f64::from(n), n, false));
        let odd = [kind("odd", 0.421, 4, false), kind("spot", 0.2113, 3, true)];
        let kinds: Vec<Kind> = family.into_iter().chain(odd).collect();
        for share in [0.0, 0.5, 1.0] {
            for budget in [None, Some(300.0), Some(200.0)] {
                let mix = plan(&kinds, 4000.0, &config(0.7, share), budget);
                let fits = budget.is_none_or(|budget| mix.per_hour <= budget + 1e-6);
                assert!(fits && mix.above < 0.001, "{mix:?}");
            }
        }
        // Sizes whose prices are a little off each other, as catalogues have them.
        let sizes = [(1, 0.0481), (2, 0.0959), (4, 0.1923), (8, 0.3841), (16, 0.7687), (32, 1.537)];
        let kinds =
            sizes.map(|(slots, price)| Kind { max: 40, ..kind("c", price, slots, slots == 4) });
        let mix = plan(&kinds, 1201.3, &config(1.0, 0.3), None);
        assert!(mix.above < 0.001, "{mix:?}");
    }

    #[test]
    fn at_most_its_share_stands_on_spot_servers() {
        let kinds = [kind("firm", 1.0, 1, false), kind("spot", 0.3, 1, true)];
        assert_eq!(plan(&kinds, 10.0, &config(1.0, 0.4), None).counts, [6, 4]);
    }

    #[test]
    fn a_budget_takes_servers_on_demand_then_headroom_then_load() {
        let kinds = [kind("firm", 1.0, 1, false), kind("spot", 0.5, 1, true)];
        let plan = |budget| plan(&kinds, 10.0, &config(0.5, 0.5), Some(budget));
        assert_eq!(plan(15.0).gives_up, Concession::Nothing);
        assert_eq!((plan(10.0).gives_up, plan(10.0).counts), (Concession::OnDemand, vec![0, 20]));
        assert_eq!((plan(7.0).gives_up, plan(7.0).counts), (Concession::Headroom, vec![0, 14]));
        assert_eq!((plan(3.0).gives_up, plan(3.0).counts), (Concession::Load, vec![0, 6]));
        for budget in [15.0, 12.0, 10.0, 7.0, 5.0, 3.0, 0.5] {
            assert!(plan(budget).per_hour <= budget + 1e-9, "{budget}");
        }
    }

    #[test]
    fn a_budget_that_binds_takes_servers_on_demand_one_by_one() {
        let kinds = [kind("firm", 5.0, 16, false), kind("spot", 2.0, 16, true)];
        let plan = |budget| plan(&kinds, 80.0, &config(1.0, 0.5), Some(budget));
        // Five servers of 16 slots; three on demand and two on spot where there is money enough.
        assert_eq!((plan(19.0).counts, plan(19.0).gives_up), (vec![3, 2], Concession::Nothing));
        assert_eq!((plan(17.0).counts, plan(17.0).gives_up), (vec![2, 3], Concession::OnDemand));
        assert_eq!((plan(14.0).counts, plan(14.0).gives_up), (vec![1, 4], Concession::OnDemand));
        assert_eq!((plan(8.0).counts, plan(8.0).gives_up), (vec![0, 4], Concession::Load));
    }
}
