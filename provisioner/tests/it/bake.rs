//! Cards baked on a small base, looked at with e2fsprogs, dosfstools and util-linux.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::kinds::{ARM64, Kind};
use crate::support::{Ended, Sandbox, tool};

/// Byte offset of the small base's root partition.
const ROOT: u64 = 40 << 20;

/// Bytes of the small base.
const SIZE: u64 = 72 << 20;

/// A sandbox with `base.img`, laid out like a Pi's card, and `broker`, a program for a Pi.
pub(crate) fn with_base() -> Sandbox {
    with_base_of(&ARM64, |_| {})
}

/// The same for a kind of board, when `change` has had its hand in the folder `root`.
pub(crate) fn with_base_of(kind: &Kind, change: impl FnOnce(&Sandbox)) -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("root").join(kind.libc()).parent().unwrap()).unwrap();
    for folder in [
        "etc/skel",
        "etc/systemd/system",
        "usr/lib/systemd/system",
        "usr/share/zoneinfo/Etc",
        "usr/bin",
        "boot/firmware",
        "home",
    ] {
        fs::create_dir_all(sandbox.path("root").join(folder)).unwrap();
    }
    sandbox.write("root/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
    sandbox.write("root/etc/shadow", "root:*:20000:0:99999:7:::\n");
    sandbox.write("root/etc/group", "root:x:0:\nsudo:x:27:\nadm:x:4:\n");
    sandbox.write(
        "root/etc/os-release",
        "ID=debian\nVERSION_CODENAME=trixie\n",
    );
    sandbox.write("root/usr/share/zoneinfo/Etc/UTC", "TZif2");
    sandbox.write("root/etc/skel/.profile", "# profile\n");
    sandbox.write("root/usr/lib/systemd/system/ssh.service", "[Service]\n");
    let copy = |from: &str, to: &str| fs::copy(kind.library(from), sandbox.path(to)).unwrap();
    copy("libc.so.6", &format!("root/{}", kind.libc()));
    copy(kind.loader, &format!("root/usr/lib/{}", kind.loader));
    copy(kind.loader, "root/usr/bin/true");
    copy(kind.loader, "broker");
    symlink("usr/lib", sandbox.path("root/lib")).unwrap();
    change(&sandbox);
    let blocks = (SIZE - ROOT) / 1024;
    tool(
        &sandbox,
        &format!(
            "truncate -s {SIZE} base.img
             printf 'label-id: 0x0badcafe\\n8192,65536,c\n81920,,83\n' | sfdisk -q --label dos base.img
             mkfs.vfat -n bootfs --offset 8192 base.img 32768 >boot.log
             mke2fs -q -t ext4 -L rootfs -O ^64bit,^huge_file -E offset={ROOT},root_owner=0:0 -d root base.img {blocks}k"
        ),
    )
    .success();
    sandbox
}

fn bake(sandbox: &Sandbox, more: &[&str]) -> Ended {
    let args = [
        "image", "--broker", "broker", "--free", "1M", "--out", "pi.img",
    ];
    sandbox.provision(&[&args[..], more].concat())
}

/// What debugfs prints for `request` on the root file system of `pi.img`.
pub(crate) fn debugfs(sandbox: &Sandbox, request: &str) -> String {
    tool(
        sandbox,
        &format!("debugfs -R '{request}' 'pi.img?offset={ROOT}' 2>/dev/null"),
    )
    .stdout
}

pub(crate) fn clean(sandbox: &Sandbox) {
    tool(sandbox, &format!("e2fsck -fn 'pi.img?offset={ROOT}'")).success();
    tool(
        sandbox,
        "dd if=pi.img of=boot.img bs=4M skip=1 count=8 status=none; fsck.vfat -n boot.img",
    )
    .success();
    tool(sandbox, "sfdisk --verify pi.img").success();
}

#[test]
fn an_empty_folder_becomes_a_site_and_a_card() {
    let sandbox = with_base();
    let ended = bake(&sandbox, &["--base", "base.img"]).success();
    assert_eq!(ended.stdout, "pi.img\n");
    clean(&sandbox);
    assert_eq!(debugfs(&sandbox, "cat /etc/hostname"), "broker\n");
    assert_eq!(
        debugfs(&sandbox, "cat /home/pi/.ssh/authorized_keys"),
        sandbox.read("site/ssh/id_ed25519.pub")
    );
    assert!(
        debugfs(&sandbox, "cat /etc/shadow").contains("pi:!:"),
        "the login user has a password"
    );
    let release = debugfs(&sandbox, "stat /usr/local/lib/mqtt-broker/current");
    let (_, release) = release.split_once("Fast link dest: \"").unwrap();
    let release = release.split('"').next().unwrap();
    let etc = format!("/usr/local/lib/mqtt-broker/{release}/etc");
    assert_eq!(
        debugfs(&sandbox, &format!("cat {etc}/tls/ca.crt")),
        sandbox.read("site/pki/ca.crt")
    );
    // The site's people, and the account by which `provision` proves that the broker works.
    let probe = sandbox.read("site/hosts/broker/probe.hash");
    assert_eq!(
        debugfs(&sandbox, &format!("cat {etc}/passwd")),
        format!("{}_provision:{probe}", sandbox.read("site/passwd"))
    );
    for (file, mode) in [
        ("tls/server.key", "0600"),
        ("passwd", "0600"),
        ("acl", "0600"),
        ("broker.conf", "0644"),
    ] {
        let stat = debugfs(&sandbox, &format!("stat {etc}/{file}"));
        assert!(
            stat.contains(&format!("Mode:  {mode}")) && stat.contains("User:     0"),
            "{file}: {stat}"
        );
    }
    let enabled = debugfs(
        &sandbox,
        "stat /etc/systemd/system/multi-user.target.wants/mqtt-broker.service",
    );
    assert!(enabled.contains("Type: symlink"), "{enabled}");
}

#[test]
fn nothing_secret_is_on_the_fat_partition_or_in_what_is_printed() {
    let sandbox = with_base();
    let ended = bake(&sandbox, &["--base", "base.img", "--json", "-vv"]).success();
    let password = sandbox.read("site/passwords/owner");
    let key = sandbox.read("site/hosts/broker/server.key");
    let key_line = key.lines().nth(1).unwrap();
    let hash = sandbox.read("site/passwd");
    let image = fs::read(sandbox.path("pi.img")).unwrap();
    let boot = &image[..usize::try_from(ROOT).unwrap()];
    let authority = sandbox.read("site/pki/ca.key");
    let authority = authority.lines().nth(1).unwrap();
    let has = |bytes: &[u8], text: &str| {
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    for secret in [password.trim(), key_line, hash.trim(), authority] {
        assert!(
            !has(boot, secret),
            "a secret lies before the root file system"
        );
        assert!(
            !has(ended.stdout.as_bytes(), secret),
            "a secret was printed as data"
        );
    }
    assert!(has(&image, key_line), "the search finds what is there");
    assert!(
        !has(&image, authority) && !has(&image, password.trim()),
        "what stays in the site is on the card"
    );
    assert_eq!(
        ended.stderr.matches(password.trim()).count(),
        1,
        "the password is shown once"
    );
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["version"], 1);
}

#[test]
fn the_same_site_gives_the_same_bytes_and_a_new_person_changes_the_release() {
    let sandbox = with_base();
    bake(&sandbox, &["--base", "base.img"]).success();
    let first = fs::read(sandbox.path("pi.img")).unwrap();
    bake(&sandbox, &["--base", "base.img"]).success();
    assert!(
        first == fs::read(sandbox.path("pi.img")).unwrap(),
        "two cards of one site differ"
    );
    sandbox
        .provision(&["add-user", "ada", "--generate"])
        .success();
    let before = sandbox
        .provision(&["render", "--broker", "broker"])
        .success()
        .stdout;
    bake(&sandbox, &["--base", "base.img"]).success();
    assert!(first != fs::read(sandbox.path("pi.img")).unwrap());
    clean(&sandbox);
    assert!(before.contains("/etc/passwd"), "{before}");
}

#[test]
fn a_packed_base_is_unpacked_once() {
    let sandbox = with_base();
    tool(&sandbox, "xz -0 -k base.img").success();
    bake(&sandbox, &["--base", "base.img.xz"]).success();
    clean(&sandbox);
    let again = bake(&sandbox, &["--base", "base.img.xz"]).success();
    assert!(!again.stderr.contains("Unpack"), "{}", again.stderr);
}

#[test]
fn a_base_that_is_none_is_refused_and_nothing_changes() {
    let sandbox = with_base();
    sandbox.write("text", "this is no image\n");
    tool(
        &sandbox,
        "xz -0 -k base.img && head -c 40000 base.img.xz >short.img.xz",
    )
    .success();
    tool(
        &sandbox,
        "cp base.img no-root.img && printf '8192,65536,c\n' | sfdisk -q --label dos no-root.img",
    )
    .success();
    tool(&sandbox, "cp base.img zeroed.img && dd if=/dev/zero of=zeroed.img bs=1M seek=40 count=1 conv=notrunc status=none")
        .success();
    let before = sandbox.listing();
    let mut errors = String::new();
    for base in [
        "text",
        "short.img.xz",
        "no-root.img",
        "zeroed.img",
        "missing.img",
    ] {
        let ended = bake(&sandbox, &["--base", base]);
        assert_eq!(ended.code, 2, "{base}: {}", ended.shown());
        let lines = ended
            .stderr
            .lines()
            .filter(|line| !line.starts_with("Read") && !line.starts_with("Unpack"));
        errors.extend(lines.flat_map(|line| [line, "\n"]));
        let after: Vec<_> = sandbox
            .listing()
            .into_iter()
            .filter(|line| !line.contains(" home/"))
            .collect();
        assert_eq!(
            after,
            before
                .iter()
                .filter(|line| !line.contains(" home/"))
                .cloned()
                .collect::<Vec<_>>()
        );
    }
    insta::assert_snapshot!(errors, @r"
    error: preparing base [HERE]/text
      caused by: [HERE]/text is not an image: it has neither a partition table nor the first bytes of an archive
      hint: use an image for the Raspberry Pi: an `.img` file, or one packed with xz, gzip, zstd or zip
    error: preparing base [HERE]/short.img.xz
      caused by: [HERE]/short.img.xz is incomplete: the xz data ends after 40000 bytes, in the middle of a block
      hint: download it again, and compare its sha256 with the published one
    error: preparing base [HERE]/no-root.img
      caused by: [HERE]/no-root.img can't be a base
      caused by: [HERE]/no-root.img is not a usable card image
      caused by: the image has no Linux partition (type 0x83); the types of its partitions: 0x0c
      hint: use an image for the Raspberry Pi: an `.img` file, or one packed with xz, gzip, zstd or zip
    error: preparing base [HERE]/zeroed.img
      caused by: [HERE]/zeroed.img can't be a base
      caused by: partition 2 of [HERE]/zeroed.img can't be used
      caused by: there is no ext4 file system: the magic number is 0x0000, not 0xef53
      hint: the image is damaged: download or copy it again
    error: preparing base [HERE]/missing.img
      caused by: cannot read [HERE]/missing.img
      caused by: No such file or directory (os error 2)
    ");
}

#[test]
fn too_little_room_is_an_error_that_names_both_sizes_and_leaves_no_site() {
    let sandbox = with_base();
    let before = sandbox.listing();
    let ended = sandbox.provision(&[
        "image",
        "--broker",
        "broker",
        "--base",
        "base.img",
        "--free",
        "1G",
        "--max-size",
        "500M",
        "--out",
        "pi.img",
    ]);
    assert_eq!(ended.code, 2);
    let (_, error) = ended.stderr.split_once("error: ").unwrap();
    insta::assert_snapshot!(error, @r"
    baking pi.img
      caused by: the image would have 1199570944 bytes, and at most 524288000 are allowed
      hint: allow 1144M or more, or ask for less free room
    ");
    let without_cache = |lines: Vec<String>| {
        lines
            .into_iter()
            .filter(|line| !line.contains(" home/"))
            .collect::<Vec<_>>()
    };
    assert_eq!(without_cache(sandbox.listing()), without_cache(before));
}

#[test]
fn a_full_disk_leaves_the_old_image() {
    let sandbox = with_base();
    sandbox.provision(&["init", "--host", "broker"]).success();
    fs::create_dir(sandbox.path("small")).unwrap();
    let provision = env!("CARGO_BIN_EXE_provision");
    let script = format!(
        "mount -t tmpfs -o size=1m tmpfs small
         echo old >small/pi.img
         if {provision} image --base base.img --broker broker --free 1M --out small/pi.img; then exit 9; fi
         cat small/pi.img; ls -A small"
    );
    let ended = sandbox
        .run(
            Command::new("unshare").args(["-rm", "sh", "-euc", &script]),
            "",
        )
        .success();
    assert_eq!(ended.stdout, "old\npi.img\n");
    assert!(ended.stderr.contains("error: "), "{}", ended.stderr);
}

#[test]
fn an_option_that_the_broker_does_not_know_is_found_before_anything_is_written() {
    let sandbox = with_base();
    sandbox.write(
        "my.yaml",
        "broker:\n  extra: |\n    max_inflight_mesages 50\n",
    );
    let ended = bake(&sandbox, &["--base", "base.img", "--recipe", "./my.yaml"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("/etc/mqtt-broker/broker.conf:"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("max_inflight_messages"),
        "{}",
        ended.stderr
    );
    assert!(!sandbox.path("pi.img").exists());
}

#[test]
fn a_missing_linker_is_named_with_the_package_that_brings_it() {
    let sandbox = Sandbox::with_site();
    let cargo = Command::new("sh")
        .args(["-c", "command -v cargo"])
        .output()
        .unwrap();
    let cargo = String::from_utf8(cargo.stdout).unwrap();
    let path = Path::new(cargo.trim()).parent().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_provision"));
    command
        .args(["render"])
        .current_dir(sandbox.path(""))
        .env_clear();
    command.env("PATH", path).env("HOME", sandbox.path("home"));
    let ended = sandbox.run_as_is(&mut command, "");
    insta::assert_snapshot!(ended.shown(), @"
    exit: 1
    --- stdout
    --- stderr
    error: aarch64-linux-gnu-gcc was not found, and the broker for aarch64 has to be linked
      hint: sudo apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross
    ");
}

#[test]
fn a_broker_for_another_machine_is_refused() {
    let sandbox = with_base();
    let own = env!("CARGO_BIN_EXE_provision");
    let ended = sandbox.provision(&[
        "image", "--base", "base.img", "--broker", own, "--out", "pi.img",
    ]);
    assert_eq!(ended.code, 2);
    assert!(
        ended
            .stderr
            .contains("it is made for x86_64, the target is aarch64"),
        "{}",
        ended.stderr
    );
    assert!(!sandbox.path("site").exists());
}

#[test]
fn a_name_added_to_the_site_is_in_the_next_cards_certificate() {
    let sandbox = with_base();
    bake(&sandbox, &["--base", "base.img"]).success();
    let site = sandbox.read("site/site.yaml");
    sandbox.write(
        "site/site.yaml",
        &site.replace("san: []", "san: [broker.example.com]"),
    );
    let render = sandbox.provision(&["render", "--broker", "broker"]);
    assert_eq!(render.code, 2);
    assert!(
        render
            .stderr
            .contains("`provision image` and `provision push` issue what is missing"),
        "{}",
        render.stderr
    );
    let ended = bake(&sandbox, &["--base", "base.img"]).success();
    let said = "Issued server certificate for broker: site.yaml names others than the last one did";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let verify = "openssl verify -CAfile site/pki/ca.crt -verify_hostname broker.example.com site/hosts/broker/server.crt";
    tool(&sandbox, verify).success();
    let again = bake(&sandbox, &["--base", "base.img"]).success();
    assert!(!again.stderr.contains("Issued"), "{}", again.stderr);
}

#[test]
fn nothing_is_written_through_a_link_of_an_overlay() {
    let sandbox = Sandbox::with_site();
    let ld = ARM64.library(ARM64.loader);
    fs::create_dir_all(sandbox.path("mine/etc/sub")).unwrap();
    sandbox.write("mine/etc/sub/file", "x");
    sandbox.write("mine/overlay.yaml", "links: {etc/sub: /tmp/elsewhere}\n");
    let broker = ld.to_string_lossy();
    let ended = sandbox.provision(&["render", "out", "--overlay", "mine", "--broker", &broker]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("would lie below /etc/sub"),
        "{}",
        ended.stderr
    );
    assert!(!sandbox.path("out").exists());
}

#[test]
fn an_image_has_the_size_that_was_asked_for() {
    let sandbox = with_base();
    let size = || fs::metadata(sandbox.path("pi.img")).unwrap().len();
    bake(&sandbox, &["--base", "base.img", "--size", "300M"]).success();
    assert_eq!(size(), 300 << 20);
    bake(&sandbox, &["--base", "base.img", "--shrink"]).success();
    assert!(size() < 300 << 20, "{}", size());
    let ended = bake(&sandbox, &["--base", "base.img", "--size", "4K"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended
            .stderr
            .contains("the image can't have 4096 bytes: it needs "),
        "{}",
        ended.stderr
    );
    let ended = bake(
        &sandbox,
        &["--base", "base.img", "--size", "300M", "--shrink"],
    );
    assert_eq!(ended.code, 2);
}
