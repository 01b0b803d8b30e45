//! Overlay trees: files as they lie on the Pi, with a manifest beside them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use rust_embed::RustEmbed;
use serde::Deserialize;

use super::base_system::BaseSystem;
use crate::hint::{Fault, nearest};
use crate::recipe::yaml;

/// The manifest's name, at the root of a tree. It is not copied to the Pi.
const MANIFEST: &str = "overlay.yaml";

#[derive(RustEmbed)]
#[folder = "../overlays"]
struct Embedded;

/// A tree, read.
#[derive(Debug)]
pub(super) struct Tree {
    /// What people know it as: `overlays/broker`, or its path.
    pub(super) label: String,
    /// What the manifest says.
    pub(super) manifest: Manifest,
    /// Bytes by path, without a leading slash.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// `overlay.yaml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Manifest {
    /// One sentence for people.
    #[serde(rename = "description")]
    _description: String,
    /// Whether it is for cards alone, and left out where a host that runs is changed.
    pub(super) card_only: bool,
    /// The systems that it is for; for every one if none is named.
    pub(super) systems: Vec<BaseSystem>,
    /// Octal modes of files and directories that are not 0644 and 0755.
    pub(super) modes: BTreeMap<String, Mode>,
    /// Symbolic links: path and target.
    pub(super) links: BTreeMap<String, String>,
    /// Units to enable.
    pub(super) units: Vec<ManifestUnit>,
}

/// A unit to enable.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ManifestUnit {
    /// `mqtt-broker.service`.
    pub(super) name: String,
    /// `multi-user.target`.
    pub(super) wanted_by: String,
}

/// Permission bits, written in octal and in quotes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode(pub(super) u32);

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mode = u32::from_str_radix(&text, 8)
            .ok()
            .filter(|mode| *mode <= 0o7777);
        mode.map(Self).ok_or_else(|| {
            serde::de::Error::custom(format!("{text:?} is no octal mode as \"0755\""))
        })
    }
}

impl Manifest {
    /// Whether the tree is for `system`.
    pub(super) fn is_for(&self, system: BaseSystem) -> bool {
        self.systems.is_empty() || self.systems.contains(&system)
    }
}

impl Tree {
    /// Reads a built-in tree by its name, or a folder by its absolute path.
    pub(super) fn read(name: &str) -> anyhow::Result<Self> {
        let path = Path::new(name);
        let (label, mut files) = if path.is_absolute() {
            (name.to_owned(), from_folder(path)?)
        } else {
            (format!("overlays/{name}"), from_program(name)?)
        };
        let manifest = match files.remove(MANIFEST) {
            None => Manifest::default(),
            Some(bytes) => {
                let file = format!("{label}/{MANIFEST}");
                let text = String::from_utf8(bytes).with_context(|| format!("reading {file}"))?;
                yaml::parse(&file, &text)?
            }
        };
        if let Some(stray) = manifest.modes.keys().find(|path| !has(&files, path)) {
            let text = format!("{label}/{MANIFEST}: modes: there is no {stray} in this overlay");
            return Err(Fault::input(text).into());
        }
        Ok(Self {
            label,
            manifest,
            files,
        })
    }
}

/// Whether `path` is a file of the tree, rendered or not, or a directory above one.
fn has(files: &BTreeMap<String, Vec<u8>>, path: &str) -> bool {
    files.keys().any(|file| {
        let file = file.strip_suffix(super::template::SUFFIX).unwrap_or(file);
        file == path
            || file
                .strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('/'))
    })
}

fn from_program(name: &str) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let prefix = format!("{name}/");
    let files: BTreeMap<_, _> = Embedded::iter()
        .filter_map(|file| {
            let path = file.strip_prefix(&prefix)?.to_owned();
            Some((path, Embedded::get(&file)?.data.into_owned()))
        })
        .collect();
    if !files.is_empty() {
        return Ok(files);
    }
    let mut known: Vec<_> = Embedded::iter()
        .filter_map(|file| Some(file.split_once('/')?.0.to_owned()))
        .collect();
    known.dedup();
    let fault = Fault::input(format!("there is no built-in overlay {name}"));
    Err(match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => fault.hint(format!(
            "did you mean {near}? An overlay of your own is named by its path: ./{name}"
        )),
        None => fault.hint(format!(
            "there are {}; one of your own is named by its path: ./{name}",
            known.join(", ")
        )),
    }
    .into())
}

fn from_folder(root: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    walk(root, "", &mut files)?;
    Ok(files)
}

fn walk(root: &Path, below: &str, files: &mut BTreeMap<String, Vec<u8>>) -> anyhow::Result<()> {
    let folder = root.join(below);
    let entries =
        fs::read_dir(&folder).with_context(|| format!("reading overlay {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("reading overlay {}", folder.display()))?;
        let path = entry.path();
        let name = entry.file_name().into_string().map_err(|name| {
            Fault::input(format!(
                "overlay {}: the name {} is not UTF-8",
                folder.display(),
                name.display()
            ))
        })?;
        let relative = if below.is_empty() {
            name
        } else {
            format!("{below}/{name}")
        };
        let kind = entry
            .file_type()
            .with_context(|| format!("looking at {}", path.display()))?;
        if kind.is_dir() {
            walk(root, &relative, files)?;
        } else if kind.is_file() {
            let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            files.insert(relative, bytes);
        } else {
            let text = format!(
                "overlay {}: {relative} is neither a file nor a folder",
                root.display()
            );
            return Err(Fault::input(text)
                .hint("links are written in overlay.yaml: `links: {path: target}`")
                .into());
        }
    }
    Ok(())
}
