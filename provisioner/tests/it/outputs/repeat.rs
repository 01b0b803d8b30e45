//! The same bytes again, elsewhere and later.

use std::fs;

use super::bench::{image, with_base, without_cache};
use crate::kinds::ARM64;
use crate::support::{Sandbox, tool};

#[test]
fn two_builds_in_different_folders_have_the_same_bytes_raw_and_packed_on_any_number_of_cores() {
    let one = with_base(&ARM64);
    let other = Sandbox::new();
    one.provision(&["init", "--host", "broker"]).success();
    fs::create_dir_all(other.path("in/another place")).unwrap();
    let (from, to) = (one.path(""), other.path("in/another place"));
    tool(
        &one,
        &format!("cp -a base.img broker site '{}'", to.display()),
    )
    .success();
    let wanted = "--free 1M --with bmap,sbom,sums --compress xz:1 --out pi.img";
    let provision = env!("CARGO_BIN_EXE_provision");
    let build = format!("{provision} image --broker broker --base base.img {wanted}");
    tool(&one, &format!("umask 077; {build}")).success();
    // Whoever looks at the clock sees another time, and one core.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    tool(
        &other,
        &format!("cd 'in/another place'; taskset -c 0 {build}"),
    )
    .success();
    for name in [
        "pi.img",
        "pi.img.xz",
        "pi.img.bmap",
        "pi.spdx.json",
        "pi.report.json",
        "SHA256SUMS",
    ] {
        tool(
            &one,
            &format!("cmp '{}/{name}' '{}/{name}'", from.display(), to.display()),
        )
        .success();
    }
}

#[test]
fn check_builds_twice_keeps_nothing_and_finds_what_differs() {
    let sandbox = with_base(&ARM64);
    let refused = image(&sandbox, &["--check"]);
    assert_eq!(refused.code, 2, "{}", refused.shown());
    sandbox.provision(&["init", "--host", "broker"]).success();
    let before = sandbox.listing();
    let more = ["--check", "--with", "all", "--compress", "zst:1"];
    let ended = image(&sandbox, &more).success();
    assert!(
        ended.stderr.contains("twice with the same bytes"),
        "{}",
        ended.stderr
    );
    assert_eq!(
        without_cache(sandbox.listing()),
        without_cache(before.clone())
    );

    // Somebody changes an overlay between the two: whoever writes the first image also writes to it.
    fs::create_dir_all(sandbox.path("mine/etc")).unwrap();
    sandbox.write("mine/etc/motd", "hello\n");
    let debugfs = "#!/bin/sh\necho again >>\"$(dirname \"$0\")/../mine/etc/motd\"\nPATH=/usr/sbin:/sbin exec debugfs \"$@\"\n";
    fs::create_dir(sandbox.path("bin")).unwrap();
    sandbox.write("bin/debugfs", debugfs);
    let provision = env!("CARGO_BIN_EXE_provision");
    let script = format!(
        "chmod +x bin/debugfs; PATH=$PWD/bin:$PATH
         {provision} image --broker broker --base base.img --free 1M --overlay mine --check --out pi.img"
    );
    let ended = tool(&sandbox, &script);
    assert_eq!(ended.code, 3, "{}", ended.shown());
    assert!(
        ended.stdout.contains("pi.img: different from byte "),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains(", /etc/motd\n"), "{}", ended.stdout);
    tool(&sandbox, "rm -r mine bin").success();
    assert_eq!(without_cache(sandbox.listing()), without_cache(before));
}
