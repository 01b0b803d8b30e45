//! The sections "general options" and "security" of the manual.

use std::time::Duration;

use super::spec::{OptionSpec, Scope, ignored, refused, works};
use crate::config::value::{self, Wrong, expected};

use Scope::{General, Security};

const PLUGINS: &str = "plugins are not supported; password_file and acl_file are";

pub(super) const OPTIONS: &[OptionSpec] = &[
    works("acl_file", Security, "PATH", |draft, line| {
        draft.security().acl_file = Some(line.value.into());
        Ok(())
    })
    .rest()
    .once(),
    works("allow_anonymous", Security, "true|false", |draft, line| {
        draft.security().allow_anonymous = Some(value::boolean(line.value)?);
        Ok(())
    }),
    works(
        "allow_duplicate_messages",
        General,
        "true|false",
        |draft, line| {
            draft.limits.allow_duplicate_messages = value::boolean(line.value)?;
            Ok(())
        },
    ),
    works(
        "allow_zero_length_clientid",
        Security,
        "true|false",
        |draft, line| {
            draft.security().allow_zero_length_clientid = Some(value::boolean(line.value)?);
            Ok(())
        },
    ),
    refused("auth_opt_*", Security, "VALUE", PLUGINS),
    refused("auth_plugin", Security, "PATH", PLUGINS),
    refused(
        "auth_plugin_deny_special_chars",
        Security,
        "true|false",
        PLUGINS,
    ),
    works("auto_id_prefix", Security, "PREFIX", |draft, line| {
        draft.security().auto_id_prefix = Some(line.value.to_owned());
        Ok(())
    })
    .rest()
    .once(),
    works("autosave_interval", General, "SECONDS", |draft, line| {
        draft.autosave_interval = value::number(line.value, 0..=u32::MAX)?;
        Ok(())
    }),
    works(
        "autosave_on_changes",
        General,
        "true|false",
        |draft, line| {
            draft.autosave_on_changes = value::boolean(line.value)?;
            Ok(())
        },
    ),
    ignored(
        "check_retain_source",
        General,
        "true|false",
        "the sources of retained messages are not kept",
    ),
    works(
        "certificate_warning_days",
        General,
        "DAYS",
        |draft, line| {
            draft.service.certificate_warning_days = value::number(line.value, 0..=36_500)?;
            Ok(())
        },
    ),
    refused(
        "clientid_prefixes",
        General,
        "PREFIX",
        "client ids are free; password_file says who may connect",
    ),
    works(
        "connection_messages",
        Scope::Logging,
        "true|false",
        |draft, line| {
            draft.log.no_connection_messages = !value::boolean(line.value)?;
            Ok(())
        },
    ),
    ignored(
        "enable_control_api",
        General,
        "true|false",
        "there is no control API",
    ),
    refused(
        "global_max_clients",
        General,
        "COUNT",
        "limit the connections of each listener with max_connections",
    ),
    refused(
        "global_max_connections",
        General,
        "COUNT",
        "limit the connections of each listener with max_connections",
    ),
    refused("global_plugin", Security, "PATH", PLUGINS),
    ignored("include_dir", General, "FOLDER", "")
        .includes()
        .many(),
    works("max_inflight_bytes", General, "BYTES", |draft, line| {
        draft.limits.max_inflight_bytes = value::bytes(line.value)?;
        Ok(())
    }),
    works("max_inflight_messages", General, "COUNT", |draft, line| {
        draft.limits.max_inflight_messages = value::limit(line.value, 65_535)?;
        Ok(())
    }),
    works("max_keepalive", General, "SECONDS", |draft, line| {
        draft.limits.max_keepalive = value::number(line.value, 0..=65_535)?;
        Ok(())
    }),
    works("max_packet_size", General, "BYTES", |draft, line| {
        // Less than 20 leaves no room for a CONNECT with an id, and the largest packet has 256 MiB and a header.
        match value::limit(line.value, 268_435_460)? {
            Some(0..20) => expected("0 for no limit, or a whole number from 20 to 268435460"),
            limit => {
                draft.limits.max_packet_size = limit;
                Ok(())
            }
        }
    }),
    works("max_queued_bytes", General, "BYTES", |draft, line| {
        draft.limits.max_queued_bytes = value::bytes(line.value)?;
        Ok(())
    }),
    works("max_queued_messages", General, "COUNT", |draft, line| {
        draft.limits.max_queued_messages = value::limit(line.value, u32::MAX)?;
        Ok(())
    }),
    ignored(
        "memory_limit",
        General,
        "BYTES",
        "max_connections and max_queued_bytes bound the memory",
    ),
    works("message_size_limit", General, "BYTES", |draft, line| {
        draft.limits.message_size_limit = value::limit(line.value, 268_435_455)?;
        Ok(())
    }),
    works("password_file", Security, "PATH", |draft, line| {
        draft.security().password_file = Some(line.value.into());
        Ok(())
    })
    .rest()
    .once(),
    works(
        "per_listener_settings",
        General,
        "true|false",
        |draft, line| {
            let per_listener = value::boolean(line.value)?;
            let late = !draft.listeners.is_empty()
                || draft.default_listener.touched
                || draft.security.is_set();
            if late && per_listener != draft.per_listener {
                return Err(Wrong::Unsupported(
                    "per_listener_settings must stand above all listener and security settings"
                        .to_owned(),
                ));
            }
            draft.per_listener = per_listener;
            Ok(())
        },
    )
    .at_start(),
    works("persistence", General, "true|false", |draft, line| {
        draft.persistence.enabled = value::boolean(line.value)?;
        Ok(())
    }),
    works("persistence_file", General, "NAME", |draft, line| {
        line.value.clone_into(&mut draft.persistence.file);
        Ok(())
    })
    .rest()
    .once(),
    works("persistence_location", General, "FOLDER", |draft, line| {
        draft.persistence.location = line.value.into();
        Ok(())
    })
    .rest()
    .once(),
    works(
        "persistent_client_expiration",
        General,
        "NUMBER[s|h|d|w|m|y]",
        |draft, line| {
            draft.limits.persistent_client_expiration = Some(value::expiration(line.value)?);
            Ok(())
        },
    ),
    works("pid_file", General, "PATH", |draft, line| {
        draft.service.pid_file = Some(line.value.into());
        Ok(())
    })
    .rest()
    .once()
    .at_start(),
    refused("plugin", Security, "PATH", PLUGINS),
    refused("plugin_load", Security, "NAME PATH", PLUGINS),
    refused("plugin_use", Security, "NAME", PLUGINS),
    refused("plugin_opt_*", Security, "VALUE", PLUGINS),
    refused(
        "psk_file",
        Security,
        "PATH",
        "pre-shared keys are not supported: use certificates (certfile, keyfile)",
    ),
    works(
        "queue_qos0_messages",
        General,
        "true|false",
        |draft, line| {
            draft.limits.queue_qos0_messages = value::boolean(line.value)?;
            Ok(())
        },
    ),
    works("retain_available", General, "true|false", |draft, line| {
        draft.limits.retain_available = value::boolean(line.value)?;
        Ok(())
    }),
    refused(
        "retain_expiry_interval",
        General,
        "MINUTES",
        "retained messages do not expire by themselves",
    ),
    works("reload_on_change", General, "true|false", |draft, line| {
        draft.service.reload_on_change = value::boolean(line.value)?;
        Ok(())
    }),
    works("set_tcp_nodelay", General, "true|false", |draft, line| {
        draft.service.set_tcp_nodelay = value::boolean(line.value)?;
        Ok(())
    }),
    works("sys_interval", General, "SECONDS", |draft, line| {
        let seconds: Option<u32> = value::limit(line.value, 65_535)?;
        draft.service.sys_interval = seconds.map(|seconds| Duration::from_secs(seconds.into()));
        Ok(())
    }),
    works(
        "upgrade_outgoing_qos",
        General,
        "true|false",
        |draft, line| {
            draft.limits.upgrade_outgoing_qos = value::boolean(line.value)?;
            Ok(())
        },
    ),
    ignored(
        "user",
        General,
        "NAME",
        "the broker runs as whoever starts it, which systemd's unit says",
    ),
];
