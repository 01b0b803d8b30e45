//! The packages of a Debian system, from the list that dpkg keeps.

/// Where it is.
pub(crate) const STATUS: &str = "/var/lib/dpkg/status";

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) architecture: String,
    /// The source package that it is built from, and that one's version where it differs.
    pub(crate) source: String,
    pub(crate) source_version: String,
}

/// The installed packages in `status`, sorted.
pub(crate) fn packages(status: &str) -> Vec<Package> {
    let mut packages: Vec<_> = installed(status).filter_map(package).collect();
    packages.sort();
    packages.dedup();
    packages
}

/// The names of the installed packages in `status`.
pub(crate) fn names(status: &str) -> impl Iterator<Item = &str> {
    installed(status).filter_map(|paragraph| field(paragraph, "Package"))
}

/// The paragraphs in `status` on packages that are there, with all that belongs to them.
fn installed(status: &str) -> impl Iterator<Item = &str> {
    status.split("\n\n").filter(|paragraph| {
        let state = field(paragraph, "Status").and_then(|state| state.split(' ').next_back());
        state == Some("installed")
    })
}

fn field<'a>(paragraph: &'a str, name: &str) -> Option<&'a str> {
    // Lines that begin with a space continue the one before.
    let mut lines = paragraph.lines().filter(|line| !line.starts_with(' '));
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
}

fn package(paragraph: &str) -> Option<Package> {
    let field = |name| field(paragraph, name);
    let (name, version) = (field("Package")?, field("Version")?);
    let source = field("Source").unwrap_or(name);
    let (source, source_version) = match source.split_once(" (") {
        Some((source, version)) => (source, version.trim_end_matches(')')),
        None => (source, version),
    };
    Some(Package {
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: field("Architecture")?.to_owned(),
        source: source.to_owned(),
        source_version: source_version.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_is_listed_with_its_source() {
        let status = "Package: libc6\nStatus: install ok installed\nSource: glibc\nVersion: 2.41-12\nArchitecture: arm64\n\
                      Description: x\n Version: 9\n\n\
                      Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n\n\
                      Package: bash\nStatus: hold ok installed\nVersion: 5.2+b1\nSource: bash (5.2)\nArchitecture: arm64\n";
        let found: Vec<_> = packages(status)
            .into_iter()
            .map(|p| [p.name, p.version, p.source, p.source_version].join(" "))
            .collect();
        assert_eq!(
            found,
            ["bash 5.2+b1 bash 5.2", "libc6 2.41-12 glibc 2.41-12"]
        );
        assert_eq!(names(status).collect::<Vec<_>>(), ["libc6", "bash"]);
    }
}
