//! A listener's side of TLS.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ALL_VERSIONS, CertificateError, InconsistentKeys, RootCertStore, ServerConfig,
    SupportedProtocolVersion,
};

use super::ciphers::{self, Chosen};
use super::validity::{Role, Validity, replaced_by};
use super::{Clock, TlsError, clock, pem, validity};
use crate::config::{ClientCertificates, Tls, TlsVersion};

/// The protocol that clients ask for by ALPN, if they do.
const ALPN: &[u8] = b"mqtt";

/// So many of the certificates that a client showed are looked at again: a longer chain is never trusted (webpki
/// takes six between the client's and the authority's), and who shows others with it is no reason to work more.
const LONGEST_CHAIN: usize = 8;

/// How a listener encrypts, and how it judges clients' certificates.
#[derive(Debug)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    verifier: Arc<dyn ClientCertVerifier>,
    clock: Clock,
    certificates: Vec<Validity>,
    warnings: Vec<String>,
}

/// Whether a certificate that was shown before still opens the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does; or it only ended, which is nothing that anybody decided since.
    Good,
    /// It was revoked.
    Revoked,
    /// It comes from nobody who is trusted any more.
    Untrusted,
    /// No revocation list is by the authority that it is from, though there are lists.
    Unlisted,
    /// One is required now, and none was shown.
    Missing,
}

impl ServerTls {
    /// Reads the files that `settings` name. Certificates are checked by `clock`.
    ///
    /// Sessions are resumed by tickets that the clients keep, under a key that changes every six hours: nothing
    /// is remembered here for a client that is gone. A ticket resumes nothing under a configuration made later: it
    /// would vouch for a certificate that may have been revoked since.
    ///
    /// # Errors
    ///
    /// If a file or a list of ciphers can't be read or used.
    pub fn open(settings: &Tls, clock: Clock) -> Result<Self, TlsError> {
        let mut warnings = Vec::new();
        let chain = pem::certificates(&settings.certfile)?;
        let key = pem::private_key(&settings.keyfile)?;
        let provider = Arc::new(provider(settings, &mut warnings)?);
        let mut certificates = Vec::new();
        note(&mut certificates, &chain, &settings.certfile, Role::Server);
        // A file that says it was written after the certificate has ended has a wrong date.
        let clock = match certificates.first() {
            Some(own) if own.days_left(clock.floor()) < 0 => Clock::default(),
            _ => clock,
        };
        let roots = authorities(settings, &mut certificates, &mut warnings)?;
        let lists = revocation_lists(settings, clock, &mut warnings)?;
        let verifier = client_verifier(settings, roots, lists, &provider)?;
        let mut config = ServerConfig::builder_with_details(provider, Arc::new(clock))
            .with_protocol_versions(versions(settings.min_version))?
            .with_client_cert_verifier(Arc::clone(&verifier))
            .with_single_cert(chain, key)
            .map_err(|source| pair(settings, source))?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = ring::Ticketer::new()?;
        // One is enough for a client that has one connection; two would only make each handshake longer.
        config.send_tls13_tickets = 1;
        config.alpn_protocols = vec![ALPN.to_vec()];
        // The order of a list is meant; without one, a phone knows best what its processor is fast at.
        config.ignore_client_order =
            list_for_tls12(settings).is_some() || settings.ciphers_tls13.is_some();
        Ok(Self {
            config: Arc::new(config),
            verifier,
            clock,
            certificates,
            warnings,
        })
    }

    /// For handshakes.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// What certificates are checked by.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// How long the certificates are good: the server's own chain, then the authorities of its clients.
    pub fn certificates(&self) -> &[Validity] {
        &self.certificates
    }

    /// What was left out of what the configuration asks for.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Judges anew the certificates that a client showed, perhaps under another configuration.
    pub fn standing(&self, shown: Option<&[CertificateDer<'_>]>) -> Standing {
        let Some((own, between)) = shown.and_then(<[_]>::split_first) else {
            return if self.verifier.client_auth_mandatory() {
                Standing::Missing
            } else {
                Standing::Good
            };
        };
        if !self.verifier.offer_client_auth() {
            return Standing::Good;
        }
        let now = UnixTime::since_unix_epoch(Duration::from_secs(self.clock.seconds()));
        if let Some(standing) = self.standing_at(own, between, now) {
            return standing;
        }
        // That one of them has ended hides everything else that may be wrong. When it was shown, all on the way to
        // an authority were good, so they are at the last second of one of them.
        let ends = shown.unwrap_or_default().iter().take(LONGEST_CHAIN);
        let ends = ends
            .filter_map(validity::end)
            .map(UnixTime::since_unix_epoch);
        let mut ends = ends;
        ends.find_map(|end| self.standing_at(own, between, end))
            .unwrap_or(Standing::Untrusted)
    }

    /// What there is to say of a certificate at one time, apart from its having ended or not begun.
    fn standing_at(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        time: UnixTime,
    ) -> Option<Standing> {
        match self.verifier.verify_client_cert(own, between, time) {
            Err(rustls::Error::InvalidCertificate(error)) => match error {
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => None,
                CertificateError::Revoked => Some(Standing::Revoked),
                CertificateError::UnknownRevocationStatus => Some(Standing::Unlisted),
                _ => Some(Standing::Untrusted),
            },
            Err(_) => Some(Standing::Untrusted),
            Ok(_) => Some(Standing::Good),
        }
    }
}

/// Why certificate and key can't be used together.
fn pair(settings: &Tls, source: rustls::Error) -> TlsError {
    let (certfile, keyfile) = (settings.certfile.clone(), settings.keyfile.clone());
    match source {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            TlsError::Stranger { certfile, keyfile }
        }
        source => TlsError::Pair {
            certfile,
            keyfile,
            source,
        },
    }
}

fn versions(min: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    static ONLY_1_3: [&SupportedProtocolVersion; 1] = [&TLS13];
    match min {
        TlsVersion::V1_2 => ALL_VERSIONS,
        TlsVersion::V1_3 => &ONLY_1_3,
    }
}

/// The list of `ciphers`, unless there is no TLS 1.2 that it could be for.
fn list_for_tls12(settings: &Tls) -> Option<&String> {
    let list = settings.ciphers.as_ref();
    list.filter(|_| settings.min_version == TlsVersion::V1_2)
}

/// The suites that the configuration chooses, of those that ring has.
fn provider(settings: &Tls, warnings: &mut Vec<String>) -> Result<CryptoProvider, TlsError> {
    type Read = fn(&str) -> Result<Chosen, super::CipherError>;
    let lists: [(_, _, Read, _); 2] = [
        (
            "ciphers_tls1.3",
            settings.ciphers_tls13.as_ref(),
            ciphers::tls13,
            &TLS13,
        ),
        ("ciphers", list_for_tls12(settings), ciphers::tls12, &TLS12),
    ];
    if settings.ciphers.is_some() && list_for_tls12(settings).is_none() {
        // It is left from before, perhaps with words that mean nothing here: it decides nothing, so it is no error.
        warnings.push(
            "ciphers has no effect: it is for TLS 1.2, which tls_version tlsv1.3 leaves out; ciphers_tls1.3 is for \
             TLS 1.3"
                .to_owned(),
        );
    }
    let mut cipher_suites = Vec::new();
    for (option, list, read, version) in lists {
        let Some(list) = list else {
            cipher_suites.extend(ciphers::all(version));
            continue;
        };
        let chosen = read(list).map_err(|source| TlsError::Ciphers { option, source })?;
        cipher_suites.extend(chosen.suites);
        if !chosen.missing.is_empty() {
            let missing = chosen.missing.join(", ");
            warnings.push(format!(
                "{option}: {missing} is not offered, the others are"
            ));
        }
    }
    Ok(CryptoProvider {
        cipher_suites,
        ..ring::default_provider()
    })
}

/// What checks clients' certificates. The authorities and revocation lists are read even if nobody is asked
/// for a certificate, so that a bad file is found now and not on the day when they are.
fn client_verifier(
    settings: &Tls,
    roots: RootCertStore,
    lists: Option<Vec<CertificateRevocationListDer<'static>>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    if roots.is_empty() {
        return Ok(WebPkiClientVerifier::no_client_auth());
    }
    let mut builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    if let Some(lists) = lists {
        // As OpenSSL's CRL_CHECK: the client's own certificate is looked up, and must be found in the scope
        // of some list. Lists past their date still count: a stale one is better than none, and an embedded
        // board whose lists nobody renews should not lock its owner out.
        builder = builder.with_crls(lists).only_check_end_entity_revocation();
    }
    if settings.client_certificates == ClientCertificates::Optional {
        builder = builder.allow_unauthenticated();
    }
    let verifier = builder
        .build()
        .map_err(|source| match (source, &settings.crlfile) {
            (source @ VerifierBuilderError::InvalidCrl(_), Some(path)) => TlsError::Revocation {
                path: path.clone(),
                source,
            },
            (source, _) => TlsError::Verifier(source),
        })?;
    match settings.client_certificates {
        ClientCertificates::Off => Ok(WebPkiClientVerifier::no_client_auth()),
        ClientCertificates::Optional | ClientCertificates::Required => Ok(verifier),
    }
}

/// The lists of `crlfile`, with a warning of those that should have been replaced.
fn revocation_lists(
    settings: &Tls,
    clock: Clock,
    warnings: &mut Vec<String>,
) -> Result<Option<Vec<CertificateRevocationListDer<'static>>>, TlsError> {
    let Some(path) = &settings.crlfile else {
        return Ok(None);
    };
    let lists = pem::revocation_lists(path)?;
    let now = i64::try_from(clock.seconds()).unwrap_or(i64::MAX);
    for end in lists.iter().filter_map(replaced_by) {
        if end < now {
            let (path, end) = (path.display(), clock::date(end));
            warnings.push(format!(
                "a list in crlfile {path} was to be replaced by {end}: it still counts, but may lack who was \
                 revoked since"
            ));
        }
    }
    Ok(Some(lists))
}

/// The authorities of `cafile` and `capath`. A certificate in the folder that can't be used is left out with a
/// warning: folders of a whole distribution's authorities have odd ones.
fn authorities(
    settings: &Tls,
    certificates: &mut Vec<Validity>,
    warnings: &mut Vec<String>,
) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = &settings.cafile {
        let found = pem::certificates(path)?;
        note(certificates, &found, path, Role::Authority);
        for (index, certificate) in found.into_iter().enumerate() {
            roots
                .add(certificate)
                .map_err(|source| TlsError::Authority {
                    path: path.clone(),
                    number: index + 1,
                    source,
                })?;
        }
    }
    if let Some(folder) = &settings.capath {
        for (path, certificate) in pem::folder(folder)? {
            note(
                certificates,
                std::slice::from_ref(&certificate),
                &path,
                Role::Authority,
            );
            if let Err(error) = roots.add(certificate) {
                let path = path.display();
                warnings.push(format!("{path} in capath is left out: {error}"));
            }
        }
    }
    Ok(roots)
}

fn note(into: &mut Vec<Validity>, found: &[CertificateDer<'_>], path: &Path, role: Role) {
    let known = found
        .iter()
        .filter_map(|certificate| Validity::of(certificate, path, role));
    into.extend(known);
}
