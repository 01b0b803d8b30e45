//! What the base lacks, and when it comes.

use std::collections::BTreeSet;

use super::base::Base;
use crate::recipe::System;
use crate::recipe::system::Switch;

/// Where a card's lists are, which the overlay `packages` reads: what settings need, and what else the recipe names.
const NEEDED: &str = "/etc/provision/packages";
const FURTHER: &str = "/etc/provision/further-packages";

/// What dpkg knows to be installed.
const STATUS: &str = "/var/lib/dpkg/status";

pub(super) fn apply(
    base: &mut Base<'_>,
    system: &System,
    needed: Vec<String>,
) -> anyhow::Result<()> {
    let status = base.text(STATUS)?.unwrap_or_default();
    let installed = installed(&status);
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
            base.write(path, lines)?;
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

/// The names of the packages that are there.
fn installed(status: &str) -> BTreeSet<&str> {
    let paragraphs = status.split("\n\n").filter(|paragraph| {
        paragraph.lines().any(|line| {
            line == "Status: install ok installed" || line == "Status: hold ok installed"
        })
    });
    paragraphs
        .filter_map(|paragraph| {
            paragraph
                .lines()
                .find_map(|line| line.strip_prefix("Package: "))
        })
        .collect()
}
