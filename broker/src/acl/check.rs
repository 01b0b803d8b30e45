//! Who may read or write what.

use std::collections::HashMap;

use super::{AclFile, AclLine, Permission};
use crate::topic;

/// What a client wants to do with a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Receive a message.
    Read,
    /// Send a message.
    Write,
}

/// The rules of an ACL file, ready to decide.
#[derive(Debug, Clone, Default)]
pub struct Acl {
    nameless: Rules,
    users: HashMap<String, Rules>,
    patterns: Rules,
}

/// The rules of one list. Denials come first, whatever their place in the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    denials: Vec<Rule>,
    grants: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    permission: Permission,
    filter: Box<str>,
    /// The line in the file, from 1.
    line: usize,
}

/// An answer, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// What decided.
    pub reason: Reason,
}

/// What decided about an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The line with this number, from 1.
    Line(usize),
    /// There are patterns, and the user name or client id contains `+` or `#`, which put into a pattern
    /// would match more than was meant (CVE-2017-7650).
    WildcardInIdentity,
    /// No line matches, and what is not allowed is denied.
    NoMatch,
    /// There is no ACL file, and what is not denied is allowed.
    NoFile,
    /// It would write what the broker says of itself.
    Reserved,
}

/// Who asks.
#[derive(Clone, Copy)]
pub(super) struct Identity<'a> {
    pub(super) user: Option<&'a str>,
    pub(super) client_id: &'a str,
}

/// Whether the client may access the topic, and what decides: the whole rule, with an ACL file or without.
///
/// Nobody writes to `$SYS`, which is where the broker speaks of itself.
pub fn decide(
    acl: Option<&Acl>,
    user: Option<&str>,
    client_id: &str,
    topic: &str,
    access: Access,
) -> Decision {
    let own = topic == "$SYS" || topic.starts_with("$SYS/");
    match acl {
        _ if own && access == Access::Write => Decision {
            allowed: false,
            reason: Reason::Reserved,
        },
        Some(acl) => acl.explain(user, client_id, topic, access),
        None => Decision {
            allowed: true,
            reason: Reason::NoFile,
        },
    }
}

impl Acl {
    /// Whether the client may access the topic.
    ///
    /// `user` is `None` for a client without a user name. `topic` is a valid topic name.
    pub fn check(&self, user: Option<&str>, client_id: &str, topic: &str, access: Access) -> bool {
        self.explain(user, client_id, topic, access).allowed
    }

    /// Whether the client may access the topic, and which line decides.
    ///
    /// The order is Mosquitto's: the user's own list, denials first; then the patterns, denials first.
    pub fn explain(
        &self,
        user: Option<&str>,
        client_id: &str,
        topic: &str,
        access: Access,
    ) -> Decision {
        if let Some(decision) = self
            .own(user)
            .and_then(|rules| rules.decide(access, |filter| matches_topic(filter, topic)))
        {
            return decision;
        }
        let denied = |reason| Decision {
            allowed: false,
            reason,
        };
        if self.patterns.is_empty() {
            return denied(Reason::NoMatch);
        }
        let identity = Identity { user, client_id };
        if identity.has_wildcard() {
            return denied(Reason::WildcardInIdentity);
        }
        let decision = self
            .patterns
            .decide(access, |pattern| matches_pattern(pattern, identity, topic));
        decision.unwrap_or(denied(Reason::NoMatch))
    }

    /// The list of a user, or of those without a name.
    pub(super) fn own(&self, user: Option<&str>) -> Option<&Rules> {
        match user {
            Some(name) => self.users.get(name),
            None => Some(&self.nameless),
        }
    }

    pub(super) fn patterns(&self) -> &Rules {
        &self.patterns
    }
}

impl Rules {
    pub(super) fn is_empty(&self) -> bool {
        self.denials.is_empty() && self.grants.is_empty()
    }

    fn push(&mut self, rule: Rule) {
        match rule.permission {
            Permission::Deny => self.denials.push(rule),
            Permission::Read | Permission::Write | Permission::ReadWrite => self.grants.push(rule),
        }
    }

    /// The filters of the lines that deny.
    pub(super) fn denied(&self) -> impl Iterator<Item = &str> {
        self.denials.iter().map(|rule| &*rule.filter)
    }

    /// The filters of the lines that grant an access.
    pub(super) fn granted(&self, access: Access) -> impl Iterator<Item = &str> {
        let grants = self.grants.iter().filter(move |rule| rule.grants(access));
        grants.map(|rule| &*rule.filter)
    }

    fn decide(&self, access: Access, matches: impl Fn(&str) -> bool) -> Option<Decision> {
        let denials = self.denials.iter();
        let grants = self.grants.iter().filter(|rule| rule.grants(access));
        let rule = denials.chain(grants).find(|rule| matches(&rule.filter))?;
        Some(Decision {
            allowed: rule.permission != Permission::Deny,
            reason: Reason::Line(rule.line),
        })
    }
}

impl Rule {
    fn grants(&self, access: Access) -> bool {
        match self.permission {
            Permission::Read => access == Access::Read,
            Permission::Write => access == Access::Write,
            Permission::ReadWrite => true,
            Permission::Deny => false,
        }
    }
}

impl<'a> Identity<'a> {
    fn replace(self, level: &'a str) -> &'a str {
        match level {
            "%u" => self.user.unwrap_or_default(),
            "%c" => self.client_id,
            other => other,
        }
    }

    /// Whether there is a name for each placeholder.
    fn fills(self, pattern: &'a str) -> bool {
        let empty = |level| matches!(level, "%u" | "%c") && self.replace(level).is_empty();
        !pattern.split('/').any(empty)
    }

    /// A pattern as the filter that it is for this client; none if it matches nothing.
    pub(super) fn filter(self, pattern: &'a str) -> Option<String> {
        let levels: Vec<_> = self.put_into(pattern).collect();
        // A name with a slash in it is no level of any topic.
        let is_one = !levels.iter().any(|level| level.contains('/'));
        (is_one && self.fills(pattern)).then(|| levels.join("/"))
    }

    /// The levels of a pattern with names for placeholders.
    fn put_into(self, pattern: &'a str) -> impl Iterator<Item = &'a str> {
        pattern.split('/').map(move |level| self.replace(level))
    }

    pub(super) fn has_wildcard(&self) -> bool {
        let wildcard = |text: &str| text.contains(['+', '#']);
        self.user.is_some_and(wildcard) || wildcard(self.client_id)
    }
}

/// Topics that begin with `$` are matched only by what begins with `$` too.
fn hidden(filter: &str, topic: &str) -> bool {
    topic.starts_with('$') && !filter.starts_with('$')
}

fn matches_topic(filter: &str, topic: &str) -> bool {
    !hidden(filter, topic) && topic::matches(filter, topic)
}

/// Matches a pattern with `%u` and `%c` for whole levels, level by level.
///
/// A name with a slash in it therefore matches nothing: it is never taken for two levels. Nor does a
/// missing or empty name.
fn matches_pattern(pattern: &str, identity: Identity<'_>, topic: &str) -> bool {
    !hidden(pattern, topic)
        && identity.fills(pattern)
        && topic::matches_levels(identity.put_into(pattern), topic)
}

impl From<&AclFile> for Acl {
    fn from(file: &AclFile) -> Self {
        let mut acl = Self::default();
        let mut user = None;
        for (index, line) in file.lines().iter().enumerate() {
            let rule = |permission, filter: &str| Rule {
                permission,
                filter: filter.into(),
                line: index + 1,
            };
            match line {
                AclLine::Blank | AclLine::Comment(_) => {}
                AclLine::User(name) => user = Some(name),
                AclLine::Pattern(permission, filter) => {
                    acl.patterns.push(rule(*permission, filter));
                }
                AclLine::Topic(permission, filter) => {
                    let list = match user {
                        Some(name) => acl.users.entry(name.clone()).or_default(),
                        None => &mut acl.nameless,
                    };
                    list.push(rule(*permission, filter));
                }
            }
        }
        acl
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl(text: &str) -> Acl {
        Acl::from(&AclFile::parse(text).unwrap())
    }

    #[test]
    fn fred_sees_one_device_of_jjolie_and_nothing_else() {
        let acl = acl("user jjolie\ntopic owntracks/jjolie/#\n\n\
             user fred\ntopic read owntracks/jjolie/5s\ntopic owntracks/fred/nexus/#\n");
        let may = |user, topic, access| acl.check(Some(user), "id", topic, access);
        assert!(may("jjolie", "owntracks/jjolie/5s", Access::Write));
        assert!(may("jjolie", "owntracks/jjolie", Access::Read));
        assert!(may("fred", "owntracks/jjolie/5s", Access::Read));
        assert!(!may("fred", "owntracks/jjolie/5s", Access::Write));
        assert!(!may("fred", "owntracks/jjolie/5s/event", Access::Read));
        assert!(!may("fred", "owntracks/jjolie/ipad", Access::Read));
        assert!(may("fred", "owntracks/fred/nexus/event", Access::Write));
        assert!(!may("fred", "owntracks/fred/other", Access::Write));
        assert!(!may("ada", "owntracks/ada/x", Access::Read));
        assert!(!acl.check(None, "id", "owntracks/jjolie/5s", Access::Read));
    }

    #[test]
    fn a_denial_wins_wherever_it_stands_and_the_line_is_told() {
        let acl = acl(
            "topic read a/#\ntopic deny a/secret\nuser fred\ntopic x\nuser jane\ntopic y\nuser fred\ntopic deny x\n",
        );
        let explain = |user, topic| acl.explain(user, "id", topic, Access::Read);
        let line = |allowed, line| Decision {
            allowed,
            reason: Reason::Line(line),
        };
        assert_eq!(explain(None, "a/b"), line(true, 1));
        assert_eq!(explain(None, "a/secret"), line(false, 2));
        assert_eq!(explain(Some("fred"), "x"), line(false, 8));
        assert_eq!(explain(Some("jane"), "y"), line(true, 6));
        assert_eq!(
            explain(Some("jane"), "a/b"),
            Decision {
                allowed: false,
                reason: Reason::NoMatch
            }
        );
    }

    #[test]
    fn a_pattern_takes_whole_levels_only() {
        let acl = acl("pattern write up/%u/%c\npattern read x%u/#\npattern deny up/%u/bad\n");
        let may = |user, id, topic| acl.check(user, id, topic, Access::Write);
        assert!(may(Some("fred"), "phone", "up/fred/phone"));
        assert!(!may(Some("fred"), "phone", "up/fre/phone"));
        assert!(!may(Some("fred"), "phone", "up/fredo/phone"));
        assert!(!may(Some("a/b"), "phone", "up/a/b/phone"));
        assert!(!may(Some("a/b"), "phone", "up/a/phone"));
        assert!(!may(Some("fred"), "bad", "up/fred/bad"));
        assert!(!may(None, "phone", "up//phone"));
        assert!(!may(Some(""), "phone", "up//phone"));
        assert!(!acl.check(Some("fred"), "id", "xfred/a", Access::Read));
        assert!(acl.check(Some("fred"), "id", "x%u/a", Access::Read));
    }

    #[test]
    fn a_wildcard_in_a_name_is_refused_as_soon_as_there_is_a_pattern() {
        let with = acl("user a+b\ntopic own\npattern read up/%u\n");
        assert!(with.check(Some("a+b"), "id", "own", Access::Read));
        for (user, id) in [
            (Some("+"), "id"),
            (Some("#"), "id"),
            (Some("fred"), "#"),
            (None, "a+"),
        ] {
            let decision = with.explain(user, id, "up/fred", Access::Read);
            assert_eq!(
                decision,
                Decision {
                    allowed: false,
                    reason: Reason::WildcardInIdentity
                },
                "{user:?} {id}"
            );
        }
        assert!(acl("topic up/#\n").check(None, "a+", "up/fred", Access::Read));
    }

    #[test]
    fn nobody_writes_what_the_broker_says_of_itself() {
        let all = acl("topic $SYS/#\ntopic #\n");
        for (acl, topic, access, allowed, reason) in [
            (None, "$SYS/x", Access::Write, false, Reason::Reserved),
            (Some(&all), "$SYS", Access::Write, false, Reason::Reserved),
            (Some(&all), "$SYS/x", Access::Read, true, Reason::Line(1)),
            (Some(&all), "x", Access::Write, true, Reason::Line(2)),
            (None, "$SYSTEM", Access::Write, true, Reason::NoFile),
        ] {
            let decision = decide(acl, None, "id", topic, access);
            assert_eq!(decision, Decision { allowed, reason }, "{topic}");
        }
    }

    #[test]
    fn dollar_topics_need_a_rule_with_a_dollar() {
        let acl = acl(
            "topic #\ntopic read $SYS/broker/uptime\npattern read %u/#\npattern read $SYS/%c/#\n",
        );
        let may = |user, id, topic| acl.check(user, id, topic, Access::Read);
        assert!(!may(None, "id", "$SYS/broker/version"));
        assert!(may(None, "id", "$SYS/broker/uptime"));
        assert!(!may(Some("$SYS"), "id", "$SYS/broker/version"));
        assert!(may(Some("fred"), "broker", "$SYS/broker/version"));
    }
}
