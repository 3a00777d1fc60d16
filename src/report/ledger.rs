//! `.plimsoll-files`: what was written to a folder, so that a later run removes what it no longer
//! says, and nothing of anybody else's.
//!
//! A line a file: a print of its bytes, its length, its name. A file is removed only as long as it
//! is what was written: what somebody has changed, or put there, stays and is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path};

const LEDGER: &str = ".plimsoll-files";

/// So many bytes of a file tell it from another: a log of every request is not read again.
const READ: u64 = 1 << 20;

/// What an earlier run left that a later one did not write again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Files that were removed.
    pub removed: Vec<String>,
    /// Files that stay: they are not what was written, or nobody wrote down who wrote them.
    pub kept: Vec<String>,
}

/// The files that were written to a folder, each with its print; a folder in it ends in `/`.
type Entries = BTreeMap<String, String>;

/// The first line where what was written are copies of results that stand elsewhere.
const COPIES: &str = "# copies";

/// Whether the results in a folder are copies of others, which may be written over.
pub(super) fn of_copies(folder: &Path) -> bool {
    fs::read_to_string(folder.join(LEDGER)).is_ok_and(|text| text.starts_with(COPIES))
}

/// Writes down what was written beside what is written down already.
pub(super) fn add(folder: &Path, written: &BTreeSet<String>) -> io::Result<()> {
    let mut entries = read(folder);
    entries.extend(printed(folder, written));
    save(folder, &entries, of_copies(folder))
}

/// Removes what is written down and was not written again, and writes down what was. `known` are
/// names that results have: what is there under them without being written down is told.
pub(super) fn settle(
    folder: &Path,
    written: &BTreeSet<String>,
    known: &[&str],
    copies: bool,
) -> io::Result<Leftovers> {
    let old = read(folder);
    let mut left = Leftovers::default();
    for (name, print) in old.iter().filter(|(name, _)| !written.contains(*name)) {
        remove(folder, name, print, &mut left);
    }
    let strange = known.iter().filter(|name| {
        !written.contains(**name) && !old.contains_key(**name) && folder.join(name).exists()
    });
    left.kept.extend(strange.map(|name| (*name).to_owned()));
    save(folder, &printed(folder, written).collect(), copies)?;
    Ok(left)
}

/// Removes a file that is still what was written, or what was written to a folder.
fn remove(folder: &Path, name: &str, print: &str, left: &mut Leftovers) {
    let path = folder.join(name);
    let Some(inner) = name.strip_suffix('/') else {
        match print_of(&path) {
            Some(there) if there == print && fs::remove_file(&path).is_ok() => {
                left.removed.push(name.to_owned());
            }
            Some(_) => left.kept.push(name.to_owned()),
            None => {}
        }
        return;
    };
    let real = fs::symlink_metadata(&path).is_ok_and(|it| it.is_dir());
    if !real {
        return;
    }
    let mut below = Leftovers::default();
    for (file, print) in &read(&path) {
        remove(&path, file, print, &mut below);
    }
    let inside = |file: &String| format!("{inner}/{file}");
    left.removed.extend(below.removed.iter().map(inside));
    left.kept.extend(below.kept.iter().map(inside));
    if below.kept.is_empty() && fs::remove_file(path.join(LEDGER)).is_ok() {
        // Where somebody keeps something of their own in it, it stays.
        let _ = fs::remove_dir(&path);
    }
}

fn printed<'a>(
    folder: &'a Path,
    written: &'a BTreeSet<String>,
) -> impl Iterator<Item = (String, String)> + 'a {
    written.iter().filter_map(|name| Some((name.clone(), print_of(&folder.join(name))?)))
}

/// The length of a file and a print of its beginning (FNV-1a); a folder has neither.
fn print_of(path: &Path) -> Option<String> {
    let about = fs::symlink_metadata(path).ok()?;
    if about.is_dir() {
        return Some("- -".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(READ).read_to_end(&mut bytes).ok()?;
    let print = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |print, &byte| {
        (print ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Some(format!("{print:016x} {}", about.len()))
}

fn read(folder: &Path) -> Entries {
    let text = fs::read_to_string(folder.join(LEDGER)).unwrap_or_default();
    let entry = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let print = format!("{} {}", words.next()?, words.next()?);
        let name = words.next()?;
        // Nothing but what stands in this very folder is ever removed.
        let plain = name.strip_suffix('/').unwrap_or(name);
        let mut parts = Path::new(plain).components();
        let own = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        own.then(|| (name.to_owned(), print))
    };
    text.lines().filter_map(entry).collect()
}

fn save(folder: &Path, entries: &Entries, copies: bool) -> io::Result<()> {
    let head = if copies { format!("{COPIES}\n") } else { String::new() };
    let line = |(name, print): (&String, &String)| format!("{print} {name}\n");
    fs::write(folder.join(LEDGER), head + &entries.iter().map(line).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("plimsoll-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn put(folder: &Path, files: &[(&str, &str)]) -> BTreeSet<String> {
        files.iter().for_each(|(name, text)| fs::write(folder.join(name), text).unwrap());
        files.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    #[test]
    fn only_what_was_written_and_is_unchanged_is_removed() {
        let path = folder("ledger");
        let first = put(&path, &[("a.csv", "1"), ("b.csv", "2"), ("c.csv", "3")]);
        assert_eq!(settle(&path, &first, &[], false).unwrap(), Leftovers::default());
        put(&path, &[("b.csv", "mine now"), ("notes.txt", "mine"), ("outcome.json", "{}")]);
        let second = put(&path, &[("c.csv", "4")]);
        let left = settle(&path, &second, &["outcome.json", "plan.json"], true).unwrap();
        assert!(of_copies(&path));
        assert_eq!(left.removed, ["a.csv"]);
        assert_eq!(left.kept, ["b.csv", "outcome.json"]);
        assert!(path.join("notes.txt").exists() && path.join("b.csv").exists());
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_ledger_reaches_no_other_folder() {
        let path = folder("reach");
        let inner = path.join("inner");
        fs::create_dir(&inner).unwrap();
        put(&path, &[("safe.csv", "")]);
        let print = print_of(&path.join("safe.csv")).unwrap();
        let full = path.join("safe.csv");
        let lines = format!("{print} ../safe.csv\n{print} {}\n- - ../\n", full.display());
        fs::write(inner.join(LEDGER), lines).unwrap();
        assert_eq!(settle(&inner, &BTreeSet::new(), &[], false).unwrap(), Leftovers::default());
        assert!(full.exists());
        fs::remove_dir_all(path).unwrap();
    }
}
