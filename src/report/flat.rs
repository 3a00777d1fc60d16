//! An outcome as one row: the header is the JSON path joined by dots.

use serde::Serialize;
use serde_json::Value;

/// Every number, text and truth of a value with its path; lists are numbered from 0.
pub fn flatten(value: &impl Serialize) -> Vec<(String, String)> {
    let value = serde_json::to_value(value).expect("outcomes are plain data");
    let mut cells = Vec::new();
    descend("", &value, &mut cells);
    cells
}

fn descend(path: &str, value: &Value, cells: &mut Vec<(String, String)>) {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        // Logs have files of their own: a row holds figures.
        Value::Array(_)
            if [".decisions", ".timeline", ".incidents"].iter().any(|it| path.ends_with(it)) => {}
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| descend(&join(key), value, cells));
        }
        Value::Array(items) => {
            (0..).zip(items).for_each(|(at, item)| descend(&join(&format!("{at}")), item, cells));
        }
        Value::Null => cells.push((path.to_owned(), String::new())),
        Value::String(text) => cells.push((path.to_owned(), text.clone())),
        other => cells.push((path.to_owned(), other.to_string())),
    }
}

/// Rows under one header: the union of their columns in the order they first appear.
pub fn csv<T: Serialize>(rows: &[T]) -> String {
    let rows: Vec<indexmap::IndexMap<String, String>> =
        rows.iter().map(|row| flatten(row).into_iter().collect()).collect();
    let mut header = indexmap::IndexSet::new();
    rows.iter().flat_map(|row| row.keys()).for_each(|key| {
        header.insert(key.clone());
    });
    let mut out = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail, and every record has as many fields as the header.
    out.write_record(&header).expect("a record in memory");
    for row in &rows {
        let cells = header.iter().map(|key| row.get(key).map_or("", String::as_str));
        out.write_record(cells).expect("a record in memory");
    }
    let bytes = out.into_inner().expect("a buffer in memory");
    String::from_utf8(bytes).expect("cells are UTF-8")
}
