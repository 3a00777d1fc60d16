//! `.plimsoll-files`: what was written to a folder, so that a later run removes what it no longer
//! says, and nothing of anybody else's.
//!
//! A line a file: a print of all its bytes, its length, its name. A folder has the print of the
//! list that stands in it. What is there is removed only as long as it is what was written: what
//! somebody has changed, put there, or linked to stays and is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Component, Path};

const LEDGER: &str = ".plimsoll-files";

/// What an earlier run left that a later one did not write again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Files that were removed.
    pub removed: Vec<String>,
    /// Files that stay: they are not what was written, or nobody wrote down who wrote them. A
    /// folder ends in `/`.
    pub kept: Vec<String>,
}

/// What was written to a folder, each with its print; a folder in it ends in `/`.
type Entries = BTreeMap<String, String>;

/// The first line where what was written are copies of results that stand elsewhere.
const COPIES: &str = "# copies";

/// The print of what has no bytes of its own: a link, or a folder without a list.
const UNKNOWN: &str = "- -";

/// Whether the results in a folder are copies of others, which may be written over.
pub(super) fn of_copies(folder: &Path) -> bool {
    text(folder).is_ok_and(|text| text.starts_with(COPIES))
}

/// Writes down what was written beside what is written down already.
pub(super) fn add(folder: &Path, written: &BTreeSet<String>) -> io::Result<()> {
    let mut entries = entries(&text(folder)?);
    entries.extend(printed(folder, written));
    save(folder, &entries, of_copies(folder))
}

/// Removes what is written down and was not written again, and writes down what was. `known` are
/// names that results have: what is there under them without being written down is told. Folders
/// in this one are settled before it, as it takes a print of their lists.
pub(super) fn settle(
    folder: &Path,
    written: &BTreeSet<String>,
    known: &[&str],
    copies: bool,
) -> io::Result<Leftovers> {
    let old = entries(&text(folder)?);
    let mut left = Leftovers::default();
    for (name, print) in old.iter().filter(|(name, _)| !written.contains(*name)) {
        remove(folder, name, print, &mut left);
    }
    let there = |name: &str| fs::symlink_metadata(folder.join(name)).is_ok();
    let strange = known
        .iter()
        .filter(|name| !written.contains(**name) && !old.contains_key(**name) && there(name));
    left.kept.extend(strange.map(|name| (*name).to_owned()));
    save(folder, &printed(folder, written), copies)?;
    Ok(left)
}

/// Removes a file that is still what was written, or a folder whose list is still the one that was.
fn remove(folder: &Path, name: &str, print: &str, left: &mut Leftovers) {
    let plain = name.trim_end_matches('/');
    // Without the slash: a path that ends in one leads through a link.
    let path = folder.join(plain);
    let Ok(about) = fs::symlink_metadata(&path) else { return };
    let same = about.is_dir() == name.ends_with('/') && print_of(&path) == print;
    if !same {
        left.kept.push(name.to_owned());
    } else if about.is_dir() {
        remove_inner(&path, plain, left);
    } else if print != UNKNOWN && fs::remove_file(&path).is_ok() {
        left.removed.push(name.to_owned());
    } else {
        left.kept.push(name.to_owned());
    }
}

/// Removes from a folder what its list says, and the folder where nothing else is in it.
fn remove_inner(path: &Path, name: &str, left: &mut Leftovers) {
    let Ok(list) = text(path) else {
        left.kept.push(format!("{name}/"));
        return;
    };
    let mut below = Leftovers::default();
    for (file, print) in &entries(&list) {
        remove(path, file, print, &mut below);
    }
    let inside = |file: &String| format!("{name}/{file}");
    left.removed.extend(below.removed.iter().map(inside));
    left.kept.extend(below.kept.iter().map(inside));
    if below.kept.is_empty() {
        let _ = fs::remove_file(path.join(LEDGER));
        if fs::remove_dir(path).is_err() {
            // Somebody keeps something of their own in it.
            left.kept.push(format!("{name}/"));
        }
    }
}

fn printed(folder: &Path, written: &BTreeSet<String>) -> Entries {
    let there = |name: &&String| fs::symlink_metadata(folder.join(name.trim_end_matches('/')));
    let print = |name: &String| print_of(&folder.join(name.trim_end_matches('/')));
    let written = written.iter().filter(|name| there(name).is_ok());
    written.map(|name| (name.clone(), print(name))).collect()
}

/// A print of a file, or of the list in a folder; neither is looked for behind a link.
fn print_of(path: &Path) -> String {
    let real = |path: &Path| fs::symlink_metadata(path).ok().map(|about| about.file_type());
    let print = match real(path) {
        Some(kind) if kind.is_file() => print_of_bytes(path).ok(),
        Some(kind) if kind.is_dir() => {
            let list = path.join(LEDGER);
            real(&list).filter(std::fs::FileType::is_file).and_then(|_| print_of_bytes(&list).ok())
        }
        _ => None,
    };
    print.unwrap_or_else(|| UNKNOWN.to_owned())
}

/// The print (FNV-1a) and the length of all bytes of a file.
fn print_of_bytes(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let (mut print, mut length) = (0xcbf2_9ce4_8422_2325_u64, 0);
    let mut part = vec![0; 1 << 16];
    loop {
        let read = match file.read(&mut part) {
            Ok(0) => return Ok(format!("{print:016x} {length}")),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        length += read as u64;
        print = part[..read]
            .iter()
            .fold(print, |print, &byte| (print ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    }
}

/// The list in a folder; nothing where there is none. What is no file, or a link to one, is
/// somebody else's.
fn text(folder: &Path) -> io::Result<String> {
    let path = folder.join(LEDGER);
    match fs::symlink_metadata(&path) {
        Ok(about) if about.is_file() => fs::read_to_string(path),
        Ok(_) => Err(io::Error::other(format!("`{}` is not a plain file", path.display()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}

fn entries(text: &str) -> Entries {
    let entry = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let print = format!("{} {}", words.next()?, words.next()?);
        let name = words.next()?;
        // Nothing but what stands in this very folder is ever removed.
        let plain = name.strip_suffix('/').unwrap_or(name);
        let mut parts = Path::new(plain).components();
        let own = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        (own && !plain.ends_with('/')).then(|| (name.to_owned(), print))
    };
    text.lines().filter_map(entry).collect()
}

/// Writes the list beside its place and moves it there, so that it is there whole or not at all.
fn save(folder: &Path, entries: &Entries, copies: bool) -> io::Result<()> {
    let head = if copies { format!("{COPIES}\n") } else { String::new() };
    let line = |(name, print): (&String, &String)| format!("{print} {name}\n");
    let list = head + &entries.iter().map(line).collect::<String>();
    let beside = folder.join(format!("{LEDGER}.new"));
    // One that was left when a run was killed; of a link, the link.
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
    file.write_all(list.as_bytes())?;
    fs::rename(beside, folder.join(LEDGER))
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
        let print = print_of(&path.join("safe.csv"));
        let full = path.join("safe.csv");
        let lines = format!("{print} ../safe.csv\n{print} {}\n- - ../\n", full.display());
        fs::write(inner.join(LEDGER), lines).unwrap();
        assert_eq!(settle(&inner, &BTreeSet::new(), &[], false).unwrap(), Leftovers::default());
        assert!(full.exists());
        fs::remove_dir_all(path).unwrap();
    }

    fn settled(folder: &Path, names: &[&str]) -> Leftovers {
        let written = names.iter().map(|name| (*name).to_owned()).collect();
        settle(folder, &written, &[], false).unwrap()
    }

    #[test]
    fn a_folder_goes_with_what_was_written_to_it() {
        let path = folder("inner");
        let inner = path.join("random");
        fs::create_dir(&inner).unwrap();
        put(&inner, &[("outcome.json", "{}")]);
        settled(&inner, &["outcome.json"]);
        settled(&path, &["random/"]);
        assert_eq!(settled(&path, &[]).removed, ["random/outcome.json"]);
        assert!(!inner.exists());
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_folder_that_another_run_wrote_to_since_stays_and_is_named() {
        let path = folder("others");
        let inner = path.join("random");
        fs::create_dir(&inner).unwrap();
        put(&inner, &[("outcome.json", "{}")]);
        settled(&inner, &["outcome.json"]);
        settled(&path, &["random/"]);
        put(&inner, &[("outcome.json", "[]")]);
        settled(&inner, &["outcome.json"]);
        assert_eq!(settled(&path, &[]).kept, ["random/"]);
        assert!(inner.join("outcome.json").exists());
        fs::remove_dir_all(path).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn nothing_behind_a_link_is_removed_or_written() {
        use std::os::unix::fs::symlink;
        let (path, away) = (folder("linked"), folder("away"));
        let inner = path.join("random");
        fs::create_dir(&inner).unwrap();
        put(&inner, &[("outcome.json", "{}")]);
        put(&path, &[("a.csv", "1")]);
        settled(&inner, &["outcome.json"]);
        settled(&path, &["a.csv", "random/"]);
        // The same files, elsewhere.
        fs::rename(&inner, away.join("random")).unwrap();
        fs::rename(path.join("a.csv"), away.join("a.csv")).unwrap();
        symlink(away.join("random"), &inner).unwrap();
        symlink(away.join("a.csv"), path.join("a.csv")).unwrap();
        let left = settled(&path, &[]);
        assert_eq!((left.removed.len(), left.kept), (0, vec!["a.csv".into(), "random/".into()]));
        assert!(away.join("random/outcome.json").exists() && away.join("a.csv").exists());
        let list = path.join(LEDGER);
        fs::rename(&list, away.join("list")).unwrap();
        symlink(away.join("list"), &list).unwrap();
        let before = fs::read(away.join("list")).unwrap();
        assert!(settle(&path, &put(&path, &[("b.csv", "")]), &[], false).is_err());
        assert_eq!(fs::read(away.join("list")).unwrap(), before);
        for folder in [path, away] {
            fs::remove_dir_all(folder).unwrap();
        }
    }

    #[test]
    fn a_file_that_was_changed_far_from_its_beginning_stays() {
        let path = folder("long");
        let mut bytes = vec![b'x'; 2 << 20];
        fs::write(path.join("requests.csv"), &bytes).unwrap();
        settled(&path, &["requests.csv"]);
        *bytes.last_mut().unwrap() = b'y';
        fs::write(path.join("requests.csv"), &bytes).unwrap();
        assert_eq!(settled(&path, &[]).kept, ["requests.csv"]);
        fs::remove_dir_all(path).unwrap();
    }
}
