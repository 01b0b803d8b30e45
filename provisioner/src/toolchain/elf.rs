//! What a binary needs, read from the file itself.

use std::fmt;

use object::elf::{
    EM_AARCH64, EM_ARM, EM_X86_64, ET_DYN, ET_EXEC, FileHeader32, FileHeader64, Machine,
};
use object::read::elf::{FileHeader, SectionHeader};
use object::{Endianness, FileKind, ReadRef};

use super::Target;

/// A version of the GNU C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GlibcVersion(pub u32, pub u32);

impl fmt::Display for GlibcVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// What matters of an ELF file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElfFacts {
    /// `e_machine`.
    pub machine: Machine,
    /// Whether it is a program or library that can be loaded.
    pub loadable: bool,
    /// The newest `GLIBC_x.y` among the versions it needs, if it needs any.
    pub needs: Option<GlibcVersion>,
    /// The newest `GLIBC_x.y` among the versions it defines: it is a C library.
    pub defines: Option<GlibcVersion>,
}

/// Why a binary can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// It is not a program.
    #[error("it is no ELF program")]
    NotElf,
    /// The file is damaged.
    #[error("it is a damaged ELF file: {0}")]
    Damaged(String),
    /// It is made for something else.
    #[error("it is made for {is}, the target is {wanted}")]
    Machine {
        /// What it is made for.
        is: String,
        /// What it should be made for.
        wanted: Target,
    },
    /// The C library on the Pi is too old for it.
    #[error("it needs glibc {needs}, the image has {has}")]
    Glibc {
        /// The newest version it needs.
        needs: GlibcVersion,
        /// What is there.
        has: GlibcVersion,
    },
}

impl ElfFacts {
    /// Reads them.
    pub fn read(bytes: &[u8]) -> Result<Self, ElfError> {
        match FileKind::parse(bytes) {
            Ok(FileKind::Elf32) => read::<FileHeader32<Endianness>>(bytes),
            Ok(FileKind::Elf64) => read::<FileHeader64<Endianness>>(bytes),
            _ => Err(ElfError::NotElf),
        }
    }

    /// Whether the program runs on `target` with a C library of version `has`.
    pub fn check(&self, target: Target, has: Option<GlibcVersion>) -> Result<(), ElfError> {
        if !self.loadable {
            return Err(ElfError::NotElf);
        }
        if self.machine != machine_of(target) {
            return Err(ElfError::Machine {
                is: machine_name(self.machine),
                wanted: target,
            });
        }
        match (self.needs, has) {
            (Some(needs), Some(has)) if needs > has => Err(ElfError::Glibc { needs, has }),
            _ => Ok(()),
        }
    }
}

fn read<'data, Elf: FileHeader<Endian = Endianness>>(
    bytes: &'data [u8],
) -> Result<ElfFacts, ElfError>
where
    &'data [u8]: ReadRef<'data>,
{
    let damaged = |error: object::read::Error| ElfError::Damaged(error.to_string());
    let header = Elf::parse(bytes).map_err(damaged)?;
    let endian = header.endian().map_err(damaged)?;
    let sections = header.sections(endian, bytes).map_err(damaged)?;
    let (mut needs, mut defines) = (None, None);
    for section in sections.iter() {
        if let Some((mut entries, link)) = section.gnu_verneed(endian, bytes).map_err(damaged)? {
            let strings = sections.strings(endian, bytes, link).map_err(damaged)?;
            while let Some((_, mut versions)) = entries.next().map_err(damaged)? {
                while let Some(version) = versions.next().map_err(damaged)? {
                    needs = needs.max(glibc_version(
                        version.name(endian, strings).map_err(damaged)?,
                    ));
                }
            }
        }
        if let Some((mut entries, link)) = section.gnu_verdef(endian, bytes).map_err(damaged)? {
            let strings = sections.strings(endian, bytes, link).map_err(damaged)?;
            while let Some((_, mut names)) = entries.next().map_err(damaged)? {
                if let Some(name) = names.next().map_err(damaged)? {
                    defines =
                        defines.max(glibc_version(name.name(endian, strings).map_err(damaged)?));
                }
            }
        }
    }
    let kind = header.e_type(endian);
    Ok(ElfFacts {
        machine: header.e_machine(endian),
        loadable: kind == ET_EXEC || kind == ET_DYN,
        needs,
        defines,
    })
}

/// Reads `GLIBC_2.34`; other names, as `GLIBC_PRIVATE`, are no versions.
fn glibc_version(name: &[u8]) -> Option<GlibcVersion> {
    let text = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?;
    let mut parts = text.split('.').map(str::parse);
    Some(GlibcVersion(parts.next()?.ok()?, parts.next()?.ok()?))
}

const fn machine_of(target: Target) -> Machine {
    match target {
        Target::Aarch64 => EM_AARCH64,
        Target::Armv7 => EM_ARM,
        Target::X86_64 => EM_X86_64,
    }
}

fn machine_name(machine: Machine) -> String {
    match machine {
        EM_AARCH64 => "aarch64".to_owned(),
        EM_ARM => "arm".to_owned(),
        EM_X86_64 => "x86_64".to_owned(),
        Machine(other) => format!("machine {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_program_is_one_for_another_machine() {
        let own =
            ElfFacts::read(&std::fs::read(std::env::current_exe().unwrap()).unwrap()).unwrap();
        assert!(own.loadable);
        assert!(own.needs > Some(GlibcVersion(2, 0)));
        if cfg!(target_arch = "x86_64") {
            assert!(matches!(
                own.check(Target::Aarch64, None),
                Err(ElfError::Machine { .. })
            ));
        }
    }

    #[test]
    fn an_older_c_library_is_refused() {
        let facts = ElfFacts {
            machine: EM_AARCH64,
            loadable: true,
            needs: Some(GlibcVersion(2, 36)),
            defines: None,
        };
        assert_eq!(
            facts.check(Target::Aarch64, Some(GlibcVersion(2, 41))),
            Ok(())
        );
        let error = facts
            .check(Target::Aarch64, Some(GlibcVersion(2, 31)))
            .unwrap_err();
        assert_eq!(error.to_string(), "it needs glibc 2.36, the image has 2.31");
    }

    #[test]
    fn what_is_no_program_is_said_so() {
        assert_eq!(ElfFacts::read(b"#!/bin/sh\n"), Err(ElfError::NotElf));
        assert_eq!(ElfFacts::read(b""), Err(ElfError::NotElf));
    }
}
