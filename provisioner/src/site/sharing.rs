//! Changes to who sees whom, on the data alone.

use std::collections::BTreeSet;

use super::name::Name;
use super::people::{People, Sees};
use crate::hint::{Fault, nearest};

/// What became of a wish to see somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// It is in the list now, in place of these, which it covers.
    Added(Vec<Sees>),
    /// The list had it, or the whole person.
    Listed,
    /// A group gives it.
    ByGroup(Name),
}

/// What became of a wish not to see somebody any longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden {
    /// What was taken from the list; never empty.
    pub removed: Vec<Sees>,
    /// Groups by which it is seen all the same.
    pub still: Vec<Name>,
}

/// Who came into a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Whether there was no such group.
    pub created: bool,
    /// Who was not in it before.
    pub added: Vec<Name>,
}

/// All that goes with a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Farewell {
    /// Whose lists named the person, and how.
    pub seen_by: Vec<(Name, Vec<Sees>)>,
    /// The groups that the person was in.
    pub groups: Vec<Name>,
    /// Those of them that nobody else was in, which go too.
    pub emptied: Vec<Name>,
}

impl People {
    /// Lets `viewer` see `seen`.
    ///
    /// # Errors
    ///
    /// If either is unknown, or both are the same.
    pub fn grant(&mut self, viewer: &Name, seen: &Sees) -> Result<Granted, Fault> {
        self.two_people(viewer, &seen.name)?;
        let group = self.common_groups(viewer, &seen.name).into_iter().next();
        // `two_people` has seen both.
        let list = &mut self.people.entry(viewer.clone()).or_default().sees;
        if list.contains(seen) || list.contains(&Sees::whole(&seen.name)) {
            return Ok(Granted::Listed);
        }
        if let Some(group) = group {
            return Ok(Granted::ByGroup(group));
        }
        let covered = match seen.device {
            None => take(list, |sees| sees.name == seen.name),
            Some(_) => Vec::new(),
        };
        list.insert(seen.clone());
        Ok(Granted::Added(covered))
    }

    /// Takes `hidden` from what `viewer` sees.
    ///
    /// # Errors
    ///
    /// If either is unknown, `viewer` does not see it, or sees it by something that is not in the
    /// list in just this way: a group, or the whole person where one device is to be hidden.
    pub fn hide(&mut self, viewer: &Name, hidden: &Sees) -> Result<Hidden, Fault> {
        self.two_people(viewer, &hidden.name)?;
        let still = self.common_groups(viewer, &hidden.name);
        let list = self.people.entry(viewer.clone()).or_default().sees.clone();
        if hidden.device.is_some() && list.contains(&Sees::whole(&hidden.name)) {
            return Err(self.only_a_part(viewer, hidden));
        }
        let mut rest = list.clone();
        let removed = take(&mut rest, |sees| match &hidden.device {
            None => sees.name == hidden.name,
            Some(_) => sees == hidden,
        });
        if removed.is_empty() {
            return Err(match still.first() {
                Some(group) => by_group(viewer, hidden, group),
                None => not_seen(viewer, hidden, &list),
            });
        }
        self.people.entry(viewer.clone()).or_default().sees = rest;
        Ok(Hidden { removed, still })
    }

    /// Puts `members` into `group`, and makes it if there is none.
    pub fn join(&mut self, group: &Name, members: &[Name]) -> Result<Joined, Fault> {
        for member in members {
            self.require(member).map_err(Fault::input)?;
        }
        let created = !self.groups.contains_key(group);
        let set = self.groups.entry(group.clone()).or_default();
        let added = members
            .iter()
            .filter(|member| set.insert((*member).clone()));
        let added = added.cloned().collect();
        Ok(Joined { created, added })
    }

    /// Takes `members` out of `group`; the last one takes it along. Whether it did.
    pub fn leave(&mut self, group: &Name, members: &[Name]) -> Result<bool, Fault> {
        let set = self.group(group)?;
        if let Some(stranger) = members.iter().find(|member| !set.contains(*member)) {
            let near = nearest(stranger.as_str(), set.iter().map(Name::as_str));
            let text = format!("{stranger} is not in group {group}{}", did_you_mean(near));
            return Err(Fault::input(text));
        }
        let rest: BTreeSet<_> = set
            .iter()
            .filter(|member| !members.contains(member))
            .cloned()
            .collect();
        let last = rest.is_empty();
        if last {
            self.groups.remove(group);
        } else {
            self.groups.insert(group.clone(), rest);
        }
        Ok(last)
    }

    /// Removes `group`, and tells who was in it.
    pub fn dissolve(&mut self, group: &Name) -> Result<BTreeSet<Name>, Fault> {
        let members = self.group(group)?.clone();
        self.groups.remove(group);
        Ok(members)
    }

    /// The members of `group`; an error with the nearest name if there is none.
    pub fn group(&self, group: &Name) -> Result<&BTreeSet<Name>, Fault> {
        self.groups.get(group).ok_or_else(|| {
            let known: Vec<_> = self.groups.keys().map(Name::as_str).collect();
            let near = nearest(group.as_str(), known.iter().copied());
            let fault = Fault::input(format!("there is no group {group}{}", did_you_mean(near)));
            match (near, known.as_slice()) {
                (Some(_), _) => fault,
                (None, []) => fault.hint(format!("`provision group {group} PERSON...` makes it")),
                (None, known) => fault.hint(format!("the groups are {}", known.join(", "))),
            }
        })
    }

    /// Removes `name` everywhere, and tells what that was.
    pub fn part_with(&mut self, name: &Name) -> Result<Farewell, Fault> {
        self.require(name).map_err(Fault::input)?;
        let mut farewell = Farewell::default();
        self.people.remove(name);
        for (viewer, person) in &mut self.people {
            let taken = take(&mut person.sees, |sees| sees.name == *name);
            if !taken.is_empty() {
                farewell.seen_by.push((viewer.clone(), taken));
            }
        }
        for (group, members) in &mut self.groups {
            if members.remove(name) {
                farewell.groups.push(group.clone());
                if members.is_empty() {
                    farewell.emptied.push(group.clone());
                }
            }
        }
        for group in &farewell.emptied {
            self.groups.remove(group);
        }
        Ok(farewell)
    }

    /// The groups that both are in.
    pub fn common_groups(&self, one: &Name, other: &Name) -> Vec<Name> {
        let groups = self.groups.iter();
        let common = groups.filter(|(_, members)| members.contains(one) && members.contains(other));
        common.map(|(group, _)| group.clone()).collect()
    }

    fn two_people(&self, viewer: &Name, other: &Name) -> Result<(), Fault> {
        self.require(viewer).map_err(Fault::input)?;
        self.require(other).map_err(Fault::input)?;
        if viewer == other {
            let text = format!("{viewer} always sees {viewer}'s own devices; name two people");
            return Err(Fault::input(text));
        }
        Ok(())
    }

    /// One device is to be hidden, and the list has the whole person.
    fn only_a_part(&self, viewer: &Name, hidden: &Sees) -> Fault {
        let name = &hidden.name;
        let known = self
            .people
            .get(name)
            .into_iter()
            .flat_map(|person| &person.devices);
        let mut others: Vec<_> = known
            .filter(|device| Some(*device) != hidden.device.as_ref())
            .map(|device| format!(" {name}/{device}"))
            .collect();
        if others.is_empty() {
            others.push(format!(" {name}/DEVICE"));
        }
        let text =
            format!("{viewer} sees all devices of {name}, so {hidden} alone can't be hidden");
        Fault::input(text).hint(format!(
            "grant the others instead: `provision hide {viewer} {name}`, then `provision sees {viewer}{}`",
            others.concat()
        ))
    }
}

/// Takes from `list` what `which` says, and returns it.
fn take(list: &mut BTreeSet<Sees>, which: impl Fn(&Sees) -> bool) -> Vec<Sees> {
    let taken: Vec<_> = list.iter().filter(|sees| which(sees)).cloned().collect();
    list.retain(|sees| !taken.contains(sees));
    taken
}

/// How to make `viewer` not see somebody whom a group shows.
pub fn way_out(viewer: &Name, group: &Name) -> String {
    format!("`provision group {group} --remove {viewer}`")
}

fn by_group(viewer: &Name, hidden: &Sees, group: &Name) -> Fault {
    let text = format!("{viewer} sees {hidden} by group {group}, not by an own list");
    Fault::input(text).hint(way_out(viewer, group))
}

fn not_seen(viewer: &Name, hidden: &Sees, list: &BTreeSet<Sees>) -> Fault {
    let listed: Vec<_> = list.iter().map(ToString::to_string).collect();
    let near = nearest(&hidden.to_string(), listed.iter().map(String::as_str));
    let fault = Fault::input(format!(
        "{viewer} does not see {hidden}{}",
        did_you_mean(near)
    ));
    match (near, listed.as_slice()) {
        (Some(_), _) | (None, []) => fault,
        (None, listed) => fault.hint(format!("the list of {viewer} has {}", listed.join(", "))),
    }
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean {near}?"))
}
