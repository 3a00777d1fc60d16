//! What hash policies look at: keys of sessions, tenants or documents, all alike or some popular.

use rand_distr::{Distribution, Zipf};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::diagnose::{Problem, unknown};
use crate::document::{Node, Value};
use crate::rng::Stream;

/// Keys 1 to `n`, drawn by `zipf:n=10000,exponent=1.1` or `uniform:n=10000`; a table names the law
/// with `law`. Key 0 is left for requests without a key.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    law: KeyLaw,
    n: u64,
    exponent: f64,
    draw: Zipf<f64>,
}

/// The law of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyLaw {
    Zipf,
    Uniform,
}

/// The options of both laws; `exponent` belongs to `zipf` alone.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Options {
    /// How many keys there are: 1 to 1000000000000.
    n: u64,
    /// The key of rank k is drawn in proportion to k^−exponent: 0 to 10, 1 when left out.
    exponent: Option<f64>,
}

const LAW: &str = "law";
const MOST: u64 = 1_000_000_000_000;

impl Keys {
    /// Reads a spec or a table.
    pub fn read(node: &Node) -> Result<Self, Problem> {
        let mut options = match &node.value {
            Value::Text(text) => Node::from_spec(LAW, text, &node.origin)?,
            _ => node.clone(),
        };
        options.as_table()?;
        let origin = options.origin.clone();
        let example = "write e.g. `zipf:n=10000,exponent=1.1` or `uniform:n=10000`";
        let name = options
            .take(LAW)
            .ok_or_else(|| Problem::new("`law` is missing").help(example).at(&origin))?;
        let law = match name.typed::<String>()?.as_str() {
            "zipf" => KeyLaw::Zipf,
            "uniform" => KeyLaw::Uniform,
            other => {
                return Err(unknown("law of keys", other, &["zipf", "uniform"]).at(&name.origin));
            }
        };
        let place = |key: &str| options.get(key).map_or(&origin, |node| &node.origin);
        let Options { n, exponent } = options.typed()?;
        if !(1..=MOST).contains(&n) {
            let message = format!("`n` must be between 1 and {MOST}, not {n}");
            return Err(Problem::new(message).at(place("n")));
        }
        if law == KeyLaw::Uniform && exponent.is_some() {
            let problem = Problem::new("`uniform` keys have no `exponent`").at(place("exponent"));
            return Err(problem.help("leave it out, or draw by `zipf`"));
        }
        let exponent = exponent.unwrap_or(1.0);
        if !(0.0..=10.0).contains(&exponent) {
            let message = format!("`exponent` must be between 0 and 10, not {exponent}");
            return Err(Problem::new(message).at(place("exponent")));
        }
        Ok(Self::new(law, n, exponent))
    }

    /// Popular keys: the one of rank k in proportion to k^−`exponent`; `n` from 1 to 10¹², the
    /// exponent from 0 to 10.
    pub fn zipf(n: u64, exponent: f64) -> Self {
        Self::new(KeyLaw::Zipf, n, exponent)
    }

    /// Keys all alike; `n` from 1 to 10¹².
    pub fn uniform(n: u64) -> Self {
        Self::new(KeyLaw::Uniform, n, 0.0)
    }

    fn new(law: KeyLaw, n: u64, exponent: f64) -> Self {
        // The sampler divides by 1 − exponent and loses its digits close to 1 but not at it.
        let safe = if (exponent - 1.0).abs() < 1e-6 { 1.0 } else { exponent };
        let draw = Zipf::new(n as f64, safe).expect("at least one key and no negative exponent");
        Self { law, n, exponent, draw }
    }

    /// A key, 1 (the most popular) to `n`.
    ///
    /// Zipf by rejection from an inverted envelope, `rand_distr::Zipf`: no table, so `n` is free.
    #[inline]
    pub fn draw(&self, stream: &mut Stream) -> u64 {
        let key = match self.law {
            KeyLaw::Zipf => self.draw.sample(stream) as u64,
            KeyLaw::Uniform => 1 + (stream.open01() * self.n as f64) as u64,
        };
        // Rounding could lead one beyond the last key.
        key.min(self.n)
    }

    /// How many keys there are.
    pub fn count(&self) -> u64 {
        self.n
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        Self::read(&node).map_err(Problem::carry)
    }
}

impl Serialize for Keys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.law {
            KeyLaw::Zipf => {
                serde_json::json!({ "law": "zipf", "n": self.n, "exponent": self.exponent })
            }
            KeyLaw::Uniform => serde_json::json!({ "law": "uniform", "n": self.n }),
        }
        .serialize(serializer)
    }
}

impl JsonSchema for Keys {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "keys".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut table = Options::json_schema(generator);
        if let Some(properties) = table.get_mut("properties") {
            properties[LAW] = serde_json::json!({ "enum": ["zipf", "uniform"] });
        }
        table.insert("required".into(), serde_json::json!([LAW, "n"]));
        let spec = serde_json::json!({
            "type": "string", "examples": ["zipf:n=10000,exponent=1.1", "uniform:n=10000"]
        });
        schemars::json_schema!({ "anyOf": [spec, table] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Origin;
    use crate::rng::{Purpose, Seed};

    fn read(text: &str) -> Result<Keys, Problem> {
        Keys::read(&Node::text(text, Origin::whole("--key", text)))
    }

    /// Pearson's statistic of the counts of each key against their shares.
    fn chi_squared(keys: &Keys, share: impl Fn(u64) -> f64) -> f64 {
        const DRAWS: u64 = 100_000;
        let mut stream = Seed::new(1, 0).stream(Purpose::Key, "main");
        let mut counts = vec![0_u64; keys.n as usize + 1];
        for _ in 0..DRAWS {
            counts[keys.draw(&mut stream) as usize] += 1;
        }
        assert_eq!(counts[0], 0);
        let off = |key: u64| {
            let expected = DRAWS as f64 * share(key);
            (counts[key as usize] as f64 - expected).powi(2) / expected
        };
        (1..=keys.n).map(off).sum()
    }

    #[test]
    fn keys_are_drawn_in_proportion_to_their_popularity() {
        use statrs::distribution::{ChiSquared, ContinuousCDF};
        // One in a million in all, over the five tests.
        let limit = ChiSquared::new(49.0).unwrap().inverse_cdf(1.0 - 1e-6 / 5.0);
        for exponent in [0.0, 0.7, 1.0, 1.1] {
            let weight = |key: u64| (key as f64).powf(-exponent);
            let total: f64 = (1..=50).map(weight).sum();
            let off = chi_squared(&Keys::zipf(50, exponent), |key| weight(key) / total);
            assert!(off < limit, "exponent {exponent}: {off}, limit {limit}");
        }
        assert!(chi_squared(&Keys::uniform(50), |_| 1.0 / 50.0) < limit);
    }

    #[test]
    fn keys_are_value_stable() {
        let first = |text: &str| {
            let mut stream = Seed::new(1, 0).stream(Purpose::Key, "main");
            [(); 3].map(|()| read(text).unwrap().draw(&mut stream))
        };
        assert_eq!(first("zipf:n=10000,exponent=1.1"), [203, 4, 948]);
        assert_eq!(first("zipf:n=10000"), [631, 8, 2146]);
        assert_eq!(first("uniform:n=10000"), [7294, 5297, 2940]);
        assert_eq!(first("zipf:n=1"), [1, 1, 1]);
    }

    #[test]
    fn an_exponent_near_one_is_one() {
        let mut streams = [1, 1].map(|seed| Seed::new(seed, 0).stream(Purpose::Key, "main"));
        let (one, near) = (Keys::zipf(1_000_000, 1.0), Keys::zipf(1_000_000, 1.0 + 1e-13));
        for _ in 0..1000 {
            assert_eq!(one.draw(&mut streams[0]), near.draw(&mut streams[1]));
        }
    }

    #[test]
    fn keys_are_written_as_they_are_read() {
        let resolved = |text: &str| serde_json::to_string(&read(text).unwrap()).unwrap();
        assert_eq!(resolved("zipf:n=9"), r#"{"law":"zipf","n":9,"exponent":1.0}"#);
        assert_eq!(resolved("uniform:n=9"), r#"{"law":"uniform","n":9}"#);
    }

    #[test]
    fn what_is_not_allowed_is_refused_with_what_is() {
        for (text, words) in [
            ("zip:n=3", "did you mean `zipf`?"),
            ("zipf", "`n` is missing"),
            ("zipf:n=0", "`n` must be between 1 and"),
            ("zipf:n=3,exponent=-1", "`exponent` must be between 0 and 10, not -1"),
            ("zipf:n=3,exponent=nan", "`exponent` must be between 0 and 10, not NaN"),
            ("uniform:n=3,exponent=1", "`uniform` keys have no `exponent`"),
        ] {
            let shown = read(text).unwrap_err().render(false);
            assert!(shown.contains(words) && shown.contains("--key:1:"), "{text}: {shown}");
        }
    }
}
