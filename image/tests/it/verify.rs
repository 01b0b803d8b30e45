//! A card beside its report: as it was made, changed by somebody, changed by its first boot.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use image::verify::{End, Status, Verification, verify};
use image::{Card, Entry, Overlay, Owner, Report, Scratch, Silent};

use crate::support::{Bench, Features, at_boot, chain, debugfs, overlay, run, tamper, tool, write};

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\npi:x:1000:1000::/home/pi:/bin/bash\n";
const SHADOW: &str = "root:*:1:0:99999:7:::\npi:!:1:0:99999:7:::\n";
const GROUP: &str = "root:x:0:\npi:x:1000:\n";
const RELEASE: &str = "/usr/local/lib/mqtt-broker/releases/0123456789ab/etc";

fn card_files() -> Overlay {
    let pi = Owner {
        uid: 1000,
        gid: 1000,
    };
    let passwd = format!("{RELEASE}/passwd");
    overlay([
        ("/etc/passwd", Entry::file(PASSWD, 0o644, "test")),
        ("/etc/shadow", Entry::file(SHADOW, 0o640, "test").secret()),
        ("/etc/group", Entry::file(GROUP, 0o644, "test")),
        ("/etc/hostname", Entry::file("broker\n", 0o644, "test")),
        ("/etc/.updated", Entry::absent("test")),
        ("/etc/gone", Entry::absent("test")),
        ("/etc/link", Entry::symlink("hostname", "test")),
        (
            "/etc/fstab",
            Entry::file("PARTUUID=4f2c9ea0-02 / ext4 defaults 0 1\n", 0o644, "test"),
        ),
        ("/home/pi", Entry::directory(0o700, "test").owned_by(pi)),
        (
            "/boot/firmware/cmdline.txt",
            Entry::file(
                "console=tty1 root=PARTUUID=4f2c9ea0-02 rootwait resize\n",
                0o755,
                "test",
            ),
        ),
        (&passwd, Entry::file("owner:$7$x", 0o600, "test").secret()),
        (
            "/usr/lib/tmpfiles.d/mqtt-broker.conf",
            Entry::file(
                "z /usr/local/lib/mqtt-broker/releases/*/etc/passwd 0640 root mqtt-broker - -\n",
                0o644,
                "test",
            ),
        ),
        (
            "/usr/lib/sysusers.d/mqtt-broker.conf",
            Entry::file("u mqtt-broker -\n", 0o644, "test"),
        ),
    ])
}

/// An image with its report, which has been through a file.
fn card() -> (Bench, Report) {
    let bench = Bench::new(Features::Trixie);
    let report = bench.assemble(&card_files()).unwrap();
    let text = serde_json::to_string(&report).unwrap();
    let read: Report = serde_json::from_str(&text).unwrap();
    assert_eq!(read, report);
    (bench, report)
}

fn verified(image: &Path, report: &Report) -> Verification {
    verify(
        &Card::open_used(image).unwrap(),
        report,
        End::ShutDown,
        &mut Silent,
    )
    .unwrap()
}

/// What isn't as it was written, a line each.
fn shown(verification: &Verification) -> String {
    let checks = verification
        .checks
        .iter()
        .filter(|check| check.status != Status::Same);
    checks
        .map(|check| format!("{} {}: {}\n", check.status.word(), check.what, check.why))
        .collect::<Vec<_>>()
        .concat()
}

fn replace(image: &Path, path: &str, text: &str) {
    let file = tempfile::NamedTempFile::new().unwrap();
    write(file.path(), text);
    let stat = debugfs(image, &format!("stat {path}"));
    let mode = stat
        .split("Mode:")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned();
    let from = file.path().display();
    tamper(
        image,
        &format!(
            "rm {path}\nwrite {from} {path}\nsif {path} mode 010{mode}\nsif {path} uid 0\nsif {path} gid 0\n"
        ),
    );
}

#[test]
fn a_new_image_is_as_its_report_says() {
    let (bench, report) = card();
    let verification = verified(&bench.output(), &report);
    assert_eq!(shown(&verification), "");
    assert_eq!(verification.used, [""; 0]);
    // Size, disk id, two partitions, two file systems.
    assert_eq!(verification.count(Status::Same), report.written.len() + 6);
}

#[test]
fn whatever_somebody_changes_is_told() {
    let (bench, report) = card();
    let image = bench.output();
    replace(&image, "/etc/hostname", "other!\n");
    replace(&image, "/etc/passwd", "root::0:0:root:/root:/bin/bash\n");
    let passwd = format!("{RELEASE}/passwd");
    tamper(
        &image,
        &format!(
            "sif {passwd} mode 0100644\nsif /home/pi uid 0\nrm /etc/link\nsymlink /etc/link elsewhere\nmkdir /etc/gone\nrm /etc/fstab\n"
        ),
    );
    run(tool("mdel").args(["-i", &at_boot(&image), "::/cmdline.txt"]));
    insta::assert_snapshot!(shown(&verified(&image, &report)), @r"
    differs /boot/firmware/cmdline.txt: it is gone
    differs /etc/fstab: it is gone
    differs /etc/gone: there is a directory, and nothing was left
    differs /etc/hostname: its contents are others
    differs /etc/link: it leads to elsewhere, and led to hostname
    differs /etc/passwd: it has 31 bytes, and had 67
    differs /home/pi: its owner is 0:1000, and was 1000:1000
    differs /usr/local/lib/mqtt-broker/releases/0123456789ab/etc/passwd: its mode is 0644, and was 0600
    ");
}

#[test]
fn damage_of_the_file_systems_is_told() {
    let (bench, report) = card();
    // A block that belongs to nobody and is marked as used.
    tamper(&bench.output(), "setb 5000\n");
    let told = shown(&verified(&bench.output(), &report));
    assert!(
        told.contains("differs ext4 file system: e2fsck finds it damaged"),
        "{told}"
    );
    let (bench, report) = card();
    let file = File::options().write(true).open(bench.output()).unwrap();
    // The first table of the FAT partition: 32 sectors behind its beginning.
    file.write_all_at(&[0x5A; 64], (16_384 + 32) * 512 + 100)
        .unwrap();
    let told = shown(&verified(&bench.output(), &report));
    assert!(told.contains("differs FAT file system"), "{told}");
}

/// What systemd and Raspberry Pi OS do at a first boot.
fn boot(image: &Path) {
    let file = File::options().write(true).open(image).unwrap();
    file.set_len(file.metadata().unwrap().len() + (64 << 20))
        .unwrap();
    file.write_all_at(&0x1234_5678_u32.to_le_bytes(), 440)
        .unwrap();
    let (start, length) = crate::support::ROOT;
    let row = [start, length + 131_072].map(|number| u32::try_from(number).unwrap().to_le_bytes());
    file.write_all_at(&row.concat(), 446 + 16 + 8).unwrap();
    replace(
        image,
        "/etc/fstab",
        "PARTUUID=12345678-02 / ext4 defaults 0 1\n",
    );
    replace(
        image,
        "/etc/passwd",
        &format!("{PASSWD}mqtt-broker:x:998:998:MQTT:/:/usr/sbin/nologin\n"),
    );
    replace(
        image,
        "/etc/shadow",
        &format!("{SHADOW}mqtt-broker:!*:20000::::::\n"),
    );
    replace(image, "/etc/group", &format!("{GROUP}mqtt-broker:x:998:\n"));
    let id = tempfile::NamedTempFile::new().unwrap();
    write(id.path(), "0123456789abcdef0123456789abcdef\n");
    let id = id.path().display();
    let passwd = format!("{RELEASE}/passwd");
    tamper(
        image,
        &format!(
            "write {id} /etc/machine-id\nwrite {id} /etc/.updated\nsif {passwd} mode 0100640\nsif {passwd} gid 998\nssv mnt_count 3\n"
        ),
    );
    let cmdline = tempfile::NamedTempFile::new().unwrap();
    write(
        cmdline.path(),
        "console=tty1 root=PARTUUID=12345678-02 rootwait\n",
    );
    run(tool("mcopy")
        .args(["-o", "-i", &at_boot(image)])
        .arg(cmdline.path())
        .arg("::/cmdline.txt"));
}

#[test]
fn what_a_first_boot_changes_is_expected_and_said() {
    let (bench, report) = card();
    let image = bench.output();
    boot(&image);
    let verification = verified(&image, &report);
    insta::assert_snapshot!(shown(&verification), @r"
    expected size: 138412032 bytes, the image had 71303168
    expected disk id: it is 12345678, the image had 4f2c9ea0: a first boot changes it
    expected partition 2: 180224 sectors: the first boot makes it fill the card
    expected /boot/firmware/cmdline.txt: the first boot gives the disk another id, and takes its own words out
    expected /etc/.updated: systemd makes it at each boot
    expected /etc/fstab: the first boot gives the disk another id, and takes its own words out
    expected /etc/group: systemd-sysusers has added mqtt-broker
    expected /etc/passwd: systemd-sysusers has added mqtt-broker
    expected /usr/local/lib/mqtt-broker/releases/0123456789ab/etc/passwd: systemd-tmpfiles has made it 0640 0:998
    ");
    insta::assert_snapshot!(verification.used.join("\n"), @r"
    /etc/machine-id has a number
    its root file system was mounted
    its disk id is 12345678, the image had 4f2c9ea0
    ");
    assert_eq!(verification.count(Status::Differs), 0);
}

#[test]
fn a_boot_explains_no_other_changes() {
    let (bench, report) = card();
    let image = bench.output();
    boot(&image);
    // A user more, who may do everything; a secret for another group than the rule says.
    let rows = format!(
        "{PASSWD}mallory:x:0:0::/:/bin/sh\nmqtt-broker:x:998:998:MQTT:/:/usr/sbin/nologin\n"
    );
    replace(&image, "/etc/passwd", &rows);
    tamper(&image, &format!("sif {RELEASE}/passwd gid 1000\n"));
    replace(
        &image,
        "/etc/fstab",
        "PARTUUID=12345678-02 / ext4 suid 0 1\n",
    );
    let verification = verified(&image, &report);
    let wrong: Vec<_> = verification
        .checks
        .iter()
        .filter(|check| check.status == Status::Differs)
        .map(|check| check.what.clone())
        .collect();
    assert_eq!(
        wrong,
        ["/etc/fstab", "/etc/passwd", &format!("{RELEASE}/passwd")]
    );

    // Rules that were changed explain nothing.
    let (bench, report) = card();
    let image = bench.output();
    boot(&image);
    replace(
        &image,
        "/usr/lib/tmpfiles.d/mqtt-broker.conf",
        "z /usr/local/lib/mqtt-broker/releases/*/etc/passwd 0640 root mqtt-broker - -\n#\n",
    );
    let verification = verified(&image, &report);
    assert_eq!(
        verification.count(Status::Differs),
        2,
        "{}",
        shown(&verification)
    );
}

#[test]
fn a_file_system_that_has_seen_errors_is_no_base_and_can_be_looked_at() {
    let (bench, report) = card();
    let image = bench.output();
    tamper(&image, "ssv state 2\n");
    assert!(Card::open(&image).is_err());
    insta::assert_snapshot!(shown(&verified(&image, &report)), @r"skipped ext4 file system: the ext4 file system is marked as having errors: it was not checked");
}

/// What lies in the journal and not yet in its place is what was written last.
#[test]
fn a_card_that_was_not_shut_down_is_looked_at_in_a_copy_whose_journal_is_replayed() {
    let bench = Bench::with(Features::Bookworm, |tree| {
        write(&tree.join("etc/journaled"), "before\n");
    });
    let image = bench.base();
    let blocks = debugfs(&image, "blocks /etc/journaled");
    let block = bench.path("block");
    let mut bytes = vec![0; 4096];
    bytes[..6].copy_from_slice(b"after!");
    write(&block, &bytes);
    let (number, file) = (blocks.trim(), block.display());
    tamper(
        &image,
        &format!("journal_open\njournal_write -b {number} {file}\njournal_close\n"),
    );
    let before = std::fs::read(&image).unwrap();
    let names = bench.names();

    let refused = Card::open_used(&image).unwrap_err();
    assert!(refused.needs_recovery(), "{}", chain(&refused));
    let scratch = Scratch::replayed(&image, bench.folder.path(), &mut Silent).unwrap();
    let card = Card::open(scratch.path()).unwrap();
    assert_eq!(card.read("/etc/journaled").unwrap().unwrap(), b"after!\0");
    drop(scratch);
    assert!(
        before == std::fs::read(&image).unwrap(),
        "the card itself was changed"
    );
    assert_eq!(bench.names(), names);
}

#[test]
fn packed_images_are_unpacked_into_a_file_of_their_owners_that_goes_away() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new(Features::Trixie);
    let image = bench.base();
    let whole = std::fs::read(&image).unwrap();
    let packed = bench.path("base.img.xz");
    let mut xz = tool("xz");
    run(xz.args(["--keep", "-1"]).arg(&image));
    let names = bench.names();
    let scratch = Scratch::unpacked(&packed, bench.folder.path(), &mut Silent).unwrap();
    assert!(std::fs::read(scratch.path()).unwrap() == whole);
    let about = std::fs::metadata(scratch.path()).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    drop(scratch);
    assert_eq!(bench.names(), names);
}
