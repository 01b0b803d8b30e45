//! From plan, site and broker to files and units.

use anyhow::Context as _;
use broker::config::Config;
use image::accounts::PasswordField;
use image::{Entry, EntryPath, Kind, Overlay};
use serde::Serialize;

use super::base_system::BaseSystem;
use super::release::{ETC, Release};
use super::system::{self, put};
use super::template;
use super::tree::Tree;
use crate::hint::Fault;
use crate::pki;
use crate::recipe::system::{LoginPassword, Switch, check_hash};
use crate::recipe::{Login, Plain, Plan, Sudo};
use crate::site::{self, Host, HostFiles, Site};
use crate::toolchain::BrokerBinary;

/// What a payload is made of.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// How to build.
    pub plan: &'a Plan,
    /// Who it is for.
    pub site: &'a Site,
    /// Which of the site's hosts.
    pub host: &'a Host,
    /// Its keys and certificates.
    pub files: &'a HostFiles,
    /// The program.
    pub broker: &'a BrokerBinary,
    /// What takes the payload.
    pub sink: Sink,
    /// What the payload is laid over, if that is known: overlays for other systems are left out.
    pub system: Option<BaseSystem>,
}

/// What a payload is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// A card that is made anew: the operating system's own settings belong to it.
    Card,
    /// A host that runs, whose settings are its owner's: the broker alone.
    Host,
}

/// What goes onto a Pi.
#[derive(Debug)]
pub struct Payload {
    /// Files, directories and links; sorted.
    pub files: Overlay,
    /// Units to enable; sorted.
    pub units: Vec<Unit>,
    /// Who may log in.
    pub login: LoginUser,
    /// The broker's release.
    pub release: String,
}

impl Payload {
    /// The bytes of all files.
    pub fn size(&self) -> u64 {
        let files = self.files.iter().map(|(_, entry)| match &entry.kind {
            Kind::File(bytes) => bytes.len() as u64,
            Kind::Directory | Kind::Symlink(_) | Kind::Absent => 0,
        });
        files.sum()
    }
}

/// A unit to enable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unit {
    /// `mqtt-broker.service`.
    pub name: String,
    /// `multi-user.target`.
    pub wanted_by: String,
}

impl Unit {
    /// The link that enables it, as `systemctl enable` would make it to a unit file at `file`.
    pub fn link(&self, file: &str) -> anyhow::Result<(EntryPath, Entry)> {
        let path = format!("/etc/systemd/system/{}.wants/{}", self.wanted_by, self.name);
        Ok((EntryPath::new(path)?, Entry::symlink(file, "overlay.yaml")))
    }

    /// Where its file may be: its owner's changes first, then the system's own.
    pub fn places(&self) -> [String; 2] {
        ["/etc/systemd/system", "/usr/lib/systemd/system"]
            .map(|folder| format!("{folder}/{}", self.name))
    }
}

/// The user that may log in over SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginUser {
    /// The user's name.
    pub name: String,
    /// What it may do as root.
    pub sudo: Sudo,
    /// Its password, if it has one.
    pub password: Option<PasswordField>,
    /// Public keys, one line each.
    pub authorized_keys: Vec<String>,
}

/// What templates can use.
#[derive(Debug, Serialize)]
pub struct Context<'a> {
    host: HostContext<'a>,
    site: SiteContext<'a>,
    broker: BrokerContext<'a>,
    login: &'a str,
    timezone: &'a str,
    ssh: SshContext,
    target: &'a str,
}

#[derive(Debug, Serialize)]
struct SshContext {
    port: u16,
    password_login: bool,
}

#[derive(Debug, Serialize)]
struct HostContext<'a> {
    name: &'a str,
    port: u16,
    /// Where people come with a certificate instead of a password; `None` while nobody has one.
    certificate_port: Option<u16>,
}

#[derive(Debug, Serialize)]
struct SiteContext<'a> {
    organization: &'a str,
    topic_base: &'a str,
    /// What the site is known by on its network.
    id: String,
}

#[derive(Debug, Serialize)]
struct BrokerContext<'a> {
    plain: &'static str,
    log_types: &'a [String],
    persistence: bool,
    autosave_interval: u32,
    extra: &'a str,
}

/// Makes the payload, and checks the broker's files with the broker's own reader.
///
/// # Errors
///
/// A missing overlay, a template with an error, a configuration that the broker would refuse
/// (with the broker's words), a secret on the FAT partition.
pub fn assemble(inputs: &Inputs<'_>) -> anyhow::Result<Payload> {
    let people = inputs.site.people_of(inputs.host)?;
    let certificates = inputs.site.client_certificates()?;
    let mut certified = certificates.iter().map(|certificate| &certificate.name);
    let some_have_certificates = certified.any(|name| people.people.contains_key(name));
    let certificate_port = some_have_certificates.then_some(inputs.host.certificate_port);
    let context = tera::Context::from_serialize(&Context::new(inputs, certificate_port)?)
        .map_err(|error| Fault::new(error.to_string()))?;
    let (mut files, mut units) = (Overlay::new(), Vec::new());
    if inputs.sink == Sink::Card {
        check_hostname(inputs)?;
        system::add(&mut files, inputs.plan, inputs.host, inputs.files)?;
        for name in system::overlays(&inputs.plan.system) {
            add_tree(&mut files, &mut units, &Tree::read(name)?, &context)?;
        }
    }
    add_broker(&mut files, inputs)?;
    for name in &inputs.plan.overlays {
        let tree = Tree::read(name)?;
        let fits = inputs
            .system
            .is_none_or(|system| tree.manifest.is_for(system));
        if fits && (inputs.sink == Sink::Card || !tree.manifest.card_only) {
            add_tree(&mut files, &mut units, &tree, &context)?;
        }
    }
    check_parents(&files)?;
    let config = check_configuration(&files)?;
    let settings = &inputs.plan.system;
    system::add_ports(&mut files, &config)?;
    if inputs.sink == Sink::Card && settings.firewall == Switch::On {
        system::add_rules(&mut files, settings.ssh.port)?;
    }
    let (release, mut files) = Release::split(&files)?;
    for (path, entry) in release.files().iter() {
        files.insert(path.clone(), entry.clone())?;
    }
    units.sort();
    units.dedup();
    let login = &inputs.plan.login;
    let password = match inputs.sink {
        Sink::Card => password(login)?,
        Sink::Host => None,
    };
    Ok(Payload {
        files,
        units,
        login: LoginUser {
            name: login.name.clone(),
            sudo: login.sudo,
            password,
            authorized_keys: inputs.site.authorized_keys()?,
        },
        release: release.id().to_owned(),
    })
}

impl<'a> Context<'a> {
    fn new(inputs: &'a Inputs<'_>, certificate_port: Option<u16>) -> anyhow::Result<Self> {
        let (plan, config) = (inputs.plan, inputs.site.config());
        let id = pki::site_id(&inputs.files.authority)
            .context("reading the authority's certificate, site/pki/ca.crt")?;
        Ok(Self {
            host: HostContext {
                name: &inputs.host.name,
                port: inputs.host.port,
                certificate_port,
            },
            site: SiteContext {
                organization: &config.organization,
                topic_base: &config.topic_base,
                id,
            },
            broker: BrokerContext {
                plain: match plan.broker.plain {
                    Plain::None => "none",
                    Plain::Loopback => "loopback",
                    Plain::Lan => "lan",
                },
                log_types: &plan.broker.log_types,
                persistence: plan.broker.persistence,
                autosave_interval: plan.broker.autosave_interval,
                extra: &plan.broker.extra,
            },
            login: &plan.login.name,
            timezone: &plan.timezone,
            ssh: SshContext {
                port: plan.system.ssh.port,
                password_login: plan.system.ssh.password_login,
            },
            target: plan.target.name(),
        })
    }
}

/// The program, and what the site says: certificates, passwords, access lists.
fn add_broker(files: &mut Overlay, inputs: &Inputs<'_>) -> anyhow::Result<()> {
    let (site, config, host) = (inputs.site, inputs.site.config(), inputs.files);
    let mut acl = site::acl(&*site.people_of(inputs.host)?, &config.topic_base)?;
    site::probe::allow(&mut acl)?;
    let mut passwords = site.passwords_of(inputs.host)?;
    let hash = host.probe_hash.expose().parse();
    passwords.set(
        site::probe::NAME,
        hash.map_err(|error| Fault::input(format!("{}: probe.hash: {error}", inputs.host.name)))?,
    )?;
    let from = |file: &str| format!("site/{file}");
    let own = |file: &str| format!("site/hosts/{}/{file}", inputs.host.name);
    put(
        files,
        "/usr/local/bin/mqtt-broker",
        Entry::file(inputs.broker.bytes.clone(), 0o755, "broker"),
    )?;
    for (name, text, origin) in [
        ("tls/ca.crt", host.authority.as_str(), from("pki/ca.crt")),
        ("tls/crl.pem", host.crl.as_str(), from("pki/crl.pem")),
        (
            "tls/server.crt",
            host.certificate.as_str(),
            own("server.crt"),
        ),
    ] {
        put(
            files,
            &format!("{ETC}/{name}"),
            Entry::file(text, 0o644, origin),
        )?;
    }
    // Root's alone until the service's group exists: at boot tmpfiles.d opens them to it.
    for (name, text, origin) in [
        (
            "tls/server.key",
            host.key.expose().to_owned(),
            own("server.key"),
        ),
        ("passwd", passwords.to_string(), from("passwd")),
        ("acl", acl.to_string(), from("people.yaml")),
    ] {
        put(
            files,
            &format!("{ETC}/{name}"),
            Entry::file(text, 0o600, origin).secret(),
        )?;
    }
    Ok(())
}

fn add_tree(
    files: &mut Overlay,
    units: &mut Vec<Unit>,
    tree: &Tree,
    context: &tera::Context,
) -> anyhow::Result<()> {
    let mode_of = |path: &str| tree.manifest.modes.get(path).map(|mode| mode.0);
    for (path, bytes) in &tree.files {
        let origin = format!("{}/{path}", tree.label);
        let (path, bytes) = match path.strip_suffix(template::SUFFIX) {
            None => (path.as_str(), bytes.clone()),
            Some(path) => {
                let text = std::str::from_utf8(bytes)
                    .map_err(|error| Fault::input(format!("{origin} is not UTF-8: {error}")))?;
                (path, template::render(&origin, text, context)?.into_bytes())
            }
        };
        let mode = mode_of(path).unwrap_or(0o644);
        put(files, &format!("/{path}"), Entry::file(bytes, mode, origin))?;
    }
    let manifest = format!("{}/overlay.yaml", tree.label);
    for (path, mode) in &tree.manifest.modes {
        let path = EntryPath::new(format!("/{path}"))?;
        if files.get(path.as_str()).is_none() {
            files.insert(path, Entry::directory(mode.0, manifest.as_str()))?;
        }
    }
    for (path, target) in &tree.manifest.links {
        put(
            files,
            &format!("/{path}"),
            Entry::symlink(target.as_str(), manifest.as_str()),
        )?;
    }
    units.extend(tree.manifest.units.iter().map(|unit| Unit {
        name: unit.name.clone(),
        wanted_by: unit.wanted_by.clone(),
    }));
    Ok(())
}

/// The login user's password.
fn password(login: &Login) -> anyhow::Result<Option<PasswordField>> {
    let hash = match &login.password {
        None => return Ok(None),
        Some(LoginPassword::Hash(hash)) => hash.clone(),
        Some(LoginPassword::File(path)) => {
            let key = "system.login.password-file";
            let hash = system::read_secret(key, path)?;
            check_hash(key, hash.expose())?;
            hash
        }
    };
    Ok(Some(PasswordField::Hash(hash.expose().to_owned())))
}

/// Refuses a name under which phones would not believe the broker.
fn check_hostname(inputs: &Inputs<'_>) -> anyhow::Result<()> {
    let Some(name) = &inputs.plan.system.hostname else {
        return Ok(());
    };
    let local = format!("{name}.local");
    let names = inputs.host.alt_names().map_err(Fault::input)?;
    if names.iter().any(|known| known.to_string() == local) {
        return Ok(());
    }
    let host = &inputs.host.name;
    let text = format!("system.hostname: the certificate of {host} is not good for {local}");
    let hint = format!("add {local} to the `san` of {host} in site.yaml, or leave `hostname` out");
    Err(Fault::input(text).hint(hint).into())
}

/// Refuses an entry below one that is no directory: through a link it would land elsewhere.
fn check_parents(files: &Overlay) -> anyhow::Result<()> {
    for (path, entry) in files.iter() {
        let mut above = path.parent();
        while let Some(folder) = above {
            let found = files.get(folder.as_str());
            if let Some(found) = found.filter(|found| !matches!(found.kind, Kind::Directory)) {
                let (below, origin) = (&entry.origin, &found.origin);
                let text = format!(
                    "{path} ({below}) would lie below {folder} ({origin}), which is no folder"
                );
                return Err(Fault::input(text).into());
            }
            above = folder.parent();
        }
    }
    Ok(())
}

/// Reads the configuration as the broker on the Pi will.
fn check_configuration(files: &Overlay) -> anyhow::Result<Config> {
    let path = format!("{ETC}/broker.conf");
    let Some(Entry {
        kind: Kind::File(bytes),
        origin,
        ..
    }) = files.get(&path)
    else {
        let text = format!("no overlay brings {path}, so the broker would not start");
        return Err(Fault::input(text)
            .hint("keep the built-in overlay `broker` in the recipe")
            .into());
    };
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Fault::input(format!("{origin} is not UTF-8: {error}")))?;
    Config::parse(&path, text).map_err(|error| {
        let fault = Fault::input(format!("the broker would refuse its configuration, rendered from {origin}:\n{error}"));
        fault.hint("`provision render --show /etc/mqtt-broker/broker.conf` prints it with line numbers").into()
    })
}
