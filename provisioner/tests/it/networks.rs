//! Networks as people have them: proxies, mirrors, authorities of their own, and Ctrl-C.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::bake::with_base;
use crate::server::Fault;
use crate::site::{Fixture, INDEX, PACKED, index, redact};
use crate::support::{Ended, free_port, tool};

#[test]
fn a_mirror_and_a_proxy_are_gone_through_and_their_passwords_not_shown() {
    let fixture = Fixture::new();
    let proxy = Proxy::start();
    let address = format!("http://me:hunter2@127.0.0.1:{}", proxy.port);
    // A name that only the proxy knows.
    let port = fixture
        .server
        .url("")
        .rsplit_once(':')
        .unwrap()
        .1
        .to_owned();
    let hidden = format!("http://someone:swordfish@images.invalid:{port}");
    let index = format!("{hidden}{INDEX}");
    let variables = [
        ("http_proxy", &*address),
        ("PROVISION_INDEX_URL", &*index),
        ("PROVISION_IMAGE_MIRROR", &*hidden),
    ];
    let ended = fixture
        .command(&["fetch", "-vv", "raspios-lite"], &variables)
        .success();
    let asked = proxy.asked.lock().unwrap().clone();
    let connects: Vec<_> = asked
        .iter()
        .filter(|line| line.starts_with("CONNECT"))
        .collect();
    assert_eq!(connects.len(), 2, "{asked:?}");
    assert!(
        connects.iter().all(|line| line.contains("images.invalid")),
        "{asked:?}"
    );
    // "me:hunter2" in base64.
    assert!(
        asked
            .iter()
            .any(|line| line.ends_with("Basic bWU6aHVudGVyMg==")),
        "{asked:?}"
    );
    let direct = [&variables[..], &[("no_proxy", "images.invalid")]].concat();
    fs::remove_dir_all(fixture.cache()).unwrap();
    let refused = fixture.command(&["fetch", "raspios-lite"], &direct);
    assert_eq!(refused.code, 1);
    for secret in ["hunter2", "swordfish"] {
        assert!(
            !ended.shown().contains(secret) && !refused.shown().contains(secret),
            "{}",
            refused.shown()
        );
    }
}

#[test]
fn ctrl_c_ends_a_download_at_once_and_keeps_what_has_come() {
    let fixture = Fixture::new();
    let half = fixture.packed.len() / 2;
    fixture.server.faults(PACKED, [Fault::Stall(half)]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_provision"));
    command.args(["fetch", "raspios-lite"]);
    fixture.sandbox.prepare(&mut command);
    command
        .env("PROVISION_INDEX_URL", fixture.server.url(INDEX))
        .stderr(Stdio::piped())
        .stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let archives = fixture.cache().join("archives");
    let come = || {
        let mut files = fs::read_dir(&archives).into_iter().flatten().flatten();
        files.any(|file| {
            file.file_name().to_string_lossy().ends_with(".part")
                && file
                    .metadata()
                    .is_ok_and(|about| about.len() == half as u64)
        })
    };
    // The server waits for longer than this.
    for _ in 0..150 {
        if come() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(come(), "half of the archive is there");
    tool(&fixture.sandbox, &format!("kill -INT {}", child.id())).success();
    let status = child.wait().unwrap();
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("interrupted: "), "{stderr}");
    assert!(come(), "what has come is kept");
}

/// A proxy that lets everything through to this computer, and notes what it was told.
struct Proxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let asked = Arc::default();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            asked: Arc::clone(&asked),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let asked = Arc::clone(&asked);
                std::thread::spawn(move || pass(stream, &asked));
            }
        });
        proxy
    }
}

fn pass(mut client: TcpStream, asked: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut port = None;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        if let Some(to) = line.strip_prefix("CONNECT ") {
            port = to
                .split(' ')
                .next()?
                .rsplit_once(':')?
                .1
                .parse::<u16>()
                .ok();
        }
        asked.lock().unwrap().push(line);
    }
    let mut server = TcpStream::connect(("127.0.0.1", port?)).ok()?;
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").ok()?;
    let (mut to, mut back) = (server.try_clone().ok()?, client.try_clone().ok()?);
    std::thread::spawn(move || std::io::copy(&mut reader, &mut to));
    std::io::copy(&mut server, &mut back).ok()?;
    Some(())
}

/// Python's web server with a certificate that openssl has made.
struct Secure(Child);

impl Drop for Secure {
    fn drop(&mut self) {
        // It has nothing that would have to be put away.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const SECURE: &str = "
import http.server, ssl, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path != '/leads-away':
            return super().do_GET()
        self.send_response(302)
        self.send_header('Location', 'http://127.0.0.1:9/os_list.json')
        self.end_headers()
server = http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('server.crt', 'server.key')
server.socket = context.wrap_socket(server.socket, server_side=True)
print('ready', flush=True)
server.serve_forever()
";

#[test]
fn an_authority_of_ones_own_is_trusted_by_ssl_cert_file_alone() {
    let sandbox = with_base();
    let port = free_port();
    let site = format!("https://localhost:{port}");
    tool(
        &sandbox,
        &format!(
            "xz -k -1 base.img
             mkdir -p www{folder} && cp base.img.xz www{PACKED}
             openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=Our own authority' \
                 -days 2 -keyout ca.key -out ca.crt
             openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=localhost' -keyout www/server.key -out server.csr
             printf 'subjectAltName=DNS:localhost\n' >extensions
             openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -days 2 -extfile extensions -out www/server.crt",
            folder = PACKED.rsplit_once('/').unwrap().0
        ),
    )
    .success();
    sandbox.write(
        "www/os_list.json",
        &index(&sandbox, &site, |_| {}).to_string(),
    );
    let mut python = Command::new("python3");
    python.args(["-c", SECURE, &port.to_string()]);
    sandbox.prepare(&mut python);
    python
        .current_dir(sandbox.path("www"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut server = Secure(python.spawn().unwrap());
    let mut ready = [0; 5];
    server
        .0
        .stdout
        .take()
        .unwrap()
        .read_exact(&mut ready)
        .unwrap();
    let fetch_from = |index: &str, variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_provision"));
        command.args([
            "fetch",
            "raspios-lite",
            "--index-url",
            &format!("{site}{index}"),
        ]);
        sandbox.prepare(&mut command);
        command.envs(variables.iter().copied());
        sandbox.run_as_is(&mut command, "")
    };
    let fetch = |variables: &[(&str, &str)]| fetch_from(INDEX, variables);
    let shown = |ended: &Ended| redact(&ended.shown().replace(&port.to_string(), "[PORT]"));
    // What was encrypted stays encrypted.
    let away = fetch_from("/leads-away", &[("SSL_CERT_FILE", "ca.crt")]);
    insta::assert_snapshot!(shown(&away), @r"
    exit: 1
    --- stdout
    --- stderr
    error: reading the index of images
      caused by: https://localhost:[PORT]/leads-away leads to http://127.0.0.1:9/os_list.json, which is not encrypted any more
      hint: fetch from a mirror that you trust: --image-mirror https://HOST
    ");
    insta::assert_snapshot!(shown(&fetch(&[])), @r"
    exit: 1
    --- stdout
    --- stderr
    error: preparing base raspios-lite
      caused by: no secure connection to localhost:[PORT]: invalid peer certificate: UnknownIssuer
      hint: if a proxy opens TLS here, name its authority with SSL_CERT_FILE; and look at the clock of this computer
    ");
    insta::assert_snapshot!(shown(&fetch(&[("SSL_CERT_FILE", "www/server.key")])), @r"
    exit: 1
    --- stdout
    --- stderr
    error: setting up the network
      caused by: cannot read the certificate authorities in www/server.key
      caused by: there is no certificate in it
      hint: SSL_CERT_FILE names a file of certificates in PEM
    ");
    fetch(&[("SSL_CERT_FILE", "ca.crt")]).success();
    tool(
        &sandbox,
        "cmp base.img home/.cache/provision/bases/raspios-lite-arm64-2026-06-18-*.img",
    )
    .success();
}

#[test]
fn only_sites_that_speak_http_are_asked() {
    let sandbox = with_base();
    let ended = sandbox.provision(&[
        "fetch",
        "raspios-lite",
        "--index-url",
        "gopher://x.example/list",
    ]);
    assert_eq!(ended.code, 2);
    let mirror = sandbox.provision(&["bases", "--image-mirror", "mirror.example"]);
    assert_eq!(mirror.code, 2);
    insta::assert_snapshot!(ended.stderr + &mirror.stderr, @r"
    error: --index-url gopher://x.example/list: that is no address
      hint: it begins with https:// or http://, and a host follows
    error: --image-mirror mirror.example: that is no address
      hint: it begins with https:// or http://, and a host follows
    ");
}
