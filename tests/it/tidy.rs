//! The house keeps its order: floors, sizes, registered parts. Read from the source itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The floor of each room; a room imports only rooms on lower floors.
const FLOORS: &[(&str, u32)] = &[
    ("diagnose", 0),
    ("units", 0),
    ("time_unit", 0),
    ("time", 1),
    ("rng", 0),
    ("document", 1),
    ("stats", 1),
    ("theory", 1),
    ("manifest", 2),
    ("registry", 2),
    ("model", 2),
    ("law", 3),
    ("fleet", 3),
    ("outcome", 5),
    ("workload", 4),
    ("balance", 4),
    ("station", 4),
    ("forecast", 4),
    ("scale", 4),
    ("probe", 4),
    ("fault", 4),
    ("health", 4),
    ("protect", 4),
    ("engine", 5),
    ("catalogue", 7),
    ("scenario", 6),
    ("experiment", 7),
    ("report", 7),
    ("cli", 8),
];

/// The one pair of neighbours that know each other: autoscalers use forecasts; units read numbers
/// the way times are written.
const NEIGHBOURS: &[(&str, &str)] = &[("scale", "forecast"), ("units", "time")];

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root).unwrap().to_path_buf(), text));
            }
        }
    }
    found.sort();
    found
}

fn room_of(path: &Path) -> String {
    let room = path.components().nth(1).unwrap().as_os_str().to_string_lossy();
    room.trim_end_matches(".rs").to_owned()
}

#[test]
fn a_room_imports_only_rooms_on_lower_floors() {
    let floors: BTreeMap<&str, u32> = FLOORS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let room = room_of(&path);
        if matches!(room.as_str(), "lib" | "main") {
            continue;
        }
        let Some(&floor) = floors.get(room.as_str()) else {
            wrong.push(format!("{} stands on no floor: add `{room}` to the table", path.display()));
            continue;
        };
        let code = text.split("#[cfg(test)]").next().unwrap_or("");
        for (at, _) in code.match_indices("crate::") {
            let word: String = code[at + 7..]
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                .collect();
            let known = NEIGHBOURS.contains(&(room.as_str(), word.as_str()));
            match floors.get(word.as_str()) {
                Some(&other) if word != room && other >= floor && !known => wrong.push(format!(
                    "{} (floor {floor}) imports `{word}` (floor {other})",
                    path.display()
                )),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_and_lines_keep_their_size_and_say_their_job_first() {
    let mut wrong = Vec::new();
    for (path, text) in ["src", "tests", "benches"].into_iter().flat_map(sources) {
        let lines = text.lines().count();
        if lines > 600 {
            wrong.push(format!("{} has {lines} lines: split it", path.display()));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{} does not say its job in its first line", path.display()));
        }
        for (number, line) in (1..).zip(text.lines()) {
            if line.chars().count() > 100 {
                wrong.push(format!("{}:{number} is longer than 100 columns", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_that_holds_a_variant_is_registered() {
    let all = sources("src");
    let mut wrong = Vec::new();
    for (path, text) in &all {
        let code = text.split("#[cfg(test)]").next().unwrap_or("");
        let variants = code.contains("impl Variant<dyn ") || code.contains("ordered_by!(");
        let macro_home = code.contains("macro_rules!");
        if !variants || macro_home || path.ends_with("registry.rs") {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let listed = format!("{name}\"");
        let known = all.iter().any(|(door, text)| {
            room_of(door) == room_of(path)
                && text.contains("Entry::of::<")
                && text.contains(&listed)
        });
        if !known {
            wrong.push(format!("{} is in no registry", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_left_lying_about() {
    // In two halves each, so that this file is held to the rule as well.
    let words =
        [("to", "do!("), ("unimpl", "emented!("), ("db", "g!("), ("FIX", "ME"), ("#[ig", "nore")]
            .map(|(head, tail)| format!("{head}{tail}"));
    let mut wrong = Vec::new();
    for (path, text) in ["src", "tests", "benches", "examples"].into_iter().flat_map(sources) {
        for word in &words {
            if text.contains(word) {
                wrong.push(format!("{} holds `{word}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
