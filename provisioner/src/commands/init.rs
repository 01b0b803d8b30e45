//! `provision init`.

use std::path::Path;

use clap::Args;
use serde_json::json;
use time::OffsetDateTime;

use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::hint::Fault;
use crate::output::Output;
use crate::pki::{self, AltName};
use crate::secret::Secret;
use crate::site::{self, FirstPerson, Host, Name, NewSite, Site, SiteConfig};
use crate::{prompt, ssh};

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
pub struct NewSiteArgs {
    /// The Pi's host name [default: broker].
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// Named in certificates [default: the host name].
    #[arg(long, value_name = "TEXT")]
    organization: Option<String>,
    /// Named in the authority's certificate.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
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
    ssh_key: Vec<std::path::PathBuf>,
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
        let lists = !self.san.is_empty() || !self.ssh_key.is_empty();
        texts || lists || self.new_ssh_key || self.port.is_some() || self.person.is_some()
    }

    /// Asks for what is missing if there is somebody to ask, and fills in defaults.
    pub(super) fn complete(&self) -> anyhow::Result<NewSite> {
        let ask = prompt::can_ask();
        let answer = |given: Option<&str>, question: &str, default: &str| match given {
            Some(given) => Ok(given.to_owned()),
            None if ask => prompt::line(question, default),
            None => Ok(default.to_owned()),
        };
        let host = answer(self.host.as_deref(), "Host name of the Pi", "broker")?;
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
                }],
            },
            person: Some(FirstPerson {
                name: person,
                password: Secret::generate()?,
                generated: true,
            }),
            ssh_keys: self.ssh_keys(ask)?,
        })
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

/// Runs the command.
pub fn run(args: &InitArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let (site, password) = create(args.new.complete()?, &global.site, output)?;
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
    output.status(&format!("Created site {}", root.display()));
    let files = site.host_files(site.host(None)?, OffsetDateTime::now_utc())?;
    for (what, path, pem) in [
        ("Issued authority", site.authority_path(), &files.authority),
        (
            "Issued server certificate",
            root.join("hosts")
                .join(&site.host(None)?.name)
                .join("server.crt"),
            &files.certificate,
        ),
    ] {
        let summary = pki::summarize(pem)?;
        output.status(&format!(
            "{what} {} until {}, SHA256 {}",
            path.display(),
            summary.not_after.date(),
            summary.fingerprint
        ));
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
