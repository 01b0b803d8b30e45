//! A fleet file: a table (CSV, with a header) or a YAML list, one card a row.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;

use anyhow::Context;
use serde::{Deserialize, Deserializer};

use super::table;
use crate::hint::Fault;
use crate::pki::AltName;
use crate::recipe::system::{Addressing, Prefix};
use crate::recipe::yaml;
use crate::site::Name;

/// The most cards in one file: a slip of a spreadsheet is no order for a million images.
const MOST: usize = 1000;

/// The longest host name (RFC 1035 section 2.3.4).
const LONGEST_NAME: usize = 63;

/// All cards of a file, in its order.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// At least one; no two have the same name or address.
    pub cards: Vec<Card>,
    /// The file's name.
    name: String,
    /// Where each card is in it.
    places: Vec<Place>,
}

/// One card.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Card {
    /// The host name, which is the image's name too.
    pub name: String,
    /// Where it will be reached: `192.168.1.10/24` is given to its wired network, and without a prefix the
    /// address is what a router gives it. Its certificate is good for it either way.
    #[serde(default, deserialize_with = "from_text")]
    pub address: Option<Address>,
    /// The router, with an address of its own only.
    #[serde(default)]
    pub gateway: Option<IpAddr>,
    /// Name servers, with an address of its own only.
    #[serde(default)]
    pub dns: Vec<IpAddr>,
    /// Who may log in to its broker. If absent: who the site says, and everybody if it doesn't.
    #[serde(default)]
    pub people: Option<BTreeSet<Name>>,
    /// Further names that its certificate is good for.
    #[serde(default)]
    pub san: Vec<String>,
}

/// An address, and the length of its network's prefix if it is the card's own to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// `24` of `192.168.1.10/24`.
    pub prefix: Option<u8>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix {
            Some(prefix) => write!(f, "{}/{prefix}", self.ip),
            None => write!(f, "{}", self.ip),
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let no = || {
            format!(
                "{text:?} is no address: write 192.168.1.10/24, or 192.168.1.10 if a router gives it"
            )
        };
        let (ip, prefix) = match text.split_once('/') {
            Some((ip, prefix)) => (ip, Some(prefix.parse::<u8>().map_err(|_number| no())?)),
            None => (text, None),
        };
        let ip: IpAddr = ip.parse().map_err(|_address| no())?;
        let longest = if ip.is_ipv4() { 32 } else { 128 };
        if prefix.is_some_and(|prefix| prefix == 0 || prefix > longest) {
            return Err(no());
        }
        Ok(Self { ip, prefix })
    }
}

/// Where a card is in its file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// The line of a table, from 1.
    Line(u64),
    /// The number in a list, from 1.
    Card(u64),
}

impl Place {
    /// The place in the file `name`, as errors begin.
    pub(super) fn of(self, name: &str) -> String {
        match self {
            Self::Line(line) => format!("{name}:{line}"),
            Self::Card(_) => format!("{name}: {self}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Card(number) => write!(f, "card {number}"),
        }
    }
}

impl Fleet {
    /// Reads the file at `path`: YAML if its name ends in `.yaml` or `.yml`, else a table.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it, with file and line.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).with_context(|| format!("reading {name}"))?;
        let is_yaml = path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml");
        let cards = if is_yaml {
            let cards: Vec<Card> = yaml::parse(&name, &text)?;
            places(&text, cards.len()).into_iter().zip(cards).collect()
        } else {
            table::read(&name, &text)?
        };
        Self::check(&name, cards)
    }

    fn check(name: &str, cards: Vec<(Place, Card)>) -> anyhow::Result<Self> {
        if cards.is_empty() {
            return Err(Fault::input(format!("{name} names no card")).into());
        }
        if cards.len() > MOST {
            let text = format!(
                "{name} has {} cards, and at most {MOST} are made at once",
                cards.len()
            );
            return Err(Fault::input(text).into());
        }
        let (mut names, mut addresses) = (BTreeMap::new(), BTreeMap::new());
        for (place, card) in &cards {
            card.check()
                .map_err(|error| Fault::input(format!("{}: {error}", place.of(name))))?;
            // Host names are the same in any case.
            if let Some(first) = names.insert(card.name.to_ascii_lowercase(), place) {
                let text = format!(
                    "{}: the card {} is there already, in {first}",
                    place.of(name),
                    card.name
                );
                return Err(Fault::input(text).into());
            }
            if let Some(address) = card.address
                && let Some(first) = addresses.insert(address.ip, place)
            {
                let text = format!("{}: {} is taken, in {first}", place.of(name), address.ip);
                return Err(Fault::input(text).into());
            }
        }
        let (places, cards) = cards.into_iter().unzip();
        Ok(Self {
            cards,
            name: name.to_owned(),
            places,
        })
    }

    /// An error of the card with this index, which begins with where that is in the file.
    pub fn fault(&self, index: usize, text: &str) -> Fault {
        Fault::input(format!("{}: {text}", self.place(index)))
    }

    /// Where the card with this index is, and what it is called.
    pub fn subject(&self, index: usize) -> String {
        let name = self.cards.get(index).map_or("", |card| card.name.as_str());
        format!("{}: {name}", self.place(index))
    }

    fn place(&self, index: usize) -> String {
        let place = self.places.get(index);
        place.map_or_else(|| self.name.clone(), |place| place.of(&self.name))
    }
}

impl Card {
    /// The address that its wired network is given, if it is the card's own to set.
    ///
    /// # Errors
    ///
    /// If no machine can have it, or its router can't be reached from it.
    pub fn addressing(&self) -> Result<Option<Addressing>, String> {
        let Some(Address {
            ip,
            prefix: Some(length),
        }) = self.address
        else {
            return Ok(None);
        };
        let address = Prefix {
            address: ip,
            length,
        };
        Addressing::fixed(address, self.gateway, self.dns.clone()).map(Some)
    }

    fn check(&self) -> Result<(), String> {
        if self.name.contains('.')
            || self.name.len() > LONGEST_NAME
            || self.name.bytes().all(|byte| byte.is_ascii_digit())
            || !matches!(self.name.parse(), Ok(AltName::Dns(_)))
        {
            return Err(format!(
                "{:?} is no host name: letters, digits and inner hyphens, no dots, at most {LONGEST_NAME}, not digits alone",
                self.name
            ));
        }
        let is_own = self.address.is_some_and(|address| address.prefix.is_some());
        if !is_own && (self.gateway.is_some() || !self.dns.is_empty()) {
            return Err(format!(
                "{} has a gateway or name servers, but no address with a prefix, as 192.168.1.10/24",
                self.name
            ));
        }
        if self.people.as_ref().is_some_and(BTreeSet::is_empty) {
            return Err(format!(
                "nobody could log in to {}: leave `people` out for everybody",
                self.name
            ));
        }
        for name in &self.san {
            name.parse::<AltName>().map_err(|error| error.to_string())?;
        }
        self.addressing().map(drop)
    }
}

/// Where the cards of a YAML list are: the lines of their dashes, if they are written below each other.
fn places(text: &str, count: usize) -> Vec<Place> {
    let dash = |line: &str| {
        let rest = line.trim_start_matches(' ');
        let is_item = rest == "-" || rest.starts_with("- ");
        is_item.then_some(line.len() - rest.len())
    };
    let first = text.lines().find_map(dash);
    let lines: Vec<_> = (1..)
        .zip(text.lines())
        .filter(|(_, line)| dash(line).is_some() && dash(line) == first)
        .map(|(number, _)| Place::Line(number))
        .collect();
    if lines.len() == count {
        return lines;
    }
    (1..).map(Place::Card).take(count).collect()
}

fn from_text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err = String>,
{
    let text = Option::<String>::deserialize(deserializer)?;
    let parsed = text.map(|text| text.parse()).transpose();
    parsed.map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> anyhow::Result<Fleet> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join(name);
        fs::File::create(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))?;
        Fleet::read(&path)
    }

    fn error(name: &str, text: &str) -> String {
        let error = read(name, text).unwrap_err();
        let hint = crate::hint::of(&error).unwrap_or_default();
        let text = format!("{error:#} | {hint}");
        match text.find(&format!("/{name}")) {
            Some(at) => text[at + 1..].to_owned(),
            None => text,
        }
    }

    #[test]
    fn a_table_and_a_list_say_the_same() {
        let table = read(
            "fleet.csv",
            "\u{feff}# the school\nname,people,address,gateway,dns,san\n\
             b1,\"jane fred\",192.168.1.11/24,192.168.1.1,192.168.1.1 9.9.9.9,b1.example.com\n\n\
             b2,,192.168.1.12,,,\n",
        );
        let list = read(
            "fleet.yaml",
            "- name: b1\n  people: [jane, fred]\n  address: 192.168.1.11/24\n  gateway: 192.168.1.1\n  \
             dns: [192.168.1.1, 9.9.9.9]\n  san: [b1.example.com]\n- {name: b2, address: 192.168.1.12}\n",
        );
        let semicolons = read(
            "fleet.csv",
            "name;people;address;gateway;dns;san\nb1; fred jane ;192.168.1.11/24;192.168.1.1;192.168.1.1 9.9.9.9;b1.example.com\nb2;;192.168.1.12;;;\n",
        );
        let table = table.unwrap().cards;
        assert_eq!(table, list.unwrap().cards);
        assert_eq!(table, semicolons.unwrap().cards);
        assert_eq!(table[1].people, None);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let csv = |text: &str| error("fleet.csv", text);
        insta::assert_snapshot!(csv("name,adress\nb1,1.2.3.4\n"), @r#"fleet.csv:1: unknown column "adress" | did you mean "address"?"#);
        insta::assert_snapshot!(csv("name,name\nb1,b2\n"), @r#"fleet.csv:1: there are two columns "name" |"#);
        insta::assert_snapshot!(csv("name,address\nb1,10.0.0.1\nB1,10.0.0.2\n"), @"fleet.csv:3: the card B1 is there already, in line 2 |");
        insta::assert_snapshot!(csv("name,address\nb1,10.0.0.1\nb2,10.0.0.1/24\n"), @"fleet.csv:3: 10.0.0.1 is taken, in line 2 |");
        insta::assert_snapshot!(csv("name,address\nb1,10.0.0.300\n"), @r#"fleet.csv:2: "10.0.0.300" is no address: write 192.168.1.10/24, or 192.168.1.10 if a router gives it |"#);
        insta::assert_snapshot!(csv("name,address\nb1,10.0.0.3/33\n"), @r#"fleet.csv:2: "10.0.0.3/33" is no address: write 192.168.1.10/24, or 192.168.1.10 if a router gives it |"#);
        insta::assert_snapshot!(csv("name,address,gateway\nb1,10.0.0.3,10.0.0.1\n"), @"fleet.csv:2: b1 has a gateway or name servers, but no address with a prefix, as 192.168.1.10/24 |");
        insta::assert_snapshot!(csv("name,address\nb1,10.0.0.3,10.0.0.1\n"), @"fleet.csv:2: there are 3 cells, and 2 columns | several values in one cell are separated by spaces, and a cell may be empty");
        insta::assert_snapshot!(csv("name,people\nb1,a/b\n"), @r#"fleet.csv:2: "a/b" can't be a name: a slash divides the levels of a topic |"#);
        insta::assert_snapshot!(csv("name,san\nb.1,\n"), @r#"fleet.csv:2: "b.1" is no host name: letters, digits and inner hyphens, no dots, at most 63, not digits alone |"#);
        insta::assert_snapshot!(csv("name\n12\n"), @r#"fleet.csv:2: "12" is no host name: letters, digits and inner hyphens, no dots, at most 63, not digits alone |"#);
        insta::assert_snapshot!(csv("name,address\nb1,10.0.0.0/24\n"), @"fleet.csv:2: 10.0.0.0/24: it is the network's own address |");
        insta::assert_snapshot!(csv("name,address,gateway\nb1,10.0.0.3/24,10.0.1.1\n"), @"fleet.csv:2: gateway 10.0.1.1: it is in none of the addresses' networks |");
        insta::assert_snapshot!(error("fleet.yaml", "- {name: a, people: []}\n"), @"fleet.yaml:1: nobody could log in to a: leave `people` out for everybody |");
        insta::assert_snapshot!(csv("address\n10.0.0.1\n"), @"fleet.csv:2: the card has no name |");
        insta::assert_snapshot!(csv("name\n"), @"fleet.csv names no card |");
        insta::assert_snapshot!(error("fleet.yaml", "- name: a\n  adress: 10.0.0.1\n"), @r#"fleet.yaml:2:3: unknown key "adress" | did you mean "address"?"#);
        insta::assert_snapshot!(error("fleet.yml", "- {name: a}\n- {name: a}\n"), @"fleet.yml:2: the card a is there already, in line 1 |");
        insta::assert_snapshot!(error("fleet.yml", "[{name: a}, {name: a}]\n"), @"fleet.yml: card 2: the card a is there already, in card 1 |");
        let lines = "name\n# one; two\n\nb1\n# three\n\nb/2\n";
        for lines in [lines.to_owned(), lines.replace('\n', "\r\n")] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(csv(&lines), @r#"fleet.csv:7: "b/2" is no host name: letters, digits and inner hyphens, no dots, at most 63, not digits alone |"#);
            }
        }
        insta::assert_snapshot!(csv("# ours; all\nname,adress\n"), @r#"fleet.csv:2: unknown column "adress" | did you mean "address"?"#);
    }

    #[test]
    fn the_example_is_read_as_it_says() {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../recipes/fleet.example.csv");
        let cards = Fleet::read(Path::new(example)).unwrap().cards;
        let shown = cards.iter().map(|card| {
            let people = card.people.as_ref().map_or(0, BTreeSet::len);
            format!(
                "{} {:?} {people}",
                card.name,
                card.address.map(|address| address.prefix)
            )
        });
        let shown: Vec<_> = shown.collect();
        insta::assert_snapshot!(shown.join("; "), @"north Some(Some(24)) 2; south Some(None) 1; attic None 0");
    }
}
