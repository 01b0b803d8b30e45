//! Lists of cipher suites, read by the broker and by OpenSSL.

use broker::config::{ClientCertificates, Tls, TlsVersion};
use broker::tls::{Clock, ServerTls};

use crate::harness::Certificates;
use crate::support::run;

const LISTS: [&str; 24] = [
    "HIGH",
    "DEFAULT",
    "ALL",
    "HIGH:!aNULL",
    "HIGH:!aNULL:!MD5:!RC4:!3DES:!DSS:!kRSA:!PSK:!SRP",
    "DEFAULT:!aNULL:!eNULL:!LOW:!EXPORT:!SSLv2:@STRENGTH",
    "ECDHE+AESGCM:ECDHE+CHACHA20",
    "EECDH+AES256:EECDH+AES128",
    "ECDHE+AES:!aRSA",
    "kECDHE+aRSA:+AES128",
    "aECDSA:-AES256:aECDSA",
    "ECDSA,CHACHA20 AES128",
    "AES128:AES256:+aRSA",
    "AES128:AES256:@STRENGTH",
    "ALL:!AES:AES",
    "ALL:-AES:AES256",
    "TLSv1.2+CHACHA20",
    "ALL:!ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256:AES256-SHA256",
    "ALL:!COMPLEMENTOFDEFAULT:!CAMELLIA:!ARIA:!AESCCM",
    "ECDHE:!SHA1:!SHA256:!SHA384",
    "HIGH:@SECLEVEL=1",
];

/// The suites that the broker offers with TLS 1.2, by OpenSSL's names.
fn ours(tls: &Tls) -> Vec<String> {
    let config = ServerTls::open(tls, Clock::default()).unwrap().config();
    let suites = config.crypto_provider().cipher_suites.iter();
    suites
        .map(|suite| format!("{:?}", suite.suite()))
        .filter(|name| !name.starts_with("TLS13_"))
        .map(|name| {
            // OpenSSL itself knows which name is which.
            let output = run("openssl", &["ciphers", "-convert", &name]);
            let told = String::from_utf8(output.stdout).unwrap();
            let (_, name) = told.trim().split_once(": ").unwrap();
            name.to_owned()
        })
        .collect()
}

#[test]
fn lists_mean_what_they_mean_to_openssl() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Certificates::new();
    authority.write_server(folder.path(), "server");
    let mut tls = Tls {
        certfile: folder.path().join("server.crt"),
        keyfile: folder.path().join("server.key"),
        cafile: None,
        capath: None,
        crlfile: None,
        client_certificates: ClientCertificates::Off,
        user_name_from: None,
        min_version: TlsVersion::V1_2,
        ciphers: None,
        ciphers_tls13: None,
    };
    let all = ours(&tls);
    assert_eq!(all.len(), 6);
    for list in LISTS {
        tls.ciphers = Some(list.to_owned());
        let arguments = ["ciphers", "-s", "-tls1_2", "-ciphersuites", "", list];
        let output = run("openssl", &arguments);
        let theirs = String::from_utf8(output.stdout).unwrap();
        let theirs: Vec<_> = theirs
            .trim()
            .split(':')
            .filter(|name| all.iter().any(|other| other == name))
            .collect();
        assert_eq!(ours(&tls), theirs, "{list}");
    }
}

#[test]
fn a_list_for_tls_1_2_is_no_error_where_there_is_no_tls_1_2() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let home = Certificates::new();
    home.write_server(at, "server");
    let mut settings = Tls {
        certfile: at.join("server.crt"),
        keyfile: at.join("server.key"),
        cafile: None,
        crlfile: None,
        client_certificates: ClientCertificates::Off,
        user_name_from: None,
        min_version: TlsVersion::V1_3,
        capath: None,
        ciphers: Some("ECDHE-RSA-AES256-SHA:nonsense".to_owned()),
        ciphers_tls13: None,
    };
    let tls = ServerTls::open(&settings, Clock::default()).unwrap();
    assert_eq!(
        tls.warnings(),
        [
            "ciphers has no effect: it is for TLS 1.2, which tls_version tlsv1.3 leaves out; ciphers_tls1.3 is for TLS 1.3"
        ]
    );
    settings.min_version = TlsVersion::V1_2;
    ServerTls::open(&settings, Clock::default()).unwrap_err();
}
