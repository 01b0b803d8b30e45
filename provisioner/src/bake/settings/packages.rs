//! What the base lacks, and when it comes.

use std::collections::BTreeSet;

use super::ORIGIN;
use crate::bake::base::Base;
use crate::dpkg;
use crate::recipe::System;
use crate::recipe::system::Switch;

/// Where a card's lists are, which the overlay `packages` reads: what settings need, and what else the recipe names.
const NEEDED: &str = "/etc/provision/packages";
const FURTHER: &str = "/etc/provision/further-packages";

pub(super) fn apply(
    base: &mut Base<'_>,
    system: &System,
    needed: Vec<String>,
) -> anyhow::Result<()> {
    // Whatever somebody's name is written in: only those of packages are looked for, which are ASCII.
    let status = base.bytes(dpkg::STATUS)?.unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let installed: BTreeSet<_> = dpkg::names(&status).collect();
    let lacking = |packages: Vec<String>| -> BTreeSet<String> {
        let lacking = packages.into_iter();
        lacking
            .filter(|package| !installed.contains(package.as_str()))
            .collect()
    };
    let needed = lacking(needed);
    let mut further = lacking(system.packages.clone());
    further.retain(|package| !needed.contains(package));
    // Apart, so that a name that nobody knows keeps no firewall away.
    for (path, packages) in [(NEEDED, &needed), (FURTHER, &further)] {
        if !packages.is_empty() {
            let lines: String = packages.iter().flat_map(|name| [name, "\n"]).collect();
            base.write(path, lines, ORIGIN)?;
        }
    }
    let all: Vec<_> = needed.union(&further).map(String::as_str).collect();
    if all.is_empty() {
        return Ok(());
    }
    base.warn(&format!(
        "the base lacks {}: the Pi installs what is missing once it is in the Internet",
        all.join(", ")
    ));
    let nft = base.has_any(&["/usr/sbin/nft", "/sbin/nft"])?;
    if system.firewall == Switch::On && !nft {
        base.warn("until then there is no firewall, since nftables is among it");
    }
    Ok(())
}
