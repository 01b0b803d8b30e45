//! What may be wrong with a site, as it comes back from a repository, a backup or a colleague.

use std::fs::File;

use super::computer::{Computer, Said};

#[test]
fn without_a_site_that_is_said_once_and_nothing_is_made() {
    let computer = Computer::new();
    let before = computer.sandbox.listing();
    let checks = computer.examined();
    let (name, said) = checks.last().unwrap();
    assert_eq!(name, "site");
    insta::assert_snapshot!(said.shown(), @r"
    skipped: there is no site at site; `provision init` makes one
    cure: -
    ");
    assert_eq!(
        checks.iter().filter(|(name, _)| name == "people").count(),
        0
    );
    assert_eq!(computer.sandbox.listing(), before);
    assert!(!computer.sandbox.path("home/.cache").exists());
}

#[test]
fn a_new_site_is_well() {
    let computer = Computer::with_site();
    let lines = computer.examined().into_iter().rev().take(6);
    let mut lines: Vec<_> = lines
        .map(|(name, said)| format!("{name} {}: {}", said.status, said.what))
        .collect();
    lines.reverse();
    insta::with_settings!({filters => vec![(r"\d{4}-\d\d-\d\d", "[DATE]")]}, {
        insta::assert_snapshot!(lines.join("\n"), @r"
        site ok: site has layout 1; its hosts: broker
        people ok: people.yaml names one person
        secrets ok: 8 secrets can be read by their owner alone
        rights ok: no file and no folder can be written by everybody
        authority ok: the authority is good until [DATE]
        certificate-broker ok: 5 names until [DATE], issued by the authority
        ");
    });
}

#[test]
fn neither_is_the_lock_needed_nor_taken_nor_made() {
    let computer = Computer::with_site();
    let alone = computer.examined();
    let lock = File::open(computer.sandbox.path("site/.lock")).unwrap();
    lock.lock().unwrap();
    let beside = computer.examined();
    let site = |checks: &[(String, Said)]| {
        checks
            .iter()
            .rev()
            .take(6)
            .map(|(_, said)| said.shown())
            .collect::<Vec<_>>()
    };
    assert_eq!(site(&alone), site(&beside));
    drop(lock);
    std::fs::remove_file(computer.sandbox.path("site/.lock")).unwrap();
    let before = computer.sandbox.listing();
    computer.examined();
    assert_eq!(computer.sandbox.listing(), before);
}

#[test]
fn a_secret_that_others_can_read_is_found_and_cured_by_what_is_printed() {
    let computer = Computer::with_site();
    std::fs::create_dir_all(computer.sandbox.path("site/pki/clients/it's jane")).unwrap();
    computer
        .sandbox
        .write("site/pki/clients/it's jane/phone.p12", "secret");
    computer.mode("site/pki/clients/it's jane/phone.p12", 0o644);
    computer.mode("site/pki/ca.key", 0o640);
    insta::assert_snapshot!(computer.says("secrets").shown(), @r"
    finding: others than the owner have rights to secrets: site/pki/ca.key (0640), site/pki/clients/it's jane/phone.p12 (0644)
    cure: chmod 600 site/pki/ca.key 'site/pki/clients/it'\''s jane/phone.p12'
    ");
    for (name, mode) in [
        ("passwd", 0o604),
        ("passwords/owner", 0o610),
        ("ssh/id_ed25519", 0o660),
    ] {
        computer.mode(&format!("site/{name}"), mode);
    }
    let said = computer.says("secrets");
    assert!(said.what.ends_with(" and 2 more"), "{said:?}");
    computer.take(&said.cure.unwrap());
    let cured = computer.says("secrets");
    insta::assert_snapshot!(cured.shown(), @r"
    ok: 9 secrets can be read by their owner alone
    cure: -
    ");
}

#[test]
fn what_everybody_may_write_is_found_and_cured_by_what_is_printed() {
    let computer = Computer::with_site();
    for (name, mode) in [
        ("site", 0o777),
        ("site/hosts/broker", 0o757),
        ("site/people.yaml", 0o666),
    ] {
        computer.mode(name, mode);
    }
    let said = computer.says("rights");
    insta::assert_snapshot!(said.shown(), @r"
    finding: everybody may write: site (0777), site/hosts/broker (0757), site/people.yaml (0666)
    cure: chmod o-w site site/hosts/broker site/people.yaml
    ");
    computer.take(&said.cure.unwrap());
    assert!(computer.says("rights").is_well());
}

#[test]
fn a_mistake_in_a_file_is_named_with_its_place_and_hides_nothing_else() {
    let computer = Computer::with_site();
    computer
        .sandbox
        .write("site/people.yaml", "people:\n  ada: {sees: [owner]}\n");
    computer.mode("site/passwd", 0o644);
    insta::assert_snapshot!(computer.says("people").shown(), @r"
    finding: site/people.yaml: people.ada.sees: there is no person owner
    cure: correct that place in people.yaml
    ");
    computer
        .sandbox
        .write("site/people.yaml", "people:\n  ada: {device: [a]}\n");
    insta::assert_snapshot!(computer.says("people").shown(), @r#"
    finding: site/people.yaml:2:9: unknown key "device"
    cure: did you mean "devices"?
    "#);
    computer
        .sandbox
        .write("site/site.yaml", "organization: x\nhosts: []\n");
    insta::assert_snapshot!(computer.says("site").shown(), @r"
    finding: site/site.yaml: hosts: a site needs at least one
    cure: correct that place in site.yaml
    ");
    computer.sandbox.write("site/version", "7\n");
    insta::assert_snapshot!(computer.says("site").shown(), @r#"
    finding: site/version says "7", and this program knows layout 1
    cure: use the version of provision that made the site, or a newer one
    "#);
    std::fs::remove_file(computer.sandbox.path("site/version")).unwrap();
    insta::assert_snapshot!(computer.says("site").shown(), @r"
    finding: site/version is not there, which says how the site is laid out
    cure: `echo 1 > site/version`, if this is a site
    ");
    assert_eq!(computer.says("secrets").status, "finding");
}

#[test]
fn a_certificate_that_has_ended_or_will_within_a_month_is_found() {
    let computer = Computer::with_site();
    computer.certify("site/pki/ca", "31");
    assert!(computer.says("certificate-broker").is_well());
    insta::with_settings!({filters => vec![(r"\d{4}-\d\d-\d\d", "[DATE]")]}, {
        computer.certify("site/pki/ca", "29");
        insta::assert_snapshot!(computer.says("certificate-broker").shown(), @r"
        finding: the certificate of broker ends on [DATE], in 28 days
        cure: `provision image --host broker` issues a new one; phones need no change
        ");
        computer.certify("site/pki/ca", "-1");
        insta::assert_snapshot!(computer.says("certificate-broker").shown(), @r"
        finding: the certificate of broker ended on [DATE]
        cure: `provision image --host broker` issues a new one; phones need no change
        ");
    });
}

#[test]
fn a_certificate_of_another_authority_is_found_even_if_it_has_the_same_name() {
    let computer = Computer::with_site();
    computer.openssl(&[
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        "other.key",
    ]);
    // Everything as in the site's own, but the key.
    computer.openssl(&[
        "x509",
        "-in",
        "site/pki/ca.crt",
        "-signkey",
        "other.key",
        "-days",
        "99",
        "-out",
        "other.crt",
    ]);
    computer.certify("other", "99");
    let said = computer.says("certificate-broker");
    insta::assert_snapshot!(said.shown(), @r"
    finding: site/hosts/broker/server.crt can't be used: it was not issued by this site's authority
    cure: `provision image --host broker` issues a new one; phones need no change
    ");
}

#[test]
fn a_certificate_that_is_not_the_keys_or_is_no_certificate_is_found() {
    let computer = Computer::with_site();
    let key = "site/hosts/broker/server.key";
    computer.openssl(&[
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        key,
    ]);
    insta::assert_snapshot!(computer.says("certificate-broker").shown(), @r"
    finding: site/hosts/broker/server.crt can't be used: the certificate's public key is not that of the private key
    cure: `provision image --host broker` issues a new one; phones need no change
    ");
    computer
        .sandbox
        .write("site/hosts/broker/server.crt", "nonsense\n");
    insta::assert_snapshot!(computer.says("certificate-broker").shown(), @r"
    finding: site/hosts/broker/server.crt can't be used: it holds no certificate
    cure: `provision image --host broker` issues a new one; phones need no change
    ");
    std::fs::remove_file(computer.sandbox.path(key)).unwrap();
    assert_eq!(computer.says("certificate-broker").status, "finding");
    let folder = computer.sandbox.path("site/hosts/broker");
    std::fs::remove_file(folder.join("server.crt")).unwrap();
    insta::assert_snapshot!(computer.says("certificate-broker").shown(), @r"
    skipped: broker has no certificate yet; `provision image` issues one
    cure: -
    ");
}

#[test]
fn names_that_were_added_to_a_host_are_missed_in_its_certificate() {
    let computer = Computer::with_site();
    let yaml = computer.sandbox.read("site/site.yaml");
    let more = yaml.replace("addresses: []", "addresses: [192.168.1.9]");
    assert_ne!(more, yaml);
    computer.sandbox.write("site/site.yaml", &more);
    insta::assert_snapshot!(computer.says("certificate-broker").shown(), @r"
    finding: the certificate of broker is for other names than site.yaml has
    cure: `provision image --host broker` issues a new one; phones need no change
    ");
}

#[test]
fn an_authority_that_ends_or_lost_its_key_is_found() {
    let computer = Computer::with_site();
    computer.openssl(&[
        "x509",
        "-in",
        "site/pki/ca.crt",
        "-signkey",
        "site/pki/ca.key",
        "-days",
        "20",
        "-out",
        "ca.crt",
    ]);
    let own = computer.sandbox.read("site/pki/ca.crt");
    computer
        .sandbox
        .write("site/pki/ca.crt", &computer.sandbox.read("ca.crt"));
    insta::with_settings!({filters => vec![(r"\d{4}-\d\d-\d\d", "[DATE]")]}, {
        insta::assert_snapshot!(computer.says("authority").shown(), @r"
        finding: the authority's certificate ends on [DATE], in 19 days
        cure: make a new site with `provision init --site DIR`, copy people.yaml and passwd there, and give everybody its ca.crt
        ");
    });
    computer.sandbox.write("site/pki/ca.crt", &own);
    computer.openssl(&[
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        "site/pki/ca.key",
    ]);
    insta::assert_snapshot!(computer.says("authority").shown(), @r"
    finding: site/pki/ca.crt is not the certificate of pki/ca.key
    cure: bring both back from a copy of the site
    ");
    std::fs::remove_file(computer.sandbox.path("site/pki/ca.crt")).unwrap();
    insta::assert_snapshot!(computer.says("authority").shown(), @r"
    finding: site/pki/ca.crt is not there
    cure: bring it back from a copy of the site: every phone has it, and none can connect without
    ");
}
