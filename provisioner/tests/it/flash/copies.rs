//! Whole runs, and what is on the cards then.

use super::bench::{MIB, assert_written, bytes, card, journals, sandbox};
use crate::support::tool;

#[test]
fn an_image_is_written_onto_a_card_and_onto_several() {
    let sandbox = sandbox();
    card(&sandbox, "one", 200 * MIB);
    let one = sandbox
        .provision(&["flash", "pi.img", "--device", "one", "--yes"])
        .success();
    assert_eq!(one.stdout, "one\n");
    assert_written(&sandbox, "one");
    assert!(
        bytes(&sandbox, "one")[160 << 20..]
            .iter()
            .all(|byte| *byte == 0xA5)
    );
    for name in ["two", "three"] {
        card(&sandbox, name, 160 * MIB);
    }
    let args = [
        "flash", "pi.img", "--device", "two", "--device", "three", "--yes", "--json",
    ];
    let both = sandbox.provision(&args).success();
    let json: serde_json::Value = serde_json::from_str(&both.stdout).unwrap();
    assert_eq!(
        (&json["version"], &json["size"]),
        (&1.into(), &(160 * MIB).into())
    );
    for (index, name) in ["two", "three"].into_iter().enumerate() {
        assert_written(&sandbox, name);
        let card = &json["cards"][index];
        assert_eq!(
            (&card["device"], &card["state"]),
            (&name.into(), &"done".into())
        );
        assert_eq!(card["counts"]["checked"], 160 * MIB);
    }
    assert_eq!(journals(&sandbox), 0);
}

#[test]
fn bmaptool_and_flash_write_the_same_where_it_matters() {
    let sandbox = sandbox();
    tool(
        &sandbox,
        "bmaptool -q create -o pi.img.bmap pi.img; xz -T2 -0 -k pi.img",
    )
    .success();
    for name in ["theirs", "ours", "ours-packed"] {
        card(&sandbox, name, 160 * MIB);
    }
    tool(
        &sandbox,
        "bmaptool -q copy --bmap pi.img.bmap pi.img theirs",
    )
    .success();
    let raw = sandbox
        .provision(&["flash", "pi.img", "--device", "ours", "--yes"])
        .success();
    assert!(
        raw.stderr.contains("matter (pi.img.bmap)"),
        "{}",
        raw.shown()
    );
    let args = ["flash", "pi.img.xz", "--device", "ours-packed", "--yes"];
    sandbox.provision(&args).success();
    let (theirs, image) = (bytes(&sandbox, "theirs"), bytes(&sandbox, "pi.img"));
    for name in ["ours", "ours-packed"] {
        let ours = bytes(&sandbox, name);
        // Equal everywhere but in what is blanked of the first MiB, where the image is zero.
        assert!(ours[1 << 20..] == theirs[1 << 20..], "{name}");
        assert!(ours[..1 << 20] == image[..1 << 20], "{name}");
        assert!(theirs[12 << 20..90 << 20] == image[12 << 20..90 << 20]);
        // What isn't mapped is left as it was.
        assert_eq!(ours[150 << 20], 0xA5, "{name}");
    }
    let args = ["flash", "pi.img", "--device", "ours", "--yes", "--no-bmap"];
    sandbox.provision(&args).success();
    assert_written(&sandbox, "ours");
}
