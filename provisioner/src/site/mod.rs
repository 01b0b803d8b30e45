//! A site: who a broker is for. A folder of plain files, fit for a private repository.
//!
//! ```text
//! site/
//!   version, .lock         the layout's version; one command at a time
//!   site.yaml              organization, topic base, hosts
//!   people.yaml            people, devices, groups, who sees whom
//!   passwd                 hashes, 0600
//!   passwords/NAME         generated passwords in clear text, 0600, until their owner has them
//!   pki/                   ca.crt, ca.key 0600, serial, crl.pem, clients/NAME/client.{crt,key}
//!   hosts/NAME/            server.crt, server.key 0600, SSH host keys, probe and probe.hash 0600,
//!                          previous/ until a push succeeded, last-push.json
//!   ssh/                   authorized_keys, and a key pair where the person had none
//! ```

mod access;
mod certificates;
mod clients;
mod config;
mod create;
mod edit;
mod edit_config;
mod enroll;
mod enroll_cards;
mod hosts;
pub mod inspect;
mod issue;
mod membership;
mod name;
mod passwords;
mod people;
pub mod probe;
mod pushed;
mod rights;
mod sharing;
mod store;

pub use access::KeyAccess;
pub use certificates::{CertificateKind, CertificateOf};
pub use clients::{ClientCertificate, ReadyClients};
pub use config::{Host, SiteConfig};
pub use create::{AuthoritySource, NewSite, Person as FirstPerson, create};
pub use enroll::{Enrolled, Machine, Wish};
pub use enroll_cards::EnrolledCards;
pub use hosts::{HostFiles, Ready, Renew};
pub use issue::RENEW_DAYS;
pub use membership::{Departure, Password, PasswordState};
pub use name::{Name, NameError};
pub use people::{People, Person, Sees};
pub use pushed::LastPush;
pub use rights::{Origin, Sight, acl, rights, sights};
pub use sharing::{Farewell, Granted, Hidden, Joined, way_out};
pub use store::{AddedPerson, Site};
