//! The real binary with a configuration of its own, on a port of its own.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::PATIENCE;
use crate::support::{free_port, write};

/// What stands above the configuration of each test.
const HEAD: &str = "log_type all\nlog_timestamp false\nlistener {port} 127.0.0.1\n";

const BINARY: &str = env!("CARGO_BIN_EXE_mqtt-broker");

/// A running broker; killed when dropped.
pub(crate) struct Broker {
    child: Child,
    port: u16,
    log: Arc<Mutex<String>>,
    folder: tempfile::TempDir,
}

/// A broker that ended by itself.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Writes a file into `folder`, with `{folder}` and `{port}` replaced.
pub(crate) fn config_file(folder: &Path, name: &str, text: &str, port: u16) -> PathBuf {
    let path = folder.join(name);
    // Started as root it would become a user who can't read the test's folder, unless that is the test.
    let text = if text.lines().any(|line| line.starts_with("user ")) {
        text.to_owned()
    } else {
        format!("{text}\nuser root\n")
    };
    let text = text
        .replace("{folder}", folder.to_str().unwrap())
        .replace("{port}", &port.to_string());
    write(&path, text);
    path
}

/// Runs the broker with arguments that make it end.
pub(crate) fn run_to_end(arguments: &[&str]) -> Ended {
    let mut command = Command::new(BINARY);
    let mut child = command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = wait(&mut child);
    let mut ended = Ended {
        code: status.code(),
        stdout: String::new(),
        stderr: String::new(),
    };
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut ended.stdout)
        .unwrap();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut ended.stderr)
        .unwrap();
    ended
}

fn wait(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("the broker does not end");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

impl Broker {
    /// Starts a broker with `config` below its listener's line, and waits until it runs.
    pub(crate) fn start(config: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), config)
    }

    /// The same in a folder that has files already.
    pub(crate) fn start_in(folder: tempfile::TempDir, config: &str) -> Self {
        Self::start_with(folder, config, &[])
    }

    /// The same with variables in its environment.
    pub(crate) fn start_with(
        folder: tempfile::TempDir,
        config: &str,
        environment: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new(BINARY);
        command.envs(environment.iter().copied());
        Self::start_by(command, folder, config)
    }

    /// The same by another program, which starts the one that its last argument names.
    pub(crate) fn start_through(mut wrapper: Command, config: &str) -> Self {
        wrapper.arg(BINARY);
        Self::start_by(wrapper, tempfile::tempdir().unwrap(), config)
    }

    /// The same with a line above all others.
    pub(crate) fn start_first(folder: tempfile::TempDir, first: &str, config: &str) -> Self {
        let text = format!("{first}\n{HEAD}{config}\n");
        Self::start_as(Command::new(BINARY), folder, &text)
    }

    fn start_by(command: Command, folder: tempfile::TempDir, config: &str) -> Self {
        Self::start_as(command, folder, &format!("{HEAD}{config}\n"))
    }

    fn start_as(mut command: Command, folder: tempfile::TempDir, text: &str) -> Self {
        let port = free_port();
        let path = config_file(folder.path(), "broker.conf", text, port);
        let mut child = command
            .arg("-c")
            .arg(path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, lines) = (child.stderr.take().unwrap(), Arc::clone(&log));
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = lines.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let broker = Self {
            child,
            port,
            log,
            folder,
        };
        broker.wait_for(" running\n");
        broker
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log has `text`.
    pub(crate) fn wait_for(&self, text: &str) {
        let start = Instant::now();
        while !self.log().contains(text) {
            assert!(
                start.elapsed() < PATIENCE,
                "no {text:?} in the log:\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Replaces the configuration below the listener's line.
    pub(crate) fn reconfigure(&self, config: &str) {
        let text = format!("{HEAD}{config}\n");
        config_file(self.folder(), "broker.conf", &text, self.port);
    }

    /// Sends SIGHUP, and waits until the broker has taken on the new configuration.
    pub(crate) fn reload(&self) {
        assert!(self.try_reload(), "the reload failed:\n{}", self.log());
    }

    /// Sends SIGHUP, and waits until the broker has taken on the new configuration or says that it won't.
    pub(crate) fn try_reload(&self) -> bool {
        let outcomes = || {
            let log = self.log();
            let count = |text| log.matches(text).count();
            (
                count("Config reloaded.\n"),
                count("what was running goes on unchanged.\n"),
            )
        };
        let before = outcomes();
        self.signal("HUP");
        let start = Instant::now();
        loop {
            let after = outcomes();
            if after != before {
                return after.0 > before.0;
            }
            assert!(start.elapsed() < PATIENCE, "no reload:\n{}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let number = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .arg(format!("-{name}"))
                .arg(number)
                .status()
                .unwrap()
                .success()
        );
    }

    /// Ends the broker as a power cut would, and hands over its folder.
    pub(crate) fn kill(mut self) -> tempfile::TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    /// Ends the broker with SIGTERM, and hands over its folder and its log.
    pub(crate) fn stop(mut self) -> (tempfile::TempDir, String) {
        self.signal("TERM");
        let status = wait(&mut self.child);
        self.wait_for(" terminating\n");
        assert_eq!(status.code(), Some(0), "{}", self.log());
        let log = self.log();
        (
            std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap()),
            log,
        )
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
