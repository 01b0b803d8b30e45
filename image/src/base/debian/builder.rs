//! Runs mmdebstrap and turns what its hook left into a card image.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::error::DebianError;
use super::host::{self, Mode};
use super::inputs::{CUSTOMIZE_HOOK, DPKG_OPTIONS, DebianBase, ESSENTIAL_HOOK, SOURCE_DATE_EPOCH};
use super::log;
use crate::ext4::fsck;
use crate::mbr::{Mbr, Partition, PartitionType, Sectors};
use crate::{Card, Progress, boards, process};

/// Where Raspberry Pi OS's first partition begins: 8 MiB, the erase-block size of large cards.
const BOOT_START: Sectors = Sectors::new(16_384);
/// Where its second one begins, directly after 512 MiB of the first.
const ROOT_START: Sectors = Sectors::new(1_064_960);

impl DebianBase {
    /// Returns the path of the raw image in `cache`, and builds it first if it isn't there.
    ///
    /// A build takes minutes and about 2 GiB of temporary space. Two builds of the same base wait for
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
        let _lock = lock(&image.with_extension("lock"), progress)?;
        if image.is_file() {
            return Ok(image);
        }
        let mode = host::check(self)?;
        if host::is_root() {
            progress.warn(
                "packages are installed as root; an ordinary user could do it as well, without any privilege",
            );
        }
        progress.begin(&format!("Building base {}", self.file_name()), None);
        self.build(&image, mode, progress)?;
        progress.end(&format!("Built base {}", self.file_name()));
        Ok(image)
    }

    fn build(
        &self,
        image: &Path,
        mode: Mode,
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
        self.install(&file, mode, &image.with_extension("log"), progress)?;
        progress.detail("writing the partition table");
        self.write_table(file, &raw)?;
        progress.detail("checking the new base");
        self.check(&raw)?;
        fs::set_permissions(&raw, fs::Permissions::from_mode(0o444))
            .map_err(failed("protect", &raw))?;
        fs::rename(&raw, image).map_err(failed("put into place", image))
    }

    /// Fills `image` with both file systems, at their places.
    fn install(
        &self,
        image: &File,
        mode: Mode,
        log: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), DebianError> {
        let stdin = image.try_clone().map_err(failed("open again", log))?;
        let mut child = self
            .mmdebstrap(mode)?
            .stdin(stdin)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(spawn_failed)?;
        let file = File::create(log).map_err(failed("create", log))?;
        let last = match child.stderr.take() {
            Some(stderr) => log::follow(BufReader::new(stderr), file, progress, || stop(&child)),
            None => Ok(std::collections::VecDeque::new()),
        };
        let status = child.wait().map_err(spawn_failed)?;
        let last = last.map_err(failed("write", log))?;
        if progress.cancelled() {
            Err(DebianError::Interrupted)
        } else if status.success() {
            fs::remove_file(log).map_err(failed("remove", log))
        } else {
            Err(DebianError::Install {
                status: status.to_string(),
                reason: log::cause(&last),
                log: log.to_owned(),
            })
        }
    }

    /// The command, with both of its outputs on standard error, in the order in which they come.
    fn mmdebstrap(&self, mode: Mode) -> Result<Command, DebianError> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "exec \"$@\" >&2", "sh"])
            .arg(process::find("mmdebstrap", "mmdebstrap")?)
            .arg("--verbose")
            .arg(format!("--mode={}", mode.name()))
            .arg(format!("--architectures={}", self.architecture()))
            .args([
                "--variant=minbase",
                "--format=null",
                "--skip=check/qemu,cleanup",
            ])
            .arg("--components=main contrib non-free-firmware")
            .arg(format!("--include={}", self.packages()))
            .args(
                DPKG_OPTIONS
                    .iter()
                    .map(|option| format!("--dpkgopt={option}")),
            )
            .arg(format!("--essential-hook={ESSENTIAL_HOOK}"))
            .arg(format!("--customize-hook={CUSTOMIZE_HOOK}"))
            .args([self.suite(), "/dev/null"])
            .args(self.mirror())
            // Root of the namespace may not enter the folder that an ordinary user is in.
            .current_dir("/")
            .env("LC_ALL", "C")
            .env("SOURCE_DATE_EPOCH", SOURCE_DATE_EPOCH.to_string())
            .env("PROVISION_DISK_ID", format!("{:08x}", self.disk_id()))
            .env("PROVISION_ROOT_UUID", self.root_uuid())
            .env("PROVISION_MODULES", self.port.initrd_modules.join(" "));
        // Administration tools aren't on an ordinary user's path.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/local/sbin:/usr/sbin:/sbin"));
        Ok(command)
    }

    /// Looks at what was built as somebody would who doesn't trust it.
    fn check(&self, image: &Path) -> Result<(), DebianError> {
        let card = Card::open(image)?;
        fsck(image, card.mbr().root()?)?;
        boards::prove(&card, self.boards())?;
        Ok(())
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

/// Takes the lock of a base, and waits for whoever builds it just now.
fn lock(path: &Path, progress: &mut dyn Progress) -> Result<File, DebianError> {
    use rustix::fs::{FlockOperation, flock};

    let file = File::create(path).map_err(failed("create", path))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        progress.begin("Waiting for another build of the same base", None);
        flock(&file, FlockOperation::LockExclusive)
            .map_err(io::Error::from)
            .map_err(failed("lock", path))?;
        progress.end("Waited for another build of the same base");
    }
    Ok(file)
}

/// Removes what builds that were killed have left. The lock is held: nobody else is building.
fn remove_leftovers(folder: &Path, prefix: &str) -> Result<(), DebianError> {
    let entries = fs::read_dir(folder).map_err(failed("read", folder))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            let path = entry.path();
            fs::remove_dir_all(&path).map_err(failed("remove", &path))?;
        }
    }
    Ok(())
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DebianError {
    let path = path.to_owned();
    move |source| DebianError::Io {
        action,
        path,
        source,
    }
}

/// Asks mmdebstrap to end, which removes its tree first, and what it runs: it waits for that.
/// Whoever has ended already needs no asking.
fn stop(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process_group};

    let _ = kill_process_group(Pid::from_child(child), Signal::TERM);
}

fn spawn_failed(source: io::Error) -> DebianError {
    process::ProcessError::Spawn {
        program: "mmdebstrap".to_owned(),
        source,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Architecture, Silent};

    #[test]
    fn a_base_that_is_in_the_cache_is_returned_without_asking_the_host_for_anything() {
        let cache = tempfile::tempdir().unwrap();
        let base = DebianBase::new(Architecture::Arm64).unwrap();
        let image = base.path_in(cache.path());
        fs::create_dir_all(image.parent().unwrap()).unwrap();
        File::create(&image).unwrap();

        assert_eq!(base.prepare(cache.path(), &mut Silent).unwrap(), image);
    }

    #[test]
    fn leftovers_of_a_killed_build_go_and_other_bases_stay() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".a.img-x1", ".b.img-x1", "a.img"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        remove_leftovers(folder.path(), ".a.img-").unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();

        assert_eq!(left, [".b.img-x1", "a.img"]);
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
        let base = DebianBase::new(Architecture::Arm64).unwrap();
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
