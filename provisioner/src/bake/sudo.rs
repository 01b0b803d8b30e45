//! Making a base agree with what the recipe says of sudo: what says otherwise goes, and our rule is the last.

use image::Kind;

use super::base::Base;
use crate::payload::SUDOERS;
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
/// give it more by way of its groups; and sees to it that the payload's rule is the last that sudo reads.
///
/// What the payload brings, and rules about others, stay: somebody is taken out of a list, not the list away.
pub(super) fn agree(base: &mut Base<'_>, who: Who<'_>, policy: Sudo) -> anyhow::Result<()> {
    let mut paths = vec![MAIN.to_owned()];
    for name in base.names(FOLDER)? {
        paths.push(format!("{FOLDER}/{name}"));
    }
    for path in &paths {
        if base
            .overlay
            .get(path)
            .is_some_and(|entry| entry.kind != Kind::Absent)
        {
            continue;
        }
        let Some(text) = base.text(path)? else {
            continue;
        };
        let Some(left) = without(&text, who, policy) else {
            continue;
        };
        if path != MAIN && says_nothing(&left) {
            base.remove(path, ORIGIN)?;
        } else {
            base.write(path, left, ORIGIN)?;
        }
    }
    let mut is_last = true;
    for path in paths.iter().filter(|path| path.as_str() > SUDOERS) {
        // Sudo doesn't read these.
        if path[FOLDER.len()..].contains('.') || path.ends_with('~') {
            continue;
        }
        is_last &= !has_rules(base.text(path)?.unwrap_or_default().lines());
    }
    decide_last(base, is_last)
}

/// Has the main file read our rule at its end, where it would not be the last otherwise.
fn decide_last(base: &mut Base<'_>, is_last_in_folder: bool) -> anyhow::Result<()> {
    let Some(mut text) = base.text(MAIN)? else {
        return Ok(());
    };
    let include = format!("@include {SUDOERS}");
    let mut lines = text.lines();
    let reads_folder = lines.any(is_folder);
    let has_it = text.trim_end().ends_with(&include);
    if has_it || (reads_folder && is_last_in_folder && !has_rules(lines)) {
        return Ok(());
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text += &include;
    text.push('\n');
    base.write(MAIN, text, ORIGIN)
}

/// Whether a line has sudo read the folder: `@includedir /etc/sudoers.d`, or as it was written before.
fn is_folder(line: &str) -> bool {
    let mut words = line.split_whitespace();
    matches!(words.next(), Some("@includedir" | "#includedir"))
        && words
            .next()
            .is_some_and(|path| matches!(path.trim_end_matches('/'), FOLDER | "sudoers.d"))
}

/// Whether there is something that gives or takes rights, or may.
fn has_rules<'a>(lines: impl Iterator<Item = &'a str>) -> bool {
    let mut lines = lines.map(str::trim);
    lines.any(|line| {
        let word = line.split_whitespace().next().unwrap_or_default();
        let is_comment = line.starts_with('#')
            && !line.starts_with("#include")
            && !line[1..].starts_with(|first: char| first.is_ascii_digit());
        !(line.is_empty() || is_comment || is_setting(word))
    })
}

/// Whether a line that begins with `word` is no rule.
fn is_setting(word: &str) -> bool {
    word.starts_with("Defaults") || word.ends_with("_Alias")
}

/// `text` without what would be against the policy; `None` if it has nothing of that.
fn without(text: &str, who: Who<'_>, policy: Sudo) -> Option<String> {
    let mut left = String::with_capacity(text.len());
    let mut lines = text.lines();
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
        let whole: Vec<_> = rule
            .iter()
            .map(|line| line.strip_suffix('\\').unwrap_or(line))
            .collect();
        if let Some(rest) = rewritten(&whole.join(" "), who, policy) {
            changed = true;
            left.push_str(&rest);
            continue;
        }
        for line in rule {
            left.push_str(line);
            left.push('\n');
        }
    }
    changed.then_some(left)
}

/// A rule without those of its users that are the login user, with the end of its line; nothing if it has no
/// others. `None` if it stays as it is.
fn rewritten(rule: &str, who: Who<'_>, policy: Sudo) -> Option<String> {
    let (users, rest) = users(rule)?;
    if !rest.contains('=') || is_setting(users[0]) {
        return None;
    }
    let is_other = |user: &&&str| !is_against(user, rest.contains("NOPASSWD"), who, policy);
    let others: Vec<_> = users.iter().filter(is_other).copied().collect();
    if others.len() == users.len() {
        return None;
    }
    if others.is_empty() {
        return Some(String::new());
    }
    Some(format!("{} {rest}\n", others.join(", ")))
}

/// The users that a rule begins with, and what follows: commas may have blanks around them.
fn users(rule: &str) -> Option<(Vec<&str>, &str)> {
    let mut users = Vec::new();
    let mut rest = rule.trim_start();
    loop {
        let (user, after) = rest.split_at(end_of_word(rest));
        if user.is_empty() {
            return None;
        }
        users.push(user);
        let after = after.trim_start();
        match after.strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None => return Some((users, after)),
        }
    }
}

/// Where a name ends that may be in quotes, or have blanks behind backslashes.
fn end_of_word(text: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' | '=' if !quoted => return at,
            blank if blank.is_whitespace() && !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

/// Whether a rule for `user`, which is `free` of passwords, is against the policy.
fn is_against(user: &str, free: bool, who: Who<'_>, policy: Sudo) -> bool {
    let user = user.trim_matches('"');
    let number = |text: &str| text.strip_prefix('#').and_then(|id| id.parse::<u32>().ok());
    let is_own =
        |name: &str| name == who.name || Some(name) == who.before || number(name) == Some(who.id);
    if let Some(group) = user.strip_prefix('%') {
        // Its own group has nobody else in it. Of `sudo` it is a member as the recipe has it, so that
        // only what spares the password is against it.
        return is_own(group) || (policy != Sudo::Passwordless && free);
    }
    is_own(user) || (user == "ALL" && (policy == Sudo::None || (policy == Sudo::Password && free)))
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
            "%#1000 ALL=(ALL) ALL",
            "\"pi\" ALL=(ALL) ALL",
            "pi, ada ALL=(ALL) ALL",
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
    fn others_keep_what_they_share_with_the_user() {
        for rule in [
            "bob,pi ALL=(ALL) ALL",
            "bob, pi ALL=(ALL) ALL",
            "pi , bob ALL=(ALL) ALL",
            "ada,bob,\tpi ALL=(ALL) ALL",
            "pi, \\\n  bob ALL=(ALL) ALL",
        ] {
            let rest = left(&format!("{rule}\n"), Sudo::None);
            assert_eq!(rest.as_deref(), Some("bob ALL=(ALL) ALL\n"), "{rule}");
        }
        assert_eq!(
            left("my\\ ada, \"pi, bob\", pi A, B = /bin/a, ada\n", Sudo::None).as_deref(),
            Some("my\\ ada, \"pi, bob\" A, B = /bin/a, ada\n")
        );
    }

    #[test]
    fn rules_of_others_and_settings_stay() {
        for text in [
            "Defaults timestamp_type=global\n",
            "# pi ALL=(ALL) ALL\n",
            "pip ALL=(ALL) ALL\n%pip ALL=(ALL) ALL\n#1001 ALL=(ALL) ALL\n",
            "root\tALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n",
            "User_Alias pi = bob\n",
            "User_Alias BOSS = bob, pi\n",
            "Defaults:pi, ada !lecture\n",
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
