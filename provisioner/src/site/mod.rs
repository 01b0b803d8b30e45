//! A site: who a broker is for. A folder of plain files, fit for a private repository.
//!
//! ```text
//! site/
//!   version, .lock         the layout's version; one command at a time
//!   site.yaml              organization, topic base, hosts
//!   people.yaml            people, devices, groups, who sees whom
//!   passwd                 hashes, 0600
//!   passwords/NAME         generated passwords in clear text, 0600, until their owner has them
//!   pki/                   ca.crt, ca.key 0600, serial, crl.pem
//!   hosts/NAME/            server.crt, server.key 0600, SSH host keys, probe and probe.hash 0600
//!   ssh/                   authorized_keys, and a key pair where the person had none
//! ```

mod config;
mod create;
mod edit;
pub mod inspect;
mod issue;
mod name;
mod passwords;
mod people;
pub mod probe;
mod rights;
mod store;

pub use config::{Host, SiteConfig};
pub use create::{NewSite, Person as FirstPerson, create};
pub use name::{Name, NameError};
pub use people::{People, Person, Sees};
pub use rights::acl;
pub use store::{AddedPerson, HostFiles, Ready, Site};
