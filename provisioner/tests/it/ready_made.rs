//! Kinds of boards, and ready-made brokers: programs of real compilers that fit a board and a base or
//! don't.

use std::fs;
use std::process::Command;

use crate::bake::{clean, debugfs, with_base_of};
use crate::kinds::ARMHF;
use crate::support::{Ended, Sandbox, tool};

/// A program that does nothing, and needs nothing.
const SOURCE: &str = "void _start(void) { for (;;); }\n";

/// Compiles `SOURCE` into `file`.
fn compile(sandbox: &Sandbox, file: &str, command: &str) {
    sandbox.write("source.c", SOURCE);
    tool(sandbox, &format!("{command} -nostdlib -o {file} source.c")).success();
}

fn bake(sandbox: &Sandbox, broker: &str, more: &[&str]) -> Ended {
    let args = ["image", "--free", "1M", "--out", "pi.img"];
    sandbox.provision(&[&args[..], &["--broker", broker], more].concat())
}

/// Whatever is there beside the home, which has the cache.
fn listing(sandbox: &Sandbox) -> Vec<String> {
    let lines = sandbox.listing().into_iter();
    lines.filter(|line| !line.contains(" home")).collect()
}

#[test]
fn with_a_ready_made_broker_a_card_for_32_bits_is_baked_where_there_is_no_rust() {
    let sandbox = with_base_of(&ARMHF, |_| {});
    fs::create_dir(sandbox.path("nothing")).unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_provision"));
        command.args(args).current_dir(sandbox.path("")).env_clear();
        command.env("PATH", sandbox.path("nothing"));
        command.env("HOME", sandbox.path("home"));
        sandbox.run_as_is(&mut command, "")
    };
    let args = "image --recipe armv7 --base base.img --free 1M --out pi.img --broker broker --json";
    let ended = run(&args.split(' ').collect::<Vec<_>>()).success();
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["target"], "armv7");
    clean(&sandbox);
    let release = report["release"].as_str().unwrap();
    debugfs(
        &sandbox,
        &format!("dump /usr/local/lib/mqtt-broker/releases/{release}/bin/mqtt-broker baked"),
    );
    assert!(
        fs::read(sandbox.path("baked")).unwrap() == fs::read(sandbox.path("broker")).unwrap(),
        "another broker is on the card"
    );
    // There was indeed none.
    insta::assert_snapshot!(run(&["render", "--target", "armv7"]).shown(), @r"
    exit: 1
    --- stdout
    --- stderr
    error: cargo was not found, and the broker has to be compiled
      hint: install Rust with rustup, or name a ready-made broker with --broker FILE
    ");
}

#[test]
fn a_program_for_another_kind_of_board_is_refused_before_the_base_is_looked_at() {
    let sandbox = Sandbox::new();
    let arm = "arm-linux-gnueabihf-gcc -static";
    compile(&sandbox, "armv7", arm);
    compile(
        &sandbox,
        "armel",
        &format!("{arm} -marm -march=armv5te -mfloat-abi=soft"),
    );
    compile(&sandbox, "armeb", &format!("{arm} -mbig-endian"));
    compile(&sandbox, "object", &format!("{arm} -c"));
    compile(&sandbox, "library", &format!("{arm} -shared -fPIC -Wl,-e0"));
    compile(
        &sandbox,
        "ilp32",
        "aarch64-linux-gnu-gcc -static -mabi=ilp32",
    );
    compile(
        &sandbox,
        "aarch64_be",
        "aarch64-linux-gnu-gcc -static -mbig-endian",
    );
    sandbox.write("script", "#!/bin/sh\n");
    tool(
        &sandbox,
        "head -c 200 armv7 >torn; arm-linux-gnueabihf-strip -o stripped armv7",
    )
    .success();
    let before = listing(&sandbox);
    let mut errors = String::new();
    for (target, broker) in [
        ("armv7", "armel"),
        ("armv7", "armeb"),
        ("armv7", "object"),
        ("armv7", "library"),
        ("armv7", "ilp32"),
        ("armv7", "script"),
        ("armv7", "torn"),
        ("armv7", "missing"),
        ("aarch64", "armv7"),
        ("aarch64", "ilp32"),
        ("aarch64", "aarch64_be"),
    ] {
        let ended = bake(&sandbox, broker, &["--target", target, "--base", "no.img"]);
        assert_eq!(ended.code, 2, "{}", ended.shown());
        errors.push_str(&ended.stderr);
    }
    insta::assert_snapshot!(errors, @r"
    error: broker armel can't be used: it is made for arm (soft-float), the target is armv7
      hint: name one that is built for armv7-unknown-linux-gnueabihf
    error: broker armeb can't be used: it is made for arm (big-endian), the target is armv7
      hint: name one that is built for armv7-unknown-linux-gnueabihf
    error: broker object can't be used: it is an ELF file, but no program
      hint: name one that is built for armv7-unknown-linux-gnueabihf
    error: broker library can't be used: it is an ELF file, but no program
      hint: name one that is built for armv7-unknown-linux-gnueabihf
    error: broker ilp32 can't be used: it is made for aarch64 (32-bit addresses), the target is armv7
      hint: name one that is built for armv7-unknown-linux-gnueabihf
    error: broker script can't be used: it is no ELF program
    error: broker torn can't be used: it is a damaged ELF file: Invalid ELF section header offset/size/alignment
    error: reading broker missing
      caused by: No such file or directory (os error 2)
    error: broker armv7 can't be used: it is made for arm, the target is aarch64
      hint: it fits --target armv7
    error: broker ilp32 can't be used: it is made for aarch64 (32-bit addresses), the target is aarch64
      hint: name one that is built for aarch64-unknown-linux-gnu
    error: broker aarch64_be can't be used: it is made for aarch64 (big-endian), the target is aarch64
      hint: name one that is built for aarch64-unknown-linux-gnu
    ");
    assert_eq!(listing(&sandbox), before);
    let fits = bake(
        &sandbox,
        "stripped",
        &["--target", "armv7", "--base", "no.img"],
    );
    assert!(
        fits.stderr.starts_with("error: preparing base"),
        "{}",
        fits.stderr
    );
}

#[test]
fn a_broker_that_needs_a_newer_glibc_or_another_loader_than_the_base_has_is_refused() {
    let sandbox = with_base_of(&ARMHF, |sandbox| {
        // A C library of 2020, as far as its versions go.
        sandbox.write("old.c", "int f(void) { return 0; }\n");
        sandbox.write("old.map", "GLIBC_2.4 { f; };\nGLIBC_2.31 { } GLIBC_2.4;\n");
        let libc = ARMHF.libc();
        let script = format!(
            "arm-linux-gnueabihf-gcc -shared -nostdlib -Wl,--version-script=old.map \
             -Wl,-soname,libc.so.6 -o root/{libc} old.c"
        );
        tool(sandbox, &script).success();
    });
    let gcc = "arm-linux-gnueabihf-gcc";
    compile(
        &sandbox,
        "musl",
        &format!("{gcc} -pie -Wl,--dynamic-linker=/lib/ld-musl-armhf.so.1"),
    );
    compile(&sandbox, "static", &format!("{gcc} -static"));
    sandbox.write("main.c", "int main(void) { return 0; }\n");
    tool(&sandbox, &format!("{gcc} -o new main.c")).success();
    let before = listing(&sandbox);
    let mut errors = String::new();
    for broker in ["new", "musl"] {
        let ended = bake(
            &sandbox,
            broker,
            &["--target", "armv7", "--base", "base.img"],
        );
        assert_eq!(ended.code, 2, "{}", ended.shown());
        let (_, error) = ended.stderr.split_once("error: ").unwrap();
        errors.push_str(error);
    }
    insta::assert_snapshot!(errors, @r"
    the broker can't run on this base: it needs glibc 2.34, the image has 2.31
      hint: use a newer base, or a broker that is linked with an older glibc or statically
    the broker can't run on this base: it is loaded by /lib/ld-musl-armhf.so.1, which isn't there
      hint: use one that is built for armv7-unknown-linux-gnueabihf, or a static one
    ");
    assert_eq!(listing(&sandbox), before);
    bake(
        &sandbox,
        "static",
        &["--target", "armv7", "--base", "base.img"],
    )
    .success();
    clean(&sandbox);
}

#[test]
fn a_base_for_another_kind_of_board_is_refused() {
    let sandbox = with_base_of(&ARMHF, |_| {});
    compile(&sandbox, "aarch64", "aarch64-linux-gnu-gcc -static");
    let ended = bake(&sandbox, "aarch64", &["--base", "base.img"]);
    assert_eq!(ended.code, 2);
    let (_, error) = ended.stderr.split_once("error: ").unwrap();
    insta::assert_snapshot!(error, @r"
    preparing base [HERE]/base.img
      caused by: [HERE]/base.img is for armhf, and arm64 is wanted
      hint: choose the target that fits the base, or a base that fits the target
    ");
}

#[test]
fn a_computer_that_is_no_pi_gets_no_card_and_nothing_is_done_for_one() {
    let sandbox = Sandbox::new();
    sandbox.write("pc.yaml", "target: x86_64\n");
    let before = sandbox.listing();
    let named = sandbox.provision(&["image", "--target", "x86_64", "--out", "pi.img"]);
    insta::assert_snapshot!(named.shown(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: no card can be made for x86_64: it is no Raspberry Pi
      hint: choose --target aarch64 (Pi 3, Zero 2 W, 4) or --target armv7 (Pi 2, 3)
    ");
    for args in [
        &["--recipe", "./pc.yaml"][..],
        &["--recipe", "./pc.yaml", "--dry-run"],
    ] {
        let ended = sandbox.provision(&[&["image", "--out", "pi.img"], args].concat());
        assert_eq!(ended.stderr, named.stderr);
    }
    assert_eq!(sandbox.listing(), before);
}

#[test]
fn armv7_is_not_suggested_to_whoever_has_a_board_that_it_does_not_run_on() {
    let sandbox = Sandbox::new();
    sandbox.write("zero.yaml", "target: armv6\n");
    let mut errors = String::new();
    for args in [
        ["--target", "armv6"],
        ["--recipe", "./zero.yaml"],
        ["--target", "arm64"],
        ["--target", "armv8"],
    ] {
        let ended = sandbox.provision(&[&["image", "--out", "pi.img"], &args[..]].concat());
        assert_eq!(ended.code, 2);
        errors.extend(ended.stderr.lines().take(2).flat_map(|line| [line, "\n"]));
    }
    insta::assert_snapshot!(errors, @r#"
    error: invalid value 'armv6' for '--target <TARGET>': there is no target "armv6"; there is no broker for the processor of a Pi 1 and Zero; armv7 is for Pi 2 and 3

    error: there is no target "armv6"
      hint: there is no broker for the processor of a Pi 1 and Zero; armv7 is for Pi 2 and 3
    error: invalid value 'arm64' for '--target <TARGET>': there is no target "arm64"; did you mean aarch64?

    error: invalid value 'armv8' for '--target <TARGET>': there is no target "armv8"; did you mean aarch64?
    "#);
}
