//! Many comparisons at once without being fooled by one of them: Dunnett and Holm.

use super::special::{chi_square_nodes, increasing_root, normal_cdf, normal_nodes};

/// Dunnett's (1955) two-sided critical value for `treatments` comparisons with one control, all of
/// equal size, and `df` degrees of freedom of the pooled variance.
///
/// All |difference| / (S·√(2/n)) stay below it with the given confidence. It assumes independent
/// groups; with common random numbers use `holm` on paired tests instead.
pub fn dunnett(treatments: usize, df: f64, confidence: f64) -> f64 {
    let spread: Vec<(f64, f64)> =
        chi_square_nodes(df).into_iter().map(|(x, w)| ((2.0 * x / df).sqrt(), w)).collect();
    let control = normal_nodes();
    increasing_root(confidence, 2.0, |d| {
        let all_within = |reach: f64| -> f64 {
            let inside = |z: f64| normal_cdf(z + reach) - normal_cdf(z - reach);
            control.iter().map(|&(z, w)| w * inside(z).powf(treatments as f64)).sum()
        };
        spread.iter().map(|&(scale, w)| w * all_within(d * scale)).sum()
    })
}

/// Holm's (1979) adjusted p-values, in the order given: reject those at or below the family's
/// error.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut floor: f64 = 0.0;
    for (rank, &index) in order.iter().enumerate() {
        let remaining = (p_values.len() - rank) as f64;
        floor = floor.max((remaining * p_values[index]).min(1.0));
        adjusted[index] = floor;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dunnett_is_the_table() {
        for (treatments, df, table) in
            [(2, 19.0, 2.388), (3, 19.0, 2.551), (5, 29.0, 2.662), (9, 60.0, 2.769)]
        {
            let d = dunnett(treatments, df, 0.95);
            assert!((d - table).abs() < 5.1e-4, "{d} for {table}");
        }
        // Simpson's rule on 600 intervals in √x gives the probability 0.95 to twelve digits here.
        assert!((dunnett(2, 19.0, 0.95) - 2.388_069_402_184).abs() < 1e-11);
    }

    #[test]
    fn dunnett_with_one_treatment_is_student() {
        let t = super::super::special::t_quantile(0.975, 12.0);
        assert!((dunnett(1, 12.0, 0.95) - t).abs() < 1e-10);
    }

    #[test]
    fn holm_multiplies_by_what_is_left_and_never_falls() {
        let adjusted = holm(&[0.04, 0.01, 0.03, 0.5]);
        let expected = [0.09, 0.04, 0.09, 0.5];
        assert!(adjusted.iter().zip(expected).all(|(a, e)| (a - e).abs() < 1e-15), "{adjusted:?}");
    }
}
