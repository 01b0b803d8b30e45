//! Runs mmdebstrap and turns what its hook left into a card image.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::{DebianError, failed};
use super::host::{self, Mode};
use super::inputs::{CUSTOMIZE_HOOK, DPKG_OPTIONS, ESSENTIAL_HOOK, SOURCE_DATE_EPOCH};
use super::lock::{lock, remove_leftovers};
use super::pinned::PinnedBase;
use super::repository::Repository;
use super::{installed, log, run, times};
use crate::ext4::fsck;
use crate::mbr::{Mbr, Partition, PartitionType, Sectors};
use crate::{Card, Progress, boards, process};

/// Where Raspberry Pi OS's first partition begins: 8 MiB, the erase-block size of large cards.
const BOOT_START: Sectors = Sectors::new(16_384);
/// Where its second one begins, directly after 512 MiB of the first.
const ROOT_START: Sectors = Sectors::new(1_064_960);

impl PinnedBase {
    /// Returns the path of the raw image in `cache`, and builds it first if it isn't there.
    ///
    /// Packages come from the cache; those that aren't there are downloaded into it first. A build takes minutes and about 2 GiB of temporary space. Two builds of the same base wait for
    /// each other; an image appears in the cache only when it is whole and its checks have passed.
    ///
    /// # Errors
    ///
    /// [`DebianError`]; [`DebianError::hint`] says what to do.
    pub fn prepare(
        &self,
        cache: &Path,
        progress: &mut dyn Progress,
    ) -> Result<PathBuf, DebianError> {
        let image = self.path_in(cache);
        if image.is_file() {
            return Ok(image);
        }
        let bases = cache.join("bases");
        fs::create_dir_all(&bases).map_err(failed("make folder", &bases))?;
        let who = "another build of the same base";
        let _lock = lock(&image.with_extension("lock"), who, progress)?;
        if image.is_file() {
            return Ok(image);
        }
        let mode = host::check(&self.base)?;
        if host::is_root() {
            progress.warn(
                "packages are installed as root; an ordinary user could do it as well, without any privilege",
            );
        }
        self.fetch(cache, progress)?;
        progress.begin(&format!("Building base {}", self.file_name()), None);
        let base = &self.base;
        progress.detail("laying out the packages");
        let repository = Repository::new(
            &self.packages,
            base.suite(),
            base.architecture(),
            cache,
            progress,
        )?;
        self.build(&image, mode, &repository, progress)?;
        progress.end(&format!("Built base {}", self.file_name()));
        Ok(image)
    }

    fn build(
        &self,
        image: &Path,
        mode: Mode,
        repository: &Repository,
        progress: &mut dyn Progress,
    ) -> Result<(), DebianError> {
        let bases = image.parent().unwrap_or(Path::new("."));
        let prefix = format!(".{}-", self.file_name());
        remove_leftovers(bases, &prefix)?;
        // Only this user may enter the folder. Inside, the image is open to all: in its namespace,
        // root is another user than the one who owns the file.
        let folder = tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in(bases)
            .map_err(failed("make a temporary folder in", bases))?;
        let raw = folder.path().join("base.img");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&raw)
            .map_err(failed("create", &raw))?;
        file.set_permissions(fs::Permissions::from_mode(0o666))
            .map_err(failed("open up", &raw))?;
        let command = self.mmdebstrap(mode, repository)?;
        install(command, &file, &image.with_extension("log"), progress)?;
        progress.detail("writing the partition table");
        self.write_table(file, &raw)?;
        progress.detail("settling dates");
        times::settle(&raw, Card::open(&raw)?.mbr().root()?, SOURCE_DATE_EPOCH)?;
        progress.detail("checking the new base");
        self.check(&raw)?;
        fs::set_permissions(&raw, fs::Permissions::from_mode(0o444))
            .map_err(failed("protect", &raw))?;
        fs::rename(&raw, image).map_err(failed("put into place", image))
    }

    /// The command that makes both file systems of the packages in `repository`.
    fn mmdebstrap(&self, mode: Mode, repository: &Repository) -> Result<Command, DebianError> {
        let base = &self.base;
        let mut command = run::merged(&process::find("mmdebstrap", "mmdebstrap")?);
        command
            .arg("--verbose")
            .arg(format!("--mode={}", mode.name()))
            .arg(format!("--architectures={}", base.architecture()))
            .args([
                "--variant=essential",
                "--format=null",
                "--skip=check/qemu,cleanup",
            ])
            .arg(format!("--include={}", base.roots().join(",")))
            .args(
                DPKG_OPTIONS
                    .iter()
                    .map(|option| format!("--dpkgopt={option}")),
            )
            .arg(format!("--essential-hook={ESSENTIAL_HOOK}"))
            .arg(format!("--customize-hook={CUSTOMIZE_HOOK}"))
            .args([base.suite().codename(), "/dev/null"])
            .arg(repository.line())
            // Root of the namespace may not enter the folder that an ordinary user is in.
            .current_dir("/")
            .env("SOURCE_DATE_EPOCH", SOURCE_DATE_EPOCH.to_string())
            .env("PROVISION_DISK_ID", format!("{:08x}", self.disk_id()))
            .env("PROVISION_ROOT_UUID", self.root_uuid())
            .env("PROVISION_DEPMOD", base.suite().depmod())
            .env("PROVISION_SOURCES", base.sources.lines(""))
            .env("PROVISION_MODULES", base.port.initrd_modules.join(" "));
        // Administration tools aren't on an ordinary user's path.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/local/sbin:/usr/sbin:/sbin"));
        Ok(command)
    }

    /// Looks at what was built as somebody would who doesn't trust it.
    fn check(&self, image: &Path) -> Result<(), DebianError> {
        let card = Card::open(image)?;
        fsck(image, card.mbr().root()?)?;
        boards::prove(&card, self.base.boards())?;
        installed::check(&card, &self.packages)
    }

    /// Writes the table for the two partitions that fill `image`, and brings all of it to the disk.
    fn write_table(&self, mut image: File, path: &Path) -> Result<(), DebianError> {
        let size = image.metadata().map_err(failed("measure", path))?.len();
        let end = Sectors::within(size);
        let mut table = Mbr::new(self.disk_id());
        for (number, kind, start, end) in [
            (1, PartitionType::FAT32_LBA, BOOT_START, ROOT_START),
            (2, PartitionType::LINUX, ROOT_START, end),
        ] {
            table.set(Partition {
                number,
                kind,
                bootable: false,
                start,
                length: Sectors::new(end.count().saturating_sub(start.count())),
            })?;
        }
        table.check(end)?;
        image
            .seek(SeekFrom::Start(0))
            .and_then(|_| image.write_all(&table.to_bytes()))
            .and_then(|()| image.sync_all())
            .map_err(failed("write the partition table of", path))
    }
}

/// Fills `image`, which is the command's standard input, with both file systems.
fn install(
    mut command: Command,
    image: &File,
    log: &Path,
    progress: &mut dyn Progress,
) -> Result<(), DebianError> {
    command.stdin(image.try_clone().map_err(failed("open again", log))?);
    let file = File::create(log).map_err(failed("create", log))?;
    let ended = run::watched("mmdebstrap", &mut command, file, progress)?;
    if progress.cancelled() {
        Err(DebianError::Interrupted)
    } else if ended.status.success() {
        fs::remove_file(log).map_err(failed("remove", log))
    } else {
        Err(DebianError::Install {
            status: ended.status.to_string(),
            reason: log::cause(&ended.last),
            log: log.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::super::{DebianBase, PackageSet, Suite};
    use super::*;
    use crate::{Architecture, Silent};

    fn arm64() -> PinnedBase {
        let base = DebianBase::new(Suite::Trixie, Architecture::Arm64).unwrap();
        base.pin(PackageSet::default())
    }

    #[test]
    fn a_base_that_is_in_the_cache_is_returned_without_asking_the_host_for_anything() {
        let cache = tempfile::tempdir().unwrap();
        let base = arm64();
        let image = base.path_in(cache.path());
        fs::create_dir_all(image.parent().unwrap()).unwrap();
        File::create(&image).unwrap();

        assert_eq!(base.prepare(cache.path(), &mut Silent).unwrap(), image);
    }

    #[test]
    fn the_table_is_raspberry_pi_os_s() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("base.img");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .unwrap();
        file.set_len((1_064_960 + 409_600) * 512).unwrap();
        let base = arm64();
        base.write_table(file, &path).unwrap();
        let mut sector = [0; crate::mbr::MBR_SIZE];
        io::Read::read_exact(&mut File::open(&path).unwrap(), &mut sector).unwrap();
        let table = Mbr::parse(&sector).unwrap();
        let rows: Vec<_> = table
            .partitions()
            .map(|p| (p.number, p.kind.0, p.start.count(), p.length.count()))
            .collect();

        assert_eq!(
            rows,
            [(1, 0x0C, 16_384, 1_048_576), (2, 0x83, 1_064_960, 409_600)]
        );
        assert_eq!(table.disk_id(), base.disk_id());
    }
}
