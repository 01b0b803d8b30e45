//! The login user's home: made new, moved with its user, or left as it is.

use image::ext4::FoundKind;
use image::{Entry, Owner};

use super::base::Base;
use super::login::ORIGIN;
use crate::hint::Fault;

/// More than this isn't carried from one home to another: a placeholder has hardly anything.
const LARGEST: u64 = 256 << 20;
/// The same as a number of files.
const MOST: usize = 10_000;

/// What there is of a home already.
#[derive(Debug)]
pub(super) enum Home {
    /// Nothing.
    New,
    /// That of the user's placeholder.
    Moved {
        /// Where it is.
        from: String,
    },
    /// The user's own.
    Kept {
        /// Where it is.
        at: String,
    },
}

/// Sees to it that `home` is there with what belongs in it, and that `keys` may log in.
pub(super) fn lay_out(
    base: &mut Base<'_>,
    home: &str,
    state: &Home,
    owner: Owner,
    keys: &[String],
) -> anyhow::Result<()> {
    let at = match state {
        Home::Kept { at } => {
            if !base.had(at)? {
                make(base, at, owner)?;
            }
            at
        }
        Home::Moved { from } if from != home && base.had(from)? => {
            move_tree(base, from, home)?;
            home
        }
        Home::Moved { .. } | Home::New => {
            make(base, home, owner)?;
            home
        }
    };
    authorize(base, at, owner, keys)
}

/// A home as `useradd` makes it.
fn make(base: &mut Base<'_>, home: &str, owner: Owner) -> anyhow::Result<()> {
    base.put(home, Entry::directory(0o700, ORIGIN).owned_by(owner))?;
    for name in base.names("/etc/skel")? {
        let (from, to) = (format!("/etc/skel/{name}"), format!("{home}/{name}"));
        copy_tree(base, &from, &to, Some(owner))?;
    }
    Ok(())
}

/// Lays everything below `from` below `to`, as it is, and takes `from` away.
pub(super) fn move_tree(base: &mut Base<'_>, from: &str, to: &str) -> anyhow::Result<()> {
    copy_tree(base, from, to, None)?;
    base.put(from, Entry::absent(ORIGIN))
}

/// Lays everything below `from` below `to`, as it is, but for its owner if one is given. Links that lead into
/// `from` lead into `to` then.
fn copy_tree(
    base: &mut Base<'_>,
    from: &str,
    to: &str,
    owner: Option<Owner>,
) -> anyhow::Result<()> {
    let mut pending = vec![(from.to_owned(), to.to_owned())];
    let (mut count, mut size) = (0, 0);
    while let Some((old, new)) = pending.pop() {
        let found = base.find(&old)?;
        let Some(found) = found else {
            continue;
        };
        let mode = found.mode & 0o7777;
        let entry = match found.kind {
            FoundKind::Directory => {
                for name in base.names(&old)? {
                    pending.push((format!("{old}/{name}"), format!("{new}/{name}")));
                }
                Entry::directory(mode, ORIGIN)
            }
            FoundKind::File(length) => {
                size += length;
                if size > LARGEST {
                    return Err(too_much(from));
                }
                Entry::file(base.bytes(&old)?.unwrap_or_default(), mode, ORIGIN)
            }
            FoundKind::Symlink(target) => Entry::symlink(moved(target, from, to), ORIGIN),
            FoundKind::Special => {
                let text = format!(
                    "{old} in the base is a device, socket or pipe, and can't be moved to {new}"
                );
                return Err(Fault::input(text).into());
            }
        };
        count += 1;
        if count > MOST {
            return Err(too_much(from));
        }
        base.put(&new, entry.owned_by(owner.unwrap_or(found.owner)))?;
    }
    Ok(())
}

/// Where a link leads when what is below `from` is below `to`.
fn moved(target: String, from: &str, to: &str) -> String {
    match target.strip_prefix(from) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{to}{rest}"),
        _ => target,
    }
}

fn too_much(from: &str) -> anyhow::Error {
    let text =
        format!("{from} in the base holds too much for the home of a user that nobody is yet");
    Fault::input(text)
        .hint("use a base that nobody has set up, or keep its user's name: `system.login.name`")
        .into()
}

/// Adds the keys to those that may log in already.
fn authorize(base: &mut Base<'_>, home: &str, owner: Owner, keys: &[String]) -> anyhow::Result<()> {
    let folder = format!("{home}/.ssh");
    base.put(&folder, Entry::directory(0o700, ORIGIN).owned_by(owner))?;
    let file = format!("{folder}/authorized_keys");
    let mut text = base.text(&file)?.unwrap_or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for key in keys {
        if !text.lines().any(|known| known == key) {
            text.push_str(key);
            text.push('\n');
        }
    }
    let entry = Entry::file(text, 0o600, "site/ssh/authorized_keys").owned_by(owner);
    base.put(&file, entry)
}
