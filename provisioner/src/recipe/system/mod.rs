//! What a recipe says of the operating system: a room for each subject, with what is written and what it comes
//! to side by side. No room looks at a base or a site.

mod boot;
pub(in crate::recipe) mod check;
mod country;
mod hidden;
mod locale;
mod login;
mod model;
mod network;
mod ssh;
mod upkeep;
mod wifi;

#[cfg(test)]
mod tests;

pub use boot::{Cmdline, CmdlineRecipe, FirmwareSetting};
pub use hidden::Hidden;
pub use locale::{Keyboard, KeyboardRecipe};
pub(crate) use login::check_hash;
pub use login::{Login, LoginPassword, LoginRecipe, Sudo};
pub use model::{Switch, System, SystemRecipe};
pub use network::{AddressRecipe, Addressing, Method, Network, NetworkRecipe, Prefix};
pub use ssh::{Ssh, SshRecipe};
pub use upkeep::{
    Journal, JournalRecipe, Ntp, NtpRecipe, SdCard, SdCardRecipe, Storage, Swap, Upgrades,
};
pub(crate) use wifi::check_secret;
pub use wifi::{Security, Wifi, WifiNetwork, WifiNetworkRecipe, WifiRecipe, WifiSecret};
