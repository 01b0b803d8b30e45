//! What was found on a card, for people: a heading and its lines, one topic after another.

use image::inspect::{Connection, Inspection, PartitionFacts, User};

use super::broker::Broker;
use super::keys::LoginKey;
use super::text::printable;
use crate::output::bytes;

/// All of it; findings come last, where they are seen.
pub fn lines(card: &Inspection, broker: Option<&Broker>) -> Vec<String> {
    let mut lines = Lines::default();
    lines.add(
        "size",
        format!(
            "{} ({} bytes), disk id {}",
            bytes(card.size),
            card.size,
            card.disk_id
        ),
    );
    for facts in &card.partitions {
        lines.add("partition", partition(facts));
    }
    system(&mut lines, card);
    for user in &card.users {
        lines.add("user", account(user));
        for key in user.authorized_keys.iter().map(|line| LoginKey::of(line)) {
            let (kind, print) = (key.kind.unwrap_or_default(), key.fingerprint);
            let print = print.unwrap_or_else(|| "a line that is no key".to_owned());
            lines.add(
                "ssh key",
                format!("{}: {print} {kind} {}", user.name, key.comment),
            );
        }
    }
    for connection in &card.connections {
        lines.add("network", network(connection));
    }
    lines.add_some("country", card.radio.country.clone());
    let units = card.units.enabled.iter().map(|unit| unit.name.as_str());
    // One may be wanted by many.
    let enabled: std::collections::BTreeSet<_> = units.collect();
    let enabled: Vec<_> = enabled.into_iter().collect();
    lines.add("enabled", enabled.join(" "));
    lines.add_some(
        "masked",
        (!card.units.masked.is_empty()).then(|| card.units.masked.join(" ")),
    );
    match broker {
        None => lines.add("broker", "none"),
        Some(broker) => add_broker(&mut lines, broker),
    }
    for finding in &card.findings {
        lines.add("finding", format!("{}: {}", finding.subject, finding.what));
    }
    lines.0
}

#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn add(&mut self, topic: &str, text: impl AsRef<str>) {
        let line = format!("{topic:11} {}", printable(text.as_ref()));
        self.0.push(line.trim_end().to_owned());
    }

    fn add_some(&mut self, topic: &str, text: Option<String>) {
        if let Some(text) = text {
            self.add(topic, text);
        }
    }
}

fn system(lines: &mut Lines, card: &Inspection) {
    let system = &card.system;
    let architecture = system
        .architecture
        .map_or("unknown", image::Architecture::name);
    let release = &system.release;
    let name = match release.pretty_name.as_str() {
        "" => format!("{} {}", release.id, release.codename),
        name => name.to_owned(),
    };
    lines.add("system", format!("{} for {architecture}", name.trim()));
    if let Some(issue) = &system.issue {
        lines.add("made", format!("{} {}", issue.date, issue.stage));
    }
    lines.add("first boot", system.first_boot.to_string());
    for file in &card.first_boot_files {
        let fate = match file.fate {
            image::system::Fate::Applied => "applied",
            image::system::Fate::Ignored => "ignored",
        };
        lines.add(
            "",
            format!("{}, {fate}: {}", file.path, file.settings.join(", ")),
        );
    }
    lines.add_some(
        "kernels",
        (!card.kernels.is_empty()).then(|| card.kernels.join(", ")),
    );
    let boards = (!card.device_trees.is_empty()).then(|| card.device_trees.join(", "));
    lines.add_some("device trees", boards);
    let settings = &card.settings;
    lines.add_some("host name", settings.host_name.clone());
    lines.add_some("time zone", settings.timezone.clone());
    lines.add_some("SSH port", settings.ssh_port.map(|port| port.to_string()));
    lines.add_some("locale", settings.locale.clone());
    lines.add_some("keyboard", settings.keyboard.clone());
}

fn partition(facts: &PartitionFacts) -> String {
    let head = format!(
        "{} type {} {} {}",
        facts.number,
        facts.kind,
        facts.partuuid,
        bytes(facts.size)
    );
    match &facts.file_system {
        None => head,
        Some(found) => {
            let (kind, label, at) = (found.kind, &found.label, found.mounted_at);
            format!(
                "{head}: {kind} {label:?} {} at {at}, {} free",
                found.uuid,
                bytes(found.free)
            )
        }
    }
}

fn account(user: &User) -> String {
    let (name, uid, shell) = (&user.name, user.uid, &user.shell);
    let mut parts = vec![format!("{name} ({uid}) {shell}"), user.password.to_string()];
    if !user.groups.is_empty() {
        parts.push(format!("in {}", user.groups.join(" ")));
    }
    if user.sudo_without_password {
        parts.push("sudo without a password".to_owned());
    }
    parts.join(", ")
}

fn network(connection: &Connection) -> String {
    let mut parts = vec![format!("{} ({})", connection.id, connection.kind)];
    if let Some(ssid) = &connection.ssid {
        parts.push(format!("{ssid:?}"));
        parts.push(connection.security.as_deref().unwrap_or("open").to_owned());
    }
    if connection.hidden {
        parts.push("hidden".to_owned());
    }
    if let Some(method) = &connection.ipv4 {
        let words: Vec<_> = ["IPv4", method].into_iter().map(str::to_owned).collect();
        parts.push([words, connection.addresses.clone()].concat().join(" "));
    }
    parts.join(", ")
}

fn add_broker(lines: &mut Lines, broker: &Broker) {
    let state = if broker.intact { "intact" } else { "changed" };
    lines.add(
        "broker",
        format!(
            "release {} ({state}), {} accounts",
            broker.release, broker.accounts
        ),
    );
    if let Some(certificate) = &broker.certificate {
        let names = certificate.names.join(" ");
        lines.add(
            "certificate",
            format!("for {names}, until {}", certificate.not_after),
        );
        lines.add("", certificate.fingerprint.clone());
    }
}
