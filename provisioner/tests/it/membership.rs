//! People and what they see, changed by command.

use std::process::Command;

use crate::support::Sandbox;

/// As somebody writes it by hand.
pub(crate) const PEOPLE: &str = "\
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

/// A site with these people, none of whom has a password.
pub(crate) fn family() -> Sandbox {
    let sandbox = Sandbox::with_site();
    sandbox.write("site/people.yaml", PEOPLE);
    sandbox.write("site/passwd", "");
    std::fs::remove_file(sandbox.path("site/passwords/owner")).unwrap();
    sandbox
}

/// The lines of people.yaml that are new (`+`) and those that are gone (`-`).
pub(crate) fn changed(sandbox: &Sandbox) -> String {
    sandbox.write("before", PEOPLE);
    let diff = ["-U0", "before", "site/people.yaml"];
    let diff = sandbox.run(Command::new("diff").args(diff), "");
    let lines = diff.stdout.lines().skip(2);
    let lines: Vec<_> = lines.filter(|line| !line.starts_with("@@")).collect();
    lines.join("\n")
}

/// What a command said, and what it changed in people.yaml.
pub(crate) fn outcome(sandbox: &Sandbox, args: &[&str]) -> String {
    let ended = sandbox.provision(args);
    format!("{}--- people.yaml\n{}", ended.shown(), changed(sandbox))
}

/// A command that is refused and changes nothing.
#[track_caller]
pub(crate) fn refused(sandbox: &Sandbox, args: &[&str]) -> String {
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
