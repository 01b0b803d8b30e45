//! An open site.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use broker::passwd::PasswordFile;

use super::config::{Host, SiteConfig};
use super::name::Name;
use super::people::{People, Person, Sees};
use super::{edit, inspect, passwords};
use crate::fsio::{self, Access, Lock};
use crate::hint::Fault;
use crate::pki::Authority;
use crate::secret::Secret;

/// The file that marks a folder as a site and says how it is laid out.
pub(super) const VERSION: &str = "version";

/// The layout that this program writes.
pub(super) const LAYOUT: u32 = 1;

/// A site, locked as long as it is open.
#[derive(Debug)]
pub struct Site {
    pub(super) root: PathBuf,
    pub(super) config: SiteConfig,
    pub(super) people: People,
    /// Once its key was unlocked, so that nobody is asked for the passphrase twice.
    pub(super) authority: OnceCell<Authority>,
    /// The next serial number, once one was taken.
    pub(super) serial: Cell<Option<u64>>,
    _lock: Lock,
}

/// A person to be added.
#[derive(Debug)]
pub struct AddedPerson {
    /// What the person is called.
    pub name: Name,
    /// Devices and whom the person sees.
    pub person: Person,
    /// The password.
    pub password: Secret,
    /// Whether the password was made up here and is kept for its owner.
    pub generated: bool,
}

impl Site {
    /// Whether `root` is a site.
    pub fn exists(root: &Path) -> bool {
        root.join(VERSION).exists()
    }

    /// Opens and locks the site at `root` and checks what people wrote by hand.
    ///
    /// # Errors
    ///
    /// If there is none, another command has it, its layout is newer, a file has an error (file,
    /// line and column are named), or a secret can be read by others.
    pub fn open(root: &Path) -> anyhow::Result<Self> {
        check_layout(root)?;
        let Some(lock) = Lock::try_take(&root.join(".lock"))? else {
            let text = format!("another command is working on {}", root.display());
            return Err(Fault::new(text)
                .hint("wait for it to end, then try again")
                .into());
        };
        let config = inspect::config(root)?;
        let people = inspect::people(root)?;
        let site = Self {
            root: root.to_owned(),
            config,
            people,
            authority: OnceCell::new(),
            serial: Cell::new(None),
            _lock: lock,
        };
        site.check_secrets()?;
        Ok(site)
    }

    /// Removes a site that was made a moment ago for something that then failed, so that nobody
    /// finds keys that nothing was made with.
    pub fn discard(self) -> anyhow::Result<()> {
        fs::remove_dir_all(&self.root).with_context(|| format!("removing {}", self.root.display()))
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `site.yaml`.
    pub fn config(&self) -> &SiteConfig {
        &self.config
    }

    /// `people.yaml`.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// The host called `name`, or the only one.
    pub fn host(&self, name: Option<&str>) -> anyhow::Result<&Host> {
        let hosts = &self.config.hosts;
        let names = || {
            hosts
                .iter()
                .map(|host| host.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        match name {
            Some(name) => hosts.iter().find(|host| host.name == name).ok_or_else(|| {
                Fault::input(format!("the site has no host {name}; it has {}", names())).into()
            }),
            None if hosts.len() == 1 => Ok(&hosts[0]),
            None => Err(
                Fault::input(format!("the site has several hosts: {}", names()))
                    .hint("choose one with --host")
                    .into(),
            ),
        }
    }

    /// Where the authority's certificate is, which every client needs.
    pub fn authority_path(&self) -> PathBuf {
        self.root.join("pki/ca.crt")
    }

    /// A command by which the first person hears of everything, from the broker at `name` and `port`.
    pub fn example_client(&self, name: &str, port: u16) -> String {
        self.example_of(self.people.people.keys().next(), name, port)
    }

    /// The same by the first who may log in to `host`, from the broker there.
    pub fn example_client_of(&self, host: &Host) -> anyhow::Result<String> {
        let people = self.people_of(host)?;
        let name = format!("{}.local", host.name);
        Ok(self.example_of(people.people.keys().next(), &name, host.port))
    }

    fn example_of(&self, first: Option<&Name>, name: &str, port: u16) -> String {
        let person = first.map_or("NAME", Name::as_str);
        // Out of the file, so that it does not get into a shell's history.
        let kept = first.and_then(|name| self.kept_password(name));
        let password = kept.map_or_else(
            || "PASSWORD".to_owned(),
            |path| format!("\"$(cat {})\"", path.display()),
        );
        format!(
            "mosquitto_sub --cafile {} -h {name} -p {port} -u {person} -P {password} -v -t '{}/#'",
            self.authority_path().display(),
            self.config.topic_base
        )
    }

    /// Where the private SSH key is that was minted for people who had none.
    pub fn minted_ssh_key(&self) -> Option<PathBuf> {
        let path = self.root.join("ssh/id_ed25519");
        path.exists().then_some(path)
    }

    /// The public SSH keys that may log in, without comments.
    pub fn authorized_keys(&self) -> anyhow::Result<Vec<String>> {
        crate::ssh::read_public_keys(&self.root.join("ssh/authorized_keys"))
    }

    /// Where a generated password is kept until its owner has it.
    pub fn kept_password(&self, name: &Name) -> Option<PathBuf> {
        let path = self.root.join("passwords").join(name.as_str());
        path.exists().then_some(path)
    }

    /// Who may log in to `host`, and what they see of each other.
    ///
    /// # Errors
    ///
    /// If `site.yaml` names somebody who isn't in `people.yaml`.
    pub fn people_of(&self, host: &Host) -> anyhow::Result<Cow<'_, People>> {
        let Some(names) = &host.people else {
            return Ok(Cow::Borrowed(&self.people));
        };
        for name in names {
            self.people.require(name).map_err(|error| {
                Fault::input(format!("site.yaml: people of host {}: {error}", host.name))
            })?;
        }
        Ok(Cow::Owned(self.people.only(names)))
    }

    /// The password file with the entries of those who may log in to `host`.
    pub fn passwords_of(&self, host: &Host) -> anyhow::Result<PasswordFile> {
        let mut file = passwords::parse(&self.root.join("passwd"), &self.read("passwd")?)?;
        let people = self.people_of(host)?;
        let known = people.people.keys();
        let strangers: Vec<_> = file
            .names()
            .filter(|name| !known.clone().any(|known| known.as_str() == *name))
            .map(str::to_owned)
            .collect();
        for name in strangers {
            file.remove(&name);
        }
        Ok(file)
    }

    /// Checks that `name` is free and that everybody in `sees` exists, before a password is asked for.
    pub fn check_new<'a>(
        &self,
        name: &Name,
        sees: impl Iterator<Item = &'a Sees>,
    ) -> anyhow::Result<()> {
        if self.people.people.contains_key(name) {
            return Err(Fault::input(format!(
                "there is a person {name} already; nothing was changed"
            ))
            .into());
        }
        for sees in sees {
            self.people
                .require(&sees.name)
                .map_err(|error| Fault::input(format!("--sees {sees}: {error}")))?;
        }
        Ok(())
    }

    /// Adds a person: the password first, `people.yaml` last, since who is not in it is nobody.
    pub fn add_person(&mut self, added: &AddedPerson) -> anyhow::Result<()> {
        let name = &added.name;
        self.check_new(name, added.person.sees.iter())?;
        let text = edit::add_person(&self.read("people.yaml")?, name, &added.person)?;
        let passwd = passwords::with_password(
            &self.root.join("passwd"),
            &self.read("passwd")?,
            name,
            &added.password,
        )?;
        fsio::write_atomic(
            &self.root.join("passwd"),
            passwd.as_bytes(),
            Access::Private,
        )?;
        if added.generated {
            passwords::keep(&self.root.join("passwords"), name, &added.password)?;
        } else {
            passwords::forget(&self.root.join("passwords"), name)?;
        }
        fsio::write_atomic(
            &self.root.join("people.yaml"),
            text.as_bytes(),
            Access::Public,
        )?;
        self.people
            .people
            .insert(name.clone(), added.person.clone());
        Ok(())
    }

    /// Reads a file of the site that has to be there.
    pub(super) fn read(&self, name: &str) -> anyhow::Result<String> {
        let path = self.root.join(name);
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    }

    fn check_secrets(&self) -> anyhow::Result<()> {
        let fixed = ["passwd", "pki/ca.key"].map(str::to_owned);
        let hosts = self.config.hosts.iter().flat_map(|host| {
            super::hosts::SECRETS.map(|file| format!("hosts/{}/{file}", host.name))
        });
        let clients = self.people.people.keys().map(super::clients::key);
        for name in fixed.into_iter().chain(hosts).chain(clients) {
            let path = self.root.join(name);
            let meta = match fs::metadata(&path) {
                Ok(meta) => meta,
                // A host that was just written into site.yaml has no keys yet.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    return Err(error).with_context(|| format!("looking at {}", path.display()));
                }
            };
            let mode = meta.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                let text = format!("{} is secret, but its mode is {mode:04o}", path.display());
                return Err(Fault::input(text)
                    .hint(format!("chmod 600 {}", path.display()))
                    .into());
            }
        }
        Ok(())
    }
}

fn check_layout(root: &Path) -> anyhow::Result<()> {
    let Some(text) = fsio::read_optional(&root.join(VERSION))? else {
        let text = format!("there is no site at {}", root.display());
        return Err(Fault::input(text)
            .hint("make one with `provision init`, or name yours with --site")
            .into());
    };
    match text.trim().parse() {
        Ok(LAYOUT) => Ok(()),
        _ => Err(Fault::input(format!(
            "{} has layout {:?}; this program knows layout {LAYOUT}",
            root.display(),
            text.trim()
        ))
        .hint("use the version of provision that made it, or a newer one")
        .into()),
    }
}
