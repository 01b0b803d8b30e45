//! The list of the software on a card: what was added, and what the base has.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use image::{Card, Report};

use super::build_report;
use super::facts::Facts;
use super::names::Names;
use super::spdx::{Document, Package};
use super::uri::encode_name;
use crate::dpkg;
use crate::toolchain::BrokerSource;

/// The licenses of the broker's own source.
const LICENSE: &str = "MIT OR Apache-2.0";

/// The text of the list.
pub(super) fn render(
    facts: &Facts<'_>,
    names: &Names,
    report: &Report,
    image: Option<&str>,
    card: &Card,
) -> anyhow::Result<Vec<u8>> {
    let added = groups(facts, report);
    let crates = if facts.compiled {
        BrokerSource::find()?.dependencies(facts.target())?
    } else {
        BTreeSet::new()
    };
    let (crates, debs) = (crates.iter().filter_map(|line| of_crate(line)), debs(card)?);
    let mut whole = Package::new("image", names.stem())
        .version(facts.release)
        .sha256(image);
    whole.primary_package_purpose = Some("OPERATING-SYSTEM");
    let mut packages = vec![whole, base(facts), broker(facts)];
    let (first_group, first_crate) = (packages.len(), packages.len() + added.len());
    packages.extend(added);
    packages.extend(crates);
    let first_deb = packages.len();
    packages.extend(debs);
    let ids: Vec<_> = packages.iter().map(|package| package.id.clone()).collect();
    let mut document = Document::new(names.stem(), facts.timestamp.to_string(), packages);
    document.relate(&ids[0], "DESCENDANT_OF", &ids[1]);
    document.relate(&ids[0], "CONTAINS", &ids[2]);
    for id in &ids[first_group..first_crate] {
        document.relate(&ids[0], "CONTAINS", id);
    }
    for id in &ids[first_crate..first_deb] {
        document.relate(&ids[2], "DEPENDS_ON", id);
    }
    for id in &ids[first_deb..] {
        document.relate(&ids[0], "CONTAINS", id);
    }
    document.render()
}

fn base(facts: &Facts<'_>) -> Package {
    let mut base = Package::new("base", &facts.base.name).sha256(facts.base.sha256.as_deref());
    base.primary_package_purpose = Some("OPERATING-SYSTEM");
    base
}

fn broker(facts: &Facts<'_>) -> Package {
    let known = build_report::broker(facts);
    let mut broker = Package::new("broker", "mqtt-broker").sha256(Some(&known.sha256));
    broker.primary_package_purpose = Some("APPLICATION");
    if let Some(version) = known.version {
        broker = broker.version(&version);
        broker.license_declared = LICENSE;
        broker.license_concluded = LICENSE;
    }
    broker
}

/// What was written, by where it came from: a tree of files, the site, the recipe.
fn groups(facts: &Facts<'_>, report: &Report) -> Vec<Package> {
    let mut groups: BTreeMap<String, usize> = BTreeMap::new();
    for written in &report.written {
        let origin = facts.origin(&written.origin);
        let origin = origin
            .strip_prefix("parent of ")
            .map_or(origin.as_str(), |_| "folders");
        let mut parts = origin.split('/');
        let first = parts.next().unwrap_or_default();
        let group = match (first, parts.next()) {
            ("overlays", Some(name)) => format!("overlays/{name}"),
            // A path of the base.
            ("", _) => origin.to_owned(),
            _ => first.to_owned(),
        };
        *groups.entry(group).or_default() += 1;
    }
    let group = |(name, count): (String, usize)| {
        let mut group = Package::new("files", &name);
        group.primary_package_purpose = Some("FILE");
        let paths = if count == 1 { "path" } else { "paths" };
        group.comment = Some(format!("{count} {paths}, listed in the report"));
        group
    };
    groups.into_iter().map(group).collect()
}

/// A line of `cargo tree`: `NAME vVERSION FEATURES`.
fn of_crate(line: &str) -> Option<Package> {
    let mut words = line.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    let mut package = Package::new("crate", &format!("{name}-{version}")).version(version);
    name.clone_into(&mut package.name);
    package.primary_package_purpose = Some("LIBRARY");
    Some(package.purl(format!(
        "pkg:cargo/{}@{}",
        encode_name(name),
        encode_name(version)
    )))
}

fn debs(card: &Card) -> anyhow::Result<Vec<Package>> {
    let system = card.os_release().map_err(image::Error::from)?;
    let distro = match system.codename.as_str() {
        "" => String::new(),
        codename => format!("&distro={}", encode_name(codename)),
    };
    let status = card.read(dpkg::STATUS).map_err(image::Error::from)?;
    let status = String::from_utf8(status.unwrap_or_default())
        .with_context(|| format!("reading {}", dpkg::STATUS))?;
    let package = |found: dpkg::Package| {
        let full = format!("{}-{}", found.name, found.architecture);
        let mut package = Package::new("deb", &full).version(&found.version);
        package.source_info = Some(format!(
            "built from {} {}",
            found.source, found.source_version
        ));
        let purl = format!(
            "pkg:deb/{}/{}@{}?arch={}{distro}",
            encode_name(&system.id),
            encode_name(&found.name),
            encode_name(&found.version),
            encode_name(&found.architecture),
        );
        package.name = found.name;
        package.purl(purl)
    };
    Ok(dpkg::packages(&status).into_iter().map(package).collect())
}
