//! Whatever bytes a file has, reading it ends in rows or in a diagnostic that can be shown.
//!
//! `PLIMSOLL_FUZZ_CASES=1000000 cargo test --test it traces::fuzz` looks harder.

use plimsoll::model::Request;
use plimsoll::rng::Seed;
use plimsoll::time::Instant;
use plimsoll::workload::Source;
use plimsoll::workload::inspect::inspect;
use plimsoll::workload::trace::{Input, Options, Row, Shape, Trace, TraceSource};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::options;

/// Valid files of every kind, to be damaged.
const SEEDS: &[&str] = &[
    "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:17:03.9799600,4808,10\r\n\
     2023-11-16 18:17:04.0319600,3180,8",
    "arrival_s,service_ms,key,status,priority,model\n0,5,a,200,1,x\n1.5,2e1,b,503,-1,y\n",
    "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n\
     19440110.0,abc,1.5,GPT-4,1,2,3,API log\n19440111.5,,0.5,GPT-4,1,0,3,API log\n",
    "{\"timestamp\": 27482, \"input_length\": 6955, \"output_length\": 52, \"hash_ids\": [46]}\n\
     {\"timestamp\": 30535, \"input_length\": 6472, \"output_length\": 26, \"hash_ids\": [46]}\n",
    "{\"timestamp\": \"27\", \"input_length\": 1, \"output_length\": 1, \
     \"hash_ids\": {\"a\": [1]}, \"session_id\": \"a\"}\n",
    "{\"chat_id\": 1, \"parent_chat_id\": -1, \"timestamp\": 6.1, \"input_length\": 5, \
     \"output_length\": 1, \"type\": \"text\", \"turn\": 1, \"hash_ids\": [1]}\n",
    "app,func,end_timestamp,duration\na,f,10.5,10.25\na,g,3.0,1.0\n",
    "HashOwner,HashApp,HashFunction,Trigger,1,2,3\no,a,f,http,0,3,1\no,a,g,queue,2,0,0\n",
    "period,count\n1998-04-30 21:30:00,2\n1998-04-30 21:31:00,11\n1998-04-30 21:35:00,1\n",
    "category,model,window_start_s,total_rate_rps\nl,a,0,2.5\nl,a,600,1\nr,b,0,3\n",
    "0.5,189.0;\n1.5,0.0;\n",
    "1 0 0 2\n",
    "hour,load\n0,120\n1,90\n",
    "\"Time\",\"Total\"\n2024-10-1 00:00:00,10\n2024-10-1 00:01:00,20\n",
    "::1 - - [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 12 \"-\" \"curl\" 0.250\n",
    "Feb  6 12:14:14 l haproxy[14]: 10.0.1.2:33 [06/Feb/2009:12:14:14.655] in s/s1 10/0/30/69/109 \
     200 2750 - - ---- 1/1/1/1/0 0/0 \"GET / HTTP/1.1\"\n",
    "[2016-04-15T20:17:00.310Z] \"POST / HTTP/2\" 204 - 154 0 226 100 \"10.0.35.28\" \"n\"\n",
];

/// Bytes that mean something to some reader.
const MARKS: &[&[u8]] = &[
    b",",
    b"\"",
    b"\n",
    b"\r\n",
    b"\t",
    b";",
    b"|",
    b" ",
    b"[",
    b"]",
    b"{",
    b"}",
    b":",
    b"/",
    b"-",
    b"+",
    b".",
    b"e",
    b"nan",
    b"inf",
    b"NULL",
    b"9",
    b"0",
    b"99999999999999999999",
    b"1e308",
    b"-1",
    b"\xff",
    b"\0",
    b"\xef\xbb\xbf",
    b"\x1f\x8b\x08",
    b"\x28\xb5\x2f\xfd",
    b"#",
    b"2024-02-30",
    b"2262-04-11 23:47:16.854775807",
    b"0001-01-01",
    b"9223372036.854775807",
];

#[derive(Clone, Debug)]
enum Damage {
    Insert(usize, usize),
    Remove(usize, usize),
    Flip(usize, u8),
    Repeat(usize, usize),
    Cut(usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<usize>(), 0..MARKS.len()).prop_map(|(at, mark)| Damage::Insert(at, mark)),
        (any::<usize>(), 1_usize..8).prop_map(|(at, len)| Damage::Remove(at, len)),
        (any::<usize>(), any::<u8>()).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        (any::<usize>(), 1_usize..40).prop_map(|(at, len)| Damage::Repeat(at, len)),
        any::<usize>().prop_map(Damage::Cut),
    ]
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let len = bytes.len().max(1);
        match *damage {
            Damage::Insert(at, mark) => {
                let at = (at % len).min(bytes.len());
                bytes.splice(at..at, MARKS[mark].iter().copied());
            }
            Damage::Remove(at, few) => {
                let at = at % len;
                bytes.drain(at.min(bytes.len())..(at + few).min(bytes.len()));
            }
            Damage::Flip(at, bits) => {
                if let Some(byte) = bytes.get_mut(at % len) {
                    *byte ^= bits;
                }
            }
            Damage::Repeat(at, few) => {
                let at = (at % len).min(bytes.len());
                let again = bytes[at..(at + few).min(bytes.len())].to_vec();
                bytes.splice(at..at, again);
            }
            Damage::Cut(at) => bytes.truncate(at % len),
        }
    }
    bytes
}

fn file() -> impl Strategy<Value = Vec<u8>> {
    let marks = prop::collection::vec(0..MARKS.len(), 0..40)
        .prop_map(|marks| marks.iter().flat_map(|mark| MARKS[*mark].to_vec()).collect());
    let seed = (0..SEEDS.len(), prop::collection::vec(damage(), 0..6))
        .prop_map(|(seed, damages)| damaged(SEEDS[seed].as_bytes().to_vec(), &damages));
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => marks,
        6 => seed,
    ]
}

fn some_options() -> Vec<Options> {
    [
        "",
        "sort = true",
        "skip-damaged = true\nskip-failed = true\ntime-unit = 'ms'\nservice-unit = 'us'",
        "interval = '1m'\nspread = true",
        "header = false\ncolumns = { arrival = 1, service = 2, key = 3 }\ntime-unit = 's'",
        "columns = { arrival = 1, count = 2 }\ntime-unit = 'd'\nsort = true\nskip-damaged = true",
        "delimiter = 'space'\ninterval = '1ns'\ntime-format = '%H:%M %d'",
        "format = 'haproxy'",
        "format = 'azure-functions-2019'",
        "format = 'limbo'\ninterval = '292y'",
    ]
    .map(options)
    .to_vec()
}

/// Reads a file in every way there is; all that can be asked of it is that it comes back.
fn exercise(bytes: &[u8], options: &Options) {
    let input = Input::memory("fuzz", bytes);
    let shown = |problem: plimsoll::diagnose::Problem| {
        let text = problem.render(false);
        assert!(!text.is_empty() && !problem.message().is_empty());
    };
    match Trace::open(&input, options).and_then(inspect) {
        Ok(seen) => {
            assert!(seen.understanding.rows > 0);
            assert!(!seen.advice().is_empty());
            assert!(serde_json::to_string(&seen).is_ok());
        }
        Err(problem) => shown(problem),
    }
    let complete = |row: &Row| Request { key: row.key.unwrap_or(0), ..Request::default() };
    let shape = Shape { rate_scale: 1.5, speed_up: 2.0, ..Shape::default() };
    let source = Trace::open(&input, options)
        .and_then(|trace| TraceSource::new(trace, shape, Seed::new(1, 0), "fuzz", complete));
    match source {
        Ok(mut source) => {
            let mut requests = Vec::new();
            // A count may be of billions: a few chunks of it will do.
            for _ in 0..3 {
                if let Err(problem) = source.fill(&mut requests) {
                    return shown(problem);
                }
            }
            let mut last = Instant::START;
            for request in requests {
                assert!(request.arrival >= last, "requests come in order");
                last = request.arrival;
            }
        }
        Err(problem) => shown(problem),
    }
}

#[test]
fn no_file_makes_the_reader_panic() {
    let cases = std::env::var("PLIMSOLL_FUZZ_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = cases.unwrap_or(20_000);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let variants = some_options();
    let files = (file(), 0..variants.len());
    TestRunner::new_with_rng(config, rng)
        .run(&files, |(bytes, variant)| {
            exercise(&bytes, &variants[variant]);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
