//! The ideal: what a policy would do that knows the future.
//!
//! *What it does*: reads the traffic of the run before the run, works out the servers that each
//! quarter of a minute demands, and has the most that are demanded between now and one mean
//! start-up time after its next look. So each server serves when it is first needed, and stays
//! through gaps that are shorter than its start.
//!
//! *When it shines*: beside other policies in a comparison: what they cost above it, and how much
//! later their answers come, is the price of not knowing.
//!
//! *When it fails*: nobody can have it. Starts that take longer than their mean are late here too,
//! and demand is that of a queue in its steady state, which a sudden crowd is not.
//!
//! *Source*: the clairvoyant optimum that online algorithms are measured against (Sleator and
//! Tarjan, *Communications of the ACM* 28 (1985) 202).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Autoscaler, Manners, Setup, Signals, Target};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::{Duration, Instant};

/// It needs to be told nothing.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {}

/// The policy, and what it knows.
pub struct Ideal {
    /// The servers that are demanded from each instant on.
    demand: Vec<(Instant, u32)>,
    ahead: Duration,
}

impl Variant<dyn Autoscaler> for Ideal {
    const NAME: &'static str = "ideal";
    type Config = Config;

    fn build(_: &Config, setup: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        // What it does not order at this look it orders at the next one.
        let ahead = setup.startup + setup.interval.unwrap_or(Manners::default().interval);
        Ok(Box::new(Self { demand: setup.future.demand()?, ahead }))
    }
}

impl Autoscaler for Ideal {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let next = self.demand.partition_point(|step| step.0 <= signals.now);
        let now = next.checked_sub(1).map_or(0, |index| self.demand[index].1);
        let until = signals.now + self.ahead;
        let ahead = self.demand[next..].iter().take_while(|step| step.0 <= until);
        let (at, most) =
            ahead.fold((signals.now, now), |most, next| if next.1 > most.1 { *next } else { most });
        let after = at.since(signals.now);
        Target::new(most, format!("{most} are demanded in {after}, {now} now"))
    }

    fn manners(&self) -> Manners {
        Manners { wakes: true, ..Manners::default() }
    }
}
