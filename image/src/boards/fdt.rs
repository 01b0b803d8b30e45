//! Flattened device trees (`.dtb`), as much of the Devicetree Specification v0.4, chapter 5, as a walk
//! along references needs.

use std::collections::BTreeMap;

const MAGIC: u32 = 0xD00D_FEED;
/// The layout that every compiler has written since 2005.
const COMPATIBLE_VERSION: u32 = 16;

const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROP: u32 = 3;
const NOP: u32 = 4;
const END: u32 = 9;

/// One node of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// The full path: `/soc/mmc@7e202000`; `/` for the root.
    pub path: String,
    /// Where the parent is in [`DeviceTree::nodes`]; `None` for the root.
    pub parent: Option<usize>,
    properties: BTreeMap<String, Vec<u8>>,
}

impl Node {
    /// The bytes of a property.
    pub fn property(&self, name: &str) -> Option<&[u8]> {
        self.properties.get(name).map(Vec::as_slice)
    }

    /// All properties, sorted by name.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.properties
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// A property as a list of 32-bit cells; `None` if it isn't there or isn't one.
    pub fn cells(&self, name: &str) -> Option<Vec<u32>> {
        cells(self.property(name)?)
    }

    /// A property as one cell.
    pub fn cell(&self, name: &str) -> Option<u32> {
        self.cells(name)?.first().copied()
    }

    /// What the device is, the most special name first; empty for a node that is no device.
    pub fn compatible(&self) -> Vec<&str> {
        strings(self.property("compatible").unwrap_or_default())
    }

    /// Whether the board uses it. A node without a `status` is used.
    pub fn is_enabled(&self) -> bool {
        self.property("status")
            .is_none_or(|status| matches!(strings(status).first(), Some(&"okay" | &"ok")))
    }

    /// The last component of the path, without the address: `mmc`.
    pub fn generic_name(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.split('@').next().unwrap_or_default()
    }
}

fn cells(bytes: &[u8]) -> Option<Vec<u32>> {
    let chunks = bytes.chunks_exact(4);
    if !chunks.remainder().is_empty() {
        return None;
    }
    let cells = chunks.map(|chunk| u32::from_be_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]));
    Some(cells.collect())
}

fn strings(bytes: &[u8]) -> Vec<&str> {
    bytes
        .split(|byte| *byte == 0)
        .filter(|part| !part.is_empty())
        .filter_map(|part| std::str::from_utf8(part).ok())
        .collect()
}

/// A parsed device tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceTree {
    nodes: Vec<Node>,
    phandles: BTreeMap<u32, usize>,
}

impl DeviceTree {
    /// Parses a blob.
    ///
    /// # Errors
    ///
    /// [`FdtError`] for anything that isn't a whole, well-formed tree.
    pub fn parse(blob: &[u8]) -> Result<Self, FdtError> {
        let magic = word(blob, 0)?;
        if magic != MAGIC {
            return Err(FdtError::Magic { actual: magic });
        }
        let compatible = word(blob, 24)?;
        if compatible > COMPATIBLE_VERSION {
            return Err(FdtError::Version { actual: compatible });
        }
        let structure = offset(blob, 8)?;
        let names = offset(blob, 12)?;
        let nodes = Parser {
            blob,
            names,
            at: structure,
        }
        .nodes()?;
        let phandles = nodes
            .iter()
            .enumerate()
            .filter_map(|(index, node)| Some((node.cell("phandle")?, index)))
            .collect();
        Ok(Self { nodes, phandles })
    }

    /// All nodes, each after its parent.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The index of the node that others refer to by `phandle`.
    pub fn by_phandle(&self, phandle: u32) -> Option<usize> {
        self.phandles.get(&phandle).copied()
    }

    /// The value that `name` has for a node: its own or the nearest ancestor's.
    pub fn inherited_cell(&self, mut index: usize, name: &str) -> Option<u32> {
        loop {
            let node = self.nodes.get(index)?;
            if let Some(cell) = node.cell(name) {
                return Some(cell);
            }
            index = node.parent?;
        }
    }
}

struct Parser<'a> {
    blob: &'a [u8],
    names: usize,
    at: usize,
}

impl Parser<'_> {
    fn nodes(mut self) -> Result<Vec<Node>, FdtError> {
        let mut nodes: Vec<Node> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        loop {
            match self.next_word()? {
                BEGIN_NODE => {
                    let name = self.string(self.at)?.to_owned();
                    self.at = aligned(self.at + name.len() + 1);
                    let parent = open.last().copied();
                    let path = match parent.map(|index| nodes[index].path.as_str()) {
                        None => "/".to_owned(),
                        Some("/") => format!("/{name}"),
                        Some(parent) => format!("{parent}/{name}"),
                    };
                    open.push(nodes.len());
                    nodes.push(Node {
                        path,
                        parent,
                        properties: BTreeMap::new(),
                    });
                }
                END_NODE => {
                    open.pop().ok_or(FdtError::Structure { at: self.at })?;
                }
                PROP => {
                    let (name, value) = self.next_property()?;
                    let index = *open.last().ok_or(FdtError::Structure { at: self.at })?;
                    nodes[index].properties.insert(name, value);
                }
                NOP => {}
                END if open.is_empty() && !nodes.is_empty() => return Ok(nodes),
                _ => return Err(FdtError::Structure { at: self.at }),
            }
        }
    }

    fn next_word(&mut self) -> Result<u32, FdtError> {
        let value = word(self.blob, self.at)?;
        self.at += 4;
        Ok(value)
    }

    fn next_property(&mut self) -> Result<(String, Vec<u8>), FdtError> {
        let length = self.next_word()? as usize;
        let name = self.next_word()? as usize;
        let name = self
            .names
            .checked_add(name)
            .ok_or(FdtError::Structure { at: self.at })?;
        let name = self.string(name)?.to_owned();
        let value = self
            .at
            .checked_add(length)
            .and_then(|end| self.blob.get(self.at..end))
            .ok_or(FdtError::Truncated { at: self.at })?
            .to_vec();
        self.at = aligned(self.at + length);
        Ok((name, value))
    }

    fn string(&self, at: usize) -> Result<&str, FdtError> {
        let rest = self.blob.get(at..).ok_or(FdtError::Truncated { at })?;
        let end = rest
            .iter()
            .position(|byte| *byte == 0)
            .ok_or(FdtError::Truncated { at })?;
        std::str::from_utf8(&rest[..end]).map_err(|_utf8| FdtError::Structure { at })
    }
}

const fn aligned(at: usize) -> usize {
    at.next_multiple_of(4)
}

fn word(blob: &[u8], at: usize) -> Result<u32, FdtError> {
    blob.get(at..)
        .and_then(|rest| rest.first_chunk())
        .map(|bytes| u32::from_be_bytes(*bytes))
        .ok_or(FdtError::Truncated { at })
}

fn offset(blob: &[u8], at: usize) -> Result<usize, FdtError> {
    let offset = word(blob, at)? as usize;
    if offset < blob.len() {
        Ok(offset)
    } else {
        Err(FdtError::Truncated { at: offset })
    }
}

/// Why bytes are not a device tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FdtError {
    /// They begin with something else.
    #[error("it begins with {actual:08x}, a device tree with d00dfeed")]
    Magic {
        /// The first word.
        actual: u32,
    },
    /// They need a newer reader.
    #[error("it needs a reader of version {actual}, this one has {COMPATIBLE_VERSION}")]
    Version {
        /// The oldest version that can read it, by its own account.
        actual: u32,
    },
    /// They end too early.
    #[error("it ends before byte {at}")]
    Truncated {
        /// What was to be read, counted from the beginning.
        at: usize,
    },
    /// A token stands where it can't.
    #[error("its structure is broken at byte {at}")]
    Structure {
        /// Where, counted from the beginning.
        at: usize,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `/ { status = "okay"; };`, as a compiler writes it.
    fn smallest() -> Vec<u8> {
        let mut structure = Vec::new();
        for word in [BEGIN_NODE, 0, PROP, 5, 0] {
            structure.extend(word.to_be_bytes());
        }
        structure.extend(b"okay\0\0\0\0");
        for word in [END_NODE, END] {
            structure.extend(word.to_be_bytes());
        }
        let names = 40 + u32::try_from(structure.len()).unwrap();
        let mut blob = Vec::new();
        for word in [MAGIC, names + 7, 40, names, 0, 17, 16, 0, 7, names - 40] {
            blob.extend(word.to_be_bytes());
        }
        blob.extend(structure);
        blob.extend(b"status\0");
        blob
    }

    #[test]
    fn a_tree_is_its_nodes_and_their_properties() {
        let tree = DeviceTree::parse(&smallest()).unwrap();

        assert_eq!(tree.nodes().len(), 1);
        assert_eq!(tree.nodes()[0].path, "/");
        assert_eq!(tree.nodes()[0].property("status"), Some(&b"okay\0"[..]));
    }

    #[test]
    fn other_files_and_newer_layouts_are_refused_with_what_they_say() {
        let mut newer = vec![0; 40];
        newer[..4].copy_from_slice(&MAGIC.to_be_bytes());
        newer[27] = 99;

        assert_eq!(
            DeviceTree::parse(b"\x7fELF....").unwrap_err().to_string(),
            "it begins with 7f454c46, a device tree with d00dfeed"
        );
        assert_eq!(
            DeviceTree::parse(&newer).unwrap_err(),
            FdtError::Version { actual: 99 }
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(
            at in 0..100_usize,
            bytes in proptest::collection::vec(any::<u8>(), 1..8),
            length in 0..100_usize,
        ) {
            let mut blob = smallest();
            for (offset, byte) in bytes.iter().enumerate() {
                if let Some(place) = blob.get_mut(at + offset) {
                    *place = *byte;
                }
            }
            blob.truncate(length);
            let _ = DeviceTree::parse(&blob);
        }
    }
}
