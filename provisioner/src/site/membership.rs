//! Who belongs to a site: people, what they see, groups, passwords.

use anyhow::Context;
use broker::passwd::PasswordFile;

use super::name::Name;
use super::people::People;
use super::sharing::Farewell;
use super::store::Site;
use super::{edit, edit_config, inspect, passwords};
use crate::fsio::{self, Access};
use crate::hint::{Fault, nearest};
use crate::secret::Secret;

/// A password, and whether its owner has yet to be told.
#[derive(Debug)]
pub struct Password {
    /// The password.
    pub secret: Secret,
    /// Whether it was made up here and is kept for its owner.
    pub generated: bool,
}

/// How it stands with a person's password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordState {
    /// The password file has one.
    Set,
    /// It was generated, and is still kept in the site.
    Kept,
    /// There is none, so the person can't log in.
    Missing,
}

/// What goes with a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// What `people.yaml` has; `None` if only a password was left of the person.
    pub farewell: Option<Farewell>,
    /// Whether a generated password is still kept.
    pub kept_password: bool,
    /// Whether there is a client certificate, which has to be revoked first.
    pub client_certificate: bool,
}

impl Site {
    /// Changes `people.yaml` as `change` says; if nothing changes, nothing is written.
    ///
    /// The file is read anew, so that what somebody wrote into it while a question was open stays.
    pub fn change_people<T>(
        &mut self,
        change: impl FnOnce(&mut People) -> Result<T, Fault>,
    ) -> anyhow::Result<T> {
        let path = self.root.join("people.yaml");
        let text = self.read("people.yaml")?;
        let mut people: People = crate::recipe::yaml::parse(&path.display().to_string(), &text)?;
        let outcome = change(&mut people)?;
        let edited = edit::rewrite(&text, &people)?;
        if edited != text {
            fsio::write_atomic(&path, edited.as_bytes(), Access::Public)?;
        }
        self.people = people;
        Ok(outcome)
    }

    /// Gives a person another password.
    pub fn set_password(&self, name: &Name, password: &Password) -> anyhow::Result<()> {
        self.people.require(name).map_err(Fault::input)?;
        let path = self.root.join("passwd");
        let text = passwords::with_password(&path, &self.read("passwd")?, name, &password.secret)?;
        fsio::write_atomic(&path, text.as_bytes(), Access::Private)?;
        let folder = self.root.join("passwords");
        if password.generated {
            passwords::keep(&folder, name, &password.secret)
        } else {
            passwords::forget(&folder, name).map(drop)
        }
    }

    /// How it stands with the password of `name`.
    pub fn password_state(&self, file: &PasswordFile, name: &Name) -> PasswordState {
        if file.lookup(name.as_str()).is_none() {
            PasswordState::Missing
        } else if self.kept_password(name).is_some() {
            PasswordState::Kept
        } else {
            PasswordState::Set
        }
    }

    /// The password file as it is, with those who are not in `people.yaml`.
    pub fn password_file(&self) -> anyhow::Result<PasswordFile> {
        passwords::parse(&self.root.join("passwd"), &self.read("passwd")?)
    }

    /// What would go with `name`. Whoever has nothing but a password, since a removal was cut short or
    /// another tool wrote it, can go too.
    ///
    /// # Errors
    ///
    /// If nothing is known of `name`.
    pub fn departure(&self, name: &Name) -> anyhow::Result<Departure> {
        let kept_password = self.kept_password(name).is_some();
        let client_certificate = self.client_certificate(name)?.is_some();
        let file = self.password_file()?;
        let has_password = kept_password || file.lookup(name.as_str()).is_some();
        let farewell = match self.people.clone().part_with(name) {
            Ok(farewell) => Some(farewell),
            Err(_) if has_password || client_certificate => None,
            Err(fault) => return Err(fault.into()),
        };
        Ok(Departure {
            farewell,
            kept_password,
            client_certificate,
        })
    }

    /// Removes a person, of whom `departure` was said: `people.yaml` first, since whoever is not in it can't log in, whatever a
    /// crash leaves of the rest. A client certificate is revoked by whoever calls this, before:
    /// that may need a passphrase.
    pub fn remove_person(&mut self, name: &Name, departure: &Departure) -> anyhow::Result<()> {
        // First: a list of a host with a name that nobody has would be an error.
        if let Some(text) = edit_config::remove_person(&self.read("site.yaml")?, name)? {
            let path = self.root.join("site.yaml");
            fsio::write_atomic(&path, text.as_bytes(), Access::Public)?;
            self.config = inspect::config(&self.root)?;
        }
        if departure.farewell.is_some() {
            self.change_people(|people| people.part_with(name))?;
        }
        let mut file = self.password_file()?;
        if file.remove(name.as_str()) {
            let path = self.root.join("passwd");
            fsio::write_atomic(&path, file.to_string().as_bytes(), Access::Private)?;
        }
        passwords::forget(&self.root.join("passwords"), name)
            .context("the person is removed, but not the kept password")?;
        Ok(())
    }

    /// A remark if `device` is not among the devices that `name` has by name, which is legal, but
    /// often a slip.
    pub fn doubt(&self, name: &Name, device: &Name) -> Option<String> {
        let known = &self.people.people.get(name)?.devices;
        if known.is_empty() || known.contains(device) {
            return None;
        }
        let text = format!("people.yaml has no device {device} of {name}");
        let near = nearest(device.as_str(), known.iter().map(Name::as_str));
        Some(near.map_or(text.clone(), |near| format!("{text}; did you mean {near}?")))
    }
}
