//! Clients that stay and say nothing.

use std::time::Duration;

use crate::login::Door;
use crate::server::{Server, Site};
use crate::{Outcome, wire};

/// How long a broker may take to put its things in order.
const SETTLE: Duration = Duration::from_millis(300);

/// The bytes of memory that each of so many clients with one subscription costs.
pub(crate) async fn measure(server: &Server, tls: Option<&Site>, clients: u32) -> Outcome<f64> {
    let door = Door::new(server, tls);
    // What the first one costs is not what each costs.
    let mut all = vec![door.enter("first").await?];
    tokio::time::sleep(SETTLE).await;
    let before = server.memory_kib()?;
    for number in 0..clients {
        let mut stream = door.enter(&format!("idle-{number}")).await?;
        wire::subscribe(&mut stream, &format!("owntracks/user{number}/+/cmd"), 1).await?;
        all.push(stream);
    }
    tokio::time::sleep(SETTLE).await;
    let grown = server.memory_kib()? - before;
    Ok(grown * 1024.0 / f64::from(clients))
}
