//! Fits laws to a sample of durations: maximum likelihood in closed form, by Newton, or by EM.
//!
//! Fitted laws are plain numbers with the functions a goodness-of-fit needs (`goodness.rs`); the
//! room `law` samples them.

use statrs::function::gamma::{digamma, gamma, gamma_lr, gamma_ur, ln_gamma};

use super::series::mean;
use super::special::{increasing_root, normal_cdf, normal_quantile};

/// A law of positive values with its parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fitted {
    /// Exponential with a rate.
    Exponential {
        /// One over the mean.
        rate: f64,
    },
    /// Lognormal.
    LogNormal {
        /// Mean of the logarithm.
        mu: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Pareto from a smallest value on.
    Pareto {
        /// Smallest value.
        scale: f64,
        /// Tail exponent α.
        shape: f64,
    },
    /// Weibull.
    Weibull {
        /// Value with the share 1 − 1/e below it.
        scale: f64,
        /// Exponent; below 1 the tail is heavier than exponential.
        shape: f64,
    },
    /// Gamma.
    Gamma {
        /// Shape k.
        shape: f64,
        /// Scale θ, the mean over the shape.
        scale: f64,
    },
    /// A mixture of two exponentials.
    HyperExponential {
        /// Share of the faster phase.
        share: f64,
        /// Rates, the faster first.
        rates: [f64; 2],
    },
}

impl Fitted {
    /// The name of the law in scenarios.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Exponential { .. } => "exponential",
            Self::LogNormal { .. } => "lognormal",
            Self::Pareto { .. } => "pareto",
            Self::Weibull { .. } => "weibull",
            Self::Gamma { .. } => "gamma",
            Self::HyperExponential { .. } => "hyperexponential",
        }
    }

    /// The number of fitted parameters.
    pub fn parameters(&self) -> usize {
        match self {
            Self::Exponential { .. } => 1,
            Self::HyperExponential { .. } => 3,
            _ => 2,
        }
    }

    /// P(X > x).
    pub fn survival(&self, x: f64) -> f64 {
        match *self {
            Self::Exponential { rate } => (-rate * x).exp(),
            Self::LogNormal { mu, sigma } => normal_cdf((mu - x.ln()) / sigma),
            Self::Pareto { scale, shape } => (scale / x).min(1.0).powf(shape),
            Self::Weibull { scale, shape } => (-(x / scale).powf(shape)).exp(),
            Self::Gamma { shape, scale } if x > 0.0 => gamma_ur(shape, x / scale),
            Self::Gamma { .. } => 1.0,
            Self::HyperExponential { share, rates } => {
                share * (-rates[0] * x).exp() + (1.0 - share) * (-rates[1] * x).exp()
            }
        }
    }

    /// P(X ≤ x), with the digits of small probabilities.
    pub fn cdf(&self, x: f64) -> f64 {
        match *self {
            Self::Exponential { rate } => -(-rate * x).exp_m1(),
            Self::LogNormal { mu, sigma } => normal_cdf((x.ln() - mu) / sigma),
            Self::Pareto { scale, shape } => -(shape * (scale / x).min(1.0).ln()).exp_m1(),
            Self::Weibull { scale, shape } => -(-(x / scale).powf(shape)).exp_m1(),
            Self::Gamma { shape, scale } if x > 0.0 => gamma_lr(shape, x / scale),
            Self::Gamma { .. } => 0.0,
            Self::HyperExponential { share, rates } => {
                -share * (-rates[0] * x).exp_m1() - (1.0 - share) * (-rates[1] * x).exp_m1()
            }
        }
    }

    /// The logarithm of the density at x > 0.
    pub fn ln_density(&self, x: f64) -> f64 {
        match *self {
            Self::Exponential { rate } => rate.ln() - rate * x,
            Self::LogNormal { mu, sigma } => {
                let z = (x.ln() - mu) / sigma;
                -0.5 * z * z - x.ln() - sigma.ln() - 0.5 * std::f64::consts::TAU.ln()
            }
            Self::Pareto { scale, .. } if x < scale => f64::NEG_INFINITY,
            Self::Pareto { scale, shape } => {
                shape.ln() + shape * scale.ln() - (shape + 1.0) * x.ln()
            }
            Self::Weibull { scale, shape } => {
                let ratio = x / scale;
                (shape / scale).ln() + (shape - 1.0) * ratio.ln() - ratio.powf(shape)
            }
            Self::Gamma { shape, scale } => {
                (shape - 1.0) * x.ln() - x / scale - ln_gamma(shape) - shape * scale.ln()
            }
            Self::HyperExponential { share, rates } => {
                let fast = share * rates[0] * (-rates[0] * x).exp();
                let slow = (1.0 - share) * rates[1] * (-rates[1] * x).exp();
                (fast + slow).ln()
            }
        }
    }

    /// The `p`-quantile, p in (0, 1).
    pub fn quantile(&self, p: f64) -> f64 {
        let exponential = -(-p).ln_1p();
        match *self {
            Self::Exponential { rate } => exponential / rate,
            Self::LogNormal { mu, sigma } => (mu + sigma * normal_quantile(p)).exp(),
            Self::Pareto { scale, shape } => scale * (exponential / shape).exp(),
            Self::Weibull { scale, shape } => scale * exponential.powf(1.0 / shape),
            Self::Gamma { .. } | Self::HyperExponential { .. } => {
                // The tail that is small keeps the digits.
                if p < 0.5 {
                    increasing_root(p, self.moment(1), |x| self.cdf(x))
                } else {
                    increasing_root(p - 1.0, self.moment(1), |x| -self.survival(x))
                }
            }
        }
    }

    /// The moment E Xᵏ for k ≥ 1; infinite where it does not exist.
    pub fn moment(&self, k: i32) -> f64 {
        let order = f64::from(k);
        match *self {
            Self::Exponential { rate } => gamma(order + 1.0) / rate.powi(k),
            Self::LogNormal { mu, sigma } => (order * mu + 0.5 * (order * sigma).powi(2)).exp(),
            Self::Pareto { shape, .. } if shape <= order => f64::INFINITY,
            Self::Pareto { scale, shape } => shape * scale.powi(k) / (shape - order),
            Self::Weibull { scale, shape } => scale.powi(k) * gamma(1.0 + order / shape),
            Self::Gamma { shape, scale } => {
                scale.powi(k) * (ln_gamma(shape + order) - ln_gamma(shape)).exp()
            }
            Self::HyperExponential { share, rates } => {
                let phases = share / rates[0].powi(k) + (1.0 - share) / rates[1].powi(k);
                gamma(order + 1.0) * phases
            }
        }
    }

    /// The logarithm of the likelihood of a sample.
    pub fn log_likelihood(&self, sample: &[f64]) -> f64 {
        sample.iter().map(|&x| self.ln_density(x)).sum()
    }
}

/// Every law that can be fitted.
pub const FAMILIES: [Family; 6] =
    [exponential, lognormal, pareto, weibull, gamma_law, hyperexponential];

/// A fitter: the law most likely to give a sample, or `None` where it has none: fewer than two
/// values, a value that is not positive and finite, or values that are all equal.
pub type Family = fn(&[f64]) -> Option<Fitted>;

fn usable(sample: &[f64]) -> bool {
    let varied = sample.windows(2).any(|pair| pair[0] != pair[1]);
    varied && sample.iter().all(|&x| x > 0.0 && x.is_finite())
}

/// Exponential: one over the mean. Values may be zero or equal.
pub fn exponential(sample: &[f64]) -> Option<Fitted> {
    let centre = mean(sample);
    let sound = sample.iter().all(|&x| x >= 0.0) && centre > 0.0 && centre.is_finite();
    sound.then(|| Fitted::Exponential { rate: 1.0 / centre })
}

/// Lognormal: mean and population deviation of the logarithms.
pub fn lognormal(sample: &[f64]) -> Option<Fitted> {
    usable(sample).then(|| {
        let logs: Vec<f64> = sample.iter().map(|x| x.ln()).collect();
        let mu = mean(&logs);
        let square = logs.iter().map(|l| (l - mu).powi(2)).sum::<f64>() / logs.len() as f64;
        Fitted::LogNormal { mu, sigma: square.sqrt() }
    })
}

/// Pareto: the minimum, and n / Σ ln(x / minimum). The estimate of α is biased upwards by the
/// factor n / (n − 2).
pub fn pareto(sample: &[f64]) -> Option<Fitted> {
    usable(sample).then(|| {
        let scale = sample.iter().copied().fold(f64::INFINITY, f64::min);
        let logs: f64 = sample.iter().map(|x| (x / scale).ln()).sum();
        Fitted::Pareto { scale, shape: sample.len() as f64 / logs }
    })
}

/// Weibull: Newton in ln k on Σxᵏ ln x / Σxᵏ − 1/k = mean ln x, then the scale from the mean of xᵏ.
pub fn weibull(sample: &[f64]) -> Option<Fitted> {
    let Some(Fitted::LogNormal { mu, sigma }) = lognormal(sample) else { return None };
    let largest = sample.iter().copied().fold(0.0, f64::max).ln();
    // Logarithms relative to the largest keep xᵏ within range for any k.
    let logs: Vec<f64> = sample.iter().map(|x| x.ln() - largest).collect();
    let sums = |k: f64| {
        logs.iter().fold((0.0, 0.0, 0.0), |(s, sl, sll), &l| {
            let power = (k * l).exp();
            (s + power, sl + power * l, sll + power * l * l)
        })
    };
    // The logarithm of a Weibull variable has the deviation π/(√6·k).
    let mut k = std::f64::consts::PI / 6_f64.sqrt() / sigma;
    for _ in 0..100 {
        let (s, sl, sll) = sums(k);
        let excess = sl / s - 1.0 / k - (mu - largest);
        let slope = sll / s - (sl / s).powi(2) + 1.0 / (k * k);
        let step = excess / (k * slope);
        k *= (-step).clamp(-1.0, 1.0).exp();
        if step.abs() < 1e-15 {
            break;
        }
    }
    let scale = (largest + (sums(k).0 / logs.len() as f64).ln() / k).exp();
    Some(Fitted::Weibull { scale, shape: k })
}

/// Gamma: the shape solves ln k − ψ(k) = ln x̄ − mean ln x.
pub fn gamma_law(sample: &[f64]) -> Option<Fitted> {
    let Some(Fitted::LogNormal { mu, .. }) = lognormal(sample) else { return None };
    let centre = mean(sample);
    let s = centre.ln() - mu;
    let start = (3.0 - s + ((s - 3.0).powi(2) + 24.0 * s).sqrt()) / (12.0 * s);
    let shape = increasing_root(-s, start, |k| digamma(k) - k.ln());
    Some(Fitted::Gamma { shape, scale: centre / shape })
}

/// Two exponential phases by EM, from five starts with rates spread around one over the mean; the
/// likeliest after a hundred steps is followed to its fixed point.
///
/// Samples above 4,000 values are first reduced to the means of 2,000 groups of neighbours in rank:
/// the steps then cost nothing and the estimate moves by less than its error.
pub fn hyperexponential(sample: &[f64]) -> Option<Fitted> {
    if !usable(sample) {
        return None;
    }
    let values = reduced(sample, 2000);
    let centre = mean(&values);
    let ahead = [2.0, 4.0, 8.0, 16.0, 32.0]
        .map(|spread: f64| em(&values, (0.5, [spread / centre, 1.0 / (spread * centre)]), 100))
        .into_iter()
        // Starts that lead to the same place differ in the last digits: the first of them counts.
        .reduce(|best, next| if next.1 > best.1 + 1e-9 * best.1.abs() { next } else { best })
        .map(|(start, _)| start)?;
    let ((share, rates), _) = em(&values, ahead, 20_000);
    Some(if rates[0] >= rates[1] {
        Fitted::HyperExponential { share, rates }
    } else {
        Fitted::HyperExponential { share: 1.0 - share, rates: [rates[1], rates[0]] }
    })
}

type Phases = (f64, [f64; 2]);

/// At most `steps` steps of EM; the parameters and their log-likelihood before the last step.
fn em(values: &[f64], start: Phases, steps: usize) -> (Phases, f64) {
    let n = values.len() as f64;
    let (mut share, mut rates) = start;
    let mut likelihood = f64::NEG_INFINITY;
    for _ in 0..steps {
        let (mut weight, mut time) = ([0.0; 2], [0.0; 2]);
        likelihood = 0.0;
        for &x in values {
            let fast = share * rates[0] * (-rates[0] * x).exp();
            let slow = (1.0 - share) * rates[1] * (-rates[1] * x).exp();
            let total = fast + slow;
            likelihood += total.ln();
            for (phase, density) in [fast, slow].into_iter().enumerate() {
                weight[phase] += density / total;
                time[phase] += density / total * x;
            }
        }
        // A phase that explains nothing has died; the other is then the exponential fit.
        if weight.contains(&0.0) || !likelihood.is_finite() {
            break;
        }
        let next = (weight[0] / n, [weight[0] / time[0], weight[1] / time[1]]);
        let moved = (next.0 - share).abs()
            + (next.1[0] / rates[0] - 1.0).abs()
            + (next.1[1] / rates[1] - 1.0).abs();
        (share, rates) = next;
        if moved < 1e-14 {
            break;
        }
    }
    ((share, rates), likelihood)
}

/// The means of `groups` groups of neighbours in rank, or the sample itself if it is not much
/// larger.
fn reduced(sample: &[f64], groups: usize) -> Vec<f64> {
    if sample.len() <= 2 * groups {
        return sample.to_vec();
    }
    let mut sorted = sample.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let edge = |group: usize| group * sorted.len() / groups;
    (0..groups).map(|group| mean(&sorted[edge(group)..edge(group + 1)])).collect()
}

/// Two exponential phases with a given mean and squared coefficient of variation scv ≥ 1, the load
/// split evenly between them (balanced means).
pub fn hyperexponential_of_moments(centre: f64, scv: f64) -> Fitted {
    let share = 0.5 * (1.0 + ((scv - 1.0) / (scv + 1.0)).sqrt());
    Fitted::HyperExponential { share, rates: [2.0 * share / centre, 2.0 * (1.0 - share) / centre] }
}
