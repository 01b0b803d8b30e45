//! Who may read and write what, tried topic by topic in our broker and in a real Mosquitto with the files
//! that `provision render` writes, against a table written by hand.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::brokers::{Broker, Client, our_broker};
use crate::support::Sandbox;

/// What is shared of a device, and what is not. The table says `{shared}` and `{private}`.
const SHARED: [&str; 3] = ["", "/event", "/info"];
const PRIVATE: [&str; 11] = [
    "/cmd",
    "/waypoint",
    "/waypoints",
    "/status",
    "/step",
    "/dump",
    "/beacon",
    "/event/x",
    "/info/x",
    "/event/",
    "/cmd/event",
];

const PEOPLE: [&str; 5] = ["owner", "ada", "fred", "jane", "jjolie"];

/// The people as the commands make them: what the table is about.
const COMMANDS: [&[&str]; 12] = [
    &["add-user", "jane", "--device", "5s", "--device", "tablet"],
    &["add-user", "jjolie", "--device", "5s"],
    &["add-user", "ada"],
    &["add-user", "fred", "--sees", "jjolie/watch"],
    &["group", "family", "jane", "jjolie", "owner"],
    &["group", "family", "--remove", "owner"],
    &["group", "hikers", "jjolie", "ada"],
    &["sees", "ada", "jane/5s"],
    &["sees", "ada", "jane"],
    &["sees", "fred", "jjolie/5s", "ada"],
    &["hide", "fred", "ada"],
    &["hide", "fred", "jjolie/watch"],
];

/// Family is jane and jjolie, hikers are ada and jjolie; by own lists ada sees jane, fred jjolie/5s,
/// and owner ada/watch.
const TABLE: &str = "\
topic                            owner ada fred jane jjolie
owntracks/owner                  rw    -   -    -    -
owntracks/owner/phone{shared}    rw    -   -    -    -
owntracks/owner/phone{private}   rw    -   -    -    -
owntracks/ada                    -     rw  -    -    -
owntracks/ada/phone{shared}      -     rw  -    -    r
owntracks/ada/phone{private}     -     rw  -    -    -
owntracks/ada/watch{shared}      r     rw  -    -    r
owntracks/ada/watch{private}     -     rw  -    -    -
owntracks/fred                   -     -   rw   -    -
owntracks/fred/nexus{shared}     -     -   rw   -    -
owntracks/fred/nexus{private}    -     -   rw   -    -
owntracks/jane                   -     -   -    rw   -
owntracks/jane/{shared}          -     r   -    rw   r
owntracks/jane/5s{shared}        -     r   -    rw   r
owntracks/jane/5s{private}       -     -   -    rw   -
owntracks/jane/tablet{shared}    -     r   -    rw   r
owntracks/jane/tablet{private}   -     -   -    rw   -
owntracks/jjolie                 -     -   -    -    rw
owntracks/jjolie/5s{shared}      -     r   r    r    rw
owntracks/jjolie/5s{private}     -     -   -    -    rw
owntracks/jjolie/watch{shared}   -     r   -    r    rw
owntracks/jjolie/watch{private}  -     -   -    -    rw
owntracks                        -     -   -    -    -
owntracks/nobody                 -     -   -    -    -
owntracks/nobody/phone{shared}   -     -   -    -    -
owntracks/jan/5s                 -     -   -    -    -
owntracks/Jane/5s                -     -   -    -    -
Owntracks/jane/5s                -     -   -    -    -
owntracks//5s                    -     -   -    -    -
/owntracks/jane/5s               -     -   -    -    -
jane/5s                          -     -   -    -    -
jane                             -     -   -    -    -
other/topic                      -     -   -    -    -
_provision/probe                 -     -   -    -    -
";

/// Has every right, so that it tries what others read, and sees what they write.
const OBSERVER: &str = "observer";

/// A decision in words: `ada reads owntracks/jane/5s`.
type Decisions = BTreeSet<String>;

/// The topics of the table, and what it allows.
fn table() -> (Vec<String>, Decisions) {
    let (mut topics, mut allowed) = (Vec::new(), Decisions::new());
    for line in TABLE.lines().skip(1) {
        let mut cells = line.split_whitespace();
        let named = topics_of(cells.next().unwrap());
        for (person, right) in PEOPLE.into_iter().zip(cells) {
            for topic in &named {
                let mut allow = |verb| allowed.insert(format!("{person} {verb} {topic}"));
                match right {
                    "r" => drop(allow("reads")),
                    "rw" => drop((allow("reads"), allow("writes"))),
                    other => assert_eq!(other, "-"),
                }
            }
        }
        topics.extend(named);
    }
    (topics, allowed)
}

fn topics_of(cell: &str) -> Vec<String> {
    let (stem, leaves): (_, &[_]) = match cell.split_once('{') {
        Some((stem, "shared}")) => (stem, &SHARED),
        Some((stem, "private}")) => (stem, &PRIVATE),
        _ => (cell, &[""]),
    };
    leaves.iter().map(|leaf| format!("{stem}{leaf}")).collect()
}

fn password_of(name: &str) -> String {
    format!("{name}'s own secret")
}

/// A password file of Mosquitto's own tool; its hashes are quick to check.
fn password_file(sandbox: &Sandbox, file: &str, names: &[&str]) {
    let mut text = String::new();
    for name in names {
        writeln!(text, "{name}:{}", password_of(name)).unwrap();
    }
    sandbox.write(file, &text);
    sandbox
        .run(Command::new("mosquitto_passwd").args(["-U", file]), "")
        .success();
    std::fs::set_permissions(sandbox.path(file), PermissionsExt::from_mode(0o600)).unwrap();
}

/// Renders the site, and returns the folder with the broker's files, where the observer is added.
fn rendered(sandbox: &Sandbox, broker: &Path) -> PathBuf {
    let broker = broker.to_str().unwrap();
    let render = [
        "render",
        "out",
        "--target",
        std::env::consts::ARCH,
        "--broker",
        broker,
    ];
    sandbox.provision(&render).success();
    let releases = sandbox.path("out/usr/local/lib/mqtt-broker/releases");
    let release = std::fs::read_dir(releases)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let etc = release.path().join("etc");
    password_file(sandbox, "observer", &[OBSERVER]);
    let own = |name: &str| {
        format!(
            "out/usr/local/lib/mqtt-broker/releases/{}/etc/{name}",
            release.file_name().display()
        )
    };
    let passwd = sandbox.read(&own("passwd")) + &sandbox.read("observer");
    sandbox.write(&own("passwd"), &passwd);
    let acl = format!(
        "{}\nuser {OBSERVER}\ntopic readwrite #\n",
        sandbox.read(&own("acl"))
    );
    sandbox.write(&own("acl"), &acl);
    etc
}

/// The rendered configuration with what has to be other on this computer.
fn config(etc: &Path, state: &Path) -> String {
    std::fs::create_dir_all(state).unwrap();
    let text = std::fs::read_to_string(etc.join("broker.conf")).unwrap();
    let adapted = text
        .replace("/etc/mqtt-broker", etc.to_str().unwrap())
        .replace("/var/lib/mqtt-broker", state.to_str().unwrap())
        .replace("listener 8883", "listener @PORT@ 127.0.0.1");
    assert!(
        adapted.contains("@PORT@") && adapted.contains("certfile"),
        "{text}"
    );
    adapted
}

/// Tries every topic as every person, for reading and for writing.
fn decisions(broker: &Broker, sandbox: &Sandbox, topics: &[String]) -> Decisions {
    let ca = sandbox.path("site/pki/ca.crt");
    let client = |name: &str| {
        broker.client(
            &sandbox.path("clients"),
            name,
            &password_of(name),
            Some(&ca),
        )
    };
    let observer = client(OBSERVER);
    let people = PEOPLE.map(|name| (name, client(name)));
    let mut decisions = reads(&observer, &people, topics);
    decisions.extend(writes(&observer, &people, topics));
    decisions
}

fn reads(observer: &Client, people: &[(&str, Client)], topics: &[String]) -> Decisions {
    let readers: Vec<_> = people
        .iter()
        .map(|(_, client)| client.subscribe("#"))
        .collect();
    for topic in topics {
        assert!(observer.publish(topic, "x"), "{topic}");
    }
    let mut decisions = Decisions::new();
    for ((name, _), reader) in people.iter().zip(readers) {
        // A broker keeps the order, so what has not come before this is not coming.
        let last = format!("owntracks/{name}/last");
        assert!(observer.publish(&last, "last"));
        let messages = reader.until(&format!("{last} last"));
        // The last of others may be among them.
        let topics = messages
            .iter()
            .filter_map(|message| message.strip_suffix(" x"));
        decisions.extend(topics.map(|topic| format!("{name} reads {topic}")));
    }
    decisions
}

fn writes(observer: &Client, people: &[(&str, Client)], topics: &[String]) -> Decisions {
    let listener = observer.subscribe("#");
    thread::scope(|scope| {
        for (name, client) in people {
            // What is not allowed is confirmed all the same, and dropped.
            scope.spawn(move || {
                for topic in topics {
                    assert!(client.publish(topic, name), "{topic}");
                }
            });
        }
    });
    assert!(observer.publish("last", "last"));
    let messages = listener.until("last last");
    let decisions = messages.iter().map(|message| {
        let (topic, name) = message.split_once(' ').unwrap();
        format!("{name} writes {topic}")
    });
    decisions.collect()
}

#[test]
fn our_broker_and_mosquitto_allow_what_the_table_allows_and_nothing_else() {
    let sandbox = Sandbox::with_site();
    for command in COMMANDS {
        let more: &[_] = if command[0] == "add-user" {
            &["--password-stdin"]
        } else {
            &[]
        };
        sandbox
            .provision_with(&[command, more].concat(), "replaced below\n")
            .success();
    }
    // As somebody may write it by hand.
    let people = sandbox.read("site/people.yaml");
    let by_hand = people.replace(
        "  owner:\n    sees: []\n",
        "  owner:\n    sees: [ada/watch]\n",
    );
    assert_ne!(people, by_hand);
    sandbox.write("site/people.yaml", &by_hand);
    password_file(&sandbox, "site/passwd", &PEOPLE);

    let binary = our_broker();
    let etc = rendered(&sandbox, &binary);
    let (topics, allowed) = table();
    let tried = |broker: &Broker| decisions(broker, &sandbox, &topics);
    let folder = sandbox.path("ours");
    let ours = tried(&Broker::ours(&binary, &folder, &config(&etc, &folder)));
    assert_same("our broker", &allowed, &ours);
    let folder = sandbox.path("theirs");
    let theirs = tried(&Broker::mosquitto(&folder, &config(&etc, &folder)));
    assert_same("Mosquitto", &allowed, &theirs);
}

#[track_caller]
fn assert_same(broker: &str, table: &Decisions, tried: &Decisions) {
    let too_much: Vec<_> = tried.difference(table).collect();
    let too_little: Vec<_> = table.difference(tried).collect();
    assert!(
        too_much.is_empty() && too_little.is_empty(),
        "{broker} allows against the table {too_much:#?} and refuses {too_little:#?}"
    );
}
