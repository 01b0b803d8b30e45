//! What the base has of a user beside its accounts and its home, when the user gets another name.

use image::ext4::FoundKind;

use super::base::Base;
use super::home::move_tree;

/// Folders in which a user's file has the user's name: mail, timetable, what runs without a login, what the
/// desktop's login remembers. `/var/mail` and `/var/spool/mail` are the same folder, whichever is the link.
const NAMED: [&str; 5] = [
    "/var/mail",
    "/var/spool/mail",
    "/var/spool/cron/crontabs",
    "/var/lib/systemd/linger",
    "/var/lib/AccountsService/users",
];

/// Folders in whose files a user may be named: what is in them is the base's, and not changed.
const NAMING: [&str; 3] = [
    "/etc/systemd/system",
    CRON,
    "/var/lib/AccountsService/users",
];
const CRON: &str = "/etc/cron.d";

/// More files than this aren't looked at, and none that is larger: units are small.
const MOST: usize = 10_000;
const LARGEST: u64 = 1 << 20;

/// A user that was renamed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Renamed<'a> {
    /// What it was called.
    pub(super) before: &'a str,
    /// Where its home was.
    pub(super) home: &'a str,
    /// What it is called.
    pub(super) name: &'a str,
}

/// Renames what has the user's name, and warns of each file that says it.
pub(super) fn follow(base: &mut Base<'_>, user: Renamed<'_>) -> anyhow::Result<()> {
    warn(base, user)?;
    for folder in NAMED {
        let found = base.card.find(folder).map_err(image::Error::from)?;
        let is_folder = found.is_some_and(|found| found.kind == FoundKind::Directory);
        let from = format!("{folder}/{}", user.before);
        if is_folder && base.had(&from)? {
            move_tree(base, &from, &format!("{folder}/{}", user.name))?;
        }
    }
    Ok(())
}

fn warn(base: &mut Base<'_>, user: Renamed<'_>) -> anyhow::Result<()> {
    let mut pending: Vec<_> = NAMING.iter().rev().map(|path| (*path).to_owned()).collect();
    let mut count = 0;
    while let Some(path) = pending.pop() {
        count += 1;
        // What the card gets instead is none of the base's.
        if count > MOST
            || base
                .overlay
                .get(&path)
                .is_some_and(|_| !NAMING.contains(&path.as_str()))
        {
            continue;
        }
        let found = base.card.find(&path).map_err(image::Error::from)?;
        match found.map(|found| found.kind) {
            Some(FoundKind::Directory) => {
                let names = base.names(&path)?.into_iter().rev();
                pending.extend(names.map(|name| format!("{path}/{name}")));
            }
            Some(FoundKind::File(size)) if size <= LARGEST => {
                let bytes = base.bytes(&path)?.unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes);
                let is_cron = path.starts_with(CRON);
                if let Some(what) = text.lines().find_map(|line| said(line, is_cron, user)) {
                    base.progress.warn(&format!(
                        "{path} in the base names {what}, and that user is {} on this card",
                        user.name
                    ));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What a line says of the user, if it does.
fn said(line: &str, is_cron: bool, user: Renamed<'_>) -> Option<String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with(['#', ';']) {
        return None;
    }
    // systemd takes blanks around the sign.
    let assignment = line.split_once('=');
    let assignment = assignment.map(|(key, value)| (key.trim(), value.trim()));
    if let Some((key @ ("User" | "Group"), value)) = assignment
        && value == user.before
    {
        return Some(format!("{key}={value}"));
    }
    // Five times or one word such as `@daily` are before it.
    let at = if line.starts_with('@') { 1 } else { 5 };
    if is_cron && line.split_whitespace().nth(at) == Some(user.before) {
        return Some(user.before.to_owned());
    }
    let mut found = line.match_indices(user.home);
    let is_whole = |(at, _): (usize, &str)| {
        let after = line[at + user.home.len()..].chars().next();
        !after.is_some_and(|next| next.is_ascii_alphanumeric() || matches!(next, '-' | '_' | '.'))
    };
    found.any(is_whole).then(|| user.home.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_user_and_its_home_are_meant() {
        let user = Renamed {
            before: "pi",
            home: "/home/pi",
            name: "ada",
        };
        let meant = |line, is_cron| said(line, is_cron, user).unwrap_or_default();
        for (line, what) in [
            ("User=pi", "User=pi"),
            ("  Group = pi", "Group=pi"),
            ("Group=pi", "Group=pi"),
            ("ExecStart=/home/pi/run", "/home/pi"),
            ("ExecStart=/home/pip/run /home/pi", "/home/pi"),
            ("User=pip", ""),
            ("# User=pi", ""),
            ("ExecStart=/home/pi.old/run", ""),
            ("* * * * * pi date", ""),
        ] {
            assert_eq!(meant(line, false), what, "{line}");
        }
        for (line, what) in [
            ("* * * * * pi date", "pi"),
            ("@daily\tpi date", "pi"),
            ("* * * * * root /home/pi/run", "/home/pi"),
            ("* * * * * root pi", ""),
            ("PATH=/bin", ""),
        ] {
            assert_eq!(meant(line, true), what, "{line}");
        }
    }
}
