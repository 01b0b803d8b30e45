//! New certificates from the same authority, what becomes of the old ones, and when all of them end.

use std::collections::BTreeSet;

use provisioner::site::{HostFiles, Site};
use serde_json::Value;
use time::OffsetDateTime;

use crate::support::{Sandbox, tool};

/// A site with three hosts, of which two are new, and jane and fred, who have client certificates.
pub(crate) fn site() -> Sandbox {
    let sandbox = Sandbox::with_site();
    let yaml = sandbox.read("site/site.yaml");
    sandbox.write(
        "site/site.yaml",
        &format!("{yaml}  - name: attic\n  - name: barn\n"),
    );
    sandbox
        .provision(&["rotate-certs", "--host", "attic", "--host", "barn"])
        .success();
    for name in ["jane", "fred"] {
        let add = ["add-user", name, "--generate", "--client-cert"];
        sandbox.provision(&add).success();
    }
    sandbox
}

pub(crate) fn said(sandbox: &Sandbox, script: &str) -> String {
    tool(sandbox, script).success().stdout.trim().to_owned()
}

pub(crate) fn json(sandbox: &Sandbox, args: &[&str]) -> (i32, Value) {
    let ended = sandbox.provision(args);
    (ended.code, serde_json::from_str(&ended.stdout).unwrap())
}

/// The digests of all files of a site, to see which ones changed.
fn everything(sandbox: &Sandbox) -> String {
    said(
        sandbox,
        "find site -type f ! -name .lock -exec sha256sum {} + | sort -k 2",
    )
}

#[track_caller]
pub(crate) fn refused(sandbox: &Sandbox, args: &[&str]) -> String {
    let before = everything(sandbox);
    let ended = sandbox.provision(args);
    assert_eq!(ended.code, 2, "{}", ended.shown());
    assert_eq!(ended.stdout, "");
    assert_eq!(everything(sandbox), before, "{args:?} changed something");
    ended.stderr
}

/// What the host gets as it is, or why it gets nothing.
pub(crate) fn files(sandbox: &Sandbox) -> Result<HostFiles, String> {
    let site = Site::open(&sandbox.path("site")).unwrap();
    let host = &site.config().hosts[0];
    let files = site.host_files(host, OffsetDateTime::now_utc());
    files.map_err(|error| error.to_string())
}

pub(crate) const CHECK: &str =
    "openssl verify -x509_strict -crl_check -CAfile site/pki/ca.crt -CRLfile site/pki/crl.pem";

/// Certificate and key of a pair in a folder belong together.
pub(crate) fn fits(sandbox: &Sandbox, crt: &str, key: &str) -> bool {
    let script = format!(
        "openssl x509 -in {crt} -noout -pubkey >a; openssl pkey -in {key} -pubout | cmp -s a -"
    );
    tool(sandbox, &script).code == 0
}

#[test]
fn every_host_gets_a_new_key_and_the_old_pair_stays_beside_it() {
    let sandbox = site();
    let first = sandbox.read("site/hosts/broker/server.crt");
    let key = sandbox.read("site/hosts/broker/server.key");
    let (code, rotated) = json(&sandbox, &["rotate-certs", "--json"]);
    assert_eq!((code, &rotated["version"]), (0, &1.into()));
    for (index, host) in ["broker", "attic", "barn"].into_iter().enumerate() {
        let folder = format!("site/hosts/{host}");
        let certificate = format!("{folder}/server.crt");
        said(
            &sandbox,
            &format!("{CHECK} -purpose sslserver -verify_hostname {host}.local {certificate}"),
        );
        assert!(fits(
            &sandbox,
            &certificate,
            &format!("{folder}/server.key")
        ));
        let shown = &rotated["rotated"][index];
        let print = format!("openssl x509 -in {certificate} -noout -fingerprint -sha256");
        assert_eq!(shown["host"], host);
        assert_eq!(shown["push"], format!("provision push pi@{host}.local"));
        assert_eq!(
            said(&sandbox, &print),
            format!("sha256 Fingerprint={}", shown["sha256"].as_str().unwrap())
        );
    }
    assert_ne!(sandbox.read("site/hosts/broker/server.key"), key);
    assert_eq!(sandbox.read("site/hosts/broker/previous/server.crt"), first);
    assert_eq!(sandbox.read("site/hosts/broker/previous/server.key"), key);
    // What the Pi has is the oldest: a second rotation does not push it out.
    let again = ["rotate-certs", "--host", "broker", "--host", "broker"];
    assert_eq!(sandbox.provision(&again).success().stdout, "broker\n");
    assert_eq!(sandbox.read("site/hosts/broker/previous/server.crt"), first);
    assert_eq!(sandbox.read("site/hosts/broker/previous/server.key"), key);
}

#[test]
fn no_serial_number_is_used_twice() {
    let sandbox = site();
    let mut serials = BTreeSet::new();
    let mut count = 0;
    let mut note = || {
        let script = "for crt in site/pki/ca.crt site/hosts/*/server.crt site/pki/clients/*/client.crt; do \
                      openssl x509 -in $crt -noout -serial; done";
        for serial in said(&sandbox, script).lines() {
            count += 1;
            serials.insert(serial.to_owned());
        }
        (count, serials.len())
    };
    assert_eq!(note(), (6, 6));
    sandbox.provision(&["rotate-certs"]).success();
    // The authority's is counted again.
    let both = ["rotate-certs", "--person", "jane", "--person", "fred"];
    sandbox.provision(&both).success();
    assert_eq!(note(), (12, 11));
    sandbox.provision(&["rotate-certs"]).success();
    sandbox.provision(&both).success();
    assert_eq!(note(), (18, 16));
}

#[test]
fn a_host_without_a_serial_number_to_take_is_told_the_cure() {
    let sandbox = Sandbox::with_site();
    sandbox.write("site/pki/serial", "twelve\n");
    insta::assert_snapshot!(refused(&sandbox, &["rotate-certs"]), @r#"
    error: site/pki/serial has "twelve", which is no hexadecimal number
      hint: bring it back from a copy of the site, or begin anew at a random number: openssl rand -hex 7 >site/pki/serial
    "#);
    std::fs::remove_file(sandbox.path("site/pki/serial")).unwrap();
    insta::assert_snapshot!(refused(&sandbox, &["rotate-certs"]), @r"
    error: site/pki/serial is not there, which has the next serial number
      hint: bring it back from a copy of the site, or begin anew at a random number: openssl rand -hex 7 >site/pki/serial
    ");
    said(&sandbox, "openssl rand -hex 7 >site/pki/serial");
    sandbox.provision(&["rotate-certs"]).success();
    said(&sandbox, &format!("{CHECK} site/hosts/broker/server.crt"));
}

#[test]
fn an_authority_that_is_not_whole_is_named_with_what_it_lacks() {
    let sandbox = Sandbox::with_site();
    said(
        &sandbox,
        "cp site/pki/ca.key kept; openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out site/pki/ca.key",
    );
    insta::assert_snapshot!(refused(&sandbox, &["rotate-certs"]), @r"
    error: site/pki/ca.crt and the key beside it: the certificate's public key is not that of the private key
      hint: bring both back from a copy of the site
    ");
    said(&sandbox, "rm site/pki/ca.key");
    insta::assert_snapshot!(refused(&sandbox, &["rotate-certs"]), @r"
    error: site/pki/ca.key is not there, and nothing can be issued or revoked without
      hint: bring it back from where you keep it, or from a copy of the site
    ");
    // It may be kept elsewhere, as long as nothing is issued.
    files(&sandbox).unwrap();
    said(
        &sandbox,
        "cp kept site/pki/ca.key; chmod 600 site/pki/ca.key",
    );
    sandbox.provision(&["rotate-certs"]).success();
}

#[test]
fn what_a_crash_left_is_seen_and_healed_by_the_next_rotation() {
    let sandbox = Sandbox::with_site();
    let (server, previous) = ("site/hosts/broker/server", "site/hosts/broker/previous");
    let (crt, key) = (format!("{server}.crt"), format!("{server}.key"));
    // Stopped after the key, before the certificate.
    sandbox.provision(&["rotate-certs"]).success();
    said(&sandbox, &format!("cp {previous}/server.crt {crt}"));
    insta::assert_snapshot!(files(&sandbox).unwrap_err(), @"broker has no certificate that fits its key");
    sandbox.provision(&["rotate-certs"]).success();
    assert!(fits(&sandbox, &crt, &key));
    let old = (
        format!("{previous}/server.crt"),
        format!("{previous}/server.key"),
    );
    assert!(fits(&sandbox, &old.0, &old.1));
    // Stopped before the old pair was complete: it is still the host's own.
    said(&sandbox, &format!("rm {}; cp {key} {}", old.0, old.1));
    let kept = sandbox.read(&crt);
    sandbox.provision(&["rotate-certs"]).success();
    assert_eq!(sandbox.read(&old.0), kept);
    assert!(fits(&sandbox, &old.0, &old.1) && fits(&sandbox, &crt, &key));
    // A certificate of which only a part is left.
    said(&sandbox, &format!("head -n 3 {crt} >part; cat part >{crt}"));
    sandbox.provision(&["rotate-certs"]).success();
    assert!(fits(&sandbox, &crt, &key));
    said(&sandbox, &format!("{CHECK} -purpose sslserver {crt}"));
}

#[test]
fn an_unknown_host_or_person_changes_nothing_for_the_others() {
    let sandbox = site();
    let person = ["rotate-certs", "--person", "jane", "--person", "ferd"];
    insta::assert_snapshot!(refused(&sandbox, &person), @"error: there is no person ferd; did you mean fred?");
    let host = ["rotate-certs", "--host", "broker", "--host", "celler"];
    insta::assert_snapshot!(refused(&sandbox, &host), @"error: the site has no host celler; it has broker, attic, barn");
}

#[test]
fn certs_lists_what_ends_when_and_says_by_its_exit_code_whether_something_is_due() {
    let sandbox = site();
    let (code, listed) = json(&sandbox, &["certs", "--json"]);
    assert_eq!((code, &listed["version"]), (0, &1.into()));
    let rows = listed["certificates"].as_array().unwrap();
    let names: Vec<_> = rows
        .iter()
        .map(|row| {
            format!(
                "{} {}",
                row["kind"].as_str().unwrap(),
                row["name"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        names,
        [
            "authority An MQTT broker CA",
            "server broker",
            "server attic",
            "server barn",
            "client fred",
            "client jane"
        ]
    );
    for row in rows {
        assert_eq!(
            (&row["due"], &row["needs_push"]),
            (&false.into(), &false.into())
        );
        let end = format!(
            "date -u -d \"$(openssl x509 -in {} -noout -enddate | cut -d= -f2)\" +%Y-%m-%dT%H:%M:%SZ",
            row["path"].as_str().unwrap()
        );
        assert_eq!(said(&sandbox, &end), row["not_after"].as_str().unwrap());
    }
    assert_eq!(rows[1]["names"][1], "broker.local");
    // Server and client certificates are good for 820 days, the authority for ten years.
    let (code, listed) = json(&sandbox, &["certs", "--json", "--due", "830d"]);
    let due = |row: &Value| row["due"] == true;
    let rows = listed["certificates"].as_array().unwrap();
    assert_eq!((code, rows.iter().filter(|row| due(row)).count()), (3, 5));
    assert!(!due(&rows[0]));
    let plain = sandbox.provision(&["certs", "--due", "119w"]);
    assert_eq!(plain.code, 3, "{}", plain.shown());
    assert_eq!(
        plain.stdout.matches("  DUE\n").count(),
        5,
        "{}",
        plain.shown()
    );
    insta::assert_snapshot!(plain.stderr, @r"
    provision rotate-certs --host broker && provision push pi@broker.local
    provision rotate-certs --host attic && provision push pi@attic.local
    provision rotate-certs --host barn && provision push pi@barn.local
    provision rotate-certs --person fred
    provision rotate-certs --person jane
    ");
    assert_eq!(sandbox.provision(&["certs", "--due", "soon"]).code, 2);
}

/// Has openssl sign what the site has in `folder` again, as if it had ended yesterday.
fn ended(sandbox: &Sandbox, folder: &str, name: &str, extension: &str, signer: &str) {
    let script = format!(
        "openssl x509 -in {folder}/{name}.crt -signkey {folder}/{name}.key -x509toreq -out old.csr; \
         echo '{extension}' >extensions; \
         openssl x509 -req -in old.csr -days -1 -extfile extensions -out old.crt {signer}; cp old.crt {folder}/{name}.crt"
    );
    said(sandbox, &script);
}

#[test]
fn what_has_ended_is_shown_and_replaced_unless_the_authority_has() {
    let sandbox = Sandbox::with_site();
    let signer = "-CA site/pki/ca.crt -CAkey site/pki/ca.key -CAcreateserial -CAserial own.srl";
    let names = "subjectAltName=DNS:broker,DNS:broker.local,DNS:localhost,IP:127.0.0.1,IP:::1";
    ended(&sandbox, "site/hosts/broker", "server", names, signer);
    let certs = sandbox.provision(&["certs"]);
    assert_eq!(certs.code, 3, "{}", certs.shown());
    assert_eq!(
        certs.stdout.matches("  ENDED\n").count(),
        1,
        "{}",
        certs.shown()
    );
    insta::assert_snapshot!(certs.stderr, @"provision rotate-certs --host broker && provision push pi@broker.local");
    insta::assert_snapshot!(files(&sandbox).unwrap_err(), @"the certificate of broker has ended, or will within a month");
    sandbox.provision(&["rotate-certs"]).success();
    said(
        &sandbox,
        &format!("{CHECK} -purpose sslserver site/hosts/broker/server.crt"),
    );
    files(&sandbox).unwrap();
    ended(
        &sandbox,
        "site/pki",
        "ca",
        "basicConstraints=critical,CA:TRUE",
        "-signkey site/pki/ca.key",
    );
    let over = refused(&sandbox, &["rotate-certs"]);
    assert!(
        over.starts_with("error: the authority has ended, on 2"),
        "{over}"
    );
    assert!(
        over.contains("\n  hint: make a new site with `provision init --site DIR`"),
        "{over}"
    );
    files(&sandbox).unwrap_err();
}

#[test]
fn reminders_are_a_calendar_with_an_event_for_each_end() {
    let sandbox = Sandbox::with_site();
    // Names with signs that mean something in a calendar, and a long one of two-byte letters.
    let long = "ü".repeat(32);
    for name in ["a,b;c", &long] {
        let add = ["add-user", name, "--generate", "--client-cert"];
        sandbox.provision(&add).success();
    }
    let ended = sandbox
        .provision(&["certs", "--ics", "broker.ics"])
        .success();
    assert!(ended.stderr.contains("Wrote reminders to broker.ics"));
    let text = sandbox.read("broker.ics");
    let lines: Vec<_> = text.split("\r\n").collect();
    assert!(
        lines
            .iter()
            .all(|line| line.len() <= 75 && !line.contains('\n'))
    );
    assert_eq!(
        (lines[0], lines[lines.len() - 2], lines[lines.len() - 1]),
        ("BEGIN:VCALENDAR", "END:VCALENDAR", "")
    );
    let whole = text.replace("\r\n ", "");
    for (part, count) in [
        ("\r\nBEGIN:VEVENT\r\n", 4),
        ("\r\nEND:VEVENT\r\n", 4),
        ("\r\nTRIGGER:-P30D\r\n", 4),
        ("\r\nTRIGGER:-P7D\r\n", 4),
        (
            "\r\nSUMMARY:The MQTT client certificate of a\\,b\\;c ends\r\n",
            1,
        ),
        (
            &format!("\r\nSUMMARY:The MQTT client certificate of {long} ends\r\n"),
            1,
        ),
    ] {
        assert_eq!(whole.matches(part).count(), count, "{part}\n{whole}");
    }
    let event = said(
        &sandbox,
        "crt=site/hosts/broker/server.crt; date -u -d \"$(openssl x509 -in $crt -noout -enddate | cut -d= -f2)\" +DTSTART:%Y%m%dT%H%M%SZ; \
         openssl x509 -in $crt -noout -fingerprint -sha256 | tr -d : | sed 's/.*=\\(.*\\)/UID:\\1@provision/'",
    );
    for line in event.lines() {
        assert!(
            whole.contains(&format!("\r\n{line}\r\n")),
            "{line}\n{whole}"
        );
    }
}

#[test]
fn keys_are_their_owners_alone_and_in_no_output() {
    let sandbox = Sandbox::with_site();
    sandbox.write("hush", "hush-hush\n");
    let mut shown = String::new();
    let commands = [
        &["ca-passphrase", "--new-passphrase-file", "hush"][..],
        &["add-user", "jane", "--generate", "--client-cert"],
        &["rotate-certs"],
        &["rotate-certs", "--person", "jane"],
        &["certs"],
        &["rotate-certs", "--person", "nobody"],
    ];
    let keys = "cat site/pki/ca.key site/hosts/*/server.key site/pki/clients/*/client.key 2>/dev/null || true";
    let mut secrets = vec!["hush-hush".to_owned()];
    for (index, command) in commands.into_iter().enumerate() {
        let how = if index % 2 == 0 { "-vv" } else { "--json" };
        let quiet = [command, &[how, "--ca-passphrase-file", "hush"]].concat();
        shown += &sandbox.provision(&quiet).shown();
        // A line of Base64 in the middle of a key.
        let lines = said(&sandbox, keys);
        secrets.extend(
            lines
                .lines()
                .filter(|line| line.len() == 64)
                .map(str::to_owned),
        );
    }
    assert!(secrets.len() > 10 && shown.contains("exit: 0"), "{shown}");
    for secret in &secrets {
        assert!(!shown.contains(secret), "{secret} in\n{shown}");
    }
    let listing = sandbox.listing();
    for line in [
        "0700 site/pki/clients",
        "0700 site/pki/clients/jane",
        "0600 site/pki/clients/jane/client.key",
        "0600 site/hosts/broker/previous/server.key",
        "0600 site/hosts/broker/server.key",
        "0600 site/pki/ca.key",
    ] {
        assert!(listing.contains(&line.to_owned()), "{line}: {listing:#?}");
    }
    said(&sandbox, "chmod 640 site/pki/clients/jane/client.key");
    insta::assert_snapshot!(refused(&sandbox, &["certs"]), @r"
    error: site/pki/clients/jane/client.key is secret, but its mode is 0640
      hint: chmod 600 site/pki/clients/jane/client.key
    ");
}
