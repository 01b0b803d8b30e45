//! Listeners' TLS, spoken to by OpenSSL.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use broker::config::{ClientCertificates, Tls, TlsVersion, UserNameFrom};
use broker::tls::{Clock, ServerTls as BrokerTls, TlsError, user_name};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    DnValue, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevocationReason, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::{run, write};

/// An authority and the folder with what it signed.
struct Authority {
    folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "A test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        write(folder.path().join("ca.crt"), issuer.pem());
        let authority = Self { folder, issuer };
        let mut server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        authority.sign("server", &server);
        authority
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Signs, and writes NAME.crt and NAME.key.
    fn sign(&self, name: &str, params: &CertificateParams) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        write(self.path(&format!("{name}.crt")), certificate.pem());
        write(self.path(&format!("{name}.key")), key.serialize_pem());
    }

    fn sign_client(&self, name: &str, serial: u64, change: impl FnOnce(&mut CertificateParams)) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(serial));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        self.sign(name, &params);
    }

    fn revoke(&self, serials: &[u64]) {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2044, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        write(
            self.path("crl.pem"),
            list.signed_by(&self.issuer).unwrap().pem().unwrap(),
        );
    }

    fn settings(&self, client_certificates: ClientCertificates) -> Tls {
        Tls {
            certfile: self.path("server.crt"),
            keyfile: self.path("server.key"),
            cafile: Some(self.path("ca.crt")),
            crlfile: None,
            client_certificates,
            user_name_from: Some(UserNameFrom::CommonName),
            min_version: TlsVersion::V1_2,
            capath: None,
            ciphers: None,
            ciphers_tls13: None,
        }
    }
}

fn server_config(settings: &Tls) -> Result<Arc<ServerConfig>, TlsError> {
    Ok(BrokerTls::open(settings, Clock::default())?.config())
}

/// A configuration that is exchanged as a whole, as the broker does on SIGHUP.
struct ServerTls(Mutex<Arc<ServerConfig>>);

impl ServerTls {
    fn open(settings: &Tls) -> Result<Self, TlsError> {
        Ok(Self(Mutex::new(server_config(settings)?)))
    }

    fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.lock().unwrap())
    }

    fn reload(&self, settings: &Tls) -> Result<(), TlsError> {
        let new = server_config(settings)?;
        *self.0.lock().unwrap() = new;
        Ok(())
    }
}

/// Greets everybody who gets through the handshake by the name in the certificate; returns the port.
fn serve(tls: &Arc<ServerTls>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let tls = Arc::clone(tls);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(tls.current()).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            while stream.conn.is_handshaking() {
                if stream.conn.complete_io(&mut stream.sock).is_err() {
                    break;
                }
            }
            let certificate = stream
                .conn
                .peer_certificates()
                .map(|chain| chain[0].clone());
            let name = certificate
                .and_then(|certificate| user_name(&certificate, UserNameFrom::CommonName));
            let _ = writeln!(stream, "welcome, {}", name.as_deref().unwrap_or("stranger"));
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    port
}

/// Connects with OpenSSL; what the server said.
fn visit(
    port: u16,
    authority: &Authority,
    certificate: Option<(&Authority, &str)>,
    more: &[&str],
) -> String {
    let connect = format!("127.0.0.1:{port}");
    let ca = authority.path("ca.crt").display().to_string();
    let mut arguments = vec![
        "s_client",
        "-quiet",
        "-connect",
        &connect,
        "-servername",
        "localhost",
        "-verify_return_error",
    ];
    arguments.extend(["-verify_hostname", "localhost", "-CAfile", &ca]);
    arguments.extend(more);
    let files = certificate.map(|(authority, name)| {
        ["crt", "key"].map(|kind| {
            authority
                .path(&format!("{name}.{kind}"))
                .display()
                .to_string()
        })
    });
    if let Some([certificate, key]) = &files {
        arguments.extend(["-cert", certificate, "-key", key]);
    }
    let output = run("openssl", &arguments);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn only_who_shows_a_valid_certificate_gets_in_where_one_is_required() {
    let authority = Authority::new();
    let other = Authority::new();
    authority.sign_client("fred", 1, |_| ());
    other.sign_client("fred", 1, |_| ());
    authority.sign_client("expired", 2, |params| {
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    authority.sign_client("future", 3, |params| {
        params.not_before = date_time_ymd(2090, 1, 1);
    });
    authority.sign_client("usage", 4, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let settings = authority.settings(ClientCertificates::Required);
    let port = serve(&Arc::new(ServerTls::open(&settings).unwrap()));
    for version in ["-tls1_2", "-tls1_3"] {
        let visit = |certificate| visit(port, &authority, certificate, &[version]);
        assert_eq!(
            visit(Some((&authority, "fred"))),
            "welcome, fred",
            "{version}"
        );
        assert_eq!(visit(None), "", "{version}");
        assert_eq!(visit(Some((&other, "fred"))), "", "{version}");
        for name in ["expired", "future", "usage"] {
            assert_eq!(visit(Some((&authority, name))), "", "{version} {name}");
        }
    }
}

#[test]
fn where_a_certificate_is_optional_a_wrong_one_is_still_refused() {
    let authority = Authority::new();
    let other = Authority::new();
    authority.sign_client("fred", 1, |_| ());
    other.sign_client("fred", 1, |_| ());
    let settings = authority.settings(ClientCertificates::Optional);
    let port = serve(&Arc::new(ServerTls::open(&settings).unwrap()));
    assert_eq!(visit(port, &authority, None, &[]), "welcome, stranger");
    assert_eq!(
        visit(port, &authority, Some((&authority, "fred")), &[]),
        "welcome, fred"
    );
    assert_eq!(visit(port, &authority, Some((&other, "fred")), &[]), "");
    let settings = authority.settings(ClientCertificates::Off);
    let port = serve(&Arc::new(ServerTls::open(&settings).unwrap()));
    assert_eq!(
        visit(port, &authority, Some((&other, "fred")), &[]),
        "welcome, stranger"
    );
}

#[test]
fn the_lowest_version_is_kept_to() {
    let authority = Authority::new();
    let settings = Tls {
        min_version: TlsVersion::V1_3,
        ..authority.settings(ClientCertificates::Off)
    };
    let port = serve(&Arc::new(ServerTls::open(&settings).unwrap()));
    assert_eq!(
        visit(port, &authority, None, &["-tls1_3"]),
        "welcome, stranger"
    );
    assert_eq!(visit(port, &authority, None, &["-tls1_2"]), "");
    let settings = authority.settings(ClientCertificates::Off);
    let port = serve(&Arc::new(ServerTls::open(&settings).unwrap()));
    assert_eq!(
        visit(
            port,
            &authority,
            None,
            &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]
        ),
        ""
    );
}

#[test]
fn a_reload_brings_certificate_authority_and_revocations_and_a_bad_file_changes_nothing() {
    let authority = Authority::new();
    let other = Authority::new();
    authority.sign_client("fred", 1, |_| ());
    authority.sign_client("jane", 2, |_| ());
    other.sign_client("ada", 1, |_| ());
    let mut settings = authority.settings(ClientCertificates::Required);
    let tls = Arc::new(ServerTls::open(&settings).unwrap());
    let port = serve(&tls);
    let (fred, jane, ada) = (
        Some((&authority, "fred")),
        Some((&authority, "jane")),
        Some((&other, "ada")),
    );
    assert_eq!(visit(port, &authority, fred, &[]), "welcome, fred");

    authority.revoke(&[1]);
    settings.crlfile = Some(authority.path("crl.pem"));
    tls.reload(&settings).unwrap();
    assert_eq!(visit(port, &authority, fred, &[]), "");
    assert_eq!(visit(port, &authority, jane, &[]), "welcome, jane");

    write(authority.path("crl.pem"), "nonsense");
    let error = tls.reload(&settings).unwrap_err().to_string();
    assert!(
        error.ends_with("crl.pem contains no X509 CRL in PEM form"),
        "{error}"
    );
    assert_eq!(visit(port, &authority, jane, &[]), "welcome, jane");

    tls.reload(&other.settings(ClientCertificates::Required))
        .unwrap();
    assert_eq!(visit(port, &other, ada, &[]), "welcome, ada");
    assert_eq!(visit(port, &other, jane, &[]), "");
}

#[test]
fn a_ticket_from_before_a_reload_resumes_nothing() {
    let authority = Authority::new();
    let settings = authority.settings(ClientCertificates::Off);
    let tls = Arc::new(ServerTls::open(&settings).unwrap());
    let port = serve(&tls);
    let session = authority.path("session").display().to_string();
    let resumed = |more: &[&str]| {
        let connect = format!("127.0.0.1:{port}");
        let arguments = ["s_client", "-connect", &connect, "-ign_eof", "-tls1_3"];
        let output = run("openssl", &[&arguments, more].concat());
        String::from_utf8_lossy(&output.stdout).contains("Reused, TLSv1.3")
    };
    assert!(!resumed(&["-sess_out", &session]));
    assert!(Path::new(&session).exists(), "no ticket came");
    assert!(
        resumed(&["-sess_in", &session]),
        "the ticket resumes before the reload"
    );
    tls.reload(&settings).unwrap();
    assert!(
        !resumed(&["-sess_in", &session]),
        "the ticket resumes after the reload"
    );
}

#[test]
fn a_bad_file_is_named() {
    let authority = Authority::new();
    let good = authority.settings(ClientCertificates::Required);
    authority.sign_client("fred", 1, |_| ());
    write(authority.path("empty"), "");
    write(
        authority.path("broken"),
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    );
    write(
        authority.path("bad-ca"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let encrypted = authority.path("encrypted").display().to_string();
    let key = good.keyfile.display().to_string();
    let output = run(
        "openssl",
        &[
            "pkey", "-in", &key, "-aes128", "-passout", "pass:x", "-out", &encrypted,
        ],
    );
    assert!(output.status.success(), "{output:?}");
    let with = |change: &dyn Fn(&mut Tls)| {
        let mut settings = good.clone();
        change(&mut settings);
        let error = server_config(&settings).unwrap_err().to_string();
        error.replace(authority.folder.path().to_str().unwrap(), "[DIR]")
    };
    let told = [
        with(&|tls| tls.certfile = authority.path("missing")),
        with(&|tls| tls.certfile = authority.path("empty")),
        with(&|tls| tls.certfile = authority.path("broken")),
        with(&|tls| tls.keyfile = authority.path("fred.crt")),
        with(&|tls| tls.keyfile = authority.path("fred.key")),
        with(&|tls| tls.keyfile = authority.path("encrypted")),
        with(&|tls| tls.cafile = Some(authority.path("bad-ca"))),
        with(&|tls| tls.crlfile = Some(authority.path("ca.crt"))),
    ];
    insta::assert_snapshot!(told.join("\n"), @r"
    cannot read [DIR]/missing
    [DIR]/empty contains no certificate in PEM form
    [DIR]/broken is not a valid PEM file
    [DIR]/fred.crt contains no PRIVATE KEY in PEM form
    the key in [DIR]/fred.key is not that of the certificate in [DIR]/server.crt
    the key in [DIR]/encrypted is encrypted; `openssl pkey -in [DIR]/encrypted -out FILE` writes it without its passphrase
    certificate 1 in cafile [DIR]/bad-ca is not usable
    [DIR]/ca.crt contains no X509 CRL in PEM form
    ");
}

#[test]
fn a_subject_is_written_as_openssl_writes_it() {
    let authority = Authority::new();
    authority.sign_client("fred", 1, |params| {
        let name = &mut params.distinguished_name;
        name.push(DnType::CountryName, "DE");
        name.push(
            DnType::OrganizationName,
            "Müller, Söhne + Co \"KG\" <x>; \\",
        );
        name.push(DnType::OrganizationalUnitName, " #blanks ");
        name.push(
            DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1]),
            DnValue::Utf8String("fred@example.com".to_owned()),
        );
        name.push(
            DnType::CustomDnType(vec![1, 2, 3, 4, 5]),
            DnValue::Utf8String("own".to_owned()),
        );
        name.push(
            DnType::CustomDnType(vec![0, 9, 2342, 19_200_300, 100, 1, 1]),
            "#uid",
        );
    });
    let path = authority.path("fred.crt").display().to_string();
    let output = run(
        "openssl",
        &[
            "x509", "-noout", "-subject", "-nameopt", "RFC2253", "-in", &path,
        ],
    );
    let theirs = String::from_utf8(output.stdout).unwrap();
    let theirs = theirs
        .trim_end_matches('\n')
        .strip_prefix("subject=")
        .unwrap();
    let pem = fs::read(&path).unwrap();
    let certificate = rustls_pemfile::certs(&mut &pem[..])
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(
        user_name(&certificate, UserNameFrom::Subject).unwrap(),
        theirs
    );
    assert_eq!(
        user_name(&certificate, UserNameFrom::CommonName).unwrap(),
        "fred"
    );
}

#[test]
fn a_common_name_with_a_control_character_is_no_user_name() {
    let authority = Authority::new();
    for name in ["root\u{0}.example.com", "two\nlines", ""] {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params
            .signed_by(&KeyPair::generate().unwrap(), &authority.issuer)
            .unwrap();
        assert_eq!(
            user_name(certificate.der(), UserNameFrom::CommonName),
            None,
            "{name:?}"
        );
    }
}
