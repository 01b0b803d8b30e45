//! Whether the files that say where the root file system is mean the one that is there: a table whose rows were
//! exchanged, or an id that was changed alone, gives a card that does not boot.

use std::fmt;

use crate::bootconfig::Cmdline;
use crate::card::{Card, CardError};
use crate::overlay::EntryPath;

const CMDLINE: &str = "/boot/firmware/cmdline.txt";
const FSTAB: &str = "/etc/fstab";

/// A file that names another file system than the one that it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misnamed {
    /// The file.
    pub file: &'static str,
    /// Where the file system is mounted.
    pub mounted_at: &'static str,
    /// What the file calls it.
    pub says: String,
    /// What it is called by the same kind of name.
    pub is: String,
}

impl fmt::Display for Misnamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            mounted_at,
            says,
            is,
            ..
        } = self;
        write!(f, "it has {says} for {mounted_at}, which is {is}")
    }
}

/// Everything in `cmdline.txt` and fstab that names another partition, label or disk than it should. Names of kinds
/// that say nothing about the card (a network, a disk of another kind) are left alone.
pub(crate) fn misnamed(card: &Card) -> Result<Vec<Misnamed>, CardError> {
    let mut names = Vec::new();
    let text = |path| -> Result<String, CardError> {
        let bytes = card.read(path)?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    // A line that isn't understood is told where it is edited.
    if let Ok(line) = Cmdline::parse(&text(CMDLINE)?)
        && let Some(root) = line.value("root")
    {
        names.push((CMDLINE, "/", root.to_owned()));
    }
    for line in text(FSTAB)?.lines() {
        let mut fields = line.split_whitespace();
        let (Some(name), Some(point)) = (fields.next(), fields.next()) else {
            continue;
        };
        let point = match point {
            "/" => "/",
            _ if point.trim_end_matches('/') == EntryPath::BOOT => EntryPath::BOOT,
            _ => continue,
        };
        if !name.starts_with('#') {
            names.push((FSTAB, point, name.to_owned()));
        }
    }
    let root = Names::of_root(card);
    let boot = Names::of_boot(card);
    let wrong = names.into_iter().filter_map(|(file, mounted_at, says)| {
        let names = if mounted_at == "/" { &root } else { &boot };
        let is = names.as_ref()?.instead_of(&says)?;
        Some(Misnamed {
            file,
            mounted_at,
            says,
            is,
        })
    });
    Ok(wrong.collect())
}

/// By what one file system can be named.
struct Names {
    disk_id: u32,
    number: u8,
    label: String,
    uuid: String,
}

impl Names {
    fn of_root(card: &Card) -> Option<Self> {
        Some(Self {
            disk_id: card.mbr().disk_id(),
            number: card.mbr().root().ok()?.number,
            label: card.root().superblock().label.clone(),
            uuid: card.root().uuid(),
        })
    }

    fn of_boot(card: &Card) -> Option<Self> {
        Some(Self {
            disk_id: card.mbr().disk_id(),
            number: card.mbr().boot().ok()?.number,
            label: card.boot().label(),
            uuid: card.boot().serial(),
        })
    }

    /// The right name, if `name` is a wrong one of a kind that is known.
    fn instead_of(&self, name: &str) -> Option<String> {
        let name = name.trim_matches('"');
        if let Some(number) = name.strip_prefix("/dev/mmcblk0p") {
            let number: u8 = number.parse().ok()?;
            return (number != self.number).then(|| format!("/dev/mmcblk0p{}", self.number));
        }
        let (kind, value) = name.split_once('=')?;
        let value = value.trim_matches('"');
        let (fits, is) = match kind {
            "PARTUUID" => {
                let (id, number) = (self.disk_id, self.number);
                (
                    partuuid(value)? == (id, number),
                    format!("{id:08x}-{number:02x}"),
                )
            }
            // Some look for labels and numbers as they are written, some don't.
            "LABEL" => (value.eq_ignore_ascii_case(&self.label), self.label.clone()),
            "UUID" => (value.eq_ignore_ascii_case(&self.uuid), self.uuid.clone()),
            _ => return None,
        };
        (!fits).then(|| format!("{kind}={is}"))
    }
}

/// A name of a partition in an MBR: eight digits of the disk, two of the partition. Those of GPTs are longer.
fn partuuid(value: &str) -> Option<(u32, u8)> {
    let (id, number) = value.split_once('-')?;
    if id.len() != 8 || number.len() != 2 {
        return None;
    }
    Some((
        u32::from_str_radix(id, 16).ok()?,
        u8::from_str_radix(number, 16).ok()?,
    ))
}
