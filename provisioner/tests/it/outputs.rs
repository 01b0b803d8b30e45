//! What lies beside an image, judged by `sha256sum`, `bmaptool`, `xz` and a validator of JSON schemas.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::bake::{clean, with_base_of};
use crate::kinds::{ARM64, ARMHF, Kind};
use crate::support::{Ended, Sandbox, tool};

/// What dpkg says of a small system; one package was removed again.
const STATUS: &str = "Package: libstdc++6\nStatus: install ok installed\nSource: gcc-14\nVersion: 14.2.0-19\nArchitecture: arm64\n\n\
                      Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n\n\
                      Package: bash\nStatus: install ok installed\nVersion: 5.2.37-2+b5\nArchitecture: arm64\n\n\
                      Package: bash\nStatus: install ok installed\nVersion: 5.2.37-2+b5\nArchitecture: armhf\n";

fn with_base(kind: &Kind) -> Sandbox {
    with_base_of(kind, |sandbox| {
        fs::create_dir_all(sandbox.path("root/var/lib/dpkg")).unwrap();
        sandbox.write("root/var/lib/dpkg/status", STATUS);
    })
}

fn image(sandbox: &Sandbox, more: &[&str]) -> Ended {
    let args = [
        "image", "--broker", "broker", "--base", "base.img", "--free", "1M",
    ];
    let out = if more.contains(&"--out") {
        &[][..]
    } else {
        &["--out", "pi.img"][..]
    };
    sandbox.provision(&[&args[..], out, more].concat())
}

fn json(sandbox: &Sandbox, name: &str) -> Value {
    serde_json::from_str(&sandbox.read(name)).unwrap()
}

/// The names beside `pi.img`, the sandbox's own left out.
fn beside(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path("")).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("pi.") || name.contains("SUMS") || name.starts_with('.'))
        .collect();
    names.sort();
    names
}

/// A listing without what can be made again.
fn without_cache(lines: Vec<String>) -> Vec<String> {
    let others = lines.into_iter().filter(|line| !line.contains(" home"));
    others.collect()
}

/// What a validator that we did not write says about a file.
fn validate(sandbox: &Sandbox, schema: &str, file: &str) {
    let schema = format!("{}/../image/schemas/{schema}", env!("CARGO_MANIFEST_DIR"));
    let script = "import json, sys, jsonschema\n\
                  schema = json.load(open(sys.argv[1]))\n\
                  jsonschema.Draft7Validator.check_schema(schema)\n\
                  jsonschema.Draft7Validator(schema).validate(json.load(open(sys.argv[2])))\n";
    sandbox.write("validate.py", script);
    tool(
        sandbox,
        &format!("/usr/bin/python3 validate.py '{schema}' '{file}'"),
    )
    .success();
}

#[test]
fn everything_that_was_asked_for_lies_beside_the_image_and_fits_it() {
    let sandbox = with_base(&ARM64);
    let ended = image(&sandbox, &["--with", "all", "--compress", "xz:0", "--json"]).success();
    clean(&sandbox);
    let names = [
        "SHA256SUMS",
        "pi.img",
        "pi.img.bmap",
        "pi.img.xz",
        "pi.report.json",
        "pi.rpi-imager-manifest",
        "pi.spdx.json",
    ];
    assert_eq!(beside(&sandbox), names);
    let checked = tool(&sandbox, "sha256sum --strict --check SHA256SUMS")
        .success()
        .stdout;
    assert_eq!(checked.lines().count(), names.len() - 1, "{checked}");
    tool(&sandbox, "xz -dc pi.img.xz | cmp - pi.img").success();
    // bmaptool finds the map by itself.
    for from in ["pi.img", "pi.img.xz"] {
        tool(
            &sandbox,
            &format!("bmaptool copy {from} copy.img 2>bmaptool.log && cmp copy.img pi.img"),
        )
        .success();
        assert!(
            sandbox
                .read("bmaptool.log")
                .contains("discovered bmap file")
        );
    }
    // The digests that are printed are those of the list.
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    let printed = printed["outputs"].as_array().unwrap();
    let sums = sandbox.read("SHA256SUMS");
    for output in printed
        .iter()
        .filter(|output| output["path"] != "SHA256SUMS")
    {
        let line = format!(
            "{}  {}\n",
            output["sha256"].as_str().unwrap(),
            output["path"].as_str().unwrap()
        );
        assert!(sums.contains(&line), "{line}{sums}");
    }
    assert_eq!(printed.len(), names.len());
    let mode = |name: &str| {
        fs::metadata(sandbox.path(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    for name in names {
        let private = ["pi.img", "pi.img.xz"].contains(&name);
        assert_eq!(mode(name), if private { 0o600 } else { 0o644 }, "{name}");
    }
}

#[test]
fn nothing_that_lies_beside_the_image_for_everybody_has_a_secret() {
    let sandbox = with_base(&ARM64);
    image(&sandbox, &["--with", "all"]).success();
    let lines = |name: &str| {
        sandbox
            .read(name)
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let mut secrets = vec![sandbox.read("site/passwords/owner").trim().to_owned()];
    secrets.extend(lines("site/passwd"));
    for key in [
        "site/hosts/broker/server.key",
        "site/pki/ca.key",
        "site/ssh/id_ed25519",
    ] {
        secrets.push(lines(key)[1].clone());
    }
    let server_key = tool(&sandbox, "sha256sum site/hosts/broker/server.key").stdout;
    secrets.push(server_key.split(' ').next().unwrap().to_owned());
    for name in [
        "pi.report.json",
        "pi.spdx.json",
        "pi.rpi-imager-manifest",
        "pi.img.bmap",
        "SHA256SUMS",
    ] {
        let text = sandbox.read(name);
        for secret in &secrets {
            assert!(
                secret.len() > 8 && !text.contains(secret.as_str()),
                "{name}"
            );
        }
    }
    assert!(
        sandbox
            .read("pi.report.json")
            .contains("\"sha256\": \"secret\"")
    );
}

#[test]
fn the_report_says_what_was_written_of_what_and_names_no_folder_of_this_computer() {
    let sandbox = with_base(&ARM64);
    fs::create_dir_all(sandbox.path("mine/etc")).unwrap();
    sandbox.write("mine/etc/motd", "hello\n");
    sandbox.write("my.yaml", "overlays: [broker, ssh, ./mine]\n");
    let ended = image(&sandbox, &["--recipe", "./my.yaml"]).success();
    assert_eq!(ended.stdout, "pi.img\n");
    assert_eq!(beside(&sandbox), ["pi.img", "pi.report.json"]);
    let report = json(&sandbox, "pi.report.json");
    assert_eq!(report["version"], 1);
    assert_eq!(report["recipe"], "my.yaml");
    assert_eq!(report["target"], "aarch64");
    assert_eq!(report["host"], "broker");
    assert_eq!(
        report["plan"]["overlays"],
        serde_json::json!(["broker", "ssh", "mine"])
    );
    assert_eq!(report["base"]["kind"], "file");
    assert_eq!(report["base"]["name"], "base.img");
    let digest = tool(&sandbox, "sha256sum base.img broker").stdout;
    assert!(digest.contains(report["base"]["sha256"].as_str().unwrap()));
    assert!(digest.contains(report["broker"]["sha256"].as_str().unwrap()));
    let written = report["written"].as_array().unwrap();
    let of = |path: &str| written.iter().find(|w| w["path"] == path).unwrap();
    assert_eq!(of("/etc/motd")["origin"], "mine/etc/motd");
    assert_eq!(report["outputs"][0]["name"], "pi.img");
    let text = sandbox.read("pi.report.json");
    let here = sandbox.path("").to_string_lossy().into_owned();
    assert!(!text.contains(here.trim_end_matches('/')), "{text}");
}

#[test]
fn the_manifest_is_what_raspberry_pi_imager_asks_for_on_every_kind_of_board() {
    let list = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    for (kind, target, issue, devices) in [
        (&ARM64, "aarch64", false, r#"["pi4-64bit","pi3-64bit"]"#),
        (
            &ARM64,
            "aarch64",
            true,
            r#"["pi5-64bit","pi4-64bit","pi3-64bit"]"#,
        ),
        (&ARMHF, "armv7", false, r#"["pi3-32bit","pi2-32bit"]"#),
        (
            &ARMHF,
            "armv7",
            true,
            r#"["pi5-32bit","pi4-32bit","pi3-32bit","pi2-32bit"]"#,
        ),
    ] {
        let sandbox = with_base_of(kind, |sandbox| {
            let (name, text) = list("root/etc/rpi-issue", "Raspberry Pi reference 2026-06-18\n");
            if issue {
                sandbox.write(&name, &text);
            }
        });
        fs::create_dir(sandbox.path("of Zoë #1")).unwrap();
        let more = [
            "--target",
            target,
            "--with",
            "manifest,bmap",
            "--out",
            "of Zoë #1/pi.img",
        ];
        image(&sandbox, &more).success();
        let file = "of Zoë #1/pi.rpi-imager-manifest";
        validate(&sandbox, "rpi-imager-manifest.json", file);
        let manifest = json(&sandbox, file);
        let entry = &manifest["os_list"][0];
        assert_eq!(entry["devices"].to_string(), devices);
        assert_eq!(entry["init_format"], "none");
        let digest = tool(&sandbox, "sha256sum 'of Zoë #1/pi.img'").stdout;
        assert!(digest.starts_with(entry["extract_sha256"].as_str().unwrap()));
        // The addresses lead to the files, says somebody else's reader of addresses.
        for (key, name) in [("url", "pi.img"), ("bmap_url", "pi.img.bmap")] {
            let script = format!(
                "import urllib.request, sys; data = urllib.request.urlopen('{}').read(); \
                 sys.exit(data != open('of Zoë #1/{name}', 'rb').read())",
                entry[key].as_str().unwrap()
            );
            sandbox.write("fetch.py", &script);
            tool(&sandbox, "PYTHONUTF8=1 /usr/bin/python3 fetch.py").success();
        }
    }
}

#[test]
fn a_manifest_for_a_server_names_its_files_there_and_the_packed_image() {
    let sandbox = with_base(&ARM64);
    let url = "https://example.com/images";
    let more = [
        "--with",
        "manifest",
        "--compress",
        "zst:1",
        "--manifest-url-base",
        url,
    ];
    image(&sandbox, &more).success();
    validate(
        &sandbox,
        "rpi-imager-manifest.json",
        "pi.rpi-imager-manifest",
    );
    let manifest = json(&sandbox, "pi.rpi-imager-manifest");
    let entry = &manifest["os_list"][0];
    assert_eq!(entry["url"], "https://example.com/images/pi.img.zst");
    let about = fs::metadata(sandbox.path("pi.img.zst")).unwrap();
    assert_eq!(entry["image_download_size"], about.len());
    let digest = tool(
        &sandbox,
        "sha256sum pi.img.zst; zstd -dc pi.img.zst | sha256sum",
    )
    .stdout;
    for key in ["image_download_sha256", "extract_sha256"] {
        assert!(
            digest.contains(entry[key].as_str().unwrap()),
            "{key}: {digest}"
        );
    }
    for (more, said) in [
        (
            &["--manifest-url-base", url][..],
            "--manifest-url-base is for a manifest",
        ),
        (
            &["--with", "manifest", "--manifest-url-base", "images"][..],
            "is no address of a folder",
        ),
        (&["--compress", "gz"][..], "there are xz, xz:0 to xz:9"),
    ] {
        let ended = image(&sandbox, more);
        assert_eq!(ended.code, 2, "{}", ended.shown());
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}

#[test]
fn the_list_of_software_is_spdx_and_has_the_packages_of_the_base() {
    let sandbox = with_base(&ARM64);
    image(&sandbox, &["--with", "sbom"]).success();
    validate(&sandbox, "spdx-document.json", "pi.spdx.json");
    let document = json(&sandbox, "pi.spdx.json");
    let packages = document["packages"].as_array().unwrap();
    let purls: Vec<_> = packages
        .iter()
        .filter_map(|package| package["externalRefs"][0]["referenceLocator"].as_str())
        .collect();
    assert_eq!(
        purls,
        [
            "pkg:deb/debian/bash@5.2.37-2%2Bb5?arch=arm64&distro=trixie",
            "pkg:deb/debian/bash@5.2.37-2%2Bb5?arch=armhf&distro=trixie",
            "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=arm64&distro=trixie",
        ]
    );
    let names: Vec<_> = packages
        .iter()
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    for name in [
        "pi",
        "base.img",
        "mqtt-broker",
        "overlays/broker",
        "site",
        "libstdc++6",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    // Every element is there once, and everything that is said of one is said of one that is there.
    let mut ids: Vec<_> = packages
        .iter()
        .map(|p| p["SPDXID"].as_str().unwrap())
        .collect();
    let relationships = document["relationships"].as_array().unwrap();
    for end in ["spdxElementId", "relatedSpdxElement"] {
        for relationship in relationships {
            let id = relationship[end].as_str().unwrap();
            assert!(id == "SPDXRef-DOCUMENT" || ids.contains(&id), "{id}");
        }
    }
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
    // Each package but the first is a part of something.
    assert_eq!(relationships.len(), all);
}

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

#[test]
fn what_was_of_the_image_before_goes_and_what_is_of_others_stays() {
    let sandbox = with_base(&ARM64);
    sandbox.write("SHA256SUMS", &format!("{}  other.iso\n", "1".repeat(64)));
    sandbox.write("pi.img.zst", "somebody's own\n");
    let ended = image(&sandbox, &["--with", "all", "--compress", "xz:0"]).success();
    assert!(
        ended
            .stderr
            .contains("warning: pi.img.zst is not of this image"),
        "{}",
        ended.stderr
    );
    assert!(sandbox.read("SHA256SUMS").contains("  other.iso\n"));
    let ended = image(&sandbox, &["--free", "2M"].as_slice()[..0]).success();
    for name in [
        "pi.img.bmap",
        "pi.img.xz",
        "pi.rpi-imager-manifest",
        "pi.spdx.json",
    ] {
        let said = format!("Removed {name}, which was of the image before");
        assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    }
    assert_eq!(
        beside(&sandbox),
        ["SHA256SUMS", "pi.img", "pi.img.zst", "pi.report.json"]
    );
    assert_eq!(
        sandbox.read("SHA256SUMS"),
        format!("{}  other.iso\n", "1".repeat(64))
    );
    assert_eq!(sandbox.read("pi.img.zst"), "somebody's own\n");
}

#[test]
fn an_old_block_map_does_not_stay_as_a_link_and_a_folder_in_the_way_is_refused_at_once() {
    let sandbox = with_base(&ARM64);
    tool(&sandbox, "echo old >elsewhere; ln -s elsewhere pi.img.bmap").success();
    image(&sandbox, &[]).success();
    assert_eq!(beside(&sandbox), ["pi.img", "pi.report.json"]);
    assert_eq!(sandbox.read("elsewhere"), "old\n");
    fs::create_dir(sandbox.path("pi.img.bmap")).unwrap();
    let ended = image(&sandbox, &["--with", "bmap"]);
    assert_eq!(ended.code, 2, "{}", ended.shown());
    assert!(
        ended
            .stderr
            .contains("pi.img.bmap exists and is no regular file"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_base_that_is_named_like_the_packed_image_is_never_removed() {
    let sandbox = with_base(&ARM64);
    tool(&sandbox, "xz -0 <base.img >pi.img.xz; cp pi.img.xz kept.xz").success();
    sandbox
        .provision(&[
            "image",
            "--broker",
            "broker",
            "--base",
            "pi.img.xz",
            "--free",
            "1M",
            "--out",
            "pi.img",
        ])
        .success();
    tool(&sandbox, "cmp pi.img.xz kept.xz").success();
}

#[test]
fn a_disk_that_fills_up_leaves_the_old_image_with_all_that_is_beside_it() {
    let sandbox = with_base(&ARM64);
    sandbox.provision(&["init", "--host", "broker"]).success();
    fs::create_dir(sandbox.path("small")).unwrap();
    let provision = env!("CARGO_BIN_EXE_provision");
    // There is room for the image, but not for the packed one: the broker's bytes are in both.
    let script = format!(
        "mount -t tmpfs -o size=SIZE tmpfs small
         for name in pi.img pi.img.bmap pi.report.json SHA256SUMS; do echo old >small/$name; done
         if {provision} image --base base.img --broker broker --free 1M --with all --compress xz:0 --out small/pi.img
         then exit 9; fi
         cat small/*; ls -A small"
    );
    let allocated = allocated(&sandbox);
    let script = script.replace("SIZE", &format!("{}k", allocated / 1024 + 250));
    let mut command = std::process::Command::new("unshare");
    let ended = sandbox
        .run(command.args(["-rm", "sh", "-euc", &script]), "")
        .success();
    let names = "SHA256SUMS\npi.img\npi.img.bmap\npi.report.json\n";
    assert_eq!(ended.stdout, format!("old\nold\nold\nold\n{names}"));
    assert!(
        ended.stderr.contains("the disk is full"),
        "{}",
        ended.stderr
    );
}

/// The bytes that an image takes on a disk.
fn allocated(sandbox: &Sandbox) -> u64 {
    image(sandbox, &["--out", "probe.img"]).success();
    let about = fs::metadata(sandbox.path("probe.img")).unwrap();
    std::os::unix::fs::MetadataExt::blocks(&about) * 512
}

#[test]
fn what_would_be_written_is_said_before_it_is() {
    let sandbox = with_base(&ARM64);
    sandbox.provision(&["init", "--host", "broker"]).success();
    let before = sandbox.listing();
    let ended = image(
        &sandbox,
        &["--dry-run", "--with", "all", "--compress", "xz"],
    )
    .success();
    let said = "It would go into pi.img, pi.img.xz, pi.img.bmap, pi.rpi-imager-manifest, pi.spdx.json, pi.report.json, \
                SHA256SUMS.";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert_eq!(without_cache(sandbox.listing()), without_cache(before));
}
