//! The server with the lowest predicted response time, from a regression learnt online.
//!
//! **What it does.** For each server recursive least squares fit response time = a + b × requests
//! in flight + c × input tokens, older requests fading by `forgetting`; a request goes to the
//! candidate with the lowest prediction, any on a tie. **It scans all servers**, or `choices` drawn
//! ones.
//! **What it learns, and from what.** Three coefficients a server, from the response time of each
//! of this balancer's requests that was served, with its input tokens and the number it had in
//! flight there when it was sent. Before three responses a server is predicted to answer at once,
//! which is how it gets tried; with many requests still in flight it waits its turn.
//! **When it shines.** Servers of different speed and slots, requests of visibly different size.
//! **When it fails.** Relations that are not linear: near saturation it lags behind the truth.
//! **Source.** Recursive least squares with forgetting (Plackett 1950; Ljung 1999) as used by
//! latency-predicting schedulers, e.g. of the Gateway API inference extension.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::{Lowest, Sent, response_time, sample};
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Completion, Fate, Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The weight of a response relative to the one after it, above 0.5 and up to 1.
    forgetting: f64,
    /// How many candidates are drawn and compared; absent: all of them.
    choices: Option<u32>,
}

impl Default for Config {
    fn default() -> Self {
        Self { forgetting: 0.99, choices: None }
    }
}

/// What a response time is explained by: 1, requests in flight, thousands of input tokens.
type Features = [f64; 3];

/// Recursive least squares with three coefficients.
#[derive(Clone, Copy, Debug)]
struct Model {
    coefficients: Features,
    /// The inverse of the correlation of features.
    inverse: [Features; 3],
    seen: u32,
}

/// The first inverse: so large that the first responses decide.
const VAGUE: f64 = 1e4;
/// The inverse is kept below this where a feature never changes and forgetting would let it grow.
const VAGUEST: f64 = 1e8;

impl Default for Model {
    fn default() -> Self {
        let mut inverse = [[0.0; 3]; 3];
        (0..3).for_each(|at| inverse[at][at] = VAGUE);
        Self { coefficients: [0.0; 3], inverse, seen: 0 }
    }
}

fn dot(a: &Features, b: &Features) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

impl Model {
    fn predict(&self, features: &Features) -> f64 {
        dot(&self.coefficients, features).max(0.0)
    }

    /// gain = P x / (λ + xᵀ P x), coefficients += gain × error, P = (P - gain xᵀ P) / λ.
    fn learn(&mut self, features: &Features, response: f64, forgetting: f64) {
        let px = [0, 1, 2].map(|row: usize| dot(&self.inverse[row], features));
        let scale = forgetting + dot(features, &px);
        let error = response - dot(&self.coefficients, features);
        for (coefficient, px) in self.coefficients.iter_mut().zip(px) {
            *coefficient += px / scale * error;
        }
        let trace: f64 = (0..3).map(|at| self.inverse[at][at]).sum();
        let fade = if trace < VAGUEST { forgetting } else { 1.0 };
        for (row, left) in self.inverse.iter_mut().zip(px) {
            for (entry, right) in row.iter_mut().zip(px) {
                *entry = (*entry - left * right / scale) / fade;
            }
        }
        self.seen += 1;
    }
}

/// The policy.
#[derive(Debug)]
pub struct PredictedLatency {
    config: Config,
    models: Vec<Model>,
    sent: Sent<Features>,
    drawn: Vec<ServerId>,
}

impl Variant<dyn Balancer> for PredictedLatency {
    const NAME: &'static str = "predicted-latency";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if !(config.forgetting > 0.5 && config.forgetting <= 1.0) {
            let message =
                format!("`forgetting` = {} is not above 0.5 and up to 1", config.forgetting);
            return Err(Problem::about("forgetting", message)
                .help("0.99 remembers some 100 requests, 1 never forgets"));
        }
        if config.choices == Some(0) {
            return Err(Problem::about("choices", "`choices` must be at least 1")
                .help("leave it out to compare all servers"));
        }
        Ok(())
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let help = "lower `choices`, or leave it out to compare all servers";
        setup.has_servers("choices", config.choices.unwrap_or(1) as usize, help)?;
        let models = vec![Model::default(); setup.fleet.len()];
        let (sent, drawn) = (Sent::default(), Vec::new());
        Ok(Box::new(Self { config: config.clone(), models, sent, drawn }))
    }
}

impl PredictedLatency {
    fn features(&self, request: &Request, server: ServerId) -> Features {
        [1.0, self.sent.count(server) as f64, f64::from(request.input) / 1000.0]
    }

    /// Unknown servers at 0 as long as they are idle, else behind all known.
    fn score(&self, request: &Request, server: ServerId) -> f64 {
        let features = self.features(request, server);
        let model = &self.models[server.index()];
        match (model.seen < 3, features[1]) {
            (false, _) => model.predict(&features),
            (true, 0.0) => 0.0,
            (true, in_flight) => 1e12 * in_flight,
        }
    }
}

impl Balancer for PredictedLatency {
    fn pick(&mut self, request: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        let mut lowest = Lowest::default();
        if let Some(choices) = self.config.choices {
            sample(view.candidates, choices, stream, &mut self.drawn);
            for &server in &self.drawn {
                lowest.offer(server, self.score(request, server), stream);
            }
        } else {
            for &server in view.candidates.as_slice() {
                lowest.offer(server, self.score(request, server), stream);
            }
        }
        lowest.found().map_or(Pick::Refuse, Pick::Server)
    }

    fn on_send(&mut self, request: &Request, server: ServerId) {
        let features = self.features(request, server);
        self.sent.put(request, server, features);
    }

    fn on_done(&mut self, done: &Completion) {
        if let Some((server, features)) = self.sent.take(done)
            && done.fate == Fate::Completed
        {
            let model = &mut self.models[server.index()];
            model.learn(&features, response_time(done), self.config.forgetting);
        }
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        if let FleetChange::Joined(server) = change {
            self.models.resize(fleet.len().max(self.models.len()), Model::default());
            self.models[server.index()] = Model::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_squares_find_a_linear_law_and_follow_its_change() {
        let mut model = Model::default();
        let features = |step: u32| [1.0, f64::from(step % 7), f64::from(step % 5) / 2.0];
        let law = |x: &Features| 0.1 + 0.03 * x[1] + 0.2 * x[2];
        (0..200).for_each(|step| model.learn(&features(step), law(&features(step)), 0.95));
        assert!((model.predict(&[1.0, 20.0, 3.0]) - 1.3).abs() < 1e-6);
        let slower = |x: &Features| 5.0 * law(x);
        (0..300).for_each(|step| model.learn(&features(step), slower(&features(step)), 0.95));
        assert!((model.predict(&[1.0, 20.0, 3.0]) - 6.5).abs() < 1e-4);
    }

    #[test]
    fn a_feature_that_never_changes_does_no_harm_in_the_long_run() {
        let mut model = Model::default();
        (0..100_000).for_each(|_| model.learn(&[1.0, 0.0, 0.0], 0.5, 0.9));
        assert!((model.predict(&[1.0, 0.0, 0.0]) - 0.5).abs() < 1e-6);
        (0..100).for_each(|step| {
            let busy = f64::from(step % 3);
            model.learn(&[1.0, busy, 0.0], 0.5 + busy, 0.9);
        });
        assert!((model.predict(&[1.0, 2.0, 0.0]) - 2.5).abs() < 1e-3);
    }
}
