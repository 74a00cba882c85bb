//! Rows as `cargo xtask bench` reads them.

use serde_json::{Map, Value, json};

/// Prints one figure of a part; `more` are its ratio, what that is beside, and its target.
pub(crate) fn print(part: &str, name: &str, value: f64, unit: &str, more: Value) {
    let mut row = Map::new();
    for (key, value) in [("part", json!(part)), ("name", json!(name)), ("value", json!(value)), ("unit", json!(unit))] {
        row.insert(key.to_owned(), value);
    }
    if let Value::Object(more) = more {
        row.extend(more);
    }
    println!("bench-row {}", Value::Object(row));
}
