//! Controllers of Kubernetes at work, look by look: what they are shown and what they make of it.

use plimsoll::scale::hpa::{self, Cores, MetricTarget, TargetType};
use plimsoll::scale::keda;
use plimsoll::scale::{Autoscaler, Counts, Metric, Metrics, Signals, Totals};
use plimsoll::time::{Duration, Instant};

fn second(second: u64) -> Instant {
    Instant::START + Duration::from_secs(second)
}

/// Scrapes every 15 s up to 90 s, heard of after a delay, of `servers` with so many requests a
/// second, each of half a second.
fn scraped(servers: u64, rate: u64, delay: u64) -> Metrics {
    let span = Duration::from_secs;
    let mut metrics = Metrics::new(span(15), span(delay), span(15), false);
    for at in (15..=90).step_by(15).map(second) {
        metrics.scrape(Totals {
            at,
            busy_ns: at.0 * rate / 2,
            slot_ns: at.0 * servers,
            server_ns: at.0 * servers,
            in_system_ns: at.0 * rate / 2,
            arrivals: at.0 / 1_000_000_000 * rate,
            ..Totals::default()
        });
    }
    metrics
}

fn signals<'a>(
    counts: Counts,
    ready_since: &'a [Instant],
    metrics: &'a Metrics,
    at: u64,
) -> Signals<'a> {
    Signals {
        now: second(at),
        counts,
        ready_since,
        window: Duration::from_secs(15),
        slots: 1,
        speed: 1.0,
        cores: f64::INFINITY,
        memory: f64::INFINITY,
        in_system: 0,
        waiting: 0,
        metrics,
    }
}

fn hpa(metric: Metric, target: f64, target_type: Option<TargetType>) -> hpa::Config {
    hpa::Config { metric, target, target_type, max_replicas: 100, ..hpa::Config::default() }
}

/// What a fresh controller decides.
fn decided(config: hpa::Config, signals: &Signals<'_>) -> u32 {
    hpa::scaler::Scaler::new(config).target(signals).servers
}

#[test]
fn a_value_multiplies_the_ready_pods_and_an_average_divides_the_total() {
    let metrics = scraped(3, 100, 0);
    let since = [Instant::START; 3];
    let counts = Counts { starting: 1, ready: 3, draining: 0 };
    let signals = signals(counts, &since, &metrics, 90);
    let of = |target_type, target| decided(hpa(Metric::Rate, target, Some(target_type)), &signals);
    // 100 a second are twice the value aimed at: twice the 3 pods that are ready.
    assert_eq!(of(TargetType::Value, 50.0), 6);
    // 20 for each of the 4 pods there are: ⌈100 / 20⌉, and within the tolerance of 24 × 4 nothing.
    assert_eq!(of(TargetType::AverageValue, 20.0), 5);
    assert_eq!(of(TargetType::AverageValue, 24.0), 4);
    // The pod that starts has no sample and counts as one without requests: ⌈100 / 20⌉ of 4.
    assert_eq!(of(TargetType::PodAverage, 20.0), 5);
    // Within the tolerance once it does, though the three alone are above it.
    assert_eq!(of(TargetType::PodAverage, 24.0), 4);
}

#[test]
fn what_the_metric_is_says_how_it_is_compared() {
    let of = |metric| MetricTarget { metric, target: 1.0, target_type: None }.comparison();
    assert_eq!(of(Metric::Utilization), TargetType::Utilization);
    assert_eq!(of(Metric::Rate), TargetType::PodAverage);
    assert_eq!(of(Metric::Queue), TargetType::AverageValue);
    assert_eq!(of(Metric::Latency), TargetType::Value);
}

#[test]
fn late_metrics_are_old_samples() {
    // Nine tenths busy: three servers, half a second each of 27 requests in 5 seconds.
    let decided_at = |ready: [u64; 3], delay| {
        let since = ready.map(second);
        let counts = Counts { ready: 3, ..Counts::default() };
        let mut metrics = Metrics::new(
            Duration::from_secs(15),
            Duration::from_secs(delay),
            Duration::from_secs(15),
            false,
        );
        for at in (15..=90).step_by(15).map(second) {
            let (busy_ns, slot_ns) = (at.0 / 10 * 27, at.0 * 3);
            metrics.scrape(Totals {
                at,
                busy_ns,
                slot_ns,
                server_ns: slot_ns,
                ..Totals::default()
            });
        }
        decided(hpa(Metric::Utilization, 0.5, None), &signals(counts, &since, &metrics, 90))
    };
    assert_eq!(decided_at([0, 40, 40], 0), 6, "fresh samples, all of them after the pods' starts");
    // What is seen is [30 s, 45 s]: two pods became ready in it, so that their samples mix two
    // states. They count as idle: 90 % of one are 30 % of three, on the other side of 50 %.
    assert_eq!(decided_at([0, 40, 40], 45), 3);
    // Of two 90 % are 60 % of three, which is a fifth too much: one more.
    assert_eq!(decided_at([0, 0, 40], 45), 4);
    // Pods that became ready later have no sample at all.
    assert_eq!(decided_at([0, 60, 60], 45), 3);
    assert_eq!(decided_at([0, 0, 0], 45), 6);
}

#[test]
fn utilization_is_whole_per_cents_of_what_is_requested() {
    // 100 requests a second of half a second keep 50 of 853 slots busy: 5.86 % of each.
    let metrics = scraped(853, 100, 0);
    let since = [Instant::START; 10];
    let signals = signals(Counts { ready: 10, ..Counts::default() }, &since, &metrics, 90);
    let cores = Some(Cores { requests: 0.1, limit: 1.0 });
    let of = |target_type, target| {
        let config = hpa(Metric::Utilization, target, Some(target_type));
        decided(hpa::Config { cores, ..config }, &signals)
    };
    // 58 % of the tenth of a core requested are 1.16 times 50 %; of the core they are 5 of 5.
    assert_eq!(of(TargetType::Utilization, 0.05), 12);
    // An amount is held against thousandths of a core: 58 are 1.45 times 40, and 1.09 times 53.
    assert_eq!(of(TargetType::PodAverage, 0.04), 15);
    assert_eq!(of(TargetType::PodAverage, 0.053), 10);
}

#[test]
fn of_late_samples_those_pods_had_their_part_that_have_left() {
    // Ten pods had 100 a second when last scraped; the samples of the four that stay say 10 each.
    let metrics = scraped(10, 100, 30);
    let since = [Instant::START; 4];
    let signals = signals(Counts { ready: 4, ..Counts::default() }, &since, &metrics, 90);
    let config = hpa(Metric::Rate, 10.0, Some(TargetType::PodAverage));
    assert_eq!(decided(config, &signals), 4);
}

#[test]
fn a_quantity_is_rounded_up_to_thousandths() {
    let of = |arrivals: u64, target: f64| {
        let span = Duration::from_secs(30);
        let mut metrics = Metrics::new(span, Duration::ZERO, span, false);
        for step in [1, 2] {
            let at = second(30 * step);
            let server_ns = at.0;
            metrics.scrape(Totals {
                at,
                arrivals: arrivals * step,
                server_ns,
                ..Totals::default()
            });
        }
        let since = [Instant::START; 10];
        let counts = Counts { ready: 10, ..Counts::default() };
        let signals = Signals { window: span, ..signals(counts, &since, &metrics, 60) };
        decided(hpa(Metric::Rate, target, Some(TargetType::AverageValue)), &signals)
    };
    // 1.6667 a second are 1667 thousandths: one more than 14 pods have at 119.
    assert_eq!(of(50, 0.119), 15);
    // 1.9 are 1900 of them, though the product of floats lies above.
    assert_eq!(of(57, 0.1), 19);
}

#[test]
fn keda_polls_at_its_interval_and_its_hpa_looks_every_15_s() {
    let looks = |polling_interval: u64, use_cached_metrics: bool| {
        let config = keda::Config {
            metric: Metric::Rate,
            polling_interval: Duration::from_secs(polling_interval),
            use_cached_metrics,
            target_average_value: 10.0,
            ..keda::Config::default()
        };
        let mut scaler = keda::scaler::Scaler::new(config);
        let interval = scaler.manners().interval;
        // 10 a second until 120 s, then 20: one server is right, then two.
        let mut metrics =
            Metrics::new(Duration::from_secs(1), Duration::ZERO, Duration::from_secs(1), false);
        let since = [Instant::START];
        let mut seen = Vec::new();
        for at in 1..=200_u64 {
            let arrivals = 10 * at + 10 * at.saturating_sub(120);
            let server_ns = second(at).0;
            metrics.scrape(Totals { at: second(at), arrivals, server_ns, ..Totals::default() });
            if (at * 1_000_000_000).is_multiple_of(interval.0) {
                let counts = Counts { ready: 1, ..Counts::default() };
                let window = Duration::from_secs(1);
                let signals = Signals { window, ..signals(counts, &since, &metrics, at) };
                let target = scaler.target(&signals);
                if target.why.contains("ask for 2") {
                    seen.push(at);
                } else {
                    assert_eq!(target.servers, 1, "{at}: {}", target.why);
                }
            }
        }
        seen
    };
    // Polled every 5 s or every 30, the HPA sees 20 a second at its own looks.
    let own = [135, 150, 165, 180, 195];
    assert_eq!((looks(5, false), looks(30, false)), (own.into(), own.into()));
    // With cached metrics what it sees is as old as the last poll.
    assert_eq!(looks(60, true), [180, 195]);
}
