//! Name, time zone, SSH host keys and the sudo policy.

use image::{Entry, EntryPath, Overlay};

use crate::recipe::{Login, Plan, Sudo};
use crate::site::{Host, HostFiles};

/// Adds host name, hosts file, time zone, SSH host keys and the sudo policy to `files`.
pub(super) fn add(
    files: &mut Overlay,
    plan: &Plan,
    host: &Host,
    secrets: &HostFiles,
) -> anyhow::Result<()> {
    let name = plan.system.hostname.as_deref().unwrap_or(&host.name);
    let recipe = "recipe";
    let site = "site";
    put(
        files,
        "/etc/hostname",
        Entry::file(format!("{name}\n"), 0o644, site),
    )?;
    put(files, "/etc/hosts", Entry::file(hosts(name), 0o644, site))?;
    let zone = format!("/usr/share/zoneinfo/{}", plan.timezone);
    put(files, "/etc/localtime", Entry::symlink(zone, recipe))?;
    put(
        files,
        "/etc/timezone",
        Entry::file(format!("{}\n", plan.timezone), 0o644, recipe),
    )?;
    let key = "/etc/ssh/ssh_host_ed25519_key";
    put(
        files,
        key,
        Entry::file(secrets.ssh_host_key.expose(), 0o600, site).secret(),
    )?;
    put(
        files,
        &format!("{key}.pub"),
        Entry::file(secrets.ssh_host_public_key.as_str(), 0o644, site),
    )?;
    // systemd takes this file's date for the earliest possible time: a Pi has no clock of its own.
    put(files, "/usr/lib/clock-epoch", Entry::file("", 0o644, site))?;
    // A base from a card that ran once must not keep systemd-sysusers from making the broker's user.
    put(files, "/etc/.updated", Entry::absent(recipe))?;
    put(files, SUDOERS, sudoers(&plan.login))?;
    Ok(())
}

pub(in crate::payload) fn put(files: &mut Overlay, path: &str, entry: Entry) -> anyhow::Result<()> {
    files.insert(EntryPath::new(path)?, entry)?;
    Ok(())
}

/// `127.0.1.1` is where Debian puts a host that has no fixed address (Debian Reference 5.1.1).
fn hosts(name: &str) -> String {
    format!(
        "127.0.0.1\tlocalhost\n127.0.1.1\t{name}\n\n::1\tlocalhost ip6-localhost ip6-loopback\n\
         ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"
    )
}

/// What decides what the login user may do as root. Of all rules that are about somebody sudo takes the last one,
/// and this name sorts behind those that people give: no alias, group or list of the base says otherwise.
pub(crate) const SUDOERS: &str = "/etc/sudoers.d/zz-provision";

/// The one rule for the login user; it is there where nothing is allowed too, to say so.
fn sudoers(login: &Login) -> Entry {
    let name = &login.name;
    let what = match login.sudo {
        Sudo::Passwordless => "NOPASSWD: ALL",
        // Said, since the base may have `Defaults !authenticate`.
        Sudo::Password => "PASSWD: ALL",
        Sudo::None => "!ALL",
    };
    let text = format!(
        "# The last rule about a user is the one that holds.\n{name} ALL=(ALL:ALL) {what}\n"
    );
    Entry::file(text, 0o440, "recipe")
}
