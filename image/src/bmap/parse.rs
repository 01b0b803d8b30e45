//! A block map from text.

use sha2::{Digest, Sha256};

use super::xml::{Reader, Token};
use super::{Bmap, BmapError, BmapRange};
use crate::hex;

/// The longest text that is read: room for half a million ranges, more than the fragments of any card.
const LIMIT: usize = 64 << 20;
/// What stands in the place of the map's own checksum while it is computed.
pub(super) const NO_CHECKSUM: &str =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// The elements before the ranges, as they are said.
#[derive(Debug, Default)]
pub(super) struct Header<'a> {
    image_size: Option<u64>,
    block_size: Option<u64>,
    blocks: Option<u64>,
    mapped: Option<u64>,
    kind: Option<&'a str>,
    /// Where the map's own checksum stands, and what it is.
    checksum: Option<(usize, &'a str)>,
}

impl Header<'_> {
    pub(super) const IMAGE_SIZE: &'static str = "ImageSize";
    pub(super) const BLOCK_SIZE: &'static str = "BlockSize";
    pub(super) const BLOCKS: &'static str = "BlocksCount";
    pub(super) const MAPPED: &'static str = "MappedBlocksCount";
    pub(super) const KIND: &'static str = "ChecksumType";
    pub(super) const CHECKSUM: &'static str = "BmapFileChecksum";
    const MAP: &'static str = "BlockMap";
    const RANGE: &'static str = "Range";
}

/// Which digests a version has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Digests {
    /// SHA-1, which is not computed here (1.3).
    Old,
    /// Those that `ChecksumType` names (1.4, which is 2.0 under a wrong name, and 2.x).
    Named,
}

impl Bmap {
    /// Reads a map, and checks all that it says about itself: its checksum, its counts, the order of its
    /// ranges. A map of version 1.3 has SHA-1 digests: they are not checked, and its ranges have none.
    ///
    /// # Errors
    ///
    /// [`BmapError`] says what is wrong. However hostile the text is, reading it takes no more memory than
    /// a few times its length.
    pub fn parse(bytes: &[u8]) -> Result<Self, BmapError> {
        if bytes.len() > LIMIT {
            return Err(BmapError::TooLong {
                size: bytes.len(),
                limit: LIMIT,
            });
        }
        let text = std::str::from_utf8(bytes).map_err(|error| BmapError::Encoding {
            at: error.valid_up_to(),
        })?;
        let mut reader = Reader::new(text);
        let digests = version(&mut reader)?;
        let mut header = Header::default();
        let mut ranges = None;
        while let Some(token) = reader.next()? {
            // Text directly within the map, and the end of the map.
            let Token::Open { name, .. } = token else {
                continue;
            };
            if reader.depth() == 1 {
                return Err(BmapError::NotBmap {
                    name: name.to_owned(),
                });
            }
            if name == Header::MAP {
                if ranges.is_some() {
                    return Err(BmapError::Twice { name: Header::MAP });
                }
                ranges = Some(read_ranges(&mut reader)?);
            } else {
                header.read(name, &mut reader)?;
            }
        }
        if digests == Digests::Named {
            header.check_sum(bytes)?;
        }
        let ranges = ranges.ok_or(BmapError::Missing { name: Header::MAP })?;
        header.finish(ranges)
    }
}

/// Reads the tag that everything is in.
fn version(reader: &mut Reader<'_>) -> Result<Digests, BmapError> {
    let Some(Token::Open { name, attributes }) = reader.next()? else {
        return Err(BmapError::Missing { name: "bmap" });
    };
    if name != "bmap" {
        return Err(BmapError::NotBmap {
            name: name.to_owned(),
        });
    }
    let version = attributes.iter().find(|(name, _)| *name == "version");
    let version = version.map_or("", |(_, version)| *version);
    match version.split_once('.') {
        Some(("1", "3")) => Ok(Digests::Old),
        Some(("1", "4")) => Ok(Digests::Named),
        // A minor number stands for additions that a reader may ignore.
        Some(("2", minor)) if minor.parse::<u16>().is_ok() => Ok(Digests::Named),
        _ => Err(BmapError::Version {
            version: version.to_owned(),
        }),
    }
}

impl<'a> Header<'a> {
    /// Reads an element up to its end; one that isn't known is passed over.
    fn read(&mut self, name: &str, reader: &mut Reader<'a>) -> Result<(), BmapError> {
        let (text, at) = text_of(reader)?;
        match name {
            Self::IMAGE_SIZE => once(&mut self.image_size, Self::IMAGE_SIZE, text),
            Self::BLOCK_SIZE => once(&mut self.block_size, Self::BLOCK_SIZE, text),
            Self::BLOCKS => once(&mut self.blocks, Self::BLOCKS, text),
            Self::MAPPED => once(&mut self.mapped, Self::MAPPED, text),
            Self::KIND => put(&mut self.kind, Self::KIND, text),
            Self::CHECKSUM => put(&mut self.checksum, Self::CHECKSUM, (at, text)),
            _ => Ok(()),
        }
    }

    /// Checks the digest of the whole text, in which its own place is filled with zeros.
    fn check_sum(&self, bytes: &[u8]) -> Result<(), BmapError> {
        match self.kind {
            None => return Err(BmapError::Missing { name: Self::KIND }),
            Some("sha256") => {}
            Some(kind) => {
                return Err(BmapError::ChecksumType {
                    kind: kind.to_owned(),
                });
            }
        }
        let name = Self::CHECKSUM;
        let (at, expected) = self.checksum.ok_or(BmapError::Missing { name })?;
        let wanted = digest(name, expected)?;
        let mut hash = Sha256::new();
        hash.update(&bytes[..at]);
        hash.update(NO_CHECKSUM);
        hash.update(&bytes[at + expected.len()..]);
        let actual = hash.finalize();
        if wanted == actual[..] {
            return Ok(());
        }
        Err(BmapError::Checksum {
            expected: expected.to_owned(),
            actual: hex(&actual),
        })
    }

    fn finish(self, ranges: Vec<BmapRange>) -> Result<Bmap, BmapError> {
        let need = |value: Option<u64>, name| value.ok_or(BmapError::Missing { name });
        let image_size = need(self.image_size, Self::IMAGE_SIZE)?;
        let block_size = need(self.block_size, Self::BLOCK_SIZE)?;
        let bmap = Bmap::new(image_size, block_size, ranges)?;
        let counts = [
            (Self::BLOCKS, self.blocks, bmap.blocks()),
            (Self::MAPPED, self.mapped, bmap.mapped_blocks()),
        ];
        for (name, said, counted) in counts {
            let said = need(said, name)?;
            if said != counted {
                return Err(BmapError::Count {
                    name,
                    said,
                    counted,
                });
            }
        }
        Ok(bmap)
    }
}

fn read_ranges(reader: &mut Reader<'_>) -> Result<Vec<BmapRange>, BmapError> {
    let mut ranges = Vec::new();
    loop {
        match reader.next()? {
            Some(Token::Open { name, attributes }) => {
                let (text, _) = text_of(reader)?;
                if name == Header::RANGE {
                    ranges.push(range(text, &attributes)?);
                }
            }
            Some(Token::Text { .. }) => {}
            Some(Token::Close) | None => return Ok(ranges),
        }
    }
}

fn range(text: &str, attributes: &[(&str, &str)]) -> Result<BmapRange, BmapError> {
    let number = |text| number(Header::RANGE, text, "block number");
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first.trim())?, number(last.trim())?),
        None => (number(text)?, number(text)?),
    };
    let sum = attributes.iter().find(|(name, _)| *name == "chksum");
    let sha256 = sum.map(|(_, sum)| digest(Header::RANGE, sum)).transpose()?;
    Ok(BmapRange {
        first,
        last,
        sha256,
    })
}

/// The text of the element that was just opened, and where it begins; what lies deeper is passed over.
fn text_of<'a>(reader: &mut Reader<'a>) -> Result<(&'a str, usize), BmapError> {
    let depth = reader.depth();
    let mut found = ("", 0);
    while let Some(token) = reader.next()? {
        match token {
            Token::Text { text, at } if reader.depth() == depth => found = (text, at),
            Token::Close if reader.depth() < depth => break,
            _ => {}
        }
    }
    Ok(found)
}

fn once(slot: &mut Option<u64>, name: &'static str, text: &str) -> Result<(), BmapError> {
    put(slot, name, number(name, text, "number")?)
}

fn put<T>(slot: &mut Option<T>, name: &'static str, value: T) -> Result<(), BmapError> {
    if slot.replace(value).is_some() {
        return Err(BmapError::Twice { name });
    }
    Ok(())
}

fn number(name: &'static str, text: &str, wanted: &'static str) -> Result<u64, BmapError> {
    let wrong = || BmapError::Value {
        name,
        text: excerpt(text),
        wanted,
    };
    // `parse` would take a plus sign too.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    text.parse().map_err(|_too_large_or_empty| wrong())
}

fn digest(name: &'static str, text: &str) -> Result<[u8; 32], BmapError> {
    let wrong = || BmapError::Value {
        name,
        text: excerpt(text),
        wanted: "sha256 in hexadecimal digits",
    };
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() {
        return Err(wrong());
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let (high, low) = digit(pair[0]).zip(digit(pair[1])).ok_or_else(wrong)?;
        *byte = high << 4 | low;
    }
    Ok(bytes)
}

/// The beginning of a text, for a message.
fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}
