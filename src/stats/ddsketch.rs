//! The bucket arithmetic of `DDSketch` (Masson, Rim & Lee 2019), for exports that other tools
//! merge.

/// A mapping of positive values to buckets with relative accuracy `alpha`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DdMapping {
    gamma: f64,
}

impl DdMapping {
    /// A mapping whose estimates are within the share `alpha` (between 0 and 1) of the value.
    pub fn new(alpha: f64) -> Self {
        assert!(0.0 < alpha && alpha < 1.0, "a relative accuracy lies between 0 and 1");
        Self { gamma: (1.0 + alpha) / (1.0 - alpha) }
    }

    /// The bucket of a positive value: `⌈log_γ x⌉` with γ = (1 + α)/(1 − α).
    pub fn index(&self, x: f64) -> i64 {
        (x.ln() / self.gamma.ln()).ceil() as i64
    }

    /// The value that stands for a bucket: 2γⁱ / (γ + 1).
    pub fn estimate(&self, index: i64) -> f64 {
        2.0 * (index as f64 * self.gamma.ln()).exp() / (self.gamma + 1.0)
    }

    /// How many buckets the values from `min` to `max` can fill.
    pub fn buckets(&self, min: f64, max: f64) -> u64 {
        (self.index(max) - self.index(min) + 1).max(0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_estimate_is_within_alpha() {
        for alpha in [0.001, 0.01, 0.02] {
            let mapping = DdMapping::new(alpha);
            for i in 1..2000 {
                let x = f64::from(i).powi(3) * 1e-7;
                let error = (mapping.estimate(mapping.index(x)) / x - 1.0).abs();
                assert!(error <= alpha * (1.0 + 1e-9), "{x}: {error}");
            }
        }
        assert_eq!(DdMapping::new(0.001).buckets(1e-6, 1e4), 11_514);
    }
}
