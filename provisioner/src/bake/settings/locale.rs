//! The language: set at once where the base has it, made on the Pi where the base knows how.

use image::ext4::FoundKind;

use super::ORIGIN;
use crate::bake::base::Base;
use crate::hint::{Fault, nearest};

const GENERATED: &str = "/usr/lib/locale";
const ARCHIVE: &str = "/usr/lib/locale/locale-archive";
const KNOWN: &str = "/usr/share/i18n/SUPPORTED";
const WANTED: &str = "/etc/locale.gen";

/// Sets the language; returns the packages that it needs.
pub(super) fn apply(base: &mut Base<'_>, locale: &str) -> anyhow::Result<Option<String>> {
    let file = place(base)?;
    base.write(file, format!("LANG={locale}\n"), ORIGIN)?;
    if is_generated(base, locale)? {
        return Ok(None);
    }
    let known = base.text(KNOWN)?;
    let has_generator = base.has("/usr/sbin/locale-gen")?;
    if let Some(known) = &known {
        let names: Vec<_> = known
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        if !names.contains(&locale) {
            let fault = Fault::input(format!("system.locale: the base has no {locale}"));
            return Err(match nearest(locale, names.iter().copied()) {
                Some(near) => fault.hint(format!("did you mean {near}?")),
                None => fault.hint("as in C.UTF-8, en_GB.UTF-8 or de_DE.UTF-8"),
            }
            .into());
        }
    }
    let wanted = base.text(WANTED)?.unwrap_or_default();
    base.write(WANTED, with(&wanted, locale), ORIGIN)?;
    if has_generator {
        base.write("/etc/provision/locale", format!("{locale}\n"), ORIGIN)?;
        base.warn(&format!("the base has not made {locale} yet: the Pi makes it at its first start, within a minute or two"));
        return Ok(None);
    }
    base.warn(&format!(
        "the base can't make {locale}: the Pi does once it has a network and the package locales"
    ));
    Ok(Some("locales".to_owned()))
}

/// The file that says it: in Debian from trixie on, the old one is a link to the new.
fn place(base: &Base<'_>) -> anyhow::Result<&'static str> {
    let old = base.find("/etc/default/locale")?;
    let is_link = old.is_some_and(|old| matches!(old.kind, FoundKind::Symlink(_)));
    Ok(if is_link {
        "/etc/locale.conf"
    } else {
        "/etc/default/locale"
    })
}

/// Whether programs on the base find the language. They know it by a name without `-` in the encoding.
fn is_generated(base: &Base<'_>, locale: &str) -> anyhow::Result<bool> {
    if locale == "C.UTF-8" {
        return Ok(true);
    }
    let name = locale.replace("UTF-8", "utf8");
    if base.has(&format!("{GENERATED}/{name}"))? {
        return Ok(true);
    }
    // Names stand in it one behind the other, each ended by a zero, and all around them is no text.
    let archive = base.bytes(ARCHIVE)?.unwrap_or_default();
    let mut entries = archive.split(|byte| *byte == 0);
    Ok(entries.any(|entry| entry == name.as_bytes()))
}

/// The list of what is to be made, with `locale` in it.
fn with(list: &str, locale: &str) -> String {
    let line = format!("{locale} UTF-8");
    let is_it = |known: &str| known.trim_start_matches(['#', ' ']).trim_end() == line;
    let mut found = false;
    let mut lines: Vec<_> = list
        .lines()
        .map(|known| {
            if !found && is_it(known) {
                found = true;
                return line.as_str();
            }
            known
        })
        .collect();
    if !found {
        lines.push(&line);
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::with;

    #[test]
    fn a_language_is_asked_for_where_it_stands_as_a_comment_else_at_the_end() {
        let list = "# a list\n# de_DE.UTF-8 UTF-8\n# en_GB.UTF-8 UTF-8\n";
        assert_eq!(
            with(list, "en_GB.UTF-8"),
            "# a list\n# de_DE.UTF-8 UTF-8\nen_GB.UTF-8 UTF-8\n"
        );
        assert_eq!(with("", "fr_FR.UTF-8"), "fr_FR.UTF-8 UTF-8\n");
    }
}
