//! `provision init`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde_json::json;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::fleet::Fleet;
use crate::fsio;
use crate::hint::Fault;
use crate::output::Output;
use crate::pki::{self, AltName};
use crate::secret::Secret;
use crate::site::{
    self, AuthoritySource, FirstPerson, Host, KeyAccess, Name, NewSite, Site, SiteConfig,
};
use crate::{prompt, ssh};

/// Certificates of more hosts than this are counted and not listed.
const MOST_LISTED: usize = 4;

/// Makes a site.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  provision init --host broker --san broker.example.com --san 192.168.1.189"
)]
pub struct InitArgs {
    #[command(flatten)]
    new: NewSiteArgs,
}

/// What a new site begins with; shared with `image`, which makes a site where there is none.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "For a new site")]
pub struct NewSiteArgs {
    /// The Pi's host name, or which host of a site that has several [default: broker; for `push` what the machine calls itself].
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// Named in certificates [default: the host name].
    #[arg(long, value_name = "TEXT")]
    organization: Option<String>,
    /// Named in the authority's certificate.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The certificate of an authority that you have already, a self-signed root, PEM; needs --ca-key.
    #[arg(long, value_name = "FILE", requires = "ca_key")]
    ca_cert: Option<PathBuf>,
    /// The authority's key, PEM (RSA of 2048 to 4096 bits, ECDSA on P-256 or P-384), encrypted or not; without --ca-cert a new certificate is made for it.
    #[arg(long, value_name = "FILE")]
    ca_key: Option<PathBuf>,
    /// Put the authority's key under a passphrase; asks for it, or reads --ca-passphrase-file.
    #[arg(long)]
    ca_passphrase: bool,
    /// A further name or address the server's certificate is good for; repeatable.
    #[arg(long, value_name = "NAME|IP")]
    san: Vec<AltName>,
    /// The first levels of every location's topic [default: owntracks].
    #[arg(long, value_name = "TOPIC")]
    topic_base: Option<String>,
    /// The port of the TLS listener [default: 8883].
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The first person who may log in, with a generated password [default: owner].
    #[arg(long, value_name = "NAME")]
    person: Option<Name>,
    /// A public SSH key that may log in to the Pi; repeatable [default: ~/.ssh/*.pub, or a new pair].
    #[arg(long, value_name = "FILE")]
    ssh_key: Vec<PathBuf>,
    /// Mint a new SSH key pair in the site, whatever is in ~/.ssh.
    #[arg(long, conflicts_with = "ssh_key")]
    new_ssh_key: bool,
}

impl NewSiteArgs {
    /// Whether anything is asked for that only a new site can have.
    pub fn only_for_new(&self) -> bool {
        let texts = [&self.organization, &self.email, &self.topic_base]
            .into_iter()
            .any(Option::is_some);
        let authority = self.ca_key.is_some() || self.ca_passphrase;
        let lists = !self.san.is_empty() || !self.ssh_key.is_empty();
        texts
            || lists
            || authority
            || self.new_ssh_key
            || self.port.is_some()
            || self.person.is_some()
    }

    /// Asks for what is missing if there is somebody to ask, and fills in defaults; that of the host's name
    /// is `host`.
    pub(super) fn complete(&self, host: &str, access: &KeyAccess) -> anyhow::Result<NewSite> {
        let ask = prompt::can_ask();
        let answer = |given: Option<&str>, question: &str, default: &str| match given {
            Some(given) => Ok(given.to_owned()),
            None if ask => prompt::line(question, default),
            None => Ok(default.to_owned()),
        };
        let host = answer(self.host.as_deref(), "Host name of the Pi", host)?;
        let person = answer(
            self.person.as_ref().map(Name::as_str),
            "First person who may log in",
            "owner",
        )?;
        let person: Name = person
            .parse()
            .map_err(|error: site::NameError| Fault::input(error.to_string()))?;
        let (mut addresses, mut san) = (Vec::new(), Vec::new());
        for name in &self.san {
            match name {
                AltName::Ip(address) => addresses.push(*address),
                AltName::Dns(name) => san.push(name.clone()),
            }
        }
        let (authority, passphrase) = self.authority(access)?;
        let port = self.port.unwrap_or(Host::DEFAULT_PORT);
        let topic_base = self
            .topic_base
            .clone()
            .unwrap_or_else(|| SiteConfig::DEFAULT_TOPIC_BASE.to_owned());
        Ok(NewSite {
            config: SiteConfig {
                organization: self.organization.clone().unwrap_or_else(|| host.clone()),
                email: self.email.clone(),
                topic_base,
                hosts: vec![Host {
                    name: host,
                    addresses,
                    san,
                    port,
                    ..Host::default()
                }],
            },
            person: Some(FirstPerson {
                name: person,
                password: Secret::generate()?,
                generated: true,
            }),
            authority,
            passphrase,
            ssh_keys: self.ssh_keys(ask)?,
        })
    }

    /// The same for a site whose hosts are cards: nothing is asked about a host.
    pub(super) fn complete_for(
        &self,
        fleet: &Fleet,
        organization: &str,
        access: &KeyAccess,
    ) -> anyhow::Result<NewSite> {
        let first = fleet.cards.first().map(|card| card.name.clone());
        let answered = Self {
            host: first,
            organization: Some(
                self.organization
                    .clone()
                    .unwrap_or_else(|| organization.to_owned()),
            ),
            ..self.clone()
        };
        let mut new = answered.complete("broker", access)?;
        let hosts = fleet.cards.iter().map(|card| Host {
            port: self.port.unwrap_or(Host::DEFAULT_PORT),
            people: None,
            ..Host::of_card(card)
        });
        new.config.hosts = hosts.collect();
        Ok(new)
    }

    /// What is said of the one host of a site, and can't be said of many.
    pub(super) fn only_for_one(&self) -> Option<&'static str> {
        let given = [
            (self.host.is_some(), "--host"),
            (!self.san.is_empty(), "--san"),
        ];
        given
            .into_iter()
            .find_map(|(given, flag)| given.then_some(flag))
    }

    /// Where the authority comes from, and what its key is to be locked with.
    fn authority(&self, access: &KeyAccess) -> anyhow::Result<(AuthoritySource, Option<Secret>)> {
        let Some(path) = &self.ca_key else {
            let passphrase = self.ca_passphrase.then(|| new_passphrase(access));
            return Ok((AuthoritySource::New, passphrase.transpose()?));
        };
        let text = Zeroizing::new(read_pem(path)?);
        // One that was locked stays so, with the passphrase that its owner knows.
        let (key, passphrase) = if pki::key::is_encrypted(&text) {
            let passphrase = access.passphrase(path)?;
            (
                access.unlock_with(path, &text, &passphrase)?,
                Some(passphrase),
            )
        } else {
            let passphrase = self.ca_passphrase.then(|| new_passphrase(access));
            (access.unlock(path, &text)?, passphrase.transpose()?)
        };
        let source = match &self.ca_cert {
            None => AuthoritySource::Key(key),
            Some(certificate) => existing(certificate, path, key)?,
        };
        Ok((source, passphrase))
    }

    fn ssh_keys(&self, ask: bool) -> anyhow::Result<Vec<String>> {
        if self.new_ssh_key {
            return Ok(Vec::new());
        }
        let mut files = self.ssh_key.clone();
        if files.is_empty() {
            files = ssh::own_public_keys();
            if let (true, [first, ..]) = (ask, files.as_slice()) {
                let answer =
                    prompt::line("SSH public key that may log in", &first.to_string_lossy())?;
                files = vec![answer.into()];
            }
        }
        let mut keys = Vec::new();
        for file in files {
            keys.extend(ssh::read_public_keys(&file)?);
        }
        Ok(keys)
    }
}

/// Takes the authority whose certificate is at `path`.
fn existing(
    path: &Path,
    key_path: &Path,
    key: Zeroizing<String>,
) -> anyhow::Result<AuthoritySource> {
    let text = Zeroizing::new(read_pem(path)?);
    let imported = pki::import_authority(&text, &key, OffsetDateTime::now_utc());
    let certificate = imported.map_err(|error| {
        let text = format!("{}: {error}", path.display());
        Fault::input(text).hint(error.hint(key_path))
    })?;
    Ok(AuthoritySource::Existing { certificate, key })
}

/// Reads a file that should be PEM.
fn read_pem(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    String::from_utf8(bytes).map_err(|_binary| {
        let path = path.display();
        Fault::input(format!("{path} is not PEM, which is text"))
            .hint(format!("if it is DER: openssl x509 -inform DER -in {path} for a certificate, openssl pkey -inform DER -in {path} for a key"))
            .into()
    })
}

fn new_passphrase(access: &KeyAccess) -> anyhow::Result<Secret> {
    match &access.passphrase_file {
        Some(_) => access.passphrase(Path::new("ca.key")),
        None => prompt::new_passphrase("--ca-passphrase-file FILE reads it from a file"),
    }
}

/// Runs the command.
pub fn run(args: &InitArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let (site, password) = create(
        args.new.complete("broker", &global.key_access())?,
        &global.site,
        output,
    )?;
    if output.policy().json {
        output
            .json(&json!({ "version": 1, "site": site.root(), "host": site.host(None)?.name }))?;
    } else {
        output.data(&site.root().display().to_string())?;
    }
    tell(&site, &password, output)?;
    output.note("Next: `provision image --out pi.img` bakes the card; `provision add-user NAME` adds people.");
    Ok(ExitStatus::Success)
}

/// A password that was made up, to be told once.
#[derive(Debug)]
pub struct Told {
    person: Name,
    password: Secret,
}

/// Makes the site and says what was made.
pub fn create(new: NewSite, root: &Path, output: &Output) -> anyhow::Result<(Site, Told)> {
    let site = site::create(root, &new, OffsetDateTime::now_utc())?;
    let authority = match &new.authority {
        AuthoritySource::Existing { .. } => "Took over authority",
        AuthoritySource::New | AuthoritySource::Key(_) => "Issued authority",
    };
    output.status(&format!("Created site {}", root.display()));
    let hosts = &site.config().hosts;
    let certificate = fsio::read_optional(&site.authority_path())?.unwrap_or_default();
    tell_issued(authority, &site.authority_path(), &certificate, output)?;
    if hosts.len() > MOST_LISTED {
        output.status(&format!(
            "Issued server certificates for {} hosts",
            hosts.len()
        ));
    } else {
        for host in hosts {
            let path = root.join("hosts").join(&host.name).join("server.crt");
            let files = site.host_files(host, OffsetDateTime::now_utc())?;
            let what = "Issued server certificate";
            tell_issued(what, &path, &files.certificate, output)?;
        }
    }
    let person = new
        .person
        .ok_or_else(|| Fault::new("a new site has a first person"))?;
    Ok((
        site,
        Told {
            person: person.name,
            password: person.password,
        },
    ))
}

fn tell_issued(what: &str, path: &Path, pem: &str, output: &Output) -> anyhow::Result<()> {
    let summary = pki::summarize(pem)?;
    output.status(&format!(
        "{what} {} until {}, SHA256 {}",
        path.display(),
        summary.not_after.date(),
        summary.fingerprint
    ));
    Ok(())
}

/// Shows the generated password, once, and where it is kept.
pub fn tell(site: &Site, told: &Told, output: &Output) -> anyhow::Result<()> {
    let Some(path) = site.kept_password(&told.person) else {
        return Ok(());
    };
    output.note(&format!(
        "\n  {}'s password: {}\n  It is shown once, and kept in {} (0600) until you delete it.\n",
        told.person,
        told.password.expose(),
        path.display()
    ));
    Ok(())
}
