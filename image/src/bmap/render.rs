//! A block map as text, version 2.0.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::Bmap;
use super::parse::{Header, NO_CHECKSUM};
use crate::hex;

impl Bmap {
    /// The text of the map, with its own checksum in it.
    pub fn render(&self) -> String {
        let mut text = String::from("<?xml version=\"1.0\" ?>\n<bmap version=\"2.0\">\n");
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            // Writing to a string can't fail.
            let _ = writeln!(text, "    <{name}> {value} </{name}>");
        };
        line(Header::IMAGE_SIZE, &self.image_size());
        line(Header::BLOCK_SIZE, &self.block_size());
        line(Header::BLOCKS, &self.blocks());
        line(Header::MAPPED, &self.mapped_blocks());
        line(Header::KIND, &"sha256");
        line(Header::CHECKSUM, &NO_CHECKSUM);
        text.push_str("    <BlockMap>\n");
        for range in self.ranges() {
            text.push_str("        <Range");
            if let Some(sha256) = &range.sha256 {
                let _ = write!(text, " chksum=\"{}\"", hex(sha256));
            }
            let _ = match (range.first, range.last) {
                (first, last) if first == last => writeln!(text, "> {first} </Range>"),
                (first, last) => writeln!(text, "> {first}-{last} </Range>"),
            };
        }
        text.push_str("    </BlockMap>\n</bmap>\n");
        let checksum = hex(&Sha256::digest(&text));
        text.replacen(NO_CHECKSUM, &checksum, 1)
    }
}
