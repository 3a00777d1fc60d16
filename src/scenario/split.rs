//! Tables that hold the options of two things at once, such as a balancer and its policy.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::Mutex;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::diagnose::{Problem, unknown};
use crate::document::{Node, Value};
use crate::registry::{Recipe, Role, find};

/// The names of the fields of `T`, as documents write them.
pub(super) fn fields<T: JsonSchema + 'static>() -> Vec<String> {
    // A sweep reads thousands of scenarios, and a schema takes longer than all the rest of one.
    static KNOWN: Mutex<BTreeMap<TypeId, Vec<String>>> = Mutex::new(BTreeMap::new());
    let lock = || KNOWN.lock().expect("no thread panics while it copies names");
    if let Some(known) = lock().get(&TypeId::of::<T>()) {
        return known.clone();
    }
    let schema = schemars::schema_for!(T);
    let properties = schema.get("properties").and_then(serde_json::Value::as_object);
    let made: Vec<String> = properties.into_iter().flat_map(|all| all.keys().cloned()).collect();
    lock().insert(TypeId::of::<T>(), made.clone());
    made
}

/// Cuts a table in two: the keys that `T` knows, typed, and a table of all the others.
pub(super) fn take<T: JsonSchema + DeserializeOwned + 'static>(
    node: &Node,
) -> Result<(T, Node), Problem> {
    let known = fields::<T>();
    let (mut own, mut rest) = (node.clone(), node.clone());
    if let (Value::Table(own), Value::Table(rest)) = (&mut own.value, &mut rest.value) {
        own.retain(|key, _| known.contains(key));
        rest.retain(|key, _| !known.contains(key));
    }
    Ok((own.typed()?, rest))
}

/// Reads the part named in what is left of a table; a key that nobody knows is told with what `T`
/// knows as well.
pub(super) fn recipe<T: JsonSchema + 'static, D: Role + ?Sized>(
    rest: &Node,
) -> Result<Recipe<D>, Problem> {
    // Only for a table that cannot be read: a sweep reads thousands that can.
    Recipe::read(rest).map_err(|problem| strangers::<T, D>(rest).err().unwrap_or(problem))
}

fn strangers<T: JsonSchema + 'static, D: Role + ?Sized>(rest: &Node) -> Result<(), Problem> {
    let Some(Node { value: Value::Text(name), .. }) = rest.get(D::KEY) else { return Ok(()) };
    // A name that nobody has is told where it stands.
    let Ok(entry) = find::<D>(name) else { return Ok(()) };
    let schema = entry.schema(&mut schemars::SchemaGenerator::default());
    let options = schema.get("properties").and_then(serde_json::Value::as_object);
    let options = options.into_iter().flat_map(|all| all.keys().cloned()).collect();
    refuse_strangers(rest, &[vec![D::KEY.to_owned()], options, fields::<T>()])
}

/// Refuses a key that no part of the table knows, with all that could stand there.
pub(super) fn refuse_strangers(node: &Node, parts: &[Vec<String>]) -> Result<(), Problem> {
    let known = parts.concat();
    match node.as_table()?.iter().find(|(key, _)| !known.contains(key)) {
        Some((key, entry)) => Err(unknown("key", key, &known).at(&entry.key)),
        None => Ok(()),
    }
}
