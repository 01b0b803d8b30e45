//! Where a new password comes from: asked for, read, or made up.

use clap::Args;

use crate::output::Output;
use crate::prompt;
use crate::secret::Secret;
use crate::site::{Name, Password, Site};

/// Where a new password comes from; a question on the terminal if no flag says otherwise.
#[derive(Debug, Args)]
pub struct PasswordArgs {
    /// Read the password from the first line of standard input.
    #[arg(long)]
    password_stdin: bool,
    /// Make up a password, show it once and keep it in the site.
    #[arg(long, conflicts_with = "password_stdin")]
    generate: bool,
}

impl PasswordArgs {
    /// Makes up, reads or asks for the password of `name`.
    pub(super) fn obtain(&self, name: &Name) -> anyhow::Result<Password> {
        let secret = if self.generate {
            Secret::generate()?
        } else if self.password_stdin {
            prompt::password_from_stdin()?
        } else {
            prompt::new_password(name.as_str())?
        };
        Ok(Password {
            secret,
            generated: self.generate,
        })
    }
}

/// Shows a password that was made up, once, and where it is kept.
pub(super) fn tell(site: &Site, name: &Name, password: &Secret, output: &Output) {
    if let Some(path) = site.kept_password(name) {
        output.note(&format!(
            "  password: {}\n  kept in {} (0600)",
            password.expose(),
            path.display()
        ));
    }
}
