//! The site, if there is one.

use super::check::{Checked, Finding, Report, skipped, well};
use super::registry::{Check, Surroundings, examine_all};
use super::{certificates, secrets};
use crate::site::{Site, inspect};

/// What concerns every site.
static SITE: &[Check] = &[
    Check {
        name: "site",
        run: layout,
    },
    Check {
        name: "people",
        run: people,
    },
    Check {
        name: "secrets",
        run: secrets::readable,
    },
    Check {
        name: "rights",
        run: secrets::writable,
    },
    Check {
        name: "authority",
        run: |around| certificates::authority(around.site, around.now),
    },
];

/// Makes the checks of a site; where there is none, that is said once.
pub(super) fn examine(around: &Surroundings<'_>) -> Vec<Report> {
    let root = around.site;
    // A folder with one but not the other is a damaged site, which is worth a look.
    if !Site::exists(root) && !root.join("site.yaml").exists() {
        let text = format!(
            "there is no site at {}; `provision init` makes one",
            root.display()
        );
        return vec![Report::new("site", skipped(text))];
    }
    let mut reports = examine_all(SITE, around);
    // If it can't be read, the check of that says so.
    let hosts = inspect::config(root).map(|config| config.hosts);
    reports.extend(hosts.unwrap_or_default().iter().map(|host| {
        let checked = certificates::server(root, host, around.now);
        Report::new(format!("certificate-{}", host.name), checked)
    }));
    reports
}

fn layout(around: &Surroundings<'_>) -> Checked {
    let read = inspect::layout(around.site)
        .and_then(|layout| inspect::config(around.site).map(|config| (layout, config)));
    Ok(match read {
        Ok((layout, config)) => {
            let hosts = config.hosts.iter().map(|host| host.name.as_str());
            return well(format!(
                "{} has layout {layout}; its hosts: {}",
                around.site.display(),
                hosts.collect::<Vec<_>>().join(", ")
            ));
        }
        Err(error) => Err(Finding::of(&error, "correct that place in site.yaml")),
    })
}

fn people(around: &Surroundings<'_>) -> Checked {
    match inspect::people(around.site) {
        Ok(people) => match people.people.len() {
            1 => well("people.yaml names one person"),
            count => well(format!("people.yaml names {count} people")),
        },
        Err(error) => Ok(Err(Finding::of(
            &error,
            "correct that place in people.yaml",
        ))),
    }
}
