//! The kinds of boards, as far as tests need something that is made for them.

use std::path::{Path, PathBuf};

/// What a base and a broker for a kind of board are made of: Debian's name of the kind, and the program
/// that loads others there. `libc6-arm64-cross` and `libc6-armhf-cross` bring it, and the C library.
pub(crate) struct Kind {
    name: &'static str,
    pub(crate) loader: &'static str,
}

pub(crate) const ARM64: Kind = Kind {
    name: "aarch64-linux-gnu",
    loader: "ld-linux-aarch64.so.1",
};
pub(crate) const ARMHF: Kind = Kind {
    name: "arm-linux-gnueabihf",
    loader: "ld-linux-armhf.so.3",
};

impl Kind {
    /// Where the file `name` is on this computer.
    pub(crate) fn library(&self, name: &str) -> PathBuf {
        Path::new("/usr").join(self.name).join("lib").join(name)
    }

    /// Where the C library is on a card.
    pub(crate) fn libc(&self) -> String {
        format!("usr/lib/{}/libc.so.6", self.name)
    }
}
