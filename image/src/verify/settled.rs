//! What a boot makes of files that were written: modes and owners by tmpfiles.d, accounts by sysusers.d.

use std::collections::{BTreeMap, BTreeSet};

use super::paths::digest;
use crate::card::{Card, CardError};
use crate::ext4::Found;
use crate::report::{Content, Report};

/// The rules of a card.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// `z` lines of tmpfiles.d in files that are as they were written: pattern, mode, user, group.
    adjusted: Vec<Adjusted>,
    /// The names that sysusers.d declares, in whatever file.
    accounts: BTreeSet<String>,
    /// Numbers of users and groups by name, as the card has them now.
    users: BTreeMap<String, u32>,
    groups: BTreeMap<String, u32>,
}

#[derive(Debug, PartialEq, Eq)]
struct Adjusted {
    pattern: String,
    mode: u32,
    user: String,
    group: String,
}

impl Settled {
    pub(super) fn read(card: &Card, report: &Report) -> Result<Self, CardError> {
        let mut settled = Self {
            users: numbers(card, "/etc/passwd")?,
            groups: numbers(card, "/etc/group")?,
            ..Self::default()
        };
        for written in &report.written {
            let Content::File { sha256, .. } = &written.content else {
                continue;
            };
            // Whoever changes the rules after the fact shall not be believed.
            if is_in(&written.path, "tmpfiles.d")
                && digest(card, written.path.as_bytes())? == *sha256
            {
                let text = card.read(&written.path)?.unwrap_or_default();
                settled
                    .adjusted
                    .extend(adjusted(&String::from_utf8_lossy(&text)));
            }
        }
        for folder in ["/usr/lib/sysusers.d", "/etc/sysusers.d"] {
            for name in card.list(folder)?.unwrap_or_default() {
                let text = card.read(&format!("{folder}/{name}"))?.unwrap_or_default();
                settled
                    .accounts
                    .extend(declared(&String::from_utf8_lossy(&text)));
            }
        }
        Ok(settled)
    }

    /// Whether mode and owner of what was found at `path` are as a rule makes them.
    pub(super) fn adjusts(&self, path: &str, found: &Found) -> bool {
        self.adjusted.iter().any(|rule| {
            let user = self.users.get(&rule.user);
            let group = self.groups.get(&rule.group);
            matches(&rule.pattern, path)
                && found.mode == rule.mode
                && user == Some(&found.owner.uid)
                && group == Some(&found.owner.gid)
        })
    }

    /// Whether sysusers.d makes an account or a group of this name.
    pub(super) fn makes(&self, name: &str) -> bool {
        self.accounts.contains(name)
    }
}

fn is_in(path: &str, folder: &str) -> bool {
    ["/usr/lib/", "/etc/"].iter().any(|root| {
        let below = path.strip_prefix(root);
        below
            .and_then(|below| below.strip_prefix(folder))
            .is_some_and(|name| name.starts_with('/'))
    })
}

/// Names and numbers in `/etc/passwd` or `/etc/group`: the first and the third field.
fn numbers(card: &Card, path: &str) -> Result<BTreeMap<String, u32>, CardError> {
    let text = card.read(path)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let rows = text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        Some((name, fields.nth(1)?.parse().ok()?))
    });
    Ok(rows.collect())
}

/// The lines of tmpfiles.d(5) that set modes and owners of what is there.
fn adjusted(text: &str) -> Vec<Adjusted> {
    let rules = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let kind = words.next()?;
        if !matches!(kind.trim_end_matches(['!', '-', '+', '=']), "z" | "Z") {
            return None;
        }
        let pattern = words.next()?.to_owned();
        let mode = u32::from_str_radix(words.next()?.trim_start_matches(['~', ':']), 8).ok()?;
        let (user, group) = (words.next()?.to_owned(), words.next()?.to_owned());
        Some(Adjusted {
            pattern,
            mode,
            user,
            group,
        })
    });
    rules.collect()
}

/// The names in a file of sysusers.d(5): users have a group of the same name.
fn declared(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let kind = words.next()?.trim_end_matches('!');
        matches!(kind, "u" | "g").then(|| words.next().map(str::to_owned))?
    });
    names.collect()
}

/// A pattern whose `*` stands for anything but `/`.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern.iter().zip(&path).all(|(pattern, part)| {
            let Some((head, tail)) = pattern.split_once('*') else {
                return pattern == part;
            };
            part.len() >= head.len() + tail.len() && part.starts_with(head) && part.ends_with(tail)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_tmpfiles_and_sysusers_are_read() {
        let rules = adjusted(
            "# z /etc/no 0644 root root\nz /x/*/etc/passwd 0640 root mqtt-broker - -\nd /run/x 0755 root root\n",
        );
        let rule = Adjusted {
            pattern: "/x/*/etc/passwd".to_owned(),
            mode: 0o640,
            user: "root".to_owned(),
            group: "mqtt-broker".to_owned(),
        };
        assert_eq!(rules, [rule]);
        assert_eq!(
            declared("u mqtt-broker - \"MQTT\" /var/lib/x\n#u no\ng more -\nm a b\n"),
            ["mqtt-broker", "more"]
        );
    }

    #[test]
    fn a_star_is_one_name() {
        assert!(matches("/r/*/etc/passwd", "/r/abc/etc/passwd"));
        assert!(matches("/r/a*c", "/r/abbc"));
        assert!(!matches("/r/*/etc/passwd", "/r/a/b/etc/passwd"));
        assert!(!matches("/r/ab*bc", "/r/abc"));
        assert!(!matches("/r/*", "/r"));
    }
}
