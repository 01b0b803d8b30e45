//! The authority: its own certificate and key, and issuing with them.

use std::fmt;

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::{AUTHORITY_DAYS, AltName, BACKDATE_DAYS, SERVER_DAYS};

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
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority(..)")
    }
}

impl Authority {
    /// Makes a new authority: ECDSA P-256, ten years from the day before `now`, path length 0.
    pub fn generate(subject: &Subject, serial: u64, now: OffsetDateTime) -> anyhow::Result<Issued> {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject.name("An MQTT broker CA")?;
        params.serial_number = Some(SerialNumber::from(serial));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.key_identifier_method = KeyIdMethod::Sha256;
        set_lifetime(&mut params, now, AUTHORITY_DAYS);
        let key = new_key()?;
        let certificate = params
            .self_signed(&key)
            .context("signing the authority's certificate")?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: Zeroizing::new(key.serialize_pem()),
        })
    }

    /// Takes an authority from its certificate and key, both PEM.
    pub fn load(certificate: &str, key: &str) -> anyhow::Result<Self> {
        let key = KeyPair::from_pem(key).context("reading the authority's key")?;
        let issuer = Issuer::from_ca_cert_pem(certificate, key)
            .context("reading the authority's certificate")?;
        Ok(Self { issuer })
    }

    /// Issues a server certificate for `names`, of which the first is the common name.
    ///
    /// It is good for [`SERVER_DAYS`] in all, the day before `now` included.
    pub fn issue_server(
        &self,
        names: &[AltName],
        serial: u64,
        now: OffsetDateTime,
    ) -> anyhow::Result<Issued> {
        let mut params = CertificateParams::default();
        let common_name = names.first().context("a server certificate needs a name")?;
        params
            .distinguished_name
            .push(DnType::CommonName, common_name.to_string());
        params.subject_alt_names = names.iter().map(san_type).collect::<anyhow::Result<_>>()?;
        params.serial_number = Some(SerialNumber::from(serial));
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        set_lifetime(&mut params, now, SERVER_DAYS);
        let key = new_key()?;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .context("signing the server's certificate")?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: Zeroizing::new(key.serialize_pem()),
        })
    }

    /// Signs a list of revoked certificates, PEM; none are revoked yet.
    ///
    /// It is valid as long as the authority: a list that ends earlier would lock everybody out of
    /// a Pi that nobody has pushed to for a while.
    pub fn empty_crl(&self, number: u64, now: OffsetDateTime) -> anyhow::Result<String> {
        let params = CertificateRevocationListParams {
            this_update: now - Duration::days(BACKDATE_DAYS),
            next_update: now + Duration::days(AUTHORITY_DAYS - BACKDATE_DAYS),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
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
