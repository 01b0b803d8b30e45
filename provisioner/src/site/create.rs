//! Making a site: everything beside its final place, then one rename.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::Context;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::access::KeyAccess;
use super::config::SiteConfig;
use super::hosts::Renew;
use super::name::Name;
use super::store::{self, Site};
use super::{edit, passwords, people};
use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::pki::{Authority, RevocationList, Subject, check_authority, import_authority};
use crate::secret::Secret;
use crate::ssh;

/// What a new site begins with.
#[derive(Debug)]
pub struct NewSite {
    /// Organization, topic base and hosts.
    pub config: SiteConfig,
    /// The first who may log in, if anybody.
    pub person: Option<Person>,
    /// Where the authority comes from.
    pub authority: AuthoritySource,
    /// The passphrase that its key is put under, if any.
    pub passphrase: Option<Secret>,
    /// Public SSH keys that may log in to the card, one line each; without any a pair is minted.
    pub ssh_keys: Vec<String>,
}

/// Where a site's authority comes from.
pub enum AuthoritySource {
    /// It is made.
    New,
    /// Its certificate is made for this key, unencrypted PEM.
    Key(Zeroizing<String>),
    /// It was there before.
    Existing {
        /// Its certificate, PEM.
        certificate: String,
        /// Its key, unencrypted PEM.
        key: Zeroizing<String>,
    },
}

impl fmt::Debug for AuthoritySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::New => "New",
            Self::Key(_) => "Key(..)",
            Self::Existing { .. } => "Existing(..)",
        })
    }
}

/// A person with a password.
#[derive(Debug)]
pub struct Person {
    /// What the person is called.
    pub name: Name,
    /// The password.
    pub password: Secret,
    /// Whether the password was made up here, so that its owner has to be told.
    pub generated: bool,
}

/// Makes the folder `root` a site: authority, certificates, SSH host keys, first person.
///
/// Nothing is at `root` until all of it is there.
///
/// # Errors
///
/// If something is at `root` already, the configuration breaks a rule, or a file can't be written.
pub fn create(root: &Path, new: &NewSite, now: OffsetDateTime) -> anyhow::Result<Site> {
    new.config.check().map_err(Fault::input)?;
    refuse_existing(root)?;
    let parent = root
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fsio::create_directory(parent, Access::Public)?;
    let staging = tempfile::Builder::new()
        .prefix(".site-")
        .tempdir_in(parent)
        .with_context(|| format!("creating a folder in {}", parent.display()))?;
    fill(staging.path(), new, now)?;
    fs::rename(staging.path(), root)
        .with_context(|| format!("moving the new site to {}", root.display()))?;
    // The folder has moved; there is nothing left to remove.
    let _ = staging.keep();
    Site::open(root)
}

fn refuse_existing(root: &Path) -> anyhow::Result<()> {
    if root.join(store::VERSION).exists() {
        let text = format!("{} is a site already; nothing was changed", root.display());
        return Err(Fault::input(text)
            .hint("choose another folder with --site")
            .into());
    }
    let occupied = match fs::read_dir(root) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    };
    if occupied {
        let text = format!(
            "{} exists and is no site; nothing was changed",
            root.display()
        );
        return Err(Fault::input(text)
            .hint("choose another folder with --site")
            .into());
    }
    Ok(())
}

fn fill(root: &Path, new: &NewSite, now: OffsetDateTime) -> anyhow::Result<()> {
    let public = |name: &str, text: &str| {
        fsio::write_atomic(&root.join(name), text.as_bytes(), Access::Public)
    };
    let private = |name: &str, text: &str| {
        fsio::write_atomic(&root.join(name), text.as_bytes(), Access::Private)
    };
    for folder in ["pki", "ssh", "hosts"] {
        fsio::create_directory(&root.join(folder), Access::Public)?;
    }
    public(store::VERSION, &format!("{}\n", store::LAYOUT))?;
    public(".gitignore", ".lock\npasswords/\n")?;
    public("site.yaml", &new.config.template())?;

    let serial = first_serial()?;
    let (certificate, key) = authority(new, serial, now)?;
    public("pki/ca.crt", &certificate)?;
    private("pki/ca.key", &key)?;
    public("pki/serial", &format!("{:016X}\n", serial + 1))?;
    let none = RevocationList {
        number: 1,
        revoked: Vec::new(),
    };
    let authority = Authority::load(&certificate, &key)?;
    public("pki/crl.pem", &authority.sign_list(&none, now)?)?;
    fill_login(root, new)?;
    fill_people(root, new.person.as_ref())?;
    fill_hosts(root, new, now)
}

/// Certificate and key of the authority, the key unencrypted.
fn authority(
    new: &NewSite,
    serial: u64,
    now: OffsetDateTime,
) -> anyhow::Result<(String, Zeroizing<String>)> {
    let subject = Subject {
        organization: new.config.organization.clone(),
        email: new.config.email.clone(),
    };
    let issued = match &new.authority {
        AuthoritySource::New => Authority::generate(&subject, serial, now)?,
        AuthoritySource::Key(key) => {
            let issued = Authority::with_key(&subject, serial, now, key)?;
            check_authority(&issued.certificate, key, now)
                .map_err(|error| Fault::input(format!("the authority's key: {error}")))?;
            issued
        }
        AuthoritySource::Existing { certificate, key } => {
            let certificate = import_authority(certificate, key, now)
                .map_err(|error| Fault::input(format!("the authority's certificate: {error}")))?;
            return Ok((certificate, key.clone()));
        }
    };
    Ok((issued.certificate, issued.key))
}

fn fill_hosts(root: &Path, new: &NewSite, now: OffsetDateTime) -> anyhow::Result<()> {
    let site = Site::open(root)?;
    let access = KeyAccess::default();
    for host in &new.config.hosts {
        let ready = site.prepare(host, Renew::IfNeeded, &access, now)?;
        site.keep(&ready)?;
    }
    match &new.passphrase {
        Some(passphrase) => {
            site.set_authority_passphrase(&site.authority_key(&access)?, Some(passphrase))
        }
        None => Ok(()),
    }
}

fn fill_login(root: &Path, new: &NewSite) -> anyhow::Result<()> {
    let mut keys = new.ssh_keys.clone();
    if keys.is_empty() {
        let minted = ssh::mint(&format!("provision@{}", new.config.hosts[0].name))?;
        fsio::write_atomic(
            &root.join("ssh/id_ed25519"),
            minted.private.as_bytes(),
            Access::Private,
        )?;
        let public = format!("{}\n", minted.public);
        fsio::write_atomic(
            &root.join("ssh/id_ed25519.pub"),
            public.as_bytes(),
            Access::Public,
        )?;
        keys.push(minted.public);
    }
    for key in &keys {
        ssh::check_authorized_key(key)
            .map_err(|error| Fault::input(format!("{error:#}: {key:?}")))?;
    }
    let text = format!(
        "# Who may log in to the Pi over SSH, one public key a line.\n{}\n",
        keys.join("\n")
    );
    fsio::write_atomic(
        &root.join("ssh/authorized_keys"),
        text.as_bytes(),
        Access::Public,
    )
}

fn fill_people(root: &Path, first: Option<&Person>) -> anyhow::Result<()> {
    let mut text = PEOPLE.to_owned();
    let mut passwd = String::new();
    if let Some(person) = first {
        text = edit::add_person(&text, &person.name, &people::Person::default())?;
        passwd = passwords::with_password(
            &root.join("passwd"),
            &passwd,
            &person.name,
            &person.password,
        )?;
        if person.generated {
            passwords::keep(&root.join("passwords"), &person.name, &person.password)?;
        }
    }
    fsio::write_atomic(&root.join("passwd"), passwd.as_bytes(), Access::Private)?;
    fsio::write_atomic(&root.join("people.yaml"), text.as_bytes(), Access::Public)
}

/// A random start, so that a site that was made again never repeats a serial number under a name
/// that phones may still trust. The top bits stay clear: there is room to count, and the number
/// is positive in DER.
fn first_serial() -> anyhow::Result<u64> {
    Ok(getrandom::u64().context("asking for random bytes")? >> 2 | 1 << 60)
}

/// The text of a new `people.yaml`.
const PEOPLE: &str = "\
# Who may log in, and who sees whom. Passwords are elsewhere; this file can be edited by hand.
#
#   people:
#     jane:
#       devices: [5s]
#       sees: [fred, jjolie/5s]     # all of fred's devices, one of jjolie's
#   groups:
#     family: [jane, fred]          # everybody in a group sees everybody in it

groups: {}

";
