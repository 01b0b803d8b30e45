//! The table of options as text: for a terminal, as a manual page, and as a table in Markdown.
//!
//! Each is generated from [`options`](crate::config::options) alone, so that none can say anything else than the
//! parser does.

mod listing;
mod markdown;
mod page;

pub use listing::listing;
pub use markdown::markdown;
pub use page::page;

use crate::config::{OptionSpec, Origin, Repeat, Scope, Support};

/// A section's heading.
fn heading(scope: Scope) -> &'static str {
    match scope {
        Scope::General => "General options",
        Scope::Security => "Security",
        Scope::Logging => "Logging",
        Scope::Listener => "Listeners",
        Scope::Tls => "TLS",
        Scope::Bridge => "Bridges",
    }
}

/// What there is to say below a section's heading.
fn introduction(scope: Scope) -> &'static str {
    match scope {
        Scope::General | Scope::Logging => "They are about the broker as a whole.",
        Scope::Security => {
            "They hold for all listeners. With per_listener_settings true, acl_file, allow_anonymous, \
             allow_zero_length_clientid, auto_id_prefix, password_file and strict_subscribe hold for the listener \
             above them alone, and each listener has its own."
        }
        Scope::Listener => {
            "They hold for the listener above them. Above the first listener line, port, bind_address, \
             bind_interface, socket_domain, max_connections, max_qos, switches that are true, and what names files \
             for TLS, open one on port 1883 as in Mosquitto, for which all of them hold; without any of these the \
             others have no effect there, and a warning says so. As soon as there is a listener, clients without a \
             user name are kept out unless allow_anonymous true says otherwise."
        }
        Scope::Tls => {
            "They hold for the listener above them. A listener with certfile and keyfile encrypts, and one with any \
             of the others but without these two is an error."
        }
        Scope::Bridge => "These words are known, and refused.",
    }
}

/// What becomes of an option, in a word.
fn support(option: &OptionSpec) -> &'static str {
    match option.support {
        Support::Yes => "yes",
        Support::Ignored(_) => "ignored",
        Support::Refused(_) => "refused",
    }
}

/// What else there is to know about an option, a sentence each.
fn remarks(option: &OptionSpec) -> Vec<String> {
    let mut remarks = Vec::new();
    match option.support {
        Support::Ignored(why) => return vec![format!("Ignored with a warning: {why}.")],
        Support::Refused(why) => return vec![format!("Refused: {why}.")],
        Support::Yes => {}
    }
    if option.repeat == Repeat::Many {
        remarks.push("There may be several.".to_owned());
    }
    if !option.reload {
        remarks.push("Not reloaded: it is read at the start.".to_owned());
    }
    if option.origin == Origin::Own {
        remarks.push("Mosquitto does not know it.".to_owned());
    }
    remarks
}
