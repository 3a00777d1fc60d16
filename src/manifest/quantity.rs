//! Kubernetes' quantities: `500m`, `2`, `1.5Gi`.

use crate::diagnose::Problem;
use crate::document::{Node, Value};

const SUFFIXES: [(&str, f64); 15] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
];

/// The number that a quantity stands for.
pub(super) fn read(node: &Node) -> Result<f64, Problem> {
    let wrong = |shown: &str| {
        Problem::new(format!("`{shown}` is not a quantity"))
            .help("write a number with a suffix of Kubernetes, e.g. `500m`, `2`, `1.5Gi`")
            .at(&node.origin)
    };
    let value = match &node.value {
        Value::Integer(whole) => *whole as f64,
        Value::Float(real) => *real,
        Value::Text(text) => {
            let suffix = SUFFIXES.iter().find(|(suffix, _)| text.ends_with(suffix));
            let (digits, factor) = suffix.map_or((text.as_str(), 1.0), |(suffix, factor)| {
                (&text[..text.len() - suffix.len()], *factor)
            });
            digits.parse::<f64>().map_err(|_| wrong(text))? * factor
        }
        other => return Err(wrong(other.kind())),
    };
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err(wrong(&value.to_string())) }
}

/// A number as a quantity: whole, or in thousandths.
pub(super) fn write(value: f64) -> String {
    let milli = (value * 1000.0).round() as i64;
    if milli % 1000 == 0 { (milli / 1000).to_string() } else { format!("{milli}m") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Origin;

    #[test]
    fn suffixes_multiply() {
        let of = |text: &str| read(&Node::text(text, Origin::whole("a.yaml", text)));
        for (text, value) in [("500m", 0.5), ("2", 2.0), ("1Ki", 1024.0), ("1.5G", 1.5e9)] {
            assert_eq!(of(text), Ok(value));
        }
        assert!(["", "m", "two", "-1", "1e999"].iter().all(|text| of(text).is_err()));
        assert_eq!((write(2.0), write(0.25)), ("2".to_owned(), "250m".to_owned()));
    }
}
