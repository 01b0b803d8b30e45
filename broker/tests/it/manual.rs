//! The manual that is checked in, and the table that it is made from.

use std::process::Stdio;

use broker::config::{Origin, Scope, Support, options};

use crate::corpus::broker;
use crate::harness::run_to_end;
use crate::support::program;

#[test]
fn the_manual_that_is_checked_in_is_the_one_of_the_table() {
    let checked_in = [
        (
            "man",
            "broker.conf.5",
            include_str!("../../man/broker.conf.5"),
        ),
        (
            "markdown",
            "options.md",
            include_str!("../../man/options.md"),
        ),
    ];
    for (format, name, text) in checked_in {
        assert!(
            broker(&["options", "--format", format]) == text,
            "broker/man/{name} is out of date. Write it anew:\n    \
             cargo run -p broker -- options --format {format} > broker/man/{name}"
        );
    }
}

#[test]
fn troff_finds_nothing_wrong_with_the_page_and_prints_every_option() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/man/broker.conf.5");
    let output = program("groff")
        .args(["-man", "-ww", "-Tascii", "-P-c", path])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    // Bold and italics are letters typed over each other.
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut plain = String::new();
    for char in printed.chars() {
        if char == '\u{8}' {
            plain.pop();
        } else {
            plain.push(char);
        }
    }
    for option in options() {
        let entry = format!("\n       {} ", option.name);
        assert!(plain.contains(&entry), "{}", option.name);
    }
}

#[test]
fn every_option_has_a_sentence_a_value_and_a_default() {
    for option in options() {
        let name = option.name;
        assert!(
            option.help.ends_with('.') && option.help.len() < 230,
            "{name}"
        );
        assert!(option.help.starts_with(char::is_uppercase), "{name}");
        assert!(
            !option.syntax.is_empty() && !option.default.is_empty(),
            "{name}"
        );
        if option.origin == Origin::Own {
            assert_eq!(option.support, Support::Yes, "{name}");
        }
    }
    let own: Vec<_> = options()
        .filter(|option| option.origin == Origin::Own)
        .map(|option| option.name)
        .collect();
    assert_eq!(
        own,
        [
            "certificate_warning_days",
            "reload_on_change",
            "login_failures_max",
            "login_failures_window",
            "strict_subscribe",
        ]
    );
    assert!(options().any(|option| option.scope == Scope::Bridge));
}

#[test]
fn options_are_listed_on_request() {
    insta::assert_snapshot!(broker(&["options", "strict", "tls_v", "http"]), @r"
    Security

      strict_subscribe true|false  (default: false)
          Whether SUBSCRIBE fails if acl_file lets the client read nothing of what it asks for.
          Mosquitto grants all subscriptions and delivers nothing. Mosquitto does not know it.

    Listeners

      http_dir FOLDER
          Files that are served over HTTP. Refused: websockets are not supported.

    TLS

      tls_version tlsv1.2|tlsv1.3  (default: tlsv1.2)
          The lowest version that is accepted.

    Bridges

      bridge_tls_version tlsv1.2|tlsv1.3
          The lowest version of TLS. Refused: bridges to other brokers are not supported.
    ");
    let nothing = run_to_end(&["options", "nonsense"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(3), ""));
    assert_eq!(nothing.stderr, "Error: no option contains nonsense\n");
    let all = broker(&["options"]);
    for option in options() {
        assert!(
            all.contains(&format!("\n  {} ", option.name)),
            "{}",
            option.name
        );
    }
    assert!(all.lines().all(|line| line.chars().count() <= 100));
}
