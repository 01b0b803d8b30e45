//! From people to the broker's ACL file.

use std::collections::BTreeMap;
use std::fmt;

use broker::acl::{AclFile, AclLine, AclProblem, Permission};

use super::name::Name;
use super::people::{People, Sees};

/// What another person may read of a device: the location itself, and what is below it by these names. `cmd` and
/// `waypoints` are left out: they steer the device and tell where its owner lives.
const SHARED: [&str; 3] = ["", "/event", "/info"];

/// What a person sees of somebody else, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Whom, or which device.
    pub of: Sees,
    /// Everything that grants it, at least one.
    pub from: Vec<Origin>,
}

/// Where a right comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The person's own `sees` list.
    OwnList,
    /// A group that both are in.
    Group(Name),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnList => f.write_str("own list"),
            Self::Group(name) => write!(f, "group {name}"),
        }
    }
}

/// Expands who sees whom into an ACL file.
///
/// Everybody reads and writes `<base>/NAME/#`. Seeing a person or a device means to read
/// `<base>/NAME/DEVICE` and its `event` and `info`; for a person the device is `+`. Comments say where
/// a right comes from.
///
/// # Errors
///
/// If the topic base can't stand in an ACL file.
pub fn acl(people: &People, base: &str) -> Result<AclFile, AclProblem> {
    let mut file = AclFile::default();
    file.push(AclLine::Comment(
        " Made by provision from people.yaml; edits here are lost with the next card or push."
            .to_owned(),
    ))?;
    for name in people.people.keys() {
        file.push(AclLine::Blank)?;
        for line in rights(people, base, name) {
            file.push(line)?;
        }
    }
    Ok(file)
}

/// The lines of the ACL file that are about `name`.
pub fn rights(people: &People, base: &str, name: &Name) -> Vec<AclLine> {
    let mut lines = vec![
        AclLine::User(name.to_string()),
        AclLine::Topic(Permission::ReadWrite, format!("{base}/{name}/#")),
    ];
    for Sight { of, from } in sights(people, name) {
        let from: Vec<_> = from.iter().map(ToString::to_string).collect();
        lines.push(AclLine::Comment(format!(" {of}: {}", from.join(", "))));
        let device = of.device.as_ref().map_or("+", Name::as_str);
        let topic = format!("{base}/{}/{device}", of.name);
        lines.extend(SHARED.map(|leaf| AclLine::Topic(Permission::Read, format!("{topic}{leaf}"))));
    }
    lines
}

/// What `name` sees of others by own list and groups, without oneself and without what is implied.
pub fn sights(people: &People, name: &Name) -> Vec<Sight> {
    let person = people.people.get(name);
    let own = person.into_iter().flat_map(|person| &person.sees);
    let groups = people.groups.iter();
    let groups = groups.filter(|(_, members)| members.contains(name));
    let mut all: BTreeMap<Sees, Vec<Origin>> = BTreeMap::new();
    for sees in own {
        all.entry(sees.clone()).or_default().push(Origin::OwnList);
    }
    for (group, members) in groups {
        for member in members {
            let from = all.entry(Sees::whole(member)).or_default();
            from.push(Origin::Group(group.clone()));
        }
    }
    let needed = |of: &Sees| {
        of.name != *name && (of.device.is_none() || !all.contains_key(&Sees::whole(&of.name)))
    };
    let sights = all.iter().filter(|(of, _)| needed(of));
    sights
        .map(|(of, from)| Sight {
            of: of.clone(),
            from: from.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(text: &str) -> People {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn a_device_a_person_and_a_group_expand_to_location_event_and_info() {
        let people = people(
            "people: {jjolie: {devices: [5s]}, fred: {sees: [jjolie/5s, jane, jane/5s]}, jane: {sees: [jjolie]}}\n\
             groups: {family: [jane, jjolie]}\n",
        );
        insta::assert_snapshot!(acl(&people, "owntracks").unwrap(), @r"
        # Made by provision from people.yaml; edits here are lost with the next card or push.

        user fred
        topic readwrite owntracks/fred/#
        # jane: own list
        topic read owntracks/jane/+
        topic read owntracks/jane/+/event
        topic read owntracks/jane/+/info
        # jjolie/5s: own list
        topic read owntracks/jjolie/5s
        topic read owntracks/jjolie/5s/event
        topic read owntracks/jjolie/5s/info

        user jane
        topic readwrite owntracks/jane/#
        # jjolie: own list, group family
        topic read owntracks/jjolie/+
        topic read owntracks/jjolie/+/event
        topic read owntracks/jjolie/+/info

        user jjolie
        topic readwrite owntracks/jjolie/#
        # jane: group family
        topic read owntracks/jane/+
        topic read owntracks/jane/+/event
        topic read owntracks/jane/+/info
        ");
    }
}
