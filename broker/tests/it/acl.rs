//! The same ACL file in a real Mosquitto and here: the same decisions.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use broker::acl::{Access, Acl, AclFile};

use crate::support::{Mosquitto, program, run, write};

/// Written so that each rule of the language decides something.
const RULES: &str = "\
topic open/#
topic read news/+
topic deny open/secret

user fred
topic read owntracks/jjolie/5s
topic owntracks/fred/nexus/#
topic readwrite with space/x
topic write news/in

user jjolie
topic owntracks/jjolie/#
topic deny owntracks/jjolie/private/#

user fred
topic news/+

pattern write up/%c/%u
pattern read down/%u/#
pattern deny down/%u/bad
pattern read for/%c

user probe
topic #
";

const TOPICS: [&str; 18] = [
    "open",
    "open/a",
    "open/secret",
    "news/in",
    "news/a/b",
    "owntracks/jjolie/5s",
    "owntracks/jjolie/5s/event",
    "owntracks/jjolie/private/x",
    "owntracks/fred/nexus",
    "owntracks/fred/other",
    "with space/x",
    "up/phone/fred",
    "up/phone/jjolie",
    "down/fred",
    "down/fred/bad",
    "down/jjolie/x",
    "for/phone",
    "for/pho",
];

/// User name and client id, each id once, since all are connected at the same time.
const CLIENTS: [(Option<&str>, &str); 6] = [
    (None, "nameless"),
    (Some("fred"), "phone"),
    (Some("jjolie"), "tablet"),
    (Some("jjolie"), "pho"),
    (Some("stranger"), "other"),
    (Some("fre"), "fred"),
];

/// Has every right but those in patterns, which say nothing else about it.
const PROBE: (Option<&str>, &str) = (Some("probe"), "probe");

/// The arguments of a client.
fn client(port: u16, (user, id): (Option<&str>, &str), rest: &[&str]) -> Vec<String> {
    let port = port.to_string();
    let mut arguments = vec!["-h", "127.0.0.1", "-p", &port, "-i", id];
    arguments.extend(user.iter().flat_map(|user| ["-u", *user]));
    arguments.extend(rest);
    arguments.into_iter().map(str::to_owned).collect()
}

/// Subscribes to everything for some seconds; the lines are topic and payload.
fn subscribe(port: u16, who: (Option<&str>, &str)) -> Child {
    let arguments = client(port, who, &["-t", "#", "-F", "%t=%p", "-q", "1", "-W", "4"]);
    program("mosquitto_sub")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Publishes to each topic, with the client's id as the message.
fn publish(port: u16, who: (Option<&str>, &str)) {
    for topic in TOPICS {
        let arguments = client(port, who, &["-q", "1", "-t", topic, "-m", who.1]);
        let output = run("mosquitto_pub", &arguments);
        assert!(output.status.success(), "{output:?}");
    }
}

fn received(subscriber: Child) -> BTreeSet<String> {
    let text = String::from_utf8(subscriber.wait_with_output().unwrap().stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// What subscriber or publisher may do, as lines of a subscriber.
fn ours(
    acl: &Acl,
    (user, id): (Option<&str>, &str),
    access: Access,
    sender: &str,
) -> BTreeSet<String> {
    let allowed = TOPICS
        .into_iter()
        .filter(|topic| acl.check(user, id, topic, access));
    allowed.map(|topic| format!("{topic}={sender}")).collect()
}

#[test]
fn a_real_mosquitto_decides_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("acl");
    write(&path, RULES);
    let config = format!(
        "listener @PORT@ 127.0.0.1\nallow_anonymous true\nacl_file {}\n",
        path.display()
    );
    let mosquitto = Mosquitto::start(folder.path(), &config).unwrap();
    let acl = Acl::from(&AclFile::parse(RULES).unwrap());

    let readers = CLIENTS.map(|who| subscribe(mosquitto.port, who));
    // Nothing that a subscriber prints would say when its subscription stands.
    thread::sleep(Duration::from_millis(500));
    publish(mosquitto.port, PROBE);
    for (who, reader) in CLIENTS.into_iter().zip(readers) {
        assert_eq!(
            ours(&acl, who, Access::Read, PROBE.1),
            received(reader),
            "{who:?} reads"
        );
    }

    let probe = subscribe(mosquitto.port, PROBE);
    thread::sleep(Duration::from_millis(500));
    for who in CLIENTS {
        publish(mosquitto.port, who);
    }
    let expected = CLIENTS
        .into_iter()
        .flat_map(|who| ours(&acl, who, Access::Write, who.1));
    assert_eq!(
        expected.collect::<BTreeSet<_>>(),
        received(probe),
        "what is written"
    );
}

/// ACL files, and whether Mosquitto 2.0 and we take them.
const FILES: [(&str, bool, bool); 33] = [
    ("", true, true),
    ("\n\n", true, true),
    ("# a\n#b\n", true, true),
    ("topic a\r\nuser fred\r\ntopic read b\r\n", true, true),
    ("topic a", true, true),
    (" topic a\n", true, true),
    ("topic  read   a/b  \n", true, true),
    ("topic read\n", true, true),
    ("topic deny a/#\npattern deny %u/#\n", true, true),
    ("topic read a b c\n", true, true),
    ("user Jane Doe\ntopic #\n", true, true),
    ("user  fred \ntopic a\n", true, true),
    ("user fred\nuser fred\n", true, true),
    ("user +\ntopic a\n", true, true),
    ("pattern a\n", true, true),
    ("pattern write %c/%u/+\n", true, true),
    ("pattern read a%u\n", true, true),
    ("topic foo a\n", false, false),
    ("topic Read a\n", false, false),
    ("topic a b\n", false, false),
    ("topic\n", false, false),
    ("pattern \n", false, false),
    ("user\n", false, false),
    ("user \n", false, false),
    ("Topic a\n", false, false),
    ("users fred\n", false, false),
    ("\ttopic a\n", false, false),
    ("topic\tread\ta\n", false, false),
    ("topic read a/#/b\n", false, false),
    ("topic read a+\n", false, false),
    (" # a\n", false, false),
    ("\u{feff}topic a\n", false, false),
    // Stricter: Mosquitto does not see what follows the null character.
    ("topic a\0b\n", true, false),
];

#[test]
fn a_real_mosquitto_takes_and_refuses_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("acl");
    let config = format!("listener @PORT@ 127.0.0.1\nacl_file {}\n", path.display());
    let mut different = Vec::new();
    for (text, theirs, ours) in FILES {
        write(&path, text);
        let started = Mosquitto::start(folder.path(), &config);
        if started.is_ok() != theirs {
            different.push(format!("Mosquitto on {text:?}: {:?}", started.err()));
        }
        let parsed = AclFile::parse(text);
        if parsed.is_ok() != ours {
            different.push(format!("we on {text:?}: {:?}", parsed.err()));
        }
    }
    assert_eq!(different, [""; 0], "{}", different.join("\n"));
}
