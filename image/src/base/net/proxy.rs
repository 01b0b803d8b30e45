//! Which proxy a request goes through.

use std::fmt;

use ureq::Proxy;
use ureq::http::Uri;

use super::error::NetError;
use super::url::shown;

/// Proxies as the usual variables name them: `https_proxy`, `http_proxy`, `all_proxy`, `no_proxy`.
///
/// A proxy must let `CONNECT` through, to the port of the site. Its address may hold a password, so `Debug` and
/// errors show its host only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For addresses that begin with `http:`.
    pub http: Option<String>,
    /// For addresses that begin with `https:`.
    pub https: Option<String>,
    /// Hosts that are reached directly, separated by commas: `example.com` (and all below it), an address, `*`.
    pub none: String,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies")
            .field("http", &self.http.as_deref().map(shown))
            .field("https", &self.https.as_deref().map(shown))
            .field("none", &self.none)
            .finish()
    }
}

impl Proxies {
    /// The proxies that `variable` returns the values of, by the usual names. Of `http_proxy` only the lower case
    /// counts: where a program runs below a web server, a visitor chooses `HTTP_PROXY`.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let of = |names: &[&str]| {
            let mut values = names.iter().filter_map(|name| variable(name));
            values.find(|value| !value.trim().is_empty())
        };
        Self {
            http: of(&["http_proxy", "all_proxy", "ALL_PROXY"]),
            https: of(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            none: of(&["no_proxy", "NO_PROXY"]).unwrap_or_default(),
        }
    }

    /// The proxy for `uri`.
    pub(super) fn of(&self, uri: &Uri) -> Result<Option<Proxy>, NetError> {
        let named = match uri.scheme_str() {
            Some("http") => &self.http,
            _ => &self.https,
        };
        let Some(named) = named else { return Ok(None) };
        if self.is_direct(uri.host().unwrap_or_default(), uri.port_u16()) {
            return Ok(None);
        }
        match Proxy::new(named.trim()) {
            Ok(proxy) if !shown(named).starts_with("socks") => Ok(Some(proxy)),
            _ => Err(NetError::Proxy {
                proxy: shown(named),
                what: "it is no address of an HTTP proxy".to_owned(),
            }),
        }
    }

    fn is_direct(&self, host: &str, port: Option<u16>) -> bool {
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        self.none.split([',', ' ']).any(|rule| {
            let rule = rule.trim().to_ascii_lowercase();
            let rule = rule.trim_start_matches("*.").trim_start_matches('.');
            let with_port = port.and_then(|port| rule.strip_suffix(&format!(":{port}")));
            let rule = with_port.unwrap_or(rule).trim_matches(['[', ']']);
            let below = host
                .strip_suffix(rule)
                .is_some_and(|rest| rest.ends_with('.'));
            !rule.is_empty() && (rule == "*" || rule == host || below)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(none: &str) -> Proxies {
        Proxies {
            http: Some("http://me:hunter2@plain.example:3128".to_owned()),
            https: Some("proxy.example:3128".to_owned()),
            none: none.to_owned(),
        }
    }

    fn host(proxies: &Proxies, url: &str) -> Option<String> {
        let proxy = proxies.of(&url.parse().unwrap()).unwrap();
        proxy.map(|proxy| proxy.host().to_owned())
    }

    #[test]
    fn each_scheme_has_its_own_proxy() {
        let proxies = proxies("");
        assert_eq!(
            host(&proxies, "https://a.example/").as_deref(),
            Some("proxy.example")
        );
        assert_eq!(
            host(&proxies, "http://a.example/").as_deref(),
            Some("plain.example")
        );
    }

    #[test]
    fn hosts_that_need_no_proxy_have_none() {
        let proxies = proxies("localhost, 127.0.0.1,.lan,example.org,other.example:8443");
        let direct = |url| host(&proxies, url).is_none();
        for url in [
            "https://localhost/",
            "http://127.0.0.1:80/",
            "https://mirror.lan/",
            "https://example.org/",
            "https://a.EXAMPLE.org/",
            "https://other.example:8443/",
        ] {
            assert!(direct(url), "{url}");
        }
        for url in [
            "https://badexample.org/",
            "https://other.example/",
            "https://a.example/",
        ] {
            assert!(!direct(url), "{url}");
        }
    }

    #[test]
    fn the_password_of_a_proxy_is_not_shown() {
        let text = format!("{:?}", proxies(""));
        assert!(
            !text.contains("hunter2") && text.contains("plain.example"),
            "{text}"
        );
    }

    #[test]
    fn capital_http_proxy_is_not_asked_for() {
        let proxies = Proxies::from_variables(|name| {
            ["HTTP_PROXY", "HTTPS_PROXY"]
                .contains(&name)
                .then(|| "http://p.example".to_owned())
        });
        assert_eq!((proxies.http, proxies.https.is_some()), (None, true));
    }
}
