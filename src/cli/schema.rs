//! `plimsoll schema`: the JSON schema of scenarios, for editors.

use super::{Ended, Status, print};
use crate::scenario::Scenario;

pub(super) fn run() -> Ended {
    let schema = schemars::schema_for!(Scenario);
    let text = serde_json::to_string_pretty(&schema).expect("a schema is plain data");
    print(&(text + "\n"))?;
    Ok(Status::Done)
}
