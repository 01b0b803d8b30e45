//! Certificates as a private home has them: one authority, one server, some clients.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

use crate::support::write;

/// An authority.
pub(crate) struct Certificates(CertifiedIssuer<'static, KeyPair>);

impl Certificates {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
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

    fn write(
        &self,
        folder: &Path,
        name: &str,
        mut params: CertificateParams,
        purpose: ExtendedKeyUsagePurpose,
    ) {
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        write(folder.join(format!("{name}.crt")), certificate.pem());
        write(folder.join(format!("{name}.key")), key.serialize_pem());
    }
}
