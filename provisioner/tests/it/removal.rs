//! People who go.

use std::process::Command;

use crate::membership::{PEOPLE, changed, family, outcome, refused};
use crate::support::{Ended, Sandbox};

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
