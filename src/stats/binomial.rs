//! The exact binomial law and what rests on it: rank intervals of quantiles, coverage acceptance,
//! Wilson.
//!
//! The probabilities are Loader's (2000) saddle-point form, accurate to the last digits for any n,
//! and tails are summed outward from their edge, about 8√n terms. An incomplete beta function would
//! be shorter and loses digits (and `statrs`' convergence) above n = 10⁶.

use super::special::normal_quantile;

/// ln n! − ln(Stirling's formula) for whole n.
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        let factorial: f64 = (1..=n as u32).map(f64::from).product();
        let stirling = if n == 0.0 { 0.0 } else { (n + 0.5) * n.ln() - n };
        return factorial.ln() - stirling - if n == 0.0 { 0.0 } else { LN_SQRT_TAU };
    }
    let square = n * n;
    let inner = 1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / (1188.0 * square)) / square;
    (1.0 / 12.0 - (1.0 / 360.0 - inner / square) / square) / n
}

const LN_SQRT_TAU: f64 = 0.918_938_533_204_672_8;

/// The deviance x·ln(x/m) + m − x, without cancellation near x = m.
fn deviance(x: f64, m: f64) -> f64 {
    if (x - m).abs() < 0.1 * (x + m) {
        let v = (x - m) / (x + m);
        let mut sum = (x - m) * v;
        let mut power = 2.0 * x * v;
        for j in 1..1000 {
            power *= v * v;
            let next = sum + power / f64::from(2 * j + 1);
            if next == sum {
                break;
            }
            sum = next;
        }
        return sum;
    }
    x * (x / m).ln() + m - x
}

/// P(X = k) for X ~ Bin(n, p), 0 < p < 1.
pub fn binomial_pmf(n: u64, p: f64, k: u64) -> f64 {
    if k > n {
        return 0.0;
    }
    let (size, hits) = (n as f64, k as f64);
    let misses = size - hits;
    if k == 0 {
        return (size * (-p).ln_1p()).exp();
    }
    if k == n {
        return (size * p.ln()).exp();
    }
    let ln_shape = stirling_error(size)
        - stirling_error(hits)
        - stirling_error(misses)
        - deviance(hits, size * p)
        - deviance(misses, size * (1.0 - p));
    ln_shape.exp() * (size / (std::f64::consts::TAU * hits * misses)).sqrt()
}

/// P(X ≤ k).
pub fn binomial_cdf(n: u64, p: f64, k: u64) -> f64 {
    if k >= n {
        return 1.0;
    }
    if k as f64 > n as f64 * p {
        return 1.0 - binomial_upper_tail(n, p, k);
    }
    let odds = (1.0 - p) / p;
    let (mut term, mut sum) = (binomial_pmf(n, p, k), 0.0);
    for j in (0..=k).rev() {
        sum += term;
        term *= j as f64 / (n - j + 1) as f64 * odds;
        if term < sum * 1e-18 {
            break;
        }
    }
    sum
}

/// P(X > k).
pub fn binomial_upper_tail(n: u64, p: f64, k: u64) -> f64 {
    // The misses are binomial too: X > k when at most n − k − 1 trials miss.
    if k >= n {
        return 0.0;
    }
    if (k as f64) < n as f64 * p {
        return 1.0 - binomial_cdf(n, p, k);
    }
    let odds = p / (1.0 - p);
    let (mut term, mut sum) = (binomial_pmf(n, p, k + 1), 0.0);
    for j in k + 1..=n {
        sum += term;
        term *= (n - j) as f64 / (j + 1) as f64 * odds;
        if term < sum * 1e-18 {
            break;
        }
    }
    sum
}

/// The smallest k with P(X ≤ k) > tail, and the smallest k with P(X > k) ≤ tail.
fn central_range(n: u64, p: f64, tail: f64) -> (u64, u64) {
    let reach = normal_quantile(tail) * (n as f64 * p * (1.0 - p)).sqrt();
    let near = |x: f64| (x.round().max(0.0) as u64).min(n);
    let mut low = near(n as f64 * p + reach);
    while low > 0 && binomial_cdf(n, p, low - 1) > tail {
        low -= 1;
    }
    while binomial_cdf(n, p, low) <= tail {
        low += 1;
    }
    let mut high = near(n as f64 * p - reach);
    while high > 0 && binomial_upper_tail(n, p, high - 1) <= tail {
        high -= 1;
    }
    while binomial_upper_tail(n, p, high) > tail {
        high += 1;
    }
    (low, high)
}

/// 1-based ranks (l, u) of the order statistics of `n` independent values between which the
/// `p`-quantile lies with at least the confidence; l = 0 or u = n + 1 mean no finite bound there.
pub fn quantile_ranks(n: u64, p: f64, confidence: f64) -> (u64, u64) {
    let (low, high) = central_range(n, p, 0.5 * (1.0 - confidence));
    (low, high + 1)
}

/// The exact confidence of the interval between the order statistics of ranks (l, u):
/// P(l ≤ Bin(n, p) ≤ u − 1).
pub fn rank_coverage(n: u64, p: f64, (low, high): (u64, u64)) -> f64 {
    let below = if low == 0 { 0.0 } else { binomial_cdf(n, p, low - 1) };
    1.0 - below - if high == 0 { 1.0 } else { binomial_upper_tail(n, p, high - 1) }
}

/// The smallest n whose maximum bounds the `p`-quantile from above with the one-sided error
/// `alpha`: pⁿ ≤ alpha.
pub fn sample_for_upper_bound(p: f64, alpha: f64) -> u64 {
    let mut n = (alpha.ln() / p.ln()).round().max(1.0) as u64;
    while n > 1 && ((n - 1) as f64 * p.ln()).exp() <= alpha {
        n -= 1;
    }
    while (n as f64 * p.ln()).exp() > alpha {
        n += 1;
    }
    n
}

/// The range of hits among `experiments` that a valid interval procedure of the `nominal`
/// confidence leaves with probability at most `size` (half on each side): accept low ≤ hits ≤ high.
pub fn coverage_acceptance(experiments: u64, nominal: f64, size: f64) -> (u64, u64) {
    central_range(experiments, nominal, 0.5 * size)
}

/// Wilson's (1927) interval for a probability from `hits` among `n` independent trials; (0, 1)
/// without trials.
pub fn wilson(hits: u64, n: u64, confidence: f64) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let z = normal_quantile(0.5 * (1.0 + confidence));
    let (size, share) = (n as f64, hits as f64 / n as f64);
    let shrink = 1.0 + z * z / size;
    let centre = (share + 0.5 * z * z / size) / shrink;
    let half = z / shrink * (share * (1.0 - share) / size + 0.25 * z * z / (size * size)).sqrt();
    // At the ends the two terms cancel to the last digit only; the bound there is exact.
    let low = if hits == 0 { 0.0 } else { centre - half };
    let high = if hits == n { 1.0 } else { centre + half };
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_sum_to_one_and_tails_meet() {
        for (n, p) in [(1, 0.3), (20, 0.01), (200, 0.5), (5000, 0.999), (3_000_000, 0.99)] {
            let middle = (n as f64 * p) as u64;
            for k in [0, middle / 2, middle, u64::midpoint(middle, n)] {
                let total = binomial_cdf(n, p, k) + binomial_upper_tail(n, p, k);
                assert!((total - 1.0).abs() < 1e-13, "n {n} p {p} k {k}: {total}");
            }
            if n <= 5000 {
                let sum: f64 = (0..=n).map(|k| binomial_pmf(n, p, k)).sum();
                assert!((sum - 1.0).abs() < 1e-13, "n {n} p {p}: {sum}");
            }
        }
    }

    #[test]
    fn rank_intervals_are_those_of_the_reference() {
        assert_eq!(quantile_ranks(10_000, 0.99, 0.95), (9880, 9920));
        assert_eq!(quantile_ranks(100_000, 0.999, 0.95), (99_880, 99_920));
        assert_eq!(quantile_ranks(100, 0.99, 0.95).1, 101, "no finite upper bound");
        assert_eq!(sample_for_upper_bound(0.99, 0.025), 368);
        assert_eq!(sample_for_upper_bound(0.9999, 0.025), 36_887);
        assert_eq!(sample_for_upper_bound(0.9999, 0.05), 29_956);
        assert_eq!(coverage_acceptance(200, 0.95, 1e-3), (179, 198));
        assert_eq!(coverage_acceptance(1000, 0.99, 1e-3), (978, 998));
    }

    #[test]
    fn wilson_gives_the_published_interval_and_never_leaves_the_unit() {
        let (low, high) = wilson(81, 263, 0.95);
        assert!((low - 0.2553).abs() < 5e-5 && (high - 0.3662).abs() < 5e-5, "{low} {high}");
        assert_eq!(wilson(0, 10, 0.95).0, 0.0);
        assert_eq!(wilson(10, 10, 0.95).1, 1.0);
        assert_eq!(wilson(0, 0, 0.95), (0.0, 1.0));
    }
}
