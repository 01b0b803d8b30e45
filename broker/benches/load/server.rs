//! A broker as a process: started with the settings of the other one, and watched from outside.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use crate::{Outcome, login};

/// How long a broker may take to start.
const START: Duration = Duration::from_secs(10);

/// Ticks of a processor's time per second, the same on all of Linux's common systems.
const TICKS: f64 = 100.0;

/// Which broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ours,
    Theirs,
}

/// What all brokers need: a folder with a certificate, and clients' trust in it.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    pub(crate) tls: Arc<ClientConfig>,
}

/// A running broker; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
    started: Duration,
}

impl Site {
    pub(crate) fn new() -> Outcome<Self> {
        raise_limit()?;
        let folder = tempfile::tempdir()?;
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
        write(folder.path(), "server.crt", &certificate.pem())?;
        write(folder.path(), "server.key", &key.serialize_pem())?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(certificate.der().to_vec()))?;
        let mut tls = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        // Each login is a whole handshake.
        tls.resumption = Resumption::disabled();
        let tls = Arc::new(tls);
        Ok(Self { folder, tls })
    }
}

/// Takes as many open files as there may be; brokers inherit that.
fn raise_limit() -> Outcome<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = maximum.map_or(Some(65_536), |maximum| Some(maximum.min(65_536)));
    Ok(setrlimit(Resource::Nofile, Rlimit { current, maximum })?)
}

fn write(folder: &Path, name: &str, text: &str) -> Outcome<()> {
    use std::io::Write as _;
    Ok(fs::File::create(folder.join(name))?.write_all(text.as_bytes())?)
}

fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

impl Server {
    /// Starts a broker that keeps and logs nothing, and waits until it answers.
    ///
    /// With `nodelay` it is told to send small packets at once, which ours does by itself.
    pub(crate) async fn start(site: &Site, kind: Kind, nodelay: bool) -> Outcome<Self> {
        let nodelay = if nodelay {
            "set_tcp_nodelay true\n"
        } else {
            ""
        };
        let (port, tls_port) = (free_port()?, free_port()?);
        let folder = site.folder.path().display();
        // `user` is for a Mosquitto that root starts, which could not read the key otherwise.
        let config = format!(
            "user root\nlog_dest none\nlog_type none\nconnection_messages false\npersistence false\nsys_interval 0\n\
             max_queued_messages 0\n{nodelay}allow_anonymous true\nlistener {port} 127.0.0.1\nlistener {tls_port} 127.0.0.1\n\
             certfile {folder}/server.crt\nkeyfile {folder}/server.key\n"
        );
        let name = format!("{kind:?}.conf");
        write(site.folder.path(), &name, &config)?;
        let start = Instant::now();
        let child = Command::new(kind.program())
            .arg("-c")
            .arg(site.folder.path().join(name))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut server = Self {
            child,
            port,
            tls_port,
            started: Duration::ZERO,
        };
        while login::once(&server, None, "first").await.is_err() {
            if start.elapsed() > START {
                return Err(format!("{} does not start", kind.program()).into());
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        server.started = start.elapsed();
        Ok(server)
    }

    /// From its start to its first answer.
    pub(crate) fn started_millis(&self) -> f64 {
        self.started.as_secs_f64() * 1e3
    }

    /// The seconds of processor time that it has used so far.
    pub(crate) fn cpu(&self) -> Outcome<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in parentheses may have spaces; behind it, the 12th and 13th are user and system time.
        let (_, fields) = stat.rsplit_once(')').ok_or("no name in /proc/PID/stat")?;
        let times = fields.split_whitespace().skip(11).take(2);
        let mut ticks = 0;
        for time in times {
            ticks += time.parse::<u32>()?;
        }
        Ok(f64::from(ticks) / TICKS)
    }

    /// The memory that it has now.
    pub(crate) fn memory_kib(&self) -> Outcome<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.ok_or("no VmRSS in /proc/PID/status")?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Kind {
    fn program(self) -> &'static str {
        match self {
            Self::Ours => env!("CARGO_BIN_EXE_mqtt-broker"),
            Self::Theirs => "mosquitto",
        }
    }
}

/// The machine in a line.
pub(crate) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned())
    };
    let (about, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let model = field(&about, "model name").or_else(|| field(&about, "Model"));
    format!(
        "{}, {} processors, {} of memory, Linux {}",
        model.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        std::thread::available_parallelism().map_or(1, usize::from),
        field(&memory, "MemTotal").unwrap_or_default(),
        read("/proc/sys/kernel/osrelease").trim()
    )
}

/// Both brokers' versions.
pub(crate) fn versions() -> Outcome<String> {
    let help = Command::new(Kind::Theirs.program()).arg("-h").output()?;
    let theirs = String::from_utf8_lossy(&help.stdout);
    let theirs = theirs.lines().next().unwrap_or_default();
    Ok(format!(
        "mqtt-broker version {} beside {theirs}",
        env!("CARGO_PKG_VERSION")
    ))
}
