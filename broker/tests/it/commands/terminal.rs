//! Passwords that are typed, on a terminal that Python makes.

use std::fs;

use broker::passwd::PasswordFile;

use crate::support::run;

/// Runs a command on a terminal of its own and answers each question when it comes; prints what the terminal showed
/// and the exit code.
const SCRIPT: &str = r"
import os, pty, select, sys
dialogue = [pair.split('=') for pair in sys.argv[1].split(';')]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
shown, seen = b'', 0
while True:
    if not select.select([terminal], [], [], 30)[0]:
        sys.exit('nothing came after ' + repr(shown))
    try:
        piece = os.read(terminal, 1000)
    except OSError:
        break
    shown += piece
    if dialogue and dialogue[0][0].encode() in shown[seen:]:
        seen = len(shown)
        os.write(terminal, dialogue.pop(0)[1].encode().decode('unicode_escape').encode())
print(shown.decode().replace('\r\n', '\n'), end='')
print('exit:', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";

/// What the terminal showed after `passwd`, and the exit code.
fn typed(folder: &tempfile::TempDir, dialogue: &str, options: &[&str]) -> String {
    let path = folder.path().join("f");
    let mut words = vec![
        "-c",
        SCRIPT,
        dialogue,
        env!("CARGO_BIN_EXE_mqtt-broker"),
        "passwd",
    ];
    words.extend(options);
    words.extend([path.to_str().unwrap(), "fred"]);
    let output = run("python3", &words);
    assert!(output.status.success(), "{output:?}");
    let shown = String::from_utf8(output.stdout).unwrap();
    shown.replace(folder.path().to_str().unwrap(), "[FOLDER]")
}

fn lets_in(folder: &tempfile::TempDir, password: &str) -> bool {
    let text = fs::read_to_string(folder.path().join("f")).unwrap();
    PasswordFile::parse(&text)
        .unwrap()
        .authenticate("fred", password.as_bytes())
}

#[test]
fn a_password_is_asked_for_twice_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(typed(&folder, r"Password:=s3cret\n;Reenter=s3cret\n", &["-c"]), @r#"
    Password: 
    Reenter password: 
    Adding password for user fred
    exit: 0
    "#);
    assert!(lets_in(&folder, "s3cret"));
    insta::assert_snapshot!(typed(&folder, r"Password:=other\n;Reenter=0ther\n", &[]), @r#"
    Password: 
    Reenter password: 
    Error: passwords do not match.
    exit: 2
    "#);
    insta::assert_snapshot!(typed(&folder, r"Password:=\n", &[]), @r#"
    Password: 
    Error: a password has at least one character.
    exit: 1
    "#);
    insta::assert_snapshot!(typed(&folder, r"Password:=half\x03", &[]), @r#"
    Password: 
    Error: interrupted; nothing was changed.
    exit: 1
    "#);
    assert!(lets_in(&folder, "s3cret"));
}

#[test]
fn c_asks_before_it_replaces_users() {
    let folder = tempfile::tempdir().unwrap();
    typed(&folder, r"Password:=one\n;Reenter=one\n", &["-c"]);
    insta::assert_snapshot!(typed(&folder, r"Replace=\n", &["-c"]), @r#"
    [FOLDER]/f has 1 user. Replace it? [y/N] 
    Error: [FOLDER]/f was left as it is.
    exit: 1
    "#);
    assert!(lets_in(&folder, "one"));
    typed(
        &folder,
        r"Replace=y\n;Password:=two\n;Reenter=two\n",
        &["-c"],
    );
    assert!(lets_in(&folder, "two"));
}
