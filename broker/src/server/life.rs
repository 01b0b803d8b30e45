//! The life of the broker: it opens its sockets, serves, listens to signals, and ends.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::error::ServerError;
use super::settings::Settings;
use super::shared::Shared;
use super::state::{self, Autosaver, LOOK_AROUND};
use super::{listener, notify, privileges, run, setup, sys};
use crate::cli::Args;
use crate::config::{Config, Listener};
use crate::log::{LogType, Logger, topic};

/// How long connections may take to end when the broker does.
const FAREWELL: Duration = Duration::from_secs(3);

/// The signals that the broker acts on.
struct Signals {
    hang_up: Signal,
    interrupt: Signal,
    terminate: Signal,
    user1: Signal,
    user2: Signal,
}

/// What a signal asks for.
enum Order {
    Reload,
    Save,
    Describe,
    End,
}

/// Everything that is needed besides what connections share.
struct Life<'a> {
    args: &'a Args,
    config: Config,
    /// The listeners that are open; a reload opens and closes none.
    open: Vec<Listener>,
    shared: Arc<Shared>,
    autosaver: Autosaver,
    /// When retained messages that have expired were looked for.
    retained_looked_at: Instant,
}

/// Serves until a signal says that it is enough.
pub(super) async fn live(
    args: &Args,
    config: Config,
    settings: Settings,
    log: &Logger,
) -> Result<(), ServerError> {
    let mut signals = Signals::new().map_err(|source| ServerError::System {
        what: "listen to signals",
        source,
    })?;
    let sockets = listener::open_all(&config.listeners, log)?;
    let shared = Arc::new(Shared::new(log.clone(), settings));
    state::restore(&shared, &config.persistence)?;
    connect_log(&shared);
    let pid_file = config.service.pid_file.clone();
    if let Some(path) = &pid_file {
        write_pid(path).map_err(|source| ServerError::PidFile {
            path: path.clone(),
            source,
        })?;
    }

    privileges::drop(&config, log)?;

    let mut tasks = JoinSet::new();
    for socket in sockets {
        tasks.spawn(listener::accept(socket, Arc::clone(&shared)));
    }
    if let Some(interval) = config.service.sys_interval {
        tasks.spawn(sys::publish(Arc::clone(&shared), interval));
    }
    if let Some(limit) = notify::watchdog() {
        tasks.spawn(notify::keep_alive(Arc::clone(&shared), limit));
    }
    log.log(
        LogType::Information,
        format_args!("{} running", sys::VERSION),
    );
    notify::tell(&shared, &[NotifyState::Ready]);

    let open = config.listeners.clone();
    let mut life = Life {
        args,
        config,
        open,
        shared,
        autosaver: Autosaver::new(),
        retained_looked_at: Instant::now(),
    };
    life.run(&mut signals).await;
    life.end(tasks).await;
    if let Some(path) = pid_file {
        // The process it names ends: a file that stays is noticed as such.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

impl Life<'_> {
    async fn run(&mut self, signals: &mut Signals) {
        let mut ticks = interval(LOOK_AROUND);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                order = signals.next() => match order {
                    Order::Reload => self.reload().await,
                    Order::Save => self.save().await,
                    Order::Describe => self.describe(),
                    Order::End => return,
                },
                _ = ticks.tick() => self.look_around().await,
            }
        }
    }

    async fn look_around(&mut self) {
        state::expire(&self.shared);
        let interval = self.shared.settings().retain_expiry_interval;
        if self.retained_looked_at.elapsed() >= interval {
            self.retained_looked_at = Instant::now();
            self.shared
                .router
                .expire_retained(self.retained_looked_at.into_std());
        }
        let changes = self.shared.counters.changes.load(Ordering::Relaxed);
        if self.autosaver.is_due(&self.config.persistence, changes) {
            self.save().await;
        }
    }

    async fn save(&mut self) {
        state::save(&self.shared, &self.config.persistence).await;
        self.autosaver.saved();
    }

    /// Takes on a new configuration, or keeps the old one if anything in the new one is wrong.
    async fn reload(&mut self) {
        notify::reloading(&self.shared);
        self.shared
            .log
            .log(LogType::Information, "Reloading config.");
        match self.read_again().await {
            Ok(config) => self.config = config,
            Err(error) => {
                for line in error.with_causes().lines() {
                    self.shared
                        .log
                        .log(LogType::Error, format_args!("Error: {line}"));
                }
                let text = "Error: the configuration was not reloaded: what was running goes on unchanged.";
                self.shared.log.log(LogType::Error, text);
            }
        }
        notify::tell(&self.shared, &[NotifyState::Ready]);
    }

    async fn read_again(&self) -> Result<Config, ServerError> {
        let (args, open) = (self.args.clone(), self.open.clone());
        let read = move || {
            let mut config = run::load(&args)?;
            let complaints = setup::adopt(&open, &mut config);
            let (settings, warnings) = setup::settings(&config)?;
            config.warnings.extend(warnings);
            Ok::<_, ServerError>((config, complaints, settings))
        };
        let read = tokio::task::spawn_blocking(read).await;
        let (config, complaints, settings) = read.map_err(|error| ServerError::System {
            what: "read the configuration again",
            source: io::Error::other(error),
        })??;
        self.shared.log.reconfigure(&config.log)?;
        self.shared.replace_settings(settings);
        run::warn(&self.shared.log, &config.warnings);
        for complaint in complaints {
            self.shared
                .log
                .log(LogType::Warning, format_args!("Warning: {complaint}."));
        }
        Ok(config)
    }

    fn describe(&self) {
        let router = &self.shared.router;
        let (retained, bytes) = router.retained_size();
        self.shared.notice(format_args!(
            "{} sessions, {} of them connected, {} subscriptions, {retained} retained messages ({bytes} bytes).",
            router.session_count(),
            self.shared.counters.clients.load(Ordering::Relaxed),
            router.subscription_count(),
        ));
    }

    /// Ends all connections, with their wills, and saves.
    async fn end(&mut self, mut tasks: JoinSet<()>) {
        notify::tell(&self.shared, &[NotifyState::Stopping]);
        self.shared.log.log(
            LogType::Information,
            format_args!("{} terminating", sys::VERSION),
        );
        tasks.shutdown().await;
        self.shared.stop();
        let limit = Instant::now() + FAREWELL;
        while self.shared.counters.clients.load(Ordering::Relaxed) > 0 && Instant::now() < limit {
            sleep(Duration::from_millis(5)).await;
        }
        self.save().await;
    }
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.hang_up.recv() => Order::Reload,
            _ = self.interrupt.recv() => Order::End,
            _ = self.terminate.recv() => Order::End,
            _ = self.user1.recv() => Order::Save,
            _ = self.user2.recv() => Order::Describe,
        }
    }
}

/// Lets the log publish below `$SYS/broker/log/`.
fn connect_log(shared: &Arc<Shared>) {
    // Weak: the log is part of what is shared.
    let theirs = Arc::downgrade(shared);
    shared.log.set_topic_sink(Box::new(move |kind, line| {
        if let (Some(shared), Some(topic)) = (theirs.upgrade(), topic(kind)) {
            shared.publish_own(topic, line.to_owned(), false);
        }
    }));
}

fn write_pid(path: &Path) -> io::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path)?;
    writeln!(file, "{}", std::process::id())
}
