//! What `--out` writes, what `plimsoll report` makes of it, and what charts show.

mod folders;
mod gallery;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::cargo_bin_cmd;
use plimsoll::report::chart::{self, Axis, Chart, Mark, Series, Unit};
use plimsoll::report::timeline::{Row, from_csv};
use plimsoll::report::{Results, openmetrics};

const SCENARIO: &str = "
name = 'checkout'
[traffic.web]
arrivals = 'poisson:rate=50/s'
service = 'exponential:mean=50ms'
[pool.main]
servers = 4
queue-limit = 2
price = '0.5/h'
[slo.fast]
objective = 'p99 < 10s'
[run]
duration = '2min'
warm-up = 'none'
";

/// A folder of a test's own, empty at first.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn plimsoll(args: &[&str]) -> (String, String) {
    let done = cargo_bin_cmd!("plimsoll").args(args).assert().success();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&done.get_output().stdout), text(&done.get_output().stderr))
}

/// Replays the scenario into a folder, with more flags.
fn replayed(name: &str, more: &[&str]) -> PathBuf {
    let path = folder(name);
    fs::write(path.join("scenario.toml"), SCENARIO).unwrap();
    let (scenario, out) = (path.join("scenario.toml"), path.join("out"));
    let args = ["replay", scenario.to_str().unwrap(), "--out", out.to_str().unwrap()];
    plimsoll(&[args.as_slice(), more].concat());
    out
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn the_timeline_adds_up_to_the_outcome() {
    let out = replayed("adds-up", &["--requests"]);
    let results = Results::read(&out).unwrap();
    assert_eq!(results.troubles, Vec::<String>::new());
    let rows: Vec<Row> = from_csv(&read(&out, "timeline.csv")).unwrap();
    let sum = |of: fn(&Row) -> u64| rows.iter().map(of).sum::<u64>();
    let whole = |path: &str| results.at(path).as_u64().unwrap();
    assert_eq!(sum(|row| row.arrivals), whole("requests.arrived"));
    assert_eq!(sum(|row| row.completions), whole("requests.completed"));
    assert_eq!(sum(|row| row.errors), whole("requests.rejected"));
    assert!(sum(|row| row.errors) > 0, "a short queue refuses some");
    let cost: f64 = rows.iter().map(|row| row.cost).sum();
    assert!((cost - results.number("cost.total").unwrap().estimate).abs() < 1e-9 * cost);
    assert!(rows.windows(2).all(|pair| pair[0].end_s == pair[1].start_s), "no gaps");
    let heat: u64 = results.heat.iter().map(|cell| cell.count).sum();
    assert_eq!(heat, whole("requests.completed"));
    let requests = read(&out, "requests.csv");
    assert_eq!(requests.lines().count() as u64, 1 + whole("requests.arrived"));
    let rejected = requests.lines().filter(|line| line.contains(",rejected,")).count() as u64;
    assert_eq!(rejected, whole("requests.rejected"));
}

#[test]
fn a_report_from_stored_results_is_the_same_to_the_byte() {
    let out = replayed("same", &[]);
    assert!(drawn(&out).len() > 15, "{} files", drawn(&out).len());
    let shown = drawn_again(&out);
    assert!(shown.contains("simulated over 120 s on 4 servers"), "{shown}");
}

#[test]
fn what_is_damaged_or_missing_is_named_and_the_rest_is_drawn() {
    let out = replayed("damaged", &[]);
    fs::write(out.join("timeline.csv"), "start_s,arrivals\n0,many\n").unwrap();
    fs::remove_file(out.join("histograms.json")).unwrap();
    let outcome = read(&out, "outcome.json").replace("outcome/1", "outcome/99");
    fs::write(out.join("outcome.json"), outcome).unwrap();
    let (_, said) = plimsoll(&["report", out.to_str().unwrap()]);
    for words in ["`timeline.csv` is damaged", "`histograms.json` is missing", "outcome/99"] {
        assert!(said.contains(words), "{said}");
    }
    let page = read(&out, "report.html");
    assert!(page.contains("<code>timeline.csv</code> is damaged"));
    assert!(page.contains("id=\"per-server\""));
    for (rows, words) in [("garbage\n", "has no rows"), ("", "")] {
        fs::write(out.join("timeline.csv"), rows).unwrap();
        let (_, said) = plimsoll(&["report", out.to_str().unwrap()]);
        assert!(said.contains(words), "{rows}: {said}");
    }
    fs::write(out.join("outcome.json"), "{").unwrap();
    let failed = cargo_bin_cmd!("plimsoll").arg("report").arg(&out).assert().code(2);
    let said = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
    assert!(said.contains("outcome.json` is damaged"), "{said}");
}

#[test]
fn results_of_every_command_say_which_file_is_wrong_and_what_writes_it_again() {
    let path = folder("wrong");
    fs::write(path.join("scenario.toml"), SCENARIO).unwrap();
    let scenario = path.join("scenario.toml").to_str().unwrap().to_owned();
    let counts = path.join("counts.csv");
    let rows: String = (0..72).map(|hour| format!("{},{}\n", hour * 60, 4 + hour % 5)).collect();
    fs::write(&counts, format!("timestamp_s,requests\n{rows}")).unwrap();
    let counts = counts.to_str().unwrap();
    let short = ["--duration", "20s", "--replications", "2", "--quiet"];
    let compared =
        [&["compare", &scenario, "--balancer", "random", "--balancer", "round-robin"][..], &short]
            .concat();
    let swept = [&["sweep", &scenario, "--vary", "pool.main.servers=4,6"][..], &short].concat();
    let foreseen = ["inspect", counts, "--forecast", "--forecaster", "naive", "--quiet"];
    for (args, file, damage) in [
        (vec!["replay", scenario.as_str(), "--quiet"], "outcome.json", None),
        (compared, "comparison.json", Some("\"variants\"")),
        (swept, "sweep.json", Some("\"points\"")),
        (foreseen.to_vec(), "forecast.json", Some("\"lines\"")),
    ] {
        let out = path.join(file);
        let out_name = out.to_str().unwrap();
        let made = [args, vec!["--out", out_name]].concat();
        cargo_bin_cmd!("plimsoll").args(&made).output().unwrap();
        let whole = read(&out, file);
        let refused = |text: &str| {
            fs::write(out.join(file), text).unwrap();
            let failed = cargo_bin_cmd!("plimsoll").args(["report", out_name]).assert().code(2);
            String::from_utf8_lossy(&failed.get_output().stderr).into_owned()
        };
        let said = refused(&whole[..whole.len() / 2]);
        assert!(said.contains(&format!("{file}` is damaged: ")), "{said}");
        assert!(said.contains("at line ") && said.contains("column "), "{said}");
        assert!(said.contains(&format!("run it again: `plimsoll {} ", made[0])), "{said}");
        assert!(refused("[1]").contains("it holds no object"));
        if let Some(key) = damage {
            let said = refused(&whole.replacen(key, "\"gone\"", 1));
            assert!(said.contains(file) && said.contains("missing field"), "{said}");
        }
        // What another version wrote is shown as far as it is understood, and what is missing
        // is told.
        fs::write(out.join(file), whole.replacen("/1\"", "/99\"", 1)).unwrap();
        fs::remove_file(out.join("command.txt")).unwrap();
        fs::remove_file(out.join("report.html")).unwrap();
        let again = cargo_bin_cmd!("plimsoll").args(["report", out_name]).output().unwrap();
        let said = String::from_utf8_lossy(&again.stderr).into_owned();
        assert!(!again.stdout.is_empty() && said.contains("/99`"), "{said}");
        assert!(said.contains("`command.txt` is missing"), "{said}");
        assert!(read(&out, "report.html").contains("/99</code>"), "{file}");
    }
}

#[test]
fn charts_show_what_the_files_hold() {
    let out = replayed("drawn", &[]);
    let results = Results::read(&out).unwrap();
    let charts = chart::of_run(&results);
    let points = |name: &str, series: usize| {
        let chart = charts.iter().find(|chart| chart.name == name).unwrap();
        match &chart.series[series].mark {
            Mark::Step(points) | Mark::Line(points) => points.clone(),
            other => panic!("{other:?}"),
        }
    };
    let queue = points("in-system", 1);
    let horizon = results.number("duration_s").unwrap().estimate;
    let rows: Vec<&Row> = results.timeline.iter().filter(|row| row.start_s < horizon).collect();
    assert_eq!(queue.len(), rows.len() + 1, "a step an interval, and the end");
    for (point, row) in queue.iter().zip(&rows) {
        assert_eq!(*point, (row.start_s, row.queue));
    }
    let latency = &results.histograms.as_ref().unwrap().latency;
    for (x, share) in points("latency-tail", 0).into_iter().skip(1) {
        let above = latency.fraction_above((x * 1e9).round() as u64);
        assert!((above - share).abs() < 1e-12, "{x}: {share} drawn, {above} stored");
    }
}

#[test]
fn the_page_asks_for_nothing_and_is_small() {
    let out = replayed("page", &[]);
    let page = read(&out, "report.html");
    assert!(!page.contains("http:") && !page.contains("https:"), "an address");
    assert!(!page.contains("src=") && !page.contains("@import") && !page.contains("url("));
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    for part in ["p99 &lt; 10s — met", "[pool.main]", "plimsoll replay", "<h2 id=\"charts\">"] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<figure").count(), page.matches("role=\"img\" aria-label=").count());
}

#[test]
fn several_runs_become_a_comparison() {
    let (one, two) = (replayed("one", &[]), replayed("two", &["--servers", "6"]));
    let out = folder("both");
    let args = ["report", one.to_str().unwrap(), two.to_str().unwrap(), "--format", "markdown"];
    let (shown, _) = plimsoll(&[args.as_slice(), &["--out", out.to_str().unwrap()]].concat());
    assert!(shown.starts_with("|  | checkout | checkout (2) |\n| --- | --: | --: |"), "{shown}");
    let page = read(&out, "report.html");
    assert!(page.contains("exactly the same requests"));
    for chart in ["latency-tails", "ratios", "cost-latency"] {
        assert!(page.contains(&format!("id=\"{chart}\"")), "{chart}");
        assert!(out.join(format!("{chart}.png")).exists(), "{chart}");
    }
}

#[test]
fn what_is_paid_in_two_currencies_says_so_beside_each_amount() {
    let one = replayed("dollars", &["--price", "0.5 USD/h"]);
    let two = replayed("euros", &["--price", "0.4 EUR/h"]);
    let (shown, _) = plimsoll(&["report", one.to_str().unwrap(), two.to_str().unwrap()]);
    let costs: Vec<&str> = shown.lines().filter(|line| line.contains("cost")).collect();
    assert!(!costs.is_empty(), "{shown}");
    for line in costs {
        assert!(line.contains("USD") && line.contains("EUR"), "{line}");
    }
    let out = folder("two-currencies");
    let args = ["report", one.to_str().unwrap(), two.to_str().unwrap(), "--quiet", "--out"];
    plimsoll(&[args.as_slice(), &[out.to_str().unwrap()]].concat());
    assert!(read(&out, "report.html").contains("amounts are not comparable"));
}

/// The bytes of every chart and page of a folder, by name.
fn drawn(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let shown = |name: &str| [".html", ".svg", ".png"].iter().any(|end| name.ends_with(end));
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = files.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path));
    let mut all: Vec<(String, Vec<u8>)> = named
        .filter(|(name, _)| shown(name))
        .map(|(name, path)| (name, fs::read(path).unwrap()))
        .collect();
    all.sort();
    all
}

/// Removes what is drawn, reports the folder, and says whether the same was drawn again.
fn drawn_again(out: &Path) -> String {
    let before = drawn(out);
    assert!(before.iter().any(|(name, _)| name == "report.html"), "{before:?}");
    before.iter().for_each(|(name, _)| fs::remove_file(out.join(name)).unwrap());
    let (shown, said) = plimsoll(&["report", out.to_str().unwrap()]);
    assert!(said.is_empty(), "{said}");
    let names = |all: &[(String, Vec<u8>)]| {
        all.iter().map(|(name, _)| name.clone()).collect::<Vec<String>>()
    };
    let after = drawn(out);
    assert_eq!(names(&before), names(&after));
    for (old, new) in before.iter().zip(&after) {
        assert!(old == new, "{} differs", old.0);
    }
    shown
}

#[test]
fn a_comparison_is_drawn_again_from_its_folder_and_stands_beside_runs() {
    let path = folder("compared");
    fs::write(path.join("scenario.toml"), SCENARIO).unwrap();
    let (scenario, out) = (path.join("scenario.toml"), path.join("out"));
    let (scenario, out_name) = (scenario.to_str().unwrap(), out.to_str().unwrap());
    let more = ["--balancer", "random", "--balancer", "least-connections", "--duration", "20s"];
    plimsoll(
        &[&["compare", scenario, "--out", out_name, "--replications", "2"], &more[..]].concat(),
    );
    let shown = drawn_again(&out);
    assert!(shown.contains("2 variants on the same"), "{shown}");
    let json: serde_json::Value =
        serde_json::from_str(&plimsoll(&["report", out_name, "--format", "json"]).0).unwrap();
    assert_eq!(json["schema"], "plimsoll.comparison/1");
    let one = replayed("beside", &[]);
    let (both, _) = plimsoll(&["report", one.to_str().unwrap(), out_name, "--format", "markdown"]);
    assert!(both.starts_with("|  | checkout | random | least-connections |"), "{both}");
}

#[test]
fn a_study_of_forecasters_is_drawn_again_and_says_what_is_missing() {
    let path = folder("foreseen");
    let row = |hour: u64| {
        let (day, hour, odd) = (1 + hour / 24, hour % 24, hour * 7919 % 11);
        format!("1995-07-{day:02} {hour:02}:00:00,{}\n", 40 + 30 * u64::from(hour > 8) + odd)
    };
    let rows: String = (0..24 * 12).map(row).collect();
    fs::write(path.join("counts.csv"), format!("timestamp,requests\n{rows}")).unwrap();
    let (traffic, out) = (path.join("counts.csv"), path.join("out"));
    let (traffic, out_name) = (traffic.to_str().unwrap(), out.to_str().unwrap());
    let few = ["--forecaster", "holt-winters", "--forecaster", "naive", "--format", "markdown"];
    let asked = [&["inspect", traffic, "--forecast", "--quiet", "--out", out_name], &few[..]];
    let (markdown, said) = plimsoll(&asked.concat());
    assert!(said.is_empty(), "{said}");
    assert!(markdown.contains("| 1h ahead | MAE (1/s) | MASE |"), "{markdown}");
    assert_eq!(plimsoll(&["report", out_name, "--format", "markdown"]).0, markdown);
    let shown = drawn_again(&out);
    assert!(shown.contains("holt-winters"), "{shown}");
    fs::remove_file(out.join("trails.csv")).unwrap();
    let (_, said) = plimsoll(&["report", out_name]);
    assert!(said.contains("`trails.csv` is missing"), "{said}");
    assert!(read(&out, "report.html").contains("id=\"forecast-errors\""), "the rest is drawn");
}

#[test]
fn markdown_tells_scaling_and_failures_and_no_cost_where_there_is_no_price() {
    let out = folder("markdown");
    let args = ["replay", "scenarios/retry-storm.toml", "--quiet", "--format", "markdown"];
    let more = ["--set", "pool.api.autoscaler=hpa", "--out", out.to_str().unwrap()];
    // Whether the objective is met is not the question here.
    let done = cargo_bin_cmd!("plimsoll").args(args).args(more).output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    for part in ["| failures | value |", "| outages | ", "| autoscaler of api | value |"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(!text.contains("cost"), "{text}");
    let results = Results::read(&out).unwrap();
    let charts = chart::of_run(&results);
    let rates = charts.iter().find(|chart| chart.name == "error-rate").unwrap();
    let timed_out = rates.series.iter().find(|series| series.name == "timed out").unwrap();
    let Mark::Step(drawn) = &timed_out.mark else { panic!("{:?}", timed_out.mark) };
    for (moment, (at_s, share)) in results.list("resilience.timeline").iter().zip(drawn) {
        let count = |key: &str| moment[key].as_f64().unwrap();
        let ended = count("answered") + count("errors");
        assert_eq!(*at_s, count("at_s"));
        assert!(ended == 0.0 || *share == count("timed_out") / ended, "{moment}");
    }
    assert_eq!(rates.rules.len(), 2, "the first fault and the end of the last are marked");
}

#[test]
fn a_folder_that_holds_nothing_says_what_it_might_hold() {
    let out = folder("empty");
    let failed = cargo_bin_cmd!("plimsoll").arg("report").arg(&out).assert().code(2);
    let said = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
    assert!(said.contains("`comparison.json`") && said.contains("--out"), "{said}");
}

#[test]
fn the_timeline_in_open_metrics_counts_up_to_the_whole() {
    let out = replayed("metrics", &[]);
    let results = Results::read(&out).unwrap();
    let text = openmetrics::text(&results);
    assert!(text.ends_with("# EOF\n"));
    let last = text.lines().rfind(|line| line.starts_with("plimsoll_arrivals_total{")).unwrap();
    let value: u64 = last.split(' ').nth(1).unwrap().parse().unwrap();
    assert_eq!(value, results.at("requests.arrived").as_u64().unwrap());
    let families: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
    let mut once = families.clone();
    once.dedup();
    assert_eq!(families, once, "a family is told in one piece");
}

#[test]
fn the_dashboard_asks_for_nothing_but_what_is_exported() {
    let results = Results::read(&replayed("dashboard", &[])).unwrap();
    let (exported, dashboard) = (openmetrics::text(&results), openmetrics::dashboard(&results));
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let mut asked = 0;
    for target in dashboard["panels"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap())
    {
        let query = target["expr"].as_str().unwrap();
        let name = query.trim_start_matches("rate(").split('{').next().unwrap();
        assert!(exported.contains(&format!("\n{name}{{")), "{name} is not exported");
        asked += 1;
    }
    assert!(asked > 8);
    assert!(dashboard["time"]["to"].as_str().unwrap() > "1970-01-01T00:00:30");
}

/// A chart of lines.
fn lines(series: Vec<Vec<(f64, f64)>>, x: Axis, y: Axis) -> Chart {
    let line = |(place, points)| Series::new(format!("series {place}"), place, Mark::Line(points));
    Chart {
        name: "test",
        title: "Title".to_owned(),
        about: "About".to_owned(),
        x,
        y,
        series: series.into_iter().enumerate().map(line).collect(),
        rules: Vec::new(),
    }
}

#[test]
fn charts_of_odd_data_are_drawn_within_their_sheet() {
    let even = || (Axis::of("x", Unit::Seconds), Axis::of("y", Unit::Plain));
    let decades: Vec<(f64, f64)> =
        (-9..=0).map(|power| (10_f64.powi(power), 10_f64.powi(power))).collect();
    let twelve = (0..12).map(|k| (0..9).map(|x| (f64::from(x), f64::from(x * k))).collect());
    let (x, y) = even();
    let mut charts = vec![lines(twelve.collect(), x, y)];
    for points in [
        vec![],
        vec![(0.0, 0.0)],
        vec![(3.0, 7.0)],
        vec![(0.0, 5.0), (9.0, 5.0)],
        vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 1e300)],
        decades.clone(),
    ] {
        let (x, y) = even();
        charts.push(lines(vec![points.clone()], x, y));
        let (x, y) = even();
        charts.push(lines(vec![points], x.logarithmic(), y.logarithmic()));
    }
    charts.extend(gallery::charts().into_iter().map(|(_, chart)| chart));
    for chart in charts {
        let svg = chart.svg();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        for (what, x, y) in places(&svg) {
            let (width, height) = size(&svg);
            let inside = (0.0..=width).contains(&x) && (0.0..=height).contains(&y);
            assert!(inside, "{what} at {x}, {y}: {:?}", chart.series);
        }
        assert_eq!(&chart.png()[..4], b"\x89PNG");
        assert_eq!(chart.svg(), svg, "the same bytes again");
    }
}

/// Width and height of a drawing.
fn size(svg: &str) -> (f64, f64) {
    let view = svg.split("viewBox=\"0 0 ").nth(1).unwrap().split('"').next().unwrap();
    let (width, height) = view.split_once(' ').unwrap();
    (width.parse().unwrap(), height.parse().unwrap())
}

/// Every place that a shape of a drawing reaches: corners, centres, beginnings of words, cells.
fn places(svg: &str) -> Vec<(&str, f64, f64)> {
    let mut found = Vec::new();
    // The ground and the plot's clip are in percent, and cover the sheet.
    for tag in svg.split('<').filter(|tag| !tag.contains("width=\"100%\"")) {
        let what = tag.split([' ', '>']).next().unwrap();
        let text = |name: &str| {
            let value = tag.split(&format!(" {name}=\"")).nth(1)?;
            value.split('"').next()
        };
        let number = |name: &str| text(name).and_then(|value| value.parse::<f64>().ok());
        for (x, y) in
            text("points").into_iter().flat_map(|points| points.split(' ')).filter_map(|pair| {
                let (x, y) = pair.split_once(',')?;
                Some((x.parse().ok()?, y.parse().ok()?))
            })
        {
            found.push((what, x, y));
        }
        match what {
            "rect" => {
                let (x, y) = (number("x").unwrap(), number("y").unwrap());
                found.push((what, x, y));
                found.push((what, x + number("width").unwrap(), y + number("height").unwrap()));
            }
            "circle" => found.push((what, number("cx").unwrap(), number("cy").unwrap())),
            "text" => found.push((what, number("x").unwrap(), number("y").unwrap())),
            "path" => {
                for cell in text("d").unwrap().split('M').skip(1) {
                    let mut numbers = cell.split(['h', 'v', ' ', 'z']).map(str::parse::<f64>);
                    let mut next = || numbers.next().unwrap().unwrap();
                    let (x, y, wide, high) = (next(), next(), next(), next());
                    found.extend([(what, x, y), (what, x + wide, y + high)]);
                }
            }
            _ => {}
        }
    }
    assert!(found.len() > 5, "{svg}");
    found
}

#[test]
fn twelve_series_and_those_that_cover_each_other_can_be_told_apart() {
    let even = || (Axis::of("x", Unit::Seconds), Axis::of("y", Unit::Plain));
    let dot = |place: usize| {
        let at = place as f64;
        Series::new(format!("dots {place}"), place, Mark::Dots(vec![(at, at)]))
    };
    let (x, y) = even();
    let twelve = Chart { series: (0..12).map(dot).collect(), ..lines(Vec::new(), x, y) };
    let looks = |svg: &str, class: &str| -> Vec<String> {
        let groups = svg.split("<g class=\"").skip(1).filter(|group| group.starts_with(class));
        let look = |group: &str| {
            let shapes = group.split("</g>").next().unwrap();
            let shown = shapes.split(['<', '\n']).filter(|shape| shape.starts_with("circle"));
            let colour = |shape: &str| shape.split(" fill").nth(1).unwrap_or_default().to_owned();
            let stroke = |shape: &str| shape.split(" stroke").nth(1).unwrap_or_default().to_owned();
            shown.map(|shape| colour(shape) + &stroke(shape)).collect::<String>()
        };
        groups.map(look).collect()
    };
    for class in ["series", "key"] {
        let mut looks = looks(&twelve.svg(), class);
        assert_eq!(looks.len(), 12);
        looks.sort();
        looks.dedup();
        assert_eq!(looks.len(), 12, "{looks:?}");
    }
    let flat = |height: f64| (0..9).map(|x| (f64::from(x), height)).collect::<Vec<_>>();
    let dashed = |heights: &[f64]| {
        let (x, y) = even();
        let svg = lines(heights.iter().map(|&height| flat(height)).collect(), x, y).svg();
        let series = svg.split("<g class=\"series\"").skip(1);
        let head = |group: &str| group.split('>').next().unwrap().to_owned();
        series.map(|group| head(group).contains("stroke-dasharray")).collect::<Vec<bool>>()
    };
    assert_eq!(dashed(&[1.0, 5.0, 9.0]), [false, false, false]);
    assert_eq!(dashed(&[5.0, 9.0, 5.0]), [false, false, true], "the line below shows in the gaps");
}
