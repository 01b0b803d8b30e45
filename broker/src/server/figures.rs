//! Everything that the broker says of itself, in one table: below `$SYS/broker/`, at `/metrics`, in the manual.

use super::figure::{Figure, Origin, Rate};
use super::load::WINDOWS;
use super::report::Report;
use super::sys::VERSION;
use super::traffic::Count;

/// All figures but the averages.
pub(super) const FIGURES: &[Figure] = &[
    Figure::text("version", VERSION, "The broker's name and version."),
    Figure::seconds("uptime", |r| r.uptime, "Seconds since the broker began.")
        .gauge("uptime_seconds"),
    Figure::number(
        "clients/total",
        |r| r.sessions,
        "Sessions: of clients that are connected, and of those that are away.",
    )
    .gauge("sessions"),
    Figure::number(
        "clients/maximum",
        |r| r.most_sessions,
        "The most sessions there were at a time.",
    )
    .gauge("sessions_max"),
    Figure::number(
        "clients/connected",
        |r| r.connected,
        "Clients that are connected.",
    )
    .gauge("clients_connected"),
    Figure::number(
        "clients/active",
        |r| r.connected,
        "The same under its old name.",
    ),
    Figure::number(
        "clients/disconnected",
        Report::disconnected,
        "Sessions whose clients are away.",
    )
    .gauge("clients_disconnected"),
    Figure::number(
        "clients/inactive",
        Report::disconnected,
        "The same under its old name.",
    ),
    Figure::number(
        "clients/expired",
        |r| r.expired,
        "Sessions that ended because their clients were away for too long.",
    )
    .counter("sessions_expired_total"),
    Figure::number(
        "clients/connects",
        |r| r.connects,
        "CONNECT packets that came.",
    )
    .own()
    .counter("connects_total"),
    Figure::number(
        "clients/refused",
        |r| r.refused,
        "CONNECT packets that were refused.",
    )
    .own()
    .counter("connects_refused_total"),
    Figure::number(
        "connections/socket/count",
        |r| r.connections,
        "Network connections that are open.",
    )
    .gauge("connections"),
    Figure::number(
        "connections/socket/total",
        |r| r.accepted,
        "Network connections that were accepted.",
    )
    .own()
    .counter("connections_total"),
    Figure::number(
        "messages/received",
        PACKETS_RECEIVED,
        "Packets of any kind that came.",
    )
    .counter("packets_received_total"),
    Figure::number(
        "messages/sent",
        PACKETS_SENT,
        "Packets of any kind that were sent.",
    )
    .counter("packets_sent_total"),
    Figure::number(
        "store/messages/count",
        Report::stored,
        "Messages that are kept: retained, waiting or in flight. One that waits for several clients counts for each.",
    )
    .gauge("messages_stored"),
    Figure::number("messages/stored", Report::stored, "The same under its old name."),
    Figure::number(
        "store/messages/bytes",
        |r| r.retained_bytes + r.clients.queued_bytes,
        "Bytes of the topics and payloads of messages that are retained or wait.",
    )
    .gauge("messages_stored_bytes"),
    Figure::number(
        "queued messages/count",
        |r| r.clients.queued,
        "Messages that wait for a client.",
    )
    .own()
    .gauge("messages_queued"),
    Figure::number(
        "queued messages/bytes",
        |r| r.clients.queued_bytes,
        "Bytes of the topics and payloads of messages that wait.",
    )
    .own()
    .gauge("messages_queued_bytes"),
    Figure::number(
        "inflight messages/count",
        |r| r.clients.in_flight,
        "Messages that were sent and are not yet acknowledged.",
    )
    .own()
    .gauge("messages_in_flight"),
    Figure::number("subscriptions/count", |r| r.subscriptions, "Subscriptions.")
        .gauge("subscriptions"),
    Figure::number(
        "shared_subscriptions/count",
        |r| r.clients.shared_subscriptions,
        "Shared subscriptions.",
    )
    .gauge("shared_subscriptions"),
    Figure::number(
        "retained messages/count",
        |r| r.retained,
        "Retained messages, those below $SYS included.",
    )
    .gauge("retained_messages"),
    Figure::number(
        "retained messages/bytes",
        |r| r.retained_bytes,
        "Bytes of the topics and payloads of retained messages.",
    )
    .own()
    .gauge("retained_messages_bytes"),
    Figure::number(
        "publish/messages/received",
        PUBLISHES_RECEIVED,
        "Messages that came from clients.",
    )
    .counter("publishes_received_total"),
    Figure::number(
        "publish/messages/sent",
        PUBLISHES_SENT,
        "Messages that went to clients.",
    )
    .counter("publishes_sent_total"),
    Figure::number(
        "publish/messages/dropped",
        |r| r.dropped,
        "Messages that found no room in a client's queue.",
    )
    .counter("publishes_dropped_total"),
    Figure::number(
        "publish/bytes/received",
        |r| r.traffic.of(Count::PayloadReceived),
        "Bytes of the payloads that came.",
    )
    .counter("publish_received_bytes_total"),
    Figure::number(
        "publish/bytes/sent",
        |r| r.traffic.of(Count::PayloadSent),
        "Bytes of the payloads that were sent.",
    )
    .counter("publish_sent_bytes_total"),
    Figure::number(
        "bytes/received",
        BYTES_RECEIVED,
        "Bytes that came over the network, before encryption.",
    )
    .counter("received_bytes_total"),
    Figure::number(
        "bytes/sent",
        BYTES_SENT,
        "Bytes that went over the network, before encryption.",
    )
    .counter("sent_bytes_total"),
    Figure::maybe(
        "heap/current",
        |r| Some(r.memory?.anonymous),
        "Bytes of memory that the broker has for itself. The name is that of Mosquitto 2.0.",
    )
    .gauge("memory_bytes"),
    Figure::maybe(
        "heap/current size",
        |r| Some(r.memory?.anonymous),
        "The same under the name of Mosquitto 2.1.",
    ),
    Figure::maybe(
        "heap/maximum",
        |r| Some(r.memory?.most_resident),
        "The most bytes of memory that the broker ever had, those of its program's file included.",
    )
    .gauge("resident_memory_max_bytes"),
    Figure::maybe(
        "heap/maximum size",
        |r| Some(r.memory?.most_resident),
        "The same under the name of Mosquitto 2.1.",
    ),
    Figure::maybe(
        "memory/resident",
        |r| Some(r.memory?.resident),
        "Bytes of memory in all, those of the program's file included.",
    )
    .own()
    .gauge("resident_memory_bytes"),
    Figure::number(
        "logging/lost",
        |r| r.lost_lines,
        "Lines of the log that could not be written.",
    )
    .own()
    .counter("log_lines_lost_total"),
];

/// All averages.
pub(super) const RATES: [Rate; 9] = [
    Rate::new(
        "messages/received",
        PACKETS_RECEIVED,
        "packets of any kind that came",
    ),
    Rate::new(
        "messages/sent",
        PACKETS_SENT,
        "packets of any kind that were sent",
    ),
    Rate::new(
        "publish/dropped",
        |r| r.dropped,
        "messages that found no room in a client's queue",
    ),
    Rate::new(
        "publish/received",
        PUBLISHES_RECEIVED,
        "messages that came from clients",
    ),
    Rate::new(
        "publish/sent",
        PUBLISHES_SENT,
        "messages that went to clients",
    ),
    Rate::new("bytes/received", BYTES_RECEIVED, "bytes that came"),
    Rate::new("bytes/sent", BYTES_SENT, "bytes that were sent"),
    Rate::new(
        "sockets",
        |r| r.accepted,
        "network connections that were accepted",
    ),
    Rate::new("connections", |r| r.connects, "CONNECT packets that came"),
];

const PACKETS_RECEIVED: fn(&Report) -> u64 = |r| r.traffic.of(Count::PacketsReceived);
const PACKETS_SENT: fn(&Report) -> u64 = |r| r.traffic.of(Count::PacketsSent);
const PUBLISHES_RECEIVED: fn(&Report) -> u64 = |r| r.traffic.of(Count::PublishesReceived);
const PUBLISHES_SENT: fn(&Report) -> u64 = |r| r.traffic.of(Count::PublishesSent);
const BYTES_RECEIVED: fn(&Report) -> u64 = |r| r.traffic.of(Count::BytesReceived);
const BYTES_SENT: fn(&Report) -> u64 = |r| r.traffic.of(Count::BytesSent);

/// The table in Markdown, for the manual.
pub fn manual() -> String {
    let mut text = String::from("| `$SYS/broker/` | `/metrics` | |\n| --- | --- | --- |\n");
    for figure in FIGURES {
        let metric = figure
            .metric
            .map(|metric| format!("`mqtt_broker_{}`", metric.name));
        let own = match figure.origin {
            Origin::Mosquitto => "",
            Origin::Own => " Not in Mosquitto.",
        };
        let meaning = format!("{}{own}", figure.meaning);
        text.push_str(&line(figure.name, &metric.unwrap_or_default(), &meaning));
    }
    for rate in &RATES {
        let windows = WINDOWS.map(|minutes| format!("{minutes}min")).join(",");
        let name = format!("load/{}/{{{windows}}}", rate.name);
        text.push_str(&line(
            &name,
            "",
            &format!("Per minute, averaged: {}.", rate.meaning),
        ));
    }
    text
}

fn line(name: &str, metric: &str, meaning: &str) -> String {
    format!("| `{name}` | {metric} | {meaning} |\n")
}
