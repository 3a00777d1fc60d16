//! The command line as people meet it: good input, every kind of bad input, exit statuses, pipes.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn plimsoll(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

fn run(args: &[&str]) -> Output {
    plimsoll(args).stdin(Stdio::null()).output().unwrap()
}

fn run_with(args: &[&str], input: &[u8]) -> Output {
    let mut child = plimsoll(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its flags never reads, and that is no fault of the test.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn scratch(name: &str, content: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path
}

const TRAFFIC: &str = "arrival_s,service_s\n0.0,0.5\n0.5,0.25\n1.0,0.5\n2.0,1.0\n";

#[test]
fn a_replay_keeps_the_contract_of_its_json() {
    let output =
        run_with(&["replay", "-", "--servers", "2", "--format", "json"], TRAFFIC.as_bytes());
    let outcome = json(&output);
    assert_eq!(outcome["schema"], "plimsoll.outcome/1");
    assert_eq!(outcome["kind"], "terminating");
    assert_eq!(outcome["requests"]["arrived"], 4);
    assert_eq!(outcome["requests"]["completed"], 4);
    assert_eq!(outcome["latency_s"]["max"], 1.0);
    assert_eq!(outcome["wait_s"]["max"], 0.0);
    assert!(outcome["latency_s"]["p99"].is_null(), "four requests do not support a p99");
    assert_eq!(outcome["servers"]["max"], 2);
    assert_eq!(outcome["duration_s"], 2.0);
    assert_eq!(outcome["pools"][0]["servers"].as_array().unwrap().len(), 2);
    for key in ["utilization", "in_system_mean", "queue_mean", "cost", "slo", "advice", "seed"] {
        assert!(!outcome[key].is_null(), "{key} is there");
    }
}

#[test]
fn csv_is_the_same_numbers_as_one_row_under_dotted_paths() {
    let output = run_with(&["run", "-", "--format", "csv"], TRAFFIC.as_bytes());
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    let header = lines.next().unwrap();
    assert!(header.contains("latency_s.mean") && header.contains("requests.arrived"), "{header}");
    assert_eq!(lines.count(), 1);
}

#[test]
fn results_print_as_markdown_for_a_pull_request() {
    let shown = |args: &[&str]| {
        let output = run_with(&[args, &["--format", "markdown"]].concat(), TRAFFIC.as_bytes());
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let replay = shown(&["replay", "-", "--servers", "2"]);
    assert!(replay.contains("| utilization |") && replay.contains("plimsoll replay"), "{replay}");
    let both =
        ["compare", "-", "--balancer", "random", "--balancer", "round-robin", "--servers", "2"];
    let compare = shown(&both);
    assert!(compare.contains("| random |") && compare.contains("plimsoll compare"), "{compare}");
    let theory = shown(&["theory", "mm1", "--lambda", "1", "--mu", "2"]);
    assert!(theory.contains("| utilization | 0.5 |"), "{theory}");
}

#[test]
fn the_same_input_and_seed_give_the_same_bytes_on_any_number_of_threads() {
    let with = |threads| {
        let args =
            ["replay", "scenarios/web-service.toml", "--duration", "30s", "--format", "json"];
        run(&[&args[..], &["--replications", "4", "--threads", threads]].concat()).stdout
    };
    let one = with("1");
    assert!(!one.is_empty());
    assert_eq!(one, with("1"));
    assert_eq!(one, with("2"));
    assert_eq!(one, with("8"));
}

#[test]
fn one_run_gives_the_same_bytes_with_and_without_a_thread_that_reads_ahead() {
    for input in [
        ["scenarios/web-service.toml", "--duration", "30s"],
        ["scenarios/chat-replay.toml", "--window", "10m..30m"],
    ] {
        let with = |threads| {
            let args = ["--format", "json", "--warm-up", "1s", "--threads", threads];
            run(&[&["replay"], &input[..], &args[..]].concat()).stdout
        };
        let one = with("1");
        assert!(!one.is_empty());
        assert_eq!(one, with("2"), "{input:?}");
    }
}

#[test]
fn an_objective_decides_the_exit_status() {
    let status =
        |slo| run_with(&["replay", "-", "--slo", slo], TRAFFIC.as_bytes()).status.code().unwrap();
    assert_eq!(status("mean < 1s"), 0);
    assert_eq!(status("mean < 100ms"), 1);
    assert_eq!(status("p99.9 < 1h"), 3, "what a few requests do not support nobody can tell");
    let args = ["replay", "-", "--slo", "p99.9 < 1h", "--slo", "p99.9 > 1h"];
    let said = String::from_utf8(run_with(&args, TRAFFIC.as_bytes()).stdout).unwrap();
    for objective in ["p99.9 < 1h", "p99.9 > 1h"] {
        let line = format!("? {objective} (too few completed requests to tell)");
        assert!(said.contains(&line), "{line}: {said}");
    }
    let args = ["replay", "-", "--warm-up", "1h", "--slo", "mean < 1s"];
    let empty = run_with(&args, TRAFFIC.as_bytes());
    assert_eq!(empty.status.code(), Some(1), "an objective over no requests fails");
}

#[test]
fn a_fleet_that_stays_is_held_against_the_static_peak_and_that_against_the_ideal() {
    let args =
        ["compare", "scenarios/flash-crowd.toml", "--duration", "15m", "--replications", "2"];
    let rules = ["--autoscaler", "fixed:servers=20", "--autoscaler", "hpa:target=0.6", "--quiet"];
    let said = String::from_utf8(run(&[&args[..], &rules].concat()).stdout).unwrap();
    let peak = said.lines().find(|line| line.contains("a static peak of ")).expect("the bound");
    assert_eq!(peak.matches(" %)").count(), 2, "server-hours and cost: {said}");
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("fewer may do where an objective is for the whole run"), "{said}");
}

#[test]
fn an_unstable_system_runs_ends_and_says_so() {
    let args = ["replay", "-", "--servers", "1"];
    let rows: String = (0..2000).map(|row| format!("{row},2\n")).collect();
    let output = run_with(&args, format!("arrival_s,service_s\n{rows}").as_bytes());
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("utilization ≥ 1"), "{text}");
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let mut child =
        plimsoll(&["list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), said(&output).as_str()), (Some(0), ""));
}

#[test]
fn bad_traffic_is_refused_with_the_place_and_the_remedy() {
    let cases: &[(&str, &[&str])] = &[
        ("", &["empty"]),
        ("arrival_s,service_s\n", &["no rows"]),
        ("when,service_s\n1,2\n", &["arrival"]),
        ("arrival_s,service_s\n0,1\nx,1\n", &["3", "x"]),
        ("arrival_s,service_s\n0,1\nNaN,1\n", &["NaN"]),
        ("arrival_s,service_s\n0,1\n1,-1\n", &["-1"]),
        ("arrival_s,service_s\n0,1\n1,inf\n", &["inf"]),
        ("arrival_s,service_s\n5,1\n1,1\n", &["--sort"]),
        ("timestamp,service_s\n5,1\n6,1\n", &["--time-unit"]),
        ("arrival_s\n0\n1\n", &["no service times", "--service"]),
        ("arrival_s,service_ms\n0,\n1,20\n", &["nothing in column", ":2:", "--skip-damaged"]),
    ];
    for (content, words) in cases {
        let output = run_with(&["replay", "-"], content.as_bytes());
        let said = said(&output).to_lowercase();
        assert_eq!(output.status.code(), Some(2), "{content:?} gave {said}");
        assert!(output.stdout.is_empty(), "no partial result for {content:?}");
        for word in *words {
            assert!(said.contains(&word.to_lowercase()), "{word} is missing in: {said}");
        }
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn bad_files_are_refused() {
    let gzip = {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        (0..5000).for_each(|row| writeln!(writer, "{row}.0,{}", row % 7).unwrap());
        let whole = writer.finish().unwrap();
        whole[..whole.len() / 2].to_vec()
    };
    let cut = scratch("cut.csv.gz", &gzip);
    let latin = scratch("latin.csv", b"arrival_s,service_s\n0,1\n\xff\xfe,1\n");
    for (path, word) in [
        (cut.to_str().unwrap(), "gzip"),
        (latin.to_str().unwrap(), "utf-8"),
        ("src", "folder"),
        ("no/such/file.csv", "there is no file"),
    ] {
        let columns =
            ["--columns", "arrival=1,service=2", "--time-unit", "s", "--service-unit", "s"];
        let plain = ["replay", path];
        let args =
            if path.ends_with("gz") { [&plain[..], &columns].concat() } else { plain.to_vec() };
        let output = run(&args);
        assert_eq!(output.status.code(), Some(2), "{path}: {}", said(&output));
        assert!(said(&output).to_lowercase().contains(word), "{path}: {}", said(&output));
    }
}

#[test]
fn bad_scenarios_and_flags_are_refused_at_their_place() {
    let base =
        "[traffic.a]\narrivals = \"poisson:rate=10/s\"\nservice = \"exponential:mean=50ms\"\n";
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("[balancer]\npolcy = \"random\"", &[], &["polcy", ":5:1"]),
        ("[balancer]\npolicy = \"randon\"", &[], &["did you mean `random`", ":5:10"]),
        ("[pool.a]\nservers = 0", &[], &["no servers", ":5:11"]),
        ("[pool.a]\nserves = 1", &[], &["did you mean `servers`", ":5:1"]),
        ("[run]\nduration = 60", &[], &["no unit", ":5:12"]),
        ("", &["--service", "lognormal:mean=50ms,cv=-1"], &["--service", "cv"]),
        ("", &["--set", "traffic.a.arrivals=poisson:rate=0/s"], &["rate", "above 0"]),
        ("", &["--balancer", "power-of-choices:choices=0"], &["choices", "at least 1"]),
        ("", &["--servers=-3"], &["--servers", "-3"]),
        ("", &["--slo", "p99 < 250"], &["no unit"]),
        ("", &["--precision", "0"], &["precision"]),
        ("", &["--set", "nonsense"], &["PATH=VALUE"]),
        ("[pool.web]\nslots = 2", &["--set", "pool.wep.slots=4"], &["unknown pool", "`web`"]),
        ("", &["--set", "run.duratoin=4m"], &["did you mean `duration`", "--set:1:1"]),
        ("", &["--window", "1m..2m"], &["`window` cuts a trace", "--duration"]),
        ("", &["--time-unit", "ms"], &["--time-unit", "how a trace is read"]),
        ("", &["--service", "1s"], &["constant:value=1s"]),
        ("", &["--service", "lognormal:mean=1s,cv=2,cv=3"], &["`cv` is given twice"]),
        ("", &["--slo", "cost<nan"], &["not an amount"]),
        ("", &["--set", "balancer.balancers=100000"], &["at most 10000"]),
        ("", &["--speed", "1e-300"], &["between 1e-9 and 1e9"]),
        ("[run]\nrequests = 5\nduration = \"1h\"", &[], &["not both"]),
        ("[pool.x]\nslots = true", &[], &["a whole number", ":5:9"]),
        ("[run]\nreplications = \"ten\"", &[], &["not the text \"ten\"", ":5:16"]),
        ("[traffic.b]\ntrace = \"no.csv\"", &[], &["no file", "scenario's folder", ":5:9"]),
    ];
    for (number, (more, flags, words)) in cases.iter().enumerate() {
        let path = scratch(&format!("bad-{number}.toml"), format!("{base}{more}\n").as_bytes());
        let output = run(&[&["check", path.to_str().unwrap()], *flags].concat());
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{more} {flags:?} gave {said}");
        for word in *words {
            assert!(said.contains(word), "{word} is missing in: {said}");
        }
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn a_check_reads_the_traffic_to_its_last_row() {
    let good = scratch("good.csv", TRAFFIC.as_bytes());
    let output = run(&["check", good.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("4 requests over 2s"));
    let bad = scratch("bad.csv", format!("{TRAFFIC}3.0,-1\n").as_bytes());
    let output = run(&["check", bad.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("bad.csv:6:5"), "{}", said(&output));
}

#[test]
fn a_headline_tells_whose_latency_it_is() {
    let headline = |share: f64| {
        let text = format!(
            "traffic.main = {{ arrivals = 'poisson:rate=10/s', service = 'constant:value=1ms' }}\n\
             pool.main = {{ servers = 2 }}\nrun.duration = '10m'\n\
             failure.bad = {{ fault = 'errors', share = {share}, at = '0s' }}\n"
        );
        let path = scratch("headline.toml", text.as_bytes());
        let output = run(&["replay", path.to_str().unwrap(), "--format", "markdown"]);
        String::from_utf8(output.stdout).unwrap()
    };
    let told = headline(0.5);
    assert!(told.contains("% of requests that were answered took at most 1.00 ms"), "{told}");
    assert!(headline(0.001).contains("Half of the requests took at most 1.00 ms"));
}

#[test]
fn a_check_looks_at_every_variant() {
    let check = |set: &str| {
        let text = format!(
            "traffic.main = {{ arrivals = 'poisson:rate=1/s', service = 'exponential:mean=1s' }}\n\
             pool.main = {{ servers = 2 }}\n[variant.other]\nset.{set}\n"
        );
        run(&["check", scratch("varied.toml", text.as_bytes()).to_str().unwrap()])
    };
    let output = check("pool.main.servers = 3");
    assert!(String::from_utf8_lossy(&output.stdout).contains(", 1 variant\n"), "{output:?}");
    let output = check("retry.atempts = 3");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("atempts"), "{}", said(&output));
}

#[test]
fn flags_that_change_nothing_are_refused_or_told() {
    let run = |flags: &[&str]| {
        let output = run_with(&[&["replay", "-"], flags].concat(), TRAFFIC.as_bytes());
        let shown = String::from_utf8_lossy(&output.stdout).into_owned() + &said(&output);
        (output.status.code(), shown)
    };
    let (code, shown) = run(&["--service", "constant:value=1s"]);
    assert_eq!(code, Some(0));
    assert!(shown.contains("fills in only"), "{shown}");
    let (code, shown) = run(&["--window", "1h..2h"]);
    assert_eq!(code, Some(2));
    assert!(shown.contains("no requests") && shown.contains("2s after the first"), "{shown}");
    let (code, shown) = run(&["--columns", "arival=1"]);
    assert_eq!(code, Some(2));
    assert!(shown.contains("did you mean `arrival`") && shown.contains("--columns:1:1"), "{shown}");
}

#[test]
fn services_longer_than_the_clock_are_refused() {
    let rows: String = (0..2000).map(|row| format!("{row}\n")).collect();
    for balancer in ["random", "least-connections"] {
        let flags = ["--service", "pareto:min=1s,shape=0.2", "--balancer", balancer];
        let args = [&["replay", "-", "--servers", "2"], &flags[..]].concat();
        let output = run_with(&args, format!("arrival_s\n{rows}").as_bytes());
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains("584 years"), "{}", said(&output));
    }
}

#[test]
fn a_limit_of_the_queue_holds_where_requests_wait() {
    let rows: String = (0..500).map(|row| format!("{},0.15\n", f64::from(row) * 0.01)).collect();
    let rejected = |queue| {
        let flags = ["--queue", queue, "--queue-limit", "3", "--servers", "4", "--format", "json"];
        let args = [&["replay", "-"], &flags[..]].concat();
        let outcome = json(&run_with(&args, format!("arrival_s,service_s\n{rows}").as_bytes()));
        outcome["requests"]["rejected"].as_u64().unwrap()
    };
    assert!(rejected("per-server") > 100);
    assert!(rejected("shared") > 100);
}

#[test]
fn counts_cover_their_last_interval_even_if_nothing_arrives_in_it() {
    let rows = "hour,load\n0,100\n1,100\n2,0\n3,0\n";
    for balancer in ["round-robin", "least-connections"] {
        let args = ["replay", "-", "--service", "constant:value=1s", "--price", "1/h"];
        let flags = ["--servers", "2", "--format", "json", "--balancer", balancer];
        let outcome = json(&run_with(&[&args[..], &flags].concat(), rows.as_bytes()));
        assert_eq!(outcome["duration_s"], 14_400.0, "{balancer}");
        assert_eq!(outcome["cost"]["total"], 8.0, "{balancer}");
    }
}

#[test]
fn a_log_of_requests_is_whole_or_not_there() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli/log");
    // It may be there from an earlier run.
    drop(fs::remove_dir_all(&out));
    let args = ["replay", "-", "--requests", "--out", out.to_str().unwrap()];
    let output = run_with(&args, format!("{TRAFFIC}3.0,-1\n").as_bytes());
    assert_eq!(output.status.code(), Some(2));
    assert!(fs::read_dir(&out).unwrap().next().is_none(), "nothing is left");
    assert!(run_with(&args, TRAFFIC.as_bytes()).status.success());
    assert_eq!(fs::read_to_string(out.join("requests.csv")).unwrap().lines().count(), 5);
}

#[test]
fn overload_is_told_where_it_is_and_not_where_requests_are_refused() {
    let overloaded = |toml: &str| {
        let base = "traffic.a.arrivals = 'poisson:rate=50/s'\n\
                    traffic.a.service = 'exponential:mean=1s'\n\
                    run = { duration = '100s', warm-up = 'none' }\n";
        let path = scratch("overload.toml", format!("{base}{toml}").as_bytes());
        let outcome = json(&run(&["replay", path.to_str().unwrap(), "--format", "json"]));
        outcome["advice"][0].as_str().is_some_and(|advice| advice.contains("no steady state"))
    };
    assert!(overloaded("pool.a = { servers = 20 }"));
    assert!(!overloaded("pool.a = { servers = 20, queue-limit = 0 }"));
    let uneven = "pool = { slow = { servers = 100 }, fast = { speed = 10 } }";
    assert!(!overloaded(uneven));
}

#[test]
fn a_scaled_rate_and_faster_time_work_for_drawn_traffic_too() {
    let arrived = |flags: &[&str]| {
        let base = ["replay", "scenarios/web-service.toml", "--format", "json"];
        json(&run(&[&base[..], flags].concat()))["requests"]["arrived"].as_f64().unwrap()
    };
    let plain = arrived(&["--duration", "100s", "--warm-up", "none", "--set", "slo={}"]);
    let flags = ["--duration", "50s", "--warm-up", "none", "--set", "slo={}", "--speed-up", "2"];
    assert_eq!(arrived(&flags), plain);
    let more =
        ["--duration", "100s", "--warm-up", "none", "--set", "slo={}", "--rate-scale", "1.2"];
    let expected = 1.2 * 100.0 * 500.0;
    assert!((arrived(&more) - expected).abs() < 6.0 * expected.sqrt());
}

#[test]
fn an_autoscaler_is_told_of_however_many_runs_there_are() {
    let base = "traffic.a.arrivals = 'poisson:rate=5/s'\n\
                traffic.a.service = 'exponential:mean=1s'\n\
                run = { duration = '2m', warm-up = 'none' }\n\
                pool.a = { servers = 8, autoscaler = 'threshold' }\n";
    let path = scratch("several.toml", base.as_bytes());
    let table = |flags: &[&str]| {
        let args = [&["replay", path.to_str().unwrap(), "--quiet"], flags].concat();
        String::from_utf8(run(&args).stdout).unwrap()
    };
    let one = table(&[]);
    assert!(one.contains("threshold on pool a\n"), "{one}");
    let several = table(&["--replications", "3"]);
    assert!(several.contains("threshold on pool a, in the first of 3 runs"), "{several}");
    assert!(several.contains("server-hours") && several.contains("actions"), "{several}");
}

#[test]
fn every_part_is_listed_and_explained_and_completions_and_schema_print() {
    let listed = String::from_utf8(run(&["list"]).stdout).unwrap();
    let parts: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(parts.len() > 30, "{listed}");
    for part in parts {
        let page = run(&["explain", part]);
        assert!(page.status.success() && page.stdout.len() > 80, "{part}");
    }
    for (table, words) in [
        ("pool", ["notice", "per-second", "price-changes"]),
        ("[cost]", ["budget", "cheapest-mix", "penalties"]),
        ("slo", ["p99 < 800ms", "status 1", "penalty"]),
        ("run", ["warm-up", "replications", "MSER-5"]),
        ("traffic", ["arrivals", "priority", "trace"]),
        ("balancer", ["report-interval", "shared", "balancers"]),
        ("[breaker]", ["open-for", "trials", "Nygard"]),
        ("timeouts", ["abandoned", "attempt", "gRPC"]),
        ("hedge", ["copies", "budget", "Dean"]),
        ("health.checks", ["rise", "timeout", "HAProxy"]),
        ("checks", ["fall", "interval", "HAProxy"]),
        ("retry", ["backoff", "one\nbudget is shared", "unlimited"]),
        ("failure", ["until", "every", "MTTR"]),
        ("admission", ["token-bucket", "burst", "half are shed"]),
        ("hpa", ["sync-period", "scrape (default \"15s\")", "keys of their pool: `startup`"]),
        ("kpa", ["stable-window", "interval (default \"2s\")", "delay (default \"0s\")"]),
        ("ejection", ["always-one", "shared by all balancers", "10 %"]),
    ] {
        let page = String::from_utf8(run(&["explain", table]).stdout).unwrap();
        let flat = page.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words.map(|word| word.replace('\n', " ")) {
            assert!(flat.contains(&word), "`{word}` is not in\n{page}");
        }
    }
    assert!(run(&["completions", "bash"]).stdout.len() > 1000);
    let schema: serde_json::Value = serde_json::from_slice(&run(&["schema"]).stdout).unwrap();
    assert!(schema["properties"]["traffic"].is_object());
}

#[test]
fn theory_answers_and_refuses() {
    let args =
        ["theory", "mmc", "--arrival-rate", "9/s", "--service-mean", "1s", "--servers", "10"];
    let answer = json(&run(&[&args[..], &["--format", "json"]].concat()));
    assert_eq!(answer["schema"], "plimsoll.theory/1");
    assert!((answer["wait_probability"].as_f64().unwrap() - 0.668_731_524_1).abs() < 1e-9);
    let overload = run(&["theory", "mm1", "--lambda", "2", "--mu", "1"]);
    assert_eq!(overload.status.code(), Some(2));
    assert!(said(&overload).contains("steady state"), "{}", said(&overload));
}

#[test]
fn a_file_that_is_not_there_has_a_neighbour_of_a_like_name() {
    for (wrong, right) in [
        ("scenarios/web-servce.toml", "web-service.toml"),
        ("scenarios/traffic/chatt.csv", "chat.csv"),
    ] {
        let output = run(&["replay", wrong]);
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains(&format!("did you mean `{right}`")), "{}", said(&output));
    }
}
