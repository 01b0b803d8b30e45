//! The life of the broker: it opens its sockets, serves, listens to signals, and ends.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::activation::Inherited;
use super::error::ServerError;
use super::expiry::Expiry;
use super::files::{Files, Watch};
use super::reload::{self, Loaded};
use super::settings::Settings;
use super::shared::Shared;
use super::sockets::Sockets;
use super::state::{self, Autosaver, LOOK_AROUND};
use super::{dump, memory, notify, privileges, sys};
use crate::cli::Args;
use crate::config::Config;
use crate::log::{LogType, Logger, topic};
use crate::rootly;

/// How long connections may take to end when the broker does.
const FAREWELL: Duration = Duration::from_secs(3);

/// How long the last bytes to clients may take, when all that is to be saved is.
const LAST_BYTES: Duration = Duration::from_millis(500);

/// Files are looked at when the broker has looked around so many times: every two seconds.
const WATCH_EVERY: u32 = 2;

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
    sockets: Sockets,
    shared: Arc<Shared>,
    autosaver: Autosaver,
    /// When retained messages that have expired were looked for.
    retained_looked_at: Instant,
    /// The configuration that was read last, though it may have had to wait for better files: it names those that
    /// are watched.
    watched: Config,
    watch: Watch,
    expiry: Expiry,
    /// How often it has looked around.
    looks: u32,
}

/// Serves until a signal says that it is enough.
pub(super) async fn live(
    args: &Args,
    loaded: Loaded,
    inherited: Inherited,
    log: &Logger,
) -> Result<(), ServerError> {
    let Loaded {
        config,
        rules,
        files,
    } = loaded;
    let mut signals = Signals::new().map_err(|source| ServerError::System {
        what: "listen to signals",
        source,
    })?;
    let mut sockets = Sockets::new(inherited.ready(log));
    let change = sockets.prepare(&config.listeners, log).await?;
    sockets.warn(log);
    let settings = Settings::new(&config, change.number(rules.listeners));
    let shared = Arc::new(Shared::new(log.clone(), settings));
    state::restore(&shared, &config.persistence)?;
    connect_log(&shared);
    let pid_file = config.service.pid_file.clone();
    if let Some(path) = &pid_file {
        write_pid(path).map_err(|source| {
            let path = path.clone();
            ServerError::PidFile { path, source }.named(&config)
        })?;
    }

    privileges::drop(&config, change.socket_files(), log)?;

    let mut tasks = JoinSet::new();
    sockets.complete(change, &shared).await;
    tasks.spawn(sys::publish(Arc::clone(&shared)));
    if let Some(limit) = notify::watchdog() {
        tasks.spawn(notify::keep_alive(Arc::clone(&shared), limit));
    }
    log.log(
        LogType::Information,
        format_args!("{} running", sys::VERSION),
    );
    notify::tell(&shared, &[NotifyState::Ready]);

    let mut life = Life {
        args,
        watched: config.clone(),
        config,
        sockets,
        shared,
        autosaver: Autosaver::new(),
        retained_looked_at: Instant::now(),
        watch: Watch::default(),
        expiry: Expiry::default(),
        looks: 0,
    };
    life.watch.read(files);
    life.expiry.check(&life.shared, &life.config);
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
                    Order::Describe => dump::dump(&self.shared),
                    Order::End => return,
                },
                _ = ticks.tick() => self.look_around().await,
            }
        }
    }

    async fn look_around(&mut self) {
        state::expire(&self.shared);
        memory::watch(&self.shared);
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
        self.expiry.daily(&self.shared, &self.config);
        self.looks = self.looks.wrapping_add(1);
        if self.config.service.reload_on_change && self.looks % WATCH_EVERY == 0 {
            let config = self.watched.clone();
            let files = tokio::task::spawn_blocking(move || Files::of(&config)).await;
            if files.is_ok_and(|files| self.watch.look(files)) {
                self.shared.log.log(
                    LogType::Information,
                    "A file of the configuration has changed.",
                );
                self.reload().await;
            }
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
        match self.take_on().await {
            Ok(()) => self.expiry.check(&self.shared, &self.config),
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

    async fn take_on(&mut self) -> Result<(), ServerError> {
        // Whatever becomes of it, the same files are not read again before they change.
        self.watch.read(Files::of(&self.watched));
        let args = self.args.clone();
        let found = reload::aside(move || reload::find(&args)).await?;
        self.watched = found.0.clone();
        self.watch.read(found.1.clone());
        self.config = reload::reload(found, &self.config, &self.shared, &mut self.sockets).await?;
        Ok(())
    }

    /// Ends all connections, with their wills, and saves.
    async fn end(&mut self, mut tasks: JoinSet<()>) {
        notify::tell(&self.shared, &[NotifyState::Stopping]);
        self.shared.log.log(
            LogType::Information,
            format_args!("{} terminating", sys::VERSION),
        );
        self.sockets.close().await;
        tasks.shutdown().await;
        self.shared.stop();
        let counters = &self.shared.counters;
        until_zero(&counters.clients, FAREWELL).await;
        self.save().await;
        // Those among them that nobody has logged in by do not know that it is over.
        until_zero(&self.shared.counters.connections, LAST_BYTES).await;
    }
}

/// Waits until a counter is at zero, but no longer than `limit`.
async fn until_zero(counter: &AtomicUsize, limit: Duration) {
    let limit = Instant::now() + limit;
    while counter.load(Ordering::Relaxed) > 0 && Instant::now() < limit {
        sleep(Duration::from_millis(5)).await;
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
    let mut file = rootly::append(path, 0o644)?;
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}
