//! The disks in words, and as JSON.

use image::device::{Disk, Part, Permissions, Refusal};
use serde_json::{Value, json};

use crate::output::{Output, bytes};

/// Shows the disks that can be cards, with `fixed` all.
pub(super) fn show(disks: &[Disk], allowed: Permissions, output: &Output) -> anyhow::Result<()> {
    if output.policy().json {
        let disks: Vec<_> = disks.iter().map(|disk| as_json(disk, allowed)).collect();
        output.json(&json!({ "version": 1, "disks": disks }))?;
        return Ok(());
    }
    for line in table(disks, allowed) {
        output.data(&line)?;
    }
    let hidden = disks.len() - shown(disks, allowed).count();
    if hidden > 0 {
        output.note(&format!(
            "Not shown: {hidden} that can't be taken out; --allow-fixed shows them too."
        ));
    }
    Ok(())
}

/// One line a disk.
pub(super) fn table(disks: &[Disk], allowed: Permissions) -> Vec<String> {
    let rows: Vec<_> = shown(disks, allowed)
        .map(|disk| {
            let path = disk.path.display().to_string();
            let model = disk.model.clone().unwrap_or_else(|| "no name".to_owned());
            (
                path,
                bytes(disk.size),
                disk.bus,
                model,
                state(disk, allowed),
            )
        })
        .collect();
    let width = |of: fn(&(String, String, image::device::Bus, String, String)) -> usize| {
        rows.iter().map(of).max().unwrap_or(0)
    };
    let (paths, sizes) = (width(|row| row.0.len()), width(|row| row.1.len()));
    let models = width(|row| row.3.chars().count());
    rows.iter()
        .map(|(path, size, bus, model, state)| {
            format!("{path:paths$}  {size:>sizes$}  {bus:6}  {model:models$}  {state}")
        })
        .collect()
}

fn shown(disks: &[Disk], allowed: Permissions) -> impl Iterator<Item = &Disk> {
    disks
        .iter()
        .filter(move |disk| disk.removable || allowed.fixed)
}

/// Why it can't be written, or what is on it.
fn state(disk: &Disk, allowed: Permissions) -> String {
    match disk.refusal(0, allowed) {
        Some(Refusal::Empty { .. }) => "no card".to_owned(),
        Some(refusal) => {
            let text = refusal.to_string();
            let prefix = format!("{} ", disk.path.display());
            let rest = text.strip_prefix(&prefix).unwrap_or(&text);
            rest.strip_prefix("is ").unwrap_or(rest).to_owned()
        }
        None if disk.parts.is_empty() => "no partitions".to_owned(),
        None => contents(disk),
    }
}

/// Its partitions.
fn contents(disk: &Disk) -> String {
    let parts: Vec<_> = disk.parts.iter().map(part).collect();
    parts.join(", ")
}

fn part(part: &Part) -> String {
    let label = part.label.as_ref().map(|label| format!("{label:?}"));
    let words = [
        Some(part.name.clone()),
        label,
        part.file_system.clone(),
        Some(bytes(part.size)),
    ];
    let words: Vec<_> = words.into_iter().flatten().collect();
    words.join(" ")
}

/// What is lost with a disk, in one line: its name, and what is on it.
pub(super) fn description(disk: &Disk) -> String {
    let model = disk.model.as_deref().unwrap_or("no name");
    let name = format!(
        "{} ({model}, {}, {})",
        disk.path.display(),
        bytes(disk.size),
        disk.bus
    );
    if disk.parts.is_empty() {
        return name;
    }
    format!("{name} with {}", contents(disk))
}

fn as_json(disk: &Disk, allowed: Permissions) -> Value {
    let parts: Vec<_> = disk
        .parts
        .iter()
        .map(|part| {
            json!({
                "name": part.name,
                "size": part.size,
                "label": part.label,
                "file_system": part.file_system,
            })
        })
        .collect();
    json!({
        "path": disk.path,
        "model": disk.model,
        "serial": disk.serial,
        "bus": disk.bus.name(),
        "size": disk.size,
        "removable": disk.removable,
        "read_only": disk.read_only,
        "system": !disk.system_uses().is_empty(),
        "mounts": disk.mounts,
        "partitions": parts,
        "refused": disk.refusal(0, allowed).map(|refusal| refusal.to_string()),
    })
}
