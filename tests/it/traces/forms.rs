//! Every spelling of a column and every form of time that public traces have.

use plimsoll::time::Duration;
use plimsoll::time_unit::TimeUnit;
use plimsoll::workload::trace::{Arrivals, Because, Role, Row, Stamps, Understanding};

use super::{options, read, read_with, times_ms};

fn column(understanding: &Understanding, role: Role) -> Option<&str> {
    let bound = understanding.columns.iter().find(|bound| bound.role == role);
    bound.map(|bound| bound.column.as_str())
}

#[test]
fn every_spelling_of_an_arrival_column_is_known() {
    for name in [
        "TIMESTAMP",
        "Timestamp",
        "timestamp",
        "timestamp_anon",
        "time",
        "Time",
        "period",
        "ds",
        "gmt_create",
        "arrived_at",
        "arrival_timestamp",
        "arrival_s",
        "arrival_ms",
        "timestamp_ms",
        "start_timestamp",
        "invoke_time_ms",
        "window_start_s",
        "t",
    ] {
        let text = format!("{name},other\n2024-05-12 00:00:00,1\n2024-05-12 00:00:02,1\n");
        let (rows, understanding) = read(&text);
        assert_eq!(column(&understanding, Role::Arrival), Some(name));
        assert_eq!(times_ms(&rows), [0.0, 2000.0], "{name}");
    }
}

#[test]
fn every_spelling_of_tokens_is_known() {
    let inputs = [
        "ContextTokens",
        "Request tokens",
        "input_length",
        "num_prefill_tokens",
        "prompt_size",
        "prompt_tokens",
        "input_tokens",
        "in",
        "n_input_tokens",
    ];
    let outputs = [
        "GeneratedTokens",
        "Response tokens",
        "output_length",
        "num_decode_tokens",
        "token_size",
        "output_tokens",
        "out",
        "n_output_tokens",
    ];
    for (place, input) in inputs.iter().enumerate() {
        let output = outputs[place % outputs.len()];
        let (rows, _) = read(&format!("arrival_s,{input},\"{output}\"\n0,12,34\n"));
        assert_eq!((rows[0].input, rows[0].output), (Some(12), Some(34)), "{input} {output}");
    }
}

#[test]
fn every_spelling_of_a_service_time_is_known_with_its_unit() {
    for (name, unit) in [
        ("duration", TimeUnit::Second),
        ("Elapsed time", TimeUnit::Second),
        ("exec_time_seconds", TimeUnit::Second),
        ("latency_ms", TimeUnit::Millisecond),
        ("api_time", TimeUnit::Second),
        ("request_time", TimeUnit::Second),
        ("Average", TimeUnit::Millisecond),
        ("service_us", TimeUnit::Microsecond),
    ] {
        let (rows, understanding) = read(&format!("arrival_s,{name}\n0,2.5\n"));
        let bound = understanding.columns.iter().find(|bound| bound.role == Role::Service);
        assert_eq!(bound.and_then(|bound| bound.unit), Some(unit), "{name}");
        let nanos = match unit {
            TimeUnit::Second => 2_500_000_000,
            TimeUnit::Millisecond => 2_500_000,
            _ => 2_500,
        };
        assert_eq!(rows[0].service, Some(Duration(nanos)), "{name}");
    }
}

#[test]
fn every_spelling_of_a_count_or_a_rate_makes_rows_intervals() {
    for name in ["count", "value", "requests", "num_request", "Total", "y", "load"] {
        let (rows, understanding) = read(&format!("ds,{name}\n2024-01-01,7\n2024-01-02,0\n"));
        assert_eq!(rows[0].arrivals, Arrivals::Exactly(7), "{name}");
        assert_eq!(understanding.interval, Some(Duration::from_secs(86_400)), "{name}");
    }
    for (name, mean) in
        [("Rate", 420.0), ("QPS", 420.0), ("total_rate_rps", 420.0), ("load_rpm", 7.0)]
    {
        let (rows, _) = read(&format!("t_s,{name}\n0,7\n60,0\n"));
        assert_eq!(rows[0].arrivals, Arrivals::Mean(mean), "{name}");
    }
}

#[test]
fn every_spelling_of_a_session_tenant_or_kind_is_known() {
    for (role, names) in [
        (
            Role::Key,
            &[
                "Session ID",
                "session_id",
                "chat_id",
                "application_id",
                "groupId",
                "HashOwner",
                "HashApp",
                "HashFunction",
                "app",
                "func",
                "url",
            ][..],
        ),
        (Role::Class, &["Model", "Log Type", "type", "Trigger", "request_type"][..]),
        (Role::Status, &["status", "predict_status"][..]),
        (Role::Priority, &["priority"][..]),
    ] {
        for name in names {
            let (rows, understanding) =
                read(&format!("arrival_s,{name}\n0,5\n1,6\n2,5\n3,\n4,NULL\n"));
            assert_eq!(column(&understanding, role), Some(*name));
            let same = match role {
                Role::Key => rows[0].key == rows[2].key && rows[0].key != rows[1].key,
                Role::Class => understanding.classes == ["5", "6"] && rows[2].class == Some(0),
                Role::Priority => rows[1].priority == Some(6),
                _ => !rows[0].failed,
            };
            assert!(same, "{name}");
            let blank = |row: &Row| row.key.or(row.class.map(u64::from)).is_none();
            assert!(blank(&rows[3]) && blank(&rows[4]), "{name}");
        }
    }
}

#[test]
fn the_most_particular_name_wins_a_role() {
    let (rows, understanding) =
        read("arrival_s,latency_ms,service_ms,server,host,session_id\n0,9,4,1,a,b\n");
    assert_eq!(rows[0].service, Some(Duration::from_millis(4)));
    assert_eq!(column(&understanding, Role::Key), Some("session_id"));
    assert_eq!(understanding.unused, ["latency_ms", "server", "host"]);
}

#[test]
fn dates_in_every_form_are_read() {
    for (first, second, step_ms) in [
        ("1998-04-30 21:30:00", "1998-04-30 21:31:00", 60_000.0),
        ("2023-11-16 18:17:03.9799600", "2023-11-16 18:17:04.0319600", 52.0),
        ("1998-06-06 22:00", "1998-06-06 22:01", 60_000.0),
        ("2007-12-10", "2007-12-11", 86_400_000.0),
        ("2024-05-12 00:00:00+00:00", "2024-05-12 02:00:00.5+02:00", 500.0),
        ("2024-05-12T00:00:00.250Z", "2024-05-12T00:00:00.250500Z", 0.5),
        ("2024-10-1 00:00:00", "2024-10-11 00:00:00", 864_000_000.0),
        ("[17/May/2015:10:05:03 +0000]", "[17/May/2015:10:05:04 +0000]", 1000.0),
        ("[06/Feb/2009:12:14:14.655]", "[06/Feb/2009:12:14:14.660]", 5.0),
    ] {
        let (rows, understanding) = read(&format!("time,x\n{first},1\n\"{second}\",1\n"));
        assert_eq!(times_ms(&rows), [0.0, step_ms], "{first}");
        assert_eq!(understanding.stamps, Stamps::Dates);
        assert_eq!(understanding.first_stamp, first);
    }
}

#[test]
fn numbers_are_read_in_the_unit_that_is_known_and_from_where() {
    for (text, step_ms, unit, because) in [
        ("arrival_ms\n5\n7\n", 2.0, TimeUnit::Millisecond, Because::Header),
        ("timestamp (us)\n5\n7\n", 0.002, TimeUnit::Microsecond, Because::Header),
        ("hour,load\n0,5\n1,7\n", 3_600_000.0, TimeUnit::Hour, Because::Spelling),
        ("time\n1662859176.0\n1662859176.25\n", 250.0, TimeUnit::Second, Because::Epoch),
        ("time\n1697099076941\n1697099076942\n", 1.0, TimeUnit::Millisecond, Because::Epoch),
        ("time\n1697099076941000\n1697099076942000\n", 1.0, TimeUnit::Microsecond, Because::Epoch),
    ] {
        let (rows, understanding) = read(text);
        assert_eq!(times_ms(&rows), [0.0, step_ms], "{text}");
        assert_eq!(understanding.stamps, Stamps::Numbers { unit, because }, "{text}");
    }
    let (rows, understanding) = read_with("t,x\n27482,1\n27500,1\n", &options("time-unit = 'ms'"));
    assert_eq!(times_ms(&rows), [0.0, 18.0]);
    assert!(understanding.advice().iter().any(|line| line.contains("milliseconds, as you say")));
    let dotted = options("time-format = '%d.%m.%Y %H:%M'");
    let (rows, _) = read_with("t,x\n12.05.2024 07:30,1\n12.05.2024 07:31,1\n", &dotted);
    assert_eq!(times_ms(&rows), [0.0, 60_000.0]);
}

#[test]
fn files_without_stamps_step_by_the_interval() {
    let minute = options("interval = '1m'");
    for (text, format) in [
        ("189\n0\n12\n", "counts"),
        ("189 0 12\n", "counts"),
        ("0.5,189.0;\n1.5,0.0;\n2.5,12.0;\n", "limbo"),
        ("requests\n189\n0\n12\n", "csv"),
    ] {
        let (rows, understanding) = read_with(text, &minute);
        assert_eq!(understanding.format, format);
        assert_eq!(times_ms(&rows), [0.0, 60_000.0, 120_000.0], "{text}");
        let counts: Vec<Arrivals> = rows.iter().map(|row| row.arrivals).collect();
        assert_eq!(counts, [189, 0, 12].map(Arrivals::Exactly), "{text}");
    }
}

#[test]
fn lines_may_end_in_any_way_and_cells_be_empty() {
    let rows = "arrival_s,service_ms\n0,1\n1,\n,3\nNULL,4\n2,NULL\n";
    for text in [
        rows.to_owned(),
        rows.replace('\n', "\r\n"),
        rows.trim_end().to_owned(),
        format!("\u{feff}{rows}"),
        format!("# exported yesterday\n\n{rows}\n\n"),
        rows.replace(',', "\t"),
        rows.replace(',', ";"),
        rows.replace("arrival_s", "\"arrival_s\""),
    ] {
        let (rows, understanding) = read(&text);
        let service: Vec<_> = rows.iter().map(|row| row.service.map(|s| s.0)).collect();
        assert_eq!(service, [Some(1_000_000), None, None], "{text:?}");
        assert_eq!(understanding.skipped.len(), 1);
        assert_eq!(understanding.skipped[0].rows, 2);
        assert_eq!(understanding.skipped[0].reason, "they have no time");
    }
}

#[test]
fn columns_are_mapped_by_name_and_by_number() {
    let mapped = options(
        "columns = { arrival = 'ts', duration = 'svc_ms', key = 'user' }\ntime-unit = 'ms'",
    );
    let (rows, _) = read_with("user,timestamp,svc_ms,ts\nbob,x,5,10\nann,y,6,12\n", &mapped);
    assert_eq!(times_ms(&rows), [0.0, 2.0]);
    assert_eq!(rows[0].service, Some(Duration::from_millis(5)));
    let numbered =
        options("columns = { arrival = 2, service = 1 }\ntime-unit = 's'\nservice-unit = 'us'");
    let (rows, understanding) = read_with("5,100\n6,101.5\n", &numbered);
    assert_eq!(times_ms(&rows), [0.0, 1500.0]);
    assert_eq!(rows[1].service, Some(Duration(6_000)));
    assert_eq!(column(&understanding, Role::Arrival), Some("column 2"));
}

#[test]
fn rows_out_of_order_are_sorted_on_request_and_ties_keep_their_order() {
    let text = "arrival_s,in\n3,1\n1,2\n3,3\n1,4\n2,5\n";
    let (rows, understanding) = read_with(text, &options("sort = true"));
    let order: Vec<_> = rows.iter().map(|row| row.input.unwrap()).collect();
    assert_eq!(order, [2, 4, 5, 1, 3]);
    assert_eq!(times_ms(&rows), [0.0, 0.0, 1000.0, 2000.0, 2000.0]);
    assert_eq!((understanding.out_of_order, understanding.ties), (3, 2));
}

#[test]
fn failures_are_marked_and_left_out_on_request() {
    let text = "arrival_s,status\n0,200\n1,503\n2,error\n3,ok\n";
    let (rows, _) = read(text);
    let failed: Vec<bool> = rows.iter().map(|row| row.failed).collect();
    assert_eq!(failed, [false, true, true, false]);
    let (rows, understanding) = read_with(text, &options("skip-failed = true"));
    assert_eq!((rows.len(), understanding.skipped[0].rows), (2, 2));
}

#[test]
fn quantised_stamps_are_told_and_missing_intervals_counted() {
    let (_, understanding) = read("arrival_s,in\n0,1\n0,1\n0,1\n3,1\n3,1\n9,1\n");
    let told = understanding.advice().join("\n");
    assert!(told.contains("quantised to 3s and 50 % of the rows"), "{told}");
    let (_, understanding) = read(
        "timestamp,value\n2014-04-10 00:04,9\n2014-04-10 00:09,1\n\
                                   2014-04-10 00:24,2\n",
    );
    assert_eq!(understanding.missing_intervals, 2);
    assert_eq!(understanding.rate, 12.0 / 900.0);
}
