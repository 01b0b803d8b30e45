//! Advice about lines of an ACL file that never decide anything.

use std::collections::HashMap;

use super::super::diagnostic::{Diagnostic, Place};
use crate::acl::{AclFile, AclLine, Permission};

/// The most lines of one list that are compared with each other: a comparison of all pairs.
const MOST_LINES: usize = 2000;

/// A line of a list.
#[derive(Clone, Copy)]
struct Entry<'a> {
    number: usize,
    permission: Permission,
    filter: &'a str,
}

/// The lines that no client's access ever depends on.
///
/// `anonymous` says whether there are clients without a user name at all. Denials count first wherever they
/// stand, so a line is of no use under a wider denial anywhere in its list, or a wider line of its kind above
/// it. A user's own lines are not compared with patterns.
pub(in super::super) fn lines(
    file: &AclFile,
    anonymous: bool,
    path: &Place,
    advice: &mut Vec<Diagnostic>,
) {
    let lists = lists(file);
    for (user, entries) in &lists {
        let entries = &entries[..entries.len().min(MOST_LINES)];
        if *user == List::Nameless && !anonymous {
            for entry in entries {
                let text = "this line is for clients without a user name, and allow_anonymous lets none in: \
                            put a `user` line above it";
                advice.push(at(path, entry.number, text.to_owned()));
            }
            continue;
        }
        for (index, entry) in entries.iter().enumerate() {
            if let Some(text) = useless(*entry, index, entries) {
                advice.push(at(path, entry.number, text));
            }
        }
    }
}

fn at(file: &Place, line: usize, text: String) -> Diagnostic {
    let place = Place {
        line,
        ..file.clone()
    };
    Diagnostic::new(&place, text)
}

/// Whose lines.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum List<'a> {
    Nameless,
    User(&'a str),
    Patterns,
}

fn lists(file: &AclFile) -> HashMap<List<'_>, Vec<Entry<'_>>> {
    let mut lists: HashMap<_, Vec<_>> = HashMap::new();
    let mut current = List::Nameless;
    for (index, line) in file.lines().iter().enumerate() {
        let (list, permission, filter) = match line {
            AclLine::Blank | AclLine::Comment(_) => continue,
            AclLine::User(name) => {
                current = List::User(name);
                continue;
            }
            AclLine::Topic(permission, filter) => (current, *permission, filter),
            AclLine::Pattern(permission, filter) => (List::Patterns, *permission, filter),
        };
        lists.entry(list).or_default().push(Entry {
            number: index + 1,
            permission,
            filter,
        });
    }
    lists
}

/// Why a line is of no use, if it is of none.
fn useless(entry: Entry<'_>, index: usize, entries: &[Entry<'_>]) -> Option<String> {
    let wider = |other: &&Entry<'_>| covers(other.filter, entry.filter);
    if entry.permission != Permission::Deny {
        let denials = entries
            .iter()
            .filter(|other| other.permission == Permission::Deny);
        if let Some(denial) = denials.clone().find(wider) {
            return Some(format!(
                "this line grants nothing: line {} denies all of it, and denials count first",
                denial.number
            ));
        }
    }
    let before = entries[..index]
        .iter()
        .filter(|other| includes(other.permission, entry.permission));
    let other = before.clone().find(wider)?;
    Some(format!(
        "this line changes nothing: line {} says the same of all that it matches",
        other.number
    ))
}

/// Whether whoever has the first permission has the second, or both deny.
fn includes(first: Permission, second: Permission) -> bool {
    first == second
        || (first == Permission::ReadWrite
            && matches!(second, Permission::Read | Permission::Write))
}

/// Whether the filter `wide` matches every topic that `narrow` matches.
///
/// `%u` and `%c` are levels like any other name here: with the same text on both sides they are the same. Names
/// that begin with `$` are out of reach for a wildcard in the first place.
fn covers(wide: &str, narrow: &str) -> bool {
    if narrow.starts_with('$') && wide.starts_with(['+', '#']) {
        return false;
    }
    let mut narrow = narrow.split('/');
    for level in wide.split('/') {
        if level == "#" {
            return true;
        }
        match narrow.next() {
            Some("#") | None => return false,
            Some(other) if level == "+" || level == other => {}
            Some(_) => return false,
        }
    }
    narrow.next().is_none()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::topic;

    fn said(text: &str, anonymous: bool) -> Vec<String> {
        let place = Place {
            file: "acl".into(),
            line: 0,
        };
        let mut advice = Vec::new();
        let file = AclFile::parse(text).unwrap();
        lines(&file, anonymous, &place, &mut advice);
        advice.sort_by_key(Diagnostic::line);
        advice.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lines_that_decide_nothing_are_named_with_what_decides() {
        let text = "user fred\ntopic a/#\ntopic read a/b\ntopic write x\ntopic read x\ntopic deny a/+\n\
                    topic deny a/c\nuser jane\ntopic a/b\npattern read h/%u/#\npattern h/%u/x\npattern read h/%u/x\n";
        insta::assert_snapshot!(said(text, false).join("\n"), @r"
        acl:3: this line grants nothing: line 6 denies all of it, and denials count first
        acl:7: this line changes nothing: line 6 says the same of all that it matches
        acl:12: this line changes nothing: line 10 says the same of all that it matches
        ");
    }

    #[test]
    fn lines_for_nobody_are_named_where_nobody_is_nameless() {
        assert_eq!(said("topic a\n", true), [""; 0]);
        assert_eq!(said("topic a\n", false).len(), 1);
    }

    proptest! {
        #[test]
        fn a_wider_filter_matches_all_that_the_narrower_does(
            wide in "(a|b|\\$|\\+)(/(a|b|\\+)){0,2}(/#)?|#",
            narrow in "(a|b|\\$|\\+)(/(a|b|\\+)){0,2}(/#)?|#",
            names in prop::collection::vec("(a|b|\\$)(/(a|b)){0,3}", 32),
        ) {
            if covers(&wide, &narrow) {
                for name in names {
                    prop_assert!(!topic::matches(&narrow, &name) || topic::matches(&wide, &name), "{name}");
                }
            }
        }
    }
}
