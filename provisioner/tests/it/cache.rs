//! `provision cache`: what is kept, whether it is sound, and how it goes.

use std::fs;
use std::os::unix::fs::FileExt;

use image::base::lease;
use serde_json::Value;

use crate::site::Fixture;
use crate::support::tool;

/// A cache with one base, a broker, and what the compiler keeps.
fn filled() -> Fixture {
    let fixture = Fixture::new();
    fixture.provision(&["fetch", "raspios-lite"]).success();
    tool(
        &fixture.sandbox,
        "cd home/.cache/provision
         mkdir -p brokers/aarch64 target/pi tools/bin
         : >brokers/aarch64/.lock
         head -c 100000 /dev/zero >brokers/aarch64/mqtt-broker-0123456789abcdef
         head -c 100000 /dev/zero >target/pi/object
         head -c 5000 /dev/zero >tools/bin/tool
         : >bases/.left.img.x7.part
         find . -type f | xargs touch -d '40 days ago'",
    )
    .success();
    fixture
}

/// The first and the fourth column: kinds and names.
fn kinds(stdout: &str) -> String {
    let digest = |name: &str| {
        name.split('-')
            .next_back()
            .is_some_and(|last| last.len() == 20)
    };
    let lines: Vec<_> = stdout
        .lines()
        .map(|line| {
            let mut columns = line
                .split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty());
            let (kind, _size, used) = (
                columns.next().unwrap(),
                columns.next().unwrap(),
                columns.next().unwrap(),
            );
            let name = columns.next().unwrap();
            let name = if digest(name) {
                &name[..name.len() - 20]
            } else {
                name
            };
            let name = name
                .strip_prefix("indexes/")
                .map_or(name, |_| "indexes/[INDEX]");
            format!(
                "{kind} | {used} | {name} | {}",
                columns.next().unwrap_or_default()
            )
        })
        .collect();
    lines.join("\n")
}

#[test]
fn what_is_kept_is_shown_with_what_it_is_for() {
    let fixture = filled();
    let ended = fixture.provision(&["cache"]).success();
    insta::assert_snapshot!(kinds(&ended.stdout), @r"
    base | unused for 40d | bases/raspios-lite-arm64-2026-06-18- | raspios-lite 2026-06-18 (arm64)
    index | unused for 40d | indexes/[INDEX] | a copy of an index of images
    broker | unused for 40d | brokers/aarch64/mqtt-broker-0123456789abcdef | compiled for aarch64
    compile-tree | unused for 40d | target | the next broker compiles faster with it
    leftover | unused for 40d | bases/.left.img.x7.part | of a process that ended early
    tools | unused for 40d | tools | installed by ci/setup
    ");
    let json: Value =
        serde_json::from_str(&fixture.provision(&["cache", "--json"]).success().stdout).unwrap();
    let sizes = json["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["size"].as_u64().unwrap());
    assert_eq!(json["size"].as_u64().unwrap(), sizes.sum::<u64>());
    assert!(json["entries"][0]["used"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn what_was_not_used_for_long_goes_and_what_is_in_use_stays() {
    let fixture = filled();
    let before = fixture.sandbox.listing();
    let dry = fixture
        .provision(&["cache", "--prune", "--dry-run"])
        .success();
    assert_eq!(fixture.sandbox.listing(), before);
    let refused = fixture.provision(&["cache", "--prune"]);
    insta::assert_snapshot!(refused.shown(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: there is no terminal to ask whether this shall be removed; nothing was changed
      hint: say --yes, or look first with --dry-run
    ");
    assert_eq!(fixture.sandbox.listing(), before);
    let base = fs::read_dir(fixture.cache().join("bases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|suffix| suffix == "img"))
        .unwrap();
    let held = lease::share(&base).unwrap();
    // Its use has made it young: with the age of its lock set back, only the lock itself protects it.
    let lock = base.with_extension("lock");
    tool(
        &fixture.sandbox,
        &format!("touch -d '40 days ago' {}", lock.display()),
    )
    .success();
    let ended = fixture.provision(&["cache", "--prune", "--yes"]).success();
    assert!(
        ended.stderr.contains(" is in use and stays"),
        "{}",
        ended.stderr
    );
    assert!(base.exists());
    drop(held);
    let rest = fixture.provision(&["cache", "--prune", "--yes"]).success();
    let mut removed: Vec<_> = ended.stdout.lines().chain(rest.stdout.lines()).collect();
    let mut announced: Vec<_> = dry.stdout.lines().collect();
    removed.sort_unstable();
    announced.sort_unstable();
    assert_eq!(removed, announced);
    assert!(!base.exists());
    insta::assert_snapshot!(kinds(&fixture.provision(&["cache"]).success().stdout), @"tools | unused for 40d | tools | installed by ci/setup");
    fixture
        .provision(&["cache", "--prune", "--all", "--yes"])
        .success();
    assert_eq!(fixture.provision(&["cache"]).success().stdout, "");
}

#[test]
fn what_is_young_stays_unless_all_shall_go() {
    let fixture = Fixture::new();
    fixture
        .provision(&["fetch", "raspios-lite", "--keep-archives"])
        .success();
    let ended = fixture.provision(&["cache", "--prune", "--yes"]).success();
    assert_eq!(ended.stdout, "");
    let ended = fixture
        .provision(&["cache", "--prune", "--older-than", "0d", "--yes"])
        .success();
    assert_eq!(ended.stdout.lines().count(), 3, "{}", ended.stdout);
}

#[test]
fn what_a_killed_process_has_left_goes_however_young_and_a_live_copy_stays() {
    let fixture = Fixture::new();
    let script = "mkdir -p home/.cache/provision/flash home/.cache/provision/bases
                  cd home/.cache/provision
                  echo x >.scratch.img.abc123.part; echo x >.scratch.img.live00.part
                  echo x >bases/.left.img.x7.part; echo '{}' >flash/0123.json";
    tool(&fixture.sandbox, script).success();
    let live = fs::File::open(fixture.cache().join(".scratch.img.live00.part")).unwrap();
    live.lock().unwrap();
    let shown = kinds(&fixture.provision(&["cache"]).success().stdout);
    insta::assert_snapshot!(shown, @r"
    journal | used today | flash/0123.json | how far a card was written, to go on from there
    leftover | used today | .scratch.img.abc123.part | of a process that ended early
    leftover | used today | .scratch.img.live00.part | of a process that ended early
    leftover | used today | bases/.left.img.x7.part | of a process that ended early
    ");
    let ended = fixture
        .provision(&["cache", "--prune", "--all", "--yes"])
        .success();
    let gone = "flash/0123.json\n.scratch.img.abc123.part\nbases/.left.img.x7.part\n";
    assert_eq!(ended.stdout, gone, "{}", ended.shown());
    assert!(
        ended
            .stderr
            .contains(".scratch.img.live00.part is in use and stays"),
        "{}",
        ended.stderr
    );
    drop(live);
    fixture.provision(&["cache", "--prune", "--yes"]).success();
    let ended = fixture
        .provision(&["cache", "--prune", "--all", "--yes"])
        .success();
    assert!(
        ended.stderr.contains("There is nothing to remove in "),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_byte_that_changed_is_found_by_a_check() {
    let fixture = filled();
    let sound = fixture.provision(&["cache", "--check"]).success();
    assert!(
        sound.stdout.trim_end().ends_with("is as it was unpacked"),
        "{}",
        sound.stdout
    );
    let name = sound.stdout.split(' ').next().unwrap().to_owned();
    let image = fixture.cache().join(&name);
    fs::File::options()
        .write(true)
        .open(&image)
        .unwrap()
        .write_all_at(b"x", 50 << 20)
        .unwrap();
    let ended = fixture.provision(&["cache", "--check", "--json"]);
    assert_eq!(ended.code, 3, "{}", ended.shown());
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(json["bases"][0]["condition"], "changed");
    let told = fixture.provision(&["cache", "--check"]).stdout;
    let command = told.trim_end().split("remove it: ").nth(1).unwrap();
    let here = fixture.sandbox.path("").display().to_string();
    let command = command.replace("[HERE]", here.trim_end_matches('/'));
    tool(&fixture.sandbox, &command).success();
    assert!(!image.exists());
}
