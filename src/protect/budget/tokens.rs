//! A bucket of tokens: failures take them out, successes put a part back, retries need half of it.
//!
//! **What it does.** The bucket starts with `most` tokens. A failed attempt takes one, a successful
//! one puts back `ratio`. Retries are let through while more than half of `most` is there.
//! **When it shines.** A client that talks to one service: it stops retrying when most fails.
//! **When it fails.** It looks at failures, not at load: a service that fails a tenth of its
//! requests for ever keeps all its retries, with `ratio = 0.1`.
//! **Source.** gRPC's retry throttling (A6): `maxTokens` 10, `tokenRatio` 0.1.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Budget;
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Instant;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The tokens of a full bucket, above 0.
    most: f64,
    /// What a success puts back, above 0 and at most 1.
    ratio: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { most: 10.0, ratio: 0.1 }
    }
}

/// The bucket.
#[derive(Debug)]
pub struct Tokens {
    config: Config,
    left: f64,
}

impl Variant<dyn Budget> for Tokens {
    const NAME: &'static str = "tokens";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if !(config.most > 0.0 && config.most.is_finite()) {
            return Err(Problem::about("most", "`most` must be above 0").help("gRPC's is 10"));
        }
        if config.ratio > 0.0 && config.ratio <= 1.0 {
            return Ok(());
        }
        let message = format!("`ratio` = {} is not above 0 and at most 1", config.ratio);
        Err(Problem::about("ratio", message).help("0.1 puts a token back for ten successes"))
    }

    fn build(config: &Config, (): &()) -> Result<Box<dyn Budget>, Problem> {
        Ok(Box::new(Self { config: config.clone(), left: config.most }))
    }
}

impl Budget for Tokens {
    fn answered(&mut self, well: bool) {
        let change = if well { self.config.ratio } else { -1.0 };
        self.left = (self.left + change).clamp(0.0, self.config.most);
    }

    fn allows(&mut self, _: Instant, _: u64, _: u64) -> bool {
        self.left > self.config.most / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_stop_after_the_fifth_failure() {
        let mut bucket = Tokens { config: Config::default(), left: 10.0 };
        let mut after = |well| {
            bucket.answered(well);
            bucket.allows(Instant::START, 0, 0)
        };
        let allowed: Vec<bool> = (0..6).map(|_| after(false)).collect();
        assert_eq!(allowed, [true, true, true, true, false, false]);
        assert!(!(0..10).any(|_| after(true)), "ten successes only undo the sixth failure");
        assert!(after(true));
    }
}
