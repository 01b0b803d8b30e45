//! A web server that has what the official site has, and the faults that sites have.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// What goes wrong with one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// So many bytes come, and then nothing more.
    Stall(usize),
    /// Another status than the file deserves.
    Status(u16),
    /// The whole file, whatever part was asked for.
    WholeOnly,
    /// The part that was asked for, also if the file is another one by now.
    IgnoreIfRange,
    /// Elsewhere.
    Redirect(String),
}

/// A request that was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    pub(crate) if_range: Option<String>,
    pub(crate) if_none_match: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) status: u16,
    /// Bytes of the body that were sent.
    pub(crate) sent: usize,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, (Arc<[u8]>, String)>,
    faults: BTreeMap<String, VecDeque<Fault>>,
    log: Vec<Asked>,
}

/// A server on a port of its own, until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::default(),
            stop: Arc::default(),
        };
        let (state, stop) = (Arc::clone(&server.state), Arc::clone(&server.stop));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let state = Arc::clone(&state);
                // A client that goes away in the middle is no fault of the server's.
                thread::spawn(move || drop(stream.map(|stream| serve(&stream, &state))));
            }
        });
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Puts a file there, or another in its place, which has another `ETag` then.
    pub(crate) fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        let sum = bytes.iter().fold(bytes.len() as u64, |sum, byte| {
            sum.wrapping_mul(1_000_003).wrapping_add(u64::from(*byte))
        });
        self.state()
            .files
            .insert(path.to_owned(), (bytes.into(), format!("\"{sum:x}\"")));
    }

    /// The next answers to `path` have these faults, one after another; the last one stays.
    pub(crate) fn faults(&self, path: &str, faults: impl IntoIterator<Item = Fault>) {
        self.state()
            .faults
            .insert(path.to_owned(), faults.into_iter().collect());
    }

    /// What was asked for so far, beginning with what wasn't told yet.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state().log)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes up whoever waits for a connection.
        let _ = TcpStream::connect(self.address);
    }
}

/// Answers one request, and ends the connection.
fn serve(stream: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut asked = read_request(stream)?;
    let (file, fault) = {
        let mut state = state.lock().unwrap();
        let file = state.files.get(&asked.path).cloned();
        let fault = state
            .faults
            .get_mut(&asked.path)
            .and_then(|faults| match faults.len() {
                // What comes last stays, so that "always" is a list of one; a cut is over when it has happened.
                1 if !matches!(faults[0], Fault::Cut(_)) => faults.front().cloned(),
                _ => faults.pop_front(),
            });
        (file, fault)
    };
    let (status, more, body) = answer(&asked, file, fault.as_ref());
    asked.status = status;
    let end = match fault {
        Some(Fault::Cut(at) | Fault::Stall(at)) => at.min(body.len()),
        _ => body.len(),
    };
    asked.sent = end;
    // Before the client can have all of it.
    state.lock().unwrap().log.push(asked);
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} Answer\r\nConnection: close\r\nContent-Length: {}\r\n{more}\r\n",
        body.len()
    )?;
    stream.write_all(&body[..end])?;
    if matches!(fault, Some(Fault::Stall(_))) {
        thread::sleep(Duration::from_secs(20));
    }
    Ok(())
}

fn read_request(stream: &TcpStream) -> std::io::Result<Asked> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut asked = Asked {
        path: first.split(' ').nth(1).unwrap_or_default().to_owned(),
        ..Asked::default()
    };
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(": ") else {
            break;
        };
        let value = Some(value.to_owned());
        match name.to_ascii_lowercase().as_str() {
            "range" => asked.range = value,
            "if-range" => asked.if_range = value,
            "if-none-match" => asked.if_none_match = value,
            "user-agent" => asked.user_agent = value,
            _ => {}
        }
    }
    Ok(asked)
}

fn answer(
    asked: &Asked,
    file: Option<(Arc<[u8]>, String)>,
    fault: Option<&Fault>,
) -> (u16, String, Vec<u8>) {
    let page = |status: u16| {
        (
            status,
            String::new(),
            format!("<h1>{status}</h1>").into_bytes(),
        )
    };
    match fault {
        Some(Fault::Status(status)) => return page(*status),
        Some(Fault::Redirect(to)) => return (302, format!("Location: {to}\r\n"), Vec::new()),
        _ => {}
    }
    let Some((bytes, etag)) = file else {
        return page(404);
    };
    let more = format!("ETag: {etag}\r\nAccept-Ranges: bytes\r\n");
    if asked.if_none_match.as_ref() == Some(&etag) {
        return (304, more, Vec::new());
    }
    let same = asked.if_range.as_ref().is_none_or(|wanted| *wanted == etag)
        || fault == Some(&Fault::IgnoreIfRange);
    let start = asked
        .range
        .as_deref()
        .and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse::<usize>()
                .ok()
        })
        .filter(|_| same && fault != Some(&Fault::WholeOnly));
    match start {
        None => (200, more, bytes.to_vec()),
        Some(start) if start < bytes.len() => {
            let range = format!(
                "Content-Range: bytes {start}-{}/{}\r\n",
                bytes.len() - 1,
                bytes.len()
            );
            (206, more + &range, bytes[start..].to_vec())
        }
        Some(_) => (
            416,
            format!("Content-Range: bytes */{}\r\n", bytes.len()),
            Vec::new(),
        ),
    }
}
