//! JSON as files hold it: indented, but what is small on one line, a row of a log a line.

use serde::Serialize;
use serde_json::Value;

/// Outside of lists, objects of so many plain fields stand on one line: an estimate with its ends.
const FEW: usize = 4;

/// A value as the text of a JSON file. Objects and lists without any inside stand on one line where
/// they are few, or items of a list: that halves the size of logs, and they read like tables.
pub fn json(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).expect("results are plain data");
    let mut text = String::new();
    write(&mut text, &value, 0, false);
    text + "\n"
}

fn write(text: &mut String, value: &Value, depth: usize, listed: bool) {
    let (plain, size) = match value {
        Value::Object(fields) => (!fields.values().any(is_container), fields.len()),
        Value::Array(items) => (!items.iter().any(is_container), items.len()),
        _ => (true, 0),
    };
    match value {
        Value::Object(fields) if !(plain && (listed || size <= FEW)) => {
            let fields = fields.iter().map(|(key, value)| (Some(key), value));
            block(text, ('{', '}'), fields, depth);
        }
        Value::Array(items) if !(plain && (listed || size <= FEW)) => {
            block(text, ('[', ']'), items.iter().map(|item| (None, item)), depth);
        }
        Value::Object(fields) if fields.is_empty() => text.push_str("{}"),
        Value::Object(fields) => {
            text.push_str("{ ");
            for (number, (key, value)) in fields.iter().enumerate() {
                text.push_str(if number > 0 { ", " } else { "" });
                text.push_str(&format!("{}: {value}", Value::from(key.as_str())));
            }
            text.push_str(" }");
        }
        other => text.push_str(&other.to_string()),
    }
}

fn is_container(value: &Value) -> bool {
    matches!(value, Value::Object(fields) if !fields.is_empty())
        || matches!(value, Value::Array(items) if !items.is_empty())
}

/// A field or an item a line.
fn block<'a>(
    text: &mut String,
    (open, close): (char, char),
    parts: impl Iterator<Item = (Option<&'a String>, &'a Value)>,
    depth: usize,
) {
    let indent = |depth: usize| format!("\n{}", "  ".repeat(depth));
    text.push(open);
    for (number, (key, value)) in parts.enumerate() {
        text.push_str(if number > 0 { "," } else { "" });
        text.push_str(&indent(depth + 1));
        if let Some(key) = key {
            text.push_str(&format!("{}: ", Value::from(key.as_str())));
        }
        write(text, value, depth + 1, key.is_none());
    }
    text.push_str(&indent(depth));
    text.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_on_a_line_each_and_the_text_means_the_same() {
        let value = serde_json::json!({
            "name": "a \"b\"", "empty": {}, "none": [], "p99": { "low": 1.5, "high": null },
            "log": [{ "at": 1, "what": "x" }, { "at": 2, "what": "y" }],
            "many": { "a": 1, "b": 2, "c": 3, "d": 4, "e": 5 },
        });
        let text = json(&value);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.contains(&"  \"p99\": { \"low\": 1.5, \"high\": null },"), "{text}");
        assert!(lines.contains(&"    { \"at\": 1, \"what\": \"x\" },"), "{text}");
        assert!(lines.contains(&"  \"empty\": {},") && lines.contains(&"    \"a\": 1,"), "{text}");
    }
}
