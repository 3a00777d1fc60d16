//! The folder that a sweep grows in: what it is about, and each point as soon as it is complete.
//!
//! A point is one line that is written at once, so a sweep that is killed loses only what was being
//! run; a line that was cut is not a point. When all points are there the lines are put in order,
//! so that the folder is the same to the byte whatever happened on the way.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnose::{Origin, Problem};
use crate::outcome::{Outline, Placed};

const MANIFEST: &str = "manifest.json";
const POINTS: &str = "points.jsonl";
const SCHEMA: &str = "plimsoll.sweep-points/1";

/// What a folder of points is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// `plimsoll.sweep-points/1`.
    pub schema: String,
    /// The version of the program that made them.
    pub version: String,
    /// The command, without what does not change the points.
    pub command: String,
    /// Which part of how many.
    pub shard: (u64, u64),
    /// Whether every point of the part is there, in order.
    pub complete: bool,
    /// The sweep.
    pub outline: Outline,
}

impl Manifest {
    /// A sweep that has not been run yet.
    pub fn new(outline: Outline, shard: (u64, u64), command: String) -> Self {
        let (schema, version) = (SCHEMA.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        Self { schema, version, command, shard, complete: false, outline }
    }

    fn read(folder: &Path) -> Result<Option<Self>, Problem> {
        let path = folder.join(MANIFEST);
        let Ok(text) = fs::read_to_string(&path) else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            Problem::new(format!("`{}` is damaged: {error}", path.display()))
                .help("start anew with `--fresh`, or name another folder")
        })
    }

    fn write(&self, folder: &Path) -> Result<(), Problem> {
        let json = serde_json::to_string_pretty(self).expect("a manifest is plain data");
        replace(&folder.join(MANIFEST), (json + "\n").as_bytes())
    }

    /// What tells this sweep from the one in a folder: the first thing that differs. Other axes
    /// are no other sweep: points that are in both are the same.
    fn unlike(&self, other: &Self) -> Option<String> {
        if self.version != other.version {
            return Some(format!("version {} made them, this is {}", other.version, self.version));
        }
        if self.shard != other.shard {
            let told = |(k, n): (u64, u64)| format!("part {k}/{n}");
            let (there, here) = (told(other.shard), told(self.shard));
            return Some(format!("they are {there} of the grid, this is {here}"));
        }
        first_difference("", &other.outline.scenario, &self.outline.scenario)
    }

    /// Why this is no part of the sweep that another is a part of.
    pub fn foreign_to(&self, other: &Self) -> Option<String> {
        if self.shard.1 != other.shard.1 {
            return Some(format!("one was cut into {} parts, one into {}", other.shard.1, {
                self.shard.1
            }));
        }
        let unlike = Self { shard: other.shard, ..self.clone() }.unlike(other);
        unlike.or_else(|| (self.outline != other.outline).then(|| "their axes differ".to_owned()))
    }
}

/// The first path at which two documents differ, in words.
fn first_difference(path: &str, old: &Value, new: &Value) -> Option<String> {
    if let (Value::Object(old), Value::Object(new)) = (old, new) {
        let mut keys = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
        return keys.find_map(|key| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            first_difference(
                &path,
                old.get(key).unwrap_or(&Value::Null),
                new.get(key).unwrap_or(&Value::Null),
            )
        });
    }
    let told =
        |value: &Value| if value.is_null() { "not set".to_owned() } else { value.to_string() };
    (old != new).then(|| format!("`{path}` was {}, and is {}", told(old), told(new)))
}

/// A folder with points, open for more.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    manifest: Manifest,
    points: File,
    /// The points that were there when it was opened.
    pub known: Vec<Placed>,
    /// How many lines were no points: cut short, or damaged.
    pub damaged: usize,
}

impl Store {
    /// Opens a folder for the points of a sweep, with the points of it that are there. A folder of
    /// another sweep is refused, unless it is to be started afresh.
    pub fn open(folder: &Path, manifest: Manifest, fresh: bool) -> Result<Self, Problem> {
        let old = if fresh { None } else { Manifest::read(folder)? };
        if let Some(what) = old.as_ref().and_then(|old| manifest.unlike(old)) {
            return Err(another_sweep(folder, &what));
        }
        let path = folder.join(POINTS);
        if old.is_none() {
            let empty = replace(&path, b"");
            empty.map_err(|problem| problem.at(&place(folder)))?;
        }
        let (known, damaged) = read_points(&path)?;
        if damaged > 0 {
            // What follows a cut line must not become a part of it.
            write_points(&path, &known)?;
        }
        manifest.write(folder)?;
        let points = OpenOptions::new().append(true).create(true).open(&path);
        let points = points.map_err(|error| failed(&path, &error))?;
        Ok(Self { folder: folder.to_path_buf(), manifest, points, known, damaged })
    }

    /// Says that the points that are there were made from other files.
    pub fn stale(&self) -> Problem {
        another_sweep(
            &self.folder,
            "the traffic or another file that the scenario names has changed",
        )
    }

    /// Keeps one more point.
    pub fn keep(&self, placed: &Placed) -> Result<(), Problem> {
        let line = serde_json::to_string(placed).expect("points are plain data") + "\n";
        let written = (&self.points).write_all(line.as_bytes());
        written.map_err(|error| failed(&self.folder.join(POINTS), &error))
    }

    /// Puts the points in order; `complete` says that all are there.
    pub fn finish(mut self, points: &[Placed], complete: bool) -> Result<(), Problem> {
        write_points(&self.folder.join(POINTS), points)?;
        self.manifest.complete = complete;
        self.manifest.write(&self.folder)
    }
}

/// A complete part of a sweep, as `merge` reads it.
pub fn part(folder: &Path) -> Result<(Manifest, Vec<Placed>), Problem> {
    let shown = folder.display();
    let Some(manifest) = Manifest::read(folder)? else {
        return Err(Problem::new(format!("`{shown}` holds no points of a sweep"))
            .help("name folders that `plimsoll sweep --shard k/n --out DIR` wrote"));
    };
    if manifest.schema != SCHEMA {
        return Err(Problem::new(format!("`{shown}` has the schema `{}`", manifest.schema))
            .help(format!("this version reads `{SCHEMA}`")));
    }
    let (points, damaged) = read_points(&folder.join(POINTS))?;
    let (k, n) = manifest.shard;
    let size = manifest.outline.size;
    let wanted = size / n.max(1) + u64::from(k <= size % n.max(1));
    if !manifest.complete || damaged > 0 || points.len() as u64 != wanted {
        let message = format!("`{shown}` holds {} of {wanted} points", points.len());
        return Err(Problem::new(message).help(format!(
            "finish it first: `{} --shard {k}/{n} --out {shown}`",
            manifest.command
        )));
    }
    Ok((manifest, points))
}

fn read_points(path: &Path) -> Result<(Vec<Placed>, usize), Problem> {
    let bytes = fs::read(path).map_err(|error| failed(path, &error))?;
    // Two points of a sample may have the same settings, and a point is kept again when it is
    // redone.
    let mut points: BTreeMap<(String, u64), Placed> = BTreeMap::new();
    let mut damaged = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let whole = line.strip_suffix(b"\n");
        match whole.and_then(|line| serde_json::from_slice::<Placed>(line).ok()) {
            Some(placed) => {
                points.insert((placed.kept.key.clone(), placed.point), placed);
            }
            None => damaged += 1,
        }
    }
    let mut points: Vec<Placed> = points.into_values().collect();
    points.sort_by_key(|placed| placed.point);
    Ok((points, damaged))
}

fn write_points(path: &Path, points: &[Placed]) -> Result<(), Problem> {
    let mut bytes = Vec::new();
    for placed in points {
        serde_json::to_writer(&mut bytes, placed).expect("points are plain data");
        bytes.push(b'\n');
    }
    replace(path, &bytes)
}

/// Writes a file beside its place and moves it there: whoever looks sees the old one or the new.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Problem> {
    let beside = path.with_extension("new");
    let moved = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    moved.map_err(|error| failed(path, &error))
}

fn another_sweep(folder: &Path, what: &str) -> Problem {
    Problem::new(format!("`{}` holds the points of another sweep: {what}", folder.display()))
        .help("name another folder with `--out`, or compute all points anew with `--fresh`")
        .at(&place(folder))
}

fn failed(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new(format!("cannot read or write `{}`: {error}", path.display()))
        .help("name a folder that can be read and written with `--out`")
}

fn place(folder: &Path) -> Origin {
    Origin::whole("--out", folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_difference_is_named_by_its_path() {
        let old = json!({ "pool": { "web": { "servers": 4 } }, "seed": 1 });
        let new = json!({ "pool": { "web": { "servers": 6 } }, "seed": 2 });
        assert_eq!(first_difference("", &old, &old), None);
        let told = first_difference("", &old, &new).unwrap();
        assert_eq!(told, "`pool.web.servers` was 4, and is 6");
        let gone = first_difference("", &old, &json!({ "seed": 1 })).unwrap();
        assert!(gone.starts_with("`pool` was {") && gone.ends_with("and is not set"), "{gone}");
    }
}
