//! So many requests at a time, and those of low priority fewer.
//!
//! **What it does.** A request is let in while fewer than `limit` are in the system. With
//! `priorities` the limit of a request is the share that its priority names: `{ 0 = "80%" }` sheds
//! requests of priority 0 or less from four fifths on; a priority above all that are named has all
//! of it.
//! **When it shines.** It bounds the wait of those who are let in, whatever the service times do,
//! and sheds what matters least first.
//! **When it fails.** A limit that was right for fast servers is too high for slow ones.
//! **Source.** Envoy's circuit breakers (`max_requests`, 1024 by default); priority load shedding
//! as in Google's SRE book, chapter 21 (criticality).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Admission, Crowd};
use crate::diagnose::Problem;
use crate::model::Request;
use crate::registry::Variant;
use crate::time::Instant;
use crate::units::Share;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Requests in the system at a time, at least 1.
    limit: u64,
    /// The share of `limit` up to which requests of a priority, and of lower ones, are let in.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    priorities: BTreeMap<String, Share>,
}

impl Default for Config {
    fn default() -> Self {
        Self { limit: 1024, priorities: BTreeMap::new() }
    }
}

/// The limit, by priority.
#[derive(Debug)]
pub struct ConcurrencyLimit {
    limit: u64,
    /// Ascending; each is for itself and all below down to the one before.
    levels: Vec<(i16, u64)>,
}

impl Config {
    fn levels(&self) -> Result<Vec<(i16, u64)>, Problem> {
        let level = |(name, share): (&String, &Share)| {
            let priority = name.trim().parse().map_err(|_| {
                Problem::about("priorities", format!("`{name}` is not a priority"))
                    .help("priorities are whole numbers, e.g. `priorities = { 0 = \"80%\" }`")
            })?;
            Ok((priority, share.part_of(self.limit)))
        };
        let mut levels: Vec<(i16, u64)> =
            self.priorities.iter().map(level).collect::<Result<_, _>>()?;
        levels.sort_unstable();
        Ok(levels)
    }
}

impl Variant<dyn Admission> for ConcurrencyLimit {
    const NAME: &'static str = "concurrency-limit";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.limit == 0 {
            return Err(Problem::about("limit", "`limit` = 0 would let nobody in")
                .help("it is the number of requests in the system at a time"));
        }
        config.levels().map(drop)
    }

    fn build(config: &Config, (): &()) -> Result<Box<dyn Admission>, Problem> {
        Ok(Box::new(Self { limit: config.limit, levels: config.levels()? }))
    }
}

impl Admission for ConcurrencyLimit {
    fn admits(&mut self, _: Instant, request: &Request, crowd: Crowd) -> bool {
        let own = self.levels.iter().find(|(priority, _)| request.priority <= *priority);
        crowd.requests < own.map_or(self.limit, |(_, limit)| *limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_priorities_are_shed_first() {
        let of_hundred = BTreeMap::from([("0".to_owned(), Share(0.57))]);
        let config = Config { limit: 100, priorities: of_hundred };
        assert_eq!(config.levels().unwrap(), [(0, 57)], "and not 56.999…");
        let priorities = BTreeMap::from([("0".to_owned(), Share(0.5)), ("5".into(), Share(0.8))]);
        let config = Config { limit: 10, priorities };
        let mut limit = ConcurrencyLimit::build(&config, &()).unwrap();
        let mut most = |priority| {
            let request = Request { priority, ..Request::default() };
            let admits = |requests: &u64| {
                limit.admits(Instant::START, &request, Crowd { requests: *requests })
            };
            (0..20).take_while(admits).count()
        };
        assert_eq!([-3, 0, 1, 5, 6].map(&mut most), [5, 5, 8, 8, 10]);
    }
}
