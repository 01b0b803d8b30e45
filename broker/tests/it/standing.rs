//! Clients that are connected, judged again by the certificate that they showed.

use std::path::Path;

use broker::config::{ClientCertificates, Tls, TlsVersion};
use broker::tls::{Clock, ServerTls, Standing};
use rcgen::{CertificateParams, date_time_ymd};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::harness::Certificates;

fn open(folder: &Path, list: &str) -> ServerTls {
    let path = |name: &str| folder.join(name);
    let settings = Tls {
        certfile: path("server.crt"),
        keyfile: path("server.key"),
        cafile: Some(path("ca.crt")),
        crlfile: Some(path(&format!("{list}.pem"))),
        client_certificates: ClientCertificates::Required,
        user_name_from: None,
        min_version: TlsVersion::V1_2,
        capath: None,
        ciphers: None,
        ciphers_tls13: None,
    };
    ServerTls::open(&settings, Clock::default()).unwrap()
}

fn shown(folder: &Path, names: &[&str]) -> Vec<CertificateDer<'static>> {
    let read = |name: &&str| CertificateDer::from_pem_file(folder.join(format!("{name}.crt")));
    names.iter().map(|name| read(name).unwrap()).collect()
}

fn ended(params: &mut CertificateParams) {
    params.not_after = date_time_ymd(2025, 1, 1);
}

#[test]
fn a_certificate_that_has_ended_or_not_begun_is_judged_by_everything_else() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (home, others) = (Certificates::new(), Certificates::new());
    home.write_authority(at, "ca");
    home.write_server(at, "server");
    let names = ["good", "ended", "not-begun", "stranger"];
    for (serial, name) in (1_u64..).zip(names) {
        let issuer = if name == "stranger" { &others } else { &home };
        issuer.write_client_with(at, name, |params| {
            params.serial_number = Some(serial.into());
            match name {
                "ended" | "stranger" => ended(params),
                "not-begun" => params.not_before = date_time_ymd(2090, 1, 1),
                _ => {}
            }
        });
    }
    home.write_revocations(at, "before", &[]);
    home.write_revocations(at, "after", &[1, 2, 3, 4]);
    for (list, expected) in [("before", Standing::Good), ("after", Standing::Revoked)] {
        let tls = open(at, list);
        for name in ["good", "ended", "not-begun"] {
            assert_eq!(tls.standing(Some(&shown(at, &[name]))), expected, "{name}");
        }
        assert_eq!(
            tls.standing(Some(&shown(at, &["stranger"]))),
            Standing::Untrusted
        );
    }
}

#[test]
fn an_authority_between_that_has_ended_hides_no_revocation() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let home = Certificates::new();
    let between = home.intermediate_with("between", |params| {
        params.not_after = date_time_ymd(2024, 1, 1);
    });
    home.write_authority(at, "ca");
    home.write_server(at, "server");
    between.write_authority(at, "between");
    between.write_client_with(at, "fred", |params| {
        params.serial_number = Some(1.into());
        ended(params);
    });
    between.write_revocations(at, "before", &[]);
    between.write_revocations(at, "after", &[1]);
    let chain = shown(at, &["fred", "between"]);
    assert_eq!(open(at, "before").standing(Some(&chain)), Standing::Good);
    assert_eq!(open(at, "after").standing(Some(&chain)), Standing::Revoked);
}

#[test]
fn who_shows_an_old_certificate_of_his_own_making_besides_gains_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let home = Certificates::new();
    // It has the name of the authority, and ended before the client's began.
    let forged = Certificates::new_with(|params| {
        params.not_after = date_time_ymd(1990, 1, 1);
    });
    home.write_authority(at, "ca");
    home.write_server(at, "server");
    forged.write_authority(at, "forged");
    home.write_client_with(at, "fred", |params| {
        params.serial_number = Some(1.into());
        params.not_before = date_time_ymd(2000, 1, 1);
    });
    home.write_revocations(at, "before", &[]);
    home.write_revocations(at, "after", &[1]);
    let chain = shown(at, &["fred", "forged"]);
    assert_eq!(open(at, "before").standing(Some(&chain)), Standing::Good);
    assert_eq!(
        open(at, "after").standing(Some(&chain)),
        Standing::Untrusted
    );
}
