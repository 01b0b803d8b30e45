//! The destinations of the log, and the thread that writes to them.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use super::line::{Line, severity};
use super::logger::TopicSink;
use super::syslog::Syslog;
use crate::config::{LogDestination, LogSettings, LogType, Timestamps};
use crate::rootly;

/// Where C libraries look for the system's logger.
const SYSLOG_SOCKET: &str = "/dev/log";

/// All destinations.
#[derive(Debug)]
pub(super) struct Sinks {
    streams: Vec<Stream>,
    syslog: Option<Counted<Syslog>>,
    topic: bool,
    timestamps: Timestamps,
}

/// A destination, and the lines that it did not take.
#[derive(Debug)]
struct Counted<T> {
    to: T,
    failed: u64,
}

/// A destination that takes bytes.
#[derive(Debug)]
struct Stream {
    to: Counted<To>,
    /// The stream is read by the journal, which has times of its own and takes the priority from `<N>`.
    journal: bool,
}

#[derive(Debug)]
enum To {
    Stdout(io::Stdout),
    Stderr(io::Stderr),
    File(File),
}

impl Sinks {
    /// Opens the destinations of `settings`.
    ///
    /// # Errors
    ///
    /// The path of a log file that can't be opened, and why.
    pub(super) fn open(settings: &LogSettings) -> Result<Self, (PathBuf, io::Error)> {
        let journal = std::env::var("JOURNAL_STREAM").ok();
        let mut sinks = Self {
            streams: Vec::new(),
            syslog: None,
            topic: false,
            timestamps: settings.timestamps.clone(),
        };
        for destination in &settings.destinations {
            match destination {
                LogDestination::Stdout => sinks.streams.push(Stream {
                    journal: is_journal(io::stdout(), journal.as_deref()),
                    to: Counted::new(To::Stdout(io::stdout())),
                }),
                LogDestination::Stderr => sinks.streams.push(Stream {
                    journal: is_journal(io::stderr(), journal.as_deref()),
                    to: Counted::new(To::Stderr(io::stderr())),
                }),
                LogDestination::File(path) => {
                    let file = open_file(path).map_err(|source| (path.clone(), source))?;
                    sinks.streams.push(Stream {
                        journal: false,
                        to: Counted::new(To::File(file)),
                    });
                }
                LogDestination::Syslog => {
                    let syslog = Syslog::new(SYSLOG_SOCKET.into(), settings.facility);
                    sinks.syslog = Some(Counted::new(syslog));
                }
                LogDestination::Topic => sinks.topic = true,
            }
        }
        Ok(sinks)
    }

    /// Writes a line to all destinations, and says whether all took it.
    ///
    /// One that takes lines again is told how many it missed.
    pub(super) fn write(&mut self, line: &Line, topic: Option<&TopicSink>) -> bool {
        let mut all = true;
        for Stream { to, journal } in &mut self.streams {
            all &= to.write(line, |to, line| {
                let text = if *journal {
                    format!("<{}>{}\n", severity(line.kind), line.text)
                } else {
                    format!("{}\n", line.stamped(&self.timestamps))
                };
                to.write(text.as_bytes()).is_ok()
            });
        }
        if let Some(syslog) = &mut self.syslog {
            all &= syslog.write(line, Syslog::send);
        }
        if let (true, Some(topic)) = (self.topic, topic) {
            topic(line.kind, &line.stamped(&self.timestamps));
        }
        all
    }
}

impl<T> Counted<T> {
    fn new(to: T) -> Self {
        Self { to, failed: 0 }
    }

    /// Writes a line by `write`, which says whether it could.
    fn write(&mut self, line: &Line, mut write: impl FnMut(&mut T, &Line) -> bool) -> bool {
        if self.failed > 0 {
            let text = format!(
                "The log could not be written here: {} lines are missing.",
                self.failed
            );
            if !write(&mut self.to, &Line::new(LogType::Warning, text)) {
                self.failed += 1;
                return false;
            }
            self.failed = 0;
        }
        let written = write(&mut self.to, line);
        self.failed += u64::from(!written);
        written
    }
}

impl To {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.lock().write_all(bytes).and_then(|()| stdout.flush()),
            Self::Stderr(stderr) => stderr.write_all(bytes),
            Self::File(file) => file.write_all(bytes),
        }
    }
}

/// Says so if lines for the system's logger would be lost now: nobody listens where it does.
pub fn syslog_problem(settings: &LogSettings) -> Option<String> {
    if !settings.destinations.contains(&LogDestination::Syslog) {
        return None;
    }
    let connected = UnixDatagram::unbound().and_then(|socket| socket.connect(SYSLOG_SOCKET));
    let error = connected.err()?;
    Some(format!(
        "log_dest syslog: no logger listens at {SYSLOG_SOCKET}, and lines for it are lost until one does: {error}"
    ))
}

/// Opens a log file for appending; a new one is its owner's alone, since it names clients and addresses.
fn open_file(path: &Path) -> io::Result<File> {
    rootly::append(path, 0o600)
}

/// Whether `stream` is the one that systemd connected to the journal.
///
/// The variable names it by device and inode, because a program may have inherited the variable and been given
/// another output since.
fn is_journal(stream: impl AsFd, variable: Option<&str>) -> bool {
    let named = variable.and_then(|text| text.split_once(':'));
    let (Some((device, inode)), Ok(stat)) = (named, rustix::fs::fstat(stream)) else {
        return false;
    };
    device.parse() == Ok(stat.st_dev) && inode.parse() == Ok(stat.st_ino)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_the_journal_only_if_the_variable_names_it() {
        let file = tempfile::tempfile().unwrap();
        let stat = rustix::fs::fstat(&file).unwrap();
        let named = format!("{}:{}", stat.st_dev, stat.st_ino);
        let other = format!("{}:{}", stat.st_dev, stat.st_ino + 1);
        assert!(is_journal(&file, Some(&named)));
        assert!(!is_journal(&file, Some(&other)));
        assert!(!is_journal(&file, Some("nonsense")));
        assert!(!is_journal(&file, None));
    }

    #[test]
    fn a_destination_that_takes_lines_again_is_told_how_many_it_missed() {
        let mut taken = Vec::new();
        let mut to = Counted::new(());
        for (text, works) in [
            ("a", true),
            ("b", false),
            ("c", false),
            ("d", true),
            ("e", true),
        ] {
            let line = Line::new(LogType::Notice, text.to_owned());
            to.write(&line, |(), line| {
                taken.extend(works.then(|| line.text.clone()));
                works
            });
        }
        let missed = "The log could not be written here: 2 lines are missing.";
        assert_eq!(taken, ["a", missed, "d", "e"]);
    }

    #[test]
    fn the_journal_gets_a_priority_and_others_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let stream = |name: &str, journal| {
            let path = folder.path().join(name);
            let to = Counted::new(To::File(open_file(&path).unwrap()));
            (Stream { to, journal }, path)
        };
        let (journal, journal_path) = stream("journal", true);
        let (other, other_path) = stream("other", false);
        let mut sinks = Sinks {
            streams: vec![journal, other],
            syslog: None,
            topic: false,
            timestamps: Timestamps::Format("then".to_owned()),
        };
        assert!(sinks.write(&Line::new(LogType::Error, "oh".to_owned()), None));
        assert!(sinks.write(&Line::new(LogType::Debug, "hm".to_owned()), None));
        let read = |path| std::fs::read_to_string(path).unwrap();
        assert_eq!(read(journal_path), "<3>oh\n<7>hm\n");
        assert_eq!(read(other_path), "then: oh\nthen: hm\n");
    }
}
