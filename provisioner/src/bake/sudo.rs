//! Making a base agree with what the recipe says of sudo: what says otherwise goes.

use image::Kind;

use super::base::Base;
use crate::recipe::Sudo;

const FOLDER: &str = "/etc/sudoers.d";
const MAIN: &str = "/etc/sudoers";
const ORIGIN: &str = "sudo policy";

/// Whose rules are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who<'a> {
    /// The login user.
    pub(super) name: &'a str,
    /// What it was called in the base, if there was such a one.
    pub(super) before: Option<&'a str>,
    /// Its number.
    pub(super) id: u32,
}

/// Takes away every rule of the base that is about the login user, and with `Password` and `None` those that
/// give it more by way of its groups.
///
/// What the payload brings, and rules about others, stay.
pub(super) fn agree(base: &mut Base<'_>, who: Who<'_>, policy: Sudo) -> anyhow::Result<()> {
    let mut paths = vec![MAIN.to_owned()];
    for name in base.names(FOLDER)? {
        paths.push(format!("{FOLDER}/{name}"));
    }
    for path in paths {
        if base
            .overlay
            .get(&path)
            .is_some_and(|entry| entry.kind != Kind::Absent)
        {
            continue;
        }
        let Some(text) = base.text(&path)? else {
            continue;
        };
        let Some(left) = without(&text, who, policy) else {
            continue;
        };
        if path != MAIN && says_nothing(&left) {
            base.remove(&path, ORIGIN)?;
        } else {
            base.write(&path, left, ORIGIN)?;
        }
    }
    Ok(())
}

/// `text` without the rules that would be against the policy; `None` if it has none of those.
fn without(text: &str, who: Who<'_>, policy: Sudo) -> Option<String> {
    let mut left = String::with_capacity(text.len());
    let mut lines = text.lines().peekable();
    let mut changed = false;
    while let Some(line) = lines.next() {
        // A rule goes on behind a backslash.
        let mut rule = vec![line];
        while rule.last().is_some_and(|line| line.ends_with('\\')) {
            match lines.next() {
                Some(line) => rule.push(line),
                None => break,
            }
        }
        if against(&rule.join(" "), who, policy) {
            changed = true;
            continue;
        }
        for line in rule {
            left.push_str(line);
            left.push('\n');
        }
    }
    changed.then_some(left)
}

/// Whether a rule is about the login user.
fn against(rule: &str, who: Who<'_>, policy: Sudo) -> bool {
    let rule = rule.trim_start();
    let Some((users, rest)) = rule.split_once(char::is_whitespace) else {
        return false;
    };
    if !rest.contains('=') || rule.starts_with("Defaults") || users.ends_with("_Alias") {
        return false;
    }
    let free = rest.contains("NOPASSWD");
    users.split(',').any(|user| {
        if let Some(group) = user.strip_prefix('%') {
            // Its own group has nobody else in it. Of `sudo` it is a member as the recipe has it, so that
            // only what spares the password is against it.
            return group == who.name
                || Some(group) == who.before
                || (policy != Sudo::Passwordless && free);
        }
        let number = user.strip_prefix('#').and_then(|id| id.parse::<u32>().ok());
        user == who.name
            || Some(user) == who.before
            || number == Some(who.id)
            || (user == "ALL" && (policy == Sudo::None || (policy == Sudo::Password && free)))
    })
}

fn says_nothing(text: &str) -> bool {
    let is_comment =
        |line: &str| line.is_empty() || (line.starts_with('#') && !line.starts_with("#include"));
    text.lines().map(str::trim).all(is_comment)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: Who<'_> = Who {
        name: "ada",
        before: Some("pi"),
        id: 1000,
    };

    fn left(text: &str, policy: Sudo) -> Option<String> {
        without(text, WHO, policy)
    }

    #[test]
    fn rules_of_the_user_under_any_of_its_names_go() {
        for rule in [
            "pi ALL=(ALL) NOPASSWD: ALL",
            "ada\tALL=(ALL:ALL) ALL",
            "#1000 ALL=(ALL) ALL",
            "%pi ALL=(ALL) ALL",
            "bob,pi ALL=(ALL) ALL",
            "pi ALL=(ALL) \\\n  NOPASSWD: ALL",
        ] {
            for policy in [Sudo::Passwordless, Sudo::Password, Sudo::None] {
                let text = format!("# first\n{rule}\nbob ALL=(ALL) ALL\n");
                let rest = left(&text, policy);
                assert_eq!(
                    rest.as_deref(),
                    Some("# first\nbob ALL=(ALL) ALL\n"),
                    "{rule}"
                );
            }
        }
    }

    #[test]
    fn rules_of_others_and_settings_stay() {
        for text in [
            "Defaults timestamp_type=global\n",
            "# pi ALL=(ALL) ALL\n",
            "pip ALL=(ALL) ALL\n%pip ALL=(ALL) ALL\n#1001 ALL=(ALL) ALL\n",
            "root\tALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n",
            "User_Alias pi = bob\n",
        ] {
            for policy in [Sudo::Passwordless, Sudo::Password, Sudo::None] {
                assert_eq!(left(text, policy), None, "{text}");
            }
        }
    }

    #[test]
    fn what_spares_everybody_the_password_goes_unless_that_is_wanted() {
        for text in [
            "%sudo ALL=(ALL) NOPASSWD: ALL\n",
            "ALL ALL=(ALL) NOPASSWD: ALL\n",
        ] {
            assert_eq!(left(text, Sudo::Passwordless), None);
            assert_eq!(left(text, Sudo::Password).as_deref(), Some(""));
            assert_eq!(left(text, Sudo::None).as_deref(), Some(""));
        }
    }
}
