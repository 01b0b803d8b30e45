//! How people log in over the network.

use anyhow::Context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::incomplete;
use super::login::Login;
use crate::hint::Fault;
use crate::recipe::layers::layered;

/// What a recipe says of SSH.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SshRecipe {
    /// Whether a password is enough to log in over the network. Without it, a key is needed.
    pub password_login: Option<bool>,
    /// The port.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
}

/// How people log in over the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ssh {
    /// Whether a password is enough.
    pub password_login: bool,
    /// The port.
    pub port: u16,
}

impl SshRecipe {
    pub(super) fn over(self, base: Self) -> Self {
        layered!(self, base: password_login, port)
    }

    pub(super) fn resolve(self, login: &Login) -> anyhow::Result<Ssh> {
        let ssh = Ssh {
            password_login: self
                .password_login
                .context(incomplete("system.ssh.password-login"))?,
            port: self.port.context(incomplete("system.ssh.port"))?,
        };
        if ssh.port == 0 {
            return Err(Fault::input("system.ssh.port: 0 is no port").into());
        }
        if ssh.password_login && login.password.is_none() {
            let text = "system.ssh.password-login: the login user has no password";
            return Err(Fault::input(text)
                .hint("give system.login a `password-file`, or leave password-login out")
                .into());
        }
        Ok(ssh)
    }
}
