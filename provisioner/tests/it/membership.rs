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
    insta::assert_snapshot!(outcome(&sandbox, &["sees", "jane", "jjolie/5s", "ada"]), @"");
}

#[test]
fn a_whole_person_replaces_single_devices() {
    let sandbox = family();
    insta::assert_snapshot!(outcome(&sandbox, &["sees", "fred", "jjolie"]), @"");
}

#[test]
fn what_is_seen_already_is_no_change() {
    let sandbox = family();
    let (listed, covered) = (["sees", "fred", "jjolie/5s"], ["sees", "ada", "jane/5s"]);
    insta::assert_snapshot!(outcome(&sandbox, &listed), @"");
    insta::assert_snapshot!(outcome(&sandbox, &covered), @"");
    insta::assert_snapshot!(outcome(&sandbox, &["sees", "fred", "jane"]), @"");
}

#[test]
fn a_device_that_nobody_named_is_granted_with_a_warning() {
    let sandbox = family();
    insta::assert_snapshot!(outcome(&sandbox, &["sees", "ada", "jjolie/5x"]), @"");
}

#[test]
fn sees_refuses_strangers_oneself_and_what_is_no_name() {
    let sandbox = family();
    insta::assert_snapshot!(refused(&sandbox, &["sees", "fredd", "jane"]), @"");
    insta::assert_snapshot!(refused(&sandbox, &["sees", "ada", "jjolie", "jan/5s"]), @"");
    insta::assert_snapshot!(refused(&sandbox, &["sees", "ada", "ada/phone"]), @"");
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
    insta::assert_snapshot!(outcome(&sandbox, &["hide", "fred", "jjolie/watch"]), @"");
    insta::assert_snapshot!(outcome(&sandbox, &["hide", "fred", "jjolie"]), @"");
    let sandbox = family();
    sandbox.provision(&["group", "family", "ada"]).success();
    insta::assert_snapshot!(outcome(&sandbox, &["hide", "ada", "jane"]), @"");
}

#[test]
fn hide_refuses_what_the_list_does_not_have() {
    let sandbox = family();
    insta::assert_snapshot!(refused(&sandbox, &["hide", "fred", "jane"]), @"");
    insta::assert_snapshot!(refused(&sandbox, &["hide", "ada", "jane/5s"]), @"");
    insta::assert_snapshot!(refused(&sandbox, &["hide", "fred", "jjolie/5x"]), @"");
    insta::assert_snapshot!(refused(&sandbox, &["hide", "ada", "jjolie"]), @"");
    insta::assert_snapshot!(refused(&sandbox, &["hide", "jane", "ada"]), @"");
    insta::assert_snapshot!(refused(&sandbox, &["hide", "jane", "add"]), @"");
}

#[test]
fn a_group_is_made_extended_printed_and_left() {
    let sandbox = family();
    insta::assert_snapshot!(outcome(&sandbox, &["group", "work", "jane", "ada"]), @"");
    insta::assert_snapshot!(outcome(&sandbox, &["group", "family", "jane", "jjolie", "--remove", "fred"]), @"");
    insta::assert_snapshot!(sandbox.provision(&["group", "family"]).shown(), @"");
    insta::assert_snapshot!(sandbox.provision(&["group", "family", "jane"]).shown(), @"");
    insta::assert_snapshot!(sandbox.provision(&["group", "family", "--json"]).stdout, @"");
    insta::assert_snapshot!(sandbox.provision(&["group", "work", "--delete"]).shown(), @"");
}

#[test]
fn the_last_one_takes_the_group_along() {
    let sandbox = family();
    insta::assert_snapshot!(outcome(&sandbox, &["group", "alone", "--remove", "ada"]), @"");
}

#[test]
fn group_refuses_strangers_unknown_groups_and_nonsense() {
    let sandbox = family();
    insta::assert_snapshot!(refused(&sandbox, &["group", "famly"]), @"");
    insta::assert_snapshot!(refused(&sandbox, &["group", "friends", "--delete"]), @"");
    insta::assert_snapshot!(refused(&sandbox, &["group", "family", "jan"]), @"");
    insta::assert_snapshot!(refused(&sandbox, &["group", "family", "--remove", "frad"]), @"");
    insta::assert_snapshot!(refused(&sandbox, &["group", "family", "ada", "--remove", "ada"]), @"");
}

#[test]
fn a_removed_person_is_gone_everywhere() {
    let sandbox = family();
    for name in ["jjolie", "ada"] {
        sandbox
            .provision(&["set-password", name, "--generate"])
            .success();
    }
    insta::assert_snapshot!(outcome(&sandbox, &["remove-user", "jjolie", "--yes"]), @"");
    insta::assert_snapshot!(outcome(&sandbox, &["remove-user", "ada", "--yes"]), @"");
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
    insta::assert_snapshot!(refused(&sandbox, &["remove-user", "jjolie"]), @"");
    insta::assert_snapshot!(refused(&sandbox, &["remove-user", "joli", "--yes"]), @"");
}

/// Runs the command on a terminal, where `answer` is typed.
fn on_a_terminal(sandbox: &Sandbox, command: &str, answer: &str) -> Ended {
    let command = format!("{} {command}", env!("CARGO_BIN_EXE_provision"));
    let script = ["--quiet", "--return", "--command", &command, "/dev/null"];
    sandbox.run(Command::new("script").args(script), answer)
}

#[test]
fn on_a_terminal_one_is_asked_and_no_is_the_default() {
    let sandbox = family();
    for answer in ["\n", "n\n", "what?\n"] {
        let ended = on_a_terminal(&sandbox, "remove-user ada", answer);
        assert_eq!(ended.code, 1, "{}", ended.shown());
        let question = "Remove ada with the place in group hikers, group alone, which had nobody else, the password? [y/N]: ";
        assert!(ended.stdout.contains(question), "{}", ended.shown());
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
    insta::assert_snapshot!(listed, @"");
    insta::assert_snapshot!(sandbox.provision(&["remove-user", "ada", "--yes"]).shown(), @"");
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
    insta::assert_snapshot!(ended.shown(), @"");
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
    insta::assert_snapshot!(shown, @"");
    insta::assert_snapshot!(refused(&sandbox, &["set-password", "jan", "--generate"]), @"");
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
    insta::assert_snapshot!(refused(&sandbox, &["sees", "ada", "jane"]), @"");
    insta::assert_snapshot!(refused(&sandbox, &["remove-user", "fred", "--yes"]), @"");
    sandbox.write("site/people.yaml", "people:\n  jane: {}\n  jane: {}\n");
    insta::assert_snapshot!(refused(&sandbox, &["list-users"]), @"");
}
