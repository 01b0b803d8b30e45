//! What is known of a card from its site and from itself: who may log in, whom to trust, where.

use std::path::{Path, PathBuf};

use image::inspect::Inspection;
use time::OffsetDateTime;

use super::ports::{Forward, free_port};
use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::remote::{Destination, HostKeyPolicy, Login, Proof};
use crate::secret::Secret;
use crate::site::Site;

/// Where a broker listens if nobody says otherwise.
const MQTT_PORT: u16 = 8883;
const HERE: &str = "127.0.0.1";

/// What is known of a card.
#[derive(Debug)]
pub struct Known {
    /// What the site has for it, if there is a site.
    pub host: Option<KnownHost>,
    /// Who can log in with a key.
    user: Option<String>,
    /// Where its SSH server listens.
    ssh_port: u16,
    site: PathBuf,
}

/// What a site has for a card.
#[derive(Debug)]
pub struct KnownHost {
    authority: String,
    probe: Secret,
    port: u16,
    card_key: String,
    identity: Option<PathBuf>,
    example: String,
}

impl Known {
    /// Reads the site, if there is one, and lets go of it again: while a card runs, it can be pushed to.
    pub fn of(site: &Path, name: Option<&str>, card: &Inspection) -> anyhow::Result<Self> {
        let mut known = Self::without_site(site, card);
        known.host = if Site::exists(site) {
            let site = Site::open(site)?;
            let own = card.settings.host_name.as_deref();
            let own = own.filter(|own| site.config().hosts.iter().any(|host| host.name == *own));
            let host = site.host(name.or(own))?;
            let files = site.host_files(host, OffsetDateTime::now_utc())?;
            Some(KnownHost {
                authority: files.authority,
                probe: files.probe,
                port: host.port,
                card_key: files.ssh_host_public_key,
                identity: site.minted_ssh_key(),
                example: site.example_client(HERE, 0),
            })
        } else {
            None
        };
        Ok(known)
    }

    /// What the card says of itself.
    pub fn without_site(site: &Path, card: &Inspection) -> Self {
        let users = card.users.iter().filter(|user| user.uid != 0);
        let user = users
            .filter(|user| !user.authorized_keys.is_empty())
            .map(|user| &user.name);
        Self {
            host: None,
            user: user.min().cloned(),
            ssh_port: card.settings.ssh_port.unwrap_or(Destination::SSH_PORT),
            site: site.to_owned(),
        }
    }

    /// How to prove the broker behind `port`.
    pub fn proof(&self, port: u16) -> anyhow::Result<Proof<'_>> {
        let host = self.host.as_ref();
        let host = host.ok_or_else(|| Fault::input("there is no site to prove a broker with"))?;
        Ok(Proof {
            authority: &host.authority,
            port,
            password: &host.probe,
        })
    }

    /// How to log in through `port`, if anybody can.
    pub fn login(&self, port: u16) -> anyhow::Result<Option<(Destination, Login)>> {
        let (Some(user), Some(host)) = (&self.user, &self.host) else {
            return Ok(None);
        };
        let destination = format!("{user}@{HERE}:{port}").parse()?;
        let login = Login {
            identity: host.identity.clone(),
            site: self.site.clone(),
            card_keys: vec![host.card_key.clone()],
            policy: HostKeyPolicy::Ask,
        };
        Ok(Some((destination, login)))
    }
}

/// The ways into a card that are always there.
#[derive(Debug, Clone, Copy)]
pub struct Ways {
    /// To SSH.
    pub ssh: Forward,
    /// To the broker.
    pub mqtt: Forward,
}

impl Ways {
    /// Takes the ports that are asked for, or free ones.
    pub fn new(ssh: Option<u16>, mqtt: Option<u16>, known: &Known) -> anyhow::Result<Self> {
        let here = |wanted: Option<u16>| wanted.map_or_else(free_port, Ok);
        Ok(Self {
            ssh: Forward {
                here: here(ssh)?,
                there: known.ssh_port,
            },
            mqtt: Forward {
                here: here(mqtt)?,
                there: known.host.as_ref().map_or(MQTT_PORT, |host| host.port),
            },
        })
    }

    /// Both of them.
    pub fn forwards(self) -> Vec<Forward> {
        vec![self.ssh, self.mqtt]
    }

    /// How to reach the card, for people. The card's host key is written into `known_hosts`, so that `ssh`
    /// takes no other machine for it.
    ///
    /// # Errors
    ///
    /// If the file can't be written.
    pub fn told(self, known: &Known, known_hosts: &Path) -> anyhow::Result<String> {
        let user = known.user.as_deref().unwrap_or("USER");
        let (here, mqtt) = (self.ssh.here, self.mqtt.here);
        let Some(host) = &known.host else {
            return Ok(format!(
                "Log in:   ssh -p {here} {user}@{HERE}\nConnect:  {HERE} port {mqtt}"
            ));
        };
        let line = format!("[{HERE}]:{here} {}\n", host.card_key.trim());
        fsio::write_atomic(known_hosts, line.as_bytes(), Access::Private)?;
        let identity = host.identity.as_ref();
        let key = identity.map_or_else(String::new, |path| format!("-i {} ", path.display()));
        let broker = host.example.replace("-p 0 ", &format!("-p {mqtt} "));
        Ok(format!(
            "Log in:   ssh {key}-o UserKnownHostsFile={} -p {here} {user}@{HERE}\nConnect:  {broker}",
            known_hosts.display()
        ))
    }
}
