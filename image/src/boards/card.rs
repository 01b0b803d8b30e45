//! The proof for a whole card: kernel, initrd and device trees are those that the firmware would load.

use super::check::{Board, Gap, missing_drivers};
use super::drivers::Drivers;
use super::fdt::{DeviceTree, FdtError};
use super::initrd::{self, InitrdError};
use super::kernel::{self, KernelError};
use crate::bootconfig::last_line;
use crate::{Card, CardError, EntryPath};

/// Proves that `card` finds its root file system on every one of `boards`.
///
/// # Errors
///
/// [`BoardError::Gaps`] names the first board that doesn't, and all that it lacks; the others say what
/// could not be read.
pub fn prove(card: &Card, boards: &[Board]) -> Result<(), BoardError> {
    let drivers = drivers(card)?;
    for board in boards {
        let path = on_boot(board.device_tree);
        let blob = required(card, &path)?;
        let tree = DeviceTree::parse(&blob).map_err(|source| BoardError::Tree { path, source })?;
        let gaps = missing_drivers(&tree, &drivers);
        if !gaps.is_empty() {
            return Err(BoardError::Gaps {
                board: board.name,
                gaps,
            });
        }
    }
    Ok(())
}

fn drivers(card: &Card) -> Result<Drivers, BoardError> {
    let config = text(card, &on_boot("config.txt"))?;
    let kernel = setting(&config, "kernel=")?;
    let path = on_boot(setting(&config, "initramfs ")?);
    let initrd = initrd::modules(&required(card, &path)?)
        .map_err(|source| BoardError::Initrd { path, source })?;
    let release = kernel
        .strip_prefix("vmlinuz-")
        .ok_or_else(|| BoardError::Release {
            kernel: kernel.to_owned(),
        })?;
    let table = |name| text(card, &format!("/usr/lib/modules/{release}/{name}"));
    let path = on_boot(kernel);
    let kernel = kernel::unpacked(required(card, &path)?)
        .map_err(|source| BoardError::Kernel { path, source })?;
    Ok(Drivers::new(
        kernel,
        &table("modules.alias")?,
        &table("modules.dep")?,
        &table("modules.builtin")?,
        initrd,
    ))
}

fn on_boot(name: &str) -> String {
    format!("{}/{name}", EntryPath::BOOT)
}

fn required(card: &Card, path: &str) -> Result<Vec<u8>, BoardError> {
    card.read(path)?.ok_or_else(|| BoardError::Absent {
        path: path.to_owned(),
    })
}

fn text(card: &Card, path: &str) -> Result<String, BoardError> {
    Ok(String::from_utf8_lossy(&required(card, path)?).into_owned())
}

fn setting<'a>(config: &'a str, key: &'static str) -> Result<&'a str, BoardError> {
    last_line(config, key).ok_or(BoardError::Setting { key })
}

/// Why a card is not proved to boot.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// It would hang before it has its root file system.
    #[error("{board} would not find its root file system: {}", list(.gaps))]
    Gaps {
        /// The board.
        board: &'static str,
        /// What it lacks.
        gaps: Vec<Gap>,
    },
    /// The card could not be read.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A file that the firmware or the kernel needs is not there.
    #[error("the card has no {path}")]
    Absent {
        /// Where it should be.
        path: String,
    },
    /// `config.txt` doesn't name a file that the firmware shall load.
    #[error("config.txt has no line that begins with `{key}`")]
    Setting {
        /// The beginning of the line.
        key: &'static str,
    },
    /// The kernel's file name doesn't say where its modules are.
    #[error("the kernel is called {kernel}, not vmlinuz-RELEASE")]
    Release {
        /// What it is called.
        kernel: String,
    },
    /// The kernel is packed, and can't be unpacked.
    #[error("cannot look into {path}")]
    Kernel {
        /// Where it is.
        path: String,
        /// What is wrong with it.
        source: KernelError,
    },
    /// A device tree is damaged.
    #[error("cannot read device tree {path}")]
    Tree {
        /// Where it is.
        path: String,
        /// What is wrong with it.
        source: FdtError,
    },
    /// The initrd can't be listed.
    #[error("cannot list {path}")]
    Initrd {
        /// Where it is.
        path: String,
        /// What is wrong with it.
        source: InitrdError,
    },
}

fn list(gaps: &[Gap]) -> String {
    let gaps: Vec<String> = gaps.iter().map(Gap::to_string).collect();
    gaps.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_several_settings_counts() {
        let config = "kernel=vmlinuz-1\n# kernel=no\nkernel=vmlinuz-2\ninitramfs initrd.img-2\n";

        assert_eq!(setting(config, "kernel=").unwrap(), "vmlinuz-2");
        assert_eq!(setting(config, "initramfs ").unwrap(), "initrd.img-2");
        assert_eq!(
            setting(config, "device_tree=").unwrap_err().to_string(),
            "config.txt has no line that begins with `device_tree=`"
        );
    }
}
