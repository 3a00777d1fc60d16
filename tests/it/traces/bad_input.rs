//! What bad input gets: a diagnostic with the file, the line, what is wrong, and what to do.

use std::io::Write;

use plimsoll::workload::trace::{Input, Options, Trace};

use super::{options, read_as, read_with, table};

/// Reading `text` fails, and the diagnostic has all these parts.
#[track_caller]
fn refused_with(text: impl AsRef<[u8]>, options: &Options, parts: &[&str]) {
    let problem = read_as(text.as_ref(), options).expect_err("this must be refused");
    let shown = problem.render(false);
    for part in parts {
        assert!(shown.contains(part), "no `{part}` in\n{shown}");
    }
    assert!(problem.remedy().is_some(), "there is no remedy in\n{shown}");
}

#[track_caller]
fn refused(text: impl AsRef<[u8]>, parts: &[&str]) {
    refused_with(text, &Options::default(), parts);
}

#[test]
fn a_file_without_an_arrival_column_names_the_columns_it_has() {
    refused(
        "a,b,in\n1,2,3\n",
        &["t.csv:1:1", "no column is known to be the arrival", "--columns arrival", "`a`, `b`"],
    );
    refused("1,x\n2,y\n", &["t.csv:1:1", "no header and 2 columns, counted from 1"]);
    let vidur = options("format = 'vidur'");
    refused_with("t,x\n1,2\n", &vidur, &["`vidur` has a column `arrived_at`", "`t`, `x`"]);
}

#[test]
fn two_candidates_for_the_arrival_column_are_a_question() {
    refused(
        "timestamp,x,arrived_at\n1,2,3\n",
        &["t.csv:1:1", "2 columns could be the arrival time", "`timestamp` and `arrived_at`"],
    );
    refused("arrival_s,service_s,duration_s\n1,2,3\n", &["could be the service time"]);
}

#[test]
fn a_column_that_is_not_there_is_told_with_the_nearest() {
    refused_with(
        "arrival_s,user\n1,2\n",
        &options("columns = { key = 'usr' }"),
        &["unknown column `usr` to be read as key", "did you mean `user`?"],
    );
    refused_with(
        "arrival_s,user\n1,2\n",
        &options("columns = { key = 3 }"),
        &["no column 3", "2 columns"],
    );
}

#[test]
fn units_are_never_guessed() {
    refused(
        "timestamp,x\n5,2\n7,3\n",
        &["t.csv:2:1", "unit of the stamps in column `timestamp`", "--time-unit ms"],
    );
    refused(
        "{\"timestamp\": 5.0, \"input_length\": 1, \"output_length\": 1, \"hash_ids\": [1]}\n",
        &["t.csv:1:15", "Mooncake's", "Bailian's"],
    );
    refused(
        "arrival_s,service\n1,2\n",
        &["t.csv:1:1", "unit of the service times", "service-unit"],
    );
    refused("12\n13\n", &["t.csv:1:1", "of how long an interval", "--interval 1m"]);
    refused("t_s,count\n5,2\n", &["do not show of how long an interval", "interval"]);
    refused("requests\n12\n", &["no column says when", "--interval 1m"]);
}

#[test]
fn cells_that_are_not_what_their_column_says_are_shown() {
    for (cell, what) in [
        ("abc", "`abc` in column `arrival_s` is not a number"),
        ("nan", "`nan` in column `arrival_s` is not a finite number"),
        ("inf", "`inf` in column `arrival_s` is not a finite number"),
        ("-1", "`-1` in column `arrival_s` is negative"),
        ("1e300", "`1e300` in column `arrival_s` is beyond what can be counted"),
    ] {
        let text = format!("in,arrival_s\n1,0\n2,{cell}\n3,5\n");
        refused(text, &["t.csv:3:3", what]);
    }
    for (cell, what) in [
        ("abc", "`abc` in column `service_ms` is not a number"),
        ("NaN", "`NaN` in column `service_ms` is not a finite number"),
        ("inf", "is not a finite number"),
        ("-3", "`-3` in column `service_ms` is negative"),
    ] {
        refused(format!("arrival_s,service_ms\n0,1\n1,{cell}\n"), &["t.csv:3:3", what]);
    }
    refused(
        "time,x\n2024-01-01,1\nsoon,1\n",
        &["t.csv:3:1", "`soon`", "no date in a form", "time-format"],
    );
    refused("time,x\nsoon,1\n", &["t.csv:2:1", "`soon`", "time-format"]);
    refused("arrival_s,in\n1,x\n", &["t.csv:2:3", "`x` in column `in` is not a number"]);
    refused("arrival_s,in\n1,-5\n", &["t.csv:2:3", "is negative"]);
    refused("arrival_s,count\n0,1\n60,-5\n", &["t.csv:3:4", "is negative"]);
    refused("arrival_s,count\n0,1\n60,nan\n", &["t.csv:3:4", "finite"]);
}

#[test]
fn damaged_rows_are_left_out_only_on_request() {
    let text = "arrival_s,in\n0,1\nx,1\n2,1,9\n1,1\n3,1\n2.5,1\n";
    refused(text, &["t.csv:3:1"]);
    let (rows, understanding) = read_with(text, &options("skip-damaged = true"));
    assert_eq!(rows.len(), 3);
    let skipped: Vec<_> =
        understanding.skipped.iter().map(|skipped| (skipped.rows, skipped.first_line)).collect();
    assert_eq!(skipped, [(2, 3), (1, 7)]);
}

#[test]
fn rows_out_of_order_are_shown_with_the_way_to_sort_them() {
    refused(
        "arrival_s,in\n0,1\n5,1\n3.5,1\n",
        &["t.csv:4:1", "1s 500ms before the one above", "--sort"],
    );
    refused_with(
        "t_s,count\n0,1\n60,1\n90,1\n",
        &options("interval = '1m'"),
        &["t.csv:4:1", "30s after the one above", "rows count 1m", "intervals overlap"],
    );
    refused_with(
        "t_s,count\n60,1\n0,1\n90,1\n",
        &options("interval = '1m'\nsort = true"),
        &["are 30s apart, but count 1m each", "interval"],
    );
}

#[test]
fn rows_of_another_width_are_shown() {
    refused("arrival_s,in\n1,2\n3\n", &["t.csv:3:1", "has 1 fields, the rows above have 2"]);
    refused("arrival_s,in\n1,2,3\n", &["t.csv:2:1", "has 3 fields"]);
}

#[test]
fn files_with_nothing_in_them_say_so() {
    refused("", &["`t.csv` is empty"]);
    refused("\n\n  \n", &["`t.csv` is empty"]);
    refused("arrival_s,in\n", &["t.csv:1:1", "has a header and no rows"]);
    refused("arrival_s,in\n,1\nNULL,2\n", &["has no requests", "they have no time", "line 2"]);
}

#[test]
fn text_that_is_not_utf_8_is_told_from_text_that_is() {
    refused(b"arrival_s,in\n\xff1,2\n", &["t.csv:2:1", "column `arrival_s` is not UTF-8", "iconv"]);
    refused(b"arrival_s,\xe9t\xe9\n1,2\n", &["t.csv:1:1", "names of the columns are not UTF-8"]);
    refused(b"\xff\xfea\0,\0b\0", &["UTF-16", "iconv"]);
    refused(b"a\0b\0\n1\0", &["is not text"]);
    // What is not read need not be UTF-8: old logs have names in Latin-1.
    assert!(read_as(b"arrival_s,name\n1,caf\xe9\n", &Options::default()).is_ok());
}

#[test]
fn lines_that_are_not_json_are_shown_where_they_break() {
    let good = "{\"arrival_s\": 1, \"in\": 2}\n";
    refused(format!("{good}{{\"arrival_s\": 2, \"in\n"), &["t.csv:2:", "not one JSON object"]);
    refused(format!("{good}[3]\n"), &["t.csv:2:", "not one JSON object", "jq"]);
    refused("{\n", &["t.csv:1:", "not one JSON object"]);
    refused("[{\"arrival_s\": 1}]\n", &["one JSON list", "jq -c '.[]'"]);
    refused("{\"Label\": \"x\", \"Datapoints\": []}\n", &["CloudWatch", "jq -c '.Datapoints[]'"]);
    refused("{\"status\": \"success\", \"data\": {}}\n", &["Prometheus", ".data.result[]"]);
    refused(format!("{good}{{\"arrival_s\": \"x\"}}"), &["t.csv:2:16", "`x` in column"]);
}

#[test]
fn a_compressed_file_that_is_cut_short_is_told_with_its_line() {
    let text = table("arrival_s,in", (0..10_000).map(|i| format!("{i},{}", i * 7919 % 1009)));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let bytes = gzip.finish().unwrap();
    refused(
        &bytes[..bytes.len() / 2],
        &["the gzip data is damaged or cut short", "t.csv:4", "gzip -t"],
    );
    refused(&bytes[..20], &["the gzip data is damaged or cut short", "t.csv:1"]);
    let zstd = ruzstd::encoding::compress_to_vec(
        text.as_bytes(),
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    refused(&zstd[..zstd.len() - 9], &["the zstd data is damaged or cut short"]);
}

#[test]
fn other_kinds_of_file_are_called_by_their_name() {
    refused(b"PK\x03\x04....", &["zip archive or a workbook"]);
    refused(b"PAR1........", &["Parquet"]);
    refused(b"BZh91AY&SY..", &["bzip2"]);
    refused(b"\x00\x05\x16\x07....", &["macOS resource fork"]);
    let mut tar = vec![b'x'; 512];
    tar[257..262].copy_from_slice(b"ustar");
    refused(tar, &["tar archive", "tar -xOf"]);
}

#[test]
fn a_folder_and_a_file_that_is_not_there_are_told() {
    let folder = env!("CARGO_MANIFEST_DIR");
    let open = |path: &str| Trace::open(&Input::from_argument(path), &Options::default());
    let problem = open(folder).err().unwrap();
    assert!(problem.message().ends_with("is a folder") && problem.remedy().is_some());
    let problem = open(&format!("{folder}/Cargo.tom")).err().unwrap();
    assert!(problem.message().contains("there is no file"));
    assert_eq!(problem.remedy(), Some("did you mean `Cargo.toml`?"));
}

#[test]
fn options_that_make_no_sense_are_about_their_key() {
    let problem = |toml: &str| read_as(b"t_s\n1\n", &options(toml)).unwrap_err();
    assert_eq!(problem("interval = '0s'").key(), Some("interval"));
    assert_eq!(problem("spread = '0s'").key(), Some("spread"));
    let unknown = problem("format = 'mooncak'");
    assert_eq!(unknown.key(), Some("format"));
    assert!(unknown.message().contains("unknown trace format `mooncak`"));
    assert!(toml::from_str::<Options>("time-unit = 'fortnight'").is_err());
    assert!(toml::from_str::<Options>("delimiter = 'ab'").is_err());
    assert!(toml::from_str::<Options>("columns = { arival = 1 }").is_err());
}

#[test]
fn the_list_of_options_is_that_of_the_schema() {
    let schema = schemars::schema_for!(Options).to_value();
    let keys: Vec<&str> =
        schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, Options::KEYS);
}
