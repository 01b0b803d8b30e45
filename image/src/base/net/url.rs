//! Addresses: what may be shown of them, and what another one is relative to them.

use ureq::http::Uri;

use super::error::NetError;

/// Takes an address apart that can be fetched: `http` or `https`, with a host.
pub(super) fn parse(url: &str) -> Result<Uri, NetError> {
    let fault = || NetError::Url { url: shown(url) };
    let uri: Uri = url.parse().or(Err(fault()))?;
    let usual = matches!(uri.scheme_str(), Some("http" | "https"));
    if !usual || uri.host().is_none_or(str::is_empty) {
        return Err(fault());
    }
    Ok(uri)
}

/// Whether `url` is an address that can be fetched.
pub fn is_address(url: &str) -> bool {
    parse(url).is_ok()
}

/// The address without what may be secret in it, user name, password and query, and without what a
/// terminal would obey.
pub fn shown(url: &str) -> String {
    let url: String = url.chars().filter(|c| !c.is_control()).collect();
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

/// The host that an address names, with its port if it says one; the address itself if it names none.
pub fn host_of(url: &str) -> String {
    let shown = shown(url);
    let host = shown
        .split_once("://")
        .and_then(|(_, rest)| rest.split('/').next());
    host.map_or_else(|| shown.clone(), str::to_owned)
}

/// Where a `Location` leads that a server at `base` sends.
pub(super) fn join(base: &Uri, location: &str) -> String {
    let scheme = base.scheme_str().unwrap_or("https");
    let authority = base.authority().map_or("", |authority| authority.as_str());
    if location.contains("://") {
        location.to_owned()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let folder = base
            .path()
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_neither_password_nor_token_nor_escape() {
        assert_eq!(
            shown("https://me:hunter2@mirror.example:8443/a/b.xz?token=x#y\u{1b}"),
            "https://mirror.example:8443/a/b.xz"
        );
        assert_eq!(
            host_of("https://me:hunter2@mirror.example:8443/a"),
            "mirror.example:8443"
        );
    }

    #[test]
    fn a_location_is_relative_to_where_it_was_sent_from() {
        let base = parse("https://a.example/images/x.xz").unwrap();
        let joined = ["https://b.example/y", "//b.example/y", "/y", "y"].map(|to| join(&base, to));
        assert_eq!(
            joined,
            [
                "https://b.example/y",
                "https://b.example/y",
                "https://a.example/y",
                "https://a.example/images/y"
            ]
        );
    }

    #[test]
    fn only_http_is_fetched() {
        for url in [
            "file:///etc/passwd",
            "ftp://a.example/x",
            "a.example",
            "https://",
            "http:///x",
            "",
        ] {
            assert!(parse(url).is_err(), "{url:?} was taken");
        }
    }
}
