//! What is played: the part that all versions have in common.

use crate::wire::{
    Connect, Publish, Version, Will, connect, disconnect, frame, kind, publish, subscribe,
    unsubscribe,
};

/// What a client does.
pub(super) enum Action {
    /// Opens a connection and sends a CONNECT, or what stands in its place.
    Connect(&'static str, Vec<u8>),
    Send(&'static str, Vec<u8>),
    Ping(&'static str),
    /// Answers the last message it was sent, with a packet of this type and this reason code.
    Answer(&'static str, u8, u8),
    /// Goes without a word.
    Vanish(&'static str),
}

/// A step and its name, which stays the same when others are added elsewhere.
pub(super) struct Step {
    pub(super) label: String,
    pub(super) action: Action,
}

/// Steps that belong together, with clients of their own.
pub(super) struct Script {
    pub(super) version: Version,
    name: &'static str,
    steps: Vec<Step>,
}

impl Script {
    pub(super) fn new(version: Version, name: &'static str) -> Self {
        Self {
            version,
            name,
            steps: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(super) fn labels(&self) -> impl Iterator<Item = &String> {
        self.steps.iter().map(|step| &step.label)
    }

    /// A topic or a client identifier that no other script has.
    pub(super) fn own(&self, name: &str) -> String {
        format!("{}{}/{name}", self.name, self.version.level())
    }

    fn add(&mut self, what: &str, action: Action) {
        let (level, name, number) = (self.version.level(), self.name, self.steps.len() + 1);
        let label = format!("{level}/{name}/{number:03} {what}");
        self.steps.push(Step { label, action });
    }

    pub(super) fn enter(&mut self, who: &'static str, what: &str, connect: &Connect) {
        self.add(
            &format!("{who} connects {what}"),
            Action::Connect(who, connect.bytes()),
        );
    }

    /// Connects with nothing but an identifier.
    pub(super) fn join(&mut self, who: &'static str) {
        let connect = connect(self.version, self.own(who));
        self.enter(who, "", &connect);
    }

    pub(super) fn open(&mut self, what: &str, bytes: Vec<u8>) {
        self.add(
            &format!("x begins with {what}"),
            Action::Connect("x", bytes),
        );
    }

    pub(super) fn send(&mut self, who: &'static str, what: &str, bytes: Vec<u8>) {
        self.add(&format!("{who} sends {what}"), Action::Send(who, bytes));
    }

    pub(super) fn publish(&mut self, who: &'static str, what: &str, publish: &Publish) {
        self.send(who, what, publish.bytes());
    }

    /// A message with its PUBREL behind it, if it has one.
    ///
    /// When a message of quality of service 2 is passed on, with itself or with its PUBREL, is the broker's choice
    /// (section 4.3.3): sent together, both look the same.
    pub(super) fn exchange(
        &mut self,
        who: &'static str,
        what: &str,
        publish: &Publish,
        qos: u8,
        id: u16,
    ) {
        let mut bytes = publish.bytes();
        if qos == 2 {
            bytes.extend(crate::wire::ack(kind::PUBREL, id));
        }
        self.send(who, what, bytes);
    }

    pub(super) fn subscribe(&mut self, who: &'static str, filter: &str, options: u8) {
        let bytes = subscribe(self.version, 100).to(filter, options).bytes();
        self.send(who, &format!("SUBSCRIBE {filter} {options:#x}"), bytes);
    }

    pub(super) fn unsubscribe(&mut self, who: &'static str, filter: &str) {
        let bytes = unsubscribe(self.version, 101, &[filter]);
        self.send(who, &format!("UNSUBSCRIBE {filter}"), bytes);
    }

    pub(super) fn answer(&mut self, who: &'static str, packet: u8, code: u8) {
        let name = match packet {
            kind::PUBACK => "PUBACK",
            kind::PUBREC => "PUBREC",
            kind::PUBREL => "PUBREL",
            _ => "PUBCOMP",
        };
        self.add(
            &format!("{who} answers {name} {code:#x}"),
            Action::Answer(who, packet, code),
        );
    }

    pub(super) fn leave(&mut self, who: &'static str) {
        self.send(who, "DISCONNECT", disconnect());
    }

    pub(super) fn vanish(&mut self, who: &'static str) {
        self.add(&format!("{who} vanishes"), Action::Vanish(who));
    }
}

/// The scripts that every version has.
pub(super) fn common(version: Version) -> Vec<Script> {
    vec![
        handshake(version),
        qualities(version),
        retained(version),
        topics(version),
        wills(version),
        sessions(version),
        unsubscribing(version),
        errors(version),
        overlaps(version),
    ]
}

fn handshake(version: Version) -> Script {
    let mut script = Script::new(version, "handshake");
    let id = script.own("c");
    let plain = || connect(version, &id);
    script.enter("a", "plainly", &plain());
    script.add("a pings", Action::Ping("a"));
    script.enter("b", "with the same identifier", &plain());
    script.leave("b");
    script.enter("a", "without keep-alive", &plain().keep_alive(0));
    script.leave("a");
    script.enter(
        "a",
        "as a bridge",
        &plain().protocol(version.name(), version.level() | 0x80),
    );
    script.leave("a");
    script.enter("a", "without an identifier", &connect(version, ""));
    script.enter(
        "b",
        "without an identifier and no clean session",
        &connect(version, "").resume(),
    );
    script.enter(
        "c",
        "with user name and password",
        &plain().user("u").password("p"),
    );
    script.send("c", "another CONNECT", plain().bytes());
    script.enter(
        "a",
        "with a will and everything",
        &plain()
            .will(Will::new("w", "x").qos(1))
            .user("u")
            .password("p"),
    );
    script.leave("a");
    for (what, connect) in [
        ("another name", plain().protocol("MQTTX", version.level())),
        ("level 0", plain().protocol(version.name(), 0)),
        ("level 6", plain().protocol(version.name(), 6)),
        ("the reserved flag", plain().flip(0x01)),
        (
            "a will's quality of service 3",
            plain().will(Will::new("w", "x").qos(3)),
        ),
        ("a quality of service and no will", plain().flip(0x08)),
        ("a retained will and no will", plain().flip(0x20)),
        ("the flag of a user name only", plain().flip(0x80)),
        ("a password only", plain().password("p")),
        ("a will on a wildcard", plain().will(Will::new("#", "x"))),
        ("a will on nothing", plain().will(Will::new("", "x"))),
        ("a null character", connect(version, "a\0b")),
        ("half a character", connect(version, b"a\xE2\x82")),
    ] {
        script.open(what, connect.bytes());
        if what.ends_with("user name only") || what == "a password only" {
            script.enter("a", "to see that all is well", &plain());
        }
    }
    for (what, bytes) in [
        ("a PINGREQ", frame(0xC0, b"")),
        ("a PUBLISH", publish(version, "t", "x").bytes()),
        ("a SUBSCRIBE", subscribe(version, 1).to("t", 0).bytes()),
        ("a DISCONNECT", disconnect()),
        ("an HTTP request", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("zeros", vec![0; 32]),
    ] {
        script.open(what, bytes);
    }
    script
}

/// Every quality of service from a publisher to a subscriber, each packet answered.
fn qualities(version: Version) -> Script {
    let mut script = Script::new(version, "qualities");
    let topic = script.own("t");
    script.join("pub");
    script.join("sub");
    for granted in [0, 1, 2] {
        script.subscribe("sub", &topic, granted);
        for published in [0_u8, 1, 2] {
            let id = u16::from(granted) * 10 + u16::from(published) + 1;
            let message =
                publish(version, &topic, format!("{published} to {granted}")).qos(published, id);
            script.exchange(
                "pub",
                &format!("quality of service {published} m{id}"),
                &message,
                published,
                id,
            );
            match published.min(granted) {
                1 => script.answer("sub", kind::PUBACK, 0),
                2 => {
                    script.answer("sub", kind::PUBREC, 0);
                    script.answer("sub", kind::PUBCOMP, 0);
                }
                _ => {}
            }
        }
    }
    for packet in [kind::PUBACK, kind::PUBREC, kind::PUBREL, kind::PUBCOMP] {
        let bytes = crate::wire::ack(packet, 999);
        script.send("pub", &format!("packet {packet} for nothing"), bytes);
    }
    let repeated = publish(version, &topic, "once").qos(2, 50);
    script.publish("pub", "quality of service 2 m50", &repeated);
    script.publish("pub", "the same again", &repeated.dup());
    script.send("pub", "PUBREL m50", crate::wire::ack(kind::PUBREL, 50));
    script.send(
        "pub",
        "PUBREL m50 again",
        crate::wire::ack(kind::PUBREL, 50),
    );
    script
}

fn retained(version: Version) -> Script {
    let mut script = Script::new(version, "retained");
    let topic = script.own("t");
    script.join("pub");
    script.join("sub");
    for (payload, qos) in [
        ("a", 0),
        ("b", 1),
        ("", 0),
        ("c", 1),
        ("", 1),
        ("", 0),
        ("d", 0),
    ] {
        let message = publish(version, &topic, payload).retain().qos(qos, 7);
        script.publish(
            "pub",
            &format!("{payload:?} to be retained, quality of service {qos}"),
            &message,
        );
        for granted in [0, 1] {
            script.subscribe("sub", &topic, granted);
            if qos == 1 && granted == 1 && !payload.is_empty() {
                script.answer("sub", kind::PUBACK, 0);
            }
        }
        script.publish(
            "pub",
            "a message that is not retained",
            &publish(version, &topic, "live"),
        );
        script.unsubscribe("sub", &topic);
    }
    let above = format!("{topic}/#");
    script.subscribe("sub", &above, 0);
    script.publish(
        "pub",
        "a retained message to who is there",
        &publish(version, format!("{topic}/x"), "x").retain(),
    );
    script.leave("pub");
    script.join("late");
    script.subscribe("late", &format!("{topic}/+"), 0);
    script
}

fn topics(version: Version) -> Script {
    let mut script = Script::new(version, "topics");
    script.join("c");
    let filters = [
        "#", "a/b", "a/+", "+/b", "a/#", "+/+", "/+", "+", "a//b", "$x/#", "+/b/#", "a/b/",
    ];
    let names = ["a/b", "a/", "/b", "a", "a//b", "$x/b", "a/b/c", "/"];
    for filter in filters {
        script.subscribe("c", filter, 0);
        for name in names {
            script.publish(
                "c",
                &format!("to {name} under {filter}"),
                &publish(version, name, "x"),
            );
        }
        script.unsubscribe("c", filter);
    }
    script
}

fn wills(version: Version) -> Script {
    let mut script = Script::new(version, "wills");
    let topic = script.own("t");
    let id = script.own("mortal");
    script.join("heir");
    script.subscribe("heir", &topic, 1);
    for qos in [0, 1, 2] {
        for end in ["vanishing", "leaving", "breaking a rule"] {
            let will = Will::new(&topic, &format!("{qos} by {end}")).qos(qos);
            script.enter(
                "m",
                &format!("with a will of {qos} before {end}"),
                &connect(version, &id).will(will),
            );
            match end {
                "vanishing" => script.vanish("m"),
                "leaving" => script.leave("m"),
                _ => script.send("m", "a packet of type 0", frame(0, b"")),
            }
            if qos > 0 && end != "leaving" {
                script.answer("heir", kind::PUBACK, 0);
            }
        }
    }
    let kept = Will::new(&topic, "kept").retain();
    script.enter(
        "m",
        "with a retained will",
        &connect(version, &id).will(kept),
    );
    script.vanish("m");
    script.join("late");
    script.subscribe("late", &topic, 0);
    script.enter(
        "m",
        "with an empty retained will",
        &connect(version, &id).will(Will::new(&topic, "").retain()),
    );
    script.vanish("m");
    script.join("later");
    script.subscribe("later", &topic, 0);
    script.enter(
        "m",
        "to be replaced",
        &connect(version, &id).will(Will::new(&topic, "replaced")),
    );
    script.enter("n", "in its place", &connect(version, &id));
    script.vanish("n");
    script
}

/// A CONNECT whose session stays.
fn lasting(script: &Script, who: &str) -> Connect {
    let connect = connect(script.version, script.own(who)).resume();
    match script.version {
        Version::V5 => connect.with(crate::wire::property(
            crate::wire::property_id::SESSION_EXPIRY,
            3600,
        )),
        Version::V31 | Version::V311 => connect,
    }
}

fn sessions(version: Version) -> Script {
    let mut script = Script::new(version, "sessions");
    let topic = script.own("t");
    let come = lasting(&script, "sub");
    let send = |script: &mut Script, payload: &str, qos: u8| {
        let message = publish(version, &topic, payload).qos(qos, 9);
        script.exchange("pub", &format!("{payload} of {qos}"), &message, qos, 9);
    };
    script.join("pub");
    script.enter("sub", "for the first time", &come);
    script.subscribe("sub", &topic, 2);
    script.leave("sub");
    send(&mut script, "queued", 1);
    send(&mut script, "lost", 0);
    script.enter("sub", "and gets what was queued", &come);
    script.answer("sub", kind::PUBACK, 0);
    send(&mut script, "unacknowledged", 1);
    script.vanish("sub");
    script.enter("sub", "and gets it again", &come);
    script.answer("sub", kind::PUBACK, 0);
    send(&mut script, "three steps", 2);
    script.vanish("sub");
    script.enter("sub", "and gets the message again", &come);
    script.answer("sub", kind::PUBREC, 0);
    script.vanish("sub");
    script.enter("sub", "and gets the release again", &come);
    script.answer("sub", kind::PUBCOMP, 0);
    script.vanish("sub");
    script.enter("sub", "and gets nothing", &come);
    script.enter("other", "and takes over", &come);
    send(&mut script, "to the newer", 1);
    script.answer("other", kind::PUBACK, 0);
    script.leave("other");
    let clean = connect(version, script.own("sub"));
    script.enter("sub", "with a clean session", &clean);
    send(&mut script, "to nobody", 1);
    script.leave("sub");
    script.enter("sub", "and finds nothing", &come);
    let publisher = lasting(&script, "lasting");
    script.enter("lp", "to publish over two connections", &publisher);
    script.subscribe("sub", &topic, 2);
    script.publish(
        "lp",
        "first half",
        &publish(version, &topic, "half").qos(2, 77),
    );
    script.vanish("lp");
    script.enter("lp", "and ends it", &publisher);
    script.publish(
        "lp",
        "first half again",
        &publish(version, &topic, "half").dup().qos(2, 77),
    );
    script.send("lp", "PUBREL m77", crate::wire::ack(kind::PUBREL, 77));
    script
}

fn unsubscribing(version: Version) -> Script {
    let mut script = Script::new(version, "unsubscribing");
    let topic = script.own("t");
    script.join("c");
    script.unsubscribe("c", "never");
    let several = subscribe(version, 5)
        .to(&topic, 0)
        .to("u/+", 1)
        .to("v/#", 2)
        .bytes();
    script.send("c", "SUBSCRIBE to three", several);
    script.unsubscribe("c", "u/#");
    script.publish("c", "to the first", &publish(version, &topic, "x"));
    script.publish("c", "to the second", &publish(version, "u/y", "x"));
    script.send(
        "c",
        "UNSUBSCRIBE from two",
        unsubscribe(version, 6, &[&topic, "u/+"]),
    );
    script.publish("c", "to the first again", &publish(version, &topic, "x"));
    script.publish("c", "to the second again", &publish(version, "u/y", "x"));
    script.publish("c", "to the third", &publish(version, "v", "x"));
    script
}

fn errors(version: Version) -> Script {
    let mut script = Script::new(version, "errors");
    let none: &[u8] = if version == Version::V5 { b"\0" } else { b"" };
    let long = "l/".repeat(300);
    let bad: Vec<(&str, Vec<u8>)> = vec![
        ("packet type 0", frame(0x00, b"")),
        ("a CONNACK", frame(0x20, &[b"\0\0", none].concat())),
        ("a SUBACK", frame(0x90, &[b"\0\x01", none, b"\0"].concat())),
        (
            "an UNSUBACK",
            frame(0xB0, &[b"\0\x01", none, none].concat()),
        ),
        ("a PINGRESP", frame(0xD0, b"")),
        ("packet type 15", frame(0xF0, b"")),
        (
            "quality of service 3",
            publish(version, "t", "x").qos(3, 1).bytes(),
        ),
        (
            "a repeat of quality of service 0",
            publish(version, "t", "x").dup().bytes(),
        ),
        ("identifier 0", publish(version, "t", "x").qos(1, 0).bytes()),
        (
            "a wildcard in a topic",
            publish(version, "a/#", "x").bytes(),
        ),
        ("no topic", publish(version, "", "x").bytes()),
        ("a null in a topic", publish(version, "a\0", "x").bytes()),
        (
            "half a character in a topic",
            publish(version, b"a\xE2\x82", "x").bytes(),
        ),
        (
            "a topic of 301 levels",
            publish(version, &long, "x").bytes(),
        ),
        ("no filter", subscribe(version, 1).bytes()),
        ("an empty filter", subscribe(version, 1).to("", 0).bytes()),
        ("a filter a#", subscribe(version, 1).to("a#", 0).bytes()),
        ("a filter #/a", subscribe(version, 1).to("#/a", 0).bytes()),
        ("a filter a+", subscribe(version, 1).to("a+", 0).bytes()),
        (
            "quality of service 3 in a SUBSCRIBE",
            subscribe(version, 1).to("t", 3).bytes(),
        ),
        (
            "reserved bits in a SUBSCRIBE",
            subscribe(version, 1).to("t", 0xC0).bytes(),
        ),
        (
            "SUBSCRIBE with identifier 0",
            subscribe(version, 0).to("t", 0).bytes(),
        ),
        (
            "SUBSCRIBE with flags 0",
            frame(0x80, &[b"\0\x01", none, b"\0\x01t\0"].concat()),
        ),
        ("nothing to UNSUBSCRIBE from", unsubscribe(version, 1, &[])),
        ("UNSUBSCRIBE from a#", unsubscribe(version, 1, &["a#"])),
        (
            "UNSUBSCRIBE with identifier 0",
            unsubscribe(version, 0, &["t"]),
        ),
        (
            "UNSUBSCRIBE with flags 0",
            frame(0xA0, &[b"\0\x01", none, b"\0\x01t"].concat()),
        ),
        ("PUBACK with flags", frame(0x41, b"\0\x01")),
        ("PUBREL without flags", frame(0x60, b"\0\x01")),
        ("PUBACK with identifier 0", frame(0x40, b"\0\0")),
        ("PUBACK of nothing", frame(0x40, b"")),
        ("PINGREQ with flags", frame(0xC1, b"")),
        ("PINGREQ with a body", frame(0xC0, b"\0")),
        ("DISCONNECT with flags", frame(0xE1, b"")),
        (
            "a packet that is too large",
            publish(version, "t", "x".repeat(100_001)).bytes(),
        ),
    ];
    for (what, bytes) in bad {
        script.enter(
            "x",
            &format!("before {what}"),
            &connect(version, script.own("x")),
        );
        script.send("x", what, bytes);
    }
    script
}

fn overlaps(version: Version) -> Script {
    let mut script = Script::new(version, "overlaps");
    let base = script.own("t");
    script.join("c");
    script.join("pub");
    for filters in [
        &[("#", 0), ("+", 1)][..],
        &[("a", 2), ("#", 0)],
        &[("a", 0), ("a", 1)],
    ] {
        for (end, qos) in filters {
            script.subscribe("c", &format!("{base}/{end}"), *qos);
        }
        script.publish(
            "pub",
            &format!("under {filters:?}"),
            &publish(version, format!("{base}/a"), "x").qos(1, 3),
        );
        script.answer("c", kind::PUBACK, 0);
        for (end, _) in filters {
            script.unsubscribe("c", &format!("{base}/{end}"));
        }
    }
    script
}
