//! Client certificates that are good no more, and who refuses them.

use std::path::Path;

use provisioner::site::{KeyAccess, Renew, Site};
use time::OffsetDateTime;

use crate::brokers::{Broker, our_broker};
use crate::rotation::{CHECK, files, fits, json, refused, said, site};
use crate::support::{Ended, Sandbox, tool};

/// Openssl's word on a client certificate, with the list of who was revoked.
fn verdict(sandbox: &Sandbox, certificate: &str) -> Ended {
    tool(
        sandbox,
        &format!("{CHECK} -purpose sslclient {certificate} 2>&1"),
    )
}

#[track_caller]
fn assert_revoked(sandbox: &Sandbox, certificate: &str) {
    let ended = verdict(sandbox, certificate);
    assert!(
        ended.code != 0 && ended.stdout.contains("certificate revoked"),
        "{}",
        ended.shown()
    );
}

fn crl_number(sandbox: &Sandbox) -> String {
    said(
        sandbox,
        "openssl crl -in site/pki/crl.pem -noout -crlnumber",
    )
}

#[test]
fn a_persons_new_certificate_revokes_the_old_one_and_nobody_elses() {
    let sandbox = site();
    let (jane, fred) = (
        "site/pki/clients/jane/client.crt",
        "site/pki/clients/fred/client.crt",
    );
    assert_eq!(crl_number(&sandbox), "crlNumber=0x01");
    said(&sandbox, &format!("cp {jane} jane-1.crt"));
    insta::assert_snapshot!(sandbox.provision(&["rotate-certs", "--person", "jane"]).success().stdout, @"site/pki/clients/jane/client.crt");
    assert!(fits(&sandbox, jane, "site/pki/clients/jane/client.key"));
    assert_revoked(&sandbox, "jane-1.crt");
    verdict(&sandbox, jane).success();
    verdict(&sandbox, fred).success();
    assert_eq!(crl_number(&sandbox), "crlNumber=0x02");
    // Who had none gets one, which revokes nobody.
    sandbox
        .provision(&["rotate-certs", "--person", "owner"])
        .success();
    verdict(&sandbox, "site/pki/clients/owner/client.crt").success();
    assert_eq!(crl_number(&sandbox), "crlNumber=0x02");
    // Several at once are on one list, each once.
    said(
        &sandbox,
        &format!("cp {jane} jane-2.crt; cp {fred} fred-1.crt"),
    );
    let both = [
        "rotate-certs",
        "--person",
        "jane",
        "--person",
        "fred",
        "--person",
        "jane",
        "--json",
    ];
    let (_, shown) = json(&sandbox, &both);
    assert_eq!(shown["rotated"].as_array().unwrap().len(), 2);
    for old in ["jane-1.crt", "jane-2.crt", "fred-1.crt"] {
        assert_revoked(&sandbox, old);
    }
    verdict(&sandbox, jane).success();
    assert_eq!(crl_number(&sandbox), "crlNumber=0x03");
    said(&sandbox, &format!("cp {fred} fred-2.crt"));
    sandbox
        .provision(&["remove-user", "fred", "--yes"])
        .success();
    assert_revoked(&sandbox, "fred-2.crt");
    verdict(&sandbox, jane).success();
    assert!(!sandbox.path("site/pki/clients/fred").exists());
    assert_eq!(crl_number(&sandbox), "crlNumber=0x04");
    let list = said(&sandbox, "openssl crl -in site/pki/crl.pem -noout -text");
    assert_eq!(list.matches("Serial Number").count(), 4, "{list}");
}

#[test]
fn mosquitto_and_our_broker_refuse_who_was_revoked() {
    refuses_who_was_revoked(Broker::mosquitto);
    let binary = our_broker();
    refuses_who_was_revoked(|folder, config| Broker::ours(&binary, folder, config));
}

fn refuses_who_was_revoked(start: impl Fn(&Path, &str) -> Broker) {
    let sandbox = site();
    let login = |name: &str| {
        format!(
            "mkdir -p kept; cp site/pki/clients/{name}/client.crt kept/{name}.crt; cp site/pki/clients/{name}/client.key kept/{name}.key"
        )
    };
    said(&sandbox, &format!("{}; {}", login("jane"), login("fred")));
    sandbox
        .provision(&["rotate-certs", "--person", "jane"])
        .success();
    let site = sandbox.path("site");
    let broker = start(
        &sandbox.path("mosquitto"),
        &format!(
            "listener @PORT@ 127.0.0.1\ncafile {site}/pki/ca.crt\ncrlfile {site}/pki/crl.pem\n\
             certfile {site}/hosts/broker/server.crt\nkeyfile {site}/hosts/broker/server.key\n\
             require_certificate true\nuse_identity_as_username true\n",
            site = site.display()
        ),
    );
    let publish = |certificate: &str, key: &str| {
        let script = format!(
            "timeout 60 mosquitto_pub -h 127.0.0.1 -p {} --cafile site/pki/ca.crt --cert {certificate} --key {key} -q 1 -t a -m b",
            broker.port()
        );
        tool(&sandbox, &script).code == 0
    };
    assert!(publish("kept/fred.crt", "kept/fred.key"));
    assert!(publish(
        "site/pki/clients/jane/client.crt",
        "site/pki/clients/jane/client.key"
    ));
    assert!(!publish("kept/jane.crt", "kept/jane.key"));
}

#[test]
fn without_a_whole_revocation_list_nobody_is_added_to_or_left_out_of_it() {
    let sandbox = site();
    let commands = [
        &["rotate-certs", "--person", "jane"][..],
        &["add-user", "ada", "--generate", "--client-cert"],
        &["remove-user", "jane", "--yes"],
    ];
    for (damage, what) in [
        (
            "head -n 3 site/pki/crl.pem >part; cat part >site/pki/crl.pem",
            "can't be read: ",
        ),
        ("cp site/pki/ca.crt site/pki/crl.pem", "can't be read: "),
        ("rm site/pki/crl.pem", "is not there"),
    ] {
        said(&sandbox, damage);
        for command in commands {
            let error = refused(&sandbox, command);
            let (text, hint) = error.split_once('\n').unwrap();
            assert!(
                text.starts_with(&format!("error: site/pki/crl.pem {what}")),
                "{command:?}: {error}"
            );
            assert_eq!(
                hint,
                "  hint: bring it back from a copy of the site: without it, whoever was revoked could log in again\n"
            );
        }
        // Nor does a host get what it could not start with.
        let error = files(&sandbox).unwrap_err();
        assert!(error.contains("crl.pem"), "{error}");
    }
}

#[test]
fn a_certificate_of_somebody_taken_out_by_hand_is_named_until_it_is_revoked() {
    let sandbox = site();
    said(
        &sandbox,
        "cp site/pki/clients/jane/client.crt kept.crt; sed -i /jane/,+1d site/people.yaml; sed -i /jane/d site/passwd; rm site/passwords/jane",
    );
    let shown = sandbox.provision(&["certs"]).success();
    insta::assert_snapshot!(shown.stderr, @"warning: jane is not in people.yaml, but has a client certificate; `provision remove-user jane` revokes it");
    // A new jane would be let in with the old one's key.
    insta::assert_snapshot!(refused(&sandbox, &["add-user", "jane", "--generate"]), @r"
    error: there is still a client certificate of an earlier jane, which would be the new one's; nothing was changed
      hint: `provision remove-user jane` revokes it
    ");
    insta::assert_snapshot!(sandbox.provision(&["remove-user", "jane", "--yes"]).shown(), @r"
    exit: 0
    --- stdout
    jane
    --- stderr
    Removed what was left of jane
      also the client certificate, which is revoked
      also the password
    Hosts know it after the next `provision push`, or with a new card.
    ");
    assert_revoked(&sandbox, "kept.crt");
    assert_eq!(sandbox.provision(&["certs"]).success().stderr, "");
    sandbox
        .provision(&["add-user", "jane", "--generate"])
        .success();
}

#[test]
fn a_damaged_client_certificate_is_named_since_it_can_not_be_revoked() {
    let sandbox = site();
    sandbox.write("site/pki/clients/jane/client.crt", "gone\n");
    insta::assert_snapshot!(refused(&sandbox, &["rotate-certs", "--person", "jane"]), @r"
    error: site/pki/clients/jane/client.crt can't be read: it holds no certificate
      hint: bring it back from a copy of the site: without it, it can't be revoked
    ");
}

#[test]
fn nothing_secret_is_in_what_programmers_print() {
    let sandbox = site();
    let site = Site::open(&sandbox.path("site")).unwrap();
    let (access, now) = (KeyAccess::default(), OffsetDateTime::now_utc());
    let host = &site.config().hosts[0];
    let ready = site.prepare(host, Renew::Always, &access, now).unwrap();
    let name = "jane".parse().unwrap();
    let clients = site.prepare_clients(&[&name], &access, now).unwrap();
    let shown = format!(
        "{ready:#?} {clients:#?} {site:#?} {:?} {:?}",
        ready.files,
        site.authority(&access).unwrap()
    );
    assert!(shown.contains("HostFiles(..)") && shown.contains("client.key"));
    let keys = said(
        &sandbox,
        "cat site/pki/ca.key site/hosts/*/server.key site/pki/clients/*/client.key site/hosts/broker/probe",
    );
    for secret in keys
        .lines()
        .filter(|line| line.len() > 20 && !line.starts_with('-'))
    {
        assert!(!shown.contains(secret), "{secret}");
    }
    assert!(!shown.contains("PRIVATE"), "{shown}");
}
