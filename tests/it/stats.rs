//! The statistics room keeps its promises on values chosen against it.

use plimsoll::stats::{CoarseHistogram, Histogram, Moments, Tally, quantile_rank};
use proptest::prelude::*;

/// Values of every magnitude, with zeros, ties, powers of two and their neighbours.
fn nasty_value() -> impl Strategy<Value = u64> {
    let near_a_power = (0..64_u32, -2..3_i64)
        .prop_map(|(exponent, step)| (1_u64 << exponent).saturating_add_signed(step));
    prop_oneof![
        Just(0),
        near_a_power,
        0..3000_u64,
        any::<u64>(),
        (0..60_u32, any::<u64>()).prop_map(|(shift, bits)| bits >> shift)
    ]
}

fn nasty_values() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(nasty_value(), 1..200)
}

fn histogram_of(values: &[u64]) -> Histogram {
    let mut histogram = Histogram::new();
    for &value in values {
        histogram.record(value);
    }
    histogram
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_quantile_is_within_half_a_bucket_of_the_order_statistic(
        mut values in nasty_values(), p in 0.0..=1.0_f64,
    ) {
        let histogram = histogram_of(&values);
        values.sort_unstable();
        let exact = values[quantile_rank(values.len() as u64, p) as usize - 1];
        let found = histogram.quantile(p).unwrap();
        prop_assert!(found.abs_diff(exact) <= exact >> 11, "{found} for {exact}");
        let (low, high) = histogram.quantile_range(p).unwrap();
        prop_assert!(low <= exact && exact <= high);
    }

    #[test]
    fn a_coarse_histogram_keeps_its_own_bound(values in nasty_values(), p in 0.0..=1.0_f64) {
        let mut histogram = CoarseHistogram::new();
        let mut sorted = values;
        for &value in &sorted {
 histogram.record(value);
}
        sorted.sort_unstable();
        let exact = sorted[quantile_rank(sorted.len() as u64, p) as usize - 1];
        prop_assert!(histogram.quantile(p).unwrap().abs_diff(exact) <= exact >> 6);
    }

    #[test]
    fn merging_is_associative_and_equals_recording_everything(
        a in nasty_values(), b in nasty_values(), c in nasty_values(),
    ) {
        let [one, two, three] = [&a, &b, &c].map(|values| histogram_of(values));
        let mut left = one.clone();
        left.merge(&two);
        left.merge(&three);
        let mut tail = three.clone();
        tail.merge(&two);
        let mut right = tail;
        right.merge(&one);
        let all = histogram_of(&[c, a, b].concat());
        prop_assert_eq!(&left, &right);
        prop_assert_eq!(&left, &all);
        prop_assert_eq!(
            serde_json::to_string(&left).unwrap(), serde_json::to_string(&all).unwrap()
        );
    }

    #[test]
    fn buckets_are_disjoint_ordered_and_hold_every_value(values in nasty_values()) {
        let histogram = histogram_of(&values);
        let buckets: Vec<_> = histogram.buckets().collect();
        prop_assert!(buckets.windows(2).all(|pair| pair[0].high < pair[1].low));
        for bucket in &buckets {
            let inside = values.iter().filter(|&&v| bucket.low <= v && v <= bucket.high).count();
            prop_assert_eq!(bucket.count, inside as u64);
            prop_assert!(bucket.high - bucket.low <= bucket.low >> 10);
        }
        let counted: u64 = buckets.iter().map(|bucket| bucket.count).sum();
        prop_assert_eq!(counted, histogram.len());
        prop_assert_eq!(histogram.len(), values.len() as u64);
    }

    #[test]
    fn counting_above_a_value_agrees_with_the_quantiles(
        values in nasty_values(), x in nasty_value(), p in 0.0..=1.0_f64,
    ) {
        let histogram = histogram_of(&values);
        let n = histogram.len();
        let allowed = n - quantile_rank(n, p);
        prop_assert_eq!(
            histogram.quantile(p).unwrap() <= x, histogram.count_above(x) <= allowed
        );
    }

    #[test]
    fn the_curves_are_exact_where_they_have_points(values in nasty_values()) {
        let histogram = histogram_of(&values);
        for ((x, below), (_, above)) in histogram.cdf().zip(histogram.ccdf()) {
            let exact = values.iter().filter(|&&v| v <= x).count() as f64 / values.len() as f64;
            prop_assert_eq!(below, exact);
            prop_assert!((below + above - 1.0).abs() < 1e-15);
        }
    }

    #[test]
    fn a_histogram_survives_being_written_and_read(values in nasty_values()) {
        let histogram = histogram_of(&values);
        let text = serde_json::to_string(&histogram).unwrap();
        prop_assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), histogram);
        prop_assert!(serde_json::from_str::<CoarseHistogram>(&text).is_err());
    }

    #[test]
    fn moments_are_those_of_the_values_in_any_order(
        values in prop::collection::vec(0..4_000_000_000_u64, 2..100),
    ) {
        let mut forward = Moments::new();
        for &value in &values {
 forward.record(value);
}
        let (head, tail) = values.split_at(values.len() / 2);
        let mut merged = Moments::new();
        for &value in tail {
 merged.record(value);
}
        let mut first = Moments::new();
        for &value in head {
 first.record(value);
}
        merged.merge(&first);
        prop_assert_eq!(forward, merged);

        let n = values.len() as f64;
        let mean = values.iter().map(|&v| v as f64).sum::<f64>() / n;
        let squares: f64 = values.iter().map(|&v| (v as f64 - mean).powi(2)).sum();
        let sd = (squares / (n - 1.0)).sqrt();
        prop_assert!((forward.mean().unwrap() - mean / 1e9).abs() <= 1e-12);
        prop_assert!((forward.sd().unwrap() - sd / 1e9).abs() <= 1e-12);
    }
}

#[test]
fn an_atom_at_zero_is_exact() {
    let mut histogram = Histogram::new();
    histogram.record_n(0, 700);
    histogram.record_n(250_000_000, 300);
    assert_eq!(histogram.quantile(0.5), Some(0));
    assert_eq!(histogram.quantile(0.7), Some(0));
    assert_eq!(histogram.quantile(0.701), Some(250_000_000));
    assert_eq!(histogram.count_above(0), 300);
    assert_eq!(histogram.quantile_range(0.5), Some((0, 0)));
}

#[test]
fn an_empty_histogram_has_no_quantiles() {
    let mut empty = Histogram::new();
    empty.record_n(5, 0);
    assert!(empty.is_empty());
    assert_eq!((empty.min(), empty.max(), empty.quantile(0.5)), (None, None, None));
    assert_eq!(empty, Histogram::default());
}

#[test]
fn a_variance_of_huge_nearly_equal_values_does_not_cancel() {
    let mut moments = Moments::new();
    (0..1000).for_each(|i| moments.record(100_000_000_000_000 + i % 2));
    let exact = 0.25 * 1000.0 / 999.0 / 1e18;
    assert!((moments.variance().unwrap() / exact - 1.0).abs() < 1e-12);
}

#[test]
fn a_percentile_without_ten_values_on_its_rarer_side_is_not_printed() {
    let mut tally = Tally::new();
    (1..=999).for_each(|i| tally.record(i * 1_000_000));
    let short = tally.summary();
    assert!(short.p95.is_some() && short.p99.is_none() && short.p999.is_none());
    tally.record(1_000_000_000);
    let long = tally.summary();
    assert!((long.p99.unwrap() - 0.99).abs() < 0.99 * 4.9e-4);
    assert_eq!((long.min, long.max), (Some(0.001), Some(1.0)));
    assert!((long.mean.unwrap() - 0.5005).abs() < 1e-12);
    let json = serde_json::to_string(&short).unwrap();
    assert!(json.contains("\"p999\":null"), "{json}");
}
