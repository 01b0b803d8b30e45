//! The handle that the rest of the broker logs through.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::line::Line;
use super::sinks::Sinks;
use crate::config::{LogSettings, LogType, LogTypes};

/// The lines that may wait to be written. At a hundred bytes each, some 400 KiB.
const WAITING: usize = 4096;

/// Publishes a line below `$SYS/broker/log/`; [`topic`](super::topic) says where. Called from the log's
/// thread: it must not wait, nor log.
pub type TopicSink = Box<dyn Fn(LogType, &str) + Send + Sync>;

/// Why a log can't be opened.
#[derive(Debug, Error)]
pub enum LogError {
    /// The log file can't be opened.
    #[error("cannot open log file {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The thread that writes can't be started.
    #[error("cannot start the thread that writes the log")]
    Thread(#[source] io::Error),
    /// The log is stuck.
    #[error("the log takes no new settings: {WAITING} lines are waiting to be written")]
    Stuck,
}

/// The broker's log. Clones share it.
#[derive(Clone)]
pub struct Logger {
    shared: Arc<Shared>,
    sender: SyncSender<Message>,
}

struct Shared {
    /// A [`LogTypes`] in bits.
    types: AtomicU16,
    /// The lines that found no room.
    lost: AtomicU64,
    /// The lines that some destination did not take.
    failed: AtomicU64,
    topic: RwLock<Option<TopicSink>>,
}

enum Message {
    Line(Line),
    Settings(Box<Sinks>),
    Flush(SyncSender<()>),
}

impl Logger {
    /// Opens the log's destinations and starts the thread that writes to them.
    ///
    /// # Errors
    ///
    /// If a log file can't be opened.
    pub fn new(settings: &LogSettings) -> Result<Self, LogError> {
        let sinks = open(settings)?;
        let shared = Arc::new(Shared {
            types: AtomicU16::new(settings.types.bits()),
            lost: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            topic: RwLock::new(None),
        });
        let (sender, receiver) = sync_channel(WAITING);
        let theirs = Arc::clone(&shared);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_all(&receiver, sinks, &theirs))
            .map_err(LogError::Thread)?;
        Ok(Self { shared, sender })
    }

    /// Whether messages of this type are logged: for text that is costly to make.
    pub fn enabled(&self, kind: LogType) -> bool {
        LogTypes::from_bits(self.shared.types.load(Ordering::Relaxed)).contains(kind)
    }

    /// Logs `text`, best given as `format_args!(…)`: it is formatted only if its type is logged.
    ///
    /// Never waits: if the destinations don't keep up, the line is left out and counted.
    pub fn log(&self, kind: LogType, text: impl fmt::Display) {
        if !self.enabled(kind) {
            return;
        }
        let line = Line::new(kind, text.to_string());
        if let Err(TrySendError::Full(_)) = self.sender.try_send(Message::Line(line)) {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The lines that were left out or that some destination did not take.
    pub fn lost(&self) -> u64 {
        let Shared { lost, failed, .. } = &*self.shared;
        lost.load(Ordering::Relaxed) + failed.load(Ordering::Relaxed)
    }

    /// Changes types and destinations, and opens log files again.
    ///
    /// # Errors
    ///
    /// If a log file can't be opened; then everything stays as it was.
    pub fn reconfigure(&self, settings: &LogSettings) -> Result<(), LogError> {
        let sinks = Message::Settings(Box::new(open(settings)?));
        self.sender
            .try_send(sinks)
            .map_err(|_full| LogError::Stuck)?;
        self.shared
            .types
            .store(settings.types.bits(), Ordering::Relaxed);
        Ok(())
    }

    /// Says how lines are published for `log_dest topic`.
    pub fn set_topic_sink(&self, sink: TopicSink) {
        let mut topic = self
            .shared
            .topic
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *topic = Some(sink);
    }

    /// Waits until all lines so far are written, but no longer than `limit`; whether they are.
    pub fn flush(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let (done, wait) = sync_channel(1);
        let mut message = Message::Flush(done);
        while let Err(TrySendError::Full(back)) = self.sender.try_send(message) {
            if Instant::now() >= end {
                return false;
            }
            message = back;
            thread::sleep(Duration::from_millis(5));
        }
        wait.recv_timeout(end.saturating_duration_since(Instant::now()))
            .is_ok()
    }
}

fn open(settings: &LogSettings) -> Result<Sinks, LogError> {
    Sinks::open(settings).map_err(|(path, source)| LogError::Open { path, source })
}

/// The thread: ends when the last [`Logger`] is gone.
fn write_all(receiver: &Receiver<Message>, mut sinks: Sinks, shared: &Shared) {
    let mut said = 0;
    for message in receiver {
        match message {
            Message::Line(line) => {
                let topic = shared.topic.read().unwrap_or_else(PoisonError::into_inner);
                let lost = shared.lost.load(Ordering::Relaxed);
                if lost > said {
                    let new = lost - said;
                    let text = format!("The log could not keep up: {new} lines were left out.");
                    sinks.write(&Line::new(LogType::Warning, text), topic.as_ref());
                    said = lost;
                }
                if !sinks.write(&line.visible(), topic.as_ref()) {
                    shared.failed.fetch_add(1, Ordering::Relaxed);
                }
            }
            Message::Settings(new) => sinks = *new,
            Message::Flush(done) => {
                // Whoever asked may have stopped waiting.
                let _ = done.try_send(());
            }
        }
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types = LogTypes::from_bits(self.shared.types.load(Ordering::Relaxed));
        f.debug_struct("Logger")
            .field("types", &types)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Mutex;

    use super::*;
    use crate::config::{LogDestination, Timestamps};

    fn settings(destination: LogDestination, types: LogTypes) -> LogSettings {
        LogSettings {
            destinations: vec![destination],
            types,
            timestamps: Timestamps::None,
            ..LogSettings::default()
        }
    }

    fn flush(logger: &Logger) {
        assert!(logger.flush(Duration::from_secs(10)), "the log is stuck");
    }

    #[test]
    fn only_the_types_that_were_asked_for_are_written_and_formatted() {
        struct Untouched;
        impl fmt::Display for Untouched {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic!("formatted although it is not logged")
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let types = LogTypes::NONE.with(LogType::Notice);
        let logger = Logger::new(&settings(LogDestination::File(path.clone()), types)).unwrap();
        logger.log(LogType::Debug, Untouched);
        logger.log(LogType::Notice, format_args!("{} of {}", 1, 2));
        flush(&logger);
        assert_eq!(fs::read_to_string(&path).unwrap(), "1 of 2\n");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_rotated_file_is_opened_again_and_a_bad_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let good = settings(LogDestination::File(path.clone()), LogTypes::ALL);
        let logger = Logger::new(&good).unwrap();
        logger.log(LogType::Notice, "one");
        flush(&logger);
        fs::rename(&path, folder.path().join("log.1")).unwrap();
        logger.reconfigure(&good).unwrap();
        logger.log(LogType::Notice, "two");
        let bad = settings(
            LogDestination::File(folder.path().join("no/log")),
            LogTypes::NONE,
        );
        let error = logger.reconfigure(&bad).unwrap_err();
        assert!(
            error.to_string().starts_with("cannot open log file"),
            "{error}"
        );
        logger.log(LogType::Notice, "three");
        flush(&logger);
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\nthree\n");
        assert_eq!(
            fs::read_to_string(folder.path().join("log.1")).unwrap(),
            "one\n"
        );
    }

    #[test]
    fn a_destination_that_hangs_costs_lines_and_not_time() {
        let logger = Logger::new(&settings(LogDestination::Topic, LogTypes::ALL)).unwrap();
        let (release, hang) = sync_channel::<()>(0);
        let hang = Mutex::new(hang);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&seen);
        logger.set_topic_sink(Box::new(move |_, line| {
            if lines.lock().unwrap().is_empty() {
                hang.lock().unwrap().recv().unwrap();
            }
            lines.lock().unwrap().push(line.to_owned());
        }));
        let start = Instant::now();
        for number in 0..WAITING + 100 {
            logger.log(LogType::Notice, number);
        }
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{:?}",
            start.elapsed()
        );
        release.send(()).unwrap();
        flush(&logger);
        logger.log(LogType::Notice, "after");
        flush(&logger);
        let seen = seen.lock().unwrap();
        assert_eq!(seen.last().unwrap(), "after");
        assert_eq!(
            seen.iter()
                .filter(|line| line.contains("lines were left out"))
                .count(),
            1
        );
        assert!(logger.lost() > 0);
    }

    #[test]
    fn lines_that_a_destination_does_not_take_are_counted() {
        let full = LogDestination::File("/dev/full".into());
        let logger = Logger::new(&settings(full, LogTypes::ALL)).unwrap();
        logger.log(LogType::Notice, "one");
        logger.log(LogType::Notice, "two");
        flush(&logger);
        assert_eq!(logger.lost(), 2);
    }
}
