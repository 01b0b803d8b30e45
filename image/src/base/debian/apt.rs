//! apt in a folder of its own: lists, choice and download of packages without touching the computer's.
//!
//! Of the computer's settings it takes those that say how to reach a mirror: proxies, certificates,
//! timeouts. Its sources, preferences and hooks are none of a base's business.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::error::{DebianError, failed};
use super::packages::{Package, PackageSet};
use super::run::{merged, watched};
use super::{log, sources};
use crate::process::{self, Finished, ProcessError};
use crate::{Architecture, Progress};

/// Settings that are taken over from the computer.
const TAKEN: [&str; 5] = [
    "Acquire::http",
    "Acquire::https",
    "Acquire::Retries",
    "Acquire::ForceIPv",
    "Acquire::Check-",
];

/// Where Debian and Ubuntu have the part of apt that downloads single files.
const HELPER: &str = "/usr/lib/apt/apt-helper";

/// apt's state for one architecture and one list of sources; gone when it is dropped.
pub(super) struct Apt {
    folder: TempDir,
}

/// A package that apt would install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) name: String,
    pub(super) version: String,
}

/// A file to download: from where, to where, and its sha256.
pub(super) struct Download {
    pub(super) address: String,
    pub(super) target: String,
    pub(super) sha256: String,
}

impl Apt {
    /// Prepares the folder; nothing is fetched yet.
    pub(super) fn new(architecture: Architecture, sources: &str) -> Result<Self, DebianError> {
        let temporary = std::env::temp_dir();
        let folder = tempfile::Builder::new()
            .prefix("provision-apt-")
            .tempdir()
            .map_err(failed("make a temporary folder in", &temporary))?;
        let root = folder.path();
        for name in ["lists/partial", "cache/archives/partial"] {
            let path = root.join(name);
            fs::create_dir_all(&path).map_err(failed("make folder", &path))?;
        }
        let settings = settings(root, architecture, &network_settings()?);
        for (name, text) in [
            ("status", ""),
            ("sources.list", sources),
            ("apt.conf", &settings),
        ] {
            write(&root.join(name), text)?;
        }
        Ok(Self { folder })
    }

    fn set(&self, command: &mut Command) {
        command.env("APT_CONFIG", self.folder.path().join("apt.conf"));
    }

    fn run(&self, program: &'static str, arguments: &[&str]) -> Result<Finished, DebianError> {
        let mut command = Command::new(process::find(program, "apt")?);
        self.set(&mut command);
        Ok(process::run(command.args(arguments), &[])?)
    }

    /// Fetches the lists of packages and checks their signatures.
    pub(super) fn update(&self, progress: &mut dyn Progress) -> Result<(), DebianError> {
        let mut command = merged(&process::find("apt-get", "apt")?);
        command.args(["update", "--error-on=any"]);
        self.set(&mut command);
        command.stdin(std::process::Stdio::null());
        let ended = watched("apt-get", &mut command, io::sink(), progress)?;
        if progress.cancelled() {
            Err(DebianError::Interrupted)
        } else if ended.status.success() {
            Ok(())
        } else {
            let reason = log::cause(&ended.last);
            Err(DebianError::Lists { reason })
        }
    }

    /// What it takes to have `roots` and what is essential on an empty system.
    pub(super) fn choose(&self, roots: &[&str]) -> Result<Vec<Chosen>, DebianError> {
        let mut arguments = vec![
            "--print-uris",
            "--yes",
            "-qq",
            "--no-install-recommends",
            "install",
            "?essential",
        ];
        arguments.extend(roots);
        let finished = self.run("apt-get", &arguments)?;
        if !finished.status.success() {
            return Err(refusal(&finished.stderr));
        }
        let output = String::from_utf8_lossy(&finished.stdout).into_owned();
        let chosen: Vec<_> = output.lines().filter_map(chosen).collect();
        // A name that is only provided, or that apt took for a pattern, is none that a lock could hold.
        let mut roots = roots.iter();
        match roots.find(|root| !chosen.iter().any(|chosen| chosen.name == **root)) {
            Some(root) => Err(DebianError::UnknownPackage {
                name: (*root).to_owned(),
            }),
            None => Ok(chosen),
        }
    }

    /// Everything that the archive says about `chosen`.
    pub(super) fn describe(&self, chosen: &[Chosen]) -> Result<PackageSet, DebianError> {
        let wanted: Vec<String> = chosen
            .iter()
            .map(|chosen| format!("{}={}", chosen.name, chosen.version))
            .collect();
        let mut arguments = vec!["show"];
        arguments.extend(wanted.iter().map(String::as_str));
        let finished = self.run("apt-cache", &arguments)?;
        if !finished.status.success() {
            return Err(finished.failure().into());
        }
        let mut packages: Vec<(String, Package)> = Vec::new();
        for stanza in String::from_utf8_lossy(&finished.stdout).split("\n\n") {
            let Some((name, package)) = described(stanza) else {
                continue;
            };
            // The same version may be in two archives: it stays longer in the main one.
            if !sources::is_security(&package.path)
                || !packages.iter().any(|(known, _)| *known == name)
            {
                packages.push((name, package));
            }
        }
        let set = PackageSet::new(packages)?;
        match chosen
            .iter()
            .find(|chosen| set.find(&chosen.name).is_none())
        {
            Some(chosen) => Err(DebianError::Lists {
                reason: format!("they describe no {} {}", chosen.name, chosen.version),
            }),
            None => Ok(set),
        }
    }

    /// Downloads files side by side. Returns the last lines of what was said if one of them failed.
    pub(super) fn download(
        &self,
        files: &[Download],
        progress: &mut dyn Progress,
    ) -> Result<Option<Vec<String>>, DebianError> {
        let helper = Path::new(HELPER);
        if !helper.is_file() {
            return Err(ProcessError::Missing {
                program: "apt-helper",
                package: "apt",
            }
            .into());
        }
        let mut command = merged(helper);
        command.arg("download-file");
        for file in files {
            command.args([&file.address, &file.target]);
            command.arg(format!("SHA256:{}", file.sha256));
        }
        self.set(&mut command);
        command.stdin(std::process::Stdio::null());
        let ended = watched("apt-helper", &mut command, io::sink(), progress)?;
        if progress.cancelled() {
            return Err(DebianError::Interrupted);
        }
        Ok((!ended.status.success()).then(|| ended.last.into_iter().collect()))
    }
}

/// The configuration that keeps apt in `root`.
fn settings(root: &Path, architecture: Architecture, network: &str) -> String {
    let root = root.display();
    let mut text = String::from(network);
    for (key, value) in [
        ("Dir::Etc::Parts", "/dev/null".to_owned()),
        ("Dir::Etc::Main", "/dev/null".to_owned()),
        ("Dir::Etc::SourceParts", "/dev/null".to_owned()),
        ("Dir::Etc::Preferences", "/dev/null".to_owned()),
        ("Dir::Etc::PreferencesParts", "/dev/null".to_owned()),
        ("Dir::Etc::SourceList", format!("{root}/sources.list")),
        ("Dir::State", root.to_string()),
        ("Dir::State::Lists", format!("{root}/lists")),
        ("Dir::State::Status", format!("{root}/status")),
        ("Dir::Cache", format!("{root}/cache")),
        ("Dir::Log", root.to_string()),
        ("APT::Architecture", architecture.to_string()),
        ("APT::Architectures::", architecture.to_string()),
        // The folder is closed to other users, and so to the one that root's apt would become.
        ("APT::Sandbox::User", "root".to_owned()),
        ("APT::Install-Recommends", "false".to_owned()),
        ("Acquire::Languages", "none".to_owned()),
    ] {
        // Writing to a string doesn't fail.
        let _ = writeln!(text, "{key} \"{value}\";");
    }
    text
}

/// How this computer's apt reaches a network.
fn network_settings() -> Result<String, DebianError> {
    let mut command = Command::new(process::find("apt-config", "apt")?);
    let dump = process::run(command.arg("dump"), &[])?;
    let dump = String::from_utf8_lossy(&dump.stdout).into_owned();
    let taken = dump
        .lines()
        .filter(|line| TAKEN.iter().any(|taken| line.starts_with(taken)));
    Ok(taken.fold(String::new(), |text, line| text + line + "\n"))
}

/// A line of `--print-uris`: `'ADDRESS' NAME_VERSION_ARCHITECTURE.deb SIZE DIGEST`.
fn chosen(line: &str) -> Option<Chosen> {
    let file = line.strip_prefix('\'')?.split(' ').nth(1)?;
    let mut parts = file.strip_suffix(".deb")?.split('_');
    let (name, version) = (parts.next()?, parts.next()?);
    Some(Chosen {
        name: name.to_owned(),
        // The colon after an epoch is what apt keeps out of file names, and the underscore.
        version: version.replace("%3a", ":"),
    })
}

/// One of the paragraphs of `apt-cache show`.
fn described(stanza: &str) -> Option<(String, Package)> {
    let field = |key: &str| {
        let mut lines = stanza.lines();
        lines.find_map(|line| Some(line.strip_prefix(key)?.strip_prefix(": ")?.to_owned()))
    };
    let package = Package {
        version: field("Version")?,
        architecture: field("Architecture")?,
        size: field("Size")?.parse().ok()?,
        sha256: field("SHA256")?,
        path: field("Filename")?,
    };
    Some((field("Package")?, package))
}

/// Why apt chooses nothing.
fn refusal(said: &str) -> DebianError {
    let unknown = said.lines().find_map(|line| {
        let name = line
            .strip_prefix("E: Unable to locate package ")
            .or_else(|| {
                line.strip_prefix("E: Package '")?
                    .strip_suffix("' has no installation candidate")
            });
        name.map(|name| name.trim().to_owned())
    });
    if let Some(name) = unknown {
        return DebianError::UnknownPackage { name };
    }
    let reason = said
        .lines()
        .map(str::trim)
        .find(|line| line.contains(" : ") || line.starts_with("E: "))
        .unwrap_or("it said nothing");
    DebianError::Unsolvable {
        reason: reason.to_owned(),
    }
}

fn write(path: &Path, text: &str) -> Result<(), DebianError> {
    fs::File::create(path)
        .and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))
        .map_err(failed("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_apt_would_install_is_read_with_its_epoch() {
        let line = "'http://deb.debian.org/debian/pool/main/u/util-linux/bsdutils_2.41.5-0%2bdeb13u1_arm64.deb' \
                    bsdutils_1%3a2.41.5-0+deb13u1_arm64.deb 109000 MD5Sum:160cd91cacfb6ac308a9d335805e21c1";
        let bsdutils = Chosen {
            name: "bsdutils".to_owned(),
            version: "1:2.41.5-0+deb13u1".to_owned(),
        };
        assert_eq!(chosen(line), Some(bsdutils));
        assert_eq!(chosen("Reading package lists..."), None);
    }

    #[test]
    fn a_package_that_nobody_has_is_told_from_packages_that_exclude_each_other() {
        let unknown = refusal("E: Unable to locate package hostapdx\n");
        assert!(
            matches!(&unknown, DebianError::UnknownPackage { name } if name == "hostapdx"),
            "{unknown}"
        );
        let conflict = refusal(
            "The following packages have unmet dependencies:\n dhcpcd : Conflicts: x but 1 is to be installed\n\
             E: Unable to correct problems, you have held broken packages.\n",
        );
        assert!(
            conflict
                .to_string()
                .ends_with("dhcpcd : Conflicts: x but 1 is to be installed"),
            "{conflict}"
        );
    }
}
