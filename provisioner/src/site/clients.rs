//! Client certificates: who has one, issuing, revoking.

use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::Context;
use time::OffsetDateTime;

use super::access::KeyAccess;
use super::issue::{self, Pending};
use super::name::Name;
use super::store::Site;
use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::pki::{self, Authority, RevocationList, Revoked, Summary};

/// The certificate, in a person's folder.
const CERTIFICATE: &str = "client.crt";

/// Its key.
const KEY: &str = "client.key";

/// A client certificate and what may still be done with it.
#[derive(Debug)]
pub struct ClientCertificate {
    /// Whose.
    pub name: Name,
    /// Where it is; its key is beside it.
    pub path: PathBuf,
    /// What it says.
    pub summary: Summary,
}

/// Client certificates that are only in memory, with what was revoked for them.
#[derive(Debug)]
pub struct ReadyClients {
    certificates: Vec<ClientCertificate>,
    pending: Pending,
}

impl Site {
    /// The client certificates there are, by name. Those of people who are gone are left out.
    pub fn client_certificates(&self) -> anyhow::Result<Vec<ClientCertificate>> {
        let mut found = Vec::new();
        for name in self.people().people.keys() {
            found.extend(self.client_certificate(name)?);
        }
        Ok(found)
    }

    /// Whose client certificates are still there, though somebody took them out of `people.yaml` by hand:
    /// they were not revoked.
    pub fn left_client_certificates(&self) -> anyhow::Result<Vec<Name>> {
        let path = self.root().join("pki/clients");
        let reading = || format!("reading {}", path.display());
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(reading),
        };
        let mut left = Vec::new();
        for entry in entries {
            let name = entry.with_context(reading)?.file_name();
            // What is no name was not put there by this program.
            let Some(Ok(name)) = name.to_str().map(str::parse::<Name>) else {
                continue;
            };
            let known = self.people().people.contains_key(&name);
            if !known && path.join(name.as_str()).join(CERTIFICATE).exists() {
                left.push(name);
            }
        }
        left.sort();
        Ok(left)
    }

    /// The client certificate of `name`.
    pub fn client_certificate(&self, name: &Name) -> anyhow::Result<Option<ClientCertificate>> {
        let path = self.root().join(folder(name)).join(CERTIFICATE);
        let Some(text) = fsio::read_optional(&path)? else {
            return Ok(None);
        };
        let summary = pki::summarize(&text).map_err(|error| {
            let text = format!("{} can't be read: {error:#}", path.display());
            Fault::input(text)
                .hint("bring it back from a copy of the site: without it, it can't be revoked")
        })?;
        Ok(Some(ClientCertificate {
            name: name.clone(),
            path,
            summary,
        }))
    }

    /// Makes client certificates with new keys for `names`. Those that were there are revoked.
    ///
    /// Nothing is written until [`keep_clients`](Self::keep_clients).
    pub fn prepare_clients(
        &self,
        names: &[&Name],
        access: &KeyAccess,
        now: OffsetDateTime,
    ) -> anyhow::Result<ReadyClients> {
        let authority = self.authority(access)?;
        let mut pending = Pending::default();
        let mut revoked = Vec::new();
        let mut issued = Vec::new();
        for name in names {
            let serial = issue::next_serial(self, &mut pending)?;
            issued.push(authority.issue_client(name.as_str(), serial, now)?);
            revoked.extend(self.client_certificate(name)?);
        }
        // First nobody gets in with the old ones any more, whatever happens in between.
        self.add_revocations(authority, &revoked, now, &mut pending)?;
        let mut certificates = Vec::new();
        for (name, issued) in names.iter().zip(issued) {
            let folder = folder(name);
            pending.add(folder.join(KEY), &issued.key, Access::Private);
            let path = folder.join(CERTIFICATE);
            pending.add(&path, &issued.certificate, Access::Public);
            certificates.push(ClientCertificate {
                name: (*name).clone(),
                path: self.root().join(path),
                summary: pki::summarize(&issued.certificate)?,
            });
        }
        Ok(ReadyClients {
            certificates,
            pending,
        })
    }

    /// Writes what was made for people into the site.
    pub fn keep_clients(&self, ready: ReadyClients) -> anyhow::Result<Vec<ClientCertificate>> {
        for client in &ready.certificates {
            let folder = self.root().join(folder(&client.name));
            fsio::create_directory(&folder, Access::Private)?;
        }
        ready.pending.write(self.root())?;
        Ok(ready.certificates)
    }

    /// Revokes the client certificate of `name` and removes it with its key. `false`: there was none.
    pub fn revoke_client(
        &self,
        name: &Name,
        access: &KeyAccess,
        now: OffsetDateTime,
    ) -> anyhow::Result<bool> {
        let Some(old) = self.client_certificate(name)? else {
            return Ok(false);
        };
        let mut pending = Pending::default();
        self.add_revocations(self.authority(access)?, &[old], now, &mut pending)?;
        pending.write(self.root())?;
        fsio::remove_directory(&self.root().join(folder(name)))?;
        Ok(true)
    }

    /// The text of the revocation list, which was read to see that it is whole.
    pub(super) fn revocations(&self) -> anyhow::Result<(String, RevocationList)> {
        let path = self.root().join("pki/crl.pem");
        let fault = |what: String| {
            let text = format!("{} {what}", path.display());
            Fault::input(text).hint(
                "bring it back from a copy of the site: without it, whoever was revoked could log in again",
            )
        };
        let Some(text) = fsio::read_optional(&path)? else {
            return Err(fault("is not there, which says who was revoked".to_owned()).into());
        };
        let list = RevocationList::parse(&text)
            .map_err(|error| fault(format!("can't be read: {error:#}")))?;
        Ok((text, list))
    }

    fn add_revocations(
        &self,
        authority: &Authority,
        old: &[ClientCertificate],
        now: OffsetDateTime,
        pending: &mut Pending,
    ) -> anyhow::Result<()> {
        let (_, mut list) = self.revocations()?;
        let before = list.revoked.len();
        for old in old {
            if !list.has(&old.summary.serial) {
                list.revoked.push(Revoked {
                    serial: old.summary.serial.clone(),
                    since: now,
                });
            }
        }
        if list.revoked.len() == before {
            return Ok(());
        }
        list.number += 1;
        pending.add(
            "pki/crl.pem",
            &authority.sign_list(&list, now)?,
            Access::Public,
        );
        Ok(())
    }
}

/// The key of a person's certificate, relative to the site.
pub(super) fn key(name: &Name) -> String {
    format!("pki/clients/{name}/{KEY}")
}

/// The folder of a person's certificate, relative to the site.
fn folder(name: &Name) -> PathBuf {
    Path::new("pki/clients").join(name.as_str())
}
