//! Every scenario that is shipped is valid, runs, and gives the results that are stored beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

#[test]
fn every_scenario_gives_the_results_stored_beside_it() {
    for path in scenarios() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        // A scenario with variants is there to be compared.
        let varies = fs::read_to_string(&path).unwrap().contains("\n[variant.");
        let (command, result) =
            if varies { ("compare", "comparison.json") } else { ("replay", "outcome.json") };
        let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .args([command, &format!("scenarios/{name}.toml"), "--format", "json"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let status = output.status.code();
        let said = String::from_utf8_lossy(&output.stderr);
        // Objectives may be met, missed or left open.
        assert!(matches!(status, Some(0 | 1 | 3)), "{name}: {status:?} {said}");
        let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("results").join(&name);
        let stored = fs::read(stored.join(result)).unwrap();
        assert!(
            output.stdout == stored,
            "results/{name} are not what the scenario gives now: `bash results/regenerate`, and \
             list the change under *Changed numbers*"
        );
    }
}

#[test]
fn every_example_of_a_manual_can_stand_in_a_scenario() {
    let mut read = 0;
    for kind in plimsoll::catalogue::kinds() {
        for part in &kind.parts {
            let Some(example) = &part.example else { continue };
            let text = format!(
                "[traffic.main]\narrivals = 'poisson:rate=1/s'\nservice = 'exponential:mean=1s'\n\
                 key = 'zipf:n=100,exponent=1'\n[pool.main]\nservers = 12\nprice = '1/h'\n\
                 {example}{}",
                // Rules that go by what servers report want reports.
                if kind.name == "balancer" { "report-interval = '1s'\n" } else { "" }
            );
            let document = plimsoll::document::Node::from_toml("example.toml", &text).unwrap();
            let scenario = plimsoll::scenario::Scenario::from_document(&document, Path::new(""));
            if let Err(problem) = scenario {
                panic!("{} of {}: {}", part.name, kind.name, problem.render(false));
            }
            read += 1;
        }
    }
    assert!(read > 60, "{read} examples");
}
