//! Cards that fail, runs that are cut short, and how it goes on.

use super::bench::{MIB, assert_written, card, is_blank, journals, sandbox, with_fault};

const FLASH: [&str; 5] = ["flash", "pi.img", "--device", "card", "--yes"];

#[test]
fn a_run_that_is_killed_is_gone_on_with_and_nothing_boots_in_between() {
    let sandbox = sandbox();
    card(&sandbox, "card", 200 * MIB);
    let kill = [
        "-e",
        "trace=pwrite64",
        "-e",
        "inject=pwrite64:signal=KILL:when=20",
    ];
    let killed = with_fault(&sandbox, &kill, &FLASH);
    assert_ne!(killed.code, 0, "{}", killed.shown());
    assert!(is_blank(&sandbox, "card"));
    assert_eq!(journals(&sandbox), 1);
    let again = sandbox.provision(&FLASH).success();
    assert!(
        again.stderr.contains("card: goes on after 64.0 MiB"),
        "{}",
        again.shown()
    );
    assert!(
        again.stderr.contains("were there already"),
        "{}",
        again.shown()
    );
    assert_written(&sandbox, "card");
    assert_eq!(journals(&sandbox), 0);
}

#[test]
fn what_a_killed_run_has_written_is_not_trusted() {
    let sandbox = sandbox();
    card(&sandbox, "card", 200 * MIB);
    let kill = [
        "-e",
        "trace=pwrite64",
        "-e",
        "inject=pwrite64:signal=KILL:when=20",
    ];
    with_fault(&sandbox, &kill, &FLASH);
    // As if it were another card of the same size.
    card(&sandbox, "card", 200 * MIB);
    let again = sandbox.provision(&FLASH).success();
    assert!(
        !again.stderr.contains("were there already"),
        "{}",
        again.shown()
    );
    assert_written(&sandbox, "card");
}

#[test]
fn after_ctrl_c_it_ends_with_130_and_says_how_it_goes_on() {
    let sandbox = sandbox();
    card(&sandbox, "card", 200 * MIB);
    let interrupt = [
        "-e",
        "trace=pwrite64",
        "-e",
        "inject=pwrite64:signal=INT:when=20",
    ];
    let ended = with_fault(&sandbox, &interrupt, &FLASH);
    assert_eq!(ended.code, 130, "{}", ended.shown());
    assert!(
        ended.stderr.contains(
            "error: interrupted: card was not finished\n  hint: the same command goes on"
        ),
        "{}",
        ended.shown()
    );
    assert!(is_blank(&sandbox, "card"));
    sandbox.provision(&FLASH).success();
    assert_written(&sandbox, "card");
}

#[test]
fn a_write_that_is_lost_is_found_by_reading_back() {
    let sandbox = sandbox();
    card(&sandbox, "card", 200 * MIB);
    // The kernel says that 4 MiB were written, and nothing was: so do cards that lie about their size.
    let lose = [
        "-e",
        "trace=pwrite64",
        "-e",
        "inject=pwrite64:retval=4194304:when=5",
    ];
    let ended = with_fault(&sandbox, &lose, &FLASH);
    assert_eq!(ended.code, 1, "{}", ended.shown());
    let lost = (8 + 4 * 4) * MIB;
    let text = format!(
        "error: card does not read back what was written: the 65536 bytes from byte {lost} on differ"
    );
    assert!(ended.stderr.contains(&text), "{}", ended.shown());
    assert!(is_blank(&sandbox, "card"));
}

#[test]
fn one_card_that_fails_leaves_the_others_whole() {
    let sandbox = sandbox();
    for name in ["bad", "good"] {
        card(&sandbox, name, 200 * MIB);
    }
    let bad = sandbox.path("bad").display().to_string();
    let fail = [
        "-P",
        &bad,
        "-e",
        "trace=pwrite64",
        "-e",
        "inject=pwrite64:error=EIO:when=7",
    ];
    let args = [
        "flash", "pi.img", "--device", "bad", "--device", "good", "--yes",
    ];
    let ended = with_fault(&sandbox, &fail, &args);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (1, "good\n"),
        "{}",
        ended.shown()
    );
    for text in [
        "error: cannot write bad at byte 33554432\n  caused by: Input/output error",
        "error: 1 of 2 cards were not written",
    ] {
        assert!(ended.stderr.contains(text), "{}", ended.shown());
    }
    assert_written(&sandbox, "good");
    assert!(is_blank(&sandbox, "bad"));
}
