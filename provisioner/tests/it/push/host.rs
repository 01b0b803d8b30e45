//! Machines to push to: real ones, with systemd and OpenSSH's server, in containers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::brokers::our_broker;
use crate::support::{Ended, Sandbox, free_port};

/// After this a test fails rather than waits.
const PATIENCE: Duration = Duration::from_mins(2);

/// A machine that runs, ended when it is dropped.
pub(super) struct Host {
    child: Child,
    /// The port of its SSH server, on 127.0.0.1.
    pub(super) ssh: u16,
    /// A port for its broker.
    pub(super) mqtt: u16,
    /// A port for its broker's clients with certificates.
    pub(super) certificates: u16,
}

/// How a machine differs from an ordinary one.
#[derive(Default)]
pub(super) struct Quirks<'a> {
    /// Further arguments of systemd-nspawn.
    pub(super) nspawn: &'a [String],
    /// Whether only an SSH server runs, and no systemd.
    pub(super) without_systemd: bool,
    /// Its machine id; a random one if empty.
    pub(super) id: &'a str,
}

/// Whether containers can be started here; says so if not.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
pub(super) fn possible() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    let root = id.stdout == b"0\n";
    if !root {
        println!("skipped: only root may start containers");
    }
    root
}

/// The root file system that all machines share, each with changes of its own in memory.
fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/test-host");
        let made = Command::new(script)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(made.status.success(), "ci/test-host failed");
        PathBuf::from(String::from_utf8(made.stdout).unwrap().trim())
    })
}

impl Host {
    /// Boots an ordinary machine, into which the key in the sandbox's `~/.ssh` lets everybody.
    pub(super) fn boot(sandbox: &Sandbox) -> Self {
        Self::boot_with(sandbox, &Quirks::default())
    }

    pub(super) fn boot_with(sandbox: &Sandbox, quirks: &Quirks<'_>) -> Self {
        let (ssh, mqtt, certificates) = (free_port(), free_port(), free_port());
        let folder = sandbox.path(&format!("host-{ssh}"));
        std::fs::create_dir_all(&folder).unwrap();
        let key = folder.join("ssh_host_ed25519_key");
        keygen(&key);
        std::fs::copy(
            login_key(sandbox).with_extension("pub"),
            folder.join("keys"),
        )
        .unwrap();
        let config = format!(
            "Port {ssh}\nListenAddress 127.0.0.1\nListenAddress 127.0.0.2\nHostKey /etc/ssh/test/ssh_host_ed25519_key\n\
             AuthorizedKeysFile /etc/ssh/test/keys\nPasswordAuthentication yes\nUseDNS no\nStrictModes no\n"
        );
        write(&folder.join("sshd.conf"), &config);
        let bind = |from: &Path, to: &str| format!("--bind-ro={}:{to}", from.display());
        let mut command = Command::new("systemd-nspawn");
        command
            .args([
                "--quiet",
                "--register=no",
                "--keep-unit",
                "--volatile=overlay",
                "--hostname=testhost",
            ])
            .arg("--directory")
            .arg(root())
            .arg(bind(&folder, "/etc/ssh/test"))
            .arg(bind(
                &folder.join("sshd.conf"),
                "/etc/ssh/sshd_config.d/test.conf",
            ))
            .args(quirks.nspawn);
        if !quirks.id.is_empty() {
            command.arg(format!("--uuid={}", quirks.id));
        }
        if quirks.without_systemd {
            command.args([
                "--as-pid2",
                "sh",
                "-c",
                "mkdir -p /run/sshd; exec /usr/sbin/sshd -D -e",
            ]);
        } else {
            command.arg("--boot");
        }
        let log = std::fs::File::create(folder.join("console.log")).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let mut host = Self {
            child: command
                .spawn()
                .expect("systemd-nspawn; ci/setup installs it"),
            ssh,
            mqtt,
            certificates,
        };
        host.wait(&folder.join("console.log"));
        host
    }

    fn wait(&mut self, console: &Path) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.ssh)).is_err() {
            let said = || std::fs::read_to_string(console).unwrap_or_default();
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the machine ended: {}", said());
            assert!(
                begun.elapsed() < PATIENCE,
                "the machine does not boot: {}",
                said()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// `USER@127.0.0.1:PORT`.
    pub(super) fn destination(&self, user: &str) -> String {
        format!("{user}@127.0.0.1:{}", self.ssh)
    }

    /// Makes a site for this machine in the sandbox, whose broker has ports of its own.
    pub(super) fn site(&self, sandbox: &Sandbox) {
        let port = self.mqtt.to_string();
        sandbox
            .provision(&["init", "--host", "testhost", "--port", &port])
            .success();
        let site = sandbox.read("site/site.yaml");
        let port = format!("    certificate-port: {}\n", self.certificates);
        sandbox.write("site/site.yaml", &(site + &port));
    }

    /// Runs a shell command on the machine as root.
    pub(super) fn run(&self, sandbox: &Sandbox, command: &str) -> Ended {
        let mut ssh = Command::new("ssh");
        ssh.args([
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=no",
        ])
        .args(["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"])
        .arg("-i")
        .arg(login_key(sandbox))
        .args([
            "-p",
            &self.ssh.to_string(),
            "pi@127.0.0.1",
            "sudo",
            "sh",
            "-c",
        ])
        .arg(format!("'{}'", command.replace('\'', r"'\''")));
        sandbox.run(&mut ssh, "")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The container's first process takes all others with it; systemd-nspawn alone does not.
        for id in descendants(self.child.id()) {
            let _ = Command::new("kill").args(["-KILL", &id]).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The children of a process, as numbers.
fn descendants(parent: u32) -> Vec<String> {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    let children = children.unwrap_or_default();
    children.split_whitespace().map(str::to_owned).collect()
}

/// A sandbox with a login key in its home, and a small broker for this computer in `broker`.
pub(super) fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    keygen(&login_key(&sandbox));
    let mut strip = Command::new("strip");
    strip
        .arg("-o")
        .arg(sandbox.path("broker"))
        .arg(our_broker());
    assert!(strip.status().unwrap().success());
    sandbox
}

/// `provision push` to `destination` with the broker of this workspace.
pub(super) fn push(sandbox: &Sandbox, destination: &str, more: &[&str]) -> Ended {
    let all = [&["push", destination, "--broker", "broker"][..], more].concat();
    sandbox.provision(&all)
}

/// Runs `provision` on a terminal; each answer is typed when the next question is there.
pub(crate) fn on_a_terminal(sandbox: &Sandbox, args: &str, answers: &[&str]) -> Ended {
    let program = env!("CARGO_BIN_EXE_provision");
    on_a_terminal_run(sandbox, &format!("{program} --color never {args}"), answers)
}

/// The same for any command.
pub(super) fn on_a_terminal_run(sandbox: &Sandbox, command: &str, answers: &[&str]) -> Ended {
    let mut script = Command::new("timeout");
    script.args([
        "--foreground",
        "120",
        "script",
        "--quiet",
        "--return",
        "--echo",
        "always",
    ]);
    script.arg("--command").arg(command).arg("/dev/null");
    sandbox.prepare(&mut script);
    script
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = script.spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut said, mut asked) = (Vec::new(), 0);
    let mut answers = answers.iter();
    let mut chunk = [0; 4096];
    // A question ends in a colon and a blank.
    while let Ok(length @ 1..) = stdout.read(&mut chunk) {
        said.extend_from_slice(&chunk[..length]);
        if said[asked..].ends_with(b": ") {
            asked = said.len();
            if let Some(answer) = answers.next() {
                stdin.write_all(answer.as_bytes()).unwrap();
            }
        }
    }
    let folder = sandbox.path("").display().to_string();
    let text = String::from_utf8_lossy(&said).replace(folder.trim_end_matches('/'), "[HERE]");
    Ended {
        code: child.wait().unwrap().code().unwrap_or(-1),
        stdout: text,
        stderr: String::new(),
    }
}

pub(super) fn login_key(sandbox: &Sandbox) -> PathBuf {
    sandbox.path("home/.ssh/id_ed25519")
}

pub(super) fn keygen(path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut keygen = Command::new("ssh-keygen");
    keygen
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path);
    assert!(keygen.status().unwrap().success());
}

pub(super) fn write(path: &Path, text: &str) {
    let mut file = std::fs::File::create(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}
