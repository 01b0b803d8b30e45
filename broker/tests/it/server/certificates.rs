//! Certificates that end soon, and clocks that are behind.

use std::time::{Duration, SystemTime};

use rcgen::date_time_ymd;

use crate::harness::{Broker, Certificates, Subscriber, config_file, run_to_end, visit};

const TLS: &str = "allow_anonymous true\ncertfile {folder}/server.crt\nkeyfile {folder}/server.key\n\
    cafile {folder}/ca.crt\n";

/// So many days from now, and half a day: the test may take a while.
fn in_days(days: i64) -> time::OffsetDateTime {
    time::OffsetDateTime::now_utc() + time::Duration::hours(24 * days + 12)
}

fn home(authority: &Certificates) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    authority.write_authority(folder.path(), "ca");
    authority.write_server(folder.path(), "server");
    folder
}

#[test]
fn a_certificate_that_ends_soon_is_told_of_until_there_is_another() {
    let authority = Certificates::new_with(|params| params.not_after = in_days(9));
    let folder = home(&authority);
    authority.write_server_with(folder.path(), "server", |params| {
        params.not_after = in_days(20);
    });
    let broker = Broker::start_in(folder, TLS);
    let port = broker.port();
    broker.wait_for("server.crt (CN=server) ends on ");
    broker.wait_for(", in 20 days.\n");
    broker.wait_for("Warning: the authority's certificate in ");
    let ca = broker.folder().join("ca.crt");
    let all = [
        "--cafile",
        ca.to_str().unwrap(),
        "-t",
        "$SYS/broker/certificates/#",
        "-q",
        "1",
    ];
    let subscriber = Subscriber::start(&broker, &all);
    let mut messages = [subscriber.message(), subscriber.message()];
    messages.sort();
    let begins = [
        format!("$SYS/broker/certificates/{port}/authority/1 1 1 9 days, until "),
        format!("$SYS/broker/certificates/{port}/server 1 1 20 days, until "),
    ];
    for (message, begin) in messages.iter().zip(&begins) {
        assert!(message.starts_with(begin), "{message}");
    }
    assert!(messages[1].ends_with(": CN=server"), "{messages:?}");

    authority.write_server(broker.folder(), "server");
    broker.reload();
    let gone = format!("$SYS/broker/certificates/{port}/server 0 1 ");
    assert_eq!(subscriber.message(), gone, "removed by an empty message");
    let told = |log: &str| log.matches("ends on ").count();
    assert_eq!(
        told(&broker.log()),
        3,
        "two at the start, one at the reload"
    );

    broker.reconfigure(&format!("{TLS}certificate_warning_days 5"));
    broker.reload();
    assert_eq!(told(&broker.log()), 3);
    let gone = format!("$SYS/broker/certificates/{port}/authority/1 0 1 ");
    assert_eq!(subscriber.message(), gone);
}

#[test]
fn what_ends_soon_is_also_told_by_a_test_of_the_configuration() {
    let authority = Certificates::new();
    let folder = home(&authority);
    authority.write_server_with(folder.path(), "server", |params| {
        params.not_after = in_days(1);
    });
    let text = format!("listener {{port}} 127.0.0.1\n{TLS}");
    let path = config_file(folder.path(), "broker.conf", &text, 1);
    let ended = run_to_end(&["-c", path.to_str().unwrap(), "--test-config"]);
    assert_eq!(ended.code, Some(0));
    assert!(
        ended
            .stderr
            .starts_with("Warning: the server's certificate in "),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.ends_with(" UTC, in 1 day.\n"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_revocation_list_past_its_date_still_counts_and_is_warned_of() {
    let authority = Certificates::new();
    let folder = home(&authority);
    for (serial, name) in [(1, "fred"), (2, "jane")] {
        authority.write_client_with(folder.path(), name, |params| {
            params.serial_number = Some(serial.into());
        });
    }
    authority.write_revocations_until(folder.path(), "crl", &[1], date_time_ymd(2021, 1, 1));
    let config = format!("{TLS}crlfile {{folder}}/crl.pem\nrequire_certificate true");
    let broker = Broker::start_in(folder, &config);
    broker.wait_for("was to be replaced by 2021-01-01 00:00:00 UTC: it still counts");
    assert!(visit(&broker, Some("jane"), &[]).welcome);
    assert!(!visit(&broker, Some("fred"), &[]).welcome);
}

#[test]
fn a_certificate_that_has_ended_is_an_error_in_the_log() {
    let authority = Certificates::new();
    let folder = home(&authority);
    authority.write_server_with(folder.path(), "server", |params| {
        params.not_after = date_time_ymd(2020, 2, 3);
    });
    let broker = Broker::start_in(folder, TLS);
    broker.wait_for("Error: the server's certificate in ");
    broker.wait_for("(CN=server) ended on 2020-02-03 00:00:00 UTC: clients refuse it.\n");
}

#[test]
fn a_file_that_is_dated_ahead_overrules_no_clock_that_is_right() {
    let authority = Certificates::new_with(|params| params.not_after = date_time_ymd(2090, 1, 1));
    let folder = home(&authority);
    authority.write_server_with(folder.path(), "server", |params| {
        params.not_after = date_time_ymd(2090, 1, 1);
    });
    for (name, begins, ends) in [("fred", 2020, 2070), ("jane", 2071, 2080)] {
        authority.write_client_with(folder.path(), name, |params| {
            params.not_before = date_time_ymd(begins, 1, 1);
            params.not_after = date_time_ymd(ends, 1, 1);
        });
    }
    // 2075, which is 105 years and 26 leap days after 1970.
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs((105 * 365 + 26) * 24 * 60 * 60);
    let file = std::fs::File::open(folder.path().join("ca.crt")).unwrap();
    file.set_modified(time).unwrap();
    let config = format!("{TLS}require_certificate true");
    let broker = Broker::start_in(folder, &config);
    assert!(visit(&broker, Some("fred"), &["-tls1_3"]).welcome);
    let outcome = visit(&broker, Some("jane"), &["-tls1_3"]).outcome();
    assert_eq!(
        outcome, "alert 45 certificate_expired",
        "not yet valid, now"
    );
    broker
        .wait_for("its certificate is valid only from 2071-01-01 00:00:00 UTC on, and now it is 2");
    assert!(
        !broker.log().contains("machine's clock says"),
        "{}",
        broker.log()
    );
}
