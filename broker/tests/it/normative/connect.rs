//! CONNECT (section 3.1).

use std::time::{Duration, Instant};

use super::{VERSIONS, expect_malformed, in_each_version, refusal};
use crate::wire::{
    Client, Target, Version, Will, connect, disconnect, frame, kind, ping, publish, subscribe,
};

#[test]
fn the_first_packet_is_a_connect_or_the_connection_ends() {
    in_each_version(|broker, version| {
        for packet in [
            ping(),
            disconnect(),
            publish(version, "t", "x").bytes(),
            subscribe(version, 1).to("t", 0).bytes(),
            frame(0x20, b"\0\0"),
        ] {
            let mut client = Client::open(broker, version);
            client.send(packet);
            client.expect_closed();
        }
    });
}

#[test]
fn a_second_connect_ends_the_connection() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.send(connect(version, "c").bytes());
        client.expect_disconnected(0x82);
    });
}

#[test]
fn the_name_of_another_protocol_ends_the_connection() {
    let broker = Target::plain();
    for name in ["mqtt", "MQTTX", "", "MQIsdp2", "HTTP"] {
        let connect = connect(Version::V311, "c").protocol(name, 4);
        assert_eq!(
            refusal(&broker, Version::V311, &connect.bytes()),
            None,
            "{name}"
        );
    }
}

#[test]
fn a_level_that_nobody_speaks_is_refused_with_its_code() {
    let broker = Target::plain();
    for level in [0, 1, 2, 3] {
        let connect = connect(Version::V311, "c").protocol("MQTT", level);
        assert_eq!(
            refusal(&broker, Version::V311, &connect.bytes()),
            Some(1),
            "{level}"
        );
    }
    let connect = connect(Version::V311, "c").protocol("MQTT", 4 + 2);
    assert_eq!(refusal(&broker, Version::V311, &connect.bytes()), Some(1));
}

#[test]
fn a_reserved_connect_flag_ends_the_connection() {
    in_each_version(|broker, version| {
        expect_malformed(broker, version, &connect(version, "c").flip(0x01).bytes());
    });
}

#[test]
fn connect_flags_and_fields_that_do_not_fit_end_the_connection() {
    in_each_version(|broker, version| {
        let plain = || connect(version, "c");
        let will = || plain().will(Will::new("w", "x"));
        for (what, connect) in [
            ("a will without its flag", will().flip(0x04)),
            ("the flag without a will", plain().flip(0x04)),
            (
                "a will's quality of service without a will",
                plain().flip(0x08),
            ),
            ("a will to be retained without a will", plain().flip(0x20)),
            ("a will of quality of service 3", will().flip(0x18)),
            ("a user name without its flag", plain().user("u").flip(0x80)),
            ("the flag without a user name", plain().flip(0x80)),
            (
                "a password without its flag",
                plain().user("u").password("p").flip(0x40),
            ),
            ("the flag without a password", plain().user("u").flip(0x40)),
            ("a will on no topic", plain().will(Will::new("", "x"))),
            ("a will on a wildcard", plain().will(Will::new("w/#", "x"))),
        ] {
            let code = refusal(broker, version, &connect.bytes());
            let allowed = match version {
                Version::V5 => matches!(code, None | Some(0x81 | 0x82 | 0x90)),
                _ => code.is_none(),
            };
            assert!(allowed, "{what}: {code:02x?} in {version:?}");
        }
    });
}

#[test]
fn a_password_without_a_user_name_ends_a_connection_of_3_1_1() {
    let broker = Target::plain();
    let nameless = connect(Version::V311, "c").password("p");
    expect_malformed(&broker, Version::V311, &nameless.bytes());
}

#[test]
fn a_connect_that_is_cut_or_too_long_ends_the_connection() {
    in_each_version(|broker, version| {
        let whole = connect(version, "client")
            .will(Will::new("w", "x"))
            .user("u")
            .password("p");
        let whole = whole.body();
        for length in 0..whole.len() {
            expect_malformed(broker, version, &frame(0x10, &whole[..length]));
        }
        expect_malformed(broker, version, &frame(0x10, &[&whole[..], b"\0"].concat()));
        for flags in 1..16 {
            expect_malformed(
                broker,
                version,
                &frame(0x10 | flags, &connect(version, "c").body()),
            );
        }
    });
}

#[test]
fn the_fields_of_a_connect_are_read_in_their_order() {
    in_each_version(|broker, version| {
        let mut heir = Client::join(broker, version, "heir");
        heir.subscribe("will/topic", 1);
        let everything = connect(version, "everything")
            .will(Will::new("will/topic", "will payload").qos(1))
            .user("user")
            .password("password");
        Client::enter(broker, &everything).0.vanish();
        heir.expect_message("will payload");
    });
}

#[test]
fn a_client_is_let_in_with_every_identifier_of_23_letters_and_digits() {
    in_each_version(|broker, version| {
        let all = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        for begin in (0..all.len() - 23).step_by(13) {
            Client::join(broker, version, &all[begin..begin + 23]).leave();
        }
        for letter in all.chars() {
            Client::join(broker, version, &letter.to_string()).leave();
        }
    });
}

#[test]
fn clients_without_an_identifier_are_told_apart() {
    in_each_version(|broker, version| {
        let mut one = Client::join(broker, version, "");
        let mut other = Client::join(broker, version, "");
        one.subscribe("t", 0);
        one.expect_nothing();
        other.send(publish(version, "t", "x").bytes());
        one.expect_message("x");
        other.expect_nothing();
    });
}

#[test]
fn no_identifier_and_no_clean_session_are_refused_in_3_1_1() {
    let broker = Target::plain();
    let connect = connect(Version::V311, "").resume();
    assert_eq!(refusal(&broker, Version::V311, &connect.bytes()), Some(2));
}

#[test]
fn an_identifier_that_is_not_allowed_is_refused_with_its_code() {
    for version in VERSIONS {
        let broker = Target::start("allow_zero_length_clientid false");
        let code = if version == Version::V5 { 0x85 } else { 2 };
        assert_eq!(
            refusal(&broker, version, &connect(version, "").bytes()),
            Some(code)
        );
    }
}

#[test]
fn what_follows_a_connect_that_was_refused_is_not_looked_at() {
    for version in VERSIONS {
        let broker = Target::start("allow_zero_length_clientid false");
        let mut witness = Client::join(&broker, version, "witness");
        witness.subscribe("t", 0);
        let mut bytes = connect(version, "").bytes();
        bytes.extend(publish(version, "t", "smuggled").retain().bytes());
        assert!(refusal(&broker, version, &bytes).is_some());
        witness.expect_nothing();
        witness.send(subscribe(version, 1).to("t", 0).bytes());
        witness.expect_begin("SUBACK m1");
        witness.expect_nothing();
    }
}

#[test]
fn what_follows_a_connect_at_once_is_dealt_with_after_it() {
    in_each_version(|broker, version| {
        let mut client = Client::open(broker, version);
        let mut bytes = connect(version, "hasty").bytes();
        bytes.extend(subscribe(version, 1).to("t", 0).bytes());
        bytes.extend(publish(version, "t", "x").bytes());
        client.send(bytes);
        client.expect_begin("CONNACK s0 0x00");
        client.expect_begin("SUBACK m1 0x00");
        client.expect_message("x");
    });
}

#[test]
fn a_client_that_connects_again_ends_its_older_connection() {
    in_each_version(|broker, version| {
        let mut old = Client::join(broker, version, "twin");
        let mut new = Client::join(broker, version, "twin");
        match old.next() {
            Some(packet) => assert_eq!(packet.code(), 0x8E, "{packet}"),
            None => assert_ne!(version, Version::V5, "version 5 says so first"),
        }
        old.expect_closed();
        new.expect_nothing();
    });
}

#[test]
fn a_client_silent_for_one_and_a_half_times_its_keep_alive_is_disconnected() {
    in_each_version(|broker, version| {
        let start = Instant::now();
        let (mut client, _) = Client::enter(broker, &connect(version, "silent").keep_alive(1));
        if let Some(packet) = client.next() {
            assert_eq!(
                (packet.kind, packet.code()),
                (kind::DISCONNECT, 0x8D),
                "{packet}"
            );
        }
        client.expect_closed();
        let silence = start.elapsed();
        assert!(silence >= Duration::from_millis(1500), "{silence:?}");
    });
}

#[test]
fn a_keep_alive_of_0_asks_for_no_sign_of_life() {
    in_each_version(|broker, version| {
        let (mut endless, _) = Client::enter(broker, &connect(version, "endless").keep_alive(0));
        let (mut short, _) = Client::enter(broker, &connect(version, "short").keep_alive(1));
        while short.next().is_some() {}
        endless.expect_nothing();
    });
}

#[test]
fn a_connection_is_let_in_over_any_cut_of_its_bytes() {
    in_each_version(|broker, version| {
        let mut client = Client::open(broker, version);
        for byte in connect(version, "slow").bytes() {
            client.send([byte]);
        }
        client.expect_begin("CONNACK s0 0x00");
    });
}
