//! The authority: its own certificate and key, and issuing and revoking with them.

use std::fmt;

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, RevokedCertParams, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::{
    AUTHORITY_DAYS, AltName, BACKDATE_DAYS, LEAF_DAYS, RevocationList, inspect, summarize,
};
use crate::hint::Fault;

/// What to do when an authority has ended.
const NEW_SITE: &str = "make a new site with `provision init --site DIR`, copy people.yaml and passwd there, and give everybody its ca.crt";

/// Who a certificate authority belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `O=`, free text.
    pub organization: String,
    /// `emailAddress=`, for people who look at the certificate on their phone.
    pub email: Option<String>,
}

/// A certificate and its private key, both PEM.
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// The key, PKCS#8.
    pub key: Zeroizing<String>,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issued(..)")
    }
}

/// A certificate authority that can sign.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    key_id: Option<Vec<u8>>,
    not_after: OffsetDateTime,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority(..)")
    }
}

impl Authority {
    /// Makes a new authority: ECDSA P-256, ten years from the day before `now`, path length 0.
    pub fn generate(subject: &Subject, serial: u64, now: OffsetDateTime) -> anyhow::Result<Issued> {
        Self::self_sign(subject, serial, now, &new_key()?)
    }

    /// The same with a key that was there before, unencrypted PEM.
    pub fn with_key(
        subject: &Subject,
        serial: u64,
        now: OffsetDateTime,
        key: &str,
    ) -> anyhow::Result<Issued> {
        let key = KeyPair::from_pem(key).context("reading the authority's key")?;
        Self::self_sign(subject, serial, now, &key)
    }

    fn self_sign(
        subject: &Subject,
        serial: u64,
        now: OffsetDateTime,
        key: &KeyPair,
    ) -> anyhow::Result<Issued> {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject.name("An MQTT broker CA")?;
        params.serial_number = Some(SerialNumber::from(serial));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.key_identifier_method = KeyIdMethod::Sha256;
        set_lifetime(&mut params, now, AUTHORITY_DAYS);
        let certificate = params
            .self_signed(key)
            .context("signing the authority's certificate")?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: Zeroizing::new(key.serialize_pem()),
        })
    }

    /// Takes an authority from its certificate and key, both PEM, the key unencrypted.
    pub fn load(certificate: &str, key: &str) -> anyhow::Result<Self> {
        let key = KeyPair::from_pem(key).context("reading the authority's key")?;
        // There may be something else before the certificate.
        let der = super::pem::certificate(certificate)?;
        let issuer = Issuer::from_ca_cert_der(&der.as_slice().into(), key)
            .context("reading the authority's certificate")?;
        let not_after = summarize(certificate)?.not_after;
        Ok(Self {
            issuer,
            key_id: inspect::subject_key_id(certificate)?,
            not_after,
        })
    }

    /// Issues a server certificate for `names`, of which the first is the common name.
    ///
    /// It is good for [`LEAF_DAYS`] in all, the day before `now` included, but never longer than the
    /// authority itself.
    pub fn issue_server(
        &self,
        names: &[AltName],
        serial: u64,
        now: OffsetDateTime,
    ) -> anyhow::Result<Issued> {
        let common_name = names.first().context("a server certificate needs a name")?;
        let mut params = leaf(
            &common_name.to_string(),
            ExtendedKeyUsagePurpose::ServerAuth,
        );
        params.subject_alt_names = names.iter().map(san_type).collect::<anyhow::Result<_>>()?;
        self.issue(params, serial, now)
    }

    /// Issues a client certificate for the person called `name`, which becomes the common name: the
    /// broker takes it for the user name. As long as a server's.
    pub fn issue_client(
        &self,
        name: &str,
        serial: u64,
        now: OffsetDateTime,
    ) -> anyhow::Result<Issued> {
        let params = leaf(name, ExtendedKeyUsagePurpose::ClientAuth);
        self.issue(params, serial, now)
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        serial: u64,
        now: OffsetDateTime,
    ) -> anyhow::Result<Issued> {
        if self.not_after <= now {
            let text = format!("the authority has ended, on {}", self.not_after.date());
            return Err(Fault::input(text).hint(NEW_SITE).into());
        }
        params.serial_number = Some(SerialNumber::from(serial));
        set_lifetime(&mut params, now, LEAF_DAYS);
        params.not_after = params.not_after.min(self.not_after);
        let key = new_key()?;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .context("signing a certificate")?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: Zeroizing::new(key.serialize_pem()),
        })
    }

    /// Signs a list of revoked certificates, PEM.
    ///
    /// It is valid as long as the authority: a list that ends earlier would lock everybody out of
    /// a Pi that nobody has pushed to for a while.
    pub fn sign_list(&self, list: &RevocationList, now: OffsetDateTime) -> anyhow::Result<String> {
        let revoked_certs = list.revoked.iter().map(|revoked| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&revoked.serial),
            revocation_time: revoked.since,
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: now - Duration::days(BACKDATE_DAYS),
            next_update: self.not_after.max(now + Duration::days(BACKDATE_DAYS)),
            crl_number: SerialNumber::from(list.number),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            // That of an authority made elsewhere may be any digest, or none of them.
            key_identifier_method: match &self.key_id {
                Some(id) => KeyIdMethod::PreSpecified(id.clone()),
                None => KeyIdMethod::Sha256,
            },
        };
        params
            .signed_by(&self.issuer)
            .and_then(|crl| crl.pem())
            .context("signing the revocation list")
    }
}

impl Subject {
    fn name(&self, common_name: &str) -> anyhow::Result<DistinguishedName> {
        /// `emailAddress` of PKCS#9 (RFC 2985 section 5.2.1).
        const EMAIL_ADDRESS: [u64; 7] = [1, 2, 840, 113_549, 1, 9, 1];
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, common_name);
        name.push(DnType::OrganizationName, self.organization.as_str());
        if let Some(email) = &self.email {
            let email = email
                .as_str()
                .try_into()
                .context("an e-mail address in a certificate is ASCII")?;
            name.push(
                DnType::CustomDnType(EMAIL_ADDRESS.to_vec()),
                rcgen::DnValue::Ia5String(email),
            );
        }
        Ok(name)
    }
}

/// What server and client certificates have in common.
fn leaf(common_name: &str, purpose: ExtendedKeyUsagePurpose) -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    params
}

fn new_key() -> anyhow::Result<KeyPair> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).context("making a key")
}

fn set_lifetime(params: &mut CertificateParams, now: OffsetDateTime, days: i64) {
    params.not_before = now - Duration::days(BACKDATE_DAYS);
    // RFC 5280 section 4.1.2.5: the last second is part of the lifetime.
    params.not_after = params.not_before + Duration::days(days) - Duration::SECOND;
}

fn san_type(name: &AltName) -> anyhow::Result<SanType> {
    Ok(match name {
        AltName::Ip(address) => SanType::IpAddress(*address),
        AltName::Dns(name) => SanType::DnsName(
            name.as_str()
                .try_into()
                .context("a host name is not ASCII")?,
        ),
    })
}
