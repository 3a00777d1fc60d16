//! Each named format, from a few lines as its files have them; compression; inspection.

use std::io::Write;

use plimsoll::time::Duration;
use plimsoll::time_unit::TimeUnit;
use plimsoll::workload::inspect::inspect;
use plimsoll::workload::trace::{
    Arrivals, Because, FORMATS, Input, Options, Row, Stamps, Trace, Understanding,
};

use super::{options, read, read_with, table, times_ms};

fn seconds_by_format() -> Stamps {
    Stamps::Numbers { unit: TimeUnit::Second, because: Because::Format }
}

fn told(understanding: &Understanding) -> String {
    understanding.advice().join("\n")
}

#[test]
fn azure_llm_has_seven_decimals_and_no_last_newline() {
    let (rows, understanding) = read(
        "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:17:03.9799600,4808,10\r\n\
         2023-11-16 18:17:04.0319600,3180,8",
    );
    assert_eq!(understanding.format, "azure-llm");
    assert_eq!(times_ms(&rows), [0.0, 52.0]);
    assert_eq!((rows[1].input, rows[1].output), (Some(3180), Some(8)));
}

#[test]
fn vidur_and_splitwise_count_seconds() {
    let (rows, understanding) =
        read("arrived_at,num_prefill_tokens,num_decode_tokens\n0.0,374,44\n4.314579,396,109\n");
    assert_eq!(understanding.format, "vidur");
    assert_eq!(understanding.stamps, seconds_by_format());
    assert_eq!(times_ms(&rows), [0.0, 4314.579]);
    let (rows, understanding) = read(
        "request_id,request_type,application_id,arrival_timestamp,batch_size,prompt_size,\
         token_size\n0,2,0,0.0,1,512,100\n1,2,0,0.01,1,128,9\n",
    );
    assert_eq!(understanding.format, "splitwise");
    assert_eq!(times_ms(&rows), [0.0, 10.0]);
    assert_eq!((rows[1].input, rows[1].output), (Some(128), Some(9)));
}

#[test]
fn burstgpt_is_rebased_and_its_empty_answers_are_failures() {
    let (rows, understanding) = read(
        "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n\
         5,ChatGPT,472,18,490,Conversation log\n45,GPT-4,1087,0,1087,API log\n",
    );
    assert_eq!(understanding.format, "burstgpt");
    assert_eq!(times_ms(&rows), [0.0, 40_000.0]);
    assert_eq!((rows[0].failed, rows[1].failed), (false, true));
    assert_eq!(understanding.classes, ["ChatGPT", "GPT-4"]);
    let (rows, understanding) = read(
        "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,\
         Log Type\n19440110.0,abc,1.5,GPT-4,1,2,3,Conversation log\n\
         19440111.5,,0.5,GPT-4,1,2,3,API log\n",
    );
    assert_eq!(understanding.first_stamp, "19440110.0");
    assert_eq!(times_ms(&rows), [0.0, 1500.0]);
    assert_eq!(rows[0].service, Some(Duration::from_millis(1500)));
    assert!(rows[0].key.is_some() && rows[1].key.is_none());
}

#[test]
fn mooncake_counts_milliseconds_and_bailian_and_ragpulse_seconds() {
    let (rows, understanding) = read(
        "{\"timestamp\": 27482, \"input_length\": 6955, \"output_length\": 52, \"hash_ids\": \
         [46, 47]}\n{\"timestamp\": 30535, \"input_length\": 6472, \"output_length\": 26, \
         \"hash_ids\": [46]}\n",
    );
    assert_eq!(understanding.format, "mooncake");
    assert_eq!(times_ms(&rows), [0.0, 3053.0]);
    assert!(told(&understanding).contains("stamps are milliseconds, as the format has it"));

    let (rows, understanding) = read(
        "{\"chat_id\": 159, \"parent_chat_id\": -1, \"timestamp\": 61.114, \"input_length\": 521, \
         \"output_length\": 132, \"type\": \"text\", \"turn\": 1, \"hash_ids\": [1]}\n\
         {\"chat_id\": 160, \"parent_chat_id\": -1, \"timestamp\": 61.2, \"input_length\": 5, \
         \"output_length\": 1, \"type\": \"image\", \"turn\": 1, \"hash_ids\": []}\n\
         {\"chat_id\": 161, \"parent_chat_id\": 159, \"timestamp\": 62, \"input_length\": 5, \
         \"output_length\": 1, \"type\": \"text\", \"turn\": 2, \"hash_ids\": []}\n\
         {\"chat_id\": 162, \"parent_chat_id\": 161, \"timestamp\": 63, \"input_length\": 5, \
         \"output_length\": 1, \"type\": \"text\", \"turn\": 3, \"hash_ids\": []}\n",
    );
    assert_eq!(understanding.format, "bailian");
    assert_eq!(times_ms(&rows), [0.0, 86.0, 886.0, 1886.0]);
    assert_eq!(rows[3].key, rows[0].key, "the third turn belongs to the first");
    assert_ne!(rows[1].key, rows[0].key);

    let (rows, understanding) = read(
        "{\"timestamp\": \"27\", \"input_length\": 3861, \"output_length\": 127, \"hash_ids\": \
         {\"sys_prompt\": [8325]}, \"session_id\": \"a\"}\n\
         {\"timestamp\": \"25\", \"input_length\": 1, \"output_length\": 1, \"hash_ids\": {}, \
         \"session_id\": \"b\"}\n",
    );
    assert_eq!(understanding.format, "ragpulse");
    assert_eq!(times_ms(&rows), [0.0, 2000.0]);
    assert_eq!((rows[0].input, understanding.out_of_order), (Some(1), 1));
    assert!(told(&understanding).contains("two sorted runs"));
}

#[test]
fn azure_functions_2021_arrive_at_their_end_less_their_duration() {
    let (rows, understanding) =
        read("app,func,end_timestamp,duration\na,f,10.5,10.25\na,g,3.0,1.0\nb,h,2.0,1.9\n");
    assert_eq!(understanding.format, "azure-functions-2021");
    assert_eq!(times_ms(&rows), [0.0, 150.0, 1900.0]);
    assert_eq!(rows[2].service, Some(Duration::from_secs(1)));
    assert!(told(&understanding).contains("in order neither of arrival nor of end"));
}

#[test]
fn azure_functions_2019_is_turned_so_that_time_runs_down() {
    let minutes = (1..=1440).map(|minute| minute.to_string()).collect::<Vec<_>>().join(",");
    let row = |name: &str, counts: &[(usize, u32)]| {
        let mut cells = vec!["0".to_owned(); 1440];
        for (minute, count) in counts {
            cells[minute - 1] = count.to_string();
        }
        format!("o,a,{name},http,{}\n", cells.join(","))
    };
    let text = format!(
        "HashOwner,HashApp,HashFunction,Trigger,{minutes}\n{}{}",
        row("f", &[(1, 7), (1440, 1)]),
        row("g", &[(1, 2), (3, 5)]),
    );
    let (rows, understanding) = read(&text);
    assert_eq!(understanding.format, "azure-functions-2019");
    assert_eq!(understanding.requests, 15.0);
    assert_eq!(understanding.span, Duration::from_secs(86_400));
    assert_eq!(understanding.missing_intervals, 0);
    let busy: Vec<(u64, Arrivals)> = rows
        .iter()
        .filter(|row| row.arrivals != Arrivals::Exactly(0))
        .map(|row| (row.at.0 / 60_000_000_000, row.arrivals))
        .collect();
    assert_eq!(busy, [(0, 7), (0, 2), (2, 5), (1439, 1)].map(|(m, n)| (m, Arrivals::Exactly(n))));
    assert!(rows[0].key.is_some() && rows[0].key != rows[1].key);
}

#[test]
fn nasa_servegen_nab_prophet_and_aibrix_are_read() {
    let (rows, understanding) = read(
        "host\tlogname\ttime\tmethod\turl\tresponse\tbytes\treferer\tuseragent\n\
         a.com\t-\t807256800\tGET\t/x \"y\" z\t200\t1713\t\t\n\
         b.com\t-\t807256804\tGET\t/y\t500\t0\t\t\n",
    );
    assert_eq!(understanding.format, "nasa-http");
    assert_eq!(times_ms(&rows), [0.0, 4000.0]);
    assert!(rows[1].failed && !rows[0].failed);

    let (rows, understanding) = read(
        "category,model,window_start_s,total_rate_rps\nlanguage,m-large,0,2.5\n\
         language,m-large,600,1\nreason,r1,0,3\nreason,r1,600,0\n",
    );
    assert_eq!(understanding.format, "servegen-rates");
    assert_eq!(rows[1].arrivals, Arrivals::Mean(1800.0));
    assert_eq!(understanding.requests, 3900.0);
    assert_eq!(understanding.classes, ["m-large", "r1"]);

    let (rows, understanding) =
        read("timestamp,value\n2014-04-10 00:04:00,94.0\n2014-04-10 00:09:00,56.0\n");
    assert_eq!(rows[0].arrivals, Arrivals::Exactly(94));
    assert!(told(&understanding).contains("`value` is read as requests an interval"));

    let (rows, understanding) = read(
        "{\"Timestamp\": \"2024-05-12T00:05:00Z\", \"Sum\": 4.0, \"Unit\": \"Count\"}\n\
         {\"Timestamp\": \"2024-05-12T00:00:00Z\", \"Sum\": 94.0, \"Unit\": \"Count\"}\n",
    );
    assert_eq!((understanding.format, understanding.out_of_order), ("cloudwatch", 1));
    assert_eq!(rows[0].arrivals, Arrivals::Exactly(94));

    let (rows, _) = read(
        "\"Time\",\"Total\",\"Success\",\"4xx Error\"\n2024-10-1 00:00:00,10,9,1\n\
         2024-10-1 00:01:00,20,20,0\n",
    );
    assert_eq!(rows[1].arrivals, Arrivals::Exactly(20));
}

#[test]
fn logs_of_servers_are_read() {
    let (rows, understanding) = read(
        "1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 12 \"-\" \"curl\"\n\
         1.2.3.4 - - [17/May/2015:10:05:05 +0000] \"GET /b HTTP/1.1\" 502 12 \"-\" \"curl\"\n",
    );
    assert_eq!(understanding.format, "combined");
    assert_eq!((times_ms(&rows), rows[1].failed), (vec![0.0, 2000.0], true));

    let (rows, understanding) = read(
        "::1 - - [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 12 \"-\" \"curl\" 0.250\n\
         ::1 - - [17/May/2015:10:05:04 +0000] \"GET /b HTTP/1.1\" 200 12 \"-\" \"curl\" 2.000\n",
    );
    assert_eq!(understanding.format, "combined-timed");
    assert_eq!(times_ms(&rows), [0.0, 750.0]);
    assert_eq!(rows[0].service, Some(Duration::from_secs(2)));

    let (rows, understanding) = read(
        "Feb  6 12:14:14 localhost haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] \
         http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} \
         \"GET /index.html HTTP/1.1\"\n\
         Feb  6 12:14:15 localhost haproxy[14389]: Proxy http-in stopped.\n\
         Feb  6 12:14:15 localhost haproxy[14389]: 10.0.1.2:33318 [06/Feb/2009:12:14:15.655] \
         http-in static/<NOSRV> 10/-1/-1/-1/109 503 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} \
         \"GET /index.html HTTP/1.1\"\n",
    );
    assert_eq!(understanding.format, "haproxy");
    assert_eq!(rows[0].service, Some(Duration::from_millis(69)));
    assert_eq!((rows[1].service, rows[1].failed), (None, true));
    assert_eq!(understanding.skipped[0].reason, "they are not lines of requests");

    let (rows, understanding) = read(
        "[2016-04-15T20:17:00.310Z] \"POST /api/v1/locations HTTP/2\" 204 - 154 0 226 100 \
         \"10.0.35.28\" \"nsq2http\" \"cc21d9b0\" \"locations\" \"tcp://10.0.2.1:80\"\n",
    );
    assert_eq!(understanding.format, "envoy");
    assert_eq!(rows[0].service, Some(Duration::from_millis(226)));

    let (rows, understanding) = read(
        "http 2018-07-02T22:23:00.186641Z app/lb/50dc6c495c0c9188 192.168.131.39:2817 \
         10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 \"GET http://e.com:80/ HTTP/1.1\" \
         \"curl/7.46.0\" - - arn:aws:x \"Root=1\" \"-\" \"-\" 0 2018-07-02T22:22:48.364000Z \
         \"forward\" \"-\" \"-\" \"10.0.0.1:80\" \"200\" \"-\" \"-\"\n",
    );
    assert_eq!(understanding.format, "aws-alb");
    assert_eq!(understanding.first_stamp, "2018-07-02T22:22:48.364Z");
    assert_eq!(rows[0].service, Some(Duration::from_millis(1)));
}

#[test]
fn a_format_may_be_named_and_its_unit_is_not_lent_to_other_columns() {
    let text = "timestamp,input_length,output_length,hash_ids\n5,1,1,x\n7,1,1,y\n";
    let (rows, _) = read_with(text, &options("format = 'mooncake'"));
    assert_eq!(times_ms(&rows), [0.0, 2.0]);
    let vidur = "arrived_at,num_prefill_tokens,num_decode_tokens,sent_ms\n0,1,1,10\n1,1,1,30\n";
    let (rows, _) = read_with(vidur, &options("columns = { arrival = 'sent_ms' }"));
    assert_eq!(times_ms(&rows), [0.0, 20.0]);
}

#[test]
fn every_format_says_what_it_is_and_can_be_found_by_its_name() {
    for format in FORMATS {
        assert!(format.manual.len() > 80, "{}", format.name);
        assert!((10..110).contains(&format.summary().len()), "{}", format.summary());
        options(&format!("format = '{}'", format.name)).check().unwrap();
    }
}

#[test]
fn compressed_files_are_read_by_their_content() {
    let text = b"arrival_s,in\n0,1\n1.5,2\n";
    let zipped = |part: &[u8]| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(part).unwrap();
        gzip.finish().unwrap()
    };
    let packed = |part: &[u8]| {
        ruzstd::encoding::compress_to_vec(part, ruzstd::encoding::CompressionLevel::Fastest)
    };
    // As two members, two frames: what `cat` makes of two compressed files.
    for (bytes, kind) in [
        ([zipped(&text[..8]), zipped(&text[8..])].concat(), "gzip"),
        ([packed(&text[..8]), packed(&text[8..])].concat(), "zstd"),
    ] {
        let mut trace = Trace::open(&Input::memory("t", bytes), &Options::default()).unwrap();
        let mut row = Row::default();
        while trace.next(&mut row).unwrap() {}
        assert_eq!(trace.understanding().compression, Some(kind));
        assert_eq!((trace.understanding().rows, row.at.as_secs_f64()), (2, 1.5));
    }
}

#[test]
fn an_inspection_counts_gaps_minutes_and_silences() {
    // Ten requests a second apart, three silent minutes, then twenty in one second.
    let first = (0..10).map(|i| format!("{i},{},a", i + 1));
    let burst = (0..20).map(|i| format!("{},5,b", 240.0 + f64::from(i) * 0.05));
    let rows = first.chain(burst).chain(["300,5,b".to_owned()]);
    let text = table("arrival_s,service_ms,model", rows);
    let trace = Trace::open(&Input::memory("t.csv", text), &Options::default()).unwrap();
    let seen = inspect(trace).unwrap();
    let counts = seen.counts.unwrap();
    assert_eq!((counts.intervals, counts.empty, counts.peak), (5, 3, 20.0));
    // Counts 10, 0, 0, 0, 20: mean 6, variance 64.
    assert!((counts.mean - 6.0).abs() < 1e-12 && (counts.dispersion - 64.0 / 6.0).abs() < 1e-12);
    assert_eq!(counts.longest_silence_s, 180.0);
    let gaps = seen.gaps.unwrap();
    assert_eq!((gaps.mean_s, gaps.longest_s), (10.0, 231.0));
    assert_eq!(seen.class_requests, [10.0, 21.0]);
    let service = seen.service.unwrap();
    assert!((service.mean - 0.16 / 31.0).abs() < 1e-9 && service.max == 0.01);
}

#[test]
fn an_inspection_finds_the_day_in_a_series_of_counts() {
    let row = |hour: u32| format!("{hour},{}", if hour % 24 < 12 { 100 } else { 10 });
    let text = table("t_h,count", (0..24 * 8).map(row));
    let trace = Trace::open(&Input::memory("t.csv", text), &Options::default()).unwrap();
    let seasons = inspect(trace).unwrap().seasons;
    assert_eq!(seasons.len(), 1);
    // Seven of eight days have a day after them.
    assert!((seasons[0].autocorrelation - 7.0 / 8.0).abs() < 1e-12, "{seasons:?}");
}
