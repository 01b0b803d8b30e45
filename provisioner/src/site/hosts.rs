//! What an open site has for its hosts, and what is made for them.

use time::OffsetDateTime;

use super::access::KeyAccess;
use super::config::Host;
use super::issue::{self, Need, Pending};
use super::probe;
use super::pushed::LastPush;
use super::store::Site;
use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::secret::Secret;
use crate::{pki, ssh};

/// What the site has for one host.
pub struct HostFiles {
    /// The authority's certificate.
    pub authority: String,
    /// The revocation list.
    pub crl: String,
    /// The server's certificate.
    pub certificate: String,
    /// The server's key.
    pub key: Secret,
    /// The private SSH host key.
    pub ssh_host_key: Secret,
    /// The public SSH host key.
    pub ssh_host_public_key: String,
    /// The probe's password, which stays in the site.
    pub probe: Secret,
    /// Its hash, as a password file has it.
    pub probe_hash: Secret,
}

impl std::fmt::Debug for HostFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostFiles(..)")
    }
}

/// A host with all that it needs. What had to be made is only in memory until [`Site::keep`].
#[derive(Debug)]
pub struct Ready {
    /// What that is.
    pub files: HostFiles,
    /// What had to be issued, and why.
    pub issued: Option<String>,
    pending: Pending,
}

/// Whether a certificate that is still good is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renew {
    /// Only one that is missing, for other names, or about to end.
    IfNeeded,
    /// Also a good one.
    Always,
}

/// What to do about a host whose keys or certificate are missing or old.
const HOST_IS_MADE_BY: &str = "`provision image` and `provision push` issue what is missing";

const SSH_HOST_KEY: &str = "ssh_host_ed25519_key";

/// Files in a host's folder that are secret.
pub(super) const SECRETS: [&str; 5] = [
    "server.key",
    "previous/server.key",
    SSH_HOST_KEY,
    probe::PASSWORD,
    probe::HASH,
];

impl Site {
    /// Makes sure that `host` has all keys and a certificate for all of its names, with a month to go.
    ///
    /// Nothing is written. The authority's key is only touched if a certificate has to be issued.
    pub fn prepare(
        &self,
        host: &Host,
        renew: Renew,
        access: &KeyAccess,
        now: OffsetDateTime,
    ) -> anyhow::Result<Ready> {
        let mut pending = Pending::default();
        let (ssh_host_key, ssh_host_public_key) = self.ssh_host_key(host, &mut pending)?;
        let (probe, probe_hash) = self.probe(host, &mut pending)?;
        let need = issue::need(self.root(), host, now)?;
        let need = need.or((renew == Renew::Always).then_some(Need::Rotation));
        let (certificate, key) = if need.is_none() {
            (
                self.read_of(host, "server.crt")?,
                self.read_of(host, "server.key")?,
            )
        } else {
            let authority = self.authority(access)?;
            let issued = issue::issue(self, authority, host, now, &mut pending)?;
            (issued.certificate, issued.key.to_string())
        };
        let name = &host.name;
        Ok(Ready {
            files: HostFiles {
                authority: self.read("pki/ca.crt")?,
                crl: self.revocations()?.0,
                certificate,
                key: Secret::new(key),
                ssh_host_key,
                ssh_host_public_key,
                probe,
                probe_hash,
            },
            issued: need
                .map(|need| format!("Issued server certificate for {name}: {}", need.reason())),
            pending,
        })
    }

    /// Writes what was made for a host into the site.
    pub fn keep(&self, ready: &Ready) -> anyhow::Result<()> {
        ready.pending.write(self.root())
    }

    /// Reads what `host` needs as it is; an error if [`prepare`](Self::prepare) would have to make
    /// something.
    pub fn host_files(&self, host: &Host, now: OffsetDateTime) -> anyhow::Result<HostFiles> {
        if let Some(need) = issue::need(self.root(), host, now)? {
            let name = &host.name;
            let text = match need {
                Need::Missing | Need::Rotation => {
                    format!("{name} has no certificate that fits its key")
                }
                Need::Foreign => format!("the certificate of {name} is another authority's"),
                Need::Names => {
                    format!("the certificate of {name} is for other names than site.yaml has")
                }
                Need::Expiry => {
                    format!("the certificate of {name} has ended, or will within a month")
                }
            };
            return Err(Fault::input(text).hint(HOST_IS_MADE_BY).into());
        }
        let secret = |name: &str| {
            let text = self.read_of(host, name)?;
            Ok::<_, anyhow::Error>(Secret::new(text.trim_end().to_owned()))
        };
        Ok(HostFiles {
            authority: self.read("pki/ca.crt")?,
            crl: self.revocations()?.0,
            certificate: self.read_of(host, "server.crt")?,
            key: Secret::new(self.read_of(host, "server.key")?),
            ssh_host_key: Secret::new(self.read_of(host, SSH_HOST_KEY)?),
            ssh_host_public_key: self.read_of(host, &format!("{SSH_HOST_KEY}.pub"))?,
            probe: secret(probe::PASSWORD)?,
            probe_hash: secret(probe::HASH)?,
        })
    }

    /// The public SSH host key that a card for `host` has, if one was ever made.
    pub fn card_host_key(&self, host: &Host) -> anyhow::Result<Option<String>> {
        fsio::read_optional(&self.path_of(host, &format!("{SSH_HOST_KEY}.pub")))
    }

    /// The public SSH host keys of all cards.
    pub fn card_host_keys(&self) -> anyhow::Result<Vec<String>> {
        let hosts = self.config().hosts.iter();
        let keys = hosts.filter_map(|host| self.card_host_key(host).transpose());
        keys.collect()
    }

    /// What was pushed to `host` last.
    pub fn last_push(&self, host: &Host) -> anyhow::Result<Option<LastPush>> {
        LastPush::read(&self.path_of(host, LastPush::FILE))
    }

    /// Notes a push that was proved, and lets go of what was kept for the case that it failed.
    pub fn pushed(&self, host: &Host, push: &LastPush) -> anyhow::Result<()> {
        push.write(&self.path_of(host, LastPush::FILE))?;
        fsio::remove_directory(&self.path_of(host, "previous"))
    }

    /// Forgets that `host` was pushed to.
    pub fn forget_push(&self, host: &Host) -> anyhow::Result<()> {
        fsio::remove_file(&self.path_of(host, LastPush::FILE))
    }

    /// The ports that the broker on `host` listens on, as far as the site decides them.
    pub fn ports(&self, host: &Host) -> anyhow::Result<Vec<u16>> {
        let mut ports = vec![host.port];
        if !self.client_certificates()?.is_empty() {
            ports.push(host.certificate_port);
        }
        Ok(ports)
    }

    /// Whether `host` was pushed to and has another certificate than the site. A card has what it was
    /// baked with; nobody knows which that was.
    pub fn needs_push(&self, host: &Host) -> anyhow::Result<bool> {
        let certificate = fsio::read_optional(&self.path_of(host, "server.crt"))?;
        let (Some(push), Some(certificate)) = (self.last_push(host)?, certificate) else {
            return Ok(false);
        };
        Ok(pki::summarize(&certificate)?.fingerprint != push.certificate)
    }

    fn ssh_host_key(&self, host: &Host, pending: &mut Pending) -> anyhow::Result<(Secret, String)> {
        let public_name = format!("{SSH_HOST_KEY}.pub");
        let private = fsio::read_optional(&self.path_of(host, SSH_HOST_KEY))?;
        if let Some(private) = private {
            return Ok((Secret::new(private), self.read_of(host, &public_name)?));
        }
        let minted = ssh::mint(&format!("root@{}", host.name))?;
        let public = format!("{}\n", minted.public);
        let folder = issue::folder(host);
        pending.add(folder.join(&public_name), &public, Access::Public);
        pending.add(folder.join(SSH_HOST_KEY), &minted.private, Access::Private);
        Ok((Secret::new(minted.private.to_string()), public))
    }

    fn probe(&self, host: &Host, pending: &mut Pending) -> anyhow::Result<(Secret, Secret)> {
        let read = |name: &str| fsio::read_optional(&self.path_of(host, name));
        if let (Some(password), Some(hash)) = (read(probe::PASSWORD)?, read(probe::HASH)?) {
            let secret = |text: String| Secret::new(text.trim_end().to_owned());
            return Ok((secret(password), secret(hash)));
        }
        let (password, hash) = probe::make()?;
        let folder = issue::folder(host);
        for (name, secret) in [(probe::PASSWORD, &password), (probe::HASH, &hash)] {
            let line = zeroize::Zeroizing::new(format!("{}\n", secret.expose()));
            pending.add(folder.join(name), &line, Access::Private);
        }
        Ok((password, hash))
    }

    fn read_of(&self, host: &Host, name: &str) -> anyhow::Result<String> {
        fsio::read_optional(&self.path_of(host, name))?.ok_or_else(|| {
            let text = format!("there is no {}", self.path_of(host, name).display());
            Fault::input(text).hint(HOST_IS_MADE_BY).into()
        })
    }

    pub(super) fn path_of(&self, host: &Host, name: &str) -> std::path::PathBuf {
        self.root().join(issue::folder(host)).join(name)
    }
}
