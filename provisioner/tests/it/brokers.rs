//! Brokers that run, a real Mosquitto or our own, and Mosquitto's clients to ask them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::free_port;

/// After this a test fails rather than waits.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running broker, ended when it is dropped.
pub(crate) struct Broker {
    child: Child,
    port: u16,
}

impl Broker {
    /// Starts a real Mosquitto. In `config`, `@PORT@` is replaced by a free port.
    pub(crate) fn mosquitto(folder: &Path, config: &str) -> Self {
        // Started as root it would become a user who can't read the test's folder.
        let config = format!("user root\n{config}");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("mosquitto");
        // Daemons are not on everybody's path.
        command.env("PATH", format!("{path}:/usr/sbin"));
        Self::start(command, folder, &config)
    }

    /// Starts our own broker, the program `binary`, in the same way.
    pub(crate) fn ours(binary: &Path, folder: &Path, config: &str) -> Self {
        // As above, where there is a user called mosquitto.
        let config = format!("user root\n{config}");
        Self::start(Command::new(binary), folder, &config)
    }

    fn start(mut command: Command, folder: &Path, config: &str) -> Self {
        let port = free_port();
        std::fs::create_dir_all(folder).unwrap();
        let (file, log) = (folder.join("broker.conf"), folder.join("broker.log"));
        write(&file, &config.replace("@PORT@", &port.to_string()));
        let output = File::create(&log).unwrap();
        command.arg("-c").arg(&file).stdin(Stdio::null());
        command.stdout(output.try_clone().unwrap()).stderr(output);
        let child = command.spawn().unwrap_or_else(|error| {
            let program = command.get_program().to_string_lossy().into_owned();
            panic!("{program} can't be started ({error}); ci/setup installs it")
        });
        let mut broker = Self { child, port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = broker.child.try_wait().unwrap();
            let said = || std::fs::read_to_string(&log).unwrap();
            assert!(ended.is_none(), "the broker ended: {}", said());
            assert!(
                begun.elapsed() < PATIENCE,
                "the broker does not listen: {}",
                said()
            );
            thread::sleep(Duration::from_millis(20));
        }
        broker
    }

    /// Where it listens on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A client of this broker; its options are in files in `folder`, so that no password is an argument.
    pub(crate) fn client(
        &self,
        folder: &Path,
        user: &str,
        password: &str,
        ca: Option<&Path>,
    ) -> Client {
        let folder = folder.join(format!("{user}-{}", self.port));
        std::fs::create_dir_all(&folder).unwrap();
        let port = self.port;
        let ca = ca
            .map(|ca| format!("--cafile {}\n", ca.display()))
            .unwrap_or_default();
        let options = format!("-h 127.0.0.1\n-p {port}\n-q 1\n-u {user}\n-P {password}\n{ca}");
        for tool in ["mosquitto_pub", "mosquitto_sub"] {
            write(&folder.join(tool), &options);
        }
        Client { folder }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary of our own broker for this computer, built if need be.
pub(crate) fn our_broker() -> PathBuf {
    let provision = Path::new(env!("CARGO_BIN_EXE_provision"));
    let target = provision.ancestors().nth(2).unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args([
        "build",
        "--locked",
        "--quiet",
        "--package",
        "broker",
        "--bin",
        "mqtt-broker",
    ]);
    build
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    // Cargo's own lock makes tests in other processes wait for this.
    assert!(
        build.status().unwrap().success(),
        "the broker can't be built"
    );
    target.join("debug/mqtt-broker")
}

/// Somebody who connects with Mosquitto's clients.
pub(crate) struct Client {
    folder: PathBuf,
}

impl Client {
    /// Publishes with quality of service 1; whether the broker let the client in and confirmed.
    pub(crate) fn publish(&self, topic: &str, payload: &str) -> bool {
        let mut command = Command::new("timeout");
        command.args(["60", "mosquitto_pub", "-t", topic, "-m", payload]);
        command.env("XDG_CONFIG_HOME", &self.folder);
        command.output().unwrap().status.success()
    }

    /// Subscribes to `filter`, and returns when the broker has agreed.
    pub(crate) fn subscribe(&self, filter: &str) -> Subscriber {
        let seconds = (PATIENCE * 5).as_secs().to_string();
        // It becomes mosquitto_sub: to end the one is to end the other.
        let mut command = Command::new("stdbuf");
        command.args([
            "-oL",
            "mosquitto_sub",
            "-d",
            "-W",
            &seconds,
            "-F",
            "> %t %p",
            "-t",
            filter,
        ]);
        command.env("XDG_CONFIG_HOME", &self.folder);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let stdout = child.stdout.take().unwrap();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let subscriber = Subscriber { child, lines };
        while !subscriber.line().starts_with("Subscribed") {}
        subscriber
    }
}

/// A running `mosquitto_sub`, ended when it is dropped.
pub(crate) struct Subscriber {
    child: Child,
    lines: Receiver<String>,
}

impl Subscriber {
    /// The messages as `TOPIC PAYLOAD`, up to `mark`, which is left out.
    pub(crate) fn until(&self, mark: &str) -> BTreeSet<String> {
        let mut messages = BTreeSet::new();
        loop {
            match self.line().strip_prefix("> ") {
                Some(message) if message == mark => return messages,
                Some(message) => drop(messages.insert(message.to_owned())),
                None => {}
            }
        }
    }

    fn line(&self) -> String {
        let line = self.lines.recv_timeout(PATIENCE);
        line.expect("mosquitto_sub prints nothing more")
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write(path: &Path, text: &str) {
    use std::io::Write as _;
    File::create(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}
