//! Who may subscribe to what, where `strict_subscribe` asks for that to be looked at.

use super::check::{Identity, hidden};
use super::{Access, Acl};
use crate::topic;

impl Acl {
    /// Whether the client may read all that a filter asks for.
    ///
    /// Mosquitto never refuses a subscription by its ACL file: what may not be read is withheld when it is
    /// delivered. Being strict, one line must let the client read everything that the filter matches. Denials in a part
    /// of it count at delivery, as ever; one that covers the whole filter refuses it.
    ///
    /// `filter` is a valid topic filter, without `$share/GROUP/`.
    pub fn may_subscribe(&self, user: Option<&str>, client_id: &str, filter: &str) -> bool {
        let covers =
            |line: &str| !hidden(line, filter) && topic::covers_levels(line.split('/'), filter);
        if let Some(decision) = self
            .own(user)
            .and_then(|rules| rules.decide(Access::Read, covers))
        {
            return decision.allowed;
        }
        let identity = Identity { user, client_id };
        if self.patterns().is_empty() || identity.has_wildcard() {
            return false;
        }
        let covers = |pattern: &str| {
            !hidden(pattern, filter)
                && identity.fills(pattern)
                && topic::covers_levels(identity.put_into(pattern), filter)
        };
        let decision = self.patterns().decide(Access::Read, covers);
        decision.is_some_and(|decision| decision.allowed)
    }
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
    fn a_filter_may_ask_for_no_more_than_a_line_gives() {
        let acl = acl("topic read open/#\n\
             user fred\ntopic read owntracks/jane/+\ntopic write up\ntopic $SYS/broker/#\n\
             topic read news/#\ntopic deny news/secret/#\n\
             pattern owntracks/%u/#\npattern deny %c/#\n");
        for (user, filter, expected) in [
            (Some("fred"), "owntracks/jane/5s", true),
            (Some("fred"), "owntracks/jane/+", true),
            (Some("fred"), "owntracks/jane/#", false),
            (Some("fred"), "owntracks/+/5s", false),
            (Some("fred"), "owntracks/fred", true),
            (Some("fred"), "owntracks/fred/#", true),
            (Some("fred"), "owntracks/+/+", false),
            (Some("fred"), "#", false),
            (Some("fred"), "up", false),
            (Some("fred"), "$SYS/broker/+", true),
            (Some("fred"), "$SYS/#", false),
            (Some("fred"), "news/#", true),
            (Some("fred"), "news/secret/+", false),
            (Some("fred"), "id/x", false),
            (Some("fred"), "open/a", false),
            (None, "open/a", true),
            (None, "open/#", true),
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
        fn whoever_may_subscribe_to_a_topic_may_read_it_and_the_other_way_round(
            lines in proptest::collection::vec(
                "(topic|pattern) (read|write|deny) (a|b|\\+|%u|%c)(/(a|b|\\+|%u|%c)){0,2}(/#)?|user (a|b)", 0..8,
            ),
            user in proptest::option::of("[ab+]"),
            id in "[ab#]",
            topic in "(a|b)(/(a|b)){0,3}",
        ) {
            let acl = acl(&lines.join("\n"));
            let readable = acl.check(user.as_deref(), &id, &topic, Access::Read);
            prop_assert_eq!(acl.may_subscribe(user.as_deref(), &id, &topic), readable);
        }
    }
}
