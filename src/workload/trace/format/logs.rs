//! Access logs of web servers and load balancers: fields by their places.
//!
//! A log is written when the answer has gone out, so its rows are in order of end, or of nothing;
//! all are sorted when they are read.

use std::ops::Range;

use super::{Format, PLAIN, Shape};
use crate::time_unit::TimeUnit;
use crate::workload::trace::header::Role;
use crate::workload::trace::number::real;
use crate::workload::trace::record::{Layout, split_haproxy, split_log};
use crate::workload::trace::stamp::Clock;

const LOG: Format = Format {
    shape: Shape::Log,
    unsorted: Some("a log is written when requests end"),
    fits: |_| true,
    ..PLAIN
};

/// Common and combined log of Apache, nginx and many others.
pub(super) const COMBINED: Format = Format {
    name: "combined",
    manual: "Common and combined log of Apache and nginx: `host - user [time] \"request\" status \
             bytes \"referer\" \"agent\"`. It has no service times, and stamps of whole seconds, \
             which `spread` undoes. The key is the request line; a status of 500 or more is a \
             failure.",
    names: &["host", "ident", "user", "time", "request", "status", "bytes"],
    roles: &[(Role::Arrival, "time"), (Role::Key, "request"), (Role::Status, "status")],
    ..LOG
};

/// The combined log with nginx' `$request_time` at its end.
pub(super) const TIMED: Format = Format {
    name: "combined-timed",
    manual: "Combined log with `$request_time` (seconds) appended, the usual extension of nginx. A \
             request arrives at the time of its line less its request time.",
    names: &[
        "host",
        "ident",
        "user",
        "time",
        "request",
        "status",
        "bytes",
        "referer",
        "agent",
        "request_time",
    ],
    roles: &[
        (Role::End, "time"),
        (Role::Service, "request_time"),
        (Role::Key, "request"),
        (Role::Status, "status"),
    ],
    service_unit: Some(TimeUnit::Second),
    ..LOG
};

/// The log of the nginx ingress controller of Kubernetes.
pub(super) const INGRESS: Format = Format {
    name: "ingress-nginx",
    manual: "Log of the nginx ingress controller of Kubernetes: the combined log, then request \
             length, request time (seconds) and the upstream's fields. A request arrives at the \
             time of its line less its request time.",
    names: &[
        "host",
        "ident",
        "user",
        "time",
        "request",
        "status",
        "bytes",
        "referer",
        "agent",
        "request_length",
        "request_time",
        "upstream",
    ],
    roles: TIMED.roles,
    service_unit: Some(TimeUnit::Second),
    ..LOG
};

/// Application Load Balancer of AWS.
pub(super) const ALB: Format = Format {
    name: "aws-alb",
    manual: "Access log of AWS' Application Load Balancer. Arrivals are `request_creation_time`, \
             service times `target_processing_time` (seconds; -1 where no target answered, a \
             failure), the key is the request line. Fields added later at the end are passed over.",
    names: &[
        "type",
        "time",
        "elb",
        "client",
        "target",
        "request_processing_time",
        "target_processing_time",
        "response_processing_time",
        "elb_status_code",
        "target_status_code",
        "received_bytes",
        "sent_bytes",
        "request",
        "user_agent",
        "ssl_cipher",
        "ssl_protocol",
        "target_group_arn",
        "trace_id",
        "domain_name",
        "chosen_cert_arn",
        "matched_rule_priority",
        "request_creation_time",
    ],
    roles: &[
        (Role::Arrival, "request_creation_time"),
        (Role::Service, "target_processing_time"),
        (Role::Key, "request"),
        (Role::Status, "elb_status_code"),
    ],
    service_unit: Some(TimeUnit::Second),
    minus_one_failed: true,
    ..LOG
};

/// Envoy's default format.
pub(super) const ENVOY: Format = Format {
    name: "envoy",
    manual: "Envoy's default access log: `[start time] \"request\" code flags received sent \
             duration …`. Service times are the duration in milliseconds, so they include what \
             Envoy and the upstream's queue added; a code of 0 is a client that left.",
    names: &["start_time", "request", "code", "flags", "received", "sent", "duration"],
    roles: &[
        (Role::Arrival, "start_time"),
        (Role::Service, "duration"),
        (Role::Key, "request"),
        (Role::Status, "code"),
    ],
    service_unit: Some(TimeUnit::Millisecond),
    ..LOG
};

/// `HAProxy`'s HTTP log.
pub(super) const HAPROXY: Format = Format {
    name: "haproxy",
    manual: "HAProxy's `option httplog`, with the prefix of syslog. Arrivals are the stamp of the \
             first byte (`%tr`, milliseconds), service times `%Tr`, the server's response time \
             (milliseconds, -1 where there was none, a failure): the wait in HAProxy's queue, \
             `%Tw`, is not in it. Lines about other events are passed over.",
    names: &[
        "client",
        "time",
        "frontend",
        "server",
        "tr_receive",
        "tw_wait",
        "tc_connect",
        "tr_response",
        "ta_total",
        "status",
        "bytes",
    ],
    roles: &[
        (Role::Arrival, "time"),
        (Role::Service, "tr_response"),
        (Role::Key, "client"),
        (Role::Status, "status"),
    ],
    service_unit: Some(TimeUnit::Millisecond),
    minus_one_failed: true,
    ..LOG
};

/// The log format of a line and how it is taken apart, if it is a log's.
pub(in crate::workload::trace) fn recognise(line: &[u8]) -> Option<(&'static Format, Layout)> {
    let mut fields = Vec::new();
    split_haproxy(line, &mut fields);
    let text = |span: &Range<u32>| &line[span.start as usize..span.end as usize];
    let cells: Vec<&[u8]> = fields.iter().map(text).collect();
    let whole = |cell: &[u8]| !cell.is_empty() && cell.iter().all(u8::is_ascii_digit);
    let date = |cell: &[u8]| Clock::is_date(cell);
    let decimal = |cell: &[u8]| real(cell).is_ok() && cell.contains(&b'.');
    if let [client, time, _, _, _, _, _, _, _, status, ..] = cells[..]
        && client.contains(&b':')
        && date(time)
        && whole(status)
    {
        return by_name(HAPROXY.name, Layout::HaProxy);
    }
    let mut fields = Vec::new();
    split_log(line, &mut fields);
    let cells: Vec<&[u8]> = fields.iter().map(text).collect();
    let name = match cells[..] {
        [_, _, _, time, _, status, _, _, _, length, took, _, ..]
            if date(time) && whole(status) && whole(length) && decimal(took) =>
        {
            INGRESS.name
        }
        [_, _, _, time, _, status, _, _, _, took, ..]
            if date(time) && whole(status) && decimal(took) =>
        {
            TIMED.name
        }
        [_, _, _, time, _, status, _, ..] if date(time) && whole(status) => COMBINED.name,
        [kind, time, ..]
            if cells.len() >= ALB.names.len()
                && [&b"http"[..], b"https", b"h2", b"grpcs", b"ws", b"wss"].contains(&kind)
                && date(time) =>
        {
            ALB.name
        }
        [time, _, code, _, _, _, _, ..] if line[0] == b'[' && date(time) && whole(code) => {
            ENVOY.name
        }
        _ => return None,
    };
    by_name(name, Layout::Log)
}

fn by_name(name: &str, layout: Layout) -> Option<(&'static Format, Layout)> {
    super::find(name).ok().map(|format| (format, layout))
}
