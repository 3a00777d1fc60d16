//! From the tree to typed values: serde over nodes, every mistake shown at its innermost place.

use std::cell::RefCell;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};
use serde::{Deserialize, de::DeserializeOwned};

use super::{Node, Value};
use crate::diagnose::Problem;

impl Node {
    /// Types this node; a mistake is shown at the innermost place it can be blamed on.
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        T::deserialize(self)
    }
}

const CAPTURE: &str = "$plimsoll::Node";

thread_local! {
    // Serde's data model has no room for places, so a node that wants to be read as a node (and
    // typed later, by a part that is found by name) is passed beside it. It is filled and emptied
    // within one call, on one thread.
    static CAPTURED: RefCell<Option<Node>> = const { RefCell::new(None) };
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Take;
        impl Visitor<'_> for Take {
            type Value = Node;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a node of a document")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
                CAPTURED.take().ok_or_else(|| E::custom("a node can only be read from a document"))
            }
        }
        deserializer.deserialize_newtype_struct(CAPTURE, Take)
    }
}

/// `1e6` is a whole number too, as far as a real number counts in ones.
macro_rules! whole_numbers {
    ($($name:ident)+) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
            match self.value {
                Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => visitor
                    .visit_i64(number as i64)
                    .map_err(|problem: Problem| problem.at(&self.origin)),
                _ => self.deserialize_any(visitor),
            }
        })+
    };
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let typed = match &self.value {
            Value::Bool(truth) => visitor.visit_bool(*truth),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Text(text) => visitor.visit_str(text),
            Value::List(list) => visitor.visit_seq(List(list.iter())),
            Value::Table(table) => visitor.visit_map(Entries { rest: table.iter(), node: None }),
        };
        typed.map_err(|problem| problem.at(&self.origin))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self).map_err(|problem| problem.at(&self.origin))
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value {
            Value::Integer(number) => visitor
                .visit_f64(number as f64)
                .map_err(|problem: Problem| problem.at(&self.origin)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        if name == CAPTURE {
            CAPTURED.set(Some(self.clone()));
            return visitor.visit_unit();
        }
        visitor.visit_newtype_struct(self).map_err(|problem| problem.at(&self.origin))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match &self.value {
            Value::Text(text) => {
                let word: StrDeserializer<'_, Problem> = text.as_str().into_deserializer();
                visitor.visit_enum(word).map_err(|problem| problem.at(&self.origin))
            }
            other => {
                let message = format!("one of a few words is wanted here, not {}", other.kind());
                Err(Problem::new(message).at(&self.origin))
            }
        }
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    serde::forward_to_deserialize_any! {
        bool i128 u128 f32 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct List<'de>(std::slice::Iter<'de, Node>);

impl<'de> de::SeqAccess<'de> for List<'de> {
    type Error = Problem;
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Problem> {
        let Some(node) = self.0.next() else { return Ok(None) };
        seed.deserialize(node).map(Some).map_err(|problem| problem.at(&node.origin))
    }
}

struct Entries<'de> {
    rest: indexmap::map::Iter<'de, String, super::Entry>,
    node: Option<&'de Node>,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Problem> {
        let Some((key, entry)) = self.rest.next() else { return Ok(None) };
        self.node = Some(&entry.node);
        let word: StrDeserializer<'_, Problem> = key.as_str().into_deserializer();
        seed.deserialize(word).map(Some).map_err(|problem| problem.at(&entry.key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        let node = self.node.take().expect("serde asks for a value after its key");
        seed.deserialize(node).map_err(|problem| problem.at(&node.origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    struct Pool {
        servers: u32,
        startup: Option<Duration>,
        rest: Option<Node>,
    }

    fn read(text: &str) -> Result<Pool, String> {
        let node = Node::from_toml("a.toml", text).unwrap();
        node.typed().map_err(|problem: Problem| problem.render(false))
    }

    #[test]
    fn a_node_can_be_kept_as_a_node() {
        let pool = read("servers = 2\nstartup = \"90s\"\nrest = { a = 1 }").unwrap();
        assert_eq!((pool.servers, pool.startup), (2, Some(Duration::from_secs(90))));
        assert_eq!(pool.rest.unwrap().get("a").unwrap().value, Value::Integer(1));
    }

    #[test]
    fn mistakes_are_shown_at_their_innermost_place() {
        assert!(read("servers = -1").unwrap_err().contains("a.toml:1:11"));
        assert!(read("servers = 1\nstartup = 90").unwrap_err().contains("a.toml:2:11"));
        assert!(read("servers = 1\nstartup = 90").unwrap_err().contains("no unit"));
        let unknown = read("server = 1").unwrap_err();
        assert!(unknown.contains("a.toml:1:1") && unknown.contains("did you mean `servers`?"));
        assert!(read("startup = \"1s\"").unwrap_err().contains("`servers` is missing"));
    }
}
