//! Certificates as a private home has them: one authority, one server, some clients.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SerialNumber, date_time_ymd,
};

use time::OffsetDateTime;

use crate::support::write;

/// An authority.
pub(crate) struct Certificates(CertifiedIssuer<'static, KeyPair>);

impl Certificates {
    pub(crate) fn new() -> Self {
        Self::new_with(|_| ())
    }

    /// The same with something else about it.
    pub(crate) fn new_with(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        change(&mut params);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Another authority that this one vouches for.
    pub(crate) fn intermediate(&self, name: &str) -> Self {
        self.intermediate_with(name, |_| ())
    }

    /// The same with something else about it.
    pub(crate) fn intermediate_with(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::signed_by(params, key, &self.0).unwrap())
    }

    /// Writes `NAME.crt` with the authority's own certificate.
    pub(crate) fn write_authority(&self, folder: &Path, name: &str) {
        write(folder.join(format!("{name}.crt")), self.0.pem());
    }

    /// Writes `NAME.crt` and `NAME.key` of a server called localhost.
    pub(crate) fn write_server(&self, folder: &Path, name: &str) {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        self.write(
            folder,
            name,
            CertificateParams::new(names).unwrap(),
            ExtendedKeyUsagePurpose::ServerAuth,
        );
    }

    /// Writes `NAME.crt` and `NAME.key` of a client called `name`.
    pub(crate) fn write_client(&self, folder: &Path, name: &str) {
        self.write(
            folder,
            name,
            CertificateParams::default(),
            ExtendedKeyUsagePurpose::ClientAuth,
        );
    }

    /// The same with something else about it.
    pub(crate) fn write_client_with(
        &self,
        folder: &Path,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) {
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        self.sign(folder, name, params);
    }

    /// The same for a server called localhost.
    pub(crate) fn write_server_with(
        &self,
        folder: &Path,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        self.sign(folder, name, params);
    }

    /// Writes `NAME.pem` with a list of the serial numbers that are revoked.
    pub(crate) fn write_revocations(&self, folder: &Path, name: &str, serials: &[u64]) {
        self.write_revocations_until(folder, name, serials, date_time_ymd(2044, 1, 1));
    }

    /// The same with the time by which there is to be another list.
    pub(crate) fn write_revocations_until(
        &self,
        folder: &Path,
        name: &str,
        serials: &[u64],
        next_update: OffsetDateTime,
    ) {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update,
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.0).unwrap().pem().unwrap();
        write(folder.join(format!("{name}.pem")), list);
    }

    /// The authority's own certificate.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    fn write(
        &self,
        folder: &Path,
        name: &str,
        mut params: CertificateParams,
        purpose: ExtendedKeyUsagePurpose,
    ) {
        params.extended_key_usages = vec![purpose];
        self.sign(folder, name, params);
    }

    fn sign(&self, folder: &Path, name: &str, mut params: CertificateParams) {
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        write(folder.join(format!("{name}.crt")), certificate.pem());
        write(folder.join(format!("{name}.key")), key.serialize_pem());
    }
}
