//! What the base lacks, and when it comes.

use std::collections::BTreeSet;

use super::ORIGIN;
use crate::bake::base::Base;
use crate::dpkg;
use crate::recipe::System;
use crate::recipe::system::Switch;

pub(super) fn apply(
    base: &mut Base<'_>,
    system: &System,
    mut needed: Vec<String>,
) -> anyhow::Result<()> {
    // Whatever somebody's name is written in: only those of packages are looked for, which are ASCII.
    let status = base.bytes(dpkg::STATUS)?.unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let installed: BTreeSet<_> = dpkg::names(&status).collect();
    needed.retain(|package| !installed.contains(package.as_str()));
    needed.sort();
    needed.dedup();
    if needed.is_empty() {
        return Ok(());
    }
    base.write("/etc/provision/packages", needed.join("\n") + "\n", ORIGIN)?;
    base.warn(&format!(
        "the base lacks {}: the Pi installs what is missing once it is in the Internet",
        needed.join(", ")
    ));
    let nft = base.has_any(&["/usr/sbin/nft", "/sbin/nft"])?;
    if system.firewall == Switch::On && !nft {
        base.warn("until then there is no firewall, since nftables is among it");
    }
    Ok(())
}
