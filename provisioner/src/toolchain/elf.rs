//! What a binary needs, read from the file itself.

use std::fmt;

use object::elf::{
    EF_ARM_ABI_FLOAT_HARD, EF_ARM_ABI_FLOAT_SOFT, EF_ARM_EABI_VER5, EF_ARM_EABIMASK, EM_AARCH64,
    EM_ARM, EM_X86_64, ET_DYN, ET_EXEC, FileHeader32, FileHeader64, Machine, PT_DYNAMIC,
};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElfFacts {
    /// `e_machine`.
    pub machine: Machine,
    /// How wide its addresses are, 32 or 64 bits: `EI_CLASS`.
    pub bits: u8,
    /// The order of its bytes: `EI_DATA`.
    pub endianness: Endianness,
    /// `e_flags`; what they mean depends on the machine.
    pub flags: u32,
    /// Whether it is a program: a file that can be loaded, and that says where it begins. The C library
    /// and the program that loads others are programs, too.
    pub program: bool,
    /// The program that must load it, if it doesn't run by itself: `/lib/ld-linux-armhf.so.3`.
    pub interpreter: Option<String>,
    /// The newest `GLIBC_x.y` among the versions it needs, if it needs any.
    pub needs: Option<GlibcVersion>,
    /// The newest `GLIBC_x.y` among the versions it defines: it is a C library.
    pub defines: Option<GlibcVersion>,
}

/// Why a binary can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// It is something else.
    #[error("it is no ELF program")]
    NotElf,
    /// It is a library or an object file.
    #[error("it is an ELF file, but no program")]
    NoProgram,
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
        if !self.program {
            return Err(ElfError::NoProgram);
        }
        if !self.is_for(target) {
            return Err(ElfError::Machine {
                is: self.made_for(),
                wanted: target,
            });
        }
        match (self.needs, has) {
            (Some(needs), Some(has)) if needs > has => Err(ElfError::Glibc { needs, has }),
            _ => Ok(()),
        }
    }

    fn is_for(&self, target: Target) -> bool {
        let (machine, bits) = machine_of(target);
        self.machine == machine
            && self.bits == bits
            && self.endianness == Endianness::Little
            && (machine != EM_ARM || self.has_hard_float_abi())
    }

    /// Whether floating-point numbers are passed in registers, as Debian's armhf has it. On a system of
    /// that kind a program of the other (armel) finds neither its loader nor its libraries.
    fn has_hard_float_abi(&self) -> bool {
        self.flags & EF_ARM_EABIMASK == EF_ARM_EABI_VER5.0
            && self.flags & EF_ARM_ABI_FLOAT_HARD != 0
    }

    /// In words: `arm (soft-float)`.
    fn made_for(&self) -> String {
        let mut traits = Vec::new();
        if self.endianness == Endianness::Big {
            traits.push("big-endian");
        }
        let (name, bits) = match self.machine {
            EM_AARCH64 => ("aarch64".to_owned(), 64),
            EM_ARM => ("arm".to_owned(), 32),
            EM_X86_64 => ("x86_64".to_owned(), 64),
            Machine(other) => (format!("machine {other}"), self.bits),
        };
        if self.bits != bits {
            traits.push("32-bit addresses");
        }
        if self.machine == EM_ARM && !self.has_hard_float_abi() {
            let soft = self.flags & EF_ARM_ABI_FLOAT_SOFT != 0;
            traits.push(if soft {
                "soft-float"
            } else {
                "no hard-float ABI"
            });
        }
        if traits.is_empty() {
            name
        } else {
            format!("{name} ({})", traits.join(", "))
        }
    }
}

fn read<'data, Elf: FileHeader<Endian = Endianness>>(
    bytes: &'data [u8],
) -> Result<ElfFacts, ElfError>
where
    &'data [u8]: ReadRef<'data>,
{
    let header = Elf::parse(bytes).map_err(damaged)?;
    let endian = header.endian().map_err(damaged)?;
    let (needs, defines) = glibc_versions(header, endian, bytes)?;
    let kind = header.e_type(endian);
    Ok(ElfFacts {
        machine: header.e_machine(endian),
        bits: if header.is_class_64() { 64 } else { 32 },
        endianness: endian,
        flags: header.e_flags(endian).0,
        program: (kind == ET_EXEC || kind == ET_DYN) && header.e_entry(endian).into() != 0,
        interpreter: interpreter(header, endian, bytes)?,
        needs,
        defines,
    })
}

/// The program that loads this one.
fn interpreter<Elf: FileHeader<Endian = Endianness>>(
    header: &Elf,
    endian: Endianness,
    bytes: &[u8],
) -> Result<Option<String>, ElfError> {
    let segments = header.program_headers(endian, bytes).map_err(damaged)?;
    for segment in segments {
        if let Some(path) = segment.interpreter(endian, bytes).map_err(damaged)? {
            return Ok(Some(String::from_utf8_lossy(path).into_owned()));
        }
    }
    Ok(None)
}

/// The newest versions of glibc that a file needs and defines.
fn glibc_versions<Elf: FileHeader<Endian = Endianness>>(
    header: &Elf,
    endian: Endianness,
    bytes: &[u8],
) -> Result<(Option<GlibcVersion>, Option<GlibcVersion>), ElfError> {
    let sections = header.sections(endian, bytes).map_err(damaged)?;
    let segments = header.program_headers(endian, bytes).map_err(damaged)?;
    let dynamic = |segment: &Elf::ProgramHeader| segment.p_type(endian) == PT_DYNAMIC;
    if sections.is_empty() && segments.iter().any(dynamic) {
        // Some strippers cut it off. What the program needs would be taken for nothing.
        return Err(ElfError::Damaged("it has no section table".to_owned()));
    }
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
    Ok((needs, defines))
}

fn damaged(error: object::read::Error) -> ElfError {
    ElfError::Damaged(error.to_string())
}

/// Reads `GLIBC_2.34`; other names, as `GLIBC_PRIVATE`, are no versions.
fn glibc_version(name: &[u8]) -> Option<GlibcVersion> {
    let text = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?;
    let mut parts = text.split('.').map(str::parse);
    Some(GlibcVersion(parts.next()?.ok()?, parts.next()?.ok()?))
}

/// `e_machine` of a target's programs, and how wide their addresses are.
const fn machine_of(target: Target) -> (Machine, u8) {
    match target {
        Target::Aarch64 => (EM_AARCH64, 64),
        Target::Armv7 => (EM_ARM, 32),
        Target::X86_64 => (EM_X86_64, 64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_program_is_one_for_another_machine() {
        let own =
            ElfFacts::read(&std::fs::read(std::env::current_exe().unwrap()).unwrap()).unwrap();
        assert!(own.program && own.interpreter.is_some());
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
            bits: 64,
            endianness: Endianness::Little,
            flags: 0,
            program: true,
            interpreter: None,
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
