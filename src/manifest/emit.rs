//! Plain data as the text of a YAML file.

use serde_json::Value;

/// Documents one below the other, each in block style.
pub(super) fn documents(documents: &[Value]) -> String {
    let text = |document: &Value| block(&without_nulls(document), 0);
    documents.iter().map(text).collect::<Vec<_>>().join("---\n")
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let set = fields.iter().filter(|(_, value)| !value.is_null());
            set.map(|(key, value)| (key.clone(), without_nulls(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        scalar => scalar.clone(),
    }
}

fn block(value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| format!("{indent}{}:{}", word(key), beside(value, depth)))
            .collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| {
                // The first field of an item stands beside its dash.
                let text = block(item, depth + 1);
                format!("{indent}- {}", text.trim_start())
            })
            .collect(),
        scalar => format!("{indent}{}\n", plain(scalar)),
    }
}

/// What stands behind a key: a scalar on its line, everything else below it.
fn beside(value: &Value, depth: usize) -> String {
    match value {
        Value::Object(fields) if fields.is_empty() => " {}\n".to_owned(),
        Value::Array(items) if items.is_empty() => " []\n".to_owned(),
        Value::Object(_) | Value::Array(_) => format!("\n{}", block(value, depth + 1)),
        scalar => format!(" {}\n", plain(scalar)),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => word(text),
        other => other.to_string(),
    }
}

/// A text, in quotes unless nobody could read it as something else.
fn word(text: &str) -> String {
    let letters = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    let first = text.chars().next().is_some_and(|first| first.is_ascii_alphabetic());
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if first && text.chars().all(letters) && !reserved.contains(&text.to_lowercase().as_str()) {
        text.to_owned()
    } else {
        Value::String(text.to_owned()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let value = serde_json::json!({
            "a": { "b": [1, { "c": "yes", "d": [] }], "autoscaling.knative.dev/target": "10" },
            "e": "two words", "f": 0.5, "g": true, "h": {},
        });
        let text = documents(&[value, serde_json::json!({ "kind": "X" })]);
        let read = crate::document::Node::from_yaml("a.yaml", &text).unwrap();
        assert_eq!(read.len(), 2, "{text}");
        assert_eq!(text.matches("\"yes\"").count(), 1, "{text}");
        assert!(read[0].find("a.b").is_some() && read[0].find("e").is_some(), "{text}");
    }
}
