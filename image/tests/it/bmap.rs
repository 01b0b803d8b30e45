//! Block maps against `bmaptool`, which invented them.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use image::bmap::{Bmap, BmapError, BmapRange};
use proptest::prelude::*;

use crate::support::{run, tool, write};

/// A file of a little more than 3 MiB with data in two places, and the end of the last block missing.
fn sparse(path: &Path) {
    let file = File::create(path).unwrap();
    file.set_len((3 << 20) + 1000).unwrap();
    file.write_all_at(&[1; 10_000], 0).unwrap();
    file.write_all_at(&[2; 4096], 2 << 20).unwrap();
    file.write_all_at(&[3; 1000], 3 << 20).unwrap();
}

/// What `bmaptool create` says about [`sparse`].
fn made_by_bmaptool(folder: &Path) -> String {
    let image = folder.join("disk.img");
    sparse(&image);
    let map = folder.join("disk.img.bmap");
    run(tool("bmaptool")
        .args(["--quiet", "create", "-o"])
        .arg(&map)
        .arg(&image));
    std::fs::read_to_string(map).unwrap()
}

#[test]
fn what_bmaptool_writes_is_read_and_written_again_it_copies_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let text = made_by_bmaptool(folder.path());
    let map = Bmap::parse(text.as_bytes()).unwrap();
    let ranges: Vec<_> = map.ranges().iter().map(|r| (r.first, r.last)).collect();
    assert_eq!(ranges, [(0, 2), (512, 512), (768, 768)]);
    assert_eq!((map.image_size(), map.block_size()), (3_146_728, 4096));
    assert_eq!((map.blocks(), map.mapped_blocks()), (769, 5));
    assert_eq!(map.mapped_bytes(), 4 * 4096 + 1000);

    let ours = folder.path().join("ours.bmap");
    write(&ours, map.render());
    let copy = folder.path().join("copy.img");
    run(tool("bmaptool").args(["--quiet", "copy", "--bmap"]).args([
        &ours,
        &folder.path().join("disk.img"),
        &copy,
    ]));
    run(tool("cmp").arg(folder.path().join("disk.img")).arg(&copy));
}

#[test]
fn the_text_is_the_one_of_version_2() {
    let range = |first, last, byte| BmapRange {
        first,
        last,
        sha256: Some([byte; 32]),
    };
    let map = Bmap::new(1 << 20, 4096, vec![range(0, 17, 0xab), range(42, 42, 0x01)]).unwrap();
    insta::assert_snapshot!(map.render(), @r#"
    <?xml version="1.0" ?>
    <bmap version="2.0">
        <ImageSize> 1048576 </ImageSize>
        <BlockSize> 4096 </BlockSize>
        <BlocksCount> 256 </BlocksCount>
        <MappedBlocksCount> 19 </MappedBlocksCount>
        <ChecksumType> sha256 </ChecksumType>
        <BmapFileChecksum> b9c4aa85f6f8b132e1905eeb022c8f78ae53c720017f566612cbaa23c2f21c19 </BmapFileChecksum>
        <BlockMap>
            <Range chksum="abababababababababababababababababababababababababababababababab"> 0-17 </Range>
            <Range chksum="0101010101010101010101010101010101010101010101010101010101010101"> 42 </Range>
        </BlockMap>
    </bmap>
    "#);
    assert_eq!(Bmap::parse(map.render().as_bytes()).unwrap(), map);
}

#[test]
fn a_map_of_version_1_3_is_read_without_its_sha_1_digests() {
    let text = "<?xml version='1.0' ?>\n<bmap version=\"1.3\"><ImageSize> 9000 </ImageSize><BlockSize>4096</BlockSize>\n\
                <BlocksCount> 3 </BlocksCount><MappedBlocksCount> 2 </MappedBlocksCount>\n\
                <BmapFileSHA1> 1234 </BmapFileSHA1>\n<BlockMap><Range sha1=\"12\"> 0 - 1 </Range></BlockMap></bmap>";
    let map = Bmap::parse(text.as_bytes()).unwrap();
    let range = BmapRange {
        first: 0,
        last: 1,
        sha256: None,
    };
    assert_eq!(map.ranges(), [range]);
}

#[test]
fn every_fault_has_a_word() {
    let text = Bmap::new(40_960, 4096, Vec::new()).unwrap().render();
    let sum = text.split("<BmapFileChecksum> ").nth(1).unwrap();
    let sum = &sum[..64];
    let old = |inner: &str| {
        format!(
            "<bmap version=\"1.3\"><ImageSize>40960</ImageSize><BlockSize>4096</BlockSize><BlocksCount>10</BlocksCount>\
             <MappedBlocksCount>2</MappedBlocksCount><BlockMap>{inner}</BlockMap></bmap>"
        )
    };
    let cases = [
        String::new(),
        "<html></html>".to_owned(),
        "<bmap version=\"3.0\"></bmap>".to_owned(),
        "<!DOCTYPE bmap [<!ENTITY a \"b\">]><bmap/>".to_owned(),
        "<bmap version=\"2.0\"><ImageSize>&a;</ImageSize></bmap>".to_owned(),
        text[..text.len() - 8].to_owned(),
        text.replace("40960", "40961"),
        text.replace("sha256", "md5"),
        text.replace(sum, "0123"),
        text.replace("<BlockSize> 4096 </BlockSize>", ""),
        "<bmap version=\"1.3\"/>".to_owned(),
        old("<Range>3-2</Range>"),
        old("<Range>3-4</Range><Range>4</Range>"),
        old("<Range>9-10</Range>"),
        old("<Range>1-3</Range>"),
        old("<Range>+1</Range>"),
        old("<Range>99999999999999999999</Range>"),
        old("<Range>0-1</Range></BlockMap><BlockMap>"),
        old("<Range>0-1</Range>").replace("40960<", "0<"),
        old("<Range>0-1</Range>").replace(">4096<", ">4095<"),
        old("<Range>0-1</Range>").replace("<BlockSize>", "<ImageSize>1</ImageSize><BlockSize>"),
        old("<Range>0-1</Range></Range>"),
    ];
    let errors = cases.map(|text| Bmap::parse(text.as_bytes()).unwrap_err().to_string());
    insta::assert_snapshot!(errors.join("\n"), @r#"
    it has no <bmap>
    it is no block map: its element is <html>
    it is of version "3.0"; 1.3, 1.4 and 2.x are known
    at byte 0 there is a document type or a section, which no map has
    at byte 31 there is an entity, which no map has
    at byte 377 the text ends within an element
    its own sha256 is fc4313327e1af817240975503ef94a116cbe7e465c9475048c49dbb50af15bc6, and it says af12ed04293a2f934886e9f1a3ad81b0fd15afab749c9740b7ab325456fde9de
    its digests are of type "md5", and only sha256 is known
    <BmapFileChecksum> holds "0123", which is no sha256 in hexadecimal digits
    its own sha256 is cf2e0d6333b2a2262dca1afad4eedac215c84fd8aa187aa6ea20e051f64b012a, and it says af12ed04293a2f934886e9f1a3ad81b0fd15afab749c9740b7ab325456fde9de
    it has no <BlockMap>
    the range 3-2 ends before it begins
    the range that begins at block 4 comes after one that ends at block 4
    the range ending at block 10 lies behind the image's last block, 9
    <MappedBlocksCount> says 2, but it is 3
    <Range> holds "+1", which is no block number
    <Range> holds "99999999999999999999", which is no block number
    it has <BlockMap> twice
    an image of 0 bytes can't be
    its blocks have 4095 bytes; a power of two from 512 to 64 MiB is possible
    it has <ImageSize> twice
    at byte 172 an element is closed that isn't the last one opened
    "#);
    assert_eq!(
        Bmap::parse(b"\xff").unwrap_err(),
        BmapError::Encoding { at: 0 }
    );
}

proptest! {
    #[test]
    fn a_changed_byte_is_never_taken_for_another_map(at in 0_usize..1000, byte in any::<u8>()) {
        let ranges = (0..5).map(|n| BmapRange { first: n * 7, last: n * 7 + n, sha256: Some([9; 32]) });
        let map = Bmap::new(1 << 20, 4096, ranges.collect()).unwrap();
        let mut text = map.render().into_bytes();
        let at = at % text.len();
        text[at] = byte;
        if let Ok(read) = Bmap::parse(&text) {
            prop_assert_eq!(read, map);
        }
    }

    #[test]
    fn whatever_the_text_is_it_is_read_or_refused(text in "(<|>|/|bmap|Range| version=\"2.0\"|<!--|-->|&|\"|é|12|-){0,40}") {
        let _ = Bmap::parse(text.as_bytes());
    }
}
