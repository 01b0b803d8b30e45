//! A network of a test's own: a laptop and a Pi with a cable between them, each a namespace.
//!
//! The namespaces have no names, and each lasts as long as the process that holds it. That process
//! ends when its standard input does, which it does with the test however the test ends; daemons are
//! sent a signal when the test's thread is gone. Nothing is left behind, not even by `kill -9`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Ended, Sandbox};

/// The Pi's address.
pub(crate) const PI: &str = "10.55.0.1";

/// A laptop and a Pi.
pub(crate) struct Lan {
    laptop: Computer,
    pi: Computer,
}

/// The process that holds a network and a mount namespace.
struct Computer(Child);

/// A program that runs on the Pi until it is dropped.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Lan {
    /// Lays the cable; `None`, and a word about it, for a user who may not.
    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    pub(crate) fn new() -> Option<Self> {
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            println!("skipped: only root may make network namespaces");
            return None;
        }
        let lan = Self {
            laptop: Computer::new(),
            pi: Computer::new(),
        };
        let pi = lan.pi.0.id();
        lan.laptop.shell(&format!(
            "ip link set lo up
             ip link add name lan0 type veth peer name eth0 netns {pi}
             ip link set dev lan0 addrgenmode none
             ip addr add 10.55.0.2/24 dev lan0
             ip addr add fe80::2/64 dev lan0 nodad
             ip link set lan0 up"
        ));
        lan.pi.shell(&format!(
            "ip link set lo up
             ip link set dev eth0 addrgenmode none
             ip addr add {PI}/24 dev eth0
             ip addr add fe80::1/64 dev eth0 nodad
             ip link set eth0 up"
        ));
        Some(lan)
    }

    /// Runs `provision` on the laptop.
    pub(crate) fn provision(&self, sandbox: &Sandbox, args: &[&str]) -> Ended {
        let mut command = self.laptop.enter(&["--net"]);
        command.arg(env!("CARGO_BIN_EXE_provision")).args(args);
        sandbox.run(&mut command, "")
    }

    /// Starts avahi on the Pi with what `site` has rendered for it, over `family`, `ipv4` or `ipv6`,
    /// and waits until it has told of the service.
    pub(crate) fn advertise(&self, sandbox: &Sandbox, site: &str, family: &str) -> Daemon {
        // Any program for a Pi does as broker, since it is not started here.
        let broker = "/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1";
        let file = "/etc/avahi/services/mqtt-broker.service";
        let render = ["render", "--site", site, "--broker", broker, "--show", file];
        let rendered = sandbox.provision(&render).success().stdout;
        fs::create_dir_all(sandbox.path("services")).unwrap();
        sandbox.write("services/mqtt-broker.service", &rendered);
        let on = |name| if name == family { "yes" } else { "no" };
        sandbox.write(
            "avahi.conf",
            &format!(
                "[server]\nhost-name=broker\nuse-ipv4={}\nuse-ipv6={}\nallow-interfaces=eth0\nenable-dbus=no\n\
                 [wide-area]\nenable-wide-area=no\n\
                 [publish]\npublish-aaaa-on-ipv4=no\npublish-a-on-ipv6=no\n",
                on("ipv4"),
                on("ipv6"),
            ),
        );
        let here = sandbox.path("").display().to_string();
        let script = format!(
            "mount --bind {here}/services /etc/avahi/services
             mount -t tmpfs tmpfs /run
             exec avahi-daemon --file={here}/avahi.conf --no-drop-root --no-chroot --no-rlimits"
        );
        let daemon = self.pi.start(sandbox, "avahi", &["sh", "-euc", &script]);
        daemon.wait_for("mqtt-broker.service) successfully established");
        daemon
    }

    /// Starts a TLS server on the Pi with the certificate of the host `broker` of `site`.
    pub(crate) fn serve(&self, sandbox: &Sandbox, site: &str) -> Daemon {
        let own = |file: &str| {
            let path = sandbox.path(site).join("hosts/broker").join(file);
            path.display().to_string()
        };
        let (certificate, key) = (own("server.crt"), own("server.key"));
        let server = ["openssl", "s_server", "-accept", "8883", "-www"];
        let pair = ["-cert", &certificate, "-key", &key];
        let daemon = self
            .pi
            .start(sandbox, "server", &[&server[..], &pair].concat());
        daemon.wait_for("ACCEPT");
        daemon
    }
}

impl Computer {
    fn new() -> Self {
        let mut child = on_path("unshare")
            .args(["--net", "--mount", "sh", "-c", "echo here; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut told = BufReader::new(child.stdout.take().unwrap());
        told.read_line(&mut line).unwrap();
        let computer = Self(child);
        assert_eq!(line, "here\n", "unshare did not make the namespaces");
        computer
    }

    /// A command that enters the namespaces before it becomes what is added to it.
    fn enter(&self, namespaces: &[&str]) -> Command {
        let mut command = on_path("nsenter");
        command.args(["--target", &self.0.id().to_string()]);
        command.args(namespaces).arg("--");
        command
    }

    fn shell(&self, script: &str) {
        let mut command = self.enter(&["--net"]);
        let output = command.args(["sh", "-euc", script]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }

    fn start(&self, sandbox: &Sandbox, name: &str, program: &[&str]) -> Daemon {
        let log = sandbox.path(&format!("{name}.log"));
        let file = File::create(&log).unwrap();
        let child = self
            .enter(&["--net", "--mount"])
            .args(["setpriv", "--pdeathsig", "KILL", "--"])
            .args(program)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Daemon { child, log }
    }
}

impl Daemon {
    /// Waits until the daemon has said `words`.
    fn wait_for(&self, words: &str) {
        let until = Instant::now() + Duration::from_secs(30);
        while !said(&self.log).contains(words) {
            assert!(Instant::now() < until, "no {words} in\n{}", said(&self.log));
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

impl Drop for Computer {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself; a panic here would hide the test's own.
    drop(child.kill().and_then(|()| child.wait()));
}

fn said(log: &Path) -> String {
    String::from_utf8_lossy(&fs::read(log).unwrap()).into_owned()
}

/// What makes networks is not on everybody's path.
fn on_path(program: &str) -> Command {
    let mut command = Command::new(program);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command
}
