//! Ports of this computer that lead into a card.

use std::net::TcpListener;
use std::str::FromStr;

use anyhow::Context;

/// A port of 127.0.0.1, and the card's that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// Here.
    pub here: u16,
    /// On the card.
    pub there: u16,
}

impl FromStr for Forward {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ports = text.split_once(':').and_then(|(here, there)| {
            let port = |text: &str| text.parse().ok().filter(|port| *port != 0);
            Some((port(here)?, port(there)?))
        });
        let (here, there) = ports.ok_or("write HERE:THERE, as 8884:8884")?;
        Ok(Self { here, there })
    }
}

impl Forward {
    /// As QEMU wants it, for a card with this address; with none, for the one that QEMU gives it.
    pub(super) fn option(self, card: &str) -> String {
        format!("hostfwd=tcp:127.0.0.1:{}-{card}:{}", self.here, self.there)
    }
}

/// A port of 127.0.0.1 on which nothing listens at the moment.
pub fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("looking for a free port")?;
    Ok(listener
        .local_addr()
        .context("looking for a free port")?
        .port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ports_are_one_way() {
        let forward: Forward = "4000:8884".parse().unwrap();
        assert_eq!(forward.option(""), "hostfwd=tcp:127.0.0.1:4000-:8884");
        for wrong in ["4000", "4000:", ":1", "0:1", "1:0", "70000:1", "1:2:3"] {
            assert!(wrong.parse::<Forward>().is_err(), "{wrong}");
        }
    }
}
