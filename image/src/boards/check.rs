//! From the SD slot along every reference to the devices that it needs, and the question for each: is
//! there a driver before there is a root file system?

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use super::drivers::{Driver, Drivers};
use super::fdt::{DeviceTree, Node};

/// A board, and the device tree that its firmware picks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Board {
    /// The name people know it by.
    pub name: &'static str,
    /// The device tree's file name on the FAT partition.
    pub device_tree: &'static str,
}

/// Modules that no device tree names: the layer above the SD controller, and the file system.
const LAYERS: [&str; 2] = ["mmc_block", "ext4"];

/// Names that every container of devices has beside its own; they don't say that it has a driver.
const CONTAINERS: [&str; 3] = ["simple-bus", "simple-mfd", "syscon"];

/// Properties that name other devices, and the property of those that says how many cells follow a
/// reference. After Linux's `drivers/of/property.c`, which decides what a probe waits for.
const REFERENCES: [(&str, &str); 9] = [
    ("clocks", "#clock-cells"),
    ("dmas", "#dma-cells"),
    ("firmware", NO_CELLS),
    ("interrupts-extended", "#interrupt-cells"),
    ("iommus", "#iommu-cells"),
    ("mboxes", "#mbox-cells"),
    ("mmc-pwrseq", NO_CELLS),
    ("power-domains", "#power-domain-cells"),
    ("resets", "#reset-cells"),
];

/// A property that no node has: nothing follows the reference.
const NO_CELLS: &str = "";

/// Something without which the root file system is not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Its path in the device tree, or the name of the module if it isn't there.
    pub what: String,
    /// What the device tree says it is.
    pub compatible: Vec<String>,
    /// What is known of its driver.
    pub driver: Driver,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.compatible.is_empty() {
            write!(f, " ({})", self.compatible.join(", "))?;
        }
        match &self.driver {
            Driver::Missing(modules) => write!(f, " lacks {} in the initrd", modules.join(", ")),
            Driver::Unknown => f.write_str(" has no driver in this kernel"),
            Driver::BuiltIn | Driver::InInitrd => f.write_str(" is driven"),
        }
    }
}

/// Returns what a board with this device tree lacks to find its root file system on the SD card.
///
/// A device tree without an enabled SD slot is itself a gap, so that the walk can't pass by finding
/// nothing to do.
pub fn missing_drivers(tree: &DeviceTree, drivers: &Drivers) -> Vec<Gap> {
    let slots = slots(tree);
    let mut gaps = Vec::new();
    if slots.is_empty() {
        gaps.push(Gap {
            what: "the SD slot".to_owned(),
            compatible: Vec::new(),
            driver: Driver::Unknown,
        });
    }
    for node in devices_behind(tree, slots) {
        let names = node.compatible();
        let own: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| !CONTAINERS.contains(name))
            .collect();
        if own.is_empty() {
            continue;
        }
        let driver = drivers.of(&own);
        if !matches!(driver, Driver::BuiltIn | Driver::InInitrd) {
            gaps.push(Gap {
                what: node.path.clone(),
                compatible: names.into_iter().map(str::to_owned).collect(),
                driver,
            });
        }
    }
    for module in LAYERS {
        let driver = drivers.module(module);
        if !matches!(driver, Driver::BuiltIn | Driver::InInitrd) {
            gaps.push(Gap {
                what: module.to_owned(),
                compatible: Vec::new(),
                driver,
            });
        }
    }
    gaps
}

/// The controllers of cards that can be taken out: Wi-Fi chips sit on controllers of the same kind.
fn slots(tree: &DeviceTree) -> Vec<usize> {
    tree.nodes()
        .iter()
        .enumerate()
        .filter(|(_, node)| matches!(node.generic_name(), "mmc" | "sdhci"))
        .filter(|(_, node)| node.is_enabled() && node.property("non-removable").is_none())
        .map(|(index, _)| index)
        .collect()
}

/// All devices that `starts` need, directly or not, with themselves.
fn devices_behind(tree: &DeviceTree, starts: Vec<usize>) -> Vec<&Node> {
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    let mut queue: VecDeque<usize> = starts.into();
    while let Some(index) = queue.pop_front() {
        let Some(index) = device_at(tree, index) else {
            continue;
        };
        // A disabled device is never made: the kernel waits for none.
        if !tree.nodes()[index].is_enabled() || !seen.insert(index) {
            continue;
        }
        queue.extend(tree.nodes()[index].parent);
        queue.extend(references(tree, index));
    }
    seen.into_iter().map(|index| &tree.nodes()[index]).collect()
}

/// The node itself or the nearest one around it that is a device: pin settings and the like are only
/// parts of one. The root is the board, not a device.
fn device_at(tree: &DeviceTree, mut index: usize) -> Option<usize> {
    loop {
        let node = &tree.nodes()[index];
        let parent = node.parent?;
        if !node.compatible().is_empty() {
            return Some(index);
        }
        index = parent;
    }
}

fn references(tree: &DeviceTree, index: usize) -> Vec<usize> {
    let node = &tree.nodes()[index];
    let mut found = Vec::new();
    for (name, _) in node.properties() {
        let Some(count) = counted_by(name) else {
            continue;
        };
        let cells = node.cells(name).unwrap_or_default();
        let mut at = 0;
        while let Some(target) = cells.get(at).and_then(|phandle| tree.by_phandle(*phandle)) {
            found.push(target);
            let arguments = tree.nodes()[target].cell(count).unwrap_or(0);
            at = at.saturating_add(1 + arguments as usize);
        }
    }
    if node.property("interrupts").is_some() {
        let controller = tree.inherited_cell(index, "interrupt-parent");
        found.extend(controller.and_then(|phandle| tree.by_phandle(phandle)));
    }
    found
}

/// The property that counts the cells after each reference, if `property` holds references.
fn counted_by(property: &str) -> Option<&'static str> {
    if let Some((_, count)) = REFERENCES.iter().find(|(name, _)| *name == property) {
        return Some(count);
    }
    let last_word = property.rsplit('-').next();
    if matches!(last_word, Some("gpio" | "gpios")) {
        return Some("#gpio-cells");
    }
    let is_pin_setting = property
        .strip_prefix("pinctrl-")
        .is_some_and(|number| number.parse::<u32>().is_ok());
    (last_word == Some("supply") || is_pin_setting).then_some(NO_CELLS)
}
