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
    find(&rules, "layout", "layout", &keyboard.layout)?;
    variants(&rules, keyboard)?;
    find(&rules, "option", "options", &keyboard.options)?;
    find(&rules, "model", "model", &keyboard.model)
}

/// The lines of a section of the list.
fn section<'a>(rules: &'a str, section: &str) -> impl Iterator<Item = &'a str> {
    rules
        .lines()
        .skip_while(move |line| line.strip_prefix('!').map(str::trim) != Some(section))
        .skip(1)
        .take_while(|line| !line.starts_with('!'))
}

/// Looks up each of `values`, which are joined by commas, in a section of the list.
fn find(rules: &str, name: &str, key: &str, values: &str) -> anyhow::Result<()> {
    let known: Vec<_> = section(rules, name)
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    for value in values.split(',').filter(|value| !value.is_empty()) {
        if known.contains(&value) {
            continue;
        }
        let fault = Fault::input(format!("system.keyboard.{key}: the base has no {value}"));
        let hint = match (nearest(value, known.iter().copied()), name) {
            (Some(near), _) => format!("did you mean {near}?"),
            (None, "layout") => "they are those of X11: us, gb, de".to_owned(),
            (None, "model") => "they are those of X11: pc105".to_owned(),
            (None, _) => "they are those of X11: compose:menu".to_owned(),
        };
        return Err(fault.hint(hint).into());
    }
    Ok(())
}

/// Holds each variant against the layout that stands at its place: a variant is one of its layout alone.
fn variants(rules: &str, keyboard: &Keyboard) -> anyhow::Result<()> {
    let layouts: Vec<_> = keyboard.layout.split(',').collect();
    for (index, variant) in keyboard.variant.split(',').enumerate() {
        if variant.is_empty() {
            continue;
        }
        let Some(layout) = layouts.get(index) else {
            let text = "system.keyboard.variant: there are more variants than layouts";
            return Err(Fault::input(text).into());
        };
        // As in `nodeadkeys  de: German (no dead keys)`.
        let known: Vec<_> = section(rules, "variant")
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                let variant = words.next()?;
                (words.next()?.strip_suffix(':')? == *layout).then_some(variant)
            })
            .collect();
        if known.contains(&variant) {
            continue;
        }
        let text = format!("system.keyboard.variant: the base has no {variant} for {layout}");
        let hint = match nearest(variant, known.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None if known.is_empty() => format!("{layout} has no variants"),
            None => format!("those of {layout} are {}", known.join(", ")),
        };
        return Err(Fault::input(text).hint(hint).into());
    }
    Ok(())
}
