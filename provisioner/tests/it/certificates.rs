//! What `init` issues, as openssl and OpenSSH see it.

use std::process::Command;

use crate::support::Sandbox;

fn openssl(sandbox: &Sandbox, args: &[&str]) -> String {
    sandbox
        .run(Command::new("openssl").args(args), "")
        .success()
        .stdout
}

#[test]
fn openssl_verifies_the_server_certificate_for_every_name() {
    let sandbox = Sandbox::new();
    let san = ["--san", "broker.example.com", "--san", "192.168.1.189"];
    sandbox
        .provision(
            &[
                &["init", "--host", "pi", "--organization", "The Joneses"][..],
                &san,
            ]
            .concat(),
        )
        .success();
    let verify = [
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-CAfile",
        "site/pki/ca.crt",
    ];
    for name in ["pi", "pi.local", "localhost", "broker.example.com"] {
        let named = [
            &verify[..],
            &["-verify_hostname", name, "site/hosts/pi/server.crt"],
        ]
        .concat();
        openssl(&sandbox, &named);
    }
    for address in ["127.0.0.1", "::1", "192.168.1.189"] {
        let named = [
            &verify[..],
            &["-verify_ip", address, "site/hosts/pi/server.crt"],
        ]
        .concat();
        openssl(&sandbox, &named);
    }
    let stranger = [
        "-verify_hostname",
        "other.example.com",
        "site/hosts/pi/server.crt",
    ];
    let refused = sandbox.run(
        Command::new("openssl").args([&verify[..], &stranger].concat()),
        "",
    );
    assert_ne!(refused.code, 0);
}

#[test]
fn usages_and_lifetimes_are_those_that_phones_accept() {
    let sandbox = Sandbox::with_site();
    let text = |file| openssl(&sandbox, &["x509", "-in", file, "-noout", "-text"]);
    let server = text("site/hosts/broker/server.crt");
    for part in [
        "TLS Web Server Authentication",
        "Digital Signature",
        "ASN1 OID: prime256v1",
        "CA:FALSE",
        "DNS:broker, DNS:broker.local, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
    ] {
        assert!(server.contains(part), "no {part} in\n{server}");
    }
    let authority = text("site/pki/ca.crt");
    for part in [
        "CA:TRUE, pathlen:0",
        "Certificate Sign, CRL Sign",
        "O = broker",
    ] {
        assert!(authority.contains(part), "no {part} in\n{authority}");
    }
    let day = 86_400;
    let good_for = |file: &str, days: u64| {
        let seconds = (days * day).to_string();
        let check = ["x509", "-in", file, "-noout", "-checkend", &seconds];
        sandbox.run(Command::new("openssl").args(check), "").code == 0
    };
    assert!(
        good_for("site/hosts/broker/server.crt", 818)
            && !good_for("site/hosts/broker/server.crt", 820)
    );
    assert!(good_for("site/pki/ca.crt", 3650) && !good_for("site/pki/ca.crt", 3654));
}

#[test]
fn the_revocation_list_is_the_authoritys_and_revokes_nobody() {
    let sandbox = Sandbox::with_site();
    let crl = [
        "crl",
        "-in",
        "site/pki/crl.pem",
        "-CAfile",
        "site/pki/ca.crt",
        "-noout",
        "-text",
    ];
    let ended = sandbox.run(Command::new("openssl").args(crl), "").success();
    assert!(
        ended.stdout.contains("No Revoked Certificates"),
        "{}",
        ended.stdout
    );
    assert!(ended.stderr.contains("verify OK"), "{}", ended.stderr);
}

#[test]
fn keys_fit_their_public_halves_and_are_readable_by_their_owner_alone() {
    let sandbox = Sandbox::with_site();
    let public = |args: &[&str]| openssl(&sandbox, args);
    assert_eq!(
        public(&["pkey", "-in", "site/hosts/broker/server.key", "-pubout"]),
        public(&[
            "x509",
            "-in",
            "site/hosts/broker/server.crt",
            "-noout",
            "-pubkey"
        ]),
    );
    for key in [
        "site/hosts/broker/ssh_host_ed25519_key",
        "site/ssh/id_ed25519",
    ] {
        let printed = sandbox
            .run(Command::new("ssh-keygen").args(["-y", "-f", key]), "")
            .success();
        assert_eq!(printed.stdout, sandbox.read(&format!("{key}.pub")));
    }
    let private: Vec<_> = sandbox
        .listing()
        .into_iter()
        .filter(|line| line.starts_with("0600"))
        .collect();
    insta::assert_debug_snapshot!(private, @r#"
    [
        "0600 site/.lock",
        "0600 site/hosts/broker/probe",
        "0600 site/hosts/broker/probe.hash",
        "0600 site/hosts/broker/server.key",
        "0600 site/hosts/broker/ssh_host_ed25519_key",
        "0600 site/passwd",
        "0600 site/passwords/owner",
        "0600 site/pki/ca.key",
        "0600 site/ssh/id_ed25519",
    ]
    "#);
}
