//! The authority's key under a passphrase, as openssl reads it.

use crate::push::on_a_terminal;
use crate::support::{Sandbox, tool};

/// A site whose authority's key is under the passphrase in the file `old`.
fn locked() -> Sandbox {
    let sandbox = Sandbox::with_site();
    sandbox.write("old", "hush-old\n");
    sandbox.write("new", "hush-new\n");
    tool(&sandbox, "openssl pkey -in site/pki/ca.key -pubout >public").success();
    sandbox
        .provision(&["ca-passphrase", "--new-passphrase-file", "old"])
        .success();
    sandbox
}

/// Whether openssl reads the authority's key with the passphrase in `file`, and finds the same key.
fn opens(sandbox: &Sandbox, file: &str) -> bool {
    let read =
        format!("openssl pkey -in site/pki/ca.key -passin file:{file} -pubout >now 2>/dev/null");
    tool(sandbox, &format!("{read} && cmp -s now public")).code == 0
}

fn everything(sandbox: &Sandbox) -> String {
    let files = "find site -type f ! -name .lock -exec sha256sum {} + | sort -k 2";
    tool(sandbox, files).success().stdout + &sandbox.listing().join("\n")
}

#[test]
fn openssl_reads_a_key_whose_passphrase_is_set_changed_and_removed() {
    let sandbox = locked();
    assert!(
        sandbox
            .read("site/pki/ca.key")
            .starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    );
    assert!(opens(&sandbox, "old") && !opens(&sandbox, "new"));
    let change = [
        "ca-passphrase",
        "--ca-passphrase-file",
        "old",
        "--new-passphrase-file",
        "new",
    ];
    insta::assert_snapshot!(sandbox.provision(&change).shown(), @r"
    exit: 0
    --- stdout
    site/pki/ca.key
    --- stderr
    Encrypted site/pki/ca.key with the new passphrase
    It is asked for whenever a certificate is issued. There is no way back without it.
    ");
    assert!(opens(&sandbox, "new") && !opens(&sandbox, "old"));
    assert!(
        sandbox
            .listing()
            .contains(&"0600 site/pki/ca.key".to_owned())
    );
    let remove = ["ca-passphrase", "--remove", "--ca-passphrase-file", "new"];
    insta::assert_snapshot!(sandbox.provision(&remove).success().stderr, @"Removed the passphrase of site/pki/ca.key");
    tool(
        &sandbox,
        "head -n 1 site/pki/ca.key | grep -qx -e '-----BEGIN PRIVATE KEY-----'; openssl pkey -in site/pki/ca.key -pubout | cmp - public",
    )
    .success();
    assert!(
        sandbox
            .listing()
            .contains(&"0600 site/pki/ca.key".to_owned())
    );
    insta::assert_snapshot!(sandbox.provision(&["ca-passphrase", "--remove"]).success().stderr, @"site/pki/ca.key has no passphrase");
}

#[test]
fn a_wrong_passphrase_changes_nothing() {
    let sandbox = locked();
    let added = [
        "add-user",
        "fred",
        "--generate",
        "--client-cert",
        "--ca-passphrase-file",
        "old",
    ];
    sandbox.provision(&added).success();
    let before = everything(&sandbox);
    for command in [
        &["ca-passphrase", "--new-passphrase-file", "new"][..],
        &["ca-passphrase", "--remove"],
        &["rotate-certs"],
        &["rotate-certs", "--person", "fred"],
        &["add-user", "jane", "--generate", "--client-cert"],
        &["remove-user", "fred", "--yes"],
    ] {
        let wrong = sandbox.provision(&[command, &["--ca-passphrase-file", "new"]].concat());
        assert_eq!(wrong.code, 2, "{}", wrong.shown());
        assert_eq!(
            wrong.stderr,
            "error: site/pki/ca.key: the passphrase is wrong\n"
        );
        // No file, and nobody to ask.
        let silent = sandbox.provision(command);
        assert_eq!(silent.code, 2, "{}", silent.shown());
        assert_eq!(
            silent.stderr,
            "error: there is no terminal to ask at: Passphrase of site/pki/ca.key\n  \
             hint: --ca-passphrase-file FILE reads it from a file\n"
        );
        assert_eq!(everything(&sandbox), before, "{command:?}");
    }
    // The same commands do it with the right one.
    for command in [
        &["rotate-certs"][..],
        &["rotate-certs", "--person", "fred"],
        &["remove-user", "fred", "--yes"],
    ] {
        let right = [command, &["--ca-passphrase-file", "old"]].concat();
        sandbox.provision(&right).success();
    }
}

#[test]
fn without_a_terminal_or_with_an_empty_file_the_error_names_the_way() {
    let sandbox = Sandbox::with_site();
    sandbox.write("empty", "\nhush\n");
    let before = everything(&sandbox);
    insta::assert_snapshot!(sandbox.provision(&["ca-passphrase"]).shown(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: there is no terminal to ask at: New passphrase of the authority's key
      hint: --new-passphrase-file FILE reads the new one from a file
    ");
    let empty = ["ca-passphrase", "--new-passphrase-file", "empty"];
    insta::assert_snapshot!(sandbox.provision(&empty).shown(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: the first line of empty is empty
    ");
    insta::assert_snapshot!(sandbox.provision(&["ca-passphrase", "--new-passphrase-file", "nowhere"]).shown(), @r"
    exit: 1
    --- stdout
    --- stderr
    error: reading the passphrase in nowhere
      caused by: No such file or directory (os error 2)
    ");
    let init = ["init", "--site", "other", "--ca-passphrase"];
    insta::assert_snapshot!(sandbox.provision(&init).stderr, @r"
    error: there is no terminal to ask at: New passphrase of the authority's key
      hint: --ca-passphrase-file FILE reads it from a file
    ");
    assert_eq!(everything(&sandbox), before);
}

#[test]
fn on_a_terminal_the_new_one_is_asked_for_twice_and_the_old_one_first_and_once() {
    let sandbox = locked();
    let before = everything(&sandbox);
    for (answers, said) in [
        (&["nonsense\n"][..], "ca.key: the passphrase is wrong"),
        (
            &["hush-old\n", "one\n", "two\n"],
            "the two passphrases differ",
        ),
        (&["hush-old\n", "\n"], "the question was not answered"),
    ] {
        let ended = on_a_terminal(&sandbox, "ca-passphrase", answers);
        assert_eq!(ended.code, 2, "{}", ended.shown());
        assert!(ended.stdout.contains(said), "{}", ended.shown());
        assert_eq!(everything(&sandbox), before);
    }
    let answers = ["hush-old\n", "hush-new\n", "hush-new\n"];
    let ended = on_a_terminal(&sandbox, "ca-passphrase", &answers).success();
    assert!(!ended.stdout.contains("hush"), "{}", ended.shown());
    assert!(opens(&sandbox, "new"));
    // However much is issued, it is asked for once.
    let site = sandbox.read("site/site.yaml");
    sandbox.write("site/site.yaml", &format!("{site}  - name: second\n"));
    let ended = on_a_terminal(&sandbox, "rotate-certs", &["hush-new\n"]).success();
    assert_eq!(
        ended.stdout.matches("Passphrase of").count(),
        1,
        "{}",
        ended.shown()
    );
    assert_eq!(
        ended.stdout.matches("Issued server certificate").count(),
        2,
        "{}",
        ended.shown()
    );
}

#[test]
fn a_new_site_is_locked_from_its_first_moment() {
    let sandbox = Sandbox::new();
    sandbox.write("old", "hush-old\n");
    sandbox
        .provision(&["init", "--ca-passphrase", "--ca-passphrase-file", "old"])
        .success();
    tool(&sandbox, "openssl x509 -in site/pki/ca.crt -noout -pubkey >public; grep -rl -e 'BEGIN PRIVATE' site >plain || true; cat plain")
        .success();
    assert!(opens(&sandbox, "old"));
    assert_eq!(sandbox.read("plain"), "site/hosts/broker/server.key\n");
}

const OWN: &str = "printf '[req]\\ndistinguished_name=dn\\n[dn]\\n' >openssl.cnf; \
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out plain.key; \
    openssl req -config openssl.cnf -x509 -new -key plain.key -out own.crt -days 400 -subj /CN=x \
      -addext basicConstraints=CA:TRUE; openssl pkey -in plain.key -pubout >public; ";

fn import(passphrase: &str) -> [&str; 7] {
    [
        "init",
        "--ca-cert",
        "own.crt",
        "--ca-key",
        "own.key",
        "--ca-passphrase-file",
        passphrase,
    ]
}

#[test]
fn a_key_that_was_encrypted_stays_so_with_the_same_passphrase() {
    for how in ["", "-v2 aes-128-cbc", "-v2prf hmacWithSHA512", "-scrypt"] {
        let sandbox = Sandbox::new();
        sandbox.write("old", "hush-old\n");
        sandbox.write("new", "hush-new\n");
        let encrypt = format!(
            "{OWN} openssl pkcs8 -topk8 {how} -in plain.key -out own.key -passout file:old; rm plain.key"
        );
        tool(&sandbox, &encrypt).success();
        let wrong = sandbox.provision(&import("new"));
        assert_eq!(
            (wrong.code, wrong.stderr.as_str()),
            (2, "error: own.key: the passphrase is wrong\n"),
            "{how}"
        );
        let silent = sandbox.provision(&import("new")[..5]);
        assert!(
            silent.stderr.contains("hint: --ca-passphrase-file FILE"),
            "{}",
            silent.shown()
        );
        assert!(!sandbox.path("site").exists());
        sandbox.provision(&import("old")).success();
        assert!(opens(&sandbox, "old"), "{how}");
        assert!(sandbox.read("site/pki/ca.key").contains("ENCRYPTED"));
    }
}

#[test]
fn a_key_that_was_encrypted_the_old_way_is_refused_with_the_cure() {
    for how in [
        "openssl ec -in plain.key -aes256 -passout file:old -out own.key; grep 'Proc-Type: 4,ENCRYPTED' own.key",
        "openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES -in plain.key -out own.key -passout file:old",
        "openssl pkcs8 -topk8 -v2 des3 -in plain.key -out own.key -passout file:old",
        "openssl pkcs8 -topk8 -v2prf hmacWithSHA1 -in plain.key -out own.key -passout file:old",
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("old", "hush-old\n");
        tool(&sandbox, &format!("{OWN} {how}")).success();
        let ended = sandbox.provision(&import("old"));
        insta::allow_duplicates!(insta::assert_snapshot!(ended.shown(), @r"
        exit: 2
        --- stdout
        --- stderr
        error: own.key: it is encrypted in an old or a rare way
          hint: write it anew with `openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW`
        "));
        assert!(!sandbox.path("site").exists());
        // The cure works.
        tool(
            &sandbox,
            "mv own.key x; cp old again; openssl pkcs8 -topk8 -v2 aes-256-cbc -in x -out own.key -passin file:old -passout file:again",
        )
        .success();
        sandbox.provision(&import("old")).success();
    }
}
