//! Whether the base knows a keyboard.

use crate::bake::base::Base;
use crate::hint::{Fault, nearest};
use crate::recipe::system::Keyboard;

/// All models, layouts, variants and options, a list each.
const RULES: &str = "/usr/share/X11/xkb/rules/base.lst";

pub(super) fn check(base: &mut Base<'_>, keyboard: &Keyboard) -> anyhow::Result<()> {
    if keyboard.is_usual() {
        return Ok(());
    }
    let Some(rules) = base.text(RULES)? else {
        base.warn("the base has no list of keyboards, so that nobody has checked system.keyboard");
        return Ok(());
    };
    find(&rules, "layout", &keyboard.layout)?;
    find(&rules, "variant", &keyboard.variant)?;
    find(&rules, "option", &keyboard.options)?;
    find(&rules, "model", &keyboard.model)
}

/// Looks up each of `values`, which are joined by commas, in a section of the list.
fn find(rules: &str, section: &str, values: &str) -> anyhow::Result<()> {
    let known: Vec<_> = rules
        .lines()
        .skip_while(|line| line.strip_prefix('!').map(str::trim) != Some(section))
        .skip(1)
        .take_while(|line| !line.starts_with('!'))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    for value in values.split(',').filter(|value| !value.is_empty()) {
        if known.contains(&value) {
            continue;
        }
        let key = if section == "option" {
            "options"
        } else {
            section
        };
        let fault = Fault::input(format!("system.keyboard.{key}: the base has no {value}"));
        return Err(match nearest(value, known.iter().copied()) {
            Some(near) => fault.hint(format!("did you mean {near}?")),
            None => fault.hint("they are those of X11: us, gb, de"),
        }
        .into());
    }
    Ok(())
}
