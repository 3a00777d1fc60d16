//! The key of a point: a print of everything its results are a function of.
//!
//! A point with a key that is known need not be run again, whatever grid it is a point of; a
//! scenario or a trace that has changed gives other keys.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::Value;

use crate::rng::Fnv;
use crate::scenario::Scenario;
use crate::workload::trace::Input;

/// Prints scenarios; a file they name is read once.
#[derive(Default)]
pub struct Keys(Mutex<BTreeMap<PathBuf, u64>>);

impl Keys {
    /// The key of a scenario with its files, under this version of the program.
    pub fn of(&self, scenario: &Scenario) -> String {
        let resolved = serde_json::to_value(scenario).expect("a scenario is plain data");
        let mut print = Fnv::default();
        print.write(env!("CARGO_PKG_VERSION").as_bytes());
        print.write(resolved.to_string().as_bytes());
        for traffic in scenario.traffic.values() {
            if let Some(Input::Memory { bytes, .. }) = traffic.input(&scenario.folder) {
                print.write(&Fnv::of(&bytes).to_le_bytes());
            }
        }
        let mut files = Vec::new();
        name_files(&resolved, &mut files);
        for file in files {
            print.write(&self.of_file(&scenario.folder.join(file)).to_le_bytes());
        }
        format!("{:016x}", print.0)
    }

    fn of_file(&self, path: &Path) -> u64 {
        let mut known = self.0.lock().expect("no thread panics while it reads a file");
        if let Some(print) = known.get(path) {
            return *print;
        }
        // A file that cannot be read is told of by whoever needs it.
        let print = print_of(path).unwrap_or(0);
        known.insert(path.to_path_buf(), print);
        print
    }
}

fn print_of(path: &Path) -> std::io::Result<u64> {
    let (mut file, mut print) = (File::open(path)?, Fnv::default());
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(print.0),
            count => print.write(&buffer[..count]),
        }
    }
}

/// Every file that a scenario names: traces, samples of laws, learned tables.
fn name_files<'a>(value: &'a Value, files: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str() {
                    Some(file) if ["trace", "file", "table"].contains(&key.as_str()) => {
                        files.extend((file != "-").then_some(file));
                    }
                    _ => name_files(value, files),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| name_files(item, files)),
        _ => {}
    }
}
