//! Topic names and topic filters: what is a valid one, and which filter matches which name.

use thiserror::Error;

/// The longest topic name or filter in bytes of UTF-8 [MQTT-4.7.3-3].
pub const MAX_LENGTH: usize = 65_535;

/// The most levels a topic may have.
///
/// The standard sets no limit; this is Mosquitto's (200 separators), so that what one accepts the other
/// accepts, and no topic tree grows deep enough to matter to a stack.
pub const MAX_LEVELS: usize = 201;

/// Why a text is no topic name or no topic filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TopicError {
    /// It has no characters [MQTT-4.7.3-1].
    #[error("a topic has at least one character")]
    Empty,
    /// It is longer than the wire format can say [MQTT-4.7.3-3].
    #[error("a topic has at most {MAX_LENGTH} bytes, this one has {0}")]
    TooLong(usize),
    /// It has more levels than this broker takes.
    #[error("a topic has at most {MAX_LEVELS} levels, this one has {0}")]
    TooDeep(usize),
    /// It contains the null character [MQTT-4.7.3-2].
    #[error("a topic contains no null character")]
    Nul,
    /// A wildcard in a topic name [MQTT-3.3.2-2].
    #[error("a topic name contains no wildcard, this one has '{0}'")]
    WildcardInName(char),
    /// `+` or `#` beside other characters of its level [MQTT-4.7.1-1], [MQTT-4.7.1-2].
    #[error("the wildcard '{0}' stands alone in its level")]
    WildcardInLevel(char),
    /// `#` before the last level [MQTT-4.7.1-1].
    #[error("the wildcard '#' is the last level of a filter")]
    HashNotLast,
    /// `$share/` without a group and a filter behind it [MQTT-4.8.2-1], [MQTT-4.8.2-2].
    #[error("a shared subscription is $share/GROUP/FILTER, with no wildcard in GROUP")]
    Shared,
}

/// Checks that `name` may be published to.
///
/// # Errors
///
/// The first rule of MQTT section 4.7 that it breaks.
pub fn validate_name(name: &str) -> Result<(), TopicError> {
    validate_common(name)?;
    match name.chars().find(|c| matches!(c, '+' | '#')) {
        Some(wildcard) => Err(TopicError::WildcardInName(wildcard)),
        None => Ok(()),
    }
}

/// Checks that `filter` may be subscribed to.
///
/// # Errors
///
/// The first rule of MQTT section 4.7 that it breaks.
pub fn validate_filter(filter: &str) -> Result<(), TopicError> {
    validate_common(filter)?;
    if filter.starts_with(SHARE) {
        let (group, filter) = shared(filter).ok_or(TopicError::Shared)?;
        if group.contains(['+', '#']) || filter.starts_with(SHARE) {
            return Err(TopicError::Shared);
        }
        return validate_filter(filter);
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        if level == "#" && levels.peek().is_some() {
            return Err(TopicError::HashNotLast);
        }
        let wildcard = level.chars().find(|c| matches!(c, '+' | '#'));
        match wildcard {
            Some(wildcard) if level.len() > 1 => return Err(TopicError::WildcardInLevel(wildcard)),
            _ => {}
        }
    }
    Ok(())
}

/// What a shared subscription begins with (section 4.8.2 of version 5).
const SHARE: &str = "$share/";

/// The group and the filter of a shared subscription, `$share/GROUP/FILTER`; `None` of any other.
pub fn shared(filter: &str) -> Option<(&str, &str)> {
    let (group, filter) = filter.strip_prefix(SHARE)?.split_once('/')?;
    (!group.is_empty() && !filter.is_empty()).then_some((group, filter))
}

fn validate_common(text: &str) -> Result<(), TopicError> {
    if text.is_empty() {
        return Err(TopicError::Empty);
    }
    if text.len() > MAX_LENGTH {
        return Err(TopicError::TooLong(text.len()));
    }
    if text.contains('\0') {
        return Err(TopicError::Nul);
    }
    let levels = text.split('/').count();
    if levels > MAX_LEVELS {
        return Err(TopicError::TooDeep(levels));
    }
    Ok(())
}

/// Whether the valid topic filter `filter` matches the valid topic name `topic`.
///
/// A filter that begins with a wildcard does not match a topic that begins with `$` [MQTT-4.7.2-1].
pub fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    matches_levels(filter.split('/'), topic)
}

/// Whether the levels of a filter match `topic`, `$` or not.
///
/// Levels come as an iterator so that a pattern's placeholders can be replaced on the way, level by level,
/// with no text ever put together.
pub(crate) fn matches_levels<'a>(filter: impl Iterator<Item = &'a str>, topic: &str) -> bool {
    let mut names = topic.split('/');
    for level in filter {
        // Before the next name is asked for: "sport/#" matches "sport" too (section 4.7.1.2).
        if level == "#" {
            return true;
        }
        if !names
            .next()
            .is_some_and(|name| level == "+" || level == name)
        {
            return false;
        }
    }
    names.next().is_none()
}

/// Whether the levels of a filter match every topic name that the valid filter `inner` matches, `$` or not.
pub(crate) fn covers_levels<'a>(outer: impl Iterator<Item = &'a str>, inner: &str) -> bool {
    // The same topics: there is none without a first level.
    let inner = if inner == "#" { "+/#" } else { inner };
    let mut wanted = inner.split('/');
    for level in outer {
        if level == "#" {
            // "sport/#" covers "sport" too, as it matches it.
            return true;
        }
        let covered = wanted
            .next()
            .is_some_and(|want| want == level || (level == "+" && want != "#"));
        if !covered {
            return false;
        }
    }
    wanted.next().is_none()
}

/// The filter that matches what both the levels of one and the valid filter `other` match, `$` or not; `None` if
/// there is no such topic.
pub(crate) fn common_levels<'a>(
    one: impl Iterator<Item = &'a str>,
    other: &'a str,
) -> Option<String> {
    let (mut one, mut other) = (one.fuse(), other.split('/').fuse());
    let mut common: Vec<&str> = Vec::new();
    loop {
        match (one.next(), other.next()) {
            // "sport/#" matches "sport" too: nothing more is left of it where the other ends.
            (None | Some("#"), None) | (None, Some("#")) => break,
            (Some("#"), Some(level)) => {
                common.push(level);
                common.extend(other);
                break;
            }
            (Some(level), Some("#")) => {
                common.push(level);
                common.extend(one);
                break;
            }
            (Some("+"), Some(level)) | (Some(level), Some("+")) => common.push(level),
            (Some(level), Some(same)) if level == same => common.push(level),
            _ => return None,
        }
    }
    Some(common.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Section 4.7 read aloud: slow and obvious.
    fn matches_naively(filter: &str, topic: &str) -> bool {
        fn levels(filter: &[&str], topic: &[&str]) -> bool {
            match (filter, topic) {
                ([], []) | (["#"], _) => true,
                (["+", filter @ ..], [_, topic @ ..]) => levels(filter, topic),
                ([f, filter @ ..], [t, topic @ ..]) => f == t && levels(filter, topic),
                _ => false,
            }
        }
        let filter: Vec<_> = filter.split('/').collect();
        let topic: Vec<_> = topic.split('/').collect();
        let hidden = topic[0].starts_with('$') && matches!(filter[0], "+" | "#");
        !hidden && levels(&filter, &topic)
    }

    proptest! {
        #[test]
        fn agrees_with_the_naive_matcher(
            filter in "([ab]|\\$S|\\+|)(/([ab+]|)){0,3}(/#)?|#",
            topic in "(a|b|\\$S|)(/([ab]|)){0,4}",
        ) {
            prop_assume!(validate_filter(&filter).is_ok());
            prop_assert_eq!(matches(&filter, &topic), matches_naively(&filter, &topic));
        }

        #[test]
        fn a_valid_name_is_a_valid_filter_that_matches_itself(name in "\\PC{1,40}") {
            prop_assume!(validate_name(&name).is_ok());
            prop_assert_eq!(validate_filter(&name), Ok(()));
            prop_assert!(matches(&name, &name));
        }

        #[test]
        fn covering_and_having_in_common_are_what_matching_says_of_all_topics(
            one in "([ab+]|)(/([ab+]|)){0,2}(/#)?|#",
            other in "([ab+]|)(/([ab+]|)){0,2}(/#)?|#",
        ) {
            // The filters have up to three levels before `#`. What is in neither is for wildcards.
            let mut topics = vec![String::new()];
            let mut all = Vec::new();
            for depth in 0..4 {
                let longer = topics.iter().flat_map(|topic: &String| {
                    ["a", "b", "", "z"].map(|level| match depth {
                        0 => level.to_owned(),
                        _ => format!("{topic}/{level}"),
                    })
                });
                topics = longer.collect();
                all.extend(topics.iter().cloned());
            }
            let covers = all.iter().all(|topic| !matches(&other, topic) || matches(&one, topic));
            prop_assert_eq!(covers_levels(one.split('/'), &other), covers);
            let common = common_levels(one.split('/'), &other);
            for topic in &all {
                let both = matches(&one, topic) && matches(&other, topic);
                let found = common.as_deref().is_some_and(|common| matches(common, topic));
                prop_assert_eq!(found, both, "{:?} on {}", common, topic);
            }
        }

        #[test]
        fn no_text_makes_the_checks_panic(text in ".*", other in ".*") {
            let _ = (validate_name(&text), validate_filter(&text), matches(&text, &other));
        }
    }

    #[test]
    fn the_examples_of_the_standard_hold() {
        for (filter, topic, expected) in [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            (
                "sport/tennis/player1/#",
                "sport/tennis/player1/ranking",
                true,
            ),
            (
                "sport/tennis/player1/#",
                "sport/tennis/player1/score/wimbledon",
                true,
            ),
            ("sport/#", "sport", true),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "$SYS/monitor/Clients", false),
            ("+/monitor/Clients", "$SYS/monitor/Clients", false),
            ("$SYS/#", "$SYS/monitor/Clients", true),
            ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
            ("ACCOUNTS", "Accounts", false),
        ] {
            assert_eq!(matches(filter, topic), expected, "{filter} on {topic}");
        }
    }

    #[test]
    fn a_shared_subscription_has_a_group_and_a_filter() {
        for (filter, expected) in [
            ("$share/g/a/+", Some(("g", "a/+"))),
            ("$share/g//a", Some(("g", "/a"))),
            ("$share", None),
            ("$shared/g/a", None),
        ] {
            assert_eq!(shared(filter), expected, "{filter}");
            assert_eq!(validate_filter(filter), Ok(()), "{filter}");
        }
    }

    #[test]
    fn a_broken_rule_is_named() {
        for (filter, expected) in [
            ("", TopicError::Empty),
            ("a\0", TopicError::Nul),
            ("sport/tennis#", TopicError::WildcardInLevel('#')),
            ("sport/tennis/#/ranking", TopicError::HashNotLast),
            ("sport+", TopicError::WildcardInLevel('+')),
            ("++", TopicError::WildcardInLevel('+')),
            ("$share/a", TopicError::Shared),
            ("$share//b", TopicError::Shared),
            ("$share/a/", TopicError::Shared),
            ("$share/+/b", TopicError::Shared),
            ("$share/a/b#", TopicError::WildcardInLevel('#')),
        ] {
            assert_eq!(validate_filter(filter), Err(expected), "{filter:?}");
        }
        assert_eq!(validate_name("a/+/b"), Err(TopicError::WildcardInName('+')));
        assert_eq!(
            validate_name(&"a".repeat(65_536)),
            Err(TopicError::TooLong(65_536))
        );
        assert_eq!(
            validate_name(&"/".repeat(201)),
            Err(TopicError::TooDeep(202))
        );
        assert_eq!(validate_name(&"/".repeat(200)), Ok(()));
    }
}
