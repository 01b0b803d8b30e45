//! `provision list-users`.

use broker::passwd::PasswordFile;
use clap::Args;
use serde_json::{Value, json};

use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::hint::Fault;
use crate::output::Output;
use crate::site::{self, Name, PasswordState, Person, Sees, Sight, Site};

/// Shows who is there and who sees whom.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  provision list-users\n  provision list-users --acl fred\n  \
                        provision list-users --json"
)]
pub struct ListUsersArgs {
    /// Only these people [default: all].
    #[arg(value_name = "NAME")]
    names: Vec<Name>,
    /// Show their rights as lines of the broker's ACL file instead.
    #[arg(long)]
    acl: bool,
}

/// Runs the command.
pub fn run(args: &ListUsersArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let site = Site::open(&global.site)?;
    for name in &args.names {
        site.people().require(name).map_err(Fault::input)?;
    }
    let listing = Listing {
        site: &site,
        passwords: site.password_file()?,
    };
    let all = site.people().people.iter();
    let shown: Vec<_> = all
        .filter(|(name, _)| args.names.is_empty() || args.names.contains(name))
        .map(|(name, person)| listing.row(name, person))
        .collect();
    if output.policy().json {
        let people: Vec<_> = shown.iter().map(Row::json).collect();
        output.json(&json!({ "version": 1, "people": people, "groups": groups(&site) }))?;
    } else if args.acl {
        for (index, row) in shown.iter().enumerate() {
            if index > 0 {
                output.data("")?;
            }
            for line in &row.acl {
                output.data(line)?;
            }
        }
    } else {
        for line in table(&shown) {
            output.data(&line)?;
        }
    }
    for stranger in listing.strangers() {
        output.warn(&format!(
            "passwd has {stranger}, who is not in people.yaml and can't log in; `provision remove-user` takes it out"
        ));
    }
    Ok(ExitStatus::Success)
}

struct Listing<'a> {
    site: &'a Site,
    passwords: PasswordFile,
}

/// What is known of a person.
struct Row<'a> {
    name: &'a Name,
    person: &'a Person,
    sees: Vec<Sight>,
    seen_by: Vec<(&'a Name, Sees)>,
    groups: Vec<&'a Name>,
    password: PasswordState,
    acl: Vec<String>,
}

impl Listing<'_> {
    fn row<'a>(&'a self, name: &'a Name, person: &'a Person) -> Row<'a> {
        let people = self.site.people();
        let viewers = people.people.keys().flat_map(|viewer| {
            let sights = site::sights(people, viewer).into_iter();
            sights
                .filter(|sight| sight.of.name == *name)
                .map(move |sight| (viewer, sight.of))
        });
        let groups = people.groups.iter();
        let lines = site::rights(people, &self.site.config().topic_base, name);
        Row {
            name,
            person,
            sees: site::sights(people, name),
            seen_by: viewers.collect(),
            groups: groups
                .filter(|(_, members)| members.contains(name))
                .map(|(group, _)| group)
                .collect(),
            password: self.site.password_state(&self.passwords, name),
            acl: lines.iter().map(ToString::to_string).collect(),
        }
    }

    fn strangers(&self) -> Vec<&str> {
        let known = |name: &str| {
            self.site
                .people()
                .people
                .keys()
                .any(|known| known.as_str() == name)
        };
        self.passwords.names().filter(|name| !known(name)).collect()
    }
}

impl Row<'_> {
    fn cells(&self) -> [String; 6] {
        let seen_by = self.seen_by.iter().map(|(viewer, of)| match &of.device {
            Some(device) => format!("{viewer} ({device})"),
            None => viewer.to_string(),
        });
        [
            self.name.to_string(),
            joined(self.person.devices.iter().map(ToString::to_string)),
            joined(self.sees.iter().map(|sight| sight.of.to_string())),
            joined(seen_by),
            joined(self.groups.iter().map(ToString::to_string)),
            match self.password {
                PasswordState::Set => "set",
                PasswordState::Kept => "generated password not handed over yet",
                PasswordState::Missing => "none, can't log in",
            }
            .to_owned(),
        ]
    }

    fn json(&self) -> Value {
        let sees: Vec<_> = self
            .sees
            .iter()
            .map(|sight| {
                let from: Vec<_> = sight.from.iter().map(ToString::to_string).collect();
                json!({ "sees": sight.of.to_string(), "from": from })
            })
            .collect();
        let seen_by: Vec<_> = self
            .seen_by
            .iter()
            .map(|(viewer, of)| json!({ "name": viewer.as_str(), "sees": of.to_string() }))
            .collect();
        json!({
            "name": self.name.as_str(),
            "devices": self.person.devices.iter().map(Name::as_str).collect::<Vec<_>>(),
            "sees": sees,
            "seen_by": seen_by,
            "groups": self.groups.iter().map(|group| group.as_str()).collect::<Vec<_>>(),
            "password": match self.password {
                PasswordState::Set => "set",
                PasswordState::Kept => "not-handed-over",
                PasswordState::Missing => "none",
            },
            "acl": self.acl,
        })
    }
}

fn groups(site: &Site) -> Value {
    let groups = site.people().groups.iter();
    let groups = groups.map(|(group, members)| {
        let members: Vec<_> = members.iter().map(Name::as_str).collect();
        (group.to_string(), Value::from(members))
    });
    groups.collect::<serde_json::Map<_, _>>().into()
}

fn joined(texts: impl Iterator<Item = String>) -> String {
    let texts: Vec<_> = texts.collect();
    if texts.is_empty() {
        "-".to_owned()
    } else {
        texts.join(", ")
    }
}

/// Columns as wide as their widest cell, two blanks apart.
fn table(rows: &[Row<'_>]) -> Vec<String> {
    let head = ["NAME", "DEVICES", "SEES", "SEEN BY", "GROUPS", "PASSWORD"].map(str::to_owned);
    let lines: Vec<_> = std::iter::once(head)
        .chain(rows.iter().map(Row::cells))
        .collect();
    let width = |column: usize| {
        lines
            .iter()
            .map(|cells| cells[column].chars().count())
            .max()
    };
    let widths: Vec<_> = (0..6).map(|column| width(column).unwrap_or(0)).collect();
    let line = |cells: &[String; 6]| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}  "));
        padded.collect::<String>().trim_end().to_owned()
    };
    lines.iter().map(line).collect()
}
