//! What a sweep refuses: each with what is wrong, where, and what to do.

use super::{folder, run, said, sweep};

#[test]
fn bad_axes_and_flags_are_refused_at_their_place() {
    let folder = folder("refused");
    let cases: &[(&[&str], &[&str])] = &[
        (&[], &["nothing to vary", "--vary"]),
        (&["--vary", "pool.main.servers"], &["PATH=VALUES"]),
        (&["--vary", "pool.main.servers="], &["no values"]),
        (&["--vary", "pool.main.serves=1,2"], &["did you mean `servers`", "point 1"]),
        (&["--vary", "pool.mian.servers=1,2"], &["did you mean `main`"]),
        (&["--vary", "pol.main.servers=1,2"], &["unknown key `pol`"]),
        (&["--vary", "pool.main.servers=8..4:1"], &["runs backward", "`4..8:1`"]),
        (&["--vary", "pool.main.servers=4..8:0"], &["above 0"]),
        (&["--vary", "pool.main.speed=1..inf:1"], &["finite"]),
        (&["--vary", "pool.main.speed=1.0..2.0"], &["a step", "--sample"]),
        (&["--vary", "pool.main.servers=2,2"], &["twice"]),
        (&["--vary", "pool.main.servers=2,many"], &["point 2: pool.main.servers = many"]),
        (&["--vary", "pool.main.servers=2,0"], &["no servers", "point 2"]),
        (
            &["--vary", "pool.main.servers=2,3; pool.main.slots=1"],
            &["2 values and `pool.main.slots` has 1", "go together"],
        ),
        (
            &["--vary", "pool.main.servers=2,3", "--vary", "pool.main.servers=4,5"],
            &["varied by two axes"],
        ),
        (&["--vary", "balancer.policy=random,randon"], &["did you mean `random`", "point 2"]),
        (&["--vary", "pool.main.servers=2,3", "--shard", "5/4", "--out", "x"], &["no part 5 of 4"]),
        (&["--vary", "pool.main.servers=2,3", "--shard", "0/4", "--out", "x"], &["no part 0"]),
        (&["--vary", "pool.main.servers=2,3", "--shard", "1/0", "--out", "x"], &["0 parts"]),
        (&["--vary", "pool.main.servers=2,3", "--shard", "1/2"], &["--out"]),
        (
            &["--vary", "pool.main.servers=2,3", "--shard", "1/2", "--out", "x", "--select"],
            &["cannot tell which point of all"],
        ),
        (&["--vary", "pool.main.servers=2,3", "--sample", "0"], &["sample of 0 points"]),
        (&["--vary", "pool.main.servers=2,3", "--best", "p9x"], &["unknown measure"]),
        (&["--vary", "pool.main.servers=2,3", "--fresh"], &["--out"]),
        (
            &["--vary", "pool.main.servers=2,3", "--select", "--replications", "3"],
            &["3 replications of a point", "--replications"],
        ),
    ];
    for (flags, words) in cases {
        let output = sweep(&folder, flags);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{flags:?} gave {said}");
        assert!(output.stdout.is_empty(), "no partial result for {flags:?}");
        for word in *words {
            assert!(said.contains(word), "{word} is missing in: {said}");
        }
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn one_replication_of_a_finite_replay_has_no_interval_and_is_refused() {
    let folder = folder("one");
    std::fs::write(folder.join("t.csv"), "arrival_s,service_s\n0,1\n1,1\n2,1\n").unwrap();
    let args = ["sweep", "t.csv", "--vary", "pool.main.servers=1,2", "--replications", "1"];
    let output = run(&folder, &args);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("one replication gives no interval"), "{}", said(&output));
}

#[test]
fn a_grid_of_a_billion_points_is_priced_before_it_starts() {
    let folder = folder("billion");
    let axes = ["--vary", "pool.main.servers=1..1000000", "--vary", "seed=1..1000"];
    let output = sweep(&folder, &axes);
    assert_eq!(output.status.code(), Some(2));
    for words in ["1,000,000,000 points", "6,000,000,000 runs", " threads", "--shard 1/100"] {
        assert!(said(&output).contains(words), "{words}: {}", said(&output));
    }
    let axes = ["--vary", "pool.main.servers=1..200", "--vary", "seed=1..1000"];
    let output = sweep(&folder, &axes);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("`--yes` starts it all the same"), "{}", said(&output));
}

#[test]
fn an_objective_that_no_point_meets_is_told_with_how_close_the_best_came() {
    let folder = folder("missed");
    let axes = ["--vary", "pool.main.servers=3..5", "--slo", "p99 < 1ms"];
    let output = sweep(&folder, &axes);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("no point meets every objective; nearest is point"), "{shown}");
    assert!(shown.contains("it misses `p99 < 1ms`"), "{shown}");
}
