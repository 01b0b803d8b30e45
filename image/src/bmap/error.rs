//! Why a block map is refused.

/// What is wrong with a block map.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BmapError {
    /// It is larger than the map of any image could be.
    #[error("it has {size} bytes, and no more than {limit} are read")]
    TooLong {
        /// Its size.
        size: usize,
        /// The most that is read.
        limit: usize,
    },
    /// It isn't text.
    #[error("it is not UTF-8: byte {at} is part of no character")]
    Encoding {
        /// The first byte that is none.
        at: usize,
    },
    /// It isn't the XML that a block map consists of.
    #[error("at byte {at} {what}")]
    Xml {
        /// Where.
        at: usize,
        /// A clause: "an element is not closed".
        what: &'static str,
    },
    /// It is XML, but no block map.
    #[error("it is no block map: its element is <{name}>")]
    NotBmap {
        /// The name of the outermost element.
        name: String,
    },
    /// A version of the format that isn't read here.
    #[error("it is of version {version:?}; 1.3, 1.4 and 2.x are known")]
    Version {
        /// What it says.
        version: String,
    },
    /// Something that every block map says is missing.
    #[error("it has no <{name}>")]
    Missing {
        /// The element.
        name: &'static str,
    },
    /// Something is said twice.
    #[error("it has <{name}> twice")]
    Twice {
        /// The element.
        name: &'static str,
    },
    /// A value can't be read.
    #[error("<{name}> holds {text:?}, which is no {wanted}")]
    Value {
        /// The element.
        name: &'static str,
        /// The text in it.
        text: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// Digests of another kind than sha256.
    #[error("its digests are of type {kind:?}, and only sha256 is known")]
    ChecksumType {
        /// The kind.
        kind: String,
    },
    /// The text was changed after it was written, or cut off.
    #[error("its own sha256 is {actual}, and it says {expected}")]
    Checksum {
        /// What it says.
        expected: String,
        /// What it is.
        actual: String,
    },
    /// A block size that nobody uses.
    #[error("its blocks have {size} bytes; a power of two from 512 to 64 MiB is possible")]
    BlockSize {
        /// The size.
        size: u64,
    },
    /// An image without a byte, or one that can't exist.
    #[error("an image of {size} bytes can't be")]
    ImageSize {
        /// The size.
        size: u64,
    },
    /// A count that doesn't follow from the rest.
    #[error("<{name}> says {said}, but it is {counted}")]
    Count {
        /// The element.
        name: &'static str,
        /// What it says.
        said: u64,
        /// What follows from the rest.
        counted: u64,
    },
    /// A range that ends before it begins.
    #[error("the range {first}-{last} ends before it begins")]
    Backwards {
        /// Its first block.
        first: u64,
        /// Its last block.
        last: u64,
    },
    /// A range that begins before the one before it has ended.
    #[error("the range that begins at block {first} comes after one that ends at block {previous}")]
    Order {
        /// The last block of the range before it.
        previous: u64,
        /// Its first block.
        first: u64,
    },
    /// A range behind the end of the image.
    #[error("the range ending at block {last} lies behind the image's last block, {end}")]
    Beyond {
        /// Its last block.
        last: u64,
        /// The last block of the image.
        end: u64,
    },
}
