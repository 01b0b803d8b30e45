//! Bad input: a clear message, the right exit code, and nothing changed.

use crate::support::Sandbox;

#[test]
fn a_recipe_with_a_typo_is_an_error_with_its_place() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "my.yaml",
        "description: mine\nbroker:\n  persistance: true\n",
    );
    let before = sandbox.listing();
    let ended = sandbox.provision(&["image", "--recipe", "my.yaml", "--out", "pi.img"]);
    insta::assert_snapshot!(ended.shown(), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: my.yaml:3:3: unknown key "persistance"
      hint: did you mean "persistence"?
    "#);
    assert_eq!(sandbox.listing(), before);
}

#[test]
fn an_unknown_recipe_base_overlay_or_target_is_an_error_with_a_suggestion() {
    let sandbox = Sandbox::with_site();
    let error = |args: &[&str]| {
        let ended = sandbox.provision(args);
        assert_eq!(ended.code, 2, "{}", ended.shown());
        ended.stderr
    };
    insta::assert_snapshot!(error(&["render", "--recipe", "defualt"]), @r"
    error: there is no recipe defualt
      hint: did you mean default? A recipe of your own is named by its path: ./defualt.yaml
    ");
    insta::assert_snapshot!(error(&["image", "--base", "debain", "--out", "pi.img"]), @r"
    error: there is no base debain, and no file of that name
      hint: did you mean debian?
    ");
    sandbox.write("my.yaml", "target: aarch65\n");
    insta::assert_snapshot!(error(&["render", "--recipe", "./my.yaml"]), @r#"
    error: there is no target "aarch65"
      hint: did you mean aarch64?
    "#);
}

#[test]
fn a_circle_of_recipes_is_seen() {
    let sandbox = Sandbox::with_site();
    sandbox.write("a.yaml", "extends: ./b.yaml\n");
    sandbox.write("b.yaml", "extends: ./a.yaml\n");
    let ended = sandbox.provision(&["render", "--recipe", "./a.yaml"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("`extends` goes in a circle"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_site_is_not_made_twice_nor_over_something_else() {
    let sandbox = Sandbox::with_site();
    let before = (sandbox.listing(), sandbox.read("site/pki/ca.crt"));
    insta::assert_snapshot!(sandbox.provision(&["init"]).shown(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: site is a site already; nothing was changed
      hint: choose another folder with --site
    ");
    let over = sandbox.provision(&["init", "--site", "."]);
    assert_eq!(over.code, 2, "{}", over.shown());
    assert_eq!(before, (sandbox.listing(), sandbox.read("site/pki/ca.crt")));
}

#[test]
fn a_secret_that_others_can_read_is_refused_with_the_cure() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::with_site();
    let key = sandbox.path("site/pki/ca.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    insta::assert_snapshot!(sandbox.provision(&["add-user", "ada", "--generate"]).shown(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: site/pki/ca.key is secret, but its mode is 0644
      hint: chmod 600 site/pki/ca.key
    ");
}

#[test]
fn a_missing_site_and_a_newer_one_are_told_apart() {
    let sandbox = Sandbox::new();
    let missing = sandbox.provision(&["add-user", "ada", "--generate"]);
    assert!(
        missing.stderr.contains("there is no site at site"),
        "{}",
        missing.stderr
    );
    std::fs::create_dir(sandbox.path("site")).unwrap();
    sandbox.write("site/version", "99\n");
    let newer = sandbox.provision(&["add-user", "ada", "--generate"]);
    assert!(
        newer.stderr.contains("has layout \"99\""),
        "{}",
        newer.stderr
    );
}

#[test]
fn help_has_an_example_for_every_command_and_completions_are_a_script() {
    let sandbox = Sandbox::new();
    for command in [
        "init",
        "image",
        "push",
        "remove",
        "add-user",
        "remove-user",
        "set-password",
        "list-users",
        "sees",
        "hide",
        "group",
        "rotate-certs",
        "certs",
        "ca-passphrase",
        "find",
        "render",
        "doctor",
        "completions",
    ] {
        let help = sandbox.provision(&[command, "--help"]).success().stdout;
        assert!(help.contains("Example"), "{help}");
    }
    let script = sandbox.provision(&["completions", "bash"]).success().stdout;
    assert!(script.contains("add-user"));
}
