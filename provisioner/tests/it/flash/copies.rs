//! Whole runs, and what is on the cards then.

use image::bmap::Bmap;

use super::bench::{MIB, assert_written, bytes, card, is_old, journals, sandbox};
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
    assert!(is_old(&bytes(&sandbox, "one")[160 << 20..]));
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
        "bmaptool -q create -o pi.img.bmap pi.img; zstd -q -1 pi.img",
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
    let args = ["flash", "pi.img.zst", "--device", "ours-packed", "--yes"];
    sandbox.provision(&args).success();
    let (theirs, image) = (bytes(&sandbox, "theirs"), bytes(&sandbox, "pi.img"));
    let map = Bmap::parse(&bytes(&sandbox, "pi.img.bmap")).unwrap();
    for name in ["ours", "ours-packed"] {
        let ours = bytes(&sandbox, name);
        for range in map.ranges() {
            let bytes = map.bytes(range);
            let place = usize::try_from(bytes.start).unwrap()..usize::try_from(bytes.end).unwrap();
            assert!(
                ours[place.clone()] == theirs[place.clone()],
                "{name}: {place:?}"
            );
            assert!(
                ours[place.clone()] == image[place.clone()],
                "{name}: {place:?}"
            );
        }
        // What isn't mapped is left as it was.
        assert_eq!(ours[150 << 20], 0xA5, "{name}");
    }
    let args = ["flash", "pi.img", "--device", "ours", "--yes", "--no-bmap"];
    sandbox.provision(&args).success();
    assert_written(&sandbox, "ours");
}
