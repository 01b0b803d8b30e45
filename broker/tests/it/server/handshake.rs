//! `openssl s_client` against the broker: versions, suites and certificates, what the client sees and what the log
//! says.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, date_time_ymd};

use crate::harness::{Broker, Certificates, PATIENCE, visit};
use crate::support::{run, write};

const TLS: &str =
    "allow_anonymous true\ncertfile {folder}/server.crt\nkeyfile {folder}/server.key\n";

/// A column for what was tried, one for what the client sees, and the log's words below.
fn row(table: &mut String, what: &str, broker: &Broker, client: Option<&str>, more: &[&str]) {
    let before = broker.log().len();
    let visit = visit(broker, client, more);
    let outcome = visit.outcome();
    let start = Instant::now();
    // The client may be told before the log is.
    let said = loop {
        let log = broker.log()[before..].to_owned();
        let end = log.lines().find(|line| {
            line.starts_with("Client ") && line.contains('[') && line.contains("connected")
        });
        if let Some(line) = end {
            let (_, words) = line.split_once("] ").unwrap();
            break words.to_owned();
        }
        assert!(start.elapsed() < PATIENCE, "{what}: {visit:?}\n{log}");
    };
    writeln!(table, "{what:<24} {outcome}\n{:24} {said}", "").unwrap();
}

fn home(authority: &Certificates) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    authority.write_authority(folder.path(), "ca");
    authority.write_server(folder.path(), "server");
    folder
}

#[test]
fn versions() {
    let authority = Certificates::new();
    let mut table = String::new();
    for lowest in ["tlsv1.2", "tlsv1.3"] {
        let broker = Broker::start_in(home(&authority), &format!("{TLS}tls_version {lowest}"));
        for version in ["-tls1_1", "-tls1_2", "-tls1_3"] {
            let what = format!("{lowest}: {version}");
            let more = [version, "-cipher", "ALL:@SECLEVEL=0"];
            row(&mut table, &what, &broker, None, &more);
        }
    }
    insta::assert_snapshot!(table, @r"
    tlsv1.2: -tls1_1         alert 40 handshake_failure
                             disconnected: TLS handshake failed: it does not speak the version of TLS that is asked for: see tls_version.
    tlsv1.2: -tls1_2         TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384
                             disconnected.
    tlsv1.2: -tls1_3         TLSv1.3 TLS_AES_256_GCM_SHA384
                             disconnected.
    tlsv1.3: -tls1_1         alert 40 handshake_failure
                             disconnected: TLS handshake failed: it does not speak the version of TLS that is asked for: see tls_version.
    tlsv1.3: -tls1_2         alert 70 protocol_version
                             disconnected: TLS handshake failed: it does not speak the version of TLS that is asked for: see tls_version.
    tlsv1.3: -tls1_3         TLSv1.3 TLS_AES_256_GCM_SHA384
                             disconnected.
    ");
}

#[test]
fn protocols_by_alpn() {
    let authority = Certificates::new();
    let broker = Broker::start_in(home(&authority), TLS);
    let mut table = String::new();
    for protocols in ["mqtt", "h2,mqtt", "http/1.1"] {
        row(&mut table, protocols, &broker, None, &["-alpn", protocols]);
    }
    insta::assert_snapshot!(table, @r"
    mqtt                     TLSv1.3 TLS_AES_256_GCM_SHA384
                             disconnected.
    h2,mqtt                  TLSv1.3 TLS_AES_256_GCM_SHA384
                             disconnected.
    http/1.1                 alert 120 no_application_protocol
                             disconnected: TLS handshake failed: by ALPN it asks for another protocol than mqtt.
    ");
    let told = visit(&broker, None, &["-alpn", "h2,mqtt"]).told;
    assert!(told.contains("ALPN protocol: mqtt"), "{told}");
}

/// A server's certificate for an RSA key, which rcgen does not make.
fn write_rsa(folder: &Path) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (key, crt) = (path("rsa.key"), path("rsa.crt"));
    let request = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=localhost",
        "-days",
        "90",
        "-keyout",
        &key,
        "-out",
        &crt,
    ];
    let output = run("openssl", &request);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn suites() {
    let authority = Certificates::new();
    let folder = home(&authority);
    write_rsa(folder.path());
    let mut table = String::new();
    let broker = Broker::start_in(folder, TLS);
    for suite in [
        "TLS_AES_256_GCM_SHA384",
        "TLS_AES_128_GCM_SHA256",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_128_CCM_SHA256",
    ] {
        row(
            &mut table,
            "1.3",
            &broker,
            None,
            &["-tls1_3", "-ciphersuites", suite],
        );
    }
    let ciphers = [
        "AES256-GCM-SHA384",
        "AES128-GCM-SHA256",
        "CHACHA20-POLY1305",
    ];
    for key in ["ECDSA", "RSA"] {
        for cipher in ciphers {
            let suite = format!("ECDHE-{key}-{cipher}");
            row(
                &mut table,
                key,
                &broker,
                None,
                &["-tls1_2", "-cipher", &suite],
            );
        }
        // From here on with the other key.
        broker.reconfigure(&TLS.replace("/server.", "/rsa."));
        broker.reload();
    }
    row(
        &mut table,
        "no forward secrecy",
        &broker,
        None,
        &["-tls1_2", "-cipher", "AES128-SHA"],
    );
    broker.reconfigure(&format!(
        "{TLS}ciphers CHACHA20:!aNULL\nciphers_tls1.3 TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
    ));
    broker.reload();
    for version in ["-tls1_2", "-tls1_3"] {
        row(&mut table, "as configured", &broker, None, &[version]);
    }
    row(
        &mut table,
        "not as configured",
        &broker,
        None,
        &["-tls1_2", "-cipher", "ECDHE+AESGCM"],
    );
    insta::assert_snapshot!(table, @r"
    1.3                      TLSv1.3 TLS_AES_256_GCM_SHA384
                             disconnected.
    1.3                      TLSv1.3 TLS_AES_128_GCM_SHA256
                             disconnected.
    1.3                      TLSv1.3 TLS_CHACHA20_POLY1305_SHA256
                             disconnected.
    1.3                      alert 40 handshake_failure
                             disconnected: TLS handshake failed: no cipher suite in common, or none that fits the kind of key in keyfile: see ciphers.
    ECDSA                    TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384
                             disconnected.
    ECDSA                    TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256
                             disconnected.
    ECDSA                    TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305
                             disconnected.
    RSA                      TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384
                             disconnected.
    RSA                      TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256
                             disconnected.
    RSA                      TLSv1.2 ECDHE-RSA-CHACHA20-POLY1305
                             disconnected.
    no forward secrecy       alert 40 handshake_failure
                             disconnected: TLS handshake failed: no cipher suite in common, or none that fits the kind of key in keyfile: see ciphers.
    as configured            TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305
                             disconnected.
    as configured            TLSv1.3 TLS_CHACHA20_POLY1305_SHA256
                             disconnected.
    not as configured        alert 40 handshake_failure
                             disconnected: TLS handshake failed: no cipher suite in common, or none that fits the kind of key in keyfile: see ciphers.
    ");
}

#[test]
fn a_list_of_ciphers_that_cannot_be_is_an_error_at_the_start() {
    let authority = Certificates::new();
    let folder = home(&authority);
    let told = |more: &str| {
        let text = format!("listener 1 127.0.0.1\n{TLS}{more}\n");
        let path = crate::harness::config_file(folder.path(), "test.conf", &text, 1);
        let arguments = ["-c", path.to_str().unwrap(), "--test-config"];
        let ended = crate::harness::run_to_end(&arguments);
        (ended.code, ended.stderr)
    };
    let (code, error) = told("ciphers HIGH:!aNUL");
    assert_eq!(code, Some(3));
    assert!(
        error.starts_with(
            "Error: the listener on 127.0.0.1 port 1 cannot encrypt: ciphers: !aNUL is not known; there are ECDHE-"
        ),
        "{error}"
    );
    assert_eq!(told("ciphers HIGH:!aNULL"), (Some(0), String::new()));
    let (code, warning) = told("ciphers HIGH:DHE-RSA-AES128-GCM-SHA256");
    assert_eq!(code, Some(0));
    assert_eq!(
        warning,
        "Warning: the listener on 127.0.0.1 port 1: ciphers: DHE-RSA-AES128-GCM-SHA256 is not offered, the others are\n"
    );
}

const CERTIFIED: &str =
    "cafile {folder}/ca.crt\ncrlfile {folder}/crl.pem\nrequire_certificate true\n";

/// Clients with all that can be wrong about a certificate.
fn write_clients(folder: &Path, authority: &Certificates) {
    type Change = fn(&mut CertificateParams);
    let clients: [(&str, Change); 6] = [
        ("good", |_| ()),
        ("revoked", |params| params.serial_number = Some(7.into())),
        ("expired", |params| {
            params.not_after = date_time_ymd(2020, 1, 1);
        }),
        ("not-yet-valid", |params| {
            params.not_before = date_time_ymd(2090, 1, 1);
        }),
        ("for-servers", |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        }),
        ("for-anything", |params| params.extended_key_usages.clear()),
    ];
    for (name, change) in clients {
        authority.write_client_with(folder, name, change);
    }
    Certificates::new().write_client(folder, "impostor");
    let named = |name: &'static str| {
        Certificates::new_with(move |params| {
            params.distinguished_name.push(DnType::CommonName, name);
        })
    };
    named("another authority").write_client(folder, "stranger");
    let unlisted = named("an authority without a list");
    unlisted.write_client(folder, "unlisted");
    write(folder.join("ca.crt"), authority.pem() + &unlisted.pem());
    authority.write_revocations(folder, "crl", &[7]);
}

#[test]
fn certificates() {
    let authority = Certificates::new();
    let folder = home(&authority);
    write_clients(folder.path(), &authority);
    let broker = Broker::start_in(folder, &format!("{TLS}{CERTIFIED}"));
    let mut table = String::new();
    for version in ["-tls1_2", "-tls1_3"] {
        row(
            &mut table,
            &format!("{version} none"),
            &broker,
            None,
            &[version],
        );
        for name in [
            "good",
            "for-anything",
            "revoked",
            "expired",
            "not-yet-valid",
            "for-servers",
            "stranger",
            "impostor",
            "unlisted",
        ] {
            let what = format!("{version} {name}");
            row(&mut table, &what, &broker, Some(name), &[version]);
        }
    }
    insta::with_settings!({filters => [
        (r"now it is \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "now it is [NOW]"),
    ]}, {
        insta::assert_snapshot!(table, @r"
        -tls1_2 none             alert 116 certificate_required
                                 disconnected: TLS handshake failed: it showed no certificate, which this port requires.
        -tls1_2 good             TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384
                                 disconnected.
        -tls1_2 for-anything     TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384
                                 disconnected.
        -tls1_2 revoked          alert 44 certificate_revoked
                                 disconnected: TLS handshake failed: its certificate was revoked, says crlfile.
        -tls1_2 expired          alert 45 certificate_expired
                                 disconnected: TLS handshake failed: its certificate ended on 2020-01-01 00:00:00 UTC, and now it is [NOW].
        -tls1_2 not-yet-valid    alert 45 certificate_expired
                                 disconnected: TLS handshake failed: its certificate is valid only from 2090-01-01 00:00:00 UTC on, and now it is [NOW]: if that is wrong, so is this machine's clock.
        -tls1_2 for-servers      alert 43 unsupported_certificate
                                 disconnected: TLS handshake failed: its certificate is not meant for clients: its extended key usage lacks clientAuth.
        -tls1_2 stranger         alert 48 unknown_ca
                                 disconnected: TLS handshake failed: its certificate is from no authority in cafile or capath.
        -tls1_2 impostor         alert 51 decrypt_error
                                 disconnected: TLS handshake failed: its certificate is from no authority in cafile or capath.
        -tls1_2 unlisted         alert 48 unknown_ca
                                 disconnected: TLS handshake failed: no list in crlfile is by the authority that its certificate is from.
        -tls1_3 none             alert 116 certificate_required
                                 disconnected: TLS handshake failed: it showed no certificate, which this port requires.
        -tls1_3 good             TLSv1.3 TLS_AES_256_GCM_SHA384
                                 disconnected.
        -tls1_3 for-anything     TLSv1.3 TLS_AES_256_GCM_SHA384
                                 disconnected.
        -tls1_3 revoked          alert 44 certificate_revoked
                                 disconnected: TLS handshake failed: its certificate was revoked, says crlfile.
        -tls1_3 expired          alert 45 certificate_expired
                                 disconnected: TLS handshake failed: its certificate ended on 2020-01-01 00:00:00 UTC, and now it is [NOW].
        -tls1_3 not-yet-valid    alert 45 certificate_expired
                                 disconnected: TLS handshake failed: its certificate is valid only from 2090-01-01 00:00:00 UTC on, and now it is [NOW]: if that is wrong, so is this machine's clock.
        -tls1_3 for-servers      alert 43 unsupported_certificate
                                 disconnected: TLS handshake failed: its certificate is not meant for clients: its extended key usage lacks clientAuth.
        -tls1_3 stranger         alert 48 unknown_ca
                                 disconnected: TLS handshake failed: its certificate is from no authority in cafile or capath.
        -tls1_3 impostor         alert 51 decrypt_error
                                 disconnected: TLS handshake failed: its certificate is from no authority in cafile or capath.
        -tls1_3 unlisted         alert 48 unknown_ca
                                 disconnected: TLS handshake failed: no list in crlfile is by the authority that its certificate is from.
        ");
    });
}

#[test]
fn a_chain_is_followed_and_a_folder_of_authorities_is_as_good_as_a_file() {
    let authority = Certificates::new();
    let folder = home(&authority);
    let between = authority.intermediate("between");
    between.write_client(folder.path(), "fred");
    let leaf = std::fs::read_to_string(folder.path().join("fred.crt")).unwrap();
    write(folder.path().join("short.crt"), &leaf);
    std::fs::copy(
        folder.path().join("fred.key"),
        folder.path().join("short.key"),
    )
    .unwrap();
    write(folder.path().join("fred.crt"), leaf + &between.pem());
    let capath = folder.path().join("authorities");
    std::fs::create_dir(&capath).unwrap();
    write(capath.join("README"), "What is trusted here.\n");
    write(capath.join("other.pem"), Certificates::new().pem());
    write(capath.join("home.pem"), authority.pem());
    std::os::unix::fs::symlink("home.pem", capath.join("0a1b2c3d.0")).unwrap();
    let config = format!("{TLS}capath {{folder}}/authorities\nrequire_certificate true\n");
    let broker = Broker::start_in(folder, &config);
    // OpenSSL sends the certificates of -cert_chain besides the client's own.
    let chain = broker.folder().join("fred.crt");
    let chain = ["-cert_chain", chain.to_str().unwrap()];
    assert!(visit(&broker, Some("fred"), &chain).welcome);
    assert!(!visit(&broker, Some("short"), &[]).welcome);
    broker.wait_for("its certificate is from no authority in cafile or capath");
    std::fs::remove_file(broker.folder().join("authorities/home.pem")).unwrap();
    broker.reload();
    assert!(!visit(&broker, Some("fred"), &chain).welcome);
}

#[test]
fn a_password_is_asked_for_besides_a_certificate_that_gives_no_name() {
    let authority = Certificates::new();
    let folder = home(&authority);
    authority.write_client(folder.path(), "fred");
    authority.write_revocations(folder.path(), "crl", &[]);
    let passwd = folder.path().join("passwd");
    let arguments = ["-b", "-c", passwd.to_str().unwrap(), "jane", "s3cret"];
    assert!(run("mosquitto_passwd", &arguments).status.success());
    let config =
        format!("{TLS}{CERTIFIED}allow_anonymous false\npassword_file {{folder}}/passwd\n");
    let broker = Broker::start_in(folder, &config.replacen("allow_anonymous true\n", "", 1));
    let publish = |more: &[&str]| {
        let path = |name: &str| broker.folder().join(name).to_str().unwrap().to_owned();
        let files = [path("ca.crt"), path("fred.crt"), path("fred.key")];
        let mut arguments = vec![
            "--cafile", &files[0], "--cert", &files[1], "--key", &files[2],
        ];
        arguments.extend(["-i", "c", "-t", "t", "-q", "1", "-m", "x"]);
        arguments.extend(more);
        crate::harness::publish(&broker, &arguments).status.code()
    };
    assert_eq!(publish(&["-u", "jane", "-P", "s3cret"]), Some(0));
    assert_eq!(publish(&["-u", "jane", "-P", "wrong"]), Some(5));
    assert_eq!(publish(&[]), Some(5));
    broker.wait_for("u'jane').");
    assert!(!broker.log().contains("u'fred'"));
}
