//! `mqtt-broker acl`: what it says, and that the broker does it.

use std::fmt::Write as _;

use super::ended;
use crate::support::{run, write};

const ACL: &str = "\
# everybody
pattern  readwrite owntracks/%u/#

user fred
topic read owntracks/jane/5s
  topic deny owntracks/fred/secret
";

fn home() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path().join("acl"), ACL);
    folder
}

#[test]
fn the_line_that_decides_is_shown_as_it_stands() {
    let folder = home();
    let mut said = String::new();
    for question in [
        "-u fred -t owntracks/jane/5s read",
        "--user fred --topic owntracks/jane/5s write",
        "-u fred -t owntracks/fred/phone write",
        "-u fred -t owntracks/fred/secret read",
        "-u jane --client-id phone -t owntracks/jane/5s read",
        "-t owntracks/jane/5s read",
        "-u + -t owntracks/jane/5s read",
        "-u fred -i # -t owntracks/jane/6 read",
        "-u fred -t $SYS/broker/x write",
    ] {
        let words: Vec<_> = "acl --acl-file acl"
            .split(' ')
            .chain(question.split(' '))
            .collect();
        let end = ended(folder.path(), &words, "");
        let end = end.replace("--- stdout\n", "").replace("--- stderr\n", "");
        writeln!(said, "{question}\n{}", end.trim_end()).unwrap();
    }
    insta::assert_snapshot!(said, @r#"
    -u fred -t owntracks/jane/5s read
    exit: 0
    allowed: acl:5: topic read owntracks/jane/5s
    --user fred --topic owntracks/jane/5s write
    exit: 1
    refused: acl: no line allows it
    -u fred -t owntracks/fred/phone write
    exit: 0
    allowed: acl:2: pattern  readwrite owntracks/%u/#
    -u fred -t owntracks/fred/secret read
    exit: 1
    refused: acl:6: topic deny owntracks/fred/secret
    -u jane --client-id phone -t owntracks/jane/5s read
    exit: 0
    allowed: acl:2: pattern  readwrite owntracks/%u/#
    -t owntracks/jane/5s read
    exit: 1
    refused: acl: no line allows it
    -u + -t owntracks/jane/5s read
    exit: 1
    refused: acl: there are patterns, and the user name or client id contains + or #
    -u fred -i # -t owntracks/jane/6 read
    exit: 1
    refused: acl: there are patterns, and the user name or client id contains + or #
    -u fred -t $SYS/broker/x write
    exit: 1
    refused: nobody but the broker writes below $SYS
    "#);
}

#[test]
fn a_configuration_says_which_file_counts() {
    let folder = home();
    let path = |name: &str| folder.path().join(name);
    write(path("other"), "topic #\n");
    let acl = path("acl");
    let (acl, other) = (acl.display(), path("other"));
    let other = other.display();
    write(
        path("one.conf"),
        format!("listener 1883\nlistener 8883\nacl_file {acl}\n"),
    );
    write(path("none.conf"), "listener 1883\n");
    write(
        path("two.conf"),
        format!(
            "per_listener_settings true\nlistener 1883\nacl_file {other}\nlistener 8883\nacl_file {acl}\n"
        ),
    );
    write(
        path("mount.conf"),
        format!(
            "listener 1883\nmount_point cabin/\nlistener 8883\nacl_file {}\n",
            path("mounted").display()
        ),
    );
    write(path("mounted"), "topic read cabin/owntracks/#\n");
    let mut said = String::new();
    for question in [
        "one.conf",
        "none.conf",
        "two.conf",
        "two.conf -p 1883",
        "two.conf -p 8883",
        "two.conf -p 1",
        "mount.conf",
        "mount.conf -p 1883",
        "mount.conf -p 8883",
    ] {
        let line = format!("acl -c {question} -t owntracks/x read");
        let words: Vec<_> = line.split(' ').collect();
        let end = ended(folder.path(), &words, "");
        let end = end.replace("--- stdout\n", "").replace("--- stderr\n", "");
        writeln!(said, "{question}\n{}", end.trim_end()).unwrap();
    }
    insta::assert_snapshot!(said, @r#"
    one.conf
    exit: 1
    refused: [FOLDER]/acl: no line allows it
    none.conf
    exit: 0
    allowed: there is no acl_file: everything is allowed
    two.conf
    exit: 3
    Error: the listeners of two.conf differ in acl_file or mount_point: say which with -p PORT; there are 1883, 8883
    two.conf -p 1883
    exit: 0
    allowed: [FOLDER]/other:1: topic #
    two.conf -p 8883
    exit: 1
    refused: [FOLDER]/acl: no line allows it
    two.conf -p 1
    exit: 3
    Error: two.conf has no listener on port 1; there are 1883, 8883
    mount.conf
    exit: 3
    Error: the listeners of mount.conf differ in acl_file or mount_point: say which with -p PORT; there are 1883, 8883
    mount.conf -p 1883
    exit: 0
    allowed: [FOLDER]/mounted:1: topic read cabin/owntracks/#
    mount.conf -p 8883
    exit: 1
    refused: [FOLDER]/mounted: no line allows it
    "#);
}

#[test]
fn what_is_wrong_ends_with_3() {
    let folder = home();
    write(folder.path().join("bad"), "topic a\ntopc b\ntopic foo c\n");
    let mut said = String::new();
    for question in [
        "--acl-file bad -t x read",
        "--acl-file none -t x read",
        "-c none -t x read",
        "--acl-file acl -t a/+ read",
        "--acl-file acl -t x sing",
        "--acl-file acl read",
    ] {
        let line = format!("acl {question}");
        let words: Vec<_> = line.split(' ').collect();
        let end = ended(folder.path(), &words, "");
        assert!(
            end.starts_with("exit: 3\n--- stdout\n--- stderr\n"),
            "{question}: {end}"
        );
        let first: Vec<_> = end
            .lines()
            .skip(3)
            .take_while(|line| !line.is_empty())
            .collect();
        writeln!(said, "{question}\n{}", first.join("\n")).unwrap();
    }
    insta::assert_snapshot!(said, @r#"
    --acl-file bad -t x read
    Error: bad:2: invalid line: expected `user`, `topic`, `pattern` or `#`, found "topc"
    Error: bad:3: invalid access type "foo": expected read, write, readwrite or deny (a topic with a space in it needs one before it)
    --acl-file none -t x read
    Error: none: cannot read file: No such file or directory (os error 2)
    -c none -t x read
    Error: none: cannot read file: No such file or directory (os error 2)
    --acl-file acl -t a/+ read
    Error: "a/+" is no topic of a message: a topic name contains no wildcard, this one has '+'
    --acl-file acl -t x sing
    error: invalid value 'sing' for '<ACCESS>'
      [possible values: read, write]
    --acl-file acl read
    error: the following required arguments were not provided:
      --topic <TOPIC>
    "#);
}

#[test]
fn the_json_is_read_by_others() {
    let folder = home();
    let odd = "a\"b\\c\u{1}\u{7f}\u{e9}\u{1f600}";
    let words = [
        "acl",
        "--acl-file",
        "acl",
        "--json",
        "-u",
        "fred",
        "-i",
        odd,
        "-t",
        "owntracks/fred/secret",
        "read",
    ];
    let end = ended(folder.path(), &words, "");
    let json = end.lines().nth(2).unwrap();
    let script = "import json,sys\n\
        d=json.loads(sys.argv[1]); assert d['client_id']==sys.argv[2], d\n\
        del d['client_id']; print('\\n'.join(f'{k}: {v!r}' for k,v in d.items()))";
    let output = run("python3", &["-c", script, json, odd]);
    assert!(output.status.success(), "{output:?}");
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap(), @r#"
    version: 1
    allowed: False
    user: 'fred'
    topic: 'owntracks/fred/secret'
    access: 'read'
    reason: 'line'
    file: 'acl'
    line: 6
    text: 'topic deny owntracks/fred/secret'
    "#);
}
