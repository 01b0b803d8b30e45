//! The section "security": who gets in, and who may do what.

use std::time::Duration;

use super::spec::{OptionSpec, Scope::Security, refused, works};
use crate::config::draft::Draft;
use crate::config::value::{self, Parsed, Wrong, expected};

const PLUGINS: &str = "plugins are not supported; password_file and acl_file are";

/// The longest prefix of a made-up client id in bytes: Mosquitto's limit.
const MAX_PREFIX: usize = 50;

pub(super) const OPTIONS: &[OptionSpec] = &[
    works(
        "acl_file",
        Security,
        "PATH",
        "none: everybody may do everything",
        "Who may read and write which topics.",
        |draft, line| {
            draft.security().acl_file = Some(line.value.into());
            Ok(())
        },
    )
    .rest()
    .once(),
    works(
        "allow_anonymous",
        Security,
        "true|false",
        "false; true without any listener",
        "Whether clients without a user name get in.",
        |draft, line| {
            draft.security().allow_anonymous = Some(value::boolean(line.value)?);
            Ok(())
        },
    ),
    works(
        "allow_zero_length_clientid",
        Security,
        "true|false",
        "true",
        "Whether a client may leave its id to the broker.",
        |draft, line| {
            let allowed = value::boolean(line.value)?;
            draft.opened_security(!allowed).allow_zero_length_clientid = Some(allowed);
            Ok(())
        },
    ),
    plugin("auth_opt_*", "VALUE", "An option of the plugin above it."),
    plugin("auth_plugin", "PATH", "The old name of plugin."),
    plugin(
        "auth_plugin_deny_special_chars",
        "true|false",
        "Whether names with wildcards are kept from the plugin.",
    ),
    works(
        "auto_id_prefix",
        Security,
        "PREFIX",
        "auto-",
        "What the id of a client begins with that left it to the broker.",
        |draft, line| {
            draft.security().auto_id_prefix = Some(id_prefix(line.value)?);
            Ok(())
        },
    )
    .rest()
    .once(),
    works(
        "clientid_prefixes",
        Security,
        "PREFIX",
        "none: any client id will do",
        "What a client id has to begin with, on all listeners.",
        |draft, line| {
            draft.clientid_prefixes = Some(line.at(line.value.to_owned()));
            Ok(())
        },
    )
    .rest()
    .once(),
    plugin(
        "global_plugin",
        "PATH",
        "A plugin for all listeners.",
    ),
    works(
        "listener_allow_anonymous",
        Security,
        "true|false",
        "what allow_anonymous says",
        "Whether clients without a user name get in through the listener above it, whatever allow_anonymous says.",
        |draft, line| {
            draft.listener().allow_anonymous = Some(value::boolean(line.value)?);
            Ok(())
        },
    ),
    works(
        "listener_auto_id_prefix",
        Security,
        "PREFIX",
        "what auto_id_prefix says",
        "The same as auto_id_prefix for the listener above it.",
        |draft, line| {
            draft.listener().auto_id_prefix = Some(id_prefix(line.value)?);
            Ok(())
        },
    )
    .rest()
    .once(),
    works(
        "login_failures_max",
        Security,
        "COUNT",
        "10",
        "The failed logins, by address and by name, after which further ones are refused unseen for a while; 0 turns \
         that off.",
        |draft, line| {
            draft.login_failures_max = value::number(line.value, 0..=1_000_000)?;
            Ok(())
        },
    )
    .own(),
    works(
        "login_failures_window",
        Security,
        "SECONDS",
        "300",
        "How long a failed login is remembered; 0 turns that off.",
        |draft, line| {
            let seconds: u32 = value::number(line.value, 0..=86_400)?;
            draft.login_failures_window = Duration::from_secs(seconds.into());
            Ok(())
        },
    )
    .own(),
    works(
        "password_file",
        Security,
        "PATH",
        "none",
        "The user names and the hashes of their passwords.",
        |draft, line| {
            draft.opened_security(true).password_file = Some(line.value.into());
            Ok(())
        },
    )
    .rest()
    .once(),
    works(
        "per_listener_settings",
        Security,
        "true|false",
        "false",
        "Whether each listener has security settings of its own, instead of all the same. It stands above all of them.",
        |draft, line| per_listener(draft, value::boolean(line.value)?),
    ),
    plugin("plugin", "PATH", "A program that is loaded into the broker."),
    plugin("plugin_load", "NAME PATH", "Loads a plugin."),
    plugin("plugin_use", "NAME", "Uses a loaded plugin for a listener."),
    plugin("plugin_opt_*", "VALUE", "An option of the plugin above it."),
    refused(
        "psk_file",
        Security,
        "PATH",
        "Names and pre-shared keys.",
        "pre-shared keys are not supported: use certificates (certfile, keyfile)",
    ),
    works(
        "strict_subscribe",
        Security,
        "true|false",
        "false",
        "Whether SUBSCRIBE fails if acl_file lets the client read nothing of what it asks for. Mosquitto grants all \
         subscriptions and delivers nothing.",
        |draft, line| {
            draft.security().strict_subscribe = Some(value::boolean(line.value)?);
            Ok(())
        },
    )
    .own(),
];

const fn plugin(name: &'static str, syntax: &'static str, help: &'static str) -> OptionSpec {
    refused(name, Security, syntax, help, PLUGINS)
}

/// What a made-up client id begins with.
fn id_prefix(text: &str) -> Parsed<String> {
    if text.len() > MAX_PREFIX {
        return expected(format!("a prefix of at most {MAX_PREFIX} bytes"));
    }
    Ok(text.to_owned())
}

fn per_listener(draft: &mut Draft, per_listener: bool) -> Parsed<()> {
    if draft.has_settings() && per_listener != draft.per_listener {
        return Err(Wrong::Unsupported(
            "per_listener_settings must stand above all listener and security settings".to_owned(),
        ));
    }
    draft.per_listener = per_listener;
    Ok(())
}
