//! People and what they see, changed by command.

use std::process::Command;

use crate::support::{Ended, Sandbox};

/// As somebody writes it by hand.
const PEOPLE: &str = "\
# The Joneses.
people:
  jane:
    devices: [5s, tablet]
    sees: []              # nobody yet
  jjolie:
    devices:
      - 5s                # broken glass
  fred:
    sees:
      # his daughter
      - jjolie/5s         # not the watch
      - jjolie/watch
  ada: {sees: [jane]}
groups:
  family: [jane, fred]    # all
  hikers: [ada, fred]
  alone:
    - ada
";

fn family() -> Sandbox {
    let sandbox = Sandbox::with_site();
    sandbox.write("site/people.yaml", PEOPLE);
    sandbox.write("site/passwd", "");
    std::fs::remove_file(sandbox.path("site/passwords/owner")).unwrap();
    sandbox
}

/// The lines of people.yaml that are new (`+`) and those that are gone (`-`).
fn changed(sandbox: &Sandbox) -> String {
    sandbox.write("before", PEOPLE);
    let diff = ["-U0", "before", "site/people.yaml"];
    let diff = sandbox.run(Command::new("diff").args(diff), "");
    let lines = diff
        .stdout
        .lines()
        .skip(2)
        .filter(|line| !line.starts_with("@@"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// What a command said, and what it changed in people.yaml.
fn outcome(sandbox: &Sandbox, args: &[&str]) -> String {
    let ended = sandbox.provision(args);
    format!("{}--- people.yaml\n{}", ended.shown(), changed(sandbox))
}

/// A command that is refused and changes nothing.
#[track_caller]
fn refused(sandbox: &Sandbox, args: &[&str]) -> String {
    let before = (
        sandbox.read("site/people.yaml"),
        sandbox.read("site/passwd"),
    );
    let ended = sandbox.provision(args);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (2, ""),
        "{}",
        ended.shown()
    );
    assert_eq!(
        before,
        (
            sandbox.read("site/people.yaml"),
            sandbox.read("site/passwd")
        )
    );
    ended.stderr
}

#[test]
fn sees_adds_to_the_list_and_leaves_the_rest_of_the_file() {
    let sandbox = family();
    insta::assert_snapshot!(outcome(&sandbox, &["sees", "jane", "jjolie/5s", "ada"]), @r"
    exit: 0
    --- stdout
    --- stderr
    Granted: jane sees jjolie/5s
    Granted: jane sees ada
    Hosts know it after the next `provision push`, or with a new card.
    --- people.yaml
    -    sees: []              # nobody yet
    +    sees: [ada, jjolie/5s]              # nobody yet
    ");
}

#[test]
fn a_whole_person_replaces_single_devices() {
    let sandbox = family();
    insta::assert_snapshot!(outcome(&sandbox, &["sees", "fred", "jjolie"]), @r"
    exit: 0
    --- stdout
    --- stderr
    Granted: fred sees jjolie, all devices; this replaces jjolie/5s, jjolie/watch
    Hosts know it after the next `provision push`, or with a new card.
    --- people.yaml
    -      - jjolie/5s         # not the watch
    -      - jjolie/watch
    +      - jjolie
    ");
}

#[test]
fn what_is_seen_already_is_no_change() {
    let sandbox = family();
    let (listed, covered) = (["sees", "fred", "jjolie/5s"], ["sees", "ada", "jane/5s"]);
    insta::assert_snapshot!(outcome(&sandbox, &listed), @r"
    exit: 0
    --- stdout
    --- stderr
    Unchanged: fred sees jjolie/5s already
    --- people.yaml
    ");
    insta::assert_snapshot!(outcome(&sandbox, &covered), @r"
    exit: 0
    --- stdout
    --- stderr
    Unchanged: ada sees jane/5s already
    --- people.yaml
    ");
    insta::assert_snapshot!(outcome(&sandbox, &["sees", "fred", "jane"]), @r"
    exit: 0
    --- stdout
    --- stderr
    Unchanged: fred sees jane already, by group family
    --- people.yaml
    ");
}

#[test]
fn a_device_that_nobody_named_is_granted_with_a_warning() {
    let sandbox = family();
    insta::assert_snapshot!(outcome(&sandbox, &["sees", "ada", "jjolie/5x"]), @r"
    exit: 0
    --- stdout
    --- stderr
    Granted: ada sees jjolie/5x
    warning: people.yaml has no device 5x of jjolie; did you mean 5s?
    Hosts know it after the next `provision push`, or with a new card.
    --- people.yaml
    -  ada: {sees: [jane]}
    +  ada: {sees: [jane, jjolie/5x]}
    ");
}

#[test]
fn sees_refuses_strangers_oneself_and_what_is_no_name() {
    let sandbox = family();
    insta::assert_snapshot!(refused(&sandbox, &["sees", "fredd", "jane"]), @"error: there is no person fredd; did you mean fred?");
    insta::assert_snapshot!(refused(&sandbox, &["sees", "ada", "jjolie", "jan/5s"]), @"error: there is no person jan; did you mean jane?");
    insta::assert_snapshot!(refused(&sandbox, &["sees", "ada", "ada/phone"]), @"error: ada always sees ada's own devices; name two people");
    for name in [
        "+", "#", "a+b", "..", "../x", "a:b", "a b", "a\nb", "a\u{7f}", "", "a/b/c", "a/", "a/#",
        "-a", "$SYS",
    ] {
        for args in [
            ["sees", "ada", name],
            ["hide", "ada", name],
            ["group", name, "ada"],
        ] {
            let error = refused(&sandbox, &args);
            assert!(
                error.contains("can't be a name") || error.contains("unexpected argument"),
                "{error}"
            );
        }
    }
}

#[test]
fn hide_takes_from_the_list_and_warns_of_groups() {
    let sandbox = family();
    insta::assert_snapshot!(outcome(&sandbox, &["hide", "fred", "jjolie/watch"]), @r"
    exit: 0
    --- stdout
    --- stderr
    Removed jjolie/watch from what fred sees
    Hosts know it after the next `provision push`, or with a new card.
    --- people.yaml
    -      - jjolie/watch
    ");
    insta::assert_snapshot!(outcome(&sandbox, &["hide", "fred", "jjolie"]), @r"
    exit: 0
    --- stdout
    --- stderr
    Removed jjolie/5s from what fred sees
    Hosts know it after the next `provision push`, or with a new card.
    --- people.yaml
    -      - jjolie/5s         # not the watch
    -      - jjolie/watch
    +      []
    ");
    let sandbox = family();
    sandbox.provision(&["group", "family", "ada"]).success();
    insta::assert_snapshot!(outcome(&sandbox, &["hide", "ada", "jane"]), @r"
    exit: 0
    --- stdout
    --- stderr
    Removed jane from what ada sees
    warning: ada still sees jane, by group family; to change that: `provision group family --remove ada`
    Hosts know it after the next `provision push`, or with a new card.
    --- people.yaml
    -  ada: {sees: [jane]}
    +  ada: {sees: []}
    -  family: [jane, fred]    # all
    +  family: [jane, fred, ada]    # all
    ");
}

#[test]
fn hide_refuses_what_the_list_does_not_have() {
    let sandbox = family();
    insta::assert_snapshot!(refused(&sandbox, &["hide", "fred", "jane"]), @r"
    error: fred sees jane by group family, not by an own list
      hint: `provision group family --remove fred`
    ");
    insta::assert_snapshot!(refused(&sandbox, &["hide", "ada", "jane/5s"]), @r"
    error: ada sees all devices of jane, so jane/5s alone can't be hidden
      hint: grant the others instead: `provision hide ada jane`, then `provision sees ada jane/tablet`
    ");
    insta::assert_snapshot!(refused(&sandbox, &["hide", "fred", "jjolie/5x"]), @"error: fred does not see jjolie/5x; did you mean jjolie/5s?");
    insta::assert_snapshot!(refused(&sandbox, &["hide", "ada", "jjolie"]), @r"
    error: ada does not see jjolie
      hint: the list of ada has jane
    ");
    insta::assert_snapshot!(refused(&sandbox, &["hide", "jane", "ada"]), @"error: jane does not see ada");
    insta::assert_snapshot!(refused(&sandbox, &["hide", "jane", "add"]), @"error: there is no person add; did you mean ada?");
}

#[test]
fn a_group_is_made_extended_printed_and_left() {
    let sandbox = family();
    insta::assert_snapshot!(outcome(&sandbox, &["group", "work", "jane", "ada"]), @r"
    exit: 0
    --- stdout
    --- stderr
    Created group work of jane, ada
    Hosts know it after the next `provision push`, or with a new card.
    --- people.yaml
    +  work:
    +    - ada
    +    - jane
    ");
    insta::assert_snapshot!(outcome(&sandbox, &["group", "family", "jane", "jjolie", "--remove", "fred"]), @r"
    exit: 0
    --- stdout
    --- stderr
    Added jjolie to group family
    Removed fred from group family
    Hosts know it after the next `provision push`, or with a new card.
    --- people.yaml
    -  family: [jane, fred]    # all
    +  family: [jane, jjolie]    # all
    +  work:
    +    - ada
    +    - jane
    ");
    insta::assert_snapshot!(sandbox.provision(&["group", "family"]).shown(), @r"
    exit: 0
    --- stdout
    jane
    jjolie
    --- stderr
    ");
    insta::assert_snapshot!(sandbox.provision(&["group", "family", "jane"]).shown(), @r"
    exit: 0
    --- stdout
    --- stderr
    Unchanged: jane is in group family already
    ");
    insta::assert_snapshot!(sandbox.provision(&["group", "family", "--json"]).stdout, @r#"
    {
      "changed": false,
      "members": [
        "jane",
        "jjolie"
      ],
      "name": "family",
      "version": 1
    }
    "#);
    insta::assert_snapshot!(sandbox.provision(&["group", "work", "--delete"]).shown(), @r"
    exit: 0
    --- stdout
    --- stderr
    Removed group work of ada, jane
    Hosts know it after the next `provision push`, or with a new card.
    ");
}

#[test]
fn the_last_one_takes_the_group_along() {
    let sandbox = family();
    insta::assert_snapshot!(outcome(&sandbox, &["group", "alone", "--remove", "ada"]), @r"
    exit: 0
    --- stdout
    --- stderr
    Removed ada from group alone
    Removed group alone: nobody is in it any longer
    Hosts know it after the next `provision push`, or with a new card.
    --- people.yaml
    -  alone:
    -    - ada
    ");
}

#[test]
fn group_refuses_strangers_unknown_groups_and_nonsense() {
    let sandbox = family();
    insta::assert_snapshot!(refused(&sandbox, &["group", "famly"]), @"error: there is no group famly; did you mean family?");
    insta::assert_snapshot!(refused(&sandbox, &["group", "friends", "--delete"]), @r"
    error: there is no group friends
      hint: the groups are alone, family, hikers
    ");
    insta::assert_snapshot!(refused(&sandbox, &["group", "family", "jan"]), @"error: there is no person jan; did you mean jane?");
    insta::assert_snapshot!(refused(&sandbox, &["group", "family", "--remove", "frad"]), @"error: frad is not in group family; did you mean fred?");
    insta::assert_snapshot!(refused(&sandbox, &["group", "family", "ada", "--remove", "ada"]), @"error: ada is both to come into group family and to leave it");
}

#[test]
fn a_removed_person_is_gone_everywhere() {
    let sandbox = family();
    for name in ["jjolie", "ada"] {
        sandbox
            .provision(&["set-password", name, "--generate"])
            .success();
    }
    insta::assert_snapshot!(outcome(&sandbox, &["remove-user", "jjolie", "--yes"]), @r"
    exit: 0
    --- stdout
    jjolie
    --- stderr
    Removed jjolie
      also jjolie/5s, jjolie/watch in what fred sees
      also the password, not handed over yet
    Hosts know it after the next `provision push`, or with a new card.
    --- people.yaml
    -  jjolie:
    -    devices:
    -      - 5s                # broken glass
    -      - jjolie/5s         # not the watch
    -      - jjolie/watch
    +      []
    ");
    insta::assert_snapshot!(outcome(&sandbox, &["remove-user", "ada", "--yes"]), @r"
    exit: 0
    --- stdout
    ada
    --- stderr
    Removed ada
      also group alone (nobody else is in it)
      also the place in group hikers
      also the password, not handed over yet
    Hosts know it after the next `provision push`, or with a new card.
    --- people.yaml
    -  jjolie:
    -    devices:
    -      - 5s                # broken glass
    -      - jjolie/5s         # not the watch
    -      - jjolie/watch
    -  ada: {sees: [jane]}
    +      []
    -  hikers: [ada, fred]
    -  alone:
    -    - ada
    +  hikers: [fred]
    ");
    let traces = sandbox.run(
        Command::new("grep").args(["-rlE", "jjolie|ada", "site"]),
        "",
    );
    assert_eq!((traces.code, traces.stdout.as_str()), (1, ""));
    assert!(!sandbox.path("site/passwords/ada").exists());
}

#[test]
fn a_script_has_to_say_yes_and_a_stranger_is_named() {
    let sandbox = family();
    insta::assert_snapshot!(refused(&sandbox, &["remove-user", "jjolie"]), @r"
    error: there is no terminal to ask whether jjolie shall be removed; nothing was changed
      hint: say --yes
    ");
    insta::assert_snapshot!(refused(&sandbox, &["remove-user", "joli", "--yes"]), @"error: there is no person joli; did you mean jjolie?");
}

/// Runs the command on a terminal, where `answer` is typed.
fn on_a_terminal(sandbox: &Sandbox, command: &str, answer: &str) -> Ended {
    let command = format!(
        "{} --color never {command}",
        env!("CARGO_BIN_EXE_provision")
    );
    let script = ["--quiet", "--return", "--command", &command, "/dev/null"];
    sandbox.run(Command::new("script").args(script), answer)
}

#[test]
fn on_a_terminal_one_is_asked_and_no_is_the_default() {
    let sandbox = family();
    for answer in ["\n", "n\n", "what?\n"] {
        let ended = on_a_terminal(&sandbox, "remove-user ada", answer);
        assert_eq!(ended.code, 1, "{}", ended.shown());
        // The terminal repeats what is typed, whenever it comes.
        let shown = ended.stdout.replace("\r\n", "\n");
        for part in [
            "With ada go group alone (nobody else is in it); the place in group hikers; the password.\nRemove ada? [y/N]: ",
            "error: ada stays; nothing was changed\n",
        ] {
            assert!(shown.contains(part), "{}", ended.shown());
        }
    }
    assert_eq!(changed(&sandbox), "");
    on_a_terminal(&sandbox, "remove-user ada", "y\n").success();
    assert!(!sandbox.read("site/people.yaml").contains("ada"));
}

#[test]
fn what_an_interrupted_removal_left_is_removed_by_another() {
    let sandbox = family();
    sandbox
        .provision(&["set-password", "ada", "--generate"])
        .success();
    // As if the computer had stopped after people.yaml.
    let people = PEOPLE
        .replace("  ada: {sees: [jane]}\n", "")
        .replace("ada", "jane");
    sandbox.write("site/people.yaml", &people);
    assert!(sandbox.read("site/passwd").contains("ada:"));
    let listed = sandbox.provision(&["list-users"]).success().stderr;
    insta::assert_snapshot!(listed, @"warning: passwd has ada, who is not in people.yaml and can't log in; `provision remove-user` takes it out");
    insta::assert_snapshot!(sandbox.provision(&["remove-user", "ada", "--yes"]).shown(), @r"
    exit: 0
    --- stdout
    ada
    --- stderr
    Removed what was left of ada
      also the password, not handed over yet
    Hosts know it after the next `provision push`, or with a new card.
    ");
    assert_eq!(sandbox.read("site/passwd"), "");
    assert!(!sandbox.path("site/passwords/ada").exists());
}

#[test]
fn another_password_is_the_only_one() {
    use crate::brokers::Broker;
    let sandbox = Sandbox::with_site();
    let generated = sandbox.read("site/passwords/owner");
    let ended = sandbox.provision_with(
        &["set-password", "owner", "--password-stdin"],
        "correct horse\n",
    );
    insta::assert_snapshot!(ended.shown(), @r"
    exit: 0
    --- stdout
    owner
    --- stderr
    Changed the password of owner
    Hosts know it after the next `provision push`, or with a new card.
    ");
    assert!(
        !sandbox.path("site/passwords/owner").exists(),
        "an old password is kept"
    );
    let passwd = sandbox.path("site/passwd").display().to_string();
    let config =
        format!("listener @PORT@ 127.0.0.1\nallow_anonymous false\npassword_file {passwd}\n");
    let broker = Broker::mosquitto(&sandbox.path("mosquitto"), &config);
    let takes = |password: &str| {
        let client = broker.client(&sandbox.path("clients"), "owner", password, None);
        client.publish("test", "x")
    };
    assert!(takes("correct horse"));
    assert!(!takes(generated.trim()));
}

#[test]
fn a_generated_password_is_shown_once_and_kept() {
    let sandbox = family();
    let ended = sandbox
        .provision(&["set-password", "jane", "--generate"])
        .success();
    let kept = sandbox.read("site/passwords/jane");
    let shown = ended.shown().replace(kept.trim(), "[PASSWORD]");
    insta::assert_snapshot!(shown, @r"
    exit: 0
    --- stdout
    jane
    --- stderr
    Changed the password of jane
      password: [PASSWORD]
      kept in site/passwords/jane (0600)
    Hosts know it after the next `provision push`, or with a new card.
    ");
    insta::assert_snapshot!(refused(&sandbox, &["set-password", "jan", "--generate"]), @"error: there is no person jan; did you mean jane?");
    let nowhere = refused(&sandbox, &["set-password", "jane"]);
    assert!(
        nowhere.contains("--password-stdin or --generate"),
        "{nowhere}"
    );
}

#[test]
fn a_file_that_can_not_be_edited_by_program_is_left_alone() {
    let sandbox = family();
    let anchored =
        "people:\n  jane: {sees: &all [fred]}\n  fred: {sees: []}\n  ada: {sees: *all}\n";
    sandbox.write("site/people.yaml", anchored);
    insta::assert_snapshot!(refused(&sandbox, &["sees", "ada", "jane"]), @r"
    error: people.yaml is written in a way that can't be edited by program; nothing was changed
      hint: edit it by hand: add jane to people.ada.sees
    ");
    insta::assert_snapshot!(refused(&sandbox, &["remove-user", "fred", "--yes"]), @r"
    error: people.yaml is written in a way that can't be edited by program; nothing was changed
      hint: edit it by hand: remove fred from people; remove fred from people.ada.sees; remove fred from people.jane.sees
    ");
    sandbox.write("site/people.yaml", "people:\n  jane: {}\n  jane: {}\n");
    insta::assert_snapshot!(refused(&sandbox, &["list-users"]), @"error: site/people.yaml:2:3: people: jane is there twice");
}
