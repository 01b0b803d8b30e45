//! How a connection begins and ends.

use super::{V5, told, with};
use crate::compare::script::Script;
use crate::wire::{
    Property, Value, Will, auth, connect, disconnect_with, frame, property, property_id as id,
};

pub(super) fn connecting() -> Script {
    let mut script = Script::new(V5, "connecting");
    let own = script.own("c");
    for properties in [
        vec![property(id::SESSION_EXPIRY, 0)],
        vec![property(id::SESSION_EXPIRY, 60)],
        vec![property(id::RECEIVE_MAXIMUM, 1)],
        vec![property(id::RECEIVE_MAXIMUM, 65_535)],
        vec![property(id::MAXIMUM_PACKET_SIZE, 1000)],
        vec![property(id::MAXIMUM_PACKET_SIZE, u32::MAX)],
        vec![property(id::TOPIC_ALIAS_MAXIMUM, 0)],
        vec![property(id::TOPIC_ALIAS_MAXIMUM, 65_535)],
        vec![property(id::REQUEST_RESPONSE_INFO, 0)],
        vec![property(id::REQUEST_RESPONSE_INFO, 1)],
        vec![property(id::REQUEST_PROBLEM_INFO, 0)],
        vec![property(id::REQUEST_PROBLEM_INFO, 1)],
        vec![property(id::USER_PROPERTY, ("a", "b"))],
        vec![property(id::USER_PROPERTY, ("a", "b")); 2],
        vec![property(id::RECEIVE_MAXIMUM, 0)],
        vec![property(id::MAXIMUM_PACKET_SIZE, 0)],
        vec![property(id::REQUEST_PROBLEM_INFO, 2)],
        vec![property(id::REQUEST_RESPONSE_INFO, 2)],
        vec![property(id::SESSION_EXPIRY, 1); 2],
        vec![property(id::TOPIC_ALIAS, 1)],
        vec![property(id::SERVER_KEEP_ALIVE, 1)],
        vec![property(id::ASSIGNED_CLIENT_ID, "x")],
        vec![property(id::AUTH_METHOD, "PLAIN")],
        vec![property(id::AUTH_DATA, "x")],
        vec![Property {
            id: 0x7E,
            value: Value::Byte(1),
        }],
    ] {
        script.enter(
            "a",
            &format!("with {}", told(&properties)),
            &with(connect(V5, &own), &properties),
        );
    }
    script.enter(
        "b",
        "without an identifier and resuming",
        &connect(V5, "").resume(),
    );
    script.enter(
        "c",
        "with a password and no user name",
        &connect(V5, script.own("d")).password("p"),
    );
    script.enter(
        "c",
        "with a keep-alive of 18 hours",
        &connect(V5, script.own("d")).keep_alive(u16::MAX),
    );
    let expiry = [property(id::SESSION_EXPIRY, 60)];
    for clean in [true, false, false, true, false] {
        let plain = with(connect(V5, script.own("e")), &expiry);
        let plain = if clean { plain } else { plain.resume() };
        script.enter(
            "d",
            if clean {
                "and starts clean"
            } else {
                "and resumes"
            },
            &plain,
        );
        script.leave("d");
    }
    script
}

pub(super) fn expiries() -> Script {
    let mut script = Script::new(V5, "expiries");
    let expiry = |seconds: u32| [property(id::SESSION_EXPIRY, seconds)];
    let resume =
        |script: &Script, seconds| with(connect(V5, script.own("c")).resume(), &expiry(seconds));
    for (entering, leaving) in [
        (0, None),
        (60, None),
        (60, Some(0)),
        (60, Some(120)),
        (0, Some(60)),
        (u32::MAX, Some(60)),
    ] {
        let plain = resume(&script, entering);
        script.enter("c", &format!("with an expiry of {entering}"), &plain);
        match leaving {
            None => script.leave("c"),
            Some(seconds) => script.send(
                "c",
                &format!("DISCONNECT with an expiry of {seconds}"),
                disconnect_with(0, &expiry(seconds)),
            ),
        }
        script.enter("c", &format!("after {leaving:?}"), &resume(&script, 0));
        script.leave("c");
    }
    script
}

pub(super) fn goodbyes() -> Script {
    let mut script = Script::new(V5, "goodbyes");
    let topic = script.own("t");
    script.join("heir");
    script.subscribe("heir", &topic, 0);
    for code in [
        0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
    ] {
        let will = Will::new(&topic, &format!("{code:#x}"));
        script.enter(
            "c",
            &format!("to leave with {code:#x}"),
            &connect(V5, script.own("c")).will(will),
        );
        let reasons = [
            property(id::REASON_STRING, "so"),
            property(id::USER_PROPERTY, ("a", "b")),
        ];
        let reasons = if code == 0x81 { &reasons[..] } else { &[] };
        script.send(
            "c",
            &format!("DISCONNECT {code:#x}"),
            disconnect_with(code, reasons),
        );
    }
    for (what, bytes) in [
        ("a code that there is not", disconnect_with(0x01, &[])),
        (
            "a property of CONNECT",
            disconnect_with(0, &[property(id::RECEIVE_MAXIMUM, 1)]),
        ),
        (
            "a server reference",
            disconnect_with(0x9C, &[property(id::SERVER_REFERENCE, "elsewhere")]),
        ),
    ] {
        script.enter(
            "c",
            &format!("to leave with {what}"),
            &connect(V5, script.own("c")),
        );
        script.send("c", &format!("DISCONNECT with {what}"), bytes);
    }
    script
}

pub(super) fn authentication() -> Script {
    let mut script = Script::new(V5, "authentication");
    let method = property(id::AUTH_METHOD, "SCRAM-SHA-1");
    let data = property(id::AUTH_DATA, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    for code in [0x00, 0x18, 0x19, 0x01] {
        script.enter(
            "x",
            &format!("before AUTH {code:#x}"),
            &connect(V5, script.own("x")),
        );
        script.send(
            "x",
            &format!("AUTH {code:#x}"),
            auth(code, &[method.clone(), data.clone()]),
        );
    }
    script.enter("x", "before an empty AUTH", &connect(V5, script.own("x")));
    script.send("x", "an empty AUTH", frame(0xF0, b""));
    script.enter(
        "x",
        "with a method",
        &with(connect(V5, script.own("x")), &[method.clone(), data]),
    );
    script.open("an AUTH", auth(0x18, &[method]));
    script
}
