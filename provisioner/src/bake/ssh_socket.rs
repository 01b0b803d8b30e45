//! Keeping systemd's socket for SSH off a card whose sshd listens by itself.

use image::Entry;

use super::base::Base;
use crate::payload::Unit;

const SERVICE: &str = "ssh.service";
/// What hides the base's own unit.
const MASK: &str = "/etc/systemd/system/ssh.socket";
/// Where it is enabled. Debian's unit of bookworm says `RequiredBy=ssh.service`: a service that requires a masked
/// socket would not start.
const LINKS: [&str; 2] = [
    "/etc/systemd/system/sockets.target.wants/ssh.socket",
    "/etc/systemd/system/ssh.service.requires/ssh.socket",
];
const ORIGIN: &str = "ssh";

/// Masks the socket where sshd is enabled: it listens on port 22 whatever `Port` says, and sshd takes it over.
///
/// It is masked where the base doesn't have it as well: a package that is installed later may bring it.
pub(super) fn mask(base: &mut Base<'_>, units: &[Unit]) -> anyhow::Result<()> {
    if !units.iter().any(|unit| unit.name == SERVICE) {
        return Ok(());
    }
    for link in LINKS {
        base.remove(link, ORIGIN)?;
    }
    base.put(MASK, Entry::symlink("/dev/null", ORIGIN))
}
