//! All certificates of a site in one list.

use std::path::PathBuf;

use anyhow::Context;

use super::store::Site;
use crate::fsio;
use crate::pki::{self, Summary};

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateKind {
    /// Signs the others.
    Authority,
    /// A host's.
    Server,
    /// A person's.
    Client,
}

impl CertificateKind {
    /// One word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// A certificate and whose it is.
#[derive(Debug)]
pub struct CertificateOf {
    /// What it is for.
    pub kind: CertificateKind,
    /// The host, the person; for the authority its common name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub summary: Summary,
    /// Whether the host has another one still.
    pub needs_push: bool,
}

impl Site {
    /// The authority's certificate, those of the hosts that have one, those of people.
    pub fn certificates(&self) -> anyhow::Result<Vec<CertificateOf>> {
        let summary = pki::summarize(&self.read("pki/ca.crt")?)
            .with_context(|| format!("reading {}", self.authority_path().display()))?;
        let mut all = vec![CertificateOf {
            kind: CertificateKind::Authority,
            name: summary.common_name.clone(),
            path: self.authority_path(),
            summary,
            needs_push: false,
        }];
        for host in &self.config().hosts {
            let path = self.path_of(host, "server.crt");
            let Some(text) = fsio::read_optional(&path)? else {
                continue;
            };
            let summary =
                pki::summarize(&text).with_context(|| format!("reading {}", path.display()))?;
            all.push(CertificateOf {
                kind: CertificateKind::Server,
                name: host.name.clone(),
                path,
                needs_push: self.needs_push(host)?,
                summary,
            });
        }
        for client in self.client_certificates()? {
            all.push(CertificateOf {
                kind: CertificateKind::Client,
                name: client.name.to_string(),
                path: client.path,
                summary: client.summary,
                needs_push: false,
            });
        }
        Ok(all)
    }
}
