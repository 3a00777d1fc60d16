//! How much work a request brings: a law of service times, or a time for each of its tokens.

use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::diagnose::{Problem, unknown};
use crate::document::{Node, Value};
use crate::law::{Law, Setup, Unit};
use crate::registry::{Recipe, Role};
use crate::rng::Stream;
use crate::time::Duration;

/// The `service` of a class of requests: `lognormal:mean=180ms,cv=1.3`, a table with `law`, or
/// `tokens:base=30ms,input=0.2ms,output=12ms`.
#[derive(Clone, Debug)]
pub enum Demand {
    /// Drawn, whatever else the request is.
    Law(Recipe<dyn Law>),
    /// Worked out from the tokens of the request.
    Tokens(Tokens),
}

/// A service time that grows with the tokens: base + input · x + output · y for x input and y
/// output tokens, as in one model server without batching: the prompt is read once (*prefill*),
/// each token of the answer takes one step (*decode*).
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Tokens {
    /// The time of a request without tokens.
    pub base: Duration,
    /// The time each input token adds.
    pub input: Duration,
    /// The time each output token adds.
    pub output: Duration,
}

/// The name of the service that is worked out from tokens.
pub const TOKENS: &str = "tokens";

impl Tokens {
    /// Its page, as parts of the registry have theirs.
    pub const MANUAL: &str = "\
A service time that grows with the tokens of the request.

**What it does.** base + input · x + output · y for x input and y output tokens, from the columns of
a trace or from the traffic's `input-tokens` and `output-tokens`:
`tokens:base=30ms,input=0.2ms,output=12ms`.

**When it shines.** A model server without batching: the prompt is read once (*prefill*), each token
of the answer takes one step (*decode*). Two measurements of short and long prompts give the
numbers.

**When it fails.** Servers that batch: there a step is slower the more requests share it.

**Source.** The linear model of prefill and decode times of Splitwise and Vidur.";
}

impl Demand {
    /// Reads a spec or a table; the law named `tokens` is the one that is not drawn.
    pub fn read(node: &Node) -> Result<Self, Problem> {
        let key = <dyn Law as Role>::KEY;
        let table = match &node.value {
            Value::Text(text) => &Node::from_spec(key, text, &node.origin)?,
            _ => node,
        };
        let Some(Node { value: Value::Text(name), origin }) = table.get(key) else {
            return Recipe::read(node).map(Self::Law);
        };
        let mut known: Vec<&str> =
            <dyn Law as Role>::registry().iter().map(|entry| entry.name).collect();
        if known.contains(&name.as_str()) {
            return Recipe::read(node).map(Self::Law);
        }
        if name != TOKENS {
            known.push(TOKENS);
            let problem = unknown(<dyn Law as Role>::KIND, name, &known).at(origin);
            return Err(match <dyn Law as Role>::meant_by(name) {
                Some(remedy) => problem.help(remedy),
                None => problem,
            });
        }
        let mut options = table.clone();
        options.take(key);
        let tokens: Tokens = options.typed()?;
        if [tokens.base, tokens.input, tokens.output] == [Duration::ZERO; 3] {
            return Err(Problem::new("`tokens` needs `base`, `input` or `output` above 0")
                .help("write e.g. `tokens:base=30ms,input=0.2ms,output=12ms`")
                .at(&table.origin));
        }
        Ok(Self::Tokens(tokens))
    }

    /// Builds what draws the demands; a law's relative paths start at `folder`.
    pub fn build(&self, folder: &Path) -> Result<Drawer, Problem> {
        Ok(match self {
            Self::Law(recipe) => Drawer::Law(recipe.build(&Setup { unit: Unit::Time, folder })?),
            Self::Tokens(tokens) => Drawer::Tokens(*tokens),
        })
    }
}

/// Draws the demand of one request after another.
#[derive(Debug)]
pub enum Drawer {
    /// From a law.
    Law(Box<dyn Law>),
    /// From the request's tokens.
    Tokens(Tokens),
}

impl Drawer {
    /// The demand of a request with so many input and output tokens.
    #[inline]
    pub fn draw(&self, stream: &mut Stream, input: u32, output: u32) -> Duration {
        match self {
            Self::Law(law) => Duration::from_secs_f64(law.sample(stream)),
            Self::Tokens(tokens) => tokens.demand(input, output),
        }
    }

    /// The mean demand in seconds of requests with so many tokens on average.
    pub fn mean_s(&self, input: f64, output: f64) -> f64 {
        match self {
            Self::Law(law) => law.mean(),
            Self::Tokens(Tokens { base, input: per_input, output: per_output }) => {
                let tokens = input * per_input.as_secs_f64() + output * per_output.as_secs_f64();
                base.as_secs_f64() + tokens
            }
        }
    }
}

impl Tokens {
    /// The service time of a request with so many input and output tokens.
    #[inline]
    pub fn demand(self, input: u32, output: u32) -> Duration {
        let times = |each: Duration, count: u32| Duration(each.0.saturating_mul(u64::from(count)));
        self.base + times(self.input, input) + times(self.output, output)
    }
}

impl<'de> Deserialize<'de> for Demand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        Self::read(&node).map_err(Problem::carry)
    }
}

impl Serialize for Demand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Law(recipe) => recipe.serialize(serializer),
            Self::Tokens(Tokens { base, input, output }) => serde_json::json!({
                "law": TOKENS, "base": base, "input": input, "output": output
            })
            .serialize(serializer),
        }
    }
}

impl JsonSchema for Demand {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "demand".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut tokens = Tokens::json_schema(generator);
        if let Some(properties) = tokens.get_mut("properties") {
            properties["law"] = serde_json::json!({ "const": TOKENS });
        }
        tokens.insert("required".into(), serde_json::json!(["law"]));
        let law = generator.subschema_for::<Recipe<dyn Law>>();
        schemars::json_schema!({ "anyOf": [law, tokens] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Origin;
    use crate::rng::{Purpose, Seed};

    fn read(text: &str) -> Result<Demand, Problem> {
        #[derive(Deserialize)]
        struct Traffic {
            service: Demand,
        }
        let document = Node::from_toml("a.toml", &format!("service = {text}"))?;
        document.typed().map(|traffic: Traffic| traffic.service)
    }

    fn draw(demand: &Demand, input: u32, output: u32) -> Duration {
        let mut stream = Seed::new(1, 0).stream(Purpose::Demand, "main");
        demand.build(Path::new("")).unwrap().draw(&mut stream, input, output)
    }

    #[test]
    fn tokens_add_up_without_chance() {
        let spec = read("\"tokens:base=30ms,input=0.2ms,output=12ms\"").unwrap();
        let table =
            read("{ law = \"tokens\", base = \"30ms\", input = \"0.2ms\", output = \"12ms\" }");
        for demand in [spec, table.unwrap()] {
            assert_eq!(draw(&demand, 100, 10), Duration::from_millis(30 + 20 + 120));
            assert_eq!(draw(&demand, 0, 0), Duration::from_millis(30));
            let mean = demand.build(Path::new("")).unwrap().mean_s(100.0, 10.0);
            assert!((mean - 0.17).abs() < 1e-15);
        }
    }

    #[test]
    fn a_law_is_a_demand() {
        let demand = read("{ law = \"constant\", value = \"180ms\" }").unwrap();
        assert_eq!(draw(&demand, 5, 5), Duration::from_millis(180));
        assert_eq!(draw(&read("\"constant:value=180ms\"").unwrap(), 0, 0), draw(&demand, 1, 1));
    }

    #[test]
    fn a_demand_is_written_as_it_is_read() {
        for text in ["tokens:input=2ms", "lognormal:mean=180ms,cv=1.3"] {
            let demand = Demand::read(&Node::text(text, Origin::whole("--service", text))).unwrap();
            let resolved = serde_json::to_value(&demand).unwrap();
            let again = read(&resolved.to_string().replace("\":", "\" = ")).unwrap();
            assert_eq!(serde_json::to_value(again).unwrap(), resolved);
            assert_eq!(resolved["law"], text.split(':').next().unwrap());
        }
    }

    #[test]
    fn mistakes_are_shown_at_their_place() {
        for (text, words) in [
            ("\"token:base=1ms\"", "did you mean `tokens`?"),
            ("\"lognormall:mean=1ms\"", "did you mean `lognormal`?"),
            ("\"tokens:bass=1ms\"", "did you mean `base`?"),
            ("\"tokens\"", "needs `base`, `input` or `output`"),
            ("{ base = \"1ms\" }", "`law` is missing"),
            ("3", "is meant? Here is only a whole number"),
        ] {
            let problem = read(text).unwrap_err();
            let shown = problem.render(false);
            assert!(shown.contains(words) && shown.contains("a.toml:1:"), "{text}: {shown}");
        }
    }
}
