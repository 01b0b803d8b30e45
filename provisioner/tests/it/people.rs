//! People and passwords, as Mosquitto sees them.

use std::process::Command;

use crate::brokers::Broker;
use crate::membership::{family, refused};
use crate::support::Sandbox;

#[test]
fn an_added_user_is_named_on_stdout_and_the_password_nowhere() {
    let sandbox = Sandbox::with_site();
    let ended = sandbox.provision_with(&["add-user", "ada", "--password-stdin"], "correct horse\n");
    insta::assert_snapshot!(ended.shown(), @r"
    exit: 0
    --- stdout
    ada
    --- stderr
    Added ada, who may read and write owntracks/ada/#
    Hosts know it after the next `provision push`, or with a new card.
    ");
    assert!(!sandbox.read("site/passwd").contains("correct"));
    assert!(!sandbox.path("site/passwords/ada").exists());
}

#[test]
fn mosquitto_takes_our_password_file_and_its_own_tool_adds_to_it() {
    let sandbox = Sandbox::with_site();
    sandbox
        .provision_with(&["add-user", "ada", "--password-stdin"], "correct horse\n")
        .success();
    let tool = ["-b", "site/passwd", "grace", "hopper"];
    sandbox
        .run(Command::new("mosquitto_passwd").args(tool), "")
        .success();
    let mosquitto = Mosquitto::start(&sandbox);
    assert!(mosquitto.takes("ada", "correct horse"));
    assert!(mosquitto.takes("grace", "hopper"));
    assert!(!mosquitto.takes("ada", "correct horsf"));
    assert!(!mosquitto.takes("nobody", "hopper"));
}

#[test]
fn what_mosquittos_tool_wrote_is_kept_when_a_person_is_added() {
    let sandbox = Sandbox::with_site();
    let tool = ["-b", "site/passwd", "grace", "hopper"];
    sandbox
        .run(Command::new("mosquitto_passwd").args(tool), "")
        .success();
    sandbox
        .provision_with(&["add-user", "ada", "--password-stdin"], "correct horse\n")
        .success();
    let mosquitto = Mosquitto::start(&sandbox);
    assert!(mosquitto.takes("grace", "hopper") && mosquitto.takes("ada", "correct horse"));
}

#[test]
fn a_person_who_is_there_or_sees_nobody_known_is_refused_and_nothing_changes() {
    let sandbox = Sandbox::with_site();
    let before = (
        sandbox.read("site/passwd"),
        sandbox.read("site/people.yaml"),
    );
    let again = sandbox.provision(&["add-user", "owner", "--generate"]);
    insta::assert_snapshot!(again.shown(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: there is a person owner already; nothing was changed
    ");
    let typo = sandbox.provision(&["add-user", "ada", "--generate", "--sees", "ownr/5s"]);
    insta::assert_snapshot!(typo.shown(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: --sees ownr/5s: there is no person ownr; did you mean owner?
    ");
    let empty = sandbox.provision_with(&["add-user", "ada", "--password-stdin"], "\n");
    assert_eq!(empty.code, 2, "{}", empty.shown());
    assert_eq!(
        before,
        (
            sandbox.read("site/passwd"),
            sandbox.read("site/people.yaml")
        )
    );
}

#[test]
fn a_broken_line_in_the_password_file_is_named() {
    let sandbox = Sandbox::with_site();
    let passwd = sandbox.read("site/passwd");
    sandbox.write("site/passwd", &format!("{passwd}jane:$7$101$nonsense\n"));
    let ended = sandbox.provision(&["add-user", "ada", "--generate"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.starts_with("error: site/passwd:2: "),
        "{}",
        ended.stderr
    );
}

#[test]
fn another_password_is_the_only_one() {
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
    let mosquitto = Mosquitto::start(&sandbox);
    assert!(mosquitto.takes("owner", "correct horse"));
    assert!(!mosquitto.takes("owner", generated.trim()));
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

/// A real Mosquitto with the sandbox's password file.
struct Mosquitto<'a> {
    sandbox: &'a Sandbox,
    broker: Broker,
}

impl<'a> Mosquitto<'a> {
    fn start(sandbox: &'a Sandbox) -> Self {
        let config = format!(
            "listener @PORT@ 127.0.0.1\nallow_anonymous false\npassword_file {}\n",
            sandbox.path("site/passwd").display()
        );
        let broker = Broker::mosquitto(&sandbox.path("mosquitto"), &config);
        Self { sandbox, broker }
    }

    fn takes(&self, user: &str, password: &str) -> bool {
        let folder = self.sandbox.path("clients");
        self.broker
            .client(&folder, user, password, None)
            .publish("test", "x")
    }
}
