//! Clients that come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::server::{Server, Site};
use crate::{Outcome, wire};

/// Clients that log in at a time.
const AT_A_TIME: u32 = 8;

/// What was measured.
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    pub(crate) cpu_micros: f64,
}

/// A connection, encrypted or not.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

/// What it takes to open connections.
#[derive(Clone)]
pub(crate) struct Door {
    port: u16,
    tls: Option<TlsConnector>,
}

impl Door {
    pub(crate) fn new(server: &Server, tls: Option<&Site>) -> Self {
        Self {
            port: if tls.is_some() {
                server.tls_port
            } else {
                server.port
            },
            tls: tls.map(|site| TlsConnector::from(Arc::clone(&site.tls))),
        }
    }

    /// Opens a connection and logs in.
    pub(crate) async fn enter(&self, id: &str) -> Outcome<Box<dyn Connection>> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        let mut stream: Box<dyn Connection> = match &self.tls {
            Some(tls) => Box::new(
                tls.connect(ServerName::try_from("localhost")?, stream)
                    .await?,
            ),
            None => Box::new(stream),
        };
        wire::connect(&mut stream, id).await?;
        Ok(stream)
    }
}

/// Logs in and leaves.
pub(crate) async fn once(server: &Server, tls: Option<&Site>, id: &str) -> Outcome<()> {
    let mut stream = Door::new(server, tls).enter(id).await?;
    Ok(wire::disconnect(&mut stream).await?)
}

/// Has so many clients log in and leave.
pub(crate) async fn measure(server: &Server, tls: Option<&Site>, clients: u32) -> Outcome<Rate> {
    let (door, next) = (Door::new(server, tls), Arc::new(AtomicU32::new(0)));
    let (cpu, start) = (server.cpu()?, Instant::now());
    let mut tasks = JoinSet::new();
    for _ in 0..AT_A_TIME {
        let (door, next) = (door.clone(), Arc::clone(&next));
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= clients {
                    return Ok::<_, Box<dyn std::error::Error + Send + Sync>>(());
                }
                let mut stream = door.enter(&format!("client-{number}")).await?;
                wire::disconnect(&mut stream).await?;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let seconds = start.elapsed().as_secs_f64();
    let cpu = server.cpu()? - cpu;
    Ok(Rate {
        per_second: f64::from(clients) / seconds,
        cpu_micros: cpu * 1e6 / f64::from(clients),
    })
}
