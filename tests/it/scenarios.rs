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

/// The numbers in a text, in order.
fn numbers(text: &str) -> Vec<&str> {
    let parts = text.split(|letter: char| !letter.is_ascii_digit() && !".,".contains(letter));
    parts.map(|part| part.trim_matches(['.', ','])).filter(|part| !part.is_empty()).collect()
}

#[test]
fn every_folder_of_results_is_whole_and_its_table_says_what_its_data_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gallery");
    let mut folders = vec![];
    for entry in fs::read_dir(root.join("results")).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            // A sweep lies in the folder of its scenario, its table beside it.
            let sweep = entry.join("sweep");
            folders.extend(sweep.is_dir().then(|| (sweep, entry.join("sweep.txt"))));
            folders.push((entry.clone(), entry.join("report.txt")));
        }
    }
    assert!(folders.len() > scenarios().len(), "{} folders", folders.len());
    let mut wrong = Vec::new();
    for (folder, table) in folders {
        let name = folder.display();
        let page = fs::read_to_string(folder.join("report.html")).unwrap();
        assert!(page.len() < 2_000_000, "{name}: {} bytes", page.len());
        assert!(!page.contains("http:") && !page.contains("https:"), "{name}: an address");
        let command = fs::read_to_string(folder.join("command.txt")).unwrap();
        assert!(command.starts_with("plimsoll "), "{name}: {command}");
        let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
        let pictures: Vec<PathBuf> =
            files.filter(|path| path.extension().is_some_and(|end| end == "svg")).collect();
        assert!(!pictures.is_empty(), "{name}: no pictures");
        for picture in &pictures {
            let stem = picture.file_stem().unwrap().to_string_lossy();
            assert!(page.contains(&format!("id=\"{stem}\"")), "{name}: {stem} is not on the page");
            let svg = fs::read_to_string(picture).unwrap();
            assert!(svg.contains("class=\"series\"") && !svg.contains("NaN"), "{name}: {stem}");
        }
        let shown = page.matches("<figure class=\"chart\"").count();
        assert_eq!(shown, pictures.len(), "{name}: charts on the page, and pictures");
        // The same table is made from the data: what it says first is what was printed then.
        let told = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .args(["report".as_ref(), folder.as_os_str(), "--quiet".as_ref()])
            .args(["--out".as_ref(), scratch.as_os_str()])
            .env_remove("COLUMNS")
            .output()
            .unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        let printed = fs::read_to_string(&table).unwrap();
        let (data, said) = (numbers(&told), numbers(&printed));
        assert!(said.len() > 5 && data.len() >= said.len(), "{name}: {printed}");
        if let Some((said, data)) = said.iter().zip(&data).find(|(said, data)| said != data) {
            wrong.push(format!("{}: says {said}, its data {data}", table.display()));
        }
    }
    assert!(wrong.is_empty(), "`bash results/regenerate`:\n{}", wrong.join("\n"));
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
