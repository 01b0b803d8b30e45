//! The file itself: read, checked, written whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use image::Architecture;
use image::base::debian::{PackageSet, Suite};
use image::base::official::OfficialImage;
use serde::{Deserialize, Serialize};

use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::recipe::yaml;

/// What it is called.
const NAME: &str = "provision.lock";
/// The only layout that there has been.
const VERSION: u32 = 1;

const HEADER: &str = "\
# What the bases of cards are made of, to the byte. `provision image` has written this file; every later
# card is made of exactly the same. Keep it with the recipe, under version control.
#
#   provision image --update ...    takes what is newest today, and says what changes
#   provision image --locked ...    fails rather than change this file
";

/// A lock, read or new, and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFile {
    path: PathBuf,
    contents: Contents,
    /// Whether the file says something else, or is not there.
    changed: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    version: u32,
    /// By suite, then by architecture.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    debian: Map<DebianLock>,
    /// By the name that recipes have for it, then by architecture.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    official: Map<OfficialImage>,
}

type Map<T> = BTreeMap<String, BTreeMap<String, T>>;

/// The packages of a base made from Debian's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DebianLock {
    /// The day on which these were the newest: `2026-11-24`.
    pub date: String,
    /// The packages that were asked for by name, sorted; the others are what they depend on.
    pub wanted: Vec<String>,
    /// All of them.
    pub packages: PackageSet,
}

impl LockFile {
    /// Where the lock of `recipe` is: beside it if it is a file, else in the folder of the site.
    pub fn place(recipe: &str, site: &Path) -> PathBuf {
        if recipe.contains(['/', '.']) {
            Path::new(recipe).with_file_name(NAME)
        } else {
            site.join(NAME)
        }
    }

    /// Reads the lock at `path`, which need not be there.
    ///
    /// # Errors
    ///
    /// A [`Fault`] of the user's with line and column if it can't be read as a lock.
    pub fn open(path: PathBuf) -> anyhow::Result<Self> {
        let label = path.display().to_string();
        let Some(text) = fsio::read_optional(&path)? else {
            return Ok(Self {
                path,
                contents: Contents {
                    version: VERSION,
                    ..Contents::default()
                },
                changed: false,
            });
        };
        let contents: Contents = yaml::parse(&label, &text)?;
        if contents.version != VERSION {
            let text = format!(
                "{label} has version {}, and this program knows version {VERSION}",
                contents.version
            );
            return Err(Fault::input(text)
                .hint("use the program that wrote it, or remove it to have it written anew")
                .into());
        }
        for lock in contents.debian.values().flat_map(BTreeMap::values) {
            let checked = lock.packages.check();
            checked.map_err(|error| Fault::input(format!("{label}: {error}")))?;
        }
        Ok(Self {
            path,
            contents,
            changed: false,
        })
    }

    /// Where it is, or will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether [`save`](Self::save) has something to write.
    pub fn is_changed(&self) -> bool {
        self.changed
    }

    /// What is locked for a Debian base.
    pub fn debian(&self, suite: Suite, architecture: Architecture) -> Option<&DebianLock> {
        let suite = self.contents.debian.get(suite.codename())?;
        suite.get(architecture.name())
    }

    /// Locks a Debian base.
    pub fn set_debian(&mut self, suite: Suite, architecture: Architecture, lock: DebianLock) {
        let suite = suite.codename().to_owned();
        let of_suite = self.contents.debian.entry(suite).or_default();
        of_suite.insert(architecture.name().to_owned(), lock);
        self.changed = true;
    }

    /// What is locked for an official image.
    pub fn official(&self, identifier: &str, architecture: Architecture) -> Option<&OfficialImage> {
        let images = self.contents.official.get(identifier)?;
        images.get(architecture.name())
    }

    /// Locks an official image.
    pub fn set_official(&mut self, lock: OfficialImage) {
        let (identifier, architecture) = (lock.identifier.clone(), lock.architecture);
        let images = self.contents.official.entry(identifier).or_default();
        images.insert(architecture.name().to_owned(), lock);
        self.changed = true;
    }

    /// The file's text.
    pub fn text(&self) -> anyhow::Result<String> {
        let body = serde_yaml::to_string(&self.contents).context("writing a lock as YAML")?;
        Ok(format!("{HEADER}\n{body}"))
    }

    /// Writes it if something in it has changed: whole, or not at all.
    pub fn save(&self) -> anyhow::Result<()> {
        if !self.changed {
            return Ok(());
        }
        fsio::write_atomic(&self.path, self.text()?.as_bytes(), Access::Public)
    }
}

#[cfg(test)]
mod tests {
    use image::base::debian::Package;
    use image::base::official::InitFormat;

    use super::*;

    fn sudo() -> DebianLock {
        let package = Package {
            version: "1.9.16p2-3".to_owned(),
            architecture: "arm64".to_owned(),
            size: 2_092_144,
            sha256: "0123456789abcdef".repeat(4),
            path: "pool/main/s/sudo/sudo_1.9.16p2-3_arm64.deb".to_owned(),
        };
        DebianLock {
            date: "2026-11-24".to_owned(),
            wanted: vec!["sudo".to_owned()],
            packages: PackageSet::new([("sudo".to_owned(), package)]).unwrap(),
        }
    }

    fn official() -> OfficialImage {
        OfficialImage {
            name: "Raspberry Pi OS Lite (64-bit)".to_owned(),
            identifier: "raspios-lite".to_owned(),
            url: "https://downloads.example/lite.img.xz".to_owned(),
            release_date: "2026-06-18".to_owned(),
            extract_size: 2_977_955_840,
            extract_sha256: "e235fd24".repeat(8),
            image_download_size: Some(524_875_608),
            image_download_sha256: None,
            init_format: InitFormat::CloudinitRpi,
            architecture: Architecture::Arm64,
        }
    }

    #[test]
    fn a_lock_reads_as_it_was_written_and_says_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("provision.lock");
        let mut lock = LockFile::open(path.clone()).unwrap();
        lock.set_debian(Suite::Trixie, Architecture::Arm64, sudo());
        lock.set_official(official());
        lock.save().unwrap();
        let again = LockFile::open(path).unwrap();

        assert_eq!(
            again.debian(Suite::Trixie, Architecture::Arm64),
            Some(&sudo())
        );
        assert_eq!(again.debian(Suite::Trixie, Architecture::Armhf), None);
        assert_eq!(again.debian(Suite::Bookworm, Architecture::Arm64), None);
        let image = again.official("raspios-lite", Architecture::Arm64);
        assert_eq!(image, Some(&official()));
        insta::assert_snapshot!(again.text().unwrap(), @r"
        # What the bases of cards are made of, to the byte. `provision image` has written this file; every later
        # card is made of exactly the same. Keep it with the recipe, under version control.
        #
        #   provision image --update ...    takes what is newest today, and says what changes
        #   provision image --locked ...    fails rather than change this file

        version: 1
        debian:
          trixie:
            arm64:
              date: 2026-11-24
              wanted:
              - sudo
              packages:
                sudo:
                  version: 1.9.16p2-3
                  architecture: arm64
                  size: 2092144
                  sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
                  path: pool/main/s/sudo/sudo_1.9.16p2-3_arm64.deb
        official:
          raspios-lite:
            arm64:
              name: Raspberry Pi OS Lite (64-bit)
              identifier: raspios-lite
              url: https://downloads.example/lite.img.xz
              release_date: 2026-06-18
              extract_size: 2977955840
              extract_sha256: e235fd24e235fd24e235fd24e235fd24e235fd24e235fd24e235fd24e235fd24
              image_download_size: 524875608
              init_format: cloudinit-rpi
              architecture: arm64
        ");
    }

    #[test]
    fn a_lock_in_which_nothing_changed_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("provision.lock");
        LockFile::open(path.clone()).unwrap().save().unwrap();

        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_lock_is_refused_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("provision.lock");
        let mut told = String::new();
        let mut lock = LockFile::open(path.clone()).unwrap();
        lock.set_debian(Suite::Trixie, Architecture::Arm64, sudo());
        let whole = lock.text().unwrap();
        for text in [
            whole.replace("version: 1\n", "version: 2\n"),
            whole.replace("wanted:", "wnated:"),
            whole.replace("pool/main", "../.."),
            whole.replace("size: 2092144", "size: large"),
            "version: [".to_owned(),
        ] {
            fsio::write_atomic(&path, text.as_bytes(), Access::Public).unwrap();
            let error = LockFile::open(path.clone()).unwrap_err();
            assert!(error.downcast_ref::<Fault>().is_some_and(Fault::is_users));
            told.push_str(
                &format!("{error:#}\n").replace(&folder.path().display().to_string(), "[HERE]"),
            );
        }
        insta::assert_snapshot!(told, @r#"
        [HERE]/provision.lock has version 2, and this program knows version 1
        [HERE]/provision.lock:12:7: unknown key "wnated"
        [HERE]/provision.lock: package "sudo": "../../s/sudo/sudo_1.9.16p2-3_arm64.deb" can't be its path
        [HERE]/provision.lock:18:17: debian.trixie.arm64.packages.sudo.size: invalid type: string "large", expected u64
        [HERE]/provision.lock:1:10: version: invalid type: sequence, expected u32
        "#);
    }

    #[test]
    fn a_lock_lies_beside_a_recipe_of_ones_own_and_else_in_the_site() {
        let place = |recipe| LockFile::place(recipe, Path::new("site"));

        assert_eq!(place("default"), Path::new("site/provision.lock"));
        assert_eq!(place("./family.yaml"), Path::new("./provision.lock"));
        assert_eq!(place("family.yaml"), Path::new("provision.lock"));
        assert_eq!(place("/r/family.yaml"), Path::new("/r/provision.lock"));
    }
}
