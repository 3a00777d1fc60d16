//! What the README shows is what the program prints.

use std::fs;
use std::process::Command;

/// Each command of the README that shows its output: its words, and the lines shown.
///
/// A line that is only `…` stands for the rest of the output, or for what is left out before the
/// line after it.
fn sessions(text: &str) -> Vec<(String, Vec<String>)> {
    let blocks = text.split("\n```console\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("\n```").next().unwrap_or(rest));
    let mut sessions: Vec<(String, Vec<String>)> = Vec::new();
    for block in blocks {
        let mut own: Vec<(String, Vec<String>)> = Vec::new();
        for line in block.replace("\\\n", " ").lines() {
            match (line.strip_prefix("$ "), own.last_mut()) {
                (Some(command), _) => own.push((command.to_owned(), Vec::new())),
                (None, Some((_, shown))) => shown.push(line.to_owned()),
                (None, None) => panic!("`{line}` comes before any command"),
            }
        }
        sessions.extend(own);
    }
    sessions.retain(|(command, shown)| command.starts_with("plimsoll ") && !shown.is_empty());
    sessions
}

#[test]
fn every_session_of_the_readme_is_what_the_program_prints() {
    let readme = fs::read_to_string("README.md").unwrap();
    let sessions = sessions(&readme);
    assert!(sessions.len() >= 6, "only {} sessions are shown", sessions.len());
    for (command, shown) in sessions {
        let words: Vec<&str> = command.split_whitespace().skip(1).collect();
        let output = Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(&words).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let mut lines = printed.lines().map(str::trim_end);
        let mut anywhere = false;
        for line in &shown {
            if line == "…" {
                anywhere = true;
                continue;
            }
            // A sentence may be cut short where it is long.
            let same = |printed: &str| match line.strip_suffix('…') {
                Some(head) => printed.starts_with(head.trim_end()),
                None => printed == line.trim_end(),
            };
            let found = if anywhere { lines.any(same) } else { lines.next().is_some_and(same) };
            assert!(found, "`{command}` does not print\n{line}\nbut\n{printed}");
            anywhere = false;
        }
        let more = lines.next();
        assert!(anywhere || more.is_none(), "`{command}` prints more: {more:?}");
    }
}
