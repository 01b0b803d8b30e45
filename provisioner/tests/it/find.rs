//! Brokers that avahi tells of and openssl serves, as `provision find` sees them.

use std::process::Command;

use crate::lan::{Lan, PI};
use crate::support::{Ended, Sandbox};

/// The outcome without what changes from day to day.
macro_rules! assert_shown {
    ($ended:expr, @$expected:literal) => {
        insta::with_settings!({
            filters => [(r"\d{4}-\d\d-\d\d", "[DATE]"), (r" in \d+(\.\d)? s", " in [TIME]")],
        }, { insta::assert_snapshot!($ended.shown(), @$expected) })
    };
}

fn find(lan: &Lan, sandbox: &Sandbox, more: &[&str]) -> Ended {
    lan.provision(sandbox, &[&["find", "--timeout", "3s"], more].concat())
}

#[test]
fn a_broker_is_listed_with_what_its_certificate_proves() {
    let Some(lan) = Lan::new() else { return };
    let sandbox = Sandbox::with_site();
    let _avahi = lan.advertise(&sandbox, "site", "ipv4");
    assert_shown!(find(&lan, &sandbox, &[]), @"
    exit: 0
    --- stdout
    broker.local  10.55.0.1  8883  does not answer
    --- stderr
    Heard of 1 broker of this site (0 good) in [TIME]
    ");
    let _server = lan.serve(&sandbox, "site");
    assert_shown!(find(&lan, &sandbox, &[]), @"
    exit: 0
    --- stdout
    broker.local  10.55.0.1  8883  ours, certificate good until [DATE]
    --- stderr
    Heard of 1 broker of this site (1 good) in [TIME]
    ");
    let json = find(&lan, &sandbox, &["--json", "-q"]).success().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let openssl = |args: &[&str]| {
        let ended = sandbox.run(Command::new("openssl").args(args), "");
        ended.success().stdout.trim().to_owned()
    };
    let digest = openssl(&[
        "x509",
        "-in",
        "site/pki/ca.crt",
        "-noout",
        "-fingerprint",
        "-sha256",
    ]);
    let (_, digest) = digest.split_once('=').unwrap();
    let site = digest.replace(':', "").to_lowercase()[..16].to_owned();
    let server = "site/hosts/broker/server.crt";
    let end = openssl(&[
        "x509", "-in", server, "-noout", "-enddate", "-dateopt", "iso_8601",
    ]);
    let end = end.trim_start_matches("notAfter=").replace(' ', "T");
    let broker = &json["brokers"][0];
    assert_eq!(
        (&json["version"], &json["site"]),
        (&1.into(), &site.as_str().into())
    );
    assert_eq!(broker["site"], site);
    assert_eq!(broker["state"], "good");
    assert_eq!(broker["certificate_until"], end);
    assert_eq!(broker["addresses"], serde_json::json!([PI]));
}

#[test]
fn another_sites_broker_is_listed_only_when_asked_for_and_never_as_ours() {
    let Some(lan) = Lan::new() else { return };
    let sandbox = Sandbox::with_site();
    let init = ["init", "--site", "other", "--host", "broker"];
    sandbox.provision(&init).success();
    let _avahi = lan.advertise(&sandbox, "site", "ipv4");
    let ours = lan.serve(&sandbox, "site");
    assert_shown!(find(&lan, &sandbox, &["--site", "other"]), @"
    exit: 0
    --- stdout
    --- stderr
    Heard of no broker of this site in [TIME]
    Others told of themselves: 1; --all lists them.
    Is the Pi on the same network as this computer, and on for a minute or two?
    ");
    assert_shown!(find(&lan, &sandbox, &["--site", "other", "--all"]), @"
    exit: 0
    --- stdout
    broker.local  10.55.0.1  8883  answers, but with another authority's certificate
    --- stderr
    Heard of 1 broker (0 good) in [TIME]
    ");
    // A stranger who says to be of this site.
    drop(ours);
    let _stranger = lan.serve(&sandbox, "other");
    assert_shown!(find(&lan, &sandbox, &[]), @"
    exit: 0
    --- stdout
    broker.local  10.55.0.1  8883  answers, but with another authority's certificate
    --- stderr
    Heard of 1 broker of this site (0 good) in [TIME]
    ");
}

#[test]
fn a_broker_with_a_link_local_address_alone_is_found_and_reached() {
    let Some(lan) = Lan::new() else { return };
    let sandbox = Sandbox::with_site();
    let _avahi = lan.advertise(&sandbox, "site", "ipv6");
    let _server = lan.serve(&sandbox, "site");
    assert_shown!(find(&lan, &sandbox, &[]), @"
    exit: 0
    --- stdout
    broker.local  fe80::1%lan0  8883  ours, certificate good until [DATE]
    --- stderr
    Heard of 1 broker of this site (1 good) in [TIME]
    ");
}

#[test]
fn nothing_found_is_no_error_and_has_hints() {
    let Some(lan) = Lan::new() else { return };
    let sandbox = Sandbox::with_site();
    assert_shown!(find(&lan, &sandbox, &[]), @"
    exit: 0
    --- stdout
    --- stderr
    Heard of no broker of this site in [TIME]
    Is the Pi on the same network as this computer, and on for a minute or two?
    Does a firewall keep UDP port 5353 from either? `provision doctor` looks at this computer.
    ");
}

#[test]
fn a_site_that_is_none_or_damaged_is_an_error_before_anything_is_asked() {
    let sandbox = Sandbox::new();
    assert_shown!(sandbox.provision(&["find"]), @"
    exit: 2
    --- stdout
    --- stderr
    error: there is no site at site
      hint: make one with `provision init`, or name yours with --site
    ");
    let ended = sandbox.provision(&["find", "--timeout", "soon"]);
    assert!(
        ended.code == 2 && ended.stderr.contains("as 3s or 500ms"),
        "{}",
        ended.shown()
    );
    let sandbox = Sandbox::with_site();
    sandbox.write("site/pki/ca.crt", "no certificate\n");
    assert_shown!(sandbox.provision(&["find"]), @"
    exit: 2
    --- stdout
    --- stderr
    error: site/pki/ca.crt: it holds no certificate
    ");
}
