//! Where Raspberry Pi OS comes from: flags and variables.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use image::base::net::{Client, NetConfig, Proxies, is_address, shown};
use image::base::official::{INDEX_URL, Site};

use crate::hint::Fault;

/// What this program calls itself. Some sites let nobody in who doesn't say who he is.
const USER_AGENT: &str = concat!(
    "provision/",
    env!("CARGO_PKG_VERSION"),
    " (builder of card images)"
);

/// Where Raspberry Pi OS comes from.
///
/// Beside these, the variables count that other programs know: `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`,
/// and `SSL_CERT_FILE` for authorities to trust instead of the system's.
#[derive(Debug, Args)]
pub struct NetArgs {
    /// The index of images [default: the one of Raspberry Pi Imager].
    #[arg(
        long,
        value_name = "URL",
        env = "PROVISION_INDEX_URL",
        hide_env_values = true
    )]
    index_url: Option<String>,
    /// A mirror of the images: it takes the place of scheme and host in their addresses.
    #[arg(
        long,
        value_name = "URL",
        env = "PROVISION_IMAGE_MIRROR",
        hide_env_values = true
    )]
    image_mirror: Option<String>,
}

impl NetArgs {
    /// The site that they name. Nothing is fetched yet.
    pub fn site(&self) -> anyhow::Result<Site> {
        let config = NetConfig {
            user_agent: USER_AGENT.to_owned(),
            proxies: Proxies::from_variables(|name| std::env::var(name).ok()),
            authorities: std::env::var_os("SSL_CERT_FILE")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            ..NetConfig::default()
        };
        let client = Client::new(&config)
            .map_err(image::Error::from)
            .context("setting up the network")?;
        let index = named(self.index_url.as_deref(), "--index-url")?;
        let index = index.unwrap_or_else(|| INDEX_URL.to_owned());
        Ok(Site::new(
            client,
            index,
            named(self.image_mirror.as_deref(), "--image-mirror")?,
        ))
    }
}

/// An address that was named. A variable that is set to nothing is as good as none.
fn named(url: Option<&str>, flag: &str) -> Result<Option<String>, Fault> {
    match url.filter(|url| !url.is_empty()) {
        Some(url) if !is_address(url) => {
            let text = format!("{flag} {}: that is no address", shown(url));
            Err(Fault::input(text).hint("it begins with https:// or http://, and a host follows"))
        }
        url => Ok(url.map(str::to_owned)),
    }
}
