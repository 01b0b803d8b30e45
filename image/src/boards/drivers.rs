//! Which devices a kernel can drive at the moment when it looks for its root file system.

use std::collections::{BTreeMap, BTreeSet};

/// Where the driver of a device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Driver {
    /// In the kernel itself.
    BuiltIn,
    /// In modules that are all in the initrd.
    InInitrd,
    /// In a module that is not in the initrd, or not with all that it needs; these are missing.
    Missing(Vec<String>),
    /// Nowhere.
    Unknown,
}

/// A kernel, its modules and its initrd.
pub struct Drivers {
    kernel: Vec<u8>,
    aliases: BTreeMap<String, BTreeSet<String>>,
    needs: BTreeMap<String, Vec<String>>,
    built_in: BTreeSet<String>,
    initrd: BTreeSet<String>,
}

impl std::fmt::Debug for Drivers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drivers")
            .field("kernel", &format_args!("{} bytes", self.kernel.len()))
            .field("initrd", &self.initrd)
            .finish_non_exhaustive()
    }
}

impl Drivers {
    /// Reads what `depmod` and the kernel's build have left in `/lib/modules/<release>`.
    ///
    /// `kernel` is the uncompressed image, `initrd` the names of the modules in the initrd.
    pub fn new(
        kernel: Vec<u8>,
        modules_alias: &str,
        modules_dep: &str,
        modules_builtin: &str,
        initrd: BTreeSet<String>,
    ) -> Self {
        let mut aliases: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in modules_alias.lines() {
            if let Some((compatible, module)) = alias(line) {
                aliases
                    .entry(compatible.to_owned())
                    .or_default()
                    .insert(module_name(module));
            }
        }
        let needs = modules_dep
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(module, needs)| {
                let needs = needs.split_whitespace().map(module_name).collect();
                (module_name(module), needs)
            })
            .collect();
        Self {
            kernel,
            aliases,
            needs,
            built_in: modules_builtin.lines().map(module_name).collect(),
            initrd,
        }
    }

    /// Where the driver is for a device with these `compatible` names, the most special one first.
    pub fn of(&self, compatible: &[&str]) -> Driver {
        let mut worst = Driver::Unknown;
        for name in compatible {
            let found = self.of_name(name);
            match found {
                Driver::BuiltIn | Driver::InInitrd => return found,
                Driver::Missing(_) if worst == Driver::Unknown => worst = found,
                Driver::Missing(_) | Driver::Unknown => {}
            }
        }
        worst
    }

    /// Where the module `name` is.
    pub fn module(&self, name: &str) -> Driver {
        let name = module_name(name);
        if self.built_in.contains(&name) {
            return Driver::BuiltIn;
        }
        let Some(needs) = self.needs.get(&name) else {
            return Driver::Unknown;
        };
        let missing: Vec<String> = std::iter::once(&name)
            .chain(needs)
            .filter(|module| !self.initrd.contains(*module) && !self.built_in.contains(*module))
            .cloned()
            .collect();
        if missing.is_empty() {
            Driver::InInitrd
        } else {
            Driver::Missing(missing)
        }
    }

    fn of_name(&self, compatible: &str) -> Driver {
        // Modules are asked first: the kernel may mention the name of a device that a module drives.
        if let Some(modules) = self.aliases.get(compatible) {
            let mut missing = Vec::new();
            for module in modules {
                match self.module(module) {
                    Driver::Missing(more) => missing.extend(more),
                    Driver::Unknown => missing.push(module.clone()),
                    found => return found,
                }
            }
            return Driver::Missing(missing);
        }
        // A driver that is built in leaves no alias behind, but its match table has the name, between
        // the zeros of its neighbors.
        let needle = [b"\0", compatible.as_bytes(), b"\0"].concat();
        if contains(&self.kernel, &needle) {
            Driver::BuiltIn
        } else {
            Driver::Unknown
        }
    }
}

/// Finds `needle`, which begins with a zero, by looking at what follows each zero.
fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window[0] == needle[0] && window == needle)
}

/// `alias of:N*T*Cbrcm,bcm2835-sdhostC* bcm2835` names a device and a module. Aliases that ask for more
/// than the `compatible` name, and aliases of other buses, are left out.
fn alias(line: &str) -> Option<(&str, &str)> {
    let (pattern, module) = line.strip_prefix("alias of:N*T*C")?.rsplit_once(' ')?;
    let compatible = pattern.strip_suffix("C*").unwrap_or(pattern);
    Some((compatible, module))
}

/// The name by which a module is known: no folder, no suffix, and `_` for `-`, as the kernel has it.
pub(super) fn module_name(path: &str) -> String {
    let file = path.trim().rsplit('/').next().unwrap_or_default();
    file.split(".ko")
        .next()
        .unwrap_or_default()
        .replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIAS: &str = "# Aliases extracted from modules themselves.\n\
        alias of:N*T*Cbrcm,bcm2835-sdhostC* bcm2835\n\
        alias of:N*T*Cbrcm,bcm2711-emmc2 sdhci_iproc\n\
        alias of:N*T*Cregulator-fixed fixed\n\
        alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci\n";
    const DEP: &str = "kernel/drivers/mmc/host/bcm2835.ko.xz: kernel/drivers/mmc/core/mmc_core.ko.xz\n\
        kernel/drivers/mmc/host/sdhci-iproc.ko.xz: kernel/drivers/mmc/host/sdhci.ko.xz kernel/drivers/mmc/core/mmc_core.ko.xz\n\
        kernel/drivers/mmc/core/mmc_core.ko.xz:\n\
        kernel/drivers/regulator/fixed.ko.xz:\n";
    const BUILT_IN: &str = "kernel/drivers/mailbox/bcm2835-mailbox.ko\n";

    fn drivers(initrd: &[&str]) -> Drivers {
        Drivers::new(
            b"..\0brcm,bcm2835-mbox\0\0arm,gic-400\0regulator-fixed\0".to_vec(),
            ALIAS,
            DEP,
            BUILT_IN,
            initrd.iter().map(|name| module_name(name)).collect(),
        )
    }

    #[test]
    fn a_module_counts_only_with_everything_that_it_needs() {
        assert_eq!(
            drivers(&["bcm2835"]).of(&["brcm,bcm2835-sdhost"]),
            Driver::Missing(vec!["mmc_core".to_owned()])
        );
        assert_eq!(
            drivers(&["bcm2835", "mmc_core"]).of(&["brcm,bcm2835-sdhost"]),
            Driver::InInitrd
        );
    }

    #[test]
    fn a_name_in_the_kernel_counts_as_a_driver_unless_a_module_claims_it() {
        let drivers = drivers(&[]);

        assert_eq!(drivers.of(&["brcm,bcm2835-mbox"]), Driver::BuiltIn);
        assert_eq!(drivers.of(&["arm,gic-4"]), Driver::Unknown);
        assert_eq!(
            drivers.of(&["regulator-fixed"]),
            Driver::Missing(vec!["fixed".to_owned()])
        );
    }

    #[test]
    fn one_name_that_is_driven_is_enough() {
        assert_eq!(
            drivers(&[]).of(&["brcm,bcm2712-nothing", "arm,gic-400"]),
            Driver::BuiltIn
        );
        assert_eq!(drivers(&[]).of(&["nobody,knows"]), Driver::Unknown);
    }

    #[test]
    fn names_of_modules_are_the_kernels_own() {
        assert_eq!(
            module_name("kernel/drivers/mmc/host/sdhci-iproc.ko.xz"),
            "sdhci_iproc"
        );
        assert_eq!(drivers(&[]).module("bcm2835-mailbox"), Driver::BuiltIn);
    }
}
