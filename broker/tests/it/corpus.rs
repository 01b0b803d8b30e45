//! Whole configurations, as people have them, read by Mosquitto and by us.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use broker::config::{Config, Support, options};

use crate::harness::{Certificates, PATIENCE, run_to_end};
use crate::support::{free_port, program, run, write};

/// A configuration, and whether Mosquitto 2.0 and we take it.
struct Case {
    name: &'static str,
    text: &'static str,
    /// None where that depends on the machine.
    theirs: Option<bool>,
    ours: bool,
}

macro_rules! case {
    ($name:literal, $theirs:expr, $ours:literal) => {
        Case {
            name: $name,
            text: include_str!(concat!("../corpus/", $name, ".conf")),
            theirs: $theirs,
            ours: $ours,
        }
    };
}

const CASES: [Case; 14] = [
    case!("commented", Some(true), true),
    case!("owntracks", Some(true), true),
    case!("owntracks-tls", Some(true), true),
    case!("home-assistant", Some(true), true),
    case!("container", Some(true), true),
    case!("packaged", Some(true), true),
    case!("several-listeners", Some(true), true),
    case!("certificates", Some(true), true),
    // Words that came with 2.1, or with us.
    case!("mosquitto-2.1", Some(false), true),
    case!("metrics", Some(false), true),
    // What we refuse with a reason.
    case!("bridge", Some(true), false),
    case!("websockets", None, false),
    case!("keys", Some(true), false),
    case!("plugin", Some(false), false),
];

/// A folder with all files that the corpus names.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let passwd = path("passwd");
    let arguments = ["-b", "-c", passwd.to_str().unwrap(), "fred", "secret"];
    assert!(run("mosquitto_passwd", &arguments).status.success());
    write(
        path("acl"),
        "topic read news/#\nuser fred\ntopic owntracks/fred/#\npattern read to/%u\n",
    );
    write(path("psk"), "fred:00ff00ff00ff00ff00ff00ff00ff00ff\n");
    std::fs::create_dir(path("conf.d")).unwrap();
    write(
        path("conf.d/local.conf"),
        "listener @PORT@ 127.0.0.1\nallow_anonymous true\n",
    );
    let authority = Certificates::new();
    authority.write_authority(folder.path(), "ca");
    authority.write_server(folder.path(), "server");
    folder
}

/// Puts a folder and ports into a text and into the folder's own file.
fn filled(text: &str, folder: &Path, port: u16) -> String {
    let local = folder.join("conf.d/local.conf");
    write(
        &local,
        format!("listener {port} 127.0.0.1\nallow_anonymous true\n"),
    );
    text.replace("@FOLDER@", folder.to_str().unwrap())
        .replace("@PORT@", &port.to_string())
        .replace("@PORT2@", &free_port().to_string())
}

/// Whether a real Mosquitto runs with this configuration: it takes a connection, or it ends.
///
/// What it logs is no sign: a configuration may say that nothing is logged.
pub(crate) fn mosquitto_takes(folder: &Path, text: &str, port: u16) -> bool {
    let user = if text.lines().any(|line| line.starts_with("user ")) {
        ""
    } else {
        "user root\n"
    };
    let path = folder.join("theirs.conf");
    write(&path, format!("{user}{text}"));
    let mut child = program("mosquitto")
        .arg("-c")
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let taken = loop {
        if child.try_wait().unwrap().is_some() {
            break false;
        }
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            break true;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "Mosquitto neither runs nor ends:\n{text}"
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    let _ = child.kill();
    let _ = child.wait();
    taken
}

#[test]
fn configurations_as_people_have_them_are_taken_as_mosquitto_takes_them() {
    let folder = folder();
    for Case {
        name,
        text,
        theirs,
        ours,
    } in CASES
    {
        let port = free_port();
        let text = match name {
            // It says nothing, and the port that holds then may be taken.
            "commented" => format!("{text}\nlistener {port} 127.0.0.1\n"),
            _ => filled(text, folder.path(), port),
        };
        if let Some(theirs) = theirs {
            let takes = mosquitto_takes(folder.path(), &text, port);
            assert_eq!(takes, theirs, "Mosquitto on {name}");
        }
        let path = folder.path().join("ours.conf");
        write(&path, &text);
        let ended = run_to_end(&["-c", path.to_str().unwrap(), "--test-config"]);
        let code = if ours { 0 } else { 3 };
        assert_eq!(ended.code, Some(code), "{name}: {}", ended.stderr);
        let crlf = text.replace('\n', "\r\n");
        write(&path, crlf);
        let ended = run_to_end(&["-c", path.to_str().unwrap(), "--test-config"]);
        assert_eq!(
            ended.code,
            Some(code),
            "{name} as on Windows: {}",
            ended.stderr
        );
    }
}

#[test]
fn what_is_not_taken_is_refused_with_a_reason_and_once() {
    let refused = CASES.into_iter().filter(|case| !case.ours);
    let said: Vec<_> = refused
        .map(|case| {
            let text = case
                .text
                .replace("@PORT@", "1883")
                .replace("@PORT2@", "8083");
            let file = format!("{}.conf", case.name);
            Config::parse(&file, &text).unwrap_err().to_string()
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    bridge.conf:5: connection is refused: bridges to other brokers are not supported
    websockets.conf:6: protocol websockets is not supported: expected mqtt or metrics
    keys.conf:3: psk_hint is refused: pre-shared keys are not supported: use certificates (certfile, keyfile)
    keys.conf:4: psk_file is refused: pre-shared keys are not supported: use certificates (certfile, keyfile)
    keys.conf:5: use_identity_as_username needs certfile and keyfile: without them the listener does not encrypt
    plugin.conf:3: plugin is refused: plugins are not supported; password_file and acl_file are
    plugin.conf:4: plugin_opt_config_file is refused: plugins are not supported; password_file and acl_file are
    ");
}

#[test]
fn each_line_of_the_commented_example_does_what_the_table_says() {
    let text = include_str!("../corpus/commented.conf");
    let is_option = |line: &&str| {
        line.strip_prefix('#')
            .is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_lowercase()))
    };
    let mut left: BTreeSet<_> = options()
        .map(|option| option.name.trim_end_matches('*'))
        .collect();
    for line in text.lines().filter(is_option) {
        let line = &line[1..];
        let name = line.split(' ').next().unwrap();
        let option = options()
            .find(|option| match option.name.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => option.name == name,
            })
            .unwrap_or_else(|| panic!("{name} is not in the table"));
        left.remove(option.name.trim_end_matches('*'));
        let around = match option.scope {
            broker::config::Scope::Tls => "certfile /c\nkeyfile /k\ncafile /ca\n",
            _ => "",
        };
        // The line alone, unless it is one of those around it.
        let around: Vec<_> = around
            .lines()
            .filter(|other| !other.starts_with(&format!("{name} ")))
            .collect();
        let around = around.join("\n");
        let parsed = Config::parse("f", &format!("listener 1\n{around}\n{line}\n"));
        match option.support {
            Support::Yes if matches!(name, "include_dir" | "per_listener_settings") => {}
            Support::Yes => assert!(parsed.unwrap().warnings.is_empty(), "{line}"),
            Support::Ignored(why) => {
                let warnings = parsed.unwrap().warnings;
                assert!(warnings[0].message().ends_with(why), "{line}");
            }
            Support::Refused(why) => {
                assert!(parsed.unwrap_err().to_string().ends_with(why), "{line}");
            }
        }
    }
    assert!(left.is_empty(), "the example lacks {left:?}");
}

#[test]
fn the_example_of_the_distribution_has_no_word_that_is_not_known() {
    let Ok(text) = std::fs::read_to_string("/usr/share/doc/mosquitto/examples/mosquitto.conf")
    else {
        // Documentation may be left out of an installation; the manual is the same list.
        return;
    };
    let mut count = 0;
    for line in text.lines() {
        let name = line
            .trim_start_matches('#')
            .split(' ')
            .next()
            .unwrap_or_default();
        let is_option = line.starts_with('#') && name.contains('_') && !line.starts_with("# ");
        if is_option {
            count += 1;
            let known = options().any(|option| option.name.trim_end_matches('*') == name);
            assert!(known, "{name}");
        }
    }
    assert!(count > 50, "{count}");
}

/// A command that prints, for tests of what is checked in.
pub(crate) fn broker(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_mqtt-broker"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
