//! Resolving, downloading and laying out, with apt and an archive of small packages made with dpkg-deb.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::apt::Apt;
use super::repository::Repository;
use super::resolve::resolve_from;
use super::{DebianBase, DebianError, PackageSet, Suite, debs};
use crate::{Architecture, Silent, hex};

/// A mirror with a main and a security archive, which answers on the loopback interface.
struct Mirror {
    folder: TempDir,
    server: Child,
    address: String,
    /// Suite, name and version of what there is.
    packages: BTreeMap<(&'static str, String), Deb>,
}

#[derive(Clone)]
struct Deb {
    version: String,
    depends: &'static str,
}

impl Drop for Mirror {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

const MAIN: &str = "trixie";
const SECURITY: &str = "trixie-security";

impl Mirror {
    /// One with every package that a base asks for, in version 1.0.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Command::new("python3")
            .args([
                "-u",
                "-m",
                "http.server",
                "0",
                "--bind",
                "127.0.0.1",
                "--directory",
            ])
            .arg(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 is needed");
        let mut line = String::new();
        let stdout = server.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let (_, port) = line.split_once(" port ").unwrap();
        let port = port.split(' ').next().unwrap();
        let mut mirror = Self {
            address: format!("http://127.0.0.1:{port}"),
            folder,
            server,
            packages: BTreeMap::new(),
        };
        for root in mirror.base().roots() {
            mirror.put(MAIN, root, "1.0", "");
        }
        mirror.put(MAIN, "sudo", "1.0", "libsudo (>= 1)");
        mirror.put(MAIN, "libsudo", "1:2.0-1", "");
        mirror.put(MAIN, "essential", "1.0", "");
        mirror.publish();
        mirror
    }

    /// Replaces a package of a suite, or adds it.
    fn put(&mut self, suite: &'static str, name: &str, version: &str, depends: &'static str) {
        let version = version.to_owned();
        let deb = Deb { version, depends };
        self.packages.insert((suite, name.to_owned()), deb);
    }

    /// Writes lists and packages, and removes what is there no longer.
    fn publish(&self) {
        for archive in ["debian", "security"] {
            let _ = fs::remove_dir_all(self.folder.path().join(archive));
        }
        for (archive, suite) in [
            ("debian", MAIN),
            ("debian", "trixie-updates"),
            ("security", SECURITY),
        ] {
            let root = self.folder.path().join(archive);
            let mut index = String::new();
            for ((of, name), deb) in &self.packages {
                if *of == suite {
                    index += &built(&root, suite, name, deb);
                }
            }
            release(&root.join("dists").join(suite), suite, &index);
        }
    }

    /// A base that asks for less than others, since each package is built in every test.
    fn base(&self) -> DebianBase {
        let mut base = DebianBase::new(Suite::Trixie, Architecture::Arm64).unwrap();
        base.standard = &["less", "sudo"];
        base.with_mirror(format!("{}/debian/", self.address))
            .with_security_mirror(format!("{}/security", self.address))
    }

    fn file(&self, archive: &str, path: &str) -> PathBuf {
        self.folder.path().join(archive).join(path)
    }
}

/// What an archive without signatures has for `base`.
fn resolve(base: &DebianBase) -> Result<PackageSet, DebianError> {
    resolve_from(base, &base.sources.lines("[trusted=yes] "), &mut Silent)
}

/// Builds a package into the pool below `root`, and returns its paragraph for the list.
fn built(root: &Path, suite: &str, name: &str, deb: &Deb) -> String {
    let pool = if suite == SECURITY {
        "pool/updates/main"
    } else {
        "pool/main"
    };
    let tree = tempfile::tempdir().unwrap();
    let essential = if name == "essential" {
        "Essential: yes\n"
    } else {
        ""
    };
    let depends = match deb.depends {
        "" => String::new(),
        names => format!("Depends: {names}\n"),
    };
    let control = format!(
        "Package: {name}\nVersion: {}\nArchitecture: arm64\nMaintainer: Nobody <nobody@example.org>\n\
         {essential}{depends}Description: test\n",
        deb.version
    );
    write(&tree.path().join("DEBIAN/control"), &control);
    let (_, version) = deb.version.rsplit_once(':').unwrap_or(("", &deb.version));
    let path = format!("{pool}/{name}_{version}_arm64.deb");
    let file = root.join(&path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let status = Command::new("dpkg-deb")
        .args(["--build", "--root-owner-group", "-Znone"])
        .args([tree.path(), &file])
        .env("SOURCE_DATE_EPOCH", "1754697600")
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    let bytes = fs::read(&file).unwrap();
    format!(
        "{control}Filename: {path}\nSize: {}\nSHA256: {}\n\n",
        bytes.len(),
        hex(&Sha256::digest(&bytes))
    )
}

/// Writes the lists of a suite. All packages are in `main`.
fn release(folder: &Path, suite: &str, index: &str) {
    let mut sums = String::new();
    for (component, text) in [("main", index), ("contrib", ""), ("non-free-firmware", "")] {
        let path = format!("{component}/binary-arm64/Packages");
        write(&folder.join(&path), text);
        sums.extend(
            [hex(&Sha256::digest(text)), text.len().to_string(), path]
                .map(|word| format!(" {word}")),
        );
        sums.push('\n');
    }
    let text = format!(
        "Suite: {suite}\nCodename: {suite}\nArchitectures: arm64\nComponents: main contrib non-free-firmware\n\
         Date: Tue, 24 Nov 2026 00:00:00 UTC\nSHA256:\n{sums}"
    );
    write(&folder.join("Release"), &text);
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::File::create(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

/// What is in the folder of .debs.
fn cached(cache: &TempDir) -> usize {
    let names = fs::read_dir(debs::folder(cache.path())).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !names
            .iter()
            .any(|name| name.to_string_lossy().starts_with('.')),
        "{names:?}"
    );
    names.len() - 1
}

#[test]
fn the_newest_versions_are_chosen_with_all_that_they_need() {
    let mut mirror = Mirror::new();
    mirror.put(SECURITY, "sudo", "1.0+deb13u1", "libsudo (>= 1)");
    mirror.put(MAIN, "hostapd", "2:2.10-1", "");
    mirror.publish();
    let base = mirror
        .base()
        .with_packages(&["hostapd".to_owned()])
        .unwrap();
    let packages = resolve(&base).unwrap();

    let sudo = packages.find("sudo").unwrap();
    assert_eq!(sudo.version, "1.0+deb13u1");
    assert_eq!(sudo.path, "pool/updates/main/sudo_1.0+deb13u1_arm64.deb");
    let sum = Command::new("sha256sum")
        .arg(mirror.file("security", &sudo.path))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&sum.stdout).starts_with(&sudo.sha256));
    assert_eq!(packages.find("libsudo").unwrap().version, "1:2.0-1");
    assert_eq!(packages.find("hostapd").unwrap().version, "2:2.10-1");
    assert!(packages.find("essential").is_some());
    // All that was asked for, what sudo needs, and what is essential.
    assert_eq!(packages.len(), base.roots().len() + 2);
}

#[test]
fn a_package_that_the_archive_has_not_is_named() {
    let mirror = Mirror::new();
    for name in ["hostapdx", "libsud."] {
        let base = mirror.base().with_packages(&[name.to_owned()]).unwrap();
        let error = resolve(&base).unwrap_err();
        assert_eq!(error.to_string(), format!("Debian has no package {name}"));
        assert!(error.is_input());
    }
}

#[test]
fn what_was_downloaded_once_needs_no_mirror_any_more() {
    let mirror = Mirror::new();
    let base = mirror.base();
    let packages = resolve(&base).unwrap();
    let pinned = base.pin(packages.clone());
    let cache = tempfile::tempdir().unwrap();
    let fetched = pinned.fetch(cache.path(), &mut Silent).unwrap();
    assert_eq!(
        (fetched.count, fetched.bytes),
        (packages.len(), packages.size())
    );
    assert_eq!(cached(&cache), packages.len());
    drop(mirror);
    let again = pinned.fetch(cache.path(), &mut Silent).unwrap();
    assert_eq!((again.count, again.bytes), (0, 0));
}

#[test]
fn a_version_that_is_gone_is_named_with_the_cure_and_the_others_are_kept() {
    let mut mirror = Mirror::new();
    let old = resolve(&mirror.base()).unwrap();
    mirror.put(MAIN, "sudo", "1.1", "libsudo (>= 1)");
    mirror.put(MAIN, "libsudo", "1:2.0-2", "");
    mirror.publish();
    let cache = tempfile::tempdir().unwrap();
    let pinned = mirror.base().pin(old.clone());
    let error = pinned.fetch(cache.path(), &mut Silent).unwrap_err();

    assert_eq!(
        error.to_string(),
        "no mirror has libsudo 1:2.0-1, sudo 1.0 any more, and the cache has not"
    );
    assert!(error.hint().unwrap().contains("--update"));
    assert_eq!(cached(&cache), old.len() - 2);
    let new = resolve(&mirror.base()).unwrap();
    let told: Vec<_> = new
        .changes_since(&old)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(told, ["libsudo 1:2.0-1 -> 1:2.0-2", "sudo 1.0 -> 1.1"]);
    let fetched = mirror
        .base()
        .pin(new)
        .fetch(cache.path(), &mut Silent)
        .unwrap();
    assert_eq!(fetched.count, 2);
}

#[test]
fn a_security_update_that_has_moved_to_the_main_archive_is_found_there() {
    let mut mirror = Mirror::new();
    mirror.put(SECURITY, "sudo", "1.2", "libsudo (>= 1)");
    mirror.publish();
    let packages = resolve(&mirror.base()).unwrap();
    assert!(
        packages
            .find("sudo")
            .unwrap()
            .path
            .starts_with("pool/updates/")
    );
    mirror.packages.remove(&(SECURITY, "sudo".to_owned()));
    mirror.put(MAIN, "sudo", "1.2", "libsudo (>= 1)");
    mirror.publish();
    let cache = tempfile::tempdir().unwrap();
    let pinned = mirror.base().pin(packages.clone());
    pinned.fetch(cache.path(), &mut Silent).unwrap();

    assert_eq!(cached(&cache), packages.len());
}

#[test]
fn other_bytes_than_the_locked_ones_are_refused_from_the_mirror_and_from_the_cache() {
    let mirror = Mirror::new();
    let packages = resolve(&mirror.base()).unwrap();
    let sudo = packages.find("sudo").unwrap();
    let file = mirror.file("debian", &sudo.path);
    let good = fs::read(&file).unwrap();
    let mut bytes = good.clone();
    bytes[100] ^= 1;
    fs::File::create(&file).unwrap().write_all(&bytes).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let pinned = mirror.base().pin(packages.clone());
    let error = pinned.fetch(cache.path(), &mut Silent).unwrap_err();
    assert!(error.to_string().contains("sudo_1.0_arm64.deb"), "{error}");
    assert!(!debs::path(cache.path(), sudo).exists());

    fs::File::create(&file).unwrap().write_all(&good).unwrap();
    pinned.fetch(cache.path(), &mut Silent).unwrap();
    let deb = debs::path(cache.path(), sudo);
    fs::File::create(&deb).unwrap().write_all(&bytes).unwrap();
    let laid = Repository::new(
        &packages,
        Suite::Trixie,
        Architecture::Arm64,
        cache.path(),
        &mut Silent,
    );
    let error = laid.err().unwrap();
    assert!(
        matches!(&error, DebianError::Digest { path, .. } if *path == deb),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("downloaded again"));
}

#[test]
fn the_archive_for_mmdebstrap_has_these_packages_and_no_others() {
    let mirror = Mirror::new();
    let base = mirror.base();
    let packages = resolve(&base).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let pinned = base.clone().pin(packages.clone());
    pinned.fetch(cache.path(), &mut Silent).unwrap();
    let repository = Repository::new(
        &packages,
        Suite::Trixie,
        Architecture::Arm64,
        cache.path(),
        &mut Silent,
    );
    let repository = repository.unwrap();
    let apt = Apt::new(Architecture::Arm64, &repository.line()).unwrap();
    apt.update(&mut Silent).unwrap();
    let found = apt.describe(&apt.choose(&base.roots()).unwrap()).unwrap();
    let named = |set: &PackageSet| {
        let names = set
            .iter()
            .map(|(name, package)| format!("{name} {} {}", package.version, package.sha256));
        names.collect::<Vec<_>>()
    };

    assert_eq!(named(&found), named(&packages));
}
