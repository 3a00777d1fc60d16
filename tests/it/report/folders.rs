//! Folders of results: what a later command leaves of an earlier one, and what is drawn again.

use std::fs;
use std::path::Path;

use assert_cmd::cargo_bin_cmd;

use super::{SCENARIO, drawn, drawn_again, folder, read, replayed};

/// Exit status, standard output and standard error.
fn asked(args: &[&str]) -> (i32, String, String) {
    let done = cargo_bin_cmd!("plimsoll").args(args).env("COLUMNS", "100").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (done.status.code().unwrap(), text(&done.stdout), text(&done.stderr))
}

/// The scenario in a folder of a test's own, and the name of a folder for its results.
fn written(name: &str) -> (String, String) {
    let path = folder(name);
    fs::write(path.join("scenario.toml"), SCENARIO).unwrap();
    let text = |name: &str| path.join(name).to_str().unwrap().to_owned();
    (text("scenario.toml"), text("out"))
}

const SHORT: [&str; 4] = ["--duration", "20s", "--replications", "2"];

#[test]
fn a_later_command_removes_what_an_earlier_one_wrote_and_nothing_else() {
    let (scenario, out) = written("later");
    let path = Path::new(&out);
    asked(&["replay", &scenario, "--out", &out, "--requests"]);
    fs::write(path.join("notes.txt"), "mine").unwrap();
    fs::write(path.join("servers.csv"), "mine as well").unwrap();
    let variants = |names: [&str; 2]| {
        let flags = ["compare", &scenario, "--out", &out, "--balancer", names[0], "--balancer"];
        asked(&[&flags[..], &[names[1]], &SHORT].concat())
    };
    let (_, _, said) = variants(["random", "prequal"]);
    assert!(said.contains("removed from") && said.contains(" more"), "{said}");
    assert!(said.contains("not from this run: servers.csv"), "{said}");
    for gone in ["outcome.json", "latency-tail.svg", "latency-tail.png", "requests.csv"] {
        assert!(!path.join(gone).exists(), "{gone}");
    }
    for kept in ["notes.txt", "servers.csv", "random/outcome.json", "prequal/outcome.json"] {
        assert!(path.join(kept).exists(), "{kept}");
    }
    fs::write(path.join("prequal/notes.txt"), "mine").unwrap();
    variants(["round-robin", "least-connections"]);
    assert!(!path.join("random").exists(), "a variant that is no longer compared");
    assert!(path.join("prequal/notes.txt").exists() && !path.join("prequal/outcome.json").exists());
    assert!(path.join("round-robin/outcome.json").exists());
    let (_, _, said) = variants(["round-robin", "least-connections"]);
    assert!(!said.contains("removed"), "{said}");
}

#[test]
fn a_report_says_what_the_run_said_with_the_same_exit_status() {
    for (name, more) in [
        ("met", vec![]),
        ("missed", vec!["--slo", "p99<1ms"]),
        ("several", vec!["--slo", "p50<1ms", "--replications", "3"]),
    ] {
        let (scenario, out) = written(&format!("said-{name}"));
        let run = |flags: &[&str]| {
            let args = ["replay", &scenario, "--duration", "30s"];
            asked(&[&args[..], &more, flags].concat())
        };
        let (status, shown, _) = run(&["--out", &out]);
        assert_eq!(status, i32::from(name != "met"), "{shown}");
        let (again, told, said) = asked(&["report", &out]);
        assert_eq!((again, said.as_str()), (status, ""));
        assert!(told.starts_with(&shown), "{told}\n{shown}");
        let course = &told[shown.len()..];
        for words in ["arrivals ", "utilization ", "p99 ", " up to "] {
            assert!(course.contains(words), "{course}");
        }
        for format in ["json", "csv"] {
            let flags = ["--format", format];
            assert_eq!(asked(&[&["report", out.as_str()], &flags[..]].concat()).1, run(&flags).1);
        }
    }
}

#[test]
fn runs_beside_each_other_are_drawn_again_from_the_folder_they_were_put_in() {
    let (one, two) = (replayed("beside-one", &[]), replayed("beside-two", &["--servers", "6"]));
    let (one, two) = (one.to_str().unwrap(), two.to_str().unwrap());
    let out = folder("beside-both");
    let both = out.to_str().unwrap();
    let shown = asked(&["report", one, two, "--out", both]).1;
    assert_eq!(drawn_again(&out), shown);
    let three = asked(&["report", both, one, "--format", "markdown"]).1;
    assert!(three.starts_with("|  | checkout | checkout (2) | checkout (3) |"), "{three}");
    // One run that is drawn elsewhere is drawn again there, and gives way to the next.
    let copy = folder("beside-copy");
    let elsewhere = copy.to_str().unwrap();
    asked(&["report", one, "--out", elsewhere]);
    assert_eq!(drawn(&copy), drawn(Path::new(one)));
    assert!(drawn_again(&copy).contains("checkout: "));
    asked(&["report", one, two, "--out", elsewhere]);
    assert!(!copy.join("outcome.json").exists() && !copy.join("latency-tail.svg").exists());
    // A folder with results of its own keeps them, and their page.
    let before = drawn(Path::new(two));
    for others in [vec![one, two], vec![one], vec![both]] {
        let args = [&["report"], &others[..], &["--out", two]].concat();
        let (status, _, said) = asked(&args);
        assert!(status == 2 && said.contains("results of its own"), "{said}");
        assert!(said.contains("another folder"), "{said}");
    }
    assert_eq!(drawn(Path::new(two)), before);
    assert!(asked(&["report", two, "--out", two]).1.contains("6 servers"));
}

#[test]
fn what_cannot_be_drawn_is_told_and_the_tables_are_shown_all_the_same() {
    let out = replayed("sealed", &[]);
    let name = out.to_str().unwrap();
    let whole = asked(&["report", name]);
    fs::remove_file(out.join("report.html")).unwrap();
    fs::create_dir(out.join("report.html")).unwrap();
    let (status, shown, said) = asked(&["report", name]);
    assert_eq!((status, &shown), (whole.0, &whole.1));
    assert!(said.contains("cannot write") && said.contains("not everything is drawn"), "{said}");
    assert_eq!(asked(&["report", name, "--quiet"]).2, said, "an error is always told");
    let (status, _, said) = asked(&["report", name, "--out", "/dev/null/charts"]);
    assert_eq!(status, 2);
    assert!(said.contains("--out"), "{said}");
}

#[test]
fn variants_are_kept_whatever_they_are_called() {
    let (scenario, out) = written("names");
    let flags = ["compare", &scenario, "--out", &out];
    let variants = [
        "--variant",
        "comparison.json:pool.main.servers=5",
        "--variant",
        "..:pool.main.servers=6",
        "--variant",
        "a/b:pool.main.servers=7",
    ];
    let (status, shown, said) = asked(&[&flags[..], &variants, &SHORT].concat());
    assert!(status != 2, "{said}");
    assert!(shown.contains("comparison.json") && shown.contains("a/b"), "{shown}");
    for name in ["comparison.json", "comparison-json/outcome.json", "a-b/outcome.json"] {
        assert!(Path::new(&out).join(name).is_file(), "{name}");
    }
    assert!(asked(&["report", &out]).1.contains("a/b"));
}

#[test]
fn pools_have_files_whatever_they_are_called() {
    let path = folder("pools");
    let pool = |name: &str| {
        format!("[pool.{name}]\nservers = 4\n[pool.{name}.autoscaler]\npolicy = 'hpa'\n")
    };
    let pools = pool("'a/b'") + &pool("'a-b'");
    let traffic = SCENARIO.split("[pool.main]").next().unwrap();
    let text = format!("{traffic}{pools}[run]\nduration = '20s'\nwarm-up = 'none'\n");
    fs::write(path.join("scenario.toml"), text).unwrap();
    let (scenario, out) = (path.join("scenario.toml"), path.join("out"));
    let args = ["replay", scenario.to_str().unwrap(), "--out", out.to_str().unwrap()];
    assert_eq!(asked(&args).0, 0, "{}", asked(&args).2);
    assert!(out.join("decisions-a-b.csv").exists() && out.join("decisions-a-b-2.csv").exists());
}

#[test]
fn the_page_of_a_comparison_begins_with_the_variant_to_take() {
    let (scenario, out) = written("choice");
    let flags = ["compare", &scenario, "--out", &out, "--slo", "mean<1s"];
    let verdict = |variants: &[&str]| {
        asked(&[&flags[..], variants, &SHORT].concat());
        let page = read(Path::new(&out), "report.html");
        let verdict = page.split("<p class=\"verdict\">").nth(1).unwrap();
        verdict.split("</p>").next().unwrap().to_owned()
    };
    let dearer = verdict(&["--variant", "six:pool.main.servers=6"]);
    assert!(
        dearer.starts_with("All 2 variants meet every objective for sure; of them base is the")
    );
    assert!(dearer.contains("cheapest, at 0.0111 USD"), "{dearer}");
    let alike = verdict(&["--balancer", "random", "--balancer", "least-connections"]);
    assert!(alike.contains("least-connections has the lowest"), "{alike}");
    let none = verdict(&["--variant", "six:pool.main.servers=6", "--slo", "mean<1ms"]);
    assert!(none.starts_with("None of 2 variants meets every objective"), "{none}");
    assert!(none.contains("; six has the lowest"), "{none}");
}

#[test]
fn a_variant_is_not_preferred_to_one_that_it_was_never_told_apart_from() {
    let (scenario, out) = written("unheld");
    let twice = ["--variant", "six:pool.main.servers=6", "--variant", "again:pool.main.servers=6"];
    let verdict = |more: &[&str]| {
        let flags = ["compare", &scenario, "--out", &out, "--quiet"];
        let args = [&flags[..], &twice, &SHORT, more].concat();
        let (status, _, said) = asked(&args);
        assert!(status != 2, "{said}");
        let page = read(Path::new(&out), "report.html");
        let verdict = page.split("<p class=\"verdict\">").nth(1).unwrap();
        verdict.split("</p>").next().unwrap().to_owned()
    };
    let unheld = verdict(&["--slo", "mean<1ms"]);
    assert!(unheld.contains("was not held against"), "{unheld}");
    let held = verdict(&["--slo", "mean<1ms", "--all-pairs"]);
    assert!(!held.contains("held against") && held.contains("cannot be told from"), "{held}");
}

#[test]
fn a_comparison_leaves_a_variant_that_another_command_wrote_since() {
    let (scenario, out) = written("another");
    let variants = |names: [&str; 2]| {
        let flags = ["compare", &scenario, "--out", &out, "--balancer", names[0], "--balancer"];
        asked(&[&flags[..], &[names[1]], &SHORT].concat()).2
    };
    variants(["random", "prequal"]);
    let inner = Path::new(&out).join("random");
    asked(&["replay", &scenario, "--out", inner.to_str().unwrap(), "--quiet"]);
    let said = variants(["round-robin", "prequal"]);
    assert!(said.contains("not from this run: random/"), "{said}");
    assert!(inner.join("outcome.json").exists() && inner.join("timeline.csv").exists());
}

#[cfg(unix)]
#[test]
fn results_are_printed_where_the_list_of_files_cannot_be_written() {
    let (scenario, out) = written("no-list");
    fs::create_dir_all(Path::new(&out).join(".plimsoll-files")).unwrap();
    let (status, shown, said) = asked(&["replay", &scenario, "--out", &out, "--quiet"]);
    assert_eq!(status, 0, "{said}");
    assert!(shown.contains("checkout") && said.contains("not a plain file"), "{said}");
}

#[test]
fn runs_of_different_lengths_are_not_cut_off() {
    let path = folder("lengths");
    let text = SCENARIO.replace("duration = '2min'", "requests = 200");
    fs::write(path.join("scenario.toml"), text).unwrap();
    let (scenario, out) = (path.join("scenario.toml"), path.join("out"));
    let (scenario, out) = (scenario.to_str().unwrap(), out.to_str().unwrap());
    for seed in ["1", "2", "3"] {
        let more = ["--seed", seed, "--replications", "5", "--quiet"];
        asked(&[&["replay", scenario, "--out", out], &more[..]].concat());
        let (_, _, said) = asked(&["report", out]);
        assert_eq!(said, "", "seed {seed}");
    }
    // One run tells its own length.
    asked(&["replay", scenario, "--out", out, "--quiet"]);
    let rows = read(Path::new(out), "timeline.csv");
    let half: Vec<&str> = rows.lines().take(rows.lines().count() / 2).collect();
    fs::write(Path::new(out).join("timeline.csv"), half.join("\n") + "\n").unwrap();
    assert!(asked(&["report", out]).2.contains("is cut off"));
}

#[test]
fn an_outcome_that_says_nothing_is_refused_and_a_stopped_run_stays_one() {
    let out = replayed("stopped", &[]);
    let name = out.to_str().unwrap();
    let whole = read(&out, "outcome.json");
    let stopped = whole.replacen('{', "{ \"partial\": true,", 1);
    fs::write(out.join("outcome.json"), &stopped).unwrap();
    assert_eq!(asked(&["report", name]).0, 130);
    let odd = whole.replace("\"queue_mean\"", "\"queue_means\"");
    fs::write(out.join("outcome.json"), odd).unwrap();
    let (status, shown, said) = asked(&["report", name]);
    assert!(status == 0 && shown.contains("checkout"), "{shown}");
    assert!(said.contains("read only in part") && said.contains("queue_mean"), "{said}");
    fs::write(out.join("outcome.json"), "{\"schema\":\"plimsoll.outcome/1\"}").unwrap();
    let (status, shown, said) = asked(&["report", name]);
    assert_eq!((status, shown.as_str()), (2, ""));
    assert!(said.contains("outcome.json` is damaged: missing field"), "{said}");
}

#[test]
fn what_is_wrong_with_runs_beside_each_other_stands_on_their_page() {
    let one = replayed("other-schema", &[]);
    let out = folder("other-runs");
    let (one, both) = (one.to_str().unwrap(), out.to_str().unwrap());
    asked(&["report", one, one, "--out", both]);
    let runs = read(&out, "runs.json");
    fs::write(out.join("runs.json"), runs.replace("runs/1", "runs/9")).unwrap();
    let (_, _, said) = asked(&["report", both]);
    assert!(said.contains("plimsoll.runs/9"), "{said}");
    assert!(read(&out, "report.html").contains("plimsoll.runs/9"));
    let empty = "{\"schema\":\"plimsoll.runs/1\",\"version\":\"1\",\"runs\":[]}";
    fs::write(out.join("runs.json"), empty).unwrap();
    let (status, shown, said) = asked(&["report", both]);
    assert_eq!((status, shown.as_str()), (2, ""));
    assert!(said.contains("holds no runs"), "{said}");
}

#[test]
fn what_is_shown_fits_a_terminal_of_sixty_columns() {
    let (scenario, out) = written("narrow");
    let long = "p99<9s";
    let more = ["--slo", long, "--slo", "p99.9<12s", "--replications", "3", "--quiet"];
    asked(&[&["replay", &scenario, "--out", &out], &more[..]].concat());
    let narrow = |args: &[&str]| {
        let done = cargo_bin_cmd!("plimsoll").args(args).env("COLUMNS", "60").output().unwrap();
        let text = String::from_utf8(done.stdout).unwrap();
        for line in text.lines() {
            assert!(line.chars().count() <= 60, "{line:?} in\n{text}");
        }
        assert!(text.lines().count() > 5, "{text}");
    };
    narrow(&["report", &out]);
    narrow(&["replay", &scenario]);
    narrow(&["report", "results/flash-crowd", "--out", &out]);
    narrow(&["report", "results/two-kinds", "--out", &out]);
    narrow(&["report", "results/knee/sweep", "--out", &out]);
    narrow(&["report", "results/plan-chat", "--out", &out]);
}
