//! Bad input is refused at its place, with the remedy.

use std::path::Path;

use plimsoll::document::Node;
use plimsoll::scenario::Scenario;

const BASE: &str = "[traffic.main]\narrivals = 'poisson:rate=10/s'\n\
                    service = 'constant:value=10ms'\n[pool.web]\nservers = 4\nzone = 'a'\n\
                    [pool.api]\nservers = 2\nzone = 'b'\n";

fn refusal(rest: &str) -> String {
    let document = Node::from_toml("bad.toml", &format!("{BASE}{rest}")).unwrap();
    match Scenario::from_document(&document, Path::new("")) {
        Ok(_) => panic!("accepted:\n{rest}"),
        Err(problem) => problem.render(false),
    }
}

#[test]
fn mistakes_are_shown_where_they_are_with_what_to_do() {
    let outage = "[failure.x]\nfault = 'outage'\n";
    let at = format!("{outage}at = '1m'\n");
    for (rest, words) in [
        (format!("{at}zone = 'c'\n"), ["zone", "`c`", "`a`, `b`"]),
        (format!("{at}pool = 'wed'\n"), ["pool", "`wed`", "`web`"]),
        (format!("{at}pool = 'web'\nservers = [4]\n"), ["no server 4", "has 4", "from 0 to 3"]),
        (format!("{at}until = '30s'\n"), ["before it begins", "1m", "start of the run"]),
        (format!("{at}lasts = '0s'\n"), ["lasts", "as soon as it begins", "above 0"]),
        (format!("{at}lasts = '10s'\nuntil = '2m'\n"), ["until", "already", "drop one"]),
        (
            format!("{at}lasts = '10s'\nevery = '5s'\n"),
            ["every", "before it has gone", "beginning"],
        ),
        (outage.to_owned(), ["nothing says when", "at = \"10m\"", "up"]),
        (format!("{at}up = 'constant:value=1m'\n"), ["up", "down", "go together"]),
        ("[failure.x]\nat = '1m'\n".to_owned(), ["`fault` is missing", "outage", "errors"]),
        ("[failure.x]\nfault = 'outrage'\nat = '1m'\n".to_owned(), ["fault", "outrage", "outage"]),
        (
            "[failure.x]\nfault = 'slow'\nspeed = 0\nat = '1m'\n".to_owned(),
            ["speed", "above 0", "outage"],
        ),
        (
            "[failure.x]\nfault = 'errors'\nat = '1m'\n".to_owned(),
            ["no request would fail", "share", "nth = 3"],
        ),
        ("[health.checks]\nrise = 0\n".to_owned(), ["rise", "believed", "1 believes"]),
        ("[health.checks]\nfall = 0\n".to_owned(), ["fall", "believed", "1 believes"]),
        ("[health.checks]\ninterval = '0s'\n".to_owned(), ["interval", "above 0", "2s"]),
        (
            "[retry]\nbudget = 1.5\n".to_owned(),
            ["which budget is meant", "a number", "`plimsoll list budget`"],
        ),
        (
            "[retry]\nbudget = { policy = 'share-of-active', share = 1.5 }\n".to_owned(),
            ["share", "1.5", "outside 0"],
        ),
        ("[retry]\nattempts = 0\n".to_owned(), ["attempts", "not be sent", "2 is one retry"]),
        ("[retry]\non = []\n".to_owned(), ["on", "empty", "leave `[retry]` out"]),
        ("[retry]\nbackoff = 'exponential:factor=0.5'\n".to_owned(), ["factor", "below 1", "2 "]),
        ("[hedge]\ncopies = 1\n".to_owned(), ["copies", "at least 2", "leave `[hedge]` out"]),
        ("[timeouts]\nrequest = '0s'\n".to_owned(), ["request", "in time", "leave it out"]),
        ("[breaker]\nfailures = 0\n".to_owned(), ["failures", "at once", "half"]),
        (
            "[admission]\npolicy = 'token-bucket'\nburst = 0.5\n".to_owned(),
            ["burst", "below 1", "nobody"],
        ),
        (
            "[balancer]\ntimer-tick = '1ms'\n".to_owned(),
            ["timer-tick", "no timer", "queue-timeout"],
        ),
        (
            "[health.checks]\ninterval = '1s'\ntimeout = '2s'\n".to_owned(),
            ["timeout", "still wait", "at most `interval`"],
        ),
        (
            "[failure.x]\nfault = 'slow:speed=0.2'\nat = '1m'\n".to_owned(),
            ["name alone", "fault = \"slow\"", "`speed = 0.2`"],
        ),
        (
            "[failure.x]\nfault = 'outage'\nserver = 1\nat = '10s'\n".to_owned(),
            ["unknown key `server`", "did you mean", "servers"],
        ),
        (
            "[failure.x]\nfault = 'outage'\nup = '59m'\ndown = '1m'\n".to_owned(),
            ["unknown distribution `59m`", "constant:value=59m", "exponential:mean=59m"],
        ),
        (format!("{at}servers = []\n"), ["servers", "names no server", "leave it out"]),
        (format!("{at}servers = 3\n"), ["servers = 3", "a list", "write `[3]`"]),
        ("[circuit-breaker]\n".to_owned(), ["circuit-breaker", "did you mean", "`breaker`"]),
        ("[health]\npannic = 0.5\n".to_owned(), ["pannic", "did you mean", "panic"]),
    ] {
        let shown = refusal(&rest);
        for word in words {
            assert!(shown.contains(word), "`{word}` is not said of\n{rest}\n{shown}");
        }
        assert!(shown.contains("bad.toml:"), "no place: {shown}");
    }
}
