//! Client certificates: who has one, issuing, revoking.

use std::path::{Path, PathBuf};

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

impl Site {
    /// The client certificates there are, by name. Those of people who are gone are left out.
    pub fn client_certificates(&self) -> anyhow::Result<Vec<ClientCertificate>> {
        let mut found = Vec::new();
        for name in self.people().people.keys() {
            found.extend(self.client_certificate(name)?);
        }
        Ok(found)
    }

    /// The client certificate of `name`.
    pub fn client_certificate(&self, name: &Name) -> anyhow::Result<Option<ClientCertificate>> {
        let path = self.root().join(folder(name)).join(CERTIFICATE);
        let Some(text) = fsio::read_optional(&path)? else {
            return Ok(None);
        };
        let summary =
            pki::summarize(&text).with_context(|| format!("reading {}", path.display()))?;
        Ok(Some(ClientCertificate {
            name: name.clone(),
            path,
            summary,
        }))
    }

    /// Issues a client certificate with a new key for `name`, who is in `people.yaml`. One that was
    /// there is revoked.
    pub fn issue_client(
        &self,
        name: &Name,
        access: &KeyAccess,
        now: OffsetDateTime,
    ) -> anyhow::Result<ClientCertificate> {
        self.people().require(name).map_err(Fault::input)?;
        let authority = self.authority(access)?;
        let mut pending = Pending::default();
        let serial = issue::next_serial(self.root(), &mut pending)?;
        let issued = authority.issue_client(name.as_str(), serial, now)?;
        if let Some(old) = self.client_certificate(name)? {
            self.add_revocation(&authority, &old, now, &mut pending)?;
        }
        let folder = folder(name);
        fsio::create_directory(&self.root().join(&folder), Access::Private)?;
        pending.add(folder.join(KEY), &issued.key, Access::Private);
        pending.add(
            folder.join(CERTIFICATE),
            &issued.certificate,
            Access::Public,
        );
        pending.write(self.root())?;
        self.client_certificate(name)?
            .with_context(|| format!("the certificate of {name} is gone again"))
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
        self.add_revocation(&self.authority(access)?, &old, now, &mut pending)?;
        pending.write(self.root())?;
        fsio::remove_directory(&self.root().join(folder(name)))?;
        Ok(true)
    }

    fn add_revocation(
        &self,
        authority: &Authority,
        old: &ClientCertificate,
        now: OffsetDateTime,
        pending: &mut Pending,
    ) -> anyhow::Result<()> {
        let mut list = RevocationList::parse(&self.read("pki/crl.pem")?)?;
        if list.has(&old.summary.serial) {
            return Ok(());
        }
        list.number += 1;
        list.revoked.push(Revoked {
            serial: old.summary.serial.clone(),
            since: now,
        });
        pending.add(
            "pki/crl.pem",
            &authority.sign_list(&list, now)?,
            Access::Public,
        );
        Ok(())
    }
}

/// The folder of a person's certificate, relative to the site.
fn folder(name: &Name) -> PathBuf {
    Path::new("pki/clients").join(name.as_str())
}
