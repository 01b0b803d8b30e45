//! Who may subscribe to what, where `strict_subscribe` asks for that to be looked at.

use super::check::Identity;
use super::{Access, Acl};
use crate::topic;

impl Acl {
    /// Whether there is anything that the client may read of what a filter asks for.
    ///
    /// Mosquitto never refuses a subscription by its ACL file: what may not be read is withheld when it is
    /// delivered. Being strict refuses a subscription that would never bring anything: no line lets the client read
    /// a topic that the filter matches, or one line denies all of what the other grants. A filter that asks for more
    /// than may be read, as those of the OwnTracks apps do, brings what may be read.
    ///
    /// `filter` is a valid topic filter, without `$share/GROUP/`.
    pub fn may_subscribe(&self, user: Option<&str>, client_id: &str, filter: &str) -> bool {
        let own = self.own(user);
        let mut denied: Vec<String> = Vec::new();
        if let Some(own) = own {
            denied.extend(own.denied().map(str::to_owned));
            let granted = own.granted(Access::Read).map(str::to_owned);
            if brings_something(granted, &denied, filter) {
                return true;
            }
        }
        let identity = Identity { user, client_id };
        let patterns = self.patterns();
        if patterns.is_empty() || identity.has_wildcard() {
            return false;
        }
        denied.extend(patterns.denied().filter_map(|line| identity.filter(line)));
        let granted = patterns.granted(Access::Read);
        let granted = granted.filter_map(|line| identity.filter(line));
        brings_something(granted, &denied, filter)
    }
}

/// Whether the filter has something in common with what is granted that is not denied as a whole.
fn brings_something(
    granted: impl IntoIterator<Item = String>,
    denied: &[String],
    filter: &str,
) -> bool {
    // Wildcards leave out what begins with `$`.
    let alike = |one: &str, other: &str| one.starts_with('$') == other.starts_with('$');
    granted
        .into_iter()
        .filter(|line| alike(line, filter))
        .filter_map(|line| topic::common_levels(line.split('/'), filter))
        .any(|common| {
            let covers = |line: &String| {
                alike(line, &common) && topic::covers_levels(line.split('/'), &common)
            };
            !denied.iter().any(covers)
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::AclFile;
    use super::*;

    fn acl(text: &str) -> Acl {
        Acl::from(&AclFile::parse(text).unwrap())
    }

    #[test]
    fn a_filter_that_can_bring_nothing_is_refused() {
        let acl = acl("topic read open/#\n\
             user fred\ntopic read owntracks/jane/+\ntopic write up\ntopic $SYS/broker/#\n\
             topic read news/#\ntopic deny news/secret/#\n\
             user sys\ntopic $SYS/broker/#\n\
             pattern owntracks/%u/#\npattern deny owntracks/%u/hidden/#\n");
        for (user, filter, expected) in [
            (Some("fred"), "owntracks/jane/5s", true),
            (Some("fred"), "owntracks/jane/5s/event", false),
            (Some("fred"), "owntracks/jane/#", true),
            (Some("fred"), "owntracks/+/+", true),
            (Some("fred"), "owntracks/fred", true),
            (Some("fred"), "owntracks/fred/hidden/+", false),
            (Some("fred"), "#", true),
            (Some("fred"), "up", false),
            (Some("fred"), "$SYS/broker/+", true),
            (Some("fred"), "$SYS/#", true),
            (Some("fred"), "$other/#", false),
            (Some("sys"), "$SYS/+/uptime", true),
            (Some("sys"), "+/broker/uptime", false),
            (Some("fred"), "news/secret", false),
            (Some("fred"), "news/+", true),
            (Some("fred"), "open/a", false),
            (Some("a/b"), "owntracks/a/b", false),
            (Some("a/b"), "owntracks/#", false),
            (None, "open/#", true),
            (None, "owntracks/#", false),
            (Some("+"), "owntracks/+", false),
        ] {
            assert_eq!(
                acl.may_subscribe(user, "id", filter),
                expected,
                "{user:?} {filter}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_may_be_read_may_be_subscribed_to(
            lines in proptest::collection::vec(
                "(topic|pattern) (read|write|deny) (a|b|\\+|%u|%c)(/(a|b|\\+|%u|%c)){0,2}(/#)?|user (a|b)",
                0..8,
            ),
            user in proptest::option::of("[ab+]"),
            id in "[ab#]",
            filter in "(a|b|\\+)(/(a|b|\\+)){0,2}(/#)?",
            topics in proptest::collection::vec("(a|b|z)(/(a|b|z)){0,3}", 1..40),
        ) {
            let acl = acl(&lines.join("\n"));
            let may_read = |topic: &String| acl.check(user.as_deref(), &id, topic, Access::Read);
            let may_subscribe = |filter: &str| acl.may_subscribe(user.as_deref(), &id, filter);
            let matched = |topic: &&String| topic::matches(&filter, topic);
            if topics.iter().filter(matched).any(may_read) {
                prop_assert!(may_subscribe(&filter));
            }
            // A topic is a filter too: of one topic alone the answers are the same.
            for topic in &topics {
                prop_assert_eq!(may_subscribe(topic), may_read(topic), "{}", topic);
            }
        }
    }
}
