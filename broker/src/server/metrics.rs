//! The broker's figures for Prometheus: as much of HTTP as it takes to hand over one page.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::figure::{Kind, Value};
use super::figures::FIGURES;
use super::report::Report;
use super::shared::Shared;
use super::transport::Transport;

/// The bytes that a request may have.
const MAX_REQUEST: usize = 8 * 1024;

/// How long a request and its answer may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The bytes that a peer may send after its request, before it is cut off.
const MAX_REST: usize = 64 * 1024;

/// The content type of version 0.0.4 of the text format, which everybody understands.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What an HTTP answer says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    TooLarge,
    VersionNotSupported,
}

/// Answers one request, and closes the connection.
pub(super) async fn serve(shared: &Shared, mut transport: Transport) {
    // Whoever is too slow, or gone, learns nothing.
    let _ = timeout(LIMIT, answer(shared, &mut transport)).await;
}

async fn answer(shared: &Shared, transport: &mut Transport) -> io::Result<()> {
    let status = match read_head(transport).await? {
        Some(head) => judge(&head).err().unwrap_or(Status::Ok),
        None => Status::TooLarge,
    };
    let response = response(status, || text(&Report::of(shared)));
    transport.write_all(response.as_bytes()).await?;
    transport.flush().await?;
    transport.shutdown().await?;
    // Closed with bytes unread, the connection would be reset, and the answer perhaps lost on its way.
    let (mut rest, mut scratch) = (0, [0; 1024]);
    while rest < MAX_REST {
        match transport.read(&mut scratch).await? {
            0 => break,
            count => rest += count,
        }
    }
    Ok(())
}

/// The request up to its empty line; `None` if that does not come in time.
async fn read_head(transport: &mut Transport) -> io::Result<Option<Vec<u8>>> {
    let (mut head, mut scratch) = (Vec::new(), [0; 1024]);
    while head.len() < MAX_REQUEST {
        let count = transport.read(&mut scratch).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // The end may lie across two reads.
        let seen = head.len().saturating_sub(3);
        head.extend_from_slice(&scratch[..count]);
        let end = head[seen..].windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            head.truncate(seen + end);
            return Ok(Some(head).filter(|head| head.len() <= MAX_REQUEST));
        }
    }
    Ok(None)
}

/// Whether a request asks for the figures (RFC 9112, sections 2 to 5).
fn judge(head: &[u8]) -> Result<(), Status> {
    let head = std::str::from_utf8(head).map_err(|_bytes| Status::BadRequest)?;
    let mut lines = head.split("\r\n");
    let request: Vec<_> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, version] = request[..] else {
        return Err(Status::BadRequest);
    };
    if !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
        let known = version.starts_with("HTTP/");
        return Err(if known {
            Status::VersionNotSupported
        } else {
            Status::BadRequest
        });
    }
    let mut hosts = 0;
    for line in lines {
        let (name, _) = line.split_once(':').ok_or(Status::BadRequest)?;
        let odd = |c: char| c.is_ascii_whitespace() || c.is_control();
        if name.is_empty() || name.contains(odd) {
            return Err(Status::BadRequest);
        }
        hosts += usize::from(name.eq_ignore_ascii_case("host"));
    }
    if hosts > 1 || (hosts == 0 && version == "HTTP/1.1") {
        return Err(Status::BadRequest);
    }
    if method != "GET" {
        return Err(Status::MethodNotAllowed);
    }
    if path(target) != "/metrics" {
        return Err(Status::NotFound);
    }
    Ok(())
}

/// The path of a request's target, whether or not a host stands before it.
fn path(target: &str) -> &str {
    let path = target.split('?').next().unwrap_or_default();
    match path.split_once("://") {
        Some((_scheme, rest)) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => path,
    }
}

fn response(status: Status, text: impl FnOnce() -> String) -> String {
    let (line, more) = match status {
        Status::Ok => ("200 OK", ""),
        Status::BadRequest => ("400 Bad Request", ""),
        Status::NotFound => ("404 Not Found", ""),
        Status::MethodNotAllowed => ("405 Method Not Allowed", "Allow: GET\r\n"),
        Status::TooLarge => ("431 Request Header Fields Too Large", ""),
        Status::VersionNotSupported => ("505 HTTP Version Not Supported", ""),
    };
    let (kind, body) = match status {
        Status::Ok => (TEXT_FORMAT, text()),
        Status::NotFound => ("text/plain", "The figures are at /metrics.\n".to_owned()),
        _ => ("text/plain", format!("{line}\n")),
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {line}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{more}\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n{body}"
    )
}

/// The figures in the text format of Prometheus. Nothing in it comes from a client.
fn text(report: &Report) -> String {
    let mut text = String::new();
    put(
        &mut text,
        "info",
        "The broker's version.",
        Kind::Gauge,
        1,
        concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}"),
    );
    for figure in FIGURES {
        let (Some(metric), Some(value)) = (figure.metric, figure.value(report)) else {
            continue;
        };
        if let Value::Number(number) | Value::Seconds(number) = value {
            put(
                &mut text,
                metric.name,
                figure.meaning,
                metric.kind,
                number,
                "",
            );
        }
    }
    text
}

fn put(text: &mut String, name: &str, help: &str, kind: Kind, number: u64, labels: &str) {
    let kind = match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
    };
    // Writing to a String does not fail.
    let _ = write!(
        text,
        "# HELP mqtt_broker_{name} {help}\n# TYPE mqtt_broker_{name} {kind}\nmqtt_broker_{name}{labels} {number}\n"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_get_of_the_figures_is_answered_with_them() {
        let judged = |request: &str| judge(request.as_bytes()).err().unwrap_or(Status::Ok);
        let good = [
            "GET /metrics HTTP/1.1\r\nHost: pi:9234\r\nAccept: */*",
            "GET /metrics HTTP/1.0",
            "GET /metrics?x=1 HTTP/1.1\r\nhost:",
            "GET http://pi:9234/metrics HTTP/1.1\r\nHost: pi:9234",
        ];
        for request in good {
            assert_eq!(judged(request), Status::Ok, "{request}");
        }
        let bad = [
            ("", Status::BadRequest),
            ("GET /metrics", Status::BadRequest),
            ("GET  /metrics HTTP/1.1\r\nHost: pi", Status::BadRequest),
            ("GET /metrics HTTP/1.1", Status::BadRequest),
            (
                "GET /metrics HTTP/1.1\r\nHost: pi\r\nHost: pi",
                Status::BadRequest,
            ),
            ("GET /metrics HTTP/1.1\r\nHost : pi", Status::BadRequest),
            (
                "GET /metrics HTTP/1.1\r\nHost: pi\r\n folded",
                Status::BadRequest,
            ),
            ("GET /metrics MQTT/5\r\nHost: pi", Status::BadRequest),
            (
                "GET /metrics HTTP/2.0\r\nHost: pi",
                Status::VersionNotSupported,
            ),
            (
                "POST /metrics HTTP/1.1\r\nHost: pi",
                Status::MethodNotAllowed,
            ),
            (
                "HEAD /metrics HTTP/1.1\r\nHost: pi",
                Status::MethodNotAllowed,
            ),
            ("GET / HTTP/1.1\r\nHost: pi", Status::NotFound),
            ("GET http://pi HTTP/1.1\r\nHost: pi", Status::NotFound),
            ("GET /metrics/ HTTP/1.1\r\nHost: pi", Status::NotFound),
        ];
        for (request, status) in bad {
            assert_eq!(judged(request), status, "{request}");
        }
        assert_eq!(judge(b"GET /\xff HTTP/1.0"), Err(Status::BadRequest));
    }

    #[test]
    fn an_answer_says_how_long_it_is() {
        assert_eq!(
            response(Status::MethodNotAllowed, String::new),
            "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain\r\nContent-Length: 23\r\n\
             Allow: GET\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n405 Method Not Allowed\n"
        );
    }
}
