//! Certificates that are about to end: a line in the log, and a topic below `$SYS/broker/certificates/`.

use std::collections::BTreeMap;

use super::settings::ListenerRules;
use super::shared::Shared;
use crate::config::Config;
use crate::log::LogType;
use crate::tls::{self, Role, ServerTls, Validity};

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// What was said about certificates, and when.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    /// The day since 1970 on which the certificates were looked at last.
    day: Option<u64>,
    /// What is published, by topic.
    published: BTreeMap<String, String>,
}

/// One certificate at one listener.
struct Finding {
    /// Below `$SYS/broker/certificates/`, for one that ends.
    topic: Option<String>,
    validity: Validity,
    days: i64,
    sentence: String,
}

impl Expiry {
    /// Looks at the certificates once a day, by the calendar: a clock that is set makes a day too.
    pub(super) fn daily(&mut self, shared: &Shared, config: &Config) {
        let now = u64::try_from(tls::system_seconds()).unwrap_or_default();
        if self.day != Some(now / DAY) {
            self.check(shared, config);
        }
    }

    /// Looks at the certificates now.
    pub(super) fn check(&mut self, shared: &Shared, config: &Config) {
        let now = u64::try_from(tls::system_seconds()).unwrap_or_default();
        self.day = Some(now / DAY);
        let settings = shared.settings();
        let findings = findings(settings.listeners.iter(), config);
        let mut topics = BTreeMap::new();
        let mut said = Vec::new();
        for Finding {
            topic,
            validity,
            days,
            sentence: line,
        } in findings
        {
            // One file for several listeners is one matter.
            if !said.contains(&line) {
                let kind = if days < 0 {
                    LogType::Error
                } else {
                    LogType::Warning
                };
                let label = if days < 0 { "Error" } else { "Warning" };
                shared.log.log(kind, format_args!("{label}: {line}"));
                said.push(line);
            }
            let until = tls::date(validity.ends);
            let text = format!("{days} days, until {until}: {}", validity.subject);
            if let Some(topic) = topic {
                topics.insert(format!("$SYS/broker/certificates/{topic}"), text);
            }
        }
        for gone in self
            .published
            .keys()
            .filter(|topic| !topics.contains_key(*topic))
        {
            // An empty message removes what is retained.
            shared.publish_own(gone, String::new(), true);
        }
        for (topic, text) in &topics {
            if self.published.get(topic) != Some(text) {
                shared.publish_own(topic, text.clone(), true);
            }
        }
        self.published = topics;
    }
}

/// What there is to say of certificates, for whoever checks a configuration.
pub(super) fn sentences(tls: &ServerTls, warning_days: u32) -> Vec<String> {
    let now = tls.clock().seconds();
    let certificates = tls.certificates().iter();
    certificates
        .filter_map(|validity| sentence(validity, now, warning_days))
        .collect()
}

/// The certificates of listeners that end within the days that the configuration says.
fn findings<'a>(
    rules: impl IntoIterator<Item = &'a ListenerRules>,
    config: &Config,
) -> Vec<Finding> {
    let warning_days = config.service.certificate_warning_days;
    let mut findings = Vec::new();
    for rules in rules {
        let (Some(port), Some(tls)) = (rules.endpoint.port(), &rules.tls) else {
            continue;
        };
        let now = tls.clock().seconds();
        let mut numbers = BTreeMap::new();
        for validity in tls.certificates() {
            let number = numbers.entry(validity.role).or_insert(0);
            *number += 1;
            let Some(sentence) = sentence(validity, now, warning_days) else {
                continue;
            };
            let topic = match validity.role {
                // The others of its chain are authorities too, but not of clients.
                Role::Server if *number == 1 => format!("{port}/server"),
                Role::Server => format!("{port}/chain/{}", *number - 1),
                Role::Authority => format!("{port}/authority/{number}"),
            };
            findings.push(Finding {
                topic: Some(topic).filter(|_| has_begun(validity, now)),
                validity: validity.clone(),
                days: validity.days_left(now),
                sentence,
            });
        }
    }
    findings
}

fn has_begun(validity: &Validity, now: u64) -> bool {
    i64::try_from(now).is_ok_and(|now| validity.begins <= now)
}

/// What there is to say of a certificate that is not good yet, or not for much longer.
fn sentence(validity: &Validity, now: u64, warning_days: u32) -> Option<String> {
    let Validity {
        path,
        role,
        subject,
        begins,
        ends,
    } = validity;
    let (what, consequence) = match role {
        Role::Server => ("server's certificate", "clients refuse it"),
        Role::Authority => (
            "authority's certificate",
            "the certificates it issued are refused",
        ),
    };
    let (path, ends) = (path.display(), tls::date(*ends));
    let it = format!("the {what} in {path} ({subject})");
    if !has_begun(validity, now) {
        let begins = tls::date(*begins);
        return Some(format!(
            "{it} is valid only from {begins} on: is this machine's clock right?"
        ));
    }
    let days = validity.days_left(now);
    if warning_days == 0 || days > i64::from(warning_days) {
        return None;
    }
    Some(match days {
        ..0 => format!("{it} ended on {ends}: {consequence}."),
        0 => format!("{it} ends on {ends}, within a day."),
        1 => format!("{it} ends on {ends}, in 1 day."),
        _ => format!("{it} ends on {ends}, in {days} days."),
    })
}
