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
use crate::config::{Config, Service};
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
    for option in keep(&running.service, &mut config.service) {
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

/// Leaves what is read at the start only as it is, and says what would have changed.
fn keep(running: &Service, wanted: &mut Service) -> Vec<&'static str> {
    let mut changed = Vec::new();
    if wanted.user != running.user {
        wanted.user.clone_from(&running.user);
        changed.push("user");
    }
    if wanted.pid_file != running.pid_file {
        wanted.pid_file.clone_from(&running.pid_file);
        changed.push("pid_file");
    }
    changed
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
    let out =
        |client: &Client| !standing::may_return(&settings, client.identity().username.as_ref());
    let gone = shared.router.end(out, settings.delivery);
    for Ended { client, .. } in &gone {
        let identity = client.identity();
        let (id, user) = (
            &identity.client_id,
            identity.username.as_deref().unwrap_or(""),
        );
        shared.notice(format_args!(
            "Session of client {id} ended: its user is no longer in the password file (u'{user}')."
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
        let running = Config::parse("f", "user a\n").unwrap().service;
        let mut wanted = Config::parse("f", "user b\npid_file /p\nsys_interval 1\n")
            .unwrap()
            .service;
        let mut kept = keep(&running, &mut wanted);
        kept.sort_unstable();
        let at_start = options().filter(|option| option.support == Support::Yes && !option.reload);
        assert_eq!(kept, at_start.map(|option| option.name).collect::<Vec<_>>());
        assert_eq!((&wanted.user, &wanted.pid_file), (&running.user, &None));
        assert_ne!(wanted.sys_interval, running.sys_interval);
        assert_eq!(keep(&running, &mut wanted), [""; 0]);
    }
}
