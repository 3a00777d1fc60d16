//! So many requests a second, with bursts up to the size of a bucket.
//!
//! **What it does.** A bucket holds at most `burst` tokens and fills at `rate`; a request takes one
//! or is shed. With the default `burst` of 1 nothing is saved up: of Poisson requests that come at
//! just the rate half are shed (a server of constant time without a queue); allow for a second's
//! worth, `burst = 100` for `100/s`.
//! **When it shines.** A rate that was promised to somebody, or that the service is known to stand.
//! **When it fails.** It knows nothing of the service: when servers fail as many come in as ever.
//! **Source.** Turner 1986; the local rate limit of Envoy, `limit_req` of nginx (a leaky bucket).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Admission, Crowd};
use crate::diagnose::Problem;
use crate::model::Request;
use crate::registry::Variant;
use crate::time::Instant;
use crate::units::Rate;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Requests a second, above 0.
    rate: Rate,
    /// Requests at once after a silence, at least 1; 1 evens nothing out.
    burst: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { rate: Rate(100.0), burst: 1.0 }
    }
}

/// The bucket.
#[derive(Debug)]
pub struct TokenBucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    at: Instant,
}

impl Variant<dyn Admission> for TokenBucket {
    const NAME: &'static str = "token-bucket";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.rate.0 <= 0.0 {
            return Err(Problem::about("rate", "`rate` must be above 0").help("e.g. `100/s`"));
        }
        if config.burst >= 1.0 && config.burst.is_finite() {
            return Ok(());
        }
        Err(Problem::about("burst", format!("`burst` = {} is below 1", config.burst))
            .help("a bucket that never holds a whole token lets nobody in"))
    }

    fn build(config: &Config, (): &()) -> Result<Box<dyn Admission>, Problem> {
        let Config { rate, burst } = config.clone();
        Ok(Box::new(Self { rate: rate.0, burst, tokens: burst, at: Instant::START }))
    }
}

impl Admission for TokenBucket {
    fn admits(&mut self, now: Instant, _: &Request, _: Crowd) -> bool {
        let filled = self.tokens + self.rate * now.since(self.at).as_secs_f64();
        (self.tokens, self.at) = (filled.min(self.burst), now);
        let admitted = self.tokens >= 1.0 - 1e-9;
        if admitted {
            self.tokens -= 1.0;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    #[test]
    fn a_burst_then_the_rate() {
        let config = Config { rate: Rate(10.0), burst: 3.0 };
        let mut bucket = TokenBucket::build(&config, &()).unwrap();
        let mut admits = |millis| {
            let now = Instant::START + Duration::from_millis(millis);
            bucket.admits(now, &Request::default(), Crowd::default())
        };
        let burst: Vec<bool> = (0..5).map(|_| admits(0)).collect();
        assert_eq!(burst, [true, true, true, false, false]);
        assert!(!admits(90) && admits(100) && !admits(110) && admits(200));
    }
}
