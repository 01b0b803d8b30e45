//! The system's logger, spoken to over its socket.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process;

use super::line::{Line, severity, strftime};

/// A connection to the system's logger, made when it is needed and again when it broke.
#[derive(Debug)]
pub(super) struct Syslog {
    path: PathBuf,
    facility: u8,
    socket: Option<UnixDatagram>,
}

impl Syslog {
    /// A logger at the socket `path`.
    pub(super) fn new(path: PathBuf, facility: u8) -> Self {
        Self {
            path,
            facility,
            socket: None,
        }
    }

    /// Sends a line; whether it went.
    ///
    /// The socket does not block: a logger that hangs costs its lines.
    pub(super) fn send(&mut self, line: &Line) -> bool {
        let message = self.message(line);
        // A logger that was restarted has a new socket behind the old name.
        for _ in 0..2 {
            if self.socket.is_none() {
                self.socket = self.connect();
            }
            match self
                .socket
                .as_ref()
                .map(|socket| socket.send(message.as_bytes()))
            {
                Some(Ok(_)) => return true,
                Some(Err(_)) => self.socket = None,
                None => return false,
            }
        }
        false
    }

    fn connect(&self) -> Option<UnixDatagram> {
        let socket = UnixDatagram::unbound().ok()?;
        socket.connect(&self.path).ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(socket)
    }

    /// The message as C libraries send it: RFC 3164 without the host name.
    fn message(&self, line: &Line) -> String {
        let priority = self.facility * 8 + severity(line.kind);
        let time = strftime(
            "%b %e %H:%M:%S",
            &line.time.to_zoned(jiff::tz::TimeZone::system()),
        );
        format!(
            "<{priority}>{time} mqtt-broker[{}]: {}",
            process::id(),
            line.text
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::LogType;

    fn listen(path: &std::path::Path) -> UnixDatagram {
        let server = UnixDatagram::bind(path).unwrap();
        server
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        server
    }

    fn receive(server: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        let length = server.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_line_arrives_with_its_priority_even_after_the_logger_was_restarted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut syslog = Syslog::new(path.clone(), 3);
        let line = Line::new(LogType::Warning, "careful".to_owned());
        assert!(!syslog.send(&line), "nobody listens yet");
        let server = listen(&path);
        assert!(syslog.send(&line));
        let text = receive(&server);
        assert!(text.starts_with("<28>"), "{text}");
        assert!(
            text.ends_with(&format!(" mqtt-broker[{}]: careful", process::id())),
            "{text}"
        );
        drop(server);
        std::fs::remove_file(&path).unwrap();
        let server = listen(&path);
        assert!(syslog.send(&line));
        assert!(receive(&server).ends_with("careful"));
    }
}
