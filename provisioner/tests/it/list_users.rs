//! Who is there, as a table, as JSON and as the broker's access list.

use crate::support::Sandbox;

/// A site whose people see each other in every way that there is.
fn family() -> Sandbox {
    let sandbox = Sandbox::with_site();
    let people = "people:\n  owner:\n  jjolie: {devices: [5s]}\n  fred: {sees: [jjolie/5s, jane, jane/5s]}\n  \
                  jane: {sees: [jjolie], devices: [5s, tablet]}\ngroups: {family: [jane, jjolie], all: [jane, jjolie]}\n";
    sandbox.write("site/people.yaml", people);
    for name in ["jjolie", "fred"] {
        sandbox
            .provision_with(&["set-password", name, "--password-stdin"], "x\n")
            .success();
    }
    sandbox
}

#[test]
fn the_table_has_who_sees_whom_and_whose_password_is_where() {
    insta::assert_snapshot!(family().provision(&["list-users"]).shown(), @"");
}

#[test]
fn rights_are_shown_as_the_broker_will_have_them() {
    let sandbox = family();
    insta::assert_snapshot!(sandbox.provision(&["list-users", "--acl", "jane", "fred"]).shown(), @"");
    insta::assert_snapshot!(sandbox.provision(&["list-users", "--acl", "jan"]).shown(), @"");
}

#[test]
fn json_has_both() {
    insta::assert_snapshot!(family().provision(&["list-users", "--json", "fred"]).shown(), @"");
}

#[test]
fn the_access_list_that_is_baked_has_what_is_shown() {
    let sandbox = family();
    let shown = sandbox.provision(&["list-users", "--acl"]).success().stdout;
    // Any program for a Pi will do.
    let program = "/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1";
    std::fs::copy(program, sandbox.path("broker")).unwrap();
    sandbox
        .provision(&["render", "out", "--broker", "broker"])
        .success();
    let releases = "out/usr/local/lib/mqtt-broker/releases";
    let release = std::fs::read_dir(sandbox.path(releases))
        .unwrap()
        .next()
        .unwrap();
    let release = release.unwrap().file_name().into_string().unwrap();
    let baked = sandbox.read(&format!("{releases}/{release}/etc/acl"));
    let (_, baked) = baked.split_once("\n\n").unwrap();
    assert_eq!(baked.split_once("\nuser _provision\n").unwrap().0, shown);
}
