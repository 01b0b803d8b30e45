//! Raspberry Pi OS as a base: which is taken, which there are, and how it is fetched.

use std::fs;

use serde_json::Value;

use crate::bake::{clean, debugfs, with_base};
use crate::server::Fault;
use crate::site::{Fixture, INDEX, PACKED, redact, sum};
use crate::support::tool;

#[test]
fn a_card_is_made_of_the_official_image_and_made_again_without_a_network() {
    let fixture = Fixture::new();
    let ended = fixture.bake(&["--json"]).success();
    assert!(
        ended
            .stderr
            .contains("Took base raspios-lite 2026-06-18 (arm64)\n"),
        "{}",
        ended.stderr
    );
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["base"]["kind"], "official");
    assert_eq!(
        report["base"]["extract_sha256"],
        sum(&fixture.sandbox, "base.img")
    );
    clean(&fixture.sandbox);
    assert_eq!(debugfs(&fixture.sandbox, "cat /etc/hostname"), "broker\n");
    let first = fs::read(fixture.sandbox.path("pi.img")).unwrap();
    // The index is of today: nobody is asked.
    fixture.server.asked();
    fixture.bake(&[]).success();
    assert_eq!(fixture.server.asked(), []);
    // Without the lock: an index that is a month old, and a site that is gone.
    let forget = || fs::remove_file(fixture.sandbox.path("site/provision.lock")).unwrap();
    forget();
    tool(
        &fixture.sandbox,
        "touch -d '30 days ago' home/.cache/provision/indexes/*.json",
    )
    .success();
    fixture.server.faults(INDEX, [Fault::Status(503)]);
    fixture.server.faults(PACKED, [Fault::Status(503)]);
    let ended = fixture.bake(&["--base", "raspios-lite"]).success();
    assert!(
        ended.stderr.contains("Reused the index of "),
        "{}",
        ended.stderr
    );
    assert!(
        first == fs::read(fixture.sandbox.path("pi.img")).unwrap(),
        "two cards of one base differ"
    );
    // Not even the index is left.
    forget();
    fs::remove_dir_all(fixture.cache().join("indexes")).unwrap();
    let ended = fixture.bake(&["--base", "raspios-lite"]).success();
    assert!(
        ended
            .stderr
            .contains("Reused raspios-lite 2026-06-18 (arm64) from the cache: "),
        "{}",
        ended.stderr
    );
}

#[test]
fn the_first_base_that_can_be_had_is_taken_and_the_one_before_is_skipped_with_a_word() {
    let fixture = Fixture::new();
    fixture
        .sandbox
        .write("my.yaml", "base: [raspios-lite, ./base.img]\n");
    fixture.server.faults(INDEX, [Fault::Status(403)]);
    let ended = fixture.bake(&["--recipe", "./my.yaml"]).success();
    let said: Vec<_> = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with("Skipped") || line.starts_with("Took"))
        .collect();
    let said = redact(&said.join("\n")).replace(
        fixture.server.url("").trim_start_matches("http://"),
        "[SITE]",
    );
    insta::assert_snapshot!(said, @r"
    Skipped base raspios-lite: http://[SITE]/os_list.json was answered with 403 (forbidden)
    Took base [HERE]/base.img (trixie, arm64)
    ");
    // A site that answers, and lacks what is asked for, is a fault that another base would hide.
    fixture.server.faults(INDEX, [Fault::Status(404)]);
    assert_eq!(fixture.bake(&["--recipe", "./my.yaml"]).code, 1);
}

#[test]
fn a_download_that_has_begun_is_gone_on_with_rather_than_replaced_by_another_base() {
    let fixture = Fixture::new();
    fixture
        .sandbox
        .write("my.yaml", "base: [raspios-lite, ./base.img]\n");
    let half = fixture.packed.len() / 2;
    fixture
        .server
        .faults(PACKED, [Fault::Cut(half), Fault::Status(503)]);
    let ended = fixture.bake(&["--recipe", "./my.yaml"]);
    assert_eq!(ended.code, 1, "{}", ended.shown());
    assert!(
        ended.stderr.contains("was answered with 503"),
        "{}",
        ended.stderr
    );
    fixture.server.faults(PACKED, []);
    let ended = fixture.bake(&["--recipe", "./my.yaml"]).success();
    assert!(
        ended.stderr.contains("Took base raspios-lite"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_base_named_alone_that_can_not_be_had_is_an_error_and_leaves_no_site() {
    let sandbox = with_base();
    let args = ["image", "--broker", "broker", "--out", "pi.img", "--base"];
    let refused = sandbox.provision(&[&args[..], &["raspios-lite"]].concat());
    insta::assert_snapshot!(redact(&refused.shown()), @r"
    exit: 1
    --- stdout
    --- stderr
    error: preparing base raspios-lite
      caused by: 127.0.0.1:9 can't be reached
      caused by: Connection refused (os error 111)
      hint: check the network; behind a proxy set https_proxy, and for a mirror PROVISION_INDEX_URL and PROVISION_IMAGE_MIRROR; `--base debian` or a file of yours needs neither
    ");
    assert!(!sandbox.path("site").exists());
    let misspelled = sandbox.provision(&[&args[..], &["raspios-lit.e"]].concat());
    assert_eq!(misspelled.code, 2);
    let unknown = sandbox.provision(&[&args[..], &["rasbios-lite"]].concat());
    insta::assert_snapshot!(unknown.shown(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: there is no base rasbios-lite, and no file of that name
      hint: did you mean raspios-lite?
    ");
}

#[test]
fn bases_are_listed_with_what_is_cached() {
    let fixture = Fixture::new();
    fixture.provision(&["fetch", "raspios-lite"]).success();
    let ended = fixture.provision(&["bases"]).success();
    insta::assert_snapshot!(redact(&fixture.without_size(&ended.stdout)), @r"
    raspios          2026-06-18  armhf  5.0 GiB   1.1 GiB packed    systemd
    raspios-lite     2026-06-18  arm64  72.0 MiB  [SIZE] packed  cloudinit-rpi  cached
    debian           trixie      arm64            built here
    debian           trixie      armhf            built here
    debian-bookworm  bookworm    arm64            built here
    debian-bookworm  bookworm    armhf            built here
    ");
    let all = fixture
        .provision(&["bases", "--all", "--target", "aarch64"])
        .success();
    insta::assert_snapshot!(redact(&fixture.without_size(&all.stdout)), @r"
    raspios-lite     2026-06-18  arm64  72.0 MiB  [SIZE] packed  cloudinit-rpi  cached
    raspios-lite     2025-12-04  arm64  72.0 MiB  [SIZE] packed  cloudinit-rpi
    debian           trixie      arm64            built here
    debian-bookworm  bookworm    arm64            built here
    ");
    let json: Value =
        serde_json::from_str(&fixture.provision(&["bases", "--json"]).success().stdout).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["bases"][1]["official"]["init_format"], "cloudinit-rpi");
    // Without the site there is the copy, and without the copy there is what is cached.
    fixture.server.faults(INDEX, [Fault::Status(500)]);
    let copy = fixture.provision(&["bases"]).success();
    assert_eq!(copy.stdout, ended.stdout);
    assert!(
        copy.stderr.contains("Reused the index of"),
        "{}",
        copy.stderr
    );
    fs::remove_dir_all(fixture.cache().join("indexes")).unwrap();
    let bare = fixture.provision(&["bases"]).success();
    insta::assert_snapshot!(fixture.shown(&bare), @r"
    exit: 0
    --- stdout
    raspios-lite     2026-06-18  arm64  72.0 MiB  [SIZE] packed  cloudinit-rpi  cached
    debian           trixie      arm64            built here
    debian           trixie      armhf            built here
    debian-bookworm  bookworm    arm64            built here
    debian-bookworm  bookworm    armhf            built here
    --- stderr
    warning: the index of images could not be had: http://[SITE]/os_list.json was answered with 500 (internal error of the server)
    ");
    let unknown = fixture.provision(&["fetch", "raspios-tiny", "--json"]);
    assert_eq!(unknown.code, 1, "{}", unknown.shown());
    fixture.server.faults(INDEX, []);
    let unknown = fixture.provision(&["fetch", "raspios-lit"]);
    insta::assert_snapshot!(fixture.shown(&unknown), @r"
    exit: 2
    --- stdout
    --- stderr
    Fetched index
    error: the index has no image raspios-lit for arm64
      hint: did you mean raspios-lite?
    ");
}

#[test]
fn fetch_goes_on_where_it_was_cut_and_says_what_else_is_needed() {
    let fixture = Fixture::new();
    let half = fixture.packed.len() / 2;
    fixture
        .server
        .faults(PACKED, [Fault::Cut(half), Fault::Status(503)]);
    let cut = fixture.provision(&["fetch", "raspios-lite"]);
    insta::assert_snapshot!(fixture.shown(&cut), @r"
    exit: 1
    --- stdout
    --- stderr
    Fetched index
    error: preparing base raspios-lite
      caused by: http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz was answered with 503 (the server is overloaded or under repair)
      hint: the site has a trouble of its own: try again later, or name a mirror with --image-mirror
    ");
    // The site has moved it meanwhile.
    fixture.server.put("/moved.img.xz", fixture.packed.clone());
    fixture
        .server
        .faults(PACKED, [Fault::Redirect("/moved.img.xz".to_owned())]);
    fixture.server.asked();
    let ended = fixture.provision(&["fetch", "raspios-lite"]).success();
    let shown = fixture.shown(&ended);
    insta::assert_snapshot!(shown, @r"
    exit: 0
    --- stdout
    [HERE]/home/.cache/provision/bases/raspios-lite-arm64-2026-06-18-[DIGEST].img
    --- stderr
    Fetched index (unchanged)
    Downloaded base image
    Unpacked base image
    Took base raspios-lite 2026-06-18 (arm64)
    Without a network `provision image` also needs the broker for aarch64: compile it now with
    `provision fetch --with-broker`, or name one with --broker FILE.
    ");
    let asked = fixture.server.asked().pop().unwrap();
    assert_eq!(
        (asked.status, asked.range, asked.sent),
        (
            206,
            Some(format!("bytes={half}-")),
            fixture.packed.len() - half
        )
    );
    assert!(asked.user_agent.unwrap().starts_with("provision/"));
    tool(
        &fixture.sandbox,
        "cmp base.img home/.cache/provision/bases/raspios-lite-arm64-2026-06-18-*.img",
    )
    .success();
}

#[test]
fn what_is_not_what_was_promised_is_refused_by_name() {
    let fixture = Fixture::with(|entry| entry["image_download_sha256"] = "0".repeat(64).into());
    insta::assert_snapshot!(fixture.shown(&fixture.provision(&["fetch", "raspios-lite"])), @r"
    exit: 1
    --- stdout
    --- stderr
    Fetched index
    error: preparing base raspios-lite
      caused by: http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz has sha256 [DIGEST], and [DIGEST] was promised; it was removed
      hint: run it again; if it stays so, the mirror has another file than the index says: fetch from the site itself, or name another --image-mirror
    ");
    let fixture = Fixture::with(|entry| {
        let entry = entry.as_object_mut().unwrap();
        entry.remove("image_download_size");
        entry.remove("image_download_sha256");
    });
    fixture.server.put(PACKED, &fixture.packed[..40_000]);
    insta::assert_snapshot!(fixture.shown(&fixture.provision(&["fetch", "raspios-lite"])), @r"
    exit: 1
    --- stdout
    --- stderr
    Fetched index
    Downloaded base image
    error: preparing base raspios-lite
      caused by: the archive that was downloaded can't be used
      caused by: [HERE]/home/.cache/provision/archives/raspios-lite-arm64-2026-06-18-[DIGEST].archive is incomplete: the xz data ends after 40000 bytes, in the middle of a block
      hint: run it again: the archive was removed and is downloaded once more
    ");
    let left = tool(
        &fixture.sandbox,
        "cd home/.cache/provision; ls -A bases archives",
    )
    .success();
    insta::assert_snapshot!(redact(&left.stdout), @r"
    archives:

    bases:
    raspios-lite-arm64-2026-06-18-[DIGEST].lock
    ");
}
