//! The rest of the section "general options": how much of everything a client may have, and how messages flow.

use std::time::Duration;

use super::spec::{OptionSpec, Scope::General, works};
use crate::config::value::{self, expected};

pub(super) const OPTIONS: &[OptionSpec] = &[
    works(
        "allow_duplicate_messages",
        General,
        "true|false",
        "true",
        "Whether subscriptions that overlap bring a message once for each of them.",
        |draft, line| {
            draft.limits.allow_duplicate_messages = value::boolean(line.value)?;
            Ok(())
        },
    ),
    works(
        "global_max_clients",
        General,
        "COUNT|-1",
        "-1: no limit",
        "The most sessions, those of clients that are away included.",
        |draft, line| {
            draft.limits.global_max_clients = value::count(line.value)?;
            Ok(())
        },
    ),
    works(
        "global_max_connections",
        General,
        "COUNT|-1",
        "-1: no limit",
        "The most connections on all listeners together.",
        |draft, line| {
            draft.limits.global_max_connections = value::count(line.value)?;
            Ok(())
        },
    ),
    works(
        "max_inflight_bytes",
        General,
        "BYTES",
        "0: no limit",
        "The most bytes on the way to a client without an answer.",
        |draft, line| {
            draft.limits.max_inflight_bytes = value::bytes(line.value)?;
            Ok(())
        },
    ),
    works(
        "max_inflight_messages",
        General,
        "COUNT",
        "20",
        "The most messages of QoS 1 and 2 on the way to a client without an answer; 0 is no limit, 1 keeps their \
         order.",
        |draft, line| {
            draft.limits.max_inflight_messages = value::limit(line.value, 65_535)?;
            Ok(())
        },
    ),
    works(
        "max_keepalive",
        General,
        "SECONDS",
        "65535: no limit",
        "The longest keep-alive. A client of MQTT 5 is told, an older one refused; 0 is no limit.",
        |draft, line| {
            draft.limits.max_keepalive = value::number(line.value, 0..=65_535)?;
            Ok(())
        },
    ),
    works(
        "max_packet_size",
        General,
        "BYTES",
        "2000000",
        "The largest packet that a client may send; 0 is no limit, and less than 20 is refused.",
        |draft, line| {
            // Less than 20 leaves no room for a CONNECT with an id, and the largest packet has 256 MiB and a header.
            match value::limit(line.value, 268_435_460)? {
                Some(0..20) => expected("0 for no limit, or a whole number from 20 to 268435460"),
                limit => {
                    draft.limits.max_packet_size = limit;
                    Ok(())
                }
            }
        },
    ),
    works(
        "max_queued_bytes",
        General,
        "BYTES",
        "0: 64 MiB",
        "The most bytes that wait for a client.",
        |draft, line| {
            draft.limits.max_queued_bytes = value::bytes(line.value)?;
            Ok(())
        },
    ),
    works(
        "max_queued_messages",
        General,
        "COUNT",
        "1000",
        "The most messages that wait for a client, besides those on the way; 0 is no limit.",
        |draft, line| {
            draft.limits.max_queued_messages = value::limit(line.value, u32::MAX)?;
            Ok(())
        },
    ),
    works(
        "memory_limit",
        General,
        "BYTES",
        "0: no limit",
        "The memory of the process above which no further connection is taken. Clients that are connected stay: \
         max_queued_bytes bounds what each may cost.",
        |draft, line| {
            draft.limits.memory_limit = value::bytes(line.value)?;
            Ok(())
        },
    ),
    works(
        "message_size_limit",
        General,
        "BYTES",
        "0: no limit",
        "The largest payload; a larger message is answered and dropped.",
        |draft, line| {
            draft.limits.message_size_limit = value::limit(line.value, 268_435_455)?;
            Ok(())
        },
    ),
    works(
        "persistent_client_expiration",
        General,
        "NUMBER[s|h|d|w|m|y]",
        "never",
        "How long a session waits for a client that is away.",
        |draft, line| {
            draft.limits.persistent_client_expiration = Some(value::expiration(line.value)?);
            Ok(())
        },
    ),
    works(
        "queue_qos0_messages",
        General,
        "true|false",
        "false",
        "Whether messages of QoS 0 too wait for a client that is away.",
        |draft, line| {
            draft.limits.queue_qos0_messages = value::boolean(line.value)?;
            Ok(())
        },
    ),
    works(
        "retain_available",
        General,
        "true|false",
        "true",
        "Whether messages are retained.",
        |draft, line| {
            draft.limits.retain_available = value::boolean(line.value)?;
            Ok(())
        },
    ),
    works(
        "retain_expiry_interval",
        General,
        "MINUTES",
        "0: every minute",
        "How often retained messages that have expired are looked for and removed.",
        |draft, line| {
            let minutes: Option<u32> = value::limit(line.value, 525_600)?;
            draft.limits.retain_expiry_interval =
                minutes.map(|minutes| Duration::from_secs(u64::from(minutes) * 60));
            Ok(())
        },
    ),
    works(
        "upgrade_outgoing_qos",
        General,
        "true|false",
        "false",
        "Whether a message goes out with the QoS of its subscription where that is higher than its own.",
        |draft, line| {
            draft.limits.upgrade_outgoing_qos = value::boolean(line.value)?;
            Ok(())
        },
    ),
];
