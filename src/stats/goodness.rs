//! How well a fitted law fits: distances, information criteria, and the effect on what matters.

use rand::Rng;

use super::fit::{FAMILIES, Family, Fitted};
use super::histogram::quantile_rank;

/// A fitted law with its measures of fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// The law.
    pub law: Fitted,
    /// Akaike's criterion 2k − 2 ln L: smaller is better.
    pub aic: f64,
    /// Schwarz' criterion k ln n − 2 ln L: smaller is better, stricter with parameters.
    pub bic: f64,
    /// Kolmogorov and Smirnov's distance D.
    pub kolmogorov_smirnov: f64,
    /// Anderson and Darling's A², which weighs the tails.
    pub anderson_darling: f64,
    /// What the misfit does to the numbers queues depend on.
    pub effect: Effect,
}

/// The relative errors a law makes in the numbers waiting times depend on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// The largest |ln(fitted / empirical)| of the 50th, 90th, 99th and 99.9th percentile, as far
    /// as the sample reaches.
    pub quantiles: f64,
    /// |fitted / empirical − 1| of E S²: mean waits follow it.
    pub second_moment: f64,
    /// |fitted / empirical − 1| of E S³: the spread of waits follows it.
    pub third_moment: f64,
}

impl Effect {
    /// Whether the law may stand for the sample: quantiles within 5 %, E S² within 3 %, E S³ within
    /// 10 %. With many values every test rejects every law; this is the question to ask.
    pub fn is_small(&self) -> bool {
        self.quantiles <= 0.05 && self.second_moment <= 0.03 && self.third_moment <= 0.10
    }
}

/// All laws that can be fitted to a sample, the best by Akaike's criterion first.
pub fn fit_all(sample: &[f64]) -> Vec<Fit> {
    let mut fits: Vec<Fit> = FAMILIES
        .iter()
        .filter_map(|family| family(sample))
        .map(|law| assess(law, sample))
        .filter(|fit| fit.aic.is_finite())
        .collect();
    fits.sort_by(|a, b| a.aic.total_cmp(&b.aic));
    fits
}

/// The measures of fit of one law.
pub fn assess(law: Fitted, sample: &[f64]) -> Fit {
    let mut sorted = sample.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (k, n) = (law.parameters() as f64, sample.len() as f64);
    let likelihood = law.log_likelihood(&sorted);
    Fit {
        law,
        aic: 2.0 * k - 2.0 * likelihood,
        bic: k * n.ln() - 2.0 * likelihood,
        kolmogorov_smirnov: kolmogorov_smirnov(&law, &sorted),
        anderson_darling: anderson_darling(&law, &sorted),
        effect: effect(&law, &sorted),
    }
}

/// D = sup |empirical − fitted| over a sorted sample: the largest of the one-sided gaps.
pub fn kolmogorov_smirnov(law: &Fitted, sorted: &[f64]) -> f64 {
    let n = sorted.len() as f64;
    let gaps = sorted.iter().enumerate().map(|(i, &x)| {
        let fitted = law.cdf(x);
        ((i as f64 + 1.0) / n - fitted).max(fitted - i as f64 / n)
    });
    gaps.fold(0.0, f64::max)
}

/// A² = −n − Σ (2i − 1)/n · (ln F(xᵢ) + ln(1 − F(xₙ₊₁₋ᵢ))) over a sorted sample.
pub fn anderson_darling(law: &Fitted, sorted: &[f64]) -> f64 {
    let n = sorted.len() as f64;
    let terms = sorted.iter().zip(sorted.iter().rev()).enumerate().map(|(i, (&low, &high))| {
        (2.0 * i as f64 + 1.0) * (law.cdf(low).ln() + law.survival(high).ln())
    });
    -n - terms.sum::<f64>() / n
}

fn effect(law: &Fitted, sorted: &[f64]) -> Effect {
    let n = sorted.len() as f64;
    let moment = |k: i32| sorted.iter().map(|x| x.powi(k)).sum::<f64>() / n;
    let off = |k: i32| (law.moment(k) / moment(k) - 1.0).abs();
    let quantiles = [0.5, 0.9, 0.99, 0.999]
        .into_iter()
        .filter(|&p| super::moments::supports(sorted.len() as u64, p))
        .map(|p| {
            let empirical = sorted[quantile_rank(sorted.len() as u64, p) as usize - 1];
            (law.quantile(p) / empirical).ln().abs()
        })
        .fold(0.0, f64::max);
    Effect { quantiles, second_moment: off(2), third_moment: off(3) }
}

/// The p-value of Anderson and Darling's test by parametric bootstrap: the share of samples drawn
/// from the fitted law and fitted again that are as far off as the sample is. 999 resamples are
/// usual. `None` when the family does not fit the sample.
///
/// Tables do not apply, because the parameters were estimated from the same values.
pub fn bootstrap_p_value(
    family: Family,
    sample: &[f64],
    resamples: usize,
    rng: &mut impl Rng,
) -> Option<f64> {
    let law = family(sample)?;
    let distance = |law: &Fitted, values: &mut [f64]| {
        values.sort_unstable_by(f64::total_cmp);
        anderson_darling(law, values)
    };
    let observed = distance(&law, &mut sample.to_vec());
    let mut as_far = 1;
    for _ in 0..resamples {
        let mut drawn: Vec<f64> = sample.iter().map(|_| law.quantile(uniform(rng))).collect();
        // A resample the family cannot fit is as unlike it as can be.
        let far = family(&drawn).is_none_or(|again| distance(&again, &mut drawn) >= observed);
        as_far += usize::from(far);
    }
    Some(as_far as f64 / (resamples + 1) as f64)
}

/// Uniform in the open unit interval, one word a draw.
fn uniform(rng: &mut impl Rng) -> f64 {
    ((rng.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}
