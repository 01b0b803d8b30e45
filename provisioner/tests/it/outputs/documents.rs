//! What lies beside an image for others to read: judged by validators of their rules, and for what it must not say.

use std::fs;

use super::bench::{beside, image, json, validate, with_base};
use crate::bake::with_base_of;
use crate::kinds::{ARM64, ARMHF};
use crate::support::tool;

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
