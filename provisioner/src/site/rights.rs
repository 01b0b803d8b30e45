//! From people to the broker's ACL file.

use std::collections::BTreeSet;

use broker::acl::{AclFile, AclLine, AclProblem, Permission};

use super::people::{People, Sees};

/// What another person may read of a device: the location itself, and what is below it by these names. `cmd` and
/// `waypoints` are left out: they steer the device and tell where its owner lives.
const SHARED: [&str; 3] = ["", "/event", "/info"];

/// Expands who sees whom into an ACL file.
///
/// Everybody reads and writes `<base>/NAME/#`. Seeing a person or a device means to read
/// `<base>/NAME/DEVICE` and its `event` and `info`; for a person the device is `+`.
///
/// # Errors
///
/// If the topic base can't stand in an ACL file.
pub fn acl(people: &People, base: &str) -> Result<AclFile, AclProblem> {
    let mut file = AclFile::default();
    file.push(AclLine::Comment(
        " Made by provision from people.yaml; edits here are lost with the next card.".to_owned(),
    ))?;
    for name in people.people.keys() {
        file.push(AclLine::Blank)?;
        file.push(AclLine::User(name.to_string()))?;
        file.push(AclLine::Topic(
            Permission::ReadWrite,
            format!("{base}/{name}/#"),
        ))?;
        for sees in seen_by(people, name) {
            let device = sees.device.as_ref().map_or("+", |device| device.as_str());
            let topic = format!("{base}/{}/{device}", sees.name);
            for leaf in SHARED {
                file.push(AclLine::Topic(Permission::Read, format!("{topic}{leaf}")))?;
            }
        }
    }
    Ok(file)
}

/// What `name` sees of others: own list and groups, without oneself and without what is implied.
fn seen_by(people: &People, name: &super::name::Name) -> BTreeSet<Sees> {
    let own = people
        .people
        .get(name)
        .into_iter()
        .flat_map(|person| person.sees.iter().cloned());
    let groups = people
        .groups
        .values()
        .filter(|members| members.contains(name))
        .flatten();
    let all: BTreeSet<_> = own
        .chain(groups.map(|member| Sees {
            name: member.clone(),
            device: None,
        }))
        .collect();
    let whole = |sees: &Sees| {
        all.contains(&Sees {
            name: sees.name.clone(),
            device: None,
        })
    };
    all.iter()
        .filter(|sees| sees.name != *name && (sees.device.is_none() || !whole(sees)))
        .cloned()
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
            "people: {jjolie: {devices: [5s]}, fred: {sees: [jjolie/5s, jane, jane/5s]}, jane: {}}\n\
             groups: {family: [jane, jjolie]}\n",
        );
        insta::assert_snapshot!(acl(&people, "owntracks").unwrap(), @r"
        # Made by provision from people.yaml; edits here are lost with the next card.

        user fred
        topic readwrite owntracks/fred/#
        topic read owntracks/jane/+
        topic read owntracks/jane/+/event
        topic read owntracks/jane/+/info
        topic read owntracks/jjolie/5s
        topic read owntracks/jjolie/5s/event
        topic read owntracks/jjolie/5s/info

        user jane
        topic readwrite owntracks/jane/#
        topic read owntracks/jjolie/+
        topic read owntracks/jjolie/+/event
        topic read owntracks/jjolie/+/info

        user jjolie
        topic readwrite owntracks/jjolie/#
        topic read owntracks/jane/+
        topic read owntracks/jane/+/event
        topic read owntracks/jane/+/info
        ");
    }
}
