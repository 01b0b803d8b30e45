//! A new configuration for a broker that runs: all of it, or nothing.

use std::io;
use std::sync::Arc;

use super::error::ServerError;
use super::files::Files;
use super::run;
use super::serve::publish_wills;
use super::settings::Settings;
use super::setup::{self, Rules};
use super::shared::Shared;
use super::sockets::Sockets;
use super::standing;
use crate::cli::Args;
use crate::config::{Config, Persistence};
use crate::log::{self, LogType, Logger};
use crate::router::{AccessCheck as _, Client, Ended};

/// A configuration whose own files were read, and the state of all files just before.
pub(super) type Found = (Config, Files);

/// A configuration with the files that it names, read, and not in force yet.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) config: Config,
    pub(super) rules: Rules,
    /// What the files were like before they were read.
    pub(super) files: Files,
}

/// Reads what the command line asks for, but not what the configuration names in its turn.
pub(super) fn find(args: &Args) -> Result<Found, ServerError> {
    // Once to know which files there are, and again when it is known what they are like: what changes from then
    // on is a change.
    let files = Files::of(&run::load(args)?);
    Ok((run::load(args)?, files))
}

impl Loaded {
    /// Reads the files that a configuration names.
    pub(super) fn read((mut config, files): Found) -> Result<Self, ServerError> {
        let rules = setup::rules(&mut config, &files)?;
        Ok(Self {
            config,
            rules,
            files,
        })
    }

    /// Logs what is legal but unwise.
    pub(super) fn warn(&self, log: &Logger) {
        run::warn(log, &self.config.warnings);
        for warning in self.rules.warnings(&self.config) {
            log.log(LogType::Warning, format_args!("Warning: {warning}"));
        }
        if let Some(problem) = log::syslog_problem(&self.config.log) {
            log.log(LogType::Warning, format_args!("Warning: {problem}"));
        }
    }
}

/// Does what may wait for a disk, where that holds up nobody.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServerError> + Send + 'static,
) -> Result<T, ServerError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ServerError::System {
        what: "read the configuration again",
        source: io::Error::other(error),
    })?
}

/// Puts a configuration in force; clients who would not be let in any more are ended.
///
/// Listeners open before anything else changes: if one can't, or the log, all stays as it was.
pub(super) async fn reload(
    found: Found,
    running: &Config,
    shared: &Arc<Shared>,
    sockets: &mut Sockets,
) -> Result<Config, ServerError> {
    let loaded = aside(move || Loaded::read(found)).await?;
    let change = match sockets.prepare(&loaded.config.listeners, &shared.log).await {
        Ok(change) => change,
        Err(error) => {
            sockets.serve(shared);
            return Err(error);
        }
    };
    if let Err(error) = shared.log.reconfigure(&loaded.config.log) {
        sockets.undo(change, &shared.log).await;
        sockets.serve(shared);
        return Err(ServerError::from(error).named(&loaded.config));
    }
    loaded.warn(&shared.log);
    let Loaded {
        mut config, rules, ..
    } = loaded;
    for option in keep(running, &mut config) {
        let text = format!("Warning: {option} takes effect at the next start.");
        shared.log.log(LogType::Warning, text);
    }
    let listeners = change.number(rules.listeners);
    shared.replace_settings(Settings::new(&config, listeners));
    sockets.complete(change, shared).await;
    let theirs = Arc::clone(shared);
    // It looks at every message that waits, which may take a while.
    let settled = tokio::task::spawn_blocking(move || settle(&theirs)).await;
    if let Err(error) = settled {
        let text = format!("Error: sessions were not checked against the new rules: {error}");
        shared.log.log(LogType::Error, text);
    }
    shared.log.log(LogType::Information, "Config reloaded.");
    Ok(config)
}

/// Leaves what is read at the start only as it is, and names what was to change.
///
/// The state goes on being saved where it was: what is in another file was not read, and would be overwritten.
fn keep(running: &Config, wanted: &mut Config) -> Vec<&'static str> {
    let mut kept = Vec::new();
    let mut keep = |option, differs| {
        if differs {
            kept.push(option);
        }
    };
    let (service, persistence) = (&mut wanted.service, &mut wanted.persistence);
    keep("user", service.user != running.service.user);
    keep("pid_file", service.pid_file != running.service.pid_file);
    let before = &running.persistence;
    keep("persistence", persistence.enabled != before.enabled);
    keep("persistence_file", persistence.file != before.file);
    keep(
        "persistence_location",
        persistence.location != before.location,
    );
    service.user.clone_from(&running.service.user);
    service.pid_file.clone_from(&running.service.pid_file);
    *persistence = Persistence {
        autosave: persistence.autosave,
        ..before.clone()
    };
    kept
}

/// Lets new settings have their effect on what is there: messages that may not be read any more are dropped from
/// the queues, and so are the sessions of users who are gone; and every connection is woken, to find out by itself
/// whether it may stay.
fn settle(shared: &Shared) {
    let settings = shared.settings();
    for client in shared.router.clients_now() {
        let mut inbox = client.inbox();
        inbox.filter(|delivery| settings.may_read(&client, delivery.message.topic()));
        inbox.wake();
    }
    let scopes: Vec<_> = settings
        .listeners
        .iter()
        .map(|rules| &rules.scope)
        .collect();
    let out = |client: &Client| {
        let identity = client.identity();
        // Where no listener has its scope any more, nobody can come back to a session.
        let lost = !scopes.contains(&&identity.scope);
        lost || !standing::may_return(&settings, identity.username.as_ref())
    };
    let gone = shared.router.end(out, settings.delivery);
    for Ended { client, .. } in &gone {
        let identity = client.identity();
        let (id, user) = (
            &identity.client_id,
            identity.username.as_deref().unwrap_or(""),
        );
        let why = if standing::may_return(&settings, identity.username.as_ref()) {
            "it belongs to no listener any more"
        } else {
            "its user is no longer in the password file"
        };
        shared.notice(format_args!(
            "Session of client {id} ended: {why} (u'{user}')."
        ));
    }
    publish_wills(shared, &gone, &settings);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Support, options};

    #[test]
    fn what_the_table_says_is_read_at_the_start_only_is_left_as_it_is() {
        let running = Config::parse("f", "user a\n").unwrap();
        let wanted = "user b\npid_file /p\nsys_interval 1\npersistence true\npersistence_file x\n\
             persistence_location /y\nautosave_interval 7\n";
        let mut wanted = Config::parse("f", wanted).unwrap();
        let mut kept = keep(&running, &mut wanted);
        kept.sort_unstable();
        let at_start = options().filter(|option| option.support == Support::Yes && !option.reload);
        let mut at_start: Vec<_> = at_start.map(|option| option.name).collect();
        at_start.sort_unstable();
        assert_eq!(kept, at_start);
        assert_eq!(
            (&wanted.service.user, &wanted.service.pid_file),
            (&running.service.user, &None)
        );
        assert_eq!(wanted.persistence.path(), running.persistence.path());
        assert_ne!(wanted.persistence.autosave, running.persistence.autosave);
        assert_ne!(wanted.service.sys_interval, running.service.sys_interval);
        assert_eq!(keep(&running, &mut wanted), [""; 0]);
    }
}
