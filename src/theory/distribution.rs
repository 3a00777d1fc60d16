//! Laws of service and of time between arrivals, as formulas need them: moments and transforms.

use statrs::function::erf::erfc;
use statrs::function::gamma::{gamma, gamma_ur};

use super::answer::Refusal;
use super::numeric::complex::Complex;
use super::numeric::quadrature;

/// A law of non-negative times.
#[derive(Debug, Clone, PartialEq)]
pub enum Distribution {
    /// Always `value`.
    Deterministic {
        /// The time.
        value: f64,
    },
    /// The sum of `k` exponential times of rate `rate`; `k = 1` is the exponential law.
    Erlang {
        /// The number of stages.
        k: u32,
        /// The rate of each stage.
        rate: f64,
    },
    /// `k − 1` stages with probability `short`, else `k`, each of rate `rate` (Tijms 1994).
    ErlangMixture {
        /// The larger number of stages.
        k: u32,
        /// The probability of one stage fewer.
        short: f64,
        /// The rate of each stage.
        rate: f64,
    },
    /// Exponential of rate `rate1` with probability `p`, else of rate `rate2`.
    Hyperexponential {
        /// The probability of the first rate.
        p: f64,
        /// The first rate.
        rate1: f64,
        /// The second rate.
        rate2: f64,
    },
    /// Gamma of shape `shape` and rate `rate`.
    Gamma {
        /// The shape.
        shape: f64,
        /// The rate.
        rate: f64,
    },
    /// `e^N` with `N` normal.
    Lognormal {
        /// The mean of the logarithm.
        mu: f64,
        /// The standard deviation of the logarithm.
        sigma: f64,
    },
    /// `P(T > t) = e^{−(t/scale)^shape}`.
    Weibull {
        /// The shape.
        shape: f64,
        /// The scale.
        scale: f64,
    },
    /// `P(T > t) = (low/t)^alpha` from `low` on.
    Pareto {
        /// The tail index.
        alpha: f64,
        /// The smallest time.
        low: f64,
    },
    /// A Pareto law conditioned to lie below `high`.
    BoundedPareto {
        /// The tail index.
        alpha: f64,
        /// The smallest time.
        low: f64,
        /// The largest time.
        high: f64,
    },
    /// Uniform between `low` and `high`.
    Uniform {
        /// The smallest time.
        low: f64,
        /// The largest time.
        high: f64,
    },
    /// One of finitely many values: pairs of value and probability.
    Discrete(
        /// Pairs of value and probability.
        Vec<(f64, f64)>,
    ),
}

impl Distribution {
    /// The exponential law of this mean.
    pub fn exponential(mean: f64) -> Self {
        Self::Erlang { k: 1, rate: 1.0 / mean }
    }

    /// The hyperexponential law of this mean and squared coefficient of variation `scv ≥ 1` whose
    /// two branches carry equal load ("balanced means").
    pub fn balanced(mean: f64, scv: f64) -> Self {
        let p = 0.5 * (1.0 + ((scv - 1.0) / (scv + 1.0)).sqrt());
        Self::Hyperexponential { p, rate1: 2.0 * p / mean, rate2: 2.0 * (1.0 - p) / mean }
    }

    /// The usual two-moment stand-in: deterministic at `cv = 0`, an Erlang law or a mixture of two
    /// of one rate up to 1, hyperexponential with balanced means above (Tijms 1994).
    ///
    /// Refuses a `cv` between 0 and 0.05, which would need more than 400 stages.
    pub fn from_moments(mean: f64, cv: f64) -> Result<Self, Refusal> {
        let scv = cv * cv;
        if cv == 0.0 {
            return Ok(Self::Deterministic { value: mean });
        }
        if cv < 0.05 {
            return Err(Refusal(format!(
                "a coefficient of variation of {cv} needs more than 400 Erlang stages: \
                 use 0 or at least 0.05"
            )));
        }
        if scv > 1.0 {
            return Ok(Self::balanced(mean, scv));
        }
        let stages = 1.0 / scv;
        let whole = stages.round();
        if (stages - whole).abs() < 1e-9 * stages {
            return Ok(Self::Erlang { k: whole as u32, rate: whole / mean });
        }
        let k = stages.ceil();
        let short = (k * scv - (k * (1.0 + scv) - k * k * scv).sqrt()) / (1.0 + scv);
        Ok(Self::ErlangMixture { k: k as u32, short, rate: (k - short) / mean })
    }

    /// `E T^k`; infinite where the tail is too heavy.
    pub fn moment(&self, k: i32) -> f64 {
        let n = f64::from(k);
        let rising = |shape: f64| (0..k).map(|i| shape + f64::from(i)).product::<f64>();
        match self {
            Self::Deterministic { value } => value.powi(k),
            Self::Erlang { k: stages, rate } => rising(f64::from(*stages)) / rate.powi(k),
            Self::ErlangMixture { k: stages, short, rate } => {
                let stages = f64::from(*stages);
                (short * rising(stages - 1.0) + (1.0 - short) * rising(stages)) / rate.powi(k)
            }
            Self::Hyperexponential { p, rate1, rate2 } => {
                rising(1.0) * (p / rate1.powi(k) + (1.0 - p) / rate2.powi(k))
            }
            Self::Gamma { shape, rate } => rising(*shape) / rate.powi(k),
            Self::Lognormal { mu, sigma } => (n * mu + 0.5 * n * n * sigma * sigma).exp(),
            Self::Weibull { shape, scale } => scale.powi(k) * gamma(1.0 + n / shape),
            Self::Pareto { alpha, low } if *alpha > n => alpha * low.powi(k) / (alpha - n),
            Self::Pareto { .. } => f64::INFINITY,
            Self::BoundedPareto { alpha, low, high } => {
                let norm = alpha * low.powf(*alpha) / (1.0 - (low / high).powf(*alpha));
                let power = n - alpha;
                norm * if power == 0.0 {
                    (high / low).ln()
                } else {
                    (high.powf(power) - low.powf(power)) / power
                }
            }
            Self::Uniform { low, high } => {
                (high.powi(k + 1) - low.powi(k + 1)) / ((n + 1.0) * (high - low))
            }
            Self::Discrete(pairs) => pairs.iter().map(|(value, p)| p * value.powi(k)).sum(),
        }
    }

    /// The expected time.
    pub fn mean(&self) -> f64 {
        self.moment(1)
    }

    /// The squared coefficient of variation.
    pub fn scv(&self) -> f64 {
        self.moment(2) / self.mean().powi(2) - 1.0
    }

    /// The law of `factor · T`.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        match *self {
            Self::Deterministic { value } => Self::Deterministic { value: value * factor },
            Self::Erlang { k, rate } => Self::Erlang { k, rate: rate / factor },
            Self::ErlangMixture { k, short, rate } => {
                Self::ErlangMixture { k, short, rate: rate / factor }
            }
            Self::Hyperexponential { p, rate1, rate2 } => {
                Self::Hyperexponential { p, rate1: rate1 / factor, rate2: rate2 / factor }
            }
            Self::Gamma { shape, rate } => Self::Gamma { shape, rate: rate / factor },
            Self::Lognormal { mu, sigma } => Self::Lognormal { mu: mu + factor.ln(), sigma },
            Self::Weibull { shape, scale } => Self::Weibull { shape, scale: scale * factor },
            Self::Pareto { alpha, low } => Self::Pareto { alpha, low: low * factor },
            Self::BoundedPareto { alpha, low, high } => {
                Self::BoundedPareto { alpha, low: low * factor, high: high * factor }
            }
            Self::Uniform { low, high } => Self::Uniform { low: low * factor, high: high * factor },
            Self::Discrete(ref pairs) => {
                Self::Discrete(pairs.iter().map(|&(value, p)| (value * factor, p)).collect())
            }
        }
    }

    /// `1 − E e^{−sT}`, without cancellation for small real `s`.
    pub(crate) fn transform_complement(&self, s: Complex) -> Complex {
        let stages = |k: f64, rate: f64| -((s.scale(1.0 / rate)).ln_1p().scale(-k)).exp_m1();
        match self {
            Self::Deterministic { value } => -s.scale(-value).exp_m1(),
            Self::Erlang { k, rate } => stages(f64::from(*k), *rate),
            Self::ErlangMixture { k, short, rate } => {
                let k = f64::from(*k);
                stages(k - 1.0, *rate).scale(*short) + stages(k, *rate).scale(1.0 - short)
            }
            Self::Hyperexponential { p, rate1, rate2 } => {
                (s / (s + Complex::real(*rate1))).scale(*p)
                    + (s / (s + Complex::real(*rate2))).scale(1.0 - p)
            }
            Self::Gamma { shape, rate } => stages(*shape, *rate),
            Self::Discrete(pairs) => pairs
                .iter()
                .fold(Complex::ZERO, |sum, (value, p)| sum - s.scale(-value).exp_m1().scale(*p)),
            Self::Uniform { low, high } => {
                let (a, b) = (s.scale(-low), s.scale(-high));
                if (s.norm() * high) < 1e-4 {
                    return s.scale(self.mean()) - (s * s).scale(0.5 * self.moment(2))
                        + (s * s * s).scale(self.moment(3) / 6.0);
                }
                Complex::ONE - (a.exp() - b.exp()) / s.scale(high - low)
            }
            _ => s * self.survival_quadratures(s.re, s.im, 2)[usize::from(s.im != 0.0)],
        }
    }

    /// `E e^{−sT}` for real `s`, without cancellation where it is tiny.
    pub(crate) fn transform(&self, s: f64) -> f64 {
        let stages = |k: f64, rate: f64| (-k * (s / rate).ln_1p()).exp();
        match *self {
            Self::Deterministic { value } => (-s * value).exp(),
            Self::Erlang { k, rate } => stages(f64::from(k), rate),
            Self::ErlangMixture { k, short, rate } => {
                let k = f64::from(k);
                short * stages(k - 1.0, rate) + (1.0 - short) * stages(k, rate)
            }
            Self::Gamma { shape, rate } => stages(shape, rate),
            Self::Discrete(ref pairs) => {
                pairs.iter().map(|(value, p)| p * (-s * value).exp()).sum()
            }
            _ => 1.0 - self.transform_complement(Complex::real(s)).re,
        }
    }

    /// `∫ e^{−st} P(T > t) dt` at `s = start + i k step` for `k` below `count`; `start > 0`.
    pub(crate) fn survival_transforms(&self, start: f64, step: f64, count: usize) -> Vec<Complex> {
        if self.needs_quadrature() {
            return self.survival_quadratures(start, step, count);
        }
        let at = |k| {
            let s = Complex::new(start, step * k as f64);
            self.transform_complement(s) / s
        };
        (0..count).map(at).collect()
    }

    /// Whether the density jumps in a law whose transform is cheap.
    pub(crate) fn jumps(&self) -> bool {
        matches!(self, Self::Deterministic { .. } | Self::Discrete(_) | Self::Uniform { .. })
    }

    fn needs_quadrature(&self) -> bool {
        matches!(
            self,
            Self::Lognormal { .. }
                | Self::Weibull { .. }
                | Self::Pareto { .. }
                | Self::BoundedPareto { .. }
        )
    }

    /// One set of panels for all `s`: it grows geometrically from a tiny start, resolves the
    /// fastest oscillation and ends panels where the law has a kink.
    fn survival_quadratures(&self, start: f64, step: f64, count: usize) -> Vec<Complex> {
        let mean = self.mean();
        let widest = 6.0 / start.hypot(step * count as f64);
        let kinks = match *self {
            Self::Pareto { low, .. } => [low, f64::INFINITY],
            Self::BoundedPareto { low, high, .. } => [low, high],
            _ => [f64::INFINITY; 2],
        };
        let mut sums = vec![Complex::ZERO; count];
        let mut t = 0.0_f64;
        while (-start * t).exp() * self.survival(t) > 1e-17 {
            let mut end = t + (0.5 * t).max(1e-9 * mean).min(widest);
            if let Some(kink) = kinks.iter().find(|&&kink| kink > t) {
                end = end.min(*kink);
            }
            for (place, weight) in quadrature::nodes(t, end) {
                let mut value =
                    Complex::real(weight * self.survival(place) * (-start * place).exp());
                let turn = Complex::polar(1.0, -step * place);
                for sum in &mut sums {
                    *sum = *sum + value;
                    value = value * turn;
                }
            }
            t = end;
        }
        sums
    }

    /// `P(T > t)`.
    pub fn survival(&self, t: f64) -> f64 {
        match *self {
            Self::Deterministic { value } => f64::from(u8::from(t < value)),
            Self::Erlang { k, rate } => erlang_survival(k, rate * t),
            Self::ErlangMixture { k, short, rate } => {
                short * erlang_survival(k - 1, rate * t)
                    + (1.0 - short) * erlang_survival(k, rate * t)
            }
            Self::Hyperexponential { p, rate1, rate2 } => {
                p * (-rate1 * t).exp() + (1.0 - p) * (-rate2 * t).exp()
            }
            Self::Gamma { shape, rate } if t > 0.0 => gamma_ur(shape, rate * t),
            Self::Gamma { .. } => 1.0,
            Self::Lognormal { mu, sigma } => {
                0.5 * erfc((t.ln() - mu) / (sigma * std::f64::consts::SQRT_2))
            }
            Self::Weibull { shape, scale } => (-(t / scale).powf(shape)).exp(),
            Self::Pareto { low, .. } | Self::BoundedPareto { low, .. } if t <= low => 1.0,
            Self::Pareto { alpha, low } => (low / t).powf(alpha),
            Self::BoundedPareto { high, .. } if t >= high => 0.0,
            Self::BoundedPareto { alpha, low, high } => {
                let end = (low / high).powf(alpha);
                ((low / t).powf(alpha) - end) / (1.0 - end)
            }
            Self::Uniform { low, high } => ((high - t) / (high - low)).clamp(0.0, 1.0),
            Self::Discrete(ref pairs) => {
                pairs.iter().filter(|(value, _)| *value > t).map(|(_, p)| p).sum()
            }
        }
    }
}

/// `P(N < k)` of a Poisson law of mean `x`.
fn erlang_survival(k: u32, x: f64) -> f64 {
    if k == 0 {
        0.0
    } else if x <= 0.0 {
        1.0
    } else {
        gamma_ur(f64::from(k), x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_moment_stand_in_has_both_moments() {
        for cv in [0.0, 0.1, 0.4, 0.5, 0.9, 1.0, 1.3, 4.0] {
            let law = Distribution::from_moments(0.18, cv).unwrap();
            assert!((law.mean() / 0.18 - 1.0).abs() < 1e-12, "{cv}");
            assert!((law.scv() - cv * cv).abs() < 1e-9 * (1.0 + cv * cv), "{cv}");
        }
        assert!(Distribution::from_moments(1.0, 0.01).is_err());
    }

    #[test]
    fn quadrature_finds_the_transform_that_is_known() {
        let weibull = Distribution::Weibull { shape: 1.0, scale: 1.0 };
        for s in [Complex::real(0.3), Complex::new(0.5, 9.0)] {
            let want = Complex::ONE / (s + Complex::ONE);
            let got = weibull.transform_complement(s) / s;
            assert!((got - want).norm() < 1e-12);
        }
    }
}
