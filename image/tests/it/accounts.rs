//! Account files: what is added, what stays as it was, and what the shadow tools think of it.

use image::accounts::{
    AccountError, AccountFile, AccountFiles, LoginName, NewUser, PasswordField, Settled,
};

use proptest::prelude::*;

use crate::support::{WHEN, tool, write};

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\n+@nis::::::\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
const SHADOW: &str = "root:*:20000:0:99999:7:::\nnobody:*:20000:0:99999:7:::\n";
const GROUP: &str = "root:x:0:\nsudo:x:27:\nvideo:x:44:kodi\nnogroup:x:65534:\n";
const GSHADOW: &str = "root:*::\nsudo:*::\nvideo:*::kodi\nnogroup:*::\n";

fn text(file: AccountFile) -> String {
    match file {
        AccountFile::Passwd => PASSWD,
        AccountFile::Shadow => SHADOW,
        AccountFile::Group => GROUP,
        AccountFile::Gshadow => GSHADOW,
        AccountFile::Subuid | AccountFile::Subgid => "old:100000:65536\n",
    }
    .to_owned()
}

fn files() -> AccountFiles {
    AccountFiles::parse(|file| Ok::<_, AccountError>(Some(text(file)))).unwrap()
}

fn ada() -> NewUser {
    NewUser {
        name: LoginName::new("ada").unwrap(),
        id: 1000,
        comment: String::new(),
        home: "/home/ada".to_owned(),
        shell: "/bin/bash".to_owned(),
        password: PasswordField::Locked,
        groups: vec!["sudo".to_owned(), "gpio".to_owned(), "video".to_owned()],
        since: WHEN,
    }
}

#[test]
fn a_user_is_added_to_every_file_and_the_rest_stays() {
    let mut files = files();
    let user = ada();
    assert_eq!(files.add(&user).unwrap(), ["gpio"]);
    let mut report = String::new();
    for (file, text) in files.render() {
        report += &["--- ", file.path(), "\n", &text].concat();
    }
    insta::assert_snapshot!(report, @r"
    --- /etc/passwd
    root:x:0:0:root:/root:/bin/bash

    +@nis::::::
    nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
    ada:x:1000:1000::/home/ada:/bin/bash
    --- /etc/shadow
    root:*:20000:0:99999:7:::
    nobody:*:20000:0:99999:7:::
    ada:!:20455:0:99999:7:::
    --- /etc/group
    root:x:0:
    sudo:x:27:ada
    video:x:44:kodi,ada
    nogroup:x:65534:
    ada:x:1000:
    --- /etc/gshadow
    root:*::
    sudo:*::ada
    video:*::kodi,ada
    nogroup:*::
    ada:!::
    --- /etc/subuid
    old:100000:65536
    ada:165536:65536
    --- /etc/subgid
    old:100000:65536
    ada:165536:65536
    ");
}

#[test]
fn the_shadow_tools_find_nothing_wrong() {
    let mut files = files();
    let user = NewUser {
        password: PasswordField::Hash("$6$salt$hash/hash.".to_owned()),
        ..ada()
    };
    files.add(&user).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (file, text) in files.render() {
        let text = text.replace("\n\n+@nis::::::\n", "\n");
        write(&path(file.path().trim_start_matches("/etc/")), text);
    }
    let said = |program: &str, files: [&str; 2]| {
        let mut command = tool(program);
        command.arg("-r").args(files.map(path));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    // They look for members and homes on this machine; what they say about lines is what counts.
    for text in [
        said("pwck", ["passwd", "shadow"]),
        said("grpck", ["group", "gshadow"]),
    ] {
        assert!(text.contains("no changes"), "{text}");
        assert!(
            !text.contains("invalid") && !text.contains("duplicate"),
            "{text}"
        );
        assert!(!text.contains("no matching"), "{text}");
    }
}

/// As Raspberry Pi OS ships them, in small; `row` is that of the first user.
fn shipped(shell: &str, password: &str) -> AccountFiles {
    AccountFiles::parse(|file| {
        Ok::<_, AccountError>(Some(match file {
            AccountFile::Passwd => format!(
                "root:x:0:0:root:/root:/bin/bash\npi:x:1000:1000:,,,:/home/pi:{shell}\nsshd:x:102:65534::/run/sshd:/usr/sbin/nologin\n"
            ),
            AccountFile::Shadow => {
                format!("root:*:1:0:99999:7:::\npi:{password}:20000:0:99999:7:::\nsshd:!:1::::::\n")
            }
            AccountFile::Group => {
                "sudo:x:27:ann,pi,bob\npip:x:30:pip\npi:x:1000:\ngpio:x:986:pi\n".to_owned()
            }
            AccountFile::Gshadow => "sudo:*:pi:ann,pi,bob\npip:!::pip\npi:!::\ngpio:!::pi\n".to_owned(),
            AccountFile::Subuid | AccountFile::Subgid => {
                "ann:1:1\npi:100000:65536\npi:300000:65536\n".to_owned()
            }
        }))
    })
    .unwrap()
}

#[test]
fn a_placeholder_is_renamed_in_place_whatever_its_shell() {
    for (shell, password) in [
        ("/usr/sbin/nologin", "!"),
        ("/bin/bash", "*"),
        ("/bin/bash", "!"),
    ] {
        let mut files = shipped(shell, password);
        let user = ada();
        let settled = files.settle(&user, false).unwrap();
        let (from, home) = ("pi".to_owned(), "/home/pi".to_owned());
        let unknown = vec!["video"];
        assert_eq!(
            settled,
            Settled::Renamed {
                from,
                home,
                unknown
            }
        );
        let mut report = String::new();
        for (file, text) in files.render() {
            report += &[
                "--- ",
                file.path(),
                "\n",
                &text.replace(":*:20000", ":!:20000"),
            ]
            .concat();
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(report, @r"
            --- /etc/passwd
            root:x:0:0:root:/root:/bin/bash
            ada:x:1000:1000:,,,:/home/ada:/bin/bash
            sshd:x:102:65534::/run/sshd:/usr/sbin/nologin
            --- /etc/shadow
            root:*:1:0:99999:7:::
            ada:!:20000:0:99999:7:::
            sshd:!:1::::::
            --- /etc/group
            sudo:x:27:ann,ada,bob
            pip:x:30:pip
            ada:x:1000:
            gpio:x:986:ada
            --- /etc/gshadow
            sudo:*:ada:ann,ada,bob
            pip:!::pip
            ada:!::
            gpio:!::ada
            --- /etc/subuid
            ann:1:1
            ada:100000:65536
            ada:300000:65536
            --- /etc/subgid
            ann:1:1
            ada:100000:65536
            ada:300000:65536
            ");
        }
    }
}

#[test]
fn somebody_who_can_log_in_is_not_renamed_and_nothing_changes() {
    for (password, has_keys) in [("$6$a$b", false), ("", false), ("!", true)] {
        let before = shipped("/bin/bash", password);
        let mut after = before.clone();
        let error = after.settle(&ada(), has_keys).unwrap_err();
        assert_eq!(
            error.to_string(),
            "1000 is the id of pi, who can log in, and is not renamed to ada"
        );
        assert_eq!(before, after);
    }
    let mut after = shipped("/bin/bash", "!");
    let mut user = ada();
    user.name = LoginName::new("sshd").unwrap();
    assert_eq!(
        after.settle(&user, false).unwrap_err().to_string(),
        "sshd has a line in /etc/passwd already"
    );
    assert_eq!(after, shipped("/bin/bash", "!"));
}

#[test]
fn who_has_the_wanted_name_already_keeps_what_it_has() {
    let mut user = ada();
    user.name = LoginName::new("pi").unwrap();
    user.groups = vec!["sudo".to_owned()];
    let before = shipped("/bin/zsh", "$6$old$old");
    let mut files = before.clone();
    let settled = files.settle(&user, true).unwrap();
    let home = "/home/pi".to_owned();
    assert_eq!(
        settled,
        Settled::Kept {
            home,
            unknown: vec![]
        }
    );
    assert_eq!(files, before);
    user.password = PasswordField::Hash("$y$j9T$salt$new".to_owned());
    files.settle(&user, true).unwrap();
    let shadow = &files.render()[1].1;
    assert!(
        shadow.contains("pi:$y$j9T$salt$new:20455:0:99999:7:::\n"),
        "{shadow}"
    );
}

#[test]
fn who_leaves_a_group_is_gone_from_both_files() {
    let mut files = shipped("/bin/bash", "!");
    files.leave("sudo", &LoginName::new("pi").unwrap());
    let texts: Vec<_> = files.render().into_iter().map(|(_, text)| text).collect();
    assert!(texts[2].starts_with("sudo:x:27:ann,bob\n"), "{}", texts[2]);
    assert!(texts[3].starts_with("sudo:*:pi:ann,bob\n"), "{}", texts[3]);
}

#[test]
fn nothing_changes_if_a_name_or_number_is_taken() {
    let mut files = files();
    files.add(&ada()).unwrap();
    let before = files.clone();
    let refuse = |change: fn(&mut NewUser)| {
        let mut user = ada();
        user.name = LoginName::new("bob").unwrap();
        user.id = 1001;
        change(&mut user);
        let mut files = before.clone();
        let error = files.add(&user).unwrap_err().to_string();
        assert_eq!(files, before);
        error
    };
    let cases: [fn(&mut NewUser); 6] = [
        |user| user.name = LoginName::new("ada").unwrap(),
        |user| user.name = LoginName::new("sudo").unwrap(),
        |user| user.id = 1000,
        |user| user.id = 27,
        |user| user.home = "/home/a:b".to_owned(),
        |user| user.password = PasswordField::Hash("plain".to_owned()),
    ];
    insta::assert_snapshot!(cases.map(refuse).join("\n"), @r"
    ada has a line in /etc/passwd already
    sudo has a line in /etc/group already
    1000 is the id of ada in /etc/passwd, and bob can't have it too
    27 is the id of sudo in /etc/group, and bob can't have it too
    the home directory of bob may not contain a colon or a line break
    the password hash of bob is not in the form $id$salt$hash
    ");
}

#[test]
fn a_broken_line_is_named_by_file_and_number() {
    let broken = |file, text: &str| {
        AccountFiles::parse(|asked| {
            Ok::<_, AccountError>(Some(if asked == file {
                text.to_owned()
            } else {
                String::new()
            }))
        })
        .unwrap_err()
        .to_string()
    };
    let report = [
        broken(
            AccountFile::Passwd,
            "root:x:0:0:root:/root:/bin/bash\nada:x:1000\n",
        ),
        broken(AccountFile::Passwd, "root:x:zero:0:root:/root:/bin/bash\n"),
        broken(
            AccountFile::Shadow,
            "root:*:1:0:99999:7:::\nroot:*:1:0:99999:7:::\n",
        ),
        broken(AccountFile::Group, ":x:0:\n"),
        broken(AccountFile::Subuid, "ada:100000:many\n"),
    ]
    .join("\n");
    insta::assert_snapshot!(report, @r#"
    /etc/passwd:2: it has 3 fields, 7 are needed
    /etc/passwd:1: field 3 is "zero", not a number
    /etc/shadow:2: root has a line already
    /etc/group:1: its name is empty
    /etc/subuid:1: field 3 is "many", not a number
    "#);
}

#[test]
fn names_that_can_not_log_in_everywhere_are_refused() {
    for name in [
        "",
        "Ada",
        "1st",
        "a.b",
        "a_b",
        "-a",
        "a b",
        "a:b",
        "ädä",
        "root",
        &"a".repeat(33),
    ] {
        LoginName::new(name).unwrap_err();
    }
    for name in ["a", "ada", "a-1", &"a".repeat(32)] {
        LoginName::new(name).unwrap();
    }
}

#[test]
fn no_hash_shows_in_a_debug_text() {
    let mut files = files();
    let user = NewUser {
        password: PasswordField::Hash("$6$salt$secrethash".to_owned()),
        ..ada()
    };
    files.add(&user).unwrap();
    let text = format!("{user:?} {files:?}");
    assert!(!text.contains("secrethash"), "{text}");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_what_is_accepted_comes_out_as_it_was(
        lines in proptest::collection::vec("[a-z+#-]{0,4}(:[a-z0-9]{0,6}){0,9}", 0..6),
    ) {
        let text = lines.join("\n") + if lines.is_empty() { "" } else { "\n" };
        if let Ok(files) = AccountFiles::parse(|_| Ok::<_, AccountError>(Some(text.clone()))) {
            for (_, rendered) in files.render() {
                prop_assert_eq!(&rendered, &text);
            }
        }
    }
}
