//! Enabling units, as `systemctl enable` does.

use image::Entry;

use super::base::Base;
use crate::hint::Fault;
use crate::payload::Unit;

const FOLDER: &str = "/etc/systemd/system";

/// Links a unit into its target's `wants`, and under its other names.
pub(super) fn enable(base: &mut Base<'_>, unit: &Unit) -> anyhow::Result<()> {
    let mut found = None;
    for place in unit.places() {
        if found.is_none() && base.has(&place)? {
            found = Some(place);
        }
    }
    let file = found.ok_or_else(|| {
        Fault::input(format!(
            "unit {} shall be enabled, but neither an overlay nor the base has it",
            unit.name
        ))
    })?;
    let (path, link) = unit.link(&file)?;
    base.put(path.as_str(), link)?;
    let text = base.text(&file)?.unwrap_or_default();
    for alias in aliases(&text) {
        base.put(
            &format!("{FOLDER}/{alias}"),
            Entry::symlink(&file, "overlay.yaml"),
        )?;
    }
    Ok(())
}

/// The other names that a unit file asks for: `sshd.service` for SSH.
fn aliases(text: &str) -> Vec<&str> {
    let mut installed = false;
    let mut names = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            installed = line == "[Install]";
        } else if let Some(value) = line.strip_prefix("Alias=").filter(|_| installed) {
            // A path would be a link into another folder, which no unit of ours has.
            names.extend(value.split_whitespace().filter(|name| !name.contains('/')));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::aliases;

    #[test]
    fn only_what_install_says_is_an_alias() {
        let text = "[Unit]\nAlias=no.service\n[Install]\nWantedBy=a.target\nAlias=one.service two.service\nAlias=x.wants/three.service\n";
        assert_eq!(aliases(text), ["one.service", "two.service"]);
    }
}
