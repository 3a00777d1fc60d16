//! Fitted laws are the likeliest of their family, and the best family wins.

use plimsoll::stats::fit::{
    FAMILIES, Fitted, exponential, gamma_law, hyperexponential, hyperexponential_of_moments,
    pareto, weibull,
};
use plimsoll::stats::goodness::{assess, fit_all};

use crate::stats_coverage::SplitMix;

fn sample_of(law: Fitted, n: u32, seed: u64) -> Vec<f64> {
    let mut rng = SplitMix::of(seed, 20);
    (0..n).map(|_| law.quantile(rng.uniform())).collect()
}

fn laws() -> [Fitted; 6] {
    [
        Fitted::Exponential { rate: 4.0 },
        Fitted::LogNormal { mu: -1.0, sigma: 0.8 },
        Fitted::Pareto { scale: 0.1, shape: 4.5 },
        Fitted::Weibull { scale: 0.2, shape: 0.6 },
        Fitted::Gamma { shape: 2.5, scale: 0.1 },
        hyperexponential_of_moments(0.25, 9.0),
    ]
}

#[test]
fn a_law_is_consistent_with_itself() {
    for law in laws() {
        for p in [1e-6, 0.1, 0.5, 0.9, 0.999_999] {
            let x = law.quantile(p);
            assert!((law.cdf(x) - p).abs() < 1e-12, "{law:?} at {p}");
            assert!((law.survival(x) + law.cdf(x) - 1.0).abs() < 1e-14, "{law:?} at {p}");
        }
        // The density is the slope of the distribution function.
        let (x, h) = (law.quantile(0.6), 1e-6);
        let slope = (law.cdf(x + h) - law.cdf(x - h)) / (2.0 * h);
        assert!((law.ln_density(x).exp() / slope - 1.0).abs() < 1e-7, "{law:?}");
        // E X is the integral of P(X > x) over x = quantile(p).
        let steps = 200_000;
        let mean: f64 =
            (0..steps).map(|i| law.quantile((f64::from(i) + 0.5) / f64::from(steps))).sum();
        let error = mean / f64::from(steps) / law.moment(1) - 1.0;
        assert!(error.abs() < 1e-3, "{law:?}: {error}");
    }
}

#[test]
fn no_neighbour_of_a_fitted_law_is_likelier() {
    for (law, family) in laws().into_iter().zip(FAMILIES) {
        let sample = sample_of(law, 500, 1);
        let fitted = family(&sample).unwrap();
        let best = fitted.log_likelihood(&sample);
        for other in neighbours(fitted) {
            let likelihood = other.log_likelihood(&sample);
            assert!(likelihood <= best + 1e-9, "{other:?} is likelier than {fitted:?}");
        }
    }
}

fn neighbours(law: Fitted) -> Vec<Fitted> {
    let near = |x: f64| [x * 0.999, x * 1.001];
    match law {
        Fitted::Exponential { rate } => {
            near(rate).map(|rate| Fitted::Exponential { rate }).to_vec()
        }
        Fitted::LogNormal { mu, sigma } => [
            near(mu).map(|mu| Fitted::LogNormal { mu, sigma }),
            near(sigma).map(|sigma| Fitted::LogNormal { mu, sigma }),
        ]
        .concat(),
        Fitted::Pareto { scale, shape } => [
            near(scale).map(|scale| Fitted::Pareto { scale, shape }),
            near(shape).map(|shape| Fitted::Pareto { scale, shape }),
        ]
        .concat(),
        Fitted::Weibull { scale, shape } => [
            near(scale).map(|scale| Fitted::Weibull { scale, shape }),
            near(shape).map(|shape| Fitted::Weibull { scale, shape }),
        ]
        .concat(),
        Fitted::Gamma { scale, shape } => [
            near(scale).map(|scale| Fitted::Gamma { scale, shape }),
            near(shape).map(|shape| Fitted::Gamma { scale, shape }),
        ]
        .concat(),
        Fitted::HyperExponential { share, rates } => [
            near(share).map(|share| Fitted::HyperExponential { share, rates }),
            near(rates[0]).map(|r| Fitted::HyperExponential { share, rates: [r, rates[1]] }),
            near(rates[1]).map(|r| Fitted::HyperExponential { share, rates: [rates[0], r] }),
        ]
        .concat(),
    }
}

#[test]
fn the_law_that_made_a_sample_wins_and_has_small_effect() {
    for law in laws() {
        let sample = sample_of(law, 5000, 2);
        let fits = fit_all(&sample);
        // Gamma and Weibull contain the exponential law; by the stricter criterion it still wins.
        let best = fits.iter().min_by(|a, b| a.bic.total_cmp(&b.bic)).unwrap();
        assert_eq!(best.law.name(), law.name());
        assert!(fits.windows(2).all(|pair| pair[0].aic <= pair[1].aic));
    }
    let sample: Vec<f64> = (0..4000).map(|i| -(1.0 - (f64::from(i) + 0.5) / 4000.0).ln()).collect();
    assert!(assess(exponential(&sample).unwrap(), &sample).effect.is_small());
    assert!(!assess(pareto(&sample).unwrap(), &sample).effect.is_small());
}

#[test]
fn a_large_sample_is_fitted_from_groups_as_well_as_from_values() {
    let law = hyperexponential_of_moments(1.0, 4.0);
    let Fitted::HyperExponential { share, rates } = law else { unreachable!() };
    let sample = sample_of(law, 40_000, 3);
    let Some(Fitted::HyperExponential { share: found, rates: found_rates }) =
        hyperexponential(&sample)
    else {
        panic!("no fit")
    };
    let errors =
        [found / share - 1.0, found_rates[0] / rates[0] - 1.0, found_rates[1] / rates[1] - 1.0];
    // Four standard errors of the likelihood's parameters at this size are about 4 %.
    assert!(errors.iter().all(|error| error.abs() < 0.04), "{errors:?}");
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    for sample in [&[][..], &[1.0], &[2.0, 2.0, 2.0], &[1.0, 0.0, 3.0], &[1.0, f64::INFINITY]] {
        for family in [pareto, weibull, gamma_law, hyperexponential] {
            assert_eq!(family(sample), None, "{sample:?}");
        }
    }
    assert!(exponential(&[2.0, 2.0]).is_some() && exponential(&[0.0, 0.0]).is_none());
}
