//! What a model is to the command line: a name, its parameters, a function of them.

use std::collections::BTreeMap;

use super::answer::{Answer, Refusal};

/// What a parameter measures; values arrive in seconds and per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Events per second, written `120/s`.
    Rate,
    /// A time in seconds, written `180ms`.
    Time,
    /// A whole number of things.
    Count,
    /// A probability or share between 0 and 1.
    Share,
    /// A plain number.
    Number,
}

/// Whether a parameter must be said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Need {
    /// There is no answer without it.
    Required,
    /// This value is taken when it is not said.
    Default(f64),
    /// The model answers something else, or less, without it.
    Optional,
}

/// One parameter of a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// The name, as in `--arrival-rate`.
    pub name: &'static str,
    /// What it measures.
    pub unit: Unit,
    /// What it means, in a few words.
    pub meaning: &'static str,
    /// Whether it must be said.
    pub need: Need,
}

impl Parameter {
    /// A parameter without which there is no answer.
    pub(crate) const fn required(name: &'static str, unit: Unit, meaning: &'static str) -> Self {
        Self { name, unit, meaning, need: Need::Required }
    }

    /// The same parameter with a default.
    pub(crate) const fn default(self, value: f64) -> Self {
        Self { need: Need::Default(value), ..self }
    }

    /// The same parameter, which may be left out.
    pub(crate) const fn optional(self) -> Self {
        Self { need: Need::Optional, ..self }
    }
}

/// Requests per second.
pub(crate) const ARRIVAL_RATE: Parameter =
    Parameter::required("arrival-rate", Unit::Rate, "mean number of requests per second");
/// Seconds of service.
pub(crate) const SERVICE_MEAN: Parameter =
    Parameter::required("service-mean", Unit::Time, "mean service time of one request");
/// Parallel servers (slots).
pub(crate) const SERVERS: Parameter =
    Parameter::required("servers", Unit::Count, "requests that can be served at once");
/// Variability of service.
pub(crate) const CV: Parameter = Parameter::required(
    "cv",
    Unit::Number,
    "coefficient of variation of the service time (0 constant, 1 exponential)",
)
.default(1.0);
/// Variability of arrivals.
pub(crate) const ARRIVAL_CV: Parameter = Parameter::required(
    "arrival-cv",
    Unit::Number,
    "coefficient of variation of the time between arrivals (1 Poisson)",
)
.default(1.0);

/// A model with a known answer.
#[derive(Debug)]
pub struct Model {
    /// The name on the command line.
    pub name: &'static str,
    /// The name in the literature.
    pub title: &'static str,
    /// What it is, what of it is exact, and the source.
    pub doc: &'static str,
    /// Its parameters in the order of help.
    pub params: &'static [Parameter],
    pub(crate) solve: fn(&Given<'_>) -> Result<Answer, Refusal>,
}

impl Model {
    /// The answer at these parameters, by name in seconds and per second.
    ///
    /// Refuses an unknown, missing or impossible parameter, and a load without a steady state.
    pub fn answer(&self, parameters: &BTreeMap<String, f64>) -> Result<Answer, Refusal> {
        for (name, value) in parameters {
            if !self.params.iter().any(|known| known.name == name) {
                let known: Vec<&str> = self.params.iter().map(|known| known.name).collect();
                return Err(Refusal(format!(
                    "model {} has no parameter {name}; it has: {}",
                    self.name,
                    known.join(", ")
                )));
            }
            if !value.is_finite() {
                return Err(Refusal(format!("{name} must be a finite number, not {value}")));
            }
        }
        (self.solve)(&Given { model: self, parameters })
    }
}

/// The parameters of one question.
pub(crate) struct Given<'a> {
    model: &'a Model,
    parameters: &'a BTreeMap<String, f64>,
}

impl Given<'_> {
    /// The value that was said, or the default; nothing where both are absent.
    pub(crate) fn maybe(&self, name: &str) -> Option<f64> {
        let said = self.parameters.get(name).copied();
        let known = self.model.params.iter().find(|known| known.name == name);
        said.or(match known.expect("a model asks only for its own parameters").need {
            Need::Default(value) => Some(value),
            Need::Required | Need::Optional => None,
        })
    }

    fn number(&self, name: &str) -> Result<f64, Refusal> {
        self.maybe(name)
            .ok_or_else(|| Refusal(format!("model {} needs the parameter {name}", self.model.name)))
    }

    fn checked(
        &self,
        name: &str,
        allowed: &str,
        holds: impl Fn(f64) -> bool,
    ) -> Result<f64, Refusal> {
        let value = self.number(name)?;
        if holds(value) {
            return Ok(value);
        }
        Err(Refusal(format!("{name} must be {allowed}, not {value}")))
    }

    pub(crate) fn positive(&self, name: &str) -> Result<f64, Refusal> {
        self.checked(name, "positive", |value| value > 0.0)
    }

    pub(crate) fn non_negative(&self, name: &str) -> Result<f64, Refusal> {
        self.checked(name, "zero or positive", |value| value >= 0.0)
    }

    pub(crate) fn share(&self, name: &str) -> Result<f64, Refusal> {
        self.checked(name, "between 0 and 1 (both excluded)", |value| value > 0.0 && value < 1.0)
    }

    pub(crate) fn count(&self, name: &str) -> Result<u32, Refusal> {
        let whole = |value: f64| value.fract() == 0.0 && (1.0..=1e7).contains(&value);
        self.checked(name, "a whole number between 1 and 10000000", whole).map(|value| value as u32)
    }

    /// A count beyond which the model would take too long.
    pub(crate) fn count_to(&self, name: &str, most: u32) -> Result<u32, Refusal> {
        let value = self.count(name)?;
        if value <= most {
            return Ok(value);
        }
        Err(Refusal(format!(
            "{name} must be at most {most} for model {}, not {value}",
            self.model.name
        )))
    }

    /// The inverse of the mean service time.
    pub(crate) fn service_rate(&self) -> Result<f64, Refusal> {
        self.positive("service-mean").map(f64::recip)
    }
}
