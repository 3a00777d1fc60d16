//! JSON lines: the places of the values that are wanted, found without building anything.

use std::fmt;
use std::ops::Range;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::diagnose::Problem;

/// Why a line is not one JSON object.
#[derive(Debug)]
pub(super) struct Wrong {
    error: serde_json::Error,
    column: usize,
}

impl Wrong {
    /// Where in the line reading stopped.
    pub(super) fn span(&self) -> Range<usize> {
        self.column.saturating_sub(1)..self.column
    }

    /// What to tell the user; `line` is the line that was read.
    pub(super) fn problem(&self, line: &[u8]) -> Problem {
        if std::str::from_utf8(line).is_err() {
            return Problem::new("the line is not UTF-8")
                .help("convert the file: `iconv -f LATIN1 -t UTF-8 FILE`");
        }
        let words = self.error.to_string();
        let why = words.split(" at line ").next().unwrap_or(&words);
        Problem::new(format!("the line is not one JSON object: {why}"))
            .help("write one object a line; `jq -c '.[]' FILE` makes lines of a list")
    }
}

/// Puts the places of the values of `wanted` into `fields`, in that order; absent ones are empty.
pub(super) fn split(
    line: &[u8],
    wanted: &[String],
    fields: &mut Vec<Range<u32>>,
) -> Result<(), Wrong> {
    fields.clear();
    fields.resize(wanted.len(), 0..0);
    let base = line.as_ptr().addr();
    read(line, Object { wanted, found: |i: usize, value: &str| fields[i] = place(base, value) })
}

/// The keys of an object and its values as they are written.
pub(super) fn entries(line: &[u8]) -> Result<Vec<(String, String)>, Wrong> {
    struct Entries;
    impl<'de> Visitor<'de> for Entries {
        type Value = Vec<(String, String)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                entries.push((key, value.get().to_owned()));
            }
            Ok(entries)
        }
    }
    impl<'de> DeserializeSeed<'de> for Entries {
        type Value = Vec<(String, String)>;
        fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
            from.deserialize_map(self)
        }
    }
    read(line, Entries)
}

fn read<'de, S: DeserializeSeed<'de>>(line: &'de [u8], seed: S) -> Result<S::Value, Wrong> {
    let mut from = serde_json::Deserializer::from_slice(line);
    let value = seed.deserialize(&mut from);
    value.and_then(|value| from.end().map(|()| value)).map_err(|error| {
        let column = error.column().min(line.len());
        Wrong { error, column }
    })
}

/// Where a value stands in its line, a text without its quotes.
fn place(base: usize, value: &str) -> Range<u32> {
    let from = (value.as_ptr().addr() - base) as u32;
    let to = from + value.len() as u32;
    if value.starts_with('"') { from + 1..to - 1 } else { from..to }
}

/// Reads an object and hands the values of the wanted keys on, with the key's place.
struct Object<'a, F> {
    wanted: &'a [String],
    found: F,
}

impl<'de, F: FnMut(usize, &str)> DeserializeSeed<'de> for Object<'_, F> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, F: FnMut(usize, &str)> Visitor<'de> for Object<'_, F> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Key(self.wanted))? {
            match key {
                Some(i) => (self.found)(i, map.next_value::<&RawValue>()?.get()),
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(())
    }
}

/// A key, as its place among those wanted.
struct Key<'a>(&'a [String]);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E: de::Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|wanted| wanted == key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_where_they_stand() {
        let line = br#" {"timestamp": "27", "x": {"a": [1]}, "n": 3.50, "ids": {"a": [1, 2]}} "#;
        let wanted = ["n", "ids", "gone", "timestamp"].map(str::to_owned);
        let mut fields = Vec::new();
        split(line, &wanted, &mut fields).unwrap();
        let cells: Vec<&[u8]> =
            fields.iter().map(|span| &line[span.start as usize..span.end as usize]).collect();
        assert_eq!(cells, [&b"3.50"[..], br#"{"a": [1, 2]}"#, b"", b"27"]);
    }

    #[test]
    fn what_is_not_one_object_says_where() {
        for (line, column) in [(&b"{\"a\": 1"[..], 7), (b"[1]", 0), (b"{\"a\":1} 2", 9)] {
            let wrong = entries(line).unwrap_err();
            assert_eq!(wrong.column, column, "{wrong:?}");
            assert!(wrong.problem(line).message().contains("not one JSON object"));
        }
    }
}
