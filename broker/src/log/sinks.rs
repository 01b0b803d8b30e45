//! The destinations of the log, and the thread that writes to them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::line::{Line, severity};
use super::logger::TopicSink;
use super::syslog::Syslog;
use crate::config::{LogDestination, LogSettings, Timestamps};

/// Where C libraries look for the system's logger.
const SYSLOG_SOCKET: &str = "/dev/log";

/// All destinations.
#[derive(Debug)]
pub(super) struct Sinks {
    streams: Vec<Stream>,
    syslog: Option<Syslog>,
    topic: bool,
    timestamps: Timestamps,
}

/// A destination that takes bytes.
#[derive(Debug)]
struct Stream {
    to: To,
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
                    to: To::Stdout(io::stdout()),
                }),
                LogDestination::Stderr => sinks.streams.push(Stream {
                    journal: is_journal(io::stderr(), journal.as_deref()),
                    to: To::Stderr(io::stderr()),
                }),
                LogDestination::File(path) => {
                    let file = open_file(path).map_err(|source| (path.clone(), source))?;
                    sinks.streams.push(Stream {
                        journal: false,
                        to: To::File(file),
                    });
                }
                LogDestination::Syslog => {
                    sinks.syslog = Some(Syslog::new(SYSLOG_SOCKET.into(), settings.facility));
                }
                LogDestination::Topic => sinks.topic = true,
            }
        }
        Ok(sinks)
    }

    /// Writes a line to all destinations. What fails is left out: there is nobody to tell.
    pub(super) fn write(&mut self, line: &Line, topic: Option<&TopicSink>) {
        let stamped = line.stamped(&self.timestamps);
        for stream in &mut self.streams {
            let text = if stream.journal {
                format!("<{}>{}\n", severity(line.kind), line.text)
            } else {
                format!("{stamped}\n")
            };
            let _ = stream.to.write(text.as_bytes());
        }
        if let Some(syslog) = &mut self.syslog {
            let _ = syslog.send(line);
        }
        if let (true, Some(topic)) = (self.topic, topic) {
            topic(line.kind, &stamped);
        }
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

/// Opens a log file for appending; a new one is its owner's alone, since it names clients and addresses.
fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
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
    use crate::config::LogType;

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
    fn the_journal_gets_a_priority_and_others_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let stream = |name: &str, journal| {
            let path = folder.path().join(name);
            let to = To::File(open_file(&path).unwrap());
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
        sinks.write(&Line::new(LogType::Error, "oh"), None);
        sinks.write(&Line::new(LogType::Debug, "hm"), None);
        let read = |path| std::fs::read_to_string(path).unwrap();
        assert_eq!(read(journal_path), "<3>oh\n<7>hm\n");
        assert_eq!(read(other_path), "then: oh\nthen: hm\n");
    }
}
