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
    insta::assert_snapshot!(family().provision(&["list-users"]).shown(), @r"
    exit: 0
    --- stdout
    NAME    DEVICES     SEES             SEEN BY          GROUPS       PASSWORD
    fred    -           jane, jjolie/5s  -                -            set
    jane    5s, tablet  jjolie           fred, jjolie     all, family  none, can't log in
    jjolie  5s          jane             fred (5s), jane  all, family  set
    owner   -           -                -                -            generated password not handed over yet
    --- stderr
    ");
}

#[test]
fn rights_are_shown_as_the_broker_will_have_them() {
    let sandbox = family();
    insta::assert_snapshot!(sandbox.provision(&["list-users", "--acl", "jane", "fred"]).shown(), @r"
    exit: 0
    --- stdout
    user fred
    topic readwrite owntracks/fred/#
    # jane: own list
    topic read owntracks/jane/+
    topic read owntracks/jane/+/event
    topic read owntracks/jane/+/info
    # jjolie/5s: own list
    topic read owntracks/jjolie/5s
    topic read owntracks/jjolie/5s/event
    topic read owntracks/jjolie/5s/info

    user jane
    topic readwrite owntracks/jane/#
    # jjolie: own list, group all, group family
    topic read owntracks/jjolie/+
    topic read owntracks/jjolie/+/event
    topic read owntracks/jjolie/+/info
    --- stderr
    ");
    insta::assert_snapshot!(sandbox.provision(&["list-users", "--acl", "jan"]).shown(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: there is no person jan; did you mean jane?
    ");
}

#[test]
fn json_has_both() {
    insta::assert_snapshot!(family().provision(&["list-users", "--json", "fred"]).shown(), @r##"
    exit: 0
    --- stdout
    {
      "groups": {
        "all": [
          "jane",
          "jjolie"
        ],
        "family": [
          "jane",
          "jjolie"
        ]
      },
      "people": [
        {
          "acl": [
            "user fred",
            "topic readwrite owntracks/fred/#",
            "# jane: own list",
            "topic read owntracks/jane/+",
            "topic read owntracks/jane/+/event",
            "topic read owntracks/jane/+/info",
            "# jjolie/5s: own list",
            "topic read owntracks/jjolie/5s",
            "topic read owntracks/jjolie/5s/event",
            "topic read owntracks/jjolie/5s/info"
          ],
          "devices": [],
          "groups": [],
          "name": "fred",
          "password": "set",
          "seen_by": [],
          "sees": [
            {
              "from": [
                "own list"
              ],
              "sees": "jane"
            },
            {
              "from": [
                "own list"
              ],
              "sees": "jjolie/5s"
            }
          ]
        }
      ],
      "version": 1
    }
    --- stderr
    "##);
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
