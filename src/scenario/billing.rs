//! What servers cost: units of billing, prices that change, penalties, the budget; and the bill.
//!
//! A server is paid from its order (or from its first service, where `startup = false`) to its end.
//! A server that ends is billed in whole units, and for the least time that is billed; one that is
//! still there at the end of the run is billed up to then. Prices that change hold from their
//! instant on for every server; time billed beyond a server's end has the price of that end.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Goal, Measure, Measured, Pool, Scenario};
use crate::diagnose::Problem;
use crate::document::{Node, Value};
use crate::outcome::{Breakdown, Budget, Outcome, Penalty, PoolBill};
use crate::time::{Duration, Instant, SECOND_NS};
use crate::units::Price;

/// `[cost]`: what all pools together may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct CostTable {
    /// What may be spent, e.g. `40/h`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Price>,
}

/// How the time of a server is billed: `exact`, `per-second`, `per-hour`, or a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Billing {
    /// The unit: each one begun is paid whole; 0 is exact time.
    pub granularity: Duration,
    /// The least time that is billed for a server.
    pub minimum: Duration,
    /// Whether the time between order and service is paid.
    pub startup: bool,
}

impl Default for Billing {
    fn default() -> Self {
        Self { granularity: Duration::ZERO, minimum: Duration::ZERO, startup: true }
    }
}

/// The same as a table.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields, remote = "Billing")]
struct BillingTable {
    /// The unit: each one begun is paid whole; 0 is exact time.
    granularity: Duration,
    /// The least time that is billed for a server.
    minimum: Duration,
    /// Whether the time between order and service is paid.
    startup: bool,
}

impl Default for BillingTable {
    fn default() -> Self {
        let Billing { granularity, minimum, startup } = Billing::default();
        Self { granularity, minimum, startup }
    }
}

impl<'de> Deserialize<'de> for Billing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        let Value::Text(word) = &node.value else {
            #[derive(Deserialize)]
            struct Table(#[serde(with = "BillingTable")] Billing);
            return node.typed::<Table>().map(|table| table.0).map_err(Problem::carry);
        };
        let of = |granularity, minimum| {
            let (granularity, minimum) =
                (Duration::from_secs(granularity), Duration::from_secs(minimum));
            Ok(Self { granularity, minimum, startup: true })
        };
        match word.as_str() {
            "exact" => Ok(Self::default()),
            "per-second" => of(1, 60),
            "per-minute" => of(60, 60),
            "per-hour" => of(3600, 3600),
            _ => Err(Problem::new(format!("`{word}` is no way of billing"))
                .help(
                    "write `exact`, `per-second` (60 s at least), `per-minute`, `per-hour`, or \
                     e.g. `{ granularity = \"1s\", minimum = \"60s\", startup = true }`",
                )
                .at(&node.origin)
                .carry()),
        }
    }
}

impl JsonSchema for Billing {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Billing".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let table = BillingTable::json_schema(generator);
        schemars::json_schema!({
            "anyOf": [{ "enum": ["exact", "per-second", "per-minute", "per-hour"] }, table]
        })
    }
}

/// A price from an instant of the run on.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PriceChange {
    /// How long after the start of the run.
    pub at: Duration,
    /// The price from then on.
    pub price: Price,
}

impl Billing {
    /// What is billed for a server that was there so long.
    pub fn billed(self, used: Duration) -> Duration {
        let unit = self.granularity.0.max(1);
        Duration(used.0.div_ceil(unit).saturating_mul(unit).max(self.minimum.0))
    }
}

/// A server's time on the bill.
#[derive(Clone, Debug)]
pub(super) struct Stay {
    pub(super) pool: u16,
    pub(super) ordered: Instant,
    pub(super) ready: Option<Instant>,
    pub(super) gone: Option<Instant>,
    /// From each instant it changed its size: how many servers of the set size it was as large as.
    pub(super) sizes: Vec<(Instant, f64)>,
}

impl Stay {
    fn size_at(&self, at: Instant) -> f64 {
        self.sizes.iter().rev().find(|size| size.0 <= at).map_or(1.0, |size| size.1)
    }
}

impl Pool {
    /// The price of an hour at an instant.
    fn price_at(&self, at: Instant) -> f64 {
        let begun = self.price_changes.iter().filter(|change| change.at.0 <= at.0);
        begun.max_by_key(|change| change.at).map_or(self.price, |change| change.price).0
    }

    /// What a server of the pool's size costs between two instants.
    pub(super) fn price_between(&self, from: Instant, to: Instant) -> f64 {
        let changes = self.price_changes.iter().map(|change| Instant(change.at.0));
        let mut edges: Vec<Instant> = changes.filter(|at| *at > from && *at < to).collect();
        edges.extend([from, to]);
        edges.sort_unstable();
        let spans = edges.windows(2);
        spans.map(|span| self.price_at(span[0]) * hours(span[1].since(span[0]))).sum()
    }

    /// What a server's time between two instants costs.
    fn price_of(&self, stay: &Stay, from: Instant, to: Instant) -> f64 {
        let changes = self.price_changes.iter().map(|change| Instant(change.at.0));
        let inside = changes.chain(stay.sizes.iter().map(|size| size.0));
        let mut ends: Vec<Instant> = inside.filter(|at| *at > from && *at < to).collect();
        ends.sort_unstable();
        ends.push(to);
        let (mut at, mut sum) = (from, 0.0);
        for end in ends {
            sum += self.price_at(at) * stay.size_at(at) * hours(end.since(at));
            at = end.max(at);
        }
        sum
    }

    /// Whether its bill is more than its price times its hours.
    fn has_terms(&self) -> bool {
        self.billing.is_some() || !self.price_changes.is_empty()
    }

    /// Adds a server's time between two instants to the bill; `busy` is the share of its service
    /// that was busy.
    fn charge(&self, stay: &Stay, busy: f64, (from, to): (Instant, Instant), bill: &mut PoolBill) {
        let billing = self.billing.unwrap_or_default();
        let begin = if billing.startup { Some(stay.ordered) } else { stay.ready };
        let Some(begin) = begin else { return };
        let end = stay.gone.unwrap_or(to);
        let clip = |at: Instant| at.max(from).min(to);
        let ready = stay.ready.unwrap_or(end).min(end);
        bill.starting += self.price_of(stay, clip(begin), clip(ready));
        let serving = self.price_of(stay, clip(ready), clip(end));
        bill.busy += serving * busy;
        bill.idle += serving * (1.0 - busy);
        if stay.gone.is_some_and(|gone| gone > from && gone <= to) {
            let used = end.since(begin);
            let beyond = Duration(billing.billed(used).0 - used.0);
            bill.rounding += self.price_at(end) * stay.size_at(end) * hours(beyond);
        }
    }
}

fn hours(span: Duration) -> f64 {
    span.0 as f64 / SECOND_NS as f64 / 3600.0
}

impl Scenario {
    /// Whether anything but a price an hour is said about money.
    fn has_bill(&self) -> bool {
        self.cost.budget.is_some()
            || self.pool.values().any(Pool::has_terms)
            || self.slo.values().any(|slo| slo.penalty.is_some())
    }

    /// Refuses what cannot be paid.
    pub(super) fn check_cost(&self) -> Result<(), Problem> {
        let Some(budget) = self.cost.budget else { return Ok(()) };
        let cheapest = self.pool.iter().min_by(|a, b| a.1.price.0.total_cmp(&b.1.price.0));
        let Some((name, pool)) = cheapest else { return Ok(()) };
        if pool.price.0 <= 0.0 {
            let what = format!("the budget says nothing while pool `{name}` has no price");
            return Err(Problem::about("budget", what).help("set `price` in every pool"));
        }
        if budget.0 < pool.price.0 {
            let what = format!(
                "the budget of {budget} does not pay for one server: the cheapest, of pool \
                 `{name}`, costs {}",
                pool.price
            );
            return Err(Problem::about("budget", what).help("raise `budget` or take another pool"));
        }
        Ok(())
    }

    /// Everything in the document that is an amount of money an hour.
    fn price_nodes<'a>(&self, document: &'a Node) -> Vec<&'a Node> {
        let mut nodes = Vec::new();
        for name in self.pool.keys() {
            nodes.extend(document.find(&format!("pool.{name}.price")));
            let changes = document.find(&format!("pool.{name}.price-changes"));
            if let Some(Value::List(changes)) = changes.map(|node| &node.value) {
                nodes.extend(changes.iter().filter_map(|change| change.get("price")));
            }
        }
        nodes.extend(document.find("cost.budget"));
        nodes.extend(
            self.slo.keys().filter_map(|name| document.find(&format!("slo.{name}.penalty"))),
        );
        nodes
    }

    /// Finds the currency of all prices; refuses two.
    pub(super) fn settle_currency(&mut self, document: &Node) -> Result<(), Problem> {
        let mut first: Option<(String, String)> = None;
        let mut bare: Option<&Node> = None;
        for node in self.price_nodes(document) {
            let Value::Text(text) = &node.value else { continue };
            let Some(currency) = currency_of(text) else {
                bare = Some(node);
                continue;
            };
            match &first {
                Some((other, text)) if *other != currency => {
                    let what = format!("`{text}` is in {other} and this price in {currency}");
                    let problem = Problem::new(what).help("write all prices in one currency");
                    return Err(problem.at(&node.origin));
                }
                _ => first = Some((currency, text.clone())),
            }
        }
        let Some((currency, text)) = first else { return Ok(()) };
        let written = document.get("currency");
        if written.is_some() && self.currency != currency {
            if let Some(bare) = bare {
                let what = format!(
                    "this price has no currency, and two are mixed: `currency` is {} and another \
                     price is `{text}`",
                    self.currency
                );
                return Err(Problem::new(what).help("write all prices in one").at(&bare.origin));
            }
            let what = format!("`currency` is {} and a price is `{text}`", self.currency);
            let origin = written.map_or(&document.origin, |node| &node.origin);
            return Err(Problem::new(what).help("write both in one currency").at(origin));
        }
        if let Some(Node { value: Value::Text(bare), .. }) = bare {
            let said = format!(
                "`{bare}` names no currency: it is taken to be in {currency}, as `{text}` is"
            );
            self.remarks.push(said);
        }
        self.currency = currency;
        Ok(())
    }
}

/// The currency that a price names, if it does.
fn currency_of(price: &str) -> Option<String> {
    let amount = price.split('/').next().unwrap_or(price);
    let name: String = amount.chars().filter(|c| c.is_alphabetic() || "$€£".contains(*c)).collect();
    match name.as_str() {
        "" => None,
        "$" => Some("USD".to_owned()),
        "€" => Some("EUR".to_owned()),
        "£" => Some("GBP".to_owned()),
        word => Some(word.to_uppercase()),
    }
}

/// The bill of a run from its servers' stays; nothing where no more than prices are set.
///
/// `busy` is the utilization of each pool.
pub(super) fn bill(
    scenario: &Scenario,
    measured: &Measured,
    stays: &[Stay],
    busy: &[f64],
    (from, to): (Instant, Instant),
) -> Option<Breakdown> {
    if !scenario.has_bill() {
        return None;
    }
    let pools = (0_u16..).zip(&scenario.pool).zip(busy).map(|((index, (name, pool)), busy)| {
        let mut bill = PoolBill { pool: name.clone(), ..PoolBill::default() };
        for stay in stays.iter().filter(|stay| stay.pool == index) {
            pool.charge(stay, busy.clamp(0.0, 1.0), (from, to), &mut bill);
        }
        bill
    });
    let pools: Vec<PoolBill> = pools.collect();
    let servers: f64 = pools.iter().map(PoolBill::total).sum();
    let budget = scenario.cost.budget.map(|limit| {
        let span = hours(to.since(from));
        let spent_per_hour = if span > 0.0 { servers / span } else { 0.0 };
        let (peak_per_hour, over_share) = spending(scenario, stays, limit.0, (from, to));
        let exceeded = spent_per_hour > limit.0;
        Budget { limit_per_hour: limit.0, spent_per_hour, peak_per_hour, over_share, exceeded }
    });
    Some(Breakdown { pools, penalties: penalties(scenario, measured, (from, to)), budget })
}

/// The most that was spent an hour at one time, and the share of time above a limit.
fn spending(
    scenario: &Scenario,
    stays: &[Stay],
    limit: f64,
    (from, to): (Instant, Instant),
) -> (f64, f64) {
    let pool_of = |stay: &Stay| &scenario.pool[usize::from(stay.pool)];
    let begin = |stay: &Stay| {
        let startup = pool_of(stay).billing.unwrap_or_default().startup;
        if startup { Some(stay.ordered) } else { stay.ready }
    };
    let mut turns: Vec<Instant> = vec![from];
    for stay in stays {
        turns.extend(begin(stay).into_iter().chain(stay.gone));
        turns.extend(stay.sizes.iter().map(|size| size.0));
    }
    let changes = scenario.pool.values().flat_map(|pool| &pool.price_changes);
    turns.extend(changes.map(|change| Instant(change.at.0)));
    turns.retain(|at| *at >= from && *at < to);
    turns.sort_unstable();
    turns.dedup();
    // Each pool changes by one server, or by a server's size; prices hold between two turns.
    let mut steps: Vec<(Instant, u16, f64)> = Vec::new();
    for stay in stays {
        let Some(begin) = begin(stay) else { continue };
        let mut size = stay.size_at(begin);
        steps.push((begin, stay.pool, size));
        for &(at, next) in stay.sizes.iter().filter(|change| change.0 > begin) {
            steps.push((at, stay.pool, next - size));
            size = next;
        }
        steps.extend(stay.gone.map(|gone| (gone, stay.pool, -size)));
    }
    steps.sort_by_key(|step| (step.0, step.1));
    let mut steps = steps.into_iter().peekable();
    let mut counts = vec![0.0_f64; scenario.pool.len()];
    let (mut peak, mut over) = (0.0_f64, Duration::ZERO);
    for (index, &at) in turns.iter().enumerate() {
        while let Some((_, pool, change)) = steps.next_if(|step| step.0 <= at) {
            counts[usize::from(pool)] += change;
        }
        let priced = scenario.pool.values().zip(&counts);
        let rate: f64 = priced.map(|(pool, count)| pool.price_at(at) * *count).sum();
        peak = peak.max(rate);
        // Sums of prices in floating point may miss a limit that they meet.
        if rate > limit * (1.0 + 1e-9) {
            over += turns.get(index + 1).copied().unwrap_or(to).since(at);
        }
    }
    let span = to.since(from).0;
    (peak, if span > 0 { over.0 as f64 / span as f64 } else { 0.0 })
}

fn penalties(
    scenario: &Scenario,
    measured: &Measured,
    (from, to): (Instant, Instant),
) -> Vec<Penalty> {
    let priced = scenario.slo.values().filter_map(|slo| Some((&slo.objective, slo.penalty?)));
    priced
        .map(|(goal, price)| {
            let hours = hours(missed(goal, measured, (from, to)));
            Penalty { objective: goal.text.clone(), hours, amount: price.0 * hours }
        })
        .collect()
}

/// How long a percentile of latency was missed, by the intervals of the run's timeline.
///
/// An interval in which requests were there and none ended is judged with the next in which one
/// did; one without requests misses nothing.
fn missed(goal: &Goal, measured: &Measured, (from, to): (Instant, Instant)) -> Duration {
    let Measure::Percentile(p) = goal.measure else { return Duration::ZERO };
    let width = measured.timeline.width();
    let (mut missed, mut silent) = (Duration::ZERO, Duration::ZERO);
    for (index, bin) in (0_u64..).zip(measured.timeline.bins()) {
        let at = Instant(index * width.0);
        let (start, end) = (at.max(from), (at + width).min(to));
        let span = if start < end { end.since(start) } else { Duration::ZERO };
        if bin.completions + bin.errors == 0 {
            silent += if bin.in_system_ns > 0 { span } else { Duration::ZERO };
            continue;
        }
        let value = bin.latency.quantile(p).map(|ns| ns as f64 / SECOND_NS as f64);
        let met = bin.errors == 0 && value.is_some_and(|value| goal.is_met_by(value));
        let judged = std::mem::take(&mut silent) + span;
        missed += if met { Duration::ZERO } else { judged };
    }
    missed
}

/// What the reader should know of the budget, and what the policies say of it and of themselves.
pub fn advice<N, M>(outcome: &Outcome<N, M>) -> Vec<String> {
    let cost = &outcome.cost;
    let bill = cost.breakdown.as_ref();
    let penalized = bill.is_some_and(|bill| !bill.penalties.is_empty());
    let besides = if penalized { ", without penalties" } else { "" };
    let budget = bill.and_then(|bill| bill.budget);
    let budget = budget.and_then(|budget| broken(budget, &cost.currency, besides));
    let remarks = outcome
        .autoscaling
        .iter()
        .flat_map(|pool| pool.remarks.iter().map(|words| format!("pool `{}`: {words}", pool.pool)));
    budget.into_iter().chain(remarks).collect()
}

/// In which way a budget was not kept.
fn broken(budget: Budget, currency: &str, besides: &str) -> Option<String> {
    let Budget { limit_per_hour, spent_per_hour, peak_per_hour, over_share, exceeded } = budget;
    let percent = 100.0 * over_share;
    if exceeded {
        let above = 100.0 * (spent_per_hour / limit_per_hour - 1.0);
        return Some(format!(
            "the budget is exceeded: {spent_per_hour:.2} {currency} an hour on average is \
             {above:.0} % above {limit_per_hour:.2}{besides}; the most at one time was \
             {peak_per_hour:.2}, and {percent:.0} % of the time was above it"
        ));
    }
    (over_share > 0.0).then(|| {
        format!(
            "the budget of {limit_per_hour:.2} {currency} an hour holds on average \
             ({spent_per_hour:.2}{besides}), but {percent:.1} % of the time was above it, with \
             {peak_per_hour:.2} an hour at most"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60;

    fn at(seconds: u64) -> Instant {
        Instant(seconds * SECOND_NS)
    }

    fn charged(pool: &Pool, stay: &Stay, to: u64) -> PoolBill {
        let mut bill = PoolBill::default();
        pool.charge(stay, 0.25, (at(0), at(to)), &mut bill);
        bill
    }

    fn pool(billing: &str) -> Pool {
        let node = Node::from_toml("pool", &format!("price = \"3.6/h\"\nbilling = {billing}"));
        node.unwrap().typed().unwrap()
    }

    fn stay(ordered: u64, ready: u64, gone: Option<u64>) -> Stay {
        Stay {
            pool: 0,
            ordered: at(ordered),
            ready: Some(at(ready)),
            gone: gone.map(at),
            sizes: Vec::new(),
        }
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn per_second_billing_has_a_minimum_of_a_minute() {
        // 3.6 an hour is 0.001 a second.
        let pool = pool("\"per-second\"");
        let short = charged(&pool, &stay(10, 20, Some(40)), 7200);
        assert!(close(short.starting, 0.01) && close(short.busy, 0.005), "{short:?}");
        assert!(close(short.idle, 0.015) && close(short.rounding, 0.03), "{short:?}");
        assert!(close(charged(&pool, &stay(0, 0, Some(90)), 7200).total(), 0.09));
    }

    #[test]
    fn per_hour_billing_pays_every_hour_begun() {
        let pool = pool("\"per-hour\"");
        assert!(close(charged(&pool, &stay(0, 240, Some(61 * MINUTE)), 9000).total(), 7.2));
        assert!(close(charged(&pool, &stay(0, 240, Some(60 * MINUTE)), 9000).total(), 3.6));
        // One that is still there is billed up to the end of the run.
        assert!(close(charged(&pool, &stay(0, 240, None), 5400).total(), 5.4));
    }

    #[test]
    fn start_up_is_paid_unless_it_is_said_not_to_be() {
        let free = pool("{ startup = false, granularity = \"1m\" }");
        let bill = charged(&free, &stay(0, 240, Some(250)), 3600);
        assert!(close(bill.starting, 0.0) && close(bill.total(), 0.06), "{bill:?}");
        assert!(close(charged(&pool("\"exact\""), &stay(0, 240, Some(250)), 3600).starting, 0.24));
    }

    #[test]
    fn a_spot_price_that_changes_holds_from_its_instant_on() {
        let mut pool = pool("\"exact\"");
        pool.price_changes = vec![PriceChange { at: Duration::from_secs(100), price: Price(7.2) }];
        let bill = charged(&pool, &stay(0, 0, None), 300);
        assert!(close(bill.total(), 0.1 + 0.4), "{bill:?}");
        // Reclaimed in the cheap time, it pays nothing of the dear one.
        assert!(close(charged(&pool, &stay(0, 0, Some(100)), 300).total(), 0.1));
    }

    #[test]
    fn a_server_that_grows_in_place_is_billed_by_its_size() {
        let grown = Stay { sizes: vec![(at(0), 1.0), (at(100), 3.0)], ..stay(0, 0, None) };
        assert!(close(charged(&pool("\"exact\""), &grown, 300).total(), 0.1 + 0.6));
    }

    #[test]
    fn currencies_are_read_off_prices() {
        let read = |text| currency_of(text);
        assert_eq!(read("$0.5/h").as_deref(), Some("USD"));
        assert_eq!(read("3 eur/h").as_deref(), Some("EUR"));
        assert_eq!(read("0.68/h"), None);
    }
}
