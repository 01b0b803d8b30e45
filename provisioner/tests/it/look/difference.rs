//! `provision diff`.

use super::card::{baked, json, tamper};

#[test]
fn a_card_and_its_base_differ_in_what_was_baked() {
    let sandbox = baked();
    let ended = sandbox.provision(&["diff", "base.img", "pi.img"]);
    assert_eq!(ended.code, 3, "{}", ended.shown());
    let shown: Vec<_> = ended
        .stdout
        .lines()
        .filter(|line| {
            ["hostname ", "/localtime ", "authorized_keys ", "key.pub "]
                .iter()
                .any(|name| line.contains(name))
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    added    /etc/hostname  file 0644 0:0 7 bytes
    added    /etc/localtime  symlink 0777 0:0 -> /usr/share/zoneinfo/Etc/UTC
    added    /etc/ssh/ssh_host_ed25519_key.pub  file 0644 0:0 93 bytes
    added    /home/pi/.ssh/authorized_keys  file 0600 1000:1000 98 bytes
    ");
    let told = json(&sandbox.provision(&["diff", "base.img", "pi.img", "--json"]));
    assert_eq!(told["equal"], false);
    let count =
        told["differences"].as_array().unwrap().len() + told["table"].as_array().unwrap().len();
    assert_eq!(count, ended.stdout.lines().count());
}

#[test]
fn equal_cards_are_equal_and_texts_are_shown_when_asked_for() {
    let sandbox = baked();
    std::fs::copy(sandbox.path("pi.img"), sandbox.path("old.img")).unwrap();
    let ended = sandbox.provision(&["diff", "old.img", "pi.img"]).success();
    assert_eq!(ended.stdout, "");
    sandbox.write("name", "attic\n");
    sandbox.write("shadow", "root:$6$hunter2:1:0:99999:7:::\n");
    tamper(
        &sandbox,
        "rm /etc/hostname\nwrite name /etc/hostname\nrm /etc/shadow\nwrite shadow /etc/shadow\nsif /etc/shadow mode 0100640\n",
    );
    let ended = sandbox.provision(&["diff", "old.img", "pi.img", "--content", "-q"]);
    assert_eq!(ended.code, 3);
    insta::assert_snapshot!(ended.stdout, @r"
    changed  /etc/hostname  size 7 -> 6, content
        @@ -1 +1 @@
        -broker
        +attic
    changed  /etc/shadow  mode 0644 -> 0640, size 50 -> 31, content (not shown: it may be secret)
    ");
    assert!(
        !sandbox
            .provision(&["diff", "old.img", "pi.img", "--content", "--json"])
            .stdout
            .contains("hunter2")
    );
}
