//! Authorities that people have already, made by openssl, and what is issued with them.

use crate::brokers::Broker;
use crate::rotation::files;
use crate::support::{Sandbox, tool};

/// What an authority's certificate is made with.
const CA: &str = "\
-addext keyUsage=critical,keyCertSign,cRLSign -addext basicConstraints=critical,CA:TRUE \
-subj '/C=DE/O=The Joneses/CN=Own CA/emailAddress=ca@example.com' -days 400";

/// Makes the key `own.key` with a command of openssl, and `own.crt` for it.
fn own(sandbox: &Sandbox, key: &str) {
    tool(sandbox, &format!("{key}; {}", certificate(CA))).success();
}

fn certificate(arguments: &str) -> String {
    // Asked not to use the machine's own configuration, which has extensions of its own.
    format!(
        "printf '[req]\\ndistinguished_name=dn\\n[dn]\\n' >openssl.cnf; \
         openssl req -config openssl.cnf -x509 -new -key own.key -out own.crt {arguments}"
    )
}

const IMPORT: [&str; 7] = [
    "init",
    "--host",
    "pi",
    "--ca-cert",
    "own.crt",
    "--ca-key",
    "own.key",
];

/// Takes the authority over, issues for a host and a person, and has openssl verify all.
fn takes(key: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    own(&sandbox, key);
    let init = sandbox.provision(&IMPORT).success();
    assert!(
        init.stderr
            .contains("Took over authority site/pki/ca.crt until"),
        "{}",
        init.shown()
    );
    let add = ["add-user", "jane", "--generate", "--client-cert"];
    sandbox.provision(&add).success();
    verified(&sandbox);
    tool(
        &sandbox,
        "openssl pkey -in own.key -pubout -out a; openssl pkey -in site/pki/ca.key -pubout -out b; cmp a b; \
         openssl x509 -in own.crt -outform DER -out a; openssl x509 -in site/pki/ca.crt -outform DER -out b; cmp a b; \
         head -n 1 site/pki/ca.key | grep -x -e '-----BEGIN PRIVATE KEY-----'",
    )
    .success();
    sandbox
}

/// Server's and client's certificates are good for what they are for, and for nothing else.
#[track_caller]
fn verified(sandbox: &Sandbox) {
    let verify = "openssl verify -x509_strict -crl_check -CAfile site/pki/ca.crt -CRLfile site/pki/crl.pem -purpose";
    let (server, client) = (
        "site/hosts/pi/server.crt",
        "site/pki/clients/jane/client.crt",
    );
    tool(
        sandbox,
        &format!(
            "{verify} sslserver -verify_hostname pi.local {server}; {verify} sslclient {client}"
        ),
    )
    .success();
    let swapped = tool(
        sandbox,
        &format!("! {verify} sslclient {server} && ! {verify} sslserver {client}"),
    );
    swapped.success();
}

#[test]
fn rsa_keys_of_2048_bits_are_taken_as_openssl_writes_them() {
    takes("openssl genrsa -traditional -out own.key 2048; grep -q 'RSA PRIVATE' own.key");
    takes("openssl genrsa -out own.key 2048; grep -q 'BEGIN PRIVATE' own.key");
}

#[test]
fn rsa_keys_of_4096_bits_are_taken_as_openssl_writes_them() {
    takes(
        "openssl genrsa -out 8.key 4096; openssl rsa -in 8.key -traditional -out own.key; \
         grep -q 'RSA PRIVATE' own.key",
    );
    takes("openssl genrsa -out own.key 4096; grep -q 'BEGIN PRIVATE' own.key");
}

#[test]
fn elliptic_curves_are_taken_as_openssl_writes_them() {
    for curve in ["prime256v1", "secp384r1"] {
        let sec1 = format!("openssl ecparam -genkey -name {curve} -out own.key");
        takes(&format!(
            "{sec1}; head -n 1 own.key | grep -q 'EC PARAMETERS'; grep -q 'EC PRIVATE' own.key"
        ));
        takes(&format!(
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:{curve} -out own.key"
        ));
    }
}

#[test]
fn mosquitto_and_its_clients_take_what_rsa_and_elliptic_authorities_issue() {
    for key in [
        "openssl genrsa -traditional -out own.key 2048",
        "openssl ecparam -genkey -name secp384r1 -out own.key",
    ] {
        let sandbox = takes(key);
        let site = sandbox.path("site");
        let broker = Broker::mosquitto(
            &sandbox.path("mosquitto"),
            &format!(
                "listener @PORT@ 127.0.0.1\ncafile {site}/pki/ca.crt\ncrlfile {site}/pki/crl.pem\n\
                 certfile {site}/hosts/pi/server.crt\nkeyfile {site}/hosts/pi/server.key\n\
                 require_certificate true\nuse_identity_as_username true\n",
                site = site.display()
            ),
        );
        let port = broker.port();
        let publish = format!(
            "timeout 60 mosquitto_pub -h 127.0.0.1 -p {port} --cafile site/pki/ca.crt -q 1 -t a -m b"
        );
        let jane = "cert site/pki/clients/jane/client.crt";
        let key = "key site/pki/clients/jane/client.key";
        tool(&sandbox, &format!("{publish} --{jane} --{key}")).success();
        assert_ne!(tool(&sandbox, &publish).code, 0, "without a certificate");
        tool(
            &sandbox,
            &format!(
                "timeout 60 openssl s_client -connect 127.0.0.1:{port} -CAfile site/pki/ca.crt -x509_strict \
                 -verify_return_error -verify_ip 127.0.0.1 -{jane} -{key} -brief </dev/null"
            ),
        )
        .success();
    }
}

#[test]
fn a_key_alone_gets_a_new_certificate() {
    for key in [
        "openssl genrsa -traditional -out own.key 2048",
        "openssl ecparam -genkey -name prime256v1 -out own.key",
    ] {
        let sandbox = Sandbox::new();
        tool(&sandbox, key).success();
        sandbox
            .provision(&["init", "--host", "pi", "--ca-key", "own.key"])
            .success();
        let add = ["add-user", "jane", "--generate", "--client-cert"];
        sandbox.provision(&add).success();
        verified(&sandbox);
        tool(
            &sandbox,
            "openssl pkey -in own.key -pubout >a; openssl x509 -in site/pki/ca.crt -noout -pubkey >b; cmp a b",
        )
        .success();
    }
}

#[test]
fn nothing_but_the_certificate_is_taken_from_a_file_that_has_the_key_too() {
    let sandbox = Sandbox::new();
    own(&sandbox, "openssl genrsa -traditional -out own.key 2048");
    tool(&sandbox, "cat own.key own.crt own.key >both.pem").success();
    let both = [
        "init",
        "--host",
        "pi",
        "--ca-cert",
        "both.pem",
        "--ca-key",
        "both.pem",
    ];
    sandbox.provision(&both).success();
    assert!(!sandbox.read("site/pki/ca.crt").contains("KEY"));
    tool(
        &sandbox,
        "openssl x509 -in own.crt >a; openssl x509 -in site/pki/ca.crt >b; cmp a b",
    )
    .success();
}

/// The refusal of an authority. Nothing is there afterwards that wasn't before.
#[track_caller]
fn refusal(script: &str) -> String {
    let sandbox = Sandbox::new();
    tool(&sandbox, script).success();
    let before = sandbox.listing();
    let ended = sandbox.provision(&IMPORT);
    assert_eq!(ended.code, 2, "{}", ended.shown());
    assert_eq!(ended.stdout, "");
    assert_eq!(sandbox.listing(), before);
    ended.stderr
}

const EC: &str = "openssl ecparam -genkey -name prime256v1 -out own.key";

#[test]
fn what_is_no_authority_or_another_keys_is_refused() {
    let leaf = certificate("-addext basicConstraints=CA:FALSE -subj /CN=x -days 9");
    insta::assert_snapshot!(refusal(&format!("{EC}; {leaf}")), @r"
    error: own.crt: it is no certificate authority: it lacks the basic constraint CA:TRUE
      hint: with --ca-key and without --ca-cert, a new certificate is made for the key
    ");
    let no_lists = certificate(
        "-addext basicConstraints=CA:TRUE -addext keyUsage=keyCertSign -subj /CN=x -days 9",
    );
    insta::assert_snapshot!(refusal(&format!("{EC}; {no_lists}")), @r"
    error: own.crt: it is no certificate authority: it lacks the key usage cRLSign
      hint: with --ca-key and without --ca-cert, a new certificate is made for the key
    ");
    insta::assert_snapshot!(refusal(&format!("{EC}; {}; {EC}", certificate(CA))), @r"
    error: own.crt: the certificate's public key is not that of the private key
      hint: name the certificate that was made for own.key
    ");
    let below = format!(
        "{EC}; {}; mv own.crt root.crt; mv own.key root.key; {EC}; \
         openssl req -new -config openssl.cnf -key own.key -subj '/CN=Below' -out own.csr; \
         printf 'basicConstraints=critical,CA:TRUE\\n' >extensions; \
         openssl x509 -req -in own.csr -CA root.crt -CAkey root.key -CAcreateserial -extfile extensions -out own.crt",
        certificate(CA)
    );
    insta::assert_snapshot!(refusal(&below), @r"
    error: own.crt: it is no root: clients would need the certificate of its issuer too, C=DE, O=The Joneses, CN=Own CA, Email=ca@example.com
      hint: with --ca-key and without --ca-cert, a new certificate is made for the key
    ");
    // Two parts of a kind, as directories of companies have them.
    let parts = certificate("-addext basicConstraints=CA:TRUE -subj /DC=org/DC=example -days 9");
    insta::assert_snapshot!(refusal(&format!("{EC}; {parts}")), @r"
    error: own.crt: its subject DC=org, DC=example has two parts of one kind or two in one, which can't be copied into what it issues
      hint: with --ca-key and without --ca-cert, a new certificate is made for the key
    ");
}

#[test]
fn what_has_ended_or_is_weak_is_refused() {
    let ended = format!(
        "{EC}; {}; openssl x509 -x509toreq -in own.crt -signkey own.key -out own.csr; \
         printf 'basicConstraints=critical,CA:TRUE\\n' >extensions; \
         openssl x509 -req -in own.csr -signkey own.key -days -1 -extfile extensions -out own.crt",
        certificate(CA)
    );
    let ended = refusal(&ended);
    assert!(
        ended.starts_with("error: own.crt: it is valid from "),
        "{ended}"
    );
    assert!(ended.contains(", and not now\n  hint: "), "{ended}");
    insta::assert_snapshot!(refusal(&format!("{EC}; {} -sha1", certificate(CA))), @r"
    error: own.crt: phones refuse it: its signature algorithm 1.2.840.10045.4.1 is not one with SHA-2
      hint: with --ca-key and without --ca-cert, a new certificate is made for the key
    ");
    let small = format!("openssl genrsa -out own.key 1024; {}", certificate(CA));
    insta::assert_snapshot!(refusal(&small), @"error: own.key: it is an RSA key of 1024 bits; RSA keys of 2048 to 4096 bits can be used, and ECDSA on P-256 and P-384");
    let other = EC.replace("prime256v1", "secp521r1");
    insta::assert_snapshot!(refusal(&format!("{other}; {}", certificate(CA))), @"error: own.key: it is a key of another kind; RSA keys of 2048 to 4096 bits can be used, and ECDSA on P-256 and P-384");
}

#[test]
fn what_is_no_pem_is_refused_with_the_command_that_makes_it_pem() {
    let key = format!("{EC}; {}", certificate(CA));
    let der = format!("{key}; openssl pkey -in own.key -outform DER -out k; mv k own.key");
    insta::assert_snapshot!(refusal(&der), @r"
    error: own.key is not PEM, which is text
      hint: if it is DER: openssl x509 -inform DER -in own.key for a certificate, openssl pkey -inform DER -in own.key for a key
    ");
    insta::assert_snapshot!(refusal(&format!("{key}; cp own.key own.crt")), @r"
    error: own.crt: it holds no certificate
      hint: it has to be PEM, which begins with -----BEGIN CERTIFICATE-----
    ");
    insta::assert_snapshot!(refusal(&format!("{key}; cp own.crt own.key")), @"error: own.key: it holds no private key");
}

#[test]
fn nothing_outlives_its_authority_nor_is_replaced_for_that() {
    let sandbox = Sandbox::new();
    let soon = CA.replace("-days 400", "-days 20");
    tool(&sandbox, &format!("{EC}; {}", certificate(&soon))).success();
    sandbox.provision(&IMPORT).success();
    let add = ["add-user", "jane", "--generate", "--client-cert"];
    sandbox.provision(&add).success();
    let ends = "openssl x509 -noout -enddate -in";
    let same = format!(
        "a=$({ends} own.crt); test \"$a\" = \"$({ends} site/hosts/pi/server.crt)\"; \
         test \"$a\" = \"$({ends} site/pki/clients/jane/client.crt)\""
    );
    tool(&sandbox, &same).success();
    verified(&sandbox);
    // Rotating would not help, so that only the authority is spoken of.
    let certs = sandbox.provision(&["certs"]);
    assert_eq!(certs.code, 3, "{}", certs.shown());
    insta::assert_snapshot!(certs.stderr, @"warning: the authority ends soon: a new site has to be made, and its ca.crt put on every phone");
    // The certificate is as good as it gets: it is not made again whenever it is looked at.
    files(&sandbox).unwrap();
}
